"""The papers' variants of a network: batch norm that is not learned, layers without biases.

Source: Ramanujan et al., "What's Hidden in a Randomly Weighted Neural Network?" (2020), section
4.1: batch norm is frozen at weight 1 and bias 0, so that the mask is all that is trained.
"""

from collections.abc import Callable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from pemn_compress.errors import ModelError, UnknownNameError
from pemn_compress.kinds import check_truth


def apply_variant(model: nn.Module, *, batchnorm: str = "learned", bias: bool = True) -> nn.Module:
    """Change any module in place, and return it.

    `batchnorm` is what every batch norm of the model becomes: "learned" leaves it as it is,
    "frozen" keeps its weight at 1 and its bias at 0 and does not train them, "non-affine" has
    neither. Running statistics are left alone. With `bias` false, convolutions, linear layers and
    attention lose their biases; recurrent and normalisation layers keep theirs.
    """
    check_truth(bias=bias)
    if not isinstance(batchnorm, str) or batchnorm not in BATCHNORMS:
        raise UnknownNameError("batchnorm", str(batchnorm), BATCHNORMS)
    change = BATCHNORMS[batchnorm]
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm):
            change(name, module)
        elif not bias and isinstance(module, (_ConvNd, nn.Linear, nn.Bilinear)):
            _remove(name, module, "bias")
        elif not bias and isinstance(module, nn.MultiheadAttention):
            # The output projection is a linear layer of its own, which the walk reaches next.
            _remove(name, module, "in_proj_bias")
    return model


def _leave(name: str, module: _BatchNorm) -> None:
    """Keep what training does to a batch norm."""


def _freeze(name: str, module: _BatchNorm) -> None:
    for parameter, value in ((module.weight, 1.0), (module.bias, 0.0)):
        if parameter is None:
            continue
        if is_lazy(parameter):
            raise ModelError(
                f"{name or 'model'}: expected parameters with a shape, got a lazy batch norm; "
                "run the model on one batch first"
            )
        nn.init.constant_(parameter, value)
        parameter.requires_grad_(False)


def _strip(name: str, module: _BatchNorm) -> None:
    _remove(name, module, "weight")
    _remove(name, module, "bias")
    module.affine = False


def _remove(name: str, module: nn.Module, parameter: str) -> None:
    if getattr(module, parameter) is None:
        return
    if parameter not in module._parameters:
        raise ModelError(
            f"{name or 'model'}: expected {parameter} to be a plain parameter, got a parametrized "
            "one; remove its parametrization first"
        )
    module.register_parameter(parameter, None)


BATCHNORMS: dict[str, Callable[[str, _BatchNorm], None]] = {
    "learned": _leave,
    "frozen": _freeze,
    "non-affine": _strip,
}
