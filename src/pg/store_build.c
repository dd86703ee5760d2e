/*
 * store_build.c: builds a segment out of the log.
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
#include "keys.h"
#include "miscadmin.h"
#include "options.h"
#include "pgstat.h"
#include "progress.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "vectors/build.h"
#include "vectors/plan.h"
#include "vectors/stop_point.h"

#define SAMPLE_ROWS 65536

/* pg_wal usually shares the disk, and a full disk is a PANIC there: leave it 16 WAL segments. */
#define DISK_RESERVE_BYTES (UINT64CONST(256) * 1024 * 1024)

/* CREATE INDEX cuts the rows into so many segments at most: each costs every search some 100 us, and a manifest has room for 4096. */
#define BUILD_SEGMENTS_MAX 256

/* So many rows are read between two pauses: they should take less than a second (training means of residual codes, once, may take three). */
#define PAUSE_ROWS 20000

/* One build: what must be freed whatever happens, and the numbers that pass between its phases. */
typedef struct VecpgBuild {
    const VecpgBuildRequest *request;
    VecpgColumn column;
    char directory[MAXPGPATH];
    VecControl *control;
    VecBuild *build;
    VecpgLogReader *reader; /* NULL during a pause, and after one that was the last */
    BufferAccessStrategy strategy;
    uint64 instance_nonce;
    uint64 row_count;
    uint64 read_to;   /* where the pass ends that reads the log now */
    uint64 rows_read; /* in all passes */
    void *scratch;
} VecpgBuild;

static bool
should_stop_reporting(void *context, uint64_t rows_done, uint64_t rows_total)
{
    const VecpgBuild *build = context;

    vec_control_counter_write(build->control, VECPG_COUNTER_PROGRESS_DONE, rows_done);
    if (build->request->report_progress)
        pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, rows_done);
    return vecpg_errors_should_stop(NULL, rows_done, rows_total);
}

static void
report_phase(const VecpgBuild *build, int phase, uint64 rows_total)
{
    vec_control_counter_write(build->control, VECPG_COUNTER_PROGRESS_PHASE, phase);
    vec_control_counter_write(build->control, VECPG_COUNTER_PROGRESS_TOTAL, rows_total);
    vec_control_counter_write(build->control, VECPG_COUNTER_PROGRESS_DONE, 0);
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

void
vecpg_store_note_failure(Relation index)
{
    VecControl *control = vecpg_store_control(index);

    if (control != NULL)
        vec_control_counter_write(control, VECPG_COUNTER_FAILED_AT, GetCurrentTimestamp());
}

VecpgBuildOutcome
vecpg_store_failed(Relation index, VecStatus status, const VecError *error)
{
    if (status == VEC_BUSY)
        return VECPG_BUILD_BUSY;
    if (status != VEC_NO_SPACE && status != VEC_IO && status != VEC_NOT_FOUND && status != VEC_CORRUPT)
        vecpg_errors_report(ERROR, status, error);
    vecpg_store_note_failure(index);
    ereport(
        WARNING,
        (errcode(status == VEC_NO_SPACE ? ERRCODE_DISK_FULL : ERRCODE_IO_ERROR),
         errmsg("could not write a segment of index \"%s\": %s", RelationGetRelationName(index),
                error->message),
         errhint(
             "The index is complete; its searches scan the log, which is slower. VACUUM or vectors_merge() "
             "tries again.")));
    return VECPG_BUILD_FAILED;
}

VecStatus
vecpg_store_open_directory(Relation index, VecControl **control, VecError *error)
{
    char directory[MAXPGPATH];
    VecStatus status;

    vecpg_store_directory(index, directory, sizeof(directory));
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!make_parent_directories(index))
            return vec_error_set(error, errno == ENOSPC ? VEC_NO_SPACE : VEC_IO, errno,
                                 "could not create directory \"%s\": %m", directory);
        status = vec_control_open(directory, true, &vec_allocator_default, control, error);
        if (status != VEC_NOT_FOUND) /* else a sweep removed the parents since */
            break;
    }
    /* Twice: a link that leads nowhere, or a file where the directory should be. No sweep explains that, and no waiting helps. */
    return status == VEC_NOT_FOUND ? VEC_IO : status;
}

