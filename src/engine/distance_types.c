/*
 * distance_types.c: exact distances of halves, sparse vectors, bits and 8-bit integers.
 *
 * Halves are widened block by block into the cache and given to the float32 kernels, so that their error is that of float32. Bits
 * and integers are counted exactly. Sparse vectors are merged by index, in double precision: their cost is the branches, not
 * the arithmetic.
 */
#include "vectors/distance_types.h"

#include "simd.h"
#include "vectors/half.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define BLOCK 512

/* dot / (norm * norm) as a distance. A squared norm of 0 means a zero vector, which has no direction. */
static float
cosine_distance(double dot, double norm_sq_a, double norm_sq_b)
{
    double distance;

    if (norm_sq_a == 0.0 || norm_sq_b == 0.0)
        return NAN;
    /* One root of the product gives exactly 0 for equal vectors; two, where the product leaves the range of double. */
    if (norm_sq_a * norm_sq_b > 0.0 && norm_sq_a * norm_sq_b < INFINITY)
        distance = 1.0 - dot / sqrt(norm_sq_a * norm_sq_b);
    else
        distance = 1.0 - dot / (sqrt(norm_sq_a) * sqrt(norm_sq_b));
    if (distance < 0.0)
        distance = 0.0;
    if (distance > 2.0)
        distance = 2.0;
    return (float)distance;
}

/* Not -x: a dot product of 0 is 0, not "-0". */
static float
negative(double dot)
{
    return (float)(0.0 - dot);
}

void
vec_distance_widen_f16(const uint16_t *half, float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = vec_half_to_f32(half[i]);
}

void
vec_distance_narrow_f16(const float *x, uint16_t *half, size_t count)
{
    for (size_t i = 0; i < count; i++)
        half[i] = vec_half_from_f32(x[i]);
}

float
vec_distance_f16(VecMetric metric, const uint16_t *a, const uint16_t *b, uint32_t dimensions)
{
    const VecKernels *kernels = vec_simd_kernels();
    float wide_a[BLOCK], wide_b[BLOCK];
    double sum = 0, norm_sq_a = 0, norm_sq_b = 0;

    assert(metric == VEC_METRIC_L2 || metric == VEC_METRIC_DOT || metric == VEC_METRIC_COS);
    for (uint32_t done = 0; done < dimensions; done += BLOCK) {
        uint32_t count = dimensions - done < BLOCK ? dimensions - done : BLOCK;

        vec_distance_widen_f16(a + done, wide_a, count);
        vec_distance_widen_f16(b + done, wide_b, count);
        if (metric == VEC_METRIC_L2) {
            sum += kernels->l2sq_f32(wide_a, wide_b, count);
        } else if (metric == VEC_METRIC_DOT) {
            sum += kernels->dot_f32(wide_a, wide_b, count);
        } else {
            /* The square of the smallest half is 2^-48 and of the largest 2^32: float32 can hold any sum of them. */
            VecCosParts parts = kernels->cos_f32(wide_a, wide_b, count);

            sum += parts.dot;
            norm_sq_a += parts.norm_sq_a;
            norm_sq_b += parts.norm_sq_b;
        }
    }
    if (metric == VEC_METRIC_L2)
        return (float)sum;
    return metric == VEC_METRIC_DOT ? negative(sum) : cosine_distance(sum, norm_sq_a, norm_sq_b);
}

float
vec_distance_l1_f16(const uint16_t *a, const uint16_t *b, uint32_t dimensions)
{
    double sum = 0;

    for (uint32_t i = 0; i < dimensions; i++)
        sum += fabs((double)vec_half_to_f32(a[i]) - vec_half_to_f32(b[i]));
    return (float)sum;
}

double
vec_distance_norm_f16(const uint16_t *a, uint32_t dimensions)
{
    double norm_sq = 0;

    for (uint32_t i = 0; i < dimensions; i++) {
        double x = vec_half_to_f32(a[i]);

        norm_sq += x * x;
    }
    return sqrt(norm_sq);
}

