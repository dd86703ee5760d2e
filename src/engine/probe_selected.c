/*
 * probe_selected.c: a probe whose search has a filter: whether it scans or walks, and both.
 */
#include "probe_ways.h"

#include <math.h>

#define REST_ROWS  1024
#define POLL_BYTES ((uint64_t)4 << 20)

/* Rows with which a walk for a selection begins, besides those where the query is. */
#define SEED_ROWS 16

#define POLL_ROWS 4096

/*
 * So many rows more than are wanted are read rather than measured by codes first, which takes as long as encoding the query and reading a dozen
 * rows that turn out to be too far: a sixth of a query that finds ten rows in a hundred thousand.
 */
#define FEW_ROWS_MORE  12
#define WANTED_UNKNOWN 12 /* is taken for so many */

/* A look may take so many nanoseconds and calls, and is taken where no more than so many times as many rows are expected: else it is in vain. */
#define FEW_LOOK_COST 5000.0
#define FEW_CALLS_MAX 16
#define FEW_ESTIMATE  1.5

/*
 * What decides between a scan and walks, in nanoseconds. A scan, besides looking for the rows: of a row's distance, and of each
 * byte of its code. A walk as without a filter, for each key that it is wide: of a step, and of its distances in rows' distances. A walk
 * that passes through what does not match, besides: of its longer way, and of the lists that it reads until it has seen enough rows
 * that match: of a list, and of a test of each row in it, which lies anywhere in a column; of several columns, less is in the caches.
 * (Zen 4, 100,000 rows, ef 100, ten rows; 10 / 15 / 20 / 30 / 50 % match: scan 130 / 180 / 250 / 390 / 1000 µs; passing through 430 / 380 / 340 /
 * 230 / 190; as without a filter, as wide as is needed, 210 / 150 / 150 / 90 / 85.)
 */
#define COST_ROW          8.0
#define COST_BYTE         0.035
#define COST_STEP         700.0
#define COST_STEP_IN      20
#define COST_PASSAGE      700.0
#define COST_LIST         100.0
#define COST_TEST         3.0
#define COST_TEST_OF_MANY 10.0

/* A walk that passes through what does not match finds less than others do in the same time: so much is that worth. */
#define COST_FINDS_LESS 1.3

/* Of rows that match a round looks at so many for each that is wanted, and so many more, if that is more than ef_search. */
#define MATCHES_WANTED 1.5
#define MATCHES_MORE   10

/* Where fewer match than this part, a walk is half as wide again, to find as many of the nearest as one without a filter. */
#define WIDER_PART 0.25

/*
 * Where the rows around the query match so much less often than all do, they follow the vectors, and the nearest that match lie
 * far from the query and from one another. The walk is then that much wider (100,000 sentences, those of two of six
 * sources wanted, queries of the other four: 0.78 of ten neighbours found at ef 100, 0.95 at 800; 0.96 and more elsewhere).
 */
#define AROUND_PART     0.4
#define AROUND_PART_MAX 0.1 /* where one of ten matches the walk finds its way */
#define AROUND_WIDER    8
#define AROUND_ROWS     30.0 /* matching rows among those looked at, if they match as often as all */

/*
 * A walk as without a filter, which tests only what it found, must be as wide as to meet so many rows that match for each that is wanted. Where
 * it is not known how many are, it is no wider than ever, and comes into question where more than a part match, of all rows and of those where
 * the query is. (100,000 sentences; a half, a quarter at random: ten rows at ef 100 recall 0.988 and 0.974 instead of 0.985 and 0.966,
 * a hundred at ef 200 0.993 and 0.994 instead of 0.971 and 0.963.)
 */
#define PASSING_PART_WANTED 0.05
#define PASSING_PART        0.2
#define PASSING_PART_LEAST  0.05 /* of a first round */
#define POOR_WANTED         0.5  /* and where it is known, of what is wanted */

/* Where the rows around the query match less often than all by this factor, and than the part above, it is no way to them. */
#define PASSING_AROUND_PART 0.5

/* Of the rows that have codes, as far as is known. */
static double
match_part(const VecProbe *probe)
{
    return probe->selection.match_estimate / (double)probe->segment->codes.row_count;
}

