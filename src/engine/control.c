/*
 * control.c: the page that processes share: generation, counters, verified files; and the lock of the directory.
 *
 * Every shared field is one atomic of 64 bits: there is no order between fields that anyone relies on, except that the
 * generation is raised after the manifest it announces was renamed (release), and read before it is opened (acquire).
 *
 * A descriptor is open only while the lock is held: a server has many readers of many directories. The map keeps the inode
 * alive, so that its number belongs to no other file meanwhile.
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fault_guard.h"
#include "file.h"
#include "format.h"
#include "memory.h"
#include "vectors/stop_point.h"

#define CONTROL_BYTES   4096
#define VERIFIED_SLOTS  256
#define VERIFIED_PROBES 8
#define OPEN_ATTEMPTS   10

/* Empty files whose flock is a claim; neither segments nor temporary, so that nobody collects them. */
static const char *const work_names[VEC_WORKS] = {"sealing", "merging"};

typedef struct ControlPage {
    uint8_t magic[VEC_FORMAT_MAGIC_BYTES];
    uint32_t version;
    uint32_t byte_order;
    _Atomic uint64_t generation;
    _Atomic uint64_t reserved[5];
    _Atomic uint64_t counters[VEC_CONTROL_COUNTERS];
    _Atomic uint64_t verified[VERIFIED_SLOTS]; /* hashes of (device, inode, ctime, size); 0: free */
} ControlPage;

_Static_assert(sizeof(ControlPage) <= CONTROL_BYTES, "the control file is one page");
_Static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t), "an atomic in a file must be a plain number");

struct VecControl {
    const VecAllocator *allocator;
    char path[VEC_FILE_PATH_BYTES];
    dev_t device; /* of the file that is mapped */
    ino_t inode;
    ControlPage *page;
    VecFaultGuard guard;
    int descriptor; /* -1: the lock is not held */
    char work_paths[VEC_WORKS][VEC_FILE_PATH_BYTES];
    int work_descriptors[VEC_WORKS]; /* -1: not claimed */
};

/*
 * Makes a complete control file under a temporary name and gives it its name: by link, which fails if another process was
 * faster, or by rename where a damaged one is to be replaced. The process's umask decides who may read.
 */
static VecStatus
create_file(const char *directory, const char *path, bool replace, VecError *error)
{
    char temporary[VEC_FILE_PATH_BYTES], name[VEC_FILE_NAME_BYTES];
    VecStatus status;

    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return vec_file_error(error, errno, "create directory", directory);
    snprintf(name, sizeof(name), VEC_TEMPORARY_PREFIX VEC_CONTROL_NAME ".%ld", (long)getpid());
    if ((status = vec_file_path(temporary, directory, name, error)) != VEC_OK)
        return status;
    (void)unlink(temporary); /* of a crashed process that had our number */

    int descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return vec_file_error(error, errno, "create", temporary);

    ControlPage start = {.version = VEC_FORMAT_VERSION, .byte_order = VEC_FORMAT_BYTE_ORDER};
    memcpy(start.magic, VEC_FORMAT_CONTROL_MAGIC, VEC_FORMAT_MAGIC_BYTES);
    if ((status = vec_file_preallocate(descriptor, CONTROL_BYTES, temporary, NULL, NULL, error)) == VEC_OK &&
        (status = vec_file_write(descriptor, &start, sizeof(start), 0, temporary, error)) == VEC_OK) {
        vec_stop_point("control-before-link");
        /* ENOENT: a collector took the temporary file for a leftover; the caller tries again */
        if (replace ? rename(temporary, path) != 0 : link(temporary, path) != 0)
            status =
                errno == EEXIST || errno == ENOENT ? VEC_OK : vec_file_error(error, errno, "create", path);
    }
    close(descriptor);
    (void)unlink(temporary);
    return status;
}

/* Whether an open file is a control file of this version. */
static VecStatus
check_file(int descriptor, const char *path, struct stat *file, VecError *error)
{
    ControlPage start;
    VecStatus status;

    if (fstat(descriptor, file) != 0)
        return vec_file_error(error, errno, "look at", path);
    if (!S_ISREG(file->st_mode) || file->st_size != CONTROL_BYTES)
        return vec_error_set(error, VEC_CORRUPT, 0, "control file \"%s\" has not %d bytes", path,
                             CONTROL_BYTES);
    if ((status = vec_file_read(descriptor, &start, sizeof(start), 0, path, error)) != VEC_OK)
        return status;
    if (memcmp(start.magic, VEC_FORMAT_CONTROL_MAGIC, VEC_FORMAT_MAGIC_BYTES) != 0 ||
        start.version != VEC_FORMAT_VERSION || start.byte_order != VEC_FORMAT_BYTE_ORDER)
        return vec_error_set(error, VEC_CORRUPT, 0, "\"%s\" is not a control file of this version", path);
    return VEC_OK;
}

