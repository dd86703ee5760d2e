/*
 * test_quantize.c: codes: the rotation keeps lengths, estimates are unbiased and within their bound, and the cases at the edge
 * of float32 are coded or refused as promised.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_cases.h"
#include "quantize.h"
#include "rotate.h"
#include "walk.h"

#define A &vec_allocator_default

static void
rotation_keeps_lengths_and_products(void **state)
{
    (void)state;
    for (uint32_t dimensions = 1; dimensions < 300; dimensions += dimensions < 70 ? 1 : 37) {
        VecRotation rotation;
        Cases cases = cases_make(2, dimensions, 2, dimensions);
        double before[3] = {0}, after[3] = {0};

        assert_true(vec_rotate_init(&rotation, dimensions, 3, A));
        for (int pass = 0; pass < 2; pass++) {
            double *sums = pass == 0 ? before : after;
            const float *x = cases_row(&cases, 0), *y = cases_row(&cases, 1);

            for (uint32_t i = 0; i < dimensions; i++) {
                sums[0] += (double)x[i] * x[i];
                sums[1] += (double)y[i] * y[i];
                sums[2] += (double)x[i] * y[i];
            }
            if (pass == 0) {
                vec_rotate_apply(&rotation, cases_row(&cases, 0));
                vec_rotate_apply(&rotation, cases_row(&cases, 1));
            }
        }
        for (int i = 0; i < 3; i++)
            assert_true(fabs(before[i] - after[i]) <= 1e-5 * (before[0] + before[1]));
        vec_rotate_free(&rotation);
        cases_free(&cases);
    }
}

/* One large dimension among zeros becomes many of a size: what the codes' single step needs. */
static void
rotation_spreads_a_spike(void **state)
{
    VecRotation rotation;
    float x[384];

    (void)state;
    assert_true(vec_rotate_init(&rotation, 384, 11, A));
    for (uint32_t spike = 0; spike < 384; spike++) {
        memset(x, 0, sizeof(x));
        x[spike] = 1.0f;
        vec_rotate_apply(&rotation, x);
        for (uint32_t i = 0; i < 384; i++)
            assert_true(fabsf(x[i]) < 0.35f);
    }
    vec_rotate_free(&rotation);
}

typedef struct Coder {
    VecQuantizer quantizer;
    VecQuantizeScratch scratch;
    VecQuantizerError error;
    float *mean;
    uint8_t *codes;
    VecFactors *factors;
    int8_t *values;
    int8_t *ones;
    VecCodes view;
} Coder;

static Coder
coder_make(VecMetric metric, uint32_t bits, const Cases *cases)
{
    Coder coder = {0};
    uint32_t dimensions = cases->dimensions;
    size_t stride = vec_quantize_stride(dimensions, bits);
    double *sums = calloc(dimensions, sizeof(double));
    VecQuantizeLengths lengths = {0};

    coder.mean = calloc(dimensions, sizeof(float));
    coder.codes = calloc(1, vec_quantize_bytes(dimensions, bits, cases->count));
    coder.factors = calloc(cases->count, sizeof(VecFactors));
    coder.values = calloc(1, VEC_SIMD_QUERY_BYTES(dimensions));
    coder.ones = calloc(1, VEC_SIMD_QUERY_BYTES(dimensions));
    memset(coder.ones, 1, dimensions);
    for (uint32_t i = 0; i < cases->count; i++)
        assert_true(vec_quantize_accumulate(metric, dimensions, cases_row(cases, i), sums, &lengths));
    vec_quantize_mean(dimensions, sums, cases->count, &lengths, coder.mean);
    free(sums);
    assert_true(vec_quantize_init(&coder.quantizer, metric, dimensions, bits, coder.mean, 0, 5, A));
    assert_true(vec_quantize_scratch_init(&coder.scratch, dimensions, A));
    for (uint32_t i = 0; i < cases->count; i++)
        assert_true(vec_quantize_row(&coder.quantizer, cases_row(cases, i), &coder.scratch,
                                     coder.codes + i * stride, &coder.factors[i], NULL, &coder.error));
    coder.view = (VecCodes){.kernels = coder.quantizer.kernels,
                            .metric = metric,
                            .dimensions = dimensions,
                            .bits = bits,
                            .row_count = cases->count,
                            .stride_bytes = stride,
                            .codes = coder.codes,
                            .factors = coder.factors,
                            .mean_norm_sq = coder.quantizer.mean_norm_sq,
                            .ones = coder.ones};
    return coder;
}

