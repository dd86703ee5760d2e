/*
 * am_scan.c: ORDER BY distance: segments and the tail of the log, merged by exact distances, for as long as it is asked.
 *
 * Order of reads: snapshot (the executor's) -> manifest -> META -> directory. An append precedes its commit, so that every
 * row that the snapshot sees is in what we read. Dead bits are read after the snapshot, for every row that is emitted,
 * and never remembered from an earlier scan: if the bit is clear then, the TID is still this row's as far as the snapshot can see.
 *
 * The segments give candidates by estimates from short codes, with a lower bound each; here their full vectors are read, from the
 * table's rows where these hold them, else from the log, and a row is emitted when its exact distance is not above the bound of what may
 * still come, or, where *_rerank_size says so, when so many wait. Doing this in the executor (xs_recheckorderby) was tried: its queue raises an error when an estimate was too high, and costs
 * more.
 *
 * A segment whose file turns out to be unreadable in the middle of a scan costs the scan its speed only: it begins again
 * with the log alone and leaves out what it has emitted.
 */
#include "am.h"

#include <math.h>

#include "access/relscan.h"
#include "am_candidates.h"
#include "am_range.h"
#include "compat.h"
#include "catalog/pg_type.h"
#include "column.h"
#include "errors.h"
#include "expectation.h"
#include "filter.h"
#include "guc.h"
#include "heap_read.h"
#include "lib/pairingheap.h"
#include "log.h"
#include "miscadmin.h"
#include "options.h"
#include "pgstat.h"
#include "store.h"
#include "types_common.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/spccache.h"
#include "worker.h"

#define ROWS_PER_CHUNK 128 /* heap nodes are allocated by the chunk */
/* Candidates in the order of one vector, before a search for the rows in the range around another is thought of. */
#define RANGE_INSTEAD_AFTER 2000

/* A row whose exact distance is known, waiting to be emitted. */
typedef struct VecpgScanRow {
    pairingheap_node node;
    float distance;
    ItemPointerData tid;
    uint64 position;
    bool is_uncovered; /* by a segment */
} VecpgScanRow;

/* What must be let go even when the scan ends by an error. */
typedef struct VecpgScanResources {
    VecpgSegments *segments;
    VecSearch *search;
} VecpgScanResources;

typedef struct VecpgScan {
    bool started;
    bool exhausted;    /* the segments have no more candidates */
    bool is_cut;       /* by vectors.max_scan_tuples: there was more to come */
    bool cut_was_told; /* survives rescans */
    uint32 wanted;     /* rows, by a LIMIT; 0: unknown. Survives rescans */
    bool is_ordered;   /* else rows come as they are found */
    bool query_is_null;
    bool has_last;
    float last_distance;   /* that was emitted */
    MemoryContext context; /* reset at each rescan */
    VecpgColumn column;
    VecpgVectorBytes query;  /* by the distance to which they are ordered */
    VecpgRange *range;       /* NULL: no range condition */
    VecpgFilter *filter;     /* NULL: no condition on filter columns */
    uint64 range_instead_at; /* candidates after which to think of that */
    uint64 examined;         /* candidates so far */
    uint32 rerank_size;      /* rows of segments that wait before one is given; 0: as bounds say */
    uint64 covered_waiting;  /* rows of segments among rows */
    uint64 uncovered_given;
    uint64 uncovered_rows;
    VecpgLogReader *reader;
    VecpgHeapReader *heap_reader; /* NULL: not open yet, or whoever scans fetches no rows. Survives rescans */
    VecpgScanResources *resources;
    VecpgCandidates candidates;
    pairingheap *rows;
    VecpgScanRow *chunk; /* free nodes: */
    int chunk_free;
    VecpgScanRow *recycled; /* one node that was emitted, or NULL */
    uint64 *
        emitted; /* positions of the rows emitted so far, while the search goes on; NULL: none, or too many */
    size_t emitted_count;
    size_t emitted_capacity;
    ItemPointerData *nulls; /* rows without a vector come last */
    size_t null_count;
    size_t null_capacity;
    size_t null_next;
} VecpgScan;

