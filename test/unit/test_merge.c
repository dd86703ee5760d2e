/*
 * test_merge.c: merging segments: no row is lost or doubled, dead rows go, the graph finds as well as one built anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_cases.h"
#include "random.h"
#include "vectors/merge.h"

#define PARTS_MAX 8

/* Row r of the cases as a part's rows [from, to); every row whose number is in `null_every` steps has no vector. */
static VecBuildResult
build_part(const char *directory, const VecBuildOptions *options, const Cases *cases, uint32_t from,
           uint32_t to)
{
    VecBuildResult result;
    VecError error = {0};
    VecBuild *build;
    VecStamp stamp = cases_stamp(0);
    VecBuildOptions sized = *options;
    size_t bytes;

    stamp.position_from = UINT64_C(10) * from;
    stamp.position_to = UINT64_C(10) * to;
    stamp.lsn = 1000 + from;
    sized.vector_bytes_max = (uint64_t)(to - from) * cases->dimensions * 2 * sizeof(float);
    if (vec_build_begin(&sized, directory, to - from, &vec_allocator_default, &build, &error) != VEC_OK)
        fail_msg("%s", error.message);
    for (uint32_t row = from; row < to; row++) {
        const void *vector = cases_vector(&options->segment, cases_row(cases, row), &bytes);

        vec_build_sample(build, vector, bytes);
    }
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    for (uint32_t row = from; row < to; row++) {
        VecRowId id = cases_row_id(row);

        const void *vector = cases_vector(&options->segment, cases_row(cases, row), &bytes);

        assert_int_equal(vec_build_add(build, &id, NULL, row % 100 == 99 ? NULL : vector, bytes, &error),
                         VEC_OK);
    }
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
    vec_build_free(build);
    return result;
}

typedef struct Parts {
    VecBuildResult results[PARTS_MAX];
    const char *file_names[PARTS_MAX];
    uint32_t count;
} Parts;

/* Parts with these borders; the one numbered `graph` has a graph and trains the codes of all. */
static void
build_parts(Parts *parts, const char *directory, const VecBuildOptions *options, const Cases *cases,
            const uint32_t *borders, uint32_t count, uint32_t graph)
{
    VecBuildOptions flat = *options;

    parts->count = count;
    parts->results[graph] = build_part(directory, options, cases, borders[graph], borders[graph + 1]);
    flat.segment.kind = VEC_SEGMENT_FLAT;
    flat.codes_of = parts->results[graph].file_name;
    for (uint32_t i = 0; i < count; i++) {
        if (i != graph)
            parts->results[i] = build_part(directory, &flat, cases, borders[i], borders[i + 1]);
        parts->file_names[i] = parts->results[i].file_name;
    }
}

static VecStatus
merge_parts(const Parts *parts, const char *directory, const VecBuildOptions *options, const uint64_t *dead,
            uint64_t dead_count, const VecAllocator *allocator, VecBuildResult *result, VecError *error)
{
    VecMergeOptions merge = {.build = *options,
                             .file_names = parts->file_names,
                             .file_count = parts->count,
                             .dead = dead,
                             .dead_count = dead_count};
    VecStamp stamp = parts->results[0].stamp;
    VecBuild *build = NULL;
    VecStatus status = vec_merge_begin(&merge, directory, allocator, &build, error);

    if (status != VEC_OK)
        return status;
    stamp.position_to = parts->results[parts->count - 1].stamp.position_to;
    stamp.lsn = 5000;
    status = vec_build_graph(build, NULL, NULL, error);
    if (status == VEC_OK)
        status = vec_build_finish(build, &stamp, NULL, NULL, result, error);
    vec_build_free(build);
    return status;
}

static bool
is_dead(uint32_t row, uint32_t dead_percent)
{
    return cases_uniform(99, row) * 100 < dead_percent;
}

static uint64_t
list_dead(uint64_t *dead, uint32_t count, uint32_t dead_percent)
{
    uint64_t dead_count = 0;

    for (uint32_t row = 0; row < count; row++) {
        if (is_dead(row, dead_percent))
            dead[dead_count++] = cases_row_id(row).position;
    }
    return dead_count;
}

