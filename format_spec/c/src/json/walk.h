/* walk.h - from item to item of a text that is known to be canonical. */
#ifndef PEMN_JSON_WALK_H
#define PEMN_JSON_WALK_H

#include "../base/bytes.h"
#include "../base/platform.h"

/* A value without its brackets, braces or quotes. */
static inline span inside(span value)
{
    value.at++;
    value.size -= 2;
    return value;
}

static inline int is_array(span value) { return value.at[0] == '['; }

static inline int is_string(span value) { return value.at[0] == '"'; }

/* Take the next item of an array's inside, or the next key or value of an object's. */
PEMN_SHARED int pemn_json_take(span *rest, span *item);

PEMN_SHARED size_t pemn_json_count(span array);

/* Is a value this string, which has nothing to escape? */
PEMN_SHARED int pemn_json_is(span value, const char *text);

#endif
