/*
 * operators_vector.c: distances and comparisons of the type vector.
 */
#include "postgres.h"

#include "types_common.h"
#include "types_vector.h"
#include "vectors/distance.h"

PG_FUNCTION_INFO_V1(vectors_vector_l2);
PG_FUNCTION_INFO_V1(vectors_vector_dot);
PG_FUNCTION_INFO_V1(vectors_vector_cos);
PG_FUNCTION_INFO_V1(vectors_vector_norm);
PG_FUNCTION_INFO_V1(vectors_vector_eq);
PG_FUNCTION_INFO_V1(vectors_vector_ne);
PG_FUNCTION_INFO_V1(vectors_vector_lt);
PG_FUNCTION_INFO_V1(vectors_vector_le);
PG_FUNCTION_INFO_V1(vectors_vector_gt);
PG_FUNCTION_INFO_V1(vectors_vector_ge);
PG_FUNCTION_INFO_V1(vectors_vector_cmp);

static float
distance(FunctionCallInfo fcinfo, VecMetric metric)
{
    Vector *a = PG_GETARG_VECTOR_P(0);
    Vector *b = PG_GETARG_VECTOR_P(1);
    float result;

    vecpg_types_check_same_dimensions(a->dimensions, b->dimensions);
    result = vec_distance_f32(metric, a->x, b->x, a->dimensions);
    PG_FREE_IF_COPY(a, 0);
    PG_FREE_IF_COPY(b, 1);
    return result;
}

Datum
vectors_vector_l2(PG_FUNCTION_ARGS)
{
    PG_RETURN_FLOAT4(distance(fcinfo, VEC_METRIC_L2));
}

Datum
vectors_vector_dot(PG_FUNCTION_ARGS)
{
    PG_RETURN_FLOAT4(distance(fcinfo, VEC_METRIC_DOT));
}

Datum
vectors_vector_cos(PG_FUNCTION_ARGS)
{
    PG_RETURN_FLOAT4(distance(fcinfo, VEC_METRIC_COS));
}

Datum
vectors_vector_norm(PG_FUNCTION_ARGS)
{
    Vector *vector = PG_GETARG_VECTOR_P(0);

    PG_RETURN_FLOAT4((float)vec_distance_norm_f32(vector->x, vector->dimensions));
}

static int
compare(FunctionCallInfo fcinfo)
{
    Vector *a = PG_GETARG_VECTOR_P(0);
    Vector *b = PG_GETARG_VECTOR_P(1);
    int order = vecpg_vector_compare(a, b);

    PG_FREE_IF_COPY(a, 0);
    PG_FREE_IF_COPY(b, 1);
    return order;
}

Datum
vectors_vector_eq(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(compare(fcinfo) == 0);
}

Datum
vectors_vector_ne(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(compare(fcinfo) != 0);
}

Datum
vectors_vector_lt(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(compare(fcinfo) < 0);
}

Datum
vectors_vector_le(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(compare(fcinfo) <= 0);
}

Datum
vectors_vector_gt(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(compare(fcinfo) > 0);
}

Datum
vectors_vector_ge(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(compare(fcinfo) >= 0);
}

Datum
vectors_vector_cmp(PG_FUNCTION_ARGS)
{
    PG_RETURN_INT32(compare(fcinfo));
}
