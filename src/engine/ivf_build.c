/*
 * ivf_build.c: k-means over codes, and the lists.
 *
 * Lloyd's iterations over an even sample of the rows; the first centroids by k-means++ (Arthur & Vassilvitskii 2007) on a smaller
 * sample, or random rows where there are too many lists for that, or where distances may be negative (DOT). A list that
 * gets no row begins again at a random row of the sample: large lists are hit more often, so they are split. Then every row goes to its
 * nearest centroid, by Euclidean distance in the space of the codes, whatever the metric.
 *
 * The assignment, rows times lists, is all the work, and is done by threads that take rows from a counter. No step reads what it
 * writes, so that one that was interrupted is done again from its beginning, with the same result.
 */
#include <assert.h>
#include <float.h>
#include <sched.h>
#include <stdatomic.h>

#include "cells.h"
#include "ivf.h"
#include "memory.h"
#include "quantize.h"
#include "random.h"
#include "threads.h"

#define ITERATIONS      6
#define SAMPLE_ROWS     32 /* a list */
#define START_ROWS      8  /* a list, of which k-means++ chooses */
#define START_LISTS_MAX 4096
#define ROWS_PER_TASK   16
#define POLL_LISTS      64
#define START_BATCH     64
#define POLL_ROWS       ((uint32_t)1 << 18) /* each a cache miss or two */

typedef enum IvfStep { STEP_START, STEP_ITERATE, STEP_UPDATE, STEP_ASSIGN, STEP_FINISH, STEP_DONE } IvfStep;

struct VecIvfBuild {
    const VecAllocator *allocator;
    VecCodes codes;
    VecIvfBuildOptions options;
    float *centroids;
    uint32_t *starts;
    uint32_t *rows;
    uint32_t *assigned; /* [sample] list */
    int8_t *ones;
    IvfStep step;
    uint32_t iteration;
    uint32_t lists_started;
    uint32_t sample_count; /* of the assignment under way: even over all rows */
    atomic_uint_fast64_t next;
    atomic_uint_fast64_t done;
    atomic_bool stop;
    VecShouldStop should_stop;
    void *should_stop_context;
};

typedef struct IvfWorker {
    VecIvfBuild *build;
    VecCodeQuery query;
    float *floats;
    pthread_t thread;
    bool is_caller;
} IvfWorker;

static uint32_t
sampled_row(const VecIvfBuild *build, uint32_t sample)
{
    return (uint32_t)((uint64_t)sample * build->codes.row_count / build->sample_count);
}

static float *
centroid_of(const VecIvfBuild *build, uint32_t list)
{
    return build->centroids + (uint64_t)list * (build->codes.dimensions + 1);
}

static bool
is_stopped(VecIvfBuild *build)
{
    if (build->should_stop != NULL &&
        build->should_stop(build->should_stop_context, atomic_load(&build->done), build->sample_count))
        atomic_store(&build->stop, true);
    return atomic_load(&build->stop);
}

static VecStatus
interrupted(VecError *error)
{
    return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
}

static bool
worker_init(IvfWorker *worker, VecIvfBuild *build)
{
    *worker = (IvfWorker){.build = build};
    worker->floats = vec_memory_allocate_raw(build->allocator, build->codes.dimensions, sizeof(float));
    return vec_codes_query_init(&worker->query, &build->codes, build->allocator) && worker->floats != NULL;
}

static void
worker_free(IvfWorker *worker)
{
    vec_codes_query_free(&worker->query);
    if (worker->build != NULL)
        vec_memory_release(worker->build->allocator, worker->floats);
}

/* Sets a centroid's part without the query, which here is |c|^2 whatever the metric: what assignments want. */
static void
finish_centroid(const VecIvfBuild *build, float *centroid)
{
    centroid[0] = build->codes.kernels->dot_f32(centroid + 1, centroid + 1, build->codes.dimensions);
}

static void
start_at_row(VecIvfBuild *build, IvfWorker *worker, uint32_t list, uint32_t row)
{
    float *centroid = centroid_of(build, list);

    vec_ivf_decode(&build->codes, row, &worker->query, centroid + 1);
    finish_centroid(build, centroid);
}

/* --- the first centroids ------------------------------------------------------------------------------------------ */

