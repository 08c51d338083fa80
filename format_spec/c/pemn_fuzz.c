/* pemn_fuzz.c - whatever the bytes, opening and verifying must neither crash nor run away.
 *
 * With -DPEMN_FUZZ_FIX_DIGESTS the header digest is made right first, so that mutations reach what
 * lies behind it. With -DPEMN_FUZZ_ALONE there is a main() that mutates the files it is given, for
 * compilers without libFuzzer: pemn-fuzz ROUNDS FILE...
 */
#include "pemn.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Make the digests right that can be: the header's, and with a raw manifest the sections' too. */
static void fix_digests(uint8_t *data, size_t size)
{
    sha256 hash;
    uint64_t stored;
    if (size < HEADER_BYTES)
        return;
    save(data + 16, size, 8);
    stored = load(data + 40, 4);
    if (stored > size - HEADER_BYTES)
        return;
    if (load(data + 48, 4) == 0) {
        uint64_t end = HEADER_BYTES + stored;
        uint8_t *text = data + HEADER_BYTES;
        size_t at, i;
        save(data + 44, stored, 4);
        /* each section record, in canonical order: {"bytes":N,"critical":B,"name":"...","sha256" */
        for (at = 0; at + 90 < stored; at++) {
            uint64_t bytes = 0, start = (end + 63) / 64 * 64;
            uint8_t digest[32];
            size_t from = at + 9;
            if (memcmp(text + at, "{\"bytes\":", 9) != 0)
                continue;
            while (from < stored && text[from] >= '0' && text[from] <= '9' && bytes < 1 << 24)
                bytes = bytes * 10 + (uint64_t)(text[from++] - '0');
            if (from + 12 > stored || memcmp(text + from, ",\"critical\":", 12) != 0)
                continue;
            while (from + 75 < stored && memcmp(text + from, "\"sha256\":\"", 10) != 0)
                from++;
            if (from + 75 >= stored || start > size || bytes > size - start)
                break;
            sha256_of(choose_kernels(), data + start, (size_t)bytes, digest);
            for (i = 0; i < 64; i++)
                text[from + 10 + i] =
                    (uint8_t) "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
            end = start + bytes;
            at = from;
        }
    }
    hash = sha256_make(choose_kernels());
    sha256_add(&hash, data, FIELD_BYTES);
    sha256_add(&hash, data + HEADER_BYTES, (size_t)stored);
    sha256_end(&hash, data + FIELD_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pemn_limits limits;
    pemn_file *file = NULL;
    char error[PEMN_ERROR_SIZE];
    uint8_t *copy = malloc(size == 0 ? 1 : size); /* of the exact size, for the sanitizer */
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
#ifdef PEMN_FUZZ_FIX_DIGESTS
    fix_digests(copy, size);
#else
    (void)fix_digests;
#endif
    limits.max_weights = 1 << 16;
    limits.max_bytes = 1 << 18;
    limits.max_manifest_bytes = 1 << 16;
    limits.max_file_bytes = 1 << 20;
    if (pemn_open_memory(copy, size, &limits, &file, error) == PEMN_OK) {
        size_t i;
        (void)pemn_verify(file, error);
        for (i = 0; i < pemn_tensor_count(file); i++) { /* what a wrong digest would hide */
            uint8_t digest[32];
            (void)pemn_tensor_sha256(file, i, digest, error);
        }
        for (i = 0; i < file->section_count; i++)
            file->sections[i].checked = 1;
        for (i = 0; i < pemn_tensor_count(file) && i < 64; i++) {
            pemn_tensor info;
            uint8_t *buffer;
            (void)pemn_tensor_info(file, i, &info);
            if (pemn_find(file, info.name) != i)
                abort();
            if ((buffer = malloc((size_t)info.bytes)) != NULL)
                (void)pemn_restore(file, i, buffer, (size_t)info.bytes, error);
            free(buffer);
        }
        pemn_close(file);
    } else if (file != NULL || strlen(error) >= PEMN_ERROR_SIZE) {
        abort();
    }
    free(copy);
    return 0;
}

#ifdef PEMN_FUZZ_ALONE
int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, round, count = 0;
    int i;
    for (i = 2; i < argc; i++) {
        FILE *stream = fopen(argv[i], "rb");
        static uint8_t good[1 << 16], bad[1 << 16];
        size_t size = stream == NULL ? 0 : fread(good, 1, sizeof good, stream);
        generator g = make_generator((uint64_t)i, 0);
        if (stream == NULL || fclose(stream) != 0 || size == 0)
            return 2;
        for (round = 0; round < rounds; round++) {
            uint64_t next = round * 64;
            uint32_t changes = 1 + word_at(&g, next++) % 6;
            size_t length = size;
            memcpy(bad, good, size);
            while (changes-- > 0) {
                uint32_t what = word_at(&g, next++), where = word_at(&g, next++);
                uint32_t with = word_at(&g, next++);
                if (what % 8 < 3)
                    bad[where % length] = (uint8_t)(bad[where % length] ^ 1u << with % 8);
                else if (what % 8 < 6)
                    bad[where % length] = (uint8_t)(with & 0xff);
                else if (what % 8 == 6)
                    memmove(bad + where % length, bad + with % length,
                            length - (where % length > with % length ? where % length
                                                                     : with % length));
                else
                    length = what % 64 == 7 ? 1 + where % length : length;
            }
            (void)LLVMFuzzerTestOneInput(bad, length);
            count++;
        }
    }
    (void)printf("%llu inputs\n", (unsigned long long)count);
    return 0;
}
#endif
