/*
 * distance_types.c: exact distances of halves, sparse vectors, bits and 8-bit integers, from the kernels of src/simd.
 *
 * What the kernels' float32 sums cannot hold is computed again in double precision: the cosine of sparse vectors whose norms
 * overflow or vanish. Integers are expanded around exact integer sums, and summed again element by element where the
 * expansion cancels.
 */
#include "vectors/distance_types.h"

#include "simd.h"
#include "vectors/half.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/* Below this a float32 squared norm may have lost terms to underflow: a million, each wrong by 2^-150, against 2^-24 of it. */
#define NORM_SQ_MIN 0x1p-100f

/*
 * A sum of exact terms that comes out smaller than this against their size is summed again without expanding it: the expansion
 * is right to about 2^-50 of their size, so what is left is right to 2^-26.
 */
#define CANCELLATION_MIN 0x1p-24

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

static float
cosine_of_parts(VecCosParts parts)
{
    return cosine_distance(parts.dot, parts.norm_sq_a, parts.norm_sq_b);
}

void
vec_distance_widen_f16(const uint16_t *half, float *x, size_t count)
{
    vec_simd_kernels()->f16_to_f32(half, x, count);
}

void
vec_distance_narrow_f16(const float *x, uint16_t *half, size_t count)
{
    vec_simd_kernels()->f32_to_f16(x, half, count);
}

float
vec_distance_f16(VecMetric metric, const uint16_t *a, const uint16_t *b, uint32_t dimensions)
{
    switch (metric) {
        case VEC_METRIC_L2:
            return vec_simd_kernels()->l2sq_f16(a, b, dimensions);
        case VEC_METRIC_DOT:
            return negative(vec_simd_kernels()->dot_f16(a, b, dimensions));
        case VEC_METRIC_COS:
            /* The square of the smallest half is 2^-48 and of the largest 2^32: float32 can hold any sum of them. */
            return cosine_of_parts(vec_simd_kernels()->cos_f16(a, b, dimensions));
        case VEC_METRIC_HAMMING:
        case VEC_METRIC_JACCARD:
            break;
    }
    assert(!"this metric is not one of half vectors");
    return NAN;
}

