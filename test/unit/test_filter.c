/*
 * test_filter.c: searches with a filter: all rows that match, none that does not, each once, in every kind of segment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_cases.h"
#include "vectors/merge.h"

#define ROWS       3000
#define DIMENSIONS 12

typedef struct Filtered {
    char directory[1024];
    Cases cases;
    VecBuildOptions options;
    VecIndex *index;
    uint64_t walked; /* segments, by all searches */
    uint64_t scanned;
    uint64_t unmeasured; /* rows that came as they are, few as they were */
    uint32_t searches;
} Filtered;

static VecBuildOptions
filtered_options(VecSegmentKind kind)
{
    VecBuildOptions options = cases_options(DIMENSIONS, VEC_METRIC_L2, 8);

    options.segment.kind = kind;
    options.segment.key_count = CASES_KEYS;
    options.segment.key_ordered = CASES_KEYS_ORDERED;
    options.segment.m = 8;
    return options;
}

/* Every 50th row has no vector, every 61st one that no code can represent. */
static bool
is_null(uint32_t row)
{
    return row % 50 == 49;
}

static VecBuildResult
build_rows(const Filtered *filtered, const VecBuildOptions *options, uint32_t from, uint32_t to)
{
    VecStamp stamp = cases_stamp(0);
    VecBuildResult result;
    VecError error;
    VecBuild *build;

    stamp.position_from = UINT64_C(10) * from;
    stamp.position_to = UINT64_C(10) * to;
    /* more than there are: keys must be moved together */
    assert_int_equal(vec_build_begin(options, filtered->directory, to - from + 100, &vec_allocator_default,
                                     &build, &error),
                     VEC_OK);
    for (uint32_t row = from; row < to; row++)
        vec_build_sample(build, cases_row(&filtered->cases, row), DIMENSIONS * sizeof(float));
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    for (uint32_t row = from; row < to; row++) {
        VecRowId id = cases_row_id(row);
        const void *vector = is_null(row) ? NULL : cases_row(&filtered->cases, row);

        assert_int_equal(vec_build_add(build, &id, cases_keys(row, CASES_KEYS), vector,
                                       vector == NULL ? 0 : DIMENSIONS * sizeof(float), &error),
                         VEC_OK);
    }
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
    vec_build_free(build);
    return result;
}

static int
setup(void **state)
{
    Filtered *filtered = calloc(1, sizeof(Filtered));

    assert_non_null(filtered);
    snprintf(filtered->directory, sizeof(filtered->directory), "%s", cases_directory());
    filtered->cases = cases_make(ROWS + 1, DIMENSIONS, 40, 9);
    for (uint32_t row = 0; row < ROWS; row += 61)
        cases_row(&filtered->cases, row)[0] = NAN;
    *state = filtered;
    return 0;
}

static int
teardown(void **state)
{
    Filtered *filtered = *state;

    vec_index_close(filtered->index);
    cases_remove_directory(filtered->directory);
    cases_free(&filtered->cases);
    free(filtered);
    return 0;
}

/* The rows as one segment of that kind. */
static void
make_index(Filtered *filtered, VecSegmentKind kind)
{
    filtered->options = filtered_options(kind);
    VecBuildResult result = build_rows(filtered, &filtered->options, 0, ROWS);
    cases_publish(filtered->directory, &result);
    filtered->index = cases_open(filtered->directory, &filtered->options);
    if (vec_index_problem_count(filtered->index) > 0)
        fail_msg("%s", vec_index_problem(filtered->index, 0)->message);
    assert_int_equal(vec_index_validate(filtered->index, 0, NULL, NULL, NULL, NULL), VEC_OK);
}

/* Two parts, the first with a graph and the second flat, that share their codes. */
static VecBuildResult
make_part(Filtered *filtered, const VecBuildResult *first)
{
    VecBuildOptions flat = filtered_options(VEC_SEGMENT_FLAT);

    filtered->options = filtered_options(VEC_SEGMENT_HNSW);
    if (first == NULL)
        return build_rows(filtered, &filtered->options, 0, ROWS * 2 / 3);
    flat.codes_of = first->file_name;
    return build_rows(filtered, &flat, ROWS * 2 / 3, ROWS);
}

/* Whoever begins a search frees it. */
static VecSearch *
begin_search(const Filtered *filtered, const float *vector, const VecSearchOptions *options)
{
    VecSearch *search = NULL;
    VecError error = {0};

    if (vec_search_begin(filtered->index, vector, DIMENSIONS * sizeof(float), options, &search, &error) !=
        VEC_OK)
        fail_msg("%s", error.message);
    return search;
}

