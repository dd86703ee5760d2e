/*
 * filter.h: the conditions of an index scan on filter columns, as the engine tests them (vectors/filter.h).
 */
#ifndef VECPG_FILTER_H
#define VECPG_FILTER_H

#include "postgres.h"

#include "access/skey.h"
#include "keys.h"
#include "log.h"
#include "utils/rel.h"
#include "vectors/filter.h"

typedef enum VecpgVectorTest {
    VECPG_VECTOR_ANY,
    VECPG_VECTOR_IS_NULL,
    VECPG_VECTOR_IS_NOT_NULL,
} VecpgVectorTest;

typedef struct VecpgFilter {
    VecFilter keys;              /* no condition: every row matches */
    bool matches_nothing;        /* a condition that no row fulfils: false, NULL, a contradiction */
    bool is_lossy;               /* the executor must look at the rows again */
    VecpgVectorTest vector_test; /* of the first column */
    const VecpgKeyLayout *layout;
    VecCondition conditions[VEC_CONDITIONS_MAX];
} VecpgFilter;

/*
 * What the scan keys ask of the filter columns, and IS [NOT] NULL of the first; other conditions on the first column are passed over.
 * Lives in CurrentMemoryContext, points to layout. NULL: nothing is asked.
 */
extern VecpgFilter *vecpg_filter_make(Relation index, const VecpgKeyLayout *layout, ScanKey keys, int count);

/* Whether an entry of the log fulfils all of it. filter may be NULL. */
extern bool vecpg_filter_matches(const VecpgFilter *filter, const VecpgLogEntry *entry);

/*
 * Whether the index can do anything with a condition of this strategy and collation on a column of this kind, or leaves it
 * all to the executor.
 */
extern bool vecpg_filter_is_useful(VecpgKeyKind kind, int strategy, Oid collation);

#endif
