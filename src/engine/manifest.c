/*
 * manifest.c: the list of segments, replaced as a whole by a rename, and clearing away what it does not name.
 */
#include "vectors/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "control.h"
#include "file.h"
#include "format.h"
#include "memory.h"
#include "vectors/stop_point.h"

#define SEGMENT_PREFIX "segment."

static bool
is_segment_name(const char *name)
{
    return strncmp(name, SEGMENT_PREFIX, strlen(SEGMENT_PREFIX)) == 0;
}

/* bytes is the whole file; its checksum field is put back as it was. */
static uint64_t
file_checksum(uint8_t *bytes, size_t byte_count)
{
    VecFormatManifestHeader *header = (VecFormatManifestHeader *)bytes;
    uint64_t stored = header->checksum;

    header->checksum = 0;
    uint64_t checksum = XXH3_64bits(bytes, byte_count);
    header->checksum = stored;
    return checksum;
}

static VecStatus
corrupt(VecError *error, const char *path, const char *what)
{
    return vec_error_set(error, VEC_CORRUPT, 0, "manifest \"%s\" is corrupt: %s", path, what);
}

static int
compare_entries(const void *a, const void *b)
{
    const VecManifestEntry *x = a, *y = b;

    if (x->stamp.position_from != y->stamp.position_from)
        return x->stamp.position_from < y->stamp.position_from ? -1 : 1;
    if (x->stamp.position_to != y->stamp.position_to) /* the longer one first */
        return x->stamp.position_to > y->stamp.position_to ? -1 : 1;
    return strcmp(x->file_name, y->file_name);
}

/* A name that could lead out of the directory, or to something that is no segment, is not believed. */
static bool
is_sound_entry(const VecManifestEntry *entry)
{
    return memchr(entry->file_name, '\0', sizeof(entry->file_name)) != NULL &&
           is_segment_name(entry->file_name) && strchr(entry->file_name, '/') == NULL &&
           entry->stamp.position_from <= entry->stamp.position_to;
}

static VecStatus
parse(uint8_t *bytes, size_t byte_count, const char *path, VecManifest *manifest, VecError *error)
{
    const VecFormatManifestHeader *header = (const VecFormatManifestHeader *)bytes;

    if (memcmp(header->magic, VEC_FORMAT_MANIFEST_MAGIC, VEC_FORMAT_MAGIC_BYTES) != 0)
        return corrupt(error, path, "not a manifest");
    if (header->version != VEC_FORMAT_VERSION || header->byte_order != VEC_FORMAT_BYTE_ORDER ||
        header->entry_bytes != sizeof(VecManifestEntry))
        return corrupt(error, path, "another format version or byte order");
    if (header->entry_count > VEC_MANIFEST_ENTRIES_MAX ||
        byte_count != sizeof(*header) + header->entry_count * sizeof(VecManifestEntry))
        return corrupt(error, path, "length and entry count differ");
    if (header->checksum != file_checksum(bytes, byte_count))
        return corrupt(error, path, "checksum differs");

    const VecManifestEntry *entries = (const VecManifestEntry *)(bytes + sizeof(*header));
    for (uint32_t i = 0; i < header->entry_count; i++) {
        if (!is_sound_entry(&entries[i]))
            return corrupt(error, path, "an entry makes no sense");
    }
    if (header->entry_count > 0) {
        manifest->entries =
            vec_memory_allocate_raw(manifest->allocator, header->entry_count, sizeof(VecManifestEntry));
        if (manifest->entries == NULL)
            return vec_memory_error(error);
        memcpy(manifest->entries, entries, header->entry_count * sizeof(VecManifestEntry));
        qsort(manifest->entries, header->entry_count, sizeof(VecManifestEntry), compare_entries);
    }
    manifest->entry_count = header->entry_count;
    manifest->generation = header->generation;
    return VEC_OK;
}