/* So many rows that match must be met for what is wanted; 0: unknown. */
static double
matches_wanted(const VecProbe *probe)
{
    return probe->wanted > 0 ? probe->wanted * MATCHES_WANTED + MATCHES_MORE : 0;
}

/* How wide a round is that has only rows that match. */
static uint32_t
round_width(const VecProbe *probe)
{
    return (uint32_t)fmin(fmax(probe->ef_search, matches_wanted(probe)), UINT16_MAX);
}

/* How wide a walk is that meets only such. */
static uint64_t
walk_width(const VecProbe *probe, bool is_far)
{
    uint64_t width = round_width(probe);

    if (is_far)
        return width * AROUND_WIDER;
    return match_part(probe) < WIDER_PART ? width + width / 2 : width;
}

/* Nanoseconds of a row's code, of a step of a walk as without a filter, of one that passes through what does not match, and of a scan. */
static double
cost_of_row(const VecProbe *probe)
{
    return COST_ROW + (double)vec_codes_row_bytes(&probe->segment->codes) * COST_BYTE;
}

static double
cost_of_step(const VecProbe *probe)
{
    return COST_STEP + COST_STEP_IN * cost_of_row(probe);
}

static double
cost_of_selected_step(const VecProbe *probe)
{
    const VecSelection *selection = &probe->selection;
    double test = selection->test_count > 1 ? COST_TEST_OF_MANY : COST_TEST;
    double list = COST_LIST + probe->segment->graph.bottom.degree * selection->tests_per_row * test;

    return cost_of_step(probe) + COST_PASSAGE +
           list * fmin(VEC_WALK_SEEN_PART / match_part(probe), VEC_WALK_PASSAGES);
}

/* A scan asks memory for many rows at once; a step of a walk costs the more the fewer rows match, since it reads more lists. */
static double
cost_of_scan(const VecProbe *probe)
{
    return probe->selection.match_estimate * cost_of_row(probe) + probe->selection.look_cost;
}

/* Whether reading the codes of exactly the matching rows is likely to be faster than a walk of that width. */
static bool
prefers_scan(const VecProbe *probe, uint64_t width)
{
    return cost_of_scan(probe) < (double)width * cost_of_selected_step(probe) * COST_FINDS_LESS;
}

/* How wide a walk as without a filter must be where this part of the rows matches; 0: none is. */
static uint64_t
passing_width(const VecProbe *probe, double part)
{
    if (!probe->way->is_walk || probe->one_round ||
        part < (probe->wanted > 0 ? PASSING_PART_WANTED : PASSING_PART))
        return 0;
    double width = fmax(probe->ef_search, matches_wanted(probe) / part);
    return width <= UINT16_MAX ? (uint64_t)width : 0;
}

/* Whether such a walk, if it is one, is likely to be faster than a scan, and than a walk that passes through what does not match. */
static bool
prefers_passing(const VecProbe *probe, uint64_t width)
{
    double walk = (double)walk_width(probe, false) * cost_of_selected_step(probe) * COST_FINDS_LESS;

    return width > 0 && (double)width * cost_of_step(probe) < fmin(cost_of_scan(probe), walk);
}

/* The way that is likely to be the fastest. */
static void
choose_way(VecProbe *probe)
{
    if (prefers_passing(probe, passing_width(probe, match_part(probe))))
        probe->way = &vec_probe_passing_walk;
    else if (prefers_scan(probe, walk_width(probe, false)))
        probe->way = &vec_probe_selected_scan;
    else if (probe->way->is_walk)
        probe->way = &vec_probe_selected_walk;
}

uint32_t
vec_probe_few_max(uint32_t wanted, double part)
{
    double share = ceil((wanted > 0 ? wanted : WANTED_UNKNOWN) * part) + FEW_ROWS_MORE;

    return share < VEC_PROBE_BATCH_ROWS ? (uint32_t)share : VEC_PROBE_BATCH_ROWS - 1;
}

/*
 * Where a short look tells which rows match, and that they are few, their number is no estimate any more, and they are the first of
 * batch_nodes. True: they are so few that none is measured.
 */
