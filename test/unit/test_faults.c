/*
 * test_faults.c: files that shrink under their maps: a status, never the end of the process; signals of others stay theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "engine_cases.h"
#include "fault_guard.h"
#include "format.h"
#include "vectors/merge.h"

#define A          &vec_allocator_default
#define ROWS       1800
#define DIMENSIONS 8
#define PAGES      64

/* A mapped file of PAGES pages that was emptied under its map. */
static uint8_t *
map_emptied_file(size_t *bytes, int protection)
{
    char name[1024];
    const char *parent = getenv("TMPDIR");

    snprintf(name, sizeof(name), "%s/test_faults.XXXXXX", parent != NULL ? parent : "/tmp");
    *bytes = PAGES * (size_t)sysconf(_SC_PAGESIZE);
    int descriptor = mkstemp(name);
    assert_true(descriptor >= 0);
    unlink(name);
    assert_int_equal(ftruncate(descriptor, (off_t)*bytes), 0);
    uint8_t *map = mmap(NULL, *bytes, protection, MAP_SHARED, descriptor, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(ftruncate(descriptor, 0), 0);
    close(descriptor);
    return map;
}

static sigjmp_buf jump;

static void
jump_out(int signal_number)
{
    (void)signal_number;
    siglongjmp(jump, 1);
}

/* What a child process does with a SIGBUS that belongs to no guard; its exit status. */
static int
in_child(void (*before)(int), bool is_sent)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        size_t bytes;
        uint8_t *map = map_emptied_file(&bytes, PROT_READ);
        uint8_t *guarded = map_emptied_file(&bytes, PROT_READ);
        VecFaultGuard guard = {0};

        signal(SIGBUS, before);
        vec_fault_guard_add(&guard, guarded, bytes, PROT_READ);
        if (sigsetjmp(jump, 1) != 0)
            _exit(42);
        if (*(volatile uint8_t *)guarded != 0)
            _exit(1);
        if (is_sent)
            raise(SIGBUS);
        else
            (void)*(volatile uint8_t *)map;
        _exit(43);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* First of all tests: no handler is installed in this process yet. */
static void
a_signal_of_others_stays_theirs(void **state)
{
    (void)state;
    for (int is_sent = 0; is_sent < 2; is_sent++) {
        int status = in_child(SIG_DFL, is_sent);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGBUS);

        status = in_child(jump_out, is_sent);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 42);
    }
    int status = in_child(SIG_IGN, true);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 43);
}

static void
a_guarded_map_becomes_zeros_and_a_flag(void **state)
{
    size_t bytes;
    uint8_t *maps[3];
    VecFaultGuard guards[3] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        maps[i] = map_emptied_file(&bytes, PROT_READ | PROT_WRITE);
        vec_fault_guard_add(&guards[i], maps[i], bytes, PROT_READ | PROT_WRITE);
    }
    vec_fault_guard_remove(&guards[1]);
    munmap(maps[1], bytes);
    for (int i = 0; i < 3; i += 2) {
        assert_false(vec_fault_guard_has_faulted(&guards[i]));
        assert_int_equal(((volatile uint8_t *)maps[i])[bytes - 1], 0);
        ((volatile uint8_t *)maps[i])[0] = 1;
        assert_true(vec_fault_guard_has_faulted(&guards[i]));
        assert_false(i == 0 && vec_fault_guard_has_faulted(&guards[2]));
    }
    for (int i = 0; i < 3; i++) {
        vec_fault_guard_remove(&guards[i]);
        if (i != 1)
            munmap(maps[i], bytes);
    }
}

static void *
read_and_guard(void *argument)
{
    for (int round = 0; round < 50; round++) {
        size_t bytes;
        uint8_t *shared = argument;
        uint8_t *map = map_emptied_file(&bytes, PROT_READ);
        VecFaultGuard guard = {0};

        vec_fault_guard_add(&guard, map, bytes, PROT_READ);
        if (shared[(size_t)round * bytes / 50] != 0 || ((volatile uint8_t *)map)[bytes / 2] != 0 ||
            !vec_fault_guard_has_faulted(&guard))
            return (void *)1;
        vec_fault_guard_remove(&guard);
        munmap(map, bytes);
    }
    return NULL;
}

