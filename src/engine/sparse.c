/*
 * sparse.c: codes of sparse vectors; the formulas are in sparse.h.
 */
#include "sparse.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "memory.h"

#define LEVEL_MAX      32767.0f
#define NORM_SQ_MIN    1e-30
#define NORM_SQ_MAX    1e30
#define ELEMENT_BYTES  (sizeof(uint32_t) + sizeof(float)) /* of a vector, as it is given */
#define BLOCK          256 /* elements summed in float32 before the sum goes to a double */
#define ROWS_AHEAD     4
#define PREFETCH_BYTES 512

/* Half a level, and half as much again for the float arithmetic: at most 64 roundings of 2^-24 in a block, against 2^-16. */
#define ELEMENT_ERROR 0.75f

VecSparse
vec_sparse_view(const void *vector, size_t bytes)
{
    uint32_t count = (uint32_t)(bytes / ELEMENT_BYTES);

    return (VecSparse){vector, (const float *)vector + count, count};
}

bool
vec_sparse_check(uint32_t dimensions, const void *vector, size_t bytes)
{
    VecSparse view = vec_sparse_view(vector, bytes);

    if (bytes % ELEMENT_BYTES != 0 || bytes / ELEMENT_BYTES > dimensions)
        return false;
    for (uint32_t i = 0; i < view.count; i++) {
        if (view.index[i] >= dimensions || (i > 0 && view.index[i] <= view.index[i - 1]))
            return false;
    }
    return true;
}

size_t
vec_sparse_code_bytes(uint32_t dimensions, uint32_t count)
{
    return (count * (vec_sparse_index_bytes(dimensions) + sizeof(int16_t)) + 3) / 4 * 4;
}

uint64_t
vec_sparse_elements_max(uint32_t dimensions, uint64_t code_bytes)
{
    return code_bytes / (vec_sparse_index_bytes(dimensions) + sizeof(int16_t));
}

uint64_t
vec_sparse_code_bytes_max(uint32_t dimensions, uint64_t row_count, uint64_t vector_bytes)
{
    uint64_t elements = vector_bytes / ELEMENT_BYTES;

    return elements * (vec_sparse_index_bytes(dimensions) + sizeof(int16_t)) + 2 * row_count;
}

/* A power of two, so that any index of a damaged file is brought into it with a mask. */
size_t
vec_sparse_table_count(uint32_t dimensions)
{
    size_t count = 1;

    while (count < dimensions)
        count *= 2;
    return count;
}

/* Sums of the elements; false if no code can represent them. *scale is what they are to be multiplied with first. */
static bool
measure(VecMetric metric, VecSparse vector, float *scale, double *norm_sq, double *sum_absolute)
{
    *norm_sq = *sum_absolute = 0.0;
    for (uint32_t i = 0; i < vector.count; i++) {
        *norm_sq += (double)vector.x[i] * vector.x[i];
        *sum_absolute += fabs((double)vector.x[i]);
    }
    *scale = 1.0f;
    if (metric == VEC_METRIC_COS) {
        double inverse = 1.0 / sqrt(*norm_sq);

        /* written so that NaN fails */
        if (!(*norm_sq > 0.0 && inverse > NORM_SQ_MIN && inverse < NORM_SQ_MAX))
            return false;
        *scale = (float)inverse;
        *norm_sq = 1.0;
        *sum_absolute *= inverse;
    }
    return *norm_sq == 0.0 ? *sum_absolute == 0.0 : *norm_sq >= NORM_SQ_MIN && *norm_sq <= NORM_SQ_MAX;
}

static void
write_indexes(uint32_t dimensions, VecSparse vector, uint8_t *to)
{
    if (!vec_sparse_is_narrow(dimensions)) {
        memcpy(to, vector.index, vector.count * sizeof(uint32_t));
        return;
    }
    for (uint32_t i = 0; i < vector.count; i++) {
        uint16_t index = (uint16_t)vector.index[i];
        memcpy(to + i * sizeof(index), &index, sizeof(index));
    }
}

bool
vec_sparse_row(VecMetric metric, uint32_t dimensions, VecSparse vector, uint8_t *code, VecFactors *factors)
{
    uint8_t *levels = code + vector.count * vec_sparse_index_bytes(dimensions);
    size_t used = vector.count * (vec_sparse_index_bytes(dimensions) + sizeof(int16_t));
    float largest = 0.0f, scale;
    double norm_sq, sum_absolute;

    if (!measure(metric, vector, &scale, &norm_sq, &sum_absolute))
        return false;
    for (uint32_t i = 0; i < vector.count; i++)
        largest = fmaxf(largest, fabsf(vector.x[i] * scale));
    factors->offset = metric == VEC_METRIC_L2 ? (float)norm_sq : 0.0f;
    factors->scale = largest / LEVEL_MAX;
    write_indexes(dimensions, vector, code);
    for (uint32_t i = 0; i < vector.count; i++) {
        int16_t level = (int16_t)(largest > 0.0f ? lrintf(vector.x[i] * scale * (LEVEL_MAX / largest)) : 0);
        memcpy(levels + i * sizeof(level), &level, sizeof(level));
    }
    memset(code + used, 0, vec_sparse_code_bytes(dimensions, vector.count) - used);
    return true;
}

