/*
 * kernels.c: how many nanoseconds each kernel takes on each instruction set of this machine.
 *
 *   kernels [dimensions ...]      default: 100 384 768 1536
 *
 * Best of many short runs, because other programs disturb and never help. "cache": operands in the first-level cache.
 * "memory": rows at random out of 256 MB, one row a call and in batches of 32. Compare columns, not machines.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "simd.h"

#define MEMORY_BYTES      ((size_t)256 << 20)
#define BATCH             32
#define SPARSE_MAX        4000 /* elements out of SPARSE_DIMENSIONS */
#define SPARSE_DIMENSIONS 30000

static volatile double sink;
static uint8_t *memory; /* MEMORY_BYTES of codes or floats */
static uint32_t *ids;
static size_t ids_count;

typedef struct Case {
    const VecKernels *kernels;
    size_t n;
    float *a, *b;
    uint8_t *codes;
    int8_t *query;
    uint16_t *half_a, *half_b;
    uint64_t *masks;
    uint32_t *indexes_a, *indexes_b; /* of sparse vectors with n elements out of 30,000 dimensions */
} Case;

static double
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static void *
allocate(size_t bytes)
{
    void *pointer = aligned_alloc(64, (bytes + 63) / 64 * 64);

    if (pointer == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return pointer;
}

/* The kernels in a uniform shape: one call on operands in cache. */
static void
call_l2sq_f32(const Case *c)
{
    sink = c->kernels->l2sq_f32(c->a, c->b, c->n);
}

static void
call_dot_f32(const Case *c)
{
    sink = c->kernels->dot_f32(c->a, c->b, c->n);
}

static void
call_l1_f32(const Case *c)
{
    sink = c->kernels->l1_f32(c->a, c->b, c->n);
}

static void
call_cos_f32(const Case *c)
{
    sink = c->kernels->cos_f32(c->a, c->b, c->n).dot;
}

static void
call_u8s8(const Case *c)
{
    sink = c->kernels->dot_u8s8(c->codes, c->query, c->n);
}

static void
call_u4s8(const Case *c)
{
    sink = c->kernels->dot_u4s8(c->codes, c->query, c->n);
}

static void
call_l2sq_f16(const Case *c)
{
    sink = c->kernels->l2sq_f16(c->half_a, c->half_b, c->n);
}

static void
call_cos_f16(const Case *c)
{
    sink = c->kernels->cos_f16(c->half_a, c->half_b, c->n).dot;
}

static void
call_dot_f16f32(const Case *c)
{
    sink = c->kernels->dot_f16f32(c->half_a, c->b, c->n);
}

static void
call_hamming(const Case *c)
{
    sink = c->kernels->hamming_bits(c->codes, (const uint8_t *)c->query, (c->n + 7) / 8);
}

static void
call_count_bits(const Case *c)
{
    sink = c->kernels->count_bits(c->codes, (const uint8_t *)c->query, (c->n + 7) / 8).both;
}

static void
call_sums_i8(const Case *c)
{
    sink = c->kernels->sums_i8((const int8_t *)c->codes, c->query, c->n).ab;
}

static void
call_l2sq_sparse(const Case *c)
{
    sink = c->kernels->l2sq_sparse(c->indexes_a, c->a, c->n, c->indexes_b, c->b, c->n);
}

static void
call_dot_sparse(const Case *c)
{
    sink = c->kernels->dot_sparse(c->indexes_a, c->a, c->n, c->indexes_b, c->b, c->n);
}

static void
call_sparse_dense(const Case *c)
{
    sink = c->kernels->dot_sparse_dense(c->indexes_a, c->a, c->n, c->b);
}

/* n bytes, rounded down to whole words. */
static void
call_range_u8(const Case *c)
{
    c->kernels->range_u8(c->codes, c->n / 64, 64, 127, c->masks);
    sink = (double)c->masks[0];
}

/* The next power of two; the values grow, so start again before they overflow. */
static void
call_fht_f32(const Case *c)
{
    size_t n = 1;

    while (n < c->n)
        n *= 2;
    if (!(fabsf(c->a[0]) < 1e30f))
        for (size_t i = 0; i < n; i++)
            c->a[i] = (float)(i % 7);
    c->kernels->fht_f32(c->a, n);
}

static double
time_in_cache(void (*call)(const Case *), const Case *c)
{
    double best = INFINITY;

    for (int run = 0; run < 40; run++) {
        enum { CALLS = 2000 };
        double start = now_ns();

        for (int i = 0; i < CALLS; i++)
            call(c);
        start = (now_ns() - start) / CALLS;
        if (start < best)
            best = start;
    }
    return best;
}

/* A nanosecond figure a row, of rows at random in memory: batched or one row a call. */
static double
time_in_memory(const Case *c, int u4, int batched)
{
    size_t stride = u4 ? VEC_SIMD_U4_BYTES(c->n) : VEC_SIMD_U8_BYTES(c->n);
    size_t rows = MEMORY_BYTES / stride;
    int32_t out[BATCH];
    double best = INFINITY;

    for (size_t i = 0; i < ids_count; i++)
        ids[i] = (uint32_t)(((uint64_t)(uint32_t)(i * 2654435761u + i / 7) * rows) >> 32);
    for (int run = 0; run < 5; run++) {
        double start = now_ns();

        for (size_t k = 0; k + BATCH <= ids_count; k += BATCH) {
            if (batched)
                (u4 ? c->kernels->dot_u4s8_batch : c->kernels->dot_u8s8_batch)(memory, stride, ids + k, BATCH,
                                                                               c->query, c->n, out);
            else
                for (size_t i = 0; i < BATCH; i++)
                    out[i] = (u4 ? c->kernels->dot_u4s8 : c->kernels->dot_u8s8)(memory + ids[k + i] * stride,
                                                                                c->query, c->n);
            sink = out[0];
        }
        start = (now_ns() - start) / (double)(ids_count / BATCH * BATCH);
        if (start < best)
            best = start;
    }
    return best;
}

static double
time_batch_in_cache(const Case *c, int u4)
{
    size_t stride = u4 ? VEC_SIMD_U4_BYTES(c->n) : VEC_SIMD_U8_BYTES(c->n);
    uint32_t list[BATCH];
    int32_t out[BATCH];
    double best = INFINITY;

    for (uint32_t i = 0; i < BATCH; i++)
        list[i] = i * 5 % 16;
    for (int run = 0; run < 40; run++) {
        enum { CALLS = 200 };
        double start = now_ns();

        for (int i = 0; i < CALLS; i++) {
            (u4 ? c->kernels->dot_u4s8_batch : c->kernels->dot_u8s8_batch)(memory, stride, list, BATCH,
                                                                           c->query, c->n, out);
            sink = out[0];
        }
        start = (now_ns() - start) / (CALLS * BATCH);
        if (start < best)
            best = start;
    }
    return best;
}

static void
print_table(Case *c)
{
    static const struct {
        const char *name;
        void (*call)(const Case *);
    } calls[] = {
        {"l2sq_f32", call_l2sq_f32},     {"dot_f32", call_dot_f32},
        {"l1_f32", call_l1_f32},         {"cos_f32", call_cos_f32},
        {"dot_u8s8", call_u8s8},         {"dot_u4s8", call_u4s8},
        {"fht_f32", call_fht_f32},       {"l2sq_f16", call_l2sq_f16},
        {"cos_f16", call_cos_f16},       {"dot_f16f32", call_dot_f16f32},
        {"hamming", call_hamming},       {"count_bits", call_count_bits},
        {"sums_i8", call_sums_i8},       {"l2sq_sparse", call_l2sq_sparse},
        {"dot_sparse", call_dot_sparse}, {"sparse_dense", call_sparse_dense},
        {"range_u8", call_range_u8},
    };

    printf("%s\n ", c->kernels->name);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (c->n <= SPARSE_MAX || strstr(calls[i].name, "sparse") == NULL)
            printf(" %s %.1f", calls[i].name, time_in_cache(calls[i].call, c));
    printf("\n %s a row: batch u8 %.1f u4 %.1f; memory u8 %.1f batch %.1f, u4 %.1f batch %.1f\n", "",
           time_batch_in_cache(c, 0), time_batch_in_cache(c, 1), time_in_memory(c, 0, 0),
           time_in_memory(c, 0, 1), time_in_memory(c, 1, 0), time_in_memory(c, 1, 1));
}

int
main(int argc, char **argv)
{
    static const char *const usual[] = {"", "100", "384", "768", "1536"};
    size_t count;
    const VecKernels *const *tables = vec_simd_tables(&count);
    Case c = {.a = allocate(VEC_SIMD_FHT_MAX * 4), .b = allocate(VEC_SIMD_FHT_MAX * 4)};

    if (argc == 1) {
        argv = (char **)usual;
        argc = sizeof(usual) / sizeof(usual[0]);
    }
    c.half_a = allocate(VEC_SIMD_FHT_MAX * 2);
    c.half_b = allocate(VEC_SIMD_FHT_MAX * 2);
    c.indexes_a = allocate(SPARSE_MAX * 4);
    c.indexes_b = allocate(SPARSE_MAX * 4);
    c.masks = allocate(VEC_SIMD_FHT_MAX / 8);
    c.codes = allocate(VEC_SIMD_U8_BYTES(VEC_SIMD_FHT_MAX));
    c.query = allocate(VEC_SIMD_QUERY_BYTES(VEC_SIMD_FHT_MAX));
    memory = allocate(MEMORY_BYTES);
    ids_count = 1 << 18;
    ids = allocate(ids_count * sizeof(uint32_t));
    for (size_t i = 0; i < MEMORY_BYTES; i++)
        memory[i] = (uint8_t)(i * 31 >> 3);
    memcpy(c.codes, memory, VEC_SIMD_FHT_MAX);

    for (int k = 1; k < argc; k++) {
        c.n = strtoul(argv[k], NULL, 10);
        if (c.n == 0 || c.n > VEC_SIMD_CODES_MAX) {
            fprintf(stderr, "dimensions must be in 1..%d, not %s\n", VEC_SIMD_CODES_MAX, argv[k]);
            return 1;
        }
        printf("dimensions %zu, ns\n", c.n);
        for (size_t i = 0; i < VEC_SIMD_FHT_MAX; i++) {
            c.a[i] = (float)(i % 7);
            c.b[i] = (float)(i % 11);
            c.query[i] = i < c.n ? (int8_t)(i * 37) : 0;
        }
        vec_simd_tables(&count)[0]->f32_to_f16(c.a, c.half_a, VEC_SIMD_FHT_MAX);
        vec_simd_tables(&count)[0]->f32_to_f16(c.b, c.half_b, VEC_SIMD_FHT_MAX);
        /* Ascending, gaps of 1 .. 2 m - 1, so that a few meet. */
        for (uint32_t i = 0, x = 0, y = 0, m = (uint32_t)(SPARSE_DIMENSIONS / c.n); i < c.n && i < SPARSE_MAX;
             i++) {
            c.indexes_a[i] = x += 1 + i * 2654435761u % m;
            c.indexes_b[i] = y += 1 + i * 2246822519u % m;
        }
        for (size_t t = 0; t < count; t++)
            if ((tables[t]->features & ~vec_cpu_features()) == 0) {
                c.kernels = tables[t];
                print_table(&c);
            }
    }
    return 0;
}
