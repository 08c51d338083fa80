"""Torchvision beyond classifiers: segmentation, detection, optical flow; outputs in containers."""

from pathlib import Path

import pytest
import torch
from road import travel
from torchvision import models
from torchvision.models import detection, optical_flow, segmentation, video
from torchvision.models.feature_extraction import create_feature_extractor

pytestmark = pytest.mark.filterwarnings("ignore", "error::pemn_compress.errors.PemnWarning")

UNTRAINED = {"weights": None, "weights_backbone": None, "num_classes": 5}
GENERATOR = torch.Generator().manual_seed(0)


def picture(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=GENERATOR)


@pytest.mark.parametrize("name", ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"])
def test_segmentation(name: str, tmp_path: Path) -> None:
    # with a second head, whose output stands beside the first one's in a dict
    more = {"aux_loss": True} if name.startswith("deeplab") else {}
    travel(
        lambda: getattr(segmentation, name)(**UNTRAINED, **more), (picture(2, 3, 48, 48),), tmp_path
    )


def test_detection_of_a_list_of_pictures(tmp_path: Path) -> None:
    targets = [
        {"boxes": torch.tensor([[5.0, 5.0, 40.0, 40.0]]), "labels": torch.tensor([kind])}
        for kind in (1, 3)
    ]
    travel(
        lambda: detection.ssdlite320_mobilenet_v3_large(**UNTRAINED),
        ([picture(3, 96, 96), picture(3, 80, 96)], targets),
        tmp_path,
    )


def test_optical_flow_between_two_pictures(tmp_path: Path) -> None:
    travel(
        lambda: optical_flow.raft_small(),
        (picture(2, 3, 128, 128), picture(2, 3, 128, 128)),
        tmp_path,
    )


def test_video(tmp_path: Path) -> None:
    travel(lambda: video.swin_transformer.SwinTransformer3d(
        patch_size=[2, 4, 4], embed_dim=24, depths=[1, 1], num_heads=[2, 4],
        window_size=[2, 4, 4], num_classes=5,
    ), (picture(2, 3, 4, 32, 32),), tmp_path)  # fmt: skip


def test_a_traced_model_that_gives_what_is_inside(tmp_path: Path) -> None:
    travel(
        lambda: create_feature_extractor(
            models.squeezenet1_1(num_classes=5), ["features.5", "features.12"]
        ),
        (picture(2, 3, 48, 48),),
        tmp_path,
    )


def test_a_model_that_asks_for_the_version_of_its_state(tmp_path: Path) -> None:
    travel(lambda: models.mnasnet0_5(num_classes=10), (picture(2, 3, 48, 48),), tmp_path)


def test_heads_of_training_alone(tmp_path: Path) -> None:
    travel(lambda: models.googlenet(num_classes=5), (picture(2, 3, 64, 64),), tmp_path)
