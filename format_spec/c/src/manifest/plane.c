/* plane.c - the record of a plane. */
#include "parts.h"

#include "../base/status.h"
#include "../json/hex.h"
#include "fields.h"

#include <stdio.h>

PEMN_SHARED int pemn_get_plane(span value, tensor *t, const manifest *m, const char *tensor_where,
                               char *error)
{
    static const char *const sign_names[] = {"kind", "positions", NULL};
    static const char *const source_names[] = {"kind", "positions", "width", NULL};
    static const char *const generation_names[] = {"kind", "positions", "width", "stream", NULL};
    static const char *const *const names[] = {sign_names, generation_names, source_names};
    static const size_t required[] = {2, 4, 3};
    static const uint64_t most[] = {0, 32, 48};
    const prototype *p = &m->prototype;
    plane *s = &t->plane;
    mask_places in = {t->mask.ones - t->frozen, 1, 0, m->compact};
    span got[MOST_FIELDS], kind = pemn_find_kind(value);
    char where[160];
    uint64_t width = 0;
    int status;
    (void)snprintf(where, sizeof where, "%s: plane", tensor_where);
    if (kind.at == NULL)
        return pemn_fail(PEMN_BROKEN, error, "%s: expected an object with a kind", where);
    if ((status = pemn_get_choice(kind, PLANES, &s->kind, where, error)) != PEMN_OK ||
        (status = pemn_get_fields(value, where, names[s->kind], required[s->kind], got, error)) !=
            PEMN_OK ||
        (status = pemn_get_positions(got[1], &in, &s->which, where, error)) != PEMN_OK)
        return status;
    if (s->which.ones < 1)
        return pemn_fail(PEMN_BROKEN, error, "%s: expected at least one element that departs",
                         where);
    if (s->which.has_predictor)
        return pemn_fail(PEMN_BROKEN, error, "%s: expected positions without a predictor", where);
    s->bytes = s->which.bytes;
    if (s->kind == SIGNS) {
        if (!is_floating(t))
            return pemn_fail(PEMN_BROKEN, error, "%s: expected a dtype of f32, f16 or bf16", where);
        return PEMN_OK;
    }
    if (t->kind == CONSTANT)
        return pemn_fail(PEMN_BROKEN, error, "%s: of a constant: expected the kind sign", where);
    if ((status = pemn_get_integer(got[2], 1, &width, where, error)) != PEMN_OK)
        return status;
    if (width > most[s->kind])
        return pemn_fail(PEMN_BROKEN, error, "%s: width: expected at most %llu bits", where,
                         (unsigned long long)most[s->kind]);
    s->width = (uint8_t)width;
    s->bytes += (s->which.ones * width + 7) / 8; /* below 2^54 */
    if (s->kind == FROM_SOURCE)
        return PEMN_OK;
    if (!is_hex_string(got[3], 16) || hex_digit(got[3].at[1]) >= 8)
        return pemn_fail(PEMN_BROKEN, error, "%s: stream: expected 16 hex digits, below 2^63",
                         where);
    s->stream = hex_number(got[3].at + 1, 16);
    if (!p->seeded)
        return pemn_fail(PEMN_BROKEN, error, "%s: generations need a prototype with a seed", where);
    return PEMN_OK;
}
