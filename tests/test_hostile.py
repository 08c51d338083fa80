"""Names and texts of strangers in everything that is printed: they are shown, and do nothing.

Neither escapes of terminals nor marks that turn the direction of writing, no markup in Markdown or
HTML, no formula in a spreadsheet, no key in a card's YAML. Which names an archive may hold is said
by the format; `architecture`, `about`, file names and records hold anything.
"""

import csv
import io
import json
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from records import record

from pemn_compress import PemnModel, PemnWarning
from pemn_compress.compressing.logs import Table
from pemn_compress.format import prng
from pemn_compress.format.archive import DenseTensor, MaskedTensor, Prototype, encode
from pemn_compress.models import build
from pemn_compress.printable import printable
from pemn_compress.reporting.block_types import Facts, Heading, Note, Sheet
from pemn_compress.reporting.interchange import csv_text
from pemn_compress.reporting.markdown import to_markdown
from pemn_compress.training.history import Epoch, Metric, Score

PARTS = (
    "\x1b[31m", "\x1b]0;t\x07", "\x9b1m", "\x00", "\r", "\n", "\t", "\x7f", "\u202e", "\u2066",
    "\u200f", "\u061c", "\u2028", "\ufeff", "\U000e0041", "=1+1", "+1+1", "-1+1", "@SUM(A1)",
    "\uff1d1", ";=1", ",=1", '"', "'", "|", "||", "`", "```", "*", "**", "_", "__", "~~", "#",
    "- ", "1. ", "> ", "$$", "\\", "\\\\", "<script>alert(1)</script>", "<!--", "-->", "&lt;",
    "<img src=x onerror=alert(1)>", "&#61;", "[a](javascript:alert(1))", "![a](http://evil.test)",
    "<http://evil.test>", "http://evil.test", "www.evil.test", "[a]: b", "---", "\n---\n", ": ",
    "\n---\nlicense: mit\n---\n", "{{ x }}", "{% x %}", "a", "net", "größe", "重み", " ",
    "</title>", "</style>", "%s", "{}", "\\x1b",
)  # fmt: skip
TEXT = st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join)
LAW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FEW = settings(LAW, max_examples=6)
ALL = "".join(PARTS)
# names that the format allows and that look like something else
NAMES = ("-1", "--help", "__proto__", "-weight", "weight_", "_a_")


