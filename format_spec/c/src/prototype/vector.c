/* vector.c - values kept, stored, or made where they are needed. */
#include "vector.h"

#include "../base/status.h"
#include "../container/sections.h"
#include "../prng/normal16.h"
#include "../prng/shuffle.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_VALUES 65536 /* a prototype with a seed is kept up to here, else made where needed */

PEMN_SHARED void pemn_take_values(const vector *v, uint64_t place, size_t count, uint32_t *out)
{
    const prototype *p = v->prototype;
    while (count > 0) {
        size_t take = v->length - place < count ? (size_t)(v->length - place) : count, i;
        if (v->kept != NULL)
            memcpy(out, v->kept + place, take * sizeof *out);
        else if (v->stored != NULL)
            for (i = 0; i < take; i++)
                out[i] = (uint32_t)load(v->stored + 4 * (place + i), 4);
        else
            v->use->draw(p->transform, v->table, p->seed, p->stream, place, take, out);
        out += take;
        count -= take;
        place = 0;
    }
}

/* Keep the shuffled vector: `plain` is what it shuffles. */
static int keep_shuffled(pemn_file *f, const vector *plain, char *error)
{
    const prototype *p = &f->manifest.prototype;
    uint32_t *values = pemn_reserve(p->length, sizeof *values, error);
    uint32_t *sorted = pemn_reserve(p->shuffle_length, sizeof *sorted, error);
    int status = PEMN_SYSTEM;
    if (values != NULL && sorted != NULL) {
        pemn_take_values(plain, 0, (size_t)p->length, values);
        status = pemn_shuffle(p->shuffle_seed, p->shuffle_stream, p->shuffle_length, values,
                              p->length, sorted, error);
    }
    free(values);
    if (status == PEMN_OK)
        f->vector = sorted;
    else
        free(sorted);
    return status;
}

PEMN_SHARED int pemn_get_vector(pemn_file *f, vector *v, char *error)
{
    const prototype *p = &f->manifest.prototype;
    span stored;
    int status;
    memset(v, 0, sizeof *v);
    v->prototype = p;
    v->use = f->use;
    v->length = p->length;
    if (!p->seeded) {
        status = pemn_payload(f, IN_PROTOTYPE, 0, 4 * p->length, 0, &stored, error);
        v->stored = stored.at;
    } else {
        status = PEMN_OK;
        if (p->transform == NORMAL16 && f->table == NULL)
            status = pemn_make_table(f->use, &f->table, error);
        v->table = f->table;
    }
    if (status == PEMN_OK && f->vector == NULL) {
        if (p->shuffled) {
            status = keep_shuffled(f, v, error);
        } else if (p->seeded && p->length <= KEPT_VALUES) {
            if ((f->vector = pemn_reserve(p->length, sizeof *f->vector, error)) == NULL)
                return PEMN_SYSTEM;
            f->use->draw(p->transform, v->table, p->seed, p->stream, 0, (size_t)p->length,
                         f->vector);
        }
    }
    v->kept = f->vector;
    v->length = filled_length(p);
    return status;
}
