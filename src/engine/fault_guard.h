/*
 * fault_guard.h: a file that shrinks, or cannot be read, under its map is a flag and zeros instead of the end of the process.
 *
 * A load from a page that the file no longer has, or that the disk does not give, is SIGBUS. For addresses inside a guarded
 * range the handler raises the range's flag and maps zeros over all of it, once; for any other address what was installed
 * before has its say. So whoever reads a guarded map may read zeros at any time: it must bounds-check what it reads, which
 * a file from outside demands anyway, and look at the flag before it believes the result.
 *
 * The whole range becomes zeros, not the page: its other pages are worth nothing once the flag is up, and a process may
 * have no more than some 65,000 separate mappings.
 */
#ifndef VEC_FAULT_GUARD_H
#define VEC_FAULT_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One guarded map. Must not move while it is guarded. All zero: guards nothing. */
typedef struct VecFaultGuard {
    uintptr_t start;
    uintptr_t end; /* a multiple of the page size, as start is */
    int protection;
    atomic_bool has_faulted;
    struct VecFaultGuard *_Atomic next;
    bool is_guarding;
} VecFaultGuard;

/*
 * Guards the map [start, start + bytes); protection as given to mmap. From any thread; threads that read the map must not
 * block SIGBUS, else the kernel kills the process.
 */
void vec_fault_guard_add(VecFaultGuard *guard, void *start, size_t bytes, int protection);

/* Before munmap; nobody may read the map any more. A guard that guards nothing is legal. The flag stays. */
void vec_fault_guard_remove(VecFaultGuard *guard);

/* Whether anything that was read from the map so far may be zeros that are not in the file. */
static inline bool
vec_fault_guard_has_faulted(const VecFaultGuard *guard)
{
    return atomic_load_explicit(&guard->has_faulted, memory_order_acquire);
}

#endif
