/*
 * guc.h: the settings vectors.*
 */
#ifndef VECPG_GUC_H
#define VECPG_GUC_H

#include "postgres.h"

extern int vecpg_guc_hnsw_ef_search;
extern bool vecpg_guc_enable_index;

extern void vecpg_guc_init(void);

#endif
