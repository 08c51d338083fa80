"""A choice of scores as an operator of torch's.

Defined by hand and not by `torch.library.custom_op`, whose checks around every call take 8 us: a
quarter of a selection from 10,000 scores.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Choose = Callable[[Tensor, int], Tensor]


def operator(name: str, on_cpu: Choose, elsewhere: Choose) -> Any:
    """Return the operator pemn::NAME(scores, count) -> bool mask, made of two functions."""
    full = f"pemn::{name}"
    torch.library.define(full, "(Tensor scores, int count) -> Tensor")
    torch.library.impl(full, "default", elsewhere)
    torch.library.impl(full, "cpu", on_cpu)
    torch.library.register_fake(full, _like)
    return getattr(torch.ops.pemn, name).default


def _like(scores: Tensor, count: int) -> Tensor:
    return torch.empty(scores.shape, dtype=torch.bool, device=scores.device)
