/*
 * selectivity.c: which share of a column's vectors lies in a sphere, for the planner.
 *
 * ANALYZE keeps no value of more than 1 KB, so of most columns of vectors it knows nothing. An index's log does: rows from all over it
 * are a sample (the same rows each time, so that their pages stay in memory and plans do not flicker). How many of them lie in the sphere
 * is the answer while those are more than a handful. Spheres are small, and most hold none of a hundred rows; then the nearest rows
 * of the sample tell how fast the number of rows falls towards the center: as a power of the radius, whose exponent follows from their
 * distances (Hill 1975; local intrinsic dimension, Levina & Bickel 2004), or exponentially where distances have no lowest value.
 *
 * A sample says something about the rows: who may not read them all gets the default.
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic.h"
#include "column.h"
#include "fmgr.h"
#include "log.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "operators.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "types_common.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(vectors_sphere_restrict);
PG_FUNCTION_INFO_V1(vectors_sphere_join);

/* Where nothing is known: somebody who asks for a neighbourhood means a small part of the rows. */
#define SELECTIVITY_DEFAULT 0.005

#define SAMPLE_ROWS    96 /* a page of the log each: 0.1 ms */
#define SAMPLE_CENTERS 12 /* where any row may be the center */
#define INSIDE_ENOUGH                                                                                        \
    10 /* rows of the sample in the sphere: a third off is as near as a third of the plans need */
#define TAIL_ROWS 20 /* nearest rows that tell how the number falls */

/* What an operator <<->> or one of its relatives compares. */
typedef struct SphereOperator {
    VecElementType element;
    VecMetric metric;
} SphereOperator;

static const struct {
    const char *name;
    VecElementType element;
} elements[] = {{"vector", VEC_TYPE_F32},
                {"vecf16", VEC_TYPE_F16},
                {"svector", VEC_TYPE_SPARSE},
                {"bvector", VEC_TYPE_BIT},
                {"veci8", VEC_TYPE_I8}};

static const struct {
    const char *name;
    VecMetric metric;
} metrics[] = {
    {"l2", VEC_METRIC_L2}, {"dot", VEC_METRIC_DOT}, {"cos", VEC_METRIC_COS}, {"jaccard", VEC_METRIC_JACCARD}};

/* The C symbol behind a function. */
static char *
symbol_of(Oid function_oid)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function_oid));
    bool is_null = true;
    Datum source;
    char *symbol;

    if (!HeapTupleIsValid(tuple))
        return "";
    source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
    symbol = is_null ? "" : TextDatumGetCString(source);
    ReleaseSysCache(tuple);
    return symbol;
}

/* vectors_<type>_sphere_<metric>. False: some other function. */
static bool
read_operator(Oid operator_oid, SphereOperator *sphere_operator)
{
    char *symbol = symbol_of(get_opcode(operator_oid));

    for (int i = 0; i < lengthof(elements); i++)
        for (int j = 0; j < lengthof(metrics); j++)
            if (strcmp(symbol, psprintf("vectors_%s_sphere_%s", elements[i].name, metrics[j].name)) == 0) {
                sphere_operator->element = elements[i].element;
                sphere_operator->metric = metrics[j].metric;
                if (sphere_operator->element == VEC_TYPE_BIT && sphere_operator->metric == VEC_METRIC_L2)
                    sphere_operator->metric = VEC_METRIC_HAMMING;
                return true;
            }
    return false;
}

/* ---- The sphere ---- */

typedef struct Sphere {
    bool is_null; /* or holds nothing else that a row could lie in */
    bool has_center;
    bool has_radius;
    Datum center;
    float radius;
} Sphere;

/* What is known of it when the query is planned: all, its radius (sphere(other.embedding, 0.2)), or nothing. */
static void
read_sphere(PlannerInfo *root, Node *node, Sphere *sphere)
{
    List *fields = NIL;
    Node *radius;

    memset(sphere, 0, sizeof(*sphere));
    node = estimate_expression_value(root, node);
    if (IsA(node, Const)) {
        Const *value = (Const *)node;

        sphere->is_null = value->constisnull ||
                          !vecpg_operators_open_sphere(value->constvalue, &sphere->center, &sphere->radius);
        sphere->has_center = sphere->has_radius = !sphere->is_null;
        return;
    }
    if (IsA(node, RowExpr))
        fields = ((RowExpr *)node)->args;
    else if (IsA(node, FuncExpr) && strcmp(symbol_of(((FuncExpr *)node)->funcid), "vectors_sphere") == 0)
        fields = ((FuncExpr *)node)->args;
    if (list_length(fields) != 2)
        return;
    radius = lsecond(fields);
    if (!IsA(radius, Const))
        return;
    sphere->is_null = ((Const *)radius)->constisnull;
    sphere->has_radius = !sphere->is_null;
    if (sphere->has_radius)
        sphere->radius = DatumGetFloat4(((Const *)radius)->constvalue);
}

/* ---- The sample ---- */

