/* places.h - where sections and payloads lie. */
#ifndef PEMN_CONTAINER_PLACES_H
#define PEMN_CONTAINER_PLACES_H

#include "../base/platform.h"
#include "../manifest/records.h"

/* Give every payload its place, and compare sums with the header and with the section records. */
PEMN_SHARED int pemn_place_payloads(manifest *m, uint64_t elements, uint64_t restored, char *error);

/* Lay the sections end to end behind `end`: aligned starts, no byte of the archive left over. */
PEMN_SHARED int pemn_place_sections(manifest *m, uint64_t end, uint64_t size, char *error);

#endif
