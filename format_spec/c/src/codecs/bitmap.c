/* bitmap.c - a bit for each place. */
#include "masks.h"

#include "../base/status.h"

PEMN_SHARED int pemn_check_bitmap(uint64_t ones, uint64_t n, span packed, char *error)
{
    if (packed.size != (n + 7) / 8)
        return pemn_fail(PEMN_BROKEN, error, "bitmap: wrong size");
    if (count_bits(packed.at, n) != ones)
        return pemn_fail(PEMN_BROKEN, error, "bitmap: wrong number of ones");
    if (n % 8 != 0 && packed.at[packed.size - 1] >> n % 8 != 0)
        return pemn_fail(PEMN_BROKEN, error, "bitmap: an unused bit is 1");
    return PEMN_OK;
}
