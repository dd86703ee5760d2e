/*
 * kernels_scalar.c: the kernels in plain C: the reference for all others, and what runs where no other does.
 *
 * Float sums run in eight chains: that is the bound that simd.h promises, and it lets the compiler use the four lanes of the
 * baseline (SSE2) without permission to reassociate. The eight are folded pairwise. Sparse sums have one chain, in double
 * precision: the merge's own chain of comparisons is longer than an addition, so a single sum costs nothing.
 */
#include "simd.h"
#include "tables.h"
#include "vectors/half.h"

#include <math.h>

#define CHAINS 8
#define INLINE static inline __attribute__((always_inline))

INLINE float
vec_fold_chains(const float *sum)
{
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

INLINE float
vec_load(const void *x, size_t i, VecElement element)
{
    return element == ELEMENT_F32 ? ((const float *)x)[i] : vec_half_to_f32(((const uint16_t *)x)[i]);
}

INLINE float
vec_term(float a, float b, VecSumTerm term)
{
    float difference = a - b;

    if (term == TERM_DOT)
        return a * b;
    return term == TERM_L2SQ ? difference * difference : fabsf(difference);
}

INLINE float
vec_sum(const void *a, VecElement a_element, const void *b, VecElement b_element, size_t n, VecSumTerm term)
{
    float sum[CHAINS] = {0};
    size_t i = 0;

    for (; i + CHAINS <= n; i += CHAINS)
        for (size_t j = 0; j < CHAINS; j++)
            sum[j] += vec_term(vec_load(a, i + j, a_element), vec_load(b, i + j, b_element), term);
    for (size_t j = 0; i + j < n; j++)
        sum[j] += vec_term(vec_load(a, i + j, a_element), vec_load(b, i + j, b_element), term);
    return vec_fold_chains(sum);
}

typedef struct VecCosChains {
    float dot[CHAINS], norm_sq_a[CHAINS], norm_sq_b[CHAINS];
} VecCosChains;

INLINE void
vec_add_cos_terms(VecCosChains *sums, size_t chain, float a, float b)
{
    sums->dot[chain] += a * b;
    sums->norm_sq_a[chain] += a * a;
    sums->norm_sq_b[chain] += b * b;
}

INLINE VecCosParts
vec_cos(const void *a, VecElement a_element, const void *b, VecElement b_element, size_t n)
{
    VecCosChains sums = {{0}, {0}, {0}};
    size_t i = 0;

    for (; i + CHAINS <= n; i += CHAINS)
        for (size_t j = 0; j < CHAINS; j++)
            vec_add_cos_terms(&sums, j, vec_load(a, i + j, a_element), vec_load(b, i + j, b_element));
    for (size_t j = 0; i + j < n; j++)
        vec_add_cos_terms(&sums, j, vec_load(a, i + j, a_element), vec_load(b, i + j, b_element));
    return (VecCosParts){vec_fold_chains(sums.dot), vec_fold_chains(sums.norm_sq_a),
                         vec_fold_chains(sums.norm_sq_b)};
}

VEC_SIMD_FLOAT_KERNELS(, scalar)

static void
vec_f16_to_f32_scalar(const uint16_t *from, float *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = vec_half_to_f32(from[i]);
}

static void
vec_f32_to_f16_scalar(const float *from, uint16_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = vec_half_from_f32(from[i]);
}

INLINE void
vec_dot_u8s8_rows(const uint8_t *const *codes, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    for (size_t r = 0; r < rows; r++) {
        int32_t sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += codes[r][i] * query[i];
        out[r] = sum;
    }
}

INLINE void
vec_dot_u4s8_rows(const uint8_t *const *packed, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    for (size_t r = 0; r < rows; r++) {
        int32_t sum = 0;

        for (size_t block = 0; block < n; block += 128) {
            const uint8_t *bytes = packed[r] + block / 2;
            size_t low = n - block < 64 ? n - block : 64;
            size_t high = n - block < 128 ? n - block - low : 64;

            for (size_t j = 0; j < low; j++)
                sum += (bytes[j] & 15) * query[block + j];
            for (size_t j = 0; j < high; j++)
                sum += (bytes[j] >> 4) * query[block + 64 + j];
        }
        out[r] = sum;
    }
}

INLINE void
vec_dot_u1s8_rows(const uint8_t *const *bits, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    for (size_t r = 0; r < rows; r++) {
        int32_t sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += -(bits[r][i / 8] >> i % 8 & 1) & query[i];
        out[r] = sum;
    }
}

VEC_SIMD_CODE_KERNELS(, scalar, vec_dot_u8s8_rows, vec_dot_u4s8_rows, vec_dot_u1s8_rows)

/* Eight bytes, or the last few and zeros. */
INLINE uint64_t
vec_load_word(const uint8_t *bytes, size_t rest)
{
    uint64_t word = 0;

    memcpy(&word, bytes, rest < 8 ? rest : 8);
    return word;
}

INLINE void
vec_bits_rows(const uint8_t *const *row, size_t rows, const uint8_t *query, size_t bytes, int32_t *out,
              VecBitTerm term)
{
    for (size_t r = 0; r < rows; r++) {
        int32_t sum = 0;

        for (size_t i = 0; i < bytes; i += 8) {
            uint64_t x = vec_load_word(row[r] + i, bytes - i), y = vec_load_word(query + i, bytes - i);

            sum += __builtin_popcountll(term == BITS_XOR ? x ^ y : x & y);
        }
        out[r] = sum;
    }
}

INLINE void
vec_xor_rows(const uint8_t *const *row, size_t rows, const uint8_t *query, size_t bytes, int32_t *out)
{
    vec_bits_rows(row, rows, query, bytes, out, BITS_XOR);
}

INLINE void
vec_and_rows(const uint8_t *const *row, size_t rows, const uint8_t *query, size_t bytes, int32_t *out)
{
    vec_bits_rows(row, rows, query, bytes, out, BITS_AND);
}

VEC_SIMD_BIT_KERNELS(, scalar, vec_xor_rows, vec_and_rows)

static VecBitCounts
vec_count_bits_scalar(const uint8_t *a, const uint8_t *b, size_t bytes)
{
    VecBitCounts counts = {0, 0, 0};

    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t x = vec_load_word(a + i, bytes - i), y = vec_load_word(b + i, bytes - i);

        counts.both += (uint32_t)__builtin_popcountll(x & y);
        counts.a += (uint32_t)__builtin_popcountll(x);
        counts.b += (uint32_t)__builtin_popcountll(y);
    }
    return counts;
}

