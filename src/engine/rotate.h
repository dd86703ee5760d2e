/*
 * rotate.h: a random rotation of any dimension in O(d log d): sign flips and Walsh-Hadamard transforms.
 */
#ifndef VEC_ROTATE_H
#define VEC_ROTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "simd.h"
#include "vectors/allocator.h"

#define VEC_ROTATE_PASSES_MAX 4

typedef struct VecRotation {
    const VecKernels *kernels;
    const VecAllocator *allocator;
    uint32_t dimensions;
    uint32_t block;      /* largest power of two <= dimensions */
    uint32_t pass_count; /* each: signs, then one transform over a block */
    float *signs;        /* pass_count * block of +-1/sqrt(block) */
} VecRotation;

/* False if there is no memory. The rotation is a function of dimensions and seed alone. */
bool vec_rotate_init(VecRotation *rotation, uint32_t dimensions, uint64_t seed,
                     const VecAllocator *allocator);
void vec_rotate_free(VecRotation *rotation);

/* Rotates `dimensions` floats in place; lengths and inner products stay, up to rounding. */
void vec_rotate_apply(const VecRotation *rotation, float *x);

#endif
