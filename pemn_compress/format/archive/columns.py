"""Tensor records in columns, as the compact form of a manifest has them, and back.

One array for each field of a record, with null where a record has not got it; a field that no
record has is left out. Names are told in pairs: how many of the last name's parts, between its
dots, this one begins with, and the rest of it.
"""

from collections.abc import Sequence
from typing import Any

from pemn_compress.format.archive import fields, layout

_ALWAYS = ("dtype", "name", "shape", "values")
_OPTIONAL = ("frozen", "positions", "sha256")


def to_columns(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the columns of tensor records, all plain JSON values."""
    columns: dict[str, list[Any]] = {
        key: [record.get(key) for record in records] for key in (*_ALWAYS, *_OPTIONAL)
    }
    columns["name"] = _pairs(columns["name"])
    return {
        key: column
        for key, column in columns.items()
        if key in _ALWAYS or any(item is not None for item in column)
    }


def from_columns(value: Any) -> list[dict[str, Any]]:
    """Return the tensor records that columns tell. Raises ArchiveError."""
    got = fields.table(value, "tensors", _ALWAYS, _OPTIONAL)
    names = _names(fields.items(got["name"], "tensors name", 2 * layout.MAX_TENSORS))
    records: list[dict[str, Any]] = [{"name": name} for name in names]
    for key, column in got.items():
        if key == "name":
            continue
        held = fields.items(column, f"tensors {key}", layout.MAX_TENSORS)
        if len(held) != len(records):
            raise fields.bad(f"tensors {key}", f"{len(records)} items, as of names", str(len(held)))
        for record, item in zip(records, held, strict=True):
            if item is not None:
                record[key] = item
    return records


def _pairs(names: Sequence[str]) -> list[int | str]:
    pairs: list[int | str] = []
    last: list[str] = []
    for name in names:
        parts, shared = name.split("."), 0
        while shared < min(len(last), len(parts) - 1) and last[shared] == parts[shared]:
            shared += 1
        pairs += [shared, ".".join(parts[shared:])]
        last = parts
    return pairs


def _names(pairs: Sequence[Any]) -> list[str]:
    if len(pairs) % 2:
        raise fields.bad("tensors name", "pairs of a number and a text", "a number alone")
    names: list[str] = []
    last: list[str] = []
    for count, rest in zip(pairs[::2], pairs[1::2], strict=True):
        fields.integer(count, "tensors name", high=len(last))
        last = [*last[:count], *fields.name(rest, "tensors name").split(".")]
        names.append(fields.name(".".join(last), "tensors name"))
    return names
