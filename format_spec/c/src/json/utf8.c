/* utf8.c - no overlong forms, no surrogates. */
#include "utf8.h"

PEMN_SHARED size_t pemn_utf8_character(span text)
{
    unsigned first = text.at[0], low = 0x80, high = 0xbf;
    size_t size, i;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        size = 2;
    else if (first >= 0xe0 && first <= 0xef)
        size = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        size = 4;
    else
        return 0;
    if (first == 0xe0)
        low = 0xa0; /* no overlong forms */
    else if (first == 0xed)
        high = 0x9f; /* no surrogates */
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f; /* nothing above U+10FFFF */
    if (text.size < size || text.at[1] < low || text.at[1] > high)
        return 0;
    for (i = 2; i < size; i++)
        if (text.at[i] < 0x80 || text.at[i] > 0xbf)
            return 0;
    return size;
}

PEMN_SHARED int pemn_is_utf8(span text)
{
    while (text.size > 0) {
        size_t size = pemn_utf8_character(text);
        if (size == 0)
            return 0;
        text.at += size;
        text.size -= size;
    }
    return 1;
}
