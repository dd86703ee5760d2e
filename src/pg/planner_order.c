/*
 * planner_order.c: sorts what a plan needs in order, where that order is one of our scans'.
 *
 * PostgreSQL believes that rows come by ascending distance, and so they do but for those that a search finds late. For an ORDER BY that is what
 * we promise; but a Unique, a Group or a merge join takes rows of equal keys for neighbours, and gives groups twice, or an error, when they
 * are not. A scan that is asked for at the level of a GROUP BY or DISTINCT is refused by its cost (am_cost.c). An order that comes out of a
 * subquery, mostly from below a LIMIT, is known as ours only when the plan is made: it gets a sort.
 */
#include "planner.h"

#include <math.h>

#include "access/amapi.h"
#include "access/genam.h"
#include "compat.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "options.h"
#include "utils/rel.h"
#include "utils/typcache.h"

typedef struct VecpgPlanOrder {
    PlannedStmt *statement;
    int last_node_id;
    List *sorts; /* that were put in, and have no number yet */
} VecpgPlanOrder;

bool
vecpg_planner_is_our_scan(const Plan *plan)
{
    const IndexScan *scan = (const IndexScan *)plan;
    Relation index;
    bool is_ours;

    if (!IsA(plan, IndexScan) || scan->indexorderbyorig == NIL)
        return false;
    index = index_open(scan->indexid, NoLock); /* the planner has locked it */
    is_ours = index->rd_indam->amoptions == vecpg_options_parse;
    index_close(index, NoLock);
    return is_ours;
}

static Plan *
plan_of_cte(const PlannedStmt *statement, const Plan *plan)
{
    return list_nth(statement->subplans, ((const CteScan *)plan)->ctePlanId - 1);
}

/* Where an order comes from: one of our scans, or what merges or sorts rows that are nearly in order; and what that order is. */
typedef struct VecpgOrderSource {
    const Plan *plan;
    int key_count;
    const AttrNumber *columns; /* of its target list */
    const Oid *operators;
    const Oid *collations;
    const bool *nulls_first;
    AttrNumber distance; /* of a scan: its one key */
    Oid less;
} VecpgOrderSource;

static bool find_source(const PlannedStmt *statement, const Plan *plan, VecpgOrderSource *source);

/* Whether a plan below one that says by what it sorts is nearly in order. */
static bool
has_source(const PlannedStmt *statement, const Plan *below)
{
    VecpgOrderSource ignored;

    return find_source(statement, below, &ignored);
}

static bool
any_has_source(const PlannedStmt *statement, List *plans)
{
    ListCell *cell;

    foreach (cell, plans)
        if (has_source(statement, lfirst(cell)))
            return true;
    return false;
}

/* False: nobody above can rely on the order of a distance that the scan does not give. */
static bool
find_distance(const IndexScan *scan, VecpgOrderSource *source)
{
    static const bool last = false;
    static const Oid none = InvalidOid;
    const Node *distance = linitial(scan->indexorderbyorig);
    ListCell *cell;

    foreach (cell, scan->scan.plan.targetlist) {
        const TargetEntry *entry = lfirst_node(TargetEntry, cell);

        if (!equal(entry->expr, distance))
            continue;
        source->plan = &scan->scan.plan;
        source->key_count = 1;
        source->distance = entry->resno;
        source->less = lookup_type_cache(exprType(distance), TYPECACHE_LT_OPR)->lt_opr;
        source->columns = &source->distance;
        source->operators = &source->less;
        source->collations = &none;
        source->nulls_first = &last;
        return true;
    }
    return false;
}

#define SET_SOURCE(node, sort)                                                                               \
    (source->plan = (const Plan *)(node), source->key_count = (sort)->numCols,                               \
     source->columns = (sort)->sortColIdx, source->operators = (sort)->sortOperators,                        \
     source->collations = (sort)->collations, source->nulls_first = (sort)->nullsFirst)

/* Whether rows come in the order of one of our scans, with no sort on their way; from where. */
static bool
find_source(const PlannedStmt *statement, const Plan *plan, VecpgOrderSource *source)
{
    check_stack_depth();
    switch (nodeTag(plan)) {
        case T_IndexScan:
            return vecpg_planner_is_our_scan(plan) && find_distance((const IndexScan *)plan, source);
        case T_IncrementalSort:
            SET_SOURCE(plan, &((const IncrementalSort *)plan)->sort);
            return has_source(statement, outerPlan(plan));
        case T_GatherMerge:
            SET_SOURCE(plan, (const GatherMerge *)plan);
            return has_source(statement, outerPlan(plan));
        case T_MergeAppend:
            SET_SOURCE(plan, (const MergeAppend *)plan);
            return any_has_source(statement, ((const MergeAppend *)plan)->mergeplans);
        case T_SubqueryScan:
            return find_source(statement, ((const SubqueryScan *)plan)->subplan, source);
        case T_CteScan:
            return find_source(statement, plan_of_cte(statement, plan), source);
        case T_Agg:
        case T_Group:
        case T_Limit:
        case T_LockRows:
        case T_Material:
        case T_Memoize:
        case T_MergeJoin:
        case T_NestLoop:
        case T_ProjectSet:
        case T_Result:
        case T_Unique:
        case T_WindowAgg:
            return outerPlan(plan) != NULL && find_source(statement, outerPlan(plan), source);
        default:
            return false;
    }
}

