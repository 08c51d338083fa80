"""Reports: what they hold, what they look like, and what they refuse."""

import csv
import io
import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

from pemn_compress.errors import ArchiveError, SettingError, UnknownNameError
from pemn_compress.format.archive import DenseTensor, MaskedTensor, Prototype, encode, open_archive
from pemn_compress.masking.rules.plan import Plan, PlannedTensor, kept_count
from pemn_compress.masking.rules.strategies import Settings, fill
from pemn_compress.reporting import (
    FORMATS,
    Accuracy,
    Report,
    find_archives,
    plan_report,
    render,
    report,
)

COLUMNS = 80
PAPER_AT_90 = "179,405"  # 12 bytes for each of 149,504 / 10 weights
CONVMIXER = {
    "kind": "registered",
    "name": "convmixer",
    "arguments": {"channels": 3, "classes": 10, "depth": 2, "dim": 256, "image_size": 32},
}


def convmixer_plan():
    tensors = [PlannedTensor("0.weight", (256, 3, 2, 2), 12, 1024)]
    for i in (1, 2):
        tensors.append(PlannedTensor(f"{i}.depthwise.weight", (256, 1, 5, 5), 25, 25))
        tensors.append(PlannedTensor(f"{i}.pointwise.weight", (256, 256, 1, 1), 256, 256))
    return Plan((*tensors, PlannedTensor("3.weight", (10, 256), 256, 10)))


def tiny_plan():
    return Plan((PlannedTensor("0.weight", (8, 4), 4, 8), PlannedTensor("2.weight", (3, 8), 8, 3)))


def large_plan():
    return Plan(tuple(PlannedTensor(f"w{i}", (512, 900 + i), 900, 512) for i in range(54)))


def write(path, plan=None, settings=None, *, seeded=True, accuracy=None, architecture=CONVMIXER):
    plan, settings = plan or convmixer_plan(), settings or Settings()
    random = np.random.default_rng(5)
    filling = fill(plan, settings)
    contents = []
    for tensor, offset, scale in zip(plan, filling.offsets, filling.scales, strict=True):
        mask = np.zeros(tensor.numel, bool)
        mask[random.permutation(tensor.numel)[: kept_count(tensor.numel, settings.density)]] = True
        contents.append(MaskedTensor(tensor.name, "f32", mask.reshape(tensor.shape), offset, scale))
    bits = random.integers(0, 2**32, 500, np.uint32)  # compress to nothing less
    contents.append(DenseTensor("bias", "f32", bits.view(np.float32)))
    about = {"settings": asdict(settings)} | ({"accuracy": accuracy} if accuracy else {})
    seed = settings.seed if seeded else None
    prototype = Prototype(filling.transform, filling.prototype(settings.seed), seed)
    raw = encode(contents, prototype, architecture=architecture, about=about)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """Return three archives, made in a new current folder."""
    monkeypatch.chdir(tmp_path)
    recorded = {"correct": 8412, "total": 10000, "data": "cifar10"}
    write(tmp_path / "convmixer.pemn", accuracy=recorded)
    write(tmp_path / "deep" / "mp.pemn", settings=Settings("mp", density=0.3), seeded=False)
    write(
        tmp_path / "tiny.pemn",
        tiny_plan(),
        Settings("mask"),
        architecture={"kind": "source", "name": "model.py:build_model", "arguments": {}},
    )
    return ["convmixer.pemn", "deep/mp.pemn", "tiny.pemn"]


def table(found, **options):
    return render(found, "table", width=COLUMNS, **options)


def test_find_archives_searches_folders_and_takes_files_as_they_are(archives, tmp_path):
    (tmp_path / "other.bin").write_bytes(b"")
    (tmp_path / "folder.pemn").mkdir()
    assert [str(path) for path in find_archives([])] == archives
    assert [path.name for path in find_archives([tmp_path / "deep"])] == ["mp.pemn"]
    assert [path.name for path in find_archives(["other.bin"])] == ["other.bin"]
    assert [str(p) for p in find_archives(["tiny.pemn", ".", "deep"])] == [
        "tiny.pemn",
        "convmixer.pemn",
        "deep/mp.pemn",
    ]


def test_find_archives_refuses_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArchiveError, match=r"^gone: no such file or folder$"):
        find_archives(["gone"])
    with pytest.raises(ArchiveError, match=r"current folder; make one with: pemn compress"):
        find_archives([])


