/*
 * administration_search.c: vectors_recall() and vectors_explain(): searches by the index for its own sake, with the caller's
 * settings and the caller's rights: who may read the table may ask.
 *
 * They drive the access method's own scan, so what they measure is what queries get. Rows are those of the index, whether a snapshot
 * sees them or not.
 */
#include "administration.h"

#include <math.h>

#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "am.h"
#include "catalog/pg_type.h"
#include "column.h"
#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "log.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "types_common.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define K_MAX       10000
#define QUERIES_MAX 10000

/* One query of vectors_recall: a row of the index, and the distances of the k rows nearest to it, ascending. */
typedef struct VecpgQuery {
    VecpgVectorBytes vector;
    float *nearest;
    int nearest_count;
} VecpgQuery;

typedef struct VecpgRecall {
    Relation heap;
    Relation index;
    VecpgColumn column;
    int k;
    VecpgQuery *queries;
    int query_count;
} VecpgRecall;

PG_FUNCTION_INFO_V1(vectors_recall);
PG_FUNCTION_INFO_V1(vectors_explain);

static double
milliseconds_since(instr_time start)
{
    instr_time now;

    INSTR_TIME_SET_CURRENT(now);
    INSTR_TIME_SUBTRACT(now, start);
    return INSTR_TIME_GET_MILLISEC(now);
}

static void
check_range(const char *name, int value, int max)
{
    if (value < 1 || value > max)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("invalid value for \"%s\": %d", name, value),
                        errdetail("Allowed are 1 to %d.", max)));
}

/* ---- a search by the index ---- */

/* Begins a scan in the order of the distance to a vector. */
static IndexScanDesc
search_begin(Relation heap, Relation index, Datum query)
{
    Oid type = index->rd_opcintype[0];
    Oid operator_oid = get_opfamily_member(index->rd_opfamily[0], type, type, VECPG_STRATEGY_DISTANCE);
    IndexScanDesc scan = vecpg_index_beginscan(heap, index, GetActiveSnapshot(), 0, 1);
    ScanKeyData order_by;

    scan->heapRelation = NULL; /* rows of the table are not asked for */
    ScanKeyEntryInitialize(&order_by, SK_ORDER_BY, 1, VECPG_STRATEGY_DISTANCE, type,
                           index->rd_indcollation[0], get_opcode(operator_oid), query);
    index_rescan(scan, NULL, 0, &order_by, 1);
    return scan;
}

/* The distance of the next row; false: there is none, or the rest has no vector. */
static bool
search_next(IndexScanDesc scan, float *distance)
{
    CHECK_FOR_INTERRUPTS();
    if (index_getnext_tid(scan, ForwardScanDirection) == NULL || scan->xs_orderbynulls[0])
        return false;
    *distance = DatumGetFloat4(scan->xs_orderbyvals[0]);
    return true;
}

/* ---- vectors_recall ---- */

/* Takes rows at even distances in the log. */
static void
take_queries(VecpgRecall *recall, VecpgLogReader *reader, uint64 end, int wanted)
{
    uint64 rows = vecpg_log_reader_count_live(reader, 0, end);
    double stride = Max(1.0, (double)rows / wanted);
    double next = stride / 2;
    uint64 row = 0;
    VecpgLogEntry entry;

    recall->queries = palloc0(sizeof(VecpgQuery) * wanted);
    vecpg_log_reader_seek(reader, 0, end);
    for (; recall->query_count < wanted && vecpg_log_reader_next(reader, &entry); row++) {
        VecpgQuery *query = &recall->queries[recall->query_count];
        char *copy;

        if (entry.is_null || (double)row < floor(next))
            continue;
        copy = palloc(entry.vector_bytes + 1);
        memcpy(copy, entry.vector, entry.vector_bytes);
        query->vector = (VecpgVectorBytes){copy, entry.vector_bytes};
        query->nearest = palloc(sizeof(float) * recall->k);
        recall->query_count++;
        next += stride;
    }
}

static void
keep_nearest(VecpgQuery *query, int k, float distance)
{
    int place = query->nearest_count;

    if (place == k && vecpg_types_compare_float(distance, query->nearest[k - 1]) >= 0)
        return;
    if (place < k)
        query->nearest_count++;
    else
        place--;
    for (; place > 0 && vecpg_types_compare_float(distance, query->nearest[place - 1]) < 0; place--)
        query->nearest[place] = query->nearest[place - 1];
    query->nearest[place] = distance;
}

/* The log once, all queries against each row. */
static void
search_exactly(VecpgRecall *recall, VecpgLogReader *reader, uint64 end)
{
    VecpgLogEntry entry;

    vecpg_log_reader_seek(reader, 0, end);
    while (vecpg_log_reader_next(reader, &entry)) {
        VecpgVectorBytes vector = {entry.vector, entry.vector_bytes};

        CHECK_FOR_INTERRUPTS();
        for (int i = 0; i < recall->query_count && !entry.is_null; i++)
            keep_nearest(&recall->queries[i], recall->k,
                         vecpg_column_distance(&recall->column, recall->queries[i].vector, vector));
    }
}

