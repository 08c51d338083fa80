/* vector.h - the vector that tensors take values from: SPEC.md, section 6.1. */
#ifndef PEMN_PROTOTYPE_VECTOR_H
#define PEMN_PROTOTYPE_VECTOR_H

#include "../base/platform.h"
#include "../container/file.h"

typedef struct {
    const uint32_t *kept;  /* all of it, */
    const uint8_t *stored; /* or the section `prototype`, */
    const uint32_t *table; /* or what draws its values */
    const prototype *prototype;
    const kernels *use;
    uint64_t length;
} vector;

/* Get ready to take values, and keep in `f` what is worth it. */
PEMN_SHARED int pemn_get_vector(pemn_file *f, vector *v, char *error);

/* Values `place` on; they begin again where the vector ends. */
PEMN_SHARED void pemn_take_values(const vector *v, uint64_t place, size_t count, uint32_t *out);

#endif
