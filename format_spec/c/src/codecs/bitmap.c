/* bitmap.c - a bit for each place. */
#include "masks.h"

#include "../base/status.h"

PEMN_SHARED int pemn_check_bitmap(uint64_t ones, uint64_t n, span packed, char *error)
{
    uint64_t found = 0;
    size_t i;
    if (packed.size != (n + 7) / 8)
        return pemn_fail(PEMN_BROKEN, error, "bitmap: wrong size");
    for (i = 0; i + 8 <= packed.size; i += 8) { /* count bits in pairs, fours, eights, then all */
        uint64_t x = load(packed.at + i, 8);
        x -= x >> 1 & 0x5555555555555555;
        x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
        x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
        found += x * 0x0101010101010101 >> 56;
    }
    for (; i < packed.size; i++) {
        unsigned byte = packed.at[i];
        for (; byte != 0; byte &= byte - 1)
            found++;
    }
    if (found != ones)
        return pemn_fail(PEMN_BROKEN, error, "bitmap: wrong number of ones");
    if (n % 8 != 0 && packed.at[packed.size - 1] >> n % 8 != 0)
        return pemn_fail(PEMN_BROKEN, error, "bitmap: an unused bit is 1");
    return PEMN_OK;
}
