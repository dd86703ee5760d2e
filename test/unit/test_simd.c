/*
 * test_simd.c: every kernel of every instruction set of this machine against a reference in double precision (floats) or
 * 64-bit integers (codes), at all small dimensions and alignments, directly before an unmapped page, within simd.h's bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simd.h"
#include "simd_cases.h"

static const VecKernels *kernels; /* the table under test */

typedef enum FloatSum { SUM_L2SQ, SUM_DOT, SUM_L1, SUM_COS_DOT, SUM_COS_A, SUM_COS_B, SUM_COUNT } FloatSum;

static float
run_float(FloatSum sum, const float *a, const float *b, size_t n)
{
    switch (sum) {
        case SUM_L2SQ:
            return kernels->l2sq_f32(a, b, n);
        case SUM_DOT:
            return kernels->dot_f32(a, b, n);
        case SUM_L1:
            return kernels->l1_f32(a, b, n);
        case SUM_COS_DOT:
            return kernels->cos_f32(a, b, n).dot;
        case SUM_COS_A:
            return kernels->cos_f32(a, b, n).norm_sq_a;
        default:
            return kernels->cos_f32(a, b, n).norm_sq_b;
    }
}

static double
term_of(FloatSum sum, double a, double b)
{
    switch (sum) {
        case SUM_L2SQ:
            return (a - b) * (a - b);
        case SUM_L1:
            return fabs(a - b);
        case SUM_COS_A:
            return a * a;
        case SUM_COS_B:
            return b * b;
        default:
            return a * b;
    }
}

/* All six sums of these operands, against double precision, within the bound of simd.h. */
static void
check_floats(const float *a, const float *b, size_t n, const char *what)
{
    for (FloatSum sum = 0; sum < SUM_COUNT; sum++) {
        double exact = 0, absolute = 0, bound;
        float result = run_float(sum, a, b, n);

        for (size_t i = 0; i < n; i++) {
            double term = term_of(sum, a[i], b[i]);

            exact += term;
            absolute += fabs(term);
        }
        bound = ((double)n / 8 + 16) * 0x1p-24 * absolute;
        if (!(fabs(result - exact) <= bound))
            fail_msg("%s, sum %d, n %zu, %s: %.9g, not %.9g within %.3g (seed %llu)", kernels->name, sum, n,
                     what, result, exact, bound, (unsigned long long)cases_seed);
    }
}

static void
floats_at_all_sizes(void **state)
{
    GuardedBuffer a = guarded_new(VEC_SIMD_FHT_MAX * sizeof(float));
    GuardedBuffer b = guarded_new(VEC_SIMD_FHT_MAX * sizeof(float));

    for (size_t k = 0; k < cases_sizes_count; k++) {
        size_t n = cases_sizes[k];
        float *x = guarded_tail(&a, n * sizeof(float)), *y = guarded_tail(&b, n * sizeof(float));

        random_floats(x, n);
        random_floats(y, n);
        check_floats(x, y, n, "before a guard page");
        check_floats(x, x, n, "the same vector twice");
    }
    guarded_free(&a);
    guarded_free(&b);
}

static void
floats_at_all_alignments(void **state)
{
    _Alignas(64) float a[160], b[160];

    random_floats(a, 160);
    random_floats(b, 160);
    for (size_t at_a = 0; at_a < 16; at_a++)
        for (size_t at_b = 0; at_b < 16; at_b++)
            for (size_t n = 1; n <= 140; n += 1 + n / 8)
                check_floats(a + at_a, b + at_b, n, "at an odd address");
}

/* What one special element does to a sum must not depend on where it stands, nor on the instruction set. */
static void
special_values_propagate(void **state)
{
    const float specials[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, FLT_TRUE_MIN, -0.0f};
    float a[70], b[70];

    for (size_t n = 1; n <= 70; n++)
        for (size_t at = 0; at < n; at++)
            for (size_t s = 0; s < sizeof(specials) / sizeof(specials[0]); s++)
                for (FloatSum sum = 0; sum < SUM_COUNT; sum++) {
                    float result, wanted;

                    for (size_t i = 0; i < n; i++)
                        a[i] = b[i] = 0.0f;
                    a[at] = specials[s];
                    b[at] = 2.0f;
                    result = run_float(sum, a, b, n);
                    wanted = (float)term_of(sum, a[at], b[at]);
                    if (sum == SUM_COS_B ? result != 4.0f : isnan(wanted) ? !isnan(result) : result != wanted)
                        fail_msg("%s, sum %d, n %zu: %g at %zu gave %g, not %g", kernels->name, sum, n,
                                 specials[s], at, result, wanted);
                }
}

