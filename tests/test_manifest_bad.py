"""Manifests that break a rule although every digest is right, and unusual ones that break none."""

import struct

import numpy as np
import pytest
import zstandard
from handmade import GOOD, altered, refused, rehash, restored_digest, take_apart, tensor

from pemn_compress.format import prng
from pemn_compress.format.archive import open_archive, values, verify


def setting(path, value):
    """Return a change that sets one field: path is keys and indices, value None deletes it."""

    def change(manifest, payloads):
        place = manifest
        for key in path[:-1]:
            place = tensor(manifest, key[1:]) if str(key).startswith("@") else place[key]
        if value is KeyError:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


def adding(record):
    return lambda manifest, payloads: manifest["tensors"].append(record)


def constant(**further):
    return {
        "dtype": "f32", "name": "new", "shape": [2],
        "values": {"bits": "00000000", "kind": "constant"},
    } | further  # fmt: skip


FIELDS = [
    (("extra",), 1, "manifest: expected no other fields, got 'extra'$"),
    (("@b", "values", "extra"), 1, "tensor 'b' values: expected no other fields, got 'extra'$"),
    (("x" * 5000,), 1, "manifest: expected no other fields, got 'xxx"),
    (("tensors", 0, "extra"), 1, "tensor: expected no other fields, got 'extra'"),
    (("@w", "values", "extra"), 1, "tensor 'w' values: expected no other fields"),
    (("@w", "positions", "extra"), 1, "tensor 'w' positions: expected no other fields"),
    (("prototype", "extra"), 1, "prototype: expected no other fields"),
    (("sections", 0, "extra"), 1, "section: expected no other fields"),
    (("about",), KeyError, "manifest: expected the field 'about', got none"),
    (("@w", "dtype"), KeyError, "tensor: expected the field 'dtype'"),
    (("@w", "values", "scale"), KeyError, "expected the field 'scale'"),
    (("@w", "positions", "ones"), KeyError, "expected the field 'ones'"),
    (("prototype", "length"), KeyError, "expected the field 'length'"),
    (("prototype", "seed"), KeyError, "expected the field 'seed'"),
    (("sections", 0, "sha256"), KeyError, "expected the field 'sha256'"),
    (("about",), [], "about: expected an object, got list"),
    (("architecture",), None, "architecture: expected an object"),
    (("sections",), {}, "sections: expected a list"),
    (("prototype",), 1, "prototype: expected an object, got int"),
    (("tensors", 0), "w", "tensor: expected an object, got str"),
    (("@w", "values"), [], "values of kind"),
    (("@w", "values", "kind"), "module", "values of kind"),
    (("@w", "values", "kind"), ["stored"], "values of kind"),
    (("@w", "positions"), None, "tensor 'w' positions: expected an object"),
    (("@w", "positions", "codec"), "os:system", "codec: expected one of bitmap, csr, rice"),
    (("@w", "positions", "codec"), [], "codec: expected one of"),
    (("@w", "dtype"), "f31", "dtype: expected one of bool, u8"),
    (("@w", "dtype"), {}, "dtype: expected one of"),
    (("@w", "dtype"), "i32", "a dtype of f32, f16, bf16, got i32"),
    (("prototype", "transform"), "randn", "transform: expected one of normal16"),
    (("prototype", "transform"), {"a": 1}, "transform: expected one of"),
    (("prototype", "length"), 0, "prototype length: expected an integer from 1"),
    (("prototype", "length"), 2**48, "prototype length: expected an integer"),
    (("prototype", "length"), 2, "an offset below 2, got 2"),
    (("prototype", "stream"), -1, "prototype stream: expected 16 hex digits, got -1"),
    (("prototype", "seed"), True, "prototype seed: expected 16 hex digits, got True"),
    *[(("prototype", key), value, f"prototype {key}: expected 16 hex digits, got ")
      for key in ("seed", "stream")
      for value in (3, "3", "0" * 15, "0" * 17, "0" * 18, "00000000000000AB", "0x00000000000003",
                    "000000000000000g", "-000000000000003", " 000000000000003", "０" * 16,
                    "000000000000_003", "", None, ["0" * 16])],
    *[((*place, name), 1, f"expected no other fields, got '{name}'")
      for place in ((), ("@w",), ("prototype",), ("sections", 0), ("@b", "values"))
      for name in ("predictor", "plane")],
    (("@w", "values", "predictor"), 1, "expected no other fields, got 'predictor'"),
    (("@w", "positions", "plane"), 1, "expected no other fields, got 'plane'"),
    (("@w", "positions", "predictor"), {}, "predictor: expected the field 'kind'"),
    *[(("@w", "positions", "predictor"), {"kind": kind},
       f"predictor: expected one of none, scores, got '{kind}, of a later version of the format'")
      for kind in ("archive",)],
    (("@w", "positions", "predictor"), {"kind": "scores"}, "expected the field 'flips', got none"),
    (("@w", "positions", "predictor"),
     {"kind": "scores", "flips": 0, "ones": 7, "seed": "0" * 16, "stream": "0" * 16},
     "version: expected 1.1, the lowest that says what this archive does, got 1.0"),
    (("@w", "positions", "predictor"), {"kind": "guess"}, "one of none, scores, got 'guess'"),
    (("@w", "positions", "predictor"), {"kind": "none", "seed": 1}, "no other fields, got 'seed'"),
    (("prototype",), None, "a prototype in the manifest, got none"),
    (("@w", "positions", "ones"), 21, "at most 20 ones, got 21"),
    (("@w", "positions", "ones"), -1, "ones: expected an integer from 0"),
    (("@w", "positions", "ones"), 6,
     "section 'masks', tensor 'w' .offset [0-9]+.: bitmap: expected 6 ones, got 7"),
    (("@w", "positions", "bytes"), 4, "section 'masks': expected 4 bytes as the records say, got"),
    (("@w", "values", "offset"), 9, "an offset below 9, got 9"),
    (("@w", "values", "offset"), -1, "offset: expected an integer from 0"),
    (("@w", "values", "offset"), {"f64": "0" * 16}, "offset: expected an integer"),
    *[(("@w", "values", "scale"), bits, "a scale from 2\\^-100 to 2\\^100")
      for bits in ("00000000", "80000000", "7f800000", "ff800000", "7fc00000", "0d7fffff",
                   "71800001", "00000001")],
    (("@w", "values", "scale"), "3F000000", "scale: expected 8 hex digits"),
    (("@w", "values", "scale"), "3f00", "scale: expected 8 hex digits"),
    (("@w", "values", "scale"), 1, "scale: expected 8 hex digits"),
    (("@w", "shape"), [4, 0], "shape: expected an integer from 1"),
    (("@w", "shape"), [4, -5], "shape: expected an integer from 1"),
    (("@w", "shape"), [4, True], "shape: expected an integer from 1"),
    (("@w", "shape"), [20] + [1] * 8, "a list of at most 8"),
    (("@w", "shape"), "45", "a list of at most 8, got str"),
    (("@w", "shape"), [2**47, 2], "fewer than 2\\^48 elements"),
    (("@w", "shape"), [2**48 - 1] * 8, "fewer than 2\\^48 elements"),
    (("@b", "shape"), [5], "20 stored bytes, got 16"),
    (("@b", "values", "bytes"), 15, "16 stored bytes, got 15"),
    (("@b", "values", "bytes"), 17, "16 stored bytes, got 17"),
    (("@b", "values", "bytes"), KeyError, "tensor 'b' values: expected the field 'bytes'"),
    (("@b", "values", "coding"), KeyError, "tensor 'b' values: expected the field 'coding'"),
    (("@b", "values", "dtype"), KeyError, "tensor 'b' values: expected the field 'dtype'"),
    (("@b", "dtype"), "f64", "stored values of f64, got f32"),
    (("@zero", "values", "bits"), "00", "a constant of 8 bytes, got 1"),
    (("@zero", "values", "bits"), "0" * 15, "an even number of hex digits"),
    (("@zero", "values", "bits"), "g" * 16, "an even number of hex digits"),
    *[(("@b", "name"), name, "tensor: expected a name of 1 to 255")
      for name in ("../x", "", ".x", "a..b", "a/b", "a b", "a\0", "a\n", "$x", "x" * 256, 5)],
    (("@b", "name"), "w", "tensor 'w': expected a unique name"),
    (("@tied", "values", "of"), "later", "an alias of an earlier tensor, got 'later'"),
    (("@tied", "values", "of"), "tied", "an alias of an earlier tensor, got 'tied'"),
    (("@tied", "values", "of"), "../w", "a name of 1 to 255"),
    (("@tied", "shape"), [5, 4], "the shape and dtype of 'w'"),
    (("@tied", "dtype"), "f16", "the shape and dtype of 'w'"),
    (("restored_sha256",), "0" * 64, "restored tensors: expected SHA-256 0000"),
    (("restored_sha256",), "0" * 63, "restored_sha256: expected 64 hex digits"),
    (("sections", 0, "sha256"), "0" * 64, "section 'masks' .*expected SHA-256 0000"),
    (("sections", 0, "critical"), False, "section 'masks': expected critical True, got False"),
    (("sections", 0, "critical"), 1, "critical true or false"),
    (("sections", 2, "critical"), True, "section 'source': expected critical False, got True"),
    (("sections", 0, "name"), "dense", "section 'dense': expected a unique name"),
    (("sections", 0, "name"), "other", "an unknown critical one"),
    (("sections", 0, "bytes"), -1, "section 'masks': expected an integer from 0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "message"),
    FIELDS,
    ids=[f"{'.'.join(map(str, p))[:30]}={v!r:.20}" for p, v, _ in FIELDS],
)
def test_every_field_is_checked(path, value, message):
    refused(altered(setting(path, value)), message)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (constant(name="b"), "a unique name"),
        (constant(positions={"bytes": 0, "codec": "rice", "ones": 0}), "rice: expected at least 1"),
        (constant(values={"kind": "alias", "of": "tied"}, shape=[4, 5]), "an earlier tensor"),
        (constant(values={"kind": "alias", "of": "w"}, shape=[4, 5],
                  positions={"bytes": 0, "codec": "rice", "ones": 0}), "the shape and dtype"),
        (constant(dtype="bool", values={"kind": "constant", "bits": "02"}), "00 or 01, got 02"),
    ],
)  # fmt: skip
def test_records_that_contradict_others(record, message):
    refused(altered(adding(record), elements=31, restored=123), message)