typedef struct Sample {
    VecpgColumn column;
    int row_count; /* NULLs included */
    int vector_count;
    VecpgVectorBytes vectors[SAMPLE_ROWS * 2];
} Sample;

/* Whether the user may read all rows of the table, to begin with the one that the query names. */
static bool
may_read(PlannerInfo *root, RelOptInfo *rel)
{
    Index relid = rel->relid;
    RangeTblEntry *table;

    while (root->append_rel_array != NULL && root->append_rel_array[relid] != NULL)
        relid = root->append_rel_array[relid]->parent_relid;
    table = planner_rt_fetch(relid, root);
    return table->rtekind == RTE_RELATION && table->securityQuals == NIL &&
           pg_class_aclcheck(table->relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/* Whether the first column of a whole index of this access method is the expression. */
static bool
is_index_of(const IndexOptInfo *info, Node *expression)
{
    if ((void *)info->amcostestimate != (void *)vecpg_am_cost_estimate || info->indpred != NIL ||
        info->hypothetical)
        return false;
    if (info->indexkeys[0] == 0)
        return equal(linitial(info->indexprs), expression);
    return IsA(expression, Var) && ((Var *)expression)->varattno == info->indexkeys[0];
}

/* Takes rows evenly from the pages of the log. */
static void
take_rows(Relation index, Sample *sample)
{
    VecpgLogReader *reader = vecpg_log_reader_open(index, NULL);
    const VecpgLogMeta *meta = vecpg_log_reader_meta(reader);
    uint64 first = meta->directory_first * meta->directory_fanout;
    uint64 end = VecpgPositionPage(vecpg_log_reader_end(reader)) + 1;
    uint64 pages = end > first ? end - first : 0;
    int strata = (int)Min(pages, SAMPLE_ROWS);
    int rows_per_stratum = strata > 0 ? (SAMPLE_ROWS + strata - 1) / strata : 0;

    vecpg_column_from_meta(meta, &sample->column);
    for (int i = 0; i < strata; i++) {
        VecpgLogEntry entry;

        vecpg_log_reader_seek(
            reader, VecpgPositionMake(first + pages * i / strata, 0),
            Min(VecpgPositionMake(first + pages * (i + 1) / strata, 0), vecpg_log_reader_end(reader)));
        for (int j = 0; j < rows_per_stratum && sample->row_count < lengthof(sample->vectors) &&
                        vecpg_log_reader_next(reader, &entry);
             j++) {
            sample->row_count++;
            if (entry.is_null)
                continue;
            VecpgVectorBytes *vector = &sample->vectors[sample->vector_count++];
            char *copy = palloc(Max(1, entry.vector_bytes));

            memcpy(copy, entry.vector, entry.vector_bytes);
            vector->elements = copy;
            vector->bytes = entry.vector_bytes;
        }
    }
    vecpg_log_reader_close(reader);
}

/* NULL: there is no index to take it from, or the user may not know. */
static Sample *
take_sample(PlannerInfo *root, VariableStatData *variable, const SphereOperator *sphere_operator)
{
    Node *expression = variable->var;
    Sample *sample = NULL;
    ListCell *cell;

    if (expression != NULL && IsA(expression, RelabelType))
        expression = (Node *)((RelabelType *)expression)->arg;
    if (expression == NULL || variable->rel == NULL || !may_read(root, variable->rel))
        return NULL;
    foreach (cell, variable->rel->indexlist) {
        IndexOptInfo *info = lfirst_node(IndexOptInfo, cell);
        Relation index;

        if (!is_index_of(info, expression))
            continue;
        index = index_open(info->indexoid, NoLock);
        if (index->rd_rel->relkind == RELKIND_INDEX) {
            sample = palloc0(sizeof(Sample));
            take_rows(index, sample);
            sample->column.metric = sphere_operator->metric;
        }
        index_close(index, NoLock);
        if (sample != NULL)
            return sample;
    }
    return NULL;
}

/* ---- The share ---- */

static int
compare_floats(const void *a, const void *b)
{
    return vecpg_types_compare_float(*(const float *)a, *(const float *)b);
}

/* Which share of rows is below the radius, from the sorted distances of a sample; below the tail_count nearest of them. */
static double
share_of_tail(const float *distances, int count, int tail_count, float radius, VecMetric metric)
{
    float last = distances[tail_count - 1];
    double share = (double)tail_count / count, mean = 0;

    for (int i = 0; i < tail_count; i++)
        mean += metric == VEC_METRIC_DOT ? (double)last - distances[i]
                                         : log((double)last / Max(distances[i], last * 1e-6f));
    mean /= tail_count;
    if (!(mean > 1e-6) || !isfinite(mean))
        return 0;
    if (metric == VEC_METRIC_DOT)
        return share * exp(-((double)last - radius) / mean);
    return share * pow(Max(radius, 0) / last, 1 / mean);
}

/* Sorts the distances, of which there is at least one. */
static double
share_below(float *distances, int count, float radius, VecMetric metric)
{
    int inside = 0, tail_count;

    qsort(distances, count, sizeof(float), compare_floats);
    while (inside < count && vecpg_types_compare_float(distances[inside], radius) < 0)
        inside++;
    tail_count = Min(TAIL_ROWS, count / 2);
    if (inside >= INSIDE_ENOUGH || inside >= tail_count || !isfinite(distances[tail_count - 1]))
        return (double)inside / count;
    return share_of_tail(distances, count, tail_count, radius, metric);
}

static double
share_around(const Sample *sample, VecpgVectorBytes center, float radius)
{
    float distances[lengthof(sample->vectors)];

    if (sample->vector_count == 0)
        return 0;
    for (int i = 0; i < sample->vector_count; i++)
        distances[i] = vecpg_column_distance(&sample->column, sample->vectors[i], center);
    return share_below(distances, sample->vector_count, radius, sample->column.metric);
}

/* Around a row of the sample, on the average: centers look like the rows that they are compared with. */
static double
share_around_rows(const Sample *sample, float radius)
{
    int centers = Min(SAMPLE_CENTERS, sample->vector_count);
    float *distances = palloc(Max(1, centers) * sizeof(float) * sample->vector_count);
    int count = 0;

    for (int i = 0; i < centers; i++) {
        int center = sample->vector_count * i / centers;

        for (int j = 0; j < sample->vector_count; j++)
            if (j != center)
                distances[count++] =
                    vecpg_column_distance(&sample->column, sample->vectors[j], sample->vectors[center]);
    }
    return count > 0 ? share_below(distances, count, radius, sample->column.metric) : SELECTIVITY_DEFAULT;
}

static double
selectivity(PlannerInfo *root, Oid operator_oid, VariableStatData *variable, Node *other)
{
    SphereOperator sphere_operator;
    Sphere sphere;
    Sample *sample;
    double share;

    read_sphere(root, other, &sphere);
    if (sphere.is_null)
        return 0;
    if (!sphere.has_radius || !read_operator(operator_oid, &sphere_operator))
        return SELECTIVITY_DEFAULT;
    if (sphere_operator.metric != VEC_METRIC_DOT && vecpg_types_compare_float(sphere.radius, 0) <= 0)
        return 0;
    sample = take_sample(root, variable, &sphere_operator);
    if (sample == NULL || sample->row_count == 0)
        return SELECTIVITY_DEFAULT;
    if (!sphere.has_center)
        share = share_around_rows(sample, sphere.radius);
    else {
        void *center = PG_DETOAST_DATUM(sphere.center);

        if (vecpg_operators_dimensions(sphere_operator.element, PointerGetDatum(center)) !=
            sample->column.dimensions)
            return SELECTIVITY_DEFAULT; /* an error soon */
        share =
            share_around(sample, vecpg_column_datum(&sample->column, PointerGetDatum(center)), sphere.radius);
    }
    share *= (double)sample->vector_count / sample->row_count;
    CLAMP_PROBABILITY(share);
    return share;
}

/* In a context of its own: a query may have many conditions, and is planned in one context. */
static double
selectivity_and_forget(PlannerInfo *root, Oid operator_oid, VariableStatData *variable, Node *other)
{
    MemoryContext own =
        AllocSetContextCreate(CurrentMemoryContext, "vectors selectivity", ALLOCSET_DEFAULT_SIZES);
    MemoryContext old = MemoryContextSwitchTo(own);
    double share = selectivity(root, operator_oid, variable, other);

    MemoryContextSwitchTo(old);
    MemoryContextDelete(own);
    return share;
}

/* column <<->> sphere */
Datum
vectors_sphere_restrict(PG_FUNCTION_ARGS)
{
    PlannerInfo *root = (PlannerInfo *)PG_GETARG_POINTER(0);
    Oid operator_oid = PG_GETARG_OID(1);
    List *arguments = (List *)PG_GETARG_POINTER(2);
    int relid = PG_GETARG_INT32(3);
    VariableStatData variable;
    Node *other;
    bool is_on_left;
    double share = SELECTIVITY_DEFAULT;

    if (!get_restriction_variable(root, arguments, relid, &variable, &other, &is_on_left))
        PG_RETURN_FLOAT8(share);
    if (is_on_left)
        share = selectivity_and_forget(root, operator_oid, &variable, other);
    ReleaseVariableStats(variable);
    PG_RETURN_FLOAT8(share);
}

/* column <<->> sphere(column of another table, radius) */
Datum
vectors_sphere_join(PG_FUNCTION_ARGS)
{
    PlannerInfo *root = (PlannerInfo *)PG_GETARG_POINTER(0);
    Oid operator_oid = PG_GETARG_OID(1);
    List *arguments = (List *)PG_GETARG_POINTER(2);
    VariableStatData variable;
    double share;

    if (list_length(arguments) != 2)
        PG_RETURN_FLOAT8(SELECTIVITY_DEFAULT);
    examine_variable(root, linitial(arguments), 0, &variable);
    share = selectivity_and_forget(root, operator_oid, &variable, lsecond(arguments));
    ReleaseVariableStats(variable);
    PG_RETURN_FLOAT8(share);
}
