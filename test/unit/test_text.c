/*
 * test_text.c: the readers of vectors' texts: numbers against the C library, in all their spellings and lengths; where errors are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors/text.h"

static uint64_t
next_random(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void
assert_reads_like_strtof(const char *text)
{
    const char *cursor = text;
    char *end;
    float value = 0, expected = strtof(text, &end);
    VecTextProblem problem = vec_text_read_f32(&cursor, &value);

    if (problem == VEC_TEXT_VALUE_RANGE && (expected == 0.0f || isinf(expected)))
        return;
    if (problem != VEC_TEXT_OK || cursor != end || memcmp(&value, &expected, sizeof(value)) != 0)
        fail_msg("%s: problem %d, read %.9g, strtof %.9g", text, problem, value, expected);
}

/* Shortest, longest and halfway forms of random floats of every exponent. */
static void
numbers_of_every_size_read_like_strtof(void **state)
{
    uint64_t random = 1;
    char text[256];

    for (int i = 0; i < 300000; i++) {
        uint32_t bits = (uint32_t)next_random(&random);
        float value, next;
        double halfway;

        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        next = nextafterf(value, 0);
        halfway = ((double)value + next) / 2;
        snprintf(text, sizeof(text), "%.*g", 1 + i % 17, value);
        assert_reads_like_strtof(text);
        snprintf(text, sizeof(text), "%.*g", 15 + i % 40, halfway);
        assert_reads_like_strtof(text);
        snprintf(text, sizeof(text), "%.9f", value);
        assert_reads_like_strtof(text);
    }
}

/* Few digits and a small exponent: what the short cut takes, and its ends. */
static void
short_numbers_read_like_strtof(void **state)
{
    uint64_t random = 2;
    char text[64];

    for (int i = 0; i < 300000; i++) {
        uint64_t digits = next_random(&random) >> (next_random(&random) % 60);
        int exponent = (int)(next_random(&random) % 60) - 30;

        snprintf(text, sizeof(text), "%s%llu", i % 2 == 0 ? "-" : "", (unsigned long long)digits);
        assert_reads_like_strtof(text);
        snprintf(text, sizeof(text), "%llu.%llue%d", (unsigned long long)(digits % 1000),
                 (unsigned long long)(digits / 1000 % 100000), exponent);
        assert_reads_like_strtof(text);
        /* Between two floats, exactly and nearly. */
        snprintf(text, sizeof(text), "%llu%s", (unsigned long long)((digits & 0xFFFFFF) << 25 | 0x1000000),
                 i % 3 == 0 ? ".0000001" : "");
        assert_reads_like_strtof(text);
    }
}

static void
every_spelling_reads_like_strtof(void **state)
{
    static const char *const texts[] = {
        "0",    "-0",        "+0",       ".5",        "5.",           "1e5",    "1E+05", "1e-5",
        "0x10", "0x1.8p-3",  "inf",      "-Infinity", "NaN",          "nan(1)", "INF",   "1e",
        "1e+",  "1e5x",      "1..2",     "1e38",      "3.4028235e38", "1e-45",  "1e-37", "00001",
        "0x",   "123456789", "16777217", "0.1",       "1e22",         "1e23",   "1e-22", "1e-23"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *cursor = texts[i];
        char *end;
        float value, expected = strtof(texts[i], &end);

        assert_int_equal(vec_text_read_f32(&cursor, &value), VEC_TEXT_OK);
        assert_ptr_equal(cursor, end);
        assert_true(value == expected || (isnan(value) && isnan(expected)));
    }
}

static void
no_number_is_a_syntax_error(void **state)
{
    static const char *const texts[] = {"",  "-",  "+", ".", "e5", "-.", "--1",
                                        "x", " 1", "]", ",", "in", "na"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *cursor = texts[i];
        float value;

        assert_int_equal(vec_text_read_f32(&cursor, &value), VEC_TEXT_SYNTAX);
        assert_ptr_equal(cursor, texts[i]);
    }
}

static void
numbers_beyond_float_are_out_of_range(void **state)
{
    static const char *const texts[] = {"1e39",  "-3.4028236e38", "1e-46",        "-1e-60",
                                        "1e400", "1e-400",        "1e99999999999"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *cursor = texts[i];
        float value;

        assert_int_equal(vec_text_read_f32(&cursor, &value), VEC_TEXT_VALUE_RANGE);
    }
}

/* A million pairs in the worst order: neither slow nor wrong. */
static void
sparse_pairs_are_sorted(void **state)
{
    enum { COUNT = 200000 };
    char *text = malloc(COUNT * 24 + 32), *p = text;
    VecTextSparse sparse = {.capacity = COUNT, .dimensions_max = 1048575};
    VecTextError error;

    sparse.index = malloc(sizeof(uint32_t) * COUNT);
    sparse.x = malloc(sizeof(float) * COUNT);
    *p++ = '{';
    for (int i = 0; i < COUNT; i++)
        p += sprintf(p, "%s%llu:%d", i > 0 ? "," : "", (unsigned long long)i * 7919 % COUNT * 5,
                     i % 4 == 0 ? 0 : i);
    sprintf(p, "}/1048575");
    assert_true(vec_text_parse_sparse(text, &sparse, &error));
    assert_int_equal(sparse.count, COUNT - COUNT / 4);
    for (uint32_t i = 0; i < sparse.count; i++) {
        assert_true(i == 0 || sparse.index[i - 1] < sparse.index[i]);
        assert_int_equal((uint64_t)sparse.x[i] * 7919 % COUNT * 5, sparse.index[i]);
    }
    free(sparse.index);
    free(sparse.x);
    free(text);
}

static void
elements_beyond_the_room_are_counted(void **state)
{
    float x[3] = {0, 0, -1};
    uint8_t bits[2] = {0, 0};
    size_t count;
    VecTextError error;

    assert_true(vec_text_parse_f32("[1,2,3,4,5]", x, 2, &count, &error));
    assert_int_equal(count, 5);
    assert_true(x[1] == 2 && x[2] == -1);
    assert_true(vec_text_parse_bits("[1,1,1,1,1,1,1,1,1,1]", bits, 3, &count, &error));
    assert_int_equal(count, 10);
    assert_true(bits[0] == 0xE0 && bits[1] == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_every_size_read_like_strtof),
        cmocka_unit_test(short_numbers_read_like_strtof),
        cmocka_unit_test(every_spelling_reads_like_strtof),
        cmocka_unit_test(no_number_is_a_syntax_error),
        cmocka_unit_test(numbers_beyond_float_are_out_of_range),
        cmocka_unit_test(sparse_pairs_are_sorted),
        cmocka_unit_test(elements_beyond_the_room_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
