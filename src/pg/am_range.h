/*
 * am_range.h: range conditions of a scan: which rows lie in all of its spheres.
 */
#ifndef VECPG_AM_RANGE_H
#define VECPG_AM_RANGE_H

#include "postgres.h"

#include "access/skey.h"
#include "column.h"

typedef struct VecpgSphere {
    VecpgVectorBytes center;
    float radius;  /* may be NaN, which is above infinity, as float4 compares */
    bool is_order; /* the center is the vector by whose distance rows are ordered */
} VecpgSphere;

/* All conditions must hold. */
typedef struct VecpgRange {
    bool is_empty; /* no row can lie in it: a NULL, or a radius that no distance is below */
    int sphere_count;
    VecpgSphere spheres[FLEXIBLE_ARRAY_MEMBER];
} VecpgRange;

/* Whether one of the scan keys states a range. */
extern bool vecpg_range_is_asked(ScanKey keys, int key_count);

/* The range that the scan keys of the vector's column state, NULL if none does. Lives in CurrentMemoryContext. */
extern VecpgRange *vecpg_range_read(const VecpgColumn *column, ScanKey keys, int key_count);

/* Finds out which spheres lie around the vector of the scan's order. */
extern void vecpg_range_set_order(VecpgRange *range, VecpgVectorBytes order);

/* The sphere with the smallest radius: what lies in all of them, lies in this. */
extern const VecpgSphere *vecpg_range_smallest(const VecpgRange *range);

/* No row of the range is as far from the vector of the scan's order; infinity: that is not known. */
extern float vecpg_range_limit(const VecpgRange *range);

/* Whether all spheres lie around the vector of the scan's order, so that a distance decides. */
extern bool vecpg_range_is_order(const VecpgRange *range);

/* Whether a row lies in all spheres, given its distance to the vector of the scan's order. */
extern bool vecpg_range_contains(const VecpgRange *range, const VecpgColumn *column, VecpgVectorBytes vector,
                                 float distance);

/* The same where all spheres lie around that vector. */
extern bool vecpg_range_contains_distance(const VecpgRange *range, float distance);

#endif
