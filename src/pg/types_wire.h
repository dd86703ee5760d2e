/*
 * types_wire.h: receiving and sending vectors: the engine reads and writes the bytes, vectors.wire_format chooses their form.
 */
#ifndef VECPG_TYPES_WIRE_H
#define VECPG_TYPES_WIRE_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "types_common.h"
#include "vectors/wire.h"

/*
 * Opens the rest of the message and consumes it. Raises 22023 for impossible dimensions, 22P03 for anything else that is wrong with
 * the head or the length, 22000 if the typmod wants other dimensions.
 */
extern VecWire vecpg_wire_receive(const VecpgTypeInfo *type, VecWireType wire_type, StringInfo message,
                                  int32 typmod);

/* 22P03 with what the reader found. */
extern void vecpg_wire_report(const VecpgTypeInfo *type, const VecWireError *error) __attribute__((noreturn));

/* A new bytea for a message of so many dimensions, of a sparse vector count elements; *target is where it is to be written. */
extern bytea *vecpg_wire_new(VecWire *wire, VecWireType wire_type, int dimensions, int count, uint8 **target);

#endif
