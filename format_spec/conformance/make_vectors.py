"""Known answers of the generator and of the mask codecs, as JSON."""

import hashlib
from typing import Any

import numpy as np
from make_accept import random_mask
from make_archive import Array, shuffled_order

from pemn_compress.format import prng
from pemn_compress.format.codecs import CODECS

LOW = 0xFFFFFFFF
STREAMS = ((0, 0), (42, 0), (0x0123456789ABCDEF, 0xFEDCBA9876543210), (7, 2**32 + 3))
COUNT = 64
SIZES = (1, 7, 8, 9, 63, 64, 65, 4096)
MOST_SHOWN = 1000  # bytes of a payload; of longer ones there is the digest
KNOWN = (  # from the Random123 distribution: counter, key, block
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
)  # fmt: skip


def generator() -> dict[str, list[Any]]:
    """Return the vectors of blocks, words, transforms, shuffles and the table."""
    return {
        "philox": [{"counter": c, "key": k, "block": b} for c, k, b in KNOWN],
        "blocks": [_block(seed, stream, index) for seed, stream in STREAMS[2:]
                   for index in (2**32 - 1, 2**32, 2**32 + 1, 2**64 - 1)],
        "word": [
            # the 10,000th value of C++26's std::philox4x32 with its default seed
            {"seed": _u64(20111115), "stream": _u64(0), "index": 9999, "word": f"{1955073260:08x}"},
            {"seed": _u64(42), "stream": _u64(1), "index": 999_999,
             "word": f"{prng.words(42, 1, 10**6)[-1]:08x}"},
        ],
        "streams": [_stream(seed, stream) for seed, stream in STREAMS],
        "table": [{"sha256": prng.TABLE_SHA256}, *(
            {"index": i, "value": _hex(prng.normal_table()[i : i + 1])}
            for i in (0, 1, 255, 16384, 32767, 32768, 40000, 65534, 65535))],
        "shuffles": [_shuffle(*one) for one in (
            (1, 1, 0, 0), (5, 8, 42, 1), (40, 33, 9, 4), (7, 64, 2**64 - 1, 2**64 - 1))],
        "ties": [{"length": 90135, "seed": _u64(42), "stream": _u64(1), "word": "670c2458",
                  "indices": [18742, 90134], "places": _places()}],
    }  # fmt: skip


def _u64(value: int) -> str:
    return f"{value:016x}"


def _hex(values: Array) -> str:
    return " ".join(f"{int(word):08x}" for word in np.ascontiguousarray(values).view(np.uint32))


def _block(seed: int, stream: int, index: int) -> dict[str, str]:
    words = (index & LOW, index >> 32, stream & LOW, stream >> 32)
    counter = tuple(np.array([word], np.uint64) for word in words)
    block = prng.philox_block(counter, (seed & LOW, seed >> 32))  # type: ignore[arg-type]
    return {"seed": _u64(seed), "stream": _u64(stream), "index": _u64(index),
            "block": " ".join(f"{int(word[0]):08x}" for word in block)}  # fmt: skip


def _stream(seed: int, stream: int) -> dict[str, str]:
    transforms = {name: _hex(draw(seed, stream, COUNT)) for name, draw in prng.TRANSFORMS.items()}
    words = _hex(prng.words(seed, stream, COUNT))
    return {"seed": _u64(seed), "stream": _u64(stream), "words": words, **transforms}


def _shuffle(prototype: int, length: int, seed: int, stream: int) -> dict[str, Any]:
    order = shuffled_order(length, seed, stream)
    return {"prototype": prototype, "length": length, "seed": _u64(seed), "stream": _u64(stream),
            "order": order, "taken": [i % prototype for i in order]}  # fmt: skip


def _places() -> list[int]:
    order = shuffled_order(90135, 42, 1)
    return [order.index(18742), order.index(90134)]


def codecs() -> dict[str, list[Any]]:
    """Return masks, and their payloads as the canonical encoders write them."""
    masks = []
    for numel in SIZES:
        shape = (64, 64) if numel == 4096 else (numel,)
        for ones in sorted({0, 1, numel // 2, numel - 1, numel}):
            masks.append(_vector(random_mask(shape, ones, seed=numel), *CODECS))
    for shape, places in (  # rows, and the widths of column indices
        ((), []), ((), [0]), ((2, 3), [1, 2, 5]), ((3, 2, 2, 2), [0, 9, 23]), ((5, 1), [1, 4]),
        ((2, 256), [255, 256]), ((2, 257), [256, 257]), ((1, 65536), [65535]),
        ((1, 65537), [0, 65536]),
    ):  # fmt: skip
        masks.append(_vector(_mask(shape, places), "csr", "rice"))
    for ones in (255, 256, 65535, 65536):  # the widths of row pointers
        masks.append(_vector(np.arange(70000).reshape(700, 100) < ones, "csr", "rice"))
    for numel, places in (  # long gaps, gaps of one length, gaps around powers of two
        (1 << 20, [2**20 - 1]), (1 << 20, [0, 2**20 - 1]), (1 << 20, [0, 1, 2, 3, 4, 2**20 - 1]),
        (10_000, list(range(99, 10_000, 100))), (600, [7, 15, 31, 63, 127, 255, 511]),
        (64, [3, 20, 63]),
    ):  # fmt: skip
        masks.append(_vector(_mask((numel,), places), "rice"))
    masks.append(_vector(~_mask((1 << 20,), [5, 2**19, 2**20 - 2]), "rice"))
    masks.append(_vector(~_mask((10,), [5, 8]), "rice"))
    return {"masks": masks}


def _mask(shape: tuple[int, ...], places: list[int]) -> Array:
    mask = np.zeros(shape, np.bool_)
    mask.reshape(-1)[places] = True
    return mask


def _vector(mask: Array, *names: str) -> dict[str, Any]:
    flat = mask.reshape(-1)
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    told: dict[str, Any] = {"shape": list(mask.shape), "ones": int(mask.sum())}
    if len(runs) <= flat.size // 16 + 4:
        told["runs"] = [0, *runs] if flat[0] else runs
    else:
        told["bits"] = np.packbits(flat, bitorder="little").tobytes().hex()
    for name in names:
        payload = CODECS[name].encode(mask)
        if len(payload) <= MOST_SHOWN:
            told[name] = payload.hex()
        else:
            told[name] = {"bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
    return told
