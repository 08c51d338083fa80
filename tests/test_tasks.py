"""Any task: losses and metrics of the user's own, over samples of any structure."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, IterableDataset

import pemn_compress
from pemn_compress.cli import main
from pemn_compress.compressing import compress
from pemn_compress.data import trees
from pemn_compress.data.batches import Batches
from pemn_compress.data.own import from_model_file
from pemn_compress.data.ranks import World
from pemn_compress.data.tasks import own_task
from pemn_compress.errors import DataError, ModelError, PemnWarning, SettingError
from pemn_compress.training.history import Metric
from pemn_compress.training.tally import Tally

EXAMPLES = Path(__file__).parents[1] / "examples" / "tasks"
HEADLINES = {  # example -> its metric, what is better, what a few epochs reach
    "regression": ("mse", "min", 0.2),
    "segmentation": ("iou", "max", 0.4),
    "multilabel": ("f1", "max", 0.6),
    "two_inputs": ("accuracy", "max", 0.6),
}


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def called(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return called


@pytest.mark.parametrize("name", HEADLINES)
def test_an_example_goes_the_whole_road(name: str, run: Any, tmp_path: Path) -> None:
    metric, better, reached = HEADLINES[name]
    archive, record = tmp_path / "a.pemn", tmp_path / "r.json"
    status, out, _ = run(
        "compress", EXAMPLES / f"{name}.py", "--epochs", 3, "-o", archive, "--record", record
    )
    assert status == 0
    assert f"test {metric} " in out
    told = json.loads(record.read_text())
    head = told["metric"]
    assert (head["name"], head["better"]) == (metric, better)
    assert (head["value"] < reached) if better == "min" else (head["value"] > reached)
    assert told["metrics"][0] == head
    assert told["epochs"][-1]["test"]["metrics"][0]["name"] == metric
    assert told["task"] == "own"
    status, out, _ = run("evaluate", archive, "--trust-source", "--json")
    assert status == 0
    measured = json.loads(out)
    assert measured["metrics"][0]["value"] == pytest.approx(head["value"])
    assert measured["recorded"]["name"] == metric
    status, out, err = run("restore", archive, "--trust-source", "-o", tmp_path / "a.pt2")
    assert (status, err) == (0, "")
    assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) <= 40


def test_without_its_file_a_metric_of_ones_own_cannot_be_measured(run: Any, tmp_path: Path) -> None:
    archive = tmp_path / "a.pemn"
    run("compress", EXAMPLES / "regression.py", "--epochs", 1, "-o", archive)
    status, _, err = run("evaluate", archive, "--data", "digits")
    assert status == 2
    assert "trust-source" in err


TEXT = "the quick brown fox jumps over the lazy dog. " * 200


@pytest.mark.parametrize("kind", ["text", "chars"])
def test_a_text_is_learned(kind: str, run: Any, tmp_path: Path) -> None:
    text, archive = tmp_path / "fox.txt", tmp_path / "fox.pemn"
    text.write_text(TEXT)
    model = ("gpt", "-a", "dim=32", "-a", "depth=1")
    status, out, err = run(
        "compress", *model, "--data", f"{kind}:{text}", "--context", 32, "--epochs", 30,
        "--batch-size", 32, "-o", archive,
    )  # fmt: skip
    assert status == 0, err
    unit = "byte" if kind == "text" else "character"
    bits = float(re.search(rf"bits_per_{unit} +([\d.]+)", out).group(1))
    assert bits < 3
    status, out, _ = run("evaluate", archive, "--data", f"{kind}:{text}", "--json")
    assert json.loads(out)["metrics"][0]["value"] == pytest.approx(bits, rel=1e-3)
    assert pemn_compress.load(archive)(torch.zeros(2, 32, dtype=torch.int64)).shape[:2] == (2, 32)


def test_characters_of_another_text_are_numbered_as_the_models(run: Any, tmp_path: Path) -> None:
    text, other, archive = tmp_path / "fox.txt", tmp_path / "dog.txt", tmp_path / "a.pemn"
    text.write_text(TEXT)
    other.write_text("the dog " * 100)
    strange = tmp_path / "strange.txt"
    strange.write_text("the dög " * 100)
    model = EXAMPLES / "characters.py"
    run(
        "compress", model, "--data", f"chars:{text}", "--context", 16, "--epochs", 2, "-a",
        "width=16", "-o", archive,
    )  # fmt: skip
    status, _, err = run("evaluate", archive, "--data", f"chars:{other}", "--trust-source")
    assert (status, err) == (0, "")
    status, _, err = run("evaluate", archive, "--data", f"chars:{strange}", "--trust-source")
    assert status == 2
    assert "'ö'" in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected at least 257 tokens"),
        (b"short", "got 5"),
        (b"\xff" * 1000, "expected text in UTF-8, got the byte 0xff at 0"),
        (None, "No such file"),
    ],
)
def test_what_is_no_text_is_told(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        compress("gpt", data=f"chars:{path}")
    path.write_text(TEXT)
    with pytest.raises(DataError, match="takes images"):
        compress("mlp", data=f"text:{path}")
    with pytest.raises(DataError, match="takes tokens"):
        compress("gpt", data="digits")


class TestTally:
    """Metrics over batches."""

    @given(st.lists(st.lists(st.booleans(), min_size=1, max_size=9), min_size=1, max_size=5))
    def test_pairs_are_added_before_they_are_divided(self, batches: list[list[bool]]) -> None:
        def metrics(outputs: Tensor, targets: Tensor) -> dict[str, Any]:
            right = outputs == targets
            return {"accuracy:max": (right.sum(), len(right)), "mean:min": right.float().mean()}

        tally = Tally(own_task(lambda o, t: (o == t).double().mean(), metrics), torch.float64)
        for batch in batches:
            tally.add(torch.tensor(batch), torch.ones(len(batch)).bool(), len(batch))
        score = tally.score()
        flat = [value for batch in batches for value in batch]
        assert (score.correct, score.total) == (sum(flat), len(flat))
        assert score.loss == pytest.approx(sum(flat) / len(flat))
        assert score.metrics[1].value == pytest.approx(sum(flat) / len(flat))
        assert score.metrics[1].better == "min"

    @pytest.mark.parametrize(
        ("metrics", "message"),
        [
            ({"iou": 1.0}, "'iou:max' or 'mse:min', got 'iou'"),
            ({"iou:more": 1.0}, "got 'iou:more'"),
            ({":max": 1.0}, "got ':max'"),
            ({"iou:max": "much"}, "expected a number or a pair"),
            ({"iou:max": torch.ones(3)}, r"got 'float32 \(3,\)'"),
            ([1.0], "expected a dict"),
        ],
    )
    def test_what_is_no_metric_is_told(self, metrics: Any, message: str) -> None:
        tally = Tally(own_task(lambda o, t: o.mean(), lambda o, t: metrics), torch.float64)

        def told() -> None:
            tally.add(torch.ones(2), torch.ones(2), 2)
            tally.score()

        with pytest.raises(ModelError, match=message):
            told()

    def test_names_that_change_are_told(self) -> None:
        names = iter(["a:max", "b:max"])
        tally = Tally(
            own_task(lambda o, t: o.mean(), lambda o, t: {next(names): 1.0}), torch.float64
        )
        tally.add(torch.ones(2), torch.ones(2), 2)
        with pytest.raises(ModelError, match="same names for every batch"):
            tally.add(torch.ones(2), torch.ones(2), 2)

    def test_without_metrics_it_is_the_loss(self) -> None:
        tally = Tally(own_task(lambda o, t: o.mean(), None), torch.float64)
        tally.add(torch.full((2,), 3.0), None, 2)
        assert tally.score().headline == Metric("loss", 3.0, "min")


X = torch.randn(60, 6, generator=torch.Generator().manual_seed(0))
Y = X @ torch.linspace(-1, 1, 6)[:, None]


class Samples(Dataset[Any]):
    """Samples of whatever form a function gives."""

    def __init__(self, form: Any) -> None:
        self.form = form

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> Any:
        return self.form(X[index], Y[index])


class Flow(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(zip(X, Y, strict=True))


class Lines(nn.Module):
    """Takes its input by any name that a sample gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 32), nn.Linear(32, 1)

    def forward(self, x: Tensor, offset: Tensor | None = None) -> Any:
        out = self.b(self.a(x).relu())
        return out if offset is None else out + offset


