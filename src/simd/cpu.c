/*
 * cpu.c: which instruction sets this CPU has and the operating system saves at a context switch.
 *
 * Asked of the C library or of the CPU itself, not of __builtin_cpu_supports, whose list of names differs between gcc and clang
 * (f16c) and which asks the CPU when a library is loaded.
 */
#include "simd.h"

#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)

/*
 * The C library asked when the program began, and a forked process inherits the answers. The instruction itself leaves a virtual
 * machine each time: four of them took 370 us of a new connection's first search on a machine within a machine.
 */
#include <sys/platform/x86.h>

/* What CPU_FEATURE_ACTIVE says, without its shift into the sign of an int. */
#define HAS(feature) is_active(x86_cpu_##feature)

static bool
is_active(unsigned feature)
{
    const struct cpuid_feature *leaf = __x86_get_cpuid_feature_leaf(feature / 128);

    return (leaf->active_array[feature / 32 % 4] >> feature % 32 & 1) != 0;
}

uint32_t
vec_cpu_features(void)
{
    uint32_t features = 0;

    if (HAS(AVX2) && HAS(FMA) && HAS(F16C) && HAS(POPCNT))
        features |= VEC_CPU_AVX2;
    if ((features & VEC_CPU_AVX2) && HAS(AVX512F) && HAS(AVX512DQ) && HAS(AVX512BW) && HAS(AVX512VL)) {
        features |= VEC_CPU_AVX512;
        if (HAS(AVX512_VNNI))
            features |= VEC_CPU_VNNI;
        if (HAS(AVX512_VPOPCNTDQ))
            features |= VEC_CPU_VPOPCNTDQ;
    }
    return features;
}

#elif defined(__x86_64__) /* another C library, or an old one */

#include <cpuid.h>

#define BIT(word, bit) (((word) >> (bit)) & 1u)

/* XCR0, what the operating system saves; callers have checked OSXSAVE. Inline assembly because _xgetbv needs -mxsave. */
static uint64_t
vec_cpu_xcr0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

uint32_t
vec_cpu_features(void)
{
    const uint64_t ymm_state = 0x06; /* SSE, AVX */
    const uint64_t zmm_state = 0xe6; /* and opmask, upper halves, upper sixteen */
    unsigned eax, ebx, ecx, edx, leaf1_ecx;
    uint32_t features = 0;
    uint64_t xcr0;

    if (!__get_cpuid(1, &eax, &ebx, &leaf1_ecx, &edx) || !BIT(leaf1_ecx, 27) /* OSXSAVE */)
        return 0;
    xcr0 = vec_cpu_xcr0();
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (xcr0 & ymm_state) != ymm_state)
        return 0;

    if (BIT(ebx, 5) /* AVX2 */ && BIT(leaf1_ecx, 12) /* FMA */ && BIT(leaf1_ecx, 29) /* F16C */ &&
        BIT(leaf1_ecx, 23) /* POPCNT */)
        features |= VEC_CPU_AVX2;
    if (!(features & VEC_CPU_AVX2) || (xcr0 & zmm_state) != zmm_state)
        return features;

    if (BIT(ebx, 16) /* F */ && BIT(ebx, 17) /* DQ */ && BIT(ebx, 30) /* BW */ && BIT(ebx, 31) /* VL */) {
        features |= VEC_CPU_AVX512;
        if (BIT(ecx, 11))
            features |= VEC_CPU_VNNI;
        if (BIT(ecx, 14))
            features |= VEC_CPU_VPOPCNTDQ;
    }
    return features;
}

#elif defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>
#define DOTPROD_HWCAP (1ul << 20) /* HWCAP_ASIMDDP, spelled out because old headers lack it */
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

uint32_t
vec_cpu_features(void)
{
    uint32_t features = VEC_CPU_NEON;

#if defined(__linux__)
    if (getauxval(AT_HWCAP) & DOTPROD_HWCAP)
        features |= VEC_CPU_DOTPROD;
#elif defined(__APPLE__)
    int present = 0;
    size_t size = sizeof(present);

    if (sysctlbyname("hw.optional.arm.FEAT_DotProd", &present, &size, NULL, 0) == 0 && present)
        features |= VEC_CPU_DOTPROD;
#endif
    return features;
}

#else

uint32_t
vec_cpu_features(void)
{
    return 0;
}

#endif
