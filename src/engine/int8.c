/*
 * int8.c: quantizing a vector to bytes of its own scale and offset, so that what is printed reads back as the same vector.
 */
#include "vectors/int8.h"

#include <math.h>
#include <string.h>

/*
 * A dump prints the decoded elements, rounded to float32, so the alpha and offset of their extremes may differ from the first ones
 * in the last place. Quantizing what was decoded until it decodes to itself settles that; of 2,000 random vectors of each of several
 * ranges none needed more than two rounds beyond the first.
 */
#define ROUNDS_MAX 8

static VecInt8
quantize_once(const float *x, uint32_t dimensions, int8_t *target)
{
    double least = x[0], greatest = x[0], alpha;
    VecInt8 vector = {.x = target};

    for (uint32_t i = 1; i < dimensions; i++) {
        least = x[i] < least ? x[i] : least;
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    vector.alpha = (float)((greatest - least) / 254.0);
    vector.offset = (float)((greatest + least) / 2.0);
    alpha = vector.alpha;
    for (uint32_t i = 0; i < dimensions; i++) {
        /* alpha may have underflowed to 0; rounding of alpha and offset may push the extremes beyond 127. */
        double step = alpha > 0.0 ? rint((x[i] - (double)vector.offset) / alpha) : 0.0;

        target[i] = (int8_t)(step > 127.0 ? 127.0 : step < -127.0 ? -127.0 : step);
    }
    return vector;
}

void
vec_int8_decode(VecInt8 vector, uint32_t dimensions, float *x)
{
    for (uint32_t i = 0; i < dimensions; i++)
        x[i] = vec_int8_element(vector, i);
}

void
vec_int8_quantize(const float *x, uint32_t dimensions, float *scratch, int8_t *target, float *alpha,
                  float *offset)
{
    float *decoded = scratch, *again = scratch + dimensions;
    VecInt8 vector = quantize_once(x, dimensions, target);

    vec_int8_decode(vector, dimensions, decoded);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        float *last = decoded;

        vector = quantize_once(decoded, dimensions, target);
        vec_int8_decode(vector, dimensions, again);
        if (memcmp(decoded, again, sizeof(float) * dimensions) == 0)
            break;
        decoded = again;
        again = last;
    }
    *alpha = vector.alpha;
    *offset = vector.offset;
}
