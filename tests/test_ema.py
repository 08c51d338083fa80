"""The moving average of scores and dense parameters: what it is, what is measured and kept."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from trainable import RECIPE, Stop, Watch, images, masked, net, points

import pemn_compress
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.errors import PemnError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.top import top_mask
from pemn_compress.training import recipes
from pemn_compress.training.averaging import Average
from pemn_compress.training.evaluation import evaluate
from pemn_compress.training.fitting import fit

SMALL = DataRequest("digits", train_limit=200, test_limit=50)
RANKS = """
import sys, torch
torch.set_num_threads(1)
from trainable import RECIPE, images, masked
from pemn_compress.data.ranks import world
from pemn_compress.training.fitting import fit

model = masked()
recipe = RECIPE.override(ema=0.9, validation=0.2, keep="best", batch_size=16, patience=1)
history = fit(model, images(), recipe)
told = [[e.test.to_dict(), e.validation.to_dict()] for e in history], history.kept_epoch
state = {k: v for k, v in model.state_dict().items()}
torch.save([told, state], f"{sys.argv[1]}/{world().rank}.pt")
"""


class Following(Watch):
    """Averages what it sees after every step, in float64."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.model, self.decay, self.steps = model, decay, 0
        self.average = self.now()

    def now(self) -> dict[str, Tensor]:
        state = self.model.state_dict()
        return {k: v.double() for k, v in state.items() if v.is_floating_point()}

    def step(self, epoch: int, step: int, images: int, loss: Any) -> None:
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in self.now().items():
            self.average[name] = decay * self.average[name] + (1 - decay) * value
        self.steps += 1


@pytest.mark.parametrize("decay", [0.5, 0.99])
@pytest.mark.parametrize("kind", ["masked", "pruned", "plain"])
def test_what_is_kept_is_the_average_of_all_steps(kind: str, decay: float) -> None:
    model: nn.Module = net()
    if kind != "plain":
        model = masked() if kind == "masked" else PrunedModel(net(), sparsity=0.7)
    watch, data = Following(model, decay), images()
    history = fit(model, data, RECIPE.override(ema=decay), observer=watch)
    state = model.state_dict()
    assert len(watch.average) >= 6, "scores or weights, and batch-norm's statistics"
    for name, value in watch.average.items():
        torch.testing.assert_close(state[name].double(), value, rtol=1e-4, atol=1e-6)
    assert evaluate(model, data.test, data) == history[-1].test
    (key,) = [key for key in state if key.endswith("num_batches_tracked")]
    assert state[key] == watch.steps, "what counts is counted on"
    if isinstance(model, PrunedModel):
        assert model.is_finished
        for tensor, mask, weight in zip(
            model.plan, model.masks().values(), model.weights().values(), strict=True
        ):
            assert int(mask.sum()) == int(0.3 * tensor.numel + 0.5)
            assert not weight[~mask].any()


def test_training_itself_goes_on_as_without_it() -> None:
    without = fit(masked(), images(), RECIPE)
    average = fit(masked(), images(), RECIPE.override(ema=0.9))
    assert [e.train_loss for e in average] == [e.train_loss for e in without]
    assert [e.test for e in average] != [e.test for e in without]


@pytest.mark.parametrize("budget", ["tensor", "global"])
def test_masks_are_those_of_the_averaged_scores_at_the_very_density(budget: str) -> None:
    made = compress(
        "mlp", data=SMALL, arguments={"width": 8}, epochs=3, ema=0.9, density=0.3, budget=budget
    )
    weights = [p for p in made.model.parameters() if p.dim() > 1]
    kept, total = sum(int((w != 0).sum()) for w in weights), sum(w.numel() for w in weights)
    assert kept == pytest.approx(0.3 * total, abs=len(weights))
    model = MaskedModel(net(), strategy="mask", density=0.3, budget=budget)
    fit(model, images(), RECIPE.override(ema=0.9))
    if budget == "tensor":
        for score, mask in zip(model.scores, model.masks().values(), strict=True):
            assert torch.equal(mask, top_mask(score, int(0.3 * score.numel() + 0.5)))


@pytest.mark.parametrize("more", [{}, {"renewal": "recycle", "renewal_every": 1},
                                  {"strategy": "magnitude"}])  # fmt: skip
@pytest.mark.parametrize("stop_after", [1, 4])
def test_a_run_that_was_interrupted_ends_with_the_same_bytes(
    stop_after: int, more: dict[str, Any], tmp_path: Path
) -> None:
    settings: Any = {"arguments": {"width": 8}, "epochs": 4, "ema": 0.95} | more
    whole = compress("mlp", data=SMALL, **settings)
    kept = tmp_path / "run.ckpt"
    with pytest.raises(Stop):
        compress("mlp", data=SMALL, checkpoint=kept, observer=Watch(stop_after), **settings)
    rest = compress("mlp", data=SMALL, checkpoint=kept, **settings)
    assert rest.archive == whole.archive
    assert rest.archive != compress("mlp", data=SMALL, **settings | {"ema": 0}).archive
    assert [e.test for e in rest.history] == [e.test for e in whole.history]


def test_ranks_end_with_the_same_average(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(RANKS)
    root = Path(pemn_compress.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         script, tmp_path],
        env=os.environ | {"PYTHONPATH": f"{root}:{Path(__file__).parent}", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (told, state), (others, other) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert told == others
    assert all(torch.equal(value, other[key]) for key, value in state.items())
    model = masked()
    model.load_state_dict(state)
    history, kept = told
    assert evaluate(model, images().test, images()).to_dict() == history[kept - 1][0]


class Odd(nn.Module):
    """Buffers of many kinds, one of which is another tensor after every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("hidden", torch.tensor([0.0, -torch.inf]))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("narrow", torch.ones(2, dtype=torch.float16))
        self.register_buffer("seen", torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.count += 1
            self.seen = self.seen + 1
        out: Tensor = self.layer(x) + torch.where(self.hidden.isinf(), 0.0, self.hidden)
        return out


def test_only_what_can_be_averaged_is() -> None:
    model = Odd()
    recipe = recipes.load("default").override(epochs=2, batch_size=4, ema=0.5)
    fit(model, points(), recipe)
    assert model.hidden.tolist() == [0, -torch.inf]
    assert model.narrow.tolist() == [1, 1]
    assert model.count == 6  # what it counts in a trial and in evaluation is undone, or nothing
    assert 0 < model.seen[0] < 6
    average = Average(model, 0.5)
    model.layer.weight.requires_grad_(False)
    assert "layer.weight" in average.state()["values"]
    assert "layer.weight" not in Average(model, 0.5).state()["values"]
    assert "hidden" not in average.state()["values"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1, "ema: expected from 0 to below 1, got 1"),
        (-0.1, "ema: expected from 0 to below 1, got -0.1"),
        (float("nan"), "ema: expected from 0 to below 1, got nan"),
        ("slow", "ema: expected a number, got 'slow'"),
    ],
)
def test_bad_decays_are_refused(value: Any, told: str) -> None:
    with pytest.raises(PemnError) as refused:
        compress(net(), data=images(), ema=value)
    assert str(refused.value) == told
