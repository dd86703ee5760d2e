/*
 * types_vecf16.h: the type vecf16: IEEE half elements.
 */
#ifndef VECPG_TYPES_VECF16_H
#define VECPG_TYPES_VECF16_H

#include "postgres.h"

#include "fmgr.h"
#include "types_vector.h"

#define VECF16_TAG 1

/* A datum; but for the tag the same bytes as pgvector's halfvec. STORAGE EXTERNAL, alignment int4. */
typedef struct VecF16 {
    int32 vl_len_;
    uint16 dimensions; /* 1..VECTORS_DIMENSIONS_MAX */
    uint16 tag;        /* VECF16_TAG */
    uint16 x[FLEXIBLE_ARRAY_MEMBER];
} VecF16;

#define VECF16_SIZE(dimensions) (offsetof(VecF16, x) + sizeof(uint16) * (dimensions))

#define DatumGetVecF16P(datum)   ((VecF16 *)PG_DETOAST_DATUM(datum))
#define VecF16PGetDatum(pointer) PointerGetDatum(pointer)
#define PG_GETARG_VECF16_P(n)    DatumGetVecF16P(PG_GETARG_DATUM(n))
#define PG_RETURN_VECF16_P(x)    return VecF16PGetDatum(x)

/* palloc'd, elements zero; dimensions are the caller's to check. */
extern VecF16 *vecpg_vecf16_new(int dimensions);

/* Rounds to nearest; 22003 if a finite element is beyond 65504. True if so done; false only after a soft error. */
extern bool vecpg_vecf16_narrow(VecF16 *target, const float *x, Node *escontext);

/* Total order, as vecpg_vector_compare of the widened vectors. */
extern int vecpg_vecf16_compare(const VecF16 *a, const VecF16 *b);

#endif
