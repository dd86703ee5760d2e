/*
 * verify.c: vectors_verify(): whether an index is what it must be: its log, its segments, and that both tell of the same rows.
 *
 * Segments are opened before the log is read: a row that is alive in the log then was alive when each of these segments was
 * built, so it must be in the one that covers its position. Rows that a segment has beyond those must be in the log, too,
 * dead, unless their page is gone.
 *
 * On a primary ShareUpdateExclusiveLock holds VACUUM off; rows may be appended, which is no harm. A standby cannot lock
 * replay out: what looks wrong is looked at again, and told of only if it stays.
 */
#include "verify.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xlog.h"
#include "administration.h"
#include "errors.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "store.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* More are counted, not listed: a file of noise has one in each page. */
#define PROBLEMS_MAX 1000

/* On a standby: what is seen so many times in a row is wrong. */
#define STANDBY_ROUNDS 3

/* A row that no code stands for. */
typedef struct VecpgException {
    VecRowId id;
    VecRowKind kind;
} VecpgException;

struct VecpgSegmentCursor {
    VecSegmentInfo info;
    bool is_readable;
    uint64 row_next; /* of those with codes, which ascend */
    VecpgException *exceptions;
    uint64 exception_count;
    uint64 exception_next;
    uint64 page_number; /* the page that was last shown, and how many rows begin on it */
    uint16 page_slots;
};

PG_FUNCTION_INFO_V1(vectors_verify);

void
vecpg_verify_problem(VecpgVerify *verify, const char *object, const char *format, ...)
{
    MemoryContext old_context = MemoryContextSwitchTo(verify->context);
    VecpgProblem *problem;
    char text[1024];
    va_list arguments;

    if (list_length(verify->problems) < PROBLEMS_MAX) {
        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        problem = palloc(sizeof(VecpgProblem));
        problem->object = pstrdup(object);
        problem->text = pstrdup(text);
        verify->problems = lappend(verify->problems, problem);
    } else
        verify->unlisted++;
    MemoryContextSwitchTo(old_context);
}

bool
vecpg_verify_try(VecpgVerify *verify, const char *object, void (*action)(void *), void *argument)
{
    ErrorData *error = vecpg_errors_try(action, argument);

    if (error == NULL)
        return true;
    if (!vecpg_errors_is_damage(error))
        ReThrowError(error);
    vecpg_verify_problem(verify, object, "%s", error->message);
    FreeErrorData(error);
    return false;
}

/* ---- segments and log, row by row ---- */

/* A segment's next row, without going on to the one after it. False: there is none. */
static bool
cursor_peek(VecpgVerify *verify, VecpgSegmentCursor *cursor, uint32 segment, VecRowId *id, VecRowKind *kind)
{
    bool has_exception = cursor->exception_next < cursor->exception_count;
    VecError error;

    if (!cursor->is_readable)
        return false;
    if (cursor->row_next < cursor->info.rows_coded) {
        if (vec_index_row(verify->segments, segment, cursor->row_next, id, kind, &error) != VEC_OK) {
            vecpg_verify_problem(verify, cursor->info.file_name, "%s", error.message);
            cursor->is_readable = false;
            return false;
        }
        if (!has_exception || id->position <= cursor->exceptions[cursor->exception_next].id.position)
            return true;
    } else if (!has_exception)
        return false;
    *id = cursor->exceptions[cursor->exception_next].id;
    *kind = cursor->exceptions[cursor->exception_next].kind;
    return true;
}

static void
cursor_step(VecpgSegmentCursor *cursor, VecRowKind kind)
{
    if (kind == VEC_ROW_CODED)
        cursor->row_next++;
    else
        cursor->exception_next++;
}

static void
problem_of_row(VecpgVerify *verify, const VecpgSegmentCursor *cursor, uint64 position, const char *what)
{
    vecpg_verify_problem(verify, cursor->info.file_name, "row " UINT64_FORMAT ".%u %s",
                         VecpgPositionPage(position), VecpgPositionSlot(position), what);
}

