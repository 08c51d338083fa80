"""Accounts: the paper's, the stored and the least possible bytes of an archive or of a plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pemn_compress.accounting.mask_sizes import expected_mask_bytes, mask_limit_bits
from pemn_compress.format.archive import Archive, TensorRecord
from pemn_compress.format.archive.records import (
    DENSE,
    DTYPE_BYTES,
    Alias,
    Constant,
    FromPrototype,
    Manifest,
    Predictor,
    Stored,
)
from pemn_compress.masking.rules import strategies
from pemn_compress.masking.rules.plan import Plan, kept_count
from pemn_compress.masking.rules.quantizing import LATENT_STRATEGIES

SEED_BYTES = 8
FP32_BYTES = 4
INDEX_BYTES = 4  # the paper's CSR: two numbers of this width per kept weight

_FLOATS = ("bf16", "f16", "f32", "f64")
# how values are held, in the words of reports
_VALUES = {
    "bool": "bool", "u8": "uint8", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64",
    "i4": "int4", "bf16": "bf16", "f16": "fp16", "f32": "fp32", "f64": "fp64",
}  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Bytes, in the parts that add up to `total`; None marks a part that is not counted."""

    weights: float
    masks: float
    dense: float | None
    overhead: float | None

    @property
    def total(self) -> float:
        """All parts that are counted, together."""
        return self.weights + self.masks + (self.dense or 0) + (self.overhead or 0)


@dataclass(frozen=True)
class MaskSize:
    """One masked tensor: its number of weights, and how many of them are kept."""

    numel: int
    ones: int


@dataclass(frozen=True)
class Account:
    """The costs of one network.

    `expected` is True where no file exists: `stored` is then an expectation for masks of
    independent bits, without overhead. `seeded` says that the prototype is a seed, not values.
    `kind` is "masked", "pruned" (trained values at the masks' ones), "binary" or "ternary" (trained
    signs at the masks' ones) or "dense" (no mask at all), and `values` how C_w is held: "seed",
    "fp32", "fp16", "bf16", "int8", "int4", "signs" or another of the format's dtypes, or several of
    these. A
    dense network's `masked` is empty; `unmasked` are the weights that its C_w stands for.
    `planes` are the bytes, part of C_w, that say how weights depart from the prototype: signs,
    generations or sources of a method that changed weights while it trained; the paper's column
    knows no such thing.
    `frozen` of the masked weights keep their seeded value, at no bits. Of `predicted` weights the
    seed says the mask, and what is stored is where that is wrong, `mispredicted` times.
    `state_dict_bytes` is the network's size as an uncompressed state dict: 4 bytes per element of
    a floating tensor, integers at their own width, tied weights once.
    """

    masked: tuple[MaskSize, ...]
    prototype_length: int
    seeded: bool
    paper: Cost
    stored: Cost
    limit: Cost
    state_dict_bytes: int
    expected: bool
    kind: str = "masked"
    values: str = "seed"
    unmasked: tuple[MaskSize, ...] = ()
    planes: int = 0
    frozen: int = 0
    predicted: int = 0
    mispredicted: int = 0

    @property
    def masked_weights(self) -> int:
        """Weights in all masked tensors, tied ones once."""
        return sum(mask.numel for mask in self.masked)

    @property
    def prunable(self) -> tuple[MaskSize, ...]:
        """What pruning is worked out for: the masked tensors, or a dense network's weights."""
        return self.masked or self.unmasked

    @property
    def kept_weights(self) -> int:
        """Weights whose mask bit is 1."""
        return sum(mask.ones for mask in self.masked)

    @property
    def density(self) -> float | None:
        """Fraction of the masked weights that is kept; None where nothing is masked."""
        return self.kept_weights / self.masked_weights if self.masked else None

    @property
    def mask_bits_per_weight(self) -> float | None:
        """Stored mask bits / masked weights."""
        return 8 * self.stored.masks / self.masked_weights if self.masked else None

    @property
    def total_bits_per_weight(self) -> float | None:
        """All stored bits / masked weights."""
        return 8 * self.stored.total / self.masked_weights if self.masked else None

    @property
    def compression_ratio(self) -> float:
        """fp32 state-dict bytes / stored bytes; more is better."""
        return self.state_dict_bytes / self.stored.total


