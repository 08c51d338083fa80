/* pemn_fuzz.c - whatever the bytes, opening and verifying must neither crash nor run away.
 *
 * Inputs are mutated in two ways: bytes anywhere, and fields of the manifest. For the second an
 * archive is taken apart; numbers, words, digits and payloads change; it is put together again with
 * sections in their places. With -DPEMN_FUZZ_FIX_DIGESTS the digests, the sizes of the manifest and
 * the header's sums are made right before each run, so that mutations reach what lies behind them.
 *
 * With -DPEMN_FUZZ_ALONE there is a main() that mutates the files it is given, for compilers without
 * libFuzzer: pemn-fuzz ROUNDS FILE...
 */
#include "fuzz/digests.h"
#include "fuzz/mutate.h"
#include "pemn.h"
#include "src/container/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        for (i = 0; i < file->manifest.section_count; i++)
            file->manifest.sections[i].checked = 1;
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
        static uint8_t good[MOST_BYTES], bad[MOST_BYTES];
        size_t size = stream == NULL ? 0 : fread(good, 1, sizeof good, stream);
        if (stream == NULL || fclose(stream) != 0 || size == 0)
            return 2;
        for (round = 0; round < rounds; round++) {
            memcpy(bad, good, size);
            (void)LLVMFuzzerTestOneInput(
                bad, LLVMFuzzerCustomMutator(bad, size, MOST_BYTES,
                                             (unsigned)((uint64_t)i << 24 ^ round)));
            count++;
        }
    }
    (void)printf("%llu inputs\n", (unsigned long long)count);
    return 0;
}
#endif
