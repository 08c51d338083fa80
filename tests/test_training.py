"""Training: runs repeat, resume, stop where they must, and refuse what cannot work before it."""

import functools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from trainable import RECIPE, Stop, Watch, images, masked, points

from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError, SettingError, TrainingError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.training import fitting as training
from pemn_compress.training import recipes
from pemn_compress.training.evaluation import evaluate
from pemn_compress.training.fitting import fit
from pemn_compress.training.history import Epoch
from pemn_compress.training.memory import training_bytes
from pemn_compress.training.run import Run


def same_state(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(
        torch.equal(x, theirs[key]) if isinstance(x, torch.Tensor) else x == theirs[key]
        for key, x in mine.items()
    )


def results(history: list[Epoch]) -> list[tuple[object, ...]]:
    return [(e.epoch, e.lr, e.train_loss, e.test) for e in history]


def test_training_learns_and_leaves_the_callers_random_state() -> None:
    model, state, watch = masked(), torch.get_rng_state(), Watch()
    history = fit(model, images(), RECIPE.override(epochs=8), observer=watch)
    assert torch.equal(torch.get_rng_state(), state)
    assert history[-1].test.accuracy > 0.9
    assert history[-1].train_loss < history[0].train_loss
    assert watch.told == [(8, 3, 0), *range(1, 9)]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, optimizer: str, stop: int
) -> None:
    recipe = RECIPE.override(
        optimizer=optimizer, augment=("crop:1", "flip"), weight_decay=1e-3, schedule="triangular"
    )
    whole = masked()
    expected = fit(whole, images(), recipe, seed=3)
    path = tmp_path / "run.ckpt"
    with pytest.raises(Stop):
        fit(masked(), images(), recipe, seed=3, checkpoint=path, observer=Watch(stop))
    torch.manual_seed(1234)  # another process has another random state
    resumed, watch = masked(), Watch()
    history = fit(resumed, images(), recipe, seed=3, checkpoint=path, observer=watch)
    assert watch.told == [(4, 3, stop), *range(stop + 1, 5)]
    assert results(history) == results(expected)
    assert same_state(resumed, whole)
    # a finished run is only read back
    again = masked()
    assert results(fit(again, images(), recipe, seed=3, checkpoint=path)) == results(expected)
    assert same_state(again, whole)


def test_another_seed_is_another_run() -> None:
    one, other = masked(), masked()
    fit(one, images(), RECIPE, seed=0)
    fit(other, images(), RECIPE, seed=1)
    assert not same_state(one, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": RECIPE.override(lr=0.5)}, r"recipe\.lr: expected 0\.5, got 0\.01"),
        ({"seed": 8}, "seed: expected 8, got 0"),
        ({"data": images(36)}, "training samples: expected 36, got 48"),
        ({"identity": {"density": 0.1}}, "density: expected 0.1, got 0.5"),
        ({"identity": {}}, "density: expected None, got 0.5"),
        (
            {"model": nn.Sequential(nn.Flatten(), nn.Linear(36, 3))},
            r"of another model: parameters\.1\.weight: expected \[3, 36\], got None",
        ),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "run.ckpt"
    given = {"model": masked(), "data": images(), "recipe": RECIPE}
    given |= {"identity": {"density": 0.5}, "checkpoint": path}
    with pytest.raises(Stop):
        fit(**given, observer=Watch(1))
    before = path.read_bytes()
    with pytest.raises(TrainingError, match=message) as caught:
        fit(**(given | change))
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)  # torch's advice: run what is in the file
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", "tensor", {"identity": 3}])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "run.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(torch.zeros(3) if content == "tensor" else content, path)
    before = path.read_bytes()
    with pytest.raises(TrainingError, match="expected a checkpoint of this program") as caught:
        fit(masked(), images(), RECIPE, checkpoint=path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


class Breaking(nn.Module):
    """A classifier that gives NaN from its n-th training step on, or in evaluation after it."""

    def __init__(self, step: int, only_evaluation: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(36, 3)
        self.left, self.only_evaluation = step, only_evaluation

    def forward(self, x: Tensor) -> Tensor:
        self.left -= self.training
        broken = self.left < 0 and self.training != self.only_evaluation
        return self.linear(x.flatten(1)) * (math.nan if broken else 1)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    with pytest.raises(TrainingError, match=r"epoch 2 of 4, step 2 of 3: .* finite loss, got nan"):
        fit(Breaking(4), images(), RECIPE, checkpoint=path)
    kept = torch.load(path, weights_only=True)
    assert [epoch["epoch"] for epoch in kept["history"]] == [1]
    assert all(tensor.isfinite().all() for tensor in kept["model"].values())
    assert [p.name for p in tmp_path.iterdir()] == ["run.ckpt"]


def test_a_model_that_the_last_step_broke_is_not_written_down(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    with pytest.raises(TrainingError, match=r"epoch 2 of 4, evaluation: .* test loss, got nan"):
        fit(Breaking(4, only_evaluation=True), images(), RECIPE, checkpoint=path)
    assert len(torch.load(path, weights_only=True)["history"]) == 1


def test_a_rate_that_is_far_too_large_ends_in_one_line() -> None:
    recipe = RECIPE.override(optimizer="sgd", lr=1e6, weight_decay=1e6)
    with pytest.raises(TrainingError) as caught:
        fit(masked(), images(), recipe)
    assert "\n" not in str(caught.value)


class Lists(nn.Linear):
    """A model whose output is no tensor."""

    def forward(self, x: Tensor) -> list[Tensor]:  # type: ignore[override]
        return [super().forward(x)]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Linear(3, 2), r"inputs of shape \(2,\), which the model does not take: RuntimeError"),
        (nn.Linear(2, 1), "has 2 classes, the model only 1 outputs"),
        (nn.Sequential(nn.Linear(2, 2), nn.Flatten(0)), r"shape \(2, classes\), got \(4,\)"),
        (nn.Sequential(nn.Linear(2, 4), nn.Unflatten(1, (2, 2))), r"got \(2, 2, 2\)"),
        (Lists(2, 2), r"shape \(2, classes\), got list"),
    ],
    ids=["shape", "classes", "1-D", "3-D", "list"],
)
def test_a_model_that_does_not_fit_its_data_is_refused_before_training(
    model: nn.Module, message: str
) -> None:
    watch = Watch()
    with pytest.raises(DataError, match=message) as caught:
        fit(model, points(), RECIPE, observer=watch)
    assert "\n" not in str(caught.value)
    assert watch.told == []


