/*
 * simd.c: chooses one table of kernels for the process, and packs 4-bit codes.
 *
 * The choice needs no lock: it depends on the CPU and the environment only, so threads that race compute the same pointer,
 * and storing it twice does no harm.
 */
#include "simd.h"
#include "tables.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Slowest first: the last one that the CPU can run is the best. */
static const VecKernels *const tables[] = {
    &vec_kernels_scalar,
#ifdef VEC_SIMD_NEON
    &vec_kernels_neon,
#endif
#ifdef VEC_SIMD_DOTPROD
    &vec_kernels_neondotprod,
#endif
#ifdef VEC_SIMD_X86
    &vec_kernels_avx2,        &vec_kernels_avx512, &vec_kernels_avx512vnni, &vec_kernels_avx512vpopcntdq,
#endif
};

static _Atomic(const VecKernels *) chosen;

const VecKernels *const *
vec_simd_tables(size_t *count)
{
    *count = sizeof(tables) / sizeof(tables[0]);
    return tables;
}

const VecKernels *
vec_simd_choose(uint32_t features)
{
    const VecKernels *best = &vec_kernels_scalar;

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if ((tables[i]->features & ~features) == 0)
            best = tables[i];
    return best;
}

const VecKernels *
vec_simd_find(const char *name, uint32_t features)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if (strcmp(tables[i]->name, name) == 0 && (tables[i]->features & ~features) == 0)
            return tables[i];
    return NULL;
}

const VecKernels *
vec_simd_kernels(void)
{
    const VecKernels *kernels = atomic_load_explicit(&chosen, memory_order_acquire);

    if (kernels == NULL) {
        const char *wanted = getenv("VECTORS_SIMD");
        uint32_t features = vec_cpu_features();

        if (wanted != NULL)
            kernels = vec_simd_find(wanted, features);
        if (kernels == NULL)
            kernels = vec_simd_choose(features);
        atomic_store_explicit(&chosen, kernels, memory_order_release);
    }
    return kernels;
}

void
vec_simd_pack_u4(const uint8_t *codes, size_t n, uint8_t *packed)
{
    memset(packed, 0, VEC_SIMD_U4_BYTES(n));
    for (size_t i = 0; i < n; i++)
        packed[i / 128 * 64 + i % 64] |= (uint8_t)((codes[i] & 15) << (i % 128 / 64 * 4));
}

void
vec_simd_unpack_u4(const uint8_t *packed, size_t n, uint8_t *codes)
{
    for (size_t i = 0; i < n; i++)
        codes[i] = (packed[i / 128 * 64 + i % 64] >> (i % 128 / 64 * 4)) & 15;
}
