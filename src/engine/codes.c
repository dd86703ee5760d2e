/*
 * codes.c: which kind of code does what.
 */
#include "codes.h"

#include <math.h>

#include "bits.h"
#include "floats.h"
#include "memory.h"
#include "quantize.h"
#include "sparse.h"

/* Float arithmetic of an estimate, relative to its parts. */
#define ROUNDING 1e-6f

VecCodeKind
vec_codes_kind(VecElementType element_type, VecQuantization quantization)
{
    return element_type == VEC_TYPE_BIT               ? VEC_CODE_BITS
           : element_type == VEC_TYPE_SPARSE          ? VEC_CODE_SPARSE
           : quantization == VEC_QUANTIZATION_TRIVIAL ? VEC_CODE_FLOATS
                                                      : VEC_CODE_SCALAR;
}

bool
vec_codes_has_factors(VecCodeKind kind, VecMetric metric)
{
    if (kind == VEC_CODE_BITS)
        return metric == VEC_METRIC_COS || metric == VEC_METRIC_JACCARD;
    return kind != VEC_CODE_FLOATS;
}

size_t
vec_codes_stride(VecCodeKind kind, uint32_t dimensions, uint32_t bits)
{
    switch (kind) {
        case VEC_CODE_SCALAR:
            return vec_quantize_stride(dimensions, bits);
        case VEC_CODE_FLOATS:
            return vec_floats_stride(dimensions);
        case VEC_CODE_BITS:
            return vec_bits_stride(dimensions);
        case VEC_CODE_SPARSE:
            break;
    }
    return 0;
}

uint64_t
vec_codes_bytes(VecCodeKind kind, uint32_t dimensions, uint32_t bits, uint64_t row_count)
{
    uint64_t slack = kind == VEC_CODE_SCALAR ? 64 : 0;

    return row_count * vec_codes_stride(kind, dimensions, bits) + slack;
}

static bool
init_cells(VecCodeQuery *query, uint32_t dimensions)
{
    query->table = vec_memory_allocate(query->allocator, vec_quantize_floats(dimensions), 2 * sizeof(float));
    query->cell_parts = vec_memory_allocate(query->allocator, VEC_CELLS_MAX, 3 * sizeof(float));
    if (query->table == NULL || query->cell_parts == NULL)
        return false;
    query->cell_weights = query->cell_parts + VEC_CELLS_MAX;
    query->cell_errors = query->cell_weights + VEC_CELLS_MAX;
    return true;
}

bool
vec_codes_query_init(VecCodeQuery *query, const VecCodes *codes, const VecAllocator *allocator)
{
    uint32_t dimensions = codes->dimensions;

    *query = (VecCodeQuery){.allocator = allocator};
    switch (codes->kind) {
        case VEC_CODE_SCALAR:
            query->values = vec_memory_allocate(allocator, VEC_SIMD_QUERY_BYTES(dimensions), 1);
            return query->values != NULL && (codes->row_cells == NULL || init_cells(query, dimensions));
        case VEC_CODE_FLOATS:
            query->table = vec_memory_allocate(allocator, dimensions, sizeof(float));
            return query->table != NULL;
        case VEC_CODE_BITS:
            query->values = vec_memory_allocate(allocator, vec_bits_bytes(dimensions), 1);
            return query->values != NULL;
        case VEC_CODE_SPARSE:
            query->table = vec_memory_allocate(allocator, vec_sparse_table_count(dimensions), sizeof(float));
            return query->table != NULL;
    }
    return false;
}

void
vec_codes_query_free(VecCodeQuery *query)
{
    if (query->allocator == NULL)
        return;
    vec_memory_release(query->allocator, query->values);
    vec_memory_release(query->allocator, query->cell_parts);
    vec_memory_release(query->allocator, query->table);
    vec_memory_release(query->allocator, query->own_indexes);
    *query = (VecCodeQuery){0};
}

