"""How a run uses its machine: devices, bfloat16 on processors without it, settings of all kinds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pemn_compress
from pemn_compress.errors import SettingError
from pemn_compress.training import amp
from pemn_compress.training.run import Run

ROOT = str(Path(pemn_compress.__file__).parents[1])


@pytest.mark.parametrize(
    "device",
    ["meta", "xyz", "", "cpu:3", "CPU", "cpu:-1", "fpga", "lazy", "hpu", "privateuseone", "vulkan",
     "cuda:99", "cuda:x", " cpu", None, 3.5, b"abc", ["cpu"]],
    ids=repr,
)  # fmt: skip
def test_a_device_that_is_not_here_is_one_line_with_those_that_are(device: Any) -> None:
    with pytest.raises(SettingError) as caught:
        Run(device=device).torch_device()
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(
        f"device {device!r} cannot be used: expected one of those here: auto, cp"
    )
    assert len(text) < 200


def test_a_gpu_that_is_not_here() -> None:
    beyond = torch.cuda.device_count()
    absent = [f"cuda:{beyond}", f"cuda:{beyond + 7}", *([] if beyond else ["cuda"])]
    for device in absent:
        with pytest.raises(
            SettingError, match=f"'{device}' cannot be used: expected .*: auto, cpu"
        ):
            Run(device=device).torch_device()


@pytest.mark.parametrize("device", ["cpu", "cpu:0", torch.device("cpu"), "auto"])
def test_a_device_that_is_here(device: Any) -> None:
    run = Run(device=device)
    assert isinstance(run.device, str)
    assert run.torch_device().type in ("cpu", "cuda")


def test_flags_and_counts_are_of_their_kind() -> None:
    run = Run(workers=np.int64(2), amp=np.bool_(True), compile=torch.tensor(False))
    assert (run.workers, run.amp, run.compile) == (2, True, False)
    assert type(run.workers) is int
    assert type(run.amp) is bool
    for wrong, message in (
        ({"workers": -1}, "workers: expected 0 or more, got -1"),
        ({"workers": 1.5}, "workers: expected a whole number, got 1.5"),
        ({"workers": True}, "workers: expected a whole number, got True"),
        ({"amp": "yes"}, "amp: expected True or False, got 'yes'"),
        ({"channels_last": 1}, "channels_last: expected True or False, got 1"),
    ):
        with pytest.raises(SettingError, match=f"^{message}$"):
            Run(**wrong)


AMP = """
import json, sys, torch, warnings
sys.path.insert(0, sys.argv[1])
from trainable import RECIPE, Watch, images, net
from pemn_compress.training.fitting import fit
from pemn_compress.training.run import Run
watch, recipe = Watch(), RECIPE.override(epochs=1)
history = fit(net(), images(), recipe, run=Run(amp=True, device="cpu"), observer=watch)
print(json.dumps([watch.warnings, len(history), torch.get_num_threads()]))
"""


def with_amp(**environment: str) -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-c", AMP, Path(__file__).parent],
        env=os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "2", **environment},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_amp_on_a_processor_without_bfloat16_is_told_and_the_run_goes_on() -> None:
    # what torch computes with is told to use no newer instructions than AVX2's
    warnings, epochs, threads = with_amp(ONEDNN_MAX_CPU_ISA="AVX2", ATEN_CPU_CAPABILITY="avx2")
    assert (epochs, threads) == (1, 2)
    (line,) = warnings
    assert line.startswith("amp: matrices are multiplied ")
    assert "times slower in bfloat16 than in float32 on this processor (measured)" in line


def test_amp_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for seconds, told in ((3e-3, "3.0 times"), (1.2e-3, None), (0.5e-3, None)):
        took = {torch.bfloat16: seconds, torch.float32: 1e-3}
        monkeypatch.setattr(amp, "_seconds", took.__getitem__)
        line = amp.slow_bfloat16(cpu)
        assert line is None if told is None else told in line
    assert amp.slow_bfloat16(torch.device("meta")) is None
