"""The whole road in one verb: train, write the archive, read it back, compare, record."""

import copy
import json
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.atomic import check_output, write_bytes
from pemn_compress.compressing.preparing import DataRequest, Prepared, prepare
from pemn_compress.compressing.record import Storage, run_record
from pemn_compress.compressing.settling import settle
from pemn_compress.data.batches import Batches
from pemn_compress.data.ranks import world
from pemn_compress.data.samples import Data
from pemn_compress.errors import ArchiveError, OutputError
from pemn_compress.format import codecs
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.rules.methods import RENEWALS
from pemn_compress.masking.rules.pruning import PruningSettings, check_storage
from pemn_compress.masking.rules.strategies import Settings, few_values_warning
from pemn_compress.masking.selection import Selection
from pemn_compress.models import building as architectures
from pemn_compress.storing import loading
from pemn_compress.storing import saving as packing
from pemn_compress.storing.shrinking import check_dense_dtype, foldable
from pemn_compress.training import recipes
from pemn_compress.training.evaluation import evaluate
from pemn_compress.training.fitting import fit
from pemn_compress.training.history import Epoch, Score, StorageStep
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run
from pemn_compress.training.watching import Observer


@dataclass(frozen=True)
class Compressed:
    """What `compress` made: the archive, the restored plain model, and the run's record."""

    path: Path | None
    archive: bytes = field(repr=False)
    model: nn.Module = field(repr=False)
    history: list[Epoch] = field(repr=False)
    steps: list[StorageStep] = field(repr=False)
    record: dict[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """Test accuracy of the stored model after the last epoch, in [0, 1]."""
        return self.steps[-1].score.accuracy


def compress(
    model: str | nn.Module,
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
    observer: Observer | None = None,
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
        run, storage: how the machine is used, how the archive is written.
        checkpoint: a file to write after every epoch, and to go on from when it exists.
        record: a JSON file for everything about the run.
        observer: who is told about progress.
        changes: recipe settings (`epochs=10`), mask settings (`strategy="mp"`) and pruning settings
            (`strategy="magnitude", sparsity=0.9`) to override.

    The archive is read back, its tensors compared bit for bit with the trained ones and the
    restored model's outputs with the trained model's, before anything is reported. Raises
    PemnError and its children; whatever is raised, no half-written file is left.
    """
    started = time.perf_counter()
    run, storage, selection = run or Run(), storage or Storage(), selection or Selection()
    chosen, settings = settle(recipe, settings, changes)
    codecs.check_name(storage.codec)
    check_dense_dtype(storage.dense_dtype)
    check_storage(
        settings.strategy,
        store_prototype=storage.store_prototype,
        value_dtype=storage.value_dtype,
    )
    if isinstance(settings, Settings):
        packing.check_store_prototype(settings, storage.store_prototype)
    output, checkpoint, record = (Path(p) if p else None for p in (output, checkpoint, record))
    for path, force in ((output, storage.force), (checkpoint, True), (record, storage.force)):
        if path is not None:
            check_output(path, force=force)
    given = [path.absolute() for path in (output, checkpoint, record) if path is not None]
    if len(set(given)) < len(given):
        raise OutputError(
            f"{given[0]}: expected different files for archive, checkpoint and record, got one"
        )
    if world().rank > 0:  # all ranks come to the same bytes; the first one writes them
        output = record = None
    prepared = prepare(model, data, chosen, settings.seed, arguments or {})
    blank = copy.deepcopy(prepared.model)
    masked: MaskedModel | PrunedModel
    warnings = list(prepared.data.notes)
    if isinstance(settings, PruningSettings):
        masked = PrunedModel(prepared.model, **asdict(settings), **asdict(selection))
    else:
        masked = MaskedModel(prepared.model, **asdict(settings), **asdict(selection))
        warnings += _warnings(settings, masked, chosen, prepared.data)
    if storage.fold_batchnorm and not any(map(foldable, masked.model.modules())):
        storage = replace(storage, fold_batchnorm=False)
        warnings.append(
            "fold_batchnorm: the model has no batch-norm with learned scale and shift; nothing is "
            "folded"
        )
    if output is not None:
        _check_space(output, masked)
    history = fit(
        masked,
        prepared.data,
        chosen,
        seed=settings.seed,
        run=run,
        checkpoint=checkpoint,
        identity={
            "settings": asdict(settings),
            "masked": [tensor.name for tensor in masked.plan],
            "architecture": architectures.architecture_of(masked.model),
            "amp": run.amp,
        },
        observer=observer,
    )
    masked.to("cpu").to(memory_format=torch.contiguous_format)
    packed, steps = _pack_step_by_step(masked, prepared, chosen, storage, run, history[-1].test)
    restored = loading.load(packed, model=blank)
    stored = packing.shrunk(masked, **storage.shrinking()) if len(steps) > 1 else masked
    _compare_outputs(stored, restored, prepared.data)
    if output is not None:
        write_bytes(output, packed, force=storage.force)
        _read_back(output, packed)
    told = run_record(
        packed, output, prepared.data, chosen, settings, selection, run, storage, masked, history,
        steps, time.perf_counter() - started,
    )  # fmt: skip
    if record is not None:
        write_bytes(record, (json.dumps(told, indent=2) + "\n").encode(), force=storage.force)
    return Compressed(output, packed, restored, history, steps, told, tuple(warnings))


def _pack_step_by_step(
    masked: MaskedModel | PrunedModel,
    prepared: Prepared,
    recipe: Recipe,
    storage: Storage,
    run: Run,
    trained: Score,
) -> tuple[bytes, list[StorageStep]]:
    """Return the archive, and what each lossy option of its storage costs and saves."""
    options: list[tuple[str, dict[str, Any]]] = [("as trained", {})]
    for label, option in (
        ("batch-norm folded", {"fold_batchnorm": storage.fold_batchnorm}),
        (f"dense {storage.dense_dtype}", {"dense_dtype": storage.dense_dtype}),
        (f"values {storage.value_dtype}", {"value_dtype": storage.value_dtype}),
    ):
        if set(option.values()) - {False, "float32"}:
            options.append((label, options[-1][1] | option))
    data, steps, packed = prepared.data, [], b""
    for label, chosen in options:
        score = trained
        if chosen:
            plain = packing.shrunk(masked, **chosen).to(run.torch_device())
            score = evaluate(plain, data.test, data, workers=run.workers)
        packed = packing.pack(
            masked,
            codec=storage.codec,
            zstd=storage.zstd,
            tensor_digests=storage.tensor_digests,
            store_prototype=storage.store_prototype,
            **chosen,
            source=prepared.source if storage.include_source else None,
            about=_about(data, recipe, score),
        )
        steps.append(StorageStep(label, len(packed), score))
    return packed, steps


def _warnings(settings: Settings, masked: MaskedModel, recipe: Recipe, data: Data) -> list[str]:
    told = [few_values_warning(settings, masked.filling.length)]
    facts = RENEWALS[settings.renewal]
    if facts is not None:
        steps = -(-len(data.train or ()) // recipe.batch_size)
        length = recipe.epochs * (1 if facts.unit == "epochs" else steps)
        if settings.period >= length:
            told.append(
                f"renewal {settings.renewal} every {settings.period} {facts.unit} never comes due "
                f"in {length}; pass more --epochs"
                + (" or a smaller --renewal-every" if length > 1 else "")
            )
    return [one for one in told if one]


def _check_space(output: Path, masked: MaskedModel | PrunedModel) -> None:
    values = sum(p.numel() for p in masked.model.state_dict().values())
    if isinstance(masked, PrunedModel):
        values += sum(masked.kept)
    needed = masked.plan.numel // 8 + 4 * values + 1024  # a kilobyte or more says what is what
    with suppress(OSError):
        free = shutil.disk_usage(output.absolute().parent).free
        if free < needed:
            raise OutputError(
                f"{output}: the archive will take about {needed} bytes, the disk has {free} free"
            )


def _about(data: Data, recipe: Recipe, score: Score) -> dict[str, Any]:
    kind, colon, place = data.name.partition(":")
    name = f"{kind}:{Path(place).name}" if colon else kind  # a path of this machine helps nobody
    about: dict[str, Any] = {
        "accuracy": {"correct": score.correct, "data": name, "total": score.total},
        "input": {"shape": list(data.input_shape)},
        "training": {"epochs": recipe.epochs, "recipe": recipe.name},
    }
    if data.is_image:
        about["input"] |= {"mean": list(data.mean), "std": list(data.std)}
    if data.class_names:
        about["classes"] = list(data.class_names)
    return about


def _compare_outputs(trained: nn.Module, restored: nn.Module, data: Data) -> None:
    samples = Batches(data.test, batch_size=32, shuffle_seed=None, normalize=data.normalize)
    inputs, _ = next(iter(samples))
    with torch.no_grad():
        expected, got = trained.eval()(inputs), restored.eval()(inputs)
    if not _same_bits(expected, got):
        raise ArchiveError(
            "the restored model's outputs differ from the trained model's although all tensors "
            "agree: does the model hold state outside its state dict? Nothing was written"
        )


def _same_bits(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.numpy().tobytes() == other.numpy().tobytes()


def _read_back(path: Path, packed: bytes) -> None:
    if path.read_bytes() != packed:
        raise ArchiveError(f"{path}: reads back other bytes than were written: a broken disk?")
