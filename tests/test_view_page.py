"""The page of `pemn view` in a browser: what is in a file, models run as torch does, and what files
that mean harm get. `make test-docs` does the rest (tests/site/test_view_all.py)."""

import json
import re

import numpy as np
import pytest
import torch
from graph_archives import chain, stored
from node_tools import JS
from PIL import Image
from seen_pages import (
    ABOUT,
    CHECKED,
    CLASSES,
    by_torch,
    give,
    open_archive,
    open_page,
    outputs,
    picture_outputs,
    pixels,
    press,
    say,
    write_archive,
    write_page,
)  # fmt: skip
from torch import nn

import pemn_compress
from pemn_compress.format.graph import Ref
from pemn_compress.printable import printable

SUITE = JS.parent / "conformance"
HIDDEN = r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]"
CANVAS = "document.querySelector('#mask canvas')"
WRONG = "document.getElementById('status').classList.contains('wrong')"
NO_WORKER = "window.Worker = class { postMessage() {} terminate() {} }"


class Two(nn.Module):
    """Words and numbers in, a dictionary out, by way of a recurrent layer."""

    def __init__(self):
        super().__init__()
        self.embed, self.steps = nn.Embedding(20, 6), nn.GRU(6, 5, batch_first=True)
        self.head = nn.Linear(9, 7)

    def forward(self, ids, x):
        hidden = self.steps(self.embed(ids))[1][0]
        logits = self.head(torch.cat((hidden, x), 1))
        return {"logits": logits, "best": logits.argmax(1)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a ResNet-20 and a model of two inputs, a page of the first one, and a picture."""
    place = tmp_path_factory.mktemp("page")
    torch.manual_seed(4)
    image = torch.zeros(1, 3, 32, 32)
    write_archive(place / "resnet20.pemn", pemn_compress.build("resnet20"), image, ABOUT)
    given = torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 4)
    write_archive(place / "two.pemn", Two(), given)
    write_page(place / "resnet20.pemn")
    draw = np.random.default_rng(4)
    Image.fromarray(draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(place / "small.png")
    return place


@pytest.fixture(scope="module")
def page(browser, folder):
    """Open the page once for the tests that only look."""
    open_page(browser, folder / "resnet20.html")
    return browser


def test_it_shows_what_is_in_a_file_and_every_digest_is_right(page, folder):
    assert page.complaints() == []
    asked = [one for one in page.requests() if not one.startswith("blob:")]
    assert asked == [(folder / "resnet20.html").as_uri()]
    assert page.evaluate(CHECKED) == "right"
    assert say(page, "status") == "resnet20.pemn is open, and every digest is right."
    archive = pemn_compress.inspect(folder / "resnet20.pemn")
    count = len(archive["tensors"])
    assert say(page, "verdict").startswith(f"All digests are checked: 3 sections, {count} tensors")
    assert page.evaluate("document.body.innerText.split('All digests').length") == 2
    assert archive["restored_sha256"] in say(page, "restored")
    assert f"in {count} tensors" in say(page, "facts")
    rows = "document.querySelectorAll('#tensor-table tbody tr').length"
    assert page.evaluate(rows) == 20
    page.evaluate("document.querySelector('#tensor-table button.more').click()")
    assert page.evaluate(rows) == count
    names = "[...document.querySelectorAll('#tensor-table tbody td:first-child')]"
    page.evaluate("document.querySelector('#tensor-table th button').click()")
    told = page.evaluate(f"{names}.map(cell => cell.textContent)")
    assert sorted(told) == sorted(one["name"] for one in archive["tensors"])
    assert told == sorted(told, key=str.casefold)
    nodes = say(page, "graph")
    assert "conv2d" in nodes
    assert "stages.0.0.conv1.weight" in nodes
    areas = "[...document.querySelectorAll('#map .tile')].map(t => t.offsetWidth * t.offsetHeight)"
    frame = "document.querySelector('.treemap').clientWidth * 384"
    assert sum(page.evaluate(areas)) == pytest.approx(page.evaluate(frame), rel=0.05)
    cut = "[...document.querySelectorAll('#map .tile span')].filter(s => s.offsetHeight > s.parentNode.clientHeight).length"  # noqa: E501
    assert page.evaluate(cut) == 0


def test_all_that_needs_no_digest_is_there_before_the_worker_answers(page, folder):
    told = page.call("Page.addScriptToEvaluateOnNewDocument", source=NO_WORKER)
    page.visit("about:blank")
    page.visit((folder / "resnet20.html").as_uri())
    assert say(page, "status") == "resnet20.pemn is open; its digests are being checked."
    for name in ("facts", "map", "tensor-table", "sections", "graph"):
        assert len(say(page, name)) > 50, name
    assert page.evaluate("document.querySelectorAll('.drawing .box').length") > 10
    page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=told["identifier"])
    open_page(page, folder / "resnet20.html")


def test_a_picture_is_classified_as_torch_does(page, folder):
    found = picture_outputs(page, folder / "small.png")
    expected = by_torch(folder / "resnet20.pemn", np.asarray(Image.open(folder / "small.png")))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    bars = page.evaluate("[...document.querySelectorAll('.bars .class')].map(n => n.innerText)")
    assert len(bars) == 5
    assert bars[0] == printable(CLASSES[int(expected.argmax())])
    assert re.search(r", [\d.]+ %, in [\d.]+ ms\.$", say(page, "status"))


def test_a_mask_is_the_picture_of_its_bits(page, folder):
    page.evaluate("document.querySelector('#tensor-table button.link').click()")
    page.until(CANVAS)
    assert page.evaluate(f"[{CANVAS}.width, {CANVAS}.height]") == [27, 16]
    shades = pixels(page, CANVAS, 27, 16)[..., 0]
    name = page.evaluate("document.querySelector('#tensor-table button.link').innerText")
    values = pemn_compress.decode(folder / "resnet20.pemn")[name].reshape(16, 27)
    np.testing.assert_array_equal(shades < 128, values != 0)


def boxes(browser):
    """Return the names of the boxes of the drawing and where they are: x, y, width, height."""
    code = """[...document.querySelectorAll('.drawing .box:not(.title)')].map((one) =>
      [one.ariaLabel, one.offsetLeft, one.offsetTop, one.offsetWidth, one.offsetHeight])"""
    return {(name, x, y): (x, y, w, h) for name, x, y, w, h in browser.evaluate(code)}


def test_the_graph_is_drawn_in_blocks_that_open_by_keyboard(page):
    names = [name for name, *_ in boxes(page)]
    blocks = [name for name in names if ", block, " in name]
    stages = [f"stages.{i}.{k}" for i in (0, 1, 2) for k in (0, 1, 2)]
    assert [name.partition(",")[0] for name in blocks] == stages
    assert sum(name.startswith("output") for name in names) == 1
    assert any(name.startswith("x, input, batch × 3 × 32 × 32") for name in names)
    page.evaluate("document.querySelector('.drawing .box[tabindex=\"0\"]').focus()")
    active = "document.activeElement.getAttribute('aria-label')"
    for _ in range(12):
        press(page, "ArrowDown", 40)
        if page.evaluate(active).startswith("stages.0.0"):
            break
    assert page.evaluate(active) == blocks[0]
    press(page, "Enter", 13, text="\r")
    assert page.evaluate(active).startswith("stages.0.0, open block, 7 nodes")
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    opened = boxes(page)
    assert len(opened) == len(names) + 6
    places = list(opened.values())
    for i, (x, y, w, h) in enumerate(places):  # no box lies on another one
        for a, b, c, d in places[:i]:
            assert x >= a + c or a >= x + w or y >= b + d or b >= y + h
    press(page, "ArrowDown", 40)
    press(page, "Enter", 13, text="\r")
    told = say(page, "node-told")
    assert re.match(r"%\d+: conv2d of %\d+, stages\.0\.0\.conv1\.weight, with ", told)
    page.evaluate("document.querySelector('.bar button[aria-label^=\"Open all\"]').click()")
    nodes = len(boxes(page)) - 2
    assert f"{nodes} nodes" in say(page, "graph")
    lines = page.evaluate("document.querySelectorAll('.drawing path').length")
    assert lines >= nodes
    page.evaluate("document.querySelector('.bar button[aria-label^=\"Close all\"]').click()")
    assert len(boxes(page)) < 15


def test_a_graph_of_too_many_boxes_is_a_list_alone(page, tmp_path):
    nodes = [("mul.Tensor", (Ref(0), Ref(1))), *(("relu", (Ref(k),)) for k in range(2, 402))]
    (tmp_path / "long.pemn").write_bytes(stored(chain(nodes, tensors=("bias",))))
    open_archive(page, tmp_path / "long.pemn")
    assert "up to 300 boxes; here are 401" in say(page, "drawing")
    assert boxes(page) == {}
    assert "Show all 401 rows" in say(page, "graph")
    assert page.complaints() == []


def test_a_model_of_two_inputs_is_run_as_torch_does(page, folder, tmp_path):
    open_archive(page, folder / "two.pemn")
    assert page.evaluate("document.getElementById('choose-picture').hidden")
    model = pemn_compress.load(folder / "two.pemn")
    draw = np.random.default_rng(1)
    ids, x = draw.integers(0, 20, (1, 4)), draw.normal(size=(1, 4)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(ids), torch.from_numpy(x))
    fill = "document.getElementById('input-0').value = "
    page.evaluate(fill + json.dumps(json.dumps(ids[0].tolist())))
    np.save(tmp_path / "x.npy", x)
    page.choose("#file", tmp_path / "x.npy")
    page.until("document.getElementById('input-1').value !== ''")
    page.evaluate("document.getElementById('run').click()")
    np.testing.assert_allclose(outputs(page), expected["logits"][0], rtol=1e-4, atol=1e-5)
    assert outputs(page, 1).tolist() == expected["best"].tolist()
    text = say(page, "classified")
    assert "[logits]" in text
    assert "1 × 7" in text
    assert text.startswith(f"class {int(expected['best'])}")
    for wrong, why in {
        "[25, 1, 1, 1]": "the model cannot compute with input 'ids' of shape (1, 4) and 'x' of "
        "shape (1, 4): its operator embedding (node 1) says: index 25 of a size of 20",
        "[[1, 1, 1, 1], [2, 2, 2, 2]]": "input 'x': size batch: expected 2 as in input 'ids', "
        "got 1",
    }.items():
        assert refusal(page, wrong) == why, wrong
    assert page.complaints() == []


def refusal(page, text):
    """Return the sentence that a text in the field of the first input gets."""
    page.evaluate("document.getElementById('input-0').value = " + json.dumps(text))
    page.evaluate("document.getElementById('input-0').dispatchEvent(new Event('input'))")
    page.evaluate("document.getElementById('status').classList.remove('wrong')")
    page.evaluate("document.getElementById('run').click()")
    page.until(WRONG)
    return say(page, "status")


def test_what_is_wrong_is_one_sentence_and_the_page_goes_on(page, folder, tmp_path):
    open_archive(page, folder / "resnet20.pemn")
    whole = (folder / "resnet20.pemn").read_bytes()
    picture = (folder / "small.png").read_bytes()
    wrong = {
        "cut.pemn": (whole[:-9], "cut.pemn: header: expected a file of"),
        "text.pemn": (b"hello", "text.pemn: it is no .pemn archive"),
        "empty.pemn": (b"", "empty.pemn: it is an empty file."),
        "empty.png": (b"", "empty.png: it is an empty file."),
        "model.pt": (b"PK\x03\x04" + bytes(30), "model.pt: it is a ZIP file"),
        "altered.pemn": (whole[:200] + b"?" + whole[201:], "its digest is not"),
        "list.json": (b"[1]", "list.json is no record"),
        "broken.json": (b"{", "it is no JSON"),
        "no.png": (b"\x89PNG", "no.png: it is a picture that cannot be decoded"),
        "cut.png": (picture[:50], "cut.png: it is a picture that cannot be decoded"),
        "no.jpg": (b"hello", "no.jpg: it is a picture that cannot be decoded"),
        "\u202e\x1b[31m<b>.txt": (b"x", "\\u202e\\x1b[31m<b>.txt: it is no .pemn archive"),
    }
    for name, (content, expected) in wrong.items():
        (tmp_path / name).write_bytes(content)
        give(page, tmp_path / name)
        page.until(WRONG)
        told = say(page, "status")
        assert expected in told, name
        assert "\n" not in told
    assert say(page, "name") == "resnet20.pemn"
    give(page, SUITE / "reject" / "limit-sparse.pemn")
    page.until(WRONG)
    open_archive(page, SUITE / "accept" / "alias.pemn")
    assert say(page, "name") == "alias.pemn"
    assert "The model cannot be tried" in say(page, "classified")
    assert page.complaints() == []


def test_a_digest_that_is_wrong_is_told(page):
    open_archive(page, SUITE / "reject" / "digest-masks.pemn")
    assert page.evaluate(CHECKED) == "wrong"
    assert say(page, "status") == "digest-masks.pemn is open, but it is not right."
    assert say(page, "alarm").startswith("The file is not right: ")
    assert "masks" in say(page, "alarm")
    assert page.complaints() == []


def test_claims_that_mean_harm_are_texts(page):
    paths = sorted((SUITE / "accept").glob("claims-*.pemn"))
    assert len(paths) > 10
    for path in paths:
        open_archive(page, path)
        assert page.evaluate(CHECKED) == "right", path.name
        assert page.complaints() == []
        assert not page.evaluate(f"/{HIDDEN}/.test(document.body.innerText)"), path.name
        assert page.evaluate("document.body.innerText.length") < 20_000
        made = "document.images.length + document.querySelectorAll('b, iframe').length"
        assert page.evaluate(made) == 0, path.name


def test_a_policy_lets_nothing_in_and_nothing_out(page, folder):
    reached = page.evaluate(
        "fetch('http://127.0.0.1:9/').then(() => 'there', (e) => String(e.message))"
    )
    assert reached == "Failed to fetch"
    page.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.in1 = 1';"
        "document.body.append(s); const d = document.createElement('div');"
        "d.innerHTML = '<img src=x onerror=\"window.in2 = 1\">'; document.body.append(d); })()"
    )
    assert page.evaluate("[window.in1, window.in2]") == [None, None]
    told = " ".join(page.complaints())
    for directive in ("connect-src", "script-src"):
        assert f"{directive} " in told
