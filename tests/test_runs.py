"""Runs gathered from records and archives: each once, seeds merged, fronts, names told apart."""

import json
import math
import os

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from records import archive, of_archive, record, seeds, write

from pemn_compress.errors import ArchiveError, PemnError, UnknownNameError
from pemn_compress.reporting.runs import compared, front, gather, render_runs
from pemn_compress.reporting.runs.fronts import Front, fronts_of
from pemn_compress.reporting.runs.merging import Row, Spread, rows_of
from pemn_compress.reporting.runs.naming import labels, short_names
from pemn_compress.reporting.runs.run import Metric, Run

HALF = "\ud800"  # no character
ACCURACY = {"accuracy": {"correct": 8, "total": 10, "data": "digits"}}


def files(found):
    return [run.file for run in found.runs]


def run(value=0.9, size=100):
    return Run("a.json", None, size, None, Metric("accuracy", "max", value))


def test_a_record_and_its_archive_are_one_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = archive(tmp_path / "one" / "model.pemn", ACCURACY)
    write(tmp_path / "one" / "record.json", of_archive(made, value=0.8))
    (found,) = gather(".").runs
    assert (found.file, found.archive) == ("one/record.json", "one/model.pemn")
    assert found.bytes == made.stat().st_size
    (found,) = gather("one/record.json", "one/model.pemn").runs
    assert found.archive == "one/model.pemn"


def test_an_archive_elsewhere_is_found_by_its_digest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = archive(tmp_path / "archives" / "renamed.pemn", ACCURACY)
    write(tmp_path / "records" / "a.json", of_archive(made) | {"finished": None})
    told = json.loads((tmp_path / "records" / "a.json").read_text())
    told["archive"]["path"] = "/gone/model.pemn"
    write(tmp_path / "records" / "a.json", told)
    (found,) = gather("records", "archives").runs
    assert (found.file, found.archive) == ("records/a.json", "archives/renamed.pemn")


def test_an_archive_that_is_not_the_recorded_one_stands_for_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = archive(tmp_path / "model.pemn", ACCURACY)
    write(tmp_path / "record.json", of_archive(made))
    archive(made, ACCURACY, length=4000)
    found = gather()
    assert files(found) == ["record.json", "model.pemn"]
    assert found.runs[0].archive is None
    assert "they are listed apart" in found.notes[0]


def test_hidden_folders_and_links_to_folders_are_not_searched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / ".venv" / "a.json", value=0.7)
    write(tmp_path / "b" / "b.json", value=0.8)
    (tmp_path / "b" / "back").symlink_to(tmp_path)
    assert files(gather()) == ["b/b.json"]
    assert files(gather(".venv")) == [".venv/a.json"]


def test_copies_of_a_record_count_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.json", value=0.7)
    write(tmp_path / "b.json", value=0.7)
    found = gather()
    assert files(found) == ["a.json"]
    assert found.left_out[0].reason == "the same archive as a.json: counted once"
    assert files(gather("a.json", "./a.json", tmp_path / "a.json")) == ["a.json"]


def test_archives_tell_metrics_of_any_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = {"name": "mse", "better": "min", "value": 0.25, "total": 40, "data": "npz:a.npz"}
    archive(tmp_path / "a.pemn", {"metric": told, "settings": {"strategy": "mp", "seed": 3}})
    archive(tmp_path / "b.pemn", ACCURACY)
    archive(tmp_path / "c.pemn")
    found = gather()
    assert [(r.metric.name, r.metric.better, r.metric.value) for r in found.runs] == [
        ("mse", "min", 0.25), ("accuracy", "max", 0.8)
    ]  # fmt: skip
    assert (found.runs[0].seed, found.runs[0].strategy, found.runs[0].dataset) == (
        3, "mp", "npz:a.npz"
    )  # fmt: skip
    assert [(one.file, one.reason) for one in found.left_out] == [
        ("c.pemn", "records no metric to compare it by")
    ]


