"""What is written is never what is read: every command, every output, by whatever name."""

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pemn_compress
from pemn_compress.apart import check_apart
from pemn_compress.cli import COMMANDS, pemn
from pemn_compress.cli.files import Output, PemnCommand, named_files
from pemn_compress.compressing.storage import Storage
from pemn_compress.errors import OutputError

MODEL = "from torch import nn\n\ndef build_model(file=''):\n    return nn.Linear(64, 10)\n"
# every option that writes a file; one that is not here is taken for what names an input
OUTPUTS = {
    "compress": {"output", "checkpoint", "record", "export", "log", "tensorboard"},
    "sweep": {"output"},
    "restore": {"output"},
    "run": {"output"},
    "report": {"output", "view", "plot"},
    "view": {"output"},
    "import": {"output"},
    "diff": {"plot"},
}
# every other text that a command takes: one that is new here may be the name of an output
TEXTS = {
    "compress": {
        "model", "spec", "data_dir", "arguments", "layer_density", "include", "exclude",
        "max_bytes", "teacher", "augment", "device", "dynamic",
    },
    "sweep": {"grid", "profile", "changes", "only", "address"},
    "restore": {"archive", "model_file", "input_shapes", "input_dtypes", "batch", "dynamic"},
    "run": {"archive", "inputs"},
    "report": {"paths", "sort", "datasets", "theirs", "arguments", "include", "exclude"},
    "inspect": {"archives"},
    "view": {"archives", "record"},
    "verify": {"archives"},
    "evaluate": {
        "archive", "spec", "data_dir", "preprocessing", "interpolation", "mean", "std",
        "model_file", "device",
    },
    "import": {"checkpoint", "model", "arguments", "input_shape"},
    "diff": {"archives"},
}  # fmt: skip
NO_TEXT = (
    click.Choice, click.types.IntParamType, click.types.FloatParamType, click.types.BoolParamType,
)  # fmt: skip


def parameters(name):
    command = pemn.get_command(click.Context(pemn), name)
    assert isinstance(command, PemnCommand)
    return command.params


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_known_as_an_output_or_as_none(name):
    texts = [one for one in parameters(name) if not isinstance(one.type, NO_TEXT)]
    outputs = {one.name for one in texts if isinstance(one.type, Output)}
    assert outputs == OUTPUTS.get(name, set())
    assert {one.name for one in texts} - outputs == TEXTS[name]


@pytest.fixture
def folder(tmp_path):
    """Write a folder with a file of every kind that a command reads."""
    content = pemn_compress.encode({"w": np.arange(12, dtype=np.float32)})
    for name in ("a.pemn", "b.pemn", "runs/c.pemn"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "model.py").write_text(MODEL)
    for name in ("record.json", "d.npz", "x.npy", "old.pth", "t.txt", "a.html", "p.png", "x.json"):
        (tmp_path / name).write_bytes(b"what somebody has made")
    for part in ("train", "test"):
        (tmp_path / "pics" / part / "one").mkdir(parents=True)
        (tmp_path / "pics" / part / "one" / "1.png").write_bytes(b"a picture")
    return tmp_path


FROM = ("--from", "pemn", "--model", "mlp")
OVER_INPUTS = [
    ("a.pemn", "view a.pemn -o {} --force"),
    ("a.html", "view a.html -o {} --force"),
    ("record.json", "view a.pemn --record record.json -o {} --force"),
    ("a.pemn", "report --html {} b.pemn a.pemn --force"),
    ("a.pemn", "report a.pemn -o {} --force"),
    ("a.pemn", "report a.pemn b.pemn --front -o {} --force"),
    ("p.png", "report a.pemn p.png --plot {} --force"),
    ("runs/c.pemn", "report runs -o {} --force"),
    ("x.npy", "run a.pemn --input x.npy -o {} --force"),
    ("x.npy", "run a.pemn --input x=x.npy -o {} --force"),
    ("d.npz", "run a.pemn --input d.npz -o {} --force"),
    ("a.pemn", "restore a.pemn -o {} --to pt --force"),
    ("model.py", "restore a.pemn --model model.py -o {} --to pt --force"),
    ("old.pth", "import old.pth --from pemn --model mlp -o {} --force"),
    ("model.py", "import old.pth --from pemn --model model.py:build_model -o {} --force"),
    ("p.png", "diff a.pemn p.png --plot {} --force"),
    ("model.py", "compress model.py --data digits -o {} --force"),
    ("model.py", "compress model.py:build_model --data digits --record {} --force"),
    ("d.npz", "compress mlp --data npz:d.npz -o {} --force"),
    ("t.txt", "compress gpt --data text:t.txt --log {} --force"),
    ("a.pemn", "compress mlp --data digits --teacher a.pemn -o {} --force"),
    ("old.pth", "compress mlp --data digits --teacher old.pth --checkpoint {}"),
    ("d.npz", "compress mlp --data digits -o c.pemn --export {} --teacher d.npz --force"),
    ("d.npz", "compress model.py --data digits -a file=d.npz --record {} --force"),
    ("pics/test/one/1.png", "compress mlp --data folder:pics --record {} --force"),
    ("pics/train/one/1.png", "compress mlp --data folder:pics -o {} --force"),
]


