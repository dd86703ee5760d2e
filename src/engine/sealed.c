/*
 * sealed.c: opening a segment file that may hold anything.
 *
 * The header is copied, its checksum compared, and then every number still checked as if somebody had computed that checksum
 * over lies: after vec_sealed_open each section is as long as the row counts say, and lies within the map. What sections
 * hold is checked where it is used: row and node numbers in the walk, everything else cannot lead astray.
 */
#include "sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "file.h"
#include "memory.h"

#define VERIFY_PIECE_BYTES ((size_t)4 << 20)

/*
 * Whether a file is in memory is seen from so many of its pages. One that is not, and is no longer than this, is read as a whole: at a
 * gigabyte a second that takes less than the first searches would wait for their pages, and what was read in one go the system keeps in
 * large pages, which it does not give up piece by piece when memory is short (bench/README.md, "Bigger than memory").
 */
#define COLD_SAMPLE    32
#define COLD_PART      8 /* fewer than one of so many pages is there */
#define COLD_BYTES_MAX ((uint64_t)256 << 20)

static VecStatus
corrupt(const VecSealed *sealed, VecError *error, const char *what, uint64_t value)
{
    return vec_error_set(error, VEC_CORRUPT, 0, "segment file \"%s\" is corrupt: %s %" PRIu64,
                         sealed->file_name, what, value);
}

static VecStatus
check_identity(const VecSealed *sealed, const uint8_t *page, VecError *error)
{
    const VecFormatHeader *header = &sealed->header;

    if (memcmp(header->magic, VEC_FORMAT_MAGIC, VEC_FORMAT_MAGIC_BYTES) != 0)
        return vec_error_set(error, VEC_CORRUPT, 0, "file \"%s\" is not a segment", sealed->file_name);
    if (header->byte_order != VEC_FORMAT_BYTE_ORDER)
        return corrupt(sealed, error, "written on a machine of another byte order,", header->byte_order);
    if (header->version != VEC_FORMAT_VERSION)
        return corrupt(sealed, error, "unknown format version", header->version);
    if (header->header_bytes != VEC_FORMAT_PAGE_BYTES)
        return corrupt(sealed, error, "header bytes", header->header_bytes);
    if (header->checksum != vec_format_header_checksum(page))
        return vec_error_set(error, VEC_CORRUPT, 0, "segment file \"%s\" is corrupt: header checksum differs",
                             sealed->file_name);
    if (header->section_count != VEC_SECTION_COUNT)
        return corrupt(sealed, error, "section count", header->section_count);
    if (header->file_bytes != sealed->map_bytes)
        return vec_error_set(error, VEC_CORRUPT, 0,
                             "segment file \"%s\" is corrupt: it has %" PRIu64 " bytes instead of %" PRIu64,
                             sealed->file_name, sealed->map_bytes, header->file_bytes);
    return VEC_OK;
}

