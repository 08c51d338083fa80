"""Renewals: what changes, when, by which rule; that runs resume exactly and archives hold it."""

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format import prng
from pemn_compress.format.archive import open_archive, verify
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.rules.plan import kept_count
from pemn_compress.storing import loading
from pemn_compress.storing import saving as packing
from pemn_compress.training import recipes
from pemn_compress.training.fitting import fit

ITERAND = {"renewal": "iterand", "renewal_every": 2, "renewal_rate": 0.3}
RECYCLE = {"renewal": "recycle", "renewal_every": 1, "renewal_rate": 0.5}
METHODS = [
    {"search": search, "distribution": distribution} | renewal
    for search in ("edge-popup", "biprop")
    for distribution in ("kaiming-normal", "signed-constant")
    for renewal in (ITERAND, RECYCLE)
]


def net() -> nn.Sequential:
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(12, 30), nn.BatchNorm1d(30), nn.ReLU(), nn.Linear(30, 3))


def made(**chosen: Any) -> MaskedModel:
    return MaskedModel(net(), **({"ratio": 0.1, "seed": 5} | chosen))


def points(count: int = 48) -> Data:
    inputs = torch.randn(count, 12, generator=torch.Generator().manual_seed(0))
    split = Split(inputs, inputs[:, :3].argmax(1))
    return Data("points", split, split.first(20), 3, None, (12,), False)


def values(masked: MaskedModel, index: int = 0) -> np.ndarray:
    return masked.renewal.values(index).numpy().copy()


