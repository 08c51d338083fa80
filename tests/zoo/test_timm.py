"""Small models of timm's families, randomly initialised: convolutions, attention, mixers, both."""

from pathlib import Path

import pytest
import timm
import torch
from road import travel

pytestmark = pytest.mark.filterwarnings("ignore", "error::pemn_compress.errors.PemnWarning")

TINY = {"depths": (1, 1, 1, 1), "embed_dim": 24, "num_heads": (1, 2, 2, 4)}
# name -> size of the pictures, arguments of its builder
MODELS: dict[str, tuple[int, dict[str, object]]] = {
    "resnet10t": (64, {}),
    "mobilenetv3_small_050": (64, {}),
    "tinynet_e": (64, {}),  # of the EfficientNets
    "regnetx_002": (64, {}),
    "ghostnet_050": (64, {}),
    "repghostnet_050": (64, {}),  # branches that could be merged
    "hardcorenas_a": (64, {}),
    "efficientvit_m0": (64, {"img_size": 64}),
    "convnext_atto": (64, {}),
    "edgenext_xx_small": (64, {}),
    "mobilevit_xxs": (64, {"img_size": 64}),
    "mambaout_femto": (64, {"depths": (1, 1, 1, 1), "dims": (24, 32, 48, 64)}),
    "vit_tiny_patch16_224": (64, {"img_size": 64, "depth": 3}),
    "vit_relpos_small_patch16_224": (64, {"img_size": 64, "depth": 2, "embed_dim": 96}),
    "eva02_tiny_patch14_224": (56, {"img_size": 56, "depth": 3}),  # rotary positions
    "swin_tiny_patch4_window7_224": (64, {"img_size": 64, "window_size": 4, **TINY}),
    "swinv2_tiny_window8_256": (64, {"img_size": 64, "window_size": 4, **TINY}),
    "levit_128s": (64, {"img_size": 64}),
    "convit_tiny": (64, {"img_size": 64, "depth": 4, "local_up_to_layer": 3}),
    "xcit_nano_12_p8_224": (64, {"img_size": 64, "depth": 3}),
    "gmlp_ti16_224": (64, {"img_size": 64}),
}


def pictures(size: int) -> torch.Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", MODELS)
def test_a_classifier(name: str, tmp_path: Path) -> None:
    size, arguments = MODELS[name]
    travel(
        lambda: timm.create_model(name, num_classes=10, **arguments), (pictures(size),), tmp_path
    )


def test_a_backbone_that_gives_the_features_of_every_stage(tmp_path: Path) -> None:
    travel(lambda: timm.create_model("resnet10t", features_only=True), (pictures(64),), tmp_path)


def test_drawn_depths_and_dropout_are_of_training_alone(tmp_path: Path) -> None:
    travel(
        lambda: timm.create_model("test_convnext", drop_rate=0.3, drop_path_rate=0.3),
        (pictures(64),),
        tmp_path,
    )
