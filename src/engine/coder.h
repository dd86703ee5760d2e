/*
 * coder.h: makes codes, and queries, of vectors in the shape that vectors/segment.h gives them.
 */
#ifndef VEC_CODER_H
#define VEC_CODER_H

#include "codes.h"
#include "quantize.h"
#include "vectors/segment.h"
#include "vectors/status.h"

typedef struct VecCoder {
    VecCodeKind kind;
    VecMetric metric;
    uint32_t dimensions;
    const VecKernels *kernels;
    VecQuantizer quantizer; /* SCALAR */
} VecCoder;

/* Elements of the mean, of the sums that training adds up: 0 for kinds without training. */
uint32_t vec_coder_mean_count(VecCodeKind kind, uint32_t dimensions);

/* Floats that a segment stores for its coder: the mean, and behind it the cells (cells.h). */
uint64_t vec_coder_floats(VecCodeKind kind, uint32_t dimensions, uint32_t cell_count);

/* The floats must outlive the coder. False: no memory; free it in any case. */
bool vec_coder_init(VecCoder *coder, const VecSegmentOptions *options, const float *floats,
                    uint32_t cell_count, uint64_t seed, const VecAllocator *allocator);
void vec_coder_free(VecCoder *coder);

/* False: no memory. vec_quantize_scratch_free frees it. */
bool vec_coder_scratch_init(VecQuantizeScratch *scratch, VecCodeKind kind, uint32_t dimensions,
                            const VecAllocator *allocator);

/* Whether bytes have the shape of a vector of that type and dimensions. VEC_INVALID says what is wrong. */
VecStatus vec_coder_check(VecElementType element_type, uint32_t dimensions, const void *vector, size_t bytes,
                          VecError *error) VEC_MUST_CHECK;

/* Bytes that the code of a (checked) vector takes. */
size_t vec_coder_code_bytes(const VecCoder *coder, const void *vector, size_t bytes);

/*
 * Codes one (checked) vector into so many bytes, and widens *error by it; factors and cell are NULL for codes that have none.
 * False: no code can represent it.
 */
bool vec_coder_row(const VecCoder *coder, const void *vector, size_t bytes, VecQuantizeScratch *scratch,
                   uint8_t *code, VecFactors *factors, VecRowCell *cell, VecQuantizerError *error);

/* Makes a query of a vector. VEC_INVALID: another shape, or no code can represent it. VEC_NO_MEMORY. */
VecStatus vec_coder_query(const VecCoder *coder, const VecQuantizerError *error, const void *vector,
                          size_t bytes, VecQuantizeScratch *scratch, VecCodeQuery *query) VEC_MUST_CHECK;

#endif
