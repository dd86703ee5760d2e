/*
 * probe.h: the candidates of one segment, nearest first, until there are none left.
 *
 * A probe works in rounds. Each leaves a set of keys ready, sorted; when the caller has used them up, the next round begins
 * with the best of what the rounds before left aside, and is as wide as all rounds before it together, so that asking for k
 * rows costs about what a search of width k would have cost. A walk's later rounds leave the farther half of what they found to the next.
 * When the graph has nothing more to offer, the rows that no path led to come in pieces.
 *
 * A segment with lists reads the nearest ones in a round, and as many as all rounds before it together in a later one.
 *
 * A flat segment has no paths: a round reads all codes. It keeps the best keys, many more than the round is wide, for the rounds
 * after it; when those are used up, the codes are read again for the keys that follow. So memory stays small where a
 * caller wants few of many rows, and whoever wants all of 2^31 rows has them after some thirty passes.
 *
 * With a filter only matching rows are given. Where few match, or there is no graph, a scan reads the codes of exactly those;
 * where many match, a walk like any other gives those that do; else a walk finds them (walk_selected.h). Where no more match than are wanted,
 * or but a dozen more, they come as they are. A walk that comes to its end without having found what it was to find was a mistake of the
 * estimate, and a scan takes its place. A walk of each segment is made for all that is wanted, which may be in one.
 *
 * Within a radius the rounds end with the first in which no lower bound is below it (of a graph's islands, which come in no
 * order, all pieces are looked at).
 */
#ifndef VEC_PROBE_H
#define VEC_PROBE_H

#include "sealed.h"
#include "selection.h"
#include "vectors/index.h"
#include "walk.h"
#include "walk_selected.h"

typedef enum ProbeStage {
    PROBE_START,
    PROBE_RUN, /* a round is under way */
    PROBE_READY,
    PROBE_REST, /* rows never visited */
    PROBE_DONE
} ProbeStage;

typedef struct VecProbeWay VecProbeWay; /* probe_ways.h */

typedef struct VecProbe {
    const VecSealed *segment;
    const VecProbeWay *way; /* to the rows, in this search */
    const VecAllocator *allocator;
    VecWalk walk;
    VecQuantizeScratch scratch;
    VecCodeQuery query;
    VecPostingsScratch postings_scratch;
    ProbeStage stage;
    uint32_t ef_search;
    uint32_t width;       /* of the first round */
    uint32_t wanted;      /* rows, by the caller; 0: unknown */
    uint32_t few_max;     /* rows that may come unmeasured */
    uint64_t taken_count; /* keys that were ready in earlier rounds */
    uint32_t row_next;    /* rows before it are done (a scan), or visited */
    uint64_t scan_from;   /* a scan: keys below it were ready before; the spill holds all from it ... */
    uint64_t scan_to;     /* ... up to here, exclusive; UINT64_MAX: up to the last */
    size_t scan_keep;     /* keys that a scan may keep; it holds twice as many meanwhile */
    uint32_t ready_next;  /* keys of walk.pool before it were taken, */
    uint32_t ready_count; /* and those before this one may be: the rest do not match */
    float *bounds;        /* [i] the least lower bound of the ready keys i, i + 1, … */
    uint32_t bounds_capacity;
    uint64_t rounds;
    bool is_selective;      /* has a selection */
    VecSelection selection; /* what the filter means here */
    VecSelectionCursor cursor;
    VecPassages passages;
    uint32_t few_count;  /* vec_probe_selected_few: the rows are the first of batch_nodes */
    uint64_t *list_keys; /* IVF: the lists not yet read, as vec_ivf_rank left them */
    float *list_floats;  /* IVF: scratch */
    uint32_t lists_ranked;
    uint32_t list_count; /* of list_keys */
    double lists_due;    /* in the round under way; one counts by its share of the rows that match */
    double lists_asked;  /* by all rounds so far */
    uint32_t lists_read;
    float *scores; /* INVERTED: of all rows */
    bool one_round;
    bool is_cut;  /* one_round left out rows */
    float radius; /* nothing is wanted whose lower bound is not below; +inf: everything */
} VecProbe;

/* VEC_NO_MEMORY. The probe is reusable for any number of searches of its segment, one at a time. */
VecStatus vec_probe_create(const VecSealed *segment, const VecAllocator *allocator,
                           VecProbe **probe) VEC_MUST_CHECK;
void vec_probe_free(VecProbe *probe); /* NULL is legal */

/*
 * Begins a search, of an index of whose rows the segment has this part. VEC_INVALID: the query cannot be coded, where that is needed: not
 * for a filter that few rows match. VEC_NO_MEMORY.
 */
VecStatus vec_probe_begin(VecProbe *probe, const void *query, size_t query_bytes,
                          const VecSearchOptions *options, double part) VEC_MUST_CHECK;

/* Whether the search reads the codes of all rows, or of all that match. */
bool vec_probe_scans(const VecProbe *probe);

/* Puts the probe back into the state in which begin expects it, and gives back what a long search made it hold. */
void vec_probe_end(VecProbe *probe);

/* True if another round is due before there is a next key or an end. */
static inline bool
vec_probe_is_due(const VecProbe *probe)
{
    return probe->stage != PROBE_DONE &&
           (probe->stage != PROBE_READY || probe->ready_next == probe->ready_count);
}

/* The next ready key was taken; what is not wanted of those behind it is passed over. */
static inline void
vec_probe_take(VecProbe *probe)
{
    probe->ready_next++;
    if (probe->ready_next < probe->ready_count && probe->bounds[probe->ready_next] >= probe->radius)
        probe->ready_next = probe->ready_count;
}

/* Makes keys ready, or reaches the end (stage PROBE_DONE). VEC_NO_MEMORY, VEC_INTERRUPTED: call again. */
VecStatus vec_probe_advance(VecProbe *probe, VecShouldStop should_stop,
                            void *should_stop_context) VEC_MUST_CHECK;

#endif
