/* tensors.c - the list of tensors. */
#include "parts.h"

#include "../base/status.h"
#include "../json/walk.h"
#include "fields.h"
#include "naming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything that a record says on its own; the name of an alias' target goes to `alias`. */
static int get_tensor(span value, tensor *t, const prototype *p, span *alias, char *error)
{
    static const char *const names[] = {"dtype",     "name",   "shape", "values",
                                        "positions", "sha256", NULL};
    span got[MOST_FIELDS], rest, item;
    char where[128];
    int status = pemn_get_fields(value, "tensor", names, 4, got, error);
    if (status != PEMN_OK)
        return status;
    if ((status = pemn_get_name(got[1], &t->name, "tensor", error)) != PEMN_OK)
        return status;
    (void)snprintf(where, sizeof where, "tensor '%.*s'",
                   (int)(t->name.size < 100 ? t->name.size : 100), (const char *)t->name.at);
    if ((status = pemn_get_choice(got[0], DTYPES, &t->dtype, where, error)) != PEMN_OK)
        return status;
    if (!is_array(got[2]))
        return pemn_fail(PEMN_BROKEN, error, "%s: shape: expected an array", where);
    t->elements = 1;
    rest = inside(got[2]);
    while (pemn_json_take(&rest, &item)) {
        if (t->rank == MAX_RANK)
            return pemn_fail(PEMN_BROKEN, error, "%s: more than %d dimensions", where, MAX_RANK);
        if ((status = pemn_get_integer(item, 1, &t->shape[t->rank], where, error)) != PEMN_OK)
            return status;
        if (t->shape[t->rank] > MAX_ELEMENTS / t->elements)
            return pemn_fail(PEMN_BROKEN, error, "%s: expected fewer than 2^48 elements", where);
        t->elements *= t->shape[t->rank++];
    }
    t->mask.codec = NO_CODEC;
    t->mask.ones = t->elements;
    t->plane.kind = NO_PLANE;
    if (got[4].at != NULL && (status = pemn_get_positions(got[4], t->elements, rows_of(t), &t->mask,
                                                          where, error)) != PEMN_OK)
        return status;
    if (got[5].at != NULL) {
        if ((status = pemn_get_digest(got[5], t->sha256, where, error)) != PEMN_OK)
            return status;
        t->has_sha256 = 1;
    }
    return pemn_get_values(got[3], t, p, alias, where, error);
}

PEMN_SHARED int pemn_get_tensors(manifest *m, span array, char *error)
{
    span rest, item, *aliases;
    size_t count, i, *spare;
    int status = PEMN_OK;
    if (!is_array(array) || (count = pemn_json_count(array)) > MAX_TENSORS)
        return pemn_fail(PEMN_BROKEN, error, "tensors: expected an array of at most 2^20");
    if ((m->tensors = pemn_reserve(count, sizeof *m->tensors, error)) == NULL ||
        (m->by_name = pemn_reserve(count, sizeof *m->by_name, error)) == NULL ||
        (aliases = pemn_reserve(count, sizeof *aliases, error)) == NULL)
        return PEMN_SYSTEM;
    rest = inside(array);
    for (i = 0; status == PEMN_OK && pemn_json_take(&rest, &item); i++) {
        memset(&m->tensors[i], 0, sizeof m->tensors[i]);
        m->tensors[i].alias_of = PEMN_NONE;
        status = get_tensor(item, &m->tensors[i], &m->prototype, &aliases[i], error);
    }
    spare = status == PEMN_OK ? pemn_reserve(count, sizeof *spare, error) : NULL;
    if (spare == NULL) {
        free(aliases);
        return status == PEMN_OK ? PEMN_SYSTEM : status;
    }
    pemn_sort_names(m->tensors, m->by_name, spare, count);
    free(spare);
    m->tensor_count = count;
    for (i = 1; i < count; i++)
        if (pemn_compare_names(m->tensors[m->by_name[i - 1]].name,
                               m->tensors[m->by_name[i]].name) == 0)
            status = pemn_fail(PEMN_BROKEN, error, "tensors: expected unique names");
    for (i = 0; status == PEMN_OK && i < count; i++) {
        tensor *t = &m->tensors[i];
        const tensor *target;
        if (t->kind != ALIAS)
            continue;
        t->alias_of = pemn_find_name(m, aliases[i]);
        if (t->alias_of == PEMN_NONE || t->alias_of >= i || m->tensors[t->alias_of].kind == ALIAS) {
            status =
                pemn_fail(PEMN_BROKEN, error, "tensor %lu: expected an alias of an earlier tensor",
                          (unsigned long)i);
            break;
        }
        target = &m->tensors[t->alias_of];
        if (t->has_sha256)
            status = pemn_fail(PEMN_BROKEN, error, "tensor %lu: expected no digest of an alias",
                               (unsigned long)i);
        else if (t->mask.codec != NO_CODEC || t->dtype != target->dtype ||
                 t->rank != target->rank || memcmp(t->shape, target->shape, sizeof t->shape) != 0)
            status = pemn_fail(PEMN_BROKEN, error,
                               "tensor %lu: expected the shape and dtype of what it is an alias of",
                               (unsigned long)i);
    }
    free(aliases);
    return status;
}
