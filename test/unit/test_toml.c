/*
 * test_toml.c: the TOML reader: what it reads, what it refuses and where, its limits, and that it never looks beyond the text.
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

#include "vectors/toml.h"

typedef struct Case {
    const char *text;
    const char *expected;
} Case;

static void
append_event(char *out, size_t size, const VecTomlEvent *event)
{
    char path[256];
    size_t used = strlen(out);

    out += used;
    size -= used;
    vec_toml_path(event, path, sizeof(path));
    switch (event->kind) {
        case VEC_TOML_TABLE:
            snprintf(out, size, "%s={} ", path);
            break;
        case VEC_TOML_INTEGER:
            snprintf(out, size, "%s=%lld ", path, (long long)event->integer);
            break;
        case VEC_TOML_FLOAT:
            snprintf(out, size, "%s=f%.17g ", path, event->number);
            break;
        case VEC_TOML_BOOLEAN:
            snprintf(out, size, "%s=%s ", path, event->boolean ? "true" : "false");
            break;
        case VEC_TOML_STRING:
            assert_int_equal(strlen(event->string), event->string_bytes);
            snprintf(out, size, "%s='%s' ", path, event->string);
            break;
        default:
            fail();
    }
}

/* Reads a copy of exactly the text's bytes, so that the sanitizer sees a look beyond them; what it says, as one line. */
static void
read_all(const char *text, size_t text_bytes, char *out, size_t size)
{
    VecTomlReader reader;
    VecTomlEvent event;
    VecError error;
    VecStatus status;
    char *copy = malloc(text_bytes + 1);

    assert_non_null(copy);
    memcpy(copy + 1, text, text_bytes);
    out[0] = '\0';
    vec_toml_begin(&reader, copy + 1, text_bytes);
    while ((status = vec_toml_next(&reader, &event, &error)) == VEC_OK && event.kind != VEC_TOML_END)
        append_event(out, size, &event);
    if (status != VEC_OK) {
        assert_int_equal(status, VEC_INVALID);
        assert_int_equal(error.status, VEC_INVALID);
        snprintf(out + strlen(out), size - strlen(out), "! %s", error.message);
        /* It stays refused. */
        assert_int_equal(vec_toml_next(&reader, &event, &error), VEC_INVALID);
        assert_int_equal(vec_toml_next(&reader, &event, NULL), VEC_INVALID);
    } else {
        assert_int_equal(vec_toml_next(&reader, &event, NULL), VEC_OK);
        assert_int_equal(event.kind, VEC_TOML_END);
    }
    free(copy);
}

static void
check_cases(const Case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char out[1024];

        read_all(cases[i].text, strlen(cases[i].text), out, sizeof(out));
        if (strcmp(out, cases[i].expected) != 0)
            print_message("text: %s\n", cases[i].text);
        assert_string_equal(out, cases[i].expected);
    }
}

#define CHECK(cases) check_cases(cases, sizeof(cases) / sizeof((cases)[0]))

static void
test_keys_and_tables(void **state)
{
    static const Case cases[] = {
        {"", ""},
        {"\n\r\n \t # only a comment", ""},
        {"a = 1", "a=1 "},
        {"a=1#c", "a=1 "},
        {"a = 1\r\nb = 2\n", "a=1 b=2 "},
        {"[indexing.flat]", "indexing.flat={} "},
        {"[ a . b ]\t# c\nc = 1", "a.b={} a.b.c=1 "},
        {"a.b.c = 1\na.b.d = 2", "a.b.c=1 a.b.d=2 "},
        {"a . \"b.c\" . 'd' = 1", "a.'b.c'.d=1 "},
        {"'' = 1\n\"\\u00e9\" = 2", "''=1 'é'=2 "},
        {"1-_ = 1\ntrue = 2", "1-_=1 true=2 "},
        {"a = {}", "a={} "},
        {"a = { } # c\nb = 1", "a={} b=1 "},
        {"a = { b = 1, c.d = 2 , e = { f = {} } }\ng = 3", "a={} a.b=1 a.c.d=2 a.e={} a.e.f={} g=3 "},
        {"[t]\na = { b = { c = 'x' } }", "t={} t.a={} t.a.b={} t.a.b.c='x' "},
        {"[a.b.c]\n[a]\nd = 1\n[a.b]\ne = 2", "a.b.c={} a={} a.d=1 a.b={} a.b.e=2 "},
        {"[a]\nb.c = 1\n[a.b.d]\ne = 1", "a={} a.b.c=1 a.b.d={} a.b.d.e=1 "},
    };

    CHECK(cases);
}

