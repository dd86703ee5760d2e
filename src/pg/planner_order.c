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

static bool is_nearly_sorted(const PlannedStmt *statement, const Plan *plan);

static bool
any_is_nearly_sorted(const PlannedStmt *statement, List *plans)
{
    ListCell *cell;

    foreach (cell, plans)
        if (is_nearly_sorted(statement, lfirst(cell)))
            return true;
    return false;
}

/* Whether rows come in the order of one of our scans, with no sort on their way. */
static bool
is_nearly_sorted(const PlannedStmt *statement, const Plan *plan)
{
    check_stack_depth();
    switch (nodeTag(plan)) {
        case T_IndexScan:
            return vecpg_planner_is_our_scan(plan);
        case T_SubqueryScan:
            return is_nearly_sorted(statement, ((const SubqueryScan *)plan)->subplan);
        case T_CteScan:
            return is_nearly_sorted(statement, plan_of_cte(statement, plan));
        case T_Append:
            return any_is_nearly_sorted(statement, ((const Append *)plan)->appendplans);
        case T_MergeAppend:
            return any_is_nearly_sorted(statement, ((const MergeAppend *)plan)->mergeplans);
        case T_Agg:
        case T_GatherMerge:
        case T_Group:
        case T_IncrementalSort:
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
            return outerPlan(plan) != NULL && is_nearly_sorted(statement, outerPlan(plan));
        default:
            return false;
    }
}

/* The plan, and its column, from which a column comes; NULL: it is computed here, or read. */
static const Plan *
source_of(const PlannedStmt *statement, const Plan *plan, AttrNumber *column)
{
    const TargetEntry *entry = list_nth_node(TargetEntry, plan->targetlist, *column - 1);
    const Var *var = (const Var *)entry->expr;

    if (!IsA(var, Var))
        return NULL;
    *column = var->varattno;
    switch (nodeTag(plan)) {
        case T_SubqueryScan:
            return ((const SubqueryScan *)plan)->subplan;
        case T_CteScan:
            return plan_of_cte(statement, plan);
        case T_Append:
            return linitial(((const Append *)plan)->appendplans);
        case T_MergeAppend:
            return linitial(((const MergeAppend *)plan)->mergeplans);
        default:
            return var->varno == OUTER_VAR ? outerPlan(plan) : NULL;
    }
}

/* In what direction a column is sorted: as the incremental sort below says, if there is one; else as our scans sort. */
static void
set_direction(const PlannedStmt *statement, const Plan *plan, AttrNumber column, Oid *operator,
              bool * nulls_first)
{
    while (plan != NULL) {
        if (IsA(plan, IncrementalSort)) {
            const Sort *sort = &((const IncrementalSort *)plan)->sort;

            for (int i = 0; i < sort->numCols; i++)
                if (sort->sortColIdx[i] == column) {
                    *operator= sort->sortOperators[i];
                    *nulls_first = sort->nullsFirst[i];
                    return;
                }
        }
        plan = source_of(statement, plan, &column);
    }
}

static Sort *
make_sort(VecpgPlanOrder *order, Plan *below, int key_count)
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
    order->sorts = lappend(order->sorts, sort);
    return sort;
}

static void
add_key(Sort *sort, AttrNumber column, Oid operator, Oid collation, bool nulls_first)
{
    int i = sort->numCols++;

    sort->sortColIdx[i] = column;
    sort->sortOperators[i] = operator;
    sort->collations[i] = collation;
    sort->nullsFirst[i] = nulls_first;
}

/* Keys of which the plan says by what operator they are equal. */
static void
add_equal_keys(VecpgPlanOrder *order, Sort *sort, int count, const AttrNumber *columns, const Oid *operators,
               const Oid *collations)
{
    for (int i = 0; i < count; i++) {
        Oid operator= get_ordering_op_for_equality_op(operators[i], false);
        bool nulls_first = false;

        set_direction(order->statement, outerPlan(&sort->plan), columns[i], &operator, & nulls_first);
        if (OidIsValid(operator))
            add_key(sort, columns[i], operator, collations[i], nulls_first);
    }
}

static void
sort_groups(VecpgPlanOrder *order, Plan *plan, int count, const AttrNumber *columns, const Oid *operators,
            const Oid *collations)
{
    Sort *sort;

    if (count == 0 || !is_nearly_sorted(order->statement, outerPlan(plan)))
        return;
    sort = make_sort(order, outerPlan(plan), count);
    add_equal_keys(order, sort, count, columns, operators, collations);
    outerPlan(plan) = &sort->plan;
}

