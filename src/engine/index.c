/*
 * index.c: opening an index: manifest, then every segment it names, leaving out what cannot be used and saying why.
 */
#include "snapshot.h"

#include <inttypes.h>
#include <stdio.h>

#include "memory.h"

/* vec_index_row is called for one row after the other, of a map that the kernel was told not to read ahead: 1 MB at a time. */
#define ROWS_AHEAD 65536

/* Of a segment's rows without a code so many are looked at for an estimate. */
#define ESTIMATE_EXCEPTIONS 256

static VecProblem *
add_problem(VecIndex *index, VecProblemKind kind, const char *file_name)
{
    VecProblem *problem = &index->problems[index->problem_count++];

    *problem = (VecProblem){.kind = kind};
    snprintf(problem->file_name, sizeof(problem->file_name), "%s", file_name);
    return problem;
}

static void
add_problem_error(VecIndex *index, const char *file_name, const VecError *error)
{
    VecProblemKind kind = error->status == VEC_CORRUPT     ? VEC_PROBLEM_CORRUPT
                          : error->status == VEC_NOT_FOUND ? VEC_PROBLEM_MISSING
                                                           : VEC_PROBLEM_UNREADABLE;
    VecProblem *problem = add_problem(index, kind, file_name);

    problem->os_errno = error->os_errno;
    snprintf(problem->message, sizeof(problem->message), "%.250s", error->message);
}

/* Whether the file is the one that the manifest names, and one for this column. Otherwise fills in a problem. */
static bool
is_expected(VecIndex *index, const VecIndexOpenOptions *options, const VecManifestEntry *entry,
            const VecSealed *segment)
{
    const VecFormatHeader *header = &segment->header;
    const VecIndexExpectation *expectation = &options->expectation;
    VecProblem *problem;

    if (header->checksum != entry->header_checksum || header->file_bytes != entry->file_bytes ||
        memcmp(&header->stamp, &entry->stamp, sizeof(VecStamp)) != 0 ||
        header->rows_coded != entry->rows_coded || header->rows_exact != entry->rows_exact ||
        header->rows_null != entry->rows_null) {
        problem = add_problem(index, VEC_PROBLEM_CORRUPT, entry->file_name);
        snprintf(problem->message, sizeof(problem->message),
                 "segment file \"%s\" is not the one that the manifest names", entry->file_name);
        return false;
    }
    if (segment->options.element_type != expectation->element_type ||
        segment->options.metric != expectation->metric ||
        segment->options.dimensions != expectation->dimensions ||
        segment->options.key_count != expectation->key_count) {
        problem = add_problem(index, VEC_PROBLEM_FOREIGN, entry->file_name);
        snprintf(problem->message, sizeof(problem->message),
                 "segment file \"%s\" is for element type %d, metric %d, %" PRIu32 " dimensions, %" PRIu32
                 " keys",
                 entry->file_name, (int)segment->options.element_type, (int)segment->options.metric,
                 segment->options.dimensions, segment->options.key_count);
        return false;
    }
    return true;
}

/* Whether the caller and the segments opened so far leave room for this one. */
static bool
is_accepted(VecIndex *index, const VecIndexOpenOptions *options, const VecManifestEntry *entry)
{
    VecVerdict verdict =
        options->accept != NULL ? options->accept(options->accept_context, &entry->stamp) : VEC_VERDICT_USE;
    VecProblem *problem;

    if (verdict != VEC_VERDICT_USE) {
        bool pending = verdict == VEC_VERDICT_PENDING;

        problem = add_problem(index, pending ? VEC_PROBLEM_PENDING : VEC_PROBLEM_FOREIGN, entry->file_name);
        snprintf(problem->message, sizeof(problem->message), "segment file \"%s\" %s", entry->file_name,
                 pending ? "is of a moment that is not replayed yet" : "is of another index or history");
        return false;
    }
    if (index->segment_count > 0) {
        const VecStamp *last = &index->segments[index->segment_count - 1].header.stamp;

        if (entry->stamp.position_from < last->position_to) {
            problem = add_problem(index, VEC_PROBLEM_FOREIGN, entry->file_name);
            snprintf(problem->message, sizeof(problem->message),
                     "segment file \"%s\" covers positions that another one covers", entry->file_name);
            return false;
        }
    }
    return true;
}

