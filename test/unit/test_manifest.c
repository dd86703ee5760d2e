/*
 * test_manifest.c: publishing, collecting, the lock between processes, and directories that vanish or hold nonsense.
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "engine_cases.h"

#define A &vec_allocator_default

static char path[4096];

static const char *
in(const char *directory, const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void
write_file(const char *directory, const char *name, const char *text)
{
    FILE *file = fopen(in(directory, name), "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static bool
exists(const char *directory, const char *name)
{
    return access(in(directory, name), F_OK) == 0;
}

static VecBuildResult
fake_result(const char *name, uint64_t from, uint64_t to)
{
    VecBuildResult result = {.stamp = {.position_from = from, .position_to = to}, .file_bytes = 7};

    snprintf(result.file_name, sizeof(result.file_name), "%s", name);
    return result;
}

static void
what_is_published_is_read(void **state)
{
    const char *directory = cases_directory();
    VecBuildResult late = fake_result("segment.b", 100, 200), early = fake_result("segment.a", 0, 100);
    VecControl *control, *other;
    VecManifest manifest;
    VecError error;

    (void)state;
    assert_int_equal(vec_control_open(directory, false, A, &control, &error), VEC_NOT_FOUND);
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    assert_int_equal(vec_control_open(directory, false, A, &other, &error), VEC_OK);
    assert_int_equal(vec_control_generation(control), 0);
    assert_int_equal(vec_control_lock(control, &error), VEC_OK);
    assert_int_equal(vec_manifest_read(directory, A, &manifest, &error), VEC_OK);
    assert_int_equal(manifest.entry_count, 0);
    assert_int_equal(vec_manifest_add(&manifest, &late, &error), VEC_OK);
    assert_int_equal(vec_manifest_add(&manifest, &early, &error), VEC_OK);
    assert_int_equal(vec_manifest_publish(&manifest, directory, control, &error), VEC_OK);
    assert_int_equal(vec_control_generation(other), 1);
    vec_manifest_free(&manifest);

    assert_int_equal(vec_manifest_read(directory, A, &manifest, &error), VEC_OK);
    assert_int_equal(manifest.entry_count, 2);
    assert_int_equal(manifest.generation, 1);
    assert_string_equal(manifest.entries[0].file_name, "segment.a");
    assert_int_equal(manifest.entries[1].stamp.position_to, 200);
    assert_int_equal(vec_manifest_remove(&manifest, "segment.c", &error), VEC_NOT_FOUND);
    assert_int_equal(vec_manifest_remove(&manifest, "segment.a", &error), VEC_OK);
    assert_int_equal(vec_manifest_publish(&manifest, directory, control, &error), VEC_OK);
    vec_manifest_free(&manifest);
    assert_int_equal(vec_control_generation(other), 2);
    vec_control_close(control);
    vec_control_close(other);
    cases_remove_directory(directory);
}

static void
collecting_spares_what_is_named_or_foreign(void **state)
{
    const char *directory = cases_directory();
    VecBuildResult kept = fake_result("segment.kept", 0, 100);
    VecManifest manifest = {.allocator = A};
    uint32_t removed;
    VecError error;

    (void)state;
    write_file(directory, "segment.kept", "x");
    write_file(directory, "segment.gone", "x");
    write_file(directory, "pgsql_tmp.segment.1", "x");
    write_file(directory, "notes", "x");
    assert_int_equal(vec_manifest_add(&manifest, &kept, &error), VEC_OK);
    assert_int_equal(vec_manifest_collect(&manifest, directory, &removed, &error), VEC_OK);
    assert_int_equal(removed, 2);
    assert_true(exists(directory, "segment.kept"));
    assert_true(exists(directory, "notes"));
    assert_false(exists(directory, "segment.gone"));
    vec_manifest_free(&manifest);
    cases_remove_directory(directory);
    assert_int_equal(vec_manifest_collect(&manifest, directory, &removed, &error), VEC_NOT_FOUND);
}

/* Every byte of a manifest turned, and every length: corrupt, or (never) the same. */
static void
damaged_manifests_are_corrupt(void **state)
{
    const char *directory = cases_directory();
    VecBuildResult result = fake_result("segment.a", 0, 100);
    VecManifest manifest = {.allocator = A};
    uint8_t bytes[4096];
    VecControl *control;
    VecError error;

    (void)state;
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    assert_int_equal(vec_control_lock(control, &error), VEC_OK);
    assert_int_equal(vec_manifest_add(&manifest, &result, &error), VEC_OK);
    assert_int_equal(vec_manifest_publish(&manifest, directory, control, &error), VEC_OK);
    vec_manifest_free(&manifest);

    int descriptor = open(in(directory, VEC_MANIFEST_NAME), O_RDWR);
    ssize_t length = read(descriptor, bytes, sizeof(bytes));
    assert_in_range(length, 100, 1000);
    for (ssize_t i = 0; i < length; i++) {
        uint8_t turned = bytes[i] ^ 0x41;

        assert_int_equal(pwrite(descriptor, &turned, 1, i), 1);
        assert_int_equal(vec_manifest_read(directory, A, &manifest, &error), VEC_CORRUPT);
        assert_int_equal(manifest.entry_count, 0);
        vec_manifest_free(&manifest);
        assert_int_equal(pwrite(descriptor, &bytes[i], 1, i), 1);
    }
    for (ssize_t i = length - 1; i >= 0; i--) {
        assert_int_equal(ftruncate(descriptor, i), 0);
        assert_int_equal(vec_manifest_read(directory, A, &manifest, &error), VEC_CORRUPT);
        vec_manifest_free(&manifest);
    }
    close(descriptor);

    /* an index over it has no segments and says why; the next publication mends it, with a generation never seen before */
    VecBuildOptions options = cases_options(3, VEC_METRIC_L2, 8);
    VecIndex *index = cases_open(directory, &options);
    assert_int_equal(vec_index_segment_count(index), 0);
    assert_int_equal(vec_index_problem_count(index), 1);
    assert_int_equal(vec_index_problem(index, 0)->kind, VEC_PROBLEM_CORRUPT);
    vec_index_close(index);
    manifest = (VecManifest){.allocator = A};
    assert_int_equal(vec_manifest_publish(&manifest, directory, control, &error), VEC_OK);
    assert_int_equal(manifest.generation, 2);
    vec_manifest_free(&manifest);
    vec_control_close(control);
    cases_remove_directory(directory);
}

