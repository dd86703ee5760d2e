/*
 * keys.c: reading columns of keys, and sorting rows by them.
 */
#include "keys.h"

#include <stddef.h>
#include <string.h>

#include "memory.h"
#include "random.h"

#define SORT_STEPS                                                                                           \
    ((uint32_t)1 << 18) /* rows compared in a piece of work, each perhaps a cache miss or two */
#define INSERTION_COUNT 16

VecFilter *
vec_keys_copy_filter(const VecFilter *filter, const VecAllocator *allocator)
{
    size_t words = 0, conditions_bytes = filter->condition_count * sizeof(VecCondition);

    for (uint32_t i = 0; i < filter->condition_count; i++)
        words += (size_t)filter->conditions[i].value_count * filter->conditions[i].width;

    VecFilter *copy = vec_memory_allocate_raw(
        allocator, 1, sizeof(VecFilter) + conditions_bytes + words * sizeof(uint64_t));
    if (copy == NULL)
        return NULL;
    VecCondition *conditions = (VecCondition *)(copy + 1);
    uint64_t *values = (uint64_t *)(conditions + filter->condition_count);
    *copy = (VecFilter){.conditions = conditions, .condition_count = filter->condition_count};
    for (uint32_t i = 0; i < filter->condition_count; i++) {
        size_t count = (size_t)filter->conditions[i].value_count * filter->conditions[i].width;

        conditions[i] = filter->conditions[i];
        conditions[i].values = values;
        if (count > 0)
            memcpy(values, filter->conditions[i].values, count * sizeof(uint64_t));
        values += count;
    }
    return copy;
}

bool
vec_keys_match(const VecKeyColumns *columns, const VecFilter *filter, uint64_t row)
{
    uint64_t keys[VEC_KEYS_MAX];

    for (uint32_t key = 0; key < columns->key_count; key++)
        keys[key] = vec_keys_column(columns, key)[row];
    return vec_filter_matches(
        filter, &(VecKeys){.keys = keys, .nulls = columns->nulls != NULL ? columns->nulls[row] : 0});
}

void
vec_keys_sort_begin(VecKeySort *sort, const uint64_t *column, const uint64_t *nulls, uint32_t key,
                    uint32_t *rows, uint32_t count)
{
    *sort = (VecKeySort){.column = column, .nulls = nulls, .key = key, .rows = rows};
    sort->ranges[0].to = count;
    sort->depth = 1;
}

/* Whether row a comes before row b. NULL keys are 0. */
static inline bool
is_before(const VecKeySort *sort, uint32_t a, uint32_t b)
{
    uint64_t key_a = sort->column[a], key_b = sort->column[b];

    if (key_a != key_b)
        return key_a < key_b;
    if (key_a == 0 && sort->nulls != NULL) {
        uint64_t null_a = sort->nulls[a] >> sort->key & 1, null_b = sort->nulls[b] >> sort->key & 1;

        if (null_a != null_b)
            return null_a > null_b;
    }
    return a < b;
}

bool
vec_keys_is_before(const VecKeySort *sort, uint32_t a, uint32_t b)
{
    return is_before(sort, a, b);
}

static void
sort_insertion(const VecKeySort *sort, uint32_t *rows, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t row = rows[i], j = i;

        for (; j > 0 && is_before(sort, row, rows[j - 1]); j--)
            rows[j] = rows[j - 1];
        rows[j] = row;
    }
}

static inline void
swap(uint32_t *a, uint32_t *b)
{
    uint32_t c = *a;

    *a = *b;
    *b = c;
}

/* Takes a pivot, by lot so that no order of keys makes the splits bad, to the end of the range. */
static void
begin_split(VecKeySort *sort, uint32_t from, uint32_t to)
{
    sort->random = vec_random_mix(sort->random + 1);
    swap(&sort->rows[from + sort->random % (to - from)], &sort->rows[to - 1]);
    sort->next = sort->split = from;
    sort->is_splitting = true;
}

/* Up to `steps` rows of the range are put on their side. True: it is split. */
static bool
split_some(VecKeySort *sort, uint32_t to, uint32_t steps)
{
    uint32_t *rows = sort->rows, pivot = rows[to - 1], split = sort->split, next = sort->next;
    uint32_t end = to - 1 - next > steps ? next + steps : to - 1;

    for (; next < end; next++) {
        uint32_t row = rows[next];
        bool before = is_before(sort, row, pivot);

        rows[next] = rows[split];
        rows[split] = row;
        split += before;
    }
    sort->next = next;
    sort->split = split;
    return next == to - 1;
}

/* The longer part takes the range's place, the shorter one comes on top. */
static void
end_split(VecKeySort *sort, uint32_t from, uint32_t to)
{
    uint32_t split = sort->split;
    bool left_is_longer = split - from > to - split - 1;

    swap(&sort->rows[split], &sort->rows[to - 1]);
    sort->is_splitting = false;
    sort->ranges[sort->depth - 1].from = left_is_longer ? from : split + 1;
    sort->ranges[sort->depth - 1].to = left_is_longer ? split : to;
    sort->ranges[sort->depth].from = left_is_longer ? split + 1 : from;
    sort->ranges[sort->depth].to = left_is_longer ? to : split;
    sort->depth++;
}

bool
vec_keys_sort_some(VecKeySort *sort)
{
    for (uint32_t steps = SORT_STEPS; sort->depth > 0;) {
        uint32_t from = sort->ranges[sort->depth - 1].from, to = sort->ranges[sort->depth - 1].to;
        uint32_t cost = to - from < INSERTION_COUNT ? INSERTION_COUNT : to - from;

        if (to - from <= INSERTION_COUNT) {
            sort_insertion(sort, sort->rows + from, to - from);
            sort->depth--;
        } else {
            if (!sort->is_splitting)
                begin_split(sort, from, to);
            if (split_some(sort, to, steps))
                end_split(sort, from, to);
        }
        if (cost >= steps)
            return sort->depth == 0;
        steps -= cost;
    }
    return true;
}