static VecStatus
open_segment(VecIndex *index, const char *directory, const VecIndexOpenOptions *options,
             const VecManifestEntry *entry, VecError *error)
{
    VecSealed *segment = &index->segments[index->segment_count];
    VecError detail = {0};
    VecStatus status;

    if (!is_accepted(index, options, entry))
        return VEC_OK;
    status = vec_sealed_open(segment, directory, entry->file_name, index->allocator, &detail);
    if (status == VEC_OK && !is_expected(index, options, entry, segment)) {
        vec_sealed_close(segment);
        return VEC_OK;
    }
    if (status == VEC_OK &&
        (options->control == NULL || !vec_control_is_verified(options->control, segment->descriptor) ||
         segment->is_cold)) {
        status = vec_sealed_verify(segment, options->should_stop, options->should_stop_context, &detail);
        if (status == VEC_OK && options->control != NULL)
            vec_control_remember_verified(options->control, segment->descriptor);
    }
    if (status == VEC_OK) {
        vec_sealed_close_file(segment);
        index->segment_count++;
        return VEC_OK;
    }
    vec_sealed_close(segment);
    if (status == VEC_NO_MEMORY || status == VEC_INTERRUPTED) {
        if (error != NULL)
            *error = detail;
        return status;
    }
    add_problem_error(index, entry->file_name, &detail);
    return VEC_OK;
}

VecStatus
vec_index_open(const char *directory, const VecIndexOpenOptions *options, const VecAllocator *allocator,
               VecIndex **index, VecError *error)
{
    VecManifest manifest = {0};
    VecError detail = {0};
    VecStatus manifest_status = vec_manifest_read(directory, allocator, &manifest, &detail);
    VecStatus status = VEC_OK;
    VecIndex *made = vec_memory_allocate(allocator, 1, sizeof(*made));

    if (made == NULL || manifest_status == VEC_NO_MEMORY) {
        vec_memory_release(allocator, made);
        vec_manifest_free(&manifest);
        return vec_memory_error(error);
    }
    made->allocator = allocator;
    snprintf(made->directory, sizeof(made->directory), "%s", directory);
    made->generation = manifest.generation;
    made->key_count = options->expectation.key_count;
    made->segments = vec_memory_allocate(allocator, manifest.entry_count, sizeof(VecSealed));
    made->problems = vec_memory_allocate(allocator, (size_t)manifest.entry_count + 1, sizeof(VecProblem));
    made->spares = vec_memory_allocate(allocator, manifest.entry_count, sizeof(VecProbe *));
    if (made->segments == NULL || made->problems == NULL || made->spares == NULL) {
        status = vec_memory_error(error);
        goto done;
    }
    if (manifest_status != VEC_OK && manifest_status != VEC_NOT_FOUND)
        add_problem_error(made, VEC_MANIFEST_NAME, &detail);
    for (uint32_t i = 0; i < manifest.entry_count && status == VEC_OK; i++)
        status = open_segment(made, directory, options, &manifest.entries[i], error);

done:
    vec_manifest_free(&manifest);
    if (status != VEC_OK) {
        vec_index_close(made);
        return status;
    }
    *index = made;
    return VEC_OK;
}

void
vec_index_close(VecIndex *index)
{
    if (index == NULL)
        return;
    for (uint32_t i = 0; i < index->segment_count; i++) {
        vec_probe_free(index->spares[i]);
        vec_sealed_close(&index->segments[i]);
    }
    vec_memory_release(index->allocator, index->segments);
    vec_memory_release(index->allocator, index->problems);
    vec_memory_release(index->allocator, index->spares);
    vec_memory_release(index->allocator, index);
}

uint64_t
vec_index_generation(const VecIndex *index)
{
    return index->generation;
}

bool
vec_index_is_changed(const VecIndex *index)
{
    for (uint32_t i = 0; i < index->segment_count; i++) {
        const VecSealed *segment = &index->segments[i];
        char path[VEC_FILE_PATH_BYTES];
        struct stat file;

        if (vec_file_path(path, index->directory, segment->file_name, NULL) == VEC_OK &&
            stat(path, &file) == 0 && vec_file_identity(&file) != segment->identity)
            return true;
    }
    return false;
}

uint32_t
vec_index_problem_count(const VecIndex *index)
{
    return index->problem_count;
}

const VecProblem *
vec_index_problem(const VecIndex *index, uint32_t problem)
{
    return problem < index->problem_count ? &index->problems[problem] : NULL;
}

uint32_t
vec_index_segment_count(const VecIndex *index)
{
    return index->segment_count;
}

