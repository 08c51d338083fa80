"""A model whose weights stay packed: each is made while it is used, and forgotten after.

What is kept is the archive's mask bits and the prototype, so a model can be larger than memory in
fp32. It is for inference: making a weight takes its time in every forward pass.
"""

import threading
import weakref
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError
from pemn_compress.format.archive import Archive, open_archive, records
from pemn_compress.format.archive.layout import ANY_SIZE
from pemn_compress.format.archive.records import Alias, FromPrototype
from pemn_compress.masking.selection import owner_of
from pemn_compress.storing.filling import held_elsewhere
from pemn_compress.storing.tensors import TORCH_DTYPES, as_tensor

KEPT_PART = 32  # a prototype is kept if it takes no more than 1/32 of the fp32 weights
_CASTS, _DEVICE = "_packed_casts", "_packed_device"  # what `.to()` has asked of a module


class PackedWeights:
    """The weights of an archive, made on demand; one is remembered while it is in use.

    Many threads may ask. A copy is the same object; pickled it is the archive's bytes.
    """

    def __init__(self, archive: Archive, source: str | Path | bytes) -> None:
        self._archive, self._source = archive, source
        self._in_use: weakref.WeakValueDictionary[object, Tensor] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()
        self._targets = {
            tensor.name: tensor.values.of if isinstance(tensor.values, Alias) else tensor.name
            for tensor in archive.manifest.tensors
        }
        self._dtypes = {tensor.name: tensor.dtype for tensor in archive.manifest.tensors}
        # all is read once, so that many threads may ask and no file stays open
        for name in (records.MASKS, records.PLANES, records.PROTOTYPE):
            if name in archive.section_offsets:
                archive.section(name)
        prototype = archive.manifest.prototype
        if prototype and 4 * prototype.filled_length * KEPT_PART <= archive.manifest.restored_bytes:
            archive.prototype()

    def names(self) -> list[str]:
        """Return the names of the tensors that stay packed, tied ones under each name."""
        filled = {
            t.name for t in self._archive.manifest.tensors if isinstance(t.values, FromPrototype)
        }
        return [name for name, target in self._targets.items() if target in filled]

    def weight(
        self,
        name: str,
        casts: tuple[torch.dtype, ...] = (),
        device: torch.device | None = None,
        *,
        detached: bool = False,
    ) -> Tensor:
        """Return one weight, cast to one dtype after the other as a plain model's would have been.

        As long as somebody holds it, asking again gives the same tensor.
        """
        if torch.compiler.is_compiling():
            raise ModelError(
                f"{name}: its values stay packed, and no compiled program can make them: expected "
                "the plain model to be compiled: load it without packed=True"
            )
        target = self._targets[name]
        key = (target, casts, device, detached)
        with self._lock:
            found = self._in_use.get(key)
        if found is None:
            found = as_tensor(self._archive.tensor(target), self._dtypes[target])
            for dtype in casts:
                found = found.to(dtype)
            # a plain model's parameters require gradients, and torch chooses kernels by that
            found = found.to(device).requires_grad_(not detached)
            with self._lock:
                self._in_use[key] = found
        return found

    def dtype(self, name: str) -> torch.dtype:
        """Return the dtype that a weight is restored in."""
        return TORCH_DTYPES[self._dtypes[name]]

    def __deepcopy__(self, memo: object) -> "PackedWeights":
        return self

    def __getstate__(self) -> dict[str, Any]:
        source, digest = self._source, self._archive.manifest.restored_sha256
        if not isinstance(source, bytes):
            source = Path(source).read_bytes()
        # what was in memory once is within whatever limits there were
        with open_archive(source, ANY_SIZE) as again:
            if again.manifest.restored_sha256 != digest:
                raise ModelError(
                    f"{self._archive.name}: expected the archive that the model was loaded from, "
                    "to pickle it with the model, got another"
                )
        return {"archive": source, "name": self._archive.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        with open_archive(state["archive"], ANY_SIZE) as archive:
            archive.name = state["name"]
            self.__init__(archive, state["archive"])  # type: ignore[misc]


def take_out(model: nn.Module, weights: PackedWeights) -> dict[nn.Module, dict[str, str]]:
    """Remove the weights that stay packed from a model; return module -> leaf -> name.

    Raises ModelError where the model would go on using what was removed.
    """
    owned: dict[nn.Module, dict[str, str]] = {}
    removed = []
    for name in weights.names():
        owner, leaf = owner_of(model, name)
        if leaf not in owner._parameters:
            raise ModelError(f"{name}: expected a parameter to stay packed, got a buffer")
        owned.setdefault(owner, {})[leaf] = name
        removed.append(owner._parameters[leaf])
    found = held_elsewhere(model, [tensor for tensor in removed if tensor is not None])
    if found:
        raise ModelError(
            f"the model keeps one of its weights in {found!r} too, where it cannot stay packed; "
            "load it without packed=True"
        )
    for owner, names in owned.items():
        for leaf in names:
            owner._parameters[leaf] = None  # its place in the order stays
    return owned


def pack_weights(owned: dict[nn.Module, dict[str, str]], weights: PackedWeights) -> None:
    """Let each name that was taken out make its weight when it is read.

    A module that owns such a weight becomes one of a child of its class, so that whoever reads
    `module.weight` (attention reads its projection's) finds it; so do `.to()`, `state_dict()`,
    copies and pickles.
    """
    for module, names in owned.items():
        vars(module).pop("_flat_weights", None)
        try:
            module.__class__ = _packed_class(type(module), names, weights)
        except TypeError as error:  # a class that is not written in Python, or with slots
            raise ModelError(
                f"{next(iter(names.values()))}: a {type(module).__name__} cannot keep its weights "
                f"packed: {error}; load the model without packed=True"
            ) from None


def _packed_class(base: Any, names: dict[str, str], weights: PackedWeights) -> type:
    """Return a child of a module's class that makes weights; `names` is leaf -> name."""

    def made(module: Any, leaf: str, *, detached: bool = False) -> Tensor:
        held: Tensor | None = module._parameters[leaf]
        if held is not None:  # put there since, for a while (functional_call) or for good
            return held
        casts, device = _as_asked(module)
        return weights.weight(names[leaf], casts, device, detached=detached)

    def read(leaf: str) -> property:
        return property(lambda module: made(module, leaf))

    def apply(module: Any, fn: Any, recurse: bool = True) -> Any:
        base._apply(module, fn, recurse)
        casts, device = _as_asked(module)
        own = weights.dtype(next(iter(names.values())))
        # a tensor without elements tells what becomes of dtype and device
        probe = fn(torch.empty(0, dtype=casts[-1] if casts else own, device=device))
        module.__dict__[_CASTS] = _cast_again(own, casts, probe.dtype)
        module.__dict__[_DEVICE] = probe.device
        return module

    def save(module: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
        rest: dict[str, Any] = {}
        base._save_to_state_dict(module, rest, prefix, keep_vars)
        for leaf in module._parameters:  # in the order of a plain model's
            if prefix + leaf in rest:
                destination[prefix + leaf] = rest.pop(prefix + leaf)
            elif leaf in names:
                destination[prefix + leaf] = made(module, leaf, detached=not keep_vars)
        destination.update(rest)

    def refuse(module: Any, *_: Any) -> None:
        raise ModelError(
            f"{next(iter(names.values()))}: its values stay packed: expected no other state for "
            "it; load the model without packed=True to change its weights"
        )

    def reduce(module: Any, protocol: Any) -> Any:
        _, _, *state = base.__reduce_ex__(module, max(2, protocol))
        return (_unmade, (base, names, weights), *state)

    members: dict[str, Any] = {leaf: read(leaf) for leaf in names}
    if issubclass(base, nn.RNNBase):  # it keeps a list of its weights
        members["_flat_weights"] = property(_flat_weights, lambda module, weights: None)
    members |= {
        "_apply": apply,
        "_save_to_state_dict": save,
        "_load_from_state_dict": refuse,
        "__reduce_ex__": reduce,
        "__module__": base.__module__,
        "__qualname__": base.__qualname__,
    }
    return type(base.__name__, (base,), members)


def _unmade(base: type, names: dict[str, str], weights: PackedWeights) -> object:
    kind: Any = _packed_class(base, names, weights)
    return kind.__new__(kind)


def _as_asked(module: Any) -> tuple[tuple[torch.dtype, ...], torch.device | None]:
    return module.__dict__.get(_CASTS, ()), module.__dict__.get(_DEVICE)


def _cast_again(
    own: torch.dtype, casts: tuple[torch.dtype, ...], dtype: torch.dtype
) -> tuple[torch.dtype, ...]:
    """Return the casts with one more; to a wider dtype and back again is none."""
    *before, last = (own, *casts)
    if dtype == last:
        return casts
    if before and before[-1] == dtype and torch.promote_types(last, dtype) == last:
        return casts[:-1]
    return (*casts, dtype)


def _flat_weights(module: nn.RNNBase) -> list[Tensor]:
    return [getattr(module, name) for name in module._flat_weights_names]
