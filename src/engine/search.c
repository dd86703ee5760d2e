/*
 * search.c: a search over all segments of an index: their probes' candidates merged into one stream.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "memory.h"
#include "probe_ways.h"
#include "snapshot.h"

/* Ids are read from cold memory: so many are asked for ahead. */
#define PREFETCH_AHEAD 8

/* Exceptions looked at for a filter from one poll to the next; each may be a cache miss a key. */
#define POLL_EXCEPTIONS 65536

typedef enum SearchStage { SEARCH_EXACT, SEARCH_CODED, SEARCH_NULL, SEARCH_END } SearchStage;

struct VecSearch {
    VecIndex *index;
    VecSearchOptions options;
    VecFilter *filter; /* or NULL */
    SearchStage stage;
    uint32_t exception_segment; /* SEARCH_EXACT, SEARCH_NULL: where in which segment's list we are */
    uint64_t exception_next;
    uint32_t probe_count;
    VecProbe *probes[];
};

static void
fill_candidate(VecCandidate *candidate, const VecFormatRow *row, VecRowKind kind, float estimate,
               float lower_bound)
{
    candidate->id.position = row->position;
    memcpy(candidate->id.tid, row->tid, VEC_TID_BYTES);
    candidate->kind = kind;
    candidate->is_exact = false;
    candidate->estimate = estimate;
    candidate->lower_bound = lower_bound;
}

/* Whether every file could be read so far: asked after reading, before what was read is handed on. */
static VecStatus
check_segments(const VecIndex *index, VecError *error)
{
    for (uint32_t i = 0; i < index->segment_count; i++) {
        VecStatus status = vec_sealed_check(&index->segments[i], error);

        if (status != VEC_OK)
            return status;
    }
    return VEC_OK;
}

VecStatus
vec_search_begin(VecIndex *index, const void *query, size_t query_bytes, const VecSearchOptions *options,
                 VecSearch **search, VecError *error)
{
    VecStatus status = VEC_OK;
    uint64_t coded = 0;
    VecSearch *made;

    if (options->ef_search < 1 || options->ef_search > 65535)
        return vec_error_set(error, VEC_INVALID, 0, "ef_search %" PRIu32 " is outside 1..65535",
                             options->ef_search);
    if (options->filter != NULL && !vec_filter_is_valid(options->filter, index->key_count))
        return vec_error_set(error, VEC_INVALID, 0, "the filter is not one for %" PRIu32 " keys",
                             index->key_count);
    made = vec_memory_allocate(index->allocator, 1,
                               sizeof(VecSearch) + index->segment_count * sizeof(VecProbe *));
    if (made == NULL)
        return vec_memory_error(error);
    made->index = index;
    made->options = *options;
    if (options->filter != NULL) {
        made->options.filter = made->filter = vec_keys_copy_filter(options->filter, index->allocator);
        if (made->filter == NULL) {
            vec_search_free(made);
            return vec_memory_error(error);
        }
    }
    for (uint32_t i = 0; i < index->segment_count; i++)
        coded += index->segments[i].header.rows_coded;
    for (uint32_t i = 0; i < index->segment_count && status == VEC_OK; i++) {
        double part = coded > 0 ? (double)index->segments[i].header.rows_coded / (double)coded : 1;
        VecProbe *probe = index->spares[i];

        if (probe != NULL)
            index->spares[i] = NULL;
        else if ((status = vec_probe_create(&index->segments[i], index->allocator, &probe)) != VEC_OK)
            break;
        made->probes[made->probe_count++] = probe;
        status = vec_probe_begin(probe, query, query_bytes, &made->options, part);
    }
    if (status == VEC_NO_MEMORY)
        (void)vec_memory_error(error);
    else if (status != VEC_OK)
        (void)vec_error_set(error, status, 0, "no code can represent the query vector");
    if (status != VEC_NO_MEMORY && check_segments(index, error) != VEC_OK)
        status = VEC_CORRUPT; /* which also explains a query that cannot be coded */
    if (status != VEC_OK) {
        vec_search_free(made);
        return status;
    }
    *search = made;
    return VEC_OK;
}

void
vec_search_free(VecSearch *search)
{
    if (search == NULL)
        return;
    for (uint32_t i = 0; i < search->probe_count; i++) {
        vec_probe_end(search->probes[i]);
        if (search->index->spares[i] == NULL)
            search->index->spares[i] = search->probes[i];
        else
            vec_probe_free(search->probes[i]);
    }
    vec_memory_release(search->index->allocator, search->filter);
    vec_memory_release(search->index->allocator, search);
}

static inline bool
is_wanted(const VecSearch *search, const VecSealed *segment, uint64_t row)
{
    return search->filter == NULL || vec_keys_match(&segment->keys, search->filter, row);
}

/*
 * Takes from the segments' exceptions of one kind; moves to the next stage when they are used up. VEC_INTERRUPTED: nothing
 * was taken, call again. A filter may let none of very many through.
 */
