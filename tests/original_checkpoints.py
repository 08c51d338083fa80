"""Checkpoints with the layout and the names that the papers' own projects write, but small.

Made from what is known of those projects' files; nothing here is from their code.
"""

import math
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

SHAPES = {"convs.0": (6, 3, 3, 3), "convs.2": (6, 6, 3, 3), "linear": (4, 6, 1, 1)}


class Net(nn.Module):
    """What the checkpoints below are of; `linear` is a 1x1 convolution there."""

    def __init__(self, *, linear_head=False):
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3, bias=False)
        )
        head = nn.Linear(6, 4, bias=False) if linear_head else nn.Conv2d(6, 4, 1, bias=False)
        self.linear = head

    def forward(self, x):
        x = self.convs(x).mean((2, 3), keepdim=True)
        return self.linear(x if isinstance(self.linear, nn.Conv2d) else x.flatten(1)).flatten(1)


def weights(kind, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = {n: torch.randn(shape, generator=generator) for n, shape in SHAPES.items()}
    if kind == "signed-constant":
        return {n: w.sign() * math.sqrt(2 / w[0].numel()) for n, w in made.items()}
    return made


def state_of(weight, scores="scores", prefix="", seed=1):
    generator = torch.Generator().manual_seed(seed)
    state = OrderedDict()
    for name, tensor in weight.items():
        state[f"{prefix}{name}.weight"] = tensor
        state[f"{prefix}{name}.{scores}"] = torch.randn(tensor.shape, generator=generator)
        if name == "convs.0":
            for part in ("weight", "bias", "running_mean", "running_var"):
                value = torch.rand(6, generator=generator) + 0.1
                state[f"{prefix}convs.1.{part}"] = value
            state[f"{prefix}convs.1.num_batches_tracked"] = torch.tensor(7)
    return state


def save(path, content, **how):
    torch.save(content, path, **how)
    return path


def checkpoint(path, project, state, *, zipped=True, **more):
    """Write a file with the layout that the project's training script writes."""
    how = {"_use_new_zipfile_serialization": zipped}
    if project == "pemn":
        return save(path, state, **how)
    if project == "iterand":
        content = {"epoch": 99, "model_state_dict": state, "optim_state_dict": optimizer()}
        return save(path, content | {"best_val": 0.9, "total_iters": 35200} | more, **how)
    content = {"epoch": 100, "arch": "Conv2", "state_dict": state, "optimizer": optimizer()}
    accuracies = {"best_acc1": torch.tensor(88.1), "best_acc5": 99.0, "best_train_acc1": 90.2}
    return save(path, content | accuracies | {"curr_acc1": 88.0} | more, **how)


def optimizer():
    """Return an optimizer's state after a cosine schedule, whose rates are numbers of numpy."""
    made = torch.optim.SGD([nn.Parameter(torch.ones(3))], lr=0.1, momentum=0.9)
    made.param_groups[0]["params"][0].grad = torch.ones(3)
    made.step()
    made.param_groups[0]["lr"] = 0.5 * (1 + np.cos(np.pi * np.float64(99) / 100)) * 0.1
    assert type(made.param_groups[0]["lr"]) is np.float64
    return made.state_dict()
