/*
 * errors.c: turns the engine's status into SQLSTATE and words.
 */
#include "errors.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

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
        CHECK_FOR_INTERRUPTS();
        return;
    }
    /* The engine's messages are in English and name files and values; they are not translated. */
    ereport(level, (errcode(sqlstate_of(status)), errmsg_internal("%s", error->message)));
}

bool
vecpg_errors_should_stop(void *context, uint64_t rows_done, uint64_t rows_total)
{
    return InterruptPending;
}

bool
vecpg_errors_should_cancel(void *context, uint64_t rows_done, uint64_t rows_total)
{
    return QueryCancelPending || ProcDiePending;
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
