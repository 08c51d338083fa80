"""Format 1.1: the compact form, integers of 4 bits, predicted masks, frozen elements; and 1.0."""

import dataclasses
import math
import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pemn_compress.accounting import archive_account
from pemn_compress.analysis import compare
from pemn_compress.errors import ArchiveError, UnknownNameError
from pemn_compress.format import prng
from pemn_compress.format.archive import (
    ConstantTensor,
    DenseTensor,
    Frozen,
    MaskedTensor,
    Plane,
    Prototype,
    QuantizedTensor,
    choosing,
    describe,
    encode,
    inspect,
    open_archive,
    verify,
)
from pemn_compress.format.archive.records import Predictor
from pemn_compress.reporting import render, report
from pemn_compress.reporting.inside import inside_blocks
from pemn_compress.reporting.tables import to_table

SEEDED = Prototype("normal16", prng.normal16(3, 0, 37), 3)
SCORES = (5, 1 << 32)
SHAPE, NUMEL = (30, 40), 1200


def near_the_start(share, seed=0):
    """Return a mask of half of the elements, and of what first scores predict all but a share."""
    start = choosing.predicted(Predictor(NUMEL // 2, 0, *SCORES), None, NUMEL)
    flips = np.random.default_rng(seed).random(NUMEL) < share
    return (start ^ flips).reshape(SHAPE)


def version(data):
    return struct.unpack_from("<HH", data, 8)


def packed(*contents, **options):
    data = encode(contents, SEEDED, **options)
    verify(data)
    return data


def masked(mask, **options):
    return MaskedTensor("w", "f32", mask, 0, 0.5, **options)


def kept(array):
    return dataclasses.replace(array, first_scores=None)


@pytest.mark.parametrize("codec", ["auto", "bitmap", "csr", "rice"])
def test_a_mask_near_its_start_costs_where_it_differs(codec):
    mask = near_the_start(0.02)
    content = masked(mask, first_scores=SCORES)
    data = packed(content, codec=codec)
    plain = packed(kept(content), codec=codec)
    with open_archive(data) as archive, open_archive(plain) as other:
        assert np.array_equal(archive.mask("w"), mask)
        assert np.array_equal(archive.tensor("w"), other.tensor("w"))
        positions = archive.manifest.tensors[0].positions
    if codec == "bitmap":  # as long either way
        assert version(data) == (1, 0)
        return
    assert version(data) == (1, 1)
    assert positions.ones == np.count_nonzero(mask)
    assert len(data) < len(plain) - 32


def test_reports_tell_what_the_seed_says_of_masks_and_weights(tmp_path):
    frozen = Frozen(400, 7, 2 << 32)
    kept_seeded = choosing.frozen_elements(frozen, NUMEL, SEEDED.values).reshape(SHAPE)
    content = masked(near_the_start(0.02) | kept_seeded, frozen=frozen)
    data = encode([masked(near_the_start(0.02), first_scores=SCORES),
                   dataclasses.replace(content, name="v")], SEEDED)  # fmt: skip
    path = tmp_path / "a.pemn"
    path.write_bytes(data)
    with open_archive(path) as archive:
        account = archive_account(archive)
        wrong = archive.manifest.tensors[0].positions.predictor.flips
        size = archive.manifest.tensors[0].positions.size
        inside = to_table(inside_blocks(describe(archive)))
    assert (account.frozen, account.predicted, account.mispredicted) == (400, NUMEL, wrong)
    assert account.limit.masks < account.stored.masks < 1.3 * account.limit.masks
    rows = {line.split()[0]: line.split() for line in inside.splitlines() if line.strip()}
    assert rows["tensor"] == ["tensor", "shape", "kind", "kept", "frozen", "bytes", "bits/weight"]
    share = f"{wrong / NUMEL:.2%}"
    assert rows["w"][2:] == [
        "mask,", "rice,", "predicted", "but", "for", share, "50.00%", str(size),
        f"{8 * size / NUMEL:.3f}",
    ]  # fmt: skip
    assert "33.33%" in rows["v"]
    told = render(report(path), "table")
    assert "frozen        16.67 % of the weights keep their seeded value, at no bits" in told
    assert re.search(r"1,200 mask bits by the seed; [\d.]+ % are wrong, and stored\n", told)
    plain = tmp_path / "b.pemn"
    plain.write_bytes(packed(masked(near_the_start(0.5))))
    told = render(report(plain), "table") + to_table(inside_blocks(inspect(plain)))
    assert "frozen" not in told
    assert "predicted  " not in told


@pytest.mark.parametrize("form", ["1.0", "auto"])
def test_a_mask_that_selects_all_takes_no_bytes(form, tmp_path):
    every = np.ones(SHAPE, np.bool_)
    signs = np.random.default_rng(0).random(SHAPE) < 0.5
    value = np.array([0.5], np.float32)
    contents = [
        masked(every, plane=Plane("sign", signs)),
        ConstantTensor("c", "f32", value, every, signs),
        ConstantTensor("even", "f32", value, every, ~every),  # else it would be no mask
        dataclasses.replace(masked(near_the_start(0.5)), name="some"),
    ]
    data = encode(contents, SEEDED, format_version=form)
    verify(data)
    with open_archive(data) as archive:
        held = {t.name: t.positions for t in archive.manifest.tensors}
        assert [name for name, found in held.items() if found] == ["even", "some"]
        assert all(archive.mask(name).all() for name in ("w", "c", "even"))
        assert archive.mask("w").shape == SHAPE
        assert np.array_equal(archive.tensor("c"), np.where(signs, -value, value))
        plain = np.resize(SEEDED.values, NUMEL).reshape(SHAPE) * np.float32(0.5)
        assert np.array_equal(archive.tensor("w"), np.where(signs, -plain, plain))
        account = archive_account(archive)
    assert account.masked_weights == 4 * NUMEL
    with pytest.raises(ArchiveError, match="expected dimensions of at least 1"):
        encode([masked(every[:0])], SEEDED)
    path = tmp_path / "a.pemn"
    path.write_bytes(data)
    found = compare([path, path])
    assert len(found.shapes) == 4


def test_a_mask_far_from_its_start_is_stored_as_it_is():
    data = packed(masked(near_the_start(0.5), first_scores=SCORES))
    assert version(data) == (1, 0)
    assert data == packed(masked(near_the_start(0.5)))


def test_1_0_is_what_it_was():
    content = masked(near_the_start(0.02), first_scores=SCORES)
    assert encode([content], SEEDED, format_version="1.0", compact=True) == encode(
        [kept(content)], SEEDED
    )
    with pytest.raises(UnknownNameError, match=r"1\.0, auto"):
        encode([content], SEEDED, format_version="1.1")
    with pytest.raises(ArchiveError, match=r"contents that 1\.0 can say, got frozen elements or"):
        encode([QuantizedTensor("w", "f32", np.ones(2, np.int8), 1.0, bits=4)], None,
               format_version="1.0")  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 300), share=st.floats(0, 1), seed=st.integers(0, 2**64 - 1),
    few=st.sampled_from([1, 2, 1 << 20, 1 << 32]), half=st.booleans(),
)  # fmt: skip
def test_the_lowest_are_those_that_a_sort_puts_first(n, share, seed, few, half):
    """Keys of few values, or not evenly spread, are chosen as well as those of a generator."""
    count = round(n * share)
    keys = np.random.default_rng(seed % 2**32).integers(0, few, n, np.uint64).astype(np.uint32)
    keys = keys // 2 if half else keys
    first = sorted(range(n), key=lambda i: (int(keys[i]), i))[:count]
    assert np.flatnonzero(choosing.lowest(keys.copy(), count, 1 << 32)).tolist() == sorted(first)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 2000), share=st.floats(0, 1), stream=st.integers(0, 2**64 - 1))
