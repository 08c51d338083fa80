/* tensors.c - the list of tensors. */
#include "parts.h"

#include "../base/status.h"
#include "../json/walk.h"
#include "fields.h"
#include "naming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DTYPE_FIELD, NAME_FIELD, SHAPE_FIELD, VALUES_FIELD, FROZEN_FIELD, POSITIONS_FIELD, SHA256_FIELD };
static const char *const NAMES[] = {"dtype",  "name",      "shape",  "values",
                                    "frozen", "positions", "sha256", NULL};

static int get_frozen(span value, tensor *t, const char *where, char *error)
{
    static const char *const names[] = {"count", "seed", "stream", NULL};
    span got[MOST_FIELDS];
    int status;
    if ((status = pemn_get_fields(value, where, names, 1, got, error)) != PEMN_OK ||
        (status = pemn_get_integer(got[0], 1, &t->frozen, where, error)) != PEMN_OK)
        return status;
    if (t->frozen >= t->elements)
        return pemn_fail(PEMN_BROKEN, error, "%s: frozen: expected fewer than all elements", where);
    if (got[1].at == NULL && got[2].at == NULL) { /* those of the least magnitudes */
        t->frozen_by_size = 1;
        return PEMN_OK;
    }
    if (got[1].at == NULL || got[2].at == NULL)
        return pemn_fail(PEMN_BROKEN, error, "%s: frozen: expected 'seed' and 'stream', or neither",
                         where);
    return pemn_get_stream(got[1], got[2], &t->frozen_seed, &t->frozen_stream, where, error);
}

/* Everything that a record says on its own but its name, which the tensor has; the name of an
 * alias' target goes to `alias`. */
static int get_tensor(const span got[MOST_FIELDS], tensor *t, const manifest *m, span *alias,
                      char *error)
{
    span rest, item;
    char where[128];
    mask_places in;
    int status;
    (void)snprintf(where, sizeof where, "tensor '%.*s'",
                   (int)(t->name.size < 100 ? t->name.size : 100), (const char *)t->name.at);
    if ((status = pemn_get_choice(got[DTYPE_FIELD], DTYPES, &t->dtype, where, error)) != PEMN_OK)
        return status;
    if (!is_array(got[SHAPE_FIELD]))
        return pemn_fail(PEMN_BROKEN, error, "%s: shape: expected an array", where);
    t->elements = 1;
    rest = inside(got[SHAPE_FIELD]);
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
    if (got[FROZEN_FIELD].at != NULL &&
        (status = get_frozen(got[FROZEN_FIELD], t, where, error)) != PEMN_OK)
        return status;
    in.places = t->elements - t->frozen;
    in.rows = rows_of(t);
    in.frozen = t->frozen;
    in.compact = m->compact;
    if (got[POSITIONS_FIELD].at != NULL &&
        (status = pemn_get_positions(got[POSITIONS_FIELD], &in, &t->mask, where, error)) != PEMN_OK)
        return status;
    if (got[SHA256_FIELD].at != NULL) {
        if ((status = pemn_get_digest(got[SHA256_FIELD], t->sha256, where, error)) != PEMN_OK)
            return status;
        t->has_sha256 = 1;
    }
    t->is_later = t->frozen > 0 || t->mask.has_predictor;
    return pemn_get_values(got[VALUES_FIELD], t, m, alias, where, error);
}

/* The tensors one after the other: records of an array, or items of columns. */
typedef struct {
    span rest[MOST_FIELDS]; /* of columns; rest[0] of the array */
    int compact;
    span last;     /* name of the last tensor, */
    uint8_t *next; /* place for the next one */
} tensor_list;

