/*
 * compat.h: what differs between the major versions of PostgreSQL; the only place that tests PG_VERSION_NUM.
 */
#ifndef VECPG_COMPAT_H
#define VECPG_COMPAT_H

#include "postgres.h"

/*
 * Soft errors (16 and later): an input function that was called with an ErrorSaveContext as its context stores the error there and
 * returns; otherwise, and always on 15, the error is thrown. The caller returns straight after it.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#define vecpg_errsave(context, ...) errsave(context, __VA_ARGS__)
#else
#define vecpg_errsave(context, ...) ereport(ERROR, __VA_ARGS__)
#endif

/* varatt.h left postgres.h in 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#endif
