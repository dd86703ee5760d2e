/*
 * guc.h: the settings vectors.*
 */
#ifndef VECPG_GUC_H
#define VECPG_GUC_H

#include "postgres.h"

extern int vecpg_guc_hnsw_ef_search;

#define VECPG_IVF_NPROBE_DEFAULT 10
extern int vecpg_guc_ivf_nprobe;

/* Rows of scalar, product and RaBitQ codes that are reranked before one is given; 0: automatic. */
extern int vecpg_guc_sq_rerank_size, vecpg_guc_pq_rerank_size, vecpg_guc_rq_rerank_size;

extern bool vecpg_guc_enable_index;
extern int vecpg_guc_max_scan_tuples; /* 0: no limit */

typedef enum VecpgSearchMode { VECPG_SEARCH_VBASE, VECPG_SEARCH_BASIC } VecpgSearchMode;
extern int vecpg_guc_search_mode;

typedef enum VecpgIterativeOrder { VECPG_ORDER_RELAXED, VECPG_ORDER_STRICT } VecpgIterativeOrder;
extern int vecpg_guc_iterative_order;
extern int vecpg_guc_max_background_workers;

typedef enum VecpgWireFormat { VECPG_WIRE_PGVECTOR, VECPG_WIRE_PGVECTORS } VecpgWireFormat;
extern int vecpg_guc_wire_format;

extern void vecpg_guc_init(void);

#endif
