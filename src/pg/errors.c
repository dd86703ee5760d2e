/*
 * errors.c: turns the engine's status into SQLSTATE and words.
 */
#include "errors.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#define GIVE_WAY_MS 10

static bool (*is_wanted_by_others)(void); /* NULL: in an ordinary session */
static TimestampTz asked_at;
static bool gave_way;

static int
sqlstate_of(VecStatus status)
{
    switch (status) {
        case VEC_NO_MEMORY:
            return ERRCODE_OUT_OF_MEMORY;
        case VEC_NO_SPACE:
            return ERRCODE_DISK_FULL;
        case VEC_IO:
        case VEC_NOT_FOUND:
            return ERRCODE_IO_ERROR;
        case VEC_CORRUPT:
            return ERRCODE_INDEX_CORRUPTED;
        case VEC_BUSY:
            return ERRCODE_OBJECT_IN_USE;
        case VEC_INVALID:
            return ERRCODE_INVALID_PARAMETER_VALUE;
        case VEC_OK:
        case VEC_INTERRUPTED:
            break;
    }
    return ERRCODE_INTERNAL_ERROR;
}

void
vecpg_errors_report(int level, VecStatus status, const VecError *error)
{
    if (status == VEC_INTERRUPTED) {
        vecpg_errors_check();
        return;
    }
    /* The engine's messages are in English and name files and values; they are not translated. */
    ereport(level, (errcode(sqlstate_of(status)), errmsg_internal("%s", error->message)));
}

/* Whether somebody needs what this process holds; once asked and true, it stays true. */
static bool
must_give_way(void)
{
    TimestampTz now;

    if (is_wanted_by_others == NULL || gave_way)
        return gave_way;
    now = GetCurrentTimestamp();
    if (!TimestampDifferenceExceeds(asked_at, now, GIVE_WAY_MS))
        return false;
    asked_at = now;
    return gave_way = is_wanted_by_others();
}

void
vecpg_errors_give_way_to(bool (*is_wanted)(void))
{
    is_wanted_by_others = is_wanted;
}

bool
vecpg_errors_gave_way(void)
{
    return gave_way;
}

void
vecpg_errors_check(void)
{
    CHECK_FOR_INTERRUPTS();
    if (must_give_way())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("somebody else wants the database")));
}

bool
vecpg_errors_should_stop(void *context, uint64_t rows_done, uint64_t rows_total)
{
    return InterruptPending || must_give_way();
}

bool
vecpg_errors_should_cancel(void *context, uint64_t rows_done, uint64_t rows_total)
{
    return QueryCancelPending || ProcDiePending || must_give_way();
}

ErrorData *
vecpg_errors_try(void (*action)(void *), void *argument)
{
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    ErrorData *volatile error = NULL;

    BeginInternalSubTransaction(NULL);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        action(argument);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return error;
}

bool
vecpg_errors_is_damage(const ErrorData *error)
{
    int class = ERRCODE_TO_CATEGORY(error->sqlerrcode);

    return class == ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR) ||
           class == ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR);
}

bool
vecpg_errors_is_of_object(const ErrorData *error)
{
    int class = ERRCODE_TO_CATEGORY(error->sqlerrcode);

    return class != ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) &&
           class != ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES);
}
