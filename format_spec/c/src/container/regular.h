/* regular.h - files of disks, and no others: reading a pipe or a device may never end. */
#ifndef PEMN_CONTAINER_REGULAR_H
#define PEMN_CONTAINER_REGULAR_H

#include "../base/platform.h"

#include <stdint.h>
#include <stdio.h>

/* Open a regular file for reading, and tell its size. It never waits. */
PEMN_SHARED int pemn_open_regular(const char *path, FILE **stream, uint64_t *size, char *error);

#endif
