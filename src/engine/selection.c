/*
 * selection.c: testing rows, counting them, enumerating them.
 *
 * A test passes over a list of rows and keeps the list without a branch on the outcome, which cannot be guessed; the kind of test
 * is looked at once a list. Grades come first: they lie denser than keys, and mostly decide.
 */
#include "selection.h"

#include <string.h>

#include "memory.h"
#include "simd.h"

/* Of a condition with more values so many, spread evenly, are counted. */
#define COUNTED_VALUES 256

/* Looking a value up in an order costs about as much as testing so many neighbouring rows. */
#define ROWS_PER_LOOKUP 64

/* So many words of a key as the grades of 64 rows are. */
#define GRADES_PER_LOOK 8

/* A lead that lets through more than this part of all rows is slower than testing all, which lie one behind the other. */
#define LEAD_PART 2

/*
 * Nanoseconds: a row taken from an order, or a mask; a row's grade in a run, by the kernel; a test of a row near the last one; of one
 * anywhere, by its key and by its grade.
 */
#define COST_ORDER          2.0
#define COST_GRADE          0.02
#define COST_NEXT           0.8
#define COST_ANYWHERE       10.0
#define COST_GRADE_ANYWHERE 1.5

/* A test without an order is taken to let through this part of the rows. */
#define UNCOUNTED_PART 2

/* Compared with one by one. */
#define FEW_VALUES 8

/* Looked at to see what the conditions besides the lead let through; more where there is no lead. */
#define SAMPLE_LEAD 64

/* By grades more are looked at: here and there some that lie one behind the other. */
#define SAMPLE_PLACES     16
#define SAMPLE_PLACE_ROWS 256

static bool
is_ordered(const VecKeyColumns *columns, uint32_t key)
{
    return columns->coded_count > 0 && (columns->key_ordered >> key & 1);
}

static void
set_grades(const VecKeyColumns *columns, VecTest *test)
{
    const VecKeyGrades *grades = vec_keys_grades(columns, test->key);

    switch (test->kind) {
        case VEC_TEST_RANGE:
            test->grades = vec_key_grades_in_range(grades, test->low, test->low + test->span);
            break;
        case VEC_TEST_IN:
            test->grades = vec_key_grades_of_values(grades, test->values, test->value_count);
            break;
        case VEC_TEST_NULL:
        case VEC_TEST_NOT_NULL:
            test->grades = vec_key_grades_by_nullness(test->kind == VEC_TEST_NULL);
            break;
        case VEC_TEST_ALL:
        case VEC_TEST_ANY:
            return;
    }
    test->row_grades = vec_key_grades_rows(grades);
    test->run_count = vec_key_grade_runs(&test->grades, test->runs, VEC_TEST_RUNS_MAX);
    test->sees_nulls = false; /* they have a grade of their own */
}

static void
add_test(VecSelection *selection, VecTest test)
{
    test.column = vec_keys_column(selection->columns, test.key);
    if (is_ordered(selection->columns, test.key))
        set_grades(selection->columns, &test);
    selection->tests[selection->test_count++] = test;
}

static void
add_nullness(VecSelection *selection, uint32_t key, bool wants_null)
{
    if (selection->columns->nulls != NULL)
        add_test(selection, (VecTest){.kind = wants_null ? VEC_TEST_NULL : VEC_TEST_NOT_NULL, .key = key});
    else if (wants_null)
        selection->is_empty = true;
}

static void
add_range(VecSelection *selection, uint32_t key, uint64_t low, uint64_t high)
{
    if (low > high)
        selection->is_empty = true;
    else if (low == 0 && high == UINT64_MAX)
        add_nullness(selection, key, false);
    else
        add_test(selection, (VecTest){.kind = VEC_TEST_RANGE,
                                      .key = key,
                                      .low = low,
                                      .span = high - low,
                                      .sees_nulls = low == 0 && selection->columns->nulls != NULL});
}

/* A row that has all bits of each value has all bits of all of them. NULL signatures have none. */
static void
add_all(VecSelection *selection, const VecCondition *condition, uint64_t *words)
{
    uint64_t any = 0;

    for (uint32_t i = 0; i < condition->width * condition->value_count; i++) {
        words[i % condition->width] |= condition->values[i];
        any |= condition->values[i];
    }
    if (any == 0)
        add_nullness(selection, condition->key, false);
    else
        add_test(selection, (VecTest){.kind = VEC_TEST_ALL,
                                      .key = condition->key,
                                      .width = condition->width,
                                      .values = words});
}

