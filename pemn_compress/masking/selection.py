"""From a plain model to its plan: which parameters are masked, and which stay dense."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from pemn_compress.errors import ModelError, SettingError
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
# hooks that make a weight anew from other parameters before every forward pass
_REMAKERS = (WeightNorm, SpectralNorm, BasePruningMethod)
_NEVER = ("bias_k", "bias_v")  # attention's 3-D biases are biases all the same


@dataclass(frozen=True)
class Selection:
    """Which parameters are masked.

    By default: those of two or more dimensions that belong to convolution, linear, attention,
    recurrent and embedding modules. `include` replaces that rule: exactly the parameters whose
    names match one of its patterns (shell-style: *, ?, [...]); `exclude` then takes names away,
    and the two flags the first and the last tensor that are left.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    first_layer_dense: bool = False
    last_layer_dense: bool = False


def plan_model(model: nn.Module, selection: Selection | None = None) -> Plan:
    """Return the plan of a plain model (a model on the meta device will do); nothing is changed.

    Raises ModelError for a model that cannot be masked, SettingError for a pattern that matches
    no parameter.
    """
    selection = selection or Selection()
    _refuse_unmaskable(model)
    names: dict[int, list[str]] = {}
    parameters: dict[int, nn.Parameter] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
        parameters[id(parameter)] = parameter
    _check_patterns(selection, [name for group in names.values() for name in group])
    chosen = [key for key in names if _is_masked(model, names[key], parameters[key], selection)]
    chosen = chosen[int(selection.first_layer_dense) :]
    if selection.last_layer_dense:
        chosen = chosen[:-1]
    if not chosen:
        raise ModelError(
            f"{type(model).__name__}: no parameter is left to mask: expected at least one of two "
            "or more dimensions in a convolution, linear, attention, recurrent or embedding module"
        )
    return Plan(tuple(_planned(model, names[key], parameters[key]) for key in chosen))


def owner_of(model: nn.Module, name: str) -> tuple[nn.Module, str]:
    """Return the module that holds a parameter, and the parameter's own name there."""
    path, _, leaf = name.rpartition(".")
    return model.get_submodule(path), leaf


def _is_masked(
    model: nn.Module, names: list[str], parameter: nn.Parameter, selection: Selection
) -> bool:
    def matches(patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)

    if selection.include:
        masked = matches(selection.include)
    else:
        owners = [owner_of(model, name) for name in names]
        masked = parameter.dim() >= 2 and any(
            isinstance(owner, MASKED_MODULES) and leaf not in _NEVER for owner, leaf in owners
        )
    return masked and not matches(selection.exclude)


def _planned(model: nn.Module, names: list[str], parameter: nn.Parameter) -> PlannedTensor:
    if parameter.dtype not in DTYPES:
        raise ModelError(
            f"{names[0]}: expected a masked parameter of float32, float16 or bfloat16, got "
            f"{str(parameter.dtype).removeprefix('torch.')}; convert the model or --exclude it"
        )
    shape = tuple(parameter.shape)
    if not parameter.numel():
        raise ModelError(f"{names[0]}: expected at least one weight to mask, got shape {shape}")
    owner, _ = owner_of(model, names[0])
    # a transposed convolution stores (in, out / groups, *kernel), all others (out, in / groups, ..)
    outputs, inputs = (*shape, 1, 1)[:2]
    if isinstance(owner, _ConvTransposeNd):
        inputs, outputs = outputs // owner.groups, inputs
    kernel = prod(shape[2:])
    return PlannedTensor(
        names[0],
        shape,
        fan_in=inputs * kernel,
        fan_out=outputs * kernel,
        aliases=tuple(names[1:]),
        dtype=DTYPES[parameter.dtype],
    )


def _refuse_unmaskable(model: nn.Module) -> None:
    for path, module in model.named_modules():
        where = f"module {path or type(model).__name__!r}"
        remade = any(isinstance(hook, _REMAKERS) for hook in module._forward_pre_hooks.values())
        if hasattr(module, "parametrizations") or remade:
            raise ModelError(
                f"{where}: expected plain parameters, got a parametrized one (weight norm, "
                "spectral norm or pruning?); remove the parametrization before masking"
            )
        for name, parameter in module._parameters.items():
            if isinstance(parameter, UninitializedParameter):
                raise ModelError(
                    f"{where}: parameter {name!r} of a lazy module has no shape yet; "
                    "run the model once before masking"
                )


def _check_patterns(selection: Selection, names: Sequence[str]) -> None:
    for option, patterns in (("include", selection.include), ("exclude", selection.exclude)):
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise SettingError(
                    f"--{option} {pattern!r} matches no parameter of the model; "
                    f"expected a pattern for names such as {', '.join(names[:4])}"
                )
