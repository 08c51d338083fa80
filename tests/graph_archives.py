"""Archives that hold a graph, put together by hand around any tensors."""

import hashlib
import json
import struct

import numpy as np
from handmade import put_together, take_apart

from pemn_compress.format.archive import DenseTensor, encode
from pemn_compress.format.archive.values import NUMPY_TYPES
from pemn_compress.format.graph import Graph, Input, Node, Ref, write_graph

_CODES = {np.dtype(code): name for name, code in NUMPY_TYPES.items() if name != "bf16"}


def chain(nodes, inputs=None, tensors=(), constants=(), result=None, **more):
    """Return a graph that returns its last node."""
    inputs = inputs or (Input("x", "f32", ("batch", 4)),)
    first = len(inputs) + len(tensors) + len(constants)
    return Graph(
        inputs=tuple(inputs),
        tensors=tuple(tensors),
        constants=tuple(constants),
        nodes=tuple(Node(*node) for node in nodes),
        args=tuple(Ref(number) for number in range(len(inputs))),
        result=Ref(first + len(nodes) - 1) if result is None else result,
        sizes={size: (1, None) for one in inputs for size in one.shape if isinstance(size, str)},
        **more,
    )


def stored(graph, tensors=None, dtypes=None):
    """Return the bytes of an archive of tensors (numpy arrays by name) and a graph."""
    arrays = {"bias": np.arange(4, dtype="<f4")} if tensors is None else tensors
    names = {
        name: (dtypes or {}).get(name) or _CODES[array.dtype] for name, array in arrays.items()
    }
    archive = encode(
        [DenseTensor(name, names[name], array) for name, array in arrays.items()], None
    )
    shapes = {name: (names[name], array.shape) for name, array in arrays.items()}
    return with_section(archive, write_graph(graph, shapes))


def with_section(archive, payload, name="graph"):
    manifest, payloads = take_apart(archive)
    told = {
        "bytes": len(payload), "critical": False, "name": name,
        "sha256": hashlib.sha256(payload).hexdigest(),
    }  # fmt: skip
    manifest["sections"].append(told)
    raw = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    elements, restored = struct.unpack_from("<QQ", archive, 24)
    minor = struct.unpack_from("<H", archive, 10)[0]
    return put_together(
        manifest, {**payloads, name: payload}, text=raw, elements=elements, restored=restored,
        minor=minor,
    )  # fmt: skip
