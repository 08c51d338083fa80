/* departures.h - elements that a plane changes. */
#ifndef PEMN_PLANES_DEPARTURES_H
#define PEMN_PLANES_DEPARTURES_H

#include "../codecs/bits.h"
#include "../prototype/vector.h"

/* Goes through the selected elements in order and says which depart, and with what number. */
typedef struct {
    const uint8_t *bits, *numbers;
    uint8_t *owned;
    const uint8_t *of; /* elements that it says something of; NULL: all */
    uint64_t selected, bit; /* places of the next ones, in `bits` and in `numbers` */
    unsigned width;
} departures;

static inline int departs(departures *d) { return get_bit(d->bits, d->selected++); }

static inline uint64_t next_number(departures *d)
{
    const uint8_t *at = d->numbers + d->bit / 8;
    unsigned shift = (unsigned)(d->bit % 8);
    d->bit += d->width;
    return load(at, (shift + d->width + 7) / 8) >> shift & (((uint64_t)1 << d->width) - 1);
}

/* Check a plane's payload, all but its sources; `of` are the elements that it says something of.
 * The caller frees d->owned, on failure too. */
PEMN_SHARED int pemn_get_departures(pemn_file *f, const tensor *t, const uint8_t *of, departures *d,
                                    char *error);

/* Apply what the plane says of elements `from` on. Sources and generations are values not scaled
 * yet; a sign changes any. */
PEMN_SHARED int pemn_depart(const vector *v, const tensor *t, departures *d, uint64_t from,
                            size_t count, uint32_t *values, char *error);

#endif
