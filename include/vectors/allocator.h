/*
 * allocator.h: where the engine's private memory comes from; a unit test passes one that fails at the k-th call.
 */
#ifndef VECTORS_ALLOCATOR_H
#define VECTORS_ALLOCATOR_H

#include <stddef.h>

/*
 * allocate returns memory aligned to 64 bytes or NULL, which means that there is none: for 0 bytes, too, it returns a pointer,
 * to be released like any other. release accepts NULL. Both may be called from several threads at once.
 */
typedef struct VecAllocator {
    void *(*allocate)(void *context, size_t size_bytes);
    void (*release)(void *context, void *pointer);
    void *context;
} VecAllocator;

/* aligned_alloc and free of the C library. */
extern const VecAllocator vec_allocator_default;

#endif
