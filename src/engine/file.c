/*
 * file.c: writing so that a full disk is a status and never a SIGBUS, and so that a rename survives a crash.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sync_file_range */
#endif

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

VecStatus
vec_file_path(char path[VEC_FILE_PATH_BYTES], const char *directory, const char *name, VecError *error)
{
    int length = snprintf(path, VEC_FILE_PATH_BYTES, "%s/%s", directory, name);

    if (length >= 0 && length < VEC_FILE_PATH_BYTES)
        return VEC_OK;
    path[0] = '\0'; /* what was cut off may be the path of another file */
    return vec_error_set(error, VEC_INVALID, 0, "path of \"%s\" is longer than %d bytes", name,
                         VEC_FILE_PATH_BYTES - 1);
}

uint64_t
vec_file_identity(const struct stat *file)
{
    uint64_t words[] = {
        (uint64_t)file->st_dev,          (uint64_t)file->st_ino,  (uint64_t)file->st_ctim.tv_sec,
        (uint64_t)file->st_ctim.tv_nsec, (uint64_t)file->st_size,
    };
    uint64_t hash = XXH3_64bits(words, sizeof(words));

    return hash == 0 ? 1 : hash;
}

VecStatus
vec_file_error(VecError *error, int os_errno, const char *what, const char *path)
{
    VecStatus status = VEC_IO;

    if (os_errno == ENOSPC || os_errno == EDQUOT || os_errno == EFBIG)
        status = VEC_NO_SPACE;
    else if (os_errno == ENOENT || os_errno == ENOTDIR)
        status = VEC_NOT_FOUND;
    else if (os_errno == ENOMEM)
        status = VEC_NO_MEMORY;

    /* strerror is not safe in threads; of strerror_r there are two forms */
    char reason[128] = "";
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
    const char *text = strerror_r(os_errno, reason, sizeof(reason));
#else
    const char *text = strerror_r(os_errno, reason, sizeof(reason)) == 0 ? reason : "unknown error";
#endif
    return vec_error_set(error, status, os_errno, "could not %s \"%s\": %s", what, path, text);
}

VecStatus
vec_file_check_space(const char *directory, uint64_t bytes, uint64_t reserve_bytes, VecError *error)
{
    struct statvfs file_system;

    if (statvfs(directory, &file_system) != 0)
        return vec_file_error(error, errno, "look at", directory);

    uint64_t available = (uint64_t)file_system.f_bavail * file_system.f_frsize;
    if (bytes > available || available - bytes < reserve_bytes)
        return vec_error_set(error, VEC_NO_SPACE, ENOSPC,
                             "\"%s\" has %" PRIu64 " bytes free, needed are %" PRIu64
                             " and a reserve of %" PRIu64,
                             directory, available, bytes, reserve_bytes);
    return VEC_OK;
}

/*
 * Most file systems allocate gigabytes in a moment; where the C library writes every block instead, and on tmpfs, it takes
 * as long as writing. So pieces grow while they are fast.
 */
#define PREALLOCATE_BYTES_FIRST ((uint64_t)1 << 20)
#define PREALLOCATE_BYTES_MIN   ((uint64_t)1 << 16)
#define PREALLOCATE_BYTES_MAX   ((uint64_t)1 << 30)
#define PREALLOCATE_NANOSECONDS UINT64_C(10000000)

static uint64_t
now_nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

VecStatus
vec_file_preallocate(int descriptor, uint64_t bytes, const char *path, VecShouldStop should_stop,
                     void *should_stop_context, VecError *error)
{
    uint64_t done = 0, piece = PREALLOCATE_BYTES_FIRST;

    while (done < bytes) {
        uint64_t rest = bytes - done, start = now_nanoseconds();
        int result;

        if (should_stop != NULL && should_stop(should_stop_context, 0, 0))
            return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
        if (piece > rest)
            piece = rest;
        result = posix_fallocate(descriptor, (off_t)done, (off_t)piece);
        if (result != 0 && result != EINTR)
            return vec_file_error(error, result, "allocate space for", path);
        if (result == 0)
            done += piece;
        /* a signal undid all of it: with smaller pieces some come through, however many signals there are */
        if (result == EINTR || now_nanoseconds() - start > PREALLOCATE_NANOSECONDS)
            piece = piece / 2 > PREALLOCATE_BYTES_MIN ? piece / 2 : PREALLOCATE_BYTES_MIN;
        else if (piece < PREALLOCATE_BYTES_MAX)
            piece *= 2;
    }
    return VEC_OK;
}

