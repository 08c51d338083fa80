/* header.c - magic, version, sizes, limits. */
#include "header.h"

#include "../base/bytes.h"
#include "../base/status.h"

#include <string.h>

static const uint8_t MAGIC[8] = {0x89, 0x50, 0x45, 0x4d, 0x4e, 0x0d, 0x0a, 0x1a};

pemn_limits pemn_default_limits(void)
{
    pemn_limits limits;
    limits.max_weights = (uint64_t)1 << 30;
    limits.max_bytes = (uint64_t)1 << 32;
    limits.max_manifest_bytes = (uint64_t)1 << 22;
    limits.max_file_bytes = (uint64_t)1 << 32;
    return limits;
}

PEMN_SHARED int pemn_check_header(const uint8_t *h, uint64_t size, const pemn_limits *limits,
                                  char *error)
{
    uint64_t stored, raw, coding, minor;
    if (size < sizeof MAGIC || memcmp(h, MAGIC, sizeof MAGIC) != 0)
        return pemn_fail(PEMN_BROKEN, error, "not a .pemn archive");
    if (size < HEADER_BYTES)
        return pemn_fail(PEMN_BROKEN, error, "header: cut short");
    minor = load(h + 10, 2);
    if (load(h + 8, 2) != PEMN_MAJOR || minor > PEMN_MINOR)
        return pemn_fail(PEMN_BROKEN, error, "format version %u.%u; this reader reads %d.0 to %d.%d",
                         (unsigned)load(h + 8, 2), (unsigned)minor, PEMN_MAJOR, PEMN_MAJOR,
                         PEMN_MINOR);
    if (load(h + 16, 8) != size)
        return pemn_fail(PEMN_BROKEN, error, "header: length: %llu declared, %llu found",
                         (unsigned long long)load(h + 16, 8), (unsigned long long)size);
    if (load(h + 12, 4) > MAX_SECTIONS)
        return pemn_fail(PEMN_BROKEN, error, "header: more than %d sections", MAX_SECTIONS);
    stored = load(h + 40, 4);
    raw = load(h + 44, 4);
    coding = load(h + 48, 4);
    if (raw > MAX_MANIFEST_BYTES || raw > limits->max_manifest_bytes)
        return pemn_fail(PEMN_BROKEN, error,
                         "header: manifest of %llu bytes is beyond the limit of %llu",
                         (unsigned long long)raw, (unsigned long long)limits->max_manifest_bytes);
    if (stored > size - HEADER_BYTES)
        return pemn_fail(PEMN_BROKEN, error, "header: stored manifest ends after the file's end");
    if (coding > 1 + minor || (coding == 0 && stored != raw))
        return pemn_fail(PEMN_BROKEN, error, "header: coding of the manifest");
    if (coding == COMPACT && (size > MAX_COMPACT_BYTES || raw > MAX_COMPACT_MANIFEST))
        return pemn_fail(PEMN_BROKEN, error,
                         "header: length or manifest is beyond the caps of the compact form");
    if (!all_zero(h + 52, 12))
        return pemn_fail(PEMN_BROKEN, error, "header: reserved bytes are not 0");
    if (load(h + 24, 8) > limits->max_weights)
        return pemn_fail(
            PEMN_BROKEN, error, "header: %llu weights are beyond the limit of %llu (--max-weights)",
            (unsigned long long)load(h + 24, 8), (unsigned long long)limits->max_weights);
    if (load(h + 32, 8) > limits->max_bytes)
        return pemn_fail(PEMN_BROKEN, error,
                         "header: %llu restored bytes are beyond the limit of %llu (--max-bytes)",
                         (unsigned long long)load(h + 32, 8),
                         (unsigned long long)limits->max_bytes);
    return PEMN_OK;
}
