/*
 * fuzz_segment.c: a sound segment file with some of its bytes changed and, so that the change is not simply noticed, its
 * checksums put right: opening says what is wrong, or a search gives every row exactly once and nothing reads beyond the map;
 * a search with a filter ends, and gives rows that there are.
 *
 * Input: a byte of flags, then changes of four bytes each: where (24 bits, modulo the file's length) and what to xor with.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "format.h"
#include "memory.h"
#include "probe.h"
#include "sealed.h"
#include "vectors/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DIMENSIONS       6
#define ROWS             400
#define KEYS             3 /* two of them ordered, in the variants of floats and of flat segments */
#define SHAPED_BYTES_MAX (DIMENSIONS * 8)
#define VARIANTS         6
#define FIX_SECTIONS     0x04 /* flags: two bits choose the variant, then these */
#define FIX_HEADER       0x08
#define CUT_FILE         0x10
#define BITS             0x20 /* these three instead of the variant */
#define SPARSE           0x40
#define LISTS            0x80 /* codes of residuals, too */

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

typedef struct Sound {
    uint8_t *bytes;
    size_t size;
} Sound;

/* The vector as its element type wants it; lives until the next call. */
static const void *
shape(VecElementType element_type, const float *vector, size_t *bytes)
{
    static uint32_t indexes[2 * DIMENSIONS];
    static uint8_t bits[1];
    uint32_t count = 0;

    *bytes = DIMENSIONS * sizeof(float);
    if (element_type == VEC_TYPE_BIT) {
        *bytes = 1;
        for (bits[0] = 0; count < DIMENSIONS; count++)
            bits[0] |= (uint8_t)((vector[count] > 0) << count);
        return bits;
    }
    if (element_type != VEC_TYPE_SPARSE)
        return vector;
    for (uint32_t i = 0; i < DIMENSIONS; i++)
        if (!(vector[i] <= 0))
            indexes[count++] = i;
    for (uint32_t i = 0; i < count; i++)
        memcpy(&indexes[count + i], &vector[indexes[i]], sizeof(float));
    *bytes = count * (sizeof(uint32_t) + sizeof(float));
    return indexes;
}

static void
fill(float *vector, uint64_t row)
{
    for (uint32_t i = 0; i < DIMENSIONS; i++)
        vector[i] = sinf((float)(row * DIMENSIONS + i));
}

static void
make_sound(int variant, const char *directory, Sound *sound)
{
    VecBuildOptions options = {.segment = vec_segment_options_default,
                               .thread_count = 1,
                               .seed = 7,
                               .memory_bytes_max = UINT64_C(1) << 30};
    VecStamp stamp = {.instance_nonce = 1, .position_to = ROWS};
    VecBuildResult result;
    VecBuild *build;
    float vector[DIMENSIONS];
    size_t bytes;
    char path[512];
    FILE *file;

    options.segment.dimensions = DIMENSIONS;
    options.segment.metric = variant == 0 ? VEC_METRIC_L2 : variant == 1 ? VEC_METRIC_COS : VEC_METRIC_DOT;
    options.segment.kind = variant == 2   ? VEC_SEGMENT_FLAT
                           : variant == 5 ? VEC_SEGMENT_IVF
                                          : VEC_SEGMENT_HNSW;
    options.segment.is_residual = variant == 5;
    options.segment.quantization_bits = variant == 1 ? 4 : 8;
    options.segment.element_type = variant == 3   ? VEC_TYPE_BIT
                                   : variant == 4 ? VEC_TYPE_SPARSE
                                                  : VEC_TYPE_F32;
    if (variant == 3)
        options.segment.metric = VEC_METRIC_JACCARD;
    options.vector_bytes_max = ROWS * SHAPED_BYTES_MAX;
    options.segment.m = 4;
    options.segment.ef_construction = 20;
    options.segment.key_count = variant == 0 || variant == 2 ? KEYS : 0;
    options.segment.key_ordered = variant == 0 || variant == 2 ? 3 : 0;
    REQUIRE(vec_build_begin(&options, directory, ROWS, &vec_allocator_default, &build, NULL) == VEC_OK);
    for (uint64_t row = 0; row < ROWS && vec_build_wants_sample(build); row++) {
        fill(vector, row);
        vec_build_sample(build, vector, sizeof(vector));
    }
    REQUIRE(vec_build_train(build, NULL, NULL, NULL) == VEC_OK);
    for (uint64_t row = 0; row < ROWS; row++) {
        VecRowId id = {.position = row};

        fill(vector, row);
        if (row % 100 == 50)
            vector[0] = NAN;
        const void *shaped = shape(options.segment.element_type, vector, &bytes);
        bool is_null = row % 100 == 99;
        uint64_t words[KEYS] = {row % 10, row / 7, row * row};
        VecKeys keys = {.keys = words, .nulls = row % 11 == 0};
        REQUIRE(vec_build_add(build, &id, options.segment.key_count > 0 ? &keys : NULL,
                              is_null ? NULL : shaped, is_null ? 0 : bytes, NULL) == VEC_OK);
    }
    REQUIRE(vec_build_graph(build, NULL, NULL, NULL) == VEC_OK);
    REQUIRE(vec_build_finish(build, &stamp, NULL, NULL, &result, NULL) == VEC_OK);
    vec_build_free(build);

    snprintf(path, sizeof(path), "%s/%s", directory, result.file_name);
    sound->size = (size_t)result.file_bytes;
    sound->bytes = malloc(sound->size);
    file = fopen(path, "rb");
    REQUIRE(sound->bytes != NULL && file != NULL && fread(sound->bytes, 1, sound->size, file) == sound->size);
    fclose(file);
    REQUIRE(unlink(path) == 0);
}