def test_what_a_sweep_keeps_is_read_or_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "grid.json", {"sha256": "x", "rows": []})
    write(tmp_path / "done" / "record.json", value=0.5)
    write(tmp_path / "done" / "run.json", {"id": "done", "command": ["pemn", "compress", "a b"]})
    (tmp_path / "done" / "failed.txt").write_text("of an attempt before\n")
    unfinished = record() | {"archive": None, "metric": None, "accuracy": None, "finished": None}
    write(tmp_path / "running" / "record.json", unfinished)
    write(tmp_path / "failed" / "record.json", unfinished)
    (tmp_path / "failed" / "failed.txt").write_text("no memory\x1b[31m\nmore\n")
    found = gather()
    assert files(found) == ["done/record.json"]
    assert found.runs[0].command == "pemn compress 'a b'"
    assert [(one.file, one.reason) for one in found.left_out] == [
        ("running/record.json", "not finished: no metric is recorded yet"),
        ("failed/failed.txt", "failed: no memory\x1b[31m"),
    ]
    assert not found.broken


BROKEN = {
    "not JSON": (b"{", "not JSON"),
    "no text": (b"\xff\xfe\x00", "not JSON"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "deep record": (
        json.dumps(record() | {"settings": {"a": 1}})
        .replace('"a": 1', '"a": ' + "[" * 900 + "]" * 900)
        .encode(),
        None,
    ),
    "a list": (b"[1, 2]", "expected an object with archive, architecture, settings"),
    "another object": (b'{"name": "x"}', "no record of a run"),
    "digits": (b'{"archive": ' + b"9" * 5000 + b"}", "no record of a run"),
    "settings": (json.dumps(record() | {"settings": [1]}).encode(), "settings: expected an object"),
    "no settings": (json.dumps(record() | {"settings": None}).encode(), "settings: expected"),
    "metric": (json.dumps(record() | {"metric": 0.5}).encode(), "metric: expected an object"),
    "better": (
        json.dumps(record() | {"metric": {"name": "a", "better": "more", "value": 1}}).encode(),
        "expected better",
    ),
    "nan": (json.dumps(record(value=math.nan)).encode(), "expected a finite number, got nan"),
    "inf": (json.dumps(record(value=-math.inf)).encode(), "expected a finite number, got -inf"),
    "huge": (
        json.dumps(record()).replace("0.9", "1" + "0" * 400).encode(), "expected a finite number"
    ),
    "bool": (json.dumps(record(value=True)).encode(), "a finite number, got true or false"),
    "bytes": (json.dumps(record(size=0)).encode(), "archive: expected its bytes"),
    "true bytes": (json.dumps(record(size=True)).encode(), "archive: expected its bytes"),
    "negative": (json.dumps(record(size=-5)).encode(), "archive: expected its bytes"),
    "text bytes": (json.dumps(record(size="5")).encode(), "got a text"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_records_that_make_no_sense_are_one_line_each(tmp_path, call, kind):
    content, told = BROKEN[kind]
    (tmp_path / "record.json").write_bytes(content)
    write(tmp_path / "sound.json", value=0.4)
    code, out, err = call("report", ".", "--summary")
    assert "40.00" in out
    if told is None:  # odd, and nothing is wrong with it
        assert (code, err) == (0, "")
        return
    assert code == 2
    assert err.count("\n") == 1
    assert err.startswith("pemn: record.json: ")
    assert told in err
    assert "left out, because broken: record.json" in out
    code, out, err = call("report", "record.json")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_other_json_in_a_folder_is_told_and_hides_nothing(tmp_path, call):
    write(tmp_path / "package.json", {"name": "x"})
    write(tmp_path / "a.json", value=0.5)
    code, out, err = call("report", ".", "--summary")
    assert (code, err) == (0, "")
    assert "package.json: JSON, and no record of a run" in out
    code, _, err = call("report", "package.json", "a.json")
    assert code == 2
    assert "package.json: no record of a run" in err


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="needs a user without all rights"
)
def test_a_record_that_may_not_be_read(tmp_path):
    write(tmp_path / "a.json").chmod(0)
    assert "cannot be read" in gather(tmp_path).broken[0].error


def test_a_record_that_is_no_file_of_a_sensible_size(tmp_path):
    path = tmp_path / "a.json"
    with open(path, "wb") as stream:
        stream.truncate(1 << 27)
    assert "expected a record of at most 64 MiB" in gather(path).broken[0].error
    assert "no such file" in gather(tmp_path / "b.json").broken[0].error
    assert "no such file" in gather("a\0.json").broken[0].error
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArchiveError, match=r"no record .* and no archive"):
        gather(tmp_path / "empty")


def test_front_from_python(tmp_path):
    seeds(tmp_path / "a", (0.8, 0.9), size=100)
    seeds(tmp_path / "b", (0.7, 0.7), size=200, strategy="mp")
    (found,) = front(tmp_path)
    assert (found.data, found.metric, found.better, found.test) == (
        "digits",
        "accuracy",
        "max",
        359,
    )
    assert [row.metric.mean for row in found.rows] == [pytest.approx(0.85), pytest.approx(0.7)]
    assert found.on_front == (True, False)
    assert found.beaten_by == (None, 0)
    assert len(front(str(tmp_path), merge_seeds=False)[0].rows) == 4
    (tmp_path / "record.json").write_text("{")
    with pytest.raises(PemnError, match=r"record\.json: no record of a run: not JSON"):
        front(tmp_path)


def test_seeds_are_merged_and_nothing_else(tmp_path):
    seeds(tmp_path / "rp", (0.8, 0.9, 1.0))
    for name, fields in {
        "ratio": {"ratio": 0.1}, "density": {"density": 0.3}, "epochs": {"epochs": 3},
        "data": {"data": "npz:x"}, "arguments": {"arguments": {"width": 64}},
        "values": {"values": "int8"}, "metric": {"metric": "f1"}, "search": {"search": "biprop"},
    }.items():  # fmt: skip
        write(tmp_path / f"{name}.json", value=0.5, **fields)
    rows = rows_of(gather(tmp_path).runs)
    assert sorted(len(row.runs) for row in rows) == [1] * 8 + [3]
    (row,) = (row for row in rows if len(row.runs) == 3)
    assert row.seeds == (0, 1, 2)
    assert row.metric == Spread(pytest.approx(0.9), pytest.approx(0.1), 3)
    assert row.bytes.std == 0
    # a ratio that a strategy does not use is none of its facts
    write(tmp_path / "other" / "a.json", strategy="mask", ratio=0.5, seed=0)
    write(tmp_path / "other" / "b.json", strategy="mask", ratio=0.1, seed=1)
    assert len(rows_of(gather(tmp_path / "other").runs)) == 1


def test_what_a_recipe_says_of_masks_parts_no_seeds_of_trained_weights(tmp_path):
    for strategy in ("binary", "dense", "magnitude", "random", "ternary"):
        for seed, scale in enumerate(("none", "tensor")):
            told = record(strategy=strategy, seed=seed)
            told["recipe"] |= {"optimizer": "adamw", "learn_scale": scale, "frozen": seed / 2}
            write(tmp_path / strategy / f"{seed}.json", told)
        found = rows_of(gather(tmp_path / strategy).runs)
        assert [row.trained for row in found] == [True], strategy
    told["recipe"]["lr"] = 0.5  # this one decides
    told["settings"] |= {"strategy": "dense", "seed": 2}
    told["archive"]["sha256"] = "x"
    write(tmp_path / "dense" / "2.json", told)
    assert len(rows_of(gather(tmp_path / "dense").runs)) == 2


def test_a_model_files_own_seed_is_the_runs(tmp_path):
    for seed in (1, 10):
        told = record(value=0.5 + seed / 100, seed=seed)
        told["architecture"] = {"kind": "source", "name": "model.py", "entry": "build_model",
                                "arguments": {}, "seed": f"{seed:x}"}  # fmt: skip
        write(tmp_path / f"{seed}.json", told)
    (merged,) = front(tmp_path)
    assert [row.seeds for row in merged.rows] == [(1, 10)]
    assert "architecture.name" in merged.shared
    # a model of one seed, trained with others, is another experiment
    told["architecture"]["seed"] = "7"
    write(tmp_path / "2.json", told | {"archive": {"path": None, "bytes": 9, "sha256": "x"}})
    assert len(front(tmp_path)[0].rows) == 2


def test_a_seed_twice_is_told_and_a_run_without_one_stands_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.json", value=0.5, seed=1)
    write(tmp_path / "b.json", value=0.6, seed=1)
    unknown = {"settings": {"strategy": "mp"}, **ACCURACY}
    archive(tmp_path / "c.pemn", unknown)
    archive(tmp_path / "d.pemn", unknown, length=50)
    found = compared(gather(), {"summary"})
    assert found.notes == ("rp 0.01: seed 1 is there more than once: a.json, b.json",)
    assert [len(row.runs) for one in found.fronts for row in one.rows] == [2, 1, 1]


def test_other_data_and_other_metrics_have_fronts_of_their_own(tmp_path):
    write(tmp_path / "a.json", value=0.9)
    write(tmp_path / "b.json", value=0.1, metric="mse", better="min")
    write(tmp_path / "c.json", value=0.9, data="cifar10")
    write(tmp_path / "d.json", value=0.2, metric="mse", better="min", size=9000, density=0.1)
    found = fronts_of(rows_of(gather(tmp_path).runs))
    assert [(one.data, one.metric, len(one.rows)) for one in found] == [
        ("digits", "accuracy", 1), ("digits", "mse", 2), ("cifar10", "accuracy", 1)
    ]  # fmt: skip
    assert found[1].on_front == (True, False)  # less is better


points = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=12)