/* Passes over rows before the position: no row of the log has theirs, so their page must be gone, or damaged itself. */
static void
cursor_skip(VecpgVerify *verify, VecpgSegmentCursor *cursor, uint32 segment, uint64 position)
{
    VecRowId id;
    VecRowKind kind;

    for (uint64 skipped = 0; cursor_peek(verify, cursor, segment, &id, &kind) && id.position < position;
         skipped++) {
        if (skipped % 1024 == 0)
            CHECK_FOR_INTERRUPTS();
        if (VecpgPositionPage(id.position) == cursor->page_number &&
            VecpgPositionSlot(id.position) >= cursor->page_slots)
            problem_of_row(verify, cursor, id.position, "is not in the log");
        cursor_step(cursor, kind);
    }
}

/* The segment that covers the position; -1: none. They ascend. */
static int
segment_of(const VecpgVerify *verify, uint64 position)
{
    int first = 0;
    int end = verify->segments ? (int)vec_index_segment_count(verify->segments) : 0;

    while (first < end) {
        int middle = first + (end - first) / 2;
        const VecStamp *stamp = &verify->cursors[middle].info.stamp;

        if (position < stamp->position_from)
            end = middle;
        else if (position >= stamp->position_to)
            first = middle + 1;
        else
            return middle;
    }
    return -1;
}

void
vecpg_verify_row(VecpgVerify *verify, uint64 position, const ItemPointerData *tid, bool is_null, bool is_dead)
{
    int segment = segment_of(verify, position);
    VecpgSegmentCursor *cursor = segment < 0 ? NULL : &verify->cursors[segment];
    bool found = false;
    VecRowId id;
    VecRowKind kind;

    if (cursor == NULL || !cursor->is_readable)
        return;
    cursor_skip(verify, cursor, segment, position);
    while (cursor_peek(verify, cursor, segment, &id, &kind) && id.position == position) {
        if (found)
            problem_of_row(verify, cursor, position, "stands there twice");
        else if (memcmp(id.tid, tid, VEC_TID_BYTES) != 0)
            problem_of_row(verify, cursor, position, "names another row of the table than the log");
        else if ((kind == VEC_ROW_NULL) != is_null)
            problem_of_row(verify, cursor, position, "is NULL in one of segment and log alone");
        found = true;
        cursor_step(cursor, kind);
    }
    if (!found && !is_dead && cursor->is_readable)
        problem_of_row(verify, cursor, position, "is missing, and the log says that it is not dead");
}

void
vecpg_verify_page(VecpgVerify *verify, uint64 page_number, uint16 slot_count)
{
    uint32 count = verify->segments ? vec_index_segment_count(verify->segments) : 0;

    /* A page belongs to two segments at most, where the first ends in it. */
    for (uint32 i = 0; i < count; i++) {
        VecpgSegmentCursor *cursor = &verify->cursors[i];

        if (VecpgPositionPage(cursor->info.stamp.position_from) > page_number)
            break;
        if (VecpgPositionPage(cursor->info.stamp.position_to) < page_number)
            continue;
        cursor_skip(verify, cursor, i, VecpgPositionMake(page_number, 0));
        cursor->page_number = page_number;
        cursor->page_slots = slot_count;
    }
}

/* After the log's last page: what the segments have beyond it. */
static void
finish_cursors(VecpgVerify *verify)
{
    uint32 count = verify->segments ? vec_index_segment_count(verify->segments) : 0;
    uint64 end = VecpgPositionMake(verify->meta.tail_page_number + 1, 0);
    VecRowId id;
    VecRowKind kind;

    for (uint32 i = 0; i < count; i++) {
        VecpgSegmentCursor *cursor = &verify->cursors[i];

        if (cursor->info.stamp.position_to > end)
            vecpg_verify_problem(verify, cursor->info.file_name,
                                 "covers positions that the log does not have");
        cursor_skip(verify, cursor, i, end);
        if (cursor_peek(verify, cursor, i, &id, &kind))
            problem_of_row(verify, cursor, id.position, "is behind the end of the log");
    }
}

