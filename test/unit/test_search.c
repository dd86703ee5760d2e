/*
 * test_search.c: what a search promises: every row once, nearest first and found, bounds that hold, for every metric and size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_cases.h"
#include "probe.h"
#include "sealed.h"
#include "vectors/distance.h"

static VecSearch *
begin(VecIndex *index, const float *query, uint32_t ef_search)
{
    VecSearchOptions options = {.ef_search = ef_search, .nprobe = 16};
    VecSegmentInfo info;
    VecSearch *search;
    VecError error;
    size_t bytes;

    vec_index_segment_info(index, 0, &info);

    const void *vector = cases_vector(&info.options, query, &bytes);
    assert_int_equal(vec_search_begin(index, vector, bytes, &options, &search, &error), VEC_OK);
    return search;
}

/* Iterates to the end: every row 0 .. count-1 must come exactly once; exceptions first, NULLs last. */
static void
assert_complete(VecIndex *index, const float *query, uint32_t count, uint32_t ef_search, uint32_t batch)
{
    VecSearch *search = begin(index, query, ef_search);
    VecCandidate *candidates = calloc(batch, sizeof(VecCandidate));
    uint8_t *seen = calloc(count + 1, 1);
    VecRowKind last = VEC_ROW_EXACT;
    uint32_t got, total = 0;
    VecError error;

    assert_non_null(candidates);
    assert_non_null(seen);
    for (;;) {
        assert_int_equal(vec_search_next(search, candidates, batch, &got, &error), VEC_OK);
        if (got == 0)
            break;
        for (uint32_t i = 0; i < got; i++) {
            uint32_t row = cases_id_row(&candidates[i].id);

            assert_in_range(row, 0, count - 1);
            assert_int_equal(seen[row], 0);
            seen[row] = 1;
            total++;
            assert_false(candidates[i].kind == VEC_ROW_EXACT && last != VEC_ROW_EXACT);
            assert_false(candidates[i].kind == VEC_ROW_CODED && last == VEC_ROW_NULL);
            last = candidates[i].kind;
        }
    }
    assert_int_equal(total, count);
    assert_int_equal(vec_search_next(search, candidates, batch, &got, &error), VEC_OK);
    assert_int_equal(got, 0);
    vec_search_free(search);
    free(candidates);
    free(seen);
}

static void
every_row_once(void **state)
{
    static const uint32_t counts[] = {0, 1, 2, 10, 1000};

    (void)state;
    for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
        for (int kind = VEC_SEGMENT_FLAT; kind <= VEC_SEGMENT_HNSW; kind++) {
            const char *directory = cases_directory();
            VecBuildOptions options = cases_options(17, VEC_METRIC_L2, 8);
            Cases cases = cases_make(counts[n] + 1, 17, 20, 1);

            options.segment.kind = (VecSegmentKind)kind;
            VecIndex *index = cases_index(directory, &options, cases.vectors, counts[n]);
            for (uint32_t ef = 1; ef <= 64; ef *= 4)
                assert_complete(index, cases_row(&cases, counts[n]), counts[n], ef, ef == 4 ? 1 : 7);
            vec_index_close(index);
            cases_free(&cases);
            cases_remove_directory(directory);
        }
    }
}

static void
every_row_once_when_all_are_equal(void **state)
{
    (void)state;
    for (uint32_t bits = 4; bits <= 8; bits += 4) {
        const char *directory = cases_directory();
        VecBuildOptions options = cases_options(5, VEC_METRIC_COS, bits);
        Cases cases = cases_make(500, 5, 1, 3);

        for (uint32_t i = 1; i < cases.count; i++)
            memcpy(cases_row(&cases, i), cases_row(&cases, i % 100 == 0 ? i : 0), 5 * sizeof(float));
        VecIndex *index = cases_index(directory, &options, cases.vectors, cases.count);
        assert_complete(index, cases_row(&cases, 0), cases.count, 10, 16);
        assert_complete(index, cases_row(&cases, 100), cases.count, 3, 16);
        vec_index_close(index);
        cases_free(&cases);
        cases_remove_directory(directory);
    }
}

