/* pemn.c - a reader of `.pemn` archives in C99; libzstd is all it needs.
 *
 * From top to bottom: errors and memory, SHA-256, zstd frames, canonical JSON, the manifest,
 * opening, the generator, floats in integer arithmetic, mask codecs, restoring, verifying.
 *
 * Numbers are loaded byte by byte, floats are handled as bit patterns: neither the byte order nor
 * the floating-point environment of the machine matters.
 */
#include "pemn.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* Compilers that know GNU C, on x86-64: the few functions that take the time are compiled twice, and
 * a processor with AVX2 and instructions for SHA-256 uses the second. -DPEMN_PORTABLE: once. */
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__) && !defined(PEMN_PORTABLE)
#define PEMN_X86 1
#define INLINE inline __attribute__((always_inline))
#include <cpuid.h>
#include <immintrin.h>
#else
#define INLINE inline
#endif

#if defined(__GNUC__) || defined(__clang__)
#define PRINTF_LIKE __attribute__((format(printf, 3, 4)))
#else
#define PRINTF_LIKE
#endif

#define MAX_MANIFEST_BYTES ((uint64_t)1 << 26)
#define MAX_ZSTD_WINDOW ((uint64_t)1 << 27)
#define MAX_NESTING 16
#define MAX_SECTIONS 64
#define MAX_TENSORS ((size_t)1 << 20)
#define MAX_RANK PEMN_MAX_RANK
#define MAX_ELEMENTS (((uint64_t)1 << 48) - 1)
#define MAX_NAME 255
#define MAX_RICE_PARAMETER 47

#define HEADER_BYTES 96
#define FIELD_BYTES 64 /* of the header, without its digest */
#define ALIGNMENT 64
#define ALIGNED_FROM 4096 /* raw payloads of so many bytes are aligned in the section `dense` */
#define TABLE_HALF 32768

static const uint8_t MAGIC[8] = {0x89, 0x50, 0x45, 0x4d, 0x4e, 0x0d, 0x0a, 0x1a};

/* ---- closed lists of names -------------------------------------------------------------------- */

enum { BOOL, U8, I8, I16, I32, I64, BF16, F16, F32, F64 };
static const char *const DTYPES[] = {"bool", "u8",   "i8",  "i16", "i32",
                                     "i64",  "bf16", "f16", "f32", "f64"};
static const unsigned WIDTHS[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};

enum { PROTOTYPE, PROTOTYPE_SIGN, STORED, CONSTANT, ALIAS };
static const char *const KINDS[] = {"prototype", "prototype-sign", "stored", "constant", "alias"};

enum { SIGNS, GENERATION, FROM_SOURCE, NO_PLANE };
static const char *const PLANES[] = {"sign", "generation", "source"};

enum { BITMAP, CSR, RICE, NO_CODEC };
static const char *const CODECS[] = {"bitmap", "csr", "rice"};

enum { RAW, ZSTD, SHUFFLE_ZSTD };
static const char *const CODINGS[] = {"raw", "zstd", "shuffle-zstd"};

enum { NORMAL16, UNIFORM24, SIGN };
static const char *const TRANSFORMS[] = {"normal16", "uniform24", "sign"};

enum { IN_MASKS, IN_PLANES, IN_DENSE, IN_PROTOTYPE, IN_SOURCE, KNOWN_SECTIONS };
static const char *const SECTIONS[] = {"masks", "planes", "dense", "prototype", "source"};
static const int CRITICAL[] = {1, 1, 1, 1, 0};

/* ---- what an open file holds ------------------------------------------------------------------ */

typedef struct {
    const uint8_t *at;
    size_t size;
} span;

typedef struct {
    span name;
    uint64_t bytes;
    size_t offset;
    uint8_t sha256[32];
    int critical;
    int checked; /* the digest was compared */
} section;

/* Where ones are, among n places. */
typedef struct {
    uint64_t ones, bytes;
    uint64_t start; /* in the section `masks`, or `planes` */
    uint8_t codec;
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
} tensor;

typedef struct {
    int present, transform, seeded, shuffled;
    uint64_t length, seed, stream;
    uint64_t shuffle_length, shuffle_seed, shuffle_stream;
} prototype;

typedef struct {
    uint32_t state[8];
    uint64_t size;
    const struct kernels *use;
    uint8_t block[64];
} sha256;

/* What takes the time, as this processor does it best. */
typedef struct kernels {
    void (*sha256_blocks)(uint32_t state[8], const uint8_t *at, size_t count);
    /* two at once, which takes little longer than one; NULL where it would take twice as long */
    void (*sha256_two)(uint32_t a[8], const uint8_t *at, uint32_t b[8], const uint8_t *bt,
                       size_t count);
    void (*draw)(int transform, const uint32_t *table, uint64_t seed, uint64_t stream,
                 uint64_t from, size_t count, uint32_t *out);
    void (*scale)(uint32_t *values, size_t count, uint32_t scale);
    void (*put)(uint32_t *values, size_t count, const uint8_t *mask, unsigned dtype,
                uint8_t *out);
} kernels;

struct pemn_file {
    const uint8_t *data;
    size_t size;
    uint8_t *owned;    /* the same bytes where pemn_open() read them */
    uint8_t *manifest; /* decompressed */
    size_t manifest_size;
    section sections[MAX_SECTIONS];
    size_t section_count;
    section *known[KNOWN_SECTIONS];
    tensor *tensors;
    size_t tensor_count;
    size_t *by_name; /* indices of tensors, names ascending */
    prototype prototype;
    uint8_t restored_sha256[32];
    const kernels *use;
    uint32_t *table;    /* table of normal16, once it was needed */
    uint32_t *vector;   /* what offsets count in, where it is kept, once it was needed */
};

/* ---- errors and memory ------------------------------------------------------------------------ */

static int fail(int status, char *error, const char *format, ...) PRINTF_LIKE;

static int fail(int status, char *error, const char *format, ...)
{
    if (error != NULL) {
        va_list list;
        va_start(list, format);
        if (vsnprintf(error, PEMN_ERROR_SIZE, format, list) < 0)
            error[0] = '\0';
        va_end(list);
    }
    return status;
}

/* Memory for `count` things of `each` bytes, not cleared; NULL with an error. */
static void *reserve(uint64_t count, size_t each, char *error)
{
    void *memory = NULL;
    if (count <= SIZE_MAX / each && count <= (uint64_t)PTRDIFF_MAX / each)
        memory = malloc(count == 0 ? 1 : (size_t)count * each);
    if (memory == NULL)
        (void)fail(PEMN_SYSTEM, error, "out of memory: %llu x %lu bytes",
                   (unsigned long long)count, (unsigned long)each);
    return memory;
}

/* Add to a sum; 0 where it does not fit. */
static int add(uint64_t *sum, uint64_t more)
{
    if (more > UINT64_MAX - *sum)
        return 0;
    *sum += more;
    return 1;
}

static int align(uint64_t *offset)
{
    return *offset % ALIGNMENT == 0 || add(offset, ALIGNMENT - *offset % ALIGNMENT);
}

static uint64_t load(const uint8_t *at, unsigned width)
{
    uint64_t value = 0;
    while (width-- > 0)
        value = value << 8 | at[width];
    return value;
}

static void save(uint8_t *at, uint64_t value, unsigned width)
{
    unsigned i;
    for (i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> 8 * i & 0xff);
}

static int all_zero(const uint8_t *at, size_t size)
{
    uint8_t seen = 0;
    size_t i;
    for (i = 0; i < size; i++)
        seen |= at[i];
    return seen == 0;
}

static const kernels *choose_kernels(void);

/* ---- SHA-256 (FIPS 180-4) --------------------------------------------------------------------- */

static const uint32_t SHA256_K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

static void sha256_blocks(uint32_t state[8], const uint8_t *at, size_t count)
{
    uint32_t w[64], v[8];
    unsigned i;
    for (; count > 0; count--, at += 64) {
        for (i = 0; i < 16; i++)
            w[i] = (uint32_t)at[4 * i] << 24 | (uint32_t)at[4 * i + 1] << 16 |
                   (uint32_t)at[4 * i + 2] << 8 | at[4 * i + 3];
        for (; i < 64; i++) {
            uint32_t a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
                   (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
        }
        memcpy(v, state, sizeof v);
        for (i = 0; i < 64; i++) {
            uint32_t one = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
                           ((v[4] & v[5]) ^ (~v[4] & v[6])) + SHA256_K[i] + w[i];
            uint32_t two = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
                           ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            v[7] = v[6];
            v[6] = v[5];
            v[5] = v[4];
            v[4] = v[3] + one;
            v[3] = v[2];
            v[2] = v[1];
            v[1] = v[0];
            v[0] = one + two;
        }
        for (i = 0; i < 8; i++)
            state[i] += v[i];
    }
}

#ifdef PEMN_X86
/* The same with the processor's instructions. They keep the state as the words A B E F and C D G H,
 * highest first, and do two rounds at a time, each waiting for the ones before. */
typedef struct {
    __m128i abef, cdgh, w[4], old_abef, old_cdgh;
} lane;

#define SHA __attribute__((target("sha,sse4.1,avx2")))

SHA static INLINE void lane_start(lane *l, const uint32_t state[8])
{
    l->abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    l->cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
}

SHA static INLINE void lane_end(const lane *l, uint32_t state[8])
{
    static const uint8_t places[8] = {3, 2, 7, 6, 1, 0, 5, 4};
    uint32_t words[8];
    unsigned i;
    _mm_storeu_si128((__m128i *)(void *)words, l->abef);
    _mm_storeu_si128((__m128i *)(void *)(words + 4), l->cdgh);
    for (i = 0; i < 8; i++)
        state[i] = words[places[i]];
}

SHA static INLINE void lane_load(lane *l, const uint8_t *at)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    unsigned i;
    l->old_abef = l->abef;
    l->old_cdgh = l->cdgh;
    for (i = 0; i < 4; i++) {
        __m128i words = _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i));
        l->w[i] = _mm_shuffle_epi8(words, big_endian);
    }
}

/* Rounds 4i to 4i + 3: w[i % 4] are their words, and become those of 16 rounds later. */
SHA static INLINE void lane_rounds(lane *l, unsigned i)
{
    __m128i *w = l->w, sum = _mm_loadu_si128((const __m128i *)(const void *)(SHA256_K + 4 * i));
    sum = _mm_add_epi32(sum, w[i % 4]);
    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, sum);
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(sum, 0x0e));
    if (i < 12) {
        __m128i next = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
        next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4));
        w[i % 4] = _mm_sha256msg2_epu32(next, w[(i + 3) % 4]);
    }
}

SHA static INLINE void lane_add(lane *l)
{
    l->abef = _mm_add_epi32(l->abef, l->old_abef);
    l->cdgh = _mm_add_epi32(l->cdgh, l->old_cdgh);
}

#define FOUR_TIMES(does, i) does(i) does((i) + 1) does((i) + 2) does((i) + 3)
#define ALL_ROUNDS(does) \
    FOUR_TIMES(does, 0) FOUR_TIMES(does, 4) FOUR_TIMES(does, 8) FOUR_TIMES(does, 12)

SHA static void x86_sha256_blocks(uint32_t state[8], const uint8_t *at, size_t count)
{
    lane l;
    lane_start(&l, state);
    for (; count > 0; count--, at += 64) {
        lane_load(&l, at);
#define ROUNDS(i) lane_rounds(&l, i);
        ALL_ROUNDS(ROUNDS)
#undef ROUNDS
        lane_add(&l);
    }
    lane_end(&l, state);
}

SHA static void x86_sha256_two(uint32_t a[8], const uint8_t *at, uint32_t b[8], const uint8_t *bt,
                               size_t count)
{
    lane l, m;
    lane_start(&l, a);
    lane_start(&m, b);
    for (; count > 0; count--, at += 64, bt += 64) {
        lane_load(&l, at);
        lane_load(&m, bt);
#define ROUNDS(i) lane_rounds(&l, i), lane_rounds(&m, i);
        ALL_ROUNDS(ROUNDS)
#undef ROUNDS
        lane_add(&l);
        lane_add(&m);
    }
    lane_end(&l, a);
    lane_end(&m, b);
}
#endif

static sha256 sha256_make(const kernels *use)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    sha256 s;
    memset(&s, 0, sizeof s);
    memcpy(s.state, first, sizeof first);
    s.use = use;
    return s;
}

static void sha256_add(sha256 *s, const void *data, size_t size)
{
    const uint8_t *at = data;
    size_t held = (size_t)(s->size % 64);
    s->size += size;
    if (held > 0) {
        size_t part = size < 64 - held ? size : 64 - held;
        memcpy(s->block + held, at, part);
        at += part;
        size -= part;
        if (held + part < 64)
            return;
        s->use->sha256_blocks(s->state, s->block, 1);
    }
    s->use->sha256_blocks(s->state, at, size / 64);
    at += size - size % 64;
    size %= 64;
    if (size > 0)
        memcpy(s->block, at, size);
}

static void sha256_end(sha256 *s, uint8_t digest[32])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = s->size * 8;
    uint8_t length[8];
    unsigned i;
    for (i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i) & 0xff);
    sha256_add(s, padding, (size_t)(64 - (s->size + 8) % 64));
    sha256_add(s, length, 8);
    for (i = 0; i < 32; i++)
        digest[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)) & 0xff);
}

static void sha256_of(const kernels *use, const void *data, size_t size, uint8_t digest[32])
{
    sha256 s = sha256_make(use);
    sha256_add(&s, data, size);
    sha256_end(&s, digest);
}

/* ---- one zstd frame (RFC 8878) ---------------------------------------------------------------- */

