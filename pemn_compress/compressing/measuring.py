"""How well a stored model does: its archive opened, its data read as it saw them, its score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from pemn_compress.compressing.preparing import DataRequest, Functions, load_request
from pemn_compress.data.labels import paired
from pemn_compress.data.own import CALLERS, from_model_file
from pemn_compress.data.preprocessing import (
    Preprocessing,
    preprocessed,
    preprocessing_of,
)
from pemn_compress.data.samples import Data
from pemn_compress.data.sources import NAMES
from pemn_compress.data.tasks import CLASSIFY, NEXT_TOKEN, Loss, Measure
from pemn_compress.data.text import TEXTS, renumbered
from pemn_compress.errors import DataError, SettingError
from pemn_compress.format.archive import Archive, Limits, open_archive
from pemn_compress.format.arrays.claims import Claims, read_claims
from pemn_compress.kinds import check_kind
from pemn_compress.models.building import source_file
from pemn_compress.models.modelfile import ModelFile
from pemn_compress.storing.loading import build_to_fill, restore_module
from pemn_compress.training.evaluation import check_fit
from pemn_compress.training.evaluation import evaluate as score_of
from pemn_compress.training.history import ACCURACY, Recorded, Score
from pemn_compress.training.history import recorded as recorded_in
from pemn_compress.training.run import Run

# A stranger's shape decides how large pictures from files become, unless the caller says it.
LARGEST_RECORDED_SIDE = 2048
LABELS = ("name", "position")


@dataclass(frozen=True)
class Measured:
    """A restored model's score on the test part of data, and what to read of how it was had.

    `normalize` is the (mean, std) that images were normalised with; None where data are no images.
    """

    name: str
    data: str
    score: Score
    recorded: Recorded | None
    normalize: tuple[tuple[float, ...], tuple[float, ...]] | None
    notes: tuple[str, ...]


def evaluate(
    archive: str | Path | bytes,
    data: Any = None,
    *,
    model: nn.Module | ModelFile | None = None,
    trust_source: bool = False,
    preprocessing: str | Preprocessing | None = None,
    labels: str = "name",
    batch_size: int = 256,
    workers: int = 0,
    device: str = "auto",
    limits: Limits | None = None,
    name: str | None = None,
    loss: Loss | None = None,
    metrics: Measure | None = None,
) -> Measured:
    """Return how well the model of an archive does on the test part of data.

    Args:
        archive: its path, or its bytes.
        data: what `data.sources.load_data` takes, a `DataRequest`, a `Data`, or what a model file's
            eval_data() may return: a pair (inputs, targets) or a map-style Dataset. None takes the
            model file's own.
        model: that of `load`; a model file builds the model to fill, and its eval_data() is the
            data where none is given.
        trust_source: that of `load`: run the model file in the archive.
        preprocessing: the resizing, cropping and normalisation of images, or the name of one of
            PREPROCESSINGS. What it leaves out is as the archive records it, else as the data has
            it by default.
        labels: "name" pairs the data's classes with the archive's by their names where both have
            them; "position" takes labels as they are.
        batch_size: samples at a time.
        workers: processes that load samples.
        device: where the model runs: "auto", "cpu", "cuda", ...
        limits: what a reader is willing to restore.
        name: what messages call the archive.
        loss: a function of (outputs, targets), as `compress` takes it; else that of the model file
            that was given, or of the one in the archive with `trust_source`.
        metrics: another, likewise.

    Raises ArchiveError, ModelError, SettingError, and DataError for data that do not fit, a class
    that the archive does not have among them.
    """
    if labels not in LABELS:
        raise SettingError(f"labels: expected {' or '.join(map(repr, LABELS))}, got {labels!r}")
    if isinstance(preprocessing, str):
        preprocessing = preprocessing_of(preprocessing)
    steps = Preprocessing() if preprocessing is None else preprocessing
    check_kind("preprocessing", steps, Preprocessing, "a name, or a Preprocessing")
    if name is not None:
        check_kind("name", name, str, "a text")
    torch_device = Run(device).torch_device()
    with open_archive(archive, limits) as opened:
        opened.name = name or opened.name
        claims = read_claims(opened.manifest.about, opened.name)
        recorded = recorded_in(opened.manifest.about)
        module, file = _restored(opened, model, trust_source)
        if file is None and (data is None or getattr(data, "spec", data) is None):
            raise _no_data(opened)
    functions = Functions(loss, metrics).of(file)
    if recorded and recorded.metric.name != ACCURACY:
        _check_known(recorded, functions, data, opened.name)
    loaded, notes = _test_data(data, file, steps, claims, opened.name, functions)
    by_name = labels == "name" and bool(claims.classes)
    if loaded.task.name == NEXT_TOKEN and by_name:
        loaded = renumbered(loaded, claims.classes, opened.name)
        by_name = False
    if by_name:
        loaded = paired(loaded, claims.classes, opened.name)
    outputs = check_fit(module, loaded)
    if outputs and not by_name and loaded.classes not in (None, outputs):
        notes.append(
            f"data {loaded.name!r} has {loaded.classes} classes, the model {outputs} outputs: "
            "labels are taken by position"
        )
    module.to(torch_device)
    score = score_of(module, loaded.test, loaded, batch_size=batch_size, workers=workers)
    notes = [*loaded.notes, *notes]
    return Measured(opened.name, loaded.name, score, recorded, loaded.normalize, tuple(notes))


def _check_known(recorded: Recorded, functions: Functions, data: Any, name: str) -> None:
    """Refuse to measure by accuracy what was measured by another metric. Raises DataError."""
    spec = data.spec if isinstance(data, DataRequest) else data
    of_text = isinstance(spec, str) and spec.partition(":")[0] in TEXTS
    if functions.given or of_text or isinstance(data, Data):
        return
    raise DataError(
        f"{name}: was measured by {recorded.metric.name!r}, which its model file defines: pass "
        "--trust-source or --model FILE, or loss=... and metrics=..."
    )


def _no_data(archive: Archive) -> DataError:
    """Return the refusal of an evaluation that names no data, and what may bring some."""
    inside = "--model FILE.py, whose eval_data() has them"
    if archive.source() is not None:
        inside = (
            f"trust_source=True, if you trust whoever wrote {archive.name!r}, to run the model "
            "file inside it, which may have eval_data()"
        )
    return DataError(f"{archive.name}: no data: expected --data ({NAMES}), or {inside}")


def _restored(
    archive: Archive, model: nn.Module | ModelFile | None, trust_source: bool
) -> tuple[nn.Module, ModelFile | None]:
    """Return the restored model, and its model file where that may be run."""
    if isinstance(model, ModelFile):
        return restore_module(archive, model=build_to_fill(archive, model)), model
    restored = restore_module(archive, model=model, trust_source=trust_source)
    if model is None and trust_source and archive.source() is not None:
        return restored, source_file(archive, trust_source=True)
    return restored, None


def _test_data(
    data: Any,
    file: ModelFile | None,
    steps: Preprocessing,
    claims: Claims,
    name: str,
    functions: Functions,
) -> tuple[Data, list[str]]:
    """Return the data as the model saw them, without a training part, and what to say of that."""
    sizes = replace(steps, mean=None, std=None)
    request = DataRequest(data) if data is None or isinstance(data, str) else data
    size_is_given = steps.changes_size
    if isinstance(request, DataRequest):
        size_is_given = size_is_given or request.image_size is not None
        if str(request.spec).startswith("folder:") and not size_is_given:
            request = replace(request, image_size=_side(claims, name))
        if str(request.spec).partition(":")[0] in TEXTS and request.context is None:
            request = replace(request, context=claims.shape[0] if claims.shape else None)
        loaded = load_request(request, file, preprocessing=sizes, need_train=False, task=functions)
    elif isinstance(request, Data):
        loaded = preprocessed(load_request(request, file, task=functions), sizes)
    else:
        task = functions.task(CLASSIFY)
        own = from_model_file(None, request, "data", parts=CALLERS, task=task)
        loaded = preprocessed(own, sizes)
    loaded = replace(loaded, train=None)
    notes = _of_other_shape(loaded, claims, size_is_given)
    if not loaded.is_image:
        return preprocessed(loaded, steps), notes
    for mean, std in ((claims.mean or None, claims.std or None), (steps.mean, steps.std)):
        loaded = preprocessed(loaded, Preprocessing(mean, std))
    if not claims.mean and (steps.mean is None or steps.std is None):
        notes.append(
            f"{name} records no normalisation: images are normalised with mean "
            f"{_listed(loaded.mean)} and std {_listed(loaded.std)}, as this data is by default; "
            "say the original's own if it was another"
        )
    if any(value > 1 for value in (*loaded.mean, *loaded.std)):
        notes.append(
            f"mean {_listed(loaded.mean)}, std {_listed(loaded.std)}: pixel values are from 0 to 1 "
            "here; divide statistics of values from 0 to 255 by 255"
        )
    return loaded, notes


def _of_other_shape(data: Data, claims: Claims, size_is_given: bool) -> list[str]:
    """Refuse inputs of another shape than recorded; where a caller said their size, tell it."""
    got, recorded = data.input_shape, claims.shape
    if not recorded or got == recorded:
        return []
    if size_is_given and len(got) == len(recorded) and got[:1] == recorded[:1]:
        return [f"data {data.name!r}: inputs of shape {got}; the model was trained on {recorded}"]
    raise DataError(
        f"data {data.name!r}: expected inputs of shape {recorded}, which the model was trained on, "
        f"got {got}"
    )


def _side(claims: Claims, name: str) -> int | None:
    """Return the size in pixels of the pictures that a model was trained on, as recorded."""
    if len(claims.shape) != 3:
        return None
    _, height, width = claims.shape
    if height != width or height > LARGEST_RECORDED_SIDE:
        raise DataError(
            f"{name} records inputs of shape {claims.shape}: expected squares of at most "
            f"{LARGEST_RECORDED_SIDE} pixels to resize pictures to; say a size yourself"
        )
    return height


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
