/*
 * merge.c: a build whose rows come from other segments: which input brings its graph, and copying codes.
 *
 * Local numbers follow positions, as in every segment: the inputs' ranges ascend, so their living rows are simply put one
 * after the other, and the rows of the input that brings its graph (the base) stay together.
 */
#include "vectors/merge.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ascending.h"
#include "building.h"
#include "memory.h"

#define POLL_ROWS 4096

/* Where more of the base is dead than this, its graph is not worth mending. */
#define BASE_DEAD_MAX 0.5

/* Smaller graphs are built anew: their few layers would serve a larger one badly. */
#define BASE_ROWS_MIN 1024

typedef struct MergeInput {
    VecSealed sealed;
    bool is_open;
    uint64_t living_coded;
    uint64_t living_exceptions;
} MergeInput;

typedef struct VecMerge {
    MergeInput *inputs;
    uint32_t input_count;
    uint64_t *dead_bits; /* of the base */
    uint32_t *dead_before;
    uint32_t *new_rows;
    uint32_t *new_nodes;
    VecGraphBase base;
} VecMerge;

void
vec_merge_release(VecBuild *build)
{
    VecMerge *merge = build->merge;

    if (merge == NULL)
        return;
    for (uint32_t i = 0; i < merge->input_count; i++) {
        if (merge->inputs[i].is_open)
            vec_sealed_close(&merge->inputs[i].sealed);
    }
    vec_memory_release(build->allocator, merge->inputs);
    vec_memory_release(build->allocator, merge->dead_bits);
    vec_memory_release(build->allocator, merge->dead_before);
    vec_memory_release(build->allocator, merge->new_rows);
    vec_memory_release(build->allocator, merge->new_nodes);
    vec_memory_release(build->allocator, merge);
    build->merge = NULL;
    build->base = NULL;
}

VecStatus
vec_merge_check(const VecBuild *build, VecError *error)
{
    const VecMerge *merge = build->merge;

    for (uint32_t i = 0; merge != NULL && i < merge->input_count; i++) {
        VecStatus status =
            merge->inputs[i].is_open ? vec_sealed_check(&merge->inputs[i].sealed, error) : VEC_OK;

        if (status != VEC_OK)
            return status;
    }
    return VEC_OK;
}

static bool
should_stop(const VecMergeOptions *options, uint64_t row)
{
    return row % POLL_ROWS == 0 && options->should_stop != NULL &&
           options->should_stop(options->should_stop_context, row, 0);
}

static VecStatus
interrupted(VecError *error)
{
    return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
}

/* The first of the dead positions that is not below. */
static uint64_t
find_dead(const VecMergeOptions *options, uint64_t position)
{
    return vec_ascending_find(options->dead, 0, options->dead_count, position);
}

static bool
is_dead(const VecMergeOptions *options, uint64_t position)
{
    uint64_t next = find_dead(options, position);

    return next < options->dead_count && options->dead[next] == position;
}

/* A walk over coded rows, whose positions ascend: *next follows in the list of the dead. */
static inline bool
is_dead_next(const VecMergeOptions *options, uint64_t position, uint64_t *next)
{
    while (*next < options->dead_count && options->dead[*next] < position)
        (*next)++;
    return *next < options->dead_count && options->dead[*next] == position;
}

static VecStatus
check_input(const VecMerge *merge, const VecMergeOptions *options, uint32_t number, VecError *error)
{
    const VecSealed *sealed = &merge->inputs[number].sealed;

    if (!vec_format_same_codes(&sealed->options, &options->build.segment) ||
        (number > 0 && vec_sealed_codes_hash(sealed) != vec_sealed_codes_hash(&merge->inputs[0].sealed)))
        return vec_error_set(error, VEC_INVALID, 0, "segment file \"%s\" has codes of another kind",
                             sealed->file_name);
    if (sealed->options.key_count != options->build.segment.key_count)
        return vec_error_set(error, VEC_INVALID, 0,
                             "segment file \"%s\" has %" PRIu32 " keys a row instead of %" PRIu32,
                             sealed->file_name, sealed->options.key_count, options->build.segment.key_count);
    if (number > 0 &&
        sealed->header.stamp.position_from < merge->inputs[number - 1].sealed.header.stamp.position_to)
        return vec_error_set(error, VEC_INVALID, 0, "segment file \"%s\" is out of order", sealed->file_name);
    return VEC_OK;
}

