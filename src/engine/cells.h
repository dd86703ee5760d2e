/*
 * cells.h: a coarse quantizer (Jégou et al. 2011): the space of the residuals (quantize.h) in up to VEC_CELLS_MAX regions, each
 * around a mean. A cell is 1 + dimensions floats: the square of its mean, and the mean.
 *
 * Cells belong to the quantizer, as the mean of all rows does: segments that are to be merged share them, whatever the lists are
 * that each of them makes of its rows.
 */
#ifndef VEC_CELLS_H
#define VEC_CELLS_H

#include "quantize.h"
#include "vectors/status.h"

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

/* Cells for so many rows, where the sample may have so many bytes; 1 at least. */
uint32_t vec_cells_count(uint32_t dimensions, uint64_t row_count, uint64_t sample_bytes_max);

/* The cell whose mean is nearest to x; there must be one. */
uint32_t vec_cells_nearest(const VecQuantizer *quantizer, const float *x);

/* Fills in the query's part and weight of each cell, x being the query's residual. */
void vec_cells_score(const VecKernels *kernels, VecMetric metric, uint32_t dimensions, const float *cells,
                     uint32_t cell_count, const float *x, VecCodeQuery *query);

/* A sample of vectors, each as likely as any other to be in it, and k-means over it. */
typedef struct VecCellTraining VecCellTraining;

/* NULL: no memory. *allocator must outlive the training. */
VecCellTraining *vec_cells_create(uint32_t dimensions, uint32_t cell_count, uint64_t seed,
                                  const VecAllocator *allocator);
void vec_cells_free(VecCellTraining *training); /* NULL is legal */

void vec_cells_show(VecCellTraining *training, const float *x);

/*
 * Fills in the cells, which the quantizer's cell_means need not be yet; those that too few vectors were shown for are zero. VEC_NO_MEMORY and
 * VEC_INTERRUPTED: call again, with the same quantizer.
 */
VecStatus vec_cells_train(VecCellTraining *training, const VecQuantizer *quantizer, float *cells,
                          uint32_t thread_count, VecShouldStop should_stop, void *should_stop_context,
                          VecError *error) VEC_MUST_CHECK;

#endif
