"""What is seen of a run: on a terminal, in a file, by another rank, and after an interrupt."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from trainable import Watch

import pemn_compress
from pemn_compress.cli.progress import observer
from pemn_compress.compressing import compress
from pemn_compress.training.history import Epoch, Score, accuracy

ROOT = str(Path(pemn_compress.__file__).parents[1])
DATA = """
import torch
from torch import nn
from torch.utils.data import Dataset

class Points(Dataset):
    def __init__(self, count):
        self.points = torch.randn(count, 4, generator=torch.Generator().manual_seed(0))
    def __len__(self):
        return len(self.points)
    def __getitem__(self, index):
        return self.points[index], int(self.points[index].sum() > 0)

def build_model():
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))

def train_data():
    return Points(64)

def eval_data():
    return Points(16)
"""


def on_terminal(
    folder: Path,
    *arguments: str,
    interrupt_at: str = "",
    model: str = DATA,
    command: Sequence[str] = ("compress", "model.py", "--batch-size", "32"),
) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its status and all that it wrote."""
    (folder / "model.py").write_text(model)
    terminal, end = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "pemn_compress", *command, *arguments],
        env=os.environ
        | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "90"},
        cwd=folder, stdin=end, stdout=end, stderr=end, start_new_session=True,
    )  # fmt: skip
    os.close(end)
    written, deadline, done = b"", time.monotonic() + 100, False
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 1 << 16)
            except OSError:  # the other end is closed
                break
            written += part
        if interrupt_at and not done and interrupt_at.encode() in written:
            os.killpg(running.pid, signal.SIGINT)  # as the terminal does to all in front of it
            done = True
    else:
        running.kill()
    os.close(terminal)
    return running.wait(), written.decode()


def screen(written: str) -> list[str]:
    """Return the lines that stay on a terminal: what is erased is gone."""
    lines, at = [""], 0
    for part in written.replace("\r\n", "\n").replace("\x1b[1A", "\x00").replace(
        "\x1b[2K", "\x01"
    ).replace("\x1b[?25l", "").replace("\x1b[?25h", "").split("\n"):  # fmt: skip
        for letter in part:
            if letter == "\x00":
                at = max(0, at - 1)
            elif letter == "\x01":
                lines[at] = ""
            elif letter != "\r":
                lines[at] += letter
        at += 1
        if at == len(lines):
            lines.append("")
    return [line for line in lines if line]


def test_a_history_stays_on_a_terminal_above_a_line_that_goes(tmp_path: Path) -> None:
    status, written = on_terminal(tmp_path, "--epochs", "3")
    assert status == 0, written
    assert "━" in written, "there was a bar"
    assert "\x1b[?25h" in written.rpartition("\x1b[?25l")[2], "the cursor is back"
    lines = screen(written)
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert [line.split()[1] for line in epochs] == ["1/3", "2/3", "3/3"]
    assert all("samples/s" in line and "test accuracy" in line for line in epochs)
    assert not any("━" in line or "img" in line or "images" in line for line in lines)
    for what in ("loading torch", "reading the data", "rehearsing: "):
        assert what in written, "no silence before the first step"
        assert not any(what in line for line in lines)
    assert lines[-1].lstrip().startswith("read back")


@pytest.mark.parametrize("wanted", ["model.npz", "model.pt2"])
def test_what_restores_says_so_in_a_line_that_goes(tmp_path: Path, wanted: str) -> None:
    made = pemn_compress.MaskedModel(pemn_compress.build("mlp", width=8, channels=1, image_size=8))
    pemn_compress.save(made, tmp_path / "model.pemn", about={"input": {"shape": [1, 8, 8]}})
    given = "restore", "model.pemn", "-o", wanted
    status, written = on_terminal(tmp_path, command=given)
    assert status == 0, written
    assert "restoring model.pemn ..." in written
    lines = screen(written)
    assert lines[0].startswith(f"{wanted}: "), lines
    assert not any("restoring" in line for line in lines)
    status, written = on_terminal(tmp_path, command=given)
    (line,) = screen(written)
    assert line.startswith(f"pemn: {wanted} exists and is kept"), line


def test_a_refusal_is_one_line_where_a_bar_was(tmp_path: Path) -> None:
    status, written = on_terminal(tmp_path, "--density", "7")
    assert status == 2, written
    (line,) = screen(written)
    assert line.startswith("pemn: density is the fraction of weights kept: expected ")
    assert "\x1b[?25h" in written.rpartition("\x1b[?25l")[2]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_interrupt_leaves_a_clean_screen(tmp_path: Path, workers: str) -> None:
    status, written = on_terminal(
        tmp_path, "--epochs", "100000", "--checkpoint", "run.ckpt", "--workers", workers,
        interrupt_at="test accuracy",  # an epoch has ended
    )  # fmt: skip
    assert status == 130, written
    lines = screen(written)
    assert lines[-1].startswith("pemn: interrupted after ")
    assert lines[-1].endswith("the same command goes on from run.ckpt")
    assert "Traceback" not in written
    assert not any("━" in line for line in lines)
    assert "\x1b[?25h" in written.rpartition("\x1b[?25l")[2]


STATISTICS = "batch norm's statistics over training batches"