static void
resources_free(void *argument)
{
    VecpgScanResources *resources = argument;

    vec_search_free(resources->search);
    vecpg_store_release(resources->segments);
    resources->search = NULL;
    resources->segments = NULL;
}

/* Nearest first, as float4 sorts: NaN after infinity. Ties by position, so that an order is the same each time. */
static int
compare_rows(const pairingheap_node *a, const pairingheap_node *b, void *argument)
{
    const VecpgScanRow *left = pairingheap_const_container(VecpgScanRow, node, a);
    const VecpgScanRow *right = pairingheap_const_container(VecpgScanRow, node, b);
    int order = vecpg_types_compare_float(right->distance, left->distance);

    if (order != 0)
        return order;
    return (left->position < right->position) - (left->position > right->position);
}

IndexScanDesc
vecpg_am_scan_begin(Relation index, int key_count, int order_by_count)
{
    IndexScanDesc scan = RelationGetIndexScan(index, key_count, order_by_count);
    VecpgScan *state = palloc0(sizeof(VecpgScan));

    state->context = AllocSetContextCreate(CurrentMemoryContext, "vectors scan", ALLOCSET_DEFAULT_SIZES);
    state->wanted = vecpg_expectation_take(index);
    if (order_by_count > 0) {
        scan->xs_orderbyvals = palloc0(sizeof(Datum) * order_by_count);
        scan->xs_orderbynulls = palloc(sizeof(bool) * order_by_count);
    }
    scan->opaque = state;
    return scan;
}

void
vecpg_am_scan_rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey order_bys, int order_by_count)
{
    VecpgScan *state = scan->opaque;
    MemoryContext context = state->context;
    VecpgHeapReader *heap_reader = state->heap_reader;
    bool cut_was_told = state->cut_was_told;
    uint32 wanted = state->wanted;

    MemoryContextReset(context); /* its callback frees the search and the segments */
    memset(state, 0, sizeof(*state));
    state->context = context;
    state->heap_reader = heap_reader;
    state->cut_was_told = cut_was_told;
    state->wanted = wanted;
    if (keys != NULL && scan->numberOfKeys > 0)
        memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
    if (order_bys != NULL && scan->numberOfOrderBys > 0)
        memmove(scan->orderByData, order_bys, scan->numberOfOrderBys * sizeof(ScanKeyData));
}

void
vecpg_am_scan_end(IndexScanDesc scan)
{
    VecpgScan *state = scan->opaque;

    vecpg_heap_reader_close(state->heap_reader);
    MemoryContextDelete(state->context);
    pfree(state);
}

static void
add_row(VecpgScan *state, const ItemPointerData *tid, uint64 position, float distance, bool is_uncovered)
{
    VecpgScanRow *row = state->recycled;

    if (row != NULL)
        state->recycled = NULL;
    else {
        if (state->chunk_free == 0) {
            state->chunk = MemoryContextAlloc(state->context, ROWS_PER_CHUNK * sizeof(VecpgScanRow));
            state->chunk_free = ROWS_PER_CHUNK;
        }
        row = &state->chunk[--state->chunk_free];
    }
    row->distance = distance;
    row->tid = *tid;
    row->position = position;
    row->is_uncovered = is_uncovered;
    state->covered_waiting += !is_uncovered;
    pairingheap_add(state->rows, &row->node);
}

static void
add_null(VecpgScan *state, const ItemPointerData *tid)
{
    if (state->null_count == state->null_capacity) {
        Size capacity = Max(64, state->null_capacity * 2);

        state->nulls = state->nulls ? repalloc_huge(state->nulls, capacity * sizeof(ItemPointerData))
                                    : MemoryContextAlloc(state->context, capacity * sizeof(ItemPointerData));
        state->null_capacity = capacity;
    }
    state->nulls[state->null_count++] = *tid;
}

/* A row that fulfils the conditions on filter columns, if it is in the range. */
static void
add_vector(VecpgScan *state, const ItemPointerData *tid, uint64 position, VecpgVectorBytes vector,
           bool is_uncovered)
{
    float distance = 0;

    if (!state->query_is_null)
        distance = vecpg_column_distance(&state->column, state->query, vector);
    if (state->range != NULL && !vecpg_range_contains(state->range, &state->column, vector, distance))
        return;
    if (state->query_is_null)
        add_null(state, tid);
    else
        add_row(state, tid, position, distance, is_uncovered);
}

