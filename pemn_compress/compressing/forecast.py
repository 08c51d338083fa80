"""How large an archive will be, told before training starts."""

from math import ceil

from torch import nn

from pemn_compress.accounting import FP32_BYTES, SEED_BYTES, mask_limit_bits
from pemn_compress.compressing.storage import Storage
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.rules.budgets import frozen_count, tensor_densities
from pemn_compress.masking.rules.plan import Plan, kept_count
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.masking.rules.quantizing import LARGEST_INTEGER, LATENT_STRATEGIES
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.storing.shrinking import foldable

_WIDTHS = {
    "float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "int8": 1.0, "int8-tensor": 1.0, "int4": 0.5,
    "int4-tensor": 0.5,
}  # fmt: skip  # bytes a value
_SCALE_BYTES = 5  # a learned scale is eight hex digits in the manifest, which zstd halves
# what is known before there is an archive: header and compact manifest; those of 1.0 take 1,000
CONTAINER_BYTES = 400


def expected_bytes(
    masked: MaskedModel | PrunedModel,
    storage: Storage,
    overhead: float = CONTAINER_BYTES,
    target_bits: float | None = None,
) -> int:
    """Return the bytes that the archive of a model will have after training.

    Masks at their information limit at the final density, weights and dense parameters in the
    dtypes that `storage` asks for, uncompressed; `overhead` is what header and manifest take.
    With `target_bits` signs and masks come to so many bits a weight.
    """
    if isinstance(masked, PrunedModel):
        overhead += _scale_bytes(masked, storage)
    if isinstance(masked, PrunedModel) and masked.settings.strategy in LATENT_STRATEGIES:
        return ceil(_level_bits(masked) / 8) + dense_bytes(masked.model, storage) + ceil(overhead)
    length = masked.filling.length if isinstance(masked, MaskedModel) else 0
    planned = planned_bytes(masked.plan, masked.settings, length, storage, target_bits)
    return planned + dense_bytes(masked.model, storage) + ceil(overhead)


def planned_bytes(
    plan: Plan,
    settings: Settings | PruningSettings,
    length: int,
    storage: Storage,
    target_bits: float | None = None,
) -> int:
    """Return what the masks and weights of a plan will take.

    `length` is that of the prototype. Raises SettingError for a pattern that matches no tensor.
    """
    bits, values = 0.0, 0.0
    if isinstance(settings, PruningSettings):
        densities: tuple[float, ...] = (settings.kept,) * len(plan)
    else:
        densities = tensor_densities(plan, settings.density, settings.layer_density)
        values = 4 * length if storage.store_prototype else SEED_BYTES
    for tensor, density in zip(plan, densities, strict=True):
        kept, free = kept_count(tensor.numel, density), tensor.numel
        if isinstance(settings, PruningSettings):
            values += kept * _WIDTHS[settings.trained_dtype or storage.value_dtype]
        else:
            fixed = frozen_count(tensor.numel, settings.frozen)
            kept, free = kept - fixed, free - fixed
            bits += kept if settings.search == "sign" else 0
            values += _SCALE_BYTES * tensor.shape[0] if settings.learn_scale == "channel" else 0
        bits += mask_limit_bits(free, kept)
    if target_bits is not None:
        bits = min(bits, target_bits * plan.numel)
    return ceil(bits / 8 + values)


def _scale_bytes(pruned: PrunedModel, storage: Storage) -> int:
    """Return what the scales of rounded weights take."""
    settings = pruned.settings
    dtype = settings.trained_dtype or storage.value_dtype
    if settings.quantizer is None and dtype.removesuffix("-tensor") not in LARGEST_INTEGER:
        return 0
    by_channel = settings.by_channel if settings.quantizer else dtype in LARGEST_INTEGER
    return FP32_BYTES * sum(tensor.shape[0] if by_channel else 1 for tensor in pruned.plan)


def _level_bits(pruned: PrunedModel) -> float:
    """Return the bits of binary and ternary weights, as many of them 0 as by now."""
    bits = 0.0
    for tensor, mask in zip(pruned.plan, pruned.masks().values(), strict=True):
        kept = int(mask.sum())
        bits += mask_limit_bits(tensor.numel, kept) + kept
    return bits


def dense_bytes(model: nn.Module, storage: Storage) -> int:
    """Return what the parameters and buffers of a model that are not masked will take."""
    folded: set[int] = set()
    if storage.fold_batchnorm:
        for _, layer in foldable(model):
            folded |= {id(layer.running_mean), id(layer.running_var)}
    taken, seen = 0.0, set(folded)
    for tensor in model.state_dict(keep_vars=True).values():
        if id(tensor) in seen or not tensor.dim():
            continue
        seen.add(id(tensor))
        width = float(tensor.element_size())
        if width == 4 and tensor.is_floating_point():
            width = _WIDTHS[storage.dense_dtype]
        taken += tensor.numel() * width
    return ceil(taken)
