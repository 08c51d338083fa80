/* values.c - where a tensor's values come from. */
#include "parts.h"

#include "../base/status.h"
#include "../json/hex.h"
#include "../json/walk.h"
#include "fields.h"
#include "naming.h"

static int get_stored(span value, tensor *t, int compact, const char *where, char *error)
{
    static const char *const names[] = {"coding", "dtype", "kind", "bytes", "scale", NULL};
    static const char *const short_names[] = {"coding", "dtype", "kind", "scale", NULL};
    span got[MOST_FIELDS], scale, coding = pemn_find_field(value, "coding");
    uint64_t decoded;
    int status, fits, follows = compact && coding.at != NULL && pemn_json_is(coding, "raw");
    if ((status = pemn_get_fields(value, where, follows ? short_names : names, follows ? 3 : 4, got,
                                  error)) != PEMN_OK ||
        (status = pemn_get_choice(got[0], CODINGS, &t->coding, where, error)) != PEMN_OK ||
        (status = pemn_get_choice(got[1], STORED_DTYPES, &t->stored_dtype, where, error)) !=
            PEMN_OK)
        return status;
    t->is_later |= t->stored_dtype == I4;
    scale = got[follows ? 3 : 4];
    if (scale.at != NULL) {
        if ((status = pemn_get_scale(scale, t, where, error)) != PEMN_OK)
            return status;
        fits = is_floating(t) && (t->stored_dtype == I8 || t->stored_dtype == I4);
    } else {
        fits = t->stored_dtype == t->dtype ||
               (t->dtype == F32 && (t->stored_dtype == F16 || t->stored_dtype == BF16));
    }
    if (!fits)
        return pemn_fail(PEMN_BROKEN, error, "%s: a dtype that its values cannot be stored in",
                         where);
    decoded = bytes_of_stored(t->stored_dtype, t->mask.ones); /* below 2^51 */
    t->stored_bytes = decoded;
    if (!follows &&
        (status = pemn_get_integer(got[3], 0, &t->stored_bytes, where, error)) != PEMN_OK)
        return status;
    if (t->coding == RAW ? t->stored_bytes != decoded
                         : t->stored_bytes < 1 || t->stored_bytes >= decoded)
        return pemn_fail(PEMN_BROKEN, error, "%s: %llu stored bytes for %llu decoded ones", where,
                         (unsigned long long)t->stored_bytes, (unsigned long long)decoded);
    return PEMN_OK;
}

PEMN_SHARED int pemn_get_values(span value, tensor *t, const manifest *m, span *alias,
                                const char *where, char *error)
{
    static const char *const prototype_names[] = {"kind", "offset", "scale", "plane", NULL};
    static const char *const constant_names[] = {"bits", "kind", "plane", NULL};
    static const char *const alias_names[] = {"kind", "of", NULL};
    const prototype *p = &m->prototype;
    span got[MOST_FIELDS], kind = pemn_find_kind(value);
    int status;
    if (kind.at == NULL)
        return pemn_fail(PEMN_BROKEN, error, "%s: values: expected an object with a kind", where);
    if ((status = pemn_get_choice(kind, KINDS, &t->kind, where, error)) != PEMN_OK)
        return status;
    if (t->frozen > 0 && t->kind != PROTOTYPE && t->kind != PROTOTYPE_SIGN)
        return pemn_fail(PEMN_BROKEN, error, "%s: frozen, of values that no seed gives", where);
    switch (t->kind) {
    case PROTOTYPE:
    case PROTOTYPE_SIGN:
        if ((status = pemn_get_fields(value, where, prototype_names, 3, got, error)) != PEMN_OK ||
            (status = pemn_get_integer(got[1], 0, &t->offset, where, error)) != PEMN_OK ||
            (status = pemn_get_scale(got[2], t, where, error)) != PEMN_OK)
            return status;
        if (!is_floating(t))
            return pemn_fail(PEMN_BROKEN, error, "%s: expected a dtype of f32, f16 or bf16", where);
        if (!p->present)
            return pemn_fail(PEMN_BROKEN, error, "%s: expected a prototype in the manifest", where);
        if (t->offset >= filled_length(p))
            return pemn_fail(PEMN_BROKEN, error, "%s: offset is beyond the prototype", where);
        if (t->frozen > 0 && t->mask.codec == NO_CODEC && got[3].at == NULL)
            return pemn_fail(PEMN_BROKEN, error, "%s: frozen without positions or a plane", where);
        return got[3].at == NULL ? PEMN_OK : pemn_get_plane(got[3], t, m, where, error);
    case STORED:
        return get_stored(value, t, m->compact, where, error);
    case CONSTANT:
        if ((status = pemn_get_fields(value, where, constant_names, 2, got, error)) != PEMN_OK)
            return status;
        if (!is_hex_string(got[0], 2 * (size_t)width_of_dtype(t->dtype)))
            return pemn_fail(PEMN_BROKEN, error, "%s: expected a constant of %u hex digits", where,
                             2 * width_of_dtype(t->dtype));
        hex_bytes(got[0].at + 1, t->constant, width_of_dtype(t->dtype));
        if (t->dtype == BOOL && t->constant[0] > 1)
            return pemn_fail(PEMN_BROKEN, error, "%s: expected a bool of 00 or 01", where);
        return got[2].at == NULL ? PEMN_OK : pemn_get_plane(got[2], t, m, where, error);
    default:
        if ((status = pemn_get_fields(value, where, alias_names, 2, got, error)) != PEMN_OK)
            return status;
        return pemn_get_name(got[1], alias, where, error);
    }
}
