/*
 * test_distance.c: the distances of all element types against one definition in double precision: their values, what becomes of
 * zero vectors, infinities, huge and tiny norms, and that equal vectors are at distance 0.
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

#include "simd_cases.h"
#include "vectors/distance.h"
#include "vectors/distance_types.h"
#include "vectors/half.h"

enum { DIMENSIONS_MAX = 3000 };

static double wide_a[DIMENSIONS_MAX], wide_b[DIMENSIONS_MAX];

/* The definition, and in *scale the sum of the absolute terms that a float32 sum's error is relative to. */
static double
defined_distance(VecMetric metric, size_t n, double *scale)
{
    double l2sq = 0, dot = 0, dot_absolute = 0, norm_sq_a = 0, norm_sq_b = 0, cosine;

    for (size_t i = 0; i < n; i++) {
        l2sq += (wide_a[i] - wide_b[i]) * (wide_a[i] - wide_b[i]);
        dot += wide_a[i] * wide_b[i];
        dot_absolute += fabs(wide_a[i] * wide_b[i]);
        norm_sq_a += wide_a[i] * wide_a[i];
        norm_sq_b += wide_b[i] * wide_b[i];
    }
    if (metric == VEC_METRIC_L2) {
        *scale = l2sq;
        return l2sq;
    }
    if (metric == VEC_METRIC_DOT) {
        *scale = dot_absolute;
        return -dot;
    }
    /* Relative errors of the dot product and of both norms, each under a root. */
    cosine = 1 - dot / (sqrt(norm_sq_a) * sqrt(norm_sq_b));
    *scale = 2 * dot_absolute / (sqrt(norm_sq_a) * sqrt(norm_sq_b)) + 1;
    return cosine < 0 ? 0 : cosine > 2 ? 2 : cosine;
}

static void
check_distance(const char *type, VecMetric metric, size_t n, float result)
{
    double scale, exact = defined_distance(metric, n, &scale);
    double bound = ((double)n / 8 + 16) * 0x1p-24 * scale;

    if (!(fabs(result - exact) <= bound))
        fail_msg("%s, metric %d, n %zu: %.9g, not %.9g within %.3g (seed %llu)", type, metric, n, result,
                 exact, bound, (unsigned long long)cases_seed);
}

static const size_t sizes[] = {1, 2, 7, 8, 31, 63, 64, 65, 100, 384, 1000, 3000};
#define SIZES_COUNT (sizeof(sizes) / sizeof(sizes[0]))

static void
floats_follow_the_definition(void **state)
{
    static float a[DIMENSIONS_MAX], b[DIMENSIONS_MAX];

    for (size_t k = 0; k < SIZES_COUNT; k++)
        for (VecMetric metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++) {
            random_floats(a, sizes[k]);
            random_floats(b, sizes[k]);
            for (size_t i = 0; i < sizes[k]; i++)
                wide_a[i] = a[i], wide_b[i] = b[i];
            check_distance("f32", metric, sizes[k], vec_distance_f32(metric, a, b, (uint32_t)sizes[k]));
        }
}

static void
halves_follow_the_definition(void **state)
{
    static float a[DIMENSIONS_MAX], b[DIMENSIONS_MAX];
    static uint16_t half_a[DIMENSIONS_MAX], half_b[DIMENSIONS_MAX];

    for (size_t k = 0; k < SIZES_COUNT; k++)
        for (VecMetric metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++) {
            size_t n = sizes[k];

            random_floats(a, n);
            random_floats(b, n);
            vec_distance_narrow_f16(a, half_a, n);
            vec_distance_narrow_f16(b, half_b, n);
            vec_distance_widen_f16(half_a, a, n);
            vec_distance_widen_f16(half_b, b, n);
            for (size_t i = 0; i < n; i++) {
                assert_true(a[i] == vec_half_to_f32(half_a[i]));
                wide_a[i] = a[i], wide_b[i] = b[i];
            }
            check_distance("f16", metric, n, vec_distance_f16(metric, half_a, half_b, (uint32_t)n));
        }
}