static void
threads_may_fault_at_once(void **state)
{
    size_t bytes;
    uint8_t *shared = map_emptied_file(&bytes, PROT_READ);
    VecFaultGuard guard = {0};
    pthread_t threads[4];
    void *result;

    (void)state;
    vec_fault_guard_add(&guard, shared, bytes, PROT_READ);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_and_guard, shared), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    assert_true(vec_fault_guard_has_faulted(&guard));
    vec_fault_guard_remove(&guard);
    munmap(shared, bytes);
}

typedef struct Place {
    const char *directory;
    VecBuildOptions options;
    Cases cases;
    VecIndex *index;
    char path[2048];
    uint64_t file_bytes;
} Place;

/* An index of one segment, opened, with no page of it in memory that a reader could fall back to. */
static void
place_make(Place *place, VecSegmentKind kind)
{
    place->directory = cases_directory();
    place->options = cases_options(DIMENSIONS, VEC_METRIC_L2, 8);
    place->options.segment.kind = kind;
    place->options.segment.ef_construction = 20;
    place->options.segment.m = 4;
    place->cases = cases_make(ROWS + 1, DIMENSIONS, 30, 3);
    memset(cases_row(&place->cases, 5), 0xff, DIMENSIONS * sizeof(float)); /* NaN: an exception */
    place->index = cases_index(place->directory, &place->options, place->cases.vectors, ROWS);

    VecSegmentInfo info;
    vec_index_segment_info(place->index, 0, &info);
    snprintf(place->path, sizeof(place->path), "%s/%s", place->directory, info.file_name);
    place->file_bytes = info.bytes_file;
}

static void
place_free(Place *place)
{
    vec_index_close(place->index);
    cases_free(&place->cases);
    cases_remove_directory(place->directory);
}

static uint32_t
descriptor_count(void)
{
    DIR *stream = opendir("/proc/self/fd");
    uint32_t count = 0;

    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    closedir(stream);
    return count;
}

/* Searches to the end, or to the fault; no row may come twice. */
static VecStatus
search_all(Place *place, uint32_t *given)
{
    VecSearchOptions options = {.ef_search = 20};
    VecSearch *search = NULL;
    VecError error = {0};
    bool seen[ROWS] = {false};
    uint32_t count = 1;
    VecStatus status = vec_search_begin(place->index, cases_row(&place->cases, ROWS),
                                        DIMENSIONS * sizeof(float), &options, &search, &error);

    *given = 0;
    while (status == VEC_OK && count > 0) {
        VecCandidate candidates[32];

        status = vec_search_next(search, candidates, 32, &count, &error);
        assert_true(status == VEC_OK || count == 0);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = cases_id_row(&candidates[i].id);

            assert_false(seen[row]);
            seen[row] = true;
            ++*given;
        }
    }
    if (status != VEC_OK) {
        assert_int_equal(error.status, status);
        assert_non_null(strstr(error.message, "was truncated, or cannot be read"));
    }
    if (search != NULL && status != VEC_OK)
        assert_int_equal(vec_search_next(search, &(VecCandidate){0}, 1, &count, NULL), VEC_CORRUPT);
    vec_search_free(search);
    return status;
}

