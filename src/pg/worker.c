/*
 * worker.c: notices work, and asks the postmaster for somebody to do it.
 *
 * The limits: an index has at most one launch a second (a worker loops as long as there is work, so that is no limit to what
 * gets done), none for a minute after one failed, and the server at most vectors.max_background_workers at a time. That last
 * number is kept by locks on files: without shared_preload_libraries there is no shared memory to count in. One of the places,
 * if there are two, is not for mergers: new rows must not wait for a segment until somebody else's long merge ends.
 */
#include "worker.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "access/parallel.h"
#include "common/hashfn.h"
#include "common/file_perm.h"
#include "compat.h"
#include "guc.h"
#include "miscadmin.h"
#include "options.h"
#include "postmaster/bgworker.h"
#include "storage/fd.h"
#include "utils/timestamp.h"
#include "vectors/policy.h"

#define LAUNCH_PAUSE_MS  1000
#define FAILURE_PAUSE_MS 60000

/* After a merger could not be had, VACUUM merges by itself for so long. */
#define NO_MERGER_MS 600000

/* Of a vector whose length varies, for a guess how many pages some rows take. */
#define VARYING_VECTOR_BYTES 1024

static int place = -1; /* descriptor of the file whose lock is ours */

/* The indexes that this backend last appended to, and from which position on it is worth looking at each again. */
typedef struct VecpgLastAppend {
    Oid tablespace;
    Oid file;
    uint64 check_at;
} VecpgLastAppend;

static VecpgLastAppend last_appends[16]; /* of several indexes or partitions, by turns */

static int
place_open(int number)
{
    char path[MAXPGPATH];

    snprintf(path, sizeof(path), VECPG_STORE_ROOT "/worker.%d", number);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, pg_file_create_mode);
}

