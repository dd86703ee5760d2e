/*
 * am.h: the access method's phases, one file each; am.c puts them into the IndexAmRoutine.
 */
#ifndef VECPG_AM_H
#define VECPG_AM_H

#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "vectors/index.h"

#define VECPG_STRATEGY_DISTANCE 1 /* <->, <#>, <=> ...: FOR ORDER BY */
#define VECPG_STRATEGY_SPHERE   2 /* <<->>, <<#>>, <<=>> ...: FOR SEARCH */

/* Filter columns: FOR SEARCH. */
#define VECPG_STRATEGY_LESS          3
#define VECPG_STRATEGY_LESS_EQUAL    4
#define VECPG_STRATEGY_EQUAL         5
#define VECPG_STRATEGY_GREATER_EQUAL 6
#define VECPG_STRATEGY_GREATER       7
#define VECPG_STRATEGY_OVERLAPS      8 /* arrays: && */
#define VECPG_STRATEGY_CONTAINS      9 /* arrays: @> */
#define VECPG_STRATEGY_COUNT         9

/* am_build.c */
extern IndexBuildResult *vecpg_am_build(Relation heap, Relation index, IndexInfo *index_info);
extern void vecpg_am_build_empty(Relation index);
extern char *vecpg_am_build_phase_name(int64 phase);

/* am_insert.c */
extern bool vecpg_am_insert(Relation index, Datum *values, bool *is_null, ItemPointer heap_tid, Relation heap,
                            IndexUniqueCheck check_unique, bool index_unchanged, IndexInfo *index_info);

/* am_scan.c */
extern IndexScanDesc vecpg_am_scan_begin(Relation index, int key_count, int order_by_count);
extern void vecpg_am_scan_rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey order_bys,
                                 int order_by_count);
extern bool vecpg_am_scan_next(IndexScanDesc scan, ScanDirection direction);
extern void vecpg_am_scan_end(IndexScanDesc scan);

/* What a scan has done so far. */
typedef struct VecpgScanStatistics {
    uint32 segments;       /* searched */
    uint64 uncovered_rows; /* compared exactly, because no segment has them */
    uint64 candidates;     /* of the segments, looked at in the log */
    VecSearchStatistics search;
} VecpgScanStatistics;

extern void vecpg_am_scan_statistics(IndexScanDesc scan, VecpgScanStatistics *statistics);

/* am_vacuum.c */
extern IndexBulkDeleteResult *vecpg_am_vacuum_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
                                                     IndexBulkDeleteCallback callback, void *callback_state);
extern IndexBulkDeleteResult *vecpg_am_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);

/* am_cost.c */
extern void vecpg_am_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost,
                                   Cost *total_cost, Selectivity *selectivity, double *correlation,
                                   double *pages);

/* am_validate.c */
extern bool vecpg_am_validate(Oid operator_class);

#endif
