"""Hooks of mkdocs: the site's pages are files of the repository, at the places they have there.

mkdocs knows one folder of pages, and the format, the results and the papers' grids lie outside of
it. Here the site gets all of them, and every file that they link to, under their paths in the
repository: a link that leads somewhere there leads there on the site, and is checked by mkdocs.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PAGES = (
    "*.md", "docs/*.md", "format_spec/**/*.md", "results/**/*.md", "examples/**/*.md",
    "benchmarks/*.md",
)  # fmt: skip
STYLE = "docs/site/extra.css"
LINK = re.compile(r"\]\(<?(?!https?:)([^)>#\s]+)")
FENCE = re.compile(r"^(```\w+) .*$", re.MULTILINE)


def pages() -> list[Path]:
    """Return every page of the site, as a path of the repository."""
    return sorted({path for pattern in PAGES for path in ROOT.glob(pattern)})


def linked(page: Path) -> set[Path]:
    """Return the files that a page links to; mkdocs tells of links that lead to none."""
    targets = (page.parent / name for name in LINK.findall(page.read_text("utf-8")))
    return {target.resolve() for target in targets if target.is_file()}


def on_files(files: Files, config: Any) -> Files:
    """Return the theme's files, the pages, and what they link to."""
    found = set(pages())
    found |= {ROOT / STYLE}.union(*map(linked, found))
    docs = Path(config.docs_dir)
    kept = [file for file in files if not Path(file.abs_src_path or "/").is_relative_to(docs)]
    own = [
        File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path))
        for path in sorted(found)
    ]
    return Files([*kept, *own])


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leave of a block's first line its language: tests read the rest (`text output`)."""
    return FENCE.sub(r"\1", markdown)
