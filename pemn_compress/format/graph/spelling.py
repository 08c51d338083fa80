"""Arguments and trees as plain JSON values, and back: one spelling for each.

A text's first character says what it is: %12 a value, #3ff0000000000000 a binary64 by its bits,
:f32 a dtype, 'text any other text.
"""

import re
import struct
from typing import Any

from pemn_compress.format.archive import fields
from pemn_compress.format.archive.records import DTYPE_BYTES
from pemn_compress.format.graph.records import Argument, Ref, Tree
from pemn_compress.format.graph.schemas import DType

MOST_TEXT = 1000  # characters
MOST_KEY = 255
_REF = re.compile(r"%(0|[1-9][0-9]{0,8})")
_FLOAT = re.compile(r"#[0-9a-f]{16}")
_KINDS = ("list", "tuple", "dict")


def to_json(value: Argument) -> Any:
    """Return an argument, or the leaf of a tree, as a JSON value."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Ref):
        return f"%{value.index}"
    if isinstance(value, DType):
        return f":{value.name}"
    if isinstance(value, str):
        return f"'{value}"
    if isinstance(value, float):
        return f"#{struct.pack('>d', value).hex()}"
    return value


def from_json(value: Any, where: str) -> Argument:
    """Return what to_json was given; lists stand one level deep. Raises ArchiveError."""
    if isinstance(value, list):
        return tuple(_single(item, where) for item in value)
    return _single(value, where)


def _single(value: Any, where: str) -> Argument:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str):
        if _REF.fullmatch(value):
            return Ref(int(value[1:]))
        if _FLOAT.fullmatch(value):
            return float(struct.unpack(">d", bytes.fromhex(value[1:]))[0])
        if value[:1] == ":" and value[1:] in DTYPE_BYTES:
            return DType(value[1:])
        if value[:1] == "'" and len(value) <= MOST_TEXT and value.isprintable():
            return value[1:]
        raise fields.bad(where, "%value, #bits, :dtype or 'text", repr(value[:MOST_TEXT]))
    raise fields.bad(where, "an argument", type(value).__name__)


def tree_to_json(tree: Tree) -> Any:
    """Return a tree of list, tuple, dict and leaves as a JSON value."""
    if isinstance(tree, dict):
        return ["dict", [[key, tree_to_json(item)] for key, item in tree.items()]]
    if isinstance(tree, list | tuple):
        kind = "list" if isinstance(tree, list) else "tuple"
        return [kind, *(tree_to_json(item) for item in tree)]
    return to_json(tree)


def tree_from_json(value: Any, where: str) -> Tree:
    """Return what tree_to_json was given. Raises ArchiveError."""
    if not isinstance(value, list):
        leaf = _single(value, where)
        if isinstance(leaf, DType):
            raise fields.bad(where, "a leaf", f"the dtype {leaf.name}")
        return leaf
    if not value:
        raise fields.bad(where, "list, tuple or dict first", "nothing")
    kind, *items = value
    fields.choice(kind, _KINDS, where)
    if kind == "dict":
        return _dict(items, where)
    found = [tree_from_json(item, where) for item in items]
    return found if kind == "list" else tuple(found)


def _dict(items: list[Any], where: str) -> dict[str | int, Tree]:
    if len(items) != 1 or not isinstance(items[0], list):
        raise fields.bad(where, "one list of pairs after dict", "others")
    found: dict[str | int, Tree] = {}
    for pair in items[0]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise fields.bad(where, "pairs of key and tree", "another")
        key = _key(pair[0], where)
        if key in found:
            raise fields.bad(f"{where} key {key!r}", "it once", "it twice")
        found[key] = tree_from_json(pair[1], where)
    return found


def _key(key: Any, where: str) -> str | int:
    text = isinstance(key, str) and len(key) <= MOST_KEY and key.isprintable()
    if not text and (isinstance(key, bool) or not isinstance(key, int)):
        raise fields.bad(where, f"keys of up to {MOST_KEY} printable characters", repr(key))
    found: str | int = key
    return found
