"""Integers of 8 or 4 bits: w = scale x round(latent / scale), quantisation-aware training.

Symmetric, from -127 to 127 or from -7 to 7, halves to even; the scale is the largest kept |latent|
of the tensor or channel / 127 or 7. Source: Jacob et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 3 (there with a zero
point).
"""

import torch
from torch import Tensor

from pemn_compress.masking.quantized.levels import Levels, as_scale, largest
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.masking.rules.quantizing import LARGEST_INTEGER


def levels(latent: Tensor, mask: Tensor | None, settings: PruningSettings) -> Levels:
    """Return the integers, 0 where the mask is 0, and the scale."""
    assert settings.qat is not None
    top = LARGEST_INTEGER[settings.qat]
    kept = latent if mask is None else torch.where(mask, latent, torch.zeros_like(latent))
    scale = as_scale(largest(kept.abs(), by_channel=settings.by_channel) / top)
    # + 0.0 makes 0.0 of -0.0, which the format has not
    return Levels((kept / scale).round().clamp(-top, top) + 0.0, scale)
