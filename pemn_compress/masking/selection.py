"""From a plain model to its plan: which parameters are masked, and which stay dense."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from pemn_compress.errors import ModelError, SettingError
from pemn_compress.masking.fans import fans
from pemn_compress.masking.maskable import check_maskable, remade
from pemn_compress.masking.rules.numbers import flag, shown
from pemn_compress.masking.rules.plan import Plan, PlannedTensor

MASKED_MODULES = (
    _ConvNd,
    nn.Linear,
    nn.Bilinear,
    nn.MultiheadAttention,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.Embedding,
    nn.EmbeddingBag,
)
DTYPES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
_NEVER = ("bias_k", "bias_v")  # attention's 3-D biases are biases all the same
_MOST_NAMES = 4


@dataclass(frozen=True)
class Selection:
    """Which parameters are masked.

    By default: those of two or more dimensions that belong to convolution, linear, attention,
    recurrent and embedding modules, and are not frozen (`requires_grad=False`). `include` replaces
    that rule: exactly the parameters whose names match one of its patterns (shell-style: *, ?,
    [...]), frozen or not; `exclude` then takes names away, and the two flags the first and the last
    tensor that are left. A single pattern may stand for a sequence of one.

    Raises SettingError for patterns that are no strings, and flags that are no truth values.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    first_layer_dense: bool = False
    last_layer_dense: bool = False

    def __post_init__(self) -> None:
        for name in ("include", "exclude"):
            object.__setattr__(self, name, _patterns(getattr(self, name), name))
        for name in ("first_layer_dense", "last_layer_dense"):
            object.__setattr__(self, name, flag(getattr(self, name), name))


@dataclass(frozen=True)
class Candidate:
    """A parameter of a model, under all its names, and what becomes of it.

    `fits` says that the default rule would mask it, frozen or not; `chosen` that it is masked.
    """

    names: tuple[str, ...]
    parameter: nn.Parameter
    fits: bool
    chosen: bool


def candidates(model: nn.Module, selection: Selection) -> list[Candidate]:
    """Return the parameters of a plain model in its order, each once, and which are chosen.

    Raises ModelError for a model that cannot be masked, SettingError for a pattern that matches no
    parameter.
    """
    check_maskable(model)
    names: dict[int, list[str]] = {}
    parameters: dict[int, nn.Parameter] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
        parameters[id(parameter)] = parameter
    _check_patterns(selection, [name for group in names.values() for name in group])
    fitting = {key for key in names if _fits(model, names[key], parameters[key])}
    chosen = [
        key
        for key, group in names.items()
        if _is_masked(group, selection, key in fitting and parameters[key].requires_grad)
    ]
    chosen = chosen[int(selection.first_layer_dense) :]
    if selection.last_layer_dense:
        chosen = chosen[:-1]
    kept = set(chosen)
    of_chosen = {name for key in kept for name in names[key]}
    for path, module in model.named_modules():
        _refuse_remade(path, module, selection, of_chosen)
    return [
        Candidate(tuple(group), parameters[key], key in fitting, key in kept)
        for key, group in names.items()
    ]


def plan_model(
    model: nn.Module, selection: Selection | None = None, *, may_be_empty: bool = False
) -> Plan:
    """Return the plan of a plain model (a model on the meta device will do); nothing is changed.

    Raises ModelError for a model that cannot be masked, or of which nothing is left to mask (unless
    it `may_be_empty`), SettingError for a pattern that matches no parameter.
    """
    found = candidates(model, selection or Selection())
    chosen = [one for one in found if one.chosen]
    if not chosen and not may_be_empty:
        raise _nothing_to_mask(model, found)
    return Plan(tuple(_planned(model, one) for one in chosen))


def owner_of(model: nn.Module, name: str) -> tuple[nn.Module, str]:
    """Return the module that holds a parameter, and the parameter's own name there."""
    path, _, leaf = name.rpartition(".")
    return model.get_submodule(path), leaf


