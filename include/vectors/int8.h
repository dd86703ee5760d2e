/*
 * int8.h: numbers as bytes with a scale and an offset for the whole vector, and back: what input and output of veci8 do.
 */
#ifndef VECTORS_INT8_H
#define VECTORS_INT8_H

#include <float.h>
#include <stdbool.h>
#include <stdint.h>

#include "vectors/distance_types.h"

static inline float
vec_int8_element(VecInt8 vector, uint32_t i)
{
    double value = (double)vector.alpha * vector.x[i] + vector.offset;

    /* Beside FLT_MAX the rounding of alpha alone may carry an element over it. */
    if (value > (double)FLT_MAX)
        return FLT_MAX;
    return value < -(double)FLT_MAX ? -FLT_MAX : (float)value;
}

/* The decoded elements, rounded to float32. */
void vec_int8_decode(VecInt8 vector, uint32_t dimensions, float *x);

/*
 * Rounds the elements to 255 steps between the least and the greatest: alpha = (max - min) / 254, offset = (max + min) / 2, so that
 * an element is off by alpha / 2 at most, and so that what decodes to these numbers quantizes to the same. Elements are finite,
 * dimensions at least 1; scratch holds 2 * dimensions numbers.
 */
void vec_int8_quantize(const float *x, uint32_t dimensions, float *scratch, int8_t *target, float *alpha,
                       float *offset);

#endif
