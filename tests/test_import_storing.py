"""The smallest exact means: what is stored of weights that no seed of ours makes."""

import math
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from original_checkpoints import SHAPES, Net, checkpoint, save, state_of, weights
from torch import nn

import pemn_compress
from pemn_compress.format.archive import Limits, SparseTensor, encode, open_archive
from pemn_compress.format.archive.values import tile
from pemn_compress.importing import import_checkpoint
from pemn_compress.importing.alone import Weights
from pemn_compress.importing.shared import shortest_period
from pemn_compress.importing.storing import smallest


def kinds(made):
    return [t.stored_as for t in made.tensors]


def test_signs_cost_a_bit_for_each_kept_weight(tmp_path):
    state = state_of(weights("signed-constant"))
    file = checkpoint(tmp_path / "c", "hidden-networks", state)
    made = import_checkpoint(file, "hidden-networks", Net(), density=0.5)
    assert kinds(made) == ["signs"] * 3
    assert all(t.value_bytes <= 4 + math.ceil(t.kept / 8) for t in made.tensors)
    unsigned = state | {f"{n}.weight": state[f"{n}.weight"].abs() for n in SHAPES}
    file = checkpoint(tmp_path / "u", "hidden-networks", unsigned)
    made = import_checkpoint(file, "hidden-networks", Net(), density=0.5)
    assert kinds(made) == ["constant"] * 3
    assert [t.value_bytes for t in made.tensors] == [4] * 3


def test_plain_values_are_stored_as_they_are(tmp_path):
    file = checkpoint(tmp_path / "c", "pemn", state_of(weights("kaiming")))
    made = import_checkpoint(file, "pemn", Net(), density=0.5)
    assert kinds(made) == ["values"] * 3
    assert all(0.8 < t.value_bytes / (4 * t.kept) <= 1 for t in made.tensors)


def pemn_weights(mode):
    """PEMN's MP_RP and one_layer on weights of these shapes."""
    made = weights("kaiming")
    if mode == "one-layer":
        return {"a": made["convs.2"], "b": made["convs.2"].clone(), "c": made["linear"]}
    largest = made["convs.2"].flatten()
    if mode == "rp":
        length = int(len(largest) * 0.1) + 1
        repeated = largest[:length].repeat(len(largest) // length + 1)
        largest = repeated[: len(largest)]
    return {n: largest[: w.numel()].view(w.shape).clone() for n, w in made.items()}


@pytest.mark.parametrize(("mode", "length"), [("mp", 324), ("rp", 33)])
def test_a_vector_that_tensors_share_is_stored_once(tmp_path, mode, length):
    state = state_of(pemn_weights(mode))
    made = import_checkpoint(checkpoint(tmp_path / "c", "pemn", state), "pemn", Net(), density=0.7)
    assert kinds(made) == ["prototype"] * 3
    assert made.prototype_length == length
    assert [t.value_bytes for t in made.tensors] == [0] * 3
    told = pemn_compress.inspect(made.archive)
    assert {s["name"]: s["bytes"] for s in told["sections"]}["prototype"] == 4 * length


def test_tensors_that_are_equal_are_stored_once(tmp_path):
    state = {}
    for name, weight in pemn_weights("one-layer").items():
        state[f"{name}.weight"], state[f"{name}.scores"] = weight, torch.randn(weight.shape)
    layers = {n: nn.Conv2d(w.shape[1], w.shape[0], w.shape[2], bias=False)
              for n, w in pemn_weights("one-layer").items()}  # fmt: skip
    net = nn.Sequential(OrderedDict(layers))
    made = import_checkpoint(save(tmp_path / "c", state), "pemn", net, density=0.8)
    assert kinds(made) == ["prototype", "prototype", "values"]
    assert made.prototype_length == 324


@given(st.integers(1, 40), st.integers(0, 60), st.integers(0, 5))
def test_the_period_of_a_repeated_vector(period, more, seed):
    base = np.random.default_rng(seed).standard_normal(period).astype(np.float32)
    vector = np.resize(base, period + 16 + more)
    assert shortest_period(vector) == period


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=80))
def test_a_period_repeats(values):
    vector = np.float32(values)
    period = shortest_period(vector)
    assert tile(vector[:period], 0, len(vector)).tobytes() == vector.tobytes()


