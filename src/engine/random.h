/*
 * random.h: repeatable pseudo-random numbers: the same seed gives the same segment on every machine.
 */
#ifndef VEC_RANDOM_H
#define VEC_RANDOM_H

#include <stdint.h>

/* The finalizer of SplitMix64 (Steele, Lea & Flood 2014): a bijection whose output bits all depend on all input bits. */
static inline uint64_t
vec_random_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The number that belongs to (seed, index): no state, so any order and any thread gets the same. */
static inline uint64_t
vec_random_at(uint64_t seed, uint64_t index)
{
    return vec_random_mix(vec_random_mix(seed) ^ index);
}

#endif
