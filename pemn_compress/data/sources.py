"""Data by name: train and test splits of images, or of whatever a model file brings along.

DATASETS, at the bottom, lists the names. Nothing else in the package imports torchvision.datasets.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pemn_compress.data.npz import image_data, load_npz
from pemn_compress.data.own import from_model_file
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError, SettingError, UnknownNameError

__all__ = ["DATASETS", "Data", "Split", "from_model_file", "load_data"]

CIFAR_STATISTICS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
}
IMAGENET_STATISTICS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Request:
    """What a loader is asked for: the whole specification, its part after the colon, and where."""

    spec: str
    path: Path
    data_dir: Path
    download: bool
    image_size: int | None


def load_data(
    spec: str,
    *,
    data_dir: Path,
    download: bool = False,
    train_limit: int | None = None,
    test_limit: int | None = None,
    image_size: int | None = None,
) -> Data:
    """Load the data that `spec` names: digits, cifar10, cifar100, folder:PATH or npz:PATH.

    digits is scikit-learn's 8x8 images; of every five of a class, in their order, the third is for
    testing.
    cifar10 and cifar100 are read from `data_dir`, and fetched into it only with `download`.
    folder:PATH holds train and test (or val) folders of one folder per class; images are read when
    they are needed, resized on their shorter side to `image_size` pixels and cropped at the centre.
    By default that is the first training image's size if it is square, and 224 if it is not. Its
    samples take turns between the classes, so that the first N are spread over all of them.
    npz:PATH holds x_train, y_train, x_test and y_test, and may hold the names of the `classes`:
    x is uint8 (N, H, W), (N, H, W, C) if the last axis is 1, 3 or 4 long, otherwise (N, C, H, W).

    `train_limit` and `test_limit` take the first N samples, or all of them where there are fewer;
    mean and std are always those of the whole training split.

    Raises UnknownNameError for a name that is not registered, SettingError for a limit or an image
    size below 1 or a size for data that has one, and DataError for data that is missing or
    malformed.
    """
    name, colon, path = spec.partition(":")
    if name not in DATASETS or bool(colon) != (name in PATH_HINTS):
        hints = (name + PATH_HINTS.get(name, "") for name in DATASETS)
        raise UnknownNameError("data set", spec, hints)
    if colon and not path:
        raise DataError(f"data set {spec!r}: expected {name}{PATH_HINTS[name]}, got no path")
    if image_size is not None and name != "folder":
        raise SettingError(f"image size: expected none for {spec}, whose size is fixed")
    if image_size is not None and image_size < 1:
        raise SettingError(f"image size: expected 1 pixel or more, got {image_size}")
    request = Request(spec, Path(path).expanduser(), Path(data_dir), download, image_size)
    return DATASETS[name](request).limited(train_limit, test_limit)


def _load_digits(request: Request) -> Data:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "data set 'digits': expected scikit-learn to be installed: "
            'pip install "pemn-compress[digits]"'
        ) from error
    digits = load_digits()
    labels = digits.target.astype(np.int64)
    # From 0..16 to 0..255, halves up, in integers: no floating point to differ between machines.
    images = ((digits.images.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)[:, None]
    # A rule and not a random generator: the same split with every version of every library.
    is_test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        is_test[np.flatnonzero(labels == label)[2::5]] = True
    return image_data(
        request.spec,
        (images[~is_test], labels[~is_test]),
        (images[is_test], labels[is_test]),
        classes=10,
        class_names=tuple(str(label) for label in range(10)),
    )


def _load_cifar(request: Request) -> Data:
    from torchvision import datasets

    kind = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[request.spec]
    try:
        # torchvision reports on stdout, where the caller's own output goes; and its old pickles
        # make newer numpy warn of nothing that a user could change.
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train = kind(request.data_dir, train=True, download=request.download)
            test = kind(request.data_dir, train=False)
    except (RuntimeError, OSError) as error:
        where = f"data set {request.spec!r}: {request.data_dir}"
        if not request.download:
            raise DataError(
                f"{where}: expected a complete copy, got none; pass --data-dir with the folder "
                "that has one, or --download to fetch it"
            ) from error
        raise DataError(f"{where}: cannot download: {' '.join(str(error).split())}") from error
    return image_data(
        request.spec,
        (train.data.transpose(0, 3, 1, 2), np.asarray(train.targets, dtype=np.int64)),
        (test.data.transpose(0, 3, 1, 2), np.asarray(test.targets, dtype=np.int64)),
        classes=len(train.classes),
        class_names=tuple(train.classes),
        statistics=CIFAR_STATISTICS[request.spec],
    )


def _load_folder(request: Request) -> Data:
    train = _image_folder(request.path / "train")
    has_test = os.path.isdir(request.path / "test")
    test = _image_folder(request.path / ("test" if has_test else "val"))
    if train.classes != test.classes:
        differing = sorted(set(train.classes) ^ set(test.classes))
        raise DataError(
            f"{request.path}: expected the same classes for training and test, "
            f"got {', '.join(differing)} in only one of them"
        )
    size = request.image_size
    if size is None:
        width, height = read_rgb(train.samples[0][0]).size
        size = width if width == height else 224
    from torchvision.transforms import v2

    steps = [v2.Resize(size, antialias=True), v2.CenterCrop(size), v2.PILToTensor()]
    train.transform = test.transform = v2.Compose(steps)
    mean, std = IMAGENET_STATISTICS
    return Data(
        name=request.spec,
        train=Split(dataset=train),
        test=Split(dataset=test),
        classes=len(train.classes),
        class_names=tuple(train.classes),
        input_shape=(3, size, size),
        is_image=True,
        mean=mean,
        std=std,
    )


def _image_folder(root: Path) -> Any:
    """Return torchvision's ImageFolder, its samples taking turns between the classes."""
    from torchvision.datasets import ImageFolder

    if not os.path.isdir(root):
        expected = "train and test (or val) folders" if root.name == "val" else "a folder"
        raise DataError(f"{root}: expected {expected} of one folder per class, got no such folder")
    try:
        folder = ImageFolder(str(root), loader=read_rgb)
    except OSError as error:
        raise DataError(f"{root}: {' '.join(str(error).split())}") from error
    seen = [0] * len(folder.classes)
    turns = []
    for path, label in folder.samples:
        turns.append((seen[label], label, path))
        seen[label] += 1
    folder.samples = folder.imgs = [(path, label) for _, label, path in sorted(turns)]
    folder.targets = [label for _, label in folder.samples]
    return folder


def read_rgb(path: str) -> Image.Image:
    """Read one image file as RGB; raises DataError, with the path, for one that cannot be read."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path}: expected an image, got: {' '.join(str(error).split())}"
        ) from error


# Every loader by its name; those that take a path after a colon say what it leads to.
DATASETS: dict[str, Callable[[Request], Data]] = {
    "digits": _load_digits,
    "cifar10": _load_cifar,
    "cifar100": _load_cifar,
    "folder": _load_folder,
    "npz": lambda request: load_npz(request.path, name=request.spec),
}
PATH_HINTS = {"folder": ":PATH", "npz": ":PATH"}
