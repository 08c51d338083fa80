"""Augmentations: what they do to an image, the batched path, and what is refused."""

import pickle

import numpy as np
import pytest
import torch

from pemn_compress.data.augment import AUGMENTATIONS, parse_augment
from pemn_compress.data.erasing import Erase
from pemn_compress.errors import SettingError, UnknownNameError

torch.set_num_threads(1)

EVERY_ITEM = ["resized-crop:0.75", "crop:4", "flip", "rand-augment:2:12", "color-jitter:0.2"]


def ramp(channels=3, size=8):
    """An image without two equal pixels in a channel, so that a crop's place can be read off."""
    pixels = torch.arange(1, size * size + 1, dtype=torch.uint8).reshape(1, size, size)
    return pixels.repeat(channels, 1, 1)


def every_crop_and_flip(image, padding):
    size = image.shape[-1]
    padded = torch.nn.functional.pad(image, (padding,) * 4)
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            crop = padded[:, top : top + size, left : left + size]
            yield crop
            yield crop.flip(2)


class TestBatched:
    def test_each_image_is_one_of_the_crops_and_all_of_them_occur(self):
        augment = parse_augment(["crop:1", "flip"], image_size=8)
        images = ramp().repeat(400, 1, 1, 1)
        choices = augment.batched.draw(400, torch.Generator().manual_seed(0))
        out = augment.batched.apply(images, choices)
        allowed = {crop.numpy().tobytes() for crop in every_crop_and_flip(ramp(), 1)}
        assert len(allowed) == 18
        assert {image.numpy().tobytes() for image in out} == allowed
        assert out.dtype == torch.uint8

    def test_sample_by_sample_draws_from_the_same_set(self):
        augment = parse_augment(["crop:1", "flip"], image_size=8)
        torch.manual_seed(0)
        allowed = {crop.numpy().tobytes() for crop in every_crop_and_flip(ramp(), 1)}
        assert {augment.image(ramp()).numpy().tobytes() for _ in range(400)} == allowed

    def test_crop_alone_never_mirrors(self):
        augment = parse_augment(["crop:2"], image_size=8)
        choices = augment.batched.draw(200, torch.Generator().manual_seed(0))
        assert choices[:, 2].max() == 0
        assert choices[:, :2].min() == 0
        assert choices[:, :2].max() == 4

    def test_flip_alone_mirrors_about_half(self):
        augment = parse_augment(["flip"], image_size=8)
        choices = augment.batched.draw(1000, torch.Generator().manual_seed(0))
        images = ramp().repeat(1000, 1, 1, 1)
        out = augment.batched.apply(images, choices)
        mirrored = (out == images.flip(3)).flatten(1).all(1)
        assert torch.equal(mirrored | (out == images).flatten(1).all(1), torch.ones(1000).bool())
        assert 450 < mirrored.sum() < 550

    def test_images_need_not_be_square(self):
        augment = parse_augment(["crop:3", "flip"], image_size=(6, 10), channels=1)
        choices = augment.batched.draw(5, torch.Generator().manual_seed(0))
        images = torch.ones(5, 1, 6, 10, dtype=torch.uint8)
        assert augment.batched.apply(images, choices).shape == (5, 1, 6, 10)
        assert augment.image(images[0]).shape == (1, 6, 10)

    @pytest.mark.parametrize(
        ("items", "is_batched"),
        [
            (["flip", "crop:4"], True),
            (["crop:4", "erase:0.5"], True),
            (["crop:4", "color-jitter:0.1"], False),
            (["erase:0.5"], False),
            ([], False),
        ],
    )
    def test_it_exists_when_the_image_part_is_crop_and_flip_alone(self, items, is_batched):
        assert (parse_augment(items, image_size=32).batched is not None) == is_batched


