"""Architectures: known sizes, shapes, export, refusals; torchvision by name."""

import math
import pickle
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import pemn_compress
from pemn_compress.errors import ModelError, SettingError, UnknownNameError, did_you_mean
from pemn_compress.format.archive import DenseTensor, encode, open_archive
from pemn_compress.models import ARCHITECTURES, OF_TOKENS, build, data_arguments, parameters_of

# Small sizes for the tests that are not about size.
SMALL: dict[str, dict[str, object]] = {
    "mlp": {"width": 8},
    "conv2": {"width": 0.125},
    "conv4": {"width": 0.125},
    "conv6": {"width": 0.125},
    "conv8": {"width": 0.125},
    "resnet9": {"width": 4},
    "resnet20": {"width": 0.25},
    "resnet32": {"width": 0.25},
    "resnet56": {"width": 0.25},
    "resnet18": {"width": 0.0625},
    "resnet34": {"width": 0.0625},
    "convmixer": {"dim": 8, "depth": 2},
    "vit": {"dim": 16, "depth": 2, "heads": 2, "mlp_dim": 16},
    "gpt": {"dim": 16, "depth": 2, "heads": 2},
}
OF_IMAGES = [name for name in ARCHITECTURES if name not in OF_TOKENS]


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
    [
        ("resnet20", 269_722),
        ("resnet32", 464_154),
        ("resnet56", 853_018),
        ("resnet18", 11_173_962),
        ("resnet34", 21_282_122),
    ],
)
def test_resnets_have_the_published_parameters(name: str, parameters: int) -> None:
    """He et al. (2016), table 6: 0.27, 0.46 and 0.85 million; on CIFAR 11.17 and 21.28 million."""
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


# IWR (2023), appendix B, "Model Sizes". Of its Conv-8 two numbers are not here, 330,032 at 0.25 and
# 1,319,392 at 0.5: channels of 16 to 128 and 32 to 256 make 330,544 and 1,320,032.
PUBLISHED_WIDTHS = {
    1.0: (4_300_992, 2_425_024, 2_261_184, 5_275_840),
    0.1: (39_761, 22_505, 21_630, 51_614),
    0.25: (269_616, 152_368, 142_128),
    0.5: (1_076_320, 607_328, 566_368),
}


@pytest.mark.parametrize("width", PUBLISHED_WIDTHS)
def test_convnets_of_all_widths_have_the_published_weights(width: float) -> None:
    names = ("conv2", "conv4", "conv6", "conv8")
    for name, published in zip(names, PUBLISHED_WIDTHS[width], strict=False):
        assert sum(masked_sizes(on_meta(name, width=width))) == published, name


@pytest.mark.parametrize(
    ("name", "density", "millions"),
    [("resnet50", 0.3, 7.6), ("resnet101", 0.3, 13), ("wide_resnet50_2", 0.3, 20.6)],
)
def test_edge_popups_table_2(name: str, density: float, millions: float) -> None:
    weights = sum(masked_sizes(on_meta(f"torchvision:{name}")))
    assert density * weights / 1e6 == pytest.approx(millions, rel=0.03)


def test_resnet18_for_cifar_and_for_imagenet() -> None:
    small, large = on_meta("resnet18"), on_meta("torchvision:resnet18")
    assert sum(masked_sizes(small)) == 11_164_352
    assert sum(masked_sizes(large)) == 11_678_912  # the one in IWR's table
    stem = small.conv1
    assert (stem.kernel_size, stem.stride, stem.padding) == ((3, 3), (1, 1), (1, 1))
    assert not [m for m in small.modules() if isinstance(m, nn.MaxPool2d)]
    assert small.layer1(small.conv1(torch.empty(1, 3, 32, 32, device="meta"))).shape[2:] == (32, 32)
    assert set(small.state_dict()) - {n for n in small.state_dict() if "shortcut" in n} == {
        n for n in large.state_dict() if "downsample" not in n
    }
    wide = on_meta("resnet18", width=1.5)
    assert (wide.conv1.out_channels, wide.fc.in_features) == (64, 768)


