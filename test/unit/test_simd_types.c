/*
 * test_simd_types.c: the kernels of half precision, bits, int8 and sparse vectors on every instruction set of this machine,
 * against references in double precision or 64-bit integers, directly before an unmapped page, within simd.h's bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simd.h"
#include "simd_cases.h"

static const VecKernels *kernels; /* the table under test */

static const VecKernels *
scalar(void)
{
    return vec_simd_find("scalar", 0);
}

static double
bound_of(size_t n, double absolute)
{
    return ((double)n / 8 + 16) * 0x1p-24 * absolute;
}

/* By the definition of binary16. */
static double
half_value(uint16_t half)
{
    int exponent = half >> 10 & 31;
    double mantissa = half & 1023, value;

    if (exponent == 31)
        value = mantissa != 0 ? NAN : INFINITY;
    else
        value = exponent == 0 ? ldexp(mantissa, -24) : ldexp(mantissa + 1024, exponent - 25);
    return half & 0x8000 ? -value : value;
}

/* The sums of the same n elements as double precision sees them. */
typedef struct Sums {
    double l2sq, dot, l1, norm_sq_a, norm_sq_b, dot_absolute;
} Sums;

static void
sums_add(Sums *sums, double a, double b)
{
    sums->l2sq += (a - b) * (a - b);
    sums->dot += a * b;
    sums->dot_absolute += fabs(a * b);
    sums->l1 += fabs(a - b);
    sums->norm_sq_a += a * a;
    sums->norm_sq_b += b * b;
}

static void
near(const char *what, size_t n, double result, double exact, double bound)
{
    if (!(fabs(result - exact) <= bound))
        fail_msg("%s, %s, n %zu: %.9g, not %.9g within %.3g (seed %llu)", kernels->name, what, n, result,
                 exact, bound, (unsigned long long)cases_seed);
}

static void
check_sums(const Sums *s, size_t n, float l2sq, float dot, float l1, VecCosParts parts)
{
    near("l2sq", n, l2sq, s->l2sq, bound_of(n, s->l2sq));
    near("dot", n, dot, s->dot, bound_of(n, s->dot_absolute));
    near("l1", n, l1, s->l1, bound_of(n, s->l1));
    near("cos dot", n, parts.dot, s->dot, bound_of(n, s->dot_absolute));
    near("cos a", n, parts.norm_sq_a, s->norm_sq_a, bound_of(n, s->norm_sq_a));
    near("cos b", n, parts.norm_sq_b, s->norm_sq_b, bound_of(n, s->norm_sq_b));
}

/* Any finite half, denormals included, but no larger than 16: so that their squares do not drown all others. */
static void
random_halves(uint16_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t r = random_next();

        x[i] = (uint16_t)((r & 0x8000) | (r >> 32) % 0x4c00);
    }
}

static void
check_halves(const uint16_t *a, const uint16_t *b, const float *b_wide, size_t n)
{
    Sums sums = {0}, mixed = {0};

    for (size_t i = 0; i < n; i++) {
        sums_add(&sums, half_value(a[i]), half_value(b[i]));
        sums_add(&mixed, half_value(a[i]), b_wide[i]);
    }
    check_sums(&sums, n, kernels->l2sq_f16(a, b, n), kernels->dot_f16(a, b, n), kernels->l1_f16(a, b, n),
               kernels->cos_f16(a, b, n));
    check_sums(&mixed, n, kernels->l2sq_f16f32(a, b_wide, n), kernels->dot_f16f32(a, b_wide, n),
               kernels->l1_f16f32(a, b_wide, n), kernels->cos_f16f32(a, b_wide, n));
}