static VecStatus
take_exceptions(VecSearch *search, VecCandidate *candidates, uint32_t count_max, bool nulls, uint32_t *count,
                VecError *error)
{
    const VecSearchOptions *options = &search->options;
    uint64_t refused = 0;

    while (search->exception_segment < search->index->segment_count) {
        const VecSealed *segment = &search->index->segments[search->exception_segment];
        uint64_t total = nulls ? segment->header.rows_null : segment->header.rows_exact;
        const VecFormatRow *rows = segment->exceptions + (nulls ? segment->header.rows_exact : 0);

        while (search->exception_next < total) {
            if (*count == count_max)
                return VEC_OK;
            if (!is_wanted(search, segment,
                           segment->header.rows_coded + (nulls ? segment->header.rows_exact : 0) +
                               search->exception_next)) {
                search->exception_next++;
                if (++refused % POLL_EXCEPTIONS == 0 && *count == 0 && options->should_stop != NULL &&
                    options->should_stop(options->should_stop_context, search->exception_next, total))
                    return vec_error_set(error, VEC_INTERRUPTED, 0, "interrupted");
                if (refused % POLL_EXCEPTIONS == 0 && *count > 0) /* the next call polls */
                    return VEC_OK;
                continue;
            }
            fill_candidate(&candidates[(*count)++], &rows[search->exception_next++],
                           nulls ? VEC_ROW_NULL : VEC_ROW_EXACT, nulls ? INFINITY : -INFINITY,
                           nulls ? INFINITY : -INFINITY);
        }
        search->exception_segment++;
        search->exception_next = 0;
    }
    search->exception_segment = 0;
    search->stage = nulls ? SEARCH_END : SEARCH_CODED;
    return VEC_OK;
}

/* The probe whose next key is nearest; NULL if none has one. */
static VecProbe *
nearest_probe(const VecSearch *search, float *estimate)
{
    VecProbe *nearest = NULL;

    for (uint32_t i = 0; i < search->probe_count; i++) {
        VecProbe *probe = search->probes[i];

        if (probe->stage == PROBE_DONE)
            continue;
        float distance = vec_walk_key_distance(probe->walk.pool[probe->ready_next]) + probe->query.constant;
        if (nearest == NULL || distance < *estimate) {
            nearest = probe;
            *estimate = distance;
        }
    }
    return nearest;
}

static VecStatus
advance_probes(VecSearch *search, VecError *error)
{
    for (uint32_t i = 0; i < search->probe_count; i++) {
        VecStatus status = vec_probe_advance(search->probes[i], search->options.should_stop,
                                             search->options.should_stop_context);
        if (status == VEC_NO_MEMORY)
            return vec_memory_error(error);
        if (status != VEC_OK)
            return vec_error_set(error, status, 0, "interrupted");
    }
    return VEC_OK;
}

static float
least_bound(const VecSearch *search)
{
    float least = INFINITY;

    for (uint32_t i = 0; i < search->probe_count; i++) {
        const VecProbe *probe = search->probes[i];

        if (vec_probe_is_due(probe))
            return -INFINITY;
        if (probe->stage != PROBE_DONE)
            least = fminf(least, probe->bounds[probe->ready_next]);
    }
    return least;
}

/* Whether rows with vectors were left out: those without come after all others or not at all. */
static bool
is_cut(const VecSearch *search)
{
    for (uint32_t i = 0; i < search->probe_count; i++)
        if (search->probes[i]->is_cut)
            return true;
    return false;
}

/* Takes what is ready, up to where a probe must compute first. Every probe has been advanced. */
static uint32_t
take_coded(VecSearch *search, VecCandidate *candidates, uint32_t count_max)
{
    uint32_t count = 0;

    while (count < count_max) {
        float estimate = 0.0f;
        VecProbe *probe = nearest_probe(search, &estimate);

        if (probe == NULL) {
            search->stage = search->options.is_range || (search->options.one_round && is_cut(search))
                                ? SEARCH_END
                                : SEARCH_NULL;
            break;
        }
        const uint64_t *next = &probe->walk.pool[probe->ready_next];
        if (probe->ready_next + PREFETCH_AHEAD < probe->ready_count)
            __builtin_prefetch(&probe->segment->rows[vec_walk_key_node(next[PREFETCH_AHEAD])]);
        fill_candidate(&candidates[count++], &probe->segment->rows[vec_walk_key_node(*next)], VEC_ROW_CODED,
                       estimate, least_bound(search));
        candidates[count - 1].is_exact =
            vec_codes_are_exact(probe->segment->codes.kind) && !probe->way->is_unmeasured;
        vec_probe_take(probe);
        if (vec_probe_is_due(probe))
            break;
    }
    return count;
}

VecStatus
vec_search_next(VecSearch *search, VecCandidate *candidates, uint32_t count_max, uint32_t *count,
                VecError *error)
{
    VecStatus status = VEC_OK;

    assert(count_max > 0);
    *count = 0;
    while (status == VEC_OK && *count == 0 && search->stage != SEARCH_END) {
        if (search->stage != SEARCH_CODED)
            status =
                take_exceptions(search, candidates, count_max, search->stage == SEARCH_NULL, count, error);
        else if ((status = advance_probes(search, error)) == VEC_OK)
            *count = take_coded(search, candidates, count_max);
    }
    if (status != VEC_NO_MEMORY && check_segments(search->index, error) != VEC_OK) {
        *count = 0;
        return VEC_CORRUPT;
    }
    return status;
}

float
vec_search_lower_bound(const VecSearch *search)
{
    if (search->stage == SEARCH_EXACT)
        return -INFINITY;
    return search->stage == SEARCH_CODED ? least_bound(search) : INFINITY;
}

void
vec_search_statistics(const VecSearch *search, VecSearchStatistics *statistics)
{
    *statistics = (VecSearchStatistics){0};
    for (uint32_t i = 0; i < search->probe_count; i++) {
        statistics->distances += search->probes[i]->walk.distances;
        statistics->hops += search->probes[i]->walk.hops;
        statistics->rounds += search->probes[i]->rounds;
        statistics->segments_scanned += vec_probe_scans(search->probes[i]);
        statistics->segments_walked += !vec_probe_scans(search->probes[i]);
    }
}