def _patterns(given: object, name: str) -> tuple[str, ...]:
    patterns = (given,) if isinstance(given, str) else given
    if isinstance(patterns, Iterable):
        found = tuple(patterns)
        if all(isinstance(pattern, str) for pattern in found):
            return found
    raise SettingError(f"{name}: expected patterns for names, got {shown(given)}")


def matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether one of a parameter's names matches one of the patterns."""
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _fits(model: nn.Module, names: Sequence[str], parameter: nn.Parameter) -> bool:
    """Whether the default rule is for a parameter, frozen or not."""
    owners = [owner_of(model, name) for name in names]
    return parameter.dim() >= 2 and any(
        isinstance(owner, MASKED_MODULES) and leaf not in _NEVER for owner, leaf in owners
    )


def _is_masked(names: Sequence[str], selection: Selection, by_default: bool) -> bool:
    masked = matches(names, selection.include) if selection.include else by_default
    return masked and not matches(names, selection.exclude)


def _refuse_remade(
    path: str, module: nn.Module, selection: Selection, chosen: Collection[str]
) -> None:
    """Refuse to mask what a module makes anew in every pass, or another tensor beside it."""
    prefix = f"{path}." if path else ""
    for name, parts in remade(module).items():
        sources = [module.get_parameter(part) for part in parts]
        by_default = isinstance(module, MASKED_MODULES) and any(
            one.dim() >= 2 and one.requires_grad for one in sources
        )
        names = [prefix + one for one in (name, *parts)]
        beside = any(prefix + own in chosen for own in module._parameters)
        if beside or _is_masked(names, selection, by_default):
            where = f"module {path or type(module).__name__!r}"
            raise ModelError(
                f"{where}: expected plain parameters, got a parametrized one ({name}: weight norm, "
                "spectral norm or pruning?); remove the parametrization before masking, or leave "
                f"the module dense with exclude=['{prefix}*']"
            )


def _planned(model: nn.Module, one: Candidate) -> PlannedTensor:
    name, parameter = one.names[0], one.parameter
    if parameter.dtype not in DTYPES:
        raise ModelError(
            f"{name}: expected a masked parameter of float32, float16 or bfloat16, got "
            f"{str(parameter.dtype).removeprefix('torch.')}; convert the model, or leave it dense "
            f"with exclude=['{name}']"
        )
    shape = tuple(parameter.shape)
    if not parameter.numel():
        raise ModelError(f"{name}: expected at least one weight to mask, got shape {shape}")
    fan_in, fan_out = fans(model, name, shape)
    dtype = DTYPES[parameter.dtype]
    return PlannedTensor(name, shape, fan_in, fan_out, aliases=one.names[1:], dtype=dtype)


def _nothing_to_mask(model: nn.Module, found: Sequence[Candidate]) -> ModelError:
    """Return the error that says what there is instead, and what would take it."""
    told = (
        f"{type(model).__name__}: no parameter is left to mask: expected at least one of two or "
        "more dimensions in a convolution, linear, attention, recurrent or embedding module"
    )
    frozen = [one.names[0] for one in found if one.fits and not one.parameter.requires_grad]
    others = [one.names[0] for one in found if one.parameter.dim() >= 2 and not one.fits]
    for names, what in (
        (frozen, "frozen (requires_grad=False)"),
        (others, "of modules of other classes"),
    ):
        if names:
            more = ", ..." if len(names) > _MOST_NAMES else ""
            shown_names = ", ".join(f"'{name}'" for name in names[:_MOST_NAMES])
            told += f"; include=[{shown_names}{more}] would take those that are {what}"
    return ModelError(told)


def _check_patterns(selection: Selection, names: Sequence[str]) -> None:
    for option, patterns in (("include", selection.include), ("exclude", selection.exclude)):
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise SettingError(
                    f"{option}={pattern!r} matches no parameter of the model; "
                    f"expected a pattern for names such as {', '.join(names[:_MOST_NAMES])}"
                )
