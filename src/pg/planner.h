/*
 * planner.h: what becomes of a plan after PostgreSQL made it.
 */
#ifndef VECPG_PLANNER_H
#define VECPG_PLANNER_H

#include "postgres.h"

#include "nodes/plannodes.h"

/* Registers a hook; once a process, by _PG_init. */
extern void vecpg_planner_init(void);

/* False while the first statement of a session is planned, if that is what loads the library: nobody will look at its plan. */
extern bool vecpg_planner_is_watching(void);

/* Whether the plan is a scan of an index of ours, in the order of a distance. */
extern bool vecpg_planner_is_our_scan(const Plan *plan);

/* Whether the expression is the distance by which the scan orders. */
extern bool vecpg_planner_is_distance(const Expr *given, const IndexScan *scan);

/* planner_order.c: puts sorts into the plan where it relies on an order that our scans keep only nearly. */
extern void vecpg_planner_keep_order(PlannedStmt *statement);

#endif
