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

/*
 * Runs action(argument) in a subtransaction and returns the error that it raised, in CurrentMemoryContext, or NULL. For those who
 * look at what may be damaged; what is not about that belongs to ReThrowError.
 */
extern ErrorData *vecpg_errors_try(void (*action)(void *), void *argument);

/* Whether the error tells of damage: of bytes or files (classes XX and 58). */
extern bool vecpg_errors_is_damage(const ErrorData *error);

/* Whether the error tells of the object that was looked at, and not of this session, its memory or its end. */
extern bool vecpg_errors_is_of_object(const ErrorData *error);

/* A VecShouldStop: true as soon as PostgreSQL has anything to tell this process. */
extern bool vecpg_errors_should_stop(void *context, uint64_t rows_done, uint64_t rows_total);

/* The same for what would have to begin again from its start: true only if the statement, or a worker's work, is to end. */
extern bool vecpg_errors_should_cancel(void *context, uint64_t rows_done, uint64_t rows_total);

/*
 * CHECK_FOR_INTERRUPTS, and where something was stopped by the two above. A worker that must be in nobody's way says by give_way_to
 * when it is: then it, too, is an error here (gave_way tells it from others). is_wanted is asked within the engine's frames, a hundred
 * times a second at most: it must not raise errors.
 */
extern void vecpg_errors_check(void);
extern void vecpg_errors_give_way_to(bool (*is_wanted)(void));
extern bool vecpg_errors_gave_way(void);

#endif
