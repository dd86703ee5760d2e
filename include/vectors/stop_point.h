/*
 * stop_point.h: named places where a test may stop or kill a process.
 *
 * vec_stop_point_reach is defined by nobody but a library of the tests that a server was started with (LD_PRELOAD): what is tested
 * is the very library that users run, and there its address is NULL and a stop point is one comparison. A name occurs once in the
 * sources. Not for what happens for each row or hop.
 */
#ifndef VECTORS_STOP_POINT_H
#define VECTORS_STOP_POINT_H

extern void vec_stop_point_reach(const char *name) __attribute__((weak));

static inline void
vec_stop_point(const char *name)
{
    if (vec_stop_point_reach != 0)
        vec_stop_point_reach(name);
}

#endif
