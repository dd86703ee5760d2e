/*
 * guc.c: the settings vectors.*: names, ranges, defaults.
 */
#include "guc.h"

#include <limits.h>

#include "utils/guc.h"

int vecpg_guc_ivf_nprobe;
int vecpg_guc_hnsw_ef_search;
bool vecpg_guc_enable_index;
int vecpg_guc_search_mode;
int vecpg_guc_iterative_order;
int vecpg_guc_max_scan_tuples;
int vecpg_guc_sq_rerank_size;
int vecpg_guc_pq_rerank_size;
int vecpg_guc_rq_rerank_size;
int vecpg_guc_max_background_workers;
int vecpg_guc_wire_format;

static const struct config_enum_entry wire_formats[] = {
    {"pgvector", VECPG_WIRE_PGVECTOR, false}, {"pgvectors", VECPG_WIRE_PGVECTORS, false}, {NULL, 0, false}};

static const struct config_enum_entry search_modes[] = {
    {"vbase", VECPG_SEARCH_VBASE, false}, {"basic", VECPG_SEARCH_BASIC, false}, {NULL, 0, false}};

static const struct config_enum_entry iterative_orders[] = {
    {"relaxed", VECPG_ORDER_RELAXED, false}, {"strict", VECPG_ORDER_STRICT, false}, {NULL, 0, false}};

/* What pgvecto.rs' users set, and what has nothing to set here. */
static const struct config_enum_entry transports[] = {
    {"unix", 0, false}, {"mmap", 1, false}, {NULL, 0, false}};
static bool accepted_sq_fast_scan, accepted_pq_fast_scan, accepted_rq_fast_scan, accepted_enable_prefilter;
static int accepted_internal_transport;

#define NO_EFFECT "Accepted for compatibility; has no effect."

static void
accept_boolean(const char *name, const char *what, bool *variable, bool value)
{
    DefineCustomBoolVariable(name, what, NO_EFFECT, variable, value, PGC_USERSET, 0, NULL, NULL, NULL);
}

static void
accept_settings(void)
{
    accept_boolean("vectors.sq_fast_scan", "Compares scalar codes in blocks.", &accepted_sq_fast_scan, false);
    accept_boolean("vectors.pq_fast_scan", "Compares product codes in blocks.", &accepted_pq_fast_scan,
                   false);
    accept_boolean("vectors.rq_fast_scan", "Compares RaBitQ codes in blocks.", &accepted_rq_fast_scan, true);
    accept_boolean("vectors.enable_prefilter", "Tests other conditions inside the index.",
                   &accepted_enable_prefilter, false);
    DefineCustomEnumVariable("vectors.internal_transport", "How to talk with the server of pgvecto.rs.",
                             NO_EFFECT, &accepted_internal_transport, 1, transports, PGC_USERSET, 0, NULL,
                             NULL, NULL);
}

static void
define_rerank_size(const char *name, const char *what, int *variable)
{
    DefineCustomIntVariable(
        name, what,
        "0: as many as the error bounds of the codes ask for. Else a row is given when so many "
        "that were compared by their full vectors wait, it among them.",
        variable, 0, 0, 65535, PGC_USERSET, 0, NULL, NULL, NULL);
}

static void
define_scan_settings(void)
{
    define_rerank_size("vectors.sq_rerank_size",
                       "Rows of scalar codes that are reranked before one is given.",
                       &vecpg_guc_sq_rerank_size);
    define_rerank_size("vectors.pq_rerank_size",
                       "Rows of product codes that are reranked before one is given.",
                       &vecpg_guc_pq_rerank_size);
    define_rerank_size("vectors.rq_rerank_size",
                       "Rows of RaBitQ codes that are reranked before one is given.",
                       &vecpg_guc_rq_rerank_size);
    DefineCustomEnumVariable("vectors.search_mode", "How far a scan goes.",
                             "vbase: until the query has all rows that it asks for; basic: at most "
                             "hnsw_ef_search rows of each segment.",
                             &vecpg_guc_search_mode, VECPG_SEARCH_VBASE, search_modes, PGC_USERSET, 0, NULL,
                             NULL, NULL);
    DefineCustomEnumVariable(
        "vectors.iterative_order", "What becomes of rows that a scan finds after it gave more distant ones.",
        "relaxed: they are given when they are found, so that none is missing; strict: they are left out, so "
        "that "
        "distances never descend.",
        &vecpg_guc_iterative_order, VECPG_ORDER_RELAXED, iterative_orders, PGC_USERSET, 0, NULL, NULL, NULL);
    DefineCustomIntVariable(
        "vectors.max_scan_tuples", "Rows of segments that a scan may look at before it ends; 0: no limit.",
        "A scan that it ends says so in a notice. Rows that no segment holds yet are not counted.",
        &vecpg_guc_max_scan_tuples, 0, 0, INT_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
}

void
vecpg_guc_init(void)
{
    define_scan_settings();
    accept_settings();
    DefineCustomIntVariable(
        "vectors.hnsw_ef_search", "Width of the search in a graph, in candidates.",
        "More finds more of the true neighbours and takes longer. A scan that needs more rows goes on.",
        &vecpg_guc_hnsw_ef_search, 100, 1, 65535, PGC_USERSET, 0, NULL, NULL, NULL);
    DefineCustomIntVariable(
        "vectors.ivf_nprobe", "Lists of an IVF index that a search reads in each segment, to begin with.",
        "At its default, an index's own indexing.ivf.nprobe takes its place.", &vecpg_guc_ivf_nprobe,
        VECPG_IVF_NPROBE_DEFAULT, 1, 65535, PGC_USERSET, 0, NULL, NULL, NULL);
    DefineCustomBoolVariable("vectors.enable_index",
                             "Lets the planner use indexes of the access method vectors.", NULL,
                             &vecpg_guc_enable_index, true, PGC_USERSET, 0, NULL, NULL, NULL);
    DefineCustomEnumVariable(
        "vectors.wire_format", "Binary form in which the vector types are sent and received.",
        "pgvector: the forms of pgvector and its client libraries, in network byte order; pgvectors: those "
        "of pgvecto.rs, in little endian.",
        &vecpg_guc_wire_format, VECPG_WIRE_PGVECTOR, wire_formats, PGC_USERSET, 0, NULL, NULL, NULL);
    DefineCustomIntVariable(
        "vectors.max_background_workers",
        "Background workers of all databases that build and merge segments at a time.",
        "They count among max_worker_processes. With 0, VACUUM and vectors_merge() do all the work.",
        &vecpg_guc_max_background_workers, 2, 0, 1024, PGC_SIGHUP, 0, NULL, NULL, NULL);
    MarkGUCPrefixReserved("vectors");
}
