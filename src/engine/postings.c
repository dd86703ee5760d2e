/*
 * postings.c: the lists of rows by dimension.
 */
#include "postings.h"

#include <math.h>
#include <string.h>

#include "memory.h"
#include "sparse.h"

#define POLL_ROWS        4096
#define SCORE_POLL_LISTS 16
#define KEYS_MAX         (UINT64_C(1) << 24) /* 128 MB: then another pass over the codes costs less than memory */

static bool
stopped(uint64_t step, VecShouldStop should_stop, void *should_stop_context)
{
    return step % POLL_ROWS == 0 && should_stop != NULL && should_stop(should_stop_context, 0, 0);
}

/* A row's place in its list: by descending weight, then ascending number. */
static uint64_t
posting_key(float weight, uint32_t row)
{
    uint32_t bits;

    memcpy(&bits, &weight, sizeof(bits)); /* not negative: bits sort as the number does */
    return (uint64_t)(UINT32_MAX - bits) << 32 | row;
}

/* From how often each dimension occurs: terms, and where each list begins instead; returns the number of terms. */
static uint32_t
make_terms(const VecCodes *codes, uint64_t *counts, VecPostingsTerm *terms)
{
    uint64_t start = 0;
    uint32_t term_count = 0;

    for (uint32_t dimension = 0; dimension < codes->dimensions; dimension++) {
        uint64_t count = counts[dimension];

        if (count > 0)
            terms[term_count++] = (VecPostingsTerm){.dimension = dimension, .start = start};
        counts[dimension] = start;
        start += count;
    }
    terms[term_count] = (VecPostingsTerm){.dimension = codes->dimensions, .start = start};
    return term_count;
}

/* Fills the lists of the dimensions [from, to), whose rows are [first, …) of all: keys has room for them. */
static bool
fill_window(const VecCodes *codes, uint64_t *ends, uint32_t from, uint32_t to, uint64_t first, uint64_t *keys,
            VecShouldStop should_stop, void *should_stop_context)
{
    for (uint32_t row = 0; row < codes->row_count; row++) {
        VecSparseCode code = vec_sparse_code(codes, row);
        float scale = codes->factors[row].scale;

        if (stopped(row, should_stop, should_stop_context))
            return false;
        for (uint32_t i = 0; i < code.count; i++) {
            uint32_t dimension = vec_sparse_index(&code, i);

            if (dimension >= from && dimension < to)
                keys[ends[dimension]++ - first] =
                    posting_key(scale * fabsf((float)vec_sparse_level(&code, i)), row);
        }
    }
    return true;
}

/* As many whole lists at a time as fit into the keys, one pass over the codes for each time. */
static bool
fill_lists(const VecCodes *codes, uint64_t *ends, const VecPostings *postings, uint64_t *keys,
           uint64_t key_capacity, uint32_t *rows, VecShouldStop should_stop, void *should_stop_context)
{
    const VecPostingsTerm *terms = postings->terms;

    for (uint32_t from = 0, to; from < postings->term_count; from = to) {
        uint64_t first = terms[from].start;

        for (to = from + 1; to < postings->term_count && terms[to + 1].start - first <= key_capacity;)
            to++;
        if (!fill_window(codes, ends, terms[from].dimension, terms[to].dimension, first, keys, should_stop,
                         should_stop_context))
            return false;
        for (uint32_t term = from; term < to; term++) {
            if (stopped(0, should_stop, should_stop_context)) /* one list may be as long as all rows */
                return false;
            vec_walk_sort(keys + (terms[term].start - first), terms[term + 1].start - terms[term].start);
        }
        for (uint64_t i = first; i < terms[to].start; i++)
            rows[i] = (uint32_t)keys[i - first];
    }
    return true;
}

/* Lists with weights are read as a whole: rows stay in the order of their numbers, and need no sorting. */
static bool
fill_weighted(const VecCodes *codes, uint64_t *ends, uint32_t *rows, float *weights,
              VecShouldStop should_stop, void *should_stop_context)
{
    for (uint32_t row = 0; row < codes->row_count; row++) {
        VecSparseCode code = vec_sparse_code(codes, row);

        if (stopped(row, should_stop, should_stop_context))
            return false;
        for (uint32_t i = 0; i < code.count; i++) {
            uint64_t place = ends[vec_sparse_index(&code, i)]++;

            rows[place] = row;
            weights[place] = codes->factors[row].scale * (float)vec_sparse_level(&code, i);
        }
    }
    return true;
}

VecStatus
vec_postings_build(const VecCodes *codes, const VecAllocator *allocator, VecPostingsTerm *terms,
                   uint32_t *rows, float *weights, VecShouldStop should_stop, void *should_stop_context,
                   VecPostings *postings)
{
    uint64_t rows_max = vec_sparse_elements_max(codes->dimensions, codes->code_bytes);
    /* a list is at most row_count long */
    uint64_t key_capacity = codes->row_count > KEYS_MAX ? codes->row_count : KEYS_MAX;
    uint64_t *ends = vec_memory_allocate(allocator, codes->dimensions, sizeof(uint64_t)), *keys = NULL;
    VecStatus status = VEC_NO_MEMORY;

    if (key_capacity > rows_max)
        key_capacity = rows_max;
    keys = vec_memory_allocate_raw(allocator, weights == NULL ? key_capacity + 1 : 1, sizeof(uint64_t));
    if (ends == NULL || keys == NULL)
        goto done;
    status = VEC_INTERRUPTED;
    for (uint32_t row = 0; row < codes->row_count; row++) {
        VecSparseCode code = vec_sparse_code(codes, row);

        if (stopped(row, should_stop, should_stop_context))
            goto done;
        for (uint32_t i = 0; i < code.count; i++)
            ends[vec_sparse_index(&code, i)]++;
    }
    VecPostings made = {.terms = terms, .rows = rows, .weights = weights};
    made.term_count = make_terms(codes, ends, terms);
    made.row_count = terms[made.term_count].start;
    if (weights != NULL
            ? fill_weighted(codes, ends, rows, weights, should_stop, should_stop_context)
            : fill_lists(codes, ends, &made, keys, key_capacity, rows, should_stop, should_stop_context)) {
        *postings = made; /* only now: who was interrupted begins again */
        status = VEC_OK;
    }

done:
    vec_memory_release(allocator, ends);
    vec_memory_release(allocator, keys);
    return status;
}

