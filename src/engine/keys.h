/*
 * keys.h: the keys of a segment's rows, column by column, and which rows a filter lets through.
 */
#ifndef VEC_KEYS_H
#define VEC_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "key_grades.h"
#include "vectors/allocator.h"
#include "vectors/filter.h"
#include "vectors/status.h"

/* A view. Rows are numbered as in the segment: the coded ones, then the exceptions. */
typedef struct VecKeyColumns {
    uint32_t key_count;
    uint64_t key_ordered; /* bit k: key k has an order */
    uint32_t coded_count;
    uint64_t row_count;      /* exceptions included */
    const uint64_t *columns; /* row_count keys each */
    const uint64_t *nulls;   /* [row]: bit k: its key k is NULL; NULL: there is no such row */
    const uint32_t *orders;  /* coded_count rows for each ordered key */
    const uint8_t *grades;   /* vec_key_grades_bytes(coded_count) for each ordered key */
} VecKeyColumns;

static inline const uint64_t *
vec_keys_column(const VecKeyColumns *columns, uint32_t key)
{
    return columns->columns + key * columns->row_count;
}

static inline uint64_t
vec_keys_orders_before(const VecKeyColumns *columns, uint32_t key)
{
    return (uint64_t)__builtin_popcountll(columns->key_ordered & ((UINT64_C(1) << key) - 1));
}

/* The coded rows by ascending key, NULLs first. The key must be an ordered one. Numbers are as the file has them: unchecked. */
static inline const uint32_t *
vec_keys_order(const VecKeyColumns *columns, uint32_t key)
{
    return columns->orders + vec_keys_orders_before(columns, key) * columns->coded_count;
}

/* The grades of the coded rows by an ordered key; there must be such rows. */
static inline const VecKeyGrades *
vec_keys_grades(const VecKeyColumns *columns, uint32_t key)
{
    return (const VecKeyGrades *)(columns->grades + vec_keys_orders_before(columns, key) *
                                                        vec_key_grades_bytes(columns->coded_count));
}

static inline bool
vec_keys_is_null(const VecKeyColumns *columns, uint32_t key, uint64_t row)
{
    return columns->nulls != NULL && (columns->nulls[row] >> key & 1);
}

/* A copy of a valid filter in one piece of memory, which the allocator takes back; NULL: no memory. */
VecFilter *vec_keys_copy_filter(const VecFilter *filter, const VecAllocator *allocator);

/* Whether a row, below row_count, fulfils a filter that is valid for the columns. */
bool vec_keys_match(const VecKeyColumns *columns, const VecFilter *filter, uint64_t row);

/* A key's order in the making: rows[count], of which every piece of work leaves a permutation. Resumable. */
typedef struct VecKeySort {
    const uint64_t *column;
    const uint64_t *nulls; /* or NULL */
    uint32_t key;
    uint32_t *rows;
    uint64_t random;
    bool is_splitting;
    uint32_t next,
        split; /* of the range being split: rows before split are below the pivot, those up to next are not */
    uint32_t depth;
    struct {
        uint32_t from, to;
    } ranges[32]; /* to be sorted; the shorter part of each is sorted first, so they are few */
} VecKeySort;

/* rows must hold 0 .. count - 1, in any order. */
void vec_keys_sort_begin(VecKeySort *sort, const uint64_t *column, const uint64_t *nulls, uint32_t key,
                         uint32_t *rows, uint32_t count);

/* Whether row a comes before row b. */
bool vec_keys_is_before(const VecKeySort *sort, uint32_t a, uint32_t b);

/* Works for a few milliseconds. True: the rows are in order. */
bool vec_keys_sort_some(VecKeySort *sort);

#endif
