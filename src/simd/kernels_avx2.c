/*
 * kernels_avx2.c: the kernels for AVX2 with FMA and F16C: x86 from Haswell (2013) and Zen (2017) on.
 *
 * What limits them, and so the unrolling: a float step is two loads and one or two arithmetic operations, two loads a cycle
 * is what these CPUs do, so one step a cycle is the most; a fused multiply-add takes four to five cycles, so four
 * accumulators keep the adder out of the critical path. The cosine does three multiply-adds a step on two ports, so two
 * accumulators for each sum suffice.
 *
 * u8 x s8 without VNNI: vpmaddubsw saturates (255 * 127 * 2 does not fit an int16), so the query is split into its even and
 * odd bytes; then each int16 holds a single product (255 * 128 fits). Five exact ways were measured: widening both sides to
 * int16, splitting the codes by nibbles or at the seventh bit, shifting even and odd codes apart: all within 10 % of each other
 * one row at a time. This one wins over several rows, because splitting the query is then done once for all of them.
 * u4 x s8: 15 * 128 * 2 = 3840 fits an int16 eight times over, so one block of 128 codes (four products a lane) is summed in
 * int16 before it is widened.
 */
#include "simd.h"
#include "tables.h"
#include "vectors/half.h"

#ifdef VEC_SIMD_X86

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,fma,f16c,popcnt")))
#define INLINE TARGET static inline __attribute__((always_inline))

/* -1 in the first eight, 0 in the last eight: read at (8 - rest), a mask of rest lanes. */
static const int32_t lane_mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

/* The last 1 to 15 bytes of an operand and zeros, by at most four loads none of which leaves it. */
INLINE __m128i
vec_load_tail_bytes(const void *tail, size_t rest)
{
    const uint8_t *bytes = tail;
    uint64_t part = 0, word;
    uint32_t four;
    uint16_t two;

    if (rest & 1)
        part = bytes[rest & 14];
    if (rest & 2) {
        memcpy(&two, bytes + (rest & 12), sizeof(two));
        part = part << 16 | two;
    }
    if (rest & 4) {
        memcpy(&four, bytes + (rest & 8), sizeof(four));
        part = part << 32 | four;
    }
    if (!(rest & 8))
        return _mm_cvtsi64_si128((int64_t)part);
    memcpy(&word, bytes, sizeof(word));
    return _mm_set_epi64x((int64_t)part, (int64_t)word);
}

INLINE __m256
vec_load(const void *x, size_t i, VecElement element)
{
    if (element == ELEMENT_F32)
        return _mm256_loadu_ps((const float *)x + i);
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((const uint16_t *)x + i)));
}

INLINE __m256
vec_load_tail(const void *x, size_t i, size_t rest, VecElement element)
{
    if (element == ELEMENT_F32)
        return _mm256_maskload_ps((const float *)x + i,
                                  _mm256_loadu_si256((const __m256i *)(lane_mask + 8 - rest)));
    return _mm256_cvtph_ps(vec_load_tail_bytes((const uint16_t *)x + i, 2 * rest));
}

INLINE float
vec_fold_f32(__m256 sum)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));

    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

INLINE int32_t
vec_fold_i32(__m256i sum)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));

    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

/* The totals of four rows' lanes, or of one row's. */
INLINE void
vec_store_sums(const __m256i *sum, size_t rows, int32_t *out)
{
    __m256i all;

    if (rows == 1) {
        out[0] = vec_fold_i32(sum[0]);
        return;
    }
    all = _mm256_hadd_epi32(_mm256_hadd_epi32(sum[0], sum[1]), _mm256_hadd_epi32(sum[2], sum[3]));
    _mm_storeu_si128((__m128i *)out,
                     _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)));
}

INLINE __m256
vec_add_term(__m256 sum, __m256 a, __m256 b, VecSumTerm term)
{
    __m256 difference;

    if (term == TERM_DOT)
        return _mm256_fmadd_ps(a, b, sum);
    difference = _mm256_sub_ps(a, b);
    if (term == TERM_L2SQ)
        return _mm256_fmadd_ps(difference, difference, sum);
    return _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), difference));
}

