/*
 * operators_arithmetic.c: + - * element by element, & | ^ on bits, and || which joins two vectors.
 *
 * Overflow is an error, as it is of float4; a product too small becomes 0.
 */
#include "postgres.h"

#include "types_bvector.h"
#include "types_common.h"
#include "types_svector.h"
#include "types_vecf16.h"
#include "types_vector.h"
#include "utils/float.h"
#include "vectors/distance_types.h"
#include "vectors/half.h"

#include <math.h>

typedef enum Arithmetic { ADD, SUBTRACT, MULTIPLY } Arithmetic;

static inline float
compute(Arithmetic operation, float a, float b)
{
    float result = operation == ADD ? a + b : operation == SUBTRACT ? a - b : a * b;

    if (unlikely(isinf(result)) && !isinf(a) && !isinf(b))
        float_overflow_error();
    return result;
}

static Datum
vector_arithmetic(FunctionCallInfo fcinfo, Arithmetic operation)
{
    Vector *a = PG_GETARG_VECTOR_P(0), *b = PG_GETARG_VECTOR_P(1), *result;

    vecpg_types_check_same_dimensions(a->dimensions, b->dimensions);
    result = vecpg_vector_new(a->dimensions);
    for (int i = 0; i < a->dimensions; i++)
        result->x[i] = compute(operation, a->x[i], b->x[i]);
    PG_RETURN_VECTOR_P(result);
}

static Datum
vecf16_arithmetic(FunctionCallInfo fcinfo, Arithmetic operation)
{
    VecF16 *a = PG_GETARG_VECF16_P(0), *b = PG_GETARG_VECF16_P(1), *result;
    float *x;

    vecpg_types_check_same_dimensions(a->dimensions, b->dimensions);
    result = vecpg_vecf16_new(a->dimensions);
    x = palloc(sizeof(float) * a->dimensions);
    for (int i = 0; i < a->dimensions; i++)
        x[i] = compute(operation, vec_half_to_f32(a->x[i]), vec_half_to_f32(b->x[i]));
    vecpg_vecf16_narrow(result, x, NULL);
    pfree(x);
    PG_RETURN_VECF16_P(result);
}

/* An element that one operand lacks is 0, and 0 times it is 0; results that are 0 are left out. */
static Datum
svector_arithmetic(FunctionCallInfo fcinfo, Arithmetic operation)
{
    SVector *a = PG_GETARG_SVECTOR_P(0), *b = PG_GETARG_SVECTOR_P(1), *result;
    const float *values_a = vecpg_svector_values(a), *values_b = vecpg_svector_values(b);
    uint32 i = 0, j = 0, count = 0, *index;
    float *values;

    vecpg_types_check_same_dimensions((int)a->dimensions, (int)b->dimensions);
    index = palloc(sizeof(uint32) * (a->count + b->count));
    values = palloc(sizeof(float) * (a->count + b->count));
    while (i < a->count || j < b->count) {
        uint32 index_a = i < a->count ? a->index[i] : UINT32_MAX,
               index_b = j < b->count ? b->index[j] : UINT32_MAX;
        float x = 0.0f;

        if (operation != MULTIPLY || index_a == index_b)
            x = compute(operation, index_a <= index_b ? values_a[i] : 0.0f,
                        index_b <= index_a ? values_b[j] : 0.0f);
        if (x != 0.0f) {
            index[count] = Min(index_a, index_b);
            values[count++] = x;
        }
        i += index_a <= index_b;
        j += index_b <= index_a;
    }
    result = vecpg_svector_new((int)a->dimensions, (int)count);
    memcpy(result->index, index, sizeof(uint32) * count);
    memcpy(vecpg_svector_values(result), values, sizeof(float) * count);
    PG_RETURN_SVECTOR_P(result);
}

