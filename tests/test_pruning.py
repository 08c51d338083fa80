"""The pruning baselines: which weights go, when, and that nothing moves what is gone."""

import copy
import io
import itertools
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from pemn_compress import MaskedModel, PrunedModel
from pemn_compress.compressing.settling import settle
from pemn_compress.errors import ModelError, SettingError, TrainingError, UnknownNameError
from pemn_compress.masking.rules.plan import kept_count
from pemn_compress.masking.rules.pruning import (
    PRUNING_SCHEDULES,
    PruningSettings,
    check_storage,
    density_of,
)
from pemn_compress.masking.rules.strategies import Settings


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(80, 3)
    )


def images(count: int = 24) -> Tensor:
    return torch.randn(count, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def train(
    model: nn.Module, make: Callable[..., torch.optim.Optimizer], steps: int = 12
) -> list[float]:
    inputs, targets = images(), torch.arange(24) % 3
    optimizer, losses = make(model.parameters()), []
    for step in range(steps):
        loss = functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if isinstance(model, PrunedModel):
            model.set_progress((step + 1) / steps)
    return losses


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, 0.05, momentum=0.9, weight_decay=0.01)


def adamw(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, 0.01, weight_decay=0.1)


def removed_bits(model: PrunedModel) -> list[int]:
    """Return the distinct bit patterns of all weights that are removed."""
    weights = model.weights()
    gone = [weights[name][~mask].detach() for name, mask in model.masks().items()]
    return torch.cat(gone).view(torch.int32).unique().tolist()


@given(
    st.floats(0.001, 1),
    st.floats(0, 0.6),
    st.floats(0.01, 0.4),
    st.lists(st.floats(0, 1), min_size=2, max_size=20).map(sorted),
)
def test_the_cubic_schedule(density: float, start: float, length: float, times: list[float]):
    made = PruningSettings("magnitude", density, pruning_start=start, pruning_end=start + length)
    found = [made.density_at(time) for time in times]
    assert all(later <= earlier for earlier, later in itertools.pairwise(found))
    for time, got in zip(times, found, strict=True):
        if time < start:
            assert got == 1
        elif time >= start + length:
            assert got == density
        else:  # Zhu & Gupta's equation, at most one stage of 1/100 behind
            x = (time - start) / length
            exact, behind = (
                1 - (1 - density) * (1 - (1 - x) ** 3) for x in (x, max(0, x - 0.0100001))
            )
            assert exact - 1e-9 <= got <= behind + 1e-9


def test_one_shot_removes_everything_at_its_start():
    made = PruningSettings("random", 0.04, pruning_schedule="one-shot", pruning_start=0.5)
    assert [made.density_at(t) for t in (0, 0.49, 0.5, 1)] == [1, 1, 0.04, 0.04]


@pytest.mark.parametrize("schedule", PRUNING_SCHEDULES)
@pytest.mark.parametrize("sparsity", [0.9, 0.92, 0.94, 0.96])
@pytest.mark.parametrize("strategy", ["magnitude", "random"])
def test_every_tensor_keeps_its_exact_count(strategy: str, sparsity: float, schedule: str):
    model = PrunedModel(net(), strategy=strategy, sparsity=sparsity, pruning_schedule=schedule)
    model.set_progress(1.0)
    assert model.is_finished
    # by hand: 45 and 240 weights, halves up
    expected = {0.9: (5, 24), 0.92: (4, 19), 0.94: (3, 14), 0.96: (2, 10)}[sparsity]
    assert tuple(int(mask.sum()) for mask in model.masks().values()) == expected == model.kept
    assert removed_bits(model) == [0]