static void
a_truncated_segment_is_corrupt_in_every_reader(void **state)
{
    (void)state;
    for (int kind = VEC_SEGMENT_FLAT; kind <= VEC_SEGMENT_HNSW; kind++) {
        for (int what = 0; what < 4; what++) {
            Place place;
            VecError error = {0};
            VecRowId id;
            VecRowKind row_kind;
            uint32_t given;

            place_make(&place, (VecSegmentKind)kind);
            assert_int_equal(search_all(&place, &given), VEC_OK);
            assert_int_equal(given, ROWS);
            assert_int_equal(truncate(place.path, VEC_FORMAT_PAGE_BYTES), 0);
            VecStatus status = what == 0   ? search_all(&place, &given)
                               : what == 1 ? vec_index_row(place.index, 0, ROWS / 2, &id, &row_kind, &error)
                               : what == 2 ? vec_index_verify(place.index, 0, NULL, NULL, &error)
                                           : vec_index_validate(place.index, 0, NULL, NULL, NULL, &error);
            assert_int_equal(status, VEC_CORRUPT);
            if (what > 0)
                assert_non_null(strstr(error.message, "was truncated, or cannot be read"));
            /* and stays so */
            assert_int_equal(search_all(&place, &given), VEC_CORRUPT);
            assert_int_equal(vec_index_row(place.index, 0, 0, &id, &row_kind, NULL), VEC_CORRUPT);
            place_free(&place);
        }
    }
}

/* The file shrinks between two calls of one search: what came before was right, and no zeros come as rows. */
static void
a_search_under_way_ends_with_a_status(void **state)
{
    (void)state;
    for (int kind = VEC_SEGMENT_FLAT; kind <= VEC_SEGMENT_HNSW; kind++) {
        for (uint32_t calls = 0; calls < 60; calls += 6) {
            Place place;
            VecSearchOptions options = {.ef_search = 10};
            VecCandidate candidates[8];
            VecSearch *search;
            VecError error;
            uint32_t count = 1;
            VecStatus status = VEC_OK;

            place_make(&place, (VecSegmentKind)kind);
            assert_int_equal(vec_search_begin(place.index, cases_row(&place.cases, ROWS),
                                              DIMENSIONS * sizeof(float), &options, &search, &error),
                             VEC_OK);
            for (uint32_t call = 0; status == VEC_OK && count > 0; call++) {
                if (call == calls)
                    assert_int_equal(truncate(place.path, (off_t)(place.file_bytes / 3)), 0);
                status = vec_search_next(search, candidates, 8, &count, &error);
                for (uint32_t i = 0; i < count; i++)
                    assert_in_range(cases_id_row(&candidates[i].id), 0, ROWS - 1);
            }
            assert_int_equal(status, VEC_CORRUPT);
            vec_search_free(search);
            place_free(&place);
        }
    }
}

static void
a_truncated_control_file_is_an_orphan(void **state)
{
    const char *directory = cases_directory();
    char path[2048];
    VecControl *control, *next;
    VecError error;

    (void)state;
    snprintf(path, sizeof(path), "%s/" VEC_CONTROL_NAME, directory);
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    vec_control_set_generation(control, 7);
    assert_false(vec_control_is_orphan(control));
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(vec_control_generation(control), 0);
    (void)vec_control_counter_add(control, 3, 1);
    assert_true(vec_control_is_orphan(control));
    assert_int_equal(vec_control_lock(control, &error), VEC_NOT_FOUND);
    assert_int_equal(vec_control_open(directory, false, A, &next, &error), VEC_CORRUPT);
    assert_int_equal(vec_control_open(directory, true, A, &next, &error), VEC_OK);
    assert_int_equal(vec_control_lock(next, &error), VEC_OK);
    vec_control_close(next);
    vec_control_close(control);
    cases_remove_directory(directory);
}

/* At its poll number `at`, cuts a file off. */
typedef struct Cutter {
    char path[2048];
    uint32_t at;
    uint32_t polls;
} Cutter;

static bool
cut_at_poll(void *context, uint64_t rows_done, uint64_t rows_total)
{
    Cutter *cutter = context;

    (void)rows_done;
    (void)rows_total;
    if (++cutter->polls == cutter->at)
        assert_int_equal(truncate(cutter->path, VEC_FORMAT_PAGE_BYTES), 0);
    return false;
}

