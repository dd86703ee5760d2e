/*
 * test_ivf.c: lists around centroids on real sentence embeddings, the sample of bench/data: none is much longer than the others, and a
 * search finds more the more of them it reads, and all there is in all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_cases.h"
#include "ivf.h"
#include "sealed.h"
#include "vectors/distance.h"
#include "vectors/half.h"

#define ROWS       6000
#define QUERIES    50
#define DIMENSIONS 384
#define LISTS      60
#define K          10
#define NPY_HEADER 128

static float *rows;
static float *queries;

static float *
read_halves(const char *path, uint32_t count)
{
    size_t number_count = (size_t)count * DIMENSIONS;
    uint16_t *halves = malloc(number_count * sizeof(uint16_t));
    float *floats = malloc(number_count * sizeof(float));
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        fail_msg("%s is not there", path);
    assert_non_null(halves);
    assert_non_null(floats);
    assert_int_equal(fseek(file, NPY_HEADER, SEEK_SET), 0);
    assert_int_equal(fread(halves, sizeof(uint16_t), number_count, file), number_count);
    fclose(file);
    for (size_t i = 0; i < number_count; i++)
        floats[i] = vec_half_to_f32(halves[i]);
    free(halves);
    return floats;
}

static int
read_sample(void **state)
{
    (void)state;
    rows = read_halves("bench/data/base.f16.npy", ROWS);
    queries = read_halves("bench/data/queries_public.f16.npy", QUERIES);
    return 0;
}

static int
forget_sample(void **state)
{
    (void)state;
    free(rows);
    free(queries);
    return 0;
}

static VecBuildOptions
options_of(VecMetric metric, uint32_t bits, bool is_spherical, bool is_residual)
{
    VecBuildOptions options = cases_options(DIMENSIONS, metric, bits);

    options.segment.kind = VEC_SEGMENT_IVF;
    options.segment.list_count = LISTS;
    options.segment.is_spherical = is_spherical;
    options.segment.is_residual = is_residual;
    options.thread_count = 2;
    return options;
}

/* The longest list, and how many are empty. */
static void
measure_lists(const VecIvf *ivf, uint32_t *longest, uint32_t *empty)
{
    *longest = *empty = 0;
    for (uint32_t list = 0, count; list < ivf->list_count; list++) {
        (void)vec_ivf_list(ivf, list, &count);
        *longest = count > *longest ? count : *longest;
        *empty += count == 0;
    }
}

