/* masks.h - masks of n places with so many ones, as each codec packs them. */
#ifndef PEMN_CODECS_MASKS_H
#define PEMN_CODECS_MASKS_H

#include "../base/bytes.h"
#include "../base/platform.h"

/* A bitmap is used as it is. */
PEMN_SHARED int pemn_check_bitmap(uint64_t ones, uint64_t n, span packed, char *error);

/* These write into `bits`, which are 0. */
PEMN_SHARED int pemn_decode_csr(uint64_t ones, uint64_t n, uint64_t rows, span packed,
                                uint8_t *bits, char *error);
PEMN_SHARED int pemn_decode_rice(uint64_t ones, uint64_t n, span packed, uint8_t *bits,
                                 char *error);

PEMN_SHARED uint64_t pemn_csr_bytes(uint64_t ones, uint64_t n, uint64_t rows);

/* Can a mask have so many bytes? What rice needs depends on its parameter. */
PEMN_SHARED int pemn_mask_fits(unsigned codec, uint64_t ones, uint64_t n, uint64_t rows,
                               uint64_t bytes);

/* Unpack a mask of n places in `rows` rows: its bits, and in *owned what to free later. */
PEMN_SHARED int pemn_decode_mask(unsigned codec, uint64_t ones, uint64_t n, uint64_t rows,
                                 span packed, const uint8_t **bits, uint8_t **owned, char *error);

#endif
