"""Batch-norm's running statistics taken afresh: what they are, of which model, and what is kept."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from trainable import RECIPE, Stop, Watch, images, masked, net, points

import pemn_compress
from pemn_compress.compressing import compress, starting
from pemn_compress.compressing.storage import Storage
from pemn_compress.data.batches import Batches
from pemn_compress.errors import DataError, ModelError, SettingError
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.storing.loading import load
from pemn_compress.training.evaluation import evaluate
from pemn_compress.training.fitting import fit

RANKS = """
import sys, torch
torch.set_num_threads(1)
from trainable import RECIPE, images, masked
from pemn_compress.data.ranks import world
from pemn_compress.training.fitting import fit

model = masked()
history = fit(model, images(), RECIPE.override(recompute_batchnorm=3, ema=0.9, batch_size=16))
torch.save([history.recomputed.to_dict(), model.state_dict()], f"{sys.argv[1]}/{world().rank}.pt")
"""


def norm_of(model: nn.Module) -> Any:
    (found,) = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    return found


def state_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def is_statistic(name: str) -> bool:
    return name.endswith(("running_mean", "running_var", "num_batches_tracked"))


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(2, 9), min_size=1, max_size=5), count=st.integers(1, 6))
def test_they_are_the_means_over_the_batches(sizes: list[int], count: int) -> None:
    torch.manual_seed(sum(sizes))
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3), nn.Linear(3, 2))
    model[0].running_mean.fill_(7)
    batches = [(5 * torch.randn(size, 3) + 2, torch.zeros(size)) for size in sizes]
    done = pemn_compress.recompute_batchnorm(model, batches, count)
    used = [inputs for inputs, _ in batches[:count]]
    assert done == len(used)
    mean = torch.stack([inputs.mean(0) for inputs in used]).mean(0)
    var = torch.stack([inputs.var(0) for inputs in used]).mean(0)
    torch.testing.assert_close(model[0].running_mean, mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model[0].running_var, var, rtol=1e-4, atol=1e-5)
    assert model[0].momentum == 0.3


@pytest.mark.parametrize("kind", ["masked", "pruned", "plain"])
def test_nothing_else_of_a_model_changes(kind: str) -> None:
    model: nn.Module = net()
    if kind != "plain":
        model = masked() if kind == "masked" else PrunedModel(net(), sparsity=0.7)
    model.train()
    norm_of(model).eval()  # a mode of its own
    before = state_of(model)
    batches = [torch.randn(8, 1, 6, 6) + 3 for _ in range(4)]
    pemn_compress.recompute_batchnorm(model, batches)
    assert model.training
    assert not norm_of(model).training
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert all(map(is_statistic, changed))
    assert all(parameter.grad is None for parameter in model.parameters())


class Two(nn.Module):
    """Takes two inputs by name, and has a batch norm that nothing reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.unused = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
        self.unused.running_mean.fill_(5)

    def forward(self, first: Tensor, second: Tensor) -> Any:
        return self.norm(first + second)


def test_samples_of_any_structure_and_a_norm_that_is_not_reached() -> None:
    first, second = torch.randn(6, 2), torch.randn(6, 2)
    mean = (first + second).mean(0)
    for batch in (
        {"first": first, "second": second, "labels": torch.zeros(6)},
        ((first, second), torch.zeros(6)),
    ):
        model = Two()
        assert pemn_compress.recompute_batchnorm(model, [batch]) == 1
        torch.testing.assert_close(model.norm.running_mean, mean)
        assert model.unused.running_mean.tolist() == [5, 5]


