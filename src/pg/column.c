/*
 * column.c: the indexed column: which distance its operator class orders by, and how its datums are read.
 */
#include "column.h"

#include "catalog/pg_type.h"
#include "keys.h"
#include "operators.h"
#include "types_bvector.h"
#include "types_common.h"
#include "types_svector.h"
#include "types_vecf16.h"
#include "types_veci8.h"
#include "types_vector.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "catalog/pg_proc.h"
#include "access/htup_details.h"

#define STRATEGY_DISTANCE    1
#define SPARSE_ELEMENT_BYTES (sizeof(uint32) + sizeof(float))

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
    {"vectors_vecf16_l2", VEC_TYPE_F16, VEC_METRIC_L2},
    {"vectors_vecf16_dot", VEC_TYPE_F16, VEC_METRIC_DOT},
    {"vectors_vecf16_cos", VEC_TYPE_F16, VEC_METRIC_COS},
    {"vectors_svector_l2", VEC_TYPE_SPARSE, VEC_METRIC_L2},
    {"vectors_svector_dot", VEC_TYPE_SPARSE, VEC_METRIC_DOT},
    {"vectors_svector_cos", VEC_TYPE_SPARSE, VEC_METRIC_COS},
    {"vectors_bvector_l2", VEC_TYPE_BIT, VEC_METRIC_HAMMING},
    {"vectors_bvector_dot", VEC_TYPE_BIT, VEC_METRIC_DOT},
    {"vectors_bvector_cos", VEC_TYPE_BIT, VEC_METRIC_COS},
    {"vectors_bvector_jaccard", VEC_TYPE_BIT, VEC_METRIC_JACCARD},
    {"vectors_veci8_l2", VEC_TYPE_I8, VEC_METRIC_L2},
    {"vectors_veci8_dot", VEC_TYPE_I8, VEC_METRIC_DOT},
    {"vectors_veci8_cos", VEC_TYPE_I8, VEC_METRIC_COS},
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

int32
vecpg_column_modifier(Relation index)
{
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(index), 0);
    int32 modifier = attribute->atttypmod;

    (void)getBaseTypeAndTypmod(attribute->atttypid, &modifier); /* a domain knows its own */
    return modifier;
}

void
vecpg_column_from_catalog(Relation index, VecpgColumn *column)
{
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(index), 0);
    int32 modifier = vecpg_column_modifier(index);

    if (vecpg_keys_kind(index->rd_opcintype[0]) != VECPG_KEY_NONE)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("the first column of index \"%s\" must be a vector, not of type %s",
                               RelationGetRelationName(index), format_type_be(attribute->atttypid)),
                        errhint("Write the vector first, then the columns to filter by.")));
    distance_of_operator_class(index, column);
    column->dimensions = Max(modifier, 0);
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

/* Bytes of a vector's elements in the log; 0 where they vary. */
static uint32
element_bytes(const VecpgColumn *column)
{
    switch (column->element_type) {
        case VEC_TYPE_F32:
            return column->dimensions * sizeof(float);
        case VEC_TYPE_F16:
            return column->dimensions * sizeof(uint16);
        case VEC_TYPE_SPARSE:
            return 0;
        case VEC_TYPE_BIT:
            return BVECTOR_BYTES(column->dimensions);
        case VEC_TYPE_I8:
            return VECI8_SIZE(column->dimensions) - offsetof(VecI8, alpha);
    }
    pg_unreachable();
}

void
vecpg_column_shape(const VecpgColumn *column, VecpgLogShape *shape)
{
    shape->dimensions = column->dimensions;
    shape->element_type = column->element_type;
    shape->metric = column->metric;
    shape->attribute_bytes = 0;
    shape->vector_bytes = element_bytes(column);
    memset(&shape->keys, 0, sizeof(shape->keys));
}

