/* canonical.h - is a text what a canonical writer would have written? */
#ifndef PEMN_JSON_CANONICAL_H
#define PEMN_JSON_CANONICAL_H

#include "../base/bytes.h"
#include "../base/platform.h"

PEMN_SHARED int pemn_check_canonical(span text, char *error);

#endif
