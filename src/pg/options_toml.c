/*
 * options_toml.c: what may stand in an index's `options`: one table of keys, types, ranges and defaults, and its reader.
 *
 * The spellings of all generations lead to the same rows: [algorithm.x] is [indexing.x], vamana is hnsw,
 * sparse_inverted_index is inverted_index; several keys may own one field (ef and ef_construction). A field given twice is
 * an error even where the spellings differ. Keys whose mechanism is gone are accepted with a NOTICE.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "options.h"
#include "vectors/toml.h"

const char *const vecpg_options_algorithm_names[4] = {"hnsw", "ivf", "flat", "inverted_index"};
const char *const vecpg_options_quantization_names[5] = {"trivial", "scalar", "product", "rabitq", "binary"};

typedef enum RowKind {
    ROW_TABLE,
    ROW_INTEGER,
    ROW_FLOAT,
    ROW_BOOLEAN,
    ROW_BITS,  /* an integer: one of the powers of two that `max` is the sum of */
    ROW_RATIO, /* an integer, or "x4" .. "x64" */
    ROW_GONE   /* accepted, no effect */
} RowKind;

typedef struct Row {
    const char *key; /* "*" stands for an algorithm that has codes */
    RowKind kind;
    uint32 field; /* its offset in VecIndexOptions */
    double min;
    double max;
    double initial;
    bool is_old; /* accepted as another spelling, not offered */
} Row;

#define FIELD(name) (uint32) offsetof(VecIndexOptions, name)
#define ROWS_MAX    4e9
#define M_RANGE     VECPG_OPTIONS_M_MIN, VECPG_OPTIONS_M_MAX
#define EF_RANGE    VECPG_OPTIONS_EF_CONSTRUCTION_MIN, VECPG_OPTIONS_EF_CONSTRUCTION_MAX
#define NLIST_RANGE VECPG_OPTIONS_NLIST_MIN, VECPG_OPTIONS_NLIST_MAX

/* The first row of a field is its owner and holds its default, where that is not the engine's. */
static const Row rows[] = {
    {"segment", ROW_TABLE},
    {"segment.max_growing_segment_size", ROW_INTEGER, FIELD(max_growing_segment_size), 1, ROWS_MAX, 20000},
    {"segment.max_sealed_segment_size", ROW_INTEGER, FIELD(max_sealed_segment_size), 1, ROWS_MAX, ROWS_MAX},
    {"segment.min_sealed_segment_size", ROW_GONE},
    {"optimizing", ROW_TABLE},
    {"optimizing.sealing_secs", ROW_INTEGER, FIELD(sealing_secs), 1, 86400, 10},
    {"optimizing.sealing_size", ROW_INTEGER, FIELD(sealing_size), 1, ROWS_MAX, 1},
    {"optimizing.optimizing_secs", ROW_INTEGER, FIELD(optimizing_secs), 1, 86400, 60},
    {"optimizing.optimizing_threads", ROW_INTEGER, FIELD(optimizing_threads), 1, 65535, 1},
    {"optimizing.build_threads", ROW_INTEGER, FIELD(optimizing_threads), 1, 65535, 0, true},
    {"optimizing.delete_threshold", ROW_FLOAT, FIELD(delete_threshold), 0.0001, 1, 0.2},
    {"indexing", ROW_TABLE},
    {"indexing.hnsw", ROW_TABLE},
    {"indexing.hnsw.m", ROW_INTEGER, FIELD(m), M_RANGE},
    {"indexing.hnsw.ef_construction", ROW_INTEGER, FIELD(ef_construction), EF_RANGE},
    {"indexing.hnsw.ef", ROW_INTEGER, FIELD(ef_construction), EF_RANGE, 0, true},
    {"indexing.ivf", ROW_TABLE},
    {"indexing.ivf.nlist", ROW_INTEGER, FIELD(nlist), NLIST_RANGE, 1000},
    {"indexing.ivf.nprobe", ROW_INTEGER, FIELD(nprobe), NLIST_RANGE, 0},
    {"indexing.ivf.spherical_centroids", ROW_BOOLEAN, FIELD(spherical_centroids)},
    {"indexing.ivf.residual_quantization", ROW_BOOLEAN, FIELD(residual_quantization)},
    {"indexing.ivf.nsample", ROW_GONE},
    {"indexing.ivf.least_iterations", ROW_GONE},
    {"indexing.ivf.iterations", ROW_GONE},
    {"indexing.flat", ROW_TABLE},
    {"indexing.inverted_index", ROW_TABLE},
    {"indexing.*.build_threads", ROW_INTEGER, FIELD(optimizing_threads), 1, 65535, 0, true},
    {"indexing.*.quantization", ROW_TABLE},
    {"indexing.*.quantization.trivial", ROW_TABLE},
    {"indexing.*.quantization.scalar", ROW_TABLE},
    {"indexing.*.quantization.scalar.bits", ROW_BITS, FIELD(quantization_bits), 4, 4 + 8},
    {"indexing.*.quantization.product", ROW_TABLE},
    {"indexing.*.quantization.product.ratio", ROW_RATIO, FIELD(product_ratio), 1, 16},
    {"indexing.*.quantization.product.bits", ROW_BITS, FIELD(quantization_bits), 1, 1 + 2 + 4 + 8},
    {"indexing.*.quantization.product.sample", ROW_GONE},
    {"indexing.*.quantization.rabitq", ROW_TABLE},
    {"indexing.*.quantization.rabitq.bits", ROW_INTEGER, FIELD(quantization_bits), 1, 8},
    {"indexing.*.quantization.binary", ROW_TABLE},
    {"indexing.*.storage", ROW_GONE},
    {"indexing.*.memmap", ROW_GONE},
    {"indexing.*.max_threads", ROW_GONE},
    {"capacity", ROW_GONE},
    {"size_ram", ROW_GONE},
    {"size_disk", ROW_GONE},
    {"storage_vectors", ROW_GONE},
    {"storage", ROW_GONE},
    {"memmap", ROW_GONE},
    {"vectors", ROW_GONE},
    {"vectors.memmap", ROW_GONE},
};

