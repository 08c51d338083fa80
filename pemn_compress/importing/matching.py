"""Which tensor of a checkpoint is which of the model: by name, or one after the other."""

import difflib
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from pemn_compress.errors import ModelError, UnknownNameError, cut

MATCHES = ("names", "order")
_SHOWN = 3
_MOST_COMPARED = 2000  # names; looking for the nearest of more takes minutes

Shape = tuple[int, ...]


def check_how(how: str) -> None:
    """Refuse a way of matching that there is not."""
    if how not in MATCHES:
        raise UnknownNameError("match", how, MATCHES)


def match(
    where: str, shapes: Mapping[str, Sequence[int]], model: nn.Module, how: str
) -> dict[str, str]:
    """Return the checkpoint's names (those in `shapes`) mapped to the model's state names.

    `how` is "names" (the same names) or "order" (one after the other, as both list them). A 1x1
    convolution may stand for a linear layer, and the other way round. `where` is the checkpoint's
    name. Raises ModelError, which says what does not fit and what is nearest.
    """
    check_how(how)
    own = {name: tuple(tensor.shape) for name, tensor in tensors_of(model).items()}
    where = f"{where}: does not fit the model"
    pairs = _by_order(where, shapes, own) if how == "order" else _by_name(where, shapes, own)
    for name, target in pairs.items():
        if plain_shape(tuple(shapes[name])) != plain_shape(own[target]):
            called = "" if target == name else f", the model's {target!r},"
            raise ModelError(
                f"{where}: tensor {cut(repr(name))}{called}: expected shape {own[target]}, got "
                f"{tuple(shapes[name])}"
            )
    return pairs


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a model's state, which may hold other things too, tied ones as one."""
    state = model.state_dict(keep_vars=True)
    return {name: held for name, held in state.items() if isinstance(held, Tensor)}


def doubts(pairs: Mapping[str, str]) -> list[str]:
    """Return what has to be said of tensors that were matched by order: one line, or none."""
    differing = [(name, target) for name, target in pairs.items() if name != target]
    if not differing:
        return []
    shown = ", ".join(f"{cut(repr(name))} to {target!r}" for name, target in differing[:_SHOWN])
    more = ", ..." if len(differing) > _SHOWN else ""
    return [
        f"matched by order: {len(differing)} of {len(pairs)} names differ ({shown}{more}); shapes "
        "and types were compared, and nothing else: whether activations, strides, paddings and the "
        "order of layers are the project's own is not known; compare outputs with the original's"
    ]


def plain_shape(shape: Shape) -> Shape:
    """Return the shape that a 1x1 convolution's weight has as that of a linear layer."""
    return shape[:2] if len(shape) > 2 and set(shape[2:]) == {1} else shape


def _by_order(
    where: str, shapes: Mapping[str, Sequence[int]], own: Mapping[str, Shape]
) -> dict[str, str]:
    if len(own) != len(shapes):
        raise ModelError(
            f"{where}: by order: expected {len(own)} tensors, got {len(shapes)}; the model "
            f"starts with {_names(own)}, the checkpoint with {_names(shapes)}"
        )
    return dict(zip(shapes, own, strict=True))


def _by_name(
    where: str, shapes: Mapping[str, Sequence[int]], own: Mapping[str, Shape]
) -> dict[str, str]:
    lacking = [name for name in own if name not in shapes]
    unknown = [name for name in shapes if name not in own]
    if lacking or unknown:
        parts = [
            f"{_count(names)} that the {who} lacks: {_nearest(names, others)}"
            for names, who, others in (
                (lacking, "checkpoint", unknown or list(shapes)),
                (unknown, "model", lacking or list(own)),
            )
            if names
        ]
        raise ModelError(
            f"{where}: {'; '.join(parts)}; batchnorm, bias and its arguments change the model, "
            "matching 'order' (--match order) goes by the order of tensors"
        )
    return {name: name for name in shapes}


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} tensor{'' if len(names) == 1 else 's'}"


def _nearest(names: Sequence[str], others: Sequence[str]) -> str:
    told = []
    for name in names[:_SHOWN]:
        close = difflib.get_close_matches(name[:100], others[:_MOST_COMPARED], n=1, cutoff=0.0)
        told.append(f"{name[:100]!r} (nearest: {close[0]!r})" if close else repr(name[:100]))
    return ", ".join(told) + (", ..." if len(names) > _SHOWN else "")


def _names(names: Mapping[str, object]) -> str:
    return ", ".join(repr(name[:100]) for name in list(names)[:_SHOWN])
