"""Shapes of recurrent operators, which torch would only find out one moment of time after another.

Their weights are compared with what the layers need: torch's kernels trust them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pemn_compress.format.graph import Node, Ref
from pemn_compress.storing.graphs.steps import Step

_GATES = {"lstm.input": 4, "gru.input": 3, "rnn_tanh.input": 1, "rnn_relu.input": 1}
MOST_LAYERS = 1 << 10


def _shapes(node: Node, _: Step, values: Sequence[Any]) -> tuple[Tensor, ...]:
    """Return a recurrent operator's results, without memory. Raises ValueError."""
    given = {name: _value(one, values) for name, one in node.bound().items()}
    source, state, params = given["input"], given["hx"], given["params"]
    layers, two = given["num_layers"], 1 + given["bidirectional"]
    states = state if isinstance(state, list) else [state]
    if len(states) != (2 if node.operator == "lstm.input" else 1):
        raise ValueError(f"a state of {len(states)} tensors")
    if source.dim() != 3 or any(one.dim() != 3 for one in states):
        raise ValueError("expected an input and states of 3 dimensions")
    if given["train"] and given["dropout"]:
        raise ValueError("expected no dropout: a graph evaluates")
    if not 1 <= layers <= MOST_LAYERS:
        raise ValueError(f"expected 1 to {MOST_LAYERS} layers, got {layers}")
    batch_at, time_at = (0, 1) if given["batch_first"] else (1, 0)
    batch, length = source.size(batch_at), source.size(time_at)
    hidden, out = states[-1].size(2), states[0].size(2)
    for one, size in zip(states, (out, hidden), strict=False):
        wanted = (layers * two, batch, size)
        if tuple(one.shape) != wanted:
            raise ValueError(f"expected a state of shape {wanted}, got {tuple(one.shape)}")
    gates = _GATES[node.operator] * hidden
    expected: list[tuple[int, ...]] = []
    for layer in range(layers):
        wide = source.size(2) if layer == 0 else out * two
        for _direction in range(two):
            expected += [(gates, wide), (gates, out)]
            expected += [(gates,)] * 2 if given["has_biases"] else []
            expected += [(out, hidden)] if out != hidden else []
    got = [tuple(one.shape) for one in params]
    if got != expected:
        wrong = next((pair for pair in zip(expected, got, strict=False) if pair[0] != pair[1]), ())
        told = f"{wrong[0]}, got {wrong[1]}" if wrong else f"{len(expected)}, got {len(got)}"
        raise ValueError(f"expected weights of {told}")
    if {one.dtype for one in (*states, *params)} != {source.dtype}:
        raise ValueError(f"expected weights and states of {source.dtype}, as the input, got others")
    shape = [0, 0, out * two]
    shape[batch_at], shape[time_at] = batch, length
    return (source.new_empty(shape), *(torch.empty_like(one) for one in states))


def _value(argument: Any, values: Sequence[Any]) -> Any:
    if isinstance(argument, Ref):
        return values[argument.index]
    if isinstance(argument, tuple):
        return [_value(one, values) for one in argument]
    return argument


Shapes = Callable[[Node, Step, Sequence[Any]], tuple[Tensor, ...]]
RECURRENT: dict[str, Shapes] = dict.fromkeys(_GATES, _shapes)
