/*
 * half.h: IEEE 754 half precision, one number at a time, in plain C; for whole vectors take vec_distance_widen_f16 and vec_distance_narrow_f16.
 */
#ifndef VECTORS_HALF_H
#define VECTORS_HALF_H

#include <stdint.h>
#include <string.h>

/* Above this a float32 rounds to an infinity. 65504 is the largest half; the next would be 65536. */
#define VEC_HALF_ROUNDS_TO_INFINITY 65520.0f

/* Exact. A NaN stays a NaN and becomes quiet. */
static inline float
vec_half_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7FFF, bits;
    float value;

    if (magnitude >= 0x7C00) {
        bits = sign | 0x7F800000 | (magnitude & 0x3FF) << 13 | (magnitude > 0x7C00 ? 0x400000 : 0);
    } else if (magnitude >= 0x400) {
        bits = sign | ((magnitude << 13) + 0x38000000); /* the exponents' biases differ by 112 */
    } else {
        value = (float)magnitude * 0x1p-24f; /* subnormal: a multiple of 2^-24 */
        memcpy(&bits, &value, sizeof(bits));
        bits |= sign;
    }
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* To nearest, ties to even; too large becomes an infinity, too small a zero, NaN the quiet NaN of the same sign. */
static inline uint16_t
vec_half_from_f32(float value)
{
    uint32_t bits, magnitude;
    uint16_t sign;

    memcpy(&bits, &value, sizeof(bits));
    sign = (uint16_t)(bits >> 16 & 0x8000);
    magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000)
        return sign | 0x7E00;
    if (magnitude >= 0x477FF000) /* 65520 */
        return sign | 0x7C00;
    if (magnitude <
        0x38800000) { /* below 2^-14, the smallest normal half: let the float adder round to a multiple of 2^-24 */
        float rounded;

        memcpy(&rounded, &magnitude, sizeof(rounded));
        rounded += 0.5f; /* its last bit is 2^-24 */
        memcpy(&bits, &rounded, sizeof(bits));
        return sign | (uint16_t)(bits - 0x3F000000);
    }
    /* Add half of what is cut off, less one unless the last kept bit is odd; a carry runs into the exponent, as it should. */
    magnitude += 0xFFF + (magnitude >> 13 & 1);
    return sign | (uint16_t)((magnitude - 0x38000000) >> 13);
}

#endif
