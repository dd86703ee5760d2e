/*
 * aggregates.c: avg and sum of vector and vecf16: one double a dimension, combinable, so that they run in parallel.
 *
 * The state of no row is NULL. Its serial form, which goes from a parallel worker to the leader, is in the machine's own byte order:
 * int64 rows, int32 dimensions, the doubles.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "types_common.h"
#include "types_vecf16.h"
#include "types_vector.h"
#include "utils/float.h"
#include "vectors/half.h"

#include <math.h>

typedef struct SumState {
    int64 rows;
    int dimensions;
    double sum[FLEXIBLE_ARRAY_MEMBER];
} SumState;

static SumState *
new_state(MemoryContext context, int dimensions)
{
    SumState *state = MemoryContextAllocZero(context, offsetof(SumState, sum) + sizeof(double) * dimensions);

    state->dimensions = dimensions;
    return state;
}

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
    MemoryContext context;

    if (!AggCheckCallContext(fcinfo, &context))
        elog(ERROR, "called in non-aggregate context");
    return context;
}

/* The state so far, made for this row if it is the first. */
static SumState *
state_for(FunctionCallInfo fcinfo, int dimensions)
{
    MemoryContext context = aggregate_context(fcinfo);
    SumState *state = PG_ARGISNULL(0) ? new_state(context, dimensions) : (SumState *)PG_GETARG_POINTER(0);

    vecpg_types_check_same_dimensions(state->dimensions, dimensions);
    state->rows++;
    return state;
}

static Datum
return_state(FunctionCallInfo fcinfo)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

PG_FUNCTION_INFO_V1(vectors_vector_aggregate_accumulate);
PG_FUNCTION_INFO_V1(vectors_vecf16_aggregate_accumulate);
PG_FUNCTION_INFO_V1(vectors_dense_aggregate_combine);
PG_FUNCTION_INFO_V1(vectors_dense_aggregate_serialize);
PG_FUNCTION_INFO_V1(vectors_dense_aggregate_deserialize);
PG_FUNCTION_INFO_V1(vectors_vector_aggregate_sum);
PG_FUNCTION_INFO_V1(vectors_vector_aggregate_avg);
PG_FUNCTION_INFO_V1(vectors_vecf16_aggregate_sum);
PG_FUNCTION_INFO_V1(vectors_vecf16_aggregate_avg);

Datum
vectors_vector_aggregate_accumulate(PG_FUNCTION_ARGS)
{
    Vector *vector;
    SumState *state;

    if (PG_ARGISNULL(1))
        return return_state(fcinfo);
    vector = PG_GETARG_VECTOR_P(1);
    state = state_for(fcinfo, vector->dimensions);
    for (int i = 0; i < state->dimensions; i++)
        state->sum[i] += vector->x[i];
    PG_RETURN_POINTER(state);
}

Datum
vectors_vecf16_aggregate_accumulate(PG_FUNCTION_ARGS)
{
    VecF16 *vector;
    SumState *state;

    if (PG_ARGISNULL(1))
        return return_state(fcinfo);
    vector = PG_GETARG_VECF16_P(1);
    state = state_for(fcinfo, vector->dimensions);
    for (int i = 0; i < state->dimensions; i++)
        state->sum[i] += vec_half_to_f32(vector->x[i]);
    PG_RETURN_POINTER(state);
}

Datum
vectors_dense_aggregate_combine(PG_FUNCTION_ARGS)
{
    MemoryContext context = aggregate_context(fcinfo);
    SumState *state, *other;

    if (PG_ARGISNULL(1))
        return return_state(fcinfo);
    other = (SumState *)PG_GETARG_POINTER(1);
    if (PG_ARGISNULL(0))
        state = new_state(context, other->dimensions); /* the other one may live shorter */
    else
        state = (SumState *)PG_GETARG_POINTER(0);
    vecpg_types_check_same_dimensions(state->dimensions, other->dimensions);
    state->rows += other->rows;
    for (int i = 0; i < state->dimensions; i++)
        state->sum[i] += other->sum[i];
    PG_RETURN_POINTER(state);
}

