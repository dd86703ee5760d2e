/*
 * worker_merger.c: carries out a planned merge, connected to no database, in a process that cannot hurt the server.
 *
 * The postmaster must restart everything when a process dies that was attached to shared memory, and since PostgreSQL 15 every
 * background worker is attached. So the background worker is only a watcher, and forks a child that lets go of shared
 * memory before it does anything else. The child runs the engine and system calls, nothing of PostgreSQL; a fault or a
 * kill -9 in its minutes of computing ends the child alone, and the watcher starts another.
 *
 * What the child has to say comes through a pipe, whose end also tells that it is gone. It goes when the watcher asks it to, and
 * (Linux) when the watcher is gone itself; elsewhere it polls for that.
 */
#include "worker.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "compat.h"
#include "errors.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "progress.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/pg_shmem.h"
#include "utils/ps_status.h"
#include "utils/timestamp.h"
#include "vectors/plan.h"

#define CHILDREN_MAX 3    /* tries, where a child is killed */
#define LOOK_MS      1000 /* the watcher looks so often whether the index is still there */
/* A child that was told and does not react is killed; one that waits for a disk ends when that does. */
#define KILL_AFTER_MS 5000

/* What the child writes into the pipe, once, at its end. */
typedef struct VecpgMergerReport {
    VecStatus status;
    VecError error;
} VecpgMergerReport;

/* ---- the child: no function of PostgreSQL below, but for the few that begin it ---- */

static volatile sig_atomic_t child_must_stop;
static pid_t watcher;

static void
child_stop(int signal_number)
{
    child_must_stop = true;
}

static bool
child_should_stop(void *context, uint64_t rows_done, uint64_t rows_total)
{
    VecControl *control = context;

    if (control != NULL && rows_total > 0) {
        vec_control_counter_write(control, VECPG_COUNTER_PROGRESS_DONE, rows_done);
        vec_control_counter_write(control, VECPG_COUNTER_PROGRESS_TOTAL, rows_total);
    }
    return child_must_stop || getppid() != watcher;
}

static VecStatus
child_carry_out(const char *directory, VecControl *control, VecPlan *plan, VecError *error)
{
    VecBuild *build = NULL;
    VecBuildResult result;
    VecStatus status = vec_plan_read(directory, &vec_allocator_default, plan, error);

    if (status == VEC_OK)
        status = vec_plan_begin(plan, directory, control, child_should_stop, control, &build, error);
    if (status == VEC_OK)
        status = vec_build_graph(build, child_should_stop, control, error);
    if (status == VEC_OK)
        status = vec_build_finish(build, &plan->stamp, child_should_stop, NULL, &result, error);
    if (status == VEC_OK)
        status = vec_plan_publish(plan, &result, directory, control, child_should_stop, NULL, error);
    vec_build_free(build);
    return status;
}

static VecStatus
child_merge(const char *directory, VecError *error)
{
    VecControl *control = NULL;
    VecPlan plan = {.file_count = 0};
    VecStatus status = vec_control_open(directory, false, &vec_allocator_default, &control, error);

    if (status == VEC_OK)
        status = vec_control_claim(control, VEC_WORK_MERGE, error);
    if (status == VEC_OK) {
        vec_control_counter_write(control, VECPG_COUNTER_PLANNED_AT, 0);
        vec_control_counter_write(control, VECPG_COUNTER_PROGRESS_PHASE, VECPG_PHASE_GRAPH);
        status = child_carry_out(directory, control, &plan, error);
        vec_control_counter_write(control, VECPG_COUNTER_PROGRESS_PHASE, 0);
    }
    vec_plan_free(&plan);
    vec_control_close(control);
    return status;
}

