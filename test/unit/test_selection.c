/*
 * test_selection.c: grades of keys and what is read from them: beside a plain loop over the keys, for columns and conditions of every kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine_cases.h"
#include "random.h"
#include "selection.h"

#define KEYS   6
#define TRIALS 60
#define VALUES 40
#define ROUNDS 25

/* What the columns hold, one behind the other. */
enum { KEY_FEW, KEY_MANY, KEY_SKEWED, KEY_SMALL_RANGE, KEY_ALL_NULL, KEY_UNORDERED };

typedef struct Columns {
    VecKeyColumns view;
    uint64_t *keys;
    uint64_t *nulls;
    uint32_t *orders;
    uint8_t *grades;
} Columns;

static uint64_t random_state;

static uint64_t
random_below(uint64_t end)
{
    random_state = vec_random_mix(random_state + 1);
    return random_state % end;
}

/* Values at the ends of what there is, too. */
static uint64_t
random_key(uint32_t key)
{
    switch (key) {
        case KEY_FEW:
            return (uint64_t[]){0, 7, UINT64_MAX, 1000}[random_below(4)];
        case KEY_MANY:
            return random_below(50) == 0 ? UINT64_MAX : vec_random_mix(random_below(1000000));
        case KEY_SKEWED:
            return random_below(3) > 0 ? 500 : random_below(3000);
        case KEY_SMALL_RANGE:
            return 1000 + random_below(300);
        default:
            return random_below(20);
    }
}

static void
make_grades(Columns *columns, uint32_t key, uint32_t place, uint32_t rows)
{
    uint32_t *order = columns->orders + (size_t)place * rows;
    const uint64_t *column = vec_keys_column(&columns->view, key);
    VecKeySort sort;
    VecKeyGrading grading;

    for (uint32_t row = 0; row < rows; row++)
        order[row] = row;
    vec_keys_sort_begin(&sort, column, columns->nulls, key, order, rows);
    while (!vec_keys_sort_some(&sort))
        ;
    vec_key_grading_begin(&grading, column, columns->nulls, key, order, rows,
                          (VecKeyGrades *)(columns->grades + place * vec_key_grades_bytes(rows)));
    while (!vec_key_grading_some(&grading))
        ;
}

/* One key in nine is NULL, and of one column all; three rows more than have codes. */
static Columns
make_columns(uint32_t rows)
{
    uint64_t row_count = rows + UINT64_C(3);
    Columns columns = {
        .keys = calloc(KEYS * row_count, sizeof(uint64_t)),
        .nulls = calloc(row_count, sizeof(uint64_t)),
        .orders = calloc((size_t)KEYS * rows, sizeof(uint32_t)),
        .grades = malloc(KEYS * vec_key_grades_bytes(rows)),
    };
    uint32_t place = 0;

    memset(columns.grades, 0xa5, KEYS * vec_key_grades_bytes(rows)); /* as a work area may be */
    columns.view =
        (VecKeyColumns){.key_count = KEYS,
                        .key_ordered = ((UINT64_C(1) << KEYS) - 1) & ~(UINT64_C(1) << KEY_UNORDERED),
                        .coded_count = rows,
                        .row_count = row_count,
                        .columns = columns.keys,
                        .nulls = columns.nulls,
                        .orders = columns.orders,
                        .grades = columns.grades};
    for (uint32_t key = 0; key < KEYS; key++)
        for (uint64_t row = 0; row < row_count; row++) {
            bool is_null = key == KEY_ALL_NULL || random_below(9) == 0;

            columns.keys[key * row_count + row] = is_null ? 0 : random_key(key);
            columns.nulls[row] |= (uint64_t)is_null << key;
        }
    for (uint32_t key = 0; key < KEYS; key++) {
        if (columns.view.key_ordered >> key & 1)
            make_grades(&columns, key, place++, rows);
    }
    return columns;
}

static void
free_columns(Columns *columns)
{
    free(columns->keys);
    free(columns->nulls);
    free(columns->orders);
    free(columns->grades);
}