static void
sums_overflow_to_infinity_and_denormals_count(void **state)
{
    float a[100], b[100];

    for (size_t i = 0; i < 100; i++)
        a[i] = 1e19f, b[i] = -1e19f;
    assert_true(kernels->l2sq_f32(a, b, 100) == INFINITY);
    assert_true(kernels->dot_f32(a, b, 100) == -INFINITY);
    assert_true(kernels->cos_f32(a, b, 100).norm_sq_a == INFINITY);
    for (size_t i = 0; i < 100; i++)
        a[i] = FLT_TRUE_MIN, b[i] = 1.0f;
    assert_true(kernels->dot_f32(a, b, 100) == 100 * FLT_TRUE_MIN);
    for (size_t i = 0; i < 100; i++)
        b[i] = 0.0f;
    assert_true(kernels->l1_f32(a, b, 100) == 100 * FLT_TRUE_MIN);
}

static void
cosine_parts_of_equal_vectors_are_equal(void **state)
{
    float a[200], b[200];

    for (size_t n = 1; n <= 200; n++) {
        VecCosParts parts;

        random_floats(a, n);
        memcpy(b, a, n * sizeof(float));
        parts = kernels->cos_f32(a, b, n);
        assert_true(parts.dot == parts.norm_sq_a && parts.dot == parts.norm_sq_b);
    }
}

/*
 * Codes. The row is random and so is what follows it up to the bytes that a kernel may read; the query is followed by zeros;
 * after both comes a guard page.
 */
typedef struct CodeCase {
    GuardedBuffer row_memory, query_memory;
    uint8_t *u8, *u4, *u1;
    int8_t *query;
    int64_t u8_sum, u4_sum, u1_sum;
} CodeCase;

static void
code_case_fill(CodeCase *c, size_t n, int extreme)
{
    uint8_t *codes = malloc(n + 1);
    size_t queried = VEC_SIMD_QUERY_BYTES(n);

    c->query = guarded_tail(&c->query_memory, queried);
    memset(c->query, 0, queried);
    c->u8 = guarded_tail(&c->row_memory, VEC_SIMD_U8_BYTES(n) + VEC_SIMD_U4_BYTES(n) + VEC_SIMD_U1_BYTES(n));
    random_bytes(c->u8, VEC_SIMD_U8_BYTES(n));
    c->u4 = c->u8 + VEC_SIMD_U8_BYTES(n);
    c->u1 = c->u4 + VEC_SIMD_U4_BYTES(n);
    random_bytes(c->u1, VEC_SIMD_U1_BYTES(n)); /* bits beyond n too: they must not count */
    random_bytes(c->query, n);
    c->u8_sum = c->u4_sum = c->u1_sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (extreme) {
            c->u8[i] = 255;
            c->query[i] = extreme > 0 ? 127 : -128;
        }
        codes[i] = c->u8[i] & 15;
        c->u8_sum += c->u8[i] * c->query[i];
        c->u4_sum += codes[i] * c->query[i];
        if (extreme)
            c->u1[i / 8] |= (uint8_t)(1 << i % 8);
        c->u1_sum += (c->u1[i / 8] >> i % 8 & 1) * c->query[i];
    }
    vec_simd_pack_u4(codes, n, c->u4);
    /* Whatever stands in the nibbles beyond n must not count. */
    for (size_t i = n; i < VEC_SIMD_U4_BYTES(n) * 2; i++)
        c->u4[i / 128 * 64 + i % 64] |= (uint8_t)((i * 7 + 1) & 15) << (i % 128 / 64 * 4);
    free(codes);
}

static void
codes_are_exact(void **state)
{
    CodeCase c = {.row_memory = guarded_new(200000), .query_memory = guarded_new(VEC_SIMD_CODES_MAX + 128)};

    for (size_t k = 0; k < cases_sizes_count; k++)
        for (int extreme = -1; extreme <= 1; extreme++) {
            size_t n = cases_sizes[k];

            code_case_fill(&c, n, extreme);
            assert_int_equal(kernels->dot_u1s8(c.u1, c.query, n), c.u1_sum);
            /* The u4 and the u8 row before the guard page as well. */
            memmove(guarded_tail(&c.row_memory, VEC_SIMD_U4_BYTES(n)), c.u4, VEC_SIMD_U4_BYTES(n));
            assert_int_equal(kernels->dot_u4s8(guarded_tail(&c.row_memory, VEC_SIMD_U4_BYTES(n)), c.query, n),
                             c.u4_sum);
            memmove(guarded_tail(&c.row_memory, VEC_SIMD_U8_BYTES(n)), c.u8, VEC_SIMD_U8_BYTES(n));
            c.u8 = guarded_tail(&c.row_memory, VEC_SIMD_U8_BYTES(n));
            assert_int_equal(kernels->dot_u8s8(c.u8, c.query, n), c.u8_sum);
        }
    guarded_free(&c.row_memory);
    guarded_free(&c.query_memory);
}

