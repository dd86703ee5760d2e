/*
 * am.c: the handler of the access method vectors: what it can do, and who does it.
 */
#include "am.h"

#include "commands/vacuum.h"
#include "fmgr.h"
#include "options.h"

PG_FUNCTION_INFO_V1(vectors_amhandler);

Datum
vectors_amhandler(PG_FUNCTION_ARGS)
{
    IndexAmRoutine *routine = makeNode(IndexAmRoutine);

    routine->amstrategies = VECPG_STRATEGY_COUNT;
    routine->amcanorderbyop = true;
    routine->amoptionalkey = true;
    routine->amcanmulticol = true;
    routine->amsearchnulls = true;
    routine->amsearcharray = true;
    routine->amkeytype = InvalidOid;
    /* VACUUM would hand parts to workers that could not build segments with threads of their own. */
    routine->amparallelvacuumoptions = 0;

    routine->ambuild = vecpg_am_build;
    routine->ambuildempty = vecpg_am_build_empty;
    routine->ambuildphasename = vecpg_am_build_phase_name;
    routine->aminsert = vecpg_am_insert;
    routine->ambulkdelete = vecpg_am_vacuum_delete;
    routine->amvacuumcleanup = vecpg_am_vacuum_cleanup;
    routine->amcostestimate = vecpg_am_cost_estimate;
    routine->amoptions = vecpg_options_parse;
    routine->amvalidate = vecpg_am_validate;
    routine->ambeginscan = vecpg_am_scan_begin;
    routine->amrescan = vecpg_am_scan_rescan;
    routine->amgettuple = vecpg_am_scan_next;
    routine->amendscan = vecpg_am_scan_end;
    PG_RETURN_POINTER(routine);
}
