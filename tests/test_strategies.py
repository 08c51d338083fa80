"""Strategies: the paper's worked example, its algorithms written naively, and the scales."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.format import prng
from pemn_compress.format.archive.values import tile
from pemn_compress.masking.rules.plan import Plan, PlannedTensor
from pemn_compress.masking.rules.strategies import (
    DISTRIBUTIONS,
    FEW_VALUES,
    SCALINGS,
    STRATEGIES,
    Settings,
    few_values_warning,
    fill,
)

law = settings(deadline=None, derandomize=True, max_examples=60)
SHAPES = st.lists(
    st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple), min_size=1, max_size=7
)


def tensor(name, shape):
    rest = math.prod(shape[2:])
    return PlannedTensor(name, shape, math.prod(shape[1:]), shape[0] * rest)


def plan_of(shapes):
    return Plan(tuple(tensor(f"w{i + 1}", shape) for i, shape in enumerate(shapes)))


def filled(plan, filling, values):
    """Return every tensor's unscaled values, flat, by the one formula that all strategies share."""
    return [
        [values[(offset + i) % len(values)] for i in range(t.numel)]
        for t, offset in zip(plan, filling.offsets, strict=True)
    ]


MLP = plan_of([(512, 100), (100, 100), (100, 100), (100, 10)])  # [PEMN] section 3.3.1


def test_the_papers_mlp_has_three_prototype_layers_and_w3_shares_w2s():
    filling = fill(MLP, Settings(strategy="one-layer"))
    assert filling.length == 51_200 + 10_000 + 1_000
    assert filling.offsets == (0, 51_200, 51_200, 61_200)


def test_the_papers_mlp_padded_from_its_largest_layer():
    assert fill(MLP, Settings(strategy="mp")).length == 51_200
    assert fill(MLP, Settings(strategy="mp")).offsets == (0, 0, 0, 0)
    assert fill(MLP, Settings(strategy="rp", ratio=0.01)).length == 513
    mask = fill(MLP, Settings(strategy="mask"))
    assert (mask.length, mask.offsets) == (72_200, (0, 51_200, 61_200, 71_200))


@pytest.mark.parametrize(
    ("largest", "lengths"),
    [
        ((256, 256, 1, 1), [6554, 656, 66, 7, 1]),  # ConvMixer with 256 channels
        ((64, 64, 3, 3), [3687, 369, 37, 4, 1]),  # the CIFAR ResNets' last stage
    ],
)
def test_rp_lengths_are_the_authors(largest, lengths):
    plan = plan_of([(64, 3, 3, 3), largest, (10, 64)])
    got = [
        fill(plan, Settings(strategy="rp", ratio=ratio)).length
        for ratio in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
    ]
    assert got == lengths


def test_a_ratio_means_its_decimal_number():
    plan = plan_of([(100,)])  # 0.29 * 100 is below 29 in binary
    assert fill(plan, Settings(ratio=0.29)).length == 30
    assert fill(plan, Settings(ratio=1)).length == 101


def algorithm_1(layers):
    """One-layer: keep the first layer of every parameter space, replace later ones by it."""
    prototypes, result = [], []
    for layer in layers:
        same = [p for p in prototypes if p.shape == layer.shape]
        if not same:
            prototypes.append(layer)
            same = [layer]
        result.append(same[0])
    return prototypes, result


def algorithm_2(layers):
    """Max-layer padding: the first d_l values of the largest layer, the first one on ties."""
    largest = layers[0]
    for layer in layers:
        if layer.size > largest.size:
            largest = layer
    flat = largest.reshape(-1)
    return flat, [flat[: layer.size].reshape(layer.shape) for layer in layers]


def algorithm_3(vector, layers):
    """Random vector padding: repeat the vector, cut what is too much."""
    result = []
    for layer in layers:
        long = np.concatenate([vector] * math.ceil(layer.size / len(vector)))
        result.append(long[: layer.size].reshape(layer.shape))
    return result


@law
@given(SHAPES, st.sampled_from(["one-layer", "mp", "rp"]), st.sampled_from([0.9, 0.3, 0.05]))
def test_fills_are_the_papers_algorithms(shapes, strategy, ratio):
    plan = plan_of(shapes)
    layers = [np.random.default_rng(i).standard_normal(s) for i, s in enumerate(shapes)]
    filling = fill(plan, Settings(strategy=strategy, ratio=ratio))
    if strategy == "one-layer":
        prototypes, expected = algorithm_1(layers)
        values = np.concatenate([p.reshape(-1) for p in prototypes])
    elif strategy == "mp":
        values, expected = algorithm_2(layers)
    else:
        values = np.random.default_rng(99).standard_normal(filling.length)
        expected = algorithm_3(values, layers)
    assert len(values) == filling.length
    for got, wanted in zip(filled(plan, filling, values), expected, strict=True):
        assert got == wanted.reshape(-1).tolist()


@law
@given(SHAPES)
def test_mask_gives_every_weight_a_place_of_its_own(shapes):
    plan = plan_of(shapes)
    filling = fill(plan, Settings(strategy="mask"))
    places = [p for tensor in filled(plan, filling, range(filling.length)) for p in tensor]
    assert sorted(places) == list(range(plan.numel))


@law
@given(st.integers(1, 40), st.integers(0, 100), st.integers(0, 130))
def test_tile_is_the_formula(length, start, count):
    values = np.arange(length, dtype=np.float32)
    expected = [(start % length + i) % length for i in range(count)]
    assert tile(values, start % length, count).tolist() == expected


