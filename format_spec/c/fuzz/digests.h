/* digests.h - makes digests and sums right, so that mutations reach what lies behind them. */
#ifndef PEMN_FUZZ_DIGESTS_H
#define PEMN_FUZZ_DIGESTS_H

#include <stddef.h>
#include <stdint.h>

#define COMPACT_FRAME_BYTES 12 /* of a frame and its one block, before their content */

/* Make the digests right that can be: the header's, and with a raw manifest the sections' too. */
void fix_digests(uint8_t *data, size_t size);

#endif
