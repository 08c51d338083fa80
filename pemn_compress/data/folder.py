"""Folders of pictures: train and test folders, of one folder per class, as torchvision has them."""

import os
import stat
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor
from torch.utils.data import Dataset

from pemn_compress.data.labels import paired
from pemn_compress.data.pictures import EXTENSIONS, Whites, measure_whites, read_picture, shown
from pemn_compress.data.places import TEST_FOLDERS, TRAIN_FOLDER, meant
from pemn_compress.data.preprocessing import IMAGENET_STATISTICS, Preprocessing
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError

DEFAULT_SIZE = 224
# What systems and programs leave in folders of pictures; so do names that begin with a dot.
LEFT_BEHIND = (
    "__macosx", "__pycache__", "@eadir", "#recycle", "$recycle.bin", "lost+found",
    "system volume information", "thumbs.db", "desktop.ini",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """The pictures below one folder: class names in order, and (path, label) of each."""

    classes: tuple[str, ...]
    pictures: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]


class Pictures(Dataset[tuple[Tensor, int]]):
    """Files read when they are asked for: uint8 (3, H, W) and the label."""

    def __init__(self, found: Found, whites: Whites, preprocessing: Preprocessing) -> None:
        self.pictures, self.whites, self.preprocessing = found.pictures, whites, preprocessing

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from torchvision.transforms.v2.functional import pil_to_tensor

        path, label = self.pictures[index]
        try:
            picture = self.preprocessing.sized(read_picture(path, self.whites))
        except DataError as error:
            told = str(error)
            raise DataError(told if shown(path) in told else f"{shown(path)}: {told}") from None
        return pil_to_tensor(picture), label


def load_folder(path: Path, *, name: str, steps: Preprocessing | None, need_train: bool) -> Data:
    """Find the pictures in `path`/train and `path`/test (or val), classes by their folders' names.

    `steps` are resizing and cropping; None resizes the shorter side and crops the middle to the
    size of the first picture if that is square, else to 224 pixels. The classes are those of the
    training part, and those of the test part are paired with them by name. Without `need_train`
    there is no training part in what is returned, and the classes are those of either folder.

    Raises DataError for folders that are missing, cannot be read or hold no pictures, and for a
    class of the test part that training lacks.
    """
    if os.path.isfile(path):
        hint = meant(str(path))
        raise DataError(
            f"{shown(path)}: expected a folder with train and test folders, got a file"
            + (f"; did you mean {hint}?" if hint else "")
        )
    train = (
        find_pictures(path / TRAIN_FOLDER)
        if need_train or _is_folder(path / TRAIN_FOLDER)
        else None
    )
    test_path = next((path / name for name in TEST_FOLDERS if _is_folder(path / name)), None)
    if test_path is None:
        raise DataError(
            f"{shown(path)}: expected train and test (or val) folders of one folder per class, "
            f"got {_listed(path)}"
        )
    test = find_pictures(test_path, empty_classes=True)
    both = [found for found in (train, test) if found is not None]
    whites = measure_whites([file for found in both for file, _ in found.pictures])
    if steps is None:
        width, height = read_picture(both[0].pictures[0][0], whites).size
        size = width if width == height else DEFAULT_SIZE
        steps = Preprocessing(resize=size, center_crop=size)
    pictures = [Pictures(found, whites, steps) for found in both]
    mean, std = IMAGENET_STATISTICS
    data = Data(
        name=name,
        train=None,
        test=_split(pictures[-1], f"data {name!r}: test part"),
        classes=len(test.classes),
        class_names=test.classes,
        input_shape=tuple(pictures[0 if need_train else -1][0][0].shape),
        is_image=True,
        mean=mean,
        std=std,
        notes=tuple(note for found in both for note in found.notes),
    )
    if train is None:
        return data
    if not need_train:
        return paired(data, sorted({*train.classes, *test.classes}), "either folder")
    data = paired(data, train.classes, "the training part")
    return replace(data, train=_split(pictures[0], f"data {name!r}: training part"))


def _split(pictures: Pictures, origin: str) -> Split:
    labels = tuple(label for _, label in pictures.pictures)
    return Split(dataset=pictures, labels=labels, origin=origin)