static void
coder_free(Coder *coder)
{
    vec_quantize_free(&coder->quantizer);
    vec_quantize_scratch_free(&coder->scratch, A);
    free(coder->mean);
    free(coder->codes);
    free(coder->factors);
    free(coder->values);
    free(coder->ones);
}

/*
 * Over many pairs: mean error near 0, and most errors within the bound that lower bounds are made of, two to three standard deviations; nearly
 * all within three.
 */
static void
estimates_are_unbiased_and_bounded(void **state)
{
    static const uint32_t dimensions[] = {1, 2, 3, 5, 16, 33, 96, 384};

    (void)state;
    for (size_t d = 0; d < sizeof(dimensions) / sizeof(dimensions[0]); d++) {
        for (int metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++) {
            for (uint32_t bits = 1; bits <= 8; bits++) {
                Cases cases = cases_make(300, dimensions[d], 12, d + 1);
                Coder coder = coder_make((VecMetric)metric, bits, &cases);
                VecCodeQuery query = {.values = coder.values};
                double sum = 0, sum_sq = 0, scale = 0;
                uint32_t broken = 0, far = 0, pairs = 0;

                for (uint32_t q = 0; q < 40; q++) {
                    assert_true(vec_quantize_query(&coder.quantizer, &coder.error, cases_row(&cases, q),
                                                   &coder.scratch, &query));
                    for (uint32_t i = 40; i < cases.count; i++) {
                        double exact = vec_distance_f32((VecMetric)metric, cases_row(&cases, q),
                                                        cases_row(&cases, i), dimensions[d]);
                        double error = vec_quantize_distance(&coder.view, &query, i) + query.constant - exact;

                        sum += error;
                        sum_sq += error * error;
                        scale += fabs(exact) + 1e-3;
                        double bound = query.error * coder.factors[i].scale,
                               rounding = 1e-5 * (1 + fabs(exact));
                        broken += fabs(error) > bound + rounding;
                        far += fabs(error) > 3.0 / (bits < 4 ? 1.9 : bits < 8 ? 2.2 : 3.0) * bound + rounding;
                        pairs++;
                    }
                }
                double deviation = sqrt(sum_sq / pairs);
                if (fabs(sum / pairs) > 0.15 * deviation + 1e-5 ||
                    broken > pairs / (bits < 4   ? 15
                                      : bits < 8 ? 25
                                                 : 100) ||
                    far > pairs / 100 || (bits == 8 && dimensions[d] > 3 && deviation > 0.02 * scale / pairs))
                    fail_msg("%u dimensions, metric %d, %u bits: bias %g, deviation %g, %u of %u beyond the "
                             "bound, %u far",
                             dimensions[d], metric, bits, sum / pairs, deviation, broken, pairs, far);
                coder_free(&coder);
                cases_free(&cases);
            }
        }
    }
}

/* A row as a query: the same distance from both sides, and near the exact one. */
static void
rows_are_compared_from_codes(void **state)
{
    static const uint32_t dimensions[] = {1, 7, 64, 65, 128, 200};

    (void)state;
    for (size_t d = 0; d < sizeof(dimensions) / sizeof(dimensions[0]); d++) {
        for (int metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++) {
            for (uint32_t bits = 1; bits <= 8; bits++) {
                Cases cases = cases_make(60, dimensions[d], 6, d + 9);
                Coder coder = coder_make((VecMetric)metric, bits, &cases);
                VecCodeQuery query = {.values = coder.values};
                uint32_t rows[60];
                int32_t sums[60];
                float distances[60][60];

                for (uint32_t i = 0; i < 60; i++)
                    rows[i] = 59 - i;
                for (uint32_t q = 0; q < 60; q++) {
                    vec_quantize_query_from_row(&coder.view, q, &query);
                    vec_quantize_distances(&coder.view, &query, rows, 60, sums, distances[q]);
                    for (uint32_t i = 0; i < 60; i++) {
                        assert_true(distances[q][i] == vec_quantize_distance(&coder.view, &query, rows[i]));
                        distances[q][i] += query.constant;
                    }
                    float range[60];
                    vec_quantize_distances_range(&coder.view, &query, 0, 60, sums, range);
                    for (uint32_t i = 0; i < 60; i++)
                        assert_true(range[59 - i] + query.constant == distances[q][i]);
                }
                for (uint32_t q = 0; q < 60; q++) {
                    for (uint32_t i = 0; i < 60; i++) {
                        float exact = vec_distance_f32((VecMetric)metric, cases_row(&cases, q),
                                                       cases_row(&cases, 59 - i), dimensions[d]);
                        float other = distances[59 - i][59 - q];

                        assert_true(fabsf(distances[q][i] - other) <= 1e-4f * (1 + fabsf(other)));
                        if (bits == 8)
                            assert_true(fabsf(distances[q][i] - exact) <=
                                        0.05f * (1 + fabsf(exact)) + 0.01f * dimensions[d]);
                    }
                }
                coder_free(&coder);
                cases_free(&cases);
            }
        }
    }
}