static void
halves_at_all_sizes(void **state)
{
    GuardedBuffer a = guarded_new(65536 * 2), b = guarded_new(65536 * 2), wide = guarded_new(65536 * 4);

    for (size_t k = 0; k < cases_sizes_count; k++) {
        size_t n = cases_sizes[k];
        uint16_t *x = guarded_tail(&a, 2 * n), *y = guarded_tail(&b, 2 * n);
        float *z = guarded_tail(&wide, 4 * n);

        random_halves(x, n);
        random_halves(y, n);
        random_floats(z, n);
        check_halves(x, y, z, n);
    }
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&wide);
}

static void
halves_at_all_alignments(void **state)
{
    _Alignas(64) uint16_t a[200], b[200];
    _Alignas(64) float wide[200];

    random_halves(a, 200);
    random_halves(b, 200);
    random_floats(wide, 200);
    for (size_t at_a = 0; at_a < 32; at_a++)
        for (size_t at_b = 0; at_b < 32; at_b += 1 + at_a % 3)
            for (size_t n = 1; n <= 140; n += 1 + n / 5)
                check_halves(a + at_a, b + at_b, wide + at_b, n);
}

static void
special_halves_propagate(void **state)
{
    const uint16_t specials[] = {0x7c00, 0xfc00, 0x7e01, 0x7bff, 0x0001, 0x8000};
    uint16_t a[70], b[70];

    for (size_t n = 1; n <= 70; n++)
        for (size_t at = 0; at < n; at++)
            for (size_t s = 0; s < sizeof(specials) / sizeof(specials[0]); s++) {
                double special = half_value(specials[s]), dot = 2 * special;
                float got;

                memset(a, 0, sizeof(a));
                memset(b, 0, sizeof(b));
                a[at] = specials[s];
                b[at] = 0x4000; /* 2 */
                got = kernels->dot_f16(a, b, n);
                assert_true(isnan(dot) ? isnan(got) : got == (float)dot);
                got = kernels->cos_f16(a, b, n).norm_sq_b;
                assert_true(got == 4.0f);
                got = kernels->l1_f16(a, b, n);
                assert_true(isnan(dot) ? isnan(got) : got == (float)fabs(special - 2));
            }
}

