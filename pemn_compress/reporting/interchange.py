"""JSON and CSV that every program reads: no numbers that JSON lacks, no cells that are formulas."""

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pemn_compress.printable import printable

# what spreadsheets take for the start of a formula; https://owasp.org/www-community/attacks/CSV_Injection
_START = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf"\s*{_START}")
_NEXT_FORMULA = re.compile(rf';(?=[\s"]*{_START})')  # where semicolons part cells
_LONGEST_CELL = 4096  # characters: the longest path
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


def json_text(value: Any, indent: int | None = 2) -> str:
    """Return a value as JSON, null for what JSON has no number for.

    >>> json_text({"loss": float("nan"), "best": [1.5]}, None)
    '{"loss": null, "best": [1.5]}'
    """
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def csv_text(fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV with a header line; None is an empty cell, text is made printable.

    Text that a spreadsheet would take for a formula begins with an apostrophe, after a semicolon
    too, which parts cells in some countries.

    >>> csv_text(["a", "b"], [{"a": -1.5, "b": "=1+1"}])
    "a,b\\n-1.5,'=1+1\\n"
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(_cell, fields))
    writer.writerows([_cell(row.get(field)) for field in fields] for row in rows)
    return stream.getvalue()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    text = _NEXT_FORMULA.sub(";'", printable(value, _LONGEST_CELL))
    formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if formula else text