def test_a_broken_archive_does_not_hide_a_folders_others(archives, tmp_path):
    broken = tmp_path / "deep" / "broken.pemn"
    broken.write_bytes(b"PK\x03\x04 something else entirely")
    (tmp_path / "leads nowhere.pemn").symlink_to("gone")
    found = report()
    assert [one.file for one in found.archives] == archives
    assert [(one.file, one.named) for one in found.broken] == [
        ("deep/broken.pemn", False), ("leads nowhere.pemn", False)
    ]  # fmt: skip
    assert found.broken[0].error.startswith("deep/broken.pemn: not a .pemn archive")
    assert "left out, because broken: deep/broken.pemn, leads nowhere.pemn" in render(found)
    assert json.loads(render(found, "json"))["broken"][1] == {
        "file": "leads nowhere.pemn", "error": "leads nowhere.pemn: no such file"
    }  # fmt: skip
    for given in (["tiny.pemn", "deep/broken.pemn"], "deep/broken.pemn"):  # asked for by name
        with pytest.raises(ArchiveError, match=r"^deep/broken\.pemn: not a \.pemn archive"):
            report(given)
    (tmp_path / "deep" / "mp.pemn").unlink()
    with pytest.raises(ArchiveError, match=r"^deep/broken\.pemn: not a \.pemn archive"):
        report("deep")


def test_paths_in_every_form(archives, tmp_path):
    expected = report(archives)
    assert report(*archives) == report(iter(archives)) == report(paths=archives) == expected
    assert report("tiny.pemn") == report(tmp_path.joinpath("tiny.pemn").relative_to(tmp_path))
    assert [one.file for one in report("tiny.pemn").archives] == ["tiny.pemn"]
    assert [path.name for path in find_archives("deep")] == ["mp.pemn"]
    for gone in ("/no such folder", "/no such file.pemn"):  # not the folder that it starts with
        with pytest.raises(ArchiveError, match=f"^{gone}: no such file or folder$"):
            report(gone)
    with pytest.raises(ArchiveError, match=r"^a\\x00b: no such file or folder$"):
        report("a\0b")


def test_links_to_folders_are_not_walked(archives, tmp_path):
    (tmp_path / "deep" / "back").symlink_to(tmp_path)
    assert [str(path) for path in find_archives()] == archives
    assert [path.name for path in find_archives(tmp_path / "deep" / "back" / "deep")] == ["mp.pemn"]


def test_command_report_names_what_is_broken_and_shows_the_others(archives, call, tmp_path):
    (tmp_path / "deep" / "broken.pemn").write_bytes(b"PK")
    code, out, err = call("report", "tiny.pemn", "gone.pemn", "deep")
    assert code == 2
    assert [line.split(": ")[1] for line in err.splitlines()] == ["gone.pemn", "deep/broken.pemn"]
    assert out.splitlines()[0] == "2 archives"
    code, out, err = call("report", "gone.pemn", "deep/broken.pemn")
    assert (code, out, err.count("\n")) == (2, "", 2)
    code, out, _ = call("report", "deep", "--format", "json")
    assert code == 2
    assert [one["file"] for one in json.loads(out)["broken"]] == ["deep/broken.pemn"]


def test_several_archives_get_a_line_each_and_details_when_asked_for(archives, call):
    code, out, _ = call("report")
    assert code == 0
    assert len(out.splitlines()) == 7
    assert out.splitlines()[-1].endswith("--details shows what each is made of, beside pruning")
    _, detailed, _ = call("report", "--details")
    assert detailed.count("Cost in bytes") == 3
    assert detailed.startswith("\n".join(out.splitlines()[:-1]))
    assert call("report", "tiny.pemn")[1].count("Cost in bytes") == 1
    assert call("report", "--format", "markdown")[1].count("Cost in bytes") == 0
    assert call("report", "--format", "markdown", "--details")[1].count("Cost in bytes") == 3


def test_masks_are_never_read(archives, tmp_path):
    path = tmp_path / "convmixer.pemn"
    raw = bytearray(path.read_bytes())
    with open_archive(path) as archive:
        start = archive.section_offsets["masks"]
    raw[start : start + 1000] = bytes(1000)
    before = report([path])
    path.write_bytes(raw)
    assert report([path]) == before


def test_standard_input(archives, monkeypatch, tmp_path):
    content = (tmp_path / "tiny.pemn").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    (found,) = report(["-"]).archives
    assert found.file == "standard input"
    assert found.account.stored.total == len(content)


