"""A report as blocks: what every rendering for human readers shows, and in what order."""

from collections.abc import Iterator, Mapping, Sequence

from pemn_compress.accounting import VALUE_BYTES, Account, Baseline
from pemn_compress.masking.rules.quantizing import LATENT_STRATEGIES
from pemn_compress.masking.rules.strategies import few_values_warning
from pemn_compress.reporting import words
from pemn_compress.reporting.block_types import Block, Facts, Heading, Note, Sheet
from pemn_compress.reporting.collect import ArchiveReport, PlanReport, Report

_USUAL = (("search", "edge-popup"), ("renewal", "none"))
_LONGEST_LABEL = 24  # characters of a metric's name
_PRUNED_HEADS = ("", "\n\npaper", *(f"best\ncodec,\n{values}" for values in VALUE_BYTES))


def report_blocks(report: Report, details: bool) -> Iterator[Block]:
    """Yield the blocks for archives: with several, one line of a summary for each.

    `details` are what an archive is made of, and what pruning would cost.
    """
    archives = report.archives
    if len(archives) > 1:
        yield Heading(f"{len(archives)} archives")
        yield _summary(archives)
        more = "" if details else "; details=True shows what each is made of, beside pruning"
        yield Note(f"ratio: fp32 state dict / bytes{more}")
    if report.broken:
        files = ", ".join(words.file_name(one.file) for one in report.broken)
        yield Note(f"left out, because broken: {files}")
    if details:
        for archive in archives:
            yield from archive_blocks(archive)
            if archive.account.prunable:
                yield from _pruning(
                    archive.account, archive.baselines, archive.equal_bytes, "this archive"
                )
        yield from _explanations(expected=False)


def plan_blocks(report: PlanReport) -> Iterator[Block]:
    """Yield the blocks for a plan."""
    account = report.account
    name = words.strategy({"strategy": report.settings.strategy, "ratio": report.settings.ratio})
    yield Heading(words.clean(report.name))
    yield Facts(
        (
            ("archive", "none: the sizes below are expectations for masks of independent bits"),
            ("settings", f"{name}, density {report.settings.density:g}"),
            *_masked(account),
            ("fp32", f"{words.both(account.state_dict_bytes)} as a state dict"),
        )
    )
    yield Heading("Total bytes by strategy", 2)
    yield _strategies(report)
    yield Note("> yours; seed, stored: the prototype's form; ratio: fp32 state dict / bytes")
    warning = few_values_warning(report.settings, account.prototype_length)
    if warning:
        yield Note(f"warning: {warning}")
    yield Heading(f"Cost in bytes, {name} with a seed", 2)
    yield _columns(account)
    yield from _pruning(account, report.baselines, report.equal_bytes, f"{name} with a seed")
    yield from _explanations(expected=True)


def archive_blocks(archive: ArchiveReport) -> Iterator[Block]:
    """Yield the blocks of what one archive is, and what it is made of."""
    account = archive.account
    stored, plain = account.stored.total, account.state_dict_bytes
    if plain >= stored:
        size = f"{plain / stored:.1f} times smaller than"
    elif plain:
        size = f"{stored / plain:.1f} times LARGER than"
    else:
        size = "for no numbers at all:"
    yield Heading(words.file_name(archive.file))
    yield Facts(
        (
            ("size", f"{words.both(stored)}, {size}"),
            ("", f"{words.both(plain)} as an fp32 state dict"),
            _metric(archive),
            ("architecture", words.architecture(archive.architecture)),
            ("strategy", _strategy(archive)),
            *_masked(account),
        )
    )
    yield Heading("Cost in bytes", 2)
    yield _columns(account)


def _metric(archive: ArchiveReport) -> tuple[str, str]:
    """Return the headline metric's name and what is recorded of it."""
    recorded, metric = archive.accuracy, archive.metric
    if metric is not None and metric.name != "accuracy":
        samples = f", {metric.total:,} samples" if metric.total else ""
        better = "more" if metric.better == "max" else "less"
        told = f"{metric.value:.6g} ({better} is better){samples} of {metric.data}, as recorded"
        return words.clean(metric.name, _LONGEST_LABEL), words.clean(told)
    if recorded is None:
        if metric is not None:
            return "accuracy", words.clean(
                f"{100 * metric.value:.2f} % of {metric.data}, as recorded"
            )
        return "accuracy", words.NOT_RECORDED
    of = f"{recorded.correct:,} of {recorded.total:,}"
    told = f"{words.percent(recorded)}, {of} of {recorded.data}, as recorded"
    return "accuracy", words.clean(told)


