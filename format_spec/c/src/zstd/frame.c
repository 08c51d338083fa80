/* frame.c - headers, which are read here and not by libzstd. */
#include "frame.h"

#include "../base/status.h"

#define BLOCK_MAX 131072

PEMN_SHARED int pemn_read_frame(span bytes, const char *what, zstd_frame *frame, char *error)
{
    static const unsigned id_bytes[4] = {0, 1, 2, 4}, size_bytes[4] = {0, 2, 4, 8};
    unsigned descriptor, single, id_width, size_width;
    uint64_t window = 0;
    size_t at = 5;
    if (bytes.size < 5 || load(bytes.at, 4) != 0xfd2fb528)
        return pemn_fail(PEMN_BROKEN, error, "%s: expected a zstd frame", what);
    descriptor = bytes.at[4];
    single = descriptor >> 5 & 1;
    id_width = id_bytes[descriptor & 3];
    size_width = size_bytes[descriptor >> 6];
    if (single && size_width == 0)
        size_width = 1;
    if (descriptor & 8)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: reserved bit is not 0", what);
    if (size_width == 0)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: declares no content size", what);
    if (bytes.size - at < (single ? 0u : 1u) + id_width + size_width)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: cut short", what);
    if (!single) {
        uint64_t base = (uint64_t)1 << (10 + (bytes.at[at] >> 3)); /* at most 2^41 */
        window = base + base / 8 * (bytes.at[at] & 7);
        at++;
    }
    if (load(bytes.at + at, id_width) != 0)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: needs a dictionary", what);
    at += id_width;
    frame->content = load(bytes.at + at, size_width);
    if (size_width == 2)
        frame->content += 256;
    if (single)
        window = frame->content;
    if (window > MAX_ZSTD_WINDOW)
        return pemn_fail(PEMN_BROKEN, error,
                         "%s: zstd frame: window of %llu bytes is above the cap", what,
                         (unsigned long long)window);
    frame->bytes = bytes;
    frame->block_max = window < BLOCK_MAX ? window : BLOCK_MAX;
    frame->header_size = at + size_width;
    frame->has_checksum = descriptor >> 2 & 1;
    frame->what = what;
    return PEMN_OK;
}

PEMN_SHARED int pemn_read_block(const zstd_frame *frame, size_t at, zstd_block *block, char *error)
{
    uint64_t header, size;
    if (frame->bytes.size - at < BLOCK_HEADER_BYTES)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: cut short", frame->what);
    header = load(frame->bytes.at + at, BLOCK_HEADER_BYTES);
    size = header >> 3;
    block->is_last = header & 1;
    block->kind = header >> 1 & 3;
    if (block->kind > COMPRESSED_BLOCK)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: a block of the reserved kind",
                         frame->what);
    if (size > frame->block_max)
        return pemn_fail(
            PEMN_BROKEN, error, "%s: zstd frame: a block of %llu bytes, expected at most %llu",
            frame->what, (unsigned long long)size, (unsigned long long)frame->block_max);
    /* two sections have 3 bytes where they stand for any; libzstd's versions differ in others */
    if (block->kind == COMPRESSED_BLOCK && (size < 3 || size == BLOCK_MAX))
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: a compressed block of %llu bytes",
                         frame->what, (unsigned long long)size);
    block->regenerated = block->kind == COMPRESSED_BLOCK ? 0 : size;
    block->size = BLOCK_HEADER_BYTES + (block->kind == RLE_BLOCK ? 1 : (size_t)size);
    if (block->size > frame->bytes.size - at)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: cut short", frame->what);
    return PEMN_OK;
}

PEMN_SHARED int pemn_check_blocks(const zstd_frame *frame, char *error)
{
    uint64_t regenerated = 0, most = 0; /* of raw and RLE blocks; of all */
    size_t at = frame->header_size, checksum = frame->has_checksum ? 4 : 0;
    zstd_block block = {0, 0, 0, 0};
    do {
        int status = pemn_read_block(frame, at, &block, error);
        if (status != PEMN_OK)
            return status;
        at += block.size; /* sums: fewer blocks than bytes, 2^17 each, do not overflow */
        regenerated += block.regenerated;
        most += block.kind == COMPRESSED_BLOCK ? frame->block_max : block.regenerated;
    } while (!block.is_last);
    if (frame->bytes.size - at < checksum)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: cut short", frame->what);
    if (frame->bytes.size - at > checksum)
        return pemn_fail(PEMN_BROKEN, error, "%s: bytes after the zstd frame", frame->what);
    if (frame->content < regenerated || frame->content > most)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: wrong content size", frame->what);
    return PEMN_OK;
}