/* Searches to the end: each row that the filter lets through and that lives, once. Returns how many there were. */
static uint32_t
expect_matches(Filtered *filtered, const VecFilter *filter, uint32_t ef, uint32_t dead_every)
{
    static const uint32_t wanted[] = {0, 1, 2, 100};
    VecSearchOptions options = {
        .ef_search = ef, .filter = filter, .wanted = wanted[filtered->searches++ % 4]};
    uint8_t *seen = calloc(ROWS, 1);
    uint32_t expected = 0, given = 0, count;
    VecCandidate candidates[37];
    VecError error = {0};
    VecSearchStatistics statistics;
    VecSearch *search;
    bool nulls_begun = false;

    assert_non_null(seen);
    for (uint32_t row = 0; row < ROWS; row++)
        expected += vec_filter_matches(filter, cases_keys(row, CASES_KEYS)) &&
                    (dead_every == 0 || row % dead_every != 0);
    search = begin_search(filtered, cases_row(&filtered->cases, ROWS), &options);
    for (;;) {
        assert_int_equal(vec_search_next(search, candidates, 37, &count, &error), VEC_OK);
        if (count == 0)
            break;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = cases_id_row(&candidates[i].id);

            assert_true(row < ROWS && !seen[row]);
            seen[row] = 1;
            assert_true(vec_filter_matches(filter, cases_keys(row, CASES_KEYS)));
            assert_int_equal(candidates[i].kind, is_null(row)    ? VEC_ROW_NULL
                                                 : row % 61 == 0 ? VEC_ROW_EXACT
                                                                 : VEC_ROW_CODED);
            if (candidates[i].kind == VEC_ROW_CODED && candidates[i].estimate == -INFINITY) {
                assert_true(candidates[i].lower_bound == -INFINITY && !candidates[i].is_exact);
                filtered->unmeasured++;
            }
            assert_true(!nulls_begun || is_null(row));
            nulls_begun = is_null(row);
            given++;
        }
    }
    assert_int_equal(given, expected);
    vec_search_statistics(search, &statistics);
    filtered->walked += statistics.segments_walked;
    filtered->scanned += statistics.segments_scanned;
    vec_search_free(search);
    free(seen);
    return given;
}

#define RANGE(k, from, to)                                                                                   \
    {                                                                                                        \
        .kind = VEC_CONDITION_RANGE, .key = (k), .width = 1, .low = (from), .high = (to)                     \
    }
#define VALUES(what, k, w, list, n)                                                                          \
    {                                                                                                        \
        .kind = (what), .key = (k), .width = (w), .values = (list), .value_count = (n)                       \
    }
#define NULLNESS(what, k)                                                                                    \
    {                                                                                                        \
        .kind = (what), .key = (k), .width = 1                                                               \
    }

static const uint64_t numbers[] = {0, 3, 17, 18, 19, 99, 1000};
static const uint64_t far_rows[] = {UINT32_MAX - 2999, UINT32_MAX - 7, UINT32_MAX};
static const uint64_t words[] = {1, 0, 0, 2, UINT64_C(1) << 63, 5, 0, 0};

/* One condition of every kind, with what decides it at the borders, and a few that nothing or everything fulfils. */
static const VecCondition conditions[] = {
    RANGE(0, 5, 5),
    RANGE(0, 0, 0),
    RANGE(0, 0, 49),
    RANGE(0, 98, UINT64_MAX),
    RANGE(0, 0, UINT64_MAX),
    RANGE(0, 7, 6),
    RANGE(1, UINT32_MAX - 11, UINT32_MAX - 2),
    RANGE(1, 0, UINT32_MAX - 2990),
    RANGE(2, 3, 3),
    RANGE(2, 0, 0),
    RANGE(5, UINT64_C(1) << 63, UINT64_MAX),
    VALUES(VEC_CONDITION_IN, 0, 1, numbers, 7),
    VALUES(VEC_CONDITION_IN, 0, 1, numbers + 6, 1),
    VALUES(VEC_CONDITION_IN, 0, 1, NULL, 0),
    VALUES(VEC_CONDITION_IN, 1, 1, far_rows, 3),
    VALUES(VEC_CONDITION_IN, 2, 1, numbers, 2),
    VALUES(VEC_CONDITION_CONTAINS_ALL, 3, 2, words, 1),
    VALUES(VEC_CONDITION_CONTAINS_ALL, 3, 2, words, 3),
    VALUES(VEC_CONDITION_CONTAINS_ALL, 3, 2, words + 6, 1),
    VALUES(VEC_CONDITION_CONTAINS_ALL, 3, 2, NULL, 0),
    VALUES(VEC_CONDITION_CONTAINS_ANY, 3, 2, words, 3),
    VALUES(VEC_CONDITION_CONTAINS_ANY, 3, 2, NULL, 0),
    VALUES(VEC_CONDITION_CONTAINS_ANY, 4, 1, words + 4, 2),
    NULLNESS(VEC_CONDITION_IS_NULL, 0),
    NULLNESS(VEC_CONDITION_IS_NULL, 1),
    NULLNESS(VEC_CONDITION_IS_NULL, 3),
    NULLNESS(VEC_CONDITION_IS_NOT_NULL, 0),
    NULLNESS(VEC_CONDITION_IS_NOT_NULL, 4),
};
#define CONDITION_COUNT (sizeof(conditions) / sizeof(conditions[0]))