INLINE float
vec_sum(const void *a, VecElement a_element, const void *b, VecElement b_element, size_t n, VecSumTerm term)
{
    __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        sum0 = vec_add_term(sum0, vec_load(a, i, a_element), vec_load(b, i, b_element), term);
        sum1 = vec_add_term(sum1, vec_load(a, i + 8, a_element), vec_load(b, i + 8, b_element), term);
        sum2 = vec_add_term(sum2, vec_load(a, i + 16, a_element), vec_load(b, i + 16, b_element), term);
        sum3 = vec_add_term(sum3, vec_load(a, i + 24, a_element), vec_load(b, i + 24, b_element), term);
    }
    for (; i + 8 <= n; i += 8)
        sum0 = vec_add_term(sum0, vec_load(a, i, a_element), vec_load(b, i, b_element), term);
    if (i < n)
        sum1 = vec_add_term(sum1, vec_load_tail(a, i, n - i, a_element),
                            vec_load_tail(b, i, n - i, b_element), term);
    return vec_fold_f32(_mm256_add_ps(_mm256_add_ps(sum0, sum1), _mm256_add_ps(sum2, sum3)));
}

typedef struct VecCosSums {
    __m256 dot, norm_sq_a, norm_sq_b;
} VecCosSums;

INLINE void
vec_add_cos_terms(VecCosSums *sums, __m256 a, __m256 b)
{
    sums->dot = _mm256_fmadd_ps(a, b, sums->dot);
    sums->norm_sq_a = _mm256_fmadd_ps(a, a, sums->norm_sq_a);
    sums->norm_sq_b = _mm256_fmadd_ps(b, b, sums->norm_sq_b);
}

INLINE VecCosParts
vec_cos(const void *a, VecElement a_element, const void *b, VecElement b_element, size_t n)
{
    const __m256 zero = _mm256_setzero_ps();
    VecCosSums even = {zero, zero, zero}, odd = even;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        vec_add_cos_terms(&even, vec_load(a, i, a_element), vec_load(b, i, b_element));
        vec_add_cos_terms(&odd, vec_load(a, i + 8, a_element), vec_load(b, i + 8, b_element));
    }
    if (i + 8 <= n) {
        vec_add_cos_terms(&even, vec_load(a, i, a_element), vec_load(b, i, b_element));
        i += 8;
    }
    if (i < n)
        vec_add_cos_terms(&odd, vec_load_tail(a, i, n - i, a_element), vec_load_tail(b, i, n - i, b_element));
    return (VecCosParts){vec_fold_f32(_mm256_add_ps(even.dot, odd.dot)),
                         vec_fold_f32(_mm256_add_ps(even.norm_sq_a, odd.norm_sq_a)),
                         vec_fold_f32(_mm256_add_ps(even.norm_sq_b, odd.norm_sq_b))};
}

VEC_SIMD_FLOAT_KERNELS(TARGET, avx2)

TARGET static void
vec_f16_to_f32_avx2(const uint16_t *from, float *to, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(to + i, vec_load(from, i, ELEMENT_F16));
    for (; i < n; i++)
        to[i] = vec_half_to_f32(from[i]);
}

TARGET static void
vec_f32_to_f16_avx2(const float *from, uint16_t *to, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(to + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++)
        to[i] = vec_half_from_f32(from[i]);
}

INLINE __m256i
vec_load_bytes(const void *bytes)
{
    return _mm256_loadu_si256((const __m256i *)bytes);
}

/* The dot products of 32 u8 codes with a query whose even and odd bytes are split, in two int32 sums a lane. */
INLINE __m256i
vec_add_u8s8(__m256i sum, __m256i codes, __m256i query_even, __m256i query_odd)
{
    const __m256i ones = _mm256_set1_epi16(1);

    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, query_even), ones));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, query_odd), ones));
}

