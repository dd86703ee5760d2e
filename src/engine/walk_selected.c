/*
 * walk_selected.c: a step reads lists until it has found enough rows that match, and then computes their distances in one
 * batch.
 */
#include "walk_selected.h"

#include "memory.h"

#define POLL_BYTES ((uint64_t)4 << 20)
#define POLL_STEPS 64
#define CACHE_LINE 64
#define AHEAD      4
#define NEXT_LISTS 2
#define DENSE_PART 3
#define PASSED_MIN 4096
#define DEGREE_MAX 256
#define RING_STEPS 256
#define WAITING_LISTS                                                                                        \
    16 /* the queue holds so many lists of nodes that do not match; more are not waited for */

VecStatus
vec_passages_init(VecPassages *passages, const VecWalk *walk, uint32_t degree, const VecAllocator *allocator)
{
    if (passages->waiting != NULL)
        return VEC_OK;
    passages->allocator = allocator;
    passages->capacity = WAITING_LISTS * degree;
    passages->passed_capacity = walk->visited_words > PASSED_MIN ? walk->visited_words : PASSED_MIN;
    passages->passed = vec_memory_allocate_raw(allocator, passages->passed_capacity, sizeof(uint32_t));
    if (passages->passed == NULL)
        return VEC_NO_MEMORY;
    passages->waiting =
        vec_memory_allocate_raw(allocator, (size_t)passages->capacity + degree, sizeof(uint32_t));
    if (passages->waiting == NULL) {
        vec_passages_free(passages);
        return VEC_NO_MEMORY;
    }
    return VEC_OK;
}

void
vec_passages_free(VecPassages *passages)
{
    if (passages->allocator == NULL)
        return;
    vec_memory_release(passages->allocator, passages->waiting);
    vec_memory_release(passages->allocator, passages->passed);
    *passages = (VecPassages){0};
}

void
vec_passages_reset(VecPassages *passages, VecWalk *walk)
{
    if (passages->passed_count > passages->passed_capacity)
        memset(walk->visited, 0, walk->visited_words * sizeof(uint64_t));
    else
        for (size_t i = 0; i < passages->passed_count; i++)
            vec_bitset_clear(walk->visited, passages->passed[i]);
    passages->passed_count = 0;
}

static inline void
pass(VecPassages *passages, VecWalk *walk, uint32_t node)
{
    vec_bitset_set(walk->visited, node);
    if (passages->passed_count < passages->passed_capacity)
        passages->passed[passages->passed_count++] = node;
    else
        passages->passed_count = passages->passed_capacity + 1;
}

static inline void
prefetch_list(const VecLayer *layer, uint32_t node)
{
    const uint32_t *links = layer->links + (size_t)node * layer->degree;

    for (uint32_t i = 0; i < layer->degree; i += CACHE_LINE / sizeof(uint32_t))
        __builtin_prefetch(links + i);
}

static inline uint32_t
read_neighbours(const VecLayer *layer, uint32_t node, uint32_t *neighbours)
{
    const uint32_t *links = layer->links + (size_t)node * layer->degree;
    uint32_t count = 0;

    for (; count < layer->degree; count++) {
        neighbours[count] = __atomic_load_n(&links[count], __ATOMIC_RELAXED);
        if (neighbours[count] >= layer->node_count)
            break;
    }
    return count;
}

/* One step's findings: `count` matching rows in walk->batch_nodes, and those waiting in [next, end). */
typedef struct Step {
    uint32_t count;
    uint32_t seen; /* matching rows in the lists, visited before or not */
    uint32_t next;
    uint32_t end;
    uint32_t lists;
} Step;

/* A row of a node's ring that matches; VEC_NODE_NONE: there is none, or none soon. */
static inline uint32_t
stand_in(const VecLayer *layer, const VecSelection *selection, uint32_t node)
{
    uint32_t next = vec_walk_ring_next(layer, node);

    for (uint32_t step = 0; next != VEC_NODE_NONE && next != node && step < RING_STEPS; step++) {
        uint32_t row = next;

        if (vec_selection_keep(selection, &row, 1) == 1)
            return row;
        next = vec_walk_ring_next(layer, next);
    }
    return VEC_NODE_NONE;
}