/* Each condition alone, each pair, and none at all. */
static void
expect_all_filters(Filtered *filtered, uint32_t dead_every)
{
    VecFilter none = {0};
    uint32_t most = 0;

    expect_matches(filtered, &none, 20, dead_every);
    for (uint32_t i = 0; i < CONDITION_COUNT; i++) {
        VecFilter one = {&conditions[i], 1};
        uint32_t count = expect_matches(filtered, &one, 1 + i % 8, dead_every);

        most = count > most ? count : most;
        for (uint32_t j = i; j < CONDITION_COUNT; j++) {
            VecCondition both[] = {conditions[i], conditions[j]};
            VecFilter two = {both, 2};

            expect_matches(filtered, &two, 1 + j % 2, dead_every);
        }
    }
    assert_true(most > ROWS / 2);
}

static void
graphs_give_exactly_the_rows_that_match(void **state)
{
    Filtered *filtered = *state;

    make_index(filtered, VEC_SEGMENT_HNSW);
    expect_all_filters(filtered, 0);
    assert_true(filtered->walked > 30 && filtered->scanned > 50 && filtered->unmeasured > 50);
}

static void
flat_segments_give_exactly_the_rows_that_match(void **state)
{
    Filtered *filtered = *state;

    make_index(filtered, VEC_SEGMENT_FLAT);
    expect_all_filters(filtered, 0);
    assert_int_equal(filtered->walked, 0);
    assert_true(filtered->unmeasured > 50);
}

static void
several_segments_give_exactly_the_rows_that_match(void **state)
{
    Filtered *filtered = *state;
    VecBuildResult results[2];

    results[0] = make_part(filtered, NULL);
    cases_publish(filtered->directory, &results[0]);
    results[1] = make_part(filtered, &results[0]);
    cases_publish(filtered->directory, &results[1]);
    filtered->index = cases_open(filtered->directory, &filtered->options);
    assert_int_equal(vec_index_segment_count(filtered->index), 2);
    expect_all_filters(filtered, 0);
}

/* Merges take the keys along, of living rows, exceptions included. */
static void
merges_keep_the_keys_of_living_rows(void **state)
{
    Filtered *filtered = *state;
    static uint64_t dead[ROWS];
    VecBuildResult results[2], merged;
    const char *names[2];
    VecError error = {0};
    VecBuild *build;
    uint64_t dead_count = 0;

    results[0] = make_part(filtered, NULL);
    results[1] = make_part(filtered, &results[0]);
    for (uint32_t row = 0; row < ROWS; row += 3)
        dead[dead_count++] = cases_row_id(row).position;
    for (int i = 0; i < 2; i++)
        names[i] = results[i].file_name;
    VecMergeOptions merge = {.build = filtered->options,
                             .file_names = names,
                             .file_count = 2,
                             .dead = dead,
                             .dead_count = dead_count};
    VecStamp stamp = results[0].stamp;

    merge.build.segment.key_count--;
    merge.build.segment.key_ordered = 0;
    assert_int_equal(vec_merge_begin(&merge, filtered->directory, &vec_allocator_default, &build, &error),
                     VEC_INVALID);
    merge.build.segment = filtered->options.segment;

    stamp.position_to = results[1].stamp.position_to;
    if (vec_merge_begin(&merge, filtered->directory, &vec_allocator_default, &build, &error) != VEC_OK)
        fail_msg("%s", error.message);
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &merged, &error), VEC_OK);
    vec_build_free(build);
    cases_publish(filtered->directory, &merged);
    filtered->index = cases_open(filtered->directory, &filtered->options);
    assert_int_equal(vec_index_segment_count(filtered->index), 1);
    assert_int_equal(vec_index_validate(filtered->index, 0, NULL, NULL, NULL, NULL), VEC_OK);
    expect_all_filters(filtered, 3);
}