def test_settings_that_do_not_fit_the_data_are_refused() -> None:
    with pytest.raises(SettingError, match=r"augmentation needs images.*'points'"):
        fit(nn.Linear(2, 2), points(), RECIPE.override(augment=("flip",)))
    only_test = Data("points", None, points().test, 2, None, (2,), False)
    with pytest.raises(DataError, match="no training samples"):
        fit(nn.Linear(2, 2), only_test, RECIPE)
    with pytest.raises(SettingError, match="device 'abacus' cannot be used"):
        fit(nn.Linear(2, 2), points(), RECIPE, run=Run(device="abacus"))


def test_evaluate_counts_right_answers_and_means_the_loss() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [5.0, 0.0], [0.0, 3.0], [1.0, 0.0]])
    targets = torch.tensor([0, 1, 1, 1, 0])
    split = Split(logits, targets)
    data = Data("known", None, split, 2, None, (2,), False)
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Dropout(0.9)).train()
    nn.init.eye_(model[0].weight)
    for batch_size in (1, 2, 256):
        score = evaluate(model, split, data, batch_size=batch_size)
        assert (score.correct, score.total, score.accuracy) == (4, 5, 0.8)
        gaps = (2.0, 1.0, -5.0, 3.0, 1.0)
        expected = sum(math.log1p(math.exp(-gap)) for gap in gaps) / 5
        assert score.loss == pytest.approx(expected, rel=1e-6)
    assert model.training, "the mode is left as it was"


@pytest.mark.parametrize("run", [Run(amp=True), Run(channels_last=True), Run(compile=True)])
def test_other_ways_to_run_learn_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # the default backend builds C++ for a minute; what is traced is the same
    quick = functools.partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(training.torch, "compile", quick)
    expected = fit(masked(), images(), RECIPE)
    got = fit(masked(), images(), RECIPE, run=run)
    for one, other in zip(got, expected, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=0.15 if run.amp else 1e-3)


class Greedy(nn.Module):
    """A network whose second training step asks for more memory than there is."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(36, 3)
        self.steps = 0

    def forward(self, x):
        if self.training:
            self.steps += 1
            if self.steps == 2:
                torch.empty(10**15)
        return self.layer(x.flatten(1))


def test_out_of_memory_says_what_is_needed_and_what_helps():
    masked = MaskedModel(Greedy(), strategy="mask")
    recipe = recipes.load("default").override(epochs=1, batch_size=8)
    weights, biases = 3 * 36, 3
    # scores, their gradients, two states of AdamW; the same of biases; prototype, made weight
    expected = 4 * (4 * weights + 4 * biases + weights + weights)
    assert training_bytes(masked, recipe) == expected
    with pytest.raises(TrainingError) as caught:
        fit(masked, images(), recipe)
    message = str(caught.value)
    assert message.startswith("epoch 1 of 1: cpu is out of memory: 0 MB are needed")
    assert "a smaller batch size, amp, optimizer sgd, strategy rp need less" in message


def test_accumulated_and_clipped_gradients_are_those_of_the_whole_batch():
    inputs = torch.randn(12, 36, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(12) % 3
    clipped = []
    for parts in (1, 3):
        torch.manual_seed(0)
        masked = MaskedModel(nn.Sequential(nn.Linear(36, 9), nn.ReLU(), nn.Linear(9, 3)))
        for part in range(parts):
            own = slice(part * 12 // parts, (part + 1) * 12 // parts)
            loss = nn.functional.cross_entropy(masked(inputs[own]), targets[own])
            (loss / parts).backward()
        norm = nn.utils.clip_grad_norm_(masked.parameters(), 1e-3)
        assert norm > 1e-3
        clipped.append([p.grad.clone() for p in masked.parameters()])
    for one, other in zip(*clipped, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-8)