@pytest.mark.parametrize("schedule", PRUNING_SCHEDULES)
@pytest.mark.parametrize("strategy", ["magnitude", "random"])
def test_to_say_what_comes_next_is_to_say_how_much_is_done(strategy: str, schedule: str):
    chosen = {"strategy": strategy, "pruning_schedule": schedule, "pruning_start": 0.25}
    one, other = (PrunedModel(copy.deepcopy(net()), **chosen) for _ in range(2))
    other.load_state_dict(one.state_dict())
    for step in range(9):
        one.advance(epoch=step // 4, step=step, steps=8)
        one.advance(step=step, steps=8)
        other.set_progress(step / 8)
        assert one.density == other.density
        for name, mask in one.masks().items():
            assert torch.equal(mask, other.masks()[name])
    assert one.is_finished
    one.advance(step=3)  # nothing is left to remove: any loop may go on
    one.advance(step=0, steps=8)
    assert one.is_finished


def test_a_step_alone_does_not_say_how_far_it_is():
    model = PrunedModel(net())
    model.advance(epoch=3)
    for steps in (None, 0):
        with pytest.raises(SettingError, match="steps: expected the number of steps in all besid"):
            model.advance(step=0, steps=steps)
    for kind in (PrunedModel, MaskedModel):
        with pytest.raises(SettingError, match="step: expected one up to the 8 in all, got 9"):
            kind(net()).advance(step=9, steps=8)
    PrunedModel(net(), strategy="dense").advance(step=3)


def test_magnitude_keeps_the_largest_and_on_ties_the_first():
    plain = nn.Sequential(nn.Linear(6, 2))
    with torch.no_grad():
        plain[0].weight.copy_(torch.tensor([[1, -2, 2, -2, 0.5, 2], [-3, 0, 0, 1, 2, -2]]))
    model = PrunedModel(plain, density=5 / 12, pruning_schedule="one-shot")
    mask = model.masks()["0.weight"].int().tolist()
    assert mask == [[0, 1, 1, 1, 0, 1], [1, 0, 0, 0, 0, 0]]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["magnitude", "random"]), st.lists(st.floats(0, 1), max_size=6), st.data())
def test_what_is_removed_stays_removed(strategy: str, times: list[float], data: Any):
    model = PrunedModel(net(), strategy=strategy, density=0.05)
    before = model.masks()
    for time in times:
        with torch.no_grad():
            for value in model.values:
                value.copy_(torch.randn(value.shape))
                value[data.draw(st.integers(0, len(value) - 1))] = 0  # kept zeros are kept
        model.set_progress(time)
        after = model.masks()
        for name in before:
            assert not (after[name] & ~before[name]).any()
            assert int(after[name].sum()) == kept_count(after[name].numel(), model.density)
        before = after


def test_random_removal_is_the_seeds_and_looks_at_no_weight():
    def mask(seed: int, model: nn.Module) -> Tensor:
        made = PrunedModel(
            model, strategy="random", density=0.5, seed=seed, pruning_schedule="one-shot"
        )
        return made.masks()["4.weight"]

    first, other = mask(7, net()), mask(7, net())
    assert torch.equal(first, other)
    assert not torch.equal(first, mask(8, net()))
    golden = np.flatnonzero(first.numpy().reshape(-1))[:8].tolist()
    assert golden == [0, 2, 5, 10, 14, 17, 18, 19], "the order is part of what a seed means"


@pytest.mark.parametrize("make", [sgd, adamw])
@pytest.mark.parametrize("strategy", ["magnitude", "random"])
def test_no_optimiser_moves_a_removed_weight(strategy: str, make: Any):
    model = PrunedModel(net(), strategy=strategy, sparsity=0.8, pruning_start=0.1)
    losses = train(model, make, steps=30)
    assert losses[-1] < losses[0]
    assert removed_bits(model) == [0]
    model(images()).sum().backward()
    for value, mask in zip(model.values, model.masks().values(), strict=True):
        assert torch.equal(value.grad[~mask], torch.zeros(int((~mask).sum())))
    plain = model.to_plain().eval()
    assert torch.equal(plain(images()), model.eval()(images()))


def test_kept_weights_train_as_in_a_network_pruned_by_hand():
    pruned = PrunedModel(net(), strategy="random", sparsity=0.7, pruning_schedule="one-shot")
    by_hand, masks = pruned.to_plain(), pruned.masks()
    train(pruned, sgd)
    parameters = dict(by_hand.named_parameters())
    for name, mask in masks.items():
        parameters[name].register_hook(lambda gradient, mask=mask: gradient * mask)
    train(by_hand, sgd)  # zero weights, zero gradients: neither decay nor momentum moves them
    plain = pruned.to_plain().state_dict()
    for name, tensor in by_hand.state_dict().items():
        torch.testing.assert_close(plain[name], tensor, rtol=0, atol=0)


def test_dense_trains_as_the_plain_model():
    plain, dense = net(), None
    dense = PrunedModel(copy.deepcopy(plain), strategy="dense")
    assert train(dense, adamw) == train(plain, adamw)
    assert dense.is_finished
    assert all(mask.all() for mask in dense.masks().values())
    for name, tensor in dense.to_plain().state_dict().items():
        assert torch.equal(tensor, plain.state_dict()[name])


