"""Resizing, cropping and normalising: torchvision's steps, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from pemn_compress.data.batches import Batches
from pemn_compress.data.preprocessing import (
    PREPROCESSINGS,
    Preprocessing,
    preprocessed,
    preprocessing_of,
)
from pemn_compress.data.samples import Data, Split
from pemn_compress.errors import DataError, SettingError, UnknownNameError


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (5, 3, 20, 30), dtype=torch.uint8, generator=generator)
    split = Split(inputs, torch.arange(5))
    return Data("noise", split, split, 5, None, (3, 20, 30), True, (0.5,) * 3, (0.25,) * 3)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
def test_steps_are_torchvisions_on_pictures_and_on_tensors(images, interpolation):
    steps = Preprocessing(resize=12, center_crop=10, interpolation=interpolation)
    theirs = v2.Compose(
        [
            v2.Resize(12, v2.InterpolationMode(interpolation), antialias=True),
            v2.CenterCrop(10),
        ]
    )
    tensor = images.test.inputs[0]
    picture = Image.fromarray(tensor.permute(1, 2, 0).numpy())
    assert torch.equal(steps.sized(tensor), theirs(tensor))
    assert np.array_equal(np.array(steps.sized(picture)), np.array(theirs(picture)))


def test_images_in_memory_are_resized_when_they_are_read(images):
    found = preprocessed(images, Preprocessing(resize=12, center_crop=10))
    assert found.input_shape == (3, 10, 10)
    inputs, targets = next(
        iter(Batches(found.test, batch_size=5, shuffle_seed=None, normalize=found.normalize))
    )
    assert inputs.shape == (5, 3, 10, 10)
    assert targets.tolist() == [0, 1, 2, 3, 4]
    expected = v2.functional.resize(images.test.inputs, [12], antialias=True)[:, :, 1:11, 4:14]
    assert torch.allclose(inputs, (expected / 255 - 0.5) / 0.25, atol=1e-6)


def test_a_resize_alone_keeps_proportions(images):
    assert preprocessed(images, Preprocessing(resize=10)).input_shape == (3, 10, 15)
    assert preprocessed(images, Preprocessing(center_crop=8)).input_shape == (3, 8, 8)


def test_statistics_replace_the_datas_own(images):
    found = preprocessed(images, Preprocessing(mean=(0.1, 0.2, 0.3)))
    assert found.normalize == ((0.1, 0.2, 0.3), (0.25, 0.25, 0.25))
    assert found.test is images.test


def test_numbers_of_numpy_and_torch(images):
    steps = Preprocessing(
        mean=np.array([0.5, 0.25, 0.75], np.float32),
        std=torch.tensor([0.5, 0.5, 0.5]),
        resize=np.int64(12),
        center_crop=torch.tensor(10),
    )
    assert steps == Preprocessing((0.5, 0.25, 0.75), (0.5, 0.5, 0.5), 12, 10)
    assert type(preprocessed(images, steps).input_shape[1]) is int


def test_presets_can_be_changed():
    imagenet = preprocessing_of("imagenet", resize=None, interpolation="bicubic", center_crop=200)
    assert (imagenet.resize, imagenet.center_crop) == (256, 200)
    assert imagenet.mean == PREPROCESSINGS["imagenet"].mean
    assert preprocessing_of(None) == Preprocessing()
    with pytest.raises(UnknownNameError, match=r"'imagnet'; .*imagenet"):
        preprocessing_of("imagnet")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ({"resize": 0}, "resize: expected a whole number, 1 to 16384, got 0"),
        ({"resize": 10**9}, "resize: expected a whole number, 1 to 16384"),
        ({"resize": 8.0}, "resize: expected a whole number, 1 to 16384, got 8.0"),
        ({"center_crop": True}, "center crop: expected a whole number, 1 to 16384, got True"),
        ({"resize": 8, "center_crop": 9}, "at most the 8 pixels of the resize, got 9"),
        ({"interpolation": "bilinear"}, "expected a resize"),
        ({"resize": 8, "interpolation": "lanczos"}, "unknown interpolation 'lanczos'"),
        ({"mean": (0.5, float("nan"), 0)}, "mean: expected finite numbers"),
        ({"mean": "0.5"}, "mean: expected finite numbers"),
        ({"mean": 0.5}, "mean: expected finite numbers"),
        ({"std": (1, 0, 1)}, "std: expected numbers above 0"),
        ({"std": (1, -1, 1)}, "std: expected numbers above 0"),
        ({"std": (1, float("inf"), 1)}, "std: expected finite numbers"),
        ({"mean": (0.5,), "std": (1, 1, 1)}, "as many of one as of the other, got 1 and 3"),
    ],
)
def test_what_makes_no_sense_is_one_line(steps, message):
    with pytest.raises(SettingError, match=message) as caught:
        Preprocessing(**steps)
    assert "\n" not in str(caught.value)


def test_statistics_of_other_channels(images):
    with pytest.raises(SettingError, match=r"mean: expected 3 numbers, .* 'noise', got 1"):
        preprocessed(images, Preprocessing(mean=(0.5,), std=(1,)))


def test_what_is_no_image(images):
    split = Split(torch.zeros(2, 3), torch.tensor([0, 1]))
    points = Data("points", None, split, 2, None, (3,), False)
    assert preprocessed(points, Preprocessing()) is points
    with pytest.raises(DataError, match="'points': expected images"):
        preprocessed(points, Preprocessing(mean=(0.5, 0.5, 0.5)))


def test_images_that_do_not_bear_a_step():
    narrow = torch.zeros(3, 2, 30_000, dtype=torch.uint8)
    with pytest.raises(DataError, match="30000 x 2 pixels: expected one that resizing to 256"):
        Preprocessing(resize=256).sized(narrow)
    with pytest.raises(DataError, match="30000 x 2 pixels: expected one of 8 or more"):
        Preprocessing(center_crop=8).sized(narrow)
