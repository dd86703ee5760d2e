/*
 * probe_walk.c: the way to rows along a graph (HNSW). What it has in common with a walk for a filter's rows is here too.
 */
#include "probe_ways.h"

#include <math.h>

#define REST_ROWS    1024                /* rows a piece where no path leads */
#define POLL_BYTES   ((uint64_t)4 << 20) /* of codes; cold ones come from the disk */
#define POLL_ISLANDS 64
#define POLL_RING    4096

/*
 * After the rings of so many rows, which may be as near to one another as to those that they lead, a ring waits for a later round, and all that
 * are farther, if so many times as many rows as this one is wide came in that are nearer than its row.
 */
#define RINGS_LEAST 8
#define RING_WIDTHS 2

/*
 * A later round gives the nearer ones of what it found, this part of them: rows as near as the others may not have been found yet. (Of 100,000
 * sentences those of one source of six, ten per cent, ten neighbours by streaming: recall 0.954 where all are given, 0.960 of two thirds,
 * 0.966 of a half, for 3 % more time.) Not within a radius, where the last round, in which nothing is near enough, is to say so by all of them.
 */
#define LATER_PART 0.5

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

VecStatus
vec_probe_walk_seed(VecProbe *probe, uint32_t entry)
{
    const VecSealed *segment = probe->segment;

    vec_walk_seed(&probe->walk, &segment->graph.bottom, &segment->codes, &probe->query, entry);
    return vec_probe_walk_seed_postings(probe);
}

