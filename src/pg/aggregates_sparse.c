/*
 * aggregates_sparse.c: avg and sum of svector.
 *
 * A dense array would take 8 MB a group at a million dimensions, and adding every row to a sorted list would read the list anew
 * for every row. So rows are appended to a list of pending elements, and when that is as long as the sums themselves it is sorted
 * and merged into them: memory follows what is not zero, and an element is moved O(log) times on average. Elements of one
 * dimension are added in the order of their rows, which is what summing float8 values in that order gives.
 *
 * The state of no row is NULL. Its serial form is in the machine's own byte order: int64 rows, int32 dimensions, int32 count, then
 * count indexes and count doubles.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "types_common.h"
#include "types_svector.h"
#include "utils/float.h"

#include <math.h>

/* The shortest list that is worth merging. */
#define PENDING_MIN 1024

typedef struct Pending {
    uint32 index;
    uint32 order; /* of arrival */
    double x;
} Pending;

typedef struct SparseState {
    MemoryContext context;
    int64 rows;
    uint32 dimensions;
    uint32 count; /* sums: ascending indexes, zeros included */
    uint32 *index;
    double *sum;
    uint32 pending_count;
    uint32 pending_capacity;
    Pending *pending;
} SparseState;

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
    MemoryContext context;

    if (!AggCheckCallContext(fcinfo, &context))
        elog(ERROR, "called in non-aggregate context");
    return context;
}

static SparseState *
new_state(MemoryContext context, uint32 dimensions)
{
    SparseState *state = MemoryContextAllocZero(context, sizeof(SparseState));

    state->context = context;
    state->dimensions = dimensions;
    state->pending_capacity = PENDING_MIN;
    state->pending = MemoryContextAlloc(context, sizeof(Pending) * state->pending_capacity);
    return state;
}