/* Which share of the nearest rows the index finds: rows as near as the last of them count. */
static double
search_by_index(const VecpgRecall *recall, const VecpgQuery *query)
{
    IndexScanDesc scan =
        search_begin(recall->heap, recall->index, vecpg_column_to_datum(&recall->column, query->vector));
    int found = 0;
    float distance;

    for (int i = 0; i < query->nearest_count && search_next(scan, &distance); i++)
        if (vecpg_types_compare_float(distance, query->nearest[query->nearest_count - 1]) <= 0)
            found++;
    index_endscan(scan);
    return (double)found / query->nearest_count;
}

static Datum
return_row(FunctionCallInfo fcinfo, Datum *values, bool *is_null)
{
    TupleDesc descriptor;

    if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("return type must be a row type")));
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, is_null));
}

/* (queries, recall, worst, index_ms, exact_ms) */
Datum
vectors_recall(PG_FUNCTION_ARGS)
{
    VecpgRecall recall = {.k = PG_GETARG_INT32(1)};
    double sum = 0;
    double worst = 1;
    double exact_ms;
    VecpgLogReader *reader;
    MemoryContext row_context;
    instr_time start;
    uint64 end;
    Datum values[5] = {0};
    bool is_null[5] = {false, true, true, true, true};

    check_range("k", recall.k, K_MAX);
    check_range("queries", PG_GETARG_INT32(2), QUERIES_MAX);
    recall.index = vecpg_administration_open_readable(PG_GETARG_OID(0), &recall.heap);
    reader = vecpg_log_reader_open(recall.index, NULL);
    vecpg_column_from_meta(vecpg_log_reader_meta(reader), &recall.column);
    end = vecpg_log_reader_end(reader);
    take_queries(&recall, reader, end, PG_GETARG_INT32(2));
    INSTR_TIME_SET_CURRENT(start);
    search_exactly(&recall, reader, end);
    exact_ms = milliseconds_since(start);
    vecpg_log_reader_close(reader);

    row_context = AllocSetContextCreate(CurrentMemoryContext, "vectors recall", ALLOCSET_DEFAULT_SIZES);
    INSTR_TIME_SET_CURRENT(start);
    for (int i = 0; i < recall.query_count; i++) {
        MemoryContext old_context = MemoryContextSwitchTo(row_context);
        double share = recall.queries[i].nearest_count > 0 ? search_by_index(&recall, &recall.queries[i]) : 1;

        sum += share;
        worst = Min(worst, share);
        MemoryContextSwitchTo(old_context);
        MemoryContextReset(row_context);
    }
    values[0] = Int32GetDatum(recall.query_count);
    if (recall.query_count > 0) {
        memset(is_null, false, sizeof(is_null));
        values[1] = Float8GetDatum(sum / recall.query_count);
        values[2] = Float8GetDatum(worst);
        values[3] = Float8GetDatum(milliseconds_since(start) / recall.query_count);
        values[4] = Float8GetDatum(exact_ms / recall.query_count);
    }
    index_close(recall.index, AccessShareLock);
    table_close(recall.heap, AccessShareLock);
    return return_row(fcinfo, values, is_null);
}

/* ---- vectors_explain ---- */

/* A value of the indexed type, or its text. */
static Datum
read_query(FunctionCallInfo fcinfo, Relation index)
{
    Oid wanted = index->rd_opcintype[0];
    Oid given = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 1));
    Oid input;
    Oid parameter;

    if (given == wanted)
        return PG_GETARG_DATUM(1);
    if (given != TEXTOID)
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                        errmsg("the query is of type %s, index \"%s\" of type %s", format_type_be(given),
                               RelationGetRelationName(index), format_type_be(wanted))));
    getTypeInputInfo(wanted, &input, &parameter);
    return OidInputFunctionCall(input, text_to_cstring(PG_GETARG_TEXT_PP(1)), parameter, -1);
}

/* (rows, nearest, furthest, segments, tail_rows, distances, hops, rounds, candidates, ms) */
Datum
vectors_explain(PG_FUNCTION_ARGS)
{
    int k = PG_GETARG_INT32(2);
    int rows = 0;
    float nearest = 0;
    float distance = 0;
    VecpgScanStatistics statistics;
    Relation heap;
    Relation index;
    IndexScanDesc scan;
    instr_time start;
    Datum values[10];
    bool is_null[10] = {false};

    check_range("k", k, K_MAX);
    index = vecpg_administration_open_readable(PG_GETARG_OID(0), &heap);
    scan = search_begin(heap, index, read_query(fcinfo, index));
    INSTR_TIME_SET_CURRENT(start);
    for (; rows < k && search_next(scan, &distance); rows++)
        if (rows == 0)
            nearest = distance;
    vecpg_am_scan_statistics(scan, &statistics);
    values[0] = Int32GetDatum(rows);
    values[1] = Float4GetDatum(nearest);
    values[2] = Float4GetDatum(distance);
    is_null[1] = is_null[2] = rows == 0;
    values[3] = Int32GetDatum(statistics.segments);
    values[4] = Int64GetDatum(statistics.uncovered_rows);
    values[5] = Int64GetDatum(statistics.search.distances);
    values[6] = Int64GetDatum(statistics.search.hops);
    values[7] = Int64GetDatum(statistics.search.rounds);
    values[8] = Int64GetDatum(statistics.candidates);
    values[9] = Float8GetDatum(milliseconds_since(start));
    index_endscan(scan);
    index_close(index, AccessShareLock);
    table_close(heap, AccessShareLock);
    return return_row(fcinfo, values, is_null);
}
