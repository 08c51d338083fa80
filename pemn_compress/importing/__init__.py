"""From a checkpoint of the papers' own projects to an archive, with the mask their code uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pemn_compress import architecture as architectures
from pemn_compress.archive import AliasTensor, DenseTensor, Limits, encode, open_archive
from pemn_compress.archive.records import Constant, Positions, Stored
from pemn_compress.archive.writer import Content
from pemn_compress.errors import ModelError, SettingError, UnknownNameError
from pemn_compress.importing.checkpoints import Checkpoint, match, plain_shape, read_checkpoint
from pemn_compress.importing.projects import (
    PROJECTS,
    Chosen,
    Project,
    below_global_threshold_dropped,
    binary_weight,
)
from pemn_compress.importing.storing import Weights, smallest
from pemn_compress.packing import state_dict
from pemn_compress.plan import check_density
from pemn_compress.planning import DTYPES
from pemn_compress.version import __version__

BUDGETS = ("per-tensor", "global")
_CODES = DTYPES | {
    torch.bool: "bool", torch.uint8: "u8", torch.int8: "i8", torch.int16: "i16",
    torch.int32: "i32", torch.int64: "i64", torch.float64: "f64",
}  # fmt: skip
_GLOBAL = "GlobalSubnetConv"


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
    scores = _scores(checkpoint, rule, project)
    fixed = all(bool(((s == 0) | (s == 1)).all()) for s in scores.values())
    use_global = _use_global(checkpoint, project, budget)
    if fixed:  # FixedSubnetConv: its scores are masks, and its weights are used as they are
        density = None
        chosen = Chosen({name: score != 0 for name, score in scores.items()})
    else:
        density = _density(checkpoint, rule, project, density)
        choose = below_global_threshold_dropped if use_global else rule.choose
        chosen = choose(scores, density)
    suffix = f".{rule.scores}"
    shapes = {n: tuple(t.shape) for n, t in checkpoint.state.items() if not n.endswith(suffix)}
    names = match(checkpoint, shapes, model, matching)
    own = {name: tensor.shape for name, tensor in model.state_dict().items()}
    state: dict[str, Tensor] = {}
    masked: list[Weights] = []
    for name, target in names.items():
        tensor = checkpoint.state[name].detach().reshape(own[target])
        if name in chosen.masks:
            mask = chosen.masks[name].reshape(own[target])
            fixed_values = None if rule.binary and not fixed else tensor.numpy()
            if fixed_values is None:
                assert density is not None
                mask, tensor = _binary(name, tensor, mask, density, use_global=use_global)
            else:
                tensor = torch.where(mask, tensor, torch.zeros_like(tensor))
            masked.append(Weights(target, mask.numpy(), tensor.numpy(), fixed_values))
        state[target] = tensor
    storage = smallest(masked)
    _fill(model, state, checkpoint)
    settings = {"search": rule.search} | ({} if density is None else {"density": density})
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
        density,
        tensors,
        0 if storage.prototype is None else len(storage.prototype.values),
        checkpoint.path.stat().st_size,
        _warnings(chosen, checkpoint, own, names),
    )


def _scores(checkpoint: Checkpoint, rule: Project, project: str) -> dict[str, Tensor]:
    """Return the scores by the name of the weight that they belong to."""
    suffix, found = f".{rule.scores}", {}
    for name, score in checkpoint.state.items():
        if not name.endswith(suffix):
            continue
        weight = checkpoint.state.get(f"{name.removesuffix(suffix)}.weight")
        if weight is None or weight.shape != score.shape:
            got = "none" if weight is None else f"shape {tuple(weight.shape)}"
            raise ModelError(
                f"{checkpoint.path}: scores {name!r}: expected a weight of shape "
                f"{tuple(score.shape)} beside them, got {got}"
            )
        if score.dtype != torch.float32 or weight.dtype != torch.float32:
            raise ModelError(
                f"{checkpoint.path}: {name!r}: expected scores and weights of float32, got "
                f"{score.dtype} and {weight.dtype}"
            )
        if score.isnan().any():
            raise ModelError(f"{checkpoint.path}: scores {name!r}: expected numbers, got NaN")
        if not score.numel():
            raise ModelError(f"{checkpoint.path}: scores {name!r}: expected some, got none")
        found[f"{name.removesuffix(suffix)}.weight"] = score.detach().contiguous()
    if not found:
        others = [p for p, r in PROJECTS.items() if any(
            name.endswith(f".{r.scores}") for name in checkpoint.state)]  # fmt: skip
        hint = f"; its names are those of {' or '.join(others)}" if others else ""
        raise ModelError(
            f"{checkpoint.path}: expected scores named *{suffix}, as {project} has them, got none "
            f"among {', '.join(map(repr, list(checkpoint.state)[:3]))}{hint}"
        )
    return found


def _use_global(checkpoint: Checkpoint, project: str, budget: str | None) -> bool:
    if budget is not None and budget not in BUDGETS:
        raise UnknownNameError("budget", budget, BUDGETS)
    kind = checkpoint.about.get("conv_type")
    if kind == "SampleSubnetConv":
        raise ModelError(
            f"{checkpoint.path}: SampleSubnetConv draws another mask in every forward: expected a "
            "checkpoint of SubnetConv, GlobalSubnetConv or FixedSubnetConv"
        )
    if budget == "global" and project != "biprop":
        raise SettingError(
            f"a global budget is biprop's (GlobalSubnetConv); expected --budget per-tensor for "
            f"{project}, got global"
        )
    recorded = None if kind is None else BUDGETS[kind == _GLOBAL]
    if budget is not None and recorded not in (None, budget):
        raise SettingError(
            f"{checkpoint.path}: records {kind}, a {recorded} budget; got --budget {budget}"
        )
    return (budget or recorded) == "global" and project == "biprop"


def _density(checkpoint: Checkpoint, rule: Project, project: str, density: float | None) -> float:
    recorded = checkpoint.about.get("prune_rate")
    if project != "biprop" or not isinstance(recorded, int | float):
        recorded = None
    if density is None and recorded is None:
        raise SettingError(
            f"{checkpoint.path}: does not record its density: expected --density, the fraction of "
            f"weights kept; {project} calls it {rule.number}"
        )
    if density is not None and recorded is not None and density != recorded:
        raise SettingError(
            f"{checkpoint.path}: records prune_rate {recorded:g}, the fraction kept; got --density "
            f"{density:g}; leave it out"
        )
    number = float(density if density is not None else recorded or 0.0)
    check_density(number)
    return number


def _binary(
    name: str, weight: Tensor, mask: Tensor, density: float, *, use_global: bool
) -> tuple[Tensor, Tensor]:
    count = int(torch.sum(mask.float())) if use_global else int(density * mask.numel())
    restored = binary_weight(name, weight, mask, count)
    return restored != 0, restored  # sign(0) is 0: such a weight needs no position


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
            if tensor.dtype not in _CODES:
                raise ModelError(f"{name!r}: cannot be stored: {tensor.dtype}")
            bits = tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor
            contents.append(DenseTensor(name, _CODES[tensor.dtype], bits.contiguous().numpy()))
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
