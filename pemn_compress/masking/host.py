"""A model whose planned parameters are taken out, and made anew in every forward pass.

What would use a weight behind our back (a submodule called directly, a re-initialisation) finds
None there and fails loudly, instead of training something else than is stored.
"""

import copy
from typing import Any, cast
from weakref import ref

import torch
from torch import Tensor, nn
from torch.func import functional_call

from pemn_compress.errors import ModelError
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.selection import owner_of


class PlannedModel(nn.Module):
    """What `MaskedModel` and `PrunedModel` share: any module, run on weights made by `weights`."""

    plan: Plan
    model: nn.Module
    _targets: list[tuple[str, ...]]

    def _take_over(self, model: nn.Module) -> None:
        """Remove the planned parameters from the user's model, and keep it; `plan` is set."""
        self._targets = _take_out(model, self.plan)
        _forget_flat_weights(model)
        self.model = model

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model on its weights."""
        # torch chooses some kernels by whether a weight requires a gradient, under no_grad as well:
        # with another choice the outputs would differ in the last bit from the plain model's
        with torch.enable_grad():
            weights = self._forward_weights()
        return functional_call(self.model, weights, args, kwargs)

    def masks(self) -> dict[str, Tensor]:
        """Return the current masks: planned name -> bool tensor in the weight's shape."""
        raise NotImplementedError

    def weights(self, *, every_name: bool = True) -> dict[str, Tensor]:
        """Return the weights that the model runs on by name, differentiable.

        A tied weight appears under each of its names, as the very same tensor.
        """
        raise NotImplementedError

    def _forward_weights(self) -> dict[str, Tensor]:
        """Return the weights of one forward pass, each once."""
        return self.weights(every_name=False)

    def to_plain(self) -> nn.Module:
        """Return a copy of the user's model with the weights as ordinary parameters.

        Same class, names and tied weights as the model that was given; in this model's mode
        (training or evaluation).
        """
        _forget_flat_weights(self.model)
        plain = copy.deepcopy(self.model)
        with torch.no_grad():
            weights = self.weights()
        for tensor in self.plan:
            parameter = nn.Parameter(weights[tensor.name].detach().clone())
            for name in (tensor.name, *tensor.aliases):
                owner, leaf = owner_of(plain, name)
                setattr(owner, leaf, parameter)
        return plain

    def __getstate__(self) -> dict[str, Any]:
        _forget_flat_weights(self.model)
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        _forget_flat_weights(self.model)

    def _apply(self, fn: Any, recurse: bool = True) -> "PlannedModel":
        # one number tells what fn does to a dtype, before anything has been converted
        device = next(self.parameters()).device
        if fn(torch.zeros((), device=device)).dtype != torch.float32:
            raise ModelError(
                f"a {type(self).__name__}'s scores and weights stay float32 in training: "
                "expected no .half(), .bfloat16() or .double() on it; convert the plain model "
                "before, or train under torch.autocast"
            )
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        _forget_flat_weights(self.model)
        return self


def _take_out(model: nn.Module, plan: Plan) -> list[tuple[str, ...]]:
    """Remove the planned parameters; return the names to hand back to them in each forward pass.

    A module that sits in the model under two names holds its parameter once: it must be handed
    over once, or functional_call would put the first swap back as if it were the original.
    """
    targets = []
    for tensor in plan:
        places: dict[tuple[int, str], str] = {}
        for name in (tensor.name, *tensor.aliases):
            owner, leaf = owner_of(model, name)
            places.setdefault((id(owner), leaf), name)
        targets.append(tuple(places.values()))
        for name in (tensor.name, *tensor.aliases):
            owner, leaf = owner_of(model, name)
            setattr(owner, leaf, None)
    return targets


def _forget_flat_weights(model: nn.Module) -> None:
    """Make recurrent layers drop the weights of the last forward pass, and look anew in the next.

    They hold on to a list of them: results of autograd, which cannot be copied. They renew it when
    a weak reference no longer leads to the weight at hand; a copied or moved layer has none, so it
    gets some that lead nowhere.
    """
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            held = [getattr(module, name, None) for name in module._flat_weights_names]
            module._flat_weights = held
            module._flat_weight_refs = [
                cast("ref[nn.Parameter]", _gone) if weight is None else ref(weight)
                for weight in held
            ]


def _gone() -> None:
    return None