static void
filters_are_checked(void **state)
{
    Filtered *filtered = *state;
    static const uint64_t twice[] = {4, 4};
    static const VecCondition wrong[] = {
        RANGE(CASES_KEYS, 0, 0),
        RANGE(UINT32_MAX, 0, 0),
        {.kind = VEC_CONDITION_RANGE, .key = 0, .width = 0},
        {.kind = VEC_CONDITION_RANGE, .key = 0, .width = 2},
        {.kind = (VecConditionKind)6, .key = 0, .width = 1},
        VALUES(VEC_CONDITION_IN, 0, 1, twice, 2),
        VALUES(VEC_CONDITION_IN, 0, 2, numbers, 1),
        VALUES(VEC_CONDITION_IN, 0, 1, NULL, 1),
        VALUES(VEC_CONDITION_CONTAINS_ALL, 5, 2, words, 1),
        VALUES(VEC_CONDITION_CONTAINS_ALL, 1, UINT32_MAX, words, 1),
        VALUES(VEC_CONDITION_CONTAINS_ALL, 1, 2, words, VEC_VALUES_MAX / 2 + 1),
    };
    static VecCondition many[VEC_CONDITIONS_MAX + 1];
    VecSearch *search;
    VecError error;

    make_index(filtered, VEC_SEGMENT_FLAT);
    for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        VecFilter filter = {&wrong[i], 1};
        VecSearchOptions options = {.ef_search = 10, .filter = &filter};

        assert_false(vec_filter_is_valid(&filter, CASES_KEYS));
        assert_int_equal(vec_search_begin(filtered->index, cases_row(&filtered->cases, ROWS),
                                          DIMENSIONS * sizeof(float), &options, &search, &error),
                         VEC_INVALID);
    }
    for (uint32_t i = 0; i <= VEC_CONDITIONS_MAX; i++)
        many[i] = conditions[0];
    assert_true(vec_filter_is_valid(&(VecFilter){many, VEC_CONDITIONS_MAX}, 1));
    assert_false(vec_filter_is_valid(&(VecFilter){many, VEC_CONDITIONS_MAX + 1}, 1));
}

/* How many of the coded rows that match are nearer to a vector than one of them. */
static uint32_t
rows_nearer(const Filtered *filtered, const VecFilter *filter, const float *vector, uint32_t row)
{
    const VecSegmentOptions *segment = &filtered->options.segment;
    float distance = cases_distance(segment, vector, cases_row(&filtered->cases, row));
    uint32_t nearer = 0;

    for (uint32_t other = 0; other < ROWS; other++)
        nearer += other % 61 != 0 && !is_null(other) &&
                  vec_filter_matches(filter, cases_keys(other, CASES_KEYS)) &&
                  cases_distance(segment, vector, cases_row(&filtered->cases, other)) < distance;
    return nearer;
}

/* The first rows of a search, as they come by estimate, are the nearest of those that match, but for a few. */
static void
filtered_walks_find_the_nearest(void **state)
{
    static const VecCondition wide[] = {RANGE(0, 0, 49), RANGE(2, 0, 2), RANGE(5, 0, UINT64_MAX / 2)};
    Filtered *filtered = *state;
    uint32_t hits = 0, wanted = 0;

    make_index(filtered, VEC_SEGMENT_HNSW);
    for (uint32_t query = 1; query < ROWS; query += 97) {
        VecFilter filter = {&wide[query % 3], 1};
        VecSearchOptions options = {.ef_search = 6, .filter = &filter, .one_round = true};
        const float *vector = cases_row(&filtered->cases, query);
        VecSearchStatistics statistics;
        VecCandidate candidates[64];
        uint32_t given = 0, count;
        VecSearch *search;
        VecError error;

        if (query % 61 == 0)
            continue;
        search = begin_search(filtered, vector, &options);
        do {
            assert_int_equal(vec_search_next(search, candidates, 64, &count, &error), VEC_OK);
            for (uint32_t i = 0; i < count; i++) {
                if (candidates[i].kind != VEC_ROW_CODED)
                    continue;
                given++;
                hits += rows_nearer(filtered, &filter, vector, cases_id_row(&candidates[i].id)) <
                        options.ef_search;
            }
        } while (count > 0);
        assert_int_equal(given, options.ef_search);
        wanted += given;
        vec_search_statistics(search, &statistics);
        filtered->walked += statistics.segments_walked;
        vec_search_free(search);
    }
    assert_true(filtered->walked > 20);
    if (hits < wanted * 9 / 10)
        fail_msg("%u of %u", hits, wanted);
}

static bool
count_polls(void *context, uint64_t rows_done, uint64_t rows_total)
{
    uint32_t *polls = context;

    (void)rows_done, (void)rows_total;
    assert_true(++*polls < 10000);
    return false;
}