#define DEFINE_ARITHMETIC(type, name, operation)                                                             \
    PG_FUNCTION_INFO_V1(vectors_##type##_##name);                                                            \
    Datum vectors_##type##_##name(PG_FUNCTION_ARGS)                                                          \
    {                                                                                                        \
        return type##_arithmetic(fcinfo, operation);                                                         \
    }

DEFINE_ARITHMETIC(vector, add, ADD)
DEFINE_ARITHMETIC(vector, sub, SUBTRACT)
DEFINE_ARITHMETIC(vector, mul, MULTIPLY)
DEFINE_ARITHMETIC(vecf16, add, ADD)
DEFINE_ARITHMETIC(vecf16, sub, SUBTRACT)
DEFINE_ARITHMETIC(vecf16, mul, MULTIPLY)
DEFINE_ARITHMETIC(svector, add, ADD)
DEFINE_ARITHMETIC(svector, sub, SUBTRACT)
DEFINE_ARITHMETIC(svector, mul, MULTIPLY)

typedef enum Logic { AND, OR, XOR } Logic;

/* The bits behind the last element are 0 in both operands, so they are in the result. */
static Datum
bvector_logic(FunctionCallInfo fcinfo, Logic operation)
{
    BVector *a = PG_GETARG_BVECTOR_P(0), *b = PG_GETARG_BVECTOR_P(1), *result;

    vecpg_types_check_same_dimensions(a->dimensions, b->dimensions);
    result = vecpg_bvector_new(a->dimensions);
    for (Size i = 0; i < BVECTOR_BYTES(a->dimensions); i++) {
        if (operation == AND)
            result->bits[i] = a->bits[i] & b->bits[i];
        else if (operation == OR)
            result->bits[i] = a->bits[i] | b->bits[i];
        else
            result->bits[i] = a->bits[i] ^ b->bits[i];
    }
    PG_RETURN_BVECTOR_P(result);
}

PG_FUNCTION_INFO_V1(vectors_bvector_and);
PG_FUNCTION_INFO_V1(vectors_bvector_or);
PG_FUNCTION_INFO_V1(vectors_bvector_xor);

Datum
vectors_bvector_and(PG_FUNCTION_ARGS)
{
    return bvector_logic(fcinfo, AND);
}

Datum
vectors_bvector_or(PG_FUNCTION_ARGS)
{
    return bvector_logic(fcinfo, OR);
}

Datum
vectors_bvector_xor(PG_FUNCTION_ARGS)
{
    return bvector_logic(fcinfo, XOR);
}

PG_FUNCTION_INFO_V1(vectors_vector_concat);
PG_FUNCTION_INFO_V1(vectors_vecf16_concat);
PG_FUNCTION_INFO_V1(vectors_svector_concat);
PG_FUNCTION_INFO_V1(vectors_bvector_concat);

Datum
vectors_vector_concat(PG_FUNCTION_ARGS)
{
    Vector *a = PG_GETARG_VECTOR_P(0), *b = PG_GETARG_VECTOR_P(1), *result;
    int dimensions = a->dimensions + b->dimensions;

    vecpg_types_check_dimensions(&vecpg_type_vector, dimensions, NULL);
    result = vecpg_vector_new(dimensions);
    memcpy(result->x, a->x, sizeof(float) * a->dimensions);
    memcpy(result->x + a->dimensions, b->x, sizeof(float) * b->dimensions);
    PG_RETURN_VECTOR_P(result);
}

Datum
vectors_vecf16_concat(PG_FUNCTION_ARGS)
{
    VecF16 *a = PG_GETARG_VECF16_P(0), *b = PG_GETARG_VECF16_P(1), *result;
    int dimensions = a->dimensions + b->dimensions;

    vecpg_types_check_dimensions(&vecpg_type_vecf16, dimensions, NULL);
    result = vecpg_vecf16_new(dimensions);
    memcpy(result->x, a->x, sizeof(uint16) * a->dimensions);
    memcpy(result->x + a->dimensions, b->x, sizeof(uint16) * b->dimensions);
    PG_RETURN_VECF16_P(result);
}

Datum
vectors_svector_concat(PG_FUNCTION_ARGS)
{
    SVector *a = PG_GETARG_SVECTOR_P(0), *b = PG_GETARG_SVECTOR_P(1), *result;
    int64 dimensions = (int64)a->dimensions + b->dimensions;
    float *values;

    vecpg_types_check_dimensions(&vecpg_type_svector, dimensions, NULL);
    result = vecpg_svector_new((int)dimensions, (int)(a->count + b->count));
    values = vecpg_svector_values(result);
    memcpy(result->index, a->index, sizeof(uint32) * a->count);
    for (uint32 i = 0; i < b->count; i++)
        result->index[a->count + i] = b->index[i] + a->dimensions;
    memcpy(values, vecpg_svector_values(a), sizeof(float) * a->count);
    memcpy(values + a->count, vecpg_svector_values(b), sizeof(float) * b->count);
    PG_RETURN_SVECTOR_P(result);
}

Datum
vectors_bvector_concat(PG_FUNCTION_ARGS)
{
    BVector *a = PG_GETARG_BVECTOR_P(0), *b = PG_GETARG_BVECTOR_P(1), *result;
    int dimensions = a->dimensions + b->dimensions;

    vecpg_types_check_dimensions(&vecpg_type_bvector, dimensions, NULL);
    result = vecpg_bvector_new(dimensions);
    vecpg_bvector_copy_bits(result, 0, a, 0, a->dimensions);
    vecpg_bvector_copy_bits(result, a->dimensions, b, 0, b->dimensions);
    PG_RETURN_BVECTOR_P(result);
}
