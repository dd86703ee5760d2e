/*
 * probe_ways.h: the ways to a segment's rows, and what they and probe.c know of one another.
 *
 *     way                      segments, searches
 *     vec_probe_walk           HNSW: along the graph
 *     vec_probe_lists          IVF: list by list
 *     vec_probe_scan           FLAT, INVERTED: all codes
 *     vec_probe_selected_walk  HNSW with a filter: along the graph, through rows that do not match
 *     vec_probe_passing_walk   HNSW with a filter that many rows match: along the graph as without it
 *     vec_probe_selected_scan  any with a filter that few rows match: the codes of exactly those
 *     vec_probe_selected_few   any with a filter that about as many rows match as are wanted: those, unmeasured
 */
#ifndef VEC_PROBE_WAYS_H
#define VEC_PROBE_WAYS_H

#include "probe.h"

/* Rows whose distances are computed together where they need not be found one after the other. */
#define VEC_PROBE_BATCH_ROWS 256

struct VecProbeWay {
    bool is_walk; /* leaves marks at the rows that it visited, and goes on with the others in the end */
    bool is_scan;
    bool passes_all;                 /* rows that do not match are keys, too, until a round is ready */
    bool is_unmeasured;              /* the query is not encoded: all estimates are -inf */
    bool (*create)(VecProbe *probe); /* allocates what only this way needs; false: no memory. NULL: nothing */

    /* Begins the first round of a search; may choose another way to go on. VEC_NO_MEMORY. */
    VecStatus (*begin)(VecProbe *probe);

    /* Goes on until the round's keys are ready, or there are no more. VEC_NO_MEMORY, VEC_INTERRUPTED: call again. */
    VecStatus (*run)(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context);

    /* All keys were taken: sets the stage to PROBE_RUN for another round, to PROBE_REST or PROBE_DONE. VEC_NO_MEMORY. */
    VecStatus (*next)(VecProbe *probe);

    /* is_walk: the next piece of the rows that no path led to. VEC_NO_MEMORY, VEC_INTERRUPTED: call again. */
    VecStatus (*rest)(VecProbe *probe, VecShouldStop should_stop, void *should_stop_context);
};

extern const VecProbeWay vec_probe_walk;
extern const VecProbeWay vec_probe_lists;
extern const VecProbeWay vec_probe_scan;
extern const VecProbeWay vec_probe_selected_walk;
extern const VecProbeWay vec_probe_passing_walk;
extern const VecProbeWay vec_probe_selected_scan;
extern const VecProbeWay vec_probe_selected_few;

/* How many rows of a segment that has this part of all rows may come unmeasured. */
uint32_t vec_probe_few_max(uint32_t wanted, double part);

/* Makes a selection of the filter, if it is one that says anything, and chooses the way for it. VEC_NO_MEMORY. */
VecStatus vec_probe_select(VecProbe *probe, const VecFilter *filter) VEC_MUST_CHECK;

/* Makes room for rounds of that width; or of the width that a later round has. VEC_NO_MEMORY. */
VecStatus vec_probe_set_width(VecProbe *probe, uint32_t width) VEC_MUST_CHECK;
VecStatus vec_probe_set_round_width(VecProbe *probe) VEC_MUST_CHECK;

/* Ends a round that was gathered in the spill: lets the caller have the best of it, as many as the round is wide. VEC_NO_MEMORY. */
VecStatus vec_probe_take_spill(VecProbe *probe) VEC_MUST_CHECK;

/* The caller may take the first so many keys of the pool, which are sorted: works out their bounds. */
void vec_probe_set_ready(VecProbe *probe, uint32_t count);

/* The pool is sorted and final: lets the caller have it, unless a radius ends the search. */
void vec_probe_make_ready(VecProbe *probe);

/* Of probe_walk.c. Where a walk begins. VEC_NO_MEMORY. */
VecStatus vec_probe_walk_enter(VecProbe *probe, uint32_t *entry) VEC_MUST_CHECK;

/* Rows of the lists of a sparse query's dimensions, where there are such lists. VEC_NO_MEMORY. */
VecStatus vec_probe_walk_seed_postings(VecProbe *probe) VEC_MUST_CHECK;

/* Those, and where the walk was entered. VEC_NO_MEMORY. */
VecStatus vec_probe_walk_seed(VecProbe *probe, uint32_t entry) VEC_MUST_CHECK;
VecStatus vec_probe_walk_next(VecProbe *probe) VEC_MUST_CHECK;

/* The pool is final: makes ready what the round gives, and leaves the rest aside for the next. VEC_NO_MEMORY. */
VecStatus vec_probe_walk_end_round(VecProbe *probe) VEC_MUST_CHECK;

/*
 * A walk is at its end: the rows that stand in rings with those of the pool come in, by their own distances; what has no room is
 * left aside for later rounds. VEC_NO_MEMORY, VEC_INTERRUPTED: call again.
 */
VecStatus vec_probe_walk_add_rings(VecProbe *probe, VecShouldStop should_stop,
                                   void *should_stop_context) VEC_MUST_CHECK;

/* Ends a piece of the rows that no path led to: what the pool has of them becomes ready; nothing: there are no more. */
void vec_probe_walk_end_piece(VecProbe *probe);

/* The next row that was never visited; false if there is none. Rows before row_next are all visited. */
bool vec_probe_next_unvisited(VecProbe *probe, uint32_t *row);

/* Of probe_scan.c. */
VecStatus vec_probe_scan_next(VecProbe *probe) VEC_MUST_CHECK;

#endif