static void
add_any(VecSelection *selection, const VecCondition *condition)
{
    if (condition->value_count == 0) {
        selection->is_empty = true;
        return;
    }
    add_test(selection, (VecTest){.kind = VEC_TEST_ANY,
                                  .key = condition->key,
                                  .width = condition->width,
                                  .values = condition->values,
                                  .value_count = condition->value_count,
                                  .sees_nulls = selection->columns->nulls != NULL});
}

static void
add_in(VecSelection *selection, const VecCondition *condition)
{
    if (condition->value_count == 0)
        selection->is_empty = true;
    else if (condition->value_count == 1)
        add_range(selection, condition->key, condition->values[0], condition->values[0]);
    else
        add_test(selection,
                 (VecTest){.kind = VEC_TEST_IN,
                           .key = condition->key,
                           .values = condition->values,
                           .value_count = condition->value_count,
                           .sees_nulls = condition->values[0] == 0 && selection->columns->nulls != NULL});
}

static void
add_condition(VecSelection *selection, const VecCondition *condition, uint64_t **words)
{
    switch (condition->kind) {
        case VEC_CONDITION_RANGE:
            add_range(selection, condition->key, condition->low, condition->high);
            break;
        case VEC_CONDITION_IN:
            add_in(selection, condition);
            break;
        case VEC_CONDITION_CONTAINS_ALL:
            add_all(selection, condition, *words);
            *words += condition->width;
            break;
        case VEC_CONDITION_CONTAINS_ANY:
            add_any(selection, condition);
            break;
        case VEC_CONDITION_IS_NULL:
        case VEC_CONDITION_IS_NOT_NULL:
            add_nullness(selection, condition->key, condition->kind == VEC_CONDITION_IS_NULL);
            break;
    }
}

/* The first place in a key's order whose row is not NULL and whose key is not below. */
static uint32_t
find_in_order(const VecKeyColumns *columns, uint32_t key, uint64_t value)
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

/* The places in the order of the rows whose key is between the two. */
static void
find_range(const VecKeyColumns *columns, uint32_t key, uint64_t low, uint64_t high, uint32_t *from,
           uint32_t *to)
{
    *from = find_in_order(columns, key, low);
    *to = high == UINT64_MAX ? columns->coded_count : find_in_order(columns, key, high + 1);
    if (*to < *from) /* a damaged order */
        *to = *from;
}

/* Whether an order says how many rows pass a test, and which. */
static bool
has_order(const VecKeyColumns *columns, const VecTest *test)
{
    if (!is_ordered(columns, test->key) || test->kind == VEC_TEST_ALL || test->kind == VEC_TEST_ANY)
        return false;
    return test->kind != VEC_TEST_IN || test->value_count <= columns->coded_count / ROWS_PER_LOOKUP;
}

