/* csr.c - row pointers, and the ones' columns. */
#include "masks.h"

#include "../base/status.h"
#include "bits.h"

static unsigned width_of(uint64_t largest)
{
    return largest < 0x100 ? 1 : largest < 0x10000 ? 2 : largest <= 0xffffffff ? 4 : 8;
}

PEMN_SHARED uint64_t pemn_csr_bytes(uint64_t ones, uint64_t n, uint64_t rows)
{
    return (rows + 1) * width_of(ones) + ones * width_of(n / rows - 1); /* below 2^53 */
}

PEMN_SHARED int pemn_decode_csr(uint64_t ones, uint64_t n, uint64_t rows, span packed,
                                uint8_t *bits, char *error)
{
    uint64_t columns = n / rows, row, start, end;
    unsigned pointer = width_of(ones), index = width_of(columns - 1);
    const uint8_t *at = packed.at, *indices;
    if (packed.size != pemn_csr_bytes(ones, n, rows))
        return pemn_fail(PEMN_BROKEN, error, "csr: wrong size");
    indices = at + (size_t)((rows + 1) * pointer);
    if (load(at, pointer) != 0)
        return pemn_fail(PEMN_BROKEN, error, "csr: the first pointer is not 0");
    for (row = 0, start = 0; row < rows; row++, start = end) {
        uint64_t least = 0;
        at += pointer;
        end = load(at, pointer);
        if (end < start || end > ones)
            return pemn_fail(PEMN_BROKEN, error, "csr: pointers do not rise to the number of ones");
        for (; start < end; start++, indices += index) {
            uint64_t column = load(indices, index);
            if (column < least || column >= columns)
                return pemn_fail(PEMN_BROKEN, error, "csr: indices do not rise within a row");
            set_bit(bits, row * columns + column);
            least = column + 1;
        }
    }
    if (start != ones)
        return pemn_fail(PEMN_BROKEN, error, "csr: the last pointer is not the number of ones");
    return PEMN_OK;
}
