/*
 * errors.h: the one bridge from the engine's status to PostgreSQL's errors, and from PostgreSQL's interrupts to the engine.
 */
#ifndef VECPG_ERRORS_H
#define VECPG_ERRORS_H

#include "postgres.h"

#include <stdbool.h>

#include "vectors/status.h"

/*
 * Raises status, which is not VEC_OK, at this level (ERROR does not return). VEC_INTERRUPTED runs CHECK_FOR_INTERRUPTS and may
 * return: then the engine's function is to be called again.
 */
extern void vecpg_errors_report(int level, VecStatus status, const VecError *error);

/* A VecShouldStop: true as soon as PostgreSQL has anything to tell this process. */
extern bool vecpg_errors_should_stop(void *context, uint64_t rows_done, uint64_t rows_total);

/* The same for what would have to begin again from its start: true only if the statement is to end. */
extern bool vecpg_errors_should_cancel(void *context, uint64_t rows_done, uint64_t rows_total);

#endif
