"""What a stranger mistypes on the command line, and what is said of it: what to do, in one line."""

import json
import re
import warnings

import click
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pemn_compress
from pemn_compress.cli import COMMANDS, pemn
from pemn_compress.cli.holding import Held
from pemn_compress.cli.optional import OptionalNumber
from pemn_compress.cli.wording import fitted
from pemn_compress.data.places import meant
from pemn_compress.errors import PemnError
from pemn_compress.printable import LONGEST_NAME, one_line

MODEL = """\
import torch
from torch import nn

def build_model(hidden=4):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, hidden), nn.BatchNorm1d(hidden), nn.Linear(hidden, 10)
    )

def eval_data():
    return torch.zeros(20, 1, 8, 8), torch.arange(20) % 10

train_data = eval_data
"""
TRAIN = ("--data", "digits", "--epochs", "1", "--train-limit", "200", "--threads", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An archive of a model file, with its source and its graph."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "model.py").write_text(MODEL)
    pemn_compress.compress(
        str(folder / "model.py"), output=folder / "made.pemn", epochs=1, batch_size=20
    )
    return folder / "made.pemn"


@pytest.fixture
def folder(tmp_path, made):
    """A folder with the model file, its archive and data of every kind."""
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "made.pemn").write_bytes(made.read_bytes())
    (tmp_path / "pics").mkdir()
    (tmp_path / "rows.npy").mkdir()
    (tmp_path / "a.npy").touch()
    (tmp_path / "words").write_text("some words")
    return tmp_path


def refused(call, *words):
    """Return the one line that a command is refused with."""
    code, out, err = call(*words)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("pemn: ")
    return err


@pytest.mark.parametrize(
    ("words", "batches"),
    [
        ("--recompute-batchnorm model.py", 100),
        ("model.py --recompute-batchnorm", 100),
        ("--recompute-batchnorm --seed 1 model.py", 100),
        ("--recompute-batchnorm 2 model.py", 2),
        ("--recompute-batchnorm=2 model.py", 2),
        ("--recompute-batchnorm -- model.py", 100),
    ],
)
def test_a_number_that_may_be_left_out_takes_no_models_name(call, folder, words, batches):
    code, out, _ = call("compress", "-q", "--json", *TRAIN, *words.split())
    assert code == 0
    assert json.loads(out)["recipe"]["recompute_batchnorm"] == batches


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--recompute-batchnorm -3 model.py", "0 or more, got -3"),
        ("--recompute-batchnorm=-3 model.py", "0 or more, got -3"),
        ("model.py --recompute-batchnorm 1.5", "'1.5' is not a valid integer"),
        ("--recompute-batchnorm=many model.py", "'many' is not a valid integer"),
        ("--recompute-batchnorm 3x model.py", "as in --recompute-batchnorm=3"),
    ],
)
def test_a_number_that_may_be_left_out_and_is_none(call, folder, words, told):
    assert told in refused(call, "compress", *TRAIN, *words.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mlp", "--dynamic", "1"], "no graph is stored that would have it; say graph='always'"),
        (["mlp", "--graph", "--dynamic", "99999999999999999999"], "no such dimension"),
    ],
)
def test_a_dimension_that_is_not_there_is_refused_before_training(words, said, call, tmp_path):
    status, _, err = call("compress", *words, "--data", "digits", "-o", "m.pemn")
    assert status == 2
    assert said in err
    assert "epoch" not in err
    assert not (tmp_path / "m.pemn").exists()


def test_every_number_that_may_be_left_out_is_read_so():
    found = []
    for name in COMMANDS:
        for option in pemn.get_command(click.Context(pemn), name).params:
            assert not getattr(option, "_flag_needs_value", False), (name, option.name)
            found += [option.name] if isinstance(option, OptionalNumber) else []
    assert found == ["recompute_batchnorm"]


@given(st.lists(st.sampled_from(["--n", "3", "-3", "a.py", "--", "--m"])))
def test_joining_a_number_loses_no_word_and_no_order(words):
    joined = OptionalNumber(["--n"], otherwise=7).joined(words)
    before, _, after = " ".join(joined).partition(" -- ")
    split = before.replace("--n=7", "--n").replace("=", " ")
    assert f"{split} -- {after}".split() == f"{' '.join(words)} -- ".split()[: len(words)] or (
        [w for w in words if w != "--"] == [w for w in f"{split} {after}".split() if w != "--"]
    )


