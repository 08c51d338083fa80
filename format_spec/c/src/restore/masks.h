/* masks.h - which elements of a tensor are selected, and which of them payloads tell. */
#ifndef PEMN_RESTORE_MASKS_H
#define PEMN_RESTORE_MASKS_H

#include "../base/platform.h"
#include "../container/file.h"

typedef struct {
    const uint8_t *selected; /* bits of all elements; NULL: all of them */
    const uint8_t *listed;   /* those of them that a plane says something of; NULL: all */
    uint8_t *owned[4];       /* what to free */
} tensor_masks;

/* The caller frees what is in `owned`, on failure too. */
PEMN_SHARED int pemn_get_masks(pemn_file *f, const tensor *t, tensor_masks *masks, char *error);

#endif