static int
compare_pending(const void *a, const void *b)
{
    const Pending *x = a, *y = b;

    if (x->index != y->index)
        return x->index < y->index ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* Sorts what is pending and merges it into the sums. */
static void
settle(SparseState *state)
{
    uint32 distinct = 0, i = 0, j = 0, count = 0, *index;
    double *sum;

    if (state->pending_count == 0)
        return;
    qsort(state->pending, state->pending_count, sizeof(Pending), compare_pending);
    for (uint32 k = 0; k < state->pending_count; k++)
        distinct += k == 0 || state->pending[k].index != state->pending[k - 1].index;
    index = MemoryContextAlloc(state->context, sizeof(uint32) * (state->count + distinct));
    sum = MemoryContextAlloc(state->context, sizeof(double) * (state->count + distinct));
    while (i < state->count || j < state->pending_count) {
        uint32 next = Min(i < state->count ? state->index[i] : UINT32_MAX,
                          j < state->pending_count ? state->pending[j].index : UINT32_MAX);
        double total = 0;

        if (i < state->count && state->index[i] == next)
            total = state->sum[i++];
        while (j < state->pending_count && state->pending[j].index == next)
            total += state->pending[j++].x;
        index[count] = next;
        sum[count++] = total;
    }
    if (state->index != NULL) {
        pfree(state->index);
        pfree(state->sum);
    }
    state->index = index;
    state->sum = sum;
    state->count = count;
    state->pending_count = 0;
}

/* Makes room for count more pending elements. count is at most the dimensions. */
static void
reserve(SparseState *state, uint32 count)
{
    uint32 worth = Max(state->count, PENDING_MIN);

    if (state->pending_count + count > worth)
        settle(state);
    if (state->pending_count + count > state->pending_capacity) {
        state->pending_capacity = Max(state->pending_count + count, Min(worth, state->pending_capacity * 2));
        state->pending = repalloc(state->pending, sizeof(Pending) * state->pending_capacity);
    }
}

static Datum
return_state(FunctionCallInfo fcinfo)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

PG_FUNCTION_INFO_V1(vectors_svector_aggregate_accumulate);
PG_FUNCTION_INFO_V1(vectors_svector_aggregate_combine);
PG_FUNCTION_INFO_V1(vectors_svector_aggregate_serialize);
PG_FUNCTION_INFO_V1(vectors_svector_aggregate_deserialize);
PG_FUNCTION_INFO_V1(vectors_svector_aggregate_sum);
PG_FUNCTION_INFO_V1(vectors_svector_aggregate_avg);

Datum
vectors_svector_aggregate_accumulate(PG_FUNCTION_ARGS)
{
    MemoryContext context = aggregate_context(fcinfo);
    SVector *vector;
    SparseState *state;
    const float *values;

    if (PG_ARGISNULL(1))
        return return_state(fcinfo);
    vector = PG_GETARG_SVECTOR_P(1);
    values = vecpg_svector_values(vector);
    state = PG_ARGISNULL(0) ? new_state(context, vector->dimensions) : (SparseState *)PG_GETARG_POINTER(0);
    vecpg_types_check_same_dimensions((int)state->dimensions, (int)vector->dimensions);
    reserve(state, vector->count);
    for (uint32 i = 0; i < vector->count; i++) {
        state->pending[state->pending_count] = (Pending){vector->index[i], state->pending_count, values[i]};
        state->pending_count++;
    }
    state->rows++;
    PG_RETURN_POINTER(state);
}

Datum
vectors_svector_aggregate_combine(PG_FUNCTION_ARGS)
{
    MemoryContext context = aggregate_context(fcinfo);
    SparseState *state, *other;

    if (PG_ARGISNULL(1))
        return return_state(fcinfo);
    other = (SparseState *)PG_GETARG_POINTER(1);
    state = PG_ARGISNULL(0) ? new_state(context, other->dimensions) : (SparseState *)PG_GETARG_POINTER(0);
    vecpg_types_check_same_dimensions((int)state->dimensions, (int)other->dimensions);
    settle(other);
    reserve(state, other->count);
    for (uint32 i = 0; i < other->count; i++) {
        state->pending[state->pending_count] =
            (Pending){other->index[i], state->pending_count, other->sum[i]};
        state->pending_count++;
    }
    state->rows += other->rows;
    PG_RETURN_POINTER(state);
}

#define SERIAL_HEAD_BYTES 16

Datum
vectors_svector_aggregate_serialize(PG_FUNCTION_ARGS)
{
    SparseState *state;
    StringInfoData message;

    (void)aggregate_context(fcinfo);
    state = (SparseState *)PG_GETARG_POINTER(0);
    settle(state);
    pq_begintypsend(&message);
    appendBinaryStringInfo(&message, (char *)&state->rows, sizeof(state->rows));
    appendBinaryStringInfo(&message, (char *)&state->dimensions, sizeof(state->dimensions));
    appendBinaryStringInfo(&message, (char *)&state->count, sizeof(state->count));
    if (state->count > 0) {
        appendBinaryStringInfo(&message, (char *)state->index, (int)(sizeof(uint32) * state->count));
        appendBinaryStringInfo(&message, (char *)state->sum, (int)(sizeof(double) * state->count));
    }
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
vectors_svector_aggregate_deserialize(PG_FUNCTION_ARGS)
{
    bytea *bytes;
    const char *p;
    Size length;
    int64 rows;
    uint32 dimensions, count;
    SparseState *state;

    (void)aggregate_context(fcinfo);
    bytes = PG_GETARG_BYTEA_PP(0);
    p = VARDATA_ANY(bytes);
    length = VARSIZE_ANY_EXHDR(bytes);
    if (length < SERIAL_HEAD_BYTES)
        vecpg_types_report_binary(&vecpg_type_svector, "The state of an aggregate is incomplete.");
    memcpy(&rows, p, sizeof(rows));
    memcpy(&dimensions, p + 8, sizeof(dimensions));
    memcpy(&count, p + 12, sizeof(count));
    if (rows < 1 || dimensions < 1 || dimensions > SVECTOR_DIMENSIONS_MAX || count > dimensions ||
        length != SERIAL_HEAD_BYTES + (sizeof(uint32) + sizeof(double)) * count)
        vecpg_types_report_binary(&vecpg_type_svector,
                                  "The state of an aggregate is not of its stated length.");
    state = new_state(CurrentMemoryContext, dimensions);
    state->rows = rows;
    state->count = count;
    state->index = palloc(sizeof(uint32) * count);
    state->sum = palloc(sizeof(double) * count);
    memcpy(state->index, p + SERIAL_HEAD_BYTES, sizeof(uint32) * count);
    memcpy(state->sum, p + SERIAL_HEAD_BYTES + sizeof(uint32) * count, sizeof(double) * count);
    for (uint32 i = 0; i < count; i++)
        if (state->index[i] >= dimensions || (i > 0 && state->index[i] <= state->index[i - 1]))
            vecpg_types_report_binary(&vecpg_type_svector,
                                      "The indexes of an aggregate's state do not ascend.");
    PG_RETURN_POINTER(state);
}

/* A final function may run more than once on a state (window functions): settling changes its form, not its value. */
static Datum
finish(FunctionCallInfo fcinfo, bool average)
{
    SparseState *state;
    SVector *result;
    float *x;
    uint32 kept = 0;

    (void)aggregate_context(fcinfo);
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    state = (SparseState *)PG_GETARG_POINTER(0);
    settle(state);
    x = palloc(sizeof(float) * state->count);
    for (uint32 i = 0; i < state->count; i++) {
        double quotient = average ? state->sum[i] / (double)state->rows : state->sum[i];

        x[i] = (float)quotient;
        if (unlikely(isinf(x[i])) && !isinf(quotient))
            float_overflow_error();
        kept += x[i] != 0.0f;
    }
    result = vecpg_svector_new((int)state->dimensions, (int)kept);
    kept = 0;
    for (uint32 i = 0; i < state->count; i++) {
        if (x[i] != 0.0f) {
            result->index[kept] = state->index[i];
            vecpg_svector_values(result)[kept++] = x[i];
        }
    }
    PG_RETURN_SVECTOR_P(result);
}

Datum
vectors_svector_aggregate_sum(PG_FUNCTION_ARGS)
{
    return finish(fcinfo, false);
}

Datum
vectors_svector_aggregate_avg(PG_FUNCTION_ARGS)
{
    return finish(fcinfo, true);
}