static uint32_t
bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* All 65,536 halves widen to what the definition says, and narrow back to themselves (NaN to any NaN). */
static void
every_half_converts(void **state)
{
    uint16_t *halves = malloc(65536 * 2), *back = malloc(65536 * 2);
    float *wide = malloc(65536 * 4);

    for (size_t i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    kernels->f16_to_f32(halves, wide, 65536);
    kernels->f32_to_f16(wide, back, 65536);
    for (size_t i = 0; i < 65536; i++) {
        double value = half_value(halves[i]);

        assert_int_equal(isnan(wide[i]) != 0, isnan(value) != 0);
        if (!isnan(value)) {
            assert_int_equal(bits_of(wide[i]), bits_of((float)value));
            assert_int_equal(back[i], i);
        } else
            assert_true(isnan(half_value(back[i])));
    }
    free(halves);
    free(back);
    free(wide);
}

/* Around every boundary between two halves, rounding is to the nearer, and to the even one between. */
static void
narrowing_rounds_to_nearest_even(void **state)
{
    for (uint32_t h = 0; h < 0x7c00; h++) {
        /* Where the next half would be infinity its place is 65536, one step beyond 65504. */
        double low = half_value((uint16_t)h), high = h == 0x7bff ? 65536 : half_value((uint16_t)(h + 1));
        float middle = (float)((low + high) / 2); /* exact: a half has 11 bits */
        float from[9] = {nextafterf(middle, 0), middle, nextafterf(middle, INFINITY)};
        uint16_t to[9], even = (uint16_t)(h & 1 ? h + 1 : h);

        for (size_t i = 3; i < 9; i++)
            from[i] = i < 6 ? -from[i - 3] : from[i - 6];
        kernels->f32_to_f16(from, to, 9);
        for (size_t i = 0; i < 9; i++) {
            uint16_t sign = i / 3 == 1 ? 0x8000 : 0;
            uint16_t wanted = i % 3 == 0 ? (uint16_t)h : i % 3 == 1 ? even : (uint16_t)(h + 1);

            assert_int_equal(to[i], wanted | sign);
        }
    }
}

static void
narrowing_special_values(void **state)
{
    const float from[] = {65519.996f, 65520.0f, 1e30f,   INFINITY,    -INFINITY,
                          -0.0f,      1e-30f,   -1e-30f, FLT_TRUE_MIN};
    const uint16_t wanted[] = {0x7bff, 0x7c00, 0x7c00, 0x7c00, 0xfc00, 0x8000, 0, 0x8000, 0};
    uint16_t to[40];
    float padded[40];

    /* In every lane of the vector loop and in every place of the tail. */
    for (size_t at = 0; at < 30; at++) {
        memset(padded, 0, sizeof(padded));
        memcpy(padded + at, from, sizeof(from));
        kernels->f32_to_f16(padded, to, at + 9);
        for (size_t i = 0; i < 9; i++)
            assert_int_equal(to[at + i], wanted[i]);
        padded[at] = NAN;
        kernels->f32_to_f16(padded, to, at + 9);
        assert_true(isnan(half_value(to[at])));
    }
}

/* Conversions write exactly n elements, and the same bits as the scalar ones, the payload of a NaN apart. */
static void
conversions_at_all_sizes(void **state)
{
    enum { N = 130 };
    GuardedBuffer narrow = guarded_new(N * 2), wide = guarded_new(N * 4);

    for (size_t n = 0; n <= N; n++) {
        uint16_t *halves = guarded_tail(&narrow, 2 * n), wanted_halves[N];
        float *floats = guarded_tail(&wide, 4 * n), wanted[N];

        random_bytes(floats, 4 * n);
        kernels->f32_to_f16(floats, halves, n);
        scalar()->f32_to_f16(floats, wanted_halves, n);
        for (size_t i = 0; i < n; i++)
            assert_true(isnan(floats[i]) ? isnan(half_value(halves[i])) : halves[i] == wanted_halves[i]);
        random_bytes(halves, 2 * n);
        kernels->f16_to_f32(halves, floats, n);
        scalar()->f16_to_f32(halves, wanted, n);
        for (size_t i = 0; i < n; i++)
            assert_true(isnan(wanted[i]) ? isnan(floats[i]) : bits_of(floats[i]) == bits_of(wanted[i]));
    }
    guarded_free(&narrow);
    guarded_free(&wide);
}

static uint32_t
count_ones(const uint8_t *a, const uint8_t *b, size_t bytes, int exclusive)
{
    uint32_t count = 0;

    for (size_t i = 0; i < 8 * bytes; i++) {
        int x = a[i / 8] >> (i % 8) & 1, y = b[i / 8] >> (i % 8) & 1;

        count += (uint32_t)(exclusive ? x != y : x && y);
    }
    return count;
}

static void
check_bits(const uint8_t *a, const uint8_t *b, size_t bytes)
{
    VecBitCounts counts = kernels->count_bits(a, b, bytes);

    assert_int_equal(kernels->hamming_bits(a, b, bytes), count_ones(a, b, bytes, 1));
    assert_int_equal(counts.both, count_ones(a, b, bytes, 0));
    assert_int_equal(counts.a, count_ones(a, a, bytes, 0));
    assert_int_equal(counts.b, count_ones(b, b, bytes, 0));
}

static void
bits_are_exact(void **state)
{
    GuardedBuffer a = guarded_new(8192), b = guarded_new(8192);

    for (size_t k = 0; k < cases_sizes_count && cases_sizes[k] <= 8192; k++)
        for (int full = 0; full < 2; full++) {
            size_t bytes = cases_sizes[k];
            uint8_t *x = guarded_tail(&a, bytes), *y = guarded_tail(&b, bytes);

            random_bytes(x, bytes);
            random_bytes(y, bytes);
            if (full) {
                memset(x, 0xff, bytes);
                memset(y, 0, bytes);
            }
            check_bits(x, y, bytes);
            check_bits(y, x, bytes);
        }
    guarded_free(&a);
    guarded_free(&b);
}

static void
bits_at_odd_addresses(void **state)
{
    uint8_t a[256], b[256];

    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    for (size_t at = 0; at < 64; at++)
        for (size_t bytes = 1; bytes <= 128; bytes += 1 + bytes / 4)
            check_bits(a + at, b + (at * 7 & 63), bytes);
}

static void
bit_batches_equal_single_rows(void **state)
{
    enum { ROWS = 30, COUNT_MAX = 21 };
    const size_t sizes[] = {0, 1, 7, 8, 31, 32, 48, 63, 64, 96, 100, 384, 1100};

    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        size_t bytes = sizes[k];
        GuardedBuffer memory = guarded_new(ROWS * bytes), query_memory = guarded_new(bytes);
        uint8_t *rows = guarded_tail(&memory, ROWS * bytes), *query = guarded_tail(&query_memory, bytes);

        random_bytes(rows, ROWS * bytes);
        random_bytes(query, bytes);
        for (size_t count = 0; count <= COUNT_MAX; count++)
            for (int listed = 0; listed < 2; listed++) {
                uint32_t ids[COUNT_MAX];
                int32_t hamming[COUNT_MAX + 1], both[COUNT_MAX + 1];

                for (size_t i = 0; i < count; i++)
                    ids[i] = listed ? (uint32_t)(random_next() % ROWS) : (uint32_t)i;
                hamming[count] = both[count] = 12345;
                kernels->hamming_bits_batch(rows, bytes, listed ? ids : NULL, count, query, bytes, hamming);
                kernels->and_bits_batch(rows, bytes, listed ? ids : NULL, count, query, bytes, both);
                for (size_t i = 0; i < count; i++) {
                    const uint8_t *row = rows + ids[i] * bytes;

                    assert_int_equal(hamming[i], count_ones(row, query, bytes, 1));
                    assert_int_equal(both[i], count_ones(row, query, bytes, 0));
                }
                assert_int_equal(hamming[count], 12345);
                assert_int_equal(both[count], 12345);
            }
        guarded_free(&memory);
        guarded_free(&query_memory);
    }
}

