"""What a training step is compared with: the same network trained in other ways.

`sort` follows Ramanujan et al., CVPR 2020, section 3.2 and algorithm 1, as every published
implementation does it: each forward pass sorts all |scores| of each tensor, writes the mask by
the sorted order, multiplies, and lets the gradient straight through.
"""

from collections.abc import Callable
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.func import functional_call

import pemn_compress
from pemn_compress.masking.rules.plan import kept_count
from pemn_compress.masking.selection import owner_of, plan_model

DENSITY = 0.5


def resnet18() -> nn.Module:
    """Build torchvision's ResNet-18 with the stem that 32x32 images get: 11.2 million weights."""
    model = torchvision.models.resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


MODELS: dict[str, Callable[[], nn.Module]] = {
    "ResNet-32": lambda: pemn_compress.build("resnet32"),
    "ConvMixer-256/8": lambda: pemn_compress.build("convmixer", dim=256, depth=8),
    "ViT-256/6": lambda: pemn_compress.build("vit", dim=256, depth=6, mlp_dim=512),
    "ResNet-18": resnet18,
    "resnet9": lambda: pemn_compress.build("resnet9", width=16),
}


class _Replaced(nn.Module):
    """A model whose planned weights are made anew in every forward pass from `parameters`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.plan = plan_model(model)
        owners = [owner_of(model, tensor.name) for tensor in self.plan]
        self.values = nn.ParameterList([getattr(*place) for place in owners])
        for owner, leaf in owners:
            setattr(owner, leaf, None)
        self.model = model

    def weight(self, index: int) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Any:
        weights = {tensor.name: self.weight(i) for i, tensor in enumerate(self.plan)}
        return functional_call(self.model, weights, (x,))


class FixedMask(_Replaced):
    """Weights are trained and multiplied by a mask that never changes: pruned fine-tuning."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.masks = [(torch.rand_like(value) < DENSITY).float() for value in self.values]

    def weight(self, index: int) -> Tensor:
        """Return one multiplied weight."""
        return self.values[index] * self.masks[index]


class _Subnet(torch.autograd.Function):
    """The mask of the largest scores by a full sort; the identity in the backward pass."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, kept: int) -> Tensor:
        mask = scores.clone()
        order = scores.flatten().sort().indices
        flat = mask.flatten()
        flat[order[: -kept or None]] = 0
        flat[order[-kept:]] = 1
        return flat.view_as(scores)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return gradients[0], None


class FullSort(_Replaced):
    """Edge-popup as published: a fixed weight per tensor, and a sort in every forward pass."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.fixed = [value.detach().clone() for value in self.values]

    def weight(self, index: int) -> Tensor:
        """Return one masked weight."""
        scores = self.values[index]
        return self.fixed[index] * _Subnet.apply(scores.abs(), kept_count(scores.numel(), DENSITY))


VARIANTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "plain": lambda model: model,
    "masked": lambda model: pemn_compress.MaskedModel(model, density=DENSITY),
    "sign": lambda model: pemn_compress.MaskedModel(model, search="sign", density=1.0),
    "fixed mask": FixedMask,
    "full sort": FullSort,
}


class Trainer:
    """One model, its optimiser (SGD with momentum 0.9) and one batch of noise to step on."""

    def __init__(
        self,
        name: str,
        variant: str,
        batch: int,
        *,
        amp: bool = False,
        channels_last: bool = False,
        device: str = "cpu",
        compiled: bool = False,
    ) -> None:
        torch.manual_seed(0)
        self.model = VARIANTS[variant](MODELS[name]()).train().to(device)
        self.inputs = torch.randn(batch, 3, 32, 32).to(device)
        self.targets = (torch.arange(batch) % 10).to(device)
        if channels_last:
            self.model.to(memory_format=torch.channels_last)
            self.inputs = self.inputs.to(memory_format=torch.channels_last)
        self.amp, self.device = amp, device
        self.forward = torch.compile(self.model) if compiled else self.model
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3, momentum=0.9)

    def step(self) -> None:
        """Do one training step as `training.fit` does it."""
        with torch.autocast(self.device, torch.bfloat16, enabled=self.amp):
            outputs = self.forward(self.inputs)
        loss = nn.functional.cross_entropy(outputs.float(), self.targets)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
