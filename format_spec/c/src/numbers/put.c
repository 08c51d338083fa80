/* put.c - a mask is applied, and elements become bytes. */
#include "put.h"

#include "floats.h"

#include <string.h>

#ifdef PEMN_X86
#include <immintrin.h>
#endif

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
            save_float(out + i * width_of_dtype(dtype), values[i], dtype);
}

PEMN_SHARED void pemn_put(uint32_t *values, size_t count, const uint8_t *mask, unsigned dtype,
                          uint8_t *out)
{
    put_values(values, count, mask, dtype, out);
}


#ifdef PEMN_X86

AVX2 PEMN_SHARED void pemn_x86_put(uint32_t *values, size_t count, const uint8_t *mask,
                                   unsigned dtype, uint8_t *out)
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
               out + whole * 8 * width_of_dtype(dtype));
}
#endif
