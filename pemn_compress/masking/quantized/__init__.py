"""Weights of few levels, rounded in every forward pass: each quantizer is one file, and one line.

A quantizer maps latent weights, the mask of those that are kept (None: all) and the settings to
`Levels`. Nothing but latent weights is trained or kept between steps: no buffers, no moving
statistics. A scale is rounded to bfloat16, in training as in the archive: manifests with many of
them compress better.
"""

from collections.abc import Callable

from torch import Tensor

from pemn_compress.masking.quantized import binary, integers, ternary
from pemn_compress.masking.quantized.levels import Levels
from pemn_compress.masking.rules.pruning import PruningSettings

QUANTIZERS: dict[str, Callable[[Tensor, Tensor | None, PruningSettings], Levels]] = {
    "binary": binary.levels,
    "ternary": ternary.levels,
    "int8": integers.levels,
    "int4": integers.levels,
}