/* A crowd of equal rows that do not match is passed in one go, not row by row, by whoever reads to the end. */
static void
crowds_that_do_not_match_are_passed(void **state)
{
    enum { CROWD = 6000, ALL = 3 * CROWD };
    static const VecCondition others = RANGE(0, 1, 1);
    Filtered *filtered = *state;
    VecFilter filter = {&others, 1};
    uint32_t polls = 0, given = 0, count;
    VecSearchOptions search_options = {
        .ef_search = 20, .filter = &filter, .should_stop = count_polls, .should_stop_context = &polls};
    Cases cases = cases_make(ALL, DIMENSIONS, 100, 5);
    VecStamp stamp = cases_stamp(ALL);
    VecCandidate candidates[64];
    VecBuildResult result;
    VecSearch *search;
    VecError error;
    VecBuild *build;

    filtered->options = cases_options(DIMENSIONS, VEC_METRIC_L2, 8);
    filtered->options.segment.key_count = filtered->options.segment.key_ordered = 1;
    filtered->options.segment.m = 8;
    for (uint32_t row = 0; row < ALL; row += 3)
        memcpy(cases_row(&cases, row), cases_row(&cases, 0), DIMENSIONS * sizeof(float));
    assert_int_equal(
        vec_build_begin(&filtered->options, filtered->directory, ALL, &vec_allocator_default, &build, &error),
        VEC_OK);
    for (uint32_t row = 0; row < ALL; row++)
        vec_build_sample(build, cases_row(&cases, row), DIMENSIONS * sizeof(float));
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    for (uint32_t row = 0; row < ALL; row++) {
        uint64_t word = row % 3 != 0;
        VecKeys keys = {.keys = &word};
        VecRowId id = cases_row_id(row);

        assert_int_equal(
            vec_build_add(build, &id, &keys, cases_row(&cases, row), DIMENSIONS * sizeof(float), &error),
            VEC_OK);
    }
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
    vec_build_free(build);
    cases_publish(filtered->directory, &result);
    filtered->index = cases_open(filtered->directory, &filtered->options);
    search = begin_search(filtered, cases_row(&cases, 1), &search_options);
    do {
        assert_int_equal(vec_search_next(search, candidates, 64, &count, &error), VEC_OK);
        given += count;
    } while (count > 0);
    vec_search_free(search);
    cases_free(&cases);
    assert_int_equal(given, ALL - CROWD);
}

/* Few rows come unmeasured, in no order: also a search of one round, narrower than they are many, gives all of them. */
static void
few_matches_are_given_in_one_round(void **state)
{
    static const VecCondition few = RANGE(1, UINT32_MAX - 20, UINT32_MAX - 1);
    VecFilter filter = {&few, 1};
    VecSearchOptions options = {.ef_search = 2, .filter = &filter, .one_round = true};
    Filtered *filtered = *state;
    uint32_t expected = 0, given = 0, count;
    VecCandidate candidates[64];
    VecSearch *search;
    VecError error;

    make_index(filtered, VEC_SEGMENT_HNSW);
    for (uint32_t row = 0; row < ROWS; row++)
        expected +=
            vec_filter_matches(&filter, cases_keys(row, CASES_KEYS)) && !is_null(row) && row % 61 != 0;
    search = begin_search(filtered, cases_row(&filtered->cases, ROWS), &options);
    do {
        assert_int_equal(vec_search_next(search, candidates, 64, &count, &error), VEC_OK);
        for (uint32_t i = 0; i < count; i++)
            given += candidates[i].kind == VEC_ROW_CODED;
    } while (count > 0);
    vec_search_free(search);
    assert_true(expected > 10);
    assert_int_equal(given, expected);
}

/* Rows that come unmeasured where so many are wanted. */
static uint32_t
count_unmeasured(const Filtered *filtered, const VecFilter *filter, VecSearchOptions options)
{
    options.ef_search = 40;
    options.filter = filter;
    VecSearch *search = begin_search(filtered, cases_row(&filtered->cases, ROWS), &options);
    uint32_t unmeasured = 0, count;
    VecCandidate candidates[64];
    VecError error;

    do {
        assert_int_equal(vec_search_next(search, candidates, 64, &count, &error), VEC_OK);
        for (uint32_t i = 0; i < count; i++)
            unmeasured += candidates[i].kind == VEC_ROW_CODED && candidates[i].estimate == -INFINITY;
    } while (count > 0);
    vec_search_free(search);
    return unmeasured;
}

/* Rows with codes, of those before `end`, that match. */
static uint32_t
count_coded(const VecFilter *filter, uint32_t from, uint32_t end)
{
    uint32_t count = 0;

    for (uint32_t row = from; row < end; row++)
        count += vec_filter_matches(filter, cases_keys(row, CASES_KEYS)) && !is_null(row) && row % 61 != 0;
    return count;
}

/*
 * Where about as many rows match as are wanted, all are read anyway, and none is measured before: of one condition, and of two. Not in a single
 * round, nor where the caller needs estimates.
 */
