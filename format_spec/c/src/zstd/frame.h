/* frame.h - one zstd frame (RFC 8878): what its header says, whether its blocks keep the rules. */
#ifndef PEMN_ZSTD_FRAME_H
#define PEMN_ZSTD_FRAME_H

#include "../base/bytes.h"
#include "../base/platform.h"

#define BLOCK_HEADER_BYTES 3

enum { RAW_BLOCK, RLE_BLOCK, COMPRESSED_BLOCK };

typedef struct {
    span bytes;         /* the frame, which ends where they end */
    uint64_t content;   /* bytes it decompresses to, as declared */
    uint64_t block_max; /* bytes that no block may exceed, stored or decompressed */
    size_t header_size; /* blocks begin here */
    int has_checksum;
    const char *what; /* begins the messages */
} zstd_frame;

typedef struct {
    unsigned kind, is_last;
    uint64_t regenerated; /* of a raw or RLE block; 0 of a compressed one, which has to be tried */
    size_t size;          /* of the block, its header included */
} zstd_block;

/* Read what the header of a frame declares. */
PEMN_SHARED int pemn_read_frame(span bytes, const char *what, zstd_frame *frame, char *error);

/* Read the header of the block at an offset, and compare its size with the limit. */
PEMN_SHARED int pemn_read_block(const zstd_frame *frame, size_t at, zstd_block *block, char *error);

/* Check all blocks' headers, and that the frame ends where it is said to end. */
PEMN_SHARED int pemn_check_blocks(const zstd_frame *frame, char *error);

#endif
