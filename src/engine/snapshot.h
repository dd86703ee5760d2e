/*
 * snapshot.h: what index.c and search.c know of an open index.
 */
#ifndef VEC_SNAPSHOT_H
#define VEC_SNAPSHOT_H

#include "file.h"
#include "probe.h"
#include "sealed.h"
#include "vectors/index.h"

struct VecIndex {
    const VecAllocator *allocator;
    char directory[VEC_FILE_PATH_BYTES];
    uint64_t generation;
    uint32_t key_count; /* of a row, in every segment */
    VecSealed *segments;
    uint32_t segment_count;
    VecProblem *problems;
    uint32_t problem_count;
    VecProbe **
        spares; /* one a segment, kept from the last search: its arrays are not made and cleared anew each time */
};

#endif
