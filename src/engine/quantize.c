/*
 * quantize.c: encoding rows and queries, and distances on codes; the formulas are in quantize.h.
 *
 * A row's grid: 8 bits: c = u - 128, u in 1..255; b < 8 bits: c = 2u - (2^b - 1), u in 0..2^b - 1 (odd integers: no level is
 * wasted on 0; one bit is the sign). The step is chosen for each row by trying some and keeping the one whose code points most
 * nearly where the row does: clipping a few large elements is worth a finer grid for the others (for a Gaussian the best
 * 16-level grid has steps of 0.335 sigma).
 *
 * A row's bytes: 8 bits: a byte a code. 4 bits: nibbles, as simd.h packs them. Others: the highest four bits as nibbles, if
 * there are as many, then a plane of single bits for each that is left, the lowest first.
 *
 * Range: squares are float32. A residual whose square leaves [1e-30, 1e30] (except exactly 0) is not coded; the segment keeps
 * such rows by identity and the caller computes their distances exactly.
 */
#include "quantize.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "cells.h"
#include "memory.h"

#define NORM_SQ_MIN 1e-30f
#define NORM_SQ_MAX 1e30f

/* Of what a cell's mean leaves, which may be a thousandth of the row; and what part of a row's square is rounding. */
#define LEFT_NORM_SQ_MIN 1e-36f
#define ROUNDING_NORM_SQ 1e-12f

/*
 * Standard deviations between an estimate and its lower bound. RaBitQ's authors found 1.9 to miss next to nothing (Gao & Long 2024, section
 * 5.2.4), and so it is here: 3 finds no more of the true ten or a hundred, and looks at many more rows exactly. But a row beyond its bound is
 * given after one that is farther: of 2,000 queries for ten rows by 4 bits three had such a pair with 1.9, one with 2.2, none with 2.5. Below
 * 4 bits bounds are wide, and each tenth costs rows; at 8 bits 3 costs a tenth of a row, and rows are hardly ever given out of order.
 */
#define SIGMAS_BELOW_4_BITS 1.9f
#define SIGMAS_BELOW_8_BITS 2.2f
#define SIGMAS_8_BITS       3.0f

/* In lengths of the vectors; a mean of vectors that are about as long as one another has at most one. */
#define MEAN_LENGTH_MAX 2.0

/* Rounding of the float arithmetic itself, relative to the query: keeps bounds honest where codes are exact (d = 1). */
#define ERROR_FLOOR 1e-5f

/* Bytes of the nibbles; of up to 64 dimensions only the low ones are used, and byte i holds code i. */
static size_t
nibble_bytes(uint32_t dimensions, uint32_t bits)
{
    if (bits < 4 || bits == 8)
        return 0;
    return dimensions <= 64 ? dimensions : VEC_SIMD_U4_BYTES(dimensions);
}

static uint32_t
plane_count(uint32_t bits)
{
    return bits == 8 ? 0 : bits < 4 ? bits : bits - 4;
}

size_t
vec_quantize_stride(uint32_t dimensions, uint32_t bits)
{
    size_t used = bits == 8
                      ? dimensions
                      : nibble_bytes(dimensions, bits) + plane_count(bits) * VEC_SIMD_U1_BYTES(dimensions);
    size_t stride = 4;

    /* rows of a power of two bytes never straddle a cache line; longer ones begin on one */
    while (stride < used && stride < 64)
        stride *= 2;
    if (used > 64)
        stride = (used + 63) / 64 * 64;
    /* but what takes planes wants to be small: a quarter of a row's bytes costs more than the line that some rows touch too many */
    if (bits != 4 && bits != 8 && used > 16)
        stride = (used + 15) / 16 * 16;
    return stride;
}

size_t
vec_quantize_bytes(uint32_t dimensions, uint32_t bits, uint64_t row_count)
{
    return row_count * vec_quantize_stride(dimensions, bits) + 64;
}

size_t
vec_quantize_floats(uint32_t dimensions)
{
    return ((size_t)dimensions + 15) / 16 * 16;
}

