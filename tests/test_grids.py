"""Grids: which runs a TOML text stands for, and on which line of it a mistake is told."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pemn_compress.cli.sweep_options import OWN, asked, known_options
from pemn_compress.errors import SettingError
from pemn_compress.sweeping.grid import LONGEST_ID, load_grid
from pemn_compress.sweeping.lines import line_at, lines_of
from pemn_compress.sweeping.options import command_of

GRID = """\
title = "Digits"
[common]
model = "mlp"
data = "digits"
epochs = 3
args = {width = 16}

[axes]
args.depth = [2, 3]
seed = [0, 1, 2]

[[rows]]
name = "ours"
strategy = "rp"
ratio = [1e-1, 1e-2]

[[rows]]
strategy = "dense"
density = 1
seed = 7

[profiles.small]
common = {epochs = 1, args = {width = 8}}
axes = {seed = [0]}

[profiles.wide.common]
seed = 5
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def load_text(text=GRID, **keywords):
        Path("grid.toml").write_text(text)
        return load_grid(Path("grid.toml"), known_options(), OWN, **keywords)

    return load_text


def names(grid):
    return [run.id for run in grid.runs]


def test_rows_times_axes(load):
    grid = load()
    assert names(grid)[:4] == [
        "ours_ratio-0.1_depth-2_seed-0",
        "ours_ratio-0.1_depth-2_seed-1",
        "ours_ratio-0.1_depth-2_seed-2",
        "ours_ratio-0.1_depth-3_seed-0",
    ]
    # a row that says its own seed does not take the axis'
    assert names(grid)[-2:] == [
        "dense-density-1-seed-7_depth-2",
        "dense-density-1-seed-7_depth-3",
    ]
    assert len(grid.runs) == 2 * 2 * 3 + 2
    run = grid.runs[0]
    assert run.told()["options"] == {
        "model": "mlp", "data": "digits", "epochs": 3, "args": {"width": 16, "depth": 2},
        "strategy": "rp", "ratio": 0.1, "seed": 0,
    }  # fmt: skip
    assert run.places["ratio"] == "grid.toml:15"
    assert run.places["args.depth"] == "grid.toml:9"


def test_profiles_and_set_are_laid_over_the_grid(load):
    small = load(profile="small", changes=["args.depth=2"])
    assert names(small) == ["ours_ratio-0.1_seed-0", "ours_ratio-0.01_seed-0",
                            "dense-density-1-seed-7"]  # fmt: skip
    assert small.runs[0].options["epochs"] == 1
    assert small.runs[0].options["args.width"] == 8
    assert "ours_ratio-0.1_depth-2" in names(load(profile="wide")), "a value fixes an axis"
    axis = load(changes=["epochs=[1, 2]", "data=npz:x.npz", "args.depth=2"])
    assert names(axis)[0] == "ours_ratio-0.1_seed-0_epochs-1"
    assert axis.runs[0].options["data"] == "npz:x.npz"


def test_a_grid_that_grows_keeps_the_names_of_its_runs(load):
    before = names(load())
    assert set(before) < set(names(load(GRID.replace("[0, 1, 2]", "[0, 1, 2, 3]"))))
    assert load().told() == load().told()
    assert load().told()["sha256"] != load(changes=["epochs=4"]).told()["sha256"]


