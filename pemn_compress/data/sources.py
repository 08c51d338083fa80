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

import numpy as np

from pemn_compress.data.downloading import one_at_a_time
from pemn_compress.data.folder import load_folder
from pemn_compress.data.npz import image_data, load_npz
from pemn_compress.data.numbers import whole
from pemn_compress.data.own import from_model_file
from pemn_compress.data.places import meant
from pemn_compress.data.preprocessing import (
    CIFAR_STATISTICS,
    LARGEST_SIDE,
    Preprocessing,
    preprocessed,
)
from pemn_compress.data.samples import Data, Split
from pemn_compress.data.text import CONTEXT, LARGEST_CONTEXT, load_text
from pemn_compress.errors import DataError, SettingError, UnknownNameError, install

__all__ = ["DATASETS", "Data", "Split", "from_model_file", "load_data"]


@dataclass(frozen=True)
class Request:
    """What a loader is asked for: the whole specification, its part after the colon, and where."""

    spec: str
    path: Path
    data_dir: Path
    download: bool
    need_train: bool
    sizes: Preprocessing | None
    context: int


def load_data(
    spec: str,
    *,
    data_dir: Path,
    download: bool = False,
    train_limit: int | None = None,
    test_limit: int | None = None,
    image_size: int | None = None,
    preprocessing: Preprocessing | None = None,
    need_train: bool = True,
    context: int | None = None,
) -> Data:
    """Load the data that `spec` names, one of DATASETS.

    digits is scikit-learn's 8x8 images; of every five of a class, in their order, the third is for
    testing.
    cifar10 and cifar100 are read from `data_dir`, and fetched into it only with `download`.
    folder:PATH holds train and test (or val) folders of one folder per class; images are read when
    they are needed, resized on their shorter side to `image_size` pixels and cropped at the centre.
    By default that is the first training image's size if it is square, and 224 if it is not. Its
    samples take turns between the classes, so that the first N are spread over all of them.
    npz:PATH holds x_train, y_train, x_test and y_test, and may hold the names of the `classes`:
    x is uint8 (N, H, W), (N, H, W, C) if the last axis is 1, 3 or 4 long, otherwise (N, C, H, W).
    text:PATH and chars:PATH are a plain text, byte by byte or character by character, cut into
    pieces of `context` tokens (128), each with the tokens that follow; the last tenth is for tests.
    docs/data.md tells more of all.

    `train_limit` and `test_limit` take the first N samples, or all of them where there are fewer;
    mean and std are always those of the whole training split, unless `preprocessing` names others.
    Its steps replace the resizing. Without `need_train` the training part may be missing, as where
    only the test part will be used.

    Raises UnknownNameError for a name that is not registered, SettingError for a limit or an image
    size below 1 or a size for data that has one, and DataError for data that is missing or
    malformed.
    """
    name, colon, path = spec.partition(":") if isinstance(spec, str) else ("", "", "")
    if name not in DATASETS or bool(colon) != (name in PATH_HINTS):
        hints = (name + PATH_HINTS.get(name, "") for name in DATASETS)
        place = None if name in DATASETS else meant(path if colon else str(spec))
        raise UnknownNameError("data set", str(spec), hints, also=[place] if place else [])
    if colon and not path:
        raise DataError(f"data set {spec!r}: expected {name}{PATH_HINTS[name]}, got no path")
    steps = preprocessing or Preprocessing()
    sizes = steps if steps.changes_size else None
    if image_size is not None:
        if name != "folder":
            raise SettingError(f"image size: expected none for {spec}, whose size is fixed")
        if sizes is not None:
            raise SettingError("image size: expected none beside a resize or a center crop")
        size = whole("image size", image_size, 1, LARGEST_SIDE)
        sizes = Preprocessing(resize=size, center_crop=size)
    if context is not None and name not in ("text", "chars"):
        raise SettingError(f"context: expected none for {spec}, which is no text")
    context = whole("context", CONTEXT if context is None else context, 2, LARGEST_CONTEXT)
    path = os.path.expanduser(path)
    spec = spec.encode("utf-8", "backslashreplace").decode()  # a record holds no other bytes
    request = Request(spec, Path(path), Path(data_dir), download, need_train, sizes, context)
    data = DATASETS[name](request).limited(train_limit, test_limit)
    return preprocessed(data, steps)


def _load_digits(request: Request) -> Data:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            f"data set 'digits': expected scikit-learn to be installed: {install('digits')}"
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
    alone = one_at_a_time(request.data_dir, request.download)
    try:
        # torchvision reports on stdout, where the caller's own output goes; and its old pickles
        # make newer numpy warn of nothing that a user could change.
        with alone, contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train = kind(request.data_dir, train=True, download=request.download)
            test = kind(request.data_dir, train=False)
    except Exception as error:  # what a damaged copy raises is of many kinds
        where = f"data set {request.spec!r}: {request.data_dir}"
        if not request.download:
            raise DataError(
                f"{where}: expected a complete copy, got none; pass --data-dir with the folder "
                "that has one, or --download to fetch it"
            ) from error
        got = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{where}: cannot download: {got}") from error
    return image_data(
        request.spec,
        (train.data.transpose(0, 3, 1, 2), np.asarray(train.targets, dtype=np.int64)),
        (test.data.transpose(0, 3, 1, 2), np.asarray(test.targets, dtype=np.int64)),
        classes=len(train.classes),
        class_names=tuple(train.classes),
        statistics=CIFAR_STATISTICS[request.spec],
    )


def _load_folder(request: Request) -> Data:
    return load_folder(
        request.path, name=request.spec, steps=request.sizes, need_train=request.need_train
    )


# Every loader by its name; those that take a path after a colon say what it leads to.
DATASETS: dict[str, Callable[[Request], Data]] = {
    "digits": _load_digits,
    "cifar10": _load_cifar,
    "cifar100": _load_cifar,
    "folder": _load_folder,
    "text": lambda request: load_text(request.path, name=request.spec, context=request.context),
    "chars": lambda request: load_text(
        request.path, name=request.spec, context=request.context, by_character=True
    ),
    "npz": lambda request: load_npz(request.path, name=request.spec, need_train=request.need_train),
}
PATH_HINTS = dict.fromkeys(("folder", "npz", "text", "chars"), ":PATH")
NAMES = ", ".join(name + PATH_HINTS.get(name, "") for name in DATASETS)