/* Every living row of [0, count) once, none of the dead. */
static void
expect_rows(const VecIndex *index, uint32_t count, uint32_t dead_percent)
{
    uint8_t *seen = calloc(count, 1);
    VecSegmentInfo info;

    vec_index_segment_info(index, 0, &info);
    for (uint64_t i = 0; i < info.rows_coded + info.rows_exact + info.rows_null; i++) {
        VecRowId id;
        VecRowKind kind;

        assert_int_equal(vec_index_row(index, 0, i, &id, &kind, NULL), VEC_OK);
        uint32_t row = cases_id_row(&id);
        assert_int_equal(kind, row % 100 == 99 ? VEC_ROW_NULL : VEC_ROW_CODED);
        assert_true(row < count && !seen[row]);
        seen[row] = 1;
    }
    for (uint32_t row = 0; row < count; row++)
        assert_int_equal(seen[row], !is_dead(row, dead_percent));
    free(seen);
}

/* Share of the ten nearest living rows that the first round finds, for the cases behind `count`. */
static double
recall_at_ten(VecIndex *index, const Cases *cases, uint32_t count, uint32_t dead_percent)
{
    VecSearchOptions options = {.ef_search = 40, .nprobe = 40};
    uint32_t hits = 0, wanted = 0;
    VecSegmentInfo info;
    size_t bytes;

    vec_index_segment_info(index, 0, &info);

    for (uint32_t q = count; q < cases->count; q++) {
        const float *query = cases_row(cases, q);
        float nearest[10];
        uint32_t kept = 0, got;
        VecCandidate candidates[40];
        VecSearch *search;
        VecError error;

        for (uint32_t row = 0; row < count; row++) {
            float distance = cases_distance(&info.options, query, cases_row(cases, row));
            uint32_t at = kept;

            if (is_dead(row, dead_percent) || row % 100 == 99 || (kept == 10 && distance >= nearest[9]))
                continue;
            for (at = kept < 10 ? kept++ : 9; at > 0 && nearest[at - 1] > distance; at--)
                nearest[at] = nearest[at - 1];
            nearest[at] = distance;
        }
        const void *vector = cases_vector(&info.options, query, &bytes);
        assert_int_equal(vec_search_begin(index, vector, bytes, &options, &search, &error), VEC_OK);
        assert_int_equal(vec_search_next(search, candidates, 40, &got, &error), VEC_OK);
        uint32_t found = 0; /* among equal distances there may be more than ten */
        for (uint32_t i = 0; i < got; i++)
            found += cases_distance(&info.options, query,
                                    cases_row(cases, cases_id_row(&candidates[i].id))) <= nearest[9];
        hits += found < 10 ? found : 10;
        wanted += 10;
        vec_search_free(search);
    }
    return (double)hits / wanted;
}

static VecIndex *
open_only(const char *directory, const VecBuildOptions *options, const VecBuildResult *result)
{
    cases_publish(directory, result);
    VecIndex *index = cases_open(directory, options);
    if (vec_index_problem_count(index) > 0)
        fail_msg("%s", vec_index_problem(index, 0)->message);
    assert_int_equal(vec_index_segment_count(index), 1);
    return index;
}

typedef struct MergeCase {
    const char *name;
    uint32_t borders[PARTS_MAX];
    uint32_t count;
    uint32_t graph;
    uint32_t dead_percent;
    uint32_t threads;
    VecElementType element_type;
    bool is_residual; /* codes of residuals, lists instead of a graph */
} MergeCase;

