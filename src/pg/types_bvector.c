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

/* As core's bit: int32 length, then the bytes as they are stored. */
static BVector *
receive_network(StringInfo message, int32 typmod)
{
    BVector *vector;
    int64 dimensions;

    if (message->len - message->cursor < 4)
        vecpg_types_report_binary(&vecpg_type_bvector, "The head of 4 bytes is incomplete.");
    dimensions = (int32)pq_getmsgint(message, 4);
    vecpg_types_check_dimensions(&vecpg_type_bvector, dimensions, NULL);
    vecpg_types_check_typmod(typmod, (int)dimensions, NULL);
    vecpg_types_check_binary_length(&vecpg_type_bvector, message, (int64)BVECTOR_BYTES(dimensions));
    vector = vecpg_bvector_new((int)dimensions);
    pq_copymsgbytes(message, (char *)vector->bits, (int)BVECTOR_BYTES(dimensions));
    if (dimensions % 8 != 0 && (vector->bits[dimensions / 8] & 0xFF >> dimensions % 8) != 0)
        vecpg_types_report_binary(&vecpg_type_bvector, "The bits behind the last element must be 0.");
    return vector;
}

/* uint16 dimensions, then little-endian words of 64 bits, element 0 in the lowest. */
static BVector *
receive_little_endian(StringInfo message, int32 typmod)
{
    BVector *vector;
    int dimensions;

    if (message->len - message->cursor < 2)
        vecpg_types_report_binary(&vecpg_type_bvector, "The head of 2 bytes is incomplete.");
    dimensions = vecpg_wire_get_le16(message);
    vecpg_types_check_dimensions(&vecpg_type_bvector, dimensions, NULL);
    vecpg_types_check_typmod(typmod, dimensions, NULL);
    vecpg_types_check_binary_length(&vecpg_type_bvector, message, (dimensions + 63) / 64 * 8);
    vector = vecpg_bvector_new(dimensions);
    for (int i = 0; i < (dimensions + 63) / 64 * 64; i += 8) {
        int byte = pq_getmsgbyte(message);

        for (int j = 0; j < 8; j++) {
            if ((byte >> j & 1) == 0)
                continue;
            if (i + j >= dimensions)
                vecpg_types_report_binary(&vecpg_type_bvector, "The bits behind the last element must be 0.");
            vecpg_bvector_set(vector, i + j);
        }
    }
    return vector;
}

Datum
vectors_bvector_recv(PG_FUNCTION_ARGS)
{
    StringInfo message = (StringInfo)PG_GETARG_POINTER(0);
    int32 typmod = PG_GETARG_INT32(2);

    if (vecpg_wire_is_little_endian())
        PG_RETURN_BVECTOR_P(receive_little_endian(message, typmod));
    PG_RETURN_BVECTOR_P(receive_network(message, typmod));
}

static void
send_little_endian(StringInfo message, const BVector *vector)
{
    vecpg_wire_send_le16(message, vector->dimensions);
    for (int i = 0; i < (vector->dimensions + 63) / 64 * 64; i += 8) {
        int byte = 0;

        for (int j = 0; j < 8 && i + j < vector->dimensions; j++)
            byte |= vecpg_bvector_get(vector, i + j) << j;
        pq_sendbyte(message, (uint8)byte);
    }
}

Datum
vectors_bvector_send(PG_FUNCTION_ARGS)
{
    BVector *vector = PG_GETARG_BVECTOR_P(0);
    StringInfoData message;

    pq_begintypsend(&message);
    if (vecpg_wire_is_little_endian()) {
        send_little_endian(&message, vector);
    } else {
        pq_sendint32(&message, vector->dimensions);
        pq_sendbytes(&message, (const char *)vector->bits, (int)BVECTOR_BYTES(vector->dimensions));
    }
    PG_FREE_IF_COPY(vector, 0);
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
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
