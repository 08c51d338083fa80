"""Augmentations by the names the papers' recipes use: thin wrappers over torchvision's transforms.

An augmentation is written `name[:value[:value]]`; AUGMENTATIONS, at the bottom, lists them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pemn_compress.data.erasing import Erase
from pemn_compress.data.numbers import whole
from pemn_compress.errors import SettingError, UnknownNameError

ImageTransform = Callable[[Tensor], Tensor]
ERASE = "erase"  # which comes after normalisation, and for a whole batch at once


@dataclass(frozen=True)
class CropFlip:
    """Random crop after zero padding, random horizontal flip, or both, for a whole batch at once.

    A long run's time goes into these two, and one image at a time they cost more than the network.
    """

    padding: int
    flip: bool

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Return the random choices for `count` images: int64 (count, 3) of top, left, mirrored."""
        offsets = torch.randint(0, 2 * self.padding + 1, (count, 2), generator=generator)
        mirrored = torch.randint(0, 1 + self.flip, (count, 1), generator=generator)
        return torch.cat([offsets, mirrored], dim=1)

    def apply(self, images: Tensor, choices: Tensor) -> Tensor:
        """Crop and mirror images (N, C, H, W) by their rows of `choices`, on the images' device."""
        height, width = images.shape[2:]
        if self.padding:
            padded = functional.pad(images, (self.padding,) * 4)
            # Every possible crop as a view, of which each image then takes one: one copy in all.
            windows = padded.unfold(2, height, 1).unfold(3, width, 1)
            each = torch.arange(len(images), device=images.device)
            images = windows[each, :, choices[:, 0], choices[:, 1]]
        if self.flip:
            images = torch.where(choices[:, 2, None, None, None] == 1, images.flip(3), images)
        return images


@dataclass(frozen=True)
class Augment:
    """What `parse_augment` returns: the transforms of one sample, and their batched equal.

    `image` takes and returns one uint8 image (C, H, W). `batched` does what `image` does to a batch
    and is there when `image` is made of crop and flip alone; `normalized` works on a batch after
    normalisation. A part that is None changes nothing. The random choices of `image` come from
    torch's global CPU generator, those of the other two are drawn for all samples of an epoch.
    """

    names: tuple[str, ...]
    image: ImageTransform | None
    normalized: Erase | None
    batched: CropFlip | None


@dataclass(frozen=True)
class Value:
    """One number after a colon: its name, and the closed range it lies in (`low` may be open)."""

    name: str
    low: float
    high: float
    whole: bool = False
    low_is_open: bool = False

    def expected(self) -> str:
        """Say in words which numbers are allowed."""
        kind = "a whole number" if self.whole else "a number"
        start = "above" if self.low_is_open else "from"
        return f"{self.name} {kind} {start} {self.low:g} to {self.high:g}"

    def parse(self, text: str) -> float | None:
        """Return the number, or None when `text` is not one or is outside the range."""
        try:
            number = int(text) if self.whole else float(text)
        except ValueError:
            return None
        above = self.low < number if self.low_is_open else self.low <= number
        return number if above and number <= self.high else None


@dataclass(frozen=True)
class Augmentation:
    """One entry of the registry: its values, and what builds it from them and (height, width).

    `build` None is for what works on batches alone.
    """

    values: tuple[Value, ...]
    build: Callable[[tuple[float, ...], tuple[int, int]], ImageTransform] | None
    colour: bool = False


class _Chain:
    """Transforms one after another; a class and not a closure, so that workers can unpickle it."""

    def __init__(self, steps: Sequence[ImageTransform]) -> None:
        self.steps = tuple(steps)

    def __call__(self, image: Tensor) -> Tensor:
        for step in self.steps:
            image = step(image)
        return image


