"""Two inputs: pemn compress examples/tasks/two_inputs.py --epochs 10"""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Pairs(Dataset):
    """Points, and which of them is asked for: ((points, which), label)."""

    def __init__(self, count, seed):
        draw = torch.Generator().manual_seed(seed)
        self.points = torch.randn(count, 8, generator=draw)
        self.which = torch.randint(8, (count,), generator=draw)

    def __len__(self):
        return len(self.which)

    def __getitem__(self, index):
        points, which = self.points[index], self.which[index]
        return (points, which), (points[which] > 0).long()


class Asked(nn.Module):  # noqa: D101
    def __init__(self, width):
        super().__init__()
        self.embedding = nn.Embedding(8, width)
        self.points, self.head = nn.Linear(8, width), nn.Linear(width, 2)

    def forward(self, points, which):  # noqa: D102
        return self.head((self.points(points) * self.embedding(which)).relu())


build_model, loss = (lambda width=128: Asked(width)), nn.CrossEntropyLoss()
train_data, eval_data = (lambda: DataLoader(Pairs(6000, 0), 64, True)), (lambda: Pairs(1000, 1))


def metrics(outputs, targets):
    return {"accuracy:max": ((outputs.argmax(1) == targets).sum(), len(targets))}