static VecI8Sums
vec_sums_i8_scalar(const int8_t *a, const int8_t *b, size_t n)
{
    VecI8Sums sums = {0, 0, 0, 0, 0};

    for (size_t i = 0; i < n; i++) {
        sums.ab += a[i] * b[i];
        sums.a += a[i];
        sums.b += b[i];
        sums.aa += a[i] * a[i];
        sums.bb += b[i] * b[i];
    }
    return sums;
}

/* A merge without branches on the data: at each step one index, or both if they are equal, are taken. */
INLINE float
vec_sum_sparse(VEC_SIMD_SPARSE_PARAMETERS, VecSumTerm term)
{
    double sum = 0;
    size_t i = 0, j = 0;

    while (i < a_count && j < b_count) {
        size_t take_a = a_indexes[i] <= b_indexes[j], take_b = b_indexes[j] <= a_indexes[i];

        sum += vec_term(take_a ? a[i] : 0.0f, take_b ? b[j] : 0.0f, term);
        i += take_a;
        j += take_b;
    }
    for (; i < a_count; i++)
        sum += vec_term(a[i], 0.0f, term);
    for (; j < b_count; j++)
        sum += vec_term(0.0f, b[j], term);
    return (float)sum;
}

float
vec_l2sq_sparse_scalar(VEC_SIMD_SPARSE_PARAMETERS)
{
    return vec_sum_sparse(a_indexes, a, a_count, b_indexes, b, b_count, TERM_L2SQ);
}

float
vec_dot_sparse_scalar(VEC_SIMD_SPARSE_PARAMETERS)
{
    return vec_sum_sparse(a_indexes, a, a_count, b_indexes, b, b_count, TERM_DOT);
}

float
vec_l1_sparse_scalar(VEC_SIMD_SPARSE_PARAMETERS)
{
    return vec_sum_sparse(a_indexes, a, a_count, b_indexes, b, b_count, TERM_L1);
}

VecCosParts
vec_cos_sparse_scalar(VEC_SIMD_SPARSE_PARAMETERS)
{
    return (VecCosParts){vec_sum_sparse(a_indexes, a, a_count, b_indexes, b, b_count, TERM_DOT),
                         vec_sum_sparse(a_indexes, a, a_count, a_indexes, a, a_count, TERM_DOT),
                         vec_sum_sparse(b_indexes, b, b_count, b_indexes, b, b_count, TERM_DOT)};
}

float
vec_dot_sparse_dense_scalar(const uint32_t *indexes, const float *values, size_t count, const float *dense)
{
    float sum[CHAINS] = {0};
    size_t i = 0;

    for (; i + CHAINS <= count; i += CHAINS)
        for (size_t j = 0; j < CHAINS; j++)
            sum[j] += values[i + j] * dense[indexes[i + j]];
    for (size_t j = 0; i + j < count; j++)
        sum[j] += values[i + j] * dense[indexes[i + j]];
    return vec_fold_chains(sum);
}

static void
vec_range_u8_scalar(const uint8_t *column, size_t words, uint8_t low, uint8_t span, uint64_t *masks)
{
    for (size_t w = 0; w < words; w++) {
        uint64_t mask = 0;

        for (size_t i = 0; i < 64; i++)
            mask |= (uint64_t)((uint8_t)(column[64 * w + i] - low) <= span) << i;
        masks[w] = mask;
    }
}

static void
vec_fht_f32_scalar(float *x, size_t n)
{
    for (size_t half = 1; half < n; half *= 2)
        for (size_t i = 0; i < n; i += 2 * half)
            for (size_t j = i; j < i + half; j++) {
                float low = x[j], high = x[j + half];

                x[j] = low + high;
                x[j + half] = low - high;
            }
}

const VecKernels vec_kernels_scalar = {
    .name = "scalar",
    .features = 0,
    VEC_SIMD_FLOAT_ENTRIES(scalar),
    VEC_SIMD_CODE_ENTRIES(scalar),
    VEC_SIMD_BIT_ENTRIES(scalar),
    VEC_SIMD_SPARSE_ENTRIES(scalar),
    .sums_i8 = vec_sums_i8_scalar,
    .range_u8 = vec_range_u8_scalar,
    .fht_f32 = vec_fht_f32_scalar,
};
