"""The page of `pemn view` in a browser: what its tests share."""

import json

import numpy as np
import pytest
from browser import Browser, find_browser

from pemn_compress.viewing.given import page_with, read_given

CHECKED = "document.body.dataset.checked"
CLASSES = [f"<b>class {number}</b>\u202e" for number in range(9)] + ["\x1b[31mred\n=1+1"]
MEAN, STD = [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]
ABOUT = {"input": {"shape": [3, 32, 32], "mean": MEAN, "std": STD}, "classes": CLASSES}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    command = find_browser()
    if command is None:
        pytest.skip(
            "the page in a browser: there is no Chromium (Debian: chromium; or Google Chrome)"
        )
    with Browser(command, tmp_path_factory.mktemp("browser")) as found:
        yield found


def write_archive(path, model, inputs, about=None):
    """Write a model with random masks and its graph."""
    import torch

    import pemn_compress

    generator = torch.Generator().manual_seed(4)
    masked = pemn_compress.MaskedModel(model, strategy="mp", density=0.5)
    with torch.no_grad():
        for key, one in masked.named_parameters():
            if "score" in key:
                one.copy_(torch.randn(one.shape, generator=generator))
    pemn_compress.save(masked, path, inputs=inputs, graph="always", about=about or {})
    return path


def write_page(*paths):
    output = paths[0].with_suffix(".html")
    output.write_bytes(page_with([read_given(str(path), path.name) for path in paths], "test"))
    return output


def open_page(browser, path):
    browser.events.clear()
    browser.show(path, 1200)
    browser.until(CHECKED)


def open_archive(browser, path):
    """Open an archive in the page that is there."""
    browser.evaluate("delete document.body.dataset.checked")
    browser.choose("#file", path)
    browser.until(CHECKED)


def give(browser, path):
    """Give the page a file, after which its status says nothing but what it says of that."""
    browser.evaluate(
        "document.getElementById('status').classList.remove('wrong');"
        "document.getElementById('status').textContent = ''"
    )
    browser.choose("#file", path)


def say(browser, name):
    return browser.evaluate(f"document.getElementById({json.dumps(name)}).innerText")


def press(browser, key, code=0, **more):
    """Press a key and let it go."""
    browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key,
                 windowsVirtualKeyCode=code, **more)  # fmt: skip
    browser.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)


def picture_outputs(browser, picture):
    """Give the page a picture, and return the model's outputs."""
    browser.evaluate("document.getElementById('classified').replaceChildren()")
    browser.choose("#picture", picture)
    return outputs(browser)


def outputs(browser, number=0):
    """Return the numbers of an output, once it is there."""
    name = "outputs" if number == 0 else f"outputs-{number}"
    browser.until(f"document.getElementById('{name}')")
    told = browser.evaluate(f"document.getElementById('{name}').textContent")
    return np.array([float(line) for line in told.split("\n")])


def pixels(browser, canvas, width, height):
    """Return what a canvas of the page shows: height x width x 3."""
    code = f"[...{canvas}.getContext('2d').getImageData(0, 0, {width}, {height}).data]"
    return np.array(browser.evaluate(code)).reshape(height, width, 4)[..., :3]


def by_torch(archive, pixels):
    """Return what torch makes of a picture."""
    import torch

    import pemn_compress

    array = (pixels.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    model = pemn_compress.load(archive)
    with torch.no_grad():
        return model(torch.from_numpy(array).permute(2, 0, 1)[None])[0].numpy()
