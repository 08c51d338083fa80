"""Model files: whatever the user's code does, a result or one line that says what and where."""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from pemn_compress.errors import ModelError
from pemn_compress.models.modelfile import (
    ModelFile,
    load_model_file,
    module_from_source,
    parse_reference,
)

GOOD = """
from __future__ import annotations
from dataclasses import dataclass
from torch import nn

@dataclass
class Sizes:
    width: int = 4

class Net(nn.Linear):
    pass

def build_model(width=4):
    return Net(3, Sizes(width).width)

def build_other():
    return nn.Identity()

def train_data():
    return "train"
"""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(source: str | bytes, entry: str = "") -> ModelFile:
    """Write model.py in the current folder and load it."""
    Path("model.py").write_bytes(source if isinstance(source, bytes) else source.encode())
    return load_model_file("model.py" + entry)


@pytest.mark.parametrize(
    ("reference", "path", "entry"),
    [
        ("model.py", "model.py", "build_model"),
        ("nets/model.py:build_small", "nets/model.py", "build_small"),
        ("C:\\nets\\model.py", "C:\\nets\\model.py", "build_model"),
        ("a:b/model.py", "a:b/model.py", "build_model"),
        ("a:b/model.py:fn", "a:b/model.py", "fn"),
    ],
)
def test_references(reference: str, path: str, entry: str) -> None:
    assert parse_reference(reference) == (Path(path), entry)


def test_builds_what_the_file_says(folder: Path) -> None:
    loaded = load(GOOD)
    assert (loaded.path, loaded.entry, loaded.source) == (Path("model.py"), "build_model", GOOD)
    assert loaded.build(width=7).weight.shape == (7, 3)
    assert type(loaded.build()).__name__ == "Net"
    assert isinstance(load(GOOD, ":build_other").build(), nn.Identity)
    assert loaded.train_data() == "train"
    assert loaded.eval_data() is None


def test_a_class_can_be_the_entry(folder: Path) -> None:
    assert load(GOOD, ":Net").build(in_features=2, out_features=5).weight.shape == (5, 2)


def test_models_pickle_and_two_loads_stay_apart(folder: Path) -> None:
    first, second = load(GOOD), load(GOOD)
    assert first.module is not second.module
    for loaded in (first, second):
        assert type(pickle.loads(pickle.dumps(loaded.build()))) is loaded.module.Net


def test_neighbours_can_be_imported_also_while_building(folder: Path) -> None:
    (folder / "pemn_neighbour.py").write_text("from torch import nn\nLayer = nn.Identity\n")
    (folder / "pemn_late.py").write_text("from torch import nn\nLayer = nn.ReLU\n")
    before = list(sys.path)
    loaded = load(
        "import pemn_neighbour\n"
        "def build_model():\n"
        "    import pemn_late\n"
        "    return pemn_late.Layer()\n"
    )
    assert isinstance(loaded.build(), nn.ReLU)
    assert sys.path == before


def test_a_source_without_a_file_runs_and_adds_no_folder(folder: Path) -> None:
    source = "import sys\npath = list(sys.path)\n"
    assert module_from_source(source, "archive.pemn/model.py").path == sys.path


