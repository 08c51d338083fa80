"""What `pemn sweep` prints besides progress: how it opens, its list of runs, its summary."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pemn_compress.cli.sweep_progress import duration, metric_of
from pemn_compress.reporting.words import clean
from pemn_compress.sweeping.launching import Outcome
from pemn_compress.sweeping.runs import FAILED, FINISHED, INTERRUPTED, NEW

_STATES = {
    FINISHED: "finished", INTERRUPTED: "to go on with", FAILED: "to try again", NEW: "to do",
}  # fmt: skip


def opening(directory: str, states: Sequence[str], grown: int) -> str:
    """Return the line before the first run."""
    counts = Counter(states)
    told = ", ".join(f"{counts[state]} {said}" for state, said in _STATES.items() if counts[state])
    more = f"; the grid has grown by {grown} since it was here last" if grown else ""
    return f"{_runs(len(states))} in {clean(directory)}: {told}{more}"


def summary(directory: str, count: int, before: int, failed: Sequence[Outcome]) -> str:
    """Return what is said after the last run: how many, and each failure in a line."""
    done = count - len(failed)
    skipped = f", {before} of them before this start" if before else ""
    lines = [f"{_runs(done)} finished{skipped}, {len(failed)} failed, in {clean(directory)}"]
    lines += [f"  {clean(one.id)}: {one.reason}" for one in failed]
    if failed:
        lines.append("the same command tries them again; output.txt in their folders says more")
    return "\n".join(lines)


def listing(title: str, directory: str, rows: Sequence[Mapping[str, Any]], workers: int) -> str:
    """Return the list of a dry run: no name is cut, nothing is folded."""
    width = max(len(clean(row["id"])) for row in rows)
    lines = [f"{clean(title)}: {_runs(len(rows))}, in {clean(directory)}"]
    lines += [f"  {clean(row['id']):<{width}}  {_size(row):>13}  {_state(row)}" for row in rows]
    total = sum(row["bytes"] or row["expected_bytes"] for row in rows)
    lines.append(f"all archives  about {total:,} B")
    left = [row for row in rows if row["state"] != FINISHED]
    if not left:
        return "\n".join([*lines, "time left     none: all are finished"])
    known = [row for row in left if row["expected_seconds"] is not None]
    if not known:
        how = "unknown; --estimate tries a few steps, finished runs tell more"
        return "\n".join([*lines, f"time left     {how}"])
    seconds = sum(row["expected_seconds"] for row in known)
    made_of = " and ".join(sorted({_MADE_OF[row["expected_from"]] for row in known}))
    unknown = f", and that of {_runs(len(left) - len(known))}" if len(known) < len(left) else ""
    lines.append(
        f"time left     about {duration(seconds / min(workers, len(left)))} with {workers} at once "
        f"({duration(seconds)} in all{unknown}), by {made_of}"
    )
    return "\n".join(lines)


_MADE_OF = {
    "finished runs": "finished runs of the same options but the seed",
    "trial": "a trial of a few steps on this machine",
}


def _size(row: Mapping[str, Any]) -> str:
    return f"{row['bytes']:,} B" if row["bytes"] else f"~{row['expected_bytes']:,} B"


def _state(row: Mapping[str, Any]) -> str:
    if row["state"] == FINISHED:
        return f"finished, {metric_of(row)}, {duration(row['seconds'])}"
    time = row["expected_seconds"]
    told = f", about {duration(time)}" if time is not None else ""
    why = f" ({row['reason']})" if row["reason"] else ""
    return f"{_STATES[row['state']]}{told}{why}"


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
