/*
 * index.h: the façade of the engine: an immutable snapshot of an index's segments, and searches over it.
 *
 * A VecIndex and its searches belong to one thread. Files stay mapped until vec_index_close, so that a search goes on
 * undisturbed while others publish, merge and unlink. A file that outsiders truncate, or that the disk no longer gives, is
 * VEC_CORRUPT from then on in every function that reads it: a handler for SIGBUS sees to that, which is installed while
 * files are mapped, passes on what is not ours, and works in threads that do not block the signal.
 */
#ifndef VECTORS_INDEX_H
#define VECTORS_INDEX_H

#include "vectors/allocator.h"
#include "vectors/manifest.h"
#include "vectors/segment.h"
#include "vectors/status.h"

typedef struct VecIndex VecIndex;
typedef struct VecSearch VecSearch;

/* What a segment must be to be usable for this column; anything else in the directory is foreign. */
typedef struct VecIndexExpectation {
    VecElementType element_type;
    VecMetric metric;
    uint32_t dimensions;
    uint32_t key_count;
} VecIndexExpectation;

/* The caller's judgement of a stamp: instance nonce, and the history rule over timeline and LSN. */
typedef enum VecVerdict {
    VEC_VERDICT_USE,
    VEC_VERDICT_PENDING, /* perhaps later (in recovery, its LSN not yet replayed): not opened, not a problem */
    VEC_VERDICT_REJECT   /* never: listed as a problem of kind FOREIGN */
} VecVerdict;

typedef VecVerdict (*VecAcceptStamp)(void *context, const VecStamp *stamp);

typedef enum VecProblemKind {
    VEC_PROBLEM_CORRUPT,    /* bytes are wrong, or the file is truncated */
    VEC_PROBLEM_FOREIGN,    /* sound, but not of this index, column or history */
    VEC_PROBLEM_MISSING,    /* named by the manifest, not in the directory */
    VEC_PROBLEM_UNREADABLE, /* the operating system refused; os_errno says why */
    VEC_PROBLEM_PENDING
} VecProblemKind;

typedef struct VecProblem {
    VecProblemKind kind;
    int os_errno;
    char file_name[VEC_FILE_NAME_BYTES]; /* a segment, or "manifest" */
    char message[256];
} VecProblem;

typedef struct VecIndexOpenOptions {
    VecIndexExpectation expectation;
    VecAcceptStamp accept; /* NULL: use all */
    void *accept_context;
    VecControl *control;       /* remembers verifications; NULL: every file's whole checksum is computed */
    VecShouldStop should_stop; /* polled while checksums are computed; NULL allowed */
    void *should_stop_context;
} VecIndexOpenOptions;

/*
 * Opens the directory's manifest and maps its segments. What is damaged, foreign, missing or pending is left out and listed
 * among the problems; it never makes this fail. Where two segments cover the same positions (manifest of a crashed or
 * foreign writer) the one that begins first, then the longer one, is kept and the other is FOREIGN. No manifest or no
 * directory: no segments. VEC_NO_MEMORY, VEC_INTERRUPTED. allocator must outlive the index.
 */
VecStatus vec_index_open(const char *directory, const VecIndexOpenOptions *options,
                         const VecAllocator *allocator, VecIndex **index, VecError *error) VEC_MUST_CHECK;

/* All its searches must have been freed. NULL is legal. */
void vec_index_close(VecIndex *index);

/*
 * True if somebody wrote to a segment's file, or put another in its place, since it was opened, which nobody may: close and open
 * again, so that it is verified. A file that is gone is none of these: its map stays what it was. One stat a segment.
 */
bool vec_index_is_changed(const VecIndex *index);

uint64_t vec_index_generation(const VecIndex *index); /* of the manifest that was read */
uint32_t vec_index_problem_count(const VecIndex *index);
const VecProblem *vec_index_problem(const VecIndex *index, uint32_t problem); /* lives as long as the index */

typedef struct VecSegmentInfo {
    const char *file_name; /* lives as long as the index */
    VecStamp stamp;
    VecSegmentOptions options; /* as it was built */
    uint64_t options_hash;
    uint64_t rows_coded;
    uint64_t rows_exact;
    uint64_t rows_null;
    uint64_t bytes_file;
    uint64_t bytes_codes; /* codes and their factors, read by searches */
    uint64_t bytes_graph; /* read by searches */
    uint64_t bytes_ids;   /* positions and TIDs, read for what is returned */
    uint64_t bytes_keys;  /* and their orders, read by searches with a filter */
    uint64_t codes_hash;  /* segments where it is the same can be merged (merge.h) */
} VecSegmentInfo;

uint32_t
vec_index_segment_count(const VecIndex *index); /* segments by ascending position_from, disjoint ranges */
void vec_index_segment_info(const VecIndex *index, uint32_t segment, VecSegmentInfo *info);

/*
 * The rows of a segment, exceptions included, row = 0 .. rows_coded + rows_exact + rows_null - 1, in no particular order. Reads
 * the map; not for a hot loop over single rows of a cold file. VEC_CORRUPT: the file cannot be read any more; the rows before
 * were right.
 */
VecStatus vec_index_row(const VecIndex *index, uint32_t segment, uint64_t row, VecRowId *id, VecRowKind *kind,
                        VecError *error) VEC_MUST_CHECK;

