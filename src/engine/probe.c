/*
 * probe.c: rounds of one segment's search.
 */
#include "probe.h"

#include <math.h>

#include "memory.h"
#include "probe_selected.h"

#define REST_ROWS       1024 /* rows a piece where no path leads */
#define SCAN_ROWS       256
#define SCAN_KEEP_MIN   ((size_t)1 << 16) /* 1 MB while scanning */
#define SCAN_KEEP_MAX   ((size_t)1 << 20)
#define SCAN_KEEP_PART  16                  /* or this part of all rows: what bounds the number of passes */
#define POLL_BYTES      ((uint64_t)4 << 20) /* of codes; cold ones come from the disk */
#define POLL_ISLANDS    64
#define SPILL_KEEP_KEYS ((size_t)1 << 20) /* a larger spill is given back after the search */

/* Where a round takes less than this part of that many keys of a scan, and how many of them say where it will end. */
#define REFILL_PART        8
#define REFILL_MIN         1024
#define LIMIT_SAMPLE       128
#define LIMIT_SAMPLE_LEAST 3

/* Rows of a sparse query's lists with which its walk begins, for each candidate that it looks for. */
#define POSTINGS_PER_WIDTH 32

bool
vec_probe_is_flat(const VecProbe *probe)
{
    return probe->segment->options.kind == VEC_SEGMENT_FLAT ||
           probe->segment->options.kind == VEC_SEGMENT_INVERTED;
}

static bool
has_graph(const VecProbe *probe)
{
    return probe->segment->options.kind == VEC_SEGMENT_HNSW;
}

/* Whether rounds are walks, which leave marks at the rows that they visited. */
static bool
walks(const VecProbe *probe)
{
    return has_graph(probe) && !probe->scans;
}

/* What lists, or scores, need beyond what all probes have. */
static bool
create_lists(VecProbe *probe)
{
    const VecSealed *segment = probe->segment;

    if (segment->options.kind == VEC_SEGMENT_INVERTED) {
        probe->scores = vec_memory_allocate_raw(probe->allocator, segment->codes.row_count, sizeof(float));
        return probe->scores != NULL;
    }
    if (segment->options.kind != VEC_SEGMENT_IVF)
        return true;
    probe->list_keys = vec_memory_allocate_raw(probe->allocator, segment->ivf.list_count, sizeof(uint64_t));
    probe->list_floats = vec_memory_allocate_raw(probe->allocator, segment->codes.dimensions, sizeof(float));
    return probe->list_keys != NULL && probe->list_floats != NULL;
}

