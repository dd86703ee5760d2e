/*
 * keys.c: values of filter columns as keys; keys.h says how.
 *
 * The log keeps keys, not values: a changed encoding needs another kind, or indexes built before would answer wrongly. Hashes are
 * those of hash indexes and hash partitions, which PostgreSQL keeps the same over its majors for pg_upgrade's sake.
 */
#include "keys.h"

#include <math.h>

#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "common/hashfn.h"
#include "compat.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

/* The keys of a value that is not NULL. */
typedef void (*VecpgEncode)(Datum value, uint64 *keys);

typedef struct VecpgKeyType {
    Oid type; /* the input type of an operator class */
    VecpgKeyKind kind;
    VecpgEncode encode;
} VecpgKeyType;

static const VecpgKeyType *key_type(Oid type);

VecpgKeyKind
vecpg_keys_kind(Oid type)
{
    const VecpgKeyType *found = key_type(type);

    return found == NULL ? VECPG_KEY_NONE : found->kind;
}

uint32
vecpg_keys_width(VecpgKeyKind kind)
{
    if (kind == VECPG_KEY_SET)
        return VECPG_KEYS_OF_SET;
    return kind == VECPG_KEY_TEXT ? 2 : 1;
}

uint32
vecpg_keys_first(const VecpgKeyLayout *layout, uint32 column)
{
    uint32 first = 0;

    for (uint32 i = 0; i < column; i++)
        first += vecpg_keys_width(layout->kinds[i]);
    return first;
}

uint32
vecpg_keys_count(const VecpgKeyLayout *layout)
{
    return vecpg_keys_first(layout, layout->column_count);
}

uint32
vecpg_keys_bytes(const VecpgKeyLayout *layout)
{
    return layout->column_count == 0 ? 0 : sizeof(uint32) + vecpg_keys_count(layout) * sizeof(uint64);
}

bool
vecpg_keys_is_sound(const VecpgKeyLayout *layout, uint32 attribute_bytes)
{
    if (layout->column_count > VECPG_KEY_COLUMNS_MAX)
        return false;
    for (uint32 i = 0; i < layout->column_count; i++)
        if (layout->kinds[i] == VECPG_KEY_NONE || layout->kinds[i] > VECPG_KEY_SET)
            return false;
    return vecpg_keys_count(layout) <= VEC_KEYS_MAX && vecpg_keys_bytes(layout) == attribute_bytes;
}

/* The element type needs a hash function; other arrays cannot be compared either. */
static void
check_element_type(Relation index, Form_pg_attribute attribute)
{
    Oid element = get_base_element_type(attribute->atttypid);

    if (!OidIsValid(lookup_type_cache(element, TYPECACHE_HASH_EXTENDED_PROC)->hash_extended_proc))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("column \"%s\" of index \"%s\" cannot be a filter column",
                               NameStr(attribute->attname), RelationGetRelationName(index)),
                        errdetail("Type %s has no hash function.", format_type_be(element))));
}

static VecpgKeyKind
kind_of_column(Relation index, int column)
{
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(index), column);
    VecpgKeyKind kind = vecpg_keys_kind(index->rd_opcintype[column]);
    oidvector *classes;
    bool is_null;

    if (kind == VECPG_KEY_NONE)
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("column \"%s\" of index \"%s\" cannot be a filter column",
                        NameStr(attribute->attname), RelationGetRelationName(index)),
                 errdetail("Only the first column of an index of access method vectors may be a vector.")));
    classes = (oidvector *)DatumGetPointer(
        SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indclass, &is_null));
    if (is_null ||
        classes->values[column] != GetDefaultOpClass(index->rd_opcintype[column], index->rd_rel->relam))
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("column \"%s\" of index \"%s\" must have the default operator class of type %s",
                        NameStr(attribute->attname), RelationGetRelationName(index),
                        format_type_be(index->rd_opcintype[column]))));
    if (kind == VECPG_KEY_SET)
        check_element_type(index, attribute);
    return kind;
}

void
vecpg_keys_layout(Relation index, VecpgKeyLayout *layout)
{
    int columns = RelationGetNumberOfAttributes(index) - 1;

    StaticAssertStmt(INDEX_MAX_KEYS - 1 <= VECPG_KEY_COLUMNS_MAX, "META has room for all columns");
    memset(layout, 0, sizeof(*layout));
    layout->column_count = columns;
    for (int i = 0; i < columns; i++)
        layout->kinds[i] = kind_of_column(index, i + 1);
    if (vecpg_keys_count(layout) > VEC_KEYS_MAX)
        ereport(
            ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
             errmsg("too many filter columns in index \"%s\"", RelationGetRelationName(index)),
             errdetail(
                 "They make %u keys, at most %d are possible: an array counts %d, a text 2, all others 1.",
                 vecpg_keys_count(layout), VEC_KEYS_MAX, VECPG_KEYS_OF_SET)));
}

