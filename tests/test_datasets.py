"""Data by name: what is loaded, how it is split, and one line for each thing that is wrong."""

import io
import os
import sys
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from pemn_compress.data import npz as npz_module
from pemn_compress.data.batches import Batches
from pemn_compress.data.own import class_names
from pemn_compress.data.samples import Data, Split
from pemn_compress.data.sources import from_model_file, load_data
from pemn_compress.errors import DataError, SettingError, UnknownNameError

torch.set_num_threads(1)


def load(spec, **settings):
    return load_data(str(spec), data_dir=settings.pop("data_dir", "."), **settings)


def refusal(spec, error=DataError, **settings):
    """The message that loading `spec` ends with, which must be one line."""
    with pytest.raises(error) as caught:
        load(spec, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return load("digits")


class TestDigits:
    def test_what_it_says_of_itself(self, digits):
        assert digits.name == "digits"
        assert digits.classes == 10
        assert digits.class_names == tuple("0123456789")
        assert digits.input_shape == (1, 8, 8)
        assert digits.is_image
        assert digits.normalize == ((0.3053,), (0.3757,))

    def test_both_splits_hold_what_scikit_learn_has(self, digits):
        from sklearn.datasets import load_digits

        assert (len(digits.train), len(digits.test)) == (1438, 359)
        stored = torch.cat([digits.train.inputs, digits.test.inputs])
        assert stored.dtype == torch.uint8
        original = torch.from_numpy(load_digits().images)
        assert stored.long().sum() == torch.floor(original * 255 / 16 + 0.5).long().sum()

    def test_the_third_of_every_five_of_a_class_is_for_testing(self, digits):
        from sklearn.datasets import load_digits

        sevens = load_digits().images[load_digits().target == 7]
        expected = np.floor(sevens[2::5] * 255 / 16 + 0.5).astype(np.uint8)
        found = digits.test.inputs[digits.test.targets == 7]
        assert np.array_equal(found[:, 0].numpy(), expected)

    def test_every_class_is_split_alike(self, digits):
        train, test = digits.train.targets.bincount(), digits.test.targets.bincount()
        assert torch.equal((train + test + 2) // 5, test)

    def test_limits_take_the_first_and_leave_the_statistics(self, digits):
        limited = load("digits", train_limit=7, test_limit=10**6)
        assert torch.equal(limited.train.inputs, digits.train.inputs[:7])
        assert torch.equal(limited.train.targets, digits.train.targets[:7])
        assert len(limited.test) == 359
        assert limited.normalize == digits.normalize

    def test_a_limit_below_one_is_refused(self):
        assert "expected 1 or more, got 0" in refusal("digits", SettingError, train_limit=0)

    def test_its_size_is_fixed(self):
        assert "whose size is fixed" in refusal("digits", SettingError, image_size=32)


class TestNumbers:
    def test_numbers_of_numpy_and_torch_are_python_s(self):
        pytest.importorskip("sklearn")
        limited = load("digits", train_limit=np.int64(7), test_limit=torch.tensor(3))
        assert (len(limited.train), len(limited.test)) == (7, 3)

    @pytest.mark.parametrize("value", [True, 1.0, "3", None, np.ones(2), torch.tensor(True)])
    def test_what_is_no_whole_number_is_one_line(self, value):
        split = Split(torch.zeros(2, 3), torch.tensor([0, 1]))
        with pytest.raises(SettingError, match="limit of samples: expected a whole number, got"):
            split.first(value)


class TestWhatACallerBuilds:
    """Split and Data are public: they say what they cannot be."""

    SPLIT = Split(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor([0, 1]))

    @pytest.mark.parametrize(
        "parts",
        [
            {},
            {"inputs": torch.zeros(2)},
            {"inputs": torch.zeros(2), "targets": torch.tensor([0])},
            {"inputs": torch.zeros(2), "targets": torch.tensor([0.0, 1.0])},
            {"inputs": torch.zeros(()), "targets": torch.zeros(0, dtype=torch.int64)},
            {"inputs": torch.zeros(1), "targets": torch.tensor([0]), "dataset": [1]},
            {"inputs": np.zeros(1), "targets": np.zeros(1)},
        ],
    )
    def test_splits(self, parts):
        with pytest.raises(DataError, match="data: expected"):
            Split(**parts)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"mean": (0.5,)}, "a mean and a std above 0 for each channel"),
            ({"std": (1, 1, 0)}, "a mean and a std above 0 for each channel"),
            ({"mean": (0, 0, float("nan"))}, "mean: expected finite numbers"),
            ({"input_shape": (3, 4)}, r"expected images of shape \(channels, height, width\)"),
            ({"class_names": ("a",)}, "names of classes: expected 2, got 1"),
            ({"class_names": ("a", "caf\udce9")}, r"expected Unicode text, got 'caf\\udce9'"),
            ({"class_names": ("a", 3)}, "expected Unicode text, got 3"),
            ({"classes": 0}, "classes: expected 1 or more, got 0"),
        ],
    )
    def test_data(self, changes, message):
        good = {
            "name": "mine", "train": None, "test": self.SPLIT, "classes": 2, "class_names": None,
            "input_shape": (3, 4, 4), "is_image": True, "mean": np.zeros(3), "std": [1, 1, 1],
        }  # fmt: skip
        assert Data(**good).normalize == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        with pytest.raises((DataError, SettingError), match=message):
            Data(**(good | changes))