/* The checksums that the writer of such a file would have computed. */
static void
fix_checksums(uint8_t *bytes, size_t size, uint8_t flags)
{
    VecFormatHeader header;

    memcpy(&header, bytes, sizeof(header));
    for (int i = 0; (flags & FIX_SECTIONS) && i < VEC_SECTION_COUNT; i++) {
        VecFormatSection *section = &header.sections[i];

        if (section->offset <= size && section->bytes <= size - section->offset)
            section->checksum = XXH3_64bits(bytes + section->offset, section->bytes);
    }
    memcpy(bytes, &header, sizeof(header));
    header.checksum = vec_format_header_checksum(bytes);
    if (flags & FIX_HEADER)
        memcpy(bytes, &header, sizeof(header));
}

/* Whatever the graph says, every coded row comes once; lists are believed, as far as they name rows that there are. */
static void
search_all(const VecSealed *sealed)
{
    static const float query[DIMENSIONS] = {0.5f, -0.25f, 0.125f, 1.0f, 0.0f, -1.0f};
    uint64_t *seen = calloc(VEC_BITSET_WORDS(sealed->codes.row_count) + 1, sizeof(uint64_t));
    uint64_t given = 0, given_max = sealed->codes.row_count * (uint64_t)(sealed->header.lists + 1);
    bool has_lists = sealed->options.kind == VEC_SEGMENT_IVF;
    VecProbe *probe;
    size_t bytes;
    const void *shaped = shape(sealed->options.element_type, query, &bytes);

    REQUIRE(seen != NULL && vec_probe_create(sealed, &vec_allocator_default, &probe) == VEC_OK);
    const VecSearchOptions options = {.ef_search = 10};

    if (sealed->header.dimensions == DIMENSIONS &&
        vec_probe_begin(probe, shaped, bytes, &options, 1) == VEC_OK) {
        for (;;) {
            REQUIRE(vec_probe_advance(probe, NULL, NULL) == VEC_OK);
            if (probe->stage == PROBE_DONE)
                break;
            uint32_t row = vec_walk_key_node(probe->walk.pool[probe->ready_next++]);
            REQUIRE(row < sealed->codes.row_count && (has_lists || !vec_bitset_test(seen, row)));
            vec_bitset_set(seen, row);
            REQUIRE(++given <= given_max);
        }
        REQUIRE(has_lists || given == sealed->codes.row_count);
        vec_probe_end(probe);
    }
    vec_probe_free(probe);
    free(seen);
}