/* rows code rows at once (1 or 4, a constant): the query is loaded and split once for all of them. */
INLINE void
vec_dot_u8s8_rows(const uint8_t *const *codes, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const __m256i even_bytes = _mm256_set1_epi16(0x00ff);
    __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                      _mm256_setzero_si256()};

    for (size_t i = 0; i < n; i += 32) {
        __m256i both = vec_load_bytes(query + i);
        __m256i query_even = _mm256_and_si256(both, even_bytes);
        __m256i query_odd = _mm256_andnot_si256(even_bytes, both);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vec_add_u8s8(sum[r], vec_load_bytes(codes[r] + i), query_even, query_odd);
    }
    vec_store_sums(sum, rows, out);
}

/* One block of 128 codes: four int16 products of at most 3840 each a lane. */
INLINE __m256i
vec_add_u4s8_block(__m256i sum, const uint8_t *packed, const __m256i query[4])
{
    const __m256i low_nibbles = _mm256_set1_epi8(15);
    __m256i first = vec_load_bytes(packed), second = vec_load_bytes(packed + 32);
    __m256i low, high;

    low = _mm256_add_epi16(_mm256_maddubs_epi16(_mm256_and_si256(first, low_nibbles), query[0]),
                           _mm256_maddubs_epi16(_mm256_and_si256(second, low_nibbles), query[1]));
    first = _mm256_and_si256(_mm256_srli_epi16(first, 4), low_nibbles);
    second = _mm256_and_si256(_mm256_srli_epi16(second, 4), low_nibbles);
    high = _mm256_add_epi16(_mm256_maddubs_epi16(first, query[2]), _mm256_maddubs_epi16(second, query[3]));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(low, high), _mm256_set1_epi16(1)));
}

INLINE void
vec_dot_u4s8_rows(const uint8_t *const *packed, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                      _mm256_setzero_si256()};

    for (size_t i = 0; i < n; i += 128) {
        const __m256i block[4] = {vec_load_bytes(query + i), vec_load_bytes(query + i + 32),
                                  vec_load_bytes(query + i + 64), vec_load_bytes(query + i + 96)};

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vec_add_u4s8_block(sum[r], packed[r] + i / 2, block);
    }
    vec_store_sums(sum, rows, out);
}

/* 32 bits become 32 bytes of all ones or none, which select from the query; pairs of int8 cannot leave an int16. */
INLINE __m256i
vec_add_u1s8(__m256i sum, const uint8_t *bits, __m256i query)
{
    const __m256i byte_of_code = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2,
                                                  2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i bit_of_code = _mm256_set1_epi64x((int64_t)UINT64_C(0x8040201008040201));
    int32_t word;
    __m256i bytes;

    memcpy(&word, bits, sizeof(word));
    bytes = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(word), byte_of_code), bit_of_code);
    bytes = _mm256_and_si256(_mm256_cmpeq_epi8(bytes, bit_of_code), query);
    bytes = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(bytes, _mm256_set1_epi16(1)));
}

INLINE void
vec_dot_u1s8_rows(const uint8_t *const *bits, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                      _mm256_setzero_si256()};

    for (size_t i = 0; i < n; i += 32) {
        __m256i part = vec_load_bytes(query + i);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vec_add_u1s8(sum[r], bits[r] + i / 8, part);
    }
    vec_store_sums(sum, rows, out);
}

VEC_SIMD_CODE_KERNELS(TARGET, avx2, vec_dot_u8s8_rows, vec_dot_u4s8_rows, vec_dot_u1s8_rows)

/* The bits set in each of the four 64-bit lanes: a table of nibbles in a register, looked up by a shuffle. */
INLINE __m256i
vec_popcount_lanes(__m256i x)
{
    const __m256i nibble_counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2,
                                                   1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low_nibbles = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(nibble_counts, _mm256_and_si256(x, low_nibbles));
    __m256i high = _mm256_shuffle_epi8(nibble_counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), low_nibbles));

    return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

/* The last 1 to 31 bytes and zeros. */
INLINE __m256i
vec_load_tail_bits(const uint8_t *bytes, size_t rest)
{
    if (rest < 16)
        return _mm256_zextsi128_si256(vec_load_tail_bytes(bytes, rest));
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)bytes)),
        rest == 16 ? _mm_setzero_si128() : vec_load_tail_bytes(bytes + 16, rest - 16), 1);
}

