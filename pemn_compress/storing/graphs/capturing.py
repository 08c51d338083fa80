"""From a module to the graph of what it computes in evaluation mode, by way of torch.export."""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils import _pytree as pytree

from pemn_compress.errors import ArchiveError, ModelError
from pemn_compress.format.archive import fields
from pemn_compress.format.graph import (
    Constant,
    Graph,
    Input,
    Node,
    Ref,
    Tensors,
    Tree,
    buffers,
    references,
)
from pemn_compress.storing.examples import Example, Place
from pemn_compress.storing.graphs.translating import Translation, refused
from pemn_compress.storing.outputs import plain, returning
from pemn_compress.storing.programs import exported, quiet
from pemn_compress.storing.proving import ADVICE, Trial, trials
from pemn_compress.storing.tensors import CODES, as_array

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_]+")
_UNBOUNDED = 1 << 31  # from here on torch's greatest size is none that anybody meant
_LEAST = 2  # torch takes no dimension of 0 or 1 for one that varies, whatever the model takes


@dataclass(frozen=True)
class _Leaf:
    """What a traced graph is given: a model's tensor, a constant or an input, by its name."""

    kind: str
    name: str
    value: Any = None


_INPUT, _TENSOR, _CONSTANT = "input", "tensor", "constant"


def capture(module: nn.Module, example: Example) -> tuple[Graph, list[Trial]]:
    """Return the graph of what a module computes in evaluation mode, and what it was tried with.

    Tensors are named as in its state dict; buffers that are in none, and what the constructor left
    elsewhere, become constants. Raises ModelError, with the line of the user's code, for a module
    that makes no graph.
    """
    training = module.training
    module.eval()
    try:
        names = list(module.state_dict())
        tried = trials(module, example)
        if list(module.state_dict()) != names:
            raise ModelError("a forward pass makes parameters or buffers")
        with quiet(), returning(module, plain, tried[0].kwargs):
            graph = _graph(functional(exported(module, example, tried)), module, example)
        return graph, tried
    except ModelError as error:
        raise ModelError(_worded(module, error)) from None
    except ArchiveError as error:
        raise ModelError(f"{type(module).__name__} makes no graph: {error}") from None
    finally:
        module.train(training)


def functional(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """Return a program without operations that write into their arguments.

    Nothing is decomposed, which would change bits.
    """
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, fx.GraphModule) else ():
            schema = getattr(node.target, "_schema", None)
            if schema is not None and schema.is_mutable:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    changed: torch.export.ExportedProgram = program.run_decompositions({})
                return changed
    return program


def _worded(module: nn.Module, error: ModelError) -> str:
    name = type(module).__name__
    text = str(error).replace(f"; {ADVICE}", "").replace(f", or {ADVICE}", "")
    text = text.replace("cannot be exported as a program", "makes no graph")
    text = text.replace("the program is not the model", "makes no graph")
    text = text.replace("and a program cannot", "and a graph cannot")
    return text if text.startswith(name) else f"{name} makes no graph: {text}"


def _graph(program: torch.export.ExportedProgram, module: nn.Module, example: Example) -> Graph:
    state = module.state_dict(keep_vars=True)
    leaves = list(_leaves(program, example, state))
    placed = [n for n in program.graph.nodes if n.op == "placeholder"]
    made = Translation()
    values: dict[fx.Node, Any] = {
        node: leaf.value if leaf.kind == "fixed" else Ref(number)
        for number, (node, leaf) in enumerate(zip(placed, leaves, strict=True))
    }
    returned = made.run(program.graph_module, values)
    kinds = [spec.kind for spec in program.graph_signature.output_specs]
    for spec in program.graph_signature.output_specs:
        if spec.kind != OutputKind.USER_OUTPUT:
            raise ModelError(f"its forward changes {spec.target or 'an input'} in evaluation mode")
    assert len(kinds) == len(returned)
    result = pytree.tree_unflatten(list(returned), program.call_spec.out_spec)
    args, kwargs = pytree.tree_unflatten(list(example.leaves), example.tree)
    call = (list(args), {key: kwargs[key] for key in sorted(kwargs)})
    order = [one.number for one in _places(call)]
    inputs, sizes = _inputs(program, placed, leaves, example, order)
    numbered = _Numbered(leaves, made.nodes, order, result)
    put = {number: Ref(index) for index, number in enumerate(order)}
    args, kwargs = _put(call, put)
    constants = tuple(_constants(numbered.of(_CONSTANT), state))
    tensors = tuple(leaf.name for leaf in numbered.of(_TENSOR))
    graph = Graph(
        inputs, tensors, constants, numbered.nodes, tuple(args), numbered.result, kwargs, sizes
    )
    return replace(graph, buffers=_buffers(graph, state))