static void
test_values(void **state)
{
    static const Case cases[] = {
        {"a = 4_000_000_000", "a=4000000000 "},
        {"a = +0\nb = -0\nc = -17", "a=0 b=0 c=-17 "},
        {"a = 9223372036854775807\nb = -9223372036854775808",
         "a=9223372036854775807 b=-9223372036854775808 "},
        {"a = 0xFf_00\nb = 0o17\nc = 0b1_01", "a=65280 b=15 c=5 "},
        {"a = 0x7fffffffffffffff", "a=9223372036854775807 "},
        {"a = 0.2\nb = -1_0.5_0e+1_0\nc = 1e3\nd = 0E0",
         "a=f0.20000000000000001 b=f-105000000000 c=f1000 d=f0 "},
        {"a = inf\nb = -inf\nc = +inf", "a=finf b=f-inf c=finf "},
        {"a = true\nb = false", "a=true b=false "},
        {"a = \"\"\nb = ''", "a='' b='' "},
        {"a = \"x16\" # c", "a='x16' "},
        {"a = 'c:\\n\"'", "a='c:\\n\"' "},
        {"a = \"\\b\\t\\n\\f\\r\\\"\\\\\"", "a='\b\t\n\f\r\"\\' "},
        {"a = \"\\u0041\\u00E9\\u20ac\\U0001F600\"", "a='Aé€😀' "},
        {"a = \"# { [ =\t\"", "a='# { [ =\t' "},
    };
    char out[64];

    CHECK(cases);
    read_all("a = -nan", 8, out, sizeof(out));
    assert_non_null(strstr(out, "nan"));
}

static void
test_syntax_errors(void **state)
{
    static const Case cases[] = {
        {"a", "! line 1, column 2: expected \"=\", not the end of the text"},
        {"\na\n", "! line 2, column 2: expected \"=\", not the end of the line"},
        {"= 1", "! line 1, column 1: expected a key, not \"=\""},
        {"é = 1", "! line 1, column 1: expected a key, not \"é\""},
        {"a. = 1", "! line 1, column 4: expected a key, not \"=\""},
        {"a b = 1", "! line 1, column 3: expected \"=\", not \"b\""},
        {"a =", "! line 1, column 4: expected a value, not the end of the text"},
        {"a = é", "! line 1, column 5: expected a value, not \"é\""},
        {"'é€😀' = 1 b", "! line 1, column 11: expected the end of the line, not \"b\""},
        {"a = 1 b = 2", "! line 1, column 7: expected the end of the line, not \"b\""},
        {"[a]b = 1", "! line 1, column 4: expected the end of the line, not \"b\""},
        {"[a", "! line 1, column 3: expected \"]\", not the end of the text"},
        {"[]", "! line 1, column 2: expected a key, not \"]\""},
        {"[a]]", "! line 1, column 4: expected the end of the line, not \"]\""},
        {"a = {",
         "a={} ! line 1, column 6: expected \"}\" on the line of its \"{\", not the end of the text"},
        {"a = {\n}",
         "a={} ! line 1, column 6: expected \"}\" on the line of its \"{\", not the end of the line"},
        {"a = {b = 1 # c\n}", "a={} a.b=1 ! line 1, column 12: expected \",\" or \"}\", not \"#\""},
        {"a = {b = 1,}", "a={} a.b=1 ! line 1, column 12: expected a key, not \"}\""},
        {"a = {,}", "a={} ! line 1, column 6: expected a key, not \",\""},
        {"a = {b = 1,, c = 2}", "a={} a.b=1 ! line 1, column 12: expected a key, not \",\""},
        {"a = {b = 1 c = 2}", "a={} a.b=1 ! line 1, column 12: expected \",\" or \"}\", not \"c\""},
        {"a = {b = {}}}", "a={} a.b={} ! line 1, column 13: expected the end of the line, not \"}\""},
        {"a = \"x", "! line 1, column 5: the string is not closed on its line"},
        {"a = 'x\n'", "! line 1, column 5: the string is not closed on its line"},
        {"a = \"x\\", "! line 1, column 8: expected one of b t n f r u U \" \\ after a backslash, not the "
                      "end of the text"},
        {"a = \"\\e\"",
         "! line 1, column 7: expected one of b t n f r u U \" \\ after a backslash, not \"e\""},
        {"a = \"\\u12\"", "! line 1, column 10: expected four hexadecimal digits, not \"\"\""},
        {"a = \"\\U0011000g\"", "! line 1, column 15: expected eight hexadecimal digits, not \"g\""},
        {"a = \"\\U00110000\"", "! line 1, column 6: U+110000 is not a character"},
        {"a = \"\\uDFFF\"", "! line 1, column 6: U+DFFF is not a character"},
        {"a = \"\\u0000\"", "! line 1, column 6: the character U+0000 is not supported here"},
    };

    CHECK(cases);
}

