/*
 * graph_build.c: inserting rows into a graph, by several threads at once.
 *
 * Every code is written before the first insertion, so a thread that meets a row may use it at once. Lists are changed under
 * their node's byte lock and read without any: a list is an array of relaxed atomics, every state of which is a valid list.
 * A task is one row, taken from a counter: interrupted threads finish theirs, and the next run goes on at the counter.
 *
 * The neighbours of a row are chosen among what the walk found by the paper's heuristic: nearest first, leaving out those
 * that are no farther from a chosen one than from the row; then the nearest of those left out fill the list up to 5/8. No
 * farther, where others say nearer: rows that are equal would all be chosen, fill each other's lists and lead nowhere else
 * (10,000 rows, of which 3,000 are the same: recall of the others was 0.89, is 0.99). The free places take the links that
 * come back: a list that is always full has to be chosen anew at each of them, which was half of the time of a build (33
 * such choices a row, 3 with the free places; recall at equal numbers of distances is the same). Distances between rows
 * come from codes alone.
 *
 * Of rows that are equal, or that are copies of one another (far nearer than other rows are), lists name one, their leader. The others
 * stand in a ring with it (vec_walk_ring_next), with lists of their own that lead away from them: whoever finds one of them finds
 * all, and a walk's places are for rows that differ. All linked, thirty rows that are nearly one fill each other's lists, the
 * candidates for them and the walk's pool: of 3,000 sentences, each 33 times and moved by 0.001, 0.05 and 0.2 of its length, 0.77, 0.85
 * and 0.89 of ten neighbours were found at ef 100, and are 0.999 with rings; of equal rows 0.4. A row that somebody linked to before it
 * looked for its leader, or that stands in a ring by then, becomes another leader. When all rows are there rings are looked at once more,
 * and dissolved where they have become part of something larger.
 *
 * Where a base comes along (vectors/merge.h), its lists are translated first. A list that named dead rows is chosen anew among
 * the living rest and the neighbours of the dead (as FreshDiskANN consolidates: Singh et al. 2021). The next living row of its
 * ring takes a dead one's place. Rows that only dead rows led to are then inserted as new ones are.
 */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "graph.h"
#include "memory.h"
#include "threads.h"

/* The first rows are inserted by one thread: with nothing to find yet, threads would build islands. */
#define ALONE_COUNT  256
#define SELECT_BATCH 8

/* Rows of a sparse row's lists with which its walk begins, for each candidate that it looks for. */
#define POSTINGS_PER_WIDTH 16

/* Of up to 1 KB of neighbours each. */
#define UNLINKED_POLL_ROWS 65536
#define MEND_FACTOR        8 /* candidates for a list that lost dead neighbours, in lists */

/*
 * A row is a copy of another if the square of their distance is less than this part of that of the row of that rank: of real sentences two
 * of a hundred are, of rows spread evenly over eight dimensions one, over four one of four. By a tenth copies moved
 * by 0.3 of their length are none (0.87 of ten neighbours found, by a fifth 0.99), by three tenths rows are that a search should tell apart.
 */
#define COPY_PART 0.2f
#define COPY_RANK 8

/* Scalar codes of fewer bits do not tell copies from other rows; nor is it needed in few dimensions. */
#define COPY_BITS_MIN 192

/* Of longer rings, of which many rows are equal then, nobody counts the copies or looks at them again. */
#define RING_STEPS_MAX 4096

/*
 * A ring is part of a crowd if it is larger than this part of the squared distance to the row of that rank, from any of its rows: twice as
 * much as it was. Such rows are looked for by walks of that width.
 */
#define REVIEW_PART  (2 * COPY_PART)
#define REVIEW_WIDTH 24

/* Under products, of squared lengths: rows that differ by less are about as long as one another. */
#define AS_LONG_PART 0.02f

/* A list that names a dead row takes the next living one of its ring, unless so many behind it are dead. */
#define RING_DEAD_MAX 1000

typedef struct Worker {
    VecGraphBuild *build;
    VecWalk walk;
    VecCodeQuery query;    /* the row being inserted */
    VecCodeQuery relative; /* the row to which others are compared while choosing */
    VecCodeQuery other;    /* the node whose list is full */
    VecPostingsScratch postings_scratch;
    uint64_t *list_keys; /* a full list and one more, or the candidates for a mended list */
    uint32_t list_capacity;
    uint32_t *list_rows;
    int32_t *list_sums;
    float *list_distances;
    uint64_t *chosen_keys; /* what select leaves; the bottom layer's degree */
    uint64_t *left_keys;
    uint32_t *chosen_rows;
    pthread_t thread;
    bool is_caller;
} Worker;

struct VecGraphBuild {
    const VecGraph *graph;
    VecCodes codes;
    int8_t *ones; /* for codes */
    VecGraphBuildOptions options;
    const VecAllocator *allocator;
    uint8_t *locks; /* one a row; upper layers use their row's */
    uint64_t *
        unlinked; /* bits over rows: of the base, and no list of the bottom layer names them; NULL: there are none */
    bool is_adopting;       /* first phase: tasks are rows of the base's graph */
    bool is_reviewing;      /* last phase: tasks are rows, whose rings are looked at */
    uint64_t unlinked_next; /* after it: how far find_unlinked is; 0: not begun */
    uint64_t task_count;
    atomic_uint_fast64_t task_next;
    atomic_uint_fast64_t tasks_done;
    atomic_bool has_rings;
    atomic_bool stop;
    atomic_bool no_memory;
    VecShouldStop should_stop;
    void *should_stop_context;
    bool threaded;
};

