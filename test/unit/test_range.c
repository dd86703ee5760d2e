/*
 * test_range.c: searches that are wanted only up to a distance, or only one round: what they give and where they stop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_cases.h"

#define ROWS       4000
#define DIMENSIONS 24

/* What a search gave, by row. */
typedef struct Given {
    uint8_t rows[ROWS];
    uint32_t count;
    uint32_t nulls;
    VecSearchStatistics statistics;
} Given;

static void
search_all(VecIndex *index, const float *query, const VecSearchOptions *options, Given *given)
{
    VecCandidate candidates[32];
    VecSegmentInfo info;
    VecSearch *search;
    VecError error;
    uint32_t count;
    size_t bytes;

    memset(given, 0, sizeof(*given));
    vec_index_segment_info(index, 0, &info);
    const void *vector = cases_vector(&info.options, query, &bytes);
    assert_int_equal(vec_search_begin(index, vector, bytes, options, &search, &error), VEC_OK);
    for (;;) {
        assert_int_equal(vec_search_next(search, candidates, 32, &count, &error), VEC_OK);
        if (count == 0)
            break;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = cases_id_row(&candidates[i].id);

            assert_in_range(row, 0, ROWS - 1);
            assert_int_equal(given->rows[row], 0);
            given->rows[row] = 1;
            given->count++;
            given->nulls += candidates[i].kind == VEC_ROW_NULL;
        }
    }
    vec_search_statistics(search, &given->statistics);
    vec_search_free(search);
}

static int
compare_floats(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;

    return (left > right) - (left < right);
}

/* Every row below the radius is given, for radii that hold none, few, a tenth and all of the rows, and not many others are. */
static void
assert_ranges(VecSegmentKind kind, VecMetric metric)
{
    static const uint32_t sizes[] = {0, 1, 3, 20, 90, 400, ROWS};
    const char *directory = cases_directory();
    Cases cases = cases_make(ROWS + 20, DIMENSIONS, 12, 7);
    VecBuildOptions options = cases_options(DIMENSIONS, metric, 8);
    float *distances = calloc(ROWS, sizeof(float)), *sorted = calloc(ROWS, sizeof(float));
    Given *given = malloc(sizeof(Given));
    uint32_t within = 0, found = 0;

    assert_non_null(distances);
    assert_non_null(sorted);
    assert_non_null(given);
    options.segment.kind = kind;
    VecIndex *index = cases_index(directory, &options, cases.vectors, ROWS);
    for (uint32_t q = 0; q < 20; q++) {
        const float *query = cases_row(&cases, ROWS + q);

        for (uint32_t i = 0; i < ROWS; i++)
            sorted[i] = distances[i] = cases_distance(&options.segment, query, cases_row(&cases, i));
        qsort(sorted, ROWS, sizeof(float), compare_floats);
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            VecSearchOptions search_options = {
                .ef_search = 40,
                .is_range = true,
                .radius = sizes[s] == ROWS ? INFINITY : sorted[sizes[s]]}; /* strictly below: sizes[s] rows */

            search_all(index, query, &search_options, given);
            for (uint32_t i = 0; i < ROWS; i++)
                if (distances[i] < search_options.radius) {
                    within++;
                    found += given->rows[i];
                }
            if (sizes[s] < 100)
                assert_in_range(given->count, 0, 2 * sizes[s] + 200);
            if (kind == VEC_SEGMENT_HNSW && sizes[s] < 100)
                assert_in_range(given->statistics.distances, 1, ROWS - 1);
        }
    }
    print_message("kind %d metric %d: %u of %u rows within the radius\n", kind, metric, found, within);
    /* A flat segment misses nothing; a graph what its walk misses: most under dot products, where some rows are near to nobody. */
    assert_true(found >= within - (kind == VEC_SEGMENT_FLAT ? 0 : within / 33));
    vec_index_close(index);
    cases_remove_directory(directory);
    cases_free(&cases);
    free(given);
    free(sorted);
    free(distances);
}

static void
rows_within_the_radius_are_found(void **state)
{
    static const VecMetric metrics[] = {VEC_METRIC_L2, VEC_METRIC_DOT, VEC_METRIC_COS};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_ranges(VEC_SEGMENT_FLAT, metrics[i]);
        assert_ranges(VEC_SEGMENT_HNSW, metrics[i]);
    }
}

/* Rows without a vector lie in no range, and come after all others or not at all; rows without a code are always given. */
static void
rows_without_codes(void **state)
{
    const char *directory = cases_directory();
    Cases cases = cases_make(ROWS + 1, DIMENSIONS, 12, 11);
    VecBuildOptions options = cases_options(DIMENSIONS, VEC_METRIC_L2, 8);
    VecSearchOptions one_round = {.ef_search = 50, .one_round = true};
    VecSearchOptions nothing = {.ef_search = 50, .is_range = true, .radius = -1.0f};
    Given *given = malloc(sizeof(Given));

    (void)state;
    assert_non_null(given);
    for (uint32_t i = 0; i < 5; i++)
        cases_row(&cases, 100 * i)[0] = INFINITY;
    VecIndex *index = cases_index(directory, &options, cases.vectors, ROWS);
    search_all(index, cases_row(&cases, ROWS), &one_round, given);
    assert_int_equal(given->count, 55);
    search_all(index, cases_row(&cases, ROWS), &nothing, given);
    assert_int_equal(given->count, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(given->rows[100 * i], 1);
    vec_index_close(index);
    cases_remove_directory(directory);

    /* all NULL: nothing was left out before them */
    index = cases_index(directory = cases_directory(), &options, NULL, 30);
    search_all(index, cases_row(&cases, ROWS), &one_round, given);
    assert_int_equal(given->nulls, 30);
    search_all(index, cases_row(&cases, ROWS), &nothing, given);
    assert_int_equal(given->count, 0);
    vec_index_close(index);
    cases_remove_directory(directory);
    cases_free(&cases);
    free(given);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_within_the_radius_are_found),
        cmocka_unit_test(rows_without_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
