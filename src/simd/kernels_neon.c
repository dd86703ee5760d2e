/*
 * kernels_neon.c: the kernels for arm64, with and without its dot-product instructions.
 *
 * In test builds on x86 (VEC_SIMD_EMULATE_NEON) the same lines are compiled through SIMDe, so that they are tested there.
 *
 * What limits them, and so the unrolling: the big cores (Neoverse, Apple) do two to four 16-byte multiply-adds a cycle with a
 * latency of four, and two to three loads; a float step is two loads, so four accumulators reach what the loads allow.
 *
 * u8 x s8: the signed instructions want both sides signed, and the one that takes them mixed (usdot) came later than sdot. So
 * codes are moved to -128..127 by flipping their top bit, and 128 times the sum of the query is added at the end; a batch
 * computes that sum once for four rows. u4 x s8 needs no such thing: 0..15 is an int8 already, and without sdot the sixteen
 * products of a lane in a block of 128 codes, at most 16 * 15 * 128 = 30720, fit an int16.
 */
#include "simd.h"
#include "tables.h"
#include "vectors/half.h"

#ifdef VEC_SIMD_NEON

#include <string.h>

#if defined(__aarch64__)
#include <arm_neon.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/arm/neon.h>
#endif

#define INLINE static inline __attribute__((always_inline))

INLINE float32x4_t
vec_load(const void *x, size_t i, VecElement element)
{
    if (element == ELEMENT_F32)
        return vld1q_f32((const float *)x + i);
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16((const uint16_t *)x + i)));
}

/* One to three elements, and zeros. */
INLINE float32x4_t
vec_load_tail(const void *x, size_t i, size_t rest, VecElement element)
{
    float tail[4] = {0, 0, 0, 0};

    for (size_t j = 0; j < rest; j++)
        tail[j] = element == ELEMENT_F32 ? ((const float *)x)[i + j]
                                         : vec_half_to_f32(((const uint16_t *)x)[i + j]);
    return vld1q_f32(tail);
}

INLINE float32x4_t
vec_add_term(float32x4_t sum, float32x4_t a, float32x4_t b, VecSumTerm term)
{
    float32x4_t difference;

    if (term == TERM_DOT)
        return vfmaq_f32(sum, a, b);
    difference = vsubq_f32(a, b);
    if (term == TERM_L2SQ)
        return vfmaq_f32(sum, difference, difference);
    return vaddq_f32(sum, vabsq_f32(difference));
}

INLINE float
vec_sum(const void *a, VecElement a_element, const void *b, VecElement b_element, size_t n, VecSumTerm term)
{
    float32x4_t sum0 = vdupq_n_f32(0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        sum0 = vec_add_term(sum0, vec_load(a, i, a_element), vec_load(b, i, b_element), term);
        sum1 = vec_add_term(sum1, vec_load(a, i + 4, a_element), vec_load(b, i + 4, b_element), term);
        sum2 = vec_add_term(sum2, vec_load(a, i + 8, a_element), vec_load(b, i + 8, b_element), term);
        sum3 = vec_add_term(sum3, vec_load(a, i + 12, a_element), vec_load(b, i + 12, b_element), term);
    }
    for (; i + 4 <= n; i += 4)
        sum0 = vec_add_term(sum0, vec_load(a, i, a_element), vec_load(b, i, b_element), term);
    if (i < n)
        sum1 = vec_add_term(sum1, vec_load_tail(a, i, n - i, a_element),
                            vec_load_tail(b, i, n - i, b_element), term);
    return vaddvq_f32(vaddq_f32(vaddq_f32(sum0, sum1), vaddq_f32(sum2, sum3)));
}

typedef struct VecCosSums {
    float32x4_t dot, norm_sq_a, norm_sq_b;
} VecCosSums;

INLINE void
vec_add_cos_terms(VecCosSums *sums, float32x4_t a, float32x4_t b)
{
    sums->dot = vfmaq_f32(sums->dot, a, b);
    sums->norm_sq_a = vfmaq_f32(sums->norm_sq_a, a, a);
    sums->norm_sq_b = vfmaq_f32(sums->norm_sq_b, b, b);
}

