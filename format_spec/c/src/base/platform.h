/* platform.h - what depends on the compiler and the processor. */
#ifndef PEMN_BASE_PLATFORM_H
#define PEMN_BASE_PLATFORM_H

#ifndef PEMN_SHARED /* the one file for embedding, where everything is static, says so before */
#if defined(__GNUC__) || defined(__clang__)
#define PEMN_SHARED __attribute__((visibility("hidden")))
#else
#define PEMN_SHARED
#endif
#endif

/* Compilers that know GNU C, on x86-64: the few functions that take the time are compiled twice,
 * and a processor with AVX2 and instructions for SHA-256 uses the second. -DPEMN_PORTABLE: once. */
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__) && !defined(PEMN_PORTABLE)
#define PEMN_X86 1
#define INLINE inline __attribute__((always_inline))
#define AVX2 __attribute__((target("avx2")))
#else
#define INLINE inline
#endif

#if defined(__GNUC__) || defined(__clang__)
#define PRINTF_LIKE __attribute__((format(printf, 3, 4)))
#else
#define PRINTF_LIKE
#endif

#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#define LITTLE_ENDIAN_HERE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#else
#define LITTLE_ENDIAN_HERE 0 /* not known to be: bytes one by one do as well */
#endif

#endif
