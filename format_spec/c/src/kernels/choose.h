/* choose.h - which kernels this processor has. */
#ifndef PEMN_KERNELS_CHOOSE_H
#define PEMN_KERNELS_CHOOSE_H

#include "../base/kernels.h"
#include "../base/platform.h"

PEMN_SHARED const kernels *pemn_choose_kernels(void);

#endif
