/* floats.h - floats as bit patterns: no floating-point environment matters. */
#ifndef PEMN_NUMBERS_FLOATS_H
#define PEMN_NUMBERS_FLOATS_H

#include "../base/bytes.h"
#include "../base/names.h"

/* binary32 of (-1)^negative x magnitude x 2^exponent; magnitude below 2^24, result normal or 0. */
static inline uint32_t from_integer(int negative, uint32_t magnitude, int exponent)
{
    int top = 23;
    if (magnitude == 0)
        return 0;
    while (!(magnitude >> top & 1))
        top--;
    return (negative ? 0x80000000 : 0) | (uint32_t)(127 + top + exponent) << 23 |
           (magnitude << (23 - top) & 0x7fffff);
}

/* Shift right, rounding to nearest, ties to even; shift from 1 to 63. */
static inline uint32_t round_shift(uint64_t value, unsigned shift)
{
    uint64_t kept = value >> shift, rest = value & (((uint64_t)1 << shift) - 1);
    uint64_t half = (uint64_t)1 << (shift - 1);
    return (uint32_t)(kept + (rest > half || (rest == half && (kept & 1))));
}

/* The correctly rounded product of a finite binary32 and a normal one, in binary32. */
static inline uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t sign = (a ^ b) & 0x80000000, m = a & 0x7fffff;
    int ea = (int)(a >> 23 & 0xff), eb = (int)(b >> 23 & 0xff), e;
    uint64_t product;
    if (ea > 0) {
        m |= 0x800000;
    } else {
        if (m == 0)
            return sign;
        for (ea = 1; !(m & 0x800000); ea--)
            m <<= 1;
    }
    product = (uint64_t)m * ((b & 0x7fffff) | 0x800000); /* from 2^46 to below 2^48 */
    e = ea + eb - 126;
    if (!(product >> 47)) {
        product <<= 1;
        e--;
    }
    if (e >= 255)
        return sign | 0x7f800000;
    if (e >= 1) /* rounding may carry into the exponent, up to infinity: all is well */
        return sign | (((uint32_t)(e - 1) << 23) + round_shift(product, 24));
    return e < -24 ? sign : sign | round_shift(product, (unsigned)(25 - e));
}

/* Round a binary32 that is no NaN to binary16. */
static inline uint16_t to_f16(uint32_t bits)
{
    uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    if (size >= 0x477ff000) /* 65520 and above */
        return (uint16_t)(sign | 0x7c00);
    if (size >= 0x38800000)
        return (uint16_t)(sign | round_shift(size - 0x38000000, 13));
    if (size < 0x33000000) /* below 2^-25 */
        return (uint16_t)sign;
    return (uint16_t)(sign | round_shift((size & 0x7fffff) | 0x800000, 126 - (size >> 23)));
}

static inline uint16_t to_bf16(uint32_t bits)
{
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The binary32 of the same value; a NaN keeps its bits. */
static inline uint32_t from_f16(uint32_t bits)
{
    uint32_t sign = (bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
    if (exponent == 31)
        return sign | 0x7f800000 | fraction << 13;
    if (exponent == 0)
        return fraction == 0 ? sign : from_integer(sign != 0, fraction, -24);
    return sign | (exponent + 112) << 23 | fraction << 13;
}

static inline void save_float(uint8_t *at, uint32_t bits, unsigned dtype)
{
    if (dtype == F32)
        save(at, bits, 4);
    else
        save(at, dtype == F16 ? to_f16(bits) : to_bf16(bits), 2);
}

#endif
