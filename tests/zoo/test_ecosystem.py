"""The page of other people's packages does what it says; its blocks need what only this folder has.

All but the last are run in one scope, in a folder of their own.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

import pemn_compress

PAGE = (Path(__file__).parents[2] / "docs" / "ecosystem.md").read_text()

pytestmark = pytest.mark.filterwarnings("ignore", "error::pemn_compress.errors.PemnWarning")


def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    scope: dict[str, Any] = {"__name__": "page"}
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert [kind for kind, _ in blocks].count("python") == len(blocks) - 1 == 6
    for kind, code in blocks:
        if kind == "python":
            exec(compile(code, "docs/ecosystem.md", "exec"), scope)
        else:  # installs, which a test does not
            assert kind == "sh"
            assert code.startswith('pip install ".[hub]"')
    for name in ("timm", "lightning", "accelerate", "skorch"):
        model = pemn_compress.load(f"{name}.pemn")
        assert model(scope["images" if name != "timm" else "pictures"]).isfinite().all()
    pruned = scope["module"].model
    assert pruned.is_finished
    assert pruned.density == pytest.approx(0.1)
    assert sorted(path.name for path in Path("to-share").iterdir()) == [
        "README.md", "config.json", "model.pemn"
    ]  # fmt: skip
