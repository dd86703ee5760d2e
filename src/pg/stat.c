/*
 * stat.c: one row of the view pg_vector_index_stat: what there is of an index, read without stopping anybody.
 *
 * The view is for all users and shows all indexes, so one of them must never break it: everything is looked at in a
 * subtransaction, and an error there is the index's state, not the view's. Nothing is waited for: an index that somebody has locked
 * exclusively is being built, rebuilt or dropped. What was mapped only to be looked at is let go again.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "am.h"
#include "errors.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "options.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/smgr.h"
#include "store.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* The function's columns, in their order. */
typedef enum VecpgStatColumn {
    STAT_STATUS,
    STAT_INDEXING,
    STAT_TUPLES,
    STAT_SEALED,
    STAT_GROWING,
    STAT_WRITE,
    STAT_SIZE,
    STAT_OPTIONS,
    STAT_DEAD,
    STAT_BYTES_LOG,
    STAT_BYTES_SEGMENTS,
    STAT_LAST_MERGE,
    STAT_LAST_ERROR,
    STAT_COLUMNS
} VecpgStatColumn;

/* What is looked at, and what is found; is_null is true for what nobody could read. */
typedef struct VecpgStat {
    Oid index_oid;
    bool exists;
    const char *status;
    Datum values[STAT_COLUMNS];
    bool is_null[STAT_COLUMNS];
    MemoryContext context; /* of the values */
} VecpgStat;

/* Living rows by where they are, and what they take. */
typedef struct VecpgStatCounts {
    Datum *sealed;
    int sealed_count;
    Datum *growing;
    int growing_count;
    VecpgLogCount write;
    VecpgLogCount total;
    uint64 bytes_segments;
    bool lost_rows; /* rows that a segment covered once, and none does now */
} VecpgStatCounts;

PG_FUNCTION_INFO_V1(vectors_index_stat);
PG_FUNCTION_INFO_V1(vectors_index_progress);

static void
set(VecpgStat *stat, VecpgStatColumn column, Datum value)
{
    stat->values[column] = value;
    stat->is_null[column] = false;
}

static void
set_text(VecpgStat *stat, VecpgStatColumn column, const char *text)
{
    MemoryContext old_context = MemoryContextSwitchTo(stat->context);

    set(stat, column, CStringGetTextDatum(text));
    MemoryContextSwitchTo(old_context);
}

/* Of several that are wrong, the first. */
static void
set_error(VecpgStat *stat, const char *text)
{
    stat->status = "DEGRADED";
    if (stat->is_null[STAT_LAST_ERROR])
        set_text(stat, STAT_LAST_ERROR, text);
}