/*
 * About how many rows of all segments fulfil a filter: exactly where that is one condition on an ordered key, else by a sample. For
 * planners: some microseconds a segment. VEC_INVALID, VEC_NO_MEMORY, VEC_CORRUPT as in vec_search_begin.
 */
VecStatus vec_index_estimate(const VecIndex *index, const VecFilter *filter, double *rows,
                             VecError *error) VEC_MUST_CHECK;

/* Recomputes every checksum of a segment: VEC_OK, VEC_CORRUPT (message says which section), VEC_INTERRUPTED. */
VecStatus vec_index_verify(const VecIndex *index, uint32_t segment, VecShouldStop should_stop,
                           void *should_stop_context, VecError *error) VEC_MUST_CHECK;

typedef struct VecSegmentHealth {
    uint64_t rows_reachable; /* from the entry point, over the bottom layer */
    uint64_t edges;          /* of the bottom layer */
    uint32_t degree_min;
    uint32_t degree_max;
    uint32_t layers;
} VecSegmentHealth;

/*
 * Looks whether a segment is what it says: degrees, neighbour ids, layers, ids ascending where they must. VEC_CORRUPT with
 * the reason in *error. *health may be NULL. VEC_NO_MEMORY, VEC_INTERRUPTED.
 */
VecStatus vec_index_validate(const VecIndex *index, uint32_t segment, VecShouldStop should_stop,
                             void *should_stop_context, VecSegmentHealth *health,
                             VecError *error) VEC_MUST_CHECK;

typedef struct VecSearchOptions {
    uint32_t ef_search;        /* width of the first round, 1 .. 65535, in each segment */
    uint32_t nprobe;           /* IVF: lists that the first round reads, in each segment; 0 is 1 */
    uint32_t wanted;           /* rows, likely: what a filter's search is made for; 0: unknown */
    bool needs_estimates;      /* else a few rows may all come with -inf, in any order */
    const VecFilter *filter;   /* only rows that fulfil it are given; copied; NULL: all rows */
    VecShouldStop should_stop; /* NULL allowed */
    void *should_stop_context;
    bool one_round; /* a segment gives the rows of its first round, at most ef_search, and no more */
    /*
     * With is_range the caller wants rows whose exact distance is below radius, and no other. Candidates whose lower bound
     * says that they are not may be left out. A segment ends with the first round in which no lower bound is below radius:
     * at least ef_search rows beyond the radius were looked at then, and all their neighbours, and what is missing is
     * missing as in any search of that width. One row beyond the radius proves nothing: the order is approximate.
     */
    bool is_range;
    float radius;
} VecSearchOptions;

typedef struct VecCandidate {
    VecRowId id;
    VecRowKind kind;
    bool is_exact; /* estimate is the exact distance, as vectors/distance.h computes it: codes of bits */
    /* In units of the metric's distance. -inf for VEC_ROW_EXACT, +inf for VEC_ROW_NULL. */
    float estimate;
    /*
     * Confidence of two to three standard deviations that neither this row nor one that follows in this round has an exact
     * distance below: a row whose exact distance is <= the lower_bound of the next candidate may be emitted.
     */
    float lower_bound;
} VecCandidate;

/*
 * Starts a search for the rows nearest to a vector (segment.h says in which shape; copied). Does nothing expensive yet.
 * VEC_INVALID: ef_search out of range; a filter that is not valid for the index's keys; bytes of another shape; the query holds
 * NaN or an infinity, its square over- or underflows, or it is zero under VEC_METRIC_COS: no code can answer these, scan
 * exactly. VEC_CORRUPT: a file cannot be read any more. VEC_NO_MEMORY.
 */
VecStatus vec_search_begin(VecIndex *index, const void *query, size_t query_bytes,
                           const VecSearchOptions *options, VecSearch **search,
                           VecError *error) VEC_MUST_CHECK;

/*
 * Gives the next candidates of all segments: at least one and at most count_max, those that are ready; *count = 0 only when
 * every row of every segment that the filter lets through was given exactly once (or what the options say is all).
 * Approximately ascending by estimate: rows found in a later round may be nearer than rows already given. First the
 * VEC_ROW_EXACT ones, last those with a NULL vector, but not where rows before them were left out, nor in a range.
 * VEC_NO_MEMORY, VEC_INTERRUPTED: *count = 0, nothing is lost, call again to go on. VEC_CORRUPT: *count = 0, a segment's file
 * cannot be read any more, and this search is over; the candidates given before are right. (Other damage that appears after
 * the file was verified is not noticed here: numbers out of range lead nowhere, and rows may be missing or come twice.)
 */
VecStatus vec_search_next(VecSearch *search, VecCandidate *candidates, uint32_t count_max, uint32_t *count,
                          VecError *error) VEC_MUST_CHECK;

/*
 * The lower_bound of the candidate that the next call will give first (-inf: it might be anything; +inf: the rest is NULL or
 * nothing). Never computes a new round: it says -inf where one is due.
 */
float vec_search_lower_bound(const VecSearch *search);

typedef struct VecSearchStatistics {
    uint64_t distances; /* codes evaluated */
    uint64_t hops;      /* neighbour lists read */
    uint64_t rounds;
    uint32_t segments_scanned; /* all codes, or with a filter those of the matching rows */
    uint32_t segments_walked;
} VecSearchStatistics;

void vec_search_statistics(const VecSearch *search, VecSearchStatistics *statistics);
void vec_search_free(VecSearch *search); /* NULL is legal */

#endif
