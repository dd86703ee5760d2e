/*
 * am_candidates.c: what a scan reads for its candidates is asked for before it is needed: from memory, a few rows ahead, and from disk, as
 * many pages together as are likely to be wanted.
 */
#include "am_candidates.h"

#include <math.h>

#define ROWS_AHEAD  3  /* vectors asked of memory before they are read; 384 floats are 24 cache lines */
#define READS_AHEAD 3  /* rows at least whose pages are read from disk together */
#define ROWS_LIKELY 10 /* that a query wants, where no LIMIT says; then as many again as it had */
#define HEAP_BEHIND 6  /* about so many rows are reranked after one before it is emitted */

static void
expect_soon(VecpgCandidates *candidates, const VecCandidate *candidate)
{
    ItemPointerData tid = vecpg_candidates_tid(candidate);

    if (vecpg_heap_reader_has_vectors(candidates->heap))
        vecpg_heap_reader_expect_soon(candidates->heap, &tid);
    else
        vecpg_log_reader_expect_soon(candidates->log, candidate->id.position);
}

/* The pages of all come into the caches while the first of them are reranked. */
static void
expect_all(VecpgCandidates *candidates)
{
    bool from_heap = vecpg_heap_reader_has_vectors(candidates->heap);

    for (uint32 i = 0; i < candidates->count; i++) {
        ItemPointerData tid = vecpg_candidates_tid(&candidates->list[i]);

        if (from_heap)
            vecpg_heap_reader_expect(candidates->heap, &tid);
        else
            vecpg_log_reader_expect(candidates->log, candidates->list[i].id.position);
    }
    for (uint32 i = 0; i < Min(candidates->count, ROWS_AHEAD); i++)
        expect_soon(candidates, &candidates->list[i]);
}

/*
 * Those whose pages are asked for by now. A candidate is read when its lower bound is below the distance of the last row that is wanted:
 * its estimate says where that will be. More are begun when those are used up.
 */
static uint32
reads_wanted(VecpgCandidates *candidates, uint64 given)
{
    const VecCandidate *list = candidates->list;
    uint32 next = candidates->next, count = candidates->count, to = Min(next + READS_AHEAD, count);

    if (next < candidates->read_to || next == count)
        return candidates->read_to;
    if (candidates->is_collected)
        return count;
    if (given < candidates->wanted) { /* all of the list, if it ends before that */
        uint64 last = next + (candidates->wanted - given) - 1;

        candidates->likely_distance = last < count ? list[last].estimate : INFINITY;
    } else if (given >= candidates->likely_count) {
        uint64 more = Max(ROWS_LIKELY, given);

        candidates->likely_count = given + more;
        candidates->likely_distance = list[Min(next + more, count) - 1].estimate;
    }
    while (to < count && list[to].lower_bound <= candidates->likely_distance)
        to++;
    return to;
}

static void
read_heap_ahead(VecpgCandidates *candidates, const VecCandidate *candidate)
{
    ItemPointerData tid = vecpg_candidates_tid(candidate);

    if (candidates->heap != NULL)
        vecpg_heap_reader_read_ahead(candidates->heap, &tid);
}

/*
 * Has pages read from disk beside one another that would be read one after the other: those that hold vectors, and, where the log does,
 * those of the table behind them, whose rows are fetched next, the nearest by estimate first. (Sixteen rows of the log at once, and always four
 * ahead, read a fifth of the pages in vain.)
 */
static void
read_ahead(VecpgCandidates *candidates, uint64 given)
{
    uint32 count = candidates->count, next = candidates->next, to, heap_to;
    uint32 first = candidates->wanted > 0 ? Min(candidates->wanted, ROWS_LIKELY) : ROWS_LIKELY;

    if (!candidates->reads_ahead)
        return;
    to = reads_wanted(candidates, given);
    heap_to = next == count ? count : Min(Max(first, next - Min(next, HEAP_BEHIND)), to);
    for (; candidates->read_to < to; candidates->read_to++) {
        const VecCandidate *candidate = &candidates->list[candidates->read_to];

        if (candidate->is_exact)
            continue;
        if (vecpg_heap_reader_has_vectors(candidates->heap))
            read_heap_ahead(candidates, candidate);
        else if (vecpg_log_reader_read_ahead(candidates->log, candidate->id.position))
            candidates->read_mask |= (uint32)1 << candidates->read_to;
    }
    for (; candidates->heap_to < heap_to; candidates->heap_to++)
        if (candidates->read_mask >> candidates->heap_to & 1)
            read_heap_ahead(candidates, &candidates->list[candidates->heap_to]);
}

VecStatus
vecpg_candidates_refill(VecpgCandidates *candidates, VecSearch *search, uint64 given, VecError *error)
{
    VecStatus status;

    read_ahead(candidates, given); /* what is left of the table's pages */
    status = vec_search_next(search, candidates->list, VECPG_CANDIDATES_MAX, &candidates->count, error);
    candidates->next = 0;
    candidates->read_to = 0;
    candidates->heap_to = 0;
    candidates->read_mask = 0;
    if (status != VEC_OK) {
        candidates->count = 0;
        return status;
    }
    expect_all(candidates);
    read_ahead(candidates, given);
    return VEC_OK;
}

const VecCandidate *
vecpg_candidates_take(VecpgCandidates *candidates, uint64 given)
{
    uint32 ahead = candidates->next + ROWS_AHEAD;

    read_ahead(candidates, given);
    if (ahead < candidates->count)
        expect_soon(candidates, &candidates->list[ahead]);
    return &candidates->list[candidates->next++];
}
