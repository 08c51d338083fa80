/* decompress.h - the content of a zstd frame, block by block. */
#ifndef PEMN_ZSTD_DECOMPRESS_H
#define PEMN_ZSTD_DECOMPRESS_H

#include "frame.h"

/* Decompress a frame whose declared content was compared with what it has to be. The caller frees
 * *out, which is NULL on failure. */
PEMN_SHARED int pemn_decompress(const zstd_frame *frame, uint8_t **out, char *error);

#endif