def test_what_cannot_be_done_leaves_all_as_it_was() -> None:
    def broken() -> Any:
        yield torch.randn(4, 1, 6, 6)
        yield torch.full((4, 1, 6, 6), float("inf"))

    for batches, error, told in (
        ([], DataError, "expected some, got none"),
        (broken(), ModelError, "1: batch-norm's statistics over 2 batches are not finite"),
        ([torch.randn(4, 1, 6, 6), torch.randn(4, 7)], DataError, "batch-norm's statistics: "),
        ([(1, 2, 3)], DataError, "expected a pair"),
    ):
        model = net()
        model.eval()
        norm_of(model).running_mean.fill_(3)
        before = state_of(model)
        with pytest.raises(error, match=told):
            pemn_compress.recompute_batchnorm(model, batches)
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
        assert norm_of(model).momentum == 0.1
        assert not model.training
    with pytest.raises(SettingError, match="batches: expected"):
        pemn_compress.recompute_batchnorm(net(), [torch.randn(4, 1, 6, 6)], 0)
    for none in (nn.Linear(2, 2), nn.BatchNorm2d(3, track_running_stats=False)):
        with pytest.raises(SettingError, match="got none in"):
            pemn_compress.recompute_batchnorm(none, [])


@pytest.mark.parametrize("more", [{}, {"ema": 0.9}, {"validation": 0.2, "keep": "best"}])
def test_a_run_ends_with_those_of_its_next_batches_in_the_kept_model(more: dict[str, Any]) -> None:
    """The average's and the best epoch's statistics give way to those of the very model."""
    data, recipe = images(), RECIPE.override(lr=0.1, **more)
    without, plain = masked(), fit(without_ := masked(), data, recipe)
    without.load_state_dict(without_.state_dict())
    model = masked()
    history = fit(model, data, recipe.override(recompute_batchnorm=5))
    assert list(map(unclocked, history)) == list(map(unclocked, plain)), "the curve is as measured"
    assert history.kept_epoch == plain.kept_epoch
    done = history.recomputed
    assert done is not None
    assert done.batches == 5
    assert unclocked(done.before) == unclocked(plain.kept)
    for name, value in model.state_dict().items():
        if not is_statistic(name):
            assert torch.equal(value, without.state_dict()[name]), name
    assert int(norm_of(model).num_batches_tracked) == 5
    if not recipe.validation:
        torch.manual_seed(recipe.epochs)
        batches = Batches(data.train, batch_size=16, shuffle_seed=0, normalize=data.normalize)
        taken: list[Any] = []
        for epoch in (recipe.epochs, recipe.epochs + 1):
            batches.set_epoch(epoch)
            taken += list(batches)
        pemn_compress.recompute_batchnorm(without, taken, 5)
        mean = norm_of(without).running_mean
        torch.testing.assert_close(norm_of(model).running_mean, mean)
    assert evaluate(model, data.test, data) == history.kept.test == done.after.test
    assert history.kept.test != plain.kept.test


def unclocked(epoch: Any) -> Any:
    told = epoch.to_dict()
    return {key: value for key, value in told.items() if "second" not in key}


def test_a_run_that_goes_on_ends_with_the_same_and_may_be_asked_afterwards(tmp_path: Path) -> None:
    recipe = RECIPE.override(recompute_batchnorm=3)
    whole = masked()
    fit(whole, images(), recipe)
    with pytest.raises(Stop):
        fit(masked(), images(), recipe, checkpoint=tmp_path / "run", observer=Watch(2))
    rest = masked()
    fit(rest, images(), recipe, checkpoint=tmp_path / "run")
    later = masked()
    fit(masked(), images(), RECIPE, checkpoint=tmp_path / "other")
    watch = Watch()
    fit(later, images(), recipe, checkpoint=tmp_path / "other", observer=watch)
    assert watch.told == [(4, 3, 4)], "no epoch is trained again"
    for name, value in whole.state_dict().items():
        assert torch.equal(value, rest.state_dict()[name]), name
        assert torch.equal(value, later.state_dict()[name]), name


def test_a_model_without_is_refused_before_the_first_step() -> None:
    watch = Watch()
    model = nn.Linear(2, 2)
    recipe = RECIPE.override(recompute_batchnorm=2)
    with pytest.raises(SettingError, match="got none in Linear; leave it out"):
        fit(model, points(), recipe, observer=watch)
    assert watch.told == []
    with pytest.raises(SettingError, match="recompute batchnorm: expected a number of batches"):
        RECIPE.override(recompute_batchnorm=-1)