static bool
codes(VecMetric metric, const float *x)
{
    float mean[4] = {0};
    VecQuantizer quantizer;
    VecQuantizeScratch scratch;
    VecQuantizerError error = {0};
    VecFactors factors;
    uint8_t code[128];

    assert_true(vec_quantize_init(&quantizer, metric, 4, 8, mean, 0, 5, A));
    assert_true(vec_quantize_scratch_init(&scratch, 4, A));
    bool coded = vec_quantize_row(&quantizer, x, &scratch, code, &factors, NULL, &error);
    if (coded)
        assert_true(isfinite(factors.offset) && isfinite(factors.scale));
    vec_quantize_scratch_free(&scratch, A);
    vec_quantize_free(&quantizer);
    return coded;
}

static void
what_cannot_be_coded_is_refused(void **state)
{
    static const struct {
        float x[4];
        bool l2, dot, cos;
    } rows[] = {
        {{1, 2, 3, 4}, true, true, true},
        {{0, 0, 0, 0}, true, true, false},
        {{-0.0f, 0, 0, 0}, true, true, false},
        {{NAN, 0, 0, 0}, false, false, false},
        {{1, INFINITY, 0, 0}, false, false, false},
        {{1, 2, 3, -INFINITY}, false, false, false},
        {{1e20f, 0, 0, 0}, false, false, true},
        {{FLT_MAX, -FLT_MAX, FLT_MAX, FLT_MAX}, false, false, true},
        {{1e-20f, 0, 0, 0}, false, false, true},
        {{FLT_MIN, FLT_MIN, 0, 0}, false, false, true},
        {{1e-45f, 0, 0, 0}, false, false, false}, /* its inverse length is no float */
        {{1e10f, 1e-10f, 0, 0}, true, true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(codes(VEC_METRIC_L2, rows[i].x), rows[i].l2);
        assert_int_equal(codes(VEC_METRIC_DOT, rows[i].x), rows[i].dot);
        assert_int_equal(codes(VEC_METRIC_COS, rows[i].x), rows[i].cos);
    }
}

static int
compare_keys(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void
keys_sort_as_distances_do(void **state)
{
    static const float distances[] = {-INFINITY, -FLT_MAX, -1, -1e-40f, 0,       1e-45f,
                                      1e-10f,    1,        2,  FLT_MAX, INFINITY};
    uint64_t keys[3000], expected[3000];

    (void)state;
    for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
        uint64_t key = vec_walk_key(distances[i], 0x7ffffffe);

        assert_true(vec_walk_key_distance(key) == distances[i]);
        assert_int_equal(vec_walk_key_node(key), 0x7ffffffe);
        if (i > 0)
            assert_true(vec_walk_key(distances[i - 1], 0x7ffffffe) < vec_walk_key(distances[i], 0));
    }
    for (uint32_t count = 0; count < 3000; count = count * 3 / 2 + 1) {
        for (int kind = 0; kind < 4; kind++) {
            for (uint32_t i = 0; i < count; i++)
                keys[i] = kind == 0   ? vec_walk_key((float)cases_gaussian(7, i), i)
                          : kind == 1 ? i
                          : kind == 2 ? count - i
                                      : i % 7; /* equal ones: only damaged input has them */
            memcpy(expected, keys, sizeof(keys));
            qsort(expected, count, sizeof(uint64_t), compare_keys);
            vec_walk_sort(keys, count);
            assert_memory_equal(keys, expected, count * sizeof(uint64_t));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rotation_keeps_lengths_and_products), cmocka_unit_test(rotation_spreads_a_spike),
        cmocka_unit_test(estimates_are_unbiased_and_bounded),  cmocka_unit_test(rows_are_compared_from_codes),
        cmocka_unit_test(what_cannot_be_coded_is_refused),     cmocka_unit_test(keys_sort_as_distances_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
