/*
 * keys.h: filter columns: the columns of an index after its vector, as keys of 64 bits that the engine compares.
 *
 * Each column becomes one to four keys, by its *kind*:
 *
 *   kind                       keys  what                                                      exact
 *   INTEGER, DATE, TIME, ...   1     the number, so that keys sort as values do                yes
 *   FLOAT                      1     the same; -0 is 0, NaN the greatest                       yes
 *   NUMERIC                    1     the nearest double precision number                       no
 *   UUID                       1     its first eight bytes                                     no
 *   TEXT                       2     its first eight bytes; a hash of it                       no
 *   ENUM                       1     the value's OID, for = alone                              yes
 *   SET                        4     256 bits, of which each element of the array sets three   no
 *
 * What is not exact may match too much, never too little: then PostgreSQL looks at the row again.
 *
 * An entry of the log holds the keys as its attributes: a uint32 whose bit k says that column k is NULL, then all keys. Behind the
 * entry's header of 12 bytes that leaves the keys, and the vector after them, aligned to eight bytes.
 */
#ifndef VECPG_KEYS_H
#define VECPG_KEYS_H

#include "postgres.h"

#include "log.h"
#include "utils/rel.h"
#include "vectors/filter.h"

/* Stored in META: a number is never given another meaning. */
typedef enum VecpgKeyKind {
    VECPG_KEY_NONE = 0,
    VECPG_KEY_INTEGER = 1,
    VECPG_KEY_FLOAT = 2,
    VECPG_KEY_NUMERIC = 3,
    VECPG_KEY_BOOL = 4,
    VECPG_KEY_UUID = 5,
    VECPG_KEY_TEXT = 6,
    VECPG_KEY_DATE = 7,
    VECPG_KEY_TIMESTAMP = 8,
    VECPG_KEY_TIMESTAMPTZ = 9,
    VECPG_KEY_TIME = 10,
    VECPG_KEY_ENUM = 11,
    VECPG_KEY_SET = 12
} VecpgKeyKind;

#define VECPG_KEYS_OF_SET 4 /* words of a signature */

/* What an operator class's input type, or an operator's argument, is encoded as; NONE: it cannot be a filter column. */
extern VecpgKeyKind vecpg_keys_kind(Oid type);

/* How many keys a column of this kind has. */
extern uint32 vecpg_keys_width(VecpgKeyKind kind);

/*
 * From the catalogs: the filter columns of an index. 0A000 for a type or an operator class that is none; 54000 for too many
 * columns.
 */
extern void vecpg_keys_layout(Relation index, VecpgKeyLayout *layout);

/* XX002 if the index was built for other columns than the catalogs show now. Cheap. */
extern void vecpg_keys_check(Relation index, const VecpgKeyLayout *built);

/* Whether a layout, read from META, is possible and takes so many bytes. */
extern bool vecpg_keys_is_sound(const VecpgKeyLayout *layout, uint32 attribute_bytes);

extern uint32 vecpg_keys_count(const VecpgKeyLayout *layout);
extern uint32
vecpg_keys_bytes(const VecpgKeyLayout *layout); /* a log entry's attributes; 0 without columns */
extern uint32 vecpg_keys_first(const VecpgKeyLayout *layout, uint32 column); /* a column's first key */

/* By which keys segments keep their rows in order, too (VecSegmentOptions.key_ordered): where that finds rows. */
extern uint64 vecpg_keys_ordered(Relation index, const VecpgKeyLayout *layout);

/* The attributes of a row's log entry, in CurrentMemoryContext. Values and NULLs of all columns, the vector's first. */
extern char *vecpg_keys_encode(Relation index, const VecpgKeyLayout *layout, const Datum *values,
                               const bool *is_null);

/* The keys of an entry, which point into its attributes. */
extern VecKeys vecpg_keys_read(const VecpgKeyLayout *layout, const char *attributes);

/* The keys of one value of a type that vecpg_keys_kind knows, not NULL. Of an array: the signature of all of it. */
extern void vecpg_keys_encode_value(Oid type, Datum value, uint64 *keys);

/* The signatures, VECPG_KEYS_OF_SET words each, of an array's elements that are not NULL; how many there are. */
extern uint32 vecpg_keys_of_elements(Datum array, uint64 **signatures, bool *has_nulls);

/* Keys sort as values do. */
static inline uint64
vecpg_keys_of_integer(int64 value)
{
    return (uint64)value ^ (UINT64CONST(1) << 63);
}

#endif
