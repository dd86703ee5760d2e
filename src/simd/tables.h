/*
 * tables.h: the tables that the kernel files define, for simd.c alone; and which of them this build has.
 *
 * VEC_SIMD_EMULATE_NEON is for test builds on x86: it compiles the NEON kernels through SIMDe, so that they are tested
 * there. The product on x86 never carries them.
 */
#ifndef VECTORS_SIMD_TABLES_H
#define VECTORS_SIMD_TABLES_H

#include "simd.h"

#if defined(__x86_64__)
#define VEC_SIMD_X86 1
#endif
#if defined(__aarch64__) || defined(VEC_SIMD_EMULATE_NEON)
#define VEC_SIMD_NEON 1
#endif

extern const VecKernels vec_kernels_scalar;

#endif
