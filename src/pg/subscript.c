/*
 * subscript.c: slices of all types: v[a:b], from 0 and half-open, and subvector(v, start, count), from 1.
 *
 * A slice that is empty, reaches over an end, or has a NULL bound is NULL, for an expression over rows of many dimensions must not
 * stop at the first short one. subvector, a function that one calls on purpose, takes what there is and objects to nothing at all.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/execExpr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/subscripting.h"
#include "operators.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
#include "types_bvector.h"
#include "types_common.h"
#include "types_svector.h"
#include "types_vecf16.h"
#include "types_veci8.h"
#include "types_vector.h"
#include "utils/builtins.h"

/* The elements start .. start + count - 1 that are stored: *first says at which place they begin. */
static int
count_stored(const SVector *vector, int start, int count, int *first)
{
    uint32 i = 0, end;

    while (i < vector->count && vector->index[i] < (uint32)start)
        i++;
    for (end = i; end < vector->count && vector->index[end] < (uint32)(start + count); end++)
        continue;
    *first = (int)i;
    return (int)(end - i);
}

static SVector *
slice_sparse(const SVector *vector, int start, int count)
{
    int first, stored = count_stored(vector, start, count, &first);
    SVector *result = vecpg_svector_new(count, stored);

    for (int i = 0; i < stored; i++)
        result->index[i] = vector->index[first + i] - (uint32)start;
    memcpy(vecpg_svector_values(result), vecpg_svector_values(vector) + first, sizeof(float) * stored);
    return result;
}

Datum
vecpg_operators_slice(VecElementType element, Datum vector, int start, int count)
{
    void *source = DatumGetPointer(vector);

    switch (element) {
        case VEC_TYPE_F32: {
            Vector *result = vecpg_vector_new(count);

            memcpy(result->x, ((Vector *)source)->x + start, sizeof(float) * count);
            return PointerGetDatum(result);
        }
        case VEC_TYPE_F16: {
            VecF16 *result = vecpg_vecf16_new(count);

            memcpy(result->x, ((VecF16 *)source)->x + start, sizeof(uint16) * count);
            return PointerGetDatum(result);
        }
        case VEC_TYPE_SPARSE:
            return PointerGetDatum(slice_sparse(source, start, count));
        case VEC_TYPE_BIT: {
            BVector *result = vecpg_bvector_new(count);

            vecpg_bvector_copy_bits(result, 0, source, start, count);
            return PointerGetDatum(result);
        }
        case VEC_TYPE_I8: {
            VecI8 *result = vecpg_veci8_new(count, ((VecI8 *)source)->alpha, ((VecI8 *)source)->offset);

            memcpy(result->x, ((VecI8 *)source)->x + start, count);
            return PointerGetDatum(result);
        }
    }
    pg_unreachable();
}

/* ---- v[a:b] ---- */

typedef struct SliceWorkspace {
    VecElementType element;
    int start;
    int end; /* -1: as far as there is */
} SliceWorkspace;

/* One bound as an integer expression; NULL if it was left out. */
static Node *
transform_bound(ParseState *pstate, Node *bound)
{
    Node *expression, *result;

    if (bound == NULL)
        return NULL;
    expression = transformExpr(pstate, bound, pstate->p_expr_kind);
    result = coerce_to_target_type(pstate, expression, exprType(expression), INT4OID, -1, COERCION_ASSIGNMENT,
                                   COERCE_IMPLICIT_CAST, -1);
    if (result == NULL)
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                        errmsg("bounds of a vector's slice must have type integer"),
                        parser_errposition(pstate, exprLocation(bound))));
    return result;
}

static void
transform(SubscriptingRef *reference, List *indirection, ParseState *pstate, bool is_slice,
          bool is_assignment)
{
    A_Indices *bounds = linitial_node(A_Indices, indirection);
    const char *type = format_type_be(reference->refcontainertype);
    int location = exprLocation(bounds->uidx != NULL ? bounds->uidx : bounds->lidx);

    if (is_assignment)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("type %s does not support assignment to a subscript", type),
                        errhint("Assign a whole vector."), parser_errposition(pstate, location)));
    if (list_length(indirection) != 1)
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type %s supports only one subscript", type),
                 parser_errposition(pstate, location)));
    if (!is_slice)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("type %s supports only slices as subscripts", type),
                        errhint("Write v[a:b] for the elements from a, counted from 0, to before b."),
                        parser_errposition(pstate, location)));
    reference->refupperindexpr = list_make1(transform_bound(pstate, bounds->uidx));
    reference->reflowerindexpr = list_make1(transform_bound(pstate, bounds->lidx));
    reference->refrestype = reference->refcontainertype;
    /* vector(3) is what the whole is, not the slice. */
    reference->reftypmod = -1;
}

