/*
 * graph_lists.c: which neighbours the lists of a graph under construction name.
 *
 * The neighbours of a row are chosen among what the walk found by the paper's heuristic: nearest first, leaving out those
 * that are no farther from a chosen one than from the row; then the nearest of those left out fill the list up to 5/8. No
 * farther, where others say nearer: rows that are equal would all be chosen, fill each other's lists and lead nowhere else
 * (10,000 rows, of which 3,000 are the same: recall of the others was 0.89, is 0.99). The free places take the links that
 * come back: a list that is always full has to be chosen anew at each of them, which was half of the time of a build (33
 * such choices a row, 3 with the free places; recall at equal numbers of distances is the same). Distances between rows
 * come from codes alone.
 */
#include "graph_building.h"

#define SELECT_BATCH 8

/* True if `row` (relative holds it) is no farther from a chosen row than `distance`. */
static bool
is_covered(VecGraphWorker *worker, const VecCodes *codes, float distance, uint32_t chosen_count)
{
    int32_t sums[SELECT_BATCH];
    float distances[SELECT_BATCH];

    for (uint32_t first = 0; first < chosen_count; first += SELECT_BATCH) {
        uint32_t count = chosen_count - first < SELECT_BATCH ? chosen_count - first : SELECT_BATCH;

        vec_codes_distances(codes, &worker->relative, worker->chosen_rows + first, count, sums, distances);
        for (uint32_t i = 0; i < count; i++) {
            if (distances[i] + worker->relative.constant <= distance)
                return true;
        }
    }
    return false;
}

uint32_t
vec_graph_list_choose(VecGraphWorker *worker, const VecLayer *layer, const uint64_t *keys, uint32_t key_count,
                      uint32_t wanted, float constant)
{
    const VecCodes *codes = &worker->build->codes;
    uint32_t filled = wanted < layer->degree * 5 / 8 ? wanted : layer->degree * 5 / 8;
    uint32_t chosen_count = 0, left_count = 0;

    for (uint32_t i = 0; i < key_count && chosen_count < wanted; i++) {
        uint32_t row = vec_graph_node_row(layer, vec_walk_key_node(keys[i]));

        if (chosen_count > 0) {
            vec_codes_query_from_row(codes, row, &worker->relative);
            if (is_covered(worker, codes, vec_walk_key_distance(keys[i]) + constant, chosen_count)) {
                if (left_count < filled)
                    worker->left_keys[left_count++] = keys[i];
                continue;
            }
        }
        worker->chosen_rows[chosen_count] = row;
        worker->chosen_keys[chosen_count++] = keys[i];
    }
    for (uint32_t i = 0; i < left_count && chosen_count < filled; i++)
        worker->chosen_keys[chosen_count++] = worker->left_keys[i];
    return chosen_count;
}

void
vec_graph_list_store(uint32_t *links, uint32_t degree, const uint64_t *keys, uint32_t count)
{
    for (uint32_t i = 0; i < degree; i++)
        __atomic_store_n(&links[i], i < count ? vec_walk_key_node(keys[i]) : VEC_NODE_NONE, __ATOMIC_RELAXED);
}

uint32_t
vec_graph_list_read(VecGraphWorker *worker, const VecLayer *layer, const uint32_t *links, uint32_t count_max,
                    uint32_t until)
{
    uint32_t count = 0;

    for (; count < count_max; count++) {
        uint32_t neighbour = __atomic_load_n(&links[count], __ATOMIC_RELAXED);

        if (neighbour == VEC_NODE_NONE || neighbour == until)
            break;
        worker->list_keys[count] = neighbour;
        worker->list_rows[count] = vec_graph_node_row(layer, neighbour);
    }
    return count;
}

uint32_t
vec_graph_list_choose_anew(VecGraphWorker *worker, const VecLayer *layer, uint32_t row, uint32_t count,
                           uint32_t wanted)
{
    const VecCodes *codes = &worker->build->codes;

    vec_codes_query_from_row(codes, row, &worker->other);
    vec_codes_distances(codes, &worker->other, worker->list_rows, count, worker->list_sums,
                        worker->list_distances);
    for (uint32_t i = 0; i < count; i++)
        worker->list_keys[i] = vec_walk_key(worker->list_distances[i], (uint32_t)worker->list_keys[i]);
    vec_walk_sort(worker->list_keys, count);
    return vec_graph_list_choose(worker, layer, worker->list_keys, count, wanted, worker->other.constant);
}

void
vec_graph_list_add(VecGraphWorker *worker, const VecLayer *layer, uint32_t to, uint32_t node, bool may_leave)
{
    uint32_t to_row = vec_graph_node_row(layer, to);
    uint32_t *links = vec_graph_node_links(layer, to);

    vec_graph_lock_row(worker->build, to_row);
    uint32_t room = vec_graph_list_room(layer, to);
    uint32_t count = vec_graph_list_read(worker, layer, links, room, node);
    if (count < room) { /* room, or there already */
        __atomic_store_n(&links[count], node, __ATOMIC_RELAXED);
    } else if (!may_leave) {
        worker->list_keys[count] = node;
        worker->list_rows[count++] = vec_graph_node_row(layer, node);
        count = vec_graph_list_choose_anew(worker, layer, to_row, count, room);
        vec_graph_list_store(links, room, worker->chosen_keys, count);
    }
    vec_graph_unlock_row(worker->build, to_row);
}

void
vec_graph_list_seed(VecGraphWorker *worker, const VecLayer *layer, uint32_t node)
{
    uint32_t count = vec_graph_list_read(worker, layer, vec_graph_node_links(layer, node),
                                         vec_graph_list_room(layer, node), VEC_NODE_NONE);

    for (uint32_t i = 0; i < count; i++)
        vec_walk_seed(&worker->walk, layer, &worker->build->codes, &worker->query,
                      (uint32_t)worker->list_keys[i]);
}
