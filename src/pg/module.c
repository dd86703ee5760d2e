/*
 * module.c: where PostgreSQL enters the library.
 */
#include "postgres.h"

#include "expectation.h"
#include "fmgr.h"
#include "guc.h"
#include "options.h"
#include "planner.h"
#include "store.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
    vecpg_options_init();
    vecpg_guc_init();
    vecpg_planner_init();
    vecpg_expectation_init();
    vecpg_store_sweep_init();
}
