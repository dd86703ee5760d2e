/*
 * filter.c: filters as callers know them: whether one is valid, and whether a row with these keys fulfils it.
 */
#include "vectors/filter.h"

#include <stddef.h>

static bool
is_valid(const VecCondition *condition, uint32_t key_count)
{
    if (condition->width < 1 || condition->width > key_count || condition->key > key_count - condition->width)
        return false;
    if (condition->value_count > VEC_VALUES_MAX / condition->width ||
        (condition->value_count > 0 && condition->values == NULL))
        return false;
    switch (condition->kind) {
        case VEC_CONDITION_IN:
            for (uint32_t i = 1; i < condition->value_count; i++) {
                if (condition->values[i] <= condition->values[i - 1])
                    return false;
            }
            return condition->width == 1;
        case VEC_CONDITION_RANGE:
            return condition->width == 1;
        case VEC_CONDITION_CONTAINS_ALL:
        case VEC_CONDITION_CONTAINS_ANY:
        case VEC_CONDITION_IS_NULL:
        case VEC_CONDITION_IS_NOT_NULL:
            return true;
    }
    return false;
}

bool
vec_filter_is_valid(const VecFilter *filter, uint32_t key_count)
{
    if (filter->condition_count > VEC_CONDITIONS_MAX)
        return false;
    for (uint32_t i = 0; i < filter->condition_count; i++) {
        if (!is_valid(&filter->conditions[i], key_count))
            return false;
    }
    return true;
}

static bool
is_among(const VecCondition *condition, uint64_t key)
{
    const uint64_t *first = condition->values;
    uint32_t count = condition->value_count;

    while (count > 1) {
        first += first[count / 2 - 1] < key ? count / 2 : 0;
        count -= count / 2;
    }
    return count == 1 && *first == key;
}

static bool
contains(const uint64_t *keys, const uint64_t *value, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++) {
        if ((keys[i] & value[i]) != value[i])
            return false;
    }
    return true;
}

/* How many of the values a signature contains; stops at the first that decides. */
static bool
contains_values(const VecCondition *condition, const uint64_t *keys)
{
    bool all = condition->kind == VEC_CONDITION_CONTAINS_ALL;

    for (uint32_t i = 0; i < condition->value_count; i++) {
        if (contains(keys, condition->values + (size_t)i * condition->width, condition->width) != all)
            return !all;
    }
    return all;
}

static bool
is_fulfilled(const VecCondition *condition, const VecKeys *keys)
{
    const uint64_t *key = keys->keys + condition->key;
    bool is_null = keys->nulls >> condition->key & 1;

    switch (condition->kind) {
        case VEC_CONDITION_RANGE:
            return !is_null && *key >= condition->low && *key <= condition->high;
        case VEC_CONDITION_IN:
            return !is_null && is_among(condition, *key);
        case VEC_CONDITION_CONTAINS_ALL:
        case VEC_CONDITION_CONTAINS_ANY:
            return !is_null && contains_values(condition, key);
        case VEC_CONDITION_IS_NULL:
            return is_null;
        case VEC_CONDITION_IS_NOT_NULL:
            return !is_null;
    }
    return false;
}

bool
vec_filter_matches(const VecFilter *filter, const VecKeys *keys)
{
    for (uint32_t i = 0; i < filter->condition_count; i++) {
        if (!is_fulfilled(&filter->conditions[i], keys))
            return false;
    }
    return true;
}