/* The plan, and its column, from which a column comes; NULL: it is computed here, or read. */
static const Plan *
origin_of(const PlannedStmt *statement, const Plan *plan, AttrNumber *column)
{
    const TargetEntry *entry = list_nth_node(TargetEntry, plan->targetlist, *column - 1);
    const Var *var = (const Var *)entry->expr;

    if (!IsA(var, Var) || var->varattno <= 0)
        return NULL;
    *column = var->varattno;
    switch (nodeTag(plan)) {
        case T_SubqueryScan:
            return ((const SubqueryScan *)plan)->subplan;
        case T_CteScan:
            return plan_of_cte(statement, plan);
        default:
            return var->varno == OUTER_VAR ? outerPlan(plan) : NULL;
    }
}

/* Which column of the source a plan's column is; 0: none. */
static AttrNumber
column_of_source(const PlannedStmt *statement, const Plan *plan, AttrNumber column,
                 const VecpgOrderSource *source)
{
    while (plan != NULL && plan != source->plan)
        plan = origin_of(statement, plan, &column);
    return plan != NULL ? column : 0;
}

/* Adds the keys of the order that the plan is believed to have, as far as it still has their columns. */
static void
add_keys(const PlannedStmt *statement, const Plan *plan, const VecpgOrderSource *source, Sort *sort)
{
    for (int key = 0; key < source->key_count; key++) {
        int columns = list_length(plan->targetlist);
        AttrNumber column = 1;

        while (column <= columns && column_of_source(statement, plan, column, source) != source->columns[key])
            column++;
        if (column > columns)
            return;
        sort->sortColIdx[key] = column;
        sort->sortOperators[key] = source->operators[key];
        sort->collations[key] = source->collations[key];
        sort->nullsFirst[key] = source->nulls_first[key];
        sort->numCols++;
    }
}

static Sort *
make_sort(Plan *below, int key_count)
{
    Sort *sort = makeNode(Sort);
    Plan *plan = &sort->plan;
    double rows = Max(below->plan_rows, 2.0);
    ListCell *cell;

    plan->startup_cost = below->total_cost + 2.0 * cpu_operator_cost * rows * log2(rows);
    plan->total_cost = plan->startup_cost + cpu_operator_cost * rows;
    plan->plan_rows = below->plan_rows;
    plan->plan_width = below->plan_width;
    plan->parallel_safe = below->parallel_safe;
    plan->extParam = bms_copy(below->extParam);
    plan->allParam = bms_copy(below->allParam);
    plan->lefttree = below;
    foreach (cell, below->targetlist) {
        const TargetEntry *entry = lfirst_node(TargetEntry, cell);
        const Node *expression = (const Node *)entry->expr;
        TargetEntry *passed = flatCopyTargetEntry((TargetEntry *)entry);

        passed->expr = (Expr *)makeVar(OUTER_VAR, entry->resno, exprType(expression), exprTypmod(expression),
                                       exprCollation(expression), 0);
        plan->targetlist = lappend(plan->targetlist, passed);
    }
    sort->sortColIdx = palloc(sizeof(AttrNumber) * key_count);
    sort->sortOperators = palloc(sizeof(Oid) * key_count);
    sort->collations = palloc(sizeof(Oid) * key_count);
    sort->nullsFirst = palloc(sizeof(bool) * key_count);
    return sort;
}

/*
 * The plan, sorted by all of the order that it is believed to have, since who knows who above relies on the rest, if it is nearly in order and one of
 * these columns is the first of that order. A count of -1: nobody says which columns are meant.
 */
static Plan *
sorted(VecpgPlanOrder *order, Plan *plan, int count, const AttrNumber *columns)
{
    const PlannedStmt *statement = order->statement;
    VecpgOrderSource source;
    bool is_meant = count < 0;
    Sort *sort;

    if (count == 0 || plan == NULL || !find_source(statement, plan, &source))
        return plan;
    for (int i = 0; i < count; i++)
        is_meant = is_meant || column_of_source(statement, plan, columns[i], &source) == source.columns[0];
    if (!is_meant)
        return plan;
    sort = make_sort(plan, source.key_count);
    add_keys(statement, plan, &source, sort);
    if (sort->numCols == 0)
        return plan;
    order->sorts = lappend(order->sorts, sort);
    return &sort->plan;
}

