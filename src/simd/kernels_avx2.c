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

#ifdef VEC_SIMD_X86

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,fma,f16c,popcnt")))
#define INLINE TARGET static inline __attribute__((always_inline))

/* What a sum is made of; a constant at each call of the one loop below, which the compiler folds away. */
typedef enum VecSumTerm { TERM_L2SQ, TERM_DOT, TERM_L1 } VecSumTerm;

/* -1 in the first eight, 0 in the last eight: read at (8 - rest), a mask of rest lanes. */
static const int32_t lane_mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

INLINE __m256
vec_load_tail_f32(const float *x, size_t rest)
{
    return _mm256_maskload_ps(x, _mm256_loadu_si256((const __m256i *)(lane_mask + 8 - rest)));
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
vec_sum_f32(const float *a, const float *b, size_t n, VecSumTerm term)
{
    __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        sum0 = vec_add_term(sum0, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), term);
        sum1 = vec_add_term(sum1, _mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), term);
        sum2 = vec_add_term(sum2, _mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16), term);
        sum3 = vec_add_term(sum3, _mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24), term);
    }
    for (; i + 8 <= n; i += 8)
        sum0 = vec_add_term(sum0, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), term);
    if (i < n)
        sum1 = vec_add_term(sum1, vec_load_tail_f32(a + i, n - i), vec_load_tail_f32(b + i, n - i), term);
    return vec_fold_f32(_mm256_add_ps(_mm256_add_ps(sum0, sum1), _mm256_add_ps(sum2, sum3)));
}

TARGET static float
vec_l2sq_f32_avx2(const float *a, const float *b, size_t n)
{
    return vec_sum_f32(a, b, n, TERM_L2SQ);
}

TARGET static float
vec_dot_f32_avx2(const float *a, const float *b, size_t n)
{
    return vec_sum_f32(a, b, n, TERM_DOT);
}

TARGET static float
vec_l1_f32_avx2(const float *a, const float *b, size_t n)
{
    return vec_sum_f32(a, b, n, TERM_L1);
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

TARGET static VecCosParts
vec_cos_f32_avx2(const float *a, const float *b, size_t n)
{
    const __m256 zero = _mm256_setzero_ps();
    VecCosSums even = {zero, zero, zero}, odd = even;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        vec_add_cos_terms(&even, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        vec_add_cos_terms(&odd, _mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
    }
    if (i + 8 <= n) {
        vec_add_cos_terms(&even, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        i += 8;
    }
    if (i < n)
        vec_add_cos_terms(&odd, vec_load_tail_f32(a + i, n - i), vec_load_tail_f32(b + i, n - i));
    return (VecCosParts){vec_fold_f32(_mm256_add_ps(even.dot, odd.dot)),
                         vec_fold_f32(_mm256_add_ps(even.norm_sq_a, odd.norm_sq_a)),
                         vec_fold_f32(_mm256_add_ps(even.norm_sq_b, odd.norm_sq_b))};
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

TARGET static int32_t
vec_dot_u8s8_avx2(const uint8_t *codes, const int8_t *query, size_t n)
{
    int32_t sum;

    vec_dot_u8s8_rows(&codes, 1, query, n, &sum);
    return sum;
}

TARGET static int32_t
vec_dot_u4s8_avx2(const uint8_t *packed, const int8_t *query, size_t n)
{
    int32_t sum;

    vec_dot_u4s8_rows(&packed, 1, query, n, &sum);
    return sum;
}

VEC_SIMD_BATCH(vec_dot_u8s8_batch_avx2, TARGET, vec_dot_u8s8_rows, VEC_SIMD_U8_BYTES)
VEC_SIMD_BATCH(vec_dot_u4s8_batch_avx2, TARGET, vec_dot_u4s8_rows, VEC_SIMD_U4_BYTES)

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
    .l2sq_f32 = vec_l2sq_f32_avx2,
    .dot_f32 = vec_dot_f32_avx2,
    .l1_f32 = vec_l1_f32_avx2,
    .cos_f32 = vec_cos_f32_avx2,
    .dot_u8s8 = vec_dot_u8s8_avx2,
    .dot_u4s8 = vec_dot_u4s8_avx2,
    .dot_u8s8_batch = vec_dot_u8s8_batch_avx2,
    .dot_u4s8_batch = vec_dot_u4s8_batch_avx2,
    .fht_f32 = vec_fht_f32_avx2,
};

#endif
