/* positions.c - where ones are. */
#include "parts.h"

#include "../base/status.h"
#include "../codecs/masks.h"
#include "../json/walk.h"
#include "fields.h"

PEMN_SHARED int pemn_get_positions(span value, uint64_t places, uint64_t rows, positions *p,
                                   const char *where, char *error)
{
    static const char *const names[] = {"bytes", "codec", "ones", "predictor", NULL};
    static const char *const predictor_names[] = {"kind", NULL};
    span got[MOST_FIELDS], inner[MOST_FIELDS];
    int status;
    if ((status = pemn_get_fields(value, where, names, 3, got, error)) != PEMN_OK ||
        (status = pemn_get_integer(got[0], 0, &p->bytes, where, error)) != PEMN_OK ||
        (status = pemn_get_choice(got[1], CODECS, &p->codec, where, error)) != PEMN_OK ||
        (status = pemn_get_integer(got[2], 0, &p->ones, where, error)) != PEMN_OK)
        return status;
    if (p->ones > places)
        return pemn_fail(PEMN_BROKEN, error, "%s: %llu ones for %llu places", where,
                         (unsigned long long)p->ones, (unsigned long long)places);
    if (!pemn_mask_fits(p->codec, p->ones, places, rows, p->bytes)) /* before memory is taken */
        return pemn_fail(PEMN_BROKEN, error, "%s: %llu bytes of %s cannot be %llu ones of %llu",
                         where, (unsigned long long)p->bytes, pemn_name(CODECS, p->codec),
                         (unsigned long long)p->ones, (unsigned long long)places);
    if (got[3].at == NULL)
        return PEMN_OK;
    if ((status = pemn_get_fields(got[3], where, predictor_names, 1, inner, error)) != PEMN_OK)
        return status;
    if (pemn_json_is(inner[0], "scores") || pemn_json_is(inner[0], "archive"))
        return pemn_fail(PEMN_BROKEN, error, "%s: a predictor of a later version of the format",
                         where);
    if (!pemn_json_is(inner[0], "none"))
        return pemn_fail(PEMN_BROKEN, error, "%s: unknown predictor", where);
    return PEMN_OK;
}