static bool
find_few(VecProbe *probe)
{
    VecSelection *selection = &probe->selection;
    VecSelectionCursor cursor = {0};
    uint32_t found = 0, count;
    bool more = true;

    if (selection->is_empty || selection->look_cost > FEW_LOOK_COST ||
        (selection->source_count > VEC_SELECTION_SAMPLE &&
         selection->match_estimate > probe->few_max * FEW_ESTIMATE))
        return false;
    for (uint32_t calls = 0; more && found <= probe->few_max && calls < FEW_CALLS_MAX;
         calls++, found += count)
        more = vec_selection_next(selection, &cursor, VEC_PROBE_BATCH_ROWS - found,
                                  probe->walk.batch_nodes + found, &count);
    if (more)
        return false;
    selection->match_estimate = probe->few_count = found;
    return found <= probe->few_max;
}

VecStatus
vec_probe_select(VecProbe *probe, const VecFilter *filter)
{
    const VecSelection *selection = &probe->selection;
    VecStatus status;

    probe->is_selective = false;
    if (filter == NULL || filter->condition_count == 0)
        return VEC_OK;
    status = vec_selection_begin(&probe->selection, &probe->segment->keys, filter, probe->allocator);
    if (status != VEC_OK)
        return status;
    probe->cursor = (VecSelectionCursor){0};
    probe->is_selective = selection->is_empty || selection->test_count > 0;
    if (!probe->is_selective)
        return VEC_OK;
    if (find_few(probe)) {
        probe->way = &vec_probe_selected_few;
        return VEC_OK;
    }
    probe->width = round_width(probe);
    if (probe->way->is_scan || selection->is_empty)
        probe->way = &vec_probe_selected_scan;
    else
        choose_way(probe);
    return VEC_OK;
}

/* What part matches of the rows where a walk begins. */
static double
part_around(const VecProbe *probe, uint32_t entry)
{
    const VecLayer *bottom = &probe->segment->graph.bottom;
    double lists = AROUND_ROWS / match_part(probe) / bottom->degree;

    return vec_walk_part_around(bottom, &probe->selection, entry, lists < 8 ? 8 : (uint32_t)fmin(lists, 64));
}

static bool
is_far_from_matches(const VecProbe *probe, uint32_t entry)
{
    double around = part_around(probe, entry);

    return around < AROUND_PART_MAX && around < match_part(probe) * AROUND_PART;
}

/* Where the walk would begin says how wide it must be, or that a scan is better after all. */
static VecStatus
widen(VecProbe *probe, uint32_t entry)
{
    bool is_far = is_far_from_matches(probe, entry);

    if (prefers_scan(probe, walk_width(probe, is_far))) {
        probe->way = &vec_probe_selected_scan;
        return VEC_OK;
    }
    return vec_probe_set_width(probe, (uint32_t)walk_width(probe, is_far));
}

/* A walk for a selection begins where the query is, and at matching rows from all over. */
static VecStatus
seed(VecProbe *probe, uint32_t entry)
{
    const VecSealed *segment = probe->segment;
    uint32_t rows[SEED_ROWS];
    VecStatus status =
        vec_passages_init(&probe->passages, &probe->walk, segment->graph.bottom.degree, probe->allocator);

    if (status != VEC_OK)
        return status;
    vec_walk_drop_unselected(&probe->walk, &probe->selection);
    status = vec_walk_seed_selected(&probe->walk, &probe->passages, &segment->graph.bottom, &segment->codes,
                                    &probe->query, &probe->selection, entry);
    if (status != VEC_OK)
        return status;
    return vec_walk_seed_rows(&probe->walk, &segment->codes, &probe->query, rows,
                              vec_selection_sample(&probe->selection, rows, SEED_ROWS));
}

/* Where the walk was entered. */
static VecStatus
begin_walk_at(VecProbe *probe, uint32_t entry)
{
    VecStatus status = widen(probe, entry);

    if (status != VEC_OK || !probe->way->is_walk)
        return status;
    if ((status = vec_probe_walk_seed_postings(probe)) != VEC_OK)
        return status;
    return seed(probe, entry);
}

