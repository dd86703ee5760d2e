/*
 * half.h: half precision in integers, for CPUs without instructions for it and for the last few elements of a vector.
 *
 * Exactly what F16C and arm64 compute: ties to even, overflow to infinity, signalling NaN made quiet with the upper bits of its
 * payload kept.
 */
#ifndef VECTORS_SIMD_HALF_H
#define VECTORS_SIMD_HALF_H

#include <stdint.h>
#include <string.h>

static inline float
vec_half_widen(uint16_t half)
{
    uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13, sign = (uint32_t)(half & 0x8000) << 16;
    float value;

    if (magnitude >= 0x0f800000) { /* infinity or NaN */
        magnitude |= 0x7f800000 | (magnitude & 0x007fe000 ? 0x00400000 : 0);
        sign |= magnitude;
        memcpy(&value, &sign, sizeof(value));
        return value;
    }
    /* Read as a float32 it is 2^112 too small, denormals included: the product is exact. */
    memcpy(&value, &magnitude, sizeof(value));
    value *= 0x1p112f;
    memcpy(&magnitude, &value, sizeof(value));
    magnitude |= sign;
    memcpy(&value, &magnitude, sizeof(value));
    return value;
}

static inline uint16_t
vec_half_narrow(float value)
{
    uint32_t bits;
    uint16_t sign;

    memcpy(&bits, &value, sizeof(bits));
    sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) /* NaN */
        return (uint16_t)(sign | 0x7e00 | (bits >> 13 & 0x3ff));
    if (bits >= 0x47800000) /* 65536 and beyond */
        return sign | 0x7c00;
    if (bits <
        0x38800000) { /* below 2^-14: a denormal, whose unit is that of 0.5 as a float32, so the adder rounds it */
        float shifted;

        memcpy(&shifted, &bits, sizeof(shifted));
        shifted += 0.5f;
        memcpy(&bits, &shifted, sizeof(bits));
        return (uint16_t)(sign | (bits - 0x3f000000));
    }
    /* Round to the tenth bit of the mantissa, half of it less one if the result would be odd; a carry goes to the exponent. */
    bits += 0xfff + (bits >> 13 & 1) - (112u << 23);
    return (uint16_t)(sign | bits >> 13);
}

#endif