static void
codes_at_odd_addresses(void **state)
{
    uint8_t rows[512 + 64];
    int8_t query[512 + 64];

    for (size_t at = 0; at < 64; at++)
        for (size_t n = 1; n <= 256; n += 51) {
            int32_t wanted = 0;

            random_bytes(rows, sizeof(rows));
            memset(query, 0, sizeof(query));
            random_bytes(query + at, n);
            for (size_t i = 0; i < n; i++)
                wanted += rows[at + i] * query[at + i];
            assert_int_equal(kernels->dot_u8s8(rows + at, query + at, n), wanted);
            assert_int_equal(kernels->dot_u4s8(rows + at, query + at, n),
                             vec_simd_find("scalar", 0)->dot_u4s8(rows + at, query + at, n));
            assert_int_equal(kernels->dot_u1s8(rows + at, query + at, n),
                             vec_simd_find("scalar", 0)->dot_u1s8(rows + at, query + at, n));
        }
}

/* A batch gives what its rows give one at a time, for every count, with repeated ids, and for consecutive rows. */
static void
batches_equal_single_rows(void **state)
{
    enum { ROWS = 40, COUNT_MAX = 23 };
    const size_t sizes[] = {0, 1, 31, 64, 100, 128, 129, 384, 768, 1000};

    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        size_t n = sizes[k], stride = n + 3, bytes = ROWS * stride + VEC_SIMD_U8_BYTES(n) - n;
        GuardedBuffer memory = guarded_new(bytes), query_memory = guarded_new(VEC_SIMD_QUERY_BYTES(n));
        uint8_t *rows = guarded_tail(&memory, bytes);
        int8_t *query = guarded_tail(&query_memory, VEC_SIMD_QUERY_BYTES(n));

        random_bytes(rows, bytes);
        memset(query, 0, VEC_SIMD_QUERY_BYTES(n));
        random_bytes(query, n);
        for (size_t count = 0; count <= COUNT_MAX; count++)
            for (int listed = 0; listed < 2; listed++) {
                uint32_t ids[COUNT_MAX];
                int32_t u8[COUNT_MAX + 1], u4[COUNT_MAX + 1], u1[COUNT_MAX + 1];

                for (size_t i = 0; i < count; i++)
                    ids[i] = listed ? (uint32_t)(random_next() % (ROWS - 2)) : (uint32_t)i;
                u8[count] = u4[count] = u1[count] = 12345;
                kernels->dot_u8s8_batch(rows, stride, listed ? ids : NULL, count, query, n, u8);
                kernels->dot_u4s8_batch(rows, stride, listed ? ids : NULL, count, query, n, u4);
                kernels->dot_u1s8_batch(rows, stride, listed ? ids : NULL, count, query, n, u1);
                for (size_t i = 0; i < count; i++) {
                    assert_int_equal(u8[i], kernels->dot_u8s8(rows + ids[i] * stride, query, n));
                    assert_int_equal(u4[i], kernels->dot_u4s8(rows + ids[i] * stride, query, n));
                    assert_int_equal(u1[i], kernels->dot_u1s8(rows + ids[i] * stride, query, n));
                }
                assert_int_equal(u8[count], 12345);
                assert_int_equal(u4[count], 12345);
                assert_int_equal(u1[count], 12345);
            }
        guarded_free(&memory);
        guarded_free(&query_memory);
    }
}

