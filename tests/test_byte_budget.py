"""A limit of bytes: what is chosen to stay below it, and that no archive is ever above it."""

import dataclasses
import json
import subprocess
import sys

import pytest
import torch
from torch import nn

from pemn_compress.compressing import byte_budget, compress
from pemn_compress.compressing.preparing import DataRequest, load_request
from pemn_compress.compressing.storage import Storage, byte_count
from pemn_compress.data.samples import Data
from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format.archive import inspect, verify

SIGN = {"search": "sign", "density": 1.0}


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_request(DataRequest("digits", train_limit=300, test_limit=60), None)


def run(digits: Data, limit: object, model: object = "mlp", **chosen: object):
    given = {"epochs": 2, "lr": 0.02, "ratio": 0.1} | chosen
    given = {key: value for key, value in given.items() if value is not None}
    return compress(model, data=digits, storage=Storage(max_bytes=limit), **given)


@pytest.mark.parametrize(
    ("given", "bytes_"),
    [("16k", 16000), ("16KB", 16000), ("16 kB", 16000), ("1.5k", 1500), ("16000", 16000),
     (16000, 16000), ("2m", 2_000_000), ("800B", 800)],
)  # fmt: skip
def test_a_number_of_bytes(given: object, bytes_: int) -> None:
    assert byte_count(given) == bytes_ == Storage(max_bytes=given).max_bytes


@pytest.mark.parametrize("given", ["", "k", "-1", "16q", "inf", 0, -5, float("inf"), None, "1 2"])
def test_what_is_no_number_of_bytes(given: object) -> None:
    with pytest.raises(SettingError, match=r"max_bytes: expected a number of bytes such as 16000"):
        byte_count(given)


@pytest.mark.parametrize("bits", [0, -1, float("inf"), float("nan"), "x"])
def test_what_is_no_number_of_bits(bits: object) -> None:
    with pytest.raises(SettingError, match="bits_per_weight"):
        Storage(bits_per_weight=bits)
    with pytest.raises(SettingError, match="got both"):
        Storage(max_bytes=100, bits_per_weight=1)


@pytest.mark.parametrize(
    "chosen", [SIGN, {}, {"strategy": "dense", "ratio": None}, SIGN | {"learn_scale": "channel"}]
)
def test_the_widest_that_fits(digits: Data, chosen: dict) -> None:
    made = run(digits, "3k", arguments={"width": "auto"}, **chosen)
    verify(made.archive)
    assert len(made.archive) <= 3000
    width = made.record["architecture"]["arguments"]["width"]
    assert f"3,000 B allow width={width}, dense parameters in float16" in made.record["chosen"]
    # one wider is not sure to fit
    plan = byte_budget.Plan(
        *(settled(chosen, width + 1)), Storage(max_bytes=3000, dense_dtype="float16")
    )
    wider = compress_only(digits, width + 1, chosen)
    assert plan.size(wider, byte_budget.Selection()) > 3000
    # what another dtype would allow is told, and is so
    _, _, hint = made.record["chosen"].partition("; dense parameters in int8 would allow width=")
    with_int8 = int(hint or width)
    eight = dataclasses.replace(plan, storage=Storage(max_bytes=3000, dense_dtype="int8"))
    sizes = [
        eight.size(compress_only(digits, w, chosen), byte_budget.Selection())
        for w in (with_int8, with_int8 + 1)
    ]
    assert sizes[0] <= 3000 < sizes[1]


def settled(chosen: dict, width: int):
    from pemn_compress.compressing.settling import settle

    given = {"epochs": 2, "lr": 0.02, "ratio": 0.1} | chosen
    recipe, settings = settle("default", None, given)
    return settings, recipe


def compress_only(digits: Data, width: int, chosen: dict):
    from pemn_compress.compressing.preparing import prepare

    return prepare("mlp", digits, settled(chosen, width)[1], 0, {"width": width})


@pytest.mark.parametrize(
    ("limit", "chosen", "said"),
    [
        (6000, SIGN, "6,000 B allow as asked: 20,832 weights"),
        (3600, SIGN, "dense parameters in float16: 20,832"),
        (3300, SIGN, "dense parameters in int8: 20,832"),
        (2900, SIGN, "bits a weight by a pull: 20,832"),
        (2900, {"density": 0.4}, "bits a weight by a pull"),
        (4600, {"strategy": "magnitude", "ratio": None, "sparsity": 0.5}, "density 0."),
    ],
)
def test_what_costs_least_is_tried_first(digits: Data, limit: int, chosen: dict, said: str) -> None:
    made = run(digits, limit, arguments={"width": 112}, **chosen)
    assert len(made.archive) <= limit
    assert said in made.record["chosen"]


def test_batch_norm_is_folded_where_there_is_some(digits: Data) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 90), nn.BatchNorm1d(90), nn.ReLU(), nn.Linear(90, 10)
    )
    made = run(digits, 2400, model, **SIGN)
    assert "dense parameters in float16, batch-norm folded" in made.record["chosen"]
    assert len(made.archive) <= 2400
    assert made.record["storage"]["fold_batchnorm"]


