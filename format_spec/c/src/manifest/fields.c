/* fields.c - one field of a record. */
#include "fields.h"

#include "../base/status.h"
#include "../json/hex.h"
#include "../json/walk.h"

/* Split an object into fields: `required` names, then `optional` ones, NULL after each list.
 * out[i] is the value of name i, or has at == NULL. */
PEMN_SHARED int pemn_get_fields(span object, const char *where, const char *const *names,
                                size_t required, span out[MOST_FIELDS], char *error)
{
    span rest, key;
    size_t i, count = 0;
    while (names[count] != NULL)
        count++;
    for (i = 0; i < count; i++)
        out[i].at = NULL;
    if (object.at[0] != '{')
        return pemn_fail(PEMN_BROKEN, error, "%s: expected an object", where);
    rest = inside(object);
    while (pemn_json_take(&rest, &key)) {
        for (i = 0; i < count; i++)
            if (pemn_json_is(key, names[i]))
                break;
        if (i == count)
            return pemn_fail(PEMN_BROKEN, error, "%s: unknown field", where);
        (void)pemn_json_take(&rest, &out[i]);
    }
    for (i = 0; i < required; i++)
        if (out[i].at == NULL)
            return pemn_fail(PEMN_BROKEN, error, "%s: no field '%s'", where, names[i]);
    return PEMN_OK;
}

PEMN_SHARED int pemn_get_integer(span value, uint64_t low, uint64_t *out, const char *where,
                                 char *error)
{
    uint64_t number = 0;
    size_t i;
    for (i = 0; i < value.size; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return pemn_fail(PEMN_BROKEN, error, "%s: expected an integer of at least %llu", where,
                             (unsigned long long)low);
        number = number * 10 + (uint64_t)(value.at[i] - '0'); /* canonical: it fits */
    }
    if (number < low || number > MAX_ELEMENTS)
        return pemn_fail(PEMN_BROKEN, error,
                         "%s: expected an integer from %llu to 2^48 - 1, got %llu", where,
                         (unsigned long long)low, (unsigned long long)number);
    *out = number;
    return PEMN_OK;
}

PEMN_SHARED int pemn_get_choice(span value, name_list list, uint8_t *out, const char *where,
                                char *error)
{
    size_t i;
    for (i = 0; pemn_name(list, i) != NULL; i++)
        if (pemn_json_is(value, pemn_name(list, i))) {
            *out = (uint8_t)i;
            return PEMN_OK;
        }
    return pemn_fail(PEMN_BROKEN, error, "%s: unknown identifier", where);
}

PEMN_SHARED int pemn_get_digest(span value, uint8_t digest[32], const char *where, char *error)
{
    if (!is_hex_string(value, 64))
        return pemn_fail(PEMN_BROKEN, error, "%s: expected a digest of 64 hex digits", where);
    hex_bytes(value.at + 1, digest, 32);
    return PEMN_OK;
}

PEMN_SHARED int pemn_get_stream(span seed, span stream, uint64_t *s, uint64_t *t, const char *where,
                                char *error)
{
    if (!is_hex_string(seed, 16) || !is_hex_string(stream, 16))
        return pemn_fail(PEMN_BROKEN, error, "%s: seed and stream: expected 16 hex digits", where);
    *s = hex_number(seed.at + 1, 16);
    *t = hex_number(stream.at + 1, 16);
    return PEMN_OK;
}

PEMN_SHARED span pemn_find_field(span object, const char *name)
{
    span rest, key, item;
    item.at = NULL;
    item.size = 0;
    if (object.at[0] != '{')
        return item;
    rest = inside(object);
    while (pemn_json_take(&rest, &key)) {
        (void)pemn_json_take(&rest, &item);
        if (pemn_json_is(key, name))
            return item;
    }
    item.at = NULL;
    return item;
}

PEMN_SHARED span pemn_find_kind(span object) { return pemn_find_field(object, "kind"); }