static void
lock_row(VecGraphBuild *build, uint32_t row)
{
    while (__atomic_exchange_n(&build->locks[row], 1, __ATOMIC_ACQUIRE) != 0) {
        for (int spin = 0; __atomic_load_n(&build->locks[row], __ATOMIC_RELAXED) != 0; spin++) {
            if (spin % 64 == 63)
                sched_yield(); /* its owner may wait for our processor */
        }
    }
}

static void
unlock_row(VecGraphBuild *build, uint32_t row)
{
    __atomic_store_n(&build->locks[row], 0, __ATOMIC_RELEASE);
}

static inline uint32_t
node_row(const VecLayer *layer, uint32_t node)
{
    return layer->rows == NULL ? node : layer->rows[node];
}

/* Graphs under construction are writable, whatever the view says. */
static inline uint32_t *
node_links(const VecLayer *layer, uint32_t node)
{
    return (uint32_t *)layer->links + (size_t)node * layer->degree;
}

static bool
polled(void *context, uint64_t rows_done, uint64_t rows_total)
{
    VecGraphBuild *build = context;

    (void)rows_done;
    (void)rows_total;
    if (build->should_stop != NULL && !atomic_load_explicit(&build->stop, memory_order_relaxed) &&
        build->should_stop(build->should_stop_context, atomic_load(&build->tasks_done), build->task_count))
        atomic_store(&build->stop, true);
    return false; /* the row under way is finished in any case */
}

/* True if `row` (relative holds it) is no farther from a chosen row than `distance`. */
static bool
is_covered(Worker *worker, const VecCodes *codes, float distance, uint32_t chosen_count)
{
    int32_t sums[SELECT_BATCH];
    float distances[SELECT_BATCH];

    for (uint32_t first = 0; first < chosen_count; first += SELECT_BATCH) {
        uint32_t count = chosen_count - first < SELECT_BATCH ? chosen_count - first : SELECT_BATCH;

        vec_codes_distances(codes, &worker->relative, worker->chosen_rows + first, count, sums, distances);
        for (uint32_t i = 0; i < count; i++) {
            if (distances[i] + worker->relative.constant <= distance)
                return true;
        }
    }
    return false;
}

/* Chooses up to `wanted` of the sorted keys (distances without `constant`) into worker->chosen_keys; returns how many. */
static uint32_t
choose(Worker *worker, const VecLayer *layer, const uint64_t *keys, uint32_t key_count, uint32_t wanted,
       float constant)
{
    const VecCodes *codes = &worker->build->codes;
    uint32_t filled = wanted < layer->degree * 5 / 8 ? wanted : layer->degree * 5 / 8;
    uint32_t chosen_count = 0, left_count = 0;

    for (uint32_t i = 0; i < key_count && chosen_count < wanted; i++) {
        uint32_t row = node_row(layer, vec_walk_key_node(keys[i]));

        if (chosen_count > 0) {
            vec_codes_query_from_row(codes, row, &worker->relative);
            if (is_covered(worker, codes, vec_walk_key_distance(keys[i]) + constant, chosen_count)) {
                if (left_count < filled)
                    worker->left_keys[left_count++] = keys[i];
                continue;
            }
        }
        worker->chosen_rows[chosen_count] = row;
        worker->chosen_keys[chosen_count++] = keys[i];
    }
    for (uint32_t i = 0; i < left_count && chosen_count < filled; i++)
        worker->chosen_keys[chosen_count++] = worker->left_keys[i];
    return chosen_count;
}

static void
store_links(uint32_t *links, uint32_t degree, const uint64_t *keys, uint32_t count)
{
    for (uint32_t i = 0; i < degree; i++)
        __atomic_store_n(&links[i], i < count ? vec_walk_key_node(keys[i]) : VEC_NODE_NONE, __ATOMIC_RELAXED);
}

/* How long a node's list may be: a ring takes the last place, and the one before it to end the list. */
static uint32_t
list_room(const VecLayer *layer, uint32_t node)
{
    return vec_walk_ring_next(layer, node) == VEC_NODE_NONE ? layer->degree : layer->degree - 2;
}

/* Reads the first `count_max` of a list into list_keys (nodes) and list_rows, or up to a node; returns how many. */
static uint32_t
read_list(Worker *worker, const VecLayer *layer, const uint32_t *links, uint32_t count_max, uint32_t until)
{
    uint32_t count = 0;

    for (; count < count_max; count++) {
        uint32_t neighbour = __atomic_load_n(&links[count], __ATOMIC_RELAXED);

        if (neighbour == VEC_NODE_NONE || neighbour == until)
            break;
        worker->list_keys[count] = neighbour;
        worker->list_rows[count] = node_row(layer, neighbour);
    }
    return count;
}

/* Chooses up to `wanted` among the first `count` of list_keys (nodes) and list_rows. */
static uint32_t
choose_anew(Worker *worker, const VecLayer *layer, uint32_t row, uint32_t count, uint32_t wanted)
{
    const VecCodes *codes = &worker->build->codes;

    vec_codes_query_from_row(codes, row, &worker->other);
    vec_codes_distances(codes, &worker->other, worker->list_rows, count, worker->list_sums,
                        worker->list_distances);
    for (uint32_t i = 0; i < count; i++)
        worker->list_keys[i] = vec_walk_key(worker->list_distances[i], (uint32_t)worker->list_keys[i]);
    vec_walk_sort(worker->list_keys, count);
    return choose(worker, layer, worker->list_keys, count, wanted, worker->other.constant);
}

