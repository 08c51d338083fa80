"""What a page opens: archives, each looked at first, and the records of their runs."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pemn_compress.errors import DataError, OutputError, PemnError, PemnWarning, unreadable
from pemn_compress.format.archive import Limits, open_archive
from pemn_compress.viewing.page import in_base64, page

MOST_EMBEDDED = 1 << 28  # bytes of archives in one file: browsers keep them as text
MOST_SERVED = 1 << 30  # as much as the page opens
MOST_RECORD = 1 << 26


@dataclass(frozen=True)
class Given:
    """An archive's bytes, what messages and the page call it, and the record of its run."""

    name: str
    content: bytes
    record: dict[str, Any] | None = None


def read_given(source: str | bytes, name: str, record: dict[str, Any] | None = None) -> Given:
    """Return an archive, from a path or from bytes, whose header and manifest are right.

    Without a `record`, it is that of a file of its own name with .json beside it that tells the
    archive's digest. Raises ArchiveError for what is no archive, DataError for one that is larger
    than the page opens. Warns of a `record` of another archive: the page shows it and says so.
    """
    with open_archive(source, Limits(), name=name) as archive:
        if archive.size > MOST_SERVED:
            raise DataError(f"{name}: expected at most {MOST_SERVED:,} bytes, got {archive.size:,}")
        content = source if isinstance(source, bytes) else archive.content()
    if record is None and not isinstance(source, bytes):
        record = _beside(source, content)
    elif record is not None and not _is_of(record, content):
        told = "the record is of another archive, or tells none; the page shows it and says so"
        warnings.warn(f"{name}: {told}", PemnWarning, stacklevel=2)
    return Given(_short(name), content, record)


def read_record(path: Path) -> dict[str, Any]:
    """Return the record in a file. Raises DataError."""
    text = _content(path)
    try:
        told = json.loads(text, parse_constant=lambda _: None)  # NaN is no JSON for browsers
    except (ValueError, RecursionError):
        raise DataError(f"{path}: expected the record of a run, got no JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("epochs"), list):
        raise DataError(f"{path}: expected the record of a run, which has a list of epochs")
    return told


def _beside(source: str, content: bytes) -> dict[str, Any] | None:
    """Return the record that lies beside an archive and is its own."""
    path = Path(source).with_suffix(".json")
    try:
        told = read_record(path)
    except PemnError:
        return None
    return told if _is_of(told, content) else None


def _is_of(record: dict[str, Any], content: bytes) -> bool:
    archive = record.get("archive")
    return isinstance(archive, dict) and archive.get("sha256") == sha256(content).hexdigest()


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_RECORD + 1)
    except (OSError, ValueError) as error:
        raise DataError(unreadable(path, error)) from None
    if len(content) > MOST_RECORD:
        raise DataError(f"{path}: expected at most {MOST_RECORD:,} bytes, got more")
    return content


def _short(name: str) -> str:
    return Path(name).name or name


def page_with(given: Sequence[Given], made_by: str) -> bytes:
    """Return one file with the page and the archives in it. Raises OutputError if too large."""
    size = sum(len(one.content) for one in given)
    if size > MOST_EMBEDDED:
        raise OutputError(
            f"archives of {size:,} bytes: expected at most {MOST_EMBEDDED:,} in one page; "
            "pemn view FILE shows larger ones"
        )
    told = [
        {"name": one.name, "base64": in_base64(one.content), "record": one.record} for one in given
    ]
    return page(told, made_by).encode("utf-8")
