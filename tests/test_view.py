"""`pemn view`: what it refuses, what it serves and to whom, the one file that it writes."""

import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from node_tools import JS

import pemn_compress
from pemn_compress import viewing
from pemn_compress.errors import PemnWarning
from pemn_compress.viewing.given import read_given, read_record
from pemn_compress.viewing.modules import bundled
from pemn_compress.viewing.page import embedded, page

SUITE = JS.parent / "conformance" / "accept"
EVIL = "</script><img src=x onerror=alert(1)>\x1b[31m\u202e&amp;{script}"


@pytest.fixture
def archive(tmp_path):
    """Write an archive, the record of a run beside it, and return its path."""
    path = tmp_path / "small.pemn"
    content = pemn_compress.encode({"w": np.arange(12, dtype=np.float32)})
    path.write_bytes(content)
    told = {"epochs": [], "archive": {"sha256": hashlib.sha256(content).hexdigest()}}
    path.with_suffix(".json").write_text(json.dumps(told)[:-1] + ', "seconds": NaN}')
    return path


class Scripts(HTMLParser):
    """Collects the scripts of a page, all tags, and every attribute."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.tags, self.attributes, self._inside = [], [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag == "script":
            self._inside = (dict(attributes), [])
            self.scripts.append(self._inside)

    def handle_data(self, data):
        if self._inside is not None:
            self._inside[1].append(data)

    def handle_endtag(self, tag):
        self._inside = None if tag == "script" else self._inside


def given_in(text):
    """Return what a page was given, by what a browser takes for its element."""
    found = [parts for told, parts in Scripts(text).scripts if told.get("id") == "given"]
    return json.loads("".join(found[0]))


def test_one_file_has_the_archive_inside_and_asks_for_nothing(archive, call, tmp_path):
    output = tmp_path / "out.html"
    status, out, err = call("view", archive, "-o", output)
    assert (status, err) == (0, "")
    assert "opens in any browser" in out
    text = output.read_text("utf-8")
    (told,) = given_in(text)
    assert told["name"] == "small.pemn"
    assert b64decode(told["base64"]) == archive.read_bytes()
    assert told["record"]["seconds"] is None  # NaN is no JSON
    names = {name for name, _ in Scripts(text).attributes}
    assert not names & {"src", "style", "onclick", "onload", "srcset", "action", "background"}
    links = [value for name, value in Scripts(text).attributes if name == "href"]
    assert links == ["#inside"]
    assert "connect-src 'none'" in text
    assert call("view", archive, "-o", output)[0] == 2  # it is kept
    assert call("view", archive, "-o", output, "--force")[0] == 0


def test_a_record_of_another_archive_is_shown_and_told(archive, call, tmp_path):
    other = tmp_path / "other.pemn"
    other.write_bytes(pemn_compress.encode({"w": np.arange(5, dtype=np.float32)}))
    record = archive.with_suffix(".json")
    status, _, err = call("view", archive, "--record", record, "-o", "own.html")
    assert (status, err) == (0, "")
    (tmp_path / "none.json").write_text('{"epochs": []}')
    for number, file in enumerate((record, tmp_path / "none.json")):
        status, out, err = call("view", other, "--record", file, "-o", f"{number}.html")
        assert status == 0
        assert f"{number}.html" in out
        told = "the record is of another archive, or tells none; the page shows it and says so"
        assert err == f"warning: {other}: {told}\n"
        assert (
            given_in((tmp_path / f"{number}.html").read_text("utf-8"))[0]["record"]["epochs"] == []
        )
    with pytest.warns(PemnWarning, match=r"other\.pemn: the record is of another"):
        read_given(str(other), "other.pemn", read_record(record))


def test_report_writes_the_same_page_of_several(archive, call, tmp_path):
    (tmp_path / "more").mkdir()
    other = tmp_path / "more" / "other.pemn"
    other.write_bytes(archive.read_bytes())
    status, out, _ = call("report", "--html", "all.html", archive, tmp_path / "more")
    assert status == 0, out
    names = [one["name"] for one in given_in((tmp_path / "all.html").read_text("utf-8"))]
    assert names == ["small.pemn", "other.pemn"]
    call("view", archive, other, "-o", "view.html")
    assert (tmp_path / "all.html").read_bytes() == (tmp_path / "view.html").read_bytes()
    assert call("report", "--html", "x.html", archive, "--front")[0] == 2
    assert not (tmp_path / "x.html").exists()


BAD = {
    "none.pemn": (None, "no such file"),
    "text.pemn": (b"hello", "not a .pemn archive"),
    "empty.pemn": (b"", "an empty file"),
    "short.pemn": ("cut", "cut short"),
    "damaged.pemn": ("flip", "the file was altered"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_archive_is_one_line_and_nothing_is_served_or_written(
    name, archive, call, tmp_path
):
    content, expected = BAD[name]
    whole = archive.read_bytes()
    if content == "cut":
        content = whole[:-5]
    elif content == "flip":
        content = whole[:120] + bytes([whole[120] ^ 1]) + whole[121:]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    for extra in (["--no-browser"], ["-o", "out.html"]):
        status, out, err = call("view", archive, name, *extra)
        assert (status, out) == (2, "")
        assert expected in err
        assert name in err
        assert err.count("\n") == 1
    assert not (tmp_path / "out.html").exists()


def test_options_that_do_not_go_together_are_refused(archive, call, tmp_path):
    (tmp_path / "bad.json").write_text("[]")
    (tmp_path / "no.json").write_text("{")
    for options in (
        ("-o", "x.html", "--port", 3), ("-o", "x.html", "--no-browser"), ("--record", "bad.json"),
        ("--record", "no.json"), ("--record", "none.json"), (archive, "--record", "bad.json"),
        ("--port", 70_000), ("-", "-"),
    ):  # fmt: skip
        status, out, err = call("view", archive, *options)
        assert (status, out) == (2, ""), options
        assert err.count("\n") == 1, (options, err)
    assert not (tmp_path / "x.html").exists()


@pytest.fixture
def served(archive):
    """Run the command, and return its process and the address that it tells."""
    command = [sys.executable, "-m", "pemn_compress", "view", str(archive), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    yield process, re.search(r"http://(127\.0\.0\.1:\d+)(/[\w-]{32}/)  \(Ctrl-C", line).groups()
    process.kill()
    process.communicate()


def ask(host, path, method="GET", **headers):
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def test_it_serves_two_files_to_who_knows_the_address_and_nothing_else(served, archive):
    process, (host, start) = served
    status, content, headers = ask(host, start)
    assert status == 200
    (told,) = given_in(content.decode())
    assert told["address"] == "0"
    assert f"connect-src http://{host}{start}0;" in content.decode()
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert ask(host, f"{start}0")[:2] == (200, archive.read_bytes())
    guesses = (
        "/", "/favicon.ico", start[:-1], f"{start}1", f"{start}../etc/passwd", f"{start}0/",
        "/..%2f..%2fetc/passwd", f"{start}?a=1", f"//{host}{start}", "/" + "a" * 32 + "/",
    )  # fmt: skip
    for path in guesses:
        status, content, _ = ask(host, path)
        assert status == 404, path
        assert len(content) < 50
    for method in ("POST", "PUT", "HEAD", "DELETE", "OPTIONS"):
        assert ask(host, start, method)[0] == 501
    for name in ("evil.example", "localhost", "127.0.0.1", f"evil.example:{host.split(':')[1]}"):
        assert ask(host, start, Host=name)[0] == 403
    assert process.poll() is None


def test_ctrl_c_ends_it_as_other_commands(served):
    process, _ = served
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.strip() == "pemn: interrupted"


def test_a_port_that_is_taken_is_one_line(served, archive, call):
    _, (host, _) = served
    status, _, err = call("view", archive, "--no-browser", "--port", host.split(":")[1])
    assert status == 2
    assert "--port" in err
    assert err.count("\n") == 1


def test_no_torch_and_no_server_before_it_is_needed(archive):
    code = f"""
