/*
 * file.c: writing so that a full disk is a status and never a SIGBUS, and so that a rename survives a crash.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

VecStatus
vec_file_path(char path[VEC_FILE_PATH_BYTES], const char *directory, const char *name, VecError *error)
{
    int length = snprintf(path, VEC_FILE_PATH_BYTES, "%s/%s", directory, name);

    if (length < 0 || length >= VEC_FILE_PATH_BYTES)
        return vec_error_set(error, VEC_INVALID, 0, "path of \"%s\" is longer than %d bytes", name,
                             VEC_FILE_PATH_BYTES - 1);
    return VEC_OK;
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

    /* strerror is not safe in threads; strerror_r's two forms are not portable: the number is enough beside os_errno */
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

VecStatus
vec_file_preallocate(int descriptor, uint64_t bytes, const char *path, VecError *error)
{
    int result;

    do {
        result = posix_fallocate(descriptor, 0, (off_t)bytes);
    } while (result == EINTR);
    return result == 0 ? VEC_OK : vec_file_error(error, result, "allocate space for", path);
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
