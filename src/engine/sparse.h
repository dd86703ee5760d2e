/*
 * sparse.h: codes of sparse vectors: their indexes as they are, their elements as 16-bit integers.
 *
 * A row of n elements is index[n], then int16_t c[n]; indexes take two bytes each up to 65,536 dimensions, else four. Its
 * elements are x ~ f c (x of length 1 under cosine), f = max |x| / 32767, and against a query q
 *
 *     distance(x, q) = a + K + f (scale <c, q>)
 *
 *     metric   a        K        scale
 *     L2       |x|^2    |q|^2    -2
 *     DOT      0        0        -1
 *     COS      0        1        -1
 *
 * The query stays float32, spread out into a table over all dimensions: <c, q> then is a pass over the row alone. Merging two
 * lists of indexes costs a mispredicted branch for nearly every element; the table is read at random, but rows share their
 * frequent indexes, so that it is served by the cache even where it does not fit.
 *
 * No element is off by more than f / 2, so <x, q> is off by at most f / 2 * (sum of |q_i|): a bound, not an estimate of one. With
 * 8 bits it would be 258 times as wide: rows cost a quarter less memory, but hundreds of candidates had to be looked at exactly.
 */
#ifndef VEC_SPARSE_H
#define VEC_SPARSE_H

#include <string.h>

#include "codes.h"
#include "vectors/distance_types.h"
#include "vectors/status.h"

/* Whether bytes are those of a sparse vector (vectors/segment.h) of so many dimensions; if so, what they hold. */
bool vec_sparse_check(uint32_t dimensions, const void *vector, size_t bytes);
VecSparse vec_sparse_view(const void *vector, size_t bytes);

/* Bytes of the code of count elements, a multiple of 4; and at most, for vectors of so many bytes together. */
size_t vec_sparse_code_bytes(uint32_t dimensions, uint32_t count);
uint64_t vec_sparse_code_bytes_max(uint32_t dimensions, uint64_t row_count, uint64_t vector_bytes);

/* Elements that codes of so many bytes hold at most. */
uint64_t vec_sparse_elements_max(uint32_t dimensions, uint64_t code_bytes);

/* Elements of a query's table. */
size_t vec_sparse_table_count(uint32_t dimensions);

/* Codes a vector into vec_sparse_code_bytes bytes. False: no code can represent it. */
bool vec_sparse_row(VecMetric metric, uint32_t dimensions, VecSparse vector, uint8_t *code,
                    VecFactors *factors);

/* A row's code, to be read with the functions below. */
typedef struct VecSparseCode {
    const uint8_t *indexes;
    const uint8_t *levels;
    uint32_t count;
    bool is_narrow;
} VecSparseCode;

static inline bool
vec_sparse_is_narrow(uint32_t dimensions)
{
    return dimensions <= 65536;
}

static inline size_t
vec_sparse_index_bytes(uint32_t dimensions)
{
    return vec_sparse_is_narrow(dimensions) ? sizeof(uint16_t) : sizeof(uint32_t);
}

static inline uint32_t
vec_sparse_index(const VecSparseCode *code, uint32_t i)
{
    uint32_t wide;
    uint16_t narrow;

    if (code->is_narrow) {
        memcpy(&narrow, code->indexes + i * sizeof(narrow), sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, code->indexes + i * sizeof(wide), sizeof(wide));
    return wide;
}

static inline int16_t
vec_sparse_level(const VecSparseCode *code, uint32_t i)
{
    int16_t level;

    memcpy(&level, code->levels + i * sizeof(level), sizeof(level));
    return level;
}

/* Whatever a file says, the code lies within the codes: a row whose place is impossible has no elements. */
static inline VecSparseCode
vec_sparse_code(const VecCodes *codes, uint32_t row)
{
    uint64_t start = codes->starts[row], end = codes->starts[row + 1];
    size_t width = vec_sparse_index_bytes(codes->dimensions);
    VecSparseCode code = {codes->codes, codes->codes, 0, vec_sparse_is_narrow(codes->dimensions)};

    if (start > end || end > codes->code_bytes ||
        (end - start) / (width + sizeof(int16_t)) > codes->dimensions)
        return code;
    code.count = (uint32_t)((end - start) / (width + sizeof(int16_t)));
    code.indexes = codes->codes + start;
    code.levels = code.indexes + code.count * width;
    return code;
}

/* Makes a query of a vector. VEC_INVALID: no code can represent it. VEC_NO_MEMORY. */
VecStatus vec_sparse_query(VecMetric metric, uint32_t dimensions, VecSparse vector,
                           VecCodeQuery *query) VEC_MUST_CHECK;

/* Whether a row of a file has a code within the codes, and indexes that ascend below the dimensions. */
bool vec_sparse_validate(const VecCodes *codes, uint32_t row);

/* As the functions in codes.h; rows = NULL: first_row + k. */
void vec_sparse_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query);
void vec_sparse_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows,
                          uint32_t first_row, uint32_t count, float *distances);

#endif
