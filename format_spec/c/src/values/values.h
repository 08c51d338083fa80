/* values.h - a tensor's elements, by where their values come from. */
#ifndef PEMN_VALUES_VALUES_H
#define PEMN_VALUES_VALUES_H

#include "../planes/departures.h"

/* Each writes all elements to `out`: those that `mask` selects, all where it is NULL, and zeros. */

/* Elements that are taken from the prototype. */
PEMN_SHARED int pemn_fill(pemn_file *f, const tensor *t, const uint8_t *mask, departures *d,
                          uint8_t *out, char *error);
/* Stored ones. */
PEMN_SHARED int pemn_unpack(pemn_file *f, const tensor *t, const uint8_t *mask, uint8_t *out,
                            char *error);
/* All alike. */
PEMN_SHARED void pemn_fill_constant(const tensor *t, const uint8_t *mask, departures *d,
                                    uint8_t *out);

#endif
