/*
 * cells_train.h: where the means of cells come from: k-means over a sample of the vectors.
 */
#ifndef VEC_CELLS_TRAIN_H
#define VEC_CELLS_TRAIN_H

#include "cells.h"
#include "quantize.h"
#include "vectors/status.h"

/* Cells for so many rows, where the sample may have so many bytes; 1 at least. */
uint32_t vec_cells_train_count(uint32_t dimensions, uint64_t row_count, uint64_t sample_bytes_max);

/* A sample of vectors, each as likely as any other to be in it, and k-means over it. */
typedef struct VecCellTraining VecCellTraining;

/* NULL: no memory. *allocator must outlive the training. */
VecCellTraining *vec_cells_train_create(uint32_t dimensions, uint32_t cell_count, uint64_t seed,
                                        const VecAllocator *allocator);
void vec_cells_train_free(VecCellTraining *training); /* NULL is legal */

void vec_cells_train_show(VecCellTraining *training, const float *x);

/*
 * Fills in the cells, which the quantizer's cell_means need not be yet; those that too few vectors were shown for are zero. VEC_NO_MEMORY and
 * VEC_INTERRUPTED: call again, with the same quantizer.
 */
VecStatus vec_cells_train_run(VecCellTraining *training, const VecQuantizer *quantizer, float *cells,
                              uint32_t thread_count, VecShouldStop should_stop, void *should_stop_context,
                              VecError *error) VEC_MUST_CHECK;

#endif