/* Rows that no code represents are given as such, NULLs last, and the index validates. */
static void
exceptions_come_as_exceptions(void **state)
{
    const char *directory = cases_directory();
    Cases cases = cases_make(101, 8, 4, 5);
    VecBuildOptions options = cases_options(8, VEC_METRIC_COS, 8);
    VecBuild *build;
    VecBuildResult result;
    VecStamp stamp = cases_stamp(100);
    VecError error;

    (void)state;
    cases_row(&cases, 3)[2] = NAN;
    cases_row(&cases, 4)[7] = INFINITY;
    cases_row(&cases, 5)[0] = -INFINITY;
    memset(cases_row(&cases, 6), 0, 8 * sizeof(float));
    for (int j = 0; j < 8; j++)
        cases_row(&cases, 7)[j] = 1e30f * (float)j; /* cosine does not mind */
    assert_int_equal(vec_build_begin(&options, directory, 100, &vec_allocator_default, &build, &error),
                     VEC_OK);
    for (uint32_t i = 0; i < 100; i++)
        vec_build_sample(build, cases_row(&cases, i), 8 * sizeof(float));
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    for (uint32_t i = 0; i < 100; i++) {
        VecRowId id = cases_row_id(i);

        assert_int_equal(vec_build_add(build, &id, NULL, cases_row(&cases, i), 7 * sizeof(float), &error),
                         VEC_INVALID);
        assert_int_equal(vec_build_add(build, &id, NULL, i % 20 == 19 ? NULL : cases_row(&cases, i),
                                       i % 20 == 19 ? 0 : 8 * sizeof(float), &error),
                         VEC_OK);
    }
    VecRowId beyond = cases_row_id(100);
    assert_int_equal(vec_build_add(build, &beyond, NULL, NULL, 0, &error), VEC_INVALID);
    assert_int_equal(vec_build_graph(build, NULL, NULL, &error), VEC_OK);
    assert_int_equal(vec_build_finish(build, &stamp, NULL, NULL, &result, &error), VEC_OK);
    vec_build_free(build);
    assert_int_equal(result.rows_exact, 4);
    assert_int_equal(result.rows_null, 5);
    assert_int_equal(result.rows_coded, 91);
    cases_publish(directory, &result);

    VecIndex *index = cases_open(directory, &options);
    VecCandidate candidates[9];
    uint32_t got;
    VecSearch *search = begin(index, cases_row(&cases, 100), 10);

    assert_int_equal(vec_index_segment_count(index), 1);
    assert_int_equal(vec_index_validate(index, 0, NULL, NULL, NULL, &error), VEC_OK);
    assert_true(vec_search_lower_bound(search) == -INFINITY);
    assert_int_equal(vec_search_next(search, candidates, 9, &got, &error), VEC_OK);
    assert_int_equal(got, 4);
    for (uint32_t i = 0; i < got; i++)
        assert_int_equal(candidates[i].kind, VEC_ROW_EXACT);
    vec_search_free(search);
    assert_complete(index, cases_row(&cases, 100), 100, 10, 3);

    uint32_t kinds[3] = {0};
    for (uint64_t row = 0; row < 100; row++) {
        VecRowId id;
        VecRowKind kind;

        assert_int_equal(vec_index_row(index, 0, row, &id, &kind, &error), VEC_OK);
        kinds[kind]++;
        uint32_t original = cases_id_row(&id);
        assert_int_equal(kind, original % 20 == 19              ? VEC_ROW_NULL
                               : original >= 3 && original <= 6 ? VEC_ROW_EXACT
                                                                : VEC_ROW_CODED);
    }
    assert_int_equal(kinds[VEC_ROW_NULL], 5);
    vec_index_close(index);
    cases_free(&cases);
    cases_remove_directory(directory);
}

/* Every kind of code with every metric it has. */
static const struct Kind {
    VecElementType element_type;
    VecMetric metric;
    uint32_t bits; /* 32: full precision */
    VecSegmentKind segment;
} kinds_of_code[] = {
    {VEC_TYPE_F32, VEC_METRIC_L2, 4, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_DOT, 4, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_COS, 4, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_L2, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_DOT, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_COS, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_BIT, VEC_METRIC_HAMMING, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_BIT, VEC_METRIC_DOT, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_BIT, VEC_METRIC_COS, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_BIT, VEC_METRIC_JACCARD, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_SPARSE, VEC_METRIC_L2, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_SPARSE, VEC_METRIC_DOT, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_SPARSE, VEC_METRIC_COS, 8, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_L2, 32, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_DOT, 32, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_COS, 32, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_L2, 1, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_DOT, 2, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_COS, 3, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_L2, 6, VEC_SEGMENT_HNSW},
    {VEC_TYPE_F32, VEC_METRIC_L2, 8, VEC_SEGMENT_IVF},
    {VEC_TYPE_F32, VEC_METRIC_DOT, 4, VEC_SEGMENT_IVF},
    {VEC_TYPE_F32, VEC_METRIC_COS, 1, VEC_SEGMENT_IVF},
    {VEC_TYPE_F32, VEC_METRIC_L2, 32, VEC_SEGMENT_IVF},
    {VEC_TYPE_SPARSE, VEC_METRIC_DOT, 8, VEC_SEGMENT_INVERTED},
};

#define KIND_COUNT (sizeof(kinds_of_code) / sizeof(kinds_of_code[0]))

static VecBuildOptions
options_of_kind(size_t kind, uint32_t dimensions)
{
    uint32_t bits = kinds_of_code[kind].bits;
    VecBuildOptions options = cases_options(dimensions, kinds_of_code[kind].metric, bits == 32 ? 8 : bits);

    if (bits == 32)
        options.segment.quantization = VEC_QUANTIZATION_TRIVIAL;
    options.segment.kind = kinds_of_code[kind].segment;
    options.segment.element_type = kinds_of_code[kind].element_type;
    return options;
}

