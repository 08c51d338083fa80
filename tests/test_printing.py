"""What is printed: other people's text in characters that one can see, whole in a pipe, one line
for every error, whatever the terminal, the locale and standard output are."""

import csv
import errno
import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from handmade import put_together, rehash

from pemn_compress.cli import COMMANDS, main
from pemn_compress.cli.flags import as_flags
from pemn_compress.cli.wording import error_line, is_out_of_memory
from pemn_compress.errors import ArchiveError, UnknownNameError
from pemn_compress.format import prng
from pemn_compress.format.archive import DenseTensor, MaskedTensor, Prototype, encode
from pemn_compress.printable import LONGEST_MESSAGE, one_line, printable
from pemn_compress.reporting.interchange import csv_text, json_text

PEMN = (sys.executable, "-m", "pemn_compress")
ACCEPT = Path(__file__).parent.parent / "format_spec" / "conformance" / "accept"
HOSTILE = "\x1b]0;PWNED\x07\x1b[31mred\u202egnp.exe\u2028\u0085"
HALF = "\ud800"  # no character: neither a file nor an archive can hold it
LAYERS = (
    "encoder.layers.11.self_attn.in_proj_weight",
    "encoder.layers.10.self_attn.in_proj_weight",
)

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def write(path, *, architecture=None, about=None, names=LAYERS, density=0.5):
    random = np.random.default_rng(0)
    contents = [MaskedTensor(n, "f32", random.random((6, 5)) < density, 0, 0.5) for n in names]
    contents.append(DenseTensor("bias", "f32", np.float32([3, 4])))
    prototype = Prototype("normal16", prng.normal16(3, 0, 7), 3)
    path.write_bytes(encode(contents, prototype, architecture=architecture, about=about))
    return path


