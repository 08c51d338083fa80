"""A module that computes a graph, with the names of the archive's tensors as its state dict.

It computes as the captured model did in evaluation mode, whatever mode it is in.
"""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError, PemnWarning
from pemn_compress.format.graph import Graph, Input, Ref, Tensors, Tree, buffers
from pemn_compress.format.graph.records import leaves
from pemn_compress.storing.graphs.steps import Step, steps
from pemn_compress.storing.tensors import TORCH_DTYPES, as_tensor


class Part(nn.Module):
    """A place for tensors of a graph's module, so that they have the names they had."""


class GraphModule(nn.Module):
    """What an archive's graph computes. Made by `graph_module`; there is no code to look at.

    Its forward takes what the captured model's took when it was captured.
    """

    _pemn: "_Plan"

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._pemn = _Plan(graph)

    @property
    def graph(self) -> Graph:
        """The graph that it computes."""
        return self._pemn.graph

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the graph computes of a call. Raises ModelError for what does not fit it."""
        return self._pemn.run(args, kwargs)

    def train(self, mode: bool = True) -> "GraphModule":
        """Set the mode, which a graph does not look at: it says so when asked to train."""
        if mode:
            warnings.warn(
                "this model is a graph that was captured in evaluation mode: it computes the same "
                "in training mode, without dropout and with fixed batch statistics",
                PemnWarning,
                stacklevel=2,
            )
        super().train(mode)
        return self

    def extra_repr(self) -> str:
        """Return what stands in its print."""
        graph = self._pemn.graph
        return f"graph of {len(graph.nodes)} nodes, {len(graph.tensors)} tensors"

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by what it was made of: its class is its own, for forward's signature."""
        return _anew, (self._pemn.graph,), dict(self.__dict__)


def graph_module(graph: Graph, tensors: Tensors) -> GraphModule:
    """Return the module of a graph, without memory for the archive's tensors (on the meta device).

    Its parameters and buffers are those of `tensors`, in their order; constants have their values.
    Raises ModelError for names that no module can have, and for an operator that torch lacks.
    """
    module = _anew(graph)
    kept = buffers(graph, tensors)
    for name, (dtype, shape) in tensors.items():
        made = torch.empty(shape, dtype=TORCH_DTYPES[dtype], device="meta")
        _register(module, name, made, name not in kept, persistent=True)
    for one in graph.constants:
        value = as_tensor(one.values, one.dtype)
        _register(module, one.name, value, False, persistent=False)
    module._pemn.bind(module)
    return module.eval()


def _anew(graph: Graph) -> GraphModule:
    def forward(self: GraphModule, *args: Any, **kwargs: Any) -> Any:
        return self._pemn.run(args, kwargs)

    told = inspect.Signature([inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY),
                              *_parameters(graph)])  # fmt: skip
    forward.__signature__ = told  # type: ignore[attr-defined]
    forward.__doc__ = GraphModule.forward.__doc__
    made: type[GraphModule] = type("GraphModule", (GraphModule,), {"forward": forward})
    return made(graph)


def _register(
    module: nn.Module, name: str, tensor: Tensor, is_parameter: bool, *, persistent: bool
) -> None:
    *path, leaf = name.split(".")
    try:
        for part in path:
            if part not in module._modules:
                module.add_module(part, Part())
            module = module._modules[part]  # type: ignore[assignment]
        if leaf in module._modules:
            raise KeyError(f"{leaf} is a module")
        if is_parameter:
            module.register_parameter(leaf, nn.Parameter(tensor))
        else:
            module.register_buffer(leaf, tensor, persistent=persistent)
    except KeyError as error:
        raise ModelError(
            f"graph: {name!r}: expected a name that a module can have, got {error.args[0]}"
        ) from None


