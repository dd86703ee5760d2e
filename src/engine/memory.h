/*
 * memory.h: typed shorthands over VecAllocator, with the overflow check in one place.
 */
#ifndef VEC_MEMORY_H
#define VEC_MEMORY_H

#include <stdint.h>
#include <string.h>

#include "vectors/allocator.h"
#include "vectors/status.h"

/* count elements of size_bytes, zeroed; NULL if there is no memory or the product overflows. */
static inline void *
vec_memory_allocate(const VecAllocator *allocator, size_t count, size_t size_bytes)
{
    if (size_bytes != 0 && count > SIZE_MAX / 2 / size_bytes)
        return NULL;
    void *pointer = allocator->allocate(allocator->context, count * size_bytes);
    if (pointer != NULL)
        memset(pointer, 0, count * size_bytes);
    return pointer;
}

/* As above, contents undefined: for what is written before it is read. */
static inline void *
vec_memory_allocate_raw(const VecAllocator *allocator, size_t count, size_t size_bytes)
{
    if (size_bytes != 0 && count > SIZE_MAX / 2 / size_bytes)
        return NULL;
    return allocator->allocate(allocator->context, count * size_bytes);
}

static inline void
vec_memory_release(const VecAllocator *allocator, void *pointer)
{
    if (pointer != NULL)
        allocator->release(allocator->context, pointer);
}

static inline VecStatus
vec_memory_error(VecError *error)
{
    return vec_error_set(error, VEC_NO_MEMORY, 0, "out of memory");
}

#endif
