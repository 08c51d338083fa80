"""What a stranger's arguments may cost: models are compared before they take memory or time."""

import resource
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
import torch
from torch import nn

import pemn_compress
from pemn_compress.errors import ModelError
from pemn_compress.format.archive import DenseTensor, encode, open_archive
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.models import ARCHITECTURES, bounds
from pemn_compress.models.building import build
from pemn_compress.models.modelfile import load_model_file
from pemn_compress.models.vision import torchvision_names
from pemn_compress.storing import loading
from pemn_compress.storing.saving import pack


def archive_of(architecture, count=2):
    """Return a tiny archive that claims to be of an architecture."""
    content = DenseTensor("w", "f32", torch.arange(count).float().numpy())
    return encode([content], None, architecture=architecture)


def registered(name, **arguments):
    return archive_of({"kind": "registered", "name": name, "arguments": arguments})


@pytest.mark.parametrize("name", [*ARCHITECTURES, *torchvision_names()])
def test_every_registered_architecture_is_built_without_memory(name):
    full = name if name in ARCHITECTURES else f"torchvision:{name}"
    model = bounds.without_memory(lambda: build(full))
    real = sum(t.numel() for t in model.state_dict().values() if not t.is_meta)
    # counters of batches, and nothing else, where sizes are computed with tensors
    assert real <= sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())
    assert all(parameter.is_meta for parameter in model.parameters())


@pytest.mark.parametrize("name", ["torchvision:regnet_y_400mf", "torchvision:mnasnet0_5"])
def test_models_that_no_plain_state_dict_fills_are_restored(name):
    masked = MaskedModel(build(name, classes=3), strategy="rp", ratio=0.01)
    packed = pack(masked)
    expected, state = masked.to_plain().state_dict(), loading.load(packed).state_dict()
    assert all(torch.equal(state[key], expected[key]) for key in expected)


MEASURE = """
import resource, sys
import torch, torchvision, pemn_compress
from pemn_compress.errors import PemnError
pemn_compress.load(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    pemn_compress.load(sys.argv[2])
except PemnError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_small_file_that_names_a_large_model_takes_no_memory(tmp_path):
    warm, hostile = tmp_path / "warm.pemn", tmp_path / "hostile.pemn"
    warm.write_bytes(pack(MaskedModel(build("torchvision:regnet_y_400mf", classes=2))))
    hostile.write_bytes(registered("torchvision:regnet_x_16gf", classes=2**19))
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, warm, hostile], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "the model does not match" in told[0]
    assert int(told[1]) < 64  # MB


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mlp", {"depth": 1024, "width": 2**20}),
        ("vit", {"depth": 1024, "dim": 2**20}),
        ("torchvision:vit_b_16", {"image_size": 2**20}),
        ("torchvision:densenet121", {"growth_rate": 10**9}),
        ("torchvision:resnet50", {"width_per_group": 10**12}),
        ("mlp", [1]),
        ("mlp", "x"),
        ("mlp", {"name": "mlp"}),
        ("mlp", {"batchnorm": "frozen"}),
    ],
)
def test_arguments_that_make_no_sense_are_one_line(name, arguments):
    data = archive_of({"kind": "registered", "name": name, "arguments": arguments})
    with pytest.raises(ModelError, match="archive: ") as caught:
        loading.load(data)
    assert "\n" not in str(caught.value)


def test_a_builder_that_registers_without_end_is_stopped(monkeypatch):
    def endless():
        model = nn.Module()
        for number in range(10**9):
            model.add_module(str(number), nn.Identity())
        return model

    def large():
        return nn.ModuleList(nn.Linear(1 << 12, 1 << 12, bias=False) for _ in range(10**9))

    with open_archive(registered("endless")) as archive:
        for builder, what in ((endless, "parts"), (large, "numbers")):
            with (
                pytest.raises(ModelError, match=f"builds? more than the archive holds.* {what}"),
                bounds.bounded(archive, "it"),
            ):
                builder()
    assert not nn.modules.module._global_parameter_registration_hooks
    nn.ModuleList(nn.Identity() for _ in range(5000))  # and nobody else


def test_the_bound_counts_this_thread_alone_and_outlives_who_catches_it():
    manifest = open_archive(registered("x")).manifest
    archive = open_archive(registered("x"))
    archive.manifest = replace(manifest)
    built = []

    def elsewhere():
        built.append(nn.ModuleList(nn.Identity() for _ in range(6000)))

    with bounds.bounded(archive, "it"):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert len(built[0]) == 6000

    def swallows():
        model = nn.Module()
        for number in range(6000):
            try:
                model.add_module(str(number), nn.Identity())
            except Exception:
                return model
        return model

    with (
        pytest.raises(ModelError, match="more than the archive holds"),
        bounds.bounded(archive, "it"),
    ):
        swallows()


WIDE = """
from torch import nn
def build_model(width=4, depth=1):
    return nn.Sequential(*[nn.Linear(width, width) for _ in range(depth)])
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"width": 30_000}, "its arguments build more than the archive holds"),
        ({"depth": 10**9}, "its arguments build more than the archive holds"),
        ({"nothing": 1}, "it accepts: width, depth"),
        ([1], "expected arguments by name"),
        ("x", "expected arguments by name"),
        (3, "expected arguments by name"),
        (None, "expected arguments by name"),
        ({"file": 1}, "expected arguments by name"),
        ({"batchnorm": 1}, "expected arguments by name"),
    ],
)
def test_a_users_own_file_with_a_strangers_arguments(tmp_path, arguments, told):
    (tmp_path / "m.py").write_text(WIDE)
    file = load_model_file(str(tmp_path / "m.py"))
    data = archive_of({"kind": "source", "name": "m.py", "entry": "f", "arguments": arguments})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_archive(data) as archive, pytest.raises(ModelError, match=told) as caught:
        loading.build_to_fill(archive, file)
    assert "\n" not in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # 1 GB, in KB


def test_a_users_own_file_without_arguments_builds_what_it_likes(tmp_path):
    (tmp_path / "m.py").write_text(WIDE.replace("depth=1", "depth=6000"))
    file = load_model_file(str(tmp_path / "m.py"))
    with open_archive(archive_of({"kind": "none", "name": "x", "arguments": {"depth": 1}})) as one:
        assert len(loading.build_to_fill(one, file)) == 6000


def test_public_loading_refuses_a_strangers_variant():
    data = archive_of({"kind": "registered", "name": "mlp", "batchnorm": ["x"], "bias": 3})
    with pytest.raises(ModelError, match="archive: ") as caught:
        pemn_compress.load(data)
    assert "\n" not in str(caught.value)
