/* scalars.h - strings, integers and words as a canonical writer writes them. */
#ifndef PEMN_JSON_SCALARS_H
#define PEMN_JSON_SCALARS_H

#include "../base/bytes.h"
#include "../base/platform.h"

/* Bytes of what a text begins with; 0 where it is none, or not canonical. Quotes are included. */
PEMN_SHARED size_t pemn_string_size(span text);
PEMN_SHARED size_t pemn_integer_size(span text);
PEMN_SHARED size_t pemn_word_size(span text);

/* Order of two keys, without their quotes, by code point, which in UTF-8 is that by byte. */
PEMN_SHARED int pemn_compare_keys(span a, span b);

#endif
