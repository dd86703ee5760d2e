/*
 * guc.c: the settings vectors.*: names, ranges, defaults.
 */
#include "guc.h"

#include "utils/guc.h"

int vecpg_guc_hnsw_ef_search;
bool vecpg_guc_enable_index;
int vecpg_guc_wire_format;

static const struct config_enum_entry wire_formats[] = {
    {"pgvector", VECPG_WIRE_PGVECTOR, false}, {"pgvectors", VECPG_WIRE_PGVECTORS, false}, {NULL, 0, false}};

void
vecpg_guc_init(void)
{
    DefineCustomIntVariable(
        "vectors.hnsw_ef_search", "Width of the search in a graph, in candidates.",
        "More finds more of the true neighbours and takes longer. A scan that needs more rows goes on.",
        &vecpg_guc_hnsw_ef_search, 100, 1, 65535, PGC_USERSET, 0, NULL, NULL, NULL);
    DefineCustomBoolVariable("vectors.enable_index",
                             "Lets the planner use indexes of the access method vectors.", NULL,
                             &vecpg_guc_enable_index, true, PGC_USERSET, 0, NULL, NULL, NULL);
    DefineCustomEnumVariable(
        "vectors.wire_format", "Binary form in which the vector types are sent and received.",
        "pgvector: the forms of pgvector and its client libraries, in network byte order; pgvectors: those "
        "of pgvecto.rs, in little endian.",
        &vecpg_guc_wire_format, VECPG_WIRE_PGVECTOR, wire_formats, PGC_USERSET, 0, NULL, NULL, NULL);
    MarkGUCPrefixReserved("vectors");
}