INLINE VecCosParts
vec_cos(const void *a, VecElement a_element, const void *b, VecElement b_element, size_t n)
{
    const float32x4_t zero = vdupq_n_f32(0);
    VecCosSums even = {zero, zero, zero}, odd = even;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        vec_add_cos_terms(&even, vec_load(a, i, a_element), vec_load(b, i, b_element));
        vec_add_cos_terms(&odd, vec_load(a, i + 4, a_element), vec_load(b, i + 4, b_element));
    }
    if (i + 4 <= n) {
        vec_add_cos_terms(&even, vec_load(a, i, a_element), vec_load(b, i, b_element));
        i += 4;
    }
    if (i < n)
        vec_add_cos_terms(&odd, vec_load_tail(a, i, n - i, a_element), vec_load_tail(b, i, n - i, b_element));
    return (VecCosParts){vaddvq_f32(vaddq_f32(even.dot, odd.dot)),
                         vaddvq_f32(vaddq_f32(even.norm_sq_a, odd.norm_sq_a)),
                         vaddvq_f32(vaddq_f32(even.norm_sq_b, odd.norm_sq_b))};
}

VEC_SIMD_FLOAT_KERNELS(, neon)

static void
vec_f16_to_f32_neon(const uint16_t *from, float *to, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        vst1q_f32(to + i, vec_load(from, i, ELEMENT_F16));
    for (; i < n; i++)
        to[i] = vec_half_to_f32(from[i]);
}

static void
vec_f32_to_f16_neon(const float *from, uint16_t *to, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        vst1_u16(to + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from + i))));
    for (; i < n; i++)
        to[i] = vec_half_from_f32(from[i]);
}

/* 0..255 to -128..127. */
INLINE int8x16_t
vec_load_u8_centred(const uint8_t *codes)
{
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(codes), vdupq_n_u8(128)));
}

/* rows code rows at once (1 or 4, a constant). */
INLINE void
vec_dot_u8s8_rows(const uint8_t *const *codes, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const int32x4_t zero = vdupq_n_s32(0);
    int32x4_t sum[4] = {zero, zero, zero, zero}, query_sum = zero;

    for (size_t i = 0; i < n; i += 16) {
        int8x16_t part = vld1q_s8(query + i);

        query_sum = vpadalq_s16(query_sum, vpaddlq_s8(part));
        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++) {
            int8x16_t row = vec_load_u8_centred(codes[r] + i);

            sum[r] = vpadalq_s16(sum[r], vmull_s8(vget_low_s8(row), vget_low_s8(part)));
            sum[r] = vpadalq_s16(sum[r], vmull_s8(vget_high_s8(row), vget_high_s8(part)));
        }
    }
    VEC_SIMD_UNROLL
    for (size_t r = 0; r < rows; r++)
        out[r] = vaddvq_s32(sum[r]) + 128 * vaddvq_s32(query_sum);
}

INLINE int16x8_t
vec_add_products(int16x8_t sum, int8x16_t a, int8x16_t b)
{
    sum = vmlal_s8(sum, vget_low_s8(a), vget_low_s8(b));
    return vmlal_s8(sum, vget_high_s8(a), vget_high_s8(b));
}

INLINE void
vec_dot_u4s8_rows(const uint8_t *const *packed, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const int32x4_t zero = vdupq_n_s32(0);
    int32x4_t sum[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 128) {
        int16x8_t block_sum[4] = {vdupq_n_s16(0), vdupq_n_s16(0), vdupq_n_s16(0), vdupq_n_s16(0)};

        for (size_t j = 0; j < 64; j += 16) {
            int8x16_t query_low = vld1q_s8(query + i + j), query_high = vld1q_s8(query + i + 64 + j);

            VEC_SIMD_UNROLL
            for (size_t r = 0; r < rows; r++) {
                uint8x16_t bytes = vld1q_u8(packed[r] + i / 2 + j);
                int8x16_t low = vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15)));
                int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));

                block_sum[r] = vec_add_products(block_sum[r], low, query_low);
                block_sum[r] = vec_add_products(block_sum[r], high, query_high);
            }
        }
        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vpadalq_s16(sum[r], block_sum[r]);
    }
    VEC_SIMD_UNROLL
    for (size_t r = 0; r < rows; r++)
        out[r] = vaddvq_s32(sum[r]);
}

/* Sixteen elements of the query where a bit is set, else 0. */
INLINE int8x16_t
vec_select_by_bits(const uint8_t *bits, int8x16_t query)
{
    const uint8x8_t bit_of_code = vcreate_u8(UINT64_C(0x8040201008040201));
    uint8x16_t both = vcombine_u8(vdup_n_u8(bits[0]), vdup_n_u8(bits[1]));
    uint8x16_t mask = vtstq_u8(both, vcombine_u8(bit_of_code, bit_of_code));

    return vandq_s8(vreinterpretq_s8_u8(mask), query);
}

