/*
 * filter_plan.h: what the planner is told of filter columns.
 */
#ifndef VECPG_FILTER_PLAN_H
#define VECPG_FILTER_PLAN_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/* Adds to the path the conditions that the index answers and PostgreSQL did not match to it. Idempotent. */
extern void vecpg_filter_plan_complete(PlannerInfo *root, IndexPath *path);

/* Conditions (RestrictInfo) by which the index leaves rows out, on its first column or another. */
extern List *vecpg_filter_plan_conditions(const IndexPath *path);

/* Whether one of them is on a filter column. */
extern bool vecpg_filter_plan_has_filter(const IndexPath *path);

/* Which share of the table's rows fulfils them. */
extern Selectivity vecpg_filter_plan_selectivity(PlannerInfo *root, const IndexPath *path);

#endif
