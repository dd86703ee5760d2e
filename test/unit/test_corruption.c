/*
 * test_corruption.c: segment files that hold anything: damage is found or harmless, and nothing is read outside the map.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_cases.h"
#include "format.h"
#include "probe.h"
#include "sealed.h"

#define ROWS       300
#define DIMENSIONS 12

typedef struct File {
    char directory[1024];
    char path[2048];
    VecBuildOptions options;
    VecBuildResult result;
    Cases cases;
    uint8_t *bytes;
    size_t length;
    int descriptor;
} File;

static int
setup_type(void **state, VecElementType element_type, VecMetric metric, uint32_t rows)
{
    File *file = calloc(1, sizeof(File));

    assert_non_null(file);
    snprintf(file->directory, sizeof(file->directory), "%s", cases_directory());
    file->cases = cases_make(rows + 1, DIMENSIONS, 15, 4);
    file->options = cases_options(DIMENSIONS, metric, 8);
    file->options.segment.element_type = element_type;
    file->options.segment.m = 4; /* several layers with few rows */
    file->options.segment.ef_construction = 20;
    file->options.segment.key_count = CASES_KEYS;
    file->options.segment.key_ordered = CASES_KEYS_ORDERED;
    memset(cases_row(&file->cases, 17), 0xff, DIMENSIONS * sizeof(float)); /* NaN: an exception */
    file->result = cases_build(file->directory, &file->options, file->cases.vectors, rows);
    cases_publish(file->directory, &file->result);
    snprintf(file->path, sizeof(file->path), "%s/%s", file->directory, file->result.file_name);
    file->descriptor = open(file->path, O_RDWR);
    assert_true(file->descriptor >= 0);
    file->length = file->result.file_bytes;
    file->bytes = malloc(file->length);
    assert_non_null(file->bytes);
    assert_int_equal(pread(file->descriptor, file->bytes, file->length, 0), (ssize_t)file->length);
    *state = file;
    return 0;
}

static int
setup(void **state)
{
    return setup_type(state, VEC_TYPE_F32, VEC_METRIC_L2, ROWS);
}

static int
setup_many(void **state)
{
    return setup_type(state, VEC_TYPE_F32, VEC_METRIC_L2, ROWS * 10);
}

static int
setup_bits(void **state)
{
    return setup_type(state, VEC_TYPE_BIT, VEC_METRIC_JACCARD, ROWS);
}

static int
setup_sparse(void **state)
{
    return setup_type(state, VEC_TYPE_SPARSE, VEC_METRIC_L2, ROWS);
}

static int
teardown(void **state)
{
    File *file = *state;

    close(file->descriptor);
    cases_remove_directory(file->directory);
    cases_free(&file->cases);
    free(file->bytes);
    free(file);
    return 0;
}

static void
put(const File *file, size_t offset, const void *bytes, size_t count)
{
    assert_int_equal(pwrite(file->descriptor, bytes, count, (off_t)offset), (ssize_t)count);
}

/* Opens the index; it must have no segment and one problem of that kind. */
static void
assert_problem(const File *file, VecProblemKind kind)
{
    VecIndex *index = cases_open(file->directory, &file->options);

    assert_int_equal(vec_index_segment_count(index), 0);
    assert_int_equal(vec_index_problem_count(index), 1);
    assert_int_equal(vec_index_problem(index, 0)->kind, kind);
    assert_string_equal(vec_index_problem(index, 0)->file_name, file->result.file_name);
    assert_true(strlen(vec_index_problem(index, 0)->message) > 10);
    vec_index_close(index);
}

static void
every_byte_of_the_header_matters(void **state)
{
    File *file = *state;

    for (size_t i = 0; i < VEC_FORMAT_PAGE_BYTES; i++) {
        uint8_t turned = file->bytes[i] ^ (uint8_t)(1 << (i % 8));

        put(file, i, &turned, 1);
        assert_problem(file, VEC_PROBLEM_CORRUPT);
        put(file, i, &file->bytes[i], 1);
    }
}

static void
any_byte_of_a_section_matters(void **state)
{
    File *file = *state;
    const VecFormatHeader *header = (const VecFormatHeader *)file->bytes;

    for (int s = 0; s < VEC_SECTION_COUNT; s++) {
        const VecFormatSection *section = &header->sections[s];

        for (int i = 0; i < 20 && section->bytes > 0; i++) {
            size_t at = section->offset +
                        (size_t)(cases_uniform(99, (uint64_t)(s * 20 + i)) * (double)section->bytes);
            uint8_t turned = file->bytes[at] ^ 0x80;

            put(file, at, &turned, 1);
            assert_problem(file, VEC_PROBLEM_CORRUPT);
            put(file, at, &file->bytes[at], 1);
        }
    }
}

