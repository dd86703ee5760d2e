/*
 * rotate.c: the rotation that makes every dimension carry the same share of a vector, whatever the data.
 *
 * Scalar codes with one step size for all dimensions lose most where a few dimensions are large; after a random rotation all
 * look alike (Gaussian, by the central limit theorem) and the error of an inner product is spread evenly, which is what the
 * error bound in quantize.c assumes. A dense rotation matrix costs d^2; H D (Hadamard, random signs D) costs d log d and is
 * as good in practice (Ailon & Chazelle 2009). A Hadamard transform exists for powers of two only: for other dimensions the
 * first and the last 2^k coordinates are transformed in turn, twice, so that every coordinate meets every other.
 */
#include "rotate.h"

#include <math.h>

#include "memory.h"
#include "random.h"

bool
vec_rotate_init(VecRotation *rotation, uint32_t dimensions, uint64_t seed, const VecAllocator *allocator)
{
    uint32_t block = 1;

    while (block <= dimensions / 2)
        block *= 2;
    *rotation = (VecRotation){
        .kernels = vec_simd_kernels(),
        .allocator = allocator,
        .dimensions = dimensions,
        .block = block,
        .pass_count = block == dimensions ? 2 : 4,
    };
    rotation->signs = vec_memory_allocate_raw(allocator, (size_t)rotation->pass_count * block, sizeof(float));
    if (rotation->signs == NULL)
        return false;

    float magnitude = 1.0f / sqrtf((float)block);
    for (size_t i = 0; i < (size_t)rotation->pass_count * block; i++)
        rotation->signs[i] = (vec_random_at(seed, i) & 1) ? magnitude : -magnitude;
    return true;
}

void
vec_rotate_free(VecRotation *rotation)
{
    if (rotation->allocator != NULL)
        vec_memory_release(rotation->allocator, rotation->signs);
    *rotation = (VecRotation){0};
}

void
vec_rotate_apply(const VecRotation *rotation, float *x)
{
    uint32_t block = rotation->block;

    for (uint32_t pass = 0; pass < rotation->pass_count; pass++) {
        float *part = (pass & 1) ? x + (rotation->dimensions - block) : x;
        const float *signs = rotation->signs + (size_t)pass * block;

        for (uint32_t i = 0; i < block; i++)
            part[i] *= signs[i];
        rotation->kernels->fht_f32(part, block);
    }
}
