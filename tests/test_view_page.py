"""The page of `pemn view` in a browser: what is in a file, pictures classified as torch does, and
what files that mean harm get."""

import json
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import Browser, find_browser
from node_tools import JS
from PIL import Image
from torch import nn

import pemn_compress
from pemn_compress.printable import printable
from pemn_compress.viewing.given import page_with, read_given

SUITE = JS.parent / "conformance"
CLASSES = [f"<b>class {number}</b>\u202e" for number in range(9)] + ["\x1b[31mred\n=1+1"]
MEAN, STD = [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]
CHECKED = "document.body.dataset.checked"
HIDDEN = r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]"
CANVAS = "document.querySelector('#mask canvas')"
PREVIEW = "document.querySelector('.preview')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    command = find_browser()
    if command is None:
        pytest.skip(
            "the page in a browser: there is no Chromium (Debian: chromium; or Google Chrome)"
        )
    with Browser(command, tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a ResNet-18 with random masks, a small one, a page of each, and pictures."""
    place = tmp_path_factory.mktemp("page")
    generator = torch.Generator().manual_seed(4)
    torch.manual_seed(4)
    about = {"input": {"shape": [3, 32, 32], "mean": MEAN, "std": STD}, "classes": CLASSES}
    for name in ("resnet18", "resnet20"):
        masked = pemn_compress.MaskedModel(pemn_compress.build(name), strategy="mp", density=0.5)
        with torch.no_grad():
            for key, one in masked.named_parameters():
                if "score" in key:
                    one.copy_(torch.randn(one.shape, generator=generator))
        path = place / f"{name}.pemn"
        image = torch.zeros(1, 3, 32, 32)
        pemn_compress.save(masked, path, inputs=image, graph="always", about=about)
        write_page(path)
    draw = np.random.default_rng(4)
    Image.fromarray(draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(place / "small.png")
    y, x = np.mgrid[:300, :420]
    wave = np.stack([y * 255 // 300, 127 + 120 * np.sin(x / 7), (x + 2 * y) % 256], -1)
    Image.fromarray(wave.astype(np.uint8)).save(place / "large.png")
    return place


def write_page(*paths):
    output = paths[0].with_suffix(".html")
    output.write_bytes(page_with([read_given(str(path), path.name) for path in paths], "test"))
    return output


def open_page(browser, path):
    browser.events.clear()
    browser.show(path, 1200)
    browser.until(CHECKED)


def say(browser, name):
    return browser.evaluate(f"document.getElementById({json.dumps(name)}).innerText")


def outputs(browser, picture):
    """Classify a picture in the page, and return the model's outputs."""
    browser.evaluate("document.getElementById('classified').replaceChildren()")
    browser.choose("#picture", picture)
    browser.until("document.getElementById('outputs')")
    told = browser.evaluate("document.getElementById('outputs').textContent")
    return np.array([float(line) for line in told.split("\n")])


def pixels(browser, canvas, width, height):
    """Return what a canvas of the page shows: height x width x 3."""
    code = f"[...{canvas}.getContext('2d').getImageData(0, 0, {width}, {height}).data]"
    return np.array(browser.evaluate(code)).reshape(height, width, 4)[..., :3]


def by_torch(archive, pixels):
    array = (pixels.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    model = pemn_compress.load(archive)
    with torch.no_grad():
        return model(torch.from_numpy(array).permute(2, 0, 1)[None])[0].numpy()


def test_it_shows_what_is_in_a_file_and_every_digest_is_right(browser, folder):
    page = folder / "resnet18.html"
    open_page(browser, page)
    assert browser.complaints() == []
    asked = [one for one in browser.requests() if not one.startswith("blob:")]
    assert asked == [page.as_uri()]
    assert browser.evaluate(CHECKED) == "right"
    assert say(browser, "status").startswith("All digests are checked: 3 sections, 122 tensors")
    assert say(browser, "verdict") == say(browser, "status")
    digest = pemn_compress.inspect(folder / "resnet18.pemn")["restored_sha256"]
    assert digest in say(browser, "restored")
    assert "11,183,582 in 122 tensors" in say(browser, "facts")
    rows = browser.evaluate("document.querySelectorAll('#tensor-table tbody tr').length")
    assert rows == 122
    nodes = say(browser, "graph")
    assert "20 conv2d" in nodes
    assert "layer1.0.conv1.weight" in nodes
    assert browser.evaluate("document.querySelectorAll('#map .tile').length") > 20
    areas = "[...document.querySelectorAll('#map .tile')].map(t => t.offsetWidth * t.offsetHeight)"
    frame = "document.querySelector('.treemap').clientWidth * 384"
    assert sum(browser.evaluate(areas)) == pytest.approx(browser.evaluate(frame), rel=0.05)


@pytest.mark.parametrize("name", ["resnet18", "resnet20"])
def test_a_picture_is_classified_as_torch_does(browser, folder, name):
    open_page(browser, folder / f"{name}.html")
    found = outputs(browser, folder / "small.png")
    expected = by_torch(folder / f"{name}.pemn", np.asarray(Image.open(folder / "small.png")))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    bars = browser.evaluate("[...document.querySelectorAll('.bars .class')].map(n => n.innerText)")
    assert len(bars) == 5
    shown = CLASSES[int(expected.argmax())]
    assert bars[0] == printable(shown)
    assert re.search(r", [\d.]+ %, in [\d.]+ ms\.$", say(browser, "status"))


def test_a_large_picture_is_cut_and_resized_as_pillow_does(browser, folder):
    open_page(browser, folder / "resnet20.html")
    outputs(browser, folder / "large.png")
    pixels = (
        "[...document.querySelector('.preview').getContext('2d').getImageData(0, 0, 32, 32).data]"
    )
    found = np.array(browser.evaluate(pixels)).reshape(32, 32, 4)[..., :3]
    middle = Image.open(folder / "large.png").resize(
        (32, 32), Image.BILINEAR, box=(60, 0, 360, 300)
    )
    assert np.abs(found - np.asarray(middle).astype(int)).max() <= 1


def test_a_mask_is_the_picture_of_its_bits(browser, folder):
    open_page(browser, folder / "resnet20.html")
    browser.evaluate("document.querySelector('#tensor-table button.link').click()")
    browser.until("document.querySelector('#mask canvas')")
    assert browser.evaluate(f"[{CANVAS}.width, {CANVAS}.height]") == [27, 16]
    shades = pixels(browser, CANVAS, 27, 16)[..., 0]
    name = browser.evaluate("document.querySelector('#tensor-table button.link').innerText")
    values = pemn_compress.decode(folder / "resnet20.pemn")[name].reshape(16, 27)
    np.testing.assert_array_equal(shades < 128, values != 0)


def test_what_is_wrong_is_one_sentence_and_the_page_goes_on(browser, folder, tmp_path):
    whole = (folder / "resnet20.pemn").read_bytes()
    wrong = {
        "cut.pemn": (whole[:-9], "cut.pemn: header: expected a file of"),
        "text.pemn": (b"hello", "text.pemn: it is no .pemn archive"),
        "empty.pemn": (b"", "empty.pemn: it is no .pemn archive"),
        "altered.pemn": (whole[:200] + b"?" + whole[201:], "its digest is not"),
        "list.json": (b"[1]", "list.json is no record"),
        "broken.json": (b"{", "it is no JSON"),
        "no.png": (b"\x89PNG", "It is no picture"),
        "\u202e\x1b[31m<b>.txt": (b"x", "\\u202e\\x1b[31m<b>.txt: it is no .pemn archive"),
    }
    open_page(browser, folder / "resnet20.html")
    for name, (content, expected) in wrong.items():
        (tmp_path / name).write_bytes(content)
        browser.evaluate("document.getElementById('status').textContent = ''")
        browser.choose("#file", tmp_path / name)
        browser.until("document.getElementById('status').classList.contains('wrong')")
        told = say(browser, "status")
        assert expected in told, name
        assert "\n" not in told
        browser.evaluate("document.getElementById('status').classList.remove('wrong')")
    assert say(browser, "name") == "resnet20.pemn"
    huge = SUITE / "reject" / "limit-sparse.pemn"
    browser.choose("#file", huge)
    browser.until("document.getElementById('status').classList.contains('wrong')")
    browser.evaluate("delete document.body.dataset.checked")
    browser.choose("#file", SUITE / "accept" / "graph-linear.pemn")
    browser.until(CHECKED)
    assert say(browser, "name") == "graph-linear.pemn"
    assert "No picture can be classified" in say(browser, "classified")
    assert browser.complaints() == []


def test_a_digest_that_is_wrong_is_told(browser, folder, tmp_path):
    raw = bytearray((folder / "resnet18.pemn").read_bytes())
    raw[500_000] ^= 1
    (tmp_path / "flipped.pemn").write_bytes(raw)
    open_page(browser, write_page(tmp_path / "flipped.pemn"))
    assert browser.evaluate(CHECKED) == "wrong"
    assert "The file is not right" in say(browser, "status")
    assert "masks" in say(browser, "status")
    assert browser.complaints() == []


@pytest.mark.parametrize(
    "name", sorted(one.name for one in (SUITE / "accept").glob("claims-*.pemn"))
)
def test_claims_that_mean_harm_are_texts(browser, tmp_path, name):
    (tmp_path / name).write_bytes((SUITE / "accept" / name).read_bytes())
    open_page(browser, write_page(tmp_path / name))
    assert browser.evaluate(CHECKED) == "right"
    assert browser.complaints() == []
    assert not browser.evaluate(f"/{HIDDEN}/.test(document.body.innerText)")
    assert browser.evaluate("document.body.innerText.length") < 20_000
    assert (
        browser.evaluate("document.images.length + document.querySelectorAll('b, iframe').length")
        == 0
    )


def test_a_policy_lets_nothing_in_and_nothing_out(browser, folder):
    open_page(browser, folder / "resnet20.html")
    reached = browser.evaluate(
        "fetch('http://127.0.0.1:9/').then(() => 'there', (e) => String(e.message))"
    )
    assert reached == "Failed to fetch"
    browser.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.in1 = 1';"
        "document.body.append(s); const d = document.createElement('div');"
        "d.innerHTML = '<img src=x onerror=\"window.in2 = 1\">'; document.body.append(d); })()"
    )
    assert browser.evaluate("[window.in1, window.in2]") == [None, None]
    told = " ".join(browser.complaints())
    for directive in ("connect-src", "script-src"):
        assert f"{directive} " in told


def test_the_record_of_a_run_beside_it(browser, folder, tmp_path):
    archive = folder / "resnet20.pemn"
    epochs = [
        {"epoch": n, "train_loss": 2 / n, "lr": 0.1, "test": {"loss": 3 / n, "metrics": [
            {"name": "<i>accuracy</i>", "value": n / 4}]}} for n in (1, 2, 3)
    ]  # fmt: skip
    told = {"epochs": epochs, "archive": {"sha256": "0" * 64}, "settings": {"seed": 1}}
    (tmp_path / "run.json").write_text(json.dumps(told))
    open_page(browser, folder / "resnet20.html")
    assert "Curves are in the record" in say(browser, "record")
    browser.choose("#file", tmp_path / "run.json")
    browser.until("document.querySelectorAll('#record svg').length === 2")
    text = say(browser, "record")
    assert "another file" in text
    assert "Loss: training from 2 to 0.6667, test from 3 to 1" in text
    assert "<i>accuracy</i>: test from 0.25 to 0.75" in text
    told["archive"]["sha256"] = sha256(archive.read_bytes()).hexdigest()
    (tmp_path / "resnet20.pemn").write_bytes(archive.read_bytes())
    (tmp_path / "resnet20.json").write_text(json.dumps(told))
    open_page(browser, write_page(tmp_path / "resnet20.pemn"))
    text = say(browser, "record")
    assert "Loss: training" in text
    assert "another file" not in text


def test_it_is_served_and_several_can_be_chosen(browser, folder):
    command = [sys.executable, "-m", "pemn_compress", "view", folder / "resnet20.pemn"]
    more = [SUITE / "accept" / "graph-linear.pemn", "--no-browser"]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True) as process:
        try:
            address = re.search(r"http://\S+", process.stdout.readline())[0]
            browser.events.clear()
            browser.visit(address)
            browser.until(CHECKED)
            assert browser.evaluate(CHECKED) == "right"
            assert say(browser, "name") == "resnet20.pemn"
            browser.evaluate(
                "(() => { const which = document.getElementById('which'); which.value = 1;"
                "which.dispatchEvent(new Event('change')); })()"
            )
            browser.until("document.getElementById('name').innerText === 'graph-linear.pemn'")
            assert [one for one in browser.requests() if not one.startswith("blob:")] == [
                address, f"{address}0", f"{address}1"
            ]  # fmt: skip
            assert browser.complaints() == []
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("width", "dark"), [(400, False), (400, True), (1600, False), (1600, True)]
)
def test_it_fits_a_phone_and_a_wide_screen_light_and_dark(browser, folder, width, dark):
    open_page(browser, folder / "resnet20.html")
    browser.window(width, dark=dark)
    outputs(browser, folder / "large.png")
    browser.evaluate("document.querySelector('#tensor-table button.link').click()")
    browser.until("document.querySelector('#mask canvas')")
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 200) == dark
    place = os.environ.get("PEMN_SCREENSHOTS")
    if place:
        height = browser.evaluate("document.documentElement.scrollHeight")
        browser.window(width, height, dark=dark)
        browser.screenshot(Path(place) / f"view-{width}-{'dark' if dark else 'light'}.png")


