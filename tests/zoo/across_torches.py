"""Archives with graphs, written or read by the torch of the Python that runs this file.

    python across_torches.py write FOLDER     one archive a model, its inputs and outputs beside it
    python across_torches.py read FOLDER      what another torch wrote, restored from it alone

It needs torch, torchvision and this package. Reading is from the graph alone: a model's own code,
run here with the archive's tensors, has to compute the same bits as the graph does here.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from pemn_compress import MaskedModel, load, save, verify
from pemn_compress.errors import PemnWarning

BATCHES = (1, 2, 7)


class Recurrent(nn.Module):
    """Words through an LSTM and a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 16)
        self.lstm = nn.LSTM(16, 12, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(24, 10, batch_first=True)
        self.head = nn.Linear(10, 4)

    def forward(self, ids: Tensor) -> Tensor:
        """Scores of the last moment, (batch, 4)."""
        moments = self.gru(self.lstm(self.words(ids))[0])[0]
        scores: Tensor = self.head(moments[:, -1])
        return scores


class Encoder(nn.Module):
    """A transformer's encoder over pieces of a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces = nn.Conv2d(3, 32, 8, 8)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Scores and features by name."""
        features = self.layers(self.pieces(pictures).flatten(2).transpose(1, 2)).mean(1)
        return {"scores": self.head(features), "features": features}


def vision(name: str) -> Callable[[], nn.Module]:
    return lambda: torchvision.models.get_model(name, weights=None)


# name -> what builds it, and the size of its pictures, or None for words
MODELS: dict[str, tuple[Callable[[], nn.Module], int | None]] = {
    "resnet18": (vision("resnet18"), 64),
    "mobilenet_v3_small": (vision("mobilenet_v3_small"), 64),
    "efficientnet_b0": (vision("efficientnet_b0"), 64),
    "densenet121": (vision("densenet121"), 64),
    "convnext_tiny": (vision("convnext_tiny"), 64),
    "swin_t": (vision("swin_t"), 64),
    "shufflenet_v2_x0_5": (vision("shufflenet_v2_x0_5"), 64),
    "recurrent": (Recurrent, None),
    "encoder": (Encoder, 32),
}


def batch(size: int | None, count: int) -> Tensor:
    drawn = np.random.default_rng(count)
    if size is None:
        return torch.from_numpy(drawn.integers(0, 50, (count, 9)))
    return torch.from_numpy(drawn.standard_normal((count, 3, size, size), dtype=np.float32))


def computed(model: nn.Module, size: int | None) -> dict[str, np.ndarray]:
    """Name of an output and batch -> its numbers."""
    found = {}
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad():
        for count in BATCHES:
            made = model(batch(size, count))
            for key, value in (made if isinstance(made, dict) else {"": made}).items():
                found[f"{count} {key}"] = value.numpy()
    return found


def write(folder: Path) -> None:
    for name, (make, size) in MODELS.items():
        torch.manual_seed(0)
        masked = MaskedModel(make(), seed=0).eval()
        save(masked, folder / f"{name}.pemn", inputs=batch(size, 2), graph="always")
        np.savez(folder / f"{name}.npz", **computed(masked, size))


def read(folder: Path) -> None:
    """One line of JSON: name -> the largest difference from what the other torch computed."""
    told = {}
    for name, (make, size) in MODELS.items():
        path = folder / f"{name}.pemn"
        verify(path)
        made = computed(load(path), size)
        own = make()
        own.load_state_dict(load(path).state_dict(), strict=True)
        for key, value in computed(own.eval(), size).items():
            assert np.array_equal(made[key], value), f"{name}: other bits than its code, {key}"
        with np.load(folder / f"{name}.npz") as written:
            assert set(written) == set(made)
            told[name] = max(float(np.abs(written[key] - made[key]).max()) for key in made)
    print(json.dumps(told))


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore", PemnWarning)
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
