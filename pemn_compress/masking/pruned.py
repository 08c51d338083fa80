"""PrunedModel: any nn.Module, trained as usual while weights are removed from it, or rounded.

The baselines of [PEMN] section 4.3.2: a sparse network trained from scratch, its weights removed at
random or by least magnitude, tensor by tensor. With strategy "dense" nothing is removed. Weights
may be rounded in every pass to what will be stored: `quantized`.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pemn_compress.errors import ModelError, SettingError, TrainingError
from pemn_compress.format import prng
from pemn_compress.masking.extra_state import from_tensor, to_tensor
from pemn_compress.masking.host import PlannedModel
from pemn_compress.masking.quantized import QUANTIZERS
from pemn_compress.masking.quantized.levels import Levels, straight_through
from pemn_compress.masking.rules.keywords import check_keywords
from pemn_compress.masking.rules.numbers import is_number, plain, shown
from pemn_compress.masking.rules.plan import kept_count
from pemn_compress.masking.rules.progress import check_progress
from pemn_compress.masking.rules.pruning import PruningSettings, density_of
from pemn_compress.masking.selection import Selection, plan_model
from pemn_compress.masking.sharding import gathered
from pemn_compress.masking.staying_dense import told_of_dense
from pemn_compress.masking.top import top_mask

ORDER_STREAMS = 1 << 33  # tensor i of the plan draws its order of removal from stream 2^33 + i


class PrunedModel(PlannedModel):
    """A model whose weights are trained, and removed as training goes on.

    Args:
        model: the plain model; PrunedModel takes it over, its weights are where training starts.
        strategy: "magnitude" removes the smallest |weights| of each tensor, "random" an order that
            the seed decides; "dense" removes nothing. "binary" and "ternary" make of each weight
            a sign (or 0) times a scale.
        density: fraction of weights kept in every planned tensor in the end, in (0, 1].
        sparsity: 1 - density, in its place.
        seed: decides the order in which "random" removes weights, 0 to 2^64 - 1.
        pruning_schedule: "cubic" removes weights in stages, fast at first (Zhu & Gupta, 2017);
            "one-shot" all at once.
        pruning_start: fraction of the training that is done when removing starts.
        pruning_end: fraction that is done when it ends; cubic only, 0.5 by default.
        qat: magnitude, random, dense: train with weights that are rounded to "int8" or "int4".
        scale: binary, ternary, qat: one scale for each "tensor" (the default) or output "channel".
        entropy_weight: ternary: what a bit of a weight's code costs, in units of scale^2; more of
            it makes more weights 0.
        include: patterns of the names of exactly the parameters that are pruned; see
            `selection.Selection`.
        exclude: patterns of names that stay dense.
        first_layer_dense: leave the first such tensor dense.
        last_layer_dense: leave the last one dense.

    Trainable parameters are one tensor of values per planned weight (`values`, in plan order) and
    whatever the model had besides. Any optimiser and any loop work; tell the model how far it is
    with `advance` before each step and after the last, or with `set_progress` after each step (a
    one-shot at the start needs no telling). A removed weight is +0.0 from then on: whatever weight
    decay or momentum make of its value, the model never sees.

    Raises ModelError for a model without such weights (unless nothing is to be removed),
    SettingError for a setting out of range. Warns (PemnWarning) of what stays dense because it is
    frozen, or although it is more than a tenth of the model.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        strategy: str = PruningSettings.strategy,
        density: float | None = None,
        sparsity: float | None = None,
        seed: int = PruningSettings.seed,
        pruning_schedule: str = PruningSettings.pruning_schedule,
        pruning_start: float = PruningSettings.pruning_start,
        pruning_end: float | None = None,
        qat: str | None = None,
        scale: str | None = None,
        entropy_weight: float | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        first_layer_dense: bool = False,
        last_layer_dense: bool = False,
        **unknown: Any,
    ) -> None:
        super().__init__()
        check_keywords("PrunedModel", unknown)
        density = density_of(density, sparsity)
        self.settings = PruningSettings(
            strategy, density, seed, pruning_schedule, pruning_start, pruning_end, qat, scale,
            entropy_weight,
        )  # fmt: skip
        selection = Selection(include, exclude, first_layer_dense, last_layer_dense)
        changes = self.settings.removes or self.settings.quantizer is not None
        self.plan = plan_model(model, selection, may_be_empty=not changes)
        self.kept = tuple(kept_count(tensor.numel, self.settings.kept) for tensor in self.plan)
        self.density = 1.0  # so far
        parameters = dict(model.named_parameters())
        self.values = nn.ParameterList(parameters[tensor.name] for tensor in self.plan)
        self._tell(told_of_dense(model, selection) if changes else ())
        self._take_over(model, replaced=changes)
        if self.settings.removes:
            for index, value in enumerate(self.values):
                whole = torch.ones(value.shape, dtype=torch.bool, device=value.device)
                self.register_buffer(f"mask{index}", whole)
        self.set_progress(0.0)

    @property
    def is_finished(self) -> bool:
        """Whether every weight that is to be removed is."""
        return self.density == self.settings.density

    def advance(
        self, *, epoch: int | None = None, step: int | None = None, steps: int | None = None
    ) -> None:
        """Say what comes next: epoch `epoch`, or step `step` of `steps` in all, counted from 0.

        Removes the weights that are due by then; where `step` is `steps`, training is over. An
        epoch alone says nothing here. To say the same again changes nothing. Raises SettingError
        for a step beyond the last, and for one without `steps` as long as weights are left to
        remove.
        """
        epoch, step, steps = check_progress(epoch, step, steps)
        if step is None or self.is_finished:
            return
        if not steps:
            raise SettingError(
                "steps: expected the number of steps in all beside step, which decides how many "
                f"weights are removed, got {steps}"
            )
        self.set_progress(step / steps)

    def set_progress(self, progress: float) -> None:
        """Remove the weights that are due when the fraction `progress` of the training is done.

        `progress` goes from 0 to 1: steps done / steps in all. What has been removed stays so. Of a
        tensor `kept_count` weights are left, on ties those of lower index. Raises SettingError,
        TrainingError for weights that are not numbers.
        """
        done = plain(progress)
        if not (is_number(done) and 0 <= done <= 1):
            raise SettingError(f"progress: expected a fraction from 0 to 1, got {shown(progress)}")
        due = self.settings.density_at(done)
        if due >= self.density:
            return
        for index, tensor in enumerate(self.plan):
            count = kept_count(tensor.numel, due)
            if count < kept_count(tensor.numel, self.density):
                mask = self._mask(index)
                mask.copy_(top_mask(self._importance(index), count))
        self.density = due

    def masks(self) -> dict[str, Tensor]:
        """Return the current masks: planned name -> bool tensor in the weight's shape, 1: kept."""
        if self.settings.strategy == "ternary":
            return {
                tensor.name: self.levels(index).integers != 0
                for index, tensor in enumerate(self.plan)
            }
        if not self.settings.removes:
            return {
                tensor.name: torch.ones(value.shape, dtype=torch.bool, device=value.device)
                for tensor, value in zip(self.plan, self.values, strict=True)
            }
        return {tensor.name: self._mask(index).clone() for index, tensor in enumerate(self.plan)}

    def levels(self, index: int) -> Levels:
        """Return the integers and the scale that weight `index` of the plan is made of by now.

        Raises SettingError for settings that round nothing.
        """
        if self.settings.quantizer is None:
            raise SettingError("levels: expected strategy binary or ternary, or qat, got neither")
        return self._levels(index, gathered(self.values[index]))

    def trained(self) -> nn.ParameterList:
        """Return the values."""
        return self.values

    def held(self) -> dict[str, nn.Parameter]:
        """Return the parameters that were taken out: the values are they."""
        return {tensor.name: self.values[index] for index, tensor in enumerate(self.plan)}

    def weights(self, *, every_name: bool = True) -> dict[str, Tensor]:
        """Return the weights by name: values where they are kept, +0.0 where they are removed.

        Differentiable; the gradient of a removed value is zero. That of a rounded weight is that of
        the value it is rounded from.
        """
        made: dict[str, Tensor] = {}
        for index, tensor in enumerate(self.plan):
            value = gathered(self.values[index])  # torch 2.6 compiles no strict zip
            weight = value
            if self.settings.quantizer is not None:
                weight = straight_through(value, self._levels(index, value))
            if self.settings.removes:
                zero = torch.zeros((), dtype=value.dtype, device=value.device)
                weight = torch.where(self._mask(index), weight, zero)
            names = (tensor.name, *tensor.aliases) if every_name else self._targets[index]
            made.update(dict.fromkeys(names, weight))
        return made

    def get_extra_state(self) -> Tensor:
        """Return the settings, and how dense the model is by now, as bytes."""
        return to_tensor({"settings": asdict(self.settings), "density": self.density})

    def set_extra_state(self, state: Any) -> None:
        """Go on at the state's density. Raises ModelError for that of other settings."""
        state = from_tensor(state)
        own, told = asdict(self.settings), asdict(PruningSettings()) | state.get("settings", {})
        for key in own:
            if told[key] != own[key]:
                raise ModelError(
                    f"the state dict is of a PrunedModel with other settings: {key}: expected "
                    f"{own[key]!r}, got {told[key]!r}"
                )
        self.density = state["density"]

    def extra_repr(self) -> str:
        """Say in one line what is pruned."""
        s = self.settings
        of_density = f", density={s.kept:g}, by now {self.density:g}"
        return (
            f"{len(self.plan)} tensors, {self.plan.numel} weights, strategy={s.strategy}"
            + (of_density if s.quantizer != s.strategy else "")
            + (f", {s.trained_dtype} values" if s.qat else "")
        )

    @torch.no_grad()
    def _levels(self, index: int, value: Tensor) -> Levels:
        assert self.settings.quantizer is not None
        mask = self._mask(index) if self.settings.removes else None
        return QUANTIZERS[self.settings.quantizer](value.detach().float(), mask, self.settings)

    def _mask(self, index: int) -> Tensor:
        mask: Tensor = getattr(self, f"mask{index}")
        return mask

    def _importance(self, index: int) -> Tensor:
        """Return what the kept weights are the largest of: above zero unless removed already."""
        value = gathered(self.values[index]).detach()
        if self.settings.strategy == "magnitude":
            if bool(value.isnan().any()):
                raise TrainingError(
                    f"{self.plan.tensors[index].name}: expected weights that are numbers, got NaN: "
                    "none can be chosen; a lower learning rate helps"
                )
            importance = value.float().abs().clamp_min(torch.finfo(torch.float32).tiny)
        else:
            words = prng.words(self.settings.seed, ORDER_STREAMS + index, value.numel())
            order = np.empty(len(words), np.float32)  # beyond 2^24 neighbours tie: no harm
            order[np.argsort(words, kind="stable")] = np.arange(len(words), 0, -1)
            importance = torch.from_numpy(order).view(value.shape).to(value.device)
        return torch.where(self._mask(index), importance, torch.zeros_like(importance))
