"""A model that normalises images itself, by what its archive records."""

from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.data.normalizing import columns, normalized
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format.archive import Archive
from pemn_compress.format.arrays.claims import read_claims


class Preprocessed(nn.Module):
    """A model of normalised images that takes images as they are, and normalises them itself.

    Images are uint8 of 0 to 255, or floats of 0 to 1: (N, channels, height, width).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.model = model
        found = columns((mean, std), torch.device("cpu"))
        assert found is not None
        self.register_buffer("mean", found[0])
        self.register_buffer("std", found[1])
        floating = [p.dtype for p in model.parameters() if p.dtype.is_floating_point]
        self._dtype = floating[0] if floating else torch.float32

    def forward(self, images: Tensor) -> Any:
        """Return the model's outputs."""
        if images.dtype == torch.uint8:
            images = normalized(images, (self.mean, self.std))
        else:
            images = (images.to(torch.float32) - self.mean) / self.std
        return self.model(images.to(self._dtype))


def preprocessed(module: nn.Module, archive: Archive) -> nn.Module:
    """Return a restored model with its archive's preprocessing in front.

    Raises ModelError for an archive that records none, ArchiveError for one that makes no sense.
    """
    claims = read_claims(archive.manifest.about, archive.name)
    if not claims.mean:
        raise ModelError(
            f"{archive.name}: records no mean and std of its inputs (about, input), so there is no "
            "preprocessing to put into a program; leave --with-preprocessing "
            "(with_preprocessing=True) out"
        )
    return Preprocessed(module, claims.mean, claims.std).eval()


def check_images(dtype: torch.dtype) -> None:
    """Refuse types that images do not come in. Raises SettingError."""
    if dtype != torch.uint8 and not dtype.is_floating_point:
        raise SettingError(
            "input_dtype (--input-dtype): expected uint8 (0 to 255) or a floating-point type "
            f"(0 to 1) for images that the program normalises, got {str(dtype)[6:]}"
        )
