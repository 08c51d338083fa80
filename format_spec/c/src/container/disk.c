/* disk.c - opening an archive on a disk: known sections are read, others only hashed. */
#include "../base/posix.h"

#include "../base/status.h"
#include "../hash/sha256.h"
#include "head.h"
#include "header.h"
#include "regular.h"

#include <stdlib.h>
#include <string.h>

#define PIECE 16384

static int is_known(const manifest *m, const section *s)
{
    size_t known;
    for (known = 0; known < KNOWN_SECTIONS; known++)
        if (m->known[known] == s)
            return 1;
    return 0;
}

static int read_bytes(FILE *stream, uint8_t *to, size_t size, char *error)
{
    return fread(to, 1, size, stream) == size
               ? PEMN_OK
               : pemn_fail(PEMN_SYSTEM, error, "cannot be read: it changes");
}

/* Nothing will ever need an unknown section but its digest. */
static int hash_section(const kernels *use, section *s, FILE *stream, char *error)
{
    uint8_t piece[PIECE], digest[32];
    sha256 hash = pemn_sha256_make(use);
    uint64_t left;
    size_t size;
    for (left = s->bytes; left > 0; left -= size) {
        size = left < PIECE ? (size_t)left : PIECE;
        if (read_bytes(stream, piece, size, error) != PEMN_OK)
            return PEMN_SYSTEM;
        pemn_sha256_add(&hash, piece, size);
    }
    pemn_sha256_end(&hash, digest);
    s->checked = memcmp(digest, s->sha256, 32) == 0 ? 1 : -1;
    return PEMN_OK;
}

/* Read all that is behind the manifest, which ends at `end`. */
static int read_sections(pemn_file *f, FILE *stream, uint64_t end, char *error)
{
    manifest *m = &f->manifest;
    uint8_t padding[ALIGNMENT], *to;
    uint64_t kept = 0; /* no more than the file has */
    size_t i;
    int status;
    for (i = 0; i < m->section_count; i++)
        kept += is_known(m, &m->sections[i]) ? m->sections[i].bytes : 0;
    if ((to = f->owned = pemn_reserve(kept, 1, error)) == NULL)
        return PEMN_SYSTEM;
    for (i = 0; i < m->section_count; i++) {
        section *s = &m->sections[i];
        size_t gap = (size_t)(s->offset - end);
        if ((status = read_bytes(stream, padding, gap, error)) != PEMN_OK)
            return status;
        if (!all_zero(padding, gap))
            return pemn_fail(PEMN_BROKEN, error, "padding, offset %llu: expected zeros",
                             (unsigned long long)end);
        end = s->offset + s->bytes;
        if (!is_known(m, s)) {
            if ((status = hash_section(f->use, s, stream, error)) != PEMN_OK)
                return status;
            continue;
        }
        if ((status = read_bytes(stream, to, (size_t)s->bytes, error)) != PEMN_OK)
            return status;
        s->at = to;
        to += s->bytes;
    }
    return fgetc(stream) == EOF ? PEMN_OK
                                : pemn_fail(PEMN_SYSTEM, error, "cannot be read: it changes");
}

/* Read header and manifest, in the compact form all that follows; the caller frees *head. */
static int read_start(FILE *stream, uint64_t size, const pemn_limits *limits, uint8_t **head,
                      char *error)
{
    uint8_t header[HEADER_BYTES] = {0};
    size_t got = size < HEADER_BYTES ? (size_t)size : HEADER_BYTES, stored;
    int status = read_bytes(stream, header, got, error);
    if (status != PEMN_OK)
        return status;
    if (size > limits->max_file_bytes)
        return pemn_fail(PEMN_BROKEN, error, "%llu bytes of file are beyond the limit of %llu",
                         (unsigned long long)size, (unsigned long long)limits->max_file_bytes);
    if ((status = pemn_check_header(header, size, limits, error)) != PEMN_OK)
        return status;
    stored = (size_t)load(header + 40, 4);
    if (load(header + 48, 4) == COMPACT)
        stored = (size_t)size - HEADER_BYTES; /* at most 2^24 */
    if ((*head = pemn_reserve((uint64_t)HEADER_BYTES + stored, 1, error)) == NULL)
        return PEMN_SYSTEM;
    memcpy(*head, header, HEADER_BYTES);
    return read_bytes(stream, *head + HEADER_BYTES, stored, error);
}

int pemn_open(const char *path, const pemn_limits *limits, pemn_file **file,
              char error[PEMN_ERROR_SIZE])
{
    pemn_limits defaults = pemn_default_limits();
    const pemn_limits *used = limits == NULL ? &defaults : limits;
    uint8_t *head = NULL;
    uint64_t size = 0;
    pemn_file *f = NULL;
    FILE *stream;
    int status;
    if (file == NULL || path == NULL)
        return pemn_fail(PEMN_CALLER, error, "no path, or no place for the open file");
    *file = NULL;
    if ((status = pemn_open_regular(path, &stream, &size, error)) != PEMN_OK)
        return status;
    status = read_start(stream, size, used, &head, error);
    if (status == PEMN_OK && (f = pemn_new_file(size, error)) == NULL)
        status = PEMN_SYSTEM;
    if (status == PEMN_OK)
        status = pemn_read_head(f, head, used, error);
    if (status == PEMN_OK) {
        uint64_t end = HEADER_BYTES + load(head + 40, 4);
        if (f->manifest.compact) {
            f->owned = head;
            head = NULL;
            status = pemn_find_sections(&f->manifest, f->owned, end, error);
        } else {
            status = read_sections(f, stream, end, error);
        }
    }
    (void)fclose(stream);
    free(head);
    if (status == PEMN_OK)
        *file = f;
    else
        pemn_close(f);
    return status;
}
