/* draw.h - the generator's numbers as values. */
#ifndef PEMN_PRNG_DRAW_H
#define PEMN_PRNG_DRAW_H

#include "../base/platform.h"

#include <stddef.h>
#include <stdint.h>

/* Values `from` on of a transform, as bit patterns; `table` is what normal16 looks up. */
PEMN_SHARED void pemn_draw(int transform, const uint32_t *table, uint64_t seed, uint64_t stream,
                           uint64_t from, size_t count, uint32_t *out);
#ifdef PEMN_X86
PEMN_SHARED void pemn_x86_draw(int transform, const uint32_t *table, uint64_t seed, uint64_t stream,
                               uint64_t from, size_t count, uint32_t *out);
#endif

#endif