@pytest.mark.parametrize("words", [["report", "bad", "--html", "out.html"], ["report", "bad"]])
def test_a_folders_bad_files_are_all_told_and_the_good_ones_shown(call, folder, words):
    (folder / "bad").mkdir()
    for number in range(3):
        (folder / "bad" / f"{number}.pemn").write_bytes(b"no archive")
    lines = call(*words)[2].splitlines()
    assert [re.match(r"pemn: bad/(\d).pemn: ", line)[1] for line in lines] == ["0", "1", "2"]
    assert not (folder / "out.html").exists()
    (folder / "bad" / "good.pemn").write_bytes((folder / "made.pemn").read_bytes())
    code, out, err = call(*words)
    assert (code, err.splitlines()) == (2, lines)
    assert "out.html" in out if "--html" in words else "good.pemn" in out
    if "--html" in words:
        assert "good.pemn" in (folder / "out.html").read_text("utf-8")


def test_of_very_many_bad_files_some_are_told(call, folder):
    (folder / "bad").mkdir()
    for number in range(50):
        (folder / "bad" / f"{number}.pemn").touch()
    for words in (["--html", "out.html"], [], ["--front"]):
        code, _, err = call("report", "bad", *words)
        assert code == 2
        assert err.count("\n") == 21
        assert err.splitlines()[-1] == "pemn: and 30 more that cannot be used"


def test_all_that_cannot_be_viewed_is_told_in_one_go(call, folder):
    code, out, err = call("view", "made.pemn", "a.npy", "model.py", "-o", "out.html")
    assert (code, err.count("\n")) == (2, 2)
    assert (out, (folder / "out.html").exists()) == ("", False)
    assert "a.npy" in err
    assert "model.py" in err


def test_evaluating_without_data_says_where_some_may_be(call, folder):
    told = refused(call, "evaluate", "made.pemn")
    assert "made.pemn: no data: expected --data (digits, " in told
    assert "--trust-source, if you trust whoever wrote 'made.pemn'" in told
    assert call("evaluate", "made.pemn", "--trust-source")[0] == 0
    call("compress", "model.py", "--no-source", *TRAIN, "-q", "-o", "bare.pemn")
    told = refused(call, "evaluate", "bare.pemn")
    assert "--model FILE.py, whose eval_data() has them" in told
    assert "--trust-source" not in told
    assert call("evaluate", "bare.pemn", "--model", "model.py")[0] == 0


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ("d.npz", "npz:d.npz"), ("NPZ:d.npz", "npz:d.npz"), ("pics", "folder:pics"),
        ("gone/pics/", "folder:gone/pics/"), ("gone.txt", "text:gone.txt"),
        ("words", "text:words"), ("./words", "text:./words"), ("~/d.npz", "npz:~/d.npz"),
        ("folder:d.npz", "npz:d.npz"), ("npz:pics", "folder:pics"),
    ],
)  # fmt: skip
def test_a_plain_path_as_data_is_told_its_kind(call, folder, data, hint):
    (folder / "d.npz").touch()
    for command in (["compress", "mlp"], ["evaluate", "made.pemn"]):
        assert hint in refused(call, *command, "--data", data)


def test_what_names_no_data_is_told_none():
    assert [meant(name) for name in ("", "digit", "a.npy", "model.py", "a\0b")] == [None] * 5


@pytest.mark.parametrize(
    "words",
    [
        "compress none.py --data digits -o {}",
        "compress mlp --data digit -o {}",
        "compress mlp --data digits -a widht=3 -o {}",
        "compress mlp --data digits --density 2 -o {}",
        "compress mlp --data digits --exclude x* -o {}",
        "compress mlp --data digits --teacher none.pemn -o {}",
        "compress mlp --data npz:none.npz --record {}",
        "restore none.pemn -o {} --to npz",
        "restore made.pemn -o {} --to npz --max-bytes 9",
        "run none.pemn --input a.npy -o {}.npy",
        "run made.pemn --input none.npy -o {}.npy",
        "run made.pemn --input foo=x.npy -o {}.npy",
        "view none.pemn -o {}.html",
        "view made.pemn --record none.json -o {}.html",
        "report none.pemn -o {}",
        "report resnet21 -o {}",
        "report none.pemn --html {}.html",
        "report none --front --plot {}.svg",
        "import none.pth --from pemn --model mlp -o {}",
        "import model.py --from pemn --model mpl -o {}",
        "diff made.pemn none.pemn --plot {}.svg",
    ],
)
def test_what_is_wrong_is_told_before_what_exists(call, folder, words):
    np.save(folder / "x.npy", np.zeros((2, 1, 8, 8), np.float32))
    for name in ("there", "there.npy", "there.html", "there.svg"):
        (folder / name).write_bytes(b"kept")
    told = refused(call, *words.format("there").split())
    assert "--force" not in told
    assert (folder / "there").read_bytes() == b"kept"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--input foo=x.npy", "no input 'foo'; the only one is 'input'"),
        ("--input rows.npy", "rows.npy: expected an .npy or .npz file, got a folder"),
        ("--input input=rows.npy", "rows.npy: expected an .npy or .npz file, got a folder"),
        ("--input gone.npy", "gone.npy: expected an .npy or .npz file, got none of that name"),
        ("--input /dev/null", "/dev/null: expected an .npy or .npz file, got a device or a pipe"),
    ],
)
def test_a_wrong_input_is_told_what_there_is(call, folder, words, told):
    np.save(folder / "x.npy", np.zeros((2, 1, 8, 8), np.float32))
    assert told in refused(call, "run", "made.pemn", *words.split())


