/*
 * store_work.c: looks at an index as the policy wants to see it, and does the step that the policy names.
 *
 * Who does what: VEC_WORK_SEAL is claimed while one looks and encodes, for seconds; VEC_WORK_MERGE while a merge runs, for
 * minutes. A merge is decided under the first claim and says in the control file up to where the segments are its own
 * (VECPG_COUNTER_BUSY_TO), so that encodings can go on behind it.
 */
#include "store.h"

#include "access/xlog.h"
#include "errors.h"
#include "miscadmin.h"
#include "options.h"
#include "pgstat.h"
#include "progress.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "vectors/policy.h"

/* An encoding takes at most so many rows at a time: it should take a second, and others may want the index. */
#define ENCODE_ROWS_MIN 20000
#define ENCODE_PARTS    256

/* A plan that nobody began within this time was forgotten. */
#define PLAN_BEGIN_MS 5000

/* Whoever waits for another's work looks so often. */
#define WAIT_MS 50

/* Steps that vecpg_work_all does at most; the policy needs far fewer unless something is wrong. */
#define STEPS_MAX 10000

/* What there is, and what is to be done. */
typedef struct VecpgSituation {
    Relation index;
    const VecpgWork *work;
    VecpgLogMeta meta;
    VecIndexOptions options;
    VecSegmentOptions wanted;
    VecpgLogReader *reader;
    VecpgSegments *segments;
    uint64 end; /* of the log */
    bool others_merge;
    bool is_pending; /* on a standby: what segments there are is not known yet */
    VecPolicy policy;
    VecPiece *pieces;
    int *segment_numbers; /* of each piece; -1: it is a range of the log */
    uint32 piece_count;
    VecPolicyStep step;
} VecpgSituation;

static void
add_piece(VecpgSituation *situation, const VecPiece *piece, int segment_number)
{
    situation->pieces[situation->piece_count] = *piece;
    situation->segment_numbers[situation->piece_count++] = segment_number;
}

static void
add_log_range(VecpgSituation *situation, uint64 from, uint64 to)
{
    VecPiece piece = {.kind = VEC_PIECE_LOG, .position_from = from, .position_to = to};

    if (from >= to || (piece.rows = vecpg_log_reader_count_live(situation->reader, from, to)) == 0)
        return;
    piece.is_tail = from >= situation->meta.sealed_to;
    add_piece(situation, &piece, -1);
}

/* Whether what leads searches to a segment's rows is another than what is asked for. */
static bool
structure_differs(const VecSegmentOptions *theirs, const VecSegmentOptions *wanted)
{
    if (theirs->kind != wanted->kind)
        return true;
    if (theirs->kind == VEC_SEGMENT_HNSW)
        return theirs->m != wanted->m || theirs->ef_construction != wanted->ef_construction;
    return theirs->kind == VEC_SEGMENT_IVF &&
           (theirs->list_count != wanted->list_count || theirs->is_spherical != wanted->is_spherical);
}

static void
add_segment(VecpgSituation *situation, const VecSegmentInfo *info, int segment_number)
{
    const VecSegmentOptions *theirs = &info->options;
    const VecSegmentOptions *wanted = &situation->wanted;
    VecPiece piece = {.position_from = info->stamp.position_from, .position_to = info->stamp.position_to};
    uint64 live = vecpg_log_reader_count_live(situation->reader, piece.position_from, piece.position_to);

    piece.kind = theirs->kind == VEC_SEGMENT_FLAT ? VEC_PIECE_FLAT : VEC_PIECE_SEALED;
    piece.rows = info->rows_coded + info->rows_exact + info->rows_null;
    piece.rows_dead = piece.rows - Min(live, piece.rows);
    piece.codes_hash = info->codes_hash;
    piece.codes_differ = theirs->quantization != wanted->quantization ||
                         theirs->quantization_bits != wanted->quantization_bits ||
                         theirs->is_residual != wanted->is_residual;
    piece.graph_differs = theirs->kind != VEC_SEGMENT_FLAT && structure_differs(theirs, wanted);
    add_piece(situation, &piece, segment_number);
}

