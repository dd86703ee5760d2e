/*
 * toml.h: a strict reader of small TOML 1.0 texts, the form in which an index's options are written.
 *
 * It is pulled: vec_toml_begin, then vec_toml_next until VEC_TOML_END. It allocates nothing, never recurses and holds no
 * resource, so that a caller may leave it at any moment. Everything of TOML 1.0 is read except arrays, dates and times,
 * multi-line strings and the character U+0000, which are refused by name.
 *
 * Defining a key or a table twice is an error as TOML 1.0 says. The text must be UTF-8; the limits below are errors, too.
 */
#ifndef VECTORS_TOML_H
#define VECTORS_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vectors/status.h"

/* Far more than any sensible options; they bound the work (quadratic in the number of keys) and the reader's size. */
#define VEC_TOML_TEXT_BYTES_MAX   65536
#define VEC_TOML_DEPTH_MAX        16   /* parts of a key's full path */
#define VEC_TOML_KEYS_MAX         256  /* distinct keys and tables */
#define VEC_TOML_KEY_BYTES_MAX    4096 /* bytes of all of them together, a final zero each included */
#define VEC_TOML_STRING_BYTES_MAX 255
#define VEC_TOML_NUMBER_BYTES_MAX 64

typedef enum VecTomlKind {
    VEC_TOML_END,
    VEC_TOML_TABLE, /* [a.b] or a = { … }: that it is there, even if it is empty; its keys follow as events of their own */
    VEC_TOML_INTEGER,
    VEC_TOML_FLOAT,
    VEC_TOML_BOOLEAN,
    VEC_TOML_STRING
} VecTomlKind;

/* What is pointed to lives in the reader: path as long as the reader, string until the next call. */
typedef struct VecTomlEvent {
    VecTomlKind kind;
    uint32_t line;   /* of the key, from 1 */
    uint32_t column; /* in characters, from 1 */
    uint32_t depth;
    const char
        *path[VEC_TOML_DEPTH_MAX]; /* the full path from the root; each part decoded, ended by a zero */
    int64_t integer;
    double number;
    bool boolean;
    const char *string; /* decoded UTF-8, ended by a zero */
    uint32_t string_bytes;
} VecTomlEvent;

/* Private to toml.c; in the header only so that it can live on the caller's stack (about 10 KB). */
typedef struct VecTomlNode {
    uint16_t parent;
    uint16_t name; /* offset in key_bytes */
    uint8_t state;
} VecTomlNode;

typedef struct VecTomlReader {
    const char *text;
    const char *end;
    const char *position;
    const char *line_start;
    uint32_t line;
    VecStatus status;      /* sticky: after an error every call returns it again */
    uint16_t section;      /* the node of the last [header] */
    uint16_t inline_depth; /* inline tables that are open now */
    bool inline_has_value; /* the last thing read in it was complete: "," or "}" must follow */
    bool is_checked;
    uint16_t inline_nodes[VEC_TOML_DEPTH_MAX];
    uint16_t node_count;
    uint16_t key_bytes_used;
    VecTomlNode nodes[VEC_TOML_KEYS_MAX + 1]; /* node 0 is the root */
    char key_bytes[VEC_TOML_KEY_BYTES_MAX];
    char string[VEC_TOML_STRING_BYTES_MAX + 1];
} VecTomlReader;

/* text (size_bytes, not necessarily ended by a zero) must outlive the reader; it is not looked at before the first next. */
void vec_toml_begin(VecTomlReader *reader, const char *text, size_t size_bytes);

/*
 * Reads on to the next value or table, in the order of the text; kind VEC_TOML_END once all is read.
 * VEC_INVALID: not TOML, not supported or beyond a limit; *error says line, column and reason, and the reader stays there.
 */
VecStatus vec_toml_next(VecTomlReader *reader, VecTomlEvent *event, VecError *error) VEC_MUST_CHECK;

/* Writes the event's path joined by dots (parts that are not bare keys in quotes), shortened to size bytes; returns out. */
char *vec_toml_path(const VecTomlEvent *event, char *out, size_t size);

#endif