static void
check_i8(const int8_t *a, const int8_t *b, size_t n)
{
    VecI8Sums sums = kernels->sums_i8(a, b, n);
    int64_t ab = 0, sum_a = 0, sum_b = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        ab += a[i] * b[i];
        sum_a += a[i];
        sum_b += b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    assert_int_equal(sums.ab, ab);
    assert_int_equal(sums.a, sum_a);
    assert_int_equal(sums.b, sum_b);
    assert_int_equal(sums.aa, aa);
    assert_int_equal(sums.bb, bb);
}

static void
int8_sums_are_exact(void **state)
{
    const int8_t extremes[3][2] = {{-128, -128}, {-128, 127}, {127, 127}};
    GuardedBuffer a = guarded_new(65536), b = guarded_new(65536);

    for (size_t k = 0; k < cases_sizes_count; k++)
        for (int extreme = 0; extreme < 4; extreme++) {
            size_t n = cases_sizes[k];
            int8_t *x = guarded_tail(&a, n), *y = guarded_tail(&b, n);

            random_bytes(x, n);
            random_bytes(y, n);
            if (extreme < 3) {
                memset(x, extremes[extreme][0], n);
                memset(y, extremes[extreme][1], n);
            }
            check_i8(x, y, n);
        }
    for (size_t at = 0; at < 64; at++)
        check_i8((int8_t *)a.map + at, (int8_t *)b.map + at / 2, 100 + at);
    guarded_free(&a);
    guarded_free(&b);
}

typedef struct Sparse {
    GuardedBuffer index_memory, value_memory;
    uint32_t *indexes;
    float *values;
    size_t count;
} Sparse;

