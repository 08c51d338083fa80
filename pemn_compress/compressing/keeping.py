"""From a trained model to its archive, compared with what a reader makes of it."""

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.compressing.comparing import compare_outputs
from pemn_compress.compressing.graphs import Held, again, departure
from pemn_compress.compressing.passes import first_inputs
from pemn_compress.compressing.preparing import Prepared
from pemn_compress.compressing.readers import Builder
from pemn_compress.compressing.rehearsal import fill, needs_no_model
from pemn_compress.compressing.storage import Storage
from pemn_compress.data.samples import Data
from pemn_compress.errors import ArchiveError, PemnError
from pemn_compress.format.archive.layout import ANY_SIZE
from pemn_compress.masking.copying import copied
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.models.building import architecture_of, seed_of
from pemn_compress.storing.loading import load
from pemn_compress.storing.proving import without_fastpath
from pemn_compress.storing.saving import pack, stored_state
from pemn_compress.training.evaluation import evaluate
from pemn_compress.training.history import Epoch, Score, StorageStep, of_score
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run


@dataclass(frozen=True)
class Kept:
    """An archive, the model that a reader has of it, and what each lossy option cost and saved."""

    archive: bytes
    model: nn.Module
    steps: list[StorageStep]
    warnings: tuple[str, ...] = ()


def keep(
    masked: MaskedModel | PrunedModel,
    prepared: Prepared,
    build: Builder | None,
    recipe: Recipe,
    storage: Storage,
    run: Run,
    trained: Epoch,
    held: Held,
) -> Kept:
    """Pack a trained model, lossy option by lossy option, and measure what a reader restores.

    `build` is how a reader builds the model; where only its owner can, a copy of the model that was
    given is filled. Raises ModelError where a reader's model computes something else.
    """
    data = prepared.data
    if held.only:
        held = again(held, masked, data, storage)
    steps: list[StorageStep] = []
    reader: nn.Module | None = None
    for label, lossy in _options(storage):
        score = trained.test
        if lossy and reader is not None:
            reader.load_state_dict(stored_state(masked, **lossy))
            score = evaluate(reader.to(run.torch_device()), data.test, data, workers=run.workers)
            reader.to("cpu")
        told = replace(trained, test=score)
        packed = packed_as(masked, prepared, recipe, storage, told, lossy, held)
        if reader is None:
            reader = as_read(packed, prepared, build)
            with without_fastpath() if held.only else nullcontext():
                compare_outputs(masked, reader, first_inputs(data, 32), batch=32)
        else:
            fill(packed, reader)
        steps.append(StorageStep(label, len(packed), score))
    assert reader is not None
    warnings: tuple[str, ...] = ()
    if held.graph is not None and not held.only and departure(packed, reader.eval(), data):
        with suppress(PemnError):  # training may have changed what no state dict holds
            held = again(held, masked, data, storage)
            packed = packed_as(masked, prepared, recipe, storage, told, lossy, held)
        wrong = departure(packed, reader, data)
        if wrong:
            warnings = (
                f"the graph of the trained model is not the model, and not stored: {wrong}",
            )
            packed = packed_as(masked, prepared, recipe, storage, told, lossy, Held())
        steps[-1] = replace(steps[-1], archive_bytes=len(packed))
    return Kept(packed, reader.eval(), steps, warnings)


def packed_as(
    masked: MaskedModel | PrunedModel,
    prepared: Prepared,
    recipe: Recipe,
    storage: Storage,
    trained: Epoch,
    lossy: Mapping[str, Any],
    held: Held,
) -> bytes:
    """Return the archive of a trained model, with these lossy options."""
    return pack(
        masked,
        **storage.writing(),
        **lossy,
        **held.storing(masked.model, prepared.source if storage.include_source else None),
        about=about(prepared.data, recipe, trained.test, trained.epoch),
    )


def read_back(path: Path, packed: bytes) -> None:
    """Compare what was written with what the disk then holds. Raises ArchiveError."""
    if path.read_bytes() != packed:
        raise ArchiveError(f"{path}: reads back other bytes than were written: a broken disk?")


def _options(storage: Storage) -> list[tuple[str, dict[str, Any]]]:
    """Return what is stored, step by step: as trained, then each lossy option added."""
    options: list[tuple[str, dict[str, Any]]] = [("as trained", {})]
    for label, option in (
        ("batch-norm folded", {"fold_batchnorm": storage.fold_batchnorm}),
        (f"dense {storage.dense_dtype}", {"dense_dtype": storage.dense_dtype}),
        (f"values {storage.value_dtype}", {"value_dtype": storage.value_dtype}),
    ):
        if set(option.values()) - {False, "float32"}:
            options.append((label, options[-1][1] | option))
    return options


def built_anew(prepared: Prepared, build: Builder | None) -> nn.Module:
    """Return a model to fill, as the reader of an archive has it whose model is not registered.

    `build` is how a reader builds a model file's model; of one that was given it is a copy.
    """
    if build is not None:
        return build(seed_of(architecture_of(prepared.model)))
    assert prepared.given is not None
    return copied(prepared.given, {})


def as_read(packed: bytes, prepared: Prepared, build: Builder | None) -> nn.Module:
    """Return the model as a reader comes by it."""
    if needs_no_model(packed):
        return load(packed, limits=ANY_SIZE)
    model = built_anew(prepared, build)
    fill(packed, model)
    return model


def about(data: Data, recipe: Recipe, score: Score, epochs: int) -> dict[str, Any]:
    """Return what an archive says of the run that it comes from, kept after so many epochs."""
    kind, colon, place = data.name.partition(":")
    name = f"{kind}:{Path(place).name}" if colon else kind  # a path of this machine helps nobody
    told: dict[str, Any] = {
        **of_score(score, name),
        "input": _of_inputs(data),
        "training": {"epochs": epochs, "recipe": recipe.name},
    }
    if data.is_image:
        told["input"] |= {"mean": list(data.mean), "std": list(data.std)}
    if data.class_names:
        told["classes"] = list(data.class_names)
    return told


def _of_inputs(data: Data) -> dict[str, Any]:
    """Return the shape of one sample and its dtype where it is not float32, of every input."""
    given = first_inputs(data, 1)
    named = isinstance(given, Mapping)
    told = {
        str(key): _of_input(value)
        for key, value in (given.items() if isinstance(given, Mapping) else enumerate(given))
        if isinstance(value, Tensor) and value.dim()
    }
    if not named and list(told) == ["0"]:
        return told["0"]
    return {"inputs": told} if told else {}


def _of_input(value: Tensor) -> dict[str, Any]:
    told: dict[str, Any] = {"shape": list(value.shape[1:])}
    if value.dtype != torch.float32:
        told["dtype"] = str(value.dtype).removeprefix("torch.")
    return told
