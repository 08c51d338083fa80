"""What may be asked of a program's inputs: shapes, types, batches; checked, or read from archives.

An archive's own word is a stranger's: it is bounded before anything is allocated on it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import SettingError
from pemn_compress.format.archive import Archive
from pemn_compress.reporting.words import clean
from pemn_compress.storing.examples import dtype_name

INPUT_DTYPES = {
    dtype_name(dtype): dtype
    for dtype in (
        torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
        torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.complex128,
    )
}  # fmt: skip
ANY, NONE = "any", "none"
MOST_DIMENSIONS = 8
MOST_INPUTS = 64
MOST_RECORDED = 1 << 22  # numbers of one sample that an archive may ask for by itself

Key = int | str  # an input's position, or its name
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Asked:
    """What is asked of a program; see `exporting.restore`, which explains each."""

    input_shape: Sequence[int] | Sequence[Sequence[int]] | Mapping[Key, Sequence[int]] | None = None
    input_dtype: str | torch.dtype | Sequence[Any] | Mapping[Key, Any] | None = None
    inputs: Tensor | Sequence[Any] | Mapping[str, Any] | None = None
    dynamic: int | str | Iterable[int | str] = ()
    batch: int | str = ANY
    with_preprocessing: bool = False


def shapes_and_dtypes(
    module: nn.Module, archive: Archive, asked: Asked
) -> dict[Key, tuple[Shape, torch.dtype]]:
    """Return one sample's shape and dtype of every input, by position or name.

    Where nothing is asked what the archive records, or for dtypes the model's own. Raises
    SettingError.
    """
    recorded = archive.manifest.about.get("input")
    shapes: dict[Key, Shape] = {
        key: _checked_shape(shape)
        for key, shape in _by_key(asked.input_shape, "input_shape", _is_shape).items()
    }
    several = recorded.get("inputs") if isinstance(recorded, Mapping) else None
    if not shapes and several is not None:
        return _recorded_inputs(module, archive, several)
    shapes = shapes or {0: _recorded_shape(archive, recorded)}
    dtypes = _by_key(asked.input_dtype, "input_dtype", lambda one: not _is_many(one))
    if dtypes and not _is_many(asked.input_dtype):  # one for all
        dtypes = dict.fromkeys(shapes, dtypes[0])
    for key in dtypes:
        if key not in shapes:
            raise SettingError(
                f"input_dtype (--input-dtype): {key!r}: expected an input that has a shape "
                f"({', '.join(map(repr, shapes))}); give each input both"
            )
    if not dtypes and set(shapes) == {0}:
        dtypes = {0: "uint8"} if asked.with_preprocessing else _recorded_dtype(archive, recorded)
    own = own_dtype(module)
    return {
        key: (shape, _checked_dtype(dtypes[key]) if key in dtypes else own)
        for key, shape in shapes.items()
    }


def checked_batch(batch: Any) -> int | str:
    """Return ANY, NONE, or a number of samples. Raises SettingError."""
    if batch in (ANY, NONE):
        return str(batch)
    if isinstance(batch, int) and not isinstance(batch, bool) and batch >= 1:
        return batch
    raise SettingError(
        f"batch (--batch): expected {ANY} for every size, {NONE} for inputs without a batch, or a "
        f"number for a program of that size alone; got {clean(batch)!r}"
    )


def own_dtype(module: nn.Module) -> torch.dtype:
    """Return the dtype of a model's floating-point parameters, float32 where they have several."""
    found = {p.dtype for p in module.parameters() if p.dtype.is_floating_point}
    return found.pop() if len(found) == 1 else torch.float32


def _by_key(value: Any, what: str, is_one: Callable[[object], bool]) -> dict[Key, Any]:
    """Return {} for nothing, {0: one}, or one for each position or name."""
    if value is None:
        return {}
    if isinstance(value, Mapping) and all(isinstance(key, int | str) for key in value):
        return dict(value)
    if is_one(value):
        return {0: value}
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    raise SettingError(
        f"{what}: expected one, a list of them, or a dict by name or position, got {clean(value)}"
    )


