/*
 * kernels_avx512.c: the kernels for AVX-512 (F, BW, DQ, VL: from Skylake-X and Zen 4 on), and its tables with VNNI and with
 * VPOPCNTDQ.
 *
 * What limits them, and so the unrolling: a float step is two 64-byte loads, of which these CPUs do one (Zen 4) or two a
 * cycle, and a multiply-add takes four cycles; so four accumulators are enough on both, and the cosine, with three
 * multiply-adds a step, needs two of each. Tails are one masked load: a masked-off lane never faults, and at n = 1 it costs
 * no more than at n = 16.
 *
 * u8 x s8 and u4 x s8 with VNNI: vpdpbusd adds four products a lane in int32 without saturating (the saturating one is
 * vpdpbusds); without VNNI as kernels_avx2.c argues, twice as wide.
 *
 * The Walsh-Hadamard transform is that of kernels_avx2.c: it is bound by shuffles and by loads and stores, and runs once a
 * query.
 */
#include "simd.h"
#include "tables.h"

#ifdef VEC_SIMD_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl")))
#define TARGET_VNNI                                                                                          \
    __attribute__((target("avx2,fma,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define INLINE      TARGET static inline __attribute__((always_inline))
#define INLINE_VNNI TARGET_VNNI static inline __attribute__((always_inline))

/* What a sum is made of; a constant at each call of the one loop below, which the compiler folds away. */
typedef enum VecSumTerm { TERM_L2SQ, TERM_DOT, TERM_L1 } VecSumTerm;

INLINE __mmask16
vec_tail_mask(size_t rest)
{
    return (__mmask16)((1u << rest) - 1);
}

INLINE __m512
vec_add_term(__m512 sum, __m512 a, __m512 b, VecSumTerm term)
{
    __m512 difference;

    if (term == TERM_DOT)
        return _mm512_fmadd_ps(a, b, sum);
    difference = _mm512_sub_ps(a, b);
    if (term == TERM_L2SQ)
        return _mm512_fmadd_ps(difference, difference, sum);
    return _mm512_add_ps(sum, _mm512_abs_ps(difference));
}

INLINE float
vec_sum_f32(const float *a, const float *b, size_t n, VecSumTerm term)
{
    __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        sum0 = vec_add_term(sum0, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), term);
        sum1 = vec_add_term(sum1, _mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), term);
        sum2 = vec_add_term(sum2, _mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32), term);
        sum3 = vec_add_term(sum3, _mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48), term);
    }
    for (; i + 16 <= n; i += 16)
        sum0 = vec_add_term(sum0, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), term);
    if (i < n) {
        __mmask16 mask = vec_tail_mask(n - i);

        sum1 =
            vec_add_term(sum1, _mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i), term);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sum0, sum1), _mm512_add_ps(sum2, sum3)));
}

TARGET static float
vec_l2sq_f32_avx512(const float *a, const float *b, size_t n)
{
    return vec_sum_f32(a, b, n, TERM_L2SQ);
}

TARGET static float
vec_dot_f32_avx512(const float *a, const float *b, size_t n)
{
    return vec_sum_f32(a, b, n, TERM_DOT);
}

TARGET static float
vec_l1_f32_avx512(const float *a, const float *b, size_t n)
{
    return vec_sum_f32(a, b, n, TERM_L1);
}

typedef struct VecCosSums {
    __m512 dot, norm_sq_a, norm_sq_b;
} VecCosSums;

INLINE void
vec_add_cos_terms(VecCosSums *sums, __m512 a, __m512 b)
{
    sums->dot = _mm512_fmadd_ps(a, b, sums->dot);
    sums->norm_sq_a = _mm512_fmadd_ps(a, a, sums->norm_sq_a);
    sums->norm_sq_b = _mm512_fmadd_ps(b, b, sums->norm_sq_b);
}

