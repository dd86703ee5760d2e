/*
 * format_check.c: proof that the compiler lays out every persisted struct as the format says; compiles to nothing.
 */
#include <stddef.h>

#include "format.h"
#include "key_grades.h"

#define OFFSET_IS(type, field, offset)                                                                       \
    _Static_assert(offsetof(type, field) == (offset),                                                        \
                   #type "." #field " has moved: that is another format version")
#define SIZE_IS(type, size) _Static_assert(sizeof(type) == (size), #type " has another size")

SIZE_IS(VecFactors, 8);
SIZE_IS(VecQuantizerError, 8);
SIZE_IS(VecRowCell, 8);
OFFSET_IS(VecRowCell, cell, 4);
SIZE_IS(VecFormatRow, 16);
OFFSET_IS(VecFormatRow, tid, 8);
OFFSET_IS(VecFormatRow, kind, 14);
SIZE_IS(VecFormatSection, 24);
SIZE_IS(VecStamp, 40);
OFFSET_IS(VecStamp, timeline, 32);

SIZE_IS(VecFormatHeader, 784);
OFFSET_IS(VecFormatHeader, version, 8);
OFFSET_IS(VecFormatHeader, byte_order, 12);
OFFSET_IS(VecFormatHeader, file_bytes, 24);
OFFSET_IS(VecFormatHeader, stamp, 32);
OFFSET_IS(VecFormatHeader, element_type, 72);
OFFSET_IS(VecFormatHeader, options_hash, 104);
OFFSET_IS(VecFormatHeader, rows_coded, 120);
OFFSET_IS(VecFormatHeader, stride_bytes, 144);
OFFSET_IS(VecFormatHeader, error, 152);
OFFSET_IS(VecFormatHeader, layer_nodes, 168);
OFFSET_IS(VecFormatHeader, sections, 232);
OFFSET_IS(VecFormatHeader, code_bytes, 712);
OFFSET_IS(VecFormatHeader, posting_count, 720);
OFFSET_IS(VecFormatHeader, key_ordered, 736);
OFFSET_IS(VecFormatHeader, list_count, 752);
SIZE_IS(VecKeyGrades, 4096);
SIZE_IS(VecPostingsTerm, 16);
OFFSET_IS(VecPostingsTerm, start, 8);
_Static_assert(sizeof(VecFormatHeader) <= VEC_FORMAT_PAGE_BYTES, "the header is one page");

SIZE_IS(VecFormatManifestHeader, 40);
OFFSET_IS(VecFormatManifestHeader, checksum, 32);
SIZE_IS(VecManifestEntry, 160);
OFFSET_IS(VecManifestEntry, stamp, 80);
OFFSET_IS(VecManifestEntry, file_bytes, 120);
