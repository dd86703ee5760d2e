/*
 * selection.c: testing rows, counting them, enumerating them.
 *
 * A test passes over a list of rows and keeps the list without a branch on the outcome, which cannot be guessed; the kind of test
 * is looked at once a list. Where all rows are looked at and the first test is a range, a kernel makes the list.
 */
#include "selection.h"

#include <string.h>

#include "memory.h"
#include "simd.h"

/* Of a condition with more values so many, spread evenly, are counted. */
#define COUNTED_VALUES 256

/* Looking a value up in an order costs about as much as testing so many neighbouring rows. */
#define ROWS_PER_LOOKUP 64

/* A lead that lets through more than this part of all rows is slower than testing all, which lie one behind the other. */
#define LEAD_PART 2

/* Nanoseconds: a row taken from an order; a range tested by the kernel; a test of a row near the last one; of one anywhere. */
#define COST_ORDER    2.0
#define COST_KERNEL   0.3
#define COST_NEXT     0.8
#define COST_ANYWHERE 10.0

/* A test without an order is taken to let through this part of the rows. */
#define UNCOUNTED_PART 2

/* Compared with one by one. */
#define FEW_VALUES 8

/* Looked at to see what the conditions besides the lead let through; more where there is no lead. */
#define SAMPLE_LEAD 64

static void
add_test(VecSelection *selection, VecTest test)
{
    test.column = vec_keys_column(selection->columns, test.key);
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
    if ((columns->key_ordered >> test->key & 1) == 0 || test->kind == VEC_TEST_ALL ||
        test->kind == VEC_TEST_ANY)
        return false;
    return test->kind != VEC_TEST_IN || test->value_count <= columns->coded_count / ROWS_PER_LOOKUP;
}

/* How many rows pass a test that has an order. */
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
            return found * step;
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
keep(const VecSelection *selection, const VecTest *test, uint32_t *rows, uint32_t count)
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
    cursor->is_open = cursor->from < cursor->to;
    return kept;
}

/* Whether all rows are looked at, and the first test is one for the kernel. */
static bool
begins_with_range(const VecSelection *selection)
{
    return !selection->has_lead && selection->test_count > 0 && selection->tests[0].kind == VEC_TEST_RANGE;
}

/* Of the next `look_at` of all rows those that pass the first test, a range. */
static uint32_t
take_range(const VecSelection *selection, VecSelectionCursor *cursor, uint32_t look_at, uint32_t *rows)
{
    const VecTest *test = &selection->tests[0];
    uint32_t from = cursor->from, rest = cursor->to - from, looked_at = rest < look_at ? rest : look_at;
    uint32_t kept = (uint32_t)vec_simd_kernels()->range_u64(test->column + from, looked_at, test->low,
                                                            test->span, from, rows);

    cursor->from += looked_at;
    cursor->is_open = cursor->from < cursor->to;
    return test->sees_nulls ? keep_nullness(selection->columns, test->key, false, rows, kept) : kept;
}

bool
vec_selection_next(const VecSelection *selection, VecSelectionCursor *cursor, uint32_t look_at,
                   uint32_t *rows, uint32_t *count)
{
    uint32_t taken = 0;
    bool more = true, by_range = begins_with_range(selection);

    if (by_range) {
        if (cursor->is_open || open_slice(selection, cursor))
            taken = take_range(selection, cursor, look_at, rows);
        more = cursor->is_open;
    } else {
        while (taken < look_at && (more = cursor->is_open || open_slice(selection, cursor)))
            taken += take_slice(selection, cursor, look_at - taken, rows + taken);
    }
    *count = keep_from(selection, selection->has_lead || by_range ? 1 : 0, rows, taken);
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

/*
 * How many tests a row is put to until one fails, of all tests but one, per row of the segment, where this part of the rows comes to the
 * first. At most: as if each test let through the same rows as the one before.
 */
static double
tests_per_row(const VecSelection *selection, const VecTest *without, double part)
{
    double coded_count = selection->columns->coded_count, tests = 0;

    for (uint32_t i = 0; i < selection->test_count; i++) {
        const VecTest *test = &selection->tests[i];

        if (test == without)
            continue;
        tests += part;
        part = (double)test->count < part * coded_count ? (double)test->count / coded_count : part;
    }
    return tests;
}

/* Nanoseconds of taking a test's rows from its order, and looking at them with the others. */
static double
cost_of_lead(const VecSelection *selection, const VecTest *test)
{
    double coded_count = selection->columns->coded_count, part = (double)test->count / coded_count;
    bool ascends =
        test->kind != VEC_TEST_RANGE || test->span == 0; /* rows of one key are in their own order */

    return (double)test->count * COST_ORDER +
           coded_count * tests_per_row(selection, test, part) * (ascends ? COST_NEXT : COST_ANYWHERE);
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
        if (ordered && test.count == coded_count &&
            test.kind != VEC_TEST_IN) /* whose count may be an estimate */
            continue;
        is_counted &= ordered && kept == 0;
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
    double first = begins_with_range(selection) ? COST_KERNEL - COST_NEXT : 0;

    return (double)selection->columns->coded_count * (first + selection->tests_per_row * COST_NEXT);
}

/* The test whose rows are the fewest to look at leads, if there is one that makes that cheaper than looking at all. */
static void
choose_lead(VecSelection *selection)
{
    uint64_t coded_count = selection->columns->coded_count, least = coded_count;
    double cost;
    uint32_t lead = 0;

    selection->tests_per_row = tests_per_row(selection, NULL, 1);
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

/* What part of a sample the tests besides the lead let through. */
static void
estimate(VecSelection *selection)
{
    uint32_t rows[VEC_SELECTION_SAMPLE], looked_at;
    uint32_t wanted = selection->has_lead ? SAMPLE_LEAD : VEC_SELECTION_SAMPLE;

    if (selection->is_counted ||
        selection->source_count <= VEC_SELECTION_SAMPLE) /* so few are soon looked at */
        return;
    uint32_t found = sample(selection, rows, wanted, &looked_at);

    /* none of the sample: fewer than one in so many, not none */
    double part = found > 0 ? (double)found / looked_at : 0.5 / (looked_at + 1.0);
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
