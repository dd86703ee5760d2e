/*
 * am_validate.c: is an operator class fit for the access method?
 */
#include "am.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "keys.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

static bool
operator_is_valid(HeapTuple tuple, const char *class_name)
{
    Form_pg_amop form = (Form_pg_amop)GETSTRUCT(tuple);

    bool is_distance = form->amopstrategy == VECPG_STRATEGY_DISTANCE && form->amoppurpose == AMOP_ORDER;
    bool is_sphere = form->amopstrategy == VECPG_STRATEGY_SPHERE && form->amoppurpose == AMOP_SEARCH;

    if (!is_distance && !is_sphere) {
        ereport(
            INFO,
            (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
             errmsg("operator class \"%s\" of access method vectors contains operator %s with strategy %d: "
                    "only strategies %d, FOR ORDER BY, and %d, FOR SEARCH, are known",
                    class_name, format_operator(form->amopopr), form->amopstrategy, VECPG_STRATEGY_DISTANCE,
                    VECPG_STRATEGY_SPHERE)));
        return false;
    }
    if (!check_amop_signature(form->amopopr, is_distance ? FLOAT4OID : BOOLOID, form->amoplefttype,
                              form->amoprighttype)) {
        ereport(INFO,
                (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                 errmsg("operator class \"%s\" of access method vectors contains operator %s with a wrong "
                        "signature: it must return %s",
                        class_name, format_operator(form->amopopr), is_distance ? "real" : "boolean")));
        return false;
    }
    return true;
}

/* Strategy of a filter column's class -> the btree operator it must be: keys sort as btree sorts. */
static int
btree_strategy(int strategy)
{
    switch (strategy) {
        case VECPG_STRATEGY_LESS:
            return BTLessStrategyNumber;
        case VECPG_STRATEGY_LESS_EQUAL:
            return BTLessEqualStrategyNumber;
        case VECPG_STRATEGY_EQUAL:
            return BTEqualStrategyNumber;
        case VECPG_STRATEGY_GREATER_EQUAL:
            return BTGreaterEqualStrategyNumber;
        case VECPG_STRATEGY_GREATER:
            return BTGreaterStrategyNumber;
        default:
            return InvalidStrategy;
    }
}

/* Does the operator mean what its strategy says? */
static bool
filter_operator_is_known(Form_pg_amop form, Oid input_type)
{
    Oid btree_class;

    if (form->amoppurpose != AMOP_SEARCH || vecpg_keys_kind(form->amoplefttype) == VECPG_KEY_NONE ||
        vecpg_keys_kind(form->amoprighttype) == VECPG_KEY_NONE)
        return false;
    if (form->amopstrategy == VECPG_STRATEGY_OVERLAPS)
        return form->amopopr == OID_ARRAY_OVERLAP_OP;
    if (form->amopstrategy == VECPG_STRATEGY_CONTAINS)
        return form->amopopr == OID_ARRAY_CONTAINS_OP;
    btree_class = GetDefaultOpClass(input_type, BTREE_AM_OID);
    return OidIsValid(btree_class) && btree_strategy(form->amopstrategy) != InvalidStrategy &&
           form->amopopr == get_opfamily_member(get_opclass_family(btree_class), form->amoplefttype,
                                                form->amoprighttype, btree_strategy(form->amopstrategy));
}

static bool
filter_class_is_valid(Form_pg_opclass class_form)
{
    CatCList *operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(class_form->opcfamily));
    int own_count = 0;
    bool is_valid = true;

    for (int i = 0; i < operators->n_members; i++) {
        Form_pg_amop form = (Form_pg_amop)GETSTRUCT(&operators->members[i]->tuple);

        if (form->amoplefttype == class_form->opcintype && form->amoprighttype == class_form->opcintype)
            own_count++;
        if (filter_operator_is_known(form, class_form->opcintype))
            continue;
        is_valid = false;
        ereport(
            INFO,
            (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
             errmsg("operator class \"%s\" of access method vectors contains operator %s with strategy %d, "
                    "which is not what a filter column means by it",
                    NameStr(class_form->opcname), format_operator(form->amopopr), form->amopstrategy)));
    }
    ReleaseCatCacheList(operators);
    if (own_count == 0) {
        is_valid = false;
        ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                       errmsg("operator class \"%s\" of access method vectors has no operators for its type",
                              NameStr(class_form->opcname))));
    }
    return is_valid;
}

bool
vecpg_am_validate(Oid operator_class)
{
    HeapTuple class_tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(operator_class));
    Form_pg_opclass class_form;
    CatCList *operators;
    bool has_distance = false;
    bool is_valid = true;

    if (!HeapTupleIsValid(class_tuple))
        elog(ERROR, "cache lookup failed for operator class %u", operator_class);
    class_form = (Form_pg_opclass)GETSTRUCT(class_tuple);
    if (vecpg_keys_kind(class_form->opcintype) != VECPG_KEY_NONE) {
        is_valid = filter_class_is_valid(class_form);
        ReleaseSysCache(class_tuple);
        return is_valid;
    }
    operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(class_form->opcfamily));
    for (int i = 0; i < operators->n_members; i++) {
        HeapTuple tuple = &operators->members[i]->tuple;

        if (!operator_is_valid(tuple, NameStr(class_form->opcname)))
            is_valid = false;
        else if (((Form_pg_amop)GETSTRUCT(tuple))->amopstrategy == VECPG_STRATEGY_DISTANCE)
            has_distance = true;
    }
    if (!has_distance) {
        ereport(INFO,
                (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                 errmsg("operator class \"%s\" of access method vectors is missing its distance operator",
                        NameStr(class_form->opcname))));
        is_valid = false;
    }
    ReleaseCatCacheList(operators);
    ReleaseSysCache(class_tuple);
    return is_valid;
}
