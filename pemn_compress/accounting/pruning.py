"""The rival: what pruning the same tensors costs in the same container."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pemn_compress.accounting.costs import FP32_BYTES, INDEX_BYTES, Account, Cost
from pemn_compress.accounting.mask_sizes import expected_mask_bytes
from pemn_compress.masking.rules.plan import exact, kept_count

SPARSITIES = (0.90, 0.92, 0.94, 0.96)  # [PEMN] section 4.3.2
VALUE_BYTES = {"fp32": 4.0, "fp16": 2.0, "int8": 1.0, "int4": 0.5}

_BISECTIONS = 32


@dataclass(frozen=True)
class Baseline:
    """Pruning at one sparsity; random and magnitude pruning cost the same bytes.

    `paper` is [PEMN]'s formula; `best` maps fp32, fp16, int8 and int4 to the expected cost with
    the best mask codec per tensor, and with the dense parameters and the overhead of what it is
    held against. int8 and int4 values come with one fp32 scale per tensor.
    """

    sparsity: float
    paper: Cost
    best: Mapping[str, Cost]


def baselines(account: Account) -> tuple[Baseline, ...]:
    """Return what pruning the same tensors would cost, one row for each of SPARSITIES."""
    rows = []
    for sparsity in SPARSITIES:
        density = float(1 - exact(sparsity))
        ones = Counter((mask.numel, kept_count(mask.numel, density)) for mask in account.prunable)
        best = {}
        for values in VALUE_BYTES:
            weights, masks = _pruned_bytes(ones.items(), values)
            best[values] = Cost(weights, masks, account.stored.dense, account.stored.overhead)
        kept = sum(mask.numel for mask in account.prunable) * density
        rows.append(
            Baseline(sparsity, Cost(FP32_BYTES * kept, 2 * INDEX_BYTES * kept, None, None), best)
        )
    return tuple(rows)


def equal_bytes(account: Account) -> dict[str, float | None]:
    """Return the sparsity at which pruning costs as many bytes as `account.stored`.

    One for fp32, fp16, int8 and int4 values each, with the best mask codec, and with the same dense
    parameters and overhead on both sides. 0.0: nothing needs to be pruned to get there. None: even
    one weight per tensor costs more, or there is nothing to prune.
    """
    budget = account.stored.weights + account.stored.masks
    sizes = Counter(mask.numel for mask in account.prunable)

    def affordable(density: float, values: str) -> bool:
        ones = [((numel, max(1.0, numel * density)), times) for numel, times in sizes.items()]
        return sum(_pruned_bytes(ones, values)) <= budget

    found: dict[str, float | None] = {}
    for values in VALUE_BYTES:
        low, high = 0.0, 1.0
        if not sizes or not affordable(low, values):
            found[values] = None
            continue
        if affordable(high, values):
            low = high
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if affordable(middle, values) else (low, middle)
        found[values] = 1 - low
    return found


def _pruned_bytes(ones: Iterable[tuple[tuple[int, float], int]], values: str) -> tuple[float, int]:
    """Return (value bytes, mask bytes) for ((numel, ones), number of such tensors)."""
    scale = FP32_BYTES if values in ("int8", "int4") else 0
    weights, masks = 0.0, 0
    for (numel, kept), times in ones:
        weights += times * (kept * VALUE_BYTES[values] + scale)
        masks += times * expected_mask_bytes(numel, kept)
    return weights, masks
