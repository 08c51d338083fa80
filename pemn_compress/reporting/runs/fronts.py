"""The front: the rows that no other beats in both bytes and metric.

There is one front for each pair of data and metric: an accuracy on other data, or another metric,
is never compared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pemn_compress.apart import PathLike
from pemn_compress.errors import ArchiveError
from pemn_compress.reporting.runs.gathering import gather
from pemn_compress.reporting.runs.merging import Row, rows_of
from pemn_compress.reporting.runs.naming import labels, shared_facts


@dataclass(frozen=True)
class Front:
    """All rows of one metric on one data set, by bytes, and which of them are its front.

    `test` is the number of samples that the metric was measured on, None where it is not told.
    """

    data: str
    test: int | None
    metric: str
    better: str
    rows: tuple[Row, ...]

    @cached_property
    def on_front(self) -> tuple[bool, ...]:
        """Whether no other row has both as few bytes and as good a metric, and one of them better.

        Rows that are equal in both stand beside each other.
        """
        return tuple(beaten is None for beaten in self.beaten_by)

    @cached_property
    def beaten_by(self) -> tuple[int | None, ...]:
        """For each row the best row that beats it, by its index; None on the front."""
        sign = 1.0 if self.better == "max" else -1.0
        order = sorted(
            range(len(self.rows)),
            key=lambda i: (self.rows[i].bytes.mean, -sign * self.rows[i].metric.mean),
        )
        beaten: list[int | None] = [None] * len(self.rows)
        best: int | None = None
        for index in order:
            if best is None:
                best = index
                continue
            own, rival = self.rows[index], self.rows[best]
            gain = sign * (own.metric.mean - rival.metric.mean)
            if gain > 0:
                best = index
            elif gain < 0 or own.bytes.mean > rival.bytes.mean:
                beaten[index] = best
        return tuple(beaten)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What each row is called: no two are alike."""
        return tuple(labels(self.rows))

    @cached_property
    def shared(self) -> Mapping[str, object]:
        """What all rows have in common."""
        return shared_facts(self.rows)


def fronts_of(rows: Iterable[Row]) -> tuple[Front, ...]:
    """Return a front for each data set and metric, in the order of their first rows."""
    groups: dict[tuple[str, int | None, str, str], list[Row]] = {}
    for row in rows:
        run = row.first
        test = run.data.get("test")
        known = test if isinstance(test, int) and not isinstance(test, bool) else None
        key = (run.dataset, known, run.metric.name, run.metric.better)
        groups.setdefault(key, []).append(row)
    # by bytes: a table of them reads like the plot
    return tuple(
        Front(*key, tuple(sorted(group, key=lambda row: (row.bytes.mean, row.first.file))))
        for key, group in groups.items()
    )


def front(
    paths: PathLike | Iterable[PathLike] = (), *further: PathLike, merge_seeds: bool = True
) -> tuple[Front, ...]:
    """Return the fronts of stored bytes and headline metric of the runs at `paths`.

    Paths are records, archives, or folders that are searched for both. `merge_seeds` makes one row
    of runs that differ in their seed alone. Raises ArchiveError (PemnError for a record) for the
    first file that is broken, and where there is nothing to compare.
    """
    found = gather(paths, *further)
    if found.broken:
        raise ArchiveError(found.broken[0].error)
    return fronts_of(rows_of(found.runs, merge=merge_seeds))