StaticAssertDecl(lengthof(rows) <= 64, "VecIndexOptionsGiven has a bit for each row");

typedef struct Reading {
    const VecTomlEvent *event;
    char key[128]; /* as the user wrote it */
    bool validate;
    VecIndexOptions *options;
    VecIndexOptionsGiven *given;
} Reading;

/* --- the table -------------------------------------------------------------------------------------------------- */

static uint32 *
field_uint32(VecIndexOptions *options, const Row *row)
{
    return (uint32 *)((char *)options + row->field);
}

static bool
has_field(const Row *row)
{
    return row->kind != ROW_TABLE && row->kind != ROW_GONE;
}

static uint64
field_bit(size_t field_offset)
{
    for (int i = 0; i < lengthof(rows); i++)
        if (has_field(&rows[i]) && rows[i].field == field_offset)
            return UINT64CONST(1) << i;
    elog(ERROR, "no option at offset %zu", field_offset);
}

bool
vecpg_options_toml_gave(const VecIndexOptionsGiven *given, size_t field_offset)
{
    return (given->fields & field_bit(field_offset)) != 0;
}

void
vecpg_options_set_quantization(VecIndexOptions *options, VecIndexQuantization quantization)
{
    static const uint32 bits[] = {32, 0, 8, 1, 1};

    options->quantization = quantization;
    options->quantization_bits = bits[quantization];
    options->product_ratio = 1;
}

void
vecpg_options_defaults(VecIndexOptions *out)
{
    memset(out, 0, sizeof(*out));
    /* Backwards, so that a field's first row has the last word. */
    for (int i = lengthof(rows) - 1; i >= 0; i--) {
        if (rows[i].kind == ROW_INTEGER)
            *field_uint32(out, &rows[i]) = (uint32)rows[i].initial;
        else if (rows[i].kind == ROW_FLOAT)
            out->delete_threshold = rows[i].initial;
    }
    out->m = vec_segment_options_default.m;
    out->ef_construction = vec_segment_options_default.ef_construction;
    out->algorithm = VEC_INDEX_HNSW;
    vecpg_options_set_quantization(out, VEC_INDEX_SCALAR);
}

static int
find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* Today's spelling of a path. */
static void
modernize(VecTomlEvent *event)
{
    static const char *const of_vamana[] = {"r", "alpha", "l"};

    if (event->depth >= 1 && strcmp(event->path[0], "algorithm") == 0)
        event->path[0] = "indexing";
    if (event->depth < 2 || strcmp(event->path[0], "indexing") != 0)
        return;
    if (strcmp(event->path[1], "vamana") == 0) {
        event->path[1] = "hnsw";
        if (event->depth == 3 && find_name(of_vamana, lengthof(of_vamana), event->path[2]) >= 0)
            event->path[2] = "storage"; /* as that, they have no effect: they are another graph's */
    } else if (strcmp(event->path[1], "sparse_inverted_index") == 0)
        event->path[1] = "inverted_index";
}

/* Whether the row's key is this path. */
static bool
row_matches(const Row *row, const VecTomlEvent *event)
{
    const char *key = row->key;

    for (uint32 i = 0; i < event->depth; i++) {
        size_t length = strcspn(key, ".");
        bool same = strlen(event->path[i]) == length && memcmp(event->path[i], key, length) == 0;
        bool shared = key[0] == '*' &&
                      find_name(vecpg_options_algorithm_names, VEC_INDEX_INVERTED, event->path[i]) >= 0;

        if (length == 0 || (!same && !shared))
            return false;
        key += length + (key[length] == '.');
    }
    return *key == '\0';
}