/* Lets rows of their rings stand in for those of `count` nodes that do not match; returns how many nodes are left. */
static inline uint32_t
replace_others(VecWalk *walk, VecPassages *passages, const VecLayer *layer, const VecSelection *selection,
               uint32_t *others, uint32_t count, Step *step)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = stand_in(layer, selection, others[i]);

        if (row == VEC_NODE_NONE) {
            others[left++] = others[i];
            continue;
        }
        pass(passages, walk, others[i]);
        step->seen++;
        if (vec_bitset_test(walk->visited, row))
            continue;
        vec_bitset_set(walk->visited, row);
        walk->batch_nodes[step->count++] = row;
    }
    return left;
}

/* Reads a node's list: neighbours that match and were not visited are visited now and join the batch, the others wait. */
static inline void
read_list(VecWalk *walk, VecPassages *passages, const VecLayer *layer, const VecSelection *selection,
          uint32_t node, Step *step)
{
    uint32_t *matching = walk->batch_nodes + step->count, *others = passages->waiting + step->end;
    uint32_t neighbours[DEGREE_MAX], kept = 0, other_count = 0;
    uint32_t count = read_neighbours(layer, node, neighbours);

    for (uint32_t i = 0; layer->has_rings && i < count; i++) /* where a ring would be */
        __builtin_prefetch(layer->links + (size_t)(neighbours[i] + 1) * layer->degree - 1);
    memcpy(matching, neighbours, count * sizeof(uint32_t));
    step->lists++;

    uint32_t matching_count = vec_selection_keep(selection, matching, count), new_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_kept = kept < matching_count && matching[kept] == neighbours[i];

        others[other_count] = neighbours[i];
        other_count += !is_kept && !vec_bitset_test(walk->visited, neighbours[i]);
        kept += is_kept;
    }
    for (uint32_t i = 0; i < matching_count; i++) {
        uint32_t row = matching[i];
        bool is_new = !vec_bitset_test(walk->visited, row);

        vec_bitset_set(walk->visited, row);
        matching[new_count] = row;
        new_count += is_new;
    }
    step->seen += matching_count;
    step->count += new_count;
    if (layer->has_rings)
        other_count = replace_others(walk, passages, layer, selection, others, other_count, step);
    if (step->end + other_count <= passages->capacity)
        step->end += other_count;
}

/*
 * Passes through what waits, nearest in hops first, until enough matching rows were seen: five eighths of a list. At 100,000
 * rows of which 50 / 10 / 2 % match at random, ef 100, that finds 0.986 / 0.969 / 0.953 of ten neighbours in 0.6 / 0.5 / 0.35
 * times the speed of a search without a filter; half a list 0.984 / 0.956 / 0.93, a whole one 0.993 / 0.987 / - at 0.45 / 0.35.
 * Where a third of the rows match half a list will do, with an eighth fewer lists.
 */
static void
pass_through(VecWalk *walk, VecPassages *passages, const VecLayer *layer, const VecSelection *selection,
             Step *step)
{
    bool is_dense = selection->match_estimate * DENSE_PART >= layer->node_count;
    uint32_t wanted = is_dense ? layer->degree / 2 : (uint32_t)(layer->degree * VEC_WALK_SEEN_PART);

    for (uint32_t i = step->next; i < step->end && i < step->next + AHEAD; i++)
        prefetch_list(layer, passages->waiting[i]);
    for (; step->next < step->end && step->seen < wanted && step->count < layer->degree &&
           step->lists < VEC_WALK_PASSAGES;
         step->next++) {
        uint32_t node = passages->waiting[step->next];

        if (step->next + AHEAD < step->end)
            prefetch_list(layer, passages->waiting[step->next + AHEAD]);
        if (vec_bitset_test(walk->visited, node))
            continue;
        pass(passages, walk, node);
        read_list(walk, passages, layer, selection, node, step);
    }
}

/* Asks for the lists of the nodes that are next unless the batch finds better ones. */
static void
prefetch_next(const VecWalk *walk, const VecLayer *layer)
{
    uint32_t wanted = NEXT_LISTS;

    for (uint32_t i = walk->cursor; i < walk->pool_count && wanted > 0; i++) {
        if (walk->pool[i] & 1)
            continue;
        prefetch_list(layer, vec_walk_key_node(walk->pool[i]));
        wanted--;
    }
}

