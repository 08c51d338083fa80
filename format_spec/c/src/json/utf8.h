/* utf8.h - well-formed UTF-8. */
#ifndef PEMN_JSON_UTF8_H
#define PEMN_JSON_UTF8_H

#include "../base/bytes.h"
#include "../base/platform.h"

/* Bytes of the well-formed character at the start of `text`, 0 if there is none. */
PEMN_SHARED size_t pemn_utf8_character(span text);

PEMN_SHARED int pemn_is_utf8(span text);

#endif