/* Read what the header of a frame declares; `what` begins the messages. */
static int frame_size(span frame, uint64_t *content, const char *what, char *error)
{
    static const unsigned id_bytes[4] = {0, 1, 2, 4}, size_bytes[4] = {0, 2, 4, 8};
    unsigned descriptor, single, id_width, size_width;
    uint64_t window = 0;
    size_t at = 5;
    if (frame.size < 5 || load(frame.at, 4) != 0xfd2fb528)
        return fail(PEMN_BROKEN, error, "%s: expected a zstd frame", what);
    descriptor = frame.at[4];
    single = descriptor >> 5 & 1;
    id_width = id_bytes[descriptor & 3];
    size_width = size_bytes[descriptor >> 6];
    if (single && size_width == 0)
        size_width = 1;
    if (descriptor & 8)
        return fail(PEMN_BROKEN, error, "%s: zstd frame: reserved bit is not 0", what);
    if (size_width == 0)
        return fail(PEMN_BROKEN, error, "%s: zstd frame: declares no content size", what);
    if (frame.size - at < (single ? 0u : 1u) + id_width + size_width)
        return fail(PEMN_BROKEN, error, "%s: zstd frame: cut short", what);
    if (!single) {
        uint64_t base = (uint64_t)1 << (10 + (frame.at[at] >> 3)); /* at most 2^41 */
        window = base + base / 8 * (frame.at[at] & 7);
        at++;
    }
    if (load(frame.at + at, id_width) != 0)
        return fail(PEMN_BROKEN, error, "%s: zstd frame: needs a dictionary", what);
    at += id_width;
    *content = load(frame.at + at, size_width);
    if (size_width == 2)
        *content += 256;
    if (single)
        window = *content;
    if (window > MAX_ZSTD_WINDOW)
        return fail(PEMN_BROKEN, error, "%s: zstd frame: window of %llu bytes is above the cap",
                    what, (unsigned long long)window);
    return PEMN_OK;
}

/* Decompress a frame whose declared size was compared with `content`, and that ends where it is
 * said to end. The caller frees *out. */
static int decompress(span frame, uint64_t content, uint8_t **out, const char *what, char *error)
{
    size_t got = ZSTD_findFrameCompressedSize(frame.at, frame.size);
    ZSTD_DCtx *context;
    *out = NULL;
    if (ZSTD_isError(got))
        return fail(PEMN_BROKEN, error, "%s: zstd frame: %s", what, ZSTD_getErrorName(got));
    if (got != frame.size)
        return fail(PEMN_BROKEN, error, "%s: bytes after the zstd frame", what);
    *out = reserve(content, 1, error);
    if (*out == NULL)
        return PEMN_SYSTEM;
    context = ZSTD_createDCtx();
    if (context == NULL) {
        free(*out);
        *out = NULL;
        return fail(PEMN_SYSTEM, error, "out of memory for zstd");
    }
    got = ZSTD_decompressDCtx(context, *out, (size_t)content, frame.at, frame.size);
    (void)ZSTD_freeDCtx(context);
    if (!ZSTD_isError(got) && got == content)
        return PEMN_OK;
    free(*out);
    *out = NULL;
    return fail(PEMN_BROKEN, error, "%s: zstd frame: %s", what,
                ZSTD_isError(got) ? ZSTD_getErrorName(got) : "wrong content size");
}

/* ---- UTF-8 and canonical JSON ----------------------------------------------------------------- */

/* Bytes of the well-formed character at the start of `text`, 0 if there is none. */
static size_t utf8_character(span text)
{
    unsigned first = text.at[0], low = 0x80, high = 0xbf;
    size_t size, i;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        size = 2;
    else if (first >= 0xe0 && first <= 0xef)
        size = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        size = 4;
    else
        return 0;
    if (first == 0xe0)
        low = 0xa0; /* no overlong forms */
    else if (first == 0xed)
        high = 0x9f; /* no surrogates */
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f; /* nothing above U+10FFFF */
    if (text.size < size || text.at[1] < low || text.at[1] > high)
        return 0;
    for (i = 2; i < size; i++)
        if (text.at[i] < 0x80 || text.at[i] > 0xbf)
            return 0;
    return size;
}

