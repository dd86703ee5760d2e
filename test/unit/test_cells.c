/*
 * test_cells.c: codes of residuals: they tell more than those of the same bits without cells, whatever queries and rows are like, their
 * bounds hold as well; training is repeatable, can be interrupted, and copes with few vectors, and with none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cells_train.h"
#include "engine_cases.h"
#include "vectors/distance.h"

#define A          &vec_allocator_default
#define DIMENSIONS 48
#define ROWS       1600
#define QUERIES    60 /* rows behind the others */
#define CENTRES    40

typedef struct Coded {
    VecQuantizer quantizer;
    VecQuantizeScratch scratch;
    VecQuantizerError error;
    VecCodeQuery query;
    float *floats; /* mean and cells */
    VecCodes view;
} Coded;

/* Codes of the rows before the queries, with so many cells. */
static Coded
code_rows(VecMetric metric, uint32_t bits, uint32_t cell_count, const Cases *cases)
{
    Coded coded = {0};
    uint32_t rows = cases->count - QUERIES;
    size_t stride = vec_quantize_stride(DIMENSIONS, bits);
    uint8_t *codes = calloc(1, vec_quantize_bytes(DIMENSIONS, bits, rows));
    VecRowCell *cells = calloc(rows, sizeof(VecRowCell));
    VecFactors *factors = calloc(rows, sizeof(VecFactors));
    double sums[DIMENSIONS] = {0};
    VecQuantizeLengths lengths = {0};
    VecError error;

    coded.floats = calloc(DIMENSIONS + vec_cells_floats(DIMENSIONS, cell_count), sizeof(float));
    for (uint32_t row = 0; row < rows; row++)
        assert_true(vec_quantize_accumulate(metric, DIMENSIONS, cases_row(cases, row), sums, &lengths));
    vec_quantize_mean(DIMENSIONS, sums, rows, &lengths, coded.floats);
    assert_true(
        vec_quantize_init(&coded.quantizer, metric, DIMENSIONS, bits, coded.floats, cell_count, 5, A));
    assert_true(vec_quantize_scratch_init(&coded.scratch, DIMENSIONS, A));
    if (cell_count > 0) {
        VecCellTraining *training = vec_cells_train_create(DIMENSIONS, cell_count, 5, A);

        assert_non_null(training);
        for (uint32_t row = 0; row < rows; row++)
            vec_cells_train_show(training, cases_row(cases, row));
        assert_int_equal(
            vec_cells_train_run(training, &coded.quantizer, coded.floats + DIMENSIONS, 2, NULL, NULL, &error),
            VEC_OK);
        vec_cells_train_free(training);
    }
    for (uint32_t row = 0; row < rows; row++)
        assert_true(vec_quantize_row(&coded.quantizer, cases_row(cases, row), &coded.scratch,
                                     codes + row * stride, &factors[row], &cells[row], &coded.error));
    coded.view = (VecCodes){
        .kernels = coded.quantizer.kernels,
        .kind = VEC_CODE_SCALAR,
        .metric = metric,
        .dimensions = DIMENSIONS,
        .bits = bits,
        .row_count = rows,
        .stride_bytes = stride,
        .codes = codes,
        .factors = factors,
        .mean_norm_sq = coded.quantizer.mean_norm_sq,
        .row_cells = cell_count > 0 ? cells : NULL,
        .cell_means = coded.quantizer.cell_means,
        .cell_count = cell_count,
    };
    if (cell_count == 0)
        free(cells);
    assert_true(vec_codes_query_init(&coded.query, &coded.view, A));
    return coded;
}

static void
coded_free(Coded *coded)
{
    vec_codes_query_free(&coded->query);
    vec_quantize_free(&coded->quantizer);
    vec_quantize_scratch_free(&coded->scratch, A);
    free(coded->floats);
    free((void *)coded->view.codes);
    free((void *)coded->view.factors);
    free((void *)coded->view.row_cells);
}

typedef struct Errors {
    double bias;
    double deviation;
    double bound;  /* the mean of what lower bounds leave for the error */
    double broken; /* the share of rows that are nearer than their lower bound */
} Errors;

static Errors
measure(Coded *coded, const Cases *cases)
{
    Errors errors = {0};
    double sum_sq = 0;
    uint32_t pairs = 0, rows = coded->view.row_count;

    for (uint32_t q = rows; q < cases->count; q++) {
        assert_true(vec_quantize_query(&coded->quantizer, &coded->error, cases_row(cases, q), &coded->scratch,
                                       &coded->query));
        for (uint32_t row = 0; row < rows; row++) {
            double exact =
                vec_distance_f32(coded->view.metric, cases_row(cases, q), cases_row(cases, row), DIMENSIONS);
            float estimate = vec_codes_distance(&coded->view, &coded->query, row) + coded->query.constant;
            float bound = vec_codes_lower_bound(&coded->view, &coded->query, row, estimate);

            errors.bias += estimate - exact;
            sum_sq += (estimate - exact) * (estimate - exact);
            errors.bound += estimate - bound;
            errors.broken += exact < bound;
            pairs++;
        }
    }
    errors.bias /= pairs;
    errors.bound /= pairs;
    errors.broken /= pairs;
    errors.deviation = sqrt(sum_sq / pairs);
    return errors;
}

