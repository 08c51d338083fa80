/* sha256.h - SHA-256 (FIPS 180-4). */
#ifndef PEMN_HASH_SHA256_H
#define PEMN_HASH_SHA256_H

#include "../base/kernels.h"
#include "../base/platform.h"

typedef struct {
    uint32_t state[8];
    uint64_t size;
    const struct kernels *use;
    uint8_t block[64];
} sha256;

PEMN_SHARED sha256 pemn_sha256_make(const kernels *use);
PEMN_SHARED void pemn_sha256_add(sha256 *s, const void *data, size_t size);
PEMN_SHARED void pemn_sha256_end(sha256 *s, uint8_t digest[32]);
PEMN_SHARED void pemn_sha256_of(const kernels *use, const void *data, size_t size,
                                uint8_t digest[32]);

#endif
