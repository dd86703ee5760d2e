/*
 * simd.h: the table of CPU kernels: what each computes, on which memory it may lay its hands, and how exact it is.
 *
 * One table an instruction set, chosen once for the process (simd.c). Every entry of every table is filled, so callers
 * never test for NULL and never know which CPU they run on.
 *
 * Common to all kernels
 *   - pointers are aligned as their element type (bytes: not at all); kernels run fastest on 64-byte aligned rows;
 *   - n = 0 is legal: sums are 0;
 *   - a kernel reads exactly its n elements of each operand, never a byte more; those on codes alone read as far as "Codes"
 *     below says;
 *   - no kernel allocates, sets errno, changes the rounding mode or flushes denormals;
 *   - float sums are accumulated in float32, in at least eight independent chains. With u = 2^-24,
 *         |result - exact| <= (n / 8 + 16) u * (sum of the absolute values of the terms)
 *     as long as nothing overflows or underflows; so any two instruction sets differ by at most twice that. Terms are
 *     (a-b)^2 for l2sq, ab for dot, |a-b| for l1; n is the number of terms. Integer results are exact and equal on every
 *     instruction set;
 *   - NaN and infinities propagate as they do in IEEE arithmetic, and a sum beyond FLT_MAX is an infinity.
 *
 * Codes
 *   u8: a code is a byte, 0..255; a row of n codes is n bytes.
 *   u4: a code is 0..15, two a byte, in blocks of 128 codes = 64 bytes: byte j of a block holds the block's code j in
 *       its low nibble and code 64 + j in its high one. So one 64-byte load, one mask and one shift give two registers
 *       of codes in natural order, and the query needs no shuffling. Write and read them with vec_simd_pack_u4 and
 *       vec_simd_unpack_u4.
 *   u1: a code is 0 or 1, bit i % 8 of byte i / 8; a row of n codes is readable for VEC_SIMD_U1_BYTES(n). Codes of a few bits are
 *       several such rows, a bit of every code each.
 *   A query is int8, -128..127, in natural order in all cases, and followed by zeros up to a multiple of 128 bytes
 *       (VEC_SIMD_QUERY_BYTES). Because these zeros annul whatever they are multiplied with, the padding of a code row may
 *       hold anything (a row's correction terms, the next row), it must merely be readable: VEC_SIMD_U8_BYTES,
 *       VEC_SIMD_U4_BYTES and VEC_SIMD_U1_BYTES say how far. An array of rows with a smaller stride needs that much slack after its last row.
 *   n is at most VEC_SIMD_CODES_MAX: then no sum can leave an int32.
 *   Bits: a row is bytes, whose order within and among them does not matter as long as both operands have the same; bits of the
 *       last byte beyond the dimensions are 0. Batches read exactly the bytes given.
 *   For two code rows (building a graph) make one the query: Σ c d = Σ c (d - 128) + 128 Σ c, where d - 128 is an int8
 *   (and unpacked 4-bit codes are int8 as they are).
 */
#ifndef VECTORS_SIMD_H
#define VECTORS_SIMD_H

#include <stddef.h>
#include <stdint.h>

#define VEC_SIMD_CODES_MAX      65535
#define VEC_SIMD_FHT_MAX        65536
#define VEC_SIMD_U8_BYTES(n)    (((size_t)(n) + 63) / 64 * 64)
#define VEC_SIMD_U4_BYTES(n)    (((size_t)(n) + 127) / 128 * 64)
#define VEC_SIMD_U1_BYTES(n)    (((size_t)(n) + 63) / 64 * 8)
#define VEC_SIMD_QUERY_BYTES(n) (((size_t)(n) + 127) / 128 * 128)

/* What a cosine is made of, from one pass: a·b, a·a, b·b. If a and b are equal element by element, so are all three. */
typedef struct VecCosParts {
    float dot;
    float norm_sq_a;
    float norm_sq_b;
} VecCosParts;

