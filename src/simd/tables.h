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

/* What every sum over two float vectors is made of: each file has one loop, and this constant is folded into its copies. */
typedef enum VecSumTerm { TERM_L2SQ, TERM_DOT, TERM_L1 } VecSumTerm;

/* How the elements of an operand lie in memory; a constant likewise. */
typedef enum VecElement { ELEMENT_F32, ELEMENT_F16 } VecElement;

typedef enum VecBitTerm { BITS_XOR, BITS_AND } VecBitTerm;

/* The float kernels of an instruction set, from its loops vec_sum and vec_cos over (a, its element, b, its element, n). */
#define VEC_SIMD_FLOAT_KERNELS_OF(target, isa, type, A, a_element, B, b_element)                             \
    target static float vec_l2sq_##type##_##isa(const A *a, const B *b, size_t n)                            \
    {                                                                                                        \
        return vec_sum(a, a_element, b, b_element, n, TERM_L2SQ);                                            \
    }                                                                                                        \
    target static float vec_dot_##type##_##isa(const A *a, const B *b, size_t n)                             \
    {                                                                                                        \
        return vec_sum(a, a_element, b, b_element, n, TERM_DOT);                                             \
    }                                                                                                        \
    target static float vec_l1_##type##_##isa(const A *a, const B *b, size_t n)                              \
    {                                                                                                        \
        return vec_sum(a, a_element, b, b_element, n, TERM_L1);                                              \
    }                                                                                                        \
    target static VecCosParts vec_cos_##type##_##isa(const A *a, const B *b, size_t n)                       \
    {                                                                                                        \
        return vec_cos(a, a_element, b, b_element, n);                                                       \
    }

#define VEC_SIMD_FLOAT_KERNELS(target, isa)                                                                  \
    VEC_SIMD_FLOAT_KERNELS_OF(target, isa, f32, float, ELEMENT_F32, float, ELEMENT_F32)                      \
    VEC_SIMD_FLOAT_KERNELS_OF(target, isa, f16, uint16_t, ELEMENT_F16, uint16_t, ELEMENT_F16)                \
    VEC_SIMD_FLOAT_KERNELS_OF(target, isa, f16f32, uint16_t, ELEMENT_F16, float, ELEMENT_F32)

#define VEC_SIMD_FLOAT_ENTRIES(isa)                                                                          \
    .l2sq_f32 = vec_l2sq_f32_##isa, .dot_f32 = vec_dot_f32_##isa, .l1_f32 = vec_l1_f32_##isa,                \
    .cos_f32 = vec_cos_f32_##isa, .l2sq_f16 = vec_l2sq_f16_##isa, .dot_f16 = vec_dot_f16_##isa,              \
    .l1_f16 = vec_l1_f16_##isa, .cos_f16 = vec_cos_f16_##isa, .l2sq_f16f32 = vec_l2sq_f16f32_##isa,          \
    .dot_f16f32 = vec_dot_f16f32_##isa, .l1_f16f32 = vec_l1_f16f32_##isa,                                    \
    .cos_f16f32 = vec_cos_f16f32_##isa, .f16_to_f32 = vec_f16_to_f32_##isa,                                  \
    .f32_to_f16 = vec_f32_to_f16_##isa

#define VEC_SIMD_SPARSE_PARAMETERS                                                                           \
    const uint32_t *a_indexes, const float *a, size_t a_count, const uint32_t *b_indexes, const float *b,    \
        size_t b_count

#define VEC_SIMD_SPARSE_PROTOTYPES(isa)                                                                      \
    float vec_l2sq_sparse_##isa(VEC_SIMD_SPARSE_PARAMETERS);                                                 \
    float vec_dot_sparse_##isa(VEC_SIMD_SPARSE_PARAMETERS);                                                  \
    float vec_l1_sparse_##isa(VEC_SIMD_SPARSE_PARAMETERS);                                                   \
    VecCosParts vec_cos_sparse_##isa(VEC_SIMD_SPARSE_PARAMETERS)

#define VEC_SIMD_SPARSE_ENTRIES(isa)                                                                         \
    .l2sq_sparse = vec_l2sq_sparse_##isa, .dot_sparse = vec_dot_sparse_##isa,                                \
    .l1_sparse = vec_l1_sparse_##isa, .cos_sparse = vec_cos_sparse_##isa,                                    \
    .dot_sparse_dense = vec_dot_sparse_dense_scalar

/*
 * Where no instruction helps, other tables take these. A row against a spread-out query is one load an element either way: the
 * gather instructions were measured at the same time, and are several times slower where microcode mends their leaks.
 */