static VecStatus
check_numbers(VecSealed *sealed, VecError *error)
{
    const VecFormatHeader *header = &sealed->header;
    VecCodeKind kind =
        vec_codes_kind((VecElementType)header->element_type, (VecQuantization)header->quantization);
    VecError detail;

    sealed->options = (VecSegmentOptions){
        .element_type = (VecElementType)header->element_type,
        .metric = (VecMetric)header->metric,
        .dimensions = header->dimensions,
        .kind = (VecSegmentKind)header->kind,
        .quantization = (VecQuantization)header->quantization,
        .quantization_bits = header->quantization_bits,
        .m = header->m,
        .ef_construction = header->ef_construction,
        .list_count = header->list_count,
        .is_spherical = header->is_spherical != 0,
        .is_residual = header->is_residual != 0,
        .key_count = header->key_count,
        .key_ordered = header->key_ordered,
    };
    if (vec_format_check_options(&sealed->options, &detail) != VEC_OK)
        return vec_error_set(error, VEC_CORRUPT, 0, "segment file \"%s\" is corrupt: %.300s",
                             sealed->file_name, detail.message);
    if (header->rows_coded > VEC_SEGMENT_ROWS_MAX || header->rows_exact > VEC_SEGMENT_ROWS_MAX ||
        header->rows_null > VEC_SEGMENT_ROWS_MAX)
        return corrupt(sealed, error, "too many rows,", header->rows_coded);
    if (header->stride_bytes != vec_codes_stride(kind, header->dimensions, header->quantization_bits))
        return corrupt(sealed, error, "code stride", header->stride_bytes);
    if (kind == VEC_CODE_SPARSE
            ? header->code_bytes > header->file_bytes
            : header->code_bytes !=
                  vec_codes_bytes(kind, header->dimensions, header->quantization_bits, header->rows_coded))
        return corrupt(sealed, error, "bytes of codes", header->code_bytes);
    if (header->posting_count >
            (vec_format_has_postings(header) ? header->file_bytes / sizeof(uint32_t) : 0) ||
        header->term_count > (vec_format_has_postings(header) ? header->dimensions : 0))
        return corrupt(sealed, error, "postings", header->posting_count);
    if (header->lists > (header->kind == VEC_SEGMENT_IVF ? header->list_count : 0) ||
        (header->kind == VEC_SEGMENT_IVF && header->lists == 0))
        return corrupt(sealed, error, "lists", header->lists);
    if (header->cells > VEC_CELLS_MAX || (header->cells > 0) != sealed->options.is_residual)
        return corrupt(sealed, error, "cells", header->cells);
    if ((header->key_nulls & ~vec_format_key_mask(header->key_count)) != 0)
        return corrupt(sealed, error, "NULLs of keys that are none, key count", header->key_count);
    if (header->layer_count > VEC_FORMAT_LAYERS_MAX ||
        (header->layer_count > 0 && header->kind != VEC_SEGMENT_HNSW))
        return corrupt(sealed, error, "layer count", header->layer_count);
    for (uint32_t i = 0; i < header->layer_count; i++) {
        uint64_t below = i == 0 ? header->rows_coded : header->layer_nodes[i - 1];

        if (header->layer_nodes[i] == 0 || header->layer_nodes[i] > below)
            return corrupt(sealed, error, "nodes of a layer", header->layer_nodes[i]);
    }
    if (!(header->error.code_norm_max >= 0 && isfinite(header->error.code_norm_max) &&
          header->error.code_error_max >= 0 && isfinite(header->error.code_error_max)))
        return corrupt(sealed, error, "error bound of dimensions", header->dimensions);
    return VEC_OK;
}

static VecStatus
check_sections(const VecSealed *sealed, VecError *error)
{
    VecFormatSection expected[VEC_SECTION_COUNT];
    uint64_t end = VEC_FORMAT_PAGE_BYTES;

    vec_format_layout(&sealed->header, expected);
    for (int i = 0; i < VEC_SECTION_COUNT; i++) {
        const VecFormatSection *section = &sealed->header.sections[i];

        if (section->bytes != expected[i].bytes)
            return corrupt(sealed, error, "length of a section", section->bytes);
        if (section->offset < end || section->offset % sizeof(VecFormatRow) != 0 ||
            section->offset > sealed->map_bytes || section->bytes > sealed->map_bytes - section->offset)
            return corrupt(sealed, error, "place of a section", section->offset);
        end = section->offset + section->bytes;
    }
    return VEC_OK;
}

static const void *
section_start(const VecSealed *sealed, VecSection section)
{
    return sealed->map + sealed->header.sections[section].offset;
}