static void
check_case(const MergeCase *the_case)
{
    const char *directory = cases_directory();
    uint32_t rows = the_case->borders[the_case->count];
    uint32_t dimensions = the_case->element_type == VEC_TYPE_F32 ? 16 : 64;
    Cases cases = cases_make(rows + 60, dimensions, 30, 3);
    VecBuildOptions options = cases_options(dimensions, VEC_METRIC_L2, 8);
    uint64_t *dead = malloc(rows * sizeof(uint64_t));
    uint64_t dead_count = list_dead(dead, rows, the_case->dead_percent);
    Parts parts;
    VecBuildResult result;
    VecSegmentHealth health;
    VecError error = {0};

    options.thread_count = the_case->threads;
    options.segment.element_type = the_case->element_type;
    if (the_case->element_type == VEC_TYPE_BIT)
        options.segment.metric = VEC_METRIC_JACCARD;
    options.segment.is_residual = the_case->is_residual;
    if (the_case->is_residual)
        options.segment.kind = VEC_SEGMENT_IVF;
    build_parts(&parts, directory, &options, &cases, the_case->borders, the_case->count, the_case->graph);
    if (merge_parts(&parts, directory, &options, dead, dead_count, &vec_allocator_default, &result, &error) !=
        VEC_OK)
        fail_msg("%s: %s", the_case->name, error.message);
    VecIndex *index = open_only(directory, &options, &result);
    expect_rows(index, rows, the_case->dead_percent);
    if (vec_index_validate(index, 0, NULL, NULL, &health, &error) != VEC_OK)
        fail_msg("%s: %s", the_case->name, error.message);
    if (!the_case->is_residual && health.rows_reachable < result.rows_coded * 0.999)
        fail_msg("%s: %u of %u rows are reachable", the_case->name, (unsigned)health.rows_reachable,
                 (unsigned)result.rows_coded);
    double merged = recall_at_ten(index, &cases, rows, the_case->dead_percent);
    vec_index_close(index);
    cases_remove_directory(directory);
    /* one build of all rows finds 0.995 and more */
    if (merged < 0.985)
        fail_msg("%s: recall %.4f", the_case->name, merged);
    free(dead);
    cases_free(&cases);
}

