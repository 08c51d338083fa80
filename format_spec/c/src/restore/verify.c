/* verify.c - all that an archive promises. */
#include "../base/status.h"
#include "../container/sections.h"
#include "../json/utf8.h"
#include "../zstd/decompress.h"
#include "tensors.h"

#include <stdlib.h>
#include <string.h>

static int check_source(const pemn_file *f, char *error)
{
    const section *s = f->manifest.known[IN_SOURCE];
    zstd_frame frame;
    uint8_t *bytes;
    span packed, text;
    int status;
    if (s == NULL)
        return PEMN_OK;
    packed.at = s->at;
    packed.size = (size_t)s->bytes;
    if ((status = pemn_read_frame(packed, "source", &frame, error)) != PEMN_OK)
        return status;
    if (frame.content < 1 || frame.content > MAX_MANIFEST_BYTES)
        return pemn_fail(PEMN_BROKEN, error, "source: expected 1 to 2^26 bytes of text");
    if ((status = pemn_decompress(&frame, 0, &bytes, error)) != PEMN_OK)
        return status;
    text.at = bytes;
    text.size = (size_t)frame.content;
    if (!pemn_is_utf8(text))
        status = pemn_fail(PEMN_BROKEN, error, "source: expected UTF-8 text");
    free(bytes);
    return status;
}

/* Restore tensor i, into its buffer where there are buffers, and begin its digest in *d. An alias
 * is copied, and no digest is computed twice. */
static int begin_tensor(pemn_file *f, size_t i, void *const *buffers, digesting *d, char *error)
{
    tensor *t = target_of(f, i);
    uint8_t *out = buffers == NULL ? NULL : buffers[i], *owned = NULL;
    int status;
    if (out == NULL && t->is_found)
        return PEMN_OK;
    if (&f->manifest.tensors[i] != t) {
        if (out != NULL && buffers[t - f->manifest.tensors] != NULL) {
            memcpy(out, buffers[t - f->manifest.tensors],
                   (size_t)(t->elements * width_of_dtype(t->dtype)));
            return PEMN_OK;
        }
        return out == NULL ? PEMN_OK : pemn_restore_tensor(f, t, out, error);
    }
    if (out == NULL &&
        (out = owned = pemn_reserve(t->elements, width_of_dtype(t->dtype), error)) == NULL)
        return PEMN_SYSTEM;
    if ((status = pemn_restore_tensor(f, t, out, error)) != PEMN_OK) {
        free(owned);
        return pemn_name_error(status, t, error);
    }
    pemn_start_digest(f, t, out, d);
    d->owned = owned;
    return PEMN_OK;
}

/* Restore all tensors and compute their digests, of two at once where that is faster. */
static int restore_all(pemn_file *f, void *const *buffers, char *error)
{
    size_t most = f->use->sha256_two == NULL ? 1 : 2, i = 0, k;
    digesting two[2];
    int status = PEMN_OK;
    memset(two, 0, sizeof two);
    for (;;) {
        for (k = 0; k < most; k++)
            while (status == PEMN_OK && two[k].t == NULL && i < f->manifest.tensor_count)
                status = begin_tensor(f, i++, buffers, &two[k], error);
        if (status != PEMN_OK || (two[0].t == NULL && two[1].t == NULL))
            break;
        k = two[0].t == NULL;
        if (two[0].t != NULL && two[1].t != NULL) {
            size_t bytes;
            k = two[1].left < two[0].left;
            bytes = two[k].left / 64 * 64;
            f->use->sha256_two(two[0].hash.state, two[0].at, two[1].hash.state, two[1].at,
                               bytes / 64);
            for (size_t j = 0; j < 2; j++) {
                two[j].hash.size += bytes;
                two[j].at += bytes;
                two[j].left -= bytes;
            }
        }
        {
            const tensor *t = two[k].t;
            status = pemn_name_error(pemn_end_digest(&two[k], error), t, error);
        }
    }
    free(two[0].owned);
    free(two[1].owned);
    return status;
}

static int check_all(pemn_file *file, void *const *buffers, char *error)
{
    uint8_t digest[32], size[2];
    sha256 hash;
    size_t i;
    int status = PEMN_OK;
    for (i = 0; status == PEMN_OK && i < file->manifest.section_count; i++)
        status = pemn_check_section(file, &file->manifest.sections[i], error);
    if (status == PEMN_OK)
        status = check_source(file, error);
    if (status == PEMN_OK)
        status = restore_all(file, buffers, error);
    if (status != PEMN_OK)
        return status;
    hash = pemn_sha256_make(file->use);
    for (i = 0; i < file->manifest.tensor_count; i++) {
        const tensor *t = &file->manifest.tensors[file->manifest.by_name[i]];
        save(size, t->name.size, 2);
        pemn_sha256_add(&hash, size, 2);
        pemn_sha256_add(&hash, t->name.at, t->name.size);
        pemn_sha256_add(&hash, target_of(file, file->manifest.by_name[i])->found, 32);
    }
    pemn_sha256_end(&hash, digest);
    if (memcmp(digest, file->manifest.restored_sha256, 32) != 0)
        return pemn_fail(PEMN_BROKEN, error, "restored tensors: SHA-256 differs");
    return PEMN_OK;
}

int pemn_verify(pemn_file *file, char error[PEMN_ERROR_SIZE])
{
    return file == NULL ? pemn_fail(PEMN_CALLER, error, "no file") : check_all(file, NULL, error);
}

int pemn_restore_all(pemn_file *file, void *const *buffers, char error[PEMN_ERROR_SIZE])
{
    size_t i;
    int status;
    if (file == NULL || buffers == NULL)
        return pemn_fail(PEMN_CALLER, error, "no file, or no buffers");
    status = check_all(file, buffers, error);
    for (i = 0; status != PEMN_OK && i < file->manifest.tensor_count; i++) {
        const tensor *t = &file->manifest.tensors[i];
        if (buffers[i] != NULL)
            memset(buffers[i], 0, (size_t)(t->elements * width_of_dtype(t->dtype)));
    }
    return status;
}
