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

static inline int all_zero(const uint8_t *at, size_t size)
{
    uint8_t seen = 0;
    size_t i;
    for (i = 0; i < size; i++)
        seen |= at[i];
    return seen == 0;
}

#endif
