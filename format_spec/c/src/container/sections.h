/* sections.h - bytes of sections, which are hashed before they are used. */
#ifndef PEMN_CONTAINER_SECTIONS_H
#define PEMN_CONTAINER_SECTIONS_H

#include "../base/platform.h"
#include "file.h"

/* Check a section's digest, once, and what is said of a known section's bytes. */
PEMN_SHARED int pemn_check_section(pemn_file *f, section *s, char *error);

/* Part of a known section; no section is needed for no bytes. The section's digest is checked,
 * unless `own` says that the tensor has one, which is compared later. */
PEMN_SHARED int pemn_payload(pemn_file *f, unsigned known, uint64_t start, uint64_t size, int own,
                             span *out, char *error);

#endif
