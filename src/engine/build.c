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
#define VECTOR_BYTES_MAX (UINT64_C(1) << 56) /* sums of section lengths stay far from overflow */

static void
fill_header(const VecBuild *build, uint64_t rows_coded, uint64_t sparse_bytes, VecFormatHeader *header)
{
    const VecSegmentOptions *options = &build->options.segment;
    VecCodeKind kind = vec_codes_kind(options->element_type);

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
    header->options_hash = vec_segment_options_hash(options);
    header->seed = build->options.seed;
    header->rows_coded = rows_coded;
    header->stride_bytes = vec_codes_stride(kind, options->dimensions, options->quantization_bits);
    header->code_bytes = kind == VEC_CODE_SPARSE ? sparse_bytes
                                                 : vec_codes_bytes(kind, options->dimensions,
                                                                   options->quantization_bits, rows_coded);
    if (options->kind == VEC_SEGMENT_HNSW)
        header->layer_count = vec_graph_count_layers(build->options.seed, options->m, (uint32_t)rows_coded,
                                                     build->base, header->layer_nodes);
    if (vec_format_has_postings(header)) { /* at most, until the lists are made */
        header->posting_count = vec_sparse_elements_max(options->dimensions, sparse_bytes);
        header->term_count = header->posting_count < options->dimensions ? (uint32_t)header->posting_count
                                                                         : options->dimensions;
    }
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
    if (!build->in_file)
        (void)madvise(area, build->area_bytes, MADV_HUGEPAGE);
    return VEC_OK;
}

/* What begin and merge share: an object without a file. */
VecStatus
vec_build_create(const VecBuildOptions *options, const char *directory, const VecAllocator *allocator,
                 VecBuild **build, VecError *error)
{
    VecStatus status = vec_format_check_options(&options->segment, error);
    VecCodeKind kind = vec_codes_kind(options->segment.element_type);
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
                        vec_build_section(build, VEC_SECTION_QUANTIZER), build->options.seed,
                        build->allocator)) {
        vec_coder_free(&build->coder);
        return vec_memory_error(error);
    }
    build->stage = STAGE_ADD;
    return VEC_OK;
}

/* Takes mean and seed from the segment whose codes are to be ours. */
static VecStatus
inherit(VecBuild *build, const VecSealed *source, VecError *error)
{
    const VecSegmentOptions *ours = &build->options.segment, *theirs = &source->options;

    if (!vec_format_same_codes(ours, theirs))
        return vec_error_set(error, VEC_INVALID, 0, "segment file \"%s\" has codes of another kind",
                             source->file_name);
    build->options.seed = source->header.seed;
    if (source->coder.kind == VEC_CODE_SCALAR) {
        memcpy(build->sums, source->coder.quantizer.mean, ours->dimensions * sizeof(float));
        build->inherits = true;
    }
    return VEC_OK;
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
    return !build->inherits && vec_codes_kind(build->options.segment.element_type) == VEC_CODE_SCALAR;
}

void
vec_build_sample(VecBuild *build, const void *vector, size_t bytes)
{
    const VecSegmentOptions *options = &build->options.segment;

    assert(build->stage == STAGE_SAMPLE);
    if (vec_build_wants_sample(build) && bytes == options->dimensions * sizeof(float) &&
        vec_quantize_accumulate(options->metric, options->dimensions, vector, build->sums))
        build->sample_count++;
}

VecStatus
vec_build_train(VecBuild *build, VecError *error)
{
    const VecSegmentOptions *options = &build->options.segment;
    uint32_t mean_count = vec_coder_mean_count(vec_codes_kind(options->element_type), options->dimensions);
    float *mean = vec_build_section(build, VEC_SECTION_QUANTIZER);

    assert(build->stage == STAGE_SAMPLE);
    if (build->inherits)
        memcpy(mean, build->sums, options->dimensions * sizeof(float));
    else
        for (uint32_t i = 0; i < mean_count; i++)
            mean[i] = build->sample_count > 0 ? (float)(build->sums[i] / (double)build->sample_count) : 0.0f;
    return vec_build_set_coder(build, error);
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
                          vec_build_factors(build, build->rows_coded), &build->quantizer_error)
                ? VEC_ROW_CODED
                : VEC_ROW_EXACT;
    return VEC_OK;
}

