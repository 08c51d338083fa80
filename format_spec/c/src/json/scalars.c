/* scalars.c - strings with the shortest escapes, integers without leading zeros. */
#include "scalars.h"

#include "hex.h"
#include "utf8.h"

#include <string.h>

PEMN_SHARED size_t pemn_string_size(span text)
{
    size_t at = 1;
    if (text.size == 0 || text.at[0] != '"')
        return 0;
    while (at < text.size) {
        span rest;
        size_t size;
        rest.at = text.at + at;
        rest.size = text.size - at;
        if (rest.at[0] == '"')
            return at + 1;
        if (rest.at[0] < 0x20)
            return 0;
        if (rest.at[0] == '\\') {
            if (rest.size < 2)
                return 0;
            size = 2;
            if (rest.at[1] == 'u') { /* only those that have no short form */
                int high, low;
                if (rest.size < 6 || rest.at[2] != '0' || rest.at[3] != '0')
                    return 0;
                high = hex_digit(rest.at[4]);
                low = hex_digit(rest.at[5]);
                if (high < 0 || high > 1 || low < 0)
                    return 0;
                if (high == 0 && low >= 8 && low <= 13 && low != 11)
                    return 0;
                size = 6;
            } else if (rest.at[1] == '\0' || strchr("\"\\bfnrt", rest.at[1]) == NULL) {
                return 0;
            }
        } else {
            size = pemn_utf8_character(rest);
            if (size == 0)
                return 0;
        }
        at += size;
    }
    return 0;
}

/* Next byte of what a canonical string (without quotes) stands for; -1 at its end. */
static int string_byte(span *text)
{
    static const char escapes[] = "\"\"\\\\b\bf\fn\nr\rt\t";
    int c, i;
    if (text->size == 0)
        return -1;
    c = text->at[0];
    if (c != '\\') {
        text->at++;
        text->size--;
        return c;
    }
    c = text->at[1];
    if (c == 'u') {
        c = hex_digit(text->at[4]) * 16 + hex_digit(text->at[5]);
        text->at += 6;
        text->size -= 6;
        return c;
    }
    for (i = 0; escapes[i] != '\0'; i += 2)
        if (escapes[i] == c)
            break;
    text->at += 2;
    text->size -= 2;
    return escapes[i + 1];
}

/* Order of two keys by code point, which in UTF-8 is that by byte. */
PEMN_SHARED int pemn_compare_keys(span a, span b)
{
    for (;;) {
        int x = string_byte(&a), y = string_byte(&b);
        if (x != y || x < 0)
            return x < y ? -1 : x > y;
    }
}

PEMN_SHARED size_t pemn_integer_size(span text)
{
    size_t at = 0, first;
    uint64_t value = 0, most = UINT64_MAX;
    if (text.size > 0 && text.at[0] == '-') {
        at = 1;
        most = (uint64_t)1 << 63;
    }
    first = at;
    for (; at < text.size && text.at[at] >= '0' && text.at[at] <= '9'; at++) {
        unsigned digit = (unsigned)(text.at[at] - '0');
        if (at - first >= 20 || value > (most - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    if (at == first || (text.at[first] == '0' && (at - first > 1 || first > 0)))
        return 0;
    return at;
}

PEMN_SHARED size_t pemn_word_size(span text)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t i;
    for (i = 0; i < 3; i++)
        if (text.size >= strlen(words[i]) && memcmp(text.at, words[i], strlen(words[i])) == 0)
            return strlen(words[i]);
    return 0;
}
