"""Architectures: known sizes, shapes, export, refusals; torchvision by name."""

import math
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from pemn_compress.errors import SettingError, UnknownNameError
from pemn_compress.models import ARCHITECTURES, build, data_arguments, parameters_of

# Small sizes for the tests that are not about size.
SMALL: dict[str, dict[str, object]] = {
    "mlp": {"width": 8},
    "conv2": {"width": 0.125},
    "conv4": {"width": 0.125},
    "conv6": {"width": 0.125},
    "conv8": {"width": 0.125},
    "resnet20": {"width": 0.25},
    "resnet32": {"width": 0.25},
    "resnet56": {"width": 0.25},
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


def masked_sizes(model: nn.Module) -> list[int]:
    """Sizes of the tensors that are masked by default: two dimensions or more, with an owner."""
    owners = (nn.Conv2d, nn.Linear, nn.MultiheadAttention)
    return [
        parameter.numel()
        for module in model.modules()
        if isinstance(module, owners)
        for parameter in module.parameters(recurse=False)
        if parameter.dim() >= 2
    ]


def on_meta(name: str, **arguments: object) -> nn.Module:
    """Build without memory: sizes only."""
    with torch.device("meta"):
        return build(name, arguments)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("resnet20", 269_722), ("resnet32", 464_154), ("resnet56", 853_018)],
)
def test_resnets_have_the_published_parameters(name: str, parameters: int) -> None:
    """He et al. (2016), table 6: 0.27, 0.46 and 0.85 million."""
    assert sum(parameter.numel() for parameter in on_meta(name).parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "convolutions", "linear"),
    [
        ("conv2", 1_728 + 36_864, 16_384 * 256 + 256 * 256 + 2_560),
        ("conv4", 259_776, 8_192 * 256 + 256 * 256 + 2_560),
        ("conv6", 1_144_512, 4_096 * 256 + 256 * 256 + 2_560),
        ("conv8", 4_683_456, 2_048 * 256 + 256 * 256 + 2_560),
    ],
)
def test_convnets_have_the_weights_of_their_table(
    name: str, convolutions: int, linear: int
) -> None:
    model = on_meta(name)
    sizes = {
        kind: sum(m.weight.numel() for m in model.modules() if isinstance(m, kind))
        for kind in (nn.Conv2d, nn.Linear)
    }
    assert sizes == {nn.Conv2d: convolutions, nn.Linear: linear}


