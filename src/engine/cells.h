/*
 * cells.h: a coarse quantizer (Jégou et al. 2011): the space of the residuals (quantize.h) in up to VEC_CELLS_MAX regions, each
 * around a mean. A cell is 1 + dimensions floats: the square of its mean, and the mean.
 *
 * Cells belong to the quantizer, as the mean of all rows does: segments that are to be merged share them, whatever the lists are
 * that each of them makes of its rows. Where they come from is cells_train.h's business.
 */
#ifndef VEC_CELLS_H
#define VEC_CELLS_H

#include "codes.h"

static inline size_t
vec_cells_floats(uint32_t dimensions, uint32_t cell_count)
{
    return cell_count * ((size_t)dimensions + 1);
}

/* Of a cell; its square stands before it. */
static inline const float *
vec_cells_mean(const float *cells, uint32_t dimensions, uint32_t cell)
{
    return cells + vec_cells_floats(dimensions, cell) + 1;
}

/* The cell whose mean is nearest to x, or the list whose centroid is; there must be one. */
uint32_t vec_cells_nearest(const VecKernels *kernels, uint32_t dimensions, const float *cells,
                           uint32_t cell_count, const float *x);

/* Fills in the query's part and weight of each cell, x being the query's residual. */
void vec_cells_score(const VecKernels *kernels, VecMetric metric, uint32_t dimensions, const float *cells,
                     uint32_t cell_count, const float *x, VecCodeQuery *query);

#endif
