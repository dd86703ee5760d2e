/*
 * allocator.c: the default source of the engine's memory, the C library's.
 */
#include "vectors/allocator.h"

#include <stdint.h>
#include <stdlib.h>

#define ALIGNMENT 64

static void *
vec_allocator_allocate(void *context, size_t size_bytes)
{
    (void)context;
    if (size_bytes > SIZE_MAX - ALIGNMENT)
        return NULL;
    if (size_bytes == 0)
        size_bytes = 1;
    return aligned_alloc(ALIGNMENT, (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

static void
vec_allocator_release(void *context, void *pointer)
{
    (void)context;
    free(pointer);
}

const VecAllocator vec_allocator_default = {vec_allocator_allocate, vec_allocator_release, NULL};