/* Adds node to the list of `to`. If that is full, chooses anew among the list and node; or leaves it as it is. */
static void
link_back(Worker *worker, const VecLayer *layer, uint32_t to, uint32_t node, bool may_leave)
{
    uint32_t to_row = node_row(layer, to);
    uint32_t *links = node_links(layer, to);

    lock_row(worker->build, to_row);
    uint32_t room = list_room(layer, to);
    uint32_t count = read_list(worker, layer, links, room, node);
    if (count < room) { /* room, or there already */
        __atomic_store_n(&links[count], node, __ATOMIC_RELAXED);
    } else if (!may_leave) {
        worker->list_keys[count] = node;
        worker->list_rows[count++] = node_row(layer, node);
        count = choose_anew(worker, layer, to_row, count, room);
        store_links(links, room, worker->chosen_keys, count);
    }
    unlock_row(worker->build, to_row);
}

/* Shortens a list to what it may be in a ring. */
static void
make_ring_room(Worker *worker, const VecLayer *layer, uint32_t row)
{
    uint32_t *links = node_links(layer, row);
    uint32_t count = read_list(worker, layer, links, layer->degree, VEC_NODE_NONE);

    if (count <= layer->degree - 2)
        return;
    count = choose_anew(worker, layer, row, count, layer->degree - 2);
    store_links(links, layer->degree, worker->chosen_keys, count);
}

/* Takes row into the ring of its original. False: it stands in one. */
static bool
enter_ring(Worker *worker, const VecLayer *layer, uint32_t row, uint32_t original)
{
    VecGraphBuild *build = worker->build;
    uint32_t last = layer->degree - 1;

    lock_row(build, row < original ? row : original); /* in this order, lest two wait for each other */
    lock_row(build, row < original ? original : row);
    bool enters = vec_walk_ring_next(layer, row) == VEC_NODE_NONE;
    if (enters) {
        uint32_t next = vec_walk_ring_next(layer, original);

        make_ring_room(worker, layer, row);
        make_ring_room(worker, layer, original);
        __atomic_store_n(&node_links(layer, row)[last], next == VEC_NODE_NONE ? original : next,
                         __ATOMIC_RELAXED);
        __atomic_store_n(&node_links(layer, original)[last], row, __ATOMIC_RELAXED);
        atomic_store(&build->has_rings, true);
    }
    unlock_row(build, row);
    unlock_row(build, original);
    return enters;
}

/* Brings the rows of the pool that are equal to one to the front; returns how many. */
static uint32_t
bring_equal_forward(Worker *worker, uint32_t row)
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

/*
 * Under products distances do not say how far apart rows are, but where rows are about as long as one another they rise with it: from the negative
 * square of that length on, the row's distance to itself. Else links go to the longest rows, and others must be found for themselves.
 * False: the first of the pool are not as long as the row, which is the worker's query; *least is what an equal row's distance is.
 */
static bool
tell_apart(Worker *worker, uint32_t row, uint32_t count, float *least)
{
    const VecCodes *codes = &worker->build->codes;
    VecCodeQuery *other = &worker->relative;

    *least = 0.0f;
    if (codes->metric != VEC_METRIC_DOT)
        return true;
    *least = vec_codes_distance(codes, &worker->query, row) + worker->query.constant;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other_row = vec_walk_key_node(worker->walk.pool[i]);

        vec_codes_query_from_row(codes, other_row, other);
        if (!(fabsf(vec_codes_distance(codes, other, other_row) + other->constant - *least) <=
              AS_LONG_PART * fabsf(*least)))
            return false;
    }
    return true;
}

/* Whether a ring has room for another copy; of rows that are equal one counts. */
static bool
has_room_for_copy(const VecCodes *codes, const VecLayer *layer, uint32_t row)
{
    uint32_t last = row, next = vec_walk_ring_next(layer, row), count = 1;

    for (uint32_t step = 0; next != VEC_NODE_NONE && next != row && step < RING_STEPS_MAX; step++) {
        count += !vec_codes_are_equal(codes, last, next);
        last = next;
        next = vec_walk_ring_next(layer, next);
    }
    return count < VEC_GRAPH_COPIES_MAX;
}

/* How many of the first of the pool a row, the worker's query, is far nearer to than to the one behind them; 0: it is a copy of none. */
static uint32_t
count_originals(Worker *worker, uint32_t row)
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

/*
 * How many of the first of the pool a row is a copy of: its leader, and those of its ring at which walks enter, or leaders that were inserted at the
 * same time. Where a ring is full, or becomes part of something larger, it is a crowd, whose rows a search should tell apart (review_ring).
 */
static uint32_t
copies_in_pool(Worker *worker, const VecLayer *layer, uint32_t row)
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

/* Rows that were not inserted yet may be among them: they are linked to like all others, and find their lists begun. */
static VecStatus
seed_from_postings(Worker *worker)
{
    const VecGraphBuild *build = worker->build;

    if (build->options.postings == NULL)
        return VEC_OK;
    return vec_postings_seed(build->options.postings, &build->codes, &worker->query,
                             (uint64_t)build->options.ef_construction * POSTINGS_PER_WIDTH,
                             &worker->postings_scratch, &worker->walk);
}

