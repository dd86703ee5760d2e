/*
 * cells.c: which cell is near, and how near all are.
 */
#include "cells.h"

#include <float.h>

uint32_t
vec_cells_nearest(const VecKernels *kernels, uint32_t dimensions, const float *cells, uint32_t cell_count,
                  const float *x)
{
    float least = FLT_MAX;
    uint32_t nearest = 0;

    for (uint32_t cell = 0; cell < cell_count; cell++) {
        const float *mean = vec_cells_mean(cells, dimensions, cell);
        float distance = mean[-1] - 2.0f * kernels->dot_f32(mean, x, dimensions);

        if (distance < least) {
            least = distance;
            nearest = cell;
        }
    }
    return nearest;
}

void
vec_cells_score(const VecKernels *kernels, VecMetric metric, uint32_t dimensions, const float *cells,
                uint32_t cell_count, const float *x, VecCodeQuery *query)
{
    float weight = metric == VEC_METRIC_L2 ? 2.0f : 1.0f;

    for (uint32_t cell = 0; cell < cell_count; cell++) {
        const float *mean = vec_cells_mean(cells, dimensions, cell);
        float product = kernels->dot_f32(mean, x, dimensions), square = mean[-1];

        query->cell_parts[cell] = -weight * product;
        query->cell_weights[cell] = square > 0.0f ? weight * product / square : 0.0f;
    }
}
