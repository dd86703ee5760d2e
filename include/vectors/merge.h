/*
 * merge.h: one segment out of several, by their files alone: no full vector is read.
 *
 *   vec_merge_begin -> vec_build_graph -> vec_build_finish -> vec_build_free (always)
 *
 * Codes are copied as they are, so all inputs must share their quantizer (VecSegmentInfo.codes_hash; a build shares another
 * segment's by VecBuildOptions.codes_of), and have as many keys as is wanted. The graph starts from that of the input with the most rows, if it has the
 * wanted m and ef_construction: it comes over without its dead rows, lists that named them are mended, and the rows of the
 * other inputs are inserted. So the cost follows the small side; the large one is only copied.
 */
#ifndef VECTORS_MERGE_H
#define VECTORS_MERGE_H

#include "vectors/build.h"
#include "vectors/manifest.h"

typedef struct VecMergeOptions {
    VecBuildOptions build; /* of the result; seed and codes_of are not used: the codes keep their quantizer */
    const char *const *file_names; /* in the directory; by ascending position, their ranges disjoint */
    uint32_t file_count;           /* at least 1 */
    const uint64_t *dead;          /* positions of rows to leave out, ascending */
    uint64_t dead_count;
    VecControl *control; /* knows which files were verified; NULL: every checksum is computed */
    VecShouldStop should_stop;
    void *should_stop_context;
} VecMergeOptions;

/*
 * Opens and verifies the inputs, makes the temporary file and copies the living rows into it. What options points to must live
 * until vec_merge_begin returns, *allocator until vec_build_free. The caller takes the result's stamp: its range the union
 * of the inputs', its moment not older than any input's or than the reading of `dead`.
 *
 * VEC_INVALID (inputs whose codes or keys differ from one another's or from what is wanted, or out of order), VEC_CORRUPT and
 * VEC_NOT_FOUND (an input; the message names it), VEC_NO_MEMORY, VEC_NO_SPACE, VEC_IO, VEC_INTERRUPTED (begin again).
 */
VecStatus vec_merge_begin(const VecMergeOptions *options, const char *directory,
                          const VecAllocator *allocator, VecBuild **build, VecError *error) VEC_MUST_CHECK;

#endif
