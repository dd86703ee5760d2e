/*
 * format.c: which options exist, and how long a section is.
 */
#include "format.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <xxhash.h>

#include "key_grades.h"

/*
 * Chosen by measurement (make bench-engine, 100,000 sentence embeddings of 384 dimensions, 8 bits, m 16): ef_construction
 * 64 / 96 / 128 cost 1 / 1.3 / 1.7 to build and find 0.980 / 0.984 / 0.986 of ten neighbours at ef 64.
 */
const VecSegmentOptions vec_segment_options_default = {
    .element_type = VEC_TYPE_F32,
    .metric = VEC_METRIC_L2,
    .dimensions = 1,
    .kind = VEC_SEGMENT_HNSW,
    .list_count = 1000,
    .quantization = VEC_QUANTIZATION_SCALAR,
    .quantization_bits = 8,
    .m = 16,
    .ef_construction = 128,
};

/*
 * 4 bits need more rows reranked (16 instead of 10 for ten neighbours at 384 dimensions), and read half as much for each code. Measured
 * at recall@10 0.95 and 0.99: at 64 dimensions 8 bits are faster by a fifth or more, at 128 and 256 they are even, at 384 4 bits are faster by 13 and
 * 25 %, at 768 by 26 and 12 %; and from 256 on the memory that they save is worth it.
 */
#define FEW_BITS_DIMENSIONS_MIN 256

uint32_t
vec_segment_bits_default(uint32_t dimensions)
{
    return dimensions >= FEW_BITS_DIMENSIONS_MIN ? 4 : 8;
}

uint64_t
vec_segment_options_hash(const VecSegmentOptions *options)
{
    uint32_t words[] = {
        (uint32_t)options->element_type,
        (uint32_t)options->metric,
        options->dimensions,
        (uint32_t)options->kind,
        (uint32_t)options->quantization,
        options->quantization_bits,
        options->m,
        options->ef_construction,
        options->key_count,
        (uint32_t)options->key_ordered,
        (uint32_t)(options->key_ordered >> 32),
        options->is_residual,
    };

    if (options->kind != VEC_SEGMENT_HNSW) /* what changes nothing then */
        words[6] = words[7] = 0;
    if (options->kind == VEC_SEGMENT_IVF) {
        words[6] = options->list_count;
        words[7] = options->is_spherical;
    }
    if (vec_codes_kind(options->element_type, VEC_QUANTIZATION_SCALAR) != VEC_CODE_SCALAR)
        words[4] = words[5] = 0; /* has no choice */
    if (options->quantization == VEC_QUANTIZATION_TRIVIAL)
        words[5] = 0;
    return XXH3_64bits(words, sizeof(words));
}

bool
vec_format_same_codes(const VecSegmentOptions *a, const VecSegmentOptions *b)
{
    return a->element_type == b->element_type && a->metric == b->metric && a->dimensions == b->dimensions &&
           (vec_codes_kind(a->element_type, VEC_QUANTIZATION_SCALAR) != VEC_CODE_SCALAR ||
            (a->quantization == b->quantization && a->is_residual == b->is_residual &&
             (a->quantization == VEC_QUANTIZATION_TRIVIAL || a->quantization_bits == b->quantization_bits)));
}

/* Bits: L2 is HAMMING, which is what it must be called here. */
static bool
has_metric(VecElementType element_type, VecMetric metric)
{
    switch (metric) {
        case VEC_METRIC_L2:
            return element_type != VEC_TYPE_BIT;
        case VEC_METRIC_DOT:
        case VEC_METRIC_COS:
            return true;
        case VEC_METRIC_HAMMING:
        case VEC_METRIC_JACCARD:
            return element_type == VEC_TYPE_BIT;
    }
    return false;
}

