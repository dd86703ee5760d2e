/*
 * filter_plan.c: which conditions of a query the filter columns of an index answer, for the planner.
 *
 * PostgreSQL matches `column operator value` to index columns by itself. Two kinds of condition it leaves out, depending on its
 * version, where the index is to give an order: IN on any column but the first (before 17), because a btree would lose its order
 * then, and boolean columns of operator families that are not its own (before 16). Ours keep the order, so they are
 * added to the path here, while its cost is asked for: the only moment at which an access method sees it.
 */
#include "filter_plan.h"

#include "am.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "filter.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

static bool
is_answered(const IndexPath *path, const RestrictInfo *condition)
{
    ListCell *cell;

    foreach (cell, path->indexclauses)
        if (lfirst_node(IndexClause, cell)->rinfo == condition)
            return true;
    return false;
}

/* column = ANY (values), values that are known before the table is read. */
static bool
is_any_of(PlannerInfo *root, IndexOptInfo *index, Node *clause, int column)
{
    ScalarArrayOpExpr *any = (ScalarArrayOpExpr *)clause;
    Node *values;

    if (!IsA(clause, ScalarArrayOpExpr) || !any->useOr ||
        !match_index_to_operand(linitial(any->args), column, index))
        return false;
    values = lsecond(any->args);
    return !bms_is_member(index->rel->relid, pull_varnos(root, values)) &&
           !contain_volatile_functions(values) &&
           (!OidIsValid(index->indexcollations[column]) ||
            index->indexcollations[column] == any->inputcollid) &&
           op_in_opfamily(any->opno, index->opfamily[column]);
}

/* A boolean column on its own, negated, IS TRUE or IS FALSE. */
static bool
is_boolean(IndexOptInfo *index, Node *clause, int column, Node **operand, bool *value)
{
    *operand = clause;
    *value = true;
    if (index->opcintype[column] != BOOLOID)
        return false;
    if (is_notclause(clause)) {
        *operand = (Node *)get_notclausearg(clause);
        *value = false;
    } else if (IsA(clause, BooleanTest)) {
        BooleanTest *test = (BooleanTest *)clause;

        if (test->booltesttype != IS_TRUE && test->booltesttype != IS_FALSE)
            return false;
        *operand = (Node *)test->arg;
        *value = test->booltesttype == IS_TRUE;
    }
    return match_index_to_operand(*operand, column, index);
}

/* What the index is to be asked for a condition on this column; NULL: it cannot answer it. */
static List *
index_conditions(PlannerInfo *root, IndexOptInfo *index, RestrictInfo *condition, int column)
{
    Node *clause = (Node *)condition->clause;
    Node *operand;
    bool value;

    if (is_any_of(root, index, clause, column))
        return list_make1(condition);
    if (is_boolean(index, clause, column, &operand, &value))
        return list_make1(make_simple_restrictinfo(
            root, make_opclause(BooleanEqualOperator, BOOLOID, false, (Expr *)operand,
                                (Expr *)makeBoolConst(value, false), InvalidOid, InvalidOid)));
    return NIL;
}

static void
add_conditions(PlannerInfo *root, IndexPath *path, List *conditions)
{
    IndexOptInfo *index = path->indexinfo;
    ListCell *cell;

    foreach (cell, conditions) {
        RestrictInfo *condition = lfirst_node(RestrictInfo, cell);
        List *asked = NIL;
        int column;

        if (condition->pseudoconstant || is_answered(path, condition) ||
            !restriction_is_securely_promotable(condition, index->rel))
            continue;
        for (column = 1; column < index->nkeycolumns; column++)
            if ((asked = index_conditions(root, index, condition, column)) != NIL)
                break;
        if (asked != NIL) {
            IndexClause *added = makeNode(IndexClause);

            added->rinfo = condition;
            added->indexquals = asked;
            added->lossy = false;
            added->indexcol = (AttrNumber)column;
            /* A new list: the planner shares the old one between paths. */
            path->indexclauses = lappend(list_copy(path->indexclauses), added);
        }
    }
}

/*
 * vector <<->> ANY (spheres) is matched to the first column because = ANY is welcome on the others; the executor tests it. From 18
 * PostgreSQL makes one of several spheres with OR between them, too, so it is what the index would be asked that tells.
 */
static void
remove_any_sphere(IndexPath *path)
{
    List *kept = NIL;
    ListCell *cell;

    foreach (cell, path->indexclauses) {
        IndexClause *clause = lfirst_node(IndexClause, cell);

        if (clause->indexcol > 0 ||
            !IsA(linitial_node(RestrictInfo, clause->indexquals)->clause, ScalarArrayOpExpr))
            kept = lappend(kept, clause);
    }
    path->indexclauses = kept;
}

void
vecpg_filter_plan_complete(PlannerInfo *root, IndexPath *path)
{
    remove_any_sphere(path);
    if (path->indexinfo->nkeycolumns == 1)
        return;
    add_conditions(root, path, path->indexinfo->indrestrictinfo);
    if (path->path.param_info != NULL)
        add_conditions(root, path, path->path.param_info->ppi_clauses);
}

/* Does the index do something about the condition, or would it leave all to the executor? */
static bool
is_useful(const IndexOptInfo *index, const IndexClause *clause)
{
    Node *condition = (Node *)linitial_node(RestrictInfo, clause->indexquals)->clause;
    VecpgKeyKind kind = vecpg_keys_kind(index->opcintype[clause->indexcol]);
    Oid operator_oid;
    Oid collation;

    if (clause->indexcol == 0)
        return true;
    if (IsA(condition, OpExpr)) {
        operator_oid = ((OpExpr *)condition)->opno;
        collation = ((OpExpr *)condition)->inputcollid;
    } else if (IsA(condition, ScalarArrayOpExpr)) {
        operator_oid = ((ScalarArrayOpExpr *)condition)->opno;
        collation = ((ScalarArrayOpExpr *)condition)->inputcollid;
    } else
        return true;
    return vecpg_filter_is_useful(
        kind, get_op_opfamily_strategy(operator_oid, index->opfamily[clause->indexcol]), collation);
}

/* The conditions by which the index leaves rows out, from this column on. */
static List *
useful_conditions(const IndexPath *path, int first_column)
{
    List *conditions = NIL;
    ListCell *cell;

    foreach (cell, path->indexclauses) {
        IndexClause *clause = lfirst_node(IndexClause, cell);

        if (clause->indexcol >= first_column && is_useful(path->indexinfo, clause))
            conditions = list_concat(conditions, clause->indexquals);
    }
    return conditions;
}

static Selectivity
selectivity_of(PlannerInfo *root, const IndexPath *path, List *conditions)
{
    return clauselist_selectivity(root, conditions, (int)path->indexinfo->rel->relid, JOIN_INNER, NULL);
}

bool
vecpg_filter_plan_has_filter(const IndexPath *path)
{
    return useful_conditions(path, 1) != NIL;
}

Selectivity
vecpg_filter_plan_filter_selectivity(PlannerInfo *root, const IndexPath *path)
{
    return selectivity_of(root, path, useful_conditions(path, 1));
}

Selectivity
vecpg_filter_plan_selectivity(PlannerInfo *root, const IndexPath *path)
{
    return selectivity_of(root, path,
                          add_predicate_to_index_quals(path->indexinfo, useful_conditions(path, 0)));
}