typedef struct Truth {
    float distance;
    uint32_t row;
} Truth;

static int
compare_truth(const void *a, const void *b)
{
    const Truth *x = a, *y = b;

    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Recall of the ten nearest after reranking, as the access method does it; and how many candidates break their bound. */
static double
recall_at_ten(VecIndex *index, const Cases *cases, uint32_t row_count, uint32_t ef_search,
              double *broken_fraction)
{
    uint64_t hits = 0, wanted = 0, broken = 0, bounded = 0;
    Truth *truth = malloc(row_count * sizeof(Truth));
    VecSegmentInfo info;

    assert_non_null(truth);
    vec_index_segment_info(index, 0, &info);
    for (uint32_t q = row_count; q < cases->count; q++) {
        const float *query = cases_row(cases, q);
        VecCandidate candidates[64];
        uint32_t got;
        VecError error;
        VecSearch *search = begin(index, query, ef_search);
        Truth found[64];

        for (uint32_t i = 0; i < row_count; i++)
            truth[i] = (Truth){cases_distance(&info.options, query, cases_row(cases, i)), i};
        qsort(truth, row_count, sizeof(Truth), compare_truth);
        assert_int_equal(vec_search_next(search, candidates, 64, &got, &error), VEC_OK);
        for (uint32_t i = 0; i < got; i++) {
            uint32_t row = cases_id_row(&candidates[i].id);

            found[i] = (Truth){cases_distance(&info.options, query, cases_row(cases, row)), row};
            if (candidates[i].is_exact)
                assert_true(candidates[i].estimate == found[i].distance);
            broken += found[i].distance < candidates[i].lower_bound;
            bounded++;
        }
        qsort(found, got, sizeof(Truth), compare_truth);
        /* among equal distances any row is right */
        for (uint32_t i = 0; i < 10 && i < row_count; i++, wanted++)
            hits += i < got && found[i].distance <= truth[row_count < 10 ? row_count - 1 : 9].distance;
        vec_search_free(search);
    }
    free(truth);
    *broken_fraction = (double)broken / (double)bounded;
    return (double)hits / (double)wanted;
}

static void
nearest_are_found(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        const char *directory = cases_directory();
        VecBuildOptions options = options_of_kind(kind, 48);
        Cases cases = cases_make(2100, 48, 60, 11);
        VecSegmentHealth health;
        VecError error;
        double broken;

        options.thread_count = 2;
        VecIndex *index = cases_index(directory, &options, cases.vectors, 2000);
        assert_int_equal(vec_index_validate(index, 0, NULL, NULL, &health, &error), VEC_OK);
        double recall = recall_at_ten(index, &cases, 2000, 64, &broken);
        if (recall < 0.95 || broken > (options.segment.element_type == VEC_TYPE_F32 ? 0.005 : 0.0))
            fail_msg("kind %zu: recall %.3f, broken bounds %.4f", kind, recall, broken);
        /* under DOT long vectors attract all edges; what is not reachable is still given, last */
        if (options.segment.metric != VEC_METRIC_DOT && options.segment.kind == VEC_SEGMENT_HNSW)
            assert_true(health.rows_reachable >= 1990);
        vec_index_close(index);
        cases_free(&cases);
        cases_remove_directory(directory);
    }
}

/* One row that is far longer than all others must not spoil the codes of these. */
static void
nearest_are_found_beside_a_row_far_away(void **state)
{
    static const float lengths[] = {1e5f, 1e7f, 1e9f, 1e13f};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (int metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric += VEC_METRIC_COS) {
            const char *directory = cases_directory();
            VecBuildOptions options = cases_options(48, (VecMetric)metric, i % 2 == 0 ? 4 : 8);
            Cases cases = cases_make(2050, 48, 60, 11);
            double broken;

            for (uint32_t j = 0; j < 48; j++)
                cases_row(&cases, 700)[j] *= lengths[i];
            VecIndex *index = cases_index(directory, &options, cases.vectors, 2000);
            double recall = recall_at_ten(index, &cases, 2000, 64, &broken);
            if (recall < 0.95 || broken > 0.005)
                fail_msg("length %g, metric %d: recall %.3f, broken bounds %.4f", (double)lengths[i], metric,
                         recall, broken);
            vec_index_close(index);
            cases_free(&cases);
            cases_remove_directory(directory);
        }
    }
}