static void
merged_segments_find_what_new_ones_find(void **state)
{
    static const MergeCase all[] = {
        {"small into large", {0, 1700, 1900, 2000}, 3, 0, 0, 1, VEC_TYPE_F32, false},
        {"large into small", {0, 1100, 3000}, 2, 0, 0, 2, VEC_TYPE_F32, false},
        {"the graph is in the middle", {0, 300, 1700, 2000}, 3, 1, 0, 1, VEC_TYPE_F32, false},
        {"a tenth is dead", {0, 2000, 2200}, 2, 0, 10, 1, VEC_TYPE_F32, false},
        {"two fifths are dead", {0, 2000, 2200}, 2, 0, 40, 2, VEC_TYPE_F32, false},
        {"most are dead", {0, 2000, 2200}, 2, 0, 80, 1, VEC_TYPE_F32, false},
        {"one input, to drop its dead", {0, 2000}, 1, 0, 30, 1, VEC_TYPE_F32, false},
        {"too small a graph to go on with", {0, 500, 1000, 1200}, 3, 0, 5, 1, VEC_TYPE_F32, false},
        {"bits", {0, 300, 1700, 2000}, 3, 1, 10, 1, VEC_TYPE_BIT, false},
        {"sparse vectors", {0, 300, 1700, 2000}, 3, 1, 10, 1, VEC_TYPE_SPARSE, false},
        {"codes of residuals", {0, 300, 1700, 2000}, 3, 1, 10, 2, VEC_TYPE_F32, true},
        {"codes of residuals, of few rows' cells", {0, 40, 1700, 2000}, 3, 0, 10, 1, VEC_TYPE_F32, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        check_case(&all[i]);
}

/* Again and again, as a growing index does, with rows dying meanwhile: nothing wears out. */
static void
graphs_survive_many_merges(void **state)
{
    const char *directory = cases_directory();
    Cases cases = cases_make(2860, 16, 30, 8);
    VecBuildOptions options = cases_options(16, VEC_METRIC_L2, 8);
    VecBuildOptions flat = options;
    VecBuildResult whole;
    VecSegmentHealth health;
    VecError error = {0};
    uint64_t dead[2800];

    (void)state;
    whole = build_part(directory, &options, &cases, 0, 1200);
    for (uint32_t rows = 1400; rows <= 2800; rows += 200) {
        Parts parts = {.count = 2};
        uint32_t dead_percent = (rows - 1200) / 80;

        flat.segment.kind = VEC_SEGMENT_FLAT;
        flat.codes_of = whole.file_name;
        parts.results[0] = whole;
        parts.results[1] = build_part(directory, &flat, &cases, rows - 200, rows);
        parts.file_names[0] = parts.results[0].file_name;
        parts.file_names[1] = parts.results[1].file_name;
        assert_int_equal(merge_parts(&parts, directory, &options, dead, list_dead(dead, rows, dead_percent),
                                     &vec_allocator_default, &whole, &error),
                         VEC_OK);
    }
    VecIndex *index = open_only(directory, &options, &whole);
    expect_rows(index, 2800, 20);
    assert_int_equal(vec_index_validate(index, 0, NULL, NULL, &health, &error), VEC_OK);
    assert_true(health.rows_reachable >= whole.rows_coded * 0.999);
    assert_true(recall_at_ten(index, &cases, 2800, 20) > 0.985);
    vec_index_close(index);
    cases_remove_directory(directory);
    cases_free(&cases);
}

/* However many of them died one after another, rows that are equal are found, and the segment is a sound one. */
static void
equal_rows_survive_those_between_them(void **state)
{
    enum { ROWS = 4000, EQUAL = 3000, DEAD_FROM = 800, DEAD_TO = 2400 };
    const char *directory = cases_directory();
    Cases cases = cases_make(ROWS, 16, 30, 5);
    VecBuildOptions options = cases_options(16, VEC_METRIC_L2, 8);
    const uint32_t borders[] = {0, ROWS};
    uint64_t dead[ROWS], dead_count = 0;
    VecSegmentHealth health;
    VecBuildResult result;
    VecError error = {0};
    Parts parts;

    (void)state;
    for (uint32_t row = 1; row < EQUAL; row++)
        memcpy(cases_row(&cases, row), cases_row(&cases, 0), 16 * sizeof(float));
    for (uint32_t row = DEAD_FROM; row < DEAD_TO; row++)
        dead[dead_count++] = cases_row_id(row).position;
    build_parts(&parts, directory, &options, &cases, borders, 1, 0);
    assert_int_equal(
        merge_parts(&parts, directory, &options, dead, dead_count, &vec_allocator_default, &result, &error),
        VEC_OK);
    VecIndex *index = open_only(directory, &options, &result);
    if (vec_index_validate(index, 0, NULL, NULL, &health, &error) != VEC_OK)
        fail_msg("%s", error.message);
    assert_true(health.rows_reachable >= result.rows_coded * 0.999);
    vec_index_close(index);
    cases_remove_directory(directory);
    cases_free(&cases);
}

static void
flat_segments_merge_into_a_flat_one(void **state)
{
    const char *directory = cases_directory();
    Cases cases = cases_make(1000, 16, 10, 4);
    VecBuildOptions options = cases_options(16, VEC_METRIC_L2, 4);
    const uint32_t borders[] = {0, 300, 700, 1000};
    uint64_t dead[1000];
    Parts parts;
    VecBuildResult result;
    VecSegmentInfo info;
    VecError error = {0};

    (void)state;
    options.segment.kind = VEC_SEGMENT_FLAT;
    build_parts(&parts, directory, &options, &cases, borders, 3, 0);
    assert_int_equal(merge_parts(&parts, directory, &options, dead, list_dead(dead, 1000, 50),
                                 &vec_allocator_default, &result, &error),
                     VEC_OK);
    VecIndex *index = open_only(directory, &options, &result);
    vec_index_segment_info(index, 0, &info);
    assert_int_equal(info.options.kind, VEC_SEGMENT_FLAT);
    expect_rows(index, 1000, 50);
    assert_int_equal(vec_index_validate(index, 0, NULL, NULL, NULL, &error), VEC_OK);
    vec_index_close(index);

    /* everything may be dead */
    parts = (Parts){.count = 1, .results = {result}, .file_names = {result.file_name}};
    VecBuildResult empty;
    assert_int_equal(merge_parts(&parts, directory, &options, dead, list_dead(dead, 1000, 100),
                                 &vec_allocator_default, &empty, &error),
                     VEC_OK);
    assert_int_equal(empty.rows_coded + empty.rows_exact + empty.rows_null, 0);
    cases_remove_directory(directory);
    cases_free(&cases);
}

static void
unsuitable_inputs_are_refused(void **state)
{
    const char *directory = cases_directory();
    Cases cases = cases_make(400, 16, 10, 4);
    VecBuildOptions options = cases_options(16, VEC_METRIC_L2, 8);
    VecBuildOptions other = cases_options(16, VEC_METRIC_L2, 4);
    VecBuildResult result;
    VecError error = {0};
    Parts parts = {.count = 2};
    char path[4096];

    (void)state;
    /* each trained on its own rows */
    parts.results[0] = build_part(directory, &options, &cases, 0, 200);
    parts.results[1] = build_part(directory, &options, &cases, 200, 400);
    parts.file_names[0] = parts.results[0].file_name;
    parts.file_names[1] = parts.results[1].file_name;
    assert_int_equal(
        merge_parts(&parts, directory, &options, NULL, 0, &vec_allocator_default, &result, &error),
        VEC_INVALID);
    assert_non_null(strstr(error.message, parts.file_names[1]));

    /* codes of residuals */
    VecBuildOptions residual = options;
    residual.segment.kind = VEC_SEGMENT_IVF;
    residual.segment.is_residual = true;
    parts.count = 1;
    assert_int_equal(
        merge_parts(&parts, directory, &residual, NULL, 0, &vec_allocator_default, &result, &error),
        VEC_INVALID);

    /* other bits than wanted, for a merge and for a build that shares codes */
    assert_int_equal(merge_parts(&parts, directory, &other, NULL, 0, &vec_allocator_default, &result, &error),
                     VEC_INVALID);
    VecBuild *build;
    other.codes_of = parts.file_names[0];
    assert_int_equal(vec_build_begin(&other, directory, 10, &vec_allocator_default, &build, &error),
                     VEC_INVALID);
    other.codes_of = "segment.none";
    assert_int_equal(vec_build_begin(&other, directory, 10, &vec_allocator_default, &build, &error),
                     VEC_NOT_FOUND);

    /* out of order */
    VecBuildOptions shared = options;
    shared.codes_of = parts.file_names[0];
    parts.results[1] = build_part(directory, &shared, &cases, 200, 400);
    parts.file_names[1] = parts.file_names[0];
    parts.file_names[0] = parts.results[1].file_name;
    parts.count = 2;
    assert_int_equal(
        merge_parts(&parts, directory, &options, NULL, 0, &vec_allocator_default, &result, &error),
        VEC_INVALID);

    /* a damaged code must not travel on under a new checksum */
    snprintf(path, sizeof(path), "%s/%s", directory, parts.results[0].file_name);
    int file = open(path, O_RDWR);
    assert_int_equal(pwrite(file, "\xDE\xAD", 2, 8192 + 50), 2);
    close(file);
    parts.file_names[0] = parts.results[0].file_name;
    parts.count = 1;
    assert_int_equal(
        merge_parts(&parts, directory, &options, NULL, 0, &vec_allocator_default, &result, &error),
        VEC_CORRUPT);
    parts.file_names[0] = "segment.none";
    assert_int_equal(
        merge_parts(&parts, directory, &options, NULL, 0, &vec_allocator_default, &result, &error),
        VEC_NOT_FOUND);
    cases_remove_directory(directory);
    cases_free(&cases);
}

static void
every_allocation_may_fail(void **state)
{
    const char *directory = cases_directory();
    Cases cases = cases_make(1100, 4, 10, 4);
    VecBuildOptions options = cases_options(4, VEC_METRIC_L2, 8);
    const uint32_t borders[] = {0, 1075, 1100};
    uint64_t dead[1100];
    uint64_t dead_count = list_dead(dead, 1100, 2);
    Parts parts;
    VecStatus status = VEC_NO_MEMORY;

    (void)state;
    options.segment.ef_construction = 10;
    build_parts(&parts, directory, &options, &cases, borders, 2, 0);
    for (uint64_t fail_at = 1; status == VEC_NO_MEMORY; fail_at++) {
        CasesAllocator allocator;
        VecBuildResult result;
        VecError error = {0};

        cases_allocator_init(&allocator, fail_at);
        status =
            merge_parts(&parts, directory, &options, dead, dead_count, &allocator.allocator, &result, &error);
        assert_int_equal(allocator.outstanding, 0);
        assert_true(status == VEC_NO_MEMORY || status == VEC_OK);
    }
    cases_remove_directory(directory);
    cases_free(&cases);
}

/* What one process is writing, another's collector leaves alone; what nobody is writing any more goes. */
static void
collectors_spare_builds_under_way(void **state)
{
    const char *directory = cases_directory();
    VecBuildOptions options = cases_options(8, VEC_METRIC_L2, 8);
    VecStamp stamp = cases_stamp(0);
    VecBuildResult result;
    VecManifest manifest;
    VecControl *control;
    VecBuild *build;
    VecError error = {0};
    uint32_t removed;

    (void)state;
    assert_int_equal(vec_control_open(directory, true, &vec_allocator_default, &control, &error), VEC_OK);
    assert_int_equal(vec_control_lock(control, &error), VEC_OK);
    assert_int_equal(vec_manifest_read(directory, &vec_allocator_default, &manifest, &error), VEC_OK);
    assert_int_equal(vec_build_begin(&options, directory, 0, &vec_allocator_default, &build, &error), VEC_OK);
    assert_int_equal(vec_manifest_collect(&manifest, directory, &removed, &error), VEC_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
    assert_int_equal(vec_manifest_collect(&manifest, directory, &removed, &error), VEC_OK);
    assert_int_equal(removed, 0);
    vec_build_free(build);
    assert_int_equal(vec_manifest_collect(&manifest, directory, &removed, &error), VEC_OK);
    assert_int_equal(removed, 1);
    vec_manifest_free(&manifest);
    vec_control_close(control);
    cases_remove_directory(directory);
}

static void
works_are_claimed_apart(void **state)
{
    const char *directory = cases_directory();
    VecControl *one, *two;
    VecError error = {0};

    (void)state;
    assert_int_equal(vec_control_open(directory, true, &vec_allocator_default, &one, &error), VEC_OK);
    assert_int_equal(vec_control_open(directory, false, &vec_allocator_default, &two, &error), VEC_OK);
    assert_false(vec_control_is_claimed(two, VEC_WORK_MERGE));
    assert_int_equal(vec_control_claim(one, VEC_WORK_MERGE, &error), VEC_OK);
    assert_true(vec_control_is_claimed(one, VEC_WORK_MERGE));
    assert_true(vec_control_is_claimed(two, VEC_WORK_MERGE));
    assert_int_equal(vec_control_claim(two, VEC_WORK_MERGE, &error), VEC_BUSY);
    assert_int_equal(vec_control_claim(two, VEC_WORK_SEAL, &error), VEC_OK);
    assert_int_equal(vec_control_lock(two, &error), VEC_OK);
    vec_control_disclaim(one, VEC_WORK_MERGE);
    assert_int_equal(vec_control_claim(two, VEC_WORK_MERGE, &error), VEC_OK);
    vec_control_close(two);
    assert_false(vec_control_is_claimed(one, VEC_WORK_SEAL));
    vec_control_close(one);
    cases_remove_directory(directory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_segments_find_what_new_ones_find),
        cmocka_unit_test(graphs_survive_many_merges),
        cmocka_unit_test(equal_rows_survive_those_between_them),
        cmocka_unit_test(flat_segments_merge_into_a_flat_one),
        cmocka_unit_test(unsuitable_inputs_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(collectors_spare_builds_under_way),
        cmocka_unit_test(works_are_claimed_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