static bool
check_bounds(ExprState *state, ExprEvalStep *step, ExprContext *context)
{
    SubscriptingRefState *reference = step->d.sbsref_subscript.state;
    SliceWorkspace *workspace = reference->workspace;

    workspace->start = 0;
    workspace->end = -1;
    if (reference->lowerprovided[0]) {
        workspace->start = DatumGetInt32(reference->lowerindex[0]);
        if (reference->lowerindexnull[0] || workspace->start < 0) {
            *step->resnull = true;
            return false;
        }
    }
    if (reference->upperprovided[0]) {
        workspace->end = DatumGetInt32(reference->upperindex[0]);
        if (reference->upperindexnull[0] || workspace->end < 0) {
            *step->resnull = true;
            return false;
        }
    }
    return true;
}

static void
fetch(ExprState *state, ExprEvalStep *step, ExprContext *context)
{
    SliceWorkspace *workspace = step->d.sbsref.state->workspace;
    struct varlena *vector = PG_DETOAST_DATUM(*step->resvalue);
    int dimensions = vecpg_operators_dimensions(workspace->element, PointerGetDatum(vector));
    int end = workspace->end < 0 ? dimensions : workspace->end;

    if (workspace->start >= end || end > dimensions)
        *step->resnull = true;
    else
        *step->resvalue = vecpg_operators_slice(workspace->element, PointerGetDatum(vector), workspace->start,
                                                end - workspace->start);
}

static void
exec_setup(VecElementType element, SubscriptingRefState *state, SubscriptExecSteps *steps)
{
    SliceWorkspace *workspace = palloc0(sizeof(SliceWorkspace));

    workspace->element = element;
    state->workspace = workspace;
    steps->sbs_check_subscripts = check_bounds;
    steps->sbs_fetch = fetch;
}

/* PostgreSQL tells the routines nothing of the type, so each type has its own; and subvector, for the same slices. */
#define DEFINE_SUBSCRIPT(type, element)                                                                      \
    static void type##_exec_setup(const SubscriptingRef *reference, SubscriptingRefState *state,             \
                                  SubscriptExecSteps *steps)                                                 \
    {                                                                                                        \
        exec_setup(element, state, steps);                                                                   \
    }                                                                                                        \
    PG_FUNCTION_INFO_V1(vectors_##type##_subscript);                                                         \
    Datum vectors_##type##_subscript(PG_FUNCTION_ARGS)                                                       \
    {                                                                                                        \
        static const SubscriptRoutines routines = {.transform = transform,                                   \
                                                   .exec_setup = type##_exec_setup,                          \
                                                   .fetch_strict = true,                                     \
                                                   .fetch_leakproof = true,                                  \
                                                   .store_leakproof = false};                                \
                                                                                                             \
        PG_RETURN_POINTER(&routines);                                                                        \
    }                                                                                                        \
    PG_FUNCTION_INFO_V1(vectors_##type##_subvector);                                                         \
    Datum vectors_##type##_subvector(PG_FUNCTION_ARGS)                                                       \
    {                                                                                                        \
        return subvector(fcinfo, element, &vecpg_type_##type);                                               \
    }

/* subvector(v, start, count): the elements from start, counted from 1, that exist; 22023 if that is none. */
static Datum
subvector(FunctionCallInfo fcinfo, VecElementType element, const VecpgTypeInfo *type)
{
    struct varlena *vector = PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
    int64 start = (int64)PG_GETARG_INT32(1) - 1, end = start + PG_GETARG_INT32(2);

    start = Max(start, 0);
    end = Min(end, vecpg_operators_dimensions(element, PointerGetDatum(vector)));
    if (end <= start)
        vecpg_types_check_dimensions(type, 0, NULL);
    return vecpg_operators_slice(element, PointerGetDatum(vector), (int)start, (int)(end - start));
}

DEFINE_SUBSCRIPT(vector, VEC_TYPE_F32)
DEFINE_SUBSCRIPT(vecf16, VEC_TYPE_F16)
DEFINE_SUBSCRIPT(svector, VEC_TYPE_SPARSE)
DEFINE_SUBSCRIPT(bvector, VEC_TYPE_BIT)
DEFINE_SUBSCRIPT(veci8, VEC_TYPE_I8)