/* How many rows pass a test that has an order; of one with very many values about how many. */
static uint64_t
count_by_order(const VecKeyColumns *columns, const VecTest *test)
{
    uint64_t found = 0;
    uint32_t from = 0, to = 0, step;

    switch (test->kind) {
        case VEC_TEST_RANGE:
            find_range(columns, test->key, test->low, test->low + test->span, &from, &to);
            return to - from;
        case VEC_TEST_NULL:
            return find_in_order(columns, test->key, 0);
        case VEC_TEST_NOT_NULL:
            return columns->coded_count - find_in_order(columns, test->key, 0);
        case VEC_TEST_IN:
            step = (test->value_count + COUNTED_VALUES - 1) / COUNTED_VALUES;
            for (uint32_t i = 0; i < test->value_count; i += step) {
                find_range(columns, test->key, test->values[i], test->values[i], &from, &to);
                found += to - from;
            }
            return found * step < columns->coded_count ? found * step : columns->coded_count;
        case VEC_TEST_ALL:
        case VEC_TEST_ANY:
            break;
    }
    return columns->coded_count;
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

static uint32_t
keep(const VecSelection *selection, const VecTest *test, uint32_t *rows, uint32_t count)
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
        count = keep(selection, &selection->tests[i], rows, count);
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
    cursor->looked_at += ROWS_PER_LOOKUP;
    cursor->from = 0;
    cursor->to = columns->coded_count;
    if (!selection->has_lead)
        cursor->value++;
    else if (lead->kind == VEC_TEST_IN) {
        uint64_t value = lead->values[cursor->value++];

        find_range(columns, lead->key, value, value, &cursor->from, &cursor->to);
    } else {
        cursor->value++;
        if (lead->kind == VEC_TEST_RANGE)
            find_range(columns, lead->key, lead->low, lead->low + lead->span, &cursor->from, &cursor->to);
        else if (lead->kind == VEC_TEST_NULL)
            cursor->to = find_in_order(columns, lead->key, 0);
        else
            cursor->from = find_in_order(columns, lead->key, 0);
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

/* Whether all rows are looked at, 64 at a time, as far as grades tell. */
static bool
looks_at_grades(const VecSelection *selection)
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
            count = keep(selection, test, rows, count);
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

    if (looks_at_grades(selection))
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
            cursor = (VecSelectionCursor){
                .value = (uint32_t)((uint64_t)selection->tests[0].value_count * i / wanted)};
        if ((in_values || i == 0) && !open_slice(selection, &cursor))
            break;
        uint32_t length = cursor.to - cursor.from;
        if (length == 0 || (!in_values && i > 0 && i >= length))
            continue;
        VecSelectionCursor at = cursor;
        at.from += in_values || length < wanted ? i % length : (uint32_t)((uint64_t)length * i / wanted);
        taken += take_slice(selection, &at, 1, rows + taken);
    }
    *looked_at = taken;
    return keep_from(selection, selection->has_lead ? 1 : 0, rows, taken);
}

/* How many tests a row is put to until one fails. At most: as if each test let through the same rows as the one before. */
static double
tests_per_row(const VecSelection *selection)
{
    double coded_count = selection->columns->coded_count, tests = 0, part = 1;

    for (uint32_t i = 0; i < selection->test_count; i++) {
        double count = (double)selection->tests[i].count;

        tests += part;
        part = count < part * coded_count ? count / coded_count : part;
    }
    return tests;
}

/* Nanoseconds of taking a test's rows from its order, and looking at them with the others; as many tests as above. */
static double
cost_of_lead(const VecSelection *selection, const VecTest *lead)
{
    double left = (double)lead->count, cost = left * COST_ORDER;
    bool ascends =
        lead->kind != VEC_TEST_RANGE || lead->span == 0; /* rows of one key are in their own order */

    for (uint32_t i = 0; i < selection->test_count; i++) {
        const VecTest *test = &selection->tests[i];
        bool is_graded = test->row_grades != NULL && test->grades.is_exact;

        if (test == lead)
            continue;
        cost += left * (ascends ? COST_NEXT : is_graded ? COST_GRADE_ANYWHERE : COST_ANYWHERE);
        left = (double)test->count < left ? (double)test->count : left;
    }
    return cost;
}

static bool
is_exactly_counted(const VecTest *test)
{
    return test->kind != VEC_TEST_IN || test->value_count <= COUNTED_VALUES;
}

/* Of some rows from all over as many as pass, if that is more than the values that were counted say, which may be those that few rows have. */
static uint64_t
count_of_sample(const VecSelection *selection, const VecTest *test, uint64_t count)
{
    uint64_t coded_count = selection->columns->coded_count, sampled;
    uint32_t rows[VEC_SELECTION_SAMPLE];

    for (uint32_t i = 0; i < VEC_SELECTION_SAMPLE; i++)
        rows[i] = (uint32_t)(coded_count * i / VEC_SELECTION_SAMPLE);
    sampled = keep(selection, test, rows, VEC_SELECTION_SAMPLE) * coded_count / VEC_SELECTION_SAMPLE;
    return sampled > count ? sampled : count;
}

/*
 * Has the orders count what each test lets through, and brings those first that leave the least to the others. What lets all rows
 * through is no test. True: the orders say exactly how many rows pass all tests.
 */
static bool
sort_tests(VecSelection *selection)
{
    uint64_t coded_count = selection->columns->coded_count;
    uint32_t kept = 0;
    bool is_counted = true;

    for (uint32_t i = 0; i < selection->test_count; i++) {
        VecTest test = selection->tests[i];
        bool ordered = has_order(selection->columns, &test);
        uint32_t place = kept;

        test.count = ordered ? count_by_order(selection->columns, &test) : coded_count / UNCOUNTED_PART;
        if (ordered && !is_exactly_counted(&test))
            test.count = count_of_sample(selection, &test, test.count);
        if (ordered && test.count == coded_count &&
            test.kind != VEC_TEST_IN) /* whose count may be an estimate */
            continue;
        is_counted &= ordered && kept == 0 && is_exactly_counted(&test);
        for (; place > 0 && selection->tests[place - 1].count > test.count; place--)
            selection->tests[place] = selection->tests[place - 1];
        selection->tests[place] = test;
        kept++;
    }
    selection->test_count = kept;
    return is_counted;
}

