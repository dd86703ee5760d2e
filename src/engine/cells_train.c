/*
 * cells_train.c: k-means as lists have it (ivf_build.c), over a sample in full precision.
 */
#include "cells_train.h"

#include "floats.h"
#include "ivf.h"
#include "memory.h"
#include "random.h"

#define CELL_ROWS 32 /* of the sample, for each cell */

struct VecCellTraining {
    const VecAllocator *allocator;
    uint32_t dimensions;
    uint32_t cell_count;
    uint64_t seed;
    size_t stride_bytes;
    uint8_t *sample; /* vectors, then their residuals, as codes of full precision have them */
    uint32_t capacity;
    uint32_t count;
    uint32_t residual_count; /* of the sample: they come first, the vectors not yet looked at last */
    uint64_t shown;
    float *residual;
    uint32_t *starts;
    uint32_t *rows;
    VecIvfBuild *build;
};

uint32_t
vec_cells_train_count(uint32_t dimensions, uint64_t row_count, uint64_t sample_bytes_max)
{
    uint64_t room = sample_bytes_max / vec_floats_stride(dimensions);
    uint64_t most = (row_count < room ? row_count : room) / CELL_ROWS;

    return most < 1 ? 1 : most < VEC_CELLS_MAX ? (uint32_t)most : VEC_CELLS_MAX;
}

VecCellTraining *
vec_cells_train_create(uint32_t dimensions, uint32_t cell_count, uint64_t seed, const VecAllocator *allocator)
{
    VecCellTraining *made = vec_memory_allocate(allocator, 1, sizeof(*made));

    if (made == NULL)
        return NULL;
    made->allocator = allocator;
    made->dimensions = dimensions;
    made->cell_count = cell_count;
    made->seed = seed;
    made->stride_bytes = vec_floats_stride(dimensions);
    made->capacity = cell_count * CELL_ROWS;
    made->sample = vec_memory_allocate(allocator, made->capacity, made->stride_bytes);
    made->residual = vec_memory_allocate_raw(allocator, dimensions, sizeof(float));
    made->starts = vec_memory_allocate_raw(allocator, (size_t)cell_count + 1, sizeof(uint32_t));
    made->rows = vec_memory_allocate_raw(allocator, made->capacity, sizeof(uint32_t));
    if (made->sample == NULL || made->residual == NULL || made->starts == NULL || made->rows == NULL) {
        vec_cells_train_free(made);
        return NULL;
    }
    return made;
}

void
vec_cells_train_free(VecCellTraining *training)
{
    if (training == NULL)
        return;
    vec_ivf_build_free(training->build);
    vec_memory_release(training->allocator, training->sample);
    vec_memory_release(training->allocator, training->residual);
    vec_memory_release(training->allocator, training->starts);
    vec_memory_release(training->allocator, training->rows);
    vec_memory_release(training->allocator, training);
}

static float *
sampled(const VecCellTraining *training, uint32_t number)
{
    return (float *)(training->sample + number * training->stride_bytes);
}

/* The n-th vector takes one of the places with a probability of capacity / n (reservoir sampling: Vitter 1985, algorithm R). */
void
vec_cells_train_show(VecCellTraining *training, const float *x)
{
    uint64_t place = training->count;

    if (training->count < training->capacity)
        training->count++;
    else
        place = vec_random_at(training->seed, training->shown) % (training->shown + 1);
    training->shown++;
    if (place < training->count)
        memcpy(sampled(training, (uint32_t)place), x, training->dimensions * sizeof(float));
}

/* The next vector becomes its residual; one that has none gives its place to the last. */
static void
take_residual(VecCellTraining *training, const VecQuantizer *quantizer)
{
    float *place = sampled(training, training->residual_count), norm_sq, mean_dot;
    bool has_residual = vec_quantize_residual(quantizer, place, training->residual, &norm_sq, &mean_dot);
    const float *taken = has_residual ? training->residual : sampled(training, --training->count);

    memcpy(place, taken, training->dimensions * sizeof(float));
    training->residual_count += has_residual;
}

static VecStatus
begin(VecCellTraining *training, const VecQuantizer *quantizer, float *cells, uint32_t thread_count,
      VecError *error)
{
    uint32_t most = training->count / CELL_ROWS;
    VecIvfBuildOptions options = {
        .list_count = most < 1                      ? 1
                      : most < training->cell_count ? most
                                                    : training->cell_count,
        .seed = training->seed,
        .thread_count = thread_count,
    };
    VecCodes codes = {
        .kernels = quantizer->kernels,
        .kind = VEC_CODE_FLOATS,
        .metric = VEC_METRIC_L2,
        .dimensions = training->dimensions,
        .row_count = training->count,
        .stride_bytes = training->stride_bytes,
        .codes = training->sample,
        .code_bytes = training->count * training->stride_bytes,
    };

    memset(cells, 0, vec_cells_floats(training->dimensions, training->cell_count) * sizeof(float));
    return vec_ivf_build_begin(&codes, &options, cells, training->starts, training->rows, training->allocator,
                               &training->build, error);
}

VecStatus
vec_cells_train_run(VecCellTraining *training, const VecQuantizer *quantizer, float *cells,
                    uint32_t thread_count, VecShouldStop should_stop, void *should_stop_context,
                    VecError *error)
{
    VecStatus status;

    while (training->residual_count < training->count) {
        take_residual(training, quantizer);
        if (should_stop != NULL &&
            should_stop(should_stop_context, training->residual_count, training->count))
            return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
    }
    if (training->build == NULL &&
        (status = begin(training, quantizer, cells, thread_count, error)) != VEC_OK)
        return status;
    return vec_ivf_build_run(training->build, should_stop, should_stop_context, error);
}
