/*
 * operators_array.c: <-> <#> <=> on arrays of numbers, as if they were vectors.
 */
#include "postgres.h"

#include "casts.h"
#include "types_vector.h"
#include "vectors/distance.h"

static Datum
array_distance(FunctionCallInfo fcinfo, VecMetric metric)
{
    Vector *a = vecpg_casts_array_vector(PG_GETARG_ARRAYTYPE_P(0));
    Vector *b = vecpg_casts_array_vector(PG_GETARG_ARRAYTYPE_P(1));
    float result;

    vecpg_types_check_same_dimensions(a->dimensions, b->dimensions);
    result = vec_distance_f32(metric, a->x, b->x, a->dimensions);
    pfree(a);
    pfree(b);
    PG_RETURN_FLOAT4(result);
}

PG_FUNCTION_INFO_V1(vectors_array_l2);
PG_FUNCTION_INFO_V1(vectors_array_dot);
PG_FUNCTION_INFO_V1(vectors_array_cos);

Datum
vectors_array_l2(PG_FUNCTION_ARGS)
{
    return array_distance(fcinfo, VEC_METRIC_L2);
}

Datum
vectors_array_dot(PG_FUNCTION_ARGS)
{
    return array_distance(fcinfo, VEC_METRIC_DOT);
}

Datum
vectors_array_cos(PG_FUNCTION_ARGS)
{
    return array_distance(fcinfo, VEC_METRIC_COS);
}