/* By an order, by tests alone, and both; ef 1 walks where ef 10 scans. */
static void
search_selected(const VecSealed *sealed)
{
    static const float query[DIMENSIONS] = {0.5f, -0.25f, 0.125f, 1.0f, 0.0f, -1.0f};
    static const uint64_t values[] = {0, 3, 57};
    static const VecCondition conditions[] = {
        {.kind = VEC_CONDITION_RANGE, .key = 0, .width = 1, .low = 2, .high = 8},
        {.kind = VEC_CONDITION_CONTAINS_ANY, .key = 1, .width = 2, .values = values, .value_count = 1},
        {.kind = VEC_CONDITION_IN, .key = 1, .width = 1, .values = values, .value_count = 3},
        {.kind = VEC_CONDITION_IS_NULL, .key = 0, .width = 1},
    };
    VecProbe *probe;

    REQUIRE(vec_probe_create(sealed, &vec_allocator_default, &probe) == VEC_OK);
    for (uint32_t i = 0; i < 8; i++) {
        VecFilter filter = {conditions + i % 4, i % 4 == 3 ? 1 : 1 + i % 2};
        const VecSearchOptions options = {.ef_search = i < 4 ? 1 : 10, .filter = &filter, .wanted = i * 3};
        uint64_t given = 0;

        if (!vec_filter_is_valid(&filter, sealed->keys.key_count) ||
            sealed->header.dimensions != DIMENSIONS ||
            vec_probe_begin(probe, query, sizeof(query), &options, 1) != VEC_OK)
            continue;
        for (;;) {
            REQUIRE(vec_probe_advance(probe, NULL, NULL) == VEC_OK);
            if (probe->stage == PROBE_DONE)
                break;
            REQUIRE(vec_walk_key_node(probe->walk.pool[probe->ready_next++]) < sealed->codes.row_count);
            given++;
        }
        REQUIRE(given <= 3 * (uint64_t)sealed->codes.row_count);
        vec_probe_end(probe);
    }
    vec_probe_free(probe);
}

static void
try_file(const uint8_t *bytes, size_t size)
{
    VecError error = {0};
    VecSealed sealed;
    char name[16];
    int descriptor = memfd_create("segment", MFD_CLOEXEC);
    VecStatus status;

    REQUIRE(descriptor >= 0 && write(descriptor, bytes, size) == (ssize_t)size);
    snprintf(name, sizeof(name), "%d", descriptor);
    status = vec_sealed_open(&sealed, "/proc/self/fd", name, &vec_allocator_default, &error);
    REQUIRE(status == VEC_OK || (status == VEC_CORRUPT && error.message[0] != '\0'));
    if (status == VEC_OK) {
        (void)!vec_sealed_verify(&sealed, NULL, NULL, &error);
        status = vec_sealed_validate(&sealed, NULL, NULL, NULL, &error);
        REQUIRE(status == VEC_OK || status == VEC_CORRUPT);
        search_all(&sealed);
        if (sealed.options.element_type == VEC_TYPE_F32)
            search_selected(&sealed);
    }
    vec_sealed_close(&sealed);
    close(descriptor);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Sound sound[VARIANTS];
    char directory[] = "/tmp/fuzz_segment.XXXXXX";
    uint8_t *bytes;
    uint8_t flags;

    if (sound[0].bytes == NULL) {
        REQUIRE(mkdtemp(directory) != NULL);
        for (int i = 0; i < VARIANTS; i++)
            make_sound(i, directory, &sound[i]);
        REQUIRE(rmdir(directory) == 0);
    }
    if (size == 0)
        return 0;
    flags = data[0];

    const Sound *chosen = &sound[flags & BITS ? 3 : flags & SPARSE ? 4 : flags & LISTS ? 5 : flags % 4 % 3];
    size_t file_size = chosen->size;
    bytes = malloc(file_size);
    REQUIRE(bytes != NULL);
    memcpy(bytes, chosen->bytes, file_size);
    for (size_t i = 1; i + 4 <= size; i += 4) {
        size_t offset = (size_t)data[i] | (size_t)data[i + 1] << 8 | (size_t)data[i + 2] << 16;

        bytes[offset % file_size] ^= data[i + 3];
    }
    if ((flags & CUT_FILE) && size >= 4)
        file_size = ((size_t)data[1] | (size_t)data[2] << 8 | (size_t)data[3] << 16) % (file_size + 1);
    if (file_size >= sizeof(VecFormatHeader))
        fix_checksums(bytes, file_size < VEC_FORMAT_PAGE_BYTES ? VEC_FORMAT_PAGE_BYTES : file_size, flags);
    try_file(bytes, file_size);
    free(bytes);
    return 0;
}
