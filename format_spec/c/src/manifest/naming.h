/* naming.h - names of sections and tensors, and finding them. */
#ifndef PEMN_MANIFEST_NAMING_H
#define PEMN_MANIFEST_NAMING_H

#include "../base/platform.h"
#include "records.h"

PEMN_SHARED int pemn_get_name(span value, span *name, const char *where, char *error);

PEMN_SHARED int pemn_compare_names(span a, span b);

/* Sort indices by name: merging, from the bottom up. `spare` has as many places. */
PEMN_SHARED void pemn_sort_names(const tensor *tensors, size_t *order, size_t *spare, size_t count);

/* Index of the tensor of that name, or PEMN_NONE. */
PEMN_SHARED size_t pemn_find_name(const manifest *m, span name);

#endif
