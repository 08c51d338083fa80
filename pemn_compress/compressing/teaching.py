"""The model that a run learns from beside the labels: an archive, a checkpoint or a state dict."""

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pemn_compress.compressing.preparing import Prepared
from pemn_compress.compressing.readers import builder_of
from pemn_compress.compressing.rehearsal import fill, needs_no_model
from pemn_compress.errors import DataError, ModelError, PemnError, SettingError, unreadable
from pemn_compress.format.archive.layout import ANY_SIZE, MAGIC
from pemn_compress.kinds import path_of
from pemn_compress.masking.copying import copied
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.models.building import architecture_of, build, seed_of
from pemn_compress.storing.loading import load
from pemn_compress.training.identity import digest


def load_teacher(teacher: str | Path | nn.Module, prepared: Prepared) -> nn.Module:
    """Return a teacher as a plain module: what a file holds, or a copy of the module given.

    A file is an archive (of a registered architecture, or of the run's own model file), a
    checkpoint that `compress` writes (of a registered architecture), or a state dict of the run's
    own host (.pt, .safetensors). Nothing in a file is run. Raises DataError and ModelError.
    """
    if isinstance(teacher, nn.Module):
        return copied(teacher, {})
    path = path_of("teacher", teacher, "a trained nn.Module, or a path of one")
    if not os.path.isfile(path):
        got = "a folder" if os.path.isdir(path) else "no such file"
        raise DataError(f"teacher {path}: expected an archive or a checkpoint, got {got}")
    try:
        with path.open("rb") as file:
            is_archive = file.read(len(MAGIC)) == MAGIC
        return _of_archive(path, prepared) if is_archive else _of_state(path, prepared)
    except OSError as error:
        raise DataError(unreadable(f"teacher {path}", error)) from None
    except PemnError as error:
        told = str(error).removeprefix(f"{path}: ")
        raise type(error)(f"teacher {path}: {told}") from None


def check_teacher(teacher: object, changes: Mapping[str, Any]) -> None:
    """Refuse settings of a teacher where there is none. Raises SettingError."""
    for name in ("teacher_weight", "temperature"):
        if teacher is None and changes.get(name) is not None:
            raise SettingError(f"{name} is a setting of a teacher: expected teacher, got none")


def digest_of(teacher: nn.Module) -> str:
    """Return what tells one teacher from another: of all its state."""
    told = [f"{name} {digest(tensor)}" for name, tensor in teacher.state_dict().items()]
    return sha256("\n".join(told).encode()).hexdigest()[:16]


def _of_archive(path: Path, prepared: Prepared) -> nn.Module:
    packed = path.read_bytes()
    if needs_no_model(packed):
        return load(packed, limits=ANY_SIZE)
    told = architecture_of(prepared.model)
    found, _ = builder_of(told, prepared.file, travels=True)
    if found is None:
        raise ModelError(
            "expected the archive of a registered architecture, or of the run's own model file"
        )
    model = found(seed_of(told))
    fill(packed, model)
    return model


def _of_state(path: Path, prepared: Prepared) -> nn.Module:
    content = _read(path)
    if isinstance(content, dict) and {"identity", "model", "history"} <= content.keys():
        return _of_checkpoint(content)
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    model = copied(prepared.model, {})
    try:
        model.load_state_dict(content)
    except Exception as error:  # torch raises several kinds for other names or shapes
        reason = " ".join(str(error).split())
        raise ModelError(
            f"is no state of the run's own host ({type(model).__name__}): {reason:.200}; expected "
            "one that is, an archive, or a checkpoint of compress"
        ) from None
    return model


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception:  # many kinds, and some tell the user to trust the file
        raise DataError(
            "expected an archive, a checkpoint or a state dict (.pt, .safetensors), got another "
            "kind of file"
        ) from None


def _of_checkpoint(content: dict[str, Any]) -> nn.Module:
    """Return the plain model that a checkpoint's last epoch is of."""
    identity = content["identity"]
    told = dict(identity.get("architecture", {}))
    if "name" not in told:
        raise ModelError(
            "is the checkpoint of a model file: expected one of a registered architecture, or the "
            "run's archive"
        )
    arguments = told.pop("arguments", {})
    settings, masked = dict(identity["settings"]), list(identity["masked"])
    maker: Any = PrunedModel if "pruning_schedule" in settings else MaskedModel
    try:
        model = maker(build(**told, **arguments), include=masked, **settings)
        model.load_state_dict(content["model"])
        if isinstance(model, PrunedModel):
            model.advance(step=1, steps=1)
        plain: nn.Module = model.to_plain()
    except (SettingError, RuntimeError, TypeError) as error:
        raise ModelError(f"is the checkpoint of another model: {error}") from None
    return plain
