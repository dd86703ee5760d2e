/*
 * test_build.c: building a segment: determinism, interruption at every poll, failure of every allocation, disk full, both kinds
 * of work area, and nothing left behind.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fallocate */
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_cases.h"

#define ROWS         600
#define DIMENSIONS   24
#define VECTOR_BYTES (DIMENSIONS * sizeof(float))

static Cases cases;

static int
setup(void **state)
{
    (void)state;
    cases = cases_make(ROWS, DIMENSIONS, 30, 2);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    cases_free(&cases);
    return 0;
}

static VecBuildOptions
small_options(void)
{
    VecBuildOptions options = cases_options(DIMENSIONS, VEC_METRIC_L2, 8);

    options.segment.ef_construction = 30;
    options.segment.m = 8;
    return options;
}

static size_t
read_file(const char *directory, const char *name, uint8_t **bytes)
{
    char path[4096];
    struct stat file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int descriptor = open(path, O_RDONLY);
    assert_true(descriptor >= 0);
    assert_int_equal(fstat(descriptor, &file), 0);
    *bytes = malloc((size_t)file.st_size);
    assert_non_null(*bytes);
    assert_int_equal(read(descriptor, *bytes, (size_t)file.st_size), file.st_size);
    close(descriptor);
    return (size_t)file.st_size;
}

static uint32_t
count_files(const char *directory)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    uint32_t count = 0;

    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

static void
assert_usable(const char *directory, const VecBuildOptions *options, const VecBuildResult *result,
              uint64_t reachable)
{
    VecSegmentHealth health;
    VecError error;

    cases_publish(directory, result);
    VecIndex *index = cases_open(directory, options);
    if (vec_index_problem_count(index) > 0)
        fail_msg("%s", vec_index_problem(index, 0)->message);
    assert_int_equal(vec_index_segment_count(index), 1);
    if (vec_index_validate(index, 0, NULL, NULL, &health, &error) != VEC_OK)
        fail_msg("%s", error.message);
    assert_true(health.rows_reachable >= reachable);
    vec_index_close(index);
}

static void
same_seed_and_one_thread_give_the_same_bytes(void **state)
{
    VecBuildOptions options = small_options();
    uint8_t *bytes[3];
    size_t sizes[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *directory = cases_directory();

        options.seed = i < 2 ? 5 : 6;
        VecBuildResult result = cases_build(directory, &options, cases.vectors, ROWS);
        sizes[i] = read_file(directory, result.file_name, &bytes[i]);
        cases_remove_directory(directory);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    assert_true(sizes[2] != sizes[0] || memcmp(bytes[2], bytes[0], sizes[0]) != 0);
    for (int i = 0; i < 3; i++)
        free(bytes[i]);
}

/* The same build, without private memory: the graph must be the same. */
static void
work_area_in_the_file_gives_the_same_segment(void **state)
{
    VecBuildOptions options = small_options();
    VecRowId id;
    VecBuild *build;
    VecBuildResult result[2];
    VecError error;
    VecStamp stamp = cases_stamp(ROWS);
    VecCandidate candidates[2][50];

    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *directory = cases_directory();

        options.memory_bytes_max = i == 0 ? UINT64_C(1) << 30 : 0;
        /* more rows are announced than come, and some are NULL: the file has gaps, which must not matter */
        assert_int_equal(
            vec_build_begin(&options, directory, 3 * ROWS, &vec_allocator_default, &build, &error), VEC_OK);
        for (uint32_t row = 0; row < ROWS; row++)
            vec_build_sample(build, cases_row(&cases, row), VECTOR_BYTES);
        assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
        for (uint32_t row = 0; row < ROWS; row++) {
            id = cases_row_id(row);
            assert_int_equal(vec_build_add(build, &id, NULL, row % 10 == 0 ? NULL : cases_row(&cases, row),
                                           row % 10 == 0 ? 0 : VECTOR_BYTES, &error),
                             VEC_OK);
        }
        assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
        assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result[i], &error), VEC_OK);
        vec_build_free(build);
        assert_int_equal(result[i].rows_null, ROWS / 10);
        assert_usable(directory, &options, &result[i], ROWS * 9 / 10 - 5);

        VecIndex *index = cases_open(directory, &options);
        VecSearchOptions search_options = {.ef_search = 50};
        VecSearch *search;
        uint32_t got;
        assert_int_equal(
            vec_search_begin(index, cases_row(&cases, 0), VECTOR_BYTES, &search_options, &search, &error),
            VEC_OK);
        assert_int_equal(vec_search_next(search, candidates[i], 50, &got, &error), VEC_OK);
        assert_int_equal(got, 50);
        vec_search_free(search);
        vec_index_close(index);
        cases_remove_directory(directory);
    }
    for (int j = 0; j < 50; j++) {
        assert_int_equal(candidates[0][j].id.position, candidates[1][j].id.position);
        assert_true(candidates[0][j].estimate == candidates[1][j].estimate);
    }
}