static VecStatus
begin_walk(VecProbe *probe)
{
    uint32_t entry;
    VecStatus status = vec_probe_walk_enter(probe, &entry);

    return status == VEC_OK ? begin_walk_at(probe, entry) : status;
}

static VecStatus
begin_scan(VecProbe *probe)
{
    (void)probe;
    return VEC_OK;
}

/* Adds the keys of batch_nodes that are wanted to the spill, which has room for all and one place beyond. */
static void
keep_selected(VecProbe *probe, uint32_t count)
{
    VecWalk *walk = &probe->walk;
    uint64_t *spill = walk->spill + walk->spill_count;
    size_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = vec_walk_key(walk->batch_distances[i], walk->batch_nodes[i]);

        spill[kept] = key;
        kept += key >= probe->scan_from && key < probe->scan_to;
    }
    walk->spill_count += kept;
}

static VecStatus
run_scan(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    const VecCodes *codes = &probe->segment->codes;
    VecWalk *walk = &probe->walk;
    uint64_t row_bytes = vec_codes_row_bytes(codes), unpolled = POLL_BYTES;
    bool more = true;

    while (more) {
        uint64_t looked_at = probe->cursor.looked_at;
        uint32_t count;

        if (unpolled >= POLL_BYTES) {
            unpolled = 0;
            if (should_stop != NULL && should_stop(should_stop_context, walk->distances, codes->row_count))
                return VEC_INTERRUPTED;
        }
        if (vec_walk_reserve_spill(walk, VEC_PROBE_BATCH_ROWS) != VEC_OK)
            return VEC_NO_MEMORY;
        more = vec_selection_next(&probe->selection, &probe->cursor, VEC_PROBE_BATCH_ROWS, walk->batch_nodes,
                                  &count);
        if (walk->spill_count + count > 2 * probe->scan_keep)
            probe->scan_to = vec_walk_cut_spill(walk, probe->scan_keep) + 1;
        for (uint32_t i = 0; i < count; i++)
            vec_codes_prefetch(codes, walk->batch_nodes[i]);
        vec_codes_distances(codes, &probe->query, walk->batch_nodes, count, walk->batch_sums,
                            walk->batch_distances);
        keep_selected(probe, count);
        walk->distances += count;
        unpolled += count * row_bytes + (probe->cursor.looked_at - looked_at) * sizeof(uint64_t);
    }
    return vec_probe_take_spill(probe);
}

static VecStatus
run_few(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    VecWalk *walk = &probe->walk;

    (void)should_stop, (void)should_stop_context;
    if (vec_walk_reserve_spill(walk, probe->few_count) != VEC_OK)
        return VEC_NO_MEMORY;
    if (probe->width < probe->few_count) /* none is known to be nearer than another */
        probe->width = probe->few_count;
    walk->spill_count = 0;
    for (uint32_t i = 0; i < probe->few_count; i++)
        walk->spill[walk->spill_count++] = vec_walk_key(-INFINITY, walk->batch_nodes[i]);
    return vec_probe_take_spill(probe);
}

/* A first round that found less than it wanted, though rows are left, gives way to a scan; a later one takes what there is. */
static VecStatus
run_walk(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    const VecSealed *segment = probe->segment;
    VecWalk *walk = &probe->walk;
    VecStatus status =
        vec_walk_run_selected(walk, &probe->passages, &segment->graph.bottom, &segment->codes, &probe->query,
                              &probe->selection, should_stop, should_stop_context);

    if (status != VEC_OK ||
        (status = vec_probe_walk_add_rings(probe, should_stop, should_stop_context)) != VEC_OK)
        return status;
    if (walk->pool_count == walk->width || probe->taken_count > 0)
        return vec_probe_walk_end_round(probe);
    vec_walk_reset(walk);
    vec_passages_reset(&probe->passages, walk);
    probe->way = &vec_probe_selected_scan;
    return VEC_OK;
}

