/* head.h - all that an archive says before its sections. */
#ifndef PEMN_CONTAINER_HEAD_H
#define PEMN_CONTAINER_HEAD_H

#include "file.h"

/* Read header and manifest, `head` and what follows it, and give sections and payloads their
 * places. The header itself has been checked. */
PEMN_SHARED int pemn_read_head(pemn_file *f, const uint8_t *head, const pemn_limits *limits,
                               char *error);

#endif