static void
add_entry(VecpgScan *state, const VecpgLogEntry *entry, bool is_uncovered)
{
    if ((entry->is_null && state->range != NULL) || !vecpg_filter_matches(state->filter, entry))
        return;
    if (entry->is_null)
        add_null(state, &entry->tid);
    else
        add_vector(state, &entry->tid, entry->position,
                   (VecpgVectorBytes){entry->vector, entry->vector_bytes}, is_uncovered);
}

static int
compare_positions(const void *a, const void *b)
{
    uint64 left = *(const uint64 *)a;
    uint64 right = *(const uint64 *)b;

    return (left > right) - (left < right);
}

/* Positions are sorted by then: rows are scanned before the first is emitted, and once more after forget_found. */
static bool
was_emitted(const VecpgScan *state, uint64 position)
{
    return state->emitted_count > 0 && bsearch(&position, state->emitted, state->emitted_count,
                                               sizeof(uint64), compare_positions) != NULL;
}

/* As long as segments may fail, and as work_mem allows; emitted_count is right in any case. */
static void
remember_emitted(VecpgScan *state, uint64 position)
{
    if (state->emitted_count == state->emitted_capacity) {
        size_t capacity = Max(64, state->emitted_capacity * 2);
        bool fits = capacity * sizeof(uint64) <= (size_t)work_mem * 1024;

        if (!fits && state->emitted != NULL)
            pfree(state->emitted);
        if (!fits)
            state->emitted = NULL;
        else if (state->emitted == NULL)
            state->emitted = MemoryContextAlloc(state->context, capacity * sizeof(uint64));
        else
            state->emitted = repalloc_huge(state->emitted, capacity * sizeof(uint64));
        state->emitted_capacity = capacity;
    }
    if (state->emitted != NULL)
        state->emitted[state->emitted_count] = position;
    state->emitted_count++;
}

/* All rows of the log before end that no segment covers, exactly; all there are when segments is NULL. Returns how many. */
static uint64
scan_uncovered(VecpgScan *state, VecpgSegments *segments, uint64 end)
{
    uint64 from = 0;
    uint64 to;
    uint64 rows = 0;

    while (vecpg_segments_uncovered(segments, &from, &to, end)) {
        VecpgLogEntry entry;

        vecpg_log_reader_seek(state->reader, from, to);
        for (; vecpg_log_reader_next(state->reader, &entry); rows++)
            if (!was_emitted(state, entry.position))
                add_entry(state, &entry, true);
        from = to;
    }
    return rows;
}

/* What to order by and what to leave out. Rows in no order are found from the middle of the smallest sphere. */
static void
read_query(IndexScanDesc scan, VecpgScan *state)
{
    ScanKey order_by = &scan->orderByData[0];

    state->is_ordered = scan->numberOfOrderBys > 0;
    state->range = vecpg_range_read(&state->column, scan->keyData, scan->numberOfKeys);
    state->range_instead_at = UINT64_MAX;
    state->query_is_null = state->is_ordered && (order_by->sk_flags & SK_ISNULL) != 0;
    if (state->is_ordered && !state->query_is_null)
        state->query = vecpg_column_datum(&state->column, order_by->sk_argument);
    if (state->range == NULL || state->range->is_empty || state->query_is_null)
        return;
    if (!state->is_ordered)
        state->query = vecpg_range_smallest(state->range)->center;
    vecpg_range_set_order(state->range, state->query);
    if (vecpg_range_limit(state->range) == INFINITY && vecpg_range_smallest(state->range)->radius < INFINITY)
        state->range_instead_at = RANGE_INSTEAD_AFTER;
}

static uint32
nprobe(Relation index)
{
    VecIndexOptions options;

    if (vecpg_guc_ivf_nprobe != VECPG_IVF_NPROBE_DEFAULT)
        return vecpg_guc_ivf_nprobe;
    vecpg_options_read(index, &options);
    return options.nprobe != 0 ? options.nprobe : vecpg_guc_ivf_nprobe;
}

