/*
 * build_keys.c: the keys of a segment under construction.
 *
 * While rows are added, each column of the work area has room for row_count_max keys and is filled as the rows are: the coded
 * from the front, the exceptions from the back. At the end the columns are moved together, and the rows sorted by those
 * keys that shall have an order, both in place; the order then gives the grades.
 */
#include "building.h"

#include <string.h>

#define PIECE_ROWS 65536

/* Column key_count is that of the NULLs. */
static uint64_t *
column_start(const VecBuild *build, uint32_t key, uint64_t row_count)
{
    if (key == build->options.segment.key_count)
        return vec_build_section(build, VEC_SECTION_KEY_NULLS);
    return (uint64_t *)vec_build_section(build, VEC_SECTION_KEYS) + key * row_count;
}

void
vec_build_put_keys(VecBuild *build, uint64_t slot, const VecKeys *keys)
{
    uint32_t key_count = build->options.segment.key_count;
    uint64_t nulls = keys->nulls & vec_format_key_mask(key_count);

    for (uint32_t key = 0; key < key_count; key++)
        column_start(build, key, build->row_count_max)[slot] = (nulls >> key & 1) ? 0 : keys->keys[key];
    column_start(build, key_count, build->row_count_max)[slot] = nulls;
    build->key_nulls |= nulls;
}

void
vec_build_swap_keys(VecBuild *build, uint64_t slot, uint64_t other)
{
    uint32_t key_count = build->options.segment.key_count;

    for (uint32_t key = 0; key_count > 0 && key <= key_count; key++) {
        uint64_t *column = column_start(build, key, build->row_count_max), kept = column[slot];

        column[slot] = column[other];
        column[other] = kept;
    }
}

bool
vec_build_compact_keys_some(VecBuild *build)
{
    uint32_t key_count = build->options.segment.key_count;
    uint64_t row_count = build->rows_coded + build->exception_count;
    uint64_t key = row_count > 0 ? build->stage_done / row_count : 0;

    if (key_count == 0 || row_count == 0 || key > key_count)
        return true;

    /* every key moves towards the front, those before it have moved: nothing is overwritten that was not read */
    uint64_t row = build->stage_done % row_count, gap = build->row_count_max - row_count;
    bool is_coded = row < build->rows_coded;
    uint64_t rest = (is_coded ? build->rows_coded : row_count) - row;
    uint64_t piece = rest < PIECE_ROWS ? rest : PIECE_ROWS;
    const uint64_t *from = column_start(build, (uint32_t)key, build->row_count_max) + row;

    memmove(column_start(build, (uint32_t)key, row_count) + row, is_coded ? from : from + gap,
            piece * sizeof(uint64_t));
    build->stage_done += piece;
    return false;
}

/* The next key that shall have an order; its rows begin unsorted. False: there is none. */
static bool
begin_order(VecBuild *build)
{
    const VecSegmentOptions *options = &build->options.segment;
    uint64_t row_count = build->rows_coded + build->exception_count;
    uint64_t rest = options->key_ordered & ~build->keys_sorted;

    if (rest == 0 || build->rows_coded == 0)
        return false;

    uint32_t key = (uint32_t)__builtin_ctzll(rest), row_count_coded = (uint32_t)build->rows_coded;
    uint32_t *rows = (uint32_t *)vec_build_section(build, VEC_SECTION_KEY_ORDERS) +
                     (uint64_t)__builtin_popcountll(build->keys_sorted) * row_count_coded;

    for (uint64_t end = build->stage_done + PIECE_ROWS;
         build->stage_done < build->rows_coded && build->stage_done < end; build->stage_done++)
        rows[build->stage_done] = (uint32_t)build->stage_done;
    if (build->stage_done == build->rows_coded) {
        build->stage_done = 0;
        build->is_sorting = true;
        vec_keys_sort_begin(&build->key_sort, column_start(build, key, row_count),
                            build->key_nulls != 0 ? column_start(build, options->key_count, row_count) : NULL,
                            key, rows, row_count_coded);
    }
    return true;
}

/* Of the key whose rows are in order. */
static void
begin_grades(VecBuild *build)
{
    const VecKeySort *sort = &build->key_sort;
    uint8_t *section = vec_build_section(build, VEC_SECTION_KEY_GRADES);
    uint64_t before = (uint64_t)__builtin_popcountll(build->keys_sorted);

    build->is_grading = true;
    vec_key_grading_begin(&build->key_grading, sort->column, sort->nulls, sort->key, sort->rows,
                          (uint32_t)build->rows_coded,
                          (VecKeyGrades *)(section + before * vec_key_grades_bytes(build->rows_coded)));
}

bool
vec_build_order_keys_some(VecBuild *build)
{
    if (!build->is_sorting)
        return !begin_order(build);
    if (!build->is_grading) {
        if (vec_keys_sort_some(&build->key_sort))
            begin_grades(build);
    } else if (vec_key_grading_some(&build->key_grading)) {
        build->is_sorting = build->is_grading = false;
        build->keys_sorted |= UINT64_C(1) << build->key_sort.key;
    }
    return false;
}