class Sequence(nn.Module):
    """A recurrent network whose output layer is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 6)
        self.lstm = nn.LSTM(6, 6, batch_first=True)
        self.head = nn.Linear(6, 9, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.lstm(self.embedding(tokens))[0])


TOKENS = torch.tensor([[1, 2, 3, 0], [4, 8, 7, 7]])


def through(write: Callable[[Any, Any], None]) -> Callable[[Any], Any]:
    def call(model: nn.Module) -> Any:
        stream = io.BytesIO()
        write(model, stream)
        stream.seek(0)
        return torch.load(stream, weights_only=False)

    return call


@pytest.mark.parametrize(
    "change",
    [
        copy.deepcopy,
        lambda m: pickle.loads(pickle.dumps(m)),
        through(torch.save),
        lambda m: m.to(torch.float32),
        lambda m: m.to(memory_format=torch.channels_last),
    ],
    ids=["deepcopy", "pickle", "torch.save", "to float32", "channels last"],
)
@pytest.mark.parametrize("strategy", ["magnitude", "random", "dense"])
def test_tied_and_recurrent_weights_survive_what_modules_survive(strategy: str, change: Any):
    density = None if strategy == "dense" else 0.3
    model = PrunedModel(Sequence(), strategy=strategy, density=density)
    assert [t.name for t in model.plan] == [
        "embedding.weight", "lstm.weight_ih_l0", "lstm.weight_hh_l0",
    ]  # fmt: skip
    model(TOKENS).sum().backward()
    model.set_progress(0.3)
    expected = model(TOKENS)
    changed = change(model)
    assert torch.equal(changed(TOKENS), expected)
    changed.set_progress(1.0)
    plain = changed.to_plain()
    assert plain.head.weight is plain.embedding.weight
    assert torch.equal(plain(TOKENS), changed(TOKENS))


def test_a_state_dict_brings_the_masks_and_the_density_along():
    model, other = (PrunedModel(net(), sparsity=0.8) for _ in range(2))
    train(model, adamw, steps=3)
    model.set_progress(0.2)
    other.load_state_dict(model.state_dict())
    assert other.density == model.density < 1
    for name, mask in model.masks().items():
        assert torch.equal(mask, other.masks()[name])
    other.set_progress(0.1)
    assert other.density == model.density
    with pytest.raises(ModelError, match=r"other settings: density: expected 0.3, got 0.2"):
        PrunedModel(net(), density=0.3).load_state_dict(model.state_dict())


def test_torch_compile_sees_weights_go():
    model = PrunedModel(net(), sparsity=0.9).eval()
    compiled = torch.compile(model, backend="eager")
    for progress in (0.0, 0.2, 1.0):
        model.set_progress(progress)
        torch.testing.assert_close(compiled(images()), model(images()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_models_are_pruned_as_they_are(dtype: torch.dtype):
    model = PrunedModel(nn.Sequential(nn.Linear(8, 8)).to(dtype), density=0.25)
    model.set_progress(1)
    assert model.weights()["0.weight"].dtype == dtype
    assert int(model.masks()["0.weight"].sum()) == 16


def test_selection_is_that_of_masks():
    names = [t.name for t in PrunedModel(net(), first_layer_dense=True).plan]
    assert names == ["4.weight"]
    assert [t.name for t in PrunedModel(net(), exclude=["4.*"]).plan] == ["0.weight"]
    with pytest.raises(ModelError, match="no parameter is left"):
        PrunedModel(net(), exclude=["*"])


def test_weights_that_are_no_numbers_are_not_ranked():
    model = PrunedModel(net())
    with torch.no_grad():
        model.values[0][0] = math.nan
    with pytest.raises(TrainingError, match=r"^0\.weight: expected .* numbers, got NaN"):
        model.set_progress(1.0)


@pytest.mark.parametrize("progress", [-0.1, 1.1, math.nan])
def test_progress_is_a_fraction(progress: float):
    with pytest.raises(SettingError, match="from 0 to 1"):
        PrunedModel(net()).set_progress(progress)


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        ({"strategy": "rp"}, UnknownNameError, "strategy 'rp'.*dense, magnitude, random"),
        ({"pruning_schedule": "linear"}, UnknownNameError, "cubic, one-shot"),
        ({"density": 0}, SettingError, "0 < density <= 1"),
        ({"seed": -1}, SettingError, "seed"),
        ({"pruning_start": 0.8}, SettingError, "0.8 and 0.5; pass a later pruning_end"),
        ({"pruning_start": -0.1}, SettingError, "0 <= start < end <= 1"),
        ({"pruning_end": 1.5}, SettingError, "0 <= start < end <= 1"),
        ({"pruning_schedule": "one-shot", "pruning_start": 2}, SettingError, "0 <= start <= 1"),
        ({"pruning_schedule": "one-shot", "pruning_end": 1}, SettingError, "schedule cubic"),
        ({"strategy": "dense", "density": 0.2}, SettingError, "strategy='magnitude' density=0.2"),
        ({"strategy": "dense", "pruning_start": 0.2}, SettingError, "removes nothing"),
    ],
)
def test_settings_that_cannot_be(told: dict[str, Any], error: type, message: str):
    with pytest.raises(error, match=message) as caught:
        PruningSettings(**told)
    assert "\n" not in str(caught.value)


@given(st.integers(0, 9999))
def test_sparsity_is_the_exact_complement(parts: int):
    density = density_of(None, parts / 10000)
    assert density == (10000 - parts) / 10000
    assert density_of(density, parts / 10000) == density


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": "magnitude", "ratio": 0.1}, "ratio is a setting of masks.*strategy='rp'"),
        ({"strategy": "random", "search": "edge-popup"}, "search is a setting of masks"),
        ({"strategy": "dense", "distribution": "signed-constant"}, "distribution is a setting"),
        ({"strategy": "random", "scale_by_density": False}, "scale_by_density is a setting"),
        ({"strategy": "rp", "sparsity": 0.9}, "for masks say density=0.1"),
        ({"sparsity": 0.29}, "for masks say density=0.71"),
        ({"strategy": "mp", "pruning_schedule": "cubic"}, "got mp, which removes no"),
        ({"strategy": "magnitude", "sparsity": 1.0}, "0 <= sparsity < 1, got 1.0"),
        ({"strategy": "magnitude", "sparsity": 0.9, "density": 0.2}, "expected density 0.1 beside"),
        ({"strategy": "dense", "sparsity": 0.9}, "keeps every weight"),
        ({"strategy": "thin"}, "unknown strategy 'thin'; expected one of: binary, dense, magnitu"),
    ],
)
def test_settings_of_the_other_kind_are_refused_with_what_works(
    changes: dict[str, Any], message: str
):
    with pytest.raises(SettingError, match=message) as caught:
        settle("default", None, changes)
    assert "\n" not in str(caught.value)


def test_settling():
    recipe, made = settle("default", None, {"strategy": "magnitude", "sparsity": 0.96, "epochs": 3})
    assert made == PruningSettings("magnitude", 0.04)
    assert (recipe.name, recipe.epochs, recipe.density) == ("default", 3, 0.04)
    both = {"strategy": "random", "sparsity": 0.9, "density": 0.1, "pruning_end": None}
    # a recipe's density is that of masks: it does not count for pruning
    recipe, made = settle("pemn-resnet", None, both | {"sparsity": None, "density": None})
    assert (recipe.name, made) == ("pemn-resnet", PruningSettings("random", 0.1))
    assert settle("default", None, both)[1] == made
    given_settings = PruningSettings("random", 0.2, seed=4)
    assert settle("default", given_settings, {"density": 0.3})[1] == PruningSettings(
        "random", 0.3, 4
    )
    assert settle("default", None, {"strategy": "dense"})[1].density == 1
    with pytest.raises(SettingError, match="expected those of strategy magnitude, got a Settings"):
        settle("default", Settings(), {"strategy": "magnitude"})


@pytest.mark.parametrize(
    ("strategy", "stored", "values", "message"),
    [
        ("rp", False, "int8", "dense_dtype='float16' narrows"),
        ("random", True, "float32", "which stores its weights; leave it out"),
        ("dense", False, "int3", "unknown value dtype 'int3'"),
    ],
)
def test_ways_of_storing_that_there_are_not(strategy, stored, values, message):
    settings = (Settings if strategy == "rp" else PruningSettings)(strategy)
    with pytest.raises(SettingError, match=message):
        check_storage(settings, store_prototype=stored, value_dtype=values)


def test_a_pruned_model_stays_float32_while_it_trains():
    model = PrunedModel(nn.Linear(6, 4), sparsity=0.5)
    with pytest.raises(ModelError, match="a PrunedModel's scores and weights stay float32"):
        model.half()
    assert next(model.parameters()).dtype == torch.float32