def test_sizes_that_the_papers_quote() -> None:
    assert sum(masked_sizes(on_meta("convmixer"))) == 437_248
    assert max(masked_sizes(on_meta("resnet56"))) == 36_864
    assert sum(masked_sizes(on_meta("resnet32"))) == 461_872
    assert sum(masked_sizes(on_meta("resnet32", shortcut="conv"))) == 464_432
    assert max(masked_sizes(on_meta("convmixer"))) == 65_536
    assert max(masked_sizes(on_meta("vit"))) == 3 * 256 * 256
    assert masked_sizes(on_meta("mlp", channels=1, image_size=8)) == [64 * 256, 256 * 256, 2560]


@pytest.mark.parametrize("name", OF_IMAGES)
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


@pytest.mark.parametrize("name", OF_IMAGES)
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
    layers = [
        [
            m.weight.shape[0]
            for m in on_meta("conv2", width=0.1, rounding=rounding)
            if hasattr(m, "weight")
        ]
        for rounding in ("down", "nearest")
    ]
    assert layers == [[6, 6, 25, 25, 10], [6, 6, 26, 26, 10]]
    assert on_meta("resnet20", width=0.1).head.in_features == 6


def test_an_archive_from_before_fractions_were_cut_still_loads() -> None:
    told = {"width": 0.12, "image_size": 8}
    state = build("conv4", told | {"rounding": "nearest"}).state_dict()
    contents = [DenseTensor(name, "f32", tensor.numpy()) for name, tensor in state.items()]
    architecture = {"kind": "registered", "name": "conv4", "arguments": told}
    loaded = pemn_compress.load(encode(contents, None, architecture=architecture))
    assert all(torch.equal(t, state[name]) for name, t in loaded.state_dict().items())
    assert loaded.pemn_architecture["arguments"] == told | {"rounding": "nearest"}
    architecture["arguments"] = told | {"width": 0.5}
    with pytest.raises(ModelError, match=r"expected shape|shape"):
        pemn_compress.load(encode(contents, None, architecture=architecture))


def test_convmixers_activation_is_an_argument() -> None:
    for act, kind in (("gelu", nn.GELU), ("relu", nn.ReLU), ("silu", nn.SiLU)):
        model = on_meta("convmixer", depth=2, act=act)
        found = [type(m) for m in model.modules() if isinstance(m, (nn.GELU, nn.ReLU, nn.SiLU))]
        assert found == [kind] * 5
    assert parameters_of("convmixer")["act"] == "gelu"


@pytest.mark.parametrize("number", [np.float64(0.125), np.float32(0.125), torch.tensor(0.125)])
@pytest.mark.parametrize("size", [np.int64(8), torch.tensor(8), np.array(8)])
def test_numbers_of_numpy_and_torch_are_numbers(tmp_path: Path, number: float, size: int) -> None:
    model = pemn_compress.build("conv2", width=number, image_size=size, classes=np.int32(3))
    assert model[-1].out_features == 3
    pemn_compress.save(pemn_compress.MaskedModel(model), tmp_path / "m.pemn", force=True)
    with open_archive(tmp_path / "m.pemn") as archive:
        told = archive.manifest.architecture["arguments"]
    assert told == {"width": 0.125, "image_size": 8, "classes": 3}
    assert {type(value) for value in told.values()} == {int, float}