static int
compare_exceptions(const void *a, const void *b)
{
    uint64 left = ((const VecpgException *)a)->id.position;
    uint64 right = ((const VecpgException *)b)->id.position;

    return (left > right) - (left < right);
}

static void
cursor_begin(VecpgVerify *verify, VecpgSegmentCursor *cursor, uint32 segment)
{
    VecError error;

    cursor->is_readable = true;
    cursor->page_number = PG_UINT64_MAX;
    cursor->exception_count = cursor->info.rows_exact + cursor->info.rows_null;
    cursor->exceptions =
        MemoryContextAllocHuge(CurrentMemoryContext, (cursor->exception_count + 1) * sizeof(VecpgException));
    for (uint64 i = 0; i < cursor->exception_count; i++) {
        VecpgException *exception = &cursor->exceptions[i];

        if (i % 1024 == 0)
            CHECK_FOR_INTERRUPTS();
        if (vec_index_row(verify->segments, segment, cursor->info.rows_coded + i, &exception->id,
                          &exception->kind, &error) != VEC_OK) {
            vecpg_verify_problem(verify, cursor->info.file_name, "%s", error.message);
            cursor->is_readable = false;
            return;
        }
    }
    qsort(cursor->exceptions, cursor->exception_count, sizeof(VecpgException), compare_exceptions);
}

/* ---- segments ---- */

/*
 * Graph, codes' places and row numbers of one segment; its checksums were computed when it was opened. That a part of the graph cannot
 * be reached from the entry is no fault: rows that are all alike make islands, and searches come to them in the end.
 */
static bool
check_segment(VecpgVerify *verify, const VecSegmentInfo *info, uint32 segment)
{
    VecError error;
    VecStatus status;

    while ((status = vec_index_validate(verify->segments, segment, vecpg_errors_should_cancel, NULL, NULL,
                                        &error)) == VEC_INTERRUPTED)
        CHECK_FOR_INTERRUPTS();
    if (status == VEC_CORRUPT) {
        vecpg_verify_problem(verify, info->file_name, "%s", error.message);
        return false;
    }
    if (status != VEC_OK)
        vecpg_errors_report(ERROR, status, &error);
    return true;
}

/* Opens the segments, with all checksums, and tells of those that cannot be used. */
static void
open_segments(VecpgVerify *verify, VecControl *control)
{
    bool is_corrupt = false;
    VecError error;
    VecStatus status =
        vecpg_store_open_verifying(verify->index, &verify->meta, control, &verify->segments, &error);

    if (status != VEC_OK)
        vecpg_errors_report(ERROR, status, &error);
    for (uint32 i = 0; i < vec_index_problem_count(verify->segments); i++) {
        const VecProblem *problem = vec_index_problem(verify->segments, i);

        if (problem->kind == VEC_PROBLEM_PENDING)
            continue;
        vecpg_verify_problem(verify, problem->file_name, "%s", problem->message);
        is_corrupt = is_corrupt || problem->kind == VEC_PROBLEM_CORRUPT;
    }
    if (is_corrupt) /* those who opened the file when it was sound must look again */
        vec_control_distrust(control);
}

static void
check_segments(VecpgVerify *verify, VecControl *control)
{
    uint32 count;

    open_segments(verify, control);
    count = vec_index_segment_count(verify->segments);
    verify->cursors = palloc0(sizeof(VecpgSegmentCursor) * (count + 1));
    for (uint32 i = 0; i < count; i++) {
        VecpgSegmentCursor *cursor = &verify->cursors[i];

        vec_index_segment_info(verify->segments, i, &cursor->info);
        if (check_segment(verify, &cursor->info, i))
            cursor_begin(verify, cursor, i);
    }
}

