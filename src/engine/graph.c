/*
 * graph.c: the shape of a graph: layers, numbers, the way from the entry to the bottom.
 */
#include "graph.h"

#include "random.h"

#define LAYER_SEED UINT64_C(0x6c61796572)
#define PIECE_ROWS ((uint32_t)1 << 20) /* some 4 ms */

/* Top layer of a row: l with probability m^-l, cut off at the last layer. */
static uint32_t
top_layer(uint64_t seed, uint32_t m, uint32_t row)
{
    uint64_t draw = vec_random_at(seed ^ LAYER_SEED, row);
    uint64_t below = UINT64_MAX / m;
    uint32_t layer = 0;

    while (layer < VEC_FORMAT_LAYERS_MAX && draw < below) {
        layer++;
        below /= m;
    }
    return layer;
}

uint32_t
vec_graph_base_row(const VecGraphBase *base, uint32_t row)
{
    if (row >= base->graph->row_count || vec_bitset_test(base->dead, row))
        return VEC_NODE_NONE;

    uint64_t before = base->dead[row >> 6] & ((UINT64_C(1) << (row & 63)) - 1);
    return base->row_first + row - base->dead_before[row >> 6] - (uint32_t)__builtin_popcountll(before);
}

uint32_t
vec_graph_node_layers(const VecGraph *graph, uint32_t node)
{
    uint32_t layers = 0;

    while (layers < graph->layer_count && node < graph->upper[layers].node_count)
        layers++;
    return layers;
}

static uint32_t
piece_end(const VecGraphLayers *layers)
{
    uint32_t rest = layers->row_count - layers->row_next;

    return layers->row_next + (rest < PIECE_ROWS ? rest : PIECE_ROWS);
}

/* Upper nodes of the base, which keep their layers. */
static uint32_t
base_node_count(const VecGraphBase *base)
{
    return base == NULL ? 0 : base->graph->upper[0].node_count;
}

bool
vec_graph_count_some(VecGraphLayers *layers)
{
    const VecGraphBase *base = layers->base;
    uint32_t node_count = layers->row_next == 0 ? base_node_count(base) : 0, row_end = piece_end(layers);

    for (uint32_t node = 0; node < node_count; node++) {
        if (base->new_rows[node] != VEC_NODE_NONE)
            layers->by_top[vec_graph_node_layers(base->graph, node)]++;
    }
    for (; layers->row_next < row_end; layers->row_next++) {
        if (!vec_graph_base_has(base, layers->row_next))
            layers->by_top[top_layer(layers->seed, layers->m, layers->row_next)]++;
    }
    return layers->row_next == layers->row_count;
}

uint32_t
vec_graph_layers_counted(const VecGraphLayers *layers, uint32_t layer_nodes[VEC_FORMAT_LAYERS_MAX])
{
    uint32_t layer_count = VEC_FORMAT_LAYERS_MAX;

    memset(layer_nodes, 0, VEC_FORMAT_LAYERS_MAX * sizeof(uint32_t));
    while (layer_count > 0 && layers->by_top[layer_count] == 0)
        layer_count--;
    for (uint32_t layer = layer_count, nodes = 0; layer > 0; layer--)
        layer_nodes[layer - 1] = nodes += layers->by_top[layer];
    return layer_count;
}

void
vec_graph_number_begin(VecGraphLayers *layers, uint32_t layer_count, const uint32_t *layer_nodes)
{
    for (uint32_t layer = 1; layer <= layer_count; layer++)
        layers->by_top[layer] = layer < layer_count ? layer_nodes[layer] : 0;
    layers->row_next = 0;
}

bool
vec_graph_number_some(VecGraphLayers *layers, uint32_t *upper_rows)
{
    const VecGraphBase *base = layers->base;
    uint32_t node_count = layers->row_next == 0 ? base_node_count(base) : 0, row_end = piece_end(layers);

    for (uint32_t node = 0; node < node_count; node++) {
        base->new_nodes[node] = VEC_NODE_NONE;
        if (base->new_rows[node] != VEC_NODE_NONE) {
            base->new_nodes[node] = layers->by_top[vec_graph_node_layers(base->graph, node)]++;
            upper_rows[base->new_nodes[node]] = base->new_rows[node];
        }
    }
    for (; layers->row_next < row_end; layers->row_next++) {
        uint32_t row = layers->row_next;
        uint32_t top = vec_graph_base_has(base, row) ? 0 : top_layer(layers->seed, layers->m, row);

        if (top > 0)
            upper_rows[layers->by_top[top]++] = row;
    }
    return layers->row_next == layers->row_count;
}

bool
vec_graph_is_upper(uint64_t seed, uint32_t m, uint32_t row)
{
    return top_layer(seed, m, row) > 0;
}

void
vec_graph_attach(VecGraph *graph, uint32_t m, uint32_t row_count, uint32_t layer_count,
                 const uint32_t *layer_nodes, bool has_rings, const uint32_t *links,
                 const uint32_t *upper_rows, const uint32_t *upper_links)
{
    *graph = (VecGraph){.m = m, .row_count = row_count, .layer_count = layer_count};
    graph->bottom =
        (VecLayer){.links = links, .degree = 2 * m, .node_count = row_count, .has_rings = has_rings};
    for (uint32_t i = 0; i < layer_count; i++) {
        graph->upper[i] =
            (VecLayer){.links = upper_links, .degree = m, .node_count = layer_nodes[i], .rows = upper_rows};
        upper_links += (size_t)layer_nodes[i] * m;
    }
}

uint32_t
vec_graph_descend(const VecGraph *graph, VecWalk *walk, const VecCodes *codes, const VecCodeQuery *query,
                  uint32_t stop_above)
{
    uint32_t node = 0;

    for (uint32_t layer = graph->layer_count; layer > stop_above; layer--)
        node = vec_walk_descend(walk, &graph->upper[layer - 1], codes, query, node);
    return node;
}

uint32_t
vec_graph_entry(const VecGraph *graph, VecWalk *walk, const VecCodes *codes, const VecCodeQuery *query)
{
    if (graph->layer_count == 0)
        return 0;

    uint32_t row = graph->upper[0].rows[vec_graph_descend(graph, walk, codes, query, 0)];
    return row < graph->row_count ? row : 0;
}
