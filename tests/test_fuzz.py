"""A short run of the fuzzer of the reader; `benchmarks/fuzz_reader.py` runs longer ones."""

import importlib.util
import sys
from pathlib import Path

import pytest

from pemn_compress.errors import ArchiveError

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "fuzz_reader.py"
COUNT = 3000


@pytest.fixture(scope="module")
def fuzzer():
    spec = importlib.util.spec_from_file_location("fuzz_reader", SCRIPT)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_nothing_but_success_and_archive_errors(fuzzer):
    report = fuzzer.run(COUNT, seed=2026, processes=1)
    assert report.failure is None
    assert sum(report.outcomes.values()) == COUNT
    # it is worth its time only if many inputs get past the manifest
    deep = COUNT - report.outcomes["refused unopened"]
    assert deep > COUNT / 5
    assert report.outcomes["restored with another digest"] > COUNT / 50


def test_an_input_depends_on_the_seed_and_its_number_alone(fuzzer):
    files = fuzzer.corpus()
    assert len(files) > 80
    inputs = [fuzzer.make_input(files, 1, number) for number in range(30)]
    assert inputs == [fuzzer.make_input(files, 1, number) for number in range(30)]
    assert len(set(inputs)) > 25
    assert inputs != [fuzzer.make_input(files, 2, number) for number in range(30)]


def test_an_archive_taken_apart_and_put_together_is_read(fuzzer):
    for data in fuzzer.corpus():
        assert fuzzer.try_one(data) == ("restored", "")
        draw = type("Draw", (), {"random": lambda self: 0.0})()
        again = fuzzer.put_together(fuzzer.take_apart(data), draw, {})
        assert fuzzer.try_one(again)[0] == "restored"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("masks"), "KeyError: 'masks'"),
        (ArchiveError("manifest: no name"), "without the name"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_whatever_else_happens_is_a_failure_and_saved(
    fuzzer, monkeypatch, tmp_path, capsys, error, told
):
    def verify(data, limits):
        raise error

    monkeypatch.setattr(fuzzer, "verify", verify)
    saved = tmp_path / "failure.pemn"
    monkeypatch.setattr(sys, "argv", ["fuzz_reader.py", "--count", "9", "--save", str(saved)])
    assert fuzzer.main() == 1
    assert told in capsys.readouterr().err
    assert saved.read_bytes() == fuzzer.make_input(fuzzer.corpus(), 0, 0)


def test_slow_inputs_and_hungry_ones_are_failures(fuzzer, monkeypatch):
    monkeypatch.setattr(fuzzer, "MOST_SECONDS", -1.0)
    assert "took 0.0 s" in fuzzer.run(5, 1, 1).failure[1]
    monkeypatch.setattr(fuzzer, "MOST_SECONDS", 60.0)
    monkeypatch.setattr(fuzzer, "MOST_MEBIBYTES", -1)
    assert "MiB" in fuzzer.run(5, 1, 1).failure[1]