static void
one_process_holds_the_lock(void **state)
{
    const char *directory = cases_directory();
    VecControl *control, *second;
    int ready[2], release[2], status;
    char byte = 'x';
    VecError error;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(release), 0);
    pid_t child = fork();
    if (child == 0) {
        VecControl *theirs;
        bool good = vec_control_open(directory, true, A, &theirs, &error) == VEC_OK &&
                    vec_control_lock(theirs, &error) == VEC_OK;
        vec_control_counter_add(theirs, 3, 40);
        good = write(ready[1], &byte, 1) == 1 && good;
        good = read(release[0], &byte, 1) == 1 && good;
        _exit(good ? 0 : 1); /* no close: the system does it, as after a crash */
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    assert_int_equal(vec_control_lock(control, &error), VEC_BUSY);
    assert_true(vec_control_is_locked(control));
    assert_int_equal(vec_control_counter_add(control, 3, 2), 42);
    assert_int_equal(write(release[1], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(vec_control_is_locked(control));
    assert_int_equal(vec_control_lock(control, &error), VEC_OK);
    assert_true(vec_control_is_locked(control));

    assert_int_equal(vec_control_open(directory, false, A, &second, &error), VEC_OK);
    assert_int_equal(vec_control_lock(second, &error), VEC_BUSY);
    vec_control_unlock(control);
    assert_int_equal(vec_control_lock(second, &error), VEC_OK);
    vec_control_close(second);
    assert_int_equal(vec_control_counter_read(control, 3), 42);
    vec_control_counter_write(control, 63, 9);
    assert_int_equal(vec_control_counter_read(control, 63), 9);
    assert_int_equal(vec_control_counter_read(control, 64), 0);
    vec_control_close(control);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(release[i]);
    }
    cases_remove_directory(directory);
}

static void
removed_directories_are_noticed(void **state)
{
    const char *directory = cases_directory();
    char moved[2048];
    VecControl *control;
    VecError error;

    (void)state;
    snprintf(moved, sizeof(moved), "%s.moved", directory);
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    assert_false(vec_control_is_orphan(control));
    assert_int_equal(rename(directory, moved), 0);
    assert_true(vec_control_is_orphan(control));
    assert_int_equal(vec_control_lock(control, &error), VEC_NOT_FOUND);
    assert_int_equal(rename(moved, directory), 0);
    assert_false(vec_control_is_orphan(control));
    cases_remove_directory(directory);
    assert_true(vec_control_is_orphan(control));
    assert_int_equal(vec_control_lock(control, &error), VEC_NOT_FOUND);
    vec_control_close(control);

    /* it is made again when it is missing, but not its parent */
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    vec_control_close(control);
    cases_remove_directory(directory);
    assert_int_equal(vec_control_open(in(directory, "deep"), true, A, &control, &error), VEC_NOT_FOUND);
}

static void
damaged_control_files_are_replaced(void **state)
{
    const char *directory = cases_directory();
    VecControl *control;
    struct stat file;
    VecError error;

    (void)state;
    write_file(directory, VEC_CONTROL_NAME, "short");
    assert_int_equal(vec_control_open(directory, false, A, &control, &error), VEC_CORRUPT);
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    vec_control_close(control);
    assert_int_equal(stat(in(directory, VEC_CONTROL_NAME), &file), 0);
    assert_int_equal(file.st_size, 4096);
    int descriptor = open(path, O_RDWR);
    assert_int_equal(pwrite(descriptor, "y", 1, 0), 1);
    close(descriptor);
    assert_int_equal(vec_control_open(directory, false, A, &control, &error), VEC_CORRUPT);
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    vec_control_close(control);
    cases_remove_directory(directory);
}

static void
damage(const char *directory)
{
    int descriptor = open(in(directory, VEC_CONTROL_NAME), O_RDWR);

    assert_true(descriptor >= 0);
    assert_int_equal(pwrite(descriptor, "y", 1, 0), 1);
    close(descriptor);
}

static void
who_holds_the_lock_keeps_it_when_the_file_is_damaged(void **state)
{
    const char *directory = cases_directory();
    VecControl *control, *other;
    VecError error;

    (void)state;
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    assert_int_equal(vec_control_lock(control, &error), VEC_OK);
    damage(directory);
    assert_int_equal(vec_control_open(directory, true, A, &other, &error), VEC_BUSY);
    assert_false(vec_control_is_orphan(control));
    vec_control_unlock(control);
    assert_int_equal(vec_control_open(directory, true, A, &other, &error), VEC_OK);
    assert_true(vec_control_is_orphan(control));
    assert_int_equal(vec_control_lock(other, &error), VEC_OK);
    assert_int_equal(vec_control_lock(control, &error), VEC_NOT_FOUND);
    vec_control_close(other);
    vec_control_close(control);
    cases_remove_directory(directory);
}

#define REPLACERS 4

/* Meets the others at a damaged file, tries to become its one writer, and says whether it did. */
static void
replace_and_lock(const char *directory, int ready, int start, int result, int end)
{
    VecControl *control;
    VecError error;
    char byte = 'r';

    if (write(ready, &byte, 1) != 1 || read(start, &byte, 1) != 1)
        _exit(1);
    bool has_lock = vec_control_open(directory, true, A, &control, &error) == VEC_OK &&
                    vec_control_lock(control, &error) == VEC_OK;
    byte = has_lock ? 'y' : 'n';
    if (write(result, &byte, 1) != 1 || read(end, &byte, 1) != 1) /* held until all have tried */
        _exit(1);
    _exit(0);
}

static void
of_several_who_replace_a_damaged_file_one_has_the_lock(void **state)
{
    const char *directory = cases_directory();
    int pipes[4][2];
    VecControl *control;
    VecError error;
    char bytes[REPLACERS];

    (void)state;
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    vec_control_close(control);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pipe(pipes[i]), 0);
    for (int round = 0; round < 100; round++) {
        pid_t children[REPLACERS];
        int writers = 0, status;

        damage(directory);
        for (int i = 0; i < REPLACERS; i++) {
            children[i] = fork();
            if (children[i] == 0)
                replace_and_lock(directory, pipes[0][1], pipes[1][0], pipes[2][1], pipes[3][0]);
            assert_true(children[i] > 0);
        }
        for (int i = 0; i < REPLACERS; i++)
            assert_int_equal(read(pipes[0][0], &bytes[i], 1), 1);
        assert_int_equal(write(pipes[1][1], bytes, REPLACERS), REPLACERS);
        for (int i = 0; i < REPLACERS; i++) {
            assert_int_equal(read(pipes[2][0], &bytes[i], 1), 1);
            writers += bytes[i] == 'y';
        }
        assert_int_equal(write(pipes[3][1], bytes, REPLACERS), REPLACERS);
        for (int i = 0; i < REPLACERS; i++) {
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_int_equal(status, 0);
        }
        assert_in_range(writers, 0, 1); /* 0: all were busy with one another */
    }
    for (int i = 0; i < 4; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    cases_remove_directory(directory);
}

/* Takes the place of the C library's: some calls find their file collected. */
static int links_to_spoil;

int
link(const char *from, const char *to)
{
    if (links_to_spoil > 0) {
        links_to_spoil--;
        (void)unlink(from);
    }
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void
a_control_file_that_is_collected_unfinished_is_made_again(void **state)
{
    const char *directory = cases_directory();
    VecControl *control;
    VecError error;

    (void)state;
    links_to_spoil = 3;
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    assert_int_equal(links_to_spoil, 0);
    vec_control_close(control);
    unlink(in(directory, VEC_CONTROL_NAME));
    links_to_spoil = 1000; /* not for ever */
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_IO);
    links_to_spoil = 0;
    cases_remove_directory(directory);
}

static void
verification_is_remembered_for_that_very_file(void **state)
{
    const char *directory = cases_directory();
    VecControl *control;
    VecError error;

    (void)state;
    assert_int_equal(vec_control_open(directory, true, A, &control, &error), VEC_OK);
    write_file(directory, "segment.a", "1");
    int descriptor = open(path, O_RDWR);
    assert_false(vec_control_is_verified(control, descriptor));
    vec_control_remember_verified(control, descriptor);
    assert_true(vec_control_is_verified(control, descriptor));
    assert_int_equal(write(descriptor, "22", 2), 2);
    assert_false(vec_control_is_verified(control, descriptor));
    close(descriptor);
    assert_false(vec_control_is_verified(control, -1));
    for (int i = 0; i < 2000; i++) { /* far more than there are slots: nothing breaks, the last is known */
        char name[32];

        snprintf(name, sizeof(name), "segment.%d", i);
        write_file(directory, name, "1");
        descriptor = open(path, O_RDWR);
        vec_control_remember_verified(control, descriptor);
        assert_true(vec_control_is_verified(control, descriptor));
        close(descriptor);
        unlink(path);
    }
    vec_control_close(control);
    cases_remove_directory(directory);
}

/* A manifest that is announced while others forget what they verified: nobody may take the one for the other. */
static void
an_announcement_is_seen_beside_a_distrust(void **state)
{
    const char *directory = cases_directory();
    VecControl *control;
    VecError error;

    (void)state;
    assert_int_equal(vec_control_open(directory, true, &vec_allocator_default, &control, &error), VEC_OK);
    vec_control_set_generation(control, 5);
    assert_int_equal(vec_control_generation(control), 5);
    vec_control_distrust(control);

    uint64_t seen = vec_control_generation(control); /* by who opens the files anew, before the rename */
    vec_control_set_generation(control, 6);
    assert_true(vec_control_generation(control) > seen);
    vec_control_close(control);
    cases_remove_directory(directory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announcement_is_seen_beside_a_distrust),
        cmocka_unit_test(what_is_published_is_read),
        cmocka_unit_test(collecting_spares_what_is_named_or_foreign),
        cmocka_unit_test(damaged_manifests_are_corrupt),
        cmocka_unit_test(one_process_holds_the_lock),
        cmocka_unit_test(removed_directories_are_noticed),
        cmocka_unit_test(damaged_control_files_are_replaced),
        cmocka_unit_test(who_holds_the_lock_keeps_it_when_the_file_is_damaged),
        cmocka_unit_test(of_several_who_replace_a_damaged_file_one_has_the_lock),
        cmocka_unit_test(a_control_file_that_is_collected_unfinished_is_made_again),
        cmocka_unit_test(verification_is_remembered_for_that_very_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
