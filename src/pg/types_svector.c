/*
 * types_svector.c: input, output and dimensions of the type svector.
 */
#include "postgres.h"

#include "types_common.h"
#include "types_svector.h"
#include "types_wire.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(vectors_svector_in);
PG_FUNCTION_INFO_V1(vectors_svector_out);
PG_FUNCTION_INFO_V1(vectors_svector_recv);
PG_FUNCTION_INFO_V1(vectors_svector_send);
PG_FUNCTION_INFO_V1(vectors_svector_typmod_in);
PG_FUNCTION_INFO_V1(vectors_svector);
PG_FUNCTION_INFO_V1(vectors_svector_dims);

SVector *
vecpg_svector_new(int dimensions, int count)
{
    SVector *vector = palloc(SVECTOR_SIZE(count));

    SET_VARSIZE(vector, SVECTOR_SIZE(count));
    vector->dimensions = (uint32)dimensions;
    vector->count = (uint32)count;
    return vector;
}

void
vecpg_svector_densify(const SVector *vector, float *x)
{
    const float *values = vecpg_svector_values(vector);

    memset(x, 0, sizeof(float) * vector->dimensions);
    for (uint32 i = 0; i < vector->count; i++)
        x[vector->index[i]] = values[i];
}

SVector *
vecpg_svector_from_dense(const float *x, int dimensions)
{
    SVector *vector;
    float *values;
    int count = 0;

    for (int i = 0; i < dimensions; i++)
        count += x[i] != 0.0f;
    vector = vecpg_svector_new(dimensions, count);
    values = vecpg_svector_values(vector);
    count = 0;
    for (int i = 0; i < dimensions; i++) {
        if (x[i] != 0.0f) {
            vector->index[count] = (uint32)i;
            values[count++] = x[i];
        }
    }
    return vector;
}

int
vecpg_svector_compare(const SVector *a, const SVector *b)
{
    const float *values_a = vecpg_svector_values(a), *values_b = vecpg_svector_values(b);
    uint32 shared = Min(a->dimensions, b->dimensions), i = 0, j = 0;

    for (;;) {
        uint32 index_a = i < a->count ? a->index[i] : shared;
        uint32 index_b = j < b->count ? b->index[j] : shared;
        int order;

        /* What lies beyond the shorter one's end is for the dimensions to decide. */
        if (Min(index_a, index_b) >= shared)
            break;
        order = vecpg_types_compare_float(index_a <= index_b ? values_a[i] : 0.0f,
                                          index_b <= index_a ? values_b[j] : 0.0f);
        if (order != 0)
            return order;
        i += index_a <= index_b;
        j += index_b <= index_a;
    }
    return (a->dimensions > b->dimensions) - (a->dimensions < b->dimensions);
}

Datum
vectors_svector_in(PG_FUNCTION_ARGS)
{
    const char *text = PG_GETARG_CSTRING(0);
    VecTextSparse sparse = {.dimensions_max = SVECTOR_DIMENSIONS_MAX};
    VecTextError error;
    SVector *vector;

    sparse.capacity = Min(vec_text_count_elements(text), (size_t)SVECTOR_DIMENSIONS_MAX);
    sparse.index = palloc(sizeof(uint32) * sparse.capacity);
    sparse.x = palloc(sizeof(float) * sparse.capacity);
    if (!vec_text_parse_sparse(text, &sparse, &error)) {
        vecpg_types_report_text(&vecpg_type_svector, text, &error, fcinfo->context);
        return (Datum)0;
    }
    if (!vecpg_types_check_typmod(PG_GETARG_INT32(2), (int)sparse.dimensions, fcinfo->context))
        return (Datum)0;
    vector = vecpg_svector_new((int)sparse.dimensions, (int)sparse.count);
    memcpy(vector->index, sparse.index, sizeof(uint32) * sparse.count);
    memcpy(vecpg_svector_values(vector), sparse.x, sizeof(float) * sparse.count);
    pfree(sparse.index);
    pfree(sparse.x);
    PG_RETURN_SVECTOR_P(vector);
}

Datum
vectors_svector_out(PG_FUNCTION_ARGS)
{
    SVector *vector = PG_GETARG_SVECTOR_P(0);
    const float *values = vecpg_svector_values(vector);
    /* "1048574:" and ", " beside each number, "{}/1048575" around. */
    char *text = palloc((Size)vector->count * (VECPG_FLOAT_DIGITS_MAX + 10) + 16);
    char *p = text;

    *p++ = '{';
    for (uint32 i = 0; i < vector->count; i++) {
        if (i > 0) {
            *p++ = ',';
            *p++ = ' ';
        }
        p += pg_ultoa_n(vector->index[i], p);
        *p++ = ':';
        p += vecpg_types_print_float(values[i], p);
    }
    *p++ = '}';
    *p++ = '/';
    p += pg_ultoa_n(vector->dimensions, p);
    *p = '\0';
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_CSTRING(text);
}

Datum
vectors_svector_recv(PG_FUNCTION_ARGS)
{
    VecWire wire = vecpg_wire_receive(&vecpg_type_svector, VEC_WIRE_SPARSE, (StringInfo)PG_GETARG_POINTER(0),
                                      PG_GETARG_INT32(2));
    SVector *vector = vecpg_svector_new((int)wire.dimensions, (int)wire.count);
    VecWireError error;

    if (!vec_wire_read_sparse(&wire, vector->index, vecpg_svector_values(vector), &error))
        vecpg_wire_report(&vecpg_type_svector, &error);
    PG_RETURN_SVECTOR_P(vector);
}

Datum
vectors_svector_send(PG_FUNCTION_ARGS)
{
    SVector *vector = PG_GETARG_SVECTOR_P(0);
    VecWire wire;
    uint8 *target;
    bytea *message =
        vecpg_wire_new(&wire, VEC_WIRE_SPARSE, (int)vector->dimensions, (int)vector->count, &target);

    vec_wire_write_sparse(&wire, vector->index, vecpg_svector_values(vector), target);
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_BYTEA_P(message);
}

Datum
vectors_svector_typmod_in(PG_FUNCTION_ARGS)
{
    PG_RETURN_INT32(vecpg_types_typmod_in(&vecpg_type_svector, PG_GETARG_ARRAYTYPE_P(0)));
}

/* The length coercion: svector to svector(n). */
Datum
vectors_svector(PG_FUNCTION_ARGS)
{
    SVector *vector = PG_GETARG_SVECTOR_P(0);

    vecpg_types_check_typmod(PG_GETARG_INT32(1), (int)vector->dimensions, NULL);
    PG_RETURN_SVECTOR_P(vector);
}

Datum
vectors_svector_dims(PG_FUNCTION_ARGS)
{
    SVector *vector = PG_GETARG_SVECTOR_P(0);

    PG_RETURN_INT32((int32)vector->dimensions);
}