/* Rows lie around 40 centres, which cells find: what is left of a row is half as long, and so is what is left of a query near it. */
static void
residual_codes_tell_more(void **state)
{
    Cases cases = cases_make(ROWS + QUERIES, DIMENSIONS, CENTRES, 3);

    (void)state;
    for (int metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++) {
        for (uint32_t bits = 1; bits <= 8; bits++) {
            Coded plain = code_rows((VecMetric)metric, bits, 0, &cases);
            Coded residual = code_rows((VecMetric)metric, bits, CENTRES, &cases);
            Errors without = measure(&plain, &cases), with = measure(&residual, &cases);

            if (with.deviation > 0.8 * without.deviation || with.bound > 0.8 * without.bound ||
                fabs(with.bias) > 0.1 * with.deviation ||
                with.broken > (bits < 4   ? 1.0 / 15
                               : bits < 8 ? 1.0 / 25
                                          : 1.0 / 100))
                fail_msg("metric %d, %u bits: deviation %g instead of %g, bound %g instead of %g, bias %g, "
                         "%g below their bound",
                         metric, bits, with.deviation, without.deviation, with.bound, without.bound,
                         with.bias, with.broken);
            coded_free(&plain);
            coded_free(&residual);
        }
    }
    cases_free(&cases);
}

/* Under the dot product queries may be of any length, and under L2 in the middle of everything: never worse than without cells. */
static void
queries_of_any_length_gain(void **state)
{
    static const float lengths[] = {0.001f, 0.1f, 10.0f, 1000.0f};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        Cases cases = cases_make(ROWS + QUERIES, DIMENSIONS, CENTRES, 5);

        for (uint32_t j = 0; j < QUERIES * DIMENSIONS; j++)
            cases.vectors[(size_t)ROWS * DIMENSIONS + j] *= lengths[i];
        for (int metric = VEC_METRIC_L2; metric <= VEC_METRIC_DOT; metric++) {
            Coded plain = code_rows((VecMetric)metric, 2, 0, &cases);
            Coded residual = code_rows((VecMetric)metric, 2, CENTRES, &cases);
            Errors without = measure(&plain, &cases), with = measure(&residual, &cases);

            if (with.deviation > without.deviation || with.bound > without.bound || with.broken > 1.0 / 15)
                fail_msg("metric %d, queries %g times as long: deviation %g instead of %g, bound %g instead "
                         "of %g, %g "
                         "below their bound",
                         metric, (double)lengths[i], with.deviation, without.deviation, with.bound,
                         without.bound, with.broken);
            coded_free(&plain);
            coded_free(&residual);
        }
        cases_free(&cases);
    }
}

/* A cell of its own leaves nothing of a few rows that are equal but rounding, whose direction a code of one bit misses widely. */
static void
copies_do_not_widen_bounds(void **state)
{
    Cases cases = cases_make(ROWS + QUERIES, DIMENSIONS, CENTRES, 6);
    Coded before = code_rows(VEC_METRIC_L2, 1, CENTRES, &cases), after;

    (void)state;
    for (uint32_t row = 0; row < 7; row++)
        for (uint32_t i = 0; i < DIMENSIONS; i++)
            cases_row(&cases, row)[i] = 1.7f + (float)(i % 5);
    after = code_rows(VEC_METRIC_L2, 1, CENTRES, &cases);
    assert_true(after.error.code_error_max < 1.5f * before.error.code_error_max);
    coded_free(&before);
    coded_free(&after);
    cases_free(&cases);
}

/* As long as without cells they would be, and as far as rounding lets tell them apart: code_rows insists. */
static void
small_vectors_are_coded(void **state)
{
    (void)state;
    for (float scale = 1e-11f; scale < 1e12f; scale *= 1e3f) {
        Cases cases = cases_make(ROWS + QUERIES, DIMENSIONS, CENTRES, 7);
        Coded coded;

        for (uint32_t i = 0; i < cases.count * DIMENSIONS; i++)
            cases.vectors[i] *= scale;
        coded = code_rows(VEC_METRIC_L2, 4, CENTRES, &cases);
        assert_true(measure(&coded, &cases).broken < 1.0 / 25);
        coded_free(&coded);
        cases_free(&cases);
    }
}

