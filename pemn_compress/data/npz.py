"""Images and labels that are arrays: in memory, or in an .npz file."""

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError

CHANNEL_COUNTS = (1, 3, 4)
Statistics = tuple[tuple[float, ...], tuple[float, ...]]


def image_data(
    name: str,
    train: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
    classes: int,
    class_names: tuple[str, ...] | None,
    statistics: Statistics | None = None,
) -> Data:
    """Build Data from two pairs of uint8 images (N, C, H, W) and int64 labels (N,).

    `statistics` is (mean, std) per channel; None measures the training images.
    """
    splits = [
        Split(torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(y))
        for x, y in (train, test)
    ]
    mean, std = statistics or channel_statistics(train[0])
    return Data(
        name=name,
        train=splits[0],
        test=splits[1],
        classes=classes,
        class_names=class_names,
        input_shape=tuple(train[0].shape[1:]),
        is_image=True,
        mean=mean,
        std=std,
    )


def channel_statistics(images: NDArray[np.uint8]) -> Statistics:
    """Return mean and std of each channel of uint8 (N, C, H, W), pixels in [0, 1], 4 decimals.

    A std that rounds to 0, a constant alpha channel's for one, becomes 1: it is divided by.
    """
    mean, std = [], []
    for channel in range(images.shape[1]):
        # Counts are exact in any order of summation, so that a record is the same everywhere.
        pixels = torch.from_numpy(np.ascontiguousarray(images[:, channel])).flatten()
        counts = torch.bincount(pixels, minlength=256).tolist()
        total = sum(counts)
        first = sum(count * value for value, count in enumerate(counts))
        second = sum(count * value**2 for value, count in enumerate(counts))
        mean.append(round(first / total / 255, 4))
        std.append(round(math.sqrt(second * total - first**2) / total / 255, 4) or 1.0)
    return tuple(mean), tuple(std)


def load_npz(path: Path, *, name: str) -> Data:
    """Read x_train, y_train, x_test, y_test and, if there, the names of the `classes`.

    x is uint8 (N, H, W), (N, H, W, C) if its last axis is 1, 3 or 4 long, otherwise (N, C, H, W)
    with 1, 3 or 4 channels; y is integers (N,) from 0.

    Raises DataError for a file that is not such an archive, with the key at fault.
    """
    arrays = _read_arrays(path)
    for key in ("x_train", "y_train", "x_test", "y_test"):
        if key not in arrays:
            raise DataError(f"{path}: {key}: expected an array of that name, got none")
    x_train, x_test = (_images(path, key, arrays[key]) for key in ("x_train", "x_test"))
    y_train = _labels(path, "y_train", arrays["y_train"], len(x_train))
    y_test = _labels(path, "y_test", arrays["y_test"], len(x_test))
    if x_train.shape[1:] != x_test.shape[1:]:
        raise _bad(
            path, "x_test", f"images (C, H, W) of {x_train.shape[1:]}", str(x_test.shape[1:])
        )
    classes = 1 + max(int(y_train.max()), int(y_test.max()))
    class_names = None
    if "classes" in arrays:
        names = arrays["classes"]
        if names.ndim != 1 or names.dtype.kind != "U":
            raise _bad(path, "classes", "strings (N,)", _kind(names))
        if len(names) < classes:
            raise _bad(path, "classes", f"a name for each of the {classes} labels", str(len(names)))
        classes, class_names = len(names), tuple(str(item) for item in names)
    return image_data(name, (x_train, y_train), (x_test, y_test), classes, class_names)


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # Pickled objects could run code; numpy refuses them with a ValueError.
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataError(f"{path}: expected an .npz archive, got a single array")
        with archive:
            wanted = ("x_train", "y_train", "x_test", "y_test", "classes")
            return {key: archive[key] for key in wanted if key in archive.files}
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected an .npz archive, got no such file") from error
    except DataError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        got = " ".join(str(error).split())
        raise DataError(f"{path}: expected an .npz archive of plain arrays, got: {got}") from error


def _images(path: Path, key: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return the images as (N, C, H, W)."""
    expected = "uint8 (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels"
    if array.dtype != np.uint8 or array.ndim not in (3, 4):
        raise _bad(path, key, expected, _kind(array))
    if array.ndim == 3:
        array = array[:, None]
    elif array.shape[3] in CHANNEL_COUNTS:
        array = array.transpose(0, 3, 1, 2)
    elif array.shape[1] not in CHANNEL_COUNTS:
        raise _bad(path, key, expected, _kind(array))
    if not array.size:
        raise _bad(path, key, "one image or more, of one pixel or more", _kind(array))
    return array


def _labels(path: Path, key: str, array: NDArray[Any], count: int) -> NDArray[Any]:
    if array.dtype.kind not in "iu" or array.shape != (count,):
        raise _bad(path, key, f"integers ({count},), one for each image", _kind(array))
    labels = array.astype(np.int64)
    if labels.min() < 0:
        raise _bad(path, key, "labels from 0", str(labels.min()))
    return labels


def _kind(array: NDArray[Any]) -> str:
    return f"{array.dtype} {array.shape}"


def _bad(path: Path, key: str, expected: str, got: str) -> DataError:
    return DataError(f"{path}: {key}: expected {expected}, got {got}")
