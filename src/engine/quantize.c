/*
 * quantize.c: encoding rows and queries, and distances on codes; the formulas are in quantize.h.
 *
 * A row's grid: 8 bits: c = u - 128, u in 1..255; 4 bits: c = 2u - 15, u in 0..15 (odd integers: no level is wasted on 0). The
 * step is chosen for each row by trying some and keeping the one whose code points most nearly where the row does: clipping a
 * few large elements is worth a finer grid for the others (for a Gaussian the best 16-level grid has steps of 0.335 sigma).
 *
 * Range: squares are float32. A residual whose square leaves [1e-30, 1e30] (except exactly 0) is not coded; the segment keeps
 * such rows by identity and the caller computes their distances exactly.
 */
#include "quantize.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "memory.h"

#define NORM_SQ_MIN 1e-30f
#define NORM_SQ_MAX 1e30f
#define SIGMAS      3.0f

/* Rounding of the float arithmetic itself, relative to the query: keeps bounds honest where codes are exact (d = 1). */
#define ERROR_FLOOR 1e-5f

size_t
vec_quantize_stride(uint32_t dimensions, uint32_t bits)
{
    size_t used = bits == 4 ? (dimensions <= 64 ? dimensions : VEC_SIMD_U4_BYTES(dimensions)) : dimensions;
    size_t stride = 4;

    /* rows of a power of two bytes never straddle a cache line; longer ones begin on one */
    while (stride < used && stride < 64)
        stride *= 2;
    return used <= 64 ? stride : (used + 63) / 64 * 64;
}

size_t
vec_quantize_bytes(uint32_t dimensions, uint32_t bits, uint64_t row_count)
{
    return row_count * vec_quantize_stride(dimensions, bits) + 64;
}

bool
vec_quantize_init(VecQuantizer *quantizer, VecMetric metric, uint32_t dimensions, uint32_t bits,
                  const float *mean, uint64_t seed, const VecAllocator *allocator)
{
    *quantizer = (VecQuantizer){
        .kernels = vec_simd_kernels(),
        .metric = metric,
        .dimensions = dimensions,
        .bits = bits,
        .mean = mean,
    };
    for (uint32_t i = 0; i < dimensions; i++)
        quantizer->mean_norm_sq += (double)mean[i] * mean[i];
    return vec_rotate_init(&quantizer->rotation, dimensions, seed, allocator);
}

void
vec_quantize_free(VecQuantizer *quantizer)
{
    vec_rotate_free(&quantizer->rotation);
}

bool
vec_quantize_scratch_init(VecQuantizeScratch *scratch, uint32_t dimensions, const VecAllocator *allocator)
{
    size_t floats = ((size_t)dimensions + 15) / 16 * 16;

    scratch->memory = vec_memory_allocate(allocator, floats, 2 * sizeof(float) + 1);
    if (scratch->memory == NULL)
        return false;
    scratch->residual = scratch->memory;
    scratch->levels = scratch->residual + floats;
    scratch->codes = (uint8_t *)(scratch->levels + floats);
    return true;
}

void
vec_quantize_scratch_free(VecQuantizeScratch *scratch, const VecAllocator *allocator)
{
    vec_memory_release(allocator, scratch->memory);
    *scratch = (VecQuantizeScratch){0};
}

/* What x is multiplied with before anything else: 1, or 1/|x| under cosine. 0: x cannot be coded. */
static float
input_scale(VecMetric metric, uint32_t dimensions, const float *x)
{
    if (metric != VEC_METRIC_COS)
        return 1.0f;

    double norm = vec_distance_norm_f32(x, dimensions);
    double inverse = 1.0 / norm;
    return norm > 0 && isfinite(norm) && inverse < FLT_MAX ? (float)inverse : 0.0f;
}

bool
vec_quantize_accumulate(VecMetric metric, uint32_t dimensions, const float *x, double *sums)
{
    float scale = input_scale(metric, dimensions, x);
    double norm = vec_distance_norm_f32(x, dimensions);

    if (scale == 0.0f || !(norm * norm <= NORM_SQ_MAX || metric == VEC_METRIC_COS))
        return false;
    for (uint32_t i = 0; i < dimensions; i++)
        sums[i] += (double)(x[i] * scale);
    return true;
}

