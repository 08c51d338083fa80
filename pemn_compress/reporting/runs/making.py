"""How rows were made: what all have in common; data, epochs, seeds, machine, command of each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pemn_compress.reporting import words
from pemn_compress.reporting.block_types import Block, Facts, Heading
from pemn_compress.reporting.runs.fronts import Front
from pemn_compress.reporting.runs.merging import Row
from pemn_compress.reporting.runs.run import Run

_VERSIONS = ("pemn-compress", "torch", "numpy", "python", "platform")
_LONGEST = 2000  # characters of a command


def shared_rows(front: Front) -> Iterator[tuple[str, str]]:
    """Yield, as labels and values, what all rows of a front have in common."""
    shared, first = front.shared, front.rows[0].first
    yield "data", _data(first, with_train="data.train" in shared)
    if all(row.first.built == first.built for row in front.rows):
        yield "architecture", words.architecture(first.architecture)
    if "recipe.epochs" in shared:
        yield "training", training(first, named="recipe.name" in shared)
    if "settings.density" in shared:
        yield "density", words.clean(shared["settings.density"])
    runs = [run for row in front.rows for run in row.runs]
    yield "machine", _listed([machine(run) for run in runs])
    yield "versions", _listed([versions(run) for run in runs])


def made_blocks(front: Front) -> Iterator[Block]:
    """Yield how each row was made, so that it can be made again; what all share is not repeated."""
    shared = dict(shared_rows(front))
    yield Heading("How each was made", 2, folded=True)
    for row, label in zip(front.rows, front.labels, strict=True):
        yield Heading(label, 3)
        yield Facts(tuple(pair for pair in _made(row) if shared.get(pair[0]) != pair[1]))


def _made(row: Row) -> Iterator[tuple[str, str]]:
    run = row.first
    yield "data", _data(run, with_train=True)
    yield "architecture", words.architecture(run.architecture)
    yield "training", training(run, named=True)
    yield "machine", _listed([machine(one) for one in row.runs])
    yield "versions", _listed([versions(one) for one in row.runs])
    yield "seeds", seeds(row)
    yield "record", _listed([words.file_name(one.file) for one in row.runs], 1)
    commands = [words.clean(one.command, _LONGEST) for one in row.runs if one.command]
    yield "command", _listed(commands, 1) or words.NOT_RECORDED


def seeds(row: Row) -> str:
    """Return the seeds of a row's runs."""
    told = [words.NOT_RECORDED if seed is None else words.clean(seed, 60) for seed in row.seeds]
    return " ".join(told)


def training(run: Run, *, named: bool) -> str:
    """Return epochs, and the recipe where it is wanted."""
    epochs, name = run.recipe.get("epochs"), run.recipe.get("name")
    parts = [f"recipe {name}"] if named and name else []
    parts.append(
        "epochs not recorded" if epochs is None else f"{epochs} epoch{'' if epochs == 1 else 's'}"
    )
    return words.clean(", ".join(parts))


def machine(run: Run) -> str:
    """Return the hardware that a run was on."""
    told = run.machine
    if not told:
        return words.NOT_RECORDED
    parts = [str(told.get("device_name") or told.get("device") or "unnamed")]
    if told.get("device") and told.get("device") != parts[0]:
        parts.append(str(told["device"]))
    for key, noun in (("threads", "thread"), ("ranks", "rank")):
        count = told.get(key)
        if isinstance(count, int) and (key == "threads" or count > 1):
            parts.append(f"{count} {noun}{'' if count == 1 else 's'}")
    return words.clean(", ".join(parts), 200)


def versions(run: Run) -> str:
    """Return the versions that a run was made with."""
    told = [f"{key} {run.versions[key]}" for key in _VERSIONS if key in run.versions]
    return words.clean(", ".join(told), 300) or words.NOT_RECORDED


def _data(run: Run, *, with_train: bool) -> str:
    return words.clean(f"{run.dataset}{samples(run.data, with_train=with_train)}")


def samples(data: Mapping[str, Any], *, with_train: bool = True) -> str:
    """Return how many samples there are, to train and to test."""
    parts = [
        f"{data[key]:,} to {key}"
        for key in ("train", "test")
        if isinstance(data.get(key), int) and (key == "test" or with_train)
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _listed(told: Sequence[str], most: int = 4) -> str:
    different = list(dict.fromkeys(told))
    more = f"; and {len(different) - most} more" if len(different) > most else ""
    return "; ".join(different[:most]) + more