/* The walk begins at what the node's own list names. */
static void
seed_from_list(Worker *worker, const VecLayer *layer, uint32_t node)
{
    uint32_t count = read_list(worker, layer, node_links(layer, node), list_room(layer, node), VEC_NODE_NONE);

    for (uint32_t i = 0; i < count; i++)
        vec_walk_seed(&worker->walk, layer, &worker->build->codes, &worker->query,
                      (uint32_t)worker->list_keys[i]);
}

/* Finds and links the neighbours of node in a layer, from `entry` on; returns the nearest node found. */
static uint32_t
insert_into_layer(Worker *worker, const VecLayer *layer, uint32_t node, uint32_t entry)
{
    VecGraphBuild *build = worker->build;
    VecWalk *walk = &worker->walk;
    uint64_t chosen[2 * 128];

    vec_walk_reset(walk);
    vec_bitset_set(walk->visited, node); /* others may have linked to it already */
    if (entry == node)                   /* of a crowd, and found from above */
        seed_from_list(worker, layer, node);
    else
        vec_walk_seed(walk, layer, &build->codes, &worker->query, entry);
    if (layer == &build->graph->bottom && seed_from_postings(worker) != VEC_OK)
        atomic_store(&build->no_memory, true);
    if (vec_walk_run(walk, layer, &build->codes, &worker->query, worker->is_caller ? polled : NULL, build) !=
        VEC_OK)
        atomic_store(&build->no_memory,
                     true); /* linked with what was found; reported when all threads are back */
    vec_bitset_clear(walk->visited, node);
    if (walk->pool_count == 0)
        return entry;

    uint32_t row = node_row(layer, node);
    bool is_bottom = layer == &build->graph->bottom;
    uint32_t copy_count = is_bottom ? bring_equal_forward(worker, row) : 0;
    if (is_bottom && copy_count == 0)
        copy_count = copies_in_pool(worker, layer, row);
    if (copy_count > 1 &&
        vec_walk_key_node(walk->pool[0]) == entry) { /* it may be no leader, only on the way in */
        uint64_t key = walk->pool[0];

        walk->pool[0] = walk->pool[1];
        walk->pool[1] = key;
    }
    /* of a copy's list one place is for its leader alone, so that it leads elsewhere, and lists name no others of a ring */
    uint32_t wanted = copy_count > 0 ? layer->degree - 3 : layer->degree;
    uint32_t count = choose(worker, layer, walk->pool + copy_count, walk->pool_count - copy_count, wanted,
                            worker->query.constant);
    memcpy(chosen, worker->chosen_keys, count * sizeof(uint64_t));
    if (copy_count > 0)
        chosen[count++] = walk->pool[0];

    uint32_t *links = node_links(layer, node);
    lock_row(build, row);
    bool is_empty = __atomic_load_n(&links[0], __ATOMIC_RELAXED) == VEC_NODE_NONE;
    if (is_empty)
        store_links(links, list_room(layer, node), chosen, count);
    unlock_row(build, row);

    /* a copy has its leader linked to once more: of one row alone all links may be lost to others */
    bool is_led = copy_count > 0 && enter_ring(worker, layer, row, vec_walk_key_node(walk->pool[0]));
    uint32_t linked = is_led ? vec_walk_key_node(walk->pool[0]) : node;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_empty) /* somebody linked to us meanwhile: add to what there is */
            link_back(worker, layer, node, vec_walk_key_node(chosen[i]), false);
        if (vec_walk_key_node(chosen[i]) != linked)
            link_back(worker, layer, vec_walk_key_node(chosen[i]), linked, is_led);
    }
    return vec_walk_key_node(walk->pool[0]);
}

/* Inserts a row whose number in the upper layers is `node`, in `layers` of them (0: only into the bottom layer). */
static void
insert_row(Worker *worker, uint32_t row, uint32_t node, uint32_t layers)
{
    const VecGraph *graph = worker->build->graph;
    const VecCodes *codes = &worker->build->codes;

    vec_codes_query_from_row(codes, row, &worker->query);

    uint32_t entry = vec_graph_descend(graph, &worker->walk, codes, &worker->query, layers);
    for (uint32_t layer = layers; layer > 0; layer--)
        entry = insert_into_layer(worker, &graph->upper[layer - 1], node, entry);
    insert_into_layer(worker, &graph->bottom, row, graph->layer_count > 0 ? graph->upper[0].rows[entry] : 0);
}

/* A neighbour in the base's graph as a node of the new one; VEC_NODE_NONE if it is dead. */
static inline uint32_t
new_node(const VecGraphBase *base, const VecLayer *old_layer, uint32_t old_node)
{
    return old_layer->rows == NULL ? vec_graph_base_row(base, old_node) : base->new_nodes[old_node];
}

/* Read once: what was checked must be what is used, even if the file changes in between. */
static inline uint32_t
old_link(const uint32_t *links, uint32_t i)
{
    return __atomic_load_n(&links[i], __ATOMIC_RELAXED);
}

/* The first living one behind an old row in its ring, after so many dead ones at most; VEC_NODE_NONE: none. */
static uint32_t
next_living(const VecGraphBase *base, const VecLayer *old_layer, uint32_t old_node, uint32_t steps_max)
{
    for (uint32_t step = 0; step < steps_max; step++) {
        old_node = vec_walk_ring_next(old_layer, old_node);
        if (old_node == VEC_NODE_NONE)
            break;
        uint32_t node = new_node(base, old_layer, old_node);
        if (node != VEC_NODE_NONE)
            return node;
    }
    return VEC_NODE_NONE;
}