static void
integers_follow_the_definition(void **state)
{
    static int8_t a[DIMENSIONS_MAX], b[DIMENSIONS_MAX];
    const float alphas[] = {1.0f, 0.01f, 0.0f, -2.5f}, offsets[] = {0.0f, 1.0f, -100.0f};

    for (size_t k = 0; k < SIZES_COUNT; k++)
        for (VecMetric metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++)
            for (int form = 0; form < 4 * 3 * 3; form++) {
                size_t n = sizes[k];
                VecInt8 x = {a, alphas[form % 4], offsets[form / 4 % 3]}, y = {b, 0.02f, offsets[form / 12]};

                random_bytes(a, n);
                random_bytes(b, n);
                if (x.alpha == 0 && x.offset == 0)
                    x.offset = 0.5f;
                for (size_t i = 0; i < n; i++) {
                    wide_a[i] = (double)x.alpha * a[i] + x.offset;
                    wide_b[i] = (double)y.alpha * b[i] + y.offset;
                }
                check_distance("i8", metric, n, vec_distance_i8(metric, x, y, (uint32_t)n));
            }
}

/* Where the expanded sums cancel: differences of one step in one element, vectors far from the origin. */
static void
close_integers_keep_their_distance(void **state)
{
    static int8_t a[DIMENSIONS_MAX], b[DIMENSIONS_MAX];

    for (size_t k = 0; k < SIZES_COUNT; k++) {
        size_t n = sizes[k];
        VecInt8 x = {a, 0.003f, 1000.0f}, y = {b, 0.003f, 1000.0f};
        double exact, result;

        memset(a, 100, n);
        memset(b, 100, n);
        assert_true(vec_distance_i8(VEC_METRIC_L2, x, y, (uint32_t)n) == 0.0f);
        b[n / 2] = 101;
        exact = (double)0.003f * 0.003f;
        result = vec_distance_i8(VEC_METRIC_L2, x, y, (uint32_t)n);
        assert_true(fabs(result - exact) <= 1e-6 * exact);
        b[n / 2] = 100;
        for (int apart = 0; apart < 2; apart++) { /* by one unit in the last place: 10^-15 of the squares */
            y.alpha = apart ? 0.0030001f : nextafterf(0.003f, 1);
            exact = 0;
            for (size_t i = 0; i < n; i++)
                exact += pow((double)x.alpha * a[i] - (double)y.alpha * b[i], 2);
            result = vec_distance_i8(VEC_METRIC_L2, x, y, (uint32_t)n);
            assert_true(fabs(result - exact) <= 1e-6 * exact);
        }
    }
}

static void
sparse_follow_the_definition(void **state)
{
    static uint32_t index_a[DIMENSIONS_MAX], index_b[DIMENSIONS_MAX];
    static float a[DIMENSIONS_MAX], b[DIMENSIONS_MAX];

    for (size_t k = 0; k < SIZES_COUNT; k++)
        for (VecMetric metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++) {
            size_t n = sizes[k];
            VecSparse x = {index_a, a, 0}, y = {index_b, b, 0};

            for (uint32_t i = 0; i < n; i++) {
                wide_a[i] = wide_b[i] = 0;
                if (random_next() % 3 == 0 || i == 0) {
                    random_floats(a + x.count, 1);
                    wide_a[i] = a[x.count];
                    index_a[x.count++] = i;
                }
                if (random_next() % 3 == 0 || i == 0) {
                    random_floats(b + y.count, 1);
                    wide_b[i] = b[y.count];
                    index_b[y.count++] = i;
                }
            }
            check_distance("sparse", metric, n, vec_distance_sparse(metric, x, y));
        }
}

static void
bits_follow_the_definition(void **state)
{
    uint8_t a[200], b[200];

    for (uint32_t n = 1; n <= 1600; n += 1 + n / 7) {
        uint32_t both = 0, only = 0, in_a = 0, in_b = 0;
        double cosine;

        memset(a, 0, sizeof(a));
        memset(b, 0, sizeof(b));
        for (uint32_t i = 0; i < n; i++) {
            int x = random_next() % 3 == 0 || i == 0, y = random_next() % 2 == 0 || i == 0;

            a[i / 8] |= (uint8_t)(x << (i % 8));
            b[i / 8] |= (uint8_t)(y << (i % 8));
            both += (uint32_t)(x && y), only += (uint32_t)(x != y);
            in_a += (uint32_t)x, in_b += (uint32_t)y;
        }
        cosine = 1 - both / sqrt((double)in_a * in_b);
        assert_true(vec_distance_bit(VEC_METRIC_HAMMING, a, b, n) == (float)only);
        assert_true(vec_distance_bit(VEC_METRIC_L2, a, b, n) == (float)only);
        assert_true(vec_distance_bit(VEC_METRIC_DOT, a, b, n) == -(float)both);
        assert_true(vec_distance_bit(VEC_METRIC_COS, a, b, n) == (float)cosine);
        assert_true(vec_distance_bit(VEC_METRIC_JACCARD, a, b, n) == (float)((double)only / (both + only)));
        assert_int_equal(vec_distance_count_bits(a, n), in_a);
    }
}