typedef struct Stopper {
    uint64_t polls;
    uint64_t stop_at;
    pthread_t thread;
} Stopper;

static bool
stop_at_poll(void *context, uint64_t rows_done, uint64_t rows_total)
{
    Stopper *stopper = context;

    assert_true(pthread_equal(stopper->thread, pthread_self()));
    assert_true(rows_total == 0 || rows_done <= rows_total);
    return ++stopper->polls == stopper->stop_at;
}

/* Interrupted at poll 1, then 2, 3, … until it was never interrupted: the segment is as sound as any. */
static void
interruption_at_every_poll_loses_nothing(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 2; threads++) {
        VecBuildOptions options = small_options();
        const char *directory = cases_directory();
        Stopper stopper = {.thread = pthread_self()};
        VecStamp stamp = cases_stamp(ROWS);
        VecBuildResult result;
        VecBuild *build;
        VecStatus status;
        VecError error;
        uint32_t stops = 0;

        options.thread_count = threads;
        assert_int_equal(vec_build_begin(&options, directory, ROWS, &vec_allocator_default, &build, &error),
                         VEC_OK);
        assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
        for (uint32_t row = 0; row < ROWS; row++) {
            VecRowId id = cases_row_id(row);

            assert_int_equal(vec_build_add(build, &id, NULL, cases_row(&cases, row), VECTOR_BYTES, &error),
                             VEC_OK);
        }
        do {
            stopper.polls = 0;
            stopper.stop_at = 1 + stops % 7;
            status = vec_build_graph(build, stop_at_poll, &stopper, &error);
            stops += status == VEC_INTERRUPTED;
            assert_true(status == VEC_OK || status == VEC_INTERRUPTED);
        } while (status != VEC_OK);
        assert_true(stops > 10);
        for (stopper.stop_at = 1;; stopper.stop_at++) {
            stopper.polls = 0;
            status = vec_build_finish(build, &stamp, stop_at_poll, &stopper, &result, &error);
            if (status == VEC_OK)
                break;
            assert_int_equal(status, VEC_INTERRUPTED);
        }
        vec_build_free(build);
        assert_int_equal(result.rows_coded, ROWS);
        assert_usable(directory, &options, &result, ROWS - 5);
        cases_remove_directory(directory);
    }
}

static void
abandoned_builds_leave_no_file(void **state)
{
    VecBuildOptions options = small_options();
    const char *directory = cases_directory();
    VecBuild *build;
    VecError error;

    (void)state;
    vec_build_free(NULL);
    assert_int_equal(vec_build_begin(&options, directory, ROWS, &vec_allocator_default, &build, &error),
                     VEC_OK);
    assert_int_equal(count_files(directory), 1);
    vec_build_free(build);
    assert_int_equal(count_files(directory), 0);
    assert_int_equal(vec_build_begin(&options, directory, ROWS, &vec_allocator_default, &build, &error),
                     VEC_OK);
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    vec_build_free(build);
    assert_int_equal(count_files(directory), 0);
    cases_remove_directory(directory);
}

