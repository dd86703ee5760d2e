/*
 * types_bvector.c: input, output and dimensions of the type bvector.
 */
#include "postgres.h"

#include "types_bvector.h"
#include "types_common.h"
#include "types_wire.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(vectors_bvector_in);
PG_FUNCTION_INFO_V1(vectors_bvector_out);
PG_FUNCTION_INFO_V1(vectors_bvector_recv);
PG_FUNCTION_INFO_V1(vectors_bvector_send);
PG_FUNCTION_INFO_V1(vectors_bvector_typmod_in);
PG_FUNCTION_INFO_V1(vectors_bvector);
PG_FUNCTION_INFO_V1(vectors_bvector_dims);

BVector *
vecpg_bvector_new(int dimensions)
{
    BVector *vector = palloc0(BVECTOR_SIZE(dimensions));

    SET_VARSIZE(vector, BVECTOR_SIZE(dimensions));
    vector->dimensions = (uint16)dimensions;
    vector->tag = BVECTOR_TAG;
    return vector;
}

int
vecpg_bvector_compare(const BVector *a, const BVector *b)
{
    /* The bits behind the shorter one's end are 0 there: they must not make it the smaller, nor hide a difference before. */
    int shared = Min(a->dimensions, b->dimensions);
    int order = memcmp(a->bits, b->bits, shared / 8);

    if (order != 0)
        return order;
    if (shared % 8 != 0) {
        int mask = 0xFF00 >> shared % 8 & 0xFF;

        order = (a->bits[shared / 8] & mask) - (b->bits[shared / 8] & mask);
        if (order != 0)
            return order;
    }
    return (int)a->dimensions - (int)b->dimensions;
}

void
vecpg_bvector_copy_bits(BVector *target, int at, const BVector *source, int start, int count)
{
    if (at % 8 == 0 && start % 8 == 0) {
        int whole = count / 8 * 8;

        memcpy(target->bits + at / 8, source->bits + start / 8, whole / 8);
        at += whole;
        start += whole;
        count -= whole;
    }
    for (int i = 0; i < count; i++)
        if (vecpg_bvector_get(source, start + i))
            vecpg_bvector_set(target, at + i);
}

Datum
vectors_bvector_in(PG_FUNCTION_ARGS)
{
    const char *text = PG_GETARG_CSTRING(0);
    size_t capacity = Min(vec_text_count_elements(text), (size_t)VECTORS_DIMENSIONS_MAX);
    BVector *vector = vecpg_bvector_new((int)capacity);
    VecTextError error;
    size_t count;

    if (!vec_text_parse_bits(text, vector->bits, capacity, &count, &error)) {
        vecpg_types_report_text(&vecpg_type_bvector, text, &error, fcinfo->context);
        return (Datum)0;
    }
    if (!vecpg_types_check_dimensions(&vecpg_type_bvector, (int64)count, fcinfo->context) ||
        !vecpg_types_check_typmod(PG_GETARG_INT32(2), (int)count, fcinfo->context))
        return (Datum)0;
    Assert(count == capacity);
    PG_RETURN_BVECTOR_P(vector);
}

Datum
vectors_bvector_out(PG_FUNCTION_ARGS)
{
    BVector *vector = PG_GETARG_BVECTOR_P(0);
    char *text = palloc((Size)vector->dimensions * 3 + 3);
    char *p = text;

    *p++ = '[';
    for (int i = 0; i < vector->dimensions; i++) {
        if (i > 0) {
            *p++ = ',';
            *p++ = ' ';
        }
        *p++ = vecpg_bvector_get(vector, i) ? '1' : '0';
    }
    *p++ = ']';
    *p = '\0';
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_CSTRING(text);
}

Datum
vectors_bvector_recv(PG_FUNCTION_ARGS)
{
    VecWire wire = vecpg_wire_receive(&vecpg_type_bvector, VEC_WIRE_BITS, (StringInfo)PG_GETARG_POINTER(0),
                                      PG_GETARG_INT32(2));
    BVector *vector = vecpg_bvector_new((int)wire.dimensions);
    VecWireError error;

    if (!vec_wire_read_bits(&wire, vector->bits, &error))
        vecpg_wire_report(&vecpg_type_bvector, &error);
    PG_RETURN_BVECTOR_P(vector);
}

Datum
vectors_bvector_send(PG_FUNCTION_ARGS)
{
    BVector *vector = PG_GETARG_BVECTOR_P(0);
    VecWire wire;
    uint8 *target;
    bytea *message = vecpg_wire_new(&wire, VEC_WIRE_BITS, vector->dimensions, 0, &target);

    vec_wire_write_bits(&wire, vector->bits, target);
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_BYTEA_P(message);
}

Datum
vectors_bvector_typmod_in(PG_FUNCTION_ARGS)
{
    PG_RETURN_INT32(vecpg_types_typmod_in(&vecpg_type_bvector, PG_GETARG_ARRAYTYPE_P(0)));
}

/* The length coercion: bvector to bvector(n). */
Datum
vectors_bvector(PG_FUNCTION_ARGS)
{
    BVector *vector = PG_GETARG_BVECTOR_P(0);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), vector->dimensions, NULL);
    PG_RETURN_BVECTOR_P(vector);
}

Datum
vectors_bvector_dims(PG_FUNCTION_ARGS)
{
    BVector *vector = PG_GETARG_BVECTOR_P(0);

    PG_RETURN_INT32(vector->dimensions);
}
