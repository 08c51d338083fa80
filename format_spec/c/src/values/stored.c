/* stored.c - stored values. */
#include "values.h"

#include "../base/status.h"
#include "../container/sections.h"
#include "../numbers/floats.h"
#include "../zstd/decompress.h"
#include "scales.h"

#include <stdlib.h>
#include <string.h>

/* Decode stored values, and spread them over the mask's ones. */
PEMN_SHARED int pemn_unpack(pemn_file *f, const tensor *t, const uint8_t *mask, uint8_t *out,
                            char *error)
{
    unsigned width = t->stored_dtype == I4 ? 1 : width_of_dtype(t->stored_dtype), b;
    uint64_t decoded = bytes_of_stored(t->stored_dtype, t->mask.ones), i, taken = 0;
    uint64_t step = width, apart = 1; /* from element to element, from byte to byte */
    uint8_t *owned = NULL;
    const uint8_t *from;
    scaler s = {0, 0, 0, 0};
    zstd_frame frame;
    span held;
    int status =
        pemn_payload(f, IN_DENSE, t->stored_start, t->stored_bytes, t->has_sha256, &held, error);
    if (status != PEMN_OK)
        return status;
    from = held.at;
    if (t->coding != RAW) {
        if ((status = pemn_read_frame(held, "stored values", &frame, error)) != PEMN_OK)
            return status;
        if (frame.content != decoded)
            return pemn_fail(PEMN_BROKEN, error, "stored values: the frame declares another size");
        if ((status = pemn_decompress(&frame, 0, &owned, error)) != PEMN_OK)
            return status;
        from = owned;
    }
    if (t->coding == SHUFFLE_ZSTD) {
        step = 1;
        apart = t->mask.ones;
    }
    if (t->stored_dtype == I4 && t->mask.ones % 2 != 0 && from[decoded - 1] >> 4 != 0)
        status = pemn_fail(PEMN_BROKEN, error, "stored values: the last four bits are not 0");
    if (t->scale != NULL)
        s = make_scaler(t);
    memset(out, 0, (size_t)(t->elements * width_of_dtype(t->dtype)));
    for (i = 0; status == PEMN_OK && i < t->elements; i++) {
        uint64_t element = 0;
        uint8_t *to = out + i * width_of_dtype(t->dtype);
        if (mask != NULL && !get_bit(mask, i))
            continue;
        if (t->stored_dtype == I4) {
            element = from[taken / 2] >> taken % 2 * 4 & 15;
            element |= element >= 8 ? 0xf0 : 0; /* its sign, as of 8 bits */
        }
        for (b = width; t->stored_dtype != I4 && b-- > 0;)
            element = element << 8 | from[taken * step + b * apart];
        taken++;
        if (t->scale != NULL) {
            int negative = element >= 0x80;
            uint32_t magnitude = (uint32_t)(negative ? 0x100 - element : element);
            uint32_t bits = multiply(from_integer(negative, magnitude, 0), scale_at(&s, t, i));
            save_float(to, bits, t->dtype);
        } else if (t->stored_dtype == t->dtype) {
            if (t->dtype == BOOL && element > 1)
                status = pemn_fail(PEMN_BROKEN, error, "expected bool bytes of 0 or 1");
            save(to, element, width);
        } else {
            save(to, t->stored_dtype == F16 ? from_f16((uint32_t)element) : element << 16, 4);
        }
    }
    free(owned);
    return status;
}