/* The matching rows that were never visited may be few and far between. */
static VecStatus
rest_of_walk(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    const VecCodes *codes = &probe->segment->codes;
    VecWalk *walk = &probe->walk;
    uint32_t looked_at = 0, row;
    VecStatus status;

    if ((status = vec_probe_set_width(probe, REST_ROWS)) != VEC_OK)
        return status;
    walk->pool_count = 0;
    while (walk->pool_count < REST_ROWS && vec_probe_next_unvisited(probe, &row)) {
        probe->row_next++;
        if (vec_selection_keep(&probe->selection, &row, 1) == 1) {
            vec_bitset_set(walk->visited, row);
            walk->pool[walk->pool_count++] =
                vec_walk_key(vec_codes_distance(codes, &probe->query, row), row) | 1;
            walk->distances++;
        }
        if (++looked_at % POLL_ROWS != 0)
            continue;
        if (walk->pool_count > 0)
            break;
        if (should_stop != NULL && should_stop(should_stop_context, probe->row_next, codes->row_count))
            return VEC_INTERRUPTED;
    }
    vec_probe_walk_end_piece(probe);
    return VEC_OK;
}

/* Begins as any walk, unless the query is where fewer match. */
static VecStatus
begin_passing(VecProbe *probe)
{
    uint32_t entry;
    VecStatus status = vec_probe_walk_enter(probe, &entry);

    if (status != VEC_OK)
        return status;
    double part = match_part(probe), around = fmin(part_around(probe, entry), part);
    bool is_way = around >= fmin(PASSING_PART, part * PASSING_AROUND_PART);
    uint64_t width = is_way ? passing_width(probe, around) : 0;
    if (prefers_passing(probe, width)) {
        probe->width = (uint32_t)width;
        if ((status = vec_probe_set_width(probe, probe->width)) != VEC_OK)
            return status;
        return vec_probe_walk_seed(probe, entry);
    }
    probe->way = &vec_probe_selected_walk;
    return begin_walk_at(probe, entry);
}

/* Of the pool, which is ready, those that do not match go behind the others: the walk must not meet them again. Returns how many match. */
static uint32_t
set_aside_unselected(VecProbe *probe)
{
    uint64_t *pool = probe->walk.pool;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < probe->walk.pool_count; i++) {
        uint64_t key = pool[i];
        uint32_t row = vec_walk_key_node(key);

        pool[i] = pool[kept];
        pool[kept] = key;
        kept += vec_selection_keep(&probe->selection, &row, 1);
    }
    vec_probe_set_ready(probe, kept);
    if (kept > 0 && probe->bounds[0] >= probe->radius)
        probe->ready_next = kept;
    return kept;
}

/* Whether so few of a first round match that the others lie elsewhere. */
static bool
is_poor(const VecProbe *probe, uint32_t matching)
{
    double least =
        probe->wanted > 0 ? probe->wanted * POOR_WANTED : probe->walk.pool_count * PASSING_PART_LEAST;

    return matching == 0 || matching < least;
}

/* A first round that found too few gives way to another search. */
static VecStatus
run_passing(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context)
{
    VecStatus status = vec_probe_walk.run(probe, should_stop, should_stop_context);

    if (status != VEC_OK || probe->stage != PROBE_READY)
        return status;
    if (!is_poor(probe, set_aside_unselected(probe)) || probe->taken_count > 0)
        return VEC_OK;
    vec_walk_reset(&probe->walk);
    probe->ready_next = probe->ready_count = 0;
    probe->row_next = 0;
    probe->width = round_width(probe);
    probe->way = &vec_probe_selected_walk;
    probe->stage = PROBE_START;
    return VEC_OK;
}

const VecProbeWay vec_probe_selected_walk = {
    .is_walk = true, .begin = begin_walk, .run = run_walk, .next = vec_probe_walk_next, .rest = rest_of_walk};

const VecProbeWay vec_probe_passing_walk = {.is_walk = true,
                                            .passes_all = true,
                                            .begin = begin_passing,
                                            .run = run_passing,
                                            .next = vec_probe_walk_next,
                                            .rest = rest_of_walk};

const VecProbeWay vec_probe_selected_scan = {
    .is_scan = true, .begin = begin_scan, .run = run_scan, .next = vec_probe_scan_next};

const VecProbeWay vec_probe_selected_few = {
    .is_scan = true, .is_unmeasured = true, .begin = begin_scan, .run = run_few, .next = vec_probe_scan_next};