def expected_scale(tensor, distribution, density, by_density):
    fan_in, fan_out = tensor.fan_in, tensor.fan_out
    scale = {
        "kaiming-normal": math.sqrt(2 / fan_in),
        "kaiming-uniform": math.sqrt(6 / fan_in),
        "signed-constant": math.sqrt(2 / fan_in),
        "xavier-normal": math.sqrt(2 / (fan_in + fan_out)),
        "xavier-constant": math.sqrt(2 / (fan_in + fan_out)),
    }[distribution]
    return scale / math.sqrt(density) if by_density else scale


@law
@given(
    SHAPES,
    st.sampled_from(sorted(STRATEGIES)),
    st.sampled_from(sorted(DISTRIBUTIONS)),
    st.booleans(),
    st.sampled_from([1.0, 0.5, 0.3, 0.01]),
)
def test_scales_are_the_documented_formulas(shapes, strategy, distribution, by_density, density):
    plan = plan_of(shapes)
    largest = plan.tensors[[t.numel for t in plan].index(max(t.numel for t in plan))]
    owner = {
        "mask": lambda t: t,
        "one-layer": lambda t: next(first for first in plan if first.shape == t.shape),
        "mp": lambda t: largest,
        "rp": lambda t: largest,
    }[strategy]
    for scaling in SCALINGS:
        filling = fill(
            plan,
            Settings(
                strategy=strategy, ratio=0.3, density=density, distribution=distribution,
                scaling=scaling, scale_by_density=by_density,
            ),
        )  # fmt: skip
        assert all(0 <= offset < filling.length for offset in filling.offsets)
        for planned, scale in zip(plan, filling.scales, strict=True):
            source = owner(planned) if scaling == "prototype" else planned
            wanted = expected_scale(source, distribution, density, by_density)
            assert scale == pytest.approx(wanted, rel=1e-6)
            assert scale == float(np.float32(scale))  # what the archive stores is what is used


def test_scaling_by_density_divides_by_the_root_of_the_density():
    def scale(**further):
        return fill(MLP, Settings(density=0.25, **further)).scales[0]

    assert scale(scale_by_density=True) == pytest.approx(2 * scale(), rel=1e-6)


@pytest.mark.parametrize("distribution", sorted(DISTRIBUTIONS))
def test_the_kept_weights_have_the_variance_that_was_asked_for(distribution):
    plan = plan_of([(400, 50)])
    filling = fill(plan, Settings(strategy="mask", distribution=distribution, seed=3))
    weights = filling.scales[0] * filling.prototype(3)
    fans = 50 + 400 if distribution.startswith("xavier") else 50
    assert weights.std() == pytest.approx(math.sqrt(2 / fans), rel=0.02)


def test_the_prototype_is_the_generators_first_stream():
    filling = fill(MLP, Settings(distribution="kaiming-uniform", ratio=1e-3))
    assert filling.prototype(5).tobytes() == prng.uniform24(5, 0, filling.length).tobytes()


@pytest.mark.parametrize(("length", "ratio"), [(1, 1e-5), (7, 1e-4), (FEW_VALUES, 1e-3)])
def test_warns_of_a_prototype_too_short_to_be_random(length, ratio):
    warning = few_values_warning(Settings(ratio=ratio), length)
    if length >= FEW_VALUES:
        assert warning is None
        return
    assert f"prototype of {length} value" in warning
    assert f"{ratio:g}" in warning
    assert warning.endswith("use a larger ratio")
    assert ("all weights of a tensor are equal" in warning) == (length == 1)
    assert "\n" not in warning


def test_does_not_warn_of_short_prototypes_that_no_ratio_made():
    assert few_values_warning(Settings(strategy="mp"), 4) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ratio": 0}, "0 < ratio <= 1"),
        ({"ratio": 1.5}, "0 < ratio <= 1"),
        ({"ratio": math.nan}, "0 < ratio <= 1"),
        ({"ratio": "1"}, "0 < ratio <= 1"),
        ({"density": 0}, "0 < density <= 1"),
        ({"density": math.nan}, "0 < density <= 1"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"seed": 0.5}, "seed"),
    ],
)
def test_settings_refuse_values_out_of_range(change, message):
    with pytest.raises(SettingError, match=message):
        Settings(**change)


@pytest.mark.parametrize(
    ("change", "known"),
    [
        ({"strategy": "RP"}, "mask, mp, one-layer, rp"),
        ({"distribution": "normal"}, "kaiming-normal, kaiming-uniform, signed-constant"),
        ({"scaling": "none"}, "layer, prototype"),
        ({"search": "magic"}, "edge-popup"),
    ],
)
def test_settings_name_the_choices_when_a_name_is_unknown(change, known):
    with pytest.raises(UnknownNameError, match=known) as refused:
        Settings(**change)
    assert repr(next(iter(change.values()))) in str(refused.value)


def test_a_seed_out_of_range_is_called_by_its_name():
    with pytest.raises(SettingError, match=r"^score_seed: expected an integer"):
        Settings(score_seed=-1)
    with pytest.raises(SettingError, match=r"^seed: expected an integer"):
        Settings(seed=2**64)


def test_refuses_a_plan_without_tensors():
    with pytest.raises(SettingError, match="no tensor to mask"):
        fill(Plan(()), Settings())
