"""Trained weights of few levels: which quantizers there are, and what goes together. Torch-free.

A quantizer makes each weight an integer times a scale, anew in every pass, of a latent weight that
is trained: `binary` and `ternary` are strategies of their own, `int8` and `int4` (`qat`) go with
magnitude, random and dense. How each one rounds is told in `masking.quantized`.
"""

from typing import Any

from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.masking.rules.numbers import is_number, shown

LATENT_STRATEGIES = ("binary", "ternary")
QUANTIZER_SETTINGS = ("qat", "scale", "entropy_weight")
QATS = ("int8", "int4")
SCALES = ("tensor", "channel")
MOST_ENTROPY_WEIGHT = 1e6  # all weights are 0 long before
LARGEST_INTEGER = {"int8": 127, "int4": 7}  # of +-127 and +-7: -128 would have no counterpart


def quantizer_of(strategy: str, qat: str | None) -> str | None:
    """Return the name of what rounds the weights in training, None for none."""
    return strategy if strategy in LATENT_STRATEGIES else qat


def scale_of(strategy: str, qat: str | None, scale: str | None) -> str | None:
    """Return whether a tensor has one scale or one for each output channel, None without any."""
    if quantizer_of(strategy, qat) is None:
        return None
    return scale or "tensor"


def check_quantizer(strategy: str, qat: str | None, scale: str | None, entropy_weight: Any) -> None:
    """Refuse settings of quantizers that do not exist, or do not go together.

    Raises SettingError, UnknownNameError.
    """
    for kind, name, known in (("qat", qat, QATS), ("scale", scale, SCALES)):
        if name is not None and name not in known:
            raise UnknownNameError(kind, str(name), known)
    if qat is not None and strategy in LATENT_STRATEGIES:
        raise SettingError(
            f"qat rounds the weights of strategies magnitude, random and dense: expected one of "
            f"them, got {strategy}, which has levels of its own"
        )
    if scale is not None and quantizer_of(strategy, qat) is None:
        raise SettingError(
            "scale is a setting of strategies binary and ternary and of qat: expected one of them, "
            f"got strategy {strategy} without; pass qat='int8' or 'int4', or leave it out"
        )
    if entropy_weight is None:
        return
    if not (is_number(entropy_weight) and 0 <= entropy_weight <= MOST_ENTROPY_WEIGHT):
        raise SettingError(
            f"entropy_weight: expected a number from 0 to {MOST_ENTROPY_WEIGHT:,.0f}, got "
            f"{shown(entropy_weight)}"
        )
    if strategy != "ternary":
        raise SettingError(
            f"entropy_weight is a setting of strategy ternary: expected that one, got {strategy}"
        )
