/*
 * text.h: reading the text form of vectors, for the types' input functions; knows no type of PostgreSQL, so that it can be fuzzed alone.
 *
 * Every function reads a NUL-terminated string to its end and never behind it. White space (space, tab, line feed, carriage
 * return, vertical tab, form feed) may stand before, between and after tokens, not inside a number.
 */
#ifndef VECTORS_TEXT_H
#define VECTORS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum VecTextProblem {
    VEC_TEXT_OK = 0,
    VEC_TEXT_SYNTAX,      /* expected says what should stand at position */
    VEC_TEXT_VALUE_RANGE, /* the number at position, length bytes long, does not fit into float32 */
    VEC_TEXT_INDEX_RANGE, /* the sparse index at position is not below the dimensions */
    VEC_TEXT_INDEX_TWICE, /* the sparse index that number tells occurs twice; position is 0 */
    VEC_TEXT_DIMENSIONS /* the dimensions at position, behind the slash of a sparse vector, are not in 1..dimensions_max */
} VecTextProblem;

typedef struct VecTextError {
    VecTextProblem problem;
    size_t position; /* bytes from the start of the text */
    size_t length;   /* of the offending token; 0 at the end of the text */
    uint64_t number; /* for the index and dimension problems */
    const char *expected;
} VecTextError;

/*
 * An upper bound for the number of elements: one more than there are commas. Callers size their arrays with it, bounded by what
 * their type allows.
 */
size_t vec_text_count_elements(const char *text);

/*
 * One number at *cursor, in any spelling that strtof knows ("1", "-2.5e3", "0x1p-2", "inf", "Infinity", "NaN", any case); *cursor
 * is moved behind it. A number too large, or too small for the smallest subnormal, is VEC_TEXT_VALUE_RANGE; none at all is
 * VEC_TEXT_SYNTAX. Correctly rounded. Follows LC_NUMERIC only as strtof does, and PostgreSQL keeps that at C.
 */
VecTextProblem vec_text_read_f32(const char **cursor, float *value);

/*
 * "[x, x, ...]" with float32 elements. At most capacity elements are stored; *count is what the text has, so that the caller can
 * tell the user. An empty list is a success with *count 0. False on a problem, which is in *error.
 */
bool vec_text_parse_f32(const char *text, float *x, size_t capacity, size_t *count, VecTextError *error);

/*
 * "[0, 1, ...]": element i goes to bit 0x80 >> i % 8 of bits[i / 8]; bits holds capacity elements and is zeroed by the caller.
 * Otherwise as vec_text_parse_f32.
 */
bool vec_text_parse_bits(const char *text, uint8_t *bits, size_t capacity, size_t *count,
                         VecTextError *error);

typedef struct VecTextSparse {
    uint32_t *index; /* the caller's arrays, capacity elements each */
    float *x;
    size_t capacity;
    uint32_t dimensions_max; /* of the type */
    uint32_t dimensions;     /* out */
    uint32_t count;          /* out: elements kept */
} VecTextSparse;

/*
 * "{index:x, ...}/dimensions" with indexes from 0 in any order, or the dense "[x, x, ...]". The result is sorted by index and
 * free of zeros. capacity is vec_text_count_elements or, if less, dimensions_max. False on a problem, which is in *error.
 */
bool vec_text_parse_sparse(const char *text, VecTextSparse *sparse, VecTextError *error);

#endif
