/*
 * options.c: storage parameters of a `vectors` index: registered, parsed for the relation cache, checked, described.
 *
 * The relation cache holds what amoptions returned, so we return the finished VecIndexOptions and nobody parses text
 * again. PostgreSQL calls amoptions with validate = true at CREATE and ALTER only; that is when errors and NOTICEs are due.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/reloptions.h"
#include "common/hashfn.h"
#include "compat.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "column.h"
#include "options.h"

/* What PostgreSQL fills in; 0: not given. */
typedef struct RawOptions {
    int32 vl_len_;
    int m;
    int ef_construction;
    int lists;
    int quantization; /* offset of the string */
    int options;      /* offset of the string */
} RawOptions;

/* What the relation cache keeps. */
typedef struct CachedOptions {
    int32 vl_len_;
    VecIndexOptions options;
} CachedOptions;

static relopt_kind options_kind;

PG_FUNCTION_INFO_V1(vectors_index_options);

void
vecpg_options_init(void)
{
    /* An ALTER INDEX … SET must not stop searches and inserts. */
    LOCKMODE lockmode = ShareUpdateExclusiveLock;

    options_kind = add_reloption_kind();
    add_string_reloption(options_kind, "options", "Options of the index, as TOML", NULL, NULL, lockmode);
    add_int_reloption(options_kind, "m", "Short form of indexing.hnsw.m", 0, VECPG_OPTIONS_M_MIN,
                      VECPG_OPTIONS_M_MAX, lockmode);
    add_int_reloption(options_kind, "ef_construction", "Short form of indexing.hnsw.ef_construction", 0,
                      VECPG_OPTIONS_EF_CONSTRUCTION_MIN, VECPG_OPTIONS_EF_CONSTRUCTION_MAX, lockmode);
    add_int_reloption(options_kind, "lists", "Short form of indexing.ivf.nlist", 0, VECPG_OPTIONS_NLIST_MIN,
                      VECPG_OPTIONS_NLIST_MAX, lockmode);
    add_string_reloption(options_kind, "quantization", "Short form of indexing.*.quantization", NULL, NULL,
                         lockmode);
}

/* --- short forms ------------------------------------------------------------------------------------------------ */

static void
complain_twice(bool validate, const char *name, const char *long_name)
{
    if (validate)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("option \"%s\" is given twice", long_name),
                 errdetail("It stands in \"options\", and the storage parameter \"%s\" is its short form.",
                           name)));
}

static void
complain_algorithm(bool validate, const char *name, VecIndexAlgorithm algorithm)
{
    if (validate)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("storage parameter \"%s\" does not apply to algorithm %s", name,
                               vecpg_options_algorithm_names[algorithm])));
}

/* A short form selects its algorithm where none was named; false if another one was. */
static bool
imply_algorithm(bool validate, const char *name, VecIndexAlgorithm algorithm, VecIndexOptions *options,
                VecIndexOptionsGiven *given)
{
    if (given->algorithm && options->algorithm != algorithm) {
        complain_algorithm(validate, name, options->algorithm);
        return false;
    }
    given->algorithm = true;
    options->algorithm = algorithm;
    return true;
}

/* The name of a quantization, and behind it the bits where there is a choice: "scalar", "scalar4", "rabitq1", "binary". */
static bool
read_quantization(const char *text, VecIndexOptions *options)
{
    for (int i = 0; i < lengthof(vecpg_options_quantization_names); i++) {
        size_t length = strlen(vecpg_options_quantization_names[i]);
        const char *bits = text + length;

        if (strncmp(text, vecpg_options_quantization_names[i], length) != 0)
            continue;
        if (bits[0] != '\0' &&
            (bits[1] != '\0' || !((i == VEC_INDEX_SCALAR && (bits[0] == '4' || bits[0] == '8')) ||
                                  (i == VEC_INDEX_RABITQ && bits[0] >= '1' && bits[0] <= '8'))))
            return false;
        vecpg_options_set_quantization(options, (VecIndexQuantization)i);
        if (bits[0] != '\0')
            options->quantization_bits = (uint32)(bits[0] - '0');
        return true;
    }
    return false;
}

bool
vecpg_options_read_quantization(const char *text, bool validate, VecIndexOptions *options)
{
    bool is_known = read_quantization(text, options);

    if (!is_known && validate)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("invalid value for option \"quantization\": \"%s\"", text),
                 errdetail("Allowed are trivial, scalar, scalar4, scalar8, product, rabitq, rabitq1 to "
                           "rabitq8, and binary.")));
    return is_known;
}

static void
apply_quantization(const char *text, bool validate, VecIndexOptions *options,
                   const VecIndexOptionsGiven *given)
{
    if (options->algorithm == VEC_INDEX_INVERTED)
        complain_algorithm(validate, "quantization", options->algorithm);
    else if (given->quantization)
        complain_twice(validate, "quantization", "indexing.*.quantization");
    else
        (void)vecpg_options_read_quantization(text, validate, options);
}