/* The setting for this index's codes; full precision has nothing to rerank. */
static uint32
rerank_size(Relation index)
{
    VecIndexOptions options;

    vecpg_options_read(index, &options);
    if (options.algorithm == VEC_INDEX_INVERTED) /* it has no codes */
        return 0;
    switch (options.quantization) {
        case VEC_INDEX_TRIVIAL:
            return 0;
        case VEC_INDEX_SCALAR:
            return vecpg_guc_sq_rerank_size;
        case VEC_INDEX_PRODUCT:
            return vecpg_guc_pq_rerank_size;
        case VEC_INDEX_RABITQ:
        case VEC_INDEX_BINARY:
            return vecpg_guc_rq_rerank_size;
    }
    return 0;
}

/*
 * Starts a search in the segments for the rows nearest to a vector, as far as radius. False: they cannot be read, or the vector is one
 * that codes cannot answer.
 */
static bool
search_begin(Relation index, VecpgScan *state, VecpgSegments *segments, VecpgVectorBytes vector, float radius)
{
    VecSearchOptions options = {.ef_search = vecpg_guc_hnsw_ef_search,
                                .filter = state->filter != NULL ? &state->filter->keys : NULL,
                                .nprobe = nprobe(index),
                                .wanted = state->candidates.is_collected ? 0 : state->wanted,
                                .needs_estimates = state->rerank_size > 0 || vecpg_guc_max_scan_tuples > 0,
                                .should_stop = vecpg_errors_should_stop,
                                .one_round = vecpg_guc_search_mode == VECPG_SEARCH_BASIC,
                                .is_range = radius < INFINITY,
                                .radius = radius};
    void *scratch = palloc(vecpg_column_scratch_bytes(&state->column));
    VecpgVectorBytes query = vecpg_column_for_engine(&state->column, vector, scratch);
    VecError error;
    VecStatus status = vec_search_begin(vecpg_segments_index(segments), query.elements, query.bytes, &options,
                                        &state->resources->search, &error);

    pfree(scratch);
    if (status == VEC_CORRUPT)
        vecpg_store_distrust(index, &error);
    if (status == VEC_INVALID || status == VEC_CORRUPT)
        return false;
    if (status != VEC_OK)
        vecpg_errors_report(ERROR, status, &error);
    return true;
}

/* The manifest first, then META: what the one does not cover is below the end that the other tells. */
static void
open_segments_and_log(Relation index, VecpgScan *state)
{
    VecpgScanResources *resources = state->resources;
    const VecpgLogMeta *meta;

    resources->segments = vecpg_store_acquire_known(index);
    state->reader = vecpg_log_reader_open(index, NULL);
    meta = vecpg_log_reader_meta(state->reader);
    if (resources->segments != NULL && vecpg_segments_nonce(resources->segments) == meta->instance_nonce)
        return;
    vecpg_store_release(resources->segments);
    resources->segments = NULL;
    resources->segments = vecpg_store_acquire(index, meta);
    if (resources->segments == NULL)
        return;
    vecpg_log_reader_close(state->reader);
    state->reader = vecpg_log_reader_open(index, NULL);
    if (vecpg_log_reader_meta(state->reader)->instance_nonce == vecpg_segments_nonce(resources->segments))
        return;
    vecpg_store_release(resources->segments); /* built anew in place */
    resources->segments = NULL;
}

static void
read_filter(IndexScanDesc scan, VecpgScan *state)
{
    const VecpgKeyLayout *layout = &vecpg_log_reader_meta(state->reader)->keys;

    vecpg_keys_check(scan->indexRelation, layout);
    state->filter = vecpg_filter_make(scan->indexRelation, layout, scan->keyData, scan->numberOfKeys);
}

/* No search finds what has no vector. */
static bool
wants_nulls_alone(const VecpgScan *state)
{
    return state->filter != NULL && state->filter->vector_test == VECPG_VECTOR_IS_NULL;
}

