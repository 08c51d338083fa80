"""A captured graph, built the way a reader will build it, and compared with its model."""

from torch import nn

from pemn_compress.errors import ModelError
from pemn_compress.format.archive.layout import ANY_SIZE
from pemn_compress.format.graph import Graph, read_graph, write_graph
from pemn_compress.storing.graphs.building import build_graph
from pemn_compress.storing.graphs.capturing import described
from pemn_compress.storing.proving import Trial, difference, run


def prove_graph(graph: Graph, module: nn.Module, tried: list[Trial]) -> None:
    """Refuse a graph whose outputs are not its model's, bit for bit, at every size that was tried.

    Sizes beside the batch that the graph refuses it may refuse. Raises ModelError.
    """
    state, name = module.state_dict(), type(module).__name__
    held = described(state)
    made = build_graph(read_graph(write_graph(graph, held), held), held, ANY_SIZE, name)
    made.load_state_dict(state, assign=True)
    for trial in tried:
        try:
            got = run(made, trial.args, trial.kwargs)
        except Exception as error:
            if trial.further:
                continue
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"{name}: its graph fails at {trial.words}: {reason}") from None
        wrong = difference(trial.expected, got, units=0.0)
        if wrong:
            raise ModelError(f"{name}: its graph is not the model: at {trial.words} {wrong}")
