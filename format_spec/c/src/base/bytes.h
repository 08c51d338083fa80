/* bytes.h - numbers loaded and saved byte by byte: the machine's byte order does not matter. */
#ifndef PEMN_BASE_BYTES_H
#define PEMN_BASE_BYTES_H

#include "layout.h"

typedef struct {
    const uint8_t *at;
    size_t size;
} span;

/* Add to a sum; 0 where it does not fit. */
static inline int add(uint64_t *sum, uint64_t more)
{
    if (more > UINT64_MAX - *sum)
        return 0;
    *sum += more;
    return 1;
}

static inline int align(uint64_t *offset)
{
    return *offset % ALIGNMENT == 0 || add(offset, ALIGNMENT - *offset % ALIGNMENT);
}

static inline uint64_t load(const uint8_t *at, unsigned width)
{
    uint64_t value = 0;
    while (width-- > 0)
        value = value << 8 | at[width];
    return value;
}

static inline void save(uint8_t *at, uint64_t value, unsigned width)
{
    unsigned i;
    for (i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> 8 * i & 0xff);
}

/* Ones among the first n bits. */
static inline uint64_t count_bits(const uint8_t *bits, uint64_t n)
{
    uint64_t found = 0, i = 0;
    for (; i + 64 <= n; i += 64) { /* in pairs, fours, eights, then all */
        uint64_t x = load(bits + i / 8, 8);
        x -= x >> 1 & 0x5555555555555555;
        x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
        x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
        found += x * 0x0101010101010101 >> 56;
    }
    for (; i < n; i++)
        found += bits[i / 8] >> i % 8 & 1;
    return found;
}

static inline int all_zero(const uint8_t *at, size_t size)
{
    uint8_t seen = 0;
    size_t i;
    for (i = 0; i < size; i++)
        seen |= at[i];
    return seen == 0;
}

#endif