VecStatus
vec_probe_create(const VecSealed *segment, const VecAllocator *allocator, VecProbe **probe)
{
    VecProbe *made = vec_memory_allocate(allocator, 1, sizeof(*made));
    uint32_t degree = segment->options.kind == VEC_SEGMENT_HNSW ? segment->graph.bottom.degree : 0;

    if (made == NULL)
        return VEC_NO_MEMORY;
    made->segment = segment;
    made->allocator = allocator;
    made->stage = PROBE_DONE;
    if (!create_lists(made) ||
        !vec_codes_query_init(&made->query, segment->codes.kind, segment->codes.dimensions, allocator) ||
        !vec_coder_scratch_init(&made->scratch, segment->codes.kind, segment->codes.dimensions, allocator) ||
        !vec_walk_init(&made->walk, has_graph(made) ? segment->codes.row_count : 0,
                       degree > SCAN_ROWS ? degree : SCAN_ROWS, allocator)) {
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
vec_probe_begin(VecProbe *probe, const void *query, size_t query_bytes, const VecSearchOptions *options)
{
    uint32_t width = options->ef_search;
    const VecSealed *segment = probe->segment;
    VecStatus status = vec_coder_query(&segment->coder, &segment->header.error, query, query_bytes,
                                       &probe->scratch, &probe->query);

    if (status != VEC_OK)
        return status;
    probe->width = width;
    probe->one_round = options->one_round;
    probe->radius = options->is_range ? options->radius : INFINITY;
    probe->lists_due = options->nprobe > 0 ? options->nprobe : 1;
    probe->taken_count = 0;
    probe->row_next = 0;
    probe->scan_from = 0;
    probe->scan_to = UINT64_MAX;
    probe->scan_keep = (size_t)width * 4 > SCAN_KEEP_MIN ? (size_t)width * 4 : SCAN_KEEP_MIN;
    probe->ready_next = 0;
    probe->rounds = 0;
    probe->walk.distances = 0;
    probe->walk.hops = 0;
    probe->is_cut = false;
    if ((status = vec_selected_begin(probe, options->filter)) != VEC_OK)
        return status;
    probe->stage = segment->codes.row_count > 0 && !(probe->is_selective && probe->selection.is_empty)
                       ? PROBE_START
                       : PROBE_DONE;
    return VEC_OK;
}

void
vec_probe_end(VecProbe *probe)
{
    VecWalk *walk = &probe->walk;

    if (!walks(probe)) /* has visited nobody */
        walk->pool_count = walk->spill_count = 0;
    vec_walk_reset(walk);
    vec_passages_reset(&probe->passages, walk);
    if (probe->taken_count > 0 && walks(probe)) /* keys left the pool: reset could not see them */
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
static VecStatus
set_round_width(VecProbe *probe)
{
    uint64_t wanted = probe->radius < INFINITY ? probe->taken_count / 2 : probe->taken_count;
    uint64_t width = wanted > probe->width ? wanted : probe->width;
    uint64_t width_max = walks(probe) ? probe->segment->codes.row_count : probe->walk.spill_count;

    return vec_probe_set_width(probe, (uint32_t)(width < width_max ? width : width_max));
}

/*
 * The pool is sorted and final: works out the bounds and lets the caller have it. Rounds come nearest first, so that one without
 * anything within the radius is the last; of the rows that no path led to, a piece says nothing about the next.
 */
void
vec_probe_make_ready(VecProbe *probe)
{
    VecWalk *walk = &probe->walk;
    float least = INFINITY;

    for (uint32_t i = walk->pool_count; i-- > 0;) {
        uint32_t row = vec_walk_key_node(walk->pool[i]);
        float estimate = vec_walk_key_distance(walk->pool[i]) + probe->query.constant;

        least = fminf(least, vec_codes_lower_bound(&probe->segment->codes, &probe->query, row, estimate));
        probe->bounds[i] = least;
    }
    probe->rounds++;
    probe->ready_next = 0;
    if (walk->pool_count == 0 || probe->bounds[0] < probe->radius || probe->radius == INFINITY) {
        probe->stage = PROBE_READY;
        return;
    }
    probe->ready_next = walk->pool_count;
    probe->stage = probe->stage == PROBE_REST ? PROBE_READY : PROBE_DONE;
}

/* Brings the keys below a limit to the front, without a branch on what cannot be guessed; returns how many. */
static size_t
bring_forward(uint64_t *keys, size_t count, uint64_t limit)
{
    size_t below = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t key = keys[i];

        keys[i] = keys[below];
        keys[below] = key;
        below += key < limit;
    }
    return below;
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
 * Fills the pool. Sorting finds the best of many keys by splitting all of them several times, each time with a branch a key that is
 * guessed wrong; one split near the end of what is wanted leaves little to sort (10,000 keys, the best 100: 60 µs of a scan's
 * 240, and then 10).
 */
static void
refill(VecWalk *walk)
{
    size_t count = walk->spill_count, below;

    if (count / REFILL_PART < walk->width || count < REFILL_MIN) {
        vec_walk_refill(walk);
        return;
    }
    below = bring_forward(walk->spill, count, guess_limit(walk));
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
    VecStatus status = set_round_width(probe);

    if (status != VEC_OK)
        return status;
    refill(&probe->walk);
    vec_probe_make_ready(probe);
    return VEC_OK;
}

static VecStatus
begin_first_round(VecProbe *probe)
{
    const VecSealed *segment = probe->segment;
    VecWalk *walk = &probe->walk;
    VecStatus status;

    if (probe->scans) {
        probe->stage = PROBE_SCAN;
        return VEC_OK;
    }
    if (!has_graph(probe)) {
        vec_ivf_rank(&segment->ivf, &segment->codes, &probe->query, probe->list_floats, probe->list_keys);
        probe->list_count = segment->ivf.list_count;
        probe->lists_read = 0;
        probe->stage = PROBE_RUN;
        return VEC_OK;
    }
    if ((status = vec_probe_set_width(probe, probe->width)) != VEC_OK ||
        (status = vec_walk_reserve_spill(walk, 1)) != VEC_OK)
        return status;

    uint32_t entry = vec_graph_entry(&segment->graph, walk, &segment->codes, &probe->query);
    if (probe->is_selective && (status = vec_selected_widen(probe, entry)) != VEC_OK)
        return status;
    if (probe->scans) {
        probe->stage = PROBE_SCAN;
        return VEC_OK;
    }
    if (!probe->is_selective)
        vec_walk_seed(walk, &segment->graph.bottom, &segment->codes, &probe->query, entry);
    if (segment->postings.terms != NULL)
        status =
            vec_postings_seed(&segment->postings, &segment->codes, &probe->query,
                              (uint64_t)probe->width * POSTINGS_PER_WIDTH, &probe->postings_scratch, walk);
    if (status == VEC_OK && probe->is_selective)
        status = vec_selected_seed(probe, entry);
    if (status == VEC_OK)
        probe->stage = PROBE_RUN;
    return status;
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
scan(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    const VecCodes *codes = &probe->segment->codes;
    VecWalk *walk = &probe->walk;
    uint64_t row_bytes = vec_codes_row_bytes(codes), unpolled = probe->row_next == 0 ? POLL_BYTES : 0;
    uint32_t batch = row_bytes * SCAN_ROWS <= POLL_BYTES ? SCAN_ROWS : (uint32_t)(POLL_BYTES / row_bytes) + 1;
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
    probe->stage = PROBE_SCAN;
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

/* The keys of one list, to the spill. */
static VecStatus
read_list(VecProbe *probe, uint32_t list, VecShouldStop should_stop, void *should_stop_context)
{
    const VecCodes *codes = &probe->segment->codes;
    VecWalk *walk = &probe->walk;
    uint32_t count, known = 0;
    const uint32_t *rows = vec_ivf_list(&probe->segment->ivf, list, &count);
    uint32_t batch_rows[SCAN_ROWS];

    if (vec_walk_reserve_spill(walk, count) != VEC_OK)
        return VEC_NO_MEMORY;
    if (should_stop != NULL &&
        should_stop(should_stop_context, probe->lists_read, probe->segment->ivf.list_count))
        return VEC_INTERRUPTED;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i] < codes->row_count)
            batch_rows[known++] = rows[i];
        if (known < SCAN_ROWS && i + 1 < count)
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

/* A round over lists: those that are due, and more as long as they bring nothing. */
static VecStatus
run_lists(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    VecWalk *walk = &probe->walk;
    VecStatus status;

    while (probe->list_count > 0 && (probe->lists_due > 0 || walk->spill_count == 0)) {
        /* the list leaves the heap only once it was read: who was interrupted begins with it again */
        status = read_list(probe, vec_walk_key_node(probe->list_keys[0]), should_stop, should_stop_context);
        if (status != VEC_OK)
            return status;
        vec_ivf_pop(probe->list_keys, &probe->list_count);
        probe->lists_read++;
        probe->lists_due -= probe->lists_due > 0;
    }
    return vec_probe_take_spill(probe);
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

    if (segment->options.kind == VEC_SEGMENT_IVF && !probe->scans)
        return run_lists(probe, should_stop, should_stop_context);
    if (probe->is_selective && !probe->scans)
        return vec_selected_run(probe, should_stop, should_stop_context);
    while (!probe->scans) {
        VecStatus status = vec_walk_run(walk, &segment->graph.bottom, &segment->codes, &probe->query,
                                        should_stop, should_stop_context);
        if (status != VEC_OK)
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

/* Everything ready was taken: begins a round with the best of the spill. */
static VecStatus
begin_next_round(VecProbe *probe)
{
    const VecSealed *segment = probe->segment;
    VecWalk *walk = &probe->walk;
    VecStatus status;

    probe->taken_count += walk->pool_count;
    walk->pool_count = 0;
    probe->ready_next = 0;
    if (probe->one_round) {
        probe->is_cut = walk->spill_count > 0 || probe->scan_to != UINT64_MAX ||
                        (!probe->scans && probe->taken_count < probe->segment->codes.row_count);
        probe->stage = PROBE_DONE;
        return VEC_OK;
    }
    if (segment->options.kind == VEC_SEGMENT_IVF && !probe->scans &&
        probe->list_count + walk->spill_count > 0) {
        probe->lists_due = probe->lists_read;
        probe->stage = PROBE_RUN;
        return VEC_OK;
    }
    if (walk->spill_count == 0) {
        if (probe->scans && probe->scan_to != UINT64_MAX)
            scan_again(probe);
        else
            probe->stage = walks(probe) ? PROBE_REST : PROBE_DONE;
        return VEC_OK;
    }
    if ((status = set_round_width(probe)) != VEC_OK)
        return status;
    vec_walk_refill(walk);
    probe->stage = PROBE_RUN;
    return VEC_OK;
}

/* The next piece of the rows that were never visited. */
static VecStatus
take_rest(VecProbe *probe)
{
    const VecCodes *codes = &probe->segment->codes;
    VecWalk *walk = &probe->walk;
    uint64_t row_bytes = vec_codes_row_bytes(codes), bytes_left = POLL_BYTES;
    VecStatus status;
    uint32_t row;

    if ((status = vec_probe_set_width(probe, REST_ROWS)) != VEC_OK)
        return status;
    walk->pool_count = 0;
    while (walk->pool_count < REST_ROWS && bytes_left > 0 && vec_probe_next_unvisited(probe, &row)) {
        bytes_left -= bytes_left < row_bytes ? bytes_left : row_bytes;
        vec_bitset_set(walk->visited, row);
        walk->pool[walk->pool_count++] = vec_walk_key(vec_codes_distance(codes, &probe->query, row), row) | 1;
        walk->distances++;
    }
    if (walk->pool_count == 0) {
        probe->stage = PROBE_DONE;
        return VEC_OK;
    }
    vec_walk_sort(walk->pool, walk->pool_count);
    walk->cursor = walk->pool_count;
    vec_probe_make_ready(probe);
    return VEC_OK;
}

VecStatus
vec_probe_advance(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    VecStatus status = VEC_OK;

    while (status == VEC_OK && vec_probe_is_due(probe)) {
        switch (probe->stage) {
            case PROBE_START:
                status = begin_first_round(probe);
                break;
            case PROBE_SCAN:
                status = probe->is_selective ? vec_selected_scan(probe, should_stop, should_stop_context)
                                             : scan(probe, should_stop, should_stop_context);
                break;
            case PROBE_RUN:
                status = run(probe, should_stop, should_stop_context);
                break;
            case PROBE_READY:
                status = begin_next_round(probe);
                break;
            case PROBE_REST:
                status = probe->is_selective ? vec_selected_take_rest(probe, should_stop, should_stop_context)
                                             : take_rest(probe);
                break;
            case PROBE_DONE:
                break;
        }
    }
    return status;
}
