/* values.c - where a tensor's values come from. */
#include "parts.h"

#include "../base/status.h"
#include "../json/hex.h"
#include "fields.h"
#include "naming.h"

static int get_stored(span value, tensor *t, const char *where, char *error)
{
    static const char *const names[] = {"bytes", "coding", "dtype", "kind", "scale", NULL};
    span got[MOST_FIELDS];
    uint64_t decoded;
    int status, fits;
    if ((status = pemn_get_fields(value, where, names, 4, got, error)) != PEMN_OK ||
        (status = pemn_get_integer(got[0], 0, &t->stored_bytes, where, error)) != PEMN_OK ||
        (status = pemn_get_choice(got[1], CODINGS, &t->coding, where, error)) != PEMN_OK ||
        (status = pemn_get_choice(got[2], DTYPES, &t->stored_dtype, where, error)) != PEMN_OK)
        return status;
    if (got[4].at != NULL) {
        if ((status = pemn_get_scale(got[4], t, where, error)) != PEMN_OK)
            return status;
        fits = is_floating(t) && t->stored_dtype == I8;
    } else {
        fits = t->stored_dtype == t->dtype ||
               (t->dtype == F32 && (t->stored_dtype == F16 || t->stored_dtype == BF16));
    }
    if (!fits)
        return pemn_fail(PEMN_BROKEN, error, "%s: a dtype that its values cannot be stored in",
                         where);
    decoded = t->mask.ones * width_of_dtype(t->stored_dtype); /* below 2^51 */
    if (t->coding == RAW ? t->stored_bytes != decoded
                         : t->stored_bytes < 1 || t->stored_bytes >= decoded)
        return pemn_fail(PEMN_BROKEN, error, "%s: %llu stored bytes for %llu decoded ones", where,
                         (unsigned long long)t->stored_bytes, (unsigned long long)decoded);
    return PEMN_OK;
}

PEMN_SHARED int pemn_get_values(span value, tensor *t, const prototype *p, span *alias,
                                const char *where, char *error)
{
    static const char *const prototype_names[] = {"kind", "offset", "scale", "plane", NULL};
    static const char *const constant_names[] = {"bits", "kind", "plane", NULL};
    static const char *const alias_names[] = {"kind", "of", NULL};
    span got[MOST_FIELDS], kind = pemn_find_kind(value);
    int status;
    if (kind.at == NULL)
        return pemn_fail(PEMN_BROKEN, error, "%s: values: expected an object with a kind", where);
    if ((status = pemn_get_choice(kind, KINDS, &t->kind, where, error)) != PEMN_OK)
        return status;
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
        return got[3].at == NULL ? PEMN_OK : pemn_get_plane(got[3], t, p, where, error);
    case STORED:
        return get_stored(value, t, where, error);
    case CONSTANT:
        if ((status = pemn_get_fields(value, where, constant_names, 2, got, error)) != PEMN_OK)
            return status;
        if (!is_hex_string(got[0], 2 * (size_t)width_of_dtype(t->dtype)))
            return pemn_fail(PEMN_BROKEN, error, "%s: expected a constant of %u hex digits", where,
                             2 * width_of_dtype(t->dtype));
        hex_bytes(got[0].at + 1, t->constant, width_of_dtype(t->dtype));
        if (t->dtype == BOOL && t->constant[0] > 1)
            return pemn_fail(PEMN_BROKEN, error, "%s: expected a bool of 00 or 01", where);
        return got[2].at == NULL ? PEMN_OK : pemn_get_plane(got[2], t, p, where, error);
    default:
        if ((status = pemn_get_fields(value, where, alias_names, 2, got, error)) != PEMN_OK)
            return status;
        return pemn_get_name(got[1], alias, where, error);
    }
}
