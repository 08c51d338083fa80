"""The settings of an import: what was asked for, and what the checkpoint records."""

from dataclasses import dataclass
from numbers import Real

from torch import Tensor

from pemn_compress.errors import ModelError, SettingError, UnknownNameError, cut
from pemn_compress.importing.checkpoints import Checkpoint
from pemn_compress.importing.projects import PROJECTS
from pemn_compress.masking.rules.plan import check_density, exact

BUDGETS = ("per-tensor", "global")
GLOBAL, SAMPLE, FIXED = "GlobalSubnetConv", "SampleSubnetConv", "FixedSubnetConv"


@dataclass(frozen=True)
class Asked:
    """Densities (fractions kept) and biprop's budget; None is what the file records."""

    density: float | None = None
    linear_density: float | None = None
    budget: str | None = None


@dataclass(frozen=True)
class Settled:
    """The density, that of iterand's linear layers where it is known, and biprop's budget."""

    density: float
    linear_density: float | None
    is_global: bool


def check_asked(asked: Asked, project: str) -> None:
    """Refuse settings that are out of range, or another project's. Raises SettingError."""
    for density in (asked.density, asked.linear_density):
        if density is not None:
            check_density(density)
    if asked.budget is not None and asked.budget not in BUDGETS:
        raise UnknownNameError("budget", asked.budget, BUDGETS)
    if asked.budget == "global" and project != "biprop":
        raise SettingError(
            f"budget: a global budget is biprop's ({GLOBAL}); expected per-tensor for {project}, "
            "got global"
        )
    if asked.linear_density is not None and project != "iterand":
        raise SettingError(
            "linear density: only iterand has one (linear_sparsity); expected none for "
            f"{project}, got {asked.linear_density:g}"
        )


def settle(checkpoint: Checkpoint, project: str, asked: Asked) -> Settled:
    """Return the settings that were asked for, and for the others what the file records.

    Raises SettingError for settings that are missing or contradict the checkpoint.
    """
    is_global = project == "biprop" and _is_global(checkpoint, asked.budget)
    density = _density(checkpoint, project, asked.density)
    linear = None
    if project == "iterand":
        recorded = _recorded_density(checkpoint, "linear_sparsity")
        linear = asked.linear_density if asked.linear_density is not None else recorded
    for number in (density, linear):
        if number is not None:
            check_density(number)
    return Settled(density, linear, is_global)


def conv_type(checkpoint: Checkpoint) -> str | None:
    """Return the kind of convolution that the file records. Raises ModelError for another one."""
    kind = checkpoint.recorded("conv_type")
    if kind is None:
        return None
    if isinstance(kind, str) and kind in ("SubnetConv", GLOBAL, FIXED):
        return kind
    if isinstance(kind, str) and kind == SAMPLE:
        raise ModelError(
            f"{checkpoint.name}: {SAMPLE} draws another mask in every forward: expected a "
            f"checkpoint of SubnetConv, {GLOBAL} or {FIXED}"
        )
    raise ModelError(
        f"{checkpoint.name}: records conv_type {cut(repr(kind))}: expected SubnetConv, "
        f"{GLOBAL} or {FIXED}"
    )


def number_of(recorded: object) -> float | None:
    """Return the number that a file records, None for what is none."""
    if isinstance(recorded, Tensor) and recorded.numel() == 1:
        recorded = recorded.item()
    if isinstance(recorded, str):  # as .safetensors keeps it
        try:
            return float(recorded)
        except ValueError:
            return None
    if isinstance(recorded, Real) and not isinstance(recorded, bool):
        return float(recorded)
    return None


def _is_global(checkpoint: Checkpoint, budget: str | None) -> bool:
    kind = conv_type(checkpoint)
    if kind is None and budget is None:
        raise SettingError(
            f"{checkpoint.name}: does not record its conv_type: expected a budget, per-tensor if "
            f"it is of SubnetConv (--budget per-tensor), global if of {GLOBAL} (--budget global)"
        )
    recorded = None if kind is None else BUDGETS[kind == GLOBAL]
    if budget is not None and recorded not in (None, budget):
        raise SettingError(
            f"{checkpoint.name}: records {kind}, a {recorded} budget; got budget {budget}"
        )
    return (budget or recorded) == "global"


def _density(checkpoint: Checkpoint, project: str, density: float | None) -> float:
    name = "conv_sparsity" if project == "iterand" else "prune_rate"
    recorded = _recorded_density(checkpoint, name)
    number = recorded if density is None else density
    if number is None:
        raise SettingError(
            f"{checkpoint.name}: does not record its density: expected one (--density), the "
            f"fraction of weights kept; {project} calls it {PROJECTS[project].number}"
        )
    if recorded is not None and number != recorded:
        raise SettingError(
            f"{checkpoint.name}: records {name} {checkpoint.recorded(name)}, density {recorded:g}; "
            f"got density {number:g}; leave it out"
        )
    return float(number)


def _recorded_density(checkpoint: Checkpoint, name: str) -> float | None:
    """Return the fraction kept that a file records under a project's name for it."""
    number = number_of(checkpoint.recorded(name))
    if number is None or not name.endswith("_sparsity"):
        return number
    return float(1 - exact(number))  # iterand's is the fraction pruned
