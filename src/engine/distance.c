/*
 * distance.c: exact distances by metric and element type, from the kernels of src/simd.
 */
#include "vectors/distance.h"

#include "simd.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/*
 * Below this a squared norm may have lost terms to underflow, at n = 65535 more than the error bound allows:
 * 65535 terms, each wrong by half of the smallest denormal (2^-150), against 2^-24 of the sum.
 */
#define NORM_SQ_MIN 0x1p-100f

static float
vec_distance_clamp_cos(double cosine)
{
    double distance = 1.0 - cosine;

    /* Comparisons that a NaN fails: it must come through. */
    if (distance < 0.0)
        distance = 0.0;
    if (distance > 2.0)
        distance = 2.0;
    return (float)distance;
}

/* A squared norm that float32 can be trusted with. */
static int
vec_distance_norm_is_sound(float norm_sq)
{
    return norm_sq >= NORM_SQ_MIN && norm_sq <= FLT_MAX;
}

/* The same in double precision, which no float32 vector can overflow or underflow. */
static float
vec_distance_cos_f32_wide(const float *a, const float *b, uint32_t dimensions)
{
    double dot = 0, norm_sq_a = 0, norm_sq_b = 0;

    for (uint32_t i = 0; i < dimensions; i++) {
        dot += (double)a[i] * b[i];
        norm_sq_a += (double)a[i] * a[i];
        norm_sq_b += (double)b[i] * b[i];
    }
    if (norm_sq_a == 0.0 || norm_sq_b == 0.0)
        return NAN;
    return vec_distance_clamp_cos(dot / (sqrt(norm_sq_a) * sqrt(norm_sq_b)));
}

static float
vec_distance_cos_f32(const float *a, const float *b, uint32_t dimensions)
{
    VecCosParts parts = vec_simd_kernels()->cos_f32(a, b, dimensions);

    if (!vec_distance_norm_is_sound(parts.norm_sq_a) || !vec_distance_norm_is_sound(parts.norm_sq_b))
        return vec_distance_cos_f32_wide(a, b, dimensions);
    /* One square root of the product, in double: equal vectors then give exactly 0. */
    return vec_distance_clamp_cos(parts.dot / sqrt((double)parts.norm_sq_a * parts.norm_sq_b));
}

float
vec_distance_f32(VecMetric metric, const float *a, const float *b, uint32_t dimensions)
{
    switch (metric) {
        case VEC_METRIC_L2:
            return vec_simd_kernels()->l2sq_f32(a, b, dimensions);
        case VEC_METRIC_DOT:
            /* Not -x: a dot product of 0 is 0, not "-0". */
            return 0.0f - vec_simd_kernels()->dot_f32(a, b, dimensions);
        case VEC_METRIC_COS:
            return vec_distance_cos_f32(a, b, dimensions);
        case VEC_METRIC_HAMMING:
        case VEC_METRIC_JACCARD:
            break;
    }
    assert(!"this metric is not one of float vectors");
    return NAN;
}

float
vec_distance_l1_f32(const float *a, const float *b, uint32_t dimensions)
{
    return vec_simd_kernels()->l1_f32(a, b, dimensions);
}

double
vec_distance_norm_f32(const float *a, uint32_t dimensions)
{
    double norm_sq = 0;

    for (uint32_t i = 0; i < dimensions; i++)
        norm_sq += (double)a[i] * a[i];
    return sqrt(norm_sq);
}