FORMS: dict[str, Any] = {
    "tensors": (X, Y),
    "list of arrays": [X.numpy(), Y.numpy()],
    "several inputs": ((X, torch.zeros(60, 1)), Y),
    "dict": {"x": X, "target": Y},
    "dict of several": {"x": X, "offset": torch.zeros(60, 1), "labels": Y},
    "pairs": Samples(lambda x, y: (x, y)),
    "float64 arrays": Samples(lambda x, y: (x.double().numpy(), y.double().numpy())),
    "dicts": Samples(lambda x, y: {"x": x, "targets": y}),
    "several in a sample": Samples(lambda x, y: ((x, torch.zeros(1)), y)),
    "loader": DataLoader(Samples(lambda x, y: (x, y)), batch_size=16, shuffle=True),
    "batches": [(X[at : at + 10], Y[at : at + 10]) for at in range(0, 60, 10)],
    "iterable": Flow(),
}


@pytest.mark.filterwarnings("ignore::pemn_compress.errors.PemnWarning")
@pytest.mark.parametrize("form", FORMS)
def test_data_of_any_form_are_learned(form: str) -> None:
    settings = {"epochs": 3, "batch_size": 16, "strategy": "dense"}
    made = compress(
        Lines(),
        data=(FORMS[form], FORMS[form]),
        loss=functional.mse_loss,
        metrics=lambda o, t: {"mse:min": ((o - t).square().sum(), t.numel())},
        **settings,
    )
    assert made.history[-1].test.total == 60
    assert made.steps[-1].score.headline.value < made.history[0].train_loss
    measured = pemn_compress.evaluate(
        made.archive,
        FORMS[form],
        model=Lines(),
        loss=functional.mse_loss,
        metrics=lambda o, t: {"mse:min": ((o - t).square().sum(), t.numel())},
    )
    assert measured.score.headline.value == pytest.approx(made.steps[-1].score.headline.value)
    with pytest.raises(KeyError):
        _ = made.accuracy


