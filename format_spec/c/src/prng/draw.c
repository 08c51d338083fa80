/* draw.c - blocks of the generator become words, or normal16, uniform24 or sign values. */
#include "draw.h"

#include "../base/names.h"
#include "../numbers/floats.h"
#include "philox.h"

#include <string.h>

static INLINE void draw_values(void (*philox_many)(uint64_t, uint64_t, uint64_t, uint32_t *),
                               int transform, const uint32_t *table, uint64_t seed, uint64_t stream,
                               uint64_t from, size_t count, uint32_t *out)
{
    uint32_t words[4 * LANES], spare[8 * LANES];
    size_t each = transform == NORMAL16 ? 8 : 4; /* values of a block */
    while (count > 0) {
        size_t skip = (size_t)(from % each), blocks = count == 1 ? 1 : LANES, i;
        size_t take = each * blocks - skip;
        uint32_t *values = take <= count && skip == 0 ? out : spare;
        take = count < take ? count : take;
        if (blocks == 1)
            philox(seed, stream, from / each, 1, words);
        else
            philox_many(seed, stream, from / each, words);
        if (transform == NORMAL16) {
            for (i = 0; i < 4 * blocks; i++) {
                values[2 * i] = table[words[i] & 0xffff];
                values[2 * i + 1] = table[words[i] >> 16];
            }
        } else if (transform == WORDS) {
            memcpy(values, words, 4 * blocks * sizeof *values);
        } else if (transform == UNIFORM24) {
            for (i = 0; i < 4 * blocks; i++) {
                uint32_t odd = 2 * (words[i] >> 8) + 1;
                values[i] = odd < 0x1000000 ? from_integer(1, 0x1000000 - odd, -24)
                                            : from_integer(0, odd - 0x1000000, -24);
            }
        } else {
            for (i = 0; i < 4 * blocks; i++)
                values[i] = 0x3f800000 | (words[i] & 0x80000000);
        }
        if (values == spare)
            memcpy(out, spare + skip, take * sizeof *out);
        out += take;
        from += take;
        count -= take;
    }
}

PEMN_SHARED void pemn_draw(int transform, const uint32_t *table, uint64_t seed, uint64_t stream,
                           uint64_t from, size_t count, uint32_t *out)
{
    draw_values(philox_lanes, transform, table, seed, stream, from, count, out);
}

#ifdef PEMN_X86

AVX2 PEMN_SHARED void pemn_x86_draw(int transform, const uint32_t *table, uint64_t seed,
                                    uint64_t stream, uint64_t from, size_t count, uint32_t *out)
{
    draw_values(x86_philox_lanes, transform, table, seed, stream, from, count, out);
}

#endif