class TestSampleBySample:
    def test_nothing_asked_for_is_nothing_to_call(self):
        augment = parse_augment([], image_size=32)
        assert augment.image is None
        assert augment.normalized is None

    @pytest.mark.parametrize("item", EVERY_ITEM)
    @pytest.mark.parametrize("channels", [1, 3])
    def test_an_image_keeps_its_type_and_shape(self, item, channels):
        augment = parse_augment([item], image_size=16, channels=channels)
        torch.manual_seed(0)
        image = torch.randint(0, 256, (channels, 16, 16), dtype=torch.uint8)
        for _ in range(10):
            out = augment.image(image)
            assert out.dtype == torch.uint8
            assert out.shape == image.shape

    @pytest.mark.parametrize("item", EVERY_ITEM)
    def test_it_changes_images_and_the_global_seed_decides_how(self, item):
        augment = parse_augment([item], image_size=16)
        image = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
        passes = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            passes.append(torch.stack([augment.image(image) for _ in range(8)]))
        assert torch.equal(passes[0], passes[1])
        assert not torch.equal(passes[0], passes[2])

    def test_items_apply_in_the_order_written(self):
        augment = parse_augment(["flip", "color-jitter:1", "erase:1", "crop:8"], image_size=8)
        names = [type(step).__name__ for step in augment.image.steps]
        assert names == ["RandomHorizontalFlip", "ColorJitter", "RandomCrop"]

    def test_erasing_works_on_the_normalised_image_with_its_probability(self):
        erase = parse_augment(["erase:0.25", "flip"], image_size=8).normalized
        images = torch.ones(1000, 3, 8, 8)
        choices = erase.draw(1000, torch.Generator().manual_seed(0))
        erased = (erase.apply(images, choices) == 0).flatten(1).any(1)
        assert 200 < erased.sum() < 300
        assert torch.equal(images, torch.ones(1000, 3, 8, 8))

    def test_workers_can_unpickle_all_of_them(self):
        augment = parse_augment([*EVERY_ITEM, "erase:1"], image_size=8)
        copy = pickle.loads(pickle.dumps(augment))
        torch.manual_seed(0)
        image = copy.image(ramp())
        torch.manual_seed(0)
        assert torch.equal(image, augment.image(ramp()))


class TestErase:
    """Erasing a batch at a time against torchvision's RandomErasing, image by image."""

    def rectangles(self, images):
        """Return heights, widths, tops and lefts of what is zero; a row of -1 where nothing is."""
        rows = []
        for image in images:
            zero = image[0] == 0
            if not zero.any():
                rows.append((-1, -1, -1, -1))
                continue
            down, across = zero.any(1).nonzero().flatten(), zero.any(0).nonzero().flatten()
            assert zero.sum() == len(down) * len(across), "a rectangle"
            rows.append((len(down), len(across), int(down[0]), int(across[0])))
        return np.array(rows)

    @pytest.mark.parametrize("size", [(8, 8), (6, 14), (2, 30)])
    @pytest.mark.parametrize("probability", [0.3, 1.0])
    def test_its_rectangles_are_distributed_as_torchvisions(self, size, probability):
        from scipy.stats import ks_2samp
        from torchvision.transforms.v2 import RandomErasing

        count, images = 3000, torch.ones(3000, 1, *size)
        erase = Erase(probability, *size)
        ours = erase.apply(images, erase.draw(count, torch.Generator().manual_seed(1)))
        torch.manual_seed(2)
        one_by_one = RandomErasing(p=probability)
        theirs = torch.stack([one_by_one(image) for image in images])
        for mine, other in zip(self.rectangles(ours).T, self.rectangles(theirs).T, strict=True):
            assert ks_2samp(mine, other).pvalue > 0.001
        assert abs((ours == 0).sum() - (theirs == 0).sum()) < 0.05 * (theirs == 0).sum()

    def test_all_channels_alike_and_never_a_whole_side(self):
        erase, images = Erase(1.0, 8, 8), torch.ones(500, 3, 8, 8)
        out = erase.apply(images, erase.draw(500, torch.Generator().manual_seed(0)))
        assert torch.equal(out[:, 0], out[:, 1])
        assert torch.equal(out[:, 0], out[:, 2])
        assert not (out == 0).all(2).any()
        assert not (out == 0).all(3).any()

    @pytest.mark.parametrize(("probability", "size"), [(0.0, (8, 8)), (1.0, (1, 1)), (1.0, (1, 9))])
    def test_nothing_where_nothing_can_be(self, probability, size):
        erase, images = Erase(probability, *size), torch.ones(50, 1, *size)
        choices = erase.draw(50, torch.Generator().manual_seed(0))
        assert torch.equal(erase.apply(images, choices), images)


