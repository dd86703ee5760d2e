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
#include <string.h>

#define TARGET __attribute__((target("avx2,fma,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl")))
#define TARGET_VNNI                                                                                          \
    __attribute__((target("avx2,fma,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define TARGET_VPOPCNTDQ                                                                                     \
    __attribute__((                                                                                          \
        target("avx2,fma,f16c,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vpopcntdq")))
#define ROUNDING    (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define INLINE      TARGET static inline __attribute__((always_inline))
#define INLINE_VNNI TARGET_VNNI static inline __attribute__((always_inline))

INLINE __m512
vec_load(const void *x, size_t i, VecElement element)
{
    if (element == ELEMENT_F32)
        return _mm512_loadu_ps((const float *)x + i);
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)((const uint16_t *)x + i)));
}

INLINE __m512
vec_load_tail(const void *x, size_t i, size_t rest, VecElement element)
{
    __mmask16 mask = (__mmask16)((1u << rest) - 1);

    if (element == ELEMENT_F32)
        return _mm512_maskz_loadu_ps(mask, (const float *)x + i);
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)x + i));
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
vec_sum(const void *a, VecElement a_element, const void *b, VecElement b_element, size_t n, VecSumTerm term)
{
    __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        sum0 = vec_add_term(sum0, vec_load(a, i, a_element), vec_load(b, i, b_element), term);
        sum1 = vec_add_term(sum1, vec_load(a, i + 16, a_element), vec_load(b, i + 16, b_element), term);
        sum2 = vec_add_term(sum2, vec_load(a, i + 32, a_element), vec_load(b, i + 32, b_element), term);
        sum3 = vec_add_term(sum3, vec_load(a, i + 48, a_element), vec_load(b, i + 48, b_element), term);
    }
    for (; i + 16 <= n; i += 16)
        sum0 = vec_add_term(sum0, vec_load(a, i, a_element), vec_load(b, i, b_element), term);
    if (i < n)
        sum1 = vec_add_term(sum1, vec_load_tail(a, i, n - i, a_element),
                            vec_load_tail(b, i, n - i, b_element), term);
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sum0, sum1), _mm512_add_ps(sum2, sum3)));
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

INLINE VecCosParts
vec_cos(const void *a, VecElement a_element, const void *b, VecElement b_element, size_t n)
{
    const __m512 zero = _mm512_setzero_ps();
    VecCosSums even = {zero, zero, zero}, odd = even;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        vec_add_cos_terms(&even, vec_load(a, i, a_element), vec_load(b, i, b_element));
        vec_add_cos_terms(&odd, vec_load(a, i + 16, a_element), vec_load(b, i + 16, b_element));
    }
    if (i + 16 <= n) {
        vec_add_cos_terms(&even, vec_load(a, i, a_element), vec_load(b, i, b_element));
        i += 16;
    }
    if (i < n)
        vec_add_cos_terms(&odd, vec_load_tail(a, i, n - i, a_element), vec_load_tail(b, i, n - i, b_element));
    return (VecCosParts){_mm512_reduce_add_ps(_mm512_add_ps(even.dot, odd.dot)),
                         _mm512_reduce_add_ps(_mm512_add_ps(even.norm_sq_a, odd.norm_sq_a)),
                         _mm512_reduce_add_ps(_mm512_add_ps(even.norm_sq_b, odd.norm_sq_b))};
}

VEC_SIMD_FLOAT_KERNELS(TARGET, avx512)

TARGET static void
vec_f16_to_f32_avx512(const uint16_t *from, float *to, size_t n)
{
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(to + i, vec_load(from, i, ELEMENT_F16));
    if (i < n)
        _mm512_mask_storeu_ps(to + i, (__mmask16)((1u << (n - i)) - 1),
                              vec_load_tail(from, i, n - i, ELEMENT_F16));
}