/* Each row thirty times, moved a little: they must not take the places of a search from rows that differ, in any kind of code. */
static void
copies_leave_room_for_others(void **state)
{
    enum { ORIGINALS = 150, COPIES = 30, ROWS = ORIGINALS * COPIES, QUERIES = 60, DIMENSIONS = 48 };

    (void)state;
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        bool is_coarse = kinds_of_code[kind].bits < 4; /* of so few dimensions the codes tell too little */

        if (kinds_of_code[kind].segment != VEC_SEGMENT_HNSW ||
            kinds_of_code[kind].element_type != VEC_TYPE_F32 || is_coarse)
            continue;
        const char *directory = cases_directory();
        VecBuildOptions options = options_of_kind(kind, DIMENSIONS);
        Cases cases = cases_make(ROWS + QUERIES, DIMENSIONS, ROWS, 19);
        VecSegmentHealth health;
        VecError error;
        double broken;

        options.thread_count = 2;
        for (uint32_t i = ORIGINALS; i < ROWS; i++)
            for (uint32_t j = 0; j < DIMENSIONS; j++)
                cases_row(&cases, i)[j] = cases_row(&cases, i % ORIGINALS)[j] +
                                          0.05f * (float)cases_gaussian(23, (uint64_t)i * DIMENSIONS + j);
        for (uint32_t i = 0; i < ROWS + QUERIES; i++) { /* where products are usual */
            double norm = vec_distance_norm_f32(cases_row(&cases, i), DIMENSIONS);

            for (uint32_t j = 0; j < DIMENSIONS; j++)
                cases_row(&cases, i)[j] /= (float)norm;
        }
        VecIndex *index = cases_index(directory, &options, cases.vectors, ROWS);
        assert_int_equal(vec_index_validate(index, 0, NULL, NULL, &health, &error), VEC_OK);
        assert_true(health.rows_reachable == ROWS);
        double recall = recall_at_ten(index, &cases, ROWS, 64, &broken);
        if (recall < 0.97)
            fail_msg("kind %zu: recall %.3f", kind, recall);
        assert_complete(index, cases_row(&cases, ROWS), ROWS, 8, 16);
        vec_index_close(index);
        cases_free(&cases);
        cases_remove_directory(directory);
    }
}

/* What is far nearer than others while a crowd is small is no copy when it has grown: each row of it is found. */
static void
crowds_far_apart_are_no_copies(void **state)
{
    enum { CROWDS = 20, QUERIES = 100, DIMENSIONS = 48 };
    static const uint32_t sizes[] = {150, 250, 400};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const char *directory = cases_directory();
        uint32_t rows = CROWDS * sizes[i];
        VecBuildOptions options = cases_options(DIMENSIONS, VEC_METRIC_L2, 8);
        Cases cases = cases_make(rows + QUERIES, DIMENSIONS, 1, 19);
        VecSegmentHealth health;
        VecError error;
        double broken;

        for (uint32_t row = 0; row < rows + QUERIES; row++) {
            uint64_t crowd = (uint64_t)(cases_uniform(23, row) * CROWDS);

            for (uint32_t j = 0; j < DIMENSIONS; j++)
                cases_row(&cases, row)[j] = (float)(cases_gaussian(29, crowd * DIMENSIONS + j) +
                                                    0.1 * cases_gaussian(31, (uint64_t)row * DIMENSIONS + j));
        }
        VecIndex *index = cases_index(directory, &options, cases.vectors, rows);
        assert_int_equal(vec_index_validate(index, 0, NULL, NULL, &health, &error), VEC_OK);
        double recall = recall_at_ten(index, &cases, rows, 40, &broken);
        if (recall < 0.99)
            fail_msg("crowds of %u: recall %.3f", (unsigned)sizes[i], recall);
        assert_complete(index, cases_row(&cases, rows), rows, 8, 16);
        vec_index_close(index);
        cases_free(&cases);
        cases_remove_directory(directory);
    }
}

/* Whoever goes on past the first round has the rows nearly in order: few come after one that is farther, by estimate. */
static void
later_rounds_give_few_rows_late(void **state)
{
    enum { ROWS = 8000, QUERIES = 40, TAKEN = 2000 };
    const char *directory = cases_directory();
    VecBuildOptions options = cases_options(32, VEC_METRIC_L2, 8);
    Cases cases = cases_make(ROWS + QUERIES, 32, 200, 37);
    VecIndex *index = cases_index(directory, &options, cases.vectors, ROWS);
    uint32_t late = 0;

    (void)state;
    for (uint32_t q = ROWS; q < ROWS + QUERIES; q++) {
        VecSearch *search = begin(index, cases_row(&cases, q), 20);
        float farthest = -INFINITY;

        for (uint32_t i = 0; i < TAKEN; i++) {
            VecCandidate candidate;
            VecError error;
            uint32_t got;

            assert_int_equal(vec_search_next(search, &candidate, 1, &got, &error), VEC_OK);
            assert_int_equal(got, 1);
            late += candidate.estimate < farthest;
            farthest = fmaxf(farthest, candidate.estimate);
        }
        vec_search_free(search);
    }
    if (late > QUERIES * TAKEN * 0.007)
        fail_msg("%u of %u rows", (unsigned)late, (unsigned)(QUERIES * TAKEN));
    vec_index_close(index);
    cases_free(&cases);
    cases_remove_directory(directory);
}