def test_records_of_an_archive(archives):
    first, second, _ = report(archives).archives
    assert first.file == "convmixer.pemn"
    assert first.accuracy == Accuracy(8412, 10000, "cifar10")
    assert first.accuracy.fraction == 0.8412
    assert first.settings["strategy"] == "rp"
    assert second.accuracy is None
    assert len(first.baselines) == 4


@pytest.mark.parametrize(
    "recorded",
    [{"correct": 5, "total": 0}, {"correct": 9, "total": 4}, {"correct": "9", "total": 10}, [1, 2]],
)
def test_an_accuracy_that_makes_no_sense_is_not_recorded(tmp_path, recorded):
    path = write(tmp_path / "a.pemn", tiny_plan(), accuracy=recorded)
    (found,) = report([path]).archives
    assert found.accuracy is None
    assert "not recorded" in table(Report((found,)))


def test_table_fits_eighty_columns(archives):
    for paths in (archives, archives[:1], archives[2:]):
        lines = table(report(paths)).splitlines()
        assert max(map(len, lines)) <= COLUMNS
        assert all(line.isascii() for line in lines)
        assert all(line == line.rstrip() for line in lines)


def test_table_of_one_archive(archives, tmp_path):
    text = table(report(archives[:1]))
    total = (tmp_path / archives[0]).stat().st_size
    lines = text.splitlines()
    assert lines[0] == "convmixer.pemn"
    assert f"({total:,} B)" in lines[1]
    assert "84.12 %, 8,412 of 10,000 of cifar10" in text
    assert "density 0.5" in text
    rows = {line[2:24].strip(): line[24:].split() for line in lines}
    assert rows["C_w  weight values"] == ["2,624", "8", "8"]
    assert rows["C_d  dense parameters"] == ["-", "2,000", "2,000"]
    assert rows["total"][1] == f"{total:,}"
    assert rows["90 % sparsity"][0] == PAPER_AT_90
    equal = next(line for line in lines if "sparsity at equal bytes" in line)
    assert equal.split()[-8::2] == ["97.4", "95.4", "92.4", "88.3"]
    assert "not known" in text


def test_cheaper_baselines_are_marked(archives):
    text = table(report([archives[1]]))
    # values stored, density 0.3: pruning wins at 96 % sparsity, and the report says so
    row = next(line for line in text.splitlines() if "96 % sparsity" in line)
    assert row.count("*") >= 3


def test_an_archive_larger_than_its_network_is_called_larger(archives):
    text = table(report([archives[2]]))
    assert "times LARGER than" in text
    assert "model.py:build_model, built by a model file" in text


def test_several_archives_start_with_a_summary(archives):
    lines = table(report(archives)).splitlines()
    assert lines[0] == "3 archives"
    assert lines[1].split() == ["file", "strategy", "density", "accuracy", "bytes", "ratio"]
    assert lines[3].split()[:5] == ["convmixer.pemn", "rp", "0.01", "0.5", "84.12"]
    assert lines[4].split()[:4] == ["deep/mp.pemn", "mp", "0.3", "-"]


def first_columns(lines, width):
    """Put the parts of folded cells together again."""
    cells = []
    for line in lines:
        if line[width:].strip():
            cells.append("")
        cells[-1] += line[:width].strip()
    return cells


def test_the_summary_folds_long_paths_and_keeps_them_whole(tmp_path):
    plan = tiny_plan()
    paths = [write(tmp_path / ("folder" * 12) / f"{name}.pemn", plan) for name in ("a", "b")]
    paths.append(write(tmp_path / f"{'very-long-name-' * 5}end.pemn", plan))
    found = report(paths)
    head, rule, *lines = table(found).partition("  ratio:")[0].splitlines()[1:]
    assert max(map(len, lines)) <= COLUMNS
    assert len(rule) <= COLUMNS
    assert first_columns(lines, head.index("strategy")) == [str(path) for path in paths]
    wide = render(found).splitlines()
    assert [line.split()[0] for line in wide[3:6]] == [str(path) for path in paths]


