"""Your own training loop, three lines of ours: python examples/own_loop.py

Masks the convolutions and linear layers of a small network with one prototype of 369 values (RP at
ratio 1e-2), trains it on scikit-learn's handwritten digits with a plain loop, and moves it through
an archive. On a CPU this takes a few seconds and ends between 95 and 99 % test accuracy (359
images): how sums are rounded, and so the last steps, differs with the machine and its threads.
"""

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

import pemn_compress


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def main() -> None:
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target)
    is_test = torch.arange(len(labels)) % 5 == 2

    masked = pemn_compress.MaskedModel(network(), strategy="rp", ratio=1e-2, density=0.5, seed=0)
    pemn_compress.rehearse(masked, images[:4], build=network)  # before anything is spent

    optimizer = torch.optim.AdamW(masked.parameters(), lr=0.01)
    train_images, train_labels = images[~is_test], labels[~is_test]
    for _ in range(20):
        for batch in torch.randperm(len(train_labels)).split(64):
            loss = functional.cross_entropy(masked(train_images[batch]), train_labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.pemn"
        pemn_compress.save(masked, path)
        # the archive does not know how to build it, so a new one is given to be filled
        restored = pemn_compress.load(path, model=network())
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    with torch.no_grad():
        correct = restored(images[is_test]).argmax(1) == labels[is_test]
        same = torch.equal(restored(images[is_test]), masked.eval()(images[is_test]))
    print(f"test accuracy {100 * correct.float().mean():.1f} %, outputs equal bit for bit: {same}")


if __name__ == "__main__":
    main()
