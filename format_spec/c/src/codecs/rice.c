/* rice.c - Golomb-Rice coded gaps between the rarer symbols. */
#include "masks.h"

#include "../base/status.h"
#include "bits.h"

#include <string.h>

PEMN_SHARED int pemn_decode_rice(uint64_t ones, uint64_t n, span packed, uint8_t *bits, char *error)
{
    uint64_t coded, j, bit = 0, unary_bits, next = 0, remainder_bits;
    const uint8_t *unary, *remainders;
    unsigned k, i;
    int inverted = ones > n - ones;
    if (packed.size < 1)
        return pemn_fail(PEMN_BROKEN, error, "rice: empty");
    k = packed.at[0] & 0x7f;
    if (k > MAX_RICE_PARAMETER)
        return pemn_fail(PEMN_BROKEN, error, "rice: parameter above %d", MAX_RICE_PARAMETER);
    if ((packed.at[0] >> 7) != inverted)
        return pemn_fail(PEMN_BROKEN, error, "rice: not the rarer symbol is coded");
    coded = inverted ? n - ones : ones;
    remainder_bits = coded * k; /* below 2^54 */
    if ((remainder_bits + 7) / 8 > packed.size - 1)
        return pemn_fail(PEMN_BROKEN, error, "rice: too short for its remainders");
    unary = packed.at + 1;
    remainders = packed.at + (packed.size - (size_t)((remainder_bits + 7) / 8));
    unary_bits = (uint64_t)(remainders - unary) * 8;
    if (inverted) { /* all ones, but for the unused bits of the last byte */
        memset(bits, 0xff, (size_t)((n + 7) / 8));
        if (n % 8 != 0)
            bits[n / 8] = (uint8_t)((1u << n % 8) - 1);
    }
    for (j = 0; j < coded; j++) {
        uint64_t quotient = 0, gap;
        while (bit < unary_bits && !get_bit(unary, bit)) {
            if (bit % 8 == 0 && unary[bit / 8] == 0) {
                quotient += 8;
                bit += 8;
            } else {
                quotient++;
                bit++;
            }
        }
        if (bit >= unary_bits)
            return pemn_fail(PEMN_BROKEN, error, "rice: too few ones in the unary stream");
        bit++;
        if (quotient > n >> k)
            return pemn_fail(PEMN_BROKEN, error, "rice: a position beyond the tensor");
        gap = 0;
        for (i = 0; i < k; i++)
            gap = gap << 1 | (uint64_t)get_bit(remainders, j * k + i);
        gap |= quotient << k; /* at most n + 2^47 */
        if (next >= n || gap >= n - next)
            return pemn_fail(PEMN_BROKEN, error, "rice: a position beyond the tensor");
        next += gap; /* the position */
        if (inverted)
            bits[next / 8] = (uint8_t)(bits[next / 8] & ~(1u << next % 8));
        else
            set_bit(bits, next);
        next++;
    }
    if (unary_bits - bit >= 8)
        return pemn_fail(PEMN_BROKEN, error, "rice: a byte after the unary stream's last one");
    for (; bit < unary_bits; bit++)
        if (get_bit(unary, bit))
            return pemn_fail(PEMN_BROKEN, error, "rice: too many ones in the unary stream");
    if (remainder_bits % 8 != 0 && remainders[remainder_bits / 8] >> remainder_bits % 8 != 0)
        return pemn_fail(PEMN_BROKEN, error, "rice: a padding bit is 1");
    return PEMN_OK;
}
