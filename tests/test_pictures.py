"""Picture files: each mode and depth as a viewer shows it, and one line for each that is broken."""

import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from pemn_compress.data.pictures import Whites, measure_whites, read_picture
from pemn_compress.errors import DataError

LEVELS = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
GREY = Image.fromarray(LEVELS)
COLOUR = Image.merge(
    "RGB", [GREY, GREY.transpose(Image.Transpose.FLIP_LEFT_RIGHT), Image.new("L", GREY.size, 77)]
)


def pixels(path, whites=None):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = read_picture(str(path), whites)
    assert picture.mode == "RGB"
    return np.array(picture)


def as_rgb(image):
    return np.array(image.convert("RGB")).astype(int)


def set_tag(path, tag, value):
    """Change a short value in a little-endian TIFF's first directory."""
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, at)[0] == tag:
            struct.pack_into("<H", content, at + 8, value)
            path.write_bytes(content)
            return
    raise AssertionError(f"no tag {tag}")


class TestDepths:
    @pytest.mark.parametrize(
        ("name", "order"),
        [("x.png", "<u2"), ("x.png", ">u2"), ("x.tif", "<u2"), ("x.tif", ">u2"), ("x.pgm", "<u2")],
    )
    def test_grey_of_16_bits_keeps_its_levels(self, tmp_path, name, order):
        deep = Image.fromarray((LEVELS.astype(order) * 257).astype(order))
        deep.save(tmp_path / name)
        assert np.array_equal(pixels(tmp_path / name), as_rgb(GREY))

    def test_grey_and_colour_of_16_bits_agree(self, tmp_path):
        values = np.arange(0, 65536, 97, dtype=np.uint16)[None]
        Image.fromarray(values).save(tmp_path / "grey.png")
        assert np.array_equal(pixels(tmp_path / "grey.png")[0, :, 0], values[0] >> 8)

    @pytest.mark.parametrize(
        ("dtype", "white"),
        [(np.int32, white) for white in (255, 4095, 65535, 2**31 - 1)]
        + [(np.float32, white) for white in (1, 255, 4095, 65535)],
    )
    def test_32_bits_a_pixel_have_the_white_of_their_set(self, tmp_path, dtype, white):
        values = np.floor(LEVELS / 255 * white) if dtype == np.int32 else LEVELS / 255 * white
        Image.fromarray(values.astype(dtype)).save(tmp_path / "bright.tif")
        Image.fromarray((values / 16).astype(dtype)).save(tmp_path / "dark.tif")
        files = [str(tmp_path / name) for name in ("bright.tif", "dark.tif")]
        whites = measure_whites(files)
        assert np.abs(pixels(files[0], whites) - as_rgb(GREY)).max() <= 1
        assert np.abs(pixels(files[1], whites) - as_rgb(GREY) / 16).max() <= 1

    def test_a_little_more_than_white_is_white(self, tmp_path):
        Image.fromarray((LEVELS / 250).astype(np.float32)).save(tmp_path / "x.tif")
        found = pixels(tmp_path / "x.tif", measure_whites([str(tmp_path / "x.tif")]))
        assert found[0, 250:, 0].tolist() == [255] * 6

    def test_12_bits_in_a_tiff(self, tmp_path):
        tags = [(256, 3, 2), (257, 3, 1), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 8),
                (277, 3, 1), (278, 3, 1), (279, 4, 3)]  # fmt: skip
        content = b"II*\0" + struct.pack("<I", 12) + b"\xff\xf8\0\0" + struct.pack("<H", len(tags))
        content += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
        (tmp_path / "x.tif").write_bytes(content + bytes(4))  # two pixels: 0xfff and 0x800
        assert pixels(tmp_path / "x.tif")[0, :, 0].tolist() == [255, 128]

    def test_unsigned_ones_of_32_bits(self, tmp_path):
        path = tmp_path / "u.tif"
        values = (LEVELS.astype(np.int64) * 16843009).astype(np.uint32)
        Image.fromarray(values.view(np.int32)).save(path)
        set_tag(path, 339, 1)  # the format of samples: unsigned
        assert np.abs(pixels(path, measure_whites([str(path)])) - as_rgb(GREY)).max() <= 1

    def test_where_0_is_white_the_picture_is_no_negative(self, tmp_path):
        path = tmp_path / "inverse.tif"
        Image.fromarray(65535 - LEVELS.astype(np.uint16) * 257).save(path)
        set_tag(path, 262, 0)  # what 0 looks like: white
        assert np.array_equal(pixels(path), as_rgb(GREY))

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (np.array([[1, -4]], np.int32), "expected finite values from 0, got negative ones"),
            (np.array([[1, np.nan]], np.float32), "got NaN or infinity"),
            (np.array([[1, 100_000]], np.int32), "whose largest value is 100000: expected"),
            (np.array([[1, 1e9]], np.float32), "whose largest value is 1e+09"),
            (np.array([[0.5, 20]], np.float32), "whose largest value is 20: expected"),
        ],
    )
    def test_what_has_no_white_is_told_with_its_file(self, tmp_path, values, message):
        path = tmp_path / "odd.tif"
        Image.fromarray(values).save(path)
        with pytest.raises(DataError) as caught:
            measure_whites([str(path)])
        assert str(caught.value).startswith(f"{path}: ")
        assert message in str(caught.value)

    def test_only_files_that_may_be_so_deep_are_opened(self):
        assert measure_whites(["no/such.png", "no/such.jpg"]) == Whites(65535, 1)


