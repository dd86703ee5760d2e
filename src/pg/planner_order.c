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
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

typedef struct VecpgPlanOrder {
    PlannedStmt *statement;
    int last_node_id;
    List *sorts; /* that were put in, and have no number yet */
} VecpgPlanOrder;

/* Whether an expression is the distance that a scan is ordered by; PostgreSQL turned that round if the query has the column on the right. */
static bool
is_distance(const Node *given, const Node *distance)
{
    OpExpr turned;

    if (equal(given, distance))
        return true;
    if (!IsA(distance, OpExpr) || list_length(((const OpExpr *)distance)->args) != 2)
        return false;
    turned = *(const OpExpr *)distance;
    turned.opno = get_commutator(turned.opno);
    turned.opfuncid = InvalidOid; /* compares as equal to any */
    turned.args = list_make2(lsecond(turned.args), linitial(turned.args));
    return OidIsValid(turned.opno) && equal(given, &turned);
}

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

static Node *
bare(Node *node)
{
    while (node != NULL && IsA(node, RelabelType))
        node = (Node *)((RelabelType *)node)->arg;
    return node;
}

bool
vecpg_planner_is_distance(const Expr *given, const IndexScan *scan)
{
    return is_distance((Node *)given, linitial(scan->indexorderbyorig));
}

static Plan **
place_of_cte(const PlannedStmt *statement, const Plan *plan)
{
    return (Plan **)&lfirst(list_nth_cell(statement->subplans, ((const CteScan *)plan)->ctePlanId - 1));
}

static Plan *
plan_of_cte(const PlannedStmt *statement, const Plan *plan)
{
    return *place_of_cte(statement, plan);
}