static void
test_number_errors(void **state)
{
    static const char *const bad[] = {"1_",   "_1",    "1__0",  "+",    "-",    "1.",   ".5",    "1.e5",
                                      "1e",   "1e+",   "1._5",  "1_.5", "1e_5", "0x",   "0x_1",  "0x1_",
                                      "0o8",  "0b2",   "0xg",   "+0x1", "-0b1", "00",   "01",    "-01",
                                      "01.5", "1.5.5", "1e5e5", "1+1",  "yes",  "True", "infty", "+-1",
                                      "1:2",  "12abc", "nul",   "0b",   "0o",   "a",    "1e5_",  "-"};
    static const Case cases[] = {
        {"a = 9223372036854775808", "! line 1, column 5: the number 9223372036854775808 is too large"},
        {"a = -9223372036854775809", "! line 1, column 5: the number -9223372036854775809 is too large"},
        {"a = 0x8000000000000000", "! line 1, column 5: the number 0x8000000000000000 is too large"},
        {"a = 0x10000000000000000", "! line 1, column 5: the number 0x10000000000000000 is too large"},
        {"a = 1e400", "! line 1, column 5: the number 1e400 is too large"},
        {"a = 007", "! line 1, column 5: \"007\": a decimal number has no leading zeros"},
        {"a = x16", "! line 1, column 5: \"x16\" is neither a number nor a boolean nor a string in quotes"},
    };

    CHECK(cases);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[32];
        char out[256];

        snprintf(text, sizeof(text), "a = %s", bad[i]);
        read_all(text, strlen(text), out, sizeof(out));
        if (strncmp(out, "! line 1, column 5: \"", 21) != 0)
            print_message("text: %s\n", text);
        assert_memory_equal(out, "! line 1, column 5: \"", 21);
    }
}

static void
test_not_supported(void **state)
{
    static const Case cases[] = {
        {"a = [1]", "! line 1, column 5: arrays are not supported here"},
        {"a = {b = []}", "a={} ! line 1, column 10: arrays are not supported here"},
        {"[[a]]", "! line 1, column 1: arrays of tables are not supported here"},
        {"a = 1979-05-27T07:32:00Z", "! line 1, column 5: dates and times are not supported here"},
        {"a = 1979-05-27", "! line 1, column 5: dates and times are not supported here"},
        {"a = 07:32:00.5", "! line 1, column 5: dates and times are not supported here"},
        {"a = \"\"\"x\"\"\"", "! line 1, column 5: multi-line strings are not supported here"},
        {"a = '''x'''", "! line 1, column 5: multi-line strings are not supported here"},
    };

    CHECK(cases);
}

static void
test_defined_twice(void **state)
{
    static const Case cases[] = {
        {"a = 1\na = 2", "a=1 ! line 2, column 1: \"a\" is defined twice"},
        {"a = 1\n'a' = 2", "a=1 ! line 2, column 1: \"a\" is defined twice"},
        {"a = 1\na.b = 2", "a=1 ! line 2, column 1: \"a\" is defined twice"},
        {"a.b = 1\na = 2", "a.b=1 ! line 2, column 1: \"a\" is defined twice"},
        {"a = 1\n[a]", "a=1 ! line 2, column 2: \"a\" is defined twice"},
        {"a = 1\n[a.b]", "a=1 ! line 2, column 2: \"a\" is defined twice"},
        {"[a]\n[a]", "a={} ! line 2, column 2: \"a\" is defined twice"},
        {"a.b = 1\n[a]", "a.b=1 ! line 2, column 2: \"a\" is defined twice"},
        {"[a]\nb.c = 1\n[a.b]", "a={} a.b.c=1 ! line 3, column 4: \"b\" is defined twice"},
        {"[a.b]\n[a]\nb.c = 1", "a.b={} a={} ! line 3, column 1: \"b\" is defined twice"},
        {"[a.b.c]\n[a]\nb.c.d = 1", "a.b.c={} a={} ! line 3, column 3: \"c\" is defined twice"},
        {"[a.b.c]\n[a]\nb.d = 1\n[a.b]", "a.b.c={} a={} a.b.d=1 ! line 4, column 4: \"b\" is defined twice"},
        {"a = {}\na.b = 1", "a={} ! line 2, column 1: \"a\" is defined twice"},
        {"a = {}\n[a]", "a={} ! line 2, column 2: \"a\" is defined twice"},
        {"a = {b.c = 1}\n[a.b]", "a={} a.b.c=1 ! line 2, column 2: \"a\" is defined twice"},
        {"a = {b = {}, b.c = 1}", "a={} a.b={} ! line 1, column 14: \"b\" is defined twice"},
        {"a = {b = 1, b = 2}", "a={} a.b=1 ! line 1, column 13: \"b\" is defined twice"},
    };

    CHECK(cases);
}

