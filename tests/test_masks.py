"""Masks: the exact top of |scores|, the straight-through gradient, the filling of tensors."""

import math
import struct
from collections.abc import Callable
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from pemn_compress.errors import TrainingError
from pemn_compress.format import prng
from pemn_compress.format.archive import values
from pemn_compress.masking.rules.plan import PlannedTensor, kept_count
from pemn_compress.masking.search.edge_popup import initial_scores
from pemn_compress.masking.straight_through import Fill, straight_through, tile
from pemn_compress.masking.top import ranked, top_mask, top_signed
from pemn_compress.masking.top.magnitude import _operator, _top_mask_device

LAW = settings(deadline=None, derandomize=True, max_examples=100)
# few distinct values, so that ties are the rule; both zeros, subnormals, the largest, infinities
AWKWARD = [0.0, -0.0, 1e-45, -1e-45, 1e-40, 0.5, -0.5, 1.0, 3.4e38, -3.4e38, math.inf, -math.inf]
ANY = st.one_of(st.sampled_from(AWKWARD), st.floats(width=32, allow_nan=False))
scores_lists = st.lists(ANY, min_size=1, max_size=60)


def top_by_sorting(scores: list[float], count: int) -> list[bool]:
    """The rule in its plainest form: a full stable sort, largest first."""
    order = sorted(range(len(scores)), key=lambda i: -abs(float(np.float32(scores[i]))))
    kept = set(order[:count])
    return [i in kept for i in range(len(scores))]


@pytest.mark.parametrize("choose", [top_mask, _top_mask_device], ids=["cpu", "device"])
@given(scores=scores_lists, share=st.floats(0, 1))
@example(scores=[0.0, -0.0, 0.0], share=0.3)
@example(scores=[-1.0] * 7, share=0.5)
@example(scores=[1e-45, 0.0, -1e-45, 1e-45], share=0.5)
@LAW
def test_the_mask_is_the_top_of_a_full_stable_sort(
    choose: Callable[[Tensor, int], Tensor], scores: list[float], share: float
) -> None:
    count = 1 + round(share * (len(scores) - 1))
    mask = choose(torch.tensor(scores), count)
    assert mask.dtype == torch.bool
    assert mask.tolist() == top_by_sorting(scores, count)


@given(scores=scores_lists, density=st.floats(0.001, 1))
@LAW
def test_a_density_keeps_exactly_kept_count(scores: list[float], density: float) -> None:
    mask = top_mask(torch.tensor(scores), kept_count(len(scores), density))
    assert int(mask.sum()) == kept_count(len(scores), density)