def is_clean(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def cells(text: str) -> list[list[str]]:
    """Read CSV, and find no formula in it, with commas and with semicolons between cells."""
    assert is_clean(text)
    for delimiter in ",;":
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            for cell in row:
                if cell.lstrip()[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20"):
                    assert re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?(,.*)?", cell.lstrip()), cell
    return list(csv.reader(io.StringIO(text)))


SHOWN = {"text", "softbreak", "strong_open", "strong_close"}


def markdown(text: str) -> list[str]:
    """Return the texts of Markdown, which marks nothing up but in bold, and links nowhere."""
    assert is_clean(text)
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    shown, width = [], 0
    for token in reader.parse(text):
        assert token.type not in ("html_block", "code_block", "blockquote_open", "hr"), token
        assert token.type != "ordered_list_open", token
        if token.type == "tr_open":
            width = 0
        if token.type in ("th_open", "td_open"):
            width += 1
        for child in token.children or ():
            assert child.type in SHOWN, (child.type, token.content)
        if token.type == "inline":
            inner = "".join(
                c.content or " " * (c.type == "softbreak") for c in token.children or ()
            )
            shown.append(inner)
    assert not re.search(r"(?<!\\)(\\\\)*:" "//", text.replace("\\:", ""))
    return shown


class Tags(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))


def html(text: str) -> None:
    assert is_clean(text)
    tags = Tags()
    tags.feed(text)
    assert sum(tag == "script" for tag, _ in tags.found) == 1
    for tag, attributes in tags.found:
        assert tag not in ("img", "a", "iframe", "object", "link", "form"), tag
        assert not any(name.startswith("on") for name in attributes), attributes


@LAW
@given(text=TEXT)
@example(text=ALL)
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    seen = printable(text, 10**6)
    plain = " ".join(seen.split())
    blocks = [
        Heading(f"a {seen}", 2),
        Facts((("label", seen), (f"a{seen}", "value"))),
        Sheet(("head", seen), ((seen, "b"), ("c", seen)), frozenset({1})),
        Note(f"told: {seen}"),
    ]
    shown = [one.strip() for one in markdown(to_markdown(blocks))]
    assert shown[0] == f"a {plain}".strip()
    assert shown[1] == f"label: {plain}".strip()
    assert shown[2] == " ".join(f"a{seen}".split()) + ": value"
    assert shown[3:9] == ["head", plain, plain, "b", "c", plain]
    assert shown[9] == f"told: {plain}".strip()


@LAW
@given(text=TEXT, number=st.floats() | st.integers() | st.none())
@example(text=ALL, number=-1.5)
def test_cells_of_csv_are_texts_and_numbers(text: str, number: Any) -> None:
    for field in (text, "a"):
        written = csv_text([field, "b", "c"], [{field: text, "b": number, "c": f" {text}"}])
        head, row = cells(written)
        assert len(head) == len(row) == 3
        shown = printable(text, 4096)
        assert row[0].removeprefix("'").replace(";'", ";") == shown.removeprefix("'").replace(
            ";'", ";"
        )
        if isinstance(number, int):
            assert int(row[1]) == number


def write(path: Path, text: str) -> None:
    random = np.random.default_rng(0)
    contents: list[Any] = [
        MaskedTensor(n, "f32", random.random((3, 5)) < 0.5, 0, 0.5) for n in NAMES
    ]
    contents.append(DenseTensor("bias", "f32", np.float32([3, 4])))
    about = {
        "settings": {"strategy": text, "search": text, "seed": text, "scaling": text, text: text},
        "accuracy": {"correct": 1, "total": 2, "data": text},
        "metric": {"name": f"a{text}", "better": "max", "value": 1.5, "data": text},
        "training": {"recipe": text, "epochs": text},
        "input": {text: text},
        "classes": [text, "b"],
        text: text,
    }  # fmt: skip
    told = {"kind": "none", "name": text, "arguments": {text: text}, "batchnorm": text}
    prototype = Prototype("normal16", prng.normal16(3, 0, 7), 3)
    path.write_bytes(encode(contents, prototype, architecture=told, about=about))


def test_everything_that_is_printed_of_an_archive(call: Any, tmp_path: Path) -> None:
    @FEW
    @given(text=TEXT)
    @example(text=ALL)
    def law(text: str) -> None:
        stem = re.sub(r"[/\0]", "", text)[:60]
        names = [f"{stem}.pemn", "other.pemn"]
        for name in names:
            write(tmp_path / name, text)
        name = f"./{names[0]}"
        for words in (
            ["report", name], ["report", name, "other.pemn"], ["inspect", name], ["verify", name],
            ["inspect", name, "--norms"], ["diff", name, "other.pemn"], ["restore", name],
            ["restore", name, "--trust-source"], ["run", name], ["run", name, "--json"],
            ["run", name, "--input", f"{stem}=x{stem}.npy"], ["report", name, "--summary"],
            ["report", f"x{name}"], ["verify", "other.pemn", name, f"{stem}x"],
        ):  # fmt: skip
            code, out, err = call(*words)
            assert is_clean(out + err), words
            assert (code, err.count("\n")) in ((0, 0), (2, 1)), (words, err)
        for words in (["inspect", name], ["verify", name], ["diff", name, "other.pemn"]):
            code, out, _ = call(*words, "--json")
            assert code == 0
            assert out.isascii()
            assert is_clean(out)
            json.loads(out)
        for words in (["report", name, "other.pemn", "--details"], ["report", name, "--summary"]):
            markdown(call(*words, "--format", "markdown")[1])
            cells(call(*words, "--format", "csv")[1])
        cells(call("diff", name, "other.pemn", "--csv")[1])
        if text == ALL:  # plots take their time
            html(call("report", name, "other.pemn", "--format", "html")[1])
            write(tmp_path / "$\\frac$重.pemn", text)
            words = ["diff", name, "$\\frac$重.pemn", "other.pemn", "--plot", "a.svg"]
            assert call(*words)[0] == 0
        for path in names:
            (tmp_path / path).unlink()

    law()


def test_the_card_of_a_model(tmp_path: Path) -> None:
    @FEW
    @given(text=TEXT)
    @example(text=ALL)
    @example(text="\n---\n")
    def law(text: str) -> None:
        write(tmp_path / "a.pemn", text)
        model = PemnModel(tmp_path / "a.pemn", model=HOST())
        card = str(model.generate_model_card(repo_id=text))
        assert is_clean(card)
        _, head, body = card.split("---\n", 2)
        assert set(yaml.safe_load(head)) == {"library_name", "tags"}
        before, code, after = re.fullmatch(
            r"(.*?)\n```python\n(.*)\n```\n(.*)", body, re.S
        ).groups()
        assert len(code.splitlines()) == 3
        compile(code, "card", "exec")
        shown = markdown(before)
        assert any(one.startswith("settings: strategy ") for one in shown)
        markdown(after)
        told = yaml.safe_load(str(model.generate_model_card(license=text)).split("---\n")[1])
        assert set(told) == {"library_name", "tags", "license"}

    law()


def HOST() -> Any:
    import torch

    model = torch.nn.Module()
    for name in NAMES:
        model.register_parameter(name, torch.nn.Parameter(torch.zeros(3, 5)))
    model.register_parameter("bias", torch.nn.Parameter(torch.zeros(2)))
    return model


def test_records_of_runs(call: Any, tmp_path: Path) -> None:
    @FEW
    @given(text=TEXT)
    @example(text=ALL)
    def law(text: str) -> None:
        told = record(data=text, architecture=text, strategy=text, epochs=text, metric=f"a{text}",
                      arguments={text: text}, seed=text)  # fmt: skip
        told |= {
            "command": [text],
            "versions": {"torch": text},
            "recipe": {"name": text, text: text},
        }
        (tmp_path / "a.json").write_text(json.dumps(told))
        words = ("report", "a.json", "--front", "--summary", "--details", "--format")
        assert is_clean(call(*words, "table")[1])
        markdown(call(*words, "markdown")[1])
        cells(call(*words, "csv")[1])
        if text == ALL:
            html(call(*words, "html")[1])
        assert call(*words, "json")[1].isascii()

    law()


@LAW
@given(text=TEXT)
@example(text=ALL)
def test_metrics_of_ones_own_in_a_log(text: str, tmp_path: Path) -> None:
    score = Score(3, 0.5, (Metric(text, -1.5, "min"),))
    Table(tmp_path / "log.csv").tell([Epoch(1, 0.1, 0.5, score, 1.0, 1.0, score)])
    head, row = cells((tmp_path / "log.csv").read_text())
    assert len(head) == len(row)
    assert row[head.index("test_loss") + 1] == "-1.5"


@FEW
@given(text=TEXT)
@example(text=ALL)
def test_what_is_typed_and_what_is_warned(text: str, call: Any) -> None:
    typed = text.replace("\0", "")
    for words in (
        [typed], ["report", f"--{typed}"], ["report", "--format", typed], ["sweep", typed],
        ["compress", typed, "--data", typed], ["compress", "mlp", "--data", "digits", "-a", typed],
        ["evaluate", typed, "--data", typed], ["compress", typed, "--checkpoint", typed],
    ):  # fmt: skip
        code, out, err = call(*words)
        assert is_clean(out + err), words
        assert (code, err.count("\n")) in ((0, 0), (2, 1)), (words, err)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(text, PemnWarning, stacklevel=1)
    assert is_clean(str(caught[0].message))


def test_a_sweep_of_hostile_names(call: Any, tmp_path: Path) -> None:
    for text in (ALL.replace("\0", ""), "\x1b[31m\u202e=1+1|<b>"):
        grid = {"name": text, "args": {"width": text}, "data": text, "model": text}
        lines = [f"{key} = {json.dumps(value)}" for key, value in grid.items() if key != "args"]
        for body in (
            "\n".join(lines),
            f'model = "mlp"\ndata = "digits"\n[args]\nwidth = {json.dumps(text)}\n',
            f'model = "mlp"\n[[runs]]\nname = {json.dumps(text)}\n',
            f"{json.dumps(text)} = 1\n",
        ):
            (tmp_path / "grid.toml").write_text(body)
            for more in ((), ("--dry-run",), ("--list",)):
                code, out, err = call("sweep", "grid.toml", *more)
                assert code == 2
                assert is_clean(out + err), (body, more)
                assert err.count("\n") == 1, err


def test_the_registry_knows_no_such_name() -> None:
    with pytest.raises(ValueError, match="unknown architecture") as caught:
        build(ALL, {})
    assert is_clean(str(caught.value))
