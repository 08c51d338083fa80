/* about.c - what an open file says of its tensors. */
#include "../manifest/naming.h"
#include "file.h"

#include <string.h>

size_t pemn_tensor_count(const pemn_file *file)
{
    return file == NULL ? 0 : file->manifest.tensor_count;
}

int pemn_tensor_info(const pemn_file *file, size_t index, pemn_tensor *info)
{
    const tensor *t;
    if (file == NULL || info == NULL || index >= file->manifest.tensor_count)
        return PEMN_CALLER;
    t = &file->manifest.tensors[index];
    info->name = (const char *)t->name.at;
    info->dtype = pemn_name(DTYPES, t->dtype);
    info->kind = pemn_name(KINDS, t->kind);
    info->codec = t->mask.codec == NO_CODEC ? NULL : pemn_name(CODECS, t->mask.codec);
    info->plane = t->plane.kind == NO_PLANE ? NULL : pemn_name(PLANES, t->plane.kind);
    info->departures = t->plane.which.ones;
    memcpy(info->shape, t->shape, sizeof info->shape);
    info->elements = t->elements;
    info->bytes = t->elements * width_of_dtype(t->dtype);
    info->ones = t->mask.ones;
    info->alias_of = t->alias_of;
    info->rank = t->rank;
    return PEMN_OK;
}

size_t pemn_find(const pemn_file *file, const char *name)
{
    span key;
    if (file == NULL || name == NULL)
        return PEMN_NONE;
    key.at = (const uint8_t *)name;
    key.size = strlen(name);
    return pemn_find_name(&file->manifest, key);
}

unsigned pemn_minor(const pemn_file *file) { return file == NULL ? 0 : file->manifest.minor; }

void pemn_restored_sha256(const pemn_file *file, uint8_t digest[32])
{
    memcpy(digest, file->manifest.restored_sha256, 32);
}