static void
truncation_is_noticed(void **state)
{
    File *file = *state;
    const VecFormatHeader *header = (const VecFormatHeader *)file->bytes;

    for (int s = -2; s < VEC_SECTION_COUNT; s++) {
        size_t length = s == -2   ? 0
                        : s == -1 ? 100
                                  : header->sections[s].offset + header->sections[s].bytes / 2;

        if (s >= 0 && header->sections[s].bytes == 0)
            continue;
        assert_int_equal(ftruncate(file->descriptor, (off_t)length), 0);
        assert_problem(file, VEC_PROBLEM_CORRUPT);
        assert_int_equal(ftruncate(file->descriptor, (off_t)file->length), 0);
        put(file, 0, file->bytes, file->length);
    }
    assert_int_equal(ftruncate(file->descriptor, (off_t)file->length + 1), 0);
    assert_problem(file, VEC_PROBLEM_CORRUPT);
}

static void
missing_and_foreign_files_are_named_so(void **state)
{
    File *file = *state;
    VecIndexOpenOptions options = cases_open_options(&file->options);
    VecIndex *index;
    VecError error;

    options.expectation.metric = VEC_METRIC_COS;
    assert_int_equal(vec_index_open(file->directory, &options, &vec_allocator_default, &index, &error),
                     VEC_OK);
    assert_int_equal(vec_index_segment_count(index), 0);
    assert_int_equal(vec_index_problem(index, 0)->kind, VEC_PROBLEM_FOREIGN);
    vec_index_close(index);

    /* another sound segment in its place is not the one that the manifest names */
    file->options.seed++;
    VecBuildResult other = cases_build(file->directory, &file->options, file->cases.vectors, ROWS);
    char other_path[2048];
    snprintf(other_path, sizeof(other_path), "%s/%s", file->directory, other.file_name);
    assert_int_equal(rename(other_path, file->path), 0);
    assert_problem(file, VEC_PROBLEM_CORRUPT);
    unlink(file->path);
    assert_problem(file, VEC_PROBLEM_MISSING);
    assert_int_equal(mkdir(file->path, 0700), 0);
    assert_problem(file, VEC_PROBLEM_CORRUPT);
    rmdir(file->path);
}

typedef struct Judge {
    VecVerdict verdict;
    uint32_t calls;
} Judge;

static VecVerdict
judge(void *context, const VecStamp *stamp)
{
    Judge *judge = context;

    assert_int_equal(stamp->instance_nonce, 77);
    judge->calls++;
    return judge->verdict;
}

static void
the_caller_judges_stamps(void **state)
{
    File *file = *state;

    for (int verdict = VEC_VERDICT_USE; verdict <= VEC_VERDICT_REJECT; verdict++) {
        Judge context = {.verdict = (VecVerdict)verdict};
        VecIndexOpenOptions options = cases_open_options(&file->options);
        VecIndex *index;
        VecError error;

        options.accept = judge;
        options.accept_context = &context;
        assert_int_equal(vec_index_open(file->directory, &options, &vec_allocator_default, &index, &error),
                         VEC_OK);
        assert_int_equal(context.calls, 1);
        assert_int_equal(vec_index_segment_count(index), verdict == VEC_VERDICT_USE ? 1 : 0);
        if (verdict != VEC_VERDICT_USE)
            assert_int_equal(vec_index_problem(index, 0)->kind,
                             verdict == VEC_VERDICT_PENDING ? VEC_PROBLEM_PENDING : VEC_PROBLEM_FOREIGN);
        vec_index_close(index);
    }
}

static VecStatus
begin(const File *file, VecProbe *probe)
{
    size_t bytes;
    const void *query = cases_vector(&file->options.segment, cases_row(&file->cases, ROWS), &bytes);

    return vec_probe_begin(probe, query, bytes, &(VecSearchOptions){.ef_search = 10}, 1);
}