/* Every range of bytes, over every byte; both the column and the room for masks end at a guard page. */
static void
ranges_equal_a_plain_loop(void **state)
{
    const size_t words = 1 + random_next() % 9;
    GuardedBuffer bytes = guarded_new(10 * 64), memory = guarded_new(10 * sizeof(uint64_t));
    uint8_t *column = guarded_tail(&bytes, words * 64);
    uint64_t *masks = guarded_tail(&memory, words * sizeof(uint64_t));

    for (size_t i = 0; i < words * 64; i++)
        column[i] = (uint8_t)(i < 256 ? 37 * i : random_next());
    for (unsigned low = 0; low < 256; low++)
        for (unsigned span = 0; span < 256;
             span += span < 4 || span > 250 ? 1 : 1 + (unsigned)(random_next() % 40)) {
            kernels->range_u8(column, words, (uint8_t)low, (uint8_t)span, masks);
            for (size_t i = 0; i < words * 64; i++) {
                unsigned value = column[i] < low ? column[i] + 256u : column[i];

                if ((masks[i / 64] >> i % 64 & 1) != (value <= low + span))
                    fail_msg("%s, %zu words, low %u, span %u: byte %zu (seed %llu)", kernels->name, words,
                             low, span, i, (unsigned long long)cases_seed);
            }
        }
    guarded_free(&bytes);
    guarded_free(&memory);
}

static void
hadamard_equals_scalar_bit_by_bit(void **state)
{
    GuardedBuffer memory = guarded_new(VEC_SIMD_FHT_MAX * sizeof(float));
    float *wanted = malloc(VEC_SIMD_FHT_MAX * sizeof(float));

    for (size_t n = 1; n <= VEC_SIMD_FHT_MAX; n *= 2) {
        float *x = guarded_tail(&memory, n * sizeof(float));

        random_floats(x, n);
        memcpy(wanted, x, n * sizeof(float));
        kernels->fht_f32(x, n);
        vec_simd_find("scalar", 0)->fht_f32(wanted, n);
        assert_memory_equal(x, wanted, n * sizeof(float));
    }
    free(wanted);
    guarded_free(&memory);
}

/* Against the definition, H[i][j] = (-1)^popcount(i & j), on integers, where float32 is exact; twice gives n times. */
static void
hadamard_is_hadamard(void **state)
{
    float x[256], once[256];

    for (size_t n = 1; n <= 256; n *= 2) {
        for (size_t i = 0; i < n; i++)
            x[i] = once[i] = (float)(int)(random_next() % 201) - 100;
        kernels->fht_f32(once, n);
        for (size_t i = 0; i < n; i++) {
            float wanted = 0;

            for (size_t j = 0; j < n; j++)
                wanted += __builtin_popcountll(i & j) % 2 ? -x[j] : x[j];
            assert_true(once[i] == wanted);
        }
        kernels->fht_f32(once, n);
        for (size_t i = 0; i < n; i++)
            assert_true(once[i] == (float)n * x[i]);
    }
}

static void
packing_round_trips(void **state)
{
    for (size_t n = 0; n <= 400; n++) {
        uint8_t codes[401], packed[257], unpacked[401];
        size_t bytes = VEC_SIMD_U4_BYTES(n);

        random_bytes(codes, n);
        packed[bytes] = 77;
        unpacked[n] = 78;
        vec_simd_pack_u4(codes, n, packed);
        vec_simd_unpack_u4(packed, n, unpacked);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(unpacked[i], codes[i] & 15);
        assert_int_equal(packed[bytes], 77);
        assert_int_equal(unpacked[n], 78);
        vec_simd_unpack_u4(packed, bytes * 2 > 400 ? 400 : bytes * 2, unpacked);
        for (size_t i = n; i < bytes * 2 && i < 400; i++)
            assert_int_equal(unpacked[i], 0);
    }
}

/* Every subset of this machine's features gets a table that needs nothing outside it, and never a slower one for more. */
static void
every_subset_of_features_is_served(void **state)
{
    uint32_t all = vec_cpu_features() | cases_emulated_features;

    for (uint32_t subset = 0; subset < 1u << VEC_CPU_FEATURES_COUNT; subset++) {
        const VecKernels *table = vec_simd_choose(subset & all);

        assert_int_equal(table->features & ~(subset & all), 0);
        assert_ptr_equal(vec_simd_find(table->name, subset & all), table);
        if (table != vec_simd_choose(all))
            assert_int_not_equal(subset & all, all);
    }
    assert_ptr_equal(vec_simd_choose(0), vec_simd_find("scalar", 0));
}

static void
every_entry_is_filled(void **state)
{
    size_t count;
    const VecKernels *const *tables = vec_simd_tables(&count);

    for (size_t i = 0; i < count; i++) {
        /* The two heading members apart, a table is function pointers only. */
        const char *entry = (const char *)tables[i] + offsetof(VecKernels, l2sq_f32);

        for (; entry < (const char *)(tables[i] + 1); entry += sizeof(void *))
            assert_non_null(*(void *const *)entry);
        assert_int_equal(tables[i]->features >> VEC_CPU_FEATURES_COUNT, 0);
    }
}

