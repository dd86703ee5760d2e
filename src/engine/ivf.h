/*
 * ivf.h: lists of rows, each around a centroid (IVF: Sivic & Zisserman 2003; Jégou et al. 2011): a search reads those whose
 * centroids are nearest.
 *
 * Rows stay where they are, in the log's order, and a list names them: so merges and everything else that reads rows in order need
 * to know nothing of lists. Centroids live in the space of the codes, rotated and without the mean, and everything is made from
 * codes alone: lists can be made for rows whose vectors nobody reads any more.
 *
 *     metric     distance of a query s from a centroid c
 *     L2         |c|^2 - 2 <c, s>
 *     DOT, COS   offset - <c, s>, where the offset is the mean of the rows' factors.offset
 *
 * both without what is the same for all centroids. A centroid is 1 + dimensions floats: the part without the query, and c.
 */
#ifndef VEC_IVF_H
#define VEC_IVF_H

#include "codes.h"
#include "vectors/status.h"

/* So many rows a list at least: below, ranking the centroids costs more than it saves. */
#define VEC_IVF_LIST_ROWS_MIN 16

/* A view; what stands in it is as the file has it: vec_ivf_list checks. */
typedef struct VecIvf {
    uint32_t list_count;
    uint32_t row_count;
    uint32_t dimensions;
    const float *centroids;
    const uint32_t *starts; /* list_count + 1 */
    const uint32_t *rows;   /* row_count, list by list, ascending in each */
} VecIvf;

/* Whether rows of that kind of code can be put into lists: those that have a mean. */
static inline bool
vec_ivf_has(VecCodeKind kind)
{
    return kind == VEC_CODE_SCALAR || kind == VEC_CODE_FLOATS;
}

/* Lists that so many rows get. */
static inline uint32_t
vec_ivf_list_count(uint32_t wanted, uint64_t row_count)
{
    uint64_t most = row_count / VEC_IVF_LIST_ROWS_MIN;

    return most < 1 ? 1 : wanted < most ? wanted : (uint32_t)most;
}

static inline uint64_t
vec_ivf_centroid_bytes(uint32_t dimensions)
{
    return ((uint64_t)dimensions + 1) * sizeof(float);
}

/* The rows of a list; *count is 0 where the file says nonsense. Rows themselves are unchecked. */
const uint32_t *vec_ivf_list(const VecIvf *ivf, uint32_t list, uint32_t *count);

/*
 * Fills keys[from .. to - 1] with those lists; when all were filled, vec_ivf_rank_end makes a heap of them, the nearest in keys[0],
 * which vec_ivf_pop takes away. floats is scratch of `dimensions`.
 */
void vec_ivf_rank(const VecIvf *ivf, const VecCodes *codes, const VecCodeQuery *query, uint32_t from,
                  uint32_t to, float *floats, uint64_t *keys);
void vec_ivf_rank_end(const VecIvf *ivf, uint64_t *keys);
void vec_ivf_pop(uint64_t *keys, uint32_t *key_count);

/* A coded row in the space of the centroids. query is scratch. */
void vec_ivf_decode(const VecCodes *codes, uint32_t row, VecCodeQuery *query, float *floats);

/* Whether every row stands in one list, and centroids are numbers. seen: a zeroed bit for each row. */
bool vec_ivf_validate(const VecIvf *ivf, uint64_t *seen);

typedef struct VecIvfBuildOptions {
    uint32_t list_count;
    bool is_spherical; /* centroids are brought to length 1 */
    const float *mean; /* in the space of the centroids, for is_spherical; NULL: zero */
    uint64_t seed;
    uint32_t thread_count;
} VecIvfBuildOptions;

typedef struct VecIvfBuild VecIvfBuild;

/* The three arrays are those of VecIvf, to be filled. What options and codes point to must live until the build is freed. */
VecStatus vec_ivf_build_begin(const VecCodes *codes, const VecIvfBuildOptions *options, float *centroids,
                              uint32_t *starts, uint32_t *rows, const VecAllocator *allocator,
                              VecIvfBuild **build, VecError *error) VEC_MUST_CHECK;

/* VEC_INTERRUPTED: call again, it goes on at the step where it was. */
VecStatus vec_ivf_build_run(VecIvfBuild *build, VecShouldStop should_stop, void *should_stop_context,
                            VecError *error) VEC_MUST_CHECK;
void vec_ivf_build_free(VecIvfBuild *build); /* NULL is legal */

#endif
