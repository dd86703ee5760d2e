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
#include "store.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/float.h"

/* An exact distance costs one operator for each so many bytes of the vector: 384 floats are 40 ns, an operator is about 5. */
#define BYTES_PER_OPERATOR 192.0
/* A distance on codes, a share of the exact one: 8 bits for a float. */
#define CODE_SHARE 0.25
/* Codes that a beam search looks at for each row of its beam: degree 32, of which most were seen before. */
#define CODES_PER_CANDIDATE 12.0
/* A page of the log that is read for a rerank is random, but usually among pages that are in memory. */
#define PAGE_SHARE 0.25
/* Candidates for each row of a range: the last round is half as wide as all before it, and finds nothing. */
#define ROUNDS_OF_RANGE 1.75

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

void
vecpg_am_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost,
                       Cost *total_cost, Selectivity *selectivity, double *correlation, double *pages)
{
    Relation index;
    double rows = Max(1.0, path->indexinfo->tuples);
    double first_rows;
    double tail_rows;
    double vector_bytes;
    double found_rows;
    double candidate_rows;
    double exact_cost;
    double candidate_cost;
    bool is_range;

    vecpg_filter_plan_complete(root, path);
    is_range = has_range(path);
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

    first_rows = Min(rows - tail_rows, vecpg_guc_hnsw_ef_search);
    exact_cost = cpu_operator_cost * Max(1.0, vector_bytes / BYTES_PER_OPERATOR);
    candidate_cost = CODES_PER_CANDIDATE * CODE_SHARE * exact_cost + cpu_index_tuple_cost;
    *startup_cost = first_rows * candidate_cost + tail_rows * (exact_cost + cpu_index_tuple_cost) +
                    tail_rows * vector_bytes / BLCKSZ * seq_page_cost * PAGE_SHARE;
    found_rows = candidate_rows = rows - tail_rows;
    if (is_range) {
        found_rows *= Min(1.0, *selectivity);
        candidate_rows = Min(candidate_rows, found_rows * ROUNDS_OF_RANGE + 2 * first_rows);
    }
    *total_cost = *startup_cost + candidate_rows * candidate_cost +
                  found_rows * (exact_cost + random_page_cost * PAGE_SHARE);
}
