"""The format's own random numbers: Philox4x32-10 and three integer-only transforms.

Weights must have the same bits on every machine and in every year, which no library's `randn`
promises. Everything here is integer arithmetic, one table look-up, and exact float scaling; the
normative text is in format_spec/. Generator: Salmon et al., "Parallel Random Numbers: As Easy as
1, 2, 3", SC 2011; the (seed, stream, block) layout is the one that cuRAND and PyTorch use.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from pemn_compress.errors import SettingError

F32 = npt.NDArray[np.float32]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

MAX_SEED = 2**64 - 1
TABLE_SHA256 = "6621a18f629e82396c088501c1095eae46f6d8033b42db7b4158e0f4cf34a0ce"

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_LOW32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_BLOCKS_AT_ONCE = 1 << 14  # four u64 words a block: the work fits in a core's cache


def check_seed(seed: int, name: str = "seed") -> None:
    """Refuse a seed that does not fit in 64 bits; `name` is what the message calls it."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        is_long = isinstance(seed, int) and seed.bit_length() > 256
        got = f"one of {seed.bit_length()} bits" if is_long else repr(seed)
        raise SettingError(f"{name}: expected an integer from 0 to 2^64 - 1, got {got}")


def philox_block(counter: tuple[U64, U64, U64, U64], key: tuple[int, int]) -> tuple[U64, ...]:
    """Run ten Philox4x32 rounds on arrays of 32-bit words held in uint64."""
    c0, c1, c2, c3 = (word.copy() for word in counter)
    p0, p1 = np.empty_like(c0), np.empty_like(c0)
    k0, k1 = key
    for _ in range(10):  # in place: no memory is asked for in the loop
        np.multiply(c0, _MULTIPLIERS[0], out=p0)
        np.multiply(c2, _MULTIPLIERS[1], out=p1)
        np.right_shift(p1, _SHIFT32, out=c0)
        c0 ^= c1
        c0 ^= np.uint64(k0)
        np.right_shift(p0, _SHIFT32, out=c2)
        c2 ^= c3
        c2 ^= np.uint64(k1)
        np.bitwise_and(p1, _LOW32, out=c1)
        np.bitwise_and(p0, _LOW32, out=c3)
        k0 = (k0 + _KEY_STEPS[0]) & 0xFFFFFFFF
        k1 = (k1 + _KEY_STEPS[1]) & 0xFFFFFFFF
    return c0, c1, c2, c3


def words(seed: int, stream: int, count: int) -> U32:
    """Return the first `count` 32-bit words of a stream: uint32 of shape (count,)."""
    out = np.empty(count, np.uint32)
    for start, drawn in _drawn(seed, stream, count):
        out[start : start + drawn.size] = drawn
    return out


