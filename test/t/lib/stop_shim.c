/*
 * stop_shim.c: loaded into a server by LD_PRELOAD, stops a process at a named point of include/vectors/stop_point.h.
 *
 * The environment's STOP_SHIM names a file, shared by all processes, as StopPoints.pm writes and reads it. A process that reaches
 * the wanted point for the (skip + 1)-th time leaves its number in the file and waits there for a signal that ends it, or until the
 * file has its number negated.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME_BYTES 48
#define POINTS     64

extern void vec_stop_point_reach(const char *name);

static struct {
    char wanted[NAME_BYTES];
    _Atomic int64_t skip;
    _Atomic int64_t stopped;       /* process; 0: none yet; negative: that one may go on */
    _Atomic int64_t grandchildren; /* only those of the postmaster stop: mergers */
    struct {
        _Atomic int64_t hits;
        char name[NAME_BYTES];
    } points[POINTS];
} * shared;
static pid_t postmaster;

__attribute__((constructor)) static void
attach(void)
{
    const char *name = getenv("STOP_SHIM");
    postmaster = getpid();
    int descriptor = name == NULL ? -1 : open(name, O_RDWR | O_CLOEXEC);

    if (descriptor < 0)
        return;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (shared == MAP_FAILED)
        shared = NULL;
    close(descriptor);
}

/* Two processes that meet a name for the first time at once may take two places for it: the reader adds them up. */
static void
count(const char *name)
{
    for (int i = 0; i < POINTS; i++) {
        if (shared->points[i].name[0] == '\0')
            strncpy(shared->points[i].name, name, NAME_BYTES - 1);
        if (strcmp(shared->points[i].name, name) == 0) {
            atomic_fetch_add(&shared->points[i].hits, 1);
            return;
        }
    }
}

void
vec_stop_point_reach(const char *name)
{
    if (shared == NULL)
        return;
    count(name);
    if (strcmp(shared->wanted, name) != 0 ||
        (atomic_load(&shared->grandchildren) && getppid() == postmaster) ||
        atomic_fetch_sub(&shared->skip, 1) != 0)
        return;
    atomic_store(&shared->stopped, getpid());
    while (atomic_load(&shared->stopped) != -(int64_t)getpid())
        usleep(10000);
}