/* A search within a radius ends with a round in which nothing is near enough: all of the round is to say so. */
static void
rows_within_a_radius_are_found(void **state)
{
    enum { ROWS = 8000, QUERIES = 30 };
    const char *directory = cases_directory();
    VecBuildOptions options = cases_options(32, VEC_METRIC_L2, 8);
    Cases cases = cases_make(ROWS + QUERIES, 32, 200, 37);
    float *distances = malloc(ROWS * sizeof(float));
    uint32_t wanted = 0, found = 0;

    (void)state;
    assert_non_null(distances);
    for (uint32_t i = 0; i < (ROWS + QUERIES) * 32; i++) /* in no groups: a walk finds no end of them */
        cases.vectors[i] = (float)cases_uniform(41, i);
    VecIndex *index = cases_index(directory, &options, cases.vectors, ROWS);
    for (uint32_t q = ROWS; q < ROWS + QUERIES; q++) {
        VecSearchOptions search_options = {.ef_search = 20, .is_range = true, .radius = 3.0f};
        VecCandidate candidates[64];
        VecSearch *search;
        VecError error;
        uint32_t got;

        for (uint32_t i = 0; i < ROWS; i++) {
            distances[i] = cases_distance(&options.segment, cases_row(&cases, q), cases_row(&cases, i));
            wanted += distances[i] < search_options.radius;
        }
        assert_int_equal(vec_search_begin(index, cases_row(&cases, q), 32 * sizeof(float), &search_options,
                                          &search, &error),
                         VEC_OK);
        do {
            assert_int_equal(vec_search_next(search, candidates, 64, &got, &error), VEC_OK);
            for (uint32_t i = 0; i < got; i++)
                found += distances[cases_id_row(&candidates[i].id)] < search_options.radius;
        } while (got > 0);
        vec_search_free(search);
    }
    free(distances);
    if (found < wanted * 0.995 || wanted < 2000)
        fail_msg("%u of %u", (unsigned)found, (unsigned)wanted);
    vec_index_close(index);
    cases_free(&cases);
    cases_remove_directory(directory);
}

/* However few paths the graph has: what fits into one round is all looked at. */
static void
few_rows_are_searched_whole(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        const char *directory = cases_directory();
        VecBuildOptions options = options_of_kind(kind, 10);
        Cases cases = cases_make(80, 10, 40, 3);
        double broken;

        for (uint32_t i = 0; i < 20; i++) /* a crowd of equals */
            memcpy(cases_row(&cases, i), cases_row(&cases, 20), 10 * sizeof(float));
        for (uint32_t i = 0; i < 80; i++) /* for cosine */
            cases_row(&cases, i)[i % 10] = 2.0f;
        VecIndex *index = cases_index(directory, &options, cases.vectors, 60);
        assert_true(recall_at_ten(index, &cases, 60, 60, &broken) == 1.0);
        vec_index_close(index);
        cases_free(&cases);
        cases_remove_directory(directory);
    }
}

static void
every_dimension(void **state)
{
    (void)state;
    for (uint32_t dimensions = 1; dimensions <= 70; dimensions++) {
        for (size_t kind = 0; kind < KIND_COUNT; kind++) {
            if (kinds_of_code[kind].metric == VEC_METRIC_DOT || kinds_of_code[kind].metric == VEC_METRIC_COS)
                continue;

            const char *directory = cases_directory();
            VecBuildOptions options = options_of_kind(kind, dimensions);
            Cases cases = cases_make(230, dimensions, 10, dimensions);
            double broken;

            options.segment.ef_construction = 40;
            VecIndex *index = cases_index(directory, &options, cases.vectors, 200);
            double recall = recall_at_ten(index, &cases, 200, 40, &broken);
            /* of few bits or elements, whole crowds are equal, and the graph may lead to another crowd */
            if (recall < (dimensions < 16 ? 0.6 : 0.9) || broken > 0.01)
                fail_msg("%u dimensions, kind %zu: recall %.3f, broken bounds %.4f", dimensions, kind, recall,
                         broken);
            assert_complete(index, cases_row(&cases, 200), 200, 8, 16);
            vec_index_close(index);
            cases_free(&cases);
            cases_remove_directory(directory);
        }
    }
}

static void
most_dimensions(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        if (kinds_of_code[kind].metric == VEC_METRIC_DOT || kinds_of_code[kind].metric == VEC_METRIC_COS)
            continue;

        const char *directory = cases_directory();
        bool is_sparse = kinds_of_code[kind].element_type == VEC_TYPE_SPARSE;
        uint32_t dimensions = is_sparse ? VEC_DIMENSIONS_MAX_SPARSE : VEC_DIMENSIONS_MAX;
        VecBuildOptions options = options_of_kind(kind, dimensions);
        Cases cases = cases_make(12, dimensions, 3, 9);
        double broken;

        VecIndex *index = cases_index(directory, &options, cases.vectors, 10);
        assert_true(recall_at_ten(index, &cases, 10, 10, &broken) == 1.0);
        assert_true(broken == 0.0);
        assert_complete(index, cases_row(&cases, 10), 10, 8, 16);
        vec_index_close(index);
        cases_free(&cases);
        cases_remove_directory(directory);
    }
}