static const Row *
find_row(const VecTomlEvent *event)
{
    for (int i = 0; i < lengthof(rows); i++)
        if (row_matches(&rows[i], event))
            return &rows[i];
    return NULL;
}

/* --- complaints: silent unless the text is being checked --------------------------------------------------------- */

/* What may stand where the event's key stands: "a, b, c", or NULL. */
static char *
list_siblings(const VecTomlEvent *event)
{
    VecTomlEvent sibling = *event;
    StringInfoData list;

    initStringInfo(&list);
    for (int i = 0; i < lengthof(rows); i++) {
        const char *dot = strrchr(rows[i].key, '.');

        sibling.path[event->depth - 1] = dot == NULL ? rows[i].key : dot + 1;
        if (rows[i].kind != ROW_GONE && !rows[i].is_old && row_matches(&rows[i], &sibling))
            appendStringInfo(&list, "%s%s", list.len == 0 ? "" : ", ", sibling.path[event->depth - 1]);
    }
    return list.len == 0 ? NULL : list.data;
}

static void
complain_unknown(const Reading *reading)
{
    char *siblings = reading->validate ? list_siblings(reading->event) : NULL;

    if (reading->validate)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("unrecognized option \"%s\"",
                               pg_any_to_server(reading->key, (int)strlen(reading->key), PG_UTF8)),
                        errdetail("It stands at line %u, column %u of \"options\".", reading->event->line,
                                  reading->event->column),
                        siblings == NULL ? 0 : errhint("Known here: %s.", siblings)));
}

static void
complain_twice(const Reading *reading, const char *what)
{
    if (reading->validate)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", what),
                        errdetail("The second is \"%s\" at line %u, column %u of \"options\".", reading->key,
                                  reading->event->line, reading->event->column)));
}

static char *
describe_value(const VecTomlEvent *event)
{
    switch (event->kind) {
        case VEC_TOML_INTEGER:
            return psprintf(INT64_FORMAT, event->integer);
        case VEC_TOML_FLOAT:
            /* With its point, for who wrote one where an integer must stand. */
            return psprintf(event->number == rint(event->number) && fabs(event->number) < 1e5 ? "%.1f" : "%g",
                            event->number);
        case VEC_TOML_BOOLEAN:
            return pstrdup(event->boolean ? "true" : "false");
        case VEC_TOML_STRING:
            return psprintf("\"%s\"", pg_any_to_server(event->string, (int)event->string_bytes, PG_UTF8));
        default:
            return pstrdup("a table");
    }
}

/* The values that a row takes, as the end of a sentence that begins with "Allowed are". */
static char *
describe_range(const Row *row)
{
    switch (row->kind) {
        case ROW_INTEGER:
            return psprintf("integers from %.0f to %.0f", row->min, row->max);
        case ROW_FLOAT:
            return psprintf("numbers from %g to %g", row->min, row->max);
        case ROW_BOOLEAN:
            return pstrdup("true and false");
        case ROW_BITS:
            return pstrdup(row->min == 4 ? "4 and 8" : "1, 2, 4 and 8");
        case ROW_RATIO:
            return psprintf("integers from %.0f to %.0f and \"x4\", \"x8\", \"x16\", \"x32\", \"x64\"",
                            row->min, row->max);
        default:
            return pstrdup("tables");
    }
}

static void
complain_value(const Reading *reading, const Row *row)
{
    if (reading->validate)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("invalid value for option \"%s\": %s", reading->key, describe_value(reading->event)),
                 errdetail("Allowed are %s (line %u, column %u of \"options\").", describe_range(row),
                           reading->event->line, reading->event->column)));
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

static bool
choose_algorithm(Reading *reading, const char *name)
{
    const char *const *names = vecpg_options_algorithm_names;
    VecIndexAlgorithm algorithm =
        (VecIndexAlgorithm)find_name(names, lengthof(vecpg_options_algorithm_names), name);

    if (reading->given->algorithm && reading->options->algorithm != algorithm) {
        complain_twice(reading, psprintf("only one algorithm may be chosen, not both %s and %s",
                                         names[reading->options->algorithm], name));
        return false;
    }
    reading->given->algorithm = true;
    reading->options->algorithm = algorithm;
    return true;
}

static bool
choose_quantization(Reading *reading, const char *name)
{
    const char *const *names = vecpg_options_quantization_names;
    VecIndexQuantization quantization =
        (VecIndexQuantization)find_name(names, lengthof(vecpg_options_quantization_names), name);

    if (!reading->given->quantization)
        vecpg_options_set_quantization(reading->options, quantization);
    else if (reading->options->quantization != quantization) {
        complain_twice(reading, psprintf("only one quantization may be chosen, not both %s and %s",
                                         names[reading->options->quantization], name));
        return false;
    }
    reading->given->quantization = true;
    return true;
}

