"""What a network of masked random weights costs, in bytes, and what pruning would cost instead.

Three columns that are never mixed:

- paper: the formula of [PEMN] section 4.3.1. C_w: the prototype's values in fp32. C_m: one bit per
  masked weight. The paper counts neither the dense parameters nor the file around it: None here.
- stored: the bytes of a file that exists. Without a file it is an expectation, and says so.
- limit: what information theory allows: log2 C(n, ones) bits for a mask of n weights.

The rival is pruning: trained values at the same tensors, in the same container, with the same mask
codecs and the same dense parameters. [PEMN] "Parameter-Efficient Masking Networks", NeurIPS 2022.
"""

from pemn_compress.accounting.costs import (
    FP32_BYTES,
    SEED_BYTES,
    Account,
    Cost,
    MaskSize,
    archive_account,
    plan_account,
)
from pemn_compress.accounting.mask_sizes import expected_mask_bytes, mask_limit_bits
from pemn_compress.accounting.pruning import (
    SPARSITIES,
    VALUE_BYTES,
    Baseline,
    baselines,
    equal_bytes,
)

__all__ = [
    "FP32_BYTES",
    "SEED_BYTES",
    "SPARSITIES",
    "VALUE_BYTES",
    "Account",
    "Baseline",
    "Cost",
    "MaskSize",
    "archive_account",
    "baselines",
    "equal_bytes",
    "expected_mask_bytes",
    "mask_limit_bits",
    "plan_account",
]
