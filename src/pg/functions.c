/*
 * functions.c: vector_normalize, binarize, to_svector, to_veci8.
 */
#include "postgres.h"

#include "casts.h"
#include "types_bvector.h"
#include "types_common.h"
#include "types_svector.h"
#include "types_vecf16.h"
#include "types_veci8.h"
#include "types_vector.h"
#include "utils/float.h"
#include "vectors/distance_types.h"
#include "vectors/half.h"

#include <math.h>

PG_FUNCTION_INFO_V1(vectors_vector_normalize);
PG_FUNCTION_INFO_V1(vectors_vecf16_normalize);
PG_FUNCTION_INFO_V1(vectors_svector_normalize);
PG_FUNCTION_INFO_V1(vectors_veci8_normalize);
PG_FUNCTION_INFO_V1(vectors_vector_binarize);
PG_FUNCTION_INFO_V1(vectors_vecf16_binarize);
PG_FUNCTION_INFO_V1(vectors_to_svector);
PG_FUNCTION_INFO_V1(vectors_to_veci8);

/* A zero vector has no direction; it stays as it is. Divided in double precision, where no norm overflows. */
Datum
vectors_vector_normalize(PG_FUNCTION_ARGS)
{
    Vector *vector = PG_GETARG_VECTOR_P(0);
    Vector *result = vecpg_vector_new(vector->dimensions);
    double norm = vec_distance_norm_f32(vector->x, vector->dimensions);

    if (norm != 0.0)
        for (int i = 0; i < vector->dimensions; i++)
            result->x[i] = (float)(vector->x[i] / norm);
    PG_RETURN_VECTOR_P(result);
}

Datum
vectors_vecf16_normalize(PG_FUNCTION_ARGS)
{
    VecF16 *vector = PG_GETARG_VECF16_P(0);
    VecF16 *result = vecpg_vecf16_new(vector->dimensions);
    double norm = vec_distance_norm_f16(vector->x, vector->dimensions);

    if (norm != 0.0)
        for (int i = 0; i < vector->dimensions; i++)
            result->x[i] = vec_half_from_f32((float)(vec_half_to_f32(vector->x[i]) / norm));
    PG_RETURN_VECF16_P(result);
}

Datum
vectors_svector_normalize(PG_FUNCTION_ARGS)
{
    SVector *vector = PG_GETARG_SVECTOR_P(0), *result;
    const float *values = vecpg_svector_values(vector);
    double norm = vec_distance_norm_sparse(vecpg_svector_view(vector));
    uint32 *index = palloc(sizeof(uint32) * vector->count);
    float *x = palloc(sizeof(float) * vector->count);
    uint32 count = 0;

    /* A quotient may be too small for float4, and zeros are not stored. */
    for (uint32 i = 0; i < vector->count; i++) {
        float quotient = (float)(values[i] / norm);

        if (quotient != 0.0f) {
            index[count] = vector->index[i];
            x[count++] = quotient;
        }
    }
    result = vecpg_svector_new((int)vector->dimensions, (int)count);
    memcpy(result->index, index, sizeof(uint32) * count);
    memcpy(vecpg_svector_values(result), x, sizeof(float) * count);
    PG_RETURN_SVECTOR_P(result);
}

/*
 * The steps stay, their size is divided: no second rounding. Only where nearly all of a huge step or offset cancels out, or a huge step is
 * not used, are the quotients beyond float4; then the elements, which are not, are quantized anew.
 */
Datum
vectors_veci8_normalize(PG_FUNCTION_ARGS)
{
    VecI8 *vector = PG_GETARG_VECI8_P(0);
    double norm = vec_distance_norm_i8(vecpg_veci8_view(vector), vector->dimensions);
    VecI8 *result = vecpg_veci8_new(vector->dimensions, vector->alpha, vector->offset);

    if (norm != 0.0) {
        result->alpha = (float)(vector->alpha / norm);
        result->offset = (float)(vector->offset / norm);
    }
    memcpy(result->x, vector->x, vector->dimensions);
    if (!isfinite(result->alpha) || !isfinite(result->offset)) {
        float *x = palloc(sizeof(float) * vector->dimensions);

        for (int i = 0; i < vector->dimensions; i++)
            x[i] = (float)(vecpg_veci8_element(vector, i) / norm);
        vecpg_veci8_quantize(result, x, NULL);
        pfree(x);
    }
    PG_RETURN_VECI8_P(result);
}

/*
 * Bytes are put together in a register, eight elements each: ORDER BY bits <-> binarize(query) computes its distance for every row that it
 * gives, and binarize with it.
 */
