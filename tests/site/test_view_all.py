"""What `make test-docs` tries of the page of `pemn view` besides tests/test_view_page.py: large
models and pictures, records, several archives that are served, all sizes of screens, readers;
and the reader's declarations by TypeScript's compiler, where it is."""

import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from node_tools import JS
from PIL import Image
from seen_pages import (
    ABOUT,
    CHECKED,
    by_torch,
    open_archive,
    open_page,
    picture_outputs,
    pixels,
    press,
    say,
    write_archive,
    write_page,
)

import pemn_compress
from pemn_compress.viewing.given import page_with

SUITE = JS.parent / "conformance"
PREVIEW = "document.querySelector('.preview')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a ResNet-18, a small one, a page of each, and pictures."""
    place = tmp_path_factory.mktemp("page")
    torch.manual_seed(4)
    for name in ("resnet18", "resnet20"):
        path = place / f"{name}.pemn"
        write_archive(path, pemn_compress.build(name), torch.zeros(1, 3, 32, 32), ABOUT)
        write_page(path)
    draw = np.random.default_rng(4)
    Image.fromarray(draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(place / "small.png")
    y, x = np.mgrid[:300, :420]
    wave = np.stack([y * 255 // 300, 127 + 120 * np.sin(x / 7), (x + 2 * y) % 256], -1)
    Image.fromarray(wave.astype(np.uint8)).save(place / "large.png")
    return place


def test_a_large_model_is_shown_checked_and_run(browser, folder):
    open_page(browser, folder / "resnet18.html")
    assert browser.complaints() == []
    assert browser.evaluate(CHECKED) == "right"
    assert say(browser, "verdict").startswith("All digests are checked: 3 sections, 122 tensors")
    digest = pemn_compress.inspect(folder / "resnet18.pemn")["restored_sha256"]
    assert digest in say(browser, "restored")
    assert "11,183,582 in 122 tensors" in say(browser, "facts")
    assert "20 conv2d" in say(browser, "graph")
    names = browser.evaluate("[...document.querySelectorAll('.box.block')].map(b => b.ariaLabel)")
    shown = {f"layer{i}.{k}" for i in (1, 2, 3, 4) for k in (0, 1)}
    assert {name.partition(",")[0] for name in names} == shown | {f"layer{i}" for i in (1, 2, 3, 4)}
    found = picture_outputs(browser, folder / "small.png")
    expected = by_torch(folder / "resnet18.pemn", np.asarray(Image.open(folder / "small.png")))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_byte_that_was_flipped_is_told(browser, folder, tmp_path):
    raw = bytearray((folder / "resnet18.pemn").read_bytes())
    raw[500_000] ^= 1
    (tmp_path / "flipped.pemn").write_bytes(raw)
    open_page(browser, write_page(tmp_path / "flipped.pemn"))
    assert browser.evaluate(CHECKED) == "wrong"
    assert "masks" in say(browser, "alarm")


def test_archives_of_the_suite_are_shown_and_those_that_break_a_rule_do_no_harm(browser, folder):
    open_page(browser, folder / "resnet20.html")
    right = sorted((SUITE / "accept").glob("*.pemn"))[::5]
    graphs = sorted((SUITE / "reject-graph").glob("*.pemn"))
    graphs += sorted((SUITE / "accept").glob("graph-*.pemn"))
    for path in (*right, *graphs):
        open_archive(browser, path)
        assert browser.evaluate(CHECKED) == "right", path.name
        assert say(browser, "name") == path.name
    for path in sorted((SUITE / "reject").glob("*.pemn"))[::5]:
        browser.evaluate("document.getElementById('status').classList.remove('wrong')")
        browser.choose("#file", path)
        browser.until("document.getElementById('status').classList.contains('wrong')")
    assert browser.complaints() == []


def test_what_takes_longer_is_opened_by_the_worker(browser, folder, tmp_path):
    open_page(browser, folder / "resnet20.html")
    numbers = np.random.default_rng(0).integers(0, 256, 68_000_000, dtype=np.uint8)
    large = tmp_path / "large.pemn"
    large.write_bytes(pemn_compress.encode({"w": numbers}))
    assert large.stat().st_size > 1 << 26
    open_archive(browser, large)
    assert browser.evaluate(CHECKED) == "right"
    assert "68,000,000 in 1 tensors" in say(browser, "facts")
    digest = sha256(large.read_bytes()).hexdigest()
    assert digest in say(browser, "restored")
    with large.open("r+b") as stream:
        stream.truncate(1 << 26 | 1)
    browser.choose("#file", large)
    browser.until("document.getElementById('status').classList.contains('wrong')")
    assert "large.pemn: header: expected a file of" in say(browser, "status")
    assert say(browser, "name") == "large.pemn"
    assert browser.complaints() == []


def test_without_an_archive_it_says_what_it_was_given(browser, folder, tmp_path):
    (tmp_path / "none.html").write_bytes(page_with([], "test"))
    (tmp_path / "cut.png").write_bytes((folder / "large.png").read_bytes()[:1500])
    np.save(tmp_path / "x.npy", np.zeros(3))
    browser.show(tmp_path / "none.html", 1200)
    for path, why in (
        (folder / "small.png", "no archive is open that could classify it"),
        (tmp_path / "cut.png", "it is a picture that cannot be decoded"),
        (tmp_path / "x.npy", "no archive is open whose model could take it"),
    ):
        browser.choose("#file", path)
        browser.until(f"document.getElementById('status').innerText.includes({json.dumps(why)})")


def test_a_large_picture_is_cut_and_resized_as_pillow_does(browser, folder):
    open_page(browser, folder / "resnet20.html")
    picture_outputs(browser, folder / "large.png")
    box = (60, 0, 360, 300)
    middle = Image.open(folder / "large.png").resize((32, 32), Image.BILINEAR, box=box)
    found = pixels(browser, PREVIEW, 32, 32)
    assert np.abs(found - np.asarray(middle).astype(int)).max() <= 1


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
    picture_outputs(browser, folder / "large.png")
    browser.evaluate("document.querySelector('#tensor-table button.link').click()")
    browser.until("document.querySelector('#mask canvas')")
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    # a box that hides something says so, and no label of the map is cut below
    browser.until(
        "[...document.querySelectorAll('.scroll + .hint')].every((hint) => {"
        "const box = hint.previousSibling; return hint.hidden === (box.scrollWidth <= "
        "box.clientWidth + 1 && box.scrollHeight <= box.clientHeight + 1); })"
    )
    labels = "[...document.querySelectorAll('#map .tile span')]"
    assert browser.evaluate(f"{labels}.every(s => s.offsetHeight <= s.parentNode.clientHeight)")
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
    reached, active = [], "document.activeElement.id || document.activeElement.innerText"
    for _ in range(60):
        press(browser, "Tab", 9)
        reached.append(browser.evaluate(active))
    assert reached[0] == "To what is inside"
    first = browser.evaluate("document.querySelector('#tensor-table button.link').innerText")
    assert {"file", "picture", first, "Open all"} <= set(reached)
    boxes = "document.querySelectorAll('.drawing .box[tabindex=\"0\"]').length"
    assert browser.evaluate(boxes) == 1  # arrows move among them
    browser.evaluate("document.querySelector('#tensor-table button.link').focus()")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert browser.evaluate(outline) == "solid"
    press(browser, "Enter", 13, text="\r")
    browser.until("document.querySelector('#mask canvas')")


def test_the_readers_declarations_are_what_typescript_takes(tmp_path, node):
    compiler = shutil.which("tsc")
    if compiler is None:
        pytest.skip("the reader's declarations: there is no tsc (npm install -g typescript)")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "pemn-reader").symlink_to(JS)
    shutil.copy(JS / "test" / "user.ts", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    options = ["--strict", "--target", "es2022", "--lib", "es2022", "--types", "", "user.ts"]
    for how in (["nodenext", "--noEmit"], ["bundler", "--noEmit"], ["nodenext"]):
        module = "nodenext" if how[0] == "nodenext" else "esnext"
        command = [compiler, "--moduleResolution", *how, "--module", module, *options]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    # what it is compiled to reads every archive of the suite, and finds all that it takes
    script = tmp_path / "all.js"
    script.write_text(f"""
import {{ readdirSync, readFileSync }} from "node:fs";
import {{ used }} from "./user.js";

const folder = {json.dumps(str(SUITE / "accept"))}, names = readdirSync(folder);
for (const name of names.filter((one) => one.endsWith(".pemn"))) {{
  const told = used(readFileSync(`${{folder}}/${{name}}`));
  if (/undefined|\\[object/.test(told)) console.log(name, told);
}}
""")
    assert node(script) == ""