class TestNames:
    @pytest.mark.parametrize("spec", ["mnist", "", "digits:8", "cifar10:", "npz", "folder", ":x"])
    def test_an_unknown_one_lists_those_that_exist(self, spec):
        message = refusal(spec, UnknownNameError)
        assert f"unknown data set {spec!r}" in message
        assert "cifar10, cifar100, digits, folder:PATH, npz:PATH" in message

    @pytest.mark.parametrize("name", ["npz", "folder"])
    def test_a_path_may_not_be_empty(self, name):
        assert f"expected {name}:PATH, got no path" in refusal(f"{name}:")

    @pytest.mark.parametrize("name", ["cifar10", "cifar100"])
    def test_missing_files_say_what_to_pass(self, name, tmp_path, capsys):
        message = refusal(name, data_dir=tmp_path)
        assert str(tmp_path) in message
        assert "--data-dir" in message
        assert "--download" in message
        assert capsys.readouterr().out == ""
        assert list(tmp_path.iterdir()) == []


def arrays(**changes):
    rng = np.random.default_rng(0)
    stored = {
        "x_train": rng.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8),
        "y_train": np.array([0, 1, 2, 0, 1, 2]),
        "x_test": rng.integers(0, 256, (3, 4, 5, 3), dtype=np.uint8),
        "y_test": np.array([0, 1, 3], dtype=np.uint8),
    }
    stored.update(changes)
    return {key: value for key, value in stored.items() if value is not None}


@pytest.fixture
def npz(tmp_path):
    """A function that writes an archive and returns its specification."""

    def write(**changes):
        np.savez(tmp_path / "data.npz", **arrays(**changes))
        return f"npz:{tmp_path / 'data.npz'}"

    return write


