"""Archives as models: straight to a dtype, without a second copy, or with weights kept packed."""

import gc
import subprocess
import sys

import pytest
import torch
from torch import nn

import pemn_compress
from pemn_compress.errors import ArchiveError
from pemn_compress.format.archive import open_archive
from pemn_compress.masking.masked import MaskedModel
from pemn_compress.storing import loading
from pemn_compress.storing import saving as packing


class Mixed(nn.Module):
    """Attention, a recurrent layer, a convolution, batch-norm and a tied embedding."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.recur = nn.LSTM(8, 8, batch_first=True)
        self.convolve = nn.Conv1d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm1d(8)
        self.out = nn.Linear(8, 11, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.attend(x, x, x)[0]
        x = self.recur(x)[0]
        x = self.norm(self.convolve(x.transpose(1, 2))).transpose(1, 2)
        return self.out(x)


TOKENS = torch.arange(30).reshape(3, 10) % 11


@pytest.mark.parametrize("strategy", ["mask", "one-layer", "mp", "rp"])
def test_packed_weights_give_the_plain_models_outputs_bit_for_bit(strategy):
    packed = packing.pack(MaskedModel(Mixed(), strategy=strategy, ratio=0.1))
    plain = pemn_compress.load(packed, model=Mixed())
    lean = pemn_compress.load(packed, model=Mixed(), packed=True)
    with torch.no_grad():
        expected = plain(TOKENS)
        for _ in range(2):
            assert torch.equal(lean(TOKENS), expected)
    assert torch.equal(lean.out.weight, plain.embed.weight)
    assert isinstance(lean.out, nn.Linear)
    masked_names = {"embed.weight", "attend.in_proj_weight", "convolve.weight", "out.weight"}
    assert not masked_names & {name for name, _ in lean.named_parameters()}


def test_a_packed_weight_lives_only_while_it_is_used():
    packed = packing.pack(MaskedModel(Mixed(), strategy="rp", ratio=0.1))
    lean = pemn_compress.load(packed, model=Mixed(), packed=True)

    def alive():
        gc.collect()
        tensors = [o for o in gc.get_objects() if issubclass(type(o), torch.Tensor)]
        return {id(tensor) for tensor in tensors if tensor.shape == (11, 8)}

    before = alive()  # other tests' failures and caches may hold some
    with torch.no_grad():
        lean(TOKENS)
    assert alive() <= before
    held = lean.embed.weight
    assert held is lean.out.weight  # tied, and made once


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("packed", [False, True])
def test_straight_to_a_dtype(dtype, packed):
    data = packing.pack(MaskedModel(pemn_compress.build("mlp"), strategy="rp"))
    plain = pemn_compress.load(data)
    model = pemn_compress.load(data, dtype=dtype, packed=packed)
    expected = plain.to(dtype)
    sample = torch.linspace(-1, 1, 3072).reshape(1, 3, 32, 32).to(dtype)
    with torch.no_grad():
        assert model(sample).dtype == dtype
        assert torch.equal(model(sample), expected(sample))


def test_a_damaged_archive_is_refused_packed_too():
    data = bytearray(packing.pack(MaskedModel(pemn_compress.build("mlp"), strategy="rp")))
    with open_archive(bytes(data)) as archive:
        data[archive.section_offsets["masks"]] ^= 1
    with pytest.raises(ArchiveError, match="the file was altered"):
        pemn_compress.load(bytes(data), packed=True)


def test_registered_models_take_the_restored_tensors_themselves():
    model = pemn_compress.build("resnet20")
    data = packing.pack(MaskedModel(model, strategy="mask"))
    restored = loading.load(data)
    assert not any(tensor.is_meta for tensor in restored.state_dict().values())
    assert all(p.requires_grad for p in restored.parameters())
    assert not restored.training


MEASURE = """
import resource, sys
import torch, pemn_compress
torch.set_num_threads(1)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with pemn_compress.open(sys.argv[1]) as archive:
    weights = archive.manifest.restored_bytes / 1024
from pemn_compress.storing import loading
warm = pemn_compress.load(sys.argv[2])  # whatever torch and the first load need
before = peak()
model = pemn_compress.load(sys.argv[1], packed=sys.argv[3] == "packed")
print((peak() - before) / weights)
"""


@pytest.mark.parametrize(("mode", "most"), [("plain", 1.3), ("packed", 0.2)])
def test_memory_beside_the_fp32_weights(tmp_path, mode, most):
    large, small = tmp_path / "large.pemn", tmp_path / "small.pemn"
    hidden = {"width": 2500, "depth": 3}
    pemn_compress.save(MaskedModel(pemn_compress.build("mlp", **hidden), strategy="rp"), large)
    pemn_compress.save(MaskedModel(pemn_compress.build("mlp"), strategy="rp"), small)
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, large, small, mode],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(told.stdout) < most
