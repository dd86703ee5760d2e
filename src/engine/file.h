/*
 * file.h: the few things the engine does to files, each reporting what the operating system said.
 */
#ifndef VEC_FILE_H
#define VEC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "vectors/segment.h"
#include "vectors/status.h"

#define VEC_FILE_PATH_BYTES 4096

/* directory/name into path. VEC_INVALID: too long, and path is "". */
VecStatus vec_file_path(char path[VEC_FILE_PATH_BYTES], const char *directory, const char *name,
                        VecError *error) VEC_MUST_CHECK;

/* A hash of (device, inode, ctime, size), never 0: differs when a file was replaced, written to or truncated. */
uint64_t vec_file_identity(const struct stat *file);

/* The status that fits errno, with a message "could not <what> <path>: <strerror>". */
VecStatus vec_file_error(VecError *error, int os_errno, const char *what, const char *path);

/* VEC_NO_SPACE if writing that many bytes in the directory would leave less than reserve_bytes. */
VecStatus vec_file_check_space(const char *directory, uint64_t bytes, uint64_t reserve_bytes,
                               VecError *error) VEC_MUST_CHECK;

/* Gives the file real blocks for its first `bytes` bytes. should_stop may be NULL. VEC_NO_SPACE, VEC_IO, VEC_INTERRUPTED. */
VecStatus vec_file_preallocate(int descriptor, uint64_t bytes, const char *path, VecShouldStop should_stop,
                               void *should_stop_context, VecError *error) VEC_MUST_CHECK;

VecStatus vec_file_write(int descriptor, const void *data, size_t bytes, uint64_t offset, const char *path,
                         VecError *error) VEC_MUST_CHECK;

/* VEC_CORRUPT if the file ends before. */
VecStatus vec_file_read(int descriptor, void *data, size_t bytes, uint64_t offset, const char *path,
                        VecError *error) VEC_MUST_CHECK;

/*
 * Marks a file as being worked on: nobody removes it (vec_file_remove_idle) while the descriptor is open. False: somebody is about
 * to remove it, or did; make another.
 */
bool vec_file_claim(int descriptor);

/* Removes a file unless somebody claims it; *removed says so. A file that is not there is VEC_OK. */
VecStatus vec_file_remove_idle(const char *path, bool *removed, VecError *error) VEC_MUST_CHECK;

/*
 * Starts writing out dirty pages of a range, or waits until they are written. No substitute for vec_file_sync: it makes that
 * one short. Where the system cannot, nothing happens.
 */
VecStatus vec_file_flush_begin(int descriptor, uint64_t offset, uint64_t bytes, const char *path,
                               VecError *error) VEC_MUST_CHECK;
VecStatus vec_file_flush_wait(int descriptor, uint64_t offset, uint64_t bytes, const char *path,
                              VecError *error) VEC_MUST_CHECK;

VecStatus vec_file_sync(int descriptor, const char *path, VecError *error) VEC_MUST_CHECK;
VecStatus vec_file_sync_directory(const char *directory, VecError *error) VEC_MUST_CHECK;

#endif
