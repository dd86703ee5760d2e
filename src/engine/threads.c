/*
 * threads.c: starting a thread with signals blocked.
 *
 * PostgreSQL's handlers must run in the thread that is the backend: others block every signal. SIGBUS is raised in the thread that
 * touched the page, and its handler (fault_guard.c) must run there.
 */
#include "threads.h"

#include <signal.h>

#define STACK_BYTES ((size_t)1 << 20)

bool
vec_threads_start(pthread_t *thread, void *(*run)(void *argument), void *argument)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    bool started;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = pthread_create(thread, &attributes, run, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}
