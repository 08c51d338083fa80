/* dictionary.h - what stands before a compact manifest. */
#ifndef PEMN_ZSTD_DICTIONARY_H
#define PEMN_ZSTD_DICTIONARY_H

#include "../base/platform.h"

#include <stdint.h>

#define DICTIONARY_BYTES 6741

PEMN_SHARED void pemn_write_dictionary(uint8_t to[DICTIONARY_BYTES]);

#endif