/* One attempt with the k-th allocation failing, each step tried again once; then search and close. True: nothing failed. */
static bool
attempt(const char *directory, CasesAllocator *allocator, bool is_residual)
{
    VecBuildOptions options = small_options();
    VecIndexOpenOptions open_options = {
        .expectation = {.element_type = VEC_TYPE_F32, .metric = VEC_METRIC_L2, .dimensions = DIMENSIONS}};
    VecSearchOptions search_options = {.ef_search = 10};
    VecStamp stamp = cases_stamp(100);
    VecManifest manifest = {0};
    VecControl *control = NULL;
    VecBuild *build = NULL;
    VecIndex *index = NULL;
    VecSearch *search = NULL;
    VecCandidate candidates[64];
    VecBuildResult result;
    VecError error;
    VecStatus status;
    uint32_t got = 1, total = 0;

    options.thread_count = 2;
    options.segment.is_residual = is_residual;
    if (is_residual)
        options.segment.kind = VEC_SEGMENT_IVF;
    if ((status = vec_build_begin(&options, directory, 100, &allocator->allocator, &build, &error)) != VEC_OK)
        goto done;
    vec_build_sample(build, cases_row(&cases, 0), VECTOR_BYTES);
    /* what fails once succeeds the next time: the contract of the steps that can go on */
    status = vec_build_train(build, NULL, NULL, &error);
    if (status == VEC_NO_MEMORY)
        status = vec_build_train(build, NULL, NULL, &error);
    assert_int_equal(status, VEC_OK);
    for (uint32_t row = 0; row < 100; row++) {
        VecRowId id = cases_row_id(row);

        if ((status = vec_build_add(build, &id, NULL, cases_row(&cases, row), VECTOR_BYTES, &error)) !=
            VEC_OK)
            goto done;
    }
    status = vec_build_graph(build, NULL, NULL, &error);
    if (status == VEC_NO_MEMORY)
        status = vec_build_graph(build, NULL, NULL, &error);
    assert_int_equal(status, VEC_OK);
    if ((status = vec_build_finish(build, &stamp, NULL, NULL, &result, &error)) != VEC_OK ||
        (status = vec_control_open(directory, true, &allocator->allocator, &control, &error)) != VEC_OK ||
        (status = vec_control_lock(control, &error)) != VEC_OK ||
        (status = vec_manifest_read(directory, &allocator->allocator, &manifest, &error)) != VEC_OK ||
        (status = vec_manifest_add(&manifest, &result, &error)) != VEC_OK ||
        (status = vec_manifest_publish(&manifest, directory, control, &error)) != VEC_OK ||
        (status = vec_index_open(directory, &open_options, &allocator->allocator, &index, &error)) != VEC_OK)
        goto done;
    assert_int_equal(vec_index_segment_count(index), 1);
    if ((status = vec_index_validate(index, 0, NULL, NULL, NULL, &error)) != VEC_OK ||
        (status = vec_search_begin(index, cases_row(&cases, 0), VECTOR_BYTES, &search_options, &search,
                                   &error)) != VEC_OK)
        goto done;
    while (got > 0) {
        status = vec_search_next(search, candidates, 64, &got, &error);
        if (status == VEC_NO_MEMORY)
            status = vec_search_next(search, candidates, 64, &got, &error);
        assert_int_equal(status, VEC_OK);
        total += got;
    }
    assert_int_equal(total, 100);

done:
    assert_true(status == VEC_OK || status == VEC_NO_MEMORY);
    vec_search_free(search);
    vec_index_close(index);
    vec_manifest_free(&manifest);
    vec_control_close(control);
    vec_build_free(build);
    assert_int_equal(allocator->outstanding, 0);
    return allocator->fail_at > allocator->calls;
}

static void
every_allocation_may_fail(void **state)
{
    (void)state;
    for (int is_residual = 0; is_residual <= 1; is_residual++) {
        bool all = false;

        for (uint64_t fail_at = 1; !all; fail_at++) {
            const char *directory = cases_directory();
            CasesAllocator allocator;

            cases_allocator_init(&allocator, fail_at);
            all = attempt(directory, &allocator, is_residual);
            assert_true(fail_at < 10000);
            cases_remove_directory(directory);
        }
    }
}

