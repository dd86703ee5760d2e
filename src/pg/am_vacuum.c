/*
 * am_vacuum.c: VACUUM: dead bits, retired pages, and segments for rows that have none.
 *
 * TIDs come from the segments' arrays where there are segments, so that only the log pages that none covers are read.
 * The dead bits are set, and logged, before VACUUM makes a line pointer of the heap free for another row.
 */
#include "am.h"

#include "commands/vacuum.h"
#include "compat.h"
#include "fmgr.h"
#include "log.h"
#include "miscadmin.h"
#include "store.h"
#include "utils/rel.h"
#include "vectors/stop_point.h"
#include "worker.h"

/* Dead rows found and not yet marked. Eight bytes each: a million at a time. */
#define DEAD_BATCH_ROWS (1024 * 1024)

typedef struct VecpgDeleteState {
    Relation index;
    VecpgLogReader *reader;
    IndexBulkDeleteCallback callback;
    void *callback_state;
    IndexBulkDeleteResult *stats;
    uint64 *dead;
    size_t dead_count;
} VecpgDeleteState;

static int
compare_positions(const void *a, const void *b)
{
    uint64 left = *(const uint64 *)a;
    uint64 right = *(const uint64 *)b;

    return (left > right) - (left < right);
}

static void
mark_batch(VecpgDeleteState *state)
{
    qsort(state->dead, state->dead_count, sizeof(uint64), compare_positions);
    vecpg_log_mark_dead(state->index, state->dead, state->dead_count);
    state->dead_count = 0;
}

static void
visit_row(VecpgDeleteState *state, uint64 position, ItemPointer tid)
{
    if (!state->callback(tid, state->callback_state)) {
        state->stats->num_index_tuples++;
        return;
    }
    state->stats->tuples_removed++;
    state->dead[state->dead_count++] = position;
    if (state->dead_count == DEAD_BATCH_ROWS)
        mark_batch(state);
}

static void
visit_log(VecpgDeleteState *state, uint64 from, uint64 to)
{
    VecpgLogEntry entry;

    vecpg_log_reader_seek(state->reader, from, to);
    while (vecpg_log_reader_next(state->reader, &entry)) {
        vecpg_vacuum_delay_point();
        visit_row(state, entry.position, &entry.tid);
    }
}

/* Where the file turns out to be unreadable, the log says the same more slowly; a row may be visited twice then. */
static void
visit_segment(VecpgDeleteState *state, VecIndex *segments, uint32 segment)
{
    double tuples_before = state->stats->num_index_tuples;
    VecSegmentInfo info;
    uint64 rows;

    vec_index_segment_info(segments, segment, &info);
    rows = info.rows_coded + info.rows_exact + info.rows_null;
    for (uint64 row = 0; row < rows; row++) {
        VecRowId id;
        VecRowKind kind;
        ItemPointerData tid;
        VecError error;

        if (row % 1024 == 0)
            vecpg_vacuum_delay_point();
        if (vec_index_row(segments, segment, row, &id, &kind, &error) != VEC_OK) {
            vecpg_store_distrust(state->index, &error);
            mark_batch(state);
            state->stats->num_index_tuples = tuples_before;
            visit_log(state, info.stamp.position_from, info.stamp.position_to);
            return;
        }
        memcpy(&tid, id.tid, sizeof(tid));
        if (!vecpg_log_reader_is_dead(state->reader, id.position))
            visit_row(state, id.position, &tid);
    }
}

static void
visit_uncovered(VecpgDeleteState *state, VecpgSegments *segments)
{
    uint64 end = vecpg_log_reader_end(state->reader);
    uint64 from = 0;
    uint64 to;

    while (vecpg_segments_uncovered(segments, &from, &to, end)) {
        visit_log(state, from, to);
        from = to;
    }
}

IndexBulkDeleteResult *
vecpg_am_vacuum_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback,
                       void *callback_state)
{
    VecpgDeleteState state = {.index = info->index, .callback = callback, .callback_state = callback_state};
    VecpgLogMeta meta;
    VecpgSegments *segments;

    state.stats = stats ? stats : palloc0(sizeof(IndexBulkDeleteResult));
    state.stats->num_index_tuples = 0;
    state.dead = palloc(DEAD_BATCH_ROWS * sizeof(uint64));
    vecpg_log_meta_read(info->index, &meta);
    segments = vecpg_store_acquire(info->index, &meta);
    PG_TRY();
    {
        state.reader = vecpg_log_reader_open(info->index, info->strategy);
        if (segments != NULL)
            for (uint32 i = 0; i < vec_index_segment_count(vecpg_segments_index(segments)); i++)
                visit_segment(&state, vecpg_segments_index(segments), i);
        visit_uncovered(&state, segments);
        mark_batch(&state);
        vecpg_log_reader_close(state.reader);
    }
    PG_FINALLY();
    {
        vecpg_store_release(segments);
    }
    PG_END_TRY();
    pfree(state.dead);
    return state.stats;
}

/* Rows that are not dead, for reltuples, when no ambulkdelete counted them. */
static double
count_rows(IndexVacuumInfo *info)
{
    VecpgLogReader *reader = vecpg_log_reader_open(info->index, info->strategy);
    double rows = vecpg_log_reader_count_live(reader, 0, PG_UINT64_MAX);

    vecpg_log_reader_close(reader);
    return rows;
}

IndexBulkDeleteResult *
vecpg_am_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
    uint64 retired;

    if (info->analyze_only)
        return stats;
    if (stats == NULL) {
        stats = palloc0(sizeof(IndexBulkDeleteResult));
        stats->num_index_tuples = count_rows(info);
    }
    vec_stop_point("vacuum-before-retire");
    retired = vecpg_log_retire(info->index);
    vec_stop_point("vacuum-before-work");
    stats->pages_newly_deleted += retired;
    stats->pages_deleted += retired;
    stats->num_pages = RelationGetNumberOfBlocks(info->index);
    vecpg_store_sweep();
    if (vecpg_work_is_due(info->index, VECPG_WORK_DUE) &&
        !(vecpg_worker_can_merge(info->index) && vecpg_worker_request(info->index, VECPG_WORK_DUE)))
        vecpg_work_all(info->index, VECPG_WORK_DUE);
    return stats;
}
