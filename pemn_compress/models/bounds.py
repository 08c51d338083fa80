"""A builder called with a stranger's arguments: compared before it allocates, stopped in time.

Registered builders are this package's and torchvision's, and a user's own file is the user's; but
the arguments that they are called with come out of an archive, which anybody can write.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from pemn_compress.errors import ModelError
from pemn_compress.format.archive import Archive

# An honest builder may make more than the archive holds: layers without tensors, biases that a
# variant removes again, a large network of which it keeps a part, tables that no state dict has.
PARTS_PER_TENSOR, PARTS = 16, 4096
TIMES_THE_NUMBERS, NUMBERS = 8, 1 << 28
LONGEST_LIST = 1 << 16  # numbers that a builder computes sizes with
_DRAWS = frozenset(
    (
        Tensor.normal_, Tensor.uniform_, Tensor.zero_, Tensor.fill_,
        nn.init.normal_, nn.init.uniform_, nn.init.kaiming_normal_, nn.init.kaiming_uniform_,
        nn.init.constant_,
    )
)  # fmt: skip
_NUMBERS = (torch.arange, torch.linspace, torch.logspace, torch.tensor, torch.as_tensor)


@contextmanager
def bounded(archive: Archive, where: str) -> Iterator[None]:
    """Stop whoever registers far more modules or numbers than an archive holds.

    A parameter is counted when a module gets it: its memory has been asked for by then, but nothing
    has been written to it. Only what this thread builds counts. Raises ModelError, whatever the
    builder makes of the exception.
    """
    manifest, thread = archive.manifest, threading.get_ident()
    most = {
        "parts": PARTS_PER_TENSOR * len(manifest.tensors) + PARTS,
        "numbers": TIMES_THE_NUMBERS * manifest.elements + NUMBERS,
    }
    made = dict.fromkeys(most, 0)

    def refusal() -> str:
        for what, limit in most.items():
            if made[what] > limit:
                return (
                    f"{where}: its arguments build more than the archive holds: expected at most "
                    f"{limit:,} {what}, got more"
                )
        return ""

    def count(owner: nn.Module, name: str, part: Any) -> None:
        if threading.get_ident() != thread or part is None:
            return
        made["parts"] += 1
        # on the meta device numbers take no memory, and are compared afterwards
        if isinstance(part, Tensor) and not is_lazy(part) and not part.is_meta:
            made["numbers"] += part.numel()
        if refusal():
            raise ModelError(refusal())

    handles = [
        hooks.register_module_module_registration_hook(count),
        hooks.register_module_parameter_registration_hook(count),
        hooks.register_module_buffer_registration_hook(count),
    ]
    try:
        yield
    except Exception:
        if refusal():  # the builder, or who called it, may have made another error of it
            raise ModelError(refusal()) from None
        raise
    finally:
        for handle in handles:
            handle.remove()
    if refusal():
        raise ModelError(refusal())


def without_memory(build: Callable[[], nn.Module]) -> nn.Module:
    """Return what `build` builds, on torch's meta device: shapes and dtypes, but no memory.

    A builder that computes with numbers in tensors (torchvision's RegNet does its widths so) gets
    these few as real ones. Raises NotImplementedError where a builder asks for more.
    """
    try:
        with torch.device("meta"), _NothingDrawn():
            return build()
    except NotImplementedError:
        with torch.device("meta"), _RealNumbers():
            return build()


class _NothingDrawn(TorchFunctionMode):
    """First values are not drawn where there is no memory: they took most of the time."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _DRAWS:
            tensor = args[0] if args else (kwargs or {}).get("tensor")
            if isinstance(tensor, Tensor) and tensor.is_meta:
                return tensor
        return func(*args, **kwargs or {})


class _RealNumbers(TorchFunctionMode):
    """Lists of numbers are made on the CPU, whatever the default device is."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func in _NUMBERS and given.get("device") is None:
            if func(*args, **given | {"device": "meta"}).numel() > LONGEST_LIST:
                raise NotImplementedError(f"a builder computes with over {LONGEST_LIST} numbers")
            given = given | {"device": "cpu"}
        return func(*args, **given)
