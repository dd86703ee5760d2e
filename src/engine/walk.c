/*
 * walk.c: the inner loop of everything that searches a graph: a hop, and the keys' order.
 *
 * A hop reads a node's list, drops what was visited, asks for the codes of all the others at once (prefetch) and only then
 * computes: from memory that is limited by the number of outstanding cache misses, not by one miss after the other. The
 * list of the node that is likely to be next is prefetched before the distances are computed.
 */
#include "walk.h"

#include "memory.h"

#define POLL_HOPS       64
#define SPILL_MIN       1024
#define CACHE_LINE      64
#define INSERTION_COUNT 24 /* below this many keys insertion sort wins */

bool
vec_walk_init(VecWalk *walk, uint32_t node_count, uint32_t degree, const VecAllocator *allocator)
{
    *walk = (VecWalk){.allocator = allocator, .batch_capacity = degree};
    walk->visited_words = VEC_BITSET_WORDS(node_count);
    walk->visited = vec_memory_allocate(allocator, walk->visited_words, sizeof(uint64_t));
    walk->batch_nodes = vec_memory_allocate_raw(allocator, degree, sizeof(uint32_t));
    walk->batch_rows = vec_memory_allocate_raw(allocator, degree, sizeof(uint32_t));
    walk->batch_sums = vec_memory_allocate_raw(allocator, degree, sizeof(int32_t));
    walk->batch_distances = vec_memory_allocate_raw(allocator, degree, sizeof(float));
    return walk->visited != NULL && walk->batch_nodes != NULL && walk->batch_rows != NULL &&
           walk->batch_sums != NULL && walk->batch_distances != NULL;
}

void
vec_walk_free(VecWalk *walk)
{
    if (walk->allocator == NULL)
        return;
    vec_memory_release(walk->allocator, walk->visited);
    vec_memory_release(walk->allocator, walk->pool);
    vec_memory_release(walk->allocator, walk->spill);
    vec_memory_release(walk->allocator, walk->batch_nodes);
    vec_memory_release(walk->allocator, walk->batch_rows);
    vec_memory_release(walk->allocator, walk->batch_sums);
    vec_memory_release(walk->allocator, walk->batch_distances);
    *walk = (VecWalk){0};
}

VecStatus
vec_walk_set_width(VecWalk *walk, uint32_t width)
{
    if (width > walk->pool_capacity) {
        uint64_t *pool = vec_memory_allocate_raw(walk->allocator, (size_t)width + 1, sizeof(uint64_t));

        if (pool == NULL)
            return VEC_NO_MEMORY;
        if (walk->pool_count > 0)
            memcpy(pool, walk->pool, walk->pool_count * sizeof(uint64_t));
        vec_memory_release(walk->allocator, walk->pool);
        walk->pool = pool;
        walk->pool_capacity = width;
    }
    walk->width = width;
    return VEC_OK;
}

VecStatus
vec_walk_reserve_spill(VecWalk *walk, size_t count)
{
    if (walk->spill_capacity - walk->spill_count >= count)
        return VEC_OK;

    size_t capacity = walk->spill_capacity * 2 > SPILL_MIN ? walk->spill_capacity * 2 : SPILL_MIN;
    if (capacity < walk->spill_count + count)
        capacity = walk->spill_count + count;
    uint64_t *spill = vec_memory_allocate_raw(walk->allocator, capacity, sizeof(uint64_t));
    if (spill == NULL)
        return VEC_NO_MEMORY;
    if (walk->spill_count > 0)
        memcpy(spill, walk->spill, walk->spill_count * sizeof(uint64_t));
    vec_memory_release(walk->allocator, walk->spill);
    walk->spill = spill;
    walk->spill_capacity = capacity;
    return VEC_OK;
}

