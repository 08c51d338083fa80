"""`pemn evaluate`, and `evaluate` from Python: the same data as in training, in every form."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import pemn_compress
from pemn_compress.data.preprocessing import Preprocessing
from pemn_compress.data.sources import load_data
from pemn_compress.errors import ArchiveError, DataError, SettingError
from pemn_compress.models.building import remember
from pemn_compress.storing.saving import pack

CLASSES = ("ant", "bee", "cow")
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def write_pictures(root, names=CLASSES, part="test", size=(12, 12), count=3):
    """Pictures that anyone can tell apart: class i of CLASSES is bright in channel i."""
    rng = np.random.default_rng(0)
    for name in names:
        folder = root / part / name
        folder.mkdir(parents=True)
        for i in range(count):
            image = rng.integers(0, 60, (*size, 3), dtype=np.uint8)
            image[..., CLASSES.index(name.lower()) if name.lower() in CLASSES else 0] += 180
            Image.fromarray(image).save(folder / f"{i}.png")


def by_brightest():
    """A classifier of CLASSES that needs no training: the brightest channel."""
    model = pemn_compress.build("mlp", classes=3, channels=3, image_size=12, width=4, depth=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        first, last = [m for m in model.modules() if isinstance(m, nn.Linear)]
        for channel in range(3):
            first.weight[channel, channel * 144 : (channel + 1) * 144] = 1 / 144
            first.bias[channel] = 3  # normalised pixels may be negative
            last.weight[channel, channel] = 1
    return model


def save(path, *, about=None, model=None):
    """An archive with weights as they are."""
    kept = pemn_compress.PrunedModel(model or by_brightest(), strategy="dense")
    pemn_compress.save(kept, path, about=about or {})
    return path


@pytest.fixture
def archive(tmp_path):
    """An archive as `compress` would have left it after CLASSES."""
    told = {"shape": [3, 12, 12], "mean": IMAGENET[0], "std": IMAGENET[1]}
    about = {"classes": list(CLASSES), "input": told}
    return save(tmp_path / "model.pemn", about=about)


class TestLabels:
    def test_all_classes(self, call, archive, tmp_path):
        write_pictures(tmp_path)
        code, out, err = call("evaluate", "model.pemn", "--data", "folder:.")
        assert (code, err) == (0, "")
        assert "measured  100.00 % (9 of 9)" in out

    @pytest.mark.parametrize("names", [("bee", "cow"), ("cow",), ("ant", "cow")])
    def test_a_folder_that_lacks_a_class(self, call, archive, tmp_path, names):
        write_pictures(tmp_path, names)
        code, out, err = call("evaluate", "model.pemn", "--data", "folder:.")
        assert code == 0
        assert "measured  100.00 %" in out
        assert err.startswith("warning: data 'folder:.': no samples of classes that model.pemn has")

    def test_a_folder_whose_names_are_in_another_case_and_order(self, call, archive, tmp_path):
        write_pictures(tmp_path, ("Cow", "ant", "BEE"))
        code, out, err = call("evaluate", "model.pemn", "--data", "folder:.")
        assert code == 0
        assert "100.00 %" in out
        assert "'BEE' as 'bee', 'Cow' as 'cow'" in err

    def test_a_class_that_the_model_never_saw(self, call, archive, tmp_path):
        write_pictures(tmp_path, (*CLASSES, "zebra"))
        code, out, err = call("evaluate", "model.pemn", "--data", "folder:.")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "3 samples of class 'zebra': expected one of the 3 classes of model.pemn" in err
        code, _, err = call("evaluate", "model.pemn", "--data", "folder:.", "--labels", "position")
        assert code == 2
        assert "4 classes, the model only 3 outputs" in err

    def test_by_position_if_asked(self, call, archive, tmp_path):
        write_pictures(tmp_path, ("bee", "cow"))
        code, out, err = call(
            "evaluate", "model.pemn", "--data", "folder:.", "--labels", "position"
        )
        assert code == 0
        assert "0.00 %" in out
        assert "has 2 classes, the model 3 outputs: labels are taken by position" in err

    def test_an_archive_without_names_goes_by_position_and_says_so(self, call, tmp_path):
        save(tmp_path / "plain.pemn", about={"input": {"shape": [3, 12, 12]}})
        write_pictures(tmp_path, ("bee", "cow"))
        code, _, err = call("evaluate", "plain.pemn", "--data", "folder:.")
        assert code == 0
        assert "labels are taken by position" in err
        # the training part knows all names, and so the right positions
        write_pictures(tmp_path, CLASSES, "train")
        code, out, err = call("evaluate", "plain.pemn", "--data", "folder:.")
        assert code == 0
        assert "100.00 %" in out
        assert "by position" not in err

    def test_names_in_an_npz(self, call, archive, tmp_path):
        images = np.zeros((2, 12, 12, 3), np.uint8)
        images[0, ..., 2] = images[1, ..., 0] = 200
        stored = {"x_test": images, "y_test": np.array([0, 1])}
        np.savez(tmp_path / "named.npz", classes=np.array(["cow", "ant"]), **stored)
        np.savez(tmp_path / "plain.npz", **stored)
        code, out, _ = call("evaluate", "model.pemn", "--data", "npz:named.npz")
        assert code == 0
        assert "(2 of 2)" in out
        code, out, err = call("evaluate", "model.pemn", "--data", "npz:plain.npz")
        assert code == 0
        assert "(0 of 2)" in out
        assert (
            "has 2 classes without names, model.pemn names 3: labels are taken by position" in err
        )

    def test_a_dataset_with_classes_from_python(self, archive):
        class Bright(Dataset):
            classes = ("cow", "bee")

            def __len__(self):
                return 2

            def __getitem__(self, index):
                image = torch.zeros(3, 12, 12)
                image[2 - index] = 1
                return image, np.int64(index)

        measured = pemn_compress.evaluate(archive, Bright())
        assert (measured.score.correct, measured.score.total) == (2, 2)
        assert "no samples of classes that" in measured.notes[0]
        assert pemn_compress.evaluate(archive, Bright(), labels="position").score.correct == 1
        Bright.classes = ("cow", "bee", "emu")
        with pytest.raises(DataError, match="samples of class 'emu': expected one of the 3"):
            pemn_compress.evaluate(archive, Bright())


MODEL = """
import torch
from torch import nn
from torch.utils.data import Dataset

