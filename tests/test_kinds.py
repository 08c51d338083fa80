"""What is no model, no path and no setting, in the place of each argument of the public names."""

import io
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trainable import masked, net

import pemn_compress
from pemn_compress import PemnModel, Seeded
from pemn_compress.errors import ModelError, PemnError
from pemn_compress.format.archive import Limits
from pemn_compress.kinds import check_truth, path_of

INPUTS = torch.rand(2, 1, 6, 6)
ARRAYS = INPUTS.numpy()
WRONG: dict[str, Any] = {
    "None": None, "5": 5, "huge": 10**400, "1.5": 1.5, "nan": float("nan"), "True": True,
    "abc": "abc", "empty text": "", "zero byte": "a\0b", "bytes": b"abc", "list": [], "dict": {},
    "file": io.BytesIO, "folder": "folder", "tensor": torch.zeros(3), "object": object(),
    "class": nn.Linear,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _files(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Be in a folder with an archive, a checkpoint, a folder of the hub and an empty one."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("kinds"))
    pemn_compress.save(masked(), "m.pemn", inputs=INPUTS)
    PemnModel("m.pemn").save_pretrained("hub")
    torch.save({"1.weight": torch.zeros(1)}, "c.pt")
    Path("folder").mkdir()
    yield
    os.chdir(before)


@pytest.fixture(autouse=True)
def _not_asking_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


MASKS = {"a": np.array([True, False, False])}
IMPORTED = {"path": "c.pt", "project": "hidden-networks", "model": net(), "density": 0.5}
LIMITS = ("max_weights", "max_bytes", "max_manifest_bytes")


def seeded(*args: Any, **named: Any) -> bytes:
    told = Seeded(**{"seed": 1, **named})
    return pemn_compress.encode({"a": np.zeros(4, np.float32)}, seeds={"a": told})


def given(call: Callable[..., Any], **good: Any) -> Callable[..., Any]:
    return lambda **named: call(**{**good, **named})


def compress(**named: Any) -> Any:
    named = {
        "model": "mlp",
        "data": "none",
        **named,
    }  # data that does not exist: nothing is trained
    return pemn_compress.compress(named.pop("model"), **named)


# name -> how it is called, and the arguments that are tried; those with an asterisk may be None
CALLS: dict[str, tuple[Callable[..., Any], str]] = {
    "compress": (
        compress,
        "model data output* recipe settings* selection* arguments* run* storage* checkpoint* "
        "record* export log* tensorboard* observer* teacher*",
    ),
    "build": (given(pemn_compress.build, name="mlp"), "name batchnorm"),
    "MaskedModel": (pemn_compress.MaskedModel, "model"),
    "PrunedModel": (pemn_compress.PrunedModel, "model"),
    "rehearse": (given(pemn_compress.rehearse, masked=masked(), inputs=INPUTS), "masked inputs"),
    "save": (
        given(pemn_compress.save, masked=masked(), path="made/o.pemn"),
        "masked path codec dense_dtype architecture* source* about* zstd",
    ),
    "recompute_batchnorm": (
        given(pemn_compress.recompute_batchnorm, model=net(), loader=[INPUTS]),
        "model loader",
    ),
    "import_checkpoint": (
        given(pemn_compress.import_checkpoint, **IMPORTED),
        "path project model source matching",
    ),
    "load": (
        given(pemn_compress.load, source="m.pemn"),
        "source limits* trust_source packed dtype*",
    ),
    "restore": (
        given(pemn_compress.restore, archive="m.pemn", output="made/o.npz"),
        "archive output limits* trust_source",
    ),
    "run": (
        lambda archive="m.pemn", inputs=ARRAYS, limits=None: pemn_compress.run(
            archive, inputs, limits=limits
        ),
        "archive inputs limits*",
    ),
    "evaluate": (
        given(pemn_compress.evaluate, archive="m.pemn", data="none"),
        "archive data limits* preprocessing* device",
    ),
    "PemnModel": (given(PemnModel, archive="m.pemn"), "archive record* limits* trust_source"),
    "from_pretrained": (
        lambda place="hub", limits=None: PemnModel.from_pretrained(place, limits=limits),
        "place limits*",
    ),
    "from_model": (PemnModel.from_model, "trained"),
    "save_pretrained": (
        lambda folder: PemnModel("m.pemn").save_pretrained(folder),
        "folder",
    ),
    "open": (given(pemn_compress.open, source="m.pemn"), "source limits*"),
    "inspect": (given(pemn_compress.inspect, source="m.pemn"), "source limits*"),
    "verify": (given(pemn_compress.verify, source="m.pemn"), "source limits*"),
    "report": (pemn_compress.report, "paths"),
    "compare": (
        lambda first="m.pemn", limits=None: pemn_compress.compare(first, "m.pemn", limits=limits),
        "first limits*",
    ),
    "Limits": (Limits, " ".join(LIMITS)),
    "encode": (
        given(pemn_compress.encode, arrays={"a": np.zeros(3)}, masks=MASKS),
        "arrays masks* codec",
    ),
    "decode": (given(pemn_compress.decode, archive="m.pemn"), "archive limits*"),
    "Seeded": (seeded, "seed scale offset length* transform signs"),
}
# what is of the right kind after all, or means something
RIGHT = {
    "save_pretrained": {"folder": ["abc", "folder"]},
    "save": {
        "path": ["abc"], "zstd": ["True"], "about": ["dict"], "architecture": ["dict"],
        "source": ["abc", "empty text", "zero byte"],
    },
    "load": {"trust_source": ["True"], "packed": ["True"]},
    "restore": {"trust_source": ["True"]},
    "PemnModel": {"trust_source": ["True"]},
    "Limits": {name: ["5", "huge", "True"] for name in LIMITS},
    "encode": {"arrays": ["dict"], "masks": ["dict"]},
    "report": {"paths": ["list", "dict"]},  # no path is the current folder
}  # fmt: skip


def test_every_public_name_is_tried() -> None:
    left = set(pemn_compress.__all__) - set(CALLS) - {"PemnError", "PemnWarning", "__version__"}
    assert not left


@pytest.mark.parametrize("name", CALLS)
def test_it_is_refused_in_one_line(name: str) -> None:
    call, arguments = CALLS[name]
    raw = []
    for argument in arguments.split():
        key = argument.rstrip("*")
        for kind, value in WRONG.items():
            if kind in RIGHT.get(name, {}).get(key, ()) or (value is None and argument != key):
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    call(**{key: value(b"abc") if kind == "file" else value})
            except PemnError as error:
                if "\n" in str(error) or not str(error):
                    raw.append(f"{key}={kind}: {error!r}")
            except Exception as error:
                raw.append(f"{key}={kind}: {type(error).__name__}: {error}")
            else:
                raw.append(f"{key}={kind}: taken")
            finally:
                Path("abc").unlink(missing_ok=True) if name == "save" else shutil.rmtree(
                    "abc", True
                )
    assert raw == []


def test_a_graph_takes_the_numbers_that_it_computes_with() -> None:
    model = pemn_compress.load("m.pemn")
    told = r"input: expected torch\.float32, as the model's own numbers are, got torch\.float64"
    for one in (model, PemnModel("m.pemn")):
        with pytest.raises(ModelError, match=told):
            one(INPUTS.double())
    assert model.double()(INPUTS.double()).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert pemn_compress.load("m.pemn")(INPUTS.bfloat16()).dtype == torch.bfloat16


def test_paths_and_truths_of_any_library() -> None:
    assert path_of("x", Path("a/b")) == path_of("x", "a/b") == Path("a/b")
    check_truth(one=True, other=np.bool_(False))
    with pytest.raises(PemnError, match=r"^one: expected True or False, got 'no'$"):
        check_truth(one="no")
    with pytest.raises(PemnError, match=r"^one: expected True or False, got int$"):
        check_truth(one=1)
