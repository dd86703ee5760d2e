/*
 * probe_selected.h: what probe.c and probe_selected.c know of one another.
 */
#ifndef VEC_PROBE_SELECTED_H
#define VEC_PROBE_SELECTED_H

#include "probe.h"

/* Makes a selection of the filter, if it is one that says anything, and decides whether the probe scans. VEC_NO_MEMORY. */
VecStatus vec_selected_begin(VecProbe *probe, const VecFilter *filter) VEC_MUST_CHECK;

/* Where the walk would begin says how wide it must be, or that a scan is better after all. VEC_NO_MEMORY. */
VecStatus vec_selected_widen(VecProbe *probe, uint32_t entry) VEC_MUST_CHECK;

/* A walk for a selection begins where the query is, and at matching rows from all over. VEC_NO_MEMORY. */
VecStatus vec_selected_seed(VecProbe *probe, uint32_t entry) VEC_MUST_CHECK;

/* A scan of the matching rows only. VEC_NO_MEMORY, VEC_INTERRUPTED: call again. */
VecStatus vec_selected_scan(VecProbe *probe, VecShouldStop should_stop,
                            void *should_stop_context) VEC_MUST_CHECK;

/*
 * A walk's round. A first round that found less than it wanted, though rows are left, gives way to a scan; a later one takes what
 * there is. VEC_NO_MEMORY, VEC_INTERRUPTED: call again.
 */
VecStatus vec_selected_run(VecProbe *probe, VecShouldStop should_stop,
                           void *should_stop_context) VEC_MUST_CHECK;

/* The next piece of the matching rows that were never visited: they may be few and far between. */
VecStatus vec_selected_take_rest(VecProbe *probe, VecShouldStop should_stop,
                                 void *should_stop_context) VEC_MUST_CHECK;

/* Of probe.c. Whether a segment has neither graph nor lists by nearness: every search of it scans. */
bool vec_probe_is_flat(const VecProbe *probe);

/* Makes room for rounds of that width. VEC_NO_MEMORY. */
VecStatus vec_probe_set_width(VecProbe *probe, uint32_t width) VEC_MUST_CHECK;

/* Ends a round that was gathered in the spill: lets the caller have the best of it, as many as the round is wide. VEC_NO_MEMORY. */
VecStatus vec_probe_take_spill(VecProbe *probe) VEC_MUST_CHECK;

/* The pool is sorted and final: works out the bounds and lets the caller have it. */
void vec_probe_make_ready(VecProbe *probe);

/* The next row that was never visited; false if there is none. Rows before row_next are all visited. */
bool vec_probe_next_unvisited(VecProbe *probe, uint32_t *row);

#endif
