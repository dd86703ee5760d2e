/*
 * floats.h: codes of full precision: the vector itself in float32, of length 1 under cosine.
 *
 *     metric    distance
 *     L2        |x - q|^2
 *     DOT       -<x, q>
 *     COS       1 - <x, q>
 *
 * Estimates differ from the exact distances by the rounding of float sums alone. They cost four bytes a dimension and serve where
 * no rerank is wanted to count, and as what the other codes are measured against.
 */
#ifndef VEC_FLOATS_H
#define VEC_FLOATS_H

#include "codes.h"
#include "quantize.h"

size_t vec_floats_stride(uint32_t dimensions);

/* Codes a vector into stride bytes, and widens *error by it. False: no code can represent it. */
bool vec_floats_row(VecMetric metric, uint32_t dimensions, const float *x, uint8_t *code,
                    VecQuantizerError *error);

/* Makes a query of a vector, which is copied. False as above. */
bool vec_floats_query(VecMetric metric, uint32_t dimensions, const VecQuantizerError *error, const float *x,
                      VecCodeQuery *query);

/* As the functions in codes.h; rows = NULL: first_row + k. */
void vec_floats_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query);
void vec_floats_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows,
                          uint32_t first_row, uint32_t count, float *distances);

#endif
