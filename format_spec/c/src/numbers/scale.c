/* scale.c - the product of multiply(), many at a time, where no value is odd. */
#include "scale.h"

#include "floats.h"

static INLINE void scale_values(uint32_t *values, size_t count, uint32_t scale)
{
    uint32_t m = (scale & 0x7fffff) | 0x800000, sign = scale & 0x80000000;
    int e = (int)(scale >> 23 & 0xff) - 127, least = e > 0 ? 1 : 1 - e, most = 253 - e;
    uint32_t low, high, odd = 0;
    size_t i;
    most = most > 254 ? 254 : most;
    low = (uint32_t)least << 23;
    high = (uint32_t)(most + 1) << 23;
    for (i = 0; i < count; i++) { /* is any value or product no normal number? */
        uint32_t size = values[i] & 0x7fffffff;
        odd |= (uint32_t)(size < low) | (uint32_t)(size >= high);
    }
    if (odd) {
        for (i = 0; i < count; i++)
            values[i] = multiply(values[i], scale);
        return;
    }
    for (i = 0; i < count; i++) { /* multiply() without its rare cases */
        uint32_t value = values[i];
        uint64_t product = (uint64_t)((value & 0x7fffff) | 0x800000) * m;
        uint32_t top = (uint32_t)(product >> 47), rest, kept;
        product <<= 1 - top; /* from 2^47 to below 2^48 */
        kept = (uint32_t)(product >> 24);
        rest = (uint32_t)(product & 0xffffff) + (kept & 1);
        kept += (uint32_t)(rest > 0x800000);
        kept += ((value >> 23 & 0xff) + (uint32_t)e - 1 + top) << 23;
        values[i] = ((value ^ sign) & 0x80000000) | (kept & 0x7fffffff);
    }
}

PEMN_SHARED void pemn_scale(uint32_t *values, size_t count, uint32_t by)
{
    scale_values(values, count, by);
}

#ifdef PEMN_X86

AVX2 PEMN_SHARED void pemn_x86_scale(uint32_t *values, size_t count, uint32_t by)
{
    scale_values(values, count, by);
}

#endif
