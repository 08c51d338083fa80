"""`pemn report` on runs: what it prints, writes and refuses, in every format."""

import csv
import io
import json
import math
import os
import pty
import re
import resource
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import suppress
from pathlib import Path

import pytest
from records import CONVMIXER, archive, of_archive, record, seeds, write

from pemn_compress.reporting.runs import SORTS, compared, gather
from pemn_compress.reporting.runs.picture import plot_fronts
from pemn_compress.reporting.runs.placing import place_labels

HOSTILE = "\x1b]0;PWNED\x07\x1b[31m<script>alert(1)</script>\u202e$\\frac{x}|a`*_\n=1+1"


@pytest.fixture
def runs(tmp_path):
    """Write four experiments of three seeds each: two on the front, one baseline that is beaten."""
    seeds(tmp_path / "rp", (0.90, 0.91, 0.92), size=5000)
    seeds(tmp_path / "mp", (0.89, 0.90, 0.88), size=5100, strategy="mp")
    seeds(tmp_path / "magnitude", (0.88, 0.90, 0.89), size=9000, strategy="magnitude", density=0.1)
    seeds(tmp_path / "dense", (0.95, 0.96, 0.97), size=90_000, strategy="dense", density=1.0)
    return tmp_path


def lines(text, start):
    return [line.split() for line in text.splitlines() if line.strip().startswith(start)]


def test_the_front_and_its_baselines(runs, call):
    code, out, err = call("report", ".", "--front")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "digits: accuracy and stored bytes"
    assert "12 in 4 rows" in out
    assert lines(out, "*")[:2] == [
        ["*", "rp", "0.01,", "density", "0.5", "91.00", "1.00", "3", "5,000"],
        ["*", "dense", "96.00", "1.00", "3", "90,000"],
    ]
    assert lines(out, "magnitude,") == [
        ["magnitude,", "density", "0.1", "89.00", "1.00", "3", "9,000"]
    ]
    assert not lines(out, "mp,")
    assert "1 other is beaten (--summary lists them)" in out


def test_the_summary_lists_all_by_any_column(runs, call):
    _, out, _ = call("report", ".", "--summary", "--sort", "-metric")
    values = [line.split()[-4] for line in out.splitlines() if line.endswith("00")]
    assert values == ["96.00", "91.00", "89.00", "89.00"]
    _, out, _ = call("report", ".", "--each", "--sort", "seed")
    assert [line[-2:] for line in lines(out, "*")] == [["92.00", "5,000"], ["97.00", "90,000"]]
    assert out.count("record.json") == 12
    assert "rp 0.01, density 0.5, seed 2" in out
    assert "rp/seed2/record.json" in out
    code, out, err = call("report", ".", "--sort", "speed")
    assert (code, out) == (2, "")
    assert "unknown column to sort by 'speed'; expected one of: architecture, bytes" in err


def test_a_record_alone_is_a_comparison(runs, call):
    code, out, _ = call("report", "rp/seed0/record.json")
    assert code == 0
    assert lines(out, "*") == [["*", "rp", "0.01", "90.00", "5,000"]]


def test_json_and_csv_tell_all(runs, call):
    code, out, _ = call("report", ".", "--front", "--format", "json")
    told = json.loads(out)
    assert code == 0
    assert told.keys() == {
        "unit", "seeds_merged", "fronts", "published", "left_out", "broken", "notes"
    }  # fmt: skip
    (front,) = told["fronts"]
    assert front.keys() == {"data", "test", "metric", "rows"}
    assert front["metric"] == {"name": "accuracy", "better": "max"}
    first, second, third, _ = front["rows"]
    assert first.keys() == {
        "label", "on_front", "beaten_by", "trained", "strategy", "ratio", "density", "epochs",
        "mean", "std", "n", "seeds", "bytes", "bytes_std", "architecture", "data", "settings",
        "recipe", "storage", "runs",
    }  # fmt: skip
    assert first["runs"][0].keys() == {
        "file", "archive", "bytes", "sha256", "value", "metrics", "seed", "seconds", "finished",
        "machine", "versions", "command",
    }  # fmt: skip
    assert (first["seeds"], first["n"], first["bytes"]) == ([0, 1, 2], 3, 5000)
    assert first["mean"] == pytest.approx(0.91)
    assert first["std"] == pytest.approx(0.01)
    assert second["beaten_by"] == "rp 0.01, density 0.5"
    assert [first["on_front"], second["on_front"], third["trained"]] == [True, False, True]
    _, out, _ = call("report", ".", "--format", "csv", "--each")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 12
    assert [row["seeds"] for row in rows if row["strategy"] == "rp"] == ["0", "1", "2"]
    assert {row["ratio"] for row in rows} == {"0.01", ""}
    assert [row["file"] for row in rows if row["front"] == "1"] == [
        "rp/seed2/record.json", "dense/seed2/record.json"
    ]  # fmt: skip
    assert rows[0].keys() >= {"machine", "versions", "epochs", "front", "published_mean"}
    _, out, _ = call("report", ".", "--format", "csv", "--against", "papers")
    assert {row["published_where"] for row in csv.DictReader(io.StringIO(out))} == {""}


