/* file.h - what an open file holds. */
#ifndef PEMN_CONTAINER_FILE_H
#define PEMN_CONTAINER_FILE_H

#include "../base/kernels.h"
#include "../base/platform.h"
#include "../manifest/records.h"

struct pemn_file {
    uint64_t size;  /* of the archive */
    uint8_t *owned; /* sections that pemn_open() read */
    manifest manifest;
    const kernels *use;
    uint32_t *table;  /* table of normal16, once it was needed */
    uint32_t *vector; /* what offsets count in, where it is kept, once it was needed */
};

/* An open file of an archive of so many bytes, of which nothing was read yet; NULL with an error. */
PEMN_SHARED pemn_file *pemn_new_file(uint64_t size, char *error);

#endif
