/*
 * operators_distance.c: the distance operators of all types, their namesakes among the functions, and vector_norm.
 */
#include "postgres.h"

#include "operators.h"
#include "types_bvector.h"
#include "types_common.h"
#include "types_svector.h"
#include "types_vecf16.h"
#include "types_veci8.h"
#include "types_vector.h"
#include "utils/float.h"
#include "vectors/distance_types.h"

#include <math.h>

int
vecpg_operators_dimensions(VecElementType element, Datum vector)
{
    /* All but svector begin alike. */
    if (element == VEC_TYPE_SPARSE)
        return (int)((SVector *)DatumGetPointer(vector))->dimensions;
    return ((Vector *)DatumGetPointer(vector))->dimensions;
}

static float
distance_of_detoasted(VecElementType element, VecMetric metric, const void *a, const void *b)
{
    int dimensions = vecpg_operators_dimensions(element, PointerGetDatum(a));

    vecpg_types_check_same_dimensions(dimensions, vecpg_operators_dimensions(element, PointerGetDatum(b)));
    switch (element) {
        case VEC_TYPE_F32:
            return vec_distance_f32(metric, ((const Vector *)a)->x, ((const Vector *)b)->x, dimensions);
        case VEC_TYPE_F16:
            return vec_distance_f16(metric, ((const VecF16 *)a)->x, ((const VecF16 *)b)->x, dimensions);
        case VEC_TYPE_SPARSE:
            return vec_distance_sparse(metric, vecpg_svector_view(a), vecpg_svector_view(b));
        case VEC_TYPE_BIT:
            return vec_distance_bit(metric, ((const BVector *)a)->bits, ((const BVector *)b)->bits,
                                    dimensions);
        case VEC_TYPE_I8:
            return vec_distance_i8(metric, vecpg_veci8_view(a), vecpg_veci8_view(b), dimensions);
    }
    pg_unreachable();
}

static float
l1_of_detoasted(VecElementType element, const void *a, const void *b)
{
    int dimensions = vecpg_operators_dimensions(element, PointerGetDatum(a));

    vecpg_types_check_same_dimensions(dimensions, vecpg_operators_dimensions(element, PointerGetDatum(b)));
    switch (element) {
        case VEC_TYPE_F32:
            return vec_distance_l1_f32(((const Vector *)a)->x, ((const Vector *)b)->x, dimensions);
        case VEC_TYPE_F16:
            return vec_distance_l1_f16(((const VecF16 *)a)->x, ((const VecF16 *)b)->x, dimensions);
        case VEC_TYPE_SPARSE:
            return vec_distance_l1_sparse(vecpg_svector_view(a), vecpg_svector_view(b));
        case VEC_TYPE_BIT:
            return vec_distance_bit(VEC_METRIC_HAMMING, ((const BVector *)a)->bits,
                                    ((const BVector *)b)->bits, dimensions);
        case VEC_TYPE_I8:
            return vec_distance_l1_i8(vecpg_veci8_view(a), vecpg_veci8_view(b), dimensions);
    }
    pg_unreachable();
}

float
vecpg_operators_distance(VecElementType element, VecMetric metric, Datum left, Datum right)
{
    void *a = PG_DETOAST_DATUM(left), *b = PG_DETOAST_DATUM(right);
    float result = distance_of_detoasted(element, metric, a, b);

    if (a != DatumGetPointer(left))
        pfree(a);
    if (b != DatumGetPointer(right))
        pfree(b);
    return result;
}

static float
l1_distance(VecElementType element, Datum left, Datum right)
{
    return l1_of_detoasted(element, PG_DETOAST_DATUM(left), PG_DETOAST_DATUM(right));
}

/* One exported function of two vectors, by what it computes of them. */
#define DEFINE_BINARY(name, expression)                                                                      \
    PG_FUNCTION_INFO_V1(vectors_##name);                                                                     \
    Datum vectors_##name(PG_FUNCTION_ARGS)                                                                   \
    {                                                                                                        \
        Datum a = PG_GETARG_DATUM(0), b = PG_GETARG_DATUM(1);                                                \
                                                                                                             \
        PG_RETURN_FLOAT4(expression);                                                                        \
    }

/* The three operators of a type of numbers and its named distances. 0 - x: an inner product of 0 is not "-0". */
#define DEFINE_DISTANCES(type, element)                                                                      \
    DEFINE_BINARY(type##_l2, vecpg_operators_distance(element, VEC_METRIC_L2, a, b))                         \
    DEFINE_BINARY(type##_dot, vecpg_operators_distance(element, VEC_METRIC_DOT, a, b))                       \
    DEFINE_BINARY(type##_cos, vecpg_operators_distance(element, VEC_METRIC_COS, a, b))                       \
    DEFINE_BINARY(type##_l2_distance, sqrtf(vecpg_operators_distance(element, VEC_METRIC_L2, a, b)))         \
    DEFINE_BINARY(type##_inner_product, 0.0f - vecpg_operators_distance(element, VEC_METRIC_DOT, a, b))      \
    DEFINE_BINARY(type##_l1_distance, l1_distance(element, a, b))

DEFINE_DISTANCES(vector, VEC_TYPE_F32)
DEFINE_DISTANCES(vecf16, VEC_TYPE_F16)
DEFINE_DISTANCES(svector, VEC_TYPE_SPARSE)
DEFINE_DISTANCES(bvector, VEC_TYPE_BIT)
DEFINE_DISTANCES(veci8, VEC_TYPE_I8)
DEFINE_BINARY(bvector_jaccard, vecpg_operators_distance(VEC_TYPE_BIT, VEC_METRIC_JACCARD, a, b))

PG_FUNCTION_INFO_V1(vectors_vector_norm);
PG_FUNCTION_INFO_V1(vectors_vecf16_norm);
PG_FUNCTION_INFO_V1(vectors_svector_norm);
PG_FUNCTION_INFO_V1(vectors_bvector_norm);
PG_FUNCTION_INFO_V1(vectors_veci8_norm);

Datum
vectors_vector_norm(PG_FUNCTION_ARGS)
{
    Vector *vector = PG_GETARG_VECTOR_P(0);

    PG_RETURN_FLOAT4((float)vec_distance_norm_f32(vector->x, vector->dimensions));
}

Datum
vectors_vecf16_norm(PG_FUNCTION_ARGS)
{
    VecF16 *vector = PG_GETARG_VECF16_P(0);

    PG_RETURN_FLOAT4((float)vec_distance_norm_f16(vector->x, vector->dimensions));
}

Datum
vectors_svector_norm(PG_FUNCTION_ARGS)
{
    PG_RETURN_FLOAT4((float)vec_distance_norm_sparse(vecpg_svector_view(PG_GETARG_SVECTOR_P(0))));
}

Datum
vectors_bvector_norm(PG_FUNCTION_ARGS)
{
    BVector *vector = PG_GETARG_BVECTOR_P(0);

    PG_RETURN_FLOAT4((float)sqrt(vec_distance_count_bits(vector->bits, vector->dimensions)));
}

Datum
vectors_veci8_norm(PG_FUNCTION_ARGS)
{
    VecI8 *vector = PG_GETARG_VECI8_P(0);

    PG_RETURN_FLOAT4((float)vec_distance_norm_i8(vecpg_veci8_view(vector), vector->dimensions));
}
