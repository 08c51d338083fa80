"""Numbers far out: refused in a line before the first step, or they work; nothing comes later."""

import dataclasses
import importlib
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import torch
from torch import nn
from trainable import RECIPE, images, masked, net

import pemn_compress
from pemn_compress.cli import COMMANDS
from pemn_compress.cli.chosen import RECIPE_SETTINGS
from pemn_compress.compressing.storage import Storage
from pemn_compress.errors import SettingError
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.training.fitting import fit
from pemn_compress.training.recipes import MOST_BATCHES, Recipe
from pemn_compress.training.run import Run

MODEL = """
import torch
from torch import nn

def build_model():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))

class Some:
    def __len__(self):
        return 8
    def __getitem__(self, index):
        return torch.full((1, 4, 4), index / 8), index % 3

def train_data():
    return Some()

eval_data = train_data
"""
WHOLE = ["1000000000000", "1" + "0" * 30, "-9223372036854775809", "-1"]
REAL = ["1e308", "1e30", "5e-324", "inf", "nan", "-1", "1" + "0" * 400]
TEXTS = {"max_bytes": WHOLE, "layer_density": [f"*={number}" for number in REAL]}
# what each is a setting of
WITH = {
    "ratio": "--strategy=rp", "sparsity": "--strategy=magnitude", "floor": "--budget=global",
    "pruning_start": "--strategy=magnitude", "pruning_end": "--strategy=magnitude",
    "renewal_rate": "--renewal=iterand", "renewal_every": "--renewal=iterand",
    "ramp_epochs": "--density-schedule=cubic", "momentum": "--optimizer=sgd",
    "entropy_weight": "--strategy=ternary", "patience": "--validation=0.25",
    "teacher_weight": "--teacher=teacher.pemn", "temperature": "--teacher=teacher.pemn",
}  # fmt: skip
# what the other commands are called with, where they have numbers
CALLS = {
    "evaluate": ["teacher.pemn", "--model", "m.py"],
    "restore": ["teacher.pemn", "-o", "x.npz"],
    "inspect": ["teacher.pemn"],
    "verify": ["teacher.pemn"],
    "view": ["teacher.pemn", "-o", "x.html"],
    "diff": ["teacher.pemn", "teacher.pemn"],
    "run": ["teacher.pemn", "-o", "x.npy"],
    "report": ["mlp"],
    "import": ["c.pt", "--from", "iterand", "--model", "m.py", "-o", "x.pemn"],
    "sweep": ["grid.toml", "--dry-run", "-o", "runs"],
}


def numbers_of(name: str) -> Iterator[tuple[str, str, str]]:
    """Yield a command's options that take numbers, each with numbers far out."""
    found = importlib.import_module(f"pemn_compress.cli.{name.replace('import', 'import_')}")
    for option in found.command.params:
        values = TEXTS.get(option.name, []) if name == "compress" else []
        if isinstance(option.type, click.types.IntParamType):
            values = WHOLE
        elif isinstance(option.type, click.types.FloatParamType):
            values = REAL
        for value in values:
            yield option.name, max(option.opts, key=len), value


def test_every_command_with_numbers_is_tried() -> None:
    assert set(CALLS) | {"compress"} == {name for name in COMMANDS if list(numbers_of(name))}