def test_a_teacher_that_is_a_folder(call, folder):
    told = refused(call, "compress", "mlp", *TRAIN, "--teacher", "pics")
    assert "teacher pics: expected an archive or a checkpoint, got a folder" in told


LONG = {
    "one word": "x" * 5000, "words": "ab " * 1700, "folders": "a/" * 2500, "letters": "é" * 5000,
}  # fmt: skip


@pytest.mark.parametrize("name", LONG.values(), ids=LONG)
@pytest.mark.parametrize(
    "words",
    [
        "compress {}", "compress mlp --data {}", "compress mlp --data npz:{}",
        "compress mlp --data digits -a {}=3", "compress mlp --data digits -a width={}",
        "compress mlp --data digits --strategy {}", "compress mlp --data digits --include {}",
        "compress mlp --data digits -o {}", "compress mlp --data digits --teacher {}",
        "compress mlp --data digits --{}", "compress mlp --data digits --epochs {}",
        "compress mlp --data digits --export {}", "compress mlp --data digits --log {}/a",
        "view {} -o a.html", "view made.pemn -o {}.html", "view made.pemn --record {} -o a.html",
        "report {}", "report {} --html a.html", "report made.pemn --front --sort {}",
        "run {}", "run made.pemn --input {}", "run made.pemn --input {}=x.npy", "restore {}",
        "restore made.pemn -o {}", "restore made.pemn --input-shape {}", "sweep {}",
        "diff {} made.pemn", "inspect {}", "verify {}", "import {} --from pemn --model mlp",
        "import a.npy --from pemn --model {}", "evaluate made.pemn --data {}", "{}",
    ],
)  # fmt: skip
def test_names_longer_than_any_are_cut_in_messages(call, folder, words, name):
    np.save(folder / "x.npy", np.zeros((2, 1, 8, 8), np.float32))
    told = refused(call, *(word.replace("{}", name) for word in words.split()))
    assert len(told) < 500
    assert name[:200] not in told


def test_messages_of_the_package_cut_them_too():
    told = str(PemnError(f"{'x' * 5000}: expected 'a' as in '{'b c' * 900}', got {'/y' * 900}"))
    assert len(told) < 3 * LONGEST_NAME + 60
    assert told.count("characters, ") == 3


@given(st.text("a b/'\":=", max_size=255))
def test_shorter_messages_stay_as_they_are(text):
    assert one_line(text) == text.strip()


def test_no_warning_of_another_package_stands_before_a_refusal(call, folder):
    warned = MODEL.replace("    return nn.Seq", "    import warnings\n    warnings.warn('hm')\n"
                           "    return nn.Seq")  # fmt: skip
    (folder / "warned.py").write_text(warned)
    for words in ("report {} -a hidden=0", "compress {} --data digits -a hidden=0"):
        for model in ("model.py", "warned.py"):
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                told = refused(call, *words.format(model).split())
            assert "expected at least one weight to mask" in told
            assert seen == []
    # where nothing is refused they are shown, and before the first epoch where there is one
    for words in (["report", "warned.py"], ["compress", "warned.py", *TRAIN]):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            assert call(*words)[0] == 0
        assert "hm" in [str(one.message) for one in seen]


def test_warnings_that_are_held_are_shown_in_their_order_and_then_at_once():
    shown = []
    held = Held(shown.append)
    held.take("a")
    held.take("b")
    assert shown == []
    held.release()
    held.take("c")
    held.release()
    assert shown == ["a", "b", "c"]


def test_no_line_is_wider_than_a_terminal(call, folder):
    _, _, err = call("compress", "model.py", *TRAIN, "--export", "model.pt2")
    _, out, _ = call("report", "made.pemn")
    assert re.search("^masks .* in 2 tensors, in place of their values;\n  the archive", err, re.M)
    assert "best codec" in out
    lines = [line for line in (out + err).splitlines() if not line.startswith("warning: ")]
    assert max(map(len, lines)) <= 80


@given(st.text("a ;", max_size=300))
def test_a_fitted_line_keeps_all_its_words(text):
    made = fitted(text)
    assert made.split() == text.split()
    assert len(text) > 80 or made == text
