/*
 * planner.c: takes out of plans what is computed for nobody: distances by which an index already put rows in order.
 *
 * PostgreSQL adds the expressions of ORDER BY to what a scan computes for every row, as junk that is dropped in the end, even where
 * the scan's order needs no sort. For a distance it so reads the vector of each row once more, which from 2 kB on lies in the TOAST table:
 * three look-ups in its index and two pages a row, about as long as the search itself. A null stands in its place.
 *
 * Only at the top of a plan, under nothing but a Limit, is it certain that nobody reads it.
 */
#include "planner.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"

static planner_hook_type previous_hook;
static bool was_called;

static void
drop_junk_distances(IndexScan *scan)
{
    ListCell *cell;

    foreach (cell, scan->scan.plan.targetlist) {
        TargetEntry *entry = lfirst_node(TargetEntry, cell);

        if (entry->resjunk && vecpg_planner_is_distance(entry->expr, scan))
            entry->expr =
                (Expr *)makeNullConst(exprType((Node *)entry->expr), exprTypmod((Node *)entry->expr),
                                      exprCollation((Node *)entry->expr));
    }
}

static PlannedStmt *
plan(Query *query, const char *text, int cursor_options, ParamListInfo parameters)
{
    PlannedStmt *statement;
    Plan *top;

    was_called = true;
    statement = previous_hook != NULL ? previous_hook(query, text, cursor_options, parameters)
                                      : standard_planner(query, text, cursor_options, parameters);
    top = statement->commandType == CMD_SELECT ? statement->planTree : NULL;
    vecpg_planner_keep_order(statement);
    /* WITH TIES compares the junk */
    if (top != NULL && IsA(top, Limit) && ((Limit *)top)->limitOption == LIMIT_OPTION_COUNT)
        top = outerPlan(top);
    if (top != NULL && vecpg_planner_is_our_scan(top))
        drop_junk_distances((IndexScan *)top);
    return statement;
}

bool
vecpg_planner_is_watching(void)
{
    return was_called;
}

void
vecpg_planner_init(void)
{
    previous_hook = planner_hook;
    planner_hook = plan;
}
