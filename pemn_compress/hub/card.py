"""The model card of an archive: what it says of itself, what its run's record says, how to load it.

Nothing that an archive or a record says is trusted: it is made printable, marks nothing up, and
never comes into the YAML at the top, which is of constants and of what the caller passes.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pemn_compress.errors import install
from pemn_compress.format.archive import Archive
from pemn_compress.format.archive.records import GRAPH, SOURCE
from pemn_compress.reporting import words
from pemn_compress.reporting.block_types import Block, Facts, Heading, Note
from pemn_compress.reporting.blocks import archive_blocks
from pemn_compress.reporting.collect import report_of
from pemn_compress.reporting.inside import settings_line
from pemn_compress.reporting.markdown import to_markdown
from pemn_compress.reporting.runs.run import Run

PLACE = "USER/NAME"  # of a repository that nobody has named yet
_VERSIONS = ("pemn-compress", "torch")


def card_body(archive: Archive, run: Run | None, place: str | None) -> str:
    """Return the Markdown below the card's YAML; `place` is the repository that it is for."""
    return "\n".join(
        (
            to_markdown(_what(archive)),
            to_markdown([Heading("How to load it", 2)]),
            f"```python\n{_loading(archive, place or PLACE)}\n```\n",
            to_markdown(_whence(archive, run)),
        )
    )


def _what(archive: Archive) -> Iterator[Block]:
    first, facts, *costs = archive_blocks(report_of(archive))
    assert isinstance(first, Heading)
    assert isinstance(facts, Facts)
    about = archive.manifest.about
    rows = [("file", words.file_name(archive.name)), *facts.rows]
    settings = settings_line(about)
    if settings:
        rows.append(("settings", settings))
    yield Heading(words.architecture({**archive.manifest.architecture, "kind": None}))
    yield Note(
        "A network as one archive of the .pemn format: what is masked is stored as a seed and "
        "masks, or as pruned weights, everything else as values; it restores bit for bit."
    )
    yield Facts(tuple(rows))
    yield from costs


def _loading(archive: Archive, place: str) -> str:
    """Return the three lines, as the archive can be opened: by itself, trusted, or filled."""
    sections, kind = archive.section_offsets, archive.manifest.architecture.get("kind")
    how = ""
    if kind != "registered" and GRAPH not in sections:
        how = ", trust_source=True" if SOURCE in sections else ", model=build_model()"
    why = {
        "": "no code of the repository is run",
        ", trust_source=True": "runs the model file inside: only if you trust its author",
    }.get(how, "the model's own code builds what is filled")
    return (
        f"import pemn_compress  # {install('hub')}\n"
        f"model = pemn_compress.PemnModel.from_pretrained({json.dumps(place)}{how})  # {why}\n"
        "outputs = model(inputs)"
    )


def _whence(archive: Archive, run: Run | None) -> Iterator[Block]:
    about = archive.manifest.about
    rows = [*_input(about), *_training(about, run)]
    if rows:
        yield Heading("What goes in, where it comes from", 2)
        yield Facts(tuple(rows))
    yield Heading("Licence", 2)
    yield Note(
        "Said by whoever publishes this model, as license in the lines at the top of this file; "
        "where there is none, none is given."
    )


def _input(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(about.get("input"), dict):
        yield "input", words.clean(json.dumps(about["input"]))
    if isinstance(about.get("classes"), list):
        yield "classes", words.clean(", ".join(map(str, about["classes"])))


def _training(about: Mapping[str, Any], run: Run | None) -> Iterator[tuple[str, str]]:
    training = about.get("training")
    if isinstance(training, dict):
        told = [f"{key} {training[key]}" for key in ("recipe", "epochs") if key in training]
        if told:
            yield "training", words.clean(", ".join(told))
    if run is None:
        return
    parts = [f"{run.data[key]} {key}" for key in ("train", "validation", "test") if key in run.data]
    if parts:
        yield "samples", words.clean(", ".join(parts))
    if run.seconds is not None:
        device = run.machine.get("device_name") or run.machine.get("device") or "a machine"
        yield "time", words.clean(f"{run.seconds:,.0f} s on {device}")
    made = [f"{key} {run.versions[key]}" for key in _VERSIONS if key in run.versions]
    if made:
        yield "made with", words.clean(", ".join(made))
    yield "archive's SHA-256", words.clean(run.sha256)
