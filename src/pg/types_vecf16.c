/*
 * types_vecf16.c: input, output and dimensions of the type vecf16.
 */
#include "postgres.h"

#include "types_common.h"
#include "types_vecf16.h"
#include "types_wire.h"
#include "utils/builtins.h"
#include "vectors/distance_types.h"
#include "vectors/half.h"

#include <math.h>

PG_FUNCTION_INFO_V1(vectors_vecf16_in);
PG_FUNCTION_INFO_V1(vectors_vecf16_out);
PG_FUNCTION_INFO_V1(vectors_vecf16_recv);
PG_FUNCTION_INFO_V1(vectors_vecf16_send);
PG_FUNCTION_INFO_V1(vectors_vecf16_typmod_in);
PG_FUNCTION_INFO_V1(vectors_vecf16);
PG_FUNCTION_INFO_V1(vectors_vecf16_dims);

VecF16 *
vecpg_vecf16_new(int dimensions)
{
    VecF16 *vector = palloc0(VECF16_SIZE(dimensions));

    SET_VARSIZE(vector, VECF16_SIZE(dimensions));
    vector->dimensions = (uint16)dimensions;
    vector->tag = VECF16_TAG;
    return vector;
}

bool
vecpg_vecf16_narrow(VecF16 *target, const float *x, Node *escontext)
{
    for (int i = 0; i < target->dimensions; i++) {
        if (fabsf(x[i]) >= VEC_HALF_ROUNDS_TO_INFINITY && !isinf(x[i])) {
            vecpg_types_report_value(&vecpg_type_vecf16, x[i], escontext);
            return false;
        }
    }
    vec_distance_narrow_f16(x, target->x, target->dimensions);
    return true;
}

int
vecpg_vecf16_compare(const VecF16 *a, const VecF16 *b)
{
    int shared = Min(a->dimensions, b->dimensions);

    for (int i = 0; i < shared; i++) {
        int order;

        if (a->x[i] == b->x[i])
            continue;
        order = vecpg_types_compare_float(vec_half_to_f32(a->x[i]), vec_half_to_f32(b->x[i]));
        if (order != 0)
            return order;
    }
    return (int)a->dimensions - (int)b->dimensions;
}

/* Read as float4, then rounded to half; a number is so rounded twice, by half of the last place more than one rounding at most. */
Datum
vectors_vecf16_in(PG_FUNCTION_ARGS)
{
    const char *text = PG_GETARG_CSTRING(0);
    size_t capacity = Min(vec_text_count_elements(text), (size_t)VECTORS_DIMENSIONS_MAX);
    float *x = palloc(capacity * sizeof(float));
    VecTextError error;
    VecF16 *vector;
    size_t count;

    if (!vec_text_parse_f32(text, x, capacity, &count, &error)) {
        vecpg_types_report_text(&vecpg_type_vecf16, text, &error, fcinfo->context);
        return (Datum)0;
    }
    if (!vecpg_types_check_dimensions(&vecpg_type_vecf16, (int64)count, fcinfo->context) ||
        !vecpg_types_check_typmod(PG_GETARG_INT32(2), (int)count, fcinfo->context))
        return (Datum)0;
    vector = vecpg_vecf16_new((int)count);
    if (!vecpg_vecf16_narrow(vector, x, fcinfo->context))
        return (Datum)0;
    pfree(x);
    PG_RETURN_VECF16_P(vector);
}

Datum
vectors_vecf16_out(PG_FUNCTION_ARGS)
{
    VecF16 *vector = PG_GETARG_VECF16_P(0);
    float *x = palloc(sizeof(float) * vector->dimensions);
    char *text;

    vec_distance_widen_f16(vector->x, x, vector->dimensions);
    text = vecpg_types_print_floats(x, vector->dimensions);
    pfree(x);
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_CSTRING(text);
}

Datum
vectors_vecf16_recv(PG_FUNCTION_ARGS)
{
    VecWire wire = vecpg_wire_receive(&vecpg_type_vecf16, VEC_WIRE_F16, (StringInfo)PG_GETARG_POINTER(0),
                                      PG_GETARG_INT32(2));
    VecF16 *vector = vecpg_vecf16_new((int)wire.dimensions);

    vec_wire_read_f16(&wire, vector->x);
    PG_RETURN_VECF16_P(vector);
}

Datum
vectors_vecf16_send(PG_FUNCTION_ARGS)
{
    VecF16 *vector = PG_GETARG_VECF16_P(0);
    VecWire wire;
    uint8 *target;
    bytea *message = vecpg_wire_new(&wire, VEC_WIRE_F16, vector->dimensions, 0, &target);

    vec_wire_write_f16(&wire, vector->x, target);
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_BYTEA_P(message);
}

Datum
vectors_vecf16_typmod_in(PG_FUNCTION_ARGS)
{
    PG_RETURN_INT32(vecpg_types_typmod_in(&vecpg_type_vecf16, PG_GETARG_ARRAYTYPE_P(0)));
}

/* The length coercion: vecf16 to vecf16(n). */
Datum
vectors_vecf16(PG_FUNCTION_ARGS)
{
    VecF16 *vector = PG_GETARG_VECF16_P(0);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), vector->dimensions, NULL);
    PG_RETURN_VECF16_P(vector);
}

Datum
vectors_vecf16_dims(PG_FUNCTION_ARGS)
{
    VecF16 *vector = PG_GETARG_VECF16_P(0);

    PG_RETURN_INT32(vector->dimensions);
}
