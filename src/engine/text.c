/*
 * text.c: one small reader for the text forms of all vector types: lists of numbers, lists of bits, and index:value pairs.
 *
 * Numbers dominate the cost of loading vectors as text, hence the short cut in vec_text_read_f32: nearly every number that is
 * met has at most 19 digits and a small exponent, and then one exact double operation gives the correctly rounded double. Rounding
 * that to float rounds twice, which can only go wrong where the double lies exactly between two floats; those few go to strtof.
 */
#include "vectors/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Powers of ten that a double holds exactly. */
static const double exact_powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                             1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                             1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *
skip_space(const char *cursor)
{
    while (is_space(*cursor))
        cursor++;
    return cursor;
}

/* How much of the text to show as the offending token: a run of what a number or a word is made of, or one character. */
static size_t
token_length(const char *cursor)
{
    size_t length = 0;

    while (cursor[length] != '\0' && !is_space(cursor[length]) && strchr(",[]{}:/", cursor[length]) == NULL)
        length++;
    return length == 0 && *cursor != '\0' ? 1 : length;
}

static bool
fail(VecTextError *error, VecTextProblem problem, const char *text, const char *cursor, const char *expected)
{
    error->problem = problem;
    error->position = (size_t)(cursor - text);
    error->length = token_length(cursor);
    error->number = 0;
    error->expected = expected;
    return false;
}

size_t
vec_text_count_elements(const char *text)
{
    size_t count = 1;

    while ((text = strchr(text, ',')) != NULL) {
        count++;
        text++;
    }
    return count;
}

/*
 * The short cut: digits with at most one point and a decimal exponent, at most 2^53 as an integer, scaled by a power of ten that
 * is exact. False if it does not apply; then nothing was consumed.
 */