VecpgVectorBytes
vecpg_column_datum(const VecpgColumn *column, Datum datum)
{
    void *vector = PG_DETOAST_DATUM(datum);
    VecpgVectorBytes bytes = {NULL, element_bytes(column)};

    vecpg_types_check_same_dimensions(
        column->dimensions, vecpg_operators_dimensions(column->element_type, PointerGetDatum(vector)));
    switch (column->element_type) {
        case VEC_TYPE_F32:
            bytes.elements = (const char *)((Vector *)vector)->x;
            break;
        case VEC_TYPE_F16:
            bytes.elements = (const char *)((VecF16 *)vector)->x;
            break;
        case VEC_TYPE_SPARSE:
            bytes.elements = (const char *)((SVector *)vector)->index;
            bytes.bytes = ((SVector *)vector)->count * SPARSE_ELEMENT_BYTES;
            break;
        case VEC_TYPE_BIT:
            bytes.elements = (const char *)((BVector *)vector)->bits;
            break;
        case VEC_TYPE_I8:
            bytes.elements = (const char *)&((VecI8 *)vector)->alpha;
            break;
    }
    return bytes;
}

Datum
vecpg_column_to_datum(const VecpgColumn *column, VecpgVectorBytes vector)
{
    void *datum = NULL;
    void *elements = NULL;

    switch (column->element_type) {
        case VEC_TYPE_F32:
            datum = vecpg_vector_new(column->dimensions);
            elements = ((Vector *)datum)->x;
            break;
        case VEC_TYPE_F16:
            datum = vecpg_vecf16_new(column->dimensions);
            elements = ((VecF16 *)datum)->x;
            break;
        case VEC_TYPE_SPARSE:
            datum = vecpg_svector_new(column->dimensions, vector.bytes / SPARSE_ELEMENT_BYTES);
            elements = ((SVector *)datum)->index;
            break;
        case VEC_TYPE_BIT:
            datum = vecpg_bvector_new(column->dimensions);
            elements = ((BVector *)datum)->bits;
            break;
        case VEC_TYPE_I8:
            datum = vecpg_veci8_new(column->dimensions, 1, 0);
            elements = &((VecI8 *)datum)->alpha;
            break;
    }
    memcpy(elements, vector.elements, vector.bytes);
    return PointerGetDatum(datum);
}

static VecSparse
sparse_view(VecpgVectorBytes vector)
{
    uint32 count = vector.bytes / SPARSE_ELEMENT_BYTES;
    const uint32 *index = (const uint32 *)vector.elements;

    return (VecSparse){index, (const float *)(index + count), count};
}

/* What a log entry holds of a veci8: its scale, its offset, its elements. */
static VecInt8
int8_view(VecpgVectorBytes vector)
{
    const float *parameters = (const float *)vector.elements;

    return (VecInt8){(const int8 *)(parameters + 2), parameters[0], parameters[1]};
}

float
vecpg_column_distance(const VecpgColumn *column, VecpgVectorBytes a, VecpgVectorBytes b)
{
    switch (column->element_type) {
        case VEC_TYPE_F32:
            return vec_distance_f32(column->metric, (const float *)a.elements, (const float *)b.elements,
                                    column->dimensions);
        case VEC_TYPE_F16:
            return vec_distance_f16(column->metric, (const uint16 *)a.elements, (const uint16 *)b.elements,
                                    column->dimensions);
        case VEC_TYPE_SPARSE:
            return vec_distance_sparse(column->metric, sparse_view(a), sparse_view(b));
        case VEC_TYPE_BIT:
            return vec_distance_bit(column->metric, (const uint8 *)a.elements, (const uint8 *)b.elements,
                                    column->dimensions);
        case VEC_TYPE_I8:
            return vec_distance_i8(column->metric, int8_view(a), int8_view(b), column->dimensions);
    }
    pg_unreachable();
}

static bool
is_widened(const VecpgColumn *column)
{
    return column->element_type == VEC_TYPE_F16 || column->element_type == VEC_TYPE_I8;
}

Size
vecpg_column_scratch_bytes(const VecpgColumn *column)
{
    return is_widened(column) ? column->dimensions * sizeof(float) : 0;
}

VecpgVectorBytes
vecpg_column_for_engine(const VecpgColumn *column, VecpgVectorBytes vector, void *scratch)
{
    VecpgVectorBytes widened = {scratch, vecpg_column_scratch_bytes(column)};
    float *x = scratch;

    if (!is_widened(column))
        return vector;
    if (column->element_type == VEC_TYPE_F16)
        vec_distance_widen_f16((const uint16 *)vector.elements, x, column->dimensions);
    else {
        VecInt8 view = int8_view(vector);

        for (uint32 i = 0; i < column->dimensions; i++)
            x[i] = view.alpha * view.x[i] + view.offset;
    }
    return widened;
}