static void
queries_that_no_code_can_answer_are_refused(void **state)
{
    static const float bad[][2] = {{NAN, 1}, {INFINITY, 1}, {1, -INFINITY}, {3e38f, 3e38f}};
    const char *directory = cases_directory();
    VecBuildOptions options = cases_options(2, VEC_METRIC_COS, 8);
    float vectors[] = {1, 2, 3, 4, 5, 6};
    VecIndex *index = cases_index(directory, &options, vectors, 3);
    VecSearchOptions search_options = {.ef_search = 10};
    const float zero[2] = {0, 0};
    const size_t bytes = sizeof(zero);
    VecSearch *search;
    VecError error;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(vec_search_begin(index, bad[i], bytes, &search_options, &search, &error),
                         VEC_INVALID);
    assert_int_equal(vec_search_begin(index, zero, bytes, &search_options, &search, &error), VEC_INVALID);
    search_options.ef_search = 0;
    assert_int_equal(vec_search_begin(index, vectors, bytes, &search_options, &search, &error), VEC_INVALID);
    search_options.ef_search = 65536;
    assert_int_equal(vec_search_begin(index, vectors, bytes, &search_options, &search, &error), VEC_INVALID);
    search_options.ef_search = 10;
    assert_int_equal(vec_search_begin(index, vectors, 3 * sizeof(float), &search_options, &search, &error),
                     VEC_INVALID);
    vec_index_close(index);
    cases_remove_directory(directory);

    directory = cases_directory();
    options.segment.metric = VEC_METRIC_L2;
    index = cases_index(directory, &options, vectors, 3);
    search_options.ef_search = 1;
    assert_int_equal(vec_search_begin(index, bad[3], bytes, &search_options, &search, &error), VEC_INVALID);
    vec_index_close(index);
    cases_remove_directory(directory);
}

#define MANY_ROWS 400000

/* One number a row, so that many rows are quickly there. */
static VecIndex *
many_rows(const char *directory, VecSegmentKind kind, uint32_t count, const VecAllocator *allocator)
{
    VecBuildOptions options = cases_options(1, VEC_METRIC_L2, 8);
    VecIndexOpenOptions open_options = {
        .expectation = {.element_type = VEC_TYPE_F32, .metric = VEC_METRIC_L2, .dimensions = 1}};
    float *vectors = malloc(count * sizeof(float));
    VecIndex *index;
    VecError error;

    assert_non_null(vectors);
    for (uint32_t i = 0; i < count; i++)
        vectors[i] = (float)cases_gaussian(5, i);
    options.segment.kind = kind;
    options.segment.m = 4;
    options.segment.ef_construction = 10;
    VecBuildResult result = cases_build(directory, &options, vectors, count);
    free(vectors);
    cases_publish(directory, &result);
    assert_int_equal(vec_index_open(directory, &open_options, allocator, &index, &error), VEC_OK);
    assert_int_equal(vec_index_segment_count(index), 1);
    return index;
}

static bool
stop_every_other_time(void *context, uint64_t rows_done, uint64_t rows_total)
{
    (void)rows_done;
    (void)rows_total;
    return ++*(uint64_t *)context % 2 == 0;
}

/* The first rows of many cost the memory of few; whoever wants all gets each once, in order, in several passes. */
static void
a_flat_search_holds_few_of_many_rows(void **state)
{
    const char *directory = cases_directory();
    CasesAllocator allocator;
    const float query = 0.3f;
    uint64_t polls = 0;
    VecSearchOptions options = {
        .ef_search = 40, .should_stop = stop_every_other_time, .should_stop_context = &polls};
    uint8_t *seen = calloc(MANY_ROWS, 1);
    float last = -INFINITY;
    uint32_t given = 0, count = 1;
    VecSearch *search;
    VecSearchStatistics statistics;
    VecError error;

    (void)state;
    assert_non_null(seen);
    cases_allocator_init(&allocator, 0);
    VecIndex *index = many_rows(directory, VEC_SEGMENT_FLAT, MANY_ROWS, &allocator.allocator);
    allocator.bytes_largest = 0;
    assert_int_equal(vec_search_begin(index, &query, sizeof(query), &options, &search, &error), VEC_OK);
    while (count > 0) {
        VecCandidate candidates[64];
        VecStatus status = vec_search_next(search, candidates, 64, &count, &error);

        if (status == VEC_INTERRUPTED) {
            count = 1;
            continue;
        }
        assert_int_equal(status, VEC_OK);
        if (given == 0)
            assert_in_range(allocator.bytes_largest, 1, 1200000); /* all keys are 3,200,000 */
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = cases_id_row(&candidates[i].id);

            assert_false(seen[row]);
            seen[row] = 1;
            assert_true(candidates[i].estimate >= last);
            last = candidates[i].estimate;
            given++;
        }
    }
    assert_int_equal(given, MANY_ROWS);
    vec_search_statistics(search, &statistics);
    assert_in_range(statistics.distances, 2 * MANY_ROWS, 6 * MANY_ROWS);
    assert_true(polls > 2);
    vec_search_free(search);
    vec_index_close(index);
    assert_int_equal(allocator.outstanding, 0);
    free(seen);
    cases_remove_directory(directory);
}

