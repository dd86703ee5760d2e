/*
 * wire.c: the two binary forms of the five types: heads, elements, and everything that may be wrong with them.
 *
 * Numbers are taken and put byte by byte, so that neither alignment nor the machine's byte order matters; compilers make a load
 * and a swap of it. Floats pass as their bits: a NaN keeps its payload.
 */
#include "vectors/wire.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vectors/segment.h"

#define WORD_BITS 64 /* of pgvecto.rs' bits */

static bool __attribute__((format(printf, 2, 3))) malformed(VecWireError *error, const char *format, ...)
{
    va_list arguments;

    error->problem = VEC_WIRE_MALFORMED;
    va_start(arguments, format);
    vsnprintf(error->detail, sizeof(error->detail), format, arguments);
    va_end(arguments);
    return false;
}

static inline uint16_t
get16(const VecWire *wire, const uint8_t *p)
{
    return wire->is_little_endian ? (uint16_t)(p[0] | p[1] << 8) : (uint16_t)(p[1] | p[0] << 8);
}

static inline uint32_t
get32(const VecWire *wire, const uint8_t *p)
{
    return wire->is_little_endian ? p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24
                                  : p[3] | p[2] << 8 | p[1] << 16 | (uint32_t)p[0] << 24;
}

static inline float
get_float(const VecWire *wire, const uint8_t *p)
{
    uint32_t bits = get32(wire, p);
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline void
put16(const VecWire *wire, uint8_t *p, uint16_t value)
{
    p[!wire->is_little_endian] = (uint8_t)value;
    p[wire->is_little_endian] = (uint8_t)(value >> 8);
}

static inline void
put32(const VecWire *wire, uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[wire->is_little_endian ? i : 3 - i] = (uint8_t)(value >> 8 * i);
}

static inline void
put_float(const VecWire *wire, uint8_t *p, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put32(wire, p, bits);
}

static size_t
head_bytes(const VecWire *wire)
{
    switch (wire->type) {
        case VEC_WIRE_SPARSE:
            return wire->is_little_endian ? 8 : 12;
        default:
            return wire->is_little_endian ? 2 : 4;
    }
}

static uint64_t
element_bytes(const VecWire *wire)
{
    uint64_t dimensions = wire->dimensions;

    switch (wire->type) {
        case VEC_WIRE_F32:
            return dimensions * sizeof(float);
        case VEC_WIRE_F16:
            return dimensions * sizeof(uint16_t);
        case VEC_WIRE_SPARSE:
            return (uint64_t)wire->count * (sizeof(uint32_t) + sizeof(float));
        case VEC_WIRE_BITS:
            return wire->is_little_endian ? (dimensions + WORD_BITS - 1) / WORD_BITS * (WORD_BITS / 8)
                                          : (dimensions + 7) / 8;
        default:
            return 2 * sizeof(float) + dimensions;
    }
}

/* The dimensions as they are in the head; the network's sparse vectors and bits count them in an int32, as is their field. */
static int64_t
head_dimensions(const VecWire *wire, const uint8_t *bytes)
{
    if (wire->type == VEC_WIRE_SPARSE || (wire->type == VEC_WIRE_BITS && !wire->is_little_endian))
        return (int32_t)get32(wire, bytes);
    return get16(wire, bytes);
}

static bool
check_unused(const VecWire *wire, const uint8_t *bytes, VecWireError *error)
{
    uint32_t unused;

    if (wire->is_little_endian || wire->type == VEC_WIRE_BITS)
        return true;
    if (wire->type == VEC_WIRE_SPARSE) {
        unused = get32(wire, bytes + 8);
        return unused == 0 || malformed(error, "The third field must be 0, not %" PRIu32 ".", unused);
    }
    unused = get16(wire, bytes + 2);
    return unused == 0 || malformed(error, "The second field must be 0, not %" PRIu32 ".", unused);
}

bool
vec_wire_open(VecWire *wire, const uint8_t *bytes, size_t length, VecWireError *error)
{
    size_t head = head_bytes(wire);
    int64_t dimensions_max = wire->type == VEC_WIRE_SPARSE ? VEC_DIMENSIONS_MAX_SPARSE : VEC_DIMENSIONS_MAX;

    *error = (VecWireError){0};
    if (length < head)
        return malformed(error, "The head of %zu bytes is incomplete.", head);
    error->dimensions = head_dimensions(wire, bytes);
    if (error->dimensions < 1 || error->dimensions > dimensions_max) {
        error->problem = VEC_WIRE_DIMENSIONS;
        return false;
    }
    wire->dimensions = (uint32_t)error->dimensions;
    wire->count = wire->type == VEC_WIRE_SPARSE ? get32(wire, bytes + 4) : wire->dimensions;
    if (wire->count > wire->dimensions)
        return malformed(error, "There cannot be %" PRIu32 " elements in %" PRIu32 " dimensions.",
                         wire->count, wire->dimensions);
    if (!check_unused(wire, bytes, error))
        return false;
    if (length - head != element_bytes(wire))
        return malformed(error, "Expected %" PRIu64 " more bytes, but there are %zu.", element_bytes(wire),
                         length - head);
    wire->elements = bytes + head;
    return true;
}

void
vec_wire_read_f32(const VecWire *wire, float *x)
{
    for (uint32_t i = 0; i < wire->dimensions; i++)
        x[i] = get_float(wire, wire->elements + sizeof(float) * i);
}

void
vec_wire_read_f16(const VecWire *wire, uint16_t *x)
{
    for (uint32_t i = 0; i < wire->dimensions; i++)
        x[i] = get16(wire, wire->elements + sizeof(uint16_t) * i);
}

bool
vec_wire_read_sparse(const VecWire *wire, uint32_t *index, float *x, VecWireError *error)
{
    const uint8_t *values = wire->elements + sizeof(uint32_t) * (size_t)wire->count;

    for (uint32_t i = 0; i < wire->count; i++) {
        index[i] = get32(wire, wire->elements + sizeof(uint32_t) * i);
        if (index[i] >= wire->dimensions)
            return malformed(error, "The index %" PRIu32 " is not below the dimensions, %" PRIu32 ".",
                             index[i], wire->dimensions);
        if (i > 0 && index[i] <= index[i - 1])
            return malformed(error, "The index %" PRIu32 " follows %" PRIu32 "; indexes must ascend.",
                             index[i], index[i - 1]);
    }
    for (uint32_t i = 0; i < wire->count; i++) {
        x[i] = get_float(wire, values + sizeof(float) * i);
        if (x[i] == 0.0f)
            return malformed(error, "The element with index %" PRIu32 " is 0; zeros are left out.", index[i]);
    }
    return true;
}

/* From the other end. */
static inline uint8_t
mirrored(uint8_t byte)
{
    byte = (uint8_t)(byte >> 4 | byte << 4);
    byte = (uint8_t)((byte >> 2 & 0x33) | (byte & 0x33) << 2);
    return (uint8_t)((byte >> 1 & 0x55) | (byte & 0x55) << 1);
}

bool
vec_wire_read_bits(const VecWire *wire, uint8_t *bits, VecWireError *error)
{
    uint32_t dimensions = wire->dimensions, byte_count = (dimensions + 7) / 8;
    unsigned behind = 0;

    for (uint32_t i = 0; i < byte_count; i++)
        bits[i] = wire->is_little_endian ? mirrored(wire->elements[i]) : wire->elements[i];
    if (dimensions % 8 != 0)
        behind = bits[byte_count - 1] & 0xFFu >> dimensions % 8;
    for (uint64_t i = byte_count; i < element_bytes(wire); i++)
        behind |= wire->elements[i];
    return behind == 0 || malformed(error, "The bits behind the last element must be 0.");
}

bool
vec_wire_read_i8(const VecWire *wire, float *scale, float *offset, int8_t *x, VecWireError *error)
{
    *scale = get_float(wire, wire->elements);
    *offset = get_float(wire, wire->elements + sizeof(float));
    if (!isfinite(*scale) || !isfinite(*offset))
        return malformed(error, "The scale and the offset must be finite.");
    memcpy(x, wire->elements + 2 * sizeof(float), wire->dimensions);
    return true;
}

size_t
vec_wire_bytes(const VecWire *wire)
{
    return head_bytes(wire) + (size_t)element_bytes(wire);
}

/* Returns where the elements begin. */
static uint8_t *
write_head(const VecWire *wire, uint8_t *target)
{
    memset(target, 0, head_bytes(wire));
    if (wire->type == VEC_WIRE_SPARSE) {
        put32(wire, target, wire->dimensions);
        put32(wire, target + 4, wire->count);
    } else if (wire->type == VEC_WIRE_BITS && !wire->is_little_endian) {
        put32(wire, target, wire->dimensions);
    } else {
        put16(wire, target, (uint16_t)wire->dimensions);
    }
    return target + head_bytes(wire);
}

void
vec_wire_write_f32(const VecWire *wire, const float *x, uint8_t *target)
{
    target = write_head(wire, target);
    for (uint32_t i = 0; i < wire->dimensions; i++)
        put_float(wire, target + sizeof(float) * i, x[i]);
}

void
vec_wire_write_f16(const VecWire *wire, const uint16_t *x, uint8_t *target)
{
    target = write_head(wire, target);
    for (uint32_t i = 0; i < wire->dimensions; i++)
        put16(wire, target + sizeof(uint16_t) * i, x[i]);
}

void
vec_wire_write_sparse(const VecWire *wire, const uint32_t *index, const float *x, uint8_t *target)
{
    target = write_head(wire, target);
    for (uint32_t i = 0; i < wire->count; i++)
        put32(wire, target + sizeof(uint32_t) * i, index[i]);
    target += sizeof(uint32_t) * (size_t)wire->count;
    for (uint32_t i = 0; i < wire->count; i++)
        put_float(wire, target + sizeof(float) * i, x[i]);
}

void
vec_wire_write_bits(const VecWire *wire, const uint8_t *bits, uint8_t *target)
{
    uint32_t byte_count = (wire->dimensions + 7) / 8;

    target = write_head(wire, target);
    memset(target, 0, (size_t)element_bytes(wire));
    for (uint32_t i = 0; i < byte_count; i++)
        target[i] = wire->is_little_endian ? mirrored(bits[i]) : bits[i];
}

void
vec_wire_write_i8(const VecWire *wire, float scale, float offset, const int8_t *x, uint8_t *target)
{
    target = write_head(wire, target);
    put_float(wire, target, scale);
    put_float(wire, target + sizeof(float), offset);
    memcpy(target + 2 * sizeof(float), x, wire->dimensions);
}