def test_the_summary_tells_methods_apart_in_80_columns(tmp_path):
    folder = tmp_path / ("folder" * 4)
    for name, settings in (
        ("plain", Settings()),
        ("biprop", Settings("one-layer", search="biprop", renewal="recycle")),
        ("iterand", Settings("rp", 1e-3, renewal="iterand")),
    ):
        write(folder / f"{name}.pemn", tiny_plan(), settings, accuracy=None)
    text = table(report([folder]))
    assert max(map(len, text.splitlines())) <= COLUMNS
    for method in ("one-layer biprop recycle  ", "rp 0.001 iterand  ", "rp 0.01  "):
        assert method in text


def test_names_that_the_system_refuses(tmp_path):
    with pytest.raises(ArchiveError, match="cannot be read: File name too long"):
        find_archives([tmp_path / ("x" * 300)])


def test_numbers_are_never_cut(archives):
    text = render(report(archives[:1]), width=30)
    assert "…" not in text
    assert PAPER_AT_90 in text


def test_colours_only_on_demand(archives, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    found = report(archives)
    assert "\x1b[" not in table(found)
    assert "\x1b[1m" in table(found, color=True)


def test_what_an_archive_says_cannot_reach_the_terminal_or_the_layout(tmp_path):
    evil = {"kind": "registered", "name": "a\x1b[31mb\n|c|[bold]<b>", "arguments": {}}
    found = report([write(tmp_path / "evil.pemn", tiny_plan(), architecture=evil)])
    assert r"a\x1b[31mb\n|c|[bold]<b>" in table(found)
    assert r"a\\x1b\[31mb\\n\|c\|\[bold\]\<b\>" in render(found, "markdown")
    for form in FORMATS:
        assert "\x1b" not in render(found, form)


@pytest.mark.parametrize("architecture", [{}, {"kind": "none"}, {"name": 5, "arguments": 7}])
def test_architectures_of_any_form(tmp_path, architecture):
    path = write(tmp_path / "a.pemn", tiny_plan(), architecture=architecture)
    for form in FORMATS:
        assert render(report([path]), form)


def test_markdown_tables_are_well_formed(archives):
    text = render(report(archives), "markdown", details=True)
    blocks = [b.splitlines() for b in text.split("\n\n") if b.startswith("|")]
    assert len(blocks) == 1 + 2 * 3
    for lines in blocks:
        assert len({line.count("|") for line in lines}) == 1
        assert set(lines[1]) <= set("|:- ")


def test_csv_is_tidy(archives, tmp_path):
    text = render(report(archives), "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    # per archive: three columns, and pruning at four sparsities in five kinds
    assert len(rows) == 3 * (3 + 4 * 5)
    assert len({tuple(row.values()) for row in rows}) == len(rows)
    for row in rows:
        parts = [float(row[key] or 0) for key in ("C_w", "C_m", "C_d", "overhead")]
        assert sum(parts) == pytest.approx(float(row["total"]))
    stored = [row for row in rows if row["column"] == "stored"]
    assert [row["file"] for row in stored] == archives
    assert [int(row["total"]) for row in stored] == [
        (tmp_path / name).stat().st_size for name in archives
    ]
    assert [row["values"] for row in stored] == ["seed", "fp32", "seed"]
    assert {row["method"] for row in rows} == {"rp", "mp", "mask", "random or magnitude"}
    told = ("seed", "scaling", "distribution", "search", "renewal")
    expected = ["0", "layer", "kaiming-normal", "edge-popup", "none"]
    assert [stored[1][key] for key in told] == expected
    assert float(stored[1]["density"]) == report(archives).archives[1].account.density
    assert all(not row["compression_ratio"] for row in rows if row["column"] == "paper")


def test_json_keys(archives, tmp_path):
    found = json.loads(render(report(archives), "json"))
    assert found.keys() == {"unit", "archives", "broken"}
    assert found["broken"] == []
    first = found["archives"][0]
    assert first.keys() == {
        "file",
        "architecture",
        "settings",
        "training",
        "accuracy",
        "metric",
        "kind",
        "values",
        "unmasked_weights",
        "masked_tensors",
        "masked_weights",
        "kept_weights",
        "density",
        "prototype_length",
        "prototype",
        "planes_bytes",
        "frozen_weights",
        "predicted_weights",
        "mispredicted_weights",
        "columns",
        "bits_per_weight",
        "state_dict_bytes",
        "bytes",
        "compression_ratio",
        "baselines",
        "equal_bytes_sparsity",
    }
    assert first["architecture"] == CONVMIXER
    assert first["bytes"] == (tmp_path / archives[0]).stat().st_size
    assert first["columns"].keys() == {"paper", "stored", "limit"}
    cost = first["columns"]["stored"]
    assert cost["C_w"] + cost["C_m"] + cost["C_d"] + cost["overhead"] == cost["total"]
    assert first["columns"]["paper"]["C_d"] is None
    assert first["accuracy"]["fraction"] == 0.8412
    assert found["archives"][1]["accuracy"] is None
    assert [row["sparsity"] for row in first["baselines"]] == [0.9, 0.92, 0.94, 0.96]
    assert first["equal_bytes_sparsity"].keys() == {"fp32", "fp16", "int8", "int4"}


def test_json_has_no_numbers_that_json_lacks(tmp_path):
    architecture = {"kind": "registered", "name": "x", "arguments": {"a": float("nan"), "b": [1.5]}}
    path = write(tmp_path / "a.pemn", tiny_plan(), architecture=architecture)
    text = render(report([path]), "json")
    assert "NaN" not in text
    assert json.loads(text)["archives"][0]["architecture"]["arguments"] == {"a": None, "b": [1.5]}


def test_unknown_format(archives):
    with pytest.raises(UnknownNameError, match="unknown format 'yaml'; expected one of: csv, json"):
        render(report(archives), "yaml")


def test_plan_report_has_every_strategy_and_ratio():
    found = plan_report("convmixer", convmixer_plan(), 2000, Settings(ratio=0.05))
    assert [(row.strategy, row.ratio, row.chosen) for row in found.rows] == [
        ("mask", None, False),
        ("one-layer", None, False),
        ("mp", None, False),
        ("rp", 0.1, False),
        ("rp", 0.05, True),
        ("rp", 0.01, False),
        ("rp", 0.001, False),
    ]
    assert [row.seeded.prototype_length for row in found.rows] == [
        149_504,
        3072 + 6400 + 65_536 + 2560,
        65_536,
        6554,
        3277,
        656,
        66,
    ]
    for row in found.rows:
        assert row.seeded.stored.weights == 8
        assert row.stored_prototype.stored.weights == 4 * row.seeded.prototype_length
        assert row.seeded.masked_weights == 149_504
    assert found.account is found.rows[4].seeded


def test_plan_report_expects_what_an_archive_holds(tmp_path):
    settings = Settings(density=0.1)
    (archive,) = report([write(tmp_path / "a.pemn", settings=settings)]).archives
    plan = plan_report("convmixer", convmixer_plan(), 2000, settings)
    stored, expected = archive.account.stored, plan.account.stored
    assert (stored.weights, stored.dense) == (expected.weights, expected.dense)
    assert expected.masks == pytest.approx(stored.masks, rel=0.01)
    assert plan.account.state_dict_bytes == archive.account.state_dict_bytes


@pytest.mark.parametrize("plan", [tiny_plan(), convmixer_plan(), large_plan()])
def test_plan_table_fits_eighty_columns(plan):
    text = table(plan_report("name", plan, 2000, Settings("one-layer", density=0.25)))
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert "expectations" in text
    assert "> one-layer" in text


def test_plan_report_warns_of_few_values():
    found = plan_report("tiny", tiny_plan(), 0, Settings(ratio=0.1))
    assert "warning: rp with ratio 0.1 leaves a prototype of 4 values" in " ".join(
        table(found).split()
    )


def test_plan_report_in_other_formats():
    found = plan_report("convmixer", convmixer_plan(), 2000, Settings())
    rows = list(csv.DictReader(io.StringIO(render(found, "csv"))))
    assert len(rows) == 6 * 5 + 4 * 5
    assert not any(row["column"] == "stored" for row in rows)
    plan = json.loads(render(found, "json"))["plan"]
    assert plan["settings"]["ratio"] == 0.01
    chosen = next(row for row in plan["strategies"] if row["chosen"])
    assert chosen["seed"]["columns"].keys() == {"paper", "expected", "limit"}
    assert "| **\\> rp 0.01** |" in render(found, "markdown")


def test_plan_report_of_nothing():
    with pytest.raises(SettingError, match="no tensor to mask"):
        plan_report("empty", Plan(()), 100, Settings())


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("pemn_compress.accounting", ("torch", "rich", "click")),
        ("pemn_compress.reporting", ("torch", "rich", "click")),
        ("pemn_compress.reporting.tables", ("torch", "rich")),
    ],
)
def test_imports_are_few(module, unwanted):
    code = f"import sys, {module}; print([m for m in {unwanted} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