def replace(name, payload):
    def change(manifest, payloads):
        payloads[name] = payload
        rehash(manifest, payloads)

    return change


def test_stored_bools_are_0_or_1():
    _, payloads = take_apart(GOOD)
    dense = payloads["dense"][:-1] + b"\2"
    refused(altered(replace("dense", dense)), "tensor 'flags': expected bool bytes of 0 or 1")


@pytest.mark.parametrize(
    "payload",
    [b"not zstd", zstandard.compress(b"\xff\xfe"), zstandard.compress(b"x") + b"\0",
     zstandard.ZstdCompressor().compress(bytes(2**26 + 1))],
    ids=["no frame", "no UTF-8", "trailing", "too large"],
)  # fmt: skip
def test_a_source_must_be_one_frame_of_text(payload):
    refused(altered(replace("source", payload)), "source: expected ")


def add_section(name, payload, *, critical):
    def change(manifest, payloads):
        payloads[name] = payload
        manifest["sections"].append({"critical": critical, "name": name})
        rehash(manifest, payloads)

    return change


def test_unknown_sections_are_skipped_unless_critical():
    told = verify(altered(add_section("notes", b"for later readers", critical=False)))
    assert told["sections"] == 4
    assert told["restored_sha256"] == verify(GOOD)["restored_sha256"]
    damaged = altered(add_section("notes", b"for later readers", critical=False))[:-1] + b"!"
    refused(damaged, "section 'notes'.*the file was altered")
    refused(altered(add_section("notes", b"x", critical=True)), "section 'notes'.*unknown critical")
    refused(altered(add_section("notes", b"", critical=False)), "no empty section")
    refused(altered(add_section("../notes", b"x", critical=False)), "a name of 1 to 255")
    refused(altered(add_section("prototype", b"1234", critical=True)), "'prototype': expected 0")