class _Plan:
    """A graph made ready: its steps, where its tensors are, how a call is taken apart."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._steps: list[Step] = steps(graph)
        self._places: list[tuple[nn.Module, str]] = []
        self._parameters = _parameters(graph)
        simple = not graph.kwargs and all(isinstance(tree, Ref) for tree in graph.args)
        self._plain = len(graph.args) if simple else -1  # so many tensors in their order

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy without what follows from the graph: functions of torch are no data."""
        return _Plan, (self.graph,), {"_places": self._places}

    def bind(self, module: nn.Module) -> None:
        """Note in which module each tensor is, and under what name."""
        names = [*self.graph.tensors, *(one.name for one in self.graph.constants)]
        owners = dict(module.named_modules())
        for name in names:
            path, _, leaf = name.rpartition(".")
            self._places.append((owners[path], leaf))

    def run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        graph = self.graph
        direct = not kwargs and len(args) == self._plain
        given = list(args) if direct else self._flattened(args, kwargs)
        for told, value in zip(graph.inputs, given, strict=True):
            _check(told, value, graph.sizes)
            if value.dtype != TORCH_DTYPES[told.dtype]:
                self._check_computes(told, value)
        values = [*given, *(getattr(owner, leaf) for owner, leaf in self._places)]
        device = given[0].device
        values += [None] * len(self._steps)
        slot = graph.first_node
        for step in self._steps:
            values[slot] = step.take(values, device)
            for index in step.dead:
                values[index] = None
            slot += 1
        return _filled(graph.result, values)

    def _check_computes(self, told: Input, value: Tensor) -> None:
        """Refuse floating-point numbers that the module's own, as they are now, do not go with."""
        if torch.is_autocast_enabled(value.device.type):
            return
        own = {getattr(owner, leaf).dtype for owner, leaf in self._places}
        known = sorted(str(dtype) for dtype in own if dtype.is_floating_point)
        if known and str(value.dtype) not in known:
            raise ModelError(
                f"{told.name}: expected {' or '.join(known)}, as the model's own numbers are, got "
                f"{value.dtype}; convert it with .to({known[0]}), or the model to its type"
            )

    def _flattened(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        signature = inspect.Signature(self._parameters)
        try:
            bound = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise ModelError(
                f"the graph takes {signature}, was called otherwise: {error}"
            ) from None
        found: list[Any] = []
        for parameter, tree in zip(self._parameters, _trees(self.graph), strict=True):
            if parameter.name in bound:
                _match(tree, bound[parameter.name], parameter.name, found)
        return found


def _trees(graph: Graph) -> list[Tree]:
    return [*graph.args, *(graph.kwargs[key] for key in sorted(graph.kwargs))]


def _parameters(graph: Graph) -> list[inspect.Parameter]:
    """Return what forward takes: positional arguments by their inputs' names, others by theirs.

    One that is always the same may be left out, where Python lets it.
    """
    taken = set(graph.kwargs)
    found: list[inspect.Parameter] = []
    fixed = [not any(isinstance(one, Ref) for one in leaves(tree)) for tree in graph.args]
    for number, tree in enumerate(graph.args):
        name = graph.inputs[tree.index].name if isinstance(tree, Ref) else f"arg_{number}"
        name = name if name.isidentifier() else f"arg_{number}"
        while name in taken:
            name += "_"
        taken.add(name)
        optional = all(fixed[number:])
        default = tree if optional else inspect.Parameter.empty
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        found.append(inspect.Parameter(name, kind, default=default))
    for name in sorted(graph.kwargs):
        tree = graph.kwargs[name]
        constant = not any(isinstance(one, Ref) for one in leaves(tree))
        default = tree if constant else inspect.Parameter.empty
        found.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default))
    return found


def _match(tree: Tree, given: Any, where: str, found: list[Any]) -> None:
    """Add the tensors of a given argument, which has to be built like the captured one."""
    if isinstance(tree, Ref):
        found.append(given)
    elif isinstance(tree, dict):
        if not isinstance(given, Mapping) or set(given) != set(tree):
            raise ModelError(f"{where}: expected a dict of {', '.join(map(str, tree))}")
        for key, one in tree.items():
            _match(one, given[key], f"{where}[{key!r}]", found)
    elif isinstance(tree, list | tuple):
        if not isinstance(given, Sequence) or len(given) != len(tree):
            raise ModelError(f"{where}: expected {len(tree)} items, got {_told(given)}")
        for number, (one, other) in enumerate(zip(tree, given, strict=True)):
            _match(one, other, f"{where}[{number}]", found)
    elif type(tree) is not type(given) or repr(tree) != repr(given):
        raise ModelError(
            f"{where}: the graph was captured with {tree!r}, got {_told(given)}: it knows no other"
        )


def _check(told: Input, value: Any, sizes: Mapping[str, tuple[int, int | None]]) -> None:
    if not isinstance(value, Tensor):
        raise ModelError(f"{told.name}: expected a tensor, got {_told(value)}")
    shape, dtype = value.shape, TORCH_DTYPES[told.dtype]
    kind = "floating-point" if dtype.is_floating_point else told.dtype
    same = value.is_floating_point() if dtype.is_floating_point else value.dtype == dtype
    fits = len(shape) == len(told.shape)
    for size, expected in zip(shape, told.shape, strict=False) if fits else ():
        if isinstance(expected, int):
            fits = fits and size == expected
        else:
            least, most = sizes[expected]
            fits = fits and (least <= 1 or size >= least) and (most is None or size <= most)
    if not (same and fits):
        wanted = ", ".join(map(str, told.shape))
        raise ModelError(
            f"{told.name}: expected a {kind} tensor of shape ({wanted}), got {value.dtype} of "
            f"shape {tuple(shape)}"
        )


def _filled(tree: Tree, values: list[Any]) -> Any:
    """Return a result, with values in the places of their numbers."""
    if isinstance(tree, Ref):
        return values[tree.index]
    if isinstance(tree, dict):
        return {key: _filled(one, values) for key, one in tree.items()}
    if isinstance(tree, list):
        return [_filled(one, values) for one in tree]
    if isinstance(tree, tuple):
        return tuple(_filled(one, values) for one in tree)
    return tree


def _told(value: Any) -> str:
    return (
        repr(value)
        if value is None or isinstance(value, bool | int | float)
        else (f"a {type(value).__name__}")
    )