def test_csv_of_merged_seeds_has_the_published_figure(tmp_path, call):
    seeds(tmp_path, (0.7, 0.8), strategy="mask", data="cifar10", architecture="convmixer",
          arguments=CONVMIXER)  # fmt: skip
    _, out, _ = call("report", ".", "--format", "csv", "--against", "papers")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["seeds"], row["published_mean"], row["published_std"]) == (
        "0 1",
        "0.8931",
        "0.0016",
    )
    assert (row["published_where"], row["published_epochs"]) == ("PEMN Table 1 (Fig. 3a)", "100")


def test_reports_and_plots_are_written_whole_and_replace_nothing(runs, call):
    code, out, err = call("report", ".", "--front", "-o", "r.md", "--plot", "front.svg")
    assert (code, err) == (0, "")
    assert out == "r.md: report of 12 runs\nfront.svg: plot of 12 runs\n"
    text = (runs / "r.md").read_text()
    assert "## digits: accuracy and stored bytes" in text
    assert "![accuracy and stored bytes](<front.svg>)" in text
    assert "| **\\*** | **rp 0.01, density 0.5** | **91.00** | **1.00** | **3** |" in text
    ElementTree.parse(runs / "front.svg")
    code, out, err = call("report", ".", "--front", "-o", "r.md")
    assert (code, out) == (2, "")
    assert "r.md exists and is kept; pass --force to replace it" in err
    assert call("report", ".", "--front", "-o", "r.md", "--force")[0] == 0
    for form, start in (("csv", "data,metric"), ("json", "{"), ("html", "<!doctype"), ("txt", "d")):
        assert call("report", ".", "--front", "-o", f"r.{form}")[0] == 0
        assert (runs / f"r.{form}").read_text().startswith(start)
    _, shown, _ = call("report", ".", "--front", "-o", "-")
    assert shown == (runs / "r.txt").read_text()
    assert call("report", ".", "-o", "s.txt")[0] == 2  # no archives: nothing is written
    assert not (runs / "s.txt").exists()


def test_make_results_makes_the_pages_from_records(tmp_path):
    seeds(tmp_path / "results" / "one" / "records" / "rp", (0.5, 0.6), data="npz:a.npz")
    (tmp_path / "results" / "one" / "options").write_text("--dataset npz:a.npz=cifar10\n")
    folder = Path(sys.executable).parent
    for name in ("pyproject.toml", "ready"):  # the environment is there
        (tmp_path / name).touch()
    make = ["make", "-s", "-f", str(Path(__file__).parent.parent / "Makefile"), "results"]
    for _ in range(2):  # what is there is replaced
        subprocess.run(
            [*make, f"BIN={folder}", "READY=ready"],
            cwd=tmp_path, check=True, capture_output=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        )  # fmt: skip
    page = (tmp_path / "results" / "one" / "README.md").read_text()
    assert page.startswith("# Stored bytes and metric: npz:a.npz\n")
    assert "![accuracy and stored bytes](<front.svg>)" in page
    assert "rp/seed0/record.json" in page
    assert (tmp_path / "results" / "one" / "index.html").read_text().startswith("<!doctype")


