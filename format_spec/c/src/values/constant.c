/* constant.c - one value for all. */
#include "values.h"

#include <string.h>

PEMN_SHARED void pemn_fill_constant(const tensor *t, const uint8_t *mask, departures *d,
                                    uint8_t *out)
{
    unsigned width = width_of_dtype(t->dtype);
    uint64_t i;
    for (i = 0; i < t->elements; i++, out += width) {
        if (mask != NULL && !get_bit(mask, i)) {
            memset(out, 0, width);
            continue;
        }
        memcpy(out, t->constant, width);
        if (d != NULL && departs(d))
            out[width - 1] ^= 0x80;
    }
}
