/* blocks.c - SHA-256 of whole blocks, in plain C and with the processor's instructions. */
#include "blocks.h"

#include <string.h>

#ifdef PEMN_X86
#include <immintrin.h>
#endif

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

PEMN_SHARED void pemn_sha256_blocks(uint32_t state[8], const uint8_t *at, size_t count)
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
#define ALL_ROUNDS(does)                                                                           \
    FOUR_TIMES(does, 0) FOUR_TIMES(does, 4) FOUR_TIMES(does, 8) FOUR_TIMES(does, 12)

SHA PEMN_SHARED void pemn_x86_sha256_blocks(uint32_t state[8], const uint8_t *at, size_t count)
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

SHA PEMN_SHARED void pemn_x86_sha256_two(uint32_t a[8], const uint8_t *at, uint32_t b[8],
                                         const uint8_t *bt, size_t count)
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
