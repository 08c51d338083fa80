/* hex.h - numbers and bytes as hex digits, in lower case. */
#ifndef PEMN_JSON_HEX_H
#define PEMN_JSON_HEX_H

#include "../base/bytes.h"

static inline int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline int is_hex_string(span value, size_t digits)
{
    size_t i;
    if (value.size != digits + 2 || value.at[0] != '"' || value.at[digits + 1] != '"')
        return 0;
    for (i = 0; i < digits; i++)
        if (hex_digit(value.at[1 + i]) < 0)
            return 0;
    return 1;
}

static inline void hex_bytes(const uint8_t *digits, uint8_t *out, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        out[i] = (uint8_t)(hex_digit(digits[2 * i]) << 4 | hex_digit(digits[2 * i + 1]));
}

static inline uint64_t hex_number(const uint8_t *digits, size_t count)
{
    uint64_t value = 0;
    size_t i;
    for (i = 0; i < count; i++)
        value = value << 4 | (uint64_t)hex_digit(digits[i]);
    return value;
}

#endif
