"""An archive read back: whether it restores what it should, and what each masked tensor costs."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pemn_compress.errors import ModelError
from pemn_compress.format.archive import open_archive
from pemn_compress.format.archive.layout import ANY_SIZE
from pemn_compress.format.archive.records import Constant, FromPrototype, Stored, TensorRecord
from pemn_compress.storing.loading import state_dict


@dataclass(frozen=True)
class ImportedTensor:
    """One masked tensor: how its values are stored, and the bytes of its mask and of its values.

    `kept` are its weights that are not zero. `stored_as` is "constant", "signs", "signs by row",
    "prototype" (which tensors share), "few values" or "values".
    """

    name: str
    weights: int
    kept: int
    stored_as: str
    mask_bytes: int
    value_bytes: int


def read_back(
    packed: bytes, state: Mapping[str, Tensor], kinds: Mapping[str, str]
) -> tuple[ImportedTensor, ...]:
    """Compare what the archive restores with what it should, and say what each mask costs."""
    with open_archive(packed, ANY_SIZE) as archive:
        for name, tensor in state_dict(archive).items():
            if not torch.equal(bits(tensor), bits(state[name])):
                raise ModelError(f"{name!r}: the archive restores other values: this is a bug")
        return tuple(
            _told(record, kinds[record.name], int((state[record.name] != 0).sum()))
            for record in archive.manifest.tensors
            if record.name in kinds and isinstance(record.values, Stored | Constant | FromPrototype)
        )


def _told(record: TensorRecord, kind: str, kept: int) -> ImportedTensor:
    values, cost = record.values, 0
    if isinstance(values, Stored):
        cost = values.size
    elif isinstance(values, Constant):
        cost = 4
    elif isinstance(values, FromPrototype) and isinstance(values.scale, tuple):
        cost = 4 * len(values.scale)
    plane = getattr(values, "plane", None)
    cost += 0 if plane is None else plane.size
    mask = 0 if record.positions is None else record.positions.size
    return ImportedTensor(record.name, record.numel, kept, kind, mask, cost)


def bits(tensor: Tensor) -> Tensor:
    """Return a tensor's bytes, so that NaN and the sign of zero are compared too."""
    return tensor.contiguous().reshape(-1).view(torch.uint8)