INLINE __m256i
vec_add_bits(__m256i sum, __m256i a, __m256i b, VecBitTerm term)
{
    return _mm256_add_epi64(
        sum, vec_popcount_lanes(term == BITS_XOR ? _mm256_xor_si256(a, b) : _mm256_and_si256(a, b)));
}

INLINE void
vec_bits_rows(const uint8_t *const *row, size_t rows, const uint8_t *query, size_t bytes, int32_t *out,
              VecBitTerm term)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i sum[4] = {zero, zero, zero, zero};
    size_t i = 0;

    for (; i + 32 <= bytes; i += 32) {
        __m256i part = vec_load_bytes(query + i);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vec_add_bits(sum[r], vec_load_bytes(row[r] + i), part, term);
    }
    if (i < bytes) {
        __m256i part = vec_load_tail_bits(query + i, bytes - i);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vec_add_bits(sum[r], vec_load_tail_bits(row[r] + i, bytes - i), part, term);
    }
    /* A lane's total fits an int32, and its upper half is 0: so the sums of int32 lanes are right. */
    vec_store_sums(sum, rows, out);
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

VEC_SIMD_BIT_KERNELS(TARGET, avx2, vec_xor_rows, vec_and_rows)

TARGET static VecBitCounts
vec_count_bits_avx2(const uint8_t *a, const uint8_t *b, size_t bytes)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i both = zero, in_a = zero, in_b = zero;

    for (size_t i = 0; i < bytes; i += 32) {
        size_t rest = bytes - i;
        __m256i x = rest >= 32 ? vec_load_bytes(a + i) : vec_load_tail_bits(a + i, rest);
        __m256i y = rest >= 32 ? vec_load_bytes(b + i) : vec_load_tail_bits(b + i, rest);

        both = _mm256_add_epi64(both, vec_popcount_lanes(_mm256_and_si256(x, y)));
        in_a = _mm256_add_epi64(in_a, vec_popcount_lanes(x));
        in_b = _mm256_add_epi64(in_b, vec_popcount_lanes(y));
    }
    return (VecBitCounts){(uint32_t)vec_fold_i32(both), (uint32_t)vec_fold_i32(in_a),
                          (uint32_t)vec_fold_i32(in_b)};
}

typedef struct VecI8Lanes {
    __m256i ab, a, b, aa, bb;
} VecI8Lanes;

INLINE void
vec_add_i8(VecI8Lanes *lanes, __m128i a_bytes, __m128i b_bytes)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i a = _mm256_cvtepi8_epi16(a_bytes), b = _mm256_cvtepi8_epi16(b_bytes);

    lanes->ab = _mm256_add_epi32(lanes->ab, _mm256_madd_epi16(a, b));
    lanes->a = _mm256_add_epi32(lanes->a, _mm256_madd_epi16(a, ones));
    lanes->b = _mm256_add_epi32(lanes->b, _mm256_madd_epi16(b, ones));
    lanes->aa = _mm256_add_epi32(lanes->aa, _mm256_madd_epi16(a, a));
    lanes->bb = _mm256_add_epi32(lanes->bb, _mm256_madd_epi16(b, b));
}

TARGET static VecI8Sums
vec_sums_i8_avx2(const int8_t *a, const int8_t *b, size_t n)
{
    const __m256i zero = _mm256_setzero_si256();
    VecI8Lanes lanes = {zero, zero, zero, zero, zero};
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        vec_add_i8(&lanes, _mm_loadu_si128((const __m128i *)(a + i)),
                   _mm_loadu_si128((const __m128i *)(b + i)));
    if (i < n)
        vec_add_i8(&lanes, vec_load_tail_bytes(a + i, n - i), vec_load_tail_bytes(b + i, n - i));
    return (VecI8Sums){vec_fold_i32(lanes.ab), vec_fold_i32(lanes.a), vec_fold_i32(lanes.b),
                       vec_fold_i32(lanes.aa), vec_fold_i32(lanes.bb)};
}

