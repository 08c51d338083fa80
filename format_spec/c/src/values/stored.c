/* stored.c - stored values. */
#include "values.h"

#include "../base/status.h"
#include "../container/sections.h"
#include "../numbers/floats.h"
#include "../zstd/decompress.h"
#include "integers.h"
#include "scales.h"

#include <stdlib.h>
#include <string.h>

/* Write elements from `i` to `end`, all of one scale, and return how many integers were taken. */
static INLINE uint64_t put_integers(const tensor *t, uint32_t scale, const uint8_t *mask,
                                    const uint8_t *from, uint64_t taken, uint64_t i, uint64_t end,
                                    int four, unsigned width, uint8_t *out)
{
    uint32_t products[256];
    unsigned size = four ? 16 : 256, k;
    int looked_up = (end - i) / 2 >= size; /* few elements are not worth a table */
    for (k = 0; looked_up && k < size; k++)
        products[k] = scaled_integer(k, four, scale, t->dtype);
    for (; i < end; i++) {
        unsigned integer;
        if (mask != NULL && !get_bit(mask, i))
            continue;
        integer = stored_integer(from, taken++, four);
        save(out + i * width,
             looked_up ? products[integer] : scaled_integer(integer, four, scale, t->dtype), width);
    }
    return taken;
}

/* Integers times their scales. */
static void unpack_integers(const tensor *t, const uint8_t *mask, const uint8_t *from, uint8_t *out)
{
    scaler s = make_scaler(t);
    uint64_t i, taken = 0;
    for (i = 0; i < t->elements; i = s.end) {
        uint32_t scale = scale_at(&s, t, i);
        if (t->stored_dtype == I4 && t->dtype == F32)
            taken = put_integers(t, scale, mask, from, taken, i, s.end, 1, 4, out);
        else if (t->stored_dtype == I4)
            taken = put_integers(t, scale, mask, from, taken, i, s.end, 1, 2, out);
        else if (t->dtype == F32)
            taken = put_integers(t, scale, mask, from, taken, i, s.end, 0, 4, out);
        else
            taken = put_integers(t, scale, mask, from, taken, i, s.end, 0, 2, out);
    }
}

/* Decode stored values, and spread them over the mask's ones. */
PEMN_SHARED int pemn_unpack(pemn_file *f, const tensor *t, const uint8_t *mask, uint8_t *out,
                            char *error)
{
    unsigned width = t->stored_dtype == I4 ? 1 : width_of_dtype(t->stored_dtype), b;
    uint64_t decoded = bytes_of_stored(t->stored_dtype, t->mask.ones), i, taken = 0;
    uint64_t step = width, apart = 1; /* from element to element, from byte to byte */
    uint8_t *owned = NULL;
    const uint8_t *from;
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
    memset(out, 0, (size_t)(t->elements * width_of_dtype(t->dtype)));
    if (status == PEMN_OK && t->scale != NULL)
        unpack_integers(t, mask, from, out);
    for (i = 0; status == PEMN_OK && t->scale == NULL && i < t->elements; i++) {
        uint64_t element = 0;
        uint8_t *to = out + i * width_of_dtype(t->dtype);
        if (mask != NULL && !get_bit(mask, i))
            continue;
        for (b = width; b-- > 0;)
            element = element << 8 | from[taken * step + b * apart];
        taken++;
        if (t->stored_dtype == t->dtype) {
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