LARGE = (64, 64, 3, 3)


def stored(*restored, fixed=True):
    """Store tensors by the smallest means, read them back, and say how and in how many bytes."""
    tensors = [
        Weights(f"t{i}", values != 0, values, values if fixed else None)
        for i, values in enumerate(restored)
    ]
    storage = smallest(tensors)
    contents = [storage.contents[tensor.name] for tensor in tensors]
    archive = encode(contents, storage.prototype)
    with open_archive(archive, Limits(1 << 40, 1 << 40)) as opened:
        for name, array in opened.restored().items():
            expected = restored[int(name[1:])]
            assert array.tobytes() == expected.tobytes()
    plain = encode([SparseTensor(t.name, "f32", t.mask, t.kept) for t in tensors], None)
    assert len(archive) <= len(plain) + 400  # of manifest and padding, for planes and prototype
    return list(storage.kinds.values()), len(archive)


def random_values(seed, shape=LARGE, density=0.5):
    generator = np.random.default_rng(seed)
    values = generator.standard_normal(shape).astype(np.float32)
    return values * (generator.random(shape) < density) + np.float32(0)


def random_signs(seed, shape=LARGE, magnitude=0.03, density=0.5):
    return np.sign(random_values(seed, shape, density)) * np.float32(magnitude) + np.float32(0)


def test_a_zero_among_signs_takes_no_place():
    signs = random_signs(0)
    _, clean = stored(signs)
    for count in (1, 17):
        some = signs.copy()
        some.reshape(-1)[np.flatnonzero(some)[:count]] = 0
        kinds, size = stored(some)
        assert kinds == ["signs"]
        assert abs(size - clean) < 100


@pytest.mark.parametrize("project", ["hidden-networks", "pemn", "iterand"])
@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("kind", ["signed-constant", "constant", "kaiming"])
def test_weights_of_zero_need_no_position(tmp_path, project, zero, kind):
    made_of = weights("kaiming" if kind == "kaiming" else "signed-constant")
    if kind == "constant":
        made_of = {name: weight.abs() for name, weight in made_of.items()}
    scores = "weight_score" if project == "iterand" else "scores"
    state = state_of(made_of, scores)
    before = import_checkpoint(
        checkpoint(tmp_path / "a", project, state), project, Net(), density=0.9
    )
    state["convs.2.weight"] = state["convs.2.weight"].clone()
    state["convs.2.weight"].view(-1)[:5] = zero
    net = Net()
    after = import_checkpoint(checkpoint(tmp_path / "b", project, state), project, net, density=0.9)
    assert kinds(after) == kinds(before)
    assert after.tensors[1].value_bytes <= before.tensors[1].value_bytes
    restored = net.convs[2].weight.detach()
    assert not restored.view(-1)[:5].any()
    assert not torch.signbit(restored[restored == 0]).any()  # a zero is +0.0


def test_a_tensor_of_nothing_but_zeros(tmp_path):
    state = state_of(weights("signed-constant"))
    state["linear.weight"] = torch.zeros(4, 6, 1, 1)
    net = Net()
    made = import_checkpoint(save(tmp_path / "c", state), "pemn", net, density=0.5)
    assert made.tensors[2].kept == 0
    assert not net.linear.weight.any()
    assert pemn_compress.verify(made.archive)


def test_one_magnitude_for_each_row_is_signs_too():
    rows = random_signs(1) * np.random.default_rng(2).random((64, 1, 1, 1), np.float32)
    rows[5] = 0
    kinds, size = stored(rows, fixed=False)
    assert kinds == ["signs by row"]
    assert size < rows.size / 8 + (rows != 0).sum() / 8 + 64 * 12 + 700
    kinds, _ = stored(rows, random_values(3), random_values(3), fixed=True)
    assert kinds[0] == "signs by row"  # beside a prototype that others share


def test_rows_whose_magnitudes_no_scale_can_be_are_values():
    rows = random_signs(1) * np.float32(1e-34)
    rows[0] *= np.float32(2)
    assert stored(rows, fixed=False)[0] == ["values"]


