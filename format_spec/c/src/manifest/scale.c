/* scale.c - scales. */
#include "parts.h"

#include "../base/status.h"
#include "../json/hex.h"
#include "../json/walk.h"

static int is_scale(span value)
{
    uint64_t size;
    if (!is_hex_string(value, 8))
        return 0;
    size = hex_number(value.at + 1, 8) & 0x7fffffff;
    return size >= 0x0d800000 && size <= 0x71800000; /* 2^-100 to 2^100 */
}

/* One scale, or one for each index of the first dimension: hex strings, all of the same size. */
PEMN_SHARED int pemn_get_scale(span value, tensor *t, const char *where, char *error)
{
    span rest, item;
    uint64_t count = 0;
    int ok = 1;
    if (is_array(value)) {
        rest = inside(value);
        while (ok && pemn_json_take(&rest, &item)) {
            ok = is_scale(item);
            count++;
        }
        ok = ok && t->rank > 0 && count == t->shape[0];
        t->scale = value.at + 2;
        t->scale_per_row = 1;
    } else {
        ok = is_scale(value);
        t->scale = value.at + 1;
    }
    if (!ok)
        return pemn_fail(PEMN_BROKEN, error,
                         "%s: scale: expected 8 hex digits for 2^-100 to 2^100, or as many as rows",
                         where);
    return PEMN_OK;
}
