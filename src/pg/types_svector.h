/*
 * types_svector.h: the type svector: float4 elements, of which only those that are not 0 are stored.
 */
#ifndef VECPG_TYPES_SVECTOR_H
#define VECPG_TYPES_SVECTOR_H

#include "postgres.h"

#include "fmgr.h"
#include "vectors/distance_types.h"

#define SVECTOR_DIMENSIONS_MAX 1048575

/* A datum: ascending indexes below the dimensions, then their elements, none of which is 0. STORAGE EXTERNAL, alignment int4. */
typedef struct SVector {
    int32 vl_len_;
    uint32 dimensions; /* 1..SVECTOR_DIMENSIONS_MAX */
    uint32 count;      /* elements stored */
    uint32 index[FLEXIBLE_ARRAY_MEMBER];
} SVector;

#define SVECTOR_SIZE(count) (offsetof(SVector, index) + (sizeof(uint32) + sizeof(float)) * (Size)(count))

#define DatumGetSVectorP(datum)   ((SVector *)PG_DETOAST_DATUM(datum))
#define SVectorPGetDatum(pointer) PointerGetDatum(pointer)
#define PG_GETARG_SVECTOR_P(n)    DatumGetSVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_SVECTOR_P(x)    return SVectorPGetDatum(x)

/* palloc'd, with room for count elements, which the caller fills; dimensions are the caller's to check. */
extern SVector *vecpg_svector_new(int dimensions, int count);

/* As a dense array, dimensions elements. */
extern void vecpg_svector_densify(const SVector *vector, float *x);

/* What is not 0 of a dense array. */
extern SVector *vecpg_svector_from_dense(const float *x, int dimensions);

/* Total order, as vecpg_vector_compare of the dense vectors. */
extern int vecpg_svector_compare(const SVector *a, const SVector *b);

static inline float *
vecpg_svector_values(const SVector *vector)
{
    return (float *)(vector->index + vector->count);
}

static inline VecSparse
vecpg_svector_view(const SVector *vector)
{
    return (VecSparse){vector->index, vecpg_svector_values(vector), vector->count};
}

#endif
