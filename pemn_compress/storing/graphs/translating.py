"""Operations that torch traced, as nodes of the format's list.

What evaluation does not need is left out (dropout, assertions, what moves between devices); what
is not on the list is refused, with the line of the user's code.
"""

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx

from pemn_compress.errors import ModelError
from pemn_compress.format.graph import Argument, DType, Node, Ref, Schema, Type, operators
from pemn_compress.format.graph.schemas import MEMORY_FORMATS
from pemn_compress.storing.culprit import traced_line
from pemn_compress.storing.tensors import CODES

_PLACEMENT = ("layout", "device", "pin_memory", "non_blocking", "generator")
# operations of Python and torch on sizes
_OF_SIZES: dict[Any, str] = {
    operator.add: "size.add", operator.sub: "size.sub", operator.mul: "size.mul",
    operator.floordiv: "size.floordiv", operator.mod: "size.mod", operator.neg: "size.neg",
    torch.sym_max: "size.max", torch.sym_min: "size.min", max: "size.max", min: "size.min",
}  # fmt: skip
_DROPPED = ("_assert", "sym_constrain", "_functional_assert", "_guard")
_SAME = (
    "lift_fresh_copy", "lift_fresh", "detach", "alias", "detach_copy", "alias_copy", "positive",
    "resolve_conj", "resolve_neg", "lift", "identity",
)  # fmt: skip
_DROPOUT = ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
_RENAMED = {
    "empty.memory_format": "zeros", "new_empty": "new_zeros", "empty_like": "zeros_like",
    "to.other": "type_as",
    # how kernels lay out their results differs from device to device, and from version to version
    "view": "reshape", "_unsafe_view": "reshape",
}  # fmt: skip
_RENAMED_BASES = {"true_divide": "div"}
_COMMUTING = ("add", "mul", "eq", "ne", "bitwise_and", "bitwise_or", "bitwise_xor")
_CASTS = ("to.device", "to.dtype_layout", "to.dtype", "to.prim_Device")
_LIKE = {"ones_like", "zeros_like", "full_like"}
_FORMATS = {
    getattr(torch, f"{name}_format" if name in ("contiguous", "preserve") else name): name
    for name in MEMORY_FORMATS
}
_PLAIN = {"bool": (bool,), "Scalar": (bool, int, float), "str": (str,)}
_NOTHING: Any = object()
Values = dict[fx.Node, Any]  # what stands for a traced node's value: an argument, or a tuple