static VecStatus
begin(VecProbe *probe)
{
    uint32_t entry;
    VecStatus status = vec_probe_walk_enter(probe, &entry);

    return status == VEC_OK ? vec_probe_walk_seed(probe, entry) : status;
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

/*
 * Gathers rows that are wanted and stand behind one in its ring into batch_nodes, at most so many, until it comes to one that was visited: those
 * behind that one are gathered from there. VEC_INTERRUPTED: the last of those gathered is where to go on.
 */
static VecStatus
gather_ring(VecProbe *probe, uint32_t row, uint32_t count_max, VecShouldStop should_stop,
            void *should_stop_context, uint32_t *count)
{
    const VecLayer *bottom = &probe->segment->graph.bottom;
    VecWalk *walk = &probe->walk;
    uint32_t next = row;

    *count = 0;
    for (uint32_t step = 1; step < bottom->node_count && *count < count_max; step++) {
        uint32_t kept = next = vec_walk_ring_next(bottom, next);

        if (next == VEC_NODE_NONE || next == row)
            return VEC_OK;
        if (!probe->is_selective || probe->way->passes_all ||
            vec_selection_keep(&probe->selection, &kept, 1) == 1) {
            if (vec_bitset_test(walk->visited, next))
                return VEC_OK;
            vec_bitset_set(walk->visited, next);
            walk->batch_nodes[(*count)++] = next;
        }
        if (step % POLL_RING == 0 && should_stop != NULL &&
            should_stop(should_stop_context, step, bottom->node_count))
            return VEC_INTERRUPTED;
    }
    return VEC_OK;
}

/*
 * Adds the rows behind one in its ring to the spill, where the new ones begin at *first. Of more than a round can use the next is left aside
 * before those, from where a later round goes on. The spill has room for the pool if anything came in.
 */
static VecStatus
add_ring(VecProbe *probe, uint32_t row, size_t *first, VecShouldStop should_stop, void *should_stop_context)
{
    const VecCodes *codes = &probe->segment->codes;
    VecWalk *walk = &probe->walk;
    uint32_t wanted = walk->width > VEC_GRAPH_COPIES_MAX ? walk->width : VEC_GRAPH_COPIES_MAX;
    VecStatus status = VEC_OK;

    while (status == VEC_OK) {
        uint32_t batch = wanted < walk->batch_capacity ? wanted : walk->batch_capacity, count;
        bool is_beyond = wanted == 0;

        if (vec_walk_reserve_spill(walk, (size_t)walk->batch_capacity + walk->pool_count) != VEC_OK)
            return VEC_NO_MEMORY;
        status = gather_ring(probe, row, is_beyond ? 1 : batch, should_stop, should_stop_context, &count);
        if (count == 0)
            break;
        row = walk->batch_nodes[count - 1];
        walk->distances += count;
        vec_codes_distances(codes, &probe->query, walk->batch_nodes, count, walk->batch_sums,
                            walk->batch_distances);
        for (uint32_t i = 0; i < count; i++)
            walk->spill[walk->spill_count++] = vec_walk_key(walk->batch_distances[i], walk->batch_nodes[i]);
        if (is_beyond) {
            uint64_t key = walk->spill[walk->spill_count - 1] | 1;

            walk->spill[walk->spill_count - 1] = walk->spill[*first];
            walk->spill[(*first)++] = key;
            break;
        }
        wanted -= count;
    }
    return status;
}

/* Whether a key is far behind what came in: so many are nearer that its ring is not likely to matter in this round. */
static bool
is_far_behind(const VecWalk *walk, size_t first, uint64_t key)
{
    size_t nearer = 0;

    for (size_t i = first; i < walk->spill_count; i++)
        nearer += walk->spill[i] < key;
    return nearer >= (size_t)RING_WIDTHS * walk->width;
}

/* As add_ring, for all rows of the pool that are not far behind. */
static VecStatus
add_rings(VecProbe *probe, size_t *first, VecShouldStop should_stop, void *should_stop_context)
{
    const VecLayer *bottom = &probe->segment->graph.bottom;
    VecWalk *walk = &probe->walk;
    uint64_t row_bytes = vec_codes_row_bytes(&probe->segment->codes), unpolled = 0;
    size_t look_at = (size_t)RING_WIDTHS * walk->width;
    uint32_t rings = 0;
    VecStatus status = VEC_OK;

    for (uint32_t i = 0; i < walk->pool_count && status == VEC_OK; i++) {
        uint32_t row = vec_walk_key_node(walk->pool[i]);
        uint64_t before = walk->distances;

        if (vec_walk_ring_next(bottom, row) == VEC_NODE_NONE)
            continue;
        if (++rings > RINGS_LEAST && walk->spill_count - *first >= look_at) {
            if (is_far_behind(walk, *first, walk->pool[i]))
                break;
            look_at += look_at / 4;
        }
        if (unpolled >= POLL_BYTES / 2) {
            unpolled = 0;
            if (should_stop != NULL && should_stop(should_stop_context, walk->distances, 0))
                return VEC_INTERRUPTED;
        }
        status = add_ring(probe, row, first, should_stop, should_stop_context);
        unpolled += (walk->distances - before) * row_bytes + POLL_BYTES / POLL_RING;
    }
    return status;
}

/*
 * Rings come in beside the pool, not into it: a row that is pushed out by those of one ring has a ring of its own, or leads to the rest of the
 * same one.
 */
VecStatus
vec_probe_walk_add_rings(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    VecWalk *walk = &probe->walk;
    size_t first = walk->spill_count, count;
    VecStatus status;

    if (!probe->segment->graph.bottom.has_rings)
        return VEC_OK;
    status = add_rings(probe, &first, should_stop, should_stop_context);
    if (walk->spill_count == first)
        return status;
    memcpy(walk->spill + walk->spill_count, walk->pool, walk->pool_count * sizeof(uint64_t));
    walk->spill_count += walk->pool_count;
    count = walk->spill_count - first < walk->width ? walk->spill_count - first : walk->width;
    vec_walk_take_spill(walk, first, count);
    for (uint32_t i = 0; i < walk->pool_count; i++)
        walk->pool[i] |= 1;
    walk->cursor = walk->pool_count;
    return status;
}

VecStatus
vec_probe_walk_end_round(VecProbe *probe)
{
    VecWalk *walk = &probe->walk;
    uint32_t found = walk->pool_count, give = (uint32_t)ceil(found * LATER_PART), beyond;

    if (probe->taken_count == 0)
        give = found < probe->width ? found : probe->width;
    else if (probe->radius < INFINITY)
        give = found;
    beyond = found - give;
    if (vec_walk_reserve_spill(walk, beyond) != VEC_OK)
        return VEC_NO_MEMORY;
    walk->pool_count = give;
    memcpy(walk->spill + walk->spill_count, walk->pool + give, beyond * sizeof(uint64_t));
    walk->spill_count += beyond;
    vec_probe_make_ready(probe);
    return VEC_OK;
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
            (status = vec_probe_walk_add_rings(probe, should_stop, should_stop_context)) != VEC_OK)
            return status;
        if (walk->pool_count == walk->width || !vec_probe_next_unvisited(probe, &row))
            break;
        if (++islands % POLL_ISLANDS == 0 && should_stop != NULL &&
            should_stop(should_stop_context, probe->row_next, segment->codes.row_count))
            return VEC_INTERRUPTED;
        vec_walk_seed(walk, &segment->graph.bottom, &segment->codes, &probe->query, row);
    }
    return vec_probe_walk_end_round(probe);
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
