/* fill.c - values of the prototype. */
#include "values.h"

#include "../base/status.h"
#include "../prng/normal16.h"
#include "scales.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 4096 /* elements that are worked on at once */

/* Make all elements of a tensor that takes them from the prototype, a chunk at a time. */
PEMN_SHARED int pemn_fill(pemn_file *f, const tensor *t, const uint8_t *mask, departures *d,
                          uint8_t *out, char *error)
{
    uint32_t values[CHUNK], *scaled = NULL;
    uint64_t from, place = t->offset;
    scaler s = make_scaler(t);
    vector v;
    size_t count, i, run;
    int status = pemn_get_vector(f, &v, error);
    if (status != PEMN_OK)
        return status;
    /* where the same values come again and again, scale them once */
    if (t->kind == PROTOTYPE && !t->scale_per_row && (d == NULL || t->plane.kind == SIGNS)) {
        int looked_up = v.kept == NULL && v.table != NULL;
        uint64_t size = looked_up ? 2 * TABLE_HALF : v.kept != NULL ? v.length : 0;
        if (size > 0 && size <= t->elements / 2) {
            if ((scaled = pemn_reserve(size, sizeof *scaled, error)) == NULL)
                return PEMN_SYSTEM;
            memcpy(scaled, looked_up ? v.table : v.kept, (size_t)size * sizeof *scaled);
            f->use->scale(scaled, (size_t)size, s.scale);
            if (looked_up)
                v.table = scaled;
            else
                v.kept = scaled;
        }
    }
    for (from = 0; status == PEMN_OK && from < t->elements; from += count) {
        count = t->elements - from < CHUNK ? (size_t)(t->elements - from) : CHUNK;
        pemn_take_values(&v, place, count, values);
        place = (place + count) % v.length;
        if (d != NULL && t->plane.kind != SIGNS)
            status = pemn_depart(&v, t, d, from, count, values, error);
        for (i = 0; scaled == NULL && i < count; i += run) {
            uint32_t scale = scale_at(&s, t, from + i);
            run = s.end - (from + i) < count - i ? (size_t)(s.end - (from + i)) : count - i;
            if (t->kind == PROTOTYPE)
                f->use->scale(values + i, run, scale);
            else
                for (size_t k = i; k < i + run; k++)
                    values[k] = (values[k] & 0x80000000) ^ scale;
        }
        if (status == PEMN_OK && d != NULL && t->plane.kind == SIGNS)
            status = pemn_depart(&v, t, d, from, count, values, error);
        f->use->put(values, count, mask == NULL ? NULL : mask + from / 8, t->dtype,
                    out + from * width_of_dtype(t->dtype));
    }
    free(scaled);
    return status;
}
