/*
 * casts.h: arrays of numbers as vectors.
 */
#ifndef VECPG_CASTS_H
#define VECPG_CASTS_H

#include "postgres.h"

#include "types_common.h"

/*
 * The elements of a one-dimensional real[], double precision[], integer[] or numeric[] as float4, palloc'd; *count may be 0. 22004 for a NULL,
 * 22000 for more than one dimension, 22003 for a number beyond float4 (one too small becomes 0).
 */
extern float *vecpg_casts_array_floats(ArrayType *array, int *count);

/* The same, as a vector. 22023 unless there are 1..65535 elements. */
extern struct Vector *vecpg_casts_array_vector(ArrayType *array);

#endif