def archive_account(archive: Archive) -> Account:
    """Account for an open archive, from its header and manifest alone.

    The four parts of `stored` add up to the file's size. A seed lies in the manifest: its eight
    bytes are counted as C_w and taken off the overhead, and so are the scales of integers and of
    trained signs, four bytes each. The values of a pruned tensor (a mask over stored values) are
    C_w, although they lie in the dense section; in an archive without masks C_w is what its
    floating tensors of two or more dimensions take. Planes are C_w too.
    """
    manifest = archive.manifest
    tensors = [t for t in manifest.tensors if not isinstance(t.values, Alias)]
    masked = [t for t in tensors if t.is_masked]
    signs = _trained_signs(manifest, masked)
    trained = [t for t in masked if not signs and _is_pruned(t, manifest.prototype is not None)]
    pruned_ones = sum(_ones(t) for t in trained)
    unpruned_weights = sum(t.numel for t in masked) - sum(t.numel for t in trained)
    kind = "masked" if not masked or len(trained) < len(masked) else "pruned"
    if signs:
        kind = signs
    if not masked:
        kind = "dense"
        trained = [t for t in tensors if len(t.shape) > 1 and t.dtype in _FLOATS]
    unmasked = () if masked else tuple(MaskSize(t.numel, t.numel) for t in trained)
    sizes = tuple(MaskSize(t.numel, _ones(t)) for t in masked)
    values = [t.values for t in trained if isinstance(t.values, Stored)]
    payloads, scales = sum(v.size for v in values), sum(map(_scale_bytes, values))
    if signs:
        scales = sum(_sign_scale_bytes(t) for t in masked)
    prototype = manifest.prototype
    length = prototype.length if prototype else 0
    seeded = prototype is not None and prototype.seed is not None
    planes = sum(t.plane.size for t in masked if t.plane)
    weights = planes + payloads + scales + (_prototype_bytes(length, seeded) if prototype else 0)
    masks = sum(t.positions.size for t in masked if t.positions)
    dense = sum(s.size for s in manifest.sections if s.name == DENSE) - payloads
    held = {"signs"} if signs else {_VALUES[v.dtype] for v in values}
    if "int8" in held and str(_setting(manifest, "value_dtype")).startswith("int4"):
        held.remove("int8")  # in a byte each, which zstd brings down to about 4 bits
        held.add("int4")
    if (prototype and not signs) or not held:
        held.add("seed" if seeded else "fp32")
    paper = Cost(
        FP32_BYTES * (length + pruned_ones + sum(size.numel for size in unmasked)),
        unpruned_weights / 8 + 2 * INDEX_BYTES * pruned_ones,
        None,
        None,
    )
    if signs:
        bits = sum(size.ones for size in sizes)
        paper = Cost(scales + bits / 8, (signs == "ternary") * unpruned_weights / 8, None, None)
    return Account(
        masked=sizes,
        prototype_length=0 if signs else length,
        seeded=seeded and not signs,
        paper=paper,
        stored=Cost(weights, masks, dense, archive.size - weights - masks - dense),
        limit=Cost(weights, sum(map(_mask_limit, masked)) / 8, dense, 0),
        state_dict_bytes=sum(
            t.numel * (FP32_BYTES if t.dtype in _FLOATS else DTYPE_BYTES[t.dtype]) for t in tensors
        ),
        expected=False,
        kind=kind,
        values=" and ".join(sorted(held)),
        unmasked=unmasked,
        planes=planes,
        frozen=sum(t.frozen_count for t in masked),
        predicted=sum(t.numel - t.frozen_count for t in masked if _predictor(t)),
        mispredicted=sum(p.flips for p in map(_predictor, masked) if p),
    )


def plan_account(
    plan: Plan, settings: strategies.Settings, dense_bytes: int, *, seeded: bool = True
) -> Account:
    """Account for what a plan would cost under these settings; no file, so `expected` is True.

    `dense_bytes` are those of everything that is not masked, floating numbers in fp32.
    """
    length = strategies.fill(plan, settings).length
    sizes = tuple(MaskSize(t.numel, kept_count(t.numel, settings.density)) for t in plan)
    weights = _prototype_bytes(length, seeded)
    return Account(
        masked=sizes,
        prototype_length=length,
        seeded=seeded,
        paper=Cost(FP32_BYTES * length, plan.numel / 8, None, None),
        stored=Cost(
            weights, sum(expected_mask_bytes(s.numel, s.ones) for s in sizes), dense_bytes, None
        ),
        limit=Cost(weights, _masks_limit(sizes), dense_bytes, 0),
        state_dict_bytes=FP32_BYTES * plan.numel + dense_bytes,
        expected=True,
        values="seed" if seeded else "fp32",
    )


def _masks_limit(sizes: Iterable[MaskSize]) -> float:
    return sum(mask_limit_bits(size.numel, size.ones) for size in sizes) / 8


def _mask_limit(tensor: TensorRecord) -> float:
    """Return the bits that one of so many masks takes, or of so many departures from a predicted.

    Of frozen weights a mask says nothing.
    """
    told, predictor = tensor.numel - tensor.frozen_count, _predictor(tensor)
    ones = _ones(tensor) - tensor.frozen_count if predictor is None else predictor.flips
    return mask_limit_bits(told, ones)


def _predictor(tensor: TensorRecord) -> Predictor | None:
    return tensor.positions.predictor if tensor.positions else None


def _is_pruned(tensor: TensorRecord, has_prototype: bool) -> bool:
    """Tell whether a masked tensor holds trained values: stored ones, or equal ones."""
    if isinstance(tensor.values, Constant):  # with a prototype or signs it is a method of masks
        return not has_prototype and tensor.values.plane is None
    return isinstance(tensor.values, Stored)


def _trained_signs(manifest: Manifest, masked: Sequence[TensorRecord]) -> str | None:
    """Return "binary" or "ternary" for an archive that says so and is of such a form."""
    strategy, prototype = _setting(manifest, "strategy"), manifest.prototype
    if not masked or (prototype and prototype.length > 1):
        return None
    if any(isinstance(t.values, Stored) for t in masked):
        return None
    return next((name for name in LATENT_STRATEGIES if name == strategy), None)


def _setting(manifest: Manifest, name: str) -> object:
    settings = manifest.about.get("settings")
    return settings.get(name) if isinstance(settings, Mapping) else None


def _sign_scale_bytes(tensor: TensorRecord) -> int:
    scale = tensor.values.scale if isinstance(tensor.values, FromPrototype) else None
    return FP32_BYTES * (len(scale) if isinstance(scale, tuple) else 1)


def _scale_bytes(values: Stored) -> int:
    if values.scale is None:
        return 0
    return FP32_BYTES * (len(values.scale) if isinstance(values.scale, tuple) else 1)


def _ones(tensor: TensorRecord) -> int:
    return tensor.positions.ones if tensor.positions else tensor.numel


def _prototype_bytes(length: int, seeded: bool) -> int:
    return SEED_BYTES if seeded else FP32_BYTES * length