static VecStatus
attach(VecSealed *sealed, VecError *error)
{
    const VecFormatHeader *header = &sealed->header;
    const float *floats = section_start(sealed, VEC_SECTION_QUANTIZER);
    VecCodeKind kind = vec_codes_kind(sealed->options.element_type, sealed->options.quantization);

    for (uint64_t i = 0; i < vec_coder_floats(kind, header->dimensions, header->cells); i++) {
        if (!isfinite(floats[i]))
            return corrupt(sealed, error, "mean, number", i);
    }
    if (!vec_coder_init(&sealed->coder, &sealed->options, floats, header->cells, header->seed,
                        sealed->allocator))
        return vec_memory_error(error);
    sealed->codes = (VecCodes){
        .kernels = sealed->coder.kernels,
        .kind = kind,
        .metric = sealed->options.metric,
        .dimensions = header->dimensions,
        .bits = header->quantization_bits,
        .row_count = (uint32_t)header->rows_coded,
        .stride_bytes = header->stride_bytes,
        .codes = section_start(sealed, VEC_SECTION_CODES),
        .code_bytes = header->code_bytes,
        .starts = section_start(sealed, VEC_SECTION_STARTS),
        .factors = vec_codes_has_factors(kind, sealed->options.metric)
                       ? section_start(sealed, VEC_SECTION_FACTORS)
                       : NULL,
        .mean_norm_sq = sealed->coder.quantizer.mean_norm_sq,
        .row_cells = header->cells > 0 ? section_start(sealed, VEC_SECTION_ROW_CELLS) : NULL,
        .cell_means = sealed->coder.quantizer.cell_means,
        .cell_count = header->cells,
    };
    sealed->rows = section_start(sealed, VEC_SECTION_ROWS);
    sealed->exceptions = section_start(sealed, VEC_SECTION_EXCEPTIONS);
    sealed->keys = (VecKeyColumns){
        .key_count = header->key_count,
        .key_ordered = header->key_ordered,
        .coded_count = (uint32_t)header->rows_coded,
        .row_count = header->rows_coded + header->rows_exact + header->rows_null,
        .columns = section_start(sealed, VEC_SECTION_KEYS),
        .nulls = header->key_nulls != 0 ? section_start(sealed, VEC_SECTION_KEY_NULLS) : NULL,
        .orders = section_start(sealed, VEC_SECTION_KEY_ORDERS),
        .grades = section_start(sealed, VEC_SECTION_KEY_GRADES),
    };
    if (vec_format_has_postings(header))
        sealed->postings = (VecPostings){
            .terms = section_start(sealed, VEC_SECTION_TERMS),
            .term_count = header->term_count,
            .row_count = header->posting_count,
            .rows = section_start(sealed, VEC_SECTION_POSTINGS),
            .weights =
                header->kind == VEC_SEGMENT_INVERTED ? section_start(sealed, VEC_SECTION_WEIGHTS) : NULL,
        };
    if (header->kind == VEC_SEGMENT_IVF)
        sealed->ivf = (VecIvf){
            .list_count = header->lists,
            .row_count = (uint32_t)header->rows_coded,
            .dimensions = header->dimensions,
            .centroids = section_start(sealed, VEC_SECTION_CENTROIDS),
            .starts = section_start(sealed, VEC_SECTION_LIST_STARTS),
            .rows = section_start(sealed, VEC_SECTION_LIST_ROWS),
        };
    if (header->kind == VEC_SEGMENT_HNSW)
        vec_graph_attach(
            &sealed->graph, header->m, (uint32_t)header->rows_coded, header->layer_count, header->layer_nodes,
            header->has_rings != 0, section_start(sealed, VEC_SECTION_LINKS),
            section_start(sealed, VEC_SECTION_UPPER_ROWS), section_start(sealed, VEC_SECTION_UPPER_LINKS));
    return VEC_OK;
}

void
vec_sealed_read_ahead(const VecSealed *sealed, const void *start, size_t bytes)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t from = (uint64_t)((const uint8_t *)start - sealed->map) / page_bytes * page_bytes;
    uint64_t rest = sealed->map_bytes - from;

    (void)madvise((void *)(sealed->map + from), rest < bytes ? rest : bytes, MADV_WILLNEED);
}

static bool
is_cold(const uint8_t *map, uint64_t map_bytes)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE), pages = map_bytes / page_bytes;
    uint32_t resident = 0;

    if (map_bytes > COLD_BYTES_MAX || pages < COLD_SAMPLE)
        return false;
    for (uint64_t i = 0; i < COLD_SAMPLE; i++) {
        unsigned char is_there = 1; /* also where the system does not tell */

        (void)mincore((void *)(map + pages * i / COLD_SAMPLE * page_bytes), page_bytes, &is_there);
        resident += is_there & 1;
    }
    return resident * COLD_PART < COLD_SAMPLE;
}