def test_sizes_that_the_papers_quote() -> None:
    assert max(masked_sizes(on_meta("resnet56"))) == 36_864
    assert sum(masked_sizes(on_meta("resnet32"))) == 461_872
    assert sum(masked_sizes(on_meta("resnet32", shortcut="conv"))) == 464_432
    assert max(masked_sizes(on_meta("convmixer"))) == 65_536
    assert max(masked_sizes(on_meta("vit"))) == 3 * 256 * 256
    assert masked_sizes(on_meta("mlp", channels=1, image_size=8)) == [64 * 256, 256 * 256, 2560]


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(("channels", "image_size", "classes"), [(3, 32, 10), (1, 8, 7)])
def test_outputs_are_finite_logits(name: str, channels: int, image_size: int, classes: int) -> None:
    data = data_arguments(name, channels=channels, image_size=image_size, classes=classes)
    if name == "conv8" and image_size == 8:
        with pytest.raises(SettingError, match=r"image_size must be at least 16.*got 8"):
            build(name, data | SMALL[name])
        return
    model = build(name, data | SMALL[name])
    logits = model(torch.randn(3, channels, image_size, image_size))
    assert logits.shape == (3, classes)
    assert logits.isfinite().all()
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_exports_with_any_batch_size(name: str) -> None:
    model = build(name, SMALL[name]).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    batch = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings():
        # Warnings of torch's own tracing are not what is tested.
        warnings.simplefilter("ignore")
        torch.backends.mha.set_fastpath_enabled(False)  # torch 2.6 cannot export that operator
        program = torch.export.export(
            model, (torch.randn(2, 3, 32, 32),), dynamic_shapes=({0: batch},), strict=False
        )
        torch.backends.mha.set_fastpath_enabled(True)
    restored = program.module()
    for size in (1, 5):
        images = torch.randn(size, 3, 32, 32)
        torch.testing.assert_close(restored(images), model(images), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_same_seed_same_model(name: str) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build(name, SMALL[name]).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_vit_agrees_in_training_and_evaluation() -> None:
    model = build("vit", SMALL["vit"])
    images = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        trained = model.train()(images)
        torch.testing.assert_close(model.eval()(images), trained, atol=1e-5, rtol=1e-4)


def test_vit_knows_where_a_patch_is() -> None:
    model = build("vit", SMALL["vit"]).eval()
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert not torch.allclose(model(image), model(image.flip(3).roll(8, 3)), atol=1e-4)


def test_padded_shortcut_keeps_every_second_pixel_between_zero_channels() -> None:
    block = build("resnet20", {}).stages[1][0]
    x = torch.arange(16.0 * 36).reshape(1, 16, 6, 6)
    y = block.shortcut(x)
    assert y.shape == (1, 32, 3, 3)
    assert torch.equal(y[:, 8:24], x[:, :, ::2, ::2])
    assert not y[:, :8].any()
    assert not y[:, 24:].any()


def test_width_scales_every_hidden_layer_and_not_the_output() -> None:
    layers = [m for m in on_meta("conv2", width=0.5) if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert [layer.weight.shape[0] for layer in layers] == [32, 32, 128, 128, 10]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("mlp", {"classes": 0}, "classes must be an integer from 1 to 1048576; got 0"),
        ("mlp", {"depth": 100_000}, "depth must be an integer from 1 to 1024; got 100000"),
        ("mlp", {"width": 2.5}, "width must be of type int; got 2.5 of type float"),
        ("mlp", {"width": True}, "width must be of type int; got True of type bool"),
        ("mlp", {"wdith": 3}, "no argument 'wdith'; expected some of: classes, channels, image_s"),
        ("conv4", {"width": -1}, "width must be a number above 0 and at most 64; got -1"),
        ("conv4", {"width": math.nan}, "width must be a number above 0"),
        ("conv6", {"image_size": 7}, "image_size must be at least 8"),
        ("resnet20", {"shortcut": "none"}, "unknown resnet20 shortcut 'none'; .*: conv, pad"),
        ("convmixer", {"image_size": 33}, "must be a multiple of patch; got image_size=33"),
        ("convmixer", {"kernel": 0}, "kernel must be an integer"),
        ("vit", {"heads": 7}, "dim must be a multiple of heads; got dim=256, heads=7"),
        ("vit", {"patch": 5}, "image_size must be a multiple of patch"),
        ("vit", {"channels": None}, "channels must be of type int; got None"),
        ("mlp", {"channels": 2**20, "image_size": 2**20}, "expected sizes that fit into memory"),
    ],
)
def test_refuses_arguments(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        build(name, arguments)
    assert "\n" not in str(caught.value)


def test_a_whole_number_is_a_width() -> None:
    assert build("conv2", {"width": 1, "image_size": 4}) is not None


def test_unknown_architecture_names_all_the_ways_to_name_one() -> None:
    with pytest.raises(UnknownNameError, match="unknown architecture 'resnet'") as caught:
        build("resnet", {})
    for choice in (*ARCHITECTURES, "torchvision:NAME", "a model file FILE.py"):
        assert choice in str(caught.value)


def test_parameters_and_data_arguments() -> None:
    assert parameters_of("mlp") == {
        "classes": 10,
        "channels": 3,
        "image_size": 32,
        "width": 256,
        "depth": 2,
    }
    implied = {"channels": 1, "image_size": 8, "classes": 4}
    for name in (*ARCHITECTURES, "torchvision:resnet18"):
        assert data_arguments(name, channels=1, image_size=8, classes=4) == implied
        assert list(parameters_of(name))[:3] == ["classes", "channels", "image_size"]


@pytest.mark.parametrize("name", ["squeezenet1_1", "googlenet", "inception_v3", "vit_b_16"])
def test_torchvision_by_name(name: str) -> None:
    size = 96
    model = on_meta(f"torchvision:{name}", classes=5, image_size=size)
    for mode in (True, False):
        logits = model.train(mode)(torch.empty(2, 3, size, size, device="meta"))
        assert logits.shape == (2, 5)


def test_torchvision_takes_its_own_arguments() -> None:
    model = build("torchvision:mnasnet0_5", {"dropout": 0.4, "classes": 3})
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.4]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("resnet19", {}, "unknown torchvision model 'resnet19'.*did you mean .*resnet18"),
        ("ResNet18", {}, "did you mean resnet18"),
        ("xyzzy", {}, "expected the exact name of a classifier; alexnet is one"),
        ("fcn_resnet50", {}, "unknown torchvision model"),
        ("resnet18", {"channels": 1}, "channels must be 3, as in all of torchvision; got 1"),
        ("resnet18", {"weights": "DEFAULT"}, "got weights"),
        ("resnet18", {"bogus": 1}, "unexpected keyword argument 'bogus'"),
        ("resnet18", {"norm_layer": [1]}, r"norm_layer must be a string.*got \[1\]"),
        ("vit_b_16", {"image_size": 30}, "image_size=30: .*patch size"),
    ],
)
def test_torchvision_refusals(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        build(f"torchvision:{name}", arguments)


def test_import_constructs_nothing_and_leaves_torchvision_alone() -> None:
    code = (
        "import torch, sys; before = torch.get_rng_state()\n"
        "import pemn_compress.models as m; m.parameters_of('vit')\n"
        "assert torch.equal(before, torch.get_rng_state())\n"
        "assert 'torchvision' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
