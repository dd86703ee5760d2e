/*
 * types_veci8.c: input, output, dimensions and quantization of the type veci8.
 */
#include "postgres.h"

#include "types_common.h"
#include "types_veci8.h"
#include "types_wire.h"
#include "utils/builtins.h"

#include <math.h>

PG_FUNCTION_INFO_V1(vectors_veci8_in);
PG_FUNCTION_INFO_V1(vectors_veci8_out);
PG_FUNCTION_INFO_V1(vectors_veci8_recv);
PG_FUNCTION_INFO_V1(vectors_veci8_send);
PG_FUNCTION_INFO_V1(vectors_veci8_typmod_in);
PG_FUNCTION_INFO_V1(vectors_veci8);
PG_FUNCTION_INFO_V1(vectors_veci8_dims);

VecI8 *
vecpg_veci8_new(int dimensions, float alpha, float offset)
{
    VecI8 *vector = palloc0(VECI8_SIZE(dimensions));

    SET_VARSIZE(vector, VECI8_SIZE(dimensions));
    vector->dimensions = (uint16)dimensions;
    vector->tag = VECI8_TAG;
    vector->alpha = alpha;
    vector->offset = offset;
    return vector;
}

bool
vecpg_veci8_quantize(VecI8 *target, const float *x, Node *escontext)
{
    float *scratch;

    for (int i = 0; i < target->dimensions; i++) {
        if (!isfinite(x[i])) {
            vecpg_types_report_value(&vecpg_type_veci8, x[i], escontext);
            return false;
        }
    }
    scratch = palloc(2 * sizeof(float) * target->dimensions);
    vec_int8_quantize(x, target->dimensions, scratch, target->x, &target->alpha, &target->offset);
    pfree(scratch);
    return true;
}

void
vecpg_veci8_decode(const VecI8 *vector, float *x)
{
    vec_int8_decode(vecpg_veci8_view(vector), vector->dimensions, x);
}

int
vecpg_veci8_compare(const VecI8 *a, const VecI8 *b)
{
    int shared = Min(a->dimensions, b->dimensions);

    for (int i = 0; i < shared; i++) {
        int order = vecpg_types_compare_float(vecpg_veci8_element(a, i), vecpg_veci8_element(b, i));

        if (order != 0)
            return order;
    }
    return (int)a->dimensions - (int)b->dimensions;
}

Datum
vectors_veci8_in(PG_FUNCTION_ARGS)
{
    const char *text = PG_GETARG_CSTRING(0);
    size_t capacity = Min(vec_text_count_elements(text), (size_t)VECTORS_DIMENSIONS_MAX);
    float *x = palloc(capacity * sizeof(float));
    VecTextError error;
    VecI8 *vector;
    size_t count;

    if (!vec_text_parse_f32(text, x, capacity, &count, &error)) {
        vecpg_types_report_text(&vecpg_type_veci8, text, &error, fcinfo->context);
        return (Datum)0;
    }
    if (!vecpg_types_check_dimensions(&vecpg_type_veci8, (int64)count, fcinfo->context) ||
        !vecpg_types_check_typmod(PG_GETARG_INT32(2), (int)count, fcinfo->context))
        return (Datum)0;
    vector = vecpg_veci8_new((int)count, 0, 0);
    if (!vecpg_veci8_quantize(vector, x, fcinfo->context))
        return (Datum)0;
    pfree(x);
    PG_RETURN_VECI8_P(vector);
}

Datum
vectors_veci8_out(PG_FUNCTION_ARGS)
{
    VecI8 *vector = PG_GETARG_VECI8_P(0);
    float *x = palloc(sizeof(float) * vector->dimensions);
    char *text;

    vecpg_veci8_decode(vector, x);
    text = vecpg_types_print_floats(x, vector->dimensions);
    pfree(x);
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_CSTRING(text);
}

Datum
vectors_veci8_recv(PG_FUNCTION_ARGS)
{
    VecWire wire = vecpg_wire_receive(&vecpg_type_veci8, VEC_WIRE_I8, (StringInfo)PG_GETARG_POINTER(0),
                                      PG_GETARG_INT32(2));
    VecI8 *vector = vecpg_veci8_new((int)wire.dimensions, 0, 0);
    VecWireError error;

    if (!vec_wire_read_i8(&wire, &vector->alpha, &vector->offset, vector->x, &error))
        vecpg_wire_report(&vecpg_type_veci8, &error);
    PG_RETURN_VECI8_P(vector);
}

Datum
vectors_veci8_send(PG_FUNCTION_ARGS)
{
    VecI8 *vector = PG_GETARG_VECI8_P(0);
    VecWire wire;
    uint8 *target;
    bytea *message = vecpg_wire_new(&wire, VEC_WIRE_I8, vector->dimensions, 0, &target);

    vec_wire_write_i8(&wire, vector->alpha, vector->offset, vector->x, target);
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_BYTEA_P(message);
}

Datum
vectors_veci8_typmod_in(PG_FUNCTION_ARGS)
{
    PG_RETURN_INT32(vecpg_types_typmod_in(&vecpg_type_veci8, PG_GETARG_ARRAYTYPE_P(0)));
}

/* The length coercion: veci8 to veci8(n). */
Datum
vectors_veci8(PG_FUNCTION_ARGS)
{
    VecI8 *vector = PG_GETARG_VECI8_P(0);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), vector->dimensions, NULL);
    PG_RETURN_VECI8_P(vector);
}

Datum
vectors_veci8_dims(PG_FUNCTION_ARGS)
{
    VecI8 *vector = PG_GETARG_VECI8_P(0);

    PG_RETURN_INT32(vector->dimensions);
}
