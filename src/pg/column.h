/*
 * column.h: what the access method must know of the indexed column: its element type, metric and dimensions, and how
 * a datum becomes the bytes of a log entry.
 */
#ifndef VECPG_COLUMN_H
#define VECPG_COLUMN_H

#include "postgres.h"

#include "log.h"
#include "utils/rel.h"
#include "vectors/distance.h"

typedef struct VecpgColumn {
    VecElementType element_type;
    VecMetric metric;
    uint32 dimensions;
} VecpgColumn;

/* The modifier of the column's type, or of the type that its domain is over: the dimensions; -1: there is none. */
extern int32 vecpg_column_modifier(Relation index);

/* From the catalogs: the type's modifier and the operator class. ALTER TABLE may have taken the dimensions away: 0. */
extern void vecpg_column_from_catalog(Relation index, VecpgColumn *column);

/* From the log, which is cheaper and what the index was built for. */
extern void vecpg_column_from_meta(const VecpgLogMeta *meta, VecpgColumn *column);
extern void vecpg_column_from_shape(const VecpgLogShape *shape, VecpgColumn *column);

extern void vecpg_column_shape(const VecpgColumn *column, VecpgLogShape *shape);

/* A vector's elements, as the log stores them; may point into the datum. */
typedef struct VecpgVectorBytes {
    const char *elements;
    uint32 bytes;
} VecpgVectorBytes;

/* Detoasts (into CurrentMemoryContext) and checks the dimensions: 22000 `different vector dimensions`. */
extern VecpgVectorBytes vecpg_column_datum(const VecpgColumn *column, Datum datum);

/* The datum that these are the elements of, palloc'ed. */
extern Datum vecpg_column_to_datum(const VecpgColumn *column, VecpgVectorBytes vector);

/* The exact distance, as the operator computes it. */
extern float vecpg_column_distance(const VecpgColumn *column, VecpgVectorBytes a, VecpgVectorBytes b);

/*
 * The vector as the engine takes it (vectors/segment.h): the bytes themselves, or, where those are narrower than float32,
 * its elements widened into scratch, which has vecpg_column_scratch_bytes.
 */
extern VecpgVectorBytes vecpg_column_for_engine(const VecpgColumn *column, VecpgVectorBytes vector,
                                                void *scratch);
extern Size vecpg_column_scratch_bytes(const VecpgColumn *column);

#endif
