"""What a graph is captured with: a user's example of the inputs, its batch of any size."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from pemn_compress.errors import ModelError, PemnWarning, SettingError
from pemn_compress.format.graph import Graph
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.wrappers import unwrapped
from pemn_compress.storing.asking import ANY, Asked
from pemn_compress.storing.graphs.capturing import capture
from pemn_compress.storing.graphs.comparing import prove_graph
from pemn_compress.storing.graphs.wanting import ALWAYS, check_graph, is_wanted
from pemn_compress.storing.inputs import example_of


def capture_of(
    masked: MaskedModel | PrunedModel,
    inputs: Any,
    *,
    dynamic: int | str | Iterable[int | str] = (),
    batch: int | str = ANY,
) -> Graph:
    """Return the graph of the plain model that a masked or pruned one stands for.

    `inputs` are one tensor with a batch in front, a list of them, or a dict by name; `dynamic` and
    `batch` are those of `restore`. The model is left as it is. Raises ModelError for a model that
    makes no graph, SettingError for inputs that it does not take.
    """
    plain = masked.to_plain().to("cpu").eval()
    return capture_plain(plain, Asked(inputs=inputs, dynamic=dynamic, batch=batch))


def capture_plain(plain: nn.Module, asked: Asked) -> Graph:
    """Return the graph of a plain model on the CPU; see `capture_of`."""
    try:
        graph, tried = capture(plain, example_of(plain, asked))
        prove_graph(graph, plain, tried)
        return graph
    except (ModelError, SettingError, MemoryError):
        raise
    except Exception as error:  # torch traces programs of anybody's by many means of its own
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{type(plain).__name__} makes no graph: {type(error).__name__}: {reason}"
        ) from None


def graph_to_store(
    masked: MaskedModel | PrunedModel,
    architecture: Mapping[str, Any],
    inputs: Any,
    graph: str,
    dynamic: int | str | Iterable[int | str],
    batch: int | str,
) -> Graph | None:
    """Return the graph to store of what `save` is given, None where there is none to be.

    Raises ModelError, with "always" alone, where the model makes none; SettingError.
    """
    check_graph(graph)
    masked = unwrapped(masked)
    if graph == ALWAYS and inputs is None:
        raise SettingError('graph "always": expected inputs to capture it with, got none')
    if inputs is None or not is_wanted(graph, architecture):
        return None
    try:
        return capture_of(masked, inputs, dynamic=dynamic, batch=batch)
    except ModelError as error:
        if graph == ALWAYS:
            raise
        warnings.warn(f"{error}; the archive is stored without a graph", PemnWarning, stacklevel=4)
        return None