def described(state: Mapping[str, Tensor]) -> Tensors:
    """Return what the tensors of a state dict are, as an archive of it tells its readers."""
    return {name: (CODES[one.dtype], tuple(one.shape)) for name, one in state.items()}


def _buffers(graph: Graph, state: Mapping[str, Any]) -> tuple[str, ...]:
    held = {name: one for name, one in state.items() if isinstance(one, Tensor)}
    own = {name for name, one in held.items() if not isinstance(one, nn.Parameter)}
    return tuple(sorted(own - buffers(graph, described(held))))


def _leaves(
    program: torch.export.ExportedProgram, example: Example, state: Mapping[str, Any]
) -> Iterator[_Leaf]:
    """Yield what each placeholder of a program is."""
    given = iter(example.leaves)
    held = {id(tensor): name for name, tensor in reversed(list(state.items()))}
    for spec in program.graph_signature.input_specs:
        name = str(spec.target)
        if spec.kind == InputKind.USER_INPUT:
            leaf = next(given)
            fixed = not isinstance(leaf, Place)
            yield _Leaf("fixed", "", leaf) if fixed else _Leaf(_INPUT, str(leaf.number))
        elif name in state:
            yield _Leaf(_TENSOR, name)
        elif name in program.state_dict and id(program.state_dict[name]) in held:
            yield _Leaf(_TENSOR, held[id(program.state_dict[name])])
        elif name in program.constants and isinstance(program.constants[name], Tensor):
            yield _Leaf(_CONSTANT, name, program.constants[name])
        else:
            raise ModelError(f"its forward uses {name}, which is no tensor")


def _places(tree: Tree) -> Iterator[Place]:
    if isinstance(tree, Mapping):
        for one in tree.values():
            yield from _places(one)
    elif isinstance(tree, list | tuple):
        for one in tree:
            yield from _places(one)
    elif isinstance(tree, Place):
        yield tree
    elif not (tree is None or isinstance(tree, bool | int | float | str)):
        raise ModelError(
            f"an argument of its forward is a {type(tree).__name__}: expected tensors, numbers, "
            "text or None"
        )


def _put(tree: Tree, put: Mapping[int, Ref]) -> Any:
    """Return a tree of plain tuples, lists and dicts with the inputs' values in their places."""
    if isinstance(tree, Mapping):
        return {key: _put(one, put) for key, one in tree.items()}
    if isinstance(tree, list):
        return [_put(one, put) for one in tree]
    if isinstance(tree, tuple):
        return tuple(_put(one, put) for one in tree)
    return put[tree.number] if isinstance(tree, Place) else tree


def _inputs(
    program: torch.export.ExportedProgram,
    placed: list[fx.Node],
    leaves: list[_Leaf],
    example: Example,
    order: list[int],
) -> tuple[tuple[Input, ...], dict[str, tuple[int, int | None]]]:
    """Return the inputs in the order of the call, and the sizes that their dimensions name."""
    traced = {
        int(leaf.name): node.meta["val"]
        for node, leaf in zip(placed, leaves, strict=True)
        if leaf.kind == _INPUT
    }
    names: dict[Any, str] = {}
    sizes: dict[str, tuple[int, int | None]] = {}
    inputs: list[Input] = []
    for number in order:
        told, value = example.inputs[number], traced[number]
        if value.dtype not in CODES:
            raise ModelError(f"its input {told.name} is of {value.dtype}, which no archive holds")
        name = _unique(told.name, [one.name for one in inputs])
        shape: list[int | str] = []
        for dim, size in enumerate(value.shape):
            if isinstance(size, int):
                shape.append(size)
                continue
            symbol = size.node.expr
            if not symbol.is_Symbol:
                raise ModelError(f"the size {name}.{dim} follows from another: {symbol}")
            if symbol not in names:
                batch = told.batched and dim == 0
                wanted = "batch" if batch else f"{name}_{dim}"
                names[symbol] = _unique(wanted, list(sizes))
                sizes[names[symbol]] = _range(program, symbol)
            shape.append(names[symbol])
        inputs.append(Input(name, CODES[value.dtype], tuple(shape)))
    return tuple(inputs), sizes


