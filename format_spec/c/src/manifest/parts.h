/* parts.h - the records of a manifest, each read on its own. */
#ifndef PEMN_MANIFEST_PARTS_H
#define PEMN_MANIFEST_PARTS_H

#include "../base/platform.h"
#include "records.h"

PEMN_SHARED int pemn_get_sections(manifest *m, span array, char *error);

PEMN_SHARED int pemn_get_prototype(span value, prototype *p, char *error);

/* Positions among `places` places in `rows` rows. */
PEMN_SHARED int pemn_get_positions(span value, uint64_t places, uint64_t rows, positions *p,
                                   const char *where, char *error);

/* One scale, or one for each index of the first dimension: hex strings, all of the same size. */
PEMN_SHARED int pemn_get_scale(span value, tensor *t, const char *where, char *error);

PEMN_SHARED int pemn_get_plane(span value, tensor *t, const prototype *p, const char *where,
                               char *error);

/* The name of an alias' target goes to `alias`. */
PEMN_SHARED int pemn_get_values(span value, tensor *t, const prototype *p, span *alias,
                                const char *where, char *error);

/* All tensors, sorted by name; aliases find what they are aliases of. */
PEMN_SHARED int pemn_get_tensors(manifest *m, span array, char *error);

#endif
