/* sections.c - the list of sections. */
#include "parts.h"

#include "../base/status.h"
#include "../json/walk.h"
#include "fields.h"
#include "naming.h"

#include <stdio.h>
#include <string.h>

static int get_section(span value, section *s, int compact, char *error)
{
    const char *names[] = {"bytes", "critical", "name", "sha256", NULL};
    span got[MOST_FIELDS];
    char where[128];
    int status;
    if (compact)
        names[3] = NULL;
    status = pemn_get_fields(value, "section", names, compact ? 3 : 4, got, error);
    if (status != PEMN_OK)
        return status;
    if ((status = pemn_get_name(got[2], &s->name, "section", error)) != PEMN_OK)
        return status;
    (void)snprintf(where, sizeof where, "section '%.*s'",
                   (int)(s->name.size < 100 ? s->name.size : 100), (const char *)s->name.at);
    if (got[1].at[0] != 't' && got[1].at[0] != 'f')
        return pemn_fail(PEMN_BROKEN, error, "%s: critical: expected true or false", where);
    s->critical = got[1].at[0] == 't';
    if ((status = pemn_get_integer(got[0], 1, &s->bytes, where, error)) != PEMN_OK)
        return status;
    return compact ? PEMN_OK : pemn_get_digest(got[3], s->sha256, where, error);
}

PEMN_SHARED int pemn_get_sections(manifest *m, span array, char *error)
{
    static const int critical[KNOWN_SECTIONS] = {1, 1, 1, 1, 0};
    span rest, item;
    size_t i;
    int status;
    unsigned known;
    if (!is_array(array) || pemn_json_count(array) > MAX_SECTIONS)
        return pemn_fail(PEMN_BROKEN, error, "sections: expected an array of at most %d",
                         MAX_SECTIONS);
    rest = inside(array);
    while (pemn_json_take(&rest, &item)) {
        section *s = &m->sections[m->section_count];
        if ((status = get_section(item, s, m->compact, error)) != PEMN_OK)
            return status;
        for (i = 0; i < m->section_count; i++)
            if (pemn_compare_names(s->name, m->sections[i].name) == 0)
                return pemn_fail(PEMN_BROKEN, error, "sections: expected unique names");
        m->section_count++;
        for (known = 0; known < KNOWN_SECTIONS; known++)
            if (s->name.size == strlen(pemn_name(SECTIONS, known)) &&
                memcmp(s->name.at, pemn_name(SECTIONS, known), s->name.size) == 0)
                break;
        if (known == KNOWN_SECTIONS) {
            if (s->critical)
                return pemn_fail(PEMN_BROKEN, error, "section %lu: unknown, and critical",
                                 (unsigned long)m->section_count);
            continue;
        }
        if (s->critical != critical[known])
            return pemn_fail(PEMN_BROKEN, error, "section '%s': expected critical to be %s",
                             pemn_name(SECTIONS, known), critical[known] ? "true" : "false");
        m->known[known] = s;
    }
    return PEMN_OK;
}