def _drawn(seed: int, stream: int, count: int, first: int = 0) -> Iterator[tuple[int, U32]]:
    """Yield `count` words of a stream, from block `first` on, part by part: (start, words).

    Whoever turns a part into values while it is in the cache needs no memory for all words.
    """
    check_seed(seed)
    check_seed(stream)
    key = (seed & 0xFFFFFFFF, seed >> 32)
    blocks = -(-count // 4)
    for start in range(0, blocks, _BLOCKS_AT_ONCE):
        block = np.arange(start, min(start + _BLOCKS_AT_ONCE, blocks), dtype=np.uint64)
        block += np.uint64(first)
        counter = (
            block & _LOW32,
            block >> _SHIFT32,
            np.full_like(block, stream & 0xFFFFFFFF),
            np.full_like(block, stream >> 32),
        )
        out = np.empty((block.size, 4), np.uint32)
        for column, word in enumerate(philox_block(counter, key)):
            out[:, column] = word
        yield 4 * start, out.reshape(-1)[: count - 4 * start]


@lru_cache(maxsize=1)
def normal_table() -> F32:
    """Return T: 65,536 normal quantiles, T[k] = binary32(Phi^-1((2k + 1) / 2^17)).

    The closest that any entry comes to a rounding tie is 1e-5 of a unit in the last place, so
    every double-precision quantile function gives the same table; the digest makes sure.
    """
    quantile = NormalDist().inv_cdf
    upper = np.array([quantile((2 * k + 1) / 2**17) for k in range(32768, 65536)], "<f4")
    found = hashlib.sha256(upper.tobytes()).hexdigest()
    if found != TABLE_SHA256:
        raise RuntimeError(
            f"normal16 table: expected SHA-256 {TABLE_SHA256}, got {found}; "
            "this machine's floating point is not IEEE 754 double precision"
        )
    return np.concatenate([-upper[::-1], upper]).astype(np.float32)


def normal16(seed: int, stream: int, count: int, start: int = 0) -> F32:
    """Return `count` standard normal values; each 32-bit word gives two, its low half first.

    Value `start` of the stream comes first, here and in the other transforms.
    """
    first, skipped = divmod(start, 8)
    out, table = np.empty(skipped + count, np.float32), normal_table()
    for begin, drawn in _drawn(seed, stream, -(-out.size // 2), first):
        part = out[2 * begin : 2 * (begin + drawn.size)]
        halves = drawn.astype("<u4", copy=False).view("<u2")
        np.take(table, halves[: part.size], out=part, mode="wrap")  # no index is out of bounds
    return out[skipped:]


def uniform24(seed: int, stream: int, count: int, start: int = 0) -> F32:
    """Return `count` uniform values in (-1, 1), odd multiples of 2^-24, exact in binary32."""
    return _from_words(seed, stream, count, start, _uniform24)


def sign(seed: int, stream: int, count: int, start: int = 0) -> F32:
    """Return `count` values, each -1 or +1: the top bit of each word, where 1 means -1."""
    return _from_words(seed, stream, count, start, _sign)


def _from_words(
    seed: int, stream: int, count: int, start: int, transform: Callable[[U32], F32]
) -> F32:
    first, skipped = divmod(start, 4)
    out = np.empty(skipped + count, np.float32)
    for begin, drawn in _drawn(seed, stream, out.size, first):
        out[begin : begin + drawn.size] = transform(drawn)
    return out[skipped:]


def values_at(transform: str, seed: int, streams: U64, indices: U64) -> F32:
    """Return single values: number `indices[j]` of stream `streams[j]`, both uint64 of shape (n,).

    float32 of shape (n,); the values that the transform of that name has at these places.
    """
    check_seed(seed)
    found = np.empty(indices.size, np.float32)
    for start in range(0, indices.size, _BLOCKS_AT_ONCE):
        part = slice(start, start + _BLOCKS_AT_ONCE)
        stream, index = streams[part], indices[part]
        if transform == "normal16":
            drawn = _words_at(seed, stream, index >> np.uint64(1))
            half = drawn >> (np.uint32(16) * (index & np.uint64(1)).astype(np.uint32))
            found[part] = normal_table()[half & np.uint32(0xFFFF)]
        else:
            from_words = {"uniform24": _uniform24, "sign": _sign}[transform]
            found[part] = from_words(_words_at(seed, stream, index))
    return found


def _words_at(seed: int, streams: U64, indices: U64) -> U32:
    block = indices >> np.uint64(2)
    counter = (block & _LOW32, block >> _SHIFT32, streams & _LOW32, streams >> _SHIFT32)
    columns = philox_block(counter, (seed & 0xFFFFFFFF, seed >> 32))
    picked: U64 = np.choose((indices & np.uint64(3)).astype(np.intp), columns)
    return picked.astype(np.uint32)


def _uniform24(drawn: U32) -> F32:
    odd = (drawn >> np.uint32(8)).astype(np.int32)
    odd *= 2
    odd += 1 - (1 << 24)
    return odd.astype(np.float32) * np.float32(2**-24)


def _sign(drawn: U32) -> F32:
    top = (drawn >> np.uint32(31)).astype(np.float32)
    return np.float32(1) - np.float32(2) * top


TRANSFORMS: dict[str, Callable[..., F32]] = {
    "normal16": normal16,
    "uniform24": uniform24,
    "sign": sign,
}
