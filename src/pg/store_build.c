/*
 * store_build.c: builds a sealed segment out of the log, and decides which ranges of the log want one.
 *
 * Two passes over the log: the first shows the codes' training a sample, the second encodes; then the graph,
 * which needs the log no longer. The segment's (timeline, LSN) is read after the last page, and WAL is flushed up to it
 * before the segment is published: a crash can then not bring back a log that lacks rows which the segment has.
 */
#include "store.h"

#include <sys/stat.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
#include "commands/progress.h"
#include "common/file_perm.h"
#include "compat.h"
#include "errors.h"
#include "miscadmin.h"
#include "options.h"
#include "pgstat.h"
#include "progress.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "vectors/build.h"

#define SAMPLE_ROWS 65536

/* pg_wal usually shares the disk, and a full disk is a PANIC there: leave it 16 WAL segments. */
#define DISK_RESERVE_BYTES (UINT64CONST(256) * 1024 * 1024)

/* One build: what must be freed whatever happens, and the numbers that pass between its phases. */
typedef struct VecpgBuild {
    const VecpgBuildRequest *request;
    VecpgColumn column;
    char directory[MAXPGPATH];
    VecControl *control;
    VecBuild *build;
    VecpgLogReader *reader;
    uint64 row_count;
    void *scratch;
} VecpgBuild;

static bool
should_stop_reporting(void *context, uint64_t rows_done, uint64_t rows_total)
{
    const VecpgBuildRequest *request = context;

    if (request->report_progress)
        pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, rows_done);
    return InterruptPending;
}

static void
report_phase(const VecpgBuild *build, int phase, uint64 rows_total)
{
    if (!build->request->report_progress)
        return;
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, rows_total);
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, 0);
}

/* The directories above an index's own. The engine makes that one. */
static bool
make_parent_directories(Relation index)
{
    char path[MAXPGPATH];

    if (MakePGDirectory(VECPG_STORE_ROOT) != 0 && errno != EEXIST)
        return false;
    snprintf(path, sizeof(path), VECPG_STORE_ROOT "/%u", vecpg_relation_database(index));
    return MakePGDirectory(path) == 0 || errno == EEXIST;
}

/* A status that tells of the disk leaves the index complete and slower: a WARNING. All else is an error. */
static VecpgBuildOutcome
build_failed(const VecpgBuild *build, VecStatus status, const VecError *error)
{
    if (status == VEC_BUSY)
        return VECPG_BUILD_BUSY;
    if (status != VEC_NO_SPACE && status != VEC_IO && status != VEC_NOT_FOUND && status != VEC_CORRUPT)
        vecpg_errors_report(ERROR, status, error);
    ereport(WARNING, (errcode(status == VEC_NO_SPACE ? ERRCODE_DISK_FULL : ERRCODE_IO_ERROR),
                      errmsg("could not write a segment of index \"%s\": %s",
                             RelationGetRelationName(build->request->index), error->message),
                      errhint("The index is complete; its searches scan the log, which is slower. VACUUM or "
                              "vectors_merge() tries again.")));
    return VECPG_BUILD_FAILED;
}

static VecStatus
take_directory(VecpgBuild *build, VecError *error)
{
    VecStatus status;

    if (!make_parent_directories(build->request->index))
        return vec_error_set(error, errno == ENOSPC ? VEC_NO_SPACE : VEC_IO, errno,
                             "could not create directory \"%s\": %m", build->directory);
    status = vec_control_open(build->directory, true, &vec_allocator_default, &build->control, error);
    if (status == VEC_NOT_FOUND &&
        make_parent_directories(build->request->index)) /* a sweep removed them since */
        status = vec_control_open(build->directory, true, &vec_allocator_default, &build->control, error);
    return status == VEC_OK ? vec_control_lock(build->control, error) : status;
}

static VecpgVectorBytes
entry_vector(VecpgBuild *build, const VecpgLogEntry *entry)
{
    VecpgVectorBytes none = {NULL, 0};
    VecpgVectorBytes bytes = {entry->vector, entry->vector_bytes};

    return entry->is_null ? none : vecpg_column_for_engine(&build->column, bytes, build->scratch);
}

static VecStatus
train(VecpgBuild *build, VecError *error)
{
    uint64 stride = Max(1, build->row_count / SAMPLE_ROWS);
    uint64 row = 0;
    VecpgLogEntry entry;

    vecpg_log_reader_seek(build->reader, build->request->from, build->request->to);
    while (vecpg_log_reader_next(build->reader, &entry))
        if (row++ % stride == 0 && !entry.is_null) {
            VecpgVectorBytes vector = entry_vector(build, &entry);

            vec_build_sample(build->build, vector.elements, vector.bytes);
        }
    return vec_build_train(build->build, error);
}