/* The reader of the table beside the scan, whose contexts are reset; and what both readers are asked of. */
static void
open_candidates(IndexScanDesc scan, VecpgScan *state)
{
    Relation file = scan->indexRelation;

    if (state->heap_reader == NULL) {
        MemoryContext context = MemoryContextSwitchTo(GetMemoryChunkContext(state));

        state->heap_reader = vecpg_heap_reader_open(scan, vecpg_log_reader_meta(state->reader));
        MemoryContextSwitchTo(context);
    }
    if (vecpg_heap_reader_has_vectors(state->heap_reader))
        file = scan->heapRelation;
    state->candidates.log = state->reader;
    state->candidates.heap = state->heap_reader;
    state->candidates.wanted = state->wanted;
    state->candidates.reads_ahead = get_tablespace_io_concurrency(file->rd_rel->reltablespace) > 0;
}

static void
scan_start(IndexScanDesc scan, VecpgScan *state)
{
    MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
    Relation index = scan->indexRelation;
    VecpgSegments *segments;
    uint64 end;
    uint64 rows;

    if (scan->numberOfOrderBys > 1 ||
        (scan->numberOfOrderBys == 0 && !vecpg_range_is_asked(scan->keyData, scan->numberOfKeys)))
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("index \"%s\" can only be scanned in the order of one distance, or for a range",
                        RelationGetRelationName(index))));
    if (!IsMVCCSnapshot(scan->xs_snapshot))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("index \"%s\" can only be scanned under an MVCC snapshot",
                               RelationGetRelationName(index))));
    vecpg_count_index_scan(scan);
    state->resources = palloc0(sizeof(VecpgScanResources));
    callback->func = resources_free;
    callback->arg = state->resources;
    MemoryContextRegisterResetCallback(state->context, callback);
    open_segments_and_log(index, state);
    vecpg_column_from_meta(vecpg_log_reader_meta(state->reader), &state->column);
    read_query(scan, state);
    read_filter(scan, state);
    state->started = true;
    state->rows = pairingheap_allocate(compare_rows, NULL);
    state->exhausted = true;
    if ((state->range != NULL && state->range->is_empty) ||
        (state->filter != NULL && state->filter->matches_nothing))
        return;
    state->rerank_size = rerank_size(index);
    segments = state->resources->segments;
    if (segments != NULL &&
        (state->query_is_null || wants_nulls_alone(state) ||
         !search_begin(index, state, segments, state->query,
                       state->range != NULL ? vecpg_range_limit(state->range) : INFINITY)))
        segments = NULL;
    state->exhausted = segments == NULL;
    open_candidates(scan, state);
    end = vecpg_log_reader_end(state->reader);
    rows = scan_uncovered(state, segments, end);
    state->uncovered_rows = rows;
    if (segments == state->resources->segments) /* else they were left out for this query's sake */
        vecpg_worker_notice_scan(index, end, rows);
}

/* Forgets what was found and not emitted; what was emitted is left out from now on. False: that is too much to be remembered. */
static bool
forget_found(VecpgScan *state)
{
    if (state->emitted == NULL && state->emitted_count > 0)
        return false;
    if (state->emitted_count > 0)
        qsort(state->emitted, state->emitted_count, sizeof(uint64), compare_positions);
    state->candidates.count = 0;
    state->candidates.next = 0;
    state->rows = pairingheap_allocate(compare_rows, NULL);
    state->covered_waiting = 0;
    state->chunk_free = 0;
    state->recycled = NULL;
    state->null_count = 0; /* they are emitted last: none was */
    return true;
}

/*
 * The segments cannot be read any more. Every row that they gave is right, but which rows they did not give nobody knows:
 * begins again with all rows of the log but those that were emitted. False: those are too many to be remembered.
 */
static bool
scan_log_instead(VecpgScan *state)
{
    if (!forget_found(state))
        return false;
    resources_free(state->resources);
    state->exhausted = true;
    (void)scan_uncovered(state, NULL, vecpg_log_reader_end(state->reader));
    return true;
}

/*
 * Rows are wanted in the order of one vector and in the range around another. While many of the first are among the second, the
 * search around the one is the shorter way. When it is not, all rows of the range are searched for and sorted: else a small range
 * in a far corner would be found only after everything that is nearer.
 */