/* A merge reads its inputs several times over: zeros in between must not make it write where it should not. */
static void
a_merge_whose_input_shrinks_ends_with_a_status(void **state)
{
    static const uint64_t dead_count = ROWS / 3;
    uint64_t *dead = malloc(dead_count * sizeof(uint64_t));
    bool reached_graph = false, was_complete = false;

    (void)state;
    assert_non_null(dead);
    for (uint32_t i = 0; i < dead_count; i++)
        dead[i] = cases_row_id(3 * i).position;
    for (uint32_t at = 1; !was_complete; at++) {
        Place place;
        Cutter cutter = {.at = at};
        VecSegmentInfo info;
        VecBuildResult result;
        VecError error = {0};
        VecBuild *build = NULL;
        VecStamp stamp = cases_stamp(ROWS);

        place_make(&place, VEC_SEGMENT_HNSW);
        vec_index_segment_info(place.index, 0, &info);
        memcpy(cutter.path, place.path, sizeof(cutter.path));
        place.options.thread_count = 3;
        VecMergeOptions options = {.build = place.options,
                                   .file_names = &info.file_name,
                                   .file_count = 1,
                                   .dead = dead,
                                   .dead_count = dead_count,
                                   .should_stop = cut_at_poll,
                                   .should_stop_context = &cutter};
        VecStatus status = vec_merge_begin(&options, place.directory, A, &build, &error);
        if (status == VEC_OK) {
            reached_graph = true;
            if (at >= 40) /* enough of the many polls in the graph */
                cutter.at = 0;
            status = vec_build_graph(build, cut_at_poll, &cutter, &error);
        }
        if (status == VEC_OK) {
            was_complete = true;
            assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
        } else {
            assert_int_equal(status, VEC_CORRUPT);
        }
        vec_build_free(build);
        place_free(&place);
    }
    assert_true(reached_graph);
    free(dead);
}

/* The work area is the file itself, and somebody cuts it off while threads work in it. */
static void
a_build_whose_file_shrinks_ends_with_a_status(void **state)
{
    (void)state;
    for (uint32_t at = 1; at < 2000; at = at * 3 / 2 + 1) {
        const char *directory = cases_directory();
        VecBuildOptions options = cases_options(DIMENSIONS, VEC_METRIC_L2, 8);
        Cases cases = cases_make(ROWS, DIMENSIONS, 30, 3);
        Cutter cutter = {.at = at};
        VecStamp stamp = cases_stamp(ROWS);
        VecBuildResult result;
        VecError error = {0};
        VecBuild *build;
        glob_t found;

        options.thread_count = 3;
        options.memory_bytes_max = 0;
        options.segment.ef_construction = 20;
        options.segment.m = 4;
        assert_int_equal(vec_build_begin(&options, directory, ROWS, A, &build, &error), VEC_OK);
        assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
        for (uint32_t i = 0; i < ROWS; i++) {
            VecRowId id = cases_row_id(i);
            assert_int_equal(
                vec_build_add(build, &id, NULL, cases_row(&cases, i), DIMENSIONS * sizeof(float), &error),
                VEC_OK);
        }
        snprintf(cutter.path, sizeof(cutter.path), "%s/" VEC_TEMPORARY_PREFIX "segment.*", directory);
        assert_int_equal(glob(cutter.path, 0, NULL, &found), 0);
        snprintf(cutter.path, sizeof(cutter.path), "%s", found.gl_pathv[0]);
        globfree(&found);
        VecStatus status = vec_build_graph(build, cut_at_poll, &cutter, &error);
        if (status == VEC_OK) {
            cutter.at = cutter.polls + 1;
            status = vec_build_finish(build, &stamp, cut_at_poll, &cutter, &result, &error);
        }
        assert_int_equal(status, VEC_IO);
        assert_non_null(strstr(error.message, "was truncated, or cannot be read"));
        vec_build_free(build);
        cases_free(&cases);
        cases_remove_directory(directory);
    }
}