def is_clean(text):
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain name", "plain name"),
        ("größe 重み", "größe 重み"),
        ("a\tb\nc\rd", r"a\tb\nc\rd"),
        ("\x1b[31m\x07\x00\x7f\x9b", r"\x1b[31m\x07\x00\x7f\x9b"),
        ("\u202e\u2066\u200b\u2028\u2029\xa0\ufeff", r"\u202e\u2066\u200b\u2028\u2029\xa0\ufeff"),
        ("\ud800\U000e0041", r"\ud800\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_spelled(text, seen):
    assert printable(text) == seen
    assert printable(seen) == seen
    assert str(ArchiveError(f"x: {text}!")).isprintable()


def test_long_texts_are_cut_in_the_middle_and_stay_different():
    first, second = "w" * 5000 + "a" + "w" * 5000, "w" * 5000 + "b" + "w" * 5000
    cut = [printable(first), printable(second), printable(first + "w")]
    assert len(set(cut)) == 3
    assert all(len(text) <= 500 for text in cut)
    assert "...(10,001 characters, " in cut[0]
    assert printable(cut[0]) == cut[0]
    assert len(printable("\x1b" * 4_000_000)) <= 500
    assert "(4,000,000 characters, " in printable("\x1b" * 4_000_000)
    assert printable("x" * 600, 4096) == "x" * 600


def test_messages_are_one_line_whoever_raises_them():
    error = ArchiveError("first\n\t second\r\n\x1b[1mthird" + "x" * 10_000)
    assert str(error).startswith(r"first second \x1b[1mthirdxxx")
    assert len(str(error)) <= LONGEST_MESSAGE
    assert is_clean(str(UnknownNameError("kind", HOSTILE + HALF, ["a"])))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert one_line(" a \n b ") == "a b"


def test_python_names_arguments_and_the_command_flags():
    assert as_flags("pass force=True; (limits=Limits(max_bytes=...) allows more") == (
        "pass --force; (--max-bytes allows more"
    )
    assert error_line("a\nb\x1b") == r"pemn: a b\x1b"


@pytest.mark.parametrize(
    "architecture",
    [
        {"kind": "none", "name": HOSTILE},
        {"kind": "source", "name": HOSTILE, "entry": HOSTILE, "arguments": {"a": HOSTILE}},
        {"kind": "registered", "name": "x" * 3_900_000},
        {"kind": "registered", "name": HOSTILE * 1000},
    ],
    ids=["none", "source", "long", "long and hostile"],
)  # fmt: skip
def test_what_an_archive_says_reaches_no_terminal(call, tmp_path, architecture):
    about = {"settings": {"strategy": HOSTILE, "search": HOSTILE}, "input": HOSTILE,
             "accuracy": {"correct": 1, "total": 2, "data": HOSTILE}}  # fmt: skip
    write(tmp_path / "a.pemn", architecture=architecture, about=about)
    for arguments in (
        ["report", "a.pemn"], ["report", "a.pemn", "--format", "markdown"],
        ["report", "a.pemn", "--format", "csv"], ["report", "a.pemn", "a.pemn"],
        ["inspect", "a.pemn"], ["verify", "a.pemn"], ["diff", "a.pemn", "a.pemn"],
        ["restore", "a.pemn"], ["restore", "a.pemn", "--trust-source"],
        ["evaluate", "a.pemn", "--data", "digits"],
    ):  # fmt: skip
        code, out, err = call(*arguments)
        assert is_clean(out + err), arguments
        most = 20 * 4096 if "csv" in arguments else 8000
        assert len(out + err) < most, arguments
        assert (code, err.count("\n")) in ((0, 0), (2, 1)), arguments


@posix
def test_file_names_reach_no_terminal_either(call, tmp_path):
    name = f"{HOSTILE}.pemn"
    write(tmp_path / name)
    (tmp_path / f"broken {name}").write_bytes(b"PK")
    for arguments in (
        ["report"], ["report", name], ["inspect", name], ["verify", name, f"broken {name}"],
        ["diff", name, name], ["restore", name], ["verify", f"gone {name}"],
        ["report", f"gone {name}"], ["evaluate", name, "--data", "digits"],
    ):  # fmt: skip
        code, out, err = call(*arguments)
        assert is_clean(out + err), arguments
        assert code in (0, 2), arguments


def test_json_is_exact_and_strict(call, tmp_path):
    odd = {"a": float("nan"), "b": [float("inf"), -float("inf"), 1.5], "c": HOSTILE}
    write(tmp_path / "a.pemn", architecture={"name": "m", "arguments": odd},
          about={"settings": odd, "accuracy": odd, "training": odd})  # fmt: skip
    for arguments in (["inspect", "a.pemn", "--json"], ["report", "a.pemn", "--format", "json"],
                      ["verify", "a.pemn", "--json"], ["diff", "a.pemn", "a.pemn", "--json"],
                      ["inspect", "a.pemn", "--norms", "--json"]):  # fmt: skip
        code, out, _ = call(*arguments)
        assert code == 0
        assert out.isascii()
        told = json.loads(out, parse_constant=pytest.fail)
        if arguments[0] == "inspect":
            assert told["about"]["settings"] == {
                "a": None, "b": [None, None, 1.5], "c": HOSTILE
            }  # fmt: skip
    assert json_text({"x": (1, float("nan"))}, None) == '{"x": [1, null]}'


def test_norms_that_are_not_finite_are_null_in_json(call, tmp_path):
    content = DenseTensor("w", "f32", np.float32([np.inf, 1]))
    (tmp_path / "a.pemn").write_bytes(encode([content], None))
    told = json.loads(call("inspect", "a.pemn", "--norms", "--json")[1], parse_constant=pytest.fail)
    assert told["norms"]["w"]["kept"] is None


def test_cells_that_begin_like_formulas(call, tmp_path):
    name = '=HYPERLINK("http://evil","x")'
    write(tmp_path / "@a.pemn", architecture={"kind": "none", "name": name},
          about={"settings": {"strategy": "=cmd|' /C calc'!A0", "seed": -1.5, "order": "-2.5",
                              "search": "+1", "renewal": "\t=1", "budget": "-a"}})  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(call("report", "@a.pemn", "--format", "csv")[1])))
    own = rows[0]
    assert own["file"] == "'@a.pemn"
    assert own["architecture"] == f"'{name}"
    assert own["method"] == "'=cmd|' /C calc'!A0"
    assert (own["seed"], own["order"], own["search"]) == ("-1.5", "-2.5", "+1")
    assert own["renewal"] == r"\t=1"
    assert own["budget"] == "'-a"
    for row in rows:
        for cell in row.values():
            assert cell[:1] not in tuple("=+-@\t\r") or float(cell) is not None
    text = call("diff", "@a.pemn", "@a.pemn", "--csv")[1]
    assert next(csv.DictReader(io.StringIO(text)))["first"] == "'@a.pemn"
    assert csv_text(["a"], [{"a": -1.5}, {"a": None}, {"a": " =1"}]) == 'a\n-1.5\n""\n\' =1\n'