VecStatus
vec_manifest_read(const char *directory, const VecAllocator *allocator, VecManifest *manifest,
                  VecError *error)
{
    char path[VEC_FILE_PATH_BYTES];
    uint8_t *bytes = NULL;
    int descriptor = -1;
    struct stat file;
    VecStatus status;

    *manifest = (VecManifest){.allocator = allocator};
    if ((status = vec_file_path(path, directory, VEC_MANIFEST_NAME, error)) != VEC_OK)
        return status;
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && errno == ENOENT && access(directory, F_OK) == 0)
        return VEC_OK;
    if (descriptor < 0)
        return vec_file_error(error, errno, "open", path);
    if (fstat(descriptor, &file) != 0) {
        status = vec_file_error(error, errno, "look at", path);
        goto done;
    }
    if (!S_ISREG(file.st_mode) || file.st_size < (off_t)sizeof(VecFormatManifestHeader) ||
        file.st_size >
            (off_t)(sizeof(VecFormatManifestHeader) + VEC_MANIFEST_ENTRIES_MAX * sizeof(VecManifestEntry))) {
        status = corrupt(error, path, "its size is out of range");
        goto done;
    }
    bytes = vec_memory_allocate_raw(allocator, (size_t)file.st_size, 1);
    if (bytes == NULL) {
        status = vec_memory_error(error);
        goto done;
    }
    if ((status = vec_file_read(descriptor, bytes, (size_t)file.st_size, 0, path, error)) == VEC_OK)
        status = parse(bytes, (size_t)file.st_size, path, manifest, error);

done:
    close(descriptor);
    vec_memory_release(allocator, bytes);
    return status;
}

void
vec_manifest_free(VecManifest *manifest)
{
    if (manifest->allocator != NULL)
        vec_memory_release(manifest->allocator, manifest->entries);
    *manifest = (VecManifest){0};
}

VecStatus
vec_manifest_add(VecManifest *manifest, const VecBuildResult *result, VecError *error)
{
    VecManifestEntry *entries;

    if (manifest->entry_count >= VEC_MANIFEST_ENTRIES_MAX)
        return vec_error_set(error, VEC_INVALID, 0, "a manifest holds at most %d segments",
                             VEC_MANIFEST_ENTRIES_MAX);
    entries = vec_memory_allocate(manifest->allocator, manifest->entry_count + 1, sizeof(VecManifestEntry));
    if (entries == NULL)
        return vec_memory_error(error);
    if (manifest->entry_count > 0)
        memcpy(entries, manifest->entries, manifest->entry_count * sizeof(VecManifestEntry));

    VecManifestEntry *entry = &entries[manifest->entry_count];
    memcpy(entry->file_name, result->file_name, strnlen(result->file_name, sizeof(entry->file_name) - 1));
    entry->stamp = result->stamp;
    entry->file_bytes = result->file_bytes;
    entry->header_checksum = result->header_checksum;
    entry->rows_coded = result->rows_coded;
    entry->rows_exact = result->rows_exact;
    entry->rows_null = result->rows_null;
    vec_memory_release(manifest->allocator, manifest->entries);
    manifest->entries = entries;
    manifest->entry_count++;
    qsort(entries, manifest->entry_count, sizeof(VecManifestEntry), compare_entries);
    return VEC_OK;
}

VecStatus
vec_manifest_remove(VecManifest *manifest, const char *file_name, VecError *error)
{
    for (uint32_t i = 0; i < manifest->entry_count; i++) {
        if (strcmp(manifest->entries[i].file_name, file_name) == 0) {
            manifest->entry_count--;
            memmove(&manifest->entries[i], &manifest->entries[i + 1],
                    (manifest->entry_count - i) * sizeof(VecManifestEntry));
            return VEC_OK;
        }
    }
    return vec_error_set(error, VEC_NOT_FOUND, 0, "the manifest does not name \"%s\"", file_name);
}

