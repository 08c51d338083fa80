"""Which part of which tensor each block of a kernel goes through."""

from functools import lru_cache

import torch
from torch import Tensor

BLOCK = 4096  # elements


@lru_cache(maxsize=64)
def rows_of(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    """Return one row per block, int64 (blocks, 5), for tensors that lie one after the other.

    The tensor's number, where the block starts and stops, where the tensor starts, and the number
    of the tensor's first block.
    """
    rows: list[tuple[int, ...]] = []
    begin = 0
    for number, size in enumerate(sizes):
        first = len(rows)
        for start in range(0, size, BLOCK):
            stop = min(start + BLOCK, size)
            rows.append((number, begin + start, begin + stop, begin, first))
        begin += size
    return torch.tensor(rows, dtype=torch.int64, device=device)


@lru_cache(maxsize=64)
def places_of(numbers: tuple[int, ...] | tuple[float, ...], device: torch.device) -> Tensor:
    """Return numbers, one per tensor, on the device: int64, or float32."""
    dtype = torch.float32 if isinstance(numbers[0], float) else torch.int64
    return torch.tensor(numbers, dtype=dtype, device=device)
