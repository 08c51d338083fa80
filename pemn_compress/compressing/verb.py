"""The whole road in one verb: rehearse, train, write the archive, read it back, record."""

import os
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pemn_compress.atomic import write_bytes
from pemn_compress.compressing import byte_budget
from pemn_compress.compressing.exports import Exported, check_exported, write_exports
from pemn_compress.compressing.keeping import keep, packed_as, read_back
from pemn_compress.compressing.logs import Logging
from pemn_compress.compressing.outputs import Exports, Outputs
from pemn_compress.compressing.preparing import DataRequest, Functions, files_read, prepare
from pemn_compress.compressing.putting_back import fit_in
from pemn_compress.compressing.record import begun, finished
from pemn_compress.compressing.recording import Recording
from pemn_compress.compressing.settling import settle
from pemn_compress.compressing.starting import foldless, rehearse_run, wrap
from pemn_compress.compressing.storage import Storage
from pemn_compress.compressing.teaching import check_teacher, digest_of, load_teacher
from pemn_compress.data.ranks import world
from pemn_compress.data.samples import Data
from pemn_compress.data.tasks import Loss, Measure
from pemn_compress.errors import ModelError
from pemn_compress.kinds import check_kind
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.masking.selection import Selection
from pemn_compress.models import building as architectures
from pemn_compress.models.opened import opened_files
from pemn_compress.storing.saving import check_ways
from pemn_compress.training import recipes
from pemn_compress.training.fitting import fit
from pemn_compress.training.history import Epoch, History, StorageStep
from pemn_compress.training.identity import of_architecture
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run
from pemn_compress.training.watching import (
    Expecting,
    Observer,
    check_observer,
    say_after,
    say_before,
)


