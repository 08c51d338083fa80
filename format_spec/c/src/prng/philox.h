/* philox.h - the generator: philox4x32-10. */
#ifndef PEMN_PRNG_PHILOX_H
#define PEMN_PRNG_PHILOX_H

#include "../base/platform.h"

#include <stddef.h>
#include <stdint.h>

#ifdef PEMN_X86
#include <immintrin.h>
#endif

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

static INLINE void philox_lanes(uint64_t seed, uint64_t stream, uint64_t block, uint32_t *words)
{
    philox(seed, stream, block, LANES, words);
}


#ifdef PEMN_X86

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

#endif
