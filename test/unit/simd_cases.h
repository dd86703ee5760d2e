/*
 * simd_cases.h: what the kernel tests share: sizes, seeded random data, and buffers that end at an unmapped page.
 */
#ifndef VECTORS_TEST_SIMD_CASES_H
#define VECTORS_TEST_SIMD_CASES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "simd.h"

/* NEON through SIMDe runs on every CPU, though no x86 CPU says that it has it. */
#if defined(VEC_SIMD_EMULATE_NEON)
static const uint32_t cases_emulated_features = VEC_CPU_NEON | VEC_CPU_DOTPROD;
#else
static const uint32_t cases_emulated_features = 0;
#endif

/* A test of the table that the variable "table" points to; set_table stores it where the test looks. */
#define TABLE_TEST(function)                                                                                 \
    {                                                                                                        \
#function, function, set_table, NULL, table                                                          \
    }

/* All of 0..130, then sizes around the unrollings, and large ones. */
static const size_t cases_sizes[] = {
    0,   1,   2,   3,   4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,    16,    17,
    18,  19,  20,  21,  22,   23,   24,   25,   26,   27,   28,   29,   30,   31,   32,   33,    34,    35,
    36,  37,  38,  39,  40,   41,   42,   43,   44,   45,   46,   47,   48,   49,   50,   51,    52,    53,
    54,  55,  56,  57,  58,   59,   60,   61,   62,   63,   64,   65,   66,   67,   68,   69,    70,    71,
    72,  73,  74,  75,  76,   77,   78,   79,   80,   81,   82,   83,   84,   85,   86,   87,    88,    89,
    90,  91,  92,  93,  94,   95,   96,   97,   98,   99,   100,  101,  102,  103,  104,  105,   106,   107,
    108, 109, 110, 111, 112,  113,  114,  115,  116,  117,  118,  119,  120,  121,  122,  123,   124,   125,
    126, 127, 128, 129, 130,  191,  192,  193,  255,  256,  257,  300,  383,  384,  385,  511,   512,   513,
    767, 768, 769, 960, 1000, 1023, 1024, 1025, 1535, 1536, 1537, 3071, 3072, 4096, 4099, 16384, 65535,
};
static const size_t cases_sizes_count = sizeof(cases_sizes) / sizeof(cases_sizes[0]);

/* Fixed, so that a failure comes again; VECTORS_TEST_SEED takes another. */
static uint64_t cases_seed = 20240229;
static uint64_t random_state;

/* splitmix64 */
static inline uint64_t
random_next(void)
{
    uint64_t z;

    if (random_state == 0) {
        const char *seed = getenv("VECTORS_TEST_SEED");

        if (seed)
            cases_seed = strtoull(seed, NULL, 10);
        random_state = cases_seed;
    }
    z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Uniform in [-1, 1), with a few elements a thousand times as large. */
static inline void
random_floats(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t r = random_next();

        x[i] = (float)(int32_t)(r >> 32) * 0x1p-31f * (r % 64 == 0 ? 1000.0f : 1.0f);
    }
}

static inline void
random_bytes(void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)random_next();
}

typedef struct GuardedBuffer {
    char *map;
    size_t map_bytes, page_bytes;
} GuardedBuffer;

/* Room for at least bytes, and an unmapped page directly behind it. */
static inline GuardedBuffer
guarded_new(size_t bytes)
{
    GuardedBuffer buffer = {.page_bytes = (size_t)sysconf(_SC_PAGESIZE)};

    buffer.map_bytes = (bytes / buffer.page_bytes + 2) * buffer.page_bytes;
    buffer.map = mmap(NULL, buffer.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(buffer.map != MAP_FAILED);
    assert_int_equal(
        mprotect(buffer.map + buffer.map_bytes - buffer.page_bytes, buffer.page_bytes, PROT_NONE), 0);
    return buffer;
}

/* The last bytes before the unmapped page. */
static inline void *
guarded_tail(GuardedBuffer *buffer, size_t bytes)
{
    return buffer->map + buffer->map_bytes - buffer->page_bytes - bytes;
}

static inline void
guarded_free(GuardedBuffer *buffer)
{
    munmap(buffer->map, buffer->map_bytes);
}

#endif
