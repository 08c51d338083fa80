/* head.h - all that an archive says before its sections. */
#ifndef PEMN_CONTAINER_HEAD_H
#define PEMN_CONTAINER_HEAD_H

#include "file.h"

/* Read header and manifest, `head` and what follows it, and give sections and payloads their
 * places. The header itself has been checked. In the compact form the whole file follows it. */
PEMN_SHARED int pemn_read_head(pemn_file *f, const uint8_t *head, const pemn_limits *limits,
                               char *error);

/* The sections are where they are, in `data`; before each, from `end` on, there are zeros. */
PEMN_SHARED int pemn_find_sections(manifest *m, const uint8_t *data, uint64_t end, char *error);

#endif