VecStatus
vec_file_write(int descriptor, const void *data, size_t bytes, uint64_t offset, const char *path,
               VecError *error)
{
    const char *next = data;

    while (bytes > 0) {
        ssize_t written = pwrite(descriptor, next, bytes, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return vec_file_error(error, written < 0 ? errno : ENOSPC, "write", path);
        next += written;
        offset += (uint64_t)written;
        bytes -= (size_t)written;
    }
    return VEC_OK;
}

VecStatus
vec_file_read(int descriptor, void *data, size_t bytes, uint64_t offset, const char *path, VecError *error)
{
    char *next = data;

    while (bytes > 0) {
        ssize_t got = pread(descriptor, next, bytes, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vec_file_error(error, errno, "read", path);
        if (got == 0)
            return vec_error_set(error, VEC_CORRUPT, 0, "\"%s\" is truncated", path);
        next += got;
        offset += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return VEC_OK;
}

static bool
lock_whole(int descriptor)
{
    int result;

    do {
        result = flock(descriptor, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

bool
vec_file_claim(int descriptor)
{
    struct stat file;

    return lock_whole(descriptor) && fstat(descriptor, &file) == 0 && file.st_nlink > 0;
}

VecStatus
vec_file_remove_idle(const char *path, bool *removed, VecError *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    VecStatus status = VEC_OK;

    *removed = false;
    if (descriptor < 0 && errno == ENOENT)
        return VEC_OK;
    /* what cannot be opened nobody is writing */
    if (descriptor < 0 || lock_whole(descriptor)) {
        *removed = unlink(path) == 0;
        if (!*removed && errno != ENOENT)
            status = vec_file_error(error, errno, "remove", path);
    }
    if (descriptor >= 0)
        close(descriptor);
    return status;
}

#ifdef SYNC_FILE_RANGE_WRITE
/* An error that it reports is reported to nobody again, not even by fsync. */
static VecStatus
flush(int descriptor, uint64_t offset, uint64_t bytes, unsigned int flags, const char *path, VecError *error)
{
    if (sync_file_range(descriptor, (off_t)offset, (off_t)bytes, flags) == 0 || errno == ENOSYS ||
        errno == ESPIPE || errno == EINVAL)
        return VEC_OK;
    return vec_file_error(error, errno, "write out", path);
}
#else
#define SYNC_FILE_RANGE_WRITE       0
#define SYNC_FILE_RANGE_WAIT_BEFORE 0
#define SYNC_FILE_RANGE_WAIT_AFTER  0
#define flush(...)                  VEC_OK
#endif

VecStatus
vec_file_flush_begin(int descriptor, uint64_t offset, uint64_t bytes, const char *path, VecError *error)
{
    return flush(descriptor, offset, bytes, SYNC_FILE_RANGE_WRITE, path, error);
}

VecStatus
vec_file_flush_wait(int descriptor, uint64_t offset, uint64_t bytes, const char *path, VecError *error)
{
    return flush(descriptor, offset, bytes,
                 SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER, path,
                 error);
}

VecStatus
vec_file_sync(int descriptor, const char *path, VecError *error)
{
    return fsync(descriptor) == 0 ? VEC_OK : vec_file_error(error, errno, "sync", path);
}

VecStatus
vec_file_sync_directory(const char *directory, VecError *error)
{
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (descriptor < 0)
        return vec_file_error(error, errno, "open", directory);

    VecStatus status = vec_file_sync(descriptor, directory, error);
    close(descriptor);
    return status;
}
