"""Logs of a run: CSV and TensorBoard's events, across interruptions, full disks and bad places."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trainable import Stop, Watch, images, net

import pemn_compress
from pemn_compress.compressing import compress
from pemn_compress.errors import OutputError, PemnWarning, SettingError
from pemn_compress.training.history import Epoch

Call = Callable[..., tuple[object, str, str]]
ROOT = str(Path(pemn_compress.__file__).parents[1])
SHORT: dict[str, Any] = {"data": images(), "epochs": 4, "batch_size": 16}
COLUMNS = [
    "epoch", "lr", "train_loss", "test_loss", "test_accuracy", "seconds", "samples_per_second",
]  # fmt: skip


def table(path: Path) -> list[dict[str, float]]:
    with path.open(newline="") as stream:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Read what TensorBoard would show: step and value, by tag."""
    found = EventAccumulator(str(folder)).Reload()
    told = {tag: found.Scalars(tag) for tag in found.Tags()["scalars"]}
    for events in told.values():
        assert [e.step for e in events] == list(range(1, len(events) + 1)), "each step once"
    return {tag: {e.step: e.value for e in events} for tag, events in told.items()}


def expected(history: list[Epoch]) -> dict[str, dict[int, float]]:
    tags: dict[str, dict[int, float]] = {}
    for epoch in history:
        told = {
            "train/loss": epoch.train_loss,
            "train/lr": epoch.lr,
            "train/samples_per_second": epoch.images_per_second,
        }
        for part, score in (("test", epoch.test), ("validation", epoch.validation)):
            if score is not None:
                told |= {f"{part}/loss": score.loss, f"{part}/accuracy": score.accuracy}
        for tag, value in told.items():
            tags.setdefault(tag, {})[epoch.epoch] = pytest.approx(value, rel=1e-6)
    return tags


