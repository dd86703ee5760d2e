/*
 * expectation.c: tells scans how many rows a LIMIT above them wants.
 *
 * PostgreSQL tells an access method nothing of a LIMIT: a scan is asked for one row after the other. Which way to the rows is the fastest
 * depends on how many will be asked for. When a plan is ready to run, each Limit whose rows come from one of our scans, with nothing
 * between them that could drop one, leaves a note here, which the scan takes when it begins. Several scans of one index in one statement
 * may take each other's: it is a hint, and a scan goes on for as long as it is asked.
 */
#include "expectation.h"

#include "access/amapi.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "nodes/nodeFuncs.h"
#include "options.h"

/* Lives as long as the execution of its statement. */
typedef struct VecpgExpectation {
    dlist_node node;
    MemoryContextCallback callback;
    Oid index;
    uint32 wanted;
    bool is_taken;
} VecpgExpectation;

static ExecutorStart_hook_type previous_hook;
static dlist_head expectations =
    DLIST_STATIC_INIT(expectations); /* of the statements under way, the innermost first */

static void
forget(void *argument)
{
    dlist_delete(&((VecpgExpectation *)argument)->node);
}

static void
expect(Relation index, uint32 wanted, MemoryContext context)
{
    VecpgExpectation *expectation = MemoryContextAlloc(context, sizeof(VecpgExpectation));

    expectation->index = RelationGetRelid(index);
    expectation->wanted = wanted;
    expectation->is_taken = false;
    expectation->callback.func = forget;
    expectation->callback.arg = expectation;
    dlist_push_head(&expectations, &expectation->node);
    MemoryContextRegisterResetCallback(context, &expectation->callback);
}

uint32
vecpg_expectation_take(Relation index)
{
    dlist_iter iterator;

    dlist_foreach(iterator, &expectations)
    {
        VecpgExpectation *expectation = dlist_container(VecpgExpectation, node, iterator.cur);

        if (expectation->is_taken || expectation->index != RelationGetRelid(index))
            continue;
        expectation->is_taken = true;
        return expectation->wanted;
    }
    return 0;
}

/* What a LIMIT or OFFSET says that is a constant or a parameter of the statement; -1: anything else. */
static int64
row_count(const Node *expression, ParamListInfo parameters)
{
    ParamExternData workspace;
    const ParamExternData *parameter;
    int number;

    if (IsA(expression, Const))
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
    return parameter->ptype != INT8OID || parameter->isnull ? -1 : DatumGetInt64(parameter->value);
}

/* The rows that are taken of what is below; 0: that is not known, or all. */
static uint32
rows_wanted(const Limit *limit, ParamListInfo parameters)
{
    int64 count = limit->limitCount != NULL ? row_count(limit->limitCount, parameters) : -1;
    int64 offset = limit->limitOffset != NULL ? row_count(limit->limitOffset, parameters) : 0;

    if (count < 0 || offset < 0 || count > PG_INT32_MAX || offset > PG_INT32_MAX - count)
        return 0;
    return (uint32)(count + offset);
}

/* Nodes that give every row that they get. */
static PlanState *
source_of(PlanState *state)
{
    while (state != NULL && state->qual == NULL) {
        if (IsA(state, LockRowsState) || IsA(state, LimitState) || IsA(state, ResultState))
            state = outerPlanState(state);
        else if (IsA(state, SubqueryScanState))
            state = ((SubqueryScanState *)state)->subplan;
        else
            return state;
    }
    return NULL;
}

static bool
look_for_limits(PlanState *state, void *context)
{
    QueryDesc *query = context;

    if (IsA(state, LimitState)) {
        PlanState *source = source_of(outerPlanState(state));
        Relation index = source != NULL && IsA(source, IndexScanState)
                             ? ((IndexScanState *)source)->iss_RelationDesc
                             : NULL;

        if (index != NULL && index->rd_indam->amoptions == vecpg_options_parse)
            expect(index, rows_wanted((const Limit *)state->plan, query->params),
                   query->estate->es_query_cxt);
    }
    return planstate_tree_walker(state, look_for_limits, context);
}

static void
start(QueryDesc *query, int flags)
{
    if (previous_hook != NULL)
        previous_hook(query, flags);
    else
        standard_ExecutorStart(query, flags);
    if (query->planstate != NULL && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
        (void)look_for_limits(query->planstate, query);
}

void
vecpg_expectation_init(void)
{
    previous_hook = ExecutorStart_hook;
    ExecutorStart_hook = start;
}
