"""What stands between a prepared model and the first step: masks, and the rehearsal."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from pathlib import Path

from pemn_compress.accounting import archive_account
from pemn_compress.compressing.comparing import LostState
from pemn_compress.compressing.exports import try_exports
from pemn_compress.compressing.forecast import expected_bytes
from pemn_compress.compressing.graphs import Held, graph_bytes, held_of
from pemn_compress.compressing.keeping import about, as_read
from pemn_compress.compressing.passes import first_inputs
from pemn_compress.compressing.preparing import Prepared
from pemn_compress.compressing.readers import Builder, builder_of
from pemn_compress.compressing.rehearsal import replaced, walk, walk_graph
from pemn_compress.compressing.storage import Storage
from pemn_compress.data.samples import Data
from pemn_compress.errors import PemnWarning
from pemn_compress.format.archive import open_archive
from pemn_compress.masking.departures import check_target
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.rules.methods import RENEWALS
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.masking.selection import Selection
from pemn_compress.models.building import architecture_of, seed_of
from pemn_compress.reporting.words import both
from pemn_compress.storing.saving import pack
from pemn_compress.storing.shrinking import foldable
from pemn_compress.training.evaluation import check_fit
from pemn_compress.training.history import Metric, Score, accuracy
from pemn_compress.training.recipes import Recipe


@dataclass(frozen=True)
class Start:
    """What is known before the first step.

    `build` is how a reader builds a model file's model, None for any other; `told` says in one line
    what will happen; `exports` how many bytes each exported file will have; `held` is the
    graph in the archive.
    """

    build: Builder | None
    expected_bytes: int
    told: str
    warnings: tuple[str, ...]
    exports: Mapping[Path, int] = field(default_factory=dict)
    held: Held = field(default_factory=Held)


def wrap(
    prepared: Prepared,
    settings: Settings | PruningSettings,
    selection: Selection,
    recipe: Recipe,
) -> tuple[MaskedModel | PrunedModel, list[str]]:
    """Return the model that will be trained, and what should be said of its settings."""
    with _heard() as told:
        if isinstance(settings, PruningSettings):
            pruned = PrunedModel(prepared.model, **asdict(settings), **asdict(selection))
            end = settings.end if settings.removes else 0.0
            return pruned, told + _of_patience(ceil(end * recipe.epochs), recipe)
        masked = MaskedModel(prepared.model, **asdict(settings), **asdict(selection))
    if recipe.target_bits is not None:
        check_target(masked, recipe.target_bits)
    told += _of_settings(settings, recipe, prepared.data)
    told += _of_patience(settings.ramp + 1, recipe)
    return masked, told


def foldless(storage: Storage, masked: MaskedModel | PrunedModel) -> tuple[Storage, list[str]]:
    """Return the storage without folding where there is nothing to fold, which is then said."""
    if not storage.fold_batchnorm or foldable(masked.model):
        return storage, []
    return replace(storage, fold_batchnorm=False), [
        "fold_batchnorm: the model has no batch-norm with learned scale and shift of its own; "
        "nothing is folded"
    ]


def rehearse_run(
    masked: MaskedModel | PrunedModel,
    prepared: Prepared,
    recipe: Recipe,
    storage: Storage,
    output: Path | None,
    exports: Sequence[Path] = (),
) -> Start:
    """Walk the whole road with the untrained model. Raises ModelError, DataError, OutputError."""
    check_fit(masked, prepared.data)
    told = architecture_of(masked.model)
    build, warned = builder_of(told, prepared.file, travels=storage.include_source)
    seed = seed_of(told)
    held = held_of(masked, prepared, storage)
    source = prepared.source if storage.include_source else None
    writing = storage.writing() | {
        **held.storing(masked.model, source),
        "about": about(prepared.data, recipe, _nothing(prepared.data), recipe.epochs),
    }
    with _heard() as heard:
        inputs = first_inputs(prepared.data, 4)
        try:
            rehearsed = walk(masked, inputs, build, writing, seeds=(seed, (seed + 1) % 2**64))
        except LostState as lost:
            if held.graph is None:
                raise
            held = replace(held, only=True)
            writing |= held.storing(masked.model, source)
            rehearsed = walk_graph(masked, inputs, writing)
            warned.append(
                f"the model keeps state outside its state dict{lost.places and ': '}{lost.places}; "
                "the archive holds it in the graph of what the model computes in evaluation mode, "
                "and nothing but that graph builds the model again"
            )
        packed = rehearsed.archive
        if storage.shrinking() != Storage().shrinking():
            packed = pack(masked, **writing, **storage.shrinking(), untrained=True)
            as_read(packed, prepared, build)
        sizes = try_exports(exports, packed, prepared, build)
    warned += [*heard, *rehearsed.warnings]
    if isinstance(masked, MaskedModel) and prepared.pretrained:
        warned.append(replaced("the weights", masked))
    with open_archive(rehearsed.archive) as archive:
        overhead = archive_account(archive).stored.overhead or 0
    expected = expected_bytes(masked, storage, overhead, recipe.target_bits)
    line = _told(masked, expected, output)
    size = graph_bytes(rehearsed.archive)
    if size:
        line = f"{line}, {size:,} B of it the graph that restores it without its code"
    warned += [held.line] if held.line else []
    if sizes:
        line = f"{line}; exported: {', '.join(map(str, sizes))}"
    build = None if held.only else build
    return Start(build, expected, line, (*warned, *rehearsed.unseen), sizes, held)


def _nothing(data: Data) -> Score:
    """Return a score that takes about as many bytes in an archive as a real one will."""
    count = len(data.test)
    if data.task.is_classification:
        return Score(count, 0.0, (accuracy(0, count),))
    return Score(count, 0.0, (Metric("a metric", 1 / 3),))


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Collect the PemnWarnings that are given meanwhile, as lines."""
    lines: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PemnWarning)
        yield lines
    for one in caught:
        if issubclass(one.category, PemnWarning):
            lines.append(str(one.message))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def _of_settings(settings: Settings, recipe: Recipe, data: Data) -> list[str]:
    told = []
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
    return told


def _of_patience(final: int, recipe: Recipe) -> list[str]:
    """Say where patience can end no run, whose density is final after epoch `final` at first."""
    first = max(final, 1)
    if not recipe.patience or first + recipe.patience < recipe.epochs:
        return []
    since = "" if first == 1 else f", of which those from epoch {first} on have the final density"
    return [
        f"patience {recipe.patience} can end no run of {recipe.epochs} epochs{since}; pass more "
        "--epochs or a smaller --patience"
    ]


def _told(masked: MaskedModel | PrunedModel, expected: int, output: Path | None) -> str:
    """Say in one line what will happen."""
    state = masked.model.state_dict(keep_vars=True).values()
    numbers = masked.plan.numel + sum({id(t): t.numel() for t in state}.values())
    count, tensors = f"{masked.plan.numel:,} of {numbers:,} numbers", len(masked.plan)
    where = f"in {output}" if output else "kept in memory"
    if isinstance(masked, PrunedModel):
        what = f"trains {count} in {tensors} tensors and keeps {masked.settings.kept:g} of them"
        s = masked.settings
        if not s.removes:
            what = f"trains all {numbers:,} numbers"
        if s.quantizer is not None:
            made = {"binary": "signs", "ternary": "signs and zeros"}.get(s.quantizer, s.quantizer)
            each = "channel" if s.by_channel else "tensor"
            what += f", {masked.plan.numel:,} of them as {made}, one scale a {each}"
    else:
        what = f"masks {count} in {tensors} tensors, in place of their values"
    return f"{what}; the archive will have about {both(expected)}, {where}"
