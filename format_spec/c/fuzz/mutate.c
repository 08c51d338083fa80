/* mutate.c - mutations of bytes anywhere, and of fields of the manifest. */
#include "mutate.h"

#include "../src/container/file.h"
#include "../src/json/hex.h"
#include "../src/prng/philox.h"
#include "digests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Random words: of the generator, which is at hand. */
typedef struct {
    uint64_t seed, next;
} dice;

static uint32_t roll(dice *d, uint32_t sides)
{
    uint32_t words[4];
    philox(d->seed, 0, d->next++, 1, words);
    return words[0] % sides;
}

/* An archive taken apart: all sizes are those of the parts. */
typedef struct {
    uint8_t text[MOST_BYTES], payload[MOST_BYTES];
    size_t text_size, payload_size; /* payloads of all sections, one after the other */
    size_t sizes[MAX_SECTIONS], sections;
    int compact;
} parts;

static int take_apart(const uint8_t *data, size_t size, parts *p)
{
    pemn_file *f = NULL;
    size_t i;
    int ok = 0;
    if (pemn_open_memory(data, size, NULL, &f, NULL) != PEMN_OK)
        return 0;
    p->text_size = f->manifest.size;
    p->compact = f->manifest.compact;
    p->sections = f->manifest.section_count;
    p->payload_size = 0;
    if (f->manifest.size <= MOST_BYTES && size <= MOST_BYTES) {
        memcpy(p->text, f->manifest.text, f->manifest.size);
        for (i = 0; i < p->text_size; i++) /* names end with a NUL in there */
            p->text[i] = p->text[i] == 0 ? '"' : p->text[i];
        for (i = 0; i < p->sections; i++) {
            p->sizes[i] = (size_t)f->manifest.sections[i].bytes;
            memcpy(p->payload + p->payload_size, data + f->manifest.sections[i].offset,
                   p->sizes[i]);
            p->payload_size += p->sizes[i];
        }
        ok = 1;
    }
    pemn_close(f);
    return ok;
}

/* Put another text in the place of `old` bytes of the manifest. */
static void replace(parts *p, size_t at, size_t old, const char *text)
{
    size_t size = strlen(text);
    if (p->text_size - old + size > MOST_BYTES)
        return;
    memmove(p->text + at + size, p->text + at + old, p->text_size - at - old);
    memcpy(p->text + at, text, size);
    p->text_size = p->text_size - old + size;
}