static VecStatus
open_inputs(VecMerge *merge, const VecMergeOptions *options, const char *directory,
            const VecAllocator *allocator, VecError *error)
{
    for (uint32_t i = 0; i < merge->input_count; i++) {
        MergeInput *input = &merge->inputs[i];
        VecStatus status =
            vec_sealed_open(&input->sealed, directory, options->file_names[i], allocator, error);

        input->is_open = true;
        if (status == VEC_OK)
            status = check_input(merge, options, i, error);
        if (status != VEC_OK)
            return status;
        if (options->control != NULL && vec_control_is_verified(options->control, input->sealed.descriptor))
            continue;
        status = vec_sealed_verify(&input->sealed, options->should_stop, options->should_stop_context, error);
        if (status != VEC_OK)
            return status;
    }
    return VEC_OK;
}

static VecStatus
count_living(MergeInput *input, const VecMergeOptions *options, VecError *error)
{
    const VecSealed *sealed = &input->sealed;
    const VecFormatHeader *header = &sealed->header;
    uint64_t next = find_dead(options, header->stamp.position_from);

    for (uint64_t i = 0; i < header->rows_coded; i++) {
        if (should_stop(options, i))
            return interrupted(error);
        input->living_coded += !is_dead_next(options, sealed->rows[i].position, &next);
    }
    for (uint64_t i = 0; i < header->rows_exact + header->rows_null; i++) {
        if (should_stop(options, i))
            return interrupted(error);
        input->living_exceptions += !is_dead(options, sealed->exceptions[i].position);
    }
    return VEC_OK;
}

/* The file says something else than a moment ago. */
static VecStatus
changed(const VecSealed *sealed, VecError *error)
{
    VecStatus status = vec_sealed_check(sealed, error);

    if (status == VEC_OK)
        status = vec_error_set(error, VEC_CORRUPT, 0, "segment file \"%s\" has changed since it was opened",
                               sealed->file_name);
    return status;
}

/* Fills in the bits of the base's dead rows, and their rank. */
static VecStatus
mark_dead(VecMerge *merge, const VecMergeOptions *options, const MergeInput *input, VecError *error)
{
    const VecSealed *sealed = &input->sealed;
    uint64_t next = find_dead(options, sealed->header.stamp.position_from);
    uint32_t dead = 0;

    for (uint32_t row = 0; row < (uint32_t)sealed->header.rows_coded; row++) {
        if (should_stop(options, row))
            return interrupted(error);
        if (row % 64 == 0)
            merge->dead_before[row / 64] = dead;
        if (is_dead_next(options, sealed->rows[row].position, &next)) {
            vec_bitset_set(merge->dead_bits, row);
            dead++;
        }
    }
    merge->base.dead_count = dead;
    if (sealed->header.rows_coded - dead != input->living_coded)
        return changed(sealed, error);
    return VEC_OK;
}

/* Fills in the rows of the base's upper nodes; whether one of them lives. */
static bool
has_living_upper(VecMerge *merge)
{
    const VecGraphBase *base = &merge->base;
    const VecLayer *layer = &base->graph->upper[0];
    bool found = false;

    for (uint32_t node = 0; base->graph->layer_count > 0 && node < layer->node_count; node++) {
        merge->new_rows[node] = vec_graph_base_row(base, layer->rows[node]);
        found |= merge->new_rows[node] != VEC_NODE_NONE;
    }
    return found;
}

/* Whether the input's graph may be gone on with at all. */
static bool
is_base(const MergeInput *input, const VecSegmentOptions *wanted)
{
    const VecSealed *sealed = &input->sealed;

    return wanted->kind == VEC_SEGMENT_HNSW && sealed->options.kind == VEC_SEGMENT_HNSW &&
           sealed->options.m == wanted->m && sealed->options.ef_construction == wanted->ef_construction &&
           input->living_coded >= BASE_ROWS_MIN && sealed->graph.layer_count > 0 &&
           (double)input->living_coded >= (1 - BASE_DEAD_MAX) * (double)sealed->header.rows_coded;
}

