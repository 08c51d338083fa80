/* status.c - messages and memory. */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

PEMN_SHARED int pemn_fail(int status, char *error, const char *format, ...)
{
    if (error != NULL) {
        va_list list;
        va_start(list, format);
        if (vsnprintf(error, PEMN_ERROR_SIZE, format, list) < 0)
            error[0] = '\0';
        va_end(list);
    }
    return status;
}

PEMN_SHARED void *pemn_reserve(uint64_t count, size_t each, char *error)
{
    void *memory = NULL;
    if (count <= SIZE_MAX / each && count <= (uint64_t)PTRDIFF_MAX / each)
        memory = malloc(count == 0 ? 1 : (size_t)count * each);
    if (memory == NULL)
        (void)pemn_fail(PEMN_SYSTEM, error, "out of memory: %llu x %lu bytes",
                        (unsigned long long)count, (unsigned long)each);
    return memory;
}
