/*
 * probe.c: rounds of one segment's search.
 */
#include "probe.h"

#include <math.h>

#include "memory.h"
#include "probe_ways.h"

#define SCAN_KEEP_MIN   ((size_t)1 << 16) /* 1 MB while scanning */
#define SPILL_KEEP_KEYS ((size_t)1 << 20) /* a larger spill is given back after the search */

/* Where a round takes less than this part of that many keys of a scan, and how many of them say where it will end. */
#define REFILL_PART        8
#define REFILL_MIN         1024
#define LIMIT_SAMPLE       128
#define LIMIT_SAMPLE_LEAST 3

static const VecProbeWay *
way_of(VecSegmentKind kind)
{
    switch (kind) {
        case VEC_SEGMENT_HNSW:
            return &vec_probe_walk;
        case VEC_SEGMENT_IVF:
            return &vec_probe_lists;
        case VEC_SEGMENT_FLAT:
        case VEC_SEGMENT_INVERTED:
            break;
    }
    return &vec_probe_scan;
}

VecStatus
vec_probe_create(const VecSealed *segment, const VecAllocator *allocator, VecProbe **probe)
{
    VecProbe *made = vec_memory_allocate(allocator, 1, sizeof(*made));
    const VecProbeWay *way = way_of(segment->options.kind);
    uint32_t degree = way->is_walk ? segment->graph.bottom.degree : 0;

    if (made == NULL)
        return VEC_NO_MEMORY;
    made->segment = segment;
    made->allocator = allocator;
    made->way = way;
    made->stage = PROBE_DONE;
    if ((way->create != NULL && !way->create(made)) ||
        !vec_codes_query_init(&made->query, &segment->codes, allocator) ||
        !vec_coder_scratch_init(&made->scratch, segment->codes.kind, segment->codes.dimensions, allocator) ||
        !vec_walk_init(&made->walk, way->is_walk ? segment->codes.row_count : 0,
                       degree > VEC_PROBE_BATCH_ROWS ? degree : VEC_PROBE_BATCH_ROWS, allocator)) {
        vec_probe_free(made);
        return VEC_NO_MEMORY;
    }
    *probe = made;
    return VEC_OK;
}

void
vec_probe_free(VecProbe *probe)
{
    if (probe == NULL)
        return;
    vec_walk_free(&probe->walk);
    vec_quantize_scratch_free(&probe->scratch, probe->allocator);
    vec_codes_query_free(&probe->query);
    vec_postings_scratch_free(&probe->postings_scratch);
    vec_selection_end(&probe->selection);
    vec_passages_free(&probe->passages);
    vec_memory_release(probe->allocator, probe->bounds);
    vec_memory_release(probe->allocator, probe->list_keys);
    vec_memory_release(probe->allocator, probe->list_floats);
    vec_memory_release(probe->allocator, probe->scores);
    vec_memory_release(probe->allocator, probe);
}

VecStatus
vec_probe_begin(VecProbe *probe, const void *query, size_t query_bytes, const VecSearchOptions *options,
                double part)
{
    const VecSealed *segment = probe->segment;
    VecStatus status;

    probe->way = way_of(segment->options.kind);
    probe->ef_search = probe->width = options->ef_search;
    probe->one_round = options->one_round;
    probe->wanted = probe->one_round ? 0 : options->wanted;
    probe->few_max = options->needs_estimates ? 0 : vec_probe_few_max(probe->wanted, part);
    probe->radius = options->is_range ? options->radius : INFINITY;
    probe->lists_due = options->nprobe > 0 ? options->nprobe : 1;
    probe->taken_count = 0;
    probe->row_next = 0;
    probe->scan_from = 0;
    probe->scan_to = UINT64_MAX;
    probe->scan_keep = (size_t)probe->width * 4 > SCAN_KEEP_MIN ? (size_t)probe->width * 4 : SCAN_KEEP_MIN;
    probe->ready_next = 0;
    probe->ready_count = 0;
    probe->rounds = 0;
    probe->walk.distances = 0;
    probe->walk.hops = 0;
    probe->is_cut = false;
    if ((status = vec_probe_select(probe, options->filter)) != VEC_OK)
        return status;
    probe->query.constant = 0.0f;
    if (!probe->way->is_unmeasured)
        status = vec_coder_query(&segment->coder, &segment->header.error, query, query_bytes, &probe->scratch,
                                 &probe->query);
    if (status != VEC_OK) {
        vec_selection_end(&probe->selection);
        probe->is_selective = false;
        return status;
    }
    probe->stage = segment->codes.row_count > 0 && !(probe->is_selective && probe->selection.is_empty)
                       ? PROBE_START
                       : PROBE_DONE;
    return VEC_OK;
}

bool
vec_probe_scans(const VecProbe *probe)
{
    return probe->way->is_scan;
}

void
vec_probe_end(VecProbe *probe)
{
    VecWalk *walk = &probe->walk;

    if (!probe->way->is_walk) /* has visited nobody */
        walk->pool_count = walk->spill_count = 0;
    vec_walk_reset(walk);
    vec_passages_reset(&probe->passages, walk);
    if (probe->taken_count > 0 && probe->way->is_walk) /* keys left the pool: reset could not see them */
        memset(walk->visited, 0, walk->visited_words * sizeof(uint64_t));
    vec_selection_end(&probe->selection);
    probe->is_selective = false;
    if (walk->spill_capacity > SPILL_KEEP_KEYS) {
        vec_memory_release(walk->allocator, walk->spill);
        walk->spill = NULL;
        walk->spill_capacity = 0;
    }
    probe->stage = PROBE_DONE;
}

