/*
 * operators_compare.c: = <> < <= > >=, the btree support function, and hashing, of all types.
 *
 * Equal vectors hash alike although they need not have the same bytes: -0 equals 0, NaN equals NaN, and two veci8 are
 * equal if they decode to the same elements. So everything hashes its elements, made canonical.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "types_bvector.h"
#include "types_common.h"
#include "types_svector.h"
#include "types_vecf16.h"
#include "types_veci8.h"
#include "types_vector.h"
#include "vectors/distance_types.h"

/* The btree code may call these millions of times in one memory context: what was detoasted is freed. */
#define DEFINE_COMPARISON(type, Type, name, RETURN, test)                                                    \
    PG_FUNCTION_INFO_V1(vectors_##type##_##name);                                                            \
    Datum vectors_##type##_##name(PG_FUNCTION_ARGS)                                                          \
    {                                                                                                        \
        Type *a = (Type *)PG_DETOAST_DATUM(PG_GETARG_DATUM(0)),                                              \
             *b = (Type *)PG_DETOAST_DATUM(PG_GETARG_DATUM(1));                                              \
        int order = vecpg_##type##_compare(a, b);                                                            \
                                                                                                             \
        PG_FREE_IF_COPY(a, 0);                                                                               \
        PG_FREE_IF_COPY(b, 1);                                                                               \
        RETURN(order test);                                                                                  \
    }

#define DEFINE_COMPARISONS(type, Type)                                                                       \
    DEFINE_COMPARISON(type, Type, eq, PG_RETURN_BOOL, == 0)                                                  \
    DEFINE_COMPARISON(type, Type, ne, PG_RETURN_BOOL, != 0)                                                  \
    DEFINE_COMPARISON(type, Type, lt, PG_RETURN_BOOL, < 0)                                                   \
    DEFINE_COMPARISON(type, Type, le, PG_RETURN_BOOL, <= 0)                                                  \
    DEFINE_COMPARISON(type, Type, gt, PG_RETURN_BOOL, > 0)                                                   \
    DEFINE_COMPARISON(type, Type, ge, PG_RETURN_BOOL, >= 0)                                                  \
    DEFINE_COMPARISON(type, Type, cmp, PG_RETURN_INT32, +0)

DEFINE_COMPARISONS(vector, Vector)
DEFINE_COMPARISONS(vecf16, VecF16)
DEFINE_COMPARISONS(svector, SVector)
DEFINE_COMPARISONS(bvector, BVector)
DEFINE_COMPARISONS(veci8, VecI8)

static uint64
vecpg_vector_hash(const Vector *vector, uint64 seed)
{
    return vecpg_types_hash_floats(vector->x, vector->dimensions, seed);
}

static uint64
vecpg_vecf16_hash(const VecF16 *vector, uint64 seed)
{
    float *x = palloc(sizeof(float) * vector->dimensions);

    vec_distance_widen_f16(vector->x, x, vector->dimensions);
    seed = vecpg_types_hash_floats(x, vector->dimensions, seed);
    pfree(x);
    return seed;
}

static uint64
vecpg_svector_hash(const SVector *vector, uint64 seed)
{
    seed = hash_bytes_extended((const unsigned char *)&vector->dimensions, sizeof(vector->dimensions), seed);
    seed = hash_bytes_extended((const unsigned char *)vector->index, (int)(sizeof(uint32) * vector->count),
                               seed);
    return vecpg_types_hash_floats(vecpg_svector_values(vector), (int)vector->count, seed);
}

static uint64
vecpg_bvector_hash(const BVector *vector, uint64 seed)
{
    seed = hash_bytes_extended((const unsigned char *)&vector->dimensions, sizeof(vector->dimensions), seed);
    return hash_bytes_extended(vector->bits, (int)BVECTOR_BYTES(vector->dimensions), seed);
}

static uint64
vecpg_veci8_hash(const VecI8 *vector, uint64 seed)
{
    float *x = palloc(sizeof(float) * vector->dimensions);

    vecpg_veci8_decode(vector, x);
    seed = vecpg_types_hash_floats(x, vector->dimensions, seed);
    pfree(x);
    return seed;
}

/* PostgreSQL wants the plain hash to be the low half of the extended one with seed 0. */
#define DEFINE_HASHES(type, Type)                                                                            \
    PG_FUNCTION_INFO_V1(vectors_##type##_hash);                                                              \
    PG_FUNCTION_INFO_V1(vectors_##type##_hash_extended);                                                     \
    Datum vectors_##type##_hash(PG_FUNCTION_ARGS)                                                            \
    {                                                                                                        \
        Type *vector = (Type *)PG_DETOAST_DATUM(PG_GETARG_DATUM(0));                                         \
        uint64 hash = vecpg_##type##_hash(vector, 0);                                                        \
                                                                                                             \
        PG_FREE_IF_COPY(vector, 0);                                                                          \
        PG_RETURN_UINT32((uint32)hash);                                                                      \
    }                                                                                                        \
    Datum vectors_##type##_hash_extended(PG_FUNCTION_ARGS)                                                   \
    {                                                                                                        \
        Type *vector = (Type *)PG_DETOAST_DATUM(PG_GETARG_DATUM(0));                                         \
        uint64 hash = vecpg_##type##_hash(vector, (uint64)PG_GETARG_INT64(1));                               \
                                                                                                             \
        PG_FREE_IF_COPY(vector, 0);                                                                          \
        PG_RETURN_UINT64(hash);                                                                              \
    }

DEFINE_HASHES(vector, Vector)
DEFINE_HASHES(vecf16, VecF16)
DEFINE_HASHES(svector, SVector)
DEFINE_HASHES(bvector, BVector)
DEFINE_HASHES(veci8, VecI8)