/* Bits set in both, in a, in b. */
typedef struct VecBitCounts {
    uint32_t both;
    uint32_t a;
    uint32_t b;
} VecBitCounts;

/* Of two int8 vectors; none can leave an int32 as long as n <= VEC_SIMD_CODES_MAX. */
typedef struct VecI8Sums {
    int32_t ab, a, b, aa, bb;
} VecI8Sums;

typedef struct VecKernels {
    const char *name;  /* what VECTORS_SIMD calls this table */
    uint32_t features; /* VEC_CPU_* that it needs */

    float (*l2sq_f32)(const float *a, const float *b, size_t n);
    float (*dot_f32)(const float *a, const float *b, size_t n);
    float (*l1_f32)(const float *a, const float *b, size_t n);
    VecCosParts (*cos_f32)(const float *a, const float *b, size_t n);

    /* Half precision: IEEE binary16 in a uint16_t, widened (exactly) to float32 and computed there. */
    float (*l2sq_f16)(const uint16_t *a, const uint16_t *b, size_t n);
    float (*dot_f16)(const uint16_t *a, const uint16_t *b, size_t n);
    float (*l1_f16)(const uint16_t *a, const uint16_t *b, size_t n);
    VecCosParts (*cos_f16)(const uint16_t *a, const uint16_t *b, size_t n);

    /* A half precision row against a float32 query. */
    float (*l2sq_f16f32)(const uint16_t *a, const float *b, size_t n);
    float (*dot_f16f32)(const uint16_t *a, const float *b, size_t n);
    float (*l1_f16f32)(const uint16_t *a, const float *b, size_t n);
    VecCosParts (*cos_f16f32)(const uint16_t *a, const float *b, size_t n);

    /* To half: to nearest, ties to even; from 65520 on infinity; NaN stays NaN. But for a NaN's payload, the same bits on every instruction set. */
    void (*f16_to_f32)(const uint16_t *from, float *to, size_t n);
    void (*f32_to_f16)(const float *from, uint16_t *to, size_t n);

    uint32_t (*hamming_bits)(const uint8_t *a, const uint8_t *b, size_t bytes);
    VecBitCounts (*count_bits)(const uint8_t *a, const uint8_t *b, size_t bytes);

    VecI8Sums (*sums_i8)(const int8_t *a, const int8_t *b, size_t n);

    /*
     * Sparse vectors: indexes strictly ascending, a value each. Terms run over the union of the indexes, and what only one
     * side has meets a 0: so NaN and infinities propagate exactly as in dense vectors.
     */
    float (*l2sq_sparse)(const uint32_t *a_indexes, const float *a, size_t a_count, const uint32_t *b_indexes,
                         const float *b, size_t b_count);
    float (*dot_sparse)(const uint32_t *a_indexes, const float *a, size_t a_count, const uint32_t *b_indexes,
                        const float *b, size_t b_count);
    float (*l1_sparse)(const uint32_t *a_indexes, const float *a, size_t a_count, const uint32_t *b_indexes,
                       const float *b, size_t b_count);
    VecCosParts (*cos_sparse)(const uint32_t *a_indexes, const float *a, size_t a_count,
                              const uint32_t *b_indexes, const float *b, size_t b_count);
    /*
     * A sparse row with a query spread out over all dimensions; every index is below its length (trusted). Elements that the
     * row does not have do not count, whatever the query has there.
     */
    float (*dot_sparse_dense)(const uint32_t *indexes, const float *values, size_t count, const float *dense);

    /* Σ codes[i] * query[i], exact. */
    int32_t (*dot_u8s8)(const uint8_t *codes, const int8_t *query, size_t n);
    int32_t (*dot_u4s8)(const uint8_t *packed, const int8_t *query, size_t n);
    int32_t (*dot_u1s8)(const uint8_t *bits, const int8_t *query, size_t n);

    /*
     * out[k] = the same sum for the row at codes + ids[k] * stride_bytes, k < count. ids = NULL: rows 0 .. count-1. Ids are
     * trusted: the caller has checked them. Prefetches the rows ahead, so that a list of neighbours should be passed whole.
     */
    void (*dot_u8s8_batch)(const uint8_t *codes, size_t stride_bytes, const uint32_t *ids, size_t count,
                           const int8_t *query, size_t n, int32_t *out);
    void (*dot_u4s8_batch)(const uint8_t *codes, size_t stride_bytes, const uint32_t *ids, size_t count,
                           const int8_t *query, size_t n, int32_t *out);
    void (*dot_u1s8_batch)(const uint8_t *codes, size_t stride_bytes, const uint32_t *ids, size_t count,
                           const int8_t *query, size_t n, int32_t *out);

    void (*hamming_bits_batch)(const uint8_t *codes, size_t stride_bytes, const uint32_t *ids, size_t count,
                               const uint8_t *query, size_t bytes, int32_t *out);
    void (*and_bits_batch)(const uint8_t *codes, size_t stride_bytes, const uint32_t *ids, size_t count,
                           const uint8_t *query, size_t bytes, int32_t *out);

    /* Of 64 bytes a word: bit i of masks[w] is whether column[64 w + i] - low <= span, modulo 256. */
    void (*range_u8)(const uint8_t *column, size_t words, uint8_t low, uint8_t span, uint64_t *masks);

    /*
     * In-place Walsh-Hadamard transform in natural (Hadamard) order, not normalised: apply it twice and every element is n
     * times what it was; multiply by 1/sqrt(n) for a rotation. n is a power of two, 1..VEC_SIMD_FHT_MAX. The additions are
     * the same tree on every instruction set, so results are equal bit by bit.
     */
    void (*fht_f32)(float *x, size_t n);
} VecKernels;