INLINE void
vec_dot_u1s8_rows(const uint8_t *const *bits, size_t rows, const int8_t *query, size_t n, int32_t *out)
{
    const int32x4_t zero = vdupq_n_s32(0);
    int32x4_t sum[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 16) {
        int8x16_t part = vld1q_s8(query + i);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vpadalq_s16(sum[r], vpaddlq_s8(vec_select_by_bits(bits[r] + i / 8, part)));
    }
    VEC_SIMD_UNROLL
    for (size_t r = 0; r < rows; r++)
        out[r] = vaddvq_s32(sum[r]);
}

VEC_SIMD_CODE_KERNELS(, neon, vec_dot_u8s8_rows, vec_dot_u4s8_rows, vec_dot_u1s8_rows)

/* Sixteen bytes, or the last few and zeros. */
INLINE uint8x16_t
vec_load_bytes(const void *bytes, size_t rest)
{
    uint8_t tail[16] = {0};

    if (rest >= 16)
        return vld1q_u8(bytes);
    memcpy(tail, bytes, rest);
    return vld1q_u8(tail);
}

INLINE uint32x4_t
vec_add_popcount(uint32x4_t sum, uint8x16_t bytes)
{
    return vpadalq_u16(sum, vpaddlq_u8(vcntq_u8(bytes)));
}

INLINE void
vec_bits_rows(const uint8_t *const *row, size_t rows, const uint8_t *query, size_t bytes, int32_t *out,
              VecBitTerm term)
{
    const uint32x4_t zero = vdupq_n_u32(0);
    uint32x4_t sum[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < bytes; i += 16) {
        uint8x16_t part = vec_load_bytes(query + i, bytes - i);

        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++) {
            uint8x16_t x = vec_load_bytes(row[r] + i, bytes - i);

            sum[r] = vec_add_popcount(sum[r], term == BITS_XOR ? veorq_u8(x, part) : vandq_u8(x, part));
        }
    }
    VEC_SIMD_UNROLL
    for (size_t r = 0; r < rows; r++)
        out[r] = (int32_t)vaddvq_u32(sum[r]);
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

VEC_SIMD_BIT_KERNELS(, neon, vec_xor_rows, vec_and_rows)

static VecBitCounts
vec_count_bits_neon(const uint8_t *a, const uint8_t *b, size_t bytes)
{
    const uint32x4_t zero = vdupq_n_u32(0);
    uint32x4_t both = zero, in_a = zero, in_b = zero;

    for (size_t i = 0; i < bytes; i += 16) {
        uint8x16_t x = vec_load_bytes(a + i, bytes - i), y = vec_load_bytes(b + i, bytes - i);

        both = vec_add_popcount(both, vandq_u8(x, y));
        in_a = vec_add_popcount(in_a, x);
        in_b = vec_add_popcount(in_b, y);
    }
    return (VecBitCounts){vaddvq_u32(both), vaddvq_u32(in_a), vaddvq_u32(in_b)};
}

typedef struct VecI8Lanes {
    int32x4_t ab, a, b, aa, bb;
} VecI8Lanes;

INLINE int32x4_t
vec_add_i8_products(int32x4_t sum, int8x16_t a, int8x16_t b)
{
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    return vpadalq_s16(sum, vmull_s8(vget_high_s8(a), vget_high_s8(b)));
}

INLINE VecI8Sums
vec_fold_i8(const VecI8Lanes *lanes)
{
    return (VecI8Sums){vaddvq_s32(lanes->ab), vaddvq_s32(lanes->a), vaddvq_s32(lanes->b),
                       vaddvq_s32(lanes->aa), vaddvq_s32(lanes->bb)};
}

static VecI8Sums
vec_sums_i8_neon(const int8_t *a, const int8_t *b, size_t n)
{
    const int32x4_t zero = vdupq_n_s32(0);
    VecI8Lanes lanes = {zero, zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 16) {
        int8x16_t x = vreinterpretq_s8_u8(vec_load_bytes(a + i, n - i));
        int8x16_t y = vreinterpretq_s8_u8(vec_load_bytes(b + i, n - i));

        lanes.ab = vec_add_i8_products(lanes.ab, x, y);
        lanes.a = vpadalq_s16(lanes.a, vpaddlq_s8(x));
        lanes.b = vpadalq_s16(lanes.b, vpaddlq_s8(y));
        lanes.aa = vec_add_i8_products(lanes.aa, x, x);
        lanes.bb = vec_add_i8_products(lanes.bb, y, y);
    }
    return vec_fold_i8(&lanes);
}

