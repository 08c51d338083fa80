"""From a checkpoint to an archive: masks by the project's rule, weights by the smallest means."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError, UnknownNameError
from pemn_compress.format.archive import AliasTensor, DenseTensor, Limits, encode, open_archive
from pemn_compress.format.archive.contents import Content
from pemn_compress.format.archive.records import Constant, Positions, Stored
from pemn_compress.importing.checkpoints import Checkpoint, match, plain_shape, read_checkpoint
from pemn_compress.importing.meaning import read_meaning
from pemn_compress.importing.projects import PROJECTS, Chosen, binary_weight
from pemn_compress.importing.storing import Weights, smallest
from pemn_compress.models import building as architectures
from pemn_compress.storing.loading import state_dict
from pemn_compress.storing.tensors import CODES, as_array
from pemn_compress.version import __version__


@dataclass(frozen=True)
class ImportedTensor:
    """One masked tensor: how its values are stored, and the bytes of its mask and of its values.

    `stored_as` is "constant", "signs", "prototype" (which tensors share) or "values".
    """

    name: str
    weights: int
    kept: int
    stored_as: str
    mask_bytes: int
    value_bytes: int


@dataclass(frozen=True)
class Imported:
    """An archive made from a checkpoint, and what is worth knowing about it."""

    archive: bytes
    project: str
    density: float | None
    tensors: tuple[ImportedTensor, ...]
    prototype_length: int
    checkpoint_bytes: int
    warnings: tuple[str, ...]


def import_checkpoint(
    path: str | Path,
    project: str,
    model: nn.Module,
    *,
    density: float | None = None,
    budget: str | None = None,
    matching: str = "names",
    input_shape: tuple[int, ...] | None = None,
    source: str | None = None,
) -> Imported:
    """Turn a checkpoint of one of PROJECTS into an archive of `model`, a plain nn.Module.

    `density` is the fraction of weights KEPT; only biprop records it in its checkpoints. `budget`
    is biprop's: "per-tensor" or "global", by default what the checkpoint says. `matching` is
    "names" or "order". Weights are stored by the smallest exact means. The archive is read back and
    compared with the weights that the project's forward would use, bit for bit; `model` gets them
    too. Scores of 0 and 1 alone are taken for FixedSubnetConv's, which are masks. Nothing in a
    checkpoint of hidden-networks tells SampleSubnetConv's scores from others: do not import those,
    no mask is theirs.

    Raises ModelError for a checkpoint that cannot be read without running code or does not fit the
    model, SettingError for settings that are missing or contradict the checkpoint.
    """
    if project not in PROJECTS:
        raise UnknownNameError("project", project, PROJECTS)
    rule = PROJECTS[project]
    checkpoint = read_checkpoint(path)
    meaning = read_meaning(checkpoint, project, density=density, budget=budget)
    suffix = f".{rule.scores}"
    shapes = {n: tuple(t.shape) for n, t in checkpoint.state.items() if not n.endswith(suffix)}
    names = match(checkpoint, shapes, model, matching)
    own = {name: tensor.shape for name, tensor in model.state_dict().items()}
    state: dict[str, Tensor] = {}
    masked: list[Weights] = []
    for name, target in names.items():
        tensor = checkpoint.state[name].detach().reshape(own[target])
        if name in meaning.chosen.masks:
            mask, fixed = meaning.chosen.masks[name].reshape(own[target]), None
            if meaning.divisors is None:
                fixed = tensor.numpy()
                tensor = torch.where(mask, tensor, torch.zeros_like(tensor))
            else:
                tensor = binary_weight(name, tensor, mask, meaning.divisors[name])
                mask = tensor != 0  # sign(0) is 0: such a weight needs no position
            masked.append(Weights(target, mask.numpy(), tensor.numpy(), fixed))
        state[target] = tensor
    storage = smallest(masked)
    _fill(model, state, checkpoint)
    settings = {"search": rule.search} | (
        {} if meaning.density is None else {"density": meaning.density}
    )
    packed = encode(
        _contents(model, state, storage.contents),
        storage.prototype,
        architecture=architectures.architecture_of(model),
        about={
            "imported": {"from": project, "checkpoint": checkpoint.path.name},
            "settings": settings,
            "writer": f"pemn-compress {__version__}",
            **({"input": {"shape": list(input_shape)}} if input_shape else {}),
        },
        source=source,
    )
    tensors = _read_back(packed, state, storage.kinds)
    return Imported(
        packed,
        project,
        meaning.density,
        tensors,
        0 if storage.prototype is None else len(storage.prototype.values),
        checkpoint.path.stat().st_size,
        _warnings(meaning.chosen, checkpoint, own, names),
    )


def _fill(model: nn.Module, state: Mapping[str, Tensor], checkpoint: Checkpoint) -> None:
    own = model.state_dict()
    for name, tensor in state.items():
        if tensor.dtype != own[name].dtype:
            raise ModelError(
                f"{checkpoint.path}: does not fit the model: tensor {name!r}: expected "
                f"{own[name].dtype}, got {tensor.dtype}"
            )
    model.load_state_dict(dict(state))


def _contents(
    model: nn.Module, state: Mapping[str, Tensor], masked: Mapping[str, Content]
) -> list[Content]:
    contents: list[Content] = []
    first: dict[int, str] = {}
    for name, parameter in model.state_dict(keep_vars=True).items():
        tied = first.setdefault(id(parameter), name)
        tensor = state[name]
        if tied != name:
            if not torch.equal(tensor, state[tied]):
                raise ModelError(
                    f"{name!r}: tied to {tied!r} in the model: expected the same values, got others"
                )
            contents.append(AliasTensor(name, tied))
        elif name in masked:
            contents.append(masked[name])
        else:
            if tensor.dtype not in CODES:
                raise ModelError(f"{name!r}: cannot be stored: {tensor.dtype}")
            contents.append(DenseTensor(name, CODES[tensor.dtype], as_array(tensor)))
    return contents


def _read_back(
    packed: bytes, state: Mapping[str, Tensor], kinds: Mapping[str, str]
) -> tuple[ImportedTensor, ...]:
    """Compare what the archive restores with what it should, and say what each mask costs."""
    tensors = []
    with open_archive(packed, Limits(1 << 62, 1 << 62)) as archive:
        for name, tensor in state_dict(archive).items():
            if not torch.equal(_bits(tensor), _bits(state[name])):
                raise ModelError(f"{name!r}: the archive restores other values: this is a bug")
        for record in archive.manifest.tensors:
            if record.name not in kinds or not isinstance(record.positions, Positions):
                continue
            match record.values:
                case Stored(size):
                    cost = size
                case Constant():
                    cost = 4 + (0 if record.plane is None else record.plane.size)
                case _:  # shared, and counted once
                    cost = 0
            tensors.append(
                ImportedTensor(
                    record.name,
                    record.numel,
                    record.positions.ones,
                    kinds[record.name],
                    record.positions.size,
                    cost,
                )
            )
    return tuple(tensors)


def _bits(tensor: Tensor) -> Tensor:
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def _warnings(
    chosen: Chosen,
    checkpoint: Checkpoint,
    own: Mapping[str, torch.Size],
    names: Mapping[str, str],
) -> tuple[str, ...]:
    told = [
        f"{name}: scores tie at the mask's border; which of them the original keeps is not "
        "defined, here the lower index is dropped"
        for name in chosen.ties
    ]
    told += [
        f"{name}: shape {tuple(checkpoint.state[name].shape)} became {tuple(own[target])}"
        for name, target in names.items()
        if checkpoint.state[name].shape != own[target]
        and plain_shape(tuple(own[target])) == plain_shape(tuple(checkpoint.state[name].shape))
    ]
    return tuple(told)