static void
list_pieces(VecpgSituation *situation)
{
    VecIndex *opened = situation->segments ? vecpg_segments_index(situation->segments) : NULL;
    uint32 count = opened ? vec_index_segment_count(opened) : 0;
    uint64 from = 0;

    situation->pieces = palloc0(sizeof(VecPiece) * (2 * count + 1));
    situation->segment_numbers = palloc(sizeof(int) * (2 * count + 1));
    for (uint32 i = 0; i < count; i++) {
        VecSegmentInfo info;

        vecpg_errors_check();
        vec_index_segment_info(opened, i, &info);
        add_log_range(situation, from, info.stamp.position_from);
        add_segment(situation, &info, i);
        from = info.stamp.position_to;
    }
    add_log_range(situation, from, situation->end);
}

/* Is a merge under way, or planned and about to begin? */
static bool
is_merging(VecControl *control)
{
    TimestampTz planned_at = vec_control_counter_read(control, VECPG_COUNTER_PLANNED_AT);

    return vec_control_is_claimed(control, VEC_WORK_MERGE) ||
           vecpg_is_recent(planned_at, GetCurrentTimestamp(), PLAN_BEGIN_MS);
}

static void
set_policy(VecpgSituation *situation)
{
    VecpgWorkMode mode = situation->work->mode;
    VecControl *control = vecpg_store_control(situation->index);
    VecPolicy *policy = &situation->policy;

    policy->growing_rows_max = situation->options.max_growing_segment_size;
    policy->sealed_rows_max = Min(situation->options.max_sealed_segment_size, VEC_SEGMENT_ROWS_MAX);
    policy->sealing_rows_min = mode == VECPG_WORK_ALL ? 1 : situation->options.sealing_size;
    policy->dead_fraction_max = situation->options.delete_threshold;
    policy->without_graph = situation->wanted.kind == VEC_SEGMENT_FLAT;
    policy->tail_is_idle = mode != VECPG_WORK_DUE;
    policy->is_idle = mode == VECPG_WORK_IDLE || mode == VECPG_WORK_ALL;
    situation->others_merge = control != NULL && is_merging(control);
    policy->may_merge = !situation->others_merge && situation->work->merges != VECPG_MERGES_LEFT;
    if (situation->others_merge)
        policy->busy_to = vec_control_counter_read(control, VECPG_COUNTER_BUSY_TO);
}

/* The policy is at rest: what keeps the index from being one segment? */
static VecPolicyStep
step_to_one(const VecpgSituation *situation)
{
    const VecPiece *pieces = situation->pieces;
    uint32 count = situation->piece_count;
    VecPolicyStep step = {.action = VEC_POLICY_MERGE, .piece_count = count, .codes_of = VEC_POLICY_TRAIN};
    bool has_graph = count == 1 && pieces[0].kind == VEC_PIECE_SEALED;
    uint64 rows = 0;

    for (uint32 i = 0; i < count; i++)
        rows += pieces[i].rows - pieces[i].rows_dead;
    if (rows > situation->policy.sealed_rows_max && count > 1)
        return (VecPolicyStep){.action = VEC_POLICY_REST};
    if (count == 0 || !situation->policy.may_merge || (count == 1 && pieces[0].rows == 0) ||
        (count == 1 && has_graph == !situation->policy.without_graph))
        return (VecPolicyStep){.action = VEC_POLICY_REST};
    step.with_graph = !situation->policy.without_graph;
    step.position_from = pieces[0].position_from;
    step.position_to = pieces[count - 1].position_to;
    for (uint32 i = 0; i < count; i++)
        if (pieces[i].kind == VEC_PIECE_LOG || pieces[i].codes_hash != pieces[0].codes_hash)
            step.action = VEC_POLICY_REBUILD;
    return step;
}