/* Writes and syncs the bytes under a temporary name, then gives them the name of the manifest. */
static VecStatus
replace(const char *directory, const void *bytes, size_t byte_count, VecError *error)
{
    char path[VEC_FILE_PATH_BYTES], temporary[VEC_FILE_PATH_BYTES];
    VecStatus status;

    if ((status = vec_file_path(path, directory, VEC_MANIFEST_NAME, error)) != VEC_OK ||
        (status = vec_file_path(temporary, directory, VEC_TEMPORARY_PREFIX VEC_MANIFEST_NAME, error)) !=
            VEC_OK)
        return status;

    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return vec_file_error(error, errno, "create", temporary);
    if ((status = vec_file_write(descriptor, bytes, byte_count, 0, temporary, error)) == VEC_OK) {
        vec_stop_point("manifest-before-sync");
        status = vec_file_sync(descriptor, temporary, error);
    }
    close(descriptor);
    vec_stop_point("manifest-before-rename");
    if (status == VEC_OK && rename(temporary, path) != 0)
        status = vec_file_error(error, errno, "rename", temporary);
    if (status != VEC_OK) {
        (void)unlink(temporary);
        return status;
    }
    vec_stop_point("manifest-renamed");
    return vec_file_sync_directory(directory, error);
}

VecStatus
vec_manifest_publish(VecManifest *manifest, const char *directory, VecControl *control, VecError *error)
{
    size_t byte_count = sizeof(VecFormatManifestHeader) + manifest->entry_count * sizeof(VecManifestEntry);
    uint8_t *bytes = vec_memory_allocate(manifest->allocator, byte_count, 1);
    VecStatus status;

    if (bytes == NULL)
        return vec_memory_error(error);

    VecFormatManifestHeader *header = (VecFormatManifestHeader *)bytes;
    memcpy(header->magic, VEC_FORMAT_MANIFEST_MAGIC, VEC_FORMAT_MAGIC_BYTES);
    header->version = VEC_FORMAT_VERSION;
    header->byte_order = VEC_FORMAT_BYTE_ORDER;
    header->entry_count = manifest->entry_count;
    header->entry_bytes = sizeof(VecManifestEntry);
    /* never below what readers have seen, even if a corrupt manifest was given up */
    uint64_t seen = vec_control_generation(control);
    header->generation = (manifest->generation > seen ? manifest->generation : seen) + 1;
    if (manifest->entry_count > 0)
        memcpy(bytes + sizeof(*header), manifest->entries, manifest->entry_count * sizeof(VecManifestEntry));
    header->checksum = file_checksum(bytes, byte_count);
    status = replace(directory, bytes, byte_count, error);
    if (status == VEC_OK) {
        manifest->generation = header->generation;
        vec_stop_point("manifest-before-announcement");
        vec_control_set_generation(control, manifest->generation);
        vec_stop_point("manifest-announced");
    }
    vec_memory_release(manifest->allocator, bytes);
    return status;
}

static bool
is_named(const VecManifest *manifest, const char *name)
{
    for (uint32_t i = 0; i < manifest->entry_count; i++) {
        if (strcmp(manifest->entries[i].file_name, name) == 0)
            return true;
    }
    return false;
}

VecStatus
vec_manifest_collect(const VecManifest *manifest, const char *directory, uint32_t *removed_count,
                     VecError *error)
{
    char path[VEC_FILE_PATH_BYTES];
    VecStatus status = VEC_OK;
    uint32_t removed = 0;
    struct dirent *entry;
    DIR *stream = opendir(directory);

    if (removed_count != NULL)
        *removed_count = 0;
    if (stream == NULL)
        return vec_file_error(error, errno, "open", directory);
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        bool is_temporary = strncmp(entry->d_name, VEC_TEMPORARY_PREFIX, strlen(VEC_TEMPORARY_PREFIX)) == 0;

        if (!is_temporary && (!is_segment_name(entry->d_name) || is_named(manifest, entry->d_name)))
            continue;
        if (vec_file_path(path, directory, entry->d_name, status == VEC_OK ? error : NULL) != VEC_OK)
            continue;
        bool was_removed;
        vec_stop_point("collect-before-unlink");
        VecStatus remove_status = vec_file_remove_idle(path, &was_removed, status == VEC_OK ? error : NULL);
        vec_stop_point("collect-unlinked");
        removed += was_removed;
        status = status == VEC_OK ? remove_status : status;
    }
    if (errno != 0 && status == VEC_OK)
        status = vec_file_error(error, errno, "read", directory);
    closedir(stream);
    if (removed_count != NULL)
        *removed_count = removed;
    return status;
}
