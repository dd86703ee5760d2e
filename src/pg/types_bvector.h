/*
 * types_bvector.h: the type bvector: elements 0 and 1, a bit each.
 */
#ifndef VECPG_TYPES_BVECTOR_H
#define VECPG_TYPES_BVECTOR_H

#include "postgres.h"

#include "fmgr.h"
#include "types_vector.h"

#define BVECTOR_TAG 3

/*
 * A datum. Element i is the bit 0x80 >> i % 8 of bits[i / 8], as in core's bit type, so that memcmp orders vectors; bits behind the
 * last element are 0. STORAGE EXTERNAL, alignment int4.
 */
typedef struct BVector {
    int32 vl_len_;
    uint16 dimensions; /* 1..VECTORS_DIMENSIONS_MAX */
    uint16 tag;        /* BVECTOR_TAG */
    uint8 bits[FLEXIBLE_ARRAY_MEMBER];
} BVector;

#define BVECTOR_BYTES(dimensions) (((Size)(dimensions) + 7) / 8)
#define BVECTOR_SIZE(dimensions)  (offsetof(BVector, bits) + BVECTOR_BYTES(dimensions))

#define DatumGetBVectorP(datum)   ((BVector *)PG_DETOAST_DATUM(datum))
#define BVectorPGetDatum(pointer) PointerGetDatum(pointer)
#define PG_GETARG_BVECTOR_P(n)    DatumGetBVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_BVECTOR_P(x)    return BVectorPGetDatum(x)

/* palloc'd, elements zero; dimensions are the caller's to check. */
extern BVector *vecpg_bvector_new(int dimensions);

/* Total order: the first element that differs, then the shorter first. */
extern int vecpg_bvector_compare(const BVector *a, const BVector *b);

static inline bool
vecpg_bvector_get(const BVector *vector, int i)
{
    return (vector->bits[i / 8] & 0x80 >> i % 8) != 0;
}

static inline void
vecpg_bvector_set(BVector *vector, int i)
{
    vector->bits[i / 8] |= (uint8)(0x80 >> i % 8);
}

/* Copies count elements of source from element start on to target from element at on; target's are still 0. */
extern void vecpg_bvector_copy_bits(BVector *target, int at, const BVector *source, int start, int count);

#endif
