/*
 * types_vector.h: the type vector: float4 elements.
 */
#ifndef VECPG_TYPES_VECTOR_H
#define VECPG_TYPES_VECTOR_H

#include "postgres.h"

#include "fmgr.h"

#define VECTORS_DIMENSIONS_MAX 65535

/* A datum; the same bytes as pgvector's vector. STORAGE EXTERNAL, alignment int4: elements are aligned to 4 bytes only. */
typedef struct Vector {
    int32 vl_len_;
    uint16 dimensions; /* 1..VECTORS_DIMENSIONS_MAX */
    uint16 tag;        /* 0 */
    float x[FLEXIBLE_ARRAY_MEMBER];
} Vector;

#define VECTOR_SIZE(dimensions) (offsetof(Vector, x) + sizeof(float) * (dimensions))

/* Detoasted; the same pointer if it was not toasted, else palloc'd. */
#define DatumGetVectorP(datum)   ((Vector *)PG_DETOAST_DATUM(datum))
#define VectorPGetDatum(pointer) PointerGetDatum(pointer)
#define PG_GETARG_VECTOR_P(n)    DatumGetVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_VECTOR_P(x)    return VectorPGetDatum(x)

/* palloc'd, elements zero; dimensions are the caller's to check. */
extern Vector *vecpg_vector_new(int dimensions);

/* Total order: element by element as float4 compares (NaN largest, -0 = 0), then the shorter first. */
extern int vecpg_vector_compare(const Vector *a, const Vector *b);

#endif