/* Nanoseconds of looking at all rows. */
static double
cost_of_all(const VecSelection *selection)
{
    double coded_count = selection->columns->coded_count, left = coded_count, rest = 0, cost = 0;

    if (!looks_at_grades(selection))
        return coded_count * selection->tests_per_row * COST_NEXT;
    for (uint32_t i = 0; i < selection->test_count; i++) {
        const VecTest *test = &selection->tests[i];

        cost += coded_count * test->run_count * COST_GRADE;
        left = test->run_count > 0 && (double)test->count < left ? (double)test->count : left;
        rest += test->run_count == 0 || !test->grades.is_exact;
    }
    return cost + left * (COST_ORDER + rest * COST_NEXT);
}

/* The test whose rows are the fewest to look at leads, if there is one that makes that cheaper than looking at all. */
static void
choose_lead(VecSelection *selection)
{
    uint64_t coded_count = selection->columns->coded_count, least = coded_count;
    double cost;
    uint32_t lead = 0;

    selection->tests_per_row = tests_per_row(selection);
    cost = cost_of_all(selection);

    for (uint32_t i = 0; i < selection->test_count; i++) {
        const VecTest *test = &selection->tests[i];

        if (!has_order(selection->columns, test))
            continue;
        least = test->count < least ? test->count : least;
        double lead_cost = cost_of_lead(selection, test);
        if (test->count > coded_count / LEAD_PART || lead_cost >= cost)
            continue;
        cost = lead_cost;
        selection->has_lead = true;
        lead = i;
    }
    selection->look_cost = cost;
    selection->source_count = selection->has_lead ? selection->tests[lead].count : coded_count;
    selection->match_estimate = (double)least;
    if (selection->has_lead) {
        VecTest first = selection->tests[lead];

        memmove(selection->tests + 1, selection->tests, lead * sizeof(VecTest));
        selection->tests[0] = first;
    }
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

static void
estimate(VecSelection *selection)
{
    if (selection->is_counted ||
        selection->source_count <= VEC_SELECTION_SAMPLE) /* so few are soon looked at */
        return;
    double part = looks_at_grades(selection) ? grades_part(selection) : sample_part(selection);
    double expected = (double)selection->source_count * part;
    if (expected < selection->match_estimate)
        selection->match_estimate = expected;
}

VecStatus
vec_selection_begin(VecSelection *selection, const VecKeyColumns *columns, const VecFilter *filter,
                    const VecAllocator *allocator)
{
    size_t word_count = 0;
    uint64_t *words;

    *selection = (VecSelection){.allocator = allocator, .columns = columns};
    for (uint32_t i = 0; i < filter->condition_count; i++)
        word_count +=
            filter->conditions[i].kind == VEC_CONDITION_CONTAINS_ALL ? filter->conditions[i].width : 0;
    selection->tests = vec_memory_allocate_raw(allocator, filter->condition_count, sizeof(VecTest));
    words = selection->words = vec_memory_allocate(allocator, word_count, sizeof(uint64_t));
    if (selection->tests == NULL || words == NULL)
        return VEC_NO_MEMORY;
    for (uint32_t i = 0; i < filter->condition_count; i++)
        add_condition(selection, &filter->conditions[i], &words);
    if (!selection->is_empty) {
        selection->is_counted = sort_tests(selection);
        choose_lead(selection);
        estimate(selection);
    }
    return VEC_OK;
}

void
vec_selection_end(VecSelection *selection)
{
    if (selection->allocator == NULL)
        return;
    vec_memory_release(selection->allocator, selection->tests);
    vec_memory_release(selection->allocator, selection->words);
    *selection = (VecSelection){0};
}

uint32_t
vec_selection_sample(const VecSelection *selection, uint32_t *rows, uint32_t count_max)
{
    uint32_t looked_at;

    return selection->is_empty ? 0 : sample(selection, rows, count_max, &looked_at);
}
