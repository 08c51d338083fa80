"""A model given its state: does it fit, does it take it, and does it hold it afterwards."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pemn_compress.errors import ModelError
from pemn_compress.format.archive import Archive
from pemn_compress.format.archive.records import Alias
from pemn_compress.masking.host import PlannedModel
from pemn_compress.masking.selection import owner_of
from pemn_compress.storing.tensors import TORCH_DTYPES, as_tensor, same_bits

_WRAPPERS = (nn.parallel.DistributedDataParallel, nn.DataParallel)
_PREFIXES = ("module.", "_orig_mod.", "model.")


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the plain model inside DistributedDataParallel, DataParallel or torch.compile's.

    Raises ModelError for what is no module, and for a MaskedModel or a PrunedModel.
    """
    while True:
        if isinstance(model, _WRAPPERS):
            model = model.module
        elif isinstance(model, nn.Module) and "_orig_mod" in model._modules:
            inner = model._modules["_orig_mod"]
            assert inner is not None
            model = inner
        else:
            break
    if isinstance(model, PlannedModel):
        raise ModelError(
            f"expected a plain model to fill, got a {type(model).__name__}; build a new one as the "
            f"{type(model.model).__name__} in it was built"
        )
    if not isinstance(model, nn.Module):
        got = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise ModelError(f"expected a torch.nn.Module to fill, got {got}; give the built model")
    return model


def check_match(model: nn.Module, archive: Archive) -> None:
    """Refuse a model whose state has other names, shapes, dtypes or kinds. Raises ModelError."""
    where = f"{archive.name}: the model does not match"
    own = model.state_dict(keep_vars=True)
    records = {record.name: record for record in archive.manifest.tensors}
    missing = [key for key in records if key not in own]
    extra = [key for key in own if key not in records]
    if missing or extra:
        parts = [
            f"{len(keys)} {what} (such as {keys[0]!r})"
            for keys, what in (
                (missing, "tensors of the archive that the model lacks"),
                (extra, "tensors of the model that the archive lacks"),
            )
            if keys
        ]
        raise ModelError(f"{where}: {' and '.join(parts)}{_advice(model, missing, extra)}")
    for key, record in records.items():
        tensor = own[key]
        if not isinstance(tensor, Tensor):
            raise ModelError(
                f"{where}: {key!r}: expected a tensor, got {type(tensor).__name__}; a quantized "
                "model is filled before it is quantized"
            )
        if is_lazy(tensor):  # it takes its shape from its state
            continue
        expected = (record.shape, TORCH_DTYPES[record.dtype])
        got = (tuple(tensor.shape), tensor.dtype)
        if expected != got:
            raise ModelError(
                f"{where}: tensor {key!r}: expected shape "
                f"{expected[0]} of {expected[1]}, got {got[0]} of {got[1]}"
            )
    for record in archive.manifest.tensors:
        of = record.values.of if isinstance(record.values, Alias) else record.name
        if isinstance(own[of], nn.Parameter) != isinstance(own[record.name], nn.Parameter):
            raise ModelError(
                f"{where}: {record.name!r} and {of!r} are one tensor in the archive: expected two "
                "parameters or two buffers, got one of each"
            )


def fill(model: nn.Module, state: Mapping[str, Tensor], archive: Archive) -> None:
    """Give a model its state, bit for bit; one without memory takes the tensors themselves.

    Raises ModelError where the model does not take it, or where memory is missing for what the
    archive does not hold.
    """
    where = f"{archive.name}: the model does not take its state"
    own = model.state_dict(keep_vars=True)
    without_memory = any(tensor.is_meta for tensor in own.values() if isinstance(tensor, Tensor))
    _refuse_memoryless(model, set(own), archive)
    if without_memory:
        _refuse_held_elsewhere(model, [own[name] for name in state], where)
    given: OrderedDict[str, Tensor] = OrderedDict(state)
    # the versions of its modules, as its own state dict tells them: without, some take the state
    # for one of many years ago, and change or refuse it
    given._metadata = getattr(own, "_metadata", None)  # type: ignore[attr-defined]
    try:
        model.load_state_dict(given, assign=without_memory)
    except Exception as error:  # memory that cannot be written to, or hooks of the model's own
        raise ModelError(f"{where}: {' '.join(str(error).split())}") from None
    if without_memory:  # every name got a parameter of its own: tie those that share a tensor
        first: dict[int, str] = {}
        for name, tensor in state.items():
            earlier = first.setdefault(id(tensor), name)
            if earlier != name:
                (owner, leaf), (source, source_leaf) = (
                    owner_of(model, name),
                    owner_of(model, earlier),
                )
                setattr(owner, leaf, getattr(source, source_leaf))
    _check_filled(model, state, where)