static void
consider_range_instead(Relation index, VecpgScan *state)
{
    const VecpgSphere *sphere = vecpg_range_smallest(state->range);
    VecpgSegments *segments = state->resources->segments;

    state->range_instead_at *= 2;
    if (state->emitted_count * 10 > state->examined || !forget_found(state))
        return;
    state->range_instead_at = UINT64_MAX;
    state->candidates.is_collected = true;
    vec_search_free(state->resources->search);
    state->resources->search = NULL;
    if (!search_begin(index, state, segments, sphere->center, sphere->radius)) {
        segments = NULL;
        state->exhausted = true;
    }
    (void)scan_uncovered(state, segments, vecpg_log_reader_end(state->reader));
}

/* Asks the engine for more candidates. */
static void
refill(Relation index, VecpgScan *state)
{
    VecError error;
    VecStatus status;

    while ((status = vecpg_candidates_refill(&state->candidates, state->resources->search,
                                             state->emitted_count, &error)) != VEC_OK) {
        if (status == VEC_CORRUPT) {
            vecpg_store_distrust(index, &error);
            if (scan_log_instead(state))
                return;
        }
        vecpg_errors_report(ERROR, status, &error);
    }
    state->exhausted = vecpg_candidates_is_empty(&state->candidates);
}

/* No row that is still to come from the segments is nearer, as far as the engine knows. */
static float
bound_of_rest(VecpgScan *state)
{
    if (state->candidates.is_collected)
        return -INFINITY;
    if (!vecpg_candidates_is_empty(&state->candidates))
        return state->candidates.list[state->candidates.next].lower_bound;
    return vec_search_lower_bound(state->resources->search);
}

/* By the vector in the table's row. False: it is not there, the log must be asked. */
static bool
rerank_from_heap(VecpgScan *state, const ItemPointerData *tid, uint64 position)
{
    VecpgVectorBytes vector;
    VecpgHeapResult result = vecpg_heap_reader_fetch(state->heap_reader, tid, &state->column, &vector);

    if (result == VECPG_HEAP_READ) {
        add_vector(state, tid, position, vector, false);
        vecpg_heap_reader_release(state->heap_reader);
    }
    return result != VECPG_HEAP_ELSEWHERE;
}

static void
rerank_from_log(VecpgScan *state, uint64 position)
{
    VecpgLogEntry entry;

    if (vecpg_log_reader_fetch(state->reader, position, &entry))
        add_entry(state, &entry, false);
}

/* Where the code is the vector, its distance is known, and only whether the row is still there must be asked. */
static bool
is_distance(const VecpgScan *state, const VecCandidate *candidate)
{
    return candidate->is_exact && !state->candidates.is_collected &&
           (state->range == NULL || vecpg_range_is_order(state->range));
}

static void
rerank(VecpgScan *state, const VecCandidate *candidate)
{
    ItemPointerData tid = vecpg_candidates_tid(candidate);
    uint64 position = candidate->id.position;

    if (state->candidates.is_collected && was_emitted(state, position))
        return;
    if (is_distance(state, candidate)) {
        if ((state->range == NULL || vecpg_range_contains_distance(state->range, candidate->estimate)) &&
            vecpg_log_reader_is_live(state->reader, position))
            add_row(state, &tid, position, candidate->estimate, false);
    } else if (candidate->kind == VEC_ROW_NULL || !vecpg_heap_reader_has_vectors(state->heap_reader))
        rerank_from_log(state, position);
    else if (vecpg_log_reader_is_live(state->reader, position) && !rerank_from_heap(state, &tid, position))
        rerank_from_log(state, position);
}

/* Looks at the next candidate, or finds that there is none to look at. */
static void
advance(Relation index, VecpgScan *state)
{
    if (vecpg_candidates_is_empty(&state->candidates)) {
        if (state->examined < state->range_instead_at)
            refill(index, state);
        else
            consider_range_instead(index, state);
    } else if (vecpg_guc_max_scan_tuples > 0 && state->examined >= vecpg_guc_max_scan_tuples) {
        state->exhausted = true;
        state->is_cut = true;
    } else {
        state->examined++;
        rerank(state, vecpg_candidates_take(&state->candidates, state->emitted_count));
    }
}