static void
options_out_of_range_are_refused(void **state)
{
    const char *directory = cases_directory();
    VecBuild *build;
    VecError error;

    (void)state;
#define REFUSED(change)                                                                                      \
    do {                                                                                                     \
        VecBuildOptions options = small_options();                                                           \
        change;                                                                                              \
        assert_int_equal(vec_build_begin(&options, directory, 10, &vec_allocator_default, &build, &error),   \
                         VEC_INVALID);                                                                       \
    } while (0)
    REFUSED(options.segment.dimensions = 0);
    REFUSED(options.segment.dimensions = 65536);
    REFUSED(options.segment.m = 3);
    REFUSED(options.segment.m = 129);
    REFUSED(options.segment.ef_construction = 9);
    REFUSED(options.segment.ef_construction = 2001);
    REFUSED(options.segment.quantization_bits = 0);
    REFUSED(options.segment.quantization_bits = 9);
    REFUSED(options.segment.metric = VEC_METRIC_JACCARD);
    REFUSED(options.segment.element_type = VEC_TYPE_BIT);
    REFUSED(options.segment.is_residual = true); /* of a graph */
    REFUSED(options.segment.kind = VEC_SEGMENT_FLAT; options.segment.is_residual = true;
            options.segment.quantization = VEC_QUANTIZATION_TRIVIAL);
    REFUSED(options.thread_count = 0);
#undef REFUSED
    VecBuildOptions options = small_options();
    assert_int_equal(vec_build_begin(&options, directory, VEC_SEGMENT_ROWS_MAX + 1, &vec_allocator_default,
                                     &build, &error),
                     VEC_INVALID);
    assert_int_equal(
        vec_build_begin(&options, "/nonexistent/directory", 10, &vec_allocator_default, &build, &error),
        VEC_NOT_FOUND);
    assert_int_equal(count_files(directory), 0);
    cases_remove_directory(directory);
}

static void
full_disk_is_a_status(void **state)
{
    const char *directory = cases_directory();
    VecBuildOptions options = small_options();
    struct rlimit before, limit;
    VecBuild *build;
    VecError error;

    (void)state;
    options.disk_reserve_bytes = UINT64_C(1) << 60;
    assert_int_equal(vec_build_begin(&options, directory, ROWS, &vec_allocator_default, &build, &error),
                     VEC_NO_SPACE);
    assert_int_equal(count_files(directory), 0);

    options = small_options();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 8192;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    VecStatus status = vec_build_begin(&options, directory, ROWS, &vec_allocator_default, &build, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, VEC_NO_SPACE);
    assert_int_equal(count_files(directory), 0);
    cases_remove_directory(directory);
}

/* Takes the place of the C library's: what is asked for at once, and signals that undo whatever is too long. */
static struct {
    uint64_t calls;
    uint64_t bytes_uninterrupted; /* longer pieces are undone by a signal; 0: none is */
    uint64_t bytes_longest;
    bool are_holes; /* for sizes that a test's disk should not bear */
} allocations;

int
posix_fallocate(int descriptor, off_t offset, off_t bytes)
{
    allocations.calls++;
    if (allocations.bytes_uninterrupted > 0 && (uint64_t)bytes > allocations.bytes_uninterrupted)
        return EINTR;
    if ((uint64_t)bytes > allocations.bytes_longest)
        allocations.bytes_longest = (uint64_t)bytes;
    if (allocations.are_holes)
        return ftruncate(descriptor, offset + bytes) == 0 ? 0 : errno;
    return fallocate(descriptor, 0, offset, bytes) == 0 ? 0 : errno;
}

/* So do these: who writes out how much at a time, and when. */
static struct {
    uint64_t bytes_begun;
    uint64_t bytes_waited;
    uint64_t bytes_begun_at_sync;
    uint32_t msyncs;
} flushes;

int
sync_file_range(int descriptor, off64_t offset, off64_t bytes, unsigned int flags)
{
    (void)descriptor;
    (void)offset;
    *(flags == SYNC_FILE_RANGE_WRITE ? &flushes.bytes_begun : &flushes.bytes_waited) += (uint64_t)bytes;
    return 0;
}

int
fsync(int descriptor)
{
    (void)descriptor;
    flushes.bytes_begun_at_sync = flushes.bytes_begun;
    return 0;
}

int
msync(void *start, size_t bytes, int flags)
{
    (void)start;
    (void)bytes;
    (void)flags;
    flushes.msyncs++;
    return 0;
}

static bool
stop_at_call(void *context, uint64_t rows_done, uint64_t rows_total)
{
    (void)rows_done;
    (void)rows_total;
    return allocations.calls >= *(uint64_t *)context;
}