static bool
read_short_decimal(const char **cursor, float *value)
{
    const char *p = *cursor;
    uint64_t mantissa = 0, bits;
    int digits = 0, exponent = 0;
    bool negative = *p == '-', point = false;
    double exact;

    if (*p == '-' || *p == '+')
        p++;
    if (*p == '0' && (p[1] == 'x' || p[1] == 'X'))
        return false;
    for (;; p++) {
        if (is_digit(*p)) {
            if (++digits > 19)
                return false;
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
            exponent -= point;
        } else if (*p == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    if (digits == 0)
        return false;
    if ((*p == 'e' || *p == 'E') && (is_digit(p[1]) || ((p[1] == '-' || p[1] == '+') && is_digit(p[2])))) {
        bool small = p[1] == '-';
        int written = 0;

        for (p += is_digit(p[1]) ? 1 : 2; is_digit(*p); p++)
            if ((written = written * 10 + (*p - '0')) > 999)
                return false;
        exponent += small ? -written : written;
    }
    if (mantissa > (UINT64_C(1) << 53) || exponent < -22 || exponent > 22)
        return false;
    exact = exponent < 0 ? (double)mantissa / exact_powers_of_ten[-exponent]
                         : (double)mantissa * exact_powers_of_ten[exponent];
    /* Beyond float's normal range, or exactly between two floats (the 29 bits that float lacks are 1000...): not here. */
    memcpy(&bits, &exact, sizeof(bits));
    if (mantissa != 0 &&
        (exact < 1.17549435e-38 || exact > 3.4028234e38 || (bits & 0x1FFFFFFF) == 0x10000000))
        return false;
    *value = (float)(negative ? -exact : exact);
    *cursor = p;
    return true;
}

VecTextProblem
vec_text_read_f32(const char **cursor, float *value)
{
    char *end;
    int saved_errno = errno;
    bool out_of_range;

    if (read_short_decimal(cursor, value))
        return VEC_TEXT_OK;
    if (is_space(**cursor)) /* strtof would skip it */
        return VEC_TEXT_SYNTAX;
    errno = 0;
    *value = strtof(*cursor, &end);
    /* ERANGE is also what some libraries say of a subnormal result, which is a value like any other. */
    out_of_range = errno == ERANGE && (*value == 0.0f || isinf(*value));
    errno = saved_errno;
    if (end == *cursor)
        return VEC_TEXT_SYNTAX;
    if (out_of_range)
        return VEC_TEXT_VALUE_RANGE;
    *cursor = end;
    return VEC_TEXT_OK;
}

/* The bracket that opens a list; *cursor then stands at its first token. */
static bool
open_list(const char *text, const char **cursor, char bracket, const char *expected, VecTextError *error)
{
    if (**cursor != bracket)
        return fail(error, VEC_TEXT_SYNTAX, text, *cursor, expected);
    *cursor = skip_space(*cursor + 1);
    return true;
}

/* A comma, after which *cursor stands at the next element, or the closing bracket, which is left. */
static bool
next_in_list(const char *text, const char **cursor, char bracket, const char *element, VecTextError *error)
{
    *cursor = skip_space(*cursor);
    if (**cursor == ',')
        *cursor = skip_space(*cursor + 1);
    else if (**cursor != bracket)
        return fail(error, VEC_TEXT_SYNTAX, text, *cursor,
                    bracket == ']' ? "\",\" or \"]\"" : "\",\" or \"}\"");
    else
        return true;
    /* "[1,]": the closing bracket does not excuse the missing element. */
    if (**cursor == bracket)
        return fail(error, VEC_TEXT_SYNTAX, text, *cursor, element);
    return true;
}

/* The closing bracket and nothing behind it. */
static bool
close_text(const char *text, const char *cursor, VecTextError *error)
{
    cursor = skip_space(cursor);
    if (*cursor != '\0')
        return fail(error, VEC_TEXT_SYNTAX, text, cursor, "the end of the text");
    error->problem = VEC_TEXT_OK;
    return true;
}

bool
vec_text_parse_f32(const char *text, float *x, size_t capacity, size_t *count, VecTextError *error)
{
    const char *cursor = skip_space(text);

    *count = 0;
    if (!open_list(text, &cursor, '[', "\"[\"", error))
        return false;
    while (*cursor != ']') {
        float value;
        VecTextProblem problem = vec_text_read_f32(&cursor, &value);

        if (problem != VEC_TEXT_OK)
            return fail(error, problem, text, cursor, "a number");
        if (*count < capacity)
            x[*count] = value;
        ++*count;
        if (!next_in_list(text, &cursor, ']', "a number", error))
            return false;
    }
    return close_text(text, cursor + 1, error);
}

bool
vec_text_parse_bits(const char *text, uint8_t *bits, size_t capacity, size_t *count, VecTextError *error)
{
    const char *cursor = skip_space(text);

    *count = 0;
    if (!open_list(text, &cursor, '[', "\"[\"", error))
        return false;
    while (*cursor != ']') {
        if ((*cursor != '0' && *cursor != '1') || token_length(cursor) != 1)
            return fail(error, VEC_TEXT_SYNTAX, text, cursor, "0 or 1");
        if (*cursor == '1' && *count < capacity)
            bits[*count / 8] |= (uint8_t)(0x80 >> *count % 8);
        ++*count;
        cursor++;
        if (!next_in_list(text, &cursor, ']', "0 or 1", error))
            return false;
    }
    return close_text(text, cursor + 1, error);
}

/* Decimal digits without a sign; what is too large for a uint64 becomes its maximum. */
static bool
read_whole(const char **cursor, uint64_t *value)
{
    if (!is_digit(**cursor))
        return false;
    for (*value = 0; is_digit(**cursor); ++*cursor) {
        uint64_t digit = (uint64_t)(**cursor - '0');

        *value = *value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *value * 10 + digit;
    }
    return true;
}

static void
swap_pairs(VecTextSparse *sparse, size_t i, size_t j)
{
    uint32_t index = sparse->index[i];
    float x = sparse->x[i];

    sparse->index[i] = sparse->index[j];
    sparse->x[i] = sparse->x[j];
    sparse->index[j] = index;
    sparse->x[j] = x;
}

static void
sift_down(VecTextSparse *sparse, size_t root, size_t count)
{
    for (;;) {
        size_t child = 2 * root + 1;

        if (child >= count)
            return;
        if (child + 1 < count && sparse->index[child] < sparse->index[child + 1])
            child++;
        if (sparse->index[root] >= sparse->index[child])
            return;
        swap_pairs(sparse, root, child);
        root = child;
    }
}

/* By index. A heap sort, for it needs no memory and no input makes it quadratic. */
static void
sort_pairs(VecTextSparse *sparse)
{
    for (size_t root = sparse->count / 2; root-- > 0;)
        sift_down(sparse, root, sparse->count);
    for (size_t count = sparse->count; count > 1; count--) {
        swap_pairs(sparse, 0, count - 1);
        sift_down(sparse, 0, count - 1);
    }
}

/* Sorts, refuses an index that occurs twice, drops the zeros. */
static bool
finish_pairs(VecTextSparse *sparse, VecTextError *error)
{
    uint32_t kept = 0;
    bool ascending = true;

    for (uint32_t i = 1; i < sparse->count && ascending; i++)
        ascending = sparse->index[i - 1] < sparse->index[i];
    if (!ascending)
        sort_pairs(sparse);
    for (uint32_t i = 1; i < sparse->count; i++) {
        if (sparse->index[i - 1] == sparse->index[i]) {
            *error = (VecTextError){.problem = VEC_TEXT_INDEX_TWICE, .number = sparse->index[i]};
            return false;
        }
    }
    for (uint32_t i = 0; i < sparse->count; i++) {
        if (sparse->x[i] != 0.0f) {
            sparse->index[kept] = sparse->index[i];
            sparse->x[kept++] = sparse->x[i];
        }
    }
    sparse->count = kept;
    return true;
}

static bool
fail_dimensions(VecTextError *error, size_t position, uint64_t dimensions)
{
    *error = (VecTextError){.problem = VEC_TEXT_DIMENSIONS, .position = position, .number = dimensions};
    return false;
}

/* "[x, x, ...]", keeping what is not zero. */
static bool
parse_sparse_dense(const char *text, const char *cursor, VecTextSparse *sparse, VecTextError *error)
{
    uint64_t dimensions = 0;

    if (!open_list(text, &cursor, '[', "\"[\"", error))
        return false;
    while (*cursor != ']') {
        float value;
        VecTextProblem problem = vec_text_read_f32(&cursor, &value);

        if (problem != VEC_TEXT_OK)
            return fail(error, problem, text, cursor, "a number");
        if (value != 0.0f && dimensions < sparse->dimensions_max && sparse->count < sparse->capacity) {
            sparse->index[sparse->count] = (uint32_t)dimensions;
            sparse->x[sparse->count++] = value;
        }
        dimensions++;
        if (!next_in_list(text, &cursor, ']', "a number", error))
            return false;
    }
    if (!close_text(text, cursor + 1, error))
        return false;
    if (dimensions < 1 || dimensions > sparse->dimensions_max)
        return fail_dimensions(error, 0, dimensions);
    sparse->dimensions = (uint32_t)dimensions;
    return true;
}

/* "index:x" at *cursor. */
static bool
read_pair(const char *text, const char **cursor, uint64_t *index, float *value, VecTextError *error)
{
    VecTextProblem problem;

    if (!read_whole(cursor, index))
        return fail(error, VEC_TEXT_SYNTAX, text, *cursor, "an index");
    *cursor = skip_space(*cursor);
    if (**cursor != ':')
        return fail(error, VEC_TEXT_SYNTAX, text, *cursor, "\":\"");
    *cursor = skip_space(*cursor + 1);
    problem = vec_text_read_f32(cursor, value);
    return problem == VEC_TEXT_OK || fail(error, problem, text, *cursor, "a number");
}

/* "/dimensions" at cursor, to the end of the text. */
static bool
read_dimensions(const char *text, const char *cursor, VecTextSparse *sparse, VecTextError *error)
{
    uint64_t dimensions;
    size_t position;

    cursor = skip_space(cursor);
    if (*cursor != '/')
        return fail(error, VEC_TEXT_SYNTAX, text, cursor, "\"/\" and the dimensions");
    cursor = skip_space(cursor + 1);
    position = (size_t)(cursor - text);
    if (!read_whole(&cursor, &dimensions))
        return fail(error, VEC_TEXT_SYNTAX, text, cursor, "the dimensions");
    if (!close_text(text, cursor, error))
        return false;
    if (dimensions < 1 || dimensions > sparse->dimensions_max)
        return fail_dimensions(error, position, dimensions);
    sparse->dimensions = (uint32_t)dimensions;
    return true;
}

bool
vec_text_parse_sparse(const char *text, VecTextSparse *sparse, VecTextError *error)
{
    const char *cursor = skip_space(text), *largest_at = text;
    uint64_t pairs = 0, largest = 0;

    sparse->count = 0;
    sparse->dimensions = 0;
    if (*cursor == '[')
        return parse_sparse_dense(text, cursor, sparse, error);
    if (!open_list(text, &cursor, '{', "\"{\" or \"[\"", error))
        return false;
    while (*cursor != '}') {
        const char *start = cursor;
        uint64_t index;
        float value;

        if (!read_pair(text, &cursor, &index, &value, error))
            return false;
        if (index >= largest) {
            largest = index;
            largest_at = start;
        }
        if (sparse->count < sparse->capacity) {
            sparse->index[sparse->count] = index > UINT32_MAX ? UINT32_MAX : (uint32_t)index;
            sparse->x[sparse->count++] = value;
        }
        pairs++;
        if (!next_in_list(text, &cursor, '}', "an index", error))
            return false;
    }
    if (!read_dimensions(text, cursor + 1, sparse, error))
        return false;
    if (pairs > 0 && largest >= sparse->dimensions) {
        (void)fail(error, VEC_TEXT_INDEX_RANGE, text, largest_at, NULL);
        error->number = largest;
        return false;
    }
    /* More pairs than the type has dimensions: one must occur twice, but there is no room to say which. */
    if (pairs > sparse->capacity)
        return fail_dimensions(error, 0, pairs);
    return finish_pairs(sparse, error);
}