float
vec_distance_l1_f16(const uint16_t *a, const uint16_t *b, uint32_t dimensions)
{
    return vec_simd_kernels()->l1_f16(a, b, dimensions);
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

static double
sparse_norm_sq(VecSparse a)
{
    double sum = 0;

    for (uint32_t i = 0; i < a.count; i++)
        sum += (double)a.x[i] * a.x[i];
    return sum;
}

/* In double precision, which no float32 vector can overflow or underflow: so an infinite norm means an infinite element. */
static float
sparse_cosine_wide(VecSparse a, VecSparse b)
{
    double dot = 0, norm_sq_a = sparse_norm_sq(a), norm_sq_b = sparse_norm_sq(b);
    uint32_t i = 0, j = 0;

    if (!isfinite(norm_sq_a) || !isfinite(norm_sq_b))
        return NAN;
    while (i < a.count && j < b.count) {
        uint32_t index_a = a.index[i], index_b = b.index[j];

        if (index_a == index_b)
            dot += (double)a.x[i] * b.x[j];
        i += index_a <= index_b;
        j += index_b <= index_a;
    }
    return cosine_distance(dot, norm_sq_a, norm_sq_b);
}

static float
sparse_cosine(VecSparse a, VecSparse b)
{
    VecCosParts parts = vec_simd_kernels()->cos_sparse(a.index, a.x, a.count, b.index, b.x, b.count);

    if (parts.norm_sq_a >= NORM_SQ_MIN && parts.norm_sq_a <= FLT_MAX && parts.norm_sq_b >= NORM_SQ_MIN &&
        parts.norm_sq_b <= FLT_MAX)
        return cosine_of_parts(parts);
    return sparse_cosine_wide(a, b);
}

float
vec_distance_sparse(VecMetric metric, VecSparse a, VecSparse b)
{
    const VecKernels *kernels = vec_simd_kernels();

    switch (metric) {
        case VEC_METRIC_L2:
            return kernels->l2sq_sparse(a.index, a.x, a.count, b.index, b.x, b.count);
        case VEC_METRIC_DOT:
            return negative(kernels->dot_sparse(a.index, a.x, a.count, b.index, b.x, b.count));
        case VEC_METRIC_COS:
            return sparse_cosine(a, b);
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
    return vec_simd_kernels()->l1_sparse(a.index, a.x, a.count, b.index, b.x, b.count);
}

double
vec_distance_norm_sparse(VecSparse a)
{
    return sqrt(sparse_norm_sq(a));
}

float
vec_distance_bit_counts(VecMetric metric, uint32_t both, uint32_t a, uint32_t b)
{
    uint32_t either = a + b - both;

    switch (metric) {
        case VEC_METRIC_DOT:
            return negative(both);
        case VEC_METRIC_COS:
            return cosine_distance(both, a, b);
        case VEC_METRIC_JACCARD:
            return either == 0 ? 0.0f : (float)((double)(either - both) / either);
        case VEC_METRIC_L2:
        case VEC_METRIC_HAMMING:
            break;
    }
    assert(!"this metric wants the bits");
    return NAN;
}

float
vec_distance_bit(VecMetric metric, const uint8_t *a, const uint8_t *b, uint32_t dimensions)
{
    const VecKernels *kernels = vec_simd_kernels();
    size_t bytes = ((size_t)dimensions + 7) / 8;
    VecBitCounts counts;

    if (metric == VEC_METRIC_L2 || metric == VEC_METRIC_HAMMING)
        return (float)kernels->hamming_bits(a, b, bytes);
    counts = kernels->count_bits(a, b, bytes);
    return vec_distance_bit_counts(metric, counts.both, counts.a, counts.b);
}

uint32_t
vec_distance_count_bits(const uint8_t *a, uint32_t dimensions)
{
    return vec_simd_kernels()->count_bits(a, a, ((size_t)dimensions + 7) / 8).a;
}

/* The sum of (alpha x + offset)(beta y + other). */
static double
decoded_product(double alpha, double offset, double beta, double other, int32_t x, int32_t y, int32_t xy,
                uint32_t dimensions)
{
    return alpha * beta * xy + alpha * other * x + beta * offset * y + offset * other * dimensions;
}

/* Element by element, for where the expanded square cancels. */
static double
integer_difference_sq_plain(VecInt8 a, VecInt8 b, uint32_t dimensions)
{
    double offset = (double)a.offset - b.offset, alpha = a.alpha, beta = b.alpha, sum = 0;

    for (uint32_t i = 0; i < dimensions; i++) {
        double difference = alpha * a.x[i] - beta * b.x[i] + offset;

        sum += difference * difference;
    }
    return sum;
}

/* The sum of (alpha x - beta y + offset)^2, expanded. */
static double
integer_difference_sq(VecInt8 a, VecInt8 b, VecI8Sums sums, uint32_t dimensions)
{
    double offset = (double)a.offset - b.offset, alpha = a.alpha, beta = b.alpha;
    double squares = alpha * alpha * sums.aa + beta * beta * sums.bb + offset * offset * dimensions;
    double sum = squares - 2 * alpha * beta * sums.ab + 2 * offset * (alpha * sums.a - beta * sums.b);

    if (!(sum >= CANCELLATION_MIN * squares))
        return integer_difference_sq_plain(a, b, dimensions);
    return sum;
}

/* The squared norm expanded, or 0 if that cancels too much to be trusted (a zero vector included). */
static double
integer_norm_sq(VecInt8 a, int32_t sum, int32_t sum_sq, uint32_t dimensions)
{
    double squares = (double)a.alpha * a.alpha * sum_sq + (double)a.offset * a.offset * dimensions;
    double norm_sq = decoded_product(a.alpha, a.offset, a.alpha, a.offset, sum, sum, sum_sq, dimensions);

    return norm_sq >= CANCELLATION_MIN * squares ? norm_sq : 0.0;
}

static double
integer_norm_sq_plain(VecInt8 a, uint32_t dimensions)
{
    double norm_sq = 0;

    for (uint32_t i = 0; i < dimensions; i++) {
        double x = (double)a.alpha * a.x[i] + a.offset;

        norm_sq += x * x;
    }
    return norm_sq;
}

static float
integer_cosine(VecInt8 a, VecInt8 b, VecI8Sums sums, uint32_t dimensions)
{
    double norm_sq_a = integer_norm_sq(a, sums.a, sums.aa, dimensions);
    double norm_sq_b = integer_norm_sq(b, sums.b, sums.bb, dimensions), dot = 0;

    if (norm_sq_a > 0.0 && norm_sq_b > 0.0)
        return cosine_distance(
            decoded_product(a.alpha, a.offset, b.alpha, b.offset, sums.a, sums.b, sums.ab, dimensions),
            norm_sq_a, norm_sq_b);
    for (uint32_t i = 0; i < dimensions; i++)
        dot += ((double)a.alpha * a.x[i] + a.offset) * ((double)b.alpha * b.x[i] + b.offset);
    return cosine_distance(dot, integer_norm_sq_plain(a, dimensions), integer_norm_sq_plain(b, dimensions));
}

float
vec_distance_i8(VecMetric metric, VecInt8 a, VecInt8 b, uint32_t dimensions)
{
    VecI8Sums sums;

    assert(dimensions <= VEC_SIMD_CODES_MAX);
    sums = vec_simd_kernels()->sums_i8(a.x, b.x, dimensions);
    switch (metric) {
        case VEC_METRIC_L2:
            return (float)integer_difference_sq(a, b, sums, dimensions);
        case VEC_METRIC_DOT:
            return negative(
                decoded_product(a.alpha, a.offset, b.alpha, b.offset, sums.a, sums.b, sums.ab, dimensions));
        case VEC_METRIC_COS:
            return integer_cosine(a, b, sums, dimensions);
        case VEC_METRIC_HAMMING:
        case VEC_METRIC_JACCARD:
            break;
    }
    assert(!"this metric is not one of integer vectors");
    return NAN;
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
    return sqrt(integer_norm_sq_plain(a, dimensions));
}
