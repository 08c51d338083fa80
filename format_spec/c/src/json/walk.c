/* walk.c - nothing is checked here: canonical.c has done that. */
#include "walk.h"

#include <string.h>

static size_t value_size(span text)
{
    size_t at = 0, depth = 0;
    do {
        uint8_t c = text.at[at];
        if (c == '"') {
            for (at++; text.at[at] != '"'; at++)
                if (text.at[at] == '\\')
                    at++;
            at++;
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            depth--;
            at++;
        } else if (depth > 0) {
            at++;
        } else {
            while (at < text.size && strchr(",:]}", text.at[at]) == NULL)
                at++;
        }
    } while (depth > 0);
    return at;
}

PEMN_SHARED int pemn_json_take(span *rest, span *item)
{
    if (rest->size == 0)
        return 0;
    item->at = rest->at;
    item->size = value_size(*rest);
    rest->at += item->size;
    rest->size -= item->size;
    if (rest->size > 0) { /* a comma or a colon */
        rest->at++;
        rest->size--;
    }
    return 1;
}

PEMN_SHARED size_t pemn_json_count(span array)
{
    span rest = inside(array), item;
    size_t count = 0;
    while (pemn_json_take(&rest, &item))
        count++;
    return count;
}

PEMN_SHARED int pemn_json_is(span value, const char *text)
{
    return is_string(value) && value.size == strlen(text) + 2 &&
           memcmp(value.at + 1, text, value.size - 2) == 0;
}