static int
open_file(const char *path)
{
    return open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
}

static VecStatus
map_file(VecControl *control, VecError *error)
{
    int descriptor = open_file(control->path);
    struct stat file;
    VecStatus status;

    if (descriptor < 0)
        return vec_file_error(error, errno, "open", control->path);
    if ((status = check_file(descriptor, control->path, &file, error)) == VEC_OK) {
        void *page = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);

        if (page == MAP_FAILED) {
            status = vec_file_error(error, errno, "map", control->path);
        } else {
            control->page = page;
            control->device = file.st_dev;
            control->inode = file.st_ino;
            vec_fault_guard_add(&control->guard, page, CONTROL_BYTES, PROT_READ | PROT_WRITE);
        }
    }
    close(descriptor);
    return status;
}

/* Whether the path still names that file. */
static bool
is_in_place(const VecControl *control, const struct stat *ours)
{
    struct stat named;

    return stat(control->path, &named) == 0 && named.st_dev == ours->st_dev && named.st_ino == ours->st_ino;
}

/* VEC_BUSY if somebody else has the lock. */
static VecStatus
lock_file(int descriptor, const char *path, VecError *error)
{
    int result;

    do {
        result = flock(descriptor, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno == EWOULDBLOCK)
        return vec_error_set(error, VEC_BUSY, errno, "\"%s\" is locked by another process", path);
    return result == 0 ? VEC_OK : vec_file_error(error, errno, "lock", path);
}

/*
 * Puts a new file in the place of a damaged one, under the damaged one's lock: who holds that was there before the damage,
 * and of several that come to replace it the second finds, once it has the lock, that the file is no longer in its place.
 */
static VecStatus
replace_file(const VecControl *control, const char *directory, VecError *error)
{
    int descriptor = open_file(control->path);
    struct stat file;
    VecStatus status;

    if (descriptor < 0)
        return errno == ENOENT ? VEC_OK : vec_file_error(error, errno, "open", control->path);
    status = lock_file(descriptor, control->path, error);
    if (status == VEC_OK && check_file(descriptor, control->path, &file, NULL) == VEC_CORRUPT &&
        is_in_place(control, &file))
        status = create_file(directory, control->path, true, error);
    close(descriptor);
    return status;
}

VecStatus
vec_control_open(const char *directory, bool create, const VecAllocator *allocator, VecControl **control,
                 VecError *error)
{
    VecControl *made = vec_memory_allocate(allocator, 1, sizeof(*made));
    VecStatus status;

    if (made == NULL)
        return vec_memory_error(error);
    made->allocator = allocator;
    made->descriptor = -1;
    status = vec_file_path(made->path, directory, VEC_CONTROL_NAME, error);
    for (int work = 0; work < VEC_WORKS; work++) {
        made->work_descriptors[work] = -1;
        if (status == VEC_OK)
            status = vec_file_path(made->work_paths[work], directory, work_names[work], error);
    }
    for (int attempt = 0; status == VEC_OK && attempt < OPEN_ATTEMPTS; attempt++) {
        status = map_file(made, error);
        if (status == VEC_OK || !create || (status != VEC_NOT_FOUND && status != VEC_CORRUPT))
            break;
        status = status == VEC_CORRUPT ? replace_file(made, directory, error)
                                       : create_file(directory, made->path, false, error);
    }
    if (status == VEC_OK && made->page == NULL)
        status = vec_error_set(error, VEC_IO, 0, "control file \"%s\" disappears as fast as it is made",
                               made->path);
    if (status != VEC_OK) {
        vec_control_close(made);
        return status;
    }
    *control = made;
    return VEC_OK;
}

void
vec_control_close(VecControl *control)
{
    if (control == NULL)
        return;
    for (int work = 0; work < VEC_WORKS; work++)
        vec_control_disclaim(control, (VecWork)work);
    vec_control_unlock(control);
    vec_fault_guard_remove(&control->guard);
    if (control->page != NULL)
        munmap(control->page, CONTROL_BYTES);
    vec_memory_release(control->allocator, control);
}

uint64_t
vec_control_generation(const VecControl *control)
{
    return atomic_load_explicit(&control->page->generation, memory_order_acquire);
}

void
vec_control_distrust(VecControl *control)
{
    for (int slot = 0; slot < VERIFIED_SLOTS; slot++)
        atomic_store(&control->page->verified[slot], 0);
    atomic_fetch_add(&control->page->generation, 1);
}

void
vec_control_set_generation(VecControl *control, uint64_t generation)
{
    uint64_t before = atomic_load(&control->page->generation), after;

    /* vec_control_distrust raises it without the lock: who came for that must come again for what is published */
    do {
        after = generation > before ? generation : before + 1;
    } while (!atomic_compare_exchange_weak_explicit(&control->page->generation, &before, after,
                                                    memory_order_release, memory_order_relaxed));
}

bool
vec_control_is_orphan(const VecControl *control)
{
    const struct stat ours = {.st_dev = control->device, .st_ino = control->inode};

    return vec_fault_guard_has_faulted(&control->guard) || !is_in_place(control, &ours);
}

static VecStatus
orphan_error(const VecControl *control, VecError *error)
{
    return vec_error_set(error, VEC_NOT_FOUND, 0, "\"%s\" was removed or replaced", control->path);
}

VecStatus
vec_control_lock(VecControl *control, VecError *error)
{
    struct stat file;
    VecStatus status;
    int descriptor;

    if (control->descriptor >= 0)
        return VEC_OK;
    descriptor = open_file(control->path);
    if (descriptor < 0)
        return vec_file_error(error, errno, "open", control->path);
    if (fstat(descriptor, &file) != 0)
        status = vec_file_error(error, errno, "look at", control->path);
    else if (file.st_dev != control->device || file.st_ino != control->inode)
        status = orphan_error(control, error);
    else
        status = lock_file(descriptor, control->path, error);
    if (status == VEC_OK && vec_control_is_orphan(control)) /* replaced before we had the lock */
        status = orphan_error(control, error);
    if (status == VEC_OK)
        control->descriptor = descriptor;
    else
        close(descriptor);
    return status;
}

void
vec_control_unlock(VecControl *control)
{
    if (control->descriptor >= 0)
        close(control->descriptor); /* the lock goes with it */
    control->descriptor = -1;
}

/* Looks with a handle of its own, so that looking never takes or loses a lock of ours. */
static bool
is_file_locked(const char *path)
{
    int descriptor = open_file(path);

    if (descriptor < 0)
        return false;
    bool locked = flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(descriptor);
    return locked;
}

bool
vec_control_is_locked(VecControl *control)
{
    return control->descriptor >= 0 || is_file_locked(control->path);
}

VecStatus
vec_control_claim(VecControl *control, VecWork work, VecError *error)
{
    const char *path = control->work_paths[work];
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);

    if (descriptor < 0)
        return vec_file_error(error, errno, "open", path);

    VecStatus status = lock_file(descriptor, path, error);
    if (status == VEC_OK && vec_control_is_orphan(control))
        status = orphan_error(control, error);
    if (status == VEC_OK)
        control->work_descriptors[work] = descriptor;
    else
        close(descriptor);
    return status;
}

