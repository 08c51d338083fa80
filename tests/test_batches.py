"""Batches: the order and the augmentations that a seed and an epoch decide."""

import time

import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from pemn_compress.data.augment import parse_augment
from pemn_compress.data.batches import Batches
from pemn_compress.data.samples import Split
from pemn_compress.data.sources import load_data
from pemn_compress.errors import DataError, SettingError

torch.set_num_threads(1)

STATISTICS = ((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
# Python says so whenever a process that has threads, torch's for one, starts another by fork.
forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8, generator=generator)
    return Split(inputs, torch.arange(50))


class Noise(Dataset):
    """Samples that a user's own random augmentation changes, with torch's global generator."""

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return torch.randn(4, dtype=torch.float64), index


def epoch(batches, number=0):
    """One whole epoch as (inputs, targets)."""
    batches.set_epoch(number)
    pairs = list(batches)
    return torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])


def by_target(inputs, targets):
    return inputs[targets.argsort()]


class TestOrder:
    def test_without_a_seed_it_is_the_splits_own(self, images):
        batches = Batches(images, batch_size=16, shuffle_seed=None)
        for _ in range(2):
            inputs, targets = epoch(batches)
            assert torch.equal(inputs, images.inputs)
            assert torch.equal(targets, images.targets)
        assert [len(y) for _, y in batches] == [16, 16, 16, 2]
        assert len(batches) == 4

    def test_seed_and_epoch_decide_it(self, images):
        def order(seed, number):
            return epoch(Batches(images, batch_size=16, shuffle_seed=seed), number)[1].tolist()

        assert order(1, 0) == order(1, 0)
        assert sorted(order(1, 0)) == list(range(50))
        different = {tuple(order(seed, number)) for seed in range(3) for number in range(3)}
        assert len(different) == 9

    def test_epochs_need_not_come_in_turn(self, images):
        batches = Batches(images, batch_size=7, shuffle_seed=1)
        third = epoch(batches, 3)[1]
        epoch(batches, 0)
        assert torch.equal(epoch(batches, 3)[1], third)

    def test_the_last_batch_can_be_dropped(self, images):
        batches = Batches(images, batch_size=16, shuffle_seed=0, drop_last=True)
        assert [len(y) for _, y in batches] == [16, 16, 16]
        assert len(batches) == 3

    def test_the_batch_size_changes_neither_order_nor_augmentation(self, images):
        augment = parse_augment(["crop:2", "flip"], image_size=8)
        settings = {"shuffle_seed": 3, "augment": augment, "normalize": STATISTICS}
        x7, y7 = epoch(Batches(images, batch_size=7, **settings), 2)
        x50, y50 = epoch(Batches(images, batch_size=50, **settings), 2)
        assert torch.equal(y7, y50)
        assert torch.equal(x7, x50)


class TestInputs:
    def test_images_are_scaled_and_normalised(self, images):
        inputs, _ = epoch(Batches(images, batch_size=50, shuffle_seed=None, normalize=STATISTICS))
        mean, std = (torch.tensor(values)[:, None, None] for values in STATISTICS)
        assert inputs.dtype == torch.float32
        assert torch.allclose(inputs, (images.inputs / 255 - mean) / std, atol=1e-6)

    def test_a_model_that_changes_its_input_does_not_change_the_data(self, images):
        before = images.inputs.clone()
        for inputs, targets in Batches(images, batch_size=50, shuffle_seed=None):
            inputs.zero_()
            targets.zero_()
        assert torch.equal(images.inputs, before)
        assert images.targets[-1] == 49

    def test_a_users_dataset_gives_float32_and_int64(self):
        inputs, targets = epoch(Batches(Split(dataset=Noise()), batch_size=8, shuffle_seed=None))
        assert inputs.dtype == torch.float32
        assert targets.dtype == torch.int64
        assert targets.tolist() == list(range(20))

    def test_samples_that_cannot_be_stacked_are_refused(self):
        class Uneven(Noise):
            def __getitem__(self, index):
                return torch.zeros(index + 1), index

        batches = Batches(Split(dataset=Uneven()), batch_size=8, shuffle_seed=None)
        with pytest.raises(DataError, match=r"one shape, got \(1,\) and \(2,\)"):
            list(batches)

    def test_thirty_epochs_of_the_digits_take_no_time(self):
        inputs = torch.zeros(1437, 1, 8, 8, dtype=torch.uint8)
        split = Split(inputs, torch.zeros(1437, dtype=torch.int64))
        batches = Batches(split, batch_size=64, shuffle_seed=0, normalize=((0.5,), (0.5,)))
        start = time.perf_counter()
        for number in range(30):
            epoch(batches, number)
        assert time.perf_counter() - start < 5  # sample by sample it would take more


AUGMENTED = [["crop:2", "flip"], ["flip", "erase:0.5"], ["rand-augment:2:12", "color-jitter:0.2"]]


