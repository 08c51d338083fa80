/* records.h - what a manifest says, and where its payloads are. */
#ifndef PEMN_MANIFEST_RECORDS_H
#define PEMN_MANIFEST_RECORDS_H

#include "../base/bytes.h"
#include "../base/names.h"

typedef struct {
    span name;
    uint64_t bytes;
    uint64_t offset;   /* in the archive */
    const uint8_t *at; /* NULL where it is not in memory */
    uint8_t sha256[32];
    int critical;
    int checked; /* the digest was compared: 1 right, -1 wrong */
} section;

/* Where ones are, among n places. */
typedef struct {
    uint64_t ones, bytes;
    uint64_t start; /* in the section `masks`, or `planes` */
    uint64_t predicted, flips, seed, stream; /* of a predictor: ones, and where it is wrong */
    uint8_t codec, has_predictor;
} positions;

typedef struct {
    positions which; /* of the selected elements depart */
    uint64_t stream;
    uint64_t bytes; /* of the mask and the numbers behind it */
    uint8_t kind, width;
} plane;

typedef struct {
    span name;
    uint64_t shape[MAX_RANK];
    uint64_t elements;
    positions mask; /* all elements where there is none */
    uint64_t frozen, frozen_seed, frozen_stream; /* elements of which masks and planes say nothing */
    plane plane;
    uint64_t stored_bytes, stored_start; /* in the section `dense` */
    uint64_t offset;                     /* in the prototype */
    size_t alias_of;
    const uint8_t *scale; /* hex digits in the manifest; NULL for none */
    uint8_t constant[8];
    uint8_t sha256[32]; /* as the record says, if it does */
    uint8_t found[32];  /* as computed */
    unsigned rank;
    uint8_t dtype, kind, coding, stored_dtype;
    uint8_t scale_per_row, has_sha256, is_found;
    uint8_t frozen_by_size; /* frozen are the least fixed values, else the lowest words */
    uint8_t is_later; /* needs a later minor version than 0 */
} tensor;

typedef struct {
    int present, transform, seeded, shuffled;
    uint64_t length, seed, stream;
    uint64_t shuffle_length, shuffle_seed, shuffle_stream;
} prototype;

typedef struct {
    uint8_t *text; /* decompressed; names in it end with a NUL once it was read */
    size_t size;
    section sections[MAX_SECTIONS];
    size_t section_count;
    section *known[KNOWN_SECTIONS];
    tensor *tensors;
    size_t tensor_count;
    size_t *by_name; /* indices of tensors, names ascending */
    prototype prototype;
    uint8_t restored_sha256[32];
    unsigned minor; /* version, as the header says */
    int compact;    /* tensors in columns, sections without digests, nothing aligned */
    uint8_t *names; /* of tensors, where the text has them in pieces: each ends with a NUL */
} manifest;

/* Length of the vector that offsets count in. */
static inline uint64_t filled_length(const prototype *p)
{
    return p->shuffled ? p->shuffle_length : p->length;
}

/* Rows of a tensor's mask as its payload says it. */
static inline uint64_t rows_of(const tensor *t)
{
    return t->rank > 1 && t->frozen == 0 ? t->shape[0] : 1;
}

static inline int is_floating(const tensor *t)
{
    return t->dtype == F32 || t->dtype == F16 || t->dtype == BF16;
}

#endif