/*
 * The best table for this CPU, or the one that the environment variable VECTORS_SIMD names (scalar, avx2, avx512,
 * avx512vnni, avx512vpopcntdq, neon, neondotprod: a VecKernels.name), if this CPU can run it; any other value is ignored. Chosen at the first call and the
 * same ever after, in every thread; never NULL; the table is static.
 */
const VecKernels *vec_simd_kernels(void);

/* The best table that needs no feature outside the set (VEC_CPU_*); a pure function, for tests that walk the subsets. */
const VecKernels *vec_simd_choose(uint32_t features);

/* The table of that name if the features suffice for it, else NULL. */
const VecKernels *vec_simd_find(const char *name, uint32_t features);

/* All tables in this binary, slowest first; *count says how many. */
const VecKernels *const *vec_simd_tables(size_t *count);

/* n codes, each 0..15 (higher bits are dropped), to VEC_SIMD_U4_BYTES(n) bytes; nibbles beyond n become 0. No overlap. */
void vec_simd_pack_u4(const uint8_t *codes, size_t n, uint8_t *packed);

/* The inverse: writes exactly n bytes, each 0..15. */
void vec_simd_unpack_u4(const uint8_t *packed, size_t n, uint8_t *codes);

/* cpu.c: what the CPU has and the operating system saves. */
#define VEC_CPU_AVX2           (1u << 0) /* AVX2, FMA, F16C and POPCNT: no CPU has the first without the others */
#define VEC_CPU_AVX512         (1u << 1) /* F, BW, DQ, VL, as from Skylake-X on */
#define VEC_CPU_VNNI           (1u << 2) /* AVX512_VNNI, as from Cascade Lake and Zen 4 on */
#define VEC_CPU_VPOPCNTDQ      (1u << 3) /* AVX512_VPOPCNTDQ, as from Ice Lake and Zen 4 on */
#define VEC_CPU_NEON           (1u << 4) /* every arm64; in test builds also emulated on x86 */
#define VEC_CPU_DOTPROD        (1u << 5) /* arm64's sdot, udot: as from Armv8.2 with FEAT_DotProd */
#define VEC_CPU_FEATURES_COUNT 6

uint32_t vec_cpu_features(void);

#endif
