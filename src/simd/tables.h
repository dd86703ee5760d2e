/*
 * tables.h: what the kernel files share among themselves and with simd.c, and nobody else sees.
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

/* Clang before 16 declares the dot-product intrinsics only where the whole file may use them. */
#if defined(VEC_SIMD_NEON) && (!defined(__aarch64__) || defined(__ARM_FEATURE_DOTPROD) ||                    \
                               !defined(__clang__) || __clang_major__ >= 16)
#define VEC_SIMD_DOTPROD 1
#endif

/*
 * Before a loop whose at most eight turns are known: PGXS compiles with -O2, where gcc leaves such loops rolled and then
 * keeps the registers that they index on the stack.
 */
#define VEC_SIMD_UNROLL _Pragma("GCC unroll 8")

extern const VecKernels vec_kernels_scalar;
#ifdef VEC_SIMD_X86
extern const VecKernels vec_kernels_avx2;
extern const VecKernels vec_kernels_avx512;
extern const VecKernels vec_kernels_avx512vnni;

/* The AVX-512 tables take it as it is. */
void vec_fht_f32_avx2(float *x, size_t n);
#endif
#ifdef VEC_SIMD_NEON
extern const VecKernels vec_kernels_neon;
#endif
#ifdef VEC_SIMD_DOTPROD
extern const VecKernels vec_kernels_neondotprod;
#endif

/* The rows of a batch kernel. */
typedef struct VecRowList {
    const uint8_t *codes;
    size_t stride_bytes;
    size_t row_bytes; /* that the kernel reads */
    const uint32_t *ids;
    size_t count;
} VecRowList;

static inline const uint8_t *
vec_rows_at(const VecRowList *rows, size_t k)
{
    return rows->codes + (rows->ids ? rows->ids[k] : k) * rows->stride_bytes;
}

/*
 * A graph's rows are where the CPU cannot foresee, and the list is short: so eight rows are asked for before the first is read,
 * and then always the eighth ahead. For 16 rows of 384 bytes out of 40 to 400 MB that is 7 to 10 % faster than asking for the
 * next four only, 30 % faster than asking for none and taking one row at a time, and costs 10 % where all is in cache. Of long
 * rows only the beginning is asked for: the rest is a stream, which the CPU does foresee, and eight long rows would drive one
 * another out of the first-level cache.
 */
#define VEC_ROWS_AHEAD         8
#define VEC_PREFETCH_BYTES_MAX 1024

static inline __attribute__((always_inline)) void
vec_rows_prefetch(const VecRowList *rows, size_t from, size_t to)
{
    size_t bytes = rows->row_bytes < VEC_PREFETCH_BYTES_MAX ? rows->row_bytes : VEC_PREFETCH_BYTES_MAX;

    if (rows->ids == NULL)
        return;
    for (size_t k = from; k < to && k < rows->count; k++) {
        const uint8_t *row = vec_rows_at(rows, k);

        for (size_t byte = 0; byte < bytes; byte += 64)
            __builtin_prefetch(row + byte);
    }
}

/* A batch, four rows at a time, by a function over rows: the same loop for two code types and all instruction sets. */
#define VEC_SIMD_BATCH(name, target, rows_function, row_bytes_of)                                            \
    target static void name(const uint8_t *codes, size_t stride_bytes, const uint32_t *ids, size_t count,    \
                            const int8_t *query, size_t n, int32_t *out)                                     \
    {                                                                                                        \
        const VecRowList rows = {codes, stride_bytes, row_bytes_of(n), ids, count};                          \
        const uint8_t *row[4];                                                                               \
        size_t k = 0;                                                                                        \
                                                                                                             \
        vec_rows_prefetch(&rows, 0, VEC_ROWS_AHEAD);                                                         \
        for (; k + 4 <= count; k += 4) {                                                                     \
            VEC_SIMD_UNROLL                                                                                  \
            for (size_t r = 0; r < 4; r++)                                                                   \
                row[r] = vec_rows_at(&rows, k + r);                                                          \
            vec_rows_prefetch(&rows, k + VEC_ROWS_AHEAD, k + VEC_ROWS_AHEAD + 4);                            \
            rows_function(row, 4, query, n, out + k);                                                        \
        }                                                                                                    \
        for (; k < count; k++) {                                                                             \
            row[0] = vec_rows_at(&rows, k);                                                                  \
            rows_function(row, 1, query, n, out + k);                                                        \
        }                                                                                                    \
    }

#endif