@given(points, st.sampled_from(["max", "min"]))
def test_the_front_is_what_no_other_beats(drawn, better):
    rows = [Row((run(value / 7, size),)) for size, value in drawn]
    found = Front("d", None, "m", better, tuple(rows))
    sign = 1 if better == "max" else -1

    def beats(first, second):
        least = first[0] <= second[0] and sign * first[1] >= sign * second[1]
        return least and first != second

    for index, own in enumerate(drawn):
        beaten = any(beats(other, own) for other in drawn)
        assert found.on_front[index] is not beaten
        rival = found.beaten_by[index]
        assert (rival is not None) is beaten
        if rival is not None:
            assert beats(drawn[rival], own)
            assert found.on_front[rival]


values = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.5, "0.5", "a, b"])
)
facts = st.fixed_dictionaries(
    {"strategy": st.sampled_from(["rp", "mp", None]), "ratio": values},
    optional={"density": values, "floor": values, "search": values, "seed": st.integers(0, 2)},
)


@given(st.lists(st.tuples(facts, values), min_size=1, max_size=8))
def test_no_two_rows_have_the_same_name(drawn):
    rows = [
        Row((Run(f"{i}.json", None, 1, None, Metric("m", "max", 1.0), settings=told,
                 architecture={"name": "mlp", "arguments": {"width": width}}),))
        for i, (told, width) in enumerate(drawn)
    ]  # fmt: skip
    found = labels(rows)
    assert len(set(found)) == len(rows)
    assert all(name.isprintable() for name in found)


