/*
 * walk.h: best-first search over one layer of a graph: the sorted pool, the visited set, and what was left aside.
 *
 * A key is one uint64 that sorts as its distance does: order-preserving bits of the float distance (32), node number (31),
 * and whether the node's neighbours were read (1). The pool holds the best `width` keys in ascending order; a key that never
 * entered, or was pushed out, is appended to the spill, which nobody looks at before the pool is used up: that is what makes
 * a search resumable at no cost while it is not resumed.
 */
#ifndef VEC_WALK_H
#define VEC_WALK_H

#include <stdint.h>
#include <string.h>

#include "bitset.h"
#include "codes.h"
#include "vectors/allocator.h"
#include "vectors/segment.h"
#include "vectors/status.h"

#define VEC_NODE_NONE UINT32_MAX

/*
 * So many nodes are read in one step: more codes are asked of memory at once, and few of those steps are in vain, since a
 * search reads every node of its final pool anyway (measured at 100,000 rows: 2 saves 10 % of the time, 3 and 4 no more).
 */
#define VEC_WALK_NODES 2

/*
 * One layer of a graph: `degree` neighbours a node, the list ends at the first number that is no node. While a graph is built
 * other threads store numbers meanwhile, one atomic store each; a reader may see some old and some new, all valid.
 */
typedef struct VecLayer {
    const uint32_t *links;
    uint32_t degree;
    uint32_t node_count;
    const uint32_t *rows; /* node -> row; NULL: the same number */
    bool has_rings;       /* of copies, in a bottom layer; else nobody looks for them */
} VecLayer;

/*
 * The next of the rows that stand in a ring with a bottom layer's node, equal or nearly so; VEC_NODE_NONE: it stands in none. It is in the
 * list's last place, behind its end, so that walks pass it by.
 */
static inline uint32_t
vec_walk_ring_next(const VecLayer *layer, uint32_t node)
{
    if (!layer->has_rings)
        return VEC_NODE_NONE;

    const uint32_t *links = layer->links + (size_t)node * layer->degree;
    uint32_t next = __atomic_load_n(&links[layer->degree - 1], __ATOMIC_RELAXED);
    bool is_ring = next < layer->node_count &&
                   __atomic_load_n(&links[layer->degree - 2], __ATOMIC_RELAXED) >= layer->node_count;

    return is_ring ? next : VEC_NODE_NONE;
}

typedef struct VecWalk {
    const VecAllocator *allocator;
    uint64_t *visited; /* bits over nodes; all zero between walks */
    uint64_t visited_words;
    uint64_t *pool; /* pool_capacity + 1 keys */
    uint32_t pool_capacity;
    uint32_t pool_count;
    uint32_t width;  /* <= pool_capacity */
    uint32_t cursor; /* no key before it is unread */
    uint64_t *spill;
    size_t spill_count;
    size_t spill_capacity;
    uint32_t *batch_nodes;
    uint32_t *batch_rows;
    uint32_t *ahead_nodes; /* the batch after that one */
    uint32_t *ahead_rows;
    int32_t *batch_sums;
    float *batch_distances;
    uint64_t *batch_keys;
    uint32_t batch_capacity;
    uint64_t distances; /* counted for statistics */
    uint64_t hops;
} VecWalk;

static inline uint64_t
vec_walk_key(float distance, uint32_t node)
{
    uint32_t bits;

    memcpy(&bits, &distance, sizeof(bits));
    bits ^= (uint32_t)((int32_t)bits >> 31) | 0x80000000u;
    return (uint64_t)bits << 32 | (uint64_t)node << 1;
}

static inline uint32_t
vec_walk_key_node(uint64_t key)
{
    return (uint32_t)key >> 1;
}

static inline float
vec_walk_key_distance(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float distance;

    bits ^= (bits & 0x80000000u) ? 0x80000000u : 0xffffffffu;
    memcpy(&distance, &bits, sizeof(distance));
    return distance;
}

/* Room for walks over node_count nodes of at most `degree` neighbours. False: no memory (free it all the same). */
bool vec_walk_init(VecWalk *walk, uint32_t node_count, uint32_t degree, const VecAllocator *allocator);
void vec_walk_free(VecWalk *walk);

/* Makes room for a pool of that width. VEC_NO_MEMORY leaves everything as it was. */
VecStatus vec_walk_set_width(VecWalk *walk, uint32_t width) VEC_MUST_CHECK;

/* Forgets pool, spill and visited set. */
void vec_walk_reset(VecWalk *walk);

/* Puts a node that was not visited into the pool. */
void vec_walk_seed(VecWalk *walk, const VecLayer *layer, const VecCodes *codes, const VecCodeQuery *query,
                   uint32_t node);

/* Puts those of `count` rows that were not visited into the pool of a walk over the bottom layer. VEC_NO_MEMORY. */
VecStatus vec_walk_seed_rows(VecWalk *walk, const VecCodes *codes, const VecCodeQuery *query,
                             const uint32_t *rows, uint64_t count) VEC_MUST_CHECK;

/* Steps from `node` to its nearest neighbour as long as that is nearer; returns where it ends. */
uint32_t vec_walk_descend(VecWalk *walk, const VecLayer *layer, const VecCodes *codes,
                          const VecCodeQuery *query, uint32_t node);

/* Goes on until the neighbours of every key in the pool were read. VEC_INTERRUPTED, VEC_NO_MEMORY: call again to go on. */
VecStatus vec_walk_run(VecWalk *walk, const VecLayer *layer, const VecCodes *codes, const VecCodeQuery *query,
                       VecShouldStop should_stop, void *should_stop_context) VEC_MUST_CHECK;

/* The two ends of a step: marks up to `wanted` unread keys of the pool as read, and gives their nodes; returns how many. */
uint32_t vec_walk_take_unread(VecWalk *walk, uint32_t *nodes, uint32_t wanted);

/* Places `count` of batch_nodes with their batch_distances; the spill has room for all. */
void vec_walk_insert_batch(VecWalk *walk, uint32_t count);

/* Makes room for `count` more keys in the spill, and a place beyond. */
VecStatus vec_walk_reserve_spill(VecWalk *walk, size_t count) VEC_MUST_CHECK;

/* Keeps the best `count` keys of the spill, which has at least as many; returns the worst of them. */
uint64_t vec_walk_cut_spill(VecWalk *walk, size_t count);

/* The pool becomes the best `count` keys, sorted, of the spill's from `first` on, which has at least as many there. */
void vec_walk_take_spill(VecWalk *walk, size_t first, size_t count);

/* Empties the pool and fills it with the best of the spill, sorted; those unread will be read by the next run. */
void vec_walk_refill(VecWalk *walk);

/* Brings the keys below a limit to the front, without a branch on what cannot be guessed; returns how many. */
size_t vec_walk_split(uint64_t *keys, size_t count, uint64_t limit);

/* Sorts keys ascending. */
void vec_walk_sort(uint64_t *keys, size_t count);

#endif