/* No list names anybody: the rows that no path leads to come in small pieces, and each piece needs the memory of one. */
static void
rows_that_no_path_leads_to_need_little_memory(void **state)
{
    const char *directory = cases_directory();
    const uint32_t row_count = 30000;
    CasesAllocator allocator;
    const float query = 0.3f;
    VecSealed sealed;
    VecProbe *probe;
    VecSegmentInfo info;
    char path[2048], name[VEC_FILE_NAME_BYTES];
    uint64_t given = 0;
    VecError error;

    (void)state;
    cases_allocator_init(&allocator, 0);
    VecIndex *index = many_rows(directory, VEC_SEGMENT_HNSW, row_count, &vec_allocator_default);
    vec_index_segment_info(index, 0, &info);
    snprintf(name, sizeof(name), "%s", info.file_name);
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    vec_index_close(index);
    assert_int_equal(vec_sealed_open(&sealed, directory, name, &allocator.allocator, &error), VEC_OK);
    int descriptor = open(path, O_WRONLY);
    assert_true(descriptor >= 0);
    const VecFormatSection *links = &sealed.header.sections[VEC_SECTION_LINKS];
    void *empty = malloc(links->bytes);
    assert_non_null(empty);
    memset(empty, 0xff, links->bytes);
    assert_int_equal(pwrite(descriptor, empty, links->bytes, (off_t)links->offset), links->bytes);
    free(empty);
    close(descriptor);
    assert_int_equal(vec_probe_create(&sealed, &allocator.allocator, &probe), VEC_OK);
    allocator.bytes_largest = 0;
    assert_int_equal(vec_probe_begin(probe, &query, sizeof(query), &(VecSearchOptions){.ef_search = 10}, 1),
                     VEC_OK);
    while (vec_probe_advance(probe, NULL, NULL) == VEC_OK && probe->stage != PROBE_DONE) {
        given += probe->ready_count;
        probe->ready_next = probe->ready_count;
    }
    assert_int_equal(given, row_count);
    assert_in_range(allocator.bytes_largest, 1, 65536); /* a key for each row is 240,000 */
    vec_probe_end(probe);
    vec_probe_free(probe);
    vec_sealed_close(&sealed);
    cases_remove_directory(directory);
}

/* However few rows those are. */
static void
codes_of_many_bytes_are_polled_by_their_bytes(void **state)
{
    const uint32_t dimensions = 65535, row_count = 300; /* 20 MB */

    (void)state;
    for (int kind = VEC_SEGMENT_FLAT; kind <= VEC_SEGMENT_HNSW; kind++) {
        const char *directory = cases_directory();
        VecBuildOptions options = cases_options(dimensions, VEC_METRIC_L2, 8);
        Cases cases = cases_make(row_count, dimensions, 5, 3);
        uint64_t polls = 0;
        VecSearchOptions search_options = {
            .ef_search = row_count, .should_stop = stop_every_other_time, .should_stop_context = &polls};
        VecCandidate candidate;
        VecSearch *search;
        VecError error;
        uint32_t got;

        options.segment.kind = (VecSegmentKind)kind;
        options.segment.ef_construction = 10;
        options.segment.m = 8;
        VecIndex *index = cases_index(directory, &options, cases.vectors, row_count);
        assert_int_equal(vec_search_begin(index, cases_row(&cases, 0), dimensions * sizeof(float),
                                          &search_options, &search, &error),
                         VEC_OK);
        while (vec_search_next(search, &candidate, 1, &got, &error) == VEC_INTERRUPTED)
            ;
        assert_int_equal(got, 1);
        assert_in_range(polls, 4, 20);
        vec_search_free(search);
        vec_index_close(index);
        cases_free(&cases);
        cases_remove_directory(directory);
    }
}

static bool
count_polls(void *context, uint64_t rows_done, uint64_t rows_total)
{
    (void)rows_done;
    (void)rows_total;
    ++*(uint64_t *)context;
    return false;
}

