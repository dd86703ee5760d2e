/*
 * selection_rows.c: testing rows, and enumerating those that pass.
 *
 * A test passes over a list of rows and keeps the list without a branch on the outcome, which cannot be guessed; the kind of test
 * is looked at once a list. Grades come first: they lie denser than keys, and mostly decide.
 */
#include "selection_rows.h"

#include <string.h>

#include "simd.h"

/* So many words of a key as the grades of 64 rows are. */
#define GRADES_PER_LOOK 8

/* Compared with one by one. */
#define FEW_VALUES 8

/* Looked at to see what the conditions besides the lead let through; more where there is no lead. */
#define SAMPLE_LEAD 64

/* By grades more are looked at: here and there some that lie one behind the other. */
#define SAMPLE_PLACES     16
#define SAMPLE_PLACE_ROWS 256

uint32_t
vec_selection_find(const VecKeyColumns *columns, uint32_t key, uint64_t value)
{
    const uint32_t *order = vec_keys_order(columns, key);
    const uint64_t *column = vec_keys_column(columns, key);
    uint32_t from = 0, to = columns->coded_count;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2, row = order[middle];

        if (row < columns->coded_count &&
            (column[row] < value || (column[row] == 0 && vec_keys_is_null(columns, key, row))))
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

void
vec_selection_find_range(const VecKeyColumns *columns, uint32_t key, uint64_t low, uint64_t high,
                         uint32_t *from, uint32_t *to)
{
    *from = vec_selection_find(columns, key, low);
    *to = high == UINT64_MAX ? columns->coded_count : vec_selection_find(columns, key, high + 1);
    if (*to < *from) /* a damaged order */
        *to = *from;
}

static inline bool
is_among(const VecTest *test, uint64_t key)
{
    const uint64_t *first = test->values;

    for (uint32_t count = test->value_count; count > 1; count -= count / 2)
        first += first[count / 2 - 1] < key ? count / 2 : 0;
    return *first == key;
}

static inline bool
has_words(const uint64_t *column, uint64_t row_count, uint32_t width, const uint64_t *words)
{
    for (uint32_t i = 0; i < width; i++) {
        if ((column[i * row_count] & words[i]) != words[i])
            return false;
    }
    return true;
}

/* Whether a row passes a test that has no loop of its own, as if its keys were not NULL. */
static inline bool
passes(const VecTest *test, uint64_t row_count, uint32_t row)
{
    switch (test->kind) {
        case VEC_TEST_RANGE:
            return test->column[row] - test->low <= test->span;
        case VEC_TEST_IN:
            return is_among(test, test->column[row]);
        case VEC_TEST_ANY:
            for (uint32_t i = 0; i < test->value_count; i++) {
                if (has_words(test->column + row, row_count, test->width,
                              test->values + (size_t)i * test->width))
                    return true;
            }
            return false;
        case VEC_TEST_ALL:
        case VEC_TEST_NULL:
        case VEC_TEST_NOT_NULL:
            break;
    }
    return false;
}

static uint32_t
keep_nullness(const VecKeyColumns *columns, uint32_t key, bool wants_null, uint32_t *rows, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i];

        rows[kept] = row;
        kept += (columns->nulls[row] >> key & 1) == wants_null;
    }
    return kept;
}

static uint32_t
keep_words(const VecTest *test, uint64_t row_count, uint32_t *rows, uint32_t count)
{
    for (uint32_t word = 0; word < test->width; word++) {
        const uint64_t *column = test->column + word * row_count;
        uint64_t bits = test->values[word];
        uint32_t kept = 0;

        for (uint32_t i = 0; i < count && bits != 0; i++) {
            uint32_t row = rows[i];

            rows[kept] = row;
            kept += (column[row] & bits) == bits;
        }
        count = bits != 0 ? kept : count;
    }
    return count;
}

static uint32_t
keep_few_values(const VecTest *test, uint32_t *rows, uint32_t count)
{
    const uint64_t *column = test->column, *values = test->values;
    uint32_t value_count = test->value_count, kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i];
        uint64_t key = column[row];
        bool found = false;

        for (uint32_t j = 0; j < value_count; j++)
            found |= values[j] == key;
        rows[kept] = row;
        kept += found;
    }
    return kept;
}

static uint32_t
keep_grades(const VecTest *test, uint32_t *rows, uint32_t count)
{
    const uint8_t *row_grades = test->row_grades;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i];

        rows[kept] = row;
        kept += vec_key_grade_is_in(&test->grades, row_grades[row]);
    }
    return kept;
}

