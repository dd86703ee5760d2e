/*
 * segment.h: what describes a segment: its options, where in the log and in history it belongs, and how a caller stops a
 * long computation.
 */
#ifndef VECTORS_SEGMENT_H
#define VECTORS_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vectors/distance.h"
#include "vectors/filter.h"

#define VEC_DIMENSIONS_MAX        65535
#define VEC_DIMENSIONS_MAX_SPARSE 1048575

/*
 * A vector on its way into the engine is a pointer, aligned to four bytes, and its length in bytes:
 *
 *     F32, F16, I8   float[dimensions]; the caller widens the latter two
 *     BIT            ceil(dimensions / 8) bytes; the bits beyond the dimensions are 0, where the others stand is the caller's
 *                    choice as long as it is always the same
 *     SPARSE         uint32_t[n] indexes, ascending strictly and below the dimensions, then float[n], n = 0 .. dimensions
 *
 * Bytes of any other shape are VEC_INVALID.
 */

/* Local row numbers are uint32 with one bit to spare. */
#define VEC_SEGMENT_ROWS_MAX ((UINT64_C(1) << 31) - 2)
#define VEC_TID_BYTES        6
#define VEC_LISTS_MAX        1000000 /* of an IVF segment */
#define VEC_FILE_NAME_BYTES  80      /* longest file name in a segment directory, with its final zero */

/*
 * Polled in every long loop, from the thread that called the engine and from no other, at least every 20 ms. It returns
 * true to stop: the engine joins its threads, leaves the object intact and returns VEC_INTERRUPTED. It must return (no
 * longjmp). rows_total is 0 where the end is not known.
 */
typedef bool (*VecShouldStop)(void *context, uint64_t rows_done, uint64_t rows_total);

typedef enum VecSegmentKind {
    VEC_SEGMENT_FLAT = 0,    /* codes only: a search reads them all */
    VEC_SEGMENT_HNSW = 1,    /* codes and a navigable graph */
    VEC_SEGMENT_IVF = 2,     /* codes and lists around centroids: F32, F16, I8 */
    VEC_SEGMENT_INVERTED = 3 /* codes and a list for each dimension: SPARSE with DOT */
} VecSegmentKind;

typedef enum VecQuantization {
    VEC_QUANTIZATION_SCALAR = 1, /* quantization_bits 1 .. 8 bits a dimension */
    VEC_QUANTIZATION_TRIVIAL = 2 /* full precision, in float32; quantization_bits are ignored, but in range */
} VecQuantization;

/*
 * What determines a segment's contents. The first three and key_count must equal the column's for the segment to be usable;
 * without an order of its own a key is only slower to search by.
 */
typedef struct VecSegmentOptions {
    VecElementType element_type;
    VecMetric metric;
    uint32_t dimensions; /* 1 .. VEC_DIMENSIONS_MAX, of SPARSE 1 .. VEC_DIMENSIONS_MAX_SPARSE */
    VecSegmentKind kind;
    VecQuantization quantization;
    uint32_t quantization_bits;
    uint32_t m;               /* M of HNSW: degree of the upper layers, the bottom layer has 2 M; 4 .. 128 */
    uint32_t ef_construction; /* 10 .. 2000 */
    uint32_t list_count;      /* IVF: 1 .. 1,000,000; few rows get fewer */
    bool is_spherical;        /* IVF: centroids have length 1 */
    bool is_residual;         /* FLAT, IVF; SCALAR: codes are of residuals, to up to 256 means */
    uint32_t key_count;       /* of a row (vectors/filter.h), 0 .. VEC_KEYS_MAX */
    uint64_t key_ordered;     /* bit k: rows are sorted by key k, too, 5 bytes a row; not for signatures */
} VecSegmentOptions;

/* The defaults chosen by measurement (bench/engine), for F32, L2, 1 dimension: set these three and change what you like. */
extern const VecSegmentOptions vec_segment_options_default;

/* The bits of scalar codes that do best at so many dimensions. */
uint32_t vec_segment_bits_default(uint32_t dimensions);

/* A number that differs when the options do: kept in every segment, so that the caller sees which were built with others. */
uint64_t vec_segment_options_hash(const VecSegmentOptions *options);

/* Where a segment belongs: instance of the index, history of the server, range of the log. Opaque to the engine. */
typedef struct VecStamp {
    uint64_t instance_nonce;
    uint64_t lsn;
    uint64_t position_from; /* covers [position_from, position_to) */
    uint64_t position_to;
    uint32_t timeline;
    uint32_t reserved; /* 0 */
} VecStamp;

/* One row as the log knows it; the TID's six bytes are carried, never interpreted. */
typedef struct VecRowId {
    uint64_t position;
    uint8_t tid[VEC_TID_BYTES];
} VecRowId;

typedef enum VecRowKind {
    VEC_ROW_CODED = 0, /* has a code: estimate and lower_bound are meaningful */
    VEC_ROW_EXACT = 1, /* no code can represent it: the caller computes its distance */
    VEC_ROW_NULL = 2   /* its vector is NULL: comes last */
} VecRowKind;

#endif