static void
as_many_as_are_wanted_are_not_measured(void **state)
{
    static const VecCondition one[] = {RANGE(1, UINT32_MAX - 110, UINT32_MAX - 1)};
    static const VecCondition two[] = {RANGE(1, UINT32_MAX - 500, UINT32_MAX - 1), RANGE(2, 1, 1)};
    VecFilter filters[] = {{one, 1}, {two, 2}};
    Filtered *filtered = *state;

    make_index(filtered, VEC_SEGMENT_HNSW);
    for (uint32_t i = 0; i < 2; i++) {
        const VecFilter *filter = &filters[i];
        uint32_t expected = count_coded(filter, 0, ROWS);

        assert_in_range(expected, 90, 125);
        assert_int_equal(count_unmeasured(filtered, filter, (VecSearchOptions){.wanted = 0}), 0);
        assert_int_equal(count_unmeasured(filtered, filter, (VecSearchOptions){.wanted = 50}), 0);
        assert_int_equal(count_unmeasured(filtered, filter, (VecSearchOptions){.wanted = 120}), expected);
        assert_int_equal(count_unmeasured(filtered, filter, (VecSearchOptions){.wanted = UINT32_MAX}),
                         expected);
        assert_int_equal(
            count_unmeasured(filtered, filter, (VecSearchOptions){.wanted = 120, .one_round = true}), 0);
        assert_int_equal(
            count_unmeasured(filtered, filter, (VecSearchOptions){.wanted = 120, .needs_estimates = true}),
            0);
    }
}

/* Of several segments each has its share of what is wanted. */
static void
segments_share_what_is_wanted(void **state)
{
    static const VecCondition one[] = {RANGE(1, UINT32_MAX - 2080, UINT32_MAX - 1920)};
    VecFilter filter = {one, 1};
    Filtered *filtered = *state;
    VecBuildResult results[2];

    for (uint32_t i = 0; i < 2; i++) {
        results[i] = make_part(filtered, i == 0 ? NULL : &results[0]);
        cases_publish(filtered->directory, &results[i]);
    }
    filtered->index = cases_open(filtered->directory, &filtered->options);
    uint32_t first = count_coded(&filter, 0, ROWS * 2 / 3), second = count_coded(&filter, ROWS * 2 / 3, ROWS);

    assert_in_range(first, 70, 80); /* 75 of two thirds and of one third of the rows */
    assert_in_range(second, 70, 80);
    assert_int_equal(count_unmeasured(filtered, &filter, (VecSearchOptions){.wanted = 120}), first);
    assert_int_equal(count_unmeasured(filtered, &filter, (VecSearchOptions){.wanted = 200}), first + second);
}

/* A walk as without a filter is as wide as to find what is wanted in its first round. */
static void
walks_are_as_wide_as_what_is_wanted(void **state)
{
    enum { ALL = 12000, WANTED = 6 };
    static const VecCondition some = RANGE(0, 0, 39);
    VecFilter filter = {&some, 1};
    Filtered *filtered = *state;
    Cases cases = cases_make(ALL, DIMENSIONS, 40, 9);
    uint32_t rounds[2] = {0}, hits[2] = {0}, searches = 0;
    VecBuildResult result;

    filtered->options = filtered_options(VEC_SEGMENT_HNSW);
    result = cases_build(filtered->directory, &filtered->options, cases.vectors, ALL);
    cases_publish(filtered->directory, &result);
    filtered->index = cases_open(filtered->directory, &filtered->options);
    for (uint32_t query = 1; query < ALL; query += 397, searches++)
        for (uint32_t known = 0; known < 2; known++) {
            VecSearchOptions options = {.ef_search = WANTED, .filter = &filter, .wanted = known * WANTED};
            const float *vector = cases_row(&cases, query);
            VecSearch *search = begin_search(filtered, vector, &options);
            VecSearchStatistics statistics;
            VecError error;

            for (uint32_t given = 0, count; given < WANTED; given++) {
                VecCandidate candidate;
                uint32_t nearer = 0;

                assert_int_equal(vec_search_next(search, &candidate, 1, &count, &error), VEC_OK);
                assert_int_equal(count, 1);
                float distance = cases_distance(&filtered->options.segment, vector,
                                                cases_row(&cases, cases_id_row(&candidate.id)));
                for (uint32_t row = 0; row < ALL; row++)
                    nearer +=
                        vec_filter_matches(&filter, cases_keys(row, CASES_KEYS)) &&
                        cases_distance(&filtered->options.segment, vector, cases_row(&cases, row)) < distance;
                hits[known] += nearer < WANTED;
            }
            vec_search_statistics(search, &statistics);
            assert_int_equal(statistics.segments_walked, 1);
            rounds[known] += (uint32_t)statistics.rounds;
            vec_search_free(search);
        }
    cases_free(&cases);
    assert_true(rounds[0] > searches * 3 / 2);
    assert_true(rounds[1] < searches * 11 / 10);
    if (hits[1] + searches * WANTED / 30 < hits[0])
        fail_msg("%u and %u of %u", (unsigned)hits[0], (unsigned)hits[1], (unsigned)(searches * WANTED));
}

