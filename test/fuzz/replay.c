/*
 * replay.c: gives a fuzz target its corpus, test/fuzz/corpus/<name> for a program called fuzz_<name>, as an ordinary test.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long size;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 ||
        fseek(file, 0, SEEK_SET) != 0 || (data = malloc((size_t)size + 1)) == NULL) {
        perror(path);
        exit(1);
    }
    /* A block of exactly the input's size, so that the sanitizer sees a look beyond it. */
    if (size > 0)
        data = realloc(data, (size_t)size);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    printf("[ RUN      ] %s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    printf("[       OK ] %s\n", path);
    free(data);
}

int
main(int argc, char **argv)
{
    const char *name = strstr(argv[0], "fuzz_");
    char directory[256];
    struct dirent **entries;
    int entry_count;
    int replayed = 0;

    for (const char *next = name; next != NULL; next = strstr(next + 1, "fuzz_"))
        name = next;
    if (name == NULL)
        return 1;
    snprintf(directory, sizeof(directory), "test/fuzz/corpus/%s", name + strlen("fuzz_"));
    entry_count = scandir(directory, &entries, NULL, alphasort);
    for (int i = 0; i < entry_count; i++) {
        char path[1024];

        snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            replay(path);
            replayed++;
        }
        free(entries[i]);
    }
    if (entry_count >= 0)
        free(entries);
    if (replayed == 0)
        fprintf(stderr, "%s: nothing to replay\n", directory);
    return replayed == 0;
}
