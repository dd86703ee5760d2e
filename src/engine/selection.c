/*
 * selection.c: what a filter means in a segment: its conditions become tests; how many rows pass, and which test leads.
 */
#include "selection.h"

#include <string.h>

#include "memory.h"
#include "selection_rows.h"

/* Of a condition with more values so many, spread evenly, are counted. */
#define COUNTED_VALUES 256

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

/* Whether an order says how many rows pass a test, and which. */
static bool
has_order(const VecKeyColumns *columns, const VecTest *test)
{
    if (!is_ordered(columns, test->key) || test->kind == VEC_TEST_ALL || test->kind == VEC_TEST_ANY)
        return false;
    return test->kind != VEC_TEST_IN ||
           test->value_count <= columns->coded_count / VEC_SELECTION_ROWS_PER_LOOKUP;
}

/* How many rows pass a test that has an order; of one with very many values about how many. */
static uint64_t
count_by_order(const VecKeyColumns *columns, const VecTest *test)
{
    uint64_t found = 0;
    uint32_t from = 0, to = 0, step;

    switch (test->kind) {
        case VEC_TEST_RANGE:
            vec_selection_find_range(columns, test->key, test->low, test->low + test->span, &from, &to);
            return to - from;
        case VEC_TEST_NULL:
            return vec_selection_find(columns, test->key, 0);
        case VEC_TEST_NOT_NULL:
            return columns->coded_count - vec_selection_find(columns, test->key, 0);
        case VEC_TEST_IN:
            step = (test->value_count + COUNTED_VALUES - 1) / COUNTED_VALUES;
            for (uint32_t i = 0; i < test->value_count; i += step) {
                vec_selection_find_range(columns, test->key, test->values[i], test->values[i], &from, &to);
                found += to - from;
            }
            return found * step < columns->coded_count ? found * step : columns->coded_count;
        case VEC_TEST_ALL:
        case VEC_TEST_ANY:
            break;
    }
    return columns->coded_count;
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

    if (lead->kind == VEC_TEST_IN)
        cost += lead->value_count * (VEC_SELECTION_ROWS_PER_LOOKUP * COST_NEXT);
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
    sampled = vec_selection_keep_by(selection, test, rows, VEC_SELECTION_SAMPLE) * coded_count /
              VEC_SELECTION_SAMPLE;
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

    if (!vec_selection_looks_at_grades(selection))
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

static void
estimate(VecSelection *selection)
{
    if (selection->is_counted ||
        selection->source_count <= VEC_SELECTION_SAMPLE) /* so few are soon looked at */
        return;
    double part = vec_selection_sampled_part(selection);
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
