/*
 * plan.c: the plan's file, and publishing a merge.
 *
 *     PlanHeader, VEC_FILE_NAME_BYTES a file name, uint64 a dead row
 */
#include "vectors/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "file.h"
#include "format.h"
#include "memory.h"
#include "vectors/merge.h"
#include "vectors/stop_point.h"

#define PLAN_MAGIC "vec\r\npln"

typedef struct PlanHeader {
    uint8_t magic[VEC_FORMAT_MAGIC_BYTES];
    uint32_t version;
    uint32_t byte_order;
    uint32_t element_type;
    uint32_t metric;
    uint32_t dimensions;
    uint32_t kind;
    uint32_t quantization;
    uint32_t quantization_bits;
    uint32_t m;
    uint32_t ef_construction;
    uint32_t thread_count;
    uint32_t file_count;
    uint32_t key_count;
    uint32_t list_count;
    uint32_t is_spherical;
    uint32_t is_residual;
    uint32_t from_codes;
    uint32_t reserved; /* 0 */
    uint64_t key_ordered;
    uint64_t memory_bytes_max;
    uint64_t disk_reserve_bytes;
    uint64_t dead_count;
    VecStamp stamp;
    uint64_t checksum; /* of the file, taken with this field zero */
} PlanHeader;

void
vec_plan_free(VecPlan *plan)
{
    if (plan->allocator != NULL) {
        vec_memory_release(plan->allocator, plan->file_names);
        vec_memory_release(plan->allocator, plan->dead);
    }
    *plan = (VecPlan){0};
}

static void
fill_header(const VecPlan *plan, PlanHeader *header)
{
    const VecSegmentOptions *segment = &plan->build.segment;

    memset(header, 0, sizeof(*header));
    memcpy(header->magic, PLAN_MAGIC, VEC_FORMAT_MAGIC_BYTES);
    header->version = VEC_FORMAT_VERSION;
    header->byte_order = VEC_FORMAT_BYTE_ORDER;
    header->element_type = (uint32_t)segment->element_type;
    header->metric = (uint32_t)segment->metric;
    header->dimensions = segment->dimensions;
    header->kind = (uint32_t)segment->kind;
    header->quantization = (uint32_t)segment->quantization;
    header->quantization_bits = segment->quantization_bits;
    header->m = segment->m;
    header->ef_construction = segment->ef_construction;
    header->list_count = segment->list_count;
    header->is_spherical = segment->is_spherical;
    header->is_residual = segment->is_residual;
    header->key_count = segment->key_count;
    header->key_ordered = segment->key_ordered;
    header->thread_count = plan->build.thread_count;
    header->memory_bytes_max = plan->build.memory_bytes_max;
    header->disk_reserve_bytes = plan->build.disk_reserve_bytes;
    header->from_codes = plan->from_codes;
    header->file_count = plan->file_count;
    header->dead_count = plan->dead_count;
    header->stamp = plan->stamp;
}

/* Codes without a plan are nobody's. */
static void
remove_codes(const char *directory)
{
    char path[VEC_FILE_PATH_BYTES];

    if (vec_file_path(path, directory, VEC_CODES_NAME, NULL) == VEC_OK)
        (void)unlink(path);
}