/* About count elements out of so many dimensions. */
static void
sparse_fill(Sparse *s, size_t count, size_t dimensions)
{
    size_t taken = 0;

    s->indexes = guarded_tail(&s->index_memory, 4 * count);
    for (size_t i = 0; i < dimensions && taken < count; i++)
        if (random_next() % (dimensions - i) < count - taken)
            s->indexes[taken++] = (uint32_t)i;
    s->count = taken;
    s->values = guarded_tail(&s->value_memory, 4 * taken);
    random_floats(s->values, taken);
}

static double
sparse_at(const Sparse *s, uint32_t index, size_t *from)
{
    while (*from < s->count && s->indexes[*from] < index)
        ++*from;
    return *from < s->count && s->indexes[*from] == index ? s->values[*from] : 0;
}

static void
check_sparse(const Sparse *a, const Sparse *b, size_t dimensions)
{
    Sums sums = {0};
    size_t from_a = 0, from_b = 0, terms = 0;
    float l2sq = kernels->l2sq_sparse(a->indexes, a->values, a->count, b->indexes, b->values, b->count);
    float dot = kernels->dot_sparse(a->indexes, a->values, a->count, b->indexes, b->values, b->count);
    float l1 = kernels->l1_sparse(a->indexes, a->values, a->count, b->indexes, b->values, b->count);
    VecCosParts parts = kernels->cos_sparse(a->indexes, a->values, a->count, b->indexes, b->values, b->count);

    for (uint32_t i = 0; i < dimensions; i++) {
        double x = sparse_at(a, i, &from_a), y = sparse_at(b, i, &from_b);

        sums_add(&sums, x, y);
        terms += x != 0 || y != 0;
    }
    check_sums(&sums, terms, l2sq, dot, l1, parts);
}

static void
sparse_at_all_sizes(void **state)
{
    const size_t counts[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 33, 64, 100, 200, 500};
    const size_t dimensions[] = {500, 700, 2000, 30000};
    const size_t kinds = sizeof(counts) / sizeof(counts[0]);
    Sparse a = {.index_memory = guarded_new(4096), .value_memory = guarded_new(4096)};
    Sparse b = {.index_memory = guarded_new(4096), .value_memory = guarded_new(4096)};

    for (size_t d = 0; d < sizeof(dimensions) / sizeof(dimensions[0]); d++)
        for (size_t i = 0; i < kinds; i++)
            for (size_t j = 0; j < kinds; j++) {
                sparse_fill(&a, counts[i], dimensions[d]);
                sparse_fill(&b, counts[j], dimensions[d]);
                check_sparse(&a, &b, dimensions[d]);
                check_sparse(&a, &a, dimensions[d]);
            }
    /* Small and dense: every pattern of meeting within and across the blocks of eight. */
    for (int round = 0; round < 3000; round++) {
        size_t width = 1 + random_next() % 60;

        sparse_fill(&a, 1 + random_next() % width, width);
        sparse_fill(&b, 1 + random_next() % width, width);
        check_sparse(&a, &b, width);
    }
    guarded_free(&a.index_memory);
    guarded_free(&a.value_memory);
    guarded_free(&b.index_memory);
    guarded_free(&b.value_memory);
}

static void
sparse_cosine_of_equal_vectors_is_one(void **state)
{
    uint32_t indexes[100];
    float values[100];

    for (uint32_t i = 0; i < 100; i++)
        indexes[i] = i * 3;
    for (size_t n = 1; n <= 100; n++) {
        VecCosParts parts;

        random_floats(values, n);
        parts = kernels->cos_sparse(indexes, values, n, indexes, values, n);
        assert_true(parts.dot == parts.norm_sq_a && parts.dot == parts.norm_sq_b);
    }
}

