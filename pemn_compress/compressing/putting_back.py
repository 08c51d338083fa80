"""The last resort: departures given back to the seed until bits, or bytes, are as few as asked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pemn_compress.compressing.preparing import Prepared
from pemn_compress.errors import ModelError
from pemn_compress.masking.departures import put_back, stored_bits
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.pruned import PrunedModel
from pemn_compress.training.evaluation import evaluate
from pemn_compress.training.history import Epoch, Score
from pemn_compress.training.recipes import Recipe
from pemn_compress.training.run import Run


@dataclass(frozen=True)
class PutBack:
    """How many departures were given back, why, and the scores before and after."""

    count: int
    of: int
    why: str
    before: Score
    after: Score

    @property
    def told(self) -> str:
        """One line for whoever watches."""
        one, other = self.before.headline, self.after.headline
        return (
            f"{self.why}: {self.count:,} departures from the seed were put back ({self.of:,} "
            f"weights), those of the weakest scores: test {one.name} {one.shown()} -> "
            f"{other.shown()}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        told = {"count": self.count, "weights": self.of, "why": self.why}
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
    """Put back what is above the recipe's target bits, and above `limit` bytes.

    `size` returns the bytes of the archive as the model is. Returns what the model comes to then,
    and what was put back. Raises ModelError where the archive is too large without any departure.
    """
    done: list[PutBack] = []
    if not isinstance(masked, MaskedModel):
        if limit is not None and size(trained) > limit:
            raise _too_large(limit, size(trained))
        return trained, done

    def measured(count: int, why: str, now: Epoch) -> Epoch:
        masked.to(run.torch_device())
        score = evaluate(masked, prepared.data.test, prepared.data, workers=run.workers)
        masked.to("cpu")
        done.append(PutBack(count, masked.plan.numel, why, now.test, score))
        return replace(now, test=score)

    target = recipe.target_bits
    if target is not None:
        count = put_back(masked, lambda: stored_bits(masked) <= target)
        if count:
            trained = measured(count, f"target_bits {target:g}", trained)
    if limit is not None:
        now = trained
        if size(now) > limit:
            count = put_back(masked, lambda: size(now) + _ROOM <= limit)
            if count is None:
                raise _too_large(limit, size(now))
            trained = measured(count, f"max_bytes {limit:,}", now)
    return trained, done


_ROOM = 8  # bytes by which the score in an archive may be longer once it is measured anew


def _too_large(limit: int, size: int) -> ModelError:
    return ModelError(
        f"the archive has {size:,} B where at most {limit:,} were allowed, and nothing is left to "
        "put back: nothing was written; train again with a larger max_bytes, or a lower density"
    )
