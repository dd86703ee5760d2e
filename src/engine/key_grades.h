/*
 * key_grades.h: ordered keys in a byte a row.
 *
 * The rows of a segment are divided by each of its ordered keys into up to 255 grades of about as many rows, each of them the rows of a value
 * or of neighbouring values; NULL is a grade of its own. A condition on the key then lets through some grades as a whole, none of
 * others, and of some a part: of the two at the ends of a range, of those of any value in a list. Bytes are tested 32 or 64 at a time;
 * keys need be looked at only where it is a part. Where a key has no more than 255 values it never is.
 *
 * Equi-depth histograms: Piatetsky-Shapiro and Connell, "Accurate estimation of the number of tuples satisfying a condition", 1984.
 */
#ifndef VEC_KEY_GRADES_H
#define VEC_KEY_GRADES_H

#include <stdbool.h>
#include <stdint.h>

#include "bitset.h"

#define VEC_KEY_GRADES      256
#define VEC_KEY_GRADE_WORDS VEC_BITSET_WORDS(VEC_KEY_GRADES)
#define VEC_KEY_GRADE_NULL  0

/* Kernels read the grades of so many rows at a time: columns are padded with zeros. */
#define VEC_KEY_GRADE_ROWS 64

/* In a file, before the grades of the rows. Grade g holds keys of least[g] .. greatest[g], which ascend; beyond the last in use no row has. */
typedef struct VecKeyGrades {
    uint64_t least[VEC_KEY_GRADES];
    uint64_t greatest[VEC_KEY_GRADES];
} VecKeyGrades;

/* Of a key: VecKeyGrades, and a byte a row; 0 without rows. */
static inline uint64_t
vec_key_grades_bytes(uint64_t row_count)
{
    uint64_t rows = (row_count + VEC_KEY_GRADE_ROWS - 1) / VEC_KEY_GRADE_ROWS * VEC_KEY_GRADE_ROWS;

    return row_count > 0 ? sizeof(VecKeyGrades) + rows : 0;
}

static inline const uint8_t *
vec_key_grades_rows(const VecKeyGrades *grades)
{
    return (const uint8_t *)(grades + 1);
}

/* A set of grades. */
typedef struct VecKeyGradeSet {
    uint64_t words[VEC_KEY_GRADE_WORDS];
    bool is_exact; /* no row of these grades fails */
} VecKeyGradeSet;

static inline bool
vec_key_grade_is_in(const VecKeyGradeSet *set, uint8_t grade)
{
    return vec_bitset_test(set->words, grade);
}

/* The grades in which rows of the condition are. Grades as a damaged file may have them give some set. */
VecKeyGradeSet vec_key_grades_in_range(const VecKeyGrades *grades, uint64_t low, uint64_t high);
VecKeyGradeSet vec_key_grades_of_values(const VecKeyGrades *grades, const uint64_t *values, uint32_t count);
VecKeyGradeSet vec_key_grades_by_nullness(bool wants_null);

/* Neighbouring grades of a set. */
typedef struct VecKeyGradeRun {
    uint8_t low;
    uint8_t span; /* low + span is the last */
} VecKeyGradeRun;

/* Its runs, ascending; 0: there are none, or more than runs_max. */
uint32_t vec_key_grade_runs(const VecKeyGradeSet *set, VecKeyGradeRun *runs, uint32_t runs_max);

/* Grades in the making, from a key's order. Resumable. */
typedef struct VecKeyGrading {
    const uint64_t *column;
    const uint64_t *nulls; /* or NULL */
    uint32_t key;
    const uint32_t *order;
    uint32_t count; /* of rows, at least 1 */
    VecKeyGrades *grades;
    uint8_t *row_grades; /* behind them */
    uint32_t next;       /* in the order */
    uint32_t null_count;
    uint32_t value_count; /* as far as they are counted: up to VEC_KEY_GRADES */
    bool is_counted;
    uint32_t grade;
    uint64_t last; /* key */
    uint64_t part; /* of the rows in which the grade began */
} VecKeyGrading;

/* grades points at vec_key_grades_bytes(count) bytes. */
void vec_key_grading_begin(VecKeyGrading *grading, const uint64_t *column, const uint64_t *nulls,
                           uint32_t key, const uint32_t *order, uint32_t count, VecKeyGrades *grades);

/* Works for a few milliseconds. True: all rows have their grade. */
bool vec_key_grading_some(VecKeyGrading *grading);

#endif