def test_an_interrupt_after_training_loses_nothing(tmp_path: Path) -> None:
    """The statistics of training are as they were, and the same command takes them afresh."""
    model = DATA.replace("nn.ReLU()", "nn.BatchNorm1d(16), nn.ReLU()")
    status, written = on_terminal(
        tmp_path, "--epochs", "2", "--checkpoint", "run.ckpt", "--recompute-batchnorm", "100000",
        interrupt_at=STATISTICS, model=model,
    )  # fmt: skip
    assert status == 130, written
    lines = screen(written)
    assert lines[-1].startswith(
        f"pemn: interrupted when training was done, 2 epochs, in what comes after: {STATISTICS} ("
    )
    assert lines[-1].endswith(
        " of 100000); no archive was written; the same command goes on from run.ckpt"
    )
    assert "Traceback" not in written
    assert not (tmp_path / "model.pemn").exists()
    run, watch = {"epochs": 2, "batch_size": 32, "recompute_batchnorm": 3}, Watch()
    rest = compress(
        str(tmp_path / "model.py"), checkpoint=tmp_path / "run.ckpt", observer=watch, **run
    )
    whole = compress(str(tmp_path / "model.py"), **run)
    assert rest.archive == whole.archive
    assert watch.told == [(2, 2, 2)], "no epoch is trained again"


def test_an_interrupt_of_everybody_prints_no_traceback_of_a_worker(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(DATA)
    running = subprocess.Popen(
        [sys.executable, "-m", "pemn_compress", "compress", "model.py", "--epochs", "100000",
         "--workers", "2", "--checkpoint", "run.ckpt"],
        env=os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"},
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert running.stderr is not None
    while not running.stderr.readline().startswith("epoch"):
        assert running.poll() is None
    time.sleep(0.3)  # in the midst of workers that come and go
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("pemn: interrupted after ")


def epoch(number: int) -> Epoch:
    return Epoch(number, 0.1, 0.5, Score(10, 0.3, (accuracy(9, 10),)), 1234.0, 1.0)


@pytest.mark.parametrize("quiet", [True, False])
def test_warnings_wait_until_nothing_is_refused_any_more(
    quiet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    watcher = observer(quiet=quiet, checkpoint=None)
    watcher.ready("what will happen", ["one"])
    watcher.warning("two [red]with brackets[/red]")
    assert capsys.readouterr() == ("", "")
    watcher.start(2, 3, 0)
    watcher.warning("three")
    watcher.epoch(epoch(1))
    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if line.startswith("warning: ")]
    assert told == ["warning: one", "warning: two [red]with brackets[/red]", "warning: three"]
    assert ("what will happen" in lines) == (not quiet)
    assert any("1,234 samples/s" in line for line in lines) == (not quiet)


def test_other_ranks_say_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    watcher = observer(quiet=False, checkpoint=None)
    watcher.ready("what will happen", ["one"])
    watcher.start(2, 3, 0)
    watcher.warning("two")
    watcher.epoch(epoch(1))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("checkpoint", "done", "kept", "told"),
    [
        (None, None, None, "before training started; nothing was written"),
        (None, 2, None, "after 2 of 9 epochs; no archive was written, and without --checkpoint"),
        ("a.ckpt", 0, None, "and no epoch had ended for a.ckpt"),
        ("a.ckpt", 2, None, "after 2 of 9 epochs; no archive was written, and a.ckpt could not be"),
        ("a.ckpt", 2, 2, "written; the same command goes on from a.ckpt"),
        ("a.ckpt", 5, 3, "the same command goes on from a.ckpt, which keeps epoch 3"),
    ],
)
def test_an_interrupt_says_what_there_is_to_go_on_from(
    checkpoint: str | None, done: int | None, kept: int | None, told: str
) -> None:
    watcher = observer(quiet=True, checkpoint=Path(checkpoint) if checkpoint else None)
    with pytest.raises(KeyboardInterrupt, match=told), watcher:  # noqa: PT012
        if done is not None:
            watcher.start(9, 3, 0)
            for number in range(1, done + 1):
                watcher.epoch(epoch(number))
        if kept is not None:
            watcher.kept([epoch(number) for number in range(1, kept + 1)])
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("checkpoint", "archive", "told"),
    [
        (
            "a.ckpt",
            None,
            r"taking them \(5 of 9\); no archive was written; the same command goes on",
        ),
        (None, None, r"\(5 of 9\); no archive was written, and without --checkpoint"),
        (None, "a.pemn", r"taking them \(5 of 9\); the archive a.pemn is complete$"),
    ],
)
def test_an_interrupt_says_that_training_was_done(
    checkpoint: str | None, archive: str | None, told: str
) -> None:
    watcher = observer(quiet=True, checkpoint=Path(checkpoint) if checkpoint else None)
    said = f"^when training was done, 1 epoch.*{told}"
    with pytest.raises(KeyboardInterrupt, match=said), watcher:  # noqa: PT012
        watcher.start(9, 3, 0)
        watcher.epoch(epoch(1))
        watcher.kept([epoch(1)])
        watcher.after("taking them", 5, 9, archive=archive and Path(archive))
        raise KeyboardInterrupt


def test_what_takes_long_after_training_is_told_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    watcher = observer(quiet=False, checkpoint=None)
    watcher.start(1, 3, 0)
    for done in range(101):
        watcher.after("means", done, 100)
        now[0] += 0.5
    watcher.after("storing")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "means:  10/100  45 s left"
    assert lines[-1] == "means:  90/100  5 s left"
    assert len(lines) == 9


def test_a_live_line_is_for_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = []
    for is_terminal in (True, False):
        monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda on=is_terminal: on))
        kinds.append(type(observer(quiet=False, checkpoint=None)).__name__)
    assert kinds == ["_Bar", "_Lines"]
