/*
 * filter_plan.h: what the planner is told of filter columns.
 */
#ifndef VECPG_FILTER_PLAN_H
#define VECPG_FILTER_PLAN_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/* Adds to the path the conditions that the index answers and PostgreSQL did not match to it. Idempotent. */
extern void vecpg_filter_plan_complete(PlannerInfo *root, IndexPath *path);

/* Whether the index leaves rows out by a condition on a filter column; which part of its rows fulfils all of these. */
extern bool vecpg_filter_plan_has_filter(const IndexPath *path);
extern Selectivity vecpg_filter_plan_filter_selectivity(PlannerInfo *root, const IndexPath *path);

/* Which part of the table's rows the scan gives when it runs to its end. */
extern Selectivity vecpg_filter_plan_selectivity(PlannerInfo *root, const IndexPath *path);

#endif
