"""Learning from a teacher: its softened answers beside the labels.

Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pemn_compress.data.samples import Data
from pemn_compress.data.trees import call, floats
from pemn_compress.errors import DataError, ModelError, SettingError
from pemn_compress.training.evaluation import check_fit
from pemn_compress.training.recipes import Recipe

Forward = Callable[..., Any]


@dataclass(frozen=True)
class Teacher:
    """A trained model whose answers a batch's loss is mixed with; it is evaluated, never trained.

    The loss becomes (1 - weight) x the task's own + weight x T^2 x KL(teacher || student), both
    softened by the temperature T. The factor keeps gradients of one size whatever the temperature.
    """

    model: nn.Module
    weight: float
    temperature: float

    def mixed(self, loss: Tensor, outputs: Tensor, inputs: Any) -> Tensor:
        """Return a batch's loss with the teacher's part; `outputs` are the student's logits."""
        if not self.weight:
            return loss
        with torch.no_grad():
            taught = floats(call(self.model, inputs))
        soft = F.log_softmax(outputs / self.temperature, dim=1)
        told = F.log_softmax(taught / self.temperature, dim=1)
        apart = F.kl_div(soft, told, reduction="batchmean", log_target=True)
        return (1 - self.weight) * loss + self.weight * self.temperature**2 * apart


def teacher_for(
    model: nn.Module | None, student: nn.Module, data: Data, recipe: Recipe, device: torch.device
) -> Teacher | None:
    """Return the teacher of a run, frozen on its device; None without a model.

    Raises SettingError for a task that is no classification, DataError for a teacher that does not
    fit the data or has another number of outputs than the student.
    """
    if model is None:
        return None
    if not data.task.is_classification:
        raise SettingError(
            f"teacher: expected a task of classes, whose answers can be softened, got {data.name!r}"
        )
    model = model.to(device).eval().requires_grad_(False)
    try:
        outputs = check_fit(model, data)
    except (DataError, ModelError) as error:
        raise type(error)(f"teacher: {error}") from None
    own = check_fit(student, data)
    if outputs != own:
        raise DataError(f"teacher: expected {own} outputs, as the model has, got {outputs}")
    return Teacher(model, recipe.teacher_weight, recipe.temperature)
