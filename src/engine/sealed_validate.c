/*
 * sealed_validate.c: whether a segment's contents are what its header promises; for tests and for administrators.
 */
#include <inttypes.h>

#include "bitset.h"
#include "memory.h"
#include "sealed.h"
#include "sparse.h"

#define POLL_ROWS        4096
#define POLL_COMPARISONS 10000000

typedef struct Validation {
    const VecSealed *sealed;
    VecShouldStop should_stop;
    void *should_stop_context;
    VecError *error;
    VecSegmentHealth health;
} Validation;

static VecStatus
fail(const Validation *validation, const char *what, uint64_t row)
{
    return vec_error_set(validation->error, VEC_CORRUPT, 0, "segment file \"%s\": %s at %" PRIu64,
                         validation->sealed->file_name, what, row);
}

static VecStatus
poll_every(const Validation *validation, uint64_t rows, uint64_t row, uint64_t total)
{
    if (row % rows == 0 && validation->should_stop != NULL &&
        validation->should_stop(validation->should_stop_context, row, total))
        return vec_error_set(validation->error, VEC_INTERRUPTED, 0, "interrupted");
    return VEC_OK;
}

static VecStatus
poll_row(const Validation *validation, uint64_t row, uint64_t total)
{
    return poll_every(validation, POLL_ROWS, row, total);
}

static VecStatus
check_rows(Validation *validation)
{
    const VecSealed *sealed = validation->sealed;
    const VecFormatHeader *header = &sealed->header;
    VecStatus status;

    for (uint64_t i = 0; i < header->rows_coded; i++) {
        const VecFormatRow *row = &sealed->rows[i];

        if ((status = poll_row(validation, i, header->rows_coded)) != VEC_OK)
            return status;
        if (row->kind != VEC_ROW_CODED)
            return fail(validation, "kind of a coded row", i);
        if (sealed->codes.row_cells != NULL && sealed->codes.row_cells[i].cell >= header->cells)
            return fail(validation, "cell of a row", i);
        if (row->position < header->stamp.position_from || row->position >= header->stamp.position_to)
            return fail(validation, "position outside the segment's range", i);
        if (i > 0 && row->position <= row[-1].position)
            return fail(validation, "positions do not ascend", i);
    }
    for (uint64_t i = 0; i < header->rows_exact + header->rows_null; i++) {
        if ((status = poll_row(validation, i, header->rows_exact + header->rows_null)) != VEC_OK)
            return status;
        if (sealed->exceptions[i].kind != (i < header->rows_exact ? VEC_ROW_EXACT : VEC_ROW_NULL))
            return fail(validation, "kind of an exception", i);
        if (sealed->exceptions[i].position < header->stamp.position_from ||
            sealed->exceptions[i].position >= header->stamp.position_to)
            return fail(validation, "position of an exception outside the segment's range", i);
    }
    return VEC_OK;
}

/* Sparse codes lie one behind the other and hold indexes of the index's dimensions. */
static VecStatus
check_starts(Validation *validation)
{
    const VecCodes *codes = &validation->sealed->codes;
    VecStatus status;

    for (uint32_t row = 0; row < codes->row_count; row++) {
        if ((status = poll_row(validation, row, codes->row_count)) != VEC_OK)
            return status;
        if (!vec_sparse_validate(codes, row))
            return fail(validation, "impossible code of a sparse row", row);
    }
    if (codes->starts[0] != 0 || codes->starts[codes->row_count] != codes->code_bytes)
        return fail(validation, "codes do not fill their section", codes->row_count);
    return VEC_OK;
}

/* NULL keys are 0, of keys that may be NULL. */
static VecStatus
check_nulls(Validation *validation)
{
    const VecKeyColumns *keys = &validation->sealed->keys;
    VecStatus status;

    for (uint64_t row = 0; keys->nulls != NULL && row < keys->row_count; row++) {
        uint64_t nulls = keys->nulls[row];

        if ((status = poll_row(validation, row, keys->row_count)) != VEC_OK)
            return status;
        if ((nulls & ~validation->sealed->header.key_nulls) != 0)
            return fail(validation, "NULL of a key that has none", row);
        for (; nulls != 0; nulls &= nulls - 1) {
            if (vec_keys_column(keys, (uint32_t)__builtin_ctzll(nulls))[row] != 0)
                return fail(validation, "value of a NULL key", row);
        }
    }
    return VEC_OK;
}