paths = st.lists(st.text("ab/._", min_size=1, max_size=40), min_size=1, max_size=6, unique=True)


@given(paths, st.text("xyz/", max_size=30), st.text("xyz", max_size=30), st.integers(8, 60))
def test_shortened_names_stay_different(drawn, start, end, longest):
    names = [f"{start}{name}{end}" for name in drawn]
    short = short_names(names, longest)
    assert len(set(short)) == len(names)
    assert all(len(s) <= len(n) or len(s) <= longest for s, n in zip(short, names, strict=True))


def test_names_tell_what_differs_and_no_more(tmp_path):
    for number, fields in enumerate((
        {}, {"ratio": 1e-5}, {"strategy": "mp"}, {"strategy": "dense", "density": 1.0},
        {"strategy": "magnitude", "density": 0.1, "values": "int8"},
        {"strategy": "magnitude", "density": 0.1, "values": "float16"},
        {"density": 0.3, "renewal": "iterand", "search": "biprop"},
    )):  # fmt: skip
        write(tmp_path / f"{number}.json", **fields)
    (found,) = front(tmp_path)
    assert sorted(found.labels) == [
        "dense",
        "magnitude, density 0.1, values float16",
        "magnitude, density 0.1, values int8",
        "mp, density 0.5",
        "rp 0.01 biprop iterand, density 0.3",
        "rp 0.01, density 0.5",
        "rp 1e-05, density 0.5",
    ]
    assert found.shared["recipe.epochs"] == 2


