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

bool
vec_text_parse_f32(const char *text, float *x, size_t capacity, size_t *count, VecTextError *error)
{
    const char *cursor = skip_space(text);

    *count = 0;
    if (*cursor != '[')
        return fail(error, VEC_TEXT_SYNTAX, text, cursor, "\"[\"");
    cursor = skip_space(cursor + 1);
    while (*count > 0 || *cursor != ']') {
        float value;
        VecTextProblem problem = vec_text_read_f32(&cursor, &value);

        if (problem != VEC_TEXT_OK)
            return fail(error, problem, text, cursor, *count > 0 ? "a number" : "a number or \"]\"");
        if (*count < capacity)
            x[*count] = value;
        ++*count;
        cursor = skip_space(cursor);
        if (*cursor == ']')
            break;
        if (*cursor != ',')
            return fail(error, VEC_TEXT_SYNTAX, text, cursor, "\",\" or \"]\"");
        cursor = skip_space(cursor + 1);
    }
    cursor = skip_space(cursor + 1);
    if (*cursor != '\0')
        return fail(error, VEC_TEXT_SYNTAX, text, cursor, "the end of the text");
    error->problem = VEC_TEXT_OK;
    return true;
}
