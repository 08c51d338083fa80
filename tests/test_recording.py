"""The record is on disk as a run goes on, and an interrupted run leaves its curve."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trainable import Stop, Watch

import pemn_compress
from pemn_compress.compressing import compress
from pemn_compress.compressing.preparing import DataRequest
from pemn_compress.compressing.recording import is_unfinished
from pemn_compress.errors import OutputError
from pemn_compress.training.history import Epoch

ROOT = str(Path(pemn_compress.__file__).parents[1])
GIVEN: dict[str, Any] = {
    "model": "mlp", "data": DataRequest("digits", train_limit=100, test_limit=50), "epochs": 4,
    "arguments": {"width": 16}, "ratio": 0.1,
}  # fmt: skip


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


class Reading(Watch):
    """Reads the record whenever an epoch is over."""

    def __init__(self, path: Path, stop_after: int = 0) -> None:
        super().__init__(stop_after)
        self.path, self.records = path, []

    def epoch(self, epoch: Epoch) -> None:
        self.records.append(read(self.path))
        super().epoch(epoch)


def curve(record: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(e["epoch"], e["train_loss"], e["test_accuracy"]) for e in record["epochs"]]


def test_the_curve_is_written_after_every_epoch(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    watch = Reading(path)
    made = compress(**GIVEN, record=path, observer=watch)
    last = read(path)
    assert last == json.loads(json.dumps(made.record))
    assert [len(record["epochs"]) for record in watch.records] == [1, 2, 3, 4]
    for record in watch.records:
        assert list(record) == list(last), "one form from the first epoch on"
        assert (record["finished"], record["archive"], record["accuracy"]) == (None, None, None)
        assert 0 < record["seconds"] < last["seconds"]
        assert curve(record) == curve(last)[: len(record["epochs"])]
        same = ("architecture", "data", "settings", "selection", "recipe", "run", "storage")
        assert all(record[key] == last[key] for key in same)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_an_interrupted_run_leaves_its_curve_and_goes_on_with_it(tmp_path: Path) -> None:
    path, checkpoint = tmp_path / "run.json", tmp_path / "run.ckpt"
    with pytest.raises(Stop):
        compress(**GIVEN, record=path, checkpoint=checkpoint, observer=Watch(2))
    assert is_unfinished(path)
    assert [epoch["epoch"] for epoch in read(path)["epochs"]] == [1, 2]
    with pytest.raises(OutputError, match=r"run.json exists and is kept"):
        compress(**GIVEN, record=path)  # nothing to go on from: the curve is all there is
    watch = Reading(path)
    made = compress(**GIVEN, record=path, checkpoint=checkpoint, observer=watch)
    assert [len(record["epochs"]) for record in watch.records] == [3, 4]
    assert curve(read(path)) == curve(compress(**GIVEN).record)
    assert read(path)["archive"]["bytes"] == len(made.archive)
    assert not is_unfinished(path)
    with pytest.raises(OutputError, match=r"run.json exists and is kept"):
        compress(**GIVEN, record=path, checkpoint=checkpoint)


@pytest.mark.parametrize(
    "content",
    ["", "no", "[]", "3", "null", '{"finished": null}', '{"epochs": []}', "{" * 99999,
     '{"epochs": [], "finished": "2026"}', "\xff"],
)  # fmt: skip
def test_only_an_unfinished_record_gives_way(tmp_path: Path, content: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(content, encoding="latin-1")
    assert not is_unfinished(path)
    assert not is_unfinished(tmp_path)
    assert not is_unfinished(tmp_path / "none")
    path.write_text('{"epochs": [], "finished": null}')
    assert is_unfinished(path)


def test_a_record_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.json"

    class Meddling(Watch):
        def start(self, epochs: int, steps: int, done: int) -> None:
            path.write_text("precious")

    watch = Meddling()
    with pytest.raises(OutputError, match="exists and is kept"):
        compress(**GIVEN, record=path, observer=watch)
    assert path.read_text() == "precious"
    assert len(watch.warnings) == 1
    assert watch.warnings[0].endswith("training goes on, and tries again after every epoch")


def test_a_full_disk_ends_neither_training_nor_the_archive(tmp_path: Path) -> None:
    script = (
        "import resource, runpy\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))\n"
        "runpy.run_module('pemn_compress', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "compress", "mlp", "-a", "width=8", "--data", "digits",
         "--train-limit", "100", "--epochs", "2", "--record", "run.json", "-o", "x.pemn"],
        env=os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"},
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    lines = done.stderr.splitlines()
    assert (done.returncode, "epoch 2/2" in done.stderr) == (2, True), done.stderr
    assert (
        len([line for line in lines if "warning: run.json: not written: the disk is" in line]) == 1
    )
    assert lines[-1].startswith("pemn: run.json: not written: the disk is full")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pemn"]
    assert "Traceback" not in done.stderr