@contextmanager
def seconds(most: int) -> Iterator[None]:
    """Fail where something does not end."""

    def late(*_: Any) -> None:
        raise AssertionError(f"not done in {most} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(most)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("teacher") / "m.py"
    path.write_text(MODEL)
    made = pemn_compress.compress(
        str(path), epochs=1, ratio=0.5, run=Run("cpu"), storage=Storage(graph="never")
    )
    assert made.archive
    return made.archive


def check(told: tuple[object, str, str], made: Path) -> None:
    status, out, err = told
    assert "Traceback" not in err
    if status != 0:
        assert (status, out) == (2, ""), err
        assert len([line for line in err.splitlines() if not line.startswith("warning: ")]) == 1
        assert len(err) < 1000, "shown in short"
        assert not made.exists()


@pytest.mark.parametrize(("name", "option", "value"), list(numbers_of("compress")))
def test_compress_refuses_them_before_the_first_step_or_they_work(
    call: Any, teacher: bytes, name: str, option: str, value: str
) -> None:
    Path("m.py").write_text(MODEL)
    Path("teacher.pemn").write_bytes(teacher)
    words = ["--ratio=0.5", "--fold-batchnorm", "--recompute-batchnorm=1", "--epochs=2",
             "--dense-dtype=float16", "--no-graph", "--device=cpu"]  # fmt: skip
    if WITH.get(name, "").startswith("--strategy"):
        words.remove("--ratio=0.5")
    elif name == "floor":
        words.append("--density=0.5")
    words = [word for word in words if not word.startswith(f"{option}=")]
    with seconds(20):
        told = call(
            "compress", "m.py", "-o", "o.pemn", *words, *filter(None, [WITH.get(name)]),
            f"{option}={value}",
        )  # fmt: skip
    check(told, Path("o.pemn"))


@pytest.mark.parametrize("command", CALLS)
def test_other_commands_refuse_them_or_they_work(call: Any, teacher: bytes, command: str) -> None:
    Path("m.py").write_text(MODEL)
    Path("teacher.pemn").write_bytes(teacher)
    Path("grid.toml").write_text('[common]\nmodel = "m.py"\nepochs = 1\n')
    torch.save({"0.weight": torch.zeros(2, 1, 3, 3)}, "c.pt")
    for _, option, value in numbers_of(command):
        with seconds(20):
            told = call(command, *CALLS[command], f"{option}={value}")
        check(told, Path("x.pemn"))
        for path in Path().glob("x.*"):
            path.unlink()


FAR = [
    0, -1, 10**12, 10**30, 10**400, 10**5000, -(10**400), 2**63, 2**64, 1e308, -1e308, 5e-324,
    math.inf, -math.inf, math.nan, Fraction(10**400), -Fraction(10**400), Decimal("1e400"),
    np.float64("inf"), np.float32(1e38), torch.tensor(1e38), torch.tensor(2**62),
]  # fmt: skip


@pytest.mark.parametrize("kind", [Recipe, Settings, PruningSettings, Storage, Run])
def test_settings_hold_them_or_refuse_them_in_a_line(kind: type[Any]) -> None:
    base = dataclasses.asdict(RECIPE) if kind is Recipe else {}
    tried = 0
    for field in dataclasses.fields(kind):
        if not getattr(field.type, "__name__", str(field.type)).startswith(("int", "float")):
            continue
        for value in FAR:
            tried += 1
            refused, made = "", None
            try:
                made = kind(**{**base, field.name: value})
            except SettingError as error:
                refused = str(error)
            assert "\n" not in refused
            assert len(refused) < 500
            if isinstance(made, Recipe) and field.name in RECIPE_SETTINGS:
                assert math.isfinite(float(getattr(made, field.name)))
    assert tried >= len(FAR)


@pytest.mark.parametrize("count", [MOST_BATCHES + 1, 10**12, 10**30, 10**400])
def test_statistics_over_more_batches_than_make_sense_are_refused(count: int) -> None:
    told = "batch.*: expected at most 100,000, got 1000"
    with pytest.raises(SettingError, match=told):
        pemn_compress.recompute_batchnorm(net(), [torch.randn(4, 1, 6, 6)], count)
    with pytest.raises(SettingError, match=told):
        RECIPE.override(recompute_batchnorm=count)
    with pytest.raises(SettingError, match=told):
        pemn_compress.compress(net(), data=images(), recompute_batchnorm=count)


@pytest.mark.parametrize("target", [1e-308, 5e-324])
def test_a_target_of_next_to_no_bits_pulls_as_hard_as_makes_sense(target: float) -> None:
    model = masked()
    history = fit(model, images(), RECIPE.override(epochs=1, target_bits=target))
    assert history[0].pull == 3.0


@pytest.mark.parametrize("seed", [2**63, 2**64 - 1])
def test_the_largest_seeds_are_seeds(seed: int) -> None:
    made = pemn_compress.compress(nn.Sequential(net()), data=images(), epochs=1, seed=seed)
    assert made.record["settings"]["seed"] == seed
