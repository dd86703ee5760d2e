/*
 * store.h: an index's directory of segment files, as PostgreSQL's side sees it.
 *
 *   $PGDATA/pg_vectors/<database oid>/<tablespace oid>_<relfilenumber>/
 *
 * Everything here is derived from the log and may be missing: no function of this file makes a search fail because of
 * the state of a file. A segment is used only if its instance nonce is META's and its (timeline, LSN) lies in this
 * server's past (the history rule).
 */
#ifndef VECPG_STORE_H
#define VECPG_STORE_H

#include "postgres.h"

#include "column.h"
#include "log.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "vectors/index.h"
#include "vectors/plan.h"

/* Whether a moment that was written down, 0 for none, is no longer ago. One of the future is of a clock that was set back since. */
static inline bool
vecpg_is_recent(TimestampTz moment, TimestampTz now, int milliseconds)
{
    return moment != 0 && moment <= now && !TimestampDifferenceExceeds(moment, now, milliseconds);
}

#define VECPG_STORE_ROOT "pg_vectors"

/* ---- store.c: reading ---- */

/* The segments that a scan works with; shared by the scans of a backend, alive until the last of them lets go. */
typedef struct VecpgSegments VecpgSegments;

/*
 * The segments as they are published now, or NULL when there are none that this server may use. Take it before the reader
 * of the log is opened: rows that the segments do not cover are then in the log. meta tells the instance.
 */
extern VecpgSegments *vecpg_store_acquire(Relation index, const VecpgLogMeta *meta);
/*
 * The same without META, of what this backend has open and nobody has published anything after; NULL says nothing. For use if
 * META, read later, shows the instance that they were judged by (vecpg_segments_nonce).
 */
extern VecpgSegments *vecpg_store_acquire_known(Relation index);
extern uint64 vecpg_segments_nonce(const VecpgSegments *segments);
extern void vecpg_store_release(VecpgSegments *segments); /* NULL is legal */
/* A segment that was verified turned out to be damaged: every process opens and verifies the index's files anew. */
extern void vecpg_store_distrust(Relation index, const VecError *error);
extern VecIndex *vecpg_segments_index(const VecpgSegments *segments);

/* The first range [*from, *to) at or after *from and below end that no segment covers. False: all is covered. */
extern bool vecpg_segments_uncovered(const VecpgSegments *segments, uint64 *from, uint64 *to, uint64 end);

/*
 * Opens the published segments for one who wants to know what is wrong with them: the whole checksum of every file is computed. The
 * caller closes *opened. Errors of vec_index_open.
 */
extern VecStatus vecpg_store_open_verifying(Relation index, const VecpgLogMeta *meta, VecControl *control,
                                            VecIndex **opened, VecError *error);

extern void vecpg_store_directory(Relation index, char *path, size_t path_bytes);
extern void vecpg_store_directory_of(Oid database, Oid tablespace, Oid file, char *path, size_t path_bytes);

/*
 * This backend's handle of the index's control file, for counters and for looking who is at work; NULL if there is no directory.
 * Valid until the next call with another index. Never claim or lock with it.
 */
extern VecControl *vecpg_store_control(Relation index);

/* After vecpg_store_acquire: recovery has yet to come to where some segment may be judged; build nothing meanwhile. */
extern bool vecpg_store_is_pending(Relation index);

/*
 * For those who look at many indexes: whether this backend has the index's files open, letting go of them (scans keep what they work
 * with), and what was wrong with them when they were opened or could not be (NULL: nothing).
 */
extern bool vecpg_store_is_open(Relation index);
extern void vecpg_store_forget(Relation index);
extern const char *vecpg_store_problem(Relation index);

/* What the counters of a control file count (vec_control_counter_*). Times are TimestampTz, 0: never. */
typedef enum VecpgCounter {
    VECPG_COUNTER_PROBLEMS_REPORTED, /* a hash of the problems that stand in the server log; 0: none */
    VECPG_COUNTER_BUSY_TO, /* segments below this position belong to the merge that is planned or under way */
    VECPG_COUNTER_PLANNED_AT,   /* when that was decided */
    VECPG_COUNTER_LAUNCHED_AT,  /* a background worker was asked for */
    VECPG_COUNTER_NO_MERGER_AT, /* a merge was planned and no slot was free for a merger */
    VECPG_COUNTER_STATE, /* hash of the log's end and the options when a scan last saw it change, and when that was */
    VECPG_COUNTER_STATE_SEEN_AT,
    VECPG_COUNTER_IDLE_STATE, /* idle work is done for this one */
    VECPG_COUNTER_MERGED_AT,
    VECPG_COUNTER_FAILED_AT, /* a session or a connected worker failed, and none has built a segment since */
    VECPG_COUNTER_PROGRESS_DONE, /* rows of the build or merge under way */
    VECPG_COUNTER_PROGRESS_TOTAL,
    VECPG_COUNTER_PROGRESS_PHASE,
    VECPG_COUNTER_MERGER_FAILED_AT, /* at the end: control files outlive a new version of the library */
    VECPG_COUNTERS
} VecpgCounter;

/* ---- store_build.c: segments out of the log ---- */

/*
 * For a caller in nobody's way: reading the log stops from time to time, with no lock and no pin held, and the caller may end its
 * transaction, close the index, and open it again. A build that may go on starts where it stopped.
 */
typedef struct VecpgPause {
    Relation index;                          /* as it is open now; NULL after a pause that returned false */
    bool (*pause)(struct VecpgPause *pause); /* false: give up. Memory contexts stay as they are */
} VecpgPause;