/* residual = rotate(x * scale - mean); *norm_sq its square, *mean_dot = <residual, mean>. False: out of range. */
static bool
make_residual(const VecQuantizer *quantizer, const float *x, float *residual, float *norm_sq, float *mean_dot)
{
    uint32_t dimensions = quantizer->dimensions;
    float scale = input_scale(quantizer->metric, dimensions, x);

    if (scale == 0.0f)
        return false;
    for (uint32_t i = 0; i < dimensions; i++)
        residual[i] = x[i] * scale - quantizer->mean[i];
    *mean_dot = quantizer->metric == VEC_METRIC_L2
                    ? 0.0f
                    : quantizer->kernels->dot_f32(residual, quantizer->mean, dimensions);
    *norm_sq = quantizer->kernels->dot_f32(residual, residual, dimensions);
    if (*norm_sq == 0.0f) { /* all zero, or so small that the squares vanished */
        for (uint32_t i = 0; i < dimensions; i++) {
            if (residual[i] != 0.0f)
                return false;
        }
        return isfinite(*mean_dot);
    }
    /* written so that NaN is out of range */
    if (!(*norm_sq >= NORM_SQ_MIN && *norm_sq <= NORM_SQ_MAX && fabsf(*mean_dot) <= NORM_SQ_MAX))
        return false;
    vec_rotate_apply(&quantizer->rotation, residual);
    return true;
}

/*
 * levels[i] = the grid's integer nearest to residual[i] / step. The loops are plain so that compilers vectorize them; adding
 * half a grid first makes truncation round down, as SSE2 has no floor.
 */
static void
make_levels(uint32_t bits, uint32_t dimensions, const float *residual, float step, float *levels)
{
    float inverse = 1.0f / step;

    if (bits == 4) {
        for (uint32_t i = 0; i < dimensions; i++) {
            float t = residual[i] * inverse + 8.0f;
            t = t > 0.0f ? t : 0.0f;
            t = t < 15.5f ? t : 15.5f;
            levels[i] = (float)(2 * (int32_t)t - 15);
        }
    } else {
        for (uint32_t i = 0; i < dimensions; i++) {
            float t = residual[i] * inverse + 128.5f;
            t = t > 1.0f ? t : 1.0f;
            t = t < 255.0f ? t : 255.0f;
            levels[i] = (float)((int32_t)t - 128);
        }
    }
}

/* Tries steps and leaves the best grid in scratch->levels; *dot = <c, r>, *code_norm_sq = |c|^2. */
static void
choose_levels(const VecQuantizer *quantizer, VecQuantizeScratch *scratch, float norm_sq, float *dot,
              float *code_norm_sq)
{
    /* 4 bits: in units of the residual's rms, around the Gaussian optimum; the first serves very few dimensions */
    static const float steps_u4[] = {0.14f, 0.19f, 0.24f, 0.27f, 0.30f, 0.33f, 0.36f, 0.40f, 0.46f};
    /* 8 bits: in units of the largest element / 127; clipping pays only with heavy tails */
    static const float steps_u8[] = {0.6f, 0.8f, 1.0f};
    uint32_t dimensions = quantizer->dimensions;
    const float *steps = quantizer->bits == 4 ? steps_u4 : steps_u8;
    uint32_t step_count =
        quantizer->bits == 4 ? sizeof(steps_u4) / sizeof(float) : sizeof(steps_u8) / sizeof(float);
    float unit = sqrtf(norm_sq / (float)dimensions);
    float best_cosine = -1.0f, best_step = unit;

    if (quantizer->bits == 8) {
        unit = 0.0f;
        for (uint32_t i = 0; i < dimensions; i++)
            unit = fabsf(scratch->residual[i]) > unit ? fabsf(scratch->residual[i]) : unit;
        unit /= 127.0f;
    }
    for (uint32_t k = 0; k <= step_count; k++) {
        /* the last round makes the best one again */
        float step = k < step_count ? steps[k] * unit : best_step;

        make_levels(quantizer->bits, dimensions, scratch->residual, step, scratch->levels);
        *dot = quantizer->kernels->dot_f32(scratch->levels, scratch->residual, dimensions);
        *code_norm_sq = quantizer->kernels->dot_f32(scratch->levels, scratch->levels, dimensions);
        float cosine = *code_norm_sq > 0.0f ? *dot / sqrtf(*code_norm_sq) : -1.0f;
        if (k < step_count && cosine > best_cosine) {
            best_cosine = cosine;
            best_step = step;
        }
    }
}

static void
pack_levels(const VecQuantizer *quantizer, VecQuantizeScratch *scratch, uint8_t *code)
{
    uint32_t dimensions = quantizer->dimensions;

    if (quantizer->bits == 4) {
        for (uint32_t i = 0; i < dimensions; i++)
            scratch->codes[i] = (uint8_t)(((int32_t)scratch->levels[i] + 15) / 2);
        if (dimensions <= 64) /* only low nibbles are used: byte i holds code i, and the row may be short */
            memcpy(code, scratch->codes, dimensions);
        else
            vec_simd_pack_u4(scratch->codes, dimensions, code);
    } else {
        for (uint32_t i = 0; i < dimensions; i++)
            code[i] = (uint8_t)((int32_t)scratch->levels[i] + 128);
    }
}