VecStatus
vec_build_add(VecBuild *build, const VecRowId *row, const void *vector, size_t bytes, VecError *error)
{
    uint64_t row_count = build->rows_coded + build->exception_count;
    VecFormatRow *rows = vec_build_section(build, VEC_SECTION_ROWS);
    VecFormatRow *slot;
    VecRowKind kind = VEC_ROW_NULL;
    size_t code_bytes = 0;

    assert(build->stage == STAGE_ADD);
    assert(row_count == 0 || row->position > build->position_last);
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
    return VEC_OK;
}

/* Ends adding: from here on the number of rows is known. */
static VecStatus
begin_graph(VecBuild *build, VecError *error)
{
    const VecSegmentOptions *options = &build->options.segment;
    uint32_t row_count = (uint32_t)build->rows_coded;
    uint32_t *links = vec_build_section(build, VEC_SECTION_LINKS);
    uint32_t *upper_rows = vec_build_section(build, VEC_SECTION_UPPER_ROWS);
    uint32_t *upper_links = vec_build_section(build, VEC_SECTION_UPPER_LINKS);
    uint64_t upper_nodes = 0;
    VecStatus status;

    fill_header(build, build->rows_coded, build->code_bytes, &build->header);
    build->codes = (VecCodes){
        .kernels = build->coder.kernels,
        .kind = build->coder.kind,
        .metric = options->metric,
        .dimensions = options->dimensions,
        .bits = options->quantization_bits,
        .row_count = row_count,
        .stride_bytes = build->work.stride_bytes,
        .codes = vec_build_section(build, VEC_SECTION_CODES),
        .code_bytes = build->header.code_bytes,
        .starts = vec_build_section(build, VEC_SECTION_STARTS),
        .factors = vec_build_factors(build, 0),
        .mean_norm_sq = build->coder.quantizer.mean_norm_sq,
    };
    if (options->kind == VEC_SEGMENT_HNSW) {
        for (uint32_t i = 0; i < build->header.layer_count; i++)
            upper_nodes += build->header.layer_nodes[i];
        memset(links, 0xff, (size_t)row_count * 2 * options->m * sizeof(uint32_t));
        memset(upper_links, 0xff, upper_nodes * options->m * sizeof(uint32_t));
        vec_graph_number_nodes(build->options.seed, options->m, row_count, build->header.layer_count,
                               build->header.layer_nodes, build->base, upper_rows);
        vec_graph_attach(&build->graph, options->m, row_count, build->header.layer_count,
                         build->header.layer_nodes, links, upper_rows, upper_links);

        VecGraphBuildOptions graph_options = {
            .seed = build->options.seed,
            .ef_construction = options->ef_construction,
            .thread_count = build->options.thread_count,
            .base = build->base,
            .postings = vec_format_has_postings(&build->header) ? &build->postings : NULL,
        };
        status = vec_graph_build_begin(&build->graph, &build->codes, &graph_options, build->allocator,
                                       &build->graph_build, error);
        if (status != VEC_OK)
            return status;
    }
    build->stage = STAGE_GRAPH;
    return VEC_OK;
}

/* The lists come before the graph: they lead the walks that build it, too. */
static VecStatus
make_postings(VecBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    VecStatus status = vec_postings_build(
        &build->codes, build->allocator, vec_build_section(build, VEC_SECTION_TERMS),
        vec_build_section(build, VEC_SECTION_POSTINGS), should_stop, should_stop_context, &build->postings);

    if (status != VEC_OK)
        return status == VEC_NO_MEMORY ? vec_memory_error(error)
                                       : vec_error_set(error, status, 0, "interrupted");
    build->header.term_count = build->postings.term_count;
    build->header.posting_count = build->postings.row_count;
    return VEC_OK;
}

