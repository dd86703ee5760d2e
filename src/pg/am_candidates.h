/*
 * am_candidates.h: the candidates that the engine gave a scan last, and their pages of the log and of the table, which are on their way into
 * memory and into the caches before they are read.
 */
#ifndef VECPG_AM_CANDIDATES_H
#define VECPG_AM_CANDIDATES_H

#include "postgres.h"

#include "heap_read.h"
#include "log.h"
#include "vectors/index.h"

#define VECPG_CANDIDATES_MAX 32 /* asked of the engine at a time; bits of read_mask */

typedef struct VecpgCandidates {
    VecpgLogReader *log;
    VecpgHeapReader *heap; /* NULL: whoever scans fetches no rows */
    bool reads_ahead;      /* by effective_io_concurrency */
    bool is_collected;     /* all are read before a row is given: by another vector than searched */
    VecCandidate list[VECPG_CANDIDATES_MAX];
    uint32 next;
    uint32 count;
    uint32 wanted;         /* rows, by a LIMIT; 0: unknown */
    uint64 likely_count;   /* so many rows will be wanted, */
    float likely_distance; /* and this will be the last one's, by estimate */
    uint32 read_to;        /* those before it: the pages of their vectors were asked for, */
    uint32 heap_to;        /* and of their rows, */
    uint32 read_mask;      /* of those whose vectors had to be read from the log's file */
} VecpgCandidates;

/* Where the row is, as a segment says. */
static inline ItemPointerData
vecpg_candidates_tid(const VecCandidate *candidate)
{
    ItemPointerData tid;

    memcpy(&tid, candidate->id.tid, sizeof(tid));
    return tid;
}

static inline bool
vecpg_candidates_is_empty(const VecpgCandidates *candidates)
{
    return candidates->next == candidates->count;
}

/* Asks the search for more, after the last was taken; still empty: there are none. given: rows of the scan so far. The search's status. */
extern VecStatus vecpg_candidates_refill(VecpgCandidates *candidates, VecSearch *search, uint64 given,
                                         VecError *error);

/* The next one, to be read now. It is not empty. */
extern const VecCandidate *vecpg_candidates_take(VecpgCandidates *candidates, uint64 given);

#endif