typedef struct VecpgBuildRequest {
    Relation index;
    uint64 from; /* the new segment covers [from, to) and takes the place of those that lie in it */
    uint64 to;
    bool is_flat;                     /* without a graph, whatever the options say */
    const VecSegmentOptions *segment; /* its options; NULL: as the index wants them now */
    const char *codes_of;             /* the segment file whose quantizer is used; NULL: trained anew */
    uint64 sample_to;    /* they are trained on the rows of [from, sample_to); 0: on the segment's own */
    VecControl *control; /* with the work claimed */
    uint32 thread_count; /* 0: as CREATE INDEX */
    VecpgPause *pause;   /* NULL: read without pauses */
    VecPlan *plan; /* not NULL: nothing is published; the plan gets the codes for its input, and is written */
    char *file_name;      /* gets the segment's name, of VEC_FILE_NAME_BYTES; or NULL */
    bool report_progress; /* into pg_stat_progress_create_index */
} VecpgBuildRequest;

typedef enum VecpgBuildOutcome {
    VECPG_BUILD_DONE,
    VECPG_BUILD_BUSY,  /* another process does this work */
    VECPG_BUILD_FAILED /* the disk is full, or the directory cannot be written; a WARNING said so */
} VecpgBuildOutcome;

/*
 * Builds one segment from the log and publishes it. Takes seconds for a flat one, minutes with a graph; obeys cancel. A directory
 * that cannot be written is a WARNING, because the index is complete without it.
 */
extern VecpgBuildOutcome vecpg_store_build(const VecpgBuildRequest *request);

/*
 * What CREATE INDEX wants: the log's rows up to end in one segment, or in as many as max_sealed_segment_size asks for. All work in the
 * directory is claimed meanwhile.
 */
extern VecpgBuildOutcome vecpg_store_build_all(Relation index, uint64 end);

/* Opens the index's directory for writing, and makes it if it is missing. */
extern VecStatus vecpg_store_open_directory(Relation index, VecControl **control, VecError *error);

/*
 * A segment's stamp: the present. Read it after all that went into the segment; WAL is flushed up to it, so that no crash can
 * bring back a log that lacks what the segment has.
 */
extern void vecpg_store_stamp(uint64 instance_nonce, uint64 from, uint64 to, VecStamp *stamp);

/* The options of a segment with a graph, as the index wants them now. */
extern void vecpg_store_segment_options(Relation index, const VecpgLogMeta *meta, VecSegmentOptions *options);

/* What all builds have in common: threads, memory, disk. */
extern void vecpg_store_build_options(VecBuildOptions *options);

/* A status that tells of the disk leaves the index complete and slower: a WARNING. All else but VEC_BUSY is an error. */
extern VecpgBuildOutcome vecpg_store_failed(Relation index, VecStatus status, const VecError *error);

/* Remembers for pg_vector_index_stat, and for who would try again at once, that segments could not be built. */
extern void vecpg_store_note_failure(Relation index);

/* ---- store_work.c: what is to be built and merged ---- */

typedef enum VecpgWorkMode {
    VECPG_WORK_DUE,  /* what the policy finds urgent */
    VECPG_WORK_SEAL, /* and a segment for the tail, however short: nothing was appended for sealing_secs */
    VECPG_WORK_IDLE, /* what is worth it when nothing else happens */
    VECPG_WORK_ALL   /* until there is one segment over everything, without dead rows beyond the threshold */
} VecpgWorkMode;

typedef enum VecpgWorkOutcome {
    VECPG_WORK_REST,    /* nothing to do */
    VECPG_WORK_DONE,    /* a step was done: ask again */
    VECPG_WORK_PLANNED, /* a merge was written as a plan, for another process to carry out */
    VECPG_WORK_BUSY,    /* another process does what is due */
    VECPG_WORK_FAILED   /* a WARNING said why */
} VecpgWorkOutcome;

/* What becomes of a merge. */
typedef enum VecpgWorkMerges {
    VECPG_MERGES_HERE,    /* carried out by the caller */
    VECPG_MERGES_PLANNED, /* written down for another process */
    VECPG_MERGES_LEFT     /* nobody can carry one out now */
} VecpgWorkMerges;

typedef struct VecpgWork {
    Relation index;
    VecpgWorkMode mode;
    VecpgWorkMerges merges;
    uint64 end;        /* rows of the log from here on are nobody's concern; 0: there is no such place */
    VecpgPause *pause; /* for encodings; or NULL */
} VecpgWork;

/* Does the next step. In the modes IDLE and ALL, what another process is at is BUSY, not REST. Nothing for temporary indexes: REST. */
extern VecpgWorkOutcome vecpg_work_step(const VecpgWork *work);

/* Steps until there is nothing to do, or somebody else is at it, or it fails. */
extern VecpgWorkOutcome vecpg_work_all(Relation index, VecpgWorkMode mode);

/* The same, and waits for what others do, so that it ends with REST or FAILED. Rows that are appended meanwhile do not count. */
extern VecpgWorkOutcome vecpg_work_wait(Relation index, VecpgWorkMode mode);

/* Whether a step would be done now. Cheap enough for VACUUM and for a worker, not for each scan. */
extern bool vecpg_work_is_due(Relation index, VecpgWorkMode mode);

/* ---- store_sweep.c ---- */

/* Once, when the library is loaded: from then on the directories of indexes that end with a transaction end with it. */
extern void vecpg_store_sweep_init(void);

/* Removes the directories of indexes that are no more. Cheap: one directory listing, one stat a directory. In no transaction, too. */
extern void vecpg_store_sweep(void);

#endif