/* With a filter: it ends, and gives rows that there are; which, nobody can say. Narrow searches walk, wide ones scan. */
static void
search_filtered(const File *file, VecProbe *probe)
{
    static const uint64_t values[] = {1, 2, 3};
    static const VecCondition conditions[] = {
        {.kind = VEC_CONDITION_RANGE, .key = 0, .width = 1, .low = 0, .high = 60},
        {.kind = VEC_CONDITION_IN, .key = 2, .width = 1, .values = values, .value_count = 3},
        {.kind = VEC_CONDITION_CONTAINS_ALL, .key = 3, .width = 2, .values = values, .value_count = 1},
    };
    uint32_t row_count = probe->segment->codes.row_count;
    size_t bytes;

    for (uint32_t i = 0; i < 6; i++) {
        VecFilter filter = {&conditions[i % 3], 1};
        VecSearchOptions options = {.ef_search = i < 3 ? 1 : 50, .filter = &filter};
        const void *query = cases_vector(&file->options.segment, cases_row(&file->cases, ROWS), &bytes);
        uint64_t given = 0;

        if (vec_probe_begin(probe, query, bytes, &options, 1) != VEC_OK)
            break;
        while (vec_probe_advance(probe, NULL, NULL) == VEC_OK && probe->stage != PROBE_DONE) {
            for (; probe->ready_next < probe->ready_count; probe->ready_next++, given++)
                assert_true(vec_walk_key_node(probe->walk.pool[probe->ready_next]) < row_count);
        }
        vec_probe_end(probe);
        assert_true(given <= (uint64_t)row_count * 3);
    }
}

/* A verified file is not read as a whole again: that damage is found by vec_index_verify, and searches survive it. */
static void
bodies_may_lie_in_a_search(void **state)
{
    File *file = *state;
    const VecFormatHeader *header = (const VecFormatHeader *)file->bytes;
    VecSealed sealed;
    VecError error;

    for (int s = 0; s < VEC_SECTION_COUNT; s++) {
        const VecFormatSection *section = &header->sections[s];

        for (uint64_t round = 0; round < 30 && section->bytes > 0; round++) {
            uint64_t seed = (uint64_t)s * 1000 + round;

            for (size_t i = 0; i < 1 + section->bytes / 8; i++) { /* much of the section becomes noise */
                size_t at = section->offset + (size_t)(cases_uniform(seed, 2 * i) * (double)section->bytes);
                uint8_t noise = (uint8_t)(256 * cases_uniform(seed, 2 * i + 1));

                put(file, at, &noise, 1);
            }
            if (vec_sealed_open(&sealed, file->directory, file->result.file_name, &vec_allocator_default,
                                &error) == VEC_OK) {
                VecProbe *probe;
                uint64_t given = 0;

                assert_int_equal(vec_sealed_verify(&sealed, NULL, NULL, &error), VEC_CORRUPT);
                (void)!vec_sealed_validate(&sealed, NULL, NULL, NULL, &error);
                assert_int_equal(vec_probe_create(&sealed, &vec_allocator_default, &probe), VEC_OK);
                for (uint32_t q = 0; q < 3; q++) {
                    given = 0;
                    if (begin(file, probe) != VEC_OK)
                        break; /* a mean beyond measure: no code can represent the query */
                    while (vec_probe_advance(probe, NULL, NULL) == VEC_OK && probe->stage != PROBE_DONE) {
                        given += probe->ready_count;
                        probe->ready_next = probe->ready_count;
                    }
                    vec_probe_end(probe);
                    assert_int_equal(given, header->rows_coded);
                }
                search_filtered(file, probe);
                vec_probe_free(probe);
            }
            vec_sealed_close(&sealed);
            put(file, section->offset, file->bytes + section->offset, section->bytes);
        }
    }
}

