"""Variants of any module: batch norm frozen or stripped, layers without biases."""

import warnings
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from pemn_compress.errors import ModelError, UnknownNameError
from pemn_compress.models import build
from pemn_compress.models.variants import apply_variant

ARGUMENTS: dict[str, dict[str, object]] = {
    "mlp": {"width": 8},
    "conv2": {"width": 0.125},
    "resnet20": {"width": 0.25, "shortcut": "conv"},
    "convmixer": {"dim": 8, "depth": 2},
    "vit": {"dim": 16, "depth": 2, "heads": 2, "mlp_dim": 16},
}


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def test_batchnorm_frozen_stays_at_its_initial_values() -> None:
    model = build("resnet20", ARGUMENTS["resnet20"])
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    nn.init.constant_(norms[3].weight, 5.0)
    assert apply_variant(model, batchnorm="frozen") is model
    for norm in norms:
        assert torch.equal(norm.weight, torch.ones_like(norm.weight))
        assert not norm.bias.any()
        assert not norm.weight.requires_grad
        assert not norm.bias.requires_grad
    model(torch.randn(2, 3, 32, 32)).sum().backward()


def test_batchnorm_non_affine_computes_what_frozen_does() -> None:
    frozen = apply_variant(build("convmixer", ARGUMENTS["convmixer"]), batchnorm="frozen")
    stripped = build("convmixer", ARGUMENTS["convmixer"])
    apply_variant(stripped, batchnorm="non-affine")
    assert not any("2.weight" in key for key in stripped.state_dict())
    stripped.load_state_dict(frozen.state_dict(), strict=False)
    images = torch.randn(4, 3, 32, 32)
    assert torch.equal(stripped(images), frozen(images))
    apply_variant(stripped, batchnorm="frozen")
    apply_variant(stripped, batchnorm="non-affine")


def test_learned_and_biased_change_nothing() -> None:
    model = build("resnet20", ARGUMENTS["resnet20"])
    before = {key: value.clone() for key, value in model.state_dict().items()}
    apply_variant(model)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("name", ARGUMENTS)
def test_without_bias_computes_what_zero_biases_do(name: str) -> None:
    model = build(name, ARGUMENTS[name]).eval()
    images = torch.randn(2, 3, 32, 32)
    owners = (nn.Conv2d, nn.Linear)
    for module in model.modules():
        if isinstance(module, owners) and module.bias is not None:
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.MultiheadAttention):
            nn.init.zeros_(module.in_proj_bias)
    with torch.no_grad():
        expected = model(images)
        apply_variant(model, bias=False)
        torch.testing.assert_close(model(images), expected, atol=1e-5, rtol=1e-4)
    left = {key.rpartition(".")[0] for key in model.state_dict() if key.endswith("bias")}
    norms = (nn.BatchNorm2d, nn.LayerNorm)
    assert all(isinstance(model.get_submodule(key), norms) for key in left)


def test_without_bias_covers_foreign_modules_and_leaves_recurrent_ones() -> None:
    model = nn.ModuleDict(
        {
            "encoder": nn.TransformerEncoderLayer(8, 2, 8, batch_first=True),
            "up": nn.ConvTranspose1d(2, 2, 3),
            "pair": nn.Bilinear(2, 2, 2),
            "rnn": nn.LSTM(3, 4),
        }
    )
    apply_variant(model, bias=False)
    biases = [key for key in model.state_dict() if "bias" in key]
    assert biases
    assert all(key.startswith("rnn.") or ".norm" in key for key in biases)
    model.eval()
    with torch.no_grad():
        assert model["encoder"](torch.randn(2, 3, 8)).isfinite().all()
        assert model["up"](torch.randn(1, 2, 5)).isfinite().all()
        assert model["pair"](torch.randn(1, 2), torch.randn(1, 2)).isfinite().all()
        assert model["rnn"](torch.randn(2, 1, 3))[0].isfinite().all()


def test_variant_refusals() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown batchnorm 'off'; .*frozen, learned"):
        apply_variant(nn.Linear(2, 2), batchnorm="off")
    parametrized = nn.Linear(2, 2)
    torch.nn.utils.parametrize.register_parametrization(parametrized, "bias", nn.Tanh())
    with pytest.raises(ModelError, match="0: expected bias to be a plain parameter"):
        apply_variant(nn.Sequential(parametrized), bias=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lazy = nn.LazyBatchNorm1d()
    with pytest.raises(ModelError, match=r"model: .*run the model on one batch first"):
        apply_variant(lazy, batchnorm="frozen")