static void
child_set_signals(void)
{
    struct sigaction stop = {.sa_handler = child_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction plain = {.sa_handler = SIG_DFL};
    static const int ignored[] = {SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE, SIGCHLD};
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};
    sigset_t none;

    for (int i = 0; i < lengthof(ignored); i++)
        sigaction(ignored[i], &ignore, NULL);
    for (int i = 0; i < lengthof(faults); i++)
        sigaction(faults[i], &plain, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void __attribute__((noreturn)) child_main(const char *directory, int pipe_end)
{
    VecpgMergerReport report;
    ssize_t written;

    child_set_signals();
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    on_exit_reset();
    dsm_detach_all();
    PGSharedMemoryDetach();
    memset(&report, 0, sizeof(report));
    report.status = child_merge(directory, &report.error);
    written = write(pipe_end, &report, sizeof(report));
    _exit(written == sizeof(report) ? 0 : 1);
}

/* ---- the watcher ---- */

/* How a child ended. */
typedef struct VecpgMergerEnd {
    VecpgMergerReport report;
    bool has_report;
    int wait_status;
} VecpgMergerEnd;

static bool
index_is_gone(const VecpgWorkerOrder *order)
{
    char path[MAXPGPATH];
    struct stat status;

    vecpg_relation_path(path, sizeof(path), order->database, order->tablespace, order->file);
    return stat(path, &status) != 0 ? errno == ENOENT : status.st_size == 0;
}

static void
read_report(int pipe_end, VecpgMergerEnd *end)
{
    ssize_t got;

    do
        got = read(pipe_end, &end->report, sizeof(end->report));
    while (got < 0 && errno == EINTR);
    end->has_report = got == sizeof(end->report);
}

/* Waits until the child is gone, and sees to it that it goes when it is no longer wanted: told first, so that it removes its file. */
static void
watch(const VecpgWorkerOrder *order, pid_t child, int pipe_end, VecpgMergerEnd *end)
{
    TimestampTz told_at = 0;

    for (;;) {
        int events =
            WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
                              pipe_end, LOOK_MS, PG_WAIT_EXTENSION);

        ResetLatch(MyLatch);
        if (events & WL_SOCKET_READABLE)
            break;
        if (told_at == 0 && (ShutdownRequestPending || index_is_gone(order))) {
            kill(child, SIGTERM);
            told_at = GetCurrentTimestamp();
        } else if (told_at != 0 && TimestampDifferenceExceeds(told_at, GetCurrentTimestamp(), KILL_AFTER_MS))
            kill(child, SIGKILL);
    }
    read_report(pipe_end, end);
    while (waitpid(child, &end->wait_status, 0) < 0 && errno == EINTR)
        continue;
}

static bool
run_child(const VecpgWorkerOrder *order, const char *directory, VecpgMergerEnd *end)
{
    int ends[2];
    pid_t child;

    memset(end, 0, sizeof(*end));
    if (pipe(ends) != 0) {
        ereport(LOG, (errcode_for_file_access(), errmsg("could not create a pipe: %m")));
        return false;
    }
    fflush(NULL);
    watcher = getpid();
    child = fork();
    if (child == 0) {
        close(ends[0]);
        child_main(directory, ends[1]);
    }
    close(ends[1]);
    if (child < 0)
        ereport(LOG, (errmsg("could not fork a process to merge segments: %m")));
    else
        watch(order, child, ends[0], end);
    close(ends[0]);
    return child > 0;
}

static void
note_end(const char *directory, const VecpgMergerEnd *end)
{
    VecControl *control = NULL;
    VecError error;

    if (vec_control_open(directory, false, &vec_allocator_default, &control, &error) != VEC_OK)
        return;
    if (end->has_report && end->report.status == VEC_OK)
        vec_control_counter_write(control, VECPG_COUNTER_MERGED_AT, GetCurrentTimestamp());
    else
        vec_control_counter_write(control, VECPG_COUNTER_MERGER_FAILED_AT, GetCurrentTimestamp());
    vec_control_close(control);
}

/* Whether to try again. */
static bool
handle_end(const VecpgWorkerOrder *order, const char *directory, const VecpgMergerEnd *end, int children)
{
    VecStatus status = end->report.status;

    if (ShutdownRequestPending || index_is_gone(order))
        return false;
    if (!end->has_report) {
        char *how = WIFSIGNALED(end->wait_status)
                        ? psprintf("was ended by signal %d", WTERMSIG(end->wait_status))
                        : psprintf("ended with exit code %d", WEXITSTATUS(end->wait_status));

        ereport(LOG, (errmsg("a process that merged segments in \"%s\" %s", directory, how),
                      errdetail("No other process was affected.")));
        if (children < CHILDREN_MAX)
            return true;
    } else if (status == VEC_BUSY || status == VEC_NOT_FOUND || status == VEC_INTERRUPTED) {
        /* somebody else did it, or it was overtaken: whoever needs it will notice */
        return false;
    } else if (status != VEC_OK) {
        vecpg_errors_report(LOG, status, &end->report.error);
    }
    note_end(directory, end);
    return false;
}

void
vectors_merger_main(Datum argument)
{
    VecpgWorkerOrder order;
    VecpgMergerEnd end;
    char directory[MAXPGPATH];
    int children = 0;

    memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
    pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
    BackgroundWorkerUnblockSignals();
    if (!vecpg_worker_take_place(true))
        return;
    vecpg_worker_order_directory(&order, directory, sizeof(directory));
    do
        children++;
    while (run_child(&order, directory, &end) && handle_end(&order, directory, &end, children));
    vecpg_worker_release_place();
    if (end.has_report && end.report.status == VEC_OK && !ShutdownRequestPending)
        vecpg_worker_launch(&order, VECPG_WORKER_NAME, "vectors_worker_main",
                            BGWORKER_BACKEND_DATABASE_CONNECTION);
}