/* What the kernel was told about the map of a file: "rr" read at random, "sr" sequentially, "" neither. */
static void
map_advice(const char *path, char advice[3])
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[4096];
    bool found = false;

    assert_non_null(maps);
    advice[0] = '?';
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (strchr(line, '/') != NULL)
            found = strstr(line, path) != NULL;
        if (found && strncmp(line, "VmFlags:", 8) == 0) {
            snprintf(advice, 3, "%s",
                     strstr(line, " rr") != NULL   ? "rr"
                     : strstr(line, " sr") != NULL ? "sr"
                                                   : "");
            break;
        }
    }
    fclose(maps);
}

typedef struct Reader {
    const char *path;
    uint32_t polls;
} Reader;

static bool
is_read_sequentially(void *context, uint64_t rows_done, uint64_t rows_total)
{
    Reader *reader = context;
    char advice[3];

    (void)rows_done;
    (void)rows_total;
    map_advice(reader->path, advice);
    assert_string_equal(advice, "sr");
    reader->polls++;
    return false;
}

/* Nothing but a verification tells the kernel how a map is read: "at random" would say, too, that nothing is read again. */
static void
maps_are_advised_for_a_verification_alone(void **state)
{
    char advice[3];

    (void)state;
    for (int kind = VEC_SEGMENT_FLAT; kind <= VEC_SEGMENT_HNSW; kind++) {
        Place place;
        VecError error;

        place_make(&place, (VecSegmentKind)kind);
        Reader reader = {.path = place.path};
        map_advice(place.path, advice);
        if (advice[0] == '?') { /* a kernel that does not tell */
            place_free(&place);
            skip();
        }
        assert_string_equal(advice, "");
        assert_int_equal(vec_index_verify(place.index, 0, is_read_sequentially, &reader, &error), VEC_OK);
        assert_true(reader.polls > 0);
        map_advice(place.path, advice);
        assert_string_equal(advice, "");
        place_free(&place);
    }
}

static void
files_that_outsiders_write_to_are_noticed(void **state)
{
    Place place;
    struct stat file;

    (void)state;
    place_make(&place, VEC_SEGMENT_FLAT);
    assert_false(vec_index_is_changed(place.index));
    assert_int_equal(stat(place.path, &file), 0);
    int descriptor = open(place.path, O_WRONLY);
    assert_true(descriptor >= 0);
    do { /* the clock of a file system may be coarse */
        assert_int_equal(pwrite(descriptor, "x", 1, (off_t)(place.file_bytes - 1)), 1);
    } while (!vec_index_is_changed(place.index) && time(NULL) < file.st_ctim.tv_sec + 60);
    assert_true(vec_index_is_changed(place.index));
    close(descriptor);
    unlink(place.path);
    assert_false(vec_index_is_changed(place.index));
    place_free(&place);
}

static void
readers_keep_no_descriptor(void **state)
{
    uint32_t before = descriptor_count();
    VecControl *control;
    VecError error;
    Place place;

    (void)state;
    place_make(&place, VEC_SEGMENT_HNSW);
    assert_int_equal(vec_control_open(place.directory, false, A, &control, &error), VEC_OK);
    assert_int_equal(descriptor_count(), before);
    assert_int_equal(vec_control_lock(control, &error), VEC_OK);
    assert_int_equal(descriptor_count(), before + 1);
    vec_control_unlock(control);
    assert_int_equal(descriptor_count(), before);
    vec_control_close(control);
    place_free(&place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_of_others_stays_theirs),
        cmocka_unit_test(a_guarded_map_becomes_zeros_and_a_flag),
        cmocka_unit_test(threads_may_fault_at_once),
        cmocka_unit_test(a_truncated_segment_is_corrupt_in_every_reader),
        cmocka_unit_test(a_search_under_way_ends_with_a_status),
        cmocka_unit_test(a_truncated_control_file_is_an_orphan),
        cmocka_unit_test(a_merge_whose_input_shrinks_ends_with_a_status),
        cmocka_unit_test(a_build_whose_file_shrinks_ends_with_a_status),
        cmocka_unit_test(files_that_outsiders_write_to_are_noticed),
        cmocka_unit_test(maps_are_advised_for_a_verification_alone),
        cmocka_unit_test(readers_keep_no_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
