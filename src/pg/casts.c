/*
 * casts.c: conversions between arrays and vectors, and between the vector types.
 */
#include "casts.h"

#include "catalog/pg_type.h"
#include "types_bvector.h"
#include "types_svector.h"
#include "types_vecf16.h"
#include "types_veci8.h"
#include "types_vector.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "vectors/distance_types.h"

#include <math.h>

PG_FUNCTION_INFO_V1(vectors_array_to_vector);
PG_FUNCTION_INFO_V1(vectors_array_to_vecf16);
PG_FUNCTION_INFO_V1(vectors_array_to_svector);
PG_FUNCTION_INFO_V1(vectors_vector_to_array);
PG_FUNCTION_INFO_V1(vectors_vecf16_to_array);
PG_FUNCTION_INFO_V1(vectors_svector_to_array);
PG_FUNCTION_INFO_V1(vectors_bvector_to_array);
PG_FUNCTION_INFO_V1(vectors_veci8_to_array);
PG_FUNCTION_INFO_V1(vectors_vector_to_vecf16);
PG_FUNCTION_INFO_V1(vectors_vecf16_to_vector);
PG_FUNCTION_INFO_V1(vectors_vector_to_svector);
PG_FUNCTION_INFO_V1(vectors_svector_to_vector);
PG_FUNCTION_INFO_V1(vectors_vector_to_bvector);
PG_FUNCTION_INFO_V1(vectors_bvector_to_vector);
PG_FUNCTION_INFO_V1(vectors_vector_to_veci8);
PG_FUNCTION_INFO_V1(vectors_veci8_to_vector);

static float
narrow_double(double value)
{
    float result = (float)value;

    if (unlikely(isinf(result)) && !isinf(value))
        float_overflow_error();
    return result;
}

static void
read_numerics(ArrayType *array, float *x)
{
    Datum *elements;
    int count;

    deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
    for (int i = 0; i < count; i++)
        x[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4, elements[i]));
    pfree(elements);
}

float *
vecpg_casts_array_floats(ArrayType *array, int *count)
{
    float *x;

    if (ARR_NDIM(array) > 1)
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("array must have one dimension, not %d", ARR_NDIM(array))));
    if (ARR_HASNULL(array) && array_contains_nulls(array))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain NULL")));
    *count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    x = palloc_extended(sizeof(float) * *count, MCXT_ALLOC_HUGE);
    switch (ARR_ELEMTYPE(array)) {
        case FLOAT4OID:
            memcpy(x, ARR_DATA_PTR(array), sizeof(float) * *count);
            break;
        case INT4OID:
            for (int i = 0; i < *count; i++)
                x[i] = (float)((int32 *)ARR_DATA_PTR(array))[i];
            break;
        case FLOAT8OID:
            for (int i = 0; i < *count; i++)
                x[i] = narrow_double(((double *)ARR_DATA_PTR(array))[i]);
            break;
        case NUMERICOID:
            read_numerics(array, x);
            break;
        default:
            ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("array elements must be numbers")));
    }
    return x;
}

Vector *
vecpg_casts_array_vector(ArrayType *array)
{
    int count;
    float *x = vecpg_casts_array_floats(array, &count);
    Vector *vector;

    vecpg_types_check_dimensions(&vecpg_type_vector, count, NULL);
    vector = vecpg_vector_new(count);
    memcpy(vector->x, x, sizeof(float) * count);
    pfree(x);
    return vector;
}

/* Casts from an array or a vector to a type with a modifier get the modifier as their second argument. */
static float *
array_argument(FunctionCallInfo fcinfo, const VecpgTypeInfo *type, int *count)
{
    float *x = vecpg_casts_array_floats(PG_GETARG_ARRAYTYPE_P(0), count);

    vecpg_types_check_dimensions(type, *count, NULL);
    vecpg_types_check_typmod(PG_GETARG_INT32(1), *count, NULL);
    return x;
}

Datum
vectors_array_to_vector(PG_FUNCTION_ARGS)
{
    int count;
    float *x = array_argument(fcinfo, &vecpg_type_vector, &count);
    Vector *vector = vecpg_vector_new(count);

    memcpy(vector->x, x, sizeof(float) * count);
    PG_RETURN_VECTOR_P(vector);
}

Datum
vectors_array_to_vecf16(PG_FUNCTION_ARGS)
{
    int count;
    float *x = array_argument(fcinfo, &vecpg_type_vecf16, &count);
    VecF16 *vector = vecpg_vecf16_new(count);

    vecpg_vecf16_narrow(vector, x, NULL);
    PG_RETURN_VECF16_P(vector);
}

Datum
vectors_array_to_svector(PG_FUNCTION_ARGS)
{
    int count;
    float *x = array_argument(fcinfo, &vecpg_type_svector, &count);

    PG_RETURN_SVECTOR_P(vecpg_svector_from_dense(x, count));
}

/* A real[] of count elements, which the caller fills through *x. */
static ArrayType *
new_array(int count, float **x)
{
    Size bytes = ARR_OVERHEAD_NONULLS(1) + sizeof(float) * count;
    ArrayType *array = palloc0(bytes);

    SET_VARSIZE(array, bytes);
    array->ndim = 1;
    array->elemtype = FLOAT4OID;
    ARR_DIMS(array)[0] = count;
    ARR_LBOUND(array)[0] = 1;
    *x = (float *)ARR_DATA_PTR(array);
    return array;
}