const uint8_t *
vec_codes_row(const VecCodes *codes, uint32_t row, size_t *bytes)
{
    uint64_t start = row * codes->stride_bytes;

    *bytes = codes->stride_bytes;
    if (codes->kind == VEC_CODE_SPARSE) {
        if (!vec_sparse_validate(codes, row))
            return NULL;
        start = codes->starts[row];
        *bytes = (size_t)(codes->starts[row + 1] - start);
    }
    return codes->codes + start;
}

/* The factors, which a walk has just read, tell almost all. */
bool
vec_codes_are_equal(const VecCodes *codes, uint32_t row, uint32_t other)
{
    size_t bytes, other_bytes;
    const uint8_t *code, *other_code;

    if (codes->factors != NULL && (codes->factors[row].offset != codes->factors[other].offset ||
                                   codes->factors[row].scale != codes->factors[other].scale))
        return false;
    code = vec_codes_row(codes, row, &bytes);
    other_code = vec_codes_row(codes, other, &other_bytes);
    return code != NULL && other_code != NULL && bytes == other_bytes && memcmp(code, other_code, bytes) == 0;
}

void
vec_codes_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query)
{
    switch (codes->kind) {
        case VEC_CODE_SCALAR:
            vec_quantize_query_from_row(codes, row, query);
            break;
        case VEC_CODE_FLOATS:
            vec_floats_query_from_row(codes, row, query);
            break;
        case VEC_CODE_BITS:
            vec_bits_query_from_row(codes, row, query);
            break;
        case VEC_CODE_SPARSE:
            vec_sparse_query_from_row(codes, row, query);
            break;
    }
}

void
vec_codes_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows, uint32_t count,
                    int32_t *sums, float *distances)
{
    switch (codes->kind) {
        case VEC_CODE_SCALAR:
            vec_quantize_distances(codes, query, rows, count, sums, distances);
            break;
        case VEC_CODE_FLOATS:
            vec_floats_distances(codes, query, rows, 0, count, distances);
            break;
        case VEC_CODE_BITS:
            vec_bits_distances(codes, query, rows, 0, count, sums, distances);
            break;
        case VEC_CODE_SPARSE:
            vec_sparse_distances(codes, query, rows, 0, count, distances);
            break;
    }
}

void
vec_codes_distances_range(const VecCodes *codes, const VecCodeQuery *query, uint32_t first_row,
                          uint32_t count, int32_t *sums, float *distances)
{
    switch (codes->kind) {
        case VEC_CODE_SCALAR:
            vec_quantize_distances_range(codes, query, first_row, count, sums, distances);
            break;
        case VEC_CODE_FLOATS:
            vec_floats_distances(codes, query, NULL, first_row, count, distances);
            break;
        case VEC_CODE_BITS:
            vec_bits_distances(codes, query, NULL, first_row, count, sums, distances);
            break;
        case VEC_CODE_SPARSE:
            vec_sparse_distances(codes, query, NULL, first_row, count, distances);
            break;
    }
}

float
vec_codes_distance(const VecCodes *codes, const VecCodeQuery *query, uint32_t row)
{
    float distance = NAN;
    int32_t sum;

    if (codes->kind == VEC_CODE_SCALAR)
        return vec_quantize_distance(codes, query, row);
    vec_codes_distances(codes, query, &row, 1, &sum, &distance);
    return distance;
}

float
vec_codes_lower_bound(const VecCodes *codes, const VecCodeQuery *query, uint32_t row, float estimate)
{
    const VecFactors *factors = codes->factors + row;

    if (vec_codes_are_exact(codes->kind))
        return estimate;
    if (codes->kind == VEC_CODE_FLOATS)
        return estimate - query->error;
    if (codes->row_cells != NULL) {
        uint32_t cell = vec_row_cell(&codes->row_cells[row]);

        return estimate - query->cell_errors[cell] * factors->scale -
               ROUNDING * (fabsf(factors->offset) + fabsf(query->constant) + query->cell_part_max);
    }
    return estimate - query->error * factors->scale -
           ROUNDING * (fabsf(factors->offset) + fabsf(query->constant));
}
