/*
 * graph_rings.c: rows of a graph under construction that are nearly one: lists name one of them.
 *
 * Of rows that are equal, or that are copies of one another (far nearer than other rows are), lists name one, their leader. The others
 * stand in a ring with it (vec_walk_ring_next), with lists of their own that lead away from them: whoever finds one of them finds
 * all, and a walk's places are for rows that differ. All linked, thirty rows that are nearly one fill each other's lists, the
 * candidates for them and the walk's pool: of 3,000 sentences, each 33 times and moved by 0.001, 0.05 and 0.2 of its length, 0.77, 0.85
 * and 0.89 of ten neighbours were found at ef 100, and are 0.999 with rings; of equal rows 0.4. A row that somebody linked to before it
 * looked for its leader, or that stands in a ring by then, becomes another leader. When all rows are there rings are looked at once more,
 * and dissolved where they have become part of something larger.
 */
#include <math.h>

#include "graph_building.h"

/*
 * A row is a copy of another if the square of their distance is less than this part of that of the row of that rank: of real sentences two
 * of a hundred are, of rows spread evenly over eight dimensions one, over four one of four. By a tenth copies moved
 * by 0.3 of their length are none (0.87 of ten neighbours found, by a fifth 0.99), by three tenths rows are that a search should tell apart.
 */
#define COPY_PART 0.2f
#define COPY_RANK 8

/* Scalar codes of fewer bits do not tell copies from other rows; nor is it needed in few dimensions. */
#define COPY_BITS_MIN 192

/*
 * A ring is part of a crowd if it is larger than this part of the squared distance to the row of that rank, from any of its rows: twice as
 * much as it was. Such rows are looked for by walks of that width.
 */
#define REVIEW_PART  (2 * COPY_PART)
#define REVIEW_WIDTH 24

/* Under products, of squared lengths: rows that differ by less are about as long as one another. */
#define AS_LONG_PART 0.02f

/* Shortens a list to what it may be in a ring. */
static void
make_ring_room(VecGraphWorker *worker, const VecLayer *layer, uint32_t row)
{
    uint32_t *links = vec_graph_node_links(layer, row);
    uint32_t count = vec_graph_list_read(worker, layer, links, layer->degree, VEC_NODE_NONE);

    if (count <= layer->degree - 2)
        return;
    count = vec_graph_list_choose_anew(worker, layer, row, count, layer->degree - 2);
    vec_graph_list_store(links, layer->degree, worker->chosen_keys, count);
}

bool
vec_graph_ring_enter(VecGraphWorker *worker, const VecLayer *layer, uint32_t row, uint32_t original)
{
    VecGraphBuild *build = worker->build;
    uint32_t last = layer->degree - 1;

    vec_graph_lock_row(build,
                       row < original ? row : original); /* in this order, lest two wait for each other */
    vec_graph_lock_row(build, row < original ? original : row);
    bool enters = vec_walk_ring_next(layer, row) == VEC_NODE_NONE;
    if (enters) {
        uint32_t next = vec_walk_ring_next(layer, original);

        make_ring_room(worker, layer, row);
        make_ring_room(worker, layer, original);
        __atomic_store_n(&vec_graph_node_links(layer, row)[last], next == VEC_NODE_NONE ? original : next,
                         __ATOMIC_RELAXED);
        __atomic_store_n(&vec_graph_node_links(layer, original)[last], row, __ATOMIC_RELAXED);
        atomic_store(&build->has_rings, true);
    }
    vec_graph_unlock_row(build, row);
    vec_graph_unlock_row(build, original);
    return enters;
}

/* Brings the rows of the pool that are equal to one to the front; returns how many. */
static uint32_t
bring_equal_forward(VecGraphWorker *worker, uint32_t row)
{
    VecWalk *walk = &worker->walk;
    uint32_t equal_count = 0;

    for (uint32_t i = 0; i < walk->pool_count; i++) {
        uint64_t key = walk->pool[i];

        if (!vec_codes_are_equal(&worker->build->codes, row, vec_walk_key_node(key)))
            continue;
        memmove(&walk->pool[equal_count + 1], &walk->pool[equal_count], (i - equal_count) * sizeof(uint64_t));
        walk->pool[equal_count++] = key;
    }
    return equal_count;
}

