"""Recurrent layers, step by step; both directions, projections, several layers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pemn_compress.running.dtypes import Array, as_type, wide
from pemn_compress.running.kernels.activations import sigmoid

Function = Callable[..., Any]
State = tuple[Array, ...]
Step = Callable[[Array, State, "Cell"], State]


class Cell:
    """The parameters of one direction of one layer."""

    def __init__(self, given: Sequence[Array], has_biases: bool) -> None:
        parts = [wide(one) for one in given]
        self.inner, self.outer = parts[0], parts[1]
        self.bias_in = parts[2] if has_biases else None
        self.bias_out = parts[3] if has_biases else None
        rest = parts[4:] if has_biases else parts[2:]
        self.projection = rest[0] if rest else None


def _lstm_step(gates: Array, state: State, cell: Cell) -> State:
    hidden, memory = state
    gates = gates + hidden @ cell.outer.T
    put, forget, new, out = np.split(gates, 4, -1)
    memory = sigmoid(forget) * memory + sigmoid(put) * np.tanh(new)
    hidden = sigmoid(out) * np.tanh(memory)
    if cell.projection is not None:
        hidden = hidden @ cell.projection.T
    return hidden, memory


def _gru_step(gates: Array, state: State, cell: Cell) -> State:
    (hidden,) = state
    inner = hidden @ cell.outer.T
    if cell.bias_out is not None:  # inside the product with the reset gate
        inner = inner + cell.bias_out
    size = hidden.shape[-1]
    both = sigmoid(gates[:, : 2 * size] + inner[:, : 2 * size])
    reset, update = both[:, :size], both[:, size:]
    new = np.tanh(gates[:, 2 * size :] + reset * inner[:, 2 * size :])
    return (new + update * (hidden - new),)


def _plain_step(function: Function) -> Step:
    def step(gates: Array, state: State, cell: Cell) -> State:
        return (function(gates + state[0] @ cell.outer.T),)

    return step


def _direction(
    sequence: Array, state: State, cell: Cell, step: Step, backwards: bool
) -> tuple[Array, State]:
    """Run over (time, batch, features); return the outputs in the sequence's order."""
    gates = sequence @ cell.inner.T
    if cell.bias_in is not None:
        gates += cell.bias_in
    if cell.bias_out is not None and step is not _gru_step:
        gates += cell.bias_out
    outputs: Any = np.empty((*sequence.shape[:2], state[0].shape[-1]), sequence.dtype)
    times = range(len(sequence))
    for time in reversed(times) if backwards else times:
        state = step(gates[time], state, cell)
        outputs[time] = state[0]
    return outputs, state


def _layers(
    input: Array,
    states: Sequence[Array],
    params: Sequence[Array],
    each: int,
    has_biases: bool,
    num_layers: int,
    bidirectional: bool,
    batch_first: bool,
    step: Step,
) -> tuple[Array, ...]:
    """Return the outputs and the last states; `each` is how many parameters a direction has."""
    directions = 1 + bidirectional
    if len(params) != each * directions * num_layers:
        raise ValueError(f"expected {each * directions * num_layers} weights, got {len(params)}")
    if input.ndim != 3:
        raise ValueError(f"expected time, batch and features, got shape {input.shape}")
    sequence = np.swapaxes(wide(input), 0, 1) if batch_first else wide(input)
    last: list[State] = []
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            place = layer * directions + direction
            cell = Cell(params[place * each : (place + 1) * each], has_biases)
            start = tuple(wide(state[place]) for state in states)
            found, end = _direction(sequence, start, cell, step, direction == 1)
            outputs.append(found)
            last.append(end)
        sequence = outputs[0] if directions == 1 else np.concatenate(outputs, -1)
    if batch_first:
        sequence = np.swapaxes(sequence, 0, 1)
    ends = [np.stack(parts) for parts in zip(*last, strict=True)]
    return tuple(as_type(one, input.dtype) for one in (sequence, *ends))


def _no_dropout(dropout: float, train: bool) -> None:
    if train and dropout:
        raise ValueError("dropout is not part of an evaluating graph: expected train = false")


def lstm(
    input: Any,
    hx: Sequence[Any],
    params: Sequence[Any],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Any:
    _no_dropout(dropout, train)
    projected = hx[0].shape[-1] != hx[1].shape[-1]
    each = (4 if has_biases else 2) + projected
    further = (each, has_biases, num_layers, bidirectional, batch_first)
    return _layers(input, hx, params, *further, _lstm_step)


def _single(step: Step) -> Function:
    def kernel(
        input: Any,
        hx: Any,
        params: Sequence[Any],
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool,
    ) -> Any:
        _no_dropout(dropout, train)
        further = (4 if has_biases else 2, has_biases, num_layers, bidirectional, batch_first)
        return _layers(input, [hx], params, *further, step)

    return kernel


KERNELS: dict[str, Function] = {
    "lstm.input": lstm, "gru.input": _single(_gru_step),
    "rnn_tanh.input": _single(_plain_step(np.tanh)),
    "rnn_relu.input": _single(_plain_step(lambda x: np.maximum(x, 0))),
}  # fmt: skip