static void
apply_short_forms(const RawOptions *raw, bool validate, VecIndexOptions *options, VecIndexOptionsGiven *given)
{
    const struct {
        const char *name;
        const char *long_name;
        VecIndexAlgorithm algorithm;
        int value;
        size_t field;
        uint32 *target;
    } forms[] = {
        {"m", "indexing.hnsw.m", VEC_INDEX_HNSW, raw->m, offsetof(VecIndexOptions, m), &options->m},
        {"ef_construction", "indexing.hnsw.ef_construction", VEC_INDEX_HNSW, raw->ef_construction,
         offsetof(VecIndexOptions, ef_construction), &options->ef_construction},
        {"lists", "indexing.ivf.nlist", VEC_INDEX_IVF, raw->lists, offsetof(VecIndexOptions, nlist),
         &options->nlist},
    };

    for (int i = 0; i < lengthof(forms); i++) {
        if (forms[i].value == 0)
            continue;
        if (vecpg_options_toml_gave(given, forms[i].field))
            complain_twice(validate, forms[i].name, forms[i].long_name);
        else if (imply_algorithm(validate, forms[i].name, forms[i].algorithm, options, given))
            *forms[i].target = (uint32)forms[i].value;
    }
    if (raw->quantization != 0)
        apply_quantization((const char *)raw + raw->quantization, validate, options, given);
}

/* --- what suits a column ------------------------------------------------------------------------------------------ */

static bool
suits_column(VecIndexAlgorithm algorithm, VecElementType element_type, VecMetric metric)
{
    if (algorithm == VEC_INDEX_INVERTED)
        return element_type == VEC_TYPE_SPARSE && metric == VEC_METRIC_DOT;
    return algorithm != VEC_INDEX_IVF || (element_type != VEC_TYPE_SPARSE && element_type != VEC_TYPE_BIT);
}

const char *
vecpg_options_unsuitable(Relation index, const VecIndexOptions *options)
{
    VecpgColumn column;

    vecpg_column_from_catalog(index, &column);
    if (suits_column(options->algorithm, column.element_type, column.metric))
        return NULL;
    return options->algorithm == VEC_INDEX_INVERTED
               ? "algorithm inverted_index is for columns of type svector with svector_dot_ops"
               : "algorithm ivf is for columns of type vector, vecf16 or veci8";
}

/* --- the access method's side ----------------------------------------------------------------------------------- */

bytea *
vecpg_options_parse(Datum reloptions, bool validate)
{
    static const relopt_parse_elt elements[] = {
        {"options", RELOPT_TYPE_STRING, offsetof(RawOptions, options)},
        {"m", RELOPT_TYPE_INT, offsetof(RawOptions, m)},
        {"ef_construction", RELOPT_TYPE_INT, offsetof(RawOptions, ef_construction)},
        {"lists", RELOPT_TYPE_INT, offsetof(RawOptions, lists)},
        {"quantization", RELOPT_TYPE_STRING, offsetof(RawOptions, quantization)},
    };
    const RawOptions *raw = build_reloptions(reloptions, validate, options_kind, sizeof(RawOptions), elements,
                                             lengthof(elements));
    VecIndexOptionsGiven given = {0};
    CachedOptions *cached;

    if (raw == NULL)
        return NULL;
    cached = palloc0(sizeof(CachedOptions));
    SET_VARSIZE(cached, sizeof(CachedOptions));
    vecpg_options_defaults(&cached->options);
    if (raw->options != 0)
        vecpg_options_toml_read((const char *)raw + raw->options, validate, &cached->options, &given);
    apply_short_forms(raw, validate, &cached->options, &given);
    return (bytea *)cached;
}

void
vecpg_options_read(Relation index, VecIndexOptions *out)
{
    static VecIndexOptions defaults; /* each scan asks */
    static bool is_made;

    if (!is_made)
        vecpg_options_defaults(&defaults);
    is_made = true;
    *out = index->rd_options == NULL ? defaults : ((const CachedOptions *)index->rd_options)->options;
}

/*
 * Product quantization is asked for by how much shorter codes are to be; codes of that many bits a dimension do the same with less
 * error (RaBitQ: Gao & Long 2024 measure both), so that one kind of code serves all names.
 */
static uint32
bits_a_dimension(const VecIndexOptions *options, uint32 dimensions)
{
    if (options->quantization == VEC_INDEX_PRODUCT)
        return Max(1, options->quantization_bits / options->product_ratio);
    return options->quantization_bits > 0 ? options->quantization_bits : vec_segment_bits_default(dimensions);
}

void
vecpg_options_segment(const VecIndexOptions *options, VecSegmentOptions *segment)
{
    static const VecSegmentKind kinds[] = {[VEC_INDEX_HNSW] = VEC_SEGMENT_HNSW,
                                           [VEC_INDEX_IVF] = VEC_SEGMENT_IVF,
                                           [VEC_INDEX_FLAT] = VEC_SEGMENT_FLAT,
                                           [VEC_INDEX_INVERTED] = VEC_SEGMENT_INVERTED};

    segment->kind = suits_column(options->algorithm, segment->element_type, segment->metric)
                        ? kinds[options->algorithm]
                        : VEC_SEGMENT_HNSW;
    segment->list_count = options->nlist;
    segment->is_spherical = options->spherical_centroids;
    if (options->quantization == VEC_INDEX_TRIVIAL) {
        segment->quantization = VEC_QUANTIZATION_TRIVIAL;
        segment->quantization_bits = 8;
    } else {
        segment->quantization = VEC_QUANTIZATION_SCALAR;
        segment->quantization_bits = bits_a_dimension(options, segment->dimensions);
    }
    segment->is_residual = segment->kind == VEC_SEGMENT_IVF && options->residual_quantization &&
                           segment->quantization == VEC_QUANTIZATION_SCALAR;
    segment->m = options->m;
    segment->ef_construction = options->ef_construction;
}