VecStatus
vec_format_check_options(const VecSegmentOptions *options, VecError *error)
{
    uint32_t dimensions_max =
        options->element_type == VEC_TYPE_SPARSE ? VEC_DIMENSIONS_MAX_SPARSE : VEC_DIMENSIONS_MAX;

    if ((uint32_t)options->element_type > VEC_TYPE_I8)
        return vec_error_set(error, VEC_INVALID, 0, "element type %d is unknown", (int)options->element_type);
    if (!has_metric(options->element_type, options->metric))
        return vec_error_set(error, VEC_INVALID, 0, "element type %d has no metric %d",
                             (int)options->element_type, (int)options->metric);
    if (options->dimensions < 1 || options->dimensions > dimensions_max)
        return vec_error_set(error, VEC_INVALID, 0, "dimensions %" PRIu32 " are outside 1..%" PRIu32,
                             options->dimensions, dimensions_max);
    if ((uint32_t)options->kind > VEC_SEGMENT_INVERTED)
        return vec_error_set(error, VEC_INVALID, 0, "segment kind %d is unknown", (int)options->kind);
    if ((options->kind == VEC_SEGMENT_IVF &&
         !vec_ivf_has(vec_codes_kind(options->element_type, options->quantization))) ||
        (options->kind == VEC_SEGMENT_INVERTED &&
         (options->element_type != VEC_TYPE_SPARSE || options->metric != VEC_METRIC_DOT)))
        return vec_error_set(error, VEC_INVALID, 0, "segment kind %d is not for element type %d, metric %d",
                             (int)options->kind, (int)options->element_type, (int)options->metric);
    if (options->is_residual &&
        ((options->kind != VEC_SEGMENT_IVF && options->kind != VEC_SEGMENT_FLAT) ||
         vec_codes_kind(options->element_type, options->quantization) != VEC_CODE_SCALAR))
        return vec_error_set(error, VEC_INVALID, 0,
                             "residual codes are not for segment kind %d, element type %d, quantization %d",
                             (int)options->kind, (int)options->element_type, (int)options->quantization);
    if (options->list_count < 1 || options->list_count > VEC_LISTS_MAX)
        return vec_error_set(error, VEC_INVALID, 0, "list count %" PRIu32 " is outside 1..%d",
                             options->list_count, VEC_LISTS_MAX);
    if (options->quantization != VEC_QUANTIZATION_SCALAR && options->quantization != VEC_QUANTIZATION_TRIVIAL)
        return vec_error_set(error, VEC_INVALID, 0, "quantization %d is unknown", (int)options->quantization);
    if (options->quantization_bits < 1 || options->quantization_bits > 8)
        return vec_error_set(error, VEC_INVALID, 0, "quantization bits %" PRIu32 " are outside 1..8",
                             options->quantization_bits);
    if (options->m < 4 || options->m > 128)
        return vec_error_set(error, VEC_INVALID, 0, "m %" PRIu32 " is outside 4..128", options->m);
    if (options->ef_construction < 10 || options->ef_construction > 2000)
        return vec_error_set(error, VEC_INVALID, 0, "ef_construction %" PRIu32 " is outside 10..2000",
                             options->ef_construction);
    if (options->key_count > VEC_KEYS_MAX)
        return vec_error_set(error, VEC_INVALID, 0, "key count %" PRIu32 " is outside 0..%d",
                             options->key_count, VEC_KEYS_MAX);
    if ((options->key_ordered & ~vec_format_key_mask(options->key_count)) != 0)
        return vec_error_set(error, VEC_INVALID, 0, "an order of a key that is none, key count %" PRIu32,
                             options->key_count);
    return VEC_OK;
}

