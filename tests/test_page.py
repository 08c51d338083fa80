"""The page of a comparison: one file, opened in a browser where there is one."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from records import seeds, write

HOSTILE = "<img src=x onerror=alert(1)>\"'</script></style>-->{{x}}&amp;"
BYTES = (
    "[...document.querySelectorAll('tbody')]"
    ".map(body => [...body.rows].map(row => row.lastChild.textContent))"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Write a page of hostile names, a long one, two fronts, and rows of the papers."""
    folder = tmp_path_factory.mktemp("page")
    convmixer = {"architecture": "convmixer", "arguments": {"dim": 256, "depth": 6},
                 "data": "cifar10"}  # fmt: skip
    for strategy, size, value in (("rp", 9000, 0.88), ("mp", 10_500, 0.89), ("mask", 12_000, 0.91)):
        seeds(folder / strategy, (value, value + 0.01), size=size, strategy=strategy, **convmixer)
    seeds(folder / "m", (0.85, 0.86), size=90_000, strategy="magnitude", density=0.1, **convmixer)
    write(
        folder / f"z{HOSTILE}".replace("/", "_") / "a.json",
        value=0.5,
        data=HOSTILE,
        strategy=HOSTILE,
    )
    write(folder / "zlong.json", value=0.4, data=HOSTILE, arguments={"argument" * 20: "v" * 300})
    (folder / "broken.json").write_text(f'"{HOSTILE}')
    output = folder / "index.html"
    done = subprocess.run(
        [sys.executable, "-m", "pemn_compress", "report", ".", "--against", "papers", "-o", output],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2  # the broken one
    return output


class Reader(HTMLParser):
    """Collects what could load something, and which tags there are."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.addresses, self.ids = set(), [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in ("meta", "br", "img", "link", "input"):
            self.open.append(tag)
        named = dict(attrs)
        self.ids += [named["id"]] if "id" in named else []
        self.addresses += [v for k, v in attrs if k in ("src", "href", "xlink:href", "srcset")]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_is_well_formed(page):
    text = page.read_text("utf-8")
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert not reader.tags & {"img", "link", "iframe", "object", "embed", "base", "form"}
    assert all(address.startswith("#") for address in reader.addresses)
    assert len(reader.ids) == len(set(reader.ids))
    assert {address[1:] for address in reader.addresses} <= set(reader.ids)
    assert len(re.findall(r"<svg ", text)) == 4  # two fronts, wide and narrow
    assert "url(http" not in text
    assert "default-src 'none'" in text
    assert text.count("<script>") == 1
    assert len(text) < 1_000_000


def test_the_same_runs_make_the_same_page(page, tmp_path):
    again = tmp_path / "again.html"
    subprocess.run(
        [sys.executable, "-m", "pemn_compress", "report", ".", "--against", "papers", "-o", again],
        cwd=page.parent, capture_output=True,
    )  # fmt: skip
    assert again.read_bytes() == page.read_bytes()


def test_a_browser_loads_nothing_else_and_complains_of_nothing(browser, page):
    browser.events.clear()
    browser.show(page, 1600)
    assert browser.requests() == [page.as_uri()]
    assert browser.complaints() == []
    assert browser.evaluate("document.images.length + document.scripts.length") == 1
    assert HOSTILE in browser.evaluate("document.body.innerText")


def test_a_click_on_a_head_sorts_a_table(browser, page):
    browser.show(page, 1600)
    first = browser.evaluate(BYTES)[0]
    assert first == ["9,000", "10,500", "12,000", "90,000"]
    click = "[...document.querySelector('thead').querySelectorAll('button')].at(-1).click()"
    order = "document.querySelector('th[aria-sort]').getAttribute('aria-sort')"
    browser.evaluate(click)
    assert browser.evaluate(BYTES)[0] == first
    assert browser.evaluate(order) == "ascending"
    browser.evaluate(click)
    assert browser.evaluate(BYTES)[0] == first[::-1]
    assert browser.evaluate(order) == "descending"
    browser.evaluate("document.querySelector('thead').querySelectorAll('button')[1].click()")
    names = "[...document.querySelector('tbody').rows].map(r => r.cells[1].textContent)"
    told = browser.evaluate(names)
    assert told == sorted(told)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 1600])
def test_it_can_be_read_on_a_phone_and_on_a_wide_screen(browser, page, width, dark):
    browser.show(page, width, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    seen = (
        "[...document.querySelectorAll('figure')].filter(f => f.offsetWidth).map(f => f.className)"
    )
    assert set(browser.evaluate(seen)) == {"narrow" if width == 400 else "wide"}
    # the smallest letters of a plot, as high as they are on the screen
    heights = (
        "[...document.querySelectorAll('figure svg g[id*=text_] use')]"
        ".map(u => u.getBoundingClientRect().height).filter(h => h > 0)"
    )
    sizes = sorted(browser.evaluate(heights))
    assert sizes[len(sizes) // 2] > 4
    ink, paper = (
        sum(map(int, re.findall(r"\d+", browser.evaluate(f"getComputedStyle(document.body).{of}"))))
        for of in ("color", "backgroundColor")
    )
    assert (ink > paper) is dark
    assert abs(ink - paper) > 3 * 150
    axis = "getComputedStyle(document.querySelector('figure svg g[id*=text_] use')).fill"
    assert sum(map(int, re.findall(r"\d+", browser.evaluate(axis)))) == ink
    if folder := os.environ.get("PEMN_SCREENSHOTS"):
        browser.screenshot(Path(folder) / f"page-{width}-{'dark' if dark else 'light'}.png")


def test_the_last_line_says_that_no_browser_was_there(tmp_path):
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", here / "test_page.py",
         "-k", "complains"],
        capture_output=True, text=True, cwd=here.parent, env={**os.environ, "PATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "Left out: 1 test of the page in a browser, since there is no Chromium (Debian: chromium;"
        " or Google Chrome); install what is missing and run `make test` again."
    )