TARGET static void
vec_f32_to_f16_avx512(const float *from, uint16_t *to, size_t n)
{
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((__m256i *)(to + i), _mm512_cvtps_ph(vec_load(from, i, ELEMENT_F32), ROUNDING));
    if (i < n)
        _mm256_mask_storeu_epi16(to + i, (__mmask16)((1u << (n - i)) - 1),
                                 _mm512_cvtps_ph(vec_load_tail(from, i, n - i, ELEMENT_F32), ROUNDING));
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

INLINE __mmask64
vec_load_mask(const uint8_t *bits)
{
    uint64_t word;

    memcpy(&word, bits, sizeof(word));
    return _cvtu64_mask64(word);
}

/* The bits are a mask as they are. */
INLINE void
vec_dot_u1s8_rows(const uint8_t *const *bits, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i sum[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 64) {
        __m512i part = _mm512_loadu_si512(query + i);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++) {
            __m512i pairs = _mm512_maddubs_epi16(_mm512_set1_epi8(1),
                                                 _mm512_maskz_mov_epi8(vec_load_mask(bits[r] + i / 8), part));

            sum[r] = _mm512_add_epi32(sum[r], _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
        }
    }
    vec_store_sums(sum, rows, out);
}

INLINE_VNNI void
vec_dot_u1s8_rows_vnni(const uint8_t *const *bits, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i sum[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 64) {
        __m512i part = _mm512_loadu_si512(query + i);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = _mm512_dpbusd_epi32(sum[r], _mm512_set1_epi8(1),
                                         _mm512_maskz_mov_epi8(vec_load_mask(bits[r] + i / 8), part));
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

VEC_SIMD_CODE_KERNELS(TARGET, avx512, vec_dot_u8s8_rows, vec_dot_u4s8_rows, vec_dot_u1s8_rows)
VEC_SIMD_CODE_KERNELS(TARGET_VNNI, avx512vnni, vec_dot_u8s8_rows_vnni, vec_dot_u4s8_rows_vnni,
                      vec_dot_u1s8_rows_vnni)

/* The bits set in each 64-bit lane: a table of nibbles in a register, looked up by a shuffle. */
INLINE __m512i
vec_popcount_lanes(__m512i x)
{
    const __m512i nibble_counts =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m512i low_nibbles = _mm512_set1_epi8(15);
    __m512i low = _mm512_shuffle_epi8(nibble_counts, _mm512_and_si512(x, low_nibbles));
    __m512i high = _mm512_shuffle_epi8(nibble_counts, _mm512_and_si512(_mm512_srli_epi16(x, 4), low_nibbles));

    return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

INLINE __m512i
vec_combine_bits(__m512i a, __m512i b, VecBitTerm term)
{
    return term == BITS_XOR ? _mm512_xor_si512(a, b) : _mm512_and_si512(a, b);
}

/* 64 bytes, or as many as are left and zeros. */
INLINE __m512i
vec_load_bits(const uint8_t *bytes, size_t rest)
{
    return _mm512_maskz_loadu_epi8(rest >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << rest) - 1, bytes);
}

/*
 * The same loops with either way to count: a function of one target cannot be inlined into one of a lesser, so they cannot
 * be one function with a constant argument. A 64-bit lane's total fits an int32 and its upper half is 0, so the int32 sums of
 * vec_store_sums are right.
 */
#define BIT_KERNELS(target, inline_target, isa, popcount)                                                    \
    inline_target void vec_xor_rows_##isa(const uint8_t *const *row, size_t rows, const uint8_t *query,      \
                                          size_t bytes, int32_t *out){BIT_ROWS(                              \
        popcount, BITS_XOR)} inline_target void vec_and_rows_##isa(const uint8_t *const *row, size_t rows,   \
                                                                   const uint8_t *query, size_t bytes,       \
                                                                   int32_t *out){BIT_ROWS(                   \
        popcount, BITS_AND)} VEC_SIMD_BIT_KERNELS(target, isa, vec_xor_rows_##isa, vec_and_rows_##isa)       \
        target static VecBitCounts vec_count_bits_##isa(const uint8_t *a, const uint8_t *b, size_t bytes)    \
    {                                                                                                        \
        const __m512i zero = _mm512_setzero_si512();                                                         \
        __m512i both = zero, in_a = zero, in_b = zero;                                                       \
                                                                                                             \
        for (size_t i = 0; i < bytes; i += 64) {                                                             \
            __m512i x = vec_load_bits(a + i, bytes - i), y = vec_load_bits(b + i, bytes - i);                \
                                                                                                             \
            both = _mm512_add_epi64(both, popcount(_mm512_and_si512(x, y)));                                 \
            in_a = _mm512_add_epi64(in_a, popcount(x));                                                      \
            in_b = _mm512_add_epi64(in_b, popcount(y));                                                      \
        }                                                                                                    \
        return (VecBitCounts){(uint32_t)_mm512_reduce_add_epi64(both),                                       \
                              (uint32_t)_mm512_reduce_add_epi64(in_a),                                       \
                              (uint32_t)_mm512_reduce_add_epi64(in_b)};                                      \
    }

#define BIT_ROWS(popcount, term)                                                                             \
    const __m512i zero = _mm512_setzero_si512();                                                             \
    __m512i sum[4] = {zero, zero, zero, zero};                                                               \
                                                                                                             \
    for (size_t i = 0; i < bytes; i += 64) {                                                                 \
        __m512i part = vec_load_bits(query + i, bytes - i);                                                  \
                                                                                                             \
        VEC_SIMD_UNROLL                                                                                      \
        for (size_t r = 0; r < rows; r++)                                                                    \
            sum[r] = _mm512_add_epi64(                                                                       \
                sum[r], popcount(vec_combine_bits(vec_load_bits(row[r] + i, bytes - i), part, term)));       \
    }                                                                                                        \
    vec_store_sums(sum, rows, out);

BIT_KERNELS(TARGET, INLINE, avx512, vec_popcount_lanes)
BIT_KERNELS(TARGET_VPOPCNTDQ, TARGET_VPOPCNTDQ static inline __attribute__((always_inline)), avx512vpopcntdq,
            _mm512_popcnt_epi64)

typedef struct VecI8Lanes {
    __m512i ab, a, b, aa, bb;
} VecI8Lanes;

INLINE void
vec_add_i8(VecI8Lanes *lanes, __m256i a_bytes, __m256i b_bytes)
{
    const __m512i ones = _mm512_set1_epi16(1);
    __m512i a = _mm512_cvtepi8_epi16(a_bytes), b = _mm512_cvtepi8_epi16(b_bytes);

    lanes->ab = _mm512_add_epi32(lanes->ab, _mm512_madd_epi16(a, b));
    lanes->a = _mm512_add_epi32(lanes->a, _mm512_madd_epi16(a, ones));
    lanes->b = _mm512_add_epi32(lanes->b, _mm512_madd_epi16(b, ones));
    lanes->aa = _mm512_add_epi32(lanes->aa, _mm512_madd_epi16(a, a));
    lanes->bb = _mm512_add_epi32(lanes->bb, _mm512_madd_epi16(b, b));
}

TARGET static VecI8Sums
vec_sums_i8_avx512(const int8_t *a, const int8_t *b, size_t n)
{
    const __m512i zero = _mm512_setzero_si512();
    VecI8Lanes lanes = {zero, zero, zero, zero, zero};
    size_t i = 0;

    for (; i + 32 <= n; i += 32)
        vec_add_i8(&lanes, _mm256_loadu_si256((const __m256i *)(a + i)),
                   _mm256_loadu_si256((const __m256i *)(b + i)));
    if (i < n) {
        __mmask32 mask = ((__mmask32)1 << (n - i)) - 1;

        vec_add_i8(&lanes, _mm256_maskz_loadu_epi8(mask, a + i), _mm256_maskz_loadu_epi8(mask, b + i));
    }
    return (VecI8Sums){_mm512_reduce_add_epi32(lanes.ab), _mm512_reduce_add_epi32(lanes.a),
                       _mm512_reduce_add_epi32(lanes.b), _mm512_reduce_add_epi32(lanes.aa),
                       _mm512_reduce_add_epi32(lanes.bb)};
}

/* vpdpbusd wants one side unsigned: flipping the top bit adds 128 to each element, which the plain sums take off again. */
TARGET_VNNI static VecI8Sums
vec_sums_i8_avx512vnni(const int8_t *a, const int8_t *b, size_t n)
{
    const __m512i zero = _mm512_setzero_si512(), ones = _mm512_set1_epi8(1),
                  top_bits = _mm512_set1_epi8(-128);
    VecI8Lanes lanes = {zero, zero, zero, zero, zero};
    VecI8Sums sums;

    for (size_t i = 0; i < n; i += 64) {
        __m512i x = vec_load_bits((const uint8_t *)a + i, n - i);
        __m512i y = vec_load_bits((const uint8_t *)b + i, n - i);
        __m512i x_plus = _mm512_xor_si512(x, top_bits);

        lanes.ab = _mm512_dpbusd_epi32(lanes.ab, x_plus, y);
        lanes.aa = _mm512_dpbusd_epi32(lanes.aa, x_plus, x);
        lanes.bb = _mm512_dpbusd_epi32(lanes.bb, _mm512_xor_si512(y, top_bits), y);
        lanes.a = _mm512_dpbusd_epi32(lanes.a, ones, x);
        lanes.b = _mm512_dpbusd_epi32(lanes.b, ones, y);
    }
    sums.a = _mm512_reduce_add_epi32(lanes.a);
    sums.b = _mm512_reduce_add_epi32(lanes.b);
    sums.ab = _mm512_reduce_add_epi32(lanes.ab) - 128 * sums.b;
    sums.aa = _mm512_reduce_add_epi32(lanes.aa) - 128 * sums.a;
    sums.bb = _mm512_reduce_add_epi32(lanes.bb) - 128 * sums.b;
    return sums;
}

TARGET static void
vec_range_u8_avx512(const uint8_t *column, size_t words, uint8_t low, uint8_t span, uint64_t *masks)
{
    const __m512i lows = _mm512_set1_epi8((char)low), spans = _mm512_set1_epi8((char)span);

    for (size_t w = 0; w < words; w++)
        masks[w] = _mm512_cmple_epu8_mask(_mm512_sub_epi8(_mm512_loadu_si512(column + 64 * w), lows), spans);
}

#define ENTRIES_OF_ALL                                                                                       \
    .range_u8 = vec_range_u8_avx512, .fht_f32 = vec_fht_f32_avx2, VEC_SIMD_FLOAT_ENTRIES(avx512),            \
    VEC_SIMD_SPARSE_ENTRIES(avx2)

const VecKernels vec_kernels_avx512 = {
    .name = "avx512",
    .features = VEC_CPU_AVX2 | VEC_CPU_AVX512,
    VEC_SIMD_CODE_ENTRIES(avx512),
    VEC_SIMD_BIT_ENTRIES(avx512),
    .sums_i8 = vec_sums_i8_avx512,
    ENTRIES_OF_ALL,
};

const VecKernels vec_kernels_avx512vnni = {
    .name = "avx512vnni",
    .features = VEC_CPU_AVX2 | VEC_CPU_AVX512 | VEC_CPU_VNNI,
    VEC_SIMD_CODE_ENTRIES(avx512vnni),
    VEC_SIMD_BIT_ENTRIES(avx512),
    .sums_i8 = vec_sums_i8_avx512vnni,
    ENTRIES_OF_ALL,
};

/* All CPUs with VPOPCNTDQ have VNNI, but for Knights Mill, which lacks BW. */
const VecKernels vec_kernels_avx512vpopcntdq = {
    .name = "avx512vpopcntdq",
    .features = VEC_CPU_AVX2 | VEC_CPU_AVX512 | VEC_CPU_VNNI | VEC_CPU_VPOPCNTDQ,
    VEC_SIMD_CODE_ENTRIES(avx512vnni),
    VEC_SIMD_BIT_ENTRIES(avx512vpopcntdq),
    .sums_i8 = vec_sums_i8_avx512vnni,
    ENTRIES_OF_ALL,
};

#endif
