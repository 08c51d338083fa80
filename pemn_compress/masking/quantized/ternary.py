"""Ternary: w = alpha x sign(latent) where |latent| is above a threshold, else 0.

Without an entropy term the threshold is 0.7 x mean |latent| and alpha the mean |latent| above it,
which is close to the least squared error (Li et al., "Ternary Weight Networks", 2016, section 2.3).
With one, each weight then goes to the level of least distance^2 + entropy_weight x alpha^2 x bits,
the bits being -log2 of the share of the tensor's weights that have the level by that threshold
(entropy-constrained assignment, as in Marban et al., "Learning Sparse & Ternary Neural Networks
with Entropy-Constrained Trained Ternarization" (EC2T), 2020). Alpha is the mean of what is left.

The assignment is made anew in every pass and not repeated: its own shares would feed on themselves,
and all weights became 0 at once. The two signs count as equally frequent, as the archive stores
them, and at most half of the weights as not 0: of denser ones the code gains by fewer zeros.
"""

import torch
from torch import Tensor

from pemn_compress.masking.quantized.levels import Levels, as_scale, largest, mean
from pemn_compress.masking.rules.pruning import PruningSettings

THRESHOLD = 0.7


def levels(latent: Tensor, mask: Tensor | None, settings: PruningSettings) -> Levels:
    """Return -1, 0 and 1, and alpha. At least one weight of a tensor, or channel, is not 0."""
    size, by_channel = latent.abs(), settings.by_channel
    kept = size > THRESHOLD * mean(size, mask, by_channel=by_channel)
    scale = mean(size, kept, by_channel=by_channel)
    if settings.entropy_weight:
        share = mean(kept.float(), None, by_channel=False).clamp(1 / latent.numel(), 0.5)
        more = torch.log2(2 * (1 - share) / share)  # bits that a sign costs above a 0
        border = scale / 2 * (1 + settings.entropy_weight * more)
        most = 0.999 * largest(size, by_channel=by_channel)
        kept = size > torch.minimum(border, most)
        scale = mean(size, kept, by_channel=by_channel)
    zero = torch.zeros_like(latent)
    return Levels(torch.where(kept, latent.sign(), zero), as_scale(scale))