class TestModes:
    @pytest.mark.parametrize(
        ("mode", "extension"),
        [
            (mode, extension)
            for mode in ("1", "L", "LA", "P", "RGB", "RGBA")
            for extension in ("png", "tif")
        ]
        + [("PA", "tif"), ("CMYK", "tif"), ("YCbCr", "tif"), ("P", "gif"), ("RGB", "bmp")],
    )
    def test_each_looks_as_pillow_shows_it(self, tmp_path, mode, extension):
        image = COLOUR.convert("P").convert("PA") if mode == "PA" else COLOUR.convert(mode)
        image.save(tmp_path / f"x.{extension}")
        assert np.array_equal(pixels(tmp_path / f"x.{extension}"), as_rgb(image))

    def test_cmyk_in_a_jpeg(self, tmp_path):
        flat = Image.new("RGB", (16, 16), (200, 40, 90))
        flat.convert("CMYK").save(tmp_path / "x.jpg", quality=100)
        assert np.abs(pixels(tmp_path / "x.jpg") - as_rgb(flat)).max() <= 4

    def test_lab(self, tmp_path):
        rng = np.random.default_rng(0)
        image = Image.fromarray(rng.integers(60, 200, (8, 8, 3), dtype=np.uint8))
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB").save(tmp_path / "x.tif")
        assert np.abs(pixels(tmp_path / "x.tif") - as_rgb(image)).max() <= 10

    @pytest.mark.parametrize("extension", ["gif", "webp", "png", "tif"])
    def test_of_several_pictures_the_first_counts(self, tmp_path, extension):
        frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
        told = {"lossless": True} if extension == "webp" else {}
        path = tmp_path / f"x.{extension}"
        frames[0].save(path, save_all=True, append_images=frames[1:], **told)
        assert pixels(path)[0, 0].tolist() == [255, 0, 0]

    def test_the_kind_is_the_files_own_whatever_its_name(self, tmp_path):
        COLOUR.save(tmp_path / "x.bmp")
        (tmp_path / "x.bmp").rename(tmp_path / "x.png")
        assert np.array_equal(pixels(tmp_path / "x.png"), as_rgb(COLOUR))


