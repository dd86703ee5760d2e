/*
 * expectation.c: tells scans how many rows a LIMIT above them wants.
 *
 * PostgreSQL tells an access method nothing of a LIMIT: a scan is asked for one row after the other. Which way to the rows is the fastest
 * depends on how many will be asked for. When a plan is ready to run, each Limit whose rows come from one of our scans, with nothing
 * between them that drops many, leaves a note here, which the scan takes when it begins. Several scans of one index in one statement
 * may take each other's: it is a hint, and a scan goes on for as long as it is asked. Scans below an Append get none: of many partitions each gives
 * a few rows.
 */
#include "expectation.h"

#include "access/amapi.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "nodes/nodeFuncs.h"
#include "options.h"
#include "utils/fmgroids.h"

/* Lives as long as the execution of its statement. */
typedef struct VecpgExpectation {
    dlist_node node;
    MemoryContextCallback callback;
    MemoryContext context; /* of the statement */
    Oid index;
    uint32 wanted;
    bool is_taken;
} VecpgExpectation;

/* A statement whose plan is looked at. */
typedef struct VecpgExpectationStart {
    const QueryDesc *query;
    dlist_node *last; /* of its notes */
    List *noted;      /* scans that have one */
} VecpgExpectationStart;

static ExecutorStart_hook_type previous_hook;

/* Of the statements under way; of each in the order in which plans are mostly begun. */
static dlist_head expectations = DLIST_STATIC_INIT(expectations);

static void
forget(void *argument)
{
    dlist_delete(&((VecpgExpectation *)argument)->node);
}

static void
expect(VecpgExpectationStart *start, Relation index, uint32 wanted)
{
    MemoryContext context = start->query->estate->es_query_cxt;
    VecpgExpectation *expectation = MemoryContextAlloc(context, sizeof(VecpgExpectation));

    expectation->context = context;
    expectation->index = RelationGetRelid(index);
    expectation->wanted = wanted;
    expectation->is_taken = false;
    expectation->callback.func = forget;
    expectation->callback.arg = expectation;
    if (start->last == NULL)
        dlist_push_head(&expectations, &expectation->node);
    else
        dlist_insert_after(start->last, &expectation->node);
    start->last = &expectation->node;
    MemoryContextRegisterResetCallback(context, &expectation->callback);
}

uint32
vecpg_expectation_take(Relation index)
{
    dlist_iter iterator;

    dlist_foreach(iterator, &expectations)
    {
        VecpgExpectation *expectation = dlist_container(VecpgExpectation, node, iterator.cur);

        /* what lives as long as its statement, as a scan does, is made in that context */
        if (expectation->is_taken || expectation->context != CurrentMemoryContext ||
            expectation->index != RelationGetRelid(index))
            continue;
        expectation->is_taken = true;
        return expectation->wanted;
    }
    return 0;
}

/* What a LIMIT or OFFSET says that is a constant or a parameter of the statement, maybe an integer; -1: anything else. */
static int64
row_count(const Node *expression, ParamListInfo parameters)
{
    bool is_cast = IsA(expression, FuncExpr) && ((const FuncExpr *)expression)->funcid == F_INT8_INT4;
    ParamExternData workspace;
    const ParamExternData *parameter;
    int number;

    if (is_cast)
        expression = linitial(((const FuncExpr *)expression)->args);
    if (IsA(expression, Const) && !is_cast)
        return ((const Const *)expression)->constisnull
                   ? -1
                   : DatumGetInt64(((const Const *)expression)->constvalue);
    if (!IsA(expression, Param) || ((const Param *)expression)->paramkind != PARAM_EXTERN ||
        parameters == NULL)
        return -1;
    number = ((const Param *)expression)->paramid;
    if (number < 1 || number > parameters->numParams)
        return -1;
    parameter = parameters->paramFetch != NULL ? parameters->paramFetch(parameters, number, true, &workspace)
                                               : &parameters->params[number - 1];
    if (parameter->isnull || parameter->ptype != (is_cast ? INT4OID : INT8OID))
        return -1;
    return is_cast ? DatumGetInt32(parameter->value) : DatumGetInt64(parameter->value);
}

/* The rows that a Limit takes of what is below, if so many are taken of it; 0: that is not known, or very many. */
static uint32
rows_wanted(const Limit *limit, ParamListInfo parameters, uint32 of_limit)
{
    int64 count = limit->limitCount != NULL ? row_count(limit->limitCount, parameters) : -1;
    int64 offset = limit->limitOffset != NULL ? row_count(limit->limitOffset, parameters) : 0;

    if (of_limit > 0 && (count < 0 || count > of_limit))
        count = of_limit;
    if (count < 0 || offset < 0 || count > PG_INT32_MAX || offset > PG_INT32_MAX - count)
        return 0;
    return (uint32)(count + offset);
}

/* Leaves a note for the scan below nodes that give each row that they get, or mostly do. */
static void
note_scan(VecpgExpectationStart *start, PlanState *state, uint32 wanted)
{
    Relation index;

    while (state->qual == NULL && !IsA(state, IndexScanState)) {
        if (IsA(state, LimitState))
            wanted = rows_wanted((const Limit *)state->plan, start->query->params, wanted);
        else if (!IsA(state, LockRowsState) && !IsA(state, ResultState) && !IsA(state, SubqueryScanState))
            return;
        state = IsA(state, SubqueryScanState) ? ((SubqueryScanState *)state)->subplan : outerPlanState(state);
        if (state == NULL)
            return;
    }
    if (state->qual != NULL || wanted == 0 || list_member_ptr(start->noted, state))
        return;
    index = ((IndexScanState *)state)->iss_RelationDesc;
    if (index == NULL || index->rd_indam->amoptions != vecpg_options_parse)
        return;
    start->noted = lappend(start->noted, state);
    expect(start, index, wanted);
}

/* Of a LIMIT above another the outer one, which knows both, comes first. */
static bool
look_for_limits(PlanState *state, void *context)
{
    if (IsA(state, LimitState))
        note_scan(context, state, 0);
    return planstate_tree_walker(state, look_for_limits, context);
}

static void
start(QueryDesc *query, int flags)
{
    VecpgExpectationStart start = {.query = query};

    if (previous_hook != NULL)
        previous_hook(query, flags);
    else
        standard_ExecutorStart(query, flags);
    if (query->planstate != NULL && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
        (void)look_for_limits(query->planstate, &start);
    list_free(start.noted);
}

void
vecpg_expectation_init(void)
{
    previous_hook = ExecutorStart_hook;
    ExecutorStart_hook = start;
}