static void
signals_without_end_do_not_keep_a_build_from_its_space(void **state)
{
    const char *directory = cases_directory();
    VecBuildOptions options = small_options();
    const uint64_t row_count_max = 50000; /* some 10 MB */
    uint64_t calls_max = UINT64_MAX;
    VecBuild *build;
    VecError error = {0};

    (void)state;
    options.should_stop = stop_at_call;
    options.should_stop_context = &calls_max;
    allocations.bytes_uninterrupted = 300000;
    allocations.calls = 0;
    alarm(60); /* or else for ever */
    assert_int_equal(
        vec_build_begin(&options, directory, row_count_max, &vec_allocator_default, &build, &error), VEC_OK);
    alarm(0);
    assert_true(allocations.calls > 30);
    vec_build_free(build);

    /* and cancelling is noticed in between */
    calls_max = 7;
    allocations.calls = 0;
    assert_int_equal(
        vec_build_begin(&options, directory, row_count_max, &vec_allocator_default, &build, &error),
        VEC_INTERRUPTED);
    assert_int_equal(allocations.calls, 7);
    assert_int_equal(count_files(directory), 0);
    allocations.bytes_uninterrupted = 0;
    cases_remove_directory(directory);
}

/* Polls in which nothing says how many rows there are: those outside of the graph's insertions, where the test ends. */
static bool
count_polls(void *context, uint64_t rows_done, uint64_t rows_total)
{
    (void)rows_done;
    if (rows_total > 0)
        return true;
    ++*(uint32_t *)context;
    return false;
}

static bool
count_polls_before_allocation(void *context, uint64_t rows_done, uint64_t rows_total)
{
    (void)rows_done;
    (void)rows_total;
    *(uint32_t *)context += allocations.calls == 0;
    return false;
}

/* 100 ms is the promise: a pass over the rows or their lists is polled every million rows and every 4 MB. */
static void
passes_over_many_rows_are_polled(void **state)
{
    const char *directory = cases_directory();
    VecBuildOptions options = cases_options(1, VEC_METRIC_L2, 8);
    const uint32_t count = 40000;
    uint32_t polls = 0;
    VecBuild *build;
    VecError error = {0};

    (void)state;
    allocations.are_holes = true;
    allocations.calls = 0;
    options.should_stop = count_polls_before_allocation;
    options.should_stop_context = &polls;
    assert_int_equal(vec_build_begin(&options, directory, 5 << 20, &vec_allocator_default, &build, &error),
                     VEC_OK);
    vec_build_free(build);
    assert_in_range(polls, 4, 100);

    options.should_stop = NULL;
    options.segment.m = 128; /* lists of 1 KB: 40 MB to be emptied */
    assert_int_equal(vec_build_begin(&options, directory, count, &vec_allocator_default, &build, &error),
                     VEC_OK);
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    for (uint32_t i = 0; i < count; i++) {
        VecRowId id = cases_row_id(i);
        float vector = (float)i;

        assert_int_equal(vec_build_add(build, &id, NULL, &vector, sizeof(vector), &error), VEC_OK);
    }
    polls = 0;
    assert_int_equal(vec_build_graph(build, count_polls, &polls, &error), VEC_INTERRUPTED);
    assert_in_range(polls, 10, 1000);
    vec_build_free(build);
    allocations.are_holes = false;
    cases_remove_directory(directory);
}

/* By the time of the fsync, which cannot be interrupted, the disk has been at work on all of it. */
static void
a_segment_is_written_out_piece_by_piece(void **state)
{
    (void)state;
    for (int in_file = 0; in_file <= 1; in_file++) {
        const char *directory = cases_directory();
        VecBuildOptions options = cases_options(1000, VEC_METRIC_L2, 8);
        const uint32_t count = 44000; /* 44 MB of codes */
        float vector[1000] = {0};
        VecBuildResult result;
        VecStamp stamp = cases_stamp(count);
        VecBuild *build;
        VecError error = {0};

        options.segment.kind = VEC_SEGMENT_FLAT;
        options.memory_bytes_max = in_file ? 0 : UINT64_MAX;
        assert_int_equal(vec_build_begin(&options, directory, count, &vec_allocator_default, &build, &error),
                         VEC_OK);
        assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
        for (uint32_t i = 0; i < count; i++) {
            VecRowId id = cases_row_id(i);

            vector[i % 1000] = (float)i;
            assert_int_equal(vec_build_add(build, &id, NULL, vector, sizeof(vector), &error), VEC_OK);
        }
        assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
        memset(&flushes, 0, sizeof(flushes));
        assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
        vec_build_free(build);
        assert_true(flushes.bytes_begun_at_sync >= 44000000);
        assert_true(flushes.bytes_waited >= 8000000);
        assert_int_equal(flushes.msyncs, 0);
        cases_remove_directory(directory);
    }
}

