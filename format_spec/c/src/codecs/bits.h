/* bits.h - a mask is bits, the first one lowest, as `bitmap` has them. */
#ifndef PEMN_CODECS_BITS_H
#define PEMN_CODECS_BITS_H

#include <stdint.h>

static inline int get_bit(const uint8_t *bits, uint64_t i) { return bits[i / 8] >> i % 8 & 1; }

static inline void set_bit(uint8_t *bits, uint64_t i)
{
    bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << i % 8);
}

#endif
