"""Folders of pictures as people have them: hidden files, links, odd names, no permission."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pemn_compress.data.sources import load_data
from pemn_compress.errors import DataError


def fill(folder, count=2, name="{}.png", size=(8, 8)):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("RGB", size, (10 * i, 20, 30)).save(folder / name.format(i))


@pytest.fixture
def root(tmp_path):
    """Two classes, with two pictures for training and one for testing each."""
    for part, count in (("train", 2), ("test", 1)):
        for name in ("cat", "dog"):
            fill(tmp_path / part / name, count)
    return tmp_path


def load(root, **settings):
    return load_data(f"folder:{root}", data_dir=root, **settings)


def refusal(root, **settings):
    with pytest.raises(DataError) as caught:
        load(root, **settings)
    assert str(caught.value).isprintable()
    return str(caught.value)


class TestWhatIsNoSample:
    @pytest.mark.parametrize(
        "name",
        [".ipynb_checkpoints", ".git", "__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN",
         "lost+found", "__pycache__", "System Volume Information"],
    )  # fmt: skip
    def test_folders_that_systems_leave(self, root, name):
        for place in (root, root / "train", root / "test", root / "train" / "cat"):
            fill(place / name)
        data = load(root)
        assert data.class_names == ("cat", "dog")
        assert (len(data.train), len(data.test)) == (4, 2)
        assert data.notes == ()

    @pytest.mark.parametrize("name", [".DS_Store", "._0.png", ".hidden.png", "Thumbs.db", "Icon\r"])
    def test_files_that_systems_leave(self, root, name):
        for place in (root, root / "train", root / "train" / "cat"):
            (place / name).write_bytes(b"\0\1\2")
        data = load(root)
        assert len(data.train) == 4
        assert data.notes == ()

    def test_files_of_other_kinds_are_told(self, root):
        (root / "train" / "cat" / "notes.txt").touch()
        (root / "train" / "cat" / "labels.CSV").touch()
        (root / "train" / "dog" / "README").touch()
        (root / "train" / "readme.md").touch()
        fill(root / "train", 3, name="stray{}.png")
        data = load(root)
        assert len(data.train) == 4
        strays, others = data.notes
        assert strays == f"{root}/train: pictures in no class's folder are left out: 3"
        assert others == (
            f"{root}/train: files that are no pictures are left out: 3 (.csv, .txt, without an "
            "extension)"
        )

    def test_a_pipe_named_like_a_picture_is_not_waited_for(self, root):
        os.mkfifo(root / "train" / "cat" / "9.png")
        assert len(load(root).train) == 4


class TestWhatIsOne:
    @pytest.mark.parametrize(
        "name",
        ["a.PNG", "a.JpEg", "a.gif", "a.tif", "a.webp", "a.jfif", "a.pgm", "a.with.dots.bmp"],
    )
    def test_extensions_in_any_case(self, root, name):
        kind = {".jfif": "JPEG"}.get(Path(name).suffix)
        Image.new("RGB", (8, 8)).save(root / "train" / "cat" / name, format=kind)
        assert len(load(root).train) == 5

    def test_folders_in_a_classs_folder(self, root):
        fill(root / "train" / "cat" / "more" / "even more", 3)
        data = load(root)
        assert data.class_names == ("cat", "dog")
        assert [label for _, label in data.train.dataset].count(0) == 5

    def test_names_in_other_bytes(self, root):
        Image.new("RGB", (8, 8)).save(root / "x.png")
        os.rename(root / "x.png", os.fsencode(root / "train" / "cat") + b"/caf\xe9.png")
        data = load(root)
        assert len(list(data.train.dataset)) == 5
        (root / "train" / "cat" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"no picture")
        with pytest.raises(DataError, match=r"caf\\udce9.png: expected an image"):
            list(data.train.dataset)

    def test_a_root_in_other_bytes_has_a_name_that_a_record_can_hold(self, root):
        os.rename(os.fsencode(root / "train"), os.fsencode(root / "x"))
        odd = os.fsdecode(os.fsencode(root) + b"/caf\xe9")
        os.mkdir(odd)
        os.rename(root / "x", f"{odd}/train")
        os.rename(root / "test", f"{odd}/test")
        assert load(odd).name == f"folder:{root}/caf\\udce9"

    def test_links_to_pictures_and_folders(self, root, tmp_path_factory):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        fill(elsewhere / "birds", 3)
        (root / "train" / "bird").symlink_to(elsewhere / "birds")
        (root / "train" / "cat" / "link.png").symlink_to(elsewhere / "birds" / "0.png")
        data = load(root)
        assert data.class_names == ("bird", "cat", "dog")
        assert [label for _, label in data.train.dataset].count(0) == 3
        assert len(data.train) == 8

    @pytest.mark.parametrize("target", [".", "..", "../..", "../cat"])
    def test_links_in_circles_lead_nowhere(self, root, target):
        (root / "train" / "cat" / "loop").symlink_to(target)
        (root / "train" / "cat" / "self").symlink_to("self")
        assert len(load(root).train) == 4

    @pytest.mark.parametrize("target", [".", "..", "../train"])
    def test_a_circle_is_no_class(self, root, target):
        (root / "train" / "loop").symlink_to(target)
        data = load(root)
        assert data.class_names == ("cat", "dog")
        assert len(data.train) == 4

    def test_a_link_to_nothing_is_told(self, root):
        (root / "test" / "cat" / "gone.png").symlink_to("nowhere.png")
        assert "test/cat/gone.png: expected an image, got a link that leads nowhere" in refusal(
            root
        )


class TestClasses:
    def test_a_test_folder_that_lacks_one(self, root):
        fill(root / "train" / "bird")
        data = load(root)
        assert data.class_names == ("bird", "cat", "dog")
        assert [label for _, label in data.test.dataset] == [1, 2]
        (note,) = data.notes
        assert "no samples of classes that the training part has: 'bird'" in note

    def test_an_empty_folder_for_testing_is_as_none(self, root):
        fill(root / "train" / "bird")
        (root / "test" / "bird").mkdir()
        assert [label for _, label in load(root).test.dataset] == [1, 2]

    def test_names_that_differ_by_case_are_one_and_told(self, root):
        (root / "test" / "dog").rename(root / "test" / "Dog")
        data = load(root)
        assert [label for _, label in data.test.dataset] == [1, 0]  # capitals come first
        assert "'Dog' as 'dog'" in data.notes[0]

    def test_an_empty_one_for_training_is_refused(self, root):
        (root / "train" / "bird").mkdir()
        (root / "train" / "bird" / "list.txt").touch()
        message = refusal(root)
        assert f"{root}/train/bird: expected pictures (.avif, " in message
        assert "of class 'bird', got list.txt" in message

    def test_names_that_no_archive_can_hold_are_refused(self, root):
        os.mkdir(os.fsencode(root / "train") + b"/caf\xe9")
        message = refusal(root)
        assert r"train/caf\udce9: expected a class's name in UTF-8" in message
        assert r"b'caf\xe9'" in message

    @pytest.mark.parametrize("name", ["val", "valid", "validation"])
    def test_other_names_of_the_test_folder(self, root, name):
        (root / "test").rename(root / name)
        assert len(load(root).test) == 2

    def test_without_a_training_part(self, root):
        shutil.rmtree(root / "train")
        assert "train: expected a folder" in refusal(root)
        data = load(root, need_train=False)
        assert data.train is None
        assert (data.class_names, len(data.test)) == (("cat", "dog"), 2)

    def test_the_training_part_tells_names_where_only_the_test_part_is_used(self, root):
        fill(root / "train" / "bird")
        fill(root / "test" / "emu")
        data = load(root, need_train=False)
        assert data.train is None
        assert data.class_names == ("bird", "cat", "dog", "emu")
        assert sorted(label for _, label in data.test.dataset) == [1, 2, 3, 3]


class TestPictures:
    def test_a_set_is_of_three_channels_whatever_its_pictures_are(self, root):
        for i, mode in enumerate(("1", "L", "LA", "P", "RGBA", "I;16")):
            deep = Image.fromarray(np.full((8, 8), 1000, np.uint16))
            image = deep if mode == "I;16" else Image.new(mode, (8, 8))
            image.save(root / "train" / "cat" / f"{mode[0]}{i}.png")
        assert {tuple(image.shape) for image, _ in load(root).train.dataset} == {(3, 8, 8)}

    def test_the_first_pictures_size_is_that_of_the_picture_the_right_way_up(self, root):
        exif = Image.Exif()
        exif[274] = 6
        for path in sorted((root / "train" / "cat").iterdir()):
            Image.new("RGB", (20, 10)).save(path, exif=exif)
        assert load(root).input_shape == (3, 224, 224)

    def test_32_bit_pictures_have_one_white_in_both_parts(self, root):
        bright, dark = np.full((8, 8), 60_000, np.int32), np.full((8, 8), 200, np.int32)
        Image.fromarray(bright).save(root / "train" / "cat" / "z.tif")
        Image.fromarray(dark).save(root / "test" / "cat" / "z.tif")
        data = load(root)
        assert {int(image.max()) for image, _ in data.test.dataset} == {30, 1}

    def test_one_that_would_be_blown_up_is_named(self, root):
        Image.new("RGB", (30_000, 2)).save(root / "test" / "cat" / "long.png")
        data = load(root, image_size=256)
        with pytest.raises(DataError, match=r"long\.png: an image of 30000 x 2 pixels: expected"):
            list(data.test.dataset)


@contextmanager
def somebody():
    """Root may read everything: be nobody for a while."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class TestWhatCannotBeRead:
    @pytest.fixture
    def open_root(self):
        """A folder that everybody may enter."""
        root = Path(tempfile.mkdtemp())
        for part in ("train", "test"):
            fill(root / part / "cat")
        root.chmod(0o755)
        load(root)  # whatever is imported on the way is imported by somebody who may
        yield root
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755)
        shutil.rmtree(root)

    @pytest.mark.parametrize("name", ["train", "test", "train/cat", "."])
    def test_a_folder(self, open_root, name):
        (open_root / name).chmod(0)
        with somebody():
            message = refusal(open_root)
        assert "expected a folder that can be read, got: Permission denied" in message
        assert message.startswith(str(open_root))

    def test_a_picture(self, open_root):
        (open_root / "test" / "cat" / "0.png").chmod(0)
        with somebody():
            data = load(open_root)
            with pytest.raises(DataError, match=r"0\.png: expected .*Permission denied"):
                list(data.test.dataset)

    def test_a_place_that_is_no_folder(self, tmp_path):
        (tmp_path / "file").touch()
        assert "expected train and test (or val) folders" in refusal(tmp_path, need_train=False)
        assert "got a file; did you mean" in refusal(tmp_path / "file")
        assert "got no such folder" in refusal(tmp_path / "none")
        assert "expected a folder that can be read, got: " in refusal("nul\0byte")
        assert "File name too long" in refusal("x" * 5000)
