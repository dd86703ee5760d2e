/*
 * format.h: the bytes of a segment file and of a manifest.
 *
 * A segment file, all numbers in the machine's byte order (a file of the other order is foreign):
 *
 *     header, one page of 4096 bytes: VecFormatHeader, zeros, its checksum over all of the page but the checksum itself
 *     sections, each at a multiple of 4096, in the order of VecSection; between them anything
 *
 *     section     element, count
 *     QUANTIZER   float mean[dimensions], and float[1 + dimensions] a cell: cells.h          (scalar codes only)
 *     CODES       code_bytes: stride_bytes a row and what kernels may read behind the last; sparse codes are of any length
 *     FACTORS     VecFactors a row                                                           (vec_codes_has_factors)
 *     ROWS        VecFormatRow a row
 *     EXCEPTIONS  VecFormatRow for each row without a code: rows_exact, then rows_null
 *     LINKS       uint32[2 m] a row: the bottom layer; ends with VEC_NODE_NONE; behind that, last, may stand the
 *                 next of a ring of rows that are nearly one (graph_rings.c)                         (HNSW only)
 *     UPPER_ROWS  uint32 for each node of layer 1: its row. Nodes are numbered by descending top layer, so that a layer is a
 *                 prefix of the one below it and node 0 is the entry                                  (HNSW only)
 *     UPPER_LINKS uint32[m] a node, for layer 1, then layer 2, …                                      (HNSW only)
 *     STARTS      uint64 for each row and one more: where its code begins, and the end             (sparse codes only)
 *     TERMS       VecPostingsTerm for each dimension that occurs, and one            (HNSW over sparse codes, INVERTED only)
 *     POSTINGS    uint32 rows, list by list                                          (HNSW over sparse codes, INVERTED only)
 *     WEIGHTS     float for each posting: the row's element                                                (INVERTED only)
 *     CENTROIDS   float[1 + dimensions] a list: ivf.h                                                           (IVF only)
 *     LIST_STARTS uint32 for each list and one more: where its rows begin, and the end                          (IVF only)
 *     LIST_ROWS   uint32 rows, list by list                                                                     (IVF only)
 *     ROW_CELLS   VecRowCell a row                                                    (where codes are of residuals)
 *     KEYS        uint64 for each row, exceptions included, of key 0, then of key 1, …                  (where there are keys)
 *     KEY_NULLS   uint64 for each row, exceptions included: which of its keys are NULL                   (where any key is)
 *     KEY_ORDERS  uint32 rows, without exceptions, by ascending key, NULLs first, then by number; for each ordered key
 *     KEY_GRADES  for each ordered key: VecKeyGrades, then a byte a row, without exceptions, zeros up to a multiple of 64
 *
 * Every length follows from the header's numbers; the section table repeats them, and a file where the two differ is corrupt.
 * Nothing here says how a number is used before it was checked: vec_sealed_open does, in one place.
 */
#ifndef VEC_FORMAT_H
#define VEC_FORMAT_H

#include <stdint.h>

#include "coder.h"
#include "ivf.h"
#include "postings.h"
#include "vectors/manifest.h"
#include "vectors/segment.h"

#define VEC_FORMAT_MAGIC          "vec\r\nseg"
#define VEC_FORMAT_MANIFEST_MAGIC "vec\r\nman"
#define VEC_FORMAT_CONTROL_MAGIC  "vec\r\nctl"
#define VEC_FORMAT_MAGIC_BYTES    8
#define VEC_FORMAT_VERSION        7
#define VEC_FORMAT_BYTE_ORDER     0x01020304u
#define VEC_FORMAT_PAGE_BYTES     4096
#define VEC_FORMAT_LAYERS_MAX     16

typedef enum VecSection {
    VEC_SECTION_QUANTIZER,
    VEC_SECTION_CODES,
    VEC_SECTION_FACTORS,
    VEC_SECTION_ROWS,
    VEC_SECTION_EXCEPTIONS,
    VEC_SECTION_LINKS,
    VEC_SECTION_UPPER_ROWS,
    VEC_SECTION_UPPER_LINKS,
    VEC_SECTION_STARTS,
    VEC_SECTION_TERMS,
    VEC_SECTION_POSTINGS,
    VEC_SECTION_WEIGHTS,
    VEC_SECTION_CENTROIDS,
    VEC_SECTION_LIST_STARTS,
    VEC_SECTION_LIST_ROWS,
    VEC_SECTION_ROW_CELLS,
    VEC_SECTION_KEYS,
    VEC_SECTION_KEY_NULLS,
    VEC_SECTION_KEY_ORDERS,
    VEC_SECTION_KEY_GRADES,
    VEC_SECTION_COUNT
} VecSection;