void
vec_walk_reset(VecWalk *walk)
{
    /* every visited node is in the pool or in the spill, until a caller takes keys out and clears the set itself */
    for (uint32_t i = 0; i < walk->pool_count; i++)
        vec_bitset_clear(walk->visited, vec_walk_key_node(walk->pool[i]));
    for (size_t i = 0; i < walk->spill_count; i++)
        vec_bitset_clear(walk->visited, vec_walk_key_node(walk->spill[i]));
    walk->pool_count = 0;
    walk->spill_count = 0;
    walk->cursor = 0;
}

/* Places a key; what does not fit goes to the spill, where the caller has reserved room. */
static inline void
offer(VecWalk *walk, uint64_t key)
{
    uint64_t *pool = walk->pool;
    uint32_t low = 0, high = walk->pool_count;

    if (high == walk->width) {
        if (key >= pool[high - 1]) {
            walk->spill[walk->spill_count++] = key;
            return;
        }
        walk->spill[walk->spill_count++] = pool[high - 1];
        high--;
    } else {
        walk->pool_count++;
    }

    uint32_t end = high;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (pool[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(pool + low + 1, pool + low, (end - low) * sizeof(uint64_t));
    pool[low] = key;
    if (low < walk->cursor)
        walk->cursor = low;
}

void
vec_walk_seed(VecWalk *walk, const VecLayer *layer, const VecCodes *codes, const VecCodeQuery *query,
              uint32_t node)
{
    uint32_t row = layer->rows == NULL ? node : layer->rows[node];

    if (row >= codes->row_count || vec_bitset_test(walk->visited, node))
        return;
    vec_bitset_set(walk->visited, node);
    walk->distances++;
    offer(walk, vec_walk_key(vec_codes_distance(codes, query, row), node));
}

/* Fills the batch with node's neighbours (only_unvisited: those never seen, and marks them); returns how many. */
static inline uint32_t
gather(VecWalk *walk, const VecLayer *layer, const VecCodes *codes, uint32_t node, bool only_unvisited)
{
    const uint32_t *links = layer->links + (size_t)node * layer->degree;
    uint32_t count = 0;

    walk->hops++;
    for (uint32_t i = 0; i < layer->degree; i++) {
        uint32_t neighbour = __atomic_load_n(&links[i], __ATOMIC_RELAXED);

        if (neighbour >= layer->node_count)
            break;
        if (only_unvisited) {
            if (vec_bitset_test(walk->visited, neighbour))
                continue;
            vec_bitset_set(walk->visited, neighbour);
        }
        uint32_t row = layer->rows == NULL ? neighbour : layer->rows[neighbour];
        if (row >= codes->row_count)
            continue;
        vec_codes_prefetch(codes, row);
        walk->batch_nodes[count] = neighbour;
        walk->batch_rows[count++] = row;
    }
    walk->distances += count;
    return count;
}

uint32_t
vec_walk_descend(VecWalk *walk, const VecLayer *layer, const VecCodes *codes, const VecCodeQuery *query,
                 uint32_t node)
{
    uint32_t row = layer->rows == NULL ? node : layer->rows[node];
    if (row >= codes->row_count)
        return node;

    uint64_t best = vec_walk_key(vec_codes_distance(codes, query, row), node);
    for (;;) {
        uint64_t before = best;
        uint32_t count = gather(walk, layer, codes, vec_walk_key_node(best), false);

        vec_codes_distances(codes, query, walk->batch_rows, count, walk->batch_sums, walk->batch_distances);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t key = vec_walk_key(walk->batch_distances[i], walk->batch_nodes[i]);
            best = key < best ? key : best;
        }
        if (best == before)
            return vec_walk_key_node(best);
    }
}

VecStatus
vec_walk_run(VecWalk *walk, const VecLayer *layer, const VecCodes *codes, const VecCodeQuery *query,
             VecShouldStop should_stop, void *should_stop_context)
{
    uint32_t polled = 0;

    for (;;) {
        while (walk->cursor < walk->pool_count && (walk->pool[walk->cursor] & 1))
            walk->cursor++;
        if (walk->cursor == walk->pool_count)
            return VEC_OK;
        if (++polled % POLL_HOPS == 0 && should_stop != NULL &&
            should_stop(should_stop_context, walk->distances, 0))
            return VEC_INTERRUPTED;
        if (vec_walk_reserve_spill(walk, layer->degree) != VEC_OK)
            return VEC_NO_MEMORY;

        uint32_t node = vec_walk_key_node(walk->pool[walk->cursor]);
        walk->pool[walk->cursor++] |= 1;
        uint32_t count = gather(walk, layer, codes, node, true);

        if (walk->cursor < walk->pool_count) {
            const uint32_t *next =
                layer->links + (size_t)vec_walk_key_node(walk->pool[walk->cursor]) * layer->degree;
            for (uint32_t i = 0; i < layer->degree; i += CACHE_LINE / sizeof(uint32_t))
                __builtin_prefetch(next + i);
        }
        vec_codes_distances(codes, query, walk->batch_rows, count, walk->batch_sums, walk->batch_distances);
        for (uint32_t i = 0; i < count; i++)
            offer(walk, vec_walk_key(walk->batch_distances[i], walk->batch_nodes[i]));
    }
}

static void
sort_insertion(uint64_t *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        size_t j = i;

        for (; j > 0 && keys[j - 1] > key; j--)
            keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

static void
swap(uint64_t *a, uint64_t *b)
{
    uint64_t c = *a;

    *a = *b;
    *b = c;
}

/* Splits around the median of three (left in place): returns i with keys[..i] <= keys[i] <= keys[i..]. Keys differ. */
static size_t
partition(uint64_t *keys, size_t count)
{
    size_t middle = count / 2, last = count - 1, i = 0, j = last;

    if (keys[middle] < keys[0])
        swap(&keys[middle], &keys[0]);
    if (keys[last] < keys[0])
        swap(&keys[last], &keys[0]);
    if (keys[last] < keys[middle])
        swap(&keys[last], &keys[middle]);

    uint64_t pivot = keys[middle];
    for (;;) {
        while (keys[i] < pivot)
            i++;
        while (keys[j] > pivot)
            j--;
        if (i >= j)
            return i;
        swap(&keys[i], &keys[j]);
        if (keys[i] == pivot && keys[j] == pivot) /* equal keys: corrupt input only; still ends */
            i++;
    }
}

static void
sift_down(uint64_t *keys, size_t count, size_t root)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && keys[child] < keys[child + 1])
            child++;
        if (keys[root] >= keys[child])
            return;
        swap(&keys[root], &keys[child]);
        root = child;
    }
}