class Translation:
    """Nodes, as they are made: numbered in the order of `nodes`, from -1 downwards.

    The final numbers are given when all that is used is known.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, name: str, *arguments: Argument) -> Ref:
        """Add a node and return its value; trailing defaults are left out."""
        kept = list(arguments)
        schema = operators()[name]
        while kept:
            last = schema.arguments[len(kept) - 1]
            if last.required or repr(kept[-1]) != repr(last.default):
                break
            kept.pop()
        self.nodes.append(Node(name, tuple(kept)))
        return Ref(-len(self.nodes))

    def run(self, module: fx.GraphModule, values: Values) -> Any:
        """Translate a traced graph whose inputs have `values`; return what it returns.

        Raises ModelError.
        """
        for node in module.graph.nodes:
            if node.op == "call_function":
                values[node] = self._call(module, node, values)
            elif node.op == "output":
                return fx.map_arg(node.args[0], lambda used: values[used])
            elif node.op == "get_attr" and node not in values:
                values[node] = _attribute(module, str(node.target))
        raise AssertionError("a traced graph has an output")

    def _call(self, module: fx.GraphModule, node: fx.Node, values: Values) -> Any:
        target: Any = node.target
        name = _name(target)
        if name.startswith(_DROPPED):
            return None
        if isinstance(target, torch._ops.HigherOrderOperator):
            return self._inlined(node, values)
        if target is operator.getitem:
            return self._taken(node, values)
        if target in _OF_SIZES:
            there = fx.map_arg(list(node.args), lambda used: values[used])
            given = [_size(one, node) for one in there]
            return self.add(_OF_SIZES[target], *given)
        if not isinstance(target, torch._ops.OpOverload) or target.namespace != "aten":
            raise refused(node, f"{name} is not on the format's list of operators")
        return self._operator(node, name, values)

    def _operator(self, node: fx.Node, name: str, values: Values) -> Any:
        given = _bound(node, values)
        plain = name.partition(".")[0]
        if plain in _SAME:
            return next(iter(given.values()))
        if plain in _DROPOUT:
            if given.get("train") and given.get("p"):
                raise refused(node, f"{plain} draws random numbers in evaluation mode")
            return given["input"]
        if name in _CASTS:
            return self._cast(node, given)
        if name == "_native_batch_norm_legit_no_training":  # what functional() makes of batch_norm
            told = {"training": False, "cudnn_enabled": True} | given
            return self.add("batch_norm", *_arguments(node, operators()["batch_norm"], told)), None
        if name == "_native_batch_norm_legit.no_stats":
            told = {"running_mean": None, "running_var": None, "cudnn_enabled": True} | given
            return self.add("batch_norm", *_arguments(node, operators()["batch_norm"], told)), None
        name = self._with_numbers(_RENAMED.get(name, name), given, node)
        schema = operators().get(name)
        if schema is None:
            raise refused(node, f"{name} is not on the format's list of operators")
        if name == "reshape" and "size" in given:
            given["shape"] = given.pop("size")
        if name in _LIKE and given.get("memory_format") is torch.preserve_format:
            given["memory_format"] = None
        if given.get("dtype") is None and _makes(schema):
            given["dtype"] = node.meta["val"].dtype  # which hangs on a setting of the process
        return self.add(name, *_arguments(node, schema, given))

    def _with_numbers(self, name: str, given: dict[str, Any], node: fx.Node) -> str:
        """Return the operator's form for a number in a tensor's place, where one is given."""
        base, _, overload = name.partition(".")
        if not overload.startswith("Tensor") or "other" not in given:
            return name
        if self._is_number(given["self"]) and base in _COMMUTING:
            given["self"], given["other"] = given["other"], given["self"]
        if not self._is_number(given["other"]):
            return name
        return f"{_RENAMED_BASES.get(base, base)}.{overload.replace('Tensor', 'Scalar', 1)}"

    def _is_number(self, value: Any) -> bool:
        if isinstance(value, Ref):
            made = self.nodes[-value.index - 1].schema.results if value.index < 0 else ()
            return any(one.base == "int" for one in made)
        return isinstance(value, bool | int | float)

    def _cast(self, node: fx.Node, given: Mapping[str, Any]) -> Any:
        value, dtype = given["self"], given.get("dtype")
        made: Any = node.meta.get("val")
        source: Any = node.args[0]
        was = source.meta.get("val") if isinstance(source, fx.Node) else None
        same = isinstance(was, Tensor) and isinstance(made, Tensor) and was.dtype == made.dtype
        kept = given.get("memory_format") in (None, torch.preserve_format)
        if (dtype is None or same) and kept:
            return value
        dtype = made.dtype if dtype is None else dtype
        schema = operators()["to.dtype"]
        told = {"self": value, "dtype": dtype, "memory_format": given.get("memory_format")}
        return self.add("to.dtype", *_arguments(node, schema, told))

    def _taken(self, node: fx.Node, values: Values) -> Any:
        source: Any = node.args[0]
        index: Any = node.args[1]
        value = values[source]
        if isinstance(value, (tuple, list)):
            return value[index]
        if index < 0:
            index += len(source.meta["val"])
        return self.add("tuple.get", value, index)

    def _inlined(self, node: fx.Node, values: Values) -> Any:
        """Translate what stands in a block, such as one of torch.no_grad(), in its place."""
        name = str(node.target)
        if "set_grad_enabled" not in name:
            raise refused(node, f"{name} is not on the format's list of operators")
        _, inner, *given = node.args
        owner: Any = node.graph.owning_module
        block: Any = _attribute(owner, str(getattr(inner, "target", "")))
        inputs = [one for one in block.graph.nodes if one.op == "placeholder"]
        there = fx.map_arg(list(given), lambda used: values[used])
        return self.run(block, dict(zip(inputs, there, strict=True)))


def refused(node: fx.Node | None, why: str) -> ModelError:
    """Return the refusal of an operation, with the line of the user's code that asks for it."""
    line = traced_line(node.meta.get("stack_trace")) if node is not None else ""
    return ModelError(f"{why}{f' ({line})' if line else ''}")