@dataclass(frozen=True)
class Compressed:
    """What `compress` made: the archive, the restored plain model, exports, the run's record."""

    path: Path | None
    archive: bytes = field(repr=False)
    model: nn.Module = field(repr=False)
    history: History = field(repr=False)
    steps: list[StorageStep] = field(repr=False)
    record: dict[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()
    exports: tuple[Exported, ...] = ()

    @property
    def accuracy(self) -> float:
        """Test accuracy of the stored model, in [0, 1].

        Raises KeyError where the task has another headline, as `steps[-1].score` tells.
        """
        return self.steps[-1].score.accuracy


def compress(
    model: str | Path | nn.Module,
    *,
    data: str | Data | tuple[Any, Any] | DataRequest | None = None,
    output: str | Path | None = None,
    recipe: str | Recipe = recipes.DEFAULT,
    settings: Settings | PruningSettings | None = None,
    selection: Selection | None = None,
    arguments: Mapping[str, object] | None = None,
    run: Run | None = None,
    storage: Storage | None = None,
    checkpoint: str | Path | None = None,
    record: str | Path | None = None,
    export: Exports = (),
    log: str | Path | None = None,
    tensorboard: str | Path | None = None,
    observer: Observer | None = None,
    loss: Loss | None = None,
    metrics: Measure | None = None,
    teacher: str | Path | nn.Module | None = None,
    **changes: Any,
) -> Compressed:
    """Train masks over fixed random weights, or a pruned network, and write a `.pemn` archive.

    Args:
        model: a model file ("model.py", "model.py:build_model"), the name of an architecture
            ("convmixer", "torchvision:resnet18"), or a plain nn.Module, which is left as it is.
        data: what `datasets.load_data` takes, a `Data`, a (train, test) pair of datasets or of
            (inputs, targets) pairs, or None for a model file's own.
        output: the archive's path; None writes no file and leaves the bytes in the result.
        recipe: the name of a recipe, or one.
        settings: the mask settings, by default those of the recipe; or the pruning settings.
        selection: which parameters are masked or pruned.
        arguments: what the architecture or `build_model` is called with.
        run: how the machine is used.
        storage: how the archive is written.
        checkpoint: a file to write after every epoch, and to go on from when it exists.
        record: a JSON file for everything about the run.
        export: a file, or several, to make of the restored model beside the archive, as `restore`
            makes them: .pt2, .onnx, .safetensors, .pt, .npz by extension. Tried before training.
        log: a CSV file with a line per epoch, written as the run goes on.
        tensorboard: a folder for TensorBoard's events (needs the package tensorboard).
        observer: who is told about progress.
        teacher: a trained model to learn from beside the labels: a module, an archive, a
            checkpoint of `compress`, or a state dict of the same host; see `load_teacher`.
        loss: a function of (outputs, targets), in place of a model file's own (`tasks`).
        metrics: another, which returns figures by name.
        changes: recipe settings (`epochs=10`, `validation=0.1`, `keep="best"`), mask settings
            (`strategy="mp"`) and pruning settings (`strategy="magnitude", sparsity=0.9`) to
            override.

    Before the first step the whole road is walked with untrained weights (`rehearsal`). After the
    last one the archive is read back, its tensors compared bit for bit with the trained ones, and
    the trained model's outputs with those of a model that was built as a reader builds it, before
    anything is reported. Raises PemnError and its children; whatever is raised, no half-written
    file is left. An export that fails after training all the same leaves the archive and the
    record: OutputError says so.
    """
    started = time.perf_counter()
    run, storage, selection = _settings(run, storage, selection)
    check_observer(observer)
    if isinstance(model, os.PathLike):
        model = os.fspath(model)
    chosen, settings = settle(recipe, settings, changes)
    run.torch_device()  # which may not be here
    check_ways(settings, **storage.writing(), **storage.shrinking())
    read = files_read(model, data, teacher)
    files = Outputs.of(output, checkpoint, record, export, log, tensorboard, inputs=read)
    check_teacher(teacher, changes)
    plan = byte_budget.Plan(settings, chosen, storage)
    say_before(observer, "reading the data and building the model")
    with opened_files() as opened:  # those of a model file's own code among them
        prepared = prepare(
            model,
            data,
            chosen,
            settings.seed,
            {} if arguments is None else arguments,
            Functions(loss, metrics),
            byte_budget.widest(plan, selection),
        )
        taught = None if teacher is None else load_teacher(teacher, prepared)
    if storage.is_limited:
        say_before(observer, "trying what fits into the bytes")
        plan = byte_budget.choose(plan, prepared, selection)
        settings, chosen, storage = plan.settings, plan.recipe, plan.storage
    masked, warnings = wrap(prepared, settings, selection, chosen)
    storage, more = foldless(storage, masked)
    files = files.checked(force=storage.force, read=opened)
    if world().rank > 0:  # all ranks come to the same bytes; the first one writes them
        files = files.read_only()
    say_before(observer, "rehearsing: storing, and building as a reader will")
    rehearsed = rehearse_run(masked, prepared, chosen, storage, files.archive, files.exports)
    warnings = [*prepared.data.notes, *warnings, *more, *rehearsed.warnings]
    files.check_space(rehearsed.expected_bytes, rehearsed.exports)
    if isinstance(observer, Expecting):
        observer.ready("; ".join(filter(None, [rehearsed.told, plan.line])), warnings)
    known = begun(prepared.data, chosen, settings, selection, run, storage, masked)
    known["teacher"] = None if taught is None else digest_of(taught)
    known["chosen"] = plan.line or None
    recording = Recording(files.record, known, observer, force=files.replaces_record)
    with closing(Logging(files.logs(), recording)) as logged:
        history = fit(
            masked,
            prepared.data,
            chosen,
            seed=settings.seed,
            run=run,
            checkpoint=files.checkpoint,
            identity={
                "settings": asdict(settings),
                "masked": [tensor.name for tensor in masked.plan],
                "architecture": of_architecture(architectures.architecture_of(masked.model)),
                **({} if taught is None else {"teacher": digest_of(taught)}),
            },
            teacher=taught,
            observer=logged,
        )
    say_after(recording, "storing the model, and comparing what a reader has of it")
    masked.to("cpu").to(memory_format=torch.contiguous_format)
    limit = byte_budget.limit_of(storage, masked.plan.numel) if storage.is_limited else None

    def size(trained: Epoch) -> int:
        lossy = storage.shrinking()
        return len(packed_as(masked, prepared, chosen, storage, trained, lossy, rehearsed.held))

    trained, backs = fit_in(masked, prepared, chosen, run, history.kept, limit, size)
    for back in backs:
        recording.warning(back.told)
    held = rehearsed.held
    kept = keep(masked, prepared, rehearsed.build, chosen, storage, run, trained, held)
    for line in kept.warnings:
        recording.warning(line)
    if limit is not None and len(kept.archive) > limit:
        raise ModelError(
            f"the archive has {len(kept.archive):,} B where at most {limit:,} were allowed: "
            "nothing was written; train again with a larger max_bytes"
        )
    exported: list[Exported] = []
    failed: list[str] = []
    if files.archive is not None:
        write_bytes(files.archive, kept.archive, force=storage.force)
        read_back(files.archive, kept.archive)
        say_after(recording, "exporting and recording", archive=files.archive)
        exported, failed = write_exports(
            files.exports, kept.archive, prepared, rehearsed.build, force=storage.force
        )
    seconds = time.perf_counter() - started
    told = finished(known, kept.archive, files.archive, history, kept.steps, seconds)
    told["put_back"] = [back.to_dict() for back in backs]
    told["exports"] = [one.to_dict() for one in exported]
    recording.finish(told)
    if files.archive is not None:
        check_exported(failed, files.archive)
    return Compressed(
        files.archive,
        kept.archive,
        kept.model,
        history,
        kept.steps,
        told,
        (*warnings, *recording.warnings),
        tuple(exported),
    )


def _settings(run: Any, storage: Any, selection: Any) -> tuple[Run, Storage, Selection]:
    """Return what was given, and defaults for what was not. Raises SettingError."""
    found: list[Any] = []
    for name, given, kind in (
        ("run", run, Run),
        ("storage", storage, Storage),
        ("selection", selection, Selection),
    ):
        found.append(kind() if given is None else given)
        check_kind(name, found[-1], kind, f"a {kind.__name__}")
    return found[0], found[1], found[2]