def test_it_can_be_used_by_keyboard_and_screen_reader(browser, folder):
    open_page(browser, folder / "resnet20.html")
    browser.window(1200)
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = {}
    for node in tree:
        if not node["ignored"]:
            name = node.get("name", {}).get("value", "")
            roles.setdefault(node["role"]["value"], []).append(name)
    for role in ("button", "link", "img", "image", "table", "region", "columnheader"):
        assert all(name.strip() for name in roles.get(role, [])), (role, roles[role])
    assert "status" in roles
    assert {"main", "heading", "table"} <= set(roles)
    assert any("Open a file" in name for name in roles["button"])
    reached = []
    for _ in range(40):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab",
                     windowsVirtualKeyCode=9)  # fmt: skip
        browser.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab")
        reached.append(
            browser.evaluate("document.activeElement.id || document.activeElement.innerText")
        )
    assert reached[0] == "To what is inside"
    first = browser.evaluate("document.querySelector('#tensor-table button.link').innerText")
    assert {"file", "picture", first} <= set(reached)
    browser.evaluate("document.querySelector('#tensor-table button.link').focus()")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert browser.evaluate(outline) == "solid"
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r",
                 windowsVirtualKeyCode=13)  # fmt: skip
    browser.until("document.querySelector('#mask canvas')")


def test_a_model_that_cannot_be_run_here_says_which_operator(browser, tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "gru.pemn"
    masked = pemn_compress.MaskedModel(nn.GRU(4, 6, batch_first=True))
    pemn_compress.save(masked, path, inputs=torch.zeros(1, 5, 4))
    open_page(browser, write_page(path))
    assert "no: it lacks gru.input" in say(browser, "graph")
    assert "cannot compute gru.input" in say(browser, "classified")