/* Opens the directory and claims all work in it. */
static VecStatus
take_directory(Relation index, VecControl **control, VecError *error)
{
    VecStatus status = vecpg_store_open_directory(index, control, error);

    for (int work = 0; status == VEC_OK && work < VEC_WORKS; work++)
        status = vec_control_claim(*control, work, error);
    return status;
}

static VecpgVectorBytes
entry_vector(VecpgBuild *build, const VecpgLogEntry *entry)
{
    if (entry->is_null)
        return (VecpgVectorBytes){NULL, 0};
    return vecpg_column_for_engine(&build->column, (VecpgVectorBytes){entry->vector, entry->vector_bytes},
                                   build->scratch);
}

/* With a pause, the relation is another after each. */
static Relation
index_now(const VecpgBuild *build)
{
    return build->request->pause ? build->request->pause->index : build->request->index;
}

static void
read_from(VecpgBuild *build, uint64 position, uint64 to)
{
    build->read_to = to;
    vecpg_log_reader_seek(build->reader, position, to);
}

/* Lets others have the index, and goes on at position. VEC_BUSY: they keep it, or it is another one now. */
static VecStatus
pause_at(VecpgBuild *build, uint64 position, VecError *error)
{
    VecpgPause *pause = build->request->pause;

    vecpg_log_reader_close(build->reader);
    build->reader = NULL;
    if (!pause->pause(pause))
        return vec_error_set(error, VEC_BUSY, 0, "somebody else wants the index");
    build->reader = vecpg_log_reader_open(pause->index, build->strategy);
    if (vecpg_log_reader_meta(build->reader)->instance_nonce != build->instance_nonce)
        return vec_error_set(error, VEC_BUSY, 0, "the index was built anew");
    read_from(build, position, build->read_to);
    return VEC_OK;
}

/* The next row of the log, as vecpg_log_reader_next, with pauses. */
static VecStatus
read_next(VecpgBuild *build, VecpgLogEntry *entry, bool *found, VecError *error)
{
    VecStatus status = VEC_OK;

    *found = vecpg_log_reader_next(build->reader, entry);
    if (*found && build->request->pause != NULL && ++build->rows_read % PAUSE_ROWS == 0) {
        uint64 position = entry->position;

        if ((status = pause_at(build, position, error)) == VEC_OK)
            *found =
                vecpg_log_reader_next(build->reader, entry); /* that one again, if it did not die meanwhile */
    }
    return status;
}

/* Of all vectors together; only sparse ones must be looked at for that. */
static VecStatus
count_vector_bytes(VecpgBuild *build, uint64 *bytes, VecError *error)
{
    VecpgLogEntry entry;
    VecStatus status;
    bool found;

    *bytes = 0;
    if (build->column.element_type != VEC_TYPE_SPARSE)
        return VEC_OK;
    read_from(build, build->request->from, build->request->to);
    while ((status = read_next(build, &entry, &found, error)) == VEC_OK && found)
        *bytes += entry.vector_bytes;
    return status;
}

static VecStatus
show_sample(VecpgBuild *build, VecError *error)
{
    uint64 to = Max(build->request->to, build->request->sample_to);
    uint64 rows = vecpg_log_reader_count_live(build->reader, build->request->from, to);
    uint64 stride = Max(1, rows / SAMPLE_ROWS);
    uint64 row = 0;
    VecpgLogEntry entry;
    VecStatus status;
    bool found;

    report_phase(build, VECPG_PHASE_TRAIN, rows);
    read_from(build, build->request->from, to);
    while ((status = read_next(build, &entry, &found, error)) == VEC_OK && found)
        if (row++ % stride == 0 && !entry.is_null) {
            VecpgVectorBytes vector = entry_vector(build, &entry);

            vec_build_sample(build->build, vector.elements, vector.bytes);
        }
    return status;
}

