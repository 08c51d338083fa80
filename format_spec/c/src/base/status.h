/* status.h - what failed, in one line; memory that may not be there. */
#ifndef PEMN_BASE_STATUS_H
#define PEMN_BASE_STATUS_H

#include "platform.h"
#include "../../pemn.h"

/* Write one line to `error`, unless that is NULL, and return `status`. */
PEMN_SHARED int pemn_fail(int status, char *error, const char *format, ...) PRINTF_LIKE;

/* Memory for `count` things of `each` bytes, not cleared; NULL with an error. */
PEMN_SHARED void *pemn_reserve(uint64_t count, size_t each, char *error);

#endif
