/*
 * worker_connected.c: the worker that is connected to the database: short transactions, each for some thousand rows.
 *
 * It must be in nobody's way. It locks the index only if it gets the lock at once, mostly for less than a second; it holds no
 * snapshot; and before each transaction, and wherever it could be cancelled, it asks whether somebody wants to drop or copy the
 * database, which fails after five seconds as long as anybody is connected: some transactions take longer than that, such as one
 * that verifies a large segment, or writes the codes of one. Then it goes: whoever needs its work will notice again.
 */
#include "worker.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "compat.h"
#include "errors.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* CREATE DATABASE … TEMPLATE and DROP DATABASE hold a lock of the database that this one conflicts with. */
static bool
database_is_wanted(void)
{
    LOCKTAG tag;

    SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
    if (LockAcquire(&tag, RowExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
        return true;
    LockRelease(&tag, RowExclusiveLock, false);
    return false;
}

/* The same in the midst of the engine, whose frames no error may cross: if it cannot be known, they do. */
static bool
database_is_wanted_safely(void)
{
    MemoryContext context = CurrentMemoryContext;
    volatile bool wanted = true;

    if (!IsTransactionState())
        return false;
    PG_TRY();
    {
        wanted = database_is_wanted();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        FlushErrorState();
    }
    PG_END_TRY();
    return wanted;
}

/* The index, locked, if it is still the one that the order means; NULL if it is not, or if somebody else wants it. */
static Relation
open_ordered(const VecpgWorkerOrder *order)
{
    Relation index;

    if (!ConditionalLockRelationOid(order->index, AccessShareLock))
        return NULL;
    index = try_relation_open(order->index, NoLock);
    if (index == NULL) {
        UnlockRelationOid(order->index, AccessShareLock);
        return NULL;
    }
    if (index->rd_rel->relkind == RELKIND_INDEX && index->rd_indam->ambuild == vecpg_am_build &&
        index->rd_index->indislive && vecpg_relation_file(index) == order->file)
        return index;
    relation_close(index, AccessShareLock);
    return NULL;
}

static void
note_rest(Relation index, VecpgWorkMode mode)
{
    VecControl *control = vecpg_store_control(index);

    if (control != NULL && mode == VECPG_WORK_IDLE)
        vec_control_counter_write(control, VECPG_COUNTER_IDLE_STATE,
                                  vec_control_counter_read(control, VECPG_COUNTER_STATE));
}

/* What a worker works on, in one transaction after the other. */
typedef struct VecpgWorkerState {
    VecpgPause pause; /* first, so that a pause can find its state */
    const VecpgWorkerOrder *order;
} VecpgWorkerState;

/* Opens the index in a new transaction. False: somebody wants it, or the database, or it is gone. */
static bool
begin(VecpgWorkerState *state)
{
    StartTransactionCommand();
    state->pause.index = database_is_wanted() ? NULL : open_ordered(state->order);
    InvalidateCatalogSnapshot(); /* else VACUUM could not remove what died since we opened the index */
    return state->pause.index != NULL;
}

static void
end(VecpgWorkerState *state)
{
    if (state->pause.index != NULL)
        relation_close(state->pause.index, AccessShareLock);
    state->pause.index = NULL;
    CommitTransactionCommand();
}

static bool
pause_between(VecpgPause *pause)
{
    VecpgWorkerState *state = (VecpgWorkerState *)pause;
    MemoryContext context = CurrentMemoryContext;
    bool found;

    end(state);
    CHECK_FOR_INTERRUPTS();
    found = begin(state);
    MemoryContextSwitchTo(context);
    return found;
}

static VecpgWorkOutcome
do_step(const VecpgWorkerOrder *order)
{
    VecpgWorkerState state = {.pause = {.pause = pause_between}, .order = order};
    volatile VecpgWorkOutcome outcome = VECPG_WORK_REST;

    if (begin(&state)) {
        MemoryContextSwitchTo(TopMemoryContext); /* the step may outlive this transaction */
        PG_TRY();
        {
            VecpgWork work = {.index = state.pause.index, .mode = order->mode, .pause = &state.pause};

            work.merges = vecpg_worker_can_merge(work.index) ? VECPG_MERGES_PLANNED : VECPG_MERGES_LEFT;
            outcome = vecpg_work_step(&work);
        }
        PG_CATCH();
        {
            if (!vecpg_errors_gave_way()) {
                if (!ProcDiePending && geterrcode() != ERRCODE_QUERY_CANCELED && state.pause.index != NULL)
                    vecpg_store_note_failure(state.pause.index);
                PG_RE_THROW();
            }
            FlushErrorState();
        }
        PG_END_TRY();
        if (vecpg_errors_gave_way()) {
            AbortCurrentTransaction();
            return VECPG_WORK_REST;
        }
        if (outcome == VECPG_WORK_REST)
            note_rest(state.pause.index, order->mode);
    }
    end(&state);
    return outcome;
}

/* The server has no slot for a merger. */
static void
give_up_plan(const VecpgWorkerOrder *order)
{
    VecControl *control = NULL;
    char directory[MAXPGPATH];
    VecError error;

    vecpg_worker_order_directory(order, directory, sizeof(directory));
    if (vec_control_open(directory, false, &vec_allocator_default, &control, &error) != VEC_OK)
        return;
    vec_control_counter_write(control, VECPG_COUNTER_PLANNED_AT, 0);
    vec_control_counter_write(control, VECPG_COUNTER_NO_MERGER_AT, GetCurrentTimestamp());
    vec_control_close(control);
}

void
vectors_worker_main(Datum argument)
{
    VecpgWorkerOrder order;
    VecpgWorkOutcome outcome;

    memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
    if (!vecpg_worker_take_place(false))
        return;
    BackgroundWorkerInitializeConnectionByOid(order.database, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
    vecpg_no_transaction_timeout();
    vecpg_errors_give_way_to(database_is_wanted_safely);
    /* Nobody vacuums or builds an index on a standby: what replay dropped goes before more is written. */
    if (RecoveryInProgress())
        vecpg_store_sweep();
    do {
        CHECK_FOR_INTERRUPTS();
        pgstat_report_activity(STATE_RUNNING, "building segments of a vectors index");
        outcome = do_step(&order);
        pgstat_report_activity(STATE_IDLE, NULL);
    } while (outcome == VECPG_WORK_DONE);
    vecpg_worker_release_place();
    if (outcome == VECPG_WORK_PLANNED &&
        !vecpg_worker_launch(&order, VECPG_MERGER_NAME, "vectors_merger_main", 0))
        give_up_plan(&order);
}
