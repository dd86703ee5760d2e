/*
 * filter.h: a row's keys, and conditions on them that a search tests before it gives a row.
 *
 * The caller encodes what users filter by as keys: 64 bits each, key_count (VecSegmentOptions) of them a row, the same number
 * in all rows of an index. The engine compares keys and knows nothing of what they stand for. An encoding may be lossy
 * towards "matches": then the caller looks again at what it is given.
 *
 * Two kinds of key are expected. A number, whose order as uint64_t is that of the values, or a hash of the value: RANGE, IN.
 * And a signature of a set: `width` neighbouring keys, in which each member sets a few bits: CONTAINS_ALL, CONTAINS_ANY.
 */
#ifndef VECTORS_FILTER_H
#define VECTORS_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#define VEC_KEYS_MAX       64      /* of a row */
#define VEC_CONDITIONS_MAX 64      /* of a filter */
#define VEC_VALUES_MAX     1048576 /* of a condition, in words */

/* The keys of one row: key_count of them; bit k of nulls is set where key k is NULL, and the key itself is 0 then. */
typedef struct VecKeys {
    const uint64_t *keys;
    uint64_t nulls;
} VecKeys;

typedef enum VecConditionKind {
    VEC_CONDITION_RANGE,        /* low <= key <= high */
    VEC_CONDITION_IN,           /* key is one of values, which ascend strictly */
    VEC_CONDITION_CONTAINS_ALL, /* all bits of each of the values (value_count x width words) are set */
    VEC_CONDITION_CONTAINS_ANY, /* all bits of at least one of the values are set */
    VEC_CONDITION_IS_NULL,
    VEC_CONDITION_IS_NOT_NULL
} VecConditionKind;

/* A NULL key fulfils IS_NULL and no other condition. */
typedef struct VecCondition {
    VecConditionKind kind;
    uint32_t key;   /* the first, of a signature */
    uint32_t width; /* of a signature, else 1 */
    uint64_t low;
    uint64_t high;
    const uint64_t *values;
    uint32_t value_count;
} VecCondition;

/* All conditions must hold. No condition: every row matches. */
typedef struct VecFilter {
    const VecCondition *conditions;
    uint32_t condition_count;
} VecFilter;

/* Whether a row fulfils the filter, which must be valid for its key_count. */
bool vec_filter_matches(const VecFilter *filter, const VecKeys *keys);

/* Whether every condition names keys below key_count and is in range; the engine asks by itself where a search begins. */
bool vec_filter_is_valid(const VecFilter *filter, uint32_t key_count);

#endif