static void
set_counts(VecpgStat *stat, VecpgStatColumn column, Datum *counts, int count)
{
    MemoryContext old_context = MemoryContextSwitchTo(stat->context);

    set(stat, column,
        PointerGetDatum(
            construct_array(counts, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
    MemoryContextSwitchTo(old_context);
}

static void
add_count(VecpgLogCount *sum, const VecpgLogCount *count)
{
    sum->live += count->live;
    sum->dead += count->dead;
}

/* Rows of the log that no segment covers. Lost are those before sealed_to that live. */
static void
count_uncovered(const VecpgLogMeta *meta, VecpgLogReader *reader, VecpgSegments *segments,
                VecpgStatCounts *counts)
{
    uint64 end = vecpg_log_reader_end(reader);
    uint64 from = 0;
    uint64 to;

    for (; vecpg_segments_uncovered(segments, &from, &to, end); from = to) {
        VecpgLogCount count = vecpg_log_reader_count(reader, from, to);

        add_count(&counts->write, &count);
        if (from < meta->sealed_to && count.live > 0)
            counts->lost_rows = true;
    }
    add_count(&counts->total, &counts->write);
}

static void
count_rows(Relation index, const VecpgLogMeta *meta, VecpgSegments *segments, VecpgStatCounts *counts)
{
    VecIndex *opened = segments ? vecpg_segments_index(segments) : NULL;
    uint32 count = opened ? vec_index_segment_count(opened) : 0;
    VecpgLogReader *reader = vecpg_log_reader_open(index, NULL);
    VecSegmentOptions wanted;

    vecpg_store_segment_options(index, meta, &wanted);
    counts->sealed = palloc(sizeof(Datum) * (count + 1));
    counts->growing = palloc(sizeof(Datum) * (count + 1));
    for (uint32 i = 0; i < count; i++) {
        VecSegmentInfo info;
        VecpgLogCount rows;

        vec_index_segment_info(opened, i, &info);
        rows = vecpg_log_reader_count(reader, info.stamp.position_from, info.stamp.position_to);
        add_count(&counts->total, &rows);
        counts->bytes_segments += info.bytes_file;
        /* Where neither graph nor lists are wanted, a segment without them is as it will stay. */
        if (info.options.kind != VEC_SEGMENT_FLAT || wanted.kind == VEC_SEGMENT_FLAT)
            counts->sealed[counts->sealed_count++] = Int64GetDatum(rows.live);
        else
            counts->growing[counts->growing_count++] = Int64GetDatum(rows.live);
    }
    count_uncovered(meta, reader, segments, counts);
    vecpg_log_reader_close(reader);
}

/* Is somebody building or merging, or is there something to be built? */
static bool
is_indexing(Relation index, VecControl *control)
{
    for (int work = 0; control != NULL && work < VEC_WORKS; work++)
        if (vec_control_is_claimed(control, work))
            return true;
    return vecpg_work_is_due(index, VECPG_WORK_IDLE);
}

/* What the control file remembers. A failure is of the past when there is nothing left to build. */
static void
look_at_control(VecpgStat *stat, VecControl *control, bool is_indexing)
{
    TimestampTz merged_at = vec_control_counter_read(control, VECPG_COUNTER_MERGED_AT);
    TimestampTz merger_failed_at = vec_control_counter_read(control, VECPG_COUNTER_MERGER_FAILED_AT);
    TimestampTz failed_at = vec_control_counter_read(control, VECPG_COUNTER_FAILED_AT);

    if (merged_at != 0)
        set(stat, STAT_LAST_MERGE, TimestampTzGetDatum(merged_at));
    if (merger_failed_at > merged_at)
        failed_at = Max(failed_at, merger_failed_at);
    if (failed_at != 0 && is_indexing)
        set_error(stat, psprintf("segments could not be built at %s, the server log says why",
                                 timestamptz_to_str(failed_at)));
}

static void
look_at_rows(VecpgStat *stat, Relation index, VecpgSegments *segments, const VecpgLogMeta *meta)
{
    bool is_temporary = index->rd_rel->relpersistence == RELPERSISTENCE_TEMP;
    VecControl *control = is_temporary ? NULL : vecpg_store_control(index);
    const char *problem = vecpg_store_problem(index);
    bool indexing = !is_temporary && is_indexing(index, control);
    VecpgStatCounts counts = {NULL};

    count_rows(index, meta, segments, &counts);
    set(stat, STAT_TUPLES, Int64GetDatum(counts.total.live));
    set(stat, STAT_DEAD, Int64GetDatum(counts.total.dead));
    set(stat, STAT_WRITE, Int64GetDatum(counts.write.live));
    set_counts(stat, STAT_SEALED, counts.sealed, counts.sealed_count);
    set_counts(stat, STAT_GROWING, counts.growing, counts.growing_count);
    set(stat, STAT_BYTES_SEGMENTS, Int64GetDatum(counts.bytes_segments));
    set(stat, STAT_SIZE,
        Int64GetDatum(DatumGetInt64(stat->values[STAT_BYTES_LOG]) + (int64)counts.bytes_segments));
    if (problem != NULL)
        set_error(stat, problem);
    else if (counts.lost_rows && !is_temporary)
        set_error(stat, "a segment is missing, and its rows are searched without it");
    if (control != NULL)
        look_at_control(stat, control, indexing);
    set(stat, STAT_INDEXING, BoolGetDatum(indexing));
}

/* Does somebody build an index of this table, or vacuum it? */
static bool
has_builder(Oid heap_oid)
{
    LOCKTAG tag;
    int count;

    SET_LOCKTAG_RELATION(tag, MyDatabaseId, heap_oid);
    GetLockConflicts(&tag, ShareUpdateExclusiveLock, &count);
    return count > 0;
}

static void
look_at_pages(VecpgStat *stat, Relation index)
{
    bool was_open = vecpg_store_is_open(index);
    VecpgLogMeta meta;
    VecpgSegments *volatile segments = NULL;

    vecpg_log_meta_read(index, &meta);
    PG_TRY();
    {
        segments = vecpg_store_acquire(index, &meta);
        look_at_rows(stat, index, segments, &meta);
    }
    PG_FINALLY();
    {
        vecpg_store_release(segments);
        if (!was_open)
            vecpg_store_forget(index);
    }
    PG_END_TRY();
}

/*
 * A standby has no pages of what is not logged, and a crash takes those of a temporary index away, which the catalogs know until its table is dropped.
 */
static bool
has_no_pages(Relation index)
{
    bool may_have_none = RELATION_IS_OTHER_TEMP(index) ||
                         (RecoveryInProgress() && index->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT);

    return may_have_none && !smgrexists(RelationGetSmgr(index), MAIN_FORKNUM);
}

static void
look_at_options(VecpgStat *stat, Relation index)
{
    const char *why;

    set_text(stat, STAT_OPTIONS, vecpg_options_describe(index, &why));
    if (why != NULL)
        set_error(
            stat,
            psprintf("%s: hnsw is in force; set another, or this one cannot be restored from a dump", why));
}

static void
look_at_index(VecpgStat *stat, Relation index)
{
    int64 bytes_log;

    stat->exists = index->rd_indam->amoptions == vecpg_options_parse;
    if (!stat->exists)
        return;
    look_at_options(stat, index);
    if (!index->rd_index->indisvalid) {
        stat->status = "BUILDING";
        if (!has_builder(index->rd_index->indrelid))
            set_error(stat, "its concurrent build did not end: REINDEX it, or drop it");
        else
            set(stat, STAT_INDEXING, BoolGetDatum(true));
    }
    if (has_no_pages(index))
        return;
    bytes_log = (int64)RelationGetNumberOfBlocks(index) * BLCKSZ;
    set(stat, STAT_BYTES_LOG, Int64GetDatum(bytes_log));
    set(stat, STAT_SIZE, Int64GetDatum(bytes_log));
    if (RELATION_IS_OTHER_TEMP(index) || !index->rd_index->indisready)
        return; /* its pages are in another session's memory, or were not written yet */
    look_at_pages(stat, index);
}

static void
look(void *argument)
{
    VecpgStat *stat = argument;
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(stat->index_oid));
    Relation index;

    stat->exists = HeapTupleIsValid(tuple) && ((Form_pg_class)GETSTRUCT(tuple))->relkind == RELKIND_INDEX;
    if (HeapTupleIsValid(tuple))
        ReleaseSysCache(tuple);
    if (!stat->exists)
        return;
    if (!ConditionalLockRelationOid(stat->index_oid, AccessShareLock)) {
        stat->status = "BUILDING";
        set(stat, STAT_INDEXING, BoolGetDatum(true));
        return;
    }
    stat->exists = SearchSysCacheExists1(RELOID, ObjectIdGetDatum(stat->index_oid));
    if (!stat->exists) { /* dropped since */
        UnlockRelationOid(stat->index_oid, AccessShareLock);
        return;
    }
    index = index_open(stat->index_oid, NoLock);
    look_at_index(stat, index);
    index_close(index, AccessShareLock);
}

/* All columns of the view but the names; all NULL if there is no such index of ours. */
Datum
vectors_index_stat(PG_FUNCTION_ARGS)
{
    VecpgStat stat = {.index_oid = PG_GETARG_OID(0), .status = "NORMAL", .context = CurrentMemoryContext};
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vectors stat", ALLOCSET_DEFAULT_SIZES);
    MemoryContext old_context = MemoryContextSwitchTo(context);
    TupleDesc descriptor;
    ErrorData *error;

    memset(stat.is_null, true, sizeof(stat.is_null));
    error = vecpg_errors_try(look, &stat);
    if (error != NULL) {
        if (!vecpg_errors_is_of_object(error))
            ReThrowError(error);
        stat.is_null[STAT_LAST_ERROR] = true; /* this one hid all others */
        set_error(&stat, error->message);
    }
    if (stat.exists)
        set_text(&stat, STAT_STATUS, stat.status);
    else
        memset(stat.is_null, true, sizeof(stat.is_null));
    MemoryContextSwitchTo(old_context);
    MemoryContextDelete(context);
    if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("return type must be a row type")));
    PG_RETURN_DATUM(
        HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), stat.values, stat.is_null)));
}

