/*
 * distance_types.h: the distances of the other element types: half, sparse, bit, int8; the same contract as distance.h.
 *
 * Operands have the same dimensions (the caller's to check), are aligned as their elements and may be the same memory. Nothing is allocated.
 */
#ifndef VECTORS_DISTANCE_TYPES_H
#define VECTORS_DISTANCE_TYPES_H

#include "vectors/distance.h"

/* Elements that are not 0, by ascending index; indexes below the dimensions. */
typedef struct VecSparse {
    const uint32_t *index;
    const float *x;
    uint32_t count;
} VecSparse;

/* Element i is alpha * x[i] + offset. */
typedef struct VecInt8 {
    const int8_t *x;
    float alpha;
    float offset;
} VecInt8;

/* L2, DOT, COS over IEEE halves; accumulated in float32 at least, as accurate as vec_distance_f32 on the widened elements. */
float vec_distance_f16(VecMetric metric, const uint16_t *a, const uint16_t *b, uint32_t dimensions);
float vec_distance_l1_f16(const uint16_t *a, const uint16_t *b, uint32_t dimensions);
double vec_distance_norm_f16(const uint16_t *a, uint32_t dimensions);

/* Exact; and to nearest, ties to even, beyond 65504 an infinity. */
void vec_distance_widen_f16(const uint16_t *half, float *x, size_t count);
void vec_distance_narrow_f16(const float *x, uint16_t *half, size_t count);

/* L2, DOT, COS. What only one operand has counts against a 0, as in dense vectors: an infinity times an absent element is NaN. */
float vec_distance_sparse(VecMetric metric, VecSparse a, VecSparse b);
float vec_distance_l1_sparse(VecSparse a, VecSparse b);
double vec_distance_norm_sparse(VecSparse a);

/*
 * HAMMING (L2 is the same), DOT (negative number of common ones), COS, JACCARD, over ceil(dimensions / 8) bytes; bits behind the
 * last dimension must be 0, their order does not matter.
 */
float vec_distance_bit(VecMetric metric, const uint8_t *a, const uint8_t *b, uint32_t dimensions);
uint32_t vec_distance_count_bits(const uint8_t *a, uint32_t dimensions);

/* The same distance, from the numbers of bits set in both, in a and in b; not HAMMING. */
float vec_distance_bit_counts(VecMetric metric, uint32_t both, uint32_t a, uint32_t b);

/* L2, DOT, COS of the decoded elements: exact integer sums, then double precision. */
float vec_distance_i8(VecMetric metric, VecInt8 a, VecInt8 b, uint32_t dimensions);
float vec_distance_l1_i8(VecInt8 a, VecInt8 b, uint32_t dimensions);
double vec_distance_norm_i8(VecInt8 a, uint32_t dimensions);

#endif