/* Where many match, a walk as without a filter finds them: a round gives fewer than it is wide, and the next ones the rest, in order. */
static void
many_matches_are_found_by_any_walk(void **state)
{
    enum { WANTED = 6 };
    static const VecCondition wide[] = {RANGE(0, 0, 49), RANGE(2, 0, 2), RANGE(5, 0, UINT64_MAX / 2)};
    Filtered *filtered = *state;
    uint32_t hits = 0, searches = 0, rounds = 0;

    make_index(filtered, VEC_SEGMENT_HNSW);
    for (uint32_t query = 1; query < ROWS; query += 97) {
        VecFilter filter = {&wide[query % 3], 1};
        VecSearchOptions options = {.ef_search = WANTED, .filter = &filter};
        const float *vector = cases_row(&filtered->cases, query);
        VecSearchStatistics statistics;
        uint32_t given = 0, count;
        VecSearch *search;
        VecError error;

        if (query % 61 == 0)
            continue;
        search = begin_search(filtered, vector, &options);
        while (given < WANTED) {
            VecCandidate candidate;

            assert_int_equal(vec_search_next(search, &candidate, 1, &count, &error), VEC_OK);
            assert_int_equal(count, 1);
            if (candidate.kind != VEC_ROW_CODED)
                continue;
            uint32_t row = cases_id_row(&candidate.id);
            assert_true(vec_filter_matches(&filter, cases_keys(row, CASES_KEYS)));
            given++;
            hits += rows_nearer(filtered, &filter, vector, row) < WANTED;
        }
        searches++;
        vec_search_statistics(search, &statistics);
        rounds += statistics.rounds;
        vec_search_free(search);
    }
    assert_true(rounds > searches * 3 / 2);
    if (hits < searches * WANTED * 9 / 10)
        fail_msg("%u of %u", (unsigned)hits, (unsigned)(searches * WANTED));
}

/* One condition with an order is counted; of others a sample says how many. */
static void
estimates_are_near(void **state)
{
    Filtered *filtered = *state;

    make_index(filtered, VEC_SEGMENT_FLAT);
    for (uint32_t i = 0; i < CONDITION_COUNT; i++) {
        VecFilter filter = {&conditions[i], 1};
        double estimate, expected = 0;
        VecError error;

        for (uint32_t row = 0; row < ROWS; row++)
            expected += vec_filter_matches(&filter, cases_keys(row, CASES_KEYS));
        assert_int_equal(vec_index_estimate(filtered->index, &filter, &estimate, &error), VEC_OK);
        bool is_counted = conditions[i].key != 3 && conditions[i].key != 4;
        if (fabs(estimate - expected) > (is_counted ? 0.5 : ROWS * 0.1))
            fail_msg("condition %u: %g instead of %g", i, estimate, expected);
    }
    double estimate;
    VecError error;
    VecFilter wrong = {&(VecCondition)RANGE(CASES_KEYS, 0, 0), 1};
    assert_int_equal(vec_index_estimate(filtered->index, &wrong, &estimate, &error), VEC_INVALID);
}

static bool
stop_always(void *context, uint64_t rows_done, uint64_t rows_total)
{
    uint32_t *calls = context;

    (void)rows_done;
    (void)rows_total;
    return ++*calls % 3 != 0;
}

/* Whatever allocation fails, and however often the search is stopped: a clear status, and it can go on. */
static void
searches_with_filters_survive_failures(void **state)
{
    static const VecCondition both[] = {RANGE(0, 0, 80), VALUES(VEC_CONDITION_CONTAINS_ANY, 3, 2, words, 3)};
    static const VecCondition few = RANGE(1, UINT32_MAX - 20, UINT32_MAX - 1);
    static const VecFilter filters[] = {{both, 1}, {&few, 1}, {both, 2}};
    Filtered *filtered = *state;
    CasesAllocator allocator;
    uint32_t successes = 0;
    VecError error;

    make_index(filtered, VEC_SEGMENT_HNSW);
    for (uint64_t fail_at = 1;; fail_at++) {
        VecIndexOpenOptions open_options = {.expectation = {.dimensions = DIMENSIONS,
                                                            .metric = VEC_METRIC_L2,
                                                            .element_type = VEC_TYPE_F32,
                                                            .key_count = CASES_KEYS}};
        VecFilter filter = filters[fail_at % 3];
        uint32_t calls = 0, given = 0, expected = 0, failures = 0, count;
        VecSearchOptions options = {
            .ef_search = 2, .filter = &filter, .should_stop = stop_always, .should_stop_context = &calls};
        VecCandidate candidates[64];
        VecSearch *search = NULL;
        VecIndex *index = NULL;
        double estimate;
        VecStatus status;

        cases_allocator_init(&allocator, 0);
        assert_int_equal(
            vec_index_open(filtered->directory, &open_options, &allocator.allocator, &index, &error), VEC_OK);
        allocator.fail_at = allocator.calls + fail_at;
        failures += vec_index_estimate(index, &filter, &estimate, &error) == VEC_NO_MEMORY;
        while ((status = vec_search_begin(index, cases_row(&filtered->cases, ROWS),
                                          DIMENSIONS * sizeof(float), &options, &search, &error)) != VEC_OK) {
            assert_int_equal(status, VEC_NO_MEMORY);
            assert_true(++failures < 3);
        }
        for (;;) {
            status = vec_search_next(search, candidates, 64, &count, &error);
            if (status == VEC_OK && count == 0)
                break;
            assert_true(status == VEC_OK || status == VEC_NO_MEMORY || status == VEC_INTERRUPTED);
            failures += status == VEC_NO_MEMORY;
            given += count;
        }
        for (uint32_t row = 0; row < ROWS; row++)
            expected += vec_filter_matches(&filter, cases_keys(row, CASES_KEYS));
        assert_int_equal(given, expected);
        vec_search_free(search);
        vec_index_close(index);
        assert_int_equal(allocator.outstanding, 0);
        assert_true(failures <= 1);
        successes = failures == 0 ? successes + 1 : 0;
        if (successes == sizeof(filters) / sizeof(filters[0])) /* none of them allocates so often */
            break;
    }
}

