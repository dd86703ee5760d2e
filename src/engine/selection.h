/*
 * selection.h: what a filter means in one segment: its conditions as tests over columns, how many rows it is likely to let
 * through, and which.
 *
 * Rows are enumerated from the order of the condition that lets through the fewest, the lead, where that is cheaper; else
 * all rows are tested, one behind the other: by their grades, 64 at a time, where a condition's grades are a few neighbouring ones.
 * Numbers read from an order are checked here.
 */
#ifndef VEC_SELECTION_H
#define VEC_SELECTION_H

#include "keys.h"

#define VEC_TEST_RUNS_MAX 4

typedef enum VecTestKind {
    VEC_TEST_RANGE, /* key - low <= span */
    VEC_TEST_IN,
    VEC_TEST_ALL, /* the words' bits are all set */
    VEC_TEST_ANY,
    VEC_TEST_NULL,
    VEC_TEST_NOT_NULL
} VecTestKind;

typedef struct VecTest {
    VecTestKind kind;
    bool sees_nulls; /* NULL keys, which are 0, would pass */
    uint32_t key;
    uint32_t width;
    const uint64_t *column;
    uint64_t low;
    uint64_t span;
    const uint64_t *values; /* IN, ANY: value_count x width; ALL: width words */
    uint32_t value_count;
    uint64_t count;            /* coded rows that pass, as its order says; a guess where there is none */
    const uint8_t *row_grades; /* rows of other grades than the set fail; NULL: the key has none */
    VecKeyGradeSet grades;
    VecKeyGradeRun runs[VEC_TEST_RUNS_MAX];
    uint32_t run_count; /* 0: too many */
} VecTest;

typedef struct VecSelection {
    const VecAllocator *allocator;
    const VecKeyColumns *columns;
    VecTest *tests; /* those that let through the fewest first */
    uint32_t test_count;
    uint64_t *words;       /* of the tests */
    bool is_empty;         /* no row at all */
    bool has_lead;         /* tests[0] is enumerated by its order, and not tested */
    bool is_counted;       /* match_estimate is no estimate */
    uint64_t source_count; /* rows that an enumeration looks at: of a lead with many values about so many */
    double look_cost;      /* of an enumeration, in nanoseconds, about */
    double match_estimate; /* coded rows that match */
    double tests_per_row;  /* of any row, until one fails, at most */
} VecSelection;

#define VEC_SELECTION_MASKS 64

/* Where an enumeration stands; {0} is the beginning. */
typedef struct VecSelectionCursor {
    uint32_t value; /* of the lead's values */
    uint32_t from;  /* into the order, or the next row */
    uint32_t to;
    bool is_open;
    uint64_t looked_at; /* by all calls so far, in rows of 8 bytes, about */
    uint32_t word_next; /* grades: of the rows before `from` those left to give are the bits of these masks */
    uint32_t word_count;
    uint64_t masks[VEC_SELECTION_MASKS];
} VecSelectionCursor;

/* Compiles a filter that is valid for the columns; columns and filter must outlive it. VEC_NO_MEMORY. Free it in any case. */
VecStatus vec_selection_begin(VecSelection *selection, const VecKeyColumns *columns, const VecFilter *filter,
                              const VecAllocator *allocator) VEC_MUST_CHECK;
void vec_selection_end(VecSelection *selection);

/* Keeps, in their order, those of `count` rows that match; all must be below coded_count. Returns how many. */
uint32_t vec_selection_keep(const VecSelection *selection, uint32_t *rows, uint32_t count);

/*
 * Gives matching rows, up to `room`, perhaps none: into rows, which has so many places. Looks at as many rows of the enumeration as
 * it may give, or where grades tell at more; looked_at grows by little more than VEC_SELECTION_LOOKS. True while there is more to look at.
 */
bool vec_selection_next(const VecSelection *selection, VecSelectionCursor *cursor, uint32_t room,
                        uint32_t *rows, uint32_t *count);

#define VEC_SELECTION_LOOKS ((uint32_t)1 << 18)

#define VEC_SELECTION_SAMPLE 256

/* Some matching rows from all over the segment, at most count_max, perhaps one twice; returns how many there are. */
uint32_t vec_selection_sample(const VecSelection *selection, uint32_t *rows, uint32_t count_max);

#endif