def test_a_metric_that_is_no_number_loses_nothing(tmp_path: Path) -> None:
    made = compress(
        Lines(),
        data=((X, Y), (X, Y)),
        loss=functional.mse_loss,
        metrics=lambda o, t: {"none:max": (0, 0)},
        epochs=1,
        output=tmp_path / "a.pemn",
        record=tmp_path / "r.json",
    )
    told = json.loads((tmp_path / "r.json").read_text())
    assert told["metric"]["value"] is None
    assert "metric" not in pemn_compress.inspect(tmp_path / "a.pemn")["about"]
    measured = pemn_compress.evaluate(made.archive, (X, Y), model=Lines(), loss=functional.mse_loss)
    assert measured.recorded is None


def test_no_targets_are_the_inputs() -> None:
    made = compress(
        nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 6)),
        data=(X, X),
        loss=functional.mse_loss,
        epochs=2,
        strategy="dense",
    )
    assert made.steps[-1].score.headline.name == "loss"
    assert made.record["metric"]["better"] == "min"


def test_a_stream_is_the_same_in_every_run_and_goes_on_where_it_was(tmp_path: Path) -> None:
    loader = DataLoader(Samples(lambda x, y: (x, y)), batch_size=16, shuffle=True)

    def trained(**more: Any) -> bytes:
        torch.manual_seed(5)
        return compress(
            Lines(), data=(loader, (X, Y)), loss=functional.mse_loss, strategy="dense", **more
        ).archive

    first = trained(epochs=3)
    assert trained(epochs=3) == first
    at = tmp_path / "c.pt"

    class Stop(Exception):
        pass

    class Watch:
        def start(self, *_: Any) -> None: ...
        def step(self, *_: Any) -> None: ...
        def epoch(self, epoch: Any) -> None:
            if epoch.epoch == 2:
                raise Stop

    torch.manual_seed(5)
    model = Lines()
    state = {key: value.clone() for key, value in model.state_dict().items()}
    settings: dict[str, Any] = {
        "data": (loader, (X, Y)), "loss": functional.mse_loss, "strategy": "dense", "epochs": 3,
    }  # fmt: skip
    whole = compress(model, **settings).archive
    with pytest.raises(Stop):
        compress(model, checkpoint=at, observer=Watch(), **settings)
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert compress(model, checkpoint=at, **settings).archive == whole


def test_ranks_share_the_batches_of_a_stream() -> None:
    data = from_model_file(FORMS["batches"], (X, Y), "m", task=own_task(functional.mse_loss, None))
    whole = list(Batches(data.train, batch_size=16, shuffle_seed=0))
    parts = [
        list(Batches(data.train, batch_size=16, shuffle_seed=0, world=World(rank, 3)))
        for rank in range(3)
    ]
    for number, (inputs, targets) in enumerate(whole):
        shares = [part[number] for part in parts]
        assert torch.equal(torch.cat([share[0] for share in shares]), inputs)
        assert torch.equal(torch.cat([share[1] for share in shares]), targets)


