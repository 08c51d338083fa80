"""The plan and the package's one rounding rule."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pemn_compress.errors import PemnError, SettingError
from pemn_compress.masking.rules.plan import Plan, PlannedTensor, check_density, exact, kept_count

law = settings(deadline=None, derandomize=True, max_examples=100)
SIZES = st.integers(1, 2**48 - 1)


def tensor(name, *shape):
    return PlannedTensor(name, shape, fan_in=math.prod(shape[1:]), fan_out=shape[0])


@pytest.mark.parametrize(
    ("numel", "density", "expected"),
    [
        (10, 0.5, 5),
        (1, 0.5, 1),
        (3, 0.5, 2),
        (5, 0.5, 3),
        (50, 0.29, 15),  # 14.5: a half, although 0.29 * 50 < 14.5 in binary
        (100, 0.29, 29),
        (100, 0.285, 29),  # 28.5
        (100, 0.2849, 28),
        (10, 0.01, 1),
        (1000, 1e-9, 1),
        (7, 1, 7),
        (7, 1.0, 7),
        (2_359_296, 0.05, 117_965),
        (2**48 - 1, 1.0, 2**48 - 1),
        (2**48 - 1, 0.5, 2**47),
    ],
)
def test_keeps_the_nearest_count_halves_up_and_at_least_one(numel, density, expected):
    assert kept_count(numel, density) == expected


def test_every_density_of_four_decimals_means_its_decimal_number():
    for numel in (1, 7, 50, 5000, 16_384):
        for written in range(1, 10_001):
            exactly = Fraction(written, 10_000) * numel
            expected = max(1, math.floor(exactly + Fraction(1, 2)))
            assert kept_count(numel, float(f"{written / 10_000:.4f}")) == expected, written


@law
@given(numel=SIZES, density=st.floats(0, 1, exclude_min=True))
def test_the_count_is_within_half_a_weight_of_the_wish(numel, density):
    count = kept_count(numel, density)
    assert 1 <= count <= numel
    distance = count - numel * exact(density)
    assert count == 1 or -Fraction(1, 2) < distance <= Fraction(1, 2)


@law
@given(numel=SIZES, one=st.floats(1e-6, 1), two=st.floats(1e-6, 1))
def test_a_higher_density_never_keeps_less(numel, one, two):
    low, high = sorted((one, two))
    assert kept_count(numel, low) <= kept_count(numel, high)


@pytest.mark.parametrize("density", [0, 0.0, -0.1, 1.0001, 2, math.nan, math.inf, "0.5", None])
def test_refuses_a_density_that_is_no_fraction(density):
    with pytest.raises(SettingError, match="fraction of weights kept") as refused:
        check_density(density)
    assert repr(density) in str(refused.value)
    with pytest.raises(PemnError):
        kept_count(10, density)


@pytest.mark.parametrize("numel", [0, -1])
def test_refuses_a_tensor_without_weights(numel):
    with pytest.raises(SettingError, match="at least 1 weight"):
        kept_count(numel, 0.5)


def test_exact_reads_the_shortest_decimal_number():
    assert exact(0.1) == Fraction(1, 10)
    assert exact(1e-5) == Fraction(1, 100_000)
    assert exact(np.float64(0.29)) == Fraction(29, 100)
    assert exact(1) == 1


def test_a_plan_counts_its_weights_and_finds_the_first_largest():
    plan = Plan((tensor("a", 4, 3), tensor("b", 5, 8), tensor("c", 40), tensor("d", 1, 1)))
    assert [t.numel for t in plan] == [12, 40, 40, 1]
    assert (len(plan), plan.numel, plan.largest) == (4, 93, 1)


@law
@given(st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_the_largest_is_the_first_of_the_most(sizes):
    plan = Plan(tuple(tensor(f"t{i}", size) for i, size in enumerate(sizes)))
    assert plan.largest == sizes.index(max(sizes))


def test_a_scalar_has_one_weight():
    assert PlannedTensor("s", (), 1, 1).numel == 1