/* The sum over common indexes of the products. */
static double
sparse_dot(VecSparse a, VecSparse b)
{
    double sum = 0;
    uint32_t i = 0, j = 0;

    while (i < a.count && j < b.count) {
        uint32_t index_a = a.index[i], index_b = b.index[j];

        if (index_a == index_b)
            sum += (double)a.x[i] * b.x[j];
        i += index_a <= index_b;
        j += index_b <= index_a;
    }
    return sum;
}

static double
sparse_norm_sq(VecSparse a)
{
    double sum = 0;

    for (uint32_t i = 0; i < a.count; i++)
        sum += (double)a.x[i] * a.x[i];
    return sum;
}

/* The sum over all indexes of the squared, or absolute, differences. */
static double
sparse_difference(VecSparse a, VecSparse b, int squared)
{
    double sum = 0;
    uint32_t i = 0, j = 0;

    while (i < a.count || j < b.count) {
        uint32_t index_a = i < a.count ? a.index[i] : UINT32_MAX;
        uint32_t index_b = j < b.count ? b.index[j] : UINT32_MAX;
        double difference;

        difference =
            (index_a <= index_b ? (double)a.x[i] : 0.0) - (index_b <= index_a ? (double)b.x[j] : 0.0);
        sum += squared ? difference * difference : fabs(difference);
        i += index_a <= index_b;
        j += index_b <= index_a;
    }
    return sum;
}

float
vec_distance_sparse(VecMetric metric, VecSparse a, VecSparse b)
{
    switch (metric) {
        case VEC_METRIC_L2:
            return (float)sparse_difference(a, b, 1);
        case VEC_METRIC_DOT:
            return negative(sparse_dot(a, b));
        case VEC_METRIC_COS:
            return cosine_distance(sparse_dot(a, b), sparse_norm_sq(a), sparse_norm_sq(b));
        case VEC_METRIC_HAMMING:
        case VEC_METRIC_JACCARD:
            break;
    }
    assert(!"this metric is not one of sparse vectors");
    return NAN;
}

float
vec_distance_l1_sparse(VecSparse a, VecSparse b)
{
    return (float)sparse_difference(a, b, 0);
}

double
vec_distance_norm_sparse(VecSparse a)
{
    return sqrt(sparse_norm_sq(a));
}

typedef struct BitCounts {
    uint32_t a, b, both, different;
} BitCounts;

static void
count_word(BitCounts *counts, uint64_t a, uint64_t b)
{
    counts->a += (uint32_t)__builtin_popcountll(a);
    counts->b += (uint32_t)__builtin_popcountll(b);
    counts->both += (uint32_t)__builtin_popcountll(a & b);
    counts->different += (uint32_t)__builtin_popcountll(a ^ b);
}

static BitCounts
count_pairs(const uint8_t *a, const uint8_t *b, uint32_t dimensions)
{
    size_t bytes = ((size_t)dimensions + 7) / 8, done = 0;
    BitCounts counts = {0, 0, 0, 0};
    uint64_t word_a, word_b;

    for (; done + 8 <= bytes; done += 8) {
        memcpy(&word_a, a + done, 8);
        memcpy(&word_b, b + done, 8);
        count_word(&counts, word_a, word_b);
    }
    word_a = word_b = 0;
    memcpy(&word_a, a + done, bytes - done);
    memcpy(&word_b, b + done, bytes - done);
    count_word(&counts, word_a, word_b);
    return counts;
}

float
vec_distance_bit(VecMetric metric, const uint8_t *a, const uint8_t *b, uint32_t dimensions)
{
    BitCounts counts = count_pairs(a, b, dimensions);
    uint32_t either = counts.a + counts.b - counts.both;

    switch (metric) {
        case VEC_METRIC_L2:
        case VEC_METRIC_HAMMING:
            return (float)counts.different;
        case VEC_METRIC_DOT:
            return negative(counts.both);
        case VEC_METRIC_COS:
            return cosine_distance(counts.both, counts.a, counts.b);
        case VEC_METRIC_JACCARD:
            return either == 0 ? 0.0f : (float)((double)(either - counts.both) / either);
    }
    assert(!"no such metric");
    return NAN;
}

