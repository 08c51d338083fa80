/* layout.h - sizes and caps of the format. */
#ifndef PEMN_BASE_LAYOUT_H
#define PEMN_BASE_LAYOUT_H

#include "../../pemn.h"

#include <stddef.h>
#include <stdint.h>

#define MAX_MANIFEST_BYTES ((uint64_t)1 << 26)
#define MAX_ZSTD_WINDOW ((uint64_t)1 << 27)
#define MAX_COMPACT_BYTES ((uint64_t)1 << 24)
#define MAX_COMPACT_MANIFEST ((uint64_t)1 << 20)
#define MAX_NESTING 16
#define MAX_SECTIONS 64
#define MAX_TENSORS ((size_t)1 << 20)
#define MAX_RANK PEMN_MAX_RANK
#define MAX_ELEMENTS (((uint64_t)1 << 48) - 1)
#define MAX_NAME 255
#define MAX_RICE_PARAMETER 47

#define HEADER_BYTES 96
#define FIELD_BYTES 64 /* of the header, without its digest */
#define ALIGNMENT 64
#define COMPACT 2 /* coding of the manifest */
#define ALIGNED_FROM 4096 /* raw payloads of so many bytes are aligned in the section `dense` */

#endif
