/*
 * operators.h: distances and slices of the vector types as datums.
 */
#ifndef VECPG_OPERATORS_H
#define VECPG_OPERATORS_H

#include "postgres.h"

#include "vectors/distance.h"

/* The distance that the operator gives; both datums are of the type of these elements. 22000 if their dimensions differ. */
extern float vecpg_operators_distance(VecElementType element, VecMetric metric, Datum left, Datum right);

/* The fields of a sphere_* value; false if one of them is NULL. The center points into the value or is detoasted from it. */
extern bool vecpg_operators_open_sphere(Datum sphere, Datum *center, float *radius);

/* Elements start .. start + count - 1, from 0; the caller has checked that they exist and that count > 0. A new datum. */
extern Datum vecpg_operators_slice(VecElementType element, Datum vector, int start, int count);

/* Of a detoasted datum. */
extern int vecpg_operators_dimensions(VecElementType element, Datum vector);

#endif