static void
long_lists_are_polled_while_they_are_validated(void **state)
{
    const char *directory = cases_directory();
    VecBuildOptions options = cases_options(2, VEC_METRIC_L2, 8);
    Cases cases = cases_make(3000, 2, 5, 3);
    uint64_t polls = 0;
    VecError error;

    (void)state;
    options.segment.m = 128; /* 256 neighbours, each compared with those before it: 100 million comparisons */
    options.segment.ef_construction = 10;
    VecIndex *index = cases_index(directory, &options, cases.vectors, 3000);
    assert_int_equal(vec_index_validate(index, 0, count_polls, &polls, NULL, &error), VEC_OK);
    assert_in_range(polls, 10, 100);
    vec_index_close(index);
    cases_free(&cases);
    cases_remove_directory(directory);
}

/* A filter that none of many rows without a vector fulfils: the search looks at them all, and asks in between. */
static void
rows_without_a_vector_are_polled_while_none_is_wanted(void **state)
{
    enum { ROWS = 300000 };
    const char *directory = cases_directory();
    VecBuildOptions options = cases_options(4, VEC_METRIC_L2, 8);
    VecCondition condition = {.kind = VEC_CONDITION_RANGE, .width = 1, .low = 1000, .high = 2000};
    VecFilter filter = {.conditions = &condition, .condition_count = 1};
    uint64_t polls = 0;
    VecSearchOptions search_options = {.ef_search = 10,
                                       .filter = &filter,
                                       .should_stop = stop_every_other_time,
                                       .should_stop_context = &polls};
    float query[4] = {1, 2, 3, 4};
    VecCandidate candidate;
    uint32_t got, interrupted = 0;
    VecSearch *search;
    VecStatus status;
    VecError error;

    (void)state;
    options.segment.key_count = 1;
    VecIndex *index = cases_index(directory, &options, NULL, ROWS);
    assert_int_equal(vec_search_begin(index, query, sizeof(query), &search_options, &search, &error), VEC_OK);
    while ((status = vec_search_next(search, &candidate, 1, &got, &error)) == VEC_INTERRUPTED)
        interrupted++;
    assert_int_equal(status, VEC_OK);
    assert_int_equal(got, 0);
    assert_in_range(interrupted, 2, 100);
    vec_search_free(search);
    vec_index_close(index);
    cases_remove_directory(directory);
}

/* Nine rows of ten are the same. To insert one must not take a walk over all that are there: walks poll every so many steps. */
static void
a_crowd_of_equal_rows_is_built_in_linear_time(void **state)
{
    enum { ROWS = 6000, DIMENSIONS = 8 };
    const char *directory = cases_directory();
    VecBuildOptions options = cases_options(DIMENSIONS, VEC_METRIC_L2, 8);
    Cases cases = cases_make(ROWS, DIMENSIONS, 20, 11);
    uint64_t polls = 0;
    VecBuild *build;
    VecError error;

    (void)state;
    options.segment.ef_construction = 40;
    assert_int_equal(vec_build_begin(&options, directory, ROWS, &vec_allocator_default, &build, &error),
                     VEC_OK);
    assert_int_equal(vec_build_train(build, NULL, NULL, &error), VEC_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        VecRowId id = cases_row_id(i);

        assert_int_equal(vec_build_add(build, &id, NULL, cases_row(&cases, i % 10 == 0 ? i : 1),
                                       DIMENSIONS * sizeof(float), &error),
                         VEC_OK);
    }
    assert_int_equal(vec_build_graph(build, count_polls, &polls, &error), VEC_OK);
    /* one a row while it is inserted and one while its ring is looked at, and here and there a walk's; else one more a row */
    assert_in_range(polls, 2 * ROWS, 2 * ROWS + ROWS / 4);
    vec_build_free(build);
    cases_free(&cases);
    cases_remove_directory(directory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_once),
        cmocka_unit_test(every_row_once_when_all_are_equal),
        cmocka_unit_test(exceptions_come_as_exceptions),
        cmocka_unit_test(nearest_are_found),
        cmocka_unit_test(nearest_are_found_beside_a_row_far_away),
        cmocka_unit_test(copies_leave_room_for_others),
        cmocka_unit_test(crowds_far_apart_are_no_copies),
        cmocka_unit_test(later_rounds_give_few_rows_late),
        cmocka_unit_test(rows_within_a_radius_are_found),
        cmocka_unit_test(few_rows_are_searched_whole),
        cmocka_unit_test(every_dimension),
        cmocka_unit_test(most_dimensions),
        cmocka_unit_test(queries_that_no_code_can_answer_are_refused),
        cmocka_unit_test(a_flat_search_holds_few_of_many_rows),
        cmocka_unit_test(rows_that_no_path_leads_to_need_little_memory),
        cmocka_unit_test(codes_of_many_bytes_are_polled_by_their_bytes),
        cmocka_unit_test(long_lists_are_polled_while_they_are_validated),
        cmocka_unit_test(rows_without_a_vector_are_polled_while_none_is_wanted),
        cmocka_unit_test(a_crowd_of_equal_rows_is_built_in_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