def _range(program: torch.export.ExportedProgram, symbol: Any) -> tuple[int, int | None]:
    found = program.range_constraints.get(symbol)
    if found is None:
        return 1, None
    least = int(found.lower) if found.lower > _LEAST else 1
    endless = not found.upper.is_Integer or int(found.upper) >= _UNBOUNDED
    return least, None if endless else int(found.upper)


def _unique(name: str, taken: list[str]) -> str:
    name = _NOT_A_NAME.sub("_", name).strip("_") or "input"
    name = name if name.isidentifier() else f"input_{name}"
    while name in taken:
        name += "_"
    return name


class _Numbered:
    """Nodes and result with their final numbers; what nothing uses is left out."""

    def __init__(
        self, leaves: list[_Leaf], nodes: list[Node], order: list[int], result: Tree
    ) -> None:
        used = _used(nodes, result)
        kept = [number for number in range(len(nodes)) if number in used]
        self._leaves = leaves
        seen: dict[int, None] = {}
        for number in kept:
            seen |= dict.fromkeys(i for i in references(nodes[number].arguments) if i >= 0)
        seen |= dict.fromkeys(i for i in references(result) if i >= 0)
        same: dict[tuple[str, Any], int] = {}  # two names of one tensor are one value
        self._shown = {i: same.setdefault(self._key(i), i) for i in seen}
        own = list(same.values())
        inputs = {leaf.name: i for i, leaf in enumerate(leaves) if leaf.kind == _INPUT}
        ordered = [inputs[str(number)] for number in order]
        self._first = {kind: [i for i in own if leaves[i].kind == kind] for kind in
                       (_TENSOR, _CONSTANT)}  # fmt: skip
        ordered += [*self._first[_TENSOR], *self._first[_CONSTANT]]
        self._places = {leaf: place for place, leaf in enumerate(ordered)}
        start = len(ordered)
        self._moved = {number: start + place for place, number in enumerate(kept)}
        self.nodes = tuple(
            Node(nodes[n].operator, self._renumbered(nodes[n].arguments)) for n in kept
        )
        self.result = self._renumbered(result)

    def of(self, kind: str) -> list[_Leaf]:
        """Return the leaves of a kind that are used, in the order of their first use."""
        return [self._leaves[i] for i in self._first[kind]]

    def _key(self, i: int) -> tuple[str, Any]:
        leaf = self._leaves[i]
        return leaf.kind, id(leaf.value) if leaf.kind == _CONSTANT else leaf.name

    def _renumbered(self, tree: Any) -> Any:
        if isinstance(tree, Ref):
            i = tree.index
            place = self._moved[-i - 1] if i < 0 else self._places[self._shown.get(i, i)]
            return Ref(place)
        if isinstance(tree, dict):
            return {key: self._renumbered(one) for key, one in tree.items()}
        if isinstance(tree, list | tuple):
            return type(tree)(self._renumbered(one) for one in tree)
        return tree


def _used(nodes: list[Node], result: Tree) -> set[int]:
    """Return the numbers of the nodes that the result comes from."""
    wanted = {-i - 1 for i in references(result) if i < 0}
    for number in range(len(nodes) - 1, -1, -1):
        if number in wanted:
            wanted |= {-i - 1 for i in references(nodes[number].arguments) if i < 0}
    return wanted


def _constants(leaves: list[_Leaf], state: Mapping[str, Any]) -> Iterator[Constant]:
    taken = set(state)
    for leaf in leaves:
        value: Tensor = leaf.value
        if value.dtype not in CODES or not value.numel() or value.layout is not torch.strided:
            raise refused(
                None, f"its constant {leaf.name} is {value.dtype} of shape {tuple(value.shape)}"
            )
        name = leaf.name
        try:
            fields.name(name, "constant")
        except ArchiveError:
            name = "constant"
        while name in taken:
            name = f"{name}_"
        taken.add(name)
        yield Constant(name, CODES[value.dtype], tuple(value.shape), as_array(value))