VecStatus
vec_build_graph(VecBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    VecStatus status;

    assert(build->stage == STAGE_ADD || build->stage == STAGE_GRAPH);
    if (build->stage == STAGE_ADD && (status = begin_graph(build, error)) != VEC_OK)
        return status;
    if (vec_format_has_postings(&build->header) && build->postings.terms == NULL &&
        (status = make_postings(build, should_stop, should_stop_context, error)) != VEC_OK)
        return status;
    if (build->graph_build != NULL) {
        status = vec_graph_build_run(build->graph_build, should_stop, should_stop_context, error);
        if (status != VEC_OK)
            return status;
        vec_graph_build_free(build->graph_build);
        build->graph_build = NULL;
    }
    vec_merge_release(build);
    return VEC_OK;
}

/* Brings the exceptions into the order of the file: those to be computed exactly, then the NULLs. */
static VecFormatRow *
sort_exceptions(VecBuild *build)
{
    VecFormatRow *rows = vec_build_section(build, VEC_SECTION_ROWS);
    VecFormatRow *first = rows + (build->row_count_max - build->exception_count);
    uint64_t exact_end = 0;

    for (uint64_t i = 0; i < build->exception_count; i++) {
        if (first[i].kind == VEC_ROW_EXACT) {
            VecFormatRow row = first[i];
            first[i] = first[exact_end];
            first[exact_end++] = row;
        }
    }
    return first;
}

static void
begin_write(VecBuild *build, const VecStamp *stamp)
{
    VecFormatHeader *header = &build->header;
    VecFormatSection compact[VEC_SECTION_COUNT];
    VecFormatRow *exceptions = sort_exceptions(build);

    header->stamp = *stamp;
    header->rows_exact = build->rows_exact;
    header->rows_null = build->exception_count - build->rows_exact;
    header->error = build->quantizer_error;
    header->file_bytes = vec_format_layout(header, compact);
    memcpy(header->sections, compact, sizeof(compact));
    if (build->in_file) {
        for (int i = 0; i < VEC_SECTION_COUNT; i++)
            header->sections[i].offset = build->work.sections[i].offset;
        header->sections[VEC_SECTION_EXCEPTIONS].offset = (uint64_t)((uint8_t *)exceptions - build->area);
        header->file_bytes = build->area_bytes;
    }
    build->section = 0;
    build->section_done = 0;
    XXH3_64bits_reset(build->checksum);
    build->stage = STAGE_WRITE;
}

static VecStatus
write_sections(VecBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    uint64_t done = 0;

    for (; build->section < VEC_SECTION_COUNT; build->section++) {
        VecFormatSection *section = &build->header.sections[build->section];
        const uint8_t *data =
            build->section == VEC_SECTION_EXCEPTIONS
                ? (const uint8_t *)((VecFormatRow *)vec_build_section(build, VEC_SECTION_ROWS) +
                                    (build->row_count_max - build->exception_count))
                : vec_build_section(build, (VecSection)build->section);

        while (build->section_done < section->bytes) {
            uint64_t rest = section->bytes - build->section_done;
            size_t piece = rest < PIECE_BYTES ? (size_t)rest : PIECE_BYTES;

            if (should_stop != NULL && should_stop(should_stop_context, done, build->header.file_bytes))
                return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
            if (!build->in_file) {
                VecStatus status =
                    vec_file_write(build->descriptor, data + build->section_done, piece,
                                   section->offset + build->section_done, build->temporary, error);
                if (status != VEC_OK)
                    return status;
            }
            XXH3_64bits_update(build->checksum, data + build->section_done, piece);
            build->section_done += piece;
            done += piece;
        }
        section->checksum = XXH3_64bits_digest(build->checksum);
        XXH3_64bits_reset(build->checksum);
        build->section_done = 0;
    }
    return VEC_OK;
}