/* What an old node has become, or one of its ring; VEC_NODE_NONE: all those are dead. */
static uint32_t
living_node(const VecGraphBase *base, const VecLayer *old_layer, uint32_t old_node)
{
    uint32_t node = new_node(base, old_layer, old_node);

    return node != VEC_NODE_NONE ? node : next_living(base, old_layer, old_node, RING_DEAD_MAX);
}

/* Appends the living ones of an old list to worker->list_keys, each once; returns the new count, *lost: some were dead. */
static uint32_t
gather_living(Worker *worker, const VecLayer *old_layer, uint32_t old_node, uint32_t count, bool *lost)
{
    const VecGraphBase *base = worker->build->options.base;
    const uint32_t *links = old_layer->links + (size_t)old_node * old_layer->degree;

    for (uint32_t i = 0; i < old_layer->degree; i++) {
        uint32_t old_neighbour = old_link(links, i);

        if (old_neighbour >= old_layer->node_count)
            break;
        uint32_t node = living_node(base, old_layer, old_neighbour);
        if (node == VEC_NODE_NONE) {
            *lost = true;
        } else if (!vec_bitset_test(worker->walk.visited, node) && count < worker->list_capacity) {
            vec_bitset_set(worker->walk.visited, node);
            worker->list_keys[count++] = node;
        }
    }
    return count;
}

/* Brings one living node's list over, and its place in a ring. Nobody else writes them in this phase. */
static void
adopt_list(Worker *worker, const VecLayer *old_layer, uint32_t old_node, const VecLayer *layer, uint32_t node)
{
    const VecGraphBase *base = worker->build->options.base;
    const uint32_t *links = old_layer->links + (size_t)old_node * old_layer->degree;
    uint32_t *list = node_links(layer, node);
    /* however many died between two living ones: together these steps are as many as there are dead, and the ring closes */
    uint32_t next = next_living(base, old_layer, old_node, base->dead_count + 1), room = layer->degree;
    bool lost = false;

    if (next != VEC_NODE_NONE && next != node) {
        list[layer->degree - 1] = next;
        room = layer->degree - 2;
        atomic_store(&worker->build->has_rings, true);
    }
    vec_bitset_set(worker->walk.visited, node);
    uint32_t count = gather_living(worker, old_layer, old_node, 0, &lost);
    for (uint32_t i = 0; lost && i < old_layer->degree; i++) {
        uint32_t old_neighbour = old_link(links, i);
        bool ignored;

        if (old_neighbour >= old_layer->node_count)
            break;
        if (living_node(base, old_layer, old_neighbour) == VEC_NODE_NONE)
            count = gather_living(worker, old_layer, old_neighbour, count, &ignored);
    }
    vec_bitset_clear(worker->walk.visited, node);
    for (uint32_t i = 0; i < count; i++) {
        worker->list_rows[i] = node_row(layer, (uint32_t)worker->list_keys[i]);
        vec_bitset_clear(worker->walk.visited, (uint32_t)worker->list_keys[i]);
    }
    if (!lost) {
        for (uint32_t i = 0; i < room; i++)
            list[i] = i < count ? (uint32_t)worker->list_keys[i] : VEC_NODE_NONE;
        return;
    }
    count = choose_anew(worker, layer, node_row(layer, node), count, room);
    store_links(list, room, worker->chosen_keys, count);
}

/* Tasks 0 .. n1 - 1 are the base's upper nodes, the others its rows. */
static void
adopt_task(Worker *worker, uint32_t task)
{
    VecGraphBuild *build = worker->build;
    const VecGraphBase *base = build->options.base;
    const VecGraph *old = base->graph;
    uint32_t upper_count = old->upper[0].node_count;

    if (task >= upper_count) {
        uint32_t row = vec_graph_base_row(base, task - upper_count);

        if (row != VEC_NODE_NONE)
            adopt_list(worker, &old->bottom, task - upper_count, &build->graph->bottom, row);
        return;
    }

    uint32_t node = base->new_nodes[task];
    for (uint32_t layer = node == VEC_NODE_NONE ? 0 : vec_graph_node_layers(old, task); layer > 0; layer--)
        adopt_list(worker, &old->upper[layer - 1], task, &build->graph->upper[layer - 1], node);
}

/* The number in layer 1 of the base's highest living row. */
static uint32_t
base_entry(const VecGraphBase *base)
{
    uint32_t node = 0;

    while (base->new_nodes[node] == VEC_NODE_NONE)
        node++;
    return base->new_nodes[node];
}

/* Inserts node 0. In a new graph the entry finds nobody; one that is higher than the base begins at the base's entry. */
static void
insert_entry(Worker *worker)
{
    const VecGraph *graph = worker->build->graph;
    const VecGraphBase *base = worker->build->options.base;
    uint32_t row = graph->upper[0].rows[0];

    if (base == NULL || vec_graph_base_has(base, row))
        return;
    vec_codes_query_from_row(&worker->build->codes, row, &worker->query);

    uint32_t entry = base_entry(base);
    for (uint32_t layer = vec_graph_node_layers(graph, entry); layer > 0; layer--)
        entry = insert_into_layer(worker, &graph->upper[layer - 1], 0, entry);
    insert_into_layer(worker, &graph->bottom, row, graph->upper[0].rows[entry]);
}

