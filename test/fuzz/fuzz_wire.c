/*
 * fuzz_wire.c: any bytes as the binary form of a vector: nothing beyond them is read, what is accepted is in order, and it is written
 * back as the same bytes. The first byte says which type and form; the rest is the message.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors/segment.h"
#include "vectors/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A block of exactly this size: a step beyond it is seen. What was not written is not 0. */
static void *
block(size_t size)
{
    void *memory = malloc(size);

    REQUIRE(memory != NULL || size == 0);
    if (size > 0)
        memset(memory, 0xA5, size);
    return memory;
}

static void
check_error(const VecWire *wire, const VecWireError *error)
{
    int64_t most = wire->type == VEC_WIRE_SPARSE ? VEC_DIMENSIONS_MAX_SPARSE : VEC_DIMENSIONS_MAX;

    if (error->problem == VEC_WIRE_DIMENSIONS)
        REQUIRE(error->dimensions < 1 || error->dimensions > most);
    else
        REQUIRE(error->problem == VEC_WIRE_MALFORMED && strlen(error->detail) > 0 &&
                error->detail[strlen(error->detail) - 1] == '.');
}

static bool
pass_f32(const VecWire *wire, uint8_t *written)
{
    float *x = block(sizeof(float) * wire->dimensions);

    vec_wire_read_f32(wire, x);
    vec_wire_write_f32(wire, x, written);
    free(x);
    return true;
}

static bool
pass_f16(const VecWire *wire, uint8_t *written)
{
    uint16_t *x = block(sizeof(uint16_t) * wire->dimensions);

    vec_wire_read_f16(wire, x);
    vec_wire_write_f16(wire, x, written);
    free(x);
    return true;
}

static bool
pass_sparse(const VecWire *wire, uint8_t *written, VecWireError *error)
{
    uint32_t *index = block(sizeof(uint32_t) * wire->count);
    float *x = block(sizeof(float) * wire->count);
    bool accepted = vec_wire_read_sparse(wire, index, x, error);

    for (uint32_t i = 0; accepted && i < wire->count; i++) {
        REQUIRE(index[i] < wire->dimensions && (i == 0 || index[i - 1] < index[i]));
        REQUIRE(x[i] != 0.0f);
    }
    if (accepted)
        vec_wire_write_sparse(wire, index, x, written);
    free(index);
    free(x);
    return accepted;
}

static bool
pass_bits(const VecWire *wire, uint8_t *written, VecWireError *error)
{
    uint32_t dimensions = wire->dimensions;
    uint8_t *bits = block((dimensions + 7) / 8);
    bool accepted = vec_wire_read_bits(wire, bits, error);

    if (accepted) {
        REQUIRE(dimensions % 8 == 0 || (bits[dimensions / 8] & 0xFF >> dimensions % 8) == 0);
        vec_wire_write_bits(wire, bits, written);
    }
    free(bits);
    return accepted;
}

static bool
pass_i8(const VecWire *wire, uint8_t *written, VecWireError *error)
{
    int8_t *x = block(wire->dimensions);
    float scale, offset;
    bool accepted = vec_wire_read_i8(wire, &scale, &offset, x, error);

    if (accepted) {
        REQUIRE(isfinite(scale) && isfinite(offset));
        vec_wire_write_i8(wire, scale, offset, x, written);
    }
    free(x);
    return accepted;
}

static bool
pass(const VecWire *wire, uint8_t *written, VecWireError *error)
{
    switch (wire->type) {
        case VEC_WIRE_F32:
            return pass_f32(wire, written);
        case VEC_WIRE_F16:
            return pass_f16(wire, written);
        case VEC_WIRE_SPARSE:
            return pass_sparse(wire, written, error);
        case VEC_WIRE_BITS:
            return pass_bits(wire, written, error);
        default:
            return pass_i8(wire, written, error);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VecWire wire = {0};
    VecWireError error = {0};
    uint8_t *message, *written;

    if (size == 0)
        return 0;
    wire.type = (VecWireType)(data[0] / 2 % 5);
    wire.is_little_endian = data[0] % 2 == 1;
    message = block(--size);
    memcpy(message, data + 1, size);
    if (vec_wire_open(&wire, message, size, &error)) {
        REQUIRE(vec_wire_bytes(&wire) == size);
        written = block(size);
        if (pass(&wire, written, &error))
            REQUIRE(memcmp(message, written, size) == 0);
        else
            check_error(&wire, &error);
        free(written);
    } else {
        check_error(&wire, &error);
    }
    free(message);
    return 0;
}
