/*
 * ascending.h: looking for a place in numbers that ascend.
 */
#ifndef VEC_ASCENDING_H
#define VEC_ASCENDING_H

#include <stdint.h>

/* The first of places from .. to - 1 whose number is not below the value; to: there is none. */
static inline uint64_t
vec_ascending_find(const uint64_t *numbers, uint64_t from, uint64_t to, uint64_t value)
{
    while (from < to) {
        uint64_t middle = from + (to - from) / 2;

        if (numbers[middle] < value)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

#endif