static VecStatus
encode(VecpgBuild *build, VecError *error)
{
    VecpgLogEntry entry;
    uint64 row = 0;
    VecStatus status = VEC_OK;

    report_phase(build, VECPG_PHASE_ENCODE, build->row_count);
    vecpg_log_reader_seek(build->reader, build->request->from, build->request->to);
    while (status == VEC_OK && vecpg_log_reader_next(build->reader, &entry)) {
        VecRowId id = {.position = entry.position};
        VecpgVectorBytes vector = entry_vector(build, &entry);

        StaticAssertStmt(sizeof(entry.tid) == VEC_TID_BYTES, "a TID is carried as it is");
        memcpy(id.tid, &entry.tid, VEC_TID_BYTES);
        status = vec_build_add(build->build, &id, vector.elements, vector.bytes, error);
        if (++row % 1000 == 0)
            should_stop_reporting((void *)build->request, row, build->row_count);
    }
    return status;
}

/*
 * Where WAL ends. At the end of a WAL page the insert position is given behind the header of the next page, which
 * nobody may have begun to write: it cannot be flushed up to there.
 */
static XLogRecPtr
wal_end(void)
{
    XLogRecPtr lsn = GetXLogInsertRecPtr();

    if (XLogSegmentOffset(lsn, wal_segment_size) == SizeOfXLogLongPHD)
        return lsn - SizeOfXLogLongPHD;
    if (lsn % XLOG_BLCKSZ == SizeOfXLogShortPHD)
        return lsn - SizeOfXLogShortPHD;
    return lsn;
}

static void
stamp_now(const VecpgBuild *build, VecStamp *stamp)
{
    TimeLineID timeline;
    XLogRecPtr lsn;

    if (RecoveryInProgress())
        lsn = GetXLogReplayRecPtr(&timeline);
    else {
        lsn = wal_end();
        XLogFlush(lsn);
        timeline = GetWALInsertionTimeLine();
    }
    memset(stamp, 0, sizeof(*stamp));
    stamp->instance_nonce = vecpg_log_reader_meta(build->reader)->instance_nonce;
    stamp->lsn = lsn;
    stamp->timeline = timeline;
    stamp->position_from = build->request->from;
    stamp->position_to = build->request->to;
}

/* Puts the segment in the place of those whose range lies in its own. */
static VecStatus
publish(VecpgBuild *build, const VecBuildResult *result, VecError *error)
{
    VecManifest manifest;
    VecStatus status = vec_manifest_read(build->directory, &vec_allocator_default, &manifest, error);

    if (status == VEC_CORRUPT) /* it names nothing that could be kept */
        status = VEC_OK;
    for (uint32 i = manifest.entry_count; status == VEC_OK && i-- > 0;) {
        const VecStamp *stamp = &manifest.entries[i].stamp;

        if (stamp->instance_nonce != result->stamp.instance_nonce ||
            (stamp->position_from < result->stamp.position_to &&
             stamp->position_to > result->stamp.position_from))
            status = vec_manifest_remove(&manifest, manifest.entries[i].file_name, error);
    }
    if (status == VEC_OK)
        status = vec_manifest_add(&manifest, result, error);
    if (status == VEC_OK)
        status = vec_manifest_publish(&manifest, build->directory, build->control, error);
    if (status == VEC_OK)
        status = vec_manifest_collect(&manifest, build->directory, NULL, error);
    vec_manifest_free(&manifest);
    return status;
}

static void
segment_options(const VecIndexOptions *index_options, const VecpgColumn *column, VecSegmentOptions *options)
{
    *options = vec_segment_options_default;
    options->element_type = column->element_type;
    options->metric = column->metric;
    options->dimensions = column->dimensions;
    vecpg_options_segment(index_options, options);
}

static VecStatus
build_segment(VecpgBuild *build, VecError *error)
{
    Relation index = build->request->index;
    VecIndexOptions index_options;
    VecBuildOptions options;
    VecBuildResult result;
    VecStamp stamp;
    VecStatus status;

    vecpg_options_read(index, &index_options);
    memset(&options, 0, sizeof(options));
    segment_options(&index_options, &build->column, &options.segment);
    options.thread_count = max_parallel_maintenance_workers + 1;
    options.seed = VecpgPositionPage(build->request->from);
    options.memory_bytes_max = (uint64)maintenance_work_mem * 1024;
    options.disk_reserve_bytes = DISK_RESERVE_BYTES;
    build->row_count = vecpg_log_reader_count_live(build->reader, build->request->from, build->request->to);
    report_phase(build, VECPG_PHASE_TRAIN, build->row_count);
    status = vec_build_begin(&options, build->directory, build->row_count, &vec_allocator_default,
                             &build->build, error);
    if (status == VEC_OK)
        status = train(build, error);
    if (status == VEC_OK)
        status = encode(build, error);
    if (status != VEC_OK)
        return status;
    stamp_now(build, &stamp);
    report_phase(build, VECPG_PHASE_GRAPH, build->row_count);
    while ((status = vec_build_graph(build->build, should_stop_reporting, (void *)build->request, error)) ==
           VEC_INTERRUPTED)
        CHECK_FOR_INTERRUPTS();
    if (status != VEC_OK)
        return status;
    report_phase(build, VECPG_PHASE_WRITE, build->row_count);
    while ((status = vec_build_finish(build->build, &stamp, vecpg_errors_should_stop, NULL, &result,
                                      error)) == VEC_INTERRUPTED)
        CHECK_FOR_INTERRUPTS();
    return status == VEC_OK ? publish(build, &result, error) : status;
}