class Points(Dataset):
    def __init__(self, classes):
        self.classes = classes
    def __len__(self):
        return 60
    def __getitem__(self, index):
        label = index % len(self.classes)
        place = "abc".index(self.classes[label])
        return nn.functional.one_hot(torch.tensor(place), 3).float(), label

def build_model():
    return nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 3))
def train_data():
    return Points(["a", "b", "c"])
def eval_data():
    return Points({test})
"""


class TestModelFiles:
    def test_their_datasets_are_paired_in_training_and_after(self, call, tmp_path):
        (tmp_path / "model.py").write_text(MODEL.format(test=["c", "b"]))
        code, out, err = call(
            "compress", "model.py", "--epochs", "12", "--batch-size", "20", "--threads", "1", "-q"
        )
        assert code == 0, err
        assert "100.00 % (60 of 60" in out
        assert "no samples of classes that train_data() has: 'a'" in err
        code, out, _ = call("evaluate", "model.pemn", "--trust-source")
        assert code == 0
        assert "measured  100.00 %" in out
        (tmp_path / "other.py").write_text(
            MODEL.format(test=["b", "a", "c"]).replace("def train_data", "def no_data")
        )
        code, out, _ = call("evaluate", "model.pemn", "--model", "other.py")
        assert code == 0  # eval_data() is enough
        assert "measured  100.00 %" in out

    @pytest.mark.parametrize("arguments", [[1], "x", 3, {"file": 1}, {"build_seed": 1}])
    def test_arguments_that_make_no_sense_are_one_line(self, call, tmp_path, arguments):
        model = nn.Sequential(nn.Linear(3, 3))
        remember(model, {"kind": "source", "name": "m.py", "entry": "f", "arguments": arguments})
        pemn_compress.save(pemn_compress.PrunedModel(model, strategy="dense"), tmp_path / "x.pemn")
        (tmp_path / "model.py").write_text(MODEL.format(test=["a"]))
        code, out, err = call("evaluate", "x.pemn", "--model", "model.py")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "expected arguments by name" in err

    def test_a_class_that_training_lacks_is_refused_before_it(self, call, tmp_path):
        text = MODEL.format(test=["a", "b", "c"]).replace(
            'Points(["a", "b", "c"])\ndef', "Points(['a', 'b'])\ndef"
        )
        (tmp_path / "model.py").write_text(text)
        code, out, err = call("compress", "model.py", "--epochs", "1", "--threads", "1", "-q")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert (
            "eval_data(): samples of class 'c': expected one of the 2 classes of train_data()"
            in err
        )


class TestPreprocessing:
    @pytest.fixture
    def imported(self, tmp_path):
        """An archive that records nothing of its data."""
        write_pictures(tmp_path, size=(30, 20))
        return save(tmp_path / "model.pemn")

    def measured(self, call, *options):
        code, out, err = call("evaluate", "model.pemn", "--data", "folder:.", "--json", *options)
        assert code == 0, err
        return json.loads(out), err

    def test_what_nobody_said_is_told(self, call, imported):
        told, err = self.measured(call, "--image-size", "12")
        assert (told["mean"], told["std"]) == IMAGENET
        assert "model.pemn records no normalisation: images are normalised with mean 0.485" in err

    def test_steps_are_those_that_are_given(self, call, imported, tmp_path):
        told, err = self.measured(
            call, "--resize", "16", "--center-crop", "12", "--interpolation", "bicubic",
            "--mean", "0.1,0.2,0.3", "--std", "0.5,0.5,0.5",
        )  # fmt: skip
        assert err == ""
        assert (told["mean"], told["std"]) == ([0.1, 0.2, 0.3], [0.5, 0.5, 0.5])
        steps = Preprocessing((0.1, 0.2, 0.3), (0.5,) * 3, 16, 12, "bicubic")
        data = load_data("folder:.", data_dir=tmp_path, need_train=False, preprocessing=steps)
        inputs = torch.stack([image for image, _ in data.test.dataset]) / 255
        inputs = (inputs - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / 0.5
        labels = torch.tensor([label for _, label in data.test.dataset])
        with torch.no_grad():
            loss = nn.functional.cross_entropy(by_brightest()(inputs), labels)
        assert told["loss"] == pytest.approx(float(loss), rel=1e-4)
        assert told["correct"] == told["total"] == 9

    def test_a_preset_and_what_changes_it(self, call, imported):
        told, _ = self.measured(
            call, "--preprocessing", "imagenet", "--resize", "14", "--center-crop", "12",
            "--std", "1,1,1",
        )  # fmt: skip
        assert (told["mean"], told["std"]) == (IMAGENET[0], [1, 1, 1])

    def test_what_the_archive_records_is_the_default(self, call, archive, tmp_path):
        write_pictures(tmp_path, size=(30, 20))
        told, err = self.measured(call)  # resized to the recorded 12 x 12
        assert (told["correct"], err) == (9, "")
        told, err = self.measured(call, "--mean", "0.5,0.5,0.5")
        assert (told["mean"], told["std"]) == ([0.5] * 3, IMAGENET[1])

    def test_statistics_of_whole_pixels_are_told(self, call, imported):
        _, err = self.measured(
            call, "--image-size", "12", "--mean", "123.675,116.28,103.53", "--std", "58,57,57"
        )
        assert "divide statistics of values from 0 to 255 by 255" in err

    def test_another_size_if_asked(self, call, tmp_path):
        model = pemn_compress.build("resnet20", classes=3, width=0.1)
        about = {"input": {"shape": [3, 32, 32]}, "classes": list(CLASSES)}
        save(tmp_path / "model.pemn", about=about, model=model)
        write_pictures(tmp_path)
        _, err = self.measured(call, "--image-size", "16")
        assert "inputs of shape (3, 16, 16); the model was trained on (3, 32, 32)" in err

    def test_images_in_memory(self, call, tmp_path):
        images = np.zeros((3, 30, 20, 3), np.uint8)
        for i in range(3):
            images[i, ..., i] = 200
        np.savez(tmp_path / "x.npz", x_test=images, y_test=np.arange(3))
        save(tmp_path / "model.pemn")
        code, out, err = call(
            "evaluate", "model.pemn", "--data", "npz:x.npz", "--resize", "14", "--center-crop", "12"
        )
        assert code == 0, err
        assert "(3 of 3)" in out

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--mean", "0.5,0.5"], "mean: expected 3 numbers, one for each channel"),
            (["--mean", "0.5,x,0.5"], "expected numbers such as 0.485,0.456,0.406"),
            (["--mean", "nan,0,0"], "mean: expected finite numbers"),
            (["--std", "1,0,1"], "std: expected numbers above 0"),
            (["--std", "1,inf,1"], "std: expected finite numbers"),
            (["--resize", "0"], "resize: expected a whole number, 1 to 16384"),
            (["--resize", "8", "--center-crop", "9"], "at most the 8 pixels of the resize"),
            (["--interpolation", "bicubic"], "expected a resize, got none"),
            (["--resize", "8", "--interpolation", "lanczos"], "expected one of: bicubic, bilinear"),
            (["--preprocessing", "imagnet"], "expected one of: cifar10, cifar100, imagenet"),
            (["--image-size", "8", "--resize", "8"], "expected none beside a resize"),
            (["--image-size", "99999999"], "image size: expected a whole number, 1 to 16384"),
            (["--image-size", "0"], "image size: expected a whole number, 1 to 16384, got 0"),
            (["--center-crop", "25"], "0.png: an image of 20 x 30 pixels: expected one of 25"),
        ],
    )
    def test_what_makes_no_sense_is_one_line(self, call, imported, options, message):
        code, out, err = call("evaluate", "model.pemn", "--data", "folder:.", *options)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err

    def test_what_is_no_image(self):
        masked = pemn_compress.MaskedModel(nn.Sequential(nn.Linear(2, 2)))
        pair = (np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1]))
        stored, model = pack(masked), masked.to_plain()
        measured = pemn_compress.evaluate(stored, pair, model=model)
        assert (measured.score.total, measured.normalize) == (4, None)
        with pytest.raises(DataError, match="expected images to resize or normalise"):
            pemn_compress.evaluate(stored, pair, model=model, preprocessing="cifar10")


class TestClaims:
    """What an archive says of itself may be anything: one line, and nothing is made of its size."""

    @pytest.mark.parametrize(
        ("about", "message"),
        [
            ({"input": None}, "about, input, shape: expected a list of numbers, got None"),
            ({"input": {"shape": [3, 12.5, 12]}}, "about, input, shape: expected a list"),
            ({"input": {"shape": [3, -12, 12]}}, "about, input, shape: expected a list"),
            ({"input": {"shape": [True, 12, 12]}}, "about, input, shape: expected a list"),
            ({"input": {"shape": [3] * 9}}, "about, input, shape: expected a list"),
            ({"input": {"shape": {"a": 1}}}, "about, input, shape: expected a list"),
            ({"input": {"mean": [0.5], "std": [1]}}, "mean: expected 3 numbers"),
            ({"input": {"mean": [0.5] * 3}}, "about, input: expected a mean and a deviation"),
            ({"input": {"std": [1, 1, 1]}}, "about, input: expected a mean and a deviation"),
            ({"input": {"mean": [0] * 3, "std": [1, 1, -1]}}, "a deviation above 0"),
            ({"input": {"mean": [0] * 3, "std": [1, 1]}}, "a deviation above 0"),
            ({"input": {"mean": ["0"] * 3, "std": [1] * 3}}, "about, input, mean: expected"),
            ({"input": {"mean": [True] * 3, "std": [1] * 3}}, "about, input, mean: expected"),
            ({"input": {"mean": "0.5", "std": "1"}}, "about, input, mean: expected a list"),
            ({"classes": 3}, "about, classes: expected a list of names, got 3"),
            ({"classes": "abc"}, "about, classes: expected a list of names, got abc"),
            ({"classes": ["a", 1, "c"]}, "about, classes: expected a list of names"),
            ({"classes": {"a": 0}}, "about, classes: expected a list of names"),
            ({"classes": ["\x1b[31mant"] * 3}, "samples of class 'ant'"),
            ({"input": {"shape": [3, 10**6, 10**6]}}, "squares of at most 2048 pixels to resize"),
            ({"input": {"shape": [3, 12, 20]}}, "squares of at most 2048 pixels to resize"),
            ({"input": {"shape": [1, 12, 12]}}, "expected inputs of shape (1, 12, 12)"),
            ({"input": {"shape": [12]}}, "expected inputs of shape (12,)"),
        ],
    )
    def test_each_is_one_line(self, call, tmp_path, about, message):
        save(tmp_path / "odd.pemn", about=about)
        write_pictures(tmp_path)
        code, out, err = call("evaluate", "odd.pemn", "--data", "folder:.")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err
        assert err.strip().isprintable()

    @pytest.mark.parametrize(
        "accuracy",
        [7, "x", {"correct": 3}, {"correct": 9, "total": 3}, {"correct": -1, "total": 3}],
    )
    def test_an_accuracy_that_makes_no_sense_is_none(self, call, tmp_path, accuracy):
        save(tmp_path / "odd.pemn", about={"accuracy": accuracy, "classes": list(CLASSES)})
        write_pictures(tmp_path)
        options = ("--data", "folder:.", "--mean", "0,0,0", "--std", "1,1,1")
        code, out, _ = call("evaluate", "odd.pemn", *options)
        assert code == 0
        assert "recorded  none" in out
        assert json.loads(call("evaluate", "odd.pemn", *options, "--json")[1])["recorded"] is None

    def test_numbers_of_json_are_told_as_json(self, call, tmp_path):
        model = by_brightest()
        with torch.no_grad():
            list(model.parameters())[-1].fill_(float("nan"))
        save(tmp_path / "nan.pemn", about={"classes": list(CLASSES)}, model=model)
        write_pictures(tmp_path)
        code, out, _ = call("evaluate", "nan.pemn", "--data", "folder:.", "--json")
        assert code == 0
        assert json.loads(out, parse_constant=pytest.fail)["loss"] is None


class TestFromPython:
    def test_forms_of_data(self, archive, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        write_pictures(tmp_path)
        by_name = pemn_compress.evaluate(archive, "folder:.")
        assert by_name.score.accuracy == 1
        assert by_name.recorded is None
        loaded = load_data("folder:.", data_dir=".", image_size=12, need_train=False)
        assert pemn_compress.evaluate(archive.read_bytes(), loaded).score == by_name.score
        images = torch.zeros(2, 3, 12, 12)
        images[0, 1] = images[1, 2] = 1
        pair = (images.double().numpy(), np.array([1, 2], np.uint16))
        assert pemn_compress.evaluate(archive, pair).score.correct == 2
        tensors = TensorDataset(images, torch.tensor([1, 2]))
        assert pemn_compress.evaluate(archive, tensors, model=by_brightest()).score.correct == 2

    @pytest.mark.parametrize(
        ("settings", "error", "message"),
        [
            ({"labels": "order"}, SettingError, "labels: expected 'name' or 'position'"),
            ({"preprocessing": "x"}, SettingError, "unknown preprocessing 'x'"),
            ({"data": 7}, DataError, "data: test data: expected a pair of arrays or tensors"),
            ({"data": None}, DataError, "no data: expected"),
            ({"data": (1, 2, 3)}, DataError, "got 3 items"),
            ({"batch_size": 0}, SettingError, "batch size: expected 1 or more"),
        ],
    )
    def test_what_cannot_be_is_one_line(self, archive, settings, error, message):
        pair = (torch.zeros(1, 3, 12, 12), torch.tensor([0]))
        with pytest.raises(error, match=message) as caught:
            pemn_compress.evaluate(archive, **({"data": pair} | settings))
        assert "\n" not in str(caught.value)

    def test_a_broken_archive(self, archive):
        with pytest.raises(ArchiveError):
            pemn_compress.evaluate(archive.read_bytes()[:100], "digits")


def test_height_and_width_stay_apart_through_training(call, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (24, 12, 20, 3), dtype=np.uint8)
    stored = {f"x_{part}": images for part in ("train", "test")}
    labels = {f"y_{part}": np.arange(24) % 3 for part in ("train", "test")}
    np.savez(tmp_path / "wide.npz", **stored, **labels)
    (tmp_path / "exact.py").write_text(
        "from torch import nn\nclass Exact(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.a = nn.Linear(720, 3)\n"
        "    def forward(self, x):\n        assert x.shape[1:] == (3, 12, 20), x.shape\n"
        "        return self.a(x.flatten(1))\n"
        "def build_model(): return Exact()\n"
    )
    quick = ("--data", "npz:wide.npz", "--epochs", "1", "--threads", "1", "-q")
    code, _, err = call("compress", "exact.py", *quick, "--augment", "resized-crop:0.5")
    assert code == 0, err
    assert call("evaluate", "exact.pemn", "--data", "npz:wide.npz", "--trust-source")[0] == 0
    code, _, err = call("compress", "resnet20", *quick, "-a", "width=0.1", "--augment", "crop:2")
    assert code == 0, err
    for name in ("mlp", "conv2", "vit"):
        code, out, err = call("compress", name, *quick)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert (
            f"{name} takes square images: expected height and width to be equal, got 12 x 20" in err
        )
    code, out, err = call("compress", "convmixer", *quick, "-a", "patch=8")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "multiple of patch" in err


def test_without_torch_it_says_so(archive, tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('No module', name='torch')")
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from pemn_compress.cli import main\n"
        f"main(['evaluate', {str(archive)!r}, '--data', 'digits'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "pemn: this command needs torch: pip install . in a checkout of pemn-compress\n"
    )
