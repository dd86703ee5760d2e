/*
 * am_build.c: CREATE INDEX and REINDEX: the table's rows go to the log with whole pages, then segments are built from it.
 */
#include "am.h"

#include "access/generic_xlog.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "column.h"
#include "compat.h"
#include "keys.h"
#include "log.h"
#include "options.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "progress.h"
#include "store.h"
#include "utils/memutils.h"
#include "vectors/stop_point.h"

typedef struct VecpgBuildState {
    VecpgColumn column;
    VecpgKeyLayout keys;
    MemoryContext row_context; /* reset after each row */
    double row_count;
} VecpgBuildState;

static void
build_row(Relation index, ItemPointer tid, Datum *values, bool *is_null, bool tuple_is_alive, void *opaque)
{
    VecpgBuildState *state = opaque;
    MemoryContext old_context = MemoryContextSwitchTo(state->row_context);
    VecpgLogEntry entry = {.tid = *tid, .is_null = is_null[0]};

    if (!is_null[0]) {
        VecpgVectorBytes vector = vecpg_column_datum(&state->column, values[0]);

        entry.vector = vector.elements;
        entry.vector_bytes = vector.bytes;
    }
    if (state->keys.column_count > 0)
        entry.attributes = vecpg_keys_encode(index, &state->keys, values, is_null);
    vecpg_log_append(index, &entry, false);
    MemoryContextSwitchTo(old_context);
    MemoryContextReset(state->row_context);
    state->row_count++;
}

static uint64
new_instance_nonce(void)
{
    uint64 nonce;

    do {
        if (!pg_strong_random(&nonce, sizeof(nonce)))
            ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random number")));
    } while (nonce == 0);
    return nonce;
}

/* Segments over all rows, unless the index is temporary: its pages are this backend's alone. */
static void
build_segments(Relation index)
{
    VecpgLogReader *reader = vecpg_log_reader_open(index, NULL);
    uint64 end = vecpg_log_reader_end(reader);

    vecpg_log_reader_close(reader);
    if (index->rd_rel->relpersistence != RELPERSISTENCE_TEMP && end > 0 &&
        vecpg_store_build_all(index, end) == VECPG_BUILD_BUSY)
        ereport(WARNING,
                (errcode(ERRCODE_OBJECT_IN_USE),
                 errmsg("no segment was built for index \"%s\": another process writes its directory",
                        RelationGetRelationName(index))));
}

static void
shape_from_catalog(Relation index, VecpgColumn *column, VecpgLogShape *shape)
{
    vecpg_column_from_catalog(index, column);
    if (column->dimensions == 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_TABLE_DEFINITION),
                 errmsg("column \"%s\" does not have dimensions",
                        NameStr(TupleDescAttr(RelationGetDescr(index), 0)->attname)),
                 errhint("Give its type a number of dimensions, such as vector(384), or index an expression "
                         "with a cast to such a type.")));
    vecpg_column_shape(column, shape);
    vecpg_keys_layout(index, &shape->keys);
    shape->attribute_bytes = vecpg_keys_bytes(&shape->keys);
}

/*
 * Whoever builds a valid index anew, by REINDEX, TRUNCATE or VACUUM FULL, gets it, whatever an ALTER INDEX made of its options. (REINDEX CONCURRENTLY
 * makes another, which is an error, and the old one stays.)
 */
static void
check_options(Relation index)
{
    bool is_new = index->rd_createSubid != InvalidSubTransactionId || !index->rd_index->indisvalid;
    VecIndexOptions options;
    const char *why;

    vecpg_options_read(index, &options);
    why = vecpg_options_unsuitable(index, &options);
    if (why != NULL)
        ereport(is_new ? ERROR : WARNING, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", why),
                                           is_new ? 0 : errdetail("The index is built with hnsw.")));
}

IndexBuildResult *
vecpg_am_build(Relation heap, Relation index, IndexInfo *index_info)
{
    IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
    VecpgBuildState state = {.row_count = 0};
    VecpgLogShape shape;

    if (RelationGetNumberOfBlocks(index) != 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                        errmsg("index \"%s\" already contains data", RelationGetRelationName(index))));
    if (index_info->ii_ExclusionOps != NULL)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("access method \"vectors\" does not support exclusion constraints")));
    shape_from_catalog(index, &state.column, &shape);
    state.keys = shape.keys;
    check_options(index);
    if (index->rd_rel->relpersistence != RELPERSISTENCE_TEMP)
        vecpg_store_sweep();
    if (index->rd_amcache != NULL) { /* of the same relation before a TRUNCATE in place */
        pfree(index->rd_amcache);
        index->rd_amcache = NULL;
    }
    vecpg_log_create(index, MAIN_FORKNUM, &shape, new_instance_nonce());
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, VECPG_PHASE_LOG);
    state.row_context =
        AllocSetContextCreate(CurrentMemoryContext, "vectors build row", ALLOCSET_DEFAULT_SIZES);
    result->heap_tuples =
        table_index_build_scan(heap, index, index_info, true, true, build_row, &state, NULL);
    result->index_tuples = state.row_count;
    MemoryContextDelete(state.row_context);
    if (RelationNeedsWAL(index))
        log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
    vec_stop_point("index-before-segment");
    build_segments(index);
    vec_stop_point("index-built");
    return result;
}

void
vecpg_am_build_empty(Relation index)
{
    VecpgColumn column;
    VecpgLogShape shape;

    shape_from_catalog(index, &column, &shape);
    /* Nonce 0: each crash resets the index to this fork, and what segments it had are another instance's then. */
    vecpg_log_create(index, INIT_FORKNUM, &shape, 0);
}

char *
vecpg_am_build_phase_name(int64 phase)
{
    switch (phase) {
        case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
            return "initializing";
        case VECPG_PHASE_LOG:
            return "writing rows to the log";
        case VECPG_PHASE_TRAIN:
            return "training codes";
        case VECPG_PHASE_ENCODE:
            return "encoding rows";
        case VECPG_PHASE_GRAPH:
            return "building the graph";
        case VECPG_PHASE_WRITE:
            return "writing the segment";
        default:
            return NULL;
    }
}
