/*
 * types_common.h: what the input and output functions of all vector types share: ranges, typmods, errors about text.
 */
#ifndef VECPG_TYPES_COMMON_H
#define VECPG_TYPES_COMMON_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/nodes.h"
#include "utils/array.h"
#include "vectors/text.h"

/* One type, as the shared checks need to know it. */
typedef struct VecpgTypeInfo {
    const char *name;
    int dimensions_max;
} VecpgTypeInfo;

extern const VecpgTypeInfo vecpg_type_vector;
extern const VecpgTypeInfo vecpg_type_vecf16;
extern const VecpgTypeInfo vecpg_type_svector;
extern const VecpgTypeInfo vecpg_type_bvector;
extern const VecpgTypeInfo vecpg_type_veci8;

/* 22023 unless dimensions are in 1..type->dimensions_max. True if so; false only after a soft error. */
extern bool vecpg_types_check_dimensions(const VecpgTypeInfo *type, int64 dimensions, Node *escontext);

/* 22000 unless typmod is -1 or equals dimensions. True if so; false only after a soft error. */
extern bool vecpg_types_check_typmod(int32 typmod, int dimensions, Node *escontext);

/* 22000 unless a = b. */
extern void vecpg_types_check_same_dimensions(int a, int b);

/* The work of a typmod_in function. */
extern int32 vecpg_types_typmod_in(const VecpgTypeInfo *type, ArrayType *modifiers);

/* Raises what the text reader found, with the position in characters; returns only after a soft error. */
extern void vecpg_types_report_text(const VecpgTypeInfo *type, const char *text, const VecTextError *error,
                                    Node *escontext);

/* 22P03 with a detail in printf style. */
extern void vecpg_types_report_binary(const VecpgTypeInfo *type, const char *format, ...)
    pg_attribute_printf(2, 3) __attribute__((noreturn));

/* 22003: a number that the type cannot hold. */
extern void vecpg_types_report_value(const VecpgTypeInfo *type, double value, Node *escontext);

/* Appends "[x, x, ...]" as a new palloc'd string. */
extern char *vecpg_types_print_floats(const float *x, int count);

/* Writes the shortest digits that read back as value, as float4out does, without a NUL; returns how many, at most VECPG_FLOAT_DIGITS_MAX. */
#define VECPG_FLOAT_DIGITS_MAX 16
extern int vecpg_types_print_float(float value, char *target);

/* Hashes floats so that equal vectors hash alike: -0 as 0, every NaN as one. */
extern uint64 vecpg_types_hash_floats(const float *x, int count, uint64 seed);

/* As btree compares float4: NaN equal to itself and above everything. */
static inline int
vecpg_types_compare_float(float a, float b)
{
    if (likely(a < b))
        return -1;
    if (likely(a > b))
        return 1;
    if (likely(a == b))
        return 0;
    return (a != a) - (b != b);
}

/* The bits of a float, where -0 is 0 and every NaN the same. */
static inline uint32
vecpg_types_canonical_bits(float value)
{
    uint32 bits;

    if (value != value)
        return 0x7FC00000;
    value += 0.0f;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

#endif