/* Lowers nearest[], the distances of the sample from the centroids so far, by a new one; returns their sum. */
static double
lower_distances(VecIvfBuild *build, IvfWorker *worker, uint32_t row, float *nearest)
{
    uint32_t rows[START_BATCH];
    int32_t sums[START_BATCH];
    float distances[START_BATCH];
    double sum = 0;

    vec_codes_query_from_row(&build->codes, row, &worker->query);
    for (uint32_t first = 0; first < build->sample_count; first += START_BATCH) {
        uint32_t count =
            build->sample_count - first < START_BATCH ? build->sample_count - first : START_BATCH;

        for (uint32_t i = 0; i < count; i++)
            rows[i] = sampled_row(build, first + i);
        vec_codes_distances(&build->codes, &worker->query, rows, count, sums, distances);
        for (uint32_t i = 0; i < count; i++) {
            float distance = distances[i] + worker->query.constant;

            distance = distance > 0 ? distance : 0;
            if (distance < nearest[first + i])
                nearest[first + i] = distance;
            sum += nearest[first + i];
        }
    }
    return sum;
}

/* A sample, with a probability in proportion to its distance from the nearest centroid. */
static uint32_t
draw(const VecIvfBuild *build, const float *nearest, double sum, uint32_t list)
{
    double rest = (double)(vec_random_at(build->options.seed, list) >> 11) * 0x1p-53 * sum;
    uint32_t sample = 0;

    for (; sample + 1 < build->sample_count && rest >= nearest[sample]; sample++)
        rest -= nearest[sample];
    return sample;
}

static VecStatus
start_spread(VecIvfBuild *build, IvfWorker *worker, VecError *error)
{
    uint64_t wanted = (uint64_t)build->options.list_count * START_ROWS;
    VecStatus status = VEC_OK;
    float *nearest;
    uint32_t sample;

    build->sample_count = wanted < build->codes.row_count ? (uint32_t)wanted : build->codes.row_count;
    assert(build->sample_count > 0); /* without rows there is nothing to do, and begin says so */
    if ((nearest = vec_memory_allocate_raw(build->allocator, build->sample_count, sizeof(float))) == NULL)
        return vec_memory_error(error);
    for (uint32_t i = 0; i < build->sample_count; i++)
        nearest[i] = FLT_MAX;
    sample = (uint32_t)(vec_random_at(build->options.seed, UINT64_MAX) % build->sample_count);
    for (uint32_t list = 0; status == VEC_OK && list < build->options.list_count; list++) {
        uint32_t row = sampled_row(build, sample);

        start_at_row(build, worker, list, row);
        sample = draw(build, nearest, lower_distances(build, worker, row, nearest), list);
        if (is_stopped(build))
            status = interrupted(error);
    }
    vec_memory_release(build->allocator, nearest);
    return status;
}

static VecStatus
start_at_random(VecIvfBuild *build, IvfWorker *worker, VecError *error)
{
    for (uint32_t list = 0; list < build->options.list_count; list++) {
        /* one of each even share of the rows: no row twice */
        uint64_t from = (uint64_t)list * build->codes.row_count / build->options.list_count;
        uint64_t to = (uint64_t)(list + 1) * build->codes.row_count / build->options.list_count;

        start_at_row(build, worker, list,
                     (uint32_t)(from + vec_random_at(build->options.seed, list) % (to - from)));
        if (list % POLL_LISTS == 0 && is_stopped(build))
            return interrupted(error);
    }
    return VEC_OK;
}

/* --- assignments -------------------------------------------------------------------------------------------------- */

static void *
assign_some(void *argument)
{
    IvfWorker *worker = argument;
    VecIvfBuild *build = worker->build;
    uint64_t first;

    while (!atomic_load_explicit(&build->stop, memory_order_relaxed) &&
           (first = atomic_fetch_add(&build->next, ROWS_PER_TASK)) < build->sample_count) {
        uint64_t end =
            first + ROWS_PER_TASK < build->sample_count ? first + ROWS_PER_TASK : build->sample_count;

        for (uint64_t sample = first; sample < end; sample++) {
            vec_ivf_decode(&build->codes, sampled_row(build, (uint32_t)sample), &worker->query,
                           worker->floats);
            build->assigned[sample] =
                vec_cells_nearest(build->codes.kernels, build->codes.dimensions, build->centroids,
                                  build->options.list_count, worker->floats);
            if (worker->is_caller && is_stopped(build))
                return NULL;
        }
        atomic_fetch_add(&build->done, end - first);
    }
    return NULL;
}

