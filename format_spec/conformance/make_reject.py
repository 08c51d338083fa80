"""The archives that every reader has to refuse: each breaks one rule, and is right otherwise."""

import copy
import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from make_accept import FIVE, MASK, SIGNS
from make_archive import (
    Block,
    Draft,
    Json,
    Part,
    Plane,
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
    rehash,
    restored_digest,
    skippable,
    stored,
    tensor_digest,
)

LISTING, RESTORING, VERIFYING = "listing", "restoring", "verifying"


class Bad(NamedTuple):
    """A file to refuse: the rule it breaks, where the text has it, what the reference says."""

    name: str
    section: str
    rule: str
    says: str
    data: bytes
    found: str = LISTING


def rejected() -> Iterator[Bad]:
    """Yield every file."""
    yield from _header()
    yield from _ends()
    yield from _digests()
    yield from _spelling()
    yield from _fields()
    yield from _tensors()
    yield from _sections()
    yield from _prototype()
    yield from _planes()
    yield from _frames()
    yield from _codecs()
    yield from _limits()
    yield from _blocks()


def plain() -> Draft:
    """Return an archive of one constant."""
    return draft(constant("w"))


def dense() -> Draft:
    """Return an archive of one stored tensor."""
    return draft(stored("b", "u8", FIVE))


def masky(**options: Any) -> Draft:
    """Return an archive of one masked tensor."""
    return draft(masked("w", "f32", (4, 5), SIGNS, mask=MASK, **options), prototype=SIGNS)


def tied() -> Draft:
    """Return an archive of one constant and a further name of it."""
    part = constant("w")
    return draft(part, alias("a", part))


def full() -> Draft:
    """Return an archive with all known sections."""
    return draft(
        masked("w", "f32", (4, 5), SIGNS, mask=MASK),
        stored("b", "u8", FIVE),
        prototype=prototype(9, stored=SIGNS.values),
        store=True,
        sections=[("source", False, frame(b"pass"))],
    )


def edited(made: Draft, *edits: tuple[tuple[Any, ...], Any]) -> Draft:
    """Return a copy with fields set, each named by its path; the value `...` takes one away."""
    made = copy.deepcopy(made)
    for path, value in edits:
        place = made.manifest
        for key in path[:-1]:
            place = place[key]
        if value is ...:
            del place[path[-1]]
        else:
            place[path[-1]] = value
    return made


def edit(made: Draft, path: tuple[Any, ...], value: Any, **header: Any) -> bytes:
    """Return the bytes of an archive with one field set."""
    return pack(edited(made, (path, value)), **header)


def _header() -> Iterator[Bad]:
    good = pack(plain())

    def one(name: str, rule: str, says: str, **header: Any) -> Bad:
        return Bad(f"header-{name}", "2.1", rule, says, pack(plain(), **header))

    yield Bad("header-empty-file", "2", "a file has a header", "empty file", b"")
    yield Bad("header-cut", "2", "the header has 96 bytes", "cut short", good[:95])
    yield one("magic", "the magic is right", "not a .pemn", magic=b"\x89PEMM\r\n\x1a")
    yield Bad("header-text-unix", "2.1", "no transfer in text mode: CR LF became LF",
              "not a .pemn", good.replace(b"\r\n", b"\n"))  # fmt: skip
    yield Bad("header-text-dos", "2.1", "no transfer in text mode: LF became CR LF",
              "not a .pemn", good.replace(b"\n", b"\r\n"))  # fmt: skip
    yield one("version-minor", "the version is known: minor is higher", "the lowest", minor=1)
    yield one("version-major", "the version is known: major is higher", "newer", major=2, minor=0)
    yield one("version-draft", "the version is known: a draft", "a draft", major=0, minor=3)
    yield one("length-above", "length is the file's size", "file length", length=len(good) + 1)
    yield one("length-below", "length is the file's size", "file length", length=len(good) - 1)
    yield one("sections-above", "sections is the number of records", "sections", sections=1)
    yield Bad("header-sections-below", "2.1", "sections is the number of records", "sections",
              pack(dense(), sections=0))  # fmt: skip
    yield one("sections-cap", "sections is at most 64", "at most 64", sections=65)
    yield one("elements-above", "elements is the manifest's sum", "restored elements", elements=3)
    yield Bad("header-elements-alias", "2.1", "aliases do not count for elements",
              "restored elements", pack(tied(), elements=4))  # fmt: skip
    yield one("restored-above", "restored is the manifest's sum", "restored bytes", restored=9)
    size = len(good) - 96
    yield one("stored-beyond", "the stored manifest lies in the file", "stored manifest size",
              stored=size + 1)  # fmt: skip
    yield one("stored-below", "with coding 0, stored equals raw", "manifest size", stored=size - 1)
    yield one("raw-above", "with coding 0, raw equals stored", "manifest size", raw=size + 1)
    yield one("raw-cap", "raw is at most 2^26", "manifest size", raw=2**26 + 1)
    yield one("coding", "the coding is 0 or 1", "coding", coding=2)
    yield one("coding-not-zstd", "with coding 1 there is a zstd frame", "zstd frame", coding=1)
    yield one("reserved", "the reserved bytes are 0", "reserved", reserved=bytes(11) + b"\1")


