/* choose.c - plain C, or this processor's instructions. */
#include "choose.h"

#include "../hash/blocks.h"
#include "../numbers/put.h"
#include "../numbers/scale.h"
#include "../prng/draw.h"

#ifdef PEMN_X86
#include <cpuid.h>
#endif

PEMN_SHARED const kernels *pemn_choose_kernels(void)
{
    static const kernels plain = {pemn_sha256_blocks, NULL, pemn_draw, pemn_scale, pemn_put};
#ifdef PEMN_X86
    static const kernels x86 = {pemn_x86_sha256_blocks, pemn_x86_sha256_two, pemn_x86_draw,
                                pemn_x86_scale, pemn_x86_put};
    unsigned a, b, c, d;
    if (__builtin_cpu_supports("avx2") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA)
        return &x86;
#endif
    return &plain;
}
