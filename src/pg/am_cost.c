/*
 * am_cost.c: what a scan costs, so that the planner chooses it for ORDER BY distance LIMIT k and leaves it when a filter is
 * so selective that sorting the few rows exactly is cheaper.
 *
 * startup: finding the first ef_search candidates in the graph, and the exact scan of rows that no segment covers.
 * total:   every row reranked, each with a page of the log. PostgreSQL interpolates between the two by the share of rows that
 *          a LIMIT, with the selectivity of the other conditions, is going to fetch. In a range: the rows of the range, and the rounds
 *          of the search in which they are found and which then find no more.
 */
#include "am.h"

#include <math.h>

#include "access/genam.h"
#include "column.h"
#include "compat.h"
#include "filter_plan.h"
#include "guc.h"
#include "log.h"
#include "optimizer/optimizer.h"
#include "planner.h"
#include "store.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/float.h"

/* An exact distance costs one operator for each so many bytes of the vector: 384 floats are 40 ns, an operator is about 5. */
#define BYTES_PER_OPERATOR 192.0
/*
 * The unit of the engine's work is a row of a scan over codes: one operator, and another for each so many bytes of the vector (codes
 * are a fourth of it as a rule). In such rows: a step of a walk, and what a step costs more where rows that do not match are
 * passed, by the root of the part that match; any row of a walk that visits all; a look at a row's keys. As measured for
 * the engine's own choice between scan and walk (engine/probe_selected.c).
 */
#define CODED_BYTES_PER_OPERATOR 1600.0
#define STEP_ROWS                70.0
#define STEP_ROWS_PASSED         7.0
#define VISIT_ROWS               7.0
#define LOOK_ROWS                0.02
/*
 * For each row that it gives a scan reads a page of the log besides the heap's. That counts as PostgreSQL counts heap pages: both
 * are in memory or neither is, and a plan that reads one page for a row must not look dearer than this one, which reads two. The same
 * where the table holds the vectors and no page of the log is read: without it a scan that goes through many rows in vain looked cheaper
 * than the B-tree or the sequential scan that took a fifth of its time.
 */
#define PAGES_PER_ROW 1.0
/* Candidates for each row of a range: the last round is half as wide as all before it, and finds nothing. */
#define ROUNDS_OF_RANGE 1.75

/* What the engine has to do. */
typedef struct VecpgSearchSize {
    double rows;     /* in segments */
    double part;     /* of them that fulfil the conditions on filter columns */
    double row_cost; /* of a scan over codes */
} VecpgSearchSize;

static void
forbid(IndexPath *path, Cost *startup_cost, Cost *total_cost)
{
    vecpg_path_disable(path);
    *startup_cost = get_float8_infinity();
    *total_cost = get_float8_infinity();
}

/* Rows of the log that no segment covers, and the columns's shape. */
static double
uncovered_rows(Relation index, double *vector_bytes)
{
    VecpgLogReader *reader = vecpg_log_reader_open(index, NULL);
    const VecpgLogMeta *meta = vecpg_log_reader_meta(reader);
    VecpgSegments *segments;
    uint64 from = 0;
    uint64 to;
    volatile uint64 pages = 0;
    uint64 first_page;
    double entry_bytes;

    first_page = meta->directory_first * meta->directory_fanout;
    *vector_bytes = meta->vector_bytes > 0 ? meta->vector_bytes : 1024;
    entry_bytes = *vector_bytes + sizeof(VecpgEntryHeader) + meta->attribute_bytes;
    segments = vecpg_store_acquire(index, meta);
    PG_TRY();
    {
        uint64 end = vecpg_log_reader_end(reader);

        for (; vecpg_segments_uncovered(segments, &from, &to, end); from = to)
            if (VecpgPositionPage(to) > first_page)
                pages += VecpgPositionPage(to) - Max(VecpgPositionPage(from), first_page);
    }
    PG_FINALLY();
    {
        vecpg_store_release(segments);
    }
    PG_END_TRY();
    vecpg_log_reader_close(reader);
    return pages * VECPG_PAGE_BYTES / entry_bytes;
}

static bool
has_range(const IndexPath *path)
{
    ListCell *cell;

    foreach (cell, path->indexclauses) {
        const IndexClause *clause = lfirst_node(IndexClause, cell);

        if (clause->indexcol == 0 && !IsA(clause->rinfo->clause, NullTest))
            return true;
    }
    return false;
}

/* Of a walk that finds so many candidates; no walk visits a row twice. */
static Cost
cost_of_walk(const VecpgSearchSize *size, double candidates)
{
    double step = STEP_ROWS + STEP_ROWS_PASSED / sqrt(Max(size->part, 1e-6));

    return Min(candidates * step, size->rows * VISIT_ROWS) * size->row_cost;
}

