"""Archives that hold a graph, of a few nodes around any tensors."""

import numpy as np

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
    contents = [DenseTensor(name, names[name], array) for name, array in arrays.items()]
    shapes = {name: (names[name], array.shape) for name, array in arrays.items()}
    return encode(contents, None, graph=write_graph(graph, shapes))
