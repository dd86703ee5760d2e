/*
 * administration.c: what administrators call by hand.
 */
#include "administration.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/genam.h"
#include "access/xlog.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "compat.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "store.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

PG_FUNCTION_INFO_V1(vectors_merge);
PG_FUNCTION_INFO_V1(vectors_prewarm);
PG_FUNCTION_INFO_V1(vectors_fence_vector_index);

/* Before any lock, so that a stranger cannot block the table. */
static void
check_owner(Oid index_oid)
{
    if (!vecpg_is_owner(index_oid, GetUserId()))
        aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(index_oid));
}

static void
check_reader(Oid heap_oid)
{
    AclResult result = pg_class_aclcheck(heap_oid, GetUserId(), ACL_SELECT);

    if (result != ACLCHECK_OK)
        aclcheck_error(result, OBJECT_TABLE, get_rel_name(heap_oid));
    if (check_enable_rls(heap_oid, InvalidOid, true) == RLS_ENABLED)
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                 errmsg("row-level security hides rows of table \"%s\" from you", get_rel_name(heap_oid))));
}

static Relation
open_index(Oid index_oid, Relation *heap, LOCKMODE heap_lock_mode, LOCKMODE lock_mode, bool is_owners)
{
    Oid heap_oid = IndexGetRelation(index_oid, true);
    Relation index;

    if (!OidIsValid(heap_oid)) {
        char *name = get_rel_name(index_oid);

        ereport(ERROR,
                name ? (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not an index", name))
                     : (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation %u does not exist", index_oid)));
    }
    if (get_rel_relkind(index_oid) != RELKIND_INDEX)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                        errmsg("\"%s\" is a partitioned index", get_rel_name(index_oid)),
                        errhint("Name the index of a partition.")));
    if (is_owners)
        check_owner(index_oid);
    else
        check_reader(heap_oid);
    *heap = table_open(heap_oid, heap_lock_mode);
    index = index_open(index_oid, lock_mode);
    if (index->rd_index->indrelid != heap_oid)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("index \"%s\" was dropped and created again meanwhile",
                               RelationGetRelationName(index))));
    if (index->rd_rel->relam != get_index_am_oid("vectors", false))
        ereport(ERROR,
                (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                 errmsg("\"%s\" is not an index of access method vectors", RelationGetRelationName(index))));
    if (!index->rd_index->indisready)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("index \"%s\" is not ready", RelationGetRelationName(index)),
                        errhint("REINDEX it, or drop it.")));
    if (RecoveryInProgress() && index->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot access temporary or unlogged relations during recovery")));
    if (RELATION_IS_OTHER_TEMP(index))
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("index \"%s\" is temporary and of another session", RelationGetRelationName(index))));
    return index;
}

Relation
vecpg_administration_open(Oid index_oid, Relation *heap, LOCKMODE heap_lock_mode, LOCKMODE lock_mode)
{
    return open_index(index_oid, heap, heap_lock_mode, lock_mode, true);
}

Relation
vecpg_administration_open_readable(Oid index_oid, Relation *heap)
{
    return open_index(index_oid, heap, AccessShareLock, AccessShareLock, false);
}

/* Reads a file to its end, so that the system has it in memory. A file that a merge has just removed has no bytes. */
static uint64
read_file(const char *path)
{
    Size buffer_bytes = 256 * 1024;
    char *buffer;
    uint64 bytes = 0;
    ssize_t count;
    int descriptor = OpenTransientFile(path, O_RDONLY | PG_BINARY);

    if (descriptor < 0 && errno == ENOENT)
        return 0;
    if (descriptor < 0)
        ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
    buffer = palloc(buffer_bytes);
    while ((count = read(descriptor, buffer, buffer_bytes)) > 0) {
        CHECK_FOR_INTERRUPTS();
        bytes += count;
    }
    if (count < 0)
        ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file \"%s\": %m", path)));
    pfree(buffer);
    CloseTransientFile(descriptor);
    return bytes;
}

static uint64
read_segments(Relation index)
{
    char directory[MAXPGPATH];
    VecpgLogMeta meta;
    VecpgSegments *segments;
    List *paths = NIL;
    ListCell *cell;
    uint64 bytes = 0;

    vecpg_store_directory(index, directory, sizeof(directory));
    vecpg_log_meta_read(index, &meta);
    segments = vecpg_store_acquire(index, &meta);
    for (uint32 i = 0; segments != NULL && i < vec_index_segment_count(vecpg_segments_index(segments)); i++) {
        VecSegmentInfo info;

        vec_index_segment_info(vecpg_segments_index(segments), i, &info);
        paths = lappend(paths, psprintf("%s/%s", directory, info.file_name));
    }
    vecpg_store_release(segments);
    foreach (cell, paths)
        bytes += read_file(lfirst(cell));
    return bytes;
}

/* Bytes read: the log into shared buffers, the segments into the system's cache, which their maps share. */
Datum
vectors_prewarm(PG_FUNCTION_ARGS)
{
    Relation heap;
    Relation index = vecpg_administration_open_readable(PG_GETARG_OID(0), &heap);
    BlockNumber blocks = RelationGetNumberOfBlocks(index);
    uint64 bytes = (uint64)blocks * BLCKSZ;

    for (BlockNumber block = 0; block < blocks; block++) {
        CHECK_FOR_INTERRUPTS();
        ReleaseBuffer(ReadBuffer(index, block));
    }
    bytes += read_segments(index);
    index_close(index, AccessShareLock);
    table_close(heap, AccessShareLock);
    PG_RETURN_INT64(bytes);
}

Datum
vectors_merge(PG_FUNCTION_ARGS)
{
    Relation heap;
    Relation index;
    VecpgWorkOutcome outcome;

    if (RecoveryInProgress())
        ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("recovery is in progress")));
    index = vecpg_administration_open(PG_GETARG_OID(0), &heap, ShareUpdateExclusiveLock,
                                      ShareUpdateExclusiveLock);
    vecpg_store_sweep();
    outcome = vecpg_work_wait(index, VECPG_WORK_ALL);
    index_close(index, NoLock);
    table_close(heap, NoLock);
    PG_RETURN_BOOL(outcome == VECPG_WORK_REST);
}

/* Does what no worker is at, and waits for what one is: so it needs none, on a standby too. */
Datum
vectors_fence_vector_index(PG_FUNCTION_ARGS)
{
    Relation heap;
    Relation index = vecpg_administration_open(PG_GETARG_OID(0), &heap, AccessShareLock, AccessShareLock);

    if (vecpg_work_wait(index, VECPG_WORK_IDLE) == VECPG_WORK_FAILED)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("index \"%s\" still has segments to build", RelationGetRelationName(index)),
                        errdetail("A warning before this says why they cannot be built."),
                        errhint("The index is complete; its searches scan the log, which is slower.")));
    index_close(index, NoLock);
    table_close(heap, NoLock);
    PG_RETURN_VOID();
}