/* The three ways to a distance give the same, and a row as a query gives what the row as a vector gives, up to its code's error. */
static void
rows_are_compared_from_codes(void **state)
{
    Cases cases = cases_make(ROWS + QUERIES, DIMENSIONS, CENTRES, 4);
    uint32_t rows[QUERIES];
    int32_t sums[QUERIES];
    float listed[QUERIES], ranged[QUERIES];

    (void)state;
    for (uint32_t i = 0; i < QUERIES; i++)
        rows[i] = 7 * i % ROWS;
    for (int metric = VEC_METRIC_L2; metric <= VEC_METRIC_COS; metric++) {
        for (uint32_t bits = 1; bits <= 8; bits++) {
            Coded coded = code_rows((VecMetric)metric, bits, CENTRES, &cases);
            double sum_sq = 0, exact_sq = 0;

            for (uint32_t q = 0; q < QUERIES; q++) {
                vec_codes_query_from_row(&coded.view, q, &coded.query);
                vec_codes_distances(&coded.view, &coded.query, rows, QUERIES, sums, listed);
                vec_codes_distances_range(&coded.view, &coded.query, 3, QUERIES, sums, ranged);
                for (uint32_t i = 0; i < QUERIES; i++) {
                    double exact = vec_distance_f32((VecMetric)metric, cases_row(&cases, q),
                                                    cases_row(&cases, rows[i]), DIMENSIONS);
                    double error = listed[i] + coded.query.constant - exact;

                    assert_true(listed[i] == vec_codes_distance(&coded.view, &coded.query, rows[i]));
                    assert_true(ranged[i] == vec_codes_distance(&coded.view, &coded.query, 3 + i));
                    sum_sq += error * error;
                    exact_sq += exact * exact;
                }
            }
            if (sum_sq > (bits == 8 ? 1e-4 : bits >= 4 ? 2e-3 : 0.1) * exact_sq)
                fail_msg("metric %d, %u bits: %g of the distance", metric, bits, sqrt(sum_sq / exact_sq));
            coded_free(&coded);
        }
    }
    cases_free(&cases);
}

typedef struct Patience {
    uint32_t polls; /* left */
    uint32_t stops;
} Patience;

/* Each time a little later: steps that are begun anew get to their end. */
static bool
stop_later(void *context, uint64_t done, uint64_t total)
{
    Patience *patience = context;

    (void)done, (void)total;
    if (patience->polls-- > 0)
        return false;
    patience->polls = 20 * ++patience->stops;
    return true;
}

/* Cells of so many shown rows; stops: the training is interrupted again and again. */
static float *
train(const Cases *cases, uint32_t shown, uint32_t cell_count, bool stops)
{
    VecCellTraining *training = vec_cells_train_create(DIMENSIONS, cell_count, 9, A);
    float *cells = malloc(vec_cells_floats(DIMENSIONS, cell_count) * sizeof(float)), mean[DIMENSIONS] = {0};
    VecQuantizer quantizer;
    VecStatus status;
    VecError error;
    Patience patience = {0};

    assert_non_null(training);
    assert_true(vec_quantize_init(&quantizer, VEC_METRIC_L2, DIMENSIONS, 4, mean, 0, 5, A));
    for (uint32_t row = 0; row < shown; row++)
        vec_cells_train_show(training, cases_row(cases, row));
    while ((status = vec_cells_train_run(training, &quantizer, cells, 1, stops ? stop_later : NULL, &patience,
                                         &error)) == VEC_INTERRUPTED)
        assert_true(stops);
    assert_int_equal(status, VEC_OK);
    assert_true(!stops || patience.stops > 10);
    vec_cells_train_free(training);
    vec_quantize_free(&quantizer);
    return cells;
}

static void
training_is_repeatable(void **state)
{
    Cases cases = cases_make(ROWS, DIMENSIONS, CENTRES, 8);
    size_t bytes = vec_cells_floats(DIMENSIONS, CENTRES) * sizeof(float);
    float *once = train(&cases, ROWS, CENTRES, false), *again = train(&cases, ROWS, CENTRES, true);
    float *of_few = train(&cases, 70, CENTRES, false), *of_none = train(&cases, 0, CENTRES, false);

    (void)state;
    assert_memory_equal(once, again, bytes);
    for (uint32_t cell = 0; cell < CENTRES; cell++) {
        float square = vec_cells_mean(once, DIMENSIONS, cell)[-1];

        assert_true(isfinite(square) && square > 0);
        assert_int_equal(vec_cells_mean(of_few, DIMENSIONS, cell)[-1] != 0, cell < 2);
        assert_true(vec_cells_mean(of_none, DIMENSIONS, cell)[-1] == 0);
    }
    free(once);
    free(again);
    free(of_few);
    free(of_none);
    cases_free(&cases);
}

/* 32 vectors a cell, as many as there are and as the sample has room for. */
static void
cells_are_as_many_as_can_be_trained(void **state)
{
    (void)state;
    assert_int_equal(vec_cells_train_count(384, 0, 1 << 20), 1);
    assert_int_equal(vec_cells_train_count(384, 100, UINT64_MAX), 3);
    assert_int_equal(vec_cells_train_count(384, 8191, UINT64_MAX), 255);
    assert_int_equal(vec_cells_train_count(384, UINT64_MAX, UINT64_MAX), VEC_CELLS_MAX);
    assert_int_equal(vec_cells_train_count(1024, UINT64_MAX, 1 << 20), 8);
    assert_int_equal(vec_cells_train_count(65535, UINT64_MAX, 0), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_codes_tell_more),
        cmocka_unit_test(rows_are_compared_from_codes),
        cmocka_unit_test(queries_of_any_length_gain),
        cmocka_unit_test(copies_do_not_widen_bounds),
        cmocka_unit_test(small_vectors_are_coded),
        cmocka_unit_test(training_is_repeatable),
        cmocka_unit_test(cells_are_as_many_as_can_be_trained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
