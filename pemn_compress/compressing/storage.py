"""How an archive is written. Torch-free."""

import re
from dataclasses import dataclass
from typing import Any

from pemn_compress.errors import SettingError
from pemn_compress.format import codecs
from pemn_compress.format.archive.writer import AUTO
from pemn_compress.masking.rules.numbers import LARGEST, is_number, plain, shown
from pemn_compress.storing.graphs.wanting import check_graph

MOST_BITS = 1e6  # per masked weight: a small model's dense parameters are all in there
_UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1000, "m": 10**6, "mb": 10**6}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def byte_count(given: Any) -> int:
    """Return the bytes that 16000, "16k", "16KB" or "1.5k" means; 1 k is 1,000.

    Raises SettingError for anything else, and for less than a byte.

    >>> byte_count("16k"), byte_count("1.5 KB"), byte_count(8000)
    (16000, 1500, 8000)
    """
    number = plain(given)
    if isinstance(number, str) and (found := _SIZE.fullmatch(number)):
        unit = _UNITS.get(found[2].lower())
        number = float(found[1]) * unit if unit else number
    if is_number(number) and 1 <= number <= LARGEST:
        return int(number)
    raise SettingError(
        "max_bytes: expected a number of bytes such as 16000, 16k or 16KB (1 k = 1,000 B), got "
        f"{shown(given)}"
    )


@dataclass(frozen=True)
class Storage:
    """How the archive is written: mask codec, prototype by seed or by value, source or not.

    `dense_dtype` and `fold_batchnorm` change what is not masked a little; see `storing.shrinking`.
    `value_dtype` rounds the trained weights of pruned and dense networks; see `storing.trained`.
    `max_bytes` (16000, "16k", "16KB"; 1 k = 1,000) is what the archive may have at most, or
    `bits_per_weight` the same for each masked weight; see `byte_budget`.
    `graph` is "auto" (stored for a model that no registered name builds), "always" or "never", and
    `dynamic` names the dimensions beside the batch that vary in it, as `restore` takes them.
    `zstd` False, `tensor_digests` and `format_version` are those of `archive.encode`.
    """

    codec: str = codecs.AUTO
    store_prototype: bool = False
    include_source: bool = True
    force: bool = False
    dense_dtype: str = "float32"
    fold_batchnorm: bool = False
    value_dtype: str = "float32"
    zstd: bool = True
    tensor_digests: bool = False
    format_version: str = AUTO
    max_bytes: int | None = None
    bits_per_weight: float | None = None
    graph: str = "auto"
    dynamic: tuple[int | str, ...] = ()

    def __post_init__(self) -> None:
        check_graph(self.graph)
        if self.max_bytes is not None:
            object.__setattr__(self, "max_bytes", byte_count(self.max_bytes))
        bits = self.bits_per_weight
        if bits is None:
            return
        if self.max_bytes is not None:
            raise SettingError("expected max_bytes or bits_per_weight, got both")
        if not (is_number(plain(bits)) and 0 < plain(bits) <= MOST_BITS):
            raise SettingError(
                "bits_per_weight is the archive's bits for each masked weight: expected above 0 "
                f"and at most {MOST_BITS:,.0f}, such as 1.5, got {shown(bits)}"
            )
        object.__setattr__(self, "bits_per_weight", float(plain(bits)))

    @property
    def is_limited(self) -> bool:
        """Whether the archive may have so many bytes only."""
        return self.max_bytes is not None or self.bits_per_weight is not None

    def shrinking(self) -> dict[str, Any]:
        """Return the options that change the model, as `saving.pack` takes them."""
        return {
            "dense_dtype": self.dense_dtype,
            "fold_batchnorm": self.fold_batchnorm,
            "value_dtype": self.value_dtype,
        }

    def writing(self) -> dict[str, Any]:
        """Return the options that change the file, not the model, as `saving.pack` takes them."""
        return {
            "codec": self.codec,
            "zstd": self.zstd,
            "tensor_digests": self.tensor_digests,
            "format_version": self.format_version,
            "store_prototype": self.store_prototype,
        }