/* A name is told as how many parts of the last one it begins with, and what follows them. */
static int next_name(tensor_list *list, span *name, char *error)
{
    span count, text, whole;
    uint64_t parts;
    size_t kept = 0;
    int status;
    if (!pemn_json_take(&list->rest[NAME_FIELD], &count) ||
        !pemn_json_take(&list->rest[NAME_FIELD], &text))
        return pemn_fail(PEMN_BROKEN, error, "tensors: names: expected pairs");
    if ((status = pemn_get_integer(count, 0, &parts, "tensors: names", error)) != PEMN_OK ||
        (status = pemn_get_name(text, &text, "tensor", error)) != PEMN_OK)
        return status;
    for (; parts > 0; parts--) { /* to behind the dot that ends the part */
        if (kept > list->last.size)
            return pemn_fail(PEMN_BROKEN, error, "tensors: names: more parts than the last one has");
        while (kept < list->last.size && list->last.at[kept] != '.')
            kept++;
        kept++;
    }
    if (kept > list->last.size + 1 || (kept > 0 && list->last.size == 0) ||
        kept + text.size > MAX_NAME)
        return pemn_fail(PEMN_BROKEN, error, "tensors: names: expected at most %d characters",
                         MAX_NAME);
    whole.at = list->next;
    whole.size = kept + text.size;
    if (kept > 0) {
        memcpy(list->next, list->last.at, kept - 1);
        list->next[kept - 1] = '.';
    }
    memcpy(list->next + kept, text.at, text.size);
    list->next[whole.size] = 0;
    list->next += whole.size + 1;
    list->last = *name = whole;
    return PEMN_OK;
}

static int next_tensor(tensor_list *list, span got[MOST_FIELDS], span *name, char *error)
{
    span item;
    int status, i;
    if (!list->compact) {
        (void)pemn_json_take(&list->rest[0], &item);
        if ((status = pemn_get_fields(item, "tensor", NAMES, 4, got, error)) != PEMN_OK)
            return status;
        return pemn_get_name(got[NAME_FIELD], name, "tensor", error);
    }
    for (i = 0; i < MOST_FIELDS; i++) {
        got[i].at = NULL;
        if (i == NAME_FIELD || list->rest[i].at == NULL)
            continue;
        (void)pemn_json_take(&list->rest[i], &got[i]);
        if (got[i].size == 4 && memcmp(got[i].at, "null", 4) == 0)
            got[i].at = NULL;
        if (got[i].at == NULL && i <= VALUES_FIELD)
            return pemn_fail(PEMN_BROKEN, error, "tensors: %s: expected no null", NAMES[i]);
    }
    return next_name(list, name, error);
}

/* Begin a list, and count its tensors. */
static int open_list(manifest *m, span value, tensor_list *list, size_t *count, char *error)
{
    span got[MOST_FIELDS];
    int status, i;
    memset(list, 0, sizeof *list);
    list->compact = m->compact;
    if (!m->compact) {
        if (!is_array(value) || (*count = pemn_json_count(value)) > MAX_TENSORS)
            return pemn_fail(PEMN_BROKEN, error, "tensors: expected an array of at most 2^20");
        list->rest[0] = inside(value);
        return PEMN_OK;
    }
    if ((status = pemn_get_fields(value, "tensors", NAMES, 4, got, error)) != PEMN_OK)
        return status;
    *count = is_array(got[SHAPE_FIELD]) ? pemn_json_count(got[SHAPE_FIELD]) : 0;
    for (i = 0; i < MOST_FIELDS; i++) {
        size_t each = i == NAME_FIELD ? 2 : 1;
        if (got[i].at == NULL)
            continue;
        if (!is_array(got[i]) || pemn_json_count(got[i]) != *count * each)
            return pemn_fail(PEMN_BROKEN, error, "tensors: expected columns of the same length");
        list->rest[i] = inside(got[i]);
    }
    if (*count > MAX_TENSORS) /* the cap on compact manifests does not let so many be */
        return pemn_fail(PEMN_BROKEN, error, "tensors: expected at most 2^20");
    list->next = m->names = pemn_reserve(*count, MAX_NAME + 1, error);
    return m->names == NULL ? PEMN_SYSTEM : PEMN_OK;
}

PEMN_SHARED int pemn_get_tensors(manifest *m, span value, char *error)
{
    span got[MOST_FIELDS], *aliases;
    size_t count = 0, i, *spare;
    tensor_list list;
    int status = open_list(m, value, &list, &count, error);
    if (status != PEMN_OK)
        return status;
    if ((m->tensors = pemn_reserve(count, sizeof *m->tensors, error)) == NULL ||
        (m->by_name = pemn_reserve(count, sizeof *m->by_name, error)) == NULL ||
        (aliases = pemn_reserve(count, sizeof *aliases, error)) == NULL)
        return PEMN_SYSTEM;
    for (i = 0; status == PEMN_OK && i < count; i++) {
        memset(&m->tensors[i], 0, sizeof m->tensors[i]);
        m->tensors[i].alias_of = PEMN_NONE;
        status = next_tensor(&list, got, &m->tensors[i].name, error);
        if (status == PEMN_OK)
            status = get_tensor(got, &m->tensors[i], m, &aliases[i], error);
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
