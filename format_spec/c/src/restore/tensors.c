/* tensors.c - mask, plane and values together. */
#include "tensors.h"

#include "../base/status.h"
#include "../values/values.h"
#include "masks.h"

#include <stdlib.h>
#include <string.h>

PEMN_SHARED int pemn_restore_tensor(pemn_file *f, const tensor *t, uint8_t *out, char *error)
{
    const uint8_t *mask;
    departures held, *d = NULL;
    tensor_masks masks;
    int status = pemn_get_masks(f, t, &masks, error);
    size_t i;
    mask = masks.selected;
    if (status == PEMN_OK && t->plane.kind != NO_PLANE) {
        d = &held;
        status = pemn_get_departures(f, t, masks.listed, d, error);
    }
    if (status == PEMN_OK) {
        if (t->kind == STORED)
            status = pemn_unpack(f, t, mask, out, error);
        else if (t->kind == CONSTANT)
            pemn_fill_constant(t, mask, d, out);
        else
            status = pemn_fill(f, t, mask, d, out, error);
    }
    if (d != NULL)
        free(d->owned);
    for (i = 0; i < sizeof masks.owned / sizeof *masks.owned; i++)
        free(masks.owned[i]);
    return status;
}

PEMN_SHARED void pemn_start_digest(const pemn_file *f, tensor *t, const uint8_t *bytes,
                                   digesting *d)
{
    uint8_t head[2 + 8 * MAX_RANK];
    size_t part;
    unsigned i;
    head[0] = t->dtype;
    head[1] = (uint8_t)t->rank;
    for (i = 0; i < t->rank; i++)
        save(head + 2 + 8 * i, t->shape[i], 8);
    d->t = t;
    d->hash = pemn_sha256_make(f->use);
    pemn_sha256_add(&d->hash, head, 2 + 8 * t->rank);
    part = (size_t)(64 - d->hash.size % 64) % 64;
    d->left = (size_t)(t->elements * width_of_dtype(t->dtype));
    part = part < d->left ? part : d->left;
    pemn_sha256_add(&d->hash, bytes, part);
    d->at = bytes + part;
    d->left -= part;
}

/* Finish, and compare with the record's digest, if it has one. */
PEMN_SHARED int pemn_end_digest(digesting *d, char *error)
{
    tensor *t = d->t;
    pemn_sha256_add(&d->hash, d->at, d->left);
    pemn_sha256_end(&d->hash, t->found);
    free(d->owned);
    memset(d, 0, sizeof *d);
    if (t->has_sha256 && memcmp(t->found, t->sha256, 32) != 0)
        return pemn_fail(PEMN_BROKEN, error, "SHA-256 of the restored tensor differs");
    t->is_found = 1;
    return PEMN_OK;
}

/* Put the tensor's name before a message. */
PEMN_SHARED int pemn_name_error(int status, const tensor *t, char *error)
{
    char message[PEMN_ERROR_SIZE];
    if (status != PEMN_OK && error != NULL) {
        memcpy(message, error, sizeof message);
        (void)pemn_fail(status, error, "tensor '%.100s': %.120s", (const char *)t->name.at,
                        message);
    }
    return status;
}
