/*
 * types_wire.c: receiving and sending vectors, what their types share.
 */
#include "postgres.h"

#include "guc.h"
#include "types_wire.h"

VecWire
vecpg_wire_receive(const VecpgTypeInfo *type, VecWireType wire_type, StringInfo message, int32 typmod)
{
    VecWire wire = {.type = wire_type, .is_little_endian = vecpg_guc_wire_format == VECPG_WIRE_PGVECTORS};
    VecWireError error;

    if (!vec_wire_open(&wire, (const uint8 *)message->data + message->cursor,
                       (size_t)(message->len - message->cursor), &error)) {
        if (error.problem == VEC_WIRE_DIMENSIONS)
            (void)vecpg_types_check_dimensions(type, error.dimensions, NULL);
        vecpg_wire_report(type, &error);
    }
    vecpg_types_check_typmod(typmod, (int)wire.dimensions, NULL);
    message->cursor = message->len;
    return wire;
}

void
vecpg_wire_report(const VecpgTypeInfo *type, const VecWireError *error)
{
    vecpg_types_report_binary(type, "%s", error->detail);
}

bytea *
vecpg_wire_new(VecWire *wire, VecWireType wire_type, int dimensions, int count, uint8 **target)
{
    bytea *message;
    Size bytes;

    *wire = (VecWire){.type = wire_type,
                      .is_little_endian = vecpg_guc_wire_format == VECPG_WIRE_PGVECTORS,
                      .dimensions = (uint32)dimensions,
                      .count = (uint32)count};
    bytes = VARHDRSZ + vec_wire_bytes(wire);
    message = palloc(bytes);
    SET_VARSIZE(message, bytes);
    *target = (uint8 *)VARDATA(message);
    return message;
}