def test_predicted_are_the_greatest_magnitudes_of_first_scores(n, share, stream):
    count = round(n * share)
    size = np.abs(prng.uniform24(7, stream, n))
    first = np.lexsort((np.arange(n), -size))[:count]
    guess = choosing.predicted(Predictor(count, 0, 7, stream), None, n)
    assert np.array_equal(np.flatnonzero(guess), np.sort(first))


@pytest.mark.parametrize("kind", ["sign", "generation", "source"])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("frozen", [Frozen(900, 5, 1 << 33), Frozen(900)])
def test_frozen_elements_cost_nothing_and_stay_as_seeded(kind, whole, frozen):
    held = choosing.frozen_elements(frozen, NUMEL, SEEDED.values)
    draw = np.random.default_rng(2)
    mask = np.ones(NUMEL, bool) if whole else held | (draw.random(NUMEL) < 0.5)
    own = np.arange(NUMEL) if kind == "source" else np.zeros(NUMEL, np.int64)
    other = draw.integers(0, NUMEL, NUMEL) if kind == "source" else draw.integers(0, 2, NUMEL)
    plane = Plane(kind, np.where(held, own, other).reshape(SHAPE), 1 << 40)
    content = masked(mask.reshape(SHAPE), plane=plane, frozen=frozen)
    data = packed(content)
    plain = packed(dataclasses.replace(content, frozen=None))
    with open_archive(data) as archive, open_archive(plain) as reference:
        assert np.array_equal(archive.tensor("w"), reference.tensor("w"))
        assert np.array_equal(archive.mask("w").reshape(-1), mask)
        found, wanted = archive.departures("w"), reference.departures("w")
        assert np.array_equal(found.indices, wanted.indices)
        assert np.array_equal(found.numbers, wanted.numbers)
        size, before = (sum(s.size for s in a.manifest.sections) for a in (archive, reference))
    assert version(data) == (1, 1)
    assert size < 0.8 * before


