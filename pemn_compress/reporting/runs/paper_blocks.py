"""The papers' figures beside ours, as blocks: data and epochs of both are always told."""

from collections.abc import Iterator

from pemn_compress.reporting import words
from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Sheet
from pemn_compress.reporting.papers import Published, published
from pemn_compress.reporting.runs import figures
from pemn_compress.reporting.runs.against import Disagreement, Order, Table, pooled_std
from pemn_compress.reporting.runs.comparison import Comparison
from pemn_compress.reporting.runs.making import samples, training
from pemn_compress.reporting.runs.naming import labels

_METRIC = "accuracy"  # all that the papers tell of rows that a run could be
_SHOWN = 8


def paper_blocks(found: Comparison) -> Iterator[Block]:
    """Yield a table for each table of a paper that rows of ours have a figure in."""
    yield Heading("Beside the papers")
    for table in found.tables:
        yield from _table(table, found)
    yield from _unmatched(found)


def _table(table: Table, found: Comparison) -> Iterator[Block]:
    figure, run = table.figure, table.run
    runs = {match.figure.runs for match in table.matches}
    over = "" if runs == {None} else f", over {_all(runs)} runs"
    own = words.architecture(run.architecture)
    named = len({str(match.row.first.recipe.get("name")) for match in table.matches}) == 1
    data = run.dataset
    taken = found.counterpart.dataset(run)
    taken = f", taken as {taken}" if taken != data else ""
    epochs = {match.figure.epochs for match in table.matches}
    told = f"{_all(epochs)} epochs" if epochs != {None} else "epochs not told"
    yield Heading(f"{figure.where}: {figure.data}, {architecture_of(figure)}", 2)
    yield Facts(
        (
            ("paper", f"{figure.data}, {architecture_of(figure)}, {told}{over}"),
            ("ours", words.clean(
                f"{data}{samples(run.data)}{taken}; {own}; {training(run, named=named)}"
            )),
        )
    )  # fmt: skip
    yield _sheet(table)
    if table.order:
        yield from _order(table.order)


def _sheet(table: Table) -> Sheet:
    places: dict[int, tuple[str, str]] = {}
    if table.order:
        ranks = zip(table.order.matches, table.order.their_places, strict=True)
        for place, (match, theirs) in enumerate(ranks, 1):
            places[id(match)] = f"{place}", f"{theirs}"
    # within a table only what differs there is told; the rest stands above it
    own = list({id(match.row): match.row for match in table.matches}.values())
    names = {id(row): name for row, name in zip(own, labels(own), strict=True)}
    rows = []
    for match in table.matches:
        ours, figure = match.row.metric, match.figure
        rows.append((
            names[id(match.row)],
            figures.number(_METRIC, ours.mean), figures.number(_METRIC, ours.std), f"{ours.count}",
            figures.number(_METRIC, figure.mean), figures.number(_METRIC, figure.std),
            figures.change(_METRIC, match.difference),
            *(places.get(id(match), ("", "")) if places else ()),
        ))  # fmt: skip
    heads = ("\nrun", "ours,\n%", "\nstd", "\nn", "paper,\n%", "\nstd", "\ndiff")
    return Sheet(heads + (("our\nplace", "its\nplace") if places else ()), tuple(rows))


def _order(order: Order) -> Iterator[Block]:
    ours = pooled_std((m.row.metric.std, m.row.metric.count) for m in order.matches)
    theirs = pooled_std((m.figure.std, m.figure.runs) for m in order.matches)
    beyond = [one for one in order.disagreements if one.beyond_noise]
    told = f"order: {order.agreeing} of {order.pairs} pairs of methods are ordered as in the paper"
    if order.disagreements:
        told += f"; {len(beyond) or 'none'} of the others beyond the noise"
    stds = " and ".join(
        f"{whose} {figures.number(_METRIC, std) if std is not None else 'not known'}"
        for whose, std in (("ours", ours), ("the paper's", theirs))
    )
    yield Note(
        f"{told}. Noise: twice the standard error of a difference, from the std pooled over the "
        f"methods: {stds}"
    )
    if order.disagreements:
        heads = ("\nahead with us", "\nahead in the paper", "ours,\nby", "\nnoise", "paper,\nby",
                 "\nnoise", "beyond\nnoise")  # fmt: skip
        yield Sheet(heads, tuple(map(_disagreement, order.disagreements)), left=2)


def _disagreement(one: Disagreement) -> tuple[str, ...]:
    beyond = {True: "yes", False: "no", None: "not known"}[one.beyond_noise]
    return (
        one.first,
        one.second,
        figures.number(_METRIC, abs(one.ours)),
        figures.number(_METRIC, one.our_noise),
        figures.number(_METRIC, abs(one.theirs)),
        figures.number(_METRIC, one.their_noise),
        beyond,
    )


def _unmatched(found: Comparison) -> Iterator[Block]:
    matched = {id(match.row) for table in found.tables for match in table.matches}
    alone = [
        label
        for front in found.fronts
        for row, label in zip(front.rows, front.labels, strict=True)
        if id(row) not in matched
    ]
    if not alone:
        return
    more = f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
    names = ", ".join(sorted({figure.data for figure in published()}))
    yield Note(f"without a published figure: {'; '.join(alone[:_SHOWN])}{more}")
    yield Note(
        "a figure is of the same data, architecture, strategy, ratio and density; --dataset NAME "
        f"says what the papers call your data ({names}), --theirs NAME=VALUE which argument (or "
        "architecture=resnet32) stands in place of yours, such as dim=256"
    )


def architecture_of(figure: Published) -> str:
    """Return a figure's architecture as one reads a call."""
    return words.architecture({"name": figure.architecture, "arguments": {
        key: f"{value:g}" for key, value in figure.arguments.items()
    }})  # fmt: skip


def _all(values: "set[int | None]") -> str:
    return " or ".join(str(value or "?") for value in sorted(values, key=lambda v: v or 0))
