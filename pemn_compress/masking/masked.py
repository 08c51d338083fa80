"""MaskedModel: any nn.Module, its planned weights replaced by prototype x mask.

The planned parameters are taken out of the user's model, and every forward pass runs it on weights
made from the one shared prototype and the scores.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pemn_compress.errors import ModelError, SettingError
from pemn_compress.format.archive.records import Scale, Shuffle
from pemn_compress.format.archive.values import shuffled
from pemn_compress.masking import frozen, scales, starts
from pemn_compress.masking.budgeting import budget_at, global_masks
from pemn_compress.masking.extra_state import check_same, to_tensor
from pemn_compress.masking.host import PlannedModel
from pemn_compress.masking.references import told_of_optimizers
from pemn_compress.masking.rules.keywords import check_keywords
from pemn_compress.masking.rules.progress import check_progress
from pemn_compress.masking.rules.pruning import TRAINED_STRATEGIES
from pemn_compress.masking.rules.strategies import (
    SHUFFLE_STREAM,
    STRATEGIES,
    Filling,
    Settings,
    few_values_warning,
    fill,
)
from pemn_compress.masking.search import RENEWALS, SEARCHES, edge_popup
from pemn_compress.masking.selection import DTYPES, Selection, plan_model
from pemn_compress.masking.sharding import gathered
from pemn_compress.masking.staying_dense import told_of_dense
from pemn_compress.masking.straight_through import Fill, tile
from pemn_compress.masking.together import weights_at_once
from pemn_compress.masking.top import top_mask, top_signed

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
        distribution: "kaiming-normal", "kaiming-uniform", "signed-constant", "xavier-normal" or
            "xavier-constant".
        scaling: "layer" gives each tensor the scale of its own fan, "prototype" copies values
            unscaled as PEMN's code does.
        scale_by_density: multiply the scale by 1/sqrt(density).
        search: how scores become masks and weights: "edge-popup", "supermask",
            "biprop" or "sign".
        include: patterns of the names of exactly the parameters that are masked; see
            `selection.Selection`.
        exclude: patterns of names that stay dense.
        first_layer_dense: leave the first such tensor dense.
        last_layer_dense: leave the last one dense.
        methods: any other field of `strategies.Settings`: order, score_seed, ranking, budget,
            floor, layer_density, density_schedule, ramp_epochs, renewal, renewal_every,
            renewal_rate, learn_scale, frozen, frozen_by.

    Trainable parameters are one score per planned weight (`scores`, in plan order), the factors of
    scales that are learned (`factors`) and whatever the model had besides; any optimiser, any loop,
    DDP, torch.compile and `fully_shard` of the whole work as on any module. A loop calls `advance`
    as it goes on; only renewals and density schedules need it. Threads may run one model at once;
    their passes take turns.

    Raises ModelError for a model that cannot be masked, SettingError for a setting out of range.
    Warns (PemnWarning) of a prototype too short to be random, of parameters that stay dense because
    they are frozen, and of others that do where they are more than a tenth of the model.
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
        **methods: Any,
    ) -> None:
        super().__init__()
        check_keywords("MaskedModel", methods)
        if strategy in TRAINED_STRATEGIES:
            raise SettingError(
                f"strategy {strategy!r} trains weights: expected one of masks "
                f"({', '.join(STRATEGIES)}), or PrunedModel(model, strategy={strategy!r})"
            )
        self.settings = Settings(
            strategy, ratio, density, seed, distribution, scaling, scale_by_density, search,
            **methods,
        )  # fmt: skip
        seed = self.settings.seed
        selection = Selection(include, exclude, first_layer_dense, last_layer_dense)
        self.plan = plan_model(model, selection)
        self.filling: Filling = fill(self.plan, self.settings)
        self.budget = budget_at(self.plan, self.settings, self.settings.ramp)
        self.search = SEARCHES[search]
        few = few_values_warning(self.settings, self.filling.length)
        told = [few, *told_of_dense(model, selection)]
        device = next(model.parameters()).device
        drawn = self.filling.prototype(seed)
        if self.shuffle is not None:
            drawn = shuffled(drawn, self.shuffle)
        # of torch's own memory: numpy's cannot be resized, which is how sharding frees it
        prototype = torch.tensor(drawn, device=device)
        self.register_buffer("prototype", prototype, persistent=False)  # the seed restores it
        self._started: list[Tensor] = []  # scores at the start, once a pull needs them
        self.scores = nn.ParameterList(
            nn.Parameter(start.to(device)) for start in starts.initial_scores(self)
        )
        self.factors = scales.first_factors(self.plan, self.settings.learn_scale).to(device)
        self.kept_seeded = frozen.Frozen(self.plan, self.settings, self.filling, drawn).to(device)
        if not self.settings.signed:
            starts.leave_out_padding(self, model)
        make = RENEWALS[self.settings.renewal]
        self.renewal = make(self.plan, self.filling, self.settings, prototype) if make else None
        self.register_load_state_dict_post_hook(_reload)  # type: ignore[no-untyped-call]
        self._tell(told)
        self._take_over(model)
        self._tell(told_of_optimizers(self.held()))

    @property
    def is_finished(self) -> bool:
        """Whether the density is the one that the settings say, and no longer on its way there."""
        return self.budget == budget_at(self.plan, self.settings, self.settings.ramp)

    def advance(
        self, *, epoch: int | None = None, step: int | None = None, steps: int | None = None
    ) -> None:
        """Say what comes next: epoch `epoch`, or step `step` of `steps` in all.

        Both count from 0, steps over the whole run; where `step` is `steps`, training is over and
        nothing is renewed any more. Renews weights and changes the density where the settings say
        so; a function of its arguments and the state dict, so that a resumed run goes on as if it
        had never stopped. To say the same epoch or step again changes nothing. Raises SettingError
        for a number below 0, and for a step beyond the last.
        """
        epoch, step, steps = check_progress(epoch, step, steps)
        if epoch is not None and self.settings.ramp:
            self.budget = budget_at(self.plan, self.settings, epoch)
        if self.renewal is None or (step is not None and step == steps):
            return
        count = self.renewal.due(epoch=epoch, step=step)
        if count is not None:
            with torch.no_grad():
                scores = self._whole_scores()
                ranks = [score if self.settings.signed else score.abs() for score in scores]
                self.renewal.renew(count, ranks, list(self.masks().values()))
                self.renewal.last.fill_(count)

    @torch.no_grad()
    def pull(self, amount: float) -> None:
        """Move every score towards where it started, by `amount` and not beyond.

        After each optimiser step this is the proximal step of amount x sum |s - s0|: what the loss
        does not ask for stays as the seed has it, and costs few bits where that predicts it.
        """
        for score, start in zip(self.scores, self._starts(), strict=True):
            score.sub_(start)
            score.copy_(functional.softshrink(score, amount)).add_(start)

    def _starts(self) -> list[Tensor]:
        """Return the scores that training starts from, made anew from the seed once."""
        if not self._started:
            self._started = [
                start.to(score.device)
                for start, score in zip(starts.initial_scores(self), self.scores, strict=True)
            ]
        return self._started

    def masks(self) -> dict[str, Tensor]:
        """Return the current masks: planned name -> bool tensor in the weight's shape.

        The masks that would be stored now, also where training draws others.
        """
        return self._masks_of(self._whole_scores())

    def first_masks(self) -> dict[str, Tensor]:
        """Return the masks of the scores that training started from, at the current density."""
        return self._masks_of(self.first_scores())

    def first_scores(self) -> list[Tensor]:
        """Return the scores that training started from; those of frozen weights rank first."""
        return self._anchored(self._starts())

    @property
    def is_predicted(self) -> bool:
        """Whether a reader can tell first masks from the seed: by the magnitude of first scores."""
        plain = self.search.initial_scores is edge_popup.initial_scores
        return plain and not self.settings.signed

    def _masks_of(self, scores: list[Tensor]) -> dict[str, Tensor]:
        shared = global_masks(self, scores)
        return {t.name: self._mask(i, scores[i], shared) for i, t in enumerate(self.plan)}

    def trained(self) -> nn.ParameterList:
        """Return the scores."""
        return self.scores

    def fill(self, index: int) -> Fill:
        """Return where a tensor's fixed weights come from at present, without a learned scale."""
        scale = 1.0 if self.factors else self.filling.scales[index]
        if self.renewal is not None:
            return Fill(self.renewal.values(index), 0, scale)
        return Fill(self.prototype, self.filling.offsets[index], scale)

    def scale(self, index: int) -> Scale:
        """Return what multiplies the fixed values of a planned tensor at present, as stored."""
        if not self.factors:
            return self.filling.scales[index]
        return scales.stored(self._scale(index), self.settings.learn_scale)

    def _scale(self, index: int) -> Tensor:
        return scales.scale_of(gathered(self.factors[index]), self.filling.scales[index])

    def frozen(self, index: int) -> Tensor | None:
        """Return which weights of a planned tensor keep their seeded value; None where none does.

        bool, in its shape.
        """
        return self.kept_seeded.of(index)

    @property
    def shuffle(self) -> Shuffle | None:
        """How the vector that tensors take values from is shuffled; None: not at all."""
        length = self.filling.shuffled_length
        return Shuffle(length, self.settings.seed, SHUFFLE_STREAM) if length else None

    def weights(self, *, every_name: bool = True, training: bool = False) -> dict[str, Tensor]:
        """Return the masked weights by name, differentiable with respect to the scores.

        A tied weight appears under each of its names, as the very same tensor. `training` draws
        the masks of a training step where the search does that.
        """
        scores = self._whole_scores()
        shared = global_masks(self, scores)
        made: dict[str, Tensor] = {}
        together = weights_at_once(self, scores, shared, training)
        for index, tensor in enumerate(self.plan):
            if together is None:
                weight = self._weight(index, scores[index], shared, training)
            else:
                weight = together[index]
            if self.factors:
                weight = scales.scaled(weight, self._scale(index))
            if tensor.dtype != "f32":
                weight = weight.to(_TORCH_DTYPES[tensor.dtype])
            names = (tensor.name, *tensor.aliases) if every_name else self._targets[index]
            made.update(dict.fromkeys(names, weight))
        return made

    def _weight(
        self, index: int, score: Tensor, shared: list[Tensor] | None, training: bool
    ) -> Tensor:
        every = self.search.learns_signs and self.budget.counts[index] == score.numel()
        mask = None if every else self._mask(index, score, shared, training=training)
        return self.search.weight(score, mask, self.fill(index), self.settings.signed)

    def negated(self, index: int) -> Tensor:
        """Return which weights have another sign than the seed gives them: bool, in their shape."""
        if self.renewal is not None:
            return self.renewal.negated(index, self.prototype)
        changed: Tensor = self.scores[index].detach().signbit() != self.seeded(index).signbit()
        kept = self.frozen(index)
        return changed if kept is None else changed & ~kept

    def seeded(self, index: int) -> Tensor:
        """Return the fixed weight that the seed gives a planned tensor."""
        offset, scale = self.filling.offsets[index], self.filling.scales[index]
        return tile(self.prototype, offset, self.plan.tensors[index].shape, scale)

    def _forward_weights(self) -> dict[str, Tensor]:
        return self.weights(every_name=False, training=self.training)

    def _whole_scores(self) -> list[Tensor]:
        """Return the scores, gathered where each rank holds a part of them, differentiable."""
        scores = [gathered(score) for score in self.scores]
        for score in scores:
            if score.dtype != torch.float32:  # cast for a pass, by FSDP's mixed precision for one
                raise ModelError(
                    f"a MaskedModel's scores stay float32 in training: got {score.dtype}, whose "
                    "masks are others than those that are stored; train under torch.autocast"
                )
        return self._anchored(scores)

    def _anchored(self, scores: list[Tensor]) -> list[Tensor]:
        """Return scores of which those of frozen weights rank first and have no gradient."""
        signs = self.seeded if self.search.learns_signs else None
        return self.kept_seeded.anchor(scores, signs)

    def _mask(
        self, index: int, score: Tensor, shared: list[Tensor] | None, *, training: bool = False
    ) -> Tensor:
        count = self.budget.counts[index]
        draw = self.search.training_mask
        if training and draw is not None:
            return draw(score, count if shared is None else int(shared[index].sum()))
        if shared is not None:
            return shared[index]
        mask: Tensor = (top_signed if self.settings.signed else top_mask)(score, count)
        return mask

    def _apply(self, fn: Any, recurse: bool = True) -> "MaskedModel":
        super()._apply(fn, recurse)
        for score in self.scores:  # channels-last is for convolutions; masks go by C order
            score.data = score.data.contiguous()
        return self

    def get_extra_state(self) -> Tensor:
        """Return the settings, as bytes: scores mean something only beside their seed."""
        return to_tensor(self.settings.told())

    def set_extra_state(self, state: Any) -> None:
        """Refuse the state of a model with other settings. Raises ModelError."""
        check_same(self.settings.told(), state, "a MaskedModel")

    def extra_repr(self) -> str:
        """Say in one line what is masked."""
        s = self.settings
        return (
            f"{len(self.plan)} tensors, {self.plan.numel} weights, strategy={s.strategy}, "
            f"density={s.density:g}, prototype={self.filling.length}, search={s.search}, "
            f"renewal={s.renewal}"
        )


def _reload(masked: MaskedModel, _: Any) -> None:
    if masked.renewal is not None:
        masked.renewal.reload(masked.prototype)
