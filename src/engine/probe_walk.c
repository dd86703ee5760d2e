/*
 * probe_walk.c: the way to rows along a graph (HNSW). What it has in common with a walk for a filter's rows is here too.
 */
#include "probe_ways.h"

#define REST_ROWS    1024                /* rows a piece where no path leads */
#define POLL_BYTES   ((uint64_t)4 << 20) /* of codes; cold ones come from the disk */
#define POLL_ISLANDS 64
#define POLL_RING    4096

/* Rows of a sparse query's lists with which its walk begins, for each candidate that it looks for. */
#define POSTINGS_PER_WIDTH 32

VecStatus
vec_probe_walk_enter(VecProbe *probe, uint32_t *entry)
{
    const VecSealed *segment = probe->segment;
    VecStatus status;

    if ((status = vec_probe_set_width(probe, probe->width)) != VEC_OK ||
        (status = vec_walk_reserve_spill(&probe->walk, 1)) != VEC_OK)
        return status;
    *entry = vec_graph_entry(&segment->graph, &probe->walk, &segment->codes, &probe->query);
    return VEC_OK;
}

VecStatus
vec_probe_walk_seed_postings(VecProbe *probe)
{
    const VecSealed *segment = probe->segment;

    if (segment->postings.terms == NULL)
        return VEC_OK;
    return vec_postings_seed(&segment->postings, &segment->codes, &probe->query,
                             (uint64_t)probe->width * POSTINGS_PER_WIDTH, &probe->postings_scratch,
                             &probe->walk);
}

static VecStatus
begin(VecProbe *probe)
{
    const VecSealed *segment = probe->segment;
    uint32_t entry;
    VecStatus status = vec_probe_walk_enter(probe, &entry);

    if (status != VEC_OK)
        return status;
    vec_walk_seed(&probe->walk, &segment->graph.bottom, &segment->codes, &probe->query, entry);
    return vec_probe_walk_seed_postings(probe);
}

/* The next row that was never visited; false if there is none. Rows before row_next are all visited. */
bool
vec_probe_next_unvisited(VecProbe *probe, uint32_t *row)
{
    const VecWalk *walk = &probe->walk;

    for (; probe->row_next < probe->segment->codes.row_count; probe->row_next++) {
        if (probe->row_next % 64 == 0 && walk->visited[probe->row_next / 64] == UINT64_MAX) {
            probe->row_next += 63;
        } else if (!vec_bitset_test(walk->visited, probe->row_next)) {
            *row = probe->row_next;
            return true;
        }
    }
    return false;
}

/* The first row behind one in its ring that is wanted, if nobody has visited it; else VEC_NODE_NONE. VEC_INTERRUPTED. */
static VecStatus
next_equal(const VecProbe *probe, uint32_t row, VecShouldStop should_stop, void *should_stop_context,
           uint32_t *equal)
{
    const VecLayer *bottom = &probe->segment->graph.bottom;
    uint32_t next = row;

    *equal = VEC_NODE_NONE;
    for (uint32_t step = 1; step < bottom->node_count; step++) {
        uint32_t kept = next = vec_walk_ring_next(bottom, next);

        if (next == VEC_NODE_NONE || next == row)
            return VEC_OK;
        if (!probe->is_selective || vec_selection_keep(&probe->selection, &kept, 1) == 1) {
            *equal = vec_bitset_test(probe->walk.visited, next) ? VEC_NODE_NONE : next;
            return VEC_OK;
        }
        if (step % POLL_RING == 0 && should_stop != NULL &&
            should_stop(should_stop_context, step, bottom->node_count))
            return VEC_INTERRUPTED;
    }
    return VEC_OK;
}

static bool
has_ring(const VecProbe *probe)
{
    const VecWalk *walk = &probe->walk;
    const VecLayer *bottom = &probe->segment->graph.bottom;

    for (uint32_t i = 0; bottom->has_rings && i < walk->pool_count; i++)
        if (vec_walk_ring_next(bottom, vec_walk_key_node(walk->pool[i])) != VEC_NODE_NONE)
            return true;
    return false;
}

