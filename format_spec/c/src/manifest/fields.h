/* fields.h - one field of a record: `where` begins the messages. */
#ifndef PEMN_MANIFEST_FIELDS_H
#define PEMN_MANIFEST_FIELDS_H

#include "../base/bytes.h"
#include "../base/names.h"
#include "../base/platform.h"

#define MOST_FIELDS 7

/* Split an object into fields: `required` names, then optional ones, NULL after the last.
 * out[i] is the value of name i, or has at == NULL. */
PEMN_SHARED int pemn_get_fields(span object, const char *where, const char *const *names,
                                size_t required, span out[MOST_FIELDS], char *error);

/* Value of a field of an object; at == NULL where there is none. */
PEMN_SHARED span pemn_find_field(span object, const char *name);
PEMN_SHARED span pemn_find_kind(span object);

PEMN_SHARED int pemn_get_integer(span value, uint64_t low, uint64_t *out, const char *where,
                                 char *error);
PEMN_SHARED int pemn_get_choice(span value, name_list list, uint8_t *out, const char *where,
                                char *error);
PEMN_SHARED int pemn_get_digest(span value, uint8_t digest[32], const char *where, char *error);
PEMN_SHARED int pemn_get_stream(span seed, span stream, uint64_t *s, uint64_t *t, const char *where,
                                char *error);

#endif