/* An early spelling of the ratio: bytes of a float32 vector over bytes of its code, with 8 bits a subvector. */
static bool
read_ratio(const VecTomlEvent *event, uint32 *ratio)
{
    static const char *const names[] = {"x4", "x8", "x16", "x32", "x64"};
    int found = event->kind == VEC_TOML_STRING ? find_name(names, lengthof(names), event->string) : -1;

    if (found < 0)
        return false;
    *ratio = (uint32)1 << found;
    return true;
}

static bool
read_float(const VecTomlEvent *event, const Row *row, double *field)
{
    double number = event->kind == VEC_TOML_INTEGER ? (double)event->integer : event->number;

    if (event->kind != VEC_TOML_INTEGER && event->kind != VEC_TOML_FLOAT)
        return false;
    /* Written so that NaN fails. */
    if (!(number >= row->min && number <= row->max))
        return false;
    *field = number;
    return true;
}

/* Stores the value if it is of the row's type and in its range. */
static bool
store_value(const VecTomlEvent *event, const Row *row, VecIndexOptions *options)
{
    bool in_range =
        event->kind == VEC_TOML_INTEGER && event->integer >= row->min && event->integer <= row->max;

    switch (row->kind) {
        case ROW_BITS:
            in_range = in_range && (event->integer & (event->integer - 1)) == 0 &&
                       (event->integer & (int64)row->max) != 0;
            break;
        case ROW_RATIO:
            if (read_ratio(event, field_uint32(options, row)))
                return true;
            break;
        case ROW_FLOAT:
            return read_float(event, row, (double *)((char *)options + row->field));
        case ROW_BOOLEAN:
            if (event->kind == VEC_TOML_BOOLEAN)
                *(bool *)((char *)options + row->field) = event->boolean;
            return event->kind == VEC_TOML_BOOLEAN;
        default:
            break;
    }
    if (in_range)
        *field_uint32(options, row) = (uint32)event->integer;
    return in_range;
}

static void
notice_no_effect(const Reading *reading)
{
    if (reading->validate)
        ereport(NOTICE,
                (errmsg("option \"%s\" has no effect", reading->key),
                 errdetail("It is accepted so that index definitions of earlier releases still work.")));
}

static void
read_event(Reading *reading, const Row *row)
{
    const VecTomlEvent *event = reading->event;
    uint64 bit;

    if (row->kind == ROW_GONE) {
        /* A table says nothing by itself, its keys do. */
        if (event->kind != VEC_TOML_TABLE)
            notice_no_effect(reading);
        return;
    }
    if (row->kind == ROW_TABLE) {
        if (event->kind != VEC_TOML_TABLE)
            complain_value(reading, row);
        return;
    }
    bit = field_bit(row->field);
    if (reading->given->fields & bit)
        complain_twice(reading, "an option is given twice");
    if (store_value(event, row, reading->options))
        reading->given->fields |= bit;
    else
        complain_value(reading, row);
}

char *
vecpg_options_toml_text(const char *text)
{
    char *copy = pstrdup(text);

    if (GetDatabaseEncoding() != PG_UTF8)
        for (char *byte = copy; *byte != '\0'; byte++)
            if (IS_HIGHBIT_SET(*byte))
                *byte = '?';
    return copy;
}

void
vecpg_options_toml_read(const char *text, bool validate, VecIndexOptions *options,
                        VecIndexOptionsGiven *given)
{
    VecTomlReader reader;
    VecTomlEvent event;
    VecError error;
    VecStatus status;
    Reading reading = {.event = &event, .validate = validate, .options = options, .given = given};
    char *copy = vecpg_options_toml_text(text);

    vec_toml_begin(&reader, copy, strlen(copy));
    while ((status = vec_toml_next(&reader, &event, &error)) == VEC_OK && event.kind != VEC_TOML_END) {
        const Row *row;

        vec_toml_path(&event, reading.key, sizeof(reading.key));
        modernize(&event);
        row = find_row(&event);
        if (row == NULL)
            complain_unknown(&reading);
        else if (event.depth >= 2 && strcmp(event.path[0], "indexing") == 0 &&
                 !choose_algorithm(&reading, event.path[1]))
            continue;
        else if (event.depth >= 4 && strcmp(event.path[2], "quantization") == 0 &&
                 !choose_quantization(&reading, event.path[3]))
            continue;
        else
            read_event(&reading, row);
    }
    if (status != VEC_OK && validate)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"options\" is not valid TOML"),
                        errdetail("Error at %s.",
                                  pg_any_to_server(error.message, (int)strlen(error.message), PG_UTF8))));
    pfree(copy);
}