/* Of reading the codes of exactly the rows that match; without a filter no segment with a graph is read so. */
static Cost
cost_of_scan(const VecpgSearchSize *size)
{
    return (size->rows * size->part + size->rows * LOOK_ROWS) * size->row_cost;
}

/* Whether what a query reads may have to be in the order of groups. */
static bool
is_grouped(const PlannerInfo *root)
{
    ListCell *cell;

    foreach (cell, root->parse->windowClause)
        if (lfirst_node(WindowClause, cell)->partitionClause != NIL)
            return true;
    return root->group_pathkeys != NIL || root->parse->groupClause != NIL ||
           root->parse->distinctClause != NIL;
}

/*
 * Whether the plan takes rows of equal distances for neighbours, or ends at the first that is farther than another relation's: an order that
 * a GROUP BY, DISTINCT, set operation or merge join of this level can use. Ours is right but for rows that are found late.
 */
static bool
order_is_relied_on(const PlannerInfo *root, const IndexPath *path)
{
    const EquivalenceClass *distance;
    ListCell *cell;
    int members = 0;

    if (path->indexorderbys == NIL || path->path.pathkeys == NIL)
        return false;
    if (!vecpg_planner_is_watching())
        for (const PlannerInfo *above = root->parent_root; above != NULL; above = above->parent_root)
            if (is_grouped(above))
                return true;
    distance = linitial_node(PathKey, path->path.pathkeys)->pk_eclass;
    foreach (cell, distance->ec_members)
        members += !lfirst_node(EquivalenceMember, cell)->em_is_child;
    foreach (cell, path->path.parent->joininfo) { /* an outer join makes none of its sides a member */
        const RestrictInfo *clause = lfirst_node(RestrictInfo, cell);

        if (clause->mergeopfamilies != NIL && (clause->left_ec == distance || clause->right_ec == distance))
            return true;
    }
    return members > 1 || is_grouped(root) ||
           (vecpg_setop_wants_order(root) && root->parse->sortClause == NIL);
}

void
vecpg_am_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost,
                       Cost *total_cost, Selectivity *selectivity, double *correlation, double *pages)
{
    Relation index;
    VecpgSearchSize size = {.part = 1};
    double rows = Max(1.0, path->indexinfo->tuples);
    double tail_rows;
    double vector_bytes;
    double found_rows;
    double candidate_rows;
    double first_rows;
    double exact_cost;
    bool is_range;
    bool is_scan = false;

    vecpg_filter_plan_complete(root, path);
    is_range = has_range(path);
    if (order_is_relied_on(root, path)) { /* a range is found in no order, too */
        path->indexorderbys = path->indexorderbycols = NIL;
        path->path.pathkeys = NIL;
    }
    *selectivity = vecpg_filter_plan_selectivity(root, path);
    *correlation = 0.0;
    *pages = path->indexinfo->pages;
    /* Rows come in the order of one distance; a second key among equals would need a sort. */
    if (list_length(path->indexorderbys) > 1 || (path->indexorderbys == NIL && !is_range) ||
        !vecpg_guc_enable_index || path->indexinfo->hypothetical) {
        forbid(path, startup_cost, total_cost);
        return;
    }
    index = index_open(path->indexinfo->indexoid, NoLock);
    tail_rows = Min(rows, uncovered_rows(index, &vector_bytes));
    index_close(index, NoLock);

    exact_cost = cpu_operator_cost * Max(1.0, vector_bytes / BYTES_PER_OPERATOR);
    size.rows = rows - tail_rows;
    size.row_cost = cpu_operator_cost * (1 + vector_bytes / CODED_BYTES_PER_OPERATOR);
    if (vecpg_filter_plan_has_filter(path))
        size.part = Min(1.0, vecpg_filter_plan_filter_selectivity(root, path));
    found_rows = candidate_rows = size.rows * size.part;
    first_rows = Min(found_rows, vecpg_guc_hnsw_ef_search);
    if (is_range) {
        found_rows = size.rows * Min(1.0, *selectivity);
        candidate_rows = Min(candidate_rows, found_rows * ROUNDS_OF_RANGE + 2 * first_rows);
    }
    *startup_cost = cost_of_walk(&size, first_rows);
    if (size.part < 1 && cost_of_scan(&size) < *startup_cost) {
        is_scan = true;
        *startup_cost = cost_of_scan(&size);
    }
    *total_cost = (is_scan ? *startup_cost : Max(*startup_cost, cost_of_walk(&size, candidate_rows))) +
                  found_rows * (exact_cost + cpu_index_tuple_cost + random_page_cost * PAGES_PER_ROW);
    *startup_cost += tail_rows * (exact_cost * size.part + cpu_index_tuple_cost) +
                     tail_rows * vector_bytes / BLCKSZ * seq_page_cost;
    *total_cost += tail_rows * (exact_cost * size.part + cpu_index_tuple_cost) +
                   tail_rows * vector_bytes / BLCKSZ * seq_page_cost;
}