/* Bytes of the caller's stack, which is full of what it did before. */
static void
nothing_but_the_result_goes_to_disk(void **state)
{
    const char *directory = cases_directory();
    VecBuildOptions options = small_options();
    VecStamp stamp = cases_stamp(0);
    VecManifest manifest;
    VecBuildResult result;
    VecBuild *build;
    VecError error;

    (void)state;
    memset(&result, 0xaa, sizeof(result));
    assert_int_equal(vec_build_begin(&options, directory, 0, &vec_allocator_default, &build, &error), VEC_OK);
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
    vec_build_free(build);
    for (size_t i = strlen(result.file_name); i < sizeof(result.file_name); i++)
        assert_int_equal(result.file_name[i], 0);

    /* nor when somebody else filled in the name */
    memset(result.file_name + strlen(result.file_name) + 1, 0xaa,
           sizeof(result.file_name) - strlen(result.file_name) - 1);
    assert_int_equal(vec_manifest_read(directory, &vec_allocator_default, &manifest, &error), VEC_OK);
    assert_int_equal(vec_manifest_add(&manifest, &result, &error), VEC_OK);
    for (size_t i = strlen(result.file_name); i < sizeof(result.file_name); i++)
        assert_int_equal(manifest.entries[0].file_name[i], 0);
    vec_manifest_free(&manifest);
    cases_remove_directory(directory);
}

/* A directory whose name leaves room for four characters: the temporary file's path, cut off, is another file's. */
static void
a_path_that_is_too_long_is_nobody_elses(void **state)
{
    const char *directory = cases_directory();
    VecBuildOptions options = small_options();
    char path[4096], part[201], file[4096 + 8];
    size_t length = (size_t)snprintf(path, sizeof(path), "%s", directory), depth = 0;
    VecBuild *build;
    VecError error;

    (void)state;
    memset(part, 'd', sizeof(part));
    while (length < 4090) {
        size_t rest = 4090 - length - 1;
        size_t part_length = rest > sizeof(part) ? sizeof(part) - 1 : rest;

        if (rest > part_length && rest - part_length < 2) /* leaves at least "/d" */
            part_length--;
        length += (size_t)snprintf(path + length, sizeof(path) - length, "/%.*s", (int)part_length, part);
        assert_int_equal(mkdir(path, 0700), 0);
        depth++;
    }
    assert_int_equal(length, 4090);
    snprintf(file, sizeof(file), "%s/pgsq", path);
    int descriptor = open(file, O_WRONLY | O_CREAT, 0600);
    assert_true(descriptor >= 0);
    close(descriptor);
    assert_int_equal(vec_build_begin(&options, path, 10, &vec_allocator_default, &build, &error),
                     VEC_INVALID);
    assert_int_equal(access(file, F_OK), 0);
    unlink(file);
    for (; depth > 0; depth--) {
        assert_int_equal(rmdir(path), 0);
        *strrchr(path, '/') = '\0';
    }
    cases_remove_directory(directory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_and_one_thread_give_the_same_bytes),
        cmocka_unit_test(work_area_in_the_file_gives_the_same_segment),
        cmocka_unit_test(interruption_at_every_poll_loses_nothing),
        cmocka_unit_test(abandoned_builds_leave_no_file),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(full_disk_is_a_status),
        cmocka_unit_test(signals_without_end_do_not_keep_a_build_from_its_space),
        cmocka_unit_test(passes_over_many_rows_are_polled),
        cmocka_unit_test(a_segment_is_written_out_piece_by_piece),
        cmocka_unit_test(nothing_but_the_result_goes_to_disk),
        cmocka_unit_test(a_path_that_is_too_long_is_nobody_elses),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
