/*
 * bitset.h: a set of small integers, one bit each, in words that the caller owns.
 */
#ifndef VEC_BITSET_H
#define VEC_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VEC_BITSET_WORDS(n) (((size_t)(n) + 63) / 64)

static inline bool
vec_bitset_test(const uint64_t *words, uint32_t i)
{
    return (words[i >> 6] >> (i & 63)) & 1;
}

static inline void
vec_bitset_set(uint64_t *words, uint32_t i)
{
    words[i >> 6] |= UINT64_C(1) << (i & 63);
}

static inline void
vec_bitset_clear(uint64_t *words, uint32_t i)
{
    words[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}

#endif