/* As in a dense vector: infinity times the other side's 0 is NaN, infinity minus 0 infinity; met or not, in any place. */
static void
sparse_special_values(void **state)
{
    uint32_t a_indexes[40], b_indexes[40];
    float a[40], b[40];

    for (size_t n = 1; n <= 40; n++)
        for (size_t at = 0; at < n; at++)
            for (int met = 0; met < 2; met++) {
                float dot, l2sq;

                for (size_t i = 0; i < n; i++) {
                    a_indexes[i] = (uint32_t)(2 * i);
                    b_indexes[i] = (uint32_t)(i == at && met ? 2 * i : 2 * i + 1);
                    a[i] = b[i] = 1;
                }
                a[at] = INFINITY;
                dot = kernels->dot_sparse(a_indexes, a, n, b_indexes, b, n);
                l2sq = kernels->l2sq_sparse(a_indexes, a, n, b_indexes, b, n);
                assert_true(met ? dot == INFINITY : isnan(dot));
                assert_true(l2sq == INFINITY);
                dot = kernels->dot_sparse(b_indexes, b, n, a_indexes, a, n);
                assert_true(met ? dot == INFINITY : isnan(dot));
                a[at] = NAN;
                assert_true(isnan(kernels->dot_sparse(a_indexes, a, n, b_indexes, b, n)));
                assert_true(isnan(kernels->l1_sparse(b_indexes, b, n, a_indexes, a, n)));
            }
}

static void
sparse_with_dense(void **state)
{
    enum { DIMENSIONS = 1500 };
    Sparse s = {.index_memory = guarded_new(4096), .value_memory = guarded_new(4096)};
    GuardedBuffer dense_memory = guarded_new(DIMENSIONS * 4);
    float *dense = guarded_tail(&dense_memory, DIMENSIONS * 4);

    random_floats(dense, DIMENSIONS);
    for (size_t count = 0; count <= 300; count++) {
        double exact = 0, absolute = 0;

        sparse_fill(&s, count, DIMENSIONS);
        for (size_t i = 0; i < s.count; i++) {
            double term = (double)s.values[i] * dense[s.indexes[i]];

            exact += term;
            absolute += fabs(term);
        }
        near("sparse with dense", count, kernels->dot_sparse_dense(s.indexes, s.values, s.count, dense),
             exact, bound_of(count, absolute));
    }
    guarded_free(&s.index_memory);
    guarded_free(&s.value_memory);
    guarded_free(&dense_memory);
}

static int
set_table(void **state)
{
    kernels = *state;
    return 0;
}

int
main(void)
{
    int failures = 0;
    size_t count;
    const VecKernels *const *tables = vec_simd_tables(&count);

    for (size_t i = 0; i < count; i++) {
        void *table = (void *)tables[i];
        const struct CMUnitTest each[] = {
            TABLE_TEST(halves_at_all_sizes),
            TABLE_TEST(halves_at_all_alignments),
            TABLE_TEST(special_halves_propagate),
            TABLE_TEST(every_half_converts),
            TABLE_TEST(narrowing_rounds_to_nearest_even),
            TABLE_TEST(narrowing_special_values),
            TABLE_TEST(conversions_at_all_sizes),
            TABLE_TEST(bits_are_exact),
            TABLE_TEST(bits_at_odd_addresses),
            TABLE_TEST(bit_batches_equal_single_rows),
            TABLE_TEST(int8_sums_are_exact),
            TABLE_TEST(sparse_at_all_sizes),
            TABLE_TEST(sparse_cosine_of_equal_vectors_is_one),
            TABLE_TEST(sparse_special_values),
            TABLE_TEST(sparse_with_dense),
        };

        if (tables[i]->features & ~(vec_cpu_features() | cases_emulated_features)) {
            printf("not on this CPU: %s\n", tables[i]->name);
            continue;
        }
        failures += cmocka_run_group_tests_name(tables[i]->name, each, NULL, NULL);
    }
    return failures != 0;
}