static void
test_bytes(void **state)
{
    static const char *const bad_utf8[] = {"\x80",
                                           "\xC0\x80",
                                           "\xC1\xBF",
                                           "\xE0\x9F\xBF",
                                           "\xED\xA0\x80",
                                           "\xF0\x8F\xBF\xBF",
                                           "\xE2\x82",
                                           "\xF4\x90\x80\x80",
                                           "\xF5\x80\x80\x80",
                                           "\xFF",
                                           "\xC3",
                                           "\xE2\x28\xA1"};
    char text[32];
    char out[256];

    for (size_t i = 0; i < sizeof(bad_utf8) / sizeof(bad_utf8[0]); i++) {
        snprintf(text, sizeof(text), "a = 1\n# é%s", bad_utf8[i]);
        read_all(text, strlen(text), out, sizeof(out));
        /* Nothing is read of a text with such bytes, wherever they stand. */
        assert_memory_equal(out, "! line 2, column 4: byte 0x", 27);
        assert_non_null(strstr(out, "is not UTF-8"));
    }
    for (int byte = 0; byte < 0x80; byte++) {
        bool allowed = (byte >= 0x20 && byte != 0x7F) || byte == '\t' || byte == '\n';

        memcpy(text, "a = 1 #x", 8);
        text[7] = (char)byte;
        read_all(text, 8, out, sizeof(out));
        if (allowed)
            assert_string_equal(out, "a=1 ");
        else
            assert_memory_equal(out, "! line 1, column 8: control character 0x", 40);
    }
    read_all("a = 1\rb = 2", 11, out, sizeof(out));
    assert_string_equal(out, "! line 1, column 6: control character 0x0D");
    read_all("\xEF\xBB\xBF"
             "a = 1",
             8, out, sizeof(out));
    assert_memory_equal(out, "! line 1, column 1: expected a key", 34);
}

/* Fills text with `count` times the piece, which holds at most one %d: the number of the piece. */
static size_t
repeat(char *text, const char *piece, int count)
{
    size_t used = 0;

    for (int i = 0; i < count; i++)
        used += (size_t)sprintf(text + used, piece, i);
    return used;
}

static void
test_limits(void **state)
{
    static char text[VEC_TOML_TEXT_BYTES_MAX + 16];
    static char out[8192];
    size_t used;

    memset(text, ' ', sizeof(text));
    read_all(text, VEC_TOML_TEXT_BYTES_MAX, out, sizeof(out));
    assert_string_equal(out, "");
    read_all(text, VEC_TOML_TEXT_BYTES_MAX + 1, out, sizeof(out));
    assert_string_equal(out, "! line 1, column 1: the text has 65537 bytes, more than 65536");

    read_all(text, repeat(text, "k%d = 1\n", VEC_TOML_KEYS_MAX), out, sizeof(out));
    assert_null(strchr(out, '!'));
    read_all(text, repeat(text, "k%d = 1\n", VEC_TOML_KEYS_MAX + 1), out, sizeof(out));
    assert_non_null(strstr(out, "! line 257, column 1: more than 256 keys"));

    used = repeat(text, "a.", VEC_TOML_DEPTH_MAX - 1);
    strcpy(text + used, "a = {}");
    read_all(text, used + 6, out, sizeof(out));
    assert_null(strchr(out, '!'));
    strcpy(text + used, "a = {b = 1}");
    read_all(text, used + 11, out, sizeof(out));
    assert_non_null(strstr(out, "column 36: more than 16 levels"));
    read_all(text, repeat(text, "a = {", 10000), out, sizeof(out));
    assert_non_null(strstr(out, "column 81: more than 16 levels"));
    read_all(text, repeat(text, "[", 60000), out, sizeof(out));
    assert_string_equal(out, "! line 1, column 1: arrays of tables are not supported here");

    used = repeat(text, "a", VEC_TOML_KEY_BYTES_MAX - 1);
    strcpy(text + used, " = 1");
    read_all(text, used + 4, out, sizeof(out));
    assert_non_null(strstr(out, "=1 "));
    used = repeat(text, "a", VEC_TOML_KEY_BYTES_MAX);
    strcpy(text + used, " = 1");
    read_all(text, used + 4, out, sizeof(out));
    assert_string_equal(out, "! line 1, column 1: more than 4096 bytes of keys");
    used = repeat(text, "a", VEC_TOML_KEY_BYTES_MAX - 1);
    strcpy(text + used, " = 1\n'' = 2");
    read_all(text, used + 11, out, sizeof(out));
    assert_non_null(strstr(out, "! line 2, column 1: more than 4096 bytes of keys"));
}