VEC_SIMD_SPARSE_PROTOTYPES(scalar);
float vec_dot_sparse_dense_scalar(const uint32_t *indexes, const float *values, size_t count,
                                  const float *dense);

extern const VecKernels vec_kernels_scalar;
#ifdef VEC_SIMD_X86
extern const VecKernels vec_kernels_avx2;
extern const VecKernels vec_kernels_avx512;
extern const VecKernels vec_kernels_avx512vnni;
extern const VecKernels vec_kernels_avx512vpopcntdq;

/* The AVX-512 tables take these as they are. */
void vec_fht_f32_avx2(float *x, size_t n);
VEC_SIMD_SPARSE_PROTOTYPES(avx2);
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

/* A batch, four rows at a time, by a function over rows: the same loop for all code types and instruction sets. */
#define VEC_SIMD_BATCH(name, target, rows_function, row_bytes_of, Query)                                     \
    target static void name(const uint8_t *codes, size_t stride_bytes, const uint32_t *ids, size_t count,    \
                            const Query *query, size_t n, int32_t *out)                                      \
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

/* The batches of an instruction set, from its functions over rows, and one row as a batch of one. */
#define VEC_SIMD_CODE_KERNELS(target, isa, u8_rows, u4_rows, u1_rows)                                        \
    VEC_SIMD_BATCH(vec_dot_u1s8_batch_##isa, target, u1_rows, VEC_SIMD_U1_BYTES, int8_t)                     \
    VEC_SIMD_BATCH(vec_dot_u8s8_batch_##isa, target, u8_rows, VEC_SIMD_U8_BYTES, int8_t)                     \
    VEC_SIMD_BATCH(vec_dot_u4s8_batch_##isa, target, u4_rows, VEC_SIMD_U4_BYTES, int8_t)                     \
    target static int32_t vec_dot_u8s8_##isa(const uint8_t *codes, const int8_t *query, size_t n)            \
    {                                                                                                        \
        int32_t sum;                                                                                         \
                                                                                                             \
        u8_rows(&codes, 1, query, n, &sum);                                                                  \
        return sum;                                                                                          \
    }                                                                                                        \
    target static int32_t vec_dot_u4s8_##isa(const uint8_t *packed, const int8_t *query, size_t n)           \
    {                                                                                                        \
        int32_t sum;                                                                                         \
                                                                                                             \
        u4_rows(&packed, 1, query, n, &sum);                                                                 \
        return sum;                                                                                          \
    }                                                                                                        \
    target static int32_t vec_dot_u1s8_##isa(const uint8_t *bits, const int8_t *query, size_t n)             \
    {                                                                                                        \
        int32_t sum;                                                                                         \
                                                                                                             \
        u1_rows(&bits, 1, query, n, &sum);                                                                   \
        return sum;                                                                                          \
    }

#define VEC_SIMD_CODE_ENTRIES(isa)                                                                           \
    .dot_u8s8 = vec_dot_u8s8_##isa, .dot_u4s8 = vec_dot_u4s8_##isa, .dot_u1s8 = vec_dot_u1s8_##isa,          \
    .dot_u8s8_batch = vec_dot_u8s8_batch_##isa, .dot_u4s8_batch = vec_dot_u4s8_batch_##isa,                  \
    .dot_u1s8_batch = vec_dot_u1s8_batch_##isa

#define VEC_SIMD_BIT_BYTES(bytes) (bytes)
#define VEC_SIMD_BIT_KERNELS(target, isa, xor_rows, and_rows)                                                \
    VEC_SIMD_BATCH(vec_hamming_bits_batch_##isa, target, xor_rows, VEC_SIMD_BIT_BYTES, uint8_t)              \
    VEC_SIMD_BATCH(vec_and_bits_batch_##isa, target, and_rows, VEC_SIMD_BIT_BYTES, uint8_t)                  \
    target static uint32_t vec_hamming_bits_##isa(const uint8_t *a, const uint8_t *b, size_t bytes)          \
    {                                                                                                        \
        int32_t sum;                                                                                         \
                                                                                                             \
        xor_rows(&a, 1, b, bytes, &sum);                                                                     \
        return (uint32_t)sum;                                                                                \
    }

#define VEC_SIMD_BIT_ENTRIES(isa)                                                                            \
    .hamming_bits = vec_hamming_bits_##isa, .count_bits = vec_count_bits_##isa,                              \
    .hamming_bits_batch = vec_hamming_bits_batch_##isa, .and_bits_batch = vec_and_bits_batch_##isa

#endif
