"""How an archive is written. Torch-free."""

from dataclasses import dataclass
from typing import Any

from pemn_compress.format import codecs
from pemn_compress.format.archive.writer import AUTO


@dataclass(frozen=True)
class Storage:
    """How the archive is written: mask codec, prototype by seed or by value, source or not.

    `dense_dtype` and `fold_batchnorm` change what is not masked a little; see `storing.shrinking`.
    `value_dtype` rounds the trained weights of pruned and dense networks; see `storing.trained`.
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
