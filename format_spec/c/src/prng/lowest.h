/* lowest.h - elements that a seed chooses: SPEC.md, section 5.4. */
#ifndef PEMN_PRNG_LOWEST_H
#define PEMN_PRNG_LOWEST_H

#include "../base/kernels.h"
#include "../base/platform.h"

/* Which words of a stream, or other keys, are ranked how. */
typedef struct {
    uint64_t seed, stream;
    uint64_t count; /* of n are chosen, those with the lowest keys, on ties the first ones */
    int by_score;   /* the key: how near the score is to 0, lowest far away; else the word */
    void (*get_keys)(const void *of, uint64_t from, size_t count, uint32_t *keys); /* or NULL */
    const void *of;                                                                /* its own */
} choice;

/* Set the chosen ones of n bits, which are 0; those that `skip` has (NULL: none) take no part. */
PEMN_SHARED int pemn_choose_lowest(const kernels *use, const choice *c, uint64_t n,
                                   const uint8_t *skip, uint8_t *bits, char *error);

#endif
