/*
 * graph.h: HNSW (Malkov & Yashunin 2018): which rows live in which layer, inserting them, and finding the way in.
 *
 * The layers above the bottom are stored densely: their nodes are numbered by descending top layer, so layer l is a prefix
 * of layer l - 1 and node 0, at the very top, is the entry for everybody. A row's top layer is a function of (seed, row), so
 * that every size is known before the first insertion, and rows are inserted from the top down: when a row comes, every
 * row of a higher layer is there already and the entry never moves.
 */
#ifndef VEC_GRAPH_H
#define VEC_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "format.h"
#include "postings.h"
#include "walk.h"

/* So many rows are in a ring before no more come in that are not equal to one of them. */
#define VEC_GRAPH_COPIES_MAX 128

typedef struct VecGraph {
    uint32_t m;
    uint32_t row_count;
    uint32_t layer_count; /* above the bottom */
    VecLayer bottom;
    VecLayer upper[VEC_FORMAT_LAYERS_MAX];
} VecGraph;

/*
 * Rows that come into a new graph with their links from an older one: those of its rows that are not dead, as the new graph's
 * rows row_first .. row_first + row_count - 1, in their old order and in their old layers.
 */
typedef struct VecGraphBase {
    const VecGraph *graph;       /* the older one; at least one upper node of it lives */
    const uint64_t *dead;        /* bits over its rows */
    const uint32_t *dead_before; /* [i]: how many of its rows below 64 i are dead */
    uint32_t dead_count;
    uint32_t row_first;
    uint32_t row_count;
    /* [upper node] its row in the new graph, VEC_NODE_NONE if dead; a copy, because the file may change meanwhile */
    const uint32_t *new_rows;
    uint32_t
        *new_nodes; /* [upper node] its number there, VEC_NODE_NONE if dead: vec_graph_number_some fills it */
} VecGraphBase;

static inline bool
vec_graph_base_has(const VecGraphBase *base, uint32_t row)
{
    return base != NULL && row >= base->row_first && row - base->row_first < base->row_count;
}

/* The new number of the older graph's row, VEC_NODE_NONE if that is dead or none. */
uint32_t vec_graph_base_row(const VecGraphBase *base, uint32_t row);

/* How many layers above the bottom an upper node lives in. */
uint32_t vec_graph_node_layers(const VecGraph *graph, uint32_t node);

/* Counting the nodes of each layer, or numbering them, piece by piece: with 50 million rows each takes 200 ms. */
typedef struct VecGraphLayers {
    uint64_t seed;
    uint32_t m;
    uint32_t row_count;
    const VecGraphBase *base; /* NULL: none */
    uint32_t row_next;        /* rows before it are done */
    uint32_t
        by_top[VEC_FORMAT_LAYERS_MAX + 1]; /* [l]: rows whose top layer is l; or the next number for one */
} VecGraphLayers;

/* Begins with all zero but what identifies the graph (the first four). True when all rows were counted; else again. */
bool vec_graph_count_some(VecGraphLayers *layers);

/* From the counts: fills in the nodes of each layer above the bottom; returns the number of those layers. */
uint32_t vec_graph_layers_counted(const VecGraphLayers *layers, uint32_t layer_nodes[VEC_FORMAT_LAYERS_MAX]);

/* Goes over from counting to numbering the nodes of layer 1. */
void vec_graph_number_begin(VecGraphLayers *layers, uint32_t layer_count, const uint32_t *layer_nodes);

/* upper_rows[node] = row. True when all rows were numbered; else again. */
bool vec_graph_number_some(VecGraphLayers *layers, uint32_t *upper_rows);

/* Whether a row that no base has is in layer 1. */
bool vec_graph_is_upper(uint64_t seed, uint32_t m, uint32_t row);

/* Points *graph at arrays laid out as format.h says. */
void vec_graph_attach(VecGraph *graph, uint32_t m, uint32_t row_count, uint32_t layer_count,
                      const uint32_t *layer_nodes, bool has_rings, const uint32_t *links,
                      const uint32_t *upper_rows, const uint32_t *upper_links);

/* Descends through layers layer_count .. stop_above + 1 and returns the node (upper numbering) nearest to the query there. */
uint32_t vec_graph_descend(const VecGraph *graph, VecWalk *walk, const VecCodes *codes,
                           const VecCodeQuery *query, uint32_t stop_above);

/* The row at which a search of the bottom layer begins. row_count must not be 0. */
uint32_t vec_graph_entry(const VecGraph *graph, VecWalk *walk, const VecCodes *codes,
                         const VecCodeQuery *query);

typedef struct VecGraphBuild VecGraphBuild;

typedef struct VecGraphBuildOptions {
    uint64_t seed;
    uint32_t ef_construction;
    uint32_t thread_count;
    const VecPostings
        *postings; /* where walks begin besides the entry; NULL: nowhere. Complete when the build runs. */
    const VecGraphBase *base; /* NULL: none; must outlive the build */
} VecGraphBuildOptions;

/*
 * Builds in two phases: the base's lists come over, those that named dead rows are mended; then the other rows are inserted.
 * graph's links are written (they must be all VEC_NODE_NONE); graph, codes and what they point to must outlive the build.
 * VEC_NO_MEMORY.
 */
VecStatus vec_graph_build_begin(const VecGraph *graph, const VecCodes *codes,
                                const VecGraphBuildOptions *options, const VecAllocator *allocator,
                                VecGraphBuild **build, VecError *error) VEC_MUST_CHECK;

/* Contract of vec_build_graph. */
VecStatus vec_graph_build_run(VecGraphBuild *build, VecShouldStop should_stop, void *should_stop_context,
                              VecError *error) VEC_MUST_CHECK;

/* After it: whether any rows stand in rings. */
bool vec_graph_build_has_rings(const VecGraphBuild *build);
void vec_graph_build_free(VecGraphBuild *build); /* NULL is legal */

#endif
