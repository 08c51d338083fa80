"""Does the loss reach the scores? What gets no gradient is not trained, and nothing else says so.

A model that keeps its parameters in a place of its own (a list at module level, a cache) computes
with the old ones, whatever the masks. What can be seen without running it, `references` refuses.
"""

import warnings
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from pemn_compress.errors import PemnWarning, TrainingError
from pemn_compress.masking.host import PlannedModel

_MOST_NAMES = 4


def unreached(model: PlannedModel) -> list[str]:
    """Return the planned tensors whose scores, or values, got no gradient in a backward pass.

    Call it between `loss.backward()` and `zero_grad`. Frozen ones do not count.
    """
    return [
        tensor.name
        for tensor, own in zip(model.plan, model.trained(), strict=True)
        if own.requires_grad and own.grad is None
    ]


def bypassed(model: PlannedModel) -> list[str]:
    """Return those of them whose parameter of before got the gradient: the model still uses it."""
    held = model.held()
    return [name for name in unreached(model) if name in held and held[name].grad is not None]


def check_bypassed(model: PlannedModel) -> None:
    """Refuse, after a backward pass, a model that trains what was taken out of it.

    Raises TrainingError.
    """
    _refuse(bypassed(model))


def unreachable(model: PlannedModel, outputs: Any) -> list[str]:
    """Return the planned tensors that outputs do not come from, by their graph alone.

    None where the outputs have no graph. Raises TrainingError where they come from a parameter that
    was taken out of the model.
    """
    leaves = _leaves(outputs)
    if not leaves:
        return []
    held, missed = model.held(), []
    for tensor, own in zip(model.plan, model.trained(), strict=True):
        if own.requires_grad and id(own) not in leaves:
            missed.append(tensor.name)
    _refuse([name for name in missed if name in held and id(held[name]) in leaves])
    return missed


def _leaves(outputs: Any) -> set[int]:
    """Return the ids of the parameters that outputs, in any nesting, were computed from."""
    todo = [one.grad_fn for one in tree_leaves(outputs) if isinstance(one, Tensor)]
    seen: set[Any] = set()
    leaves = set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.add(id(node.variable))
        todo += [following for following, _ in node.next_functions]
    return leaves


def _refuse(stale: list[str]) -> None:
    if stale:
        raise TrainingError(
            f"{_listed(stale)}: the loss reaches the parameter that the masked weight replaced and "
            "not its score: the model keeps it in a place of its own, such as a global list; "
            "expected forward to read it from its module (self.layer.weight); or leave it dense "
            f"with exclude={stale[:_MOST_NAMES]}"
        )


class Reach:
    """Follows which scores the loss reaches in the first epoch of a training; any model will do."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model if isinstance(model, PlannedModel) else None
        self._waiting = {tensor.name for tensor in self._model.plan} if self._model else set()
        self._total = len(self._waiting)

    def after_backward(self) -> None:
        """Look at the gradients of a step; nothing to do once all have been reached.

        Raises TrainingError where the model trains the parameters that were taken out of it. Warns
        where no score at all is reached.
        """
        if self._model is None or not self._waiting:
            return
        check_bypassed(self._model)
        none_yet = len(self._waiting) == self._total
        self._waiting &= set(unreached(self._model))
        if none_yet and len(self._waiting) == self._total:
            self._warn("in the first step")
            self._waiting = set()

    def after_epoch(self) -> None:
        """Warn of scores that no step of the epoch reached."""
        if self._model is not None and self._waiting:
            self._warn("in the whole first epoch")
            self._waiting = set()

    def _warn(self, when: str) -> None:
        assert self._model is not None
        names = [tensor.name for tensor in self._model.plan if tensor.name in self._waiting]
        warnings.warn(
            f"{_listed(names)}: no gradient {when}, so not trained: either forward does not use "
            "the weight, or it uses a copy or its .data; leave it dense with exclude if that is "
            "meant",
            PemnWarning,
            stacklevel=3,
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