def test_many_random_and_quantised_scores_agree_on_both_paths() -> None:
    generator = torch.Generator().manual_seed(0)
    for size, levels in ((10_007, 1 << 20), (10_007, 5), (4096, 1)):
        scores = torch.randint(-levels, levels + 1, (size,), generator=generator) / levels
        for count in (1, size // 3, size):
            expected = torch.tensor(top_by_sorting(scores.tolist(), count))
            assert torch.equal(top_mask(scores, count), expected)
            assert torch.equal(_top_mask_device(scores, count), expected)


@pytest.mark.parametrize("memory", ["transposed", "channels last"])
def test_ties_go_by_c_order_whatever_the_memory_layout(memory: str) -> None:
    scores = torch.ones(2, 3, 4, 5)
    scores = (
        scores.to(memory_format=torch.channels_last)
        if memory == "channels last"
        else torch.ones(5, 4, 3, 2).permute(3, 2, 1, 0)
    )
    assert not scores.is_contiguous()
    for choose in (top_mask, _top_mask_device):
        mask = choose(scores, 17)
        assert mask.shape == scores.shape
        assert mask.reshape(-1).nonzero().flatten().tolist() == list(range(17))


@pytest.mark.parametrize("place", [0, 3])
def test_a_score_that_is_not_a_number_is_refused(place: int) -> None:
    scores = torch.tensor([1.0, -2.0, 3.0, 0.0])
    scores[place] = math.nan
    with pytest.raises(TrainingError, match="NaN"):
        top_mask(scores, 1)


def fixed_and_scores(shape: tuple[int, ...] = (5, 7)) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    prototype = torch.randn(11, generator=generator)
    scores = torch.randn(shape, generator=generator)
    scores.view(-1)[:3] = torch.tensor([0.0, -0.0, -1e-40])
    upstream = torch.randn(shape, generator=generator)
    return prototype, scores, upstream


def test_the_gradient_is_straight_through() -> None:
    prototype, scores, upstream = fixed_and_scores()
    fixed = tile(prototype, 4, (5, 7), 0.3)
    mask = top_mask(scores, 18)

    ours = scores.clone().requires_grad_()
    weight = straight_through(ours, mask, Fill(prototype, 4, 0.3), magnitude=True)
    weight.backward(upstream)
    assert ours.grad is not None
    assert torch.equal(ours.grad, upstream * fixed * scores.sign())

    # the same estimator in three words of autograd
    other = scores.clone().requires_grad_()
    size = other.abs()
    (fixed * (mask.float() + (size - size.detach()))).backward(upstream)
    assert torch.equal(ours.grad, other.grad)
    assert torch.equal(weight.detach(), fixed * mask)
    assert (ours.grad[~mask] != 0).any(), "weights that are not selected must be able to return"


def test_a_gradient_can_be_differentiated_in_turn() -> None:
    prototype, scores, upstream = fixed_and_scores()
    scores.requires_grad_()
    weight = straight_through(scores, top_mask(scores, 18), Fill(prototype, 4, 0.3), magnitude=True)
    (first,) = torch.autograd.grad((weight**2 * upstream).sum(), scores, create_graph=True)
    assert first.requires_grad
    (second,) = torch.autograd.grad(first.sum(), scores)
    fixed = tile(prototype, 4, (5, 7), 0.3)
    expected = 2 * upstream * (fixed * scores.detach().sign()) ** 2
    torch.testing.assert_close(second, expected)


@pytest.mark.parametrize("change", ["in place", "through data", "through numpy", "not at all"])
@given(
    levels=st.integers(1, 1 << 20), numel=st.integers(2, 300), share=st.floats(0, 1),
    order=st.randoms(use_true_random=False),
)  # fmt: skip
@LAW
def test_a_mask_follows_every_change_of_the_scores(
    change: str, levels: int, numel: int, share: float, order: Random
) -> None:
    """The threshold that is remembered must never outlive what it was found in."""
    values = [order.randint(-levels, levels) / levels for _ in range(numel)]
    scores, count = torch.tensor(values), 1 + round(share * (numel - 1))
    with patch.object(ranked, "_SMALL", 0):
        assert top_mask(scores, count).tolist() == top_by_sorting(values, count)
    order.shuffle(values)
    values[0] *= 1 + order.randint(0, 1)
    match change:
        case "in place":
            scores.copy_(torch.tensor(values))
        case "through data":
            scores.data.copy_(torch.tensor(values))
        case "through numpy":
            scores.numpy()[:] = values
        case "not at all":
            values = scores.tolist()
    with patch.object(ranked, "_SMALL", 0):
        assert top_mask(scores, count).tolist() == top_by_sorting(values, count)


@pytest.mark.parametrize("choose", [top_mask, top_signed], ids=["magnitude", "signed"])
@given(
    scores=scores_lists, share=st.floats(0, 1), repeats=st.integers(1, 40),
    threshold=st.floats(width=32, allow_nan=False, allow_infinity=False),
    width=st.one_of(st.just(0.0), st.floats(0)),
)  # fmt: skip
@example(scores=[1.0, -1.0, 1.0], share=0.5, threshold=1.0, width=0.0, repeats=1)
@LAW
def test_no_mask_depends_on_what_is_remembered(
    choose: Callable[[Tensor, int], Tensor],
    scores: list[float],
    share: float,
    threshold: float,
    width: float,
    repeats: int,
) -> None:
    tensor = torch.tensor(scores * repeats)
    count = 1 + round(share * (tensor.numel() - 1))
    key = (tensor.data_ptr(), tensor.numel(), count)
    values = tensor.abs().tolist() if choose is top_mask else tensor.tolist()
    order = sorted(range(len(values)), key=lambda i: -values[i])
    expected = torch.zeros(len(values), dtype=torch.bool)
    expected[order[:count]] = True
    with patch.object(ranked, "_SMALL", 0), patch.dict(ranked._remembered, clear=True):
        assert torch.equal(choose(tensor, count), expected)
        ranked._remembered[key] = (threshold, width)
        assert torch.equal(choose(tensor, count), expected)
        assert torch.equal(choose(tensor, count), expected)


def test_large_tensors_in_training_agree_with_a_full_sort() -> None:
    """Bands that hold the threshold, bands that miss it, samples that are out of step."""
    generator = torch.Generator().manual_seed(3)
    scores = torch.randn(40_000, generator=generator)
    for step in (1e-3, 1e-3, 1e-3, 0.5, 1e-3, 0.0, 30.0):
        scores += step * torch.randn(scores.shape, generator=generator)
        for count in (1, 4_000, 20_000, 39_999, 40_000):
            order = scores.abs().sort(descending=True, stable=True).indices
            expected = torch.zeros(scores.shape, dtype=torch.bool)
            expected[order[:count]] = True
            assert torch.equal(top_mask(scores, count), expected)
    periodic = torch.arange(11).repeat(4_000).float() / 11  # a step through it is of one period
    expected = periodic.sort(descending=True, stable=True).indices[:12_345].sort().values
    assert torch.equal(top_mask(periodic, 12_345).nonzero().flatten(), expected)


def test_a_score_that_became_nan_unseen_is_refused() -> None:
    scores = torch.tensor([1.0, -2.0, 3.0, 0.0])
    top_mask(scores, 2)
    scores.numpy()[3] = math.nan
    with pytest.raises(TrainingError, match="NaN"):
        top_mask(scores, 2)


def test_weights_that_are_not_selected_are_positive_zeros() -> None:
    prototype, scores, _ = fixed_and_scores()
    mask = top_mask(scores, 18)
    weight = straight_through(scores, mask, Fill(prototype, 0, 1.0), magnitude=True)
    fixed = tile(prototype, 0, (5, 7), 1.0)
    assert (fixed[~mask] < 0).any(), "else a product would pass, too"
    assert (weight[~mask].view(torch.int32) == 0).all()
    assert torch.equal(weight[mask].view(torch.int32), fixed[mask].view(torch.int32))


def test_gradients_agree_with_a_compiled_graph_without_breaks() -> None:
    prototype, scores, upstream = fixed_and_scores()

    def layer(scores: Tensor, prototype: Tensor) -> Tensor:
        return straight_through(
            scores, top_mask(scores, scores.numel() // 2), Fill(prototype, 9, 0.7), magnitude=True
        )

    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    results = []
    for function in (layer, compiled):
        leaf = scores.clone().requires_grad_()
        weight = function(leaf, prototype)
        weight.backward(upstream)
        results.append((weight.detach(), leaf.grad))
    for eager, traced in zip(*results, strict=True):
        assert torch.equal(eager, traced)


def test_the_operator_keeps_torchs_rules_for_operators() -> None:
    assert torch.library.opcheck(_operator, (torch.randn(3, 4), 5))


@given(
    length=st.integers(1, 40),
    offset=st.integers(0, 39),
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    scale=st.floats(2.0**-20, 2.0**20, width=32),
)
@example(length=1, offset=0, shape=[3, 3], scale=0.5)
@example(length=10, offset=9, shape=[1], scale=0.5)
@example(length=7, offset=3, shape=[2, 7], scale=0.1)
@LAW
def test_tile_has_the_bits_of_the_archives_rule(
    length: int, offset: int, shape: list[int], scale: float
) -> None:
    offset %= length
    scale = float(np.float32(scale))
    prototype = prng.normal16(3, 0, length)
    count = math.prod(shape)
    expected = values.tile(prototype, offset, count) * np.float32(scale)
    got = tile(torch.from_numpy(prototype), offset, tuple(shape), scale)
    assert got.shape == tuple(shape)
    assert got.reshape(-1).numpy().tobytes() == expected.tobytes()
    plain = [np.float32(scale) * prototype[(offset + i) % length] for i in range(count)]
    assert expected.tobytes() == struct.pack(f"={count}f", *plain)


def test_initial_scores_are_the_formats_own_uniform_numbers() -> None:
    tensor = PlannedTensor("w", (30, 40), fan_in=40, fan_out=30)
    scores = initial_scores(tensor, 2, seed=9, density=0.5)
    bound = 1 / math.sqrt(40)  # kaiming-uniform with a = sqrt(5): sqrt(6 / (1 + 5) / fan_in)
    assert scores.shape == (30, 40)
    assert scores.dtype == torch.float32
    assert 0.99 * bound < float(scores.abs().max()) <= bound
    assert abs(float(scores.mean())) < 4 * bound / math.sqrt(3 * 1200)
    expected = prng.uniform24(9, (1 << 32) + 2, 1200) * np.float32(bound)
    assert scores.reshape(-1).numpy().tobytes() == expected.tobytes()


def test_initial_scores_are_fixed_for_ever() -> None:
    """Literal values: neither a torch version nor a machine may change them."""
    scores = initial_scores(PlannedTensor("w", (2, 2), 1, 2), 0, seed=0, density=0.5)
    words = (0x2DCE73E5, 0x1348E23F, 0xFCF8E0EC, 0xA287AADB)  # Philox4x32-10, stream 2^32
    expected = [(2 * (word >> 8) + 1 - 2**24) / 2**24 for word in words]
    assert scores.flatten().tolist() == expected


def test_every_tensor_and_every_seed_has_a_stream_of_its_own() -> None:
    tensor = PlannedTensor("w", (8, 8), 8, 8)
    drawn = [initial_scores(tensor, i, seed, 0.5).flatten() for i, seed in ((0, 0), (1, 0), (0, 1))]
    shared = [torch.isin(a, b).sum().item() for a in drawn for b in drawn if a is not b]
    assert max(shared) <= 1
    state = torch.get_rng_state()
    initial_scores(tensor, 0, 0, 0.5)
    assert torch.equal(torch.get_rng_state(), state)
