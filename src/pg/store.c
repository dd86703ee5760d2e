/*
 * store.c: which segments a backend may use, kept open between its scans.
 *
 * A backend maps an index's segments at its first scan and compares the control file's generation, one read of shared
 * memory, at each later one. The history rule is judged when segments are opened. It need not be judged again while the
 * server runs: what is our past stays our past, over a promotion too.
 */
#include "store.h"

#include "access/timeline.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "common/hashfn.h"
#include "compat.h"
#include "errors.h"
#include "keys.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "vectors/stop_point.h"

struct VecpgSegments {
    VecIndex *index;
    uint64 instance_nonce; /* that they were judged by */
    int reference_count;   /* scans, and the store itself while these are current */
};

typedef struct VecpgStoreKey {
    Oid tablespace;
    Oid database;
    Oid file;
} VecpgStoreKey;

/* What this backend knows of one index's directory. */
typedef struct VecpgStore {
    VecpgStoreKey key;
    VecControl *control;
    VecpgSegments *segments; /* NULL: none usable */
    uint64 generation;       /* of the control file when segments were opened */
    uint64 instance_nonce;   /* that segments were judged by */
    bool is_current;         /* segments and generation are set */
    TimestampTz looked_at;   /* whether the files are what they were: by a statement that began then */
    TimestampTz missed_at;   /* no control file was found: by a statement that began then, */
    uint64 missed_sealed_to; /* and when META said this */
    bool has_complained;     /* about the control file */
    char problem[256];       /* the first one; "": none */
} VecpgStore;

static HTAB *stores;
static VecpgStore *last_found; /* NULL, or one of stores: a scan asks for the same one several times */

/* The past of this server, as the engine's callback needs it: the callback must not raise errors, so all is read before. */
typedef struct VecpgHistory {
    uint64 instance_nonce;
    bool in_recovery;
    TimeLineID timeline;
    XLogRecPtr end;  /* replayed, or inserted, on this timeline */
    List *ancestors; /* TimeLineHistoryEntry */
} VecpgHistory;

static void
history_read(VecpgHistory *history, uint64 instance_nonce)
{
    history->instance_nonce = instance_nonce;
    history->in_recovery = RecoveryInProgress();
    if (history->in_recovery)
        history->end = GetXLogReplayRecPtr(&history->timeline);
    else {
        history->timeline = GetWALInsertionTimeLine();
        history->end = GetXLogInsertRecPtr();
    }
    history->ancestors = readTimeLineHistory(history->timeline);
}

static VecVerdict
history_judge(void *context, const VecStamp *stamp)
{
    const VecpgHistory *history = context;
    ListCell *cell;

    if (stamp->instance_nonce != history->instance_nonce)
        return VEC_VERDICT_REJECT;
    if (stamp->timeline == history->timeline) {
        if (stamp->lsn <= history->end)
            return VEC_VERDICT_USE;
        return history->in_recovery ? VEC_VERDICT_PENDING : VEC_VERDICT_REJECT;
    }
    foreach (cell, history->ancestors) {
        const TimeLineHistoryEntry *ancestor = lfirst(cell);

        if (ancestor->tli == stamp->timeline)
            return stamp->lsn <= ancestor->end ? VEC_VERDICT_USE : VEC_VERDICT_REJECT;
    }
    /* A timeline that replay may still come to; outside recovery it is another server's. */
    return history->in_recovery ? VEC_VERDICT_PENDING : VEC_VERDICT_REJECT;
}

void
vecpg_store_directory_of(Oid database, Oid tablespace, Oid file, char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, VECPG_STORE_ROOT "/%u/%u_%u", database, tablespace, file);
}

void
vecpg_store_directory(Relation index, char *path, size_t path_bytes)
{
    vecpg_store_directory_of(vecpg_relation_database(index), vecpg_relation_tablespace(index),
                             vecpg_relation_file(index), path, path_bytes);
}

static void
segments_forget(VecpgSegments *segments)
{
    if (segments != NULL && --segments->reference_count == 0) {
        vec_index_close(segments->index);
        pfree(segments);
    }
}

void
vecpg_store_release(VecpgSegments *segments)
{
    segments_forget(segments);
}

VecIndex *
vecpg_segments_index(const VecpgSegments *segments)
{
    return segments->index;
}

static void
store_close(VecpgStore *store)
{
    segments_forget(store->segments);
    vec_control_close(store->control);
    store->segments = NULL;
    store->control = NULL;
    store->is_current = false;
}

