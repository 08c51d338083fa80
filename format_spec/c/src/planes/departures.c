/* departures.c - which elements depart, and how. */
#include "departures.h"

#include "../base/status.h"
#include "../codecs/masks.h"
#include "../container/sections.h"

#include <string.h>

PEMN_SHARED int pemn_get_departures(pemn_file *f, const tensor *t, const uint8_t *of, departures *d,
                                    char *error)
{
    const plane *s = &t->plane;
    uint64_t bits = s->which.ones * s->width; /* below 2^54 */
    span held, mask;
    int status = pemn_payload(f, IN_PLANES, s->which.start, s->bytes, t->has_sha256, &held, error);
    memset(d, 0, sizeof *d);
    d->of = of;
    if (status != PEMN_OK)
        return status;
    mask.at = held.at;
    mask.size = (size_t)s->which.bytes;
    d->numbers = held.at + mask.size;
    d->width = s->width;
    if (bits % 8 != 0 && d->numbers[bits / 8] >> bits % 8 != 0)
        return pemn_fail(PEMN_BROKEN, error, "plane: a padding bit is 1");
    return pemn_decode_mask(s->which.codec, s->which.ones, t->mask.ones - t->frozen, 1, mask, &d->bits,
                            &d->owned, error);
}

PEMN_SHARED int pemn_depart(const vector *v, const tensor *t, departures *d, uint64_t from,
                            size_t count, uint32_t *values, char *error)
{
    const prototype *p = v->prototype;
    size_t i;
    for (i = 0; i < count; i++) {
        uint64_t number;
        if ((d->of != NULL && !get_bit(d->of, from + i)) || !departs(d))
            continue;
        if (t->plane.kind == SIGNS) {
            values[i] ^= 0x80000000;
            continue;
        }
        number = next_number(d);
        if (t->plane.kind == GENERATION) {
            v->use->draw(p->transform, v->table, p->seed, t->plane.stream + number + 1, from + i, 1,
                         &values[i]);
            continue;
        }
        if (number >= t->elements)
            return pemn_fail(PEMN_BROKEN, error, "plane: source %llu of a tensor of %llu elements",
                             (unsigned long long)number, (unsigned long long)t->elements);
        pemn_take_values(v, (t->offset + number) % v->length, 1, &values[i]);
    }
    return PEMN_OK;
}
