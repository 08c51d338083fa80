"""What `pemn compress` prints of a run that has ended."""

from typing import Any

from pemn_compress.cli.following import choice, when
from pemn_compress.cli.wording import fitted
from pemn_compress.reporting.words import both, clean, file_name

MARGIN = 19  # columns before what a line says


def summary(made: Any) -> str:
    """Return the lines of a `Compressed`: its archive, what it was measured at, its exports."""
    from pemn_compress.accounting import archive_account
    from pemn_compress.format.archive import open_archive

    with open_archive(made.archive) as archive:
        plain = archive_account(archive).state_dict_bytes
    lines = [
        f"{file_name(made.path or 'standard output')}: {both(len(made.archive))}",
        f"  fp32 state dict  {both(plain)}: {plain / len(made.archive):.1f} times that",
        *_measured(made.steps[-1].score, clean(made.record["data"]["name"]), when(made.history)),
        *choice(made.history, made.record),
    ]
    if len(made.steps) > 1:
        lines += [
            f"    {step.label:<18} {step.archive_bytes:>11,} B  {step.score.headline.shown()}"
            for step in made.steps
        ]
    lines.append("  read back        all tensors and a test batch's outputs agree bit for bit")
    for one in made.exports:
        lines.append(f"  exported         {file_name(one.path)}: {both(one.bytes)}")
        if one.compared:
            lines[-1] += ","
            lines.append(f"{' ' * MARGIN}equal to the restored model at {clean(one.compared)}")
    return "\n".join([lines[0], *(fitted(line, MARGIN) for line in lines[1:])])


def _measured(score: Any, data: str, when: str) -> list[str]:
    lines = []
    for metric in score.metrics:
        of = f"{metric.correct} of {metric.of}, " if metric.correct is not None else ""
        name = f"test {clean(metric.name)}"
        lines.append(f"  {name:<15}  {metric.shown()} ({of}{data}, {when})")
    return lines
