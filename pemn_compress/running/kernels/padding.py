"""Tensors with edges added, or cut off where a number is negative."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type

Function = Callable[..., Any]


def sides_of(pad: Sequence[int], rank: int) -> list[tuple[int, int]]:
    """Return before and after for each dimension; pairs are given from the last one backwards."""
    if len(pad) % 2 or len(pad) > 2 * rank:
        raise ValueError(f"pads {list(pad)} of a tensor of {rank} dimensions")
    pairs = [(pad[place], pad[place + 1]) for place in range(0, len(pad), 2)]
    return [(0, 0)] * (rank - len(pairs)) + pairs[::-1]


def constant_pad(self: Any, pad: Sequence[int], value: Any = 0) -> Any:
    sides = sides_of(pad, self.ndim)
    for size, (before, after) in zip(self.shape, sides, strict=True):
        if size + before + after < 0:
            raise ValueError(f"pads {list(pad)} of shape {self.shape}")
    kept = self[
        tuple(
            slice(max(-before, 0), size - max(-after, 0))
            for size, (before, after) in zip(self.shape, sides, strict=True)
        )
    ]
    grown = [(max(before, 0), max(after, 0)) for before, after in sides]
    if not any(map(any, grown)):
        return kept
    return np.pad(kept, grown, constant_values=as_type(value or 0, self.dtype))


def _reflect(place: Array, size: int) -> Array:
    place = np.abs(place)
    return np.where(place >= size, 2 * (size - 1) - place, place)


def _replicate(place: Array, size: int) -> Array:
    return np.clip(place, 0, size - 1)


def _circular(place: Array, size: int) -> Array:
    return place % size


def _padded(self: Array, pad: Sequence[int], where: Function, most: Function) -> Array:
    for axis, (before, after) in enumerate(sides_of(pad, self.ndim)):
        size = self.shape[axis]
        if max(before, after) > most(size):
            raise ValueError(f"pads {list(pad)} of shape {self.shape}")
        if before or after:
            self = np.take(self, where(np.arange(-before, size + after), size), axis)
    return self


def reflection_pad(self: Any, padding: Sequence[int]) -> Any:
    return _padded(self, padding, _reflect, lambda size: size - 1)


def replication_pad(self: Any, padding: Sequence[int]) -> Any:
    return _padded(self, padding, _replicate, lambda size: 1 << 48 if size else 0)


def circular_pad(self: Any, padding: Sequence[int]) -> Any:
    return _padded(self, padding, _circular, lambda size: size)


_MODES = {"reflect": reflection_pad, "replicate": replication_pad, "circular": circular_pad}


def pad(self: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    if mode == "constant":
        return constant_pad(self, pad, value or 0)
    if mode not in _MODES:
        raise ValueError(f"mode: expected constant, {', '.join(_MODES)}, got {mode!r}")
    return _MODES[mode](self, pad)


KERNELS: dict[str, Function] = {
    "pad": pad, "constant_pad_nd": constant_pad,
    "reflection_pad1d": reflection_pad, "reflection_pad2d": reflection_pad,
    "replication_pad1d": replication_pad, "replication_pad2d": replication_pad,
}  # fmt: skip
