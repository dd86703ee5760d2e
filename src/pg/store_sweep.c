/*
 * store_sweep.c: removes the segment directories of indexes that no longer exist, and what a crash left in the others.
 *
 * A transaction that drops indexes, or rewrites them, or made some and is rolled back, removes their directories at its end. That misses
 * crashes, standbys, savepoints, COMMIT PREPARED and DROP DATABASE, and who is building meanwhile; so there is the sweep, for which what
 * the file system says is the truth: a directory is an orphan when its index's main fork is missing or empty (a dropped
 * relation's file is emptied at once and unlinked after the next checkpoint). In our own database a crashed CREATE INDEX
 * leaves a fork that no pg_class row names: it is an orphan too if it is older than the server's start, since no
 * transaction that was running then is running now, but a prepared one. (Were a prepared transaction missed here, the cost
 * would be a directory that is built again: nothing in it is the truth.) The server also starts anew, with the same
 * postmaster, when a process of it has crashed: so it is the checkpointer's start that counts.
 *
 * In the directories that stay, a process that was killed leaves files under temporary names, segments that no manifest names
 * yet, and segments that none names any more. Each publication removes them; where none is due, the sweep does.
 */
#include "store.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/storage.h"
#include "compat.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/timestamp.h"
#include "vectors/manifest.h"
#include "vectors/stop_point.h"

/* One directory that the sweep looks at. */
typedef struct VecpgSweepEntry {
    char path[MAXPGPATH];
    Oid database;
    Oid tablespace;
    Oid file;
} VecpgSweepEntry;

static bool
main_fork_is_gone(const VecpgSweepEntry *entry)
{
    char path[MAXPGPATH];
    struct stat status;

    vecpg_relation_path(path, sizeof(path), entry->database, entry->tablespace, entry->file);
    if (stat(path, &status) != 0)
        return errno == ENOENT;
    return status.st_size == 0;
}

static bool
has_prepared_transactions(void)
{
    DIR *directory = AllocateDir("pg_twophase");
    struct dirent *item;
    bool found = false;

    while (!found && (item = ReadDirExtended(directory, "pg_twophase", LOG)) != NULL)
        found = item->d_name[0] != '.';
    FreeDir(directory);
    return found;
}

/* Was nobody who runs now running when the directory's control file, or where there is none the directory, was made? */
static bool
is_old(const VecpgSweepEntry *entry)
{
    static TimestampTz server_start; /* while this process lives */
    char path[MAXPGPATH];
    struct stat status;
    TimestampTz changed_at;

    if (server_start == 0)
        server_start = vecpg_server_start();
    snprintf(path, sizeof(path), "%s/" VEC_CONTROL_NAME, entry->path);
    if (stat(path, &status) != 0 && (errno != ENOENT || stat(entry->path, &status) != 0))
        return false;
    changed_at = time_t_to_timestamptz(status.st_ctim.tv_sec) + status.st_ctim.tv_nsec / 1000;
    return changed_at < server_start;
}

static bool
is_unnamed_and_old(const VecpgSweepEntry *entry)
{
    Oid tablespace = entry->tablespace == MyDatabaseTableSpace ? InvalidOid : entry->tablespace;

    if (entry->database != MyDatabaseId || RecoveryInProgress() || !is_old(entry))
        return false;
    return !has_prepared_transactions() && !OidIsValid(vecpg_relation_by_file(tablespace, entry->file));
}

/*
 * Removes a directory with all that is in it. A builder who has not found out yet that his index is gone may put a file there
 * meanwhile: then the directory stays for the next sweep, and that is nothing to warn of, as rmtree would.
 */
static void
remove_all(const char *path)
{
    DIR *directory = AllocateDir(path);
    struct dirent *item;

    if (directory == NULL && errno == ENOENT)
        return;
    while ((item = ReadDirExtended(directory, path, LOG)) != NULL) {
        char file[MAXPGPATH * 2];

        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, item->d_name);
        if (unlink(file) == 0 || errno == ENOENT)
            continue;
        if (errno == EISDIR || errno == EPERM) /* not of our making */
            rmtree(file, true);
        else
            ereport(LOG, (errcode_for_file_access(), errmsg("could not remove file \"%s\": %m", file)));
    }
    FreeDir(directory);
    rmdir(path);
}

