/* head.c - the digest over header and manifest, then the manifest, then what both say together. */
#include "head.h"

#include "../base/status.h"
#include "../hash/sha256.h"
#include "../manifest/manifest.h"
#include "../zstd/decompress.h"
#include "places.h"

#include <string.h>

static int unpack_manifest(manifest *m, const uint8_t *h, span stored, char *error)
{
    zstd_frame frame;
    int status;
    m->size = (size_t)load(h + 44, 4);
    if (load(h + 48, 4) == 0) {
        if ((m->text = pemn_reserve(stored.size, 1, error)) == NULL)
            return PEMN_SYSTEM;
        memcpy(m->text, stored.at, stored.size);
        return PEMN_OK;
    }
    if ((status = pemn_read_frame(stored, "manifest", &frame, error)) != PEMN_OK)
        return status;
    if (frame.content != m->size || frame.content < 1)
        return pemn_fail(PEMN_BROKEN, error, "manifest: the frame declares another size");
    return pemn_decompress(&frame, m->compact, &m->text, error);
}

/* Does what is said need this version, and no later one? */
static int check_version(const manifest *m, char *error)
{
    unsigned later = (unsigned)m->compact;
    size_t i;
    for (i = 0; i < m->tensor_count; i++)
        later |= m->tensors[i].is_later;
    if (later != m->minor)
        return pemn_fail(PEMN_BROKEN, error, "format version %d.%u: expected %d.%u, the lowest",
                         PEMN_MAJOR, m->minor, PEMN_MAJOR, later);
    return PEMN_OK;
}

PEMN_SHARED int pemn_read_head(pemn_file *f, const uint8_t *h, const pemn_limits *limits,
                               char *error)
{
    manifest *m = &f->manifest;
    const prototype *p = &m->prototype;
    uint8_t digest[32];
    uint64_t most = limits->max_bytes / 4;
    span stored;
    sha256 hash;
    size_t i;
    int status;
    stored.at = h + HEADER_BYTES;
    stored.size = (size_t)load(h + 40, 4);
    hash = pemn_sha256_make(f->use);
    pemn_sha256_add(&hash, h, FIELD_BYTES);
    m->compact = load(h + 48, 4) == COMPACT;
    m->minor = (unsigned)load(h + 10, 2);
    pemn_sha256_add(&hash, stored.at, m->compact ? (size_t)f->size - HEADER_BYTES : stored.size);
    pemn_sha256_end(&hash, digest);
    if (memcmp(digest, h + FIELD_BYTES, 32) != 0)
        return pemn_fail(PEMN_BROKEN, error, "header and what follows it: SHA-256 differs");
    if ((status = unpack_manifest(m, h, stored, error)) != PEMN_OK ||
        (status = pemn_get_manifest(m, error)) != PEMN_OK ||
        (status = check_version(m, error)) != PEMN_OK ||
        (status = pemn_place_payloads(m, load(h + 24, 8), load(h + 32, 8), error)) != PEMN_OK)
        return status;
    if (m->section_count != load(h + 12, 4))
        return pemn_fail(PEMN_BROKEN, error,
                         "header: another number of sections than in the manifest");
    most = limits->max_weights < most ? limits->max_weights : most;
    if (p->present && (p->length > most || filled_length(p) > most))
        return pemn_fail(PEMN_BROKEN, error,
                         "prototype: its length is beyond the limit "
                         "(--max-weights %llu, --max-bytes %llu)",
                         (unsigned long long)limits->max_weights,
                         (unsigned long long)limits->max_bytes);
    if ((status = pemn_place_sections(m, HEADER_BYTES + stored.size, f->size, error)) != PEMN_OK)
        return status;
    for (i = 0; i < m->tensor_count && !m->compact; i++) {
        span name = m->tensors[i].name; /* a NUL goes over the closing quote */
        m->text[(size_t)(name.at - m->text) + name.size] = 0;
    }
    return PEMN_OK;
}