/* The caller releases situation->segments. */
static void
situation_look(VecpgSituation *situation)
{
    const VecpgWork *work = situation->work;

    vecpg_options_read(situation->index, &situation->options);
    vecpg_log_meta_read(situation->index, &situation->meta);
    vecpg_store_segment_options(situation->index, &situation->meta, &situation->wanted);
    situation->segments = vecpg_store_acquire(situation->index, &situation->meta);
    situation->reader = vecpg_log_reader_open(situation->index, NULL);
    situation->end = vecpg_log_reader_end(situation->reader);
    if (work->end != 0)
        situation->end = Min(situation->end, work->end);
    situation->step.action = VEC_POLICY_REST;
    situation->is_pending = vecpg_store_is_pending(situation->index);
    if (situation->is_pending)
        return;
    list_pieces(situation);
    set_policy(situation);
    situation->step = vec_policy_next(&situation->policy, situation->pieces, situation->piece_count);
    if (work->mode == VECPG_WORK_ALL && situation->step.action == VEC_POLICY_REST)
        situation->step = step_to_one(situation);
}

static const char *
piece_file_name(const VecpgSituation *situation, uint32 piece)
{
    VecSegmentInfo info;

    vec_index_segment_info(vecpg_segments_index(situation->segments), situation->segment_numbers[piece],
                           &info);
    return pstrdup(info.file_name);
}

/* Whoever owns an index may ask for thousands: as many as the server may have background processes are no burden to others. */
static uint32
thread_count(const VecIndexOptions *options)
{
    return Min(options->optimizing_threads, (uint32)Max(1, max_worker_processes));
}

/* Where an encoding ends that must not take too long: the log's part of it is cut by pages, as if rows were spread evenly. */
static uint64
encode_end(const VecpgSituation *situation)
{
    const VecPolicyStep *step = &situation->step;
    const VecPiece *last = &situation->pieces[step->piece_first + step->piece_count - 1];
    uint64 rows_max =
        Max(Max(ENCODE_ROWS_MIN, situation->options.max_growing_segment_size), last->rows / ENCODE_PARTS);
    uint64 first_page = VecpgPositionPage(last->position_from);
    uint64 pages = VecpgPositionPage(last->position_to) - first_page + 1;

    if (last->kind != VEC_PIECE_LOG || last->rows <= rows_max + rows_max / 2)
        return step->position_to;
    return VecpgPositionMake(first_page + Max(1, (uint64)((double)pages * rows_max / last->rows)), 0);
}

static int
compare_positions(const void *a, const void *b)
{
    uint64 left = *(const uint64 *)a;
    uint64 right = *(const uint64 *)b;

    return (left > right) - (left < right);
}

/* The dead rows of a segment, appended to the plan's list, which has room. */
static void
list_dead(const VecpgSituation *situation, uint32 piece, VecPlan *plan, uint64 room)
{
    const VecIndex *opened = vecpg_segments_index(situation->segments);
    uint32 number = situation->segment_numbers[piece];
    uint64 rows = situation->pieces[piece].rows;

    for (uint64 row = 0; row < rows && plan->dead_count < room; row++) {
        VecRowId id;
        VecRowKind kind;

        if (row % 1024 == 0)
            vecpg_errors_check();
        if (vec_index_row(opened, number, row, &id, &kind, NULL) != VEC_OK)
            return; /* damaged: the merge will say so */
        if (vecpg_log_reader_is_dead(situation->reader, id.position))
            plan->dead[plan->dead_count++] = id.position;
    }
}

/*
 * Writes down a merge. All its memory is palloc'ed. Rows that die while we look may be missing in the list: then they stay in the
 * segment, and scans look at dead bits anyway. The stamp is read last, so that no row is left out that the log, after a crash, has alive.
 */
