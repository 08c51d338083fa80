"""The graph that travels in an archive: captured before the first step, compared after the last."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from pemn_compress.compressing.passes import Inputs, first_inputs
from pemn_compress.compressing.preparing import Prepared
from pemn_compress.compressing.storage import Storage
from pemn_compress.data.samples import Data
from pemn_compress.errors import PemnError, PemnWarning, SettingError
from pemn_compress.format.archive import open_archive
from pemn_compress.format.archive.layout import ANY_SIZE
from pemn_compress.format.archive.records import GRAPH
from pemn_compress.format.graph import Graph
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.storing.filling import fill
from pemn_compress.storing.graphs.building import build_from_graph
from pemn_compress.storing.graphs.examples import capture_of
from pemn_compress.storing.graphs.wanting import ALWAYS, is_wanted
from pemn_compress.storing.loading import state_dict
from pemn_compress.storing.proving import BITS, difference, run
from pemn_compress.storing.saving import current_architecture

BATCHES = (1, 2, 7)
_SAMPLES = 4  # that a graph is captured with


@dataclass(frozen=True)
class Held:
    """The graph to store, if there is one; why there is none, in `line`, where one was wanted.

    With `only` nothing else builds the model again.
    """

    graph: Graph | None = None
    only: bool = False
    line: str = ""

    def storing(self, model: nn.Module, source: str | None) -> dict[str, Any]:
        """Return the options of `pack` that say how the model is had again."""
        if not self.only:
            return {"graph": self.graph, "source": source}
        name = type(model).__name__
        return {"graph": self.graph, "architecture": {"kind": GRAPH, "name": name}, "source": None}


def held_of(masked: MaskedModel | PrunedModel, prepared: Prepared, storage: Storage) -> Held:
    """Capture what a model computes, where a graph is to be stored.

    Raises ModelError where it makes none and one was asked for, SettingError for dimensions that
    are asked to vary and that the inputs have not got, or of which no graph would tell.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PemnWarning)
        told = current_architecture(masked)
    if not is_wanted(storage.graph, told):
        if storage.dynamic:
            raise SettingError(
                f"dynamic (--dynamic): got {', '.join(map(str, storage.dynamic))}, and no graph is "
                "stored that would have it; say graph='always' (--graph), or leave it out"
            )
        return Held()
    try:
        return Held(_captured(masked, prepared.data, storage))
    except PemnError as error:
        if storage.graph == ALWAYS or (storage.dynamic and isinstance(error, SettingError)):
            raise
        return Held(line=f"{error}: no graph is stored, and whoever restores it needs its code")


def again(held: Held, masked: MaskedModel | PrunedModel, data: Data, storage: Storage) -> Held:
    """Capture once more, now that the model is trained: it may hold other constants.

    Raises ModelError.
    """
    return replace(held, graph=_captured(masked, data, storage))


def graph_bytes(packed: bytes) -> int:
    """Return what the graph of an archive takes, 0 where there is none."""
    with open_archive(packed, ANY_SIZE) as archive:
        return sum(one.size for one in archive.manifest.sections if one.name == GRAPH)


def graph_model(packed: bytes) -> nn.Module:
    """Return the model that a reader makes of an archive's graph. Raises ModelError."""
    with open_archive(packed, ANY_SIZE) as archive:
        model = build_from_graph(archive)
        fill(model, state_dict(archive), archive)
    return model.eval()


def departure(packed: bytes, model: nn.Module, data: Data) -> str:
    """Return where an archive's graph computes something else than a model, "" where nowhere.

    Compared bit for bit at batches of 1, 2 and 7, as far as there are so many samples.
    """
    try:
        graph = graph_model(packed)
    except PemnError as error:
        return str(error)
    for batch in BATCHES:
        args, kwargs = _call(first_inputs(data, min(batch, len(data.test))))
        try:
            expected = run(model, args, kwargs)
        except Exception:  # a model may want more samples than one
            continue
        try:
            made = run(graph, args, kwargs)
        except Exception as error:
            return f"at batch {batch} it fails: {' '.join(str(error).split())[:200]}"
        wrong = difference(expected, made, BITS)
        if wrong:
            return f"at batch {batch} it computes something else: {wrong}"
    return ""


def _call(inputs: Inputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, Mapping):
        return (), {str(name): value for name, value in inputs.items()}
    return tuple(inputs), {}


def _captured(masked: MaskedModel | PrunedModel, data: Data, storage: Storage) -> Graph:
    inputs = first_inputs(data, _SAMPLES)
    return capture_of(masked, inputs, dynamic=storage.dynamic)