def _makes(schema: Schema) -> bool:
    """Tell whether an operator makes a tensor of no other, of a dtype that it may be told."""
    names = {one.name for one in schema.arguments}
    return "dtype" in names and not any(one.type.base == "Tensor" for one in schema.arguments)


def _attribute(module: Any, target: str) -> Any:
    for part in target.split("."):
        module = getattr(module, part)
    return module


def _name(target: Any) -> str:
    if isinstance(target, torch._ops.OpOverload):
        name = str(target)
        return name.removeprefix("aten.").removesuffix(".default")
    return getattr(target, "__name__", str(target))


def _bound(node: fx.Node, values: Values) -> dict[str, Any]:
    """Return the arguments of an operation that are given, by the names of torch's schema."""
    target: Any = node.target
    names = [one.name for one in target._schema.arguments]
    args = fx.map_arg(list(node.args), lambda used: values[used])
    kwargs = fx.map_arg(dict(node.kwargs), lambda used: values[used])
    return dict(zip(names, args, strict=False)) | kwargs


def _arguments(node: fx.Node, schema: Schema, given: Mapping[str, Any]) -> list[Argument]:
    known = {one.name for one in schema.arguments}
    for name, value in given.items():
        if name not in known and name not in _PLACEMENT and not _default(node, name, value):
            raise refused(node, f"{schema.name}: its argument {name} is not on the format's list")
    found: list[Argument] = []
    for one in schema.arguments:
        if one.name in given:
            found.append(_argument(given[one.name], one.type, node, f"{schema.name} {one.name}"))
        elif one.required:
            raise refused(node, f"{schema.name}: its argument {one.name} is not given")
        else:
            found.append(one.default)
    return found


def _default(node: fx.Node, name: str, value: Any) -> bool:
    target: Any = node.target
    told = next((one for one in target._schema.arguments if one.name == name), None)
    return value is None or (
        told is not None and told.has_default_value() and told.default_value == value
    )


def _argument(value: Any, type_: Type, node: fx.Node, where: str) -> Argument:
    if value is None and type_.optional:
        return None
    if type_.listed:
        if not isinstance(value, (list, tuple)):
            value = [value] * (type_.length or 1)
        return tuple(
            None if one is None and type_.holes else _single(one, type_, node, where)
            for one in value
        )
    return _single(value, type_, node, where)


def _single(value: Any, type_: Type, node: fx.Node, where: str) -> Argument:
    if isinstance(value, Ref):
        return value
    number = isinstance(value, int) and not isinstance(value, bool)
    base, made = type_.base, _NOTHING
    if base == "int" and number:
        made = int(value)
    elif base == "float" and (number or isinstance(value, float)):
        made = float(value)
    elif isinstance(value, _PLAIN.get(base, ())):
        made = value
    elif base == "ScalarType" and value in CODES:
        made = DType(CODES[value])
    elif base == "MemoryFormat" and value in _FORMATS:
        made = _FORMATS[value]
    if made is _NOTHING:
        raise refused(node, f"{where}: {value!r:.60} cannot be held: expected {type_}")
    found: Argument = made
    return found


def _size(value: Any, node: fx.Node) -> Argument:
    if isinstance(value, Ref) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise refused(node, f"{_name(node.target)} of sizes is not on the format's list of operators")
