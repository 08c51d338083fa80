"""Random erasing of a whole batch at once, on the device where the images are.

Zhong et al., "Random Erasing Data Augmentation", 2020, with the distribution of torchvision's
RandomErasing.
"""

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

AREA = (0.02, 0.33)  # of the rectangle, as a share of the image's, evenly
RATIO = (0.3, 3.3)  # its height / width, evenly in the logarithm
TRIES = 10


@dataclass(frozen=True)
class Erase:
    """Sets a rectangle of an image to 0 with a probability, for normalised images.

    A rectangle that is not lower and narrower than the image is drawn again, up to 10 times in all,
    and then nothing is erased. Where it lies, all places are alike.
    """

    probability: float
    height: int
    width: int

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Return the rectangles of `count` images: int64 (count, 4) of top, left, bottom, right.

        One that erases nothing is empty.
        """

        def uniform(low: float, high: float) -> Tensor:
            drawn = torch.rand(count, TRIES, generator=generator, dtype=torch.float64)
            return low + (high - low) * drawn

        area = self.height * self.width * uniform(*AREA)
        ratio = uniform(log(RATIO[0]), log(RATIO[1])).exp()
        sides = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], 2).round()
        image = torch.tensor([self.height, self.width])
        fits = (sides < image).all(2)
        first = fits.int().argmax(1)  # the first of those that fit
        chosen = sides[torch.arange(count), first]
        place = torch.rand(count, 2, generator=generator, dtype=torch.float64)
        start = (place * (image - chosen + 1)).floor()
        erases = torch.rand(count, generator=generator, dtype=torch.float64) < self.probability
        rectangles = torch.cat([start, start + chosen], 1).long()
        return rectangles * (erases & fits.any(1))[:, None]

    def apply(self, images: Tensor, choices: Tensor) -> Tensor:
        """Erase from images (N, C, H, W) by their rows of `choices`, on the images' device."""
        top, left, bottom, right = choices.T[:, :, None]
        rows = torch.arange(images.shape[2], device=images.device)
        columns = torch.arange(images.shape[3], device=images.device)
        inside = ((rows >= top) & (rows < bottom))[:, :, None] & (
            (columns >= left) & (columns < right)
        )[:, None]
        return images.masked_fill(inside[:, None], 0)