/*
 * Walsh-Hadamard, as in kernels_avx2.c: blocks of 32 floats in eight registers for the first five stages, then two stages at a
 * time over memory.
 */
INLINE void
vec_butterfly(float32x4_t *low, float32x4_t *high)
{
    float32x4_t sum = vaddq_f32(*low, *high);

    *high = vsubq_f32(*low, *high);
    *low = sum;
}

INLINE float32x4_t
vec_fht_lanes(float32x4_t x)
{
    static const float sign1[4] = {1, -1, 1, -1}, sign2[4] = {1, 1, -1, -1};

    x = vfmaq_f32(vrev64q_f32(x), x, vld1q_f32(sign1));
    return vfmaq_f32(vextq_f32(x, x, 2), x, vld1q_f32(sign2));
}

INLINE void
vec_fht_block32(float *x)
{
    float32x4_t v[8];

    VEC_SIMD_UNROLL
    for (int i = 0; i < 8; i++)
        v[i] = vec_fht_lanes(vld1q_f32(x + 4 * i));
    VEC_SIMD_UNROLL
    for (int half = 1; half < 8; half *= 2)
        VEC_SIMD_UNROLL
    for (int i = 0; i < 8; i++)
        if (!(i & half))
            vec_butterfly(&v[i], &v[i + half]);
    VEC_SIMD_UNROLL
    for (int i = 0; i < 8; i++)
        vst1q_f32(x + 4 * i, v[i]);
}

/* The stages half and 2 * half. */
INLINE void
vec_fht_two_stages(float *x, size_t n, size_t half)
{
    for (size_t i = 0; i < n; i += 4 * half)
        for (size_t j = i; j < i + half; j += 4) {
            float32x4_t v0 = vld1q_f32(x + j), v1 = vld1q_f32(x + j + half);
            float32x4_t v2 = vld1q_f32(x + j + 2 * half), v3 = vld1q_f32(x + j + 3 * half);

            vec_butterfly(&v0, &v1);
            vec_butterfly(&v2, &v3);
            vec_butterfly(&v0, &v2);
            vec_butterfly(&v1, &v3);
            vst1q_f32(x + j, v0);
            vst1q_f32(x + j + half, v1);
            vst1q_f32(x + j + 2 * half, v2);
            vst1q_f32(x + j + 3 * half, v3);
        }
}

INLINE void
vec_fht_one_stage(float *x, size_t n, size_t half)
{
    for (size_t i = 0; i < n; i += 2 * half)
        for (size_t j = i; j < i + half; j += 4) {
            float32x4_t low = vld1q_f32(x + j), high = vld1q_f32(x + j + half);

            vec_butterfly(&low, &high);
            vst1q_f32(x + j, low);
            vst1q_f32(x + j + half, high);
        }
}

static void
vec_fht_f32_neon(float *x, size_t n)
{
    size_t half = 4;

    if (n < 4) {
        vec_kernels_scalar.fht_f32(x, n);
        return;
    }
    if (n >= 32) {
        for (size_t i = 0; i < n; i += 32)
            vec_fht_block32(x + i);
        half = 32;
    } else
        for (size_t i = 0; i < n; i += 4)
            vst1q_f32(x + i, vec_fht_lanes(vld1q_f32(x + i)));
    for (; 4 * half <= n; half *= 4)
        vec_fht_two_stages(x, n, half);
    if (half < n)
        vec_fht_one_stage(x, n, half);
}

/* Every lane that passes keeps the bit of its place in eight; adding neighbours three times brings eight lanes' bits into one. */
static void
vec_range_u8_neon(const uint8_t *column, size_t words, uint8_t low, uint8_t span, uint64_t *masks)
{
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t lows = vdupq_n_u8(low), spans = vdupq_n_u8(span), bits = vld1q_u8(places);

    for (size_t w = 0; w < words; w++) {
        uint8x16_t lanes[4];

        for (size_t i = 0; i < 4; i++)
            lanes[i] = vandq_u8(vcleq_u8(vsubq_u8(vld1q_u8(column + 64 * w + 16 * i), lows), spans), bits);
        uint8x16_t sums = vpaddq_u8(vpaddq_u8(lanes[0], lanes[1]), vpaddq_u8(lanes[2], lanes[3]));
        masks[w] = vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
    }
}