static void
plan_make(const VecpgSituation *situation, VecPlan *plan)
{
    const VecPolicyStep *step = &situation->step;
    uint32 end = step->piece_first + step->piece_count;
    uint64 dead_max = 0;

    memset(plan, 0, sizeof(*plan));
    vecpg_store_build_options(&plan->build);
    plan->build.thread_count = thread_count(&situation->options);
    plan->build.segment = situation->wanted;
    if (!step->with_graph)
        plan->build.segment.kind = VEC_SEGMENT_FLAT;
    plan->file_count = step->piece_count;
    plan->file_names = palloc0(VEC_FILE_NAME_BYTES * plan->file_count);
    for (uint32 i = step->piece_first; i < end; i++) {
        strlcpy(plan->file_names[i - step->piece_first], piece_file_name(situation, i), VEC_FILE_NAME_BYTES);
        dead_max += situation->pieces[i].rows_dead;
    }
    plan->dead = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * (dead_max + 1));
    for (uint32 i = step->piece_first; i < end; i++)
        if (situation->pieces[i].rows_dead > 0)
            list_dead(situation, i, plan, dead_max);
    qsort(plan->dead, plan->dead_count, sizeof(uint64), compare_positions);
    plan->allocator = &vec_allocator_default;
    vecpg_store_stamp(situation->meta.instance_nonce, step->position_from, step->position_to, &plan->stamp);
}

static bool
should_stop_counting(void *context, uint64_t rows_done, uint64_t rows_total)
{
    vec_control_counter_write(context, VECPG_COUNTER_PROGRESS_DONE, rows_done);
    vec_control_counter_write(context, VECPG_COUNTER_PROGRESS_TOTAL, rows_total);
    return vecpg_errors_should_stop(NULL, rows_done, rows_total);
}

/* Carries out a merge in this process. *build is freed by the caller. */
static VecStatus
merge_here(const VecPlan *plan, const char *directory, VecControl *control, VecBuild **build, VecError *error)
{
    VecBuildResult result;
    VecStatus status;

    while ((status = vec_plan_begin(plan, directory, control, vecpg_errors_should_stop, NULL, build,
                                    error)) == VEC_INTERRUPTED)
        vecpg_errors_check();
    while (status == VEC_OK &&
           (status = vec_build_graph(*build, should_stop_counting, control, error)) == VEC_INTERRUPTED) {
        vecpg_errors_check();
        status = VEC_OK;
    }
    while (status == VEC_OK && (status = vec_build_finish(*build, &plan->stamp, vecpg_errors_should_stop,
                                                          NULL, &result, error)) == VEC_INTERRUPTED) {
        vecpg_errors_check();
        status = VEC_OK;
    }
    while (status == VEC_OK &&
           (status = vec_plan_publish(plan, &result, directory, control, vecpg_errors_should_stop, NULL,
                                      error)) == VEC_INTERRUPTED) {
        vecpg_errors_check();
        status = VEC_OK;
    }
    if (status == VEC_OK) {
        vec_control_counter_write(control, VECPG_COUNTER_MERGED_AT, GetCurrentTimestamp());
        vec_control_counter_write(control, VECPG_COUNTER_FAILED_AT, 0);
    }
    return status;
}

/* Lets others see that a merge is decided, up to where, and takes over the claim. */
static VecStatus
claim_merge(const VecpgSituation *situation, VecControl *control, bool plan_only, VecError *error)
{
    VecStatus status = vec_control_claim(control, VEC_WORK_MERGE, error);

    if (status != VEC_OK)
        return status;
    vec_control_counter_write(control, VECPG_COUNTER_BUSY_TO, situation->step.position_to);
    vec_control_counter_write(control, VECPG_COUNTER_PLANNED_AT, plan_only ? GetCurrentTimestamp() : 0);
    vec_control_disclaim(control, plan_only ? VEC_WORK_MERGE : VEC_WORK_SEAL);
    return VEC_OK;
}

