/*
 * fault_guard.c: the SIGBUS handler, and the list of ranges that it looks into.
 *
 * The list is changed under a mutex and read by the handler without one: an insertion is one atomic store, and a removal
 * waits until no handler runs before the caller may free the guard. The handler itself calls mmap and nothing else; it
 * is not in POSIX's list of what a handler may call, but on the systems we know it is a bare system call.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#endif

#include "fault_guard.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static VecFaultGuard *_Atomic list_first;
static atomic_uint handlers_running;
static struct sigaction previous; /* what our handler took the place of */

/* Maps zeros over the range that has the address; false if there is none or it cannot be. */
static bool
mend(uintptr_t address)
{
    VecFaultGuard *guard = atomic_load(&list_first);

    while (guard != NULL && (address < guard->start || address >= guard->end))
        guard = atomic_load(&guard->next);
    if (guard == NULL)
        return false;
    /* first the flag: whoever sees zeros must see it */
    atomic_store(&guard->has_faulted, true);
    return mmap((void *)guard->start, guard->end - guard->start, guard->protection,
                MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

/* The signal is not ours: what would have happened without us. */
static void
pass_on(int signal_number, siginfo_t *info, void *context)
{
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(signal_number, info, context);
        return;
    }
    if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(signal_number);
        return;
    }
    if (info->si_code <= 0 && previous.sa_handler == SIG_IGN) /* sent by somebody, not by the processor */
        return;
    /* a fault comes again when we return, and ends the process at its own address; a sent one is sent again */
    (void)signal(signal_number, SIG_DFL);
    if (info->si_code <= 0)
        (void)raise(signal_number);
}

static void
handle(int signal_number, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    bool mended;

    atomic_fetch_add(&handlers_running, 1);
    mended = info->si_code > 0 && mend((uintptr_t)info->si_addr);
    atomic_fetch_sub(&handlers_running, 1);
    errno = saved_errno;
    if (!mended)
        pass_on(signal_number, info, context);
}

/* With the first guard. */
static void
install(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};

    (void)sigaction(SIGBUS, NULL, &previous); /* before the handler may need it */
    action.sa_sigaction = handle;
    sigfillset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, NULL);
}

/* With the last one; unless somebody came after us, who may pass on to us. */
static void
uninstall(void)
{
    struct sigaction current;

    if (sigaction(SIGBUS, NULL, &current) == 0 && (current.sa_flags & SA_SIGINFO) &&
        current.sa_sigaction == handle)
        (void)sigaction(SIGBUS, &previous, NULL);
}

void
vec_fault_guard_add(VecFaultGuard *guard, void *start, size_t bytes, int protection)
{
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);

    guard->start = (uintptr_t)start;
    guard->end = guard->start + (bytes + page_bytes - 1) / page_bytes * page_bytes;
    guard->protection = protection;
    guard->is_guarding = true;
    atomic_store(&guard->has_faulted, false);
    pthread_mutex_lock(&list_mutex);
    if (atomic_load(&list_first) == NULL)
        install();
    atomic_store(&guard->next, atomic_load(&list_first));
    atomic_store(&list_first, guard);
    pthread_mutex_unlock(&list_mutex);
}

void
vec_fault_guard_remove(VecFaultGuard *guard)
{
    VecFaultGuard *_Atomic *link = &list_first;

    if (!guard->is_guarding)
        return;
    pthread_mutex_lock(&list_mutex);
    while (atomic_load(link) != guard)
        link = &atomic_load(link)->next;
    atomic_store(link, atomic_load(&guard->next));
    if (atomic_load(&list_first) == NULL)
        uninstall();
    pthread_mutex_unlock(&list_mutex);
    while (atomic_load(&handlers_running) > 0) /* one may stand at this guard */
        sched_yield();
    guard->is_guarding = false;
}