static VecStatus
choose_base(VecBuild *build, const VecMergeOptions *options, VecError *error)
{
    VecMerge *merge = build->merge;
    const MergeInput *chosen = NULL;
    uint64_t rows_before = 0, first = 0;

    for (uint32_t i = 0; i < merge->input_count; i++) {
        const MergeInput *input = &merge->inputs[i];

        if (is_base(input, &build->options.segment) &&
            (chosen == NULL || input->living_coded > chosen->living_coded)) {
            chosen = input;
            first = rows_before;
        }
        rows_before += input->living_coded;
    }
    if (chosen == NULL || rows_before > VEC_SEGMENT_ROWS_MAX)
        return VEC_OK;

    uint32_t row_count = (uint32_t)chosen->sealed.header.rows_coded;
    uint32_t node_count = chosen->sealed.graph.upper[0].node_count;
    merge->dead_bits = vec_memory_allocate(build->allocator, VEC_BITSET_WORDS(row_count), sizeof(uint64_t));
    merge->dead_before = vec_memory_allocate(build->allocator, VEC_BITSET_WORDS(row_count), sizeof(uint32_t));
    merge->new_rows = vec_memory_allocate(build->allocator, node_count, sizeof(uint32_t));
    merge->new_nodes = vec_memory_allocate(build->allocator, node_count, sizeof(uint32_t));
    if (merge->dead_bits == NULL || merge->dead_before == NULL || merge->new_rows == NULL ||
        merge->new_nodes == NULL)
        return vec_memory_error(error);
    merge->base = (VecGraphBase){
        .graph = &chosen->sealed.graph,
        .dead = merge->dead_bits,
        .dead_before = merge->dead_before,
        .row_first = (uint32_t)first,
        .row_count = (uint32_t)chosen->living_coded,
        .new_rows = merge->new_rows,
        .new_nodes = merge->new_nodes,
    };
    VecStatus status = mark_dead(merge, options, chosen, error);
    if (status == VEC_OK && has_living_upper(merge))
        build->base = &merge->base;
    return status;
}

static void
copy_keys(VecBuild *build, const VecKeyColumns *columns, uint64_t row, uint64_t slot)
{
    uint64_t keys[VEC_KEYS_MAX];

    for (uint32_t key = 0; key < columns->key_count; key++)
        keys[key] = vec_keys_column(columns, key)[row];
    if (columns->key_count > 0)
        vec_build_put_keys(
            build, slot, &(VecKeys){.keys = keys, .nulls = columns->nulls != NULL ? columns->nulls[row] : 0});
}

static VecStatus
copy_row(VecBuild *build, const VecSealed *sealed, uint32_t row, VecError *error)
{
    VecFactors *factors = vec_build_factors(build, build->rows_coded);
    size_t bytes;
    const uint8_t *code = vec_codes_row(&sealed->codes, row, &bytes);
    uint8_t *to = code == NULL ? NULL : vec_build_place_code(build, bytes);

    if (build->rows_coded + build->exception_count >= build->row_count_max)
        return changed(sealed, error);
    if (to == NULL)
        return vec_error_set(error, VEC_CORRUPT, 0,
                             "segment file \"%s\" is corrupt: impossible code of row %" PRIu32,
                             sealed->file_name, row);
    memcpy(to, code, bytes);
    if (factors != NULL)
        *factors = sealed->codes.factors[row];
    if (sealed->codes.row_cells != NULL)
        *vec_build_cell(build, build->rows_coded) = sealed->codes.row_cells[row];
    ((VecFormatRow *)vec_build_section(build, VEC_SECTION_ROWS))[build->rows_coded] = sealed->rows[row];
    copy_keys(build, &sealed->keys, row, build->rows_coded);
    vec_build_take_code(build, bytes);
    return VEC_OK;
}