bool
vec_quantize_row(const VecQuantizer *quantizer, const float *x, VecQuantizeScratch *scratch, uint8_t *code,
                 VecFactors *factors, VecQuantizerError *error)
{
    float norm_sq, mean_dot, dot = 0.0f, code_norm_sq = 0.0f;

    if (!make_residual(quantizer, x, scratch->residual, &norm_sq, &mean_dot))
        return false;
    factors->offset = quantizer->metric == VEC_METRIC_L2 ? norm_sq : -mean_dot;
    if (norm_sq == 0.0f) {
        for (uint32_t i = 0; i < quantizer->dimensions; i++)
            scratch->levels[i] = quantizer->bits == 4 ? 1.0f : 0.0f;
        factors->scale = 0.0f;
    } else {
        choose_levels(quantizer, scratch, norm_sq, &dot, &code_norm_sq);
        if (!(dot > 0.0f))
            return false;
        factors->scale = norm_sq / dot;

        float tangent_sq = code_norm_sq * norm_sq / (dot * dot) - 1.0f;
        float code_norm = sqrtf(code_norm_sq);
        float code_error = tangent_sq > 0.0f ? code_norm * sqrtf(tangent_sq) : 0.0f;
        error->code_norm_max = code_norm > error->code_norm_max ? code_norm : error->code_norm_max;
        error->code_error_max = code_error > error->code_error_max ? code_error : error->code_error_max;
    }
    pack_levels(quantizer, scratch, code);
    return true;
}

/* Fills in values from the residual; returns |s|^2 / <q8, s>, and tan(q8, s) in *tangent. */
static float
round_query(const VecKernels *kernels, uint32_t dimensions, VecQuantizeScratch *scratch, float norm_sq,
            int8_t *values, float *tangent)
{
    float largest = 0.0f;

    memset(values, 0, VEC_SIMD_QUERY_BYTES(dimensions));
    *tangent = 0.0f;
    if (norm_sq == 0.0f)
        return 0.0f;
    for (uint32_t i = 0; i < dimensions; i++)
        largest = fabsf(scratch->residual[i]) > largest ? fabsf(scratch->residual[i]) : largest;
    make_levels(8, dimensions, scratch->residual, largest / 127.0f, scratch->levels);
    for (uint32_t i = 0; i < dimensions; i++)
        values[i] = (int8_t)scratch->levels[i];

    float dot = kernels->dot_f32(scratch->levels, scratch->residual, dimensions);
    float level_norm_sq = kernels->dot_f32(scratch->levels, scratch->levels, dimensions);
    float tangent_sq = level_norm_sq * norm_sq / (dot * dot) - 1.0f;
    *tangent = tangent_sq > 0.0f ? sqrtf(tangent_sq) : 0.0f;
    return norm_sq / dot;
}

static void
finish_query(VecMetric metric, uint32_t bits, float step, int32_t sum, VecCodeQuery *query)
{
    query->scale = metric == VEC_METRIC_L2 ? -2.0f * step : -step;
    query->code_offset = bits == 4 ? 15 * sum : 128 * sum;
}

bool
vec_quantize_query(const VecQuantizer *quantizer, const VecQuantizerError *error, const float *x,
                   VecQuantizeScratch *scratch, VecCodeQuery *query)
{
    float norm_sq, mean_dot, tangent;
    int32_t sum = 0;

    if (!make_residual(quantizer, x, scratch->residual, &norm_sq, &mean_dot))
        return false;

    float step =
        round_query(quantizer->kernels, quantizer->dimensions, scratch, norm_sq, query->values, &tangent);
    for (uint32_t i = 0; i < quantizer->dimensions; i++)
        sum += query->values[i];
    finish_query(quantizer->metric, quantizer->bits, step, sum, query);
    /* <q, mean> = <q - mean, mean> + |mean|^2 */
    float mean_part = -(float)(mean_dot + quantizer->mean_norm_sq);
    query->constant = quantizer->metric == VEC_METRIC_L2    ? norm_sq
                      : quantizer->metric == VEC_METRIC_COS ? 1.0f + mean_part
                                                            : mean_part;

    /* row's and query's rounding are independent; a row's scale times |c| is |r| up to the cosine, so errors go with f */
    float row_error = error->code_error_max;
    float query_error = error->code_norm_max * tangent;
    float spread = sqrtf(row_error * row_error + query_error * query_error) /
                   sqrtf(quantizer->dimensions > 1 ? (float)(quantizer->dimensions - 1) : 1.0f);
    float bound = SIGMAS * spread + ERROR_FLOOR * error->code_norm_max;
    query->error = (quantizer->metric == VEC_METRIC_L2 ? 2.0f : 1.0f) * sqrtf(norm_sq) * bound;
    return true;
}