/* Change one number, word or digit of the manifest, or slip a field in. */
static void change_text(parts *p, dice *d)
{
    static const char *const words[] = {
        "bool",     "u8",        "i8",    "i16",    "i32",        "i64",
        "bf16",     "f16",       "f32",   "f64",    "prototype",  "prototype-sign",
        "stored",   "constant",  "alias", "sign",   "generation", "source",
        "bitmap",   "csr",       "rice",  "raw",    "zstd",       "shuffle-zstd",
        "normal16", "uniform24", "masks", "planes", "dense",      "none",
        "scores",   "archive",   "kind",  "plane",  "width",      "stream",
        "positions", "i4",       "frozen", "flips", "ones",       "null"};
    static const char *const fields[] = {"\"predictor\":{\"kind\":\"none\"},",
                                         "\"predictor\":{\"flips\":1,\"kind\":\"scores\","
                                         "\"ones\":3,\"seed\":\"0000000000000000\","
                                         "\"stream\":\"0000000000000001\"},",
                                         "\"frozen\":{\"count\":2,\"seed\":"
                                         "\"0000000000000000\","
                                         "\"stream\":\"0000000000000001\"},",
                                         "\"plane\":{\"kind\":\"sign\",\"positions\":{\"bytes\":1,"
                                         "\"codec\":\"bitmap\",\"ones\":1}},",
                                         "\"plane\":{\"kind\":\"source\",\"positions\":{\"bytes\":"
                                         "1,\"codec\":\"bitmap\",\"ones\":1},"
                                         "\"width\":3},",
                                         "\"plane\":{\"kind\":\"generation\",\"positions\":{"
                                         "\"bytes\":1,\"codec\":\"rice\",\"ones\":1},"
                                         "\"stream\":\"0000010000000000\",\"width\":8},",
                                         "\"shuffle\":{\"length\":9,\"seed\":\"0000000000000000\","
                                         "\"stream\":\"0000000000000001\"},"};
    static const uint64_t numbers[] = {0,
                                       1,
                                       7,
                                       8,
                                       9,
                                       32,
                                       33,
                                       47,
                                       48,
                                       64,
                                       255,
                                       256,
                                       4096,
                                       65536,
                                       (uint64_t)1 << 32,
                                       (uint64_t)1 << 47,
                                       MAX_ELEMENTS};
    size_t at = roll(d, (uint32_t)p->text_size), end = at;
    char made[32];
    uint8_t c = p->text[at];
    if (roll(d, 16) == 0) { /* the keys after it decide whether the order is right */
        while (at + 2 < p->text_size && memcmp(p->text + at, ",\"", 2) != 0)
            at++;
        replace(p, at + 1, 0, fields[roll(d, sizeof fields / sizeof *fields)]);
        return;
    }
    while (at > 0 && c != '"' && p->text[at - 1] != '"' && strchr(":,[", p->text[at - 1]) == NULL)
        at--;
    if (at == 0)
        return;
    for (end = at; end < p->text_size && strchr("\":,[]{}", p->text[end]) == NULL;)
        end++;
    if (end == at)
        return;
    if (p->text[at] >= '0' && p->text[at] <= '9' && p->text[at - 1] != '"') {
        uint64_t number = strtoull((const char *)p->text + at, NULL, 10);
        uint32_t how = roll(d, 8);
        number = how < 2   ? number + 1
                 : how < 4 ? number - 1
                 : how < 5 ? number * 2
                 : how < 6 ? number / 2
                           : numbers[roll(d, sizeof numbers / sizeof *numbers)];
        (void)snprintf(made, sizeof made, "%llu", (unsigned long long)number);
        replace(p, at, end - at, made);
    } else if (end - at >= 8 && hex_digit(p->text[at]) >= 0) {
        p->text[at + roll(d, (uint32_t)(end - at))] = (uint8_t)"0123456789abcdef"[roll(d, 16)];
    } else {
        replace(p, at, end - at, words[roll(d, sizeof words / sizeof *words)]);
    }
}

/* Change a header of the first zstd frame from `at` on: the frame's own, or that of a block. */
static void change_frame(parts *p, size_t at, dice *d)
{
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    while (at + 16 < p->payload_size && memcmp(p->payload + at, magic, sizeof magic) != 0)
        at++;
    if (at + 16 >= p->payload_size)
        return;
    at += 4 + roll(d, 12); /* headers have up to 14 bytes, and the first block's 3 follow */
    p->payload[at] = (uint8_t)(roll(d, 2) == 0 ? p->payload[at] ^ 1u << roll(d, 8) : roll(d, 256));
}

/* Change bytes of the payloads, or move the end of one section's. */
static void change_payload(parts *p, dice *d)
{
    size_t i = p->sections == 0 ? 0 : roll(d, (uint32_t)p->sections), start = 0, k;
    if (p->payload_size == 0)
        return;
    for (k = 0; k < i; k++)
        start += p->sizes[k];
    if (roll(d, 4) == 0) {
        change_frame(p, start, d);
    } else if (roll(d, 4) > 0) {
        p->payload[start + roll(d, (uint32_t)p->sizes[i])] = (uint8_t)roll(d, 256);
    } else if (roll(d, 2) > 0 && p->payload_size < MOST_BYTES) {
        size_t at = start + p->sizes[i];
        memmove(p->payload + at + 1, p->payload + at, p->payload_size - at);
        p->payload[at] = (uint8_t)roll(d, 4);
        p->sizes[i]++;
        p->payload_size++;
    } else if (p->sizes[i] > 1) {
        size_t at = start + p->sizes[i];
        memmove(p->payload + at - 1, p->payload + at, p->payload_size - at);
        p->sizes[i]--;
        p->payload_size--;
    }
}

