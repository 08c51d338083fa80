"""The archives that every reader has to accept: one feature each, and one real model."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import zstandard
from make_archive import (
    Array,
    Part,
    Plane,
    Prototype,
    alias,
    canonical,
    constant,
    copies,
    draft,
    frame,
    literal,
    masked,
    pack,
    prototype,
    quantized,
    regenerated,
    stored,
)

from pemn_compress.format import prng

F32 = np.float32


class Good(NamedTuple):
    """A valid archive: what it shows, its bytes, and its tensors (none: ask the reader)."""

    name: str
    what: str
    data: bytes
    parts: tuple[Part, ...]
    own_zstd: bool = False  # made by a compressor, whose bytes may differ between versions


def bits(*words: int, dtype: str = "<u4", shape: tuple[int, ...] = ()) -> Array:
    """Return integers that stand for the bit patterns of elements."""
    return np.array(words, dtype).reshape(shape or (len(words),))


def random_mask(shape: tuple[int, ...], ones: int, seed: int = 1) -> Array:
    """Return a mask with `ones` ones at the places with the smallest words of a stream."""
    numel = int(np.prod(shape))
    flat = np.zeros(numel, np.bool_)
    flat[np.argsort(prng.words(seed, 0, numel), kind="stable")[:ones]] = True
    return flat.reshape(shape)


def good(name: str, what: str, *parts: Part, own_zstd: bool = False, **options: Any) -> Good:
    """Make an archive of tensors with the options of `draft`."""
    return Good(name, what, pack(draft(*parts, **options)), parts, own_zstd)


SIGNS = prototype(9)
NORMAL = prototype(40, "normal16", seed=42)
MASK = random_mask((4, 5), 7)
FIVE = np.arange(5, dtype="u1")


def accepted() -> Iterator[Good]:
    """Yield every archive but the real model."""
    yield from _containers()
    yield from _codecs()
    yield from _dtypes()
    yield from _stored()
    yield from _prototypes()
    yield from _records()
    yield from _planes()
    yield from _blocks()
    yield from _claims()


def _containers() -> Iterator[Good]:
    yield good("container-empty", "no tensors, no sections, no prototype")
    one = constant("w")
    yield good("container-unused-prototype", "a prototype that no tensor uses", one,
               prototype=prototype(2**20, "normal16"))  # fmt: skip
    made, text = draft(one), canonical(draft(one).manifest)
    yield Good("manifest-zstd", "a manifest as a zstd frame", pack(
        made, packed=zstandard.ZstdCompressor(level=19).compress(text)), (one,), True)  # fmt: skip
    yield Good("manifest-zstd-blocks", "a manifest as a zstd frame of two raw blocks, larger "
               "than the manifest", pack(
                   made, packed=frame(text[:100], text[100:])), (one,))  # fmt: skip
    yield Good("manifest-zstd-window", "a manifest as a zstd frame that asks for a window of 128 "
               "MiB", pack(made, packed=frame(text, window=0x88)), (one,))  # fmt: skip
    deep: Any = []
    for _ in range(13):
        deep = [deep]
    about = {
        "": "", "deep": deep, "escapes": '"\\\b\t\n\f\r\x01\x1f/\x7f é', "Z": None, "é": True,
        "float": {"f64": "3fe0000000000000"}, "nan": {"f64": "7ff8000000000000"},
        "largest": 2**64 - 1, "least": -(2**63), "plane": 1, "predictor": False, "sha256": {},
        "\ufffd": 1, "\U00010000": 2,
    }  # fmt: skip
    yield good("manifest-about", "`about` and `architecture` with all that canonical JSON allows: "
               "16 levels, extreme integers, escapes, keys ordered by code point", one, about=about,
               architecture={"name": "é", "scale": {"f64": "8000000000000000"}})  # fmt: skip
    names = ["b", "a-b", "a.b", "a_b", "B", "0", "-", "_", "x" * 255]
    yield good("names", "names at their limits; records that are not in the order of names",
               *(constant(name, "u8", (), f"{i:02x}") for i, name in enumerate(names)))  # fmt: skip
    text_of = frame(b"def build_model():\n    ...\n")
    yield good("section-source", "a section `source`", one,
               sections=[("source", False, text_of)])  # fmt: skip
    yield good("section-unknown", "unknown sections that are not critical, before and after known "
               "ones", stored("b", "u8", FIVE), one, order=["notes"],
               sections=[("notes", False, b"for later"), ("z", False, b"\0")])  # fmt: skip
    both = stored("b", "u8", FIVE), masked("w", "f32", (4, 5), SIGNS, mask=MASK)
    yield good("section-order", "section `dense` before `masks`", *both, prototype=SIGNS,
               order=["dense"])  # fmt: skip
    lengths = [len(canonical(draft(*both, prototype=SIGNS, about={"x": ""}).manifest)) + 96]
    filler = {"x": "x" * (-lengths[0] % 64)}
    yield good("section-no-padding", "a manifest that ends at a multiple of 64, so that no padding "
               "follows it", *both, prototype=SIGNS, about=filler)  # fmt: skip


def _codecs() -> Iterator[Good]:
    def one(name: str, what: str, codec: str, mask: Array, payload: bytes | None = None) -> Good:
        part = masked("w", "f32", mask.shape, SIGNS, mask=mask, codec=codec, payload=payload)
        return good(f"codec-{name}", what, part, prototype=SIGNS)

    some, many = random_mask((7, 9), 20), random_mask((7, 9), 50)
    yield one("bitmap", "63 elements: the last byte has an unused bit", "bitmap", some)
    yield one("csr", "a matrix", "csr", some)
    yield one("csr-vector", "rank 1 is one row", "csr", random_mask((40,), 11))
    yield one("csr-rank-4", "rows are the first dimension", "csr", random_mask((3, 2, 2, 5), 20))
    yield one("csr-two-byte-indices", "300 columns", "csr", random_mask((2, 300), 9))
    yield one("csr-256-columns", "256 columns: the largest index fits one byte", "csr",
              random_mask((2, 256), 30))  # fmt: skip
    yield one("csr-two-byte-pointers", "256 ones", "csr", random_mask((4, 90), 256))
    yield one("csr-four-byte-indices", "65,537 columns", "csr", random_mask((1, 65537), 3))
    yield one("csr-empty-rows", "rows without ones", "csr", np.eye(6, dtype=np.bool_)[[0, 0, 3]]
              * np.array([[0], [1], [0]], np.bool_))  # fmt: skip
    yield one("rice", "ones are coded", "rice", some)
    yield one("rice-zeros", "zeros are coded", "rice", many)
    yield one("rice-half", "as many ones as zeros: ones are coded", "rice", random_mask((64,), 32))
    yield one("rice-sparse", "a large parameter", "rice", random_mask((100, 100), 3))
    spaced = np.zeros(64, np.bool_)
    spaced[[3, 20, 63]] = True
    yield one("rice-any-parameter", "the parameter 47, valid though it is not the best", "rice",
              spaced, bytes([47, 7]) + _remainders([3, 16, 42], 47))  # fmt: skip
    for name, mask in (("empty", np.zeros((3, 7), np.bool_)), ("full", np.ones((3, 7), np.bool_))):
        parts = [
            masked(codec, "f32", (3, 7), SIGNS, mask=mask, codec=codec)
            for codec in ("bitmap", "csr", "rice")
        ]
        yield good(f"mask-{name}", f"a mask with {'no' if name == 'empty' else 'all'} elements "
                   "selected, with every codec", *parts, prototype=SIGNS)  # fmt: skip


def _unary(gaps: list[int]) -> bytes:
    return _bits("".join("0" * gap + "1" for gap in gaps))


def _remainders(gaps: list[int], parameter: int) -> bytes:
    return _bits("".join(f"{gap:0{parameter}b}" for gap in gaps))


def _bits(text: str) -> bytes:
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8][::-1], 2) for i in range(0, len(text), 8))


EXTREMES: dict[str, Array] = {
    "bool": np.array([False, True, True]),
    "u8": np.array([0, 1, 255], "u1"),
    "i8": np.array([-128, -1, 127], "i1"),
    "i16": np.array([-(2**15), -1, 2**15 - 1], "<i2"),
    "i32": np.array([-(2**31), -1, 2**31 - 1], "<i4"),
    "i64": np.array([-(2**63), -1, 2**63 - 1], "<i8"),
    # zeros, least and largest subnormal, one, the largest number, infinity, NaNs
    "bf16": bits(0, 0x8000, 1, 0x807F, 0x3F80, 0x7F7F, 0xFF80, 0x7FC0, 0x7F81, dtype="<u2"),
    "f16": bits(0, 0x8000, 1, 0x83FF, 0x3C00, 0x7BFF, 0xFC00, 0x7E00, 0x7C01, dtype="<u2"),
    "f32": bits(0, 1 << 31, 1, 0x807FFFFF, 0x3F800000, 0x7F7FFFFF, 0xFF800000, 0x7FC00000,
                0x7F800001),
    "f64": bits(0, 1 << 63, 1, 0x3FF << 52, 0xFFF << 52, 0x7FF8 << 48, (0x7FF << 52) + 1,
                dtype="<u8"),
}  # fmt: skip
VIEWS = {"f16": "<f2", "f32": "<f4", "f64": "<f8"}


def _dtypes() -> Iterator[Good]:
    for dtype, array in EXTREMES.items():
        array = array.view(VIEWS.get(dtype, array.dtype))
        element = array[-1:].tobytes().hex()
        yield good(f"dtype-{dtype}", f"{dtype}: stored, its extreme values, and constant",
                   stored("s", dtype, array), constant("c", dtype, (2, 3), element))  # fmt: skip
    f16 = bits(0x3400, 0xBE00, 1, 0x03FF, 0x8000, 0xFBFF, 0x7C00, 0x7E01, 0x7D00, 0xFC01,
               dtype="<u2")  # fmt: skip
    wide = bits(0x3E800000, 0xBFC00000, 0x33800000, 0x387FC000, 0x80000000, 0xC77FE000, 0x7F800000,
                0x7FC02000, 0x7FA00000, 0xFF802000).view("<f4")  # fmt: skip
    yield good("narrow-f16", "f32 stored as f16: subnormals, infinity, NaNs of both kinds",
               stored("w", "f32", wide, raw=f16.tobytes(), held="f16"))  # fmt: skip
    bf16 = bits(0x3E80, 0xBFC0, 1, 0x8000, 0x7F7F, 0xFF80, 0x7FC1, 0x7FA0, dtype="<u2")
    wide = (bf16.astype("<u4") << 16).view("<f4")
    yield good("narrow-bf16", "f32 stored as bf16: subnormals, infinity, NaNs of both kinds",
               stored("w", "f32", wide, raw=bf16.tobytes(), held="bf16"))  # fmt: skip


def _stored() -> Iterator[Good]:
    fives = np.full(40, 5, "u1")
    for name, what, payload in (
        ("run", "one run-length block", frame((5, 40))),
        ("blocks", "a raw block, an empty one and a run", frame(bytes([5] * 9), b"", (5, 31))),
        ("checksum", "a frame with its own checksum", frame(
            (5, 40), checksum=zstandard.ZstdCompressor(write_checksum=True).compress(
                fives.tobytes())[-4:])),
        ("window", "a frame that is not of one segment and asks for a window of 128 MiB",
         frame((5, 40), window=0x88)),
        ("size-8", "a content size of eight bytes",
         b"\x28\xb5\x2f\xfd\xe0" + (40).to_bytes(8, "little") + frame((5, 40))[6:]),
        ("dictionary-0", "a dictionary identifier of 0, which means none",
         frame((5, 40), dictionary=0)),
    ):  # fmt: skip
        yield good(f"zstd-{name}", f"coding `zstd`: {what}",
                   stored("w", "u8", fives, coding="zstd", payload=payload))  # fmt: skip
    halves = np.array([1.0] * 10 + [0.5] * 10, "<f4")
    payload = frame((0x80, 10), (0, 10), (0x3F, 20))
    yield good("shuffle-bf16", "coding `shuffle-zstd` of f32 stored as bf16", stored(
        "w", "f32", halves, held="bf16", coding="shuffle-zstd", payload=payload))  # fmt: skip
    longs = np.array([1, 2, 3, 4, 5, 6], "<i8")
    payload = frame(bytes([1, 2, 3, 4, 5, 6]), (0, 42))
    yield good("shuffle-i64", "coding `shuffle-zstd` of i64", stored(
        "w", "i64", longs, coding="shuffle-zstd", payload=payload))  # fmt: skip
    yield good("shuffle-u8", "coding `shuffle-zstd` of one byte: nothing moves", stored(
        "w", "u8", fives, coding="shuffle-zstd", payload=frame((5, 40))))  # fmt: skip
    ramp = (1 + np.arange(400) / 512).astype("<f4")
    planes = ramp.view("u1").reshape(-1, 4).T.tobytes()
    best = zstandard.ZstdCompressor(level=19)
    yield good("zstd-compressed", "frames as a compressor writes them, with entropy-coded blocks",
               stored("z", "f32", ramp, coding="zstd", payload=best.compress(ramp.tobytes())),
               stored("s", "f32", ramp, coding="shuffle-zstd", payload=best.compress(planes)),
               own_zstd=True)  # fmt: skip
    numbers = np.array([[-127, 3, 0, 127], [1, -2, 64, -128]], "i1")
    for dtype in ("f32", "f16", "bf16"):
        yield good(f"i8-{dtype}", f"8-bit integers times a scale, as {dtype}", quantized(
            "w", dtype, numbers, "3c23d70a"))  # fmt: skip
    yield good("i8-rows", "8-bit integers times a scale per row", quantized(
        "w", "f32", numbers, ["3c23d70a", "bf99999a"]))  # fmt: skip
    selected = np.array([[1, 1, 0, 0], [0, 1, 1, 0]], np.bool_)
    yield good("i8-sparse", "selected 8-bit integers times a scale per row", quantized(
        "w", "f32", numbers, ["3c23d70a", "bf99999a"], mask=selected))  # fmt: skip
    packed = frame((9, 40))
    part = quantized("w", "f32", np.full((40,), 9, "i1"), "3f000000")
    part.dense, part.record["values"]["bytes"] = packed, len(packed)
    part.record["values"]["coding"] = "zstd"
    yield good("i8-zstd", "8-bit integers as a zstd frame, times a scale", part)
    yield good("i8-infinite", "8-bit integers times a scale that f16 cannot hold", quantized(
        "w", "f16", numbers, "45000000"))  # fmt: skip
    small = stored("a", "u8", np.arange(7, dtype="u1"))
    noise = prng.words(5, 0, 1030).view("u1")
    yield good("dense-aligned", "a raw payload of 4,096 bytes starts at a multiple of 64, after "
               "zeros", small, stored("b", "u8", noise[:4096]),
               stored("c", "u8", noise[:3]))  # fmt: skip


def _prototypes() -> Iterator[Good]:
    def one(name: str, what: str, made: Prototype, store: bool = False, **options: Any) -> Good:
        shape = options.pop("shape", (4, 5))
        part = masked("w", options.pop("dtype", "f32"), shape, made, mask=MASK, **options)
        return good(f"prototype-{name}", what, part, prototype=made, store=store)

    for transform in ("normal16", "uniform24", "sign"):
        yield one(transform, f"transform `{transform}`", prototype(30, transform, 42))
    yield one("seed", "a seed and a stream that need all their bits",
              prototype(30, "normal16", 0xFEDCBA9876543210, 0xFFFFFFFF00000001))  # fmt: skip
    values = np.array([0.5, -0.0, 1e-40, -3.0, 3.4e38, 0.1, 7.0], F32)
    yield one("stored", "a stored prototype: zeros and subnormals too", prototype(
        7, "uniform24", stored=values), True, offset=2, scale="3f800000")  # fmt: skip
    yield one("stored-infinite", "finite values whose product is infinite, or subnormal", prototype(
        7, "uniform24", stored=values), True, scale="4b000001")  # fmt: skip
    yield one("length-1", "one value for all elements", prototype(1, "normal16"))
    yield one("length-odd", "an odd number of values of `normal16`", prototype(5, "normal16"))
    yield one("offset", "the last offset; the values repeat", prototype(9, "normal16"), offset=8)
    yield one("offset-wrap", "the prototype's end within the tensor, once",
              prototype(30, "normal16"), offset=15)  # fmt: skip
    for name, what, shuffle in (
        ("", "a shuffled prototype", (40, 9, 4)),
        ("-short", "a shuffle shorter than the prototype", (6, 9, 4)),
        ("-seed", "a shuffle with a seed and a stream that need all their bits",
         (33, 0xFEDCBA9876543210, 0xFFFFFFFF00000001)),
    ):  # fmt: skip
        yield one(f"shuffle{name}", what, prototype(12, "normal16", 42, shuffle=shuffle),
                  offset=shuffle[0] - 1)  # fmt: skip
    yield one("shuffle-stored", "a stored prototype, shuffled", prototype(
        7, "normal16", stored=values, shuffle=(25, 1, 2)), True, offset=3)  # fmt: skip
    yield one("scale-rows", "a scale per row, one negative", prototype(30, "normal16", 42),
              scale=["3f000000", "bf800001", "40490fdb", "3f3504f3"])  # fmt: skip
    yield one("scale-negative", "a negative scale", NORMAL, scale="bf3504f3")
    yield one("scale-least", "the least scale, 2^-100", NORMAL, scale="0d800000")
    yield one("scale-largest", "the largest scale, 2^100", NORMAL, scale="71800000")
    yield one("f16", "f16: rounded twice", NORMAL, dtype="f16", scale="3f3504f3")
    yield one("f16-subnormal", "f16: products that become subnormal or zero", NORMAL, dtype="f16",
              scale="34000000")  # fmt: skip
    yield one("f16-infinite", "f16: products that become infinite", NORMAL, dtype="f16",
              scale="477fe000")  # fmt: skip
    yield one("bf16", "bf16: rounded twice", NORMAL, dtype="bf16", scale="3f3504f3")
    ties = prototype(4, "sign", stored=np.array([1.00390625, 1.01171875, 3.4e38, -1.5], F32))
    yield one("bf16-ties", "bf16: ties to even, and to infinity", ties, True, dtype="bf16",
              scale="3f800000")  # fmt: skip
    yield good("prototype-no-mask", "a tensor of kind `prototype` without positions",
               masked("w", "f32", (4, 5), NORMAL), prototype=NORMAL)  # fmt: skip


def _records() -> Iterator[Good]:
    kept = np.where(MASK, np.arange(20).reshape(4, 5) - 9.5, 0).astype("<f4")
    yield good("sparse-stored", "stored values of selected elements", stored(
        "w", "f32", kept, mask=MASK, codec="rice"))  # fmt: skip
    half = np.where(MASK, bits(0x3800, dtype="<u2")[0], 0).astype("<u2")
    yield good("sparse-narrow", "selected elements stored as f16", stored(
        "w", "f32", half.view("<f2").astype("<f4"), raw=half[MASK].tobytes(), held="f16",
        mask=MASK))  # fmt: skip
    yield good("sparse-empty", "stored values of no element: no section `dense`", stored(
        "w", "f32", np.zeros((4, 5), "<f4"), mask=np.zeros((4, 5), np.bool_)))  # fmt: skip
    yield good("sparse-bool", "stored bools of selected elements", stored(
        "w", "bool", MASK & (np.arange(20).reshape(4, 5) % 2 == 0), mask=MASK))  # fmt: skip
    yield good("sparse-constant", "a constant where elements are selected, +0.0 elsewhere",
               constant("w", "f32", (4, 5), "00000080", mask=MASK),
               constant("b", "bool", (4, 5), "01", mask=MASK, codec="csr"))  # fmt: skip
    target, other = masked("w", "f32", (4, 5), SIGNS, mask=MASK), stored("b", "u8", FIVE)
    yield good("alias", "further names of earlier tensors of every kind", target, other,
               alias("a", target), alias("z", target), alias("y", other), last := constant("c"),
               alias("x", last), prototype=SIGNS)  # fmt: skip
    whole, none = np.ones((), np.bool_), np.zeros((), np.bool_)
    yield good("scalars", "tensors of rank 0 of every kind",
               constant("c", "i64", (), "6400000000000000"),
               stored("s", "f32", np.array(0.5, "<f4")),
               stored("n", "f32", np.array(-1.5, "<f4"), raw=b"\xc0\xbf", held="bf16"),
               masked("p", "f32", (), NORMAL), masked("m", "bf16", (), NORMAL, mask=whole),
               masked("r", "f16", (), NORMAL, mask=whole, codec="rice"),
               masked("e", "f32", (), NORMAL, mask=none, codec="csr"),
               quantized("q", "bf16", np.array(-3, "i1"), "3c23d70a"),
               stored("k", "u8", np.array(7, "u1"), mask=whole), prototype=NORMAL)  # fmt: skip
    shape = (1, 2, 1, 3, 1, 2, 1, 2)
    yield good("rank-8", "tensors of rank 8", constant("c", "u8", shape, "07"),
               masked("w", "f32", shape, NORMAL, mask=random_mask(shape, 9), codec="csr"),
               masked("r", "f32", (2, *shape[1:]), NORMAL, scale=["3f000000", "40000000"]),
               prototype=NORMAL)  # fmt: skip
    yield good("tensor-digests", "a digest of its own for every tensor but an alias", target, other,
               constant("c"), alias("a", target), prototype=SIGNS, digests=True)  # fmt: skip
    yield good("same-restored-1", "one tensor twice, as an alias", other, alias("a", other))
    yield good("same-restored-2", "one tensor twice, stored twice: the restored digest is the same",
               stored("a", "u8", FIVE), other)  # fmt: skip


def _planes() -> Iterator[Good]:
    def one(
        name: str, what: str, plane: Plane | None, made: Prototype = NORMAL, **options: Any
    ) -> Good:
        store = options.pop("store", False)
        part = masked("w", options.pop("dtype", "f32"), (4, 5), made, plane=plane,
                      **({"mask": MASK} | options))  # fmt: skip
        return good(name, what, part, prototype=made, store=store)

    once = 1 << 40
    yield one("signs", "a scale with the signs of the prototype", None, signs=True, offset=17)
    rows = ["3f000000", "bf800001", "40490fdb", "3f3504f3"]
    yield one("signs-rows", "signs, and a scale per row, one of them negative", None, signs=True,
              scale=rows)  # fmt: skip
    zeros = prototype(4, stored=np.array([0.0, -0.0, 1e-40, -3.0], F32))
    yield one("signs-zeros", "signs of stored zeros and of a subnormal", None, zeros, signs=True,
              store=True, mask=None, dtype="bf16")  # fmt: skip
    for transform in ("normal16", "uniform24", "sign"):
        yield one(f"plane-generation-{transform}", f"elements drawn again, transform `{transform}`",
                  Plane("generation", (0, 3, 6), (0, 5, 1), 3, once), prototype(30, transform, 42),
                  offset=7, scale=rows)  # fmt: skip
    yield one("plane-generation-32", "numbers of 32 bits, and a stream just below 2^63", Plane(
        "generation", (1, 2), (2**32 - 1, 0), 32, 2**63 - 1))  # fmt: skip
    yield one("plane-generation-all", "no mask, every element drawn again, a plane coded by `rice`",
              Plane("generation", range(20), [i % 4 for i in range(20)], 2, once, "rice"),
              mask=None, dtype="f16")  # fmt: skip
    yield one("plane-generation-shuffle", "elements drawn again beside a shuffled prototype", Plane(
        "generation", (2, 5), (1, 0), 1, once), prototype(12, "normal16", 42, shuffle=(40, 9, 4)),
        offset=39)  # fmt: skip
    yield one("plane-generation-signs", "signs of elements drawn again", Plane(
        "generation", (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 5, 6), 3, once), signs=True,
        dtype="bf16")  # fmt: skip
    yield one("plane-source", "values of other elements, selected or not", Plane(
        "source", (0, 2, 3), (19, 0, 7), 5, codec="csr"), offset=33, scale=rows)  # fmt: skip
    yield one("plane-source-wide", "numbers of 48 bits", Plane("source", (6,), (3,), 48))
    values = np.array([0.5, -0.0, 1e-40, -3.0, 3.4e38, 0.1, 7.0], F32)
    yield one("plane-source-stored", "values of other elements, stored prototype, shuffled", Plane(
        "source", (1, 4, 5), (0, 18, 11), 5), prototype(7, stored=values, shuffle=(25, 1, 2)),
        offset=24, store=True)  # fmt: skip
    for dtype in ("f32", "f16", "bf16"):
        yield one(f"plane-sign-{dtype}", "elements negated after rounding", Plane(
            "sign", (0, 1, 5)), dtype=dtype, scale="3f3504f3")  # fmt: skip
    yield good("plane-sign-constant", "one magnitude and a bit for each sign, with and without a "
               "mask", constant("w", "f32", (4, 5), "0000003f", mask=MASK,
                                plane=Plane("sign", (0, 2, 3, 6))),
               constant("v", "bf16", (3,), "0080", plane=Plane("sign", (1,))))  # fmt: skip
    first = masked("a", "f32", (4, 5), NORMAL, mask=MASK, plane=Plane("source", (0,), (7,), 3))
    yield good("planes", "payloads of several planes, and tensors without one between them", first,
               constant("b"), alias("c", first), masked("d", "f32", (2, 3), NORMAL),
               masked("e", "f16", (2, 3), NORMAL, plane=Plane("sign", (5,))),
               masked("f", "f32", (2, 3), NORMAL, plane=Plane("generation", (0,), (6,), 7, 9)),
               prototype=NORMAL, digests=True)  # fmt: skip
    part = masked("w", "f32", (4, 5), SIGNS, mask=MASK)
    part.record["positions"]["predictor"] = {"kind": "none"}
    yield good("predictor-none", "a predictor that predicts nothing", part, prototype=SIGNS)


def _blocks() -> Iterator[Good]:
    """Frames whose blocks are as large as they may be."""
    for name, what, window, blocks in (
        ("1k", "a window of 1 KiB: a raw block, a run and a compressed block that fill it", 0,
         (bytes([7] * 1024), (7, 1024), copies(7, 512, 512))),
        ("128k", "runs and a compressed block of 128 KiB", None,
         ((7, 1 << 17), copies(7, 1 << 16, 1 << 16), (7, 1 << 17))),
        ("literal", "a compressed block that fills a window of 1 KiB, larger than what it "
         "regenerates", 0, (literal(bytes([7] * 1020)), (7, 1024))),
        ("empty", "empty blocks, raw and of runs, before, between and after others", None,
         (b"", (1, 0), (7, 50), b"", (2, 0), (7, 50), b"")),
    ):  # fmt: skip
        array = np.full(sum(map(regenerated, blocks)), 7, "u1")
        yield good(f"zstd-blocks-{name}", f"coding `zstd`: {what}", stored(
            "w", "u8", array, coding="zstd", payload=frame(*blocks, window=window)))  # fmt: skip


def _claims() -> Iterator[Good]:
    """Valid archives whose `about`, `architecture` and names mean harm, or nothing.

    A reader restores them like any other, and neither believes nor prints what they say as it is.
    """
    one = constant("w")
    escape, formula = "\x1b]0;title\x07\x1b[31mred\u202e\r\n", '=HYPERLINK("http://a.example","x")'
    long = "x" * 3_900_000

    def claims(name: str, what: str, value: Any) -> Good:
        said = ("accuracy", "classes", "input", "settings", "training", "writer")
        built = ("arguments", "batchnorm", "bias", "entry", "kind", "name")
        return good(f"claims-{name}", f"`about` and `architecture` whose fields are {what}", one,
                    about=dict.fromkeys(said, value),
                    architecture=dict.fromkeys(built, value))  # fmt: skip

    yield claims("null", "null", None)
    yield claims("number", "a number", -3)
    yield claims("list", "a list", ["strategy", [1]])
    yield claims("escape", "strings with escape sequences of terminals", escape)
    yield claims("formula", "strings that a spreadsheet takes for formulas", formula)
    yield claims("nan", "a NaN", {"f64": "7ff8000000000001"})
    for name, shape in (
        ("string", "ab"), ("strings", ["3", "4"]), ("negative", [-1, 0]), ("empty", []),
        ("huge", [3, 1, 10**12]), ("wrap", [2**62, 2**62]),
        ("float", [{"f64": "3ff8000000000000"}]),
    ):  # fmt: skip
        yield good(f"claims-input-{name}", f"an `input` that no model has: {name}", one,
                   about={"input": {"shape": shape, "mean": "x", "std": [0]}})  # fmt: skip
    large = {"classes": 2**40, "width": {"f64": "7ff0000000000000"}}
    for kind, fields in (
        ("registered", {"name": "torchvision:resnet18"}),
        ("source", {"name": "../model.py", "entry": "__import__('os').getcwd"}),
        ("none", {"name": "/dev/stdin"}),
    ):  # fmt: skip
        yield good(f"claims-kind-{kind}", f"an architecture of kind `{kind}` that cannot be built",
                   one, architecture={"kind": kind, "arguments": large} | fields)  # fmt: skip
    made = draft(one, architecture={"kind": "none", "name": long})
    text = canonical(made.manifest)
    start = text.index(b"xxxx")
    runs = [(ord("x"), 1 << 17)] * (len(long) >> 17) + [(ord("x"), len(long) % (1 << 17))]
    packed = frame(text[:start], *runs, text[start + len(long) :])
    yield Good("claims-long", "a name of 3,900,000 characters in `architecture`, in a frame of a "
               "few hundred bytes", pack(made, packed=packed), (one,))  # fmt: skip
    names = ["__metadata__", "__proto__", "constructor", "CON", "-rf", "--help", "_extra_state",
             "0", "None", "self", "a.weight", "a.weight.weight"]  # fmt: skip
    yield good("claims-names", "names that mean something elsewhere",
               *(constant(name, "u8", (), f"{i:02x}") for i, name in enumerate(names)))  # fmt: skip
    yield good("sparse-i32", "selected integers, the others 0", stored("w", "i32", np.array(
        [5, 0], "<i4"), mask=np.array([True, False])))  # fmt: skip
    mask = np.arange(64) < 32
    payload = bytes([47]) + b"\xff" * 4 + bytes(32 * 47 // 8)
    yield good("codec-rice-large", "a payload much larger than its mask: 32 gaps of 0 with the "
               "parameter 47", masked("w", "f32", (64,), SIGNS, mask=mask, codec="rice",
                                      payload=payload), prototype=SIGNS)  # fmt: skip


def resnet32() -> bytes:
    """Return the archive of a ResNet-32 with random batch-norm parameters and statistics."""
    import torch

    from pemn_compress import MaskedModel, build
    from pemn_compress.storing import saving as packing

    masked_model = MaskedModel(build("resnet32"), seed=32, density=0.5)
    with torch.no_grad():
        tensors = [*masked_model.model.named_parameters(), *masked_model.model.named_buffers()]
        for stream, (name, tensor) in enumerate(sorted(tensors)):
            if tensor.dtype == torch.float32:
                drawn = prng.uniform24(32, 1000 + stream, tensor.numel()).reshape(tensor.shape)
                tensor.copy_(torch.from_numpy(drawn * F32(0.5) + F32("var" in name)))
    about = {"writer": "format_spec/conformance/make.py"}
    return packing.pack(masked_model, about=about, format_version="1.0")
