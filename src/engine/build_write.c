/*
 * build_write.c: the end of a build: sections, header, fsync, and the file's final name.
 *
 * Dirty pages are written out while the sections are checksummed, a few pieces behind: an fsync of a whole large segment
 * would hold the process, and everybody else's writes, for as long as the disk takes, and nobody could cancel it.
 *
 * Pieces end at multiples of their length in the file: the page cache then keeps it in pages of 2 MB where the system has such, and
 * maps them so: half the page faults of a connection's first search, and 0.94 x the CPU of later ones (100,000 rows of 384 dimensions).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fallocate */
#endif

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "building.h"
#include "vectors/stop_point.h"

#define PIECE_BYTES     ((size_t)4 << 20)
#define PIECES_BEHIND   8
#define SORT_EXCEPTIONS 65536

static VecFormatRow *
exceptions_start(const VecBuild *build)
{
    VecFormatRow *rows = vec_build_section(build, VEC_SECTION_ROWS);

    return rows + (build->row_count_max - build->exception_count);
}

static VecStatus
interrupted(VecError *error)
{
    return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
}

/* Brings the exceptions into the order of the file: those to be computed exactly, then the NULLs. */
static VecStatus
sort_exceptions(VecBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    const VecFormatRow *rows = vec_build_section(build, VEC_SECTION_ROWS);
    VecFormatRow *first = exceptions_start(build);

    for (; build->stage_done < build->exception_count; build->stage_done++) {
        uint64_t i = build->stage_done;

        if (i % SORT_EXCEPTIONS == 0 && should_stop != NULL &&
            should_stop(should_stop_context, 0, build->header.file_bytes))
            return interrupted(error);
        if (first[i].kind == VEC_ROW_EXACT) {
            VecFormatRow row = first[i];
            first[i] = first[build->exact_end];
            first[build->exact_end] = row;
            vec_build_swap_keys(build, (uint64_t)(first - rows) + i,
                                (uint64_t)(first - rows) + build->exact_end++);
        }
    }
    return VEC_OK;
}

static VecStatus
finish_keys(VecBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    while (build->stage != STAGE_WRITE) {
        if (should_stop != NULL && should_stop(should_stop_context, 0, build->header.file_bytes))
            return interrupted(error);
        if (build->stage == STAGE_KEYS ? vec_build_compact_keys_some(build)
                                       : vec_build_order_keys_some(build)) {
            build->stage = build->stage == STAGE_KEYS ? STAGE_ORDER : STAGE_WRITE;
            build->stage_done = 0;
        }
    }
    return VEC_OK;
}

static void
begin_write(VecBuild *build, const VecStamp *stamp)
{
    VecFormatHeader *header = &build->header;
    VecFormatSection compact[VEC_SECTION_COUNT];

    header->stamp = *stamp;
    header->rows_exact = build->rows_exact;
    header->rows_null = build->exception_count - build->rows_exact;
    header->key_nulls = build->key_nulls;
    header->error = build->quantizer_error;
    header->file_bytes = vec_format_layout(header, compact);
    memcpy(header->sections, compact, sizeof(compact));
    if (build->in_file) {
        for (int i = 0; i < VEC_SECTION_COUNT; i++)
            header->sections[i].offset = build->work.sections[i].offset;
        header->sections[VEC_SECTION_EXCEPTIONS].offset =
            (uint64_t)((uint8_t *)exceptions_start(build) - build->area);
        header->file_bytes = build->area_bytes;
    }
    build->section = 0;
    build->stage_done = 0;
    XXH3_64bits_reset(build->checksum);
}

static VecStatus
write_piece(VecBuild *build, const uint8_t *data, size_t bytes, uint64_t offset, VecError *error)
{
    const uint64_t behind = PIECES_BEHIND * PIECE_BYTES;
    VecStatus status = VEC_OK;

    if (!build->in_file)
        status = vec_file_write(build->descriptor, data, bytes, offset, build->temporary, error);
    XXH3_64bits_update(build->checksum, data, bytes);
    if (status == VEC_OK)
        status = vec_file_flush_begin(build->descriptor, offset, bytes, build->temporary, error);
    if (status == VEC_OK && offset >= behind)
        status = vec_file_flush_wait(build->descriptor, offset - behind, bytes, build->temporary, error);
    return status == VEC_OK ? vec_build_check(build, error) : status;
}

static VecStatus
write_sections(VecBuild *build, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    uint64_t done = 0;

    for (; build->section < VEC_SECTION_COUNT; build->section++) {
        VecFormatSection *section = &build->header.sections[build->section];
        const uint8_t *data = build->section == VEC_SECTION_EXCEPTIONS
                                  ? (const uint8_t *)exceptions_start(build)
                                  : vec_build_section(build, (VecSection)build->section);

        while (build->stage_done < section->bytes) {
            uint64_t rest = section->bytes - build->stage_done, offset = section->offset + build->stage_done;
            size_t room = PIECE_BYTES - offset % PIECE_BYTES;
            size_t piece = rest < room ? (size_t)rest : room;
            VecStatus status;

            if (should_stop != NULL && should_stop(should_stop_context, done, build->header.file_bytes))
                return interrupted(error);
            status = write_piece(build, data + build->stage_done, piece, offset, error);
            if (status != VEC_OK)
                return status;
            build->stage_done += piece;
            done += piece;
        }
        section->checksum = XXH3_64bits_digest(build->checksum);
        XXH3_64bits_reset(build->checksum);
        build->stage_done = 0;
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
    vec_stop_point("segment-before-rename");
    if (rename(build->temporary, path) != 0)
        return vec_file_error(error, errno, "rename", build->temporary);
    build->temporary[0] = '\0';
    build->stage = STAGE_DONE;
    vec_stop_point("segment-renamed");
    return vec_file_sync_directory(build->directory, error);
}

VecStatus
vec_build_finish(VecBuild *build, const VecStamp *stamp, VecShouldStop should_stop, void *should_stop_context,
                 VecBuildResult *result, VecError *error)
{
    VecStatus status;

    assert(build->stage >= STAGE_GRAPH && build->stage <= STAGE_WRITE);
    memset(result, 0, sizeof(*result)); /* its bytes, not its fields, go to disk with the manifest */
    if (build->stage == STAGE_GRAPH) {
        build->stage_done = build->exact_end = 0;
        build->stage = STAGE_SORT;
    }
    if (build->stage == STAGE_SORT) {
        if ((status = sort_exceptions(build, should_stop, should_stop_context, error)) != VEC_OK)
            return status;
        build->stage_done = 0;
        build->stage = STAGE_KEYS;
    }
    if (build->stage < STAGE_WRITE) {
        if ((status = finish_keys(build, should_stop, should_stop_context, error)) != VEC_OK)
            return status;
        begin_write(build, stamp);
    }
    if ((status = write_sections(build, should_stop, should_stop_context, error)) != VEC_OK ||
        (status = write_header(build, error)) != VEC_OK)
        return status;
    punch_gaps(build);
    vec_stop_point("segment-before-sync");
    if (!build->in_file && ftruncate(build->descriptor, (off_t)build->header.file_bytes) != 0)
        return vec_file_error(error, errno, "truncate", build->temporary);
    if ((status = vec_file_sync(build->descriptor, build->temporary, error)) != VEC_OK ||
        (status = vec_build_check(build, error)) != VEC_OK ||
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