static int is_utf8(span text)
{
    while (text.size > 0) {
        size_t size = utf8_character(text);
        if (size == 0)
            return 0;
        text.at += size;
        text.size -= size;
    }
    return 1;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of a canonical string, quotes included, at the start of `text`; 0 if there is none. */
static size_t string_size(span text)
{
    size_t at = 1;
    if (text.size == 0 || text.at[0] != '"')
        return 0;
    while (at < text.size) {
        span rest;
        size_t size;
        rest.at = text.at + at;
        rest.size = text.size - at;
        if (rest.at[0] == '"')
            return at + 1;
        if (rest.at[0] < 0x20)
            return 0;
        if (rest.at[0] == '\\') {
            if (rest.size < 2)
                return 0;
            size = 2;
            if (rest.at[1] == 'u') { /* only those that have no short form */
                int high, low;
                if (rest.size < 6 || rest.at[2] != '0' || rest.at[3] != '0')
                    return 0;
                high = hex_digit(rest.at[4]);
                low = hex_digit(rest.at[5]);
                if (high < 0 || high > 1 || low < 0)
                    return 0;
                if (high == 0 && low >= 8 && low <= 13 && low != 11)
                    return 0;
                size = 6;
            } else if (rest.at[1] == '\0' || strchr("\"\\bfnrt", rest.at[1]) == NULL) {
                return 0;
            }
        } else {
            size = utf8_character(rest);
            if (size == 0)
                return 0;
        }
        at += size;
    }
    return 0;
}

/* Next byte of what a canonical string (without quotes) stands for; -1 at its end. */
static int string_byte(span *text)
{
    static const char escapes[] = "\"\"\\\\b\bf\fn\nr\rt\t";
    int c, i;
    if (text->size == 0)
        return -1;
    c = text->at[0];
    if (c != '\\') {
        text->at++;
        text->size--;
        return c;
    }
    c = text->at[1];
    if (c == 'u') {
        c = hex_digit(text->at[4]) * 16 + hex_digit(text->at[5]);
        text->at += 6;
        text->size -= 6;
        return c;
    }
    for (i = 0; escapes[i] != '\0'; i += 2)
        if (escapes[i] == c)
            break;
    text->at += 2;
    text->size -= 2;
    return escapes[i + 1];
}

/* Order of two keys by code point, which in UTF-8 is that by byte. */
static int compare_keys(span a, span b)
{
    for (;;) {
        int x = string_byte(&a), y = string_byte(&b);
        if (x != y || x < 0)
            return x < y ? -1 : x > y;
    }
}

static int is_hex_string(span value, size_t digits)
{
    size_t i;
    if (value.size != digits + 2 || value.at[0] != '"' || value.at[digits + 1] != '"')
        return 0;
    for (i = 0; i < digits; i++)
        if (hex_digit(value.at[1 + i]) < 0)
            return 0;
    return 1;
}

/* Bytes of a canonical integer at the start of `text`; 0 if there is none. */
static size_t integer_size(span text)
{
    size_t at = 0, first;
    uint64_t value = 0, most = UINT64_MAX;
    if (text.size > 0 && text.at[0] == '-') {
        at = 1;
        most = (uint64_t)1 << 63;
    }
    first = at;
    for (; at < text.size && text.at[at] >= '0' && text.at[at] <= '9'; at++) {
        unsigned digit = (unsigned)(text.at[at] - '0');
        if (at - first >= 20 || value > (most - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    if (at == first || (text.at[first] == '0' && (at - first > 1 || first > 0)))
        return 0;
    return at;
}

static size_t word_size(span text)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t i;
    for (i = 0; i < 3; i++)
        if (text.size >= strlen(words[i]) && memcmp(text.at, words[i], strlen(words[i])) == 0)
            return strlen(words[i]);
    return 0;
}

typedef struct {
    int object, f64;
    size_t members;
    span key; /* the one before, without quotes */
} level;

/* Check that a text is what a canonical writer would have written. */
static int check_canonical(span text, char *error)
{
    level levels[MAX_NESTING];
    size_t depth = 0, at = 0, size;
    enum { VALUE, KEY, AFTER } state = VALUE;
    for (;;) {
        level *top = depth > 0 ? &levels[depth - 1] : NULL;
        span rest;
        rest.at = text.at + at;
        rest.size = text.size - at;
        if (state == AFTER && top == NULL) {
            if (rest.size != 0)
                break;
            return PEMN_OK;
        }
        if (rest.size == 0)
            break;
        if (state == KEY) {
            span key;
            size = string_size(rest);
            if (size == 0)
                break;
            key.at = rest.at + 1;
            key.size = size - 2;
            if (top->members > 0 && compare_keys(top->key, key) >= 0)
                return fail(PEMN_BROKEN, error,
                            "manifest, offset %lu: expected unique keys in ascending order",
                            (unsigned long)at);
            if (key.size == 3 && memcmp(key.at, "f64", 3) == 0)
                top->f64 = 1;
            top->key = key;
            top->members++;
            if (top->f64 && top->members > 1)
                return fail(PEMN_BROKEN, error, "manifest, offset %lu: 'f64' stands alone",
                            (unsigned long)at);
            at += size;
            if (at == text.size || text.at[at] != ':')
                break;
            at++;
            state = VALUE;
        } else if (state == VALUE) {
            if (top != NULL && top->f64) {
                span bits;
                bits.at = rest.at;
                bits.size = rest.size < 18 ? rest.size : 18;
                if (!is_hex_string(bits, 16))
                    return fail(PEMN_BROKEN, error,
                                "manifest, offset %lu: expected 16 hex digits for 'f64'",
                                (unsigned long)at);
            }
            if (rest.at[0] == '{' || rest.at[0] == '[') {
                if (depth == MAX_NESTING)
                    return fail(PEMN_BROKEN, error, "manifest, offset %lu: more than %d levels",
                                (unsigned long)at, MAX_NESTING);
                top = &levels[depth++];
                memset(top, 0, sizeof *top);
                top->object = rest.at[0] == '{';
                at++;
                state = top->object ? KEY : VALUE;
                if (rest.size > 1 && rest.at[1] == (top->object ? '}' : ']')) {
                    at++;
                    depth--;
                    state = AFTER;
                }
                continue;
            }
            size = string_size(rest);
            if (size == 0)
                size = integer_size(rest);
            if (size == 0)
                size = word_size(rest);
            if (size == 0)
                break;
            at += size;
            state = AFTER;
        } else {
            if (rest.at[0] == ',') {
                state = top->object ? KEY : VALUE;
            } else {
                if (rest.at[0] != (top->object ? '}' : ']'))
                    break;
                depth--;
            }
            at++;
        }
    }
    return fail(PEMN_BROKEN, error, "manifest, offset %lu: not canonical JSON", (unsigned long)at);
}

/* From here on the text is canonical, and what follows relies on it. */

static size_t value_size(span text)
{
    size_t at = 0, depth = 0;
    do {
        uint8_t c = text.at[at];
        if (c == '"') {
            for (at++; text.at[at] != '"'; at++)
                if (text.at[at] == '\\')
                    at++;
            at++;
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            depth--;
            at++;
        } else if (depth > 0) {
            at++;
        } else {
            while (at < text.size && strchr(",:]}", text.at[at]) == NULL)
                at++;
        }
    } while (depth > 0);
    return at;
}

static span inside(span value)
{
    value.at++;
    value.size -= 2;
    return value;
}

static int is_array(span value) { return value.at[0] == '['; }

static int is_string(span value) { return value.at[0] == '"'; }

/* Take the next item of an array's inside, or the next key or value of an object's. */
static int take(span *rest, span *item)
{
    if (rest->size == 0)
        return 0;
    item->at = rest->at;
    item->size = value_size(*rest);
    rest->at += item->size;
    rest->size -= item->size;
    if (rest->size > 0) { /* a comma or a colon */
        rest->at++;
        rest->size--;
    }
    return 1;
}

static size_t count_items(span array)
{
    span rest = inside(array), item;
    size_t count = 0;
    while (take(&rest, &item))
        count++;
    return count;
}

static int is_text(span value, const char *text)
{
    return is_string(value) && value.size == strlen(text) + 2 &&
           memcmp(value.at + 1, text, value.size - 2) == 0;
}

/* ---- fields of the manifest ------------------------------------------------------------------- */

#define MOST_FIELDS 6

/* Split an object into fields: `required` names, then `optional` ones, NULL after each list.
 * out[i] is the value of name i, or has at == NULL. */
static int split(span object, const char *where, const char *const *names, size_t required,
                 span out[MOST_FIELDS], char *error)
{
    span rest, key;
    size_t i, count = 0;
    while (names[count] != NULL)
        count++;
    for (i = 0; i < count; i++)
        out[i].at = NULL;
    if (object.at[0] != '{')
        return fail(PEMN_BROKEN, error, "%s: expected an object", where);
    rest = inside(object);
    while (take(&rest, &key)) {
        for (i = 0; i < count; i++)
            if (is_text(key, names[i]))
                break;
        if (i == count)
            return fail(PEMN_BROKEN, error, "%s: unknown field", where);
        (void)take(&rest, &out[i]);
    }
    for (i = 0; i < required; i++)
        if (out[i].at == NULL)
            return fail(PEMN_BROKEN, error, "%s: no field '%s'", where, names[i]);
    return PEMN_OK;
}

static int get_integer(span value, uint64_t low, uint64_t *out, const char *where, char *error)
{
    uint64_t number = 0;
    size_t i;
    for (i = 0; i < value.size; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return fail(PEMN_BROKEN, error, "%s: expected an integer of at least %llu", where,
                        (unsigned long long)low);
        number = number * 10 + (uint64_t)(value.at[i] - '0'); /* canonical: it fits */
    }
    if (number < low || number > MAX_ELEMENTS)
        return fail(PEMN_BROKEN, error, "%s: expected an integer from %llu to 2^48 - 1, got %llu",
                    where, (unsigned long long)low, (unsigned long long)number);
    *out = number;
    return PEMN_OK;
}

static int get_choice(span value, const char *const *names, size_t count, uint8_t *out,
                      const char *where, char *error)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (is_text(value, names[i])) {
            *out = (uint8_t)i;
            return PEMN_OK;
        }
    return fail(PEMN_BROKEN, error, "%s: unknown identifier", where);
}

#define CHOICE(value, names, out, where, error) \
    get_choice(value, names, sizeof(names) / sizeof *(names), out, where, error)

static void hex_bytes(const uint8_t *digits, uint8_t *out, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        out[i] = (uint8_t)(hex_digit(digits[2 * i]) << 4 | hex_digit(digits[2 * i + 1]));
}

static uint64_t hex_number(const uint8_t *digits, size_t count)
{
    uint64_t value = 0;
    size_t i;
    for (i = 0; i < count; i++)
        value = value << 4 | (uint64_t)hex_digit(digits[i]);
    return value;
}

static int get_digest(span value, uint8_t digest[32], const char *where, char *error)
{
    if (!is_hex_string(value, 64))
        return fail(PEMN_BROKEN, error, "%s: expected a digest of 64 hex digits", where);
    hex_bytes(value.at + 1, digest, 32);
    return PEMN_OK;
}

static int get_name(span value, span *name, const char *where, char *error)
{
    size_t i;
    int ok = is_string(value) && value.size >= 3 && value.size <= MAX_NAME + 2;
    for (i = 1; ok && i + 1 < value.size; i++) {
        uint8_t c = value.at[i];
        int letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-';
        int inner = i > 1 && i + 2 < value.size && value.at[i - 1] != '.';
        ok = letter || (c == '.' && inner);
    }
    if (!ok)
        return fail(PEMN_BROKEN, error,
                    "%s: expected a name of 1 to 255 letters, digits, '_', '-', inner dots", where);
    *name = inside(value);
    return PEMN_OK;
}

static int compare_names(span a, span b)
{
    int order = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

static int get_section(span value, section *s, char *error)
{
    static const char *const names[] = {"bytes", "critical", "name", "sha256", NULL};
    span got[MOST_FIELDS];
    char where[128];
    int status = split(value, "section", names, 4, got, error);
    if (status != PEMN_OK)
        return status;
    if ((status = get_name(got[2], &s->name, "section", error)) != PEMN_OK)
        return status;
    (void)snprintf(where, sizeof where, "section '%.*s'",
                   (int)(s->name.size < 100 ? s->name.size : 100), (const char *)s->name.at);
    if (got[1].at[0] != 't' && got[1].at[0] != 'f')
        return fail(PEMN_BROKEN, error, "%s: critical: expected true or false", where);
    s->critical = got[1].at[0] == 't';
    if ((status = get_integer(got[0], 1, &s->bytes, where, error)) != PEMN_OK)
        return status;
    return get_digest(got[3], s->sha256, where, error);
}

static int get_stream(span seed, span stream, uint64_t *s, uint64_t *t, const char *where,
                      char *error)
{
    if (!is_hex_string(seed, 16) || !is_hex_string(stream, 16))
        return fail(PEMN_BROKEN, error, "%s: seed and stream: expected 16 hex digits", where);
    *s = hex_number(seed.at + 1, 16);
    *t = hex_number(stream.at + 1, 16);
    return PEMN_OK;
}

static int get_prototype(span value, prototype *p, char *error)
{
    static const char *const names[] = {"length", "seed", "shuffle", "stream", "transform", NULL};
    static const char *const shuffle_names[] = {"length", "seed", "stream", NULL};
    span got[MOST_FIELDS], inner[MOST_FIELDS];
    uint8_t transform = 0;
    int status = split(value, "prototype", names, 1, got, error);
    if (status != PEMN_OK)
        return status;
    if ((status = get_integer(got[0], 1, &p->length, "prototype length", error)) != PEMN_OK)
        return status;
    p->present = 1;
    if ((got[1].at == NULL) != (got[3].at == NULL) || (got[1].at == NULL) != (got[4].at == NULL))
        return fail(PEMN_BROKEN, error, "prototype: expected seed, stream and transform together");
    if (got[1].at != NULL) {
        p->seeded = 1;
        status = get_stream(got[1], got[3], &p->seed, &p->stream, "prototype", error);
        if (status == PEMN_OK)
            status = CHOICE(got[4], TRANSFORMS, &transform, "prototype transform", error);
        if (status != PEMN_OK)
            return status;
        p->transform = transform;
    }
    if (got[2].at == NULL)
        return PEMN_OK;
    p->shuffled = 1;
    if ((status = split(got[2], "shuffle", shuffle_names, 3, inner, error)) != PEMN_OK)
        return status;
    status = get_integer(inner[0], 1, &p->shuffle_length, "shuffle length", error);
    if (status != PEMN_OK)
        return status;
    return get_stream(inner[1], inner[2], &p->shuffle_seed, &p->shuffle_stream, "shuffle", error);
}

/* Length of the vector that offsets count in. */
static uint64_t filled_length(const prototype *p)
{
    return p->shuffled ? p->shuffle_length : p->length;
}

static int is_scale(span value)
{
    uint64_t size;
    if (!is_hex_string(value, 8))
        return 0;
    size = hex_number(value.at + 1, 8) & 0x7fffffff;
    return size >= 0x0d800000 && size <= 0x71800000; /* 2^-100 to 2^100 */
}

/* One scale, or one for each index of the first dimension: hex strings, all of the same size. */
static int get_scale(span value, tensor *t, const char *where, char *error)
{
    span rest, item;
    uint64_t count = 0;
    int ok = 1;
    if (is_array(value)) {
        rest = inside(value);
        while (ok && take(&rest, &item)) {
            ok = is_scale(item);
            count++;
        }
        ok = ok && t->rank > 0 && count == t->shape[0];
        t->scale = value.at + 2;
        t->scale_per_row = 1;
    } else {
        ok = is_scale(value);
        t->scale = value.at + 1;
    }
    if (!ok)
        return fail(PEMN_BROKEN, error,
                    "%s: scale: expected 8 hex digits for 2^-100 to 2^100, or as many as rows",
                    where);
    return PEMN_OK;
}

static int is_floating(const tensor *t)
{
    return t->dtype == F32 || t->dtype == F16 || t->dtype == BF16;
}

/* Positions among `places` places. */
static int get_positions(span value, uint64_t places, positions *p, const char *where, char *error)
{
    static const char *const names[] = {"bytes", "codec", "ones", "predictor", NULL};
    static const char *const predictor_names[] = {"kind", NULL};
    span got[MOST_FIELDS], inner[MOST_FIELDS];
    int status;
    if ((status = split(value, where, names, 3, got, error)) != PEMN_OK ||
        (status = get_integer(got[0], 0, &p->bytes, where, error)) != PEMN_OK ||
        (status = CHOICE(got[1], CODECS, &p->codec, where, error)) != PEMN_OK ||
        (status = get_integer(got[2], 0, &p->ones, where, error)) != PEMN_OK)
        return status;
    if (p->ones > places)
        return fail(PEMN_BROKEN, error, "%s: %llu ones for %llu places", where,
                    (unsigned long long)p->ones, (unsigned long long)places);
    if (got[3].at == NULL)
        return PEMN_OK;
    if ((status = split(got[3], where, predictor_names, 1, inner, error)) != PEMN_OK)
        return status;
    if (is_text(inner[0], "scores") || is_text(inner[0], "archive"))
        return fail(PEMN_BROKEN, error, "%s: a predictor of a later version of the format", where);
    if (!is_text(inner[0], "none"))
        return fail(PEMN_BROKEN, error, "%s: unknown predictor", where);
    return PEMN_OK;
}

/* Value of the field `kind` of an object; at == NULL where there is none. */
static span find_kind(span object)
{
    span rest, key, item;
    item.at = NULL;
    item.size = 0;
    if (object.at[0] != '{')
        return item;
    rest = inside(object);
    while (take(&rest, &key)) {
        (void)take(&rest, &item);
        if (is_text(key, "kind"))
            return item;
    }
    item.at = NULL;
    return item;
}

static int get_plane(span value, tensor *t, const prototype *p, const char *tensor_where,
                     char *error)
{
    static const char *const sign_names[] = {"kind", "positions", NULL};
    static const char *const source_names[] = {"kind", "positions", "width", NULL};
    static const char *const generation_names[] = {"kind", "positions", "width", "stream", NULL};
    static const char *const *const names[] = {sign_names, generation_names, source_names};
    static const size_t required[] = {2, 4, 3};
    static const uint64_t most[] = {0, 32, 48};
    plane *s = &t->plane;
    span got[MOST_FIELDS], kind = find_kind(value);
    char where[160];
    uint64_t width = 0;
    int status;
    (void)snprintf(where, sizeof where, "%s: plane", tensor_where);
    if (kind.at == NULL)
        return fail(PEMN_BROKEN, error, "%s: expected an object with a kind", where);
    if ((status = CHOICE(kind, PLANES, &s->kind, where, error)) != PEMN_OK ||
        (status = split(value, where, names[s->kind], required[s->kind], got, error)) != PEMN_OK ||
        (status = get_positions(got[1], t->mask.ones, &s->which, where, error)) != PEMN_OK)
        return status;
    if (s->which.ones < 1)
        return fail(PEMN_BROKEN, error, "%s: expected at least one element that departs", where);
    s->bytes = s->which.bytes;
    if (s->kind == SIGNS) {
        if (!is_floating(t))
            return fail(PEMN_BROKEN, error, "%s: expected a dtype of f32, f16 or bf16", where);
        return PEMN_OK;
    }
    if (t->kind == CONSTANT)
        return fail(PEMN_BROKEN, error, "%s: of a constant: expected the kind sign", where);
    if ((status = get_integer(got[2], 1, &width, where, error)) != PEMN_OK)
        return status;
    if (width > most[s->kind])
        return fail(PEMN_BROKEN, error, "%s: width: expected at most %llu bits", where,
                    (unsigned long long)most[s->kind]);
    s->width = (uint8_t)width;
    s->bytes += (s->which.ones * width + 7) / 8; /* below 2^54 */
    if (s->kind == FROM_SOURCE)
        return PEMN_OK;
    if (!is_hex_string(got[3], 16) || hex_digit(got[3].at[1]) >= 8)
        return fail(PEMN_BROKEN, error, "%s: stream: expected 16 hex digits, below 2^63", where);
    s->stream = hex_number(got[3].at + 1, 16);
    if (!p->seeded)
        return fail(PEMN_BROKEN, error, "%s: generations need a prototype with a seed", where);
    return PEMN_OK;
}

static int get_stored(span value, tensor *t, const char *where, char *error)
{
    static const char *const names[] = {"bytes", "coding", "dtype", "kind", "scale", NULL};
    span got[MOST_FIELDS];
    uint64_t decoded;
    int status, fits;
    if ((status = split(value, where, names, 4, got, error)) != PEMN_OK ||
        (status = get_integer(got[0], 0, &t->stored_bytes, where, error)) != PEMN_OK ||
        (status = CHOICE(got[1], CODINGS, &t->coding, where, error)) != PEMN_OK ||
        (status = CHOICE(got[2], DTYPES, &t->stored_dtype, where, error)) != PEMN_OK)
        return status;
    if (got[4].at != NULL) {
        if ((status = get_scale(got[4], t, where, error)) != PEMN_OK)
            return status;
        fits = is_floating(t) && t->stored_dtype == I8;
    } else {
        fits = t->stored_dtype == t->dtype ||
               (t->dtype == F32 && (t->stored_dtype == F16 || t->stored_dtype == BF16));
    }
    if (!fits)
        return fail(PEMN_BROKEN, error, "%s: a dtype that its values cannot be stored in", where);
    decoded = t->mask.ones * WIDTHS[t->stored_dtype]; /* below 2^51 */
    if (t->coding == RAW ? t->stored_bytes != decoded
                         : t->stored_bytes < 1 || t->stored_bytes >= decoded)
        return fail(PEMN_BROKEN, error, "%s: %llu stored bytes for %llu decoded ones", where,
                    (unsigned long long)t->stored_bytes, (unsigned long long)decoded);
    return PEMN_OK;
}

static int get_values(span value, tensor *t, const prototype *p, span *alias, const char *where,
                      char *error)
{
    static const char *const prototype_names[] = {"kind", "offset", "scale", "plane", NULL};
    static const char *const constant_names[] = {"bits", "kind", "plane", NULL};
    static const char *const alias_names[] = {"kind", "of", NULL};
    span got[MOST_FIELDS], kind = find_kind(value);
    int status;
    if (kind.at == NULL)
        return fail(PEMN_BROKEN, error, "%s: values: expected an object with a kind", where);
    if ((status = CHOICE(kind, KINDS, &t->kind, where, error)) != PEMN_OK)
        return status;
    switch (t->kind) {
    case PROTOTYPE:
    case PROTOTYPE_SIGN:
        if ((status = split(value, where, prototype_names, 3, got, error)) != PEMN_OK ||
            (status = get_integer(got[1], 0, &t->offset, where, error)) != PEMN_OK ||
            (status = get_scale(got[2], t, where, error)) != PEMN_OK)
            return status;
        if (!is_floating(t))
            return fail(PEMN_BROKEN, error, "%s: expected a dtype of f32, f16 or bf16", where);
        if (!p->present)
            return fail(PEMN_BROKEN, error, "%s: expected a prototype in the manifest", where);
        if (t->offset >= filled_length(p))
            return fail(PEMN_BROKEN, error, "%s: offset is beyond the prototype", where);
        return got[3].at == NULL ? PEMN_OK : get_plane(got[3], t, p, where, error);
    case STORED:
        return get_stored(value, t, where, error);
    case CONSTANT:
        if ((status = split(value, where, constant_names, 2, got, error)) != PEMN_OK)
            return status;
        if (!is_hex_string(got[0], 2 * (size_t)WIDTHS[t->dtype]))
            return fail(PEMN_BROKEN, error, "%s: expected a constant of %u hex digits", where,
                        2 * WIDTHS[t->dtype]);
        hex_bytes(got[0].at + 1, t->constant, WIDTHS[t->dtype]);
        if (t->dtype == BOOL && t->constant[0] > 1)
            return fail(PEMN_BROKEN, error, "%s: expected a bool of 00 or 01", where);
        return got[2].at == NULL ? PEMN_OK : get_plane(got[2], t, p, where, error);
    default:
        if ((status = split(value, where, alias_names, 2, got, error)) != PEMN_OK)
            return status;
        return get_name(got[1], alias, where, error);
    }
}

/* Everything that a record says on its own; the name of an alias' target goes to `alias`. */
static int get_tensor(span value, tensor *t, const prototype *p, span *alias, char *error)
{
    static const char *const names[] = {"dtype", "name", "shape", "values", "positions", "sha256",
                                        NULL};
    span got[MOST_FIELDS], rest, item;
    char where[128];
    int status = split(value, "tensor", names, 4, got, error);
    if (status != PEMN_OK)
        return status;
    if ((status = get_name(got[1], &t->name, "tensor", error)) != PEMN_OK)
        return status;
    (void)snprintf(where, sizeof where, "tensor '%.*s'",
                   (int)(t->name.size < 100 ? t->name.size : 100), (const char *)t->name.at);
    if ((status = CHOICE(got[0], DTYPES, &t->dtype, where, error)) != PEMN_OK)
        return status;
    if (!is_array(got[2]))
        return fail(PEMN_BROKEN, error, "%s: shape: expected an array", where);
    t->elements = 1;
    rest = inside(got[2]);
    while (take(&rest, &item)) {
        if (t->rank == MAX_RANK)
            return fail(PEMN_BROKEN, error, "%s: more than %d dimensions", where, MAX_RANK);
        if ((status = get_integer(item, 1, &t->shape[t->rank], where, error)) != PEMN_OK)
            return status;
        if (t->shape[t->rank] > MAX_ELEMENTS / t->elements)
            return fail(PEMN_BROKEN, error, "%s: expected fewer than 2^48 elements", where);
        t->elements *= t->shape[t->rank++];
    }
    t->mask.codec = NO_CODEC;
    t->mask.ones = t->elements;
    t->plane.kind = NO_PLANE;
    if (got[4].at != NULL &&
        (status = get_positions(got[4], t->elements, &t->mask, where, error)) != PEMN_OK)
        return status;
    if (got[5].at != NULL) {
        if ((status = get_digest(got[5], t->sha256, where, error)) != PEMN_OK)
            return status;
        t->has_sha256 = 1;
    }
    return get_values(got[3], t, p, alias, where, error);
}

/* Sort indices by name: merging, from the bottom up. `spare` has as many places. */
static void sort_names(const tensor *tensors, size_t *order, size_t *spare, size_t count)
{
    size_t width, i;
    for (i = 0; i < count; i++)
        order[i] = i;
    for (width = 1; width < count; width *= 2) {
        size_t start;
        for (start = 0; start < count; start += 2 * width) {
            size_t left = start, middle = count - start < width ? count : start + width;
            size_t right = middle, end = count - start < 2 * width ? count : start + 2 * width;
            for (i = start; i < end; i++) {
                int first = right == end ||
                            (left < middle && compare_names(tensors[order[left]].name,
                                                            tensors[order[right]].name) <= 0);
                spare[i] = order[first ? left++ : right++];
            }
        }
        memcpy(order, spare, count * sizeof *order);
    }
}

static size_t find(const pemn_file *f, span name)
{
    size_t low = 0, high = f->tensor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(f->tensors[f->by_name[middle]].name, name);
        if (order == 0)
            return f->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return PEMN_NONE;
}

static int get_sections(pemn_file *f, span array, char *error)
{
    span rest, item;
    size_t i;
    int status, known;
    if (!is_array(array) || count_items(array) > MAX_SECTIONS)
        return fail(PEMN_BROKEN, error, "sections: expected an array of at most %d", MAX_SECTIONS);
    rest = inside(array);
    while (take(&rest, &item)) {
        section *s = &f->sections[f->section_count];
        if ((status = get_section(item, s, error)) != PEMN_OK)
            return status;
        for (i = 0; i < f->section_count; i++)
            if (compare_names(s->name, f->sections[i].name) == 0)
                return fail(PEMN_BROKEN, error, "sections: expected unique names");
        f->section_count++;
        for (known = 0; known < KNOWN_SECTIONS; known++)
            if (s->name.size == strlen(SECTIONS[known]) &&
                memcmp(s->name.at, SECTIONS[known], s->name.size) == 0)
                break;
        if (known == KNOWN_SECTIONS) {
            if (s->critical)
                return fail(PEMN_BROKEN, error, "section %lu: unknown, and critical",
                            (unsigned long)f->section_count);
            continue;
        }
        if (s->critical != CRITICAL[known])
            return fail(PEMN_BROKEN, error, "section '%s': expected critical to be %s",
                        SECTIONS[known], CRITICAL[known] ? "true" : "false");
        f->known[known] = s;
    }
    return PEMN_OK;
}

static int get_tensors(pemn_file *f, span array, char *error)
{
    span rest, item, *aliases;
    size_t count, i, *spare;
    int status = PEMN_OK;
    if (!is_array(array) || (count = count_items(array)) > MAX_TENSORS)
        return fail(PEMN_BROKEN, error, "tensors: expected an array of at most 2^20");
    if ((f->tensors = reserve(count, sizeof *f->tensors, error)) == NULL ||
        (f->by_name = reserve(count, sizeof *f->by_name, error)) == NULL ||
        (aliases = reserve(count, sizeof *aliases, error)) == NULL)
        return PEMN_SYSTEM;
    rest = inside(array);
    for (i = 0; status == PEMN_OK && take(&rest, &item); i++) {
        memset(&f->tensors[i], 0, sizeof f->tensors[i]);
        f->tensors[i].alias_of = PEMN_NONE;
        status = get_tensor(item, &f->tensors[i], &f->prototype, &aliases[i], error);
    }
    spare = status == PEMN_OK ? reserve(count, sizeof *spare, error) : NULL;
    if (spare == NULL) {
        free(aliases);
        return status == PEMN_OK ? PEMN_SYSTEM : status;
    }
    sort_names(f->tensors, f->by_name, spare, count);
    free(spare);
    f->tensor_count = count;
    for (i = 1; i < count; i++)
        if (compare_names(f->tensors[f->by_name[i - 1]].name, f->tensors[f->by_name[i]].name) == 0)
            status = fail(PEMN_BROKEN, error, "tensors: expected unique names");
    for (i = 0; status == PEMN_OK && i < count; i++) {
        tensor *t = &f->tensors[i];
        const tensor *target;
        if (t->kind != ALIAS)
            continue;
        t->alias_of = find(f, aliases[i]);
        if (t->alias_of == PEMN_NONE || t->alias_of >= i ||
            f->tensors[t->alias_of].kind == ALIAS) {
            status = fail(PEMN_BROKEN, error, "tensor %lu: expected an alias of an earlier tensor",
                          (unsigned long)i);
            break;
        }
        target = &f->tensors[t->alias_of];
        if (t->has_sha256)
            status = fail(PEMN_BROKEN, error, "tensor %lu: expected no digest of an alias",
                          (unsigned long)i);
        else if (t->mask.codec != NO_CODEC || t->dtype != target->dtype || t->rank != target->rank ||
            memcmp(t->shape, target->shape, sizeof t->shape) != 0)
            status = fail(PEMN_BROKEN, error,
                          "tensor %lu: expected the shape and dtype of what it is an alias of",
                          (unsigned long)i);
    }
    free(aliases);
    return status;
}

/* Give every payload its place, and compare sums with the header and with the section records. */
static int check_sums(pemn_file *f, uint64_t elements, uint64_t restored, char *error)
{
    uint64_t all_elements = 0, all_restored = 0, needed[KNOWN_SECTIONS] = {0};
    size_t i;
    int fits = 1, known;
    for (i = 0; fits && i < f->tensor_count; i++) {
        tensor *t = &f->tensors[i];
        if (t->kind == ALIAS)
            continue;
        fits = add(&all_elements, t->elements) &&
               add(&all_restored, t->elements * WIDTHS[t->dtype]);
        t->mask.start = needed[IN_MASKS];
        t->plane.which.start = needed[IN_PLANES];
        fits = fits && add(&needed[IN_MASKS], t->mask.bytes) &&
               add(&needed[IN_PLANES], t->plane.bytes);
        if (fits && t->kind == STORED) {
            if (t->coding == RAW && t->stored_bytes >= ALIGNED_FROM)
                fits = align(&needed[IN_DENSE]);
            t->stored_start = needed[IN_DENSE];
            fits = fits && add(&needed[IN_DENSE], t->stored_bytes);
        }
    }
    if (!fits || all_elements != elements || all_restored != restored)
        return fail(PEMN_BROKEN, error,
                    "header: elements and restored bytes differ from those of the tensors");
    if (f->prototype.present && !f->prototype.seeded)
        needed[IN_PROTOTYPE] = 4 * f->prototype.length; /* below 2^50 */
    for (known = 0; known < IN_SOURCE; known++) {
        uint64_t size = f->known[known] == NULL ? 0 : f->known[known]->bytes;
        if (size != needed[known])
            return fail(PEMN_BROKEN, error, "section '%s': has %llu bytes, the records need %llu",
                        SECTIONS[known], (unsigned long long)size,
                        (unsigned long long)needed[known]);
    }
    return PEMN_OK;
}

static int get_manifest(pemn_file *f, char *error)
{
    static const char *const names[] = {"about",    "architecture", "prototype", "restored_sha256",
                                        "sections", "tensors",      NULL};
    span text, got[MOST_FIELDS];
    int status, i;
    text.at = f->manifest;
    text.size = f->manifest_size;
    if ((status = check_canonical(text, error)) != PEMN_OK ||
        (status = split(text, "manifest", names, 6, got, error)) != PEMN_OK)
        return status;
    for (i = 0; i < 2; i++) { /* {"f64": ...} is a number */
        int number = got[i].size >= 6 && memcmp(got[i].at, "{\"f64\"", 6) == 0;
        if (got[i].at[0] != '{' || number)
            return fail(PEMN_BROKEN, error, "%s: expected an object", names[i]);
    }
    if (!(got[2].size == 4 && memcmp(got[2].at, "null", 4) == 0) &&
        (status = get_prototype(got[2], &f->prototype, error)) != PEMN_OK)
        return status;
    if ((status = get_digest(got[3], f->restored_sha256, "restored_sha256", error)) != PEMN_OK ||
        (status = get_sections(f, got[4], error)) != PEMN_OK)
        return status;
    return get_tensors(f, got[5], error);
}

/* ---- opening ---------------------------------------------------------------------------------- */

pemn_limits pemn_default_limits(void)
{
    pemn_limits limits;
    limits.max_weights = (uint64_t)1 << 30;
    limits.max_bytes = (uint64_t)1 << 32;
    limits.max_manifest_bytes = (uint64_t)1 << 22;
    limits.max_file_bytes = (uint64_t)1 << 32;
    return limits;
}

/* Lay the sections end to end: aligned starts, padding of zeros, no byte left over. */
static int place_sections(pemn_file *f, size_t end, char *error)
{
    size_t i;
    for (i = 0; i < f->section_count; i++) {
        section *s = &f->sections[i];
        size_t padding = end % ALIGNMENT == 0 ? 0 : ALIGNMENT - end % ALIGNMENT;
        if (padding > f->size - end || s->bytes > f->size - end - padding)
            return fail(PEMN_BROKEN, error, "sections: end after the file's end");
        if (!all_zero(f->data + end, padding))
            return fail(PEMN_BROKEN, error, "padding, offset %lu: expected zeros",
                        (unsigned long)end);
        s->offset = end + padding;
        end = s->offset + (size_t)s->bytes;
    }
    if (end != f->size)
        return fail(PEMN_BROKEN, error, "sections: end at %lu, the file at %lu",
                    (unsigned long)end, (unsigned long)f->size);
    return PEMN_OK;
}

/* The header's own rules, and the caller's limits. */
static int check_header(const uint8_t *h, uint64_t size, const pemn_limits *limits, char *error)
{
    uint64_t stored, raw, coding;
    if (size < sizeof MAGIC || memcmp(h, MAGIC, sizeof MAGIC) != 0)
        return fail(PEMN_BROKEN, error, "not a .pemn archive");
    if (size < HEADER_BYTES)
        return fail(PEMN_BROKEN, error, "header: cut short");
    if (load(h + 8, 2) != PEMN_MAJOR || load(h + 10, 2) != PEMN_MINOR)
        return fail(PEMN_BROKEN, error, "format version %u.%u; this reader reads %d.%d",
                    (unsigned)load(h + 8, 2), (unsigned)load(h + 10, 2), PEMN_MAJOR, PEMN_MINOR);
    if (load(h + 16, 8) != size)
        return fail(PEMN_BROKEN, error, "header: length: %llu declared, %llu found",
                    (unsigned long long)load(h + 16, 8), (unsigned long long)size);
    if (load(h + 12, 4) > MAX_SECTIONS)
        return fail(PEMN_BROKEN, error, "header: more than %d sections", MAX_SECTIONS);
    stored = load(h + 40, 4);
    raw = load(h + 44, 4);
    coding = load(h + 48, 4);
    if (raw > MAX_MANIFEST_BYTES || raw > limits->max_manifest_bytes)
        return fail(PEMN_BROKEN, error,
                    "header: manifest of %llu bytes is beyond the limit of %llu",
                    (unsigned long long)raw, (unsigned long long)limits->max_manifest_bytes);
    if (stored > size - HEADER_BYTES)
        return fail(PEMN_BROKEN, error, "header: stored manifest ends after the file's end");
    if (coding > 1 || (coding == 0 && stored != raw))
        return fail(PEMN_BROKEN, error, "header: coding of the manifest");
    if (!all_zero(h + 52, 12))
        return fail(PEMN_BROKEN, error, "header: reserved bytes are not 0");
    if (load(h + 24, 8) > limits->max_weights)
        return fail(PEMN_BROKEN, error, 
                    "header: %llu weights are beyond the limit of %llu (--max-weights)",
                    (unsigned long long)load(h + 24, 8), (unsigned long long)limits->max_weights);
    if (load(h + 32, 8) > limits->max_bytes)
        return fail(PEMN_BROKEN, error,
                    "header: %llu restored bytes are beyond the limit of %llu (--max-bytes)",
                    (unsigned long long)load(h + 32, 8), (unsigned long long)limits->max_bytes);
    return PEMN_OK;
}

static int read_archive(pemn_file *f, const pemn_limits *limits, char *error)
{
    const uint8_t *h = f->data;
    const prototype *p = &f->prototype;
    uint8_t digest[32];
    uint64_t most, declared;
    span stored;
    sha256 hash;
    size_t i;
    int status = check_header(h, f->size, limits, error);
    if (status != PEMN_OK)
        return status;
    stored.at = h + HEADER_BYTES;
    stored.size = (size_t)load(h + 40, 4);
    f->manifest_size = (size_t)load(h + 44, 4);
    hash = sha256_make(f->use);
    sha256_add(&hash, h, FIELD_BYTES);
    sha256_add(&hash, stored.at, stored.size);
    sha256_end(&hash, digest);
    if (memcmp(digest, h + FIELD_BYTES, 32) != 0)
        return fail(PEMN_BROKEN, error, "header and manifest: SHA-256 differs");
    if (load(h + 48, 4) == 1) {
        if ((status = frame_size(stored, &declared, "manifest", error)) != PEMN_OK)
            return status;
        if (declared != f->manifest_size || declared < 1)
            return fail(PEMN_BROKEN, error, "manifest: the frame declares another size");
        status = decompress(stored, declared, &f->manifest, "manifest", error);
        if (status != PEMN_OK)
            return status;
    } else {
        if ((f->manifest = reserve(stored.size, 1, error)) == NULL)
            return PEMN_SYSTEM;
        memcpy(f->manifest, stored.at, stored.size);
    }
    if ((status = get_manifest(f, error)) != PEMN_OK ||
        (status = check_sums(f, load(h + 24, 8), load(h + 32, 8), error)) != PEMN_OK)
        return status;
    if (f->section_count != load(h + 12, 4))
        return fail(PEMN_BROKEN, error, "header: another number of sections than in the manifest");
    most = limits->max_bytes / 4;
    most = limits->max_weights < most ? limits->max_weights : most;
    if (p->present && (p->length > most || filled_length(p) > most))
        return fail(PEMN_BROKEN, error,
                    "prototype: its length is beyond the limit (--max-weights %llu, --max-bytes %llu)",
                    (unsigned long long)limits->max_weights,
                    (unsigned long long)limits->max_bytes);
    status = place_sections(f, HEADER_BYTES + stored.size, error);
    for (i = 0; status == PEMN_OK && i < f->tensor_count; i++) /* over the closing quote */
        f->manifest[(size_t)(f->tensors[i].name.at - f->manifest) + f->tensors[i].name.size] = 0;
    return status;
}

static int open_bytes(const uint8_t *data, size_t size, uint8_t *owned, const pemn_limits *limits,
                      pemn_file **file, char *error)
{
    pemn_limits defaults = pemn_default_limits();
    pemn_file *f = reserve(1, sizeof *f, error);
    int status;
    if (f == NULL) {
        free(owned);
        return PEMN_SYSTEM;
    }
    memset(f, 0, sizeof *f);
    f->data = data;
    f->size = size;
    f->owned = owned;
    f->use = choose_kernels();
    status = read_archive(f, limits == NULL ? &defaults : limits, error);
    if (status == PEMN_OK)
        *file = f;
    else
        pemn_close(f);
    return status;
}

int pemn_open_memory(const void *data, size_t size, const pemn_limits *limits, pemn_file **file,
                     char error[PEMN_ERROR_SIZE])
{
    if (file == NULL)
        return fail(PEMN_CALLER, error, "no place for the open file");
    *file = NULL;
    if (data == NULL && size > 0)
        return fail(PEMN_CALLER, error, "no bytes");
    return open_bytes(data, size, NULL, limits, file, error);
}

int pemn_open(const char *path, const pemn_limits *limits, pemn_file **file,
              char error[PEMN_ERROR_SIZE])
{
    pemn_limits defaults = pemn_default_limits();
    const pemn_limits *used = limits == NULL ? &defaults : limits;
    uint8_t header[HEADER_BYTES], *data = NULL;
    size_t got;
    long end = 0;
    FILE *stream;
    int status = PEMN_SYSTEM;
    if (file == NULL || path == NULL)
        return fail(PEMN_CALLER, error, "no path, or no place for the open file");
    *file = NULL;
    stream = fopen(path, "rb");
    if (stream == NULL)
        return fail(PEMN_SYSTEM, error, "cannot be opened");
    memset(header, 0, sizeof header);
    got = fread(header, 1, sizeof header, stream);
    if (ferror(stream) || fseek(stream, 0, SEEK_END) != 0 || (end = ftell(stream)) < 0 ||
        fseek(stream, 0, SEEK_SET) != 0) {
        status = fail(PEMN_SYSTEM, error, "cannot be read");
    } else if ((uint64_t)end > used->max_file_bytes || (uint64_t)end > SIZE_MAX) {
        status = fail(PEMN_BROKEN, error, 
                      "%ld bytes of file are beyond the limit of %llu", end,
                      (unsigned long long)used->max_file_bytes);
    } else if (got < sizeof header && (uint64_t)end >= sizeof header) {
        status = fail(PEMN_SYSTEM, error, "cannot be read: it changes");
    } else if ((status = check_header(header, (uint64_t)end, used, error)) == PEMN_OK) {
        data = reserve((uint64_t)end, 1, error);
        if (data == NULL)
            status = PEMN_SYSTEM;
        else if (fread(data, 1, (size_t)end, stream) != (size_t)end || fgetc(stream) != EOF)
            status = fail(PEMN_SYSTEM, error, "cannot be read: it changes");
    }
    (void)fclose(stream);
    if (status == PEMN_OK)
        return open_bytes(data, (size_t)end, data, limits, file, error);
    free(data);
    return status;
}

void pemn_close(pemn_file *f)
{
    if (f == NULL)
        return;
    free(f->owned);
    free(f->manifest);
    free(f->tensors);
    free(f->by_name);
    free(f->table);
    free(f->vector);
    free(f);
}

size_t pemn_tensor_count(const pemn_file *file) { return file->tensor_count; }

int pemn_tensor_info(const pemn_file *file, size_t index, pemn_tensor *info)
{
    const tensor *t;
    if (file == NULL || info == NULL || index >= file->tensor_count)
        return PEMN_CALLER;
    t = &file->tensors[index];
    info->name = (const char *)t->name.at;
    info->dtype = DTYPES[t->dtype];
    info->kind = KINDS[t->kind];
    info->codec = t->mask.codec == NO_CODEC ? NULL : CODECS[t->mask.codec];
    info->plane = t->plane.kind == NO_PLANE ? NULL : PLANES[t->plane.kind];
    info->departures = t->plane.which.ones;
    memcpy(info->shape, t->shape, sizeof info->shape);
    info->elements = t->elements;
    info->bytes = t->elements * WIDTHS[t->dtype];
    info->ones = t->mask.ones;
    info->alias_of = t->alias_of;
    info->rank = t->rank;
    return PEMN_OK;
}

size_t pemn_find(const pemn_file *file, const char *name)
{
    span key;
    key.at = (const uint8_t *)name;
    key.size = strlen(name);
    return find(file, key);
}

void pemn_restored_sha256(const pemn_file *file, uint8_t digest[32])
{
    memcpy(digest, file->restored_sha256, 32);
}

/* ---- sections --------------------------------------------------------------------------------- */

/* Between payloads of the section `dense` there are zeros. */
static int check_gaps(const pemn_file *f, const section *s, char *error)
{
    uint64_t end = 0;
    size_t i;
    for (i = 0; i < f->tensor_count; i++) {
        const tensor *t = &f->tensors[i];
        if (t->kind != STORED)
            continue;
        if (!all_zero(f->data + s->offset + end, (size_t)(t->stored_start - end)))
            return fail(PEMN_BROKEN, error, "section 'dense', tensor %lu: expected zeros before it",
                        (unsigned long)i);
        end = t->stored_start + t->stored_bytes;
    }
    return PEMN_OK;
}

static int is_finite32(uint32_t bits) { return (bits & 0x7f800000) != 0x7f800000; }

/* Check a section's digest, once, and what is said of a known section's bytes. */
static int check_section(pemn_file *f, section *s, char *error)
{
    const uint8_t *at = f->data + s->offset;
    uint8_t digest[32];
    size_t i;
    int status;
    if (s->checked)
        return PEMN_OK;
    sha256_of(f->use, at, (size_t)s->bytes, digest);
    if (memcmp(digest, s->sha256, 32) != 0)
        return fail(PEMN_BROKEN, error, "section '%.*s': SHA-256 differs",
                    (int)(s->name.size < 100 ? s->name.size : 100), (const char *)s->name.at);
    if (s == f->known[IN_DENSE] && (status = check_gaps(f, s, error)) != PEMN_OK)
        return status;
    if (s == f->known[IN_PROTOTYPE])
        for (i = 0; i < s->bytes; i += 4)
            if (!is_finite32((uint32_t)load(at + i, 4)))
                return fail(PEMN_BROKEN, error, "prototype: expected finite values only");
    s->checked = 1;
    return PEMN_OK;
}

/* Part of a known section; no section is needed for no bytes. The section's digest is checked,
 * unless `own` says that the tensor has one, which is compared later. */
static int payload(pemn_file *f, int known, uint64_t start, uint64_t size, int own, span *out,
                   char *error)
{
    section *s = f->known[known];
    int status;
    out->at = f->data;
    out->size = 0;
    if (size == 0)
        return PEMN_OK;
    if (s == NULL || start > s->bytes || size > s->bytes - start)
        return fail(PEMN_BROKEN, error, "section '%s': too small", SECTIONS[known]);
    if (!own && (status = check_section(f, s, error)) != PEMN_OK)
        return status;
    out->at = f->data + s->offset + (size_t)start;
    out->size = (size_t)size;
    return PEMN_OK;
}

/* ---- the generator ---------------------------------------------------------------------------- */

#define LANES 32 /* blocks that are made at once, such that compilers can do several in one go */

/* `count` blocks from `block` on, at most LANES. */
static INLINE void philox(uint64_t seed, uint64_t stream, uint64_t block, size_t count,
                          uint32_t *words)
{
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    uint32_t k0 = (uint32_t)(seed & 0xffffffff), k1 = (uint32_t)(seed >> 32);
    int round;
    size_t j;
    for (j = 0; j < count; j++) {
        c0[j] = (uint32_t)((block + j) & 0xffffffff);
        c1[j] = (uint32_t)((block + j) >> 32);
        c2[j] = (uint32_t)(stream & 0xffffffff);
        c3[j] = (uint32_t)(stream >> 32);
    }
    for (round = 0; round < 10; round++) {
        for (j = 0; j < count; j++) {
            uint64_t p0 = (uint64_t)0xd2511f53 * c0[j], p1 = (uint64_t)0xcd9e8d57 * c2[j];
            c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0;
            c1[j] = (uint32_t)(p1 & 0xffffffff);
            c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
            c3[j] = (uint32_t)(p0 & 0xffffffff);
        }
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    for (j = 0; j < count; j++) {
        words[4 * j] = c0[j];
        words[4 * j + 1] = c1[j];
        words[4 * j + 2] = c2[j];
        words[4 * j + 3] = c3[j];
    }
}

static double polynomial(const double *c, int degree, double x)
{
    double sum = c[degree];
    while (degree-- > 0)
        sum = sum * x + c[degree];
    return sum;
}

/* Inverse of the standard normal distribution function, for p in [0.5, 1): algorithm AS 241,
 * PPND16 (Wichura 1988), accurate to about 1 part in 10^16. */
static double quantile(double p)
{
    static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[8] = {1.0,
                                4.2313330701600911252e+1, 6.8718700749205790830e+2,
                                5.3941960214247511077e+3, 2.1213794301586595867e+4,
                                3.9307895800092710610e+4, 2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,
                                2.05319162663775882187e0,  1.67638483018380384940e0,
                                6.89767334985100004550e-1, 1.48103976427480074590e-1,
                                1.51986665636164571966e-2, 5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    double q = p - 0.5, r;
    if (q <= 0.425) {
        r = 0.180625 - q * q;
        return q * polynomial(a, 7, r) / polynomial(b, 7, r);
    }
    r = sqrt(-log(1.0 - p)) - 1.6; /* at most 1.9 for p up to 1 - 2^-17: no farther tail needed */
    return polynomial(c, 7, r) / polynomial(d, 7, r);
}

/* Make the table, once for a file, and check that its upper half is the right one. */
static int make_table(pemn_file *f, char *error)
{
    static const uint8_t right[32] = {0x66, 0x21, 0xa1, 0x8f, 0x62, 0x9e, 0x82, 0x39,
                                      0x6c, 0x08, 0x85, 0x01, 0xc1, 0x09, 0x5e, 0xae,
                                      0x46, 0xf6, 0xd8, 0x03, 0x3b, 0x42, 0xdb, 0x7b,
                                      0x41, 0x58, 0xe0, 0xf4, 0xcf, 0x34, 0xa0, 0xce};
    uint8_t digest[32], bytes[4];
    uint32_t bits;
    sha256 hash;
    size_t k;
    if (f->table != NULL)
        return PEMN_OK;
    if ((f->table = reserve(2 * TABLE_HALF, sizeof *f->table, error)) == NULL)
        return PEMN_SYSTEM;
    hash = sha256_make(f->use);
    for (k = 0; k < TABLE_HALF; k++) {
        float value = (float)quantile((double)(2 * (k + TABLE_HALF) + 1) / 131072.0);
        memcpy(&bits, &value, 4);
        f->table[TABLE_HALF + k] = bits;
        f->table[TABLE_HALF - 1 - k] = bits ^ 0x80000000; /* the lower half is its negative */
        save(bytes, bits, 4);
        sha256_add(&hash, bytes, 4);
    }
    sha256_end(&hash, digest);
    if (memcmp(digest, right, 32) == 0)
        return PEMN_OK;
    free(f->table);
    f->table = NULL;
    return fail(PEMN_SYSTEM, error, "table of normal16: SHA-256 differs; "
                                    "is floating point not that of IEEE 754 here?");
}

/* ---- floats as bit patterns ------------------------------------------------------------------- */

/* binary32 of (-1)^negative x magnitude x 2^exponent; magnitude below 2^24, result normal or 0. */
static uint32_t from_integer(int negative, uint32_t magnitude, int exponent)
{
    int top = 23;
    if (magnitude == 0)
        return 0;
    while (!(magnitude >> top & 1))
        top--;
    return (negative ? 0x80000000 : 0) | (uint32_t)(127 + top + exponent) << 23 |
           (magnitude << (23 - top) & 0x7fffff);
}

/* Shift right, rounding to nearest, ties to even; shift from 1 to 63. */
static uint32_t round_shift(uint64_t value, unsigned shift)
{
    uint64_t kept = value >> shift, rest = value & (((uint64_t)1 << shift) - 1);
    uint64_t half = (uint64_t)1 << (shift - 1);
    return (uint32_t)(kept + (rest > half || (rest == half && (kept & 1))));
}

/* The correctly rounded product of a finite binary32 and a normal one, in binary32. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t sign = (a ^ b) & 0x80000000, m = a & 0x7fffff;
    int ea = (int)(a >> 23 & 0xff), eb = (int)(b >> 23 & 0xff), e;
    uint64_t product;
    if (ea > 0) {
        m |= 0x800000;
    } else {
        if (m == 0)
            return sign;
        for (ea = 1; !(m & 0x800000); ea--)
            m <<= 1;
    }
    product = (uint64_t)m * ((b & 0x7fffff) | 0x800000); /* from 2^46 to below 2^48 */
    e = ea + eb - 126;
    if (!(product >> 47)) {
        product <<= 1;
        e--;
    }
    if (e >= 255)
        return sign | 0x7f800000;
    if (e >= 1) /* rounding may carry into the exponent, up to infinity: all is well */
        return sign | (((uint32_t)(e - 1) << 23) + round_shift(product, 24));
    return e < -24 ? sign : sign | round_shift(product, (unsigned)(25 - e));
}

/* Multiply each of `values`, all finite, by a normal binary32. */
static INLINE void scale_values(uint32_t *values, size_t count, uint32_t scale)
{
    uint32_t m = (scale & 0x7fffff) | 0x800000, sign = scale & 0x80000000;
    int e = (int)(scale >> 23 & 0xff) - 127, least = e > 0 ? 1 : 1 - e, most = 253 - e;
    uint32_t low, high, odd = 0;
    size_t i;
    most = most > 254 ? 254 : most;
    low = (uint32_t)least << 23;
    high = (uint32_t)(most + 1) << 23;
    for (i = 0; i < count; i++) { /* is any value or product no normal number? */
        uint32_t size = values[i] & 0x7fffffff;
        odd |= (uint32_t)(size < low) | (uint32_t)(size >= high);
    }
    if (odd) {
        for (i = 0; i < count; i++)
            values[i] = multiply(values[i], scale);
        return;
    }
    for (i = 0; i < count; i++) { /* multiply() without its rare cases */
        uint32_t value = values[i];
        uint64_t product = (uint64_t)((value & 0x7fffff) | 0x800000) * m;
        uint32_t top = (uint32_t)(product >> 47), rest, kept;
        product <<= 1 - top; /* from 2^47 to below 2^48 */
        kept = (uint32_t)(product >> 24);
        rest = (uint32_t)(product & 0xffffff) + (kept & 1);
        kept += (uint32_t)(rest > 0x800000);
        kept += ((value >> 23 & 0xff) + (uint32_t)e - 1 + top) << 23;
        values[i] = ((value ^ sign) & 0x80000000) | (kept & 0x7fffffff);
    }
}

/* Round a binary32 that is no NaN to binary16. */
static uint16_t to_f16(uint32_t bits)
{
    uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    if (size >= 0x477ff000) /* 65520 and above */
        return (uint16_t)(sign | 0x7c00);
    if (size >= 0x38800000)
        return (uint16_t)(sign | round_shift(size - 0x38000000, 13));
    if (size < 0x33000000) /* below 2^-25 */
        return (uint16_t)sign;
    return (uint16_t)(sign | round_shift((size & 0x7fffff) | 0x800000, 126 - (size >> 23)));
}

static uint16_t to_bf16(uint32_t bits)
{
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The binary32 of the same value; a NaN keeps its bits. */
static uint32_t from_f16(uint32_t bits)
{
    uint32_t sign = (bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
    if (exponent == 31)
        return sign | 0x7f800000 | fraction << 13;
    if (exponent == 0)
        return fraction == 0 ? sign : from_integer(sign != 0, fraction, -24);
    return sign | (exponent + 112) << 23 | fraction << 13;
}

/* ---- values of the prototype ------------------------------------------------------------------ */

#define CHUNK 4096     /* elements that are worked on at once */
#define KEPT_VALUES 65536 /* a prototype with a seed is kept up to here, else made where needed */

/* Values `from` on of a transform, as bit patterns; `table` is what normal16 looks up. */
static INLINE void philox_lanes(uint64_t seed, uint64_t stream, uint64_t block, uint32_t *words)
{
    philox(seed, stream, block, LANES, words);
}

#ifdef PEMN_X86
#define AVX2 __attribute__((target("avx2")))

/* The same, eight blocks in registers at a time. The multiplication takes every other lane. */
AVX2 static INLINE void x86_philox_lanes(uint64_t seed, uint64_t stream, uint64_t block,
                                         uint32_t *words)
{
    const __m256i m0 = _mm256_set1_epi32((int)0xd2511f53), m1 = _mm256_set1_epi32((int)0xcd9e8d57);
    const __m256i add0 = _mm256_set1_epi32((int)0x9e3779b9);
    const __m256i add1 = _mm256_set1_epi32((int)0xbb67ae85);
    uint32_t low[LANES], high[LANES];
    size_t j;
    int round;
    for (j = 0; j < LANES; j++) {
        low[j] = (uint32_t)((block + j) & 0xffffffff);
        high[j] = (uint32_t)((block + j) >> 32);
    }
    for (j = 0; j < LANES; j += 8, words += 32) {
        __m256i c0 = _mm256_loadu_si256((const __m256i *)(const void *)(low + j));
        __m256i c1 = _mm256_loadu_si256((const __m256i *)(const void *)(high + j));
        __m256i c2 = _mm256_set1_epi32((int)(stream & 0xffffffff));
        __m256i c3 = _mm256_set1_epi32((int)(stream >> 32));
        __m256i k0 = _mm256_set1_epi32((int)(seed & 0xffffffff));
        __m256i k1 = _mm256_set1_epi32((int)(seed >> 32)), a, b, c, d;
        for (round = 0; round < 10; round++) {
            __m256i p0 = _mm256_mul_epu32(c0, m0), p1 = _mm256_mul_epu32(c2, m1);
            __m256i q0 = _mm256_mul_epu32(_mm256_srli_epi64(c0, 32), m0);
            __m256i q1 = _mm256_mul_epu32(_mm256_srli_epi64(c2, 32), m1);
            c0 = _mm256_blend_epi32(_mm256_srli_epi64(p1, 32), q1, 0xaa);
            c2 = _mm256_blend_epi32(_mm256_srli_epi64(p0, 32), q0, 0xaa);
            c0 = _mm256_xor_si256(_mm256_xor_si256(c0, c1), k0);
            c2 = _mm256_xor_si256(_mm256_xor_si256(c2, c3), k1);
            c1 = _mm256_blend_epi32(p1, _mm256_slli_epi64(q1, 32), 0xaa);
            c3 = _mm256_blend_epi32(p0, _mm256_slli_epi64(q0, 32), 0xaa);
            k0 = _mm256_add_epi32(k0, add0);
            k1 = _mm256_add_epi32(k1, add1);
        }
        a = _mm256_unpacklo_epi32(c0, c1); /* blocks 0 1 | 4 5, words 0 1 */
        b = _mm256_unpackhi_epi32(c0, c1); /* blocks 2 3 | 6 7 */
        c = _mm256_unpacklo_epi32(c2, c3);
        d = _mm256_unpackhi_epi32(c2, c3);
        c0 = _mm256_unpacklo_epi64(a, c); /* blocks 0 | 4 */
        c1 = _mm256_unpackhi_epi64(a, c);
        c2 = _mm256_unpacklo_epi64(b, d);
        c3 = _mm256_unpackhi_epi64(b, d);
#define STORE(at, x) _mm256_storeu_si256((__m256i *)(void *)(words + (at)), x)
        STORE(0, _mm256_permute2x128_si256(c0, c1, 0x20));
        STORE(8, _mm256_permute2x128_si256(c2, c3, 0x20));
        STORE(16, _mm256_permute2x128_si256(c0, c1, 0x31));
        STORE(24, _mm256_permute2x128_si256(c2, c3, 0x31));
#undef STORE
    }
}
#endif

static INLINE void draw_values(void (*philox_many)(uint64_t, uint64_t, uint64_t, uint32_t *),
                               int transform, const uint32_t *table, uint64_t seed,
                               uint64_t stream, uint64_t from, size_t count, uint32_t *out)
{
    uint32_t words[4 * LANES], spare[8 * LANES];
    size_t each = transform == NORMAL16 ? 8 : 4; /* values of a block */
    while (count > 0) {
        size_t skip = (size_t)(from % each), blocks = count == 1 ? 1 : LANES, i;
        size_t take = each * blocks - skip;
        uint32_t *values = take <= count && skip == 0 ? out : spare;
        take = count < take ? count : take;
        if (blocks == 1)
            philox(seed, stream, from / each, 1, words);
        else
            philox_many(seed, stream, from / each, words);
        if (transform == NORMAL16) {
            for (i = 0; i < 4 * blocks; i++) {
                values[2 * i] = table[words[i] & 0xffff];
                values[2 * i + 1] = table[words[i] >> 16];
            }
        } else if (transform == UNIFORM24) {
            for (i = 0; i < 4 * blocks; i++) {
                uint32_t odd = 2 * (words[i] >> 8) + 1;
                values[i] = odd < 0x1000000 ? from_integer(1, 0x1000000 - odd, -24)
                                            : from_integer(0, odd - 0x1000000, -24);
            }
        } else {
            for (i = 0; i < 4 * blocks; i++)
                values[i] = 0x3f800000 | (words[i] & 0x80000000);
        }
        if (values == spare)
            memcpy(out, spare + skip, take * sizeof *out);
        out += take;
        from += take;
        count -= take;
    }
}

static void draw(int transform, const uint32_t *table, uint64_t seed, uint64_t stream,
                 uint64_t from, size_t count, uint32_t *out)
{
    draw_values(philox_lanes, transform, table, seed, stream, from, count, out);
}

/* The vector that tensors take values from: SPEC.md, section 6.1. */
typedef struct {
    const uint32_t *kept;  /* all of it, */
    const uint8_t *stored; /* or the section `prototype`, */
    const uint32_t *table; /* or what draws its values */
    const prototype *prototype;
    const kernels *use;
    uint64_t length;
} vector;

/* Values `place` on; they begin again where the vector ends. */
static void get_values_of(const vector *v, uint64_t place, size_t count, uint32_t *out)
{
    const prototype *p = v->prototype;
    while (count > 0) {
        size_t take = v->length - place < count ? (size_t)(v->length - place) : count, i;
        if (v->kept != NULL)
            memcpy(out, v->kept + place, take * sizeof *out);
        else if (v->stored != NULL)
            for (i = 0; i < take; i++)
                out[i] = (uint32_t)load(v->stored + 4 * (place + i), 4);
        else
            v->use->draw(p->transform, v->table, p->seed, p->stream, place, take, out);
        out += take;
        count -= take;
        place = 0;
    }
}

static void counts_to_places(uint64_t *counts)
{
    uint64_t place = 0;
    size_t k;
    for (k = 0; k < 65536; k++) {
        uint64_t count = counts[k];
        counts[k] = place;
        place += count;
    }
}

/* Sort the indices by their words, in two passes that each keep the order of equals, and take
 * plain[index mod length] in that order. */
static int make_shuffled(pemn_file *f, const vector *plain, char *error)
{
    const prototype *p = &f->prototype;
    uint64_t length = p->shuffle_length, i, *order = NULL, *low = NULL, *high = NULL;
    uint32_t *words = NULL, *sorted = NULL, *values = NULL;
    int status = PEMN_SYSTEM;
    if ((words = reserve(length + 4 * LANES, sizeof *words, error)) == NULL ||
        (order = reserve(length, sizeof *order, error)) == NULL ||
        (sorted = reserve(length, sizeof *sorted, error)) == NULL ||
        (values = reserve(p->length, sizeof *values, error)) == NULL ||
        (low = reserve(65536 * 2, sizeof *low, error)) == NULL)
        goto done;
    high = low + 65536;
    memset(low, 0, 65536 * 2 * sizeof *low);
    for (i = 0; i < length; i += 4 * LANES)
        philox(p->shuffle_seed, p->shuffle_stream, i / 4, LANES, words + i);
    for (i = 0; i < length; i++) {
        low[words[i] & 0xffff]++;
        high[words[i] >> 16]++;
    }
    counts_to_places(low);
    counts_to_places(high);
    for (i = 0; i < p->length; i += CHUNK)
        get_values_of(plain, i, p->length - i < CHUNK ? (size_t)(p->length - i) : CHUNK,
                      values + i);
    for (i = 0; i < length; i++)
        order[low[words[i] & 0xffff]++] = i;
    for (i = 0; i < length; i++)
        sorted[high[words[order[i]] >> 16]++] = values[order[i] % p->length];
    f->vector = sorted;
    sorted = NULL;
    status = PEMN_OK;
done:
    free(words);
    free(order);
    free(sorted);
    free(values);
    free(low);
    return status;
}

/* Get ready to take values, and keep what is worth it. */
static int get_vector(pemn_file *f, vector *v, char *error)
{
    const prototype *p = &f->prototype;
    span stored;
    int status;
    memset(v, 0, sizeof *v);
    v->prototype = p;
    v->use = f->use;
    v->length = p->length;
    if (!p->seeded) {
        status = payload(f, IN_PROTOTYPE, 0, 4 * p->length, 0, &stored, error);
        v->stored = stored.at;
    } else {
        status = p->transform == NORMAL16 ? make_table(f, error) : PEMN_OK;
        v->table = f->table;
    }
    if (status == PEMN_OK && f->vector == NULL) {
        if (p->shuffled) {
            status = make_shuffled(f, v, error);
        } else if (p->seeded && p->length <= KEPT_VALUES) {
            if ((f->vector = reserve(p->length, sizeof *f->vector, error)) == NULL)
                return PEMN_SYSTEM;
            f->use->draw(p->transform, v->table, p->seed, p->stream, 0, (size_t)p->length,
                         f->vector);
        }
    }
    v->kept = f->vector;
    v->length = filled_length(p);
    return status;
}

/* ---- masks ------------------------------------------------------------------------------------ */

/* A mask is bits, as `bitmap` has them. The decoders write into `bits`, which are 0. */

static int get_bit(const uint8_t *bits, uint64_t i) { return bits[i / 8] >> i % 8 & 1; }

static void set_bit(uint8_t *bits, uint64_t i)
{
    bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << i % 8);
}

static int check_bitmap(const positions *p, uint64_t n, span packed, char *error)
{
    uint64_t ones = 0;
    size_t i;
    if (packed.size != (n + 7) / 8)
        return fail(PEMN_BROKEN, error, "bitmap: wrong size");
    for (i = 0; i + 8 <= packed.size; i += 8) { /* count bits in pairs, fours, eights, then all */
        uint64_t x = load(packed.at + i, 8);
        x -= x >> 1 & 0x5555555555555555;
        x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
        x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
        ones += x * 0x0101010101010101 >> 56;
    }
    for (; i < packed.size; i++) {
        unsigned byte = packed.at[i];
        for (; byte != 0; byte &= byte - 1)
            ones++;
    }
    if (ones != p->ones)
        return fail(PEMN_BROKEN, error, "bitmap: wrong number of ones");
    if (n % 8 != 0 && packed.at[packed.size - 1] >> n % 8 != 0)
        return fail(PEMN_BROKEN, error, "bitmap: an unused bit is 1");
    return PEMN_OK;
}

static unsigned width_of(uint64_t largest)
{
    return largest < 0x100 ? 1 : largest < 0x10000 ? 2 : largest <= 0xffffffff ? 4 : 8;
}

static int decode_csr(const positions *p, uint64_t n, uint64_t rows, span packed, uint8_t *bits,
                      char *error)
{
    uint64_t columns = n / rows, row, start, end;
    unsigned pointer = width_of(p->ones), index = width_of(columns - 1);
    const uint8_t *at = packed.at, *indices;
    if (packed.size != (rows + 1) * pointer + p->ones * index) /* below 2^53 */
        return fail(PEMN_BROKEN, error, "csr: wrong size");
    indices = at + (size_t)((rows + 1) * pointer);
    if (load(at, pointer) != 0)
        return fail(PEMN_BROKEN, error, "csr: the first pointer is not 0");
    for (row = 0, start = 0; row < rows; row++, start = end) {
        uint64_t least = 0;
        at += pointer;
        end = load(at, pointer);
        if (end < start || end > p->ones)
            return fail(PEMN_BROKEN, error, "csr: pointers do not rise to the number of ones");
        for (; start < end; start++, indices += index) {
            uint64_t column = load(indices, index);
            if (column < least || column >= columns)
                return fail(PEMN_BROKEN, error, "csr: indices do not rise within a row");
            set_bit(bits, row * columns + column);
            least = column + 1;
        }
    }
    if (start != p->ones)
        return fail(PEMN_BROKEN, error, "csr: the last pointer is not the number of ones");
    return PEMN_OK;
}

static int decode_rice(const positions *p, uint64_t n, span packed, uint8_t *bits, char *error)
{
    uint64_t coded, j, bit = 0, unary_bits, next = 0, remainder_bits;
    const uint8_t *unary, *remainders;
    unsigned k, i;
    int inverted = p->ones > n - p->ones;
    if (packed.size < 1)
        return fail(PEMN_BROKEN, error, "rice: empty");
    k = packed.at[0] & 0x7f;
    if (k > MAX_RICE_PARAMETER)
        return fail(PEMN_BROKEN, error, "rice: parameter above %d", MAX_RICE_PARAMETER);
    if ((packed.at[0] >> 7) != inverted)
        return fail(PEMN_BROKEN, error, "rice: not the rarer symbol is coded");
    coded = inverted ? n - p->ones : p->ones;
    remainder_bits = coded * k; /* below 2^54 */
    if ((remainder_bits + 7) / 8 > packed.size - 1)
        return fail(PEMN_BROKEN, error, "rice: too short for its remainders");
    unary = packed.at + 1;
    remainders = packed.at + (packed.size - (size_t)((remainder_bits + 7) / 8));
    unary_bits = (uint64_t)(remainders - unary) * 8;
    if (inverted) { /* all ones, but for the unused bits of the last byte */
        memset(bits, 0xff, (size_t)((n + 7) / 8));
        if (n % 8 != 0)
            bits[n / 8] = (uint8_t)((1u << n % 8) - 1);
    }
    for (j = 0; j < coded; j++) {
        uint64_t quotient = 0, gap;
        while (bit < unary_bits && !get_bit(unary, bit)) {
            if (bit % 8 == 0 && unary[bit / 8] == 0) {
                quotient += 8;
                bit += 8;
            } else {
                quotient++;
                bit++;
            }
        }
        if (bit >= unary_bits)
            return fail(PEMN_BROKEN, error, "rice: too few ones in the unary stream");
        bit++;
        if (quotient > n >> k)
            return fail(PEMN_BROKEN, error, "rice: a position beyond the tensor");
        gap = 0;
        for (i = 0; i < k; i++)
            gap = gap << 1 | (uint64_t)get_bit(remainders, j * k + i);
        gap |= quotient << k; /* at most n + 2^47 */
        if (next >= n || gap >= n - next)
            return fail(PEMN_BROKEN, error, "rice: a position beyond the tensor");
        next += gap; /* the position */
        if (inverted)
            bits[next / 8] = (uint8_t)(bits[next / 8] & ~(1u << next % 8));
        else
            set_bit(bits, next);
        next++;
    }
    if (unary_bits - bit >= 8)
        return fail(PEMN_BROKEN, error, "rice: a byte after the unary stream's last one");
    for (; bit < unary_bits; bit++)
        if (get_bit(unary, bit))
            return fail(PEMN_BROKEN, error, "rice: too many ones in the unary stream");
    if (remainder_bits % 8 != 0 && remainders[remainder_bits / 8] >> remainder_bits % 8 != 0)
        return fail(PEMN_BROKEN, error, "rice: a padding bit is 1");
    return PEMN_OK;
}

/* Unpack the mask of n places in `rows` rows: its bits, and in *owned what to free later. */
static int decode_mask(const positions *p, uint64_t n, uint64_t rows, span packed,
                       const uint8_t **bits, uint8_t **owned, char *error)
{
    *owned = NULL;
    if (p->codec == BITMAP) {
        *bits = packed.at;
        return check_bitmap(p, n, packed, error);
    }
    if ((*owned = reserve((n + 7) / 8, 1, error)) == NULL)
        return PEMN_SYSTEM;
    *bits = *owned;
    memset(*owned, 0, (size_t)((n + 7) / 8));
    return p->codec == CSR ? decode_csr(p, n, rows, packed, *owned, error)
                           : decode_rice(p, n, packed, *owned, error);
}

/* ---- planes ----------------------------------------------------------------------------------- */

/* Goes through the selected elements in order and says which depart, and with what number. */
typedef struct {
    const uint8_t *bits, *numbers;
    uint8_t *owned;
    uint64_t selected, bit; /* places of the next ones, in `bits` and in `numbers` */
    unsigned width;
} departures;

static int departs(departures *d) { return get_bit(d->bits, d->selected++); }

static uint64_t next_number(departures *d)
{
    const uint8_t *at = d->numbers + d->bit / 8;
    unsigned shift = (unsigned)(d->bit % 8);
    d->bit += d->width;
    return load(at, (shift + d->width + 7) / 8) >> shift & (((uint64_t)1 << d->width) - 1);
}

/* Check a plane's payload, all but its sources. The caller frees d->owned, on failure too. */
static int get_departures(pemn_file *f, const tensor *t, departures *d, char *error)
{
    const plane *s = &t->plane;
    uint64_t bits = s->which.ones * s->width; /* below 2^54 */
    span held, mask;
    int status = payload(f, IN_PLANES, s->which.start, s->bytes, t->has_sha256, &held, error);
    memset(d, 0, sizeof *d);
    if (status != PEMN_OK)
        return status;
    mask.at = held.at;
    mask.size = (size_t)s->which.bytes;
    d->numbers = held.at + mask.size;
    d->width = s->width;
    if (bits % 8 != 0 && d->numbers[bits / 8] >> bits % 8 != 0)
        return fail(PEMN_BROKEN, error, "plane: a padding bit is 1");
    return decode_mask(&s->which, t->mask.ones, 1, mask, &d->bits, &d->owned, error);
}

/* ---- restoring -------------------------------------------------------------------------------- */

static void save_float(uint8_t *at, uint32_t bits, unsigned dtype)
{
    if (dtype == F32)
        save(at, bits, 4);
    else
        save(at, dtype == F16 ? to_f16(bits) : to_bf16(bits), 2);
}

/* Scale of one row, or of all. */
static uint32_t scale_of(const tensor *t, uint64_t row)
{
    return (uint32_t)hex_number(t->scale + (t->scale_per_row ? (size_t)row * 11 : 0), 8);
}

/* Which scale element i has, for i that rise. */
typedef struct {
    uint64_t row, per_row, end;
    uint32_t scale;
} scaler;

static scaler make_scaler(const tensor *t)
{
    scaler s;
    s.row = 0;
    s.per_row = t->scale_per_row ? t->elements / t->shape[0] : t->elements;
    s.end = s.per_row;
    s.scale = scale_of(t, 0);
    return s;
}

static uint32_t scale_at(scaler *s, const tensor *t, uint64_t i)
{
    while (i >= s->end) {
        s->end += s->per_row;
        s->scale = scale_of(t, ++s->row);
    }
    return s->scale;
}

/* Apply what the plane says of elements `from` on. Sources and generations are values not scaled
 * yet; a sign changes any. */
static int depart(const vector *v, const tensor *t, const uint8_t *mask, departures *d,
                  uint64_t from, size_t count, uint32_t *values, char *error)
{
    const prototype *p = v->prototype;
    size_t i;
    for (i = 0; i < count; i++) {
        uint64_t number;
        if ((mask != NULL && !get_bit(mask, from + i)) || !departs(d))
            continue;
        if (t->plane.kind == SIGNS) {
            values[i] ^= 0x80000000;
            continue;
        }
        number = next_number(d);
        if (t->plane.kind == GENERATION) {
            v->use->draw(p->transform, v->table, p->seed, t->plane.stream + number + 1, from + i, 1,
                         &values[i]);
            continue;
        }
        if (number >= t->elements)
            return fail(PEMN_BROKEN, error, "plane: source %llu of a tensor of %llu elements",
                        (unsigned long long)number, (unsigned long long)t->elements);
        get_values_of(v, (t->offset + number) % v->length, 1, &values[i]);
    }
    return PEMN_OK;
}

#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#define LITTLE_ENDIAN_HERE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#else
#define LITTLE_ENDIAN_HERE 0 /* not known to be: bytes one by one do as well */
#endif

/* Write elements as little-endian bytes: those that are selected, and zeros. `mask` is where bits
 * of the first 8 elements are. */
static INLINE void put_values(uint32_t *values, size_t count, const uint8_t *mask, unsigned dtype,
                              uint8_t *out)
{
    size_t i;
    for (i = 0; mask != NULL && i < count / 8 * 8; i++)
        values[i] &= 0 - (uint32_t)(mask[i / 8] >> i % 8 & 1);
    for (; mask != NULL && i < count; i++)
        values[i] &= 0 - (uint32_t)(mask[count / 8] >> i % 8 & 1);
    if (LITTLE_ENDIAN_HERE && dtype == F32)
        memcpy(out, values, 4 * count);
    else
        for (i = 0; i < count; i++)
            save_float(out + i * WIDTHS[dtype], values[i], dtype);
}

static void scale(uint32_t *values, size_t count, uint32_t by) { scale_values(values, count, by); }

static void put(uint32_t *values, size_t count, const uint8_t *mask, unsigned dtype,
                uint8_t *out)
{
    put_values(values, count, mask, dtype, out);
}

#ifdef PEMN_X86
AVX2 static void x86_draw(int transform, const uint32_t *table, uint64_t seed, uint64_t stream,
                          uint64_t from, size_t count, uint32_t *out)
{
    draw_values(x86_philox_lanes, transform, table, seed, stream, from, count, out);
}

AVX2 static void x86_scale(uint32_t *values, size_t count, uint32_t by)
{
    scale_values(values, count, by);
}

AVX2 static void x86_put(uint32_t *values, size_t count, const uint8_t *mask, unsigned dtype,
                         uint8_t *out)
{
    const __m256i each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    size_t i, whole = mask != NULL && dtype == F32 ? count / 8 : 0;
    for (i = 0; i < whole; i++) {
        __m256i bits = _mm256_and_si256(_mm256_set1_epi32(mask[i]), each);
        __m256i eight = _mm256_loadu_si256((const __m256i *)(const void *)(values + 8 * i));
        eight = _mm256_and_si256(eight, _mm256_cmpeq_epi32(bits, each));
        _mm256_storeu_si256((__m256i *)(void *)(out + 32 * i), eight);
    }
    put_values(values + 8 * whole, count - 8 * whole, mask == NULL ? NULL : mask + whole, dtype,
               out + whole * 8 * WIDTHS[dtype]);
}
#endif

static const kernels *choose_kernels(void)
{
    static const kernels plain = {sha256_blocks, NULL, draw, scale, put};
#ifdef PEMN_X86
    static const kernels x86 = {x86_sha256_blocks, x86_sha256_two, x86_draw, x86_scale, x86_put};
    unsigned a, b, c, d;
    if (__builtin_cpu_supports("avx2") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA)
        return &x86;
#endif
    return &plain;
}

/* Make all elements of a tensor that takes them from the prototype, a chunk at a time. */
static int fill(pemn_file *f, const tensor *t, const uint8_t *mask, departures *d, uint8_t *out,
                char *error)
{
    uint32_t values[CHUNK], *scaled = NULL;
    uint64_t from, place = t->offset;
    scaler s = make_scaler(t);
    vector v;
    size_t count, i, run;
    int status = get_vector(f, &v, error);
    if (status != PEMN_OK)
        return status;
    /* where the same values come again and again, scale them once */
    if (t->kind == PROTOTYPE && !t->scale_per_row && (d == NULL || t->plane.kind == SIGNS)) {
        int looked_up = v.kept == NULL && v.table != NULL;
        uint64_t size = looked_up ? 2 * TABLE_HALF : v.kept != NULL ? v.length : 0;
        if (size > 0 && size <= t->elements / 2) {
            if ((scaled = reserve(size, sizeof *scaled, error)) == NULL)
                return PEMN_SYSTEM;
            memcpy(scaled, looked_up ? v.table : v.kept, (size_t)size * sizeof *scaled);
            f->use->scale(scaled, (size_t)size, s.scale);
            if (looked_up)
                v.table = scaled;
            else
                v.kept = scaled;
        }
    }
    for (from = 0; status == PEMN_OK && from < t->elements; from += count) {
        count = t->elements - from < CHUNK ? (size_t)(t->elements - from) : CHUNK;
        get_values_of(&v, place, count, values);
        place = (place + count) % v.length;
        if (d != NULL && t->plane.kind != SIGNS)
            status = depart(&v, t, mask, d, from, count, values, error);
        for (i = 0; scaled == NULL && i < count; i += run) {
            uint32_t scale = scale_at(&s, t, from + i);
            run = s.end - (from + i) < count - i ? (size_t)(s.end - (from + i)) : count - i;
            if (t->kind == PROTOTYPE)
                f->use->scale(values + i, run, scale);
            else
                for (size_t k = i; k < i + run; k++)
                    values[k] = (values[k] & 0x80000000) ^ scale;
        }
        if (status == PEMN_OK && d != NULL && t->plane.kind == SIGNS)
            status = depart(&v, t, mask, d, from, count, values, error);
        f->use->put(values, count, mask == NULL ? NULL : mask + from / 8, t->dtype,
                    out + from * WIDTHS[t->dtype]);
    }
    free(scaled);
    return status;
}

/* Decode stored values, and spread them over the mask's ones. */
static int unpack(pemn_file *f, const tensor *t, const uint8_t *mask, uint8_t *out, char *error)
{
    unsigned width = WIDTHS[t->stored_dtype], b;
    uint64_t decoded = t->mask.ones * width, i, taken = 0, declared;
    uint64_t step = width, apart = 1; /* from element to element, from byte to byte */
    uint8_t *owned = NULL;
    const uint8_t *from;
    scaler s = {0, 0, 0, 0};
    span held;
    int status = payload(f, IN_DENSE, t->stored_start, t->stored_bytes, t->has_sha256, &held,
                         error);
    if (status != PEMN_OK)
        return status;
    from = held.at;
    if (t->coding != RAW) {
        if ((status = frame_size(held, &declared, "stored values", error)) != PEMN_OK)
            return status;
        if (declared != decoded)
            return fail(PEMN_BROKEN, error, "stored values: the frame declares another size");
        if ((status = decompress(held, decoded, &owned, "stored values", error)) != PEMN_OK)
            return status;
        from = owned;
    }
    if (t->coding == SHUFFLE_ZSTD) {
        step = 1;
        apart = t->mask.ones;
    }
    if (t->scale != NULL)
        s = make_scaler(t);
    memset(out, 0, (size_t)(t->elements * WIDTHS[t->dtype]));
    for (i = 0; status == PEMN_OK && i < t->elements; i++) {
        uint64_t element = 0;
        uint8_t *to = out + i * WIDTHS[t->dtype];
        if (mask != NULL && !get_bit(mask, i))
            continue;
        for (b = width; b-- > 0;)
            element = element << 8 | from[taken * step + b * apart];
        taken++;
        if (t->scale != NULL) {
            int negative = element >= 0x80;
            uint32_t magnitude = (uint32_t)(negative ? 0x100 - element : element);
            uint32_t bits = multiply(from_integer(negative, magnitude, 0), scale_at(&s, t, i));
            save_float(to, bits, t->dtype);
        } else if (t->stored_dtype == t->dtype) {
            if (t->dtype == BOOL && element > 1)
                status = fail(PEMN_BROKEN, error, "expected bool bytes of 0 or 1");
            save(to, element, width);
        } else {
            save(to, t->stored_dtype == F16 ? from_f16((uint32_t)element) : element << 16, 4);
        }
    }
    free(owned);
    return status;
}

static void fill_constant(const tensor *t, const uint8_t *mask, departures *d, uint8_t *out)
{
    unsigned width = WIDTHS[t->dtype];
    uint64_t i;
    for (i = 0; i < t->elements; i++, out += width) {
        if (mask != NULL && !get_bit(mask, i)) {
            memset(out, 0, width);
            continue;
        }
        memcpy(out, t->constant, width);
        if (d != NULL && departs(d))
            out[width - 1] ^= 0x80;
    }
}

/* Restore a tensor that is no alias into `out`, which has room for it. */
static int restore(pemn_file *f, const tensor *t, uint8_t *out, char *error)
{
    uint64_t rows = t->rank > 1 ? t->shape[0] : 1;
    const uint8_t *mask = NULL;
    uint8_t *owned = NULL;
    departures held, *d = NULL;
    span packed;
    int status = PEMN_OK;
    if (t->mask.codec != NO_CODEC) {
        status = payload(f, IN_MASKS, t->mask.start, t->mask.bytes, t->has_sha256, &packed, error);
        if (status == PEMN_OK)
            status = decode_mask(&t->mask, t->elements, rows, packed, &mask, &owned, error);
    }
    if (status == PEMN_OK && t->plane.kind != NO_PLANE) {
        d = &held;
        status = get_departures(f, t, d, error);
    }
    if (status == PEMN_OK) {
        if (t->kind == STORED)
            status = unpack(f, t, mask, out, error);
        else if (t->kind == CONSTANT)
            fill_constant(t, mask, d, out);
        else
            status = fill(f, t, mask, d, out, error);
    }
    if (d != NULL)
        free(d->owned);
    free(owned);
    return status;
}

/* A tensor whose digest is being computed: over what `hash` has seen and the bytes that are left. */
typedef struct {
    tensor *t; /* NULL: none */
    sha256 hash;
    const uint8_t *at;
    size_t left;
    uint8_t *owned; /* what to free in the end */
} digesting;

/* Begin, such that whole blocks are what comes next. */
static void start_digest(const pemn_file *f, tensor *t, const uint8_t *bytes, digesting *d)
{
    uint8_t head[2 + 8 * MAX_RANK];
    size_t part;
    unsigned i;
    head[0] = t->dtype;
    head[1] = (uint8_t)t->rank;
    for (i = 0; i < t->rank; i++)
        save(head + 2 + 8 * i, t->shape[i], 8);
    d->t = t;
    d->hash = sha256_make(f->use);
    sha256_add(&d->hash, head, 2 + 8 * t->rank);
    part = (size_t)(64 - d->hash.size % 64) % 64;
    d->left = (size_t)(t->elements * WIDTHS[t->dtype]);
    part = part < d->left ? part : d->left;
    sha256_add(&d->hash, bytes, part);
    d->at = bytes + part;
    d->left -= part;
}

/* Finish, and compare with the record's digest, if it has one. */
static int end_digest(digesting *d, char *error)
{
    tensor *t = d->t;
    sha256_add(&d->hash, d->at, d->left);
    sha256_end(&d->hash, t->found);
    free(d->owned);
    memset(d, 0, sizeof *d);
    if (t->has_sha256 && memcmp(t->found, t->sha256, 32) != 0)
        return fail(PEMN_BROKEN, error, "SHA-256 of the restored tensor differs");
    t->is_found = 1;
    return PEMN_OK;
}

/* Put the tensor's name before a message. */
static int name_error(int status, const tensor *t, char *error)
{
    char message[PEMN_ERROR_SIZE];
    if (status != PEMN_OK && error != NULL) {
        memcpy(message, error, sizeof message);
        (void)fail(status, error, "tensor '%.100s': %.120s", (const char *)t->name.at, message);
    }
    return status;
}

static int restore_checked(pemn_file *f, tensor *t, uint8_t *out, char *error)
{
    digesting d;
    int status = restore(f, t, out, error);
    if (status == PEMN_OK && (t->has_sha256 || !t->is_found)) {
        memset(&d, 0, sizeof d);
        start_digest(f, t, out, &d);
        status = end_digest(&d, error);
    }
    return name_error(status, t, error);
}

/* The tensor that a tensor is: itself, or what it is an alias of. */
static tensor *target_of(pemn_file *f, size_t index)
{
    tensor *t = &f->tensors[index];
    return t->kind == ALIAS ? &f->tensors[t->alias_of] : t;
}

int pemn_restore(pemn_file *file, size_t index, void *buffer, size_t size,
                 char error[PEMN_ERROR_SIZE])
{
    tensor *t;
    uint64_t bytes;
    int status;
    if (file == NULL || buffer == NULL || index >= file->tensor_count)
        return fail(PEMN_CALLER, error, "no such tensor, or no buffer");
    t = target_of(file, index);
    bytes = t->elements * WIDTHS[t->dtype];
    if (size < bytes)
        return fail(PEMN_CALLER, error, "the buffer has %lu bytes, the tensor %llu",
                    (unsigned long)size, (unsigned long long)bytes);
    status = restore_checked(file, t, buffer, error);
    if (status != PEMN_OK)
        memset(buffer, 0, (size_t)bytes);
    return status;
}

/* Compute a tensor's digest, unless that was done before. */
static int find_digest(pemn_file *f, tensor *t, char *error)
{
    uint8_t *bytes;
    int status;
    if (t->is_found)
        return PEMN_OK;
    bytes = reserve(t->elements, WIDTHS[t->dtype], error);
    if (bytes == NULL)
        return PEMN_SYSTEM;
    status = restore_checked(f, t, bytes, error);
    free(bytes);
    return status;
}

int pemn_tensor_sha256(pemn_file *file, size_t index, uint8_t digest[32],
                       char error[PEMN_ERROR_SIZE])
{
    tensor *t;
    int status;
    if (file == NULL || digest == NULL || index >= file->tensor_count)
        return fail(PEMN_CALLER, error, "no such tensor, or no place for a digest");
    t = target_of(file, index);
    status = find_digest(file, t, error);
    if (status == PEMN_OK)
        memcpy(digest, t->found, 32);
    return status;
}

/* ---- verifying -------------------------------------------------------------------------------- */

static int check_source(const pemn_file *f, char *error)
{
    const section *s = f->known[IN_SOURCE];
    uint64_t declared;
    uint8_t *bytes;
    span frame, text;
    int status;
    if (s == NULL)
        return PEMN_OK;
    frame.at = f->data + s->offset;
    frame.size = (size_t)s->bytes;
    if ((status = frame_size(frame, &declared, "source", error)) != PEMN_OK)
        return status;
    if (declared < 1 || declared > MAX_MANIFEST_BYTES)
        return fail(PEMN_BROKEN, error, "source: expected 1 to 2^26 bytes of text");
    if ((status = decompress(frame, declared, &bytes, "source", error)) != PEMN_OK)
        return status;
    text.at = bytes;
    text.size = (size_t)declared;
    if (!is_utf8(text))
        status = fail(PEMN_BROKEN, error, "source: expected UTF-8 text");
    free(bytes);
    return status;
}

/* Restore tensor i, into its buffer where there are buffers, and begin its digest in *d. An alias is
 * copied, and no digest is computed twice. */
static int begin_tensor(pemn_file *f, size_t i, void *const *buffers, digesting *d, char *error)
{
    tensor *t = target_of(f, i);
    uint8_t *out = buffers == NULL ? NULL : buffers[i], *owned = NULL;
    size_t bytes = (size_t)(t->elements * WIDTHS[t->dtype]);
    int status;
    if (out == NULL && t->is_found)
        return PEMN_OK;
    if (&f->tensors[i] != t) {
        if (out != NULL && buffers[t - f->tensors] != NULL) {
            memcpy(out, buffers[t - f->tensors], bytes);
            return PEMN_OK;
        }
        return out == NULL ? PEMN_OK : restore(f, t, out, error);
    }
    if (out == NULL && (out = owned = reserve(bytes, 1, error)) == NULL)
        return PEMN_SYSTEM;
    if ((status = restore(f, t, out, error)) != PEMN_OK) {
        free(owned);
        return name_error(status, t, error);
    }
    start_digest(f, t, out, d);
    d->owned = owned;
    return PEMN_OK;
}

/* Restore all tensors and compute their digests, of two at once where that is faster. */
static int restore_all(pemn_file *f, void *const *buffers, char *error)
{
    size_t most = f->use->sha256_two == NULL ? 1 : 2, i = 0, k;
    digesting two[2];
    int status = PEMN_OK;
    memset(two, 0, sizeof two);
    for (;;) {
        for (k = 0; k < most; k++)
            while (status == PEMN_OK && two[k].t == NULL && i < f->tensor_count)
                status = begin_tensor(f, i++, buffers, &two[k], error);
        if (status != PEMN_OK || (two[0].t == NULL && two[1].t == NULL))
            break;
        k = two[0].t == NULL;
        if (two[0].t != NULL && two[1].t != NULL) {
            size_t bytes;
            k = two[1].left < two[0].left;
            bytes = two[k].left / 64 * 64;
            f->use->sha256_two(two[0].hash.state, two[0].at, two[1].hash.state, two[1].at,
                               bytes / 64);
            for (size_t j = 0; j < 2; j++) {
                two[j].hash.size += bytes;
                two[j].at += bytes;
                two[j].left -= bytes;
            }
        }
        {
            const tensor *t = two[k].t;
            status = name_error(end_digest(&two[k], error), t, error);
        }
    }
    free(two[0].owned);
    free(two[1].owned);
    return status;
}

static int check_all(pemn_file *file, void *const *buffers, char *error)
{
    uint8_t digest[32], size[2];
    sha256 hash;
    size_t i;
    int status = PEMN_OK;
    for (i = 0; status == PEMN_OK && i < file->section_count; i++)
        status = check_section(file, &file->sections[i], error);
    if (status == PEMN_OK)
        status = check_source(file, error);
    if (status == PEMN_OK)
        status = restore_all(file, buffers, error);
    if (status != PEMN_OK)
        return status;
    hash = sha256_make(file->use);
    for (i = 0; i < file->tensor_count; i++) {
        const tensor *t = &file->tensors[file->by_name[i]];
        save(size, t->name.size, 2);
        sha256_add(&hash, size, 2);
        sha256_add(&hash, t->name.at, t->name.size);
        sha256_add(&hash, target_of(file, file->by_name[i])->found, 32);
    }
    sha256_end(&hash, digest);
    if (memcmp(digest, file->restored_sha256, 32) != 0)
        return fail(PEMN_BROKEN, error, "restored tensors: SHA-256 differs");
    return PEMN_OK;
}

int pemn_verify(pemn_file *file, char error[PEMN_ERROR_SIZE])
{
    return file == NULL ? fail(PEMN_CALLER, error, "no file") : check_all(file, NULL, error);
}

int pemn_restore_all(pemn_file *file, void *const *buffers, char error[PEMN_ERROR_SIZE])
{
    size_t i;
    int status;
    if (file == NULL || buffers == NULL)
        return fail(PEMN_CALLER, error, "no file, or no buffers");
    status = check_all(file, buffers, error);
    for (i = 0; status != PEMN_OK && i < file->tensor_count; i++) {
        const tensor *t = &file->tensors[i];
        if (buffers[i] != NULL)
            memset(buffers[i], 0, (size_t)(t->elements * WIDTHS[t->dtype]));
    }
    return status;
}