def test_a_long_name_is_cut_and_stays_unique(load):
    text = f"[common]\nmodel='mlp'\n[axes]\ndata=['{'x' * 200}1', '{'x' * 200}2']"
    one, two = names(load(text))
    assert one != two
    assert len(one) == len(two) == LONGEST_ID


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("densty = 0.5", "grid.toml:4: densty: .* did you mean density?"),
        ("density = '0.5'", "grid.toml:4: density: expected a number, got '0.5'"),
        ("amp = 1", "grid.toml:4: amp: expected true or false, got 1"),
        ("epochs = 1e3", "grid.toml:4: epochs: expected a whole number, got 1000.0"),
        ("lr = nan", "grid.toml:4: lr: expected a number, got nan"),
        ("seed = [0, 1]", r"grid.toml:4: seed: expected one value in \[common\]"),
        ("output = 'x'", "grid.toml:4: output: a grid cannot set it: each run has a folder"),
        ("arg = 'x=1'", "grid.toml:4: arg: a grid cannot set it: it is the table args"),
        ("args = 3", "grid.toml:4: args: expected a table"),
        ("[axes]\nseed = 3", "grid.toml:5: seed: expected a list of values"),
        ("[axes]\nseed = []", "grid.toml:5: seed: expected at least one value"),
        ("[axes]\nseed = [\n1,\n1]", "grid.toml:5: seed: expected each value once, got 1"),
        ("[axes]\ndata = ['digits']", "grid.toml:5: data: .* got both"),
        ("[axis]\nseed = [1]", "grid.toml:4: unknown key 'axis'; .* did you mean axes?"),
        ("[profiles.small]\nepochs = 3", "grid.toml:5: unknown key 'epochs'; .*options go into"),
        ("[profiles.small.common]\nepoch = 3", "grid.toml:5: epoch: .* did you mean epochs?"),
        ("[[rows]]\nname='a'\n[[rows]]\nname='b'", "grid.toml:6: run b is a of grid.toml:4 once"),
        ("[[rows]]\nlr=1\nname='a'\n[[rows]]\nname='a'", "grid.toml:7: two runs are called a"),
        ("[[rows]]", "grid.toml:4: expected a row of options"),
        ("train_limit = 3\ntrain-limit = 3", "grid.toml:5: train-limit: expected it once"),
        (f"[axes]\nseed = {list(range(400))}", None),
        ("[common]", r"grid.toml: expected TOML: .*line 4"),
        ("a = ", r"grid.toml: expected TOML: .*line 4"),
    ],
)
def test_a_mistake_is_told_with_its_line(load, text, told):
    text = f"[common]\nmodel = 'mlp'\ndata = 'digits'\n{text}\n"
    if told is None:
        assert len(load(text).runs) == 400
        return
    with pytest.raises(SettingError, match=told):
        load(text)


def test_too_many_runs_are_refused_before_they_are_made(load):
    many = list(range(1000))
    text = f"[common]\nmodel='mlp'\n[axes]\nseed={many}\nscore_seed={many}"
    with pytest.raises(SettingError, match="at most 100,000 runs, got 1,000,000"):
        load(text)


def test_set_is_refused_where_a_row_would_win(load):
    with pytest.raises(SettingError, match=r"--set ratio=1: expected .* grid.toml:15 sets"):
        load(changes=["ratio=1"])
    with pytest.raises(SettingError, match=r"--set epochs: expected KEY=VALUE"):
        load(changes=["epochs"])
    with pytest.raises(SettingError, match=r"unknown profile of grid.toml 'tiny'.*small, wide"):
        load(profile="tiny")


def test_every_option_comes_through_the_command_line(load):
    grid = load(
        "[common]\nmodel='mlp'\nbias=false\namp=true\ncompile=false\ninclude=['a.*','b']\n"
        "layer_density={'head.*'=0.9}\naugment='crop:4,flip'\nargs={flag=true, name='x'}\nlr=1e-5\n"
    )
    words = command_of(grid.runs[0].options, known_options())
    assert words[0] == "mlp"
    assert {"--no-bias", "--amp", "--include=a.*", "--layer-density=head.*=0.9"} < set(words)
    assert "--compile" not in words
    model, keywords = asked(grid.runs[0], known_options())
    assert (model, keywords["bias"], keywords["lr"]) == ("mlp", False, 1e-5)
    assert keywords["arguments"] == {"flag": True, "name": "x"}
    assert keywords["layer_density"] == (("head.*", 0.9),)
    assert keywords["augment"] == ("crop:4", "flip")


KEYS = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True)
VALUES = st.sampled_from(["1", "'x # y'", "[1,\n2, # c\n3]", "{z = 1}", "'''a\nb = 2\n'''"])


@given(
    st.lists(
        st.tuples(st.booleans(), KEYS, st.lists(VALUES, min_size=4, max_size=4), st.booleans()),
        max_size=5,
    )
)
def test_every_key_is_found_on_its_line(tables):
    text, expected, rows = "", {}, 0
    for index, (is_row, keys, values, comment) in enumerate(tables):
        text += "# [not] = a key\n\n" if comment else ""
        path = ("rows", rows) if is_row else (f"t{index}",)
        rows += is_row
        expected[path] = text.count("\n") + 1
        text += "[[rows]]\n" if is_row else f"[t{index}]\n"
        for key, value in zip(keys, values, strict=False):
            expected[*path, key] = text.count("\n") + 1
            text += f"{key} = {value}\n"
    lines = lines_of(text)
    assert {path: lines[path] for path in expected} == expected
    assert all(line_at(lines, (*path, "none")) == line for path, line in expected.items())


