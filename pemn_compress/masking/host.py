"""A model whose planned parameters are taken out, and made anew in every forward pass.

What would use a weight behind our back (a submodule called directly, a re-initialisation) finds
None there and fails loudly, instead of training something else than is stored.
"""

import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self, cast
from weakref import ref

import torch
from torch import Tensor, nn
from torch.func import functional_call

from pemn_compress.errors import ModelError, PemnWarning
from pemn_compress.masking.copying import copied
from pemn_compress.masking.references import refuse_references
from pemn_compress.masking.rules.plan import Plan
from pemn_compress.masking.selection import owner_of
from pemn_compress.masking.sharding import gathered, is_sharded
from pemn_compress.masking.signature import signed_class

_OF_ONE_PROCESS = ("_one_pass", "_taken")  # what is neither copied nor pickled


class PlannedModel(nn.Module):
    """What `MaskedModel` and `PrunedModel` share: any module, run on weights made by `weights`."""

    plan: Plan
    model: nn.Module
    _targets: list[tuple[str, ...]]
    # A pass puts its weights into the one tree of modules: passes of many threads take turns.
    _one_pass: "threading.RLock"
    # the parameters as they were, if anybody keeps them: `reach` looks for their gradients
    _taken: dict[str, "ref[nn.Parameter]"]

    def _take_over(self, model: nn.Module, *, replaced: bool = True) -> None:
        """Remove the planned parameters from the user's model, and keep it; `plan` is set.

        `replaced` says that weights will be others than the parameters.
        """
        parameters = dict(model.named_parameters())
        taken = {tensor.name: parameters[tensor.name] for tensor in self.plan}
        if replaced:
            refuse_references(model, taken)
        self._targets = _take_out(model, self.plan)
        self._of_this_process()
        self._taken = {name: ref(parameter) for name, parameter in taken.items()}
        _forget_flat_weights(model)
        self.model = model
        self.__class__ = signed_class(type(self), model)

    def _tell(self, lines: Iterable[str | None]) -> None:
        for line in filter(None, lines):
            warnings.warn(line, PemnWarning, stacklevel=3)  # at whoever makes the model

    def _of_this_process(self) -> None:
        self._one_pass, self._taken = threading.RLock(), {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model on its weights."""
        # torch chooses some kernels by whether a weight requires a gradient, under no_grad as well:
        # with another choice the outputs would differ in the last bit from the plain model's
        with torch.enable_grad():
            weights = self._forward_weights()
        if torch.compiler.is_compiling():  # a traced pass puts nothing into modules
            return functional_call(self.model, weights, args, kwargs)
        with self._one_pass:
            return functional_call(self.model, weights, args, kwargs)

    def masks(self) -> dict[str, Tensor]:
        """Return the current masks: planned name -> bool tensor in the weight's shape."""
        raise NotImplementedError

    def weights(self, *, every_name: bool = True) -> dict[str, Tensor]:
        """Return the weights that the model runs on by name, differentiable.

        A tied weight appears under each of its names, as the very same tensor.
        """
        raise NotImplementedError

    def trained(self) -> nn.ParameterList:
        """Return what is trained of each planned tensor, in plan order: scores, or values."""
        raise NotImplementedError

    def _forward_weights(self) -> dict[str, Tensor]:
        """Return the weights of one forward pass, each once."""
        return self.weights(every_name=False)

    def to_plain(self) -> nn.Module:
        """Return a copy of the user's model with the weights as ordinary parameters.

        Same class, names and tied weights as the model that was given; in this model's mode
        (training or evaluation). Activations that the model keeps are copied without their history.
        Of a sharded model all ranks have to ask. Raises ModelError for a model that cannot be
        copied.
        """
        with torch.no_grad():
            weights = self.weights()
            made = {
                tensor.name: nn.Parameter(weights[tensor.name].detach().clone())
                for tensor in self.plan
            }
            instead: dict[Tensor, Tensor] = {
                parameter: nn.Parameter(gathered(parameter).detach(), parameter.requires_grad)
                for parameter in self.model.parameters()
                if is_sharded(parameter)
            }
            instead |= {old: made[name] for name, old in self.held().items()}
        with self.between_passes():
            _forget_flat_weights(self.model)
            plain = copied(self.model, instead)
        for parameter in plain.parameters():
            parameter.grad = None
        for tensor in self.plan:
            for name in (tensor.name, *tensor.aliases):
                owner, leaf = owner_of(plain, name)
                setattr(owner, leaf, made[tensor.name])
        return plain

    def held(self) -> dict[str, nn.Parameter]:
        """Return the parameters that were taken out and that somebody still holds, by name."""
        found = {name: taken() for name, taken in self._taken.items()}
        return {name: parameter for name, parameter in found.items() if parameter is not None}

    @contextmanager
    def between_passes(self) -> Iterator[None]:
        """Keep other threads from running the model, and wait for one that does."""
        with self._one_pass:
            yield

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Return the state, between two passes of other threads."""
        with self.between_passes():
            return super().state_dict(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        _forget_flat_weights(self.model)
        return {key: one for key, one in self.__dict__.items() if key not in _OF_ONE_PROCESS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._of_this_process()
        _forget_flat_weights(self.model)
        self.__class__ = signed_class(type(self), self.model)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # a class made for a signature has no name to be found by
        return _blank, (getattr(type(self), "unsigned", type(self)),), self.__getstate__()

    def _replicate_for_data_parallel(self) -> Self:
        replica: Self = super()._replicate_for_data_parallel()  # type: ignore[no-untyped-call]
        replica._of_this_process()  # a tree of modules of its own needs to wait for no other
        return replica

    def _apply(self, fn: Any, recurse: bool = True) -> "PlannedModel":
        # one number tells what fn does to a dtype, before anything has been converted
        tensors = [*self.parameters(), *self.buffers()]
        device = tensors[0].device if tensors else None
        if fn(torch.zeros((), device=device)).dtype != torch.float32:
            raise ModelError(
                f"a {type(self).__name__}'s scores and weights stay float32 in training: "
                "expected no .half(), .bfloat16() or .double() on it; convert the plain model "
                "before, or train under torch.autocast"
            )
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        _forget_flat_weights(self.model)
        return self


def _blank(kind: type[PlannedModel]) -> PlannedModel:
    return kind.__new__(kind)


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
