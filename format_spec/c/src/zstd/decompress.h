/* decompress.h - the content of a zstd frame, block by block. */
#ifndef PEMN_ZSTD_DECOMPRESS_H
#define PEMN_ZSTD_DECOMPRESS_H

#include "frame.h"

/* Decompress a frame whose declared content was compared with what it has to be; `compact`: one
 * that was made with the dictionary. The caller frees *out, which is NULL on failure. */
PEMN_SHARED int pemn_decompress(const zstd_frame *frame, int compact, uint8_t **out, char *error);

#endif
