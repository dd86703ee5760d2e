/*
 * build.h: building a sealed segment: rows are pushed in, a file comes out.
 *
 *   vec_build_begin -> vec_build_sample* -> vec_build_train -> vec_build_add* -> vec_build_graph -> vec_build_finish
 *                                                                              -> vec_build_free (always)
 *
 * A VecBuild belongs to one thread. Until vec_build_free its file, temporary or renamed, is locked: a collector leaves it
 * alone. Publish its result before that.
 *
 * Memory: where codes and graph fit into memory_bytes_max they are built in private memory and written by finish;
 * otherwise they live in the preallocated, mapped temporary file, and private memory is what remains: one bit a row and a
 * thread, one byte a row, and a few megabytes. A build that fits nowhere near its limit gets slower, it does not fail. Until
 * vec_build_train is done, residual codes keep a sample of up to 8192 vectors, at least 32, in half the limit at most.
 */
#ifndef VECTORS_BUILD_H
#define VECTORS_BUILD_H

#include "vectors/allocator.h"
#include "vectors/segment.h"
#include "vectors/status.h"

/* Temporary files begin with this: base backups leave them out, vec_manifest_collect removes them. */
#define VEC_TEMPORARY_PREFIX "pgsql_tmp."

typedef struct VecBuild VecBuild;

typedef struct VecBuildOptions {
    VecSegmentOptions segment;
    uint32_t thread_count; /* the caller's thread included; at least 1 */
    uint64_t
        seed; /* same rows, seed and one thread: same bytes (with several threads the graph may differ) */
    uint64_t memory_bytes_max;
    uint64_t vector_bytes_max;   /* SPARSE only: of all vectors that will be added, together */
    uint64_t disk_reserve_bytes; /* VEC_NO_SPACE rather than leave less than this free */
    VecShouldStop should_stop;   /* polled by vec_build_begin alone; NULL allowed */
    void *should_stop_context;
    /*
     * A segment file of the directory whose quantizer, seed included, this segment shares, so that the two can be merged; NULL:
     * trained on the sample. Its codes must be of the same kind (VEC_INVALID).
     */
    const char *codes_of;
} VecBuildOptions;

typedef struct VecBuildResult {
    char file_name
        [VEC_FILE_NAME_BYTES]; /* in the directory; not yet in the manifest: pass the result to vec_manifest_add */
    VecStamp stamp;
    uint64_t file_bytes;
    uint64_t header_checksum;
    uint64_t rows_coded;
    uint64_t rows_exact;
    uint64_t rows_null;
} VecBuildResult;

/*
 * Creates and preallocates a temporary file for up to row_count_max rows (NULLs included). options is copied; directory
 * must exist and is copied. *allocator must outlive the build.
 * VEC_INVALID (options out of range, too many rows), VEC_NO_MEMORY, VEC_NO_SPACE, VEC_IO, VEC_NOT_FOUND (directory),
 * VEC_INTERRUPTED (nothing was made; begin again).
 */
VecStatus vec_build_begin(const VecBuildOptions *options, const char *directory, uint64_t row_count_max,
                          const VecAllocator *allocator, VecBuild **build, VecError *error) VEC_MUST_CHECK;

/* Whether training wants a sample: not for bits and sparse vectors, nor with codes_of. */
bool vec_build_wants_sample(const VecBuild *build);

/*
 * Shows a vector (segment.h says in which shape) to the training pass; those that no code can represent are passed over.
 * Show 65,536 rows spread over the whole, or all when there are fewer.
 */
void vec_build_sample(VecBuild *build, const void *vector, size_t bytes);

/*
 * Ends the training pass (no sample at all is legal), before the first add. Residual codes train with thread_count threads, which are joined
 * as those of vec_build_graph are. VEC_INTERRUPTED, VEC_NO_MEMORY: call it again; after VEC_OK never.
 */
VecStatus vec_build_train(VecBuild *build, VecShouldStop should_stop, void *should_stop_context,
                          VecError *error) VEC_MUST_CHECK;

/*
 * Encodes one row; vector is NULL, and bytes 0, for a row whose vector is NULL; keys has key_count of them, NULL if that is 0;
 * no pointer is kept.
 * Positions ascend strictly (programmer's error otherwise). Vectors that no code can represent (NaN, infinities, squares
 * that over- or underflow, the zero vector under cosine) become VEC_ROW_EXACT.
 * VEC_INVALID (more rows than row_count_max, more bytes than vector_bytes_max, bytes of another shape).
 */
VecStatus vec_build_add(VecBuild *build, const VecRowId *row, const VecKeys *keys, const void *vector,
                        size_t bytes, VecError *error) VEC_MUST_CHECK;

/*
 * Builds the graph with thread_count threads (nothing to do for VEC_SEGMENT_FLAT: returns at once). The threads block
 * all signals but SIGBUS (index.h says why) and are joined before it returns, whatever it returns. If fewer threads can be
 * started, fewer do the work.
 * VEC_INTERRUPTED: call again to go on where it stopped. VEC_NO_MEMORY: may be called again, too.
 */
VecStatus vec_build_graph(VecBuild *build, VecShouldStop should_stop, void *should_stop_context,
                          VecError *error) VEC_MUST_CHECK;

/*
 * Writes header and checksums, syncs, renames the file to its final name and syncs the directory. Polls should_stop
 * between pieces (VEC_INTERRUPTED: call again). After VEC_OK only vec_build_free is legal.
 * VEC_NO_SPACE, VEC_IO, VEC_NO_MEMORY, VEC_INTERRUPTED.
 */
VecStatus vec_build_finish(VecBuild *build, const VecStamp *stamp, VecShouldStop should_stop,
                           void *should_stop_context, VecBuildResult *result, VecError *error) VEC_MUST_CHECK;

/* Frees everything and removes the temporary file if there is still one. NULL is legal. Async-signal-unsafe, never blocks. */
void vec_build_free(VecBuild *build);

#endif