/* Takes the last vector out of the table. */
static void
wipe(VecCodeQuery *query, uint32_t dimensions)
{
    VecSparseCode spread = {query->spread, NULL, query->spread_count, vec_sparse_is_narrow(dimensions)};
    size_t mask = vec_sparse_table_count(dimensions) - 1;

    for (uint32_t i = 0; i < spread.count; i++)
        query->table[vec_sparse_index(&spread, i) & mask] = 0.0f;
    query->spread_count = 0;
}

static void
set_terms(VecMetric metric, float norm_sq, VecCodeQuery *query)
{
    query->scale = metric == VEC_METRIC_L2 ? -2.0f : -1.0f;
    query->constant = metric == VEC_METRIC_L2 ? norm_sq : metric == VEC_METRIC_COS ? 1.0f : 0.0f;
}

VecStatus
vec_sparse_query(VecMetric metric, uint32_t dimensions, VecSparse vector, VecCodeQuery *query)
{
    float scale;
    double norm_sq, sum_absolute;

    if (!measure(metric, vector, &scale, &norm_sq, &sum_absolute))
        return VEC_INVALID;
    wipe(query, dimensions);
    if (vector.count > query->own_capacity) {
        vec_memory_release(query->allocator, query->own_indexes);
        query->own_capacity = 0;
        query->own_indexes =
            vec_memory_allocate_raw(query->allocator, vector.count, vec_sparse_index_bytes(dimensions));
        if (query->own_indexes == NULL)
            return VEC_NO_MEMORY;
        query->own_capacity = vector.count;
    }
    if (vector.count > 0)
        write_indexes(dimensions, vector, query->own_indexes);
    query->spread = query->own_indexes;
    query->spread_count = vector.count;
    for (uint32_t i = 0; i < vector.count; i++)
        query->table[vector.index[i]] = vector.x[i] * scale;
    set_terms(metric, (float)norm_sq, query);
    query->error = -query->scale * ELEMENT_ERROR * (float)sum_absolute;
    return VEC_OK;
}

bool
vec_sparse_validate(const VecCodes *codes, uint32_t row)
{
    VecSparseCode code = vec_sparse_code(codes, row);
    uint32_t index_before = 0;

    if (codes->starts[row + 1] - codes->starts[row] != vec_sparse_code_bytes(codes->dimensions, code.count))
        return false;
    for (uint32_t i = 0; i < code.count; i++) {
        uint32_t index = vec_sparse_index(&code, i);

        if (index >= codes->dimensions || (i > 0 && index <= index_before))
            return false;
        index_before = index;
    }
    return true;
}

void
vec_sparse_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query)
{
    VecSparseCode code = vec_sparse_code(codes, row);
    size_t mask = vec_sparse_table_count(codes->dimensions) - 1;
    float scale = codes->factors[row].scale;

    wipe(query, codes->dimensions);
    for (uint32_t i = 0; i < code.count; i++)
        query->table[vec_sparse_index(&code, i) & mask] = scale * vec_sparse_level(&code, i);
    query->spread = code.indexes;
    query->spread_count = code.count;
    set_terms(codes->metric, codes->factors[row].offset, query);
    query->error = 0.0f;
}

/* <c, q>; four sums, so that no addition waits for the one before. */
static inline __attribute__((always_inline)) double
dot(VecSparseCode code, const float *table, size_t mask, bool is_narrow)
{
    double sum = 0.0;

    code.is_narrow = is_narrow; /* a constant in each copy of the loop */
    for (uint32_t first = 0; first < code.count; first += BLOCK) {
        uint32_t end = code.count - first < BLOCK ? code.count : first + BLOCK, i = first;
        float sums[4] = {0};

        for (; i + 4 <= end; i += 4) {
            for (uint32_t j = 0; j < 4; j++)
                sums[j] +=
                    (float)vec_sparse_level(&code, i + j) * table[vec_sparse_index(&code, i + j) & mask];
        }
        for (; i < end; i++)
            sums[0] += (float)vec_sparse_level(&code, i) * table[vec_sparse_index(&code, i) & mask];
        sum += (double)((sums[0] + sums[1]) + (sums[2] + sums[3]));
    }
    return sum;
}

static inline void
prefetch_code(const VecCodes *codes, uint32_t row)
{
    uint64_t start = codes->starts[row], end = codes->starts[row + 1];

    if (start > end || end > codes->code_bytes)
        return;
    if (end - start > PREFETCH_BYTES)
        end = start + PREFETCH_BYTES;
    for (uint64_t offset = start; offset < end; offset += 64)
        __builtin_prefetch(codes->codes + offset);
}

void
vec_sparse_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows,
                     uint32_t first_row, uint32_t count, float *distances)
{
    size_t mask = vec_sparse_table_count(codes->dimensions) - 1;

    for (uint32_t k = 0; k < count && k < ROWS_AHEAD && rows != NULL; k++)
        prefetch_code(codes, rows[k]);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t row = rows == NULL ? first_row + k : rows[k];
        VecSparseCode code = vec_sparse_code(codes, row);

        if (rows != NULL && k + ROWS_AHEAD < count)
            prefetch_code(codes, rows[k + ROWS_AHEAD]);
        double product =
            code.is_narrow ? dot(code, query->table, mask, true) : dot(code, query->table, mask, false);
        distances[k] =
            codes->factors[row].offset + codes->factors[row].scale * (query->scale * (float)product);
    }
}
