"""The closed list of operators, read from operators.txt: what each takes, and what it gives.

The file is in the schema language of PyTorch's ATen. The list is data of the format: a graph names
nothing else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

TENSOR, INTEGER, ANY = "Tensor", "int", "Any"
TUPLE_GET = "tuple.get"  # the operator that takes one of several results
_BASES = ("Tensor", "int", "float", "bool", "Scalar", "str", "ScalarType", "MemoryFormat", "Any")
_TYPE = re.compile(rf"({'|'.join(_BASES)})(\?)?(?:\[(\d*)\])?(\?)?")
_LINE = re.compile(r"([\w.]+)\((.*)\) -> (.+)")
MEMORY_FORMATS = ("contiguous", "preserve", "channels_last", "channels_last_3d")  # as ATen counts


@dataclass(frozen=True)
class DType:
    """A dtype as an argument, by its name in an archive: "f32"."""

    name: str


Plain = int | float | str | DType | None


@dataclass(frozen=True)
class Type:
    """The type of an argument. `optional` says that null stands for none.

    `listed` types are lists; their items may be null where `holes` says so, and `length` is how
    many the operator expects where it says that.
    """

    base: str
    optional: bool = False
    listed: bool = False
    holes: bool = False
    length: int | None = None

    def __str__(self) -> str:
        length = "" if self.length is None else self.length
        ends = f"[{length}]" if self.listed else ""
        return f"{self.base}{'?' * self.holes}{ends}{'?' * self.optional}"


@dataclass(frozen=True)
class Argument:
    """One argument of an operator, and what it is where it is left out."""

    name: str
    type: Type
    keyword_only: bool = False
    required: bool = True
    default: Plain | tuple[Plain, ...] = None


@dataclass(frozen=True)
class Schema:
    """An operator: its arguments in order, and the types of its results.

    One result is the value itself. `several` says that the value is a tuple: of as many as there
    are results, or of any number where the one result is a list.
    """

    name: str
    arguments: tuple[Argument, ...]
    results: tuple[Type, ...]

    @property
    def several(self) -> bool:
        """Tell whether its value is a tuple, of which tuple.get takes one."""
        return len(self.results) > 1 or self.results[0].listed

    @property
    def required(self) -> int:
        """How many arguments have to be there: those up to the last one without a default."""
        return max((i + 1 for i, a in enumerate(self.arguments) if a.required), default=0)


@cache
def operators() -> Mapping[str, Schema]:
    """Return the list: name to schema, in the order of the file."""
    text = (resources.files(__package__) / "operators.txt").read_text("utf-8")
    return MappingProxyType(parse(text))


def parse(text: str) -> dict[str, Schema]:
    """Return the schemas of a text, one a line; lines that begin with # say something to people."""
    lines = (line.strip() for line in text.splitlines())
    schemas = (_schema(line) for line in lines if line and not line.startswith("#"))
    return {schema.name: schema for schema in schemas}


def _schema(line: str) -> Schema:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"operators: not a schema: {line}")
    name, told, results = found.groups()
    arguments, keyword_only = [], False
    for part in _split(told):
        if part == "*":
            keyword_only = True
        else:
            arguments.append(_argument(part, keyword_only))
    several = results.startswith("(")
    parts = _split(results[1:-1]) if several else [results]
    return Schema(name, tuple(arguments), tuple(_type(part.split()[0]) for part in parts))


def _split(text: str) -> list[str]:
    """Return the parts between commas that stand in no brackets."""
    return [part.strip() for part in re.split(r",(?![^\[]*\])", text) if part.strip()]


def _argument(text: str, keyword_only: bool) -> Argument:
    declared, _, default = text.partition("=")
    kind, name = declared.split()
    type_ = _type(kind)
    if not default:
        return Argument(name, type_, keyword_only)
    return Argument(name, type_, keyword_only, False, _default(default, type_))


def _type(text: str) -> Type:
    found = _TYPE.fullmatch(text)
    if found is None:
        raise ValueError(f"operators: not a type: {text}")
    base, first, length, last = found.groups()
    listed = length is not None
    return Type(
        base,
        optional=bool(last or (first and not listed)),
        listed=listed,
        holes=bool(first and listed),
        length=int(length) if length else None,
    )


def _default(text: str, type_: Type) -> Plain | tuple[Plain, ...]:
    if text == "None":
        return None
    if type_.listed and text.startswith("["):
        return tuple(_plain(part, type_.base) for part in _split(text[1:-1]))
    if type_.listed:  # one number stands for all
        return (_plain(text, type_.base),) * (type_.length or 1)
    return _plain(text, type_.base)


def _plain(text: str, base: str) -> Plain:
    if text in ("True", "False"):
        return text == "True"
    if base == "MemoryFormat":
        return MEMORY_FORMATS[int(text)]
    if text.startswith('"'):
        return text[1:-1]
    if base == "float" or not re.fullmatch(r"-?\d+", text):
        return float(text)
    return int(text)
