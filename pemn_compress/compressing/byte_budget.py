"""A size that the archive may have at most, met before training: how wide, how dense, how precise.

Sizes are not reckoned but tried: a model of the same settings is given scores and numbers at random
that depart from the seed as much as training is going to, and packed by the writer itself.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from pemn_compress.compressing.graphs import Held, held_of
from pemn_compress.compressing.keeping import about
from pemn_compress.compressing.preparing import Prepared
from pemn_compress.compressing.starting import foldless, wrap
from pemn_compress.compressing.storage import Storage
from pemn_compress.errors import PemnWarning, SettingError
from pemn_compress.masking.copying import copied
from pemn_compress.masking.departures import most_bits, stored_bits
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.masking.rules.pruning import PruningSettings
from pemn_compress.masking.rules.quantizing import LATENT_STRATEGIES
from pemn_compress.masking.rules.strategies import Settings
from pemn_compress.masking.selection import Selection
from pemn_compress.storing.saving import pack
from pemn_compress.storing.shrinking import foldable
from pemn_compress.training.history import Score, accuracy
from pemn_compress.training.recipes import Recipe

LEAST_BITS = 0.1  # a weight: with less a narrower network is better
_LEAST_DENSITY = 0.01
_ROOM = 24  # bytes for what differs from file to file: digits, and what zstd makes of them
_SHARE = 50  # of an archive of trained values, which zstd makes smaller by more or by less
_TRIES = 10
_PART = 16  # a width that is a fraction is a multiple of one such part


@dataclass(frozen=True)
class Plan:
    """How an archive will stay below its limit.

    `line` says what was chosen and why; `expected` is how many bytes it will have, at most; `held`
    the graph in it, where it is known.
    """

    settings: Settings | PruningSettings
    recipe: Recipe
    storage: Storage
    line: str = ""
    expected: int | None = None
    held: Held | None = None

    def size(self, prepared: Prepared, selection: Selection) -> int:
        """Return the bytes that the archive of a trained model will have, a few more."""
        storage = replace(self.storage, max_bytes=None, bits_per_weight=None)
        mold = replace(prepared, model=copied(prepared.model, {}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PemnWarning)
            masked, _ = wrap(mold, self.settings, selection, self.recipe)
            storage, _ = foldless(storage, masked)
            _as_if_trained(masked, self.recipe.target_bits)
            score = _of_all(prepared)
            held = self.held or held_of(masked, prepared, storage)
            source = prepared.source if storage.include_source else None
            packed = pack(
                masked,
                **storage.writing(),
                **storage.shrinking(),
                **held.storing(masked.model, source),
                about=about(prepared.data, self.recipe, score, self.recipe.epochs),
                untrained=True,
            )
        room = len(packed) // _SHARE if isinstance(masked, PrunedModel) else 0
        return len(packed) + _ROOM + room


def limit_of(storage: Storage, weights: int) -> int:
    """Return the bytes that an archive of so many masked weights may have."""
    if storage.max_bytes is not None:
        return storage.max_bytes
    assert storage.bits_per_weight is not None
    return int(storage.bits_per_weight * weights / 8)


def widest(
    plan: Plan, selection: Selection
) -> Callable[[str, object, Callable[[float], Prepared]], Prepared]:
    """Return what chooses the largest value of an argument whose archive stays below the limit.

    With dense parameters in float16 and batch-norm folded, which is worth more in width than it
    costs. Raises SettingError where even the least is too large, and for bits_per_weight, which
    every width has.
    """
    limit = plan.storage.max_bytes

    def choose(name: str, default: object, build: Callable[[float], Prepared]) -> Prepared:
        if limit is None:
            raise SettingError(
                f"{name}=auto: expected max_bytes beside it, got "
                + ("bits_per_weight" if plan.storage.bits_per_weight else "no limit")
            )
        unit = 1 / _PART if isinstance(default, float) else 1

        def size(count: int, dense_dtype: str | None = None) -> int:
            made = build(count * unit)
            storage, _ = _narrow(plan.storage, made)
            storage = replace(storage, dense_dtype=dense_dtype or storage.dense_dtype)
            return replace(plan, storage=storage).size(made, selection)

        least = size(1)
        if least > limit:
            raise SettingError(
                f"max_bytes: expected at least {least:,} B, which {name}={unit:g} takes, got "
                f"{limit:,}"
            )
        most = _largest(lambda count: size(count) <= limit, 1)
        hint = ""
        if plan.storage.dense_dtype == "float32":  # as it is where nobody asks for another
            more = _largest(lambda count: size(count, "int8") <= limit, most)
            if more > most:
                hint = f"; dense parameters in int8 would allow {name}={more * unit:g}"
        return replace(build(most * unit), chosen=f"{name}={most * unit:g}", hint=hint)

    return choose


def _largest(fits: Callable[[int], bool], known: int) -> int:
    """Return the largest number that fits, at least `known`, which does."""
    low, step = known, 1
    while fits(low + step):
        low, step = low + step, 2 * step
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def choose(plan: Plan, prepared: Prepared, selection: Selection) -> Plan:
    """Return the settings whose archive stays below the limit, those that cost least first.

    As asked; dense parameters in float16; batch-norm folded; dense parameters in int8; fewer bits
    for signs and masks by a pull (`target_bits`), down to 0.1 a weight; a lower density. Raises
    SettingError with the number of bytes that the model needs where none is enough.
    """
    mold = replace(prepared, model=copied(prepared.model, {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PemnWarning)
        masked, _ = wrap(mold, plan.settings, selection, plan.recipe)
    plan = replace(plan, held=held_of(masked, prepared, plan.storage))
    weights, limit = masked.plan.numel, limit_of(plan.storage, masked.plan.numel)
    narrow, words = _narrow(plan.storage, prepared)
    tries: list[tuple[Plan, list[str]]] = [(plan, [])] if prepared.chosen is None else []
    half = replace(narrow, fold_batchnorm=plan.storage.fold_batchnorm)
    tries += [(replace(plan, storage=half), words[:1]), (replace(plan, storage=narrow), words)]
    if prepared.chosen is None and narrow.dense_dtype == "float16":
        words = ["dense parameters in int8", *words[1:]]
        tries.append((replace(plan, storage=replace(narrow, dense_dtype="int8")), words))
    smallest = None
    for tried, said in tries:
        size = tried.size(prepared, selection)
        if size <= limit:
            return _told(tried, prepared, weights, limit, size, said)
        smallest = replace(tried, expected=size)
    assert smallest is not None
    if isinstance(masked, MaskedModel) and masked.settings.renewal == "none":
        most = plan.recipe.target_bits or most_bits(masked)
        found = _most(smallest, prepared, selection, limit, LEAST_BITS, most, _at_bits)
        if found is not None and found.recipe.target_bits is not None:
            bits = f"{found.recipe.target_bits:.3g} bits a weight by a pull"
            return _told(found, prepared, weights, limit, found.expected, [*words, bits])
        fewest = _at_bits(smallest, min(LEAST_BITS, most))
    else:
        fewest = smallest
    if _may_be_sparser(plan.settings):
        least = max(_LEAST_DENSITY, getattr(plan.settings, "frozen", 0.0))
        s = plan.settings
        density = s.kept if isinstance(s, PruningSettings) else s.density
        found = _most(smallest, prepared, selection, limit, least, density, _at_density)
        if found is not None:
            words = [*words, f"density {found.settings.density:.3g}"]
            return _told(found, prepared, weights, limit, found.expected, words)
        fewest = _at_density(smallest, least)
    need = fewest.size(prepared, selection)
    least_told = f"{need:,} B" if plan.storage.max_bytes else f"{8 * need / weights:.3g} bits"
    raise SettingError(
        f"{'max_bytes' if plan.storage.max_bytes else 'bits_per_weight'}: this model needs at "
        f"least {least_told}, with {', '.join(words) or 'all that can be narrowed'} and as few "
        f"bits as make sense, got {limit:,} B; or a narrower one, -a width=auto"
    )


def _narrow(storage: Storage, prepared: Prepared) -> tuple[Storage, list[str]]:
    """Return the storage with what costs next to nothing, and the words for it."""
    words, found = [], storage
    if storage.dense_dtype == "float32":
        found = replace(found, dense_dtype="float16")
    if found.dense_dtype != "float32":
        words.append(f"dense parameters in {found.dense_dtype}")
    if storage.fold_batchnorm or foldable(prepared.model):
        found = replace(found, fold_batchnorm=True)
        words.append("batch-norm folded")
    return found, words


def _may_be_sparser(settings: Settings | PruningSettings) -> bool:
    if isinstance(settings, PruningSettings):
        return settings.strategy != "dense"
    return settings.search != "sign"  # whose signs take more bits than its masks


def _at_bits(plan: Plan, bits: float) -> Plan:
    return replace(plan, recipe=replace(plan.recipe, target_bits=round(bits, 4)))


def _at_density(plan: Plan, density: float) -> Plan:
    density = round(density, 4)
    return replace(
        plan,
        settings=replace(plan.settings, density=density),
        recipe=replace(plan.recipe, density=density),
    )


def _most(
    plan: Plan,
    prepared: Prepared,
    selection: Selection,
    limit: int,
    low: float,
    high: float,
    at: Callable[[Plan, float], Plan],
) -> Plan | None:
    """Return the plan of the largest number from low to high that fits; None where low does not."""
    if low >= high:
        return None
    best = at(plan, low)
    size = best.size(prepared, selection)
    if size > limit:
        return None
    best = replace(best, expected=size)
    for _ in range(_TRIES):
        middle = (low + high) / 2
        tried = at(plan, middle)
        size = tried.size(prepared, selection)
        if size <= limit:
            low, best = middle, replace(tried, expected=size)
        else:
            high = middle
    return best


def _told(
    plan: Plan, prepared: Prepared, weights: int, limit: int, size: int | None, words: list[str]
) -> Plan:
    assert size is not None
    chosen = [prepared.chosen, *words] if prepared.chosen else words
    why = ", ".join(chosen) or "as asked"
    line = f"{limit:,} B allow {why}: {weights:,} weights in about {size:,} B{prepared.hint}"
    return replace(plan, line=line, expected=size)


@torch.no_grad()
def _as_if_trained(model: MaskedModel | PrunedModel, target: float | None) -> None:
    """Give a model numbers as training might leave them: scores that depart as far as they will."""
    drawn = torch.Generator().manual_seed(0)

    def random(like: Any) -> Any:
        return torch.randn(like.shape, generator=drawn).to(like.dtype)

    def uniform(like: Any) -> Any:
        return torch.empty(like.shape).uniform_(-0.1, 0.1, generator=drawn).to(like.dtype)

    for name, tensor in model.model.state_dict(keep_vars=True).items():
        if tensor.is_floating_point() and tensor.dim():
            values = random(tensor) * 0.1
            tensor.data.copy_(1 + values if name.endswith(("weight", "var")) else values)
    if isinstance(model, PrunedModel):
        for weight in model.trained():
            # levels of latent weights are as even as can be, other values as trained ones are
            even = model.settings.strategy in LATENT_STRATEGIES
            weight.data.copy_(uniform(weight) if even else random(weight) * 0.1)
        model.advance(step=1, steps=1)
        return
    for factor in model.factors:
        factor.copy_(1 + 0.3 * random(factor))
    starts = [score.detach().clone() for score in model.scores]
    others = [_shuffled(score, drawn) for score in starts]
    when = [torch.rand(score.shape, generator=drawn) for score in starts]
    low, high = 0.0, 1.0
    for _ in range(_TRIES if target else 0):
        middle = (low + high) / 2
        _mix(model, starts, others, when, middle)
        low, high = (middle, high) if stored_bits(model) < (target or 0) else (low, middle)
    _mix(model, starts, others, when, high)


def _shuffled(score: torch.Tensor, drawn: torch.Generator) -> torch.Tensor:
    order = torch.randperm(score.numel(), generator=drawn)
    return score.flatten()[order].view(score.shape)


def _mix(model: MaskedModel, starts: Any, others: Any, when: Any, share: float) -> None:
    for score, start, other, at in zip(model.scores, starts, others, when, strict=True):
        score.copy_(torch.where(at < share, other, start))


def _of_all(prepared: Prepared) -> Score:
    """Return a score whose digits are as many as one can have."""
    count = len(prepared.data.test)
    return Score(count, 1 / 3, (accuracy(count, count),))
