"""Several labels at once: pemn compress examples/tasks/multilabel.py --epochs 10"""

import torch
from torch import nn
from torch.nn import functional


def build_model(width: int = 96) -> nn.Module:
    return nn.Sequential(nn.Linear(20, width), nn.ReLU(), nn.Linear(width, 5))


def train_data():
    return signs(4000, seed=0)


def eval_data():
    return signs(1000, seed=1)


def signs(count: int, seed: int):
    x = torch.randn(count, 20, generator=torch.Generator().manual_seed(seed))
    return x, (x.view(count, 5, 4).sum(2) > 0).float()  # 0 or 1 for each of five labels


def loss(outputs, targets):
    return functional.binary_cross_entropy_with_logits(outputs, targets)


def metrics(outputs, targets):
    found, true = outputs > 0, targets > 0
    agree = (found & true).sum()
    return {
        "f1:max": (2 * agree, found.sum() + true.sum()),
        "exact:max": ((found == true).all(1).sum(), len(targets)),
    }
