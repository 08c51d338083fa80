"""Whose error it was: the user's own, with file and line, or data that do not fit."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from trainable import RECIPE, Watch, images

from pemn_compress.data.own import from_model_file
from pemn_compress.errors import DataError, ModelError, PemnError, TrainingError
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.models.modelfile import load_model_file
from pemn_compress.training.blame import is_models_own, told
from pemn_compress.training.evaluation import check_fit, evaluate
from pemn_compress.training.fitting import fit
from pemn_compress.training.run import Run

MODEL = """import sys
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, line):
        super().__init__()
        self.calls = 0
        self.fc, self.small = nn.Linear(36, 3), nn.Linear(35, 3)
        self.line = compile(line, __file__, "exec")

    def forward(self, x):
        x = x.flatten(1)
        self.calls += self.training
        return self.answer(x)

    def answer(self, x):
LINE
        return self.fc(x)

def build_model():
    return Net("pass")
"""
FIRST = MODEL.splitlines().index("LINE") + 1


def written(folder: Path, line: str) -> nn.Module:
    """Return a model from a file of a user's, with a line of its own in its forward pass."""
    path = folder / "net.py"
    path.write_text(MODEL.replace("LINE", f"        {line}"))
    return load_model_file(str(path)).build()


OWN = {
    "return self.fc(y)": "NameError: name 'y' is not defined",
    "return self.fcc(x)": "AttributeError: 'Net' object has no attribute 'fcc'",
    "return self.fc(x, x)": "TypeError: ",
    "{}['a']": "KeyError: 'a'",
    "1 / 0": "ZeroDivisionError: division by zero",
    "import no_such_module": "ModuleNotFoundError: No module named 'no_such_module'",
    "return self.answer(x)": "RecursionError: ",
    "sys.exit(3)": "SystemExit: 3",
    "raise ValueErr": "NameError: name 'ValueErr'",
    "assert x.dim() == 4, 'images'": "AssertionError: images",
    "raise ValueError('expected colour')": "ValueError: expected colour",
    "raise KeyError('several\\nlines')": "KeyError: 'several",
}
INPUTS = {
    "return self.small(x)": "RuntimeError: mat1 and mat2 shapes",
    "x = x.view(-1, 7)": "RuntimeError: shape '[-1, 7]' is invalid",
    "return self.fc(x.long())": "RuntimeError: ",
    "x[0, 99]": "IndexError: index 99 is out of bounds",
}


@pytest.mark.parametrize("wrap", [nn.Sequential, MaskedModel])
@pytest.mark.parametrize("line", [*OWN, *INPUTS])
def test_a_line_of_the_users_own_is_named(tmp_path: Path, wrap: Any, line: str) -> None:
    model, watch = wrap(written(tmp_path, line)), Watch()
    error, reason = (ModelError, OWN[line]) if line in OWN else (DataError, INPUTS[line])
    with pytest.raises(error) as caught:
        fit(model, images(), RECIPE, observer=watch)
    text = str(caught.value)
    assert reason in text
    assert "(1, 6, 6)" in text
    assert f"(net.py, line {FIRST}, in answer" in text
    assert "\n" not in text
    own = "the model's own code fails on inputs of shape"
    assert (own in text, "which the model does not take" in text) == (line in OWN, line in INPUTS)
    assert watch.told == []
    for attempt in (check_fit, lambda model, data: evaluate(model, data.test, data)):
        with pytest.raises(error, match=f"net.py, line {FIRST}, in answer"):
            attempt(model, images())


def test_a_layer_is_named_where_it_arose(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line \d+, in answer, at small: Linear\)$"):
        check_fit(written(tmp_path, "return self.small(x)"), images())
    nested = nn.Sequential(nn.Flatten(), nn.Sequential(nn.ReLU(), nn.Linear(9, 3)))
    with pytest.raises(DataError, match=r"shape \(1, 6, 6\), .*\(at 1\.1: Linear\)$"):
        check_fit(nested, images())
    with pytest.raises(TypeError) as caught:  # a masked layer of which only the wrapper knows
        MaskedModel(nested).model(torch.zeros(2, 36))
    line = caught.traceback[0].lineno + 1
    assert f"(test_blame.py, line {line}, in test_a_layer_is" in told(caught.value, nested)
    assert told(caught.value, nested).endswith(", at 1.1: Linear)")


@pytest.mark.parametrize(
    ("line", "error", "place"),
    [
        ("y if self.training else 0", ModelError, ""),  # found by the trial
        ("y if self.calls > 3 else 0", ModelError, "epoch 2 of 4, step 1 of 3: "),
        ("self.small(x) if self.calls > 3 else 0", DataError, "epoch 2 of 4, step 1 of 3: "),
        ("y if self.calls > 3 and not self.training else 0", ModelError, ""),
    ],
)
def test_the_place_in_training_is_told_and_what_is_kept(
    tmp_path: Path, line: str, error: type, place: str
) -> None:
    path = tmp_path / "run.ckpt"
    with pytest.raises(error) as caught:
        fit(written(tmp_path, line), images(), RECIPE, checkpoint=path, observer=Watch())
    text = str(caught.value)
    assert text.startswith(place)
    assert f"(net.py, line {FIRST}, in answer" in text
    assert path.exists() == ("calls" in line)
    assert text.endswith(f"; {path} keeps epoch 1") == ("calls" in line)


