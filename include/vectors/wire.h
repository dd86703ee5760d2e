/*
 * wire.h: the binary form of vectors on the wire, read and written for the types' receive and send functions; knows no type of
 * PostgreSQL, so that it can be fuzzed alone.
 *
 * Two forms: pgvector's in network byte order, and pgvecto.rs' in little endian.
 *
 *     type     pgvector                                                     pgvecto.rs
 *     F32      uint16 dimensions, int16 0, float[dimensions]                uint16 dimensions, float[dimensions]
 *     F16      the same with half[]                                         the same with half[]
 *     I8       the same with float scale, float offset, int8[]              the same
 *     SPARSE   int32 dimensions, int32 count, int32 0, int32 index[count],  uint32 dimensions, uint32 count,
 *              float[count]                                                 uint32 index[count], float[count]
 *     BITS     int32 dimensions, bytes: element 0 is the highest bit        uint16 dimensions, uint64 words[]: element 0 is the lowest
 *
 * Whatever the bytes are, nothing beyond their length is read, and what was accepted is written back as the same bytes.
 */
#ifndef VECTORS_WIRE_H
#define VECTORS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum VecWireType {
    VEC_WIRE_F32,
    VEC_WIRE_F16,
    VEC_WIRE_SPARSE,
    VEC_WIRE_BITS,
    VEC_WIRE_I8
} VecWireType;

typedef enum VecWireProblem {
    VEC_WIRE_OK = 0,
    VEC_WIRE_DIMENSIONS, /* error.dimensions is not in 1 .. the type's most (vectors/segment.h) */
    VEC_WIRE_MALFORMED   /* error.detail says what is wrong, a sentence */
} VecWireProblem;

typedef struct VecWireError {
    VecWireProblem problem;
    int64_t dimensions;
    char detail[96];
} VecWireError;

/* A message: the head, and where its elements are. To read, vec_wire_open fills it; to write, the caller fills the first four. */
typedef struct VecWire {
    VecWireType type;
    bool is_little_endian; /* pgvecto.rs' form */
    uint32_t dimensions;
    uint32_t count;          /* of SPARSE: elements that are there; of others unused */
    const uint8_t *elements; /* into the caller's bytes */
} VecWire;

/*
 * Reads the head of a message with type and is_little_endian set, and checks it: dimensions, fields that must be 0, and that as
 * many bytes follow as it promises. False on a problem, which is in *error. Afterwards the caller knows how much room to make.
 */
bool vec_wire_open(VecWire *wire, const uint8_t *bytes, size_t length, VecWireError *error);

/*
 * The elements of an open message. Dimensions elements are stored; of SPARSE count indexes, which ascend below the dimensions,
 * and numbers, none of which is 0; of BITS ceil(dimensions / 8) bytes, element i in 0x80 >> i % 8 of bits[i / 8], those behind the
 * last 0. Scale and offset of I8 are finite. False on a problem: then what was stored is of no use.
 */
void vec_wire_read_f32(const VecWire *wire, float *x);
void vec_wire_read_f16(const VecWire *wire, uint16_t *x);
bool vec_wire_read_sparse(const VecWire *wire, uint32_t *index, float *x, VecWireError *error);
bool vec_wire_read_bits(const VecWire *wire, uint8_t *bits, VecWireError *error);
bool vec_wire_read_i8(const VecWire *wire, float *scale, float *offset, int8_t *x, VecWireError *error);

/* Bytes of the whole message; and writing it, so many bytes. */
size_t vec_wire_bytes(const VecWire *wire);
void vec_wire_write_f32(const VecWire *wire, const float *x, uint8_t *target);
void vec_wire_write_f16(const VecWire *wire, const uint16_t *x, uint8_t *target);
void vec_wire_write_sparse(const VecWire *wire, const uint32_t *index, const float *x, uint8_t *target);
void vec_wire_write_bits(const VecWire *wire, const uint8_t *bits, uint8_t *target);
void vec_wire_write_i8(const VecWire *wire, float scale, float offset, const int8_t *x, uint8_t *target);

#endif
