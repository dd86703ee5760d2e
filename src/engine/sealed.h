/*
 * sealed.h: a segment file, checked and mapped for reading.
 */
#ifndef VEC_SEALED_H
#define VEC_SEALED_H

#include "fault_guard.h"
#include "format.h"
#include "graph.h"
#include "coder.h"
#include "keys.h"
#include "vectors/index.h"

typedef struct VecSealed {
    const VecAllocator *allocator;
    char file_name[VEC_FILE_NAME_BYTES];
    int descriptor;
    uint64_t identity; /* of the file as it was opened: vec_file_identity */
    const uint8_t *map;
    uint64_t map_bytes;
    /* It was not in memory, and is short enough to be read as a whole before it is searched: verify it, which does that. */
    bool is_cold;
    VecFaultGuard guard;    /* of the map */
    VecFormatHeader header; /* a private copy: what was checked stays as it was checked */
    VecSegmentOptions options;
    VecCoder coder;
    VecCodes codes;
    VecGraph graph;       /* HNSW only */
    VecPostings postings; /* HNSW over sparse codes and INVERTED only; else terms is NULL */
    VecIvf ivf;           /* IVF only */
    VecKeyColumns keys;
    const VecFormatRow *rows;
    const VecFormatRow *exceptions; /* rows_exact, then rows_null */
} VecSealed;

/*
 * Maps directory/file_name and checks its header, its size and every number in it; whole checksums are another matter.
 * *sealed is filled in and must stay where it is; close it in any case. VEC_CORRUPT, VEC_NOT_FOUND, VEC_IO, VEC_NO_MEMORY.
 */
VecStatus vec_sealed_open(VecSealed *sealed, const char *directory, const char *file_name,
                          const VecAllocator *allocator, VecError *error) VEC_MUST_CHECK;
void vec_sealed_close(VecSealed *sealed);

/* Closes the descriptor, which only serves to tell whose checksum was verified; the map stays. */
void vec_sealed_close_file(VecSealed *sealed);

/*
 * VEC_CORRUPT if the file could not be read under its map: then what was read of it so far may be zeros. To be asked after
 * reading, before anybody believes the result.
 */
VecStatus vec_sealed_check(const VecSealed *sealed, VecError *error) VEC_MUST_CHECK;

/* Asks the kernel for a part of the map that will be read soon; what of it lies behind the end is left out. */
void vec_sealed_read_ahead(const VecSealed *sealed, const void *start, size_t bytes);

/* Compares every section with its checksum. VEC_CORRUPT, VEC_INTERRUPTED. */
VecStatus vec_sealed_verify(const VecSealed *sealed, VecShouldStop should_stop, void *should_stop_context,
                            VecError *error) VEC_MUST_CHECK;

/* A number that is the same where two segments' codes are of one quantizer. */
uint64_t vec_sealed_codes_hash(const VecSealed *sealed);

/* Contract of vec_index_validate. */
VecStatus vec_sealed_validate(const VecSealed *sealed, VecShouldStop should_stop, void *should_stop_context,
                              VecSegmentHealth *health, VecError *error) VEC_MUST_CHECK;

#endif