/* What is not partitioned needs no neighbours: rows are numbered in the order in which they would be given. */
static void
sort_window(VecpgPlanOrder *order, WindowAgg *window)
{
    Plan *plan = &window->plan;
    Sort *sort;

    if (window->partNumCols == 0 || !is_nearly_sorted(order->statement, outerPlan(plan)))
        return;
    sort = make_sort(order, outerPlan(plan), window->partNumCols + window->ordNumCols);
    add_equal_keys(order, sort, window->partNumCols, window->partColIdx, window->partOperators,
                   window->partCollations);
    add_equal_keys(order, sort, window->ordNumCols, window->ordColIdx, window->ordOperators,
                   window->ordCollations);
    outerPlan(plan) = &sort->plan;
}

/* One side of a merge join, if it is a column by which that is merged, as a distance out of a subquery is. */
static Plan *
sort_merged(VecpgPlanOrder *order, const MergeJoin *join, Plan *below, bool is_outer)
{
    int count = list_length(join->mergeclauses);
    Sort *sort;

    if (!is_nearly_sorted(order->statement, below))
        return below;
    sort = make_sort(order, below, count);
    for (int i = 0; i < count; i++) {
        const OpExpr *clause = list_nth_node(OpExpr, join->mergeclauses, i);
        const Var *var = (const Var *)(is_outer ? linitial(clause->args) : lsecond(clause->args));
        StrategyNumber strategy =
            vecpg_merge_is_descending(join, i) ? BTGreaterStrategyNumber : BTLessStrategyNumber;
        Oid operator;

        if (!IsA(var, Var))
            break;
        operator= get_opfamily_member(join->mergeFamilies[i], var->vartype, var->vartype, strategy);
        if (!OidIsValid(operator))
            break;
        add_key(sort, var->varattno, operator, join->mergeCollations[i], join->mergeNullsFirst[i]);
    }
    return &sort->plan;
}

static Plan *
sort_set(VecpgPlanOrder *order, const SetOp *set, Plan *below)
{
    Sort *sort;

    if (!vecpg_setop_takes_order(set) || below == NULL || !is_nearly_sorted(order->statement, below))
        return below;
    sort = make_sort(order, below, set->numCols);
    for (int i = 0; i < set->numCols; i++)
        add_key(sort, vecpg_setop_columns(set)[i], vecpg_setop_operators(set)[i],
                vecpg_setop_collations(set)[i], vecpg_setop_nulls_first(set, i));
    return &sort->plan;
}

static void
sort_below(VecpgPlanOrder *order, Plan *plan)
{
    switch (nodeTag(plan)) {
        case T_Unique: {
            const Unique *unique = (const Unique *)plan;

            sort_groups(order, plan, unique->numCols, unique->uniqColIdx, unique->uniqOperators,
                        unique->uniqCollations);
            break;
        }
        case T_Group: {
            const Group *group = (const Group *)plan;

            sort_groups(order, plan, group->numCols, group->grpColIdx, group->grpOperators,
                        group->grpCollations);
            break;
        }
        case T_Agg: {
            const Agg *agg = (const Agg *)plan;

            if (agg->aggstrategy == AGG_SORTED || agg->aggstrategy == AGG_MIXED)
                sort_groups(order, plan, agg->numCols, agg->grpColIdx, agg->grpOperators, agg->grpCollations);
            break;
        }
        case T_WindowAgg:
            sort_window(order, (WindowAgg *)plan);
            break;
        case T_MergeJoin:
            outerPlan(plan) = sort_merged(order, (const MergeJoin *)plan, outerPlan(plan), true);
            innerPlan(plan) = sort_merged(order, (const MergeJoin *)plan, innerPlan(plan), false);
            break;
        case T_SetOp:
            outerPlan(plan) = sort_set(order, (const SetOp *)plan, outerPlan(plan));
            innerPlan(plan) = sort_set(order, (const SetOp *)plan, innerPlan(plan));
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

    foreach (cell, plans)
        walk(order, lfirst(cell));
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
    foreach (cell, order.sorts)
        lfirst_node(Sort, cell)->plan.plan_node_id = ++order.last_node_id;
}
