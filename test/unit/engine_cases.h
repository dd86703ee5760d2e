/*
 * engine_cases.h: what tests of the engine share: clustered vectors, a scratch directory, an index in one call, and allocators
 * that fail when told to.
 */
#ifndef ENGINE_CASES_H
#define ENGINE_CASES_H

#include <stdbool.h>
#include <stdint.h>

#include "vectors/build.h"
#include "vectors/index.h"

typedef struct Cases {
    uint32_t dimensions;
    uint32_t count;
    float *vectors;
} Cases;

/* Vectors around `centre_count` centres of unequal weight, not centred at 0, of unequal length: no uniform noise. */
Cases cases_make(uint32_t count, uint32_t dimensions, uint32_t centre_count, uint64_t seed);
void cases_free(Cases *cases);
static inline float *
cases_row(const Cases *cases, uint32_t row)
{
    return cases->vectors + (size_t)row * cases->dimensions;
}

/*
 * A row as the engine takes it for the options' element type (vectors/segment.h), *bytes long; lives until the next call but one.
 * BIT: which elements are greater than their mean; SPARSE: the elements that are far greater, NaN and infinities.
 */
const void *cases_vector(const VecSegmentOptions *options, const float *row, size_t *bytes);

/* The exact distance of two rows, as SQL gives it. */
float cases_distance(const VecSegmentOptions *options, const float *a, const float *b);

/* A number in [0, 1) and a Gaussian that belong to (seed, index). */
double cases_uniform(uint64_t seed, uint64_t index);
double cases_gaussian(uint64_t seed, uint64_t index);

/* The directory is made under TMPDIR; the name lives until the next call. remove deletes what the engine leaves there. */
const char *cases_directory(void);
void cases_remove_directory(const char *directory);

VecBuildOptions cases_options(uint32_t dimensions, VecMetric metric, uint32_t bits);

/* Row i has position 10 i + 5 and its number in the TID. vectors NULL: every vector is NULL. Nothing published. */
VecBuildResult cases_build(const char *directory, const VecBuildOptions *options, const float *vectors,
                           uint32_t count);
VecStamp cases_stamp(uint32_t count);
VecRowId cases_row_id(uint32_t row);
uint32_t cases_id_row(const VecRowId *id);

/*
 * The keys of a row: CASES_KEYS of them, for key_count below that the first. Live until the next call; NULL for no key.
 * 0: 0 .. 99, every 17th row NULL; 1: the row, backwards; 2: 0 .. 3; 3, 4: a signature of two words, every 13th row NULL;
 * 5: any 64 bits.
 */
#define CASES_KEYS         6
#define CASES_KEYS_ORDERED UINT64_C(0x27)
const VecKeys *cases_keys(uint32_t row, uint32_t key_count);

/* Adds what was built to the directory's manifest, and opens what the manifest names. */
void cases_publish(const char *directory, const VecBuildResult *result);
VecIndex *cases_open(const char *directory, const VecBuildOptions *options);

/* What must be asked of an index that was built so; for who wants to ask for something else, or for more. */
VecIndexOpenOptions cases_open_options(const VecBuildOptions *options);

/* Everything above in one. */
VecIndex *cases_index(const char *directory, const VecBuildOptions *options, const float *vectors,
                      uint32_t count);

/* Fails the allocation number fail_at (from 1; 0: none), counts the rest, and knows what is still allocated. Thread safe. */
typedef struct CasesAllocator {
    VecAllocator allocator;
    uint64_t fail_at;
    uint64_t calls;
    int64_t outstanding;
    size_t bytes_largest; /* of one call */
} CasesAllocator;

void cases_allocator_init(CasesAllocator *allocator, uint64_t fail_at);

#endif