/*
 * Sparse vectors, eight indexes of each against each other: seven rotations of one register meet the other. The side whose
 * last index is the smaller one moves on (both, if equal), and its elements that met no partner then get their terms at once.
 * Partners are found in ascending order on both sides, so the k-th set bit of one mask belongs to the k-th of the other;
 * they are summed one by one in double precision, which keeps the error bound although it is a single chain.
 */
typedef struct VecSparseSide {
    const uint32_t *indexes;
    const float *values;
    size_t count, at; /* at: where the present block begins */
    unsigned met;     /* which of its eight have met their partner */
} VecSparseSide;

/* A bit for each lane of x that equals any lane of y. */
INLINE unsigned
vec_meet(__m256i x, __m256i y)
{
    const __m256i next = _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0);
    __m256i found = _mm256_cmpeq_epi32(x, y);

    VEC_SIMD_UNROLL
    for (int rotation = 1; rotation < 8; rotation++) {
        y = _mm256_permutevar8x32_epi32(y, next);
        found = _mm256_or_si256(found, _mm256_cmpeq_epi32(x, y));
    }
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(found));
}

/* The values of the present block that met nothing, and zeros; all zeros unless the block is being left. */
INLINE __m256
vec_lonely(const VecSparseSide *side, int leaving)
{
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    unsigned lonely = leaving ? ~side->met & 255 : 0;
    __m256i lanes = _mm256_and_si256(_mm256_set1_epi32((int)lonely), bits);

    return _mm256_and_ps(_mm256_loadu_ps(side->values + side->at),
                         _mm256_castsi256_ps(_mm256_cmpeq_epi32(lanes, bits)));
}

INLINE float
vec_sparse_term(float a, float b, VecSumTerm term)
{
    if (term == TERM_DOT)
        return a * b;
    return term == TERM_L2SQ ? (a - b) * (a - b) : __builtin_fabsf(a - b);
}

INLINE int
vec_has_met(const VecSparseSide *side, size_t i)
{
    return i < side->at + 8 && side->met >> (i - side->at) & 1;
}

/* The terms of one side's elements from i on, when nothing is left on the other. */
INLINE double
vec_sum_lonely(const VecSparseSide *side, size_t i, VecSumTerm term)
{
    const __m256 zero = _mm256_setzero_ps();
    __m256 lanes = zero;
    double sum = 0;

    for (; i < side->count && i < side->at + 8; i++)
        if (!vec_has_met(side, i))
            sum += vec_sparse_term(side->values[i], 0.0f, term);
    for (; i + 8 <= side->count; i += 8)
        lanes = vec_add_term(lanes, _mm256_loadu_ps(side->values + i), zero, term);
    if (i < side->count)
        lanes = vec_add_term(lanes, vec_load_tail(side->values, i, side->count - i, ELEMENT_F32), zero, term);
    return sum + vec_fold_f32(lanes);
}

/* What is left when one side has no further block of eight: element by element, without those that have met. */
INLINE double
vec_sum_sparse_rest(const VecSparseSide *a, const VecSparseSide *b, VecSumTerm term)
{
    double sum = 0;
    size_t i = a->at, j = b->at;

    while (i < a->count && j < b->count) {
        size_t take_a = a->indexes[i] <= b->indexes[j], take_b = b->indexes[j] <= a->indexes[i];

        /* What has met is smaller than all that the other side still has. */
        if (vec_has_met(a, i)) {
            i++;
        } else if (vec_has_met(b, j)) {
            j++;
        } else {
            sum += vec_sparse_term(take_a ? a->values[i] : 0.0f, take_b ? b->values[j] : 0.0f, term);
            i += take_a;
            j += take_b;
        }
    }
    return sum + vec_sum_lonely(a, i, term) + vec_sum_lonely(b, j, term);
}