static void
sort_heap(uint64_t *keys, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(keys, count, i);
    for (size_t end = count; end-- > 1;) {
        swap(&keys[0], &keys[end]);
        sift_down(keys, end, 0);
    }
}

/* Quicksort of the keys before `wanted` only; the budget of splits keeps it O(n log n) on any input. */
static void
sort_prefix(uint64_t *keys, size_t count, size_t wanted, uint32_t budget)
{
    while (count > INSERTION_COUNT && wanted > 0) {
        if (budget-- == 0) {
            sort_heap(keys, count);
            return;
        }
        size_t split = partition(keys, count);
        if (split + 1 < wanted)
            sort_prefix(keys + split + 1, count - split - 1, wanted - split - 1, budget);
        count = split;
        wanted = wanted < split ? wanted : split;
    }
    if (wanted > 0)
        sort_insertion(keys, count);
}

void
vec_walk_sort(uint64_t *keys, size_t count)
{
    sort_prefix(keys, count, count, 128);
}

void
vec_walk_refill(VecWalk *walk)
{
    size_t count = walk->spill_count < walk->width ? walk->spill_count : walk->width;

    sort_prefix(walk->spill, walk->spill_count, count, 128);
    if (count > 0)
        memcpy(walk->pool, walk->spill, count * sizeof(uint64_t));
    memmove(walk->spill, walk->spill + count, (walk->spill_count - count) * sizeof(uint64_t));
    walk->spill_count -= count;
    walk->pool_count = (uint32_t)count;
    walk->cursor = 0;
}
