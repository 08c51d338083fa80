/* put.h - elements as they are handed out. */
#ifndef PEMN_NUMBERS_PUT_H
#define PEMN_NUMBERS_PUT_H

#include "../base/platform.h"

#include <stddef.h>
#include <stdint.h>

/* Write elements as little-endian bytes: those that are selected, and zeros. `mask` is where bits
 * of the first 8 elements are; NULL selects all. `values` are changed. */
PEMN_SHARED void pemn_put(uint32_t *values, size_t count, const uint8_t *mask, unsigned dtype,
                          uint8_t *out);
#ifdef PEMN_X86
PEMN_SHARED void pemn_x86_put(uint32_t *values, size_t count, const uint8_t *mask, unsigned dtype,
                              uint8_t *out);
#endif

#endif
