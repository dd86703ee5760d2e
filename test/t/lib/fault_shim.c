/*
 * fault_shim.c: loaded into a server by LD_PRELOAD, lets one system call that writes below pg_vectors fail.
 *
 * The environment's FAULT_SHIM names a file of three numbers of 64 bits, shared by all processes: how many such calls may still
 * succeed before one fails (-1: all), the errno of that one, and how many calls there were.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    _Atomic int64_t before_fault;
    _Atomic int64_t fault;
    _Atomic int64_t calls;
} * shared;

__attribute__((constructor)) static void
attach(void)
{
    const char *name = getenv("FAULT_SHIM");
    int descriptor = name == NULL ? -1 : open(name, O_RDWR | O_CLOEXEC);

    if (descriptor < 0)
        return;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (shared == MAP_FAILED)
        shared = NULL;
    close(descriptor);
}

/* The errno with which this call fails; 0: it does not. */
static int
fault_of(const char *path)
{
    if (shared == NULL || strstr(path, "pg_vectors") == NULL)
        return 0;
    atomic_fetch_add(&shared->calls, 1);
    int64_t before = atomic_load(&shared->before_fault);
    while (before >= 0 && !atomic_compare_exchange_weak(&shared->before_fault, &before, before - 1))
        ;
    return before == 0 ? (int)atomic_load(&shared->fault) : 0;
}

static int
fault_of_descriptor(int descriptor)
{
    char link[64], path[4096];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    return fault_of(path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_OR(fault_expression, call)                                                                      \
    do {                                                                                                     \
        int fault = (fault_expression);                                                                      \
        if (fault != 0) {                                                                                    \
            errno = fault;                                                                                   \
            return -1;                                                                                       \
        }                                                                                                    \
        return call;                                                                                         \
    } while (0)

int
open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    FAIL_OR(flags & O_CREAT ? fault_of(path) : 0, REAL(open)(path, flags, mode));
}

ssize_t
pwrite(int descriptor, const void *bytes, size_t count, off_t offset)
{
    FAIL_OR(fault_of_descriptor(descriptor), REAL(pwrite)(descriptor, bytes, count, offset));
}

int
posix_fallocate(int descriptor, off_t offset, off_t bytes)
{
    int fault = fault_of_descriptor(descriptor);

    return fault != 0 ? fault : REAL(posix_fallocate)(descriptor, offset, bytes);
}

int
ftruncate(int descriptor, off_t bytes)
{
    FAIL_OR(fault_of_descriptor(descriptor), REAL(ftruncate)(descriptor, bytes));
}

int
fsync(int descriptor)
{
    FAIL_OR(fault_of_descriptor(descriptor), REAL(fsync)(descriptor));
}

int
sync_file_range(int descriptor, off64_t offset, off64_t bytes, unsigned int flags)
{
    FAIL_OR(fault_of_descriptor(descriptor), REAL(sync_file_range)(descriptor, offset, bytes, flags));
}

int
mkdir(const char *path, mode_t mode)
{
    FAIL_OR(fault_of(path), REAL(mkdir)(path, mode));
}

int
rename(const char *from, const char *to)
{
    FAIL_OR(fault_of(to), REAL(rename)(from, to));
}

int
link(const char *from, const char *to)
{
    FAIL_OR(fault_of(to), REAL(link)(from, to));
}