static VecStatus
encode(VecpgBuild *build, VecError *error)
{
    const VecpgKeyLayout keys_layout = vecpg_log_reader_meta(build->reader)->keys; /* outlives a pause */
    VecpgLogEntry entry;
    uint64 row = 0;
    VecStatus status;
    bool found;

    report_phase(build, VECPG_PHASE_ENCODE, build->row_count);
    vec_stop_point("build-before-encoding");
    read_from(build, build->request->from, build->request->to);
    while ((status = read_next(build, &entry, &found, error)) == VEC_OK && found) {
        VecRowId id = {.position = entry.position};
        VecpgVectorBytes vector = entry_vector(build, &entry);

        VecKeys keys;

        StaticAssertStmt(sizeof(entry.tid) == VEC_TID_BYTES, "a TID is carried as it is");
        memcpy(id.tid, &entry.tid, VEC_TID_BYTES);
        if (keys_layout.column_count > 0)
            keys = vecpg_keys_read(&keys_layout, entry.attributes);
        status = vec_build_add(build->build, &id, keys_layout.column_count > 0 ? &keys : NULL,
                               vector.elements, vector.bytes, error);
        if (status != VEC_OK)
            break;
        if (++row % 1000 == 0)
            should_stop_reporting(build, row, build->row_count);
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

void
vecpg_store_stamp(uint64 instance_nonce, uint64 from, uint64 to, VecStamp *stamp)
{
    TimeLineID timeline;
    XLogRecPtr lsn;

    if (RecoveryInProgress()) /* the end of the record being applied: its changes may have been seen already */
        lsn = GetCurrentReplayRecPtr(&timeline);
    else {
        lsn = wal_end();
        XLogFlush(lsn);
        timeline = GetWALInsertionTimeLine();
    }
    memset(stamp, 0, sizeof(*stamp));
    stamp->instance_nonce = instance_nonce;
    stamp->lsn = lsn;
    stamp->timeline = timeline;
    stamp->position_from = from;
    stamp->position_to = to;
}

/* Puts the segment in the place of those whose range lies in its own. The right to publish is held. */
static VecStatus
replace_in_manifest(const VecpgBuild *build, const VecBuildResult *result, VecError *error)
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

static VecStatus
publish(const VecpgBuild *build, const VecBuildResult *result, VecError *error)
{
    VecStatus status;

    while ((status = vec_plan_lock(build->control, vecpg_errors_should_stop, NULL, error)) == VEC_INTERRUPTED)
        vecpg_errors_check();
    if (status == VEC_OK)
        status = replace_in_manifest(build, result, error);
    vec_control_unlock(build->control);
    return status;
}

/*
 * Where the bits of codes are left to us, those of the largest segment stay what they are: what does best may be judged otherwise
 * by the next version, and is no reason to build anything anew. 0: there is no such segment.
 */
static uint32
bits_in_use(Relation index, const VecpgLogMeta *meta)
{
    VecpgSegments *segments = vecpg_store_acquire(index, meta);
    VecIndex *opened = segments ? vecpg_segments_index(segments) : NULL;
    uint32 count = opened ? vec_index_segment_count(opened) : 0;
    uint64 rows = 0;
    uint32 bits = 0;

    for (uint32 i = 0; i < count; i++) {
        VecSegmentInfo info;

        vec_index_segment_info(opened, i, &info);
        if (info.rows_coded >= rows && info.options.quantization == VEC_QUANTIZATION_SCALAR &&
            (info.options.quantization_bits == 4 || info.options.quantization_bits == 8)) {
            rows = info.rows_coded;
            bits = info.options.quantization_bits;
        }
    }
    vecpg_store_release(segments);
    return bits;
}

void
vecpg_store_segment_options(Relation index, const VecpgLogMeta *meta, VecSegmentOptions *options)
{
    VecIndexOptions index_options;

    vecpg_options_read(index, &index_options);
    *options = vec_segment_options_default;
    options->element_type = meta->element_type;
    options->metric = meta->metric;
    options->dimensions = meta->dimensions;
    options->key_count = vecpg_keys_count(&meta->keys);
    options->key_ordered = vecpg_keys_ordered(index, &meta->keys);
    if (index_options.quantization == VEC_INDEX_SCALAR && index_options.quantization_bits == 0)
        index_options.quantization_bits = bits_in_use(index, meta);
    vecpg_options_segment(&index_options, options);
}

void
vecpg_store_build_options(VecBuildOptions *options)
{
    memset(options, 0, sizeof(*options));
    /* Every user may set it; parallel workers of PostgreSQL's own have no more slots than this either. */
    options->thread_count = Min(max_parallel_maintenance_workers, max_worker_processes) + 1;
    options->memory_bytes_max = (uint64)maintenance_work_mem * 1024;
    options->disk_reserve_bytes = DISK_RESERVE_BYTES;
}

/* Begins with what there is to encode, ends with all of it in the work area. */
static VecStatus
read_rows(VecpgBuild *build, VecError *error)
{
    const VecpgBuildRequest *request = build->request;
    VecBuildOptions options;
    VecStatus status;

    vecpg_store_build_options(&options);
    if (request->thread_count > 0)
        options.thread_count = request->thread_count;
    if (request->segment != NULL)
        options.segment = *request->segment;
    else
        vecpg_store_segment_options(request->index, vecpg_log_reader_meta(build->reader), &options.segment);
    if (request->is_flat)
        options.segment.kind = VEC_SEGMENT_FLAT;
    options.seed = VecpgPositionPage(request->from);
    options.codes_of = request->codes_of;
    options.should_stop = vecpg_errors_should_cancel;
    build->row_count = vecpg_log_reader_count_live(build->reader, request->from, request->to);
    if ((status = count_vector_bytes(build, &options.vector_bytes_max, error)) != VEC_OK)
        return status;
    while ((status = vec_build_begin(&options, build->directory, build->row_count, &vec_allocator_default,
                                     &build->build, error)) == VEC_INTERRUPTED)
        vecpg_errors_check();
    if (status == VEC_OK && vec_build_wants_sample(build->build))
        status = show_sample(build, error);
    if (status != VEC_OK)
        return status;
    while ((status = vec_build_train(build->build, vecpg_errors_should_stop, NULL, error)) == VEC_INTERRUPTED)
        vecpg_errors_check();
    return status == VEC_OK ? encode(build, error) : status;
}

static VecStatus
build_segment(VecpgBuild *build, VecError *error)
{
    const VecpgBuildRequest *request = build->request;
    VecBuildResult result;
    VecStamp stamp;
    VecStatus status = read_rows(build, error);

    if (status != VEC_OK)
        return status;
    vecpg_store_stamp(build->instance_nonce, request->from, request->to, &stamp);
    vec_stop_point("build-stamped");
    report_phase(build, VECPG_PHASE_GRAPH, build->row_count);
    while ((status = vec_build_graph(build->build, should_stop_reporting, build, error)) == VEC_INTERRUPTED)
        vecpg_errors_check();
    if (status != VEC_OK)
        return status;
    report_phase(build, VECPG_PHASE_WRITE, build->row_count);
    while ((status = vec_build_finish(build->build, &stamp, vecpg_errors_should_stop, NULL, &result,
                                      error)) == VEC_INTERRUPTED)
        vecpg_errors_check();
    if (status == VEC_OK && request->plan != NULL)
        return vec_plan_write_codes(request->plan, &result, build->directory, error);
    if (status == VEC_OK)
        status = publish(build, &result, error);
    if (status == VEC_OK && request->file_name != NULL)
        strlcpy(request->file_name, result.file_name, VEC_FILE_NAME_BYTES);
    return status;
}

VecpgBuildOutcome
vecpg_store_build(const VecpgBuildRequest *request)
{
    VecpgBuild build = {.request = request, .control = request->control};
    volatile VecpgBuildOutcome outcome = VECPG_BUILD_DONE;

    build.strategy = GetAccessStrategy(BAS_BULKREAD);
    vecpg_store_directory(request->index, build.directory, sizeof(build.directory));
    vecpg_log_nonce_ensure(request->index);
    build.reader = vecpg_log_reader_open(request->index, build.strategy);
    build.instance_nonce = vecpg_log_reader_meta(build.reader)->instance_nonce;
    vecpg_column_from_meta(vecpg_log_reader_meta(build.reader), &build.column);
    build.scratch = palloc(vecpg_column_scratch_bytes(&build.column));
    PG_TRY();
    {
        VecError error;
        VecStatus status = build_segment(&build, &error);

        if (status != VEC_OK)
            outcome = vecpg_store_failed(index_now(&build), status, &error);
    }
    PG_FINALLY();
    {
        vec_build_free(build.build);
    }
    PG_END_TRY();
    if (outcome == VECPG_BUILD_DONE)
        vec_control_counter_write(request->control, VECPG_COUNTER_FAILED_AT, 0);
    if (outcome == VECPG_BUILD_DONE && request->plan == NULL && !RecoveryInProgress())
        vecpg_log_sealed(index_now(&build), request->to);
    pfree(build.scratch);
    if (build.reader != NULL)
        vecpg_log_reader_close(build.reader);
    FreeAccessStrategy(build.strategy);
    return outcome;
}

/* Rows of each segment of a build over so many. */
static uint64
segment_rows_max(Relation index, uint64 rows)
{
    VecIndexOptions options;

    vecpg_options_read(index, &options);
    return Min(Max(options.max_sealed_segment_size, rows / BUILD_SEGMENTS_MAX + 1), VEC_SEGMENT_ROWS_MAX);
}

/*
 * The first segment's codes are trained on the rows of all, and the others have the same: a table is often in some order, which the
 * first part of it does not show, and only segments with the same codes can be merged.
 */
static VecpgBuildOutcome
build_in_parts(Relation index, VecControl *control, uint64 end)
{
    VecpgLogReader *reader = vecpg_log_reader_open(index, NULL);
    uint64 rows_max = segment_rows_max(index, vecpg_log_reader_count_live(reader, 0, end));
    VecpgBuildOutcome outcome = VECPG_BUILD_DONE;
    char first_name[VEC_FILE_NAME_BYTES] = "";
    VecSegmentOptions segment; /* looked up once: it opens what segments there are */
    VecpgBuildRequest request = {
        .index = index, .control = control, .segment = &segment, .report_progress = true};

    vecpg_store_segment_options(index, vecpg_log_reader_meta(reader), &segment);
    for (uint64 from = 0; from < end && outcome == VECPG_BUILD_DONE; from = request.to) {
        request.from = from;
        request.to = vecpg_log_reader_after_live(reader, from, end, rows_max);
        request.sample_to = from == 0 ? end : 0;
        request.codes_of = from == 0 ? NULL : first_name;
        request.file_name = from == 0 ? first_name : NULL;
        outcome = vecpg_store_build(&request);
    }
    vecpg_log_reader_close(reader);
    return outcome;
}

static VecpgBuildOutcome
claim_and_build(Relation index, uint64 end, VecControl **control)
{
    VecError error;
    VecStatus status = take_directory(index, control, &error);

    return status == VEC_OK ? build_in_parts(index, *control, end)
                            : vecpg_store_failed(index, status, &error);
}

VecpgBuildOutcome
vecpg_store_build_all(Relation index, uint64 end)
{
    VecControl *control = NULL; /* its address is given away, so no register has it */
    VecpgBuildOutcome outcome;

    PG_TRY();
    {
        outcome = claim_and_build(index, end, &control);
    }
    PG_CATCH();
    {
        vec_control_close(control);
        PG_RE_THROW();
    }
    PG_END_TRY();
    vec_control_close(control);
    return outcome;
}
