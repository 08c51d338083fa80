/* prototype.c - the record of the prototype. */
#include "parts.h"

#include "../base/status.h"
#include "fields.h"

PEMN_SHARED int pemn_get_prototype(span value, prototype *p, char *error)
{
    static const char *const names[] = {"length", "seed", "shuffle", "stream", "transform", NULL};
    static const char *const shuffle_names[] = {"length", "seed", "stream", NULL};
    span got[MOST_FIELDS], inner[MOST_FIELDS];
    uint8_t transform = 0;
    int status = pemn_get_fields(value, "prototype", names, 1, got, error);
    if (status != PEMN_OK)
        return status;
    if ((status = pemn_get_integer(got[0], 1, &p->length, "prototype length", error)) != PEMN_OK)
        return status;
    p->present = 1;
    if ((got[1].at == NULL) != (got[3].at == NULL) || (got[1].at == NULL) != (got[4].at == NULL))
        return pemn_fail(PEMN_BROKEN, error,
                         "prototype: expected seed, stream and transform together");
    if (got[1].at != NULL) {
        p->seeded = 1;
        status = pemn_get_stream(got[1], got[3], &p->seed, &p->stream, "prototype", error);
        if (status == PEMN_OK)
            status = pemn_get_choice(got[4], TRANSFORMS, &transform, "prototype transform", error);
        if (status != PEMN_OK)
            return status;
        p->transform = transform;
    }
    if (got[2].at == NULL)
        return PEMN_OK;
    p->shuffled = 1;
    if ((status = pemn_get_fields(got[2], "shuffle", shuffle_names, 3, inner, error)) != PEMN_OK)
        return status;
    status = pemn_get_integer(inner[0], 1, &p->shuffle_length, "shuffle length", error);
    if (status != PEMN_OK)
        return status;
    return pemn_get_stream(inner[1], inner[2], &p->shuffle_seed, &p->shuffle_stream, "shuffle",
                           error);
}