def test_of_memory_the_number_alone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def large(**arguments: object) -> None:  # as torch says it, where there is no room
        raise RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 4000000000000 bytes. Error code 12\nmore"
        )

    monkeypatch.setitem(ARCHITECTURES, "mlp", large)
    with pytest.raises(
        SettingError, match=r"memory; got .*: one tensor alone takes 4,000,000,000,0"
    ):
        build("mlp", {})


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("mlp", {"classes": 0}, "classes must be an integer from 1 to 1048576; got 0"),
        ("mlp", {"depth": 100_000}, "depth must be an integer from 1 to 1024; got 100000"),
        ("mlp", {"width": 2.5}, "width must be of type int; got 2.5 of type float"),
        ("mlp", {"width": True}, "width must be of type int; got True of type bool"),
        (
            "mlp",
            {"wdith": 3},
            "no argument 'wdith'; expected some of: classes, channels, image_s",
        ),
        ("conv4", {"width": -1}, "width must be a number above 0 and at most 64; got -1"),
        ("conv4", {"width": math.nan}, "width must be a number above 0"),
        ("conv6", {"image_size": 7}, "image_size must be at least 8"),
        ("resnet20", {"shortcut": "none"}, "unknown resnet20 shortcut 'none'; .*: conv, pad"),
        ("convmixer", {"image_size": 33}, "must be a multiple of patch; got image_size=33"),
        ("convmixer", {"kernel": 0}, "kernel must be an integer"),
        ("vit", {"heads": 7}, "dim must be a multiple of heads; got dim=256, heads=7"),
        ("vit", {"patch": 5}, "image_size must be a multiple of patch"),
        ("vit", {"channels": None}, "channels must be of type int; got None"),
        (
            "mlp",
            {"channels": 2**20, "image_size": 2**20},
            "expected sizes that fit into memory",
        ),
        ("mlp", {"wdith": 3}, "did you mean width"),
        ("mlp", {"width": np.float64(2.5)}, "width must be of type int; got 2.5"),
        ("mlp", {"width": torch.ones(2)}, "width must be of type int; got tensor"),
        ("conv2", {"rounding": "up"}, "unknown conv2 rounding 'up'; .*: down, nearest"),
        ("convmixer", {"act": "glu"}, "unknown convmixer act 'glu'; .*did you mean gelu"),
        ("resnet18", {"width": 1e9}, "width must be a number above 0 and at most 64"),
    ],
)
def test_refuses_arguments(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        build(name, arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", [*ARCHITECTURES, "torchvision:resnet18", "torchvision:densenet121"]
)
def test_a_strangers_arguments_take_neither_time_nor_memory(name: str) -> None:
    numbers = [k for k, v in parameters_of(name).items() if isinstance(v, int | float)]
    if name.startswith("torchvision:"):
        numbers += ["width_per_group", "growth_rate"]
    for argument in numbers:
        for value in (10**9, 2**63, -1, 10**400):
            start = time.process_time()
            with pytest.raises(SettingError) as caught:
                on_meta(name, **{argument: value})
            assert time.process_time() - start < 1
            assert len(str(caught.value)) < 600


def test_a_whole_number_is_a_width() -> None:
    assert build("conv2", {"width": 1, "image_size": 4}) is not None


def test_unknown_architecture_names_all_the_ways_to_name_one() -> None:
    with pytest.raises(UnknownNameError, match="unknown architecture 'resnet'") as caught:
        build("resnet", {})
    for choice in (*ARCHITECTURES, "torchvision:NAME", "a model file FILE.py"):
        assert choice in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mlpp", "did you mean mlp?"),
        ("ResNet-32", "did you mean resnet32?"),
        ("resnet50", "did you mean torchvision:resnet50 or resnet56?"),
        ("conv3", "did you mean conv8?"),
    ],
)
def test_a_name_that_is_nearly_one_is_answered_with_it(name: str, meant: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        build(name, {})
    assert meant in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["xyzzy", "\x1b[31mred", "x" * 4_000_000, "", 5, None])
def test_names_that_resemble_none_are_shown_in_short(name: object) -> None:
    with pytest.raises(UnknownNameError) as caught:
        build(name, {})  # type: ignore[arg-type]
    assert len(str(caught.value)) < 400
    assert "\x1b" not in str(caught.value)
    assert "did you mean" not in str(caught.value)


def test_an_unknown_name_survives_the_way_out_of_a_process() -> None:
    error = UnknownNameError("fruit", "appel", ["apple", "pear"], also=["apple pie"])
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert str(error).endswith("expected one of: apple, pear; did you mean apple pie or apple?")
    assert did_you_mean("PEAR", ["apple", "pear"]) == "; did you mean pear?"


def test_parameters_and_data_arguments() -> None:
    assert parameters_of("mlp") == {
        "classes": 10,
        "channels": 3,
        "image_size": 32,
        "width": 256,
        "depth": 2,
    }
    implied = {"channels": 1, "image_size": 8, "classes": 4}
    for name in (*OF_IMAGES, "torchvision:resnet18"):
        assert data_arguments(name, channels=1, image_size=8, classes=4) == implied
        assert list(parameters_of(name))[:3] == ["classes", "channels", "image_size"]