class TestAugmented:
    @pytest.mark.parametrize("items", AUGMENTED)
    def test_seed_and_epoch_decide_every_sample(self, images, items):
        def run(seed, number):
            augment = parse_augment(items, image_size=8)
            batches = Batches(
                images, batch_size=16, shuffle_seed=seed, augment=augment, normalize=STATISTICS
            )
            return by_target(*epoch(batches, number))

        first = run(1, 4)
        torch.manual_seed(123)
        assert torch.equal(first, run(1, 4))
        assert not torch.equal(first, run(1, 5))
        assert not torch.equal(first, run(2, 4))

    @pytest.mark.parametrize("items", [[], *AUGMENTED])
    def test_the_global_generator_stays_as_it_was(self, images, items):
        batches = Batches(
            images,
            batch_size=16,
            shuffle_seed=1,
            augment=parse_augment(items, image_size=8),
            normalize=STATISTICS,
        )
        torch.manual_seed(0)
        before = torch.get_rng_state()
        for _ in batches:
            assert torch.equal(torch.get_rng_state(), before)
        assert torch.equal(torch.get_rng_state(), before)

    def test_erasing_sets_normalised_pixels_to_zero(self, images):
        augment = parse_augment(["erase:1"], image_size=8)
        inputs, targets = epoch(
            Batches(images, batch_size=16, shuffle_seed=1, augment=augment, normalize=STATISTICS)
        )
        plain, _ = epoch(Batches(images, batch_size=16, shuffle_seed=None, normalize=STATISTICS))
        erased = inputs == 0
        assert erased.flatten(1).any(1).all()
        assert torch.equal(inputs[~erased], plain[targets][~erased])

    @forks
    def test_workers_change_nothing(self, images):
        augment = parse_augment(["rand-augment:2:12", "flip", "erase:0.5"], image_size=8)
        settings = {"shuffle_seed": 1, "augment": augment, "normalize": STATISTICS}
        alone = Batches(images, batch_size=16, **settings)
        helped = Batches(images, batch_size=16, workers=1, **settings)
        for number in (0, 3):
            (x, y), (x_helped, y_helped) = epoch(alone, number), epoch(helped, number)
            assert torch.equal(y, y_helped)
            assert torch.equal(x, x_helped)

    @forks
    @pytest.mark.parametrize("seed", [None, 5])
    def test_a_users_own_randomness_is_reproducible_too(self, seed):
        split = Split(dataset=Noise())
        first = epoch(Batches(split, batch_size=8, shuffle_seed=seed))[0]
        torch.manual_seed(9)
        assert torch.equal(epoch(Batches(split, batch_size=3, shuffle_seed=seed))[0], first)
        helped = Batches(split, batch_size=8, shuffle_seed=seed, workers=1)
        assert torch.equal(epoch(helped)[0], first)
        assert torch.equal(epoch(helped, 1)[0], first) == (seed is None)


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path):
        for split in ("train", "test"):
            for label in ("a", "b"):
                (tmp_path / split / label).mkdir(parents=True)
                for i in range(3):
                    colour = (80 * i, 200, 7 if label == "a" else 9)
                    Image.new("RGB", (8, 8), colour).save(tmp_path / split / label / f"{i}.png")
        return tmp_path

    def test_images_are_normalised_and_augmented(self, folder):
        data = load_data(f"folder:{folder}", data_dir=folder)
        augment = parse_augment(["crop:2", "flip"], image_size=8)
        settings = {"batch_size": 4, "normalize": data.normalize}
        plain, _ = epoch(Batches(data.train, shuffle_seed=None, **settings))
        assert plain[0, :, 0, 0].tolist() == pytest.approx(
            [(0 - 0.485) / 0.229, (200 / 255 - 0.456) / 0.224, (7 / 255 - 0.406) / 0.225], abs=1e-5
        )
        batches = Batches(data.train, shuffle_seed=2, augment=augment, **settings)
        assert torch.equal(epoch(batches, 1)[0], epoch(batches, 1)[0])
        assert not torch.equal(epoch(batches, 1)[0], epoch(batches, 2)[0])

    @forks
    @pytest.mark.parametrize("workers", [0, 1])
    def test_a_broken_image_is_one_line(self, folder, workers):
        (folder / "test" / "b" / "1.png").write_bytes(b"nothing")
        data = load_data(f"folder:{folder}", data_dir=folder)
        batches = Batches(
            data.test, batch_size=4, shuffle_seed=None, normalize=data.normalize, workers=workers
        )
        with pytest.raises(DataError, match=r"1\.png: expected an image") as caught:
            list(batches)
        message = str(caught.value)
        del caught  # it keeps the workers alive until they are garbage, which stops them slowly
        assert message.startswith(str(folder))
        assert "\n" not in message


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"batch_size": 0}, "batch size: expected 1 or more, got 0"),
            ({"workers": -1}, "workers: expected a whole number, 0 to 1024, got -1"),
            (
                {"shuffle_seed": -5},
                "shuffle seed: expected a whole number, 0 to 18446744073709551615, got -5",
            ),
            ({"batch_size": 51, "drop_last": True}, "at most the 50 samples there are, got 51"),
        ],
    )
    def test_settings_out_of_range(self, images, settings, message):
        with pytest.raises(SettingError, match=message):
            Batches(images, **{"batch_size": 8, "shuffle_seed": 0, **settings})

    @pytest.mark.parametrize("settings", [{"normalize": STATISTICS}, {"shuffle_seed": 1}])
    def test_augmentation_needs_images_and_a_seed(self, images, settings):
        augment = parse_augment(["flip"], image_size=8)
        with pytest.raises(SettingError, match="images to normalise and a shuffle seed"):
            Batches(images, augment=augment, **{"batch_size": 8, "shuffle_seed": None, **settings})

    def test_an_epoch_below_zero(self, images):
        with pytest.raises(SettingError, match="epoch: expected 0 or more, got -1"):
            Batches(images, batch_size=8, shuffle_seed=0).set_epoch(-1)
