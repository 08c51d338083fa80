"""What a run exports beside its archive: tried with the untrained model, written with the restored.

A file is always made of an archive and of a model that is built as a reader builds it, by what
`restore` does: never of the model that is or was trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import nn

from pemn_compress.atomic import write_bytes
from pemn_compress.compressing.keeping import built_anew
from pemn_compress.compressing.preparing import Prepared
from pemn_compress.compressing.readers import Builder
from pemn_compress.compressing.rehearsal import needs_no_model
from pemn_compress.data.failures import told
from pemn_compress.errors import ModelError, OutputError, PemnError
from pemn_compress.format.archive import open_archive
from pemn_compress.format.archive.layout import ANY_SIZE
from pemn_compress.models.seeded import seeded
from pemn_compress.storing.asking import Asked
from pemn_compress.storing.exporting import made_of
from pemn_compress.storing.programs import PROGRAM_FORMATS, Program


@dataclass(frozen=True)
class Exported:
    """A file that was written beside the archive; `compared` says for what sizes ("": no program).

    `bytes` is its size, `sha256` the digest of its content.
    """

    path: Path
    bytes: int
    sha256: str
    compared: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what a record says of it."""
        return {"path": str(self.path), "bytes": self.bytes, "sha256": self.sha256}


def try_exports(
    paths: Sequence[Path], packed: bytes, prepared: Prepared, build: Builder | None
) -> dict[Path, int]:
    """Make each file from an untrained model's archive; return how many bytes it will have.

    `build` is how a reader builds a model file's model. Raises OutputError for a package that is
    not installed, ModelError for what cannot be exported.
    """
    sizes = {}
    for path in paths:
        try:
            sizes[path] = len(_content(_made(path, packed, prepared, build)))
        except PemnError as error:
            kind = OutputError if isinstance(error, OutputError) else ModelError
            raise kind(
                f"export {path}: {error}; nothing was trained yet (pemn restore has options for "
                "inputs, once there is an archive)"
            ) from error
    return sizes


def write_exports(
    paths: Sequence[Path],
    packed: bytes,
    prepared: Prepared,
    build: Builder | None,
    *,
    force: bool,
) -> tuple[list[Exported], list[str]]:
    """Write each file from the archive; return those that were, and why others were not, in lines.

    Each is compared as `restore` compares it, and appears whole or not at all.
    """
    written, failed = [], []
    for path in paths:
        try:
            made = _made(path, packed, prepared, build)
            content = _content(made)
            write_bytes(path, content, force=force)
        except (Exception, SystemExit) as error:  # a user's forward; the other files may do
            failed.append(f"{path}: {error if isinstance(error, PemnError) else told(error)}")
            continue
        compared = made.compared if isinstance(made, Program) else ""
        written.append(Exported(path, len(content), sha256(content).hexdigest(), compared))
    return written, failed


def check_exported(failed: Sequence[str], archive: Path) -> None:
    """Refuse to call a run whole whose exports are not. Raises OutputError."""
    if failed:
        raise OutputError(
            f"not exported: {'; '.join(failed)}; the archive {archive} is complete: pemn restore "
            "makes the file of it"
        )


def _made(path: Path, packed: bytes, prepared: Prepared, build: Builder | None) -> bytes | Program:
    model: nn.Module | None = None
    if path.suffix in PROGRAM_FORMATS and not needs_no_model(packed):
        model = built_anew(prepared, build)
    with seeded(0), open_archive(packed, ANY_SIZE) as archive:
        return made_of(archive, path.suffix, model=model, trust_source=False, asked=Asked())


def _content(made: bytes | Program) -> bytes:
    return made if isinstance(made, bytes) else made.content