bool
vecpg_worker_take_place(bool for_merger)
{
    static bool has_complained; /* once a process */
    int first = for_merger && vecpg_guc_max_background_workers > 1 ? 1 : 0;

    for (int number = first; number < vecpg_guc_max_background_workers && place < 0; number++) {
        int descriptor = place_open(number);

        if (descriptor < 0 && errno != ENOENT && !has_complained) {
            ereport(LOG, (errcode_for_file_access(),
                          errmsg("could not open file \"" VECPG_STORE_ROOT "/worker.%d\": %m", number),
                          errdetail("No background worker takes its place.")));
            has_complained = true;
        }
        if (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
            place = descriptor;
        else if (descriptor >= 0)
            close(descriptor);
    }
    return place >= 0;
}

void
vecpg_worker_release_place(void)
{
    if (place >= 0)
        close(place);
    place = -1;
}

/* Taking and releasing one, another may see it taken for a moment and not launch: that one will notice again. */
bool
vecpg_worker_is_place_free(bool for_merger)
{
    int own = place;
    bool found;

    place = -1;
    found = vecpg_worker_take_place(for_merger);
    vecpg_worker_release_place();
    place = own;
    return found;
}

void
vecpg_worker_order_directory(const VecpgWorkerOrder *order, char *path, size_t path_bytes)
{
    vecpg_store_directory_of(order->database, order->tablespace, order->file, path, path_bytes);
}

bool
vecpg_worker_launch(const VecpgWorkerOrder *order, const char *name, const char *function, int flags)
{
    BackgroundWorker worker;

    if (!IsUnderPostmaster || vecpg_guc_max_background_workers == 0)
        return false;
    memset(&worker, 0, sizeof(worker));
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | flags;
    worker.bgw_start_time = BgWorkerStart_ConsistentState;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    strlcpy(worker.bgw_library_name, "vectors", sizeof(worker.bgw_library_name));
    strlcpy(worker.bgw_function_name, function, sizeof(worker.bgw_function_name));
    strlcpy(worker.bgw_type, name, sizeof(worker.bgw_type));
    snprintf(worker.bgw_name, sizeof(worker.bgw_name), "%s for index %u", name, order->index);
    StaticAssertStmt(sizeof(*order) <= BGW_EXTRALEN, "an order fits a background worker's extra bytes");
    memcpy(worker.bgw_extra, order, sizeof(*order));
    return RegisterDynamicBackgroundWorker(&worker, NULL);
}

static bool
launch_for(Relation index, VecpgWorkMode mode)
{
    VecpgWorkerOrder order = {
        .database = MyDatabaseId,
        .index = RelationGetRelid(index),
        .tablespace = vecpg_relation_tablespace(index),
        .file = vecpg_relation_file(index),
        .mode = mode,
    };

    if (vecpg_guc_max_background_workers == 0)
        return false;
    MakePGDirectory(VECPG_STORE_ROOT); /* the places are files in there */
    return vecpg_worker_is_place_free(false) &&
           vecpg_worker_launch(&order, VECPG_WORKER_NAME, "vectors_worker_main",
                               BGWORKER_BACKEND_DATABASE_CONNECTION);
}

bool
vecpg_worker_request(Relation index, VecpgWorkMode mode)
{
    VecControl *control = vecpg_store_control(index);
    TimestampTz now = GetCurrentTimestamp();

    if (control != NULL &&
        (vecpg_is_recent(vec_control_counter_read(control, VECPG_COUNTER_FAILED_AT), now, FAILURE_PAUSE_MS) ||
         vecpg_is_recent(vec_control_counter_read(control, VECPG_COUNTER_MERGER_FAILED_AT), now,
                         FAILURE_PAUSE_MS)))
        return false;
    if (control != NULL &&
        (vec_control_is_claimed(control, VEC_WORK_SEAL) ||
         vecpg_is_recent(vec_control_counter_read(control, VECPG_COUNTER_LAUNCHED_AT), now, LAUNCH_PAUSE_MS)))
        return true;
    if (!launch_for(index, mode))
        return false;
    if (control != NULL)
        vec_control_counter_write(control, VECPG_COUNTER_LAUNCHED_AT, now);
    return true;
}

bool
vecpg_worker_can_merge(Relation index)
{
    VecControl *control = vecpg_store_control(index);

    return vecpg_worker_is_place_free(true) &&
           (control == NULL || !vecpg_is_recent(vec_control_counter_read(control, VECPG_COUNTER_NO_MERGER_AT),
                                                GetCurrentTimestamp(), NO_MERGER_MS));
}

/* As above, for those who come by often and would not do the work themselves. */
static void
launch_if_free(Relation index, VecControl *control, VecpgWorkMode mode)
{
    static TimestampTz launched_at; /* for indexes that have no control file yet */
    TimestampTz now = GetCurrentTimestamp();

    if (control == NULL) {
        if (vecpg_is_recent(launched_at, now, LAUNCH_PAUSE_MS))
            return;
        launched_at = now;
    }
    (void)vecpg_worker_request(index, mode);
}

static uint64
tail_rows_min(const VecIndexOptions *options)
{
    VecPolicy policy = {.growing_rows_max = options->max_growing_segment_size};

    return vec_policy_tail_rows(&policy);
}

static bool
is_not_ours_to_work_on(Relation index)
{
    return vecpg_guc_max_background_workers == 0 || !IsUnderPostmaster || IsParallelWorker() ||
           index->rd_rel->relpersistence == RELPERSISTENCE_TEMP;
}

/* How many pages hold so many rows, at least one. */
static uint64
pages_of_rows(Relation index, uint64 rows)
{
    VecpgLogShape shape = vecpg_log_shape(index);
    uint64 vector_bytes = shape.vector_bytes > 0 ? shape.vector_bytes : VARYING_VECTOR_BYTES;
    uint64 row_bytes = sizeof(VecpgEntryHeader) + sizeof(uint16) + shape.attribute_bytes + vector_bytes;

    return 1 + rows * row_bytes / VECPG_PAGE_BYTES;
}

static uint64
position_pages_behind(uint64 position, uint64 pages)
{
    return VecpgPositionMake(VecpgPositionPage(position) + pages, 0);
}

/* The position at which the next look is worth it. */
static uint64
look_at_tail(Relation index, uint64 position)
{
    VecIndexOptions options;
    VecpgLogMeta meta;
    uint64 due_at;
    uint64 rows_min;

    vecpg_options_read(index, &options);
    vecpg_log_meta_read(index, &meta);
    rows_min = tail_rows_min(&options);
    due_at = position_pages_behind(meta.sealed_to, pages_of_rows(index, rows_min));
    if (position >= due_at)
        launch_if_free(index, vecpg_store_control(index), VECPG_WORK_DUE);
    return Max(due_at, position_pages_behind(position, pages_of_rows(index, rows_min / 4)));
}

void
vecpg_worker_notice_append(Relation index, uint64 position)
{
    Oid file = vecpg_relation_file(index), tablespace = vecpg_relation_tablespace(index);
    VecpgLastAppend *last = &last_appends[murmurhash32(file) % lengthof(last_appends)];

    if (last->file == file && last->tablespace == tablespace && position < last->check_at)
        return;
    last->file = file;
    last->tablespace = tablespace;
    last->check_at = is_not_ours_to_work_on(index) ? PG_UINT64_MAX : look_at_tail(index, position);
}

/*
 * How much a scan thinks is due, or -1: what is long is urgent, what is short and stays as it is can be done at leisure. Where
 * the log ends and what the options ask for is looked at as one number: while it changes, the index is not at rest.
 */
static int
mode_for_tail(const VecIndexOptions *options, VecControl *control, uint64 end, uint64 rows_uncovered)
{
    uint64 state = hash_combine64(end, vecpg_options_hash(options));
    TimestampTz now;
    TimestampTz seen_at;

    if (rows_uncovered >= tail_rows_min(options))
        return VECPG_WORK_DUE;
    if (control == NULL)
        return -1;
    if (vec_control_counter_read(control, VECPG_COUNTER_STATE) != state) {
        vec_control_counter_write(control, VECPG_COUNTER_STATE, state);
        vec_control_counter_write(control, VECPG_COUNTER_STATE_SEEN_AT, GetCurrentTimestamp());
        return -1;
    }
    if (rows_uncovered < options->sealing_size &&
        vec_control_counter_read(control, VECPG_COUNTER_IDLE_STATE) == state)
        return -1;
    now = GetCurrentTimestamp();
    seen_at = vec_control_counter_read(control, VECPG_COUNTER_STATE_SEEN_AT);
    if (vec_control_counter_read(control, VECPG_COUNTER_IDLE_STATE) != state &&
        !vecpg_is_recent(seen_at, now, Min(options->optimizing_secs, 86400) * 1000))
        return VECPG_WORK_IDLE;
    if (rows_uncovered >= options->sealing_size &&
        !vecpg_is_recent(seen_at, now, Min(options->sealing_secs, 86400) * 1000))
        return VECPG_WORK_SEAL;
    return -1;
}

/* There is something to remember about the index: since when it is at rest. Where nothing can be written, nothing is. */
static void
make_control(Relation index)
{
    VecControl *control = NULL;
    VecError error;

    if (vecpg_store_open_directory(index, &control, &error) == VEC_OK)
        vec_control_close(control);
}

void
vecpg_worker_notice_scan(Relation index, uint64 end, uint64 rows_uncovered)
{
    VecIndexOptions options;
    VecControl *control;
    int mode;

    if (is_not_ours_to_work_on(index))
        return;
    vecpg_options_read(index, &options);
    /* An index of few rows has no control file, and the scan has just found so: to look again would be most of what it costs. */
    if (rows_uncovered < options.sealing_size && !vecpg_store_is_open(index))
        return;
    control = vecpg_store_control(index);
    if (control == NULL) {
        make_control(index);
        control = vecpg_store_control(index);
    }
    mode = mode_for_tail(&options, control, end, rows_uncovered);
    if (mode >= 0)
        launch_if_free(index, control, mode);
}
