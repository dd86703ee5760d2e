/*
 * build.c: building a segment: a work area laid out like the file, filled by the caller's rows, then by the graph.
 *
 * The work area is sized for row_count_max rows and is either private memory, huge pages if the system gives them (the graph
 * is built about twice as fast on them), or, where that would exceed memory_bytes_max, the temporary file itself, mapped.
 * Its ROWS region holds the coded rows from the front and the exceptions from the back, since together they are at most
 * row_count_max. Private memory is written out without the gaps that fewer rows leave; the mapped file keeps them, as holes.
 *
 * The temporary file gets all its blocks at the beginning: a full disk is known before an hour of computing, and no store
 * into the map can fail.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fallocate */
#endif

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "building.h"
#include "file.h"
#include "memory.h"
#include "random.h"
#include "sealed.h"
#include "sparse.h"

#define PIECE_BYTES      ((size_t)4 << 20)
#define SAMPLE_PART      2 /* of the memory may be the sample for cells, before there is anything else */
#define VECTOR_BYTES_MAX (UINT64_C(1) << 56) /* sums of section lengths stay far from overflow */

static void
fill_header(const VecBuild *build, uint64_t rows_coded, uint64_t sparse_bytes, VecFormatHeader *header)
{
    const VecSegmentOptions *options = &build->options.segment;
    VecCodeKind kind = vec_codes_kind(options->element_type, options->quantization);

    memset(header, 0, sizeof(*header));
    memcpy(header->magic, VEC_FORMAT_MAGIC, VEC_FORMAT_MAGIC_BYTES);
    header->version = VEC_FORMAT_VERSION;
    header->byte_order = VEC_FORMAT_BYTE_ORDER;
    header->header_bytes = VEC_FORMAT_PAGE_BYTES;
    header->section_count = VEC_SECTION_COUNT;
    header->element_type = (uint32_t)options->element_type;
    header->metric = (uint32_t)options->metric;
    header->dimensions = options->dimensions;
    header->kind = (uint32_t)options->kind;
    header->quantization = (uint32_t)options->quantization;
    header->quantization_bits = options->quantization_bits;
    header->m = options->m;
    header->ef_construction = options->ef_construction;
    header->key_count = options->key_count;
    header->key_ordered = options->key_ordered;
    header->key_nulls = vec_format_key_mask(options->key_count); /* at most, until all rows are there */
    header->list_count = options->list_count;
    header->is_spherical = options->is_spherical;
    header->is_residual = options->is_residual;
    header->cells = build->cell_count;
    header->lists =
        options->kind == VEC_SEGMENT_IVF ? vec_ivf_list_count(options->list_count, rows_coded) : 0;
    header->options_hash = vec_segment_options_hash(options);
    header->seed = build->options.seed;
    header->rows_coded = rows_coded;
    header->stride_bytes = vec_codes_stride(kind, options->dimensions, options->quantization_bits);
    header->code_bytes = kind == VEC_CODE_SPARSE ? sparse_bytes
                                                 : vec_codes_bytes(kind, options->dimensions,
                                                                   options->quantization_bits, rows_coded);
    if (options->kind == VEC_SEGMENT_HNSW)
        header->layer_count = vec_graph_layers_counted(&build->layers, header->layer_nodes);
    if (vec_format_has_postings(header)) { /* at most, until the lists are made */
        header->posting_count = vec_sparse_elements_max(options->dimensions, sparse_bytes);
        header->term_count = header->posting_count < options->dimensions ? (uint32_t)header->posting_count
                                                                         : options->dimensions;
    }
}

/* Begins counting the nodes of each layer that so many rows have. */
static void
begin_layers(VecBuild *build, uint64_t row_count)
{
    build->layers = (VecGraphLayers){
        .seed = build->options.seed,
        .m = build->options.segment.m,
        .row_count = build->options.segment.kind == VEC_SEGMENT_HNSW ? (uint32_t)row_count : 0,
        .base = build->base,
    };
}