def test_an_encoding_declaration_is_obeyed(folder: Path) -> None:
    source = "# coding: latin-1\nWORD = 'é'\ndef build_model(): pass\n".encode("latin-1")
    assert load(source).module.WORD == "é"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ndef f(:\n", r"failed with SyntaxError: invalid syntax \(line 2\); correct it"),
        ("x = '\0'\n", "failed with (SyntaxError|ValueError).*null bytes"),
        ("if 1:\nx = 1\n", r"IndentationError: expected an indented block.* \(line 2\)"),
        ("x = 1\n\nraise KeyError('a\\nb')\n", r"running the file failed with KeyError: .*line 3"),
        ("def f():\n    1 / 0\nf()\n", r"ZeroDivisionError: division by zero \(line 2\)"),
        ("import no_such_module_x\n", r"ModuleNotFoundError: No module named .* \(line 1\)"),
        ("import sys\nsys.exit(3)\n", r"SystemExit: 3 \(line 2\)"),
        ("class E(BaseException): pass\nraise E\n", r"failed with E \(line 2\)"),
        (
            "class E(Exception):\n    def __str__(self): raise ValueError\nraise E\n",
            "failed with E: its message cannot be read",
        ),
        (
            "raise ValueError('x' * 9000)\n",
            r"x{24}\.\.\.\(303 characters, [0-9a-f]{8}\)\.\.\.x.* \(line 1\)",
        ),
        (
            "import os\nfrom torch import nn\ndef make(): pass\nclass Net: pass\n",
            r"a function build_model\(\).*it defines make, Net; .*model.py:FUNCTION",
        ),
        ("", "it defines no functions"),
        ("build_model = 3\n", "got: build_model is an object of type int"),
        (
            "from torch import nn\nbuild_model = nn.Linear(1, 1)\n",
            "build_model is an object of type torch.nn.modules.linear.Linear",
        ),
        (b"x = '\xff'\n", "expected Python source text"),
        (b"# coding: nonsense\n", "expected Python source text; got: unknown encoding: nonsense"),
    ],
)
def test_files_that_cannot_be_loaded(folder: Path, source: str | bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        load(source)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("model.py: ")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("missing.py", "missing.py: expected a Python file; there is no such file"),
        ("missing.py:fn", "missing.py: expected a Python file; there is no such file"),
        (f"{'x' * 300}.py", "expected a readable file; got: File name too long"),
        ("nets", "nets: expected a Python file, got a folder"),
        ("nets.py", "nets.py: expected a Python file, got a folder"),
        ("weights.pt", r"weights.pt: expected a Python file named \*.py"),
        ("model.py:", "model.py:: expected FILE.py:FUNCTION; got '' for the function"),
        ("model.py:a-b", "expected FILE.py:FUNCTION; got 'a-b'"),
        ("file.py/model.py", "file.py/model.py: expected a readable file; got: Not a directory"),
    ],
)
def test_references_that_lead_nowhere(folder: Path, reference: str, message: str) -> None:
    for name in ("nets", "nets.py"):
        (folder / name).mkdir()
    for name in ("weights.pt", "model.py", "file.py"):
        (folder / name).write_text("")
    with pytest.raises(ModelError, match=message) as caught:
        load_model_file(reference)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "arguments", "message"),
    [
        ("():\n    raise ValueError('no\\nway')", {}, r"ValueError: no way \(line 2\)"),
        ("():\n    raise SystemExit", {}, r"failed with SystemExit \(line 2\)"),
        ("():\n    from torch import nn\n    nn.Linear(-1, 2)", {}, r"\(line 3\)"),
        ("():\n    exec('x = (')", {}, "SyntaxError: '\\(' was never closed"),
        ("(): pass", {}, "must return a torch.nn.Module; got None"),
        ("(): return {'a': 1}", {}, "got an object of type dict; return the built model"),
        ("(): return Net", {}, "got the class Net itself, not an instance"),
        ("(): return Net()", {}, "got an object of type Net;"),
        ("(): pass", {"classes": 3}, "arguments: classes; it accepts: none; .*'classes'"),
        ("(a, b=1): pass", {"a": 1, "c": 2}, "arguments: a, c; it accepts: a, b; .*'c'"),
        ("(a, b=1): pass", {}, "arguments: none; it accepts: a, b; missing .*'a'"),
    ],
)
def test_builders_that_fail(
    folder: Path, body: str, arguments: dict[str, object], message: str
) -> None:
    loaded = load(f"def build_model{body}\nclass Net: pass\n")
    with pytest.raises(ModelError, match=message) as caught:
        loaded.build(**arguments)
    assert str(caught.value).startswith("model.py: build_model() ")
    assert "\n" not in str(caught.value)


def test_data_functions_that_fail(folder: Path) -> None:
    loaded = load(
        "def build_model(): pass\ndef train_data():\n    raise OSError('gone')\neval_data = [1]\n"
    )
    with pytest.raises(ModelError, match=r"model.py: train_data\(\) failed with OSError: gone"):
        loaded.train_data()
    with pytest.raises(ModelError, match=r"expected eval_data to be a function .*got .* list"):
        loaded.eval_data()


def test_an_error_in_a_neighbour_names_the_line_of_both(folder: Path) -> None:
    (folder / "pemn_broken.py").write_text("x = (\n")
    with pytest.raises(ModelError, match=r"SyntaxError: .* \(pemn_broken.py, line 1\)"):
        load("import pemn_broken\n")


def test_a_file_that_fails_leaves_no_module_behind(folder: Path) -> None:
    known = set(sys.modules)
    with pytest.raises(ModelError):
        load("raise ValueError\n")
    assert set(sys.modules) == known


def test_control_c_is_not_swallowed(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load("raise KeyboardInterrupt\n")