Datum
vectors_vector_binarize(PG_FUNCTION_ARGS)
{
    Vector *vector = PG_GETARG_VECTOR_P(0);
    BVector *result = vecpg_bvector_new(vector->dimensions);
    int whole = vector->dimensions / 8 * 8;

    for (int first = 0; first < whole; first += 8) {
        unsigned byte = 0;

        for (int i = 0; i < 8; i++)
            byte = byte << 1 | (vector->x[first + i] > 0.0f);
        result->bits[first / 8] = (uint8)byte;
    }
    for (int i = whole; i < vector->dimensions; i++)
        result->bits[i / 8] |= (uint8)((vector->x[i] > 0.0f) << (7 - i % 8));
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_BVECTOR_P(result);
}

Datum
vectors_vecf16_binarize(PG_FUNCTION_ARGS)
{
    VecF16 *vector = PG_GETARG_VECF16_P(0);
    BVector *result = vecpg_bvector_new(vector->dimensions);

    for (int i = 0; i < vector->dimensions; i++)
        result->bits[i / 8] |= (uint8)((vec_half_to_f32(vector->x[i]) > 0.0f) << (7 - i % 8));
    PG_RETURN_BVECTOR_P(result);
}

/* The elements of an integer[] without NULLs, in the array's own memory. */
static const int32 *
integer_elements(ArrayType *array, int *count)
{
    if (ARR_NDIM(array) > 1)
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("array must have one dimension, not %d", ARR_NDIM(array))));
    if (ARR_HASNULL(array) && array_contains_nulls(array))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain NULL")));
    *count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    return (const int32 *)ARR_DATA_PTR(array);
}

typedef struct Element {
    int32 index;
    float x;
} Element;

static int
compare_elements(const void *a, const void *b)
{
    int32 index_a = ((const Element *)a)->index, index_b = ((const Element *)b)->index;

    return (index_a > index_b) - (index_a < index_b);
}

static void
check_element(const Element *element, const Element *before, int dimensions)
{
    if (element->index < 0 || element->index >= dimensions)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("index %d is out of range", element->index),
                 errdetail("Indexes of %d dimensions are in 0..%d.", dimensions, dimensions - 1)));
    if (before != NULL && before->index == element->index)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("index %d occurs more than once", element->index)));
}

/* to_svector(dims, indexes, values) */
Datum
vectors_to_svector(PG_FUNCTION_ARGS)
{
    int dimensions = PG_GETARG_INT32(0), index_count, value_count, kept = 0;
    const int32 *indexes = integer_elements(PG_GETARG_ARRAYTYPE_P(1), &index_count);
    const float *values = vecpg_casts_array_floats(PG_GETARG_ARRAYTYPE_P(2), &value_count);
    Element *elements;
    SVector *result;

    vecpg_types_check_dimensions(&vecpg_type_svector, dimensions, NULL);
    if (index_count != value_count)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("different numbers of indexes and values: %d and %d", index_count, value_count)));
    elements = palloc_extended(sizeof(Element) * index_count, MCXT_ALLOC_HUGE);
    for (int i = 0; i < index_count; i++)
        elements[i] = (Element){indexes[i], values[i]};
    qsort(elements, index_count, sizeof(Element), compare_elements);
    for (int i = 0; i < index_count; i++) {
        check_element(&elements[i], i > 0 ? &elements[i - 1] : NULL, dimensions);
        kept += elements[i].x != 0.0f;
    }
    result = vecpg_svector_new(dimensions, kept);
    kept = 0;
    for (int i = 0; i < index_count; i++) {
        if (elements[i].x != 0.0f) {
            result->index[kept] = (uint32)elements[i].index;
            vecpg_svector_values(result)[kept++] = elements[i].x;
        }
    }
    PG_RETURN_SVECTOR_P(result);
}

/* to_veci8(len, alpha, offset, values) */
Datum
vectors_to_veci8(PG_FUNCTION_ARGS)
{
    int dimensions = PG_GETARG_INT32(0), count;
    float alpha = PG_GETARG_FLOAT4(1), offset = PG_GETARG_FLOAT4(2);
    const int32 *values = integer_elements(PG_GETARG_ARRAYTYPE_P(3), &count);
    VecI8 *result;

    vecpg_types_check_dimensions(&vecpg_type_veci8, dimensions, NULL);
    if (count != dimensions)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a vector of %d dimensions needs as many values, not %d", dimensions, count)));
    if (!isfinite(alpha) || !isfinite(offset))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("alpha %g and offset %g must be finite", alpha, offset)));
    result = vecpg_veci8_new(dimensions, alpha, offset);
    for (int i = 0; i < dimensions; i++) {
        if (values[i] < -128 || values[i] > 127)
            ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                            errmsg("value %d is out of range", values[i]),
                            errdetail("Values must be in -128..127.")));
        if (!isfinite((float)((double)alpha * values[i] + offset)))
            float_overflow_error();
        result->x[i] = (int8)values[i];
    }
    PG_RETURN_VECI8_P(result);
}