def test_an_error_in_the_backward_pass_is_the_models() -> None:
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return gradient * undefined  # type: ignore[name-defined]  # noqa: F821

    class Net(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return Twice.apply(super().forward(x.flatten(1)))

    with pytest.raises(ModelError, match=r"NameError: .*\(test_blame.py, line \d+, in backward"):
        fit(Net(36, 3), images(), RECIPE)


class Checkpointed(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(super().forward, x.flatten(1), use_reentrant=False)


class Forgetful(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1)) + (None if self.training else 0)


def test_parts_that_run_again_in_the_backward_pass_find_no_masked_weights() -> None:
    with pytest.raises(ModelError, match=r"activation checkpointing .*expected it to be switched"):
        fit(MaskedModel(nn.Sequential(Checkpointed(36, 3))), images(), RECIPE)
    fit(nn.Sequential(Checkpointed(36, 3)), images(), RECIPE)
    with pytest.raises(ModelError, match="the model's own code fails") as caught:
        fit(MaskedModel(nn.Sequential(Forgetful(36, 3))), images(), RECIPE)
    assert "checkpointing" not in str(caught.value), "None of the user's own is no weight"


def test_a_module_without_a_forward_pass() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

    with pytest.raises(ModelError, match=r'own code fails .* missing the required "forward"'):
        check_fit(Net(), images())


def test_refusals_of_ours_pass_as_they_are() -> None:
    class Refusing(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            raise TrainingError("not like this")

    with pytest.raises(TrainingError, match=r"^not like this$"):
        check_fit(Refusing(36, 3), images())


def test_told_is_one_short_line() -> None:
    assert told(ValueError("a\n  b")) == "ValueError: a b"
    assert told(ValueError()) == "ValueError"
    assert len(told(ValueError("x" * 9999))) < 400
    assert is_models_own(NameError()) > is_models_own(ValueError())

    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert told(Unspeakable()) == "Unspeakable: its message cannot be read"


def test_a_model_that_cannot_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(graph: Any, inputs: Any) -> Any:
        raise OSError("no compiler here")

    compiling = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: compiling(model, backend=broken))
    with pytest.raises(
        ModelError, match=r"torch.compile cannot take the model: .*no compiler"
    ) as e:
        fit(nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), images(), RECIPE, run=Run(compile=True))
    assert "\n" not in str(e.value)
    torch._dynamo.reset()


class Samples(torch.utils.data.Dataset[Any]):
    """Twenty samples, the later half of which go wrong in some way."""

    def __init__(self, how: str = "") -> None:
        self.how = how

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> Any:
        if index >= 10:
            if self.how == "key":
                return {}["x"]
            if self.how == "exit":
                sys.exit(1)
            if self.how == "none":
                return None, 1
            if self.how == "label":
                return torch.zeros(36), 7
            if self.how == "shape":
                return torch.zeros(35), 1
        return torch.zeros(36), index % 3


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("key", r"sample 1\d: KeyError: 'x' \(test_blame.py, line \d+, in __getitem__\)"),
        ("exit", r"sample 1\d: SystemExit: 1 \(test_blame.py, line \d+, in __getitem__\)"),
        ("none", r"sample 1\d: "),
        ("label", "labels: expected from 0 to 2, as the model has 3 outputs; got 7"),
        ("shape", r"expected inputs of one shape, got \(35,\) and \(36,\)"),
    ],
)
def test_a_sample_that_cannot_be_read_is_one_line(how: str, message: str, workers: int) -> None:
    for train, test in ((Samples(how), Samples()), (Samples(), Samples(how))):
        data = from_model_file(train, test, "own.py", classes=3)
        with pytest.raises(PemnError, match=message) as caught:
            fit(nn.Linear(36, 3), data, RECIPE, run=Run(workers=workers))
        assert "\n" not in str(caught.value)


KILLED = """
import os, signal, sys, torch
from torch import nn
from torch.utils.data import Dataset, get_worker_info

class Samples(Dataset):
    def __len__(self):
        return 200
    def __getitem__(self, index):
        if get_worker_info() and index == 150:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.zeros(4), index % 2

def build_model():
    return nn.Linear(4, 2)

def train_data():
    return Samples()

eval_data = train_data
"""


def test_a_worker_that_is_killed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(KILLED)
    done = subprocess.run(
        [sys.executable, "-m", "pemn_compress", "compress", "model.py", "--epochs", "2", "-q",
         "--workers", "2", "--batch-size", "10"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert line.startswith("pemn: a process that loads data is gone: ")
    assert line.endswith("fewer workers, or none, take less")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".pemn"] == []
