/*
 * probe_lists.c: the way to rows by lists around centroids (IVF): a round reads the nearest ones not yet read.
 */
#include "memory.h"
#include "probe_ways.h"

#define POLL_BYTES ((uint64_t)4 << 20) /* of centroids; cold ones come from the disk */

static bool
create(VecProbe *probe)
{
    const VecSealed *segment = probe->segment;

    probe->list_keys = vec_memory_allocate_raw(probe->allocator, segment->ivf.list_count, sizeof(uint64_t));
    probe->list_floats = vec_memory_allocate_raw(probe->allocator, segment->codes.dimensions, sizeof(float));
    return probe->list_keys != NULL && probe->list_floats != NULL;
}

static VecStatus
begin(VecProbe *probe)
{
    probe->lists_ranked = 0;
    probe->list_count = 0;
    probe->lists_read = 0;
    probe->lists_asked = probe->lists_due;
    return VEC_OK;
}

/* Which lists are nearest: a million centroids of a segment may be gigabytes. */
static VecStatus
rank(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    const VecSealed *segment = probe->segment;
    uint32_t list_count = segment->ivf.list_count;
    uint64_t piece = POLL_BYTES / vec_ivf_centroid_bytes(segment->ivf.dimensions) + 1;

    while (probe->lists_ranked < list_count) {
        uint32_t from = probe->lists_ranked;
        uint32_t to = list_count - from < piece ? list_count : from + (uint32_t)piece;

        if (should_stop != NULL && should_stop(should_stop_context, from, list_count))
            return VEC_INTERRUPTED;
        vec_ivf_rank(&segment->ivf, &segment->codes, &probe->query, from, to, probe->list_floats,
                     probe->list_keys);
        if ((probe->lists_ranked = to) < list_count)
            continue;
        vec_ivf_rank_end(&segment->ivf, probe->list_keys);
        probe->list_count = list_count;
    }
    return VEC_OK;
}

/* The keys of one list, to the spill. */
static VecStatus
read_list(VecProbe *probe, uint32_t list, VecShouldStop should_stop, void *should_stop_context)
{
    const VecCodes *codes = &probe->segment->codes;
    VecWalk *walk = &probe->walk;
    uint32_t count, known = 0;
    const uint32_t *rows = vec_ivf_list(&probe->segment->ivf, list, &count);
    uint32_t batch_rows[VEC_PROBE_BATCH_ROWS];

    if (vec_walk_reserve_spill(walk, count) != VEC_OK)
        return VEC_NO_MEMORY;
    if (should_stop != NULL &&
        should_stop(should_stop_context, probe->lists_read, probe->segment->ivf.list_count))
        return VEC_INTERRUPTED;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i] < codes->row_count)
            batch_rows[known++] = rows[i];
        if (known < VEC_PROBE_BATCH_ROWS && i + 1 < count)
            continue;
        if (probe->is_selective)
            known = vec_selection_keep(&probe->selection, batch_rows, known);
        vec_codes_distances(codes, &probe->query, batch_rows, known, walk->batch_sums, walk->batch_distances);
        for (uint32_t k = 0; k < known; k++)
            walk->spill[walk->spill_count++] = vec_walk_key(walk->batch_distances[k], batch_rows[k]);
        walk->distances += known;
        known = 0;
    }
    walk->hops++;
    return VEC_OK;
}

/*
 * How far a list just read counts as one of those that are due. Where a filter follows the vectors, the lists around the query may have none or few
 * of the rows that match: the nearest of these are in the lists behind.
 */
static double
share_of_matches(const VecProbe *probe, size_t found)
{
    double average;

    if (!probe->is_selective)
        return 1;
    average = probe->selection.match_estimate / probe->segment->ivf.list_count;
    if ((double)found < average)
        return (double)found / average;
    return found > 0;
}

/* A round over lists: those that are due, and more as long as they bring nothing. */
static VecStatus
run(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    VecWalk *walk = &probe->walk;
    VecStatus status = rank(probe, should_stop, should_stop_context);

    if (status != VEC_OK)
        return status;
    while (probe->list_count > 0 && (probe->lists_due > 0 || walk->spill_count == 0)) {
        size_t before = walk->spill_count;

        /* the list leaves the heap only once it was read: who was interrupted begins with it again */
        status = read_list(probe, vec_walk_key_node(probe->list_keys[0]), should_stop, should_stop_context);
        if (status != VEC_OK)
            return status;
        vec_ivf_pop(probe->list_keys, &probe->list_count);
        probe->lists_read++;
        probe->lists_due -= share_of_matches(probe, walk->spill_count - before);
    }
    return vec_probe_take_spill(probe);
}

/* As many lists as all rounds before together. */
static VecStatus
next(VecProbe *probe)
{
    probe->lists_due = probe->lists_asked;
    probe->lists_asked += probe->lists_due;
    probe->stage = probe->list_count + probe->walk.spill_count > 0 ? PROBE_RUN : PROBE_DONE;
    return VEC_OK;
}

const VecProbeWay vec_probe_lists = {.create = create, .begin = begin, .run = run, .next = next};
