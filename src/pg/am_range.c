/*
 * am_range.c: range conditions of a scan: vector <<->> sphere(center, radius) and its relatives.
 *
 * The answer is that of the operator's function: a row is in if float4 says that its exact distance is below the radius, by
 * the same kernel. So the executor need not look again, and the search may be as approximate as it likes about what it offers.
 *
 * Where a search may end is the engine's decision (VecSearchOptions.radius), by the lower bounds of whole rounds: in an
 * approximate order the first row beyond the radius says nothing about the next.
 */
#include "am_range.h"

#include <math.h>

#include "am.h"
#include "operators.h"
#include "types_common.h"

/* Distances below which there is nothing. Dot products have none. */
static bool
is_below_all(VecMetric metric, float radius)
{
    return metric != VEC_METRIC_DOT && vecpg_types_compare_float(radius, 0.0f) <= 0;
}

static bool
is_sphere(const ScanKeyData *key)
{
    return key->sk_attno == 1 && key->sk_strategy == VECPG_STRATEGY_SPHERE;
}

bool
vecpg_range_is_asked(ScanKey keys, int key_count)
{
    for (int i = 0; i < key_count; i++)
        if (is_sphere(&keys[i]))
            return true;
    return false;
}

VecpgRange *
vecpg_range_read(const VecpgColumn *column, ScanKey keys, int key_count)
{
    VecpgRange *range = palloc0(offsetof(VecpgRange, spheres) + key_count * sizeof(VecpgSphere));

    for (int i = 0; i < key_count; i++) {
        VecpgSphere *sphere = &range->spheres[range->sphere_count];
        Datum center;

        if (!is_sphere(&keys[i]))
            continue;
        range->sphere_count++;
        if ((keys[i].sk_flags & SK_ISNULL) != 0 ||
            !vecpg_operators_open_sphere(keys[i].sk_argument, &center, &sphere->radius)) {
            range->is_empty = true;
            continue;
        }
        sphere->center = vecpg_column_datum(column, center);
        if (is_below_all(column->metric, sphere->radius))
            range->is_empty = true;
    }
    if (range->sphere_count > 0)
        return range;
    pfree(range);
    return NULL;
}

void
vecpg_range_set_order(VecpgRange *range, VecpgVectorBytes order)
{
    for (int i = 0; i < range->sphere_count; i++) {
        VecpgSphere *sphere = &range->spheres[i];

        sphere->is_order =
            sphere->center.bytes == order.bytes &&
            (order.bytes == 0 || memcmp(sphere->center.elements, order.elements, order.bytes) == 0);
    }
}

const VecpgSphere *
vecpg_range_smallest(const VecpgRange *range)
{
    const VecpgSphere *smallest = &range->spheres[0];

    for (int i = 1; i < range->sphere_count; i++)
        if (vecpg_types_compare_float(range->spheres[i].radius, smallest->radius) < 0)
            smallest = &range->spheres[i];
    return smallest;
}

float
vecpg_range_limit(const VecpgRange *range)
{
    float limit = INFINITY;

    for (int i = 0; i < range->sphere_count; i++)
        if (range->spheres[i].is_order && range->spheres[i].radius < limit)
            limit = range->spheres[i].radius;
    return limit;
}

bool
vecpg_range_is_order(const VecpgRange *range)
{
    for (int i = 0; i < range->sphere_count; i++)
        if (!range->spheres[i].is_order)
            return false;
    return true;
}

bool
vecpg_range_contains(const VecpgRange *range, const VecpgColumn *column, VecpgVectorBytes vector,
                     float distance)
{
    for (int i = 0; i < range->sphere_count; i++) {
        const VecpgSphere *sphere = &range->spheres[i];

        float to_center = sphere->is_order ? distance : vecpg_column_distance(column, vector, sphere->center);

        if (vecpg_types_compare_float(to_center, sphere->radius) >= 0)
            return false;
    }
    return true;
}

bool
vecpg_range_contains_distance(const VecpgRange *range, float distance)
{
    for (int i = 0; i < range->sphere_count; i++)
        if (vecpg_types_compare_float(distance, range->spheres[i].radius) >= 0)
            return false;
    return true;
}