/* The rows of a ring, at most so many, beginning with one; how many there are. 0: another row sees to the ring, or there is none. */
static uint32_t
read_ring(const VecLayer *layer, uint32_t row, uint32_t *rows)
{
    uint32_t count = 1, next = vec_walk_ring_next(layer, row);

    rows[0] = row;
    for (; next != VEC_NODE_NONE && next != row && count < RING_STEPS_MAX;
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

/* The squared distance to the farthest of a ring from its first row, which becomes the worker's query; *has_copies: not all are equal. */
static float
ring_radius(Worker *worker, const uint32_t *rows, uint32_t count, bool *has_copies)
{
    const VecCodes *codes = &worker->build->codes;
    float radius = -INFINITY;

    *has_copies = false;
    vec_codes_query_from_row(codes, rows[0], &worker->query);
    for (uint32_t i = 1; i < count; i++) {
        if (vec_codes_are_equal(codes, rows[i - 1], rows[i]))
            continue;
        *has_copies = true;
        radius = fmaxf(radius, vec_codes_distance(codes, &worker->query, rows[i]) + worker->query.constant);
    }
    return radius;
}

/* Whether rows that lists name, and are not of the ring, are so near to its first row that the ring is only a part of a crowd. */
static bool
is_crowded(Worker *worker, const VecLayer *layer, const uint32_t *rows, uint32_t count, float radius)
{
    VecGraphBuild *build = worker->build;
    VecWalk *walk = &worker->walk;
    uint32_t width = walk->width, others = 0;
    float distance = INFINITY, least = 0.0f;

    vec_walk_reset(walk);
    walk->width = width < REVIEW_WIDTH ? width : REVIEW_WIDTH;
    vec_bitset_set(walk->visited, rows[0]);
    seed_from_list(worker, layer, rows[0]);
    if (vec_walk_run(walk, layer, &build->codes, &worker->query, worker->is_caller ? polled : NULL, build) !=
        VEC_OK)
        atomic_store(&build->no_memory, true);
    vec_bitset_clear(walk->visited, rows[0]);
    walk->width = width;
    for (uint32_t i = 0; i < walk->pool_count && others < COPY_RANK; i++) {
        distance = vec_walk_key_distance(walk->pool[i]) + worker->query.constant;
        others += !is_among(rows, count, vec_walk_key_node(walk->pool[i]));
    }
    if (build->codes.metric == VEC_METRIC_DOT)
        least = vec_codes_distance(&build->codes, &worker->query, rows[0]) + worker->query.constant;
    return others == COPY_RANK && radius - least > REVIEW_PART * (distance - least);
}

static void
set_ring_next(Worker *worker, const VecLayer *layer, uint32_t row, uint32_t next)
{
    lock_row(worker->build, row);
    __atomic_store_n(&node_links(layer, row)[layer->degree - 1], next, __ATOMIC_RELAXED);
    unlock_row(worker->build, row);
}

/* Links the rows of a ring as others are; only neighbours in it that are equal stay in rings, of which one is linked. */
static void
link_crowd(Worker *worker, const VecLayer *layer, const uint32_t *rows, uint32_t count)
{
    const VecCodes *codes = &worker->build->codes;

    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && vec_codes_are_equal(codes, rows[end - 1], rows[end]);)
            end++;
        set_ring_next(worker, layer, rows[end - 1], end - first > 1 ? rows[first] : VEC_NODE_NONE);
    }
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || !vec_codes_are_equal(codes, rows[i - 1], rows[i]))
            insert_row(worker, rows[i], VEC_NODE_NONE, 0);
}

/*
 * All rows are there: what was far nearer than all others when it came need not be so any more. Of a crowd far from others the first rows become
 * copies of whoever came first, and would be found with that one only (60 crowds of 400 rows: 0.71 of ten neighbours at ef 40, else all).
 */
static void
review_ring(Worker *worker, uint32_t row)
{
    const VecLayer *bottom = &worker->build->graph->bottom;
    uint32_t rows[RING_STEPS_MAX], count;
    bool has_copies;
    float radius;

    if (vec_walk_ring_next(bottom, row) == VEC_NODE_NONE || (count = read_ring(bottom, row, rows)) == 0)
        return;
    radius = ring_radius(worker, rows, count, &has_copies);
    if (has_copies && is_crowded(worker, bottom, rows, count, radius))
        link_crowd(worker, bottom, rows, count);
}

/* Tasks 0 .. n1 - 1 are the nodes of layer 1, from the top down; then all rows in order, which skips those. */
static void
insert_task(Worker *worker, uint64_t task)
{
    VecGraphBuild *build = worker->build;
    const VecGraph *graph = build->graph;
    const VecGraphBase *base = build->options.base;
    uint32_t upper_count = graph->layer_count > 0 ? graph->upper[0].node_count : 0;

    if (task < upper_count) {
        uint32_t node = (uint32_t)task;

        if (node == 0)
            insert_entry(worker);
        else if (!vec_graph_base_has(base, graph->upper[0].rows[node]))
            insert_row(worker, graph->upper[0].rows[node], node, vec_graph_node_layers(graph, node));
        return;
    }

    uint32_t row = (uint32_t)(task - upper_count);
    if (row == 0 && upper_count == 0)
        return;
    if (vec_graph_base_has(base, row)) {
        if (build->unlinked != NULL && vec_bitset_test(build->unlinked, row))
            insert_row(worker, row, VEC_NODE_NONE, 0);
    } else if (!vec_graph_is_upper(build->options.seed, graph->m, row)) {
        insert_row(worker, row, VEC_NODE_NONE, 0);
    }
}

