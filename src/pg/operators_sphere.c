/*
 * operators_sphere.c: <<->> <<#>> <<=>> <<~>>: is a vector nearer to the sphere's center than its radius?
 *
 * Nearer as float4 compares: NaN is farther than infinity. So the answer is that of (v <-> center) < radius.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "operators.h"
#include "types_common.h"

PG_FUNCTION_INFO_V1(vectors_sphere);

bool
vecpg_operators_open_sphere(Datum sphere, Datum *center, float *radius)
{
    HeapTupleHeader fields = DatumGetHeapTupleHeader(sphere);
    bool center_is_null, radius_is_null;
    Datum radius_datum;

    *center = GetAttributeByNum(fields, 1, &center_is_null);
    radius_datum = GetAttributeByNum(fields, 2, &radius_is_null);
    if (center_is_null || radius_is_null)
        return false;
    *radius = DatumGetFloat4(radius_datum);
    return true;
}

static Datum
is_in_sphere(FunctionCallInfo fcinfo, VecElementType element, VecMetric metric)
{
    Datum center;
    float radius;

    if (!vecpg_operators_open_sphere(PG_GETARG_DATUM(1), &center, &radius))
        PG_RETURN_NULL();
    PG_RETURN_BOOL(vecpg_types_compare_float(
                       vecpg_operators_distance(element, metric, PG_GETARG_DATUM(0), center), radius) < 0);
}

#define DEFINE_SPHERE(name, element, metric)                                                                 \
    PG_FUNCTION_INFO_V1(vectors_##name);                                                                     \
    Datum vectors_##name(PG_FUNCTION_ARGS)                                                                   \
    {                                                                                                        \
        return is_in_sphere(fcinfo, element, metric);                                                        \
    }

#define DEFINE_SPHERES(type, element)                                                                        \
    DEFINE_SPHERE(type##_sphere_l2, element, VEC_METRIC_L2)                                                  \
    DEFINE_SPHERE(type##_sphere_dot, element, VEC_METRIC_DOT)                                                \
    DEFINE_SPHERE(type##_sphere_cos, element, VEC_METRIC_COS)

DEFINE_SPHERES(vector, VEC_TYPE_F32)
DEFINE_SPHERES(vecf16, VEC_TYPE_F16)
DEFINE_SPHERES(svector, VEC_TYPE_SPARSE)
DEFINE_SPHERES(bvector, VEC_TYPE_BIT)
DEFINE_SPHERES(veci8, VEC_TYPE_I8)
DEFINE_SPHERE(bvector_sphere_jaccard, VEC_TYPE_BIT, VEC_METRIC_JACCARD)

/* sphere(center, radius): a C function, unlike ROW($1, $2), is folded to a constant when its arguments are constants. */
Datum
vectors_sphere(PG_FUNCTION_ARGS)
{
    TupleDesc description;
    Datum values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
    bool nulls[2] = {false, false};

    if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
