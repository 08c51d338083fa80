/* decompress.c - one way through libzstd, whose two interfaces do not agree.
 *
 * They differ, and versions do, in which blocks they take and in what an offset beyond the window
 * means. So the streaming one gets a header of ours, alone, such that it cannot take the way of the
 * other: its window is the whole content, so that no byte is forgotten, and at least as large as the
 * largest block. Then it gets one block at a time, and what comes out is measured. */
#include "decompress.h"

#include "../base/status.h"
#include "dictionary.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define HEADER_SIZE 14
#define LEAST_LOG 17 /* a window of 128 KiB */

/* Make a frame header of this content, which needs no more than the window that `most` allows. */
static void make_header(const zstd_frame *frame, unsigned most, uint8_t header[HEADER_SIZE])
{
    unsigned log = LEAST_LOG;
    while (log < most && (uint64_t)1 << log < frame->content)
        log++;
    save(header, 0xfd2fb528, 4);
    header[4] = (uint8_t)(0xc0 | (frame->has_checksum ? 4 : 0)); /* a content size of 8 bytes */
    header[5] = (uint8_t)((log - 10) << 3);
    save(header + 6, frame->content, 8);
}

/* Feed all of `input`, which has to be taken. */
static int feed(ZSTD_DCtx *context, const zstd_frame *frame, span input, ZSTD_outBuffer *output,
                size_t *left, char *error)
{
    ZSTD_inBuffer in;
    in.src = input.at;
    in.size = input.size;
    in.pos = 0;
    *left = ZSTD_decompressStream(context, output, &in);
    if (ZSTD_isError(*left)) {
        int lacks_memory = ZSTD_getErrorCode(*left) == ZSTD_error_memory_allocation;
        return pemn_fail(lacks_memory ? PEMN_SYSTEM : PEMN_BROKEN, error, "%s: zstd frame: %s",
                         frame->what, ZSTD_getErrorName(*left));
    }
    if (in.pos != in.size)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: wrong content size", frame->what);
    return PEMN_OK;
}

static int feed_blocks(ZSTD_DCtx *context, const zstd_frame *frame, ZSTD_outBuffer *output,
                       char *error)
{
    size_t at = frame->header_size, left = 1;
    zstd_block block = {0, 0, 0, 0};
    do {
        size_t before = output->pos;
        span input;
        int status = pemn_read_block(frame, at, &block, error);
        if (status != PEMN_OK)
            return status;
        input.at = frame->bytes.at + at;
        input.size = block.is_last ? frame->bytes.size - at : block.size; /* with the checksum */
        if ((status = feed(context, frame, input, output, &left, error)) != PEMN_OK)
            return status;
        if (output->pos - before > frame->block_max)
            return pemn_fail(PEMN_BROKEN, error,
                             "%s: zstd frame: a block decompresses to %llu bytes, expected at "
                             "most %llu",
                             frame->what, (unsigned long long)(output->pos - before),
                             (unsigned long long)frame->block_max);
        at += block.size;
    } while (!block.is_last);
    if (left != 0 || output->pos != output->size)
        return pemn_fail(PEMN_BROKEN, error, "%s: zstd frame: wrong content size", frame->what);
    return PEMN_OK;
}

PEMN_SHARED int pemn_decompress(const zstd_frame *frame, int compact, uint8_t **out, char *error)
{
    ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
    uint8_t header[HEADER_SIZE], dictionary[DICTIONARY_BYTES];
    ZSTD_DCtx *context;
    ZSTD_outBuffer output;
    span input;
    size_t left;
    int status = pemn_check_blocks(frame, error);
    *out = NULL;
    if (status != PEMN_OK)
        return status;
    if ((*out = pemn_reserve(frame->content, 1, error)) == NULL)
        return PEMN_SYSTEM;
    context = ZSTD_createDCtx();
    if (context == NULL || ZSTD_isError(bounds.error) ||
        ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, bounds.upperBound))) {
        status = pemn_fail(PEMN_SYSTEM, error, "out of memory for zstd");
    } else {
        if (compact) {
            pemn_write_dictionary(dictionary);
            if (ZSTD_isError(ZSTD_DCtx_refPrefix(context, dictionary, sizeof dictionary)))
                status = pemn_fail(PEMN_SYSTEM, error, "zstd takes no dictionary");
        }
        make_header(frame, (unsigned)bounds.upperBound, header);
        output.dst = *out;
        output.size = (size_t)frame->content;
        output.pos = 0;
        input.at = header;
        input.size = sizeof header;
        if (status == PEMN_OK)
            status = feed(context, frame, input, &output, &left, error);
        if (status == PEMN_OK)
            status = feed_blocks(context, frame, &output, error);
    }
    (void)ZSTD_freeDCtx(context);
    if (status == PEMN_OK)
        return PEMN_OK;
    free(*out);
    *out = NULL;
    return status;
}