uint64_t
vec_format_layout(const VecFormatHeader *header, VecFormatSection sections[VEC_SECTION_COUNT])
{
    VecCodeKind kind =
        vec_codes_kind((VecElementType)header->element_type, (VecQuantization)header->quantization);
    uint64_t rows = header->rows_coded + header->rows_exact + header->rows_null;
    uint64_t upper_nodes = 0, offset = VEC_FORMAT_PAGE_BYTES;
    bool graph = header->kind == VEC_SEGMENT_HNSW;

    for (uint32_t i = 0; i < header->layer_count; i++)
        upper_nodes += header->layer_nodes[i];
    sections[VEC_SECTION_QUANTIZER].bytes =
        vec_coder_floats(kind, header->dimensions, header->cells) * sizeof(float);
    sections[VEC_SECTION_CODES].bytes = header->code_bytes;
    sections[VEC_SECTION_FACTORS].bytes =
        vec_codes_has_factors(kind, (VecMetric)header->metric) ? header->rows_coded * sizeof(VecFactors) : 0;
    sections[VEC_SECTION_ROWS].bytes = header->rows_coded * sizeof(VecFormatRow);
    sections[VEC_SECTION_EXCEPTIONS].bytes = (header->rows_exact + header->rows_null) * sizeof(VecFormatRow);
    sections[VEC_SECTION_LINKS].bytes = graph ? header->rows_coded * 2 * header->m * sizeof(uint32_t) : 0;
    sections[VEC_SECTION_UPPER_ROWS].bytes =
        header->layer_count > 0 ? header->layer_nodes[0] * sizeof(uint32_t) : 0;
    sections[VEC_SECTION_UPPER_LINKS].bytes = upper_nodes * header->m * sizeof(uint32_t);
    sections[VEC_SECTION_STARTS].bytes =
        kind == VEC_CODE_SPARSE ? (header->rows_coded + 1) * sizeof(uint64_t) : 0;
    sections[VEC_SECTION_TERMS].bytes =
        vec_format_has_postings(header) ? (header->term_count + UINT64_C(1)) * sizeof(VecPostingsTerm) : 0;
    sections[VEC_SECTION_POSTINGS].bytes = header->posting_count * sizeof(uint32_t);
    sections[VEC_SECTION_WEIGHTS].bytes =
        header->kind == VEC_SEGMENT_INVERTED ? header->posting_count * sizeof(float) : 0;
    sections[VEC_SECTION_CENTROIDS].bytes = header->lists * vec_ivf_centroid_bytes(header->dimensions);
    sections[VEC_SECTION_LIST_STARTS].bytes =
        header->lists > 0 ? (header->lists + UINT64_C(1)) * sizeof(uint32_t) : 0;
    sections[VEC_SECTION_LIST_ROWS].bytes = header->lists > 0 ? header->rows_coded * sizeof(uint32_t) : 0;
    sections[VEC_SECTION_ROW_CELLS].bytes = header->cells > 0 ? header->rows_coded * sizeof(VecRowCell) : 0;
    sections[VEC_SECTION_KEYS].bytes = rows * header->key_count * sizeof(uint64_t);
    sections[VEC_SECTION_KEY_NULLS].bytes = header->key_nulls != 0 ? rows * sizeof(uint64_t) : 0;
    sections[VEC_SECTION_KEY_ORDERS].bytes =
        header->rows_coded * (uint64_t)__builtin_popcountll(header->key_ordered) * sizeof(uint32_t);
    sections[VEC_SECTION_KEY_GRADES].bytes =
        vec_key_grades_bytes(header->rows_coded) * (uint64_t)__builtin_popcountll(header->key_ordered);
    for (int i = 0; i < VEC_SECTION_COUNT; i++) {
        sections[i].offset = offset;
        offset +=
            (sections[i].bytes + VEC_FORMAT_PAGE_BYTES - 1) / VEC_FORMAT_PAGE_BYTES * VEC_FORMAT_PAGE_BYTES;
    }
    return offset;
}

uint64_t
vec_format_header_checksum(const void *page)
{
    _Alignas(64) uint8_t copy[VEC_FORMAT_PAGE_BYTES];

    memcpy(copy, page, sizeof(copy));
    memset(copy + offsetof(VecFormatHeader, checksum), 0, sizeof(uint64_t));
    return XXH3_64bits(copy, sizeof(copy));
}