TARGET static VecCosParts
vec_cos_f32_avx512(const float *a, const float *b, size_t n)
{
    const __m512 zero = _mm512_setzero_ps();
    VecCosSums even = {zero, zero, zero}, odd = even;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        vec_add_cos_terms(&even, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
        vec_add_cos_terms(&odd, _mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16));
    }
    if (i + 16 <= n) {
        vec_add_cos_terms(&even, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
        i += 16;
    }
    if (i < n) {
        __mmask16 mask = vec_tail_mask(n - i);

        vec_add_cos_terms(&odd, _mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
    }
    return (VecCosParts){_mm512_reduce_add_ps(_mm512_add_ps(even.dot, odd.dot)),
                         _mm512_reduce_add_ps(_mm512_add_ps(even.norm_sq_a, odd.norm_sq_a)),
                         _mm512_reduce_add_ps(_mm512_add_ps(even.norm_sq_b, odd.norm_sq_b))};
}

/* The totals of four rows' lanes, by transposing as they are added (four single folds take 2.5 times as many steps). */
INLINE void
vec_store_sums(const __m512i *sum, size_t rows, int32_t *out)
{
    __m512i first, second, all;
    __m256i half;

    if (rows == 1) {
        out[0] = _mm512_reduce_add_epi32(sum[0]);
        return;
    }
    first = _mm512_add_epi32(_mm512_unpacklo_epi32(sum[0], sum[1]), _mm512_unpackhi_epi32(sum[0], sum[1]));
    second = _mm512_add_epi32(_mm512_unpacklo_epi32(sum[2], sum[3]), _mm512_unpackhi_epi32(sum[2], sum[3]));
    all = _mm512_add_epi32(_mm512_unpacklo_epi64(first, second), _mm512_unpackhi_epi64(first, second));
    half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    _mm_storeu_si128((__m128i *)out,
                     _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)));
}

/* Four u8 x s8 products a lane, without VNNI: even and odd query bytes apart, so that no int16 saturates. */
INLINE __m512i
vec_add_u8s8(__m512i sum, __m512i codes, __m512i query_even, __m512i query_odd)
{
    const __m512i ones = _mm512_set1_epi16(1);

    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(codes, query_even), ones));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(codes, query_odd), ones));
}

/* rows code rows at once (1 or 4, a constant): the query is loaded and split once for all of them. */
INLINE void
vec_dot_u8s8_rows(const uint8_t *const *codes, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const __m512i even_bytes = _mm512_set1_epi16(0x00ff), zero = _mm512_setzero_si512();
    __m512i sum[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 64) {
        __m512i both = _mm512_loadu_si512(query + i);
        __m512i query_even = _mm512_and_si512(both, even_bytes);
        __m512i query_odd = _mm512_andnot_si512(even_bytes, both);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vec_add_u8s8(sum[r], _mm512_loadu_si512(codes[r] + i), query_even, query_odd);
    }
    vec_store_sums(sum, rows, out);
}

/* One block of 128 codes; at most 2 * 3840 * 2 an int16. */
INLINE __m512i
vec_add_u4s8_block(__m512i sum, const uint8_t *packed, __m512i query_low, __m512i query_high)
{
    const __m512i low_nibbles = _mm512_set1_epi8(15);
    __m512i bytes = _mm512_loadu_si512(packed);
    __m512i low = _mm512_maddubs_epi16(_mm512_and_si512(bytes, low_nibbles), query_low);
    __m512i high =
        _mm512_maddubs_epi16(_mm512_and_si512(_mm512_srli_epi16(bytes, 4), low_nibbles), query_high);

    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_add_epi16(low, high), _mm512_set1_epi16(1)));
}

INLINE void
vec_dot_u4s8_rows(const uint8_t *const *packed, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i sum[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 128) {
        __m512i query_low = _mm512_loadu_si512(query + i), query_high = _mm512_loadu_si512(query + i + 64);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vec_add_u4s8_block(sum[r], packed[r] + i / 2, query_low, query_high);
    }
    vec_store_sums(sum, rows, out);
}

INLINE_VNNI void
vec_dot_u8s8_rows_vnni(const uint8_t *const *codes, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i sum[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 64) {
        __m512i part = _mm512_loadu_si512(query + i);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = _mm512_dpbusd_epi32(sum[r], _mm512_loadu_si512(codes[r] + i), part);
    }
    vec_store_sums(sum, rows, out);
}

/* Two accumulators a row: low and high nibbles. */
INLINE_VNNI void
vec_dot_u4s8_rows_vnni(const uint8_t *const *packed, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const __m512i low_nibbles = _mm512_set1_epi8(15), zero = _mm512_setzero_si512();
    __m512i low[4] = {zero, zero, zero, zero}, high[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 128) {
        __m512i query_low = _mm512_loadu_si512(query + i), query_high = _mm512_loadu_si512(query + i + 64);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++) {
            __m512i bytes = _mm512_loadu_si512(packed[r] + i / 2);

            low[r] = _mm512_dpbusd_epi32(low[r], _mm512_and_si512(bytes, low_nibbles), query_low);
            high[r] = _mm512_dpbusd_epi32(high[r], _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low_nibbles),
                                          query_high);
        }
    }
    VEC_SIMD_UNROLL
    for (size_t r = 0; r < rows; r++)
        low[r] = _mm512_add_epi32(low[r], high[r]);
    vec_store_sums(low, rows, out);
}