/* Whether an aggregate takes its input as sorted (16 and later). */
static bool
is_presorted(Node *node, void *context)
{
    if (node == NULL)
        return false;
    if (IsA(node, Aggref) && vecpg_aggref_is_presorted((const Aggref *)node))
        return true;
    return expression_tree_walker(node, is_presorted, context);
}

static void
sort_aggregated(VecpgPlanOrder *order, Plan *plan)
{
    const Agg *agg = (const Agg *)plan;

    if (agg->aggstrategy == AGG_MIXED || is_presorted((Node *)plan->targetlist, NULL) ||
        is_presorted((Node *)plan->qual, NULL))
        outerPlan(plan) = sorted(order, outerPlan(plan), -1, NULL);
    else if (agg->aggstrategy == AGG_SORTED)
        outerPlan(plan) = sorted(order, outerPlan(plan), agg->numCols, agg->grpColIdx);
}

/* One side of a merge join, by the columns that it is merged by. */
static Plan *
sort_merged(VecpgPlanOrder *order, const MergeJoin *join, Plan *plan, bool is_outer)
{
    AttrNumber *columns = palloc(sizeof(AttrNumber) * (list_length(join->mergeclauses) + 1));
    int count = 0;
    ListCell *cell;

    foreach (cell, join->mergeclauses) {
        List *arguments = lfirst_node(OpExpr, cell)->args;
        const Node *side = is_outer ? linitial(arguments) : lsecond(arguments);

        while (IsA(side, RelabelType))
            side = (const Node *)((const RelabelType *)side)->arg;
        if (IsA(side, Var) && ((const Var *)side)->varattno > 0)
            columns[count++] = ((const Var *)side)->varattno;
    }
    return sorted(order, plan, count, columns);
}

static void
sort_below(VecpgPlanOrder *order, Plan *plan)
{
    Plan **outer = &outerPlan(plan), **inner = &innerPlan(plan);

    switch (nodeTag(plan)) {
        case T_Unique:
            *outer =
                sorted(order, *outer, ((const Unique *)plan)->numCols, ((const Unique *)plan)->uniqColIdx);
            break;
        case T_Group:
            *outer = sorted(order, *outer, ((const Group *)plan)->numCols, ((const Group *)plan)->grpColIdx);
            break;
        case T_Agg:
            sort_aggregated(order, plan);
            break;
        case T_WindowAgg: /* what is not partitioned is numbered in the order in which it would be given */
            *outer = sorted(order, *outer, ((const WindowAgg *)plan)->partNumCols,
                            ((const WindowAgg *)plan)->partColIdx);
            break;
        case T_MergeJoin:
            *outer = sort_merged(order, (const MergeJoin *)plan, *outer, true);
            *inner = sort_merged(order, (const MergeJoin *)plan, *inner, false);
            break;
        case T_SetOp:
            if (!vecpg_setop_takes_order((const SetOp *)plan))
                break;
            *outer = sorted(order, *outer, -1, NULL);
            *inner = sorted(order, *inner, -1, NULL);
            break;
        default:
            break;
    }
}

static void walk(VecpgPlanOrder *order, Plan *plan);

static void
walk_all(VecpgPlanOrder *order, List *plans)
{
    ListCell *cell;

    foreach (cell, plans) {
        walk(order, lfirst(cell));
    }
}

/* From below: what was sorted there needs no other sort. */
static void
walk(VecpgPlanOrder *order, Plan *plan)
{
    if (plan == NULL)
        return;
    check_stack_depth();
    order->last_node_id = Max(order->last_node_id, plan->plan_node_id);
    walk(order, outerPlan(plan));
    walk(order, innerPlan(plan));
    switch (nodeTag(plan)) {
        case T_SubqueryScan:
            walk(order, ((SubqueryScan *)plan)->subplan);
            break;
        case T_Append:
            walk_all(order, ((Append *)plan)->appendplans);
            break;
        case T_MergeAppend:
            walk_all(order, ((MergeAppend *)plan)->mergeplans);
            break;
        case T_BitmapAnd:
            walk_all(order, ((BitmapAnd *)plan)->bitmapplans);
            break;
        case T_BitmapOr:
            walk_all(order, ((BitmapOr *)plan)->bitmapplans);
            break;
        case T_CustomScan:
            walk_all(order, ((CustomScan *)plan)->custom_plans);
            break;
        default:
            break;
    }
    sort_below(order, plan);
}

void
vecpg_planner_keep_order(PlannedStmt *statement)
{
    VecpgPlanOrder order = {.statement = statement};
    ListCell *cell;

    walk_all(&order, statement->subplans);
    walk(&order, statement->planTree);
    foreach (cell, order.sorts) {
        Sort *sort = lfirst_node(Sort, cell);

        sort->plan.plan_node_id = ++order.last_node_id;
    }
}