/* Gives back the blocks that fewer rows than announced left unused; a file system that cannot is not asked twice. */
static void
punch_gaps(const VecBuild *build)
{
#ifdef FALLOC_FL_PUNCH_HOLE
    for (int i = 0; build->in_file && i < VEC_SECTION_COUNT; i++) {
        const VecFormatSection *section = &build->header.sections[i];
        uint64_t end =
            i + 1 < VEC_SECTION_COUNT ? build->header.sections[i + 1].offset : build->header.file_bytes;
        uint64_t from = (section->offset + section->bytes + VEC_FORMAT_PAGE_BYTES - 1) /
                        VEC_FORMAT_PAGE_BYTES * VEC_FORMAT_PAGE_BYTES;

        end = end / VEC_FORMAT_PAGE_BYTES * VEC_FORMAT_PAGE_BYTES;
        if (end > from && fallocate(build->descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                    (off_t)from, (off_t)(end - from)) != 0)
            return;
    }
#else
    (void)build;
#endif
}

static VecStatus
write_header(VecBuild *build, VecError *error)
{
    _Alignas(VecFormatHeader) uint8_t page[VEC_FORMAT_PAGE_BYTES] = {0};

    memcpy(page, &build->header, sizeof(build->header));
    build->header.checksum = vec_format_header_checksum(page);
    memcpy(page, &build->header, sizeof(build->header));
    if (build->in_file) {
        memcpy(build->area, page, sizeof(page));
        if (msync(build->area, build->area_bytes, MS_SYNC) != 0)
            return vec_file_error(error, errno, "sync", build->temporary);
        return VEC_OK;
    }
    return vec_file_write(build->descriptor, page, sizeof(page), 0, build->temporary, error);
}

/* Picks a name that is free and moves the file there. The draw keeps builders of the same range apart. */
static VecStatus
rename_to_final(VecBuild *build, VecBuildResult *result, VecError *error)
{
    char path[VEC_FILE_PATH_BYTES];
    VecStatus status;

    for (uint32_t attempt = build->draw;; attempt++) {
        snprintf(result->file_name, sizeof(result->file_name),
                 "segment.%016" PRIx64 "-%016" PRIx64 ".%08" PRIx32, build->header.stamp.position_from,
                 build->header.stamp.position_to, attempt);
        if ((status = vec_file_path(path, build->directory, result->file_name, error)) != VEC_OK)
            return status;
        if (access(path, F_OK) != 0)
            break;
    }
    if (rename(build->temporary, path) != 0)
        return vec_file_error(error, errno, "rename", build->temporary);
    build->temporary[0] = '\0';
    build->stage = STAGE_DONE;
    return vec_file_sync_directory(build->directory, error);
}

VecStatus
vec_build_finish(VecBuild *build, const VecStamp *stamp, VecShouldStop should_stop, void *should_stop_context,
                 VecBuildResult *result, VecError *error)
{
    VecStatus status;

    memset(result, 0, sizeof(*result)); /* its bytes, not its fields, go to disk with the manifest */
    assert(build->stage == STAGE_GRAPH || build->stage == STAGE_WRITE);
    if (build->stage == STAGE_GRAPH)
        begin_write(build, stamp);
    if ((status = write_sections(build, should_stop, should_stop_context, error)) != VEC_OK ||
        (status = write_header(build, error)) != VEC_OK)
        return status;
    punch_gaps(build);
    if (!build->in_file && ftruncate(build->descriptor, (off_t)build->header.file_bytes) != 0)
        return vec_file_error(error, errno, "truncate", build->temporary);
    if ((status = vec_file_sync(build->descriptor, build->temporary, error)) != VEC_OK ||
        (status = rename_to_final(build, result, error)) != VEC_OK)
        return status;
    result->stamp = build->header.stamp;
    result->file_bytes = build->header.file_bytes;
    result->header_checksum = build->header.checksum;
    result->rows_coded = build->header.rows_coded;
    result->rows_exact = build->header.rows_exact;
    result->rows_null = build->header.rows_null;
    return VEC_OK;
}

void
vec_build_free(VecBuild *build)
{
    if (build == NULL)
        return;
    vec_graph_build_free(build->graph_build);
    vec_merge_release(build);
    vec_coder_free(&build->coder);
    vec_quantize_scratch_free(&build->scratch, build->allocator);
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