def test_frozen_elements_that_are_not_as_seeded_are_refused():
    frozen, mask = Frozen(10, 5, 9), np.ones(SHAPE, bool)
    for count in (0, NUMEL, -1):
        with pytest.raises(ArchiveError, match="expected 1 to 1199 elements"):
            packed(masked(mask, frozen=Frozen(count, 5, 9)))
    with pytest.raises(ArchiveError, match="expected all of them to be kept"):
        packed(masked(near_the_start(0.5), frozen=frozen))
    with pytest.raises(ArchiveError, match="expected values as the seed has them"):
        packed(masked(mask, plane=Plane("sign", mask), frozen=frozen))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_four_bits_hold_what_they_are_given(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), max_size=3)))
    count = math.prod(shape)
    numbers = data.draw(st.lists(st.integers(-8, 7), min_size=count, max_size=count))
    integers = np.array(numbers, np.int8).reshape(shape)
    mask = None
    if data.draw(st.booleans()):
        chosen = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
        mask = np.array(chosen, bool).reshape(shape)
        integers = np.where(mask, integers, np.int8(0)).astype(np.int8)
    scale = tuple([0.5] * shape[0]) if shape and data.draw(st.booleans()) else 0.5
    content = QuantizedTensor("w", "f32", integers, scale, mask, 4)
    whole = packed(content, compress=data.draw(st.booleans()), compact=data.draw(st.booleans()))
    with open_archive(whole) as archive:
        assert np.array_equal(archive.tensor("w"), integers * np.float32(0.5))
        held = archive.manifest.tensors[0].values
        assert held.dtype == "i4"
        selected = count if mask is None else int(mask.sum())
        assert held.size <= -(-selected // 2)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (QuantizedTensor("w", "f32", np.full(3, 8, np.int8), 1.0, bits=4), "from -8 to 7"),
        (QuantizedTensor("w", "f32", np.full(3, -9, np.int8), 1.0, bits=4), "from -8 to 7"),
        (QuantizedTensor("w", "f32", np.zeros(3, np.int8), 1.0, bits=2), "4 or 8 bits, got 2"),
        (QuantizedTensor("w", "f32", np.zeros(3, np.int16), 1.0), "int8"),
    ],
)
def test_other_integers_are_refused(content, says):
    with pytest.raises(ArchiveError, match=says):
        packed(content)


def many(count=40):
    mask = near_the_start(0.5)
    return [
        content
        for i in range(count)
        for content in (
            MaskedTensor(f"stages.{i}.conv.weight", "f32", mask, 0, 0.5),
            DenseTensor(f"stages.{i}.bn.weight", "f32", np.arange(7, dtype="<f4")),
            DenseTensor(f"stages.{i}.bn.running_mean", "f32", np.zeros(7, "<f4")),
        )
    ]


def test_the_compact_form_says_the_same_in_less():
    wide, small = (encode(many(), SEEDED, compact=compact) for compact in (False, True))
    assert version(small) == (1, 1)
    told = [inspect(data) for data in (wide, small)]
    for one in told:
        for key in ("file", "bytes", "format_version", "manifest_bytes", "padding_bytes"):
            del one[key]
        for section in one["sections"]:
            del section["offset"]
    assert told[0] == told[1]  # digests of sections too, which inspect computes
    payload = sum(section["bytes"] for section in told[0]["sections"])
    assert len(small) - payload < 0.5 * (len(wide) - payload)
    assert verify(small)["restored_sha256"] == verify(wide)["restored_sha256"]


def test_the_compact_form_is_for_small_files():
    large = DenseTensor("w", "f32", prng.uniform24(1, 0, 100_000).astype("<f4"))
    assert version(packed(large, compact=True)) == (1, 0)
    assert version(packed(*many(), compact=True, compress=False)) == (1, 0)


def test_a_compact_file_is_read_from_a_path_as_from_memory(tmp_path):
    data = encode(many(3), SEEDED, compact=True, tensor_digests=True, source="pass")
    path = tmp_path / "small.pemn"
    path.write_bytes(data)
    with open_archive(path, mapped=True) as archive, open_archive(data) as other:
        path.unlink()  # all of it was read when it was opened
        assert archive.source() == "pass"
        restored = other.restored()
        assert all(np.array_equal(archive.tensor(name), restored[name]) for name in restored)


def test_any_changed_bit_of_a_compact_file_is_found():
    data = encode(
        [
            masked(near_the_start(0.02)[:2], plane=Plane("sign", near_the_start(0.1)[:2])),
            ConstantTensor("c", "f32", np.ones(1, "<f4"), np.ones(9, bool), np.ones(9, bool)),
        ],
        SEEDED,
        compact=True,
    )
    verify(data)
    for place in range(len(data)):
        for bit in (1, 128):
            changed = bytearray(data)
            changed[place] ^= bit
            with pytest.raises(ArchiveError):
                verify(bytes(changed))
    for other in (data + b"\0", data[:-1]):
        with pytest.raises(ArchiveError, match="file length"):
            verify(other)