static uint32_t
keep_keys(const VecSelection *selection, const VecTest *test, uint32_t *rows, uint32_t count)
{
    uint64_t row_count = selection->columns->row_count;
    uint32_t kept = 0;

    if (test->kind == VEC_TEST_RANGE) { /* the usual one, in registers */
        const uint64_t *column = test->column;
        uint64_t low = test->low, span = test->span;

        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = rows[i];

            rows[kept] = row;
            kept += column[row] - low <= span;
        }
    } else if (test->kind == VEC_TEST_IN && test->value_count <= FEW_VALUES) {
        kept = keep_few_values(test, rows, count);
    } else if (test->kind == VEC_TEST_ALL) {
        return keep_words(test, row_count, rows, count);
    } else if (test->kind < VEC_TEST_NULL) {
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = rows[i];

            rows[kept] = row;
            kept += passes(test, row_count, row);
        }
    } else
        return keep_nullness(selection->columns, test->key, test->kind == VEC_TEST_NULL, rows, count);
    return test->sees_nulls ? keep_nullness(selection->columns, test->key, false, rows, kept) : kept;
}

uint32_t
vec_selection_keep_by(const VecSelection *selection, const VecTest *test, uint32_t *rows, uint32_t count)
{
    if (test->row_grades != NULL)
        count = keep_grades(test, rows, count);
    return test->row_grades != NULL && test->grades.is_exact ? count
                                                             : keep_keys(selection, test, rows, count);
}

static uint32_t
keep_from(const VecSelection *selection, uint32_t first_test, uint32_t *rows, uint32_t count)
{
    for (uint32_t i = first_test; i < selection->test_count && count > 0; i++)
        count = vec_selection_keep_by(selection, &selection->tests[i], rows, count);
    return count;
}

uint32_t
vec_selection_keep(const VecSelection *selection, uint32_t *rows, uint32_t count)
{
    return selection->is_empty ? 0 : keep_from(selection, 0, rows, count);
}

/* Opens the next slice of the lead's order, or all rows. False: there is none. */
static bool
open_slice(const VecSelection *selection, VecSelectionCursor *cursor)
{
    const VecKeyColumns *columns = selection->columns;
    const VecTest *lead = selection->tests;
    uint32_t slices = !selection->has_lead || lead->kind != VEC_TEST_IN ? 1 : lead->value_count;

    if (selection->is_empty || cursor->value == slices)
        return false;
    cursor->is_open = true;
    cursor->looked_at += VEC_SELECTION_ROWS_PER_LOOKUP;
    cursor->from = 0;
    cursor->to = columns->coded_count;
    if (!selection->has_lead)
        cursor->value++;
    else if (lead->kind == VEC_TEST_IN) {
        uint64_t value = lead->values[cursor->value++];

        vec_selection_find_range(columns, lead->key, value, value, &cursor->from, &cursor->to);
    } else {
        cursor->value++;
        if (lead->kind == VEC_TEST_RANGE)
            vec_selection_find_range(columns, lead->key, lead->low, lead->low + lead->span, &cursor->from,
                                     &cursor->to);
        else if (lead->kind == VEC_TEST_NULL)
            cursor->to = vec_selection_find(columns, lead->key, 0);
        else
            cursor->from = vec_selection_find(columns, lead->key, 0);
    }
    return true;
}

/* The next rows of the slice, unchecked against the tests besides the lead. */
static uint32_t
take_slice(const VecSelection *selection, VecSelectionCursor *cursor, uint32_t wanted, uint32_t *rows)
{
    uint32_t rest = cursor->to - cursor->from, taken = rest < wanted ? rest : wanted, kept = 0;

    if (selection->has_lead) {
        const uint32_t *order = vec_keys_order(selection->columns, selection->tests[0].key) + cursor->from;

        for (uint32_t i = 0; i < taken; i++) {
            rows[kept] = __atomic_load_n(&order[i], __ATOMIC_RELAXED);
            kept += rows[kept] < selection->columns->coded_count;
        }
    } else {
        for (; kept < taken; kept++)
            rows[kept] = cursor->from + kept;
    }
    cursor->from += taken;
    cursor->looked_at += taken;
    cursor->is_open = cursor->from < cursor->to;
    return kept;
}