static int
compare_keys(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* A condition on a key, whose values are the caller's to keep. */
static VecCondition
random_condition(const Columns *columns, uint32_t key, uint64_t *values)
{
    const uint64_t *column = vec_keys_column(&columns->view, key);
    uint64_t a = random_below(2) ? random_key(key) : column[random_below(columns->view.row_count)];
    uint64_t b = random_below(2) ? random_key(key) : column[random_below(columns->view.row_count)];
    uint32_t wanted = (uint32_t)random_below(VALUES), count = 0;
    VecCondition condition = {.key = key, .width = 1};

    switch (random_below(4)) {
        case 0:
            condition.kind = VEC_CONDITION_RANGE;
            condition.low = a < b ? a : b;
            condition.high = a < b ? b : a;
            break;
        case 1:
            condition.kind = VEC_CONDITION_IN;
            for (uint32_t i = 0; i < wanted; i++)
                values[i] = random_key(key);
            qsort(values, wanted, sizeof(uint64_t), compare_keys);
            for (uint32_t i = 0; i < wanted; i++) {
                if (count == 0 || values[i] != values[count - 1])
                    values[count++] = values[i];
            }
            condition.values = values;
            condition.value_count = count;
            break;
        case 2:
            condition.kind = VEC_CONDITION_IS_NULL;
            break;
        default:
            condition.kind = random_below(3) == 0 ? VEC_CONDITION_IS_NOT_NULL : VEC_CONDITION_RANGE;
            condition.low = a;
            condition.high = a;
            break;
    }
    return condition;
}

/* What a search would be given: in whatever pieces, each row once, and in the order of their numbers where it says so. */
static void
expect_rows(const Columns *columns, const VecFilter *filter)
{
    uint32_t rows = columns->view.coded_count, found = 0, wanted = 0, pieces = 0;
    uint8_t *seen = calloc(rows, 1);
    VecSelection selection;
    VecSelectionCursor cursor = {0};
    bool more = true;

    assert_int_equal(vec_selection_begin(&selection, &columns->view, filter, &vec_allocator_default), VEC_OK);
    while (more) {
        uint32_t room = 1 + (uint32_t)random_below(500), count;
        uint32_t *some = malloc(room * sizeof(uint32_t)); /* for the sanitizer to watch */

        more = vec_selection_next(&selection, &cursor, room, some, &count);
        assert_true(count <= room);
        assert_true(pieces++ <= rows + 1);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(some[i] < rows);
            assert_false(seen[some[i]]);
            seen[some[i]] = 1;
        }
        found += count;
        free(some);
    }
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t alone = row;
        bool matches = vec_keys_match(&columns->view, filter, row);

        wanted += matches;
        if (matches != seen[row])
            fail_msg("row %u of %u: %d instead of %d", row, rows, seen[row], matches);
        assert_int_equal(vec_selection_keep(&selection, &alone, 1), matches);
    }
    assert_int_equal(found, wanted);
    if (selection.is_counted && !selection.is_empty)
        assert_true(selection.match_estimate == wanted);
    vec_selection_end(&selection);
    free(seen);
}

static void
selections_equal_a_plain_loop(void **state)
{
    static const uint32_t sizes[] = {1, 2, 63, 64, 65, 255, 256, 300, 4095, 4096, 4097, 9000};

    random_state = 7;
    for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
        Columns columns = make_columns(sizes[size]);

        for (uint32_t trial = 0; trial < TRIALS; trial++) {
            VecCondition conditions[3];
            uint64_t values[3][VALUES];
            VecFilter filter = {.conditions = conditions, .condition_count = 1 + (uint32_t)random_below(3)};

            for (uint32_t i = 0; i < filter.condition_count; i++)
                conditions[i] = random_condition(&columns, (uint32_t)random_below(KEYS), values[i]);
            expect_rows(&columns, &filter);
        }
        free_columns(&columns);
    }
}

/* Of very many values those that are counted may be in no row: that is an estimate then, and not far off; and no call looks for long. */
static void
many_values_are_not_taken_for_counted(void **state)
{
    enum { ROWS = 3000000, VALUES_ABSENT = 40000, VALUES_PRESENT = 1024 };
    uint64_t *keys = calloc(ROWS, sizeof(uint64_t)), *values = calloc(VALUES_ABSENT, sizeof(uint64_t));
    uint32_t *order = calloc(ROWS, sizeof(uint32_t)), rows[256], count;
    uint8_t *grades = calloc(1, vec_key_grades_bytes(ROWS));
    Columns columns = {.keys = keys, .orders = order, .grades = grades};
    VecCondition condition = {
        .kind = VEC_CONDITION_IN, .width = 1, .values = values, .value_count = VALUES_PRESENT};
    VecFilter filter = {.conditions = &condition, .condition_count = 1};
    VecSelection selection;
    VecSelectionCursor cursor = {0};
    uint32_t calls = 0;

    columns.view = (VecKeyColumns){.key_count = 1,
                                   .key_ordered = 1,
                                   .coded_count = ROWS,
                                   .row_count = ROWS,
                                   .columns = keys,
                                   .orders = order,
                                   .grades = grades};
    for (uint32_t row = 0; row < ROWS; row++)
        keys[row] = row % (VALUES_PRESENT / 2) * 2 + 1;
    make_grades(&columns, 0, 0, ROWS);
    for (uint32_t i = 0; i < VALUES_PRESENT; i++) /* every other one is there */
        values[i] = i;
    assert_int_equal(vec_selection_begin(&selection, &columns.view, &filter, &vec_allocator_default), VEC_OK);
    assert_false(selection.is_counted);
    assert_in_range((uint64_t)selection.match_estimate, ROWS / 2, ROWS);
    vec_selection_end(&selection);

    for (uint32_t i = 0; i < VALUES_ABSENT; i++) /* none is, and the order leads from one to the next */
        values[i] = 2000 + i;
    condition.value_count = VALUES_ABSENT;
    assert_int_equal(vec_selection_begin(&selection, &columns.view, &filter, &vec_allocator_default), VEC_OK);
    for (bool more = true; more; calls++) {
        uint64_t looked_at = cursor.looked_at;

        more = vec_selection_next(&selection, &cursor, 256, rows, &count);
        assert_int_equal(count, 0);
        assert_true(cursor.looked_at - looked_at <= VEC_SELECTION_LOOKS + 4096);
    }
    assert_true(calls > 1);
    vec_selection_end(&selection);
    free_columns(&columns);
    free(values);
}