def _strategy(archive: ArchiveReport) -> str:
    account = archive.account
    parts = [words.strategy(archive.settings)]
    if "scaling" in archive.settings:
        parts.append(f"scaling {archive.settings['scaling']}")
    parts += [*_unusual(archive), *_rounding(archive)]
    if "pruning_schedule" in archive.settings:
        parts.append(f"pruned {archive.settings['pruning_schedule']}")
    if account.prototype_length:
        length = f"{account.prototype_length:,}"
        kept = f"{length} values from a seed" if account.seeded else f"{length} stored values"
        parts.append(f"prototype of {kept}")
    return words.clean(", ".join(parts))


def _masked(account: Account) -> tuple[tuple[str, str], ...]:
    if account.density is None:
        weights = sum(size.numel for size in account.unmasked)
        return (("dense", f"{weights:,} weights, {account.values} values, no mask"),)
    tensors = f"{len(account.masked)} tensor{'s' if len(account.masked) > 1 else ''}"
    values = f", {account.values} values" if account.kind == "pruned" else ""
    return (
        (
            account.kind,
            f"{account.masked_weights:,} weights in {tensors}, density {account.density:.4g}"
            f"{values}",
        ),
        (
            "bits",
            f"{account.mask_bits_per_weight:.3f} of mask per {account.kind} weight, "
            f"{account.total_bits_per_weight:.3f} in all",
        ),
        *_known_by_seed(account),
    )


def _known_by_seed(account: Account) -> Iterator[tuple[str, str]]:
    """Yield what the seed says of masks and weights, so that it is not stored."""
    if account.frozen:
        share = account.frozen / account.masked_weights
        yield "frozen", f"{100 * share:.2f} % of the weights keep their seeded value, at no bits"
    if account.predicted:
        wrong = account.mispredicted / account.predicted
        yield (
            "predicted",
            f"{account.predicted:,} mask bits by the seed; {100 * wrong:.2f} % are wrong, and "
            "stored",
        )


def _columns(account: Account) -> Sheet:
    columns = (account.paper, account.stored, account.limit)
    of_weights = (("       planes of them", "", *2 * (words.count(account.planes),)),)
    rows = (
        ("C_w  weight values", *(words.count(c.weights) for c in columns)),
        *(of_weights if account.planes else ()),
        ("C_m  masks", *(words.count(c.masks) for c in columns)),
        ("C_d  dense parameters", *(words.count(c.dense) for c in columns)),
        ("overhead", *(words.count(c.overhead) for c in columns)),
        ("total", *(words.count(c.total) for c in columns)),
    )
    heads = ("", "paper", "expected" if account.expected else "stored", "limit")
    return Sheet(heads, rows, frozenset({len(rows) - 1}))


def _pruning(
    account: Account,
    baselines: Sequence[Baseline],
    equal: Mapping[str, float | None],
    name: str,
) -> Iterator[Block]:
    own, own_paper = account.stored.total, account.paper.total

    def told(total: float, rival: float) -> str:
        return f"{'* ' if total < rival else ''}{words.count(total)}"

    rows = [(name, words.count(own_paper), *(words.count(own) for _ in equal))]
    rows += [
        (
            f"{100 * row.sparsity:.0f} % sparsity",
            told(row.paper.total, own_paper),
            *(told(cost.total, own) for cost in row.best.values()),
        )
        for row in baselines
    ]
    rows.append(("sparsity at equal bytes", "", *(words.sparsity(s) for s in equal.values())))
    other = "otherwise" if account.kind == "pruned" else "instead"
    yield Heading(f"Pruned {other} (random or magnitude), total bytes", 2)
    yield Sheet(_PRUNED_HEADS, tuple(rows), frozenset({0, len(rows) - 1}))


