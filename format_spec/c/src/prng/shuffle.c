/* shuffle.c - a counting sort. */
#include "shuffle.h"

#include "../base/status.h"
#include "philox.h"

#include <stdlib.h>
#include <string.h>

static void counts_to_places(uint64_t *counts)
{
    uint64_t place = 0;
    size_t k;
    for (k = 0; k < 65536; k++) {
        uint64_t count = counts[k];
        counts[k] = place;
        place += count;
    }
}

/* In two passes, over the words' low and high halves, that each keep the order of equals. */
PEMN_SHARED int pemn_shuffle(uint64_t seed, uint64_t stream, uint64_t length,
                             const uint32_t *values, uint64_t period, uint32_t *sorted, char *error)
{
    uint64_t i, *order = NULL, *low = NULL, *high;
    uint32_t *words = NULL;
    int status = PEMN_SYSTEM;
    if ((words = pemn_reserve(length + 4 * LANES, sizeof *words, error)) == NULL ||
        (order = pemn_reserve(length, sizeof *order, error)) == NULL ||
        (low = pemn_reserve(65536 * 2, sizeof *low, error)) == NULL)
        goto done;
    high = low + 65536;
    memset(low, 0, 65536 * 2 * sizeof *low);
    for (i = 0; i < length; i += 4 * LANES)
        philox(seed, stream, i / 4, LANES, words + i);
    for (i = 0; i < length; i++) {
        low[words[i] & 0xffff]++;
        high[words[i] >> 16]++;
    }
    counts_to_places(low);
    counts_to_places(high);
    for (i = 0; i < length; i++)
        order[low[words[i] & 0xffff]++] = i;
    for (i = 0; i < length; i++)
        sorted[high[words[order[i]] >> 16]++] = values[order[i] % period];
    status = PEMN_OK;
done:
    free(words);
    free(order);
    free(low);
    return status;
}
