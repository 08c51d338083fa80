/* places.c - offsets and sums. */
#include "places.h"

#include "../base/status.h"

PEMN_SHARED int pemn_place_payloads(manifest *m, uint64_t elements, uint64_t restored, char *error)
{
    uint64_t all_elements = 0, all_restored = 0, needed[KNOWN_SECTIONS] = {0};
    size_t i;
    int fits = 1;
    unsigned known;
    for (i = 0; fits && i < m->tensor_count; i++) {
        tensor *t = &m->tensors[i];
        if (t->kind == ALIAS)
            continue;
        fits = add(&all_elements, t->elements) &&
               add(&all_restored, t->elements * width_of_dtype(t->dtype));
        t->mask.start = needed[IN_MASKS];
        t->plane.which.start = needed[IN_PLANES];
        fits = fits && add(&needed[IN_MASKS], t->mask.bytes) &&
               add(&needed[IN_PLANES], t->plane.bytes);
        if (fits && t->kind == STORED) {
            if (t->coding == RAW && t->stored_bytes >= ALIGNED_FROM && !m->compact)
                fits = align(&needed[IN_DENSE]);
            t->stored_start = needed[IN_DENSE];
            fits = fits && add(&needed[IN_DENSE], t->stored_bytes);
        }
    }
    if (!fits || all_elements != elements || all_restored != restored)
        return pemn_fail(PEMN_BROKEN, error,
                         "header: elements and restored bytes differ from those of the tensors");
    if (m->prototype.present && !m->prototype.seeded)
        needed[IN_PROTOTYPE] = 4 * m->prototype.length; /* below 2^50 */
    for (known = 0; known < IN_SOURCE; known++) {
        uint64_t size = m->known[known] == NULL ? 0 : m->known[known]->bytes;
        if (size != needed[known])
            return pemn_fail(PEMN_BROKEN, error,
                             "section '%s': has %llu bytes, the records need %llu",
                             pemn_name(SECTIONS, known), (unsigned long long)size,
                             (unsigned long long)needed[known]);
    }
    return PEMN_OK;
}

PEMN_SHARED int pemn_place_sections(manifest *m, uint64_t end, uint64_t size, char *error)
{
    size_t i;
    for (i = 0; i < m->section_count; i++) {
        section *s = &m->sections[i];
        if ((!m->compact && !align(&end)) || end > size || s->bytes > size - end)
            return pemn_fail(PEMN_BROKEN, error, "sections: end after the file's end");
        s->offset = end;
        end += s->bytes;
    }
    if (end != size)
        return pemn_fail(PEMN_BROKEN, error, "sections: end at %llu, the file at %llu",
                         (unsigned long long)end, (unsigned long long)size);
    return PEMN_OK;
}