class TestHeightAndWidth:
    """Height and width are kept apart: 12 x 20 stays 12 x 20."""

    @pytest.mark.parametrize("item", [*EVERY_ITEM, "erase:1"])
    @pytest.mark.parametrize("size", [(12, 20), (20, 12)])
    def test_every_augmentation_keeps_them(self, item, size):
        augment = parse_augment([item], image_size=size)
        image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
        for _ in range(5):
            if augment.image is not None:
                assert augment.image(image).shape == image.shape
            if augment.normalized is not None:
                choices = augment.normalized.draw(1, torch.Generator().manual_seed(0))
                assert augment.normalized.apply(image[None].float(), choices).shape == (1, 3, *size)
            if augment.batched is not None:
                choices = augment.batched.draw(1, torch.Generator().manual_seed(0))
                assert augment.batched.apply(image[None], choices).shape == (1, 3, *size)

    def test_a_resized_crop_has_the_images_proportions(self):
        rows = torch.arange(0, 240, 20, dtype=torch.uint8)[:, None].expand(12, 20)
        columns = torch.arange(0, 240, 12, dtype=torch.uint8)[None].expand(12, 20)
        crop = parse_augment(["resized-crop:0.3"], image_size=(12, 20)).image
        torch.manual_seed(0)
        spans = []
        for _ in range(50):
            down, across = crop(torch.stack([rows, columns])).long()
            spans.append(((down.max() - down.min()), (across.max() - across.min())))
        for down, across in spans:
            assert abs(int(down) - int(across)) <= 40  # of 220 and 228: two rows, three columns
        assert len({int(down) for down, _ in spans}) > 5

    def test_numbers_of_numpy_and_torch(self):
        augment = parse_augment("crop:1,flip", image_size=np.array([12, 20]).tolist())
        assert augment.names == ("crop:1", "flip")
        for size in (np.int64(8), torch.tensor(8), (np.int64(8), 8)):
            assert parse_augment(["crop:1"], image_size=size).image(ramp()).shape == (3, 8, 8)

    @pytest.mark.parametrize("size", [0, (8, 0), (8,), (8, 8, 8), 8.0, True, "8"])
    def test_sizes_that_are_none(self, size):
        with pytest.raises(SettingError, match="image size: expected"):
            parse_augment(["crop:1"], image_size=size)


class TestRefusals:
    def test_an_unknown_name_lists_those_that_exist(self):
        with pytest.raises(
            UnknownNameError, match=r"'cutout'.*expected one of: color-jitter, crop"
        ):
            parse_augment(["cutout:8"], image_size=32)

    @pytest.mark.parametrize(
        ("item", "message"),
        [
            ("crop", "expected crop:PADDING, PADDING a whole number from 1 .*got 'crop'"),
            ("crop:0", "got 'crop:0'"),
            ("crop:2.5", "got 'crop:2.5'"),
            ("crop:4:4", "got 'crop:4:4'"),
            ("crop:", "got 'crop:'"),
            ("flip:0.5", "expected flip, got 'flip:0.5'"),
            ("flip:", "expected flip, got 'flip:'"),
            ("resized-crop:0", "a number above 0 to 1, got 'resized-crop:0'"),
            ("resized-crop:1.5", "got 'resized-crop:1.5'"),
            ("rand-augment:2", "expected rand-augment:OPERATIONS:MAGNITUDE.*got 'rand-augment:2'"),
            ("rand-augment:2:31", "MAGNITUDE a whole number from 0 to 30"),
            ("color-jitter:-0.1", "got 'color-jitter:-0.1'"),
            ("erase:nan", "PROBABILITY a number from 0 to 1, got 'erase:nan'"),
            ("erase:much", "got 'erase:much'"),
        ],
    )
    def test_values_say_what_was_expected_and_got(self, item, message):
        with pytest.raises(SettingError, match=message) as refusal:
            parse_augment([item], image_size=32)
        assert "\n" not in str(refusal.value)

    def test_twice_is_once_too_often(self):
        with pytest.raises(SettingError, match="'crop': expected once"):
            parse_augment(["crop:2", "crop:4"], image_size=32)

    @pytest.mark.parametrize("item", ["color-jitter:0.2", "rand-augment:1:1"])
    def test_colours_need_colour_or_grey(self, item):
        with pytest.raises(SettingError, match="1 or 3 channels, got 4"):
            parse_augment([item], image_size=32, channels=4)

    def test_every_name_is_covered_here(self):
        covered = {item.split(":")[0] for item in EVERY_ITEM} | {"erase"}
        assert covered == set(AUGMENTATIONS)