static VecStatus
step_merge(const VecpgSituation *situation, VecControl *control, bool plan_only, VecBuild **build,
           VecError *error)
{
    char directory[MAXPGPATH];
    VecPlan plan;
    VecStatus status;

    vecpg_store_directory(situation->index, directory, sizeof(directory));
    plan_make(situation, &plan);
    status = claim_merge(situation, control, plan_only, error);
    if (status != VEC_OK)
        return status;
    if (plan_only)
        return vec_plan_write(&plan, directory, error);
    vec_control_counter_write(control, VECPG_COUNTER_PROGRESS_PHASE, VECPG_PHASE_GRAPH);
    status = merge_here(&plan, directory, control, build, error);
    vec_control_counter_write(control, VECPG_COUNTER_PROGRESS_PHASE, 0);
    return status;
}

static VecpgWorkOutcome
outcome_of(Relation index, VecStatus status, const VecError *error)
{
    if (status == VEC_OK)
        return VECPG_WORK_DONE;
    if (status == VEC_NOT_FOUND) /* an input was replaced meanwhile: look again */
        return VECPG_WORK_BUSY;
    return vecpg_store_failed(index, status, error) == VECPG_BUILD_BUSY ? VECPG_WORK_BUSY : VECPG_WORK_FAILED;
}

/* With a plan, what is encoded is not published but becomes the plan's input. */
static VecpgWorkOutcome
step_encode(const VecpgSituation *situation, VecControl *control, VecPlan *plan)
{
    const VecPolicyStep *step = &situation->step;
    VecpgBuildRequest request = {.index = situation->index,
                                 .from = step->position_from,
                                 .control = control,
                                 .thread_count = thread_count(&situation->options),
                                 .pause = situation->work->pause,
                                 .plan = plan};

    request.to = step->action == VEC_POLICY_ENCODE ? encode_end(situation) : step->position_to;
    request.is_flat = step->action == VEC_POLICY_ENCODE || !step->with_graph || plan != NULL;
    if (step->codes_of != VEC_POLICY_TRAIN)
        request.codes_of = piece_file_name(situation, step->codes_of);
    vecpg_log_reader_close(situation->reader); /* it would hold a page over a pause */
    switch (vecpg_store_build(&request)) {
        case VECPG_BUILD_DONE:
            return VECPG_WORK_DONE;
        case VECPG_BUILD_BUSY:
            return VECPG_WORK_BUSY;
        case VECPG_BUILD_FAILED:
            break;
    }
    return VECPG_WORK_FAILED;
}

/* Encoding anew is done here in any case, for it needs the log; the graph only if nobody else can be asked for it. */
static VecpgWorkOutcome
step_rebuild(const VecpgSituation *situation, VecControl *control)
{
    bool plan_graph = situation->work->merges == VECPG_MERGES_PLANNED && situation->step.with_graph;
    VecpgWorkOutcome outcome;
    VecError error = {0};
    VecPlan plan;
    VecStatus status;

    if (plan_graph)
        plan_make(situation, &plan);
    status = claim_merge(situation, control, false, &error);
    if (status != VEC_OK)
        return outcome_of(situation->index, status, &error);
    outcome = step_encode(situation, control, plan_graph ? &plan : NULL);
    if (!plan_graph || outcome != VECPG_WORK_DONE)
        return outcome;
    vec_control_counter_write(control, VECPG_COUNTER_PLANNED_AT, GetCurrentTimestamp());
    return VECPG_WORK_PLANNED;
}

static VecpgWorkOutcome
step_do(const VecpgSituation *situation, VecControl *control, VecBuild **build)
{
    bool plan_only = situation->work->merges == VECPG_MERGES_PLANNED;
    bool waits = situation->work->mode == VECPG_WORK_IDLE || situation->work->mode == VECPG_WORK_ALL;
    VecError error = {0};
    VecStatus status;

    switch (situation->step.action) {
        case VEC_POLICY_REST:
            return waits && (situation->others_merge || situation->is_pending) ? VECPG_WORK_BUSY
                                                                               : VECPG_WORK_REST;
        case VEC_POLICY_REBUILD:
            return step_rebuild(situation, control);
        case VEC_POLICY_ENCODE:
            return step_encode(situation, control, NULL);
        case VEC_POLICY_MERGE:
            status = step_merge(situation, control, plan_only, build, &error);
            if (status == VEC_OK && plan_only)
                return VECPG_WORK_PLANNED;
            return outcome_of(situation->index, status, &error);
    }
    return VECPG_WORK_REST;
}