static void
take_batch(VecWalk *walk, const VecLayer *layer, const VecCodes *codes, const VecCodeQuery *query,
           const Step *step)
{
    for (uint32_t i = 0; i < step->count; i++)
        vec_codes_prefetch(codes, walk->batch_nodes[i]);
    prefetch_next(walk, layer);
    walk->hops += step->lists;
    walk->distances += step->count;
    vec_codes_distances(codes, query, walk->batch_nodes, step->count, walk->batch_sums,
                        walk->batch_distances);
    vec_walk_insert_batch(walk, step->count);
}

VecStatus
vec_walk_seed_selected(VecWalk *walk, VecPassages *passages, const VecLayer *layer, const VecCodes *codes,
                       const VecCodeQuery *query, const VecSelection *selection, uint32_t node)
{
    uint32_t row = node;
    Step step = {0};

    if (vec_bitset_test(walk->visited, node))
        return VEC_OK;
    if (vec_selection_keep(selection, &row, 1) == 1 ||
        (row = stand_in(layer, selection, node)) != VEC_NODE_NONE)
        return vec_walk_seed_rows(walk, codes, query, &row, 1);
    if (vec_walk_reserve_spill(walk, walk->batch_capacity) != VEC_OK)
        return VEC_NO_MEMORY;
    pass(passages, walk, node);
    read_list(walk, passages, layer, selection, node, &step);
    pass_through(walk, passages, layer, selection, &step);
    take_batch(walk, layer, codes, query, &step);
    return VEC_OK;
}

/* The first `lists_max` lists around a node, in two hops. */
double
vec_walk_part_around(const VecLayer *layer, const VecSelection *selection, uint32_t node, uint32_t lists_max)
{
    uint32_t first[DEGREE_MAX], second[DEGREE_MAX], first_count = read_neighbours(layer, node, first);
    uint32_t kept[DEGREE_MAX];
    uint64_t count = first_count, matching;

    memcpy(kept, first, first_count * sizeof(uint32_t));
    matching = vec_selection_keep(selection, kept, first_count);
    for (uint32_t i = 0; i < first_count; i++)
        prefetch_list(layer, first[i]);
    for (uint32_t i = 0; i < first_count && i + 1 < lists_max; i++) {
        uint32_t second_count = read_neighbours(layer, first[i], second);

        count += second_count;
        matching += vec_selection_keep(selection, second, second_count);
    }
    return count > 0 ? (double)matching / (double)count : 1;
}

VecStatus
vec_walk_run_selected(VecWalk *walk, VecPassages *passages, const VecLayer *layer, const VecCodes *codes,
                      const VecCodeQuery *query, const VecSelection *selection, VecShouldStop should_stop,
                      void *should_stop_context)
{
    uint64_t row_bytes = vec_codes_row_bytes(codes), unpolled = 0;
    uint32_t node;

    for (;;) {
        Step step = {0};

        if (unpolled >= POLL_BYTES) {
            unpolled = 0;
            if (should_stop != NULL && should_stop(should_stop_context, walk->distances, 0))
                return VEC_INTERRUPTED;
        }
        if (vec_walk_reserve_spill(walk, walk->batch_capacity) != VEC_OK)
            return VEC_NO_MEMORY;
        if (vec_walk_take_unread(walk, &node, 1) == 0)
            return VEC_OK;
        read_list(walk, passages, layer, selection, node, &step);
        pass_through(walk, passages, layer, selection, &step);
        take_batch(walk, layer, codes, query, &step);
        unpolled += step.count * row_bytes + POLL_BYTES / POLL_STEPS;
    }
}

/* Keeps the matching ones of sorted or unsorted keys, in their order. */
static size_t
keep_keys(VecWalk *walk, const VecSelection *selection, uint64_t *keys, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t row = vec_walk_key_node(keys[i]);

        if (vec_selection_keep(selection, &row, 1) == 1)
            keys[kept++] = keys[i];
        else
            vec_bitset_clear(walk->visited, vec_walk_key_node(keys[i]));
    }
    return kept;
}

void
vec_walk_drop_unselected(VecWalk *walk, const VecSelection *selection)
{
    walk->pool_count = (uint32_t)keep_keys(walk, selection, walk->pool, walk->pool_count);
    walk->cursor = 0;
    walk->spill_count = keep_keys(walk, selection, walk->spill, walk->spill_count);
}
