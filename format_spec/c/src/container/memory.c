/* memory.c - opening an archive that is in memory, and closing any. */
#include "../base/status.h"
#include "../kernels/choose.h"
#include "head.h"
#include "header.h"

#include <stdlib.h>
#include <string.h>

PEMN_SHARED pemn_file *pemn_new_file(uint64_t size, char *error)
{
    pemn_file *f = pemn_reserve(1, sizeof *f, error);
    if (f != NULL) {
        memset(f, 0, sizeof *f);
        f->size = size;
        f->use = pemn_choose_kernels();
    }
    return f;
}

PEMN_SHARED int pemn_find_sections(manifest *m, const uint8_t *data, uint64_t end, char *error)
{
    size_t i;
    for (i = 0; i < m->section_count; i++) {
        section *s = &m->sections[i];
        if (!all_zero(data + end, (size_t)(s->offset - end)))
            return pemn_fail(PEMN_BROKEN, error, "padding, offset %llu: expected zeros",
                             (unsigned long long)end);
        s->at = data + s->offset;
        end = s->offset + s->bytes;
    }
    return PEMN_OK;
}

int pemn_open_memory(const void *data, size_t size, const pemn_limits *limits, pemn_file **file,
                     char error[PEMN_ERROR_SIZE])
{
    pemn_limits defaults = pemn_default_limits();
    const pemn_limits *used = limits == NULL ? &defaults : limits;
    const uint8_t *h = data;
    pemn_file *f;
    int status;
    if (file == NULL)
        return pemn_fail(PEMN_CALLER, error, "no place for the open file");
    *file = NULL;
    if (data == NULL && size > 0)
        return pemn_fail(PEMN_CALLER, error, "no bytes");
    if ((status = pemn_check_header(h, size, used, error)) != PEMN_OK)
        return status;
    if ((f = pemn_new_file(size, error)) == NULL)
        return PEMN_SYSTEM;
    status = pemn_read_head(f, h, used, error);
    if (status == PEMN_OK)
        status = pemn_find_sections(&f->manifest, h, HEADER_BYTES + load(h + 40, 4), error);
    if (status == PEMN_OK)
        *file = f;
    else
        pemn_close(f);
    return status;
}

void pemn_close(pemn_file *f)
{
    if (f == NULL)
        return;
    free(f->owned);
    free(f->manifest.text);
    free(f->manifest.names);
    free(f->manifest.tensors);
    free(f->manifest.by_name);
    free(f->table);
    free(f->vector);
    free(f);
}