VecStatus
vec_plan_write(const VecPlan *plan, const char *directory, VecError *error)
{
    char path[VEC_FILE_PATH_BYTES], temporary[VEC_FILE_PATH_BYTES], name[VEC_FILE_NAME_BYTES];
    size_t names_bytes = (size_t)plan->file_count * VEC_FILE_NAME_BYTES;
    size_t dead_bytes = plan->dead_count * sizeof(uint64_t);
    XXH3_state_t *checksum = XXH3_createState();
    PlanHeader header;
    VecStatus status;

    if (checksum == NULL)
        return vec_memory_error(error);
    fill_header(plan, &header);
    XXH3_64bits_reset(checksum);
    XXH3_64bits_update(checksum, &header, sizeof(header));
    XXH3_64bits_update(checksum, plan->file_names, names_bytes);
    if (dead_bytes > 0)
        XXH3_64bits_update(checksum, plan->dead, dead_bytes);
    header.checksum = XXH3_64bits_digest(checksum);
    XXH3_freeState(checksum);

    snprintf(name, sizeof(name), VEC_TEMPORARY_PREFIX VEC_PLAN_NAME ".%ld", (long)getpid());
    if ((status = vec_file_path(path, directory, VEC_PLAN_NAME, error)) != VEC_OK ||
        (status = vec_file_path(temporary, directory, name, error)) != VEC_OK)
        return status;
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return vec_file_error(error, errno, "create", temporary);
    if ((status = vec_file_write(descriptor, &header, sizeof(header), 0, temporary, error)) == VEC_OK &&
        (status = vec_file_write(descriptor, plan->file_names, names_bytes, sizeof(header), temporary,
                                 error)) == VEC_OK &&
        dead_bytes > 0)
        status = vec_file_write(descriptor, plan->dead, dead_bytes, sizeof(header) + names_bytes, temporary,
                                error);
    close(descriptor);
    vec_stop_point("plan-before-rename");
    if (status == VEC_OK && rename(temporary, path) != 0)
        status = vec_file_error(error, errno, "rename", temporary);
    if (status != VEC_OK)
        (void)unlink(temporary);
    if (status != VEC_OK || !plan->from_codes)
        remove_codes(directory);
    return status;
}

VecStatus
vec_plan_write_codes(VecPlan *plan, const VecBuildResult *codes, const char *directory, VecError *error)
{
    char from[VEC_FILE_PATH_BYTES], to[VEC_FILE_PATH_BYTES];
    VecStatus status;

    if ((status = vec_file_path(from, directory, codes->file_name, error)) != VEC_OK ||
        (status = vec_file_path(to, directory, VEC_CODES_NAME, error)) != VEC_OK)
        return status;
    if (rename(from, to) != 0)
        return vec_file_error(error, errno, "rename", from);
    plan->from_codes = true;
    plan->stamp = codes->stamp;
    plan->dead_count = 0;
    return vec_plan_write(plan, directory, error);
}

static VecStatus
corrupt(const char *path, VecError *error)
{
    return vec_error_set(error, VEC_CORRUPT, 0, "\"%s\" is not a plan of this version", path);
}

static bool
names_are_sound(const VecPlan *plan)
{
    for (uint32_t i = 0; i < plan->file_count; i++) {
        const char *name = plan->file_names[i];

        if (memchr(name, '\0', VEC_FILE_NAME_BYTES) == NULL || name[0] == '\0' || strchr(name, '/') != NULL)
            return false;
    }
    return true;
}

static void
take_header(const PlanHeader *header, VecPlan *plan)
{
    plan->build = (VecBuildOptions){
        .segment = {.element_type = (VecElementType)header->element_type,
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
                    .key_ordered = header->key_ordered},
        .thread_count = header->thread_count,
        .memory_bytes_max = header->memory_bytes_max,
        .disk_reserve_bytes = header->disk_reserve_bytes,
    };
    plan->stamp = header->stamp;
    plan->from_codes = header->from_codes != 0;
    plan->file_count = header->file_count;
    plan->dead_count = header->dead_count;
}

static VecStatus
read_body(int descriptor, const char *path, uint64_t file_bytes, PlanHeader *header, VecPlan *plan,
          VecError *error)
{
    XXH3_state_t *checksum;
    uint64_t stored = header->checksum, names_bytes = (uint64_t)header->file_count * VEC_FILE_NAME_BYTES;
    VecStatus status;

    if (memcmp(header->magic, PLAN_MAGIC, VEC_FORMAT_MAGIC_BYTES) != 0 ||
        header->version != VEC_FORMAT_VERSION || header->byte_order != VEC_FORMAT_BYTE_ORDER ||
        header->file_count == 0 || header->file_count > VEC_MANIFEST_ENTRIES_MAX ||
        header->dead_count > file_bytes / sizeof(uint64_t) ||
        sizeof(*header) + names_bytes + header->dead_count * sizeof(uint64_t) != file_bytes)
        return corrupt(path, error);
    take_header(header, plan);
    plan->file_names = vec_memory_allocate_raw(plan->allocator, plan->file_count, VEC_FILE_NAME_BYTES);
    plan->dead = vec_memory_allocate_raw(plan->allocator, plan->dead_count + 1, sizeof(uint64_t));
    checksum = XXH3_createState();
    if (plan->file_names == NULL || plan->dead == NULL || checksum == NULL) {
        XXH3_freeState(checksum);
        return vec_memory_error(error);
    }
    if ((status = vec_file_read(descriptor, plan->file_names, names_bytes, sizeof(*header), path, error)) ==
        VEC_OK)
        status = vec_file_read(descriptor, plan->dead, plan->dead_count * sizeof(uint64_t),
                               sizeof(*header) + names_bytes, path, error);
    if (status == VEC_OK) {
        header->checksum = 0;
        XXH3_64bits_reset(checksum);
        XXH3_64bits_update(checksum, header, sizeof(*header));
        XXH3_64bits_update(checksum, plan->file_names, names_bytes);
        XXH3_64bits_update(checksum, plan->dead, plan->dead_count * sizeof(uint64_t));
        if (XXH3_64bits_digest(checksum) != stored || !names_are_sound(plan))
            status = corrupt(path, error);
    }
    XXH3_freeState(checksum);
    return status;
}