import sys
from pemn_compress.cli import main
try:
    main(["view", {str(archive)!r}, "-o", "-"])
except SystemExit:
    pass
print([name for name in ("torch", "http.server") if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "[]\n"
    assert done.stdout.startswith("<!doctype html>")


def test_nothing_that_is_given_ends_a_script():
    text = page([{"name": EVIL, "base64": ""}], EVIL)
    (told,) = given_in(text)
    assert told["name"] == EVIL
    found = Scripts(text)
    assert len(found.scripts) == 4
    assert "img" not in found.tags
    assert json.loads(embedded(EVIL)) == EVIL
    policy = next(value for name, value in found.attributes if name == "content")
    digests = re.findall(r"'sha256-([^']+)'", policy)
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    for part in (found.scripts[0][1], found.scripts[3][1], style):
        assert b64decode(digests.pop(0)) == hashlib.sha256("".join(part).encode()).digest()
    assert "unsafe" not in policy


def test_modules_become_one_script(node, tmp_path):
    files = {
        "a.js": 'import { b, c as d } from "./in/b.js";\nexport const a = b + d();\n',
        "in/b.js": 'import { e } from "../e.js";\nexport const b = e;\nexport function c() {\n'
        "  return 2 * b;\n}\n",
        "e.js": "export const e = 7;\n",
        "f.js": 'export { a } from "./a.js";\nexport { e } from "./e.js";\n',
    }
    script = bundled(files.__getitem__, {"f.js": ("a", "e")}, "ALL")
    (tmp_path / "all.js").write_text(script + "console.log(JSON.stringify(ALL));")
    assert json.loads(node(tmp_path / "all.js")) == {"a": 21, "e": 7}
    for wrong in (
        'import { a } from "./x.js";\nexport const x = 1;\n', "export default 1;\n",
        'import x from "./e.js";\n', "export const x = '</script>';\n",
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"x\.js|script"):
            bundled((files | {"x.js": wrong}).__getitem__, {"x.js": ("x",)})


def test_drawings_have_every_box_apart_and_blocks_by_the_names_of_modules(node, tmp_path):
    app = Path(viewing.__file__).parent / "page" / "app"
    names = {
        "layout.js": ("layered",),
        "blocks.js": ("takenOf", "treeOf", "boxesOf", "openAtFirst"),
    }
    script = bundled(lambda path: (app / path).read_text("utf-8"), names, "ALL")
    more = Path(__file__).with_name("drawings.js").read_text()
    (tmp_path / "all.js").write_text(script + more)
    # the shortcut (3) is in the block it goes around, what computes sizes (6) in none
    assert node(tmp_path / "all.js") == '[["a",["a.0",0,1,2,3,4],["a.1",5,7]],8] 2 1\n'


def test_the_reader_in_the_page_is_that_of_the_specification():
    environment = os.environ | {"PYTHONPATH": str(Path(viewing.__file__).parents[2])}
    done = subprocess.run([sys.executable, JS / "bundle.py", "--check"], env=environment)
    assert done.returncode == 0, "run python format_spec/js/bundle.py"


def test_a_wheel_has_every_file_of_the_page():
    root = Path(viewing.__file__).parents[1]
    told = tomllib.loads((root.parent / "pyproject.toml").read_text())
    patterns = told["tool"]["setuptools"]["package-data"]["pemn_compress"]
    matched = {path for pattern in patterns for path in root.glob(pattern)}
    files = {path for path in (root / "viewing" / "page").rglob("*") if path.is_file()}
    assert len(files) >= 15
    assert files <= matched


def test_modules_of_the_page_are_small_and_make_no_html():
    folder = Path(viewing.__file__).parent / "page"
    for path in [*folder.glob("app/*.js"), *folder.glob("[lw]*.js"), folder / "page.css"]:
        text = path.read_text("utf-8")
        assert text.count("\n") < 350, path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", text), (
            path
        )