VecStatus
vec_sealed_open(VecSealed *sealed, const char *directory, const char *file_name,
                const VecAllocator *allocator, VecError *error)
{
    _Alignas(VecFormatHeader) uint8_t page[VEC_FORMAT_PAGE_BYTES];
    char path[VEC_FILE_PATH_BYTES];
    struct stat file;
    VecStatus status;

    *sealed = (VecSealed){.allocator = allocator, .descriptor = -1};
    snprintf(sealed->file_name, sizeof(sealed->file_name), "%s", file_name);
    if ((status = vec_file_path(path, directory, file_name, error)) != VEC_OK)
        return status;
    sealed->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (sealed->descriptor < 0)
        return vec_file_error(error, errno, "open", path);
    if (fstat(sealed->descriptor, &file) != 0)
        return vec_file_error(error, errno, "look at", path);
    sealed->identity = vec_file_identity(&file);
    if (!S_ISREG(file.st_mode) || file.st_size < VEC_FORMAT_PAGE_BYTES)
        return corrupt(sealed, error, "not a file of at least one page, bytes", (uint64_t)file.st_size);
    if ((status = vec_file_read(sealed->descriptor, page, sizeof(page), 0, path, error)) != VEC_OK)
        return status;
    memcpy(&sealed->header, page, sizeof(sealed->header));
    sealed->map_bytes = (uint64_t)file.st_size;
    if ((status = check_identity(sealed, page, error)) != VEC_OK ||
        (status = check_numbers(sealed, error)) != VEC_OK ||
        (status = check_sections(sealed, error)) != VEC_OK)
        return status;

    void *map = mmap(NULL, sealed->map_bytes, PROT_READ, MAP_SHARED, sealed->descriptor, 0);
    if (map == MAP_FAILED) {
        /* also where there is no address space left, or no more maps are allowed: not for want of memory, and the log has the rows */
        (void)vec_file_error(error, errno, "map", path);
        if (error != NULL)
            error->status = VEC_IO;
        return VEC_IO;
    }
    sealed->map = map;
    sealed->is_cold =
        is_cold(map, sealed->map_bytes); /* before anything is read that brings its neighbours */
    vec_fault_guard_add(&sealed->guard, map, sealed->map_bytes, PROT_READ);
    /*
     * No MADV_RANDOM, although graphs are read at random places: from Linux 6.3 on it also says that what was read will not be read again, and
     * the codes go where memory is short before the log's pages do. All of a segment is to stay in memory, so that what is read around a page
     * that was missing is no waste.
     */
    status = attach(sealed, error);
    return status == VEC_OK ? vec_sealed_check(sealed, error) : status;
}

VecStatus
vec_sealed_check(const VecSealed *sealed, VecError *error)
{
    if (!vec_fault_guard_has_faulted(&sealed->guard))
        return VEC_OK;
    return vec_error_set(error, VEC_CORRUPT, 0,
                         "segment file \"%s\" was truncated, or cannot be read, since it was opened",
                         sealed->file_name);
}

void
vec_sealed_close(VecSealed *sealed)
{
    vec_coder_free(&sealed->coder);
    vec_fault_guard_remove(&sealed->guard);
    if (sealed->map != NULL)
        munmap((void *)sealed->map, sealed->map_bytes);
    sealed->map = NULL;
    vec_sealed_close_file(sealed);
}

void
vec_sealed_close_file(VecSealed *sealed)
{
    if (sealed->descriptor >= 0)
        close(sealed->descriptor);
    sealed->descriptor = -1;
}

uint64_t
vec_sealed_codes_hash(const VecSealed *sealed)
{
    const VecFormatHeader *header = &sealed->header;
    bool is_scalar = sealed->coder.kind == VEC_CODE_SCALAR;
    uint64_t words[] = {
        header->sections[VEC_SECTION_QUANTIZER].checksum,
        is_scalar ? header->seed : 0,
        is_scalar ? header->quantization : 0,
        is_scalar ? header->quantization_bits : 0,
        header->element_type,
        header->metric,
        header->dimensions,
        header->key_count,
    };

    return XXH3_64bits(words, sizeof(words));
}

VecStatus
vec_sealed_verify(const VecSealed *sealed, VecShouldStop should_stop, void *should_stop_context,
                  VecError *error)
{
    XXH3_state_t *state = XXH3_createState();
    VecStatus status = VEC_OK;
    uint64_t done = 0;

    if (state == NULL)
        return vec_memory_error(error);
    (void)madvise((void *)sealed->map, sealed->map_bytes, MADV_SEQUENTIAL);
    for (int i = 0; i < VEC_SECTION_COUNT && status == VEC_OK; i++) {
        const VecFormatSection *section = &sealed->header.sections[i];

        XXH3_64bits_reset(state);
        for (uint64_t offset = 0; offset < section->bytes;) {
            uint64_t rest = section->bytes - offset;
            size_t piece = rest < VERIFY_PIECE_BYTES ? (size_t)rest : VERIFY_PIECE_BYTES;

            if (should_stop != NULL && should_stop(should_stop_context, done, sealed->map_bytes)) {
                status = vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
                goto done;
            }
            XXH3_64bits_update(state, sealed->map + section->offset + offset, piece);
            if ((status = vec_sealed_check(sealed, error)) != VEC_OK)
                goto done;
            offset += piece;
            done += piece;
        }
        if (XXH3_64bits_digest(state) != section->checksum)
            status = corrupt(sealed, error, "checksum differs in section", (uint64_t)i);
    }

done:
    (void)madvise((void *)sealed->map, sealed->map_bytes, MADV_NORMAL);
    XXH3_freeState(state);
    return status;
}
