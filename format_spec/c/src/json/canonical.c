/* canonical.c - one pass, with a stack of MAX_NESTING levels. */
#include "canonical.h"

#include "../base/status.h"
#include "hex.h"
#include "scalars.h"

#include <string.h>

typedef struct {
    int object, f64;
    size_t members;
    span key; /* the one before, without quotes */
} level;

/* Check that a text is what a canonical writer would have written. */
PEMN_SHARED int pemn_check_canonical(span text, char *error)
{
    level levels[MAX_NESTING];
    size_t depth = 0, at = 0, size;
    enum { VALUE, KEY, AFTER } state = VALUE;
    for (;;) {
        level *top = depth > 0 ? &levels[depth - 1] : NULL;
        span rest;
        rest.at = text.at + at;
        rest.size = text.size - at;
        if (state == AFTER && top == NULL) {
            if (rest.size != 0)
                break;
            return PEMN_OK;
        }
        if (rest.size == 0)
            break;
        if (state == KEY) {
            span key;
            size = pemn_string_size(rest);
            if (size == 0)
                break;
            key.at = rest.at + 1;
            key.size = size - 2;
            if (top->members > 0 && pemn_compare_keys(top->key, key) >= 0)
                return pemn_fail(PEMN_BROKEN, error,
                                 "manifest, offset %lu: expected unique keys in ascending order",
                                 (unsigned long)at);
            if (key.size == 3 && memcmp(key.at, "f64", 3) == 0)
                top->f64 = 1;
            top->key = key;
            top->members++;
            if (top->f64 && top->members > 1)
                return pemn_fail(PEMN_BROKEN, error, "manifest, offset %lu: 'f64' stands alone",
                                 (unsigned long)at);
            at += size;
            if (at == text.size || text.at[at] != ':')
                break;
            at++;
            state = VALUE;
        } else if (state == VALUE) {
            if (top != NULL && top->f64) {
                span bits;
                bits.at = rest.at;
                bits.size = rest.size < 18 ? rest.size : 18;
                if (!is_hex_string(bits, 16))
                    return pemn_fail(PEMN_BROKEN, error,
                                     "manifest, offset %lu: expected 16 hex digits for 'f64'",
                                     (unsigned long)at);
            }
            if (rest.at[0] == '{' || rest.at[0] == '[') {
                if (depth == MAX_NESTING)
                    return pemn_fail(PEMN_BROKEN, error,
                                     "manifest, offset %lu: more than %d levels", (unsigned long)at,
                                     MAX_NESTING);
                top = &levels[depth++];
                memset(top, 0, sizeof *top);
                top->object = rest.at[0] == '{';
                at++;
                state = top->object ? KEY : VALUE;
                if (rest.size > 1 && rest.at[1] == (top->object ? '}' : ']')) {
                    at++;
                    depth--;
                    state = AFTER;
                }
                continue;
            }
            size = pemn_string_size(rest);
            if (size == 0)
                size = pemn_integer_size(rest);
            if (size == 0)
                size = pemn_word_size(rest);
            if (size == 0)
                break;
            at += size;
            state = AFTER;
        } else {
            if (rest.at[0] == ',') {
                state = top->object ? KEY : VALUE;
            } else {
                if (rest.at[0] != (top->object ? '}' : ']'))
                    break;
                depth--;
            }
            at++;
        }
    }
    return pemn_fail(PEMN_BROKEN, error, "manifest, offset %lu: not canonical JSON",
                     (unsigned long)at);
}
