/*
 * bits.c: codes of bit vectors.
 */
#include "bits.h"

#include <string.h>

#include "vectors/distance_types.h"

size_t
vec_bits_bytes(uint32_t dimensions)
{
    return ((size_t)dimensions + 7) / 8;
}

/*
 * Up to 32 bytes a power of two, then multiples of 32: no row touches more cache lines than it would if it began on one (64 n
 * bytes at any multiple of 64, 64 n + 32 bytes at any multiple of 32), and 768 dimensions take 96 bytes instead of 128.
 */
size_t
vec_bits_stride(uint32_t dimensions)
{
    size_t used = vec_bits_bytes(dimensions), stride = 4;

    while (stride < used && stride < 32)
        stride *= 2;
    return used <= 32 ? stride : (used + 31) / 32 * 32;
}

/* A vector without a bit has no direction: its cosine distances are NaN, and no walk can be led by those. */
static bool
is_coded(VecMetric metric, uint32_t bit_count)
{
    return metric != VEC_METRIC_COS || bit_count > 0;
}

bool
vec_bits_row(VecMetric metric, uint32_t dimensions, const uint8_t *bits, uint8_t *code, VecFactors *factors)
{
    size_t bytes = vec_bits_bytes(dimensions);
    uint32_t bit_count = vec_distance_count_bits(bits, dimensions);

    if (!is_coded(metric, bit_count))
        return false;
    memcpy(code, bits, bytes);
    memset(code + bytes, 0, vec_bits_stride(dimensions) - bytes);
    if (factors != NULL)
        *factors = (VecFactors){.offset = (float)bit_count};
    return true;
}

bool
vec_bits_query(VecMetric metric, uint32_t dimensions, const uint8_t *bits, VecCodeQuery *query)
{
    query->bit_count = vec_distance_count_bits(bits, dimensions);
    memcpy(query->values, bits, vec_bits_bytes(dimensions));
    query->bits = (const uint8_t *)query->values;
    query->constant = 0.0f;
    return is_coded(metric, query->bit_count);
}

void
vec_bits_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query)
{
    query->bits = codes->codes + row * codes->stride_bytes;
    query->bit_count = codes->factors == NULL ? 0 : (uint32_t)codes->factors[row].offset;
    query->constant = 0.0f;
}

/* A count that a file gives: any number may stand there. */
static inline uint32_t
count_of(const VecCodes *codes, uint32_t row)
{
    float count = codes->factors[row].offset;

    return count >= 0.0f && count <= (float)codes->dimensions ? (uint32_t)count : codes->dimensions;
}

void
vec_bits_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows, uint32_t first_row,
                   uint32_t count, int32_t *sums, float *distances)
{
    const uint8_t *first = codes->codes + first_row * codes->stride_bytes;
    size_t bytes = vec_bits_bytes(codes->dimensions);

    if (codes->metric == VEC_METRIC_HAMMING) {
        codes->kernels->hamming_bits_batch(first, codes->stride_bytes, rows, count, query->bits, bytes, sums);
        for (uint32_t k = 0; k < count; k++)
            distances[k] = (float)sums[k];
        return;
    }
    codes->kernels->and_bits_batch(first, codes->stride_bytes, rows, count, query->bits, bytes, sums);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t row = rows == NULL ? first_row + k : rows[k];
        uint32_t bit_count = codes->factors == NULL ? 0 : count_of(codes, row);

        distances[k] = vec_distance_bit_counts(codes->metric, (uint32_t)sums[k], bit_count, query->bit_count);
    }
}