/* Orders ascend strictly, so no row is there twice. */
static VecStatus
check_order(Validation *validation, uint32_t key)
{
    const VecKeyColumns *keys = &validation->sealed->keys;
    const uint32_t *order = vec_keys_order(keys, key);
    VecKeySort sort = {.column = vec_keys_column(keys, key), .nulls = keys->nulls, .key = key};
    uint32_t last = 0;
    VecStatus status;

    for (uint32_t i = 0; i < keys->coded_count; i++) {
        uint32_t row = __atomic_load_n(&order[i], __ATOMIC_RELAXED);

        if ((status = poll_row(validation, i, keys->coded_count)) != VEC_OK)
            return status;
        if (row >= keys->coded_count)
            return fail(validation, "impossible row in the order of a key", i);
        if (i > 0 && !vec_keys_is_before(&sort, last, row))
            return fail(validation, "order of a key", i);
        last = row;
    }
    return VEC_OK;
}

/* A row's grade is that of NULL, or one that has its key; grades ascend. */
static VecStatus
check_grades(Validation *validation, uint32_t key)
{
    const VecKeyColumns *keys = &validation->sealed->keys;
    const uint64_t *column = vec_keys_column(keys, key);
    const VecKeyGrades *grades = vec_keys_grades(keys, key);
    VecStatus status;

    for (uint32_t row = 0; row < keys->coded_count; row++) {
        uint8_t grade = vec_key_grades_rows(grades)[row];
        bool is_null = vec_keys_is_null(keys, key, row);

        if ((status = poll_row(validation, row, keys->coded_count)) != VEC_OK)
            return status;
        if (is_null != (grade == VEC_KEY_GRADE_NULL) ||
            (!is_null && (column[row] < grades->least[grade] || column[row] > grades->greatest[grade])))
            return fail(validation, "grade of a key", row);
    }
    for (uint32_t grade = 2; keys->coded_count > 0 && grade < VEC_KEY_GRADES; grade++) {
        if (grades->least[grade] < grades->greatest[grade - 1] ||
            grades->greatest[grade] < grades->least[grade])
            return fail(validation, "order of the grades of a key, grade", grade);
    }
    return VEC_OK;
}

static VecStatus
check_keys(Validation *validation)
{
    VecStatus status = check_nulls(validation);

    for (uint64_t rest = validation->sealed->keys.key_ordered; rest != 0 && status == VEC_OK;
         rest &= rest - 1) {
        uint32_t key = (uint32_t)__builtin_ctzll(rest);

        if ((status = check_order(validation, key)) == VEC_OK)
            status = check_grades(validation, key);
    }
    return status;
}

/* Lists hold numbers of the layer, no node twice, never the node itself, and nothing after their end but the next of a ring. */
static VecStatus
check_layer(Validation *validation, const VecLayer *layer, bool is_bottom)
{
    VecSegmentHealth *health = &validation->health;
    VecStatus status;

    for (uint32_t node = 0; node < layer->node_count; node++) {
        const uint32_t *links = layer->links + (size_t)node * layer->degree;
        uint32_t next = vec_walk_ring_next(layer, node), count = 0;

        /* each neighbour is compared with all before it */
        status = poll_every(validation, POLL_COMPARISONS / (layer->degree * layer->degree / 2), node,
                            layer->node_count);
        if (status != VEC_OK)
            return status;
        while (count < layer->degree && links[count] != VEC_NODE_NONE)
            count++;
        for (uint32_t i = 0; i < layer->degree; i++) {
            if (i >= count && links[i] != VEC_NODE_NONE && (i < layer->degree - 1 || links[i] != next))
                return fail(validation, "neighbour after the end of the list", node);
            if (i < count && (links[i] >= layer->node_count || links[i] == node))
                return fail(validation, "impossible neighbour", node);
            for (uint32_t j = 0; j < i && i < count; j++) {
                if (links[i] == links[j])
                    return fail(validation, "neighbour twice", node);
            }
        }
        if (is_bottom) {
            health->edges += count;
            health->degree_min = node == 0 || count < health->degree_min ? count : health->degree_min;
            health->degree_max = count > health->degree_max ? count : health->degree_max;
        }
    }
    return VEC_OK;
}

/* Rings come back to where they begin: no row is the next of two, and each has a next. */
static VecStatus
check_rings(Validation *validation, uint64_t *seen)
{
    const VecLayer *bottom = &validation->sealed->graph.bottom;
    VecStatus status;

    for (uint32_t node = 0; node < bottom->node_count; node++) {
        uint32_t next = vec_walk_ring_next(bottom, node);

        if ((status = poll_row(validation, node, bottom->node_count)) != VEC_OK)
            return status;
        if (next == VEC_NODE_NONE)
            continue;
        if (vec_bitset_test(seen, next) || vec_walk_ring_next(bottom, next) == VEC_NODE_NONE)
            return fail(validation, "ring that does not close", node);
        vec_bitset_set(seen, next);
    }
    return VEC_OK;
}

