/*
 * types_vector.c: input, output and dimensions of the type vector.
 */
#include "postgres.h"

#include "types_common.h"
#include "types_vector.h"
#include "types_wire.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(vectors_vector_in);
PG_FUNCTION_INFO_V1(vectors_vector_out);
PG_FUNCTION_INFO_V1(vectors_vector_recv);
PG_FUNCTION_INFO_V1(vectors_vector_send);
PG_FUNCTION_INFO_V1(vectors_vector_typmod_in);
PG_FUNCTION_INFO_V1(vectors_vector);
PG_FUNCTION_INFO_V1(vectors_vector_dims);

Vector *
vecpg_vector_new(int dimensions)
{
    Vector *vector = palloc0(VECTOR_SIZE(dimensions));

    SET_VARSIZE(vector, VECTOR_SIZE(dimensions));
    vector->dimensions = (uint16)dimensions;
    return vector;
}

int
vecpg_vector_compare(const Vector *a, const Vector *b)
{
    int shared = Min(a->dimensions, b->dimensions);

    for (int i = 0; i < shared; i++) {
        int order = vecpg_types_compare_float(a->x[i], b->x[i]);

        if (order != 0)
            return order;
    }
    return (int)a->dimensions - (int)b->dimensions;
}

Datum
vectors_vector_in(PG_FUNCTION_ARGS)
{
    const char *text = PG_GETARG_CSTRING(0);
    int32 typmod = PG_GETARG_INT32(2);
    size_t capacity = Min(vec_text_count_elements(text), (size_t)VECTORS_DIMENSIONS_MAX);
    Vector *vector = vecpg_vector_new((int)capacity);
    VecTextError error;
    size_t count;

    if (!vec_text_parse_f32(text, vector->x, capacity, &count, &error)) {
        vecpg_types_report_text(&vecpg_type_vector, text, &error, fcinfo->context);
        return (Datum)0;
    }
    if (!vecpg_types_check_dimensions(&vecpg_type_vector, (int64)count, fcinfo->context) ||
        !vecpg_types_check_typmod(typmod, (int)count, fcinfo->context))
        return (Datum)0;
    Assert(count == capacity);
    PG_RETURN_VECTOR_P(vector);
}

Datum
vectors_vector_out(PG_FUNCTION_ARGS)
{
    Vector *vector = PG_GETARG_VECTOR_P(0);
    char *text = vecpg_types_print_floats(vector->x, vector->dimensions);

    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_CSTRING(text);
}

Datum
vectors_vector_recv(PG_FUNCTION_ARGS)
{
    VecWire wire = vecpg_wire_receive(&vecpg_type_vector, VEC_WIRE_F32, (StringInfo)PG_GETARG_POINTER(0),
                                      PG_GETARG_INT32(2));
    Vector *vector = vecpg_vector_new((int)wire.dimensions);

    vec_wire_read_f32(&wire, vector->x);
    PG_RETURN_VECTOR_P(vector);
}

Datum
vectors_vector_send(PG_FUNCTION_ARGS)
{
    Vector *vector = PG_GETARG_VECTOR_P(0);
    VecWire wire;
    uint8 *target;
    bytea *message = vecpg_wire_new(&wire, VEC_WIRE_F32, vector->dimensions, 0, &target);

    vec_wire_write_f32(&wire, vector->x, target);
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_BYTEA_P(message);
}

Datum
vectors_vector_typmod_in(PG_FUNCTION_ARGS)
{
    PG_RETURN_INT32(vecpg_types_typmod_in(&vecpg_type_vector, PG_GETARG_ARRAYTYPE_P(0)));
}

/* The length coercion: vector to vector(n). */
Datum
vectors_vector(PG_FUNCTION_ARGS)
{
    Vector *vector = PG_GETARG_VECTOR_P(0);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), vector->dimensions, NULL);
    PG_RETURN_VECTOR_P(vector);
}

Datum
vectors_vector_dims(PG_FUNCTION_ARGS)
{
    Vector *vector = PG_GETARG_VECTOR_P(0);

    PG_RETURN_INT32(vector->dimensions);
}
