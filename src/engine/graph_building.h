/*
 * graph_building.h: a graph under construction, as graph_build.c, graph_lists.c and graph_rings.c share it.
 */
#ifndef VEC_GRAPH_BUILDING_H
#define VEC_GRAPH_BUILDING_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "graph.h"

/* What a thread has for itself. */
typedef struct VecGraphWorker {
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
} VecGraphWorker;

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
    uint64_t unlinked_next; /* after it: how far find_unlinked is; 0: not begun */
    bool is_reviewing;      /* last phase: tasks are rows, whose rings are looked at */
    uint64_t task_count;
    atomic_uint_fast64_t task_next;
    atomic_uint_fast64_t tasks_done;
    atomic_bool has_rings;
    atomic_bool stop;
    atomic_bool no_memory;
    VecShouldStop should_stop;
    void *should_stop_context;
};

static inline void
vec_graph_lock_row(VecGraphBuild *build, uint32_t row)
{
    while (__atomic_exchange_n(&build->locks[row], 1, __ATOMIC_ACQUIRE) != 0) {
        for (int spin = 0; __atomic_load_n(&build->locks[row], __ATOMIC_RELAXED) != 0; spin++) {
            if (spin % 64 == 63)
                sched_yield(); /* its owner may wait for our processor */
        }
    }
}

static inline void
vec_graph_unlock_row(VecGraphBuild *build, uint32_t row)
{
    __atomic_store_n(&build->locks[row], 0, __ATOMIC_RELEASE);
}

static inline uint32_t
vec_graph_node_row(const VecLayer *layer, uint32_t node)
{
    return layer->rows == NULL ? node : layer->rows[node];
}

/* Graphs under construction are writable, whatever the view says. */
static inline uint32_t *
vec_graph_node_links(const VecLayer *layer, uint32_t node)
{
    return (uint32_t *)layer->links + (size_t)node * layer->degree;
}

/* How long a node's list may be: a ring takes the last place, and the one before it to end the list. */
static inline uint32_t
vec_graph_list_room(const VecLayer *layer, uint32_t node)
{
    return vec_walk_ring_next(layer, node) == VEC_NODE_NONE ? layer->degree : layer->degree - 2;
}

/* Of graph_lists.c. */

/* Chooses up to `wanted` of the sorted keys (distances without `constant`) into worker->chosen_keys; returns how many. */
uint32_t vec_graph_list_choose(VecGraphWorker *worker, const VecLayer *layer, const uint64_t *keys,
                               uint32_t key_count, uint32_t wanted, float constant);

/* Writes a list: the nodes of `count` keys, and VEC_NODE_NONE up to the degree. */
void vec_graph_list_store(uint32_t *links, uint32_t degree, const uint64_t *keys, uint32_t count);

/* Reads the first `count_max` of a list into list_keys (nodes) and list_rows, or up to a node; returns how many. */
uint32_t vec_graph_list_read(VecGraphWorker *worker, const VecLayer *layer, const uint32_t *links,
                             uint32_t count_max, uint32_t until);

/* Chooses up to `wanted` among the first `count` of list_keys (nodes) and list_rows. */
uint32_t vec_graph_list_choose_anew(VecGraphWorker *worker, const VecLayer *layer, uint32_t row,
                                    uint32_t count, uint32_t wanted);

/* Adds node to the list of `to`. If that is full, chooses anew among the list and node; or leaves it as it is. */
void vec_graph_list_add(VecGraphWorker *worker, const VecLayer *layer, uint32_t to, uint32_t node,
                        bool may_leave);

/* The walk begins at what the node's own list names. */
void vec_graph_list_seed(VecGraphWorker *worker, const VecLayer *layer, uint32_t node);

/* Of graph_rings.c. Of longer rings, of which many rows are equal then, nobody counts the copies or looks at them again. */
#define VEC_GRAPH_RING_ROWS_MAX 4096

/* Takes row into the ring of its original. False: it stands in one. */
bool vec_graph_ring_enter(VecGraphWorker *worker, const VecLayer *layer, uint32_t row, uint32_t original);

/*
 * Brings those of the pool to the front that a row, the worker's query, is equal to or a copy of, and returns how many: its leader first, and those of its ring at which walks enter, or leaders that were inserted at the
 * same time. Where a ring is full, or becomes part of something larger, it is a crowd, whose rows a search should tell apart (vec_graph_ring_review).
 * The walk began at `entry`.
 */
uint32_t vec_graph_ring_originals(VecGraphWorker *worker, const VecLayer *layer, uint32_t row,
                                  uint32_t entry);

/*
 * When all rows are there, once for each: what was far nearer than all others when it came need not be so any more. Of a crowd far from others the
 * first rows become copies of whoever came first, and would be found with that one only (60 crowds of 400 rows: 0.71 of ten
 * neighbours at ef 40, else all). Where a ring has become part of something larger it is taken apart: rows, which has room for
 * VEC_GRAPH_RING_ROWS_MAX, are those to be linked, and returned is how many.
 */
uint32_t vec_graph_ring_review(VecGraphWorker *worker, uint32_t row, uint32_t *rows);

#endif