void
vec_control_disclaim(VecControl *control, VecWork work)
{
    if (control->work_descriptors[work] >= 0)
        close(control->work_descriptors[work]);
    control->work_descriptors[work] = -1;
}

bool
vec_control_is_claimed(VecControl *control, VecWork work)
{
    return control->work_descriptors[work] >= 0 || is_file_locked(control->work_paths[work]);
}

uint64_t
vec_control_counter_read(const VecControl *control, uint32_t counter)
{
    return counter < VEC_CONTROL_COUNTERS ? atomic_load(&control->page->counters[counter]) : 0;
}

void
vec_control_counter_write(VecControl *control, uint32_t counter, uint64_t value)
{
    if (counter < VEC_CONTROL_COUNTERS)
        atomic_store(&control->page->counters[counter], value);
}

uint64_t
vec_control_counter_add(VecControl *control, uint32_t counter, uint64_t value)
{
    return counter < VEC_CONTROL_COUNTERS ? atomic_fetch_add(&control->page->counters[counter], value) + value
                                          : 0;
}

/* 0 if the file cannot be looked at; never 0 otherwise. */
static uint64_t
identity_hash(int descriptor)
{
    struct stat file;

    return fstat(descriptor, &file) == 0 ? vec_file_identity(&file) : 0;
}

bool
vec_control_is_verified(const VecControl *control, int file_descriptor)
{
    uint64_t hash = identity_hash(file_descriptor);

    for (uint32_t i = 0; hash != 0 && i < VERIFIED_PROBES; i++) {
        if (atomic_load(&control->page->verified[(hash + i) % VERIFIED_SLOTS]) == hash)
            return true;
    }
    return false;
}

void
vec_control_remember_verified(VecControl *control, int file_descriptor)
{
    uint64_t hash = identity_hash(file_descriptor);

    if (hash == 0)
        return;
    for (uint32_t i = 0; i < VERIFIED_PROBES; i++) {
        uint64_t expected = 0;
        _Atomic uint64_t *slot = &control->page->verified[(hash + i) % VERIFIED_SLOTS];

        if (atomic_load(slot) == hash || atomic_compare_exchange_strong(slot, &expected, hash))
            return;
    }
    /* all taken, perhaps by files long gone: one of them goes */
    atomic_store(&control->page->verified[(hash + (hash >> 32) % VERIFIED_PROBES) % VERIFIED_SLOTS], hash);
}
