/*
 * bits.h: codes of bit vectors: the bits themselves, so that distances on codes are the exact ones.
 *
 *     metric    distance from the counts of both, row, query
 *     HAMMING   bits that differ
 *     DOT       -both
 *     COS       1 - both / sqrt(row query)
 *     JACCARD   1 - both / (row + query - both)
 *
 * The last two want the row's number of bits, which is its factors' offset.
 */
#ifndef VEC_BITS_H
#define VEC_BITS_H

#include "codes.h"

size_t vec_bits_bytes(uint32_t dimensions);
size_t vec_bits_stride(uint32_t dimensions);

/* Codes a vector into stride bytes; factors may be NULL where the metric wants none. False: no code can represent it. */
bool vec_bits_row(VecMetric metric, uint32_t dimensions, const uint8_t *bits, uint8_t *code,
                  VecFactors *factors);

/* Makes a query of a vector, which is copied. False as above. */
bool vec_bits_query(VecMetric metric, uint32_t dimensions, const uint8_t *bits, VecCodeQuery *query);

/* As the functions in codes.h; rows = NULL: first_row + k. */
void vec_bits_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query);
void vec_bits_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows,
                        uint32_t first_row, uint32_t count, int32_t *sums, float *distances);

#endif
