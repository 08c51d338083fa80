/* restore.c - one tensor for the caller. */
#include "../base/status.h"
#include "tensors.h"

#include <stdlib.h>
#include <string.h>

static int restore_checked(pemn_file *f, tensor *t, uint8_t *out, char *error)
{
    digesting d;
    int status = pemn_restore_tensor(f, t, out, error);
    if (status == PEMN_OK && (t->has_sha256 || !t->is_found)) {
        memset(&d, 0, sizeof d);
        pemn_start_digest(f, t, out, &d);
        status = pemn_end_digest(&d, error);
    }
    return pemn_name_error(status, t, error);
}

int pemn_restore(pemn_file *file, size_t index, void *buffer, size_t size,
                 char error[PEMN_ERROR_SIZE])
{
    tensor *t;
    uint64_t bytes;
    int status;
    if (file == NULL || buffer == NULL || index >= file->manifest.tensor_count)
        return pemn_fail(PEMN_CALLER, error, "no such tensor, or no buffer");
    t = target_of(file, index);
    bytes = t->elements * width_of_dtype(t->dtype);
    if (size < bytes)
        return pemn_fail(PEMN_CALLER, error, "the buffer has %lu bytes, the tensor %llu",
                         (unsigned long)size, (unsigned long long)bytes);
    status = restore_checked(file, t, buffer, error);
    if (status != PEMN_OK)
        memset(buffer, 0, (size_t)bytes);
    return status;
}

/* Compute a tensor's digest, unless that was done before. */
static int find_digest(pemn_file *f, tensor *t, char *error)
{
    uint8_t *bytes;
    int status;
    if (t->is_found)
        return PEMN_OK;
    bytes = pemn_reserve(t->elements, width_of_dtype(t->dtype), error);
    if (bytes == NULL)
        return PEMN_SYSTEM;
    status = restore_checked(f, t, bytes, error);
    free(bytes);
    return status;
}

int pemn_tensor_sha256(pemn_file *file, size_t index, uint8_t digest[32],
                       char error[PEMN_ERROR_SIZE])
{
    tensor *t;
    int status;
    if (file == NULL || digest == NULL || index >= file->manifest.tensor_count)
        return pemn_fail(PEMN_CALLER, error, "no such tensor, or no place for a digest");
    t = target_of(file, index);
    status = find_digest(file, t, error);
    if (status == PEMN_OK)
        memcpy(digest, t->found, 32);
    return status;
}
