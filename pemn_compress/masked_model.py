"""MaskedModel: any nn.Module, its planned weights replaced by prototype x mask.

The planned parameters are taken out of the user's model, and every forward pass runs it on weights
made from the one shared prototype and the scores.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError
from pemn_compress.masks import masked_weight
from pemn_compress.plan import kept_count
from pemn_compress.planned_model import PlannedModel
from pemn_compress.planning import DTYPES, Selection, plan_model
from pemn_compress.search import SEARCHES
from pemn_compress.strategies import Filling, Settings, fill

_TORCH_DTYPES = {name: dtype for dtype, name in DTYPES.items()}


class MaskedModel(PlannedModel):
    """A model whose planned weights are fixed random values times learned masks.

    Args:
        model: the plain model; MaskedModel takes it over (its planned parameters are removed).
        strategy: how the prototype fills tensors: "mask", "one-layer", "mp" or "rp".
        ratio: rp only: prototype length / largest masked tensor's length, in (0, 1].
        density: fraction of weights kept in every masked tensor, in (0, 1]. PEMN's `--sparsity`,
            hidden-networks' k; 1 - the prune rate of other papers.
        seed: decides the prototype and the initial scores, 0 to 2^64 - 1.
        distribution: "kaiming-normal", "kaiming-uniform", "signed-constant" or "xavier-normal".
        scaling: "layer" gives each tensor the scale of its own fan, "prototype" copies values
            unscaled as PEMN's code does.
        scale_by_density: multiply the scale by 1/sqrt(density).
        search: how scores become masks: "edge-popup".
        include, exclude, first_layer_dense, last_layer_dense: which parameters are masked; see
            `planning.Selection`.

    Trainable parameters are one score per planned weight (`scores`, in plan order) and whatever
    the model had besides; any optimiser, any loop, DDP and torch.compile work as on any module.

    Raises ModelError for a model that cannot be masked, SettingError for a setting out of range.
    Source: [PEMN] sections 3.2 to 3.4.
    """

    prototype: Tensor

    def __init__(
        self,
        model: nn.Module,
        *,
        strategy: str = Settings.strategy,
        ratio: float = Settings.ratio,
        density: float = Settings.density,
        seed: int = Settings.seed,
        distribution: str = Settings.distribution,
        scaling: str = Settings.scaling,
        scale_by_density: bool = Settings.scale_by_density,
        search: str = Settings.search,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        first_layer_dense: bool = False,
        last_layer_dense: bool = False,
    ) -> None:
        super().__init__()
        self.settings = Settings(
            strategy, ratio, density, seed, distribution, scaling, scale_by_density, search
        )
        selection = Selection(include, exclude, first_layer_dense, last_layer_dense)
        self.plan = plan_model(model, selection)
        self.filling: Filling = fill(self.plan, self.settings)
        self.kept = tuple(kept_count(tensor.numel, density) for tensor in self.plan)
        self._search = SEARCHES[search]
        device = next(model.parameters()).device
        prototype = torch.from_numpy(self.filling.prototype(seed)).to(device)
        self.register_buffer("prototype", prototype, persistent=False)  # the seed restores it
        self.scores = nn.ParameterList(
            nn.Parameter(self._search.initial_scores(tensor, index, seed).to(device))
            for index, tensor in enumerate(self.plan)
        )
        self._take_over(model)

    def masks(self) -> dict[str, Tensor]:
        """Return the current masks: planned name -> bool tensor in the weight's shape."""
        return {
            tensor.name: self._search.choose_mask(score, kept)
            for tensor, score, kept in zip(self.plan, self.scores, self.kept, strict=True)
        }

    def weights(self, *, every_name: bool = True) -> dict[str, Tensor]:
        """Return the masked weights by name, differentiable with respect to the scores.

        A tied weight appears under each of its names, as the very same tensor.
        """
        made: dict[str, Tensor] = {}
        for index, tensor in enumerate(self.plan):
            score = self.scores[index]
            weight = masked_weight(
                score,
                self.prototype,
                self._search.choose_mask(score, self.kept[index]),
                self.filling.offsets[index],
                self.filling.scales[index],
            )
            if tensor.dtype != "f32":
                weight = weight.to(_TORCH_DTYPES[tensor.dtype])
            names = (tensor.name, *tensor.aliases) if every_name else self._targets[index]
            made.update(dict.fromkeys(names, weight))
        return made

    def _apply(self, fn: Any, recurse: bool = True) -> "MaskedModel":
        # one number tells what fn does to a dtype, before anything has been converted
        if fn(torch.zeros((), device=self.prototype.device)).dtype != torch.float32:
            raise ModelError(
                "a MaskedModel's prototype and scores stay float32: expected no .half(), "
                ".bfloat16() or .double() on it; convert the plain model before masking it, "
                "or train under torch.autocast"
            )
        super()._apply(fn, recurse)
        for score in self.scores:  # channels-last is for convolutions; masks go by C order
            score.data = score.data.contiguous()
        return self

    def get_extra_state(self) -> dict[str, Any]:
        """Return the settings: a state dict's scores mean something only beside their seed."""
        return asdict(self.settings)

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Refuse the state of a model with other settings. Raises ModelError."""
        own = self.get_extra_state()
        for key in own:
            if state.get(key) != own[key]:
                raise ModelError(
                    f"the state dict is of a MaskedModel with other settings: {key}: expected "
                    f"{own[key]!r}, got {state.get(key)!r}"
                )

    def extra_repr(self) -> str:
        """Say in one line what is masked."""
        s = self.settings
        return (
            f"{len(self.plan)} tensors, {self.plan.numel} weights, strategy={s.strategy}, "
            f"density={s.density:g}, prototype={self.filling.length}"
        )