/* Seen: 2.1 to 3.3 times the mean; a k-means that went wrong puts most rows into few lists. */
static void
lists_are_balanced(void **state)
{
    static const struct {
        VecMetric metric;
        uint32_t bits;
        bool is_spherical, is_residual;
    } cases[] = {
        {VEC_METRIC_L2, 8, false, false},  {VEC_METRIC_L2, 1, false, false},
        {VEC_METRIC_COS, 4, false, false}, {VEC_METRIC_COS, 4, true, false},
        {VEC_METRIC_DOT, 8, false, false}, {VEC_METRIC_L2, 1, false, true},
        {VEC_METRIC_COS, 4, true, true},   {VEC_METRIC_DOT, 2, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *directory = cases_directory();
        VecBuildOptions options =
            options_of(cases[i].metric, cases[i].bits, cases[i].is_spherical, cases[i].is_residual);
        VecBuildResult result = cases_build(directory, &options, rows, ROWS);
        VecSealed sealed;
        VecError error;
        uint32_t longest, empty;

        assert_int_equal(
            vec_sealed_open(&sealed, directory, result.file_name, &vec_allocator_default, &error), VEC_OK);
        assert_int_equal(sealed.ivf.list_count, LISTS);
        measure_lists(&sealed.ivf, &longest, &empty);
        print_message("metric %d, %u bits%s%s: longest list %.2f x the mean, %u empty\n", cases[i].metric,
                      cases[i].bits, cases[i].is_spherical ? ", spherical" : "",
                      cases[i].is_residual ? ", of residuals" : "", (double)longest * LISTS / ROWS, empty);
        assert_in_range(longest, ROWS / LISTS, 5 * ROWS / LISTS);
        assert_int_equal(empty, 0);
        vec_sealed_close(&sealed);
        cases_remove_directory(directory);
    }
}

/* The K nearest of some rows, nearest first; count may be less. */
typedef struct Nearest {
    uint32_t count;
    uint32_t rows[K];
    float distances[K];
} Nearest;

static void
offer(Nearest *nearest, uint32_t row, float distance)
{
    uint32_t at;

    if (nearest->count == K && distance >= nearest->distances[K - 1])
        return;
    nearest->count += nearest->count < K;
    at = nearest->count - 1;
    for (; at > 0 && nearest->distances[at - 1] > distance; at--) {
        nearest->distances[at] = nearest->distances[at - 1];
        nearest->rows[at] = nearest->rows[at - 1];
    }
    nearest->distances[at] = distance;
    nearest->rows[at] = row;
}

/* Of what a search in so many lists gives, by the exact distance, as SQL would have it. */
static Nearest
search_lists(VecIndex *index, const VecSegmentOptions *options, const float *query, uint32_t nprobe)
{
    VecSearchOptions search_options = {.ef_search = ROWS, .nprobe = nprobe, .one_round = true};
    VecCandidate candidates[64];
    Nearest nearest = {0};
    VecSearch *search;
    VecError error;
    uint32_t count;

    assert_int_equal(
        vec_search_begin(index, query, DIMENSIONS * sizeof(float), &search_options, &search, &error), VEC_OK);
    do {
        assert_int_equal(vec_search_next(search, candidates, 64, &count, &error), VEC_OK);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = cases_id_row(&candidates[i].id);

            offer(&nearest, row, cases_distance(options, query, rows + (size_t)row * DIMENSIONS));
        }
    } while (count > 0);
    vec_search_free(search);
    return nearest;
}

static double
recall(VecIndex *index, const VecSegmentOptions *options, const Nearest *exact, uint32_t nprobe)
{
    uint32_t hits = 0;

    for (uint32_t query = 0; query < QUERIES; query++) {
        Nearest found = search_lists(index, options, queries + (size_t)query * DIMENSIONS, nprobe);

        for (uint32_t i = 0; i < found.count; i++)
            hits += found.distances[i] <= exact[query].distances[K - 1];
    }
    return (double)hits / (QUERIES * K);
}

static void
recall_grows_to_one(void **state)
{
    static const uint32_t nprobes[] = {1, 4, 16, 30, LISTS};
    static Nearest exact[QUERIES];

    (void)state;
    for (int i = 0; i < 4; i++) {
        uint32_t bits = i / 2 == 0 ? 1 : 8;
        bool is_residual = i % 2 == 1;
        const char *directory = cases_directory();
        VecBuildOptions options = options_of(VEC_METRIC_L2, bits, false, is_residual);
        VecIndex *index = cases_index(directory, &options, rows, ROWS);
        double last = 0;

        memset(exact, 0, sizeof(exact));
        for (uint32_t query = 0; query < QUERIES; query++)
            for (uint32_t row = 0; row < ROWS; row++)
                offer(&exact[query], row,
                      cases_distance(&options.segment, queries + (size_t)query * DIMENSIONS,
                                     rows + (size_t)row * DIMENSIONS));
        for (size_t k = 0; k < sizeof(nprobes) / sizeof(nprobes[0]); k++) {
            double now = recall(index, &options.segment, exact, nprobes[k]);

            print_message("%u bits%s, %u of %u lists: recall@10 %.4f\n", bits,
                          is_residual ? " of residuals" : "", nprobes[k], LISTS, now);
            assert_true(now >= last);
            last = now;
        }
        assert_true(last == 1.0);
        vec_index_close(index);
        cases_remove_directory(directory);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_balanced),
        cmocka_unit_test(recall_grows_to_one),
    };

    return cmocka_run_group_tests(tests, read_sample, forget_sample);
}