Datum
vectors_dense_aggregate_serialize(PG_FUNCTION_ARGS)
{
    SumState *state;
    StringInfoData message;

    (void)aggregate_context(fcinfo);
    state = (SumState *)PG_GETARG_POINTER(0);
    pq_begintypsend(&message);
    appendBinaryStringInfo(&message, (char *)&state->rows, sizeof(state->rows));
    appendBinaryStringInfo(&message, (char *)&state->dimensions, sizeof(state->dimensions));
    appendBinaryStringInfo(&message, (char *)state->sum, (int)sizeof(double) * state->dimensions);
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
vectors_dense_aggregate_deserialize(PG_FUNCTION_ARGS)
{
    bytea *bytes;
    const char *p;
    int64 rows;
    int dimensions;
    Size length;
    SumState *state;

    (void)aggregate_context(fcinfo);
    bytes = PG_GETARG_BYTEA_PP(0);
    p = VARDATA_ANY(bytes);
    length = VARSIZE_ANY_EXHDR(bytes);
    if (length < sizeof(rows) + sizeof(dimensions))
        vecpg_types_report_binary(&vecpg_type_vector, "The state of an aggregate is incomplete.");
    memcpy(&rows, p, sizeof(rows));
    memcpy(&dimensions, p + sizeof(rows), sizeof(dimensions));
    if (rows < 1 || dimensions < 1 || dimensions > VECTORS_DIMENSIONS_MAX ||
        length != sizeof(rows) + sizeof(dimensions) + sizeof(double) * dimensions)
        vecpg_types_report_binary(&vecpg_type_vector,
                                  "The state of an aggregate is not of its stated length.");
    state = new_state(CurrentMemoryContext, dimensions);
    state->rows = rows;
    memcpy(state->sum, p + sizeof(rows) + sizeof(dimensions), sizeof(double) * dimensions);
    PG_RETURN_POINTER(state);
}

/* sum / divisor in float4; 22003 if a finite sum is beyond it. */
static float *
finish(const SumState *state, double divisor)
{
    float *x = palloc(sizeof(float) * state->dimensions);

    for (int i = 0; i < state->dimensions; i++) {
        double quotient = state->sum[i] / divisor;

        x[i] = (float)quotient;
        if (unlikely(isinf(x[i])) && !isinf(quotient))
            float_overflow_error();
    }
    return x;
}

static Datum
finish_vector(FunctionCallInfo fcinfo, bool average)
{
    SumState *state;
    Vector *result;

    (void)aggregate_context(fcinfo);
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    state = (SumState *)PG_GETARG_POINTER(0);
    result = vecpg_vector_new(state->dimensions);
    memcpy(result->x, finish(state, average ? (double)state->rows : 1.0), sizeof(float) * state->dimensions);
    PG_RETURN_VECTOR_P(result);
}

static Datum
finish_vecf16(FunctionCallInfo fcinfo, bool average)
{
    SumState *state;
    VecF16 *result;

    (void)aggregate_context(fcinfo);
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    state = (SumState *)PG_GETARG_POINTER(0);
    result = vecpg_vecf16_new(state->dimensions);
    vecpg_vecf16_narrow(result, finish(state, average ? (double)state->rows : 1.0), NULL);
    PG_RETURN_VECF16_P(result);
}

Datum
vectors_vector_aggregate_sum(PG_FUNCTION_ARGS)
{
    return finish_vector(fcinfo, false);
}

Datum
vectors_vector_aggregate_avg(PG_FUNCTION_ARGS)
{
    return finish_vector(fcinfo, true);
}

Datum
vectors_vecf16_aggregate_sum(PG_FUNCTION_ARGS)
{
    return finish_vecf16(fcinfo, false);
}

Datum
vectors_vecf16_aggregate_avg(PG_FUNCTION_ARGS)
{
    return finish_vecf16(fcinfo, true);
}
