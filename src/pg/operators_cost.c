/*
 * operators_cost.c: what a distance costs, for the planner: it follows from the dimensions, and from whether the vector must be
 * fetched out of a TOAST table first, which costs far more than the arithmetic.
 *
 * Without it every function of C costs one cpu_operator_cost, and a plan that computes a million distances of 1,536 dimensions
 * looks as cheap as one that compares a million integers.
 */
#include "postgres.h"

#include "access/heaptoast.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "types_bvector.h"
#include "types_svector.h"
#include "types_vecf16.h"
#include "types_veci8.h"
#include "types_vector.h"
#include "vectors/distance.h"

#include <math.h>

/* 384 floats take 40 ns, a plain operator about 5: eight operators. */
#define BYTES_PER_OPERATOR 192.0
/* 1,536 dimensions out of a TOAST table, 4 pieces, take 19 us: 4,000 operators. */
#define OPERATORS_PER_TOAST_PIECE 950.0
/* A sparse vector's dimensions say nothing of its size. */
#define SVECTOR_BYTES_TYPICAL 1024

/* Bytes of a datum with this modifier; 0 if that does not tell. */
static Size
datum_bytes(VecElementType element, int32 typmod)
{
    if (element == VEC_TYPE_SPARSE)
        return SVECTOR_BYTES_TYPICAL;
    if (typmod < 1)
        return 0;
    switch (element) {
        case VEC_TYPE_F16:
            return VECF16_SIZE(typmod);
        case VEC_TYPE_BIT:
            return BVECTOR_SIZE(typmod);
        case VEC_TYPE_I8:
            return VECI8_SIZE(typmod);
        default:
            return VECTOR_SIZE(typmod);
    }
}

/* In units of cpu_operator_cost; 0 if the arguments do not tell. One of them may be a sphere, which has no modifier. */
static double
count_operators(VecElementType element, List *arguments)
{
    double bytes_largest = 0, pieces = 0;
    ListCell *cell;

    foreach (cell, arguments) {
        Node *argument = lfirst(cell);
        double bytes = (double)datum_bytes(element, exprTypmod(argument));

        bytes_largest = Max(bytes_largest, bytes);
        if (IsA(argument, Var) && bytes > TOAST_TUPLE_THRESHOLD)
            pieces += ceil(bytes / (double)TOAST_MAX_CHUNK_SIZE);
    }
    if (bytes_largest == 0)
        return 0;
    return 1 + bytes_largest / BYTES_PER_OPERATOR + pieces * OPERATORS_PER_TOAST_PIECE;
}

static Datum
answer(VecElementType element, Node *asked)
{
    SupportRequestCost *request = (SupportRequestCost *)asked;
    double count = 0;

    if (!IsA(asked, SupportRequestCost) || request->node == NULL)
        PG_RETURN_POINTER(NULL);
    if (IsA(request->node, OpExpr))
        count = count_operators(element, ((OpExpr *)request->node)->args);
    else if (IsA(request->node, FuncExpr))
        count = count_operators(element, ((FuncExpr *)request->node)->args);
    if (count == 0)
        PG_RETURN_POINTER(NULL);
    request->startup = 0;
    request->per_tuple = count * cpu_operator_cost;
    PG_RETURN_POINTER(request);
}

#define DEFINE_SUPPORT(type, element)                                                                        \
    PG_FUNCTION_INFO_V1(vectors_##type##_distance_support);                                                  \
    Datum vectors_##type##_distance_support(PG_FUNCTION_ARGS)                                                \
    {                                                                                                        \
        return answer(element, (Node *)PG_GETARG_POINTER(0));                                                \
    }

DEFINE_SUPPORT(vector, VEC_TYPE_F32)
DEFINE_SUPPORT(vecf16, VEC_TYPE_F16)
DEFINE_SUPPORT(svector, VEC_TYPE_SPARSE)
DEFINE_SUPPORT(bvector, VEC_TYPE_BIT)
DEFINE_SUPPORT(veci8, VEC_TYPE_I8)
