/*
 * compat.h: what differs between the major versions of PostgreSQL; the only place that tests PG_VERSION_NUM.
 */
#ifndef VECPG_COMPAT_H
#define VECPG_COMPAT_H

#include "postgres.h"

/*
 * Soft errors (16 and later): an input function that was called with an ErrorSaveContext as its context stores the error there and
 * returns; otherwise, and always on 15, the error is thrown. The caller returns straight after it.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#define vecpg_errsave(context, ...) errsave(context, __VA_ARGS__)
#else
#define vecpg_errsave(context, ...) ereport(ERROR, __VA_ARGS__)
#endif

/* Which file a relation is: tablespace, database, number. */
#include "utils/rel.h"
#if PG_VERSION_NUM >= 160000
typedef RelFileLocator VecpgLocator;
#define vecpg_locator_tablespace(locator) ((locator).spcOid)
#define vecpg_locator_database(locator)   ((locator).dbOid)
#define vecpg_locator_file(locator)       ((locator).relNumber)
#define vecpg_relation_locator(relation)  ((relation)->rd_locator)
#define vecpg_buffer_tag_file(tag)        BufTagGetRelNumber(tag)
#else
typedef RelFileNode VecpgLocator;
#define vecpg_locator_tablespace(locator) ((locator).spcNode)
#define vecpg_locator_database(locator)   ((locator).dbNode)
#define vecpg_locator_file(locator)       ((locator).relNode)
#define vecpg_relation_locator(relation)  ((relation)->rd_node)
#define vecpg_buffer_tag_file(tag)        ((tag)->rnode.relNode)
#endif
#define vecpg_relation_tablespace(relation) vecpg_locator_tablespace(vecpg_relation_locator(relation))
#define vecpg_relation_database(relation)   vecpg_locator_database(vecpg_relation_locator(relation))
#define vecpg_relation_file(relation)       vecpg_locator_file(vecpg_relation_locator(relation))

/* The path of a relation's main fork below the data directory, and the relation that a file belongs to (InvalidOid: none). */
#include "common/relpath.h"
#if PG_VERSION_NUM >= 180000
#define vecpg_relation_path(path, bytes, database, tablespace, file)                                         \
    strlcpy(path, GetRelationPath(database, tablespace, file, INVALID_PROC_NUMBER, MAIN_FORKNUM).str, bytes)
#else
#define vecpg_relation_path(path, bytes, database, tablespace, file)                                         \
    strlcpy(path, GetRelationPath(database, tablespace, file, -1, MAIN_FORKNUM), bytes)
#endif
#if PG_VERSION_NUM >= 160000
#include "utils/relfilenumbermap.h"
#define vecpg_relation_by_file(tablespace, file) RelidByRelfilenumber(tablespace, file)
#else
#include "utils/relfilenodemap.h"
#define vecpg_relation_by_file(tablespace, file) RelidByRelfilenode(tablespace, file)
#endif

/* When the server's processes of now were started: the checkpointer's start; it ends with any other process that crashes. */
#include "utils/backend_status.h"
#include "utils/timestamp.h"
#if PG_VERSION_NUM >= 160000
#define vecpg_backend_by_index(index) pgstat_get_local_beentry_by_index(index)
#else
#define vecpg_backend_by_index(index) pgstat_fetch_stat_local_beentry(index)
#endif

static inline TimestampTz
vecpg_server_start(void)
{
    int count = pgstat_fetch_stat_numbackends();

    for (int i = 1; i <= count; i++) {
        LocalPgBackendStatus *backend = vecpg_backend_by_index(i);

        if (backend != NULL && backend->backendStatus.st_backendType == B_CHECKPOINTER)
            return backend->backendStatus.st_proc_start_timestamp;
    }
    return PgStartTime;
}

/* Does the role own the relation? */
#include "catalog/pg_class.h"
#include "utils/acl.h"
#if PG_VERSION_NUM >= 160000
#define vecpg_is_owner(relation, role) object_ownercheck(RelationRelationId, relation, role)
#else
#define vecpg_is_owner(relation, role) pg_class_ownercheck(relation, role)
#endif

/* Does a collation compare texts byte by byte? */
#include "utils/pg_locale.h"
#if PG_VERSION_NUM >= 180000
#define vecpg_collation_is_c(collation) (pg_newlocale_from_collation(collation)->collate_is_c)
#else
#define vecpg_collation_is_c(collation) lc_collate_is_c(collation)
#endif

/* From 18 a path is refused by a count that weighs more than any cost. */
#if PG_VERSION_NUM >= 180000
#define vecpg_path_disable(index_path) ((index_path)->path.disabled_nodes = 2)
#else
#define vecpg_path_disable(index_path) ((void)(index_path))
#endif

/* What takes an input in the order in which it comes: from 18 on sorted set operations, from 16 on aggregates of sorted or distinct values. */
#include "nodes/plannodes.h"
#if PG_VERSION_NUM >= 180000
#define vecpg_setop_takes_order(set) ((set)->strategy == SETOP_SORTED)
#else
#define vecpg_setop_takes_order(set) ((void)(set), false)
#endif
#if PG_VERSION_NUM >= 160000
#define vecpg_aggref_is_presorted(aggref) ((aggref)->aggpresorted)
#else
#define vecpg_aggref_is_presorted(aggref) ((void)(aggref), false)
#endif

/* From 18 a plan says how many below it were disabled. */
#if PG_VERSION_NUM >= 180000
#define vecpg_plan_disabled_like(plan, below) ((plan)->disabled_nodes = (below)->disabled_nodes)
#else
#define vecpg_plan_disabled_like(plan, below) ((void)0)
#endif

/* From 17 a set operation asks its sides for an order. */
#include "nodes/pathnodes.h"
static inline bool
vecpg_setop_wants_order(const PlannerInfo *root)
{
#if PG_VERSION_NUM >= 170000
    return root->setop_pathkeys != NIL;
#else
    (void)root;
    return false;
#endif
}

#if PG_VERSION_NUM >= 180000
#define vecpg_vacuum_delay_point() vacuum_delay_point(false)
#else
#define vecpg_vacuum_delay_point() vacuum_delay_point()
#endif

/* From 17 a database or role may bound transactions; a process of the server's own is not meant, and it would end at once. */
#include "utils/guc.h"
#if PG_VERSION_NUM >= 170000
#define vecpg_no_transaction_timeout() SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE)
#else
#define vecpg_no_transaction_timeout() ((void)0)
#endif

/* From 18 a scan takes what EXPLAIN counts. */
#if PG_VERSION_NUM >= 180000
#define vecpg_index_beginscan(heap, index, snapshot, keys, order_bys)                                        \
    index_beginscan(heap, index, snapshot, NULL, keys, order_bys)
#else
#define vecpg_index_beginscan index_beginscan
#endif

/* A search begins: for the statistics, and from 18 for EXPLAIN ANALYZE. */
#include "access/relscan.h"
#include "pgstat.h"
#if PG_VERSION_NUM >= 180000
#define vecpg_count_index_scan(scan)                                                                         \
    do {                                                                                                     \
        pgstat_count_index_scan((scan)->indexRelation);                                                      \
        if ((scan)->instrument != NULL)                                                                      \
            (scan)->instrument->nsearches++;                                                                 \
    } while (0)
#else
#define vecpg_count_index_scan(scan) pgstat_count_index_scan((scan)->indexRelation)
#endif

/* varatt.h left postgres.h in 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#endif
