/* sections.c - digests of sections. */
#include "sections.h"

#include "../base/status.h"
#include "../hash/sha256.h"

#include <string.h>

/* Between payloads of the section `dense` there are zeros. */
static int check_gaps(const pemn_file *f, const section *s, char *error)
{
    uint64_t end = 0;
    size_t i;
    for (i = 0; i < f->manifest.tensor_count; i++) {
        const tensor *t = &f->manifest.tensors[i];
        if (t->kind != STORED)
            continue;
        if (!all_zero(s->at + end, (size_t)(t->stored_start - end)))
            return pemn_fail(PEMN_BROKEN, error,
                             "section 'dense', tensor %lu: expected zeros before it",
                             (unsigned long)i);
        end = t->stored_start + t->stored_bytes;
    }
    return PEMN_OK;
}

static int is_finite32(uint32_t bits) { return (bits & 0x7f800000) != 0x7f800000; }

PEMN_SHARED int pemn_check_section(pemn_file *f, section *s, char *error)
{
    uint8_t digest[32];
    size_t i;
    int status;
    if (s->checked > 0)
        return PEMN_OK;
    if (s->checked == 0 && !f->manifest.compact) { /* there the header's digest is over all */
        pemn_sha256_of(f->use, s->at, (size_t)s->bytes, digest);
        s->checked = memcmp(digest, s->sha256, 32) == 0 ? 0 : -1;
    }
    if (s->checked < 0)
        return pemn_fail(PEMN_BROKEN, error, "section '%.*s': SHA-256 differs",
                         (int)(s->name.size < 100 ? s->name.size : 100), (const char *)s->name.at);
    if (s == f->manifest.known[IN_DENSE] && (status = check_gaps(f, s, error)) != PEMN_OK)
        return status;
    if (s == f->manifest.known[IN_PROTOTYPE])
        for (i = 0; i < s->bytes; i += 4)
            if (!is_finite32((uint32_t)load(s->at + i, 4)))
                return pemn_fail(PEMN_BROKEN, error, "prototype: expected finite values only");
    s->checked = 1;
    return PEMN_OK;
}

PEMN_SHARED int pemn_payload(pemn_file *f, unsigned known, uint64_t start, uint64_t size, int own,
                             span *out, char *error)
{
    static const uint8_t nothing[1] = {0};
    section *s = f->manifest.known[known];
    int status;
    out->at = nothing;
    out->size = 0;
    if (size == 0)
        return PEMN_OK;
    if (s == NULL || start > s->bytes || size > s->bytes - start)
        return pemn_fail(PEMN_BROKEN, error, "section '%s': too small", pemn_name(SECTIONS, known));
    if (!own && (status = pemn_check_section(f, s, error)) != PEMN_OK)
        return status;
    out->at = s->at + (size_t)start;
    out->size = (size_t)size;
    return PEMN_OK;
}
