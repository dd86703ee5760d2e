/*
 * codes.h: what stands for a row and is compared in its place: one interface over four kinds of code.
 *
 *     kind     element types   a row's code                                          distances
 *     SCALAR   F32, F16, I8    integers of 1 to 8 bits (quantize.h)                 estimates
 *     FLOATS   F32, F16, I8    the vector in full precision (floats.h)              exact but for the order of sums
 *     BITS     BIT             the bits themselves (bits.h)                          exact
 *     SPARSE   SPARSE          indexes, and values of 16 bits (sparse.h)             estimates, nearly exact
 *
 * Whoever walks a graph passes whole lists of rows, and the kind is looked at once a list. How codes are made of vectors is
 * coder.h's business.
 */
#ifndef VEC_CODES_H
#define VEC_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simd.h"
#include "vectors/allocator.h"
#include "vectors/distance.h"
#include "vectors/segment.h"

typedef enum VecCodeKind { VEC_CODE_SCALAR, VEC_CODE_FLOATS, VEC_CODE_BITS, VEC_CODE_SPARSE } VecCodeKind;

/*
 * Persisted beside the codes. SCALAR, SPARSE: distance = offset + scale * (what code and query give) + the query's constant.
 * BITS, where the metric wants it: offset is the number of bits set, scale 0.
 */
typedef struct VecFactors {
    float offset;
    float scale;
} VecFactors;

/* Of a SCALAR segment that codes residuals. */
#define VEC_CELLS_MAX 256

/* Persisted beside the codes of residuals: quantize.h. */
typedef struct VecRowCell {
    float shift;
    uint32_t cell; /* below VEC_CELLS_MAX wherever it is used: vec_row_cell */
} VecRowCell;

/* An array of coded rows: a view, nothing is owned. */
typedef struct VecCodes {
    const VecKernels *kernels;
    VecCodeKind kind;
    VecMetric metric;
    uint32_t dimensions;
    uint32_t bits; /* SCALAR: of an element */
    uint32_t row_count;
    size_t stride_bytes; /* from row to row; SPARSE: 0, starts says it */
    const uint8_t *codes;
    uint64_t code_bytes;
    const uint64_t *starts; /* SPARSE: row_count + 1 offsets into codes; each is checked where it is used */
    const VecFactors *factors;   /* NULL for codes that have none */
    double mean_norm_sq;         /* SCALAR */
    const VecRowCell *row_cells; /* SCALAR: of each row; NULL where there is but the mean */
    const float *cell_means;     /* 1 + dimensions floats a cell, as VecIvf has its centroids */
    uint32_t cell_count;
    const int8_t *ones; /* SCALAR: a query of `dimensions` ones; vec_codes_query_from_row needs it */
} VecCodes;

/* A vector as the other operand. */
typedef struct VecCodeQuery {
    const VecAllocator *allocator;
    int8_t *values;      /* SCALAR: VEC_SIMD_QUERY_BYTES(dimensions), zeros at the end */
    int32_t code_offset; /* SCALAR: what the sum must lose because stored codes are not negative */
    float scale;         /* SCALAR, SPARSE: of the sum */
    float constant;      /* to be added to what vec_codes_distances gives */
    float error;         /* times a row's factors.scale: how far the estimate may be off */
    float *cell_parts;   /* SCALAR with cells: [VEC_CELLS_MAX] what a cell adds to a row's distance */
    float *cell_weights; /* [VEC_CELLS_MAX] and what a row's shift is multiplied with */
    float *cell_errors;  /* [VEC_CELLS_MAX] stands in the place of error; zeros in a query made of a row */
    float cell_part_max; /* what no cell's part can be beyond, of which it is rounded */
    const uint8_t *bits; /* BITS: values, as bytes, or a row's code */
    uint32_t bit_count;
    const float *floats; /* FLOATS: the vector (of length 1 under cosine): the table, or a row's code */
    float *table; /* SPARSE: the vector spread out; all zero but for what `spread` lists. Cells: scratch */
    const uint8_t *spread; /* SPARSE: indexes of what is in the table: own_indexes, or a row's code */
    uint32_t spread_count;
    uint8_t *own_indexes;
    uint32_t own_capacity;
} VecCodeQuery;

/* A row's cell, whatever the file says. */
static inline uint32_t
vec_row_cell(const VecRowCell *row)
{
    return row->cell % VEC_CELLS_MAX;
}

VecCodeKind vec_codes_kind(VecElementType element_type, VecQuantization quantization);

/* Whether distances are the exact ones. */
static inline bool
vec_codes_are_exact(VecCodeKind kind)
{
    return kind == VEC_CODE_BITS;
}

/* Whether rows have factors. */
bool vec_codes_has_factors(VecCodeKind kind, VecMetric metric);

/* Bytes from row to row (SPARSE: 0), and bytes of row_count rows with what kernels read behind the last (not for SPARSE). */
size_t vec_codes_stride(VecCodeKind kind, uint32_t dimensions, uint32_t bits);
uint64_t vec_codes_bytes(VecCodeKind kind, uint32_t dimensions, uint32_t bits, uint64_t row_count);

/* A query of such codes. False: no memory. Free it in any case. */
bool vec_codes_query_init(VecCodeQuery *query, const VecCodes *codes, const VecAllocator *allocator);
void vec_codes_query_free(VecCodeQuery *query);

/* Bytes that comparing with a row reads; of SPARSE on average. */
static inline uint64_t
vec_codes_row_bytes(const VecCodes *codes)
{
    if (codes->kind != VEC_CODE_SPARSE)
        return codes->stride_bytes;
    return codes->row_count > 0 ? codes->code_bytes / codes->row_count + 1 : 1;
}

/* A row's code; NULL if the file puts it where it cannot be. */
const uint8_t *vec_codes_row(const VecCodes *codes, uint32_t row, size_t *bytes);

/* Whether nothing tells two rows apart. */
bool vec_codes_are_equal(const VecCodes *codes, uint32_t row, uint32_t other);

/* Makes a query of a coded row: distances between two rows, from codes alone. The codes must outlive the query. */
void vec_codes_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query);

/* distances[k] of rows[k], k < count, without the query's constant. sums is scratch of count integers. Rows are trusted. */
void vec_codes_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows,
                         uint32_t count, int32_t *sums, float *distances);

/* The same for the rows first_row + k. */
void vec_codes_distances_range(const VecCodes *codes, const VecCodeQuery *query, uint32_t first_row,
                               uint32_t count, int32_t *sums, float *distances);

/* One of the above, for where a batch would be of one. */
float vec_codes_distance(const VecCodes *codes, const VecCodeQuery *query, uint32_t row);

/* What a row's exact distance is not below (index.h says how surely), given its estimate with the constant. */
float vec_codes_lower_bound(const VecCodes *codes, const VecCodeQuery *query, uint32_t row, float estimate);

/* Asks for what the distance of a row will read first. */
static inline void
vec_codes_prefetch(const VecCodes *codes, uint32_t row)
{
    const uint8_t *code = codes->codes + row * codes->stride_bytes;

    for (size_t offset = 0; offset < codes->stride_bytes && offset < 1024; offset += 64)
        __builtin_prefetch(code + offset);
    if (codes->kind == VEC_CODE_SPARSE)
        __builtin_prefetch(&codes->starts[row]);
    if (codes->factors != NULL)
        __builtin_prefetch(&codes->factors[row]);
    if (codes->row_cells != NULL)
        __builtin_prefetch(&codes->row_cells[row]);
}

#endif