/* One row has a single chain of sums, which is short of what the CPU can do from some 500 dimensions on. */
INLINE_VNNI int32_t
vec_dot_u8s8_one_vnni(const uint8_t *codes, const int8_t *query, size_t n)
{
    __m512i even = _mm512_setzero_si512(), odd = even;
    size_t i = 0;

    for (; i + 64 < n; i += 128) {
        even = _mm512_dpbusd_epi32(even, _mm512_loadu_si512(codes + i), _mm512_loadu_si512(query + i));
        odd =
            _mm512_dpbusd_epi32(odd, _mm512_loadu_si512(codes + i + 64), _mm512_loadu_si512(query + i + 64));
    }
    if (i < n)
        even = _mm512_dpbusd_epi32(even, _mm512_loadu_si512(codes + i), _mm512_loadu_si512(query + i));
    return _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
}

TARGET static int32_t
vec_dot_u8s8_avx512(const uint8_t *codes, const int8_t *query, size_t n)
{
    int32_t sum;

    vec_dot_u8s8_rows(&codes, 1, query, n, &sum);
    return sum;
}

TARGET static int32_t
vec_dot_u4s8_avx512(const uint8_t *packed, const int8_t *query, size_t n)
{
    int32_t sum;

    vec_dot_u4s8_rows(&packed, 1, query, n, &sum);
    return sum;
}

TARGET_VNNI static int32_t
vec_dot_u8s8_avx512vnni(const uint8_t *codes, const int8_t *query, size_t n)
{
    return vec_dot_u8s8_one_vnni(codes, query, n);
}

TARGET_VNNI static int32_t
vec_dot_u4s8_avx512vnni(const uint8_t *packed, const int8_t *query, size_t n)
{
    int32_t sum;

    vec_dot_u4s8_rows_vnni(&packed, 1, query, n, &sum);
    return sum;
}

VEC_SIMD_BATCH(vec_dot_u8s8_batch_avx512, TARGET, vec_dot_u8s8_rows, VEC_SIMD_U8_BYTES)
VEC_SIMD_BATCH(vec_dot_u4s8_batch_avx512, TARGET, vec_dot_u4s8_rows, VEC_SIMD_U4_BYTES)
VEC_SIMD_BATCH(vec_dot_u8s8_batch_avx512vnni, TARGET_VNNI, vec_dot_u8s8_rows_vnni, VEC_SIMD_U8_BYTES)
VEC_SIMD_BATCH(vec_dot_u4s8_batch_avx512vnni, TARGET_VNNI, vec_dot_u4s8_rows_vnni, VEC_SIMD_U4_BYTES)

#define FLOAT_KERNELS                                                                                        \
    .l2sq_f32 = vec_l2sq_f32_avx512, .dot_f32 = vec_dot_f32_avx512, .l1_f32 = vec_l1_f32_avx512,             \
    .cos_f32 = vec_cos_f32_avx512, .fht_f32 = vec_fht_f32_avx2

const VecKernels vec_kernels_avx512 = {
    .name = "avx512",
    .features = VEC_CPU_AVX2 | VEC_CPU_AVX512,
    .dot_u8s8 = vec_dot_u8s8_avx512,
    .dot_u4s8 = vec_dot_u4s8_avx512,
    .dot_u8s8_batch = vec_dot_u8s8_batch_avx512,
    .dot_u4s8_batch = vec_dot_u4s8_batch_avx512,
    FLOAT_KERNELS,
};

const VecKernels vec_kernels_avx512vnni = {
    .name = "avx512vnni",
    .features = VEC_CPU_AVX2 | VEC_CPU_AVX512 | VEC_CPU_VNNI,
    .dot_u8s8 = vec_dot_u8s8_avx512vnni,
    .dot_u4s8 = vec_dot_u4s8_avx512vnni,
    .dot_u8s8_batch = vec_dot_u8s8_batch_avx512vnni,
    .dot_u4s8_batch = vec_dot_u4s8_batch_avx512vnni,
    FLOAT_KERNELS,
};

#endif