def test_a_classifier_takes_a_loader_too() -> None:
    labels = (Y[:, 0] > 0).long()

    class Labelled(Dataset[Any]):
        classes = ("below", "above")

        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, index: int) -> Any:
            return X[index], labels[index]

    loader = DataLoader(Labelled(), batch_size=20, shuffle=True)
    made = compress(
        nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 2)),
        data=(loader, (X, labels)),
        epochs=10,
    )
    assert made.accuracy > 0.7
    assert made.record["data"]["train"] == 60
    with pytest.raises(SettingError, match="batches of its own"):
        from_model_file(loader, (X, labels), "m").limited(train_limit=5)
    wrong = DataLoader([(x, torch.tensor(7)) for x in X], batch_size=20)
    with pytest.raises(DataError, match="expected from 0 to 1"):
        compress(nn.Sequential(nn.Linear(6, 2)), data=(wrong, (X, labels)), epochs=1)


def test_metrics_of_a_classifier_may_be_ones_own() -> None:
    labels = (Y[:, 0] > 0).long()
    made = compress(
        nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 2)),
        data=((X, labels), (X, labels)),
        metrics=lambda o, t: {"top2:max": 1.0, "accuracy:max": ((o.argmax(1) == t).sum(), len(t))},
        epochs=2,
    )
    assert made.steps[-1].score.headline == Metric("top2", 1.0, "max")
    assert 0 < made.accuracy <= 1


@pytest.mark.parametrize(
    ("data", "loss", "message"),
    [
        ((X, X, Y), functional.mse_loss, "several inputs go into one tuple"),
        (Samples(lambda x, y: (x, x, y)), functional.mse_loss, "sample 0: .*several inputs"),
        (Samples(lambda x, y: {"x": x, "label": y, "target": y}), functional.mse_loss, "not both"),
        (Samples(lambda x, y: ("words", y)), functional.mse_loss, "tensors, arrays and numbers"),
        ((X, Y[:7]), functional.mse_loss, "as many rows each"),
        ((x for x in X), functional.mse_loss, "ends after one pass"),
        (X.numpy, functional.mse_loss, "expected tensors or arrays"),
        ([], functional.mse_loss, "one batch or more"),
        ((X, Y), lambda o, t: o - t, r"one number, the mean over the batch, got float32 \(2, 1\)"),
        ((X, Y), lambda o, t: 3.0, "one number, .* got float"),
        ((X, Y), lambda o, t: o @ t, r"loss\(outputs, targets\) fails on outputs float32 \(2, 1\)"),
        ((X, Y), lambda o, t: t.mean(), "no gradient reaches"),
    ],
)
def test_what_cannot_be_learned_is_one_line(data: Any, loss: Any, message: str) -> None:
    with pytest.raises((DataError, ModelError), match=message) as caught:
        compress(Lines(), data=(data, (X, Y)), loss=loss, epochs=1)
    assert "\n" not in str(caught.value)


def test_an_error_in_a_loss_names_file_and_line(run: Any, tmp_path: Path) -> None:
    text = (EXAMPLES / "regression.py").read_text()
    path = tmp_path / "wrong.py"
    path.write_text(text.replace("return functional.mse_loss(", "return functional.mse_los("))
    status, _, err = run("compress", path, "--epochs", 1)
    assert status == 2
    assert "wrong.py: loss(outputs, targets) fails on" in err
    assert re.search(r"wrong\.py, line \d+, in loss", err)
    assert not (tmp_path / "wrong.pemn").exists()


def test_label_smoothing_is_told_to_be_of_no_use() -> None:
    with pytest.warns(PemnWarning, match="label smoothing 0.1 is of no use"):
        compress(
            Lines(), data=((X, Y), (X, Y)), loss=functional.mse_loss, epochs=1, label_smoothing=0.1
        )


@given(
    st.recursive(
        st.just("leaf"),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(tuple)
            | st.dictionaries(st.sampled_from("abc"), inner, min_size=1)
        ),
        max_leaves=6,
    )
)
def test_samples_of_any_structure_become_batches_and_back(tree: Any) -> None:
    generator = torch.Generator().manual_seed(0)

    def sample(tree: Any) -> Any:
        if tree == "leaf":
            return torch.randn(2, generator=generator)
        if isinstance(tree, tuple):
            return tuple(map(sample, tree))
        return {key: sample(value) for key, value in tree.items()}

    samples = [sample(tree) for _ in range(4)]
    batch = trees.stacked(samples)
    assert trees.samples(batch) == 4
    assert trees.stackable(batch)
    for number, one in enumerate(samples):
        found, expected = trees.tensors(trees.rows(batch, number)), trees.tensors(one)
        assert all(map(torch.equal, found, expected))
