/* normal16.h - the table of 65,536 quantiles of the normal distribution. */
#ifndef PEMN_PRNG_NORMAL16_H
#define PEMN_PRNG_NORMAL16_H

#include "../base/kernels.h"
#include "../base/platform.h"

#define TABLE_HALF 32768

/* Make the table, and check that its upper half is the right one. The caller frees *table. */
PEMN_SHARED int pemn_make_table(const kernels *use, uint32_t **table, char *error);

#endif