static VecStatus
check_upper_rows(Validation *validation, uint64_t *seen)
{
    const VecGraph *graph = &validation->sealed->graph;
    uint32_t node_count = graph->layer_count > 0 ? graph->upper[0].node_count : 0;

    memset(seen, 0, VEC_BITSET_WORDS(graph->row_count) * sizeof(uint64_t));
    for (uint32_t node = 0; node < node_count; node++) {
        uint32_t row = graph->upper[0].rows[node];

        if (row >= graph->row_count)
            return fail(validation, "row of an upper node", node);
        if (vec_bitset_test(seen, row))
            return fail(validation, "row of two upper nodes", node);
        vec_bitset_set(seen, row);
    }
    return VEC_OK;
}

/* Counts the rows that can be reached over the bottom layer from the entry. */
static VecStatus
count_reachable(Validation *validation, uint64_t *seen, uint32_t *stack)
{
    const VecGraph *graph = &validation->sealed->graph;
    const VecLayer *bottom = &graph->bottom;
    uint32_t depth = 0;
    VecStatus status;

    memset(seen, 0, VEC_BITSET_WORDS(graph->row_count) * sizeof(uint64_t));
    if (graph->row_count > 0) {
        uint32_t entry = graph->layer_count > 0 ? graph->upper[0].rows[0] : 0;

        stack[depth++] = entry < graph->row_count ? entry : 0;
        vec_bitset_set(seen, stack[0]);
    }
    while (depth > 0) {
        const uint32_t *links = bottom->links + (size_t)stack[--depth] * bottom->degree;

        if ((status = poll_row(validation, validation->health.rows_reachable++, graph->row_count)) != VEC_OK)
            return status;
        for (uint32_t i = 0; i < bottom->degree; i++) {
            /* read once and checked again: the file may have changed since the lists were looked at */
            uint32_t neighbour = __atomic_load_n(&links[i], __ATOMIC_RELAXED);

            if (neighbour < graph->row_count && !vec_bitset_test(seen, neighbour)) {
                vec_bitset_set(seen, neighbour);
                stack[depth++] = neighbour;
            }
        }
    }
    return VEC_OK;
}

VecStatus
vec_sealed_validate(const VecSealed *sealed, VecShouldStop should_stop, void *should_stop_context,
                    VecSegmentHealth *health, VecError *error)
{
    Validation validation = {sealed, should_stop, should_stop_context, error, {0}};
    const VecGraph *graph = &sealed->graph;
    uint64_t *seen = NULL;
    uint32_t *stack = NULL;
    VecStatus status = check_rows(&validation);

    if (status == VEC_OK && sealed->codes.kind == VEC_CODE_SPARSE)
        status = check_starts(&validation);
    if (status == VEC_OK)
        status = check_keys(&validation);
    if (status == VEC_OK && sealed->postings.terms != NULL &&
        !vec_postings_validate(&sealed->postings, &sealed->codes))
        status = fail(&validation, "impossible list of rows", sealed->postings.row_count);
    if (status != VEC_OK ||
        (sealed->options.kind != VEC_SEGMENT_HNSW && sealed->options.kind != VEC_SEGMENT_IVF))
        goto done;
    seen =
        vec_memory_allocate(sealed->allocator, VEC_BITSET_WORDS(sealed->codes.row_count), sizeof(uint64_t));
    if (seen != NULL && sealed->options.kind == VEC_SEGMENT_IVF) {
        if (!vec_ivf_validate(&sealed->ivf, seen))
            status = fail(&validation, "impossible lists of rows", sealed->ivf.list_count);
        goto done;
    }
    stack = vec_memory_allocate_raw(sealed->allocator, graph->row_count, sizeof(uint32_t));
    if (seen == NULL || stack == NULL) {
        status = vec_memory_error(error);
        goto done;
    }
    validation.health.layers = graph->layer_count + 1;
    status = check_layer(&validation, &graph->bottom, true);
    for (uint32_t i = 0; i < graph->layer_count && status == VEC_OK; i++)
        status = check_layer(&validation, &graph->upper[i], false);
    if (status == VEC_OK)
        status = check_rings(&validation, seen);
    if (status == VEC_OK)
        status = check_upper_rows(&validation, seen);
    if (status == VEC_OK)
        status = count_reachable(&validation, seen, stack);

done:
    if (status == VEC_OK || status == VEC_CORRUPT) { /* zeros look like any other damage */
        VecStatus fault = vec_sealed_check(sealed, error);

        status = fault != VEC_OK ? fault : status;
    }
    if (health != NULL)
        *health = validation.health;
    vec_memory_release(sealed->allocator, seen);
    vec_memory_release(sealed->allocator, stack);
    return status;
}
