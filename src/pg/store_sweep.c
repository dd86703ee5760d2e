/*
 * store_sweep.c: removes the segment directories of indexes that no longer exist.
 *
 * Hooks and commit callbacks would miss sessions that never loaded the library, DROP DATABASE, crashes and standbys. What
 * the file system says is the truth: a directory is an orphan when its index's main fork is missing or empty (a dropped
 * relation's file is emptied at once and unlinked after the next checkpoint). In our own database a crashed CREATE INDEX
 * leaves a fork that no pg_class row names: it is an orphan too if it is older than the server's start, since no
 * transaction that was running then is running now, but a prepared one. (Were a prepared transaction missed here, the cost
 * would be a directory that is built again: nothing in it is the truth.)
 */
#include "store.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "compat.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

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

static bool
is_unnamed_and_old(const VecpgSweepEntry *entry)
{
    char path[MAXPGPATH];
    struct stat status;
    Oid tablespace = entry->tablespace == MyDatabaseTableSpace ? InvalidOid : entry->tablespace;

    if (entry->database != MyDatabaseId || RecoveryInProgress() || has_prepared_transactions())
        return false;
    snprintf(path, sizeof(path), "%s/" VEC_CONTROL_NAME, entry->path);
    if (stat(path, &status) != 0)
        return false;
    return status.st_ctime < timestamptz_to_time_t(PgStartTime) &&
           !OidIsValid(vecpg_relation_by_file(tablespace, entry->file));
}

/* Under the directory's lock, so that no builder is at work in it. */
static void
directory_remove(const VecpgSweepEntry *entry)
{
    VecControl *control = NULL;
    VecError error;
    VecStatus status = vec_control_open(entry->path, false, &vec_allocator_default, &control, &error);

    if (status == VEC_OK)
        status = vec_control_lock(control, &error);
    if (status == VEC_OK || status == VEC_NOT_FOUND || status == VEC_CORRUPT)
        rmtree(entry->path, true);
    vec_control_close(control);
}

static void
database_sweep(const char *database_path, Oid database)
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
    }
    FreeDir(directory);
    /* Fails, as it should, unless the last index of the database went. */
    rmdir(database_path);
}

void
vecpg_store_sweep(void)
{
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
        database_sweep(path, database);
    }
    FreeDir(directory);
}