VecStatus
vec_probe_walk_add_equal(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    VecWalk *walk = &probe->walk;
    uint32_t from_count = walk->pool_count, count = 0, i, next;
    uint64_t *from, pending = 0;
    VecStatus status = VEC_OK;

    if (!has_ring(probe))
        return VEC_OK;
    if (vec_walk_reserve_spill(walk, from_count) != VEC_OK)
        return VEC_NO_MEMORY;
    from = memcpy(walk->spill + walk->spill_count, walk->pool, from_count * sizeof(uint64_t));
    for (i = 0; i < from_count && count < walk->width; i++) {
        uint64_t key = walk->pool[count++] = from[i];

        while (status == VEC_OK && pending == 0) {
            status = next_equal(probe, vec_walk_key_node(key), should_stop, should_stop_context, &next);
            if (status != VEC_OK || next == VEC_NODE_NONE)
                break;
            vec_bitset_set(walk->visited, next);
            key = key >> 32 << 32 | (uint64_t)next << 1 | 1;
            if (count < walk->width)
                walk->pool[count++] = key;
            else
                pending = key;
        }
    }
    memmove(from, from + i, (from_count - i) * sizeof(uint64_t));
    walk->spill_count += from_count - i;
    if (pending != 0)
        walk->spill[walk->spill_count++] = pending;
    walk->pool_count = walk->cursor = count;
    vec_walk_sort(walk->pool, count);
    return status;
}

/*
 * Where the graph has less to offer than the round is wide, the walk begins again at a row that no path led to: crowds of equal
 * rows, or rows that have nothing in common, are islands, and a small segment must not hide its nearest row on one.
 */
static VecStatus
run(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    const VecSealed *segment = probe->segment;
    VecWalk *walk = &probe->walk;
    uint32_t row, islands = 0;

    for (;;) {
        VecStatus status = vec_walk_run(walk, &segment->graph.bottom, &segment->codes, &probe->query,
                                        should_stop, should_stop_context);
        if (status != VEC_OK ||
            (status = vec_probe_walk_add_equal(probe, should_stop, should_stop_context)) != VEC_OK)
            return status;
        if (walk->pool_count == walk->width || !vec_probe_next_unvisited(probe, &row))
            break;
        if (++islands % POLL_ISLANDS == 0 && should_stop != NULL &&
            should_stop(should_stop_context, probe->row_next, segment->codes.row_count))
            return VEC_INTERRUPTED;
        vec_walk_seed(walk, &segment->graph.bottom, &segment->codes, &probe->query, row);
    }
    vec_probe_make_ready(probe);
    return VEC_OK;
}

VecStatus
vec_probe_walk_next(VecProbe *probe)
{
    VecStatus status;

    if (probe->walk.spill_count == 0) {
        probe->stage = PROBE_REST;
        return VEC_OK;
    }
    if ((status = vec_probe_set_round_width(probe)) != VEC_OK)
        return status;
    vec_walk_refill(&probe->walk);
    probe->stage = PROBE_RUN;
    return VEC_OK;
}

void
vec_probe_walk_end_piece(VecProbe *probe)
{
    VecWalk *walk = &probe->walk;

    if (walk->pool_count == 0) {
        probe->stage = PROBE_DONE;
        return;
    }
    vec_walk_sort(walk->pool, walk->pool_count);
    walk->cursor = walk->pool_count;
    vec_probe_make_ready(probe);
}

/* The next piece of the rows that were never visited. */
static VecStatus
rest(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    const VecCodes *codes = &probe->segment->codes;
    VecWalk *walk = &probe->walk;
    uint64_t row_bytes = vec_codes_row_bytes(codes), bytes_left = POLL_BYTES;
    VecStatus status;
    uint32_t row;

    (void)should_stop, (void)should_stop_context; /* pieces are short */
    if ((status = vec_probe_set_width(probe, REST_ROWS)) != VEC_OK)
        return status;
    walk->pool_count = 0;
    while (walk->pool_count < REST_ROWS && bytes_left > 0 && vec_probe_next_unvisited(probe, &row)) {
        bytes_left -= bytes_left < row_bytes ? bytes_left : row_bytes;
        vec_bitset_set(walk->visited, row);
        walk->pool[walk->pool_count++] = vec_walk_key(vec_codes_distance(codes, &probe->query, row), row) | 1;
        walk->distances++;
    }
    vec_probe_walk_end_piece(probe);
    return VEC_OK;
}

const VecProbeWay vec_probe_walk = {
    .is_walk = true, .begin = begin, .run = run, .next = vec_probe_walk_next, .rest = rest};