static void
store_remove(VecpgStore *store)
{
    store_close(store);
    last_found = NULL;
    hash_search(stores, &store->key, HASH_REMOVE, NULL);
}

/* Lets go of what this backend keeps of directories that were removed, so that dropped indexes do not hold disk space. */
static void
close_orphans(void)
{
    HASH_SEQ_STATUS walk;
    VecpgStore *store;

    hash_seq_init(&walk, stores);
    while ((store = hash_seq_search(&walk)) != NULL)
        if (store->control == NULL || vec_control_is_orphan(store->control))
            store_remove(store);
}

static VecpgStore *
store_find(Relation index)
{
    VecpgStoreKey key = {vecpg_relation_tablespace(index), vecpg_relation_database(index),
                         vecpg_relation_file(index)};
    VecpgStore *store;
    bool found;

    if (last_found != NULL && memcmp(&last_found->key, &key, sizeof(key)) == 0)
        return last_found;
    if (stores == NULL) {
        HASHCTL control = {
            .keysize = sizeof(VecpgStoreKey), .entrysize = sizeof(VecpgStore), .hcxt = TopMemoryContext};

        stores = hash_create("vectors: open segment directories", 16, &control,
                             HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    }
    store = hash_search(stores, &key, HASH_FIND, NULL);
    if (store != NULL)
        return last_found = store;
    close_orphans();
    store = hash_search(stores, &key, HASH_ENTER, &found);
    store->control = NULL;
    store->segments = NULL;
    store->is_current = false;
    store->looked_at = 0;
    store->missed_at = 0;
    store->has_complained = false;
    store->problem[0] = '\0';
    return store;
}

/*
 * Whether these problems are new: the control file remembers what stands in the server log, for all backends, until somebody opens
 * everything (problems 0). Not by generations: others publish while a file is damaged, and it is the same file all the time.
 */
static bool
are_unreported(VecpgStore *store, uint64 problems)
{
    if (vec_control_counter_read(store->control, VECPG_COUNTER_PROBLEMS_REPORTED) == problems)
        return false;
    vec_control_counter_write(store->control, VECPG_COUNTER_PROBLEMS_REPORTED, problems);
    return problems != 0;
}

/* One line in the server log for each thing that is wrong, once for all backends. */
static void
report_problems(Relation index, VecpgStore *store, const VecIndex *opened)
{
    uint32 count = vec_index_problem_count(opened);
    uint64 problems = 0;

    for (uint32 i = 0; i < count; i++) {
        const VecProblem *problem = vec_index_problem(opened, i);

        problems = hash_bytes_extended((const unsigned char *)problem->file_name, strlen(problem->file_name),
                                       problems + problem->kind + 1);
    }
    if (!are_unreported(store, problems))
        return;
    for (uint32 i = 0; i < count; i++) {
        const VecProblem *problem = vec_index_problem(opened, i);
        char directory[MAXPGPATH];

        vecpg_store_directory(index, directory, sizeof(directory));
        ereport(
            LOG,
            (errcode(ERRCODE_INDEX_CORRUPTED),
             errmsg("segment file \"%s/%s\" of index \"%s\" is not used: %s", directory, problem->file_name,
                    RelationGetRelationName(index), problem->message),
             errhint(
                 "Searches scan the log instead, which is slower. VACUUM or vectors_merge() builds the file "
                 "again.")));
    }
}

/* The manifest cannot be read: that too is said once for all backends, although each scan tries again. */
static void
report_unreadable(VecpgStore *store, VecStatus status, const VecError *error)
{
    if (status == VEC_NO_MEMORY)
        vecpg_errors_report(ERROR, status, error);
    if (are_unreported(store, status))
        vecpg_errors_report(LOG, status, error);
}

static bool
has_pending(const VecIndex *opened)
{
    for (uint32 i = 0; i < vec_index_problem_count(opened); i++)
        if (vec_index_problem(opened, i)->kind == VEC_PROBLEM_PENDING)
            return true;
    return false;
}

/* That this process could not open or map one more file says nothing about the file. */
static bool
has_lacked_means(const VecIndex *opened)
{
    for (uint32 i = 0; i < vec_index_problem_count(opened); i++) {
        const VecProblem *problem = vec_index_problem(opened, i);

        if (problem->kind == VEC_PROBLEM_UNREADABLE &&
            (problem->os_errno == EMFILE || problem->os_errno == ENFILE || problem->os_errno == ENOMEM))
            return true;
    }
    return false;
}

/* Segments, and the generation of the control file when they were opened. */
typedef struct VecpgPublished {
    VecIndex *opened;
    uint64 generation;
} VecpgPublished;

/* Opens what is published now. Checksums that remembers has seen verified are not computed again; NULL: all are. */
static VecStatus
published_open(Relation index, const VecpgLogMeta *meta, VecControl *control, VecControl *remembers,
               VecpgPublished *published, VecError *error)
{
    VecpgHistory history;
    VecpgColumn column;
    VecIndexOpenOptions options = {.accept = history_judge, .accept_context = &history};
    char directory[MAXPGPATH];
    VecStatus status;

    vecpg_column_from_meta(meta, &column);
    vecpg_store_directory(index, directory, sizeof(directory));
    options.expectation.element_type = column.element_type;
    options.expectation.metric = column.metric;
    options.expectation.dimensions = column.dimensions;
    options.expectation.key_count = vecpg_keys_count(&meta->keys);
    options.control = remembers;
    options.should_stop = vecpg_errors_should_stop;
    for (;;) {
        published->generation = vec_control_generation(control);
        vec_stop_point("segments-before-opening");
        /* Each time: what was published while we opened others is stamped later than these were judged. */
        history_read(&history, meta->instance_nonce);
        status = vec_index_open(directory, &options, &vec_allocator_default, &published->opened, error);
        list_free_deep(history.ancestors);
        if (status == VEC_INTERRUPTED)
            vecpg_errors_check();
        else if (status == VEC_OK && published->generation != vec_control_generation(control)) {
            vec_index_close(
                published->opened); /* files of the manifest that we read may have been removed since */
            published->opened = NULL;
        } else
            break;
    }
    return status;
}

VecStatus
vecpg_store_open_verifying(Relation index, const VecpgLogMeta *meta, VecControl *control, VecIndex **opened,
                           VecError *error)
{
    VecpgPublished published = {NULL};
    VecStatus status = published_open(index, meta, control, NULL, &published, error);

    *opened = published.opened;
    return status;
}

/* What waits for replay is no problem. */
static void
note_problem(VecpgStore *store, const VecIndex *opened)
{
    store->problem[0] = '\0';
    for (uint32 i = 0; i < vec_index_problem_count(opened) && store->problem[0] == '\0'; i++)
        if (vec_index_problem(opened, i)->kind != VEC_PROBLEM_PENDING)
            strlcpy(store->problem, vec_index_problem(opened, i)->message, sizeof(store->problem));
}

/* Opens what is published; store->segments is NULL afterwards if nothing is usable. */
static void
store_load(Relation index, VecpgStore *store, const VecpgLogMeta *meta)
{
    VecpgPublished published = {NULL};
    VecIndex *opened;
    VecError error;
    VecStatus status;
    bool is_pending;

    segments_forget(store->segments);
    store->segments = NULL;
    store->is_current = false;
    status = published_open(index, meta, store->control, store->control, &published, &error);
    if (status != VEC_OK) {
        strlcpy(store->problem, error.message, sizeof(store->problem));
        report_unreadable(store, status, &error);
        return;
    }
    opened = published.opened;
    note_problem(store, opened);
    is_pending = has_pending(opened);
    store->is_current =
        !is_pending && !has_lacked_means(opened); /* else this generation will be judged again */
    if (!is_pending)
        report_problems(index, store, opened);
    store->generation = published.generation;
    store->instance_nonce = meta->instance_nonce;
    if (vec_index_segment_count(opened) == 0) {
        vec_index_close(opened);
        return;
    }
    store->segments = MemoryContextAlloc(TopMemoryContext, sizeof(VecpgSegments));
    store->segments->index = opened;
    store->segments->instance_nonce = meta->instance_nonce;
    store->segments->reference_count = 1;
}

/* What this backend knows of the index's directory, with its control file open; NULL if there is none. */
static VecpgStore *
store_attach(Relation index)
{
    VecpgStore *store = store_find(index);
    char directory[MAXPGPATH];
    VecError error;
    VecStatus status;

    if (store->control != NULL && vec_control_is_orphan(store->control))
        store_close(store);
    if (store->control != NULL)
        return store;
    vecpg_store_directory(index, directory, sizeof(directory));
    status = vec_control_open(directory, false, &vec_allocator_default, &store->control, &error);
    if (status == VEC_OK)
        return store;
    store->control = NULL;
    if (status != VEC_NOT_FOUND && !store->has_complained)
        vecpg_errors_report(LOG, status, &error);
    store->has_complained = status != VEC_NOT_FOUND;
    strlcpy(store->problem, status != VEC_NOT_FOUND ? error.message : "", sizeof(store->problem));
    return NULL;
}

/*
 * Segment files are never written to, and directories never removed under an index; but outsiders may. Looked at once a second,
 * because it costs system calls, and by a clock that costs none: what is mapped gives right answers meanwhile.
 */
static bool
files_are_changed(VecpgStore *store)
{
    TimestampTz now = GetCurrentStatementStartTimestamp();

    if (now - store->looked_at < USECS_PER_SEC)
        return false;
    store->looked_at = now;
    return vec_control_is_orphan(store->control) ||
           (store->segments != NULL && vec_index_is_changed(store->segments->index));
}

/*
 * Whether it is too early to look for the control file again: an index of few rows has none, and looking costs a system call. On
 * the primary META's sealed_to tells when segments were built meanwhile; in any case it is looked for once a second.
 */
static bool
is_known_to_be_missing(VecpgStore *store, const VecpgLogMeta *meta)
{
    TimestampTz now = GetCurrentStatementStartTimestamp();

    if (store->control != NULL)
        return false;
    if (store->missed_at != 0 && now - store->missed_at < USECS_PER_SEC &&
        store->missed_sealed_to == meta->sealed_to)
        return true;
    store->missed_at = now;
    store->missed_sealed_to = meta->sealed_to;
    return false;
}

VecpgSegments *
vecpg_store_acquire_known(Relation index)
{
    VecpgStore *store = store_find(index);

    if (store->control == NULL || !store->is_current || store->segments == NULL ||
        store->generation != vec_control_generation(store->control))
        return NULL;
    if (files_are_changed(store)) {
        store->is_current = false;
        return NULL;
    }
    store->segments->reference_count++;
    return store->segments;
}

uint64
vecpg_segments_nonce(const VecpgSegments *segments)
{
    return segments->instance_nonce;
}

VecpgSegments *
vecpg_store_acquire(Relation index, const VecpgLogMeta *meta)
{
    VecpgStore *store;

    if (meta->instance_nonce == 0 || index->rd_rel->relpersistence == RELPERSISTENCE_TEMP ||
        is_known_to_be_missing(store_find(index), meta) || (store = store_attach(index)) == NULL)
        return NULL;
    if (!store->is_current || store->generation != vec_control_generation(store->control) ||
        store->instance_nonce != meta->instance_nonce || files_are_changed(store))
        store_load(index, store, meta);
    if (store->segments != NULL)
        store->segments->reference_count++;
    return store->segments;
}

VecControl *
vecpg_store_control(Relation index)
{
    VecpgStore *store = store_find(index);

    if (store->control == NULL)
        store = store_attach(index);
    return store ? store->control : NULL;
}

bool
vecpg_store_is_open(Relation index)
{
    return store_find(index)->control != NULL;
}

void
vecpg_store_forget(Relation index)
{
    store_remove(store_find(index));
}

const char *
vecpg_store_problem(Relation index)
{
    const VecpgStore *store = store_find(index);

    return store->problem[0] != '\0' ? store->problem : NULL;
}

bool
vecpg_store_is_pending(Relation index)
{
    VecpgStore *store = store_find(index);

    return store->control != NULL && !store->is_current;
}

void
vecpg_store_distrust(Relation index, const VecError *error)
{
    VecpgStore *store = store_find(index);

    /* Another process may have been first: then the files were judged again since we opened them, or will be. */
    if (store->control == NULL || !store->is_current ||
        store->generation != vec_control_generation(store->control))
        return;
    vec_control_distrust(store->control);
    ereport(LOG, (errcode(ERRCODE_INDEX_CORRUPTED), errmsg("index \"%s\" goes on without its segments: %s",
                                                           RelationGetRelationName(index), error->message)));
}

bool
vecpg_segments_uncovered(const VecpgSegments *segments, uint64 *from, uint64 *to, uint64 end)
{
    uint32 count = segments ? vec_index_segment_count(segments->index) : 0;

    *to = end;
    for (uint32 i = 0; i < count; i++) { /* ascending, disjoint */
        VecSegmentInfo info;

        vec_index_segment_info(segments->index, i, &info);
        if (info.stamp.position_to <= *from)
            continue;
        if (info.stamp.position_from > *from) {
            *to = Min(end, info.stamp.position_from);
            break;
        }
        *from = info.stamp.position_to;
    }
    return *from < *to;
}