static bool
emit(IndexScanDesc scan, const VecpgScan *state, const ItemPointerData *tid, float distance, bool is_null)
{
    if (state->heap_reader != NULL)
        vecpg_heap_reader_give(state->heap_reader, tid);
    scan->xs_heaptid = *tid;
    scan->xs_recheck = state->filter != NULL && state->filter->is_lossy;
    scan->xs_recheckorderby = false;
    if (scan->numberOfOrderBys > 0) {
        scan->xs_orderbyvals[0] = Float4GetDatum(distance);
        scan->xs_orderbynulls[0] = is_null;
    }
    return true;
}

/* Whether the nearest of the rows that were found is the next to be given. */
static bool
is_next(VecpgScan *state, const VecpgScanRow *row)
{
    if (state->exhausted || !state->is_ordered)
        return true;
    if (state->rerank_size > 0 && !state->candidates.is_collected)
        return state->covered_waiting >= state->rerank_size;
    return row->distance <= bound_of_rest(state);
}

/* Whether the settings leave out a row whose turn it is. */
static bool
is_left_out(VecpgScan *state, const VecpgScanRow *row)
{
    if (vecpg_guc_search_mode == VECPG_SEARCH_BASIC && row->is_uncovered &&
        state->uncovered_given++ >= vecpg_guc_hnsw_ef_search)
        return true;
    if (vecpg_guc_iterative_order == VECPG_ORDER_STRICT && state->is_ordered && state->has_last &&
        vecpg_types_compare_float(row->distance, state->last_distance) < 0)
        return true;
    state->has_last = true;
    state->last_distance = row->distance;
    return false;
}

static void
tell_of_cut(Relation index, VecpgScan *state)
{
    if (!state->cut_was_told)
        ereport(NOTICE, (errmsg("scan of index \"%s\" ended after %d rows", RelationGetRelationName(index),
                                vecpg_guc_max_scan_tuples),
                         errdetail("vectors.max_scan_tuples lets it look at no more; rows may be missing.")));
    state->cut_was_told = true;
}

static bool
next_row(IndexScanDesc scan, VecpgScan *state)
{
    for (;;) {
        VecpgScanRow *row = pairingheap_is_empty(state->rows)
                                ? NULL
                                : pairingheap_container(VecpgScanRow, node, pairingheap_first(state->rows));

        if (row != NULL && is_next(state, row)) {
            pairingheap_remove_first(state->rows);
            state->covered_waiting -= !row->is_uncovered;
            state->recycled = row;
            if (is_left_out(state, row))
                continue;
            if (!state->exhausted)
                remember_emitted(state, row->position);
            return emit(scan, state, &row->tid, row->distance, false);
        }
        if (state->exhausted)
            break;
        CHECK_FOR_INTERRUPTS();
        advance(scan->indexRelation, state);
    }
    if (state->is_cut) {
        tell_of_cut(scan->indexRelation, state);
        return false;
    }
    if (vecpg_guc_search_mode == VECPG_SEARCH_BASIC && state->uncovered_given++ >= vecpg_guc_hnsw_ef_search)
        return false;
    if (state->null_next < state->null_count)
        return emit(scan, state, &state->nulls[state->null_next++], 0, true);
    return false;
}

void
vecpg_am_scan_statistics(IndexScanDesc scan, VecpgScanStatistics *statistics)
{
    const VecpgScan *state = scan->opaque;

    memset(statistics, 0, sizeof(*statistics));
    statistics->uncovered_rows = state->uncovered_rows;
    statistics->candidates = state->examined;
    if (state->resources == NULL || state->resources->search == NULL)
        return;
    statistics->segments = vec_index_segment_count(vecpg_segments_index(state->resources->segments));
    vec_search_statistics(state->resources->search, &statistics->search);
}

bool
vecpg_am_scan_next(IndexScanDesc scan, ScanDirection direction)
{
    VecpgScan *state = scan->opaque;
    MemoryContext old_context = MemoryContextSwitchTo(state->context);
    bool found;

    Assert(ScanDirectionIsForward(direction));
    if (!state->started)
        scan_start(scan, state);
    found = next_row(scan, state);
    MemoryContextSwitchTo(old_context);
    return found;
}