bool
vec_selection_looks_at_grades(const VecSelection *selection)
{
    for (uint32_t i = 0; i < selection->test_count && !selection->has_lead; i++) {
        if (selection->tests[i].run_count > 0)
            return true;
    }
    return false;
}

/* Masks of rows whose grades are in a test's runs, of which there are some. */
static void
mask_runs(const VecTest *test, uint32_t first_row, uint32_t words, uint64_t *masks)
{
    const VecKernels *kernels = vec_simd_kernels();
    const uint8_t *row_grades = test->row_grades + first_row;
    uint64_t run_masks[VEC_SELECTION_MASKS];

    kernels->range_u8(row_grades, words, test->runs[0].low, test->runs[0].span, masks);
    for (uint32_t run = 1; run < test->run_count; run++) {
        kernels->range_u8(row_grades, words, test->runs[run].low, test->runs[run].span, run_masks);
        for (uint32_t word = 0; word < words; word++)
            masks[word] |= run_masks[word];
    }
}

/* Masks of the next rows that pass all tests' grades, where those are a few runs. */
static void
fill_masks(const VecSelection *selection, VecSelectionCursor *cursor)
{
    uint32_t rest = cursor->to - cursor->from, rows = VEC_SELECTION_MASKS * VEC_KEY_GRADE_ROWS;
    uint32_t looked_at = rest < rows ? rest : rows;
    uint32_t words = (looked_at + VEC_KEY_GRADE_ROWS - 1) / VEC_KEY_GRADE_ROWS;

    memset(cursor->masks, 0xff, words * sizeof(uint64_t));
    for (uint32_t i = 0; i < selection->test_count; i++) {
        const VecTest *test = &selection->tests[i];
        uint64_t masks[VEC_SELECTION_MASKS];

        if (test->run_count == 0)
            continue;
        mask_runs(test, cursor->from, words, masks);
        cursor->looked_at += (uint64_t)words * test->run_count * GRADES_PER_LOOK;
        for (uint32_t word = 0; word < words; word++)
            cursor->masks[word] &= masks[word];
    }
    if (looked_at % VEC_KEY_GRADE_ROWS != 0)
        cursor->masks[words - 1] &= (UINT64_C(1) << looked_at % VEC_KEY_GRADE_ROWS) - 1;
    cursor->word_next = 0;
    cursor->word_count = words;
    cursor->from += looked_at;
}

/* Rows of the masks. */
static uint32_t
take_masks(VecSelectionCursor *cursor, uint32_t room, uint32_t *rows)
{
    uint32_t words = (cursor->from + VEC_KEY_GRADE_ROWS - 1) / VEC_KEY_GRADE_ROWS, taken = 0;
    uint32_t first = words - cursor->word_count;

    for (; cursor->word_next < cursor->word_count; cursor->word_next++) {
        uint64_t mask = cursor->masks[cursor->word_next];

        for (; mask != 0 && taken < room; mask &= mask - 1)
            rows[taken++] =
                (first + cursor->word_next) * VEC_KEY_GRADE_ROWS + (uint32_t)__builtin_ctzll(mask);
        if (mask != 0) {
            cursor->masks[cursor->word_next] = mask;
            break;
        }
    }
    return taken;
}

/* What grades leave to be tested. */
static uint32_t
keep_rest(const VecSelection *selection, uint32_t *rows, uint32_t count)
{
    for (uint32_t i = 0; i < selection->test_count && count > 0; i++) {
        const VecTest *test = &selection->tests[i];

        if (test->run_count == 0)
            count = vec_selection_keep_by(selection, test, rows, count);
        else if (!test->grades.is_exact)
            count = keep_keys(selection, test, rows, count);
    }
    return count;
}

static bool
next_by_grades(const VecSelection *selection, VecSelectionCursor *cursor, uint32_t room, uint32_t *rows,
               uint32_t *count)
{
    uint64_t looks_end = cursor->looked_at + VEC_SELECTION_LOOKS;
    uint32_t taken = 0;

    if (cursor->value == 0 && !open_slice(selection, cursor)) {
        *count = 0;
        return false;
    }
    for (;;) {
        taken += take_masks(cursor, room - taken, rows + taken);
        if (cursor->word_next < cursor->word_count || cursor->from == cursor->to ||
            cursor->looked_at >= looks_end)
            break;
        fill_masks(selection, cursor);
    }
    *count = keep_rest(selection, rows, taken);
    return cursor->word_next < cursor->word_count || cursor->from < cursor->to;
}