void
vecpg_keys_check(Relation index, const VecpgKeyLayout *built)
{
    int columns = RelationGetNumberOfAttributes(index) - 1;
    bool is_same = columns == built->column_count;

    for (int i = 0; is_same && i < columns; i++)
        is_same = built->kinds[i] == vecpg_keys_kind(index->rd_opcintype[i + 1]);
    if (!is_same)
        ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                        errmsg("index \"%s\" was built for other filter columns than it has now",
                               RelationGetRelationName(index)),
                        errhint("REINDEX the index.")));
}

static uint64
key_of_float(double value)
{
    uint64 bits;

    if (isnan(value))
        return PG_UINT64_MAX;
    if (value == 0) /* of either sign */
        value = 0;
    memcpy(&bits, &value, sizeof(bits));
    return bits >> 63 ? ~bits : bits | (UINT64CONST(1) << 63);
}

/* Big-endian, so that numbers sort as the bytes do; shorter ones are filled with zeros. */
static uint64
key_of_bytes(const void *bytes, size_t length)
{
    uint64 prefix = 0;

    memcpy(&prefix, bytes, Min(length, sizeof(prefix)));
    return pg_ntoh64(prefix);
}

static uint64
hash_of_text(Datum value)
{
    text *string = DatumGetTextPP(value);

    return hash_bytes_extended((const unsigned char *)VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string), 0);
}

/* Three bits of 256: of 10 elements one foreign element in 600 looks like a member, of 50 one in 12. */
static void
signature_add(uint64 *signature, uint64 hash)
{
    for (int i = 0; i < 3; i++, hash >>= 8)
        signature[(hash & 255) / 64] |= UINT64CONST(1) << (hash & 63);
}

/* An array's elements; multi-dimensional ones count like others, as they do for && and @>. */
typedef struct VecpgElements {
    Datum *values;
    bool *nulls;
    int count;
    TypeCacheEntry *type;
} VecpgElements;

static void
elements_of(Datum array_datum, VecpgElements *elements)
{
    ArrayType *array = DatumGetArrayTypeP(array_datum);

    elements->type = lookup_type_cache(ARR_ELEMTYPE(array), TYPECACHE_HASH_EXTENDED_PROC_FINFO);
    if (!OidIsValid(elements->type->hash_extended_proc_finfo.fn_oid))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                        errmsg("could not identify an extended hash function for type %s",
                               format_type_be(ARR_ELEMTYPE(array)))));
    deconstruct_array(array, ARR_ELEMTYPE(array), elements->type->typlen, elements->type->typbyval,
                      elements->type->typalign, &elements->values, &elements->nulls, &elements->count);
}

/*
 * Texts are hashed by their bytes whatever their collation, so that the keys do not depend on a collation's version; filter.c takes
 * care of collations under which different bytes may be equal.
 */
static uint64
hash_of_element(const VecpgElements *elements, int i)
{
    Oid type = elements->type->type_id;

    if (type == TEXTOID || type == VARCHAROID)
        return hash_of_text(elements->values[i]);
    return DatumGetUInt64(FunctionCall2Coll(&elements->type->hash_extended_proc_finfo,
                                            elements->type->typcollation, elements->values[i],
                                            Int64GetDatum(0)));
}

uint32
vecpg_keys_of_elements(Datum array, uint64 **signatures, bool *has_nulls)
{
    VecpgElements elements;
    uint32 count = 0;

    elements_of(array, &elements);
    *signatures = palloc0(Max(1, elements.count) * VECPG_KEYS_OF_SET * sizeof(uint64));
    *has_nulls = false;
    for (int i = 0; i < elements.count; i++)
        if (elements.nulls[i])
            *has_nulls = true;
        else
            signature_add(*signatures + VECPG_KEYS_OF_SET * count++, hash_of_element(&elements, i));
    return count;
}

static void
encode_set(Datum array, uint64 *keys)
{
    VecpgElements elements;

    elements_of(array, &elements);
    memset(keys, 0, VECPG_KEYS_OF_SET * sizeof(uint64));
    for (int i = 0; i < elements.count; i++)
        if (!elements.nulls[i])
            signature_add(keys, hash_of_element(&elements, i));
}

static void
encode_int2(Datum value, uint64 *keys)
{
    keys[0] = vecpg_keys_of_integer(DatumGetInt16(value));
}

static void
encode_int4(Datum value, uint64 *keys) /* dates are such, too */
{
    keys[0] = vecpg_keys_of_integer(DatumGetInt32(value));
}

static void
encode_int8(Datum value, uint64 *keys) /* timestamps and times are such, too */
{
    keys[0] = vecpg_keys_of_integer(DatumGetInt64(value));
}

static void
encode_float4(Datum value, uint64 *keys)
{
    keys[0] = key_of_float(DatumGetFloat4(value));
}

