/* normal16.c - the one place where floats are computed; a digest says whether they are right. */
#include "normal16.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../hash/sha256.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
                                4.2313330701600911252e+1,
                                6.8718700749205790830e+2,
                                5.3941960214247511077e+3,
                                2.1213794301586595867e+4,
                                3.9307895800092710610e+4,
                                2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    double q = p - 0.5, r;
    if (q <= 0.425) {
        r = 0.180625 - q * q;
        return q * polynomial(a, 7, r) / polynomial(b, 7, r);
    }
    r = sqrt(-log(1.0 - p)) - 1.6; /* at most 1.9 for p up to 1 - 2^-17: no farther tail needed */
    return polynomial(c, 7, r) / polynomial(d, 7, r);
}

PEMN_SHARED int pemn_make_table(const kernels *use, uint32_t **table, char *error)
{
    static const uint8_t right[32] = {0x66, 0x21, 0xa1, 0x8f, 0x62, 0x9e, 0x82, 0x39,
                                      0x6c, 0x08, 0x85, 0x01, 0xc1, 0x09, 0x5e, 0xae,
                                      0x46, 0xf6, 0xd8, 0x03, 0x3b, 0x42, 0xdb, 0x7b,
                                      0x41, 0x58, 0xe0, 0xf4, 0xcf, 0x34, 0xa0, 0xce};
    uint8_t digest[32], bytes[4];
    uint32_t bits, *made = pemn_reserve(2 * TABLE_HALF, sizeof *made, error);
    sha256 hash = pemn_sha256_make(use);
    size_t k;
    *table = made;
    if (made == NULL)
        return PEMN_SYSTEM;
    for (k = 0; k < TABLE_HALF; k++) {
        float value = (float)quantile((double)(2 * (k + TABLE_HALF) + 1) / 131072.0);
        memcpy(&bits, &value, 4);
        made[TABLE_HALF + k] = bits;
        made[TABLE_HALF - 1 - k] = bits ^ 0x80000000; /* the lower half is its negative */
        save(bytes, bits, 4);
        pemn_sha256_add(&hash, bytes, 4);
    }
    pemn_sha256_end(&hash, digest);
    if (memcmp(digest, right, 32) == 0)
        return PEMN_OK;
    free(made);
    *table = NULL;
    return pemn_fail(PEMN_SYSTEM, error,
                     "table of normal16: SHA-256 differs; "
                     "is floating point not that of IEEE 754 here?");
}