/*
 * Codes to signed bytes, eight at a time, whole blocks of 64: u - 128 is u with its highest bit turned; 2 u - 15 adds 113 to
 * at most 30, which carries into no neighbour, and turns the highest bit. What this writes beyond the dimensions is zeroed.
 */
static void
widen_codes(const VecCodes *codes, const uint8_t *code, int8_t *values)
{
    const uint64_t high = UINT64_C(0x8080808080808080), low_nibbles = UINT64_C(0x0f0f0f0f0f0f0f0f);
    const uint64_t add = UINT64_C(0x7171717171717171);
    uint64_t in[8], low[8], upper[8];

    for (uint32_t first = 0; first < codes->dimensions; first += codes->bits == 4 ? 128 : 64, code += 64) {
        memcpy(in, code, sizeof(in));
        if (codes->bits == 4) {
            for (int i = 0; i < 8; i++) {
                low[i] = (((in[i] & low_nibbles) << 1) + add) ^ high;
                upper[i] = (((in[i] >> 3) & (low_nibbles << 1)) + add) ^ high;
            }
            memcpy(values + first, low, sizeof(low));
            memcpy(values + first + 64, upper, sizeof(upper));
        } else {
            for (int i = 0; i < 8; i++)
                low[i] = in[i] ^ high;
            memcpy(values + first, low, sizeof(low));
        }
    }
    memset(values + codes->dimensions, 0, VEC_SIMD_QUERY_BYTES(codes->dimensions) - codes->dimensions);
}

void
vec_quantize_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query)
{
    const uint8_t *code = codes->codes + row * codes->stride_bytes;
    const VecFactors *factors = &codes->factors[row];
    uint32_t dimensions = codes->dimensions;
    int32_t sum; /* of the codes: a dot product with ones */

    widen_codes(codes, code, query->values);
    if (codes->bits == 4)
        sum = 2 * codes->kernels->dot_u4s8(code, codes->ones, dimensions) - 15 * (int32_t)dimensions;
    else
        sum = codes->kernels->dot_u8s8(code, codes->ones, dimensions) - 128 * (int32_t)dimensions;
    finish_query(codes->metric, codes->bits, factors->scale, sum, query);
    query->constant = codes->metric == VEC_METRIC_L2
                          ? factors->offset
                          : factors->offset - (float)codes->mean_norm_sq + (codes->metric == VEC_METRIC_COS);
    query->error = 0.0f;
}

static inline float
combine(const VecCodes *codes, const VecCodeQuery *query, uint32_t row, int32_t sum)
{
    int32_t signed_sum = (codes->bits == 4 ? 2 * sum : sum) - query->code_offset;

    return codes->factors[row].offset + codes->factors[row].scale * (query->scale * (float)signed_sum);
}

void
vec_quantize_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows, uint32_t count,
                       int32_t *sums, float *distances)
{
    if (codes->bits == 4)
        codes->kernels->dot_u4s8_batch(codes->codes, codes->stride_bytes, rows, count, query->values,
                                       codes->dimensions, sums);
    else
        codes->kernels->dot_u8s8_batch(codes->codes, codes->stride_bytes, rows, count, query->values,
                                       codes->dimensions, sums);
    for (uint32_t k = 0; k < count; k++)
        distances[k] = combine(codes, query, rows[k], sums[k]);
}

void
vec_quantize_distances_range(const VecCodes *codes, const VecCodeQuery *query, uint32_t first_row,
                             uint32_t count, int32_t *sums, float *distances)
{
    const uint8_t *first = codes->codes + first_row * codes->stride_bytes;

    if (codes->bits == 4)
        codes->kernels->dot_u4s8_batch(first, codes->stride_bytes, NULL, count, query->values,
                                       codes->dimensions, sums);
    else
        codes->kernels->dot_u8s8_batch(first, codes->stride_bytes, NULL, count, query->values,
                                       codes->dimensions, sums);
    for (uint32_t k = 0; k < count; k++)
        distances[k] = combine(codes, query, first_row + k, sums[k]);
}

float
vec_quantize_distance(const VecCodes *codes, const VecCodeQuery *query, uint32_t row)
{
    const uint8_t *code = codes->codes + row * codes->stride_bytes;
    int32_t sum = codes->bits == 4 ? codes->kernels->dot_u4s8(code, query->values, codes->dimensions)
                                   : codes->kernels->dot_u8s8(code, query->values, codes->dimensions);

    return combine(codes, query, row, sum);
}