def test_bits_of_the_whole_file(digits: Data) -> None:
    made = compress(
        "mlp", data=digits, arguments={"width": 112}, epochs=1, ratio=0.1,
        storage=Storage(bits_per_weight=1.4), **SIGN,
    )  # fmt: skip
    assert 8 * len(made.archive) <= 1.4 * 20832
    with pytest.raises(SettingError, match="width=auto: expected max_bytes beside it"):
        compress(
            "mlp", data=digits, arguments={"width": "auto"}, epochs=1, ratio=0.1,
            storage=Storage(bits_per_weight=1.4), **SIGN,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "given", "message"),
    [
        ("200", {"arguments": {"width": "auto"}}, r"expected at least [\d,]+ B, which width=1"),
        ("500", {"arguments": {"width": 112}, **SIGN}, r"this model needs at least [\d,]+ B"),
        ("500", {"arguments": {"width": 112}}, r"this model needs at least [\d,]+ B"),
        (
            "500",
            {"arguments": {"width": 112}, "strategy": "dense", "ratio": None},
            r"this model needs at least [\d,]+ B",
        ),
        ("9k", {"arguments": {"shape": "auto"}}, "shape=auto: expected an argument of mlp"),
        ("9k", {"arguments": {"width": "auto", "depth": "auto"}}, "expected one such argument"),
    ],
)
def test_limits_that_no_archive_meets(digits: Data, limit: str, given: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        run(digits, limit, **given)


def test_the_number_that_is_named_is_enough(digits: Data) -> None:
    with pytest.raises(SettingError) as refused:
        run(digits, 500, arguments={"width": 112}, **SIGN)
    need = int(str(refused.value).split("at least ")[1].split(" B")[0].replace(",", ""))
    assert len(run(digits, need, arguments={"width": 112}, **SIGN).archive) <= need


def test_a_run_within_a_limit_goes_on_as_if_it_had_not_stopped(digits: Data, tmp_path) -> None:
    chosen = {"arguments": {"width": "auto"}, "epochs": 3, **SIGN}
    whole = run(digits, "3k", **chosen).archive

    class Stop(Exception):
        pass

    class Watch:
        def start(self, *_): ...
        def step(self, *_): ...
        def epoch(self, epoch):
            if epoch.epoch == 1:
                raise Stop

    with pytest.raises(Stop):
        run(digits, "3k", checkpoint=tmp_path / "c.pt", observer=Watch(), **chosen)
    assert run(digits, "3k", checkpoint=tmp_path / "c.pt", **chosen).archive == whole


def test_a_width_needs_a_limit(digits: Data) -> None:
    with pytest.raises(SettingError, match="width=auto: expected max_bytes beside it"):
        compress("mlp", data=digits, arguments={"width": "auto"}, epochs=1)


def test_what_is_too_large_in_the_end_is_put_back(digits: Data, monkeypatch) -> None:
    # as if what was tried before training had been far too small
    monkeypatch.setattr(byte_budget.Plan, "size", lambda *_: 100)
    with pytest.warns(match=r"max_bytes 2,800: [\d,]+ departures from the seed were put back"):
        made = run(digits, 2800, arguments={"width": 112}, epochs=3, **SIGN)
    assert len(made.archive) <= 2800
    verify(made.archive)
    assert made.record["put_back"][0]["why"] == "max_bytes 2,800"


def test_of_a_mask_the_weakest_are_dropped_where_that_changes_less(
    digits: Data, monkeypatch
) -> None:
    chosen = SIGN | {"density": 0.35}
    monkeypatch.setattr(byte_budget.Plan, "size", lambda *_: 100)
    free = run(digits, 10_000, arguments={"width": 64}, epochs=6, lr=0.1, **chosen)
    limit = len(free.archive) - 100
    said = rf"max_bytes {limit:,}: [\d,]+ of the weights that masks keep were dropped \("
    with pytest.warns(match=said):
        made = run(digits, limit, arguments={"width": 64}, epochs=6, lr=0.1, **chosen)
    assert limit - 60 < len(made.archive) <= limit
    verify(made.archive)
    (back,) = made.record["put_back"]
    assert back["way"] == "dropped"
    # a kept weight of 35 % costs log2(0.65 / 0.35) bits of its mask, and its sign
    assert back["count"] == pytest.approx(100 * 8 / 1.89, rel=0.35)
    before, after = (back[when]["metrics"][0]["value"] for when in ("before", "after"))
    assert before - after < 0.03
    kept = [inspect(one.archive)["about"]["settings"]["density"] for one in (free, made)]
    assert kept[1] < kept[0] == 0.35


def test_a_larger_archive_is_never_written(digits: Data, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(byte_budget.Plan, "size", lambda *_: 100)
    for chosen in (SIGN, {"strategy": "dense", "ratio": None}):
        with pytest.raises(ModelError, match="nothing was written"):
            run(
                digits, 1200, arguments={"width": 112}, epochs=1, output=tmp_path / "m.pemn",
                **chosen,
            )  # fmt: skip
        assert not list(tmp_path.iterdir())


def command(*words: object) -> tuple[int, str]:
    told = subprocess.run(
        [sys.executable, "-m", "pemn_compress", "compress", "mlp", "--data", "digits", *words],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return told.returncode, told.stdout + told.stderr


def test_the_command(tmp_path) -> None:
    out, record = tmp_path / "m.pemn", tmp_path / "r.json"
    status, told = command(
        "--train-limit", "200", "-a", "width=auto", "--search", "sign", "--density", "1",
        "--ratio", "0.1", "--max-bytes", "2.5k", "--epochs", "1", "-o", str(out),
        "--record", str(record),
    )  # fmt: skip
    assert status == 0, told
    assert out.stat().st_size <= 2500
    assert "2,500 B allow width=" in told
    assert json.loads(record.read_text())["storage"]["max_bytes"] == 2500
    status, told = command("--max-bytes", "1q", "-o", str(tmp_path / "n.pemn"))
    assert (status, told.count("\n")) == (2, 1)
    assert "expected a number of bytes such as 16000" in told
    assert not (tmp_path / "n.pemn").exists()