bool
vec_quantize_init(VecQuantizer *quantizer, VecMetric metric, uint32_t dimensions, uint32_t bits,
                  const float *mean, uint32_t cell_count, uint64_t seed, const VecAllocator *allocator)
{
    *quantizer = (VecQuantizer){
        .kernels = vec_simd_kernels(),
        .metric = metric,
        .dimensions = dimensions,
        .bits = bits,
        .mean = mean,
        .cell_means = mean + dimensions,
        .cell_count = cell_count,
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
    size_t floats = vec_quantize_floats(dimensions);

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
vec_quantize_accumulate(VecMetric metric, uint32_t dimensions, const float *x, double *sums,
                        VecQuantizeLengths *lengths)
{
    float scale = input_scale(metric, dimensions, x);
    double norm = vec_distance_norm_f32(x, dimensions);

    if (scale == 0.0f || !(norm * norm <= NORM_SQ_MAX || metric == VEC_METRIC_COS))
        return false;
    for (uint32_t i = 0; i < dimensions; i++)
        sums[i] += (double)(x[i] * scale);
    norm *= (double)scale;
    if (norm * norm >= NORM_SQ_MIN) {
        lengths->log_sum += log(norm);
        lengths->count++;
    }
    return true;
}

void
vec_quantize_mean(uint32_t dimensions, const double *sums, uint64_t count, const VecQuantizeLengths *lengths,
                  float *mean)
{
    double norm_sq = 0.0, length = lengths->count > 0 ? exp(lengths->log_sum / (double)lengths->count) : 0.0;

    for (uint32_t i = 0; i < dimensions; i++) {
        mean[i] = count > 0 ? (float)(sums[i] / (double)count) : 0.0f;
        norm_sq += (double)mean[i] * mean[i];
    }
    if (sqrt(norm_sq) > MEAN_LENGTH_MAX * length)
        memset(mean, 0, dimensions * sizeof(float));
}

bool
vec_quantize_residual(const VecQuantizer *quantizer, const float *x, float *residual, float *norm_sq,
                      float *mean_dot)
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

/* The largest magnitude of finite floats, which without their signs are ordered as their bits are. */
static float
largest_magnitude(const float *x, uint32_t dimensions)
{
    int32_t largest = 0;
    float magnitude;

    for (uint32_t i = 0; i < dimensions; i++) {
        int32_t bits;

        memcpy(&bits, &x[i], sizeof(bits));
        bits &= INT32_MAX;
        largest = bits > largest ? bits : largest;
    }
    memcpy(&magnitude, &largest, sizeof(magnitude));
    return magnitude;
}

/*
 * levels[i] = the grid's integer nearest to residual[i] / step. The loops are plain so that compilers vectorize them; adding
 * half a grid first makes truncation round down, as SSE2 has no floor.
 */
static void
make_levels(uint32_t bits, uint32_t dimensions, const float *residual, float step, float *levels)
{
    float inverse = 1.0f / step;

    if (bits < 8) {
        const int32_t top = (1 << bits) - 1;
        const float half = (float)(1 << (bits - 1));

        for (uint32_t i = 0; i < dimensions; i++) {
            float t = residual[i] * inverse + half;
            t = t > 0.0f ? t : 0.0f;
            t = t < (float)top + 0.5f ? t : (float)top + 0.5f;
            levels[i] = (float)(2 * (int32_t)t - top);
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
    /* others below 8: the Gaussian optimum (Max 1960) in units of that of 4 bits; of a single bit any step gives the sign */
    static const float optimum[] = {[1] = 4.76f, 2.97f, 1.75f, 1.0f, 0.561f, 0.311f, 0.170f};
    /* 8 bits: in units of the largest element / 127; clipping pays only with heavy tails */
    static const float steps_u8[] = {0.6f, 0.8f, 1.0f};
    uint32_t dimensions = quantizer->dimensions;
    const float *steps = quantizer->bits < 8 ? steps_u4 : steps_u8;
    uint32_t step_count = quantizer->bits == 1  ? 1
                          : quantizer->bits < 8 ? sizeof(steps_u4) / sizeof(float)
                                                : sizeof(steps_u8) / sizeof(float);
    float unit = sqrtf(norm_sq / (float)dimensions) * (quantizer->bits < 8 ? optimum[quantizer->bits] : 1.0f);
    float best_cosine = -1.0f, best_step = unit;

    if (quantizer->bits == 8)
        unit = largest_magnitude(scratch->residual, dimensions) / 127.0f;
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
pack_plane(const uint8_t *codes, uint32_t dimensions, uint32_t plane, uint8_t *bits)
{
    memset(bits, 0, VEC_SIMD_U1_BYTES(dimensions));
    for (uint32_t i = 0; i < dimensions; i++)
        bits[i / 8] |= (uint8_t)((codes[i] >> plane & 1) << i % 8);
}

static void
pack_levels(const VecQuantizer *quantizer, VecQuantizeScratch *scratch, uint8_t *code)
{
    uint32_t dimensions = quantizer->dimensions, bits = quantizer->bits, planes = plane_count(bits);
    int32_t top = (1 << bits) - 1;
    uint8_t *plane_bytes = code + nibble_bytes(dimensions, bits);

    if (bits == 8) {
        for (uint32_t i = 0; i < dimensions; i++)
            code[i] = (uint8_t)((int32_t)scratch->levels[i] + 128);
        return;
    }
    for (uint32_t i = 0; i < dimensions; i++)
        scratch->codes[i] = (uint8_t)(((int32_t)scratch->levels[i] + top) / 2);
    for (uint32_t plane = 0; plane < planes; plane++)
        pack_plane(scratch->codes, dimensions, plane, plane_bytes + plane * VEC_SIMD_U1_BYTES(dimensions));
    if (bits < 4)
        return;
    for (uint32_t i = 0; i < dimensions; i++)
        scratch->codes[i] >>= planes;
    if (dimensions <= 64) /* the row may be short */
        memcpy(code, scratch->codes, dimensions);
    else
        vec_simd_pack_u4(scratch->codes, dimensions, code);
}

/* Takes the nearest cell's mean away from the residual, whose square becomes *norm_sq. False: out of range. */
static bool
leave_cell(const VecQuantizer *quantizer, float *residual, VecRowCell *cell, float *norm_sq)
{
    float before = *norm_sq;
    const float *mean;

    cell->shift = 0.0f;
    cell->cell = vec_cells_nearest(quantizer->kernels, quantizer->dimensions, quantizer->cell_means,
                                   quantizer->cell_count, residual);
    mean = vec_cells_mean(quantizer->cell_means, quantizer->dimensions, cell->cell);
    for (uint32_t i = 0; i < quantizer->dimensions; i++)
        residual[i] -= mean[i];
    *norm_sq = quantizer->kernels->dot_f32(residual, residual, quantizer->dimensions);
    if (*norm_sq <=
        before * ROUNDING_NORM_SQ) /* a mean of equal rows: what is left is nothing that a code could tell */
        *norm_sq = 0.0f;
    return *norm_sq == 0.0f || (*norm_sq >= LEFT_NORM_SQ_MIN && *norm_sq <= NORM_SQ_MAX);
}

/* scale <c, m> - <m, t>. */
static float
shift_of(const VecQuantizer *quantizer, const VecQuantizeScratch *scratch, uint32_t cell, float scale)
{
    const float *mean = vec_cells_mean(quantizer->cell_means, quantizer->dimensions, cell);

    return scale * quantizer->kernels->dot_f32(scratch->levels, mean, quantizer->dimensions) -
           quantizer->kernels->dot_f32(scratch->residual, mean, quantizer->dimensions);
}

bool
vec_quantize_row(const VecQuantizer *quantizer, const float *x, VecQuantizeScratch *scratch, uint8_t *code,
                 VecFactors *factors, VecRowCell *cell, VecQuantizerError *error)
{
    float norm_sq, mean_dot, dot = 0.0f, code_norm_sq = 0.0f;

    if (!vec_quantize_residual(quantizer, x, scratch->residual, &norm_sq, &mean_dot))
        return false;
    factors->offset = quantizer->metric == VEC_METRIC_L2 ? norm_sq : -mean_dot;
    if (quantizer->cell_count > 0 && !leave_cell(quantizer, scratch->residual, cell, &norm_sq))
        return false;
    if (norm_sq == 0.0f) {
        for (uint32_t i = 0; i < quantizer->dimensions; i++)
            scratch->levels[i] = quantizer->bits < 8 ? 1.0f : 0.0f;
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
        if (quantizer->cell_count > 0)
            cell->shift = shift_of(quantizer, scratch, cell->cell, factors->scale);
    }
    pack_levels(quantizer, scratch, code);
    return true;
}

/* Fills in values from the residual; returns |s|^2 / <q8, s>, and tan(q8, s) in *tangent. levels is scratch. */
static float
round_query(const VecKernels *kernels, uint32_t dimensions, const float *residual, float *levels,
            float norm_sq, int8_t *values, float *tangent)
{
    memset(values, 0, VEC_SIMD_QUERY_BYTES(dimensions));
    *tangent = 0.0f;
    if (norm_sq == 0.0f)
        return 0.0f;
    make_levels(8, dimensions, residual, largest_magnitude(residual, dimensions) / 127.0f, levels);
    for (uint32_t i = 0; i < dimensions; i++)
        values[i] = (int8_t)(int32_t)levels[i];

    float dot = kernels->dot_f32(levels, residual, dimensions);
    float level_norm_sq = kernels->dot_f32(levels, levels, dimensions);
    float tangent_sq = level_norm_sq * norm_sq / (dot * dot) - 1.0f;
    *tangent = tangent_sq > 0.0f ? sqrtf(tangent_sq) : 0.0f;
    return norm_sq / dot;
}

static int32_t
sum_of(const int8_t *values, uint32_t dimensions)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < dimensions; i++)
        sum += values[i];
    return sum;
}

static void
finish_query(VecMetric metric, uint32_t bits, float step, int32_t sum, VecCodeQuery *query)
{
    query->scale = metric == VEC_METRIC_L2 ? -2.0f * step : -step;
    query->code_offset = (bits < 8 ? (1 << bits) - 1 : 128) * sum;
}

/*
 * How far an estimate may be off, times a row's scale. away_sq: the square of the query's distance from where residuals begin. Row's and query's
 * rounding are independent; a row's scale times |c| is the length of what was coded up to the cosine, so errors go with f.
 */
static float
error_of(const VecQuantizer *quantizer, const VecQuantizerError *error, float away_sq, float norm_sq,
         float tangent)
{
    float row_error_sq = error->code_error_max * error->code_error_max * fmaxf(away_sq, 0.0f);
    float query_error_sq = error->code_norm_max * error->code_norm_max * tangent * tangent * norm_sq;
    float spread = sqrtf(row_error_sq + query_error_sq) /
                   sqrtf(quantizer->dimensions > 1 ? (float)(quantizer->dimensions - 1) : 1.0f);
    float sigmas = quantizer->bits < 4   ? SIGMAS_BELOW_4_BITS
                   : quantizer->bits < 8 ? SIGMAS_BELOW_8_BITS
                                         : SIGMAS_8_BITS;

    return (quantizer->metric == VEC_METRIC_L2 ? 2.0f : 1.0f) *
           (sigmas * spread + ERROR_FLOOR * error->code_norm_max * sqrtf(norm_sq));
}

static void
bound_cells(const VecQuantizer *quantizer, const VecQuantizerError *error, float norm_sq, float tangent,
            VecCodeQuery *query)
{
    float weight = quantizer->metric == VEC_METRIC_L2 ? 2.0f : 1.0f;

    query->cell_part_max = 0.0f;
    for (uint32_t cell = 0; cell < quantizer->cell_count; cell++) {
        float mean_sq = vec_cells_mean(quantizer->cell_means, quantizer->dimensions, cell)[-1];
        float part_max = weight * sqrtf(mean_sq * norm_sq);
        /* |s - p m|^2 = |s|^2 - p <m, s>, and the two are w p and -w <m, s> */
        float away_sq = norm_sq + query->cell_weights[cell] * query->cell_parts[cell] / (weight * weight);

        query->cell_errors[cell] = error_of(quantizer, error, away_sq, norm_sq, tangent);
        query->cell_part_max = part_max > query->cell_part_max ? part_max : query->cell_part_max;
    }
}

bool
vec_quantize_query(const VecQuantizer *quantizer, const VecQuantizerError *error, const float *x,
                   VecQuantizeScratch *scratch, VecCodeQuery *query)
{
    float norm_sq, mean_dot, tangent;

    if (!vec_quantize_residual(quantizer, x, scratch->residual, &norm_sq, &mean_dot))
        return false;

    float step = round_query(quantizer->kernels, quantizer->dimensions, scratch->residual, scratch->levels,
                             norm_sq, query->values, &tangent);
    finish_query(quantizer->metric, quantizer->bits, step, sum_of(query->values, quantizer->dimensions),
                 query);
    /* <q, mean> = <q - mean, mean> + |mean|^2 */
    float mean_part = -(float)(mean_dot + quantizer->mean_norm_sq);
    query->constant = quantizer->metric == VEC_METRIC_L2    ? norm_sq
                      : quantizer->metric == VEC_METRIC_COS ? 1.0f + mean_part
                                                            : mean_part;

    if (quantizer->cell_count == 0) {
        query->error = error_of(quantizer, error, norm_sq, norm_sq, tangent);
        return true;
    }
    vec_cells_score(quantizer->kernels, quantizer->metric, quantizer->dimensions, quantizer->cell_means,
                    quantizer->cell_count, scratch->residual, query);
    bound_cells(quantizer, error, norm_sq, tangent, query);
    return true;
}

/*
 * Codes of planes to signed bytes: a byte of a plane becomes eight bytes of 0 or 1, and 2 u - top is u doubled, 128 - top added, which carries
 * into no neighbour, and the highest bit turned.
 */
static void
widen_planes(const VecCodes *codes, const uint8_t *code, int8_t *values)
{
    const uint64_t each = UINT64_C(0x0101010101010101), bit_of_byte = UINT64_C(0x8040201008040201);
    uint32_t dimensions = codes->dimensions, planes = plane_count(codes->bits);
    const uint8_t *plane_bytes = code + nibble_bytes(dimensions, codes->bits);
    uint64_t add = (uint64_t)(129 - (1 << codes->bits)) * each;

    memset(values, 0, VEC_SIMD_QUERY_BYTES(dimensions));
    if (codes->bits > 4 && dimensions <= 64)
        memcpy(values, code, dimensions);
    else if (codes->bits > 4)
        vec_simd_unpack_u4(code, dimensions, (uint8_t *)values);
    for (uint32_t first = 0; first < dimensions; first += 8) {
        uint64_t eight;

        memcpy(&eight, values + first, sizeof(eight));
        for (uint32_t plane = planes; plane-- > 0;) {
            uint64_t bits =
                plane_bytes[plane * VEC_SIMD_U1_BYTES(dimensions) + first / 8] * each & bit_of_byte;

            eight = 2 * eight + ((bits + 0x7f * each) >> 7 & each);
        }
        eight = (2 * eight + add) ^ 0x80 * each;
        memcpy(values + first, &eight, sizeof(eight));
    }
    memset(values + dimensions, 0, VEC_SIMD_QUERY_BYTES(dimensions) - dimensions);
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

/* <u, q8> of one row. */
static int32_t
row_sum(const VecCodes *codes, const uint8_t *code, const int8_t *values)
{
    const VecKernels *kernels = codes->kernels;
    uint32_t dimensions = codes->dimensions, planes = plane_count(codes->bits);
    const uint8_t *plane_bytes = code + nibble_bytes(dimensions, codes->bits);
    int32_t sum;

    if (codes->bits == 8)
        return kernels->dot_u8s8(code, values, dimensions);
    sum = codes->bits >= 4 ? kernels->dot_u4s8(code, values, dimensions) : 0;
    for (uint32_t plane = planes; plane-- > 0;)
        sum = 2 * sum +
              kernels->dot_u1s8(plane_bytes + plane * VEC_SIMD_U1_BYTES(dimensions), values, dimensions);
    return sum;
}

/* K of a row. */
static float
constant_of_row(const VecCodes *codes, uint32_t row)
{
    float offset = codes->factors[row].offset;

    return codes->metric == VEC_METRIC_L2
               ? offset
               : offset - (float)codes->mean_norm_sq + (codes->metric == VEC_METRIC_COS);
}

static void
widen(const VecCodes *codes, const uint8_t *code, int8_t *values)
{
    if (codes->bits == 4 || codes->bits == 8)
        widen_codes(codes, code, values);
    else
        widen_planes(codes, code, values);
}

void
vec_quantize_decode(const VecCodes *codes, uint32_t row, VecCodeQuery *query, float *residual)
{
    float scale = codes->factors[row].scale;

    widen(codes, codes->codes + row * codes->stride_bytes, query->values);
    for (uint32_t i = 0; i < codes->dimensions; i++)
        residual[i] = scale * (float)query->values[i];
    if (codes->row_cells == NULL)
        return;
    /* read once: a file may say anything, and something else a moment later */
    uint32_t cell = __atomic_load_n(&codes->row_cells[row].cell, __ATOMIC_RELAXED);
    const float *mean =
        vec_cells_mean(codes->cell_means, codes->dimensions, cell < codes->cell_count ? cell : 0);
    for (uint32_t i = 0; i < codes->dimensions; i++)
        residual[i] += mean[i];
}

/* A row of a cell is no multiple of its code: it is rounded as a query is. */
static void
query_from_cell_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query)
{
    uint32_t dimensions = codes->dimensions;
    float *residual = query->table, *levels = residual + vec_quantize_floats(dimensions);
    float norm_sq, step, tangent;

    vec_quantize_decode(codes, row, query, residual);
    norm_sq = codes->kernels->dot_f32(residual, residual, dimensions);
    if (!(norm_sq >= LEFT_NORM_SQ_MIN && norm_sq <= NORM_SQ_MAX)) { /* in damaged files anything */
        norm_sq = 0.0f;
        memset(residual, 0, dimensions * sizeof(float));
    }
    step = round_query(codes->kernels, dimensions, residual, levels, norm_sq, query->values, &tangent);
    finish_query(codes->metric, codes->bits, step, sum_of(query->values, dimensions), query);
    vec_cells_score(codes->kernels, codes->metric, dimensions, codes->cell_means, codes->cell_count, residual,
                    query);
    query->constant = constant_of_row(codes, row);
    query->error = 0.0f;
    memset(query->cell_errors, 0, VEC_CELLS_MAX * sizeof(float));
}

void
vec_quantize_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query)
{
    const uint8_t *code = codes->codes + row * codes->stride_bytes;
    const VecFactors *factors = &codes->factors[row];
    uint32_t dimensions = codes->dimensions;
    int32_t sum; /* of the codes: a dot product with ones */

    if (codes->row_cells != NULL) {
        query_from_cell_row(codes, row, query);
        return;
    }
    widen(codes, code, query->values);
    sum = row_sum(codes, code, codes->ones);
    sum = codes->bits < 8 ? 2 * sum - ((1 << codes->bits) - 1) * (int32_t)dimensions
                          : sum - 128 * (int32_t)dimensions;
    finish_query(codes->metric, codes->bits, factors->scale, sum, query);
    query->constant = constant_of_row(codes, row);
    query->error = 0.0f;
}

static inline float
combine(const VecCodes *codes, const VecCodeQuery *query, uint32_t row, int32_t sum)
{
    int32_t signed_sum = (codes->bits < 8 ? 2 * sum : sum) - query->code_offset;

    return codes->factors[row].offset + codes->factors[row].scale * (query->scale * (float)signed_sum);
}

/* The parts of the rows' cells; rows NULL: of consecutive ones from the first. */
static void
add_cell_parts(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows, uint32_t first,
               uint32_t count, float *distances)
{
    for (uint32_t k = 0; codes->row_cells != NULL && k < count; k++) {
        const VecRowCell *row = &codes->row_cells[rows != NULL ? rows[k] : first + k];
        uint32_t cell = vec_row_cell(row);

        distances[k] += query->cell_parts[cell] + query->cell_weights[cell] * row->shift;
    }
}

/* sums[k] = <u, q8> of row k of the list (NULL: of consecutive rows), which begin at `first`. */
static void
batch_sums(const VecCodes *codes, const uint8_t *first, const uint32_t *rows, uint32_t count,
           const int8_t *values, int32_t *sums)
{
    switch (codes->bits) {
        case 8:
            codes->kernels->dot_u8s8_batch(first, codes->stride_bytes, rows, count, values, codes->dimensions,
                                           sums);
            break;
        case 4:
            codes->kernels->dot_u4s8_batch(first, codes->stride_bytes, rows, count, values, codes->dimensions,
                                           sums);
            break;
        case 1:
            codes->kernels->dot_u1s8_batch(first, codes->stride_bytes, rows, count, values, codes->dimensions,
                                           sums);
            break;
        default:
            for (uint32_t k = 0; k < count; k++) {
                if (rows != NULL && k + 4 < count)
                    __builtin_prefetch(first + rows[k + 4] * codes->stride_bytes);
                sums[k] = row_sum(codes, first + (rows != NULL ? rows[k] : k) * codes->stride_bytes, values);
            }
    }
}

void
vec_quantize_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows, uint32_t count,
                       int32_t *sums, float *distances)
{
    batch_sums(codes, codes->codes, rows, count, query->values, sums);
    for (uint32_t k = 0; k < count; k++)
        distances[k] = combine(codes, query, rows[k], sums[k]);
    add_cell_parts(codes, query, rows, 0, count, distances);
}

void
vec_quantize_distances_range(const VecCodes *codes, const VecCodeQuery *query, uint32_t first_row,
                             uint32_t count, int32_t *sums, float *distances)
{
    batch_sums(codes, codes->codes + first_row * codes->stride_bytes, NULL, count, query->values, sums);
    for (uint32_t k = 0; k < count; k++)
        distances[k] = combine(codes, query, first_row + k, sums[k]);
    add_cell_parts(codes, query, NULL, first_row, count, distances);
}

float
vec_quantize_distance(const VecCodes *codes, const VecCodeQuery *query, uint32_t row)
{
    const uint8_t *code = codes->codes + row * codes->stride_bytes;

    float distance = combine(codes, query, row, row_sum(codes, code, query->values));

    add_cell_parts(codes, query, &row, 0, 1, &distance);
    return distance;
}