uint64
vecpg_options_hash(const VecIndexOptions *options)
{
    bool is_hnsw = options->algorithm == VEC_INDEX_HNSW;
    bool is_ivf = options->algorithm == VEC_INDEX_IVF;
    bool has_codes = options->algorithm != VEC_INDEX_INVERTED;
    uint32 parts[] = {
        (uint32)options->algorithm,
        is_hnsw ? options->m : 0,
        is_hnsw ? options->ef_construction : 0,
        is_ivf ? options->nlist : 0,
        is_ivf && options->spherical_centroids,
        is_ivf && options->residual_quantization && options->quantization != VEC_INDEX_TRIVIAL,
        has_codes ? (uint32)options->quantization : 0,
        has_codes ? options->quantization_bits : 0,
        has_codes && options->quantization == VEC_INDEX_PRODUCT ? options->product_ratio : 0,
    };

    return hash_bytes_extended((const unsigned char *)parts, sizeof(parts), 0);
}

static void
append_quantization(StringInfo json, const VecIndexOptions *options)
{
    appendStringInfo(json, "\"quantization\": {\"%s\": {",
                     vecpg_options_quantization_names[options->quantization]);
    if (options->quantization == VEC_INDEX_PRODUCT)
        appendStringInfo(json, "\"ratio\": %u, ", options->product_ratio);
    if (options->quantization != VEC_INDEX_TRIVIAL && options->quantization != VEC_INDEX_BINARY &&
        options->quantization_bits > 0)
        appendStringInfo(json, "\"bits\": %u", options->quantization_bits);
    appendStringInfoString(json, "}}");
}

char *
vecpg_options_to_json(const VecIndexOptions *options)
{
    StringInfoData json;

    initStringInfo(&json);
    appendStringInfo(&json,
                     "{\"segment\": {\"max_growing_segment_size\": %u, \"max_sealed_segment_size\": %u}, "
                     "\"optimizing\": {\"sealing_secs\": %u, \"sealing_size\": %u, \"optimizing_secs\": %u, "
                     "\"optimizing_threads\": %u, \"delete_threshold\": %g}, ",
                     options->max_growing_segment_size, options->max_sealed_segment_size,
                     options->sealing_secs, options->sealing_size, options->optimizing_secs,
                     options->optimizing_threads, options->delete_threshold);
    appendStringInfo(&json, "\"indexing\": {\"%s\": {", vecpg_options_algorithm_names[options->algorithm]);
    if (options->algorithm == VEC_INDEX_HNSW)
        appendStringInfo(&json, "\"m\": %u, \"ef_construction\": %u, ", options->m, options->ef_construction);
    if (options->algorithm == VEC_INDEX_IVF) {
        appendStringInfo(&json, "\"nlist\": %u, ", options->nlist);
        if (options->nprobe != 0)
            appendStringInfo(&json, "\"nprobe\": %u, ", options->nprobe);
        appendStringInfo(&json, "\"spherical_centroids\": %s, \"residual_quantization\": %s, ",
                         options->spherical_centroids ? "true" : "false",
                         options->residual_quantization ? "true" : "false");
    }
    if (options->algorithm != VEC_INDEX_INVERTED)
        append_quantization(&json, options);
    appendStringInfoString(&json, "}}}");
    return json.data;
}

char *
vecpg_options_describe(Relation index, const char **unsuitable)
{
    int32 dimensions = vecpg_column_modifier(index);
    VecIndexOptions options;

    vecpg_options_read(index, &options);
    *unsuitable = vecpg_options_unsuitable(index, &options);
    if (*unsuitable != NULL)
        options.algorithm = VEC_INDEX_HNSW;
    if (options.quantization == VEC_INDEX_SCALAR && options.quantization_bits == 0 && dimensions > 0)
        options.quantization_bits = vec_segment_bits_default(dimensions);
    return vecpg_options_to_json(&options);
}

Datum
vectors_index_options(PG_FUNCTION_ARGS)
{
    Oid index_oid = PG_GETARG_OID(0);
    Relation index;
    const char *ignored;
    text *json;

    if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(index_oid)))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation %u does not exist", index_oid)));
    index = index_open(index_oid, AccessShareLock);
    if (index->rd_indam->amoptions != vecpg_options_parse)
        ereport(ERROR,
                (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                 errmsg("\"%s\" is not an index of access method vectors", RelationGetRelationName(index))));
    json = cstring_to_text(vecpg_options_describe(index, &ignored));
    index_close(index, AccessShareLock);
    PG_RETURN_TEXT_P(json);
}