@pytest.mark.parametrize("by", ["its name", "another path", "a link", "a hard link"])
@pytest.mark.parametrize(("name", "words"), OVER_INPUTS)
def test_no_command_writes_over_what_it_reads(call, folder, name, words, by):
    output = folder / name
    if by != "its name":
        output = folder / "other" / f"out{output.suffix}"
        output.parent.mkdir()
    if by == "another path":
        output = f"other/../{name}"
    if by == "a link":
        output.symlink_to(folder / name)
    if by == "a hard link":
        os.link(folder / name, output)
    before = snapshot(folder)
    code, out, err = call(*(output if word == "{}" else word for word in words.split()))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "an input is never replaced" in err
    assert snapshot(folder) == before


def snapshot(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path, path.is_symlink(), path.read_bytes()) for path in files]


def test_a_file_that_a_pipe_is_read_from_is_an_input(folder):
    source = folder / "a.pemn"
    before = source.read_bytes()
    words = [sys.executable, "-m", "pemn_compress", "restore", "-", "--force", "--to", "npz", "-o"]
    with source.open("rb") as stream:
        done = subprocess.run([*words, source], stdin=stream, capture_output=True, text=True)
    assert done.returncode == 2
    assert "a.pemn: is what standard input reads: expected another output" in done.stderr
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model.pemn", "compress model.py --data digits --teacher model.pemn --force"),
        ("model.pt2", "restore model.pt2 --force"),
        ("model.pemn", "import model.pemn --from pemn --model mlp --force"),
    ],
)
def test_an_output_that_is_not_named_is_one_as_well(call, folder, name, words):
    (folder / "a.pemn").rename(folder / name)
    before = snapshot(folder)
    code, _, err = call(*words.split())
    assert (code, err.count("\n")) == (2, 1)
    assert f"{name}: is an input as well" in err
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    "words",
    [
        "compress mlp --data digits -o a.pemn --record ./a.pemn --force",
        "compress mlp --data digits --log c.csv --checkpoint c.csv",
        "compress mlp --data digits --export n.pt2 --export runs/../n.pt2",
        "compress mlp --data digits --log new --tensorboard new",
        "compress new.py --data digits --checkpoint new.pemn",
        "report a.pemn --front -o c.svg --plot c.svg",
        "report a.pemn --front -o hard.svg --plot p.png --force",
    ],
)
def test_two_outputs_of_one_command_are_two_files(call, folder, words):
    os.link(folder / "p.png", folder / "hard.svg")
    before = snapshot(folder)
    code, _, err = call(*words.split())
    assert (code, err.count("\n")) == (2, 1)
    assert "expected different files for all outputs, got one twice" in err
    assert snapshot(folder) == before


@pytest.mark.parametrize("suffix", ["pemn", "json", "svg", "", "html.gz"])
@pytest.mark.parametrize("words", ["view a.pemn -o", "report a.pemn --html"])
def test_a_page_is_called_as_one(call, folder, words, suffix):
    code, _, err = call(*words.split(), f"out.{suffix}".rstrip("."), "--force")
    assert (code, err.count("\n")) == (2, 1)
    assert "expected a name that ends in .html or .htm" in err
    assert not list(folder.glob("out*"))
    assert call(*words.split(), "out.HTM")[0] == 0


def test_what_goes_on_with_its_own_file_and_what_is_new_is_let_be(call, folder):
    train = ("compress", "mlp", "--data", "digits", "-a", "width=4", "--threads", 1, "-q")
    kept = ("--checkpoint", "c.pt", "--log", "c.csv", "--record", "c.json")
    assert call(*train, "--epochs", 1, *kept, "-o", "one.pemn")[0] == 0
    assert call(*train, "--epochs", 1, *kept, "-o", "one.pemn", "--force")[0] == 0
    assert len((folder / "c.csv").read_text().splitlines()) == 2
    # a report may lie in the folder that it is of, and be written anew
    for form in ("-o runs/r.json", "--front -o runs/r.json", "-o runs/r.md", "--html runs/r.html"):
        for _ in range(2):
            code, _, err = call("report", "runs", "one.pemn", *form.split(), "--force")
            assert (code, err) == (0, "")
    # an architecture is no file, though a file may be called as it is
    (folder / "mlp").write_bytes(b"")
    assert call(*train, "--epochs", 1, "-o", "mlp", "--force")[0] == 0
    # a folder of data that this run does not read
    (folder / "data").mkdir()
    (folder / "data" / "m.pemn").write_bytes(b"")
    assert call(*train, "--epochs", 1, "-o", "data/m.pemn", "--force")[0] == 0