VecStatus
vec_plan_read(const char *directory, const VecAllocator *allocator, VecPlan *plan, VecError *error)
{
    char path[VEC_FILE_PATH_BYTES];
    PlanHeader header;
    struct stat file;
    VecStatus status = vec_file_path(path, directory, VEC_PLAN_NAME, error);

    *plan = (VecPlan){.allocator = allocator};
    if (status != VEC_OK)
        return status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return vec_file_error(error, errno, "open", path);
    if (fstat(descriptor, &file) != 0)
        status = vec_file_error(error, errno, "look at", path);
    else if (!S_ISREG(file.st_mode))
        status = corrupt(path, error);
    else if ((status = vec_file_read(descriptor, &header, sizeof(header), 0, path, error)) == VEC_OK)
        status = read_body(descriptor, path, (uint64_t)file.st_size, &header, plan, error);
    close(descriptor);
    return status;
}

VecStatus
vec_plan_begin(const VecPlan *plan, const char *directory, VecControl *control, VecShouldStop should_stop,
               void *should_stop_context, VecBuild **build, VecError *error)
{
    const char **names = vec_memory_allocate(plan->allocator, plan->file_count, sizeof(char *));
    VecMergeOptions options = {
        .build = plan->build,
        .file_names = names,
        .file_count = plan->file_count,
        .dead = plan->dead,
        .dead_count = plan->dead_count,
        .control = control,
        .should_stop = should_stop,
        .should_stop_context = should_stop_context,
    };

    if (names == NULL)
        return vec_memory_error(error);
    for (uint32_t i = 0; i < plan->file_count; i++)
        names[i] = plan->file_names[i];
    if (plan->from_codes) {
        names[0] = VEC_CODES_NAME;
        options.file_count = 1;
    }
    VecStatus status = vec_merge_begin(&options, directory, plan->allocator, build, error);
    vec_memory_release(plan->allocator, names);
    return status;
}

VecStatus
vec_plan_lock(VecControl *control, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    VecStatus status;

    while ((status = vec_control_lock(control, error)) == VEC_BUSY) {
        if (should_stop != NULL && should_stop(should_stop_context, 0, 0))
            return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
        nanosleep(&pause, NULL);
    }
    return status;
}

VecStatus
vec_plan_publish(const VecPlan *plan, const VecBuildResult *result, const char *directory,
                 VecControl *control, VecShouldStop should_stop, void *should_stop_context, VecError *error)
{
    VecManifest manifest = {0};
    VecStatus status = vec_plan_lock(control, should_stop, should_stop_context, error);

    if (status != VEC_OK)
        return status;
    status = vec_manifest_read(directory, plan->allocator, &manifest, error);
    for (uint32_t i = 0; i < plan->file_count && status == VEC_OK; i++)
        status = vec_manifest_remove(&manifest, plan->file_names[i], error);
    if (status == VEC_OK)
        status = vec_manifest_add(&manifest, result, error);
    if (status == VEC_OK)
        status = vec_manifest_publish(&manifest, directory, control, error);
    if (status == VEC_OK)
        status = vec_manifest_collect(&manifest, directory, NULL, error);
    if (plan->from_codes)
        remove_codes(directory);
    vec_manifest_free(&manifest);
    vec_control_unlock(control);
    return status;
}
