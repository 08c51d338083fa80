/* masks.c - a mask as it is stored, then what predicts it and what is frozen. */
#include "masks.h"

#include "../base/status.h"
#include "../codecs/bits.h"
#include "../codecs/masks.h"
#include "../container/sections.h"
#include "../prng/lowest.h"
#include "../prototype/vector.h"

#include <string.h>

enum { PACKED, FROZEN, WHOLE, OTHER }; /* places in `owned` */

static uint8_t *new_bits(const tensor *t, tensor_masks *masks, int place, char *error)
{
    size_t size = (size_t)((t->elements + 7) / 8);
    if ((masks->owned[place] = pemn_reserve(size, 1, error)) != NULL)
        memset(masks->owned[place], 0, size);
    return masks->owned[place];
}

/* Put the bits of a payload where the elements are that it tells of. */
static void spread(const tensor *t, const uint8_t *packed, const uint8_t *frozen, uint8_t *whole)
{
    uint64_t i, j = 0, places = t->elements - t->frozen;
    if (frozen == NULL) {
        memcpy(whole, packed, (size_t)((t->elements + 7) / 8));
        return;
    }
    for (i = 0; i < t->elements; i++) {
        unsigned is_free = !get_bit(frozen, i);
        unsigned bit = is_free & (unsigned)get_bit(packed, j < places ? j : 0);
        whole[i / 8] = (uint8_t)(whole[i / 8] | bit << i % 8);
        j += is_free;
    }
}

static int predict(pemn_file *f, const tensor *t, const uint8_t *frozen, uint8_t *whole,
                   tensor_masks *masks, char *error)
{
    const positions *p = &t->mask;
    choice c;
    uint64_t i;
    uint8_t *bits = new_bits(t, masks, OTHER, error);
    if (bits == NULL)
        return PEMN_SYSTEM;
    c.seed = p->seed;
    c.stream = p->stream;
    c.count = p->predicted;
    c.by_score = 1;
    c.get_keys = NULL;
    if (pemn_choose_lowest(f->use, &c, t->elements, frozen, bits, error) != PEMN_OK)
        return PEMN_SYSTEM;
    for (i = 0; i < (t->elements + 7) / 8; i++)
        whole[i] ^= bits[i];
    if (count_bits(whole, t->elements) != p->ones - t->frozen)
        return pemn_fail(PEMN_BROKEN, error, "predictor: wrong number of ones in the mask");
    return PEMN_OK;
}

typedef struct {
    vector values;
    uint64_t offset;
} fixed_values;

/* The magnitudes of a tensor's fixed values, as integers that are in the same order. */
static void get_magnitudes(const void *of, uint64_t from, size_t count, uint32_t *keys)
{
    const fixed_values *fixed = of;
    size_t i;
    pemn_take_values(&fixed->values, (fixed->offset + from) % fixed->values.length, count, keys);
    for (i = 0; i < count; i++)
        keys[i] &= 0x7fffffff;
}

PEMN_SHARED int pemn_get_masks(pemn_file *f, const tensor *t, tensor_masks *masks, char *error)
{
    const positions *p = &t->mask;
    uint64_t places = t->elements - t->frozen, i;
    uint8_t *frozen = NULL, *whole, *listed;
    span packed;
    fixed_values fixed;
    choice c;
    int status;
    memset(masks, 0, sizeof *masks);
    if (t->frozen > 0) {
        if ((frozen = new_bits(t, masks, FROZEN, error)) == NULL)
            return PEMN_SYSTEM;
        c.seed = t->frozen_seed;
        c.stream = t->frozen_stream;
        c.count = t->frozen;
        c.by_score = 0;
        c.get_keys = t->frozen_by_size ? get_magnitudes : NULL;
        c.of = &fixed;
        fixed.offset = t->offset;
        if (t->frozen_by_size && (status = pemn_get_vector(f, &fixed.values, error)) != PEMN_OK)
            return status;
        status = pemn_choose_lowest(f->use, &c, t->elements, NULL, frozen, error);
        if (status != PEMN_OK)
            return status;
    }
    if (p->codec != NO_CODEC) {
        uint64_t told = p->has_predictor ? p->flips : p->ones - t->frozen;
        status = pemn_payload(f, IN_MASKS, p->start, p->bytes, t->has_sha256, &packed, error);
        if (status == PEMN_OK)
            status = pemn_decode_mask(p->codec, told, places, rows_of(t), packed, &masks->selected,
                                      &masks->owned[PACKED], error);
        if (status != PEMN_OK)
            return status;
    }
    masks->listed = masks->selected;
    if (frozen == NULL && !p->has_predictor)
        return PEMN_OK;
    if ((whole = new_bits(t, masks, WHOLE, error)) == NULL)
        return PEMN_SYSTEM;
    listed = whole;
    if (p->codec != NO_CODEC) {
        spread(t, masks->selected, frozen, whole);
        if (p->has_predictor &&
            (status = predict(f, t, frozen, whole, masks, error)) != PEMN_OK)
            return status;
        masks->selected = whole;
    }
    if (frozen != NULL) {
        if (p->codec != NO_CODEC && masks->owned[OTHER] == NULL &&
            new_bits(t, masks, OTHER, error) == NULL)
            return PEMN_SYSTEM;
        if (p->codec != NO_CODEC)
            listed = masks->owned[OTHER];
        for (i = 0; i < (t->elements + 7) / 8; i++) {
            if (p->codec != NO_CODEC) {
                listed[i] = whole[i];
                whole[i] |= frozen[i];
            } else {
                listed[i] = (uint8_t)~frozen[i];
            }
        }
    }
    masks->listed = listed;
    return PEMN_OK;
}
