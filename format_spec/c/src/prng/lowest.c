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
    if (c->get_keys != NULL) {
        c->get_keys(c->of, from, count, keys);
        return;
    }
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

static int is_set(const uint8_t *bits, size_t i) { return bits[i / 8] >> i % 8 & 1; }

static void count_high(const uint32_t *keys, size_t count, const uint8_t *skipped, uint64_t *bins)
{
    size_t i;
    for (i = 0; i < count; i++)
        bins[keys[i] >> 16] += !is_set(skipped, i);
}

static void count_low(const uint32_t *keys, size_t count, const uint8_t *skipped, uint32_t high,
                      uint64_t *bins)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (keys[i] >> 16 == high) /* few are */
            bins[keys[i] & 0xffff] += !is_set(skipped, i);
}

/* Those below the edge, and of those on it the first that are left. */
static void take(const uint32_t *keys, size_t count, const uint8_t *skipped, uint32_t edge,
                 uint64_t *left, uint8_t *bits)
{
    size_t i, k;
    for (i = 0; i < count; i += 8) {
        size_t most = count - i < 8 ? count - i : 8;
        unsigned below = 0, equal = 0;
        for (k = 0; k < most; k++) {
            below |= (unsigned)(keys[i + k] < edge) << k;
            equal |= (unsigned)(keys[i + k] == edge) << k;
        }
        below &= ~(unsigned)skipped[i / 8];
        equal &= ~(unsigned)skipped[i / 8];
        for (k = 0; equal != 0 && k < most; k++)
            if (equal >> k & 1 && *left > 0) {
                below |= 1u << k;
                --*left;
            }
        bits[i / 8] = (uint8_t)(below & 0xff);
    }
}

PEMN_SHARED int pemn_choose_lowest(const kernels *use, const choice *c, uint64_t n,
                                   const uint8_t *skip, uint8_t *bits, char *error)
{
    static const uint8_t nothing[CHUNK / 8] = {0};
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
            size_t count = n - from < CHUNK ? (size_t)(n - from) : CHUNK;
            const uint8_t *skipped = skip == NULL ? nothing : skip + from / 8;
            make_keys(use, c, from, count, keys);
            if (pass == 0)
                count_high(keys, count, skipped, bins);
            else if (pass == 1)
                count_low(keys, count, skipped, high, bins);
            else
                take(keys, count, skipped, edge, &left, bits + from / 8);
        }
        if (pass == 0)
            high = find_bin(bins, &left);
        else if (pass == 1)
            edge = high << 16 | find_bin(bins, &left);
    }
    free(bins);
    return PEMN_OK;
}
