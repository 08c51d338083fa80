"""Images and labels that are arrays: in memory, or in an .npz file."""

import math
import os
import stat
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray

from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError

CHANNEL_COUNTS = (1, 3, 4)
KEYS = ("x_train", "y_train", "x_test", "y_test", "classes")
# What a file may come to in memory. No images are packed two hundredfold: zeros alone are.
LARGEST_BYTES = 1 << 36
SUSPECT_BYTES, SUSPECT_RATIO = 1 << 28, 200
LARGEST_LABEL = 1 << 20
Statistics = tuple[tuple[float, ...], tuple[float, ...]]
Arrays = tuple[NDArray[Any], NDArray[Any]]


def image_data(
    name: str,
    train: Arrays | None,
    test: Arrays,
    classes: int,
    class_names: tuple[str, ...] | None,
    statistics: Statistics | None = None,
    notes: tuple[str, ...] = (),
) -> Data:
    """Build Data from two pairs of uint8 images (N, C, H, W) and int64 labels (N,).

    `statistics` is (mean, std) per channel; None measures the training images, or those to test on
    where there are none.
    """
    splits = [
        pair
        and Split(
            torch.from_numpy(np.ascontiguousarray(pair[0])),
            torch.from_numpy(pair[1]),
            origin=f"data {name!r}: {part}",
        )
        for part, pair in (("training part", train), ("test part", test))
    ]
    mean, std = statistics or channel_statistics((train or test)[0])
    assert splits[1] is not None
    return Data(
        name=name,
        train=splits[0],
        test=splits[1],
        classes=classes,
        class_names=class_names,
        input_shape=tuple(test[0].shape[1:]),
        is_image=True,
        mean=mean,
        std=std,
        notes=notes,
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


def load_npz(path: Path, *, name: str, need_train: bool = True) -> Data:
    """Read x_train, y_train, x_test, y_test and, if there, the names of the `classes`.

    x is uint8 (N, H, W), (N, H, W, C) if its last axis is 1, 3 or 4 long, otherwise (N, C, H, W)
    with 1, 3 or 4 channels; y is integers (N,) from 0. Without `need_train` the training part may
    be missing.

    Raises DataError for a file that is not such an archive, with the key at fault.
    """
    arrays, others = _read_arrays(path)
    if not need_train and "x_train" not in arrays:
        arrays.pop("y_train", None)
    wanted = ("x_train", "y_train", "x_test", "y_test")
    for key in wanted if need_train or "x_train" in arrays else wanted[2:]:
        if key not in arrays:
            has = ", ".join(repr(other) for other in [*arrays, *others][:8]) or "none at all"
            raise DataError(f"{path}: {key}: expected an array of that name, got {has}")
    notes: list[str] = []
    parts: dict[str, Arrays] = {}
    for part in ("train", "test"):
        if f"x_{part}" in arrays:
            x = _images(path, f"x_{part}", arrays.pop(f"x_{part}"), notes)
            y = _labels(path, f"y_{part}", arrays.pop(f"y_{part}"), len(x))
            parts[part] = (x, y)
    test, train = parts["test"], parts.get("train")
    if train is not None and train[0].shape[1:] != test[0].shape[1:]:
        raise _bad(
            path, "x_test", f"images (C, H, W) of {train[0].shape[1:]}", str(test[0].shape[1:])
        )
    labels = [y for _, y in parts.values()]
    classes = 1 + max(int(y.max()) for y in labels)
    class_names = None
    if "classes" in arrays:
        class_names = _names(path, arrays["classes"], classes)
        classes = len(class_names)
    if min(int(y.min()) for y in labels) > 0:
        notes.append(f"{path}: no label is 0: labels are counted from 0, are these from 1?")
    if train is not None and (unseen := sorted(set(test[1].tolist()) - set(train[1].tolist()))):
        listed = ", ".join(map(str, unseen[:5])) + (", ..." if len(unseen) > 5 else "")
        notes.append(f"{path}: y_test has labels that y_train lacks: {listed}")
    return image_data(name, train, test, classes, class_names, notes=tuple(notes))


def _read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return the arrays of KEYS that a file has, and the names of others."""
    try:
        if os.path.isdir(path):
            raise DataError(
                f"{path}: expected an .npz archive, got a folder; of a folder of pictures say "
                f"folder:{path}"
            )
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DataError(f"{path}: expected an .npz archive, got a device or a pipe")
        with open(path, "rb") as file:
            if file.read(6) == npy.MAGIC_PREFIX:
                raise DataError(f"{path}: expected an .npz archive, got a single array")
        with zipfile.ZipFile(path) as archive:
            names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
            _check_sizes(path, archive)
            arrays = {key: _read_array(path, archive, key) for key in KEYS if key in names}
        return arrays, [name for name in names if name not in KEYS]
    except FileNotFoundError:
        raise DataError(f"{path}: expected an .npz archive, got no such file") from None
    except DataError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for what is broken
        got = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: expected an .npz archive of plain arrays, got: {got}") from None


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse what a few bytes claim to unpack to, before anything is unpacked."""
    told = [info for info in archive.infolist() if info.filename.removesuffix(".npy") in KEYS]
    total = sum(info.file_size for info in told)
    packed = sum(info.compress_size for info in told)
    most = min(LARGEST_BYTES, _memory_bytes())
    if total > SUSPECT_BYTES and total > SUSPECT_RATIO * packed:
        most = min(most, SUSPECT_BYTES)
    if total > most:
        raise DataError(
            f"{path}: expected arrays of at most {most:,} bytes, got {total:,} packed into "
            f"{packed:,}"
        )


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not told on this system
        return LARGEST_BYTES


def _read_array(path: Path, archive: zipfile.ZipFile, key: str) -> NDArray[Any]:
    member = f"{key}.npy" if f"{key}.npy" in archive.namelist() else key
    size = archive.getinfo(member).file_size
    with archive.open(member) as file:
        shape, dtype = _header(file)
        if dtype.hasobject:
            raise _bad(path, key, "numbers or strings", "Python objects, which are never unpickled")
        needed = math.prod(shape) * dtype.itemsize
        if needed > size:  # numpy would make room for them first
            raise _bad(path, key, f"{needed:,} bytes for {dtype} {shape}", f"at most {size:,}")
    with archive.open(member) as file:
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return array


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array of .npy version {version[0]}.{version[1]}")
    shape, _, dtype = readers[version](file)
    return shape, dtype


def _images(path: Path, key: str, array: NDArray[Any], notes: list[str]) -> NDArray[Any]:
    """Return the images as (N, C, H, W)."""
    expected = "uint8 (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels"
    if array.dtype != np.uint8 or array.ndim not in (3, 4):
        hint = "; pixels are 0 to 255 here" if array.dtype.kind in "fiub" and array.ndim > 2 else ""
        raise _bad(path, key, expected, _kind(array) + hint)
    if not array.size:
        raise _bad(path, key, "one image or more, of one pixel or more", _kind(array))
    if array.ndim == 3:
        return array[:, None]
    if array.shape[3] in CHANNEL_COUNTS:
        if array.shape[1] in CHANNEL_COUNTS:  # tiny images, or (N, C, H, W) of very narrow ones
            notes.append(f"{path}: {key}: {array.shape} is read as (N, height, width, channels)")
        return array.transpose(0, 3, 1, 2)
    if array.shape[1] not in CHANNEL_COUNTS:
        raise _bad(path, key, expected, _kind(array))
    return array


def _labels(path: Path, key: str, array: NDArray[Any], count: int) -> NDArray[Any]:
    if array.dtype.kind not in "iu" or array.shape != (count,):
        hint = "; one-hot rows become labels with .argmax(1)" if array.ndim == 2 else ""
        hint = "; drop the last axis" if array.shape[1:] == (1,) else hint
        raise _bad(path, key, f"integers ({count},), one for each image", _kind(array) + hint)
    if int(array.min()) < 0:
        raise _bad(path, key, "labels from 0", str(array.min()))
    if int(array.max()) >= LARGEST_LABEL:
        raise _bad(path, key, f"labels below {LARGEST_LABEL}", str(array.max()))
    return array.astype(np.int64)


def _names(path: Path, names: NDArray[Any], labels: int) -> tuple[str, ...]:
    if names.ndim != 1 or names.dtype.kind != "U":
        raise _bad(path, "classes", "strings (N,)", _kind(names))
    if len(names) < labels:
        raise _bad(path, "classes", f"a name for each of the {labels} labels", str(len(names)))
    return tuple(str(item) for item in names)


def _kind(array: NDArray[Any]) -> str:
    return f"{array.dtype} {array.shape}"


def _bad(path: Path, key: str, expected: str, got: str) -> DataError:
    return DataError(f"{path}: {key}: expected {expected}, got {got}")