def test_a_decoder_looks_only_back() -> None:
    model = build("gpt", {"tokens": 11, "context": 9, **SMALL["gpt"]}).eval()
    tokens = torch.randint(11, (2, 9))
    changed = tokens.clone()
    changed[:, 5] = (changed[:, 5] + 1) % 11
    logits, others = model(tokens), model(changed)
    assert logits.shape == (2, 9, 11)
    assert torch.equal(logits[:, :5], others[:, :5])
    assert not torch.equal(logits[:, 5:], others[:, 5:])
    torch.testing.assert_close(model(tokens[:, :4]), logits[:, :4])


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
        (
            "resnet18",
            {"weights": "DEFAULT", "classes": 10},
            "for 1000 classes, got classes=10; .* a model file .* strategy magnitude prunes",
        ),
        ("resnet18", {"weights": "DEFUALT"}, ": DEFAULT, IMAGENET1K_V1; did you mean DEFAULT"),
        ("resnet18", {"weights": True}, "unknown torchvision:resnet18 weights True"),
        ("googlenet", {"weights": "DEFAULT"}, "changes this model's input .* a model file"),
        ("resnet18", {"pretrained": True}, "pretrained cannot be set; give weights=DEFAULT"),
        ("resnet18", {"num_classes": 5}, "num_classes cannot be set; give classes"),
        ("vit_b_16", {"weights": "DEFAULT", "image_size": 32}, "image_size.*224 but got 32"),
        ("resnet18", {"bogus": 1}, "unexpected keyword argument 'bogus'"),
        ("resnet18", {"norm_layer": [1]}, r"norm_layer must be a string.*got \[1\]"),
        ("vit_b_16", {"image_size": 30}, "image_size=30: .*patch size"),
    ],
)
def test_torchvision_refusals(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        build(f"torchvision:{name}", arguments)


@pytest.fixture
def cached_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch keeps what it fetched, empty; and no network, whatever the machine has."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_trained_weights_of_torchvision(cached_weights: Path, tmp_path: Path) -> None:
    trained = build("torchvision:squeezenet1_1", {}).state_dict()
    torch.save(trained, cached_weights / "squeezenet1_1-b8a52dc0.pth")
    model = pemn_compress.build("torchvision:squeezenet1_1", weights="DEFAULT")
    assert all(torch.equal(t, trained[name]) for name, t in model.state_dict().items())
    pruned = pemn_compress.PrunedModel(model, sparsity=0.9)
    pruned.set_progress(1.0)
    pemn_compress.save(pruned, tmp_path / "m.pemn")
    with open_archive(tmp_path / "m.pemn") as archive:
        assert archive.manifest.architecture["arguments"] == {}  # it has the values itself
    (cached_weights / "squeezenet1_1-b8a52dc0.pth").unlink()
    assert pemn_compress.load(tmp_path / "m.pemn") is not None


def test_trained_weights_that_cannot_be_had(cached_weights: Path) -> None:
    assert on_meta("torchvision:squeezenet1_1", weights="DEFAULT") is not None  # sizes only
    with pytest.raises(ModelError, match=r"weights DEFAULT cannot be had: .*; fetch .* put it at "):
        build("torchvision:squeezenet1_1", {"weights": "DEFAULT"})
    for content in (b"", b"<html>sign in first</html>"):
        (cached_weights / "squeezenet1_1-b8a52dc0.pth").write_bytes(content)
        with pytest.raises(ModelError, match="cannot be had") as caught:
            build("torchvision:squeezenet1_1", {"weights": "IMAGENET1K_V1"})
        assert "\n" not in str(caught.value)


def test_import_constructs_nothing_and_leaves_torchvision_alone() -> None:
    code = (
        "import torch, sys; before = torch.get_rng_state()\n"
        "import pemn_compress.models as m; m.parameters_of('vit')\n"
        "assert torch.equal(before, torch.get_rng_state())\n"
        "assert 'torchvision' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