def holds_already(model: nn.Module, archive: Archive) -> bool:
    """Return whether a model holds exactly what the archive restores, before it is filled."""
    own = model.state_dict()
    records = sorted(archive.manifest.tensors, key=lambda record: record.numel)
    return bool(records) and all(  # stops at the first that differs: mostly at once
        isinstance(found := own.get(record.name), Tensor)
        and not (is_lazy(found) or found.is_meta)
        and same_bits(found, as_tensor(archive.tensor(record.name), record.dtype))
        for record in records
    )


def held_elsewhere(model: nn.Module, tensors: Iterable[Tensor]) -> str | None:
    """Return where a model keeps one of its own tensors besides as a parameter or a buffer.

    A forward that reads it there (from a list, say) does not see another tensor put in its place.
    """
    wanted = {id(tensor) for tensor in tensors}
    return next((place for place, tensor in _beside_state(model) if id(tensor) in wanted), None)


def _beside_state(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors that modules hold as no parameter and no buffer, and under what name."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            recurrent = name == "_flat_weights" and isinstance(module, nn.RNNBase)
            if not recurrent and name not in ("_parameters", "_buffers", "_modules"):
                for tensor in _tensors_in(value):
                    yield f"{path}.{name}" if path else name, tensor


def _advice(model: nn.Module, missing: list[str], extra: list[str]) -> str:
    """Return what is the matter, where names tell it."""
    for prefix in _PREFIXES:
        if extra and missing and {name.removeprefix(prefix) for name in extra} == set(missing):
            return f"; the model is inside another: give its {prefix.rstrip('.')}"
        if extra and missing and {name.removeprefix(prefix) for name in missing} == set(extra):
            return "; the archive's model was inside another: give one that is wrapped alike"
    if any("parametrizations." in name for name in extra):
        return "; remove its parametrizations (weight norm?) first"
    for name in missing:
        path, _, leaf = name.rpartition(".")
        owner = dict(model.named_modules()).get(path)
        if owner is not None and leaf in owner._parameters and owner._parameters[leaf] is None:
            return "; its weights were taken out (by a MaskedModel?): build it anew"
    return ""


def _refuse_memoryless(model: nn.Module, names: set[str], archive: Archive) -> None:
    """Refuse tensors on the meta device that nothing in the archive can fill."""
    lost = [
        name
        for name, buffer in model.named_buffers(remove_duplicate=False)
        if buffer.is_meta and name not in names
    ]
    state = {id(tensor) for tensor in model.state_dict(keep_vars=True).values()}
    lost += [
        place
        for place, tensor in _beside_state(model)
        if tensor.is_meta and id(tensor) not in state
    ]
    if lost:
        raise ModelError(
            f"{archive.name}: the model is on the meta device, and its {lost[0]!r} is in no state "
            "dict, so that the archive does not hold its values; build the model with memory, or "
            "give this one tensor its values first"
        )


def _refuse_held_elsewhere(model: nn.Module, tensors: list[Tensor], where: str) -> None:
    found = held_elsewhere(model, tensors)
    if found:
        raise ModelError(
            f"{where}: it is on the meta device and keeps one of its tensors in {found!r} too, "
            "which would not be filled; build the model with memory"
        )


def _check_filled(model: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Compare what the model holds now: its own hooks, and tied weights, may have changed it."""
    holds = model.state_dict()
    for name, tensor in state.items():
        if holds[name].data_ptr() == tensor.data_ptr() and tensor.numel():
            continue
        if not same_bits(holds[name], tensor):
            raise ModelError(
                f"{where}: {name!r}: expected the archive's values in it, got others: is it tied "
                "to another tensor, or does a hook of the model change it?"
            )


def _tensors_in(value: object, depth: int = 3) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth and isinstance(value, (list, tuple, set)):
        for one in value:
            yield from _tensors_in(one, depth - 1)
    elif depth and isinstance(value, dict):
        for one in value.values():
            yield from _tensors_in(one, depth - 1)