/* NULL: there are no segments. A damaged control file is a problem, and then nobody uses the segments. */
static VecControl *
open_control(VecpgVerify *verify)
{
    char directory[MAXPGPATH];
    VecControl *control = NULL;
    VecError error;
    VecStatus status;

    if (verify->meta.instance_nonce == 0 || verify->index->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
        return NULL;
    vecpg_store_directory(verify->index, directory, sizeof(directory));
    status = vec_control_open(directory, false, &vec_allocator_default, &control, &error);
    if (status == VEC_OK)
        return control;
    if (status == VEC_NO_MEMORY)
        vecpg_errors_report(ERROR, status, &error);
    if (status != VEC_NOT_FOUND)
        vecpg_verify_problem(verify, VEC_CONTROL_NAME, "%s", error.message);
    return NULL;
}

/* ---- the function ---- */

/* Opens what must be closed again. Not inlined beside the setjmp of its caller, which the compiler then suspects. */
static pg_noinline void
verify_opening(VecpgVerify *verify, VecControl *volatile *control)
{
    if (!vecpg_verify_meta(verify))
        return;
    *control = open_control(verify);
    if (*control != NULL)
        check_segments(verify, *control);
    vecpg_verify_log(verify);
    finish_cursors(verify);
}

/* Looks at everything once. */
static void
verify_once(VecpgVerify *verify)
{
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "vectors verify", ALLOCSET_DEFAULT_SIZES);
    MemoryContext old_context = MemoryContextSwitchTo(context);
    VecControl *volatile control = NULL;

    verify->problems = NIL;
    verify->unlisted = 0;
    verify->segments = NULL;
    PG_TRY();
    {
        verify_opening(verify, &control);
    }
    PG_FINALLY();
    {
        vec_index_close(verify->segments);
        verify->segments = NULL;
        vec_control_close(control);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(old_context);
    MemoryContextDelete(context);
}

static bool
is_among(const VecpgProblem *problem, List *problems)
{
    ListCell *cell;

    foreach (cell, problems) {
        const VecpgProblem *other = lfirst(cell);

        if (strcmp(problem->object, other->object) == 0 && strcmp(problem->text, other->text) == 0)
            return true;
    }
    return false;
}

/* Replay goes on while a standby looks: what is wrong stays wrong. */
static void
verify_on_standby(VecpgVerify *verify)
{
    for (int round = 0; round < STANDBY_ROUNDS; round++) {
        List *before = verify->problems;
        ListCell *cell;

        verify_once(verify);
        if (round > 0)
            foreach (cell, verify->problems)
                if (!is_among(lfirst(cell), before))
                    verify->problems = foreach_delete_current(verify->problems, cell);
        if (verify->problems == NIL)
            return;
    }
}

Datum
vectors_verify(PG_FUNCTION_ARGS)
{
    ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;
    VecpgVerify verify = {.context = CurrentMemoryContext};
    LOCKMODE lock_mode = RecoveryInProgress() ? AccessShareLock : ShareUpdateExclusiveLock;
    Relation heap;
    ListCell *cell;

    InitMaterializedSRF(fcinfo, 0);
    verify.index = vecpg_administration_open(PG_GETARG_OID(0), &heap, lock_mode, lock_mode);
    if (RecoveryInProgress())
        verify_on_standby(&verify);
    else
        verify_once(&verify);
    if (verify.unlisted > 0) {
        VecpgProblem *last = llast(verify.problems);

        last->object = pstrdup(RelationGetRelationName(verify.index));
        last->text = psprintf("there are " UINT64_FORMAT " problems more", verify.unlisted + 1);
    }
    foreach (cell, verify.problems) {
        const VecpgProblem *problem = lfirst(cell);
        Datum values[2] = {CStringGetTextDatum(problem->object), CStringGetTextDatum(problem->text)};
        bool is_null[2] = {false, false};

        tuplestore_putvalues(result->setResult, result->setDesc, values, is_null);
    }
    index_close(verify.index, NoLock);
    table_close(heap, NoLock);
    return (Datum)0;
}