bool
vecpg_work_is_due(Relation index, VecpgWorkMode mode)
{
    const VecpgWork work = {.index = index, .mode = mode};
    VecpgSituation situation = {.index = index, .work = &work};
    MemoryContext context;
    MemoryContext old_context;

    if (index->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
        return false;
    context = AllocSetContextCreate(CurrentMemoryContext, "vectors work", ALLOCSET_DEFAULT_SIZES);
    old_context = MemoryContextSwitchTo(context);
    PG_TRY();
    {
        situation_look(&situation);
    }
    PG_FINALLY();
    {
        vecpg_store_release(situation.segments);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(old_context);
    MemoryContextDelete(context);
    return situation.step.action != VEC_POLICY_REST;
}

VecpgWorkOutcome
vecpg_work_step(const VecpgWork *work)
{
    Relation index = work->index;
    VecpgSituation situation = {.index = index, .work = work};
    MemoryContext context;
    MemoryContext old_context;
    VecControl *volatile control = NULL;
    VecBuild *volatile build = NULL;
    volatile VecpgWorkOutcome outcome = VECPG_WORK_REST;

    if (index->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
        return outcome;
    if (vecpg_store_control(index) == NULL && !vecpg_work_is_due(index, work->mode))
        return outcome; /* no directory is made for nothing */
    context = AllocSetContextCreate(CurrentMemoryContext, "vectors work", ALLOCSET_DEFAULT_SIZES);
    old_context = MemoryContextSwitchTo(context);
    if (!RecoveryInProgress())
        vecpg_log_nonce_ensure(index);
    PG_TRY();
    {
        VecError error = {0};
        VecStatus status = vecpg_store_open_directory(index, (VecControl **)&control, &error);

        if (status == VEC_OK)
            status = vec_control_claim(control, VEC_WORK_SEAL, &error);
        if (status != VEC_OK)
            outcome = outcome_of(index, status, &error);
        else {
            situation_look(&situation);
            outcome = step_do(&situation, control, (VecBuild **)&build);
        }
    }
    PG_FINALLY();
    {
        vec_build_free(build);
        vec_control_close(control);
        vecpg_store_release(situation.segments);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(old_context);
    MemoryContextDelete(context);
    return outcome;
}

/* What another process does will end: look again soon. */
static void
wait_a_moment(void)
{
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, WAIT_MS, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
}

static VecpgWorkOutcome
work_steps(const VecpgWork *work, bool wait)
{
    VecpgWorkOutcome outcome;
    int steps = 0;

    do {
        vecpg_errors_check();
        outcome = vecpg_work_step(work);
        if (outcome == VECPG_WORK_BUSY && wait)
            wait_a_moment();
        else if (++steps == STEPS_MAX) /* nothing that is done takes effect */
            return VECPG_WORK_FAILED;
    } while (outcome == VECPG_WORK_DONE || (outcome == VECPG_WORK_BUSY && wait));
    return outcome;
}

VecpgWorkOutcome
vecpg_work_all(Relation index, VecpgWorkMode mode)
{
    VecpgWork work = {.index = index, .mode = mode};

    return work_steps(&work, false);
}

VecpgWorkOutcome
vecpg_work_wait(Relation index, VecpgWorkMode mode)
{
    VecpgWork work = {.index = index, .mode = mode};
    VecpgLogReader *reader = vecpg_log_reader_open(index, NULL);

    work.end = vecpg_log_reader_end(reader);
    vecpg_log_reader_close(reader);
    return work.end == 0 ? VECPG_WORK_REST : work_steps(&work, true);
}
