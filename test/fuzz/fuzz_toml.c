/*
 * fuzz_toml.c: any bytes as options: the reader comes to an end, within its limits, with proper events or a proper error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static void
check_event(const VecTomlEvent *event, size_t size)
{
    char path[64];

    REQUIRE(event->line >= 1 && event->line <= size && event->column >= 1 && event->column <= size);
    REQUIRE(event->depth >= 1 && event->depth <= VEC_TOML_DEPTH_MAX);
    for (uint32_t i = 0; i < event->depth; i++)
        REQUIRE(strlen(event->path[i]) < VEC_TOML_KEY_BYTES_MAX);
    REQUIRE(strlen(vec_toml_path(event, path, sizeof(path))) < sizeof(path));
    if (event->kind == VEC_TOML_STRING)
        REQUIRE(event->string_bytes <= VEC_TOML_STRING_BYTES_MAX &&
                strlen(event->string) == event->string_bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VecTomlReader reader;
    VecTomlEvent event;
    VecError error = {0};
    VecStatus status;
    int event_count = 0;

    vec_toml_begin(&reader, (const char *)data, size);
    while ((status = vec_toml_next(&reader, &event, &error)) == VEC_OK && event.kind != VEC_TOML_END) {
        check_event(&event, size);
        REQUIRE(++event_count <= VEC_TOML_KEYS_MAX);
    }
    REQUIRE(status == VEC_OK || (status == VEC_INVALID && strncmp(error.message, "line ", 5) == 0));
    return 0;
}
