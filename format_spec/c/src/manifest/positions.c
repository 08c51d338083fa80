/* positions.c - where ones are. */
#include "parts.h"

#include "../base/status.h"
#include "../codecs/masks.h"
#include "../json/walk.h"
#include "fields.h"

static int get_predictor(span value, positions *p, const char *where, char *error)
{
    static const char *const none_names[] = {"kind", NULL};
    static const char *const names[] = {"flips", "kind", "ones", "seed", "stream", NULL};
    span got[MOST_FIELDS], kind = pemn_find_kind(value);
    int status;
    if (kind.at != NULL && pemn_json_is(kind, "archive"))
        return pemn_fail(PEMN_BROKEN, error, "%s: a predictor of a later version of the format",
                         where);
    if (kind.at != NULL && pemn_json_is(kind, "none"))
        return pemn_get_fields(value, where, none_names, 1, got, error);
    if (kind.at == NULL || !pemn_json_is(kind, "scores"))
        return pemn_fail(PEMN_BROKEN, error, "%s: unknown predictor", where);
    if ((status = pemn_get_fields(value, where, names, 5, got, error)) != PEMN_OK ||
        (status = pemn_get_integer(got[0], 0, &p->flips, where, error)) != PEMN_OK ||
        (status = pemn_get_integer(got[2], 0, &p->predicted, where, error)) != PEMN_OK)
        return status;
    p->has_predictor = 1;
    return pemn_get_stream(got[3], got[4], &p->seed, &p->stream, where, error);
}

PEMN_SHARED int pemn_get_positions(span value, const mask_places *in, positions *p,
                                   const char *where, char *error)
{
    static const char *const names[] = {"codec", "ones", "bytes", "predictor", NULL};
    static const char *const short_names[] = {"codec", "ones", "predictor", NULL};
    uint64_t places = in->places, told;
    span got[MOST_FIELDS], predictor, codec = pemn_find_field(value, "codec");
    int follows = in->compact && codec.at != NULL && pemn_json_is(codec, "bitmap"), status;
    if ((status = pemn_get_fields(value, where, follows ? short_names : names, follows ? 2 : 3, got,
                                  error)) != PEMN_OK ||
        (status = pemn_get_choice(got[0], CODECS, &p->codec, where, error)) != PEMN_OK ||
        (status = pemn_get_integer(got[1], 0, &p->ones, where, error)) != PEMN_OK)
        return status;
    p->bytes = (places + 7) / 8;
    if (!follows && (status = pemn_get_integer(got[2], 0, &p->bytes, where, error)) != PEMN_OK)
        return status;
    predictor = got[follows ? 2 : 3];
    if (predictor.at != NULL && (status = get_predictor(predictor, p, where, error)) != PEMN_OK)
        return status;
    if (p->ones < in->frozen || p->ones - in->frozen > places || p->flips > places ||
        p->predicted > places)
        return pemn_fail(PEMN_BROKEN, error, "%s: %llu ones for %llu places", where,
                         (unsigned long long)p->ones, (unsigned long long)places);
    told = p->has_predictor ? p->flips : p->ones - in->frozen;
    if (!pemn_mask_fits(p->codec, told, places, in->rows, p->bytes)) /* before memory is taken */
        return pemn_fail(PEMN_BROKEN, error, "%s: %llu bytes of %s cannot be %llu ones of %llu",
                         where, (unsigned long long)p->bytes, pemn_name(CODECS, p->codec),
                         (unsigned long long)told, (unsigned long long)places);
    return PEMN_OK;
}