def train(masked: MaskedModel, steps: int, start: int = 0) -> None:
    """A loop of one's own: four steps an epoch."""
    data = points().train
    optimizer = torch.optim.SGD(masked.parameters(), lr=0.2)
    for step in range(start, start + steps):
        if step % 4 == 0:
            masked.advance(epoch=step // 4)
        masked.advance(step=step)
        loss = functional.cross_entropy(masked(data.inputs), data.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_iterand_draws_again_what_is_not_selected_and_nothing_else() -> None:
    masked = made(**ITERAND)
    before = [values(masked, i) for i in (0, 1)]
    masks = list(masked.masks().values())
    masked.advance(step=2)
    for index, mask in enumerate(masks):
        generation = masked.renewal.numbers(index).numpy()
        out = ~mask.numpy().reshape(-1)
        changed = values(masked, index) != before[index]
        assert not changed[~out].any()
        assert set(generation.tolist()) == {0, 1}
        assert not (changed & (generation == 0)).any()
        assert 0.15 < generation[out].mean() < 0.45
    first, second = (masked.renewal.numbers(i)[:90] for i in (0, 1))
    assert not torch.equal(first, second), "tensors decide apart"


def test_iterands_values_are_those_the_format_names() -> None:
    masked = made(**ITERAND)
    for step in range(0, 21, 2):
        masked.advance(step=step)
    plain = np.resize(masked.filling.prototype(5), 360)
    generations = masked.renewal.numbers(0).tolist()
    assert max(generations) > 2
    for element, (generation, value) in enumerate(zip(generations, values(masked), strict=True)):
        if generation == 0:
            assert value == plain[element]
        else:
            stream = prng.normal16(5, (1 << 40) + generation, element + 1)
            assert value == stream[element]


def test_what_is_drawn_again_hinges_on_seed_tensor_and_step_alone() -> None:
    def numbers(seed: int, step: int) -> Tensor:
        masked = made(**ITERAND | {"seed": seed, "score_seed": 1})
        torch.manual_seed(step * 31)
        masked.advance(step=step)
        return masked.renewal.numbers(0)

    assert torch.equal(numbers(5, 4), numbers(5, 4))
    assert not torch.equal(numbers(5, 4), numbers(5, 6))
    assert not torch.equal(numbers(5, 4), numbers(6, 4))


@pytest.mark.parametrize(
    ("chosen", "due"),
    [
        (ITERAND, {"step": [2, 4, 6], "epoch": []}),
        (ITERAND | {"renewal_every": None}, {"step": [300], "epoch": []}),
        (RECYCLE | {"renewal_every": 3}, {"step": [], "epoch": [3, 6]}),
        (RECYCLE | {"renewal_every": None}, {"step": [], "epoch": [10]}),
    ],
)
def test_renewals_come_when_they_are_due(chosen: dict[str, Any], due: dict[str, list[int]]) -> None:
    masked = made(**chosen)
    assert masked.settings.period == (chosen["renewal_every"] or (300, 10)[not due["step"]])
    for kind in ("step", "epoch"):
        for count in [*range(8), 10, 300]:
            with torch.no_grad():  # recycling twice by the same scores changes nothing
                masked.scores[0].copy_(torch.randn(30, 12))
            before = masked.renewal.numbers(0).clone()
            masked.advance(**{kind: count})
            renewed = not torch.equal(before, masked.renewal.numbers(0))
            asked = due[kind] and count > 0 and count % masked.settings.period == 0
            assert renewed == bool(asked), (kind, count)


def test_epoch_and_step_may_be_told_at_once() -> None:
    one, other = made(**ITERAND), made(**ITERAND)
    one.advance(step=8)
    other.advance(epoch=4, step=8)
    assert torch.equal(one.renewal.numbers(0), other.renewal.numbers(0))


@given(
    scores=st.lists(st.sampled_from([0.0, 0.1, -0.1, 0.4, -0.4, 2.0]), min_size=12, max_size=12),
    rate=st.floats(0.01, 0.5),
    signed=st.booleans(),
)
@settings(deadline=None, derandomize=True, max_examples=50)
def test_recycling_is_algorithm_2(scores: list[float], rate: float, signed: bool) -> None:
    masked = MaskedModel(
        nn.Linear(4, 3, bias=False),
        renewal="recycle",
        renewal_every=1,
        renewal_rate=rate,
        ranking="signed" if signed else None,
        strategy="mask",
    )
    with torch.no_grad():
        masked.scores[0].copy_(torch.tensor(scores).view(3, 4))
    theta = list(range(12))
    for epoch in (1, 2):
        masked.advance(epoch=epoch)
        # sorted ascending; on ties a lower index ranks higher, as in masks
        order = sorted(range(12), key=lambda i: (scores[i] if signed else abs(scores[i]), -i))
        k = kept_count(12, rate)
        moved = [theta[i] for i in order[-k:]]
        for place, source in zip(order[:k], moved, strict=True):
            theta[place] = source
    assert masked.renewal.numbers(0).tolist() == theta
    plain = masked.filling.prototype(0)
    assert values(masked).tolist() == [plain[source] for source in theta]


@pytest.mark.parametrize("chosen", METHODS, ids=lambda c: "-".join(map(str, c.values())))
def test_an_archive_holds_what_was_renewed(chosen: dict[str, Any]) -> None:
    masked = made(**chosen)
    train(masked, 24)
    assert not torch.equal(masked.renewal.values(0), made(**chosen).renewal.values(0))
    packed = packing.pack(masked)
    verify(packed)
    restored = loading.load(packed, model=net()).state_dict()
    for name, tensor in masked.to_plain().state_dict().items():
        assert restored[name].numpy().tobytes() == tensor.numpy().tobytes(), name
    with open_archive(packed) as archive:
        renewed = [t.values.plane for t in archive.manifest.tensors if t.positions]
        planes = [s.size for s in archive.manifest.sections if s.name == "planes"]
    only_signs = chosen["search"] == "biprop" or chosen["distribution"] == "signed-constant"
    own = {"iterand": "generation", "recycle": "source"}[chosen["renewal"]]
    assert {plane.kind for plane in renewed if plane} == {"sign" if only_signs else own}
    kept = sum(int(mask.sum()) for mask in masked.masks().values())
    if only_signs:
        assert sum(planes) <= kept / 8 + 2, "a bit for each kept weight and no more"


@pytest.mark.parametrize("chosen", [ITERAND, RECYCLE], ids=["iterand", "recycle"])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, chosen: dict[str, Any]) -> None:
    recipe = recipes.load("default").override(epochs=6, batch_size=12)
    chosen = chosen | {"density_schedule": "cubic", "ramp_epochs": 4, "density": 0.2}

    class Stop(Exception):
        pass

    class Watch:
        def start(self, *told: Any) -> None: ...

        def step(self, *told: Any) -> None: ...

        def epoch(self, epoch: Any) -> None:
            if epoch.epoch == 3:
                raise Stop

    whole, path = made(**chosen), tmp_path / "run.ckpt"
    expected = fit(whole, points(), recipe, seed=3)
    with pytest.raises(Stop):
        fit(made(**chosen), points(), recipe, seed=3, checkpoint=path, observer=Watch())
    resumed = made(**chosen)
    history = fit(resumed, points(), recipe, seed=3, checkpoint=path)
    assert [(e.train_loss, e.test) for e in history] == [(e.train_loss, e.test) for e in expected]
    assert packing.pack(resumed) == packing.pack(whole)
    assert int(whole.renewal.numbers(0).ne(resumed.renewal.numbers(0)).sum()) == 0


@pytest.mark.parametrize("chosen", [ITERAND, RECYCLE], ids=["iterand", "recycle"])
def test_a_state_dict_brings_the_renewed_values_along(chosen: dict[str, Any]) -> None:
    masked = made(**chosen)
    train(masked, 12)
    other = made(**chosen)
    other.load_state_dict(masked.state_dict())
    assert torch.equal(other.renewal.values(1), masked.renewal.values(1))
    assert packing.pack(other) == packing.pack(masked)
    stream = io.BytesIO()
    torch.save(masked, stream)
    stream.seek(0)
    copies = [copy.deepcopy(masked), pickle.loads(pickle.dumps(masked))]
    copies.append(torch.load(stream, weights_only=False))
    for one in copies:
        one.load_state_dict(made(**chosen).state_dict())
        assert torch.equal(one.renewal.values(0), made(**chosen).renewal.values(0))
        train(one, 12)
        assert packing.pack(one) == packing.pack(masked)


def test_to_say_the_same_epoch_or_step_again_changes_nothing() -> None:
    for chosen in (RECYCLE, ITERAND):
        once, often = made(**chosen), made(**chosen)
        for masked, times in ((once, 1), (often, 3)):
            optimizer = torch.optim.SGD(masked.parameters(), lr=0.5)
            for step in range(12):  # a loop that names both before each step
                for _ in range(times):
                    masked.advance(epoch=step // 4, step=step)
                if masked is often and step == 9:  # in the middle of an epoch
                    half = copy.deepcopy(masked.state_dict())
                    masked.renewal.last.fill_(0)
                    masked.load_state_dict(half)
                inputs, targets = points().train.inputs, points().train.targets
                functional.cross_entropy(masked(inputs), targets).backward()
                optimizer.step()
                optimizer.zero_grad()
        assert int(once.renewal.last) == (2 if chosen is RECYCLE else 10)
        assert np.array_equal(values(once), values(often))
        assert not np.array_equal(values(once), values(made(**chosen)))


def test_recycling_comes_once_an_epoch_however_often_the_epoch_is_named() -> None:
    masked = made(**RECYCLE)
    masked.advance(epoch=1, step=4)
    before = values(masked)
    with torch.no_grad():  # a step changes which weights are wanted least
        for score in masked.scores:
            score.copy_(score.flip(0))
    masked.advance(epoch=1, step=5)
    assert np.array_equal(values(masked), before)
    masked.advance(epoch=2, step=8)
    assert not np.array_equal(values(masked), before)


@pytest.mark.parametrize("chosen", [ITERAND, RECYCLE], ids=["iterand", "recycle"])
def test_when_training_is_over_nothing_is_renewed(chosen: dict[str, Any]) -> None:
    masked = made(**chosen)
    before = masked.renewal.numbers(0).clone()
    masked.advance(epoch=3, step=12, steps=12)
    assert torch.equal(masked.renewal.numbers(0), before)
    masked.advance(epoch=3, step=12, steps=13)
    assert not torch.equal(masked.renewal.numbers(0), before)


class Noting(nn.Module):
    """Notes down what it is told, and when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.told = nn.Linear(12, 3), []

    def advance(self, **told: int | None) -> None:
        self.told.append(told)

    def forward(self, x: Tensor) -> Tensor:
        self.told.append("step" if self.training else "evaluation")
        return self.linear(x)


def test_what_a_loop_tells_a_model() -> None:
    model, recipe = Noting(), recipes.load("default").override(epochs=2, batch_size=24)
    fit(model, points(), recipe)
    told = model.told[model.told.index({"epoch": 0}) :]
    assert told == [
        {"epoch": 0},
        {"step": 0, "steps": 4}, "step", {"step": 1, "steps": 4}, "step",
        {"step": 2, "steps": 4}, "evaluation",
        {"epoch": 1},
        {"step": 2, "steps": 4}, "step", {"step": 3, "steps": 4}, "step",
        {"step": 4, "steps": 4}, "evaluation",
    ]  # fmt: skip


def test_a_loop_of_ones_own_can_stop_and_go_on() -> None:
    whole, half = made(**ITERAND), made(**ITERAND)
    train(whole, 16)
    train(half, 8)
    other = made(**ITERAND)
    other.load_state_dict(half.state_dict())
    train(other, 8, start=8)
    assert torch.equal(other.renewal.numbers(0), whole.renewal.numbers(0))
    assert packing.pack(other) == packing.pack(whole)


def test_memory_is_taken_only_where_something_is_renewed() -> None:
    def bytes_of(masked: MaskedModel) -> int:
        return sum(b.numel() * b.element_size() for b in masked.buffers())

    weights = made().plan.numel
    assert not any("renewal" in key for key in made().state_dict())
    assert bytes_of(made(**ITERAND)) == bytes_of(made()) + (4 + 4) * weights + 8
    saved = {k: v for k, v in made(**RECYCLE).state_dict().items() if "renewal" in k}
    assert [(v.dtype, v.numel()) for v in saved.values()] == [
        (torch.int64, 1),  # when it came last
        (torch.int32, 360),
        (torch.int32, 90),
    ]


def test_a_state_of_another_renewal_is_refused() -> None:
    with pytest.raises((ModelError, RuntimeError), match="renewal"):
        made(**ITERAND).load_state_dict(made(**RECYCLE).state_dict())
    with pytest.raises((ModelError, RuntimeError), match="renewal"):
        made().load_state_dict(made(**RECYCLE).state_dict())


def test_a_prototype_by_value_cannot_draw_again() -> None:
    with pytest.raises(SettingError, match="leaves out the seed, which renewal iterand draws"):
        packing.pack(made(**ITERAND), store_prototype=True)
    for chosen in (RECYCLE, ITERAND | {"search": "biprop"}):
        masked = made(**chosen)
        train(masked, 12)
        verify(packing.pack(masked, store_prototype=True))


def test_a_count_below_zero_is_refused():
    model = MaskedModel(nn.Linear(6, 4), renewal="iterand", renewal_every=3)
    with pytest.raises(SettingError, match="step: expected 0 or more, got -3"):
        model.advance(step=-3)
