/*
 * key_grades.c: dividing rows into grades, and which grades a condition lets through.
 */
#include "key_grades.h"

#include <string.h>

#include "ascending.h"

#define PIECE_ROWS 65536

/* Grades that have values. */
#define VALUE_GRADES (VEC_KEY_GRADES - 1)

VecKeyGradeSet
vec_key_grades_in_range(const VecKeyGrades *grades, uint64_t low, uint64_t high)
{
    VecKeyGradeSet set = {.is_exact = true};

    for (uint32_t grade = (uint32_t)vec_ascending_find(grades->greatest, 1, VEC_KEY_GRADES, low);
         grade < VEC_KEY_GRADES && grades->least[grade] <= high; grade++) {
        vec_bitset_set(set.words, grade);
        set.is_exact &= grades->least[grade] >= low && grades->greatest[grade] <= high;
    }
    return set;
}

VecKeyGradeSet
vec_key_grades_of_values(const VecKeyGrades *grades, const uint64_t *values, uint32_t count)
{
    VecKeyGradeSet set = {.is_exact = true};

    for (uint32_t grade = 1, i = 0; grade < VEC_KEY_GRADES && i < count; grade++) {
        i = (uint32_t)vec_ascending_find(values, i, count, grades->least[grade]);
        if (i == count || values[i] > grades->greatest[grade])
            continue;
        vec_bitset_set(set.words, grade);
        set.is_exact &= grades->least[grade] == grades->greatest[grade];
    }
    return set;
}

VecKeyGradeSet
vec_key_grades_by_nullness(bool wants_null)
{
    VecKeyGradeSet set = {.is_exact = true};

    vec_bitset_set(set.words, VEC_KEY_GRADE_NULL);
    for (uint32_t i = 0; i < VEC_KEY_GRADE_WORDS && !wants_null; i++)
        set.words[i] = ~set.words[i];
    return set;
}

/* The first grade from one on that is in the set, or is not; VEC_KEY_GRADES: there is none. */
static uint32_t
find_in_set(const VecKeyGradeSet *set, uint32_t from, bool is_in)
{
    while (from < VEC_KEY_GRADES) {
        uint64_t word = (is_in ? set->words[from / 64] : ~set->words[from / 64]) >> from % 64;

        if (word != 0)
            return from + (uint32_t)__builtin_ctzll(word);
        from = (from / 64 + 1) * 64;
    }
    return VEC_KEY_GRADES;
}

uint32_t
vec_key_grade_runs(const VecKeyGradeSet *set, VecKeyGradeRun *runs, uint32_t runs_max)
{
    uint32_t count = 0, end;

    for (uint32_t low = find_in_set(set, 0, true); low < VEC_KEY_GRADES; low = find_in_set(set, end, true)) {
        end = find_in_set(set, low, false);
        if (count == runs_max)
            return 0;
        runs[count++] = (VecKeyGradeRun){.low = (uint8_t)low, .span = (uint8_t)(end - 1 - low)};
    }
    return count;
}

void
vec_key_grading_begin(VecKeyGrading *grading, const uint64_t *column, const uint64_t *nulls, uint32_t key,
                      const uint32_t *order, uint32_t count, VecKeyGrades *grades)
{
    *grading = (VecKeyGrading){.column = column,
                               .nulls = nulls,
                               .key = key,
                               .order = order,
                               .count = count,
                               .grades = grades,
                               .row_grades = (uint8_t *)(grades + 1)};
    memset(grades, 0, sizeof(*grades));
    memset(grading->row_grades + count, 0, vec_key_grades_bytes(count) - sizeof(*grades) - count);
}

/* How many NULLs, which have their grade then, and values as far as that matters. */
static void
count_row(VecKeyGrading *grading, uint32_t row)
{
    uint64_t key = grading->column[row];

    if (grading->nulls != NULL && (grading->nulls[row] >> grading->key & 1)) {
        grading->null_count++;
        grading->row_grades[row] = VEC_KEY_GRADE_NULL;
        return;
    }
    grading->value_count += grading->value_count == 0 || key != grading->last;
    grading->last = key;
}

/* A grade begins with a value: each of few has its own; of many those that begin in the same part of the rows share one. */
static void
grade_row(VecKeyGrading *grading, uint32_t row)
{
    VecKeyGrades *grades = grading->grades;
    uint64_t key = grading->column[row];
    uint32_t place = grading->next - grading->null_count;
    uint64_t part = (uint64_t)place * VALUE_GRADES / (grading->count - grading->null_count);

    if (grading->grade == 0 ||
        (key != grading->last && (grading->value_count <= VALUE_GRADES || part != grading->part))) {
        grades->least[++grading->grade] = key;
        grading->part = part;
    }
    grades->greatest[grading->grade] = key;
    grading->last = key;
    grading->row_grades[row] = (uint8_t)grading->grade;
}

/* Grades that no row has come after all others. */
static void
fill_rest(VecKeyGrading *grading)
{
    for (uint32_t grade = grading->grade + 1; grade < VEC_KEY_GRADES; grade++)
        grading->grades->least[grade] = grading->grades->greatest[grade] = grading->last;
}

bool
vec_key_grading_some(VecKeyGrading *grading)
{
    uint32_t rest = grading->count - grading->next,
             end = grading->next + (rest < PIECE_ROWS ? rest : PIECE_ROWS);

    for (; !grading->is_counted && grading->next < end && grading->value_count < VEC_KEY_GRADES;
         grading->next++)
        count_row(grading, grading->order[grading->next]);
    if (!grading->is_counted) {
        if (grading->next == grading->count || grading->value_count == VEC_KEY_GRADES) {
            grading->is_counted = true;
            grading->next = grading->null_count; /* whose grade is 0 */
        }
        return false;
    }
    for (; grading->next < end; grading->next++)
        grade_row(grading, grading->order[grading->next]);
    if (grading->next < grading->count)
        return false;
    fill_rest(grading);
    return true;
}