static void
test_string_limits(void **state)
{
    char text[1024];
    char out[1024];

    for (int bytes = VEC_TOML_STRING_BYTES_MAX - 1; bytes <= VEC_TOML_STRING_BYTES_MAX + 1; bytes++) {
        snprintf(text, sizeof(text), "a = \"%0*d\\u20ac\"", bytes - 3, 0);
        read_all(text, strlen(text), out, sizeof(out));
        if (bytes <= VEC_TOML_STRING_BYTES_MAX)
            assert_memory_equal(out, "a='000", 6);
        else
            assert_string_equal(out,
                                "! line 1, column 5: the string is too long (at most 255 bytes fit here)");
    }
    snprintf(text, sizeof(text), "a = 1%0*d", VEC_TOML_NUMBER_BYTES_MAX - 1, 0);
    read_all(text, strlen(text), out, sizeof(out));
    assert_non_null(strstr(out, "is too large"));
    snprintf(text, sizeof(text), "a = 1%0*d", VEC_TOML_NUMBER_BYTES_MAX, 0);
    read_all(text, strlen(text), out, sizeof(out));
    assert_string_equal(out, "! line 1, column 5: a value of 65 bytes without quotes");
}

/* A long key in a message and a path that does not fit are cut at a character's end. */
static void
test_shortened(void **state)
{
    VecTomlReader reader;
    VecTomlEvent event;
    char text[512];
    char out[1024];
    char path[512];
    char key[128] = "'x";

    for (int i = 0; i < 50; i++)
        strcat(key, "é");
    snprintf(text, sizeof(text), "%s' = 1\n%s' = 2", key, key);
    read_all(text, strlen(text), out, sizeof(out));
    assert_non_null(strstr(out, "! line 2, column 1: \"xééééééééééééééééééééééééééééé\" is defined twice"));

    vec_toml_begin(&reader, "'aé'.b = 1", strlen("'aé'.b = 1"));
    assert_int_equal(vec_toml_next(&reader, &event, NULL), VEC_OK);
    for (size_t size = 1; size <= 8; size++) {
        static const char *const expected[] = {"", "'", "'a", "'a", "'aé", "'aé'", "'aé'.", "'aé'.b"};

        memset(path, 'z', sizeof(path));
        assert_string_equal(vec_toml_path(&event, path, size), expected[size - 1]);
        assert_int_equal(path[size], 'z');
    }
}

static void
test_places(void **state)
{
    static const char text[] = "# x\n  [a . b]\r\n\té = 1";
    static const char good[] = "# é\n  [a . b]\r\n\t'é' . c = { d = 1 }\n";
    static const uint32_t places[][3] = {{2, 4, 2}, {3, 2, 4}, {3, 14, 5}};
    VecTomlReader reader;
    VecTomlEvent event;
    char out[256];

    read_all(text, sizeof(text) - 1, out, sizeof(out));
    assert_string_equal(out, "a.b={} ! line 3, column 2: expected a key, not \"é\"");
    vec_toml_begin(&reader, good, sizeof(good) - 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(vec_toml_next(&reader, &event, NULL), VEC_OK);
        assert_int_equal(event.line, places[i][0]);
        assert_int_equal(event.column, places[i][1]);
        assert_int_equal(event.depth, places[i][2]);
    }
    assert_string_equal(event.path[2], "é");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_tables), cmocka_unit_test(test_values),
        cmocka_unit_test(test_syntax_errors),   cmocka_unit_test(test_number_errors),
        cmocka_unit_test(test_not_supported),   cmocka_unit_test(test_defined_twice),
        cmocka_unit_test(test_bytes),           cmocka_unit_test(test_limits),
        cmocka_unit_test(test_string_limits),   cmocka_unit_test(test_shortened),
        cmocka_unit_test(test_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