def test_what_a_model_file_reads_by_itself_is_an_input(call, folder):
    np.savez(folder / "own.npz", x=np.zeros((20, 64), np.float32), y=np.arange(20) % 10)
    (folder / "own.py").write_text(
        "import numpy, torch\nfrom pathlib import Path\n" + MODEL + "\ndef train_data():\n"
        "    Path('notes.csv').read_text()\n"
        "    held = numpy.load('own.npz')\n"
        "    return torch.from_numpy(held['x']), torch.from_numpy(held['y'])\n\n"
        "eval_data = train_data\n"
    )
    (folder / "notes.csv").write_text("epoch")
    (folder / "link.npz").symlink_to("own.npz")
    before = snapshot(folder)
    for words in ("-o own.npz", "--record link.npz", "--log notes.csv"):
        code, _, err = call("compress", "own.py", "--epochs", 1, *words.split(), "--force")
        assert (code, err.count("\n")) == (2, 1)
        assert "an input is never replaced" in err
        assert snapshot(folder) == before
    assert call("compress", "own.py", "--epochs", 1, "-o", "a.pemn", "--force", "-q")[0] == 0


def test_a_sweep_does_not_begin_where_a_run_would_lose_its_teacher(call, folder):
    (folder / "grid.toml").write_text(
        '[common]\nmodel = "mlp"\ndata = "digits"\nepochs = 1\n'
        'teacher = "out/seed-0/model.pemn"\n[axes]\nseed = [0, 1]\n'
    )
    (folder / "out" / "seed-0").mkdir(parents=True)
    (folder / "a.pemn").rename(folder / "out" / "seed-0" / "model.pemn")
    (folder / "out" / "seed-0" / "run.json").write_text('{"command": []}')
    before = snapshot(folder)
    code, _, err = call("sweep", "grid.toml", "-o", "out")
    assert (code, err.count("\n")) == (2, 1)
    assert "seed-0/model.pemn: is an input as well" in err
    assert snapshot(folder) == before


def test_python_callers_are_kept_from_it_too(folder, monkeypatch):
    monkeypatch.chdir(folder)
    before = snapshot(folder)
    train = {"data": "digits", "storage": Storage(force=True)}
    for output, further in (
        ("model.py", {}),
        ("d.npz", {"data": "npz:d.npz"}),
        ("pics/train/one/1.png", {"data": "folder:pics"}),
        ("old.pth", {"teacher": folder / "old.pth"}),
    ):
        with pytest.raises(OutputError, match="never replaced"):
            pemn_compress.compress("model.py", output=output, **(train | further))
        with pytest.raises(OutputError, match="never replaced"):
            pemn_compress.compress("model.py", record=f"./{output}", **(train | further))
    Path("link.pt").symlink_to("a.pemn")
    with pytest.raises(OutputError, match="never replaced"):
        pemn_compress.restore("a.pemn", "link.pt", force=True)
    Path("link.pt").unlink()
    assert snapshot(folder) == before


def test_a_loop_of_links_ends(call, folder):
    (folder / "pics" / "train" / "one" / "again").symlink_to(folder / "pics")
    code, _, err = call("compress", "mlp", "--data", "folder:pics", "-o", "t.txt", "--force")
    assert (code, err.count("\n")) == (2, 1)
    assert "never replaced" not in err  # the pictures are none


@given(
    st.text("ab.=:/", min_size=1, max_size=9), st.sampled_from(["{}", "x={}", "npz:{}", "n=k:{}"])
)
def test_a_file_is_found_in_every_text_that_names_it(name, form):
    assert name in set(named_files(form.format(name)))


def test_files_that_are_not_there_are_nobodys_inputs(tmp_path):
    check_apart([tmp_path / "new"], [tmp_path / "new", "a\0b"])
    check_apart(["a\0b"], ["a\0b"])
    with pytest.raises(OutputError, match="got one twice"):
        check_apart([tmp_path / "new", tmp_path / "new"])