def find_pictures(root: Path, *, empty_classes: bool = False) -> Found:
    """Return the pictures below `root` by class: its folders, in the order of their names.

    Folders in a class's folder belong to the class, links are followed but not in circles, hidden
    files and what systems leave behind are nothing. Pictures take turns between the classes, so
    that the first N are spread over all. With `empty_classes` one without pictures is left out.

    Raises DataError.
    """
    entries = _entries(root)
    real = Path(os.path.realpath(root))
    above = {str(real), *map(str, real.parents)}  # a link to one of these leads in a circle
    strays, others = 0, Counter[str]()
    classes: list[str] = []
    turns = []
    for name, path, is_folder in entries:
        if not is_folder:
            strays += name.lower().endswith(EXTENSIONS)
            continue
        if os.path.realpath(path) in above:
            continue
        _check_name(name, path)
        files = _pictures_below(path, above, others)
        if not files and empty_classes:
            continue
        if not files:
            raise DataError(
                f"{shown(path)}: expected pictures ({', '.join(EXTENSIONS)}) of class {name!r}, "
                f"got {_listed(path)}"
            )
        turns += [(turn, len(classes), file) for turn, file in enumerate(files)]
        classes.append(name)
    if not classes:
        raise DataError(
            f"{shown(root)}: expected one folder per class, with pictures in it, got "
            f"{_listed(root)}"
        )
    notes = []
    if strays:
        notes.append(f"{shown(root)}: pictures in no class's folder are left out: {strays}")
    if others:
        kinds = ", ".join(sorted(map(shown, others))[:5])
        notes.append(
            f"{shown(root)}: files that are no pictures are left out: {others.total()} ({kinds})"
        )
    pictures = tuple((file, label) for _, label, file in sorted(turns))
    return Found(tuple(classes), pictures, tuple(notes))


def _pictures_below(folder: str, above: set[str], others: Counter[str]) -> list[str]:
    """Return the paths of the pictures in a class's folder, in order; count what else there is."""
    seen, found, todo = set(above), [], [folder]
    while todo:
        current = todo.pop()
        real = os.path.realpath(current)
        if real in seen:
            continue
        seen.add(real)
        for name, path, is_folder in _entries(current):
            if is_folder:
                todo.append(path)
            elif name.lower().endswith(EXTENSIONS):
                found.append((current, name))
            else:
                others[os.path.splitext(name)[1].lower() or "without an extension"] += 1
    return [os.path.join(*one) for one in sorted(found)]


def _entries(folder: str | Path) -> list[tuple[str, str, bool]]:
    """Return (name, path, is a folder) of what lies in a folder and is no system's, in order.

    Raises DataError for a folder that cannot be read, and for a picture that is a link to nothing.
    """
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except (OSError, ValueError) as error:
        raise _unreadable(folder, error) from None
    found = []
    for entry in entries:
        name = entry.name
        if name.startswith(".") or name.lower() in LEFT_BEHIND or name == "Icon\r":
            continue
        path = entry.path
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
            if entry.is_symlink():
                os.stat(path)
        except OSError as error:
            if not name.lower().endswith(EXTENSIONS):
                continue
            raise DataError(
                f"{shown(path)}: expected an image, got a link that leads nowhere: {error.strerror}"
            ) from None
        if is_folder or is_file:  # no pipes, whose reader would wait for ever
            found.append((name, path, is_folder))
    return found


def _unreadable(folder: str | Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        above = Path(folder).parent
        missing = folder if above.is_dir() else above
        return DataError(
            f"{shown(folder)}: expected a folder of one folder per class, got no such folder"
            + ("" if missing is folder else f" as {shown(above)}")
        )
    reason = getattr(error, "strerror", None) or str(error)
    return DataError(f"{shown(folder)}: expected a folder that can be read, got: {reason}")


def _is_folder(path: Path) -> bool:
    """Return whether there is such a folder. Raises DataError where one may not look."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _check_name(name: str, path: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(
            f"{shown(path)}: expected a class's name in UTF-8, as archives hold it, got "
            f"{os.fsencode(name)!r}; rename the folder"
        ) from None


def _listed(folder: str | Path) -> str:
    """Say what lies in a folder, in a few words."""
    names = [shown(name) for name, *_ in _entries(folder)]
    if not names:
        return "nothing"
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