uint32_t
vec_distance_count_bits(const uint8_t *a, uint32_t dimensions)
{
    return count_pairs(a, a, dimensions).a;
}

/* What distances of integers are made of. At most 65535 * 2^14 < 2^30 each. */
typedef struct IntegerSums {
    int64_t a, b, aa, bb, ab;
} IntegerSums;

static IntegerSums
sum_integers(const int8_t *a, const int8_t *b, uint32_t dimensions)
{
    int32_t sum_a = 0, sum_b = 0, sum_aa = 0, sum_bb = 0, sum_ab = 0;

    assert(dimensions <= 65535);
    for (uint32_t i = 0; i < dimensions; i++) {
        int32_t x = a[i], y = b[i];

        sum_a += x;
        sum_b += y;
        sum_aa += x * x;
        sum_bb += y * y;
        sum_ab += x * y;
    }
    return (IntegerSums){sum_a, sum_b, sum_aa, sum_bb, sum_ab};
}

/* The sum of (alpha x + offset)(beta y + other). */
static double
decoded_product(double alpha, double offset, double beta, double other, int64_t x, int64_t y, int64_t xy,
                uint32_t dimensions)
{
    return alpha * beta * (double)xy + alpha * other * (double)x + beta * offset * (double)y +
           offset * other * dimensions;
}

/* Summed element by element: the expanded square would cancel where the vectors are close. */
static double
integer_difference_sq(VecInt8 a, VecInt8 b, uint32_t dimensions)
{
    double offset = (double)a.offset - b.offset, alpha = a.alpha, beta = b.alpha, sum = 0;

    for (uint32_t i = 0; i < dimensions; i++) {
        double difference = alpha * a.x[i] - beta * b.x[i] + offset;

        sum += difference * difference;
    }
    return sum;
}

float
vec_distance_i8(VecMetric metric, VecInt8 a, VecInt8 b, uint32_t dimensions)
{
    IntegerSums sums;
    double dot, norm_sq_a, norm_sq_b;

    if (metric == VEC_METRIC_L2)
        return (float)integer_difference_sq(a, b, dimensions);
    sums = sum_integers(a.x, b.x, dimensions);
    dot = decoded_product(a.alpha, a.offset, b.alpha, b.offset, sums.a, sums.b, sums.ab, dimensions);
    if (metric == VEC_METRIC_DOT)
        return negative(dot);
    assert(metric == VEC_METRIC_COS);
    norm_sq_a = decoded_product(a.alpha, a.offset, a.alpha, a.offset, sums.a, sums.a, sums.aa, dimensions);
    norm_sq_b = decoded_product(b.alpha, b.offset, b.alpha, b.offset, sums.b, sums.b, sums.bb, dimensions);
    return cosine_distance(dot, norm_sq_a, norm_sq_b);
}

float
vec_distance_l1_i8(VecInt8 a, VecInt8 b, uint32_t dimensions)
{
    double offset = (double)a.offset - b.offset, alpha = a.alpha, beta = b.alpha, sum = 0;

    for (uint32_t i = 0; i < dimensions; i++)
        sum += fabs(alpha * a.x[i] - beta * b.x[i] + offset);
    return (float)sum;
}

double
vec_distance_norm_i8(VecInt8 a, uint32_t dimensions)
{
    IntegerSums sums = sum_integers(a.x, a.x, dimensions);
    double norm_sq =
        decoded_product(a.alpha, a.offset, a.alpha, a.offset, sums.a, sums.a, sums.aa, dimensions);

    return norm_sq > 0.0 ? sqrt(norm_sq) : 0.0;
}
