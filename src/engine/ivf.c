/*
 * ivf.c: which lists are nearest to a query.
 */
#include "ivf.h"

#include <math.h>
#include <string.h>

#include "bitset.h"
#include "quantize.h"
#include "walk.h"

const uint32_t *
vec_ivf_list(const VecIvf *ivf, uint32_t list, uint32_t *count)
{
    uint32_t from = ivf->starts[list], to = ivf->starts[list + 1];

    *count = from <= to && to <= ivf->row_count ? to - from : 0;
    return ivf->rows + (*count > 0 ? from : 0);
}

void
vec_ivf_decode(const VecCodes *codes, uint32_t row, VecCodeQuery *query, float *floats)
{
    if (codes->kind == VEC_CODE_FLOATS) {
        memcpy(floats, codes->codes + row * codes->stride_bytes, codes->dimensions * sizeof(float));
        return;
    }
    vec_quantize_decode(codes, row, query, floats);
}

/* The query in the space of the centroids. */
static void
decode_query(const VecCodes *codes, const VecCodeQuery *query, float *floats)
{
    float step = codes->metric == VEC_METRIC_L2 ? -0.5f * query->scale : -query->scale;

    if (codes->kind == VEC_CODE_FLOATS) {
        memcpy(floats, query->floats, codes->dimensions * sizeof(float));
        return;
    }
    for (uint32_t i = 0; i < codes->dimensions; i++)
        floats[i] = step * (float)query->values[i];
}

/* Moves the key at `at` down to where no child is smaller. */
static void
sift_down(uint64_t *keys, uint32_t key_count, uint32_t at)
{
    uint64_t key = keys[at];

    for (uint32_t child; (child = 2 * at + 1) < key_count; at = child) {
        child += child + 1 < key_count && keys[child + 1] < keys[child];
        if (keys[child] >= key)
            break;
        keys[at] = keys[child];
    }
    keys[at] = key;
}

void
vec_ivf_rank(const VecIvf *ivf, const VecCodes *codes, const VecCodeQuery *query, uint32_t from, uint32_t to,
             float *floats, uint64_t *keys)
{
    float factor = codes->metric == VEC_METRIC_L2 ? 2.0f : 1.0f;

    decode_query(codes, query, floats);
    for (uint32_t list = from; list < to; list++) {
        const float *centroid = ivf->centroids + (uint64_t)list * (ivf->dimensions + 1);

        keys[list] = vec_walk_key(
            centroid[0] - factor * codes->kernels->dot_f32(centroid + 1, floats, ivf->dimensions), list);
    }
}

void
vec_ivf_rank_end(const VecIvf *ivf, uint64_t *keys)
{
    for (uint32_t at = ivf->list_count / 2; at-- > 0;)
        sift_down(keys, ivf->list_count, at);
}

void
vec_ivf_pop(uint64_t *keys, uint32_t *key_count)
{
    keys[0] = keys[--*key_count];
    sift_down(keys, *key_count, 0);
}

bool
vec_ivf_validate(const VecIvf *ivf, uint64_t *seen)
{
    uint64_t number_count = (uint64_t)ivf->list_count * (ivf->dimensions + UINT64_C(1));

    for (uint64_t i = 0; i < number_count; i++) {
        if (!isfinite(ivf->centroids[i]))
            return false;
    }
    for (uint32_t list = 0; list < ivf->list_count; list++) {
        if (ivf->starts[list] > ivf->starts[list + 1])
            return false;
    }
    if (ivf->starts[0] != 0 || ivf->starts[ivf->list_count] != ivf->row_count)
        return false;
    for (uint32_t i = 0; i < ivf->row_count; i++) {
        if (ivf->rows[i] >= ivf->row_count || vec_bitset_test(seen, ivf->rows[i]))
            return false;
        vec_bitset_set(seen, ivf->rows[i]);
    }
    return true;
}
