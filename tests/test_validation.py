"""A part of the training samples set apart: what is measured on it, kept by it and ended by it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.data import TensorDataset
from trainable import RECIPE, Stop, Watch, images, masked, net, points

from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.data.samples import Data, Split
from pemn_compress.data.validation import with_validation
from pemn_compress.errors import DataError, PemnError, SettingError, UnknownNameError
from pemn_compress.format.archive import open_archive
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.training import recipes
from pemn_compress.training.choosing import Choice
from pemn_compress.training.evaluation import evaluate
from pemn_compress.training.fitting import fit
from pemn_compress.training.history import Epoch, Metric, Score

Call = Callable[..., tuple[object, str, str]]
SMALL = DataRequest("digits", train_limit=200, test_limit=50)
SHORT = {"epochs": 4, "arguments": {"width": 8}, "validation": 0.2}


def numbered(count: int) -> Data:
    """Samples that are their own number."""
    split = Split(torch.arange(count)[:, None].float(), torch.arange(count) % 2)
    return Data("numbers", split, split, 2, None, (1,), False)


@given(st.integers(2, 60), st.integers(0, 2**64), st.data())
def test_the_parts_are_all_samples_once_in_their_order(count: int, seed: int, data: Any) -> None:
    size = data.draw(st.one_of(st.integers(1, count - 1), st.floats(0.5 / count, 0.5)))
    split = with_validation(numbered(count), size, seed)
    assert split.train is not None
    assert split.validation is not None
    parts = [part.inputs.flatten().tolist() for part in (split.train, split.validation)]  # type: ignore[union-attr]
    assert sorted(parts[0] + parts[1]) == list(range(count))
    assert all(part == sorted(part) for part in parts)
    assert abs(len(parts[1]) - (size if size >= 1 else size * count)) <= 0.5
    assert split.test is not None
    again = with_validation(numbered(count), size, seed).validation
    assert again is not None
    assert again.inputs is not None
    assert again.inputs.flatten().tolist() == parts[1]


def test_which_samples_the_seed_chooses_does_not_change() -> None:
    chosen = []
    for seed in (0, 1):
        part = with_validation(numbered(100), 0.05, seed).validation
        assert part is not None
        assert part.inputs is not None
        chosen.append(part.inputs.flatten().int().tolist())
    assert chosen == CHOSEN


CHOSEN = [[3, 23, 72, 87, 96], [6, 64, 75, 77, 94]]


def test_a_dataset_is_split_like_tensors_with_its_labels() -> None:
    whole = numbered(20)
    assert whole.train is not None
    assert whole.train.inputs is not None
    assert whole.train.targets is not None
    dataset = TensorDataset(whole.train.inputs, whole.train.targets)
    labels = tuple(whole.train.targets.tolist())
    other = replace(whole, train=Split(dataset=dataset, labels=labels))
    one, two = with_validation(whole, 7, 3), with_validation(other, 7, 3)
    for ours, theirs in ((one.train, two.train), (one.validation, two.validation)):
        assert ours is not None
        assert theirs is not None
        assert theirs.dataset is not None
        assert ours.inputs is not None
        read = [theirs.dataset[at][0] for at in range(len(theirs))]
        assert torch.equal(torch.stack(read), ours.inputs)
        assert theirs.known_labels() == ours.known_labels()


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0.01, "got 0 for validation and 20 for training of 20 training samples"),
        (20, "got 20 for validation and 0 for training of 20"),
        (1000, "got 20 for validation and 0 for training of 20"),
        (0.99, "got 20 for validation and 0 for training of 20"),
    ],
)
def test_parts_without_samples_are_refused(size: float, told: str) -> None:
    with pytest.raises(DataError, match=told):
        with_validation(numbered(20), size, 0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"validation": -0.1}, "validation: expected a fraction below 1 or a number of samples"),
        ({"validation": 2.5}, "validation: expected a fraction below 1 or a number of samples"),
        ({"validation": float("nan")}, "validation: expected a fraction below 1"),
        ({"validation": "some"}, "validation: expected a number, got 'some'"),
        ({"patience": -1}, "patience: expected 0 or more, got -1"),
        ({"patience": 1.5}, "patience: expected a whole number, got 1.5"),
        ({"keep": "worst"}, "unknown keep 'worst'; expected one of: best, last"),
        ({"keep": "best"}, "keep best: expected samples to choose by that are neither trained nor"),
        ({"patience": 3}, "patience 3: expected samples to choose by that are neither trained"),
    ],
)
def test_bad_settings_are_refused_in_a_line(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(PemnError) as refused:
        compress(net(), data=images(), **settings)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert isinstance(refused.value, SettingError | UnknownNameError)


def test_what_is_set_apart_is_never_trained_on() -> None:
    data, recipe = images(), RECIPE.override(validation=0.25)
    split = with_validation(data, 0.25, 0)
    assert split.validation is not None
    assert split.validation.inputs is not None
    noise = replace(split.validation, inputs=255 - split.validation.inputs)
    one, two, three = masked(), masked(), masked()
    first = fit(one, data, recipe)
    second = fit(two, replace(split, validation=noise), recipe)
    third = fit(three, replace(split, validation=None), recipe.override(validation=0))
    for other in (two, three):
        state = other.state_dict()
        assert all(torch.equal(value, state[key]) for key, value in one.state_dict().items())
    assert [e.test for e in first] == [e.test for e in second] == [e.test for e in third]
    assert [e.validation for e in first] != [e.validation for e in second]
    last = first[-1].validation
    assert last == evaluate(one, split.validation, data)
    assert last is not None
    assert last.total == 12
    assert third[-1].validation is None


def test_a_limit_comes_first_and_the_record_tells_the_parts() -> None:
    made = compress("mlp", data=SMALL, **SHORT)
    assert made.record["data"] == {
        "name": "digits", "train": 160, "validation": 40, "test": 50, "classes": 10,
    }  # fmt: skip
    assert (made.record["kept_epoch"], made.record["stopped"]) == (4, None)
    assert [epoch["validation"]["total"] for epoch in made.record["epochs"]] == [40] * 4
    assert made.record["recipe"]["validation"] == 0.2
    assert compress("mlp", data=SMALL, **SHORT | {"validation": 40}).archive == made.archive


def test_a_part_of_the_datas_own_is_used_and_none_beside_it() -> None:
    data = replace(images(), validation=images().test)
    history = fit(masked(), data, RECIPE.override(keep="best"))
    assert [e.validation for e in history] == [e.test for e in history]
    with pytest.raises(SettingError, match=r"validation part of their own \(20 samples"):
        compress(net(), data=data, validation=0.1)


class States(Watch):
    """Keeps the state of a model after every epoch."""

    def __init__(self, model: nn.Module, stop_after: int = 0) -> None:
        super().__init__(stop_after)
        self.model = model
        self.states: list[dict[str, Any]] = []

    def epoch(self, epoch: Epoch) -> None:
        self.states.append({k: v.clone() for k, v in self.model.state_dict().items()})
        super().epoch(epoch)


def best_of(history: Sequence[Epoch], since: int = 1) -> int:
    scores = {e.epoch: e.validation.headline.value for e in history if e.validation}
    later = {epoch: value for epoch, value in scores.items() if epoch >= since}
    return min(epoch for epoch, value in later.items() if value == max(later.values()))


@pytest.mark.parametrize("search", ["edge-popup", "biprop"])
def test_the_best_epoch_is_kept_as_it_was_and_of_equals_the_first(search: str) -> None:
    model = MaskedModel(net(), strategy="mask", search=search)
    watch, data = States(model), images()
    recipe = RECIPE.override(validation=8, keep="best", epochs=6, lr=0.3)
    history = fit(model, data, recipe, observer=watch)
    assert history.kept_epoch == best_of(history) < 6
    assert history.kept is history[history.kept_epoch - 1]
    then = watch.states[history.kept_epoch - 1]
    assert all(torch.equal(value, then[key]) for key, value in model.state_dict().items())
    assert evaluate(model, data.test, data) == history.kept.test


def test_by_default_the_last_epoch_is_kept() -> None:
    model = masked()
    watch = States(model)
    history = fit(model, images(), RECIPE.override(validation=8), observer=watch)
    assert (history.kept_epoch, history.stopped) == (4, None)
    last = watch.states[-1]
    assert all(torch.equal(value, last[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    "more", [{}, {"patience": 2}, {"ema": 0.9}, {"renewal": "iterand", "renewal_every": 3}]
)
def test_a_run_that_was_interrupted_ends_with_the_same_bytes(
    more: dict[str, Any], tmp_path: Path
) -> None:
    settings: Any = SHORT | {"keep": "best", "epochs": 6} | more
    whole = compress("mlp", data=SMALL, **settings)
    for stop_after in (2, len(whole.history)):
        kept = tmp_path / f"{stop_after}.ckpt"
        with pytest.raises(Stop):
            compress("mlp", data=SMALL, checkpoint=kept, observer=Watch(stop_after), **settings)
        watch = Watch()
        rest = compress("mlp", data=SMALL, checkpoint=kept, observer=watch, **settings)
        assert rest.archive == whole.archive
        assert watch.told[0] == (6, 3, stop_after)
        for name in ("kept_epoch", "stopped"):
            assert rest.record[name] == whole.record[name]
        assert [e.validation for e in rest.history] == [e.validation for e in whole.history]
    assert watch.told == [(6, 3, len(whole.history))], "nothing is left to train"


def test_a_checkpoint_of_another_choice_is_of_another_run(tmp_path: Path) -> None:
    recipe = RECIPE.override(validation=8)
    with pytest.raises(Stop):
        fit(masked(), images(), recipe, checkpoint=tmp_path / "x", observer=Watch(2))
    for change in ({"validation": 9}, {"keep": "best"}, {"patience": 2}, {"ema": 0.9}):
        (name,) = change
        with pytest.raises(PemnError, match=rf"another run: recipe\.{name}: expected"):
            fit(masked(), images(), recipe.override(**change), checkpoint=tmp_path / "x")


def told(number: int, value: float, better: str = "max") -> Epoch:
    score = Score(8, 1.0, (Metric("metric", value, better),))
    return Epoch(number, 0.1, 1.0, score, 1.0, 1.0, score)


def test_less_may_be_better_and_what_is_no_number_is_beaten() -> None:
    choice = Choice(net(), RECIPE.override(keep="best", epochs=9))
    values = [float("nan"), 3.0, 2.0, 2.0, float("nan"), 2.5]
    epochs = [told(at + 1, value, "min") for at, value in enumerate(values)]
    for epoch in epochs:
        choice.consider(epoch)
    assert choice.finish(epochs).kept_epoch == 3


@pytest.mark.parametrize("kind", ["cubic masks", "cubic pruning", "one-shot", "dense"])
def test_nothing_is_chosen_before_the_density_is_the_final_one(kind: str) -> None:
    epochs, steps = 6, 10
    if kind == "cubic masks":
        model: Any = MaskedModel(
            net(), strategy="mask", density=0.1, density_schedule="cubic", ramp_epochs=3
        )
    elif kind == "cubic pruning":
        model = PrunedModel(net(), sparsity=0.9, pruning_end=0.6)
    elif kind == "one-shot":
        model = PrunedModel(net(), sparsity=0.9, pruning_schedule="one-shot", pruning_start=1.0)
    else:
        model = PrunedModel(net(), strategy="dense")
    choice, history = Choice(model, RECIPE.override(keep="best", patience=1, epochs=epochs)), []
    for number in range(epochs):
        model.advance(epoch=number)
        for step in range(steps + 1):
            model.advance(step=number * steps + step, steps=epochs * steps)
        history.append(told(number + 1, -number))  # every epoch is worse than the one before
        choice.consider(history[-1])
        if choice.stopped:
            break
    first = {"cubic masks": 4, "cubic pruning": 4, "one-shot": 6, "dense": 1}[kind]
    done = choice.finish(history)
    assert (done.kept_epoch, len(done)) == (first, min(first + 1, epochs))
    assert done.stopped == ("no better validation metric in 1 epoch" if first < 5 else None)
    for tensor in model.plan if kind != "dense" else ():
        kept = int(model.masks()[tensor.name].sum())
        assert kept == max(1, int(0.1 * tensor.numel + 0.5))


@pytest.mark.parametrize(
    "settings",
    [
        {"density": 0.1, "density_schedule": "cubic", "ramp_epochs": 2},
        {"strategy": "magnitude", "sparsity": 0.8, "pruning_end": 0.75},
        {"strategy": "random", "sparsity": 0.8, "pruning_schedule": "one-shot",
         "pruning_start": 0.5},
    ],
)  # fmt: skip
def test_what_is_stored_has_its_density_whichever_epoch_is_kept(settings: dict[str, Any]) -> None:
    more: Any = SHORT | {"keep": "best", "validation": 3} | settings  # of 3, many epochs are equal
    made = compress("mlp", data=SMALL, **more)
    since = {"cubic": 3, "magnitude": 3, "random": 2}[
        settings.get("density_schedule", settings.get("strategy"))
    ]
    assert made.history.kept_epoch == best_of(made.history, since)
    density = 0.1 if "density" in settings else 0.2
    for tensor in made.model.parameters():
        if tensor.dim() > 1:
            share = int((tensor != 0).sum()) / tensor.numel()
            assert share == pytest.approx(density, abs=1 / tensor.numel())
    with open_archive(made.archive) as archive:
        assert archive.manifest.about["training"]["epochs"] == made.history.kept_epoch


def test_patience_ends_a_run_and_all_tell_of_it(call: Call) -> None:
    common = ("mlp", "--data", "digits", "--train-limit", "200", "--test-limit", "50", "-a",
              "width=16", "--validation", "0.2", "--epochs", "30")  # fmt: skip
    code, out, err = call("compress", *common, "--keep", "best", "--patience", "2",
                          "--record", "r.json", "-o", "a.pemn")  # fmt: skip
    assert code == 0, err
    record = json.loads(Path("r.json").read_text())
    kept, ran = record["kept_epoch"], len(record["epochs"])
    assert ran == kept + 2 < 30
    assert record["stopped"] == "no better validation accuracy in 2 epochs"
    validation = record["epochs"][kept - 1]["validation"]["metrics"][0]["value"]
    assert f"digits, epoch {kept})" in out
    line = f"accuracy {100 * validation:.2f} % of 40 samples; epoch {kept} of 30 is the best"
    assert f"\n  validation       {line}\n" in out
    assert f"\n  stopped          after epoch {ran}: {record['stopped']}\n" in out
    assert record["metric"] == record["epochs"][kept - 1]["test"]["metrics"][0]
    (line,) = [line for line in err.splitlines() if line.startswith(f"epoch {kept:>2}/30")]
    assert f"  validation {100 * validation:.2f} %  " in line
    assert max(map(len, [*out.splitlines(), *err.splitlines()[1:]])) <= 80


def test_patience_that_ends_nothing_is_told(call: Call) -> None:
    common = ("mlp", "--data", "digits", "--train-limit", "60", "--test-limit", "20", "-a",
              "width=4", "--validation", "20", "--epochs", "4", "--patience", "2")  # fmt: skip
    for name, more, said in (
        ("a", ["--density-schedule", "cubic", "--ramp-epochs", "1"], ", of which those from epoch "
         "2 on have the final density"),
        ("b", ["--strategy", "magnitude"], ", of which those from epoch 2 on have the final"),
        ("c", ["--strategy", "dense"], None),
        ("d", ["--strategy", "dense", "--patience", "3"], "; pass more --epochs or a smaller "),
    ):  # fmt: skip
        code, _, err = call("compress", *common, *more, "-o", f"{name}.pemn")
        assert code == 0, err
        lines = [line for line in err.splitlines() if "can end no run of 4 epochs" in line]
        assert len(lines) == (said is not None)
        assert said is None or said in lines[0]


def test_a_command_without_what_it_needs_is_refused(call: Call) -> None:
    code, out, err = call("compress", "mlp", "--data", "digits", "--keep", "best")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "got none; pass --validation 0.1. The test part is not for choosing" in err
    code, out, err = call("compress", "mlp", "--data", "digits", "--validation", "2000")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert not list(Path().iterdir())


class Pairs(nn.Module):
    """Takes no sample alone."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        if len(x) < 2:
            raise ValueError("expected two samples or more")
        out: Tensor = self.layer(x)
        return out


def test_parts_of_one_sample(tmp_path: Path) -> None:
    data = images()
    one = replace(data, test=data.test.first(1))
    history = fit(masked(), one, RECIPE.override(validation=1, keep="best"))
    last = history[-1]
    assert last.validation is not None
    assert (last.test.total, last.validation.total) == (1, 1)
    made = compress(net(), data=one, recipe=RECIPE, validation=1, keep="best")
    assert made.steps[-1].score == made.history.kept.test
    watch = Watch()
    with pytest.raises(PemnError, match="expected two samples or more"):  # before the first step
        fit(Pairs(), points(), recipes.load("default").override(validation=1), observer=watch)
    assert not watch.told
