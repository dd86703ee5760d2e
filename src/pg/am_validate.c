/*
 * am_validate.c: is an operator class fit for the access method?
 */
#include "am.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
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
