/*
 * threads.h: threads of a computation, which take no signal but the one that fault_guard.h is about.
 */
#ifndef VEC_THREADS_H
#define VEC_THREADS_H

#include <pthread.h>
#include <stdbool.h>

/* False: there are no more to be had; whoever asks does the work with those that it has. The caller joins it. */
bool vec_threads_start(pthread_t *thread, void *(*run)(void *argument), void *argument);

#endif
