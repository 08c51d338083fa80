"""From a checkpoint to an archive: masks by the project's rule, weights by the smallest means."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError, UnknownNameError
from pemn_compress.format.archive import AliasTensor, DenseTensor, encode
from pemn_compress.format.archive.contents import Content
from pemn_compress.importing import matching as match
from pemn_compress.importing import recognising
from pemn_compress.importing.alone import Weights
from pemn_compress.importing.checked import ImportedTensor, bits, read_back
from pemn_compress.importing.checkpoints import Checkpoint, read_checkpoint
from pemn_compress.importing.meaning import Meaning, find_scores, read_meaning
from pemn_compress.importing.projects import PROJECTS, binary_weight
from pemn_compress.importing.settled import Asked, check_asked
from pemn_compress.importing.storing import smallest
from pemn_compress.kinds import check_kind, path_of
from pemn_compress.models import building as architectures
from pemn_compress.models.checks import plain
from pemn_compress.storing.tensors import CODES, as_array
from pemn_compress.version import __version__


@dataclass(frozen=True)
class Imported:
    """An archive made from a checkpoint, and what is worth knowing about it.

    `rule` says how the masks were made; `warnings` where the project's own forward may differ from
    it, and what did not fit as it was; `unknown` what nothing in the file decides.
    """

    archive: bytes
    project: str
    density: float | None
    tensors: tuple[ImportedTensor, ...]
    prototype_length: int
    checkpoint_bytes: int
    warnings: tuple[str, ...]
    rule: str = ""
    unknown: tuple[str, ...] = ()


def import_checkpoint(
    path: str | Path | bytes,
    project: str,
    model: nn.Module,
    *,
    density: float | None = None,
    budget: str | None = None,
    linear_density: float | None = None,
    matching: str = "names",
    input_shape: tuple[int, ...] | None = None,
    source: str | None = None,
) -> Imported:
    """Turn a checkpoint of one of PROJECTS into an archive of `model`, a plain nn.Module.

    `path` is the file, or its bytes. `density` is the fraction of weights KEPT, by default what the
    file records (biprop's do). `budget` is biprop's: "per-tensor" or "global", which the file
    records unless it is an early one. `linear_density` is iterand's for its linear layers, by
    default the same. `matching` is "names" or "order". Weights are stored by the smallest exact
    means. The archive is read back and compared, bit for bit, with what the rule makes of the
    checkpoint; `model` gets that too. Scores of 0 and 1 alone are taken for FixedSubnetConv's,
    which are masks. What the file does not tell is in the result's `warnings` and `unknown`.

    Raises ModelError for a checkpoint that cannot be read without running code, that another
    project wrote or that does not fit the model, SettingError for settings that are missing or
    contradict the checkpoint.
    """
    if not isinstance(path, bytes):
        path = path_of("checkpoint", path, "a path or bytes")
    check_kind("model", model, nn.Module, "a torch.nn.Module")
    if source is not None:
        check_kind("source", source, str, "the text of a model file")
    if not isinstance(project, str) or project not in PROJECTS:
        raise UnknownNameError("project", project, PROJECTS)
    rule = PROJECTS[project]
    settings = plain({"density": density, "linear_density": linear_density, "budget": budget})
    asked = Asked(**settings)  # type: ignore[arg-type]
    check_asked(asked, project)
    match.check_how(matching)
    own = {name: tensor.shape for name, tensor in match.tensors_of(model).items()}
    checkpoint = read_checkpoint(path, own)
    told = recognising.check_project(checkpoint, project)
    scores = find_scores(checkpoint, project)
    suffix = f".{rule.scores}"
    shapes = {n: tuple(t.shape) for n, t in checkpoint.state.items() if not n.endswith(suffix)}
    names = _match(checkpoint, shapes, model, matching)
    meaning = read_meaning(checkpoint, project, scores, asked)
    state, masked = _restored(checkpoint, names, own, meaning)
    told += match.doubts(names) if matching == "order" else []
    architecture, changed = _architecture(model)
    storage = smallest(masked)
    model.load_state_dict(state, strict=False)  # a model may have state that is no tensor
    packed = encode(
        _contents(model, state, storage.contents),
        storage.prototype,
        architecture=architecture,
        about=_about(checkpoint, project, meaning, input_shape),
        source=source,
    )
    return Imported(
        packed,
        project,
        meaning.density,
        read_back(packed, state, storage.kinds),
        0 if storage.prototype is None else len(storage.prototype.values),
        checkpoint.bytes,
        (*told, *changed, *_changed_shapes(checkpoint, own, names), *meaning.doubts),
        meaning.rule,
        (*recognising.undecided(checkpoint, project), *meaning.unknown),
    )


def _match(
    checkpoint: Checkpoint, shapes: Mapping[str, tuple[int, ...]], model: nn.Module, how: str
) -> dict[str, str]:
    """Match tensors of equal shapes and types. Raises ModelError."""
    names = match.match(checkpoint.name, shapes, model, how)
    own = match.tensors_of(model)
    for name, target in names.items():
        tensor = checkpoint.state[name]
        if tensor.dtype != own[target].dtype:
            raise ModelError(
                f"{checkpoint.name}: does not fit the model: tensor {name!r}: expected "
                f"{own[target].dtype}, got {tensor.dtype}"
            )
        if tensor.dtype not in CODES:
            raise ModelError(f"{checkpoint.name}: {name!r}: cannot be stored: {tensor.dtype}")
    return names


def _restored(
    checkpoint: Checkpoint,
    names: Mapping[str, str],
    own: Mapping[str, torch.Size],
    meaning: Meaning,
) -> tuple[dict[str, Tensor], list[Weights]]:
    """Return the state that the rule makes, by the model's names, and its masked tensors."""
    state: dict[str, Tensor] = {}
    masked: list[Weights] = []
    for name, target in names.items():
        tensor = checkpoint.state[name].reshape(own[target]).contiguous()
        if name in meaning.chosen.masks:
            mask, fixed = meaning.chosen.masks[name].reshape(own[target]), None
            if meaning.divisors is None:
                fixed = tensor.numpy()
                tensor = torch.where(mask & (tensor != 0), tensor, torch.zeros_like(tensor))
            else:
                tensor = binary_weight(name, tensor, mask, meaning.divisors[name])
            positions = (tensor != 0).numpy()  # a weight of zero needs none
            masked.append(Weights(target, positions, tensor.numpy(), fixed))
        state[target] = tensor
    return state, masked


def _about(
    checkpoint: Checkpoint, project: str, meaning: Meaning, input_shape: tuple[int, ...] | None
) -> dict[str, Any]:
    density = {} if meaning.density is None else {"density": meaning.density}
    return {
        "imported": {"from": project, "checkpoint": Path(checkpoint.name).name},
        "settings": {"search": PROJECTS[project].search} | density,
        "writer": f"pemn-compress {__version__}",
        **({"input": {"shape": list(input_shape)}} if input_shape else {}),
    }


def _architecture(model: nn.Module) -> tuple[dict[str, Any], list[str]]:
    """Return how the model is built again, and what has to be said of it."""
    told = architectures.architecture_of(model)
    change = architectures.change_since_build(model)
    if change is None:
        return told, []
    return architectures.unknown_architecture(model), [
        f"the model is no longer the {told['name']} that was built (registered and given: "
        f"{change}): the archive does not say how to build it; whoever loads it has to bring it"
    ]


def _contents(
    model: nn.Module, state: Mapping[str, Tensor], masked: Mapping[str, Content]
) -> list[Content]:
    contents: list[Content] = []
    first: dict[int, str] = {}
    for name, parameter in match.tensors_of(model).items():
        tied = first.setdefault(id(parameter), name)
        tensor = state[name]
        if tied != name:
            if not torch.equal(bits(tensor), bits(state[tied])):
                raise ModelError(
                    f"{name!r}: tied to {tied!r} in the model: expected the same values, got others"
                )
            contents.append(AliasTensor(name, tied))
        elif name in masked:
            contents.append(masked[name])
        else:
            contents.append(DenseTensor(name, CODES[tensor.dtype], as_array(tensor)))
    return contents


def _changed_shapes(
    checkpoint: Checkpoint, own: Mapping[str, torch.Size], names: Mapping[str, str]
) -> list[str]:
    return [
        f"{target}: shape {tuple(checkpoint.state[name].shape)} became {tuple(own[target])}"
        for name, target in names.items()
        if checkpoint.state[name].shape != own[target]
    ]