/* The name that a process with this VECTORS_SIMD chooses; a child, because a process chooses once. */
static void
chosen_with(const char *value, char *name, size_t size)
{
    int ends[2], exit_status;
    ssize_t got;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const char *chosen;

        if (value)
            setenv("VECTORS_SIMD", value, 1);
        else
            unsetenv("VECTORS_SIMD");
        chosen = vec_simd_kernels()->name;
        _exit(write(ends[1], chosen, strlen(chosen)) < 0);
    }
    close(ends[1]);
    got = read(ends[0], name, size - 1);
    close(ends[0]);
    assert_true(got > 0);
    name[got] = '\0';
    assert_int_equal(waitpid(child, &exit_status, 0), child);
    assert_int_equal(exit_status, 0);
}

static void
environment_names_the_table(void **state)
{
    const char *best = vec_simd_choose(vec_cpu_features())->name;
    const char *const nonsense[] = {"", "sse9", "AVX2", "avx2 ", "%s%n"};
    char name[32];
    size_t count;
    const VecKernels *const *tables = vec_simd_tables(&count);

    chosen_with(NULL, name, sizeof(name));
    assert_string_equal(name, best);
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        chosen_with(nonsense[i], name, sizeof(name));
        assert_string_equal(name, best);
    }
    for (size_t i = 0; i < count; i++) {
        int can_run = (tables[i]->features & ~vec_cpu_features()) == 0;

        chosen_with(tables[i]->name, name, sizeof(name));
        assert_string_equal(name, can_run ? tables[i]->name : best);
    }
}

static void *
choose_in_thread(void *argument)
{
    (void)argument;
    return (void *)vec_simd_kernels();
}

/* No test has chosen in this process before: the threads race for the first call. */
static void
threads_choose_the_same(void **state)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    void *chosen;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, choose_in_thread, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &chosen), 0);
        assert_ptr_equal(chosen, vec_simd_kernels());
    }
}

#if defined(__x86_64__)
static void
features_agree_with_the_compiler(void **state)
{
    uint32_t features = vec_cpu_features();

    __builtin_cpu_init();
    assert_int_equal(!!(features & VEC_CPU_AVX2), !!(__builtin_cpu_supports("avx2")));
    assert_int_equal(!!(features & VEC_CPU_AVX512),
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"));
    assert_int_equal(!!(features & VEC_CPU_VNNI), !!__builtin_cpu_supports("avx512vnni"));
    assert_int_equal(!!(features & VEC_CPU_VPOPCNTDQ), !!__builtin_cpu_supports("avx512vpopcntdq"));
}
#endif

static int
set_table(void **state)
{
    kernels = *state;
    return 0;
}

int
main(void)
{
    const struct CMUnitTest once[] = {
        cmocka_unit_test(every_subset_of_features_is_served),
        cmocka_unit_test(every_entry_is_filled),
        cmocka_unit_test(packing_round_trips),
#if defined(__x86_64__)
        cmocka_unit_test(features_agree_with_the_compiler),
#endif
        /* These in this order: a process chooses once, and a child inherits the choice. */
        cmocka_unit_test(environment_names_the_table),
        cmocka_unit_test(threads_choose_the_same),
    };
    int failures;
    size_t count;
    const VecKernels *const *tables = vec_simd_tables(&count);

    failures = cmocka_run_group_tests_name("choice of kernels", once, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        void *table = (void *)tables[i];
#define TABLE_TEST(function)                                                                                 \
    {                                                                                                        \
#function, function, set_table, NULL, table                                                          \
    }
        const struct CMUnitTest each[] = {
            TABLE_TEST(floats_at_all_sizes),
            TABLE_TEST(floats_at_all_alignments),
            TABLE_TEST(special_values_propagate),
            TABLE_TEST(sums_overflow_to_infinity_and_denormals_count),
            TABLE_TEST(cosine_parts_of_equal_vectors_are_equal),
            TABLE_TEST(codes_are_exact),
            TABLE_TEST(codes_at_odd_addresses),
            TABLE_TEST(batches_equal_single_rows),
            TABLE_TEST(ranges_equal_a_plain_loop),
            TABLE_TEST(hadamard_equals_scalar_bit_by_bit),
            TABLE_TEST(hadamard_is_hadamard),
        };

        if (tables[i]->features & ~(vec_cpu_features() | cases_emulated_features)) {
            printf("not on this CPU: %s\n", tables[i]->name);
            continue;
        }
        failures += cmocka_run_group_tests_name(tables[i]->name, each, NULL, NULL);
    }
    return failures != 0;
}