/* Eight indexes against eight need four times the instructions of AVX2: sparse vectors are merged in C. */
#define ENTRIES_OF_BOTH                                                                                      \
    VEC_SIMD_FLOAT_ENTRIES(neon), VEC_SIMD_BIT_ENTRIES(neon), VEC_SIMD_SPARSE_ENTRIES(scalar),               \
        .range_u8 = vec_range_u8_neon, .fht_f32 = vec_fht_f32_neon

const VecKernels vec_kernels_neon = {
    .name = "neon",
    .features = VEC_CPU_NEON,
    VEC_SIMD_CODE_ENTRIES(neon),
    .sums_i8 = vec_sums_i8_neon,
    ENTRIES_OF_BOTH,
};

#ifdef VEC_SIMD_DOTPROD

#if !defined(__aarch64__)
#define TARGET_DOTPROD
#elif defined(__clang__)
#define TARGET_DOTPROD __attribute__((target("dotprod")))
#else
#define TARGET_DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#define INLINE_DOTPROD TARGET_DOTPROD INLINE

INLINE_DOTPROD void
vec_dot_u8s8_rows_dotprod(const uint8_t *const *codes, size_t rows, const int8_t *query, size_t n,
                          int32_t *out)
{
    const int32x4_t zero = vdupq_n_s32(0);
    int32x4_t sum[4] = {zero, zero, zero, zero}, query_sum = zero;

    for (size_t i = 0; i < n; i += 16) {
        int8x16_t part = vld1q_s8(query + i);

        query_sum = vdotq_s32(query_sum, part, vdupq_n_s8(1));
        VEC_SIMD_UNROLL
        for (size_t r = 0; r < rows; r++)
            sum[r] = vdotq_s32(sum[r], vec_load_u8_centred(codes[r] + i), part);
    }
    VEC_SIMD_UNROLL
    for (size_t r = 0; r < rows; r++)
        out[r] = vaddvq_s32(sum[r]) + 128 * vaddvq_s32(query_sum);
}

INLINE_DOTPROD void
vec_dot_u4s8_rows_dotprod(const uint8_t *const *packed, size_t rows, const int8_t *query, size_t n,
                          int32_t *out)
{
    const int32x4_t zero = vdupq_n_s32(0);
    int32x4_t low[4] = {zero, zero, zero, zero}, high[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 128)
        for (size_t j = 0; j < 64; j += 16) {
            int8x16_t query_low = vld1q_s8(query + i + j), query_high = vld1q_s8(query + i + 64 + j);

            VEC_SIMD_UNROLL
            for (size_t r = 0; r < rows; r++) {
                uint8x16_t bytes = vld1q_u8(packed[r] + i / 2 + j);

                low[r] = vdotq_s32(low[r], vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15))), query_low);
                high[r] = vdotq_s32(high[r], vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4)), query_high);
            }
        }
    VEC_SIMD_UNROLL
    for (size_t r = 0; r < rows; r++)
        out[r] = vaddvq_s32(vaddq_s32(low[r], high[r]));
}

VEC_SIMD_CODE_KERNELS(TARGET_DOTPROD, neondotprod, vec_dot_u8s8_rows_dotprod, vec_dot_u4s8_rows_dotprod,
                      vec_dot_u1s8_rows)

TARGET_DOTPROD static VecI8Sums
vec_sums_i8_neondotprod(const int8_t *a, const int8_t *b, size_t n)
{
    const int32x4_t zero = vdupq_n_s32(0);
    const int8x16_t ones = vdupq_n_s8(1);
    VecI8Lanes lanes = {zero, zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 16) {
        int8x16_t x = vreinterpretq_s8_u8(vec_load_bytes(a + i, n - i));
        int8x16_t y = vreinterpretq_s8_u8(vec_load_bytes(b + i, n - i));

        lanes.ab = vdotq_s32(lanes.ab, x, y);
        lanes.a = vdotq_s32(lanes.a, x, ones);
        lanes.b = vdotq_s32(lanes.b, y, ones);
        lanes.aa = vdotq_s32(lanes.aa, x, x);
        lanes.bb = vdotq_s32(lanes.bb, y, y);
    }
    return vec_fold_i8(&lanes);
}

const VecKernels vec_kernels_neondotprod = {
    .name = "neondotprod",
    .features = VEC_CPU_NEON | VEC_CPU_DOTPROD,
    VEC_SIMD_CODE_ENTRIES(neondotprod),
    .sums_i8 = vec_sums_i8_neondotprod,
    ENTRIES_OF_BOTH,
};

#endif
#endif
