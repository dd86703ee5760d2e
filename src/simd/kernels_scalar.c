/*
 * kernels_scalar.c: the kernels in plain C: the reference for all others, and what runs where no other does.
 *
 * Float sums run in eight chains: that is the bound that simd.h promises, and it lets the compiler use the four lanes of the
 * baseline (SSE2) without permission to reassociate. The eight are folded pairwise.
 */
#include "simd.h"
#include "tables.h"

#include <math.h>

#define CHAINS 8

static inline float
vec_fold_chains(const float *sum)
{
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static float
vec_l2sq_f32_scalar(const float *a, const float *b, size_t n)
{
    float sum[CHAINS] = {0};
    size_t i = 0;

    for (; i + CHAINS <= n; i += CHAINS)
        for (size_t j = 0; j < CHAINS; j++) {
            float difference = a[i + j] - b[i + j];

            sum[j] += difference * difference;
        }
    for (size_t j = 0; i + j < n; j++) {
        float difference = a[i + j] - b[i + j];

        sum[j] += difference * difference;
    }
    return vec_fold_chains(sum);
}

static float
vec_dot_f32_scalar(const float *a, const float *b, size_t n)
{
    float sum[CHAINS] = {0};
    size_t i = 0;

    for (; i + CHAINS <= n; i += CHAINS)
        for (size_t j = 0; j < CHAINS; j++)
            sum[j] += a[i + j] * b[i + j];
    for (size_t j = 0; i + j < n; j++)
        sum[j] += a[i + j] * b[i + j];
    return vec_fold_chains(sum);
}

static float
vec_l1_f32_scalar(const float *a, const float *b, size_t n)
{
    float sum[CHAINS] = {0};
    size_t i = 0;

    for (; i + CHAINS <= n; i += CHAINS)
        for (size_t j = 0; j < CHAINS; j++)
            sum[j] += fabsf(a[i + j] - b[i + j]);
    for (size_t j = 0; i + j < n; j++)
        sum[j] += fabsf(a[i + j] - b[i + j]);
    return vec_fold_chains(sum);
}

static VecCosParts
vec_cos_f32_scalar(const float *a, const float *b, size_t n)
{
    float dot[CHAINS] = {0}, norm_sq_a[CHAINS] = {0}, norm_sq_b[CHAINS] = {0};
    size_t i = 0;

    for (; i + CHAINS <= n; i += CHAINS)
        for (size_t j = 0; j < CHAINS; j++) {
            dot[j] += a[i + j] * b[i + j];
            norm_sq_a[j] += a[i + j] * a[i + j];
            norm_sq_b[j] += b[i + j] * b[i + j];
        }
    for (size_t j = 0; i + j < n; j++) {
        dot[j] += a[i + j] * b[i + j];
        norm_sq_a[j] += a[i + j] * a[i + j];
        norm_sq_b[j] += b[i + j] * b[i + j];
    }
    return (VecCosParts){vec_fold_chains(dot), vec_fold_chains(norm_sq_a), vec_fold_chains(norm_sq_b)};
}

static int32_t
vec_dot_u8s8_scalar(const uint8_t *codes, const int8_t *query, size_t n)
{
    int32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += codes[i] * query[i];
    return sum;
}

static int32_t
vec_dot_u4s8_scalar(const uint8_t *packed, const int8_t *query, size_t n)
{
    int32_t sum = 0;

    for (size_t block = 0; block < n; block += 128) {
        const uint8_t *bytes = packed + block / 2;
        size_t low = n - block < 64 ? n - block : 64;
        size_t high = n - block < 128 ? n - block - low : 64;

        for (size_t j = 0; j < low; j++)
            sum += (bytes[j] & 15) * query[block + j];
        for (size_t j = 0; j < high; j++)
            sum += (bytes[j] >> 4) * query[block + 64 + j];
    }
    return sum;
}

static void
vec_dot_u8s8_batch_scalar(const uint8_t *codes, size_t stride_bytes, const uint32_t *ids, size_t count,
                          const int8_t *query, size_t n, int32_t *out)
{
    for (size_t k = 0; k < count; k++)
        out[k] = vec_dot_u8s8_scalar(codes + (ids ? ids[k] : k) * stride_bytes, query, n);
}

static void
vec_dot_u4s8_batch_scalar(const uint8_t *codes, size_t stride_bytes, const uint32_t *ids, size_t count,
                          const int8_t *query, size_t n, int32_t *out)
{
    for (size_t k = 0; k < count; k++)
        out[k] = vec_dot_u4s8_scalar(codes + (ids ? ids[k] : k) * stride_bytes, query, n);
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
    .l2sq_f32 = vec_l2sq_f32_scalar,
    .dot_f32 = vec_dot_f32_scalar,
    .l1_f32 = vec_l1_f32_scalar,
    .cos_f32 = vec_cos_f32_scalar,
    .dot_u8s8 = vec_dot_u8s8_scalar,
    .dot_u4s8 = vec_dot_u4s8_scalar,
    .dot_u8s8_batch = vec_dot_u8s8_batch_scalar,
    .dot_u4s8_batch = vec_dot_u4s8_batch_scalar,
    .fht_f32 = vec_fht_f32_scalar,
};
