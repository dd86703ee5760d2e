/*
 * worker.h: background workers: who notices that there is work, who is asked to do it, who does it.
 *
 *   an append, a scan, VACUUM      notice that something is due, and launch a
 *   worker (vectors_worker_main)   connected to the database: encodes new rows in short transactions, and where a merge is due
 *                                  writes down a plan, launches a merger, and exits
 *   merger (vectors_merger_main)   connected to no database: watches over a child process that has let go of shared memory
 *                                  and merges files; a fault in there restarts that child and nothing else
 *
 * Launching is dynamic: no shared_preload_libraries. Everybody may fail to get a worker; then VACUUM does the work itself.
 */
#ifndef VECPG_WORKER_H
#define VECPG_WORKER_H

#include "postgres.h"

#include "store.h"
#include "utils/rel.h"

/* What a worker is told: which index, by its file too, so that it does not mistake another for it; and how much to do. */
typedef struct VecpgWorkerOrder {
    Oid database;
    Oid index;
    Oid tablespace;
    Oid file;
    int32 mode; /* VecpgWorkMode; DUE, SEAL or IDLE */
} VecpgWorkerOrder;

/* ---- worker.c: noticing and launching ---- */

/* After an append. Costs a comparison, except once in some hundred rows. */
extern void vecpg_worker_notice_append(Relation index, uint64 position);

/* After a scan has read the tail: the log ended at end, and so many rows had to be scanned exactly. */
extern void vecpg_worker_notice_scan(Relation index, uint64 end, uint64 rows_uncovered);

/* Launches a worker for the index unless one is at work. False: none can be had, do it yourself. */
extern bool vecpg_worker_request(Relation index, VecpgWorkMode mode);

/* Whether a merger may be had for the index: if not, VACUUM merges by itself. */
extern bool vecpg_worker_can_merge(Relation index);

/* Registers a worker or merger with the postmaster. False: no free slot, or workers are switched off. */
extern bool vecpg_worker_launch(const VecpgWorkerOrder *order, const char *name, const char *function,
                                int flags);

extern void vecpg_worker_order_directory(const VecpgWorkerOrder *order, char *path, size_t path_bytes);

/*
 * One of the vectors.max_background_workers places that all workers of the server share; kept until the process ends or releases
 * it. False: all are taken.
 */
extern bool vecpg_worker_take_place(bool for_merger);
extern void vecpg_worker_release_place(void);

/* Whether somebody else could take one now. */
extern bool vecpg_worker_is_place_free(bool for_merger);

/* ---- worker_connected.c, worker_merger.c ---- */

#define VECPG_WORKER_NAME "vectors worker"
#define VECPG_MERGER_NAME "vectors merger"

extern PGDLLEXPORT void vectors_worker_main(Datum argument);
extern PGDLLEXPORT void vectors_merger_main(Datum argument);

#endif