void
vec_index_segment_info(const VecIndex *index, uint32_t segment, VecSegmentInfo *info)
{
    const VecSealed *sealed = &index->segments[segment];
    const VecFormatSection *sections = sealed->header.sections;

    *info = (VecSegmentInfo){
        .file_name = sealed->file_name,
        .stamp = sealed->header.stamp,
        .options = sealed->options,
        .options_hash = sealed->header.options_hash,
        .rows_coded = sealed->header.rows_coded,
        .rows_exact = sealed->header.rows_exact,
        .rows_null = sealed->header.rows_null,
        .bytes_file = sealed->header.file_bytes,
        .bytes_codes = sections[VEC_SECTION_CODES].bytes + sections[VEC_SECTION_FACTORS].bytes +
                       sections[VEC_SECTION_STARTS].bytes + sections[VEC_SECTION_ROW_CELLS].bytes,
        .bytes_graph = sections[VEC_SECTION_LINKS].bytes + sections[VEC_SECTION_UPPER_ROWS].bytes +
                       sections[VEC_SECTION_UPPER_LINKS].bytes + sections[VEC_SECTION_TERMS].bytes +
                       sections[VEC_SECTION_POSTINGS].bytes,
        .bytes_ids = sections[VEC_SECTION_ROWS].bytes + sections[VEC_SECTION_EXCEPTIONS].bytes,
        .bytes_keys = sections[VEC_SECTION_KEYS].bytes + sections[VEC_SECTION_KEY_NULLS].bytes +
                      sections[VEC_SECTION_KEY_ORDERS].bytes + sections[VEC_SECTION_KEY_GRADES].bytes,
        .codes_hash = vec_sealed_codes_hash(sealed),
    };
}

VecStatus
vec_index_row(const VecIndex *index, uint32_t segment, uint64_t row, VecRowId *id, VecRowKind *kind,
              VecError *error)
{
    const VecSealed *sealed = &index->segments[segment];
    const VecFormatHeader *header = &sealed->header;
    const VecFormatRow *found =
        row < header->rows_coded ? &sealed->rows[row] : &sealed->exceptions[row - header->rows_coded];

    if (row % ROWS_AHEAD == 0)
        vec_sealed_read_ahead(sealed, found, ROWS_AHEAD * sizeof(*found));
    id->position = found->position;
    memcpy(id->tid, found->tid, VEC_TID_BYTES);
    *kind = row < header->rows_coded                        ? VEC_ROW_CODED
            : row < header->rows_coded + header->rows_exact ? VEC_ROW_EXACT
                                                            : VEC_ROW_NULL;
    return vec_sealed_check(sealed, error);
}

VecStatus
vec_index_estimate(const VecIndex *index, const VecFilter *filter, double *rows, VecError *error)
{
    *rows = 0;
    if (!vec_filter_is_valid(filter, index->key_count))
        return vec_error_set(error, VEC_INVALID, 0, "the filter is not one for %" PRIu32 " keys",
                             index->key_count);
    for (uint32_t i = 0; i < index->segment_count; i++) {
        const VecSealed *sealed = &index->segments[i];
        uint64_t exceptions = sealed->header.rows_exact + sealed->header.rows_null, found = 0;
        uint64_t step = exceptions / ESTIMATE_EXCEPTIONS + 1;
        VecSelection selection;
        VecStatus status = vec_selection_begin(&selection, &sealed->keys, filter, index->allocator);

        if (status == VEC_OK)
            *rows += selection.match_estimate;
        vec_selection_end(&selection);
        for (uint64_t row = 0; row < exceptions; row += step)
            found += vec_keys_match(&sealed->keys, filter, sealed->header.rows_coded + row);
        *rows += (double)(found * step);
        if (status == VEC_OK)
            status = vec_sealed_check(sealed, error);
        if (status != VEC_OK)
            return status == VEC_NO_MEMORY ? vec_memory_error(error) : status;
    }
    return VEC_OK;
}

VecStatus
vec_index_verify(const VecIndex *index, uint32_t segment, VecShouldStop should_stop,
                 void *should_stop_context, VecError *error)
{
    return vec_sealed_verify(&index->segments[segment], should_stop, should_stop_context, error);
}

VecStatus
vec_index_validate(const VecIndex *index, uint32_t segment, VecShouldStop should_stop,
                   void *should_stop_context, VecSegmentHealth *health, VecError *error)
{
    return vec_sealed_validate(&index->segments[segment], should_stop, should_stop_context, health, error);
}
