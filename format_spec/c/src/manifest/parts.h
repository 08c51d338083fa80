/* parts.h - the records of a manifest, each read on its own. */
#ifndef PEMN_MANIFEST_PARTS_H
#define PEMN_MANIFEST_PARTS_H

#include "../base/platform.h"
#include "records.h"

PEMN_SHARED int pemn_get_sections(manifest *m, span array, char *error);

PEMN_SHARED int pemn_get_prototype(span value, prototype *p, char *error);

/* What a mask's payload is about: so many places in so many rows; `frozen` more are ones anyway. */
typedef struct {
    uint64_t places, rows, frozen;
    int compact; /* sizes that follow are not there */
} mask_places;

PEMN_SHARED int pemn_get_positions(span value, const mask_places *in, positions *p,
                                   const char *where, char *error);

/* One scale, or one for each index of the first dimension: hex strings, all of the same size. */
PEMN_SHARED int pemn_get_scale(span value, tensor *t, const char *where, char *error);

PEMN_SHARED int pemn_get_plane(span value, tensor *t, const manifest *m, const char *where,
                               char *error);

/* The name of an alias' target goes to `alias`. */
PEMN_SHARED int pemn_get_values(span value, tensor *t, const manifest *m, span *alias,
                                const char *where, char *error);

/* All tensors, sorted by name; aliases find what they are aliases of. */
PEMN_SHARED int pemn_get_tensors(manifest *m, span array, char *error);

#endif