static VecStatus
copy_input(VecBuild *build, const VecMergeOptions *options, const VecSealed *sealed, VecError *error)
{
    const VecFormatHeader *header = &sealed->header;
    VecFormatRow *rows = vec_build_section(build, VEC_SECTION_ROWS);
    uint64_t next = find_dead(options, header->stamp.position_from);

    for (uint64_t i = 0; i < header->rows_coded; i++) {
        if (should_stop(options, i))
            return interrupted(error);
        if (is_dead_next(options, sealed->rows[i].position, &next))
            continue;

        VecStatus status = copy_row(build, sealed, (uint32_t)i, error);
        if (status != VEC_OK)
            return status;
    }
    for (uint64_t i = 0; i < header->rows_exact + header->rows_null; i++) {
        if (should_stop(options, i))
            return interrupted(error);
        if (is_dead(options, sealed->exceptions[i].position))
            continue;
        if (build->rows_coded + build->exception_count >= build->row_count_max)
            return changed(sealed, error);

        VecFormatRow *slot = &rows[build->row_count_max - ++build->exception_count];
        *slot = sealed->exceptions[i];
        slot->kind = i < header->rows_exact ? VEC_ROW_EXACT : VEC_ROW_NULL;
        copy_keys(build, &sealed->keys, header->rows_coded + i, (uint64_t)(slot - rows));
        build->rows_exact += i < header->rows_exact;
    }
    if (header->error.code_norm_max > build->quantizer_error.code_norm_max)
        build->quantizer_error.code_norm_max = header->error.code_norm_max;
    if (header->error.code_error_max > build->quantizer_error.code_error_max)
        build->quantizer_error.code_error_max = header->error.code_error_max;
    return VEC_OK;
}

static VecStatus
fill(VecBuild *build, const VecMergeOptions *options, VecError *error)
{
    VecMerge *merge = build->merge;
    const VecSealed *first = &merge->inputs[0].sealed;
    uint64_t row_count = 0, code_bytes = 0;
    VecStatus status;

    for (uint32_t i = 0; i < merge->input_count; i++) {
        if ((status = count_living(&merge->inputs[i], options, error)) != VEC_OK)
            return status;
        row_count += merge->inputs[i].living_coded + merge->inputs[i].living_exceptions;
        code_bytes += merge->inputs[i].sealed.header.code_bytes;
    }
    build->options.seed = first->header.seed;
    build->cell_count = first->header.cells;
    if ((status = choose_base(build, options, error)) != VEC_OK ||
        (status = vec_build_open_area(build, row_count, code_bytes, error)) != VEC_OK)
        return status;
    if (first->coder.kind == VEC_CODE_SCALAR)
        memcpy(vec_build_section(build, VEC_SECTION_QUANTIZER), first->coder.quantizer.mean,
               first->header.sections[VEC_SECTION_QUANTIZER].bytes);
    if ((status = vec_build_set_coder(build, error)) != VEC_OK)
        return status;
    for (uint32_t i = 0; i < merge->input_count; i++) {
        if ((status = copy_input(build, options, &merge->inputs[i].sealed, error)) != VEC_OK)
            return status;
    }
    return vec_merge_check(build, error);
}

VecStatus
vec_merge_begin(const VecMergeOptions *options, const char *directory, const VecAllocator *allocator,
                VecBuild **build, VecError *error)
{
    VecBuild *made = NULL;
    VecMerge *merge;
    VecStatus status = vec_build_create(&options->build, directory, allocator, &made, error);

    assert(options->file_count > 0);
    if (status != VEC_OK)
        return status;
    made->options.should_stop = options->should_stop;
    made->options.should_stop_context = options->should_stop_context;
    merge = made->merge = vec_memory_allocate(allocator, 1, sizeof(*merge));
    if (merge != NULL)
        merge->inputs = vec_memory_allocate(allocator, options->file_count, sizeof(MergeInput));
    if (merge == NULL || merge->inputs == NULL) {
        status = vec_memory_error(error);
    } else {
        merge->input_count = options->file_count;
        if ((status = open_inputs(merge, options, directory, allocator, error)) == VEC_OK)
            status = fill(made, options, error);
    }
    if (status != VEC_OK) {
        vec_build_free(made);
        return status;
    }
    *build = made;
    return VEC_OK;
}
