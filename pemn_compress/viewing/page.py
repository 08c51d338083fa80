"""The page as one HTML file: its own scripts and styles inside, and archives if they are given."""

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib import resources
from typing import Any

from pemn_compress.viewing.modules import bundled, inline

PAGE = resources.files(__package__) / "page"


def page(given: Sequence[dict[str, Any]], made_by: str, connect: str = "'none'") -> str:
    """Return the page, which loads nothing but, if so told, what `connect` names.

    `given` are the archives that it opens, the first one at once: each `name` with `base64` or an
    `address`, and the `record` of its run where there is one. Its policy lets run what is in it
    alone, by digests, and a worker that is made of texts in it.
    """
    style = _read("page.css")
    reader = inline(_read("reader.js") + _read("listing.js"))
    script = bundled(lambda path: _read(f"app/{path}"), {"main.js": ()})
    parts = {
        "policy": policy(style, (reader, script), connect),
        "style": style,
        "made_by": escape(made_by),
        "reader": reader,
        "worker": inline(_read("worker.js")),
        "given": embedded([*given]),
        "script": script,
    }
    html = _read("page.html")
    for name, part in parts.items():  # the script last: no part is looked for in another one
        before, place, after = html.rpartition(f"{{{name}}}")
        if not place:
            raise ValueError(f"page.html: expected a place for {name}")
        html = before + part + after
    return html


def policy(style: str, scripts: Sequence[str], connect: str) -> str:
    """Return the content security policy."""
    allowed = " ".join(f"'{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src '{_digest(style)}'; "
        f"worker-src blob:; connect-src {connect}; base-uri 'none'; form-action 'none'"
    )


def embedded(value: Any) -> str:
    """Return JSON that can stand in a script element: no tag begins in it."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")


def in_base64(content: bytes) -> str:
    """Return bytes as the page takes them."""
    return b64encode(content).decode()


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return PAGE.joinpath(*name.split("/")).read_text("utf-8")
