/*
 * quantize.h: scalar codes: a vector becomes small integers and two floats, and a distance becomes an integer dot product.
 *
 * With r = rotate(x - mean) (x of length 1 under cosine), a row keeps integers c and factors a, f with r ~ f c; a query
 * keeps its own residual s as int8 q8 with s ~ g q8. For every metric
 *
 *     distance(x, q) = a_x + K_q + f_x (scale_q * <c_x, q8>)
 *
 *     metric   a                K                      scale
 *     L2       |r|^2            |s|^2                  -2 g
 *     DOT      -<r, mean>       -<q, mean>             -g
 *     COS      -<r, mean>       1 - <q, mean>          -g
 *
 * where the sums with the mean are taken before rotating. f is |r|^2 / <c, r> rather than the step of the grid: then the
 * estimate of <r, s> is unbiased over random rotations (RaBitQ: Gao & Long 2024; more bits: Gao et al. 2025), and its
 * standard deviation is |r| |s| tan(c, r) / sqrt(d - 1), from which lower bounds come.
 *
 * Residual codes (a coarse quantizer before the fine one: Jégou et al. 2011) split the space of r and s into cells, each around a mean m,
 * and code what is left of r: r = m + t, t ~ f c. For any p, <r, s> = <m, s> + p <m, t> + <s - p m, t>, of which only the last term is
 * estimated, as f (<c, s> - p <c, m>); p = <m, s> / |m|^2 leaves the least of s. So
 *
 *     distance(x, q) = a_x + K_q - w <m, s> + w p (f_x <c, m> - <m, t>) + f_x (scale_q * <c_x, q8>)         w: 2 for L2, else 1
 *
 * where m's part and the weight w p are numbers of a cell and a query, and the shift behind it is one that the row keeps. The estimate's
 * error is that of t and s - p m, which is never longer than s, as t is hardly ever longer than r.
 */
#ifndef VEC_QUANTIZE_H
#define VEC_QUANTIZE_H

#include "codes.h"
#include "rotate.h"

/* What bounds a segment's errors: the largest |c| and the largest |c| tan(c, r) of its rows. */
typedef struct VecQuantizerError {
    float code_norm_max;
    float code_error_max;
} VecQuantizerError;

typedef struct VecQuantizer {
    const VecKernels *kernels;
    VecMetric metric;
    uint32_t dimensions;
    uint32_t bits;
    const float *mean; /* not owned */
    double mean_norm_sq;
    const float *cell_means; /* not owned */
    uint32_t cell_count;     /* 0: codes are of r itself */
    VecRotation rotation;
} VecQuantizer;

/* Room for one vector under way; one a thread. */
typedef struct VecQuantizeScratch {
    float *residual;
    float *levels;
    uint8_t *codes;
    void *memory;
} VecQuantizeScratch;

/* Floats that a scratch array of so many dimensions has, padded. */
size_t vec_quantize_floats(uint32_t dimensions);

/* Bytes from row to row, and bytes that must be readable for row_count rows (kernels read past a short last row). */
size_t vec_quantize_stride(uint32_t dimensions, uint32_t bits);
size_t vec_quantize_bytes(uint32_t dimensions, uint32_t bits, uint64_t row_count);

/* The mean, and behind it those of the cells, must outlive the quantizer. False: no memory. */
bool vec_quantize_init(VecQuantizer *quantizer, VecMetric metric, uint32_t dimensions, uint32_t bits,
                       const float *mean, uint32_t cell_count, uint64_t seed, const VecAllocator *allocator);
void vec_quantize_free(VecQuantizer *quantizer);

bool vec_quantize_scratch_init(VecQuantizeScratch *scratch, uint32_t dimensions,
                               const VecAllocator *allocator);
void vec_quantize_scratch_free(VecQuantizeScratch *scratch, const VecAllocator *allocator);

/* How long the vectors are that were added up: those that are zero, or as good as zero, left out. */
typedef struct VecQuantizeLengths {
    double log_sum;
    uint64_t count;
} VecQuantizeLengths;

/*
 * Adds a vector to sums of `dimensions` doubles as the mean sees it (of length 1 under cosine); false and nothing added if it
 * cannot be coded.
 */
bool vec_quantize_accumulate(VecMetric metric, uint32_t dimensions, const float *x, double *sums,
                             VecQuantizeLengths *lengths);

/*
 * Makes the mean of the sums of `count` vectors. Zeros if it is more than twice as long as the vectors themselves (their
 * geometric mean): then few that are far longer than the others have pulled it away from these. Their residuals would be all
 * alike, and codes of those tell nothing (20,000 rows, one of them a million times as long: recall at 4 bits 0.03, else 0.99).
 */
void vec_quantize_mean(uint32_t dimensions, const double *sums, uint64_t count,
                       const VecQuantizeLengths *lengths, float *mean);

/* residual = rotate(x - mean), x of length 1 under cosine; *norm_sq its square, *mean_dot = <residual, mean>. False: out of range. */
bool vec_quantize_residual(const VecQuantizer *quantizer, const float *x, float *residual, float *norm_sq,
                           float *mean_dot);

/* Codes one vector into stride bytes, and widens *error by it; cell may be NULL where there are none. False: no code can represent it. */
bool vec_quantize_row(const VecQuantizer *quantizer, const float *x, VecQuantizeScratch *scratch,
                      uint8_t *code, VecFactors *factors, VecRowCell *cell, VecQuantizerError *error);

/* Makes a query of a vector; query->values must point to its bytes, and cell_parts and the others to theirs. False as above. */
bool vec_quantize_query(const VecQuantizer *quantizer, const VecQuantizerError *error, const float *x,
                        VecQuantizeScratch *scratch, VecCodeQuery *query);

/* Makes a query of a coded row: distances between two rows, from codes alone. */
void vec_quantize_query_from_row(const VecCodes *codes, uint32_t row, VecCodeQuery *query);

/* A coded row as vec_quantize_residual would have it. query->values, scratch here, become those of its code; codes->ones is not needed. */
void vec_quantize_decode(const VecCodes *codes, uint32_t row, VecCodeQuery *query, float *residual);

/*
 * distances[k] = a + f (scale <c, q8>) and the cell's part, without the query's constant, for rows[k], k < count. sums is scratch of
 * count integers. Rows are trusted.
 */
void vec_quantize_distances(const VecCodes *codes, const VecCodeQuery *query, const uint32_t *rows,
                            uint32_t count, int32_t *sums, float *distances);

/* The same for the rows first_row + k. */
void vec_quantize_distances_range(const VecCodes *codes, const VecCodeQuery *query, uint32_t first_row,
                                  uint32_t count, int32_t *sums, float *distances);

/* One of the above, for where a batch would be of one. */
float vec_quantize_distance(const VecCodes *codes, const VecCodeQuery *query, uint32_t row);

#endif
