"""A report as Markdown."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Picture, Sheet


def to_markdown(blocks: Iterable[Block]) -> str:
    """Return the blocks as Markdown; what others wrote is shown as it is, and marks nothing up."""
    parts = []
    for block in blocks:
        match block:
            case Heading(text, level):
                parts.append(f"{'#' * (level + 1)} {_escaped(text)}")
            case Facts(rows):
                joined: list[str] = []
                for label, value in rows:
                    if label:
                        joined.append(f"- **{_escaped(label)}**: {_escaped(value)}")
                    else:
                        joined[-1] += f" {_escaped(value)}"
                parts.append("\n".join(joined))
            case Sheet(heads, body, strong, left):
                rule = [":--" if i < left else "--:" for i in range(len(heads))]
                lines = [[_escaped(head) for head in heads], rule]
                for index, row in enumerate(body):
                    mark = "**" if index in strong else ""
                    cells = [_escaped(cell) for cell in row]
                    lines.append([f"{mark}{cell}{mark}" if cell else "" for cell in cells])
                parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
            case Note(text):
                parts.append(_escaped(text))
            case Picture(alt=alt, file=file) if file:
                parts.append(f"![{_escaped(alt)}](<{quote(file)}>)")
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is; an underline within a word is no mark.

    Nor is it a link, a formula or somebody's name to GitHub and the Hugging Face Hub.
    """
    return _MARKS.sub(r"\\\g<0>", " ".join(text.split()))


_MARKS = re.compile(
    r"[\\|<>*`\[\]~&#$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE
)