static VecStatus
assign(VecIvfBuild *build, IvfWorker *workers, uint64_t sample_count, VecError *error)
{
    uint32_t started = 0;

    build->sample_count = (uint32_t)sample_count;
    atomic_store(&build->next, 0);
    atomic_store(&build->done, 0);
    while (started + 1 < build->options.thread_count &&
           vec_threads_start(&workers[started + 1].thread, assign_some, &workers[started + 1]))
        started++;
    assign_some(&workers[0]);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(workers[1 + i].thread, NULL);
    return atomic_load(&build->done) < sample_count ? interrupted(error) : VEC_OK;
}

/* Lists from assignments: starts, and rows by a counting sort. */
static VecStatus
group(VecIvfBuild *build, VecError *error)
{
    uint32_t list_count = build->options.list_count, start = 0;

    memset(build->starts, 0, ((size_t)list_count + 1) * sizeof(uint32_t));
    for (uint32_t sample = 0; sample < build->sample_count; sample++) {
        if (sample % POLL_ROWS == 0 && is_stopped(build))
            return interrupted(error);
        build->starts[build->assigned[sample] + 1]++;
    }
    for (uint32_t list = 0; list <= list_count; list++)
        start = build->starts[list] += start;
    for (uint32_t sample = 0; sample < build->sample_count; sample++) {
        if (sample % POLL_ROWS == 0 && is_stopped(build))
            return interrupted(error);
        build->rows[build->starts[build->assigned[sample]]++] = sampled_row(build, sample);
    }
    /* each start stands where the next list's stood */
    memmove(build->starts + 1, build->starts, list_count * sizeof(uint32_t));
    build->starts[0] = 0;
    return VEC_OK;
}

/* To length 1 in the space of the vectors, where the mean is not taken away. */
static void
normalize(const VecIvfBuild *build, float *x)
{
    const float *mean = build->options.mean;
    double norm_sq = 0;

    for (uint32_t i = 0; i < build->codes.dimensions; i++) {
        x[i] += mean != NULL ? mean[i] : 0.0f;
        norm_sq += (double)x[i] * x[i];
    }
    for (uint32_t i = 0; i < build->codes.dimensions; i++)
        x[i] = (norm_sq > 0 ? x[i] / (float)__builtin_sqrt(norm_sq) : x[i]) - (mean != NULL ? mean[i] : 0.0f);
}

/* Moves each centroid into the middle of the rows that were assigned to it. */
static VecStatus
update(VecIvfBuild *build, IvfWorker *worker, VecError *error)
{
    uint32_t dimensions = build->codes.dimensions;
    VecStatus status = group(build, error);

    if (status != VEC_OK)
        return status;
    for (uint32_t list = 0; list < build->options.list_count; list++) {
        uint32_t from = build->starts[list], to = build->starts[list + 1];
        float *centroid = centroid_of(build, list);

        if (list % POLL_LISTS == 0 && is_stopped(build))
            return interrupted(error);
        if (from == to) {
            uint64_t number = (uint64_t)(build->iteration + 1) << 32 | list;
            uint32_t sample = (uint32_t)(vec_random_at(build->options.seed, number) % build->sample_count);

            start_at_row(build, worker, list, sampled_row(build, sample));
            continue;
        }
        memset(centroid + 1, 0, dimensions * sizeof(float));
        for (uint32_t i = from; i < to; i++) {
            vec_ivf_decode(&build->codes, build->rows[i], &worker->query, worker->floats);
            for (uint32_t d = 0; d < dimensions; d++)
                centroid[1 + d] += worker->floats[d];
        }
        for (uint32_t d = 0; d < dimensions; d++)
            centroid[1 + d] /= (float)(to - from);
        if (build->options.is_spherical)
            normalize(build, centroid + 1);
        finish_centroid(build, centroid);
    }
    return VEC_OK;
}

