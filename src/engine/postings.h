/*
 * postings.h: for each dimension of a sparse index, the rows that have an element there: where walks begin.
 *
 * Sparse vectors of many dimensions are nearly orthogonal: two rows that have nothing in common with the query look alike,
 * and no neighbour of theirs says where to go. Best-first search alone found 58 % of the ten nearest of 100,000 sentences (the
 * words' hashes, 30,000 dimensions) at ef 100. What is near shares elements, the rare ones above all; so a walk over sparse codes
 * begins with the rows of the query's shortest lists, and the graph leads on from there.
 */
#ifndef VEC_POSTINGS_H
#define VEC_POSTINGS_H

#include "codes.h"
#include "vectors/segment.h"
#include "vectors/status.h"
#include "walk.h"

/* Persisted: by ascending dimension, one more at the end. */
typedef struct VecPostingsTerm {
    uint32_t dimension; /* of the last: any */
    uint32_t reserved;
    uint64_t start; /* where its rows begin; they end where the next one's begin */
} VecPostingsTerm;

/* A view, nothing is owned. Rows are checked where they are used. */
typedef struct VecPostings {
    const VecPostingsTerm *terms; /* term_count + 1 */
    uint32_t term_count;
    uint64_t row_count;
    const uint32_t
        *rows; /* of a term: by descending absolute element, times the row's scale; with weights by number */
    const float *weights; /* of each row: its element there; NULL: not kept */
} VecPostings;

/*
 * Writes the lists of all rows: up to vec_sparse_elements_max rows, and a term for each dimension that occurs, and one.
 * weights is NULL, or has as much room as rows. VEC_INTERRUPTED, VEC_NO_MEMORY: begin again.
 */
VecStatus vec_postings_build(const VecCodes *codes, const VecAllocator *allocator, VecPostingsTerm *terms,
                             uint32_t *rows, float *weights, VecShouldStop should_stop,
                             void *should_stop_context, VecPostings *postings) VEC_MUST_CHECK;

/* Room for a query's lists; one a walk. */
typedef struct VecPostingsScratch {
    const VecAllocator *allocator;
    uint64_t *lists;
    uint32_t capacity;
} VecPostingsScratch;

void vec_postings_scratch_free(VecPostingsScratch *scratch);

/*
 * Puts up to `budget` rows of the query's lists into the walk, the shortest lists first. The layer is the bottom one.
 * VEC_NO_MEMORY.
 */
VecStatus vec_postings_seed(const VecPostings *postings, const VecCodes *codes, const VecCodeQuery *query,
                            uint64_t budget, VecPostingsScratch *scratch, VecWalk *walk) VEC_MUST_CHECK;

/*
 * scores[row] = <row, query> for all rows, from lists with weights: list by list (term at a time, as Turtle & Flood 1995 call it), so that
 * only elements that the two share cost anything. False: it should stop.
 */
bool vec_postings_score(const VecPostings *postings, const VecCodes *codes, const VecCodeQuery *query,
                        float *scores, VecShouldStop should_stop, void *should_stop_context);

/* Whether terms ascend, lists lie one behind the other, and rows exist. */
bool vec_postings_validate(const VecPostings *postings, const VecCodes *codes);

#endif