INLINE float
vec_sum_sparse(VEC_SIMD_SPARSE_PARAMETERS, VecSumTerm term)
{
    const __m256 zero = _mm256_setzero_ps();
    VecSparseSide left = {a_indexes, a, a_count, 0, 0}, right = {b_indexes, b, b_count, 0, 0};
    __m256 lonely_left = zero, lonely_right = zero;
    double sum = 0;

    while (left.at + 8 <= a_count && right.at + 8 <= b_count) {
        __m256i x = vec_load_bytes(a_indexes + left.at), y = vec_load_bytes(b_indexes + right.at);
        uint32_t last_x = a_indexes[left.at + 7], last_y = b_indexes[right.at + 7];
        unsigned met_x = vec_meet(x, y), met_y;

        if (met_x) {
            met_y = vec_meet(y, x);
            left.met |= met_x;
            right.met |= met_y;
            for (; met_x; met_x &= met_x - 1, met_y &= met_y - 1)
                sum += vec_sparse_term(a[left.at + (size_t)__builtin_ctz(met_x)],
                                       b[right.at + (size_t)__builtin_ctz(met_y)], term);
        }
        lonely_left = vec_add_term(lonely_left, vec_lonely(&left, last_x <= last_y), zero, term);
        lonely_right = vec_add_term(lonely_right, zero, vec_lonely(&right, last_y <= last_x), term);
        if (last_x <= last_y) {
            left.at += 8;
            left.met = 0;
        }
        if (last_y <= last_x) {
            right.at += 8;
            right.met = 0;
        }
    }
    sum += vec_sum_sparse_rest(&left, &right, term);
    return (float)(sum + vec_fold_f32(_mm256_add_ps(lonely_left, lonely_right)));
}

TARGET float
vec_l2sq_sparse_avx2(VEC_SIMD_SPARSE_PARAMETERS)
{
    return vec_sum_sparse(a_indexes, a, a_count, b_indexes, b, b_count, TERM_L2SQ);
}

TARGET float
vec_dot_sparse_avx2(VEC_SIMD_SPARSE_PARAMETERS)
{
    return vec_sum_sparse(a_indexes, a, a_count, b_indexes, b, b_count, TERM_DOT);
}

TARGET float
vec_l1_sparse_avx2(VEC_SIMD_SPARSE_PARAMETERS)
{
    return vec_sum_sparse(a_indexes, a, a_count, b_indexes, b, b_count, TERM_L1);
}

/* With the same indexes on both sides it is a dense cosine, whose three sums are equal if the values are. */
TARGET VecCosParts
vec_cos_sparse_avx2(VEC_SIMD_SPARSE_PARAMETERS)
{
    if (a_count == b_count && (a_count == 0 || memcmp(a_indexes, b_indexes, a_count * sizeof(uint32_t)) == 0))
        return vec_cos_f32_avx2(a, b, a_count);
    return (VecCosParts){vec_dot_sparse_avx2(a_indexes, a, a_count, b_indexes, b, b_count),
                         vec_dot_f32_avx2(a, a, a_count), vec_dot_f32_avx2(b, b, b_count)};
}

/* There is no comparison of unsigned bytes: what is no more than the span is the lesser of both. */
INLINE uint64_t
vec_mask_u8(__m256i x, __m256i lows, __m256i spans)
{
    __m256i place = _mm256_sub_epi8(x, lows);

    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(place, spans), place));
}

TARGET static void
vec_range_u8_avx2(const uint8_t *column, size_t words, uint8_t low, uint8_t span, uint64_t *masks)
{
    const __m256i lows = _mm256_set1_epi8((char)low), spans = _mm256_set1_epi8((char)span);

    for (size_t w = 0; w < words; w++)
        masks[w] = vec_mask_u8(vec_load_bytes(column + 64 * w), lows, spans) |
                   vec_mask_u8(vec_load_bytes(column + 64 * w + 32), lows, spans) << 32;
}

/*
 * Walsh-Hadamard. Blocks of 64 floats live in eight registers for their first six stages: three inside the registers, by a
 * shuffle and one fused multiply-add with +1 or -1 (exact, hence the same bits as an addition), three between them. The later
 * stages go over memory two at a time (four streams), which halves the loads and stores.
 */
