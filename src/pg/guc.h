/*
 * guc.h: the settings vectors.*
 */
#ifndef VECPG_GUC_H
#define VECPG_GUC_H

#include "postgres.h"

extern int vecpg_guc_hnsw_ef_search;
extern bool vecpg_guc_enable_index;

typedef enum VecpgWireFormat { VECPG_WIRE_PGVECTOR, VECPG_WIRE_PGVECTORS } VecpgWireFormat;
extern int vecpg_guc_wire_format;

extern void vecpg_guc_init(void);

#endif
