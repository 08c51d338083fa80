"""A comparison as one HTML file: nothing is loaded from elsewhere, nothing in a name is HTML."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from importlib import resources

from pemn_compress.reporting import words
from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Picture, Sheet
from pemn_compress.reporting.runs.fronts import Front
from pemn_compress.reporting.runs.picture import INK, svg_of

WIDE, NARROW = (9.6, 5.4), (4.6, 5.2)  # inches, of plots on wide and on narrow pages
_NUMBER = re.compile(r"[+-]?[\d,]*\.?\d+(e[+-]?\d+)?", re.IGNORECASE)


def picture_of(front: Front) -> Picture:
    """Return a front's plot for a page. Raises OutputError where matplotlib is not installed."""
    (wide, lost), (narrow, lost_narrow) = svg_of(front, WIDE), svg_of(front, NARROW)
    metric = words.clean(front.metric, 60)
    told = f"{metric} and stored bytes of {len(front.rows)} rows on {front.data}"
    return Picture(told, wide, narrow, unlabelled=(lost, lost_narrow))


def page(blocks: Iterable[Block], title: str, made_by: str) -> str:
    """Return the blocks as a whole page, light or dark as its reader has it, that needs no script.

    With scripts its tables can be sorted.
    """
    folder = resources.files(__package__)
    style, script = (folder.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    body = "\n".join(_html(blocks))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{body}
<footer>{escape(made_by)}</footer>
</main>
<script>{script}</script>
</body>
</html>
"""


def _html(blocks: Iterable[Block]) -> Iterator[str]:
    fold = 0  # the level of the title whose part is folded
    for number, block in enumerate(blocks):
        match block:
            case Heading(text, level):
                if level <= fold:
                    yield "</details>"
                    fold = 0
                title = f"<h{level + 1}>{escape(text)}</h{level + 1}>"
                if block.folded:
                    yield f"<details><summary>{title}</summary>"
                    fold = level
                else:
                    yield title
            case Facts(rows):
                yield "<dl>"
                yield from (
                    f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in rows
                )
                yield "</dl>"
            case Sheet():
                yield from _table(block)
            case Note(text):
                yield f"<p>{escape(text)}</p>"
            case Picture():
                drawn = (("wide", block.wide), ("narrow", block.narrow))
                for (kind, svg), lost in zip(drawn, block.unlabelled, strict=True):
                    picture = _inline(svg, block.alt, f"{kind[0]}{number}-")
                    told = f"<figcaption>{lost} of the front without a label</figcaption>"
                    yield f'<figure class="{kind}">{picture}{told if lost else ""}</figure>'
    if fold:
        yield "</details>"


def _table(sheet: Sheet) -> Iterator[str]:
    heads = "".join(
        f'<th scope="col"{_class(index, sheet)}>{escape(" ".join(head.split()))}</th>'
        for index, head in enumerate(sheet.heads)
    )
    yield f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>'
    for number, row in enumerate(sheet.rows):
        cells = "".join(
            f"<td{_class(index, sheet)}{_value(cell)}>{escape(cell)}</td>"
            for index, cell in enumerate(row)
        )
        yield f"<tr{' class=strong' if number in sheet.strong else ''}>{cells}</tr>"
    yield "</tbody></table></div>"


def _class(index: int, sheet: Sheet) -> str:
    if index >= sheet.left:
        return " class=number"
    return " class=name" if sheet.heads[index].strip() else " class=mark"


def _value(cell: str) -> str:
    """Return what a cell is sorted by, where it is a number."""
    found = _NUMBER.fullmatch(cell)
    return f' data-v="{float(cell.replace(",", ""))!r}"' if found else ""


def _inline(svg: str, alt: str, prefix: str) -> str:
    """Return an SVG without prolog, in the page's own ink; ids are this picture's alone."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'(href="|url\()#', rf"\g<1>#{prefix}", svg)
    svg = svg.replace(INK, "currentColor")
    size = re.search(r'viewBox="[^"]*"', svg)
    start = f'<svg role="img" aria-label="{escape(alt)}" xmlns="http://www.w3.org/2000/svg" '
    start += 'xmlns:xlink="http://www.w3.org/1999/xlink" '
    return re.sub(r"<svg[^>]*>", lambda _: f"{start}{size[0] if size else ''}>", svg, count=1)