static bool
stop_sometimes(void *context, uint64_t rows_done, uint64_t rows_total)
{
    uint32_t *calls = context;

    (void)rows_done;
    (void)rows_total;
    return ++*calls % 2 == 0;
}

/* A build that is interrupted again and again ends with the same bytes, orders of keys included. */
static void
interrupted_builds_sort_on(void **state)
{
    Filtered *filtered = *state;
    VecBuildOptions options = filtered_options(VEC_SEGMENT_FLAT);
    uint32_t calls = 0, interrupted = 0;
    VecBuildResult results[2];
    VecStamp stamp = cases_stamp(ROWS);
    VecError error;
    VecStatus status;

    for (int i = 0; i < 2; i++) {
        VecBuild *build;

        assert_int_equal(
            vec_build_begin(&options, filtered->directory, ROWS, &vec_allocator_default, &build, &error),
            VEC_OK);
        assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
        for (uint32_t row = 0; row < ROWS; row++) {
            VecRowId id = cases_row_id(row);

            assert_int_equal(vec_build_add(build, &id, cases_keys(row, CASES_KEYS), NULL, 0, &error), VEC_OK);
        }
        while ((status = vec_build_graph(build, i == 1 ? stop_sometimes : NULL, &calls, &error)) ==
               VEC_INTERRUPTED)
            interrupted++;
        assert_int_equal(status, VEC_OK);
        while ((status = vec_build_finish(build, &stamp, i == 1 ? stop_sometimes : NULL, &calls, &results[i],
                                          &error)) == VEC_INTERRUPTED)
            interrupted++;
        assert_int_equal(status, VEC_OK);
        vec_build_free(build);
    }
    assert_true(interrupted > 3);
    assert_int_equal(results[0].header_checksum, results[1].header_checksum);
}

/* A column of other keys is not this index's. */
static void
segments_with_other_keys_are_foreign(void **state)
{
    Filtered *filtered = *state;
    VecBuildOptions other;

    make_index(filtered, VEC_SEGMENT_FLAT);
    vec_index_close(filtered->index);
    other = filtered->options;
    other.segment.key_count--;
    filtered->index = cases_open(filtered->directory, &other);
    assert_int_equal(vec_index_segment_count(filtered->index), 0);
    assert_int_equal(vec_index_problem(filtered->index, 0)->kind, VEC_PROBLEM_FOREIGN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(graphs_give_exactly_the_rows_that_match, setup, teardown),
        cmocka_unit_test_setup_teardown(flat_segments_give_exactly_the_rows_that_match, setup, teardown),
        cmocka_unit_test_setup_teardown(several_segments_give_exactly_the_rows_that_match, setup, teardown),
        cmocka_unit_test_setup_teardown(merges_keep_the_keys_of_living_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(filters_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(filtered_walks_find_the_nearest, setup, teardown),
        cmocka_unit_test_setup_teardown(crowds_that_do_not_match_are_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(few_matches_are_given_in_one_round, setup, teardown),
        cmocka_unit_test_setup_teardown(as_many_as_are_wanted_are_not_measured, setup, teardown),
        cmocka_unit_test_setup_teardown(segments_share_what_is_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(walks_are_as_wide_as_what_is_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(many_matches_are_found_by_any_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(estimates_are_near, setup, teardown),
        cmocka_unit_test_setup_teardown(searches_with_filters_survive_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupted_builds_sort_on, setup, teardown),
        cmocka_unit_test_setup_teardown(segments_with_other_keys_are_foreign, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
