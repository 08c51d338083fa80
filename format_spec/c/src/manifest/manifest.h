/* manifest.h - a whole manifest: text and size are given, the rest is read from them. */
#ifndef PEMN_MANIFEST_MANIFEST_H
#define PEMN_MANIFEST_MANIFEST_H

#include "../base/platform.h"
#include "records.h"

PEMN_SHARED int pemn_get_manifest(manifest *m, char *error);

#endif
