"""A step is tried before the first one, and undone: what a model cannot take is found there."""

import copy
import random
from collections import deque
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from trainable import RECIPE, Watch, images, masked, net, points

from pemn_compress.data.batches import Batches
from pemn_compress.data.ranks import World
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import (
    DataError,
    ModelError,
    PemnError,
    PemnWarning,
    SettingError,
    TrainingError,
)
from pemn_compress.kinds import of_kind
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.training.evaluation import check_fit, evaluate
from pemn_compress.training.fitting import fit
from pemn_compress.training.run import Run
from pemn_compress.training.trial import Trial
from pemn_compress.training.untouched import untouched

TWO = RECIPE.override(epochs=2)


def narrow() -> nn.Module:
    """Batch normalisation of maps of one pixel: there is no variance in one sample of it."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 6), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3)
    )


def trial(model: nn.Module, count: int, here: World | None = None, batch: int = 16) -> Trial:
    recipe = RECIPE.override(batch_size=batch)
    return Trial(model, images(count), recipe, Run(), None, 0, here or World(), 3)


@pytest.mark.parametrize("wrap", [nn.Sequential, MaskedModel])
def test_a_last_batch_of_one_joins_the_one_before_it(wrap: Any) -> None:
    one, watch = wrap(narrow()), Watch()
    history = fit(one, images(33), TWO, observer=watch)
    assert watch.told == [(2, 2, 0), 1, 2]
    told = [text for text in watch.warnings if "joins the one before it" in text]
    assert len(told) == 1
    assert "Expected more than 1 value per channel" in told[0]
    other = wrap(narrow())
    again = fit(other, images(33), TWO, observer=Watch())
    assert [epoch.train_loss for epoch in again] == [epoch.train_loss for epoch in history]


def test_no_sample_is_lost_where_batches_join() -> None:
    data = images(33)
    batches = Batches(data.train, batch_size=16, shuffle_seed=0, join_last=True)
    assert [len(targets) for _, targets in batches] == [16, 17]
    assert len(batches) == 2
    seen = torch.cat([inputs for inputs, _ in batches]).flatten(1).sort(0).values
    assert torch.equal(seen, data.train.inputs.flatten(1).sort(0).values)
    for count, sizes in ((5, [5]), (32, [16, 16]), (16, [16])):  # nothing to join
        joined = Batches(images(count).train, batch_size=16, shuffle_seed=0, join_last=True)
        assert [len(targets) for _, targets in joined] == sizes


@pytest.mark.parametrize("size", [2, 3, 4])
def test_parts_of_a_joined_batch_make_it_up(size: int) -> None:
    settings = {"batch_size": 12, "shuffle_seed": 0, "join_last": True}
    parts = [Batches(images(25).train, world=World(r, size), **settings) for r in range(size)]
    sizes = [[len(targets) for _, targets in part] for part in parts]
    assert [sum(column) for column in zip(*sizes, strict=True)] == [12, 13]
    assert sum(part.weight(1) for part in parts) == pytest.approx(size)


@pytest.mark.parametrize(
    ("count", "ranks", "joins"),
    [
        (33, 1, True), (34, 1, False), (32, 1, False), (5, 1, False),
        (33, 2, True), (34, 2, True), (35, 2, True), (36, 2, False),
        (39, 4, True), (40, 4, False),
    ],
)  # fmt: skip
def test_no_rank_steps_on_one_sample(count: int, ranks: int, joins: bool) -> None:
    found = trial(narrow(), count, World(0, ranks)).find()
    assert bool(found.too_small) == joins


def test_models_that_take_one_sample_go_on_as_before() -> None:
    watch = Watch()
    fit(net(), images(33), TWO, observer=watch)
    assert watch.told[0] == (2, 3, 0)
    assert watch.warnings == []


@pytest.mark.parametrize(
    ("count", "batch", "ranks", "message"),
    [
        (1, 16, 1, "in a batch of 1: .*the only training sample: expected more"),
        (32, 1, 1, "in a batch of 1: .*; 2 samples it takes: expected a batch size of 2 or more"),
        (32, 4, 4, "2 samples for each of 4 ranks it takes: expected a batch size of 8 or more"),
    ],
)
def test_what_no_batch_can_mend_is_refused_before_training(
    count: int, batch: int, ranks: int, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        trial(narrow(), count, World(0, ranks), batch).find()


class Fours(nn.Module):
    """Looks at its batch in groups of four while it is trained, as some layers do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(36, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        if self.training:
            x = x.view(min(4, len(x)), -1, 36).flatten(0, 1)
        return self.layer(x)


def test_a_last_batch_of_any_size_is_tried() -> None:
    with pytest.raises(DataError, match="batch size that divides the 37 training samples") as told:
        fit(Fours(), images(37), TWO, observer=Watch())
    assert "in a batch of 5" in str(told.value)
    assert "test_trial.py, line " in str(told.value)
    fit(Fours(), images(36), TWO, observer=Watch())


class Squeezing(nn.Linear):
    """Forgets that a batch may be of one sample."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1)).squeeze()


def test_outputs_of_another_shape_for_one_sample() -> None:
    torch.manual_seed(0)
    watch = Watch()
    data = images(257)
    history = fit(Squeezing(36, 3), Data("bars", data.train, data.train, 3, None, (1, 6, 6), True,
                                         (0.3,), (0.3,)), TWO.override(batch_size=64),
                  observer=watch)  # fmt: skip
    assert watch.told[0] == (2, 4, 0)
    assert history[-1].test.total == 257
    with pytest.raises(DataError, match=r"expected a tensor of shape \(1, classes\), got \(3,\)"):
        check_fit(Squeezing(36, 3), Data("one", None, data.train.first(1), 3, None, (1, 6, 6), True,
                                         (0.3,), (0.3,)))  # fmt: skip


class Odd(nn.Module):
    """A model with all that a forward pass may change, and one way to fail."""

    def __init__(self, how: str = "") -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(36, 3), nn.BatchNorm1d(3)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("steps", torch.zeros(()), persistent=False)
        self.how, self.count, self.seen = how, 0, []
        self.table, self.last = {"n": [0]}, deque([1], maxlen=2)
        self.array, self.loose = np.zeros(3), torch.zeros(3)
        self.generator, self.numpys = torch.Generator().manual_seed(3), np.random.default_rng(3)
        self.pythons = random.Random(3)
        self.held = Held()

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        self.count += 1
        self.steps += 1
        self.seen.append(x)
        self.table["n"][0] += 1
        self.table["new"] = x
        self.last.append(self.count)
        self.array += 1
        self.loose += 1
        self.held.count += 1
        with torch.no_grad():
            self.layer.weight.mul_(0.9)
        self.register_buffer("late", torch.ones(2))
        noise = torch.rand((), generator=self.generator) + float(self.numpys.random())
        noise = noise + self.pythons.random() + random.random() + float(np.random.rand())
        if self.how == "tuple":
            return self.layer(x), noise
        if self.how == "detached":
            return self.layer(x).detach()
        return self.norm(self.drop(self.layer(x))) + noise


class Held:
    """Something that is no module and counts."""

    def __init__(self) -> None:
        self.count = 0


def everything(model: Odd) -> dict[str, Any]:
    """Return a copy of all there is to see of a model and of what is random."""
    return copy.deepcopy({
        "state": model.state_dict(), "steps": model.steps, "count": model.count,
        "seen": model.seen, "table": model.table, "last": model.last, "array": model.array,
        "loose": model.loose, "held": model.held.count, "buffers": list(model._buffers),
        "grads": [p.grad for p in model.parameters()],
        "modes": [m.training for m in model.modules()],
        "own": (model.generator.get_state(), model.numpys.random.__self__.bit_generator.state,
                model.pythons.getstate()),
        "random": (torch.get_rng_state(), random.getstate(), np.random.get_state()),
    })  # fmt: skip


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(v, other[k]) for k, v in one.items())
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("how", ["", "tuple", "detached"])
def test_a_trial_leaves_nothing_behind(how: str) -> None:
    model = Odd(how)
    model.norm.eval()
    model.layer.weight.grad = torch.ones(3, 36)
    before = everything(model)
    for attempt in (lambda: trial(model, 33).find(), lambda: check_fit(model, images())):
        try:
            attempt()
        except PemnError:
            assert how
        after = everything(model)
        assert [key for key in before if not same(before[key], after[key])] == []


def test_untouched_gives_back_what_was_replaced() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    weight, buffer = model[0].weight, model[1].running_mean
    with untouched(model):
        model[0].weight = nn.Parameter(torch.zeros(2, 2))
        model[1].running_mean = torch.ones(2)
        model.add_module("more", nn.Linear(2, 2))
        del model[0].bias
    assert model[0].weight is weight
    assert model[1].running_mean is buffer
    assert [name for name, _ in model.named_parameters()] == [
        "0.weight", "0.bias", "1.weight", "1.bias"
    ]  # fmt: skip


def test_a_mode_of_its_own_survives_an_evaluation() -> None:
    model = net().train()
    model[1].eval()
    evaluate(model, images().test, images())
    assert [module.training for module in model] == [True, False, True, True, True, True]


KEPT: list[Any] = []


class Beside(nn.Module):
    """Has a layer that it does not use, and computes with weights from a list if told to."""

    def __init__(self, kept: bool = False) -> None:
        super().__init__()
        self.a, self.b, self.norm = nn.Linear(2, 8), nn.Linear(8, 2), nn.LayerNorm(3)
        KEPT[:] = [self.a.weight] if kept else []

    def forward(self, x: Tensor) -> Tensor:
        weight = KEPT[0] if KEPT else self.a.weight
        return self.b(nn.functional.linear(x, weight, self.a.bias).relu())


@pytest.mark.parametrize("wrap", [nn.Sequential, MaskedModel])
def test_parameters_that_no_gradient_reaches_are_told(wrap: Any) -> None:
    watch = Watch()
    fit(wrap(Beside()), points(), TWO, observer=watch)
    (told,) = watch.warnings
    assert told.startswith("no gradient reached 2 of 6 trainable parameters when a step was tried ")
    assert "norm.weight, " in told
    with pytest.warns(PemnWarning, match="no gradient reached 2 of 6") as caught:
        fit(wrap(Beside()), points(), TWO)
    assert caught[0].filename == __file__


def test_weights_that_are_trained_beside_their_scores_are_found_before_training() -> None:
    watch = Watch()
    with pytest.raises(TrainingError, match=r"^a\.weight: the loss reaches the parameter that the"):
        fit(MaskedModel(Beside(kept=True)), points(), TWO, observer=watch)
    assert watch.told == []


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (Odd("detached"), ModelError, "no gradient reaches any trainable parameter"),
        (Odd("tuple"), DataError, r"shape \(2, classes\), got tuple"),
        (nn.Flatten(), ModelError, "no trainable parameter: .* got none at all"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(36, 3)).requires_grad_(False),
            ModelError,
            "no trainable parameter: expected one with requires_grad, got 111 numbers",
        ),
    ],
    ids=["detached", "tuple", "empty", "frozen"],
)
def test_what_cannot_be_trained_is_one_line(model: Any, error: type, message: str) -> None:
    watch = Watch()
    with pytest.raises(error, match=message) as caught:
        fit(model, images(), TWO, observer=watch)
    assert "\n" not in str(caught.value)
    assert watch.told == []


@pytest.mark.parametrize("label", [3, -1, -100])
@pytest.mark.parametrize("split", ["train", "test"])
def test_labels_out_of_range_are_found_before_training(label: int, split: str) -> None:
    data = {"train": images(), "test": images()}
    data[split].train.targets[7] = label
    both = Data("bars", data["train"].train, data["test"].train, None, None, (1, 6, 6), True,
                (0.3,), (0.3,))  # fmt: skip
    name = {"train": "training", "test": "test"}[split]
    expected = f"data 'bars', {name} labels: expected from 0 to 2, .*3 outputs; got {label}"
    watch = Watch()
    with pytest.raises(DataError, match=expected):
        fit(net(), both, TWO, observer=watch)
    assert watch.told == []


def test_one_label_for_all_is_told() -> None:
    watch = Watch()
    fit(nn.Linear(2, 2), points(torch.ones(12, dtype=torch.int64)), TWO, observer=watch)
    assert watch.warnings == [
        "data 'points': all 12 training labels are 1: there is nothing to tell apart"
    ]


def test_data_without_samples() -> None:
    none = Split(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64))
    some = points().test
    for train, test, message in (
        (none, some, "no training samples"),
        (some, none, "no test sampl"),
    ):
        with pytest.raises(DataError, match=message):
            fit(nn.Linear(2, 2), Data("p", train, test, 2, None, (2,), False), TWO)
    with pytest.raises(DataError, match="expected samples to evaluate on, got none"):
        evaluate(nn.Linear(2, 2), none, points())


@pytest.mark.parametrize("part", ["train", "test"])
def test_numbers_that_are_not_finite_are_found_in_the_data(part: str) -> None:
    broken = Split(torch.full((8, 2), torch.nan), torch.arange(8) % 2)
    splits = {"train": points().train, "test": points().test, part: broken}
    data = Data("p", splits["train"], splits["test"], 2, None, (2,), False)
    with pytest.raises(PemnError, match=r"the inputs are not finite themselves \(16 of 16 numbers"):
        fit(nn.Linear(2, 2), data, TWO)


def test_lazy_layers_and_wrappers_are_trained() -> None:
    fit(nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), images(), TWO, observer=Watch())
    one, other = masked(), masked()
    fit(one, images(), TWO)
    history = fit(torch.compile(other, backend="eager"), images(), TWO)
    assert len(history) == 2
    assert all(torch.equal(a, b) for a, b in zip(one.scores, other.scores, strict=True))
    renewed = MaskedModel(net(), renewal="iterand", renewal_every=1)
    fit(torch.compile(renewed, backend="eager"), images(), TWO)
    assert int(renewed.renewal.last) > 0, "it was told of its steps"


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:.*jit:DeprecationWarning")
def test_compiled_programs_and_models_without_values() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    script = torch.jit.script(copy.deepcopy(plain))
    assert fit(script, images(), TWO)[-1].test == fit(plain, images(), TWO)[-1].test
    with pytest.raises(ModelError, match="meta device and has no values to train from"):
        fit(nn.Sequential(nn.Flatten(), nn.Linear(36, 3, device="meta")), images(), TWO)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": -1}, "seed: expected 0 or more, got -1"),
        ({"seed": 1.0}, "seed: expected a whole number, got 1.0"),
        ({"seed": True}, "seed: expected a whole number, got True"),
    ],
)
def test_a_seed_is_a_whole_number(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=f"^{message}$"):
        fit(net(), images(), TWO, **given)
    with pytest.raises(SettingError, match="batch size: expected 1 or more, got 0"):
        evaluate(net(), images().test, images(), batch_size=0)


@pytest.mark.parametrize(
    ("what", "value"), [("model", "mlp"), ("data", (1, 2)), ("recipe", "x"), ("run", 5)]
)
def test_other_kinds_of_arguments_are_refused(what: str, value: Any) -> None:
    given = {"model": net(), "data": images(), "recipe": TWO} | {what: value}
    with pytest.raises(PemnError, match=f"{what}: expected a .*, got {of_kind(value)}"):
        fit(**given)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_gradients_that_an_optimizer_cannot_take(optimizer: str) -> None:
    inputs = torch.randint(9, (12, 3), generator=torch.Generator().manual_seed(0))
    split = Split(inputs, inputs[:, 0] % 2)
    data = Data("words", split, split, 2, None, (3,), False)
    model = nn.Sequential(nn.Embedding(9, 4, sparse=True), nn.Flatten(), nn.Linear(12, 2))
    expected = f"^epoch 1 of 2, step 1 of 1: the optimizer {optimizer} cannot take the step: "
    with pytest.raises(TrainingError, match=expected) as caught:
        fit(model, data, TWO.override(optimizer=optimizer))
    assert "sparse" in str(caught.value)
    assert len(fit(model, data, TWO.override(optimizer="sgd"))) == 2


def test_a_caller_who_wants_no_gradients_gets_a_training_all_the_same() -> None:
    one, two, three = masked(), masked(), masked()
    expected = fit(one, images(), TWO)
    with torch.no_grad():
        assert fit(two, images(), TWO)[-1].train_loss == expected[-1].train_loss
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        assert fit(three, images(), TWO)[-1].train_loss == expected[-1].train_loss


class Hungry(nn.Linear):
    """Asks for more memory than there is, at once."""

    def forward(self, x: Tensor) -> Tensor:
        torch.empty(10**15)
        return super().forward(x)


def test_a_lack_of_memory_before_the_first_step_is_one_line() -> None:
    with pytest.raises(TrainingError, match=r"^before the first step: cpu is out of memory: 0 MB"):
        fit(Hungry(2, 2), points(), TWO)
