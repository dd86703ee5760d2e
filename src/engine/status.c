/*
 * status.c: fills the caller's VecError.
 */
#include "vectors/status.h"

#include <stdarg.h>
#include <stdio.h>

VecStatus
vec_error_set(VecError *error, VecStatus status, int os_errno, const char *format, ...)
{
    va_list arguments;

    if (error == NULL)
        return status;
    error->status = status;
    error->os_errno = os_errno;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    return status;
}
