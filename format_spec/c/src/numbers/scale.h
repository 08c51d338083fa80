/* scale.h - products of many values with one. */
#ifndef PEMN_NUMBERS_SCALE_H
#define PEMN_NUMBERS_SCALE_H

#include "../base/platform.h"

#include <stddef.h>
#include <stdint.h>

/* Multiply each of `values`, all finite, by a normal binary32. */
PEMN_SHARED void pemn_scale(uint32_t *values, size_t count, uint32_t by);
#ifdef PEMN_X86
PEMN_SHARED void pemn_x86_scale(uint32_t *values, size_t count, uint32_t by);
#endif

#endif