def test_a_line_per_epoch_with_all_that_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    plain = compress(net(), log=path, **SHORT)
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
    for row, epoch in zip(table(path), plain.history, strict=True):
        assert list(row.values()) == [
            epoch.epoch, epoch.lr, epoch.train_loss, epoch.test.loss, epoch.test.accuracy,
            epoch.seconds, epoch.images_per_second,
        ]  # fmt: skip
    other = tmp_path / "other.csv"
    made = compress(net(), log=other, validation=0.25, **SHORT)
    columns = [*COLUMNS[:5], "validation_loss", "validation_accuracy", *COLUMNS[5:]]
    assert other.read_text().splitlines()[0] == ",".join(columns)
    scores = [epoch.validation for epoch in made.history]
    assert [row["validation_accuracy"] for row in table(other)] == [
        s and s.accuracy for s in scores
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log.csv", "other.csv"]


class Reading(Watch):
    """Reads the log after every epoch."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.lines: list[int] = []

    def epoch(self, epoch: Epoch) -> None:
        self.lines.append(len(table(self.path)))


def test_the_log_grows_as_the_run_goes_on(tmp_path: Path) -> None:
    watch = Reading(tmp_path / "log.csv")
    compress(net(), log=watch.path, observer=watch, **SHORT)
    assert watch.lines == [1, 2, 3, 4]


@pytest.mark.parametrize("lost", [False, True])
def test_a_run_that_goes_on_tells_each_epoch_once(lost: bool, tmp_path: Path) -> None:
    path, folder, kept = tmp_path / "log.csv", tmp_path / "events", tmp_path / "run.ckpt"
    logs = {"log": path, "tensorboard": folder, "checkpoint": kept}
    with pytest.raises(Stop):
        compress(net(), observer=Watch(2), **logs, **SHORT)
    assert [row["epoch"] for row in table(path)] == [1, 2]
    if lost:  # as where it was killed between checkpoint and log
        path.unlink()
        for file in folder.iterdir():
            file.unlink()
    made = compress(net(), **logs, **SHORT)
    assert [row["train_loss"] for row in table(path)] == [e.train_loss for e in made.history]
    assert scalars(folder) == expected(made.history)
    again = compress(net(), **logs, **SHORT)  # nothing is left to train
    assert [row["seconds"] for row in table(path)] == [e.seconds for e in again.history]
    assert scalars(folder) == expected(made.history)


def test_events_are_those_of_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "events"
    made = compress(net(), tensorboard=folder, validation=8, **SHORT)
    assert scalars(folder) == expected(made.history)
    assert len(list(folder.iterdir())) == 1
    with pytest.raises(OutputError, match="holds the events of another run, which are kept; name"):
        compress(net(), tensorboard=folder, **SHORT)
    short = SHORT | {"epochs": 2}
    made = compress(
        net(), tensorboard=folder, storage=pemn_compress.compressing.storage.Storage(force=True),
        **short,
    )  # fmt: skip
    assert {tag: shown for tag, shown in scalars(folder).items() if "validation" not in tag} == (
        expected(made.history)
    )


def test_files_of_others_are_kept(tmp_path: Path) -> None:
    path, kept = tmp_path / "log.csv", tmp_path / "run.ckpt"
    compress(net(), log=path, checkpoint=kept, **SHORT)
    told = path.read_text()
    with pytest.raises(OutputError, match="exists and is kept"):
        compress(net(), log=path, **SHORT)
    assert path.read_text() == told
    path.write_text("mine\n")
    with pytest.raises(OutputError, match="exists and is kept"):
        compress(net(), log=path, checkpoint=kept, **SHORT)
    assert path.read_text() == "mine\n"
    with pytest.raises(OutputError, match="expected different files for all outputs"):
        compress(net(), log=tmp_path / "x", record=tmp_path / "x", **SHORT)
    with pytest.raises(OutputError, match="does not exist"):
        compress(net(), log=tmp_path / "no" / "log.csv", **SHORT)
    with pytest.raises(OutputError, match="expected a folder for TensorBoard's events, got a file"):
        compress(net(), tensorboard=path, **SHORT)
    with pytest.raises(OutputError, match="expected a folder for TensorBoard's events, got a file"):
        compress(net(), tensorboard=path / "below", **SHORT)


def test_without_the_package_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    with pytest.raises(SettingError, match=r'pip install "\.\[tensorboard\]"'):
        compress(net(), tensorboard="events", **SHORT)
    code, out, err = call("compress", "mlp", "--data", "digits", "--tensorboard", "events")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert not list(Path().iterdir())


FULL = """
import os, resource
from trainable import Watch, images, net
from pemn_compress.compressing import compress

class Disk(Watch):
    def step(self, epoch, step, images, loss):
        room = 150 if epoch in (1, 2) else resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

for epochs in (5, 3):
    os.mkdir(str(epochs))
    os.chdir(str(epochs))
    watch = Disk()
    made = compress(net(), log="log.csv", tensorboard="events", data=images(), epochs=epochs,
                    batch_size=16, observer=watch)
    print("\\n".join(watch.warnings))
    assert list(made.warnings)[-len(watch.warnings):] == watch.warnings
    os.chdir("..")
"""


def test_a_full_disk_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}", "OMP_NUM_THREADS": "1"},
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["log.csv", "events"] * 2
    assert all(line.endswith("goes on, and tries again after every epoch") for line in lines)
    for epochs, written in ((5, 5), (3, 1)):  # in the end there was room again, and there was not
        there = list(range(1, written + 1))
        folder = tmp_path / str(epochs)
        assert [row["epoch"] for row in table(folder / "log.csv")] == there
        assert list(scalars(folder / "events")["test/accuracy"]) == there


def test_the_command_writes_logs_and_an_interrupted_one_goes_on(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "pemn_compress", "compress", "mlp", "--data", "digits", "-a",
        "width=8", "--train-limit", "100", "--test-limit", "20", "--epochs", "400", "--validation",
        "0.2", "--keep", "best", "--ema", "0.9", "--log", "log.csv", "--checkpoint", "run.ckpt",
        "--tensorboard", "events", "-o", "x.pemn",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line.startswith("epoch   3/400"):
                run.send_signal(signal.SIGINT)
                break
        told = run.stderr.read()
        assert run.wait(timeout=60) == 130
    assert "the same command goes on from run.ckpt" in told
    assert "Traceback" not in told
    before = table(tmp_path / "log.csv")
    assert [row["epoch"] for row in before[:3]] == [1, 2, 3]
    done = subprocess.run(
        [*command, "--patience", "3"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "recipe.patience: expected 3, got 0" in done.stderr
    assert table(tmp_path / "log.csv") == before


def test_observers_without_warnings_are_warned_by_python(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()

    class Removing:
        def start(self, epochs: int, steps: int, done: int) -> None:
            folder.rmdir()

        def step(self, epoch: int, step: int, images: int, loss: Any) -> None:
            pass

        def epoch(self, epoch: Any) -> None:
            pass

    with pytest.warns(PemnWarning) as told:
        made = compress(net(), log=folder / "log.csv", observer=Removing(), **SHORT)
    shown = [str(one.message) for one in told if "does not exist" in str(one.message)]
    assert len(shown) == 1
    assert shown[0] in made.warnings
