"""What was trained comes back from an archive bit for bit, for every strategy and kind of layer."""

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pemn_compress.format.archive import open_archive
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.masking.rules.strategies import DISTRIBUTIONS, SCALINGS, STRATEGIES
from pemn_compress.storing import loading
from pemn_compress.storing import saving as packing


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


class Convolutions(nn.Module):
    """Grouped, dilated, transposed, one- and three-dimensional convolutions; batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(4, 8, 3, groups=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2, groups=2)
        self.volume = nn.Conv3d(1, 3, (3, 2, 2))
        self.line = nn.Conv1d(3, 2, 3)
        self.mix = nn.Bilinear(5, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(functional.relu(self.norm(self.grouped(x))))
        x = self.volume(x.unsqueeze(1)).mean((2, 3))
        x = self.line(x)[..., :5]
        return self.mix(x[:, 0], x[:, 1])

    def sample(self) -> Tensor:
        return torch.randn(4, 4, 6, 6)


class Attention(nn.Module):
    """A transformer's encoder layer, and attention with biases and widths of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.attention = nn.MultiheadAttention(
            8, 2, add_bias_kv=True, kdim=4, vdim=4, batch_first=True
        )
        self.class_token = nn.Parameter(torch.randn(1, 1, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder(torch.cat([self.class_token.expand(len(x), -1, -1), x], 1))
        return self.attention(x, x[..., :4], x[..., 4:], need_weights=False)[0][:, 0]

    def sample(self) -> Tensor:
        return torch.randn(4, 5, 8)


class Language(nn.Module):
    """An embedding tied to the output layer, an LSTM and a GRU, a layer in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(12, 6)
        self.lstm = nn.LSTM(6, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(8, 6, batch_first=True)
        self.mix = nn.Linear(6, 6)
        self.again = self.mix
        self.head = nn.Linear(6, 12, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("seen", torch.arange(24).view(2, 12).t())

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.gru(self.lstm(self.embedding(tokens))[0])[0]
        return self.head(self.again(torch.tanh(self.mix(x))))[:, -1]

    def sample(self) -> Tensor:
        return torch.randint(12, (4, 5))


MODELS = (Convolutions, Attention, Language)


def small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    )


def train(masked: nn.Module, inputs: Tensor, steps: int = 3) -> None:
    optimizer = torch.optim.SGD(masked.parameters(), lr=0.5, momentum=0.9)
    for _ in range(steps):
        outputs = masked(inputs)
        loss = functional.cross_entropy(outputs.float(), torch.arange(len(outputs)) % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def check_restored(masked: MaskedModel, fresh: nn.Module, packed: bytes, inputs: Tensor) -> None:
    keys = list(fresh.state_dict())
    restored = loading.load(packed, model=fresh)
    plain = masked.eval().to_plain()
    assert list(restored.state_dict()) == list(plain.state_dict()) == keys
    for name, tensor in plain.state_dict().items():
        got = restored.state_dict()[name]
        assert got.dtype == tensor.dtype
        assert bits(got) == bits(tensor), name
    with torch.no_grad():
        assert bits(restored(inputs)) == bits(masked(inputs))
    assert not restored.training


def bits(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


COMBINATIONS = [
    (strategy, scaling, distribution, density)
    for strategy, scaling, distribution in itertools.product(STRATEGIES, SCALINGS, DISTRIBUTIONS)
    for density in ((0.5, 0.1) if distribution == "kaiming-normal" else (0.5,))
]


@pytest.mark.parametrize(("strategy", "scaling", "distribution", "density"), COMBINATIONS)
def test_every_way_to_fill_is_restored_bit_for_bit(
    strategy: str, scaling: str, distribution: str, density: float
) -> None:
    masked = MaskedModel(
        small(),
        strategy=strategy,
        ratio=0.1,
        scaling=scaling,
        distribution=distribution,
        density=density,
        scale_by_density=density < 0.5,
        seed=2**64 - 1,
    )
    inputs = torch.randn(6, 1, 6, 6)
    train(masked, inputs)
    check_restored(masked, small(), packing.pack(masked), inputs)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_every_kind_of_layer_is_restored_bit_for_bit(kind: type, strategy: str) -> None:
    masked = MaskedModel(kind(), strategy=strategy, ratio=0.05, seed=3)
    inputs = kind().sample()
    train(masked, inputs)
    check_restored(masked, kind(), packing.pack(masked), inputs)


def test_tied_weights_stay_tied() -> None:
    masked = MaskedModel(Language())
    restored = loading.load(packing.pack(masked), model=Language())
    assert restored.head.weight is restored.embedding.weight
    with open_archive(packing.pack(masked)) as archive:
        state = loading.state_dict(archive)
    assert state["head.weight"] is state["embedding.weight"]
    assert state["again.bias"] is state["mix.bias"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_models(dtype: torch.dtype) -> None:
    masked = MaskedModel(small().to(dtype), strategy="mask")
    inputs = torch.randn(6, 1, 6, 6, dtype=dtype)
    train(masked, inputs)
    check_restored(masked, small().to(dtype), packing.pack(masked), inputs)


def test_kernels_are_chosen_alike_with_and_without_gradients() -> None:
    """Torch looks at requires_grad, even under no_grad, to choose how a product is computed."""
    masked = MaskedModel(nn.MultiheadAttention(8, 2, kdim=4, vdim=4)).eval()
    plain = masked.to_plain()
    x = torch.randn(6, 4, 8)
    inputs = (x, x[..., :4], x[..., 4:])
    for enabled in (False, True):
        with torch.set_grad_enabled(enabled):
            assert bits(masked(*inputs)[0]) == bits(plain(*inputs)[0])
