"""One picture file as a viewer shows it: red, green and blue of 8 bits, the right way up.

What each mode and depth becomes, and why, is told in docs/data.md.
"""

import math
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from pemn_compress.errors import DataError

Result = TypeVar("Result")

EXTENSIONS = (
    ".avif", ".bmp", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm",
    ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
# A file is opened as one of these whatever its name says: not as PostScript, which is a program.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
# The extensions under which pictures of 32 bits a pixel come, whose white no file tells.
DEEP_EXTENSIONS = (".tif", ".tiff", ".pgm", ".ppm", ".pnm")
_BITS, _PHOTOMETRIC, _ORIENTATION, _SAMPLE_FORMAT = 258, 262, 274, 339  # tags of TIFF and EXIF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DEPTHS = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)  # 8, 10, 12, 14 and 16 bits
_WHITES = {"I": (*_DEPTHS, 2.0**31 - 1, 2.0**32 - 1), "F": (1.0, *_DEPTHS)}
_OVER = {"I": 1.0, "F": 1.1}  # resampling overshoots white a little
_DARKEST = 1 / 8  # a set that stays below this share of a white was surely not meant for it


@dataclass(frozen=True)
class Whites:
    """The values that are white in pictures of 32-bit integers (I) and of floats (F)."""

    integer: float = 65535.0
    real: float = 1.0


def read_picture(path: str, whites: Whites | None = None) -> Image.Image:
    """Return a file's first picture, mode RGB. Raises DataError, with the path, if it cannot."""
    return _opened(path, lambda image: _as_rgb(image, whites or Whites()))


def measure_whites(paths: list[str]) -> Whites:
    """Return what is white in a set of pictures: the least of the usual values that holds them all.

    No file tells it, and a picture alone cannot: a dark one would come out bright. Only files that
    may be of 32 bits a pixel are opened, and only such pictures are read. Raises DataError.
    """
    found: dict[str, tuple[float, str]] = {}
    for path in paths:
        if path.lower().endswith(DEEP_EXTENSIONS):
            kind, largest = _opened(path, _largest)
            if kind and largest > found.get(kind, (0.0, ""))[0]:
                found[kind] = largest, path
    whites = {kind: _white(kind, *most) for kind, most in found.items()}
    return Whites(whites.get("I", 65535.0), whites.get("F", 1.0))


def _white(kind: str, largest: float, path: str) -> float:
    usual = _WHITES[kind]
    white = next((value for value in usual if largest <= value * _OVER[kind]), math.inf)
    if white > usual[0] and largest < white * _DARKEST:
        raise DataError(
            f"{shown(path)}: a picture of 32 bits a pixel whose largest value is {largest:g}: "
            "expected one that reaches up to 1, 255, 65535 or the type's own largest; "
            "scale it to 8 or 16 bits"
        )
    return white


def shown(path: object) -> str:
    """Return a path as messages show it: on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(path))


def _opened(path: str, use: Callable[[Image.Image], Result]) -> Result:
    """Open a file and return what `use` makes of it; whatever goes wrong is one line."""
    where = shown(path)
    try:
        if not os.path.getsize(path):
            raise DataError(f"{where}: expected an image, got an empty file")
        # Pillow's own warnings (palettes, odd metadata, sizes) name no file and change nothing here
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_formats()) as image:
                _check_size(image.size, where)
                return use(image)
    except DataError as error:
        told = str(error)
        raise DataError(told if told.startswith(where) else f"{where}: {told}") from None
    except UnidentifiedImageError:
        raise DataError(
            f"{where}: expected an image ({', '.join(_formats())}), got a file of no such kind"
        ) from None
    except Exception as error:  # decoders raise many kinds for what is broken
        got = getattr(error, "strerror", None) or " ".join(str(error).split())
        got = shown(got or type(error).__name__)
        raise DataError(f"{where}: expected an image that can be read, got: {got}") from None


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _check_size(size: tuple[int, int], where: str) -> None:
    largest = Image.MAX_IMAGE_PIXELS
    if largest is not None and size[0] * size[1] > largest:
        raise DataError(
            f"{where}: expected an image of at most {largest:,} pixels, got {size[0]} x {size[1]}"
        )


def _as_rgb(image: Image.Image, whites: Whites) -> Image.Image:
    image.load()
    turn = _TURNS.get(_orientation(image))
    seen = _converted(image, whites)
    return seen if turn is None else seen.transpose(turn)


def _converted(image: Image.Image, whites: Whites) -> Image.Image:
    """Return the picture as RGB, as it is stored."""
    clear = image.info.get("transparency")
    if image.mode.startswith("I;16"):
        grey = _sixteen_bits(image)
        shades = Image.fromarray((grey >> (_bits(image) - 8)).astype(np.uint8))
        if not isinstance(clear, int):
            return shades.convert("RGB")
        image = Image.merge("LA", (shades, Image.fromarray((grey != clear).astype(np.uint8) * 255)))
    elif image.mode in ("I", "F"):
        white = whites.real if image.mode == "F" else whites.integer
        if image.format in ("PNG", "PPM") and image.mode == "I":
            white = 65535.0  # Pillow scales PGM to that, and gave 16-bit PNG so before version 11
        values = np.clip(_thirty_two_bits(image) / white, 0, 1)
        return Image.fromarray(np.floor(values * 255 + 0.5).astype(np.uint8)).convert("RGB")
    elif image.mode == "LAB":
        return _from_lab(image)
    elif image.mode == "1":
        image = image.convert("L")  # carries its transparency along, as 0 or 255
    if image.mode[-1] in "Aa" or clear is not None:
        # what lies under transparent pixels is anything at all: a viewer shows its background
        seen = image.convert("LA" if image.mode == "La" else "RGBA").convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image.convert("RGB")


def _orientation(image: Image.Image) -> Any:
    """Return how the camera was held, 1 to 8; Pillow has turned TIFF by now."""
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # of metadata that cannot be read: they turn nothing
        return None


def _bits(image: Image.Image) -> int:
    tags = getattr(image, "tag_v2", {})
    return 12 if tags.get(_BITS) in (12, (12,)) else 16


def _sixteen_bits(image: Image.Image) -> NDArray[Any]:
    grey = np.array(image).astype(np.uint16)
    tags = getattr(image, "tag_v2", {})
    return 65535 - grey if tags.get(_PHOTOMETRIC) == 0 else grey


def _thirty_two_bits(image: Image.Image) -> NDArray[np.float64]:
    values = np.array(image)
    tags = getattr(image, "tag_v2", {})
    if image.mode == "I" and image.format == "TIFF" and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1:
        values = values.view(np.uint32)  # Pillow has no mode of its own for unsigned ones
    wide = values.astype(np.float64)
    if not np.isfinite(wide).all() or wide.min() < 0:
        raise DataError(
            "a picture of 32 bits a pixel: expected finite values from 0, "
            f"got {'negative ones' if np.isfinite(wide).all() else 'NaN or infinity'}"
        )
    return wide


def _largest(image: Image.Image) -> tuple[str, float]:
    if image.mode not in _WHITES or (image.format == "PPM" and image.mode == "I"):
        return "", 0.0
    return image.mode, float(_thirty_two_bits(image).max())


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    made = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert made is not None
    return made
