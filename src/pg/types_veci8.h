/*
 * types_veci8.h: the type veci8: int8 elements with a scale and an offset for the whole vector.
 */
#ifndef VECPG_TYPES_VECI8_H
#define VECPG_TYPES_VECI8_H

#include "postgres.h"

#include "fmgr.h"
#include "types_vector.h"
#include "vectors/int8.h"

#define VECI8_TAG 4

/* A datum; element i is alpha * x[i] + offset. STORAGE EXTERNAL, alignment int4. */
typedef struct VecI8 {
    int32 vl_len_;
    uint16 dimensions; /* 1..VECTORS_DIMENSIONS_MAX */
    uint16 tag;        /* VECI8_TAG */
    float alpha;       /* finite */
    float offset;      /* finite */
    int8 x[FLEXIBLE_ARRAY_MEMBER];
} VecI8;

#define VECI8_SIZE(dimensions) (offsetof(VecI8, x) + (Size)(dimensions))

#define DatumGetVecI8P(datum)   ((VecI8 *)PG_DETOAST_DATUM(datum))
#define VecI8PGetDatum(pointer) PointerGetDatum(pointer)
#define PG_GETARG_VECI8_P(n)    DatumGetVecI8P(PG_GETARG_DATUM(n))
#define PG_RETURN_VECI8_P(x)    return VecI8PGetDatum(x)

/* palloc'd, elements zero; dimensions are the caller's to check. */
extern VecI8 *vecpg_veci8_new(int dimensions, float alpha, float offset);

/* vec_int8_quantize; 22003 if an element is not finite. True if so done; false only after a soft error. */
extern bool vecpg_veci8_quantize(VecI8 *target, const float *x, Node *escontext);

/* The decoded elements, rounded to float4. */
extern void vecpg_veci8_decode(const VecI8 *vector, float *x);

/* Total order, as vecpg_vector_compare of the decoded vectors: what prints alike is equal. */
extern int vecpg_veci8_compare(const VecI8 *a, const VecI8 *b);

static inline VecInt8
vecpg_veci8_view(const VecI8 *vector)
{
    return (VecInt8){vector->x, vector->alpha, vector->offset};
}

static inline float
vecpg_veci8_element(const VecI8 *vector, int i)
{
    return vec_int8_element(vecpg_veci8_view(vector), (uint32)i);
}

#endif