Datum
vectors_vector_to_array(PG_FUNCTION_ARGS)
{
    Vector *vector = PG_GETARG_VECTOR_P(0);
    float *x;
    ArrayType *array = new_array(vector->dimensions, &x);

    memcpy(x, vector->x, sizeof(float) * vector->dimensions);
    PG_RETURN_ARRAYTYPE_P(array);
}

Datum
vectors_vecf16_to_array(PG_FUNCTION_ARGS)
{
    VecF16 *vector = PG_GETARG_VECF16_P(0);
    float *x;
    ArrayType *array = new_array(vector->dimensions, &x);

    vec_distance_widen_f16(vector->x, x, vector->dimensions);
    PG_RETURN_ARRAYTYPE_P(array);
}

Datum
vectors_svector_to_array(PG_FUNCTION_ARGS)
{
    SVector *vector = PG_GETARG_SVECTOR_P(0);
    float *x;
    ArrayType *array = new_array((int)vector->dimensions, &x);

    vecpg_svector_densify(vector, x);
    PG_RETURN_ARRAYTYPE_P(array);
}

Datum
vectors_bvector_to_array(PG_FUNCTION_ARGS)
{
    BVector *vector = PG_GETARG_BVECTOR_P(0);
    float *x;
    ArrayType *array = new_array(vector->dimensions, &x);

    for (int i = 0; i < vector->dimensions; i++)
        x[i] = vecpg_bvector_get(vector, i);
    PG_RETURN_ARRAYTYPE_P(array);
}

Datum
vectors_veci8_to_array(PG_FUNCTION_ARGS)
{
    VecI8 *vector = PG_GETARG_VECI8_P(0);
    float *x;
    ArrayType *array = new_array(vector->dimensions, &x);

    vecpg_veci8_decode(vector, x);
    PG_RETURN_ARRAYTYPE_P(array);
}

Datum
vectors_vector_to_vecf16(PG_FUNCTION_ARGS)
{
    Vector *source = PG_GETARG_VECTOR_P(0);
    VecF16 *target = vecpg_vecf16_new(source->dimensions);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), source->dimensions, NULL);
    vecpg_vecf16_narrow(target, source->x, NULL);
    PG_RETURN_VECF16_P(target);
}

Datum
vectors_vecf16_to_vector(PG_FUNCTION_ARGS)
{
    VecF16 *source = PG_GETARG_VECF16_P(0);
    Vector *target = vecpg_vector_new(source->dimensions);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), source->dimensions, NULL);
    vec_distance_widen_f16(source->x, target->x, source->dimensions);
    PG_RETURN_VECTOR_P(target);
}

Datum
vectors_vector_to_svector(PG_FUNCTION_ARGS)
{
    Vector *source = PG_GETARG_VECTOR_P(0);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), source->dimensions, NULL);
    PG_RETURN_SVECTOR_P(vecpg_svector_from_dense(source->x, source->dimensions));
}

Datum
vectors_svector_to_vector(PG_FUNCTION_ARGS)
{
    SVector *source = PG_GETARG_SVECTOR_P(0);
    Vector *target;

    vecpg_types_check_dimensions(&vecpg_type_vector, source->dimensions, NULL);
    vecpg_types_check_typmod(PG_GETARG_INT32(1), (int)source->dimensions, NULL);
    target = vecpg_vector_new((int)source->dimensions);
    vecpg_svector_densify(source, target->x);
    PG_RETURN_VECTOR_P(target);
}

Datum
vectors_vector_to_bvector(PG_FUNCTION_ARGS)
{
    Vector *source = PG_GETARG_VECTOR_P(0);
    BVector *target = vecpg_bvector_new(source->dimensions);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), source->dimensions, NULL);
    for (int i = 0; i < source->dimensions; i++) {
        if (source->x[i] == 1.0f)
            vecpg_bvector_set(target, i);
        else if (source->x[i] != 0.0f)
            ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                            errmsg("\"%g\" is out of range for an element of type bvector", source->x[i]),
                            errdetail("Elements must be 0 or 1."),
                            errhint("binarize() makes every element above 0 a 1 and every other a 0.")));
    }
    PG_RETURN_BVECTOR_P(target);
}

Datum
vectors_bvector_to_vector(PG_FUNCTION_ARGS)
{
    BVector *source = PG_GETARG_BVECTOR_P(0);
    Vector *target = vecpg_vector_new(source->dimensions);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), source->dimensions, NULL);
    for (int i = 0; i < source->dimensions; i++)
        target->x[i] = vecpg_bvector_get(source, i);
    PG_RETURN_VECTOR_P(target);
}

Datum
vectors_vector_to_veci8(PG_FUNCTION_ARGS)
{
    Vector *source = PG_GETARG_VECTOR_P(0);
    VecI8 *target = vecpg_veci8_new(source->dimensions, 0, 0);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), source->dimensions, NULL);
    vecpg_veci8_quantize(target, source->x, NULL);
    PG_RETURN_VECI8_P(target);
}

Datum
vectors_veci8_to_vector(PG_FUNCTION_ARGS)
{
    VecI8 *source = PG_GETARG_VECI8_P(0);
    Vector *target = vecpg_vector_new(source->dimensions);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), source->dimensions, NULL);
    vecpg_veci8_decode(source, target->x);
    PG_RETURN_VECTOR_P(target);
}
