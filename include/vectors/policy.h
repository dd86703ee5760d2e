/*
 * policy.h: what is to be done next about the segments of an index: arithmetic over a list, nothing else.
 *
 * The log's positions are cut into pieces: segments, and ranges that none covers. New rows become flat segments (growing),
 * which are cheap; flat segments grow by doubling until they are worth a graph; and segments with graphs (sealed) are
 * merged so that each is much larger than all that follow it. A row is thus encoded a few times and linked about once.
 */
#ifndef VECTORS_POLICY_H
#define VECTORS_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "vectors/segment.h"

typedef enum VecPieceKind {
    VEC_PIECE_LOG, /* no segment covers it, and it has living rows */
    VEC_PIECE_FLAT,
    VEC_PIECE_SEALED /* with a graph, or lists */
} VecPieceKind;

/* Ascending, disjoint. Between two pieces there are only dead rows. */
typedef struct VecPiece {
    VecPieceKind kind;
    uint64_t position_from;
    uint64_t position_to;
    uint64_t rows;       /* of the file; LOG: those that live */
    uint64_t rows_dead;  /* among them */
    uint64_t codes_hash; /* 0 for LOG */
    bool is_tail;        /* LOG: nothing was ever built behind its beginning; else a segment was lost here */
    bool codes_differ;   /* its codes are not of the kind that the options ask for */
    bool
        graph_differs; /* its kind or graph is not what the options ask for; codes_differ is another matter */
} VecPiece;

typedef struct VecPolicy {
    uint64_t growing_rows_max; /* so many rows without a graph */
    uint64_t sealed_rows_max;  /* no merged segment is larger */
    uint64_t sealing_rows_min; /* a tail of so many rows is made a segment when tail_is_idle */
    double dead_fraction_max;  /* where more is dead, a segment is made anew */
    bool without_graph;        /* all segments are flat */
    bool tail_is_idle;         /* nothing was appended for a while */
    bool is_idle;     /* for longer, or somebody waits for the end of all work: implies tail_is_idle */
    bool may_merge;   /* nobody is merging */
    uint64_t busy_to; /* segments below this position are being merged and must stay; 0: none */
} VecPolicy;

typedef enum VecPolicyAction {
    VEC_POLICY_REST,   /* nothing is due */
    VEC_POLICY_ENCODE, /* build a flat segment from the log's rows of [position_from, position_to) */
    VEC_POLICY_MERGE,  /* merge the pieces by their files */
    VEC_POLICY_REBUILD /* codes differ: encode the pieces' rows from the log anew, then build the graph */
} VecPolicyAction;

#define VEC_POLICY_TRAIN UINT32_MAX

typedef struct VecPolicyStep {
    VecPolicyAction action;
    uint64_t position_from; /* of the result */
    uint64_t position_to;
    uint32_t piece_first; /* those that the result takes the place of */
    uint32_t piece_count;
    uint32_t codes_of; /* ENCODE: the piece whose quantizer is used, or VEC_POLICY_TRAIN */
    bool with_graph;   /* MERGE, REBUILD */
} VecPolicyStep;

/* The step to be done first. Doing it and asking again comes to REST after finitely many steps. */
VecPolicyStep vec_policy_next(const VecPolicy *policy, const VecPiece *pieces, uint32_t piece_count);

/* A tail shorter than this is left to exact scans while rows keep coming. */
uint64_t vec_policy_tail_rows(const VecPolicy *policy);

#endif
