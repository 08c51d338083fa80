/* blocks.h - SHA-256 of whole blocks: what the kernels are. */
#ifndef PEMN_HASH_BLOCKS_H
#define PEMN_HASH_BLOCKS_H

#include "../base/platform.h"

#include <stddef.h>
#include <stdint.h>

PEMN_SHARED void pemn_sha256_blocks(uint32_t state[8], const uint8_t *at, size_t count);
#ifdef PEMN_X86
PEMN_SHARED void pemn_x86_sha256_blocks(uint32_t state[8], const uint8_t *at, size_t count);
PEMN_SHARED void pemn_x86_sha256_two(uint32_t a[8], const uint8_t *at, uint32_t b[8],
                                     const uint8_t *bt, size_t count);
#endif

#endif