typedef struct VecFormatSection {
    uint64_t offset;
    uint64_t bytes;
    uint64_t checksum; /* XXH3, 64 bits */
} VecFormatSection;

typedef struct VecFormatRow {
    uint64_t position;
    uint8_t tid[VEC_TID_BYTES];
    uint16_t kind; /* VecRowKind */
} VecFormatRow;

typedef struct VecFormatHeader {
    uint8_t magic[VEC_FORMAT_MAGIC_BYTES];
    uint32_t version;
    uint32_t byte_order;
    uint32_t header_bytes; /* VEC_FORMAT_PAGE_BYTES */
    uint32_t section_count;
    uint64_t file_bytes;
    VecStamp stamp;
    uint32_t element_type;
    uint32_t metric;
    uint32_t dimensions;
    uint32_t kind;
    uint32_t quantization;
    uint32_t quantization_bits;
    uint32_t m;
    uint32_t ef_construction;
    uint64_t options_hash;
    uint64_t seed;
    uint64_t rows_coded;
    uint64_t rows_exact;
    uint64_t rows_null;
    uint64_t stride_bytes;
    VecQuantizerError error;
    uint32_t layer_count; /* layers above the bottom */
    uint32_t has_rings;   /* of rows that are nearly one: vec_walk_ring_next */
    uint32_t
        layer_nodes[VEC_FORMAT_LAYERS_MAX]; /* [l] nodes of layer l + 1, never more than those of layer l */
    VecFormatSection sections[VEC_SECTION_COUNT];
    uint64_t code_bytes; /* of CODES; where rows have a stride it follows from that */
    uint64_t posting_count;
    uint32_t term_count;
    uint32_t key_count;
    uint64_t key_ordered; /* bit k: key k has an order */
    uint64_t key_nulls;   /* bit k: some row's key k is NULL */
    uint32_t list_count;  /* IVF: as it was asked for */
    uint32_t lists;       /* IVF: as there are; else 0 */
    uint32_t is_spherical;
    uint32_t is_residual;
    uint32_t cells; /* of residual codes; else 0 */
    uint32_t reserved_too;
    uint64_t checksum; /* XXH3 of the page, taken with this field zero */
} VecFormatHeader;

typedef struct VecFormatManifestHeader {
    uint8_t magic[VEC_FORMAT_MAGIC_BYTES];
    uint32_t version;
    uint32_t byte_order;
    uint32_t entry_count;
    uint32_t entry_bytes;
    uint64_t generation;
    uint64_t
        checksum; /* XXH3 of the whole file, taken with this field zero; VecManifestEntry[entry_count] follow */
} VecFormatManifestHeader;

/* Whether the segment has lists of rows by dimension. */
static inline bool
vec_format_has_postings(const VecFormatHeader *header)
{
    return header->kind == VEC_SEGMENT_INVERTED ||
           (header->kind == VEC_SEGMENT_HNSW && header->element_type == VEC_TYPE_SPARSE);
}

/* The bits of all keys. */
static inline uint64_t
vec_format_key_mask(uint32_t key_count)
{
    return key_count < 64 ? (UINT64_C(1) << key_count) - 1 : UINT64_MAX;
}

/* Lengths and places of the sections, from a header's numbers (which must be in range); returns the file's length. */
uint64_t vec_format_layout(const VecFormatHeader *header, VecFormatSection sections[VEC_SECTION_COUNT]);

/* The header's own checksum; page is VEC_FORMAT_PAGE_BYTES long. */
uint64_t vec_format_header_checksum(const void *page);

/* Whether segments with these options have codes of the same form. */
bool vec_format_same_codes(const VecSegmentOptions *a, const VecSegmentOptions *b);

/* Whether options are in range and supported by this build. VEC_INVALID names the value and the range. */
VecStatus vec_format_check_options(const VecSegmentOptions *options, VecError *error) VEC_MUST_CHECK;

#endif
