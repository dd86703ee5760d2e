/*
 * coder.c: which kind of code is made how.
 */
#include "coder.h"

#include <inttypes.h>

#include "bits.h"
#include "cells.h"
#include "floats.h"
#include "sparse.h"

uint32_t
vec_coder_mean_count(VecCodeKind kind, uint32_t dimensions)
{
    return kind == VEC_CODE_SCALAR ? dimensions : 0;
}

uint64_t
vec_coder_floats(VecCodeKind kind, uint32_t dimensions, uint32_t cell_count)
{
    return vec_coder_mean_count(kind, dimensions) + vec_cells_floats(dimensions, cell_count);
}

bool
vec_coder_init(VecCoder *coder, const VecSegmentOptions *options, const float *floats, uint32_t cell_count,
               uint64_t seed, const VecAllocator *allocator)
{
    *coder = (VecCoder){
        .kind = vec_codes_kind(options->element_type, options->quantization),
        .metric = options->metric,
        .dimensions = options->dimensions,
        .kernels = vec_simd_kernels(),
    };
    if (coder->kind != VEC_CODE_SCALAR)
        return true;
    return vec_quantize_init(&coder->quantizer, options->metric, options->dimensions,
                             options->quantization_bits, floats, cell_count, seed, allocator);
}

void
vec_coder_free(VecCoder *coder)
{
    vec_quantize_free(&coder->quantizer);
}

bool
vec_coder_scratch_init(VecQuantizeScratch *scratch, VecCodeKind kind, uint32_t dimensions,
                       const VecAllocator *allocator)
{
    return kind != VEC_CODE_SCALAR || vec_quantize_scratch_init(scratch, dimensions, allocator);
}

VecStatus
vec_coder_check(VecElementType element_type, uint32_t dimensions, const void *vector, size_t bytes,
                VecError *error)
{
    switch (vec_codes_kind(element_type, VEC_QUANTIZATION_SCALAR)) {
        case VEC_CODE_SCALAR:
        case VEC_CODE_FLOATS:
            if (bytes == dimensions * sizeof(float))
                return VEC_OK;
            break;
        case VEC_CODE_BITS:
            if (bytes == vec_bits_bytes(dimensions))
                return VEC_OK;
            break;
        case VEC_CODE_SPARSE:
            if (vec_sparse_check(dimensions, vector, bytes))
                return VEC_OK;
            return vec_error_set(error, VEC_INVALID, 0,
                                 "a sparse vector's indexes do not ascend below its %" PRIu32 " dimensions",
                                 dimensions);
    }
    return vec_error_set(error, VEC_INVALID, 0, "a vector of %zu bytes does not fit %" PRIu32 " dimensions",
                         bytes, dimensions);
}

size_t
vec_coder_code_bytes(const VecCoder *coder, const void *vector, size_t bytes)
{
    if (coder->kind != VEC_CODE_SPARSE)
        return vec_codes_stride(coder->kind, coder->dimensions, coder->quantizer.bits);
    return vec_sparse_code_bytes(coder->dimensions, vec_sparse_view(vector, bytes).count);
}

bool
vec_coder_row(const VecCoder *coder, const void *vector, size_t bytes, VecQuantizeScratch *scratch,
              uint8_t *code, VecFactors *factors, VecRowCell *cell, VecQuantizerError *error)
{
    switch (coder->kind) {
        case VEC_CODE_SCALAR:
            return vec_quantize_row(&coder->quantizer, vector, scratch, code, factors, cell, error);
        case VEC_CODE_FLOATS:
            return vec_floats_row(coder->metric, coder->dimensions, vector, code, error);
        case VEC_CODE_BITS:
            return vec_bits_row(coder->metric, coder->dimensions, vector, code, factors);
        case VEC_CODE_SPARSE:
            return vec_sparse_row(coder->metric, coder->dimensions, vec_sparse_view(vector, bytes), code,
                                  factors);
    }
    return false;
}

VecStatus
vec_coder_query(const VecCoder *coder, const VecQuantizerError *error, const void *vector, size_t bytes,
                VecQuantizeScratch *scratch, VecCodeQuery *query)
{
    bool coded = false;

    switch (coder->kind) {
        case VEC_CODE_SCALAR:
            coded = bytes == coder->dimensions * sizeof(float) &&
                    vec_quantize_query(&coder->quantizer, error, vector, scratch, query);
            break;
        case VEC_CODE_FLOATS:
            coded = bytes == coder->dimensions * sizeof(float) &&
                    vec_floats_query(coder->metric, coder->dimensions, error, vector, query);
            break;
        case VEC_CODE_BITS:
            coded = bytes == vec_bits_bytes(coder->dimensions) &&
                    vec_bits_query(coder->metric, coder->dimensions, vector, query);
            break;
        case VEC_CODE_SPARSE:
            if (!vec_sparse_check(coder->dimensions, vector, bytes))
                return VEC_INVALID;
            return vec_sparse_query(coder->metric, coder->dimensions, vec_sparse_view(vector, bytes), query);
    }
    return coded ? VEC_OK : VEC_INVALID;
}