class Changes(nn.Module):
    """Takes steps, but no pass in training without gradients: as a loss inside a model may not."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.last = nn.BatchNorm1d(2), nn.Linear(2, 2)

    def forward(self, inputs: Tensor) -> Any:
        if self.training and not torch.is_grad_enabled():
            raise RuntimeError("no gradients")
        return self.last(self.norm(inputs))


def test_they_are_tried_before_the_first_step() -> None:
    watch = Watch()
    with pytest.raises(ModelError, match=r"no gradients.*; tried before the first step"):
        fit(Changes(), points(), RECIPE.override(recompute_batchnorm=2), observer=watch)
    assert watch.told == []
    fit(Changes(), points(), RECIPE, observer=watch)


def test_whoever_watches_is_told_of_every_batch_and_an_interrupt_leaves_all() -> None:
    model, told = net(), list[int]()
    batches = [torch.randn(8, 1, 6, 6) for _ in range(5)]
    assert pemn_compress.recompute_batchnorm(model, batches, 4, watch=told.append) == 4
    assert told == [1, 2, 3, 4]
    before = state_of(model)

    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pemn_compress.recompute_batchnorm(model, [b + 7 for b in batches], watch=stop)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert norm_of(model).momentum == 0.1


def test_the_archive_and_the_record_hold_what_was_measured_last(call: Any) -> None:
    words = ("--data", "digits", "--train-limit", "128", "--test-limit", "40", "-a", "width=0.25",
             "--epochs", "1", "--batchnorm", "frozen", "-o", "net.pemn", "-q")  # fmt: skip
    status, out, err = call("compress", "resnet20", *words, "--recompute-batchnorm", "--json")
    assert status == 0, err
    record = json.loads(out)
    done = record["recomputed_batchnorm"]
    assert done["batches"] == record["recipe"]["recompute_batchnorm"] == 100
    assert done["after"]["metrics"][0] == record["metric"]
    assert record["epochs"][0]["test"] == done["before"]
    assert load("net.pemn").bn.num_batches_tracked == 100
    status, out, _ = call("evaluate", "net.pemn", "--data", "digits", "--test-limit", "40")
    assert f"{100 * record['accuracy']:.2f} %" in out
    status, out, _ = call("compress", "resnet20", *words, "--recompute-batchnorm", "2", "--force")
    assert "  batch norm       afresh over 2 batches: test accuracy " in out
    status, out, err = call(
        "compress", "mlp", "--data", "digits", "--recompute-batchnorm=2", "-o", "other.pemn"
    )
    assert (status, out) == (2, "")
    assert "batch norm that has running statistics, got none in Sequential; leave it out" in err
    assert not Path("other.pemn").exists()


def test_compress_takes_it_as_a_setting() -> None:
    data = images()
    made = compress(net(), data=data, epochs=2, batch_size=16, recompute_batchnorm=4)
    assert made.history.recomputed is not None
    assert evaluate(made.model, data.test, data) == made.steps[-1].score == made.history.kept.test


def test_folded_statistics_are_the_new_ones_and_both_are_tried_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, storage = images(), Storage(fold_batchnorm=True)
    chosen = {"epochs": 2, "batch_size": 16, "recompute_batchnorm": 4}
    made = compress(net(), data=data, storage=storage, **chosen)
    assert [step.label for step in made.steps] == ["as trained", "batch-norm folded"]
    assert not norm_of(made.model).running_mean.any()
    plain = compress(net(), data=data, **chosen)
    inputs = torch.rand(8, 1, 6, 6)
    torch.testing.assert_close(made.model(inputs), plain.model(inputs), rtol=1e-4, atol=1e-5)

    def refuse(*_: Any) -> Any:
        raise ModelError("no reader takes what is folded")

    monkeypatch.setattr(starting, "as_read", refuse)
    watch = Watch()
    with pytest.raises(ModelError, match="no reader takes what is folded"):
        compress(net(), data=data, storage=storage, observer=watch, **chosen)
    assert watch.told == []


def test_all_ranks_come_to_the_same(tmp_path: Path) -> None:
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    root = Path(pemn_compress.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         script, tmp_path],
        env=os.environ | {"PYTHONPATH": f"{root}:{Path(__file__).parent}", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (told, state), (others, other) = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert told == others
    assert told["batches"] == 3
    for name, value in state.items():
        assert torch.equal(value, other[name]), name
