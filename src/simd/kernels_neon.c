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

#ifdef VEC_SIMD_NEON

#if defined(__aarch64__)
#include <arm_neon.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/arm/neon.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/* What a sum is made of; a constant at each call of the one loop below, which the compiler folds away. */
typedef enum VecSumTerm { TERM_L2SQ, TERM_DOT, TERM_L1 } VecSumTerm;

/* One to three elements, and zeros. */
INLINE float32x4_t
vec_load_tail_f32(const float *x, size_t rest)
{
    float32x4_t lanes = vsetq_lane_f32(x[0], vdupq_n_f32(0), 0);

    if (rest > 1)
        lanes = vsetq_lane_f32(x[1], lanes, 1);
    if (rest > 2)
        lanes = vsetq_lane_f32(x[2], lanes, 2);
    return lanes;
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
vec_sum_f32(const float *a, const float *b, size_t n, VecSumTerm term)
{
    float32x4_t sum0 = vdupq_n_f32(0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        sum0 = vec_add_term(sum0, vld1q_f32(a + i), vld1q_f32(b + i), term);
        sum1 = vec_add_term(sum1, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4), term);
        sum2 = vec_add_term(sum2, vld1q_f32(a + i + 8), vld1q_f32(b + i + 8), term);
        sum3 = vec_add_term(sum3, vld1q_f32(a + i + 12), vld1q_f32(b + i + 12), term);
    }
    for (; i + 4 <= n; i += 4)
        sum0 = vec_add_term(sum0, vld1q_f32(a + i), vld1q_f32(b + i), term);
    if (i < n)
        sum1 = vec_add_term(sum1, vec_load_tail_f32(a + i, n - i), vec_load_tail_f32(b + i, n - i), term);
    return vaddvq_f32(vaddq_f32(vaddq_f32(sum0, sum1), vaddq_f32(sum2, sum3)));
}

static float
vec_l2sq_f32_neon(const float *a, const float *b, size_t n)
{
    return vec_sum_f32(a, b, n, TERM_L2SQ);
}

static float
vec_dot_f32_neon(const float *a, const float *b, size_t n)
{
    return vec_sum_f32(a, b, n, TERM_DOT);
}

static float
vec_l1_f32_neon(const float *a, const float *b, size_t n)
{
    return vec_sum_f32(a, b, n, TERM_L1);
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

static VecCosParts
vec_cos_f32_neon(const float *a, const float *b, size_t n)
{
    const float32x4_t zero = vdupq_n_f32(0);
    VecCosSums even = {zero, zero, zero}, odd = even;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        vec_add_cos_terms(&even, vld1q_f32(a + i), vld1q_f32(b + i));
        vec_add_cos_terms(&odd, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
    }
    if (i + 4 <= n) {
        vec_add_cos_terms(&even, vld1q_f32(a + i), vld1q_f32(b + i));
        i += 4;
    }
    if (i < n)
        vec_add_cos_terms(&odd, vec_load_tail_f32(a + i, n - i), vec_load_tail_f32(b + i, n - i));
    return (VecCosParts){vaddvq_f32(vaddq_f32(even.dot, odd.dot)),
                         vaddvq_f32(vaddq_f32(even.norm_sq_a, odd.norm_sq_a)),
                         vaddvq_f32(vaddq_f32(even.norm_sq_b, odd.norm_sq_b))};
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

static int32_t
vec_dot_u8s8_neon(const uint8_t *codes, const int8_t *query, size_t n)
{
    int32_t sum;

    vec_dot_u8s8_rows(&codes, 1, query, n, &sum);
    return sum;
}

static int32_t
vec_dot_u4s8_neon(const uint8_t *packed, const int8_t *query, size_t n)
{
    int32_t sum;

    vec_dot_u4s8_rows(&packed, 1, query, n, &sum);
    return sum;
}

VEC_SIMD_BATCH(vec_dot_u8s8_batch_neon, , vec_dot_u8s8_rows, VEC_SIMD_U8_BYTES)
VEC_SIMD_BATCH(vec_dot_u4s8_batch_neon, , vec_dot_u4s8_rows, VEC_SIMD_U4_BYTES)

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

#define FLOAT_KERNELS                                                                                        \
    .l2sq_f32 = vec_l2sq_f32_neon, .dot_f32 = vec_dot_f32_neon, .l1_f32 = vec_l1_f32_neon,                   \
    .cos_f32 = vec_cos_f32_neon, .fht_f32 = vec_fht_f32_neon

const VecKernels vec_kernels_neon = {
    .name = "neon",
    .features = VEC_CPU_NEON,
    .dot_u8s8 = vec_dot_u8s8_neon,
    .dot_u4s8 = vec_dot_u4s8_neon,
    .dot_u8s8_batch = vec_dot_u8s8_batch_neon,
    .dot_u4s8_batch = vec_dot_u4s8_batch_neon,
    FLOAT_KERNELS,
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

TARGET_DOTPROD static int32_t
vec_dot_u8s8_neondotprod(const uint8_t *codes, const int8_t *query, size_t n)
{
    int32_t sum;

    vec_dot_u8s8_rows_dotprod(&codes, 1, query, n, &sum);
    return sum;
}

TARGET_DOTPROD static int32_t
vec_dot_u4s8_neondotprod(const uint8_t *packed, const int8_t *query, size_t n)
{
    int32_t sum;

    vec_dot_u4s8_rows_dotprod(&packed, 1, query, n, &sum);
    return sum;
}

VEC_SIMD_BATCH(vec_dot_u8s8_batch_neondotprod, TARGET_DOTPROD, vec_dot_u8s8_rows_dotprod, VEC_SIMD_U8_BYTES)
VEC_SIMD_BATCH(vec_dot_u4s8_batch_neondotprod, TARGET_DOTPROD, vec_dot_u4s8_rows_dotprod, VEC_SIMD_U4_BYTES)

const VecKernels vec_kernels_neondotprod = {
    .name = "neondotprod",
    .features = VEC_CPU_NEON | VEC_CPU_DOTPROD,
    .dot_u8s8 = vec_dot_u8s8_neondotprod,
    .dot_u4s8 = vec_dot_u4s8_neondotprod,
    .dot_u8s8_batch = vec_dot_u8s8_batch_neondotprod,
    .dot_u4s8_batch = vec_dot_u4s8_batch_neondotprod,
    FLOAT_KERNELS,
};

#endif
#endif
