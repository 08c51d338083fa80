"""The graph section: what is written is read again, and nothing else is."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import Limits
from pemn_compress.format.graph import (
    Constant,
    DType,
    Graph,
    Input,
    Node,
    Ref,
    operators,
    read_graph,
    write_graph,
)

TENSORS = {
    "fc.weight": ("f32", (4, 64)), "fc.bias": ("f32", (4,)), "unused": ("i64", ()),
    "table": ("f32", (2,)),
}  # fmt: skip
PERM = Constant("perm", "i64", (64,), np.arange(64, dtype="<i8")[::-1])
GRAPH = Graph(
    inputs=(Input("x", "f32", ("batch", 64)),),
    tensors=("fc.weight", "fc.bias"),
    constants=(PERM,),
    nodes=(
        Node("index.Tensor", (Ref(0), (None, Ref(3)))),
        Node("linear", (Ref(4), Ref(1), Ref(2))),
        Node("max.dim", (Ref(5), 1)),
        Node("tuple.get", (Ref(6), 0)),
        Node("sym_size.int", (Ref(0), 0)),
        Node("view", (Ref(7), (Ref(8), 1))),
        Node("softmax.int", (Ref(5), -1, DType("f64"))),
    ),
    args=(Ref(0),),
    result={"best": Ref(9), "all": (Ref(10), [Ref(5), None, 0.5, "text"])},
    sizes={"batch": (1, None)},
    buffers=("table",),
)


def told(graph=GRAPH):
    """The text of a graph as plain JSON values, and the bytes of its constants."""
    raw = zstandard.ZstdDecompressor().decompress(write_graph(graph, TENSORS))
    length = int.from_bytes(raw[:4], "little")
    return json.loads(raw[4 : 4 + length]), raw[4 + length :]


def packed(text, constants=b""):
    """A section of a text that any values may stand in."""
    if not isinstance(text, bytes):
        text = json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    raw = struct.pack("<I", len(text)) + text + constants
    return zstandard.ZstdCompressor().compress(raw)


def test_what_is_written_is_read_again():
    raw = write_graph(GRAPH, TENSORS)
    graph = read_graph(raw, TENSORS)
    assert replace(graph, constants=()) == replace(GRAPH, constants=())
    (constant,) = graph.constants
    assert (constant.name, constant.dtype) == ("perm", "i64")
    assert np.array_equal(constant.values, PERM.values)
    assert write_graph(graph, TENSORS) == raw


def test_floats_keep_their_bits_and_kinds():
    values = (0.0, -0.0, float("inf"), 1e-45, 3, True)
    nodes = [Node("add.Scalar", (Ref(0), values[0]))]
    nodes += [Node("add.Scalar", (Ref(i + 1), one)) for i, one in enumerate(values[1:])]
    graph = Graph((Input("x", "f32", (2,)),), (), (), tuple(nodes), (Ref(0),), Ref(len(values)))
    got = [node.arguments[1] for node in read_graph(write_graph(graph, {}), {}).nodes]
    assert list(map(repr, got)) == list(map(repr, values))


def test_the_list_is_sorted_and_no_operator_of_it_draws_or_writes():
    names = [*operators()]
    assert names == sorted(names)
    assert not [name for name in names if name.split(".")[0].endswith("_") and name[0] != "_"]
    for drawn in ("rand", "bernoulli", "dropout", "multinomial", "normal"):
        assert not [name for name in names if name.startswith(drawn)]


def test_arguments_that_are_left_out_are_the_defaults_of_the_schema():
    node = Node("max_pool2d", (Ref(0), (2, 2)))
    assert node.bound() == {
        "self": Ref(0), "kernel_size": (2, 2), "stride": (), "padding": (0, 0),
        "dilation": (1, 1), "ceil_mode": False,
    }  # fmt: skip
    assert Node("contiguous", (Ref(0),)).bound()["memory_format"] == "contiguous"
    assert Node("layer_norm", (Ref(0), (8,))).bound()["eps"] == 1e-5


def edits():
    """Name, edit of the text, what the message says."""

    def put(*path):
        *way, key, value = path

        def edit(text):
            for step in way:
                text = text[step]
            text[key] = value

        return edit

    nodes = told()[0]["nodes"]
    ops = told()[0]["operators"]
    linear = ops.index("linear")
    return {
        "outside": (put("operators", 0, "aten.system"), "names on the format's list"),
        "unsorted": (put("operators", ops[::-1]), "sorted names"),
        "twice": (put("operators", [ops[0], *ops]), "sorted names"),
        "unused-operator": (put("operators", [*ops, "zeros"]), "those that nodes use, got more"),
        "operator-number": (put("nodes", 1, 0, 99), "an integer from 0 to 6, got 99"),
        "operator-true": (put("nodes", 1, 0, True), "an integer from 0 to 6, got True"),
        "forward": (put("nodes", 0, 1, "%9"), "a value below %4, got %9"),
        "itself": (put("nodes", 0, 1, "%4"), "a value below %4, got %4"),
        "far": (put("nodes", 0, 1, "%99999999"), "a value below %4"),
        "few": (put("nodes", 1, [linear, "%4"]), "2 to 3 arguments, got 1"),
        "many": (put("nodes", 1, [linear, *["%4"] * 4]), "2 to 3 arguments, got 4"),
        "default": (put("nodes", 1, [linear, "%4", "%1", None]), "no default to be told"),
        "type-int": (put("nodes", 1, 1, 7), "Tensor, got 7"),
        "type-text": (put("nodes", 2, 2, "'one"), "int, got \"'one\""),
        "type-bool": (put("nodes", 2, 2, True), "int, got True"),
        "type-float": (put("nodes", 2, 2, "#3ff0000000000000"), "int, got '#3ff"),
        "type-dtype": (put("nodes", 6, 3, "'f64"), "ScalarType?, got \"'f64\""),
        "type-list": (put("nodes", 5, 2, 4), "int[], got 4"),
        "type-item": (put("nodes", 5, 2, ["%0", 1]), "expected int, got %0, Tensor"),
        "tuple-as-tensor": (put("nodes", 5, 1, "%6"), "got %6, (Tensor, Tensor)"),
        "tensor-as-tuple": (put("nodes", 3, 1, "%5"), "Tensor[], got %5, Tensor"),
        "index": (put("nodes", 3, 2, 2), "a number below 2, got 2"),
        "index-negative": (put("nodes", 3, 2, -1), "a number below 2, got -1"),
        "no-dtype": (put("nodes", 6, 3, ":f128"), "got ':f128'"),
        "zero-led": (put("nodes", 0, 1, "%00"), "got '%00'"),
        "upper-case": (put("nodes", 2, 2, "#3FF0000000000000"), "got '#3FF"),
        "empty-node": (put("nodes", 1, []), "an operator first"),
        "node-object": (put("nodes", 1, {}), "a list of at most"),
        "nested-argument": (put("nodes", 5, 2, [["%8"], 1]), "got list"),
        "wide-integer": (put("nodes", 2, 2, 1 << 63), "an integer of 64 bits"),
        "unused-node": (put("nodes", [*nodes, [linear, "%4", "%1"]]), "value %11: expected a use"),
        "unused-tensor": (put("tensors", ["fc.weight", "fc.bias", "unused"]), "expected"),
        "order": (put("tensors", ["fc.bias", "fc.weight", "x"]), "names of the archive's tensors"),
        "tensor-unknown": (put("tensors", 0, "fc.wait"), "names of the archive's tensors"),
        "tensor-twice": (put("tensors", 1, "fc.weight"), "a unique name, got two"),
        "tensor-path": (put("tensors", 0, "../fc"), "a name of 1 to 255"),
        "unknown-key": (put("code", "import os"), "no other fields, got 'code'"),
        "version": (put("version", 2), "version: expected 1, got 2"),
        "version-true": (put("version", "1"), "version: expected 1"),
        "constant-name": (put("constants", 0, "name", "fc.bias"), "no tensor's name"),
        "constant-less": (put("constants", 0, "shape", [63]), "504 bytes as told, got 512"),
        "constant-more": (put("constants", 0, "shape", [65]), "520 bytes of constants"),
        "constant-bomb": (put("constants", 0, "shape", [1 << 40]), "at most 1073741824"),
        "constant-bombs": (put("constants", 0, "shape", [1 << 40] * 8), "at most 1073741824"),
        "constant-empty": (put("constants", 0, "shape", [0]), "an integer from 1"),
        "constant-rank": (put("constants", 0, "shape", [1] * 9), "a list of at most 8"),
        "constant-bool": (
            put("constants", 0, {"dtype": "bool", "name": "p", "shape": [512]}), "0 and 1"
        ),
        "input-size": (put("inputs", 0, "shape", ["bach", 64]), "one of batch"),
        "input-zero": (put("inputs", 0, "shape", ["batch", 0]), "an integer from 1"),
        "input-dtype": (put("inputs", 0, "dtype", "c64"), "one of bool"),
        "sizes-unused": (put("sizes", "time", [1, 2]), "those that inputs name"),
        "sizes-swapped": (put("sizes", "batch", [4, 2]), "an integer from 4"),
        "call-missing": (put("call", "args", []), "all inputs once"),
        "call-twice": (put("call", "args", ["%0", "%0"]), "all inputs once"),
        "call-tensor": (put("call", "args", ["%1"]), "all inputs once"),
        "call-keyword": (put("call", "kwargs", {"a b": 1}), "names of arguments"),
        "result-tuple": (put("result", "%6"), "got %6, (Tensor, Tensor)"),
        "result-far": (put("result", "%60"), "a value below %11"),
        "result-kind": (put("result", ["set", "%9"]), "one of list, tuple, dict"),
        "result-key": (put("result", ["dict", [["a", 1], ["a", 2]]]), "it twice"),
        "result-pairs": (put("result", ["dict", [["a"]]]), "pairs of key and tree"),
        "result-dtype": (put("result", ":f32"), "a leaf"),
        "buffer-unknown": (put("buffers", ["tables"]), "names of the archive's tensors"),
        "buffer-twice": (put("buffers", ["table", "table"]), "sorted names"),
        "buffer-integers": (put("buffers", ["table", "unused"]), "no rule tells, got 'unused'"),
        "text-null": (put("tensors", None), "a list of at most"),
    }  # fmt: skip


@pytest.mark.parametrize("name", edits())
def test_each_wrong_text_is_refused_in_one_line(name):
    edit, message = edits()[name]
    text, constants = told()
    edit(text)
    with pytest.raises(ArchiveError) as caught:
        read_graph(packed(text, constants), TENSORS)
    refusal = str(caught.value)
    assert refusal.startswith("graph: ")
    assert message in refusal
    assert "\n" not in refusal


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "one zstd frame"),
        (zstandard.compress(b"abc"), "1 to 0 bytes"),
        (packed(b"{}")[:-1], "zstd"),
        (packed(b"{}") + b"x", "bytes after it"),
        (packed(b"{ }"), "another spelling"),
        (packed(b"[" * 100), "nested levels"),
        (packed(b'{"version":1.0}'), "integers only"),
        (packed(json.dumps(told()[0]).encode()), "another spelling"),
        (packed(told()[0]), "512 bytes of constants up to it, got 0"),
        (packed(told()[0], told()[1] + b"\0"), "512 bytes as told, got 513"),
        (zstandard.compress(struct.pack("<I", 1 << 31) + b"{}"), "text: expected 1 to 2 bytes"),
    ],
)
def test_each_wrong_frame_is_refused(raw, message):
    with pytest.raises(ArchiveError, match=message):
        read_graph(raw, TENSORS)


def test_limits_bound_text_and_constants():
    raw = write_graph(GRAPH, TENSORS)
    with pytest.raises(ArchiveError, match="raw bytes"):
        read_graph(raw, TENSORS, Limits(max_manifest_bytes=64, max_bytes=64))
    with pytest.raises(ArchiveError, match="at most 63"):
        read_graph(raw, TENSORS, Limits(max_weights=63))


@pytest.mark.parametrize(
    "graph",
    [
        replace(GRAPH, tensors=("fc.weight", "gone")),
        replace(GRAPH, nodes=GRAPH.nodes[:-1]),
        replace(GRAPH, sizes={}),
    ],
)
def test_the_writer_writes_nothing_that_the_reader_refuses(graph):
    with pytest.raises(ArchiveError, match=r"^graph: "):
        write_graph(graph, TENSORS)


leaf = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.text(max_size=4),
    st.from_regex(r"[%#:'][0-9a-f]{1,16}", fullmatch=True),
)  # fmt: skip
value = st.recursive(
    leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def read_or_refused(raw):
    """The graph, or None where it is refused in one line; nothing else may happen."""
    try:
        return read_graph(raw, TENSORS)
    except ArchiveError as error:
        refusal = str(error)
    assert refusal.startswith("graph: ")
    assert "\n" not in refusal
    return None


def places(text, way=()):
    """Every place of a JSON value."""
    items = text.items() if isinstance(text, dict) else enumerate(text)
    for key, item in items:
        yield (*way, key)
        if isinstance(item, dict | list):
            yield from places(item, (*way, key))


@settings(max_examples=400, deadline=2000)
@given(data=st.data())
def test_a_graph_that_was_altered_is_read_or_refused(data):
    text, constants = told()
    for _ in range(data.draw(st.integers(1, 3))):
        *way, key = data.draw(st.sampled_from([*places(text)]))
        there = text
        for step in way:
            there = there[step]
        if isinstance(there, list) and data.draw(st.booleans()):
            del there[key]
        else:
            there[key] = data.draw(value)
    try:
        raw = packed(text, constants)
    except UnicodeEncodeError:
        return
    graph = read_or_refused(raw)
    if graph is not None:
        assert write_graph(graph, TENSORS) == write_graph(read_graph(raw, TENSORS), TENSORS)


@settings(max_examples=200, deadline=2000)
@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_byte_that_was_altered_is_read_or_refused(position, byte):
    raw = bytearray(write_graph(GRAPH, TENSORS))
    raw[position % len(raw)] = byte
    read_or_refused(bytes(raw))