/* Distance 0 to themselves, exactly, and a cosine in [0, 2], for all types. */
static void
equal_vectors_are_at_distance_zero(void **state)
{
    static float a[DIMENSIONS_MAX];
    static uint16_t half[DIMENSIONS_MAX];
    static int8_t integer[DIMENSIONS_MAX];
    static uint32_t index[DIMENSIONS_MAX];

    for (uint32_t n = 1; n <= 400; n++) {
        VecSparse sparse = {index, a, n};
        VecInt8 decoded = {integer, 0.0123f, 0.77f};

        random_floats(a, n);
        random_bytes(integer, n);
        vec_distance_narrow_f16(a, half, n);
        for (uint32_t i = 0; i < n; i++)
            index[i] = 5 * i;
        for (VecMetric metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric += 2) {
            assert_true(vec_distance_f32(metric, a, a, n) == 0.0f);
            assert_true(vec_distance_f16(metric, half, half, n) == 0.0f);
            assert_true(vec_distance_i8(metric, decoded, decoded, n) == 0.0f);
            assert_true(vec_distance_sparse(metric, sparse, sparse) == 0.0f);
        }
    }
}

static void
cosine_of_a_zero_vector_is_nan(void **state)
{
    static const float zero[100], one[100] = {1};
    static const uint16_t half_zero[100], half_one[100] = {0x3c00};
    static const int8_t integers[100] = {1};
    static const uint8_t no_bits[13], one_bit[13] = {1};
    const uint32_t index = 3;
    VecInt8 all_zero = {integers, 0, 0}, not_zero = {integers, 1, 0};
    VecSparse empty = {NULL, NULL, 0}, single = {&index, one, 1};

    for (uint32_t n = 1; n <= 100; n++) {
        assert_true(isnan(vec_distance_f32(VEC_METRIC_COS, zero, one, n)));
        assert_true(isnan(vec_distance_f32(VEC_METRIC_COS, one, zero, n)));
        assert_true(isnan(vec_distance_f32(VEC_METRIC_COS, zero, zero, n)));
        assert_true(isnan(vec_distance_f16(VEC_METRIC_COS, half_zero, half_one, n)));
        assert_true(isnan(vec_distance_i8(VEC_METRIC_COS, all_zero, not_zero, n)));
        assert_true(isnan(vec_distance_bit(VEC_METRIC_COS, no_bits, one_bit, n)));
        assert_true(vec_distance_bit(VEC_METRIC_JACCARD, no_bits, no_bits, n) == 0.0f);
        assert_true(vec_distance_bit(VEC_METRIC_JACCARD, no_bits, one_bit, n) == 1.0f);
    }
    assert_true(isnan(vec_distance_sparse(VEC_METRIC_COS, empty, single)));
    assert_true(isnan(vec_distance_sparse(VEC_METRIC_COS, single, empty)));
    assert_true(vec_distance_sparse(VEC_METRIC_L2, empty, empty) == 0.0f);
}

/* The size of a vector does not matter to its direction, down to the smallest denormals and up to FLT_MAX. */
static void
cosine_is_immune_to_size(void **state)
{
    const float sizes_of_vectors[] = {FLT_TRUE_MIN, 1e-40f, 1e-30f,     1e-20f, 1e-12f, 1,
                                      1e15f,        1e25f,  FLT_MAX / 2};
    const uint32_t index[] = {0, 4, 7};

    for (size_t s = 0; s < sizeof(sizes_of_vectors) / sizeof(sizes_of_vectors[0]); s++) {
        float size = sizes_of_vectors[s];
        const float a[3] = {size, size, 0}, b[3] = {size, 0, size}, minus[3] = {-size, -size, 0};
        VecSparse x = {index, a, 3}, y = {index, b, 3};

        assert_true(fabs(vec_distance_f32(VEC_METRIC_COS, a, b, 3) - 0.5) < 1e-6);
        assert_true(vec_distance_f32(VEC_METRIC_COS, a, minus, 3) == 2.0f);
        assert_true(fabs(vec_distance_sparse(VEC_METRIC_COS, x, y) - 0.5) < 1e-6);
    }
}