static void
encode_float8(Datum value, uint64 *keys)
{
    keys[0] = key_of_float(DatumGetFloat8(value));
}

static void
encode_numeric(Datum value, uint64 *keys)
{
    keys[0] = key_of_float(DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value)));
}

static void
encode_bool(Datum value, uint64 *keys)
{
    keys[0] = DatumGetBool(value);
}

static void
encode_uuid(Datum value, uint64 *keys)
{
    keys[0] = key_of_bytes(DatumGetUUIDP(value)->data, UUID_LEN);
}

static void
encode_text(Datum value, uint64 *keys)
{
    text *string = DatumGetTextPP(value);

    keys[0] = key_of_bytes(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
    keys[1] = hash_of_text(PointerGetDatum(string));
}

static void
encode_enum(Datum value, uint64 *keys)
{
    keys[0] = DatumGetObjectId(value);
}

static const VecpgKeyType key_types[] = {
    {INT2OID, VECPG_KEY_INTEGER, encode_int2},        {INT4OID, VECPG_KEY_INTEGER, encode_int4},
    {INT8OID, VECPG_KEY_INTEGER, encode_int8},        {FLOAT4OID, VECPG_KEY_FLOAT, encode_float4},
    {FLOAT8OID, VECPG_KEY_FLOAT, encode_float8},      {NUMERICOID, VECPG_KEY_NUMERIC, encode_numeric},
    {BOOLOID, VECPG_KEY_BOOL, encode_bool},           {UUIDOID, VECPG_KEY_UUID, encode_uuid},
    {TEXTOID, VECPG_KEY_TEXT, encode_text},           {DATEOID, VECPG_KEY_DATE, encode_int4},
    {TIMESTAMPOID, VECPG_KEY_TIMESTAMP, encode_int8}, {TIMESTAMPTZOID, VECPG_KEY_TIMESTAMPTZ, encode_int8},
    {TIMEOID, VECPG_KEY_TIME, encode_int8},           {ANYENUMOID, VECPG_KEY_ENUM, encode_enum},
    {ANYARRAYOID, VECPG_KEY_SET, encode_set},
};

static const VecpgKeyType *
key_type(Oid type)
{
    for (int i = 0; i < lengthof(key_types); i++)
        if (key_types[i].type == type)
            return &key_types[i];
    return NULL;
}

void
vecpg_keys_encode_value(Oid type, Datum value, uint64 *keys)
{
    key_type(type)->encode(value, keys);
}

char *
vecpg_keys_encode(Relation index, const VecpgKeyLayout *layout, const Datum *values, const bool *is_null)
{
    char *attributes = palloc0(vecpg_keys_bytes(layout));
    uint32 nulls = 0;
    uint64 keys[VECPG_KEYS_OF_SET];
    char *end = attributes + sizeof(nulls);

    for (uint32 i = 0; i < layout->column_count; i++) {
        uint32 bytes = vecpg_keys_width(layout->kinds[i]) * sizeof(uint64);

        if (is_null[i + 1])
            nulls |= 1U << i;
        else {
            vecpg_keys_encode_value(index->rd_opcintype[i + 1], values[i + 1], keys);
            memcpy(end, keys, bytes);
        }
        end += bytes;
    }
    memcpy(attributes, &nulls, sizeof(nulls));
    return attributes;
}

uint64
vecpg_keys_ordered(Relation index, const VecpgKeyLayout *layout)
{
    uint64 ordered = 0;
    uint32 key = 0;

    for (uint32 i = 0; i < layout->column_count; key += vecpg_keys_width(layout->kinds[i]), i++) {
        Oid collation = index->rd_indcollation[i + 1];

        if (layout->kinds[i] == VECPG_KEY_TEXT) { /* the prefix, where texts sort so, and the hash */
            if (OidIsValid(collation) && vecpg_collation_is_c(collation))
                ordered |= UINT64CONST(1) << key;
            ordered |= UINT64CONST(1) << (key + 1);
        } else if (layout->kinds[i] != VECPG_KEY_SET)
            ordered |= UINT64CONST(1) << key;
    }
    return ordered;
}

VecKeys
vecpg_keys_read(const VecpgKeyLayout *layout, const char *attributes)
{
    VecKeys keys = {(const uint64 *)(attributes + sizeof(uint32)), 0};
    uint32 first = 0;
    uint32 nulls;

    Assert(((uintptr_t)keys.keys & (sizeof(uint64) - 1)) == 0);
    memcpy(&nulls, attributes, sizeof(nulls));
    for (uint32 i = 0; nulls >> i != 0 && i < layout->column_count; i++) {
        uint32 width = vecpg_keys_width(layout->kinds[i]);

        if (nulls & (1U << i))
            keys.nulls |= ((UINT64CONST(1) << width) - 1) << first;
        first += width;
    }
    return keys;
}