IMPOSSIBLE = [
    ("density = -0.5", "grid.toml:4: density is the fraction of weights kept"),
    ("[axes]\ndensity = [0.5,\n1.5]", "grid.toml:5: density is the fraction"),
    ("args = {width = -16}", "grid.toml:4: mlp: width must be an integer"),
    ("args.widht = 16", "grid.toml:4: mlp has no argument 'widht'"),
    ("ratio = 0.1\n[[rows]]\nstrategy = 'mp'", "grid.toml:4: ratio is a setting of strategy rp"),
    ("[[rows]]\nlr=1\n[[rows]]\nstrategy='mask'\nsparsity=0.9", "grid.toml:8: sparsity is a"),
    ("value_dtype = 'int3'", "grid.toml:4: Invalid value for '--value-dtype'"),
    ("value_dtype = 'int8'", "grid.toml:4: value_dtype is for trained weights"),
    ("recipe = 'biprpp'", "grid.toml:4: Invalid value for '--recipe'"),
    ("epochs = 0", "grid.toml:4: epochs: expected 1 or more"),
    ("train_limit = -3", "grid.toml:4: limit of samples: expected 1 or more, got -3"),
    ("device = 'abc'", "grid.toml:4: device 'abc' cannot be used"),
    ("layer_density = ['x=0.5']", "grid.toml:4: layer_density 'x' matches no masked tensor"),
    (
        "recompute_batchnorm = 5",
        "grid.toml:4: recompute_batchnorm: expected a model with batch norm",
    ),
    ("exclude = ['*']", "grid.toml:4: .*no parameter is left to mask"),
]


@pytest.mark.parametrize(("text", "told"), IMPOSSIBLE)
def test_an_impossible_run_is_refused_before_the_first(call, tmp_path, text, told):
    text = f"[common]\nmodel = 'mlp'\ndata = 'digits'\n{text}\n"
    Path("grid.toml").write_text(text)
    status, out, err = call("sweep", "grid.toml")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("pemn: ")
    assert re.search(told, err), err
    assert [path.name for path in tmp_path.iterdir()] == ["grid.toml"], "nothing is written"


def test_a_value_of_an_axis_is_blamed_on_the_axis(call):
    Path("grid.toml").write_text("[common]\ndata='digits'\n[axes]\nmodel=['mlp','resnet22']")
    status, _, err = call("sweep", "grid.toml")
    assert status == 2
    assert err.startswith("pemn: grid.toml:4: unknown architecture 'resnet22'")


def test_a_dry_run_lists_the_runs_and_writes_nothing(call, tmp_path):
    Path("grid.toml").write_text(GRID)
    status, out, err = call("sweep", "grid.toml", "--profile", "small", "--dry-run")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "Digits: 6 runs, in runs/grid-small"
    assert out.splitlines()[1].split()[::3] == ["ours_ratio-0.1_depth-2_seed-0", "to"]
    assert "time left     unknown" in out
    status, out, _ = call("sweep", "grid.toml", "--only", "dense*", "--dry-run", "--json")
    told = json.loads(out)
    assert [row["id"] for row in told["rows"]] == [
        "dense-density-1-seed-7_depth-2", "dense-density-1-seed-7_depth-3"
    ]  # fmt: skip
    status, out, _ = call(
        "sweep", "grid.toml", "--dry-run", "--estimate", "--only", "dense*2", "--json"
    )
    (row,) = json.loads(out)["rows"]
    assert row["expected_from"] == "trial"
    assert 0 < row["expected_seconds"] < 600
    assert [path.name for path in tmp_path.iterdir()] == ["grid.toml"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing.toml"], "nothing.toml: cannot be read: No such file"),
        (["."], ".: cannot be read: Is a directory"),
        (["grid.toml", "--only", "x*"], "--only x\\*: matches no run; .*ours_ratio-0.1_depth-2"),
        (["grid.toml", "--address", "auto"], "--address is of --engine ray"),
        (["grid.toml", "--estimate"], "--estimate is of --dry-run"),
        (["grid.toml", "--set", "data=npz:no.npz"], "--set data=npz:no.npz: no.npz: expected an"),
        (["grid.toml", "-o", "grid.toml"], "grid.toml: is an input as well"),
        (["grid.toml", "-o", "other.toml"], "other.toml: expected a directory, got a file"),
        (["grid.toml", "--engine", "slurm"], "Invalid value for '--engine'"),
    ],
)
def test_what_a_stranger_types(call, words, told):
    Path("grid.toml").write_text(GRID)
    Path("other.toml").write_text(GRID)
    status, out, err = call("sweep", *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert re.search(told, err), err
