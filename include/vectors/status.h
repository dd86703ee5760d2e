/*
 * status.h: how the engine reports what happened: a status, with the detail in the caller's VecError.
 *
 * Engine functions never exit, print or longjmp. They return a VecStatus and, when it is not VEC_OK, describe it in
 * the VecError that the caller passed (NULL is allowed: then only the status is known). Three classes, never mixed: a
 * programmer's error is an assert; the outside world (memory, disk) is a status; bad bytes are VEC_CORRUPT.
 */
#ifndef VECTORS_STATUS_H
#define VECTORS_STATUS_H

#include <stddef.h>
#include <stdint.h>

#define VEC_MUST_CHECK __attribute__((warn_unused_result))

typedef enum VecStatus {
    VEC_OK = 0,
    VEC_NO_MEMORY,   /* the allocator returned NULL */
    VEC_NO_SPACE,    /* disk full, or free space below the reserve */
    VEC_IO,          /* any other operating system error; os_errno says which */
    VEC_CORRUPT,     /* a file's bytes are not what they must be; message names the file and the field */
    VEC_NOT_FOUND,   /* a file or directory does not exist */
    VEC_BUSY,        /* another process holds the lock */
    VEC_INTERRUPTED, /* should_stop returned true; call again to go on, or free the object */
    VEC_INVALID      /* a parameter from outside is out of range; message gives value and range */
} VecStatus;

typedef struct VecError {
    VecStatus status;
    int os_errno; /* 0 if no system call failed */
    char message[512];
} VecError;

/* Fills *error (may be NULL), printf style, and returns status; so that a failure is one line: return vec_error_set(...). */
VecStatus vec_error_set(VecError *error, VecStatus status, int os_errno, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
