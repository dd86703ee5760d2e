/*
 * types_common.c: ranges, typmods and error messages that the vector types share.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/shortest_dec.h"
#include "compat.h"
#include "mb/pg_wchar.h"
#include "types_common.h"
#include "types_svector.h"
#include "types_vector.h"

/* How much of a malformed text an error message repeats; vectors are long, and their texts ten times longer. */
#define SHOWN_TEXT_MAX 64

const VecpgTypeInfo vecpg_type_vector = {"vector", VECTORS_DIMENSIONS_MAX};
const VecpgTypeInfo vecpg_type_vecf16 = {"vecf16", VECTORS_DIMENSIONS_MAX};
const VecpgTypeInfo vecpg_type_svector = {"svector", SVECTOR_DIMENSIONS_MAX};
const VecpgTypeInfo vecpg_type_bvector = {"bvector", VECTORS_DIMENSIONS_MAX};
const VecpgTypeInfo vecpg_type_veci8 = {"veci8", VECTORS_DIMENSIONS_MAX};

bool
vecpg_types_check_dimensions(const VecpgTypeInfo *type, int64 dimensions, Node *escontext)
{
    if (dimensions >= 1 && dimensions <= type->dimensions_max)
        return true;
    vecpg_errsave(escontext,
                  (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                   errmsg("type %s cannot have %lld dimensions", type->name, (long long)dimensions),
                   errdetail("The dimensions must be in 1..%d.", type->dimensions_max)));
    return false;
}

bool
vecpg_types_check_typmod(int32 typmod, int dimensions, Node *escontext)
{
    if (typmod == -1 || typmod == dimensions)
        return true;
    vecpg_errsave(escontext, (errcode(ERRCODE_DATA_EXCEPTION),
                              errmsg("expected %d dimensions, not %d", (int)typmod, dimensions)));
    return false;
}

void
vecpg_types_check_same_dimensions(int a, int b)
{
    if (unlikely(a != b))
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("different vector dimensions %d and %d", a, b)));
}

int32
vecpg_types_typmod_in(const VecpgTypeInfo *type, ArrayType *modifiers)
{
    int count;
    int32 *values = ArrayGetIntegerTypmods(modifiers, &count);

    if (count != 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("invalid type modifier for type %s", type->name),
                        errdetail("There is one modifier, the dimensions; %d were given.", count)));
    vecpg_types_check_dimensions(type, values[0], NULL);
    return values[0];
}

/* The position as a user counts: in characters, from 1. */
static int
character_position(const char *text, size_t byte_position)
{
    return pg_mbstrlen_with_len(text, (int)byte_position) + 1;
}

/* The whole text if it is short, else its beginning and an ellipsis; for "%s" in messages. */
static const char *
shown(const char *text, size_t length)
{
    if (length <= SHOWN_TEXT_MAX)
        return pnstrdup(text, length);
    return psprintf("%.*s...", pg_mbcliplen(text, (int)length, SHOWN_TEXT_MAX), text);
}

/* The offending token for a DETAIL: quoted, or "the end of the text". */
static const char *
found(const char *text, const VecTextError *error)
{
    const char *start = text + error->position;
    size_t length = error->length;

    if (length == 0)
        return "the text ends";
    /* A token may be cut inside a multibyte character only if it is one byte long. */
    if (length == 1)
        length = (size_t)pg_mblen(start);
    return psprintf("found \"%s\"", shown(start, strnlen(start, length)));
}

void
vecpg_types_report_text(const VecpgTypeInfo *type, const char *text, const VecTextError *error,
                        Node *escontext)
{
    int position = character_position(text, error->position);
    const char *head = shown(text, strlen(text));

    switch (error->problem) {
        case VEC_TEXT_VALUE_RANGE:
            vecpg_errsave(escontext, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                                      errmsg("\"%s\" is out of range for an element of type %s",
                                             shown(text + error->position, error->length), type->name),
                                      errdetail("It is at position %d.", position)));
            break;
        case VEC_TEXT_INDEX_RANGE:
            vecpg_errsave(
                escontext,
                (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                 errmsg("invalid input syntax for type %s: \"%s\"", type->name, head),
                 errdetail("The index %llu at position %d is not below the dimensions; indexes begin with 0.",
                           (unsigned long long)error->number, position)));
            break;
        case VEC_TEXT_INDEX_TWICE:
            vecpg_errsave(escontext, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                                      errmsg("invalid input syntax for type %s: \"%s\"", type->name, head),
                                      errdetail("The index %llu occurs more than once.",
                                                (unsigned long long)error->number)));
            break;
        case VEC_TEXT_DIMENSIONS:
            (void)vecpg_types_check_dimensions(type, (int64)Min(error->number, (uint64)PG_INT64_MAX),
                                               escontext);
            break;
        default:
            vecpg_errsave(escontext, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                                      errmsg("invalid input syntax for type %s: \"%s\"", type->name, head),
                                      errdetail("Expected %s at position %d, but %s.", error->expected,
                                                position, found(text, error))));
            break;
    }
}

void
vecpg_types_report_binary(const VecpgTypeInfo *type, const char *format, ...)
{
    char detail[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                    errmsg("invalid binary data for type %s", type->name), errdetail_internal("%s", detail)));
}

int
vecpg_types_print_float(float value, char *target)
{
    return float_to_shortest_decimal_bufn(value, target);
}

void
vecpg_types_report_value(const VecpgTypeInfo *type, double value, Node *escontext)
{
    vecpg_errsave(escontext, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                              errmsg("\"%g\" is out of range for an element of type %s", value, type->name)));
}

char *
vecpg_types_print_floats(const float *x, int count)
{
    char *text = palloc((Size)count * (VECPG_FLOAT_DIGITS_MAX + 2) + 3);
    char *p = text;

    *p++ = '[';
    for (int i = 0; i < count; i++) {
        if (i > 0) {
            *p++ = ',';
            *p++ = ' ';
        }
        p += vecpg_types_print_float(x[i], p);
    }
    *p++ = ']';
    *p = '\0';
    return text;
}

/* Hashing runs over pieces of this many elements, each hash being the seed of the next. */
#define HASH_PIECE 256

uint64
vecpg_types_hash_floats(const float *x, int count, uint64 seed)
{
    uint32 bits[HASH_PIECE];

    for (int done = 0; done < count; done += HASH_PIECE) {
        int piece = Min(count - done, HASH_PIECE);

        for (int i = 0; i < piece; i++)
            bits[i] = vecpg_types_canonical_bits(x[done + i]);
        seed = hash_bytes_extended((unsigned char *)bits, piece * (int)sizeof(uint32), seed);
    }
    return seed;
}
