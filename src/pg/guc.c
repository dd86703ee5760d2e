/*
 * guc.c: the settings vectors.*: names, ranges, defaults.
 */
#include "guc.h"

#include "utils/guc.h"

int vecpg_guc_hnsw_ef_search;
bool vecpg_guc_enable_index;

void
vecpg_guc_init(void)
{
    DefineCustomIntVariable("vectors.hnsw_ef_search", "Width of the search in a graph, in candidates.",
                            "More finds more of the true neighbours and takes longer. A scan that needs more rows goes on.",
                            &vecpg_guc_hnsw_ef_search, 100, 1, 65535, PGC_USERSET, 0, NULL, NULL, NULL);
    DefineCustomBoolVariable("vectors.enable_index", "Lets the planner use indexes of the access method vectors.", NULL,
                             &vecpg_guc_enable_index, true, PGC_USERSET, 0, NULL, NULL, NULL);
    MarkGUCPrefixReserved("vectors");
}
