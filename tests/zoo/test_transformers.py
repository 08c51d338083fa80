"""Tiny models of transformers, randomly initialised: tied weights, caches, outputs by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from road import travel
from torch import nn

from pemn_compress import PemnWarning, load

pytestmark = pytest.mark.filterwarnings("ignore", "error::pemn_compress.errors.PemnWarning")

GENERATOR = torch.Generator().manual_seed(0)
TOKENS = torch.randint(5, 90, (2, 12), generator=GENERATOR)
PICTURES = torch.randn(2, 3, 32, 32, generator=GENERATOR)
SOUND = torch.randn(2, 80, 32, generator=GENERATOR)
TEXT = {"input_ids": TOKENS, "attention_mask": torch.ones_like(TOKENS)}
LABELLED = TEXT | {"labels": TOKENS}

LAYERS = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
}  # fmt: skip
WORDS = {
    "vocab_size": 100, "max_position_embeddings": 32,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
SEEN = {"image_size": 32, "patch_size": 8}
BOTH_SIDES = {
    "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
    "decoder_start_token_id": 1, "vocab_size": 100,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
T5 = {
    "vocab_size": 100, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4,
    "decoder_start_token_id": 0,
}  # fmt: skip
TOWERS = {
    "text_config": LAYERS | WORDS, "vision_config": LAYERS | SEEN, "projection_dim": 16,
}  # fmt: skip

Case = tuple[Callable[[Any], nn.Module], Callable[[], Any], dict[str, torch.Tensor]]
MODELS: dict[str, Case] = {
    "bert": (
        hf.BertForSequenceClassification, lambda: hf.BertConfig(**LAYERS, **WORDS), TEXT,
    ),
    "bert with tied words": (
        hf.BertForMaskedLM, lambda: hf.BertConfig(**LAYERS, **WORDS), LABELLED,
    ),
    "albert with one layer in all places": (
        hf.AlbertForMaskedLM,
        lambda: hf.AlbertConfig(**LAYERS, **WORDS, embedding_size=16), TEXT,
    ),
    "llama": (
        hf.LlamaForCausalLM,
        lambda: hf.LlamaConfig(**LAYERS, **WORDS, num_key_value_heads=2), LABELLED,
    ),
    "llama, tied": (
        hf.LlamaForCausalLM,
        lambda: hf.LlamaConfig(**LAYERS, **WORDS, tie_word_embeddings=True), TEXT,
    ),
    "bloom": (
        hf.BloomForCausalLM,
        lambda: hf.BloomConfig(vocab_size=100, hidden_size=32, n_layer=2, n_head=4), TEXT,
    ),
    "mamba": (
        hf.MambaForCausalLM,
        lambda: hf.MambaConfig(
            vocab_size=100, hidden_size=32, num_hidden_layers=2, state_size=4
        ),
        {"input_ids": TOKENS},
    ),
    "t5": (hf.T5ForConditionalGeneration, lambda: hf.T5Config(**T5), LABELLED),
    "vit": (
        hf.ViTForImageClassification,
        lambda: hf.ViTConfig(**LAYERS, **SEEN, num_labels=4), {"pixel_values": PICTURES},
    ),
    "clip": (
        hf.CLIPModel, lambda: hf.CLIPConfig(**TOWERS), TEXT | {"pixel_values": PICTURES},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model(name: str, tmp_path: Path) -> None:
    kind, config, inputs = MODELS[name]
    travel(lambda: kind(config()), inputs, tmp_path)


def test_whisper_whose_positions_are_frozen_and_stay(tmp_path: Path) -> None:
    def make() -> nn.Module:
        config = hf.WhisperConfig(**BOTH_SIDES, max_source_positions=16, max_target_positions=32)
        return hf.WhisperForConditionalGeneration(config)

    with pytest.warns(PemnWarning, match=r"frozen.*encoder\.embed_positions\.weight"):
        travel(make, {"input_features": SOUND, "labels": TOKENS}, tmp_path)
    restored = load(tmp_path / "model.pemn", model=make())
    positions = [model.model.encoder.embed_positions.weight for model in (restored, make())]
    assert torch.equal(*positions)


def test_gpt2_whose_layers_are_of_a_class_of_its_own(tmp_path: Path) -> None:
    config = {"vocab_size": 100, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 32}
    travel(
        lambda: hf.GPT2LMHeadModel(hf.GPT2Config(**config)),
        LABELLED,
        tmp_path,
        include=("*.wte.weight", "*.c_*.weight"),
    )