static VecStatus
poll(VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    if (should_stop != NULL && should_stop(should_stop_context, 0, 0))
        return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
    return VEC_OK;
}

/* The temporary file's name cannot collide with another process's; a stale one of our own number is replaced. */
static VecStatus
open_temporary(VecBuild *build, VecError *error)
{
    struct timespec now;
    char name[VEC_FILE_NAME_BYTES];

    for (uint64_t attempt = 0; attempt < 100; attempt++) {
        clock_gettime(CLOCK_REALTIME, &now);
        uint64_t draw =
            vec_random_mix((uint64_t)now.tv_nsec ^ ((uint64_t)now.tv_sec << 30) ^ (attempt << 60));
        snprintf(name, sizeof(name), VEC_TEMPORARY_PREFIX "segment.%ld.%08" PRIx32, (long)getpid(),
                 (uint32_t)draw);
        VecStatus status = vec_file_path(build->temporary, build->directory, name, error);
        if (status != VEC_OK)
            return status;
        build->descriptor = open(build->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (build->descriptor >= 0 && vec_file_claim(build->descriptor)) {
            build->draw = (uint32_t)draw;
            return VEC_OK;
        }
        if (build->descriptor < 0 && errno != EEXIST)
            break;
        if (build->descriptor >= 0) { /* a collector was as fast */
            close(build->descriptor);
            (void)unlink(build->temporary);
            build->descriptor = -1;
        }
    }

    VecStatus status = vec_file_error(error, errno, "create", build->temporary);
    build->temporary[0] = '\0';
    return status;
}

static VecStatus
map_area(VecBuild *build, VecError *error)
{
    void *area;

    build->in_file = build->area_bytes > build->options.memory_bytes_max;
    if (build->in_file)
        area = mmap(NULL, build->area_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, build->descriptor, 0);
    else
        area = mmap(NULL, build->area_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED)
        return vec_file_error(error, errno, "map", build->temporary);
    build->area = area;
    if (build->in_file)
        vec_fault_guard_add(&build->guard, area, build->area_bytes, PROT_READ | PROT_WRITE);
    else
        (void)madvise(area, build->area_bytes, MADV_HUGEPAGE);
    return VEC_OK;
}

/* What begin and merge share: an object without a file. */
VecStatus
vec_build_create(const VecBuildOptions *options, const char *directory, const VecAllocator *allocator,
                 VecBuild **build, VecError *error)
{
    VecStatus status = vec_format_check_options(&options->segment, error);
    VecCodeKind kind = vec_codes_kind(options->segment.element_type, options->segment.quantization);
    uint32_t dimensions = options->segment.dimensions;
    VecBuild *made = NULL;

    if (status != VEC_OK)
        return status;
    if (options->vector_bytes_max > VECTOR_BYTES_MAX)
        return vec_error_set(error, VEC_INVALID, 0, "too many bytes of vectors: %" PRIu64,
                             options->vector_bytes_max);
    if (options->thread_count < 1)
        return vec_error_set(error, VEC_INVALID, 0, "thread count must be at least 1");

    made = vec_memory_allocate(allocator, 1, sizeof(*made));
    if (made == NULL)
        return vec_memory_error(error);
    made->allocator = allocator;
    made->options = *options;
    made->options.codes_of = NULL; /* not ours to keep */
    made->descriptor = -1;
    made->sums = vec_memory_allocate(allocator, vec_coder_mean_count(kind, dimensions), sizeof(double));
    made->checksum = XXH3_createState();
    if (made->sums == NULL || made->checksum == NULL ||
        !vec_coder_scratch_init(&made->scratch, kind, dimensions, allocator))
        status = vec_memory_error(error);
    else if (snprintf(made->directory, sizeof(made->directory), "%s", directory) >=
             (int)sizeof(made->directory))
        status = vec_error_set(error, VEC_INVALID, 0, "directory name is too long");
    if (status != VEC_OK) {
        vec_build_free(made);
        return status;
    }
    *build = made;
    return VEC_OK;
}

VecStatus
vec_build_open_area(VecBuild *build, uint64_t row_count_max, uint64_t code_bytes_max, VecError *error)
{
    VecStatus status;

    if (row_count_max > VEC_SEGMENT_ROWS_MAX)
        return vec_error_set(error, VEC_INVALID, 0, "row count %" PRIu64 " is beyond %" PRIu64, row_count_max,
                             VEC_SEGMENT_ROWS_MAX);
    build->row_count_max = row_count_max;
    begin_layers(build, row_count_max);
    while (!vec_graph_count_some(&build->layers)) {
        status = poll(build->options.should_stop, build->options.should_stop_context, error);
        if (status != VEC_OK)
            return status;
    }
    fill_header(build, row_count_max, code_bytes_max, &build->work);
    build->area_bytes = vec_format_layout(&build->work, build->work.sections);
    if ((status = vec_file_check_space(build->directory, build->area_bytes, build->options.disk_reserve_bytes,
                                       error)) != VEC_OK ||
        (status = open_temporary(build, error)) != VEC_OK ||
        (status = vec_file_preallocate(build->descriptor, build->area_bytes, build->temporary,
                                       build->options.should_stop, build->options.should_stop_context,
                                       error)) != VEC_OK)
        return status;
    return map_area(build, error);
}

VecStatus
vec_build_set_coder(VecBuild *build, VecError *error)
{
    if (!vec_coder_init(&build->coder, &build->options.segment,
                        vec_build_section(build, VEC_SECTION_QUANTIZER), build->cell_count,
                        build->options.seed, build->allocator)) {
        vec_coder_free(&build->coder);
        return vec_memory_error(error);
    }
    build->stage = STAGE_ADD;
    return VEC_OK;
}

/* Takes what the coder has, and the seed, from the segment whose codes are to be ours. */
static VecStatus
inherit(VecBuild *build, const VecSealed *source, VecError *error)
{
    const VecSegmentOptions *ours = &build->options.segment, *theirs = &source->options;

    if (!vec_format_same_codes(ours, theirs))
        return vec_error_set(error, VEC_INVALID, 0, "segment file \"%s\" has codes of another kind",
                             source->file_name);
    build->options.seed = source->header.seed;
    if (source->coder.kind != VEC_CODE_SCALAR)
        return VEC_OK;

    uint64_t bytes = source->header.sections[VEC_SECTION_QUANTIZER].bytes;
    if ((build->inherited = vec_memory_allocate_raw(build->allocator, 1, bytes)) == NULL)
        return vec_memory_error(error);
    memcpy(build->inherited, source->coder.quantizer.mean, bytes);
    build->cell_count = source->header.cells;
    return vec_sealed_check(source, error);
}

static VecStatus
begin_training(VecBuild *build, uint64_t row_count, VecError *error)
{
    const VecBuildOptions *options = &build->options;

    build->cell_count = vec_cells_train_count(options->segment.dimensions, row_count,
                                              options->memory_bytes_max / SAMPLE_PART);
    build->training = vec_cells_train_create(options->segment.dimensions, build->cell_count, options->seed,
                                             build->allocator);
    return build->training == NULL ? vec_memory_error(error) : VEC_OK;
}

VecStatus
vec_build_begin(const VecBuildOptions *options, const char *directory, uint64_t row_count_max,
                const VecAllocator *allocator, VecBuild **build, VecError *error)
{
    VecBuild *made = NULL;
    VecStatus status = vec_build_create(options, directory, allocator, &made, error);

    if (made == NULL)
        return status;
    if (options->codes_of != NULL) {
        VecSealed source;

        if ((status = vec_sealed_open(&source, directory, options->codes_of, allocator, error)) == VEC_OK)
            status = inherit(made, &source, error);
        vec_sealed_close(&source);
    }
    if (status == VEC_OK && options->segment.is_residual && made->inherited == NULL)
        status = begin_training(made, row_count_max, error);
    if (status == VEC_OK)
        status = vec_build_open_area(
            made, row_count_max,
            vec_sparse_code_bytes_max(options->segment.dimensions, row_count_max, options->vector_bytes_max),
            error);
    if (status != VEC_OK) {
        vec_build_free(made);
        return status;
    }
    *build = made;
    return VEC_OK;
}

bool
vec_build_wants_sample(const VecBuild *build)
{
    return build->inherited == NULL && vec_codes_kind(build->options.segment.element_type,
                                                      build->options.segment.quantization) == VEC_CODE_SCALAR;
}

void
vec_build_sample(VecBuild *build, const void *vector, size_t bytes)
{
    const VecSegmentOptions *options = &build->options.segment;

    assert(build->stage == STAGE_SAMPLE);
    if (vec_build_wants_sample(build) && bytes == options->dimensions * sizeof(float) &&
        vec_quantize_accumulate(options->metric, options->dimensions, vector, build->sums,
                                &build->sample_lengths)) {
        build->sample_count++;
        if (build->training != NULL)
            vec_cells_train_show(build->training, vector);
    }
}

static VecStatus
make_coder(VecBuild *build, VecError *error)
{
    const VecSegmentOptions *options = &build->options.segment;
    uint32_t mean_count = vec_coder_mean_count(vec_codes_kind(options->element_type, options->quantization),
                                               options->dimensions);
    float *floats = vec_build_section(build, VEC_SECTION_QUANTIZER);

    if (build->inherited != NULL)
        memcpy(floats, build->inherited, build->work.sections[VEC_SECTION_QUANTIZER].bytes);
    else
        vec_quantize_mean(mean_count, build->sums, build->sample_count, &build->sample_lengths, floats);
    return vec_build_set_coder(build, error);
}

VecStatus
vec_build_train(VecBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    const VecBuildOptions *options = &build->options;
    VecStatus status;

    assert(build->stage == STAGE_SAMPLE || build->stage == STAGE_TRAIN);
    if (build->stage == STAGE_SAMPLE && (status = make_coder(build, error)) != VEC_OK)
        return status;
    if (build->training == NULL)
        return VEC_OK;
    build->stage = STAGE_TRAIN;
    status = vec_cells_train_run(build->training, &build->coder.quantizer,
                                 (float *)vec_build_section(build, VEC_SECTION_QUANTIZER) +
                                     options->segment.dimensions,
                                 options->thread_count, should_stop, should_stop_context, error);
    if (status != VEC_OK)
        return status;
    vec_cells_train_free(build->training);
    build->training = NULL;
    build->stage = STAGE_ADD;
    return vec_build_check(build, error);
}

uint8_t *
vec_build_place_code(VecBuild *build, size_t bytes)
{
    uint64_t start = build->coder.kind == VEC_CODE_SPARSE ? build->code_bytes
                                                          : build->rows_coded * build->work.stride_bytes;

    if (bytes > build->work.code_bytes - start)
        return NULL;
    return (uint8_t *)vec_build_section(build, VEC_SECTION_CODES) + start;
}

void
vec_build_take_code(VecBuild *build, size_t bytes)
{
    uint64_t *starts = vec_build_section(build, VEC_SECTION_STARTS);

    build->rows_coded++;
    if (build->coder.kind == VEC_CODE_SPARSE)
        starts[build->rows_coded] = build->code_bytes += bytes; /* starts[0] is 0 as the area began */
}

/* Writes the next coded row's code, if there is one for the vector. */
static VecStatus
add_code(VecBuild *build, const void *vector, size_t bytes, VecRowKind *kind, size_t *code_bytes,
         VecError *error)
{
    const VecSegmentOptions *options = &build->options.segment;
    VecStatus status = vec_coder_check(options->element_type, options->dimensions, vector, bytes, error);
    uint8_t *code;

    if (status != VEC_OK)
        return status;
    *code_bytes = vec_coder_code_bytes(&build->coder, vector, bytes);
    if ((code = vec_build_place_code(build, *code_bytes)) == NULL)
        return vec_error_set(error, VEC_INVALID, 0, "more bytes of vectors than the %" PRIu64 " announced",
                             build->options.vector_bytes_max);
    *kind = vec_coder_row(&build->coder, vector, bytes, &build->scratch, code,
                          vec_build_factors(build, build->rows_coded),
                          vec_build_cell(build, build->rows_coded), &build->quantizer_error)
                ? VEC_ROW_CODED
                : VEC_ROW_EXACT;
    return VEC_OK;
}

VecStatus
vec_build_add(VecBuild *build, const VecRowId *row, const VecKeys *keys, const void *vector, size_t bytes,
              VecError *error)
{
    uint64_t row_count = build->rows_coded + build->exception_count;
    VecFormatRow *rows = vec_build_section(build, VEC_SECTION_ROWS);
    VecFormatRow *slot;
    VecRowKind kind = VEC_ROW_NULL;
    size_t code_bytes = 0;

    assert(build->stage == STAGE_ADD);
    assert(row_count == 0 || row->position > build->position_last);
    assert((keys != NULL) == (build->options.segment.key_count > 0));
    if (row_count >= build->row_count_max)
        return vec_error_set(error, VEC_INVALID, 0, "more rows than the %" PRIu64 " announced",
                             build->row_count_max);
    if (vector != NULL) {
        VecStatus status = add_code(build, vector, bytes, &kind, &code_bytes, error);
        if (status != VEC_OK)
            return status;
    }
    if (kind == VEC_ROW_CODED) {
        slot = &rows[build->rows_coded];
        vec_build_take_code(build, code_bytes);
    } else
        slot = &rows[build->row_count_max - ++build->exception_count];
    build->rows_exact += kind == VEC_ROW_EXACT;
    build->position_last = row->position;
    slot->position = row->position;
    memcpy(slot->tid, row->tid, VEC_TID_BYTES);
    slot->kind = (uint16_t)kind;
    if (keys != NULL)
        vec_build_put_keys(build, (uint64_t)(slot - rows), keys);
    return VEC_OK;
}

/* Ends adding: from here on the number of rows is known. */
static void
end_adding(VecBuild *build)
{
    const VecSegmentOptions *options = &build->options.segment;

    if (build->rows_coded != build->row_count_max) /* else they were counted when it began */
        begin_layers(build, build->rows_coded);
    build->codes = (VecCodes){
        .kernels = build->coder.kernels,
        .kind = build->coder.kind,
        .metric = options->metric,
        .dimensions = options->dimensions,
        .bits = options->quantization_bits,
        .row_count = (uint32_t)build->rows_coded,
        .stride_bytes = build->work.stride_bytes,
        .codes = vec_build_section(build, VEC_SECTION_CODES),
        .code_bytes = build->code_bytes,
        .starts = vec_build_section(build, VEC_SECTION_STARTS),
        .factors = vec_build_factors(build, 0),
        .mean_norm_sq = build->coder.quantizer.mean_norm_sq,
        .row_cells = vec_build_cell(build, 0),
        .cell_means = build->coder.quantizer.cell_means,
        .cell_count = build->cell_count,
    };
    build->stage = STAGE_COUNT;
}

/* The next piece of the lists, upper ones after those of the bottom, becomes empty lists. True: there are no more. */
static bool
clear_some(VecBuild *build)
{
    const VecSegmentOptions *options = &build->options.segment;
    uint64_t bottom = (uint64_t)build->codes.row_count * 2 * options->m * sizeof(uint32_t), upper = 0;
    uint64_t done = build->stage_done;

    for (uint32_t i = 0; i < build->header.layer_count; i++)
        upper += build->header.layer_nodes[i];
    upper *= options->m * sizeof(uint32_t);

    bool in_bottom = done < bottom;
    uint64_t rest = (in_bottom ? bottom : bottom + upper) - done;
    uint64_t piece = rest < PIECE_BYTES ? rest : PIECE_BYTES;
    uint8_t *start = in_bottom
                         ? (uint8_t *)vec_build_section(build, VEC_SECTION_LINKS) + done
                         : (uint8_t *)vec_build_section(build, VEC_SECTION_UPPER_LINKS) + (done - bottom);

    memset(start, 0xff, piece);
    build->stage_done += piece;
    return build->stage_done == bottom + upper;
}

static VecStatus
begin_ivf(VecBuild *build, VecError *error)
{
    const VecSegmentOptions *options = &build->options.segment;
    VecIvfBuildOptions ivf_options = {
        .list_count = build->header.lists,
        .is_spherical = options->is_spherical,
        .seed = build->options.seed,
        .thread_count = build->options.thread_count,
    };

    if (options->is_spherical && build->coder.kind == VEC_CODE_SCALAR) {
        size_t bytes = options->dimensions * sizeof(float);

        if ((build->rotated_mean = vec_memory_allocate_raw(build->allocator, 1, bytes)) == NULL)
            return vec_memory_error(error);
        memcpy(build->rotated_mean, build->coder.quantizer.mean, bytes);
        vec_rotate_apply(&build->coder.quantizer.rotation, build->rotated_mean);
        ivf_options.mean = build->rotated_mean;
    }
    return vec_ivf_build_begin(&build->codes, &ivf_options, vec_build_section(build, VEC_SECTION_CENTROIDS),
                               vec_build_section(build, VEC_SECTION_LIST_STARTS),
                               vec_build_section(build, VEC_SECTION_LIST_ROWS), build->allocator,
                               &build->ivf_build, error);
}

static VecStatus
begin_graph(VecBuild *build, VecError *error)
{
    const VecSegmentOptions *options = &build->options.segment;
    VecGraphBuildOptions graph_options = {
        .seed = build->options.seed,
        .ef_construction = options->ef_construction,
        .thread_count = build->options.thread_count,
        .base = build->base,
        .postings = vec_format_has_postings(&build->header) ? &build->postings : NULL,
    };

    vec_graph_attach(&build->graph, options->m, build->codes.row_count, build->header.layer_count,
                     build->header.layer_nodes, true, vec_build_section(build, VEC_SECTION_LINKS),
                     vec_build_section(build, VEC_SECTION_UPPER_ROWS),
                     vec_build_section(build, VEC_SECTION_UPPER_LINKS));
    return vec_graph_build_begin(&build->graph, &build->codes, &graph_options, build->allocator,
                                 &build->graph_build, error);
}

/* One step on the way from the last row to the graph, a few milliseconds long. */
static VecStatus
prepare_some(VecBuild *build, VecError *error)
{
    VecStatus status;

    switch (build->stage) {
        case STAGE_COUNT:
            if (!vec_graph_count_some(&build->layers))
                break;
            fill_header(build, build->rows_coded, build->code_bytes, &build->header);
            build->codes.code_bytes = build->header.code_bytes;
            build->stage_done = 0;
            if (build->options.segment.kind == VEC_SEGMENT_IVF &&
                (status = begin_ivf(build, error)) != VEC_OK)
                return status;
            build->stage = build->options.segment.kind == VEC_SEGMENT_HNSW ? STAGE_CLEAR : STAGE_GRAPH;
            break;
        case STAGE_CLEAR:
            if (!clear_some(build))
                break;
            vec_graph_number_begin(&build->layers, build->header.layer_count, build->header.layer_nodes);
            build->stage = STAGE_NUMBER;
            break;
        default:
            assert(build->stage == STAGE_NUMBER);
            if (!vec_graph_number_some(&build->layers, vec_build_section(build, VEC_SECTION_UPPER_ROWS)))
                break;
            if ((status = begin_graph(build, error)) != VEC_OK)
                return status;
            build->stage = STAGE_GRAPH;
            break;
    }
    return VEC_OK;
}

/* The lists come before the graph: they lead the walks that build it, too. */
static VecStatus
make_postings(VecBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    float *weights =
        build->header.kind == VEC_SEGMENT_INVERTED ? vec_build_section(build, VEC_SECTION_WEIGHTS) : NULL;
    VecStatus status =
        vec_postings_build(&build->codes, build->allocator, vec_build_section(build, VEC_SECTION_TERMS),
                           vec_build_section(build, VEC_SECTION_POSTINGS), weights, should_stop,
                           should_stop_context, &build->postings);

    if (status != VEC_OK)
        return status == VEC_NO_MEMORY ? vec_memory_error(error)
                                       : vec_error_set(error, status, 0, "interrupted");
    build->header.term_count = build->postings.term_count;
    build->header.posting_count = build->postings.row_count;
    return VEC_OK;
}

VecStatus
vec_build_check(const VecBuild *build, VecError *error)
{
    if (!vec_fault_guard_has_faulted(&build->guard))
        return VEC_OK;
    return vec_error_set(error, VEC_IO, EIO, "\"%s\" was truncated, or cannot be read, while it was built",
                         build->temporary);
}

VecStatus
vec_build_graph(VecBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    VecStatus status;

    assert(build->stage >= STAGE_ADD && build->stage <= STAGE_GRAPH);
    if (build->stage == STAGE_ADD)
        end_adding(build);
    while (build->stage < STAGE_GRAPH) {
        if ((status = prepare_some(build, error)) != VEC_OK ||
            (status = poll(should_stop, should_stop_context, error)) != VEC_OK)
            return status;
    }
    if (vec_format_has_postings(&build->header) && build->postings.terms == NULL &&
        (status = make_postings(build, should_stop, should_stop_context, error)) != VEC_OK)
        return status;
    if (build->graph_build != NULL) {
        status = vec_graph_build_run(build->graph_build, should_stop, should_stop_context, error);
        if (status != VEC_OK)
            return status;
        build->header.has_rings = vec_graph_build_has_rings(build->graph_build);
        vec_graph_build_free(build->graph_build);
        build->graph_build = NULL;
    }
    if (build->ivf_build != NULL) {
        if ((status = vec_ivf_build_run(build->ivf_build, should_stop, should_stop_context, error)) != VEC_OK)
            return status;
        vec_ivf_build_free(build->ivf_build);
        build->ivf_build = NULL;
    }
    if ((status = vec_merge_check(build, error)) != VEC_OK ||
        (status = vec_build_check(build, error)) != VEC_OK)
        return status;
    vec_merge_release(build);
    return VEC_OK;
}

void
vec_build_free(VecBuild *build)
{
    if (build == NULL)
        return;
    vec_graph_build_free(build->graph_build);
    vec_ivf_build_free(build->ivf_build);
    vec_cells_train_free(build->training);
    vec_memory_release(build->allocator, build->inherited);
    vec_memory_release(build->allocator, build->rotated_mean);
    vec_merge_release(build);
    vec_coder_free(&build->coder);
    vec_quantize_scratch_free(&build->scratch, build->allocator);
    vec_fault_guard_remove(&build->guard);
    if (build->area != NULL)
        munmap(build->area, build->area_bytes);
    if (build->descriptor >= 0)
        close(build->descriptor);
    if (build->temporary[0] != '\0')
        (void)unlink(build->temporary);
    XXH3_freeState(build->checksum);
    vec_memory_release(build->allocator, build->sums);
    vec_memory_release(build->allocator, build);
}