/* What searches want in the place of |c|^2, where it is something else. */
static VecStatus
set_offsets(VecIvfBuild *build, VecError *error)
{
    uint32_t rows_done = 0;

    if (build->codes.metric == VEC_METRIC_L2)
        return VEC_OK;
    for (uint32_t list = 0; list < build->options.list_count; list++) {
        double sum = 0;

        for (uint32_t i = build->starts[list]; build->codes.factors != NULL && i < build->starts[list + 1];
             i++) {
            if (++rows_done % POLL_ROWS == 0 && is_stopped(build))
                return interrupted(error);
            sum += build->codes.factors[build->rows[i]].offset;
        }
        centroid_of(build, list)[0] =
            sum != 0 ? (float)(sum / (build->starts[list + 1] - build->starts[list])) : 0.0f;
    }
    return VEC_OK;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

VecStatus
vec_ivf_build_begin(const VecCodes *codes, const VecIvfBuildOptions *options, float *centroids,
                    uint32_t *starts, uint32_t *rows, const VecAllocator *allocator, VecIvfBuild **build,
                    VecError *error)
{
    VecIvfBuild *made = vec_memory_allocate(allocator, 1, sizeof(*made));

    if (made == NULL)
        return vec_memory_error(error);
    made->allocator = allocator;
    made->codes = *codes;
    made->options = *options;
    made->centroids = centroids;
    made->starts = starts;
    made->rows = rows;
    made->assigned = vec_memory_allocate_raw(allocator, codes->row_count + 1, sizeof(uint32_t));
    made->ones = vec_memory_allocate(allocator, VEC_SIMD_QUERY_BYTES(codes->dimensions), 1);
    if (made->assigned == NULL || made->ones == NULL) {
        vec_ivf_build_free(made);
        return vec_memory_error(error);
    }
    memset(made->ones, 1, codes->dimensions);
    made->codes.ones = made->ones;
    if (codes->row_count == 0) {
        memset(centroids, 0, options->list_count * vec_ivf_centroid_bytes(codes->dimensions));
        memset(starts, 0, ((size_t)options->list_count + 1) * sizeof(uint32_t));
        made->step = STEP_DONE;
    }
    *build = made;
    return VEC_OK;
}

static VecStatus
run_step(VecIvfBuild *build, IvfWorker *workers, VecError *error)
{
    uint64_t sample = (uint64_t)build->options.list_count * SAMPLE_ROWS;
    VecStatus status;

    switch (build->step) {
        case STEP_START:
            status = build->options.list_count <= START_LISTS_MAX && build->codes.metric != VEC_METRIC_DOT
                         ? start_spread(build, &workers[0], error)
                         : start_at_random(build, &workers[0], error);
            build->step = status == VEC_OK ? STEP_ITERATE : STEP_START;
            return status;
        case STEP_ITERATE:
            if ((status = assign(build, workers,
                                 sample < build->codes.row_count ? sample : build->codes.row_count, error)) !=
                VEC_OK)
                return status;
            build->step = STEP_UPDATE;
            return VEC_OK;
        case STEP_UPDATE:
            if ((status = update(build, &workers[0], error)) != VEC_OK)
                return status;
            build->step = ++build->iteration == ITERATIONS ? STEP_ASSIGN : STEP_ITERATE;
            return VEC_OK;
        case STEP_ASSIGN:
            if ((status = assign(build, workers, build->codes.row_count, error)) != VEC_OK)
                return status;
            build->step = STEP_FINISH;
            return VEC_OK;
        case STEP_FINISH:
            if ((status = group(build, error)) != VEC_OK || (status = set_offsets(build, error)) != VEC_OK)
                return status;
            build->step = STEP_DONE;
            return VEC_OK;
        case STEP_DONE:
            break;
    }
    return VEC_OK;
}

VecStatus
vec_ivf_build_run(VecIvfBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    uint32_t worker_count = build->options.thread_count, made = 0;
    IvfWorker *workers = vec_memory_allocate(build->allocator, worker_count, sizeof(IvfWorker));
    VecStatus status = VEC_OK;

    if (workers == NULL)
        return vec_memory_error(error);
    while (made < worker_count && worker_init(&workers[made], build))
        made++;
    if (made < worker_count)
        status = vec_memory_error(error);
    workers[0].is_caller = true;
    build->should_stop = should_stop;
    build->should_stop_context = should_stop_context;
    atomic_store(&build->stop, false);
    while (status == VEC_OK && build->step != STEP_DONE)
        status = run_step(build, workers, error);
    for (uint32_t i = 0; i <= made && i < worker_count; i++)
        worker_free(&workers[i]);
    vec_memory_release(build->allocator, workers);
    return status;
}

void
vec_ivf_build_free(VecIvfBuild *build)
{
    if (build == NULL)
        return;
    vec_memory_release(build->allocator, build->assigned);
    vec_memory_release(build->allocator, build->ones);
    vec_memory_release(build->allocator, build);
}
