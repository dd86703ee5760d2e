/*
 * floats.c: codes of full precision.
 *
 * A vector whose square leaves [1e-30, 1e30] is not coded, zero excepted: quantize.c has the same range, so that which rows are
 * exceptions does not depend on the codes.
 */
#include "floats.h"

#include <math.h>
#include <string.h>

#include "vectors/distance.h"

#define NORM_SQ_MIN 1e-30
#define NORM_SQ_MAX 1e30

/* simd.h bounds the rounding of a sum of n terms by (n / 8 + 16) 2^-24 of their absolute sum; exact kernel and ours: twice that. */
#define ROUNDING(n) (2.0f * ((float)(n) / 8.0f + 16.0f) * 0x1p-24f)

/* How far rows are asked for ahead, and how much of each: the rest is a stream that the CPU foresees. */
#define ROWS_AHEAD     4
#define PREFETCH_BYTES 512

size_t
vec_floats_stride(uint32_t dimensions)
{
    size_t used = dimensions * sizeof(float), stride = 4;

    while (stride < used && stride < 64)
        stride *= 2;
    return used <= 64 ? stride : (used + 63) / 64 * 64;
}

/* Copies x, of length 1 under cosine; *norm is the copy's. False: out of range. */
static bool
copy(VecMetric metric, uint32_t dimensions, const float *x, float *to, float *norm)
{
    double length = vec_distance_norm_f32(x, dimensions);
    double inverse = metric == VEC_METRIC_COS ? 1.0 / length : 1.0;

    if (!isfinite(length) || (length == 0 && metric == VEC_METRIC_COS) || !(inverse < 1e38))
        return false;
    if (metric != VEC_METRIC_COS && length != 0 &&
        !(length * length >= NORM_SQ_MIN && length * length <= NORM_SQ_MAX))
        return false;
    for (uint32_t i = 0; i < dimensions; i++) {
        if (length == 0 && x[i] != 0.0f)
            return false; /* so small that the squares vanished */
        to[i] = x[i] * (float)inverse;
    }
    *norm = metric == VEC_METRIC_COS ? 1.0f : (float)length;
    return true;
}

bool
vec_floats_row(VecMetric metric, uint32_t dimensions, const float *x, uint8_t *code, VecQuantizerError *error)
{
    size_t used = dimensions * sizeof(float);
    float norm;

    if (!copy(metric, dimensions, x, (float *)code, &norm))
        return false;
    memset(code + used, 0, vec_floats_stride(dimensions) - used);
    error->code_norm_max = norm > error->code_norm_max ? norm : error->code_norm_max;
    return true;
}

bool
vec_floats_query(VecMetric metric, uint32_t dimensions, const VecQuantizerError *error, const float *x,
                 VecCodeQuery *query)
{
    float norm, reach;

    if (!copy(metric, dimensions, x, query->table, &norm))
        return false;
    query->floats = query->table;
    query->constant = metric == VEC_METRIC_COS ? 1.0f : 0.0f;
    /* the absolute sum of the terms is at most |x| |q|, or (|x| + |q|)^2 */
    reach = metric == VEC_METRIC_L2 ? (norm + error->code_norm_max) * (norm + error->code_norm_max)
                                    : norm * error->code_norm_max;
    query->error = ROUNDING(dimensions) * reach;
    return true;
}

void
vec_floats_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query)
{
    query->floats = (const float *)(codes->codes + row * codes->stride_bytes);
    query->constant = codes->metric == VEC_METRIC_COS ? 1.0f : 0.0f;
    query->error = 0.0f;
}

void
vec_floats_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows,
                     uint32_t first_row, uint32_t count, float *distances)
{
    const uint8_t *first = codes->codes + first_row * codes->stride_bytes;
    size_t ahead_bytes = codes->stride_bytes < PREFETCH_BYTES ? codes->stride_bytes : PREFETCH_BYTES;

    for (uint32_t k = 0; k < count; k++) {
        const float *x = (const float *)(first + (rows != NULL ? rows[k] : k) * codes->stride_bytes);

        for (size_t byte = 0; rows != NULL && k + ROWS_AHEAD < count && byte < ahead_bytes; byte += 64)
            __builtin_prefetch(first + rows[k + ROWS_AHEAD] * codes->stride_bytes + byte);
        distances[k] = codes->metric == VEC_METRIC_L2
                           ? codes->kernels->l2sq_f32(x, query->floats, codes->dimensions)
                           : -codes->kernels->dot_f32(x, query->floats, codes->dimensions);
    }
}