def _summary(archives: Sequence[ArchiveReport]) -> Sheet:
    rows = tuple(
        (
            words.file_name(archive.file),
            _method(archive),
            words.NOT_COUNTED if a.density is None else f"{a.density:.3g}",
            _score(archive),
            words.count(a.stored.total),
            words.ratio(a.compression_ratio),
        )
        for archive in archives
        for a in (archive.account,)
    )
    names = {archive.metric.name for archive in archives if archive.metric}
    head = "accuracy" if names <= {"accuracy"} else "metric"
    return Sheet(("file", "strategy", "density", head, "bytes", "ratio"), rows, left=2)


def _score(archive: ArchiveReport) -> str:
    metric = archive.metric
    if metric is None:
        return words.NOT_COUNTED
    if metric.name == "accuracy":
        return f"{100 * metric.value:.2f} %"
    return f"{words.clean(metric.name, _LONGEST_LABEL)} {metric.value:.5g}"


def _method(archive: ArchiveReport) -> str:
    """Return what tells one row of a comparison from another: strategy, search, renewal, values."""
    parts = [words.strategy(archive.settings), *_unusual(archive), *_rounding(archive)]
    values = archive.account.values
    if archive.account.kind in ("pruned", "dense") and values != "fp32":
        parts.append(values)
    return words.clean(" ".join(parts))


def _unusual(archive: ArchiveReport) -> list[str]:
    """Return the search and the renewal, those that the papers' plain method has not."""
    told = ((archive.settings.get(key, usual), usual) for key, usual in _USUAL)
    return [str(value) for value, usual in told if value != usual]


def _rounding(archive: ArchiveReport) -> list[str]:
    """Return how weights were rounded in training, as far as it is not the usual way."""
    settings, parts = archive.settings, []
    if archive.account.kind in LATENT_STRATEGIES and settings.get("scale") == "channel":
        parts.append("by channel")
    if settings.get("entropy_weight"):
        parts.append(f"entropy {settings['entropy_weight']}")
    if "qat" in settings:
        parts.append("qat")
    return parts


def _strategies(report: PlanReport) -> Sheet:
    rows = tuple(
        (
            f"{'>' if row.chosen else ' '} "
            + words.strategy({"strategy": row.strategy, "ratio": row.ratio}),
            words.count(row.seeded.prototype_length),
            words.count(row.seeded.stored.total),
            words.ratio(row.seeded.compression_ratio),
            words.count(row.stored_prototype.stored.total),
            words.ratio(row.stored_prototype.compression_ratio),
            words.count(row.seeded.paper.total),
        )
        for row in report.rows
    )
    heads = (
        "\nstrategy",
        "prototype\nvalues",
        "seed,\nbytes",
        "\nratio",
        "stored,\nbytes",
        "\nratio",
        "paper,\nbytes",
    )
    chosen = frozenset(i for i, row in enumerate(report.rows) if row.chosen)
    return Sheet(heads, rows, chosen)


def _explanations(expected: bool) -> Iterator[Block]:
    stored = (
        "what a file would hold, without its header and manifest (about 1 to 5 KB)"
        if expected
        else "the bytes of the file; overhead is header, manifest, padding and source"
    )
    yield Heading("How to read this", 2)
    yield Facts(
        (
            (
                "paper",
                "the formula of PEMN (NeurIPS 2022, section 4.3.1): fp32 values, 1 bit per masked "
                "weight, or 8 B of indices per weight that pruning keeps; C_d is left out",
            ),
            ("expected" if expected else "stored", stored),
            (
                "limit",
                "log2 C(n, kept) bits per mask, log2 C(n, wrong) of a predicted one; no claim "
                "about trained values",
            ),
            (
                "best codec",
                "pruned values with the smallest mask codec per tensor (expected) and the same C_d "
                "and overhead; int8 and int4 have one fp32 scale per tensor. A * costs less than "
                "the first row. Random and magnitude pruning cost the same; their accuracies are "
                "not known here. Compare accuracies at equal bytes, not at equal sparsity",
            ),
            ("units", "1 KB = 1,000 B; a seed is 8 B of C_w, a stored prototype 4 B per value"),
        ),
        prose=True,
    )
