/* scales.h - the scale of each element. */
#ifndef PEMN_VALUES_SCALES_H
#define PEMN_VALUES_SCALES_H

#include "../json/hex.h"
#include "../manifest/records.h"

/* Scale of one row, or of all. */
static inline uint32_t scale_of(const tensor *t, uint64_t row)
{
    return (uint32_t)hex_number(t->scale + (t->scale_per_row ? (size_t)row * 11 : 0), 8);
}

/* Which scale element i has, for i that rise. */
typedef struct {
    uint64_t row, per_row, end;
    uint32_t scale;
} scaler;

static inline scaler make_scaler(const tensor *t)
{
    scaler s;
    s.row = 0;
    s.per_row = t->scale_per_row ? t->elements / t->shape[0] : t->elements;
    s.end = s.per_row;
    s.scale = scale_of(t, 0);
    return s;
}

static inline uint32_t scale_at(scaler *s, const tensor *t, uint64_t i)
{
    while (i >= s->end) {
        s->end += s->per_row;
        s->scale = scale_of(t, ++s->row);
    }
    return s->scale;
}

#endif