class TestTransparency:
    """What lies under transparent pixels is anything at all; a viewer shows white there."""

    def check(self, path, clear):
        """Pixels where `clear` is True are white, the others as they were."""
        found = pixels(path)
        assert clear.any()
        assert (found[clear] == 255).all()
        assert not (found[~clear] == 255).all(1).any()

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    @pytest.mark.parametrize("extension", ["png", "tif", "webp"])
    def test_of_pixels(self, tmp_path, mode, extension):
        clear = np.zeros((4, 256), bool)
        clear[:, 40:120] = True
        image = COLOUR.convert(mode)
        image.putalpha(Image.fromarray(np.where(clear, 0, 255).astype(np.uint8)))
        image = image if mode == "LA" and extension != "webp" else image.convert("RGBA")
        image.save(
            tmp_path / f"x.{extension}", **({"lossless": True} if extension == "webp" else {})
        )
        self.check(tmp_path / f"x.{extension}", clear)

    def test_half_of_it(self, tmp_path):
        Image.new("RGBA", (2, 2), (255, 0, 0, 51)).save(tmp_path / "x.png")
        assert pixels(tmp_path / "x.png")[0, 0].tolist() == [255, 204, 204]

    @pytest.mark.parametrize("extension", ["png", "gif"])
    def test_of_one_colour_of_a_palette(self, tmp_path, extension):
        image = COLOUR.quantize(16)
        image.save(tmp_path / f"x.{extension}", transparency=3)
        self.check(tmp_path / f"x.{extension}", np.array(image) == 3)

    def test_of_several_colours_of_a_palette_without_a_warning(self, tmp_path):
        image = COLOUR.quantize(16)
        image.save(tmp_path / "x.png", transparency=bytes([0] * 4 + [255] * 12))
        self.check(tmp_path / "x.png", np.array(image) < 4)

    def test_of_one_shade_or_colour(self, tmp_path):
        GREY.save(tmp_path / "grey.png", transparency=7)
        COLOUR.save(tmp_path / "colour.png", transparency=(5, 250, 77))
        Image.fromarray(LEVELS.astype(np.uint16) * 257).save(
            tmp_path / "deep.png", transparency=7 * 257
        )
        assert pixels(tmp_path / "grey.png")[0, 6:9, 0].tolist() == [6, 255, 8]
        assert pixels(tmp_path / "colour.png")[0, 4:7, 0].tolist() == [4, 255, 6]
        assert pixels(tmp_path / "deep.png")[0, 6:9, 0].tolist() == [6, 255, 8]

    def test_of_black_in_two_shades(self, tmp_path):
        GREY.convert("1").save(tmp_path / "x.png", transparency=0)
        assert (pixels(tmp_path / "x.png") == 255).all()


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tif"])
    def test_pictures_are_the_right_way_up(self, tmp_path, orientation, extension):
        exif = Image.Exif()
        exif[274] = orientation
        options = {"webp": {"lossless": True}, "jpg": {"quality": 100}}.get(extension, {})
        path = tmp_path / f"x.{extension}"
        COLOUR.crop((0, 0, 24, 4)).save(path, exif=exif, **options)
        with Image.open(path) as image:
            expected = image if extension == "tif" else ImageOps.exif_transpose(image)
            assert np.array_equal(pixels(path), as_rgb(expected))
        assert (pixels(path).shape[0] == 24) == (orientation > 4)

    def test_a_deep_one_is_turned_too(self, tmp_path):
        exif = Image.Exif()
        exif[274] = 6
        Image.fromarray(LEVELS.astype(np.uint16) * 257).save(tmp_path / "x.png", exif=exif)
        assert np.array_equal(pixels(tmp_path / "x.png"), np.rot90(as_rgb(GREY), -1))

    def test_broken_metadata_turn_nothing(self, tmp_path):
        COLOUR.save(tmp_path / "x.png", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
        assert np.array_equal(pixels(tmp_path / "x.png"), as_rgb(COLOUR))


class TestBroken:
    def told(self, path):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(DataError) as caught:
                read_picture(str(path))
        message = str(caught.value)
        assert message.startswith(f"{path}: expected an image")
        assert "\n" not in message
        return message

    @pytest.mark.parametrize("extension", ["png", "jpg", "gif", "bmp", "webp", "tif"])
    def test_a_file_that_is_cut_short(self, tmp_path, extension):
        rng = np.random.default_rng(0)
        path = tmp_path / f"x.{extension}"
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        self.told(path)

    def test_files_that_are_none(self, tmp_path):
        (tmp_path / "empty.png").touch()
        (tmp_path / "words.png").write_text("not a picture at all")
        (tmp_path / "script.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
        (tmp_path / "folder.png").mkdir()
        assert "got an empty file" in self.told(tmp_path / "empty.png")
        assert "got a file of no such kind" in self.told(tmp_path / "words.png")
        assert "got a file of no such kind" in self.told(tmp_path / "script.png")
        assert "No such file" in self.told(tmp_path / "none.png")
        assert "Is a directory" in self.told(tmp_path / "folder.png")

    def test_ones_that_unpack_to_too_much(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
        for side in (40, 50):  # Pillow warns of the first and refuses the second
            Image.new("L", (side, side)).save(tmp_path / f"{side}.png")
        assert "at most 1,000 pixels, got 40 x 40" in self.told(tmp_path / "40.png")
        assert "2500 pixels" in self.told(tmp_path / "50.png")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
        assert pixels(tmp_path / "50.png").shape == (50, 50, 3)

    def test_a_name_cannot_write_to_the_terminal(self, tmp_path):
        path = tmp_path / "\x1b[31mred.png"
        path.touch()
        with pytest.raises(DataError, match=r"/\\x1b\[31mred.png: expected an image") as caught:
            read_picture(str(path))
        assert str(caught.value).isprintable()
