/* sha256.c - SHA-256 of bytes that come in pieces. */
#include "sha256.h"

#include <string.h>

PEMN_SHARED sha256 pemn_sha256_make(const kernels *use)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    sha256 s;
    memset(&s, 0, sizeof s);
    memcpy(s.state, first, sizeof first);
    s.use = use;
    return s;
}

PEMN_SHARED void pemn_sha256_add(sha256 *s, const void *data, size_t size)
{
    const uint8_t *at = data;
    size_t held = (size_t)(s->size % 64);
    s->size += size;
    if (held > 0) {
        size_t part = size < 64 - held ? size : 64 - held;
        memcpy(s->block + held, at, part);
        at += part;
        size -= part;
        if (held + part < 64)
            return;
        s->use->sha256_blocks(s->state, s->block, 1);
    }
    s->use->sha256_blocks(s->state, at, size / 64);
    at += size - size % 64;
    size %= 64;
    if (size > 0)
        memcpy(s->block, at, size);
}

PEMN_SHARED void pemn_sha256_end(sha256 *s, uint8_t digest[32])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = s->size * 8;
    uint8_t length[8];
    unsigned i;
    for (i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i) & 0xff);
    pemn_sha256_add(s, padding, (size_t)(64 - (s->size + 8) % 64));
    pemn_sha256_add(s, length, 8);
    for (i = 0; i < 32; i++)
        digest[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)) & 0xff);
}

PEMN_SHARED void pemn_sha256_of(const kernels *use, const void *data, size_t size,
                                uint8_t digest[32])
{
    sha256 s = pemn_sha256_make(use);
    pemn_sha256_add(&s, data, size);
    pemn_sha256_end(&s, digest);
}