def _ends() -> Iterator[Bad]:
    """Files cut at the edges of their parts, files with more behind, gaps and padding."""
    made = full()
    good = pack(made)
    ends = [96 + len(canonical(made.manifest))]
    for payload in made.payloads:
        ends.append(-(-ends[-1] // 64) * 64 + len(payload))
    names = ["manifest", *(record["name"] for record in made.manifest["sections"])]

    def honest(size: int) -> bytes:
        """Cut the file and make its header say so."""
        return pack(Draft(made.manifest), text=canonical(made.manifest), length=size,
                    sections=len(made.payloads), tail=good[ends[0] : size])  # fmt: skip

    for name, end in zip(names[:-1], ends[:-1], strict=True):
        yield Bad(f"cut-after-{name}", "2.2", f"the file ends after {name}, and its length "
                  "says so: sections are missing", "cut short", honest(end))  # fmt: skip
    yield Bad("cut-in-manifest", "2.1", "the file ends within the manifest", "file length",
              good[:200])  # fmt: skip
    yield Bad("cut-last-byte-told", "2.2", "the last byte is missing, and the length says so",
              "sections: expected them to end", honest(len(good) - 1))  # fmt: skip
    short = pack(plain())
    yield Bad("tail-byte", "2.1", "a byte follows: length differs", "file length", short + b"\0")
    for name, tail in (("byte", b"\0"), ("archive", short)):
        yield Bad(f"tail-{name}-told", "2.2", "nothing follows the last section, or the manifest "
                  "where there is none", "sections: expected them to end",
                  pack(plain(), tail=tail))  # fmt: skip
    yield Bad("tail-after-section", "2.2", "nothing follows the last section",
              "sections: expected them to end", pack(dense(), tail=bytes(59)))  # fmt: skip
    start = len(pack(dense())) - 5
    yield Bad("padding-first", "2.2", "padding is 0: its first byte", "padding",
              _with(pack(dense()), 96 + len(canonical(dense().manifest)), 0x80))  # fmt: skip
    yield Bad("padding-last", "2.2", "padding is 0: its last byte", "padding",
              _with(pack(dense()), start - 1, 1))  # fmt: skip
    yield Bad("padding-none", "2.2", "sections start at multiples of 64", "cut short", pack(
        dense(), align=1))  # fmt: skip
    yield Bad("padding-128", "2.2", "sections start at the first multiple of 64",
              "sections: expected them to end", pack(
        _at_64_not_128(), align=128))  # fmt: skip
    noise = np.arange(4096, dtype="<u2").astype("u1")
    small, large = stored("a", "u8", FIVE), stored("b", "u8", noise)
    gap = draft(small, large)
    gap.payloads[0] = _with(gap.payloads[0], 63, 1)
    yield Bad("gap-not-zero", "4.6", "bytes before an aligned payload are 0", "zeros before 'b'",
              pack(rehash(gap)), RESTORING)  # fmt: skip


def _at_64_not_128() -> Draft:
    """Return an archive whose section starts at an odd multiple of 64."""
    for filler in range(64):
        made = draft(stored("b", "u8", FIVE), about={"x": "x" * filler})
        if 96 + len(canonical(made.manifest)) in range(449, 513):
            break
    for filler in range(128):
        made = draft(stored("b", "u8", FIVE), about={"x": "x" * filler})
        if -(-(96 + len(canonical(made.manifest))) // 64) % 2:
            return made
    raise AssertionError


def _with(data: bytes, index: int, value: int) -> bytes:
    return data[:index] + bytes([value]) + data[index + 1 :]


def _digests() -> Iterator[Bad]:
    good = pack(plain())
    yield Bad("digest-header", "2.1", "the header digest is right", "altered",
              _with(good, 64, good[64] ^ 1))  # fmt: skip
    yield Bad("digest-header-field", "2.1", "the digest is over the header's fields", "altered",
              _with(good, 24, 1))  # fmt: skip
    own = prototype(9, stored=SIGNS.values)
    text = [("source", False, frame(b"exit"))]
    for name, made in (
        ("masks", masky()), ("dense", dense()),
        ("prototype", draft(constant("w"), prototype=own, store=True)),
        ("source", draft(constant("w"), sections=text)),
    ):  # fmt: skip
        changed = bytearray(made.payloads[0])
        changed[-1] ^= 1
        made.payloads = [bytes(changed)]
        found = RESTORING if name in ("masks", "dense") else VERIFYING
        yield Bad(f"digest-{name}", "3.3", f"the digest of section `{name}` is right",
                  f"section {name!r}", pack(made), found)  # fmt: skip
    notes = draft(constant("w"), sections=[("notes", False, b"read me")])
    notes.payloads[0] = b"eat me!"
    yield Bad("digest-unknown", "3.3", "the digest of a section that is not known is right",
              "section 'notes'", pack(notes), VERIFYING)  # fmt: skip
    yield Bad("digest-restored", "8", "the restored digest is right", "restored tensors",
              edit(plain(), ("restored_sha256",), "0" * 64), RESTORING)  # fmt: skip
    swapped = draft(stored("a", "u8", FIVE[:2]), stored("b", "u8", FIVE[2:4]))
    swapped.manifest["tensors"].reverse()
    yield Bad("digest-restored-names", "8", "the restored digest is right: two names are swapped",
              "restored tensors", pack(swapped), RESTORING)  # fmt: skip
    bent = draft(stored("b", "u8", FIVE.reshape(1, 5)))
    bent.manifest["tensors"][0]["shape"] = [5, 1]
    yield Bad("digest-restored-shape", "8", "the restored digest is right: another shape",
              "restored tensors", pack(bent), RESTORING)  # fmt: skip
    single = draft(constant("w"), digests=True)
    path = ("tensors", 0, "sha256")
    yield Bad("digest-tensor", "8", "the digest of a tensor is right", "tensor 'w'",
              edit(single, path, "0" * 64), RESTORING)  # fmt: skip
    yield Bad("digest-tensor-short", "3.2", "a digest has 64 hex digits", "64 hex digits",
              edit(single, path, "0" * 62))  # fmt: skip
    yield Bad("digest-alias", "4.2", "an alias has no digest of its own", "tensor 'a'", edit(
        tied(), ("tensors", 1, "sha256"), tensor_digest(constant("w")).hex()))  # fmt: skip


def _spelling() -> Iterator[Bad]:
    """Manifests that are not canonical JSON, whatever they mean."""
    made = edited(plain(), (("about",), {"x": 1}))
    text = canonical(made.manifest)

    def one(name: str, rule: str, new: bytes, old: bytes = b'"about":{"x":1}') -> Bad:
        changed = text.replace(old, new, 1)
        assert changed != text
        return Bad(f"json-{name}", "3.1", rule, "manifest: expected", pack(made, text=changed))

    def about(name: str, rule: str, value: bytes) -> Bad:
        return one(name, rule, b'"about":{"x":' + value + b"}")

    yield one("key-order", "keys ascend", b'"name":"w","dtype":"f32"', b'"dtype":"f32","name":"w"')
    yield one("key-order-utf16", "keys ascend by code point, not by UTF-16 unit",
              '"about":{"\U00010000":1,"\ufffd":2}'.encode())  # fmt: skip
    yield one("key-twice", "keys are unique, even with one value", b'"about":{"x":1,"x":1}')
    yield one("key-twice-tensor", "keys are unique: one reader would take the first shape, "
              "another one the last", b'"shape":[2],"shape":[3]', b'"shape":[2]')  # fmt: skip
    yield one("space", "no white space", b'"about": {"x":1}')
    yield Bad("json-newline-last", "3.1", "no white space", "manifest: expected",
              pack(made, text=text + b"\n"))  # fmt: skip
    yield Bad("json-nothing", "3.1", "there is a value", "manifest: expected",
              pack(made, text=b""))  # fmt: skip
    yield one("byte-order-mark", "no byte order mark", b'\xef\xbb\xbf{"about"', b'{"about"')
    yield Bad("json-utf16", "3.1", "the text is UTF-8", "manifest: expected",
              pack(made, text=text.decode().encode("utf-16-le")))  # fmt: skip
    yield about("float", "numbers have no fraction", b"1.0")
    yield about("minus-0", "no -0", b"-0")
    yield about("leading-0", "no leading zeros", b"01")
    yield about("nan", "no NaN", b"NaN")
    yield about("integer-high", "integers are below 2^64", b"18446744073709551616")
    yield about("integer-low", "integers are from -2^63", b"-9223372036854775809")
    yield about("escape-ascii", "characters stand for themselves", b'"\\u0041"')
    yield about("escape-slash", "a slash stands for itself", b'"\\/"')
    yield about("escape-case", "hex digits of escapes are in lower case", b'"\\u001F"')
    yield about("surrogate", "no surrogates", b'"\\ud800"')
    yield about("surrogate-utf8", "no surrogates, in UTF-8 neither", b'"\xed\xa0\x80"')
    yield about("utf8-invalid", "the text is UTF-8", b'"\xff"')
    yield about("utf8-long", "UTF-8 has one form of a character", b'"\xc1\x81"')
    yield about("control", "control characters are escaped", b'"\x01"')
    yield about("trailing-comma", "no comma at the end", b"[1,]")
    yield about("nesting", "at most 16 levels", b"[" * 15 + b"]" * 15)
    yield about("f64-more", "a key `f64` stands alone", b'{"f64":"0000000000000000","x":1}')
    yield about("f64-number", "`f64` has 16 hex digits", b'{"f64":1}')
    yield about("f64-case", "`f64` has lower-case hex digits", b'{"f64":"3FE0000000000000"}')
    yield Bad("json-array", "3", "the manifest is an object", "manifest: expected an object",
              pack(made, text=b"[]"))  # fmt: skip


def _fields() -> Iterator[Bad]:
    """Fields that are missing, unknown, or of another type, in every kind of record."""
    places: list[tuple[str, Draft, tuple[Any, ...], str]] = [
        ("manifest", plain(), (), "manifest"),
        ("prototype", masky(), ("prototype",), "prototype"),
        ("section", dense(), ("sections", 0), "section"),
        ("tensor", plain(), ("tensors", 0), "tensor"),
        ("positions", masky(), ("tensors", 0, "positions"), "positions"),
        ("stored", dense(), ("tensors", 0, "values"), "values"),
        ("from-prototype", masky(), ("tensors", 0, "values"), "values"),
        ("constant", plain(), ("tensors", 0, "values"), "values"),
        ("alias", tied(), ("tensors", 1, "values"), "values"),
    ]
    for name, made, path, says in places[:6]:
        yield Bad(f"field-unknown-{name}", "3.2", f"no unknown fields: {name}",
                  f"{says}: expected no other fields", edit(made, (*path, "extra"), 1))  # fmt: skip
    for kind, says in (("scores", "the field 'flips'"), ("archive", "of a later version")):
        yield Bad(f"predictor-{kind}", "4.1", f"the predictor `{kind}` is reserved",
                  says, edit(
                      masky(), ("tensors", 0, "positions", "predictor"),
                      {"kind": kind}))  # fmt: skip
    for name, rule, value, says in (
        ("unknown", "the kind of a predictor is known", {"kind": "guess"}, "got 'guess'"),
        ("number", "a predictor is an object", 0, "an object"),
        ("field", "a predictor has no other fields", {"kind": "none", "seed": "0"}, "got 'seed'"),
    ):
        yield Bad(f"predictor-{name}", "4.1", rule, says, edit(
            masky(), ("tensors", 0, "positions", "predictor"), value))  # fmt: skip
    missing = ("prototype", "length", "critical", "shape", "ones", "dtype", "scale", "bits", "of")
    for field, (name, made, path, _) in zip(missing, places, strict=True):
        yield Bad(f"field-missing-{field}", "3.2", f"no field is missing: {name}, `{field}`",
                  "expected the field", edit(made, (*path, field), ...))  # fmt: skip
    others: list[tuple[str, Draft, tuple[Any, ...], Any, str]] = [
        ("about", plain(), ("about",), [], "an object"),
        ("sections", plain(), ("sections",), {}, "a list"),
        ("tensor", plain(), ("tensors", 0), None, "an object"),
        ("shape", plain(), ("tensors", 0, "shape"), "2", "a list"),
        ("bytes-string", dense(), ("tensors", 0, "values", "bytes"), "5", "an integer"),
        ("bytes-true", draft(stored("b", "u8", FIVE[:1])), ("tensors", 0, "values", "bytes"), True,
         "an integer"),
        ("bytes-float", dense(), ("tensors", 0, "values", "bytes"), {"f64": "4014000000000000"},
         "an integer"),
        ("ones-negative", masky(), ("tensors", 0, "positions", "ones"), -1, "an integer"),
        ("bytes-huge", masky(), ("tensors", 0, "positions", "bytes"), 2**64 - 1, "an integer"),
        ("offset-negative", masky(), ("tensors", 0, "values", "offset"), -1, "an integer"),
        ("critical-1", dense(), ("sections", 0, "critical"), 1, "true or false"),
    ]  # fmt: skip
    for name, made, path, value, says in others:
        yield Bad(f"type-{name}", "3.2", f"fields have their type and range: {name}", says,
                  edit(made, path, value))  # fmt: skip


def _tensors() -> Iterator[Bad]:
    def one(name: str, section: str, rule: str, says: str, *parts: Part, **options: Any) -> Bad:
        return Bad(name, section, rule, says, pack(draft(*parts, **options)))

    def field(name: str, section: str, rule: str, says: str, made: Draft, path: str, value: Any,
              found: str = LISTING, **header: Any) -> Bad:  # fmt: skip
        keys = ("tensors", len(made.manifest["tensors"]) - 1, *path.split("."))
        return Bad(name, section, rule, says, edit(made, keys, value, **header), found)

    names = {
        "empty": "", "dot-first": ".w", "dot-last": "w.", "dots": "a..b", "path": "../w",
        "space": "a b", "newline": "w\n", "letter": "é", "256": "x" * 256,
    }  # fmt: skip
    for key, name in names.items():
        yield one(f"name-{key}", "3.2", "names have 1 to 255 of the characters A-Z a-z 0-9 _ - . "
                  "and no dot first, last, or next to another", "a name of 1 to 255",
                  constant(name))  # fmt: skip
    both = constant("w"), constant("w")
    yield one("name-twice", "3.2", "names of tensors are unique", "a unique name", *both)
    made = draft(*both)
    made.manifest["restored_sha256"] = restored_digest(both[:1])
    yield Bad("name-twice-once", "3.2", "names of tensors are unique: the restored digest counts "
              "one of two", "a unique name", pack(made))  # fmt: skip
    for key, value in (("unknown", "f8"), ("code", 8)):
        yield field(f"dtype-{key}", "4", "the dtype is known", "dtype: expected one of", plain(),
                    "dtype", value, elements=2, restored=8)  # fmt: skip
    yield one("shape-0", "4", "dimensions are at least 1", "an integer from 1",
              constant("w", shape=(2, 0)))  # fmt: skip
    yield field("shape-negative", "4", "dimensions are at least 1", "an integer from 1", plain(),
                "shape", [-1, -2], elements=2, restored=8)  # fmt: skip
    yield field("shape-dimension", "4", "dimensions are at most 2^48 - 1", "an integer from 1",
                plain(), "shape", [2**48], elements=2, restored=8)  # fmt: skip
    yield field("shape-product", "4", "a tensor has less than 2^48 elements", "2^48 elements",
                plain(), "shape", [2**24, 2**24], elements=2, restored=8)  # fmt: skip
    for key, shape, count in (
        ("wrap-0", [2**32, 2**32], 0), ("wrap-2", [239075442, 77158673929], 2),
    ):  # fmt: skip
        assert np.prod(shape, dtype=object) % 2**64 == count
        part = constant("w", shape=(count,))
        part.record["shape"] = shape
        made = draft(part)
        made.manifest["restored_sha256"] = restored_digest([part])
        yield Bad(f"shape-{key}", "4", f"a tensor has less than 2^48 elements: in 64 bits the "
                  f"product wraps to {count}", "2^48 elements",
                  pack(made, elements=count, restored=4 * count))  # fmt: skip
    yield one("rank-9", "4", "the rank is at most 8", "at most 8", constant("w", shape=[1] * 9))
    yield field("kind", "4.2", "the kind of values is known", "values of kind", plain(),
                "values.kind", "random")  # fmt: skip
    yield field("codec-unknown", "4.1", "the codec is known", "codec: expected one of", masky(),
                "positions.codec", "range")  # fmt: skip
    yield field("coding-unknown", "4.3", "the coding is known", "coding: expected one of", dense(),
                "values.coding", "brotli")  # fmt: skip
    yield field("ones-above", "4.1", "at most n elements are selected", "at most 20 ones", masky(),
                "positions.ones", 21)  # fmt: skip
    yield from _values(one, field)


def _values(one: Callable[..., Bad], field: Callable[..., Bad]) -> Iterator[Bad]:
    scales = {
        "0": "00000000", "infinity": "7f800000", "nan": "7fc00000",
        "above": "71800001", "below": "0d7fffff",
    }  # fmt: skip
    for key, bits in scales.items():
        rule = "the scale's absolute value is from 2^-100 to 2^100"
        yield Bad(f"scale-{key}", "4.2", rule, "a scale from", pack(masky(scale=bits)))
    for key, value in (("case", "3F000000"), ("short", "3f00")):  # fmt: skip
        yield field(f"scale-{key}", "4.2", "a scale has 8 lower-case hex digits", "8 hex digits",
                    masky(), "values.scale", value)  # fmt: skip
    half = "3f000000"
    for key, value, says in (
        ("short", [half] * 3, "one scale or 4"), ("empty", [], "one scale or 4"),
        ("zero", [half] * 3 + ["00000000"], "a scale"),
    ):  # fmt: skip
        yield field(f"scales-{key}", "4.2", "a list of scales has one for every row, each in its "
                    "range", says, masky(), "values.scale", value)  # fmt: skip
    scalar = draft(masked("w", "f32", (), SIGNS), prototype=SIGNS)
    yield field("scales-scalar", "4.2", "a tensor of rank 0 has no list of scales", "one scale",
                scalar, "values.scale", [half])  # fmt: skip
    for key, dtype in (("i32", "i32"), ("f64", "f64")):
        width = np.dtype({"i32": "i4", "f64": "f8"}[dtype]).itemsize
        yield field(f"prototype-{key}", "4.2", "tensors of kind `prototype` are f32, f16 or bf16",
                    "a dtype of f32, f16, bf16", masky(), "dtype", dtype, elements=20,
                    restored=20 * width)  # fmt: skip
    yield Bad("prototype-null", "4.2", "there is a prototype for a tensor of that kind",
              "a prototype in the manifest", edit(masky(), ("prototype",), None))  # fmt: skip
    yield field("offset-length", "4.2", "the offset is below the prototype's length",
                "an offset below 9", masky(), "values.offset", 9)  # fmt: skip
    shuffled = prototype(9, shuffle=(7, 1, 2))
    made = draft(masked("w", "f32", (4, 5), shuffled), prototype=shuffled)
    yield field("offset-shuffled", "4.2", "the offset is below the shuffle's length",
                "an offset below 7", made, "values.offset", 8)  # fmt: skip
    yield from _stored_values(one, field)
    yield from _constants_and_aliases(one, field)


def _stored_values(one: Callable[..., Bad], field: Callable[..., Bad]) -> Iterator[Bad]:
    zeros = {
        name: np.zeros(4, code)
        for name, code in (("f32", "<f4"), ("f64", "<f8"), ("f16", "<f2"), ("bf16", "<u2"),
                           ("i64", "<i8"), ("i8", "i1"), ("bool", "?"))
    }  # fmt: skip
    widths = {"f64": 8, "f32": 4, "i32": 4, "f16": 2, "bf16": 2, "i16": 2, "u8": 1, "i8": 1,
              "bool": 1}  # fmt: skip
    for dtype, held in (
        ("f32", "f64"), ("f64", "f32"), ("f16", "bf16"), ("bool", "u8"), ("f32", "i8"),
    ):  # fmt: skip
        raw = bytes(4 * widths[held])
        what = "i8 only with a scale" if held == "i8" else "what the list of pairs has"
        yield one(f"stored-{dtype}-as-{held}", "4.3", f"a payload's dtype is {what}",
                  "stored values of",
                  stored("b", dtype, zeros[dtype], raw=raw, held=held))  # fmt: skip
    for dtype, held in (("i64", "i8"), ("i8", "i8"), ("f32", "f32")):
        part = stored("b", dtype, zeros[dtype], raw=bytes(4 * widths[held]), held=held)
        part.record["values"]["scale"] = "3f800000"
        says = "stored values of i8" if dtype == "f32" else "a scale for f32 or f16 or bf16 only"
        yield one(f"scaled-{dtype}-as-{held}", "4.3", "a scale is for i8 in a tensor of f32, f16 "
                  "or bf16", says, part)  # fmt: skip
    integers = np.arange(6, dtype="i1").reshape(2, 3)
    good = draft(quantized("b", "f32", integers, "3f000000"))
    for key, value, says in (
        ("infinite", "7f800000", "a scale from"), ("null", None, "8 hex digits"),
        ("rows-columns", ["3f000000"] * 3, "one scale or 2"),
    ):  # fmt: skip
        yield field(f"scaled-{key}", "4.2", "scales of stored values obey the rules of scales",
                    says, good, "values.scale", value)  # fmt: skip
    five = "a raw payload has the bytes of its elements"
    yield one("stored-short", "4.3", five, "5 stored bytes", stored(
        "b", "u8", FIVE, payload=bytes(4)))  # fmt: skip
    yield one("stored-swapped", "4.3", f"{five}: one is short by what another is long",
              "5 stored bytes", stored("a", "u8", FIVE, payload=bytes(4)),
              stored("b", "u8", FIVE, payload=bytes(6)))  # fmt: skip
    yield one("stored-sparse", "4.5", "a raw payload has the bytes of selected elements alone",
              "3 stored bytes",
              stored("b", "u8", FIVE, mask=FIVE > 1, payload=bytes(5)))  # fmt: skip
    yield one("stored-narrow", "4.3", "a raw payload has the bytes of narrow elements",
              "8 stored bytes", stored("b", "f32", zeros["f32"], held="f16"))  # fmt: skip
    not_bool = stored("b", "bool", np.frombuffer(b"\1\1\2\1\1", "?"))
    yield Bad("bool-raw", "4.2", "bytes of bools are 0 or 1", "bool bytes of 0 or 1",
              pack(draft(not_bool)), RESTORING)  # fmt: skip
    content = np.frombuffer(b"\1" * 39 + b"\xff", "?")
    packed = stored("b", "bool", content, coding="zstd", payload=frame((1, 39), b"\xff"))
    yield Bad("bool-zstd", "4.2", "bytes of bools are 0 or 1", "bool bytes of 0 or 1",
              pack(draft(packed)), RESTORING)  # fmt: skip


def _constants_and_aliases(one: Callable[..., Bad], field: Callable[..., Bad]) -> Iterator[Bad]:
    for key, bits, says in (
        ("short", "000080", "a constant of 4 bytes"), ("odd", "0000803", "hex digits"),
        ("case", "0000803F", "hex digits"),
    ):  # fmt: skip
        yield field(f"constant-{key}", "4.2", "a constant has the bytes of one element, as "
                    "lower-case hex digits", says, plain(), "values.bits", bits)  # fmt: skip
    part = constant("w", "bool", bits="01")
    part.record["values"]["bits"] = "02"
    yield one("constant-bool", "4.2", "a constant bool is 00 or 01", "00 or 01", part)
    part = constant("w")
    twice = draft(part, alias("a", part), alias("b", part))
    for key, of, says in (
        ("itself", "b", "an earlier tensor"), ("alias", "a", "an earlier tensor"),
        ("null", None, "a name"),
    ):  # fmt: skip
        yield field(f"alias-{key}", "4.2", "an alias names an earlier tensor that is none", says,
                    twice, "values.of", of)  # fmt: skip
    yield one("alias-later", "4.2", "an alias names an earlier tensor", "an earlier tensor",
              alias("a", part), part)  # fmt: skip
    bent = constant("w", shape=(2, 3))
    other = alias("a", bent)
    other.record["shape"] = [3, 2]
    other.restored = bent.restored.reshape(3, 2)
    yield one("alias-shape", "4.2", "an alias has its target's shape", "the shape and dtype",
              bent, other)  # fmt: skip
    other = alias("a", part)
    other.record["dtype"] = "i32"
    yield one("alias-dtype", "4.2", "an alias has its target's dtype", "the shape and dtype",
              part, other)  # fmt: skip
    other = alias("a", part)
    other.record["positions"] = {"bytes": 1, "codec": "bitmap", "ones": 2}
    other.mask = b"\3"
    yield one("alias-positions", "4.2", "an alias has no positions", "the shape and dtype",
              part, other)  # fmt: skip


def _sections() -> Iterator[Bad]:
    def field(name: str, section: str, rule: str, says: str, made: Draft, key: str,
              value: Any) -> Bad:  # fmt: skip
        return Bad(name, section, rule, says, edit(made, ("sections", 0, key), value))

    yield field("section-name", "3.3", "names of sections obey the rules of names", "a name",
                draft(constant("w"), sections=[("n", False, b"x")]), "name", "../n")  # fmt: skip
    twice = draft(constant("w"), sections=[("n", False, b"x"), ("m", False, b"x")])
    twice.manifest["sections"][1]["name"] = "n"
    yield Bad("section-twice", "3.2", "names of sections are unique", "a unique name", pack(twice))
    yield Bad("section-unknown-critical", "2.2", "a section that is not known is not critical",
              "unknown critical",
              pack(draft(constant("w"), sections=[("n", True, b"x")])))  # fmt: skip
    yield Bad("section-empty", "2.2", "no section is empty", "no empty section",
              pack(_with_empty(plain(), "n", False)))  # fmt: skip
    own = prototype(9, stored=SIGNS.values)
    bases = {
        "masks": masky(),
        "dense": dense(),
        "prototype": draft(constant("w"), prototype=own, store=True),
        "source": draft(constant("w"), sections=[("source", False, frame(b"pass"))]),
    }
    for name, base in bases.items():
        told = base.manifest["sections"][0]["critical"]
        yield field(f"section-critical-{name}", "2.2", f"`critical` of `{name}` is "
                    f"{str(told).lower()}", f"section {name!r}: expected critical", base,
                    "critical", not told)  # fmt: skip
        if name != "source":
            (payload,) = base.payloads
            gone = edited(base, (("sections",), []))
            gone.payloads = []
            short, long = copy.deepcopy(base), copy.deepcopy(base)
            short.payloads, long.payloads = [payload[:-1]], [payload + b"\0"]
            says = f"section {name!r}: expected"
            if len(payload) > 5:
                yield Bad(f"section-short-{name}", "2.2", f"section `{name}` has the size that "
                          "the records say", says, pack(rehash(short)))  # fmt: skip
            yield Bad(f"section-long-{name}", "2.2", f"section `{name}` has the size that the "
                      "records say", says, pack(rehash(long)))  # fmt: skip
            yield Bad(f"section-missing-{name}", "2.2", f"section `{name}` is there where it is "
                      "needed", says, pack(gone))  # fmt: skip
    for name, size in (("dense", 1), ("prototype", 36)):
        made = draft(constant("w"), prototype=SIGNS, sections=[(name, True, bytes(size))])
        yield Bad(f"section-needless-{name}", "2.2", f"section `{name}` is left out where nothing "
                  "is in it", f"section {name!r}: expected 0", pack(made))  # fmt: skip
    beyond = draft(constant("w"), sections=[("n", False, b"x")])
    yield field("section-beyond", "2.2", "sections lie in the file", "sections: expected",
                beyond, "bytes", 2**48 - 1)  # fmt: skip


def _with_empty(made: Draft, name: str, critical: bool) -> Draft:
    made.manifest["sections"].append(
        {"bytes": 0, "critical": critical, "name": name, "sha256": hashlib.sha256().hexdigest()}
    )
    made.payloads.append(b"")
    return made


def _prototype() -> Iterator[Bad]:
    made = draft(constant("w"), prototype=prototype(9, shuffle=(9, 1, 2)))

    def one(name: str, rule: str, says: str, path: tuple[str, ...], value: Any) -> Bad:
        data = edit(made, ("prototype", *path), value)
        return Bad(f"prototype-{name}", "3.4", rule, says, data)

    yield one("length-0", "the length is at least 1", "an integer from 1", ("length",), 0)
    yield one("transform", "the transform is known", "transform: expected", ("transform",), "randn")
    yield one("seed-alone", "seed and stream stand together", "the field 'stream'", ("stream",),
              ...)  # fmt: skip
    yield one("transform-missing", "a seed has a transform", "the field 'transform'",
              ("transform",), ...)  # fmt: skip
    held = prototype(9, stored=SIGNS.values)
    made_of = draft(masked("w", "f32", (4, 5), held, mask=MASK), prototype=held, store=True)
    yield Bad("prototype-stored-transform", "3.4", "stored values have no transform",
              "the field 'seed'", edit(made_of, ("prototype", "transform"), "sign"))  # fmt: skip
    digits = "a seed and a stream are 16 lower-case hex digits"
    for key, value in (
        ("number", 3), ("short", "3"), ("case", "000000000000000A"), ("wide", "０" * 16),
    ):  # fmt: skip
        yield one(f"seed-{key}", digits, "16 hex digits", ("seed",), value)
    yield one("shuffle-length-0", "the shuffle's length is at least 1", "an integer from 1",
              ("shuffle", "length"), 0)  # fmt: skip
    bad = prototype(3, stored=np.array([1, np.inf, 2], np.float32))
    used = draft(masked("w", "f32", (2,), bad, mask=np.array([True, False])), prototype=bad,
                 store=True)  # fmt: skip
    yield Bad("prototype-infinity", "3.4", "stored values of a prototype are finite, those that no "
              "tensor takes too", "finite", pack(used), RESTORING)  # fmt: skip
    bad = prototype(3, stored=np.array([1, np.nan, 2], np.float32))
    yield Bad("prototype-nan-unused", "3.4", "stored values of a prototype are finite, of one that "
              "no tensor uses too", "finite", pack(draft(constant("w"), prototype=bad, store=True)),
              VERIFYING)  # fmt: skip


def _frames() -> Iterator[Bad]:
    """Frames of the manifest, of stored values and of the source."""

    def faults(one: Block, two: Block, size: int) -> Iterator[tuple[str, str, bytes]]:
        """Yield bad frames of the blocks `one` and `two`"""
        half = one, two
        good = frame(*half)
        yield "garbage", "there is a zstd frame", b"\0" * 20
        yield "unsized", "the frame declares its content size", frame(*half, sized=False)
        yield "declared-above", "the declared size is right", frame(*half, declared=size + 1)
        yield "content-above", "the content has the declared size", frame(
            *half, b"\0", declared=size)  # fmt: skip
        yield "declared-huge", "the declared size is right", frame(*half, declared=2**47)
        yield "trailing-byte", "nothing follows the frame", good + b"\0"
        yield "skippable-after", "no skippable frame follows", good + skippable(b"xx")
        yield "skippable-before", "no skippable frame comes first", skippable(b"xx") + good
        yield "cut", "the frame is whole", good[:-1]
        yield "no-last-block", "the frame has a last block", frame(*half, last=False)
        yield "window", "the window is at most 128 MiB", frame(*half, window=0x89)
        yield "dictionary", "no dictionary is needed", frame(*half, dictionary=7)
        yield "checksum", "the frame's checksum is right", frame(*half, checksum=b"\1\2\3\4")

    array = np.array([7] * 30 + [9] * 30, "u1")
    for key, rule, payload in faults((7, 30), (9, 30), 60):
        part = stored("b", "u8", array, coding="zstd", payload=payload)
        yield Bad(f"zstd-{key}", "4.3", f"stored values: {rule}", "stored values: expected",
                  pack(draft(part)), RESTORING)  # fmt: skip
    made = draft(constant("w"))
    text = canonical(made.manifest)
    for key, rule, packed in faults(text[:100], text[100:], len(text)):
        if key not in ("garbage", "declared-huge", "no-last-block", "skippable-after"):
            data = pack(made, packed=packed)
            yield Bad(f"manifest-{key}", "2.1", f"manifest: {rule}", "manifest: expected", data)
    for key, rule, packed in faults(b"exit", b"()", 6):
        if key in ("unsized", "content-above", "trailing-byte"):  # fmt: skip
            with_source = draft(constant("w"), sections=[("source", False, packed)])
            yield Bad(f"source-{key}", "3.5", f"source: {rule}", "source: expected",
                      pack(with_source), VERIFYING)  # fmt: skip
    large = frame(*[(32, 1 << 17)] * 512, b"x")
    for key, rule, packed in (
        ("empty", "the text is not empty", frame(b"")),
        ("not-utf8", "the text is UTF-8", frame(b"\xff\xfe")),
        ("large", "the text has at most 2^26 bytes", large),
    ):
        with_source = draft(constant("w"), sections=[("source", False, packed)])
        yield Bad(f"source-{key}", "3.5", f"source: {rule}", "source: expected",
                  pack(with_source), VERIFYING)  # fmt: skip
    for coding in ("zstd", "shuffle-zstd"):
        part = stored("b", "u8", array, coding=coding, payload=frame(array.tobytes()))
        yield Bad(f"{coding}-not-smaller", "4.3", "a compressed payload is smaller than the raw "
                  "form", "fewer than 60 compressed", pack(draft(part)))  # fmt: skip
        part = stored("b", "u8", array, coding=coding, payload=b"")
        yield Bad(f"{coding}-nothing", "4.3", "a compressed payload is not empty",
                  "fewer than 60 compressed", pack(draft(part)))  # fmt: skip
    none = stored("b", "u8", FIVE * 0, mask=np.zeros(5, np.bool_), coding="zstd",
                  payload=frame(b""))  # fmt: skip
    yield Bad("zstd-no-elements", "4.3", "values without elements are raw", "fewer than 0",
              pack(draft(none)))  # fmt: skip
    halves = np.array([1.0] * 20, "<f4")
    payload = frame((0, 40), (0x80, 20), (0x3F, 20))
    part = stored("b", "f32", halves, coding="zstd", payload=payload)
    yield Bad("zstd-not-shuffled", "4.3", "`zstd` values are not shuffled", "restored tensors",
              pack(draft(part)), RESTORING)  # fmt: skip


def _codecs() -> Iterator[Bad]:
    def one(name: str, rule: str, codec: str, shape: list[int], ones: int, payload: str,
            selected: tuple[int, ...] | None = None) -> Bad:  # fmt: skip
        """Make a masked tensor whose payload is bad.

        Its restored digest is that of a decoder without the check, which finds `selected`: the
        first `ones` where that is not said.
        """
        mask = np.zeros(shape, np.bool_)
        mask.reshape(-1)[list(range(ones) if selected is None else selected)] = True
        packed = bytes.fromhex(payload)
        part = masked("w", "f32", shape, SIGNS, mask=mask, codec=codec, payload=packed)
        part.record["positions"]["ones"] = ones
        section = {"bitmap": "7.1", "csr": "7.2", "rice": "7.3"}[codec]
        data = pack(draft(part, prototype=SIGNS))
        return Bad(f"{codec}-{name}", section, rule, f"{codec}: ", data, RESTORING)

    yield one("short", "the payload has ceil(n / 8) bytes", "bitmap", [9], 4, "0f")
    yield one("long", "the payload has ceil(n / 8) bytes", "bitmap", [9], 4, "0f0000")
    yield one("empty", "the payload has ceil(n / 8) bytes", "bitmap", [9], 0, "")
    yield one("fewer", "the mask has as many ones as the record says", "bitmap", [9], 4,
              "0700", (0, 1, 2))  # fmt: skip
    yield one("unused-bit", "unused bits are 0", "bitmap", [9], 4, "0f02")
    yield one("unused-bit-for-a-one", "unused bits are 0, and not counted as ones", "bitmap", [9],
              4, "0702", (0, 1, 2))  # fmt: skip
    rule = "the size follows from the rows, the columns and the ones"
    yield one("short", rule, "csr", [2, 3], 3, "0003030001")
    yield one("long", rule, "csr", [2, 3], 3, "00030300010200")
    yield one("first-pointer", "the first pointer is 0", "csr", [2, 3], 3, "010303000102")
    yield one("last-pointer-below", "the last pointer is the number of ones", "csr", [2, 3], 3,
              "000302000102")  # fmt: skip
    yield one("pointer-falls", "pointers do not fall", "csr", [3, 3], 3, "0003010300" + "0102")
    yield one("column", "an index is a column", "csr", [2, 3], 3, "000303000103",
              (0, 1, 3))  # fmt: skip
    yield one("column-wraps", "an index is a column: 3 is not the next row's 0", "csr", [2, 3], 3,
              "000203000300")  # fmt: skip
    yield one("index-falls", "the indices of a row ascend", "csr", [2, 3], 3, "000303000201")
    yield one("index-twice", "the indices of a row ascend strictly", "csr", [2, 3], 3,
              "000303000101", (0, 1))  # fmt: skip
    gaps = "3 selected of 64"
    yield one("empty", "the payload has a header", "rice", [64], 0, "")
    yield one("parameter-48", "the parameter is at most 47", "rice", [64], 3,
              "30 07" + "00" * 18)  # fmt: skip
    yield one("bit-6", "bit 6 of the header is 0", "rice", [64], 3, "40 07")
    yield one("bit-7", "bit 7 of the header agrees with the ones", "rice", [64], 3, "80 07")
    yield one("bit-7-half", "bit 7 is 0 where half of the elements are selected", "rice", [8], 4,
              "80 f0")  # fmt: skip
    yield one("bit-7-missing", "bit 7 is 1 where most elements are selected", "rice", [8], 5,
              "00 1f")  # fmt: skip
    yield one("unary-more", "the unary stream has a one for every gap", "rice", [64], 3,
              "04 0f 00 00")  # fmt: skip
    yield one("unary-long", "the unary stream ends with the byte of its last one", "rice", [64], 3,
              "04 07 00 00 00")  # fmt: skip
    yield one("unary-for-none", "no unary stream for no gap", "rice", [64], 0, "00 00")
    yield one("remainder-padding", "padding bits are 0", "rice", [64], 3, "04 07 00 10")
    yield one("beyond", f"positions are below n: {gaps}, the last is 64", "rice", [64], 3,
              "04 25 0c 0d")  # fmt: skip
    yield one("beyond-47", "positions are below n, whatever their sum", "rice", [64], 2,
              "2f 03" + "ff" * 11 + "3f")  # fmt: skip
    quotient = "00" * 40 + "01"
    yield one("beyond-quotient", "positions are below n: a quotient of 320 times 2^47", "rice",
              [64], 1, "2f" + quotient + "00" * 6)  # fmt: skip


def renewed(plane: Plane | None = None, **options: Any) -> Draft:
    """Return an archive of one masked tensor with a plane, of generations by default."""
    plane = plane or Plane("generation", (1, 4), (0, 2), 2, 1 << 40)
    part = masked("w", "f32", (4, 5), SIGNS, mask=MASK, plane=plane, **options)
    return draft(part, prototype=SIGNS)


def _planes() -> Iterator[Bad]:
    place = ("tensors", 0, "values", "plane")
    sources, signs = Plane("source", (1, 4), (3, 19), 5), Plane("sign", (1, 4))

    def one(name: str, rule: str, says: str, made: Draft, *edits: Any, found: str = LISTING) -> Bad:
        return Bad(f"plane-{name}", "4.7", rule, says, pack(edited(made, *edits)), found)

    def paid(name: str, rule: str, says: str, made: Draft, payload: bytes) -> Bad:
        made = copy.deepcopy(made)
        assert made.manifest["sections"][1]["name"] == "planes"
        made.payloads[1] = payload
        return Bad(f"plane-{name}", "4.7", rule, says, pack(rehash(made)), RESTORING)

    yield one("kind", "the kind is known", "kind: expected one of", renewed(),
              ((*place, "kind"), "shift"))  # fmt: skip
    yield one("number", "a plane is an object", "kind: expected one of", renewed(), (place, 1))
    yield one("field", "a plane has no other fields", "no other fields", renewed(),
              ((*place, "offset"), 0))  # fmt: skip
    yield one("no-width", "generations have a width", "'width'", renewed(),
              ((*place, "width"), ...))  # fmt: skip
    yield one("no-stream", "generations have a stream", "'stream'", renewed(),
              ((*place, "stream"), ...))  # fmt: skip
    yield one("stream-2-63", "a stream is below 2^63", "below 2^63", renewed(),
              ((*place, "stream"), "8000000000000000"))  # fmt: skip
    yield one("stream-number", "a stream is written as hex digits", "hex digits", renewed(),
              ((*place, "stream"), 1))  # fmt: skip
    yield one("width-0", "a width is at least 1", "from 1 to 32", renewed(),
              ((*place, "width"), 0))  # fmt: skip
    yield one("width-33", "a width of generations is at most 32", "from 1 to 32",
              renewed(Plane("generation", (1, 4), (0, 2), 33)))  # fmt: skip
    yield one("width-49", "a width of sources is at most 48", "from 1 to 48",
              renewed(Plane("source", (1, 4), (0, 2), 49)))  # fmt: skip
    yield one("source-stream", "sources have no stream", "'stream'", renewed(sources),
              ((*place, "stream"), "0" * 16))  # fmt: skip
    yield one("sign-width", "signs have no width", "'width'", renewed(signs),
              ((*place, "width"), 1))  # fmt: skip
    none = Plane("sign", ())
    yield one("no-ones", "a plane has a one at least", "1 to 7 ones", renewed(none))
    yield one("ones", "a plane has at most as many ones as elements are selected", "1 to 7 ones",
              renewed(signs), ((*place, "positions", "ones"), 8))  # fmt: skip
    yield one("positions", "positions name a known codec", "codec", renewed(),
              ((*place, "positions", "codec"), "auto"))  # fmt: skip
    yield one("size", "the section has the size of all planes", "section 'planes'", renewed(),
              ((*place, "width"), 8))  # fmt: skip
    yield one("no-section", "a plane needs its section", "section 'planes'", masky(),
              (place, Plane("sign", (0,)).record(1)))  # fmt: skip
    stored_values = prototype(9, stored=SIGNS.values[:9])
    made = draft(masked("w", "f32", (4, 5), stored_values, mask=MASK, plane=sources),
                 prototype=stored_values, store=True)  # fmt: skip
    yield one("no-seed", "generations need a prototype with a seed", "a prototype with a seed",
              made, (place, Plane("generation", (1, 4), (0, 2), 5).record(1)))  # fmt: skip
    of_constant = draft(constant("w", "f32", (4, 5), mask=MASK, plane=signs))
    yield one("constant", "a constant has signs only", "kind sign for a constant", of_constant,
              (place, sources.record(1)))  # fmt: skip
    integers = draft(constant("w", "i32", (4, 5), "07000000", mask=MASK, plane=signs))
    yield one("integers", "signs are those of floats", "a dtype of f32", integers)
    yield one("stored", "stored values have no plane", "no other fields", edited(draft(
        stored("b", "u8", FIVE))), (place, signs.record(1)))  # fmt: skip
    for name, rule, made, payload in (
        ("mask-ones", "the mask has as many ones as the record says", renewed(), b"\x10\x08"),
        ("mask-unused", "unused bits of the mask are 0", renewed(), b"\x92\x08"),
        ("padding", "padding bits are 0", renewed(), b"\x12\x18"),
        ("sign-mask", "the mask has as many ones as the record says", renewed(signs), b"\x10"),
    ):
        yield paid(name, rule, "plane" if name == "padding" else "section 'planes'", made, payload)
    beyond = Plane("source", (1, 4), (3, 20), 5)
    made = renewed(sources)
    yield paid("source-beyond", "a source is an element of the tensor", "sources below 20", made,
               bytes(made.payloads[1][:1]) + beyond.packed())  # fmt: skip
    made = edited(renewed(), (("sections", 1, "sha256"), "0" * 64))
    yield Bad("plane-digest", "8", "the section has its digest", "section 'planes'", pack(made),
              RESTORING)  # fmt: skip


def _limits() -> Iterator[Bad]:
    """Valid archives that no reader may restore without being told to."""
    trillion = 10**12

    def one(name: str, rule: str, says: str, made: Draft, **header: Any) -> Bad:
        return Bad(f"limit-{name}", "10.2", rule, says, pack(made, **header))

    declared = Part(
        {"dtype": "f32", "name": "w", "shape": [10**6, 10**6],
         "values": {"bits": "00000000", "kind": "constant"}}, np.empty(0))  # fmt: skip
    yield one("constant", "10^12 weights of a constant, in less than 400 bytes", "max_weights",
              draft(declared))  # fmt: skip
    record: Json = copy.deepcopy(declared.record)
    record["values"] = {"kind": "prototype", "offset": 0, "scale": "3f000000"}
    yield one("seed", "10^12 weights of a seed", "max_weights",
              draft(Part(record, np.empty(0)), prototype=SIGNS))  # fmt: skip
    yield one("prototype", "a prototype of 10^12 values that no tensor uses", "prototype length",
              edited(draft(constant("w"), prototype=SIGNS),
                     (("prototype", "length"), trillion)))  # fmt: skip
    yield one("shuffle", "a shuffled prototype of 10^12 values", "prototype length", edited(
        draft(constant("w"), prototype=prototype(9, shuffle=(9, 1, 2))),
        (("prototype", "shuffle", "length"), trillion)))  # fmt: skip
    sparse = copy.deepcopy(declared.record)
    sparse["positions"] = {"bytes": 1, "codec": "rice", "ones": 0}
    yield one("sparse", "10^12 weights of which none is selected", "max_weights",
              draft(Part(sparse, np.empty(0), b"\0")))  # fmt: skip
    held = copy.deepcopy(declared.record)
    packed = frame((0, 40), declared=4 * trillion)
    held["values"] = {"bytes": len(packed), "coding": "zstd", "dtype": "f32", "kind": "stored"}
    yield one("zstd", "10^12 weights of a frame of 20 bytes", "max_weights",
              draft(Part(held, np.empty(0), b"", packed)))  # fmt: skip
    made = draft(constant("w"), about={"x": "x" * (1 << 22)})
    text = canonical(made.manifest)
    blocks: list[Block] = [text[:15], *[(ord("x"), 1 << 17)] * 32, text[15 + (1 << 22) :]]
    yield one("manifest", "a manifest of more than 2^22 bytes, of a frame of a few hundred",
              "manifest size", made, packed=frame(*blocks))  # fmt: skip


def _blocks() -> Iterator[Bad]:
    """Frames with a block above Block_Maximum_Size, which some decompressors take all the same."""
    small, large = "at most the window, here 1 KiB", "at most 128 KiB"
    for name, rule, window, blocks in (
        ("raw", f"a raw block has {small}", 0, (b"\7" * 1025, (7, 1024))),
        ("run", f"a run has {small}", 0, ((7, 1025), (7, 1024))),
        ("compressed", f"a compressed block regenerates {small}", 0,
         ((7, 1024), copies(7, 512, 513))),
        ("size", f"a compressed block has {small}", 0, (literal(b"\7" * 1021), (7, 1024))),
        ("run-128k", f"a run has {large}", None, ((7, 200_000),)),
        ("compressed-128k", f"a compressed block regenerates {large}", None,
         (copies(7, 1 << 16, (1 << 16) + 1),)),
        ("first-128k", f"a compressed block regenerates {large}, the first of two", 0x40,
         (copies(7, 1 << 16, (1 << 16) + 1), (7, 1 << 17))),
        ("last-128k", f"a run has {large}, in a window of 256 KiB and the last of three", 0x40,
         ((7, 9), (7, 1 << 17), (7, (1 << 17) + 1))),
    ):  # fmt: skip
        array = np.full(sum(map(regenerated, blocks)), 7, "u1")
        packed = frame(*blocks, window=window)
        part = stored("w", "u8", array, coding="zstd", payload=packed)
        yield Bad(f"zstd-block-{name}", "4.3", f"stored values: {rule}", "stored values: expected",
                  pack(draft(part)), RESTORING)  # fmt: skip
    good = frame((7, 60))
    array = np.full(60, 7, "u1")
    for name, rule, packed in (
        ("reserved", "the type of a block is not the reserved one", good[:-4] + bytes(
            [7 | 60 << 3 & 0xFF, 60 >> 5, 0, 7])),
        ("beyond", "blocks lie in the frame", frame((7, 30), (7, 30))[:-4] + bytes(
            [1 | 30 << 3 & 0xFF, 30 >> 5, 0, 7])),
    ):  # fmt: skip
        part = stored("w", "u8", array, coding="zstd", payload=packed)
        yield Bad(f"zstd-block-{name}", "4.3", f"stored values: {rule}", "stored values: expected",
                  pack(draft(part)), RESTORING)  # fmt: skip
    text = canonical(plain().manifest)
    yield Bad("manifest-block-segment", "2.1", "manifest: a compressed block has at most the "
              "window, here that of a single segment: its content", "manifest: expected",
              pack(plain(), packed=frame(literal(text))))  # fmt: skip
    long = b"x" * 1025
    made = draft(constant("w"), about={"x": long.decode()})
    head, tail = canonical(made.manifest).split(long)
    for name, block in (("raw", long), ("run", (ord("x"), 1025)),
                        ("compressed", copies(ord("x"), 512, 513))):  # fmt: skip
        packed = frame(head, block, tail, window=0)
        yield Bad(f"manifest-block-{name}", "2.1", f"manifest: a block has {small}",
                  "manifest: expected", pack(made, packed=packed))  # fmt: skip
        packed = frame(b"#", block, b"\n", window=0)
        made_of = draft(constant("w"), sections=[("source", False, packed)])
        yield Bad(f"source-block-{name}", "3.5", f"source: a block has {small}",
                  "source: expected", pack(made_of), VERIFYING)  # fmt: skip