def test_the_plain_report_is_written_too(tmp_path, call):
    archive(tmp_path / "a.pemn")
    code, out, _ = call("report", "a.pemn", "-o", "a.json")
    assert (code, out) == (0, "a.json: report\n")
    assert json.loads((tmp_path / "a.json").read_text())["archives"][0]["file"] == "a.pemn"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["gone"], "gone: no such file or folder"),
        (["gone.json"], "gone.json: no such file or folder"),
        (["empty"], "no record (*.json) and no archive (*.pemn) in or below empty"),
        ([".", "--plot", "a.pdf"], "a.pdf: expected a plot named *.png or *.svg, got .pdf"),
        ([".", "--plot", "no/a.svg"], "its folder no does not exist"),
        ([".", "--plot", "a.svg", "-o", "./a.svg"], "expected different files"),
        ([".", "--dataset", "cifar10"], "--dataset is for --against papers"),
        ([".", "--theirs", "dim=1"], "--theirs is for --against papers"),
        ([".", "--against", "papers", "--theirs", "dim"], "expected NAME=NUMBER"),
        ([".", "--against", "papers", "--theirs", "dim=nan"], "expected NAME=NUMBER"),
        ([".", "--against", "papers", "--dataset", "digits="], "expected NAME or YOURS=NAME"),
        ([".", "--against", "papers", "--dataset", "cifra10"], "did you mean cifar10?"),
        ([".", "--against", "peers"], "'peers' is not 'papers'"),
        ([".", "--strategy", "rp"], "--strategy is for an architecture"),
        (["-a", "dim=3", "."], "--arg is for an architecture"),
        ([".", "--frond"], "No such option '--frond'"),
    ],
)
def test_bad_input_is_one_line(runs, call, arguments, told):
    (runs / "empty").mkdir()
    code, out, err = call("report", "--front", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert told in err
    assert not {"a.svg", "a.pdf"} & set(os.listdir(runs))


def test_nothing_to_compare_is_told(tmp_path, call):
    unfinished = record() | {"archive": None, "metric": None, "accuracy": None}
    write(tmp_path / "a.json", unfinished)
    code, out, err = call("report", "--front", "-o", "x.html")
    assert (code, out) == (2, "")
    assert err == "pemn: a.json: not finished: no metric is recorded yet\n"
    assert not (tmp_path / "x.html").exists()


def test_what_is_broken_hides_nothing(runs, call):
    (runs / "broken.json").write_text("{")
    (runs / "broken.pemn").write_bytes(b"PK")
    (runs / "odd.json").write_text("[]")
    for arguments in (["--front"], ["--front", "--format", "json"], ["--plot", "a.png"]):
        code, out, err = call("report", ".", *arguments)
        assert code == 2
        assert [line.split(": ")[1] for line in err.splitlines()] == ["broken.json", "broken.pemn"]
        assert "rp 0.01" in out
    told = json.loads(call("report", ".", "--front", "--format", "json")[1])
    assert [one["file"] for one in told["broken"]] == ["broken.json", "broken.pemn"]
    assert told["left_out"] == [{"file": "odd.json", "reason": "JSON, and no record of a run"}]
    assert (runs / "a.png").stat().st_size > 1000


def test_hostile_names_reach_nothing(tmp_path, call):
    told = record(data=HOSTILE, architecture=HOSTILE, strategy=HOSTILE, epochs=HOSTILE,
                  arguments={HOSTILE: HOSTILE}, metric=HOSTILE, seed=HOSTILE)  # fmt: skip
    told["run"] = {"device": HOSTILE, "device_name": [HOSTILE], "threads": "x"}
    told["recipe"] = {HOSTILE: 1, "name": {HOSTILE: 1}, "epochs": [1]}
    told["versions"] = {"torch": HOSTILE}
    told |= {"command": [HOSTILE], "seconds": "long", "finished": 7, "epochs": 5, "metrics": 3}
    write(tmp_path / "a.json", told)
    folder = tmp_path / "<b>x"
    write(folder / f"{HOSTILE.replace('/', '').replace(chr(10), '')}.json", value=0.5)
    for form in ("table", "markdown", "csv", "json", "html"):
        code, out, err = call("report", ".", "--front", "--summary", "--details", "--against",
                              "papers", "--format", form)  # fmt: skip
        assert (code, err) == (0, ""), form
        assert all(line.isprintable() for line in out.split("\n")), form
        assert form not in ("html", "markdown") or not re.search(r"(?<!\\)<script>alert", out)
    for name in ("a.svg", "a.png"):
        assert call("report", ".", "--plot", name)[0] == 0
    ElementTree.parse(tmp_path / "a.svg")
    for column in SORTS:
        assert call("report", ".", "--each", "--sort", f"-{column}")[0] == 0, column


def on_a_terminal(command):
    """Run a command on a terminal of 80 columns and return what it prints, without styles."""
    inner, outer = pty.openpty()
    done = subprocess.Popen(
        ["/bin/sh", "-c", 'stty cols 80; exec "$@"', "sh", *command],
        stdin=outer, stdout=outer, stderr=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(outer)
    shown = b""
    with suppress(OSError):  # the end, as Linux tells it
        while piece := os.read(inner, 4096):
            shown += piece
    os.close(inner)
    assert done.wait() == 0
    return re.sub(r"\x1b\[\d*m", "", shown.decode())


def test_a_pipe_folds_nothing_and_a_terminal_fits(runs, tmp_path, monkeypatch):
    long = "folder" * 20
    write(runs / long / "a.json", value=0.3, arguments={"a_rather_long_argument": "v" * 50})
    write(runs / long / "b.json", value=0.3, arguments={"a_rather_long_argument": "v" * 49 + "w"})
    command = [sys.executable, "-m", "pemn_compress", "report", str(runs), "--each"]
    piped = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{runs}/{long}/a.json" in piped
    assert all("…" not in line for line in piped.splitlines())
    seen = on_a_terminal(command)
    assert max(map(len, seen.splitlines())) <= 80
    assert f"{runs}/{long}/a.json" not in seen  # shortened, and still told apart
    assert "/a.json" in seen
    assert "/b.json" in seen
    # what goes to a file is whole, whatever the terminal
    assert "r.txt: report of 14 runs" in on_a_terminal([*command, "-o", str(runs / "r.txt")])
    assert (runs / "r.txt").read_text() == piped


def test_plots_are_the_same_every_time_and_need_the_extra(runs, monkeypatch):
    found = compared(gather(runs), {"front"})
    for extension, start in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        first, second = (plot_fronts(found.fronts, extension) for _ in range(2))
        assert first == second
        assert first[0].startswith(start)
        assert first[1] == 0
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ValueError, match=r'pip install "\.\[plot\]"'):
        plot_fronts(found.fronts, ".svg")


@pytest.mark.parametrize("better", ["max", "min"])
def test_a_few_bad_rows_press_no_others_flat(tmp_path, better):
    def told(*values):
        folder = tmp_path / f"{len(values)}"
        for number, value in enumerate(values):
            value = value if better == "max" else 1 - value
            write(folder / f"{number}.json", value=value, size=5000 + 100 * number, better=better,
                  density=0.1 + number / 100)  # fmt: skip
        drawn, _ = plot_fronts(compared(gather(folder), {"front"}).fronts, ".svg")
        (title,) = re.findall(rb"<!-- (digits.*?) -->", drawn)
        return title.decode()

    way = "below" if better == "max" else "above"
    assert told(0.9, 0.92, 0.91, 0.90, 0.1) == f"digits; hollow: 1 more {way} the axis"
    assert told(0.9, 0.92, 0.1, 0.2) == "digits"  # half of all: no few
    assert told(0.9, 0.92, 0.88) == "digits"


def test_a_label_is_nearest_to_its_own_point():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((6, 4))
    canvas, axes = FigureCanvasAgg(figure), figure.subplots()
    # other places beside the point would be nearer to the other one
    axes.plot([0.5, 0.53], [0.5, 0.55], "o", linestyle="none")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    canvas.draw()
    assert place_labels(canvas, axes, [(0.5, 0.5, "own")], "k", 8) == 1
    (text,) = axes.texts
    box = text.get_window_extent(canvas.get_renderer())
    own, other = axes.transData.transform([(0.5, 0.5), (0.53, 0.55)])

    def away(dot):
        across = max(box.x0 - dot[0], dot[0] - box.x1, 0)
        return math.hypot(across, max(box.y0 - dot[1], dot[1] - box.y1, 0))

    assert away(own) < away(other)
    assert len(axes.lines) == 1  # near enough to need no line to it


def test_labels_hide_neither_points_nor_each_other():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((6, 4))
    canvas, axes = FigureCanvasAgg(figure), figure.subplots()
    points = [(x / 10, (x * 7 % 10) / 10) for x in range(10)] + [(0.4, 0.41), (0.41, 0.4)]
    axes.plot(*zip(*points, strict=True), "o")
    canvas.draw()
    placed = place_labels(canvas, axes, [(x, y, f"label {x} {y}") for x, y in points], "k", 8)
    assert placed == len(axes.texts) >= 8
    renderer = canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    frame = axes.get_window_extent(renderer)
    dots = axes.transData.transform(points)
    for index, box in enumerate(boxes):
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1  # noqa: PT018
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])
        assert not any(box.contains(*dot) for dot in dots)


def test_crowded_plots_say_how_many_labels_had_no_room(tmp_path, call):
    for number in range(60):
        write(tmp_path / f"{number}.json", value=0.5 + number / 1000, size=5000 + number,
              density=0.001 * number + 0.1)  # fmt: skip
    code, out, err = call("report", ".", "--plot", "a.png")
    assert code == 0
    assert "points of the front have no label, for want of room" in err
    assert out.endswith("a.png: plot of 60 runs\n")


def test_a_thousand_records_in_two_seconds_without_torch(tmp_path):
    for number in range(1000):
        write(tmp_path / f"{number:04}" / "record.json", value=number % 97 / 97, logged=20,
              size=4000 + number % 89, density=0.1 + number % 20 / 100,
              seed=number // 20)  # fmt: skip
    made = archive(tmp_path / "0000" / "model.pemn", {"accuracy": None})
    write(tmp_path / "0000" / "record.json", of_archive(made))
    script = (
        "import sys; from pemn_compress.cli import main\n"
        "try: main(['report', sys.argv[1], '--front'])\n"
        "finally: print([m for m in ('torch', 'matplotlib', 'rich') if m in sys.modules])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "1000 in 2" in done.stdout
    assert done.stdout.endswith("[]\n")
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
