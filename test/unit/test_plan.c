/*
 * test_plan.c: a plan survives its file, a damaged one is refused, and an old one publishes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine_cases.h"
#include "vectors/plan.h"

static char names[2][VEC_FILE_NAME_BYTES];
static uint64_t dead[] = {15, 35, 45};

/* Two published flat segments of 50 rows each, and the plan to merge them. */
static VecPlan
prepare(const char *directory)
{
    Cases cases = cases_make(100, 8, 4, 5);
    VecBuildOptions options = cases_options(8, VEC_METRIC_L2, 8);

    options.segment.kind = VEC_SEGMENT_FLAT;
    for (uint32_t part = 0; part < 2; part++) {
        VecStamp stamp = cases_stamp(0);
        VecBuildResult result;
        VecBuild *build;
        VecError error = {0};

        stamp.position_from = part * 500;
        stamp.position_to = stamp.position_from + 500;
        assert_int_equal(vec_build_begin(&options, directory, 50, &vec_allocator_default, &build, &error),
                         VEC_OK);
        assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
        for (uint32_t row = part * 50; row < part * 50 + 50; row++) {
            VecRowId id = cases_row_id(row);

            assert_int_equal(
                vec_build_add(build, &id, NULL, cases_row(&cases, row), 8 * sizeof(float), &error), VEC_OK);
        }
        assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
        assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
        vec_build_free(build);
        cases_publish(directory, &result);
        memcpy(names[part], result.file_name, VEC_FILE_NAME_BYTES);
        options.codes_of = names[0];
    }
    options.codes_of = NULL;
    options.segment.kind = VEC_SEGMENT_HNSW;
    cases_free(&cases);
    return (VecPlan){.build = options,
                     .stamp = {.instance_nonce = 77, .timeline = 1, .lsn = 2000, .position_to = 1000},
                     .file_names = names,
                     .file_count = 2,
                     .dead = dead,
                     .dead_count = 3};
}

static VecStatus
carry_out(const VecPlan *plan, const char *directory, VecControl *control, VecError *error)
{
    VecBuild *build = NULL;
    VecBuildResult result;
    VecStatus status = vec_plan_begin(plan, directory, control, NULL, NULL, &build, error);

    if (status == VEC_OK)
        status = vec_build_graph(build, NULL, NULL, error);
    if (status == VEC_OK)
        status = vec_build_finish(build, &plan->stamp, NULL, NULL, &result, error);
    if (status == VEC_OK)
        status = vec_plan_publish(plan, &result, directory, control, NULL, NULL, error);
    vec_build_free(build);
    return status;
}

static void
plans_are_carried_out_once(void **state)
{
    const char *directory = cases_directory();
    VecPlan written = prepare(directory), plan;
    VecError error = {0};
    VecControl *control;

    (void)state;
    assert_int_equal(vec_plan_read(directory, &vec_allocator_default, &plan, &error), VEC_NOT_FOUND);
    vec_plan_free(&plan);
    assert_int_equal(vec_plan_write(&written, directory, &error), VEC_OK);
    assert_int_equal(vec_plan_read(directory, &vec_allocator_default, &plan, &error), VEC_OK);
    assert_int_equal(plan.file_count, 2);
    assert_string_equal(plan.file_names[1], names[1]);
    assert_int_equal(plan.dead_count, 3);
    assert_memory_equal(plan.dead, dead, sizeof(dead));
    assert_memory_equal(&plan.stamp, &written.stamp, sizeof(VecStamp));
    assert_int_equal(vec_segment_options_hash(&plan.build.segment),
                     vec_segment_options_hash(&written.build.segment));

    assert_int_equal(vec_control_open(directory, true, &vec_allocator_default, &control, &error), VEC_OK);
    assert_int_equal(carry_out(&plan, directory, control, &error), VEC_OK);
    VecIndex *index = cases_open(directory, &plan.build);
    VecSegmentInfo info;
    assert_int_equal(vec_index_segment_count(index), 1);
    vec_index_segment_info(index, 0, &info);
    assert_int_equal(info.rows_coded, 97);
    assert_int_equal(info.stamp.lsn, 2000);
    vec_index_close(index);

    /* the inputs are gone now */
    assert_int_equal(carry_out(&plan, directory, control, &error), VEC_NOT_FOUND);
    vec_control_close(control);
    vec_plan_free(&plan);
    cases_remove_directory(directory);
}