/* Write the records' own sizes of sections, in their order. */
static void tell_sizes(parts *p)
{
    size_t at, i = 0;
    char made[32];
    for (at = 0; i < p->sections && at + 90 < p->text_size; at++) {
        size_t end = at + 9;
        if (memcmp(p->text + at, "{\"bytes\":", 9) != 0)
            continue;
        while (end < p->text_size && p->text[end] >= '0' && p->text[end] <= '9')
            end++;
        if (end + 12 > p->text_size || memcmp(p->text + end, ",\"critical\":", 12) != 0)
            continue;
        (void)snprintf(made, sizeof made, "%lu", (unsigned long)p->sizes[i++]);
        replace(p, at + 9, end - at - 9, made);
    }
}

/* Put an archive together, in a manifest that is not compressed, or as a frame of a raw block; 0
 * where there is no room. */
static size_t put_together(const parts *p, uint8_t *data, size_t most)
{
    size_t head = p->compact ? COMPACT_FRAME_BYTES : 0;
    size_t end = HEADER_BYTES + head + p->text_size, from = 0, i;
    if (end > most)
        return 0;
    memcpy(data + HEADER_BYTES + head, p->text, p->text_size);
    if (p->compact) { /* one segment, a size of 4 bytes; the last block, raw */
        save(data + HEADER_BYTES, 0xfd2fb528, 4);
        data[HEADER_BYTES + 4] = 0xa0;
        save(data + HEADER_BYTES + 5, p->text_size, 4);
        save(data + HEADER_BYTES + 9, p->text_size << 3 | 1, 3);
    }
    save(data + 40, head + p->text_size, 4);
    save(data + 44, p->text_size, 4);
    save(data + 48, p->compact ? COMPACT : 0, 4);
    for (i = 0; i < p->sections; i++) {
        size_t start = p->compact ? end : (end + 63) / 64 * 64;
        if (start + p->sizes[i] > most)
            return 0;
        memset(data + end, 0, start - end);
        memcpy(data + start, p->payload + from, p->sizes[i]);
        from += p->sizes[i];
        end = start + p->sizes[i];
    }
    save(data + 16, end, 8);
    return end;
}

static size_t change_bytes(uint8_t *data, size_t size, dice *d)
{
    uint32_t changes = 1 + roll(d, 6);
    while (changes-- > 0) {
        uint32_t what = roll(d, 64), where = roll(d, (uint32_t)size), with = roll(d, 1u << 31);
        size_t from = with % size, last = where > from ? where : from;
        if (what % 8 < 3)
            data[where] = (uint8_t)(data[where] ^ 1u << with % 8);
        else if (what % 8 < 6)
            data[where] = (uint8_t)(with & 0xff);
        else if (what % 8 == 6)
            memmove(data + where, data + from, size - last);
        else
            size = what == 7 ? 1 + where : size;
    }
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    static parts p;
    dice d = {0, 0};
    uint32_t changes;
    size_t made;
    d.seed = seed;
    if (size == 0)
        return 0;
#ifdef PEMN_FUZZ_FIX_DIGESTS
    fix_digests(data, size);
#endif
    if (roll(&d, 4) == 0 || !take_apart(data, size, &p) || p.text_size == 0) {
#ifndef PEMN_FUZZ_ALONE
        if (roll(&d, 2) == 0)
            return LLVMFuzzerMutate(data, size, most);
#endif
        return change_bytes(data, size, &d);
    }
    for (changes = 1 + roll(&d, 3); changes > 0; changes--)
        if (roll(&d, 4) > 0)
            change_text(&p, &d);
        else
            change_payload(&p, &d);
    if (roll(&d, 8) > 0)
        tell_sizes(&p);
    made = put_together(&p, data, most);
    return made == 0 ? size : made;
}
