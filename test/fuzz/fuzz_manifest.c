/*
 * fuzz_manifest.c: any bytes as manifest, their checksum put right if the first bit says so: reading refuses them or gives
 * entries that are sorted, sound and name nothing outside the directory.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "format.h"
#include "vectors/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static char directory[64];
static char path[96];

static void
remove_directory(void)
{
    (void)unlink(path);
    (void)rmdir(directory);
}

static void
write_manifest(const uint8_t *bytes, size_t size)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    REQUIRE(descriptor >= 0 && write(descriptor, bytes, size) == (ssize_t)size);
    close(descriptor);
}

static void
fix_checksum(uint8_t *bytes, size_t size)
{
    const size_t offset = offsetof(VecFormatManifestHeader, checksum);
    uint64_t checksum;

    memset(bytes + offset, 0, sizeof(checksum));
    checksum = XXH3_64bits(bytes, size);
    memcpy(bytes + offset, &checksum, sizeof(checksum));
}

static void
check_entries(const VecManifest *manifest)
{
    REQUIRE(manifest->entry_count <= VEC_MANIFEST_ENTRIES_MAX);
    for (uint32_t i = 0; i < manifest->entry_count; i++) {
        const VecManifestEntry *entry = &manifest->entries[i];

        REQUIRE(memchr(entry->file_name, '\0', sizeof(entry->file_name)) != NULL);
        REQUIRE(strchr(entry->file_name, '/') == NULL && entry->file_name[0] != '.' &&
                entry->file_name[0] != '\0');
        REQUIRE(entry->stamp.position_from <= entry->stamp.position_to);
        REQUIRE(i == 0 || entry->stamp.position_from >= entry[-1].stamp.position_from);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VecManifest manifest;
    VecError error = {0};
    uint8_t *bytes;
    VecStatus status;

    if (directory[0] == '\0') {
        strcpy(directory, "/tmp/fuzz_manifest.XXXXXX");
        REQUIRE(mkdtemp(directory) != NULL);
        snprintf(path, sizeof(path), "%s/%s", directory, VEC_MANIFEST_NAME);
        atexit(remove_directory);
    }
    if (size == 0)
        return 0;
    bytes = malloc(size);
    REQUIRE(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if ((data[0] & 1) && size - 1 >= sizeof(VecFormatManifestHeader))
        fix_checksum(bytes, size - 1);
    write_manifest(bytes, size - 1);
    status = vec_manifest_read(directory, &vec_allocator_default, &manifest, &error);
    REQUIRE(status == VEC_OK ||
            (status == VEC_CORRUPT && error.message[0] != '\0' && manifest.entry_count == 0));
    if (status == VEC_OK)
        check_entries(&manifest);
    vec_manifest_free(&manifest);
    free(bytes);
    return 0;
}
