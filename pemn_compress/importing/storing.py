"""The smallest exact way to store masked weights that no seed of ours makes.

Weights of other projects came from torch's generator, which promises no values. What they are is
stored instead, as little of it as restores them exactly: one constant per tensor, one magnitude (or
one per row) and a plane of signs, a prototype that tensors share, or the kept values. A weight of
zero takes no place in any of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pemn_compress.format.archive import Prototype
from pemn_compress.importing import shared
from pemn_compress.importing.alone import ROW_SIGNS, Stored, Weights, alone


@dataclass(frozen=True)
class Storage:
    """How tensors are stored: contents, and the kind for each, by name; a prototype they share."""

    contents: dict[str, Stored]
    kinds: dict[str, str]
    prototype: Prototype | None


def smallest(tensors: Sequence[Weights]) -> Storage:
    """Choose for each tensor what takes the fewest bytes, a prototype's values counted once."""
    ways = {weights.name: alone(weights) for weights in tensors}
    vector = shared.best_vector(tensors, {name: way.size for name, way in ways.items()})
    kinds = {n: vector.uses[n].kind if n in vector.uses else way.kind for n, way in ways.items()}
    values = vector.values
    if not values.size and ROW_SIGNS in kinds.values():
        values = np.ones(1, np.float32)  # whose sign is there to be changed
    contents: dict[str, Stored] = {}
    for weights in tensors:
        name = weights.name
        use = vector.uses.get(name)
        contents[name] = (
            ways[name].content(values) if use is None else shared.content(weights, use, values)
        )
    return Storage(contents, kinds, Prototype(None, values, None) if values.size else None)