/* The set of a condition has the grades of all rows that pass, and, where it says that it is exact, of no others. */
static void
sets_have_the_grades_that_pass(void **state)
{
    random_state = 7;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        Columns columns = make_columns(1 + (uint32_t)random_below(3000));
        uint64_t values[VALUES];

        for (uint32_t key = 0; key < KEY_UNORDERED; key++)
            for (uint32_t trial = 0; trial < TRIALS; trial++) {
                VecCondition condition = random_condition(&columns, key, values);
                VecFilter filter = {.conditions = &condition, .condition_count = 1};
                const VecKeyGrades *grades = vec_keys_grades(&columns.view, key);
                VecKeyGradeSet set =
                    condition.kind == VEC_CONDITION_RANGE
                        ? vec_key_grades_in_range(grades, condition.low, condition.high)
                    : condition.kind == VEC_CONDITION_IN
                        ? vec_key_grades_of_values(grades, condition.values, condition.value_count)
                        : vec_key_grades_by_nullness(condition.kind == VEC_CONDITION_IS_NULL);

                for (uint32_t row = 0; row < columns.view.coded_count; row++) {
                    bool matches = vec_keys_match(&columns.view, &filter, row);
                    bool is_in = vec_key_grade_is_in(&set, vec_key_grades_rows(grades)[row]);

                    assert_true(is_in || !matches);
                    assert_true(matches || !is_in || !set.is_exact);
                }
                if (key == KEY_FEW)
                    assert_true(set.is_exact);
            }
        free_columns(&columns);
    }
}

/* Few values have a grade each; of many none holds much more than its part of the rows. */
static void
grades_are_of_about_as_many_rows(void **state)
{
    uint32_t rows = 60000, used = 0, counts[VEC_KEY_GRADES] = {0};

    random_state = 7;
    Columns columns = make_columns(rows);
    for (uint32_t row = 0; row < rows; row++)
        counts[vec_key_grades_rows(vec_keys_grades(&columns.view, KEY_MANY))[row]]++;
    for (uint32_t grade = 1; grade < VEC_KEY_GRADES; grade++) {
        assert_true(counts[grade] <
                    rows / 50 + 3 * rows / VEC_KEY_GRADES); /* of one value there are that many */
        used += counts[grade] > 0;
    }
    assert_true(used > VEC_KEY_GRADES - 20);
    free_columns(&columns);
}

static void
runs_are_those_of_the_set(void **state)
{
    random_state = 7;
    for (uint32_t round = 0; round < 1000; round++) {
        VecKeyGradeSet set = {.is_exact = true}, again = {.is_exact = true};
        VecKeyGradeRun runs[VEC_KEY_GRADES];
        uint32_t count, wanted = 0;

        for (uint32_t i = 0; i < VEC_KEY_GRADE_WORDS; i++)
            set.words[i] =
                round < 4 ? -(uint64_t)(round & 1) : random_below(UINT64_MAX) & random_below(UINT64_MAX);
        for (uint32_t grade = 0; grade < VEC_KEY_GRADES; grade++)
            wanted += vec_key_grade_is_in(&set, (uint8_t)grade) &&
                      (grade == 0 || !vec_key_grade_is_in(&set, (uint8_t)(grade - 1)));
        count = vec_key_grade_runs(&set, runs, VEC_KEY_GRADES);
        assert_int_equal(count, wanted);
        if (wanted > 0)
            assert_int_equal(vec_key_grade_runs(&set, runs, wanted - 1), 0);
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t grade = runs[i].low; grade <= (uint32_t)runs[i].low + runs[i].span; grade++)
                again.words[grade / 64] |= UINT64_C(1) << grade % 64;
        assert_memory_equal(set.words, again.words, sizeof(set.words));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selections_equal_a_plain_loop),
        cmocka_unit_test(many_values_are_not_taken_for_counted),
        cmocka_unit_test(sets_have_the_grades_that_pass),
        cmocka_unit_test(grades_are_of_about_as_many_rows),
        cmocka_unit_test(runs_are_those_of_the_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
