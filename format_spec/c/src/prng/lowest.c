/* lowest.c - three passes over the words: two to count, one to choose; no word is kept. */
#include "lowest.h"

#include "../base/names.h"
#include "../base/status.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 4096
#define BINS 65536

/* Keys of elements `from` on: 32 bits, or for scores 23. */
static void make_keys(const kernels *use, const choice *c, uint64_t from, size_t count,
                      uint32_t *keys)
{
    size_t i;
    use->draw(WORDS, NULL, c->seed, c->stream, from, count, keys);
    if (!c->by_score)
        return;
    for (i = 0; i < count; i++) { /* the score is 2 (q - 2^23) + 1 of these q, times 2^-24 */
        uint32_t q = keys[i] >> 8, other = 0xffffff - q;
        keys[i] = q < other ? q : other;
    }
}

/* The bin in which the key of rank *left is, and its rank there. */
static uint32_t find_bin(const uint64_t *bins, uint64_t *left)
{
    uint32_t bin = 0;
    while (*left > bins[bin])
        *left -= bins[bin++];
    return bin;
}

PEMN_SHARED int pemn_choose_lowest(const kernels *use, const choice *c, uint64_t n,
                                   const uint8_t *skip, uint8_t *bits, char *error)
{
    uint32_t keys[CHUNK], high = 0, edge = 0;
    uint64_t *bins, from, left = c->count;
    int pass;
    if (c->count == 0)
        return PEMN_OK;
    if ((bins = pemn_reserve(BINS, sizeof *bins, error)) == NULL)
        return PEMN_SYSTEM;
    for (pass = 0; pass < 3; pass++) {
        memset(bins, 0, BINS * sizeof *bins);
        for (from = 0; from < n; from += CHUNK) {
            size_t count = n - from < CHUNK ? (size_t)(n - from) : CHUNK, i;
            make_keys(use, c, from, count, keys);
            for (i = 0; i < count; i++) {
                uint64_t at = from + i;
                if (skip != NULL && skip[at / 8] >> at % 8 & 1)
                    continue;
                if (pass == 0)
                    bins[keys[i] >> 16]++;
                else if (pass == 1)
                    bins[keys[i] & 0xffff] += keys[i] >> 16 == high;
                else if (keys[i] < edge || (keys[i] == edge && left > 0)) {
                    left -= keys[i] == edge;
                    bits[at / 8] = (uint8_t)(bits[at / 8] | 1u << at % 8);
                }
            }
        }
        if (pass == 0)
            high = find_bin(bins, &left);
        else if (pass == 1)
            edge = high << 16 | find_bin(bins, &left);
    }
    free(bins);
    return PEMN_OK;
}