/* Under the directory's lock, so that nobody publishes in it. */
static void
directory_remove(const VecpgSweepEntry *entry)
{
    VecControl *control = NULL;
    VecError error;
    VecStatus status = vec_control_open(entry->path, false, &vec_allocator_default, &control, &error);

    if (status == VEC_OK)
        status = vec_control_lock(control, &error);
    vec_stop_point("sweep-before-removal");
    if (status == VEC_OK || status == VEC_NOT_FOUND || status == VEC_CORRUPT)
        remove_all(entry->path);
    vec_control_close(control);
}

/*
 * Removes what nobody works on and the manifest does not name; under the directory's lock, so that nobody publishes meanwhile. Who
 * cannot have the lock leaves it to whom has it. Without a control file there is nobody, unless he is just making one.
 */
static void
directory_collect(const VecpgSweepEntry *entry)
{
    VecControl *control = NULL;
    VecManifest manifest = {0};
    VecError error;
    VecStatus status = vec_control_open(entry->path, false, &vec_allocator_default, &control, &error);

    if (status == VEC_OK)
        status = vec_control_lock(control, &error);
    else if (status == VEC_NOT_FOUND && is_old(entry))
        status = VEC_OK;
    if (status == VEC_OK)
        status = vec_manifest_read(entry->path, &vec_allocator_default, &manifest, &error);
    if (status == VEC_OK) /* what could not be removed now is there at the next sweep */
        (void)!vec_manifest_collect(&manifest, entry->path, NULL, &error);
    vec_manifest_free(&manifest);
    vec_control_close(control);
}

static void
database_sweep(const char *database_path, Oid database, bool collects)
{
    DIR *directory = AllocateDir(database_path);
    struct dirent *item;

    while ((item = ReadDirExtended(directory, database_path, LOG)) != NULL) {
        VecpgSweepEntry entry = {.database = database};
        int length = 0;

        CHECK_FOR_INTERRUPTS();
        if (sscanf(item->d_name, "%u_%u%n", &entry.tablespace, &entry.file, &length) != 2 ||
            item->d_name[length] != '\0')
            continue;
        snprintf(entry.path, sizeof(entry.path), "%s/%s", database_path, item->d_name);
        if (main_fork_is_gone(&entry) || is_unnamed_and_old(&entry))
            directory_remove(&entry);
        else if (collects)
            directory_collect(&entry);
    }
    FreeDir(directory);
    /* Fails, as it should, unless the last index of the database went. */
    rmdir(database_path);
}

/* A dozen system calls a directory are much for whom vacuums a thousand small tables, and crashes are rare. */
#define COLLECT_PAUSE_MS 60000

void
vecpg_store_sweep(void)
{
    static TimestampTz collected_at; /* by this process; 0: never */
    TimestampTz now = GetCurrentTimestamp();
    bool collects = TimestampDifferenceExceeds(collected_at, now, COLLECT_PAUSE_MS);
    DIR *directory = AllocateDir(VECPG_STORE_ROOT);
    struct dirent *item;

    if (directory == NULL && errno == ENOENT)
        return;
    while ((item = ReadDirExtended(directory, VECPG_STORE_ROOT, LOG)) != NULL) {
        char path[MAXPGPATH];
        Oid database;
        int length = 0;

        if (sscanf(item->d_name, "%u%n", &database, &length) != 1 || item->d_name[length] != '\0')
            continue;
        snprintf(path, sizeof(path), VECPG_STORE_ROOT "/%s", item->d_name);
        database_sweep(path, database, collects);
    }
    FreeDir(directory);
    if (collects)
        collected_at = now;
}

/* PostgreSQL knows which files end with the transaction, and unlinks them after this. An error would be a PANIC here. */
static void
remove_ended(XactEvent event, void *argument)
{
    MemoryContext context = CurrentMemoryContext;

    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
        return;
    PG_TRY();
    {
        VecpgLocator *files;
        int count = smgrGetPendingDeletes(event == XACT_EVENT_COMMIT, &files);

        for (int i = 0; i < count; i++) {
            VecpgSweepEntry entry = {.database = vecpg_locator_database(files[i]),
                                     .tablespace = vecpg_locator_tablespace(files[i]),
                                     .file = vecpg_locator_file(files[i])};

            vecpg_store_directory_of(entry.database, entry.tablespace, entry.file, entry.path,
                                     sizeof(entry.path));
            directory_remove(&entry);
        }
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        FlushErrorState(); /* the sweep will try again */
    }
    PG_END_TRY();
}

void
vecpg_store_sweep_init(void)
{
    RegisterXactCallback(remove_ended, NULL);
}