def restored_tensors():
    with open_archive(GOOD) as opened:
        return [(r.name, r.dtype, np.array(array)) for r, array in opened.tensors()]


@pytest.mark.parametrize(
    ("dtype", "told", "payload", "expected"),
    [
        ("f16", {"kind": "stored", "bytes": 4, "coding": "raw", "dtype": "f16"},
         struct.pack("<2e", 1.5, -2), [0, 1.5, 0, -2]),
        ("f32", {"kind": "constant", "bits": "0000803f"}, b"", [0, 1, 0, 1]),
        ("bool", {"kind": "constant", "bits": "01"}, b"", [False, True, False, True]),
    ],
)  # fmt: skip
def test_positions_say_where_values_of_every_kind_are(dtype, told, payload, expected):
    array = np.array(expected, values.NUMPY_TYPES[dtype]).reshape(2, 2)

    def change(manifest, payloads):
        positions = {"bytes": 1, "codec": "bitmap", "ones": 2}
        record = {"dtype": dtype, "name": "new", "shape": [2, 2]}
        manifest["tensors"].append(record | {"positions": positions, "values": told})
        payloads["masks"] += b"\x0a"
        payloads["dense"] += payload
        rehash(manifest, payloads)
        manifest["restored_sha256"] = restored_digest([*restored_tensors(), ("new", dtype, array)])

    data = altered(change, elements=33, restored=115 + array.nbytes)
    verify(data)
    with open_archive(data) as opened:
        assert opened.tensor("new").tobytes() == array.tobytes()


def test_without_positions_every_weight_is_from_the_prototype():
    array = (np.float32(0.25) * prng.normal16(3, 0, 9)[[7, 8, 0, 1]]).reshape(2, 2)

    def change(manifest, payloads):
        told = {"kind": "prototype", "offset": 7, "scale": "3e800000"}
        adding(constant(shape=[2, 2], values=told))(manifest, payloads)
        manifest["restored_sha256"] = restored_digest([*restored_tensors(), ("new", "f32", array)])

    data = altered(change, elements=33, restored=115 + 16)
    verify(data)
    with open_archive(data) as opened:
        assert opened.tensor("new").tobytes() == array.tobytes()


def test_ever_so_many_aliases_take_no_memory():
    names = [f"t{i}" for i in range(200)]

    def change(manifest, payloads):
        told = {"kind": "alias", "of": "w"}
        manifest["tensors"] += [constant(name=name, shape=[4, 5], values=told) for name in names]
        tensors = restored_tensors()
        tied = [(name, "f32", tensors[0][2]) for name in names]
        manifest["restored_sha256"] = restored_digest([*tensors, *tied])

    with open_archive(altered(change)) as opened:
        restored = opened.restored()
    assert all(restored[name] is restored["w"] for name in names)