def parse_augment(
    items: Sequence[str] | str, *, image_size: int | tuple[int, int], channels: int = 3
) -> Augment:
    """Build the augmentations of `items`, in that order, for images of one size in pixels.

    `image_size` is (height, width), or one number for both. Those on the normalised image come
    last wherever they stand in `items`.

    Raises UnknownNameError for a name that is not registered and SettingError for a wrong number
    of values, a value out of range, a name given twice, or a colour augmentation of images that
    have neither 1 nor 3 channels.
    """
    if isinstance(items, str):  # as the command line has them
        items = items.split(",")
    size = _height_and_width(image_size)
    channels = whole("channels", channels, 1)
    chosen: dict[str, tuple[float, ...]] = {}
    steps: list[ImageTransform] = []
    for item in items:
        name, colon, rest = item.partition(":")
        if name not in AUGMENTATIONS:
            raise UnknownNameError("augmentation", name, AUGMENTATIONS)
        if name in chosen:
            raise SettingError(f"augmentation {name!r}: expected once, got it twice")
        entry = AUGMENTATIONS[name]
        if entry.colour and channels not in (1, 3):
            raise SettingError(
                f"augmentation {name!r}: expected images of 1 or 3 channels, got {channels}"
            )
        chosen[name] = _parse_values(item, name, entry.values, rest.split(":") if colon else [])
        if entry.build is not None:
            steps.append(entry.build(chosen[name], size))
    batched = None
    on_image = set(chosen) - {ERASE}
    if on_image and on_image <= {"crop", "flip"}:
        padding = int(chosen["crop"][0]) if "crop" in chosen else 0
        batched = CropFlip(padding=padding, flip="flip" in chosen)
    return Augment(
        names=tuple(items),
        image=_Chain(steps) if on_image else None,
        normalized=Erase(chosen[ERASE][0], *size) if ERASE in chosen else None,
        batched=batched,
    )


def _height_and_width(image_size: int | tuple[int, int]) -> tuple[int, int]:
    sides = tuple(image_size) if isinstance(image_size, Sequence) else (image_size, image_size)
    if len(sides) != 2:
        raise SettingError(f"image size: expected height and width, got {len(sides)} numbers")
    height, width = (whole("image size", side, 1) for side in sides)
    return height, width


def _parse_values(
    item: str, name: str, values: tuple[Value, ...], texts: Sequence[str]
) -> tuple[float, ...]:
    numbers = [value.parse(text) for value, text in zip(values, texts, strict=False)]
    parsed = tuple(number for number in numbers if number is not None)
    if not len(parsed) == len(values) == len(texts):
        form = ":".join([name, *(value.name for value in values)])
        ranges = "".join(f", {value.expected()}" for value in values)
        raise SettingError(f"augmentation {name!r}: expected {form}{ranges}, got {item!r}")
    return parsed


def _v2(name: str, *args: object, **settings: object) -> ImageTransform:
    # torchvision takes a second to import, and a run without augmentation does not need it.
    from torchvision.transforms import v2

    transform: ImageTransform = getattr(v2, name)(*args, **settings)
    return transform


AUGMENTATIONS: dict[str, Augmentation] = {
    "crop": Augmentation(
        (Value("PADDING", 1, 1024, whole=True),),
        lambda values, size: _v2("RandomCrop", size, padding=int(values[0])),
    ),
    "resized-crop": Augmentation(
        (Value("SMALLEST_AREA", 0, 1, low_is_open=True),),
        # Of the image's own proportions: another crop, resized to the image's, would be distorted.
        lambda values, size: _v2(
            "RandomResizedCrop",
            size,
            scale=(values[0], 1.0),
            ratio=(size[1] / size[0],) * 2,
            antialias=True,
        ),
    ),
    "flip": Augmentation((), lambda values, size: _v2("RandomHorizontalFlip")),
    "rand-augment": Augmentation(
        (Value("OPERATIONS", 1, 16, whole=True), Value("MAGNITUDE", 0, 30, whole=True)),
        lambda values, size: _v2("RandAugment", int(values[0]), int(values[1])),
        colour=True,
    ),
    # Brightness, contrast and saturation; on one channel torchvision leaves saturation out.
    "color-jitter": Augmentation(
        (Value("STRENGTH", 0, 1),),
        lambda values, size: _v2("ColorJitter", values[0], values[0], values[0]),
        colour=True,
    ),
    ERASE: Augmentation((Value("PROBABILITY", 0, 1),), None),
}
