/*
 * manifest.h: the directory of one index: which segment files exist, who may change that, and what is shared between
 * processes meanwhile.
 *
 * A directory holds `manifest` (replaced by rename: the one switch that publishes and retires segments), `control` (4 KB,
 * mapped shared, never replaced; its flock is the right to publish), segment files and temporary files. What a build is
 * writing is protected by the build's own lock on its file, so the right to publish is held for moments only.
 *
 *   writer: open control, claim the work, build, lock, read manifest, add/remove entries, publish, collect, unlock
 *   reader: map control, compare the generation, on a change vec_index_open (which reads the manifest)
 */
#ifndef VECTORS_MANIFEST_H
#define VECTORS_MANIFEST_H

#include "vectors/allocator.h"
#include "vectors/build.h"
#include "vectors/segment.h"
#include "vectors/status.h"

#define VEC_MANIFEST_NAME        "manifest"
#define VEC_CONTROL_NAME         "control"
#define VEC_MANIFEST_ENTRIES_MAX 4096

typedef struct VecManifestEntry {
    char file_name[VEC_FILE_NAME_BYTES];
    VecStamp stamp;
    uint64_t file_bytes;
    uint64_t header_checksum;
    uint64_t rows_coded;
    uint64_t rows_exact;
    uint64_t rows_null;
} VecManifestEntry;

typedef struct VecManifest {
    uint64_t generation; /* 0 in a directory that has no manifest yet; each publication adds 1 */
    uint32_t entry_count;
    VecManifestEntry *entries; /* by ascending position_from */
    const VecAllocator *allocator;
} VecManifest;

/*
 * Reads the directory's manifest into *manifest (free it with vec_manifest_free, also after an error). No manifest file
 * is VEC_OK with no entries; no directory is VEC_NOT_FOUND. VEC_CORRUPT: *manifest is empty; go on as if there were none.
 */
VecStatus vec_manifest_read(const char *directory, const VecAllocator *allocator, VecManifest *manifest,
                            VecError *error) VEC_MUST_CHECK;
void vec_manifest_free(VecManifest *manifest);

/* Changes in memory; publish makes them real. remove: VEC_NOT_FOUND if there is no such entry. */
VecStatus vec_manifest_add(VecManifest *manifest, const VecBuildResult *result,
                           VecError *error) VEC_MUST_CHECK;
VecStatus vec_manifest_remove(VecManifest *manifest, const char *file_name, VecError *error) VEC_MUST_CHECK;

typedef struct VecControl VecControl;

/*
 * Writes the manifest (temporary file, fsync, rename, fsync of the directory) with generation + 1, then raises the
 * control's generation to it. The lock must be held. VEC_NO_SPACE, VEC_IO, VEC_NO_MEMORY.
 */
VecStatus vec_manifest_publish(VecManifest *manifest, const char *directory, VecControl *control,
                               VecError *error) VEC_MUST_CHECK;

/*
 * Unlinks segment and temporary files that the manifest does not name and no build is at work on; other names are left
 * alone. The lock must be held. *removed_count may be NULL. Goes on after a failure and reports the first.
 */
VecStatus vec_manifest_collect(const VecManifest *manifest, const char *directory, uint32_t *removed_count,
                               VecError *error) VEC_MUST_CHECK;

/*
 * Opens or (create) makes the directory's control file. With create, the directory itself is made too if it is missing
 * (its parent must exist); umask decides who may read. A control file of the wrong size or magic is VEC_CORRUPT; with create it
 * is replaced instead. VEC_NOT_FOUND, VEC_NO_SPACE, VEC_IO, VEC_NO_MEMORY. The handle belongs to one thread.
 */
VecStatus vec_control_open(const char *directory, bool create, const VecAllocator *allocator,
                           VecControl **control, VecError *error) VEC_MUST_CHECK;
void vec_control_close(VecControl *control); /* unlocks; NULL is legal */

/*
 * Manifest generation last published; costs one read of shared memory. Read it before vec_index_open, and open again when it
 * differs (not when it differs from vec_index_generation: a control file that was made anew begins at 0).
 */
uint64_t vec_control_generation(const VecControl *control);

/* True when the directory was removed or replaced under us: close and open again. Costs two system calls. */
bool vec_control_is_orphan(const VecControl *control);

/*
 * The right to publish: flock(LOCK_EX | LOCK_NB), then a look whether the file is still in its place.
 * VEC_BUSY (another process, or another handle of this one, has it), VEC_NOT_FOUND (orphan), VEC_IO. Never waits.
 */
VecStatus vec_control_lock(VecControl *control, VecError *error) VEC_MUST_CHECK;
void vec_control_unlock(VecControl *control);

/* True if somebody holds the lock at this moment. Looking may make another's attempt to lock fail with VEC_BUSY. */
bool vec_control_is_locked(VecControl *control);

/* The kinds of work that one process at a time does in a directory, for as long as it takes. */
typedef enum VecWork {
    VEC_WORK_SEAL, /* new rows to flat segments */
    VEC_WORK_MERGE /* segments to fewer */
} VecWork;
#define VEC_WORKS 2

/* Claims a kind of work: a lock that is independent of the right to publish. Statuses of vec_control_lock. Never waits. */
VecStatus vec_control_claim(VecControl *control, VecWork work, VecError *error) VEC_MUST_CHECK;
void vec_control_disclaim(VecControl *control, VecWork work);

/* True if somebody has claimed the work at this moment; looking may make another's claim fail with VEC_BUSY. */
bool vec_control_is_claimed(VecControl *control, VecWork work);

/* Counters for the caller's own use, shared between processes, lost with the directory. counter < VEC_CONTROL_COUNTERS. */
#define VEC_CONTROL_COUNTERS 64
uint64_t vec_control_counter_read(const VecControl *control, uint32_t counter);
void vec_control_counter_write(VecControl *control, uint32_t counter, uint64_t value);
uint64_t vec_control_counter_add(VecControl *control, uint32_t counter, uint64_t value); /* returns the sum */

/*
 * Which files had their whole checksum verified: the control remembers a hash of (device, inode, ctime, size). Forgetting
 * one (the table is small) costs a verification, nothing else.
 */
/* Forgets all verifications and raises the generation: every process opens and verifies the files anew. */
void vec_control_distrust(VecControl *control);
bool vec_control_is_verified(const VecControl *control, int file_descriptor);
void vec_control_remember_verified(VecControl *control, int file_descriptor);

#endif
