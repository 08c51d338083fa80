"""The last resort: weights given back to the seed, or left out, until the file is small enough."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pemn_compress.compressing.preparing import Prepared
from pemn_compress.errors import ModelError
from pemn_compress.masking.departures import (
    DROPPED,
    PUT_BACK,
    put_back,
    put_back_or_drop,
    stored_bits,
)
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.training.evaluation import evaluate
from pemn_compress.training.history import Epoch, Score
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run


@dataclass(frozen=True)
class PutBack:
    """How many weights were given back to the seed or left out, why, and the scores then."""

    count: int
    of: int
    why: str
    way: str
    before: Score
    after: Score

    @property
    def told(self) -> str:
        """One line for whoever watches."""
        one, other = self.before.headline, self.after.headline
        what = {PUT_BACK: "departures from the seed", DROPPED: "of the weights that masks keep"}
        return (
            f"{self.why}: {self.count:,} {what[self.way]} were {self.way} ({self.of:,} weights), "
            f"those of the weakest scores: test {one.name} {one.shown()} -> {other.shown()}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        told = {"count": self.count, "weights": self.of, "why": self.why, "way": self.way}
        return told | {"before": self.before.to_dict(), "after": self.after.to_dict()}


def fit_in(
    masked: MaskedModel | PrunedModel,
    prepared: Prepared,
    recipe: Recipe,
    run: Run,
    trained: Epoch,
    limit: int | None,
    size: Callable[[Epoch], int],
) -> tuple[Epoch, list[PutBack]]:
    """Put back what is above the recipe's target bits, put back or drop what is above `limit`.

    `limit` is in bytes, and `size` returns those of the archive as the model is. Returns what the
    model comes to then, and what was done. Raises ModelError where neither makes the
    archive small enough.
    """
    done: list[PutBack] = []
    if not isinstance(masked, MaskedModel):
        if limit is not None and size(trained) > limit:
            raise _too_large(limit, size(trained))
        return trained, done

    def measured(count: int, why: str, now: Epoch, way: str = PUT_BACK) -> Epoch:
        masked.to(run.torch_device())
        score = evaluate(masked, prepared.data.test, prepared.data, workers=run.workers)
        masked.to("cpu")
        done.append(PutBack(count, masked.plan.numel, why, way, now.test, score))
        return replace(now, test=score)

    target = recipe.target_bits
    if target is not None:
        count = put_back(masked, lambda: stored_bits(masked) <= target)
        if count:
            trained = measured(count, f"target_bits {target:g}", trained)
    if limit is not None:
        now = trained
        if size(now) > limit:
            found = put_back_or_drop(masked, lambda: size(now) + _ROOM <= limit)
            if found is None:
                raise _too_large(limit, size(now))
            way, count = found
            trained = measured(count, f"max_bytes {limit:,}", now, way)
    return trained, done


_ROOM = 8  # bytes by which the score in an archive may be longer once it is measured anew


def _too_large(limit: int, size: int) -> ModelError:
    return ModelError(
        f"the archive has {size:,} B where at most {limit:,} were allowed, and nothing is left to "
        "put back: nothing was written; train again with a larger max_bytes, or a lower density"
    )
