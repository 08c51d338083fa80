"""Canonical JSON: one byte sequence per value, so that a reader can demand it by re-encoding.

UTF-8, keys sorted, no white space, integers only. A float is written as {"f64": "<16 hex digits>"},
the big-endian bit pattern of its binary64, so that no decimal printing rule is involved.
"""

import json
import re
import struct
from typing import Any

import numpy as np

from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive.layout import MAX_NESTING

_FLOAT_KEY = "f64"
_HEX64 = re.compile(r"[0-9a-f]{16}")
# possessive, and matching a string that never ends too: one pass, whatever the bytes
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_LONG_NUMBER = re.compile(rb"\d{19}")  # shorter ones are integers of 64 bits
_MAX_INTEGER_DIGITS = 20  # 2^64 - 1 has 20


def encode(value: Any, what: str = "manifest") -> bytes:
    """Return the canonical bytes of a value made of dict, list, str, int, float, bool and None.

    `what` begins the message of the ArchiveError that anything else raises.
    """
    try:
        return json.dumps(
            _without_floats(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
    except (TypeError, UnicodeEncodeError) as error:
        raise ArchiveError(f"{what}: expected plain JSON values, got others: {error}") from None


def decode(raw: bytes, what: str = "manifest") -> Any:
    """Return the value; ArchiveError unless `raw` is exactly what encode() would write.

    `what` begins the message.
    """
    try:
        return _decode(raw)
    except _Refused as error:
        raise ArchiveError(f"{what}: {error}") from None


class _Refused(Exception):
    """What was expected of the text, and what was got."""


def _decode(raw: bytes) -> Any:
    bare = _STRING.sub(b"", raw)
    if _depth(bare) > MAX_NESTING:
        raise _Refused(f"expected at most {MAX_NESTING} nested levels, got more")
    integers = _integer if _LONG_NUMBER.search(bare) else None
    try:
        value = json.loads(
            raw.decode(), parse_int=integers, parse_float=_no_float, parse_constant=_no_float
        )
        again = json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
    except _Refused:
        raise
    except (ValueError, RecursionError) as error:
        raise _Refused(f"expected canonical JSON, got {error}") from None
    if again != raw:
        raise _Refused(
            "expected canonical JSON (sorted keys, no white space, "
            "no duplicates), got another spelling"
        )
    # the text is canonical: a key has no other spelling
    return _with_floats(value) if f'"{_FLOAT_KEY}"'.encode() in raw else value


def float32_bits(value: float) -> str:
    """Return the bit pattern of a binary32 as 8 hex digits."""
    return struct.pack(">f", value).hex()


def float32_from_bits(bits: str) -> float:
    """Return the binary32 (in a Python float) that 8 hex digits stand for."""
    return float(struct.unpack(">f", bytes.fromhex(bits))[0])


def _without_floats(value: Any) -> Any:
    if isinstance(value, float):
        return {_FLOAT_KEY: struct.pack(">d", value).hex()}
    if isinstance(value, dict):
        if _FLOAT_KEY in value:
            raise ArchiveError(f"manifest: the key {_FLOAT_KEY!r} is for floats: expected another")
        return {str(key): _without_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_floats(item) for item in value]
    return value


def _with_floats(value: Any) -> Any:
    if isinstance(value, dict):
        if _FLOAT_KEY in value:
            bits = value[_FLOAT_KEY]
            if len(value) != 1 or not isinstance(bits, str) or not _HEX64.fullmatch(bits):
                raise _Refused(
                    f"expected {_FLOAT_KEY!r} alone, with 16 hex digits, got another use"
                )
            return struct.unpack(">d", bytes.fromhex(bits))[0]
        return {
            key: _with_floats(item) if isinstance(item, dict | list) else item
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_floats(item) if isinstance(item, dict | list) else item for item in value]
    return value


def _integer(digits: str) -> int:
    if len(digits) > _MAX_INTEGER_DIGITS or not -(1 << 63) <= int(digits) < 1 << 64:
        raise _Refused(f"expected integers of 64 bits, got {digits[:24]}")
    return int(digits)


def _no_float(text: str) -> float:
    raise _Refused(f"expected integers only, got {text[:24]}")


def _depth(bare: bytes) -> int:
    """Return how deep brackets nest in a text without strings."""
    brackets = np.frombuffer(bare.translate(None, _NO_BRACKETS), np.uint8)
    opens = (brackets == ord("[")) | (brackets == ord("{"))
    return int(np.cumsum(np.where(opens, 1, -1)).max(initial=0))
