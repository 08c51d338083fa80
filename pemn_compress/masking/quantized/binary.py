"""Binary: w = alpha x sign(latent), alpha the mean |latent| of the tensor or of the channel.

Sources: Courbariaux et al., "BinaryConnect", 2015 (latent weights, straight through); Rastegari et
al., "XNOR-Net", 2016, section 3.1 (alpha). Alpha has no gradient, and latent weights are not
clipped.
"""

import torch
from torch import Tensor

from pemn_compress.masking.quantized.levels import Levels, as_scale, mean
from pemn_compress.masking.rules.pruning import PruningSettings


def levels(latent: Tensor, mask: Tensor | None, settings: PruningSettings) -> Levels:
    """Return the signs (0 counts as positive) and alpha."""
    scale = mean(latent.abs(), mask, by_channel=settings.by_channel)
    one = torch.ones_like(latent)
    return Levels(torch.where(latent < 0, -one, one), as_scale(scale))