/* A row's distance to itself: of products the negative square of its length. */
static float
self_distance(const VecCodes *codes, const VecCodeQuery *query, uint32_t row)
{
    return vec_codes_distance(codes, query, row) + query->constant;
}

/*
 * Under products distances do not say how far apart rows are, but where rows are about as long as one another they rise with it: from the negative
 * square of that length on, the row's distance to itself. Else links go to the longest rows, and others must be found for themselves.
 * False: the first of the pool are not as long as the row, which is the worker's query; *least is what an equal row's distance is.
 */
static bool
tell_apart(VecGraphWorker *worker, uint32_t row, uint32_t count, float *least)
{
    const VecCodes *codes = &worker->build->codes;
    VecCodeQuery *other = &worker->relative;

    *least = 0.0f;
    if (codes->metric != VEC_METRIC_DOT)
        return true;
    *least = self_distance(codes, &worker->query, row);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other_row = vec_walk_key_node(worker->walk.pool[i]);

        vec_codes_query_from_row(codes, other_row, other);
        if (!(fabsf(self_distance(codes, other, other_row) - *least) <= AS_LONG_PART * fabsf(*least)))
            return false;
    }
    return true;
}

/* Whether a ring has room for another copy; of rows that are equal one counts. */
static bool
has_room_for_copy(const VecCodes *codes, const VecLayer *layer, uint32_t row)
{
    uint32_t last = row, next = vec_walk_ring_next(layer, row), count = 1;

    for (uint32_t step = 0; next != VEC_NODE_NONE && next != row && step < VEC_GRAPH_RING_ROWS_MAX; step++) {
        count += !vec_codes_are_equal(codes, last, next);
        last = next;
        next = vec_walk_ring_next(layer, next);
    }
    return count < VEC_GRAPH_COPIES_MAX;
}

/* How many of the first of the pool a row, the worker's query, is far nearer to than to the one behind them; 0: it is a copy of none. */
static uint32_t
count_originals(VecGraphWorker *worker, uint32_t row)
{
    const VecWalk *walk = &worker->walk;
    float constant = worker->query.constant, least, limit;
    uint32_t count = 0;

    if (walk->pool_count <= COPY_RANK || !tell_apart(worker, row, COPY_RANK + 1, &least))
        return 0;
    limit = least + COPY_PART * (vec_walk_key_distance(walk->pool[COPY_RANK]) + constant - least);
    while (vec_walk_key_distance(walk->pool[count]) + constant < limit)
        count++;
    return count < COPY_RANK ? count : 0;
}

/* How many of the first of the pool a row is a copy of; 0 also where the ring of one of them is full: then they are a crowd. */
static uint32_t
count_copied(VecGraphWorker *worker, const VecLayer *layer, uint32_t row)
{
    const VecGraphBuild *build = worker->build;
    const VecCodes *codes = &build->codes;
    bool is_coarse =
        codes->kind == VEC_CODE_SCALAR && (uint64_t)codes->dimensions * codes->bits < COPY_BITS_MIN;
    uint32_t count = is_coarse || build->is_reviewing ? 0 : count_originals(worker, row);

    for (uint32_t i = 0; i < count; i++)
        if (!has_room_for_copy(codes, layer, vec_walk_key_node(worker->walk.pool[i])))
            return 0;
    return count;
}

uint32_t
vec_graph_ring_originals(VecGraphWorker *worker, const VecLayer *layer, uint32_t row, uint32_t entry)
{
    uint64_t *pool = worker->walk.pool, first;
    uint32_t count = bring_equal_forward(worker, row);

    if (count == 0)
        count = count_copied(worker, layer, row);
    first = pool[0];
    if (count > 1 && vec_walk_key_node(first) == entry) { /* it may be no leader, only on the way in */
        pool[0] = pool[1];
        pool[1] = first;
    }
    return count;
}

/* The rows of a ring, at most so many, beginning with one; how many there are. 0: another row sees to the ring, or there is none. */
static uint32_t
read_ring(const VecLayer *layer, uint32_t row, uint32_t *rows)
{
    uint32_t count = 1, next = vec_walk_ring_next(layer, row);

    rows[0] = row;
    for (; next != VEC_NODE_NONE && next != row && count < VEC_GRAPH_RING_ROWS_MAX;
         next = vec_walk_ring_next(layer, next)) {
        if (next < row)
            return 0;
        rows[count++] = next;
    }
    return next == row ? count : 0;
}

