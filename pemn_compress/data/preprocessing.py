"""What is done to images before a model sees them: resizing, cropping at the centre, normalising.

The steps are torchvision's, in that order; PREPROCESSINGS, at the bottom, lists the usual ones.
"""

from dataclasses import dataclass, replace
from typing import Any

from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from pemn_compress.data.numbers import finite, whole
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError, SettingError, UnknownNameError

INTERPOLATIONS = ("bilinear", "bicubic", "nearest")
LARGEST_SIDE = 16384
LARGEST_PIXELS = 1 << 28


@dataclass(frozen=True)
class Preprocessing:
    """Steps for images; None leaves a step out, or its numbers as they are.

    `resize` is the shorter side in pixels afterwards (torchvision's Resize with antialiasing, by
    `interpolation`), `center_crop` the side of the square that is cut out of the middle. `mean` and
    `std` are per channel, in units of pixel values in [0, 1]: (pixel / 255 - mean) / std.

    Numbers may be numpy's or torch's. Raises SettingError for those out of range.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    resize: int | None = None
    center_crop: int | None = None
    interpolation: str | None = None

    def __post_init__(self) -> None:
        for key in ("resize", "center_crop"):
            value = getattr(self, key)
            if value is not None:
                name = key.replace("_", " ")
                object.__setattr__(self, key, whole(name, value, 1, LARGEST_SIDE))
        for key in ("mean", "std"):
            if getattr(self, key) is not None:
                object.__setattr__(self, key, finite(key, getattr(self, key)))
        if self.interpolation is not None and self.interpolation not in INTERPOLATIONS:
            raise UnknownNameError("interpolation", str(self.interpolation), INTERPOLATIONS)
        if self.std is not None and not all(value > 0 for value in self.std):
            raise SettingError(f"std: expected numbers above 0, got {list(self.std)}")
        if self.mean is not None and self.std is not None and len(self.mean) != len(self.std):
            raise SettingError(
                f"mean and std: expected as many of one as of the other, got {len(self.mean)} and "
                f"{len(self.std)}"
            )
        if self.resize and self.center_crop and self.center_crop > self.resize:
            raise SettingError(
                f"center crop: expected at most the {self.resize} pixels of the resize, "
                f"got {self.center_crop}"
            )
        if self.interpolation is not None and self.resize is None:
            raise SettingError(f"interpolation {self.interpolation}: expected a resize, got none")

    @property
    def changes_size(self) -> bool:
        """Whether it has a step that changes an image's height or width."""
        return self.resize is not None or self.center_crop is not None

    def check_size(self, width: int, height: int) -> None:
        """Refuse an image that the crop does not lie in, or that resizing would blow up.

        Raises DataError.
        """
        shorter, longer = sorted((width, height))
        if self.resize is not None:
            if longer * self.resize**2 > LARGEST_PIXELS * shorter:
                raise DataError(
                    f"an image of {width} x {height} pixels: expected one that resizing to "
                    f"{self.resize} leaves below {LARGEST_PIXELS:,} pixels"
                )
        elif self.center_crop is not None and shorter < self.center_crop:
            raise DataError(
                f"an image of {width} x {height} pixels: expected one of {self.center_crop} or "
                "more to cut out of; give a resize, too"
            )

    def sized(self, image: Any) -> Any:
        """Return a Pillow image, or an image (..., H, W), resized and cropped."""
        from torchvision.transforms import v2

        width, height = image.size if isinstance(image, Image.Image) else image.shape[:-3:-1]
        self.check_size(width, height)
        if self.resize is not None:
            mode = v2.InterpolationMode(self.interpolation or "bilinear")
            image = v2.functional.resize(image, [self.resize], interpolation=mode, antialias=True)
        if self.center_crop is not None:
            image = v2.functional.center_crop(image, [self.center_crop, self.center_crop])
        return image


class _Sized(Dataset[tuple[Tensor, int]]):
    """Images in memory, resized and cropped when they are asked for."""

    def __init__(self, split: Split, preprocessing: Preprocessing) -> None:
        assert split.inputs is not None
        assert split.targets is not None
        self.images, self.labels, self.preprocessing = split.inputs, split.targets, preprocessing

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.preprocessing.sized(self.images[index]), int(self.labels[index])


def preprocessed(data: Data, preprocessing: Preprocessing) -> Data:
    """Return images with the statistics of a Preprocessing, and those in memory with its sizes.

    Images that are read from files have their size already: `load_data` takes it.

    Raises DataError for data that are no images, SettingError for statistics of other channels.
    """
    mean, std = preprocessing.mean, preprocessing.std
    if not data.is_image:
        if preprocessing == Preprocessing():
            return data
        raise DataError(
            f"data {data.name!r}: expected images to resize or normalise, got inputs that are "
            "passed on as they are"
        )
    for key, values in (("mean", mean), ("std", std)):
        if values is not None and len(values) != data.input_shape[0]:
            raise SettingError(
                f"{key}: expected {data.input_shape[0]} numbers, one for each channel of data "
                f"{data.name!r}, got {len(values)}"
            )
    data = replace(
        data, mean=data.mean if mean is None else mean, std=data.std if std is None else std
    )
    if not preprocessing.changes_size or data.test.inputs is None:
        return data
    train = data.train
    if train is not None and train.inputs is not None:
        train = Split(dataset=_Sized(train, preprocessing), origin=train.origin)
    shape = preprocessing.sized(data.test.inputs[0]).shape
    test = Split(dataset=_Sized(data.test, preprocessing), origin=data.test.origin)
    return replace(data, train=train, test=test, input_shape=tuple(shape))


CIFAR_STATISTICS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
}
IMAGENET_STATISTICS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

# What torchvision's first ImageNet weights, and the papers' CIFAR networks, were trained with.
PREPROCESSINGS = {
    "imagenet": Preprocessing(*IMAGENET_STATISTICS, resize=256, center_crop=224),
    **{name: Preprocessing(*statistics) for name, statistics in CIFAR_STATISTICS.items()},
}


def preprocessing_of(name: str | None, **changes: Any) -> Preprocessing:
    """Return one of PREPROCESSINGS, or none of its steps, with every change that is not None.

    Raises UnknownNameError, SettingError for changes out of range.
    """
    if name is not None and name not in PREPROCESSINGS:
        raise UnknownNameError("preprocessing", name, PREPROCESSINGS)
    start = Preprocessing() if name is None else PREPROCESSINGS[name]
    return replace(start, **{key: value for key, value in changes.items() if value is not None})