def test_rows_are_sorted_by_any_column_with_unknowns_last(tmp_path):
    for number, (value, size) in enumerate(((0.5, 300), (0.9, 200), (0.7, 100))):
        write(tmp_path / f"{number}.json", value=value, size=size, density=0.1 * (number + 1))
    archive(tmp_path / "z.pemn", {"accuracy": {"correct": 6, "total": 10, "data": "digits"}})
    gathered = gather(tmp_path)

    def order(sort):
        found = compared(gathered, {"summary"}, sort=sort)
        return [round(row.metric.mean, 1) for one in found.fronts for row in one.rows]

    assert order("metric")[:3] == [0.5, 0.7, 0.9]
    assert order("-metric")[:3] == [0.9, 0.7, 0.5]
    assert order("bytes")[:3] == [0.7, 0.9, 0.5]
    assert order("-density")[:3] == [0.7, 0.9, 0.5]
    assert order("seed")[-1] == 0.6
    with pytest.raises(UnknownNameError, match="unknown column to sort by 'accuracy'; expected"):
        order("accuracy")


@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=5))
def test_spreads_are_finite(drawn):
    told = Spread.of(drawn)
    assert math.isfinite(told.mean)
    assert told.std is None or math.isfinite(told.std)


ODD = st.sampled_from([
    None, True, -1, 10**30, 1e308, math.nan, math.inf, 5e-324, "", "x" * 3000, "\x00", HALF,
    "\u202e<b>$x$", "=1", [], {}, [[]], {"": {}}, {"a": [1, {"b": None}]}, "mp", "dense", 0.5, 1,
])  # fmt: skip


def places(value, way=()):
    yield way
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, item in inner:
        yield from places(item, (*way, key))


WAYS = [way for way in places(record()) if way]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from(WAYS), ODD), max_size=4), max_size=4))
@example([[(("settings", "strategy"), [])]])
def test_whatever_records_hold_is_told_and_breaks_nothing(tmp_path, drawn):
    write(tmp_path / "z.json", value=0.123456, strategy="mp")
    for number in range(4):
        told = record(size=900 + number, seed=number)
        for way, odd in drawn[number] if number < len(drawn) else ():
            inner = told
            for key in way[:-1]:
                inner = inner[key] if isinstance(inner, dict | list) and key in (
                    inner if isinstance(inner, dict) else range(len(inner))
                ) else {}  # fmt: skip
            if isinstance(inner, dict):
                inner[way[-1]] = odd
        write(tmp_path / f"{number}.json", told)
    found = compared(gather(tmp_path), {"front", "summary", "papers"}, sort="-density")
    assert sum(len(row.runs) for one in found.fronts for row in one.rows) >= 1
    for one in found.fronts:
        assert len(set(one.labels)) == len(one.rows)
    for form in ("table", "markdown", "csv", "json"):
        text = render_runs(found, form, details=True)
        assert all(line.isprintable() for line in text.split("\n"))
        assert "0.123456" in text or "12.35" in text