/* Where an order comes from, and what it is: what merges or sorts rows that are nearly in order, or the lowest plan that gives a scan's distance. */
typedef struct VecpgOrderSource {
    const Plan *plan; /* NULL: a scan's, of which no plan gives the distance so far; a join above it may */
    int key_count;
    const AttrNumber *columns; /* of its target list */
    const Oid *operators;
    const Oid *collations;
    const bool *nulls_first;
    const Node *distance; /* of a scan: what it is ordered by, its one key */
    AttrNumber distance_column;
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

/* An expression of a plan in terms of what the scan at the lower end reads. */
static Node *
as_scanned(Node *node, void *plan)
{
    const Var *var = (const Var *)node;

    if (node == NULL)
        return NULL;
    if (IsA(node, Var) && var->varno == OUTER_VAR && var->varattno > 0 && outerPlan(plan) != NULL)
        return as_scanned(
            (Node *)list_nth_node(TargetEntry, outerPlan(plan)->targetlist, var->varattno - 1)->expr,
            outerPlan(plan));
    return expression_tree_mutator(node, as_scanned, plan);
}

/* Whether this plan gives the distance of the scan below, by which it is then ordered. */
static void
look_for_distance(const Plan *plan, VecpgOrderSource *source)
{
    static const bool last = false;
    static const Oid none = InvalidOid;
    ListCell *cell;

    foreach (cell, plan->targetlist) {
        const TargetEntry *entry = lfirst_node(TargetEntry, cell);
        Node *expression = bare((Node *)entry->expr);

        if (exprType(expression) != exprType(source->distance) ||
            !is_distance(bare(as_scanned(expression, (void *)plan)), source->distance))
            continue;
        source->plan = plan;
        source->key_count = 1;
        source->distance_column = entry->resno;
        source->less = lookup_type_cache(exprType(source->distance), TYPECACHE_LT_OPR)->lt_opr;
        source->columns = &source->distance_column;
        source->operators = &source->less;
        source->collations = &none;
        source->nulls_first = &last;
        return;
    }
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
            if (!vecpg_planner_is_our_scan(plan))
                return false;
            source->plan = NULL;
            source->distance = linitial(((const IndexScan *)plan)->indexorderbyorig);
            break;
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
            if (outerPlan(plan) == NULL || !find_source(statement, outerPlan(plan), source))
                return false;
            break;
        default:
            return false;
    }
    if (source->plan == NULL)
        look_for_distance(plan, source);
    return true;
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

/* Sets the keys of the order that the plan is believed to have, as far as it has their columns. False: not all of them. */
static bool
set_keys(const PlannedStmt *statement, const Plan *plan, const VecpgOrderSource *source, Sort *sort)
{
    for (sort->numCols = 0; sort->numCols < source->key_count; sort->numCols++) {
        int key = sort->numCols, columns = list_length(plan->targetlist);
        AttrNumber column = 1;

        while (column <= columns && column_of_source(statement, plan, column, source) != source->columns[key])
            column++;
        if (column > columns)
            return false;
        sort->sortColIdx[key] = column;
        sort->sortOperators[key] = source->operators[key];
        sort->collations[key] = source->collations[key];
        sort->nullsFirst[key] = source->nulls_first[key];
    }
    return true;
}

/* Puts the sort above the plan. */
static void
sort_plan(VecpgPlanOrder *order, Plan **place, Sort *sort)
{
    Plan *plan = &sort->plan, *below = *place;
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
    vecpg_plan_disabled_like(plan, below);
    foreach (cell, below->targetlist) {
        const TargetEntry *entry = lfirst_node(TargetEntry, cell);
        const Node *expression = (const Node *)entry->expr;
        TargetEntry *passed = flatCopyTargetEntry((TargetEntry *)entry);

        passed->expr = (Expr *)makeVar(OUTER_VAR, entry->resno, exprType(expression), exprTypmod(expression),
                                       exprCollation(expression), 0);
        plan->targetlist = lappend(plan->targetlist, passed);
    }
    order->sorts = lappend(order->sorts, sort);
    *place = plan;
}

/* Where the input of a plan comes from in the order in which it is given on. Who else reads a CTE gets it sorted, too. */
static Plan **
place_below(const PlannedStmt *statement, Plan *plan)
{
    switch (nodeTag(plan)) {
        case T_SubqueryScan:
            return &((SubqueryScan *)plan)->subplan;
        case T_CteScan:
            return place_of_cte(statement, plan);
        default:
            return &outerPlan(plan);
    }
}

/*
 * If a plan is nearly in order it gets a sort by all of the order that it is believed to have: who knows who above relies on which part of it.
 * It stands as high as all these columns are given; no plan between changes the order.
 */
static void
keep_order(VecpgPlanOrder *order, Plan **place)
{
    const PlannedStmt *statement = order->statement;
    VecpgOrderSource source;
    Sort *sort;

    if (*place == NULL || !find_source(statement, *place, &source) || source.plan == NULL)
        return;
    sort = makeNode(Sort);
    sort->sortColIdx = palloc(sizeof(AttrNumber) * source.key_count);
    sort->sortOperators = palloc(sizeof(Oid) * source.key_count);
    sort->collations = palloc(sizeof(Oid) * source.key_count);
    sort->nullsFirst = palloc(sizeof(bool) * source.key_count);
    while (!set_keys(statement, *place, &source, sort)) /* the source has all */
        place = place_below(statement, *place);
    sort_plan(order, place, sort);
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

static bool
aggregate_takes_order(const Agg *agg)
{
    return agg->aggstrategy == AGG_SORTED || agg->aggstrategy == AGG_MIXED ||
           is_presorted((Node *)agg->plan.targetlist, NULL) || is_presorted((Node *)agg->plan.qual, NULL);
}

/* Sorts what a plan takes for neighbours when they are equal. */
static void
sort_below(VecpgPlanOrder *order, Plan *plan)
{
    bool takes_outer = false, takes_inner = false;

    switch (nodeTag(plan)) {
        case T_Unique:
        case T_Group:
            takes_outer = true;
            break;
        case T_Agg:
            takes_outer = aggregate_takes_order((const Agg *)plan);
            break;
        case T_WindowAgg: /* rows of one partition are numbered, and ranked, in the order in which they would be given */
            takes_outer = ((const WindowAgg *)plan)->partNumCols > 0;
            break;
        case T_MergeJoin:
            takes_outer = takes_inner = ((const MergeJoin *)plan)->mergeclauses != NIL;
            break;
        case T_SetOp:
            takes_outer = takes_inner = vecpg_setop_takes_order((const SetOp *)plan);
            break;
        default:
            break;
    }
    if (takes_outer)
        keep_order(order, &outerPlan(plan));
    if (takes_inner)
        keep_order(order, &innerPlan(plan));
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