static void
run_tasks(Worker *worker, uint64_t task_end)
{
    VecGraphBuild *build = worker->build;

    while (!atomic_load_explicit(&build->stop, memory_order_relaxed) &&
           !atomic_load_explicit(&build->no_memory, memory_order_relaxed)) {
        if (atomic_load_explicit(&build->task_next, memory_order_relaxed) >= task_end)
            return;
        uint64_t task = atomic_fetch_add(&build->task_next, 1);
        if (task >= build->task_count)
            return;
        if (build->is_adopting)
            adopt_task(worker, (uint32_t)task);
        else if (build->is_reviewing)
            review_ring(worker, (uint32_t)task);
        else
            insert_task(worker, task);
        atomic_fetch_add_explicit(&build->tasks_done, 1, memory_order_relaxed);
        if (worker->is_caller)
            polled(build, 0, 0);
    }
}

static void *
run_thread(void *argument)
{
    Worker *worker = argument;

    run_tasks(worker, worker->build->task_count);
    return NULL;
}

static bool
worker_init(Worker *worker, VecGraphBuild *build)
{
    const VecAllocator *allocator = build->allocator;
    uint32_t degree = build->graph->bottom.degree;
    VecCodeKind kind = build->codes.kind;
    uint32_t dimensions = build->codes.dimensions;

    *worker = (Worker){.build = build};
    if (!vec_codes_query_init(&worker->query, kind, dimensions, allocator) ||
        !vec_codes_query_init(&worker->relative, kind, dimensions, allocator) ||
        !vec_codes_query_init(&worker->other, kind, dimensions, allocator) ||
        !vec_walk_init(&worker->walk, build->graph->row_count, degree, allocator) ||
        vec_walk_set_width(&worker->walk, build->options.ef_construction) != VEC_OK ||
        vec_walk_reserve_spill(&worker->walk, (size_t)build->options.ef_construction * degree) != VEC_OK)
        return false;
    worker->list_capacity = build->options.base != NULL ? MEND_FACTOR * degree : degree + 1;
    worker->list_keys = vec_memory_allocate_raw(allocator, worker->list_capacity, sizeof(uint64_t));
    worker->list_rows = vec_memory_allocate_raw(allocator, worker->list_capacity, sizeof(uint32_t));
    worker->list_sums = vec_memory_allocate_raw(allocator, worker->list_capacity, sizeof(int32_t));
    worker->list_distances = vec_memory_allocate_raw(allocator, worker->list_capacity, sizeof(float));
    worker->chosen_keys = vec_memory_allocate_raw(allocator, degree, sizeof(uint64_t));
    worker->left_keys = vec_memory_allocate_raw(allocator, degree, sizeof(uint64_t));
    worker->chosen_rows = vec_memory_allocate_raw(allocator, degree, sizeof(uint32_t));
    if (worker->list_keys == NULL || worker->list_rows == NULL || worker->list_sums == NULL ||
        worker->list_distances == NULL || worker->chosen_keys == NULL || worker->left_keys == NULL ||
        worker->chosen_rows == NULL)
        return false;
    return true;
}

static void
worker_free(Worker *worker)
{
    const VecAllocator *allocator;

    if (worker->build == NULL)
        return;
    allocator = worker->build->allocator;
    vec_walk_free(&worker->walk);
    vec_postings_scratch_free(&worker->postings_scratch);
    vec_codes_query_free(&worker->query);
    vec_codes_query_free(&worker->relative);
    vec_codes_query_free(&worker->other);
    vec_memory_release(allocator, worker->list_keys);
    vec_memory_release(allocator, worker->list_rows);
    vec_memory_release(allocator, worker->list_sums);
    vec_memory_release(allocator, worker->list_distances);
    vec_memory_release(allocator, worker->chosen_keys);
    vec_memory_release(allocator, worker->left_keys);
    vec_memory_release(allocator, worker->chosen_rows);
}

static void
set_task_count(VecGraphBuild *build)
{
    const VecGraph *graph = build->is_adopting ? build->options.base->graph : build->graph;

    build->task_count = graph->row_count;
    if (graph->layer_count > 0 && !build->is_reviewing)
        build->task_count += graph->upper[0].node_count;
    atomic_store(&build->task_next, 0);
    atomic_store(&build->tasks_done, 0);
}

/* The rows behind one in its ring are found where it is. */
static void
clear_ring(const VecGraphBuild *build, uint32_t row)
{
    const VecLayer *bottom = &build->graph->bottom;
    uint32_t next = vec_walk_ring_next(bottom, row);

    for (; next != VEC_NODE_NONE && next != row && vec_bitset_test(build->unlinked, next);
         next = vec_walk_ring_next(bottom, next))
        vec_bitset_clear(build->unlinked, next);
}

/*
 * The first phase is over: which rows of the base does no list of the bottom layer name any more? Three passes: lists clear whom
 * they name; rings of rows that were named are cleared; of the others one row each stays.
 */
