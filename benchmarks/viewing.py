"""How long the page of `pemn view` takes in Chromium: python benchmarks/viewing.py.

Archives with random masks at density 0.5. Times are from the start of loading the page to when the
archive is shown, and to when all digests are checked; then of a picture of 32 x 32 points.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measuring import hardware, table
from PIL import Image

import pemn_compress
from pemn_compress.viewing.given import page_with, read_given

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from browser import Browser, find_browser

TURNS = 5
SHOWN = "document.body.dataset.opened"
CHECKED = "document.body.dataset.checked"
OUTPUTS = "document.getElementById('outputs')"


def archive(name: str, folder: Path) -> Path:
    """Write an archive with its graph, and a page with it inside; return the page."""
    torch.manual_seed(0)
    masked = pemn_compress.MaskedModel(pemn_compress.build(name), strategy="mp", density=0.5)
    with torch.no_grad():
        for key, one in masked.named_parameters():
            if "score" in key:
                one.copy_(torch.randn(one.shape))
    path = folder / f"{name}.pemn"
    about = {"input": {"shape": [3, 32, 32], "mean": [0.5] * 3, "std": [0.25] * 3}}
    inputs = torch.zeros(1, 3, 32, 32)
    pemn_compress.save(masked, path, inputs=inputs, graph="always", about=about)
    page = path.with_suffix(".html")
    page.write_bytes(page_with([read_given(str(path), path.name)], "benchmark"))
    return page


def once(browser: Browser, page: Path, picture: Path) -> list[float]:
    """Return milliseconds: shown, checked, the first picture and a later one."""
    start = time.perf_counter()
    browser.visit(page.as_uri())
    found = []
    for condition in (SHOWN, CHECKED):
        browser.until(condition)
        found.append(1000 * (time.perf_counter() - start))
    assert browser.evaluate(CHECKED) == "right"
    for _ in range(2):
        browser.evaluate("document.getElementById('classified').replaceChildren()")
        start = time.perf_counter()
        browser.choose("#picture", picture)
        browser.until(OUTPUTS)
        found.append(1000 * (time.perf_counter() - start))
    return found


def main() -> None:
    command = find_browser()
    if command is None:
        sys.exit("there is no Chromium here")
    print(hardware())
    rows = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        picture = folder / "picture.png"
        pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(picture)
        with Browser(command, folder / "browser") as browser:
            for name in ("resnet20", "resnet18"):
                page = archive(name, folder)
                size = page.with_suffix(".pemn").stat().st_size
                browser.visit("about:blank")
                turns = [once(browser, page, picture) for _ in range(TURNS)]
                medians = [statistics.median(column) for column in zip(*turns, strict=True)]
                rows.append([f"{name}, {size:,} bytes", *(f"{one:.0f} ms" for one in medians)])
    heads = ["", "opened", "all digests checked", "a picture, first", "a picture, then"]
    print(table(heads, rows))


if __name__ == "__main__":
    main()
