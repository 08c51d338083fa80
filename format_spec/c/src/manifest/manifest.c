/* manifest.c - the outermost object. */
#include "manifest.h"

#include "../base/status.h"
#include "../json/canonical.h"
#include "fields.h"
#include "parts.h"

#include <string.h>

PEMN_SHARED int pemn_get_manifest(manifest *m, char *error)
{
    static const char *const names[] = {"about",    "architecture", "prototype", "restored_sha256",
                                        "sections", "tensors",      NULL};
    span text, got[MOST_FIELDS];
    int status, i;
    text.at = m->text;
    text.size = m->size;
    if ((status = pemn_check_canonical(text, error)) != PEMN_OK ||
        (status = pemn_get_fields(text, "manifest", names, 6, got, error)) != PEMN_OK)
        return status;
    for (i = 0; i < 2; i++) { /* {"f64": ...} is a number */
        int number = got[i].size >= 6 && memcmp(got[i].at, "{\"f64\"", 6) == 0;
        if (got[i].at[0] != '{' || number)
            return pemn_fail(PEMN_BROKEN, error, "%s: expected an object", names[i]);
    }
    if (!(got[2].size == 4 && memcmp(got[2].at, "null", 4) == 0) &&
        (status = pemn_get_prototype(got[2], &m->prototype, error)) != PEMN_OK)
        return status;
    if ((status = pemn_get_digest(got[3], m->restored_sha256, "restored_sha256", error)) !=
            PEMN_OK ||
        (status = pemn_get_sections(m, got[4], error)) != PEMN_OK)
        return status;
    return pemn_get_tensors(m, got[5], error);
}