/* What is being built of an index, by whom its control file knows. */
typedef struct VecpgProgress {
    Oid index_oid;
    bool is_working;
    uint64 phase;
    uint64 done;
    uint64 total;
} VecpgProgress;

static void
look_at_progress(void *argument)
{
    VecpgProgress *progress = argument;
    VecControl *control;
    Relation index;
    bool was_open;

    if (get_rel_relkind(progress->index_oid) != RELKIND_INDEX ||
        !ConditionalLockRelationOid(progress->index_oid, AccessShareLock))
        return;
    index = index_open(progress->index_oid, NoLock);
    if (index->rd_indam->amoptions == vecpg_options_parse &&
        index->rd_rel->relpersistence != RELPERSISTENCE_TEMP) {
        was_open = vecpg_store_is_open(index);
        control = vecpg_store_control(index);
        for (int work = 0; control != NULL && work < VEC_WORKS; work++)
            progress->is_working = progress->is_working || vec_control_is_claimed(control, work);
        if (progress->is_working) {
            progress->phase = vec_control_counter_read(control, VECPG_COUNTER_PROGRESS_PHASE);
            progress->done = vec_control_counter_read(control, VECPG_COUNTER_PROGRESS_DONE);
            progress->total = vec_control_counter_read(control, VECPG_COUNTER_PROGRESS_TOTAL);
        }
        if (!was_open)
            vecpg_store_forget(index);
    }
    index_close(index, AccessShareLock);
}

/* (phase, tuples_done, tuples_total); all NULL while nobody works on the index, or nobody may look. */
Datum
vectors_index_progress(PG_FUNCTION_ARGS)
{
    VecpgProgress progress = {.index_oid = PG_GETARG_OID(0)};
    ErrorData *error = vecpg_errors_try(look_at_progress, &progress);
    Datum values[3] = {0};
    bool is_null[3] = {true, true, true};
    TupleDesc descriptor;
    const char *phase;

    if (error != NULL && !vecpg_errors_is_of_object(error))
        ReThrowError(error);
    if (error == NULL && progress.is_working) {
        phase = vecpg_am_build_phase_name((int64)progress.phase);
        memset(is_null, false, sizeof(is_null));
        values[0] = CStringGetTextDatum(phase != NULL ? phase : "looking for work");
        values[1] = Int64GetDatum((int64)progress.done);
        values[2] = Int64GetDatum((int64)progress.total);
    }
    if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("return type must be a row type")));
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, is_null)));
}