VecpgBuildOutcome
vecpg_store_build(const VecpgBuildRequest *request)
{
    VecpgBuild build = {.request = request};
    volatile VecpgBuildOutcome outcome = VECPG_BUILD_DONE;
    BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);

    vecpg_store_directory(request->index, build.directory, sizeof(build.directory));
    vecpg_log_nonce_ensure(request->index);
    build.reader = vecpg_log_reader_open(request->index, strategy);
    vecpg_column_from_meta(vecpg_log_reader_meta(build.reader), &build.column);
    build.scratch = palloc(vecpg_column_scratch_bytes(&build.column));
    PG_TRY();
    {
        VecError error;
        VecStatus status = take_directory(&build, &error);

        if (status == VEC_OK)
            status = build_segment(&build, &error);
        if (status != VEC_OK)
            outcome = build_failed(&build, status, &error);
    }
    PG_FINALLY();
    {
        vec_build_free(build.build);
        vec_control_close(build.control);
    }
    PG_END_TRY();
    if (outcome == VECPG_BUILD_DONE && !RecoveryInProgress())
        vecpg_log_sealed(request->index, request->to);
    pfree(build.scratch);
    vecpg_log_reader_close(build.reader);
    FreeAccessStrategy(strategy);
    return outcome;
}

/* Is there exactly one segment, over everything, with few dead rows? */
static bool
is_merged(VecpgSegments *segments, VecpgLogReader *reader, uint64 end, double delete_threshold)
{
    VecIndex *index = segments ? vecpg_segments_index(segments) : NULL;
    uint64 from = 0;
    uint64 to;
    uint64 dead = 0;
    uint64 rows;
    VecSegmentInfo info;

    if (index == NULL || vec_index_segment_count(index) != 1 ||
        vecpg_segments_uncovered(segments, &from, &to, end))
        return false;
    vec_index_segment_info(index, 0, &info);
    rows = info.rows_coded + info.rows_exact + info.rows_null;
    for (uint64 row = 0; row < rows; row++) {
        VecRowId id;
        VecRowKind kind;

        if (row % 1024 == 0)
            CHECK_FOR_INTERRUPTS();
        if (vec_index_row(index, 0, row, &id, &kind, NULL) != VEC_OK)
            return false;
        dead += vecpg_log_reader_is_dead(reader, id.position);
    }
    return dead <= rows * delete_threshold;
}

/* The next range at or after *from that wants a segment. */
static bool
next_due(Relation index, VecpgMergeMode mode, uint64 *from, uint64 *to)
{
    VecIndexOptions options;
    VecpgLogMeta meta;
    VecpgSegments *segments;
    VecpgLogReader *reader;
    uint64 end;
    volatile bool due = false;

    vecpg_options_read(index, &options);
    vecpg_log_meta_read(index, &meta);
    segments = vecpg_store_acquire(index, &meta);
    PG_TRY();
    {
        reader = vecpg_log_reader_open(index, NULL);
        end = vecpg_log_reader_end(reader);
        if (mode == VECPG_MERGE_ALL) {
            due = *from < end && vecpg_log_reader_count_live(reader, *from, end) > 0 &&
                  !is_merged(segments, reader, end, options.delete_threshold);
            *to = end;
        } else
            while (!due && vecpg_segments_uncovered(segments, from, to, end)) {
                /* What a segment once covered was lost; what comes behind waits until it is long. */
                due = vecpg_log_reader_count_live(reader, *from, *to) >
                      (*from < meta.sealed_to ? 0 : options.max_growing_segment_size);
                if (!due)
                    *from = *to;
            }
        vecpg_log_reader_close(reader);
    }
    PG_FINALLY();
    {
        vecpg_store_release(segments);
    }
    PG_END_TRY();
    return due;
}

VecpgBuildOutcome
vecpg_store_merge(Relation index, VecpgMergeMode mode)
{
    VecpgBuildRequest request = {.index = index};
    VecpgBuildOutcome outcome = VECPG_BUILD_DONE;

    if (index->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
        return outcome;
    while (outcome == VECPG_BUILD_DONE && next_due(index, mode, &request.from, &request.to)) {
        outcome = vecpg_store_build(&request);
        request.from = request.to;
        if (mode == VECPG_MERGE_ALL)
            break;
    }
    return outcome;
}
