/* masks.c - which codec unpacks a mask. */
#include "masks.h"

#include "../base/names.h"
#include "../base/status.h"

#include <string.h>

PEMN_SHARED int pemn_mask_fits(unsigned codec, uint64_t ones, uint64_t n, uint64_t rows,
                               uint64_t bytes)
{
    uint64_t coded = ones > n - ones ? n - ones : ones;
    if (codec == BITMAP)
        return bytes == (n + 7) / 8;
    if (codec == CSR)
        return bytes == pemn_csr_bytes(ones, n, rows);
    /* parameter, quotients that add up to n at most, remainders: all below 2^54 bits */
    return bytes >= 1 && bytes <= 1 + (coded + n + 7) / 8 + (coded * MAX_RICE_PARAMETER + 7) / 8;
}

PEMN_SHARED int pemn_decode_mask(unsigned codec, uint64_t ones, uint64_t n, uint64_t rows,
                                 span packed, const uint8_t **bits, uint8_t **owned, char *error)
{
    *owned = NULL;
    if (codec == BITMAP) {
        *bits = packed.at;
        return pemn_check_bitmap(ones, n, packed, error);
    }
    if ((*owned = pemn_reserve((n + 7) / 8, 1, error)) == NULL)
        return PEMN_SYSTEM;
    *bits = *owned;
    memset(*owned, 0, (size_t)((n + 7) / 8));
    return codec == CSR ? pemn_decode_csr(ones, n, rows, packed, *owned, error)
                        : pemn_decode_rice(ones, n, packed, *owned, error);
}