/* A plan from rows that were encoded anew: no segment of the manifest is read, but all that it names are replaced. */
static void
plans_from_codes_replace_segments(void **state)
{
    const char *directory = cases_directory();
    VecPlan written = prepare(directory), plan;
    VecBuildOptions options = written.build;
    Cases cases = cases_make(100, 8, 4, 5);
    VecStamp stamp = written.stamp;
    VecError error = {0};
    VecControl *control;
    VecBuildResult codes;
    VecBuild *build;
    char path[4096];

    (void)state;
    options.segment.kind = VEC_SEGMENT_FLAT;
    options.segment.quantization_bits = written.build.segment.quantization_bits = 4;
    stamp.lsn = 3000;
    assert_int_equal(vec_build_begin(&options, directory, 90, &vec_allocator_default, &build, &error),
                     VEC_OK);
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    for (uint32_t row = 10; row < 100; row++) {
        VecRowId id = cases_row_id(row);

        assert_int_equal(vec_build_add(build, &id, NULL, cases_row(&cases, row), 8 * sizeof(float), &error),
                         VEC_OK);
    }
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &codes, &error), VEC_OK);
    assert_int_equal(vec_plan_write_codes(&written, &codes, directory, &error), VEC_OK);
    vec_build_free(build);
    snprintf(path, sizeof(path), "%s/" VEC_CODES_NAME, directory);
    assert_int_equal(access(path, F_OK), 0);

    assert_int_equal(vec_plan_read(directory, &vec_allocator_default, &plan, &error), VEC_OK);
    assert_true(plan.from_codes);
    assert_int_equal(plan.file_count, 2);
    assert_int_equal(plan.dead_count, 0);
    assert_int_equal(vec_control_open(directory, true, &vec_allocator_default, &control, &error), VEC_OK);
    assert_int_equal(carry_out(&plan, directory, control, &error), VEC_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    VecIndex *index = cases_open(directory, &plan.build);
    VecSegmentInfo info;
    assert_int_equal(vec_index_segment_count(index), 1);
    vec_index_segment_info(index, 0, &info);
    assert_int_equal(info.rows_coded, 90);
    assert_int_equal(info.options.kind, VEC_SEGMENT_HNSW);
    assert_int_equal(info.options.quantization_bits, 4);
    assert_int_equal(info.stamp.lsn, 3000);
    vec_index_close(index);
    vec_control_close(control);
    vec_plan_free(&plan);
    cases_free(&cases);
    cases_remove_directory(directory);
}

static void
damaged_plans_are_corrupt(void **state)
{
    const char *directory = cases_directory();
    VecPlan written = prepare(directory), plan;
    VecError error = {0};
    char path[4096];
    struct {
        off_t at;
        uint8_t byte;
    } damages[] = {{0, 'x'}, {8, 9}, {13, 7}, {16, 1}, {50, 255}, {53, 1}, {80, 9}, {200, 'q'}, {340, 1}};

    (void)state;
    snprintf(path, sizeof(path), "%s/" VEC_PLAN_NAME, directory);
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        assert_int_equal(vec_plan_write(&written, directory, &error), VEC_OK);
        int file = open(path, O_RDWR);
        assert_int_equal(pwrite(file, &damages[i].byte, 1, damages[i].at), 1);
        close(file);
        assert_int_equal(vec_plan_read(directory, &vec_allocator_default, &plan, &error), VEC_CORRUPT);
        vec_plan_free(&plan);
    }
    for (off_t length = 0; length < 300; length += 37) {
        assert_int_equal(vec_plan_write(&written, directory, &error), VEC_OK);
        assert_int_equal(truncate(path, length), 0);
        assert_int_equal(vec_plan_read(directory, &vec_allocator_default, &plan, &error), VEC_CORRUPT);
        vec_plan_free(&plan);
    }
    cases_remove_directory(directory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_carried_out_once),
        cmocka_unit_test(plans_from_codes_replace_segments),
        cmocka_unit_test(damaged_plans_are_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