VecStatus
vec_probe_set_width(VecProbe *probe, uint32_t width)
{
    VecStatus status = vec_walk_set_width(&probe->walk, width);

    if (status == VEC_OK && width > probe->bounds_capacity) {
        float *bounds = vec_memory_allocate_raw(probe->allocator, width, sizeof(float));

        if (bounds == NULL)
            return VEC_NO_MEMORY;
        vec_memory_release(probe->allocator, probe->bounds);
        probe->bounds = bounds;
        probe->bounds_capacity = width;
    }
    return status;
}

/*
 * A later round is as wide as all before it together; in a flat segment, as far as the spill goes. In a range half as wide: its
 * last round brings nothing, and should not be most of the work.
 */
VecStatus
vec_probe_set_round_width(VecProbe *probe)
{
    uint64_t wanted = probe->radius < INFINITY ? probe->taken_count / 2 : probe->taken_count;
    uint64_t width = wanted > probe->width ? wanted : probe->width;
    uint64_t width_max = probe->way->is_walk ? probe->segment->codes.row_count : probe->walk.spill_count;

    return vec_probe_set_width(probe, (uint32_t)(width < width_max ? width : width_max));
}

void
vec_probe_set_ready(VecProbe *probe, uint32_t count)
{
    const VecWalk *walk = &probe->walk;
    float least = INFINITY;

    for (uint32_t i = count; i-- > 0;) {
        uint32_t row = vec_walk_key_node(walk->pool[i]);
        float estimate = vec_walk_key_distance(walk->pool[i]) + probe->query.constant;

        least =
            probe->way->is_unmeasured
                ? -INFINITY
                : fminf(least, vec_codes_lower_bound(&probe->segment->codes, &probe->query, row, estimate));
        probe->bounds[i] = least;
    }
    probe->ready_next = 0;
    probe->ready_count = count;
}

/*
 * The pool is sorted and final: works out the bounds and lets the caller have it. Rounds come nearest first, so that one without
 * anything within the radius is the last; of the rows that no path led to, a piece says nothing about the next.
 */
void
vec_probe_make_ready(VecProbe *probe)
{
    VecWalk *walk = &probe->walk;

    probe->rounds++;
    vec_probe_set_ready(probe, walk->pool_count);
    if (walk->pool_count == 0 || probe->bounds[0] < probe->radius || probe->radius == INFINITY) {
        probe->stage = PROBE_READY;
        return;
    }
    probe->ready_next = probe->ready_count;
    probe->stage = probe->stage == PROBE_REST ? PROBE_READY : PROBE_DONE;
}

/* A key below which are likely to be twice as many of the spill's as the round is wide. */
static uint64_t
guess_limit(const VecWalk *walk)
{
    uint64_t keys[LIMIT_SAMPLE];

    for (size_t i = 0; i < LIMIT_SAMPLE; i++)
        keys[i] = walk->spill[walk->spill_count / LIMIT_SAMPLE * i];
    vec_walk_sort(keys, LIMIT_SAMPLE);
    return keys[LIMIT_SAMPLE_LEAST + LIMIT_SAMPLE * 2 * (size_t)walk->width / walk->spill_count];
}

/*
 * Fills the pool. Sorting finds the best of many keys by splitting all of them several times; one split near the end of what is
 * wanted leaves little to sort.
 */
static void
refill(VecWalk *walk)
{
    size_t count = walk->spill_count, below;

    if (count / REFILL_PART < walk->width || count < REFILL_MIN) {
        vec_walk_refill(walk);
        return;
    }
    below = vec_walk_split(walk->spill, count, guess_limit(walk));
    if (below >= walk->width)
        walk->spill_count = below;
    vec_walk_refill(walk);
    if (below < walk->width)
        return;
    size_t gap = below - walk->spill_count, behind = count - below, moved = behind < gap ? behind : gap;
    memcpy(walk->spill + walk->spill_count, walk->spill + count - moved, moved * sizeof(uint64_t));
    walk->spill_count += behind;
}

VecStatus
vec_probe_take_spill(VecProbe *probe)
{
    VecStatus status = vec_probe_set_round_width(probe);

    if (status != VEC_OK)
        return status;
    refill(&probe->walk);
    vec_probe_make_ready(probe);
    return VEC_OK;
}

/* Everything ready was taken. */
static VecStatus
begin_next_round(VecProbe *probe)
{
    VecWalk *walk = &probe->walk;

    probe->taken_count += walk->pool_count;
    walk->pool_count = 0;
    probe->ready_next = 0;
    probe->ready_count = 0;
    if (!probe->one_round)
        return probe->way->next(probe);
    probe->is_cut = walk->spill_count > 0 || probe->scan_to != UINT64_MAX ||
                    (!probe->way->is_scan && probe->taken_count < probe->segment->codes.row_count);
    probe->stage = PROBE_DONE;
    return VEC_OK;
}

VecStatus
vec_probe_advance(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    VecStatus status = VEC_OK;

    while (status == VEC_OK && vec_probe_is_due(probe)) {
        switch (probe->stage) {
            case PROBE_START:
                if ((status = probe->way->begin(probe)) == VEC_OK)
                    probe->stage = PROBE_RUN;
                break;
            case PROBE_RUN:
                status = probe->way->run(probe, should_stop, should_stop_context);
                break;
            case PROBE_READY:
                status = begin_next_round(probe);
                break;
            case PROBE_REST:
                status = probe->way->rest(probe, should_stop, should_stop_context);
                break;
            case PROBE_DONE:
                break;
        }
    }
    return status;
}
