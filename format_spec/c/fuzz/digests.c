/* digests.c - digests and sums of an archive that was changed. */
#include "digests.h"

#include "../src/container/file.h"
#include "../src/hash/sha256.h"
#include "../src/kernels/choose.h"
#include "../src/manifest/manifest.h"

#include <stdlib.h>
#include <string.h>

/* Make the header's sums and its version those of the records, as far as these can be read. */
static void fix_sums(uint8_t *data, const uint8_t *text, size_t stored, int compact)
{
    uint64_t later = (uint64_t)compact;
    pemn_file *f = calloc(1, sizeof *f);
    uint64_t elements = 0, restored = 0;
    size_t i;
    if (f == NULL || (f->manifest.text = malloc(stored + 1)) == NULL) {
        free(f);
        return;
    }
    memcpy(f->manifest.text, text, stored);
    f->manifest.compact = compact;
    f->manifest.size = stored;
    if (pemn_get_manifest(&f->manifest, NULL) == PEMN_OK) {
        for (i = 0; i < f->manifest.tensor_count; i++) {
            later |= f->manifest.tensors[i].is_later;
            if (f->manifest.tensors[i].kind != ALIAS) {
                elements += f->manifest.tensors[i].elements;
                restored +=
                    f->manifest.tensors[i].elements * width_of_dtype(f->manifest.tensors[i].dtype);
            }
        }
        save(data + 10, later, 2);
        save(data + 12, f->manifest.section_count, 4);
        save(data + 24, elements, 8);
        save(data + 32, restored, 8);
    }
    pemn_close(f);
}

void fix_digests(uint8_t *data, size_t size)
{
    sha256 hash;
    uint64_t stored;
    if (size < HEADER_BYTES)
        return;
    save(data + 16, size, 8);
    stored = load(data + 40, 4);
    if (stored > size - HEADER_BYTES)
        return;
    if (load(data + 48, 4) == 0) {
        uint64_t end = HEADER_BYTES + stored;
        uint8_t *text = data + HEADER_BYTES;
        size_t at, i;
        save(data + 44, stored, 4);
        /* each section record, in canonical order: {"bytes":N,"critical":B,"name":"...","sha256" */
        for (at = 0; at + 90 < stored; at++) {
            uint64_t bytes = 0, start = (end + 63) / 64 * 64;
            uint8_t digest[32];
            size_t from = at + 9;
            if (memcmp(text + at, "{\"bytes\":", 9) != 0)
                continue;
            while (from < stored && text[from] >= '0' && text[from] <= '9' && bytes < 1 << 24)
                bytes = bytes * 10 + (uint64_t)(text[from++] - '0');
            if (from + 12 > stored || memcmp(text + from, ",\"critical\":", 12) != 0)
                continue;
            while (from + 75 < stored && memcmp(text + from, "\"sha256\":\"", 10) != 0)
                from++;
            if (from + 75 >= stored || start > size || bytes > size - start)
                break;
            pemn_sha256_of(pemn_choose_kernels(), data + start, (size_t)bytes, digest);
            for (i = 0; i < 64; i++)
                text[from + 10 + i] =
                    (uint8_t)"0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
            end = start + bytes;
            at = from;
        }
        fix_sums(data, text, (size_t)stored, 0);
    }
    if (load(data + 48, 4) == COMPACT) {
        size_t head = COMPACT_FRAME_BYTES; /* of a frame as the mutator makes it */
        if (stored > head && load(data + 44, 4) == stored - head)
            fix_sums(data, data + HEADER_BYTES + head, (size_t)stored - head, 1);
        stored = size - HEADER_BYTES; /* the digest is over everything */
    }
    hash = pemn_sha256_make(pemn_choose_kernels());
    pemn_sha256_add(&hash, data, FIELD_BYTES);
    pemn_sha256_add(&hash, data + HEADER_BYTES, (size_t)stored);
    pemn_sha256_end(&hash, data + FIELD_BYTES);
}
