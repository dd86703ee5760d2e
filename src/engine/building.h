/*
 * building.h: a segment under construction, as build.c, build_write.c and merge.c share it.
 */
#ifndef VEC_BUILDING_H
#define VEC_BUILDING_H

#include <xxhash.h>

#include "cells_train.h"
#include "fault_guard.h"
#include "file.h"
#include "format.h"
#include "graph.h"
#include "sealed.h"
#include "vectors/build.h"

typedef enum BuildStage {
    STAGE_SAMPLE,
    STAGE_TRAIN, /* cells */
    STAGE_ADD,
    STAGE_COUNT,  /* all rows are there: how many nodes has each layer? */
    STAGE_CLEAR,  /* lists begin empty */
    STAGE_NUMBER, /* nodes get their numbers */
    STAGE_GRAPH,
    STAGE_SORT, /* exceptions */
    STAGE_KEYS, /* columns of keys are moved together */
    STAGE_ORDER,
    STAGE_WRITE,
    STAGE_DONE
} BuildStage;

struct VecBuild {
    const VecAllocator *allocator;
    VecBuildOptions options;
    char directory[VEC_FILE_PATH_BYTES];
    char temporary[VEC_FILE_PATH_BYTES]; /* "" once it was renamed */
    uint32_t draw;                       /* random part of the names */
    int descriptor;
    BuildStage stage;
    uint64_t row_count_max;
    VecFormatHeader work; /* layout of the work area */
    uint8_t *area;
    uint64_t area_bytes;
    bool in_file;
    VecFaultGuard guard; /* of the area in the file */
    VecGraphLayers layers;
    uint64_t
        stage_done; /* STAGE_CLEAR: bytes; STAGE_SORT: exceptions; STAGE_KEYS: keys; STAGE_WRITE: bytes of the section */
    uint64_t exact_end; /* STAGE_SORT: exceptions before it are exact */
    double *sums;       /* of the sample */
    uint64_t sample_count;
    VecQuantizeLengths sample_lengths;
    uint32_t cell_count;       /* residual codes; else 0 */
    VecCellTraining *training; /* of the cells, until it is done; else NULL */
    float *inherited;          /* what the coder of another segment has, or NULL */
    VecCoder coder;
    VecQuantizeScratch scratch;
    VecQuantizerError quantizer_error;
    uint64_t rows_coded;
    uint64_t code_bytes; /* SPARSE: of the rows so far */
    uint64_t exception_count;
    uint64_t position_last;
    uint64_t rows_exact;
    VecCodes codes;
    VecGraph graph;
    VecPostings postings; /* terms NULL until they were made */
    VecGraphBuild *graph_build;
    VecIvfBuild *ivf_build;
    float *rotated_mean;  /* IVF with spherical centroids */
    uint64_t key_nulls;   /* bit k: some row's key k is NULL */
    uint64_t keys_sorted; /* bit k: key k has its order and grades */
    bool is_sorting;
    bool is_grading;
    VecKeySort key_sort;
    VecKeyGrading key_grading;
    struct VecMerge *merge;   /* the inputs of a merge, until the graph is complete; else NULL */
    const VecGraphBase *base; /* the input whose graph comes along, a part of merge; or NULL */
    VecFormatHeader header;   /* of the file, being written */
    int section;
    XXH3_state_t *checksum;
};

/* A section of the work area. */
static inline void *
vec_build_section(const VecBuild *build, VecSection section)
{
    return build->area + build->work.sections[section].offset;
}

/* The factors of a row in the work area; NULL for codes that have none. */
static inline VecFactors *
vec_build_factors(const VecBuild *build, uint64_t row)
{
    if (!vec_codes_has_factors(build->coder.kind, build->options.segment.metric))
        return NULL;
    return (VecFactors *)vec_build_section(build, VEC_SECTION_FACTORS) + row;
}

/* The cell of a row in the work area; NULL for codes that have none. */
static inline VecRowCell *
vec_build_cell(const VecBuild *build, uint64_t row)
{
    return build->cell_count > 0 ? (VecRowCell *)vec_build_section(build, VEC_SECTION_ROW_CELLS) + row : NULL;
}

/* An object without a file; statuses of vec_build_begin. */
VecStatus vec_build_create(const VecBuildOptions *options, const char *directory,
                           const VecAllocator *allocator, VecBuild **build, VecError *error) VEC_MUST_CHECK;

/* Its temporary file and work area; code_bytes_max counts for SPARSE only. Seed, base, cells and segment options are final. */
VecStatus vec_build_open_area(VecBuild *build, uint64_t row_count_max, uint64_t code_bytes_max,
                              VecError *error) VEC_MUST_CHECK;

/* Begins STAGE_ADD with what the coder has in the work area; its cells may be filled in later. */
VecStatus vec_build_set_coder(VecBuild *build, VecError *error) VEC_MUST_CHECK;

/* Where the next coded row's code goes: so many bytes; NULL if they would be more than was announced. */
uint8_t *vec_build_place_code(VecBuild *build, size_t bytes);

/* Counts the row whose code was put there. */
void vec_build_take_code(VecBuild *build, size_t bytes);

/* The keys of the row in a slot of the ROWS region; to be called only where rows have keys. */
void vec_build_put_keys(VecBuild *build, uint64_t slot, const VecKeys *keys);
void vec_build_swap_keys(VecBuild *build, uint64_t slot, uint64_t other);

/* A step of a few milliseconds; build->stage_done begins at 0. True: there was nothing left to do. */
bool vec_build_compact_keys_some(VecBuild *build);
bool vec_build_order_keys_some(VecBuild *build);

/* VEC_IO: the work area could not be read or written, so what is in it may be wrong. */
VecStatus vec_build_check(const VecBuild *build, VecError *error) VEC_MUST_CHECK;

/* VEC_CORRUPT: an input could not be read, so what was taken from it may be wrong. */
VecStatus vec_merge_check(const VecBuild *build, VecError *error) VEC_MUST_CHECK;

/* Closes the inputs of a merge. */
void vec_merge_release(VecBuild *build);

#endif
