/*
 * walk_selected.h: a walk that looks for the rows of a selection only, over a graph of all rows.
 *
 * Only matching rows enter pool and spill, and only their distances are computed. The others are passed through: where a node
 * has few matching neighbours, the neighbours of those that do not match are looked at in their place, and theirs, until
 * there are about as many as a list has. So the walk sees nearly the graph that the matching rows alone would have
 * (ACORN: Patel et al. 2024, whose two hops these are as long as two suffice).
 */
#ifndef VEC_WALK_SELECTED_H
#define VEC_WALK_SELECTED_H

#include "selection.h"
#include "walk.h"

/* Lists that are read in a step, at most, to find matching rows. */
#define VEC_WALK_PASSAGES 64

/* A step reads lists until it has seen so many matching rows, in parts of a full list. */
#define VEC_WALK_SEEN_PART 0.625

typedef struct VecPassages {
    const VecAllocator *allocator;
    uint32_t *waiting; /* nodes that do not match, met in this step */
    uint32_t capacity;
    uint32_t *
        passed; /* nodes whose visited bit is set without a key; more than fit: all bits are cleared in the end */
    size_t passed_count;
    size_t passed_capacity;
} VecPassages;

/* For walks over lists of that degree. VEC_NO_MEMORY; repeatable, and free it in any case. */
VecStatus vec_passages_init(VecPassages *passages, const VecWalk *walk, uint32_t degree,
                            const VecAllocator *allocator) VEC_MUST_CHECK;
void vec_passages_free(VecPassages *passages);

/* Clears the visited bits of what was passed. Keys' bits are the walk's business. */
void vec_passages_reset(VecPassages *passages, VecWalk *walk);

/* What part of the nodes around one matches: of those in its list, and in the lists of these; at most so many lists. */
double vec_walk_part_around(const VecLayer *layer, const VecSelection *selection, uint32_t node,
                            uint32_t lists_max);

/* Takes the keys that do not match out of pool and spill; nobody has visited them. */
void vec_walk_drop_unselected(VecWalk *walk, const VecSelection *selection);

/* Puts what matches around a node, itself or the nearest on the way, into the pool. VEC_NO_MEMORY. */
VecStatus vec_walk_seed_selected(VecWalk *walk, VecPassages *passages, const VecLayer *layer,
                                 const VecCodes *codes, const VecCodeQuery *query,
                                 const VecSelection *selection, uint32_t node) VEC_MUST_CHECK;

/* As vec_walk_run. The layer is a bottom layer. */
VecStatus vec_walk_run_selected(VecWalk *walk, VecPassages *passages, const VecLayer *layer,
                                const VecCodes *codes, const VecCodeQuery *query,
                                const VecSelection *selection, VecShouldStop should_stop,
                                void *should_stop_context) VEC_MUST_CHECK;

#endif
