"""Where an archive of a model lies: in a folder, or in a repository, from which it is fetched."""

from pathlib import Path
from typing import Any

from pemn_compress.errors import ModelError, SettingError
from pemn_compress.kinds import path_of
from pemn_compress.version import __version__

ARCHIVE, CARD = "model.pemn", "README.md"


def fetched(
    place: str | Path,
    *,
    revision: str | None,
    token: str | bool | None,
    cache_dir: str | Path | None,
    force_download: bool,
    local_files_only: bool,
) -> Path:
    """Return the path of the archive in a folder, or in the cache of repositories.

    Raises ModelError, in one line, where there is no such folder, repository, revision or file, and
    where the hub cannot be asked.
    """
    folder = path_of("from_pretrained", place, "a folder or a repository, such as USER/NAME")
    try:
        is_folder, is_file = folder.is_dir(), folder.is_file()
    except OSError:  # no name that a file may have
        is_folder = is_file = False
    if is_folder:
        if revision is not None:
            raise SettingError(
                f"revision {revision!r}: is of a repository, and {folder} is a folder; leave it out"
            )
        if not (folder / ARCHIVE).is_file():
            raise ModelError(f"{folder}: expected {ARCHIVE} in it, as save_pretrained writes it")
        return folder / ARCHIVE
    if is_file:
        raise ModelError(
            f"{folder}: expected a folder or a repository, got a file; PemnModel({str(folder)!r}) "
            "opens an archive"
        )
    from huggingface_hub import errors, hf_hub_download

    try:
        return Path(
            hf_hub_download(
                str(place),
                ARCHIVE,
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=local_files_only,
                library_name="pemn-compress",
                library_version=__version__,
            )
        )
    except MemoryError:
        raise
    except Exception as error:  # the hub's, its client's and the network's, of many families
        why = next(
            (told for kind, told in _reasons(errors, revision).items() if isinstance(error, kind)),
            f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
        )
        raise ModelError(
            f"{place}: no folder, and {ARCHIVE} cannot be had of a repository of that name: {why}"
        ) from None


def _reasons(errors: Any, revision: str | None) -> dict[type[Exception], str]:
    """Return what the hub's errors mean to whoever asked for an archive; the first that fits."""
    return {
        errors.HFValidationError: "expected USER/NAME, of letters, digits, '-', '_' and '.'",
        errors.GatedRepoError: "it is gated: ask for access on its page, and pass token=",
        errors.RepositoryNotFoundError: "the hub has none, or it is private: then pass token=",
        errors.RevisionNotFoundError: f"it has no revision {revision!r}",
        errors.LocalEntryNotFoundError: "the hub cannot be asked, and the cache has not got it; "
        "look at the connection and at local_files_only",
        errors.EntryNotFoundError: f"it has no {ARCHIVE}",
    }
