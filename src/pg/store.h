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
#include "vectors/index.h"

#define VECPG_STORE_ROOT "pg_vectors"

/* ---- store.c: reading ---- */

/* The segments that a scan works with; shared by the scans of a backend, alive until the last of them lets go. */
typedef struct VecpgSegments VecpgSegments;

/*
 * The segments as they are published now, or NULL when there are none that this server may use. Take it before the reader
 * of the log is opened: rows that the segments do not cover are then in the log. meta tells the instance.
 */
extern VecpgSegments *vecpg_store_acquire(Relation index, const VecpgLogMeta *meta);
extern void vecpg_store_release(VecpgSegments *segments); /* NULL is legal */
/* A segment that was verified turned out to be damaged: every process opens and verifies the index's files anew. */
extern void vecpg_store_distrust(Relation index, const VecError *error);
extern VecIndex *vecpg_segments_index(const VecpgSegments *segments);

/* The first range [*from, *to) at or after *from and below end that no segment covers. False: all is covered. */
extern bool vecpg_segments_uncovered(const VecpgSegments *segments, uint64 *from, uint64 *to, uint64 end);

extern void vecpg_store_directory(Relation index, char *path, size_t path_bytes);

/* ---- store_build.c: writing ---- */

typedef struct VecpgBuildRequest {
    Relation index;
    uint64 from; /* the new segment covers [from, to) and takes the place of those that lie in it */
    uint64 to;
    bool report_progress; /* into pg_stat_progress_create_index */
} VecpgBuildRequest;

typedef enum VecpgBuildOutcome {
    VECPG_BUILD_DONE,
    VECPG_BUILD_BUSY,  /* another process holds the right to write the directory */
    VECPG_BUILD_FAILED /* the disk is full, or the directory cannot be written; a WARNING said so */
} VecpgBuildOutcome;

/*
 * Builds one sealed segment from the log and publishes it. Takes minutes; obeys cancel. A directory that cannot be written
 * is a WARNING, because the index is complete without it.
 */
extern VecpgBuildOutcome vecpg_store_build(const VecpgBuildRequest *request);

/* What VACUUM and vectors_merge do about rows that no segment covers. */
typedef enum VecpgMergeMode {
    VECPG_MERGE_IF_DUE, /* gaps, and a tail longer than max_growing_segment_size */
    VECPG_MERGE_ALL     /* one segment over everything, unless there is just that already */
} VecpgMergeMode;

extern VecpgBuildOutcome vecpg_store_merge(Relation index, VecpgMergeMode mode);

/* ---- store_sweep.c ---- */

/* Removes the directories of indexes that are no more. Cheap: one directory listing, one stat a directory. */
extern void vecpg_store_sweep(void);

#endif