class TestNpz:
    def test_channels_come_first(self, npz):
        spec = npz()
        data = load(spec)
        assert data.name == spec
        assert data.input_shape == (3, 4, 5)
        stored = arrays()
        assert np.array_equal(data.train.inputs.numpy(), stored["x_train"].transpose(0, 3, 1, 2))
        assert data.train.inputs.is_contiguous()
        assert data.test.targets.tolist() == [0, 1, 3]
        assert data.test.targets.dtype == torch.int64
        assert data.classes == 4
        assert data.class_names is None

    def test_the_three_layouts_hold_the_same(self, npz):
        images = np.random.default_rng(1).integers(0, 256, (6, 4, 5), dtype=np.uint8)
        layouts = [images, images[:, None], images[..., None]]
        loaded = [load(npz(x_train=x, x_test=x[:3])) for x in layouts]
        for data in loaded:
            assert data.input_shape == (1, 4, 5)
            assert np.array_equal(data.train.inputs.numpy(), images[:, None])

    def test_a_last_axis_of_channel_length_is_the_channels(self, npz):
        images = np.zeros((6, 3, 7, 4), dtype=np.uint8)
        assert load(npz(x_train=images, x_test=images[:3])).input_shape == (4, 3, 7)

    def test_statistics_are_those_of_the_training_pixels(self, npz):
        pixels = arrays()["x_train"] / 255
        mean, std = load(npz()).normalize
        assert mean == pytest.approx(pixels.mean((0, 1, 2)), abs=1e-4)
        assert std == pytest.approx(pixels.std((0, 1, 2)), abs=1e-4)
        assert all(round(value, 4) == value for value in mean + std)

    def test_a_constant_channel_can_be_divided_by(self, npz):
        images = np.full((6, 4, 5, 1), 255, dtype=np.uint8)
        data = load(npz(x_train=images, x_test=images[:3]))
        assert data.normalize == ((1.0,), (1.0,))

    def test_names_give_the_number_of_classes(self, npz):
        data = load(npz(classes=np.array(["a", "b", "c", "d", "e"])))
        assert data.classes == 5
        assert data.class_names == ("a", "b", "c", "d", "e")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"y_test": None}, "y_test: expected an array of that name, got 'x_train', 'y_train'"),
            (
                {"x_train": np.zeros((6, 4, 5, 3))},
                r"x_train: expected uint8 .* got float64 .*; pixels are 0 to 255 here",
            ),
            ({"x_train": np.zeros((6, 4, 5, 3), np.int64)}, "x_train: expected uint8 .* got int64"),
            ({"x_test": np.zeros((3, 20), np.uint8)}, r"x_test: .* got uint8 \(3, 20\)"),
            ({"x_test": np.zeros((3, 5, 6, 7), np.uint8)}, r"1, 3 or 4 channels, got"),
            ({"x_test": np.zeros((3, 8, 8, 3), np.uint8)}, r"\(3, 4, 5\), got \(3, 8, 8\)"),
            ({"y_train": np.array([0, 1])}, r"y_train: expected integers \(6,\).*got int64 \(2,\)"),
            ({"y_test": np.array([0.0, 1.0, 2.0])}, "y_test: expected integers .* got float64"),
            ({"y_test": np.array([[0], [1], [2]])}, r"got int64 \(3, 1\); drop the last axis"),
            ({"y_test": np.eye(3, dtype=np.int64)}, r"\(3, 3\); one-hot rows become labels with"),
            ({"y_test": np.array([True, False, True])}, r"got bool \(3,\)"),
            ({"y_test": np.array([0, 1, 10**9])}, "labels below 1048576, got 1000000000"),
            ({"y_test": np.array([0, -1, 2])}, "y_test: expected labels from 0, got -1"),
            ({"y_test": np.array([0, 1, 2**64 - 1], np.uint64)}, "labels below 1048576, got 1844"),
            (
                {"x_test": np.zeros((0, 4, 5, 3), np.uint8), "y_test": np.zeros(0, np.int64)},
                "x_test: expected one image or more",
            ),
            ({"classes": np.array(["a", "b"])}, "a name for each of the 4 labels, got 2"),
            ({"classes": np.arange(4)}, r"classes: expected strings \(N,\), got int64"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_key(self, npz, changes, message):
        spec = npz(**changes)
        with pytest.raises(DataError, match=message) as caught:
            load(spec)
        assert str(caught.value).startswith(spec.removeprefix("npz:"))
        assert "\n" not in str(caught.value)

    def test_pickled_objects_are_never_read(self, npz):
        message = refusal(npz(y_train=np.array([0, 1, 2, 0, 1, None], dtype=object)))
        assert (
            "y_train: expected numbers or strings, got Python objects, which are never" in message
        )

    def test_what_a_file_claims_to_unpack_to_is_bounded(self, tmp_path, monkeypatch):
        monkeypatch.setattr(npz_module, "SUSPECT_BYTES", 1 << 16)
        blank = np.zeros((6, 200, 200, 3), np.uint8)
        np.savez_compressed(tmp_path / "bomb.npz", **arrays(x_train=blank, x_test=blank[:3]))
        message = refusal(f"npz:{tmp_path / 'bomb.npz'}")
        assert "expected arrays of at most 65,536 bytes, got 1,0" in message
        np.savez(tmp_path / "plain.npz", **arrays(x_train=blank, x_test=blank[:3]))
        assert load(f"npz:{tmp_path / 'plain.npz'}").input_shape == (3, 200, 200)
        monkeypatch.setattr(npz_module, "LARGEST_BYTES", 1 << 17)
        assert "at most 131,072 bytes" in refusal(f"npz:{tmp_path / 'plain.npz'}")

    def test_a_header_that_claims_more_than_there_is_allocates_nothing(self, tmp_path):
        header = io.BytesIO()
        shape = {"descr": "|u1", "fortran_order": False, "shape": (2**40, 8, 8)}
        np.lib.format.write_array_header_1_0(header, shape)
        with zipfile.ZipFile(tmp_path / "liar.npz", "w") as archive:
            archive.writestr("x_train.npy", header.getvalue() + bytes(64))
        message = refusal(f"npz:{tmp_path / 'liar.npz'}")
        assert "x_train: expected 70,368,744,177,664 bytes for uint8 (1099511627776" in message

    def test_what_can_be_read_in_two_ways_is_told(self, npz):
        tiny = np.zeros((6, 3, 7, 4), dtype=np.uint8)
        notes = load(npz(x_train=tiny, x_test=tiny[:3])).notes
        assert "x_train: (6, 3, 7, 4) is read as (N, height, width, channels)" in notes[0]
        clear = np.zeros((6, 8, 7, 3), dtype=np.uint8)
        assert load(npz(x_train=clear, x_test=clear[:3], y_test=np.arange(3))).notes == ()

    def test_labels_that_look_wrong_are_told(self, npz):
        wide = np.zeros((6, 8, 7, 3), dtype=np.uint8)
        one = np.array([1, 2, 3, 1, 2, 3])
        told = load(npz(x_train=wide, y_train=one, x_test=wide[:3], y_test=one[:3])).notes
        assert "no label is 0" in told[0]
        told = load(npz(x_train=wide, x_test=wide[:3])).notes
        assert told == (f"{npz().removeprefix('npz:')}: y_test has labels that y_train lacks: 3",)

    def test_the_training_part_may_be_missing_where_only_the_other_is_used(self, npz):
        spec = npz(x_train=None, y_train=None)
        assert "x_train: expected" in refusal(spec)
        data = load(spec, need_train=False)
        assert data.train is None
        assert len(data.test) == 3
        assert data.mean == load(npz(x_train=arrays()["x_test"], y_train=np.arange(3))).mean

    def test_other_files_are_refused(self, tmp_path):
        assert "no such file" in refusal(f"npz:{tmp_path / 'none.npz'}")
        (tmp_path / "text.npz").write_text("x_train")
        assert "expected an .npz archive" in refusal(f"npz:{tmp_path / 'text.npz'}")
        (tmp_path / "empty.npz").touch()
        assert "expected an .npz archive" in refusal(f"npz:{tmp_path / 'empty.npz'}")
        np.save(tmp_path / "one.npy", np.zeros(3))
        assert "got a single array" in refusal(f"npz:{tmp_path / 'one.npy'}")
        assert "got a folder; of a folder of pictures say folder:" in refusal(f"npz:{tmp_path}")
        os.mkfifo(tmp_path / "pipe.npz")
        assert "got a device or a pipe" in refusal(f"npz:{tmp_path / 'pipe.npz'}")

    def test_a_damaged_archive_is_refused(self, npz):
        spec = npz()
        path = spec.removeprefix("npz:")
        with open(path, "r+b") as file:
            file.seek(200)
            file.write(b"\xff" * 60)
        assert "expected an .npz archive" in refusal(spec)


def write_images(root, counts, size=(8, 8)):
    """Write `counts` = {class: images} as PNG files of `size` = (width, height)."""
    for label, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", size, (10 * i, 100 + label, 7)).save(root / name / f"{i}.png")


class TestFolder:
    def test_images_are_read_as_uint8_channels_first(self, tmp_path):
        write_images(tmp_path / "train", {"cat": 2, "dog": 3})
        write_images(tmp_path / "test", {"cat": 1, "dog": 1})
        data = load(f"folder:{tmp_path}")
        assert data.class_names == ("cat", "dog")
        assert data.classes == 2
        assert data.input_shape == (3, 8, 8)
        assert data.mean == (0.485, 0.456, 0.406)
        image, label = data.test.dataset[1]
        assert image.dtype == torch.uint8
        assert image[:, 0, 0].tolist() == [0, 101, 7]
        assert label == 1

    def test_the_first_samples_are_spread_over_the_classes(self, tmp_path):
        write_images(tmp_path / "train", {"a": 2, "b": 4, "c": 3})
        write_images(tmp_path / "val", {"a": 1, "b": 1, "c": 1})
        data = load(f"folder:{tmp_path}", train_limit=7)
        assert [label for _, label in data.train.dataset] == [0, 1, 2, 0, 1, 2, 1]
        assert len(data.test) == 3

    @pytest.mark.parametrize(("image_size", "expected"), [(None, (3, 224, 224)), (6, (3, 6, 6))])
    def test_other_shapes_are_resized_and_cropped(self, tmp_path, image_size, expected):
        write_images(tmp_path / "train", {"a": 1}, size=(12, 9))
        write_images(tmp_path / "test", {"a": 1}, size=(9, 30))
        data = load(f"folder:{tmp_path}", image_size=image_size)
        assert data.input_shape == expected
        assert data.train.dataset[0][0].shape == expected
        assert data.test.dataset[0][0].shape == expected

    def test_missing_and_empty_folders_are_named(self, tmp_path):
        assert "got no such folder" in refusal(f"folder:{tmp_path}")
        (tmp_path / "train").mkdir()
        assert str(tmp_path / "train") in refusal(f"folder:{tmp_path}")
        (tmp_path / "train" / "a").mkdir()
        assert str(tmp_path / "train") in refusal(f"folder:{tmp_path}")
        Image.new("RGB", (4, 4)).save(tmp_path / "train" / "a" / "0.png")
        assert "train and test (or val) folders" in refusal(f"folder:{tmp_path}")

    def test_a_class_that_training_lacks_is_refused(self, tmp_path):
        write_images(tmp_path / "train", {"a": 1, "b": 1})
        write_images(tmp_path / "test", {"a": 1, "c": 2})
        message = refusal(f"folder:{tmp_path}")
        assert "test part: 2 samples of class 'c': expected one of the 2 classes of the" in message
        assert "training part ('a', 'b')" in message

    def test_a_file_that_is_no_image_is_named(self, tmp_path):
        write_images(tmp_path / "train", {"a": 1})
        write_images(tmp_path / "test", {"a": 1})
        (tmp_path / "test" / "a" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n but not really")
        data = load(f"folder:{tmp_path}")
        with pytest.raises(DataError, match=r"0\.png: expected an image"):
            data.test.dataset[0]

    def test_a_size_below_one_is_refused(self, tmp_path):
        assert "got 0" in refusal(f"folder:{tmp_path}", SettingError, image_size=0)


class Words(Dataset):
    """Map-style data that is no image, with a random part."""

    def __init__(self, targets=(0, 1, 2), classes=None):
        self.targets = targets
        if classes is not None:
            self.classes = classes

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return torch.randint(0, 50, (7,)), self.targets[index]


class Odd(Dataset):
    """One sample, whatever a function makes of it."""

    def __init__(self, make):
        self.make = make

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.make()


class Unlabelled(IterableDataset):
    def __iter__(self):
        yield torch.zeros(3), torch.zeros(3)


class TestFromModelFile:
    def test_tensors_are_passed_on_as_they_are(self):
        x, y = torch.randint(0, 50, (6, 7)), torch.tensor([0, 1, 2, 0, 1, 2], dtype=torch.int32)
        data = from_model_file((x, y), [x[:2], y[:2]], "model.py")
        assert data.name == "model.py"
        assert torch.equal(data.train.inputs, x)
        assert data.train.targets.dtype == torch.int64
        assert data.classes == 3
        assert data.input_shape == (7,)
        assert not data.is_image
        assert data.normalize is None

    @pytest.mark.parametrize(
        ("array", "dtype"),
        [
            (np.zeros((2, 3)), torch.float32),
            (np.zeros((2, 3), ">f4"), torch.float32),
            (np.zeros((2, 3), np.uint16), torch.int64),
            (np.zeros((2, 3), np.uint8), torch.uint8),
            (np.zeros((3, 2)).T[::-1], torch.float32),
            (np.broadcast_to(np.float16(0), (2, 3)), torch.float16),
        ],
    )
    def test_arrays_of_any_kind_become_tensors_a_model_takes(self, array, dtype):
        data = from_model_file(None, (array, np.array([0, 1])), "model.py")
        assert data.train is None
        assert data.test.inputs.dtype == dtype
        assert data.test.inputs.shape == (2, 3)

    def test_a_tensor_dataset_is_its_tensors(self):
        x, y = torch.zeros(4, 3), torch.tensor([0, 4, 1, 2])
        data = from_model_file(None, TensorDataset(x, y), "model.py")
        assert torch.equal(data.test.inputs, x)
        assert data.classes == 5

    def test_a_dataset_tells_its_classes_or_nobody_knows(self):
        assert from_model_file(None, Words(), "m").classes is None
        assert from_model_file(None, Words(classes=["a", "b", "c", "d"]), "m").classes == 4
        assert from_model_file(None, Words(), "m", classes=9).classes == 9
        known = (torch.zeros(3, 7).long(), torch.tensor([0, 1, 5]))
        assert from_model_file(known, Words(), "m").classes == 6

    def test_names_of_classes_are_the_datasets_own(self):
        named = Words(classes=["a", "b", "c"])
        assert from_model_file(None, named, "m").class_names == ("a", "b", "c")
        assert from_model_file(None, Subset(named, [0, 2]), "m").class_names == ("a", "b", "c")
        assert from_model_file(None, named + named, "m").class_names == ("a", "b", "c")
        assert from_model_file(None, named + Words(), "m").class_names is None
        assert from_model_file(None, Words(classes=range(3)), "m").class_names is None
        by_label = Words(classes=["c", "b", "a"])
        by_label.class_to_idx = {"a": 0, "b": 1, "c": 2}
        assert class_names(by_label) == ("a", "b", "c")
        by_label.target_transform = lambda label: label % 2
        assert class_names(by_label) is None
        assert from_model_file(None, by_label, "m").classes is None
        assert class_names(Words(classes=[("cat", "tabby"), ("dog",)])) == ("cat, tabby", "dog")
        assert class_names(Words(classes=np.array(["a", "b"]))) == ("a", "b")
        assert class_names(Words(classes="abc")) is None
        pair = (torch.zeros(3, 7).long(), torch.tensor([0, 1, 5]))
        assert from_model_file(pair, named, "m").class_names is None  # three names, six classes

    def test_both_datasets_name_their_classes_and_labels_are_paired(self):
        data = from_model_file(
            Words(classes=["a", "b", "c"]), Words((0, 1), classes=["c", "A"]), "m"
        )
        assert [label for _, label in (data.test.dataset[i] for i in range(2))] == [2, 0]
        assert [label for _, label in (data.train.dataset[i] for i in range(3))] == [0, 1, 2]
        assert (data.classes, data.class_names) == (3, ("a", "b", "c"))
        spelled, absent = data.notes
        assert "'A' as 'a'" in spelled
        assert "no samples of classes that train_data() has: 'b'" in absent
        with pytest.raises(DataError, match=r"m: eval_data\(\): samples of class 'z'"):
            from_model_file(Words(classes=["a", "b"]), Words(classes=["z", "a"]), "m")

    @pytest.mark.parametrize(
        "label",
        [
            2,
            np.int64(2),
            np.uint8(2),
            np.array(2),
            torch.tensor(2),
            torch.tensor(2, dtype=torch.uint8),
        ],
    )
    def test_labels_may_be_any_librarys_integers(self, label):
        data = from_model_file(None, Words(targets=(label,)), "m", classes=np.int64(3))
        ((_, targets),) = Batches(data.test, batch_size=1, shuffle_seed=None)
        assert targets.tolist() == [2]
        assert type(data.classes) is int

    def test_a_sample_that_goes_wrong_later_is_named(self):
        data = from_model_file(None, Words(targets=(0, 1, -100)), "m")
        with pytest.raises(
            DataError, match=r"m: eval_data\(\): sample 2: expected a target from 0"
        ):
            list(Batches(data.test, batch_size=3, shuffle_seed=None))

    @pytest.mark.parametrize("inputs", [torch.zeros(3, 7, 1), torch.zeros(3, 7)])
    def test_both_parts_have_inputs_of_one_kind(self, inputs):
        pair = (inputs, torch.tensor([0, 1, 2]))
        with pytest.raises(DataError, match=r"m: expected train_data\(\) and .* int64 \(7,\)"):
            from_model_file(pair, Words(), "m")

    def test_looking_at_a_dataset_leaves_the_global_generator(self):
        torch.manual_seed(0)
        before = torch.get_rng_state()
        data = from_model_file(Words(), Words(), "m")
        assert torch.equal(torch.get_rng_state(), before)
        assert data.input_shape == (7,)
        assert len(data.limited(train_limit=2).train) == 2

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (None, "expected a pair of arrays or tensors .* got NoneType"),
            ((torch.zeros(2, 3),), "got 1 items"),
            ((torch.zeros(2, 3), torch.zeros(3).long()), r"got \(float32 \(2, 3\), int64 \(3,\)\)"),
            ((torch.zeros(2, 3), torch.zeros(2)), "integer targets"),
            ((torch.zeros(2, 3), torch.tensor([0, -1])), "targets from 0, got -1"),
            ((torch.zeros(0, 3), torch.zeros(0).long()), "one sample or more"),
            ((np.array(["a", "b"]), np.array([0, 1])), "expected a pair"),
            ((Words(), Words()), r"got \(Words, Words\)"),
            (Words(targets=()), "got an empty Dataset"),
            (Words(targets=(0.5,)), "sample 0: expected a target that is one integer, got float"),
            (Words(targets=(True,)), "one integer, got bool"),
            (Words(targets=(-1,)), "sample 0: expected a target from 0, got -1"),
            (Words(targets=(torch.eye(3)[0],)), r"got float32 \(3,\); a one-hot target becomes"),
            (Words(targets=(torch.tensor([1]),)), r"got int64 \(1,\); take it out with .item"),
            ((torch.zeros(2, 3), torch.zeros(2, 1).long()), "; drop the last axis"),
            (Words(targets=("cat",)), r"sample 0: expected an input and a target that are tensors"),
            (Words(targets=(None,)), r"got \(int64 \(7,\), NoneType\)"),
            (Unlabelled(), r"expected batches of inputs .* got \(float32 \(1, 3\), float32"),
            (DataLoader([]), "expected batches, got none|one batch or more"),
            ({"x": 1}, "got dict of 'x'"),
            (torch.zeros(2, 3), r"got float32 \(2, 3\)"),
            (Words, "got type"),
            ((x for x in range(3)), "got generator"),
            ([(torch.zeros(3), 0)] * 5, "got 5 items"),
            ((torch.zeros(2, 3), torch.eye(2)), r"got .*; one-hot rows become labels with .argmax"),
            (TensorDataset(torch.zeros(2, 3)), r"sample 0: expected a pair .* got \(float32 \(3,"),
            (Odd(lambda: {"x": 1, "y": 2}), "sample 0: expected a pair .* got dict of 'x', 'y'"),
            (Odd(lambda: (Image.new("L", (4, 4)), 0)), r"give the Dataset a transform that makes"),
            (Odd(lambda: 1 / 0), r"its first sample: ZeroDivisionError: .*test_datasets.py, line"),
            (Odd(lambda: sys.exit(3)), "its first sample: SystemExit: 3"),
        ],
    )
    def test_what_is_wrong_names_the_function(self, value, message):
        with pytest.raises(DataError, match=message) as caught:
            from_model_file(None, value, "model.py")
        assert str(caught.value).startswith("model.py: eval_data(): ")
        assert "\n" not in str(caught.value)

    def test_more_classes_than_declared_are_refused(self):
        pair = (torch.zeros(2, 7).long(), torch.tensor([0, 7]))
        with pytest.raises(DataError, match=r"train_data\(\): expected at most 4 classes, got 8"):
            from_model_file(pair, Words(), "m", classes=4)
