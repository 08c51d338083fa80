"""What a program is traced with and tried with: inputs of any size that may vary, fresh values."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

Sizes = Mapping[tuple[int, int], int]  # (input, dimension) -> size


@dataclass(frozen=True)
class Input:
    """One tensor among a model's inputs: how messages call it, and its shape in the example.

    `place` is the argument that it belongs to, in the order of the call. `varying` are the
    dimensions that may have other sizes. The first dimension of a `batched` one is the batch.
    Values are drawn, or those of `given`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    place: int = 0
    varying: frozenset[int] = frozenset()
    batched: bool = False
    given: Tensor | None = None

    def value(self, shape: tuple[int, ...], generator: torch.Generator, bound: int) -> Tensor:
        """Return random values of a shape; integers that are drawn lie in [0, bound)."""
        if self.given is not None:  # its own elements, from another place on
            value = self.given
            for dim, size in enumerate(shape):
                start = int(torch.randint(1 << 20, (), generator=generator))
                chosen = (torch.arange(size) + start) % value.shape[dim]
                value = value.index_select(dim, chosen.to(value.device))
            return value
        if self.dtype.is_floating_point or self.dtype.is_complex:
            wide = torch.complex64 if self.dtype.is_complex else torch.float32
            return torch.randn(shape, generator=generator, dtype=wide).to(self.dtype)
        most = 2 if self.dtype == torch.bool else bound
        value = torch.randint(most, shape, generator=generator).to(self.dtype)
        if "mask" in self.name and shape:  # a row that masks all has no meaning to compare
            value.select(-1, 0).fill_(1)
        return value

    def told(self) -> str:
        """Return the input in words: x float32 (batch, 3, 32*), where 32 may vary."""
        sizes = [
            f"{size}*" if d in self.varying else str(size) for d, size in enumerate(self.shape)
        ]
        if self.batched and 0 in self.varying:
            sizes[0] = "batch"
        return f"{self.name} {dtype_name(self.dtype)} ({', '.join(sizes)})"


@dataclass(frozen=True)
class Example:
    """All inputs of a call: its tensors, and whatever else is handed over as it is.

    `leaves` are those of the tree of (args, kwargs), an Input's number in place of its tensor.
    """

    inputs: tuple[Input, ...]
    leaves: tuple[Any, ...]
    tree: pytree.TreeSpec

    def values(self, seed: int, bound: int, sizes: Sizes | None = None) -> tuple[Any, Any]:
        """Return (args, kwargs) with random values, in other sizes if asked."""
        generator = torch.Generator().manual_seed(seed)
        tensors = []
        for number, one in enumerate(self.inputs):
            shape = tuple((sizes or {}).get((number, d), size) for d, size in enumerate(one.shape))
            tensors.append(one.value(shape, generator, bound))
        return self._call([tensors[x.number] if isinstance(x, Place) else x for x in self.leaves])

    def tensors(self, args: Any, kwargs: Any) -> list[Tensor]:
        """Return the tensors of a call, in the order of `inputs`."""
        leaves = pytree.tree_leaves((args, kwargs))
        return [one for x, one in zip(self.leaves, leaves, strict=True) if isinstance(x, Place)]

    def dynamic_shapes(self, module: nn.Module, *, fixed: bool = False) -> dict[str, Any]:
        """Return what torch.export wants to hear of the sizes that may vary.

        With `fixed` it may take those for constants that the model does not let vary.
        """
        varies = torch.export.Dim.AUTO if fixed else torch.export.Dim.DYNAMIC
        said = [dict.fromkeys(sorted(one.varying), varies) or None for one in self.inputs]
        args, kwargs = self._call(
            [said[x.number] if isinstance(x, Place) else None for x in self.leaves]
        )
        return dict(signature_of(module).bind(*args, **kwargs).arguments)

    def batches(self, size: int) -> Sizes:
        """Return the sizes that make the batch so large; {} where it cannot vary."""
        return {(n, 0): size for n, one in enumerate(self.inputs) if one.batched and one.varying}

    def others(self) -> dict[tuple[int, int], int]:
        """Return the dimensions beside the batch that may vary, with their sizes here."""
        return {
            (number, dim): one.shape[dim]
            for number, one in enumerate(self.inputs)
            for dim in sorted(one.varying)
            if dim or not one.batched
        }

    def told(self) -> str:
        """Return the inputs in words."""
        return ", ".join(one.told() for one in self.inputs)

    def _call(self, leaves: Sequence[Any]) -> tuple[Any, Any]:
        args, kwargs = pytree.tree_unflatten(list(leaves), self.tree)
        return args, kwargs


@dataclass(frozen=True)
class Place:
    """Where among an example's leaves the tensor of that number stands."""

    number: int


def signature_of(module: nn.Module) -> inspect.Signature:
    """Return the signature of a module's forward."""
    return inspect.signature(module.forward)


def dtype_name(dtype: torch.dtype) -> str:
    """Return "float32" for torch.float32."""
    return str(dtype).removeprefix("torch.")