@pytest.mark.parametrize("magnitudes", [(0.03, 0.05), (0.03, 0.05, 1.5)])
def test_a_few_magnitudes_cost_their_numbers(magnitudes):
    generator = np.random.default_rng(3)
    shape = (300, 300, 3, 3)  # where zstd is quick and not thorough
    values = random_signs(3, shape, 1) * generator.choice(np.float32(magnitudes), shape)
    kinds, size = stored(values, fixed=False)
    assert kinds == ["few values"]
    kept = int((values != 0).sum())
    bits = 3 if len(magnitudes) == 2 else 4  # two or three of a number, one of where it is
    assert size < (values.size + bits * kept) / 8 + 700


def test_a_few_outliers_among_signs_cost_little():
    signs = random_signs(4)
    _, clean = stored(signs)
    for outliers in ([0.5], [0.5, -1e-3, 7.0], [np.float32(np.nan)], [np.float32(np.inf)]):
        some = signs.copy()
        some.reshape(-1)[np.flatnonzero(some)[: len(outliers)]] = outliers
        kinds, size = stored(some, fixed=False)
        assert kinds != ["signs"]
        assert size < clean + (signs != 0).sum() / 4  # two further bits; 31 as plain values


def test_values_that_narrower_types_hold_are_stored_so():
    values = random_values(5)
    _, wide = stored(values, fixed=False)
    _, half = stored(values.astype(np.float16).astype(np.float32), fixed=False)
    bits = values.view(np.uint32) & np.uint32(0xFFFF0000)
    _, brain = stored(bits.view(np.float32), fixed=False)
    assert half < 0.6 * wide
    assert brain < 0.6 * wide


def test_a_tensor_without_zeros_needs_no_mask():
    kinds, size = stored(random_values(6, density=2.0), fixed=False)
    assert kinds == ["values"]
    assert size < 4 * 64 * 64 * 9 + 500


def with_masks(*arrays):
    """Return tensors of fixed values, each behind a mask of its own."""
    tensors = []
    for seed, values in enumerate(arrays):
        mask = (np.random.default_rng(100 + seed).random(values.shape) < 0.5) & (values != 0)
        restored = np.where(mask, values, np.float32(0))
        tensors.append(Weights(f"t{seed}", mask, restored, values))
    storage = smallest(tensors)
    archive = encode([storage.contents[t.name] for t in tensors], storage.prototype)
    with open_archive(archive) as opened:
        for tensor in tensors:
            assert opened.restored()[tensor.name].tobytes() == tensor.restored.tobytes()
    length = 0 if storage.prototype is None else len(storage.prototype.values)
    return list(storage.kinds.values()), length


def test_a_repeated_vector_may_start_anywhere_in_a_tensor():
    base = np.random.default_rng(7).standard_normal(100).astype(np.float32)
    parts = [
        np.resize(np.roll(base, -start), size) for start, size in ((0, 5000), (37, 900), (99, 300))
    ]
    assert with_masks(*(part.reshape(10, -1) for part in parts)) == (["prototype"] * 3, 100)


def test_a_vector_is_shared_by_slices_of_it():
    base = np.random.default_rng(8).standard_normal(5000).astype(np.float32)
    parts = [base, base[:4000], base[1000:4600], base[17:2017], base[:3000]]
    assert with_masks(*parts) == (["prototype"] * 5, 5000)


def test_groups_that_share_stand_beside_those_that_do_not():
    one, two, three = (random_values(seed, (40, 50), 2.0) for seed in (1, 2, 3))
    kinds, length = with_masks(one, two, one, three, two, one, two)
    assert kinds == ["prototype"] * 3 + ["values"] + ["prototype"] * 3
    assert length == 4000


def test_a_zero_in_a_shared_vector_does_not_break_it():
    base = np.random.default_rng(9).standard_normal(3000).astype(np.float32)
    changed = base.copy()
    changed[[5, 700, 2999]] = 0
    assert with_masks(base, changed, base[:2000], base) == (["prototype"] * 4, 3000)


@given(
    st.lists(st.sampled_from([0.0, 1.0, -1.0, 0.25, -3.0, 1e-40]), min_size=1, max_size=60),
    st.booleans(),
)
def test_whatever_the_values_they_come_back(values, fixed):
    array = np.float32(values)
    stored(array, array[::-1].copy(), fixed=fixed)
    if array.size % 2 == 0:
        stored(array.reshape(2, -1), fixed=fixed)
