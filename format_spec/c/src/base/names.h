/* names.h - the closed lists of names in manifests, and their numbers here. */
#ifndef PEMN_BASE_NAMES_H
#define PEMN_BASE_NAMES_H

#include "platform.h"

#include <stddef.h>
#include <stdint.h>

enum { BOOL, U8, I8, I16, I32, I64, BF16, F16, F32, F64, I4 }; /* I4: of stored values only */
enum { PROTOTYPE, PROTOTYPE_SIGN, STORED, CONSTANT, ALIAS };
enum { SIGNS, GENERATION, FROM_SOURCE, NO_PLANE };
enum { BITMAP, CSR, RICE, NO_CODEC };
enum { RAW, ZSTD, SHUFFLE_ZSTD };
enum { NORMAL16, UNIFORM24, SIGN, WORDS }; /* WORDS: no transform of a file */
enum { IN_MASKS, IN_PLANES, IN_DENSE, IN_PROTOTYPE, IN_SOURCE, KNOWN_SECTIONS };

typedef enum { DTYPES, STORED_DTYPES, KINDS, PLANES, CODECS, CODINGS, TRANSFORMS, SECTIONS } name_list;

/* Name number i of a list; NULL where the list has ended before. */
PEMN_SHARED const char *pemn_name(name_list list, size_t i);

/* Bytes of an element. */
static inline unsigned width_of_dtype(unsigned dtype)
{
    static const unsigned char widths[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};
    return widths[dtype];
}

/* Bytes of so many stored elements. */
static inline uint64_t bytes_of_stored(unsigned dtype, uint64_t count)
{
    return dtype == I4 ? count / 2 + count % 2 : count * width_of_dtype(dtype);
}

#endif
