/*
 * types_wire.h: the two binary forms: pgvector's in network byte order, pgvecto.rs' in little endian; vectors.wire_format chooses.
 *
 * Numbers of pqformat.h are in network byte order; swapping its results gives little endian on any machine.
 */
#ifndef VECPG_TYPES_WIRE_H
#define VECPG_TYPES_WIRE_H

#include "postgres.h"

#include "guc.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"

static inline bool
vecpg_wire_is_little_endian(void)
{
    return vecpg_guc_wire_format == VECPG_WIRE_PGVECTORS;
}

static inline uint16
vecpg_wire_get_le16(StringInfo message)
{
    return pg_bswap16((uint16)pq_getmsgint(message, 2));
}

static inline uint32
vecpg_wire_get_le32(StringInfo message)
{
    return pg_bswap32(pq_getmsgint(message, 4));
}

static inline void
vecpg_wire_send_le16(StringInfo message, uint16 value)
{
    pq_sendint16(message, pg_bswap16(value));
}

static inline void
vecpg_wire_send_le32(StringInfo message, uint32 value)
{
    pq_sendint32(message, pg_bswap32(value));
}

/* In the byte order that the setting chooses. */
static inline uint32
vecpg_wire_get32(StringInfo message)
{
    return vecpg_wire_is_little_endian() ? vecpg_wire_get_le32(message) : pq_getmsgint(message, 4);
}

static inline void
vecpg_wire_send32(StringInfo message, uint32 value)
{
    pq_sendint32(message, vecpg_wire_is_little_endian() ? pg_bswap32(value) : value);
}

static inline uint16
vecpg_wire_get16(StringInfo message)
{
    return vecpg_wire_is_little_endian() ? vecpg_wire_get_le16(message) : (uint16)pq_getmsgint(message, 2);
}

static inline void
vecpg_wire_send16(StringInfo message, uint16 value)
{
    pq_sendint16(message, vecpg_wire_is_little_endian() ? pg_bswap16(value) : value);
}

static inline float
vecpg_wire_get_float(StringInfo message)
{
    uint32 bits = vecpg_wire_get32(message);
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline void
vecpg_wire_send_float(StringInfo message, float value)
{
    uint32 bits;

    memcpy(&bits, &value, sizeof(bits));
    vecpg_wire_send32(message, bits);
}

#endif
