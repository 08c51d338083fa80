/* kernels.h - what takes the time, as the processor at hand does it best. */
#ifndef PEMN_BASE_KERNELS_H
#define PEMN_BASE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

typedef struct kernels {
    void (*sha256_blocks)(uint32_t state[8], const uint8_t *at, size_t count);
    /* two at once, which takes little longer than one; NULL where it would take twice as long */
    void (*sha256_two)(uint32_t a[8], const uint8_t *at, uint32_t b[8], const uint8_t *bt,
                       size_t count);
    void (*draw)(int transform, const uint32_t *table, uint64_t seed, uint64_t stream,
                 uint64_t from, size_t count, uint32_t *out);
    void (*scale)(uint32_t *values, size_t count, uint32_t scale);
    void (*put)(uint32_t *values, size_t count, const uint8_t *mask, unsigned dtype, uint8_t *out);
} kernels;

#endif
