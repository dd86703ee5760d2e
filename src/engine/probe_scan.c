/*
 * probe_scan.c: the way to rows that reads all codes, where there is no graph and no list by nearness: flat segments, and inverted
 * ones, whose lists give all scores at once. Also what a scan of a filter's rows has in common with it.
 */
#include "memory.h"
#include "probe_ways.h"

#define SCAN_KEEP_MAX  ((size_t)1 << 20)
#define SCAN_KEEP_PART 16                  /* or this part of all rows: what bounds the number of passes */
#define POLL_BYTES     ((uint64_t)4 << 20) /* of codes; cold ones come from the disk */

static bool
create(VecProbe *probe)
{
    const VecSealed *segment = probe->segment;

    if (segment->options.kind != VEC_SEGMENT_INVERTED)
        return true;
    probe->scores = vec_memory_allocate_raw(probe->allocator, segment->codes.row_count, sizeof(float));
    return probe->scores != NULL;
}

static VecStatus
begin(VecProbe *probe)
{
    (void)probe;
    return VEC_OK;
}

/* Adds the keys of a batch that are wanted to the spill, which has room for all and one place beyond. */
static void
keep_batch(VecProbe *probe, uint32_t first_row, uint32_t count)
{
    VecWalk *walk = &probe->walk;
    uint64_t *spill = walk->spill + walk->spill_count;
    size_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = vec_walk_key(walk->batch_distances[i], first_row + i);

        spill[kept] = key;
        kept += key >= probe->scan_from && key < probe->scan_to;
    }
    walk->spill_count += kept;
}

/* Distances of consecutive rows: by their codes, or from scores that are there already. */
static void
scan_distances(VecProbe *probe, uint32_t first_row, uint32_t count)
{
    VecWalk *walk = &probe->walk;

    if (probe->scores == NULL)
        vec_codes_distances_range(&probe->segment->codes, &probe->query, first_row, count, walk->batch_sums,
                                  walk->batch_distances);
    for (uint32_t i = 0; probe->scores != NULL && i < count; i++)
        walk->batch_distances[i] = probe->query.scale * probe->scores[first_row + i];
}

static VecStatus
run(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    const VecCodes *codes = &probe->segment->codes;
    VecWalk *walk = &probe->walk;
    uint64_t row_bytes = vec_codes_row_bytes(codes), unpolled = probe->row_next == 0 ? POLL_BYTES : 0;
    uint32_t batch = row_bytes * VEC_PROBE_BATCH_ROWS <= POLL_BYTES ? VEC_PROBE_BATCH_ROWS
                                                                    : (uint32_t)(POLL_BYTES / row_bytes) + 1;
    size_t held = 2 * probe->scan_keep < codes->row_count ? 2 * probe->scan_keep : codes->row_count;

    if (vec_walk_reserve_spill(walk, held - walk->spill_count) != VEC_OK)
        return VEC_NO_MEMORY;
    if (probe->scores != NULL && probe->scan_from == 0 && probe->row_next == 0 &&
        !vec_postings_score(&probe->segment->postings, codes, &probe->query, probe->scores, should_stop,
                            should_stop_context))
        return VEC_INTERRUPTED;
    while (probe->row_next < codes->row_count) {
        uint32_t rest = codes->row_count - probe->row_next;
        uint32_t count = rest < batch ? rest : batch;

        if (unpolled >= POLL_BYTES) {
            unpolled = 0;
            if (should_stop != NULL && should_stop(should_stop_context, probe->row_next, codes->row_count))
                return VEC_INTERRUPTED;
        }
        if (walk->spill_count + count > held)
            probe->scan_to = vec_walk_cut_spill(walk, probe->scan_keep) + 1;
        scan_distances(probe, probe->row_next, count);
        keep_batch(probe, probe->row_next, count);
        probe->row_next += count;
        walk->distances += count;
        unpolled += count * row_bytes;
    }
    return vec_probe_take_spill(probe);
}

/* Another pass over the codes, for the keys after those that the last one kept. */
static void
scan_again(VecProbe *probe)
{
    size_t keep_max = probe->segment->codes.row_count / SCAN_KEEP_PART;

    if (keep_max < SCAN_KEEP_MAX)
        keep_max = SCAN_KEEP_MAX;
    if (2 * probe->scan_keep <= keep_max)
        probe->scan_keep *= 2;
    probe->scan_from = probe->scan_to;
    probe->scan_to = UINT64_MAX;
    probe->row_next = 0;
    probe->cursor = (VecSelectionCursor){0};
    probe->stage = PROBE_RUN;
}

VecStatus
vec_probe_scan_next(VecProbe *probe)
{
    if (probe->walk.spill_count > 0)
        return vec_probe_take_spill(probe);
    if (probe->scan_to != UINT64_MAX)
        scan_again(probe);
    else
        probe->stage = PROBE_DONE;
    return VEC_OK;
}

const VecProbeWay vec_probe_scan = {
    .is_scan = true, .create = create, .begin = begin, .run = run, .next = vec_probe_scan_next};
