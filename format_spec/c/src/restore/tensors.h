/* tensors.h - one tensor restored, and its digest. */
#ifndef PEMN_RESTORE_TENSORS_H
#define PEMN_RESTORE_TENSORS_H

#include "../container/file.h"
#include "../hash/sha256.h"

/* Restore a tensor that is no alias into `out`, which has room for it. */
PEMN_SHARED int pemn_restore_tensor(pemn_file *f, const tensor *t, uint8_t *out, char *error);

/* A tensor whose digest is being computed: of what `hash` has seen and the bytes that are left. */
typedef struct {
    tensor *t; /* NULL: none */
    sha256 hash;
    const uint8_t *at;
    size_t left;
    uint8_t *owned; /* what to free in the end */
} digesting;

/* Begin, such that whole blocks are what comes next. */
PEMN_SHARED void pemn_start_digest(const pemn_file *f, tensor *t, const uint8_t *bytes,
                                   digesting *d);

/* Finish, and compare with the record's digest, if it has one. */
PEMN_SHARED int pemn_end_digest(digesting *d, char *error);

/* Put the tensor's name before a message. */
PEMN_SHARED int pemn_name_error(int status, const tensor *t, char *error);

/* The tensor that a tensor is: itself, or what it is an alias of. */
static inline tensor *target_of(pemn_file *f, size_t index)
{
    tensor *t = &f->manifest.tensors[index];
    return t->kind == ALIAS ? &f->manifest.tensors[t->alias_of] : t;
}

#endif
