"""Models of other packages out of one file: restored where their code cannot be imported.

One process saves them, another one reads, in which torchvision, timm and transformers are not to be
had; outputs are equal bit for bit at batches of 1, 2 and 7.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
import transformers
from torch import Tensor, nn

from pemn_compress import MaskedModel, save
from pemn_compress.errors import ModelError
from pemn_compress.storing.outputs import leaves, plain
from pemn_compress.storing.proving import without_fastpath

pytestmark = pytest.mark.filterwarnings("ignore")
BATCHES = (1, 2, 7)
Make = Callable[[], nn.Module]
TINY = {"depths": (1, 1, 1, 1), "embed_dim": 24, "num_heads": (1, 2, 2, 4)}
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
WORDS = {"vocab_size": 99, "max_position_embeddings": 64}


def vision(name: str, **arguments: Any) -> Make:
    return lambda: torchvision.models.get_model(name, weights=None, **arguments)


def image(name: str, **arguments: Any) -> Make:
    return lambda: timm.create_model(name, num_classes=10, **arguments)


def words(model: str, config: str, **arguments: Any) -> Make:
    def make() -> nn.Module:
        settings = getattr(transformers, config)(**arguments)
        built: nn.Module = getattr(transformers, model)(settings)
        return built

    return make


GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 99, "n_positions": 64,
       "use_cache": False, "bos_token_id": 0, "eos_token_id": 0}  # fmt: skip
# name -> what builds it, and the size of its pictures, or None for words
MODELS: dict[str, tuple[Make, int | None]] = {
    "resnet18": (vision("resnet18"), 64),
    "mobilenet_v2": (vision("mobilenet_v2"), 64),
    "mobilenet_v3": (vision("mobilenet_v3_small"), 64),
    "efficientnet": (vision("efficientnet_b0"), 64),
    "squeezenet": (vision("squeezenet1_1"), 64),
    "shufflenet": (vision("shufflenet_v2_x0_5"), 64),
    "googlenet": (vision("googlenet", init_weights=False, aux_logits=False), 64),
    "regnet": (vision("regnet_y_400mf"), 64),
    "convnext": (vision("convnext_tiny"), 64),
    "mnasnet": (vision("mnasnet0_5"), 64),
    "densenet": (vision("densenet121"), 64),
    "swin": (vision("swin_t"), 64),
    "segmentation": (vision("lraspp_mobilenet_v3_large", weights_backbone=None), 64),
    "deeplab": (vision("deeplabv3_mobilenet_v3_large", weights_backbone=None), 64),
    "convnext_atto": (image("convnext_atto"), 64),
    "edgenext": (image("edgenext_xx_small"), 64),
    "mobilevit": (image("mobilevit_xxs", img_size=64), 64),
    "vit": (image("vit_tiny_patch16_224", img_size=64, depth=3), 64),
    "eva02": (image("eva02_tiny_patch14_224", img_size=56, depth=3), 56),
    "swinv2": (image("swinv2_tiny_window8_256", img_size=64, window_size=4, **TINY), 64),
    "levit": (image("levit_128s", img_size=64), 64),
    "xcit": (image("xcit_nano_12_p8_224", img_size=64, depth=3), 64),
    "gmlp": (image("gmlp_ti16_224", img_size=64), 64),
    "ghostnet": (image("ghostnet_050"), 64),
    "efficientvit": (image("efficientvit_m0", img_size=64), 64),
    "mambaout": (image("mambaout_femto", depths=(1, 1, 1, 1), dims=(24, 32, 48, 64)), 64),
    "bert": (words("BertModel", "BertConfig", **SMALL, **WORDS), None),
    "gpt2": (words("GPT2LMHeadModel", "GPT2Config", **GPT), None),
    "llama": (
        words("LlamaForCausalLM", "LlamaConfig", **SMALL, **WORDS, num_key_value_heads=2,
              use_cache=False),
        None,
    ),
    "distilbert": (
        words("DistilBertForSequenceClassification", "DistilBertConfig", dim=32, n_layers=2,
              n_heads=4, hidden_dim=64, **WORDS),
        None,
    ),
    "t5": (
        words("T5EncoderModel", "T5Config", d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
              vocab_size=99, use_cache=False),
        None,
    ),
    "transformers' vit": (
        words("ViTForImageClassification", "ViTConfig", **SMALL, image_size=32, patch_size=8), 32,
    ),
}  # fmt: skip
# what makes no graph, and why
WITHOUT: dict[str, tuple[Make, int, str]] = {
    "convit": (
        image("convit_tiny", img_size=64, depth=4, local_up_to_layer=3),
        64,
        "other outputs",
    ),
}
READ = """
import sys
for name in ("torchvision", "timm", "transformers"):
    sys.modules[name] = None
import torch
from pemn_compress import load
from pemn_compress.storing.outputs import leaves, plain
torch.backends.mha.set_fastpath_enabled(False)
model = load("model.pemn")
for given, expected in torch.load("outputs.pt"):
    with torch.no_grad():
        made = [one for _, one in leaves(plain(model(given))) if isinstance(one, torch.Tensor)]
    assert len(made) == len(expected) > 0
    assert all(map(torch.equal, made, expected)), len(given)
"""


def batch(size: int | None, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    if size is None:
        return torch.randint(0, 99, (count, 12), generator=generator)
    return torch.randn(count, 3, size, size, generator=generator)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_restored_where_its_code_is_not(name: str, tmp_path: Path) -> None:
    make, size = MODELS[name]
    torch.manual_seed(0)
    masked = MaskedModel(make(), seed=0).eval()
    save(masked, tmp_path / "model.pemn", inputs=batch(size, 2), graph="always")
    told = []
    for count in BATCHES:
        given = batch(size, count)
        with torch.no_grad(), without_fastpath():
            made = masked(given)
        told.append((given, [one for _, one in leaves(plain(made)) if isinstance(one, Tensor)]))
    torch.save(told, tmp_path / "outputs.pt")
    subprocess.run([sys.executable, "-c", READ], cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", WITHOUT)
def test_a_model_that_makes_no_graph_says_why(name: str, tmp_path: Path) -> None:
    make, size, why = WITHOUT[name]
    masked = MaskedModel(make())
    with pytest.raises(ModelError, match=why):
        save(masked, tmp_path / "m.pemn", inputs=batch(size, 2), graph="always")
