"""The masks of several archives, compared pair by pair and tensor by tensor."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from pemn_compress.analysis.similarity import Overlap, pooled
from pemn_compress.apart import PathLike
from pemn_compress.errors import ArchiveError, SettingError
from pemn_compress.format.archive import Archive, open_archive
from pemn_compress.format.archive.layout import Limits
from pemn_compress.reporting.collect import as_paths, read_standard_input

_SHOWN = 3


@dataclass(frozen=True)
class Comparison:
    """Masks of archives, compared.

    `overlaps` maps each pair of archives (indices into `files`, the lower one first) to one Overlap
    for each of `tensors`. `skipped` are tensors that not all archives have a mask for.
    """

    files: tuple[str, ...]
    tensors: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    overlaps: Mapping[tuple[int, int], tuple[Overlap, ...]]
    skipped: tuple[str, ...] = ()

    def overall(self, first: int, second: int) -> Overlap:
        """Return the overlap of two archives, the lower index first, over all tensors together."""
        return self._overall[first, second]

    @cached_property
    def _overall(self) -> Mapping[tuple[int, int], Overlap]:
        return {pair: pooled(overlaps) for pair, overlaps in self.overlaps.items()}

    def density(self, index: int) -> float:
        """Return the fraction of the compared weights that one archive keeps."""
        partner = 0 if index else 1
        overall = self.overall(*sorted((index, partner)))
        return (overall.first if index < partner else overall.second) / overall.total


def compare(
    paths: PathLike | Iterable[PathLike],
    *further: PathLike,
    common: bool = False,
    limits: Limits | None = None,
) -> Comparison:
    """Compare the masks of two or more archives, one by one or in a list; "-" is standard input.

    All archives must have masks for the same tensors in the same shapes; with `common` tensors that
    only some have a mask for are left out. Raises SettingError for fewer than two archives,
    ArchiveError for one that is broken or does not fit the first.
    """
    given = as_paths(paths, *further)
    if len(given) < 2:
        raise SettingError(f"expected two or more archives to compare, got {len(given)}")
    files = tuple("standard input" if str(path) == "-" else str(path) for path in given)
    with ExitStack() as stack:
        archives = []
        for path, file in zip(given, files, strict=True):
            source = read_standard_input() if str(path) == "-" else path
            archives.append(stack.enter_context(open_archive(source, limits, name=file)))
        shapes, skipped = _common_masks(archives, common=common)
        overlaps: dict[tuple[int, int], list[Overlap]] = {
            pair: [] for pair in combinations(range(len(archives)), 2)
        }
        for name in shapes:
            masks = [np.asarray(archive.mask(name)) for archive in archives]
            for (first, second), found in overlaps.items():
                found.append(Overlap.of(masks[first], masks[second]))
    done = {pair: tuple(found) for pair, found in overlaps.items()}
    return Comparison(files, tuple(shapes), tuple(shapes.values()), done, skipped)


def _common_masks(
    archives: Sequence[Archive], *, common: bool
) -> tuple[dict[str, tuple[int, ...]], tuple[str, ...]]:
    """Return the shapes of the masks that all archives have, and the names of the others."""
    own = [{t.name: t.shape for t in a.manifest.tensors if t.is_masked} for a in archives]
    shared = {n: shape for n, shape in own[0].items() if all(n in masks for masks in own[1:])}
    for archive, masks in zip(archives, own, strict=True):
        if not masks:
            raise ArchiveError(f"{archive.name}: expected masks to compare, got an archive without")
        for name, shape in shared.items():
            if masks[name] != shape:
                raise ArchiveError(
                    f"{archive.name}: mask of {name!r}: expected shape {shape} as in "
                    f"{archives[0].name}, got {masks[name]}"
                )
    skipped = tuple(dict.fromkeys(n for masks in own for n in masks if n not in shared))
    if not shared:
        raise ArchiveError(
            f"no masks in common: {archives[0].name} has {_names(own[0])}, "
            + ", ".join(
                f"{a.name} has {_names(m)}" for a, m in zip(archives[1:], own[1:], strict=True)
            )
        )
    if skipped and not common:
        lacking = next(a.name for a, masks in zip(archives, own, strict=True)
                       if any(name not in masks for name in skipped))  # fmt: skip
        raise ArchiveError(
            f"not all archives have the same masks: {lacking} lacks some of {_names(skipped)}; "
            "common=True compares only what all have"
        )
    return shared, skipped


def _names(names: Sequence[str] | Mapping[str, object]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(map(repr, listed[:_SHOWN])) + more
