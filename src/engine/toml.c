/*
 * toml.c: reads small TOML texts without memory of its own.
 *
 * One pass finds what no valid text may hold (bytes that are not UTF-8, control characters), so that everything behind it
 * may look at single bytes. The reader then walks line by line; inline tables, the only thing in TOML that nests, are a
 * stack of at most VEC_TOML_DEPTH_MAX nodes. Every key and table that was seen is a node (parent, name, how it was
 * defined), searched linearly: with at most 256 of them nothing smarter pays, and it decides what a second definition is.
 */
#include "vectors/toml.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT 0

/* How a node came to be. TOML decides by it who may define or extend it again. */
enum {
    NODE_NEW,      /* named by the key that is being read, nothing defined yet */
    NODE_IMPLICIT, /* passed through by a header: may get its own header, may be extended */
    NODE_HEADER,   /* has had its header: only headers of its subtables may follow */
    NODE_DOTTED,   /* passed through by a dotted key: further dotted keys may extend it */
    NODE_VALUE     /* a value or an inline table: complete */
};

static VecStatus fail(VecTomlReader *reader, const char *at, VecError *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static uint32_t
column_of(const VecTomlReader *reader, const char *at)
{
    uint32_t column = 1;

    for (const char *byte = reader->line_start; byte < at; byte++)
        column += ((unsigned char)*byte & 0xC0) != 0x80;
    return column;
}

static VecStatus
fail(VecTomlReader *reader, const char *at, VecError *error, const char *format, ...)
{
    char reason[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    reader->status = VEC_INVALID;
    return vec_error_set(error, VEC_INVALID, 0, "line %u, column %u: %s", reader->line, column_of(reader, at),
                         reason);
}

/* The length of the UTF-8 character at `at`, 0 if there is none (overlong forms and surrogates are none). */
static size_t
utf8_length(const char *at, const char *end)
{
    const unsigned char *byte = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    size_t length = byte[0] < 0x80 ? 1 : byte[0] < 0xC2 ? 0 : byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;

    if (length == 0 || byte[0] > 0xF4 || length > left)
        return 0;
    if (byte[0] == 0xE0)
        low = 0xA0;
    else if (byte[0] == 0xED)
        high = 0x9F;
    else if (byte[0] == 0xF0)
        low = 0x90;
    else if (byte[0] == 0xF4)
        high = 0x8F;
    for (size_t i = 1; i < length; i++) {
        if (byte[i] < low || byte[i] > high)
            return 0;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

/* Cuts what a message quotes: at most 60 bytes, at the end of a character. */
static int
quoted_bytes(const char *bytes, size_t size)
{
    size_t cut = size;

    if (size > 60)
        for (cut = 60; cut > 0 && ((unsigned char)bytes[cut] & 0xC0) == 0x80;)
            cut--;
    return (int)cut;
}

static VecStatus
check_text(VecTomlReader *reader, VecError *error)
{
    const char *at = reader->text;

    if ((size_t)(reader->end - reader->text) > VEC_TOML_TEXT_BYTES_MAX)
        return fail(reader, at, error, "the text has %zu bytes, more than %d", (size_t)(reader->end - at),
                    VEC_TOML_TEXT_BYTES_MAX);
    while (at < reader->end) {
        unsigned char byte = (unsigned char)*at;
        size_t length = utf8_length(at, reader->end);

        if (length == 0)
            return fail(reader, at, error, "byte 0x%02X is not UTF-8", byte);
        if (byte == '\r' && at + 1 < reader->end && at[1] == '\n')
            length = 1;
        else if ((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7F)
            return fail(reader, at, error, "control character 0x%02X", byte);
        at += length;
        if (byte == '\n') {
            reader->line++;
            reader->line_start = at;
        }
    }
    reader->line = 1;
    reader->line_start = reader->text;
    return VEC_OK;
}

/* The byte at the position; a zero at the end (check_text has seen to it that there is no other). */
static char
peek(const VecTomlReader *reader)
{
    return reader->position < reader->end ? *reader->position : '\0';
}

static bool
at_line_end(const VecTomlReader *reader)
{
    return peek(reader) == '\0' || peek(reader) == '\n' || peek(reader) == '\r';
}

static void
skip_spaces(VecTomlReader *reader)
{
    while (peek(reader) == ' ' || peek(reader) == '\t')
        reader->position++;
}

static VecStatus
fail_expected(VecTomlReader *reader, VecError *error, const char *expected)
{
    const char *at = reader->position;

    if (at == reader->end)
        return fail(reader, at, error, "expected %s, not the end of the text", expected);
    if (at_line_end(reader))
        return fail(reader, at, error, "expected %s, not the end of the line", expected);
    return fail(reader, at, error, "expected %s, not \"%.*s\"", expected, (int)utf8_length(at, reader->end),
                at);
}

/* Steps over spaces, a comment and the line's end. */
static VecStatus
finish_line(VecTomlReader *reader, VecError *error)
{
    skip_spaces(reader);
    if (peek(reader) == '#')
        while (!at_line_end(reader))
            reader->position++;
    if (!at_line_end(reader))
        return fail_expected(reader, error, "the end of the line");
    if (peek(reader) == '\r')
        reader->position++;
    if (reader->position < reader->end) {
        reader->position++;
        reader->line++;
        reader->line_start = reader->position;
    }
    return VEC_OK;
}

/* --- strings ---------------------------------------------------------------------------------------------------- */

static int
hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

static size_t
utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Decodes the escape at the position (behind the backslash) into at most four bytes. */
static VecStatus
read_escape(VecTomlReader *reader, char out[4], size_t *length, VecError *error)
{
    static const char letters[] = "btnfr\"\\";
    static const char meanings[] = "\b\t\n\f\r\"\\";
    const char *backslash = reader->position - 1;
    char letter = peek(reader);
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    int digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    uint32_t code = 0;

    if (found != NULL) {
        reader->position++;
        out[0] = meanings[found - letters];
        *length = 1;
        return VEC_OK;
    }
    if (digits == 0)
        return fail_expected(reader, error, "one of b t n f r u U \" \\ after a backslash");
    reader->position++;
    for (int i = 0; i < digits; i++) {
        int value = hex_value(peek(reader));

        if (value < 0)
            return fail_expected(reader, error,
                                 digits == 4 ? "four hexadecimal digits" : "eight hexadecimal digits");
        code = code << 4 | (uint32_t)value;
        reader->position++;
    }
    if (code == 0)
        return fail(reader, backslash, error, "the character U+0000 is not supported here");
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return fail(reader, backslash, error, "U+%04X is not a character", code);
    *length = utf8_encode(code, out);
    return VEC_OK;
}

/* Decodes the quoted string at the position into out (size bytes, the final zero included). */
static VecStatus
read_string(VecTomlReader *reader, char *out, size_t size, size_t *length, VecError *error)
{
    const char *start = reader->position;
    char quote = *reader->position++;

    *length = 0;
    if (reader->end - start >= 3 && start[1] == quote && start[2] == quote)
        return fail(reader, start, error, "multi-line strings are not supported here");
    while (peek(reader) != quote) {
        char decoded[4];
        size_t decoded_length = 1;

        if (at_line_end(reader))
            return fail(reader, start, error, "the string is not closed on its line");
        decoded[0] = *reader->position++;
        if (decoded[0] == '\\' && quote == '"') {
            VecStatus status = read_escape(reader, decoded, &decoded_length, error);

            if (status != VEC_OK)
                return status;
        }
        if (*length + decoded_length >= size)
            return fail(reader, start, error, "the string is too long (at most %zu bytes fit here)",
                        size - 1);
        memcpy(out + *length, decoded, decoded_length);
        *length += decoded_length;
    }
    reader->position++;
    out[*length] = '\0';
    return VEC_OK;
}

/* --- keys ------------------------------------------------------------------------------------------------------- */

static bool
is_bare(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '-';
}

/* Decodes one part of a key to the free end of key_bytes. */
static VecStatus
read_part(VecTomlReader *reader, size_t *length, VecError *error)
{
    char *out = reader->key_bytes + reader->key_bytes_used;
    size_t size = sizeof(reader->key_bytes) - reader->key_bytes_used;
    const char *start = reader->position;

    if (size == 0)
        return fail(reader, start, error, "more than %d bytes of keys", VEC_TOML_KEY_BYTES_MAX);
    if (peek(reader) == '"' || peek(reader) == '\'')
        return read_string(reader, out, size, length, error);
    while (is_bare(peek(reader)))
        reader->position++;
    *length = (size_t)(reader->position - start);
    if (*length == 0)
        return fail_expected(reader, error, "a key");
    if (*length >= size)
        return fail(reader, start, error, "more than %d bytes of keys", VEC_TOML_KEY_BYTES_MAX);
    memcpy(out, start, *length);
    out[*length] = '\0';
    return VEC_OK;
}

/* The child of parent with the name at the free end of key_bytes; made (NODE_NEW) if there is none. */
static VecStatus
find_node(VecTomlReader *reader, const char *at, uint16_t parent, size_t length, uint16_t *node,
          VecError *error)
{
    const char *name = reader->key_bytes + reader->key_bytes_used;

    for (uint16_t i = 1; i < reader->node_count; i++) {
        if (reader->nodes[i].parent == parent &&
            strcmp(reader->key_bytes + reader->nodes[i].name, name) == 0) {
            *node = i;
            return VEC_OK;
        }
    }
    if (reader->node_count == VEC_TOML_KEYS_MAX + 1)
        return fail(reader, at, error, "more than %d keys", VEC_TOML_KEYS_MAX);
    *node = reader->node_count++;
    reader->nodes[*node] = (VecTomlNode){.parent = parent, .name = reader->key_bytes_used, .state = NODE_NEW};
    reader->key_bytes_used = (uint16_t)(reader->key_bytes_used + length + 1);
    return VEC_OK;
}

/* Whether the key may pass through this node; and what the node is from then on. */
static bool
pass_through(VecTomlNode *node, bool is_header)
{
    if (is_header) {
        if (node->state == NODE_NEW)
            node->state = NODE_IMPLICIT;
        return node->state != NODE_VALUE;
    }
    if (node->state == NODE_NEW || node->state == NODE_IMPLICIT)
        node->state = NODE_DOTTED;
    return node->state == NODE_DOTTED;
}

static bool
define(VecTomlNode *node, bool is_header)
{
    bool free_to_define = node->state == NODE_NEW || (is_header && node->state == NODE_IMPLICIT);

    node->state = is_header ? NODE_HEADER : NODE_VALUE;
    return free_to_define;
}

static uint32_t
depth_of(const VecTomlReader *reader, uint16_t node)
{
    uint32_t depth = 0;

    for (; node != ROOT; node = reader->nodes[node].parent)
        depth++;
    return depth;
}

/* Reads a dotted key, defines it below `base`, and fills the event's place and path. */
static VecStatus
read_key(VecTomlReader *reader, uint16_t base, bool is_header, uint16_t *defined, VecTomlEvent *event,
         VecError *error)
{
    uint16_t node = base;
    uint32_t depth = depth_of(reader, base);
    bool more = true;

    event->line = reader->line;
    event->column = column_of(reader, reader->position);
    while (more) {
        const char *start = reader->position;
        size_t length = 0;
        VecStatus status = read_part(reader, &length, error);

        if (status != VEC_OK)
            return status;
        if (++depth > VEC_TOML_DEPTH_MAX)
            return fail(reader, start, error, "more than %d levels", VEC_TOML_DEPTH_MAX);
        if ((status = find_node(reader, start, node, length, &node, error)) != VEC_OK)
            return status;
        skip_spaces(reader);
        more = peek(reader) == '.';
        if (!(more ? pass_through : define)(&reader->nodes[node], is_header)) {
            const char *name = reader->key_bytes + reader->nodes[node].name;

            return fail(reader, start, error, "\"%.*s\" is defined twice", quoted_bytes(name, strlen(name)),
                        name);
        }
        if (more) {
            reader->position++;
            skip_spaces(reader);
        }
    }
    *defined = node;
    event->depth = depth;
    for (; node != ROOT; node = reader->nodes[node].parent)
        event->path[--depth] = reader->key_bytes + reader->nodes[node].name;
    return VEC_OK;
}

/* --- numbers ---------------------------------------------------------------------------------------------------- */

/* What is left of a number's token, and its copy without underscores. */
typedef struct Number {
    const char *in;
    const char *end;
    char *out;
} Number;

static bool
accept(Number *number, const char *set)
{
    if (number->in == number->end || strchr(set, *number->in) == NULL)
        return false;
    *number->out++ = *number->in++;
    return true;
}

/* Digits of the base, single underscores only between two of them; how many, 0 if that is not what stands there. */
static int
accept_digits(Number *number, int base)
{
    int count = 0;

    while (number->in < number->end) {
        int value = hex_value(*number->in);
        bool underscore = *number->in == '_' && count > 0;

        if (underscore && ++number->in == number->end)
            return 0;
        if (underscore)
            value = hex_value(*number->in);
        if (value < 0 || value >= base)
            return underscore ? 0 : count;
        *number->out++ = *number->in++;
        count++;
    }
    return count;
}

static VecStatus
read_based_integer(VecTomlReader *reader, Number number, VecTomlEvent *event, VecError *error)
{
    const char *start = number.in;
    int base = number.in[1] == 'x' ? 16 : number.in[1] == 'o' ? 8 : 2;
    char *digits = number.out;
    unsigned long long value;

    number.in += 2;
    if (accept_digits(&number, base) == 0 || number.in != number.end)
        return fail(reader, start, error, "\"%.*s\" is not a number", (int)(number.end - start), start);
    *number.out = '\0';
    errno = 0;
    value = strtoull(digits, NULL, base);
    if (errno != 0 || value > INT64_MAX)
        return fail(reader, start, error, "the number %.*s is too large", (int)(number.end - start), start);
    event->kind = VEC_TOML_INTEGER;
    event->integer = (int64_t)value;
    return VEC_OK;
}

/* The C library's conversions want a locale whose decimal point is a point, as PostgreSQL and programs that never call
 * setlocale have. */
static VecStatus
read_decimal(VecTomlReader *reader, Number number, VecTomlEvent *event, VecError *error)
{
    const char *start = number.in;
    char *copy = number.out;
    int size = (int)(number.end - start);
    bool is_float = false;
    const char *first;
    int digits;
    bool sound;

    accept(&number, "+-");
    first = number.in;
    digits = accept_digits(&number, 10);
    sound = digits > 0;
    if (sound && digits > 1 && *first == '0')
        return fail(reader, start, error, "\"%.*s\": a decimal number has no leading zeros", size, start);
    if (sound && accept(&number, ".")) {
        is_float = true;
        sound = accept_digits(&number, 10) > 0;
    }
    if (sound && accept(&number, "eE")) {
        is_float = true;
        accept(&number, "+-");
        sound = accept_digits(&number, 10) > 0;
    }
    if (!sound || number.in != number.end)
        return fail(reader, start, error, "\"%.*s\" is neither a number nor a boolean nor a string in quotes",
                    size, start);
    *number.out = '\0';
    errno = 0;
    event->kind = is_float ? VEC_TOML_FLOAT : VEC_TOML_INTEGER;
    if (is_float)
        event->number = strtod(copy, NULL);
    else
        event->integer = strtoll(copy, NULL, 10);
    if (is_float ? isinf(event->number) : errno != 0)
        return fail(reader, start, error, "the number %.*s is too large", size, start);
    return VEC_OK;
}

static bool
is_token(const char *token, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(token, word, size) == 0;
}

static bool
looks_like_date(const char *token, size_t size)
{
    size_t digits = 0;

    while (digits < size && token[digits] >= '0' && token[digits] <= '9')
        digits++;
    return digits < size && ((digits == 4 && token[digits] == '-') || (digits == 2 && token[digits] == ':'));
}

/* A value that is neither string nor table: a run of letters, digits and what numbers and dates are written with. */
static VecStatus
read_scalar(VecTomlReader *reader, VecTomlEvent *event, VecError *error)
{
    char copy[VEC_TOML_NUMBER_BYTES_MAX + 1];
    const char *token = reader->position;
    size_t size;
    bool negative;
    size_t sign;

    while (is_bare(peek(reader)) || peek(reader) == '+' || peek(reader) == '.' || peek(reader) == ':')
        reader->position++;
    size = (size_t)(reader->position - token);
    if (size == 0)
        return fail_expected(reader, error, "a value");
    if (is_token(token, size, "true") || is_token(token, size, "false")) {
        event->kind = VEC_TOML_BOOLEAN;
        event->boolean = *token == 't';
        return VEC_OK;
    }
    negative = *token == '-';
    sign = negative || *token == '+' ? 1 : 0;
    if (is_token(token + sign, size - sign, "inf") || is_token(token + sign, size - sign, "nan")) {
        event->kind = VEC_TOML_FLOAT;
        event->number = token[sign] == 'n' ? (double)NAN : negative ? -INFINITY : INFINITY;
        return VEC_OK;
    }
    if (size > VEC_TOML_NUMBER_BYTES_MAX)
        return fail(reader, token, error, "a value of %zu bytes without quotes", size);
    if (looks_like_date(token, size))
        return fail(reader, token, error, "dates and times are not supported here");
    if (size >= 2 && token[0] == '0' && (token[1] == 'x' || token[1] == 'o' || token[1] == 'b'))
        return read_based_integer(reader, (Number){token, token + size, copy}, event, error);
    return read_decimal(reader, (Number){token, token + size, copy}, event, error);
}

/* --- the walk --------------------------------------------------------------------------------------------------- */

static VecStatus
read_header(VecTomlReader *reader, VecTomlEvent *event, VecError *error)
{
    VecStatus status;

    reader->position++;
    if (peek(reader) == '[')
        return fail(reader, reader->position - 1, error, "arrays of tables are not supported here");
    skip_spaces(reader);
    if ((status = read_key(reader, ROOT, true, &reader->section, event, error)) != VEC_OK)
        return status;
    if (peek(reader) != ']')
        return fail_expected(reader, error, "\"]\"");
    reader->position++;
    event->kind = VEC_TOML_TABLE;
    return finish_line(reader, error);
}

/* Reads "key = value" below `base`; of an inline table only its opening. */
static VecStatus
read_pair(VecTomlReader *reader, uint16_t base, VecTomlEvent *event, VecError *error)
{
    uint16_t node;
    size_t length;
    VecStatus status = read_key(reader, base, false, &node, event, error);

    if (status != VEC_OK)
        return status;
    if (peek(reader) != '=')
        return fail_expected(reader, error, "\"=\"");
    reader->position++;
    skip_spaces(reader);
    if (peek(reader) == '[')
        return fail(reader, reader->position, error, "arrays are not supported here");
    if (peek(reader) == '{') {
        /* Each open table has a key of its own, so depth_of bounds the stack; read_key has checked it. */
        assert(reader->inline_depth < VEC_TOML_DEPTH_MAX);
        reader->position++;
        reader->inline_nodes[reader->inline_depth++] = node;
        event->kind = VEC_TOML_TABLE;
        return VEC_OK;
    }
    if (peek(reader) == '"' || peek(reader) == '\'') {
        event->kind = VEC_TOML_STRING;
        status = read_string(reader, reader->string, sizeof(reader->string), &length, error);
        event->string = reader->string;
        event->string_bytes = status == VEC_OK ? (uint32_t)length : 0;
        return status;
    }
    return read_scalar(reader, event, error);
}

/* Goes on within an inline table; VEC_TOML_END in event->kind when the outermost one was closed. */
static VecStatus
read_inline(VecTomlReader *reader, VecTomlEvent *event, VecError *error)
{
    while (reader->inline_depth > 0) {
        bool comma = false;
        VecStatus status;

        skip_spaces(reader);
        if (reader->inline_has_value && peek(reader) == ',') {
            comma = true;
            reader->position++;
            skip_spaces(reader);
        }
        if (peek(reader) == '}' && !comma) {
            reader->position++;
            reader->inline_depth--;
            reader->inline_has_value = true;
            continue;
        }
        if (at_line_end(reader))
            return fail_expected(reader, error, "\"}\" on the line of its \"{\"");
        if (reader->inline_has_value && !comma)
            return fail_expected(reader, error, "\",\" or \"}\"");
        status = read_pair(reader, reader->inline_nodes[reader->inline_depth - 1], event, error);
        reader->inline_has_value = event->kind != VEC_TOML_TABLE;
        return status;
    }
    event->kind = VEC_TOML_END;
    return finish_line(reader, error);
}

void
vec_toml_begin(VecTomlReader *reader, const char *text, size_t size_bytes)
{
    memset(reader, 0, sizeof(*reader));
    reader->text = text;
    reader->end = text + size_bytes;
    reader->position = text;
    reader->line_start = text;
    reader->line = 1;
    reader->section = ROOT;
    reader->nodes[ROOT].state = NODE_HEADER;
    reader->node_count = 1;
}

VecStatus
vec_toml_next(VecTomlReader *reader, VecTomlEvent *event, VecError *error)
{
    VecStatus status;

    memset(event, 0, sizeof(*event));
    if (reader->status != VEC_OK)
        return vec_error_set(error, reader->status, 0, "the text was refused before");
    if (!reader->is_checked) {
        if ((status = check_text(reader, error)) != VEC_OK)
            return status;
        reader->is_checked = true;
    }
    if (reader->inline_depth > 0) {
        status = read_inline(reader, event, error);
        if (status != VEC_OK || event->kind != VEC_TOML_END)
            return status;
    }
    while (reader->position < reader->end) {
        skip_spaces(reader);
        if (at_line_end(reader) || peek(reader) == '#') {
            if ((status = finish_line(reader, error)) != VEC_OK)
                return status;
            continue;
        }
        if (peek(reader) == '[')
            return read_header(reader, event, error);
        status = read_pair(reader, reader->section, event, error);
        reader->inline_has_value = false;
        if (status == VEC_OK && event->kind != VEC_TOML_TABLE)
            status = finish_line(reader, error);
        return status;
    }
    event->kind = VEC_TOML_END;
    return VEC_OK;
}

/* What is left of a text's room. */
typedef struct Room {
    char *out;
    size_t left; /* the final zero's byte included; 0: something did not fit, nothing follows it */
} Room;

/* Appends what fits of bytes, ending at a character's end. */
static void
append(Room *room, const char *bytes, size_t length)
{
    size_t cut = length;

    if (room->left == 0)
        return;
    if (length >= room->left)
        for (cut = room->left - 1; cut > 0 && ((unsigned char)bytes[cut] & 0xC0) == 0x80;)
            cut--;
    memcpy(room->out, bytes, cut);
    room->out += cut;
    *room->out = '\0';
    room->left = cut == length ? room->left - cut : 0;
}

char *
vec_toml_path(const VecTomlEvent *event, char *out, size_t size)
{
    Room room = {out, size};

    assert(size > 0);
    out[0] = '\0';
    for (uint32_t i = 0; i < event->depth; i++) {
        const char *part = event->path[i];
        size_t length = strlen(part);
        bool bare = length > 0;

        for (size_t j = 0; j < length; j++)
            bare = bare && is_bare(part[j]);
        append(&room, ".", i > 0);
        append(&room, "'", !bare);
        append(&room, part, length);
        append(&room, "'", !bare);
    }
    return out;
}
