/* header.h - the first 96 bytes. */
#ifndef PEMN_CONTAINER_HEADER_H
#define PEMN_CONTAINER_HEADER_H

#include "../base/layout.h"
#include "../base/platform.h"

/* The header's own rules, and the caller's limits; `size` is the file's. */
PEMN_SHARED int pemn_check_header(const uint8_t *h, uint64_t size, const pemn_limits *limits,
                                  char *error);

#endif
