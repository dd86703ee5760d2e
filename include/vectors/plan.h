/*
 * plan.h: a merge that one process decides on and another carries out, who needs nothing but the directory.
 *
 * The first process knows the log: which rows are dead, what moment that is true of, what the options ask for. It writes
 * the plan as the file `plan` into the directory. The second claims VEC_WORK_MERGE, reads the plan, and goes
 *
 *     vec_plan_begin -> vec_build_graph -> vec_build_finish -> vec_plan_publish -> vec_build_free (always)
 *
 * A plan may be old: publishing it fails unless every input is still in the manifest.
 */
#ifndef VECTORS_PLAN_H
#define VECTORS_PLAN_H

#include "vectors/allocator.h"
#include "vectors/build.h"
#include "vectors/manifest.h"

#define VEC_PLAN_NAME "plan"
#define VEC_CODES_NAME                                                                                       \
    "codes" /* rows that were encoded anew, for a plan alone: no segment, no manifest names it */

typedef struct VecPlan {
    VecBuildOptions build;                   /* codes_of is not used */
    VecStamp stamp;                          /* of the result */
    char (*file_names)[VEC_FILE_NAME_BYTES]; /* what the result takes the place of, by ascending position */
    uint32_t file_count;
    uint64_t *dead; /* positions, ascending */
    uint64_t dead_count;
    bool from_codes; /* the input is the file VEC_CODES_NAME instead of those that are replaced */
    const VecAllocator *allocator; /* of the two arrays */
} VecPlan;

/* Frees the arrays. A plan that is all zero is legal. */
void vec_plan_free(VecPlan *plan);

/* Replaces the directory's plan. VEC_NO_SPACE, VEC_IO, VEC_NO_MEMORY. */
VecStatus vec_plan_write(const VecPlan *plan, const char *directory, VecError *error) VEC_MUST_CHECK;

/*
 * Takes what a flat build made for the plan's only input, and its stamp for the plan's, and writes the plan. Call it before
 * vec_build_free, whose lock keeps collectors away. Statuses of vec_plan_write.
 */
VecStatus vec_plan_write_codes(VecPlan *plan, const VecBuildResult *codes, const char *directory,
                               VecError *error) VEC_MUST_CHECK;

/* *plan is to be freed in any case. VEC_NOT_FOUND: there is none. VEC_CORRUPT, VEC_IO, VEC_NO_MEMORY. */
VecStatus vec_plan_read(const char *directory, const VecAllocator *allocator, VecPlan *plan,
                        VecError *error) VEC_MUST_CHECK;

/* vec_merge_begin over the plan's inputs. */
VecStatus vec_plan_begin(const VecPlan *plan, const char *directory, VecControl *control,
                         VecShouldStop should_stop, void *should_stop_context, VecBuild **build,
                         VecError *error) VEC_MUST_CHECK;

/*
 * Puts the result in the place of the inputs. Waits for the right to publish, a millisecond at a time, polling should_stop in
 * between. VEC_NOT_FOUND: an input is gone, the result is of no use. Else as vec_manifest_publish, and VEC_INTERRUPTED.
 */
VecStatus vec_plan_publish(const VecPlan *plan, const VecBuildResult *result, const char *directory,
                           VecControl *control, VecShouldStop should_stop, void *should_stop_context,
                           VecError *error) VEC_MUST_CHECK;

/* vec_control_lock, waiting as vec_plan_publish does. */
VecStatus vec_plan_lock(VecControl *control, VecShouldStop should_stop, void *should_stop_context,
                        VecError *error) VEC_MUST_CHECK;

#endif
