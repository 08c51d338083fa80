"""Archives with a section `graph`: to accept, and to refuse by whoever reads graphs.

Every text is put together here, without the writer of graphs.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from make_accept import Good
from make_archive import Part, canonical, draft, frame, pack, stored

READING, BUILDING = "reading", "building"
WEIGHT = stored("fc.weight", "f32", np.arange(12, dtype="<f4").reshape(3, 4) / 8)
BIAS = stored("fc.bias", "f32", np.array([1, -1, 0.5], "<f4"))
MEAN = stored("norm.running_mean", "f32", np.array([0, 1, 2], "<f4"))
VARIANCE = stored("norm.running_var", "f32", np.array([1, 2, 4], "<f4"))
TABLE = stored("table", "f32", np.array([3, 2, 1], "<f4"))
TRANSPOSED = stored("fc.weight", "f32", np.ones((4, 3), "<f4"))
COUNT = stored("steps", "i64", np.array(7, "<i8"))
ORDER = struct.pack("<4q", 3, 1, 2, 0)

LINEAR: dict[str, Any] = {
    "buffers": [],
    "call": {"args": ["%0"], "kwargs": {}},
    "constants": [],
    "inputs": [{"dtype": "f32", "name": "x", "shape": ["batch", 4]}],
    "nodes": [[0, "%0", "%1", "%2"], [1, "%3"]],
    "operators": ["linear", "relu"],
    "result": "%4",
    "sizes": {"batch": [1, None]},
    "tensors": ["fc.weight", "fc.bias"],
    "version": 1,
}


class BadGraph(NamedTuple):
    """A file to refuse: the rule it breaks, what the reference says, who has to find it."""

    name: str
    rule: str
    says: str
    data: bytes
    found: str = READING


def section(text: object, constants: bytes = b"", *, length: int | None = None) -> bytes:
    """Return the payload of a section, uncompressed blocks in a frame."""
    raw = text if isinstance(text, bytes) else canonical(text)
    return frame(struct.pack("<I", len(raw) if length is None else length) + raw + constants)


def archive(payload: bytes, *parts: Part, critical: bool = False) -> bytes:
    """Return an archive of these tensors with a graph."""
    return pack(draft(*parts, sections=[("graph", critical, payload)]))


def accepted() -> Iterator[Good]:
    """Yield the good ones."""

    def good(name: str, what: str, text: object, *parts: Part, constants: bytes = b"") -> Good:
        return Good(f"graph-{name}", what, archive(section(text, constants), *parts), parts)

    yield good("linear", "a graph of two operators, its batch of any size", LINEAR, WEIGHT, BIAS)
    yield good(
        "constants",
        "a graph with constants of two dtypes",
        LINEAR | {
            "constants": [
                {"dtype": "i64", "name": "order", "shape": [4]},
                {"dtype": "bool", "name": "kept", "shape": [3]},
            ],
            "nodes": [
                [0, "%0", [None, "%3"]], [1, "%5", "%1", "%2"],
                [2, "%4", "%6", "#bff8000000000000"],
            ],
            "operators": ["index.Tensor", "linear", "where.ScalarOther"],
            "result": "%7",
        },
        WEIGHT, BIAS, constants=ORDER + b"\1\0\1",
    )  # fmt: skip
    yield good(
        "outputs",
        "two inputs by name, an argument that is always null, nested outputs",
        LINEAR | {
            "call": {"args": [], "kwargs": {
                "first": "%0", "mask": None, "second": ["list", "%1", "'mean"],
            }},
            "inputs": [
                {"dtype": "f32", "name": "first", "shape": ["batch", 4]},
                {"dtype": "f32", "name": "second", "shape": ["batch", 3]},
            ],
            "nodes": [[1, "%0", "%2", "%3"], [0, "%4", "%1", 2]],
            "operators": ["add.Tensor", "linear"],
            "result": ["dict", [
                ["out", "%5"], ["parts", ["list", "%4", ["tuple", 3, None, True, "'é"]]],
                [1, "#3fe0000000000000"],
            ]],
        },
        WEIGHT, BIAS,
    )  # fmt: skip
    yield good(
        "sizes",
        "sizes of inputs that go into arguments, and bounds of them",
        LINEAR | {
            "result": ["tuple", "%6", "%5"],
            "sizes": {"batch": [2, 64]},
            "operators": ["linear", "reshape", "size.mul", "sym_size.int"],
            "nodes": [
                [0, "%0", "%1", "%2"], [3, "%0", 0], [2, "%4", 3], [1, "%3", ["%5"]],
            ],
        },
        WEIGHT, BIAS,
    )  # fmt: skip
    yield good(
        "several",
        "operators with several results, of a number that is known and of one that is not",
        LINEAR | {
            "nodes": [
                [0, "%0", "%1", "%2"], [1, "%3", 1], [3, "%4", 0], [2, "%3", 1, 1], [3, "%6", 2],
                [4, "%5", 1],
            ],
            "operators": ["linear", "max.dim", "split.Tensor", "tuple.get", "unsqueeze"],
            "result": ["list", "%7", "%8"],
        },
        WEIGHT, BIAS,
    )  # fmt: skip
    yield good(
        "buffers",
        "parameters and buffers, told by rules and by name; a tensor that the graph does not use",
        LINEAR | {
            "buffers": ["table"],
            "nodes": [
                [2, "%0", "%1", "%2"],
                [1, "%6", "%3", None, "%4", "%5", False, "#3fb999999999999a", "#3ee4f8b588e368f1",
                 True],
                [0, "%7", "%3"],
            ],
            "operators": ["add.Tensor", "batch_norm", "linear"],
            "result": "%8",
            "tensors": ["fc.weight", "fc.bias", "table", "norm.running_mean", "norm.running_var"],
        },
        WEIGHT, BIAS, MEAN, VARIANCE, TABLE, COUNT,
    )  # fmt: skip


def rejected() -> Iterator[BadGraph]:
    """Yield those to refuse."""

    def bad(
        name: str, rule: str, says: str, found: str = READING, constants: bytes = b"",
        **changed: object,
    ) -> BadGraph:  # fmt: skip
        text = LINEAR | changed
        return BadGraph(name, rule, says, archive(section(text, constants), WEIGHT, BIAS), found)

    def node(*arguments: object) -> list[object]:
        return [[0, *arguments], [1, "%3"]]

    yield bad("operator-outside", "every operator is on the list", "names on the format's list",
              operators=["linear", "os.system"])  # fmt: skip
    yield bad("operators-order", "operators are sorted", "sorted names, each once",
              operators=["relu", "linear"])  # fmt: skip
    yield bad("operators-unused", "every operator that is named is used", "those that nodes use",
              operators=["linear", "relu", "tanh"])  # fmt: skip
    yield bad("operator-number", "a node names an operator by its place", "an integer from 0 to 1",
              nodes=[[0, "%0", "%1", "%2"], [2, "%3"]])  # fmt: skip
    yield bad("forward", "a node uses values of lower numbers", "a value below %3",
              nodes=node("%4", "%1", "%2"))  # fmt: skip
    yield bad("cycle", "no node uses its own value", "a value below %3",
              nodes=node("%3", "%1", "%2"))  # fmt: skip
    yield bad("few", "arguments that have no default are there", "2 to 3 arguments, got 1",
              nodes=node("%0"))  # fmt: skip
    yield bad("many", "there are no more arguments than the schema has", "2 to 3 arguments, got 4",
              nodes=node("%0", "%1", "%2", "%2"))  # fmt: skip
    yield bad("default", "a trailing argument that is its default is left out",
              "no default to be told", nodes=node("%0", "%1", None),
              tensors=["fc.weight"])  # fmt: skip
    yield bad("type-number", "an argument has the type of the schema", "expected Tensor, got 1",
              nodes=node("%0", 1, "%2"))  # fmt: skip
    yield bad("type-float", "an integer is no float", "expected int, got '#3ff0000000000000'",
              nodes=[[0, "%0", "%1", "%2"], [1, "%3", "#3ff0000000000000"]],
              operators=["linear", "softmax.int"])  # fmt: skip
    yield bad("type-true", "true is no integer", "expected int, got True",
              nodes=[[0, "%0", "%1", "%2"], [1, "%3", True]],
              operators=["linear", "softmax.int"])  # fmt: skip
    yield bad("type-list", "a list is not one value", "expected int[], got 3",
              nodes=[[0, "%0", "%1", "%2"], [1, "%3", 3]],
              operators=["linear", "reshape"])  # fmt: skip
    yield bad("type-several", "a value of several results is no tensor",
              "expected Tensor, got %4, (Tensor, Tensor)",
              nodes=[[0, "%0", "%1", "%2"], [1, "%3", 1], [2, "%4"]], result="%5",
              operators=["linear", "max.dim", "relu"])  # fmt: skip
    yield bad("part", "tuple.get takes a result that there is", "a number below 2, got 2",
              nodes=[[0, "%0", "%1", "%2"], [1, "%3", 1], [2, "%4", 2]], result="%5",
              operators=["linear", "max.dim", "tuple.get"])  # fmt: skip
    yield bad("unused", "every value but an input is used", "a use of it", result="%3")
    yield bad("tensor-unknown", "tensors are those of the archive",
              "names of the archive's tensors", tensors=["fc.weight", "fc.gain"])  # fmt: skip
    yield bad("tensors-order", "tensors stand in the order of their first use",
              "in the order of their first use", nodes=node("%0", "%2", "%1"))  # fmt: skip
    yield bad("unknown-key", "there are no other fields", "no other fields, got 'code'",
              code="import os")  # fmt: skip
    yield bad("version", "the version is 1", "version: expected 1, got 2", version=2)
    yield bad("call-missing", "the call takes every input once", "all inputs once",
              call={"args": [], "kwargs": {}})  # fmt: skip
    yield bad("size-unknown", "a size that an input names is told", "one of batch",
              inputs=[{"dtype": "f32", "name": "x", "shape": ["time", 4]}])  # fmt: skip
    yield bad("size-order", "the least size is at most the greatest", "an integer from 8",
              sizes={"batch": [8, 2]})  # fmt: skip
    yield bad("input-dtype", "an input has a dtype of the format", "one of bool",
              inputs=[{"dtype": "c64", "name": "x", "shape": ["batch", 4]}])  # fmt: skip
    yield bad("result-far", "the result is made of values that there are", "a value below %5",
              result="%5")  # fmt: skip
    yield bad("buffer-told", "what a rule tells is not named", "sorted names",
              buffers=["fc.bias", "fc.bias"])  # fmt: skip
    whole = canonical(LINEAR)
    for name, rule, says, made in (
        ("spelling", "the text is canonical JSON", "another spelling", section(whole + b" ")),
        ("length", "the text ends within the frame", "text: expected 1 to",
         section(whole, length=len(whole) + 1)),
        ("frame", "the section is one frame", "bytes after it", section(whole) + b"\0"),
        ("short", "the frame is whole", "cut short", section(whole)[:-1]),
    ):  # fmt: skip
        yield BadGraph(name, rule, says, archive(made, WEIGHT, BIAS))
    yield from _graphs_with_constants()
    yield bad("shapes", "an operator takes what it is given", "does not fit", BUILDING,
              inputs=[{"dtype": "f32", "name": "x", "shape": ["batch", 5]}])  # fmt: skip
    yield BadGraph("tensor-shape", "tensors have the shapes that the graph needs", "does not fit",
                   archive(section(LINEAR), TRANSPOSED, BIAS), BUILDING)  # fmt: skip
    for name, operator, arguments in (
        ("zeros", "zeros", [[1 << 40]]), ("arange", "arange", [1 << 50]),
        ("eye", "eye", [1 << 30]),
    ):  # fmt: skip
        names = sorted(["add.Tensor", operator, "linear"])
        last = names.index("linear")
        yield bad(f"bomb-{name}", "no value has more elements than the caller allows", "at most",
                  BUILDING, operators=names, result="%5",
                  nodes=[[last, "%0", "%1", "%2"], [names.index(operator), *arguments],
                         [names.index("add.Tensor"), "%3", "%4"]])  # fmt: skip
    yield bad("bomb-parts", "a tensor is not taken apart into more parts than can be named",
              "at most 65536 results", BUILDING,
              nodes=[[1, "%0", "%1", "%2"], [4, [1 << 29]], [3, "%4"], [2, "%5", 0],
                     [0, "%3", "%6"]],
              operators=["add.Tensor", "linear", "tuple.get", "unbind.int", "zeros"],
              result="%7")  # fmt: skip
    yield bad("bomb-power", "a size has 64 bits", "64 bits", BUILDING,
              nodes=[[1, "%0", "%1", "%2"], [3, "%0", 0],
                     *([2, f"%{4 + i}", f"%{4 + i}"] for i in range(8)), [0, "%3", "%12"]],
              operators=["add.Scalar", "linear", "size.mul", "sym_size.int"],
              result="%13")  # fmt: skip


def _graphs_with_constants() -> Iterator[BadGraph]:
    """Yield graphs whose constants are not as they are told to be."""
    text = LINEAR | {
        "constants": [{"dtype": "i64", "name": "order", "shape": [4]}],
        "nodes": [[0, "%0", [None, "%3"]], [1, "%4", "%1", "%2"]],
        "operators": ["index.Tensor", "linear"],
        "result": "%5",
    }
    one = text["constants"][0]  # type: ignore[index]
    for name, rule, says, changed, payload in (
        ("constants-short", "all bytes of constants are there", "32 bytes of constants", {},
         ORDER[:-1]),
        ("constants-over", "no byte is left over", "32 bytes as told, got 33", {}, ORDER + b"\0"),
        ("constants-bomb", "a constant is as large as its bytes", "at most 1073741824",
         {"shape": [1 << 40]}, ORDER),
        ("constants-name", "a constant has no tensor's name", "no tensor's name",
         {"name": "fc.bias"}, ORDER),
        ("constants-bool", "a bool is 0 or 1", "0 and 1", {"dtype": "bool", "shape": [32]}, ORDER),
        ("constants-empty", "no dimension is 0", "an integer from 1", {"shape": [0]}, b""),
    ):  # fmt: skip
        made = section(text | {"constants": [one | changed]}, payload)
        yield BadGraph(name, rule, says, archive(made, WEIGHT, BIAS))