def _is_many(value: object) -> bool:
    return isinstance(value, list | tuple | Mapping)


def _is_shape(value: object) -> bool:
    """Return whether a value is one shape (of whatever sizes), and not a list of shapes."""
    return isinstance(value, list | tuple) and not any(map(_is_many, value))


def _checked_shape(shape: Any) -> Shape:
    try:
        sizes = tuple(int(size.__index__()) for size in shape)
    except (TypeError, AttributeError):  # no sequence, or not of integers
        sizes = ()
    if not 1 <= len(sizes) <= MOST_DIMENSIONS or min(sizes) < 1:
        raise SettingError(
            f"input_shape (--input-shape): expected 1 to {MOST_DIMENSIONS} sizes of 1 or more, "
            f"such as (3, 32, 32), without the batch; got {clean(shape)}"
        )
    return sizes


def _checked_dtype(value: object) -> torch.dtype:
    name = dtype_name(value) if isinstance(value, torch.dtype) else str(value)
    if name not in INPUT_DTYPES:
        raise SettingError(
            f"input_dtype (--input-dtype): expected one of {', '.join(INPUT_DTYPES)}; "
            f"got {clean(name)!r}"
        )
    return INPUT_DTYPES[name]


def _recorded_inputs(
    module: nn.Module, archive: Archive, recorded: object
) -> dict[Key, tuple[Shape, torch.dtype]]:
    """Return what an archive says of several inputs, by position or name."""
    if not isinstance(recorded, Mapping) or not 1 <= len(recorded) <= MOST_INPUTS:
        raise SettingError(
            f"{archive.name}: about, input, inputs: expected 1 to {MOST_INPUTS} of them by "
            f"position or name, got {clean(recorded):.80}; pass --input-shape for each"
        )
    told: dict[Key, tuple[Shape, torch.dtype]] = {}
    own = own_dtype(module)
    for name, one in recorded.items():
        key: Key = int(name) if str(name).isdecimal() and len(str(name)) < 4 else str(name)
        dtype = _recorded_dtype(archive, one)
        told[key] = (
            _recorded_shape(archive, one, least=0),
            INPUT_DTYPES[dtype[0]] if dtype else own,
        )
    return told


def _recorded_shape(archive: Archive, recorded: object, *, least: int = 1) -> Shape:
    shape = recorded.get("shape") if isinstance(recorded, Mapping) else recorded
    if shape is None:
        raise SettingError(
            f"{archive.name}: does not record the shape of its model's input; pass "
            "--input-shape 3,32,32 (one sample, without the batch), or input_shape=(3, 32, 32)"
        )
    listed = isinstance(shape, list) and least <= len(shape) <= MOST_DIMENSIONS
    sizes = shape if isinstance(shape, list) and listed else []
    numbers = all(type(size) is int and size >= 1 for size in sizes)
    if not listed or not numbers or prod(sizes) > MOST_RECORDED:
        raise SettingError(
            f"{archive.name}: about, input, shape: expected 1 to {MOST_DIMENSIONS} sizes of 1 or "
            f"more, {MOST_RECORDED:,} numbers at most, got {clean(shape):.80}; pass the shape of "
            "one sample as --input-shape 3,32,32, or input_shape=(3, 32, 32)"
        )
    return tuple(sizes)


def _recorded_dtype(archive: Archive, recorded: object) -> dict[Key, str]:
    told = recorded.get("dtype") if isinstance(recorded, Mapping) else None
    if told is None:
        return {}
    if not isinstance(told, str) or told not in INPUT_DTYPES:
        raise SettingError(
            f"{archive.name}: about, input, dtype: expected one of {', '.join(INPUT_DTYPES)}, got "
            f"{clean(told):.80}; pass --input-dtype, or input_dtype"
        )
    return {0: told}
