/* integers.h - stored integers of 8 or 4 bits, and what they are times a scale. */
#ifndef PEMN_VALUES_INTEGERS_H
#define PEMN_VALUES_INTEGERS_H

#include "../numbers/floats.h"

/* An integer as it is stored: 8 bits, or 4 of them, the lower half of a byte first. */
static inline unsigned stored_integer(const uint8_t *from, uint64_t place, int four)
{
    return four ? (unsigned)from[place / 2] >> place % 2 * 4 & 15 : from[place];
}

/* The element that a stored integer is, as the bits of its dtype. */
static inline uint32_t scaled_integer(unsigned integer, int four, uint32_t scale, unsigned dtype)
{
    unsigned sign = four ? 8 : 0x80;
    int negative = (integer & sign) != 0;
    uint32_t magnitude = negative ? 2 * sign - integer : integer;
    uint32_t bits = multiply(from_integer(negative, magnitude, 0), scale);
    return dtype == F32 ? bits : dtype == F16 ? to_f16(bits) : to_bf16(bits);
}

#endif
