/* shuffle.h - a vector in an order that the generator decides: SPEC.md, section 6. */
#ifndef PEMN_PRNG_SHUFFLE_H
#define PEMN_PRNG_SHUFFLE_H

#include "../base/platform.h"

#include <stddef.h>
#include <stdint.h>

/* Sort the indices below `length` by their words, equal ones in their order, and put
 * values[index mod period] in that order into `sorted`, which has room for `length`. */
PEMN_SHARED int pemn_shuffle(uint64_t seed, uint64_t stream, uint64_t length,
                             const uint32_t *values, uint64_t period, uint32_t *sorted,
                             char *error);

#endif
