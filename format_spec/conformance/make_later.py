"""Archives of format 1.1, to accept and to refuse: integers of 4 bits, masks that first scores
predict, frozen elements, and the compact form.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zstandard
from make_archive import (
    Array,
    Draft,
    Part,
    Plane,
    Prototype,
    alias,
    canonical,
    compact,
    constant,
    draft,
    frame,
    freeze,
    masked,
    pack,
    pack_compact,
    predict,
    prototype,
    quantized,
    stored,
)

DICTIONARY = "".join(
    (Path(__file__).parent.parent / "dictionary.txt").read_text("utf-8").splitlines()
).encode()
SIGNS = prototype(9)
NORMAL = prototype(40, "normal16", seed=42)
SHUFFLED = prototype(20, "normal16", seed=42, shuffle=(42, 7, 1))
LISTING, RESTORING = "listing", "restoring"


class Later(NamedTuple):
    """A file of 1.1: what it shows, or the rule that it breaks, its section, and what is said."""

    name: str
    what: str
    data: bytes
    parts: tuple[Part, ...] = ()
    own_zstd: bool = False
    section: str = ""
    says: str = ""
    found: str = LISTING


def some(shape: tuple[int, ...], percent: int, seed: int = 11) -> Array:
    """Return a mask at random."""
    return np.random.default_rng(seed).random(shape) * 100 < percent


def whole(*parts: Part, drawn_from: Prototype | None = None, **header: Any) -> bytes:
    """Return an archive of 1.1 that is not compact."""
    return pack(draft(*parts, prototype=drawn_from), **({"minor": 1} | header))


def good(name: str, what: str, *parts: Part, drawn_from: Prototype | None = None) -> Later:
    """Return a file to accept."""
    return Later(f"v11-{name}", what, whole(*parts, drawn_from=drawn_from), parts)


def integers() -> Part:
    """Return a tensor of 4-bit integers, one row of which has another scale."""
    numbers = np.array([[7, -8, 1, 0, -1], [3, -5, 0, 7, 2], [-7, 4, -2, 5, 6]])
    return quantized("w", "f32", numbers, ["3c23d70a", "bdcccccd", "3f800000"], bits=4)


def guessed(codec: str = "bitmap", ones: int = 20, shape: tuple[int, ...] = (6, 7)) -> Part:
    """Return a tensor whose mask is predicted."""
    mask = some(shape, 45)
    return predict(masked("w", "f32", shape, SIGNS, mask=mask), mask, 5, 2**32, ones, codec)


def frozen(codec: str = "bitmap", count: int = 20, kind: str = "f32") -> Part:
    """Return a tensor of which some elements are frozen, and have no bits in the mask."""
    mask = some((6, 7), 45)
    part = masked("w", kind, (6, 7), NORMAL, mask=mask)
    free = freeze(part, None, 5, 2**33, count)
    mask |= ~free.reshape(6, 7)
    part = masked("w", kind, (6, 7), NORMAL, mask=mask)
    freeze(part, mask, 5, 2**33, count, codec)
    return part


def smallest(
    count: int = 20, offset: int = 0, drawn_from: Prototype = NORMAL, codec: str = "bitmap"
) -> Part:
    """Return a tensor of which the elements with the least fixed values are frozen."""
    drawn = drawn_from.filled[(offset + np.arange(42)) % len(drawn_from.filled)]
    mask = some((6, 7), 45)
    part = masked("w", "f32", (6, 7), drawn_from, mask=mask, offset=offset)
    mask |= ~freeze(part, None, 0, 0, count, fixed=drawn).reshape(6, 7)
    part = masked("w", "f32", (6, 7), drawn_from, mask=mask, offset=offset)
    freeze(part, mask, 0, 0, count, codec, fixed=drawn)
    return part


def signs(plane: str = "sign", *, count: int = 20, mask: Array | None = None) -> Part:
    """Return a tensor with frozen elements of which a plane says nothing."""
    probe = masked("w", "f32", (6, 7), NORMAL)
    free = freeze(probe, None, 5, 2**33, count)
    selected = np.ones(42, np.bool_) if mask is None else mask.reshape(-1) | ~free
    listed = np.flatnonzero(selected & free)
    which = [1, 4, 5, len(listed) - 1]
    numbers, width = ((), 0) if plane == "sign" else ((2, 0, 1, 3), 2)
    among = np.flatnonzero(selected).tolist()
    told = [among.index(listed[i]) for i in which]  # their numbers among all selected ones
    made = Plane(plane, told, numbers, width, 2**40 if plane == "generation" else 0)
    part = masked(
        "w",
        "f32",
        (6, 7),
        NORMAL,
        plane=made,
        mask=None if mask is None else selected.reshape(6, 7),
    )
    freeze(part, None if mask is None else selected.reshape(6, 7), 5, 2**33, count)
    own = Plane(plane, which, numbers, width, made.stream)
    bits = np.zeros(len(listed), np.bool_)
    bits[which] = True
    packed = np.packbits(bits, bitorder="little").tobytes()
    part.record["values"]["plane"] = own.record(len(packed))
    part.plane = packed + own.packed()
    return part


def tied(n: int = 5000) -> tuple[int, int]:
    """Return a stream of seed 5 with two equal scores among n, and a count that parts them."""
    from pemn_compress.format import prng

    for stream in range(2**32, 2**32 + 50):
        words = (prng.words(5, stream, n) >> 8).tolist()
        keys = sorted((-abs(2 * word + 1 - 2**24), i) for i, word in enumerate(words))
        for count in range(1, n):
            if keys[count - 1][0] == keys[count][0]:
                return stream, count
    raise AssertionError("no two equal scores")


def small() -> tuple[Part, ...]:
    """Return tensors of several kinds, with names of several parts."""
    mask = some((6, 7), 45)
    first = masked("stages.0.conv.weight", "f32", (6, 7), SIGNS, mask=mask)
    return (
        first,
        stored("stages.0.bn.weight", "f32", np.arange(6, dtype="<f4")),
        constant("stages.0.bn.running_mean", "f32", (6,)),
        masked("stages.1.conv.weight", "f32", (6, 7), SIGNS, mask=~mask, codec="rice"),
        alias("head.weight", first),
        stored("head.bias", "u8", np.full(40, 7, "u1"), coding="zstd", payload=frame((7, 40))),
    )


def accepted() -> Iterator[Later]:
    """Yield every file to accept."""
    yield good("int4", "integers of 4 bits, 15 of them, a scale for each row", integers())
    for kind in ("f16", "bf16"):
        yield good(
            f"int4-{kind}",
            f"integers of 4 bits for {kind}",
            quantized("w", kind, np.arange(-8, 8), "3c23d70a", bits=4),
        )
    mask = some((5, 9), 40)
    yield good(
        "int4-sparse",
        "selected integers of 4 bits",
        quantized("w", "f32", np.arange(45).reshape(5, 9) % 15 - 7, "3f000000", mask=mask, bits=4),
    )
    yield good(
        "int4-zstd",
        "integers of 4 bits in a frame",
        quantized(
            "w", "f32", np.full(80, 7), "3f800000", bits=4, coding="zstd", payload=frame((0x77, 40))
        ),
    )
    yield good(
        "int4-one",
        "one integer of 4 bits, rank 0",
        quantized("w", "f32", np.array(-8), "3f800000", bits=4),
    )
    for codec in ("bitmap", "csr", "rice"):
        yield good(
            f"predictor-{codec}",
            f"a mask that first scores predict, by {codec}",
            guessed(codec),
            drawn_from=SIGNS,
        )
    for ones in (0, 42):
        yield good(
            f"predictor-of-{ones}",
            f"{ones} ones are predicted of 42",
            guessed("rice", ones),
            drawn_from=SIGNS,
        )
    stream, count = tied()
    mask = some((5000,), 50)
    yield good(
        "predictor-ties",
        "the last one that is predicted and the first one that is not have equal scores",
        predict(masked("w", "bf16", (5000,), SIGNS, mask=mask), mask, 5, stream, count),
        drawn_from=SIGNS,
    )
    mask = some((7, 5), 50)
    yield good(
        "predictor-sparse",
        "stored values where a predicted mask has ones",
        predict(
            stored(
                "w", "i16", np.where(mask, np.arange(35).reshape(7, 5), 0).astype("<i2"), mask=mask
            ),
            mask,
            2**64 - 1,
            2**64 - 1,
            10,
        ),
    )
    for codec in ("bitmap", "csr", "rice"):
        yield good(
            f"frozen-{codec}",
            f"frozen elements, the mask of the others by {codec}",
            frozen(codec),
            drawn_from=NORMAL,
        )
    yield good(
        "frozen-f16",
        "frozen elements of f16, all but one",
        frozen(count=41, kind="f16"),
        drawn_from=NORMAL,
    )
    yield good(
        "frozen-signs",
        "frozen elements that a plane of signs leaves out",
        signs(),
        drawn_from=NORMAL,
    )
    for plane in ("sign", "generation", "source"):
        yield good(
            f"frozen-{plane}",
            f"frozen elements, a mask and a plane of kind {plane}",
            signs(plane, mask=some((6, 7), 45)),
            drawn_from=NORMAL,
        )
    for name, what, part, source in (
        ("rice", "rice says which others are selected", smallest(codec="rice"), NORMAL),
        ("offset", "values repeat, equal ones by their numbers", smallest(25, 37), NORMAL),
        ("ties", "values of one magnitude, so the first ones", smallest(5, 4, SIGNS), SIGNS),
        ("shuffled", "values of a shuffled prototype", smallest(20, 3, SHUFFLED), SHUFFLED),
    ):
        told = f"the least fixed values are frozen; {what}"
        yield good(f"smallest-{name}", told, part, drawn_from=source)
    part = frozen()
    mask = part.restored != 0
    free = freeze(part, mask, 5, 2**33, 20)
    yield good(
        "frozen-predicted",
        "frozen elements, the mask of the others predicted",
        predict(part, mask, 5, 2**32, 9, "rice", free),
        drawn_from=NORMAL,
    )
    big = np.ones(90135, np.bool_)
    big[[3, 90134]] = False
    part = masked("w", "f16", (90135,), SIGNS, mask=big)
    yield from _ties(part, big)
    parts = small()
    made = draft(*parts, prototype=SIGNS)
    yield Later(
        "v11-compact", "the compact form, in a frame without compression", pack_compact(made), parts
    )
    packer = zstandard.ZstdCompressor(
        level=19,
        dict_data=zstandard.ZstdCompressionDict(
            DICTIONARY, dict_type=zstandard.DICT_TYPE_RAWCONTENT
        ),
    )
    yield Later(
        "v11-compact-dictionary",
        "the compact form, compressed with the dictionary",
        pack_compact(made, packed=packer.compress(canonical(compact(made)))),
        parts,
        own_zstd=True,
    )
    aligned = (
        stored("w", "u8", np.arange(100, dtype="u1")),
        stored("x", "f32", np.full(1024, 0.5, "<f4")),
    )
    yield Later(
        "v11-compact-unaligned",
        "the compact form aligns nothing, a raw payload of 4096 bytes neither",
        pack_compact(draft(*aligned, align=1)),
        aligned,
    )
    yield Later(
        "v11-compact-empty", "the compact form, without tensors and sections", pack_compact(draft())
    )
    parts = (
        integers(),
        *(
            Part(p.record | {"name": f"a.{i}"}, p.restored, p.mask, p.dense, p.plane)
            for i, p in enumerate((frozen(), signs()))
        ),
    )
    yield Later(
        "v11-compact-all",
        "the compact form with digests of tensors, sections that are not "
        "known, a source, integers of 4 bits and frozen elements",
        pack_compact(
            draft(
                *parts,
                prototype=NORMAL,
                digests=True,
                sections=[("source", False, frame(b"pass")), ("notes", False, b"later")],
            )
        ),
        parts,
    )
    names = ["a", "a.b", "a.b.c", "a.b", "a", "b.b.b", "b.b.c.d", "x" * 255]
    parts = tuple(
        constant(f"{n}{'' if i < 3 or i > 4 else i}", "u8", (), f"{i:02x}")
        for i, n in enumerate(names)
    )
    yield Later(
        "v11-compact-names",
        "names that begin with parts of the last one",
        pack_compact(draft(*parts)),
        parts,
    )


def _ties(part: Part, mask: Array) -> Iterator[Later]:
    """Two equal words, the lower-numbered one of which is frozen and the other one is not."""
    count = 36105
    free = freeze(part, None, 42, 1, count)
    assert free[90134]
    assert not free[18742]
    mask = mask | ~free
    part = masked("w", "f16", (90135,), SIGNS, mask=mask)
    freeze(part, mask, 42, 1, count, "rice")
    yield good(
        "frozen-ties",
        "the last frozen element and the first that is not have equal words",
        part,
        drawn_from=SIGNS,
    )


def bad(name: str, section: str, rule: str, says: str, data: bytes, found: str = LISTING) -> Later:
    """Return a file to refuse."""
    return Later(f"v11-{name}", rule, data, section=section, says=says, found=found)


def edit(made: Draft, *path: Any, value: Any, **header: Any) -> bytes:
    """Return an archive of 1.1 with one field set, or (`...`) taken away."""
    return pack(_set(made, path, value), **({"minor": 1} | header))


def _set(made: Draft, path: tuple[Any, ...], value: Any) -> Draft:
    made = copy.deepcopy(made)
    place: Any = made.manifest
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return made


def told(made: Draft, *path: Any, value: Any) -> bytes:
    """Return an archive in the compact form with one field of its manifest set or taken away."""
    manifest = compact(made)
    place: Any = manifest
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return pack_compact(made, manifest)


def rejected() -> Iterator[Later]:
    """Yield every file to refuse."""
    yield from _versions()
    yield from _int4()
    yield from _predictors()
    yield from _frozen()
    yield from _compact()


def _versions() -> Iterator[Later]:
    lowest = "the lowest that says"
    for name, part, drawn in (
        ("int4", integers(), None),
        ("predictor", guessed(), SIGNS),
        ("frozen", frozen(), NORMAL),
    ):
        yield bad(
            f"{name}-in-1.0".replace(".", "-"),
            "11",
            f"version 1.0 has no {name}",
            lowest,
            whole(part, drawn_from=drawn, minor=0),
        )
    yield bad(
        "needless",
        "11",
        "a file has the lowest version that can say it",
        lowest,
        whole(constant("w")),
    )
    yield bad("newer", "11", "the version is known: 1.2", "newer", whole(constant("w"), minor=2))
    yield bad("coding", "2.1", "the coding is 0, 1 or 2", "coding", whole(integers(), coding=3))


def _int4() -> Iterator[Later]:
    made, values = draft(integers()), ("tensors", 0, "values")
    yield bad(
        "int4-no-scale",
        "4.2",
        "integers of 4 bits have a scale",
        "stored values of",
        edit(made, *values, "scale", value=...),
    )
    yield bad(
        "int4-dtype",
        "1",
        "no tensor is of i4",
        "dtype",
        edit(made, "tensors", 0, "dtype", value="i4"),
    )
    yield bad(
        "int4-f64",
        "4.4",
        "integers with scales are for f32, f16 and bf16",
        "a scale for",
        edit(
            draft(quantized("w", "f32", np.arange(4), "3f800000", bits=4)),
            "tensors",
            0,
            "dtype",
            value="i32",
        ),
    )
    for size in (7, 15):
        yield bad(
            f"int4-bytes-{size}",
            "4.3",
            "15 integers of 4 bits have 8 bytes",
            "stored bytes",
            edit(made, *values, "bytes", value=size),
        )
    part = integers()
    part.dense = part.dense[:-1] + bytes([part.dense[-1] | 0x10])
    yield bad(
        "int4-padding",
        "4.3",
        "the last four bits of an odd number are 0",
        "last four bits",
        whole(part),
        RESTORING,
    )
    part = quantized(
        "w", "f32", np.full(81, 7), "3f800000", bits=4, coding="zstd", payload=frame((0x77, 41))
    )
    yield bad(
        "int4-padding-zstd",
        "4.3",
        "the last four bits are 0 in a frame too",
        "last four bits",
        whole(part),
        RESTORING,
    )
    part = quantized(
        "w", "f32", np.full(80, 7), "3f800000", bits=4, coding="zstd", payload=frame((0x77, 39))
    )
    yield bad(
        "int4-content",
        "4.3",
        "a frame holds half as many bytes as integers",
        "raw bytes",
        whole(part),
        RESTORING,
    )


def _predictors() -> Iterator[Later]:
    made, at = draft(guessed(), prototype=SIGNS), ("tensors", 0, "positions", "predictor")
    for field, value, rule, says in (
        ("seed", "5", "a seed has 16 hex digits", "16 hex digits"),
        ("stream", "000000010000000G", "a stream has 16 hex digits", "16 hex digits"),
        ("stream", ..., "the stream is told", "'stream'"),
        ("flips", ..., "flips are told", "'flips'"),
        ("ones", 43, "no more ones than elements are predicted", "at most 42"),
        ("flips", 43, "no more flips than elements", "at most 42"),
        ("ones", -1, "ones are not negative", "an integer"),
        ("transform", "sign", "no other fields", "no other fields"),
    ):
        name = {...: "missing", -1: "negative", 43: "above"}.get(value, "bad")
        yield bad(
            f"predictor-{field}-{name}", "4.1", rule, says, edit(made, *at, field, value=value)
        )
    flips = made.manifest["tensors"][0]["positions"]["predictor"]["flips"]
    yield bad(
        "predictor-flips",
        "4.1",
        "the payload has so many ones",
        "expected",
        edit(made, *at, "flips", value=flips + 1),
        RESTORING,
    )
    yield bad(
        "predictor-count",
        "4.1",
        "the mask has so many ones",
        "ones in the mask",
        edit(made, "tensors", 0, "positions", "ones", value=21),
        RESTORING,
    )
    yield bad(
        "predictor-other",
        "8",
        "another seed predicts another mask",
        "expected",
        edit(made, *at, "seed", value="0000000000000006"),
        RESTORING,
    )
    part = guessed()
    part.mask = bytes(
        [part.mask[0] ^ 3 if part.mask[0] & 3 in (1, 2) else part.mask[0] ^ 1, *part.mask[1:]]
    )
    yield bad(
        "predictor-bit",
        "4.1",
        "a bit of the payload is another one",
        "digest",
        whole(part, drawn_from=SIGNS),
        RESTORING,
    )
    for name, cut in (("short", slice(0, -1)), ("long", slice(None))):
        part = guessed()
        part.mask = part.mask[cut] + (b"\0" if name == "long" else b"")
        part.record["positions"]["bytes"] = len(part.mask)
        yield bad(
            f"predictor-{name}",
            "7.1",
            f"the payload is a byte too {name}",
            "bytes",
            whole(part, drawn_from=SIGNS),
            RESTORING,
        )
    made = draft(masked("w", "f32", (6, 7), SIGNS, plane=Plane("sign", [1, 3])), prototype=SIGNS)
    yield bad(
        "predictor-of-plane",
        "4.7",
        "a plane has no predictor",
        "without a predictor",
        edit(
            made,
            "tensors",
            0,
            "values",
            "plane",
            "positions",
            "predictor",
            value={
                "flips": 2,
                "kind": "scores",
                "ones": 0,
                "seed": "0" * 16,
                "stream": "0" * 16,
            },
        ),
    )


def _frozen() -> Iterator[Later]:
    made, at = draft(frozen(), prototype=NORMAL), ("tensors", 0, "frozen")
    for count, rule in ((0, "one element at least is frozen"), (42, "one at least is not")):
        yield bad(f"frozen-{count}", "4.8", rule, "count", edit(made, *at, "count", value=count))
    yield bad(
        "frozen-above-ones",
        "4.8",
        "all frozen elements are selected",
        "ones",
        edit(made, "tensors", 0, "positions", "ones", value=19),
    )
    for field in ("seed", "stream", "count"):
        yield bad(
            f"frozen-no-{field}",
            "4.8",
            f"the {field} is told",
            f"'{field}'",
            edit(made, *at, field, value=...),
        )
    yield bad(
        "frozen-field",
        "4.8",
        "no other fields",
        "no other fields",
        edit(made, *at, "kind", value="seed"),
    )
    yield bad(
        "frozen-null",
        "4.8",
        "an object, or nothing",
        "an object",
        edit(made, "tensors", 0, "frozen", value=None),
    )
    yield bad(
        "frozen-other",
        "8",
        "another seed freezes other elements",
        "digest",
        edit(made, *at, "seed", value="0000000000000006"),
        RESTORING,
    )
    yield bad(
        "frozen-smallest",
        "8",
        "without a seed the least values are frozen",
        "digest",
        edit(made, *at, value={"count": 20}),
        RESTORING,
    )
    part = masked("w", "f32", (6, 7), NORMAL)
    freeze(part, None, 5, 2**33, 20)
    yield bad(
        "frozen-needless",
        "4.8",
        "there are positions or a plane",
        "positions or a plane",
        whole(part, drawn_from=NORMAL),
    )
    for name, part in (
        ("constant", constant("w", mask=np.array([True, False]))),
        ("stored", stored("w", "u8", np.arange(5, dtype="u1"))),
        ("alias", constant("w")),
    ):
        parts = (part, alias("z", part)) if name == "alias" else (part,)
        record = parts[-1].record
        record["frozen"] = {"count": 1, "seed": "0" * 16, "stream": "0" * 16}
        yield bad(
            f"frozen-{name}", "4.8", f"no {name} has frozen elements", "expected", whole(*parts)
        )
    made = draft(signs(), prototype=NORMAL)
    yield bad(
        "frozen-plane-ones",
        "4.7",
        "a plane has no more ones than there are elements that are not frozen",
        "1 to 22 ones",
        edit(made, "tensors", 0, "values", "plane", "positions", "ones", value=23),
    )


def _compact() -> Iterator[Later]:
    made = draft(*small(), prototype=SIGNS)
    size = len(pack_compact(made))
    start = 96 + len(frame(canonical(compact(made))))
    for name, place, rule in (
        ("masks", start, "the header's digest is over the sections too"),
        ("last", size - 1, "the header's digest is over the last byte too"),
        ("manifest", 120, "the header's digest is over the manifest"),
    ):
        yield bad(f"compact-{name}", "3.6", rule, "SHA-256", pack_compact(made, damage=place))
    yield bad(
        "compact-gap",
        "2.2",
        "nothing is aligned in the compact form",
        "sections",
        pack_compact(made, gap=bytes(8)),
    )
    yield bad(
        "compact-tail",
        "2.2",
        "nothing follows the last section",
        "sections",
        pack_compact(made, tail=b"\0"),
    )
    yield bad(
        "compact-raw-cap",
        "3.6",
        "a compact manifest has at most 2^20 bytes",
        "manifest size",
        pack_compact(made, raw=2**20 + 1),
    )
    yield bad(
        "compact-no-frame",
        "3.6",
        "a compact manifest is a frame",
        "zstd",
        pack_compact(made, packed=canonical(compact(made))),
    )
    yield bad(
        "compact-elements",
        "2.1",
        "elements is the manifest's sum",
        "restored elements",
        pack_compact(made, elements=1),
    )
    yield bad(
        "compact-sections",
        "2.1",
        "sections is the number of records",
        "sections",
        pack_compact(made, sections=1),
    )
    text = canonical(compact(made))
    yield bad(
        "compact-spelling",
        "3.1",
        "a compact manifest is canonical",
        "canonical",
        pack_compact(made, packed=frame(text[:-1] + b" }"), raw=len(text) + 1),
    )
    yield bad(
        "compact-records",
        "3.6",
        "tensors are in columns",
        "tensors",
        told(made, "tensors", value=made.manifest["tensors"]),
    )
    yield bad(
        "compact-section-digest",
        "3.6",
        "sections have no digests",
        "no other fields",
        told(made, "sections", 0, "sha256", value="0" * 64),
    )
    yield bad(
        "compact-bitmap-bytes",
        "3.6",
        "the size of a bitmap is not told",
        "no other fields",
        told(made, "tensors", "positions", 0, "bytes", value=6),
    )
    yield bad(
        "compact-raw-bytes",
        "3.6",
        "the size of raw values is not told",
        "no other fields",
        told(made, "tensors", "values", 1, "bytes", value=24),
    )
    yield bad(
        "compact-rice-bytes",
        "3.6",
        "the size by `rice` is told",
        "'bytes'",
        told(made, "tensors", "positions", 3, "bytes", value=...),
    )
    yield bad(
        "compact-column-short",
        "3.6",
        "columns have the same length",
        "items",
        told(made, "tensors", "dtype", value=["f32"] * 5),
    )
    yield bad(
        "compact-column-long",
        "3.6",
        "columns have the same length",
        "items",
        told(made, "tensors", "positions", value=[None] * 7),
    )
    yield bad(
        "compact-column-unknown",
        "3.6",
        "no other columns",
        "no other fields",
        told(made, "tensors", "plane", value=[None] * 6),
    )
    yield bad(
        "compact-column-missing",
        "3.6",
        "the columns are there",
        "'shape'",
        told(made, "tensors", "shape", value=...),
    )
    yield bad(
        "compact-column-null",
        "3.6",
        "a column is an array",
        "a list",
        told(made, "tensors", "positions", value=None),
    )
    yield bad(
        "compact-dtype-null",
        "3.6",
        "every tensor has a dtype",
        "'dtype'",
        told(made, "tensors", "dtype", 2, value=None),
    )
    names = compact(made)["tensors"]["name"]
    for name, value, rule, says in (
        ("odd", names[:-1], "names are pairs", "pairs"),
        ("first", [1, *names[1:]], "the first name has nothing to begin with", "an integer"),
        ("parts", [0, "a", 2, "b", *names[4:]], "the last name has so many parts", "an integer"),
        ("negative", [-1, *names[1:]], "parts are not negative", "an integer"),
        ("text", ["0", *names[1:]], "parts are an integer", "an integer"),
        ("empty", [0, "", *names[2:]], "the rest of a name is a name", "a name of"),
        (
            "long",
            [0, "x" * 200, 1, "y" * 55, *names[4:]],
            "a name has at most 255 characters",
            "a name of",
        ),
        ("twice", [*names[:2], 0, names[1], *names[4:]], "names are unique", "a unique name"),
    ):
        yield bad(
            f"compact-name-{name}", "3.6", rule, says, told(made, "tensors", "name", value=value)
        )