static VecStatus
find_unlinked(VecGraphBuild *build, VecError *error)
{
    const VecGraphBase *base = build->options.base;
    const VecGraph *graph = build->graph;
    uint64_t *bits = build->unlinked;

    if (build->unlinked_next == 0) {
        for (uint32_t i = 0; i < base->row_count; i++)
            vec_bitset_set(bits, base->row_first + i);
        for (uint32_t node = 0; node < graph->upper[0].node_count; node++) /* are found from above */
            vec_bitset_clear(bits, graph->upper[0].rows[node]);
    }
    for (; build->unlinked_next < 3 * (uint64_t)base->row_count; build->unlinked_next++) {
        uint32_t row = base->row_first + (uint32_t)(build->unlinked_next % base->row_count);
        const uint32_t *links = graph->bottom.links + (size_t)row * graph->bottom.degree;
        uint64_t pass = build->unlinked_next / base->row_count;

        if (build->unlinked_next % UNLINKED_POLL_ROWS == UNLINKED_POLL_ROWS - 1) {
            polled(build, 0, 0);
            if (atomic_load(&build->stop))
                return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
        }
        for (uint32_t i = 0; pass == 0 && i < graph->bottom.degree && links[i] != VEC_NODE_NONE; i++)
            vec_bitset_clear(bits, links[i]);
        if (pass > 0 && vec_bitset_test(bits, row) == (pass == 2))
            clear_ring(build, row);
    }
    return VEC_OK;
}

VecStatus
vec_graph_build_begin(const VecGraph *graph, const VecCodes *codes, const VecGraphBuildOptions *options,
                      const VecAllocator *allocator, VecGraphBuild **build, VecError *error)
{
    VecGraphBuild *made = vec_memory_allocate(allocator, 1, sizeof(*made));
    size_t ones_bytes = codes->kind == VEC_CODE_SCALAR ? VEC_SIMD_QUERY_BYTES(codes->dimensions) : 0;

    if (made == NULL)
        return vec_memory_error(error);
    made->graph = graph;
    made->codes = *codes;
    made->options = *options;
    made->allocator = allocator;
    made->is_adopting = options->base != NULL;
    set_task_count(made);
    made->locks = vec_memory_allocate(allocator, graph->row_count, 1);
    made->ones = vec_memory_allocate(allocator, ones_bytes, 1);
    if (options->base != NULL && options->base->dead_count > 0)
        made->unlinked = vec_memory_allocate(allocator, VEC_BITSET_WORDS(graph->row_count), sizeof(uint64_t));
    if (made->locks == NULL || made->ones == NULL ||
        (made->unlinked == NULL && options->base != NULL && options->base->dead_count > 0)) {
        vec_graph_build_free(made);
        return vec_memory_error(error);
    }
    if (ones_bytes > 0)
        memset(made->ones, 1, codes->dimensions);
    made->codes.ones = made->ones;
    *build = made;
    return VEC_OK;
}

/* The tasks of one phase, by all workers. */
static VecStatus
run_phase(VecGraphBuild *build, Worker *workers, uint32_t worker_count, VecError *error)
{
    uint32_t started = 0;

    run_tasks(&workers[0], build->task_count < ALONE_COUNT ? build->task_count : ALONE_COUNT);
    if (!atomic_load(&build->stop) && atomic_load(&build->task_next) < build->task_count)
        while (started + 1 < worker_count &&
               vec_threads_start(&workers[started + 1].thread, run_thread, &workers[started + 1]))
            started++;
    run_tasks(&workers[0], build->task_count);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(workers[1 + i].thread, NULL);

    if (atomic_load(&build->no_memory))
        return vec_memory_error(error);
    if (atomic_load(&build->tasks_done) < build->task_count)
        return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
    return VEC_OK;
}

VecStatus
vec_graph_build_run(VecGraphBuild *build, VecShouldStop should_stop, void *should_stop_context,
                    VecError *error)
{
    uint32_t worker_count = build->options.thread_count, made = 0;
    Worker *workers = vec_memory_allocate(build->allocator, worker_count, sizeof(Worker));
    VecStatus status = VEC_OK;

    if (workers == NULL)
        return vec_memory_error(error);
    while (made < worker_count && worker_init(&workers[made], build))
        made++;
    if (made < worker_count) {
        status = vec_memory_error(error);
        goto done;
    }
    build->should_stop = should_stop;
    build->should_stop_context = should_stop_context;
    atomic_store(&build->stop, false);
    atomic_store(&build->no_memory, false);
    workers[0].is_caller = true;
    polled(build, 0, 0);
    if (build->is_adopting) {
        if ((status = run_phase(build, workers, worker_count, error)) != VEC_OK)
            goto done;
        if (build->unlinked != NULL && (status = find_unlinked(build, error)) != VEC_OK)
            goto done;
        build->is_adopting = false;
        set_task_count(build);
    }
    if (!build->is_reviewing) {
        if ((status = run_phase(build, workers, worker_count, error)) != VEC_OK ||
            !atomic_load(&build->has_rings))
            goto done;
        build->is_reviewing = true;
        set_task_count(build);
    }
    status = run_phase(build, workers, worker_count, error);

done:
    for (uint32_t i = 0; i <= made && i < worker_count; i++)
        worker_free(&workers[i]);
    vec_memory_release(build->allocator, workers);
    return status;
}

bool
vec_graph_build_has_rings(const VecGraphBuild *build)
{
    return atomic_load(&build->has_rings);
}

void
vec_graph_build_free(VecGraphBuild *build)
{
    if (build == NULL)
        return;
    vec_memory_release(build->allocator, build->locks);
    vec_memory_release(build->allocator, build->ones);
    vec_memory_release(build->allocator, build->unlinked);
    vec_memory_release(build->allocator, build);
}
