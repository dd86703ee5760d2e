/*
 * expectation.h: how many rows a statement wants of a scan.
 */
#ifndef VECPG_EXPECTATION_H
#define VECPG_EXPECTATION_H

#include "postgres.h"

#include "utils/rel.h"

/* Registers a hook; once a process, by _PG_init. */
extern void vecpg_expectation_init(void);

/* So many rows will likely be asked of the scan of the index that begins now; 0: unknown. */
extern uint32 vecpg_expectation_take(Relation index);

#endif