static bool
is_among(const uint32_t *rows, uint32_t count, uint32_t row)
{
    while (count > 0 && rows[count - 1] != row)
        count--;
    return count > 0;
}

/* The squared distance to the farthest of a ring from its first row, which becomes the worker's query; -inf: all are equal. */
static float
ring_radius(VecGraphWorker *worker, const uint32_t *rows, uint32_t count)
{
    const VecCodes *codes = &worker->build->codes;
    float radius = -INFINITY;

    vec_codes_query_from_row(codes, rows[0], &worker->query);
    for (uint32_t i = 1; i < count; i++)
        if (!vec_codes_are_equal(codes, rows[i - 1], rows[i]))
            radius =
                fmaxf(radius, vec_codes_distance(codes, &worker->query, rows[i]) + worker->query.constant);
    return radius;
}

/* Whether rows that lists name, and are not of the ring, are so near to its first row that the ring is only a part of a crowd. */
static bool
is_crowded(VecGraphWorker *worker, const VecLayer *layer, const uint32_t *rows, uint32_t count, float radius)
{
    VecGraphBuild *build = worker->build;
    VecWalk *walk = &worker->walk;
    uint32_t width = walk->width, others = 0;
    float distance = INFINITY, least = 0.0f;

    vec_walk_reset(walk);
    walk->width = width < REVIEW_WIDTH ? width : REVIEW_WIDTH;
    vec_bitset_set(walk->visited, rows[0]);
    vec_graph_list_seed(worker, layer, rows[0]);
    if (vec_walk_run(walk, layer, &build->codes, &worker->query, NULL, NULL) != VEC_OK)
        atomic_store(&build->no_memory, true);
    vec_bitset_clear(walk->visited, rows[0]);
    walk->width = width;
    for (uint32_t i = 0; i < walk->pool_count && others < COPY_RANK; i++) {
        distance = vec_walk_key_distance(walk->pool[i]) + worker->query.constant;
        others += !is_among(rows, count, vec_walk_key_node(walk->pool[i]));
    }
    if (build->codes.metric == VEC_METRIC_DOT)
        least = self_distance(&build->codes, &worker->query, rows[0]);
    return others == COPY_RANK && radius - least > REVIEW_PART * (distance - least);
}

static void
set_ring_next(VecGraphWorker *worker, const VecLayer *layer, uint32_t row, uint32_t next)
{
    vec_graph_lock_row(worker->build, row);
    __atomic_store_n(&vec_graph_node_links(layer, row)[layer->degree - 1], next, __ATOMIC_RELAXED);
    vec_graph_unlock_row(worker->build, row);
}

/*
 * Takes a ring apart; only neighbours in it that are equal stay in rings. Leaves those of the rows that are to be linked, one of equal ones, at the
 * front, and returns how many.
 */
static uint32_t
dissolve_ring(VecGraphWorker *worker, const VecLayer *layer, uint32_t *rows, uint32_t count)
{
    const VecCodes *codes = &worker->build->codes;
    uint32_t firsts = 0;

    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && vec_codes_are_equal(codes, rows[end - 1], rows[end]);)
            end++;
        set_ring_next(worker, layer, rows[end - 1], end - first > 1 ? rows[first] : VEC_NODE_NONE);
        rows[firsts++] = rows[first];
    }
    return firsts;
}

uint32_t
vec_graph_ring_review(VecGraphWorker *worker, uint32_t row, uint32_t *rows)
{
    const VecLayer *bottom = &worker->build->graph->bottom;
    uint32_t count;
    float radius;

    if (vec_walk_ring_next(bottom, row) == VEC_NODE_NONE || (count = read_ring(bottom, row, rows)) == 0)
        return 0;
    radius = ring_radius(worker, rows, count);
    if (radius == -INFINITY || !is_crowded(worker, bottom, rows, count, radius))
        return 0;
    return dissolve_ring(worker, bottom, rows, count);
}