bool
vec_selection_next(const VecSelection *selection, VecSelectionCursor *cursor, uint32_t room, uint32_t *rows,
                   uint32_t *count)
{
    uint64_t looks_end = cursor->looked_at + VEC_SELECTION_LOOKS;
    uint32_t taken = 0;
    bool more = true;

    if (vec_selection_looks_at_grades(selection))
        return next_by_grades(selection, cursor, room, rows, count);
    while (taken < room && cursor->looked_at < looks_end &&
           (more = cursor->is_open || open_slice(selection, cursor)))
        taken += take_slice(selection, cursor, room - taken, rows + taken);
    *count = keep_from(selection, selection->has_lead ? 1 : 0, rows, taken);
    return more;
}

/* Rows from all over the enumeration, of which those that match come back; *looked_at says of how many. */
static uint32_t
sample(const VecSelection *selection, uint32_t *rows, uint32_t wanted, uint32_t *looked_at)
{
    bool in_values = selection->has_lead && selection->tests[0].kind == VEC_TEST_IN;
    VecSelectionCursor cursor = {0};
    uint32_t taken = 0;

    for (uint32_t i = 0; i < wanted; i++) {
        if (in_values) /* a row of this value, a row of another */
            cursor.value = (uint32_t)((uint64_t)selection->tests[0].value_count * i / wanted);
        if ((in_values || i == 0) && !open_slice(selection, &cursor))
            break;
        uint32_t from = cursor.from, length = cursor.to - from;
        if (length == 0 || (!in_values && i > 0 && i >= length))
            continue;
        cursor.from += in_values || length < wanted ? i % length : (uint32_t)((uint64_t)length * i / wanted);
        taken += take_slice(selection, &cursor, 1, rows + taken);
        cursor.from = from;
    }
    *looked_at = taken;
    return keep_from(selection, selection->has_lead ? 1 : 0, rows, taken);
}

/* none of a sample: fewer than one in so many, not none */
static double
part_of_sample(uint32_t found, uint32_t looked_at)
{
    return found > 0 ? (double)found / looked_at : 0.5 / (looked_at + 1.0);
}

/* What part of a sample the tests besides the lead let through. */
static double
sample_part(const VecSelection *selection)
{
    uint32_t rows[VEC_SELECTION_SAMPLE], looked_at;
    uint32_t wanted = selection->has_lead ? SAMPLE_LEAD : VEC_SELECTION_SAMPLE;
    uint32_t found = sample(selection, rows, wanted, &looked_at);

    return part_of_sample(found, looked_at);
}

/* The same, of more rows, since 64 are looked at together: what part the grades let through, and of those the other tests. */
static double
grades_part(const VecSelection *selection)
{
    uint32_t coded_count = selection->columns->coded_count, looked_at = 0, passing = 0, taken = 0;
    uint32_t rows[VEC_SELECTION_SAMPLE];

    for (uint64_t i = 0; i < SAMPLE_PLACES; i++) {
        uint32_t from = (uint32_t)(coded_count * i / SAMPLE_PLACES / VEC_KEY_GRADE_ROWS * VEC_KEY_GRADE_ROWS);
        uint32_t rest = coded_count - from;
        VecSelectionCursor cursor = {.from = from,
                                     .to = rest < SAMPLE_PLACE_ROWS ? coded_count : from + SAMPLE_PLACE_ROWS};

        fill_masks(selection, &cursor);
        looked_at += cursor.to - from;
        for (uint32_t word = 0; word < cursor.word_count; word++)
            passing += (uint32_t)__builtin_popcountll(cursor.masks[word]);
        taken += take_masks(&cursor, VEC_SELECTION_SAMPLE / SAMPLE_PLACES, rows + taken);
    }
    if (taken == 0)
        return part_of_sample(0, looked_at);
    return part_of_sample(passing, looked_at) * part_of_sample(keep_rest(selection, rows, taken), taken);
}

uint32_t
vec_selection_sample(const VecSelection *selection, uint32_t *rows, uint32_t count_max)
{
    uint32_t looked_at;

    return selection->is_empty ? 0 : sample(selection, rows, count_max, &looked_at);
}

double
vec_selection_sampled_part(const VecSelection *selection)
{
    return vec_selection_looks_at_grades(selection) ? grades_part(selection) : sample_part(selection);
}