/* Somebody computed the right checksum over wrong numbers: nothing is allocated or read by them unchecked. */
static void
headers_may_lie_under_a_right_checksum(void **state)
{
    File *file = *state;
    uint8_t page[VEC_FORMAT_PAGE_BYTES];
    VecFormatHeader *header = (VecFormatHeader *)page;
    uint32_t opened = 0;

    for (uint64_t round = 0; round < 20000; round++) {
        static const uint64_t values[] = {0,          1,          2,          0x7fffffff,
                                          0x80000000, 0xffffffff, UINT64_MAX, UINT64_MAX / 16 + 1};
        size_t words = offsetof(VecFormatHeader, checksum) / sizeof(uint32_t);
        size_t word = (size_t)(cases_uniform(5, 3 * round) * (double)words);
        uint64_t value = values[(size_t)(cases_uniform(5, 3 * round + 1) * 8)];
        bool wide = cases_uniform(5, 3 * round + 2) < 0.5;
        VecSealed sealed;
        VecError error;

        memcpy(page, file->bytes, sizeof(page));
        memcpy(page + word * sizeof(uint32_t), &value, wide && word + 1 < words ? 8 : 4);
        header->checksum = vec_format_header_checksum(page);
        put(file, 0, page, sizeof(page));
        if (vec_sealed_open(&sealed, file->directory, file->result.file_name, &vec_allocator_default,
                            &error) == VEC_OK) {
            VecProbe *probe;

            opened++;
            assert_int_equal(vec_probe_create(&sealed, &vec_allocator_default, &probe), VEC_OK);
            if (begin(file, probe) == VEC_OK)
                assert_int_equal(vec_probe_advance(probe, NULL, NULL), VEC_OK);
            vec_probe_end(probe);
            vec_probe_free(probe);
        } else {
            assert_int_equal(error.status, VEC_CORRUPT);
        }
        vec_sealed_close(&sealed);
    }
    /* some fields are opaque to the engine, so some lies pass; most must not */
    assert_in_range(opened, 100, 15000);
}

/* Puts a file out of the system's memory. False: its file system has no other place for it. */
static bool
forget(const File *file)
{
    unsigned char is_there = 1;
    void *map = mmap(NULL, file->length, PROT_READ, MAP_SHARED, file->descriptor, 0);

    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(fsync(file->descriptor), 0);
    assert_int_equal(posix_fadvise(file->descriptor, 0, 0, POSIX_FADV_DONTNEED), 0);
    assert_int_equal(mincore(map, 1, &is_there), 0);
    munmap(map, file->length);
    return (is_there & 1) == 0;
}

/* What was verified when it was written may have changed on the disk since: a file that comes from there is verified anew. */
static void
a_cold_file_is_verified_anew(void **state)
{
    File *file = *state;
    const VecFormatHeader *header = (const VecFormatHeader *)file->bytes;
    size_t at = header->sections[VEC_SECTION_CODES].offset;
    uint8_t other = file->bytes[at] ^ 1;
    VecIndexOpenOptions options = cases_open_options(&file->options);
    VecIndex *index;
    VecError error;

    assert_int_equal(
        vec_control_open(file->directory, true, &vec_allocator_default, &options.control, &error), VEC_OK);
    put(file, at, &other, 1);
    vec_control_remember_verified(options.control, file->descriptor);
    for (int is_cold = 0; is_cold <= 1; is_cold++) {
        if (is_cold && !forget(file))
            break;
        assert_int_equal(vec_index_open(file->directory, &options, &vec_allocator_default, &index, &error),
                         VEC_OK);
        assert_int_equal(vec_index_segment_count(index), is_cold ? 0 : 1);
        assert_int_equal(vec_index_problem_count(index), is_cold ? 1 : 0);
        vec_index_close(index);
    }
    vec_control_close(options.control);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_byte_of_the_header_matters, setup, teardown),
        cmocka_unit_test_setup_teardown(any_byte_of_a_section_matters, setup, teardown),
        cmocka_unit_test_setup_teardown(truncation_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cold_file_is_verified_anew, setup_many, teardown),
        cmocka_unit_test_setup_teardown(missing_and_foreign_files_are_named_so, setup, teardown),
        cmocka_unit_test_setup_teardown(the_caller_judges_stamps, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_may_lie_in_a_search, setup, teardown),
        cmocka_unit_test_setup_teardown(headers_may_lie_under_a_right_checksum, setup, teardown),
        cmocka_unit_test_setup_teardown(any_byte_of_a_section_matters, setup_bits, teardown),
        cmocka_unit_test_setup_teardown(bodies_may_lie_in_a_search, setup_bits, teardown),
        cmocka_unit_test_setup_teardown(headers_may_lie_under_a_right_checksum, setup_bits, teardown),
        cmocka_unit_test_setup_teardown(any_byte_of_a_section_matters, setup_sparse, teardown),
        cmocka_unit_test_setup_teardown(truncation_is_noticed, setup_sparse, teardown),
        cmocka_unit_test_setup_teardown(bodies_may_lie_in_a_search, setup_sparse, teardown),
        cmocka_unit_test_setup_teardown(headers_may_lie_under_a_right_checksum, setup_sparse, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
