/*
 * distance.h: the distances that SQL returns, exact and by the fastest kernel of this CPU.
 *
 * The numbers of both enums are stored in index relations and segment files: never change one, only append.
 */
#ifndef VECTORS_DISTANCE_H
#define VECTORS_DISTANCE_H

#include <stddef.h>
#include <stdint.h>

typedef enum VecMetric {
    VEC_METRIC_L2 = 0,      /* squared Euclidean */
    VEC_METRIC_DOT = 1,     /* negative dot product */
    VEC_METRIC_COS = 2,     /* 1 - cosine, clamped to [0, 2]; NaN for a zero vector */
    VEC_METRIC_HAMMING = 3, /* bits only: number of differing bits */
    VEC_METRIC_JACCARD = 4  /* bits only: 1 - |and| / |or|; 0 for two all-zero vectors */
} VecMetric;

typedef enum VecElementType {
    VEC_TYPE_F32 = 0,
    VEC_TYPE_F16 = 1,
    VEC_TYPE_SPARSE = 2,
    VEC_TYPE_BIT = 3,
    VEC_TYPE_I8 = 4
} VecElementType;

/*
 * The distance of two vectors of the same dimensions, smaller is nearer; a and b need no alignment and may be the same. The
 * metric is L2, DOT or COS (anything else is a programmer's error).
 *
 * Sums are accumulated in float32; simd.h states the error. A sum beyond FLT_MAX is an infinity; NaN and infinities in the
 * vectors propagate, and infinity under COS is NaN. COS is immune to the size of the vectors: where the float32 norms
 * overflow or underflow it is computed again in double precision, so that only a true zero vector is NaN.
 */
float vec_distance_f32(VecMetric metric, const float *a, const float *b, uint32_t dimensions);

/* Sum of absolute differences. */
float vec_distance_l1_f32(const float *a, const float *b, uint32_t dimensions);

/* Euclidean length, accumulated in double precision. */
double vec_distance_norm_f32(const float *a, uint32_t dimensions);

#endif
