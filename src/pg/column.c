/*
 * column.c: the indexed column: which distance its operator class orders by, and how its datums are read.
 */
#include "column.h"

#include "catalog/pg_type.h"
#include "types_common.h"
#include "types_vector.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "catalog/pg_proc.h"
#include "access/htup_details.h"

#define STRATEGY_DISTANCE 1

/*
 * The C symbol behind the operator class's distance operator says which element type and metric it is: no support function that
 * could contradict the operator is needed.
 */
static const struct {
    const char *symbol;
    VecElementType element_type;
    VecMetric metric;
} distances[] = {
    {"vectors_vector_l2", VEC_TYPE_F32, VEC_METRIC_L2},
    {"vectors_vector_dot", VEC_TYPE_F32, VEC_METRIC_DOT},
    {"vectors_vector_cos", VEC_TYPE_F32, VEC_METRIC_COS},
};

static void
distance_of_operator_class(Relation index, VecpgColumn *column)
{
    Oid type = index->rd_opcintype[0];
    Oid operator_oid = get_opfamily_member(index->rd_opfamily[0], type, type, STRATEGY_DISTANCE);
    Oid function_oid = OidIsValid(operator_oid) ? get_opcode(operator_oid) : InvalidOid;
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function_oid));
    Datum source;
    bool is_null;
    char *symbol;

    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                        errmsg("the operator class of index \"%s\" has no distance operator",
                               RelationGetRelationName(index))));
    source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
    symbol = is_null ? "" : TextDatumGetCString(source);
    ReleaseSysCache(tuple);
    for (int i = 0; i < lengthof(distances); i++)
        if (strcmp(distances[i].symbol, symbol) == 0) {
            column->element_type = distances[i].element_type;
            column->metric = distances[i].metric;
            return;
        }
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("function %s is not a distance that an index of access method vectors can order by",
                    format_procedure(function_oid))));
}

void
vecpg_column_from_catalog(Relation index, VecpgColumn *column)
{
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(index), 0);

    distance_of_operator_class(index, column);
    if (attribute->atttypmod < 1)
        ereport(
            ERROR,
            (errcode(ERRCODE_INVALID_TABLE_DEFINITION),
             errmsg("column \"%s\" does not have dimensions", NameStr(attribute->attname)),
             errhint(
                 "Give its type a number of dimensions, such as vector(384), or index an expression with a "
                 "cast to such a type.")));
    column->dimensions = attribute->atttypmod;
}

void
vecpg_column_from_meta(const VecpgLogMeta *meta, VecpgColumn *column)
{
    column->element_type = meta->element_type;
    column->metric = meta->metric;
    column->dimensions = meta->dimensions;
}

void
vecpg_column_from_shape(const VecpgLogShape *shape, VecpgColumn *column)
{
    column->element_type = shape->element_type;
    column->metric = shape->metric;
    column->dimensions = shape->dimensions;
}

void
vecpg_column_shape(const VecpgColumn *column, VecpgLogShape *shape)
{
    shape->dimensions = column->dimensions;
    shape->element_type = column->element_type;
    shape->metric = column->metric;
    shape->attribute_bytes = 0;
    shape->vector_bytes = column->dimensions * sizeof(float);
}

VecpgVectorBytes
vecpg_column_datum(const VecpgColumn *column, Datum datum)
{
    Vector *vector = DatumGetVectorP(datum);
    VecpgVectorBytes bytes = {(const char *)vector->x, vector->dimensions * sizeof(float)};

    vecpg_types_check_same_dimensions(column->dimensions, vector->dimensions);
    return bytes;
}

float
vecpg_column_distance(const VecpgColumn *column, VecpgVectorBytes a, VecpgVectorBytes b)
{
    return vec_distance_f32(column->metric, (const float *)a.elements, (const float *)b.elements,
                            column->dimensions);
}

Size
vecpg_column_scratch_bytes(const VecpgColumn *column)
{
    return 0;
}

VecpgVectorBytes
vecpg_column_for_engine(const VecpgColumn *column, VecpgVectorBytes vector, void *scratch)
{
    return vector;
}