INLINE void
vec_butterfly(__m256 *low, __m256 *high)
{
    __m256 sum = _mm256_add_ps(*low, *high);

    *high = _mm256_sub_ps(*low, *high);
    *low = sum;
}

/* Three stages within a register: partners 1, 2 and 4 lanes apart. */
INLINE __m256
vec_fht_lanes(__m256 x)
{
    const __m256 sign1 = _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1);
    const __m256 sign2 = _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1);
    const __m256 sign4 = _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1);

    x = _mm256_fmadd_ps(x, sign1, _mm256_permute_ps(x, 0xb1));
    x = _mm256_fmadd_ps(x, sign2, _mm256_permute_ps(x, 0x4e));
    return _mm256_fmadd_ps(x, sign4, _mm256_permute2f128_ps(x, x, 1));
}

INLINE void
vec_fht_block64(float *x)
{
    __m256 v[8];

    VEC_SIMD_UNROLL
    for (int i = 0; i < 8; i++)
        v[i] = vec_fht_lanes(_mm256_loadu_ps(x + 8 * i));
    VEC_SIMD_UNROLL
    for (int half = 1; half < 8; half *= 2)
        VEC_SIMD_UNROLL
    for (int i = 0; i < 8; i++)
        if (!(i & half))
            vec_butterfly(&v[i], &v[i + half]);
    VEC_SIMD_UNROLL
    for (int i = 0; i < 8; i++)
        _mm256_storeu_ps(x + 8 * i, v[i]);
}

/* The stages half and 2 * half. */
INLINE void
vec_fht_two_stages(float *x, size_t n, size_t half)
{
    for (size_t i = 0; i < n; i += 4 * half)
        for (size_t j = i; j < i + half; j += 8) {
            __m256 v0 = _mm256_loadu_ps(x + j), v1 = _mm256_loadu_ps(x + j + half);
            __m256 v2 = _mm256_loadu_ps(x + j + 2 * half), v3 = _mm256_loadu_ps(x + j + 3 * half);

            vec_butterfly(&v0, &v1);
            vec_butterfly(&v2, &v3);
            vec_butterfly(&v0, &v2);
            vec_butterfly(&v1, &v3);
            _mm256_storeu_ps(x + j, v0);
            _mm256_storeu_ps(x + j + half, v1);
            _mm256_storeu_ps(x + j + 2 * half, v2);
            _mm256_storeu_ps(x + j + 3 * half, v3);
        }
}

INLINE void
vec_fht_one_stage(float *x, size_t n, size_t half)
{
    for (size_t i = 0; i < n; i += 2 * half)
        for (size_t j = i; j < i + half; j += 8) {
            __m256 low = _mm256_loadu_ps(x + j), high = _mm256_loadu_ps(x + j + half);

            vec_butterfly(&low, &high);
            _mm256_storeu_ps(x + j, low);
            _mm256_storeu_ps(x + j + half, high);
        }
}

TARGET void
vec_fht_f32_avx2(float *x, size_t n)
{
    size_t half = 8;

    if (n < 8) {
        vec_kernels_scalar.fht_f32(x, n);
        return;
    }
    if (n >= 64) {
        for (size_t i = 0; i < n; i += 64)
            vec_fht_block64(x + i);
        half = 64;
    } else
        for (size_t i = 0; i < n; i += 8)
            _mm256_storeu_ps(x + i, vec_fht_lanes(_mm256_loadu_ps(x + i)));
    for (; 4 * half <= n; half *= 4)
        vec_fht_two_stages(x, n, half);
    if (half < n)
        vec_fht_one_stage(x, n, half);
}

const VecKernels vec_kernels_avx2 = {
    .name = "avx2",
    .features = VEC_CPU_AVX2,
    VEC_SIMD_FLOAT_ENTRIES(avx2),
    VEC_SIMD_CODE_ENTRIES(avx2),
    VEC_SIMD_BIT_ENTRIES(avx2),
    VEC_SIMD_SPARSE_ENTRIES(avx2),
    .sums_i8 = vec_sums_i8_avx2,
    .range_u8 = vec_range_u8_avx2,
    .fht_f32 = vec_fht_f32_avx2,
};

#endif