def test_names_are_whole_in_a_pipe(call, tmp_path):
    long = "a_" * 120 + "weight"
    write(tmp_path / "a.pemn", names=(*LAYERS, long))
    write(tmp_path / ("n" * 120 + ".pemn"), names=(*LAYERS, long))
    for arguments in (["inspect", "a.pemn"], ["inspect", "a.pemn", "--norms"],
                      ["diff", "a.pemn", "n" * 120 + ".pemn"]):  # fmt: skip
        _, out, _ = call(*arguments)
        lines = out.splitlines()
        for name in (*LAYERS, long):
            assert any(line.startswith(f"  {name}  ") for line in lines), arguments
    assert "n" * 120 + ".pemn" in call("report")[1]


def on_terminal(folder, *arguments, columns=80, **environment):
    """Run the command in a pseudo-terminal of that width; return its output."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    unset = {"COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM"}
    clean = {key: value for key, value in os.environ.items() if key not in unset}
    run = subprocess.Popen(
        [*PEMN, *arguments], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
        env=clean | {"TERM": "xterm"} | environment,
    )  # fmt: skip
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux tells the end
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    assert run.wait(60) == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


@posix
def test_names_are_folded_in_a_terminal_and_stay_whole(tmp_path):
    long = ["a_" * 60 + end for end in ("x", "y")]
    write(tmp_path / "a.pemn", names=(*LAYERS, *long))
    write(tmp_path / ("n" * 120 + ".pemn"), names=(*LAYERS, *long))
    for arguments in (["inspect", "a.pemn"], ["diff", "a.pemn", "n" * 120 + ".pemn"], ["report"]):
        text = on_terminal(tmp_path, *arguments)
        assert "\x1b[1m" in text
        plain = re.sub(r"\x1b\[\d*m", "", text)
        assert max(map(len, plain.splitlines())) <= 80
        assert is_clean(plain)
        if arguments != ["report"]:
            heads = [line for line in plain.splitlines() if line.startswith("  tensor ")]
            width = re.search(r"tensor +", heads[0]).end()
            folded = "".join(line[:width].strip() for line in plain.splitlines())
            assert all(name in folded for name in (*LAYERS, *long))


@posix
@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminals_without_colours(tmp_path, environment):
    write(tmp_path / "a.pemn")
    for arguments in (["inspect", "a.pemn"], ["report", "a.pemn"], ["diff", "a.pemn", "a.pemn"]):
        assert is_clean(on_terminal(tmp_path, *arguments, **environment))


@posix
def test_a_terminal_of_few_columns(tmp_path):
    write(tmp_path / "a.pemn")
    text = on_terminal(tmp_path, "inspect", "a.pemn", columns=20, NO_COLOR="1")
    assert "in_proj" in text


@posix
@pytest.mark.parametrize(
    "environment",
    [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
     {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}],
)  # fmt: skip
def test_any_locale_prints_any_name(tmp_path, environment):
    name = "größe 重み.pemn"
    write(tmp_path / name, architecture={"kind": "none", "name": "重み"})
    (tmp_path / os.fsdecode(b"not\xffutf8.pemn")).write_bytes((tmp_path / name).read_bytes())
    for arguments in (["report"], ["report", "--details"], ["report", "--format", "csv"],
                      ["report", "--format", "json"], ["inspect", name], ["verify", name],
                      ["diff", name, os.fsdecode(b"not\xffutf8.pemn")],
                      ["verify", "gibt es nicht: ö"]):  # fmt: skip
        done = subprocess.run([*PEMN, *arguments], cwd=tmp_path, capture_output=True, check=False,
                              env=os.environ | environment)  # fmt: skip
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        assert done.returncode == (2 if b"gibt" in os.fsencode(arguments[-1]) else 0)


SHELL = f"{sys.executable} -m pemn_compress"


@posix
@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        ("{pemn} report --details | head -c 5 > /dev/null; true", 0, ""),
        ("{pemn} inspect a.pemn | (exec <&-; sleep 3)", 141, ""),
        ("{pemn} verify a.pemn gone.pemn | (exec <&-; sleep 3)", 141, ""),
        ("{pemn} --help | (exec <&-; sleep 3)", 141, ""),
        ("{pemn} verify a.pemn a.pemn >&-", 2, "pemn: standard output is closed"),
        ("{pemn} compress mlp --data digits -o - >&-", 2, "pemn: standard output is closed"),
        ("{pemn} restore a.pemn -o - --to safetensors >&-", 2, "pemn: standard output is closed"),
        ("{pemn} restore a.pemn -o a.safetensors <&- >&- 2>&-", 0, ""),
        (
            "{pemn} restore a.pemn --to safetensors -o /dev/stdout | cat",
            2,
            "; - is standard output",
        ),
        ("{pemn} restore a.pemn --to safetensors -o /dev/full", 2, "; - is standard output"),
        ("{pemn} restore a.pemn --to safetensors -o - > /dev/full", 2, "No space left on device"),
        ("{pemn} report >&-", 2, "pemn: standard output is closed"),
        ("{pemn} verify a.pemn gone.pemn 2>&-", 2, ""),
        ("{pemn} verify - <&-", 2, "pemn: standard input: expected a .pemn archive, got nothing"),
        ("{pemn} report - <&-", 2, "pemn: standard input: expected a .pemn archive, got"),
        ("{pemn} diff - a.pemn < /dev/null", 2, "pemn: standard input: expected a .pemn archive"),
        ("{pemn} report - < a.pemn", 0, ""),
        ("{pemn} verify - - < a.pemn", 2, "pemn: expected at most one archive from standard inp"),
        ("{pemn} inspect /dev/stdin < a.pemn", 0, ""),
        ("cat a.pemn | {pemn} inspect /dev/stdin", 2, "a device or a pipe; pass - for standard"),
    ],
)
def test_pipes_and_closed_streams(tmp_path, command, status, told):
    write(tmp_path / "a.pemn")
    script = "set -o pipefail; " + command.format(pemn=SHELL)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True,
                          check=False, timeout=60)  # fmt: skip
    assert (done.returncode, told in done.stderr) == (status, True), done.stderr
    assert done.stderr.count("\n") == (1 if told else 0), done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["report", "inspect a.pemn --json", "verify a.pemn", "--help"])
def test_a_full_disk_behind_standard_output(tmp_path, command):
    write(tmp_path / "a.pemn")
    done = subprocess.run(["bash", "-c", f"{SHELL} {command} > /dev/full"], cwd=tmp_path,
                          capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "pemn: standard output: No space left on device\n"


NO_TORCH = """
import sys

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Gone())
"""


def test_without_torch_commands_that_need_it_say_what_to_install(tmp_path):
    write(tmp_path / "a.pemn")
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text(NO_TORCH)
    (tmp_path / "model.py").write_text("def build_model(): pass\n")
    root = Path(__file__).parent.parent
    paths = [str(tmp_path / "blocked"), str(root), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    for arguments, needs in [
        (["restore", "a.pemn"], True),
        (["restore", "a.pemn", "-o", "a.pt"], True),
        (["restore", "a.pemn", "-o", "a.safetensors"], False),
        (["restore", "a.pemn", "-o", "a.npz"], False),
        (["evaluate", "a.pemn", "--data", "digits"], True),
        (["compress", "mlp", "--data", "digits"], True),
        (["compress", "model.py"], True),
        (["import", "c.pth", "--from", "pemn", "--model", "mlp"], True),
        (["report", "mlp"], True),
        (["report", "a.pemn"], False),
        (["inspect", "a.pemn"], False),
        (["verify", "a.pemn"], False),
        (["diff", "a.pemn", "a.pemn"], False),
        (["compress", "--help"], False),
    ]:
        done = subprocess.run([*PEMN, *arguments], cwd=tmp_path, env=environment, text=True,
                              capture_output=True, check=False, timeout=60)  # fmt: skip
        told = "pemn: this command needs torch: pip install . in a checkout of pemn-compress"
        expected = (2, f"{told}\n") if needs else (0, "")
        assert (done.returncode, done.stderr) == expected, arguments


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("compres", "compress"), ("Verify", "verify"), ("inspct", "inspect"), ("dif", "diff")],
)
def test_commands_that_nearly_exist(call, typed, meant):
    code, out, err = call(typed, "x")
    assert (code, out) == (2, "")
    assert err.startswith(f"pemn: no such command {typed!r}; did you mean {meant}")


def test_commands_and_options_that_do_not_exist(call):
    code, _, err = call("frobnicate")
    assert code == 2
    assert err == (
        f"pemn: no such command 'frobnicate'; expected one of: {', '.join(COMMANDS)}; "
        "see 'pemn --help'\n"
    )
    code, _, err = call("report", "--detials")
    assert (code, err.count("\n"), "'--details'" in err) == (2, 1, True)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "out of memory: the system gives no more"),
        (MemoryError("Unable to allocate 4.00 GiB"), "out of memory: Unable to allocate 4.00 GiB"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory: Default"),
        (OSError(errno.EIO, "Input/output error", "disk"), "disk: Input/output error"),
        (ModuleNotFoundError("No module named 'sklearn'", name="sklearn.x"),
         "this command needs sklearn, which is not installed: pip install sklearn"),
        (ImportError("libcudart.so.12: cannot open", name="torch"),
         "this command needs torch, which cannot be imported: libcudart.so.12: cannot open"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["verify", "inspect", "report", "diff"])
def test_what_the_system_refuses_is_one_line(call, tmp_path, monkeypatch, command, error, told):
    from pemn_compress.format.archive import opening

    write(tmp_path / "a.pemn")

    def broken(*_, **__):
        raise error

    monkeypatch.setattr(opening, "from_json", broken)
    code, out, err = call(command, "a.pemn", *(["a.pemn"] if command == "diff" else []))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err


def test_other_errors_are_not_swallowed(monkeypatch, tmp_path):
    from pemn_compress.format.archive import opening

    def broken(*_, **__):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(opening, "from_json", broken)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        main(["verify", str(write(tmp_path / "a.pemn"))])
    assert not is_out_of_memory(ValueError("out of memory"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs ulimit -v")
def test_real_memory_that_there_is_not(tmp_path):
    numel, payloads = 1 << 29, {"masks": b"\0"}  # a mask without ones: half a gigabyte of zeros
    positions = {"bytes": 1, "codec": "rice", "ones": 0}
    manifest = {
        "about": {}, "architecture": {}, "prototype": None, "restored_sha256": "0" * 64,
        "sections": [{"critical": True, "name": "masks"}],
        "tensors": [{"dtype": "u8", "name": "w", "shape": [numel], "positions": positions,
                     "values": {"bits": "01", "kind": "constant"}}],
    }  # fmt: skip
    rehash(manifest, payloads)
    (tmp_path / "a.pemn").write_bytes(
        put_together(manifest, payloads, elements=numel, restored=numel)
    )
    write(tmp_path / "b.pemn")
    script = f"ulimit -v 1000000; {SHELL} verify a.pemn b.pemn"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True,
                          check=False, timeout=60)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("pemn: a.pemn: out of memory: Unable to allocate 512. MiB")
    assert done.stderr.count("\n") == 1
    assert "b.pemn: sound" in done.stdout


@posix
def test_commands_write_through_links(call, tmp_path):
    write(tmp_path / "a.pemn")
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "a.safetensors", tmp_path / "link.safetensors"
    target.write_bytes(b"old")
    link.symlink_to(target)
    code, _, err = call("restore", "a.pemn", "-o", link.name)
    assert (code, "exists and is kept; pass --force to replace it" in err) == (2, True)
    assert call("restore", "a.pemn", "-o", link.name, "--force")[0] == 0
    assert link.is_symlink()
    assert target.read_bytes().find(b"in_proj_weight") > 0


def test_verify_checks_all_and_says_which_failed(call, tmp_path):
    good = write(tmp_path / "a.pemn").read_bytes()
    (tmp_path / "cut.pemn").write_bytes(good[:-1])
    write(tmp_path / "c.pemn")
    code, out, err = call("verify", "a.pemn", "cut.pemn", "gone.pemn", "c.pemn")
    assert code == 2
    assert [line.partition(":")[0] for line in out.splitlines()] == ["a.pemn", "c.pemn"]
    assert [line.split(": ")[1] for line in err.splitlines()] == ["cut.pemn", "gone.pemn"]
    code, out, _ = call("verify", "a.pemn", "cut.pemn", "--json")
    assert code == 2
    told = json.loads(out)
    assert [(one["file"], one["sound"]) for one in told] == [("a.pemn", True), ("cut.pemn", False)]
    assert "cut short" in told[1]["error"]


def test_inspect_shows_all(call, tmp_path):
    write(tmp_path / "a.pemn")
    write(tmp_path / "b.pemn")
    code, out, err = call("inspect", "a.pemn", "gone.pemn", "b.pemn")
    assert (code, err.count("\n")) == (2, 1)
    assert "a.pemn: " in out
    assert "b.pemn: " in out
    assert isinstance(json.loads(call("inspect", "a.pemn", "--json")[1]), dict)
    told = json.loads(call("inspect", "a.pemn", "b.pemn", "--json")[1])
    assert [one["file"] for one in told] == ["a.pemn", "b.pemn"]


@pytest.mark.parametrize(
    "about",
    [{"settings": "strategy"}, {"settings": ["strategy"]}, {"settings": 3}, {"settings": None},
     {"accuracy": "high"}, {"accuracy": {"correct": 1, "total": 2, "data": [1]}},
     {"settings": {"strategy": ["rp"], "ratio": "x", "search": {}, "density": None, "seed": []}},
     {"settings": {"strategy": "rp", "ratio": [1]}, "training": ["epochs"]}],
)  # fmt: skip
@pytest.mark.parametrize("arguments", [[1], "x", None, 3, {"a": {"b": [None]}}])
def test_fields_of_any_form(call, tmp_path, about, arguments):
    architecture = {"kind": "registered", "name": ["mlp"], "arguments": arguments,
                    "bias": [], "batchnorm": {"a": 1}}  # fmt: skip
    write(tmp_path / "a.pemn", architecture=architecture, about=about)
    for command in (
        ["inspect", "a.pemn"], ["inspect", "a.pemn", "--json"], ["report", "a.pemn"],
        ["report", "a.pemn", "a.pemn", "--details"], ["report", "a.pemn", "--format", "csv"],
        ["report", "a.pemn", "--format", "json"], ["report", "a.pemn", "--format", "markdown"],
    ):  # fmt: skip
        code, out, err = call(*command)
        assert (code, err) == (0, "")
        assert is_clean(out)


@pytest.mark.parametrize("path", sorted(ACCEPT.glob("*.pemn")), ids=lambda path: path.stem)
def test_every_valid_archive_goes_through_every_command(call, path):
    for arguments in (["report"], ["report", "--format", "json"], ["report", "--format", "csv"],
                      ["report", "--format", "markdown"], ["inspect"], ["inspect", "--json"],
                      ["inspect", "--norms"], ["verify"], ["verify", "--json"],
                      ["diff", path]):  # fmt: skip
        code, out, err = call(*arguments, path)
        assert (code, bool(out), err.count("\n")) in ((0, True, 0), (2, False, 1)), arguments
        assert code == 0 or arguments[0] == "diff"
        if "json" in arguments or "--json" in arguments:
            json.loads(out, parse_constant=pytest.fail)


def many_tensors(count):
    names = [f"block.{i}.weight" for i in range(count)]
    ones = np.ones(2, bool)
    contents = [MaskedTensor(name, "f32", ones, 0, 0.5) for name in names]
    return encode(contents, Prototype("sign", prng.sign(1, 0, 5), 1), codec="bitmap")


def test_many_tensors_take_time_in_proportion(call, tmp_path):
    seconds = {}
    for count in (500, 8000):
        (tmp_path / "a.pemn").write_bytes(many_tensors(count))
        for arguments in (["verify", "a.pemn"], ["inspect", "a.pemn"], ["report", "a.pemn"],
                          ["diff", "a.pemn", "a.pemn"]):  # fmt: skip
            start = time.process_time()
            assert call(*arguments)[0] == 0
            seconds[arguments[0], count] = time.process_time() - start
    for command in ("verify", "inspect", "report", "diff"):
        assert seconds[command, 8000] < 40 * seconds[command, 500] + 0.5, command
        assert seconds[command, 8000] < 8, command  # a table of another kind took a minute
