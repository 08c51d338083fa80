"""What is left dense although it could be masked, told where it is much, and how to mask it."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from torch import nn

from pemn_compress.masking.selection import Candidate, Selection, candidates, matches, owner_of

TOLD_FROM = 0.1  # of a model's numbers
_MOST_CLASSES = 4


def told_of_dense(model: nn.Module, selection: Selection | None = None) -> list[str]:
    """Return what a user should know of the parameters that a selection leaves dense: lines.

    Frozen ones that the default rule is for, whenever there are any. Those of two or more
    dimensions that nobody asked to leave out, where they are more than a tenth of all parameters:
    of which classes they are, and an `include` that takes them and what is masked now. `model` is
    the plain one. Raises what `plan_model` raises.
    """
    selection = selection or Selection()
    found = candidates(model, selection)
    total = sum(one.parameter.numel() for one in found)
    unasked = [one for one in found if not one.chosen and not matches(one.names, selection.exclude)]
    frozen = [] if selection.include else [one for one in unasked if _is_frozen(one)]
    other = [
        one
        for one in unasked
        if one.parameter.dim() >= 2
        and not _is_frozen(one)
        and (selection.include or not one.fits)
        and "parametrizations." not in one.names[0]  # of which weights are made: nothing masks them
    ]
    masked = [one for one in found if one.chosen]
    lines = []
    if frozen:
        single = len(frozen) == 1
        lines.append(
            f"frozen (requires_grad=False) and left as {'it is' if single else 'they are'}: "
            f"{_count(frozen)} ({_some(one.names[0] for one in frozen)}); "
            f"{_include([*masked, *frozen], found)} masks {'it' if single else 'them'}, too"
        )
    if _numel(other) > TOLD_FROM * total:
        lines.append(
            f"left dense, {100 * _numel(other) / total:.0f} % of the model's numbers: "
            f"{_count(other)} in {_classes(model, other)}; "
            f"{_include([*masked, *other], found)} masks all of it, too"
        )
    return lines


def _is_frozen(one: Candidate) -> bool:
    return one.fits and not one.parameter.requires_grad


def _numel(ones: Iterable[Candidate]) -> int:
    return sum(one.parameter.numel() for one in ones)


def _count(ones: Sequence[Candidate]) -> str:
    return f"{len(ones)} tensor{'s' * (len(ones) > 1)} of {_numel(ones):,} numbers"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_MOST_CLASSES]) + (", ..." if len(listed) > _MOST_CLASSES else "")


def _classes(model: nn.Module, ones: Sequence[Candidate]) -> str:
    """Return which classes of modules parameters belong to, largest first, each with a name."""
    sizes: dict[str, int] = {}
    example: dict[str, str] = {}
    for one in ones:
        owner, _ = owner_of(model, one.names[0])
        kind = type(owner).__name__
        sizes[kind] = sizes.get(kind, 0) + one.parameter.numel()
        example.setdefault(kind, one.names[0])
    largest = sorted(sizes, key=lambda kind: -sizes[kind])
    return _some(f"{kind} ({example[kind]})" for kind in largest)


def _include(wanted: Sequence[Candidate], found: Sequence[Candidate]) -> str:
    return f"include={patterns_for(wanted, found)}"


def patterns_for(wanted: Sequence[Candidate], found: Sequence[Candidate]) -> list[str]:
    """Return few patterns that match the wanted ones of a model's parameters and no others.

    As short as they can be: "*.weight" before "*.attn.weight" before "layers.*.attn.weight".
    """
    want = {id(one.parameter) for one in wanted}
    taboo = [name for one in found if id(one.parameter) not in want for name in one.names]
    patterns: list[str] = []
    for one in wanted:
        if not matches(one.names, patterns):
            shapes = _shapes(one.names[0])
            free = (p for p in shapes if not any(fnmatchcase(name, p) for name in taboo))
            patterns.append(next(free, one.names[0]))
    return patterns


def _shapes(name: str) -> Iterable[str]:
    """Yield patterns that a name matches, from the widest to its own."""
    parts = ["*" if part.isdigit() else part for part in name.split(".")]
    for length in range(1, len(parts)):
        yield ".".join(["*", *parts[-length:]])
    yield ".".join(parts)
    yield name
