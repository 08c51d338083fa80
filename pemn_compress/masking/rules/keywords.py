"""The keywords that a model is made with, held against those that its kind has. Torch-free."""

from collections.abc import Iterable
from dataclasses import fields

from pemn_compress.errors import SettingError, meant_or_all
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.masking.rules.strategies import Settings

_SELECTION = ("include", "exclude", "first_layer_dense", "last_layer_dense")
KEYWORDS = {
    "MaskedModel": (*(field.name for field in fields(Settings)), *_SELECTION),
    "PrunedModel": (*(field.name for field in fields(PruningSettings)), "sparsity", *_SELECTION),
}


def check_keywords(maker: str, given: Iterable[str]) -> None:
    """Refuse keywords that `maker`, "MaskedModel" or "PrunedModel", does not know.

    Raises SettingError, which says whose setting it is, or what may have been meant.
    """
    for name in given:
        if name in KEYWORDS[maker]:
            continue
        for other, known in KEYWORDS.items():
            if name in known:
                raise SettingError(f"{name} is a setting of {other}, and not one of {maker}")
        told = meant_or_all(name, sorted(KEYWORDS[maker]))
        raise SettingError(f"{maker}: unknown setting {name!r}{told}")
