/*
 * administration.c: what administrators call by hand.
 */
#include "administration.h"

#include "access/genam.h"
#include "access/xlog.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "compat.h"
#include "miscadmin.h"
#include "store.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(vectors_merge);
PG_FUNCTION_INFO_V1(vectors_fence_vector_index);

Relation
vecpg_administration_open(Oid index_oid, Relation *heap, LOCKMODE lock_mode)
{
    Oid heap_oid = IndexGetRelation(index_oid, true);
    Relation index;

    if (!OidIsValid(heap_oid)) {
        char *name = get_rel_name(index_oid);

        ereport(ERROR,
                (errcode(ERRCODE_WRONG_OBJECT_TYPE), name ? errmsg("\"%s\" is not an index", name)
                                                          : errmsg("relation %u does not exist", index_oid)));
    }
    if (get_rel_relkind(index_oid) != RELKIND_INDEX)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                        errmsg("\"%s\" is a partitioned index", get_rel_name(index_oid)),
                        errhint("Name the index of a partition.")));
    if (!vecpg_is_owner(index_oid,
                        GetUserId())) /* before any lock, so that a stranger cannot block the table */
        aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(index_oid));
    *heap = table_open(heap_oid, lock_mode);
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
    if (RELATION_IS_OTHER_TEMP(index))
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("index \"%s\" is temporary and of another session", RelationGetRelationName(index))));
    return index;
}

Datum
vectors_merge(PG_FUNCTION_ARGS)
{
    Relation heap;
    Relation index;
    VecpgWorkOutcome outcome;

    if (RecoveryInProgress())
        ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("recovery is in progress")));
    index = vecpg_administration_open(PG_GETARG_OID(0), &heap, ShareUpdateExclusiveLock);
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
    Relation index = vecpg_administration_open(PG_GETARG_OID(0), &heap, AccessShareLock);

    if (vecpg_work_wait(index, VECPG_WORK_IDLE) == VECPG_WORK_FAILED)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("index \"%s\" still has segments to build", RelationGetRelationName(index)),
                        errdetail("A warning before this says why they cannot be built."),
                        errhint("The index is complete; its searches scan the log, which is slower.")));
    index_close(index, NoLock);
    table_close(heap, NoLock);
    PG_RETURN_VOID();
}
