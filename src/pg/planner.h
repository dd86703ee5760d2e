/*
 * planner.h: what becomes of a plan after PostgreSQL made it.
 */
#ifndef VECPG_PLANNER_H
#define VECPG_PLANNER_H

#include "postgres.h"

/* Registers a hook; once a process, by _PG_init. */
extern void vecpg_planner_init(void);

#endif