static void
nan_and_infinity_propagate(void **state)
{
    const float infinite[2] = {INFINITY, 1}, nan[2] = {NAN, 1}, ones[2] = {1, 1};
    const uint32_t index[2] = {0, 1}, apart[2] = {2, 3};
    VecSparse x = {index, infinite, 2}, y = {apart, ones, 2};

    assert_true(vec_distance_f32(VEC_METRIC_L2, infinite, ones, 2) == INFINITY);
    assert_true(vec_distance_f32(VEC_METRIC_DOT, infinite, ones, 2) == -INFINITY);
    assert_true(isnan(vec_distance_f32(VEC_METRIC_L2, infinite, infinite, 2)));
    for (VecMetric metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++)
        assert_true(isnan(vec_distance_f32(metric, nan, ones, 2)));
    assert_true(isnan(vec_distance_f32(VEC_METRIC_COS, infinite, ones, 2)));
    assert_true(isnan(vec_distance_sparse(VEC_METRIC_DOT, x, y)));
    assert_true(isnan(vec_distance_sparse(VEC_METRIC_COS, x, y)));
    assert_true(vec_distance_sparse(VEC_METRIC_L2, x, y) == INFINITY);
}

/* 0, not "-0". */
static void
dot_product_of_zero_has_no_sign(void **state)
{
    const float zero[1] = {0}, one[1] = {1};
    const uint8_t no_bits = 0;

    assert_false(signbit(vec_distance_f32(VEC_METRIC_DOT, zero, one, 1)));
    assert_false(signbit(vec_distance_bit(VEC_METRIC_DOT, &no_bits, &no_bits, 8)));
    assert_false(
        signbit(vec_distance_sparse(VEC_METRIC_DOT, (VecSparse){NULL, NULL, 0}, (VecSparse){NULL, NULL, 0})));
}

static void
norms_and_manhattan(void **state)
{
    const float a[3] = {3, -4, 0}, b[3] = {1, 1, 1};
    uint16_t half_a[3], half_b[3];
    const int8_t integer_a[3] = {3, -4, 0}, integer_b[3] = {1, 1, 1};
    const uint32_t index[3] = {1, 5, 9};

    vec_distance_narrow_f16(a, half_a, 3);
    vec_distance_narrow_f16(b, half_b, 3);
    assert_true(vec_distance_norm_f32(a, 3) == 5);
    assert_true(vec_distance_norm_f16(half_a, 3) == 5);
    assert_true(vec_distance_norm_i8((VecInt8){integer_a, 1, 0}, 3) == 5);
    assert_true(vec_distance_norm_i8((VecInt8){integer_b, 1, -1}, 3) == 0);
    assert_true(vec_distance_norm_sparse((VecSparse){index, a, 3}) == 5);
    assert_true(vec_distance_l1_f32(a, b, 3) == 8);
    assert_true(vec_distance_l1_f16(half_a, half_b, 3) == 8);
    assert_true(vec_distance_l1_i8((VecInt8){integer_a, 1, 0}, (VecInt8){integer_b, 1, 0}, 3) == 8);
    assert_true(vec_distance_l1_sparse((VecSparse){index, a, 3}, (VecSparse){index, b, 3}) == 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_follow_the_definition),
        cmocka_unit_test(halves_follow_the_definition),
        cmocka_unit_test(integers_follow_the_definition),
        cmocka_unit_test(close_integers_keep_their_distance),
        cmocka_unit_test(sparse_follow_the_definition),
        cmocka_unit_test(bits_follow_the_definition),
        cmocka_unit_test(equal_vectors_are_at_distance_zero),
        cmocka_unit_test(cosine_of_a_zero_vector_is_nan),
        cmocka_unit_test(cosine_is_immune_to_size),
        cmocka_unit_test(nan_and_infinity_propagate),
        cmocka_unit_test(dot_product_of_zero_has_no_sign),
        cmocka_unit_test(norms_and_manhattan),
    };

    return cmocka_run_group_tests_name("distances", tests, NULL, NULL);
}