void
vec_postings_scratch_free(VecPostingsScratch *scratch)
{
    if (scratch->allocator != NULL)
        vec_memory_release(scratch->allocator, scratch->lists);
    *scratch = (VecPostingsScratch){0};
}

/* The number of the term of a dimension; term_count if there is none. */
static uint32_t
find_term(const VecPostings *postings, uint32_t dimension)
{
    uint32_t low = 0, high = postings->term_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (postings->terms[middle].dimension < dimension)
            low = middle + 1;
        else
            high = middle;
    }
    return low < postings->term_count && postings->terms[low].dimension == dimension ? low
                                                                                     : postings->term_count;
}

/* The query's lists, shortest first, as length << 32 | term; returns how many. */
static uint32_t
gather_lists(const VecPostings *postings, const VecCodes *codes, const VecCodeQuery *query, uint64_t *lists)
{
    VecSparseCode spread = {.indexes = query->spread,
                            .count = query->spread_count,
                            .is_narrow = vec_sparse_is_narrow(codes->dimensions)};
    uint32_t list_count = 0;

    for (uint32_t i = 0; i < spread.count; i++) {
        uint32_t term = find_term(postings, vec_sparse_index(&spread, i));

        if (term == postings->term_count)
            continue;
        uint64_t start = postings->terms[term].start, end = postings->terms[term + 1].start;
        if (start < end && end <= postings->row_count)
            lists[list_count++] = (end - start < UINT32_MAX ? end - start : UINT32_MAX) << 32 | term;
    }
    vec_walk_sort(lists, list_count);
    return list_count;
}

VecStatus
vec_postings_seed(const VecPostings *postings, const VecCodes *codes, const VecCodeQuery *query,
                  uint64_t budget, VecPostingsScratch *scratch, VecWalk *walk)
{
    if (query->spread_count > scratch->capacity) {
        vec_memory_release(walk->allocator, scratch->lists);
        scratch->allocator = walk->allocator;
        scratch->capacity = 0;
        scratch->lists = vec_memory_allocate_raw(walk->allocator, query->spread_count, sizeof(uint64_t));
        if (scratch->lists == NULL)
            return VEC_NO_MEMORY;
        scratch->capacity = query->spread_count;
    }

    uint32_t list_count = gather_lists(postings, codes, query, scratch->lists);
    for (uint32_t i = 0; i < list_count && budget > 0; i++) {
        uint64_t length = scratch->lists[i] >> 32;
        uint64_t count = length < budget ? length : budget;

        if (vec_walk_seed_rows(walk, codes, query,
                               postings->rows + postings->terms[(uint32_t)scratch->lists[i]].start,
                               count) != VEC_OK)
            return VEC_NO_MEMORY;
        budget -= count;
    }
    return VEC_OK;
}

bool
vec_postings_score(const VecPostings *postings, const VecCodes *codes, const VecCodeQuery *query,
                   float *scores, VecShouldStop should_stop, void *should_stop_context)
{
    VecSparseCode spread = {.indexes = query->spread,
                            .count = query->spread_count,
                            .is_narrow = vec_sparse_is_narrow(codes->dimensions)};

    memset(scores, 0, codes->row_count * sizeof(float));
    for (uint32_t i = 0; i < spread.count; i++) {
        uint32_t dimension = vec_sparse_index(&spread, i), term = find_term(postings, dimension);
        float element = query->table[dimension];

        if (should_stop != NULL && i % SCORE_POLL_LISTS == 0 &&
            should_stop(should_stop_context, i, spread.count))
            return false;
        if (term == postings->term_count)
            continue;
        uint64_t start = postings->terms[term].start, end = postings->terms[term + 1].start;
        for (uint64_t k = start; k < end && end <= postings->row_count; k++) {
            if (postings->rows[k] < codes->row_count)
                scores[postings->rows[k]] += postings->weights[k] * element;
        }
    }
    return true;
}

bool
vec_postings_validate(const VecPostings *postings, const VecCodes *codes)
{
    const VecPostingsTerm *terms = postings->terms;

    if (terms[0].start != 0 || terms[postings->term_count].start != postings->row_count)
        return false;
    for (uint32_t term = 0; term < postings->term_count; term++) {
        if (terms[term].start >= terms[term + 1].start || terms[term].dimension >= codes->dimensions ||
            (term > 0 && terms[term].dimension <= terms[term - 1].dimension))
            return false;
    }
    for (uint64_t i = 0; i < postings->row_count; i++) {
        if (postings->rows[i] >= codes->row_count)
            return false;
    }
    return true;
}
